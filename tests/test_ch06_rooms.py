"""Chapter 6's experiments: what is behind the wall, what obeys, mixtures, words within reach, probes."""

import pytest
import torch

from saw_edu.course.ch06 import latent, rooms
from saw_edu.course.ch06.rooms import Pair, Rows
from saw_edu.envs.packing import TinyPacking, expert, rules
from saw_edu.envs.packing.language import COARSE, PHRASES, fine_phrases


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def data():
    return rooms.demonstrations(0, 12)


@pytest.fixture(scope="module")
def demos(data):
    return Rows(data.observations, data.goals, data.subgoals, data.actions)


def test_a_wall_is_between_exactly_where_agent_and_place_are_in_different_rooms(data):
    column = data.states[:, rules.AGENT] % rules.WIDTH - rules.WALL_COLUMN
    for word, thing in ((2, 1), (3, 2), (4, 3)):
        place = data.states[:, rules.FIRST_THING + thing]
        other = (place % rules.WIDTH - rules.WALL_COLUMN).sign() * column.sign() < 0
        told = torch.full((len(data),), word)
        assert torch.equal(rooms.behind_wall(data.observations, told), other & (place < rules.CELLS))
    assert not rooms.behind_wall(data.observations, fine_phrases(data.actions)).any()


def test_the_literal_low_level_obeys_coarse_words_and_fine_ones(data):
    assert torch.equal(rooms.obey(data.observations, data.subgoals), data.actions)
    assert torch.equal(rooms.obey(data.observations, fine_phrases(data.actions)), data.actions)


def test_labels_of_one_room_leave_out_the_wall_and_hold_as_many_fine_words(data):
    rows, whole = rooms.labelled(data), rooms.labelled(data, within_a_room=False)
    assert not rooms.behind_wall(rows.observations, rows.words).any()
    assert rooms.behind_wall(whole.observations, whole.words).any()
    assert (rows.words < len(COARSE)).double().mean() == 0.5
    assert torch.equal(rooms.obey(rows.observations, rows.words), rows.actions)
    assert int(rooms.kinds(whole.observations, whole.words).max()) < rooms.KINDS


def test_mixtures_hold_their_share_and_only_rows_that_exist():
    rows = rooms.mixture_rows(30, 900, 0.25, 20_000, generator())
    assert (rows >= 30).double().mean() == pytest.approx(0.25, abs=0.02)
    assert rows.min() == 0
    assert rows.max() == 929
    assert rooms.mixture_rows(30, 0, 0.0, 50, generator()).max() < 30


def test_words_within_reach_are_coarse_for_a_sure_low_level_and_fine_for_a_lost_one(data):
    sure = torch.nn.functional.one_hot(data.actions, 7).float()
    assert torch.equal(rooms.words_within_reach(data.subgoals, data.actions, sure), data.subgoals)
    lost = torch.full((len(data), 7), 1 / 7)
    assert torch.equal(rooms.words_within_reach(data.subgoals, data.actions, lost), fine_phrases(data.actions))


def test_either_level_adapts_and_rows_stay_true_to_their_words(demos, data, monkeypatch):
    monkeypatch.setattr(rooms, "STEPS", 5)
    base = rooms.labelled(data)
    pair = Pair(rooms.train_high(demos, 0, steps=5), rooms.train_low(base, 0, steps=5))
    own, success = rooms.roll_out(pair, 0, episodes=3)
    assert torch.equal(rooms.obey(own.observations, own.words), own.actions)
    assert 0 <= success <= 1
    plan = rooms.planned(own)
    assert torch.equal(plan.words, expert.high(own.observations, own.missions))
    adapted = rooms.relabel_for(pair.low, own)
    assert torch.equal(adapted.actions, plan.actions)
    by_lot = rooms.relabel_by_lot(adapted, 0)
    assert ((by_lot.words >= len(COARSE)).sum()) == (adapted.words >= len(COARSE)).sum()
    assert int(adapted.words.max()) < len(PHRASES)


def test_a_probe_finds_what_is_there_and_nothing_in_noise():
    features, labels = torch.randn(600, 8, generator=generator()), torch.randint(0, 4, (600,), generator=generator(1))
    clear = features + 4 * torch.nn.functional.one_hot(labels, 8)
    assert latent.probe_accuracy(clear[:300], labels[:300], clear[300:], labels[300:]) > 0.9
    assert latent.probe_accuracy(features[:300], labels[:300], features[300:], labels[300:]) < 0.4


def test_the_flat_policy_has_as_many_parameters_as_both_nets_and_a_held_plan_still_packs(demos):
    net = latent.EndToEnd(generator())
    flat = latent.train_flat(demos, 0, steps=1)
    sizes = [sum(p.numel() for p in x.parameters()) for x in (net, flat.net)]
    assert max(sizes) / min(sizes) < 1.03
    assert latent.held(expert.high, expert.low, 2, 0, episodes=5) == 1
    assert TinyPacking().spec.discrete
    assert 0 <= latent.held(net.latents, latent.Drawn(net, generator()), 4, 0, episodes=2) <= 1
