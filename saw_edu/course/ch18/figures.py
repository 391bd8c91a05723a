"""The figures of chapter 18."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from saw_edu.benchmark.report import LABELS
from saw_edu.viz import style

ORDER = ("GCBC", "GCIVL", "GCIQL", "QRL", "CRL", "HIQL", "RIS_off", "SAW")
_NAMES = {label: name for name, label in LABELS.items()}


def heat_map(published: pd.DataFrame) -> Figure:
    """Published success, a row for each data set; the highest of a row has a frame, each of those that tie."""
    table = published.pivot_table(index="dataset", columns="method", values="mean", sort=False)[list(ORDER)]
    figure, ax = plt.subplots(figsize=(9, 0.31 * len(table) + 1.2))
    ax.imshow(table.to_numpy(), cmap=style.VALUES, vmin=0, vmax=100, aspect="auto")
    for row, scores in enumerate(table.to_numpy()):
        for column, score in enumerate(scores):
            ax.text(
                column,
                row,
                f"{score:.0f}",
                ha="center",
                va="center",
                fontsize=10,
                color="black" if score > 55 else "white",
            )
        for best in np.flatnonzero(scores == np.nanmax(scores)):
            ax.add_patch(plt.Rectangle((best - 0.47, row - 0.45), 0.94, 0.9, fill=False, ec=style.VERMILION, lw=2.2))  # type: ignore[attr-defined]
    ax.set_xticks(range(len(ORDER)), ORDER)
    ax.set_yticks(range(len(table)), [name.removesuffix("-v0") for name in table.index], fontsize=10)
    ax.xaxis.tick_top()
    ax.grid(False)
    return figure


def sight(discounts: list[float], distances: list[int], gap: float, mazes: dict[str, int]) -> Figure:
    """How much one step changes V at a distance, beside the longest tasks of three mazes."""
    figure, ax = plt.subplots(figsize=(7.5, 4.2))
    steps = np.arange(0, 1100)
    for discount, distance, color, line in zip(
        discounts, distances, (style.BLUE, style.VERMILION), ("-", "--"), strict=True
    ):
        ax.semilogy(steps, discount**steps, color=color, ls=line, label=f"γ = {discount}")
        ax.plot(distance, gap, "o", color=color)
    ax.axhline(gap, color=style.DARK, lw=1, ls=":")
    for name, far in mazes.items():
        ax.axvline(far, color=style.GREY, lw=1)
        ax.text(far, 1.25, name, ha="center", fontsize=11)
    ax.set(xlabel="steps to the goal", ylabel="difference that one step makes to V", ylim=(1e-4, 1))
    ax.legend(loc="lower left")
    return figure


def luck(lasts: NDArray[np.float64], bests: NDArray[np.float64], truth: float) -> Figure:
    """Scores by the last evaluation and by the best of all, of agents of one true strength."""
    figure, ax = plt.subplots(figsize=(7, 3.6))
    bins = list(np.linspace(0, 1, 41))
    ax.hist(lasts, bins, alpha=0.6, color=style.BLUE, label="the last evaluation")
    ax.hist(bests, bins, alpha=0.6, color=style.VERMILION, label="the best of ten")
    ax.axvline(truth, color=style.DARK, ls=":", label="true success")
    ax.set(xlabel="reported success", ylabel="agents")
    ax.legend()
    return figure


class Rivals:
    """Published scores of one method against another's, a dot for each data set."""

    def __init__(self, published: pd.DataFrame) -> None:
        self.table = published.pivot_table(index="dataset", columns="method", values=["mean", "std"], sort=False)

    def draw(self, ax: Axes, across: str, up: str, group: str) -> None:
        """On these axes; group: a word that the data set's name must hold, or "all"."""
        rows = self.table[[group in (*name.split("-"), "all") for name in self.table.index]]
        x, y = (rows["mean"][method] for method in (across, up))
        ax.errorbar(
            x,
            y,
            rows["std"][up],
            rows["std"][across],
            "o",
            color=style.method(_NAMES[up]).color,
            ecolor=style.GREY,
            elinewidth=1,
        )
        ax.plot([0, 100], [0, 100], color=style.DARK, ls=":")
        above = int((y > x).sum())
        ax.set(
            xlabel=f"{across}, success in percent", ylabel=f"{up}, success in percent", xlim=(-4, 104), ylim=(-4, 104)
        )
        ax.set_title(f"{up} is higher on {above} of {len(rows)} data sets")
