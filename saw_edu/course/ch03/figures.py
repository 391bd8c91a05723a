"""The figures of chapter 3."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from torch import Tensor

from saw_edu.course.ch03.errors import KINDS, comparisons, draw_errors, misjudged
from saw_edu.envs import Maze, PointMaze
from saw_edu.evaluation import seed_interval
from saw_edu.training import Policy
from saw_edu.viz import plot_maze, plot_success_by_distance, plot_values, style
from saw_edu.viz.mazes import GOAL, mark

Chance = Callable[..., Tensor]

KIND_LOOKS = {"independent": (style.VERMILION, "o"), "rough": (style.ORANGE, "s"), "smooth": (style.BLUE, "^")}
WALKERS = {
    "flat": ("flat, best step", style.ORANGE, "--"),
    "flat drawn": ("flat, drawn", style.VERMILION, "-"),
    "two levels": ("two levels, best", style.SKY, "--"),
    "two levels drawn": ("two levels, drawn", style.BLUE, "-"),
}


def first_look(world: PointMaze, values: Sequence[Policy], goal_cell: int, edges: Sequence[int]) -> Figure:
    """V for one goal; where it misjudges the next step, over seeds; and how often, over all goals."""
    figure, (left, middle, right) = plt.subplots(1, 3, figsize=(14.5, 3.9), width_ratios=(1.15, 1.15, 1))
    pairs = comparisons(world.maze, 1)
    wrong = misjudged(values, world, pairs).double()  # (S, N)
    mine = (pairs.goal == _centres(world)[goal_cell]).all(1)
    plot_values(left, world, values[0].value, _centres(world)[goal_cell], label="V")
    left.set_title("V of one seed, for the star")
    plot_maze(middle, world)
    at = _centres(world)[pairs.here[mine]]
    share = wrong[:, mine].mean(0)
    dots = middle.scatter(*at.T, c=share, cmap="magma_r", vmin=0, vmax=1, s=75, zorder=3, ec=style.DARK)
    figure.colorbar(dots, ax=middle, label="share of 5 seeds", shrink=0.85)
    mark(middle, _centres(world)[goal_cell].numpy(), GOAL)
    middle.set_title("which of two steps is better: misjudged")
    table = pd.concat(
        pd.DataFrame({"seed": seed, "distance": pairs.cells.numpy(), "error": row.numpy()})
        for seed, row in enumerate(wrong)
    )
    band(right, table, edges, label="learned V, 5 seeds", color=style.PURPLE, marker="D")
    coin(right)
    right.set_title("all goals")
    for axes in (left, middle):
        axes.set(xlabel="", ylabel="", xticks=[], yticks=[])
    return figure


def band(ax: Axes, table: pd.DataFrame, edges: Sequence[int], **look: Any) -> None:
    """Mean error over seeds with its 95 % interval, by bin of distance [edges[i], edges[i + 1])."""
    table = table.assign(bin=np.digitize(table["distance"], edges) - 1)
    by_seed = table.groupby(["bin", "seed"])["error"].mean().unstack()  # (bins, seeds)
    bounds = np.array([seed_interval(row) for row in by_seed.to_numpy()])
    x = [(edges[b] + edges[b + 1] - 1) / 2 for b in by_seed.index]
    (line,) = ax.plot(x, by_seed.to_numpy().mean(1), zorder=3, **look)
    ax.fill_between(x, *bounds.clip(0, 1).T, color=line.get_color(), alpha=0.16, lw=0)
    ax.set(xlabel="shortest path to the goal (cells)", ylabel="chance to misjudge", ylim=(0, 0.6))


def coin(ax: Axes) -> None:
    """The line that guessing stands at."""
    ax.axhline(0.5, color=style.GREY, ls=":", lw=1.6)
    ax.annotate("a coin", (1, 0.5), xycoords=("axes fraction", "data"), ha="right", va="bottom", color=style.GREY)


def by_distance(
    advantage_gap: Chance, error_chance: Chance, discount: float, noises: Sequence[float], generator: torch.Generator
) -> Figure:
    """The gap of one step, and the chance that noise reverses it: lines computed, dots from 2,000 draws of noise."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(11.5, 3.9))
    distances = torch.arange(1.0, 401.0, dtype=torch.float64)
    for steps, color in ((1, style.BLUE), (5, style.GREEN), (25, style.ORANGE)):
        left.plot(distances, advantage_gap(distances, discount, steps), color=color, label=f"k = {steps}")
    left.set(yscale="log", xlabel="distance to the goal (steps)", ylabel="gap of V", ylim=(1e-2, 1e2))
    left.legend(title="steps on either side")
    shown = torch.tensor([2.0, 10.0, 25.0, 50.0, 100.0, 150.0, 200.0, 300.0, 400.0], dtype=torch.float64)
    for noise, color in zip(noises, (style.SKY, style.BLUE, style.PURPLE), strict=True):
        gap = advantage_gap(distances, discount, 1)
        right.plot(distances, error_chance(gap, noise, torch.zeros_like(gap)), color=color, label=f"σ = {noise:g}")
        errors = noise * torch.randn(2, 2000, len(shown), generator=generator, dtype=torch.float64)
        lost = advantage_gap(shown, discount, 1) + errors[0] < errors[1]
        right.plot(shown, lost.double().mean(0), "o", color=color, ms=6)
    coin(right)
    right.set(xlabel="distance to the goal (steps)", ylabel="chance to misjudge one step", ylim=(0, 0.6))
    right.legend(title="noise", loc="lower right")
    return figure


