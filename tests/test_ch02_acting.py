"""Chapter 2's roll-outs at a temperature, and the advice of hindsight, on known answers."""

import numpy as np
import pandas as pd
import pytest
import torch

from saw_edu.agents import GCBC
from saw_edu.course.ch02 import advice, figures, record
from saw_edu.course.ch02.acting import Trial, at_rest, order_of_neighbours
from saw_edu.envs import PointMaze, navigate
from saw_edu.place import asset
from saw_edu.rollouts import Evaluation
from saw_edu.training import TrainingResult

WORLD = PointMaze("medium", step_size=1.0, max_steps=60)


def trial() -> Trial:
    return Trial(WORLD, [1, 4, 8], torch.Generator().manual_seed(0), episodes=20)


def test_the_demonstrator_arrives_and_whoever_stays_is_at_rest() -> None:
    tried = trial()
    assert (tried.by_distance(tried.demonstrator(0.5))["mean"] == 1).all()
    staying = tried.run([lambda states, goals: torch.zeros(len(states), 2)], keep_paths=True)
    assert at_rest(staying) == 1
    walking = tried.run([lambda states, goals: torch.tensor([[0.6, 0.0]]).expand(len(states), 2)], keep_paths=True)
    assert at_rest(walking) > 0.9  # it leans against a wall
    aimless = tried.aimless(2)
    assert aimless.episodes["seed"].nunique() == 2


def test_gains_are_paired_by_seed() -> None:
    tried = trial()
    rows = [(seed, distance, seed % 2) for seed in range(4) for distance in (2.0, 5.0)]
    other = pd.DataFrame(rows, columns=["seed", "distance", "success"])
    better = other.assign(success=lambda t: t["success"] + 1)
    gains = tried.gains(Evaluation(better), Evaluation(other))
    np.testing.assert_allclose(gains, 1.0)  # though seeds differ among one another, their differences do not


def test_neighbours_are_in_order_for_minus_the_distance_and_upside_down_for_the_distance() -> None:
    centres = torch.tensor(WORLD.maze.cell_to_xy(WORLD.maze.free_cells).copy(), dtype=torch.float32)
    number = len(centres)
    distances = WORLD.distances(centres.repeat(number, 1), centres.repeat_interleave(number, 0)).view(number, number)

    def order(values: torch.Tensor, to_goal: torch.Tensor) -> float:
        return float((values[0] > values[1]) == (to_goal[0] < to_goal[1]))

    found = order_of_neighbours(order, [-distances, distances], distances)
    assert (found[0] == 1).all()
    assert (found[1] == 0).all()


def test_where_two_neighbours_lead_nearer_pairs_are_left_out() -> None:
    ways = advice.ways_that_lead_nearer(WORLD)
    assert ((ways == 0).sum(0) == 1).all()  # only the goal's own cell has none
    assert int((ways == 2).sum()) > 0


def test_direct_pairs_are_better_advice_than_detours_and_equal_weights_change_nothing() -> None:
    data = navigate(WORLD, 80, 200, 0.5, torch.Generator().manual_seed(0))
    pairs = advice.hindsight_pairs(WORLD, data, GCBC(), 8000, 0.5, torch.Generator().manual_seed(1))
    cells, length = np.arange(1, 5), pairs.table["length"]
    direct = pairs.mean("advice", cells, length <= advice.DIRECT)
    detour = pairs.mean("advice", cells, length > advice.DETOUR)
    assert (direct > detour + 0.2).all()
    assert (pairs.mean("ceiling", cells) > 0.8).all()
    weighted = advice.weighted_advice(pairs, torch.ones(2, len(pairs.table)), cells)
    np.testing.assert_allclose(weighted[:, 0], pairs.mean("advice", cells), rtol=1e-5)
    assert ((weighted[:, 1] < weighted[:, 0]) & (weighted[:, 0] < weighted[:, 2])).all()


def test_a_value_that_no_file_held_is_refused() -> None:
    longer = TrainingResult.load(asset("ch02/gcivl_8000.pt"), record.AGENTS["gcivl"], PointMaze(**record.WORLD).spec)
    assert "value" in longer.untrained
    states = torch.zeros(1, longer.spec.observation_dim)
    longer.policies[0](states, states)
    with pytest.raises(ValueError, match="this value learned nothing"):
        longer.policies[0].value(states, states)


def test_a_click_is_taken_to_the_nearest_free_cell() -> None:
    shown = figures.GoalMap(WORLD, {}, torch.zeros(1, 2))
    x, y = shown.nearest((0.3, -0.2))
    assert (x, y) == (0.0, 0.0)
