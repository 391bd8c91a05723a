"""What policies do close to their goal: how strongly the mean action points at it, and who arrives (chapter 17)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from saw_edu.course import giant
from saw_edu.envs import PointMaze
from saw_edu.rollouts import PolicyLike, Shaken, evaluate

RADII = (0.5, 1.0, 1.5, 2.0, 3.0, 4.0)  # maze units from the goal; within 1 it counts as reached
Act = Callable[[Tensor, Tensor], Tensor]  # observations and goals -> mean actions


def policies(world: PointMaze) -> dict[str, list[Act]]:
    """The recorded policies that this chapter compares near the goal, one a seed: also SAW's own teacher."""
    saw = giant.load("saw", world.spec)

    def teacher(seed: int) -> Act:
        def act(observations: Tensor, goals: Tensor) -> Tensor:
            mean: Tensor = saw.networks[seed].subgoal_policy(observations, goals).mean
            return mean.clamp(-1, 1)

        return act

    return {
        "SAW's π": list(saw.policies),
        "SAW's π_sub, asked for the goal": [teacher(seed) for seed in range(len(saw.seeds))],
        "GCIVL": list(giant.load("gcivl", world.spec).policies),
    }


@torch.no_grad()
def pull(world: PointMaze, acts: Mapping[str, Sequence[Act]], pairs: int = 2000) -> dict[str, np.ndarray]:
    """How strongly mean actions point at a goal in plain view, by distance: (S, len(RADII)); 1 is a full step."""
    generator = torch.Generator().manual_seed(3)
    goals = world.sample_states(pairs, generator)
    angle = 2 * torch.pi * torch.rand(pairs, generator=generator)
    direction = torch.stack([angle.cos(), angle.sin()], dim=1)
    found: dict[str, list[list[float]]] = {name: [[] for _ in seeds] for name, seeds in acts.items()}
    for radius in RADII:
        parts, states = max(1, round(radius)), goals
        for _ in range(parts):
            states = world.step(states, -direction * radius / parts / world.step_size)
        seen = (states + direction * radius - goals).norm(dim=1) < 1e-3  # no wall was in the way
        s, g, way = world.observe(states[seen]), world.observe(goals[seen]), direction[seen]
        for name, seeds in acts.items():
            for row, act in zip(found[name], seeds, strict=True):
                row.append(float((act(s, g) * way).sum(1).mean()))
    return {name: np.array(table) for name, table in found.items()}


def arrivals(world: PointMaze, acts: Mapping[str, Sequence[Act]], per_bin: int = 50) -> pd.DataFrame:
    """Success of each seed on the nearest goals, 1 to 4 cells: columns policy, seed, drawn, greedy."""
    starts, goals = (ends[:per_bin] for ends in giant.make_episodes(world))
    rows = []
    for name, seeds in acts.items():
        greedy = evaluate(list(seeds), world, starts, goals, progress=False).episodes
        hand = torch.Generator().manual_seed(2)
        shaken: list[PolicyLike] = [Shaken(act, world, giant.NOISE, hand) for act in seeds]
        drawn = evaluate(shaken, world, starts, goals, progress=False).episodes
        by_seed = [table.groupby("seed")["success"].mean() for table in (drawn, greedy)]
        rows += [
            {"policy": name, "seed": seed, "drawn": by_seed[0][seed], "greedy": by_seed[1][seed]}
            for seed in by_seed[0].index
        ]
    return pd.DataFrame(rows)
