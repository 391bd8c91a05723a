"""The figures of chapter 2."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from saw_edu.course.ch02.advice import DETOUR, DIRECT, Pairs
from saw_edu.data import Trajectories
from saw_edu.envs import PointMaze
from saw_edu.envs.babyai import BabyAIVectorEnv
from saw_edu.evaluation import seed_interval
from saw_edu.rollouts import Evaluation, evaluate
from saw_edu.training import Policy
from saw_edu.viz import plot_maze, plot_policy, plot_rollouts, plot_success_by_distance, plot_values, style


def busiest_crossing(world: PointMaze, data: Trajectories) -> tuple[int, Tensor]:
    """The free cell with three ways out or more where most actions were taken, and those actions (N, 2)."""
    rows = data.start_rows
    cell = world.index(world.states_of(data.observations[rows]))  # (M,) the free cell that each row lies in
    ways = torch.as_tensor((world.maze.neighbours >= 0).sum(1))  # ways out of each free cell
    crossing = int(torch.where(ways >= 3, cell.bincount(minlength=len(ways)), 0).argmax())
    return crossing, data.actions[rows[cell == crossing]]


def play(world: PointMaze, data: Trajectories, crossing: int, actions: Tensor) -> Figure:
    """One episode of play, and the actions taken at a crossing with their mean."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(10.5, 4.4))
    plot_maze(left, world)
    end = int(data.episode_ends[0])
    xy = world.states_of(data.observations[:end])
    dots = left.scatter(*xy.T, c=torch.arange(end), s=14, cmap=style.VALUES, zorder=3)
    figure.colorbar(dots, ax=left, label="time (steps)", shrink=0.85)
    centre = world.maze.cell_to_xy(world.maze.free_cells[crossing])
    left.scatter(*centre, marker="s", s=420, facecolors="none", edgecolors=style.VERMILION, linewidths=2.5, zorder=5)
    left.set_title("one episode of play")
    right.scatter(*actions[:1500].T, s=6, color=style.BLUE, alpha=0.35, label="actions in the data")
    look = {"marker": "X", "s": 160, "color": style.VERMILION, "edgecolors": "white"}
    right.scatter(*actions.mean(0), label="their mean", zorder=4, **look)
    right.set(xlabel="action in x", ylabel="action in y", aspect="equal", title="actions at the crossing (red square)")
    right.legend(loc="upper center", bbox_to_anchor=(0.5, -0.18), ncols=2)
    return figure


def goals_drawn(world: PointMaze, data: Trajectories, row: int, drawn: Tensor, discount: float) -> tuple[Figure, str]:
    """Where the goals drawn for one row lie, in time and in the maze; and two numbers in words."""
    xy = world.states_of(data.observations)
    same = (drawn >= row) & (drawn <= data.final_index[row])
    offsets = (drawn[same & (drawn > row)] - row).numpy()
    figure, (left, right) = plt.subplots(1, 2, figsize=(10.5, 4.2))
    left.hist(offsets, bins=np.arange(0.5, 171, 10), density=True, color=style.SKY, label="your goals")
    k = np.arange(1, 171)
    left.plot(k, (1 - discount) * discount ** (k - 1), color=style.DARK, label=r"$(1-\gamma)\,\gamma^{k-1}$")
    left.set(xlabel="offset k of a future goal (steps)", ylabel="probability per step")
    left.legend()
    plot_maze(right, world)
    right.scatter(*xy[drawn[~same]].T, s=9, color=style.ORANGE, label="other episodes", zorder=3)
    right.scatter(*xy[drawn[same]].T, s=9, color=style.BLUE, label="same episode", zorder=4)
    right.scatter(*xy[row], marker="o", s=90, color="white", edgecolors=style.DARK, linewidths=2, zorder=6)
    right.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2, markerscale=2)
    share = same.float().mean()
    return figure, f"mean offset of future goals: {offsets.mean():.0f} steps; share from the same episode: {share:.2f}"


def rollouts(world: PointMaze, outcome: Evaluation, goals: Tensor, far: int) -> Figure:
    """The first five episodes, and five from episode `far` on; equal numbers join start and goal."""
    assert outcome.paths is not None
    figure, axes = plt.subplots(1, 2, figsize=(10.5, 4.9))
    for ax, first, title in zip(axes, (0, far), ("goals 1 or 2 cells away", "goals 9 to 11 cells away"), strict=True):
        chosen = slice(first, first + 5)
        reached = torch.from_numpy(outcome.episodes["success"].to_numpy()[chosen].astype(bool))
        plot_rollouts(ax, world, outcome.paths[0, chosen], goals[chosen], reached)
        xy = world.xy(torch.cat([outcome.paths[0, chosen, 0], goals[chosen]])).tolist()
        for number, (start, goal) in enumerate(zip(xy[:5], xy[5:], strict=True), 1):
            look = {"ha": "center", "va": "center", "size": 8, "weight": "bold", "zorder": 8}
            ax.text(*start, str(number), **look)
            ax.annotate(str(number), goal, xytext=(9, 7), textcoords="offset points", color=style.PURPLE, **look)
        ax.set_xlabel(f"x (maze units)\n{title}")
    return figure


