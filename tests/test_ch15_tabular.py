"""Extraction with everything enumerated: the play's probabilities, the errors of V, the optima of the losses."""

import itertools
import re

import pytest
import torch
from torch import Tensor

from saw_edu.agents.objectives import awr_weights
from saw_edu.course.ch15.tabular import METHODS, Play, extract, noisy_values, right_by_distance, subgoal_policy
from saw_edu.envs import ACTIONS, GridMaze


def _close(a: Tensor, b: Tensor) -> bool:
    return torch.allclose(a, b, rtol=1e-10, atol=1e-12)


@pytest.fixture(scope="module")
def play() -> Play:
    return Play(GridMaze("u-turn"), discount=0.8, subgoal_steps=3, noise=0.4)


def _noisy(play: Play, seeds: int = 2) -> Tensor:
    return noisy_values(play, 0.3, 0.0, seeds, torch.Generator().manual_seed(0))


def test_values_in_a_corridor_are_those_of_the_formula() -> None:
    play = Play(GridMaze("corridor"), discount=0.5)
    expected = torch.tensor([0.0, -1.0, -1.5, -1.75], dtype=torch.float64)  # -1 a step, discounted by a half
    assert _close(play.values[:4, 0], expected)
    assert play.right[5, :, 9].tolist() == [False, False, False, False, True]
    assert play.right[5, :, 5].sum() == 0  # nothing is closer than the goal itself


def test_where_walks_lead_agrees_with_all_walks_one_by_one(play: Play) -> None:
    cells = len(play.after)
    joint = torch.zeros(cells, len(ACTIONS), cells, dtype=torch.float64)
    every = play.world.maze.tables()["free_cells"]
    after = play.after.tolist()
    for start, goal in itertools.product(range(cells), repeat=2):
        best = play.world.oracle(every, every[goal].expand_as(every)).tolist()
        for actions in itertools.product(range(len(ACTIONS)), repeat=3):
            cell, chance = start, 1 / cells
            for action in actions:
                chance *= 0.4 / 5 + 0.6 * (action == best[cell])
                cell = after[cell][action]
            joint[start, actions[0], cell] += chance
    assert _close(joint.sum((1, 2)), torch.ones(cells, dtype=torch.float64))
    assert _close(play.waypoint_prior, joint.sum(1))
    assert _close(play.action_prior, joint.sum(2))
    occurs = play.waypoint_prior > 0
    conditional = (joint / joint.sum(1, keepdim=True)).transpose(1, 2)[occurs]
    assert _close(play.subgoal_action_prior.transpose(1, 2)[occurs], conditional)


def test_errors_of_v_have_the_size_and_the_reach_asked_for() -> None:
    play = Play(GridMaze("corridor"))
    for reach in (0.0, 2.0):
        errors = noisy_values(play, 0.5, reach, 4000, torch.Generator().manual_seed(0)) - play.values
        assert errors.std(0).sub(0.5).abs().max() < 0.04
        neighbours = torch.corrcoef(errors[:, 9:11, 3].T)[0, 1]
        kernel = (-play.distances / reach).exp() if reach else play.distances.eq(0).double()
        expected = kernel[9] @ kernel[10] / (kernel[9].norm() * kernel[10].norm())
        assert abs(neighbours - expected) < 0.05
        assert abs(torch.corrcoef(errors[:, 9, 3:5].T)[0, 1]) < 0.05  # other goals, other errors


def test_every_policy_is_one_and_right_where_v_and_data_are_clear() -> None:
    play = Play(GridMaze("corridor"), noise=1.0)  # actions uniformly random: only V shows the way
    policies = extract(play, play.values[None])
    assert tuple(policies) == METHODS
    for policy in policies.values():
        assert _close(policy.sum(2), torch.ones(1, 20, 20, dtype=torch.float64))
        assert right_by_distance(play, policy).tolist() == [[1.0] * 19]


def test_right_by_distance_of_a_policy_that_always_goes_right() -> None:
    play = Play(GridMaze("corridor"))
    policy = torch.zeros(1, 20, 5, 20)
    policy[:, :, ACTIONS.index("right")] = 1
    assert _close(right_by_distance(play, policy), torch.full((1, 19), 0.5, dtype=torch.float64))


