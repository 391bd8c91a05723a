"""The figures of chapter 16."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from torch import Tensor

from saw_edu.course import giant
from saw_edu.course.ch16.probes import MIDDLES
from saw_edu.envs import PointMaze
from saw_edu.evaluation import seed_interval, success_by_distance
from saw_edu.rollouts import Evaluation, Shaken, evaluate
from saw_edu.training import TrainingResult
from saw_edu.viz import plot_curves, plot_rollouts, plot_success_by_distance, style

METHODS = ("gcbc", "gcivl", "hiql", "saw")


def _band(ax: Axes, table: np.ndarray, shown: Callable[[np.ndarray], np.ndarray] = np.asarray, **look: Any) -> None:
    """Means over seeds with their 95 % intervals, table (S, bins); `shown` turns them into what the axis shows."""
    low, high = np.array([seed_interval(column) for column in table.T]).T
    ax.plot(MIDDLES, shown(table.mean(0)), **look)
    ax.fill_between(MIDDLES, shown(low), shown(high), color=look["color"], alpha=0.16, lw=0)


def first_look(
    world: PointMaze, policies: Mapping[str, TrainingResult], starts: Tensor, goals: Tensor, shown: Sequence[int]
) -> Figure:
    """The first seed's paths on some episodes, with a shaky hand; in the title, how many of all it reaches."""
    figure, axes = plt.subplots(1, len(policies), figsize=(6.5 * len(policies), 5.6))
    for ax, (name, result) in zip(axes, policies.items(), strict=True):
        hand = torch.Generator().manual_seed(2)
        policy = Shaken(result.policies[0], world, giant.NOISE, hand)
        outcome = evaluate([policy], world, starts, goals, keep_paths=True, progress=False)
        assert outcome.paths is not None
        plot_rollouts(ax, world, outcome.paths[0, list(shown)], goals[list(shown)], color=style.GREEN, legend=False)
        for number, pair in enumerate(shown, 1):
            for end, offset in ((starts, (-11, 5)), (goals, (6, 5))):
                ax.annotate(str(number), end[pair].tolist(), offset, textcoords="offset points", fontsize=10, zorder=9)
        label = style.method(name).label
        ax.set_title(f"{label} reaches {outcome.success:.0%} of all {len(starts)} far goals")
    figure.supxlabel(
        "circle: start; star: its goal, with the same number; green: reached; dashed: not reached", fontsize=13
    )
    return figure


def one_step_or_eight(found: Mapping[int, tuple[np.ndarray, np.ndarray]]) -> Figure:
    """How often V prefers the right way, and how much larger its weight is, for each number of steps."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(13, 4.6))
    for (steps, (sign, size)), color, marker in zip(found.items(), (style.ORANGE, style.VERMILION), "^D", strict=True):
        look: dict[str, Any] = {"color": color, "marker": marker, "label": f"{steps} step{'s' if steps > 1 else ''}"}
        _band(left, sign, **look)
        _band(right, size, lambda gap: np.exp(3 * gap), **look)  # a ratio of weights, with α = 3
    left.axhline(0.5, color=style.GREY, ls=":", label="guessing")
    right.axhline(1.0, color=style.GREY, ls=":", label="no preference")
    left.set(ylim=(0.4, 1.02), ylabel="V prefers the right way")
    right.set(yscale="log", ylim=(0.7, 150), ylabel="weight of the right way / of the other")
    for ax in (left, right):
        ax.set_xlabel("shortest path from start to goal (cells)")
        ax.legend()
    return figure


def waypoint_weights(world: PointMaze, around: Mapping[float, tuple[Tensor, Tensor, Tensor, Tensor, float]]) -> Figure:
    """Waypoints around a state by weight: around[cells] is start, goal, waypoints, weights and agreement."""
    figure, axes = plt.subplots(1, len(around), figsize=(13, 5.4))
    for ax, (cells, (start, goal, ways, weights, agreement)) in zip(axes, around.items(), strict=True):
        order = weights.argsort()
        plot_rollouts(ax, world, [start[None]], goal[None], [True], legend=False)
        dots = ax.scatter(*ways[order].T, c=weights[order], s=26, cmap="viridis", norm=LogNorm(0.03, 100), zorder=5)
        figure.colorbar(dots, ax=ax, label="weight of the waypoint", shrink=0.8)
        ax.set_title(f"goal {cells:.0f} cells away: agreement {agreement:.2f}")
    return figure


def tug_of_war(pulls: Mapping[str, np.ndarray], targets: Mapping[str, np.ndarray]) -> Figure:
    """How hard each term pulls, and how well its targets point, over the distance to the goal."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(13, 4.6))
    looks: list[dict[str, Any]] = [
        {"color": style.method("gcivl").color, "marker": "^"},
        {"color": style.VERMILION, "marker": "D"},
    ]
    for (name, table), look in zip(pulls.items(), looks, strict=True):
        _band(left, table, label=name, **look)
    styles = [look | line for look in looks for line in ({"ls": ":"}, {})]
    for (name, table), look in zip(targets.items(), styles, strict=True):
        _band(right, table, label=name, **look)
    left.set(yscale="log", ylabel="mean factor of the pull")
    right.set(ylim=(0, 1.02), ylabel="how well the targets point the right way")
    for ax in (left, right):
        ax.set_xlabel("shortest path from start to goal (cells)")
        ax.legend()
    return figure


def training(metrics: pd.DataFrame) -> Figure:
    """The loss and the distance from the teacher, where it is reported; means of 10 noisy rows."""
    smooth = metrics.copy()
    curves = {"loss": "loss of both policies", "waypoint/kld": "squared distance from π_sub"}
    curves = {key: label for key, label in curves.items() if key in smooth}
    figure, axes = plt.subplots(1, len(curves), figsize=(5.5 * len(curves), 4), squeeze=False)
    for ax, (key, label) in zip(axes[0], curves.items(), strict=True):
        smooth[key] = smooth[key].rolling(10, min_periods=1).mean()
        plot_curves(ax, smooth, key, "saw", ylabel=label)
    return figure


def success(episodes: pd.DataFrame, live: pd.DataFrame, methods: Sequence[str] = METHODS) -> Figure:
    """Success by distance, drawn and greedy, five recorded seeds with bands and the live one as hollow markers.

    Both tables have columns agent, temperature, seed, distance and success.
    """
    figure, axes = plt.subplots(1, 2, figsize=(13, 5), sharey=True)
    titles = {giant.NOISE: "actions drawn with the walkers' noise", 0.0: "greedy actions"}
    for ax, (temperature, title) in zip(axes, titles.items(), strict=True):
        for name in methods:
            chosen = episodes[(episodes["agent"] == name) & (episodes["temperature"] == temperature)]
            plot_success_by_distance(ax, success_by_distance(Evaluation(chosen), giant.EDGES), name)
            once = live[(live["agent"] == name) & (live["temperature"] == temperature)]
            table = success_by_distance(Evaluation(once), giant.EDGES)
            look = style.method(name)
            ax.plot(table["distance"], table["mean"], look.marker, color=look.color, mfc="none", ms=11)
        ax.axvline(giant.FARTHEST_THIRD - 0.5, color=style.GREY, lw=1, ls="--")
        ax.set_title(title)
    axes[1].text(giant.FARTHEST_THIRD, 0.95, "farthest third", color=style.GREY)
    axes[0].plot([], [], "o", color=style.GREY, mfc="none", ms=11, label="trained live")
    figure.legend(*axes[0].get_legend_handles_labels(), ncols=5, loc="outside upper center")
    return figure