def strides(two_level_error: Chance, parts: Mapping[str, Chance], distances: Sequence[float]) -> Figure:
    """The chance of a wrong first step against the waypoint's distance k, one panel for each distance to the goal.

    parts: "high" and "low" give the chance that one level errs, for (distance, k); "flat" needs no k.
    """
    figure, panels = plt.subplots(1, len(distances), figsize=(14, 3.8), sharey=True)
    for ax, d in zip(panels, distances, strict=True):
        steps = range(1, int(d) + 1)
        goal = torch.tensor([d], dtype=torch.float64)
        for name, color, line in (("high", style.ORANGE, "--"), ("low", style.SKY, "-.")):
            ax.plot(steps, [float(parts[name](goal, k)) for k in steps], color=color, ls=line, label=f"{name} level")
        total = [float(two_level_error(goal, k)) for k in steps]
        ax.plot(steps, total, color=style.BLUE, label="first step, two levels")
        ax.axhline(float(parts["flat"](goal, 1)), color=style.VERMILION, ls=":", label="flat")
        best = int(np.argmin(total))
        ax.plot(steps[best], total[best], "*", color=style.BLUE, ms=15, zorder=5)
        ax.set(title=f"goal {d:g} steps away: best k = {steps[best]}", xlabel="waypoint k steps away", xscale="log")
        ax.set_ylim(0, 0.55)
    panels[0].set_ylabel("chance to be wrong")
    panels[0].legend(loc="upper left", fontsize=11)
    return figure


def kinds_of_errors(
    value: Tensor, advantage_gap: Chance, discount: float, noise: float, reach: float, distance: int
) -> Figure:
    """Left: V along a line with three kinds of errors. Right: the chance to misjudge against k, from 4,000 draws."""
    figure = plt.figure(figsize=(13.5, 4.4))
    grid = figure.add_gridspec(3, 2, width_ratios=(1, 1.1))
    right = figure.add_subplot(grid[:, 1])
    length, draws = len(value), 4000
    for row, kind in enumerate(KINDS):
        color, marker = KIND_LOOKS[kind]
        errors = draw_errors(kind, length, noise, reach, draws, torch.Generator().manual_seed(row))
        ax = figure.add_subplot(grid[row, 0])
        ax.plot(value, color=style.DARK, lw=1.4)
        ax.plot(value + errors[0], color=color, lw=1.2)
        ax.set_title(f"{kind} errors", fontsize=12, pad=2)
        ax.set_yticks([])
        if row < 2:
            ax.set_xticklabels([])
        steps = [1, 2, 3, 5, 8, 12, 18, 25, 35, 50]
        seen = value + errors
        lost = [(seen[:, distance - k] < seen[:, distance + k]).double().mean() for k in steps]
        right.plot(steps, lost, color=color, marker=marker, label=kind)
    ax.set_xlabel("distance to the goal (steps)")
    coin(right)
    right.set(xscale="log", xlabel=f"k: places {distance} - k and {distance} + k steps from the goal are compared")
    right.set(ylabel="chance to misjudge", ylim=(0, 0.55), xticks=steps)
    right.set_xticks([], minor=True)
    right.set_xticklabels([str(k) for k in steps])
    right.legend(title="errors")
    return figure


