"""All nine offline agents on the giant point maze: success by distance to the goal, five seeds.

GCBC, GCIVL, HIQL and SAW are those of `saw_edu.course.giant`, recorded in assets/giant; RIS and GCWAE extract their
policies from the same recorded value functions, in as many updates. GCIQL, CRL and QRL learn values of their own, and
their policies with them, in as many updates as those values took. Everyone meets the same episodes.

`python -m saw_edu.course.nine` makes assets/results/nine again.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from saw_edu.agents import CRL, GCIQL, GCWAE, QRL, RIS, Agent
from saw_edu.course import giant
from saw_edu.data import Spec, Trajectories
from saw_edu.evaluation import success_by_distance
from saw_edu.place import course_root
from saw_edu.rollouts import Evaluation, evaluate
from saw_edu.runs.provenance import write_provenance
from saw_edu.training import TrainingResult, train

_DIMS: dict[str, Any] = {"value_hidden_dims": (128, 128), "policy_hidden_dims": (128, 128)}
_SUBGOALS: dict[str, Any] = {**_DIMS, "discount": giant.DISCOUNT, "subgoal_steps": giant.SUBGOAL_STEPS}
JOINT_CONFIG = replace(giant.VALUE_CONFIG, compile=True)

# On the value functions that are recorded
EXTRACTED: dict[str, Agent] = {
    "ris": RIS(**_SUBGOALS, rep_dim=None),
    "gcwae": GCWAE(**_SUBGOALS),
}
# By themselves; each alpha is OGBench's for pointmaze-giant-navigate
JOINT: dict[str, Agent] = {
    "gciql": GCIQL(**_DIMS, discount=giant.DISCOUNT, alpha=0.003),
    "crl": CRL(**_DIMS, discount=giant.DISCOUNT, alpha=0.03, latent_dim=64),
    "qrl": QRL(**_DIMS, discount=giant.DISCOUNT, alpha=0.0003, latent_dim=64),
}


def train_agent(name: str, data: Trajectories, spec: Spec, seeds: list[int], work: Path) -> TrainingResult:
    """One of the five that `assets/giant` does not hold, resuming from its checkpoints in `work`."""
    if name in JOINT:
        return train(JOINT[name], data, JOINT_CONFIG, seeds, checkpoints=work / name)
    value = giant.load("value", spec).only(seeds)
    return train(EXTRACTED[name], data, giant.POLICY_CONFIG, seeds, value_from=value, checkpoints=work / name)


def record(folder: Path, work: Path, seeds: list[int]) -> None:
    """Train, evaluate all nine and write `episodes.csv`, `success.csv` and their provenance."""
    torch.set_num_threads(1)
    start, resumed = time.perf_counter(), work.exists()
    world = giant.make_world()
    data = giant.make_data(world)
    starts, goals = giant.make_episodes(world)
    tables, summaries = [], []
    for name in [*giant.make_agents(), *EXTRACTED, *JOINT]:
        known = name in giant.make_agents()
        result = giant.load(name, world.spec) if known else train_agent(name, data, world.spec, seeds, work)
        episodes = evaluate(result.policies, world, starts, goals).episodes
        episodes = episodes.assign(agent=name, seed=episodes["seed"].map(dict(enumerate(result.seeds))))
        tables.append(episodes)
        summaries.append(success_by_distance(Evaluation(episodes), giant.EDGES).assign(agent=name))
    folder.mkdir(parents=True, exist_ok=True)
    pd.concat(tables).to_csv(folder / "episodes.csv", index=False)
    pd.concat(summaries).round(4).to_csv(folder / "success.csv", index=False)
    write_provenance(
        folder,
        "python -m saw_edu.course.nine",
        **{
            "resumed from checkpoints": resumed,  # then the seconds below do not tell what training took
            "seconds of this call": round(time.perf_counter() - start),
            "seeds": seeds,
            "gcbc, gcivl, hiql, saw, and the value of ris and gcwae": "assets/giant",
            "ris, gcwae": asdict(giant.POLICY_CONFIG),
            "gciql, crl, qrl": asdict(JOINT_CONFIG),
            "agents": {name: repr(agent) for name, agent in (EXTRACTED | JOINT).items()},
            "files": "episodes.csv: every evaluation episode; success.csv: mean over seeds with its 95 % interval",
        },
    )


def main() -> None:
    """Record the results under assets/results/nine; killed, it continues from the checkpoints under runs/nine."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--only-train", nargs="+", metavar="AGENT", help="make these agents' checkpoints, nothing else")
    arguments = parser.parse_args()
    work, seeds = course_root() / "runs" / "nine", list(range(giant.SEEDS))
    if arguments.only_train:
        torch.set_num_threads(1)
        world = giant.make_world()
        for name in arguments.only_train:
            train_agent(name, giant.make_data(world), world.spec, seeds, work)
    else:
        record(course_root() / "assets" / "results" / "nine", work, seeds)


if __name__ == "__main__":
    main()
