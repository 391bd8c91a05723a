"""Are similar behaviours told by similar goals? How differently errands from one start act, how far apart they lie."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd
import torch
from scipy import stats
from torch import Tensor

from saw_edu.course.ch05.play import WORDS, WORDS_AND_PLACES, done, make_world, player, possible, starts, tell
from saw_edu.course.ch05.probe import LowLevel, Settings
from saw_edu.envs.packing.rules import CELLS, FIRST_THING, HELD

FINISHED = -1  # stands in a row of actions once the errand is done
STARTS = 10


@dataclass(frozen=True)
class Choices:
    """Errands that could be run from one start: phrases, cells (G,), what they bring about (G, 8), actions (G, T)."""

    start: Tensor
    phrases: Tensor
    cells: Tensor
    ends: Tensor
    actions: Tensor


def choices(seed: int, number: int = 60) -> Choices:
    """Up to so many errands from one start: half of the starts (even seeds) hold an object, the others nothing."""
    generator = torch.Generator().manual_seed(seed)
    start = starts(1, generator)[0]  # the door is open
    if seed % 2 == 0:
        start[FIRST_THING + 1 + seed // 2 % 3] = HELD
    able = possible(start[None])[0].flatten().nonzero().squeeze(1)
    chosen = able[torch.randperm(len(able), generator=generator)[:number]].sort().values
    phrases, cells = chosen // CELLS, chosen % CELLS
    world, states = make_world(), start.expand(len(chosen), -1)
    taken = []
    over = done(states, phrases, cells)
    while not bool(over.all()):
        actions = player(states, phrases, cells)
        taken.append(torch.where(over, FINISHED, actions))
        states = torch.where(over[:, None], states, world.step(states, actions))
        over = over | done(states, phrases, cells)
    return Choices(start, phrases, cells, states, torch.stack(taken, 1))


def behaviour_distances(actions: Tensor) -> Tensor:
    """Rows of actions (G, T) -> (G, G): the share of steps at which two of them differ."""
    return (actions[:, None] != actions[None]).double().mean(-1)


def rank_correlation(goals: Tensor, distances: Tensor) -> float:
    """Spearman's, over all pairs of goals: how far apart they lie (G, n), and how differently they act (G, G)."""
    rows, columns = torch.triu_indices(len(goals), len(goals), offset=1)
    apart = (goals[rows] - goals[columns]).norm(dim=1)
    return float(stats.spearmanr(apart.numpy(), distances[rows, columns].numpy()).statistic)


def raw(how: str, goals: Tensor) -> Tensor:
    """Goals as plain numbers (G, n): which words a text has, a state's numbers, a picture's pixels."""
    if how.startswith("words"):
        size = (WORDS if how == "words" else WORDS_AND_PLACES).size
        return torch.nn.functional.one_hot(goals, size).sum(1)[:, 1:].float()
    return goals.flatten(1).float() / (255 if how == "image" else 1)


@torch.no_grad()
def structure_table(how: str, seed: int, low: LowLevel, settings: Settings | None = None) -> pd.DataFrame:
    """Rank correlation at every start: goals as they are, as a trained and an untrained encoder sees them, shuffled."""
    untrained = LowLevel(how, settings or Settings(), torch.Generator().manual_seed(1000 + seed))
    generator = torch.Generator().manual_seed(seed)
    rows = []
    for number in range(STARTS):
        found = choices(number)
        goals = tell(how, found.phrases, found.cells, found.ends)
        distances = behaviour_distances(found.actions)
        plain = raw(how, goals)
        seen = {
            "raw": plain,
            "learned": low.goals(goals),
            "untrained": untrained.goals(goals),
            "shuffled": plain[torch.randperm(len(plain), generator=generator)],
        }
        for features, value in seen.items():
            correlation = rank_correlation(value, distances)
            rows.append({"how": how, "seed": seed, "start": number, "features": features, "correlation": correlation})
    return pd.DataFrame(rows)
