"""What a generator of subgoals costs: the giant maze, seen with numbers that mean nothing, or as a picture.

Each observation, and so each goal, is the 22 position features of `saw_edu.course.giant` and then `dims` independent
N(0, 1) numbers, drawn anew for every observation; or, where `dims` is "picture", a small grey picture of the maze with
the agent in it. SAW, HIQL with whole states as subgoals, RIS and GCWAE extract their policies from one and the same
value function; HIQL with a learned representation of 10 numbers has a value of its own, learned in as many updates.
Chapter 15 shows the results.

    saw-edu record nuisance 0 64 picture

RIS learns HIQL's two levels beside its flat policy, and they are not touched by it: HIQL is RIS's networks, acting
through the two levels.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from scipy import stats
from torch import Tensor

from saw_edu.agents import GCIVL, GCWAE, HIQL, RIS, SAW, Agent
from saw_edu.course import giant
from saw_edu.course.recording import Recorder
from saw_edu.data import Spec, Trajectories
from saw_edu.envs import PointMaze, navigate
from saw_edu.evaluation import success_by_distance
from saw_edu.rollouts import Evaluation
from saw_edu.training import TrainingConfig, TrainingResult, train

DIMS = ("0", "16", "64", "256", "picture")
VALUE_CONFIG = replace(giant.VALUE_CONFIG, compile=True)
POLICY_CONFIG = replace(giant.POLICY_CONFIG, compile=True)

_DIMS: dict[str, Any] = {"value_hidden_dims": (128, 128), "policy_hidden_dims": (128, 128)}
_SUBGOALS: dict[str, Any] = {**_DIMS, "discount": giant.DISCOUNT, "subgoal_steps": giant.SUBGOAL_STEPS}


class NoisyMaze(PointMaze):
    """The giant maze of `giant.make_world` with `dims` normal numbers behind each observation's features.

    The numbers come from the world's own generator, so that the walks and episodes of every `dims` are the same.

    Raises:
        ValueError: a negative number of dimensions.
    """

    def __init__(self, dims: int, seed: int = 0) -> None:
        if dims < 0:
            raise ValueError(f"the number of nuisance dimensions must be at least 0, got {dims}")
        super().__init__("giant", step_size=1.0, features="fourier", max_steps=200)
        self.dims = dims
        self.features_dim = self.spec.observation_dim
        self.spec = Spec(self.features_dim + dims, self.spec.action_dim)
        self.generator = torch.Generator().manual_seed(seed)

    def observe(self, states: Tensor) -> Tensor:
        """Positions (B, 2) -> features and fresh noise (B, 22 + dims)."""
        noise = torch.randn(len(states), self.dims, generator=self.generator)
        return torch.cat([super().observe(states), noise], dim=-1)

    def states_of(self, observations: Tensor) -> Tensor:
        """Positions (B, 2), read from the features."""
        return super().states_of(observations[..., : self.features_dim])


class PictureMaze(PointMaze):
    """The giant maze of `giant.make_world` as a grey picture from above, one pixel a cell, 12 x 16 numbers in a row.

    Walls are 0, the floor is .5, and the agent is a spot of 1 that fades linearly over two cells along x and along y. A
    picture of a position is read exactly, but for the outer ring of cells, where a part of the spot lies beyond the
    picture: there it is read up to .22 cells too far inside. A picture of two positions at once, as a net may imagine
    it, is read as the point between.
    """

    fade = 2.0  # cells

    def __init__(self) -> None:
        super().__init__("giant", step_size=1.0, max_steps=200)
        self.background = 0.5 * (~torch.as_tensor(self.maze.walls)).float()  # (H, W), the first row is the lowest
        height, width = self.background.shape
        self.rows, self.columns = torch.arange(height) + 0.5, torch.arange(width) + 0.5
        self.spec = Spec(height * width, self.spec.action_dim)
        left, _, bottom, _ = self.maze.extent
        self.corner = torch.tensor([left, bottom])

    def observe(self, states: Tensor) -> Tensor:
        """Positions (B, 2) -> pictures (B, 192), row by row from the lowest."""
        column, row = ((states - self.corner) / self.maze.cell_size).split(1, dim=1)  # (B, 1) each, in cells
        across = (1 - (self.columns - column).abs() / self.fade).clamp(min=0)  # (B, W)
        along = (1 - (self.rows - row).abs() / self.fade).clamp(min=0)  # (B, H)
        spot = along[:, :, None] * across[:, None, :]
        return (self.background + spot * (1 - self.background)).flatten(1)

    def states_of(self, observations: Tensor) -> Tensor:
        """Positions (B, 2): the centre of mass of what is brighter than the maze without an agent."""
        spot = (observations.unflatten(-1, self.background.shape) - self.background) / (1 - self.background)
        spot = spot.clamp(min=0)  # a net's picture may be too dark in places
        total = spot.sum((-2, -1)).clamp(min=1e-6)
        column, row = (spot.sum(-2) @ self.columns) / total, (spot.sum(-1) @ self.rows) / total
        return torch.stack([column, row], -1) * self.maze.cell_size + self.corner


def make_world(dims: str, seed: int = 0) -> NoisyMaze | PictureMaze:
    """The world by its name on the command line: "picture", or the number of nuisance dimensions.

    Raises:
        ValueError: neither.
    """
    if dims == "picture":
        return PictureMaze()
    if not dims.isdecimal():
        raise ValueError(f"dims must be a number of nuisance dimensions, or picture, got {dims!r}")
    return NoisyMaze(int(dims), seed)


VALUE = GCIVL(**_DIMS, discount=giant.DISCOUNT, expectile=0.7)
EXTRACTED: dict[str, Agent] = {
    "ris": RIS(**_SUBGOALS, rep_dim=None),
    "gcwae": GCWAE(**_SUBGOALS),
    "saw": SAW(**_SUBGOALS, subgoal_policy_hidden_dims=(128, 128), rep_dim=None),
}
HIQL_STATES = HIQL(**_SUBGOALS, rep_dim=None)
HIQL_REP = HIQL(**_SUBGOALS, rep_dim=10)


def make_data(world: NoisyMaze | PictureMaze) -> Trajectories:
    """The walks of `giant.make_data`, however they are seen."""
    return navigate(world, 500, 300, 0.5, torch.Generator().manual_seed(0))


def train_all(
    dims: str, seeds: list[int], work: Path, value_config: TrainingConfig, policy_config: TrainingConfig
) -> dict[str, TrainingResult]:
    """Every method's networks, resuming from checkpoints in `work`."""
    data = make_data(make_world(dims))

    # measured: all seeds in one set of operations take a fifth less time here
    def learn_value(name: str, agent: Agent) -> TrainingResult:
        return train(agent, data, value_config, seeds, parts="value", checkpoints=work / name, together=True)

    def learn_policy(name: str, agent: Agent, value: TrainingResult) -> TrainingResult:
        return train(agent, data, policy_config, seeds, value_from=value, checkpoints=work / name, together=True)

    value = learn_value("value", VALUE)
    results = {name: learn_policy(name, agent, value) for name, agent in EXTRACTED.items()}
    rep = learn_policy("hiql_rep", HIQL_REP, learn_value("value_rep", HIQL_REP))
    return {"hiql": replace(results["ris"], agent=HIQL_STATES), **results, "hiql_rep": rep}


