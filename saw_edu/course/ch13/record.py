"""Chapter 13's recorded results, in assets/ch13: `saw-edu record ch13` makes them again."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from tqdm.auto import tqdm

from saw_edu.course.ch13 import skills as experiment
from saw_edu.course.ch13.task import GOAL_CELLS, learn_task
from saw_edu.course.recording import Recorder
from saw_edu.hierarchy.diayn import DIAYN, Skills

EPISODES = 100
BLOCK = 10  # episodes of which one number is kept


def trained(features: str, seed: int, work: Path, updates: int = experiment.UPDATES) -> DIAYN:
    """An agent after `updates`, from a checkpoint in `work` as far as there is one."""
    agent, path = experiment.make_agent(features, seed), work / f"{features}-{seed}.pt"
    if path.exists():
        agent.restore(path)
    while agent.updates < updates:
        agent.train(min(400, updates - agent.updates), progress=False)
        agent.save(path)
    return agent


def task_table(kind: str, seed: int, skills: Skills | None, episodes: int = EPISODES) -> pd.DataFrame:
    """Share of learners that reach their goal, near goals and far ones, block by block of episodes."""
    world = experiment.make_world() if skills is None else skills.world
    tables = []
    for goals in GOAL_CELLS:
        generator = torch.Generator().manual_seed(2_000 + seed)
        arrived = learn_task(world, skills, goals, episodes, generator).double()
        table = {"episode": range(BLOCK, episodes + 1, BLOCK), "success": arrived.mean(1).view(-1, BLOCK).mean(1)}
        tables.append(pd.DataFrame({"kind": kind, "goals": goals, "seed": seed, **table}))
    return pd.concat(tables)


def _make(part: str, work: Path) -> None:
    features, seed = part.split("-")
    (work / part).mkdir(parents=True, exist_ok=True)
    trained(features, int(seed), work / part)


def _gather(work: Path, folder: Path) -> dict[str, Any]:
    """Measure the skills, and let high levels learn the task."""
    agents = {part: trained(part.split("-")[0], int(part.split("-")[1]), work / part) for part in RECORDER.parts}
    folder.mkdir(parents=True, exist_ok=True)
    torch.save({part: agent.q.state_dict() for part, agent in agents.items()}, folder / "skills.pt")
    measured, tasks = [], []
    seeds = list(range(experiment.SEEDS))
    for seed in tqdm(seeds, desc="measures and tasks"):
        for kind in experiment.KINDS:
            learned = kind in experiment.FEATURES
            skills = agents[f"{kind}-{seed}"].skills if learned else experiment.make_skills(kind, seed)
            measured.append({"kind": kind, "seed": seed, **experiment.measure(skills, seed)})
            if kind != "walk":
                tasks.append(task_table(kind, seed, skills))
        tasks.append(task_table("actions", seed, None))
    pd.DataFrame(measured).round(4).to_csv(folder / "measures.csv", index=False)
    pd.concat(tasks).round(4).to_csv(folder / "task.csv", index=False)
    return {
        "seeds": seeds,
        "updates": experiment.UPDATES,
        "config": asdict(experiment.CONFIG),
        "files": "skills.pt: Q of every seed; measures.csv: nats and coverage; task.csv: success of high levels",
    }


RECORDER = Recorder(
    "skills learned without rewards, their measures, and a task learned with them",
    "ch13",
    tuple(f"{features}-{seed}" for seed in range(experiment.SEEDS) for features in experiment.FEATURES),
    _make,
    _gather,
)
