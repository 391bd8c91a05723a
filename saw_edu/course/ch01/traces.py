"""Chapter 1's episodes judged: what became of them after 100 steps, and whether 400 more would have helped."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import pandas as pd
from torch import Tensor
from tqdm.auto import tqdm

from saw_edu.course.ch01.counter import Counter
from saw_edu.envs import GridMaze
from saw_edu.rollouts import PolicyLike, evaluate

VERDICTS = ("success", "stuck", "slow", "wandering")


def judge(
    classify: Callable[[Tensor, Tensor], str],
    contenders: Mapping[str, Sequence[PolicyLike]],
    world: GridMaze,
    starts: Tensor,
    goals: Tensor,
    counters: Sequence[Counter],
    steps: int = 100,
    more: int = 400,
) -> pd.DataFrame:
    """One row an episode: agent, seed, verdict, whether it arrives later, whether it was in a blind spot when judged.

    classify: the chapter's `classify_trace`. contenders: for each name a policy a seed. counters: whose blind spots.
    """
    rows = []
    for name, policies in tqdm(contenders.items(), desc="agents", unit="agent"):
        run = evaluate(policies, world, starts, goals, max_steps=steps + more, keep_paths=True, progress=False)
        assert run.paths is not None
        for seed, paths in enumerate(run.paths):
            traces = paths[:, : steps + 1]  # (episodes, steps + 1, 2)
            ends = goals[:, None].expand_as(traces)
            distances = world.distances(traces.flatten(0, 1), ends.flatten(0, 1)).view(traces.shape[:2])
            arrived = world.reached(paths[:, -1], goals)
            blind = counters[seed].blind[world.index(traces[:, -1]), world.index(goals)]
            for cells, left, later, unknown in zip(traces, distances, arrived, blind, strict=True):
                row = {"agent": name, "seed": seed, "verdict": classify(cells, left)}
                rows.append(row | {"later": bool(later), "blind": bool(unknown)})
    return pd.DataFrame(rows)


def shares(judged: pd.DataFrame) -> pd.DataFrame:
    """The share of each verdict, rows (agent, seed)."""
    found = pd.crosstab([judged["agent"], judged["seed"]], judged["verdict"], normalize="index")
    return found.reindex(columns=list(VERDICTS), fill_value=0.0)


def summary(judged: pd.DataFrame, order: Sequence[str]) -> pd.DataFrame:
    """Mean shares of each agent, and how many of its failures arrive when they have more time, as texts."""
    means = shares(judged).groupby("agent").mean().loc[list(order)]
    failures = judged[judged["verdict"] != "success"].assign(stuck=lambda t: t["verdict"] == "stuck")
    later = failures.groupby(["agent", "stuck"])["later"].mean().unstack().reindex(columns=[True, False])
    names = {True: "called stuck: arrive by 500", False: "slow or wandering: arrive by 500"}
    joined = means.join(later.rename(columns=names))
    return joined.map(lambda share: "none" if pd.isna(share) else f"{share:.0%}")


def freed(judged: pd.DataFrame, agent: str, of: str) -> float:
    """Which part of one agent's stuck episodes another turns into successes, net."""
    means = shares(judged).groupby("agent").mean()
    success, stuck = means["success"].to_dict(), means["stuck"].to_dict()
    return float((success[agent] - success[of]) / stuck[of])