def temperatures(tables: Mapping[float, pd.DataFrame], aimless: pd.DataFrame) -> Figure:
    """Success over distance of one agent at several temperatures, and of random actions."""
    looks = {0: (style.SKY, "s", ":"), 0.5: (style.BLUE, "o", "-"), 1: (style.VERMILION, "^", "--")}
    figure, ax = plt.subplots()
    for temperature, table in tables.items():
        color, marker, line = looks[temperature]
        label = f"temperature {temperature:g}" + (" (greedy)" if temperature == 0 else "")
        plot_success_by_distance(ax, table, label=label, color=color)
        ax.lines[-1].set(marker=marker, linestyle=line)
    ax.plot(aimless["distance"], aimless["mean"], color=style.GREY, ls="-.", label="random actions")
    ax.legend()
    return figure


def advice(pairs: Pairs, cells: np.ndarray, weighted: np.ndarray | None = None) -> Figure:
    """Cosine with the oracle over distance: all pairs, direct ones and detours; or all, plain and weighted.

    weighted: (cells, 3) mean and interval.
    """
    length = pairs.table["length"]
    figure, ax = plt.subplots()
    ax.plot(cells, pairs.mean("ceiling", cells), color=style.DARK, ls="--", label="a demonstrator heading for g")
    if weighted is None:
        direct, detour = (pairs.mean("advice", cells, some) for some in (length <= DIRECT, length > DETOUR))
        ax.plot(cells, direct, color=style.GREEN, marker="^", label=f"passed by at most {DIRECT:g} shortest ways")
        ax.plot(cells, detour, color=style.VERMILION, marker="s", label=f"after more than {DETOUR:g} shortest ways")
    else:
        mean, low, high = weighted.T
        ax.plot(cells, mean, color=style.ORANGE, marker="^", label="hindsight, weighted by AWR (5 seeds)")
        ax.fill_between(cells, low, high, color=style.ORANGE, alpha=0.2, lw=0)
    label = "all hindsight goals alike (GCBC)"
    ax.plot(cells, pairs.mean("advice", cells), color=style.BLUE, marker="o", label=label)
    ax.axhline(0, color=style.GREY, lw=1)
    ax.set(xlabel="shortest path from s to the hindsight goal g (cells)", ylabel="mean cosine with the oracle's action")
    ax.set_ylim(-0.1 if weighted is None else -0.6, 1)
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2, fontsize=10)
    return figure


def values(world: PointMaze, policy: Policy, goal_state: Tensor) -> Figure:
    """The learned value for one goal beside minus the true distance."""

    def minus_distance(observations: Tensor, goal_observations: Tensor) -> Tensor:
        return -world.distances(world.states_of(observations), world.states_of(goal_observations))

    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.2))
    plot_values(left, world, policy.value, goal_state, label="learned V(s, g)")
    plot_values(right, world, minus_distance, goal_state, resolution=1, label="minus shortest path (cells)")
    left.set_title("learned from play")
    right.set_title("ground truth")
    return figure


def value_over_distance(
    distances: Tensor, by_seed: Sequence[Tensor], order: np.ndarray, discount: float, steps_a_cell: int
) -> Figure:
    """Mean V at each distance, all seeds, with the formula; and the order (seeds, distances) of neighbouring cells."""
    cells = np.arange(int(distances.max()) + 1)
    v = np.array([[found[distances == d].mean().item() for d in cells] for found in by_seed])
    true = -(1 - discount ** (steps_a_cell * cells)) / (1 - discount)
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.2))
    label = rf"$-(1-\gamma^d)/(1-\gamma)$, {steps_a_cell} steps a cell"
    left.plot(cells, true, color=style.DARK, ls="--", label=label)
    left.plot(cells, v.mean(0), color=style.ORANGE, marker="^", label="learned V, mean of 5 seeds")
    left.fill_between(cells, v.min(0), v.max(0), color=style.ORANGE, alpha=0.2, lw=0, label="lowest to highest seed")
    left.set(xlabel="shortest path to the goal (cells)", ylabel="value V(s, g)")
    left.legend()
    low, high = np.array([seed_interval(one) for one in order.T]).clip(0, 1).T
    right.plot(cells[:-1], order.mean(0), color=style.ORANGE, marker="^", label="V, 5 seeds")
    right.fill_between(cells[:-1], low, high, color=style.ORANGE, alpha=0.2, lw=0)
    right.axhline(0.5, color=style.GREY, ls=":", label="a coin")
    right.set(
        xlabel="shortest path from the nearer cell (cells)", ylabel="neighbours in the right order", ylim=(0.3, 1.02)
    )
    right.legend()
    return figure


