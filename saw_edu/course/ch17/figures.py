"""The figures of chapter 17."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from saw_edu.course import giant
from saw_edu.course.ch17.ablations import SETTINGS, per_seed
from saw_edu.course.ch17.near import RADII
from saw_edu.envs import PointMaze
from saw_edu.evaluation import seed_interval
from saw_edu.rollouts import evaluate
from saw_edu.viz import plot_rollouts, style

SERIES = {  # label: (goals, colour, marker, shift)
    "nearest goals (1 to 4 cells)": ("nearest", style.GREEN, "^", -0.16),
    "all goals": ("all", style.BLUE, "o", 0.0),
    "farthest third": ("farthest", style.VERMILION, "D", 0.16),
}
PANELS = {  # name: (title, values in order, value of the base)
    "k": ("waypoint steps k", ["2", "4", "8", "16", "32"], "8"),
    "beta": ("β", ["0", "1", "3", "10"], "3"),
    "alpha": ("α (both policies)", ["1", "3", "10"], "3"),
    "terms": ("terms", ["both", "one-step only", "bootstrapping only"], "both"),
    "clip": ("clip of all three weights", ["1", "100", "none"], "100"),
    "rough error saw": ("error added to V", ["0", "0.25", "1"], "0"),
}
CASES = {
    "base": "as in\nchapter 16",
    "discount .98": "γ = .98",
    "medium": "medium\nmaze",
    "random walks": "random\nwalks",
    "rough error 0.25": "rough error\n.25",
    "rough error 1": "rough error\n1",
    "smooth error 0.25": "smooth error\n.25",
}


def _marks(ax: Axes, at: Sequence[float] | np.ndarray, rates: Sequence[np.ndarray], **look: str) -> None:
    """Means over seeds with their 95 % intervals."""
    means = np.array([rate.mean() for rate in rates])
    reach = np.clip([seed_interval(rate) for rate in rates], 0, 1).T
    ax.errorbar(at, means, np.abs(reach - means), ls="", capsize=3, **look)  # type: ignore[arg-type]


def stopping(world: PointMaze, pull: Mapping[str, np.ndarray], shown: int = 8) -> Figure:
    """Greedy roll-outs of SAW that stop beside a near goal, and how mean actions fade towards it."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(13, 5), width_ratios=(1.2, 1))
    starts, goals = (ends[:50] for ends in giant.make_episodes(world))
    policy = giant.load("saw", world.spec).policies[0]
    outcome = evaluate([policy], world, starts, goals, keep_paths=True, progress=False)
    assert outcome.paths is not None
    missed = torch.tensor((outcome.episodes["success"] == 0).to_numpy()).nonzero().squeeze(1)[:shown]
    plot_rollouts(left, world, outcome.paths[0, missed], goals[missed], legend=False)
    left.set_title(f"greedy: {outcome.success:.0%} of near goals are reached. Some misses")
    looks = ((style.VERMILION, "D"), (style.GREEN, "P"), (style.method("gcivl").color, "^"))
    for (name, table), (color, marker) in zip(pull.items(), looks, strict=True):
        low, high = np.array([seed_interval(column) for column in table.T]).T
        right.plot(RADII, table.mean(0), color=color, marker=marker, label=name)
        right.fill_between(RADII, low, high, color=color, alpha=0.16, lw=0)
    right.axvspan(0, 1, color=style.GREY, alpha=0.14, lw=0, label="counts as reached")
    right.set(xlim=(0, 4.2), ylim=(0, 1.05), xlabel="distance to the goal (maze units; a cell is 4)")
    right.set(ylabel="mean action, towards the goal", title="how strongly the mean action points at the goal")
    right.legend()
    return figure


