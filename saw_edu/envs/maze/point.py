"""A point that slides through a maze: OGBench's pointmaze as arithmetic on tensors, thousands of worlds at once."""

from __future__ import annotations

import torch
from torch import Tensor

from saw_edu.data import Spec
from saw_edu.envs.maze.features import make_features
from saw_edu.envs.maze.layout import Maze
from saw_edu.envs.maze.world import MazeWorld

RADIUS = 0.7  # of the body, maze units (OGBench: locomaze/assets/point.xml)
GOAL_TOLERANCE = 1.0  # maze units (OGBench: locomaze/maze.py)
JITTER = 0.25  # starts and goals lie up to this fraction of a cell from its centre (OGBench: locomaze/maze.py)
TELEPORT_RADIUS = 1.5  # maze units (OGBench: locomaze/maze.py)
_GRAZE = 1e-3  # maze units by which a body may graze a corner, so that rounding never makes it stick there


class PointMaze(MazeWorld):
    """Push a point through a maze.

    - States: (B, 2) float positions (x, y) in maze units; a cell is 4 units wide.
    - Actions: (B, 2) floats in [-1, 1] (clipped): the position moves by `step_size * action`.
    - Walls: the body is a square of half-width 0.7 that moves first in x, then in y, and slides along what it meets.
      OGBench's body is a ball of radius 0.7 in MuJoCo: the same in free space, and along walls up to the 0.05 units by
      which MuJoCo's soft contacts give way.
    - Success: within 1.0 unit of the goal. An episode is cut off after `max_steps`.
    - Teleports ("teleport" layout only): within 1.5 units of an entrance, the point appears at a random exit.

    Args:
        layout: a name from `layout_names()` or a `Maze`.
        step_size: units moved by an action of 1; OGBench's is 0.2. At most 2.6, so that no wall is jumped.
        features: "position" (OGBench's observation), "scaled" or "fourier" (see `PositionFeatures`), or "pixels", a
            small picture of the maze with the point in it (see `PixelFeatures`).
        max_steps: default 200 / step_size: OGBench's 1000 at its own step size.
        teleports: whether the layout's teleports work.
        device: where the tables live and states are expected.

    Raises:
        ValueError: for an unknown layout or features, or a step size out of range.
    """

    def __init__(
        self,
        layout: str | Maze = "giant",
        step_size: float = 0.2,
        features: str = "position",
        max_steps: int | None = None,
        teleports: bool = True,
        device: str | torch.device = "cpu",
    ) -> None:
        super().__init__(layout, device)
        size = self.maze.cell_size
        if not 0 < step_size <= size - 2 * RADIUS:
            raise ValueError(f"step_size must lie between 0 and {size - 2 * RADIUS:.1f} maze units, got {step_size}")
        self.step_size = step_size
        self.features = features
        self.max_steps = round(200 / step_size) if max_steps is None else max_steps
        self._features = make_features(self.maze, features, device)
        self.spec = Spec(self._features.dim, 2, image=self._features.image)
        self.observation_bounds = self._features.bounds
        self._centres = self.maze.cell_to_xy(self._free_cells).float()  # (F, 2)
        self._x_bounds, self._y_bounds = (bounds.to(device) for bounds in _bounds(self.maze))
        gates = torch.tensor(self.maze.teleport_in if teleports else (), device=device).reshape(-1, 2)
        exits = torch.tensor(self.maze.teleport_out if teleports else (), device=device).reshape(-1, 2)
        self._gates, self._exits = self.maze.cell_to_xy(gates).float(), self.maze.cell_to_xy(exits).float()

    def cells(self, states: Tensor) -> Tensor:
        """Cells (B, 2) that positions lie in."""
        return self.maze.xy_to_cell(states)

    def observe(self, states: Tensor) -> Tensor:
        """States (B, 2) -> observations (B, spec.observation_dim), float, or pictures (B, *spec.image), uint8."""
        return self._features(states)

    def states_of(self, observations: Tensor) -> Tensor:
        """The inverse of `observe`."""
        return self._features.inverse(observations)

    def xy(self, states: Tensor) -> Tensor:
        """A state is its position."""
        return states

    def states_at(self, xy: Tensor) -> Tensor:
        """A position is a state."""
        return xy

    def step(self, states: Tensor, actions: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Next states (B, 2). Raises ValueError when the layout has teleports and no generator is given."""
        width = self.maze.walls.shape[1]
        x, y = (states + actions.clamp(-1, 1) * self.step_size).unbind(-1)  # (B,) where the point would like to be
        column, _ = self._locate(states[:, 0])
        row, side = self._locate(states[:, 1])
        low, high = self._x_bounds[(row * width + column) * 3 + side].unbind(-1)  # (B,)
        x = torch.minimum(torch.maximum(x, low), high)
        column, side = self._locate(x)
        low, high = self._y_bounds[(row * width + column) * 3 + side].unbind(-1)  # (B,)
        y = torch.minimum(torch.maximum(y, low), high)
        moved = torch.stack([x, y], -1)  # (B, 2)
        return self._teleport(moved, generator) if len(self._gates) else moved

    def _locate(self, coordinate: Tensor) -> tuple[Tensor, Tensor]:
        """Along one axis: the cell, and whether a body reaches over its low edge (0), none (1) or the high one (2)."""
        size = self.maze.cell_size
        cells = coordinate / size + 1.5
        cell = cells.long()  # positions in the maze are never negative here, so this is floor
        inside = cells - cell  # in [0, 1)
        reach = (RADIUS - _GRAZE) / size
        side = 1 + (inside > 1 - reach).long() - (inside < reach).long()
        return cell, side

    def _teleport(self, states: Tensor, generator: torch.Generator | None) -> Tensor:
        if generator is None:
            raise ValueError("this world has teleports with random exits: give step() a torch.Generator")
        inside = (torch.cdist(states, self._gates) <= TELEPORT_RADIUS).any(-1, keepdim=True)  # (B, 1)
        exits = torch.randint(len(self._exits), (len(states),), generator=generator, device=self.device)
        return torch.where(inside, self._exits[exits], states)

    def reached(self, states: Tensor, goal_states: Tensor) -> Tensor:
        """Whether each position is within 1.0 unit of its goal: (B,) bool."""
        return (states - goal_states).square().sum(-1) <= GOAL_TOLERANCE**2

    def sample_states(self, num: int, generator: torch.Generator) -> Tensor:
        """Positions (num, 2): a cell, uniform over those that can reach one another, and a jitter inside it."""
        return self._jitter(self._sample_cells(num, generator), generator)

    def _jitter(self, cells: Tensor, generator: torch.Generator | None) -> Tensor:
        centres = self.maze.cell_to_xy(cells).float()
        if generator is None:
            return centres
        jitter = 2 * torch.rand(centres.shape, generator=generator, device=self.device) - 1
        return centres + jitter * (JITTER * self.maze.cell_size)

    def oracle(self, states: Tensor, goal_states: Tensor) -> Tensor:
        """Actions (B, 2) of length at most 1 towards the next cell's centre on a shortest path, then to the goal.

        The straight line from anywhere in a cell to a neighbour's centre stays in the two cells, and a body that meets
        a corner slides along it, so the controller never gets stuck.
        """
        here, goal = self.index(states), self.index(goal_states)
        towards = torch.where((here == goal)[:, None], goal_states, self._centres[self._next_cell[here, goal]])
        offset = (towards - states) / self.step_size
        return offset / offset.norm(dim=-1, keepdim=True).clamp(min=1)

    def perturb(self, actions: Tensor, noise: float, generator: torch.Generator) -> Tensor:
        """Gaussian noise of standard deviation `noise` added, then clipped to [-1, 1]."""
        return (actions + noise * torch.randn(actions.shape, generator=generator, device=self.device)).clamp(-1, 1)

    def sample_actions(self, num: int, generator: torch.Generator) -> Tensor:
        """Uniformly random actions (num, 2)."""
        return 2 * torch.rand((num, 2), generator=generator, device=self.device) - 1

    def task_states(self, repeats: int = 1, generator: torch.Generator | None = None) -> tuple[Tensor, Tensor, Tensor]:
        """Starts, goals (tasks * repeats, 2) and task numbers from 1; jittered inside their cells given a generator."""
        starts, goals, numbers = self._task_cells(repeats)
        return self._jitter(starts, generator), self._jitter(goals, generator), numbers

    def __repr__(self) -> str:
        return (
            f"PointMaze({self.maze.name}, step_size={self.step_size}, features={self.features}, "
            f"max_steps={self.max_steps})"
        )


def _bounds(maze: Maze) -> tuple[Tensor, Tensor]:
    """How far a body in a cell can move along x and y: two tables (H * W * 3, 2), lowest and highest coordinate.

    The third index says which cells the body covers across the direction of motion (see `PointMaze._locate`): only its
    own, or also the one beside it, whose walls then stop it too.
    """
    walls = torch.as_tensor(maze.walls)

    def along_columns(walls: Tensor) -> Tensor:
        height, width = walls.shape
        blocked = torch.ones(height + 2, width + 2, dtype=torch.bool)
        blocked[1:-1, 1:-1] = walls
        covered = torch.stack([blocked[1:-1] | blocked[1 + d : height + 1 + d] for d in (-1, 0, 1)], 1)  # (H, 3, W + 2)
        centre = (torch.arange(width) - 1.0) * maze.cell_size
        room = maze.cell_size / 2 - RADIUS
        low = torch.where(covered[..., :-2], centre - room, -torch.inf)
        high = torch.where(covered[..., 2:], centre + room, torch.inf)
        return torch.stack([low, high], -1).transpose(1, 2)  # (H, W, 3, 2)

    along_x = along_columns(walls)
    along_y = along_columns(walls.T).transpose(0, 1)
    return along_x.reshape(-1, 2).contiguous(), along_y.reshape(-1, 2).contiguous()
