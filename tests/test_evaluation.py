"""Evaluation with known answers: an oracle always arrives, an idle policy never; intervals cover what they promise."""

import numpy as np
import pandas as pd
import pytest
import torch

from saw_edu.envs import GridMaze, PointMaze
from saw_edu.evaluation import (
    episode_interval,
    episodes_by_distance,
    seed_interval,
    success_by_distance,
    success_by_task,
)
from saw_edu.rollouts import Evaluation, evaluate

WORLD = PointMaze("medium", step_size=1.0, features="position", max_steps=120)
EDGES = [1, 5, 9, 13]


def idle(observations: torch.Tensor, goals: torch.Tensor) -> torch.Tensor:
    return torch.zeros(len(observations), 2)


class Seeing:
    """The oracle as a policy; it needs the true states, which position features hold up to scale."""

    def __init__(self) -> None:
        states = WORLD.sample_states(50, torch.Generator().manual_seed(9))
        ones = torch.ones(50, 1)
        self.inverse = torch.linalg.lstsq(torch.cat([WORLD.observe(states), ones], 1), states).solution

    def __call__(self, observations: torch.Tensor, goals: torch.Tensor) -> torch.Tensor:
        ones = torch.ones(len(observations), 1)
        s, g = (torch.cat([x, ones], 1) @ self.inverse for x in (observations, goals))
        return WORLD.oracle(s, g)


@pytest.fixture(scope="module")
def episodes() -> tuple[torch.Tensor, torch.Tensor]:
    return episodes_by_distance(WORLD, EDGES, 20, torch.Generator().manual_seed(0))


def test_bins_hold_what_they_say(episodes: tuple[torch.Tensor, torch.Tensor]) -> None:
    starts, goals = episodes
    distances = WORLD.distances(starts, goals).reshape(3, 20)
    for i, row in enumerate(distances):
        assert bool(((row >= EDGES[i]) & (row < EDGES[i + 1])).all())
    with pytest.raises(ValueError, match="too few pairs"):
        episodes_by_distance(WORLD, [1, 500, 501], 5, torch.Generator().manual_seed(0), tries=2)


def test_an_oracle_an_idler_and_both(episodes: tuple[torch.Tensor, torch.Tensor]) -> None:
    starts, goals = episodes
    oracle = evaluate([Seeing()], WORLD, starts, goals, progress=False, keep_paths=True)
    assert oracle.success == 1
    assert oracle.episodes["steps"].between(1, 119).all()
    assert oracle.paths is not None
    assert torch.equal(oracle.paths[0, :, 0], starts)
    assert bool(WORLD.reached(oracle.paths[0, :, -1], goals).all())
    both = evaluate([Seeing(), idle], WORLD, starts, goals, progress=False)
    assert both.episodes.groupby("seed")["success"].mean().tolist() == [1, 0]
    assert (both.episodes.loc[both.episodes["seed"] == 1, "steps"] == WORLD.max_steps).all()
    table = success_by_distance(both, EDGES)
    assert table["mean"].tolist() == [0.5, 0.5, 0.5]
    assert table["distance"].tolist() == [2.5, 6.5, 10.5]
    assert table["low"].tolist() == [0, 0, 0]


def test_seeds_do_not_mix(episodes: tuple[torch.Tensor, torch.Tensor]) -> None:
    """A policy's episodes are the same alone and in company."""
    starts, goals = episodes
    alone = evaluate([Seeing()], WORLD, starts, goals, progress=False).episodes
    company = evaluate([idle, Seeing()], WORLD, starts, goals, progress=False).episodes
    assert company[company["seed"] == 1]["steps"].tolist() == alone["steps"].tolist()


def test_tasks_are_labelled(episodes: tuple[torch.Tensor, torch.Tensor]) -> None:
    starts, goals = episodes
    result = evaluate([Seeing(), idle], WORLD, starts, goals, tasks=["near"] * 20 + ["far"] * 40, progress=False)
    table = success_by_task(result).set_index("task")
    assert table.loc["far", "episodes"] == 80
    assert table.loc["near", "mean"] == 0.5


