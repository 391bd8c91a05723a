"""The figures of chapter 13."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from saw_edu.course.ch13.skills import CONFIG, KINDS, make_skills, roll_outs, start_of
from saw_edu.evaluation import seed_interval
from saw_edu.hierarchy.diayn import Skills
from saw_edu.viz import plot_maze, style
from saw_edu.viz.mazes import START, mark

LOOKS = {
    "scaled": (KINDS["scaled"], style.BLUE, "o"),
    "fourier": (KINDS["fourier"], style.VERMILION, "s"),
    "untrained": (KINDS["untrained"], style.ORANGE, "^"),
    "walk": (KINDS["walk"], style.BLACK, "x"),
    "actions": ("single actions, held explorations", style.GREEN, "D"),
}


def paths(ax: Axes, skills: Skills, states: torch.Tensor, zs: torch.Tensor) -> None:
    """Roll-outs (B, T + 1, 2), one colour for each skill, a number where it ends."""
    plot_maze(ax, skills.world)
    colors = plt.get_cmap("turbo")(np.linspace(0.05, 0.95, skills.number))
    for path, z in zip(states.numpy(), zs.tolist(), strict=True):
        ax.plot(*path.T, color=colors[z], lw=1.6, alpha=0.8, zorder=3)
    for z in range(skills.number):
        last = states[zs == z, -1]
        if len(last):
            ax.scatter(last[:, 0], last[:, 1], color=colors[z], ec=style.DARK, s=38, zorder=5)
    mark(ax, states[0, 0].numpy(), START)
    ax.set(xlabel="", ylabel="", xticks=[], yticks=[])


def first_look(kinds: Sequence[str], seed: int = 0) -> Figure:
    """Three roll-outs of each skill from the start, kind by kind."""
    figure, axes = plt.subplots(1, len(kinds), figsize=(4.3 * len(kinds), 4.4))
    for ax, kind in zip(axes, kinds, strict=True):
        skills = make_skills(kind, seed)
        zs, states = roll_outs(skills, torch.Generator().manual_seed(0), each=3)
        paths(ax, skills, states, zs)
        ax.set_title(KINDS[kind])
    return figure


def learning(rewards: Sequence[float], number: int) -> Figure:
    """How the mean reward rises, against its bound."""
    figure, ax = plt.subplots(figsize=(7, 3.6))
    smooth = pd.Series(rewards).rolling(25, min_periods=1).mean()
    ax.plot(smooth, color=style.BLUE, label="log q(z | s) - log p(z), mean of 25 batches")
    ax.axhline(np.log(number), color=style.DARK, ls=":", label=f"bound: log {number}")
    ax.axhline(0, color=style.DARK, lw=0.8)
    ax.set(xlabel="updates", ylabel="reward (nats)")
    ax.legend(loc="lower right")
    return figure


def told_apart_and_covered(measures: pd.DataFrame) -> Figure:
    """Coverage against nats: one mark a seed, with the mean and 95 % intervals of both."""
    figure, ax = plt.subplots(figsize=(7.5, 4.4))
    for kind, rows in measures.groupby("kind", sort=False):
        label, color, marker = LOOKS[str(kind)]
        x, y = rows["nats"].to_numpy(), rows["coverage"].to_numpy()
        ax.scatter(x, y, color=color, marker=marker, alpha=0.45, s=30)
        (left, right), (low, high) = seed_interval(x), seed_interval(y)
        ax.plot([left, right], [y.mean()] * 2, color=color, lw=2.2)
        ax.plot([x.mean()] * 2, [low, high], color=color, lw=2.2, label=label)
    ax.axvline(np.log(CONFIG.skills), color=style.DARK, ls=":")
    ax.text(np.log(CONFIG.skills) - 0.04, 0.02, "log |Z|", ha="right")
    ax.set(xlabel="information of the last state about the skill (nats)", ylabel="share of cells visited", ylim=(0, 1))
    ax.legend(loc="upper left")
    return figure


def task(table: pd.DataFrame) -> Figure:
    """Success of high levels as they learn, near goals left and far ones right, with 95 % intervals over seeds."""
    figure, axes = plt.subplots(1, 2, figsize=(12.5, 4.2), sharey=True)
    titles = {"near": "goals in the room of the start", "far": "goals in the other rooms"}
    for ax, (goals, title) in zip(axes, titles.items(), strict=True):
        for kind, rows in table[table["goals"] == goals].groupby("kind", sort=False):
            label, color, marker = LOOKS[str(kind)]
            wide = rows.pivot(index="episode", columns="seed", values="success")
            bounds = np.array([seed_interval(row) for row in wide.to_numpy()])
            ax.plot(wide.index, wide.mean(axis=1), color=color, marker=marker, label=label)
            ax.fill_between(wide.index, bounds[:, 0].clip(0), bounds[:, 1].clip(max=1), color=color, alpha=0.15, lw=0)
        ax.set(title=title, xlabel="episodes", ylim=(0, 1))
    axes[0].set_ylabel("share that reach the goal")
    axes[1].legend(loc="upper left", fontsize=10)
    return figure


def paired(table: pd.DataFrame, kind: str, others: Sequence[str]) -> pd.DataFrame:
    """By how much one kind's mean success exceeds others', seed by seed: mean and 95 % interval, by goals."""
    means = table.groupby(["goals", "seed", "kind"])["success"].mean().unstack("kind")
    rows = []
    for goals, group in means.groupby("goals", sort=False):
        for other in others:
            difference = (group[kind] - group[other]).to_numpy()
            low, high = seed_interval(difference)
            against = LOOKS[other][0]
            rows.append({"goals": goals, "against": against, "difference": difference.mean(), "low": low, "high": high})
    return pd.DataFrame(rows).set_index(["goals", "against"]).round(2)


class SkillMap:
    """All skills of a kind from a place that is clicked."""

    def __init__(self, skills: Mapping[str, Skills]) -> None:
        self.skills = dict(skills)
        world = next(iter(self.skills.values())).world
        self.centres = world.maze.cell_to_xy(world.maze.tables()["free_cells"].float())

    @property
    def start(self) -> tuple[float, float]:
        """Where skills were learned from."""
        x, y = start_of(next(iter(self.skills.values())).world).tolist()
        return x, y

    def nearest(self, point: tuple[float, float]) -> tuple[float, float]:
        """The middle of the free cell nearest to a point."""
        x, y = self.centres[int((self.centres - torch.tensor(point)).square().sum(1).argmin())].tolist()
        return x, y

    def states(self, point: tuple[float, float], skills: str, steps: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Two roll-outs of each skill: which (B,), and states (B, steps + 1, 2)."""
        chosen = self.skills[skills]
        zs = torch.arange(chosen.number).repeat(2)
        starts = torch.tensor(point).expand(len(zs), 2)
        return zs, chosen.roll_out(starts, zs, steps, torch.Generator().manual_seed(0))

    def draw(self, ax: Axes, point: tuple[float, float], skills: str, steps: int) -> None:
        """The roll-outs from a point."""
        zs, states = self.states(point, skills, steps)
        paths(ax, self.skills[skills], states, zs)
        ax.set_title(f"{skills}, {steps} steps")

    def alt(self, point: tuple[float, float], skills: str, steps: int) -> str:
        """What a reader who does not see the map should know of it."""
        _, states = self.states(point, skills, steps)
        world = self.skills[skills].world
        seen, ends = (len(world.index(s.reshape(-1, 2)).unique()) for s in (states, states[:, -1]))
        return (
            f"From ({point[0]:.0f}, {point[1]:.0f}), {steps} steps of {skills}: the skills visit {seen} of "
            f"{len(self.centres)} cells and end in {ends}."
        )
