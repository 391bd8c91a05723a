"""Maze layouts: walls, cells, coordinates and exact shortest-path distances."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Array = TypeVar("Array", Tensor, NDArray[Any])

UNREACHABLE = -1  # the distance between cells that no path joins
# The order in which neighbours are tried decides between equally short paths. This is OGBench's order.
NEIGHBOURS = ((-1, 0), (0, -1), (1, 0), (0, 1))


_LAYOUTS: dict[str, dict[str, Any]] = json.loads(
    files("saw_edu.envs.maze").joinpath("layouts.json").read_text(encoding="utf-8")
)
"""Read at once: where grading runs a student's code, the library's files are out of sight."""


def layout_names() -> list[str]:
    """Names that `Maze.named` knows: OGBench's five mazes and three small ones of our own."""
    return list(_LAYOUTS)


@dataclass(frozen=True, eq=False)
class Maze:
    """A grid of square cells, each a wall or free.

    A *cell* is (row, column). A *position* is (x, y) in maze units: x grows with the column, y with the row, and the
    centre of cell (1, 1) is the origin, as in OGBench. Pictures draw y upwards, so row 0 is at the bottom.

    Args:
        name: what to call it.
        walls: (H, W) bool, True where there is a wall. The border must be wall all round.
        tasks: (start cell, goal cell) pairs for evaluation.
        teleport_in: cells that send a point elsewhere (OGBench's "teleport" layout only).
        teleport_out: cells where such a point appears, each equally likely.
        cell_size: side of a cell in maze units; OGBench uses 4.
        source: where the layout comes from.

    Raises:
        ValueError: when the border is open, there is no free cell, or a task names a wall.
    """

    name: str
    walls: NDArray[np.bool_]
    tasks: tuple[tuple[tuple[int, int], tuple[int, int]], ...] = ()
    teleport_in: tuple[tuple[int, int], ...] = ()
    teleport_out: tuple[tuple[int, int], ...] = ()
    cell_size: float = 4.0
    source: str = ""

    def __post_init__(self) -> None:
        walls = self.walls
        if walls.ndim != 2 or walls.dtype != np.bool_ or walls.all():
            raise ValueError(f"maze '{self.name}': walls must be a (rows, columns) bool array with a free cell")
        if not (walls[0].all() and walls[-1].all() and walls[:, 0].all() and walls[:, -1].all()):
            raise ValueError(f"maze '{self.name}': every border cell must be a wall")
        for cell in [c for task in self.tasks for c in task] + [*self.teleport_in, *self.teleport_out]:
            if not (0 <= cell[0] < walls.shape[0] and 0 <= cell[1] < walls.shape[1]) or walls[cell]:
                raise ValueError(f"maze '{self.name}': cell {cell} of a task or teleport is not a free cell")

    @staticmethod
    def named(name: str) -> Maze:
        """One of the layouts in `layouts.json`. Raises ValueError for an unknown name."""
        if name not in _LAYOUTS:
            raise ValueError(f"unknown layout '{name}'. Choose one of: {', '.join(layout_names())}")
        layout = _LAYOUTS[name]
        pairs = {key: tuple(map(tuple, layout.get(key, ()))) for key in ("teleport_in", "teleport_out")}
        tasks = tuple((tuple(start), tuple(goal)) for start, goal in layout["tasks"])
        return Maze.from_rows(layout["rows"], name=name, tasks=tasks, source=layout["source"], **pairs)

    @staticmethod
    def from_rows(rows: Sequence[str], name: str = "custom", **fields: Any) -> Maze:
        """A maze from text, row 0 first: '#' is a wall, '.' is free. Other fields as in the class."""
        if len({len(row) for row in rows}) != 1 or set("".join(rows)) - set("#."):
            raise ValueError(f"maze '{name}': rows must be equally long strings of '#' (wall) and '.' (free)")
        return Maze(name, np.array([[char == "#" for char in row] for row in rows]), **fields)

    @cached_property
    def free_cells(self) -> NDArray[np.int64]:
        """(F, 2) the free cells in reading order; a cell's place in this list is its *index*."""
        return np.argwhere(~self.walls)

    @cached_property
    def index(self) -> NDArray[np.int64]:
        """(H, W) each free cell's index, -1 for walls."""
        index = np.full(self.walls.shape, -1)
        index[tuple(self.free_cells.T)] = np.arange(len(self.free_cells))
        return index

    @cached_property
    def neighbours(self) -> NDArray[np.int64]:
        """(F, 4) indices of each free cell's neighbours in the order of `NEIGHBOURS`, -1 where there is a wall."""
        around = self.free_cells[:, None] + np.array(NEIGHBOURS)  # (F, 4, 2)
        return self.index[around[..., 0], around[..., 1]]

    @cached_property
    def all_pairs(self) -> NDArray[np.int64]:
        """(F, F) shortest-path distance in cells between free cells, -1 where no path exists. Teleports not counted."""
        num = len(self.free_cells)
        adjacent = np.zeros((num, num), bool)
        cell, side = np.nonzero(self.neighbours >= 0)
        adjacent[cell, self.neighbours[cell, side]] = True
        distances = np.full((num, num), UNREACHABLE)
        frontier = np.eye(num, dtype=bool)  # row g: the cells at the current distance from g
        for distance in range(num):
            distances[frontier] = distance
            frontier = (frontier.astype(np.float32) @ adjacent > 0) & (distances == UNREACHABLE)
        return distances

    @cached_property
    def next_cell(self) -> NDArray[np.int64]:
        """(F, F) index of the cell after `start` on a shortest path to `goal`: `next_cell[start, goal]`.

        The start itself where it is the goal or no path exists.
        """
        far = len(self.free_cells) + 1
        distances = np.where(self.all_pairs == UNREACHABLE, far, self.all_pairs)
        onward = np.where(self.neighbours[..., None] >= 0, distances[self.neighbours], far)  # (F, 4, F)
        best = onward.argmin(1)  # (F, F)
        step = np.take_along_axis(self.neighbours, best, 1)  # (F, F)
        here = np.arange(len(self.free_cells))[:, None]
        return np.where(onward.min(1) < distances, step, here)

    @cached_property
    def main_cells(self) -> NDArray[np.int64]:
        """(M,) indices of the largest set of cells that can all reach one another."""
        return np.nonzero(self.all_pairs[(self.all_pairs >= 0).sum(1).argmax()] >= 0)[0]

    @property
    def diameter(self) -> int:
        """The longest of all shortest paths, in cells."""
        return int(self.all_pairs.max())

    def bfs(self, goal_cell: Sequence[int]) -> NDArray[np.int64]:
        """(H, W) distance in cells from every cell to the goal cell, -1 for walls and unreachable cells."""
        row, column = goal_cell
        if not (0 <= row < self.walls.shape[0] and 0 <= column < self.walls.shape[1]) or self.walls[row, column]:
            raise ValueError(f"({row}, {column}) is not a free cell of maze '{self.name}'")
        distances = np.full(self.walls.shape, UNREACHABLE)
        distances[~self.walls] = self.all_pairs[self.index[row, column]]
        return distances

    def cell_to_xy(self, cells: Array) -> Array:
        """Centres of cells: (..., 2) rows and columns -> (..., 2) x and y. For NumPy arrays and tensors."""
        xy = (cells - 1) * self.cell_size
        return xy.flip(-1) if isinstance(xy, Tensor) else xy[..., ::-1]

    def xy_to_cell(self, xy: Array) -> Array:
        """The cells that positions lie in: (..., 2) x and y -> (..., 2) integer rows and columns."""
        cells = xy / self.cell_size + 1.5
        if isinstance(cells, Tensor):
            return cells.floor().long().flip(-1)
        return np.floor(cells).astype(np.int64)[..., ::-1]

    @property
    def extent(self) -> tuple[float, float, float, float]:
        """Left, right, bottom and top edge of the whole picture, in maze units (matplotlib's `extent`)."""
        height, width = self.walls.shape
        low = -1.5 * self.cell_size
        return low, low + width * self.cell_size, low, low + height * self.cell_size

    def tables(self, device: str | torch.device = "cpu") -> dict[str, Tensor]:
        """The integer tables as tensors: free_cells, index, all_pairs, next_cell, main_cells."""
        names = ("free_cells", "index", "all_pairs", "next_cell", "main_cells")
        return {name: torch.as_tensor(getattr(self, name), device=device) for name in names}

    def __repr__(self) -> str:
        height, width = self.walls.shape
        return f"Maze({self.name}: {height} x {width} cells, {len(self.free_cells)} free, diameter {self.diameter})"
