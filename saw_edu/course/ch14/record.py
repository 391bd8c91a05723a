"""Chapter 14's recorded results, in assets/ch14: `saw-edu record ch14` makes them again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from saw_edu.course import giant
from saw_edu.course.ch14 import levels
from saw_edu.course.recording import Recorder
from saw_edu.training import TrainingResult, train

FEW_CONFIG = replace(giant.POLICY_CONFIG, steps=2_000)


def level_tables() -> Iterator[pd.DataFrame]:
    """Each level learned or perfect, guesses drawn or made consistent, subgoals held for longer; GCIVL beside them."""
    world = giant.make_world()
    recorded = giant.load("hiql", world.spec)
    seeds, every = recorded.seeds, recorded.networks
    perfect = levels.held(levels.perfect_high(world), levels.perfect_low(world))
    kinds = {
        "both learned": [levels.held(levels.learned_high(n), levels.learned_low(n)) for n in every],
        "perfect high": [levels.held(levels.perfect_high(world), levels.learned_low(n)) for n in every],
        "perfect low": [levels.held(levels.learned_high(n), levels.perfect_low(world)) for n in every],
        "both perfect": [perfect] * len(seeds),
        "consistent": [
            levels.held(levels.consistent(world, levels.learned_high(n)), levels.learned_low(n)) for n in every
        ],
    }
    for spread in levels.SPREADS[1:]:
        drawn = torch.Generator().manual_seed(0)
        kinds[f"spread {spread:g}"] = [
            levels.held(levels.learned_high(n, spread, drawn), levels.learned_low(n)) for n in every
        ]
    for n in levels.HELD[1:]:
        kinds[f"held {n}"] = [levels.held(levels.learned_high(x), levels.learned_low(x), n) for x in every]
    for kind, found in kinds.items():
        yield levels.measure(kind, found, seeds)
    flat = giant.load("gcivl", world.spec)
    yield levels.measure("flat", [levels.flat(policy) for policy in flat.policies], seeds)


def few_tables(walks: int, work: Path) -> Iterator[pd.DataFrame]:
    """Few walks with actions: a flat policy, both levels, and a low level below the recorded high one."""
    world = giant.make_world()
    data = levels.first_walks(giant.make_data(world), walks)
    value, recorded = giant.load("value", world.spec), giant.load("hiql", world.spec)

    def learn(name: str) -> TrainingResult:
        agent = giant.make_agents()[name]
        return train(agent, data, FEW_CONFIG, value.seeds, value_from=value, checkpoints=work / name)

    flat, both = learn("gcivl"), learn("hiql")
    yield levels.measure("flat", [levels.flat(policy) for policy in flat.policies], value.seeds)
    for kind, highs in {"both levels": both.networks, "low level only": recorded.networks}.items():
        found = [
            levels.held(levels.learned_high(high), levels.learned_low(low))
            for high, low in zip(highs, both.networks, strict=True)
        ]
        yield levels.measure(kind, found, value.seeds)


def _make(part: str, work: Path) -> None:
    (work / part).mkdir(parents=True, exist_ok=True)
    if part == "levels":
        table = pd.concat(level_tables()).assign(walks=500)
    else:
        walks = int(part.split("-")[1])
        table = pd.concat(few_tables(walks, work / part / "checkpoints")).assign(walks=walks)
    table.round(4).to_csv(work / part / "success.csv", index=False)


def _gather(work: Path, folder: Path) -> dict[str, Any]:
    folder.mkdir(parents=True, exist_ok=True)
    tables = [pd.read_csv(work / part / "success.csv") for part in RECORDER.parts]
    pd.concat(tables).to_csv(folder / "success.csv", index=False)
    return {
        "seeds": list(range(giant.SEEDS)),
        "networks": "assets/giant; with few walks: their policies learned anew from its value functions",
        "few": vars(FEW_CONFIG),
        "files": "success.csv: of each seed and bin of distance, 50 episodes; temperature .5: N(0, .5) on each action; "
        "walks: how many of 500 had actions",
    }


RECORDER = Recorder(
    "HIQL's two levels, learned or perfect, and with few actions known",
    "ch14",
    ("levels", *(f"few-{walks}" for walks in levels.FEW)),
    _make,
    _gather,
)
