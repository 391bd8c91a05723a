"""Train the seeds that chapter 2 compares, and record them with their provenance in assets/ch02.

    python -m saw_edu.course.ch02.record                  # everything: ten to twenty minutes on one core
    python -m saw_edu.course.ch02.record gcivl gcivl_8000       # some of it

The chapter trains seed 0 of `gcbc` and `gcivl` again, live, with the same settings.
"""

import dataclasses
import datetime
import json
import platform
import sys
from typing import Any

import torch

from saw_edu.agents import GCBC, GCIVL, Agent
from saw_edu.envs import PointMaze, navigate
from saw_edu.place import course_root
from saw_edu.runs.provenance import commit
from saw_edu.training import TrainingConfig, train

FOLDER = course_root() / "assets" / "ch02"
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


def main(names: list[str]) -> None:
    """Write <name>.pt for each name and its entry in provenance.json."""
    unknown = sorted(set(names) - set(RECORDS))
    if unknown:
        sys.exit(f"unknown records {unknown}: choose among {', '.join(RECORDS)}")
    torch.set_num_threads(1)
    generator = torch.Generator().manual_seed(PLAY["seed"])
    data = navigate(PointMaze(**WORLD), PLAY["episodes"], PLAY["length"], PLAY["noise"], generator)
    for name in names or list(RECORDS):
        agent_name, config, keep = RECORDS[name]
        agent = AGENTS[agent_name]
        train(agent, data, config, seeds=SEEDS).save(FOLDER / f"{name}.pt", keep)
        path = FOLDER / "provenance.json"
        provenance = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        provenance[f"{name}.pt"] = {
            "command": f"python -m saw_edu.course.ch02.record {name}",
            "commit": commit(),
            "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
            "machine": f"{platform.machine()} CPU, one torch thread",
            "torch": torch.__version__,
            "world": WORLD,
            "play": PLAY,
            "agent": {"name": type(agent).__name__, **dataclasses.asdict(agent)},  # type: ignore[call-overload]
            "training": dataclasses.asdict(config),
            "seeds": SEEDS,
        }
        path.write_text(json.dumps(provenance, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
