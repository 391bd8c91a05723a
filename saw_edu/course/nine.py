"""All nine offline agents on the giant point maze: success by distance to the goal, five seeds.

GCBC, GCIVL, HIQL and SAW are those of `saw_edu.course.giant`, recorded in assets/giant; RIS and GCWAE extract their
policies from the same recorded value functions, in as many updates. GCIQL, CRL and QRL learn values of their own, and
their policies with them, in as many updates as those values took. Everyone meets the same episodes.

`saw-edu record nine` makes assets/results/nine again: each episode with the walkers' hand (temperature .5) and greedy.
"""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pandas as pd

from saw_edu.agents import CRL, GCIQL, GCWAE, QRL, RIS, Agent
from saw_edu.course import giant
from saw_edu.course.recording import Recorder
from saw_edu.data import Spec, Trajectories
from saw_edu.evaluation import success_by_distance
from saw_edu.rollouts import Evaluation
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
    checkpoints = work / name / "checkpoints"
    if name in JOINT:
        return train(JOINT[name], data, JOINT_CONFIG, seeds, checkpoints=checkpoints)
    value = giant.load("value", spec).only(seeds)
    return train(EXTRACTED[name], data, giant.POLICY_CONFIG, seeds, value_from=value, checkpoints=checkpoints)


def _gather(work: Path, folder: Path) -> dict[str, Any]:
    """Evaluate all nine."""
    world = giant.make_world()
    data = giant.make_data(world)
    starts, goals = giant.make_episodes(world)
    tables, summaries = [], []
    for name in [*giant.make_agents(), *EXTRACTED, *JOINT]:
        known = name in giant.make_agents()
        result = giant.load(name, world.spec) if known else train_agent(name, data, world.spec, _SEEDS, work)
        episodes = giant.drawn_and_greedy(result, world, starts, goals).assign(agent=name)
        tables.append(episodes)
        for temperature, group in episodes.groupby("temperature"):
            table = success_by_distance(Evaluation(group), giant.EDGES)
            summaries.append(table.assign(agent=name, temperature=temperature))
    folder.mkdir(parents=True, exist_ok=True)
    pd.concat(tables).to_csv(folder / "episodes.csv", index=False)
    pd.concat(summaries).round(4).to_csv(folder / "success.csv", index=False)
    return {
        "seeds": _SEEDS,
        "gcbc, gcivl, hiql, saw, and the value of ris and gcwae": "assets/giant",
        "ris, gcwae": asdict(giant.POLICY_CONFIG),
        "gciql, crl, qrl": asdict(JOINT_CONFIG),
        "agents": {name: repr(agent) for name, agent in (EXTRACTED | JOINT).items()},
        "files": "episodes.csv: every evaluation episode, drawn (temperature .5: N(0, .5) on each action) and greedy "
        "(0); success.csv: mean over seeds with its 95 % interval",
    }


def _make(part: str, work: Path) -> None:
    world = giant.make_world()
    train_agent(part, giant.make_data(world), world.spec, _SEEDS, work)


_SEEDS = list(range(giant.SEEDS))
RECORDER = Recorder(
    "all nine agents in the giant maze: success by distance", "results/nine", (*EXTRACTED, *JOINT), _make, _gather
)
