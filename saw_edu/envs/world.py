"""What every world offers: batched, pure functions of state tensors, with nothing remembered between calls."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from saw_edu.data import Spec
from saw_edu.envs.maze import Maze


@runtime_checkable
class World(Protocol):
    """Many copies of one environment, stepped together.

    A *state* is a row of a (B, 2) tensor: a cell (row, column) in a grid maze, a position (x, y) in a point maze.
    Goals are states too; a policy is given them as `observe(goal_states)`.
    """

    maze: Maze
    max_steps: int  # actions after which an episode counts as failed

    @property
    def spec(self) -> Spec:
        """Sizes of observations and actions."""
        ...

    def observe(self, states: Tensor) -> Tensor:
        """States (B, 2) -> observations (B, spec.observation_dim), float, or pictures (B, *spec.image), uint8."""
        ...

    def states_of(self, observations: Tensor) -> Tensor:
        """The inverse of `observe`."""
        ...

    def xy(self, states: Tensor) -> Tensor:
        """States (B, 2) -> positions (B, 2) in maze units, for drawing."""
        ...

    def states_at(self, xy: Tensor) -> Tensor:
        """The inverse of `xy`: positions (B, 2) -> states (B, 2)."""
        ...

    def step(self, states: Tensor, actions: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Next states (B, 2) after one action each. The generator is needed only where chance plays a part."""
        ...

    def reached(self, states: Tensor, goal_states: Tensor) -> Tensor:
        """Whether each goal is reached: (B,) bool."""
        ...

    def sample_states(self, num: int, generator: torch.Generator) -> Tensor:
        """States (num, 2) drawn uniformly over the free space."""
        ...

    def oracle(self, states: Tensor, goal_states: Tensor) -> Tensor:
        """Actions of a noise-free controller that follows a shortest path."""
        ...

    def perturb(self, actions: Tensor, noise: float, generator: torch.Generator) -> Tensor:
        """Actions with exploration noise added, in the manner of the action space."""
        ...

    def sample_actions(self, num: int, generator: torch.Generator) -> Tensor:
        """Uniformly random actions for `num` worlds."""
        ...

    def distances(self, states: Tensor, goal_states: Tensor) -> Tensor:
        """Shortest-path distances (B,) in cells, float; infinite where no path exists."""
        ...

    def task_states(self, repeats: int = 1, generator: torch.Generator | None = None) -> tuple[Tensor, Tensor, Tensor]:
        """Starts, goals (tasks * repeats, 2) and task numbers from 1, all repeats of a task one after the other."""
        ...
