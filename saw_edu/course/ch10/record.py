"""Chapter 10's recorded results, in assets/ch10: `saw-edu record ch10` makes them again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from saw_edu.course.ch10 import packing, pursuit
from saw_edu.course.recording import Recorder
from saw_edu.hierarchy.dual_rate import DualRate

SEEDS = 5
LEARNED = (2, 4, 8)  # latencies at which high levels of TinyPacking are learned
ROUNDS = 2  # of own roll-outs


@dataclass(frozen=True)
class Row:
    """One number of the table."""

    world: str
    kind: str
    latency: int
    score: float
    turn: float = 0.0
    execute: int = 0


def packing_rows(seed: int) -> Iterator[Row]:
    """TinyPacking: the expert's slow level, waited for or not; learned ones, for now and for later."""

    def row(kind: str, latency: int, policy: DualRate) -> Row:
        return Row("packing", kind, latency, packing.success(policy, seed))

    for latency in packing.LATENCIES:
        yield row("waits", latency, packing.dual_rate(latency, waits=True))
        yield row("goes on", latency, packing.dual_rate(latency))
    generator = torch.Generator().manual_seed(seed)
    shown = packing.walk(packing.dual_rate(0, every=1), packing.DEMONSTRATIONS, generator)
    now = packing.slow_level(packing.train_slow([shown], 0, generator))
    for latency in LEARNED:
        yield row("learned, for now", latency, packing.dual_rate(latency, high=now))
        walks, net = [shown], packing.train_slow([shown], latency, generator)
        yield row("learned, for later", latency, packing.dual_rate(latency, high=packing.slow_level(net)))
        for _ in range(ROUNDS):
            own = packing.dual_rate(latency, high=packing.slow_level(net))
            walks.append(packing.walk(own, packing.DEMONSTRATIONS // 2, generator))
            net = packing.train_slow(walks[1:], latency, generator)
        yield row("for later, own walks", latency, packing.dual_rate(latency, high=packing.slow_level(net)))


def pursuit_rows(seed: int) -> Iterator[Row]:
    """The ball: commands for now and for later, and chunks, entered where they should be or at their beginning."""
    for turn in pursuit.TURNS:
        generator = torch.Generator().manual_seed(seed)
        balls = pursuit.tracks(200, turn, torch.Generator().manual_seed(1_000 + seed))

        def score(policy: Any, balls: torch.Tensor = balls) -> float:
            return pursuit.caught(policy, balls)

        for latency in pursuit.LATENCIES:
            net = pursuit.train_slow(latency, turn, generator)
            for kind, high in {"for now": pursuit.where_it_is, "for later": pursuit.slow_level(net)}.items():
                two = DualRate(high, pursuit.follow, pursuit.stay, latency, packing.EVERY)
                yield Row("pursuit", kind, latency, score(two), turn)
        plans = pursuit.planner(pursuit.train_plans(turn, generator))
        for delay in (0, 2, 4, 8):
            for execute in (1, 2, 4, 8, 12):
                if delay <= execute <= pursuit.HORIZON - delay:
                    yield Row(
                        "chunks", "entered late", delay, score(pursuit.followed(plans, execute, delay)), turn, execute
                    )
                    begun = pursuit.followed(plans, execute, delay, enter=0)
                    yield Row("chunks", "entered at 0", delay, score(begun), turn, execute)


def _make(part: str, work: Path) -> None:
    (work / part).mkdir(parents=True, exist_ok=True)
    seed = int(part)
    rows = [vars(row) for rows in (packing_rows(seed), pursuit_rows(seed)) for row in rows]
    pd.DataFrame(rows).assign(seed=seed).round(4).to_csv(work / part / "scores.csv", index=False)


def _gather(work: Path, folder: Path) -> dict[str, Any]:
    folder.mkdir(parents=True, exist_ok=True)
    pd.concat([pd.read_csv(work / part / "scores.csv") for part in RECORDER.parts]).to_csv(
        folder / "scores.csv", index=False
    )
    return {
        "seeds": list(range(SEEDS)),
        "updates": {"packing": packing.UPDATES, "pursuit": pursuit.UPDATES},
        "files": "scores.csv: of each seed, success in TinyPacking (200 errands) and ticks at the ball (200 balls)",
    }


RECORDER = Recorder(
    "a slow level's latency: waited for, bridged, trained for; chunks",
    "ch10",
    tuple(str(seed) for seed in range(SEEDS)),
    _make,
    _gather,
)
