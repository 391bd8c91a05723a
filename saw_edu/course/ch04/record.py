"""Chapter 4's learned levels, in assets/ch04: `saw-edu record ch04` makes them again."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from saw_edu.course.ch04 import levels
from saw_edu.course.recording import Recorder


def _make(part: str, work: Path) -> None:
    seed = int(part.removeprefix("seed-"))
    nets = levels.learn(levels.demonstrations(seed), seed)
    (work / part).mkdir(parents=True, exist_ok=True)
    torch.save(levels.state(nets), work / part / "levels.pt")


def _gather(work: Path, folder: Path) -> dict[str, Any]:
    folder.mkdir(parents=True, exist_ok=True)
    states = {part: torch.load(work / part / "levels.pt", weights_only=True) for part in RECORDER.parts}
    torch.save(states, folder / "levels.pt")
    return {
        "seeds": list(levels.SEEDS),
        "demonstrations": levels.DEMONSTRATIONS,
        "config": asdict(levels.CONFIG),
        "files": "levels.pt: high and low level and two detectors of every seed, in half precision",
    }


RECORDER = Recorder(
    "two levels of TinyPacking and two detectors, learned from demonstrations",
    "ch04",
    tuple(f"seed-{seed}" for seed in levels.SEEDS),
    _make,
    _gather,
)