@pytest.mark.parametrize("method", ["gcivl", "ris", "ris_weighed", "saw"])
def test_the_loss_is_flat_at_the_extracted_policy(play: Play, method: str) -> None:
    values, s, g = _noisy(play), 4, 8
    v = values[0]
    logits = extract(play, values)[method][0, s, :, g].log().requires_grad_()
    log_policy = logits.log_softmax(0)
    loss = -(play.action_prior[s] * awr_weights(v[play.after[s], g] - v[s, g], 3.0) * log_policy).sum()
    importance = play.waypoint_prior[s] * awr_weights(v[:, g] - v[s, g], 3.0)
    if method.startswith("ris"):
        best = importance.argmax()
        factor = 3.0 if method == "ris" else float(awr_weights(v[best, g] - v[s, g], 3.0))
        importance = factor * torch.eye(len(v), dtype=torch.float64)[best]
    if method != "gcivl":
        teacher = subgoal_policy(play, values)[0, s]  # (A, F)
        loss = loss + (importance * (torch.xlogy(teacher, teacher) - teacher * log_policy[:, None]).sum(0)).sum()
    loss.backward()
    assert logits.grad is not None
    assert logits.grad.abs().max() < 1e-12
    with torch.no_grad():
        assert (importance > 0).any()
        assert (logits.softmax(0) - play.action_prior[s]).abs().max() > 0.01  # not where it started


def test_two_levels_that_draw_their_waypoint_act_as_the_mixture_of_its_teachers(play: Play) -> None:
    values, s, g = _noisy(play), 2, 7
    u = play.waypoint_prior[s] * awr_weights(values[0, :, g] - values[0, s, g], 3.0)
    drawn = subgoal_policy(play, values)[0, s] @ (u / u.sum())
    assert _close(extract(play, values)["hiql_drawn"][0, s, :, g], drawn)


def test_waypoints_of_walks_that_meet_the_goal_agree_with_all_walks_one_by_one() -> None:
    play = Play(GridMaze("u-turn"), discount=0.6, subgoal_steps=2, noise=0.4)
    cells, s, g = len(play.after), 1, 7
    every = play.world.maze.tables()["free_cells"]
    found = torch.zeros(cells, dtype=torch.float64)
    for destination in range(cells):
        best = play.world.oracle(every, every[destination].expand_as(every))
        step = torch.full((cells, cells), 0.0, dtype=torch.float64)
        for cell, action in itertools.product(range(cells), range(len(ACTIONS))):
            step[cell, play.after[cell, action]] += 0.4 / 5 + 0.6 * (action == best[cell])
        at_w, meets = step[s] @ step, torch.eye(cells, dtype=torch.float64)[:, g]
        for m in range(60):
            found += at_w * 0.6**m * meets
            meets = step @ meets
    assert torch.allclose(play.hindsight_prior()[s, :, g], found / found.sum(), atol=1e-9)


def test_limits(play: Play) -> None:
    values = _noisy(play)
    plain = extract(play, values)
    assert _close(extract(play, values, prior_weight=0.0)["ris"], plain["gcivl"])
    # β = 0 does not switch SAW's teachers off: it trusts all of them alike
    equal = extract(play, values, beta=0.0)["saw"]
    assert not torch.allclose(equal, plain["gcivl"], atol=0.01)
    s, g = 2, 8
    advantages = values[:, play.after[s], g] - values[:, s, g, None]
    mixed = play.action_prior[s] * awr_weights(advantages, 3.0)
    mixed = mixed + subgoal_policy(play, values)[:, s] @ play.waypoint_prior[s]
    assert _close(equal[:, s, :, g], mixed / mixed.sum(1, keepdim=True))


def test_hierarchy_and_bootstrapping_see_farther_through_independent_errors() -> None:
    play = Play(GridMaze("large"), discount=0.85)
    values = noisy_values(play, 0.4, 0.0, 20, torch.Generator().manual_seed(0))
    far = {name: right_by_distance(play, policy)[:, 9:].mean() for name, policy in extract(play, values).items()}
    assert far["saw"] > far["gcivl"] + 0.1
    assert far["hiql"] > far["gcivl"] + 0.05


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Play(GridMaze("u-turn", slip=0.1)), "without slip"),
        (lambda: Play(GridMaze("u-turn"), discount=1.0), "discount must lie between 0 and 1"),
        (lambda: Play(GridMaze("u-turn"), noise=0.0), "every action must occur"),
        (lambda: noisy_values(Play(GridMaze("u-turn")), -1.0, 0.0, 1, torch.Generator()), "at least 0"),
        (lambda: extract(Play(GridMaze("u-turn")), torch.zeros(3, 3)), "values must be (seeds, 9, 9)"),
    ],
)
def test_misuse_is_told(make, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        make()
