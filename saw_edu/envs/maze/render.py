"""A world as a picture of pixels, in plain NumPy."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from saw_edu.envs.maze.layout import Maze
from saw_edu.envs.world import Located

WALL, FLOOR, LINE = (68, 74, 84), (246, 246, 242), (222, 222, 216)
AGENT, GOAL = (0, 114, 178), (213, 94, 0)  # blue and vermilion of the Okabe-Ito palette


class OnMaze(Located, Protocol):
    """A world on a maze, as far as it is drawn."""

    maze: Maze


def picture(
    world: OnMaze, state: Tensor | None = None, goal: Tensor | None = None, cell_pixels: int = 24
) -> NDArray[np.uint8]:
    """One world from above, y upwards: walls dark, the agent a blue disc, the goal an orange ring.

    Args:
        world: any world on a maze.
        state: (2,) where the agent is, or None.
        goal: (2,) where it should go, or None.
        cell_pixels: width of a cell.

    Returns:
        (H * cell_pixels, W * cell_pixels, 3) uint8.
    """
    walls = world.maze.walls
    image = np.where(walls[..., None], WALL, FLOOR).astype(np.uint8)
    image = image.repeat(cell_pixels, 0).repeat(cell_pixels, 1)
    free = (~walls).repeat(cell_pixels, 0).repeat(cell_pixels, 1)
    lines = np.zeros(free.shape, bool)
    lines[::cell_pixels] = lines[:, ::cell_pixels] = True
    image[free & lines] = LINE
    if goal is not None:
        distance = _distance_from(world, goal, image.shape[:2], cell_pixels)
        image[(distance < 0.3) & (distance > 0.17)] = GOAL
    if state is not None:
        image[_distance_from(world, state, image.shape[:2], cell_pixels) < 0.2] = AGENT
    return image[::-1].copy()


def _distance_from(world: OnMaze, state: Tensor, shape: tuple[int, int], cell_pixels: int) -> NDArray[np.float64]:
    """Distance of every pixel's centre from a state, in cells."""
    x, y = world.xy(state[None])[0].tolist()
    left, _, bottom, _ = world.maze.extent
    size = world.maze.cell_size
    rows = (np.arange(shape[0]) + 0.5) / cell_pixels - (y - bottom) / size
    columns = (np.arange(shape[1]) + 0.5) / cell_pixels - (x - left) / size
    return np.hypot(rows[:, None], columns)
