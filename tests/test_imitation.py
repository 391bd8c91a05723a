"""Demonstrations of packing, and what small nets learn from them, alone and as two levels."""

import pytest
import torch

from saw_edu.envs import TinyPacking
from saw_edu.envs.packing import expert, language, rules
from saw_edu.hierarchy import Cloning, EveryN, OnEvent, TwoLevels, WhenDone, WhenDoneOrTimeout, demonstrate, imitation
from saw_edu.rollouts import evaluate

WORLD = TinyPacking()
WORDS = language.bag_of_words()
QUICK = Cloning(hidden_dims=(64,), steps=300)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def demonstrations(episodes_of_each: int = 20, seed: int = 0, world: TinyPacking = WORLD):
    g = generator(seed)
    starts, goals, _ = world.task_states(episodes_of_each, g)
    return demonstrate(world, starts, goals, g)


def test_demonstrations_are_the_experts_episodes() -> None:
    data = demonstrations()
    assert data.num_episodes == 60
    inside = data.episode_of_row[1:] == data.episode_of_row[:-1]
    assert torch.equal(data.next_observations[:-1][inside], data.observations[1:][inside])
    assert torch.equal(data.observations, WORLD.observe(data.states))
    assert torch.equal(data.actions, expert.policy(data.observations, data.goals))
    assert torch.equal(data.subgoals, expert.high(data.observations, data.goals))
    assert (language.fine_phrases(data.actions) >= len(language.COARSE)).all()
    starts = torch.cat([torch.zeros(1, dtype=torch.long), data.episode_ends[:-1]])
    assert set(data.subgoals[starts].tolist()) == {language.GET_KEY}
    assert data.last_of_segment[data.episode_ends - 1].all()
    assert (data.subgoals[data.episode_ends - 1] >= language.PACK).all()
    assert data.trajectories.num_episodes == 60
    assert data.trajectories.spec(7).discrete


def test_segments_end_where_the_subgoal_is_done_or_something_fell() -> None:
    data = demonstrations(60)
    done = expert.accomplished(data.next_observations, data.subgoals)
    assert (data.last_of_segment | ~done).all(), "a demonstrator moves on when done"
    fell = data.last_of_segment & ~done
    assert 0 < int(fell.sum()) < int(done.sum())
    held = slice(rules.PLACES_END, rules.FLAGS_END)
    empty = data.next_observations[:, held].view(-1, 4, 4)[:, :, 0].sum(1) == 0
    assert empty[fell].all()
    certain = demonstrations(5, world=TinyPacking(slip=0.0))
    assert torch.equal(certain.last_of_segment, expert.accomplished(certain.next_observations, certain.subgoals))


def test_demonstrations_are_cut_and_joined_at_episodes() -> None:
    data = demonstrations(3)
    few = data.first(4)
    assert few.num_episodes == 4
    assert len(few) == int(data.episode_ends[3])
    both = few.and_also(data)
    assert both.num_episodes == 13
    assert torch.equal(both.actions[len(few) :], data.actions)
    assert int(both.episode_of_row[len(few)]) == 4
    with pytest.raises(ValueError, match="there are 9 demonstrations, asked for 10"):
        data.first(10)
    starts = WORLD.sample_states(2, generator())
    with pytest.raises(ValueError, match="none of 2 episodes reached"):
        demonstrate(TinyPacking(max_steps=3), starts, WORLD.sample_goals(2, 1, generator()), generator())


def test_the_same_seed_gives_the_same_nets() -> None:
    data = demonstrations(5)
    nets = [imitation.clone_low(data, WORDS, 7, QUICK, generator(3)).net for _ in range(2)]
    assert all(torch.equal(a, b) for a, b in zip(*(net.parameters() for net in nets), strict=True))
    assert demonstrations(5).actions.tolist() == data.actions.tolist()


