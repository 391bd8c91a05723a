"""How often policies reach their goals: by task, by distance, with honest intervals. And episodes to ask that on."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch
from scipy import stats
from torch import Tensor

from saw_edu.envs.world import LocatedWorld
from saw_edu.rollouts import Evaluation


def episodes_by_distance(
    world: LocatedWorld, edges: Sequence[float], episodes: int, generator: torch.Generator, tries: int = 1_000
) -> tuple[Tensor, Tensor]:
    """Random starts and goals, `episodes` in each bin [edges[i], edges[i+1]) of shortest-path distance (cells).

    Returns:
        starts (bins * episodes, 2) and goals of the same shape, bin by bin.

    Raises:
        ValueError: a bin that this maze cannot fill.
    """
    starts: list[list[Tensor]] = [[] for _ in edges[1:]]
    goals: list[list[Tensor]] = [[] for _ in edges[1:]]
    for _ in range(tries):
        s, g = world.sample_states(1024, generator), world.sample_states(1024, generator)
        distances = world.distances(s, g)
        for i, (low, high) in enumerate(itertools.pairwise(edges)):
            chosen = torch.nonzero((distances >= low) & (distances < high)).squeeze(1)
            starts[i] += list(s[chosen])
            goals[i] += list(g[chosen])
        if min(len(found) for found in starts) >= episodes:
            return (
                torch.stack([state for found in starts for state in found[:episodes]]),
                torch.stack([state for found in goals for state in found[:episodes]]),
            )
    raise ValueError(f"this maze has too few pairs of states in some bin of {list(edges)}: use other edges")


def success_by_task(evaluation: Evaluation) -> pd.DataFrame:
    """One row a task: mean success over seeds with its 95 % interval (columns task, mean, low, high)."""
    return _summarise(evaluation.episodes, "task")


def success_by_distance(evaluation: Evaluation, edges: Sequence[float]) -> pd.DataFrame:
    """One row a bin of distance [edges[i], edges[i+1]): mean success over seeds with its 95 % interval.

    Columns distance (the bin's middle, in cells), from_, to, mean, low, high, episodes. Where all seeds have the same
    success, such as none at all, the interval is Wilson's over all episodes: seeds that agree are no certainty.
    Episodes outside all bins (a goal without a path is infinitely far) are in no row; without any, there are no rows.
    """
    episodes = evaluation.episodes.copy()
    bins = np.digitize(episodes["distance"], edges) - 1
    episodes = episodes.assign(bin=bins)[(bins >= 0) & (bins < len(edges) - 1)]
    if len(episodes) == 0:
        return pd.DataFrame(columns=["distance", "mean", "low", "high", "episodes", "from_", "to"])
    table = _summarise(episodes, "bin")
    low, high = np.asarray(edges)[table["bin"]], np.asarray(edges)[table["bin"] + 1]
    # distances are whole cells: [1, 5) holds 1, 2, 3 and 4, whose middle is 2.5
    table.insert(0, "distance", (low + high - 1) / 2)
    return table.assign(from_=low, to=high).drop(columns="bin")


def _summarise(episodes: pd.DataFrame, by: str) -> pd.DataFrame:
    rows = []
    for key, group in episodes.groupby(by, sort=True):
        per_seed = group.groupby("seed")["success"].mean().to_numpy()
        low, high = success_interval(per_seed, len(group))
        rows.append({by: key, "mean": per_seed.mean(), "low": low, "high": high, "episodes": len(group)})
    return pd.DataFrame(rows)


def success_interval(per_seed: np.ndarray, episodes: int) -> tuple[float, float]:
    """95 % interval of a mean success rate, within [0, 1].

    Args:
        per_seed: success of each seed, (S,).
        episodes: of all seeds together. Where there is one seed, or all have the same success, the interval is Wilson's
            over these: seeds that agree are no certainty.
    """
    if len(per_seed) > 1 and per_seed.min() < per_seed.max():
        low, high = seed_interval(per_seed)
    else:
        low, high = episode_interval(round(float(np.mean(per_seed)) * episodes), episodes)
    return max(low, 0.0), min(high, 1.0)


def seed_interval(values: np.ndarray, confidence: float = 0.95) -> tuple[float, float]:
    """Student's t interval for the mean over seeds: (S,) -> (low, high).

    Training varies from seed to seed far more than episodes do, so the seeds are the sample. For a handful of them the
    t interval has about the coverage it promises, while resampling five numbers gives intervals that are too narrow.
    """
    values = np.asarray(values, dtype=float)
    if len(values) < 2:
        raise ValueError("an interval over seeds needs at least two of them")
    half = stats.t.ppf((1 + confidence) / 2, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values))
    return float(values.mean() - half), float(values.mean() + half)


def episode_interval(successes: int, episodes: int, confidence: float = 0.95) -> tuple[float, float]:
    """Wilson's interval for a success rate, where there is one seed only: it says nothing about other seeds."""
    interval = stats.binomtest(successes, episodes).proportion_ci(confidence, method="wilson")
    return float(interval.low), float(interval.high)
