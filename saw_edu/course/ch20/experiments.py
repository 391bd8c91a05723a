"""Chapter 20's measurements: where an update's time goes, seeds side by side, schedules, and what a plan can detect."""

from __future__ import annotations

import statistics
from dataclasses import dataclass

import numpy as np
import torch
from scipy import stats
from torch import Tensor
from tqdm.auto import tqdm

from saw_edu.bench.library import (
    flops_of_update,
    interleaved,
    make_run,
    matrix_product,
    meter,
    ratio,
    sized_agent,
    step,
)
from saw_edu.data import Trajectories
from saw_edu.training import TrainingConfig

BATCH = 256


@dataclass(frozen=True)
class Update:
    """One agent's update at one width."""

    width: int
    milliseconds: float
    drawing: float  # of them, for the batch
    flops: int
    floor: float  # milliseconds: its operations at the rate of a matrix product measured in the same rounds


def noise(episodes: int = 50, length: int = 200) -> Trajectories:
    """Random walks with antmaze's sizes: for speed it does not matter what the numbers are."""
    generator = torch.Generator().manual_seed(0)
    rows = episodes * (length + 1)
    actions = torch.rand(rows, 8, generator=generator) * 2 - 1
    return Trajectories(
        torch.randn(rows, 29, generator=generator), actions, torch.arange(length + 1, rows + 1, length + 1)
    )


def updates(name: str, widths: tuple[int, ...], seconds: float, rounds: int = 3) -> list[Update]:
    """Updates of an agent with two hidden layers of each width; all take turns with their limit."""
    data, found = noise(), []
    for width in tqdm(widths, unit=" widths"):
        agent = sized_agent(name, (width, width))
        run = make_run(agent, data, TrainingConfig(batch_size=BATCH))
        product, product_flops = matrix_product(BATCH, width)
        meters = {"update": meter(lambda run=run: step(run)), "draw": meter(run.draw), "product": meter(product)}  # type: ignore[misc]
        rates = interleaved(meters, seconds, rounds)
        flops = flops_of_update(agent, data, BATCH)
        took = 1e3 / statistics.median(rates["update"])
        found.append(
            Update(
                width=width,
                milliseconds=took,
                drawing=took * ratio(rates["update"], rates["draw"]),
                flops=flops,
                floor=took * ratio(rates["update"], rates["product"]) * flops / product_flops,
            )
        )
    return found


def nets(seeds: int, width: int) -> tuple[Tensor, Tensor, Tensor]:
    """Inputs (S, 256, width), weights (S, width, width) and biases (S, width) of a layer for each seed."""
    generator = torch.Generator().manual_seed(0)
    return (
        torch.randn(seeds, BATCH, width, generator=generator),
        torch.randn(seeds, width, width, generator=generator) / width**0.5,
        torch.randn(seeds, width, generator=generator),
    )


def detected(difference: float, deviation: float, n: int, plans: int = 2000, seed: int = 0) -> float:
    """How often a t interval over n paired differences lies above 0, where the true mean difference is `difference`."""
    draws = np.random.default_rng(seed).normal(difference, deviation, (plans, n))
    half = stats.t.ppf(0.975, n - 1) * draws.std(axis=1, ddof=1) / np.sqrt(n)
    return float((draws.mean(axis=1) - half > 0).mean())
