"""Roll policies out and say how often they reach their goals, with honest intervals."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from scipy import stats
from torch import Tensor
from tqdm.auto import tqdm

from saw_edu.data import push_frame
from saw_edu.envs import World

PolicyLike = Callable[[Tensor, Tensor], Tensor]  # (observations, goals) -> actions


@dataclass(frozen=True)
class Evaluation:
    """The outcome of every episode of every seed."""

    episodes: pd.DataFrame  # columns seed, task, distance (cells), success (0/1), steps
    paths: Tensor | None = None  # (seeds, episodes, steps + 1, 2) states, where they were asked for

    @property
    def success(self) -> float:
        """Mean success over all episodes and seeds."""
        return float(self.episodes["success"].mean())


@torch.no_grad()
def evaluate(
    policies: Sequence[PolicyLike],
    world: World,
    starts: Tensor,
    goals: Tensor,
    *,
    tasks: Sequence[object] | None = None,
    max_steps: int | None = None,
    generator: torch.Generator | None = None,
    keep_paths: bool = False,
    frame_stack: int = 1,
    progress: bool = True,
) -> Evaluation:
    """All policies (one a seed) on the same episodes, in one batched roll-out.

    An episode succeeds when its goal is reached within `max_steps`; it ends there.

    Args:
        policies: one for each seed.
        world: where.
        starts: (M, 2) states to start from.
        goals: (M, 2) states to reach.
        tasks: M labels; the episode's number where there are none.
        max_steps: patience; the world's own where not given.
        generator: for worlds that draw random numbers.
        keep_paths: also return the states visited.
        frame_stack: how many frames the policies see at once, oldest first; that of the data they were trained on. An
            episode begins with its first frame repeated, and a goal is one frame repeated, as in OGBench.
        progress: show a bar with the success so far.

    Raises:
        ValueError: no policies, not as many goals as starts, or a frame_stack below 1.
    """
    if len(policies) == 0 or len(starts) == 0 or len(starts) != len(goals):
        raise ValueError(f"need policies and as many goals as starts, got {len(policies)}, {len(goals)}, {len(starts)}")
    if frame_stack < 1:
        raise ValueError(f"frame_stack must be at least 1 frame, got {frame_stack}")
    steps, seeds, episodes = max_steps or world.max_steps, len(policies), len(starts)
    states, ends = starts.repeat(seeds, 1), goals.repeat(seeds, 1)  # (S * M, 2)
    goal_observations = torch.cat([world.observe(ends)] * frame_stack, dim=-1)
    observations = torch.cat([world.observe(states)] * frame_stack, dim=-1)
    done = world.reached(states, ends)
    lengths = torch.where(done, 0, steps)
    paths = [states] if keep_paths else None
    with tqdm(total=steps, disable=not progress, unit=" steps", desc="evaluation", mininterval=0.5) as bar:
        for step in range(1, steps + 1):
            actions = torch.cat(
                [
                    policy(o, g)
                    for policy, o, g in zip(
                        policies, observations.chunk(seeds), goal_observations.chunk(seeds), strict=True
                    )
                ]
            )
            states = torch.where(done[:, None], states, world.step(states, actions, generator))
            observations = push_frame(observations, world.observe(states))
            arrived = world.reached(states, ends) & ~done
            lengths = torch.where(arrived, step, lengths)
            done |= arrived
            if paths is not None:
                paths.append(states)
            bar.update()
            if step % 10 == 0:
                bar.set_postfix(success=f"{float(done.double().mean()):.2f}", refresh=False)
                if bool(done.all()):
                    break
    labels = list(tasks) if tasks is not None else list(range(episodes))
    table = pd.DataFrame(
        {
            "seed": np.repeat(np.arange(seeds), episodes),
            "task": labels * seeds,
            "distance": np.tile(world.distances(starts, goals).cpu().numpy(), seeds),
            "success": done.cpu().numpy().astype(int),
            "steps": lengths.cpu().numpy(),
        }
    )
    kept = None if paths is None else torch.stack(paths, dim=1).reshape(seeds, episodes, len(paths), -1)
    return Evaluation(table, kept)


def episodes_by_distance(
    world: World, edges: Sequence[float], episodes: int, generator: torch.Generator, tries: int = 1_000
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
        count = len(group)
        if len(per_seed) > 1 and per_seed.min() < per_seed.max():
            low, high = seed_interval(per_seed)
        else:
            low, high = episode_interval(int(group["success"].sum()), count)
        mean = per_seed.mean()
        rows.append({by: key, "mean": mean, "low": max(low, 0.0), "high": min(high, 1.0), "episodes": count})
    return pd.DataFrame(rows)


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
