"""Chapter 11's second experiment: experience of a low level that has changed since.

The low level is exact here, a controller that goes straight to its relative goal. The one that filled the buffer did
the same *turned by an angle*. The high level plans on counted transitions, without any net: what is left is the
question what a stretch of old experience says about a new low level.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import pandas as pd
import torch
from torch import Tensor

from saw_edu.course.ch11.umaze import EVERY, GOAL, HIERARCHY, REACH, START, STEP_SIZE, make_world, near
from saw_edu.envs import PointMaze
from saw_edu.hierarchy.hiro import Low, draw_candidates, likeliest, move_goal

ANGLES = (0, 30, 60, 90, 120, 150, 180)  # degrees
KINDS = {"none": "as they were given", "achieved": "goal := change", "hiro": "HIRO's correction", "fresh": "new data"}
STRETCHES = 3_000  # in a buffer
NOISE = 0.3  # of the low level's actions
DECISIONS = 10  # of an episode, EVERY steps each
DISCOUNT = 0.9  # of a decision

Move = Callable[[Tensor, Tensor, Tensor], Tensor]
Relabel = Callable[[Tensor, Tensor, Tensor, Low], Tensor]  # states, actions, candidates, low -> goals


def controller(degrees: float) -> Low:
    """A low level: straight to the relative goal, at most one step, the direction turned by an angle."""
    angle = math.radians(degrees)
    turn = torch.tensor([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])

    def act(states: Tensor, goals: Tensor) -> Tensor:
        aim = goals / STEP_SIZE
        return aim / aim.norm(dim=-1, keepdim=True).clamp(min=1) @ turn.T

    return act


@dataclass(frozen=True)
class Buffer:
    """Stretches of EVERY steps: paths (N, c + 1, 2), actions (N, c, 2), and the goals (N, 2) that were given."""

    paths: Tensor
    actions: Tensor
    given: Tensor


def carry_out(
    world: PointMaze, states: Tensor, goals: Tensor, low: Low, noise: Tensor | None = None, move: Move = move_goal
) -> tuple[Tensor, Tensor]:
    """EVERY steps of a low level: paths (B, c + 1, 2) and actions (B, c, 2).

    Args:
        world: where.
        states: (B, 2).
        goals: (B, 2) relative, at the first step.
        low: the low level.
        noise: (c, B, 2) on its actions; none where not given.
        move: what a goal becomes after a step.
    """
    path, taken = [states], list[Tensor]()
    for step in range(EVERY):
        actions = low(path[-1], goals)
        if noise is not None:
            actions = (actions + noise[step]).clamp(-1, 1)
        after = world.step(path[-1], actions)
        goals = move(path[-1], goals, after)
        path, taken = [*path, after], [*taken, actions]
    return torch.stack(path, 1), torch.stack(taken, 1)


def collect(world: PointMaze, low: Low, generator: torch.Generator, number: int = STRETCHES) -> Buffer:
    """Stretches from states all over the maze, with random goals."""
    states = world.sample_states(number, generator)
    goals = (2 * torch.rand(number, 2, generator=generator) - 1) * REACH
    noise = NOISE * torch.randn(EVERY, number, 2, generator=generator)
    return Buffer(*carry_out(world, states, goals, low, noise), goals)


def goals_for(buffer: Buffer, kind: str, low: Low, generator: torch.Generator, relabel: Relabel = likeliest) -> Tensor:
    """With which goals (N, 2) a buffer is learned from: "none", "achieved" or "hiro" of `KINDS`."""
    if kind in ("none", "fresh"):
        return buffer.given
    first, last = buffer.paths[:, 0], buffer.paths[:, -1]
    candidates = draw_candidates(first, buffer.given, last, replace(HIERARCHY, correction="hiro"), generator)
    return candidates[:, 1] if kind == "achieved" else relabel(buffer.paths[:, :-1], buffer.actions, candidates, low)


def resimulation_error(world: PointMaze, buffer: Buffer, goals: Tensor, low: Low) -> float:
    """How far from where a stretch ended the present low level ends, from the same start with these goals (units)."""
    paths, _ = carry_out(world, buffer.paths[:, 0], goals, low)
    return float((paths[:, -1] - buffer.paths[:, -1]).norm(dim=-1).mean())


class Plan:
    """A high level by counting: which of 25 relative goals leads from which half cell to which, and value iteration.

    Args:
        world: where.
        paths: (N, c + 1, 2) stretches.
        goals: (N, 2) the goals that are believed to have led there.
    """

    def __init__(self, world: PointMaze, paths: Tensor, goals: Tensor) -> None:
        side = torch.linspace(-REACH, REACH, 5)
        self.menu = torch.cartesian_prod(side, side)  # (25, 2)
        self.world = world
        rows, columns = world.maze.walls.shape
        self.wide = 2 * columns
        states = 2 * rows * self.wide
        target = world.maze.cell_to_xy(torch.tensor(GOAL)).float()
        met = (paths[:, 1:] - target).abs().amax(-1).amin(1) <= world.maze.cell_size / 4  # passes the goal's middle
        action = torch.cdist(goals, self.menu).argmin(-1)
        counts = torch.zeros(states, len(self.menu), states + 1)  # the last state: arrived
        to = torch.where(met, states, self.half_cell(paths[:, -1]))
        counts.index_put_((self.half_cell(paths[:, 0]), action, to), torch.ones(len(to)), accumulate=True)
        chances = counts / counts.sum(-1, keepdim=True).clamp(min=1)  # what was never tried leads nowhere
        value = torch.zeros(states + 1)
        value[-1] = 1.0
        for _ in range(60):
            self.q = DISCOUNT * chances @ value  # (states, 25)
            value[:-1] = self.q.max(-1).values

    def half_cell(self, positions: Tensor) -> Tensor:
        """The number of the half cell that positions (B, 2) lie in: (B,)."""
        half = self.world.maze.cell_size / 2
        column, row = ((positions + 3 * half) / half).floor().long().unbind(-1)
        return row * self.wide + column

    def __call__(self, positions: Tensor) -> Tensor:
        """Relative goals (B, 2)."""
        return self.menu[self.q[self.half_cell(positions)].argmax(-1)]


def play(world: PointMaze, plan: Plan, low: Low, seed: int, episodes: int = 200) -> tuple[float, Tensor]:
    """The share of episodes from end to end that arrive, and their paths (B, DECISIONS * c + 1, 2)."""
    generator = torch.Generator().manual_seed(1_000 + seed)
    states, goals = near(world, START)(episodes, generator), near(world, GOAL)(episodes, generator)
    arrived, paths = world.reached(states, goals), [states[:, None]]
    for _ in range(DECISIONS):
        noise = NOISE * torch.randn(EVERY, episodes, 2, generator=generator)
        path, _ = carry_out(world, states, plan(states), low, noise)
        arrived |= torch.stack([world.reached(s, goals) for s in path.unbind(1)]).any(0)
        states, paths = path[:, -1], [*paths, path[:, 1:]]
    return float(arrived.float().mean()), torch.cat(paths, 1)


def compare(degrees: float, seed: int, relabel: Relabel = likeliest) -> pd.DataFrame:
    """One row for each of `KINDS`: kind, angle, seed, error (units), success."""
    world, new = make_world(), controller(0)
    generator = torch.Generator().manual_seed(seed)
    old, fresh = collect(world, controller(degrees), generator), collect(world, new, generator)
    rows = []
    for kind in KINDS:
        buffer = fresh if kind == "fresh" else old
        goals = goals_for(buffer, kind, new, generator, relabel)
        arrived, _ = play(world, Plan(world, buffer.paths, goals), new, seed)
        error = resimulation_error(world, buffer, goals, new)
        rows.append({"kind": kind, "angle": degrees, "seed": seed, "error": error, "success": arrived})
    return pd.DataFrame(rows)
