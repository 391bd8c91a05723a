"""The giant point maze: one value function, four ways to extract a policy, success by distance to the goal.

Chapter 16 shows these results and trains one seed of them live. `python -m saw_edu.course.giant` makes them again.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import asdict
from pathlib import Path

import pandas as pd
import torch
from torch import Tensor

from saw_edu.agents import GCBC, GCIVL, HIQL, SAW, Agent
from saw_edu.data import Spec, Trajectories
from saw_edu.envs import PointMaze, navigate
from saw_edu.evaluation import episodes_by_distance
from saw_edu.place import course_root
from saw_edu.rollouts import evaluate
from saw_edu.runs.provenance import write_provenance
from saw_edu.training import TrainingConfig, TrainingResult, train

SEEDS = 5
DISCOUNT = 0.96  # γ^100 = .017: from 25 cells away the goal is as faint as at the paper's scale (.995^1000 = .007)
SUBGOAL_STEPS = 8
EDGES = (1, 5, 9, 13, 17, 21, 25, 32)  # cells; the largest distance in this maze is 31
FARTHEST_THIRD = 21  # cells: from here on
VALUE_CONFIG = TrainingConfig(steps=8_000, learning_rate=1e-3, final_learning_rate=1e-4, tau=0.02)
POLICY_CONFIG = TrainingConfig(steps=5_000, learning_rate=1e-3, final_learning_rate=1e-4, tau=0.02)

_DIMS = (128, 128)
_VALUE = {"value_hidden_dims": _DIMS, "discount": DISCOUNT, "expectile": 0.7}


def make_world() -> PointMaze:
    """OGBench's giant maze with steps five times as long, so that 200 of them cross it, and Fourier features."""
    return PointMaze("giant", step_size=1.0, features="fourier", max_steps=200)


def make_data(world: PointMaze) -> Trajectories:
    """500 episodes of 300 steps: shortest paths to one random goal after another, with Gaussian noise."""
    return navigate(world, 500, 300, 0.5, torch.Generator().manual_seed(0))


def make_agents() -> dict[str, Agent]:
    """The four agents by name. Those with a value share its sizes, so that one value serves all."""
    return {
        "gcbc": GCBC(policy_hidden_dims=_DIMS, discount=DISCOUNT),
        "gcivl": GCIVL(policy_hidden_dims=_DIMS, alpha=10.0, **_VALUE),  # type: ignore[arg-type]
        "hiql": HIQL(policy_hidden_dims=_DIMS, rep_dim=None, subgoal_steps=SUBGOAL_STEPS, **_VALUE),  # type: ignore[arg-type]
        "saw": SAW(
            policy_hidden_dims=_DIMS,
            subgoal_policy_hidden_dims=_DIMS,
            rep_dim=None,
            subgoal_steps=SUBGOAL_STEPS,
            **_VALUE,  # type: ignore[arg-type]
        ),
    }


def make_episodes(world: PointMaze, per_bin: int = 50) -> tuple[Tensor, Tensor]:
    """Starts and goals of the evaluation, the same for every agent and seed."""
    return episodes_by_distance(world, EDGES, per_bin, torch.Generator().manual_seed(1))


def train_value(data: Trajectories, seeds: list[int], checkpoints: Path | None = None) -> TrainingResult:
    """V by GCIVL's joint training; its policy is put aside."""
    return train(make_agents()["gcivl"], data, VALUE_CONFIG, seeds, checkpoints=checkpoints)


def train_policy(
    name: str, data: Trajectories, value: TrainingResult, checkpoints: Path | None = None
) -> TrainingResult:
    """The policy of one agent from the fixed value, seed by seed (GCBC needs none)."""
    value_from = None if name == "gcbc" else value
    agent = make_agents()[name]
    return train(agent, data, POLICY_CONFIG, value.seeds, value_from=value_from, checkpoints=checkpoints)


def load(name: str, spec: Spec) -> TrainingResult:
    """A recorded result: "value", "gcbc", "gcivl", "hiql" or "saw". `spec` is the world's."""
    agent = make_agents()["gcivl" if name == "value" else name]
    return TrainingResult.load(course_root() / "assets" / "giant" / f"{name}.pt", agent, spec)


def record(folder: Path, work: Path, seeds: list[int]) -> None:
    """Train everything for these seeds (resuming from checkpoints in `work`), and write `folder` when all is there."""
    torch.set_num_threads(1)
    start, resumed = time.perf_counter(), work.exists()
    world = make_world()
    data = make_data(world)
    value = train_value(data, seeds, work / "value")
    results = {name: train_policy(name, data, value, work / name) for name in make_agents()}
    starts, goals = make_episodes(world)
    tables = []
    for name, result in results.items():
        episodes = evaluate(result.policies, world, starts, goals).episodes
        tables.append(episodes.assign(agent=name, seed=episodes["seed"].map(dict(enumerate(seeds)))))
    folder.mkdir(parents=True, exist_ok=True)
    value.save(folder / "value.pt", keep=("value",))
    for name, result in results.items():
        result.save(folder / f"{name}.pt", keep=("policy", "subgoal_policy", "subgoal_generator"))
    pd.concat(tables).to_csv(folder / "episodes.csv", index=False)
    write_provenance(
        folder,
        "python -m saw_edu.course.giant",
        **{
            "resumed from checkpoints": resumed,  # then the seconds below do not tell what training took
            "seconds of this call": round(time.perf_counter() - start),
            "seeds": seeds,
            "value": asdict(VALUE_CONFIG),
            "policies": asdict(POLICY_CONFIG),
            "agents": {name: repr(agent) for name, agent in make_agents().items()},
            "files": "value.pt, <agent>.pt: networks of all seeds; episodes.csv: every evaluation episode",
        },
    )


def main() -> None:
    """Record the results under assets/giant; killed, it continues from the checkpoints under runs/giant."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=list(range(SEEDS)), help="which seeds")
    parser.add_argument("--only-train", action="store_true", help="make checkpoints, but do not write assets/giant")
    arguments = parser.parse_args()
    work = course_root() / "runs" / "giant"
    folder = work / "partial" if arguments.only_train else course_root() / "assets" / "giant"
    record(folder, work, arguments.seeds)


if __name__ == "__main__":
    main()
