"""How good the advice of hindsight is: the data's actions beside those of a controller that knows the way."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from saw_edu.agents import Agent
from saw_edu.data import HindsightSampler, Trajectories
from saw_edu.envs import PointMaze

DIRECT, DETOUR = 1.5, 2.5  # steps taken to the goal, as multiples of the shortest way's


@dataclass(frozen=True)
class Pairs:
    """Rows of the data with goals in hindsight, where one way is the shortest.

    table: for each pair the distance (cells), the cosine of the data's action with the oracle's (advice), that of a
    demonstrator heading for the goal (ceiling), how many times the shortest way was taken (length) and the episode.
    """

    rows: Tensor  # (N,)
    goals: Tensor  # (N,) rows
    table: pd.DataFrame

    def mean(self, column: str, cells: NDArray[np.int64], chosen: pd.Series | None = None) -> NDArray[np.float64]:
        """The mean of a column at each of these distances, of all pairs or of some."""
        table = self.table if chosen is None else self.table[chosen]
        means: NDArray[np.float64] = table.groupby("distance")[column].mean().reindex(cells).to_numpy(float)
        return means


def ways_that_lead_nearer(world: PointMaze) -> Tensor:
    """How many neighbours of each cell lie on a shortest way to each cell: (cells, cells), from and to."""
    centres = torch.tensor(world.maze.cell_to_xy(world.maze.free_cells).copy(), dtype=torch.float32)
    number = len(centres)
    distance = world.distances(centres.repeat_interleave(number, 0), centres.repeat(number, 1)).view(number, number)
    neighbours = torch.as_tensor(world.maze.neighbours)  # (cells, 4), -1 for a wall
    nearer = distance[neighbours.clamp(min=0)] == distance[:, None] - 1  # (cells, 4, cells)
    return (nearer & (neighbours >= 0)[..., None]).sum(1)


def hindsight_pairs(
    world: PointMaze, data: Trajectories, agent: Agent, number: int, noise: float, generator: torch.Generator
) -> Pairs:
    """Draw rows and the goals that this agent's policy would be trained on, and judge the actions.

    Where two neighbours lead to the goal alike, the oracle's choice says nothing about the data's: those are left out.
    """
    states = world.states_of(data.observations)
    starts = data.start_rows
    rows = starts[torch.randint(len(starts), (number,), generator=generator)]
    goals = HindsightSampler(data, agent.goals).sample_goals(rows, generator).policy_goals
    s, g = states[rows], states[goals]
    one_way = ways_that_lead_nearer(world)[world.index(s), world.index(g)] == 1
    rows, goals, s, g = rows[one_way], goals[one_way], s[one_way], g[one_way]
    right = world.oracle(s, g)
    cosine = torch.cosine_similarity
    distance = world.distances(s, g)
    steps_a_cell = world.maze.cell_size / world.step_size
    table = pd.DataFrame(
        {
            "distance": distance.long(),
            "advice": cosine(data.actions[rows], right, dim=1),
            "ceiling": cosine(world.perturb(right, noise, generator), right, dim=1),
            "length": (goals - rows) / (steps_a_cell * distance),
            "episode": data.final_index[rows],
        }
    )
    return Pairs(rows, goals, table)


def weighted_advice(pairs: Pairs, weights: Tensor, cells: NDArray[np.int64], draws: int = 300) -> NDArray[np.float64]:
    """The weighted mean of the advice at each distance, with a 95 % interval over episodes: (cells, 3) mean, low, high.

    weights: (seeds, N). Episodes are drawn again with replacement (the bootstrap): pairs of one episode go together.
    """
    table = pairs.table
    _, episode = np.unique(table["episode"], return_inverse=True)
    number = int(episode.max()) + 1
    advice, distance = table["advice"].to_numpy(), table["distance"].to_numpy()
    again = np.random.default_rng(0).multinomial(number, np.full(number, 1 / number), draws)  # (draws, episodes)
    found = []
    for cell in cells:
        at = distance == cell
        mine = weights.numpy()[:, at]
        total = np.stack([np.bincount(episode[at], w, number) for w in mine])  # (seeds, episodes)
        sums = np.stack([np.bincount(episode[at], w * advice[at], number) for w in mine])
        means = ((again @ sums.T) / (again @ total.T).clip(min=1e-12)).mean(1)  # (draws,)
        found.append(((sums.sum(1) / total.sum(1)).mean(), *np.quantile(means, [0.025, 0.975])))
    return np.array(found)