def success(results: Mapping[str, pd.DataFrame], greedy: Mapping[str, pd.DataFrame], teacher: pd.DataFrame) -> Figure:
    """Success over distance of the agents, drawn and (thin) greedy, with the demonstrator for a yardstick."""
    figure, ax = plt.subplots()
    ax.plot(teacher["distance"], teacher["mean"], color=style.GREY, ls="-.", label="the demonstrator itself")
    for name, result in results.items():
        look = style.method(name)
        plot_success_by_distance(ax, result, name, label=f"{look.label}, drawn")
        ax.lines[-1].set_linestyle("-")
        label = f"{look.label}, greedy"
        ax.plot(greedy[name]["distance"], greedy[name]["mean"], color=look.color, ls=":", lw=1.5, label=label)
    ax.legend(fontsize=10)
    return figure


def sentences(env: BabyAIVectorEnv, table: pd.DataFrame, seed: int) -> Figure:
    """One room with its mission, and success over the number of demonstrations: the recorded table."""
    found, _ = env.reset(seed=seed)
    figure, (left, right) = plt.subplots(1, 2, figsize=(10.5, 4.2), width_ratios=(1, 1.5))
    left.imshow(env.envs[0].unwrapped.get_frame(highlight=True, tile_size=24))
    left.set_title(f"“{found['mission'][0]}”")
    left.set_axis_off()
    chance = float(table.loc[table["told"] == "nothing", "success"].iloc[0])
    right.axhline(chance, color=style.GREY, ls="-.", label="random actions")
    lines = (
        ("its own mission", 1, "told its mission, actions drawn", style.BLUE, "o", "-"),
        ("its own mission", 0, "told its mission, likeliest action", style.SKY, "v", "--"),
        ("another's mission", 1, "told another mission, drawn", style.VERMILION, "s", ":"),
    )
    for told, temperature, label, color, marker, line in lines:
        mine = table[(table["told"] == told) & (table["temperature"] == temperature)]
        by_seed = mine.pivot_table(index="demonstrations", columns="seed", values="success")
        low, high = np.array([seed_interval(row) for row in by_seed.to_numpy()]).clip(0, 1).T
        right.plot(by_seed.index, by_seed.mean(axis=1), color=color, marker=marker, ls=line, label=label)
        right.fill_between(by_seed.index, low, high, color=color, alpha=0.16, lw=0)
    right.set(xscale="log", xlabel="demonstrations", ylabel="missions done", ylim=(0, 1))
    right.set_xticks([100, 500, 2000], ["100", "500", "2000"], minor=False)
    right.minorticks_off()
    right.legend(fontsize=10)
    return figure


class GoalMap:
    """What a policy does, or believes, for a goal that is clicked."""

    def __init__(self, world: PointMaze, agents: Mapping[str, Sequence[Policy]], starts: Tensor) -> None:
        self.world, self.agents, self.starts = world, agents, starts
        self.centres = world.maze.cell_to_xy(world.maze.tables()["free_cells"].float())

    def nearest(self, point: tuple[float, float]) -> tuple[float, float]:
        """The middle of the free cell nearest to a point."""
        x, y = self.centres[int((self.centres - torch.tensor(point)).square().sum(1).argmin())].tolist()
        return x, y

    def draw(self, ax: Axes, point: tuple[float, float], agent: str, view: str, temperature: float, seed: int) -> None:
        """Roll-outs from a handful of starts, or arrows and (where there is one) the value behind them."""
        policy, target, color = self.agents[agent][seed], torch.tensor(point), style.method(agent).color
        if view == "roll-outs":
            generator = torch.Generator().manual_seed(seed)
            acting = Policy(policy.agent, policy.networks, temperature, generator)
            ends = target.expand(len(self.starts), 2)
            outcome = evaluate([acting], self.world, self.starts, ends, max_steps=80, keep_paths=True, progress=False)
            assert outcome.paths is not None
            reached = torch.from_numpy(outcome.episodes["success"].to_numpy().astype(bool))
            plot_rollouts(ax, self.world, outcome.paths[0], ends, reached, color=color)
            return
        has_value = agent == "GCIVL"
        plot_policy(ax, self.world, policy, target, color="white" if has_value else color)
        if has_value:
            plot_values(ax, self.world, policy.value, target)