def steps_ahead(world: PointMaze, starts: Tensor, goals: Tensor) -> Tensor:
    """Where a shortest path is k steps after its start. All (B, 2)."""
    ahead = starts
    for _ in range(giant.SUBGOAL_STEPS):
        ahead = world.step(ahead, world.oracle(ahead, goals))
    return ahead


def with_fresh_noise(result: TrainingResult, world: NoisyMaze) -> TrainingResult:
    """HIQL whose generated subgoals keep their features and get new noise, as every real state has.

    A generator's guess of a number that nobody can foretell is its mean, nearly 0. The low level never saw such
    states. With this control, what is left of HIQL's loss is what it guesses of the features.
    """

    class Refreshed(HIQL):
        def act(self, networks: Any, observations: Tensor, goals: Tensor, *_: Any, **__: Any) -> Tensor:
            subgoals = networks.subgoal_generator(observations, goals).mean.clone()
            shape = subgoals[:, world.features_dim :].shape
            subgoals[:, world.features_dim :] = torch.randn(shape, generator=world.generator)
            actions: Tensor = networks.subgoal_policy(observations, subgoals).mean.clamp(-1, 1)
            return actions

    return replace(result, agent=Refreshed(**vars(result.agent)))


@torch.no_grad()
def value_quality(result: TrainingResult, dims: str) -> pd.DataFrame:
    """How well V orders pairs of start and goal: rank correlation with minus their distance. Columns seed, order."""
    world = make_world(dims)
    starts, goals = giant.make_episodes(world)
    observations, goal_observations = world.observe(starts), world.observe(goals)
    distances = world.distances(starts, goals)
    rows = []
    for seed, policy in zip(result.seeds, result.policies, strict=True):
        order = stats.spearmanr(policy.value(observations, goal_observations), -distances).statistic
        rows.append({"seed": seed, "order": round(float(order), 4)})
    return pd.DataFrame(rows)


