"""What a value, SAW's waypoints, its policies and roll-outs say about one start and one goal in a maze, as arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from saw_edu.agents import SAW
from saw_edu.agents.objectives import awr_weights
from saw_edu.data import Trajectories
from saw_edu.envs import PointMaze
from saw_edu.rollouts import PolicyLike, Shaken, evaluate
from saw_edu.training import Policy
from saw_edu.viz.mazes import positions

NEAR = 2.0  # maze units: half a cell. Data that pass a place within this distance are data from that place
WAYPOINTS = 400  # looked at around the start, at most
WAYPOINTS_PER_CELL = 40  # that a teacher's arrow is the mean over, at most

Cell = tuple[int, int]


@dataclass(frozen=True)
class Choice:
    """What the explorer shows: two free cells (row, column) and the number of a seed."""

    start: Cell
    goal: Cell
    seed: int = 0


@dataclass(frozen=True)
class Picture:
    """What was computed for a choice. N waypoints are drawn, F is the number of free cells."""

    choice: Choice
    start: NDArray[np.float64]  # (2,) x and y
    goal: NDArray[np.float64]  # (2,)
    distance: int  # cells from start to goal
    values: NDArray[np.float64]  # (H * 3, W * 3), NaN in walls
    waypoints: NDArray[np.float64]  # (N, 2) x and y, by rising weight
    weights: NDArray[np.float64]  # (N,)
    teachers: NDArray[np.float64]  # (N, 2) means of π_sub(· | start, waypoint)
    teacher: NDArray[np.float64]  # (F, 2) weighted mean of π_sub's actions over the waypoints around each cell
    flat: NDArray[np.float64]  # (F, 2) π's actions
    paths: dict[str, NDArray[np.float64]]  # (T + 1, 2) x and y, by method
    steps: dict[str, int | None]  # to the goal; None where it was not reached

    @property
    def effective(self) -> float:
        """Effective sample size of the weights, (Σ u)² / Σ u²: how many waypoints decide."""
        return float(self.weights.sum() ** 2 / np.square(self.weights).sum()) if len(self.weights) else 0.0

    @property
    def disagree(self) -> NDArray[np.bool_]:
        """(F,) where π and its teachers point more than 90 degrees apart."""
        return (self.teacher * self.flat).sum(1) < 0


class Scene:
    """A maze with data, one value and several policies, each of them for several seeds.

    Args:
        world: a point maze with vector observations, without teleports.
        data: trajectories in that maze.
        value: V of each seed.
        policies: by method; "saw" must be among them, trained by the agent `SAW`. Each with as many seeds as `value`.
        temperature: of the roll-outs: N(0, temperature) is added to each action, the same for every choice; 0: greedy.

    Raises:
        ValueError: another kind of world, policies without "saw", or other numbers of seeds.
    """

    def __init__(
        self,
        world: PointMaze,
        data: Trajectories,
        value: Sequence[Policy],
        policies: Mapping[str, Sequence[Policy]],
        temperature: float = 0.0,
    ) -> None:
        if "saw" not in policies or not all(isinstance(policy.agent, SAW) for policy in policies["saw"]):
            raise ValueError(f'policies must have "saw", trained by the agent SAW; these are: {", ".join(policies)}')
        counts = {"value": len(value)} | {name: len(seeds) for name, seeds in policies.items()}
        if min(counts.values()) == 0 or len(set(counts.values())) > 1:
            raise ValueError(f"value and every policy must have equally many seeds, at least one; got {counts}")
        if world.spec.discrete or world.spec.image or world.maze.teleport_in:
            raise ValueError("only point mazes with vector observations and without teleports can be explored")
        self.world, self.data, self.value, self.policies = world, data, list(value), dict(policies)
        self.temperature = temperature

    def check(self, choice: Choice) -> None:
        """Raises ValueError for a cell that is not free or a seed that is not there."""
        for cell in (choice.start, choice.goal):
            self.world.maze.bfs(cell)  # raises it for a cell
        if not 0 <= choice.seed < len(self.value):
            raise ValueError(f"seed {choice.seed} is not among 0 to {len(self.value) - 1}")

    def nearest_free_cell(self, x: float, y: float) -> tuple[Cell, bool]:
        """The free cell that a place in the maze lies in, or the nearest one; and whether it lay in one."""
        cells = self.world.maze.free_cells
        offset = np.abs(self.world.maze.cell_to_xy(cells) - [x, y]) - self.world.maze.cell_size / 2  # (F, 2)
        outside = np.linalg.norm(np.maximum(offset, 0), axis=1)
        row, column = cells[outside.argmin()]
        return (int(row), int(column)), bool(outside.min() == 0)

    @cached_property
    def _positions(self) -> Tensor:
        """(N, 2) of every row of the data."""
        return self.world.states_of(self.data.observations)

    @cached_property
    def cells(self) -> Tensor:
        """(F, 2) centres of the free cells."""
        return self.world.states_at(self.world.maze.cell_to_xy(torch.as_tensor(self.world.maze.free_cells)).float())

    def _rows_near(self, state: Tensor, most: int) -> Tensor:
        """Rows of the data that are followed by an action and pass a state (2,); evenly thinned to `most`."""
        rows = self.data.start_rows[(self._positions[self.data.start_rows] - state).norm(dim=1) < NEAR]
        return rows if len(rows) <= most else rows[torch.linspace(0, len(rows) - 1, most).long()]

    @cached_property
    def _rows_by_cell(self) -> tuple[Tensor, Tensor]:
        """Rows of the data around every free cell, one cell after the other, and the cell's number of each."""
        found = [self._rows_near(cell, WAYPOINTS_PER_CELL) for cell in self.cells]
        return torch.cat(found), torch.repeat_interleave(torch.tensor([len(rows) for rows in found]))

    @cached_property
    def _fine(self) -> tuple[NDArray[np.bool_], Tensor]:
        """Which of 3 x 3 places a cell are free (H * 3, W * 3), and the observations of those."""
        xy, free = positions(self.world, 3)
        return free, self.world.observe(self.world.states_at(torch.as_tensor(xy[free]).float()))

    @torch.no_grad()
    def compute(self, choice: Choice) -> Picture:
        """Everything that the explorer shows for one choice."""
        maze, world = self.world.maze, self.world
        start, goal = self.cells[maze.index[choice.start]], self.cells[maze.index[choice.goal]]
        g = world.observe(goal[None])
        value, saw = self.value[choice.seed].value, self.policies["saw"][choice.seed]

        free, places = self._fine
        values = np.full(free.shape, np.nan)
        values[free] = value(places, g.expand(len(places), -1)).double().numpy()

        weights, seen, waypoints = self._weigh(self._rows_near(start, WAYPOINTS), g, choice.seed)
        order = weights.argsort()
        teachers = saw.networks.subgoal_policy(world.observe(start[None]).expand(len(seen), -1), seen[order]).mean

        rows, cell = self._rows_by_cell
        u, w, _ = self._weigh(rows, g, choice.seed)
        actions = saw.networks.subgoal_policy(world.observe(self.cells)[cell], w).mean  # (rows, 2)
        teacher = torch.zeros(len(self.cells), 2).index_add_(0, cell, u[:, None] * actions)
        total = torch.zeros(len(self.cells)).index_add_(0, cell, u)
        flat = saw(world.observe(self.cells), g.expand(len(self.cells), -1))

        acting: list[PolicyLike] = [seeds[choice.seed] for seeds in self.policies.values()]  # as if they were seeds
        if self.temperature > 0:
            hand = torch.Generator().manual_seed(0)
            acting = [Shaken(seeds[choice.seed], world, self.temperature, hand) for seeds in self.policies.values()]
        result = evaluate(acting, world, start[None], goal[None], keep_paths=True, progress=False)
        assert result.paths is not None
        paths, steps = {}, {}
        taken, arrived = (result.episodes[column].tolist() for column in ("steps", "success"))
        for name, path, count, success in zip(self.policies, result.paths[:, 0], taken, arrived, strict=True):
            steps[name] = count if success else None
            paths[name] = world.xy(path[: count + 1]).double().numpy()
        return Picture(
            choice=choice,
            start=world.xy(start[None])[0].double().numpy(),
            goal=world.xy(goal[None])[0].double().numpy(),
            distance=int(world.distances(start[None], goal[None])),
            values=values,
            waypoints=world.xy(waypoints[order]).double().numpy(),
            weights=weights[order].double().numpy(),
            teachers=teachers.double().numpy(),
            teacher=(teacher / total.clamp(min=1e-30)[:, None]).double().numpy(),
            flat=flat.double().numpy(),
            paths=paths,
            steps=steps,
        )

    def _weigh(self, rows: Tensor, g: Tensor, seed: int) -> tuple[Tensor, Tensor, Tensor]:
        """Weights u (B,), observations (B, obs) and states (B, 2) of the waypoints k steps after rows of the data."""
        agent = self.policies["saw"][0].agent
        assert isinstance(agent, SAW)
        ways = torch.minimum(rows + agent.subgoal_steps, self.data.final_index[rows])
        s, w = self.data.observations[rows], self.data.observations[ways]
        v, v_waypoint = self.value[seed].value(torch.cat([s, w]), g.expand(2 * len(rows), -1)).chunk(2)
        return awr_weights(v_waypoint - v, agent.beta), w, self._positions[ways]

    @cached_property
    def value_range(self) -> tuple[float, float]:
        """Lowest and highest value between any two free cells, over all seeds: the same colours in every picture."""
        observed = self.world.observe(self.cells)
        n = len(observed)
        s, g = observed.repeat(n, 1), observed.repeat_interleave(n, 0)
        values = torch.stack([policy.value(s, g) for policy in self.value])
        return float(values.min()), float(values.max())
