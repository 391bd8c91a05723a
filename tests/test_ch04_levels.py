"""Chapter 4's levels, clocks, experiments and replays."""

import pandas as pd
import pytest
import torch

from saw_edu.course.ch04 import experiments, figures, levels, line, replay
from saw_edu.course.ch04.checks import _colleagues
from saw_edu.envs import TinyPacking
from saw_edu.envs.packing import expert, language
from saw_edu.envs.packing.rules import HELD, IN_BAG, NOWHERE
from saw_edu.hierarchy import Cloning, EveryN, TwoLevels, WhenDoneOrTimeout
from saw_edu.rollouts import evaluate
from saw_edu.viz.animation import animate, captioned, to_gif


@pytest.mark.parametrize(("rule", "switch"), [("every", EveryN(5)), ("done or timeout", None)])
def test_the_chapters_levels_are_the_librarys(rule: str, switch) -> None:
    """The same actions and calls as `TwoLevels`, which asks the high level for some episodes only."""
    g = torch.Generator().manual_seed(0)
    world = TinyPacking()
    starts, goals = world.sample_states(30, g), world.sample_goals(30, 3, g)
    ours = experiments.literal(levels.should_switch, rule, 5)
    theirs = TwoLevels(expert.high, expert.low, switch or WhenDoneOrTimeout(expert.accomplished, 5))
    runs = [
        evaluate([p], world, starts, goals, generator=torch.Generator().manual_seed(1), keep_trace=True, progress=False)
        for p in (ours, theirs)
    ]
    assert torch.equal(runs[0].actions, runs[1].actions)
    assert torch.equal(runs[0].memories[0].calls, runs[1].memories[0].high_calls)
    assert torch.equal(runs[0].memories[0].age, runs[1].memories[0].age)


def test_two_kinds_of_error() -> None:
    cases = experiments.flawless(levels.should_switch)
    chosen = {name: cases[name] for name in ("every 4", "every 16", "done", "done or timeout")}
    mean = experiments.compare(chosen, episodes=30).groupby("case").mean()
    assert mean.loc["done", "success"] < 0.5
    assert mean.loc["done", "stuck"] == pytest.approx(1 - mean.loc["done", "success"])
    assert mean.loc["every 16", "stuck"] == 0
    assert mean.loc["every 16", "success"] < 0.8
    assert mean.loc["every 4", "success"] > 0.95
    assert mean.loc["done or timeout", "success"] > 0.85
    assert mean.loc["done or timeout", "calls"] < mean.loc["every 4", "calls"]


def test_shared_clocks_undo_the_timeout_in_large_batches_only() -> None:
    def success(update, size: int) -> float:
        policy = experiments.literal(levels.should_switch, "done or timeout", 16)
        mended = levels.replace(policy, update=experiments.in_batches(update, size))
        return float(experiments.measure(mended, episodes=10)["success"].mean())

    assert success(_colleagues, 1) == success(levels.update, 1) == success(levels.update, 50) > 0.85
    assert success(_colleagues, 50) < 0.5


def test_erring_and_false_alarms_do_so_at_their_share() -> None:
    world, g = TinyPacking(), torch.Generator().manual_seed(2)
    seen, told = world.observe(world.sample_states(4000, g)), world.observe(world.sample_goals(4000, 2, g))
    wrong = levels.Erring(expert.high, 0.3, g)(seen, told) != expert.high(seen, told)
    assert float(wrong.double().mean()) == pytest.approx(0.3, abs=0.03)
    get_key = torch.zeros(4000, dtype=torch.long)
    alarms = levels.FalseAlarms(expert.accomplished, 0.1, g)(seen, get_key)
    assert float(alarms.double().mean()) == pytest.approx(0.1, abs=0.02)


def test_nets_are_stored_and_loaded(tmp_path, monkeypatch) -> None:
    learned = levels.learn(levels.demonstrations(3, 6), 3, Cloning(hidden_dims=(16,), steps=20))
    torch.save({"seed-3": levels.state(learned)}, tmp_path / "levels.pt")
    monkeypatch.setattr(levels, "asset", lambda name: tmp_path / "levels.pt")
    again = levels.load(3)
    data = levels.demonstrations(4, 3)
    for old, new, told in (
        (learned.low, again.low, data.subgoals),
        (learned.high, again.high, data.goals),
        (learned.done.classifier, again.done.classifier, data.subgoals),
    ):
        assert torch.allclose(old.logits(data.observations, told), new.logits(data.observations, told), atol=0.02)


