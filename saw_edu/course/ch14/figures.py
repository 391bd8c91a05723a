"""The figures of chapter 14."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from saw_edu.course import giant
from saw_edu.course.ch14 import levels
from saw_edu.envs import PointMaze
from saw_edu.evaluation import seed_interval
from saw_edu.rollouts import Shaken, evaluate
from saw_edu.training import TrainingResult
from saw_edu.viz import plot_values, style
from saw_edu.viz.mazes import GOAL, START, mark

MIDDLES = [(low + high - 1) / 2 for low, high in zip(giant.EDGES, giant.EDGES[1:], strict=False)]
LOOKS: dict[str, tuple[str, str, str, str]] = {
    "both learned": ("HIQL: both levels learned", style.BLUE, "o", "-"),
    "perfect high": ("perfect high, learned low", style.GREEN, "P", "-"),
    "perfect low": ("learned high, perfect low", style.ORANGE, "v", "--"),
    "consistent": ("its guesses made consistent", style.PURPLE, "s", ":"),
    "flat": ("GCIVL: one level, the same V", "#E9B000", "^", "--"),
    "both levels": ("HIQL, both levels from these walks", style.SKY, "s", ":"),
    "low level only": ("HIQL, high level from all walks", style.BLUE, "o", "-"),
}


def value_and_paths(
    world: PointMaze, values: TrainingResult, results: Mapping[str, TrainingResult], start: Tensor, goal: Tensor
) -> Figure:
    """V for one goal; the way of a flat policy; HIQL's way with its subgoals. Both act with the walkers' hand."""
    figure, axes = plt.subplots(1, 2, figsize=(13, 5.4))
    for ax, (name, result) in zip(axes, results.items(), strict=True):
        plot_values(ax, world, values.policies[0].value, goal, colorbar=ax is axes[1])
        shaken = Shaken(result.policies[0], world, giant.NOISE, torch.Generator().manual_seed(3))
        outcome = evaluate([shaken], world, start[None], goal[None], keep_paths=True, progress=False)
        assert outcome.paths is not None
        steps = int(outcome.episodes["steps"].iloc[0])
        path = outcome.paths[0, 0, : steps + 1]
        ax.plot(*path.T, color=style.VERMILION, lw=2, zorder=4)
        mark(ax, start.numpy(), START)
        mark(ax, goal.numpy(), GOAL)
        if name == "HIQL":
            seen, told = world.observe(path), world.observe(goal[None].expand(len(path), 2))
            with torch.no_grad():
                asked = world.states_of(levels.learned_high(result.networks[0])(seen, told))[:: giant.SUBGOAL_STEPS]
            ax.scatter(*asked.T, color="white", ec=style.DARK, s=46, zorder=5, label="subgoals, every 8 steps")
            ax.legend(loc="upper left", fontsize=11, frameon=True)
        done = (
            f"arrives after {steps} steps" if outcome.episodes["success"].iloc[0] else f"not there after {steps} steps"
        )
        ax.set(title=f"{name}: {done}", xlabel="", ylabel="", xticks=[], yticks=[])
    return figure


def _band(ax: Axes, x: Sequence[float], rows: np.ndarray, **look: Any) -> None:
    """Mean and 95 % interval over seeds: rows (S, X)."""
    low, high = np.array([seed_interval(column) for column in rows.T]).T
    ax.plot(x, rows.mean(0), **look)
    ax.fill_between(x, low.clip(0), high, color=look["color"], alpha=0.15, lw=0)


def signal(world: PointMaze, ratios: Mapping[str, Tensor], starts: Tensor, goals: Tensor) -> Figure:
    """Median signal-to-noise ratio by distance, for each kind of advantage."""
    bins = np.digitize(world.distances(starts, goals), giant.EDGES) - 1
    figure, ax = plt.subplots(figsize=(8, 4.2))
    looks = zip(ratios.items(), (style.VERMILION, style.BLUE), ("^", "o"), strict=True)
    for (name, ratio), colour, marker in looks:
        medians = [float(ratio[torch.as_tensor(bins == b)].median()) for b in range(len(MIDDLES))]
        ax.plot(MIDDLES, medians, color=colour, marker=marker, label=name)
    ax.axhline(1, color=style.GREY, ls=":", label="as much noise as signal")
    ax.set(xlabel="distance to the goal (cells)", ylabel="signal / noise (median)", ylim=(0, None))
    ax.legend()
    return figure


def by_distance(table: pd.DataFrame, kinds: Sequence[str], walks: int = 500) -> Figure:
    """Success over distance for some kinds: with the walkers' hand, and greedy."""
    figure, axes = plt.subplots(1, 2, figsize=(12.5, 4.6), sharey=True)
    chosen = table[table["walks"] == walks]
    for ax, (temperature, title) in zip(axes, {0.5: "with the walkers' hand", 0.0: "greedy"}.items(), strict=True):
        for kind in kinds:
            rows = chosen[(chosen["kind"] == kind) & (chosen["temperature"] == temperature)]
            label, colour, marker, line = LOOKS[kind]
            wide = rows.pivot_table(index="seed", columns="from_", values="success").to_numpy()
            _band(ax, MIDDLES, wide, label=label, color=colour, marker=marker, linestyle=line)
        ax.set(title=title, xlabel="distance to the goal (cells)", ylim=(-0.03, 1.05))
    axes[0].set_ylabel("success")
    figure.legend(*axes[0].get_legend_handles_labels(), ncols=2, loc="outside upper center")
    return figure


