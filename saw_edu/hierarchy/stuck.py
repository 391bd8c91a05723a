"""A watchman: when an agent has been in the same few places for a while, it takes over with random moves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor


class StuckMemory(NamedTuple):
    """What the watchman remembers of each episode."""

    places: Tensor  # (B, window) the last places, the newest last; -1 before there were so many
    left: Tensor  # (B,) random moves still to be made


@dataclass(frozen=True)
class StuckDetector:
    """Take over for `kick` random moves when the last `window` places hold at most `few` different ones.

    A policy with memory: each episode has its own, so it can be used in any number of roll-outs.

    Args:
        policy: (observations, goals) -> actions, watched over.
        place: observations (B, obs) -> a number for the place that each is in, (B,), at least 0.
        move: how many -> that many random actions.
        window: places looked back on.
        few: different places at most, for an agent to be called stuck.
        kick: random moves then.
    """

    policy: Callable[[Tensor, Tensor], Tensor]
    place: Callable[[Tensor], Tensor]
    move: Callable[[int], Tensor]
    window: int = 20
    few: int = 3
    kick: int = 10

    def begin(self, batch: int) -> StuckMemory:
        """No place seen, nothing to do."""
        return StuckMemory(torch.full((batch, self.window), -1), torch.zeros(batch, dtype=torch.long))

    def act(self, observations: Tensor, goals: Tensor, memory: StuckMemory) -> tuple[Tensor, StuckMemory]:
        """The policy's actions, or random ones where an agent is being freed."""
        actions = self.policy(observations, goals)
        places = torch.cat([memory.places[:, 1:], self.place(observations)[:, None]], 1)  # (B, window)
        different = 1 + (places.sort(1).values.diff(dim=1) != 0).sum(1)
        stuck = (places[:, 0] >= 0) & (different <= self.few) & (memory.left == 0)
        left = torch.where(stuck, self.kick, memory.left)
        freed = (left > 0).view(-1, *[1] * (actions.ndim - 1))
        actions = torch.where(freed, self.move(len(actions)), actions)
        return actions, StuckMemory(places, (left - 1).clamp(min=0))
