"""Chapter 9's recorded results, in assets/ch09: `saw-edu record ch09` makes them again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from saw_edu.course.ch09 import packing
from saw_edu.course.recording import Recorder
from saw_edu.hierarchy.thoughts import METHODS

MIDDLE = 200  # demonstrations at which everything is asked


def _make(part: str, work: Path) -> None:
    number, seed = map(int, part.split("-"))
    data, rows = packing.demonstrations(number, seed), []
    for method in METHODS:
        mind = packing.learn(method, data, seed)
        found = packing.rows_of(mind, seed, all_of_it=number == MIDDLE)
        rows += [{"number": number, "seed": seed, "parameters": mind.parameters, **row._asdict()} for row in found]
    (work / part).mkdir(parents=True, exist_ok=True)
    pd.DataFrame(rows).to_csv(work / part / "success.csv", index=False)


PARTS = tuple(f"{number}-{seed}" for seed in range(packing.SEEDS) for number in packing.NUMBERS)


def _gather(work: Path, folder: Path) -> dict[str, Any]:
    folder.mkdir(parents=True, exist_ok=True)
    tables = [pd.read_csv(work / part / "success.csv") for part in PARTS]
    pd.concat(tables).round(4).to_csv(folder / "success.csv", index=False)
    return {
        "seeds": list(range(packing.SEEDS)),
        "demonstrations": list(packing.NUMBERS),
        "steps": packing.CLONING.steps,
        "parameters at most": packing.BUDGET,
        "files": f"success.csv: {packing.EPISODES} errands of {packing.OBJECTS} objects; other slips, rarer and wrong "
        f"thoughts at {MIDDLE} demonstrations",
    }


RECORDER = Recorder(
    "flat, an auxiliary loss, chain of thought, two nets, hierarchy: the same labels, data and parameters",
    "ch09",
    PARTS,
    _make,
    _gather,
)
