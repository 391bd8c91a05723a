"""Chapter 13's experiment: skills in four rooms, told apart by a discriminator that sees one thing or another.

`saw-edu record ch13` records it for five seeds.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from saw_edu.envs import PointMaze
from saw_edu.hierarchy.diayn import COMPASS, DIAYN, DIAYNConfig, Skills, information
from saw_edu.nn.mlp import MLP
from saw_edu.place import asset

SEEDS = 5
UPDATES = 1_600  # of each agent; some 20 seconds
CONFIG = DIAYNConfig()
START_CELL = (2, 2)  # in one corner of one room
FEATURES = ("scaled", "fourier")  # what nets see of a position: the place alone, or also waves of short length
MEASURED = 60  # roll-outs of each skill
KINDS = {
    "scaled": "DIAYN, q sees the place",
    "fourier": "DIAYN, q sees fine waves",
    "untrained": "random nets",
    "walk": "random walk",
}


def make_world(features: str = "scaled") -> PointMaze:
    """Four rooms of 4 x 4 cells with doors; two steps cross a cell."""
    return PointMaze("four-rooms", step_size=2.0, features=features)


def start_of(world: PointMaze) -> Tensor:
    """Where skills begin: (2,)."""
    return world.maze.cell_to_xy(torch.tensor(START_CELL)).float()


def make_agent(features: str, seed: int) -> DIAYN:
    """An agent that has learned nothing yet."""
    world = make_world(features)
    return DIAYN(world, start_of(world), CONFIG, seed=seed)


def make_skills(kind: str, seed: int) -> Skills:
    """Skills of a kind and seed: recorded ones ("scaled", "fourier"), nets that learned nothing, or a random walk.

    Raises:
        ValueError: another kind.
    """
    if kind not in KINDS:
        raise ValueError(f"kind is one of {', '.join(KINDS)}, got {kind!r}")
    world = make_world(kind if kind in FEATURES else "scaled")
    inputs = world.spec.observation_dim + CONFIG.skills
    q = MLP(inputs, [*CONFIG.hidden, len(COMPASS)], torch.Generator().manual_seed(seed))
    if kind in FEATURES:
        q.load_state_dict(torch.load(asset("ch13/skills.pt"), weights_only=True)[f"{kind}-{seed}"])
    return Skills(world, q, CONFIG.skills, math.inf if kind == "walk" else CONFIG.alpha)


def roll_outs(skills: Skills, generator: torch.Generator, each: int = MEASURED) -> tuple[Tensor, Tensor]:
    """Roll-outs from the start, in random order: which skill (B,), and its states (B, T + 1, 2)."""
    zs = torch.arange(skills.number).repeat(each)[torch.randperm(skills.number * each, generator=generator)]
    starts = start_of(skills.world).expand(len(zs), 2)
    return zs, skills.roll_out(starts, zs, CONFIG.horizon, generator)


def measure(skills: Skills, seed: int) -> dict[str, float]:
    """Nats of the last states about the skill, by a fresh discriminator, and the share of cells that were visited."""
    generator = torch.Generator().manual_seed(1_000 + seed)
    zs, states = roll_outs(skills, generator)
    world = skills.world
    visited = world.index(states.reshape(-1, 2)).unique()
    ends = world.index(states[:, -1]).unique()
    return {
        "nats": information(world, states[:, -1], zs, skills.number, generator),
        "coverage": len(visited) / len(world.maze.free_cells),
        "ends": len(ends) / len(world.maze.free_cells),
    }
