"""TD3 and HIRO: they reach goals, resume to the bit, and goals are moved and relabelled by known answers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from saw_edu.envs import Maze, PointMaze
from saw_edu.hierarchy.hiro import (
    CORRECTIONS,
    HIRO,
    HIROConfig,
    draw_candidates,
    goals_along,
    likeliest,
    move_goal,
)
from saw_edu.hierarchy.td3 import TD3, GoalTD3, ReachConfig, TD3Config, td3_target

ROOM = Maze.from_rows(["#####", "#...#", "#...#", "#...#", "#####"], name="room")
CONFIG = TD3Config(hidden=(32, 32), batch_size=128, tau=0.05, learning_rate=3e-3, discount=0.9)
PLAY = ReachConfig(worlds=16, horizon=20, random_steps=40, capacity=20_000, hold=3)
HIERARCHY = HIROConfig(every=5, reach=5.0)


def _world() -> PointMaze:
    return PointMaze(ROOM, step_size=1.0, features="scaled")


def _centre(number: int, generator: torch.Generator) -> torch.Tensor:
    return torch.full((number, 2), 4.0)


def _flat(seed: int = 0, **changes: object) -> GoalTD3:
    world = _world()
    return GoalTD3(world, _centre, world.sample_states, CONFIG, PLAY, seed=seed, **changes)  # type: ignore[arg-type]


def _hiro(seed: int = 0, **changes: object) -> HIRO:
    world = _world()
    play = replace(PLAY, noise=0.3)
    hierarchy = replace(HIERARCHY, **changes)  # type: ignore[arg-type]
    return HIRO(world, _centre, world.sample_states, hierarchy, CONFIG, play, seed=seed)


def _success(agent: GoalTD3 | HIRO) -> float:
    generator = torch.Generator().manual_seed(1)
    goals = agent.world.sample_states(100, generator)
    return float(agent.success(_centre(100, generator), goals, 20).float().mean())


def test_td3_finds_the_best_action_of_a_single_decision() -> None:
    generator = torch.Generator().manual_seed(0)
    rule = TD3(2, 1, TD3Config(hidden=(32,), learning_rate=3e-3), generator)
    for _ in range(400):  # the reward is highest where the action equals the first input
        inputs = torch.rand(128, 2, generator=generator) - 0.5
        actions = 2 * torch.rand(128, 1, generator=generator) - 1
        rewards = -(actions - inputs[:, :1]).square()[:, 0]
        rule.update(inputs, actions, rewards, inputs, torch.ones(128, dtype=torch.bool))
    inputs = torch.rand(200, 2, generator=generator) - 0.5
    assert float((rule.act(inputs)[:, 0] - inputs[:, 0]).detach().abs().mean()) < 0.1


def test_flat_td3_reaches_goals_in_a_room() -> None:
    agent = _flat()
    before = _success(agent)
    agent.train(1_000, progress=False)
    assert _success(agent) > max(0.7, before + 0.3)


def test_hiro_learns_to_carry_out_relative_goals_and_to_reach() -> None:
    agent = _hiro()
    agent.train(240, progress=False)
    starts = _centre(100, torch.Generator())
    asked = 6 * torch.rand(100, 2, generator=torch.Generator().manual_seed(2)) - 3
    states, goals = starts, asked
    for _ in range(HIERARCHY.every):
        after = agent.world.step(states, agent.carry_out(states, goals))
        states, goals = after, move_goal(states, goals, after)
    assert float(goals.norm(dim=-1).mean()) < 1.0 < float(asked.norm(dim=-1).mean())
    assert _success(agent) > 0.6


@pytest.mark.parametrize("make", [_flat, _hiro])
def test_a_resumed_run_equals_an_uninterrupted_one_to_the_bit(make, tmp_path: Path) -> None:
    whole, first, second = make(), make(), make(seed=9)
    whole.train(20, progress=False)
    first.train(12, progress=False)
    first.save(tmp_path / "half.pt")
    second.restore(tmp_path / "half.pt")
    second.train(8, progress=False)
    assert second.arrivals == whole.arrivals
    assert torch.equal(second.states, whole.states)
    assert torch.equal(second.generator.get_state(), whole.generator.get_state())
    for mine, theirs in zip(_weights(second), _weights(whole), strict=True):
        assert torch.equal(mine, theirs)


def _weights(agent: GoalTD3 | HIRO) -> list[torch.Tensor]:
    rules = [part for part in agent.parts().values() if isinstance(part, TD3)]
    return [weights for rule in rules for name in TD3.NETWORKS for weights in getattr(rule, name).parameters()]


def test_targets_by_hand() -> None:
    q1, q2 = torch.tensor([4.0, 1.0, 5.0]), torch.tensor([3.0, 2.0, 6.0])
    found = td3_target(torch.tensor([0.0, 0.5, 1.0]), torch.tensor([False, False, True]), q1, q2, 0.5)
    assert found.tolist() == [1.5, 1.0, 1.0]


def test_a_moved_goal_asks_for_the_same_place() -> None:
    generator = torch.Generator().manual_seed(0)
    states, goals = torch.randn(5, 7, 2, generator=generator), torch.randn(5, 2, generator=generator)
    places, moved = states[:, :1] + goals[:, None], goals
    for step in range(6):
        assert torch.allclose(states[:, step] + moved, places[:, 0], atol=1e-5)
        assert torch.allclose(goals_along(states, goals)[:, step], moved, atol=1e-5)
        moved = move_goal(states[:, step], moved, states[:, step + 1])


def test_the_likeliest_goal_is_the_one_that_was_carried_out() -> None:
    generator = torch.Generator().manual_seed(0)

    def low(states: torch.Tensor, goals: torch.Tensor) -> torch.Tensor:
        return goals.clamp(-1, 1)

    goals = 10 * torch.rand(50, 2, generator=generator) - 5
    states, moved, path, taken = torch.zeros(50, 2), goals, list[torch.Tensor](), list[torch.Tensor]()
    for _ in range(8):
        actions = low(states, moved)
        path, taken = [*path, states], [*taken, actions]
        states, moved = states + actions, move_goal(states, moved, states + actions)
    others = 10 * torch.rand(50, 9, 2, generator=generator) - 5
    candidates = torch.cat([others[:, :4], goals[:, None], others[:, 4:]], 1)
    along, actions = torch.stack(path, 1), torch.stack(taken, 1)
    assert torch.equal(likeliest(along, actions, candidates, low), goals)
    wrong_later = actions.clone()
    wrong_later[:, 3:] = 9.0  # steps that do not count
    counted = torch.arange(8).expand(50, 8) < 3
    chosen = likeliest(along, wrong_later, candidates, low, counted)
    assert torch.equal(low(states, chosen), low(states, goals)), "its first steps alone may explain several goals"


def test_candidates_are_the_goal_the_change_and_draws_around_it() -> None:
    states, ends = torch.zeros(2000, 2), torch.tensor([1.0, -2.0]).expand(2000, 2)
    goals = torch.tensor([4.0, 4.0]).expand(2000, 2)
    config = HIROConfig(reach=5.0, spread=0.1)
    found = draw_candidates(states, goals, ends, config, torch.Generator().manual_seed(0))
    assert found.shape == (2000, 10, 2)
    assert torch.equal(found[:, 0], goals)
    assert torch.equal(found[:, 1], ends)
    drawn = found[:, 2:].reshape(-1, 2)
    assert drawn.mean(0).tolist() == pytest.approx([1.0, -2.0], abs=0.02)
    assert drawn.std(0).tolist() == pytest.approx([0.5, 0.5], abs=0.02)
    wide = draw_candidates(states, goals, ends, HIROConfig(reach=3.0, spread=2.0), torch.Generator())
    assert float(wide.abs().max()) == 3.0


def test_corrections_do_what_they_are_called() -> None:
    agents = {name: _hiro(correction=name) for name in CORRECTIONS}
    for agent in agents.values():
        agent.train(6, progress=False)
    batch = agents["none"].high_replay.sample(64, torch.Generator().manual_seed(0))
    change = (batch["paths"][:, -1] - batch["paths"][:, 0]).clamp(-5, 5)
    assert torch.equal(agents["none"].corrected(batch), batch["given"])
    assert torch.equal(agents["achieved"].corrected(batch), change)
    chosen = agents["hiro"].corrected(batch)
    assert not torch.equal(chosen, batch["given"])
    assert float(chosen.abs().max()) <= 5.0


def test_a_stretch_stops_where_the_goal_is_met() -> None:
    agent = _hiro()
    agent.train(60, progress=False)
    stored = agent.high_replay.sample(2_000, torch.Generator().manual_seed(0))
    met = stored["rewards"] > 0
    assert 0 < float(met.float().mean()) < 1
    last = stored["paths"][:, -1]
    assert torch.equal(agent.world.reached(last, stored["goals"]), met)
    still = (stored["paths"][:, 1:] == stored["paths"][:, :-1]).all(-1)
    assert still[~stored["counted"]].all(), "after the goal nobody moves, and nothing is learned from it"


def test_what_does_not_fit_is_told() -> None:
    with pytest.raises(ValueError, match="did you mean 'achieved'"):
        HIROConfig(correction="acheived")
    with pytest.raises(ValueError, match="a multiple of every=3"):
        _hiro(every=3)
    with pytest.raises(ValueError, match="made with"):
        _hiro().load_state_dict(_hiro(every=4).state_dict())
    with pytest.raises(ValueError, match="made with"):
        GoalTD3(_world(), _centre, _centre, TD3Config(), PLAY, seed=0).load_state_dict(_flat().state_dict())
    with pytest.raises(ValueError, match="0 <= discount < 1"):
        TD3Config(discount=1.0)
    with pytest.raises(ValueError, match="noise at least 0"):
        ReachConfig(noise=-1.0)
