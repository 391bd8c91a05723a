"""What chapter 16 asks of the recorded networks: what V tells apart, and what the two terms of SAW pull at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
import torch.nn.functional as F
from scipy import stats
from torch import Tensor

from saw_edu.agents import SAW
from saw_edu.agents.objectives import awr_weights, values_of
from saw_edu.course import giant
from saw_edu.data import Batch, HindsightSampler, Trajectories
from saw_edu.envs import PointMaze
from saw_edu.training import TrainingResult

MIDDLES = (np.array(giant.EDGES[:-1]) + np.array(giant.EDGES[1:]) - 1) / 2  # cells


def bins_of(distances: Tensor) -> np.ndarray:
    """The bin of distance of each pair; -1: the goal is in the same cell."""
    found: np.ndarray = np.digitize(distances, giant.EDGES) - 1
    return found


def two_ways(world: PointMaze, value: TrainingResult, steps: int, per_bin: int = 300) -> tuple[np.ndarray, np.ndarray]:
    """What V says of a state `steps` along the shortest path beside one as many straight back, by seed and bin.

    Pairs with a wall close behind, so that there is no way back by `giant.SUBGOAL_STEPS`, are left out for any `steps`.

    Returns:
        How often V prefers the right way, and the median difference of the two values, (S, bins) each.
    """
    starts, goals = giant.make_episodes(world, per_bin)

    def walk(count: int) -> tuple[Tensor, Tensor]:
        ahead, behind = starts, starts
        for _ in range(count):
            ahead = world.step(ahead, world.oracle(ahead, goals))
            behind = world.step(behind, -world.oracle(behind, goals))
        return ahead, behind

    k = giant.SUBGOAL_STEPS
    kept = torch.stack([(end - starts).norm(dim=1) > 0.5 * k for end in walk(k)]).all(dim=0)
    bins = bins_of(world.distances(starts, goals)[kept])
    forth, back = (world.observe(states[kept]) for states in walk(steps))
    g = world.observe(goals[kept])
    with torch.no_grad():
        gaps = [(policy.value(forth, g) - policy.value(back, g)).numpy() for policy in value.policies]
    by_bin = [[gap[bins == b] for b in range(len(MIDDLES))] for gap in gaps]
    right = np.array([[(part > 0).mean() for part in seed] for seed in by_bin])
    size = np.array([[np.median(part) for part in seed] for seed in by_bin])
    return right, size


@torch.no_grad()
def weights_around(
    world: PointMaze, data: Trajectories, value: TrainingResult, state: Tensor, goal: Tensor
) -> tuple[Tensor, Tensor, float]:
    """Waypoints (N, 2) of the data near a state, their weights, and how well those agree with true gains."""
    positions = world.states_of(data.observations)
    rows = data.start_rows[(positions[data.start_rows] - state).norm(dim=1) < 2.0]
    ways = torch.minimum(rows + giant.SUBGOAL_STEPS, data.final_index[rows])
    g = world.observe(goal[None]).expand(len(rows), -1)
    v_waypoint, v = (value.policies[0].value(data.observations[i], g) for i in (ways, rows))
    weights = awr_weights(v_waypoint - v, alpha=3.0)
    before, after = (world.distances(positions[i], goal.expand(len(rows), -1)) for i in (rows, ways))
    return positions[ways], weights, float(stats.spearmanr(weights, before - after).statistic)


@dataclass(frozen=True, eq=False)
class Rows:
    """Rows of the data with goals of their own walks, as SAW meets them in training.

    Args:
        world, data: the giant maze and its walks.
        value: the recorded values.
        saw: the recorded SAW, for its teachers.
        size: how many rows.
    """

    world: PointMaze
    data: Trajectories
    value: TrainingResult
    saw: TrainingResult
    size: int = 20_000

    @cached_property
    def agent(self) -> SAW:
        """SAW with the chapter's settings."""
        agent = giant.make_agents()["saw"]
        assert isinstance(agent, SAW)
        return agent

    @cached_property
    def batch(self) -> Batch:
        """The rows."""
        sampler = HindsightSampler(self.data, self.agent.goals, self.agent.discount, self.agent.subgoal_steps)
        return sampler.sample(self.size, torch.Generator().manual_seed(0))

    @cached_property
    def bins(self) -> np.ndarray:
        """The bin of distance from s to g of each row."""
        s, g = self.world.states_of(self.batch.observations), self.world.states_of(self.batch.policy_goals)
        return bins_of(self.world.distances(s, g))

    @torch.no_grad()
    def advantages(self, seed: int) -> tuple[Tensor, Tensor]:
        """A(s, a, g) and A(s, w, g) of the rows by one seed's V, (N,) each."""
        batch = self.batch
        assert batch.waypoints is not None
        points = [batch.observations, batch.next_observations, batch.waypoints]
        v, v_next, v_waypoint = values_of(self.value.networks[seed], points, batch.policy_goals)
        return v_next - v, v_waypoint - v

    def by_bin(self, numbers: Sequence[Tensor]) -> np.ndarray:
        """Means over the rows of each bin, (S, bins)."""
        return np.array([[seed[self.bins == b].mean().item() for b in range(len(MIDDLES))] for seed in numbers])

    @cached_property
    def pulls(self) -> dict[str, np.ndarray]:
        """Mean factors of both terms' pulls, (S, bins)."""
        found = [[awr_weights(a, 3.0) for a in self.advantages(seed)] for seed in self.value.seeds]
        return {
            "one step, $u_a$": self.by_bin([u for u, _ in found]),
            "bootstrapping, $2 u_w$": self.by_bin([2 * u for _, u in found]),
        }

    @cached_property
    @torch.no_grad()
    def targets(self) -> dict[str, np.ndarray]:
        """How well the targets of both terms point along the shortest path, unweighted and weighted, (S, bins)."""
        batch = self.batch
        assert batch.waypoints is not None
        s, g = self.world.states_of(batch.observations), self.world.states_of(batch.policy_goals)
        way = self.world.oracle(s, g)
        done = F.cosine_similarity(batch.actions, way)
        found: dict[str, list[list[float]]] = {}
        for seed in self.value.seeds:
            teacher = self.saw.networks[seed].subgoal_policy
            taught = F.cosine_similarity(teacher(batch.observations, batch.waypoints).mean, way)
            u_a, u_w = (awr_weights(a, 3.0) for a in self.advantages(seed))
            for name, u, right in (
                ("actions, all alike", torch.ones_like(u_a), done),
                ("actions, by $u_a$", u_a, done),
                ("π_sub at waypoints, all alike", torch.ones_like(u_w), taught),
                ("π_sub at waypoints, by $u_w$", u_w, taught),
            ):
                parts = [self.bins == b for b in range(len(MIDDLES))]
                found.setdefault(name, []).append([((u * right)[p].sum() / u[p].sum()).item() for p in parts])
        return {name: np.array(table) for name, table in found.items()}
