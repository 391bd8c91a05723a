"""Walkers that trust a value function with errors: flat ones, and ones that choose a waypoint first."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import pandas as pd
import torch
from torch import Tensor

from saw_edu.envs import Maze
from saw_edu.evaluation import seed_interval


def walk(
    maze: Maze,
    values: Tensor,
    starts: Tensor,
    goals: Tensor,
    *,
    waypoint_steps: int | None = None,
    temperature: float = 0.0,
    max_steps: int = 100,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Which walkers arrive: (D, N) bool. Each steps to the neighbouring cell that its V puts highest.

    A walker with `waypoint_steps` first looks at the cells that far away and goes for the best of them until it is
    there, then looks again; steps are chosen by V(s, waypoint), the waypoint by V(w, goal).

    Args:
        maze: where.
        values: (D, F, F) V(s, g) of D value functions, F cells.
        starts: (N,) indices of cells.
        goals: (N,) indices of cells.
        waypoint_steps: how far away waypoints lie, in cells; None: no waypoints.
        temperature: 0: the best; above it, drawn in proportion to e^{V / temperature}.
        max_steps: patience.
        generator: for drawing.
    """
    tables = maze.tables()
    distance, cells = tables["all_pairs"], len(tables["free_cells"])
    beside = distance == 1  # (F, F)
    draws, walkers = len(values), len(starts)
    state, goal = starts.expand(draws, walkers).clone(), goals.expand(draws, walkers)
    each = torch.arange(draws)[:, None].expand(draws, walkers)
    target = goal.clone() if waypoint_steps is None else torch.full_like(goal, -1)
    arrived = state == goal

    def best(candidates: Tensor, towards: Tensor) -> Tensor:
        """The best cell (D, N) of candidates (D, N, F) bool by V(cell, towards)."""
        scores = values.transpose(1, 2)[each, towards].masked_fill(~candidates, -torch.inf)  # (D, N, F)
        if temperature == 0:
            return scores.argmax(-1)
        chances = (scores / temperature).softmax(-1).view(-1, cells)
        return torch.multinomial(chances, 1, generator=generator).view(draws, walkers)

    for _ in range(max_steps):
        if waypoint_steps is not None:
            near_goal = distance[state, goal] <= waypoint_steps
            again = (target < 0) | (state == target)
            chosen = best(distance[state] == waypoint_steps, goal)
            target = torch.where(near_goal, goal, torch.where(again, chosen, target))
        state = torch.where(arrived, state, best(beside[state], target))
        arrived |= state == goal
    return arrived


def arrivals(maze: Maze, arrived: Tensor, starts: Tensor, goals: Tensor, edges: Sequence[int]) -> pd.DataFrame:
    """Share of walkers that arrive, by bin of distance: columns distance, mean and, over V's errors, low and high."""
    cells = maze.tables()["all_pairs"][starts, goals]
    rows = []
    for low, high in itertools.pairwise(edges):
        each = arrived[:, (cells >= low) & (cells < high)].double().mean(1)
        bounds = seed_interval(each.numpy())
        rows.append({"distance": (low + high - 1) / 2, "mean": float(each.mean()), "low": bounds[0], "high": bounds[1]})
    return pd.DataFrame(rows)
