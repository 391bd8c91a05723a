"""The figures of chapter 1."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from saw_edu.course.ch01.chains import LENGTHS, exact_in
from saw_edu.course.ch01.counter import Counter, act_by, with_detector, with_subgoals
from saw_edu.envs import GridMaze
from saw_edu.evaluation import seed_interval, success_by_distance
from saw_edu.rollouts import Evaluation, evaluate
from saw_edu.viz import plot_rollouts, plot_success_by_distance, style

WORLD_LOOKS = {"steady": (style.BLUE, "s"), "hidden weather": (style.VERMILION, "o")}
VERDICT_LOOKS = {
    "success": (style.BLUE, ""),
    "stuck": (style.VERMILION, "//"),
    "slow": (style.YELLOW, ".."),
    "wandering": ("#BDBDBD", ""),
}


def with_interval(table: pd.DataFrame, by: str, value: str) -> pd.DataFrame:
    """Mean over seeds with its 95 % interval, one row for each value of `by`."""
    grouped = table.groupby(by)[value]
    bounds = np.array([seed_interval(group.to_numpy()) for _, group in grouped])
    means = grouped.mean().to_numpy()
    return pd.DataFrame({by: list(grouped.groups), "mean": means, "low": bounds[:, 0], "high": bounds[:, 1]})


def _whiskers(ax: Axes, table: pd.DataFrame, by: str, floor: float = 0.0, **look: Any) -> None:
    """Points joined by a line, with whiskers for the interval, which end at a floor."""
    reach = [table["mean"] - table["low"].clip(lower=floor), table["high"] - table["mean"]]
    ax.errorbar(table[by], table["mean"], reach, capsize=3, **look)


def first_look(world: GridMaze, outcome: Evaluation, goals: Tensor, edges: Sequence[int]) -> Figure:
    """One near goal that is reached, one far one that is not, both of the first seed; and all episodes of all seeds."""
    assert outcome.paths is not None
    first = outcome.episodes[outcome.episodes["seed"] == 0].reset_index(drop=True)
    near = int(first.index[(first["success"] == 1) & (first["distance"] == 4)][0])
    far = int(first.index[(first["success"] == 0) & (first["distance"] >= 20)][0])
    figure, axes = plt.subplots(1, 3, figsize=(13.5, 3.9), width_ratios=[1, 1, 1.1])
    for ax, episode, word in zip(axes, (near, far), ("reached", "not reached"), strict=False):
        plot_rollouts(ax, world, outcome.paths[0, episode][None], goals[episode][None], legend=False)
        ax.set_title(f"goal {int(first['distance'][episode])} cells away: {word}")
        ax.set(xlabel="circle: start, star: goal, cross: the end", ylabel="", xticks=[], yticks=[])
    axes[2].set_title("all episodes, five agents")
    table = success_by_distance(outcome, edges)
    plot_success_by_distance(axes[2], table, label="imitation", color=style.BLUE)
    return figure


def states(reachable: Mapping[int, Sequence[int]], unseen: pd.DataFrame) -> Figure:
    """States reachable within a horizon, for each number of items; new episodes that meet an unseen state."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(11.5, 4.2))
    horizon = len(next(iter(reachable.values()))) - 1
    for (k, counts), color in zip(reachable.items(), style.PALETTE, strict=False):
        left.plot(counts, color=color)
        look: dict[str, Any] = {"xytext": (4, 0), "textcoords": "offset points", "va": "center", "color": color}
        left.annotate(f"K = {k}", (horizon, counts[-1]), **look)
    left.set(yscale="log", xlabel="horizon (steps)", ylabel="different states reachable", xlim=(0, horizon * 1.17))
    looks = {True: ("any order", style.VERMILION, "o"), False: ("fixed order", style.BLUE, "s")}
    for any_order, (label, color, marker) in looks.items():
        table = with_interval(unseen[unseen["any_order"] == any_order], "items", "unseen")
        _whiskers(right, table, "items", label=label, color=color, marker=marker)
    right.set(xlabel="number of items K", ylabel="new episodes with an unseen state", ylim=(0, 1))
    right.yaxis.set_major_formatter("{x:.0%}")
    right.legend(title="100 demonstrations")
    return figure


