"""Compare the goal sampler with the reference's, on files of what the authors' sampler does with a small data set.

What is not random must be the same: which rows can start, where goals end, subgoals, waypoints, rewards and masks. What
is random must follow the exact probabilities of the reference: 200,000 goals are drawn and tested by chi-square.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import stats
from torch import Tensor

from saw_edu.data import HindsightSampler, Trajectories
from saw_edu.data.sampling import GoalRows
from saw_edu.reference.agents import read_arrays
from saw_edu.reference.vocabulary import GoldenFileError, goals_from_config

SAMPLES = 200_000
SMALLEST_P = 1e-4  # goals drawn with a fixed seed: a sampler that is right fails once in 10,000 seeds


@dataclass(frozen=True)
class Agreement:
    """How a sampler compares with the reference's.

    different: entries that are not random and differ. impossible: goals drawn that the reference never draws.
    value_goals, policy_goals: p-values of the goals drawn, under the reference's probabilities.
    """

    different: int
    impossible: int
    value_goals: float
    policy_goals: float

    def within(self) -> bool:
        """Whether the samplers agree."""
        return self.different == self.impossible == 0 and min(self.value_goals, self.policy_goals) > SMALLEST_P


@dataclass(frozen=True)
class SamplerCase:
    """A file of the reference's sampler, and the library's sampler on the same data with the same settings."""

    name: str
    sampler: HindsightSampler
    arrays: dict[str, NDArray[np.generic]]


def is_sampler_file(path: str | Path) -> bool:
    """Whether a golden file holds a sampler's case. Raises GoldenFileError for a file that cannot be read."""
    return "count/start" in read_arrays(path)


def load_case(path: str | Path) -> SamplerCase:
    """Read a file. Raises GoldenFileError where something in it is missing, or asks for what the library has not."""
    arrays = read_arrays(path)
    try:
        config = json.loads(str(arrays["config"]))
        following = arrays.get("data/next_observations")
        data = Trajectories(
            torch.as_tensor(arrays["data/observations"]),
            torch.as_tensor(arrays["data/actions"]),
            torch.as_tensor(arrays["lengths"]).cumsum(0),
            None if following is None else torch.as_tensor(following),
        )
        sampler = HindsightSampler(data, goals_from_config(config), config["discount"], config.get("subgoal_steps"))
        for key in ("final_index", "exact/value_goals", _policy_key(sampler), "seed7/idxs"):
            arrays[key]
    except (KeyError, ValueError, TypeError) as error:
        raise GoldenFileError(f"{path} is not a sampler's golden file: {error}") from None
    return SamplerCase(Path(path).stem, sampler, arrays)


def compare(case: SamplerCase, samples: int = SAMPLES) -> Agreement:
    """Compare the sampler of a case with the reference's."""
    sampler, arrays = case.sampler, case.arrays
    data, generator = sampler.trajectories, torch.Generator().manual_seed(11)
    picks = torch.randint(len(data.start_rows), (samples,), generator=generator)
    drawn = sampler.sample_goals(data.start_rows[picks], generator)
    exact = (arrays["exact/value_goals"], arrays[_policy_key(sampler)])
    counts = [count(drawn.rows, goals, len(data.observations)) for goals in (drawn.value_goals, drawn.policy_goals)]
    impossible = sum(int(found[p == 0].sum()) for found, p in zip(counts, exact, strict=True))
    value_p, policy_p = (chi_square_p(found, p) for found, p in zip(counts, exact, strict=True))
    return Agreement(_different(case, drawn), impossible, value_p, policy_p)


def _different(case: SamplerCase, drawn: GoalRows) -> int:
    """How many entries that are not random are not the reference's."""
    arrays, sampler = case.arrays, case.sampler
    data, starts = sampler.trajectories, sampler.trajectories.start_rows
    pairs = [
        (starts, np.flatnonzero(arrays["count/start"])),
        (data.final_index[starts], arrays["final_index"][starts]),
    ]
    rows, value_goals = (torch.as_tensor(arrays[f"seed7/{key}"]) for key in ("idxs", "value_goals"))
    batch = sampler.look_up(GoalRows(rows, value_goals, value_goals, None, None))
    pairs += [(batch.rewards, arrays["seed7/rewards"]), (batch.masks, arrays["seed7/masks"])]
    wrong = 0
    if drawn.subgoals is not None and drawn.waypoints is not None:
        pairs.append((drawn.subgoals, arrays["low_goal_index"][drawn.rows]))
        theirs = {(start, goal): target for start, goal, target, _ in arrays["count/high_goal_and_target"].tolist()}
        ours = zip(drawn.rows.tolist(), drawn.policy_goals.tolist(), drawn.waypoints.tolist(), strict=True)
        wrong = sum(theirs.get((start, goal), waypoint) != waypoint for start, goal, waypoint in ours)
    return wrong + sum(_unequal(ours, np.asarray(reference)) for ours, reference in pairs)


def _unequal(ours: Tensor, reference: NDArray[np.generic]) -> int:
    if ours.shape != reference.shape:
        return max(ours.numel(), reference.size, 1)
    return int((ours.double().numpy() != reference).sum())


def _policy_key(sampler: HindsightSampler) -> str:
    return "exact/high_actor_goals" if sampler.subgoal_steps else "exact/actor_goals"


def count(starts: Tensor, goals: Tensor, rows: int) -> NDArray[np.float64]:
    """How often each goal row was drawn for each start row, (rows, rows)."""
    counts = np.zeros((rows, rows))
    np.add.at(counts, (starts.numpy(), goals.numpy()), 1)
    return counts


def chi_square_p(counts: NDArray[np.float64], probabilities: NDArray[np.generic]) -> float:
    """P-value of counts (rows, rows), each row with its own total, under probabilities (rows, rows).

    Goals that are expected fewer than five times count as one.
    """
    statistic = freedom = 0.0
    for row, p in zip(counts, np.asarray(probabilities, dtype=np.float64), strict=True):
        expected = p * row.sum()
        common = expected >= 5
        observed = np.append(row[common], row[~common].sum())
        expected = np.append(expected[common], expected[~common].sum())
        keep = expected > 0
        statistic += ((observed[keep] - expected[keep]) ** 2 / expected[keep]).sum()
        freedom += max(keep.sum() - 1, 0)
    return float(stats.chi2.sf(statistic, freedom))


def table(results: Sequence[tuple[str, Agreement]]) -> str:
    """The results as aligned text, with what is allowed in the last line."""
    columns = ("different", "impossible", "p, value goals", "p, policy goals")
    lines = [f"{'sampler':24}" + "".join(f"{column:>16}" for column in columns) + "  verdict"]
    for name, found in results:
        numbers = f"{found.different:16}{found.impossible:16}{found.value_goals:16.3f}{found.policy_goals:16.3f}"
        lines.append(f"{name:24}{numbers}  {'agrees' if found.within() else 'DIFFERS'}")
    p = f"> {SMALLEST_P:g}"
    return "\n".join([*lines, f"{'allowed':24}{0:16}{0:16}{p:>16}{p:>16}"])