def learned(table: pd.DataFrame, growth: pd.DataFrame, edges: Sequence[int]) -> Figure:
    """Left: a learned V's misjudgements by distance, for several k. Right: how its errors drift apart."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(13, 4.2))
    colors = (style.VERMILION, style.ORANGE, style.GREEN, style.SKY, style.BLUE)
    for (steps, rows), color in zip(table.groupby("steps"), colors, strict=True):
        each = rows.loc[rows.index.repeat(rows["pairs"])]
        band(left, each, edges, label=f"k = {steps}", color=color, marker="o")
    coin(left)
    left.legend(title="steps on either side", loc="upper left")
    spread = growth.groupby("steps")["spread"]
    x, y = np.array(list(spread.groups)), spread.mean().to_numpy()
    bounds = np.array([seed_interval(group.to_numpy()) for _, group in spread])
    right.fill_between(x, *bounds.T, color=style.PURPLE, alpha=0.16, lw=0)
    right.plot(x, y, color=style.PURPLE, marker="D", label="learned V")
    line = np.geomspace(x[0], x[-1], 50)
    right.plot(line, y[0] * line / x[0], color=style.BLUE, ls="--", label="smooth: in proportion")
    right.plot(line, y[0] * np.sqrt(line / x[0]), color=style.ORANGE, ls="-.", label="rough: like a random walk")
    right.axhline(y[0], color=style.VERMILION, ls=":", label="independent: none")
    right.set(xscale="log", yscale="log", ylim=(0.2, 4), xlabel="steps between two places")
    right.set(ylabel="spread of the difference\nof their errors", xticks=x)
    right.set_xticks([], minor=True)
    right.set_xticklabels([str(v) for v in x])
    right.legend(fontsize=10, loc="upper left")
    return figure


def walkers(tables: Mapping[str, pd.DataFrame]) -> Figure:
    """How often walkers arrive, by distance."""
    figure, ax = plt.subplots(figsize=(7.5, 4.2))
    for name, table in tables.items():
        label, color, line = WALKERS[name]
        plot_success_by_distance(ax, table, label=label, color=color)
        ax.lines[-1].set(linestyle=line)
    ax.legend(loc="lower left")
    return figure


def _centres(world: PointMaze) -> Tensor:
    """The middles of all free cells: (F, 2) x and y."""
    return world.maze.cell_to_xy(world.maze.tables()["free_cells"].float())


class ErrorMap:
    """A map of a maze: how often exact values with independent errors choose wrongly, for one goal.

    Args:
        maze: where; steps are cells.
        discount: γ.
        draws: of errors, the same ones for every goal, noise and stride: moving a control changes nothing else.
    """

    def __init__(self, maze: Maze, discount: float, draws: int) -> None:
        tables = maze.tables()
        self.maze, self.discount = maze, discount
        self.cells, self.distance = tables["free_cells"], tables["all_pairs"]
        self.centres = maze.cell_to_xy(self.cells.float())
        self._errors = torch.randn(draws, len(self.cells), generator=torch.Generator().manual_seed(0))

    def nearest(self, point: tuple[float, float]) -> tuple[float, float]:
        """The middle of the free cell that is nearest to a point."""
        x, y = self.centres[self._cell(point)].tolist()
        return x, y

    def _cell(self, point: tuple[float, float]) -> int:
        return int((self.centres - torch.tensor(point)).square().sum(1).argmin())

    def chances(self, goal: int, noise: float, stride: int) -> Tensor:
        """The chance in each cell that the best cell `stride` steps away is not as near to the goal as can be: (F,)."""
        value = -(1 - self.discount ** self.distance[:, goal]) / (1 - self.discount)
        seen = value + noise * self._errors  # (draws, F)
        ahead = torch.minimum(torch.tensor(stride), self.distance[:, goal])  # the goal itself where it is nearer
        candidates = self.distance == ahead[:, None]  # (F, F)
        best = seen[:, None].masked_fill(~candidates, -torch.inf).argmax(-1)  # (draws, F)
        chosen = self.distance[:, goal][best]
        return (chosen > self.distance[:, goal] - ahead).double().mean(0)

    def draw(self, ax: Axes, point: tuple[float, float], noise: float, stride: int) -> None:
        """The map for the goal at a point."""
        goal = self._cell(point)
        wrong = self.chances(goal, noise, stride)
        plot_maze(ax, self.maze)
        others = torch.arange(len(wrong)) != goal
        size = 0.92 * self.maze.cell_size
        for (x, y), chance in zip(self.centres[others].tolist(), wrong[others].tolist(), strict=True):
            color = plt.get_cmap("magma_r")(min(chance / 0.75, 1.0))
            ax.add_patch(Rectangle((x - size / 2, y - size / 2), size, size, color=color, lw=0))
        mark(ax, np.array(point), GOAL)
        scale = ScalarMappable(Normalize(0, 0.75), "magma_r")
        bar = ax.figure.colorbar(scale, ax=ax, label="chance of a wrong choice", shrink=0.8)
        bar.ax.set_navigate(False)
        words = "one step" if stride == 1 else f"{stride} steps"
        ax.set_title(f"noise {noise:.1f}, stride {words}: {float(wrong[others].mean()):.0%} wrong in all")

    def alt(self, point: tuple[float, float], noise: float, stride: int) -> str:
        """What a reader who does not see the map should know of it."""
        wrong = self.chances(self._cell(point), noise, stride)
        far = self.distance[:, self._cell(point)] >= 13
        near = self.distance[:, self._cell(point)] <= 4
        return (
            f"Goal at ({point[0]:.0f}, {point[1]:.0f}), noise {noise:.1f}, stride {stride}: choices are wrong in "
            f"{float(wrong[near].mean()):.0%} of cases up to 4 cells from the goal, and in "
            + (f"{float(wrong[far].mean()):.0%} from 13 cells on." if far.any() else "no cell is farther than 12.")
        )
