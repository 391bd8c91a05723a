"""How far a loss and its gradient are from float64's, in each precision that training may use."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from saw_edu.agents import Agent
from saw_edu.bench.library import sized_agent
from saw_edu.data import Batch, HindsightSampler, Trajectories
from saw_edu.training import Learner, TrainingConfig
from saw_edu.training.fused import set_matmul_precision


@dataclass(frozen=True)
class PrecisionError:
    """How far one loss and its gradient are from float64's, relative, on the same batch and networks."""

    agent: str
    size: str
    precision: str
    loss: float
    gradient: float  # ||g - g64|| / ||g64|| over all parameters


def precision_errors(
    agents: Sequence[str],
    sizes: dict[str, tuple[tuple[int, ...], int]],
    precisions: Sequence[str],
    data: Trajectories,
    device: str = "cpu",
) -> list[PrecisionError]:
    """What each precision does to the loss and gradient of one batch, before training.

    sizes: hidden layers and rows of a batch, by name.
    """
    errors = []
    for size, (hidden_dims, batch_size) in sizes.items():
        for name in agents:
            agent = sized_agent(name, hidden_dims)
            sampler = HindsightSampler(data, agent.goals, agent.discount, agent.subgoal_steps)
            batch = sampler.sample(batch_size, torch.Generator().manual_seed(0))
            exact_loss, exact = _loss_and_gradient(agent, data, batch, "float32", device, torch.float64)
            for precision in precisions:
                loss, gradient = _loss_and_gradient(agent, data, batch, precision, device, torch.float32)
                errors.append(
                    PrecisionError(
                        agent=name,
                        size=size,
                        precision=precision,
                        loss=float((loss - exact_loss).abs() / exact_loss.abs()),
                        gradient=float((gradient - exact).norm() / exact.norm()),
                    )
                )
    return errors


def _loss_and_gradient(
    agent: Agent, data: Trajectories, batch: Batch, precision: str, device: str, dtype: torch.dtype
) -> tuple[Tensor, Tensor]:
    """The loss and the gradient of all parameters in a row, in float64."""
    config = TrainingConfig(precision=precision)  # type: ignore[arg-type]
    set_matmul_precision(config, device)
    networks = agent.networks(data.spec(), torch.Generator().manual_seed(0)).to(device=device, dtype=dtype)
    learner = Learner(agent, networks, config)
    entries = [x if x is None else x.to(device, dtype if x.is_floating_point() else x.dtype) for x in batch]
    loss, _ = learner.loss(Batch(*entries))  # type: ignore[arg-type]
    loss.backward()
    gradients = [p.grad.double().reshape(-1) for p in networks.parameters() if p.grad is not None]
    return loss.detach().double(), torch.cat(gradients)


def table(errors: Sequence[PrecisionError]) -> str:
    """The errors as text."""
    lines = ["relative error against float64 of one batch's loss and gradient, before training"]
    lines.append(f"{'agent':7}{'size':7}{'precision':10}{'loss':>9}{'gradient':>10}")
    lines += [f"{e.agent:7}{e.size:7}{e.precision:10}{e.loss:9.1e}{e.gradient:10.1e}" for e in errors]
    return "\n".join(lines)
