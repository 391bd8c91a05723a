"""What each part of SAW is worth, and where SAW does not help: one change at a time from `saw_edu.course.giant`.

Every run is policies from a fixed value function, five seeds, success by distance. Chapter 17 shows the results.

    saw-edu record ablations "beta 0" "beta 10"

Most settings use the value functions recorded in assets/giant. The others (another discount, random walks for data,
a small maze) learn their own first.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from saw_edu.agents import SAW, Agent
from saw_edu.course import giant
from saw_edu.course.ch17.erring import ROUGH, SMOOTH, ErringGCIVL, ErringHIQL, ErringSAW, add_errors
from saw_edu.course.recording import Recorder
from saw_edu.data import Trajectories
from saw_edu.envs import PointMaze, navigate, random_walk
from saw_edu.evaluation import episodes_by_distance
from saw_edu.training import TrainingConfig, TrainingResult, train

VALUE_CONFIG = replace(giant.VALUE_CONFIG, compile=True)
POLICY_CONFIG = replace(giant.POLICY_CONFIG, compile=True)
MEDIUM_EDGES = (1, 3, 5, 8, 12)  # cells; the largest distance in the medium maze is 11
HOLD = 8  # steps for which a random walk keeps its action


@dataclass(frozen=True)
class Problem:
    """Where a setting's policies learn and are tested."""

    layout: str = "giant"
    discount: float = giant.DISCOUNT
    walk: bool = False  # the data are random walks instead of noisy shortest paths
    edges: tuple[int, ...] = giant.EDGES  # of the bins of distance, cells
    farthest_third: int = giant.FARTHEST_THIRD  # cells: from here on; one of the edges

    def make_world(self) -> PointMaze:
        """The world of `giant`, with this layout."""
        return PointMaze(self.layout, step_size=1.0, features="fourier", max_steps=200)

    def make_data(self, world: PointMaze) -> Trajectories:
        """500 episodes of 300 steps."""
        generator = torch.Generator().manual_seed(0)
        return random_walk(world, 500, 300, generator, HOLD) if self.walk else navigate(world, 500, 300, 0.5, generator)

    def make_episodes(self, world: PointMaze, per_bin: int = 50) -> tuple[Tensor, Tensor]:
        """Starts and goals of the evaluation."""
        return episodes_by_distance(world, self.edges, per_bin, torch.Generator().manual_seed(1))


PROBLEMS = {
    "giant": Problem(),
    "discount .98": Problem(discount=0.98),
    "random walks": Problem(walk=True),
    "medium": Problem(layout="medium", edges=MEDIUM_EDGES, farthest_third=8),
}


@dataclass(frozen=True)
class Setting:
    """One thing changed. `panel` is what is varied, `x` its value as the figure shows it."""

    name: str
    panel: str
    x: str
    agent: Agent
    problem: str = "giant"
    error: float = 0.0  # standard deviation of the one-step differences of V's added error, over that of V's own
    error_length: float = ROUGH  # maze units over which the error changes with the state


def _agent(method: str, discount: float = giant.DISCOUNT) -> Any:
    return replace(giant.make_agents()[method], discount=discount)  # type: ignore[type-var]


def _clipped(saw: SAW, clip: float) -> SAW:
    """All three weights clipped there."""
    return replace(saw, action_clip=clip, waypoint_clip=clip, subgoal_clip=clip)


def _settings() -> list[Setting]:
    """All of them, the most important first. Those of `giant` itself, called "base ...", need no training."""
    saw, erring = _agent("saw"), {"gcivl": ErringGCIVL, "hiql": ErringHIQL, "saw": ErringSAW}
    found = [Setting(f"base {method}", "base", "base", _agent(method)) for method in ("saw", "gcivl", "hiql")]

    def steps(*numbers: int) -> list[Setting]:
        return [Setting(f"k {k}", "k", f"{k}", replace(saw, subgoal_steps=k)) for k in numbers]

    def beta(*numbers: int) -> list[Setting]:
        return [Setting(f"beta {b}", "beta", f"{b}", replace(saw, beta=float(b))) for b in numbers]

    def alpha(*numbers: int) -> list[Setting]:
        return [
            Setting(f"alpha {a}", "alpha", f"{a}", replace(saw, alpha=float(a), subgoal_alpha=float(a)))
            for a in numbers
        ]

    def on(problem: str) -> list[Setting]:
        discount = PROBLEMS[problem].discount
        return [
            Setting(f"{problem} {method}", problem, method, _agent(method, discount), problem)
            for method in ("gcivl", "hiql", "saw")
        ]

    def with_error(word: str, error: float, length: float) -> list[Setting]:
        return [
            Setting(
                f"{word} error {error:g} {method}",
                f"{word} error {method}",
                f"{error:g}",
                kind(**vars(_agent(method))),
                error=error,
                error_length=length,
            )
            for method, kind in erring.items()
        ]

    found += [Setting("no bootstrapping", "terms", "one-step only", replace(saw, bootstrap=False))]
    found += [*steps(2, 32), *beta(0, 10)]
    found += [Setting("no one-step", "terms", "bootstrapping only", replace(saw, one_step=False))]
    found += [*on("discount .98"), *with_error("rough", 1.0, ROUGH), *alpha(1, 10)]
    found += [*on("random walks"), *steps(4, 16), *beta(1)]
    found += [Setting("clip 1", "clip", "1", _clipped(saw, 1.0))]
    found += [Setting("no clip", "clip", "none", _clipped(saw, math.inf))]
    found += [*on("medium"), *with_error("rough", 0.25, ROUGH), *with_error("smooth", 0.25, SMOOTH)]
    return found


