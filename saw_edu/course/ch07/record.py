"""Chapter 7's recorded results, in assets/ch07: `saw-edu record ch07` makes them again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from saw_edu.course.ch07 import packing
from saw_edu.course.ch07.packing import Levels
from saw_edu.course.recording import Recorder

Rounds = Callable[[Levels, int], Iterator[tuple[int, int, Levels]]]
METHODS: dict[str, Rounds] = {
    "corrections": packing.rounds_of_words,
    "corrections, as many as there are": partial(packing.rounds_of_words, share=None),
    "corrections and approved": partial(packing.rounds_of_words, kept="approved"),
    "all words": partial(packing.rounds_of_words, kept="all"),
    "DAgger, high": packing.dagger_high,
    "DAgger, low": packing.dagger_low,
    "DAgger, flat": packing.dagger_flat,
}
PATIENCE = (1, 2, 4, 8)


def before(levels: Levels, coarse_only: Levels, seed: int) -> pd.DataFrame:
    """What demonstrations alone give: who, objects, patience, success, utterances an episode."""
    rows: list[dict[str, Any]] = []
    for objects in (1, 2, 3):
        for who, found in {
            "flat": packing.flat_success(levels.flat, seed, objects),
            "hierarchy": packing.success(levels, seed, objects),
            "plan": packing.with_plan(levels, seed, objects),
        }.items():
            rows.append({"who": who, "objects": objects, "success": found})
    for who, some in {"watched": levels, "watched, coarse words only": coarse_only}.items():
        for patience in PATIENCE:
            log = packing.play(some, 10_000 + seed, packing.EPISODES, beside=packing.person(patience))
            found, said = float(log.success.double().mean()), log.utterances / packing.EPISODES
            rows.append({"who": who, "objects": 3, "patience": patience, "success": found, "utterances": said})
    return pd.DataFrame(rows).assign(seed=seed)


def learning(levels: Levels, seed: int) -> pd.DataFrame:
    """Rounds of each method: method, round, labels (words said, or rows labelled), episodes, success."""
    rows = []
    for method, rounds in METHODS.items():
        for number, (labels, episodes, now) in enumerate([(0, 0, levels), *rounds(levels, seed)]):
            flat = method == "DAgger, flat"
            found = packing.flat_success(now.flat, seed) if flat else packing.success(now, seed)
            rows.append({"method": method, "round": number, "labels": labels, "episodes": episodes, "success": found})
    return pd.DataFrame(rows).assign(seed=seed)


def _make(part: str, work: Path) -> None:
    seed = int(part.removeprefix("seed-"))
    levels = packing.train(seed)
    coarse_only = replace(levels, low=packing.train_low(packing.demonstrations(seed), seed, fine=False))
    (work / part).mkdir(parents=True, exist_ok=True)
    before(levels, coarse_only, seed).to_csv(work / part / "before.csv", index=False)
    learning(levels, seed).to_csv(work / part / "learning.csv", index=False)


PARTS = tuple(f"seed-{seed}" for seed in range(packing.SEEDS))


def _gather(work: Path, folder: Path) -> dict[str, Any]:
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("before", "learning"):
        tables = [pd.read_csv(work / part / f"{name}.csv") for part in PARTS]
        pd.concat(tables).round(4).to_csv(folder / f"{name}.csv", index=False)
    return {
        "seeds": list(range(packing.SEEDS)),
        "demonstrations": packing.DEMONSTRATIONS,
        "episodes watched in a round": packing.WATCHED,
        "training": asdict(packing.TRAINING),
        "tuning": asdict(packing.TUNING),
        "files": f"before.csv: demonstrations alone, and a person beside them; learning.csv: rounds of learning from "
        f"what was said or labelled; {packing.EPISODES} errands each",
    }


RECORDER = Recorder("a hierarchy that is corrected by words, and DAgger on either level", "ch07", PARTS, _make, _gather)
