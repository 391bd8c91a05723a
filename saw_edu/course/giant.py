"""The giant point maze: one value function and four ways to extract a policy from it, five seeds each.

Chapter 16 uses these networks and trains one seed of them live. `saw-edu record giant` makes them again; how often they
arrive stands in assets/results/nine.
"""

from __future__ import annotations

import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from torch import Tensor

from saw_edu.agents import GCBC, GCIVL, HIQL, SAW, Agent
from saw_edu.course.recording import Recorder
from saw_edu.data import Spec, Trajectories
from saw_edu.envs import PointMaze, navigate
from saw_edu.evaluation import episodes_by_distance
from saw_edu.place import course_root
from saw_edu.rollouts import PolicyLike, Shaken, evaluate
from saw_edu.training import TrainingConfig, TrainingResult, train

SEEDS = 5
NOISE = 0.5  # standard deviation of what a walker adds to each of its actions
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
    return navigate(world, 500, 300, NOISE, torch.Generator().manual_seed(0))


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


def drawn_and_greedy(result: TrainingResult, world: PointMaze, starts: Tensor, goals: Tensor) -> pd.DataFrame:
    """Every episode twice: with the walkers' own hand, N(0, NOISE) on each action, and greedy (temperature 0).

    In a maze without noise a greedy policy whose mean action fades comes to rest and stays there for ever; so the main
    number is the one with the hand. All agents meet the same noise.

    Returns:
        Columns seed, task, distance, success, steps and temperature.
    """
    tables = []
    for temperature in (NOISE, 0.0):
        policies: list[PolicyLike] = list(result.policies)
        if temperature > 0:
            generator = torch.Generator().manual_seed(2)
            policies = [Shaken(policy, world, temperature, generator) for policy in result.policies]
        episodes = evaluate(policies, world, starts, goals, seeds=result.seeds).episodes
        tables.append(episodes.assign(temperature=temperature))
    return pd.concat(tables)


def _make(part: str, work: Path) -> None:
    data = make_data(make_world())
    value = train_value(data, list(range(SEEDS)), work / "value" / "checkpoints")
    result = value if part == "value" else train_policy(part, data, value, work / part / "checkpoints")
    keep = ("value",) if part == "value" else ("policy", "subgoal_policy", "subgoal_generator")
    result.save(work / part / "networks.pt", keep=keep)


def _gather(work: Path, folder: Path) -> dict[str, Any]:
    folder.mkdir(parents=True, exist_ok=True)
    for part in RECORDER.parts:
        shutil.copy(work / part / "networks.pt", folder / f"{part}.pt")
    return {
        "seeds": list(range(SEEDS)),
        "value": asdict(VALUE_CONFIG),
        "policies": asdict(POLICY_CONFIG),
        "agents": {name: repr(agent) for name, agent in make_agents().items()},
        "files": "value.pt, <agent>.pt: networks of all seeds",
    }


RECORDER = Recorder(
    "the giant maze's value functions and four policies from each",
    "giant",
    ("value", "gcbc", "gcivl", "hiql", "saw"),
    _make,
    _gather,
)
