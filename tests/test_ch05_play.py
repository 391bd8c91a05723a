"""Chapter 5's experiments: play, its tellings, probes, structure, grains."""

import pytest
import torch

from saw_edu.course.ch05 import levels, play, probe, structure
from saw_edu.envs.packing import rules
from saw_edu.envs.packing.language import COARSE


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def some():
    return play.record_play(60, 60, 0.1, generator())


def test_every_errand_of_play_came_about_and_took_at_most_what_its_rows_say(some):
    assert play.done(some.ends, some.phrases, some.cells).all()
    assert not play.done(some.first, some.phrases, some.cells).any()
    assert (torch.diff(some.segments) >= 0).all()
    assert some.segments.unique().tolist() == list(range(len(some.phrases)))
    assert set(some.phrases.tolist()) == set(range(len(play.PHRASES)))


def test_rows_of_an_errand_lead_from_its_start_to_its_end(some):
    world = play.make_world()
    last = torch.bincount(some.segments).cumsum(0) - 1
    begin = torch.cat([torch.zeros(1, dtype=torch.long), last[:-1] + 1])
    torch.testing.assert_close(some.states[begin], some.first)
    torch.testing.assert_close(world.step(some.states[last], some.actions[last]), some.ends)


def test_the_player_brings_about_every_errand_that_is_possible():
    states = play.starts(30, generator(3))
    able = play.possible(states)
    assert able.any((1, 2)).all()
    rows, phrases, cells = able.nonzero().T
    world, now = play.make_world(), states[rows]
    for _ in range(60):
        over = play.done(now, phrases, cells)
        now = torch.where(over[:, None], now, world.step(now, play.player(now, phrases, cells)))
    assert play.done(now, phrases, cells).all()


def test_an_errand_is_told_in_words_with_places_as_state_and_as_image(some):
    told = {how: play.tell(how, some.phrases[:5], some.cells[:5], some.ends[:5]) for how in play.WAYS_IN_ORDER}
    assert play.WORDS.decode(told["words"]) == [play.PHRASES[p] for p in some.phrases[:5].tolist()]
    assert play.WORDS_AND_PLACES.decode(told["words and places"])[0].endswith(play.PLACES[int(some.cells[0])])
    assert told["state"].shape == (5, rules.OBSERVATION_DIM)
    assert told["image"].shape == (5, 36, 44, 3)
    with pytest.raises(ValueError, match="words and places, state or image"):
        play.tell("smell", some.phrases, some.cells, some.ends)


def test_encoders_of_all_ways_have_the_same_size_and_the_player_passes_its_probes():
    settings = probe.Settings(episodes=100, probes=3)
    probes = probe.draw_probes(settings)
    assert probes.phrases.bincount().tolist() == [3] * len(play.PHRASES)
    came, path = probe.run_probes(None, probes, probes.phrases, generator())
    assert came.all()
    assert path.shape == (39, int(probes.patience.max()) + 1, 8)
    sizes = [
        sum(p.numel() for p in probe.LowLevel(how, settings, generator()).goals.parameters()) for how in probe.WAYS
    ]
    assert max(sizes) / min(sizes) < 1.05


def test_imitation_learns_and_the_frozen_encoder_stays(some):
    settings = probe.Settings(steps=30)
    goals = play.tell("state", some.phrases, some.cells, some.ends)
    fresh = probe.LowLevel("state", settings, generator(1))
    for frozen in (False, True):
        low = probe.imitate(some, goals, "state", 1, settings, progress=False, frozen=frozen)
        same = [torch.equal(a, b) for a, b in zip(low.goals.parameters(), fresh.goals.parameters(), strict=True)]
        assert all(same) == frozen


def test_choices_start_alike_and_their_distances_are_shares():
    found = structure.choices(0)
    assert found.actions.shape[0] == 60
    assert play.done(found.ends, found.phrases, found.cells).all()
    distances = structure.behaviour_distances(found.actions)
    torch.testing.assert_close(distances, distances.T)
    assert distances.diagonal().eq(0).all()
    assert distances.min() >= 0
    assert distances.max() <= 1
    line = torch.arange(5.0)[:, None]
    assert structure.rank_correlation(line, (line - line.T).abs() ** 3) == pytest.approx(1)


def test_labels_go_from_coarse_to_fine_and_follow_from_one_another():
    data = levels.demonstrations(30, seed=0)
    labels = {grain: levels.labels_at(grain, data) for grain in levels.GRAINS}
    assert all(int(x.min()) >= 0 and int(x.max()) < levels.LABELS for x in labels.values())
    for coarse, fine in (("errand", "phrase"), ("phrase", "leg"), ("random groups", "leg")):
        pairs = torch.stack([labels[coarse], labels[fine]]).unique(dim=1)
        assert pairs.shape[1] == len(labels[fine].unique()), f"a {fine} belongs to one {coarse}"
    assert labels["random groups"].max() < len(COARSE)
    assert len(labels["mission"].unique()) == len({tuple(goal) for goal in data.goals.tolist()})
    assert levels.missions_of(data.goals).max() < 15
    with pytest.raises(ValueError, match="grains are"):
        levels.labels_at("word", data)
