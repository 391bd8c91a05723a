"""Success and learning curves. Each function draws on `ax` and returns it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter

from saw_edu.viz import style


def plot_success_by_distance(
    ax: Axes, table: pd.DataFrame, method: str | None = None, *, label: str | None = None, color: str | None = None
) -> Axes:
    """Mean success over distance to the goal, with its interval as a band.

    Args:
        ax: where to draw; call again for further methods, then `ax.legend()`.
        table: columns distance (cells), mean, low, high, as from `evaluation.success_by_distance`.
        method: one of `style.METHODS`, which fixes colour, marker and label.
        label: instead of the method's.
        color: instead of the method's.

    Raises:
        ValueError: for missing columns or an unknown method.
    """
    _need(table, "distance", "mean", "low", "high")
    look = _look(method, label, color)
    (line,) = ax.plot(table["distance"], table["mean"], zorder=3, **look)
    ax.fill_between(table["distance"], table["low"], table["high"], color=line.get_color(), alpha=0.16, lw=0)
    ax.set_xlabel("shortest path from start to goal (cells)")
    return _success_axis(ax)


def plot_success_by_task(ax: Axes, tables: Mapping[str, pd.DataFrame]) -> Axes:
    """Mean success on each task with its interval, methods side by side.

    Args:
        ax: where to draw.
        tables: for each method (or other label) a table with columns task, mean, low, high, as from
            `evaluation.success_by_task`.

    Raises:
        ValueError: for no table, missing columns, or tables of different tasks.
    """
    if not tables:
        raise ValueError("there is no table to draw")
    tasks = list(next(iter(tables.values()))["task"])
    width = 0.8 / len(tables)
    for i, (name, table) in enumerate(tables.items()):
        _need(table, "task", "mean", "low", "high")
        if list(table["task"]) != tasks:
            raise ValueError(f"'{name}' has tasks {list(table['task'])}, the first table has {tasks}")
        at = np.arange(len(tasks)) + (i - (len(tables) - 1) / 2) * width
        known = name.lower() in style.METHODS
        look = style.method(name) if known else style.MethodStyle(name, style.PALETTE[i % len(style.PALETTE)], "o")
        ax.bar(at, table["mean"], 0.9 * width, color=look.color, alpha=0.3, lw=0)
        reach = np.abs(table[["low", "high"]].to_numpy().T - table["mean"].to_numpy())
        ax.errorbar(
            at, table["mean"], reach, color=look.color, marker=look.marker, ls="", lw=1.8, capsize=3, label=look.label
        )
    ax.set_xticks(range(len(tasks)), [str(task) for task in tasks])
    ax.set_xlabel("task")
    ax.grid(False, axis="x")
    return _success_axis(ax)


def plot_curves(
    ax: Axes,
    metrics: pd.DataFrame,
    key: str,
    method: str | None = None,
    *,
    label: str | None = None,
    color: str | None = None,
    ylabel: str | None = None,
) -> Axes:
    """A quantity over training: each seed a thin line, their mean a thick one.

    Args:
        ax: where to draw.
        metrics: columns seed, step and `key`, as in `TrainingResult.metrics`.
        key: the column to draw.
        method: one of `style.METHODS`, which fixes colour and label.
        label: instead of the method's.
        color: instead of the method's.
        ylabel: what the quantity is, with its unit; the key itself unless given.

    Raises:
        ValueError: for missing columns or an unknown method.
    """
    _need(metrics, "seed", "step", key)
    look = _look(method, label, color)
    look.pop("marker", None)  # there are too many points for markers
    by_seed = metrics.pivot_table(index="step", columns="seed", values=key, aggfunc="mean")
    (line,) = ax.plot(by_seed.index, by_seed.mean(axis=1), zorder=3, **look)
    if by_seed.shape[1] > 1:
        ax.plot(by_seed.index, by_seed.to_numpy(), color=line.get_color(), alpha=0.35, lw=0.9, zorder=2)
    ax.set(xlabel="gradient steps", ylabel=ylabel or key)
    ax.set_xlim(left=0)
    return ax


def _look(method: str | None, label: str | None, color: str | None) -> dict:
    look = style.method(method).plot if method is not None else {"marker": "o"}
    return look | {key: value for key, value in (("label", label), ("color", color)) if value is not None}


def _need(table: pd.DataFrame, *columns: str) -> None:
    missing = [column for column in columns if column not in table]
    if missing:
        raise ValueError(f"the table lacks the columns {missing}; it has {list(table.columns)}")


def _success_axis(ax: Axes) -> Axes:
    ax.set_ylim(-0.02, 1.02)
    ax.yaxis.set_major_formatter(PercentFormatter(1.0))
    ax.set_ylabel("episodes that reach the goal (%)")
    return ax
