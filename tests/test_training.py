"""Training: every agent, several seeds, sharing a value, batches of one's own."""

import dataclasses
from pathlib import Path
from typing import NamedTuple

import pandas as pd
import pytest
import torch
from training_cases import AGENT, CONFIG, SMALL, GoalsForWaypoints, equal, small, stops_at, walks, without_clock

from saw_edu.agents import AGENTS, GCBC, GCIVL, GCWAE, SAW, agent_class
from saw_edu.data import HindsightSampler, Trajectories
from saw_edu.training import TrainingConfig, TrainingDivergedError, TrainingResult, train


@pytest.mark.parametrize("name", AGENTS)
@pytest.mark.parametrize("discrete", [False, True])
def test_every_agent_trains_and_acts(name: str, discrete: bool) -> None:
    agent = small(name, discrete)
    data = walks(discrete)
    config = dataclasses.replace(CONFIG, learning_rate=3e-3, batch_size=64)
    result = train(agent, data, config, seeds=[3, 5], progress=False)
    assert result.seeds == [3, 5]
    assert sorted(result.metrics["seed"].unique()) == [3, 5]
    assert result.metrics["step"].tolist() == [1, 10, 20, 30, 40, 50, 60] * 2
    log_prob = "subgoal_policy/bc_log_prob" if name == "hiql" else "policy/bc_log_prob"
    first, last = result.metrics[log_prob].iloc[[0, 6]]
    assert last > first
    actions = result.policies[0](data.observations[:7], data.observations[7:14])
    assert actions.shape == ((7,) if discrete else (7, 2))
    assert bool((actions.abs() <= 1).all())


def test_seeds_repeat_and_differ() -> None:
    one, again, other = (train(AGENT, walks(), CONFIG, [seed], progress=False) for seed in (1, 1, 2))
    assert equal(one, again)
    assert not equal(one, other)


@pytest.mark.parametrize("name", AGENTS)
@pytest.mark.parametrize("discrete", [False, True])
def test_seeds_side_by_side_learn_what_each_learns_alone(name: str, discrete: bool) -> None:
    agent, data = small(name, discrete), walks(discrete).to(dtype=torch.float64)
    if not discrete and name in ("gciql", "qrl", "ris", "saw"):
        agent = dataclasses.replace(agent, const_std=False)  # the first three draw numbers then
    alone = train(agent, data, CONFIG, 3, progress=False)
    together = train(agent, data, CONFIG, 3, together=True, progress=False)
    assert together.seeds == [0, 1, 2]
    for a, b in zip(alone.networks, together.networks, strict=True):
        for (key, p), q in zip(a.named_parameters(), b.parameters(), strict=True):
            assert torch.allclose(p, q, rtol=0, atol=1e-9), key
    ties = [column for column in alone.metrics if "categorical_accuracy" in column]  # the same goal twice in a batch
    left, right = (without_clock(result).drop(columns=ties) for result in (alone, together))
    pd.testing.assert_frame_equal(left, right, rtol=1e-6)


def test_seeds_side_by_side_share_values_and_resume(tmp_path: Path) -> None:
    value = train(small("gcivl"), walks(), CONFIG, 2, progress=False)
    agent = GCWAE(**SMALL, subgoal_steps=3)
    whole = train(agent, walks(), CONFIG, 2, value_from=value, together=True, progress=False)
    short = dataclasses.replace(CONFIG, checkpoint_every=7)
    part = train(
        agent,
        walks(),
        short,
        2,
        value_from=value,
        together=True,
        checkpoints=tmp_path,
        progress=False,
        draw=stops_at(40),
    )
    assert (tmp_path / "seed_0_1.pt").exists()
    assert len(part.networks) == 2
    resumed = train(
        agent,
        walks(),
        short,
        2,
        value_from=value,
        together=True,
        checkpoints=tmp_path,
        progress=False,
        draw=stops_at(None),
    )
    assert equal(whole, resumed)
    assert torch.equal(resumed.networks[1].value.net.dense[0].kernel, value.networks[1].value.net.dense[0].kernel)


def test_bfloat16_is_near_float32() -> None:
    rough = train(AGENT, walks(), dataclasses.replace(CONFIG, precision="bfloat16"), progress=False).metrics
    exact = train(AGENT, walks(), CONFIG, progress=False).metrics
    assert rough["loss"].tolist() != exact["loss"].tolist()
    assert rough["loss"].iloc[0] == pytest.approx(exact["loss"].iloc[0], rel=0.02)


