"""Trajectories as flat tensors with episode bounds."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Tensor

from saw_edu.data.spec import Spec

ACTION_TOLERANCE = 1e-4  # beyond [-1, 1]: rounding


@dataclass(frozen=True)
class Trajectories:
    """A reward-free data set: every episode one after the other, row by row.

    Two layouts, OGBench's own names for them:

    - *compact* (`next_observations` is None): an episode of T actions has T + 1 rows. The state after row i is row
      i + 1, and the last row's action is filler that nothing reads.
    - *regular*: an episode of T actions has T rows, and `next_observations` holds the state after each.

    With `frame_stack` above 1 an agent sees the last few frames of the episode instead of one: `at` and `next` then
    join them along the last axis, oldest first, with the first frame repeated at the episode's start. Nothing is
    stored twice. In the compact layout the reference loses sight of earlier frames in the state after an episode's last
    action; here that state is stacked as every other one.

    Args:
        observations: (N, numbers) floats, or (N, height, width, channels) uint8 images.
        actions: (N, action_dim) floats in [-1, 1], or (N,) integers.
        episode_ends: (E,) the row after each episode's last one, increasing, the last equal to N.
        next_observations: shaped as `observations` in the regular layout, else None.
        frame_stack: how many frames `at` and `next` join.

    Raises:
        ValueError: when lengths, shapes, types or bounds do not fit together; for numbers that are NaN or infinite.
    """

    observations: Tensor
    actions: Tensor
    episode_ends: Tensor
    next_observations: Tensor | None = None
    frame_stack: int = 1

    def __post_init__(self) -> None:
        rows = len(self.observations)
        if self.observations.ndim not in (2, 4):
            raise ValueError(
                "observations must be (rows, numbers) or images (rows, height, width, channels), "
                f"got {tuple(self.observations.shape)}"
            )
        if self.is_image and self.observations.dtype != torch.uint8:
            raise ValueError(f"images must be uint8 from 0 to 255, got {self.observations.dtype}: convert them first")
        if not self.is_image and not self.observations.is_floating_point():
            raise ValueError(f"observations that are no images must be floats, got {self.observations.dtype}")
        if len(self.actions) != rows:
            raise ValueError(f"{rows} observations but {len(self.actions)} actions: one action a row is needed")
        following = self.next_observations
        if following is not None and (
            following.shape != self.observations.shape or following.dtype != self.observations.dtype
        ):
            raise ValueError("next_observations must have the shape and type of observations")
        if self.frame_stack < 1:
            raise ValueError(f"frame_stack must be at least 1 frame, got {self.frame_stack}")
        ends = self.episode_ends
        shortest = 1 if self.next_observations is not None else 2
        lengths = torch.diff(ends, prepend=ends.new_zeros(1))
        if ends.ndim != 1 or len(ends) == 0 or int(ends[-1]) != rows or int(lengths.min()) < shortest:
            raise ValueError(
                f"episode_ends must increase by at least {shortest} and end at the number of rows ({rows}), got {ends}"
            )
        for name, states in (("observations", self.observations), ("next_observations", following)):
            if states is not None and states.is_floating_point() and not math.isfinite(_largest(states)):
                row = _first(~torch.isfinite(states))
                raise ValueError(
                    f"{name} has a NaN or infinity, the first in row {row}: mend or leave out that episode"
                )

    def check_actions(self) -> None:
        """Raises ValueError where an action is taken that no policy of ours could take. Filler may be anything."""
        low, high = (0.0, math.inf) if self.discrete else (-1 - ACTION_TOLERANCE, 1 + ACTION_TOLERANCE)
        smallest, largest = (float(x) for x in self.actions.aminmax()) if self.actions.numel() else (0.0, 0.0)
        if low <= smallest <= largest <= high:
            return
        taken = self.actions[self.start_rows]
        wrong = ~((taken >= low) & (taken <= high))
        if not wrong.any():
            return  # in filler only
        row = int(self.start_rows[_first(wrong)])
        if self.discrete:
            raise ValueError(f"actions are numbered from 0, row {row} has {int(self.actions[row])}: shift the numbers")
        raise ValueError(
            f"actions must lie in [-1, 1], where policies act; row {row} has {self.actions[row].tolist()}. Divide them "
            "all by the largest, and multiply a policy's by it for your environment"
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
    def is_image(self) -> bool:
        """Whether observations are images."""
        return self.observations.ndim == 4

    @property
    def float_dtype(self) -> torch.dtype:
        """The precision to compute in: that of the observations, or of the actions where observations are images."""
        floats = [x.dtype for x in (self.observations, self.actions) if x.is_floating_point()]
        return floats[0] if floats else torch.get_default_dtype()

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

    def at(self, rows: Tensor) -> Tensor:
        """What an agent sees in the given rows: (B,) -> (B, obs) or (B, height, width, channels * frame_stack)."""
        if self.frame_stack == 1:
            return self.observations.index_select(0, rows)  # several times as fast as [rows]
        first = self.episode_starts[self.episode_of_row[rows]]
        ages = range(self.frame_stack - 1, -1, -1)
        return torch.cat([self.observations.index_select(0, torch.maximum(rows - age, first)) for age in ages], dim=-1)

    def next(self, rows: Tensor) -> Tensor:
        """The same one action later: (B,) -> shaped as `at(rows)`."""
        if self.next_observations is None:
            return self.at(rows + 1)
        latest = self.next_observations.index_select(0, rows)
        return latest if self.frame_stack == 1 else push_frame(self.at(rows), latest)

    def spec(self, num_actions: int | None = None) -> Spec:
        """Sizes for building networks. `num_actions` for discrete data, else counted from the actions seen."""
        image = None
        if self.is_image:
            _, height, width, channels = self.observations.shape
            image = (height, width, channels * self.frame_stack)
        dim = self.observations[0].numel() * self.frame_stack
        if self.discrete:
            return Spec(dim, num_actions or int(self.actions.max()) + 1, discrete=True, image=image)
        return Spec(dim, self.actions.shape[1], image=image)

    def to(self, device: str | torch.device | None = None, dtype: torch.dtype | None = None) -> Trajectories:
        """The same data on another device, or its floats in another precision. Images stay uint8."""

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
        if self.frame_stack > 1:
            layout += f", frame_stack={self.frame_stack}"
        return (
            f"Trajectories({self.num_episodes} episodes, {len(self.start_rows)} transitions, "
            f"observations {tuple(self.observations.shape)}, actions {tuple(self.actions.shape)}, {layout})"
        )


def _largest(x: Tensor) -> float:
    """The largest absolute value; NaN where one is."""
    return max(map(abs, map(float, x.aminmax())), key=lambda size: (math.isnan(size), size)) if x.numel() else 0.0


def _first(wrong: Tensor) -> int:
    """The first row in which something is."""
    return int(wrong.reshape(len(wrong), -1).any(1).nonzero()[0])


def push_frame(stacked: Tensor, frame: Tensor) -> Tensor:
    """Drop the oldest of the frames stacked along the last axis and append a new one.

    (..., frame_stack * channels), (..., channels) -> (..., frame_stack * channels). For acting: begin an episode with
    `torch.cat([frame] * frame_stack, -1)`, as `Trajectories` does, and push each new frame.
    """
    return torch.cat([stacked[..., frame.shape[-1] :], frame], dim=-1)
