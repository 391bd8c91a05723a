"""Train the five seeds that chapter 2 compares, and record them with their provenance in assets/ch02.

    python scripts/record_ch02.py

Five to ten minutes on one core. The chapter trains seed 0 again, live, with the same settings.
"""

import dataclasses
import datetime
import json
import platform
import subprocess
from pathlib import Path

import torch

from saw_edu.agents import GCBC, GCIVL
from saw_edu.envs import PointMaze, navigate
from saw_edu.training import TrainingConfig, train

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "assets" / "ch02"
SEEDS = 5


def main() -> None:
    """Write gcbc.pt, gcivl.pt and provenance.json."""
    torch.set_num_threads(1)
    world = {"layout": "medium", "step_size": 1.0, "features": "fourier", "max_steps": 150}
    play = {"episodes": 500, "length": 200, "noise": 0.5, "seed": 0}
    config = TrainingConfig(steps=4000, batch_size=256, learning_rate=1e-3, final_learning_rate=1e-4, tau=0.02)
    nets = (128, 128)
    agents = {
        "gcbc": GCBC(actor_hidden_dims=nets),
        "gcivl": GCIVL(value_hidden_dims=nets, actor_hidden_dims=nets, discount=0.98, expectile=0.9, alpha=10.0),
    }
    data = navigate(
        PointMaze(**world),
        play["episodes"],
        play["length"],
        play["noise"],
        torch.Generator().manual_seed(play["seed"]),
    )
    for name, agent in agents.items():
        train(agent, data, config, seeds=SEEDS).save(FOLDER / f"{name}.pt")
    provenance = {
        "command": "python scripts/record_ch02.py",
        "commit": _git("rev-parse", "HEAD"),
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "machine": f"{platform.machine()} CPU, one torch thread",
        "torch": torch.__version__,
        "world": world,
        "play": play,
        "training": dataclasses.asdict(config),
        "agents": {name: dataclasses.asdict(agent) for name, agent in agents.items()},
        "seeds": SEEDS,
    }
    (FOLDER / "provenance.json").write_text(json.dumps(provenance, indent=2) + "\n", encoding="utf-8")


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"


if __name__ == "__main__":
    main()
