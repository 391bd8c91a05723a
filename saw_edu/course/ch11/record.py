"""Chapter 11's recorded results, in assets/ch11: `saw-edu record ch11` makes them again."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd

from saw_edu.course.ch11 import umaze
from saw_edu.course.recording import Recorder

BLOCKS = 10  # rows of a learning curve


def learn(name: str, seed: int, path: Path, steps: int = umaze.STEPS) -> pd.DataFrame:
    """Learning curve of an agent, from a checkpoint as far as there is one: kind, seed, step, arrivals, success.

    Arrivals are of the last block, for each world and 50 steps: about the share of episodes that arrive.
    """
    agent = umaze.make_agent(name, seed)
    rows: list[dict[str, Any]] = []
    table = path.with_suffix(".csv")
    if path.exists():
        agent.restore(path)
        rows = pd.read_csv(table).to_dict("records")  # type: ignore[assignment]
    per_block = umaze.rounds_of(name, steps // BLOCKS)
    while len(rows) < BLOCKS:
        arrivals = agent.train((len(rows) + 1) * per_block - agent.rounds, progress=False)[-per_block:]
        per_episode = sum(arrivals) * umaze.PLAY.horizon / (steps // BLOCKS)
        step = (len(rows) + 1) * (steps // BLOCKS)
        found = {"arrivals": per_episode, "success": umaze.success(agent)}
        rows.append({"kind": name, "seed": seed, "step": step, **found})
        pd.DataFrame(rows).to_csv(table, index=False)
        agent.save(path)
    return pd.DataFrame(rows)


def _make(part: str, work: Path) -> None:
    name, seed = part.rsplit("-", 1)
    (work / part).mkdir(parents=True, exist_ok=True)
    learn(name, int(seed), work / part / "agent.pt")


PARTS = tuple(f"{name}-{seed}" for seed in range(umaze.SEEDS) for name in umaze.KINDS)


def _gather(work: Path, folder: Path) -> dict[str, Any]:
    folder.mkdir(parents=True, exist_ok=True)
    tables = [pd.read_csv(work / part / "agent.csv") for part in PARTS]
    pd.concat(tables).round(4).to_csv(folder / "curves.csv", index=False)
    return {
        "seeds": list(range(umaze.SEEDS)),
        "steps": umaze.STEPS,
        "rule": asdict(umaze.CONFIG),
        "hierarchy": asdict(umaze.HIERARCHY),
        "files": "curves.csv: arrivals while exploring (for each world and 50 steps) and success without noise",
    }


RECORDER = Recorder("flat TD3 and HIRO round a corner, a reward only at the goal", "ch11", PARTS, _make, _gather)
