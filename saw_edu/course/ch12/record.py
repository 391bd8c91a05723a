"""Chapter 12's recorded results, in assets/ch12: `saw-edu record ch12` makes them again."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd

from saw_edu.course.ch12 import language
from saw_edu.course.recording import Recorder
from saw_edu.place import write_text


def _make(part: str, work: Path) -> None:
    """All variants of one seed; what a stopped recording had finished is kept."""
    (work / part).mkdir(parents=True, exist_ok=True)
    for variant in language.VARIANTS:
        path = work / part / f"{variant}.csv"
        if not path.exists():
            write_text(path, language.curve(variant, int(part.removeprefix("seed-"))).to_csv(index=False))


def _gather(work: Path, folder: Path) -> dict[str, Any]:
    """One table of all seeds."""
    tables = [pd.read_csv(work / part / f"{v}.csv") for part in RECORDER.parts for v in language.VARIANTS]
    folder.mkdir(parents=True, exist_ok=True)
    pd.concat(tables).round(4).to_csv(folder / "curves.csv", index=False)
    return {
        "seeds": list(range(language.SEEDS)),
        "rounds": language.ROUNDS,
        "config": asdict(language.CONFIG),
        "files": "curves.csv: success of low levels as they learn",
    }


RECORDER = Recorder(
    "low levels that are told one fact in two wordings, with hindsight of several kinds",
    "ch12",
    tuple(f"seed-{seed}" for seed in range(language.SEEDS)),
    _make,
    _gather,
)
