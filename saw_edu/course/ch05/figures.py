"""The figures of chapter 5."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from saw_edu.course.ch05.levels import GRAINS
from saw_edu.course.ch05.play import KINDS, PHRASES, PLACES, make_world, tell
from saw_edu.course.ch05.probe import LowLevel, Probes, Settings, run_probes
from saw_edu.envs.packing.rules import AGENT, WIDTH
from saw_edu.evaluation import seed_interval
from saw_edu.place import asset
from saw_edu.viz import style

LOOKS = {
    "words": ("words", style.BLUE, "o"),
    "words and places": ("words and places", style.SKY, "s"),
    "state": ("state", style.VERMILION, "D"),
    "image": ("image", style.GREEN, "^"),
}
KIND_NAMES = ("get", "open", "pack", "lay down", "walk")
CELL = 24  # pixels of a cell in pictures for people


def recorded_lows() -> dict[str, LowLevel]:
    """The recorded low level of seed 0 for each way of telling."""
    saved = torch.load(asset("ch05/lows.pt"), weights_only=True)
    found = {}
    for how, parameters in saved.items():
        low = LowLevel(how, Settings(), torch.Generator().manual_seed(0))
        low.load_state_dict(parameters)
        found[how] = low.requires_grad_(False)
    return found


def spoken(phrase: int, cell: int, how: str) -> str:
    """An errand as a person would read it."""
    if how == "words":
        return f"“{PHRASES[phrase]}”"
    return f"“{PHRASES[phrase]} at {PLACES[cell]}”" if how == "words and places" else f"its {how}"


def trail(ax: Axes, states: Tensor, color: str) -> None:
    """The agent's way through the picture of its first state, with a ring where it ended."""
    ax.imshow(make_world().picture(states[0], cell_pixels=CELL))
    cells = states[:, AGENT]
    x = (cells % WIDTH + 1.5) * CELL
    y = (7.5 - torch.div(cells, WIDTH, rounding_mode="floor")) * CELL
    ax.plot(x, y, color=color, lw=2.5)
    ax.plot(x[-1], y[-1], marker="o", ms=12, mfc="none", mec=color, mew=2.5)
    ax.set_axis_off()


