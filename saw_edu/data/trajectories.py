"""Trajectories as flat tensors with episode bounds."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Tensor

from saw_edu.data.spec import Spec


@dataclass(frozen=True)
class Trajectories:
    """A reward-free data set: every episode one after the other, row by row.

    Two layouts, OGBench's own names for them:

    - *compact* (`next_observations` is None): an episode of T actions has T + 1 rows. The state after row i is row
      i + 1, and the last row's action is filler that nothing reads.
    - *regular*: an episode of T actions has T rows, and `next_observations` holds the state after each.

    Args:
        observations: (N, observation_dim) floats.
        actions: (N, action_dim) floats in [-1, 1], or (N,) integers.
        episode_ends: (E,) the row after each episode's last one, increasing, the last equal to N.
        next_observations: (N, observation_dim) in the regular layout, else None.

    Raises:
        ValueError: when lengths, shapes or bounds do not fit together.
    """

    observations: Tensor
    actions: Tensor
    episode_ends: Tensor
    next_observations: Tensor | None = None

    def __post_init__(self) -> None:
        rows = len(self.observations)
        if self.observations.ndim != 2:
            raise ValueError(f"observations must be (rows, numbers), got {tuple(self.observations.shape)}")
        if len(self.actions) != rows:
            raise ValueError(f"{rows} observations but {len(self.actions)} actions: one action a row is needed")
        if self.next_observations is not None and self.next_observations.shape != self.observations.shape:
            raise ValueError("next_observations must have the shape of observations")
        ends = self.episode_ends
        shortest = 1 if self.next_observations is not None else 2
        lengths = torch.diff(ends, prepend=ends.new_zeros(1))
        if ends.ndim != 1 or len(ends) == 0 or int(ends[-1]) != rows or int(lengths.min()) < shortest:
            raise ValueError(
                f"episode_ends must increase by at least {shortest} and end at the number of rows ({rows}), got {ends}"
            )

    @property
    def compact(self) -> bool:
        """Whether the next state of a row is the next row."""
        return self.next_observations is None

    @property
    def discrete(self) -> bool:
        """Whether actions are integers."""
        return not self.actions.is_floating_point()

    @property
    def num_episodes(self) -> int:
        """How many episodes there are."""
        return len(self.episode_ends)

    @cached_property
    def episode_starts(self) -> Tensor:
        """(E,) the first row of each episode."""
        return torch.cat([self.episode_ends.new_zeros(1), self.episode_ends[:-1]])

    @cached_property
    def episode_of_row(self) -> Tensor:
        """(N,) the episode that each row belongs to."""
        rows = torch.arange(len(self.observations), device=self.observations.device)
        return torch.searchsorted(self.episode_ends, rows, right=True)

    @cached_property
    def final_index(self) -> Tensor:
        """(N,) the last row of the same episode that has an action: goals lie at or before it.

        In the compact layout an episode's very last state is therefore never a goal, as in OGBench's own sampler.
        """
        return (self.episode_ends - (2 if self.compact else 1))[self.episode_of_row]

    @cached_property
    def start_rows(self) -> Tensor:
        """(M,) the rows that have an action and a next state."""
        rows = torch.arange(len(self.observations), device=self.observations.device)
        return rows[rows <= self.final_index]

    def next(self, rows: Tensor) -> Tensor:
        """States after the given rows: (B,) -> (B, observation_dim)."""
        return self.observations[rows + 1] if self.next_observations is None else self.next_observations[rows]

    def spec(self, num_actions: int | None = None) -> Spec:
        """Sizes for building networks. `num_actions` for discrete data, else counted from the actions seen."""
        if self.discrete:
            return Spec(self.observations.shape[1], num_actions or int(self.actions.max()) + 1, discrete=True)
        return Spec(self.observations.shape[1], self.actions.shape[1])

    def to(self, device: str | torch.device | None = None, dtype: torch.dtype | None = None) -> Trajectories:
        """The same data on another device, or its floats in another precision."""

        def move(x: Tensor) -> Tensor:
            return x.to(device=device, dtype=dtype if x.is_floating_point() else None)

        following = None if self.next_observations is None else move(self.next_observations)
        return replace(
            self,
            observations=move(self.observations),
            actions=move(self.actions),
            episode_ends=self.episode_ends.to(device),
            next_observations=following,
        )

    def __repr__(self) -> str:
        layout = "compact" if self.compact else "regular"
        return (
            f"Trajectories({self.num_episodes} episodes, {len(self.start_rows)} transitions, "
            f"observations {tuple(self.observations.shape)}, actions {tuple(self.actions.shape)}, {layout})"
        )
