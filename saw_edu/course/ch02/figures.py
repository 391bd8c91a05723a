"""The figures of chapter 2."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from matplotlib.figure import Figure
from torch import Tensor

from saw_edu.data import Trajectories
from saw_edu.envs import PointMaze
from saw_edu.envs.babyai import BabyAIVectorEnv
from saw_edu.evaluation import seed_interval
from saw_edu.rollouts import Evaluation
from saw_edu.training import Policy
from saw_edu.viz import plot_maze, plot_rollouts, plot_success_by_distance, plot_values, style


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
    """The first five episodes, and five from episode `far` on."""
    assert outcome.paths is not None
    figure, axes = plt.subplots(1, 2, figsize=(10.5, 4.9))
    for ax, first, title in zip(axes, (0, far), ("goals 1 or 2 cells away", "goals 9 to 11 cells away"), strict=True):
        chosen = slice(first, first + 5)
        reached = torch.from_numpy(outcome.episodes["success"].to_numpy()[chosen].astype(bool))
        plot_rollouts(ax, world, outcome.paths[0, chosen], goals[chosen], reached)
        ax.set_xlabel(f"x (maze units)\n{title}")
    return figure


def advice(by_distance: pd.DataFrame, cells: np.ndarray, weighted: np.ndarray | None = None) -> Figure:
    """Cosine with the oracle over distance: hindsight, its ceiling, and hindsight weighted (seeds, cells)."""
    figure, ax = plt.subplots()
    ax.plot(cells, by_distance["ceiling"][cells], color=style.DARK, ls="--", label="a demonstrator heading for g")
    if weighted is not None:
        label = "hindsight, weighted by AWR (5 seeds)"
        ax.plot(cells, weighted.mean(0), color=style.ORANGE, marker="^", label=label)
        ax.fill_between(cells, weighted.min(0), weighted.max(0), color=style.ORANGE, alpha=0.2, lw=0)
    ax.plot(cells, by_distance["advice"][cells], color=style.BLUE, marker="o", label="hindsight, all rows alike (GCBC)")
    ax.axhline(0, color=style.GREY, lw=1)
    ax.set(xlabel="shortest path from s to the hindsight goal g (cells)", ylabel="mean cosine with the oracle's action")
    ax.set_ylim(-0.1 if weighted is None else -1, 1)
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0))
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


def value_over_distance(distances: Tensor, by_seed: Sequence[Tensor], discount: float, steps_a_cell: int) -> Figure:
    """Mean V of all pairs at each distance, all seeds, with the formula for a walker of that pace."""
    cells = np.arange(int(distances.max()) + 1)
    v = np.array([[found[distances == d].mean().item() for d in cells] for found in by_seed])
    true = -(1 - discount ** (steps_a_cell * cells)) / (1 - discount)
    figure, ax = plt.subplots()
    label = rf"$-(1-\gamma^d)/(1-\gamma)$, {steps_a_cell} steps a cell"
    ax.plot(cells, true, color=style.DARK, ls="--", label=label)
    ax.plot(cells, v.mean(0), color=style.ORANGE, marker="^", label="learned V, mean of 5 seeds")
    ax.fill_between(cells, v.min(0), v.max(0), color=style.ORANGE, alpha=0.2, lw=0, label="lowest to highest seed")
    ax.set(xlabel="shortest path to the goal (cells)", ylabel="value V(s, g)")
    ax.legend()
    return figure


def success(results: Mapping[str, pd.DataFrame], teacher: pd.DataFrame) -> Figure:
    """Success over distance of the agents, with the demonstrator for a yardstick."""
    figure, ax = plt.subplots()
    ax.plot(teacher["distance"], teacher["mean"], color=style.GREY, ls="-.", label="the demonstrator itself")
    for name, result in results.items():
        plot_success_by_distance(ax, result, name)
    ax.legend()
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
