"""The figures of chapter 4."""

from __future__ import annotations

from collections.abc import Iterable

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from saw_edu.course.ch04.replay import Replay, timeline
from saw_edu.evaluation import seed_interval
from saw_edu.viz import style

RULES = {  # case: label, colour, marker
    "every 1": ("every step", style.BLUE, "o"),
    "every 4": ("every 4 steps", style.PURPLE, "v"),
    "every 16": ("every 16 steps", style.SKY, "s"),
    "done": ("when done", style.VERMILION, "^"),
    "done or timeout": ("when done, or after 16 steps", style.GREEN, "D"),
}


def interval(values: Iterable[float]) -> tuple[float, float, float]:
    """Mean, and the 95 % interval over seeds, within [0, 1] or above 0."""
    found = np.array(list(values), dtype=float)
    low, high = seed_interval(found) if np.ptp(found) > 0 else (found[0], found[0])
    return float(found.mean()), float(low), float(high)


def timelines(replays: dict[str, Replay]) -> Figure:
    """Subgoals held over time, one panel for each episode."""
    figure, panels = plt.subplots(1, len(replays), figsize=(6.6 * len(replays), 3.9))
    for ax, (title, replay) in zip(panels, replays.items(), strict=True):
        timeline(ax, replay)
        ax.set_title(f"{title}: {ax.get_title()}")
    return figure


def patience(tables: dict[str, pd.DataFrame]) -> Figure:
    """Success by rule, for two kinds of patience; hatched what is stuck at the end."""
    figure, ax = plt.subplots(figsize=(10.5, 4.2))
    colors = (style.SKY, style.BLUE)
    for i, (name, table) in enumerate(tables.items()):
        for x, (_, rows) in enumerate(table.groupby("case", sort=False)):
            mean, low, high = interval(rows["success"])
            at = x + 0.4 * i - 0.2
            label = f"success within {name} steps" if x == 0 else None
            ax.bar(at, mean, 0.36, color=colors[i], label=label)
            ax.plot([at, at], np.clip([low, high], 0, 1), color=style.DARK, lw=2)
            stuck = rows["stuck"].mean()
            kept = "stuck: one subgoal until the end" if x == 0 and i == 1 else None
            ax.bar(at, stuck, 0.36, bottom=1 - stuck, fc="none", ec=style.VERMILION, hatch="///", lw=0, label=kept)
    names = list(next(iter(tables.values()))["case"].unique())
    ax.set_xticks(range(len(names)), [name.replace(" or ", "\nor ") for name in names])
    ax.set(ylabel="share of episodes", ylim=(0, 1))
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, 1.16), ncols=3)
    return figure


def errors(table: pd.DataFrame) -> Figure:
    """Success against how often the high level errs, by rule."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(12.5, 4.2))
    for case, rows in table.groupby("case", sort=False):
        label, color, marker = RULES[str(case)]
        grouped = rows.groupby("share")
        for ax, column in ((left, "success"), (right, "steps")):
            bounds = np.array([interval(group[column]) for _, group in grouped])
            x = np.array(list(grouped.groups), dtype=float)
            ax.plot(x, bounds[:, 0], color=color, marker=marker, label=label)
            ax.fill_between(x, bounds[:, 1], bounds[:, 2], color=color, alpha=0.15, lw=0)
    left.set(xlabel="share of wrong answers of the high level", ylabel="success", ylim=(0, 1.02))
    right.set(xlabel="share of wrong answers of the high level", ylabel="steps of an episode", ylim=(0, None))
    left.legend(loc="lower left")
    return figure


def tradeoff(tables: dict[str, pd.DataFrame]) -> Figure:
    """Success against calls of the high level, one panel for each table; n along a line, the other rules as marks."""
    figure, panels = plt.subplots(1, len(tables), figsize=(6.9 * len(tables), 4.7), sharey=True)
    marks = {
        "done": ("learned detector", style.VERMILION, "^"),
        "done or timeout": ("learned detector, timeout", style.GREEN, "D"),
        "true done": ("true detector", style.ORANGE, "v"),
        "true done or timeout": ("true detector, timeout", style.PURPLE, "P"),
        "moves on": ("detector: moved on?", style.BLACK, "*"),
    }
    for ax, (title, table) in zip(panels, tables.items(), strict=True):
        line = []
        for case, rows in table.groupby("case", sort=False):
            mean, low, high = interval(rows["success"])
            calls, fewer, more = interval(rows["calls"])
            name = str(case)
            label, color, marker = marks.get(name, (None, style.BLUE, "o"))
            ax.plot([fewer, more], [mean, mean], color=color, lw=1.5)
            ax.plot([calls, calls], np.clip([low, high], 0, 1), color=color, lw=1.5)
            ax.plot(calls, mean, marker, color=color, label=label, ms=9)
            if name.startswith("every "):
                line.append((calls, mean))
                ax.annotate(f"n = {name.split()[1]}", (calls, mean), (5, -14), textcoords="offset points", fontsize=11)
        ax.plot(*zip(*line, strict=True), color=style.BLUE, lw=1.2, ls=":", label="every n steps", zorder=1)
        ax.set(xscale="log", xlabel="calls of the high level in an episode", ylim=(-0.02, 1.02), title=title)
        ax.set_xticks([5, 10, 20, 50, 100], ["5", "10", "20", "50", "100"])
        ax.minorticks_off()
    panels[0].set_ylabel("success")
    panels[0].legend(loc="center right", fontsize=10)
    return figure


def segment_lengths(lengths: Tensor, timeout: int) -> Figure:
    """How long demonstrators keep a subgoal, and a timeout."""
    figure, ax = plt.subplots(figsize=(7.5, 3.4))
    counts = torch.bincount(lengths)
    ax.bar(range(len(counts)), counts / len(lengths), color=style.SKY)
    ax.axvline(timeout + 0.5, color=style.VERMILION, ls="--", label=f"timeout: {timeout} steps")
    ax.set(xlabel="steps that a demonstrator keeps a subgoal", ylabel="share of segments", xlim=(0, len(counts)))
    ax.legend()
    return figure


def batches(table: pd.DataFrame) -> Figure:
    """Success by the number of episodes run at once, for two ways to keep the clocks."""
    figure, ax = plt.subplots(figsize=(7.5, 3.8))
    looks = {"colleague's": (style.VERMILION, "^"), "yours": (style.BLUE, "o")}
    for who, rows in table.groupby("who", sort=False):
        color, marker = looks[str(who)]
        _band(ax, rows, color, marker, str(who))
    ax.set(xscale="log", xlabel="episodes in a batch", ylabel="success", ylim=(0, 1.02))
    sizes = sorted(table["batch"].unique())
    ax.set_xticks(sizes, [str(size) for size in sizes])
    ax.minorticks_off()
    ax.legend()
    return figure


def _band(ax: Axes, rows: pd.DataFrame, color: str, marker: str, label: str) -> None:
    grouped = rows.groupby("batch")
    bounds = np.array([interval(group["success"]) for _, group in grouped])
    x = np.array(list(grouped.groups), dtype=float)
    ax.plot(x, bounds[:, 0], color=color, marker=marker, label=label)
    ax.fill_between(x, *bounds[:, 1:].clip(0, 1).T, color=color, alpha=0.15, lw=0)