def target(ax: Axes, cell: int) -> None:
    """A star where the errand ends."""
    x, y = (cell % WIDTH + 1.5) * CELL, (7.5 - cell // WIDTH) * CELL
    ax.plot(x, y, marker="*", ms=15, color=style.YELLOW, mec=style.DARK, ls="none")


def attempts(lows: Mapping[str, LowLevel], probes: Probes, number: int, tries: int = 8) -> Figure:
    """One errand told in each way, some tries each, drawn over the start."""
    figure, axes = plt.subplots(1, len(lows), figsize=(14.5, 3.7))
    rows = torch.full((tries,), number)
    some = Probes(*(getattr(probes, name)[rows] for name in ("starts", "phrases", "cells", "ends", "patience")))
    for ax, (how, low) in zip(axes, lows.items(), strict=True):
        goals = tell(how, some.phrases, some.cells, some.ends)
        came, paths = run_probes(low, some, goals, torch.Generator().manual_seed(0))
        for path in paths:
            trail(ax, path, LOOKS[how][1])
        target(ax, int(some.cells[0]))
        told = spoken(int(some.phrases[0]), int(some.cells[0]), how)
        ax.set_title(f"told {told}\n{int(came.sum())} of {tries} tries", fontsize=11)
    return figure


def three_ways(probes: Probes, number: int) -> Figure:
    """The start of an errand, and the three things that a low level can be told about it."""
    figure, axes = plt.subplots(1, 4, figsize=(14.5, 3.2), width_ratios=(1, 1, 1, 1))
    world, start, end = make_world(), probes.starts[number], probes.ends[number]
    axes[0].imshow(world.picture(start, cell_pixels=CELL))
    axes[0].set_title("now")
    axes[1].text(0.5, 0.5, PHRASES[int(probes.phrases[number])], ha="center", va="center", fontsize=15)
    axes[1].set_title("words")
    numbers = world.observe(end[None])[0]
    axes[2].imshow(numbers.view(5, 15), cmap="RdBu", vmin=-1, vmax=1)
    axes[2].set_title("state: 75 numbers")
    axes[3].imshow(world.picture(end, cell_pixels=4))
    axes[3].set_title("image: 36 × 44 pixels")
    for ax in axes:
        ax.set_axis_off()
    return figure


def intervals(table: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Means, and 95 % intervals over seeds as distances below and above: rows are what is compared, columns seeds."""
    means = table.mean(axis=1).to_numpy()
    bounds = np.array([seed_interval(row) for row in table.to_numpy()])
    return means, np.abs(bounds.T - means)


def by_kind(table: pd.DataFrame) -> Figure:
    """Success for each kind of errand and way of telling, actions drawn, with the control of another's goal."""
    figure, ax = plt.subplots(figsize=(11, 4.2))
    table = table.assign(kind=KINDS[torch.tensor(table["phrase"].to_numpy())].numpy())
    for i, (how, (label, color, _)) in enumerate(LOOKS.items()):
        for told in ("its own", "another's"):
            mine = table[(table["how"] == how) & (table["told"] == told) & (table["temperature"] == 1)]
            means, errors = intervals(mine.pivot_table(index="kind", columns="seed", values="success"))
            x = np.arange(len(means)) + 0.2 * (i - 1.5)
            if told == "its own":
                ax.bar(x, means, 0.17, yerr=errors, color=color, label=label)
            else:
                ax.plot(x, means, ls="none", marker="d", ms=7, color="white", mec=style.DARK)
    ax.plot([], [], ls="none", marker="d", ms=7, color="white", mec=style.DARK, label="told another's goal")
    ax.set_xticks(range(5), KIND_NAMES)
    ax.set(ylabel="errands brought about", ylim=(0, 1.05))
    ax.legend(ncols=5, loc="lower center", bbox_to_anchor=(0.5, 1.0), fontsize=11)
    return figure


def structure(table: pd.DataFrame) -> Figure:
    """Rank correlation of goal distance and behaviour distance, for each way of telling and kind of feature."""
    figure, ax = plt.subplots(figsize=(9, 4.2))
    looks = {
        "raw": ("as it is", style.DARK),
        "learned": ("trained encoder", style.BLUE),
        "untrained": ("untrained encoder", style.SKY),
        "shuffled": ("shuffled (control)", style.GREY),
    }
    for i, (features, (label, color)) in enumerate(looks.items()):
        mine = table[table["features"] == features]
        over = mine.pivot_table(index="how", columns="start", values="correlation").loc[list(LOOKS)]
        means, errors = intervals(over)
        ax.bar(np.arange(len(LOOKS)) + 0.2 * (i - 1.5), means, yerr=errors, color=color, width=0.17, label=label)
    ax.axhline(0, color=style.DARK, lw=1)
    ax.set_xticks(range(len(LOOKS)), [label for label, *_ in LOOKS.values()])
    ax.set(ylabel="rank correlation")
    ax.legend(ncols=4, loc="lower center", bbox_to_anchor=(0.5, 1.0), fontsize=11)
    return figure


def grains(table: pd.DataFrame, lasting: Mapping[str, float]) -> Figure:
    """Losses of both levels, and success, over how many steps a label lasts; random groups beside."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(12.5, 4.3))
    names = [grain for grain in GRAINS if grain in lasting and grain != "random groups"]
    x = [lasting[grain] for grain in names]
    drawn = table[table["temperature"] == 1]
    losses = drawn.groupby(["grain", "seed"])[["high", "low"]].first()
    losses["sum"] = losses["high"] + losses["low"]
    for column, label, color, marker in (
        ("high", "high level", style.ORANGE, "^"),
        ("low", "low level", style.BLUE, "o"),
        ("sum", "sum", style.DARK, "s"),
    ):
        _line(left, losses[column].unstack().loc[names], x, label, color, marker)
    left.set(ylabel="loss on new demonstrations (nats a step)", ylim=(0, None))
    for temperature, label, color, marker in (
        (1.0, "drawn", style.VERMILION, "D"),
        (0.0, "likeliest", style.GREY, "v"),
    ):
        at = table[table["temperature"] == temperature].groupby(["grain", "seed"])["success"].mean().unstack()
        _line(right, at.loc[names], x, label, color, marker)
        if temperature == 1 and "random groups" in lasting:
            means, errors = intervals(at.loc[["random groups"]])
            where = [lasting["random groups"]]
            right.errorbar(
                where, means, errors, color=style.PURPLE, marker="X", ms=10, ls="none", label="random groups"
            )
    right.set(ylabel="missions done", ylim=(0, 1))
    for ax in (left, right):
        ax.set_xscale("log")
        ax.set_xticks(x, [f"{name}\n{steps:.1f}" for name, steps in zip(names, x, strict=True)], fontsize=10)
        ax.minorticks_off()
        ax.set_xlabel("grain, and steps that a label lasts")
        ax.legend()
    return figure


def _line(ax: Axes, table: pd.DataFrame, x: Sequence[float], label: str, color: str, marker: str) -> None:
    means, errors = intervals(table)
    ax.plot(x, means, color=color, marker=marker, label=label)
    ax.fill_between(x, means - errors[0], means + errors[1], color=color, alpha=0.16, lw=0)


class Teller:
    """What the explorer draws: an errand, told in one way, some tries."""

    def __init__(self, lows: Mapping[str, LowLevel], probes: Probes) -> None:
        self.lows, self.probes = lows, probes

    def draw(self, ax: Axes, errand: int, told_by: str, another: bool) -> None:
        """Five tries of one errand; told another's goal where asked."""
        rows = torch.full((5,), errand)
        names = ("starts", "phrases", "cells", "ends", "patience")
        some = Probes(*(getattr(self.probes, name)[rows] for name in names))
        other = rows if not another else (rows + len(self.probes.starts) // 2) % len(self.probes.starts)
        goals = tell(told_by, *(getattr(self.probes, name)[other] for name in ("phrases", "cells", "ends")))
        came, paths = run_probes(self.lows[told_by], some, goals, torch.Generator().manual_seed(0))
        for path in paths:
            trail(ax, path, LOOKS[told_by][1])
        target(ax, int(some.cells[0]))
        ax.set_title(f"{PHRASES[int(some.phrases[0])]}: {int(came.sum())} of 5 tries")