def test_a_value_that_a_file_does_not_hold_is_not_used(tmp_path: Path) -> None:
    value = train(small("gcivl"), walks(), CONFIG, progress=False)
    path = value.save(tmp_path / "policy.pt", keep=("policy",))
    loaded = TrainingResult.load(path, small("gcivl"), value.spec)
    with pytest.raises(ValueError, match="without value"):
        train(small("gcwae"), walks(), CONFIG, value_from=loaded, progress=False)


def test_augmentation_is_for_images() -> None:
    with pytest.raises(ValueError, match="crops images"):
        train(AGENT, walks(), dataclasses.replace(CONFIG, augmentation=0.5), progress=False)
    with pytest.raises(ValueError, match="between 0 and 1"):
        dataclasses.replace(CONFIG, augmentation=2.0)


def test_a_sampler_of_ones_own_draws_the_batches() -> None:
    """With goals for waypoints, the waypoint's advantage is what the goal itself is nearer than s."""
    data = walks()
    own = GoalsForWaypoints(data, AGENT.goals, AGENT.discount, AGENT.subgoal_steps)
    batch = own.sample(64, torch.Generator().manual_seed(0))
    assert torch.equal(batch.waypoints, batch.policy_goals)
    usual = train(AGENT, data, CONFIG, 1, progress=False)
    class_by_name = train(AGENT, data, CONFIG, 1, progress=False, sampler=HindsightSampler)
    other = train(AGENT, data, CONFIG, 1, progress=False, sampler=GoalsForWaypoints)
    assert equal(usual, class_by_name)
    # The value's goals come from the same draws; only what depends on waypoints differs.
    assert other.metrics["value/value_loss"].equals(usual.metrics["value/value_loss"])
    assert other.metrics["waypoint/wadv"].iloc[-1] > usual.metrics["waypoint/wadv"].iloc[-1]


def test_divergence_names_the_term() -> None:
    data = walks()
    broken = Trajectories(data.observations * 1e30, data.actions, data.episode_ends)
    with pytest.raises(TrainingDivergedError, match=r"value/value_loss.* at step 1 of seed 0"):
        train(GCIVL(**SMALL, layer_norm=False), broken, CONFIG, progress=False)


def test_a_value_is_shared_and_fixed() -> None:
    data = walks()
    taught = train(GCIVL(**SMALL), data, CONFIG, 2, progress=False)
    saw = train(SAW(**SMALL, subgoal_policy_hidden_dims=(16,), rep_dim=None, subgoal_steps=3), data, CONFIG, 2,
                value_from=taught, progress=False)  # fmt: skip
    for a, b in zip(taught.networks, saw.networks, strict=True):
        assert all(torch.equal(p, q) for p, q in zip(a.value.parameters(), b.value.parameters(), strict=True))
    s, g = data.observations[:5], data.observations[50:55]
    assert torch.equal(taught.policies[1].value(s, g), saw.policies[1].value(s, g))
    assert "value/value_loss" not in saw.metrics
    for agent, message in ((AGENT, "no goal_rep"), (GCBC(), "no value function"), (GCIVL(), "other sizes")):
        with pytest.raises(ValueError, match=message):
            train(agent, data, CONFIG, 2, value_from=taught, progress=False)
    one = train(GCIVL(**SMALL), data, CONFIG, [1], value_from=taught, progress=False)
    assert torch.equal(one.policies[0].value(s, g), taught.policies[1].value(s, g)), "seed by seed"
    with pytest.raises(ValueError, match=r"value_from has seeds \[0, 1\], and not 2"):
        train(GCIVL(**SMALL), data, CONFIG, 3, value_from=taught, progress=False)


def test_results_are_saved_and_loaded(tmp_path: Path) -> None:
    data = walks()
    result = train(AGENT, data, CONFIG, 2, progress=False)
    result.save(tmp_path / "saw.pt", keep=("policy", "policy_goal_rep"))
    back = TrainingResult.load(tmp_path / "saw.pt", AGENT, data.spec())
    s, g = data.observations[:5], data.observations[50:55]
    assert torch.equal(back.policies[1](s, g), result.policies[1](s, g))
    with pytest.raises(ValueError, match="holds SAW networks"):
        TrainingResult.load(tmp_path / "saw.pt", GCBC(), data.spec())
    with pytest.raises(ValueError, match="check its sizes"):
        TrainingResult.load(tmp_path / "saw.pt", SAW(), data.spec())