@torch.no_grad()
def imagined_pictures(result: TrainingResult, pairs: int = 3) -> dict[str, np.ndarray]:
    """What the first seed's generator paints for some far goals: (pairs, H, W) each of start, goal, ahead, imagined.

    "ahead" is the picture k steps along a shortest path. Start and goal are those of the first, of the middle and so on
    of the pairs that are at least `giant.FARTHEST_THIRD` cells apart.
    """
    world = PictureMaze()
    starts, goals = giant.make_episodes(world)
    far = (world.distances(starts, goals) >= giant.FARTHEST_THIRD).nonzero().squeeze(1)
    chosen = far[torch.linspace(0, len(far) - 1, pairs).long()]
    s, g = starts[chosen], goals[chosen]
    seen = {"start": s, "goal": g, "ahead": steps_ahead(world, s, g)}
    pictures = {name: world.observe(states) for name, states in seen.items()}
    pictures["imagined"] = result.networks[0].subgoal_generator(pictures["start"], pictures["goal"]).mean
    return {name: rows.unflatten(-1, world.background.shape).numpy().round(3) for name, rows in pictures.items()}


@torch.no_grad()
def generator_errors(result: TrainingResult, dims: str) -> pd.DataFrame:
    """How far a generated subgoal lies from where a shortest path is k steps later, in cells.

    For every pair of start and goal of the evaluation: columns seed, distance (cells to the goal), error.
    """
    world = make_world(dims)
    starts, goals = giant.make_episodes(world)
    ahead = steps_ahead(world, starts, goals)
    observations, goal_observations = world.observe(starts), world.observe(goals)
    distances = world.distances(starts, goals).numpy()
    tables = []
    for seed, networks in zip(result.seeds, result.networks, strict=True):
        generated = world.states_of(networks.subgoal_generator(observations, goal_observations).mean)
        error = (generated - ahead).norm(dim=1) / world.maze.cell_size
        tables.append(pd.DataFrame({"seed": seed, "distance": distances, "error": error.numpy().round(4)}))
    return pd.concat(tables)


