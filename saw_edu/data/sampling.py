"""Hindsight goal sampling: which states of the data are called goals, subgoals and waypoints.

The rules and their default probabilities are those of OGBench's `GCDataset` and `HGCDataset` (Park et al., ICLR 2025),
which the SAW paper's code uses unchanged.
"""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from saw_edu.data.trajectories import Trajectories


@dataclass(frozen=True)
class HindsightGoals:
    """How goals are drawn. Each triple is three probabilities that sum to one: (current, trajectory, random).

    *current*: the state itself; *trajectory*: a later state of the same episode; *random*: any state of the data.
    """

    value_goals: tuple[float, float, float] = (0.2, 0.5, 0.3)  # goals that the value function learns
    policy_goals: tuple[float, float, float] = (0.0, 1.0, 0.0)  # goals that the policies learn
    value_geometric: bool = True  # trajectory value goals: geometric offset (True) or uniform over the rest
    policy_geometric: bool = False  # the same for trajectory policy goals
    success_reward: float = 0.0  # reward where the goal is the state itself
    step_reward: float = -1.0  # reward anywhere else (0/1 rewards: success_reward=1, step_reward=0)

    def __post_init__(self) -> None:
        for name, triple in (("value_goals", self.value_goals), ("policy_goals", self.policy_goals)):
            if len(triple) != 3 or min(triple) < 0 or abs(sum(triple) - 1) > 1e-6:
                raise ValueError(
                    f"{name} must be three probabilities that sum to 1 (current, trajectory, random): {triple}"
                )


class Batch(NamedTuple):
    """What one gradient step reads. B rows; every goal is an observation. `None`: not sampled.

    An observation is `obs` floats, or a uint8 image (height, width, channels of all stacked frames).
    """

    observations: Tensor  # s        (B, obs)
    actions: Tensor  # a             (B, act) or (B,)
    next_observations: Tensor  # s'  (B, obs)
    rewards: Tensor  # r             (B,)  with respect to the value goal
    masks: Tensor  # m               (B,)  0 where the value goal is reached, else 1
    value_goals: Tensor  # g_v       (B, obs)
    policy_goals: Tensor  # g         (B, obs)
    subgoals: Tensor | None = None  # for π_sub: the state k steps ahead                       (B, obs)
    waypoints: Tensor | None = None  # w: the state k steps ahead, or g where g comes sooner   (B, obs)
    noise: Tensor | None = None  # standard normal numbers for losses that sample              (B, as needed)


class GoalRows(NamedTuple):
    """The rows of the data that a batch is made of, before they are looked up. All (B,)."""

    rows: Tensor
    value_goals: Tensor
    policy_goals: Tensor
    subgoals: Tensor | None
    waypoints: Tensor | None


