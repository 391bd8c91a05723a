"""Record chapter 13's results under assets/ch13: `python -m saw_edu.course.ch13.record`. Killed, it goes on."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import pandas as pd
import torch
from tqdm.auto import tqdm

from saw_edu.course.ch13 import skills as experiment
from saw_edu.course.ch13.task import GOAL_CELLS, learn_task
from saw_edu.hierarchy.diayn import DIAYN, Skills
from saw_edu.place import course_root
from saw_edu.runs.provenance import write_provenance

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


def record(folder: Path, work: Path, seeds: list[int]) -> None:
    """Train, measure, let high levels learn the task, and write `folder` when all is there."""
    torch.set_num_threads(1)
    runs = [(features, seed) for seed in seeds for features in experiment.FEATURES]
    agents = {run: trained(*run, work) for run in tqdm(runs, desc="skills")}
    folder.mkdir(parents=True, exist_ok=True)
    torch.save(
        {f"{features}-{seed}": agent.q.state_dict() for (features, seed), agent in agents.items()}, folder / "skills.pt"
    )
    measured, tasks = [], []
    for seed in tqdm(seeds, desc="measures and tasks"):
        for kind in experiment.KINDS:
            learned = kind in experiment.FEATURES
            skills = agents[kind, seed].skills if learned else experiment.make_skills(kind, seed)
            measured.append({"kind": kind, "seed": seed, **experiment.measure(skills, seed)})
            if kind != "walk":
                tasks.append(task_table(kind, seed, skills))
        tasks.append(task_table("actions", seed, None))
    pd.DataFrame(measured).round(4).to_csv(folder / "measures.csv", index=False)
    pd.concat(tasks).round(4).to_csv(folder / "task.csv", index=False)
    details = {"seeds": seeds, "updates": experiment.UPDATES, "config": asdict(experiment.CONFIG)}
    files = "skills.pt: Q of every seed; measures.csv: nats and coverage; task.csv: success of high levels"
    write_provenance(folder, "python -m saw_edu.course.ch13.record", **details, files=files)


if __name__ == "__main__":
    root = course_root()
    record(root / "assets" / "ch13", root / "runs" / "ch13", list(range(experiment.SEEDS)))
