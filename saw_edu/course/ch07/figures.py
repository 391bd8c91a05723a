"""The figures of chapter 7."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from saw_edu.envs.packing import TinyPacking
from saw_edu.envs.packing.language import PHRASES
from saw_edu.evaluation import seed_interval
from saw_edu.hierarchy.dagger import Log
from saw_edu.viz import style

WHO = {
    "flat": ("flat", style.BLACK, "x"),
    "hierarchy": ("both levels", style.BLUE, "o"),
    "plan": ("a perfect high level", style.GREEN, "^"),
}
WATCHED = {
    "watched": ("low level knows fine words", style.VERMILION, "o"),
    "watched, coarse words only": ("low level knows coarse words only", style.ORANGE, "s"),
}
METHODS = {
    "corrections": (style.VERMILION, "o"),
    "DAgger, high": (style.BLUE, "s"),
    "DAgger, low": (style.GREEN, "^"),
    "DAgger, flat": (style.BLACK, "x"),
}


def _line(table: pd.DataFrame, by: str, value: str = "success") -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Positions, means, and 95 % intervals (2, n) over seeds."""
    wide = table.pivot_table(index=by, columns="seed", values=value, sort=False)
    bounds = np.clip([seed_interval(row) for row in wide.to_numpy()], 0, 1 if value == "success" else None).T
    return wide.index.to_numpy(), wide.mean(axis=1).to_numpy(), bounds


def by_objects(before: pd.DataFrame) -> Figure:
    """Success over the number of objects, from demonstrations alone."""
    figure, ax = plt.subplots(figsize=(7, 3.8))
    for who, (label, color, marker) in WHO.items():
        x, mean, bounds = _line(before[before["who"] == who], "objects")
        ax.plot(x, mean, color=color, marker=marker, label=label)
        ax.fill_between(x, *bounds, color=color, alpha=0.15, lw=0)
    ax.set(xlabel="objects to be packed", ylabel="success", ylim=(0, 1), xticks=[1, 2, 3])
    ax.legend()
    return figure


def watched(before: pd.DataFrame) -> Figure:
    """Success with a person beside the hierarchy, over the words that were said in an episode."""
    figure, ax = plt.subplots(figsize=(7.5, 4))
    alone = before[(before["who"] == "hierarchy") & (before["objects"] == 3)]["success"].mean()
    ax.axhline(alone, color=style.BLUE, ls=":", label="nobody watches")
    for who, (label, color, marker) in WATCHED.items():
        rows = before[before["who"] == who]
        _, mean, bounds = _line(rows, "patience")
        said = rows.groupby("patience")["utterances"].mean()
        ax.errorbar(said, mean, np.abs(bounds - mean), color=color, marker=marker, label=label, capsize=3)
        for patience, x, y in zip(said.index, said, mean, strict=True):
            ax.annotate(f"patience {patience:.0f}", (x, y), (4, -14), textcoords="offset points", fontsize=9)
    ax.set(xlabel="words said in an episode", ylabel="success, three objects", ylim=(0, 1))
    ax.legend(loc="lower right")
    return figure


def learning(table: pd.DataFrame) -> Figure:
    """Success over episodes watched, left, and over labels, right."""
    figure, axes = plt.subplots(1, 2, figsize=(12.5, 4.2), sharey=True)
    for method, (color, marker) in METHODS.items():
        rows = table[table["method"] == method]
        x, mean, bounds = _line(rows, "episodes")
        labels = rows.groupby("episodes", sort=False)["labels"].mean().to_numpy()
        axes[0].plot(x, mean, color=color, marker=marker, label=method)
        axes[0].fill_between(x, *bounds, color=color, alpha=0.15, lw=0)
        axes[1].plot(np.maximum(labels, 1), mean, color=color, marker=marker)
    axes[0].set(xlabel="episodes watched", ylabel="success, three objects", ylim=(0, 1))
    axes[1].set(xlabel="words said, or states labelled", xscale="log", xlim=(300, 40_000))
    axes[0].legend(loc="upper left")
    return figure


def paired(table: pd.DataFrame, pairs: Sequence[tuple[str, str]]) -> pd.DataFrame:
    """After the last round: by how much one method exceeds another, seed by seed, with a 95 % interval."""
    last = table[table["round"] == table["round"].max()].pivot(index="seed", columns="method", values="success")
    rows = []
    for one, other in pairs:
        difference = (last[one] - last[other]).to_numpy()
        low, high = seed_interval(difference)
        rows.append({"": f"{one} - {other}", "difference": difference.mean(), "low": low, "high": high})
    return pd.DataFrame(rows).set_index("").round(2)


def moments(log: Log, episode: int, steps: Sequence[int]) -> Figure:
    """Pictures of an episode at some steps, with the word in force and who said it."""
    figure, axes = plt.subplots(1, len(steps), figsize=(3.1 * len(steps), 3.2))
    for ax, step in zip(axes, steps, strict=True):
        ax.imshow(TinyPacking().picture(log.states[step, episode]))
        person = bool(log.by_person[step, episode])
        word = PHRASES[int(log.words[step, episode])]
        ax.set_title(f"{step}: {'person' if person else 'high level'}:\n“{word}”", fontsize=11,
                     color=style.VERMILION if person else style.DARK)  # fmt: skip
        ax.axis("off")
    return figure
