"""Chapter 11's first experiment: a goal round a corner, a reward only there, with and without a hierarchy.

`saw-edu record ch11` records it for five seeds.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from saw_edu.envs import Maze, PointMaze
from saw_edu.hierarchy.hiro import HIRO, HIROConfig
from saw_edu.hierarchy.td3 import Goals, GoalTD3, ReachConfig, Reacher, Target, TD3Config, td3_target
from saw_edu.place import did_you_mean

SEEDS = 5
STEPS = 3_000  # in each of 64 worlds, for every agent: as many updates of a flat net or of the low level
STEP_SIZE = 1.5
EVERY = 5  # c
REACH = EVERY * STEP_SIZE
START, GOAL = (1, 1), (3, 1)  # cells, at the ends of the U
CONFIG = TD3Config(batch_size=256, tau=0.02)
PLAY = ReachConfig(worlds=64, horizon=50)
HIERARCHY = HIROConfig(every=EVERY, reach=REACH)


@dataclass(frozen=True)
class Kind:
    """One way to learn: what it is called, and how it differs from the others."""

    label: str
    hold: int = 1
    repeat: int = 1
    correction: str = ""  # of HIRO; "": flat
    everywhere: bool = False  # training goals are drawn over the whole maze


KINDS = {
    "flat": Kind("flat"),
    "held": Kind(f"flat, noise held {EVERY} steps", hold=EVERY),
    "repeat": Kind(f"flat, actions kept {EVERY} steps", repeat=EVERY),
    "hiro": Kind("HIRO", correction="hiro"),
    "achieved": Kind("HIRO, goal := change", correction="achieved"),
    "none": Kind("HIRO, no correction", correction="none"),
    "flat everywhere": Kind("flat, goals everywhere", everywhere=True),
}


def make_world() -> PointMaze:
    """A U of 7 cells: 24 units from end to end, 16 steps of an agent that knows the way."""
    rows = ["#####", "#...#", "###.#", "#...#", "#####"]
    return PointMaze(Maze.from_rows(rows, name="u"), step_size=STEP_SIZE, features="scaled")


def near(world: PointMaze, cell: tuple[int, int]) -> Goals:
    """Draws positions within one unit of a cell's middle along x and y."""
    middle = world.maze.cell_to_xy(torch.tensor(cell)).float()
    return lambda number, generator: middle + 2 * torch.rand(number, 2, generator=generator) - 1


def make_agent(name: str, seed: int, target: Target = td3_target) -> Reacher:
    """An agent of a kind that has learned nothing yet. Raises ValueError for an unknown kind."""
    if name not in KINDS:
        raise ValueError(f"the kinds are {', '.join(KINDS)}, got {name!r}{did_you_mean(name, KINDS)}")
    world, kind = make_world(), KINDS[name]
    goals = world.sample_states if kind.everywhere else near(world, GOAL)
    starts = near(world, START)
    if kind.correction:
        hierarchy = replace(HIERARCHY, correction=kind.correction)
        return HIRO(world, starts, goals, hierarchy, CONFIG, replace(PLAY, noise=0.3), seed=seed, target=target)
    play = replace(PLAY, hold=kind.hold, repeat=kind.repeat)
    return GoalTD3(world, starts, goals, CONFIG, play, seed=seed, target=target)


def rounds_of(name: str, steps: int) -> int:
    """How many rounds of a kind are so many steps in each world."""
    return steps // (EVERY if KINDS[name].correction else KINDS[name].repeat)


def success(agent: Reacher, episodes: int = 200) -> float:
    """The share of episodes from one end to the other that arrive, without noise."""
    generator = torch.Generator().manual_seed(1_000)
    starts, goals = near(agent.world, START)(episodes, generator), near(agent.world, GOAL)(episodes, generator)
    return float(agent.success(starts, goals, PLAY.horizon).float().mean())


def cells_along(world: PointMaze, states: Tensor) -> Tensor:
    """How many cells from the start each state (..., 2) lies, along the U: (...,)."""
    origin = world.maze.cell_to_xy(torch.tensor(START)).float()
    flat = states.reshape(-1, 2)
    return world.distances(origin.expand(len(flat), 2), flat).view(states.shape[:-1])


def wander(noise: Tensor) -> Tensor:
    """Where actions that are nothing but noise (T, B, 2) lead from the start: states (B, T + 1, 2)."""
    world = make_world()
    states = [near(world, START)(noise.shape[1], torch.Generator().manual_seed(0))]
    for actions in noise:
        states.append(world.step(states[-1], actions.clamp(-1, 1)))
    return torch.stack(states, 1)


def strides(every: int, episodes: int, generator: torch.Generator) -> Tensor:
    """What a low level that does what it is told makes of random relative goals: actions (T, B, 2)."""
    goals = (2 * torch.rand(math.ceil(PLAY.horizon / every), episodes, 2, generator=generator) - 1) * REACH
    return (goals / REACH).repeat_interleave(every, 0)[: PLAY.horizon]