def test_learning_rate_decays() -> None:
    config = TrainingConfig(steps=10, batch_size=4, learning_rate=1.0, final_learning_rate=0.0, log_every=1)
    frozen_at_the_end = train(GCBC(policy_hidden_dims=(4,)), walks(), config, progress=False)
    assert len(frozen_at_the_end.metrics) == 10
    assert not equal(
        frozen_at_the_end,
        train(GCBC(policy_hidden_dims=(4,)), walks(), TrainingConfig(10, 4, 1.0, log_every=1), progress=False),
    )


def test_bad_settings() -> None:
    with pytest.raises(ValueError, match="steps must be at least 1"):
        TrainingConfig(steps=0)
    with pytest.raises(ValueError, match="did you mean 'gcivl'"):
        agent_class("gcvil")


def test_the_value_alone_is_trained() -> None:
    data, agent = walks(), small("gcivl")
    whole = train(agent, data, CONFIG, progress=False)
    value = train(agent, data, CONFIG, parts="value", progress=False)
    assert all(
        torch.equal(p, q)
        for p, q in zip(whole.networks[0].value.parameters(), value.networks[0].value.parameters(), strict=True)
    )
    fresh = agent.networks(data.spec(), torch.Generator().manual_seed(0)).policy.parameters()
    assert all(torch.equal(p, q) for p, q in zip(value.networks[0].policy.parameters(), fresh, strict=True))
    for wrong in (GCBC(policy_hidden_dims=(4,)), agent):
        given = None if wrong is not agent else value
        with pytest.raises(ValueError, match="an agent with a value, and no value_from"):
            train(wrong, data, CONFIG, parts="value", value_from=given, progress=False)


class Words(NamedTuple):
    """A batch of another kind: a word in the place of a goal."""

    observations: torch.Tensor  # (B, 2)
    words: torch.Tensor  # (B,)
    actions: torch.Tensor  # (B, 2)


class Listener(GCBC):
    """Imitates by a word: one of four, as one-hot numbers in the place of the goal."""

    def policy_loss(self, networks, batch):  # type: ignore[no-untyped-def]
        told = torch.nn.functional.one_hot(batch.words, 2).to(batch.observations.dtype)
        log_probs = networks.policy(batch.observations, told).log_prob(batch.actions)
        return -log_probs.mean(), {"policy/bc_log_prob": log_probs.mean().detach()}


@pytest.mark.parametrize("together", [False, True])
def test_a_batch_can_be_of_any_kind(together: bool) -> None:
    data = walks()

    def draw(size: int, generator: torch.Generator) -> Words:
        rows = torch.randint(len(data.observations), (size,), generator=generator)
        return Words(data.observations[rows], (data.actions[rows, 0] > 0).long(), data.actions[rows])

    agent = Listener(policy_hidden_dims=(16,))
    config = dataclasses.replace(CONFIG, learning_rate=1e-2)
    result = train(agent, data, config, 2, draw=draw, together=together, progress=False)
    told = torch.eye(2)
    answers = result.policies[0](torch.zeros(2, 2), told)[:, 0]
    assert answers[1] > 0 > answers[0], "it does what the word says"


def test_some_seeds_of_a_result() -> None:
    result = train(AGENT, walks(), CONFIG, [3, 4, 5], progress=False)
    some = result.only([5, 3])
    assert some.seeds == [5, 3]
    assert some.networks[0] is result.networks[2]
    assert sorted(some.metrics["seed"].unique()) == [3, 5]
    with pytest.raises(ValueError, match="there is no seed 7"):
        result.only([7])


def test_a_sampler_is_a_class() -> None:
    sampler = HindsightSampler(walks(), AGENT.goals, AGENT.discount, AGENT.subgoal_steps)
    with pytest.raises(TypeError, match="the class itself"):
        train(AGENT, walks(), CONFIG, 1, progress=False, sampler=sampler)  # type: ignore[arg-type]
