"""Chapter 14's experiments: HIQL's two levels in the giant maze, each replaced by one that does not err.

The networks are those of `saw_edu.course.giant`, five seeds. `saw-edu record ch14` records the results.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pandas as pd
import torch
from torch import Tensor

from saw_edu.course import giant
from saw_edu.data import Trajectories
from saw_edu.envs import PointMaze
from saw_edu.hierarchy import EveryN, TwoLevels
from saw_edu.nn import Networks
from saw_edu.rollouts import evaluate

SPREADS = (0.0, 0.05, 0.1, 0.2, 0.5)  # of the draw of a subgoal, per feature
HELD = (1, 4, 8, 16, 32)  # steps for which a subgoal is held
FEW = (5,)  # walks of 500 whose actions are known, in the experiment on few actions

Level = Callable[[Tensor, Tensor], Tensor]


def learned_high(networks: Networks, spread: float = 0.0, generator: torch.Generator | None = None) -> Level:
    """(observations, goals) -> the generator's mean subgoal (B, obs), or a draw around it."""

    def high(observations: Tensor, goals: Tensor) -> Tensor:
        mean: Tensor = networks.subgoal_generator(observations, goals).mean
        return mean if spread == 0 else mean + spread * torch.randn(mean.shape, generator=generator)

    return high


def perfect_high(world: PointMaze, steps: int = giant.SUBGOAL_STEPS) -> Level:
    """(observations, goals) -> what is seen where a shortest path is k steps later."""

    def high(observations: Tensor, goals: Tensor) -> Tensor:
        states, ends = world.states_of(observations), world.states_of(goals)
        for _ in range(steps):
            states = world.step(states, world.oracle(states, ends))
        return world.observe(states)

    return high


def consistent(world: PointMaze, high: Level) -> Level:
    """The place that a guess means, as it would be seen: all features agree again."""
    return lambda observations, goals: world.observe(world.states_of(high(observations, goals)))


def learned_low(networks: Networks) -> Level:
    """(observations, subgoals) -> the low level's mean action (B, 2)."""
    return lambda observations, subgoals: networks.subgoal_policy(observations, subgoals).mean


def perfect_low(world: PointMaze) -> Level:
    """(observations, subgoals) -> the oracle's action towards the place that a subgoal means; walls are no goals."""

    def low(observations: Tensor, subgoals: Tensor) -> Tensor:
        free = world.maze.cell_to_xy(world.maze.tables()["free_cells"].float())
        wanted = world.states_of(subgoals)
        nearest = free[torch.cdist(wanted, free).argmin(1)]
        inside = world.maze.xy_to_cell(wanted) == world.maze.xy_to_cell(nearest)
        return world.oracle(world.states_of(observations), torch.where(inside.all(-1, keepdim=True), wanted, nearest))

    return low


@dataclass(frozen=True)
class Hand:
    """Two levels that act with the walkers' hand: N(0, temperature) on each action."""

    levels: TwoLevels
    world: PointMaze
    temperature: float
    generator: torch.Generator

    def begin(self, batch: int):  # type: ignore[no-untyped-def]  # whatever the levels remember
        """As the levels."""
        return self.levels.begin(batch)

    def act(self, observations: Tensor, goals: Tensor, memory):  # type: ignore[no-untyped-def]
        """As the levels, shaken."""
        actions, memory = self.levels.act(observations, goals, memory)
        if self.temperature > 0:
            actions = self.world.perturb(actions, self.temperature, self.generator)
        return actions, memory


@torch.no_grad()
def measure(
    kind: str, levels: Sequence[TwoLevels], seeds: Sequence[int], temperatures: Sequence[float] = (giant.NOISE, 0.0)
) -> pd.DataFrame:
    """Success of every seed's levels by bin of distance, on the giant maze's episodes.

    Returns:
        Columns kind, seed, temperature, from_ (cells), success.
    """
    world = giant.make_world()
    starts, goals = giant.make_episodes(world)
    tables = []
    for temperature in temperatures:
        generator = torch.Generator().manual_seed(2)
        policies = [Hand(one, world, temperature, generator) for one in levels]
        episodes = evaluate(policies, world, starts, goals, seeds=seeds, progress=False).episodes
        bins = pd.cut(episodes["distance"], giant.EDGES, right=False, labels=giant.EDGES[:-1]).astype(int)
        grouped = episodes.assign(from_=bins).groupby(["seed", "from_"], as_index=False)["success"].mean()
        tables.append(grouped.assign(kind=kind, temperature=temperature))
    return pd.concat(tables)


def first_walks(data: Trajectories, walks: int) -> Trajectories:
    """The first walks alone: those whose actions are known."""
    rows = int(data.episode_ends[walks - 1])
    return Trajectories(data.observations[:rows], data.actions[:rows], data.episode_ends[:walks])


def held(high: Level, low: Level, n: int = 1) -> TwoLevels:
    """Two levels, a subgoal held for n steps."""
    return TwoLevels(high, low, EveryN(n))


def flat(policy: Level) -> TwoLevels:
    """A flat policy in the same clothes: its "subgoal" is the goal itself."""
    return TwoLevels(lambda observations, goals: goals, policy, EveryN(1))
