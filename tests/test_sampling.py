"""Hindsight sampling against the reference sampler's exact probabilities, from its files and from its rules."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from saw_edu.cli import app
from saw_edu.data import HindsightGoals, HindsightSampler, Trajectories, geometric_goals, uniform_goals
from saw_edu.reference.sampler import chi_square_p, compare, count, load_case

LENGTHS = [7, 12, 30, 4, 20]
SAMPLES = 200_000


def toy(compact: bool) -> Trajectories:
    """Five trajectories; the first number of an observation is its row."""
    rows = sum(LENGTHS)
    observations = torch.arange(rows, dtype=torch.float32)[:, None].repeat(1, 2)
    ends = torch.tensor(LENGTHS).cumsum(0)
    return Trajectories(observations, torch.zeros(rows, 1), ends, None if compact else observations + 0.5)


def exact_trajectory(data: Trajectories, geometric: bool, discount: float) -> np.ndarray:
    """P(goal row | start row) of trajectory goals, written down from the rules, one row at a time."""
    rows = len(data.observations)
    table = np.zeros((rows, rows))
    for i in data.start_rows.tolist():
        final = int(data.final_index[i])
        left = final - i
        if left == 0:
            table[i, i] = 1
        elif geometric:
            for k in range(1, left):
                table[i, i + k] = (1 - discount) * discount ** (k - 1)
            table[i, final] += discount ** (left - 1)
        elif left == 1:
            table[i, final] = 1
        else:  # rounding a uniform point between the ends gives each end half of an inner row's chance
            table[i, i + 1 : final + 1] = 1 / (left - 1)
            table[i, [i + 1, final]] /= 2
    return table


@pytest.mark.parametrize("compact", [True, False])
@pytest.mark.parametrize("geometric", [True, False])
def test_value_goals_follow_the_exact_probabilities(compact: bool, geometric: bool) -> None:
    data = toy(compact)
    goals = HindsightGoals(value_geometric=geometric)
    sampler = HindsightSampler(data, goals, discount=0.9)
    generator = torch.Generator().manual_seed(3)
    starts = data.start_rows[torch.randint(len(data.start_rows), (SAMPLES,), generator=generator)]
    picked = sampler.sample_goals(starts, generator)
    table = 0.5 * exact_trajectory(data, geometric, 0.9)
    valid = data.start_rows.numpy()
    table[np.ix_(valid, valid)] += 0.3 / len(valid)
    table[valid, valid] += 0.2
    rows = len(data.observations)
    assert chi_square_p(count(picked.rows, picked.value_goals, rows), table) > 1e-3
    assert chi_square_p(count(picked.rows, picked.policy_goals, rows), exact_trajectory(data, False, 0.9)) > 1e-3


GOLDEN = Path(__file__).parents[1] / "assets" / "golden" / "samplers"


@pytest.mark.parametrize("case", ["gcivl_compact", "gcivl_regular", "saw_compact", "saw_regular"])
def test_goals_follow_the_reference_files(case: str) -> None:
    assert compare(load_case(GOLDEN / f"{case}.npz")).within()


@pytest.mark.parametrize(
    ("settings", "wrong"),
    [
        ({"discount": 0.9}, "value_goals"),
        ({"goals": HindsightGoals(policy_geometric=True)}, "policy_goals"),
        ({"goals": HindsightGoals(policy_goals=(0.0, 0.5, 0.5))}, "impossible"),
        ({"subgoal_steps": 24}, "different"),
    ],
)
def test_parity_notices_other_settings(settings: dict[str, Any], wrong: str) -> None:
    case = load_case(GOLDEN / "saw_compact.npz")
    found = compare(replace(case, sampler=replace(case.sampler, **settings)))
    assert not found.within()
    value = getattr(found, wrong)
    assert value < 1e-6 if wrong.endswith("goals") else value > 0


def test_parity_of_samplers_from_the_shell(tmp_path: Path) -> None:
    good = CliRunner().invoke(app, ["parity", *map(str, GOLDEN.glob("*.npz")), str(GOLDEN.parent / "gcbc.npz")])
    assert good.exit_code == 0, good.output
    assert good.output.count("agrees") == 5
    with np.load(GOLDEN / "saw_compact.npz") as file:
        arrays = dict(file)
    arrays["final_index"][3] += 1
    np.savez(tmp_path / "changed.npz", **arrays)
    bad = CliRunner().invoke(app, ["parity", str(tmp_path / "changed.npz")])
    assert (bad.exit_code, bad.output.count("DIFFERS")) == (1, 1)
    del arrays["lengths"]
    np.savez(tmp_path / "lacking.npz", **arrays)
    unusable = CliRunner().invoke(app, ["parity", str(tmp_path / "lacking.npz")])
    assert unusable.exit_code == 2
    assert "lengths" in unusable.output


def test_the_test_notices_a_wrong_sampler() -> None:
    """The chi-square has the power to see a uniform sampler whose end rows are not halved."""
    data = toy(True)
    generator = torch.Generator().manual_seed(0)
    starts = data.start_rows[torch.randint(len(data.start_rows), (SAMPLES,), generator=generator)]
    final = data.final_index[starts]
    wrong = torch.minimum(starts + 1 + (torch.rand(SAMPLES, generator=generator) * (final - starts)).long(), final)
    assert chi_square_p(count(starts, wrong, len(data.observations)), exact_trajectory(data, False, 0.9)) < 1e-6


@pytest.mark.parametrize("compact", [True, False])
@pytest.mark.parametrize("p_random", [0.0, 0.4])
def test_waypoints_lie_on_the_way(compact: bool, p_random: float) -> None:
    data = toy(compact)
    goals = HindsightGoals(policy_goals=(0.0, 1 - p_random, p_random))
    sampler = HindsightSampler(data, goals, discount=0.9, subgoal_steps=5)
    generator = torch.Generator().manual_seed(1)
    starts = data.start_rows[torch.randint(len(data.start_rows), (20_000,), generator=generator)]
    picked = sampler.sample_goals(starts, generator)
    final = data.final_index[starts]
    assert torch.equal(picked.subgoals, torch.minimum(starts + 5, final))
    same = data.episode_of_row[picked.policy_goals] == data.episode_of_row[starts]
    later = same & (picked.policy_goals > starts)
    if p_random == 0:
        assert torch.equal(picked.waypoints, torch.minimum(starts + 5, picked.policy_goals))
    else:
        assert 0.2 < 1 - same.double().mean() < 0.4  # some random goals fall into the same episode
        assert torch.equal(picked.waypoints[~same], picked.subgoals[~same])
    assert torch.equal(data.episode_of_row[picked.waypoints], data.episode_of_row[starts])
    assert bool((picked.waypoints[later] <= torch.maximum(picked.policy_goals, picked.subgoals)[later]).all())


def test_rewards_masks_and_observations() -> None:
    data = toy(True)
    batch = HindsightSampler(data, HindsightGoals(), 0.9, 5).sample(5000, torch.Generator().manual_seed(0))
    reached = batch.observations[:, 0] == batch.value_goals[:, 0]
    assert torch.equal(batch.rewards, -(~reached).float())
    assert torch.equal(batch.masks, (~reached).float())
    assert torch.equal(batch.next_observations, batch.observations + 1)
    assert 0.18 < reached.double().mean() < 0.25
    ends = data.episode_ends - 1
    assert not torch.isin(batch.value_goals[:, 0].long(), ends).any()  # as in the reference


def test_next_observations_of_the_regular_layout() -> None:
    data = toy(False)
    batch = HindsightSampler(data, HindsightGoals(), 0.9).sample(100, torch.Generator().manual_seed(0))
    assert torch.equal(batch.next_observations, batch.observations + 0.5)
    assert batch.subgoals is None
    assert batch.waypoints is None


def test_offsets_at_the_edges_of_the_unit_interval() -> None:
    rows, final = torch.tensor([0, 0, 9]), torch.tensor([9, 9, 9])
    uniform = torch.tensor([0.0, 1 - 1e-12, 0.5], dtype=torch.float64)
    assert geometric_goals(rows, final, uniform, 0.9).tolist() == [1, 9, 9]
    assert uniform_goals(rows, final, uniform).tolist() == [9, 1, 9]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: HindsightGoals(value_goals=(0.5, 0.5, 0.5)), "three probabilities"),
        (lambda: HindsightSampler(toy(True), HindsightGoals(), discount=1.0), "discount"),
        (lambda: HindsightSampler(toy(True), HindsightGoals(), subgoal_steps=0), "subgoal_steps"),
    ],
)
def test_bad_settings(make, message: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match=message):
        make()
