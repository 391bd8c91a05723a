"""Chapter 19's recorded results, in assets/ch19: `saw-edu record ch19` makes them again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from saw_edu.course.ch19 import views
from saw_edu.course.recording import Recorder

SEEDS = 5


def _make(part: str, work: Path) -> None:
    (work / part).mkdir(parents=True, exist_ok=True)
    seed = int(part)
    pd.DataFrame(views.compare(range(seed, seed + 1))).to_csv(work / part / "success.csv", index=False)


def _gather(work: Path, folder: Path) -> dict[str, Any]:
    folder.mkdir(parents=True, exist_ok=True)
    table = pd.concat([pd.read_csv(work / str(seed) / "success.csv") for seed in range(SEEDS)])
    table.round(4).to_csv(folder / "success.csv", index=False)
    return {
        "seeds": list(range(SEEDS)),
        "steps": views.STEPS,
        "batch": views.BATCH,
        "episodes": views.EPISODES,
        "files": "success.csv: success in 60 episodes between random places, actions drawn at .3 and most likely ones",
    }


RECORDER = Recorder(
    "one maze told by numbers or seen in pictures, with crops",
    "ch19",
    tuple(str(seed) for seed in range(SEEDS)),
    _make,
    _gather,
)
