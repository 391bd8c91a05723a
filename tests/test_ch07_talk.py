"""Chapter 7: the person, the recorded results, and the conversation."""

from __future__ import annotations

import pandas as pd
import pytest
import torch

from saw_edu.course.ch07 import figures, packing
from saw_edu.course.ch07.record import METHODS, PATIENCE
from saw_edu.course.ch07.talk import Talk, TalkWidget
from saw_edu.envs.packing import TinyPacking, expert, rules
from saw_edu.envs.packing.language import COARSE, PHRASES, WORDS
from saw_edu.hierarchy.dagger import fingerprint
from saw_edu.hierarchy.imitation import Classifier
from saw_edu.nn import MLP
from saw_edu.place import asset


def _untrained() -> packing.Levels:
    generator = torch.Generator().manual_seed(0)
    both = 2 * rules.OBSERVATION_DIM
    high = Classifier(MLP(both, [16, len(PHRASES)], generator).requires_grad_(False))
    low = Classifier(MLP(rules.OBSERVATION_DIM + len(WORDS), [16, 7], generator).requires_grad_(False), packing.WORDS)
    return packing.Levels(high, low, Classifier(MLP(both, [16, 7], generator).requires_grad_(False)))


def test_the_person_approves_of_the_expert_and_names_the_plan() -> None:
    world, generator = TinyPacking(slip=0.0, pick_fails=0.0), torch.Generator().manual_seed(0)
    states, goals = world.sample_states(50, generator), world.sample_goals(50, 3, generator)
    person = packing.person()
    actions = world.oracle(states, goals)
    assert person.approves(states, goals, actions).all()
    assert not person.approves(states, goals, torch.full((50,), 5)).any(), "putting nothing down brings nobody nearer"
    plan = expert.high(world.observe(states), world.observe(goals))
    assert torch.equal(person.says(states, goals, (plan + 1) % len(COARSE)), plan)
    assert torch.equal(person.says(states, goals, plan), actions + len(COARSE)), "the plan's word did not help"


def test_recorded_results_are_whole() -> None:
    before, table = pd.read_csv(asset("ch07/before.csv")), pd.read_csv(asset("ch07/learning.csv"))
    assert len(before) == packing.SEEDS * (3 * 3 + 2 * len(PATIENCE))
    assert len(table) == packing.SEEDS * len(METHODS) * (packing.ROUNDS + 1)
    assert set(table["method"]) == set(METHODS)
    last = table[table["round"] == packing.ROUNDS].groupby("method")["success"].mean()
    found = figures.paired(table, [("DAgger, low", "DAgger, high")])["difference"].iloc[0]
    assert found == pytest.approx(last["DAgger, low"] - last["DAgger, high"], abs=0.006)


def test_a_conversation_obeys_and_learns_and_leaves_the_low_level_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packing, "TUNING", packing.Cloning(steps=3, batch_size=16))
    monkeypatch.setattr(packing, "DEMONSTRATIONS", 3)
    packing.demonstrations.cache_clear()
    talk = Talk(_untrained())
    with pytest.raises(ValueError, match="did you mean 'get the key'"):
        talk.say("get the kex")
    talk.say("  Get the KEY. ")
    assert PHRASES[talk.word] == "get the key"
    assert "you" in talk.caption()
    talk.step(packing.LASTS + 1)
    assert len(talk.told) == packing.LASTS, "a coarse word lasts for four steps, then the high level goes on"
    low, high = fingerprint(talk.levels.low.net), fingerprint(talk.levels.high.net)
    assert "the low level is unchanged" in talk.learn()
    assert fingerprint(talk.levels.low.net) == low
    assert fingerprint(talk.levels.high.net) != high
    packing.demonstrations.cache_clear()


def test_the_widget_answers_clicks() -> None:
    widget = TalkWidget(Talk(_untrained()))
    widget.show()
    start = widget.talk.state.clone()
    widget.text.value = "move left"
    widget.buttons["say it"].click()
    assert widget.talk.steps == 1
    assert "move left" in widget.caption.value
    widget.buttons["go on"].click()
    assert widget.talk.steps == 1 + packing.LASTS
    widget.text.value = "dance"
    widget.buttons["say it"].click()
    assert "does not know" in widget.caption.value
    widget.buttons["new errand"].click()
    assert widget.talk.steps == 0
    assert not torch.equal(widget.talk.state, start)
    assert "move left" not in widget.caption.value
    assert "Nothing was said" in Talk(_untrained()).learn()