def drawn_and_held(table: pd.DataFrame) -> Figure:
    """Subgoals drawn ever wider, and held ever longer: near goals and far ones, with the hand and greedy."""
    figure, axes = plt.subplots(1, 2, figsize=(12.5, 4.4), sharey=True)
    families: dict[str, dict[Any, str]] = {
        "spread of the drawn subgoal (per feature)": {0.0: "both learned"}
        | {s: f"spread {s:g}" for s in levels.SPREADS[1:]},
        "steps for which a subgoal is held": {1: "both learned"} | {n: f"held {n}" for n in levels.HELD[1:]},
    }
    groups = {"near (1 to 8 cells)": (0, 8), "far (21 to 31 cells)": (giant.FARTHEST_THIRD, 99)}
    for ax, (title, kinds) in zip(axes, families.items(), strict=True):
        for (where, (low, high)), colour in zip(groups.items(), (style.SKY, style.BLUE), strict=True):
            for temperature, line in {0.5: "-", 0.0: ":"}.items():
                rows = []
                for kind in kinds.values():
                    one = table[(table["kind"] == kind) & (table["temperature"] == temperature)]
                    one = one[(one["from_"] >= low) & (one["from_"] < high)]
                    rows.append(one.groupby("seed")["success"].mean().to_numpy())
                label = f"{where}, {'the hand' if temperature else 'greedy'}"
                look = {"color": colour, "linestyle": line, "marker": "o", "label": label}
                _band(ax, range(len(kinds)), np.array(rows).T, **look)
        ax.set_xticks(range(len(kinds)), [f"{key:g}" for key in kinds])
        ax.set(xlabel=title, ylim=(-0.03, 1.03))
    axes[0].set_ylabel("success")
    figure.legend(*axes[0].get_legend_handles_labels(), ncols=2, loc="outside upper center")
    return figure


def paired(table: pd.DataFrame, kind: str, other: str, walks: int = 500, temperature: float = 0.5) -> pd.DataFrame:
    """By how much one kind exceeds another, seed by seed: mean and 95 % interval, for near, middle and far goals."""
    chosen = table[(table["walks"] == walks) & (table["temperature"] == temperature)]
    thirds = {"1 to 8": (1, 9), "9 to 20": (9, giant.FARTHEST_THIRD), "21 to 31": (giant.FARTHEST_THIRD, 99)}
    rows = {}
    for name, (low, high) in thirds.items():
        part = chosen[(chosen["from_"] >= low) & (chosen["from_"] < high)]
        means = part.groupby(["seed", "kind"])["success"].mean().unstack("kind")
        difference = (means[kind] - means[other]).to_numpy()
        bottom, top = seed_interval(difference)
        rows[f"{name} cells"] = {"difference": difference.mean(), "low": bottom, "high": top}
    return pd.DataFrame(rows).T.round(2)


class SubgoalMap:
    """Where the high level would go from everywhere, for a goal that is clicked."""

    def __init__(self, world: PointMaze, hiql: TrainingResult, values: TrainingResult) -> None:
        self.world, self.hiql, self.values = world, hiql, values
        self.centres = world.maze.cell_to_xy(world.maze.tables()["free_cells"].float())

    def nearest(self, point: tuple[float, float]) -> tuple[float, float]:
        """The middle of the free cell nearest to a point."""
        x, y = self.centres[int((self.centres - torch.tensor(point)).square().sum(1).argmin())].tolist()
        return x, y

    @torch.no_grad()
    def guesses(self, point: tuple[float, float], seed: int) -> Tensor:
        """The place (N, 2) that is proposed from the middle of each free cell."""
        told = self.world.observe(torch.tensor(point).expand(len(self.centres), 2))
        seen = self.world.observe(self.centres)
        return self.world.states_of(levels.learned_high(self.hiql.networks[seed])(seen, told))

    def share_nearer(self, point: tuple[float, float], seed: int) -> float:
        """How many of the guesses lie in cells that are nearer to the goal."""
        goal = torch.tensor(point).expand(len(self.centres), 2)
        places = self.centres[torch.cdist(self.guesses(point, seed), self.centres).argmin(1)]
        nearer = self.world.distances(places, goal) < self.world.distances(self.centres, goal)
        return float(nearer.double().mean())

    def draw(self, ax: Axes, point: tuple[float, float], seed: int) -> None:
        """V as colour, an arrow from each cell to its subgoal."""
        goal = torch.tensor(point)
        plot_values(ax, self.world, self.values.policies[seed].value, goal, colorbar=False)
        ways = self.guesses(point, seed) - self.centres
        ax.quiver(
            *self.centres.T, *ways.T, angles="xy", scale_units="xy", scale=1, width=0.004, color="white", zorder=4
        )
        mark(ax, goal.numpy(), GOAL)
        ax.set(title=f"seed {seed}", xlabel="", ylabel="", xticks=[], yticks=[])

    def alt(self, point: tuple[float, float], seed: int) -> str:
        """What a reader who does not see the map should know of it."""
        share = self.share_nearer(point, seed)
        where = f"Goal at ({point[0]:.0f}, {point[1]:.0f}), seed {seed}"
        return f"{where}: {share:.0%} of the subgoals lie in cells nearer to the goal."
