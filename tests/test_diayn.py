"""DIAYN: it learns to be told apart and resumes to the bit, and its replay buffer keeps what it should."""

import math

import pytest
import torch

from saw_edu.data.replay import Replay
from saw_edu.envs import Maze, PointMaze
from saw_edu.hierarchy.diayn import DIAYN, DIAYNConfig, diversity_reward, information

CROSS = Maze.from_rows(["#####", "##.##", "#...#", "##.##", "#####"], name="cross")
SMALL = DIAYNConfig(skills=4, horizon=8, worlds=16, batch_size=64, hidden=(32,), capacity=2_000)


def _agent(seed: int = 0, config: DIAYNConfig = SMALL, **changes: object) -> DIAYN:
    world = PointMaze(CROSS, step_size=1.0, features="scaled")
    start = world.maze.cell_to_xy(torch.tensor([2, 2])).float()
    return DIAYN(world, start, config, seed=seed, **changes)  # type: ignore[arg-type]


def test_four_skills_find_four_arms_and_the_bound_comes_near_log_4():
    agent = _agent()
    agent.train(1200, progress=False)
    skills = torch.arange(4).repeat(50)
    states = agent.skills.roll_out(agent.start.expand(200, 2), skills, 8, torch.Generator().manual_seed(1))
    ends = states[:, -1]
    with torch.no_grad():
        bound = diversity_reward(agent.discriminator(agent.world.observe(ends)), skills).mean()
    assert math.log(4) - 0.15 < float(bound) <= math.log(4)
    fresh = information(agent.world, ends, skills, 4, torch.Generator().manual_seed(2), updates=150)
    assert math.log(4) - 0.25 < fresh <= math.log(4)


def test_without_the_discriminators_reward_skills_are_not_told_apart():
    agent = _agent(reward=lambda logits, skills: torch.zeros(len(skills)))
    agent.train(300, progress=False)
    skills = torch.arange(4).repeat(50)
    states = agent.skills.roll_out(agent.start.expand(200, 2), skills, 8, torch.Generator().manual_seed(1))
    assert information(agent.world, states[:, -1], skills, 4, torch.Generator().manual_seed(2), updates=100) < 0.5


def test_the_reward_is_zero_for_a_uniform_guess_and_at_most_log_z():
    skills = torch.tensor([0, 3])
    assert diversity_reward(torch.zeros(2, 4), skills).abs().max() < 1e-6
    sure = diversity_reward(torch.eye(4)[skills] * 50, skills)
    assert sure.tolist() == pytest.approx([math.log(4)] * 2, abs=1e-6)
    assert float(diversity_reward(torch.eye(4)[skills] * 50, skills.flip(0)).max()) < -40


def test_a_resumed_run_equals_an_uninterrupted_one_to_the_bit(tmp_path):
    whole, first, second = _agent(), _agent(), _agent(seed=9)
    whole.train(40, progress=False)
    first.train(23, progress=False)
    first.save(tmp_path / "half.pt")
    second.restore(tmp_path / "half.pt")
    second.train(17, progress=False)
    assert second.rewards == whole.rewards
    for name in ("q", "target", "discriminator"):
        for mine, theirs in zip(getattr(second, name).parameters(), getattr(whole, name).parameters(), strict=True):
            assert torch.equal(mine, theirs)
    assert torch.equal(second.states, whole.states)
    assert torch.equal(second.generator.get_state(), whole.generator.get_state())


def test_an_agent_that_goes_on_does_not_change_the_state_it_started_from():
    agent, other = _agent(), _agent()
    agent.train(3, progress=False)
    state = agent.state_dict()
    before = {name: value.clone() for name, value in state["networks"]["q"].items()}
    other.load_state_dict(state)
    other.train(3, progress=False)
    assert all(torch.equal(before[name], value) for name, value in agent.q.state_dict().items())


def test_what_does_not_fit_is_told():
    with pytest.raises(ValueError, match="made with"):
        _agent().load_state_dict(_agent(config=DIAYNConfig(skills=5)).state_dict())
    with pytest.raises(ValueError, match="at least two skills"):
        DIAYNConfig(skills=1)
    with pytest.raises(ValueError, match="alpha > 0"):
        DIAYNConfig(alpha=0.0)
    world = PointMaze(CROSS, features="scaled")
    with pytest.raises(ValueError, match=r"shape \(2,\)"):
        DIAYN(world, torch.zeros(1, 2), SMALL, seed=0)
    with pytest.raises(ValueError, match="free space"):
        DIAYN(world, world.maze.cell_to_xy(torch.tensor([0, 0])).float(), SMALL, seed=0)


def test_a_replay_buffer_writes_over_its_oldest_rows_and_comes_back_whole():
    buffer = Replay(5)
    with pytest.raises(ValueError, match="empty"):
        buffer.sample(1, torch.Generator())
    for i in range(4):
        buffer.add(x=torch.tensor([2.0 * i, 2 * i + 1]), y=torch.tensor([[i], [i]]))
    assert sorted(buffer.columns["x"].tolist()) == [3, 4, 5, 6, 7]
    drawn = buffer.sample(500, torch.Generator().manual_seed(0))
    assert set(drawn["x"].tolist()) == {3, 4, 5, 6, 7}
    assert torch.equal(drawn["y"][:, 0], drawn["x"].long() // 2), "rows stay together"
    other = Replay(5)
    other.load_state_dict(buffer.state_dict())
    for replay in (buffer, other):
        replay.add(x=torch.tensor([8.0]), y=torch.tensor([[4]]))
    assert torch.equal(other.columns["x"], buffer.columns["x"])
    with pytest.raises(ValueError, match="columns are"):
        buffer.add(x=torch.tensor([8.0]))
    with pytest.raises(ValueError, match="equally many rows"):
        buffer.add(x=torch.zeros(2), y=torch.zeros(1, 1))
    with pytest.raises(ValueError, match="the saved one 5"):
        Replay(6).load_state_dict(buffer.state_dict())
