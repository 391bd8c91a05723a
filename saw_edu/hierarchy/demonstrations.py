"""Demonstrations of long errands, each step labelled with the subgoal that the demonstrator was after."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cached_property
from typing import Protocol

import torch
from torch import Tensor

from saw_edu.data import Trajectories
from saw_edu.envs.world import Expert, World
from saw_edu.rollouts import where


class Narrator(World, Expert, Protocol):
    """A world whose expert says what it is after, such as `TinyPacking`."""

    def subgoals(self, states: Tensor, goal_states: Tensor) -> Tensor:
        """The number (B,) of the phrase that fits each state."""
        ...


@dataclass(frozen=True)
class Demonstrations:
    """Steps of many episodes, one episode after the other; N rows in all, one for each action.

    Two grains of labels: `subgoals` are coarse; an action's own name is the fine one (for TinyPacking
    `language.fine_phrases(actions)`).

    Raises:
        ValueError: columns of different lengths, or bounds that do not end at the last row.
    """

    states: Tensor  # (N, ...) of the world, for pictures and for asking the expert again
    observations: Tensor  # (N, obs) what the demonstrator saw
    goals: Tensor  # (N, obs) the mission, as a policy is told it
    subgoals: Tensor  # (N,) numbers of coarse phrases
    actions: Tensor  # (N,) the expert's
    next_observations: Tensor  # (N, obs) after the action
    episode_ends: Tensor  # (E,) the row after each episode's last one

    def __post_init__(self) -> None:
        lengths = {field.name: len(getattr(self, field.name)) for field in fields(self)[:-1]}
        if len(set(lengths.values())) != 1:
            raise ValueError(f"every column needs as many rows as the others, got {lengths}")
        if len(self.episode_ends) == 0 or int(self.episode_ends[-1]) != len(self.actions):
            raise ValueError(
                f"the last episode must end at row {len(self.actions)}, got {self.episode_ends.tolist()[-1:]}"
            )

    def __len__(self) -> int:
        return len(self.actions)

    @property
    def num_episodes(self) -> int:
        """How many demonstrations there are."""
        return len(self.episode_ends)

    @cached_property
    def episode_of_row(self) -> Tensor:
        """(N,) the episode that each row belongs to."""
        return torch.searchsorted(self.episode_ends, torch.arange(len(self)), right=True)

    @cached_property
    def last_of_segment(self) -> Tensor:
        """(N,) bool: the demonstrator is after something else at the next step, or finished."""
        same_episode = self.episode_of_row[1:] == self.episode_of_row[:-1]
        same = same_episode & (self.subgoals[1:] == self.subgoals[:-1])
        return torch.cat([~same, torch.tensor([True])])

    @cached_property
    def trajectories(self) -> Trajectories:
        """The same without words, for whatever learns from trajectories."""
        return Trajectories(self.observations, self.actions, self.episode_ends, self.next_observations)

    def first(self, episodes: int) -> Demonstrations:
        """The first so many episodes.

        Raises:
            ValueError: there are not so many, or less than one is asked for.
        """
        if not 1 <= episodes <= self.num_episodes:
            raise ValueError(f"there are {self.num_episodes} demonstrations, asked for {episodes}")
        rows = int(self.episode_ends[episodes - 1])
        columns = {field.name: getattr(self, field.name)[:rows] for field in fields(self)[:-1]}
        return Demonstrations(**columns, episode_ends=self.episode_ends[:episodes])

    def and_also(self, more: Demonstrations) -> Demonstrations:
        """These and more of them: what DAgger calls aggregation."""
        columns = {
            field.name: torch.cat([getattr(self, field.name), getattr(more, field.name)]) for field in fields(self)[:-1]
        }
        return Demonstrations(**columns, episode_ends=torch.cat([self.episode_ends, more.episode_ends + len(self)]))


@torch.no_grad()
def demonstrate(world: Narrator, starts: Tensor, goals: Tensor, generator: torch.Generator) -> Demonstrations:
    """The expert's roll-outs from each start (E, ...) to its goal. What slips from its hand it fetches again.

    Episodes that do not reach their goal within `world.max_steps`, or have nothing to do, are left out.

    Raises:
        ValueError: none is left.
    """
    states, done = starts, world.reached(starts, goals)
    told = world.observe(goals)
    seen = world.observe(states)
    steps: list[tuple[Tensor, ...]] = []
    running = []
    while len(steps) < world.max_steps and not bool(done.all()):
        subgoals, actions = world.subgoals(states, goals), world.oracle(states, goals)
        following = where(~done, world.step(states, actions, generator), states)
        seen_next = world.observe(following)
        steps.append((states, seen, told, subgoals, actions, seen_next))
        running.append(~done)
        states, seen = following, seen_next
        done = done | world.reached(states, goals)
    lengths = torch.stack(running).sum(0) if running else torch.zeros(len(starts), dtype=torch.long)
    kept = (done & (lengths > 0)).nonzero().squeeze(1)
    if len(kept) == 0:
        raise ValueError(f"none of {len(starts)} episodes reached its goal within {world.max_steps} steps")
    rows = torch.stack(running, 1)[kept]  # (E, T)
    states, seen, told, subgoals, actions, seen_next = (
        torch.stack(column, 1)[kept][rows] for column in zip(*steps, strict=True)
    )  # (N, ...)
    return Demonstrations(states, seen, told, subgoals, actions, seen_next, lengths[kept].cumsum(0))
