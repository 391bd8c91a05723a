"""Worlds in mazes: what others may ask of them, and what grid and point mazes share."""

from __future__ import annotations

from typing import Any, Protocol

import torch
from numpy.typing import NDArray
from torch import Tensor

from saw_edu.envs.maze.layout import Maze
from saw_edu.envs.maze.render import picture
from saw_edu.envs.world import Expert, Located, Playable


class InMaze(Playable, Expert, Located, Protocol):
    """A world in a maze. States are (B, 2): a cell (row, column) in a grid maze, a position (x, y) in a point maze."""

    maze: Maze

    def states_of(self, observations: Tensor) -> Tensor:
        """The inverse of `observe`."""
        ...


class MazeWorld:
    """What grid and point mazes share: which cell a state is in, and distances between cells."""

    def __init__(self, layout: str | Maze, device: str | torch.device = "cpu") -> None:
        self.maze = Maze.named(layout) if isinstance(layout, str) else layout
        self.device = torch.device(device)
        tables = self.maze.tables(device)
        self._free_cells = tables["free_cells"]  # (F, 2)
        self._index = tables["index"]  # (H, W)
        self._next_cell = tables["next_cell"]  # (F, F)
        self._main_cells = tables["main_cells"]  # (M,)
        pairs = tables["all_pairs"].float()
        self._distance = torch.where(pairs < 0, torch.inf, pairs)  # (F, F)

    def cells(self, states: Tensor) -> Tensor:
        """Cells (B, 2) that states lie in."""
        raise NotImplementedError

    def index(self, states: Tensor) -> Tensor:
        """States (B, 2) -> the index (B,) of their cell among `maze.free_cells`.

        Raises:
            ValueError: when a state lies outside the maze or in a wall.
        """
        cells = self.cells(states)
        row, column = cells[..., 0], cells[..., 1]
        height, width = self._index.shape
        inside = (row >= 0) & (row < height) & (column >= 0) & (column < width)
        index = self._index[row.clamp(0, height - 1), column.clamp(0, width - 1)]
        wrong = ~inside | (index < 0)
        if wrong.any():
            example = states[wrong][0].tolist()
            raise ValueError(f"state {example} is not in the free space of maze '{self.maze.name}'")
        return index

    def distances(self, states: Tensor, goal_states: Tensor) -> Tensor:
        """Shortest-path distances (B,) in cells, float; infinite where no path exists."""
        return self._distance[self.index(states), self.index(goal_states)]

    def picture(self, state: Tensor, goal_state: Tensor | None = None) -> NDArray[Any]:
        """One world from above: (H, W, 3) uint8."""
        return picture(self, state, goal_state)  # type: ignore[arg-type]  # a subclass says where states lie

    def _sample_cells(self, num: int, generator: torch.Generator) -> Tensor:
        choice = torch.randint(len(self._main_cells), (num,), generator=generator, device=self.device)
        return self._free_cells[self._main_cells[choice]]  # (num, 2)

    def _task_cells(self, repeats: int) -> tuple[Tensor, Tensor, Tensor]:
        if not self.maze.tasks:
            raise ValueError(f"maze '{self.maze.name}' has no tasks; give starts and goals yourself")
        cells = torch.tensor(self.maze.tasks, device=self.device).repeat_interleave(repeats, 0)  # (T * repeats, 2, 2)
        numbers = torch.arange(1, len(self.maze.tasks) + 1, device=self.device).repeat_interleave(repeats)
        return cells[:, 0], cells[:, 1], numbers
