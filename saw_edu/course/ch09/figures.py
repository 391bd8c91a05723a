"""The figures of chapter 9."""

from __future__ import annotations

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from saw_edu.course.ch09 import packing
from saw_edu.evaluation import seed_interval
from saw_edu.hierarchy.thoughts import METHODS
from saw_edu.viz import style

LOOKS = dict(
    zip(
        METHODS,
        (
            (style.BLACK, "s", ":"),
            (style.GREY, "^", ":"),
            (style.VERMILION, "D", "-"),
            (style.ORANGE, "o", "--"),
            (style.SKY, "v", "--"),
            (style.BLUE, "P", "-"),
        ),
        strict=True,
    )
)


def plain(table: pd.DataFrame) -> pd.DataFrame:
    """Drawn actions and thoughts, a thought at each step, the usual slips."""
    return table[(table["temperature"] == 1) & (table["every"] == 1) & (table["slip"] == packing.SLIP)]


def _line(ax: Axes, rows: pd.DataFrame, x: str, method: str, label: str | None = None) -> None:
    color, marker, line = LOOKS[method]
    by_seed = rows.pivot_table(index="seed", columns=x, values="success")
    bounds = [seed_interval(by_seed[each].to_numpy()) for each in by_seed]
    ax.plot(by_seed.columns, by_seed.mean(), color=color, marker=marker, ls=line, label=label or method)
    low, high = zip(*bounds, strict=True)
    ax.fill_between(by_seed.columns, low, high, color=color, alpha=0.12, lw=0)


def curves(table: pd.DataFrame) -> Figure:
    """Errands done over the number of demonstrations, with each method's own thoughts."""
    figure, ax = plt.subplots(figsize=(8, 4.8))
    rows = plain(table)
    for method in METHODS:
        _line(ax, rows[(rows["method"] == method) & (rows["thought"] == "own")], "number", method)
    ax.set_xscale("log")
    ax.set_xticks(packing.NUMBERS, [str(n) for n in packing.NUMBERS])
    ax.minorticks_off()
    ax.set(xlabel="demonstrations", ylabel="errands done", ylim=(0, 1))
    ax.legend()
    return figure


def slips(table: pd.DataFrame) -> Figure:
    """Errands done over the chance that something slips, at 200 demonstrations."""
    figure, ax = plt.subplots(figsize=(7.5, 4.4))
    rows = table[(table["temperature"] == 1) & (table["every"] == 1) & (table["number"] == 200)]
    for method in METHODS:
        _line(ax, rows[(rows["method"] == method) & (rows["thought"] == "own")], "slip", method)
    ax.set(xlabel="chance of a slip at each step", ylabel="errands done", ylim=(0, 1))
    ax.legend()
    return figure


def every(table: pd.DataFrame) -> Figure:
    """Errands done where a thought is kept for so many steps, at 200 demonstrations."""
    figure, ax = plt.subplots(figsize=(7.5, 4.4))
    rows = table[(table["temperature"] == 1) & (table["slip"] == packing.SLIP) & (table["number"] == 200)]
    for method in METHODS[2:]:
        _line(ax, rows[(rows["method"] == method) & (rows["thought"] == "own")], "every", method)
    ax.set_xscale("log", base=2)
    ax.set_xticks(packing.EVERY, [str(n) for n in packing.EVERY])
    ax.set(xlabel="steps for which a thought is kept", ylabel="errands done", ylim=(0, 1))
    ax.legend()
    return figure


class Teller:
    """Bars of all methods for a number of demonstrations and whose thoughts they act on."""

    def __init__(self, table: pd.DataFrame) -> None:
        self.table = table

    def draw(self, ax: Axes, demonstrations: int, thoughts: str, actions: str) -> None:
        """On these axes."""
        temperature = {"drawn": 1.0, "most likely": 0.0}[actions]
        rows = self.table[(self.table["every"] == 1) & (self.table["slip"] == packing.SLIP)]
        rows = rows[(rows["number"] == demonstrations) & (rows["temperature"] == temperature)]
        for i, method in enumerate(METHODS):
            found = rows[(rows["method"] == method) & (rows["thought"] == thoughts)]["success"].to_numpy()
            if len(found) > 1:
                low, high = seed_interval(found)
                ax.barh(i, found.mean(), 0.6, color=LOOKS[method][0])
                ax.plot([max(0, low), min(1, high)], [i, i], color=style.DARK, lw=2)
            else:
                ax.text(0.01, i, "not recorded, or no such thing", va="center", fontsize=10, color=style.GREY)
        ax.set_yticks(range(len(METHODS)), METHODS)
        ax.invert_yaxis()
        ax.set(xlim=(0, 1), xlabel="errands done")
