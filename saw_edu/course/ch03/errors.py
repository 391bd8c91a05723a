"""Errors of a value function: drawn on a line with a chosen smoothness, and those that a learned one has in a maze."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import pandas as pd
import torch
from torch import Tensor

from saw_edu.envs import Maze, PointMaze
from saw_edu.training import Policy

KINDS = ("independent", "rough", "smooth")


def correlation(kind: str, apart: Tensor, reach: float) -> Tensor:
    """How errors at two places correlate that lie `apart` steps from one another; the shape of `apart`.

    - independent: not at all;
    - rough: e^{-x / reach}, so that errors change like a random walk;
    - smooth: e^{-x² / (2 reach²)}, so that errors have a slope, as a net's have.

    Raises:
        ValueError: another kind, or a reach that is not above 0.
    """
    if kind not in KINDS or reach <= 0:
        raise ValueError(f"kind is one of {', '.join(KINDS)} and reach above 0, got {kind!r} and {reach}")
    x = apart.double().abs()
    if kind == "independent":
        return (x == 0).double()
    return (-x / reach).exp() if kind == "rough" else (-(x**2) / (2 * reach**2)).exp()


def draw_errors(kind: str, length: int, noise: float, reach: float, draws: int, generator: torch.Generator) -> Tensor:
    """Normal errors of standard deviation `noise` at the places 0 ... length - 1 of a line: (draws, length)."""
    places = torch.arange(length)
    matrix = correlation(kind, places[:, None] - places, reach)
    values, vectors = torch.linalg.eigh(matrix)  # a Cholesky factor of smooth errors would fail by rounding
    root = vectors * values.clamp(min=0).sqrt()
    return noise * torch.randn(draws, length, generator=generator, dtype=torch.float64) @ root.T


@dataclass(frozen=True)
class Comparisons:
    """Pairs of places that a policy has to choose between: one towards a goal, one away from it, as far from here.

    Attributes:
        nearer, farther, goal: (N, 2) x and y.
        cells: (N,) the distance from here to the goal, in cells.
        here: (N,) the index of the cell between them.
        places: (N,) a number for each pair of that cell and the goal's.
    """

    nearer: Tensor
    farther: Tensor
    goal: Tensor
    cells: Tensor
    here: Tensor
    places: Tensor

    def only(self, chosen: Tensor) -> Comparisons:
        """Some of them: (N,) bool."""
        return Comparisons(*(getattr(self, field.name)[chosen] for field in fields(self)))


def comparisons(maze: Maze, steps: float, per_cell: int = 4) -> Comparisons:
    """All pairs (s, g) of cells at which a path leads towards g and another away from it, `steps` steps each.

    Args:
        maze: where.
        steps: how far from the middle of cell s; less than a cell, or a whole number of cells.
        per_cell: steps in a cell.

    Raises:
        ValueError: more than a cell, but not a whole number of them.
    """
    cells = steps / per_cell
    whole = max(round(cells), 1)
    if cells > 1 and cells != whole:
        raise ValueError(f"steps beyond a cell must be a multiple of {per_cell}, got {steps}")
    tables = maze.tables()
    distance, next_cell = tables["all_pairs"], tables["next_cell"]
    here, goal = (distance >= whole).nonzero().unbind(1)
    nearer = here
    for _ in range(whole):
        nearer = next_cell[nearer, goal]
    away = (distance[here] == whole) & ((distance[here, goal] + whole)[:, None] == distance[:, goal].T)  # (N, cells)
    there = away.any(1)
    here, goal, nearer, farther = here[there], goal[there], nearer[there], away[there].int().argmax(1)
    xy = maze.cell_to_xy(tables["free_cells"].float())
    part = min(cells, 1.0)
    ends = [xy[here] + part * (xy[end] - xy[here]) for end in (nearer, farther)]
    return Comparisons(ends[0], ends[1], xy[goal], distance[here, goal], here, here * len(distance) + goal)


@torch.no_grad()
def misjudged(policies: Sequence[Policy], world: PointMaze, pairs: Comparisons) -> Tensor:
    """Whether V puts the farther place above the nearer one, for each seed's V: (S, N) bool."""
    goals = world.observe(pairs.goal)
    nearer, farther = world.observe(pairs.nearer), world.observe(pairs.farther)
    return torch.stack([policy.value(nearer, goals) <= policy.value(farther, goals) for policy in policies])


def learned_errors(policies: Sequence[Policy], world: PointMaze, steps: Sequence[int]) -> pd.DataFrame:
    """How often a learned V misjudges a choice: columns seed, steps, distance (cells), error, pairs.

    All strides are asked at the same places: those at which the longest fits.
    """
    rows = []
    longest = comparisons(world.maze, max(steps)).places
    for k in steps:
        pairs = comparisons(world.maze, k)
        pairs = pairs.only(torch.isin(pairs.places, longest))
        wrong = misjudged(policies, world, pairs)
        for cells in pairs.cells.unique().tolist():
            chosen = pairs.cells == cells
            for seed, error in enumerate(wrong[:, chosen].double().mean(1).tolist()):
                rows.append({"seed": seed, "steps": k, "distance": cells, "error": error, "pairs": int(chosen.sum())})
    return pd.DataFrame(rows)


@torch.no_grad()
def error_growth(policies: Sequence[Policy], world: PointMaze, discount: float, steps: Sequence[int]) -> pd.DataFrame:
    """How far V's errors at two places drift apart with the steps between them: columns seed, steps, spread.

    The error is V less the exact value of a reward of -1 a step. What all pairs of one distance have in common, a bias,
    is taken out: it is the same on both sides of a choice only on average. `spread` is the standard deviation of
    the difference of two errors.
    """
    rows = []
    for k in steps:
        pairs = comparisons(world.maze, k)
        goals = world.observe(pairs.goal)
        for seed, policy in enumerate(policies):
            difference = policy.value(world.observe(pairs.nearer), goals) - policy.value(
                world.observe(pairs.farther), goals
            )
            steps_away = 4 * pairs.cells.double()
            exact = (discount ** (steps_away - k) - discount ** (steps_away + k)) / (1 - discount)
            error = difference.double() - exact
            for cells in pairs.cells.unique():
                chosen = pairs.cells == cells
                error[chosen] -= error[chosen].mean()
            rows.append({"seed": seed, "steps": 2 * k, "spread": float(error.std())})
    return pd.DataFrame(rows)