def test_already_there() -> None:
    starts = WORLD.sample_states(4, torch.Generator().manual_seed(0))
    result = evaluate([idle], WORLD, starts, starts, progress=False)
    assert result.success == 1
    assert result.episodes["steps"].tolist() == [0] * 4


@pytest.mark.parametrize("features", ["pixels", "scaled"])
def test_policies_see_the_last_frames_and_a_goal_of_one(features: str) -> None:
    world = GridMaze("u-turn", features=features)
    starts, goals = torch.tensor([[1, 1], [3, 2]]), torch.tensor([[1, 4], [3, 4]])
    seen: list[tuple[torch.Tensor, torch.Tensor]] = []

    def policy(observations: torch.Tensor, goals: torch.Tensor) -> torch.Tensor:
        seen.append((observations, goals))
        return torch.full((len(observations),), 4)  # right

    outcome = evaluate([policy], world, starts, goals, frame_stack=3, keep_paths=True, max_steps=3, progress=False)
    assert outcome.episodes["steps"].tolist() == [3, 2]
    columns = [[[1, 1, 1], [2, 2, 2]], [[1, 1, 2], [2, 2, 3]], [[1, 2, 3], [2, 3, 4]]]  # (step, episode, frame)
    for (observations, goal_frames), step in zip(seen, columns, strict=True):
        for row, own, told, frames in zip((1, 3), observations, goal_frames, step, strict=True):
            expected = world.observe(torch.tensor([[row, column] for column in frames]))
            assert torch.equal(own, torch.cat(list(expected), dim=-1))
            assert torch.equal(told, torch.cat([world.observe(torch.tensor([[row, 4]]))[0]] * 3, dim=-1))


def test_intervals_cover_what_they_promise() -> None:
    generator = np.random.default_rng(0)
    hits = 0
    for _ in range(2000):
        low, high = seed_interval(generator.normal(0.5, 0.1, size=5))
        hits += low <= 0.5 <= high
    assert 0.93 < hits / 2000 < 0.97
    low, high = episode_interval(0, 20)
    assert low == 0
    assert 0.1 < high < 0.2
    with pytest.raises(ValueError, match="at least two"):
        seed_interval(np.array([0.3]))


def test_bad_input(episodes: tuple[torch.Tensor, torch.Tensor]) -> None:
    with pytest.raises(ValueError, match="as many goals as starts"):
        evaluate([idle], WORLD, episodes[0], episodes[1][:5], progress=False)
    with pytest.raises(ValueError, match="need policies"):
        evaluate([], WORLD, *episodes, progress=False)
    with pytest.raises(ValueError, match="frame_stack must be at least 1 frame, got 0"):
        evaluate([idle], WORLD, *episodes, frame_stack=0, progress=False)


def test_seeds_that_all_fail_are_no_certainty() -> None:
    episodes = pd.DataFrame(
        {"seed": [s for s in range(5) for _ in range(50)], "distance": 3.0, "success": 0, "steps": 9}
    )
    row = success_by_distance(Evaluation(episodes), [1, 5]).iloc[0]
    assert row["mean"] == row["low"] == 0
    assert row["high"] == pytest.approx(0.0151, abs=1e-3)  # Wilson's for 0 of 250
    row = success_by_distance(Evaluation(episodes.assign(success=1)), [1, 5]).iloc[0]
    assert row["low"] < 1 == row["high"]


def test_without_an_episode_in_any_bin_the_table_is_empty() -> None:
    episodes = pd.DataFrame({"seed": [0, 1], "distance": np.inf, "success": 0, "steps": 9})
    table = success_by_distance(Evaluation(episodes), [1, 5])
    assert len(table) == 0
    assert {"distance", "mean", "low", "high"} <= set(table.columns)