def test_answers_are_drawn_at_a_temperature() -> None:
    data = demonstrations(5)
    low = imitation.clone_low(data, WORDS, 7, QUICK, generator())
    seen, told = data.observations[:1].expand(4000, -1), data.subgoals[:1].expand(4000)
    drawn = low.drawing(generator(1))(seen, told)
    share = torch.bincount(drawn, minlength=7) / 4000
    assert torch.allclose(share, low.logits(seen[:1], told[:1]).softmax(-1)[0], atol=0.03)
    greedy = low.drawing(None, temperature=0.0)(seen, told)
    assert (greedy == share.argmax()).all()
    with pytest.raises(ValueError, match="give a generator"):
        low(seen, told)


def test_both_levels_learn_and_words_matter_to_the_low_one() -> None:
    data, fresh = demonstrations(60), demonstrations(10, seed=9)
    config = Cloning(hidden_dims=(64, 64), steps=600)
    low = imitation.clone_low(data, WORDS, 7, config, generator()).drawing(None, 0.0)
    high = imitation.clone_high(data, 8, config, generator()).drawing(None, 0.0)
    flat = imitation.clone_flat(data, 7, config, generator()).drawing(None, 0.0)
    assert (low(fresh.observations, fresh.subgoals) == fresh.actions).double().mean() > 0.85
    assert (high(fresh.observations, fresh.goals) == fresh.subgoals).double().mean() > 0.9
    assert (flat(fresh.observations, fresh.goals) == fresh.actions).double().mean() > 0.5
    other = torch.full_like(fresh.subgoals, language.PHRASES.index("pack the cup"))
    assert (low(fresh.observations, other) != low(fresh.observations, fresh.subgoals)).any()


def test_detectors_of_two_kinds() -> None:
    data, fresh = demonstrations(60), demonstrations(20, seed=9)
    config = Cloning(hidden_dims=(64, 64), steps=600)
    done = imitation.clone_detector(data, WORDS, config, generator(), expert.accomplished)
    moves_on = imitation.clone_detector(data, WORDS, config, generator())
    truth = expert.accomplished(fresh.next_observations, fresh.subgoals)
    fell = fresh.last_of_segment & ~truth
    assert (done(fresh.next_observations, fresh.subgoals) == truth).double().mean() > 0.9
    assert (moves_on(fresh.next_observations, fresh.subgoals) == fresh.last_of_segment).double().mean() > 0.9
    assert moves_on(fresh.next_observations, fresh.subgoals)[fell].double().mean() > 0.6
    assert done(fresh.next_observations, fresh.subgoals)[fell].double().mean() < 0.4
    with pytest.raises(ValueError, match="either answer"):
        imitation.clone_detector(data, WORDS, QUICK, generator(), lambda o, g: torch.zeros(len(o), dtype=torch.bool))


def test_literal_levels_show_both_errors() -> None:
    """Nothing learned: the plan and the literal low level, by every rule, where things slip."""
    g = generator(4)
    starts, goals = WORLD.sample_states(150, g), WORLD.sample_goals(150, 2, g)

    def success(switch, max_steps: int = 160) -> tuple[float, float]:
        policy = TwoLevels(expert.high, expert.low, switch)
        run = evaluate(
            [policy], WORLD, starts, goals, generator=generator(5), keep_trace=True, progress=False, max_steps=max_steps
        )
        return run.success, float(run.memories[0].high_calls[:, -1].double().mean())

    fallen = OnEvent(lambda observations: ~expert.read(observations).held.any(1))
    finished = WhenDone(expert.accomplished)

    every_step, done = success(EveryN(1)), success(WhenDone(expert.accomplished))
    assert every_step[0] > 0.97
    assert done[0] < 0.6, "whoever waits for the end of what cannot end waits for ever"
    assert success(WhenDone(expert.accomplished), 480)[0] == pytest.approx(done[0], abs=0.02), "more time does not help"
    assert success(EveryN(24))[0] < 0.8 < success(EveryN(24), 480)[0], "but whoever is late arrives later"
    assert success(WhenDoneOrTimeout(expert.accomplished, 16))[0] > 0.9
    assert success(lambda *now: finished(*now) | fallen(*now))[0] > 0.97, "done, or the hands are empty"
