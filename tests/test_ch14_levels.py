"""Chapter 14's experiments: levels that make no errors make none, and what HIQL learns without actions."""

import pytest
import torch

from saw_edu.course import giant
from saw_edu.course.ch14 import figures, levels
from saw_edu.data import HindsightSampler
from saw_edu.rollouts import evaluate


def test_two_perfect_levels_arrive_everywhere() -> None:
    world = giant.make_world()
    starts, goals = giant.make_episodes(world, per_bin=4)
    perfect = levels.held(levels.perfect_high(world), levels.perfect_low(world))
    assert evaluate([perfect], world, starts, goals, progress=False).success == 1.0


def test_a_perfect_subgoal_lies_k_steps_along_a_shortest_path_and_is_consistent_already() -> None:
    world = giant.make_world()
    starts, goals = giant.make_episodes(world, per_bin=4)
    seen, told = world.observe(starts), world.observe(goals)
    high = levels.perfect_high(world)
    places = world.states_of(high(seen, told))
    nearer = world.distances(starts, goals) - world.distances(places, goals)
    assert ((nearer >= 0) & (nearer <= 3)).all()  # eight steps of one unit are two cells of four
    assert nearer[world.distances(starts, goals) > 3].min() >= 1
    assert torch.allclose(levels.consistent(world, high)(seen, told), high(seen, told), atol=1e-4)


def test_the_value_and_the_high_level_learn_without_actions() -> None:
    """Their losses are the same whatever stands in the place of actions."""
    world = giant.make_world()
    result = giant.load("hiql", world.spec)
    data = levels.first_walks(giant.make_data(world), 5)
    assert data.episode_ends.tolist() == [301, 602, 903, 1204, 1505]
    sampler = HindsightSampler(data, result.agent.goals, giant.DISCOUNT, giant.SUBGOAL_STEPS)
    batch = sampler.sample(64, torch.Generator().manual_seed(0))
    networks = result.networks[0]
    networks.value.load_state_dict(giant.load("value", world.spec).networks[0].value.state_dict())
    unknown = batch._replace(actions=torch.full_like(batch.actions, torch.nan))
    agent = result.agent
    for loss in (
        lambda b: agent.high_loss(networks, b)[0],  # type: ignore[attr-defined]
        lambda b: agent.value_loss(networks, networks, b)[0],
    ):
        assert torch.isfinite(loss(batch))
        assert torch.equal(loss(batch), loss(unknown))
    assert torch.isnan(agent.low_loss(networks, unknown)[0])  # type: ignore[attr-defined]


def test_the_map_of_subgoals_tells_how_many_lead_nearer() -> None:
    world = giant.make_world()
    chart = figures.SubgoalMap(world, giant.load("hiql", world.spec), giant.load("value", world.spec))
    point = chart.nearest((40.0, 20.0))
    assert 0.5 < chart.share_nearer(point, 0) <= 1.0
    assert "of the subgoals lie in cells nearer to the goal" in chart.alt(point, 0)


@pytest.mark.parametrize("temperature", [0.5, 0.0])
def test_a_flat_policy_in_two_levels_clothes_acts_as_before(temperature: float) -> None:
    world = giant.make_world()
    policy = giant.load("gcivl", world.spec).policies[0]
    starts, goals = giant.make_episodes(world, per_bin=2)
    hand = levels.Hand(levels.flat(policy), world, temperature, torch.Generator().manual_seed(2))
    steps = evaluate([hand], world, starts, goals, progress=False).episodes["steps"]
    episodes = giant.drawn_and_greedy(giant.load("gcivl", world.spec).only([0]), world, starts, goals)
    assert steps.tolist() == episodes[episodes["temperature"] == temperature]["steps"].tolist()