@dataclass(frozen=True)
class HindsightSampler:
    """Draws batches with hindsight goals from a data set, on the data set's device.

    Args:
        trajectories: the data.
        goals: the probabilities.
        discount: γ; a geometric offset k >= 1 has probability (1 - γ) γ^(k-1).
        subgoal_steps: k, for agents with two horizons: also draw subgoals and waypoints. None: do not.
            With k, an policy goal is never the current state: its share goes to trajectory goals.
    """

    trajectories: Trajectories
    goals: HindsightGoals
    discount: float = 0.99
    subgoal_steps: int | None = None

    def __post_init__(self) -> None:
        if not 0 < self.discount < 1:
            raise ValueError(f"discount must lie between 0 and 1, got {self.discount}")
        if self.subgoal_steps is not None and self.subgoal_steps < 1:
            raise ValueError(f"subgoal_steps must be at least 1, got {self.subgoal_steps}")

    def sample(self, batch_size: int, generator: torch.Generator) -> Batch:
        """A batch of transitions with their goals, drawn uniformly with replacement."""
        starts = self.trajectories.start_rows
        picks = torch.randint(len(starts), (batch_size,), generator=generator, device=starts.device)
        return self.look_up(self.sample_goals(starts.index_select(0, picks), generator))

    def sample_goals(self, rows: Tensor, generator: torch.Generator) -> GoalRows:
        """For given start rows (B,), the rows of every goal."""
        value_goals, _ = self._goals(rows, self.goals.value_goals, self.goals.value_geometric, generator)
        if self.subgoal_steps is None:
            policy_goals, _ = self._goals(rows, self.goals.policy_goals, self.goals.policy_geometric, generator)
            return GoalRows(rows, value_goals, policy_goals, None, None)
        p_random = self.goals.policy_goals[2]
        shares = (0.0, 1.0 - p_random, p_random)
        policy_goals, is_random = self._goals(rows, shares, self.goals.policy_geometric, generator)
        return GoalRows(rows, value_goals, policy_goals, *self.waypoint_rows(rows, policy_goals, is_random))

    def waypoint_rows(self, rows: Tensor, policy_goals: Tensor, is_random: Tensor) -> tuple[Tensor, Tensor]:
        """Rows of π_sub's goals and of the waypoints, for given rows of s and g. All (B,).

        A subclass may choose others: `train(..., sampler=MySampler)`.

        Args:
            rows: of s.
            policy_goals: of g.
            is_random: True where g was drawn from all data instead of from the rest of the episode of s.
        """
        assert self.subgoal_steps is not None
        subgoals = torch.minimum(rows + self.subgoal_steps, self.trajectories.final_index.index_select(0, rows))
        # The waypoint lies on the way to the goal, so never beyond it. A random goal has no place on this trajectory.
        return subgoals, torch.where(is_random, subgoals, torch.minimum(subgoals, policy_goals))

    def look_up(self, picked: GoalRows) -> Batch:
        """Turn rows into observations, and the value goals into rewards and masks."""
        data = self.trajectories
        reached = picked.rows == picked.value_goals
        dtype = data.float_dtype
        wanted = [rows for rows in picked if rows is not None]
        states, value_goals, policy_goals, *near = data.at(torch.cat(wanted)).split(len(picked.rows))
        subgoals, waypoints = near or (None, None)
        return Batch(
            observations=states,
            actions=data.actions.index_select(0, picked.rows),
            next_observations=data.next(picked.rows),
            rewards=torch.where(reached, self.goals.success_reward, self.goals.step_reward).to(dtype),
            masks=(~reached).to(dtype),
            value_goals=value_goals,
            policy_goals=policy_goals,
            subgoals=subgoals,
            waypoints=waypoints,
        )

    def _goals(
        self, rows: Tensor, shares: tuple[float, float, float], geometric: bool, generator: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """Goal rows (B,) by the three shares, and which of them are random ones (B,)."""
        p_current, p_trajectory, p_random = shares
        final = self.trajectories.final_index.index_select(0, rows)
        uniform, kind = torch.rand((2, len(rows)), generator=generator, device=rows.device, dtype=torch.float64)
        goals = (
            geometric_goals(rows, final, uniform, self.discount) if geometric else uniform_goals(rows, final, uniform)
        )
        is_random = torch.zeros_like(rows, dtype=torch.bool)
        if p_random > 0:
            starts = self.trajectories.start_rows
            picks = torch.randint(len(starts), (len(rows),), generator=generator, device=rows.device)
            is_random = kind >= p_current + p_trajectory
            goals = torch.where(is_random, starts.index_select(0, picks), goals)
        if p_current > 0:
            goals = torch.where(kind < p_current, rows, goals)
        return goals, is_random


def geometric_goals(rows: Tensor, final: Tensor, uniform: Tensor, discount: float) -> Tensor:
    """Rows k >= 1 steps ahead with P(k) = (1 - γ) γ^(k-1), at most `final`.

    `uniform` holds numbers in [0, 1): the inverse of the distribution function turns them into offsets. All (B,).
    """
    offset = torch.floor(torch.log1p(-uniform) / torch.log(torch.tensor(discount, dtype=uniform.dtype))) + 1
    return torch.minimum(rows + offset.long(), final)


def uniform_goals(rows: Tensor, final: Tensor, uniform: Tensor) -> Tensor:
    """Rows between the next one and `final`, at `final` itself where nothing is left. All (B,).

    The reference rounds a point between the two ends, so each end row has half the chance of an inner one.
    """
    first = torch.minimum(rows + 1, final)
    return torch.round(final - uniform * (final - first)).long()
