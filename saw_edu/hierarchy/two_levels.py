"""A policy of two levels: the high one proposes a subgoal, the low one acts towards it until a switch asks again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor

from saw_edu.hierarchy.switching import Switch
from saw_edu.rollouts import map_memory

High = Callable[[Tensor, Tensor], Any]
"""(observations (B, obs), goals (B, obs)) -> subgoals, a tree of tensors (B, ...): states, words, images, ..."""

Low = Callable[[Tensor, Any], Tensor]
"""(observations (B, obs), subgoals) -> actions (B, act) or (B,)."""


class TwoLevelMemory(NamedTuple):
    """What a two-level policy remembers of each episode."""

    subgoals: Any  # held now, a tree of tensors (B, ...); None before the first step
    age: Tensor  # (B,) low-level steps taken with them; 0 before the first
    high_calls: Tensor  # (B,) how often the high level was asked
    low_calls: Tensor  # (B,) how often the low level was


@dataclass(frozen=True)
class TwoLevels:
    """Roll-out of a hierarchy as the lecture writes it, for a batch of episodes, each with its own clock.

    At the first step, and whenever `switch` says so, the high level plans a subgoal; at every step the low level acts
    towards the subgoal held. Calls of either level are counted in the memory, for each episode.

    Args:
        high: proposes subgoals; it is asked for those episodes only that need one.
        low: reaches them.
        switch: when to ask for the next.
    """

    high: High
    low: Low
    switch: Switch

    def begin(self, batch: int) -> TwoLevelMemory:
        """Nothing is held yet: the first step asks the high level."""
        zero = torch.zeros(batch, dtype=torch.long)
        return TwoLevelMemory(None, zero, zero, zero)

    def act(self, observations: Tensor, goals: Tensor, memory: TwoLevelMemory) -> tuple[Tensor, TwoLevelMemory]:
        """One action of the low level, after a new subgoal where it is time for one."""
        asked, subgoals = memory.age == 0, memory.subgoals
        if subgoals is None:
            subgoals = self.high(observations, goals)
        else:
            asked = asked | self.switch(observations, subgoals, memory.age)
            rows = asked.nonzero().squeeze(1)
            if len(rows) > 0:
                new = self.high(observations[rows], goals[rows])
                subgoals = map_memory(lambda held, one: held.index_copy(0, rows, one.to(held.dtype)), subgoals, new)
        actions = self.low(observations, subgoals)
        age = torch.where(asked, 0, memory.age) + 1
        return actions, TwoLevelMemory(subgoals, age, memory.high_calls + asked, memory.low_calls + 1)
