"""Errands in a maze: items to pick up, which the state remembers."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from saw_edu.envs import GridMaze


def errand_successors(world: GridMaze, items: Tensor) -> Callable[[tuple[int, int]], list[tuple[int, int]]]:
    """States are (cell's index, items in hand as a bit mask); entering an item's cell picks it up."""
    item_at = {int(index): 1 << i for i, index in enumerate(world.index(items))} if len(items) else {}
    neighbours = [[int(n) for n in row if n >= 0] for row in world.maze.neighbours]

    def successors(state: tuple[int, int]) -> list[tuple[int, int]]:
        cell, in_hand = state
        return [(n, in_hand | item_at.get(n, 0)) for n in neighbours[cell]]

    return successors


def place_items(world: GridMaze, number: int, generator: torch.Generator) -> Tensor:
    """That many different cells, (number, 2)."""
    cells = world.sample_states(10 * number + 100, generator).unique(dim=0)
    return cells[torch.randperm(len(cells), generator=generator)[:number]]


def walk_errands(world: GridMaze, items: Tensor, orders: Tensor, generator: torch.Generator) -> Tensor:
    """Collect items (K, 2) in the given orders (B, K): the numbers (B, T) of the (cell, items in hand) states visited.

    A state's number is the cell's, plus the number of cells times the bit mask of the items in hand.
    """
    num_cells = len(world.maze.free_cells)
    picks = torch.zeros(num_cells, dtype=torch.long)
    picks[world.index(items)] = 2 ** torch.arange(len(items))
    states = world.sample_states(len(orders), generator)
    have, visited = torch.zeros(len(orders), dtype=torch.long), []
    for _ in range(40 * len(items)):
        cell = world.index(states)
        have = have | picks[cell]
        visited.append(cell + num_cells * have)
        missing = (have[:, None] & 2**orders) == 0  # (B, K), in the order of collecting
        if not missing.any():
            break
        target = items[orders.gather(1, missing.int().argmax(1, keepdim=True)).squeeze(1)]
        moved = world.step(states, world.oracle(states, target), generator)
        states = torch.where(missing.any(1, keepdim=True), moved, states)
    return torch.stack(visited, 1)


def unseen(
    world: GridMaze, num_items: int, any_order: bool, seed: int, new: int, demonstrations: int = 100
) -> dict[str, float]:
    """The share of new episodes that meet a state which no demonstration contains, and how many sets of items occur."""
    generator = torch.Generator().manual_seed(seed)
    items = place_items(world, num_items, generator)

    def orders(episodes: int) -> Tensor:
        if any_order:
            return torch.rand(episodes, num_items, generator=generator).argsort(1)
        return torch.arange(num_items).repeat(episodes, 1)

    seen = walk_errands(world, items, orders(demonstrations), generator).unique()
    fresh = ~torch.isin(walk_errands(world, items, orders(new), generator), seen)
    sets = len((seen // len(world.maze.free_cells)).unique())
    return {"unseen": float(fresh.any(1).double().mean()), "sets": sets}
