"""Chains of subtasks on a slippery floor: sampled, and computed exactly."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor
from tqdm.auto import tqdm

from saw_edu.envs import GridMaze

LENGTHS = (1, 2, 4, 8, 16)  # subtasks in a chain
PATIENCE = 40  # steps for each subtask
MOST_PATIENCE = 80
WORLDS = {"steady": [0.5], "hidden weather": [0.2, 0.6]}  # slips; the episodes are shared out among them evenly


def completed(slip: float, subtasks: int, episodes: int, generator: torch.Generator) -> Tensor:
    """How many subtasks each chain completes before its first failure: (episodes,), at most `subtasks`."""
    floor = GridMaze("giant", slip=slip)
    states = floor.sample_states(episodes, generator)
    alive, count = torch.ones(episodes, dtype=torch.bool), torch.zeros(episodes, dtype=torch.long)
    for _ in range(subtasks):
        target = floor.sample_states(episodes, generator)
        for _ in range(PATIENCE):  # the oracle stays at a target that is reached, but may slip off: so stop there
            there = floor.reached(states, target)[:, None]
            states = torch.where(there, states, floor.step(states, floor.oracle(states, target), generator))
        alive &= floor.reached(states, target)
        count += alive
    return count


def sample(seeds: Sequence[int], episodes: int, worlds: Mapping[str, Sequence[float]] = WORLDS) -> pd.DataFrame:
    """Chains of all lengths: one row a chain (world, seed, length, completed, success). Fresh ones for each length."""
    tables = []
    with tqdm(total=len(seeds) * len(LENGTHS), desc="chains", unit="run") as bar:
        for seed in seeds:
            generator = torch.Generator().manual_seed(seed)
            for k in LENGTHS:
                for name, slips in worlds.items():
                    counts = torch.cat([completed(slip, k, episodes // len(slips), generator) for slip in slips])
                    tables.append(pd.DataFrame({"world": name, "seed": seed, "length": k, "completed": counts.numpy()}))
                bar.update()
    chains = pd.concat(tables, ignore_index=True)
    return chains.assign(success=(chains["completed"] == chains["length"]).astype(float))


def survivors(chains: pd.DataFrame, subtasks: Iterable[int] = range(1, 11), enough: int = 5) -> pd.DataFrame:
    """Of the longest chains that got so far, the share that completes the next subtask: world, seed, subtask, success.

    Subtasks that fewer than `enough` chains of a seed came to are left out.
    """
    longest = chains[chains["length"] == chains["length"].max()]
    rows = []
    for (name, seed), group in longest.groupby(["world", "seed"]):
        for number in subtasks:
            so_far = group["completed"][group["completed"] >= number - 1]
            if len(so_far) >= enough:
                share = float((so_far >= number).mean())
                rows.append({"world": name, "seed": seed, "subtask": number, "success": share})
    return pd.DataFrame(rows)


@lru_cache(maxsize=64)
def reach_chances(slip: float) -> list[Tensor]:
    """For each patience 0 ... MOST_PATIENCE, the chance R (cells, cells) of getting from s to g in time."""
    floor = GridMaze("giant", slip=slip)
    cells = torch.as_tensor(floor.maze.free_cells)
    number = len(cells)
    here, goal = (x.flatten() for x in torch.meshgrid(torch.arange(number), torch.arange(number), indexing="ij"))
    actions = floor.oracle(cells[here], cells[goal]).view(number, number)  # [s, g]
    moves = floor.transitions().float()[torch.arange(number)[:, None], actions].transpose(0, 1).contiguous()
    reached = torch.eye(number)  # [g, s]: the chance so far; moves is [g, s, s']
    chances = [reached.T.double()]
    for _ in range(MOST_PATIENCE):
        reached = torch.bmm(moves, reached[:, :, None]).squeeze(2)
        reached.fill_diagonal_(1.0)
        chances.append(reached.T.double())
    return chances


def exact_success(slip: float, patience: int, longest: int = 16) -> NDArray[np.float64]:
    """Exact chance of completing chains of 1 ... longest random targets."""
    step = reach_chances(round(slip, 2))[patience]
    number = len(step)
    chance, successes = torch.ones(number, dtype=torch.float64), []
    for _ in range(longest):
        chance = step @ chance / number
        successes.append(float(chance.mean()))
    return np.array(successes)


def exact_in(slips: Sequence[float], patience: int = PATIENCE) -> NDArray[np.float64]:
    """The same where each episode has one of these slips."""
    found: NDArray[np.float64] = np.mean([exact_success(slip, patience) for slip in slips], 0)
    return found
