"""TinyPacking as a picture of pixels, in plain NumPy."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from saw_edu.envs.packing import rules
from saw_edu.envs.packing.rules import CELLS, HEIGHT, HELD, WALL_COLUMN, WIDTH

WALL, FLOOR, LINE, BAG = (68, 74, 84), (246, 246, 242), (222, 222, 216), (176, 160, 140)
AGENT, SHUT = (0, 114, 178), (150, 110, 60)
COLOURS = {"key": (230, 159, 0), "ball": (213, 94, 0), "box": (0, 158, 115), "cup": (204, 121, 167)}


def picture(state: Tensor, cell_pixels: int = 24) -> NDArray[np.uint8]:
    """One world (8,) from above, row 0 at the bottom, a wall around it.

    The agent is a blue ring, and what it holds is drawn in it; the bag a grey square with what it holds as dots.

    Returns:
        (9 * cell_pixels, 11 * cell_pixels, 3) uint8.
    """
    agent, door_row, opened, bag, *things = (int(x) for x in state)
    image = np.empty((HEIGHT + 2, WIDTH + 2, 3), np.uint8)
    image[:] = WALL
    image[1:-1, 1:-1] = FLOOR
    image[1:-1, WALL_COLUMN + 1] = WALL
    image[door_row + 1, WALL_COLUMN + 1] = FLOOR if opened else SHUT
    image = image.repeat(cell_pixels, 0).repeat(cell_pixels, 1)
    floor = (image == FLOOR).all(-1)
    lines = np.zeros(floor.shape, bool)
    lines[::cell_pixels] = lines[:, ::cell_pixels] = True
    image[floor & lines] = LINE

    def away(cell: int, up: float = 0.0, right: float = 0.0) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Rows and columns, in cells, from a cell's centre to every pixel."""
        rows = (np.arange(image.shape[0]) + 0.5) / cell_pixels - (cell // WIDTH + 1.5 + up)
        columns = (np.arange(image.shape[1]) + 0.5) / cell_pixels - (cell % WIDTH + 1.5 + right)
        return rows[:, None], columns[None]

    rows, columns = away(bag)
    image[np.maximum(abs(rows), abs(columns)) < 0.42] = BAG
    for name, code in zip(rules.THINGS, things, strict=True):
        if code < CELLS:
            _draw(image, name, away(code), 0.26)
        elif code >= rules.IN_BAG:
            _draw(image, name, away(bag, 0.22, 0.25 * (code - rules.IN_BAG - 1)), 0.11)
    rows, columns = away(agent)
    distance = np.hypot(rows, columns)
    image[(distance < 0.46) & (distance > 0.34)] = AGENT
    for name, code in zip(rules.THINGS, things, strict=True):
        if code == HELD:
            _draw(image, name, away(agent), 0.22)
    return image[::-1].copy()


def _draw(
    image: NDArray[np.uint8], name: str, away: tuple[NDArray[np.float64], NDArray[np.float64]], size: float
) -> None:
    """A thing: the key a diamond, the ball a disc, the box a square, the cup a triangle."""
    rows, columns = away
    inside = {
        "key": abs(rows) + abs(columns) < size * 1.2,
        "ball": np.hypot(rows, columns) < size,
        "box": np.maximum(abs(rows), abs(columns)) < size * 0.9,
        "cup": (abs(columns) < (rows + size) / 2 * 1.2) & (rows < size),
    }[name]
    image[inside] = COLOURS[name]
