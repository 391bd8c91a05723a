"""The figures of chapter 10."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from torch import Tensor

from saw_edu.course.ch10 import packing, pursuit
from saw_edu.envs.packing import TinyPacking
from saw_edu.envs.packing.language import COARSE
from saw_edu.evaluation import seed_interval
from saw_edu.hierarchy.dual_rate import DualRate
from saw_edu.rollouts import evaluate
from saw_edu.viz import style

WAITING = len(COARSE)
BALLS = {0.0: "the ball goes straight on", 0.1: "the ball turns, about every ten ticks"}
COLOURS = (*style.PALETTE, "#D8D8D2")  # one for each command, and one for a robot that waits
LOOKS = {
    "waits": ("stands still while it thinks", style.BLACK, "s", ":"),
    "goes on": ("goes on with the last command", style.BLUE, "o", "-"),
    "learned, for now": ("learned: the word of now", style.SKY, "^", "--"),
    "learned, for later": ("learned: the word of later", style.VERMILION, "D", "-"),
    "for later, own walks": ("word of later, from its own walks", style.ORANGE, "v", "-."),
    "for now": ("the place of now", style.BLUE, "o", "-"),
    "for later": ("the place of later", style.VERMILION, "D", "-"),
}


class Errand(NamedTuple):
    """What happened tick by tick."""

    right: Tensor  # (T,) the command that the expert would give
    held: Tensor  # (T,) the one in force; `WAITING` where the robot stood still
    states: Tensor  # (T + 1, 8)
    goal: Tensor  # (8,)
    success: bool


def errand(latency: int, waits: bool = False, every: int = packing.EVERY, slip: float = 0.0, seed: int = 1) -> Errand:
    """One errand of two objects."""
    world = TinyPacking(slip=slip, pick_fails=slip, max_steps=packing.PATIENCE)
    generator = torch.Generator().manual_seed(seed)
    start, goal = world.sample_states(1, generator), world.sample_goals(1, packing.OBJECTS, generator)
    policy = packing.dual_rate(latency, waits, every=every)
    outcome = evaluate([policy], world, start, goal, generator=generator, keep_trace=True, progress=False)
    assert outcome.paths is not None
    assert outcome.memories is not None
    memory = outcome.memories[0]
    length = max(1, int(outcome.episodes["steps"].iloc[0]))
    states = outcome.paths[0, 0, : length + 1]
    stood = memory.waited[0, :length].diff(prepend=torch.zeros(1, dtype=torch.long)) > 0
    held = torch.where(stood, WAITING, memory.held[0, :length])
    right = world.subgoals(states[:-1], goal.expand(length, -1))
    return Errand(right, held, states, goal[0], bool(outcome.episodes["success"].iloc[0]))


def strip(ax: Axes, commands: Tensor, label: str) -> None:
    """A row of coloured ticks."""
    ax.imshow(
        commands[None].numpy(),
        aspect="auto",
        cmap=ListedColormap(COLOURS),
        vmin=0,
        vmax=WAITING,
        extent=(0, len(commands), 0, 1),
        interpolation="nearest",
    )
    ax.set(yticks=[], xlim=(0, packing.PATIENCE))
    ax.set_ylabel(label, rotation=0, ha="right", va="center")
    ax.grid(False)


def one_errand(latency: int) -> Figure:
    """The same errand without thinking time, going on with old commands, and standing still."""
    kinds = {"no thinking time": errand(0), "goes on": errand(latency), "stands still": errand(latency, waits=True)}
    figure, axes = plt.subplots(len(kinds), 1, figsize=(10, 3.6), sharex=True)
    for ax, (name, run) in zip(axes, kinds.items(), strict=True):
        strip(ax, run.held, name)
        last = len(run.held)
        ax.text(last + 1, 0.5, f"done, tick {last}" if run.success else "not done", va="center", fontsize=11)
    axes[-1].set_xlabel("tick")
    used = sorted({int(code) for run in kinds.values() for code in run.held})
    names = [*COARSE, "no action"]
    figure.legend(
        handles=[Patch(color=COLOURS[code], label=names[code]) for code in used], ncols=4, loc="outside upper center"
    )
    return figure


def _curve(ax: Axes, table: pd.DataFrame, kind: str, x: str = "latency", **look: Any) -> None:
    rows = table.pivot_table(index="seed", columns=x, values="score")
    mean = rows.mean()
    low, high = np.array([seed_interval(column) for column in rows.to_numpy().T]).T
    if not look:
        label, color, marker, line = LOOKS[kind]
        look = {"label": label, "color": color, "marker": marker, "linestyle": line}
    ax.plot(rows.columns, mean, **look)
    ax.fill_between(rows.columns, low.clip(0, 1), high.clip(0, 1), color=look["color"], alpha=0.15, lw=0)


def waiting_or_not(scores: pd.DataFrame) -> Figure:
    """Success over latency: who stands still and who goes on."""
    figure, ax = plt.subplots(figsize=(7.5, 4.2))
    packed = scores[scores["world"] == "packing"]
    for kind in ("waits", "goes on"):
        _curve(ax, packed[packed["kind"] == kind], kind)
    ax.set(xlabel="thinking time (ticks)", ylabel=f"done within {packing.PATIENCE} ticks", ylim=(-0.03, 1.03))
    ax.legend()
    return figure


def trained_for_later(scores: pd.DataFrame) -> Figure:
    """Commands for now and for later: in TinyPacking, and with a ball that turns never or often."""
    figure, axes = plt.subplots(1, 3, figsize=(13.5, 4.6), sharey=True)
    packed = scores[scores["world"] == "packing"]
    for kind in ("learned, for now", "learned, for later", "for later, own walks"):
        _curve(axes[0], packed[packed["kind"] == kind], kind)
    axes[0].set(title="TinyPacking", ylabel="errands done; ticks at the ball", ylim=(-0.03, 1.03))
    for ax, turn in zip(axes[1:], pursuit.TURNS, strict=True):
        chased = scores[(scores["world"] == "pursuit") & (scores["turn"] == turn)]
        for kind in ("for now", "for later"):
            _curve(ax, chased[chased["kind"] == kind], kind)
        ax.set(title=BALLS[turn])
    for ax in axes:
        ax.set_xlabel("thinking time (ticks)")
        ax.legend(fontsize=11)
    return figure


def chunks(scores: pd.DataFrame) -> Figure:
    """How many places of a chunk to execute, for some delays, entered where it should be or at its beginning."""
    figure, axes = plt.subplots(1, 2, figsize=(11.5, 4.6), sharey=True)
    colours = {0: style.BLACK, 2: style.BLUE, 4: style.GREEN, 8: style.VERMILION}
    for ax, turn in zip(axes, pursuit.TURNS, strict=True):
        table = scores[(scores["world"] == "chunks") & (scores["turn"] == turn)]
        for delay, colour in colours.items():
            for kind, line in {"entered late": "-", "entered at 0": ":"}.items():
                if delay or kind == "entered late":
                    rows = table[(table["latency"] == delay) & (table["kind"] == kind)]
                    label = f"delay {delay}" + (", entered at its beginning" if line == ":" else "")
                    _curve(ax, rows, kind, "execute", color=colour, marker="o", linestyle=line, label=label)
        ax.set(
            title="the ball goes straight on" if turn == 0 else f"the ball turns, {turn:g} a tick", ylim=(-0.03, 1.03)
        )
        ax.set_xlabel("places executed before the next look")
    axes[0].set_ylabel("share of ticks at the ball")
    figure.legend(*axes[0].get_legend_handles_labels(), ncols=4, loc="outside upper center", fontsize=11)
    return figure


def paired(scores: pd.DataFrame, world: str, kind: str, other: str, turn: float = 0.0) -> pd.DataFrame:
    """By how much one kind exceeds another, seed by seed: mean and 95 % interval, by latency."""
    table = scores[(scores["world"] == world) & (scores["turn"] == turn)]
    wide = table.pivot_table(index=["latency", "seed"], columns="kind", values="score")
    difference = (wide[kind] - wide[other]).dropna().unstack("seed")
    rows = {}
    for latency, values in zip(difference.index, difference.to_numpy(), strict=True):
        low, high = seed_interval(values)
        rows[latency] = {"difference": values.mean(), "low": low, "high": high}
    return pd.DataFrame(rows).T.round(2).rename_axis("latency")


def gaps(found: Mapping[str, Sequence[float]], hertz: float) -> Figure:
    """Times from one action to the next on a real clock."""
    figure, ax = plt.subplots(figsize=(8.5, 3.6))
    for (name, values), colour in zip(found.items(), (style.VERMILION, style.BLUE), strict=True):
        ax.plot(np.cumsum(values), 1_000 * np.asarray(values), ".", color=colour, label=name)
    ax.axhline(1_000 / hertz, color=style.DARK, ls=":", label=f"{hertz:g} Hz")
    ax.set(xlabel="time (s)", ylabel="since the last action (ms)", yscale="log")
    ax.legend(loc="center right")
    return figure


class Replay:
    """An errand as two strips and a picture of the tick that is clicked."""

    def __init__(self) -> None:
        self.runs: dict[tuple[Any, ...], Errand] = {}

    def run(self, latency: int, every: int, while_thinking: str, slip: float) -> Errand:
        """That errand, remembered."""
        key = (latency, while_thinking == "stand still", every, slip)
        if key not in self.runs:
            self.runs[key] = errand(*key)
        return self.runs[key]

    def draw(self, ax: Axes, point: tuple[float, float], **options: Any) -> None:
        """The strips over time, and the world at the tick."""
        run = self.run(**options)
        tick = min(int(point[0]), len(run.held) - 1)
        colours = ListedColormap(COLOURS)
        both = torch.stack([run.held, run.right]).numpy()
        ax.imshow(both, aspect="auto", cmap=colours, vmin=0, vmax=WAITING, extent=(0, len(run.held), 0, 2))
        ax.axvline(tick + 0.5, color=style.DARK, lw=2)
        ax.set(xlim=(0, packing.PATIENCE), ylim=(0, 2), xlabel="tick", title=self._title(run, tick))
        ax.set_yticks([0.5, 1.5], ["right", "in force"])
        ax.grid(False)
        inset = ax.inset_axes((0.66, 0.12, 0.34, 0.76))
        inset.imshow(TinyPacking().picture(run.states[tick]))
        inset.set_axis_off()

    def _title(self, run: Errand, tick: int) -> str:
        names = [*COARSE, "nothing: it waits"]
        return f"tick {tick}: in force “{names[int(run.held[tick])]}”, right “{names[int(run.right[tick])]}”"

    def alt(self, point: tuple[float, float], **options: Any) -> str:
        """What a reader who does not see it should know."""
        run = self.run(**options)
        tick = min(int(point[0]), len(run.held) - 1)
        wrong = float((run.held != run.right).double().mean())
        end = f"done after {len(run.held)} ticks" if run.success else f"not done after {len(run.held)} ticks"
        return (
            f"{self._title(run, tick)}. The command in force is not the right one in {wrong:.0%} of the ticks; {end}."
        )


def old_commands(latency: int, seed: int = 0, episodes: int = 200) -> dict[str, float]:
    """Of the ticks in which an expert's slow level goes on: how many have an old command that is no longer right."""
    world = TinyPacking(max_steps=packing.PATIENCE)
    generator = torch.Generator().manual_seed(seed)
    starts, goals = world.sample_states(episodes, generator), world.sample_goals(episodes, packing.OBJECTS, generator)
    policy: DualRate = packing.dual_rate(latency)
    outcome = evaluate([policy], world, starts, goals, generator=generator, keep_trace=True, progress=False)
    assert outcome.paths is not None
    assert outcome.memories is not None
    memory, lengths = outcome.memories[0], torch.tensor(outcome.episodes["steps"].tolist())
    ticks = torch.arange(memory.held.shape[1])
    counts = (ticks < lengths[:, None]) & memory.has
    states = outcome.paths[0, :, :-1]
    right = world.subgoals(states.flatten(0, 1), goals.repeat_interleave(states.shape[1], 0)).view(counts.shape)
    return {
        "mean age (ticks)": float(memory.age[counts].double().mean()),
        "not the right command": float((memory.held != right)[counts].double().mean()),
    }
