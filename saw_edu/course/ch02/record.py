"""The seeds that chapter 2 compares, in assets/ch02: `saw-edu record ch02` trains them again.

The chapter trains seed 0 of `gcbc` and `gcivl` again, live, with the same settings.
"""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path
from typing import Any

import torch

from saw_edu.agents import GCBC, GCIVL, Agent
from saw_edu.course.recording import Recorder
from saw_edu.envs import PointMaze, navigate
from saw_edu.training import TrainingConfig, train

SEEDS = 5
WORLD: dict[str, Any] = {"layout": "medium", "step_size": 1.0, "features": "fourier", "max_steps": 150}
PLAY: dict[str, Any] = {"episodes": 500, "length": 200, "noise": 0.5, "seed": 0}
AGENTS: dict[str, Agent] = {
    "gcbc": GCBC(policy_hidden_dims=(128, 128)),
    "gcivl": GCIVL(
        value_hidden_dims=(128, 128), policy_hidden_dims=(128, 128), discount=0.98, expectile=0.9, alpha=10.0
    ),
}
CONFIG = TrainingConfig(steps=4000, batch_size=256, learning_rate=1e-3, final_learning_rate=1e-4, tau=0.02)
LONGER = dataclasses.replace(CONFIG, steps=8000)
# name -> agent, training, which networks are kept (None: all)
RECORDS: dict[str, tuple[str, TrainingConfig, tuple[str, ...] | None]] = {
    "gcbc": ("gcbc", CONFIG, None),
    "gcivl": ("gcivl", CONFIG, None),
    "gcivl_8000": ("gcivl", LONGER, ("policy",)),
    "gcbc_8000": ("gcbc", LONGER, ("policy",)),
}


def _make(part: str, work: Path) -> None:
    generator = torch.Generator().manual_seed(PLAY["seed"])
    data = navigate(PointMaze(**WORLD), PLAY["episodes"], PLAY["length"], PLAY["noise"], generator)
    name, config, keep = RECORDS[part]
    result = train(AGENTS[name], data, config, seeds=SEEDS, checkpoints=work / part / "checkpoints")
    result.save(work / part / "networks.pt", keep)


def _gather(work: Path, folder: Path) -> dict[str, Any]:
    folder.mkdir(parents=True, exist_ok=True)
    for part in RECORDS:
        shutil.copy(work / part / "networks.pt", folder / f"{part}.pt")
    return {
        "world": WORLD,
        "play": PLAY,
        "seeds": list(range(SEEDS)),
        "agents": {part: repr(AGENTS[name]) for part, (name, _, _) in RECORDS.items()},
        "training": {part: dataclasses.asdict(config) for part, (_, config, _) in RECORDS.items()},
        "files": "<part>.pt: networks of all seeds",
    }


RECORDER = Recorder("GCBC and GCIVL in the medium maze", "ch02", tuple(RECORDS), _make, _gather)