def effective(
    middles: np.ndarray,
    by_distance: Mapping[float, np.ndarray],
    over_beta: Mapping[str, Mapping[float, np.ndarray]],
) -> Figure:
    """Shares N_eff / N: over distance for several β, tables (S, bins); over β, tables (S,)."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(13, 4.6))
    shades = plt.get_cmap("viridis")(np.linspace(0, 0.85, len(by_distance)))
    for (beta, table), shade, marker in zip(by_distance.items(), shades, "osDv^", strict=True):
        low, high = np.array([seed_interval(column) for column in table.T]).T
        left.plot(middles, table.mean(0), color=shade, marker=marker, label=f"β = {beta:g}")
        left.fill_between(middles, low, high, color=shade, alpha=0.16, lw=0)
    left.set(ylim=(0, 1.05), xlabel="shortest path from start to goal (cells)", ylabel="$N_{eff}/N$ of goals that far")
    left.legend(ncols=2)
    at = range(len(by_distance))
    for (label, numbers), color, marker in zip(
        over_beta.items(), (style.VERMILION, style.BLUE, style.GREY), "Dos", strict=True
    ):
        right.plot(at, [numbers[beta].mean() for beta in by_distance], color=color, marker=marker, label=label)
    right.set_xticks(at, [f"{beta:g}" for beta in by_distance])
    right.set(ylim=(0, 1.05), xlabel="β", ylabel="over all goals")
    right.legend()
    return figure


def settings(table: pd.DataFrame, names: Sequence[str], temperature: float, live: pd.DataFrame | None = None) -> Figure:
    """Success in some settings, one beside the other; hollow marks: one seed trained live, of the last setting."""
    figure, ax = plt.subplots(figsize=(11, 4.6))
    for label, (goals, color, marker, shift) in SERIES.items():
        rates = [per_seed(table[table["setting"] == name], goals, temperature) for name in names]
        _marks(ax, np.arange(len(names)) + shift, rates, color=color, marker=marker, label=label)
        if live is not None:
            once = per_seed(live, goals, temperature)
            at = [list(names).index(str(live["setting"].iloc[0])) + shift]
            ax.plot(at, once, marker, color=color, mfc="none", ms=13)
    words = [name.replace(", ", ",\n").replace("base saw", "SAW\n(choosing, loud)") for name in names]
    ax.set_xticks(range(len(names)), words)
    ax.set(ylim=(-0.04, 1.04), ylabel="success")
    ax.grid(False, axis="x")
    ax.legend(ncols=3, loc="lower center", bbox_to_anchor=(0.5, 1.0))
    return figure


def ablations(table: pd.DataFrame, temperature: float) -> Figure:
    """SAW with one thing changed at a time, small multiples; the base is marked."""
    by_value = {(s.panel, s.x): name for name, s in SETTINGS.items()}
    found = dict(iter(table.groupby("setting")))
    figure, axes = plt.subplots(2, 3, figsize=(13, 7), sharey=True)
    for ax, (panel, (title, values, base)) in zip(axes.flat, PANELS.items(), strict=True):
        names = ["base saw" if x == base else by_value[panel, x] for x in values]
        ax.axvspan(values.index(base) - 0.35, values.index(base) + 0.35, color=style.GREY, alpha=0.14, lw=0)
        for label, (goals, color, marker, shift) in SERIES.items():
            rates = [per_seed(found[name], goals, temperature) for name in names]
            _marks(ax, np.arange(len(names)) + shift, rates, color=color, marker=marker, label=label)
        ax.set_xticks(range(len(values)), [x.replace(" only", "\nonly") for x in values])
        ax.set(title=title, xlim=(-0.5, len(values) - 0.5), ylim=(-0.04, 1.04))
        ax.grid(False, axis="x")
    for ax in axes[:, 0]:
        ax.set_ylabel("success")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    handles.append(plt.Rectangle((0, 0), 1, 1, color=style.GREY, alpha=0.14))  # type: ignore[arg-type]
    figure.legend(handles, [*labels, "as in chapter 16"], ncols=4, loc="outside upper center")
    return figure


def cases(table: pd.DataFrame, temperature: float) -> Figure:
    """GCIVL, HIQL and SAW in the chapter's setting and in those where SAW may not help."""
    found = dict(iter(table.groupby("setting")))
    figure, axes = plt.subplots(2, 1, figsize=(11, 7.4), sharex=True)
    for ax, goals in zip(axes, ("all", "farthest"), strict=True):
        for i, name in enumerate(("gcivl", "hiql", "saw")):
            look = style.method(name)
            rates = [per_seed(found[f"{case} {name}"], goals, temperature) for case in CASES]
            at = np.arange(len(CASES)) + 0.2 * (i - 1)
            _marks(ax, at, rates, color=look.color, marker=look.marker, label=look.label)
        ax.set(title="all goals" if goals == "all" else "farthest third", ylim=(-0.02, 1.02), ylabel="success")
        ax.grid(False, axis="x")
    axes[1].set_xticks(range(len(CASES)), CASES.values())
    axes[0].legend(ncols=3, loc="upper right")
    return figure