def chains(per_seed: pd.DataFrame, survivors: pd.DataFrame) -> Figure:
    """Success of chains beside p^K, and success by subtask of those who got so far."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(11.5, 4.3))
    seeds = per_seed["seed"].nunique()
    for name, (color, marker) in WORLD_LOOKS.items():
        table = with_interval(per_seed[per_seed["world"] == name], "length", "success")
        p, lengths = float(table["mean"].iloc[0]), np.arange(1, 17)
        left.plot(lengths, p**lengths, ls=":", color=color, label=f"{name}: $p^K$, p = {p:.3f}")
        _whiskers(left, table, "length", 1e-3, ls="", marker=marker, color=color, label=f"{name}: measured")
        chosen = survivors[survivors["world"] == name]
        chosen = chosen[chosen.groupby("subtask")["seed"].transform("count") == seeds]
        table = with_interval(chosen, "subtask", "success")
        _whiskers(right, table, "subtask", marker=marker, color=color, label=name)
    left.set(yscale="log", ylim=(0.008, 1.1), xticks=LENGTHS, xlabel="subtasks in the chain K")
    left.set_ylabel("chains completed")
    left.legend(fontsize=10, loc="lower left")
    right.set(xlabel="which subtask of the chain", ylabel="success of those who got so far", ylim=(0.6, 1.02))
    right.legend(loc="lower right")
    for ax in (left, right):
        ax.yaxis.set_major_formatter("{x:.0%}")
    return figure


def exact_chain(ax: Axes, slip: float, patience: int, weather: float) -> None:
    """Exact success of chains, half of the episodes with more slip and half with less, beside p^K."""
    exact = exact_in([min(max(slip + sign * weather, 0), 0.95) for sign in (1, -1)], patience)
    lengths = np.arange(1, 17)
    ax.plot(lengths, exact[0] ** lengths, ls=":", color=style.GREY, label=f"$p^K$ with p = {exact[0]:.3f}")
    ax.plot(lengths, exact, marker="o", color=style.VERMILION, label="exact")
    ax.set(xlabel="subtasks in the chain K", ylabel="chains completed", ylim=(0, 1.02))
    ax.yaxis.set_major_formatter("{x:.0%}")
    ax.legend()


def verdicts(shares: pd.DataFrame, order: Sequence[str]) -> Figure:
    """Stacked bars of the verdicts of each agent; shares: rows (agent, seed), a column for each word."""
    means = shares.groupby("agent").mean().loc[list(order)]
    figure, ax = plt.subplots(figsize=(9.5, 3.9))
    start = np.zeros(len(means))
    for word, (color, hatch) in VERDICT_LOOKS.items():
        ax.barh(means.index, means[word], left=start, color=color, hatch=hatch, edgecolor="white", label=word)
        start += means[word].to_numpy()
    for row, name in enumerate(means.index):
        rates = shares.loc[name, "success"].to_numpy()
        low, high = seed_interval(rates) if len(rates) > 1 else (rates[0], rates[0])  # the compass learns nothing
        ax.plot([max(low, 0), min(high, 1)], [row, row], color=style.BLACK, lw=2, marker="|", ms=9)
    ax.invert_yaxis()
    ax.grid(False, axis="y")
    ax.xaxis.set_major_formatter("{x:.0%}")
    ax.set(xlabel="episodes, judged after 100 steps (black: 95 % interval of success over seeds)", xlim=(0, 1))
    ax.legend(ncols=4, loc="lower center", bbox_to_anchor=(0.5, 1.0))
    return figure


def subgoals(table: pd.DataFrame) -> Figure:
    """Success on the farthest goals over how far ahead subgoals lie; ahead 0 is the agent without subgoals."""
    figure, ax = plt.subplots(figsize=(7.5, 4.2))
    looks = {"drawn": (style.VERMILION, "o"), "greedy": (style.BLUE, "s")}
    for name, (color, marker) in looks.items():
        mine = with_interval(table[table["acts"] == name], "ahead", "success")
        guided, flat = mine[mine["ahead"] > 0], mine[mine["ahead"] == 0]
        _whiskers(ax, guided, "ahead", color=color, marker=marker, label=f"{name}, with subgoals")
        ax.axhline(float(flat["mean"].iloc[0]), color=color, ls=":", label=f"{name}, without")
    ax.set(xlabel="how far ahead the subgoal lies (cells)", ylabel="success, goals 20 cells away or more", ylim=(0, 1))
    ax.yaxis.set_major_formatter("{x:.0%}")
    ax.legend()
    return figure


class CounterMap:
    """Roll-outs to a goal that is clicked, from a handful of places, with luck, a watchman or subgoals."""

    def __init__(self, world: GridMaze, counter: Counter, starts: int = 7) -> None:
        self.world, self.counter = world, counter
        cells = torch.as_tensor(world.maze.free_cells)
        self.starts = cells[:: max(1, len(cells) // starts)][:starts]
        self.centres = world.xy(cells)

    def nearest(self, point: tuple[float, float]) -> tuple[float, float]:
        """The middle of the free cell nearest to a point."""
        x, y = self.centres[int((self.centres - torch.tensor(point)).square().sum(1).argmin())].tolist()
        return x, y

    def outcome(self, point: tuple[float, float], acts: str, ahead: int) -> tuple[Evaluation, Tensor]:
        """What becomes of all starts."""
        generator = torch.Generator().manual_seed(0)
        policy = act_by(self.counter.table, generator if acts == "drawn" else None)
        guided = with_subgoals(policy, self.world, ahead)
        goals = self.world.states_at(torch.tensor(point)[None]).expand(len(self.starts), 2)
        chosen = with_detector(guided, generator) if acts == "greedy + detector" else guided
        return evaluate([chosen], self.world, self.starts, goals, keep_paths=True, progress=False), goals

    def draw(self, ax: Axes, point: tuple[float, float], acts: str, ahead: int) -> None:
        """The roll-outs to a point."""
        outcome, goals = self.outcome(point, acts, ahead)
        assert outcome.paths is not None
        reached = torch.tensor(outcome.episodes["success"].to_numpy() == 1)
        plot_rollouts(ax, self.world, outcome.paths[0], goals, reached)

    def alt(self, point: tuple[float, float], acts: str, ahead: int) -> str:
        """What a reader who does not see the maze should know."""
        outcome, _ = self.outcome(point, acts, ahead)
        guide = f"subgoals {ahead} cells ahead" if ahead else "no subgoals"
        won = int(outcome.episodes["success"].sum())
        x, y = point
        return f"{won} of {len(self.starts)} roll-outs reach the goal at ({x:g}, {y:g}): {acts}, {guide}."
