"""Chapter 1's agent, which learns by counting, and what is put round it: luck, a watchman, subgoals from a map."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import pandas as pd
import torch
from torch import Tensor

from saw_edu.data import Trajectories
from saw_edu.envs import GridMaze, navigate
from saw_edu.hierarchy import StuckDetector

ACTIONS = 5  # stay, up, down, left, right
Policy = Callable[[Tensor, Tensor], Tensor]  # observations (B, cells), goals (B, cells) -> actions (B,)


def hindsight_counts(demonstrations: Trajectories, num_cells: int) -> Tensor:
    """How often each action was taken in s on the way to g: (cells, cells, actions).

    Every cell that the demonstrator came to later counts as a goal that was reached.
    """
    episodes = demonstrations.num_episodes
    cells = demonstrations.observations.argmax(-1).view(episodes, -1)  # (E, T + 1), observations are one-hot
    actions = demonstrations.actions.view(episodes, -1)  # (E, T + 1), the last one is filler
    counts = torch.zeros(num_cells * num_cells * ACTIONS)
    for t in range(cells.shape[1] - 1):
        later = cells[:, t + 1 :]  # (E, T - t)
        index = (cells[:, t : t + 1] * num_cells + later) * ACTIONS + actions[:, t : t + 1]
        counts.index_add_(0, index.flatten(), torch.ones(index.numel()))
    return counts.view(num_cells, num_cells, ACTIONS)


def compass(world: GridMaze) -> Tensor:
    """The action that points straight at the goal, as probabilities (cells, cells, actions)."""
    cells = torch.as_tensor(world.maze.free_cells)
    up, right = (cells[None, :] - cells[:, None]).unbind(-1)  # (cells, cells) each
    vertical, horizontal = torch.where(up > 0, 1, 2), torch.where(right > 0, 4, 3)
    action = torch.where(right.abs() >= up.abs(), horizontal, vertical)
    return torch.nn.functional.one_hot(action, ACTIONS).float()


@dataclass(frozen=True)
class Counter:
    """An imitator: probabilities (cells, cells, actions), from s and to g, and how often each pair was seen."""

    table: Tensor
    seen: Tensor  # (cells, cells)

    @property
    def blind(self) -> Tensor:
        """Pairs (s, g) that no demonstration contains, where the compass decides: (cells, cells)."""
        return self.seen == 0


def imitate(world: GridMaze, seed: int, episodes: int = 10) -> Counter:
    """Watch demonstrations of 100 steps, three in ten of them random, and count."""
    generator = torch.Generator().manual_seed(seed)
    demonstrations = navigate(world, episodes, length=100, noise=0.3, generator=generator)
    counts = hindsight_counts(demonstrations, len(world.maze.free_cells))
    total = counts.sum(-1, keepdim=True)
    return Counter(torch.where(total > 0, counts / total.clamp(min=1), compass(world)), total.squeeze(-1))


def act_by(table: Tensor, generator: torch.Generator | None = None) -> Policy:
    """A policy from its table: the most likely action (greedy), or one drawn where a generator is given."""

    def policy(observations: Tensor, goals: Tensor) -> Tensor:
        chances = table[observations.argmax(-1), goals.argmax(-1)]  # (B, actions)
        if generator is None:
            return chances.argmax(-1)
        return torch.multinomial(chances, 1, generator=generator).squeeze(1)

    return policy


def with_detector(policy: Policy, generator: torch.Generator) -> StuckDetector:
    """A watchman over a policy: when the last 20 cells hold at most 3 different ones, 10 random moves."""
    return StuckDetector(
        policy,
        place=lambda observations: observations.argmax(-1),
        move=lambda num: torch.randint(1, ACTIONS, (num,), generator=generator),
        window=20,
        few=3,
        kick=10,
    )


def with_subgoals(policy: Policy, world: GridMaze, ahead: int) -> Policy:
    """Give the policy a subgoal `ahead` cells further on a shortest path, in place of its goal; 0: the goal itself."""
    next_cell = torch.as_tensor(world.maze.next_cell)

    def act(observations: Tensor, goals: Tensor) -> Tensor:
        goal = goals.argmax(-1)
        subgoal = observations.argmax(-1)
        for _ in range(ahead):
            subgoal = next_cell[subgoal, goal]
        return policy(observations, torch.nn.functional.one_hot(subgoal, len(next_cell)).float() if ahead else goals)

    return act


def generators(seeds: Iterable[int], offset: int) -> list[torch.Generator]:
    """One generator for each seed; another offset, other luck."""
    return [torch.Generator().manual_seed(1000 * offset + seed) for seed in seeds]


def seen_by_distance(world: GridMaze, counters: Iterable[Counter], edges: Iterable[int]) -> pd.DataFrame:
    """What the demonstrations show of pairs (s, g), by the distance between them: one row a bin.

    Columns times (how often one pair was seen, on average) and blind (the share of pairs that was never seen).
    """
    cells = torch.as_tensor(world.maze.free_cells)
    number = len(cells)
    distance = world.distances(cells.repeat_interleave(number, 0), cells.repeat(number, 1)).view(number, number)
    counters, bounds, rows = list(counters), list(edges), []
    for low, high in itertools.pairwise(bounds):
        at = (distance >= low) & (distance < high)
        times = torch.stack([counter.seen[at] for counter in counters])
        blind = float((times == 0).double().mean())
        rows.append({"cells": f"{low}-{high - 1}", "times": float(times.mean()), "blind": blind})
    return pd.DataFrame(rows).set_index("cells")
