"""A maze walked cell by cell, with exact transition probabilities."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from saw_edu.data import Spec
from saw_edu.envs.maze.features import make_features
from saw_edu.envs.maze.layout import Maze
from saw_edu.envs.maze.world import MazeWorld

ACTIONS = ("stay", "up", "down", "left", "right")
MOVES = ((0, 0), (1, 0), (-1, 0), (0, -1), (0, 1))  # (row, column); pictures draw row 0 at the bottom, so up is +1


class GridMaze(MazeWorld):
    """Walk a maze from cell to cell.

    - States: (B, 2) int64 cells (row, column).
    - Actions: (B,) int64: 0 stay, 1 up, 2 down, 3 left, 4 right (as drawn). A move into a wall changes nothing.
    - Slip: with probability `slip` the action is replaced by one of the four moves, each equally likely.
    - Success: the goal's cell is reached. An episode is cut off after `max_steps`.

    Args:
        layout: a name from `layout_names()` or a `Maze`.
        slip: probability in [0, 1] that an action is replaced.
        features: "onehot" (one number per free cell), "position", "scaled" or "fourier" (of the cell's centre), or
            "pixels", a small picture of the maze (see `PixelFeatures`).
        max_steps: default four times the longest shortest path.
        device: where the tables live and states are expected.

    Raises:
        ValueError: for an unknown layout or features, or a slip outside [0, 1].
    """

    def __init__(
        self,
        layout: str | Maze = "medium",
        slip: float = 0.0,
        features: str = "onehot",
        max_steps: int | None = None,
        device: str | torch.device = "cpu",
    ) -> None:
        super().__init__(layout, device)
        if not 0.0 <= slip <= 1.0:
            raise ValueError(f"slip is a probability between 0 and 1, got {slip}")
        self.slip = slip
        self.features = features
        self.max_steps = 4 * self.maze.diameter if max_steps is None else max_steps
        self._features = None if features == "onehot" else make_features(self.maze, features, device)
        dim, image = (self._features.dim, self._features.image) if self._features else (len(self._free_cells), None)
        cells = torch.zeros(len(self._free_cells), device=device)
        self.observation_bounds = self._features.bounds if self._features else (cells, cells + 1)
        self.spec = Spec(dim, len(ACTIONS), discrete=True, image=image)
        moves = torch.tensor(MOVES, device=device)
        after = self._free_cells[:, None] + moves  # (F, 5, 2)
        onto = self._index[after[..., 0], after[..., 1]]  # (F, 5)
        here = torch.arange(len(self._free_cells), device=device)[:, None]
        self._after = torch.where(onto >= 0, onto, here)  # (F, 5) index of the next cell
        # The action that leads from a cell to the next one on a shortest path; 0 (stay) at the goal itself.
        towards = self._after[:, None] == self._next_cell[..., None]  # (F, F, 5)
        self._oracle = torch.where(self._next_cell == here, 0, towards.int().argmax(-1))  # (F, F)

    def cells(self, states: Tensor) -> Tensor:
        """A state is its cell."""
        return states

    def observe(self, states: Tensor) -> Tensor:
        """States (B, 2) -> observations (B, spec.observation_dim), float, or pictures (B, *spec.image), uint8."""
        if self._features is None:
            return F.one_hot(self.index(states), len(self._free_cells)).float()
        return self._features(self.xy(states))

    def states_of(self, observations: Tensor) -> Tensor:
        """The inverse of `observe`."""
        if self._features is None:
            return self._free_cells[observations.argmax(-1)]
        return self.maze.xy_to_cell(self._features.inverse(observations))

    def xy(self, states: Tensor) -> Tensor:
        """Centres (B, 2) of the cells, in maze units."""
        return self.maze.cell_to_xy(states).float()

    def states_at(self, xy: Tensor) -> Tensor:
        """The cells (B, 2) that positions lie in."""
        return self.maze.xy_to_cell(xy)

    def step(self, states: Tensor, actions: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Next states (B, 2). Raises ValueError when actions slip and no generator is given."""
        if self.slip > 0:
            if generator is None:
                raise ValueError("this world slips: give step() a torch.Generator")
            shape = actions.shape
            slips = torch.rand(shape, generator=generator, device=self.device) < self.slip
            moves = torch.randint(1, len(ACTIONS), shape, generator=generator, device=self.device)
            actions = torch.where(slips, moves, actions)
        return self._free_cells[self._after[self.index(states), actions]]

    def transitions(self) -> Tensor:
        """(F, 5, F) probability of each next cell, given cell and action: all there is to know."""
        after = F.one_hot(self._after, len(self._free_cells)).double()  # (F, 5, F)
        return (1 - self.slip) * after + self.slip * after[:, 1:].mean(1, keepdim=True)

    def reached(self, states: Tensor, goal_states: Tensor) -> Tensor:
        """Whether each goal is reached: (B,) bool."""
        return (states == goal_states).all(-1)

    def sample_states(self, num: int, generator: torch.Generator) -> Tensor:
        """Cells (num, 2), uniform over the free cells that can reach one another."""
        return self._sample_cells(num, generator)

    def oracle(self, states: Tensor, goal_states: Tensor) -> Tensor:
        """Actions (B,) along a shortest path; stay at the goal or when it cannot be reached."""
        return self._oracle[self.index(states), self.index(goal_states)]

    def perturb(self, actions: Tensor, noise: float, generator: torch.Generator) -> Tensor:
        """With probability `noise` a uniformly random action instead."""
        swap = torch.rand(actions.shape, generator=generator, device=self.device) < noise
        return torch.where(swap, self.sample_actions(len(actions), generator), actions)

    def sample_actions(self, num: int, generator: torch.Generator) -> Tensor:
        """Uniformly random actions (num,)."""
        return torch.randint(len(ACTIONS), (num,), generator=generator, device=self.device)

    def task_states(self, repeats: int = 1, generator: torch.Generator | None = None) -> tuple[Tensor, Tensor, Tensor]:
        """Starts, goals (tasks * repeats, 2) and task numbers from 1. The generator is unused: no jitter."""
        return self._task_cells(repeats)

    def __repr__(self) -> str:
        return f"GridMaze({self.maze.name}, slip={self.slip}, features={self.features}, max_steps={self.max_steps})"