def make(
    dims: str,
    work: Path,
    seeds: list[int] | None = None,
    value_config: TrainingConfig = VALUE_CONFIG,
    policy_config: TrainingConfig = POLICY_CONFIG,
) -> None:
    """Train and evaluate everything for one `dims` into `work / dims`: episodes, generators' errors, their pictures."""
    seeds, folder = seeds or list(range(giant.SEEDS)), work / dims
    results = train_all(dims, seeds, folder, value_config, policy_config)
    starts, goals = giant.make_episodes(make_world(dims))
    if dims not in ("0", "picture"):
        results["hiql_fresh"] = with_fresh_noise(results["hiql"], NoisyMaze(int(dims), seed=2))
    tables = []
    for name, result in results.items():
        world = make_world(dims, seed=1)  # everyone meets the same noise
        tables.append(giant.drawn_and_greedy(result, world, starts, goals).assign(dims=dims, agent=name))
    pd.concat(tables).to_csv(folder / "episodes.csv", index=False)
    generators = [generator_errors(results[name], dims).assign(dims=dims, agent=name) for name in ("hiql", "gcwae")]
    pd.concat(generators).to_csv(folder / "generator.csv", index=False)
    qualities = [value_quality(results[name], dims).assign(dims=dims, agent=name) for name in ("saw", "hiql_rep")]
    pd.concat(qualities).to_csv(folder / "value.csv", index=False)
    if dims == "picture":
        np.savez_compressed(folder / "pictures.npz", **imagined_pictures(results["hiql"]))  # type: ignore[arg-type]


def gather(work: Path, folder: Path, dims: Sequence[str] = DIMS) -> dict[str, Any]:
    """Put the results of all `dims` together in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    episodes = pd.concat([pd.read_csv(work / name / "episodes.csv", dtype={"dims": str}) for name in dims])
    kinds = ["dims", "agent", "temperature"]
    tables = [
        pd.concat([group[kinds].head(1)] * (len(giant.EDGES) - 1), ignore_index=True).join(
            success_by_distance(Evaluation(group), giant.EDGES)
        )
        for _, group in episodes.groupby(kinds)
    ]
    pd.concat(tables).round(4).to_csv(folder / "success.csv", index=False)
    by_seed = [*kinds, "seed", "from_"]
    bins = np.asarray(giant.EDGES)[np.digitize(episodes["distance"], giant.EDGES) - 1]
    per_seed = episodes.assign(from_=bins).groupby(by_seed, as_index=False)["success"]
    per_seed.mean().round(4).to_csv(folder / "seeds.csv", index=False)
    generators = pd.concat([pd.read_csv(work / name / "generator.csv", dtype={"dims": str}) for name in dims])
    bins = np.asarray(giant.EDGES)[np.digitize(generators["distance"], giant.EDGES) - 1]
    errors = generators.assign(from_=bins).groupby(["dims", "agent", "seed", "from_"], as_index=False)["error"]
    errors.mean().round(4).to_csv(folder / "generator.csv", index=False)
    pd.concat([pd.read_csv(work / name / "value.csv") for name in dims]).to_csv(folder / "value.csv", index=False)
    if "picture" in dims:
        shutil.copy(work / "picture" / "pictures.npz", folder / "pictures.npz")
    return {
        "seeds": list(range(giant.SEEDS)),
        "value": asdict(VALUE_CONFIG),
        "policies": asdict(POLICY_CONFIG),
        "agents": {name: repr(agent) for name, agent in (EXTRACTED | {"hiql_rep": HIQL_REP}).items()},
        "hiql": "the two levels of ris",
        "hiql_fresh": "hiql, with new noise behind the features of each generated subgoal",
        "files": "success.csv: mean over seeds with its 95 % interval, drawn (temperature .5: N(0, .5) "
        "on each action) and greedy (0); seeds.csv: the same of each seed, 50 episodes a bin; "
        "generator.csv: mean distance (cells) of generated subgoals from a shortest path's state k steps later; "
        "value.csv: rank correlation of V with minus the distance (saw's V is that of all but hiql_rep); "
        "pictures.npz: some subgoals that the first seed's generator paints",
    }


RECORDER = Recorder("goals with numbers that mean nothing, or as pictures", "results/nuisance", DIMS, make, gather)
