"""Roll-outs of chapter 2's agents at a temperature, and what is compared of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from saw_edu.envs import PointMaze
from saw_edu.evaluation import episodes_by_distance, seed_interval, success_by_distance
from saw_edu.rollouts import Evaluation, PolicyLike, evaluate
from saw_edu.training import Policy, TrainingResult

STILL = 0.2  # units: who moves less in each of its last steps stands still


class Trial:
    """The same starts and goals for all: 60 episodes in every bin of distance."""

    def __init__(self, world: PointMaze, edges: Sequence[int], generator: torch.Generator, episodes: int = 60) -> None:
        self.world, self.edges = world, list(edges)
        self.starts, self.goals = episodes_by_distance(world, edges, episodes, generator)

    def run(self, policies: Sequence[PolicyLike], keep_paths: bool = False) -> Evaluation:
        """All episodes of all policies, one a seed."""
        return evaluate(policies, self.world, self.starts, self.goals, keep_paths=keep_paths, progress=False)

    def drawn(self, result: TrainingResult, temperature: float) -> Evaluation:
        """All seeds at a temperature, each drawing its actions from a generator of its own; 0 is greedy."""
        return self.run(
            [
                Policy(policy.agent, policy.networks, temperature, torch.Generator().manual_seed(seed))
                for seed, policy in enumerate(result.policies)
            ]
        )

    def aimless(self, seeds: int = 5) -> Evaluation:
        """Uniformly random actions."""
        generator = torch.Generator().manual_seed(6)
        return self.run([lambda states, goals: 2 * torch.rand(len(states), 2, generator=generator) - 1] * seeds)

    def demonstrator(self, noise: float) -> Evaluation:
        """Whoever made the data, told which goal is ours."""
        world, generator = self.world, torch.Generator().manual_seed(5)

        def act(states: Tensor, goals: Tensor) -> Tensor:
            return world.perturb(world.oracle(world.states_of(states), world.states_of(goals)), noise, generator)

        return self.run([act])

    def by_distance(self, evaluation: Evaluation) -> pd.DataFrame:
        """Mean and 95 % interval over seeds, one row a bin."""
        return success_by_distance(evaluation, self.edges)

    def line(self, evaluation: Evaluation) -> str:
        """Success by bin with its interval, in words."""
        rows = self.by_distance(evaluation).itertuples()
        return "  ".join(f"{r.mean:4.0%} [{r.low:4.0%}, {r.high:4.0%}]" for r in rows)

    def gains(self, better: Evaluation, other: Evaluation) -> NDArray[np.float64]:
        """Paired differences of success, seed by seed: (bins, 3) mean and 95 % interval."""
        by_seed = []
        for episodes in (better.episodes, other.episodes):
            bins = pd.cut(episodes["distance"], self.edges, right=False, labels=False).rename("bin")
            by_seed.append(episodes.groupby([bins, "seed"])["success"].mean().unstack())
        differences = (by_seed[0] - by_seed[1]).to_numpy()  # (bins, seeds)
        return np.array([(row.mean(), *seed_interval(row)) for row in differences])

    def gains_line(self, better: Evaluation, other: Evaluation) -> str:
        """The same in words."""
        return "  ".join(f"{m:+4.0%} [{low:+4.0%}, {high:+4.0%}]" for m, low, high in self.gains(better, other))


def at_rest(evaluation: Evaluation, last: int = 20) -> float:
    """Of the episodes that failed, the share that stood still at the end."""
    assert evaluation.paths is not None
    moved = evaluation.paths.diff(dim=2).norm(dim=-1)[:, :, -last:].amax(-1).flatten()  # (seeds * episodes,)
    failed = torch.tensor(evaluation.episodes["success"].to_numpy()) == 0
    return float((moved[failed] < STILL).double().mean())


def order_of_neighbours(
    order: Callable[[Tensor, Tensor], float], values: Sequence[Tensor], distances: Tensor
) -> NDArray[np.float64]:
    """How often two neighbouring cells are in the right order, by the nearer one's distance: (seeds, distances).

    order: the chapter's `order_agreement`. values: for each seed (goals, cells). distances: (cells, cells).
    """
    adjacent = torch.nonzero(distances == 1).tolist()  # pairs of neighbours, both ways round
    found = []
    for v in values:
        right = [
            (int(d[i]), order(v_goal[[i, j]], d[[i, j]]))
            for v_goal, d in zip(v, distances, strict=True)
            for i, j in adjacent
            if d[i] < d[j]
        ]
        found.append(pd.DataFrame(right, columns=["distance", "right"]).groupby("distance")["right"].mean().to_numpy())
    return np.array(found)