SETTINGS = {setting.name: setting for setting in _settings()}


@cache
def _world_and_data(problem: Problem) -> tuple[PointMaze, Trajectories]:
    world = problem.make_world()
    return world, problem.make_data(world)


def value_for(setting: Setting, seeds: list[int], work: Path, config: TrainingConfig = VALUE_CONFIG) -> TrainingResult:
    """The value function that a setting's policies are extracted from: recorded, or learned once for each problem."""
    problem = PROBLEMS[setting.problem]
    world, data = _world_and_data(problem)
    if setting.problem == "giant":
        recorded = giant.load("value", world.spec)
        value = recorded.only(seeds)
    else:
        agent, folder = _agent("gcivl", problem.discount), work / "values" / setting.problem
        value = train(agent, data, config, seeds, parts="value", checkpoints=folder, together=True)
    return add_errors(value, data, world, setting.error, setting.error_length) if setting.error > 0 else value


def train_setting(
    setting: Setting,
    seeds: list[int],
    work: Path,
    value_config: TrainingConfig = VALUE_CONFIG,
    policy_config: TrainingConfig = POLICY_CONFIG,
) -> TrainingResult:
    """The policies of a setting, from checkpoints in `work` where there are some; `giant`'s own are loaded."""
    problem = PROBLEMS[setting.problem]
    world, data = _world_and_data(problem)
    if setting.panel == "base":
        recorded = giant.load(setting.name.split()[-1], world.spec)
        return recorded.only(seeds)
    value = value_for(setting, seeds, work, value_config)
    folder = work / setting.name / "checkpoints"
    return train(setting.agent, data, policy_config, seeds, value_from=value, checkpoints=folder, together=True)


def measure(setting: Setting, result: TrainingResult) -> pd.DataFrame:
    """Success by seed and bin of distance, drawn (temperature .5) and greedy (0).

    Columns setting, panel, x, seed, temperature, from_, to (cells), farthest, success, episodes.
    """
    problem = PROBLEMS[setting.problem]
    world, _ = _world_and_data(problem)
    starts, goals = problem.make_episodes(world)
    episodes = giant.drawn_and_greedy(result, world, starts, goals)
    edges = np.asarray(problem.edges)
    bins = np.digitize(episodes["distance"], edges) - 1
    episodes = episodes.assign(
        from_=edges[bins],
        to=edges[bins + 1],
        farthest=(edges[bins] >= problem.farthest_third).astype(int),
    )
    grouped = episodes.groupby(["seed", "temperature", "from_", "to", "farthest"], as_index=False)
    table = grouped.agg(success=("success", "mean"), episodes=("success", "size"))
    for name in ("x", "panel", "setting"):
        table.insert(0, name, setting.name if name == "setting" else getattr(setting, name))
    return table


def per_seed(table: pd.DataFrame, goals: str = "all", temperature: float = giant.NOISE) -> np.ndarray:
    """Success of each seed of one setting, (S,).

    Args:
        table: columns as of `measure`.
        goals: which ones: "all", "nearest" (the first bin of distance) or "farthest" (the farthest third).
        temperature: of the actions: 0.5, or 0 for greedy ones.

    Raises:
        ValueError: another word for goals.
    """
    chosen = {
        "all": table["success"] >= 0,
        "nearest": table["from_"] == table["from_"].min(),
        "farthest": table["farthest"] == 1,
    }
    if goals not in chosen:
        raise ValueError(f"goals must be one of {', '.join(chosen)}, got {goals!r}")
    rows = table[chosen[goals]]
    if "temperature" in rows:  # results recorded before it was have greedy episodes only
        rows = rows[rows["temperature"] == temperature]
    reached = (rows["success"] * rows["episodes"]).groupby(rows["seed"]).sum()
    return np.asarray(reached / rows.groupby("seed")["episodes"].sum())


def make(
    name: str,
    work: Path,
    seeds: list[int] | None = None,
    value_config: TrainingConfig = VALUE_CONFIG,
    policy_config: TrainingConfig = POLICY_CONFIG,
) -> None:
    """Train and measure one setting into `work / name`."""
    setting = SETTINGS[name]
    result = train_setting(setting, seeds or list(range(giant.SEEDS)), work, value_config, policy_config)
    (work / name).mkdir(parents=True, exist_ok=True)
    measure(setting, result).to_csv(work / name / "success.csv", index=False)


def gather(work: Path, folder: Path, names: Sequence[str] = tuple(SETTINGS)) -> dict[str, Any]:
    """Put the results of all settings together in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    tables = [pd.read_csv(work / name / "success.csv", dtype={"x": str}) for name in names]
    pd.concat(tables).to_csv(folder / "success.csv", index=False)
    return {
        "settings": {name: repr(SETTINGS[name].agent) for name in names},
        "problems": {key: repr(problem) for key, problem in PROBLEMS.items()},
        "seeds": list(range(giant.SEEDS)),
        "value": asdict(VALUE_CONFIG),
        "policies": asdict(POLICY_CONFIG),
        "base": "the networks in assets/giant",
        "files": "success.csv: success of each seed in each bin of distance, 50 episodes a bin, drawn (temperature .5: "
        "N(0, .5) on each action) and greedy (0); farthest is 1 for the farthest third of distances",
    }


RECORDER = Recorder(
    "one change at a time to SAW, and where it does not help", "results/ablations", tuple(SETTINGS), make, gather
)