def test_recorded_levels_do_what_the_chapter_tells() -> None:
    learned = [levels.load(seed) for seed in levels.SEEDS]
    cases = experiments.rules_for(learned, levels.should_switch, levels.update, 14)
    chosen = {name: cases[name] for name in ("every 1", "every 16", "true done", "true done or timeout")}
    table = experiments.compare(chosen, episodes=30)
    mean = table.groupby("case").mean()
    assert set(table["seed"]) == set(levels.SEEDS)
    assert mean.loc["every 1", "success"] > mean.loc["every 16", "success"] + 0.2
    assert mean.loc["true done or timeout", "success"] > mean.loc["true done", "success"] + 0.2
    assert experiments.paired(table, "every 1", "every 16").startswith("every 1 - every 16: +0.")


def test_an_episode_in_the_form_of_the_loop_is_the_batched_one() -> None:
    for number in (8, 11):
        one = replay.Episode(slip=0.05, number=number)
        held, calls = line.rollout(
            one.observation, one.high, one.low, one.step, lambda observation, subgoal, age: age >= 4, 160
        )
        batched = replay.play(experiments.literal(levels.should_switch, "every", 4), 0.05, number)
        assert held == [language.COARSE[i] for i in batched.subgoals]
        assert calls == int(batched.asked.sum())
        assert batched.success


def test_the_first_picture_tells_what_the_text_tells() -> None:
    waits = replay.play(experiments.literal(levels.should_switch, "done"), 0.05, 8)
    asks = replay.play(experiments.literal(levels.should_switch, "every", 4), 0.05, 8)
    assert replay.falls(waits) == replay.falls(asks) == [25]
    assert language.COARSE[waits.subgoals[-1]] == "pack the box"
    assert not waits.success
    assert asks.success


def test_pictures_and_animation(capsys) -> None:
    episode = replay.play(experiments.literal(levels.should_switch, "every", 4), 0.05, 8)
    frames = replay.frames({"one": episode, "two": episode}, 0, 3)
    assert len(frames) == 4
    assert to_gif(frames, 5) == to_gif(frames, 5)
    assert to_gif(frames, 5)[:6] == b"GIF89a"
    assert captioned(frames[0], "a line").shape[0] > frames[0].shape[0]
    with pytest.raises(ValueError, match="alt text"):
        animate(frames, " ")
    with pytest.raises(ValueError, match="at least one frame"):
        to_gif([], 5)
    player = replay.Player({"literal": lambda rule, n: experiments.literal(levels.should_switch, rule, n)})
    assert player.nearest((500.0, 3.0)) == (160.0, 0.0)
    said = player.alt((30.0, 0.0), levels="literal", rule="done", n=8, slip=0.05, episode=8)
    assert "told pack the box" in said
    assert "fails after 4 calls" in said
    import matplotlib.pyplot as plt

    figure, ax = plt.subplots()
    player.draw(ax, (30.0, 0.0), levels="literal", rule="done", n=8, slip=0.05, episode=8)
    assert [axes.get_navigate() for axes in figure.axes] == [False, True]
    plt.close(figure)


def test_figures_take_tables_without_spread() -> None:
    rows = [
        {"case": case, "seed": seed, "success": 1.0, "stuck": 0.0, "calls": 8.0, "steps": 70.0}
        for case in ("every 1", "done", "done or timeout")
        for seed in range(5)
    ]
    table = pd.DataFrame(rows)
    figures.patience({"160": table, "480": table})
    figures.errors(pd.concat([table.assign(share=share) for share in (0.0, 0.2)]))
    figures.tradeoff({"a": table, "b": table})
    assert experiments.paired(table, "done", "every 1") == "done - every 1: +0.00 in every seed"


def test_what_the_low_level_cannot_do() -> None:
    world = TinyPacking()
    state = torch.tensor(
        [[3, 3, 0, 2, HELD, 5, 6, 7], [3, 3, 0, 2, 9, 5, 6, 7], [3, 3, 1, 2, NOWHERE, HELD, IN_BAG, 7]]
    )
    seen = world.observe(state)

    def told(*phrases: str) -> list[bool]:
        return expert.cannot(seen, torch.tensor([language.PHRASES.index(phrase) for phrase in phrases])).tolist()

    assert told("open the door", "open the door", "open the door") == [False, True, False]
    assert told("pack the ball", "get the key", "pack the ball") == [True, False, False]
    assert told("get the cup", "pack the cup", "pack the cup") == [False, True, True]
    assert told("pack the box", "pack the box", "pack the box") == [True, True, False]


def test_false_alarms_are_counted() -> None:
    policies = experiments.false_alarms(
        {name: [experiments.literal(levels.should_switch, "done")] for name in ("true done", "done")}, [0.1]
    )
    lost, other = experiments.alarm_shares(policies["true done, 10% false alarms"], 40)
    assert lost == pytest.approx(0.1, abs=0.03)
    assert other == pytest.approx(0.1, abs=0.03)
    assert experiments.alarm_shares([experiments.literal(levels.should_switch, "done")], 10) == (0.0, 0.0)
