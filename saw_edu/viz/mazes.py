"""Mazes from above: walls, values, policies and the paths of roll-outs. Each function draws on `ax`, returns it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PathCollection
from matplotlib.lines import Line2D
from numpy.typing import NDArray
from torch import Tensor

from saw_edu.envs import InMaze, Maze
from saw_edu.envs.maze.grid import MOVES
from saw_edu.viz import style

ValueFunction = Callable[[Tensor, Tensor], Tensor]  # observations (B, obs), goals (B, obs) -> values (B,)
Policy = Callable[[Tensor, Tensor], Tensor]  # observations (B, obs), goals (B, obs) -> actions (B, act) or (B,)

START = {"marker": "o", "s": 140, "color": "white", "edgecolors": style.DARK, "linewidths": 1.8, "zorder": 6}
GOAL = {"marker": "*", "s": 170, "color": style.PURPLE, "edgecolors": style.DARK, "linewidths": 1.2, "zorder": 7}


def plot_maze(ax: Axes, maze: Maze | InMaze, tasks: bool = False) -> Axes:
    """Walls dark, free cells light, with coordinates in maze units. With `tasks`, the numbered starts and goals."""
    maze = maze if isinstance(maze, Maze) else maze.maze
    shades = np.where(maze.walls[..., None], _rgb(style.WALL), _rgb(style.FLOOR))
    ax.imshow(shades, extent=maze.extent, origin="lower", interpolation="nearest", zorder=0)
    left, right, bottom, top = maze.extent
    ax.set(xlim=(left, right), ylim=(bottom, top), aspect="equal", xlabel="x (maze units)", ylabel="y (maze units)")
    ax.xaxis.set_major_locator(_ticks(maze))
    ax.yaxis.set_major_locator(_ticks(maze))
    ax.grid(False)
    if tasks:
        named: dict[tuple[int, int], list[tuple[str, str]]] = {}
        for number, (start, goal) in enumerate(maze.tasks, 1):
            named.setdefault(start, []).append((f"s{number}", style.BLUE))
            named.setdefault(goal, []).append((f"g{number}", style.VERMILION))
        for cell, names in named.items():
            x, y = maze.cell_to_xy(np.array(cell))
            for i, (name, color) in enumerate(names):  # names that share a cell stand one above the other
                above = ((len(names) - 1) / 2 - i) * maze.cell_size / max(len(names), 2) * 0.9
                ax.text(x, y + above, name, ha="center", va="center", color=color, size=9, weight="bold")
    return ax


def plot_values(
    ax: Axes,
    world: InMaze,
    value_fn: ValueFunction,
    goal_state: Tensor,
    *,
    resolution: int | None = None,
    label: str = "value V(s, g)",
    colorbar: bool = True,
    vmin: float | None = None,
    vmax: float | None = None,
) -> Axes:
    """V(s, goal) as colour over the free space, the goal a star.

    Args:
        ax: where to draw.
        world: where the states are.
        value_fn: observations (B, obs), goals (B, obs) -> (B,).
        goal_state: (2,) the goal.
        resolution: samples along the side of a cell; 1 in grid mazes, 6 in point mazes unless given.
        label: of the colour bar, with its unit where it has one.
        colorbar: whether to draw it.
        vmin: lowest value of the colours; that of the data unless given. Share it between panels to compare them.
        vmax: highest.
    """
    plot_maze(ax, world)
    xy, free = positions(world, resolution or (1 if world.spec.discrete else 6))
    observations, goals = _ask(world, xy[free], goal_state)
    image = np.full(free.shape, np.nan)
    with torch.no_grad():
        image[free] = value_fn(observations, goals).detach().cpu().double().numpy()
    drawn = ax.imshow(image, extent=world.maze.extent, origin="lower", vmin=vmin, vmax=vmax, zorder=1)
    drawn.set_cmap(style.VALUES)
    outline(ax, world.maze)
    if colorbar:
        ax.figure.colorbar(drawn, ax=ax, label=label, shrink=0.85)
    _mark(ax, world, goal_state[None], GOAL)
    return ax


def plot_policy(
    ax: Axes,
    world: InMaze,
    policy: Policy,
    goal_state: Tensor,
    *,
    resolution: int | None = None,
    color: str = style.BLUE,
) -> Axes:
    """A policy as arrows over the free space, for one goal (a star). A dot stands for the action "stay".

    Arrows are as long as the action (at most one), drawn to fit between their neighbours.
    """
    plot_maze(ax, world)
    per_cell = resolution or (1 if world.spec.discrete else 2)
    xy, free = positions(world, per_cell)
    observations, goals = _ask(world, xy[free], goal_state)
    with torch.no_grad():
        actions = policy(observations, goals).detach().cpu()
    if world.spec.discrete:
        arrows = torch.tensor(MOVES).flip(-1)[actions].double().numpy()  # (B, 2): rows grow upwards, columns rightwards
    else:
        arrows = actions.clamp(-1, 1).double().numpy()
    length = np.linalg.norm(arrows, axis=-1, keepdims=True)
    arrows = arrows / np.maximum(length, 1)
    spacing = world.maze.cell_size / per_cell
    at, moving = xy[free], length[:, 0] > 0
    ax.quiver(
        *(at - 0.35 * spacing * arrows)[moving].T,
        *(0.7 * spacing * arrows)[moving].T,
        color=color,
        angles="xy",
        scale_units="xy",
        scale=1,
        width=0.055 * spacing,
        units="xy",
        headwidth=4,
        headlength=4.5,
        headaxislength=4,
        zorder=3,
    )
    ax.plot(*at[~moving].T, ".", color=color, zorder=3)
    _mark(ax, world, goal_state[None], GOAL)
    return ax


def plot_rollouts(
    ax: Axes,
    world: InMaze,
    paths: Tensor | Sequence[Tensor],
    goals: Tensor | None = None,
    success: Sequence[bool] | Tensor | None = None,
    *,
    color: str = style.BLUE,
    legend: bool = True,
) -> Axes:
    """Paths through the maze, each from a white dot to where it ended, the goals stars.

    Args:
        ax: where to draw.
        world: where the states are.
        paths: (E, T + 1, 2) states visited, or E tensors (T + 1, 2).
        goals: (E, 2) goal states, or None.
        success: (E,) whether each path reached its goal; taken from `world.reached` at its end where not given and
            there are goals. Paths that failed are drawn dashed in vermilion and end in a cross.
        color: of the paths that succeeded.
        legend: whether to draw one above the axes.
    """
    plot_maze(ax, world)
    paths = list(paths)
    if not paths:
        raise ValueError("there are no paths to draw")
    if success is None and goals is not None:
        success = world.reached(torch.stack([path[-1] for path in paths]), goals)
    reached = [True] * len(paths) if success is None else [bool(s) for s in success]
    spread = min(0.06 * world.maze.cell_size, 0.5 * world.maze.cell_size / len(paths)) if world.spec.discrete else 0.0
    for i, (path, good) in enumerate(zip(paths, reached, strict=True)):
        xy = world.xy(path).cpu().numpy() + spread * (i - (len(paths) - 1) / 2)  # so that equal paths stay apart
        ax.plot(*xy.T, "-" if good else "--", color=color if good else style.VERMILION, lw=1.6, alpha=0.85, zorder=4)
        if not good:
            ax.plot(*xy[-1], "X", color=style.VERMILION, markeredgecolor="white", ms=9, zorder=6)
    _mark(ax, world, torch.stack([path[0] for path in paths]), START)
    if goals is not None:
        _mark(ax, world, goals, GOAL)
    if legend:
        handles = [_handle("start", START)]
        handles += [_handle("goal", GOAL)] if goals is not None else []
        if success is not None and any(reached):
            handles.append(Line2D([], [], color=color, label="reached"))
        if not all(reached):
            handles.append(Line2D([], [], color=style.VERMILION, ls="--", marker="X", label="not reached"))
        ax.legend(handles=handles, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=len(handles), columnspacing=1.2)
    return ax


def outline(ax: Axes, maze: Maze) -> LineCollection:
    """White lines where walls begin: dark values are then never taken for walls."""
    left, _, bottom, _ = maze.extent
    walls = maze.walls.astype(int)
    upright = [[(c + 1, r), (c + 1, r + 1)] for r, c in np.argwhere(np.diff(walls, axis=1))]
    level = [[(c, r + 1), (c + 1, r + 1)] for r, c in np.argwhere(np.diff(walls, axis=0))]
    edges = np.array(upright + level) * maze.cell_size + [left, bottom]  # (edges, 2 ends, 2)
    lines = LineCollection(list(edges), colors="white", linewidths=1.4, zorder=2)
    ax.add_collection(lines, autolim=False)
    return lines


def _rgb(color: str) -> NDArray[np.float64]:
    return np.array([int(color[i : i + 2], 16) for i in (1, 3, 5)]) / 255


def _ticks(maze: Maze):  # type: ignore[no-untyped-def]  # matplotlib's locators carry no types
    from matplotlib.ticker import MultipleLocator

    return MultipleLocator(maze.cell_size * max(1, round(max(maze.walls.shape) / 6)))


def positions(world: InMaze, per_cell: int) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Evenly spaced positions (H * n, W * n, 2) and which of them lie in free cells."""
    left, right, bottom, top = world.maze.extent
    height, width = (side * per_cell for side in world.maze.walls.shape)
    half = world.maze.cell_size / per_cell / 2
    x, y = np.linspace(left + half, right - half, width), np.linspace(bottom + half, top - half, height)
    free = ~world.maze.walls.repeat(per_cell, 0).repeat(per_cell, 1)
    return np.stack(np.meshgrid(x, y), -1), free


def _ask(world: InMaze, xy: NDArray[np.float64], goal_state: Tensor) -> tuple[Tensor, Tensor]:
    """Observations of positions and, as many times, of the goal."""
    if goal_state.shape != (2,):
        raise ValueError(f"goal_state must be one state of shape (2,), got {tuple(goal_state.shape)}")
    states = world.states_at(torch.as_tensor(xy, dtype=torch.float32))
    return world.observe(states), world.observe(goal_state[None].expand(len(states), 2))


def _mark(ax: Axes, world: InMaze, states: Tensor, look: dict) -> None:
    mark(ax, world.xy(states).cpu().numpy().T, look)


def mark(ax: Axes, xy: NDArray[np.float64], look: dict) -> PathCollection:
    """Starts or goals at (2,) or (2, N) x and y, with the look of `START` or `GOAL`."""
    return ax.scatter(*xy, **look)


def _handle(label: str, look: dict) -> Line2D:
    return Line2D(
        [], [], ls="", label=label, marker=look["marker"], ms=look["s"] ** 0.5, color=look["color"],
        markeredgecolor=look["edgecolors"],
    )  # fmt: skip
