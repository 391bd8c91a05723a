"""The figures of chapter 11."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from saw_edu.course.ch11 import rotated, umaze
from saw_edu.evaluation import seed_interval
from saw_edu.hierarchy.hiro import move_goal
from saw_edu.viz import plot_maze, style
from saw_edu.viz.mazes import START, mark

LOOKS = {
    "flat": (style.BLACK, "x"),
    "held": (style.ORANGE, "^"),
    "repeat": (style.GREEN, "D"),
    "hiro": (style.VERMILION, "o"),
    "achieved": (style.SKY, "v"),
    "none": (style.BLUE, "s"),
    "flat everywhere": (style.GREY, "P"),
}
_ROTATED = {"none": (style.BLUE, "s"), "achieved": (style.SKY, "v"), "hiro": (style.VERMILION, "o"),
            "fresh": (style.BLACK, "x")}  # fmt: skip


def wandering(paths: Mapping[str, Tensor]) -> Figure:
    """Where random actions lead in one episode: a panel for each kind, states (B, T + 1, 2)."""
    figure, axes = plt.subplots(1, len(paths), figsize=(4.0 * len(paths), 4.4))
    world = umaze.make_world()
    goal = world.maze.cell_to_xy(torch.tensor(umaze.GOAL)).float().numpy()
    for ax, (title, states) in zip(axes, paths.items(), strict=True):
        plot_maze(ax, world)
        for path in states[:40].numpy():
            ax.plot(*path.T, color=style.BLUE, lw=1, alpha=0.35, zorder=3)
        ax.scatter(*states[:40, -1].T.numpy(), color=style.BLUE, s=18, zorder=4)
        ax.scatter(*goal, marker="*", color=style.VERMILION, s=170, zorder=5)
        mark(ax, states[0, 0].numpy(), START)
        farthest = umaze.cells_along(world, states).amax(1).mean()
        ax.set(title=f"{title}: {farthest:.1f} of 6 cells", xlabel="", ylabel="", xticks=[], yticks=[])
    return figure


def curves(table: pd.DataFrame, kinds: Sequence[str]) -> Figure:
    """Arrivals while exploring, a thin line for each seed and a thick one for their mean, kind by kind."""
    rows = -(-len(kinds) // 4)
    figure, axes = plt.subplots(rows, 4, figsize=(13, 2.9 * rows), sharex=True, sharey=True, squeeze=False)
    for ax, kind in zip(axes.ravel(), kinds, strict=False):
        wide = table[table["kind"] == kind].pivot(index="step", columns="seed", values="arrivals")
        color, _ = LOOKS[kind]
        ax.plot(wide, color=color, alpha=0.4, lw=1.2)
        ax.plot(wide.mean(axis=1), color=color, lw=3)
        ax.set_title(umaze.KINDS[kind].label, fontsize=12)
    for ax in axes.ravel()[len(kinds) :]:
        ax.set_visible(False)
    for ax in axes[:, 0]:
        ax.set_ylabel("arrivals in 50 steps")
    for ax in axes[-1]:
        ax.set_xlabel("steps in each world")
    return figure


def ends(table: pd.DataFrame) -> pd.DataFrame:
    """The last block of each kind: arrivals with their 95 % interval, success without noise, seeds above one half."""
    rows = []
    for kind, group in table[table["step"] == table["step"].max()].groupby("kind", sort=False):
        low, high = seed_interval(group["arrivals"].to_numpy())
        rows.append(
            {
                "": umaze.KINDS[str(kind)].label,
                "arrivals": group["arrivals"].mean(),
                "low": max(low, 0.0),
                "high": high,
                "without noise": group["success"].mean(),
                "seeds above .5": int((group["success"] > 0.5).sum()),
            }
        )
    return pd.DataFrame(rows).set_index("").round(2)


def paired(table: pd.DataFrame, kind: str, others: Sequence[str]) -> pd.DataFrame:
    """By how much one kind's last arrivals exceed others', seed by seed: mean and 95 % interval."""
    last = table[table["step"] == table["step"].max()].pivot(index="seed", columns="kind", values="arrivals")
    rows = []
    for other in others:
        difference = (last[kind] - last[other]).to_numpy()
        low, high = seed_interval(difference)
        rows.append({"against": umaze.KINDS[other].label, "difference": difference.mean(), "low": low, "high": high})
    return pd.DataFrame(rows).set_index("against").round(2)


def by_angle(table: pd.DataFrame) -> Figure:
    """Error of carrying relabelled goals out again, and success of the plan, over the angle of the old low level."""
    figure, axes = plt.subplots(1, 2, figsize=(12.5, 4.2))
    for kind, rows in table.groupby("kind", sort=False):
        color, marker = _ROTATED[str(kind)]
        for ax, column in zip(axes, ("error", "success"), strict=True):
            wide = rows.pivot(index="angle", columns="seed", values=column)
            bounds = np.array([seed_interval(row) for row in wide.to_numpy()])
            ax.plot(wide.index, wide.mean(axis=1), color=color, marker=marker, label=rotated.KINDS[str(kind)])
            ax.fill_between(wide.index, bounds[:, 0], bounds[:, 1], color=color, alpha=0.15, lw=0)
    axes[0].set(ylabel="error when carried out again (units)", xlabel="the old low level turned by (degrees)")
    axes[1].set(ylabel="success of the plan", xlabel="the old low level turned by (degrees)", ylim=(-0.03, 1.03))
    axes[0].legend(loc="upper left")
    return figure


class Stretch:
    """One stretch of an old low level, and what the present one would do with each of the goals it may be given."""

    def __init__(self) -> None:
        self.world = umaze.make_world()
        self.origin = (4.0, 0.0)  # the middle of the lower arm

    def nearest(self, point: tuple[float, float]) -> tuple[float, float]:
        """The place that is asked for, at most `REACH` away along x and y."""
        x, y = (min(max(p, o - umaze.REACH), o + umaze.REACH) for p, o in zip(point, self.origin, strict=True))
        return x, y

    def goals(self, point: tuple[float, float], turned: int) -> tuple[Tensor, dict[str, Tensor]]:
        """The old stretch (c + 1, 2), and the goals (1, 2) of the three ways to learn from it."""
        start, given = torch.tensor([self.origin]), torch.tensor([point]) - torch.tensor([self.origin])
        paths, actions = rotated.carry_out(self.world, start, given, rotated.controller(turned))
        buffer = rotated.Buffer(paths, actions, given)
        new, generator = rotated.controller(0), torch.Generator().manual_seed(0)
        kinds = ("none", "achieved", "hiro")
        return paths[0], {kind: rotated.goals_for(buffer, kind, new, generator) for kind in kinds}

    def draw(self, ax: Axes, point: tuple[float, float], turned: int) -> None:
        """The old stretch, and the new low level with the goals of each kind."""
        old, goals = self.goals(point, turned)
        plot_maze(ax, self.world)
        ax.plot(*old.T.numpy(), color=style.DARK, lw=5, alpha=0.4, label=f"what happened, turned by {turned}°")
        for kind, goal in goals.items():
            path, _ = rotated.carry_out(self.world, old[:1], goal, rotated.controller(0))
            color, marker = _ROTATED[kind]
            ax.plot(*path[0].T.numpy(), color=color, marker=marker, ms=4, label=rotated.KINDS[kind])
        ax.scatter(*point, marker="*", color=style.DARK, s=140, zorder=6, label="asked for")
        mark(ax, old[0].numpy(), START)
        ax.legend(loc="upper center", bbox_to_anchor=(0.5, 0.0), ncols=2, fontsize=9)
        ax.set(xlabel="", ylabel="", xticks=[], yticks=[])

    def alt(self, point: tuple[float, float], turned: int) -> str:
        """What a reader who does not see the maze should know of it."""
        old, goals = self.goals(point, turned)
        misses = []
        for kind, goal in goals.items():
            path, _ = rotated.carry_out(self.world, old[:1], goal, rotated.controller(0))
            misses.append(f"{rotated.KINDS[kind]}: {float((path[0, -1] - old[-1]).norm()):.1f}")
        away = move_goal(old[0], torch.tensor(point) - old[0], old[-1]).norm()
        return (
            f"Asked for ({point[0]:.0f}, {point[1]:.0f}); the old low level, turned by {turned} degrees, ended "
            f"{float(away):.1f} units from there. The present one ends so far from there: {'; '.join(misses)}."
        )
