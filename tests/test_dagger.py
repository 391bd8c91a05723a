"""Watching a hierarchy and learning from what was said: known answers, with TinyPacking's expert as every level."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from saw_edu.course.ch07 import packing
from saw_edu.envs.packing import TinyPacking, expert
from saw_edu.envs.packing.language import COARSE, PHRASES, fine_phrases
from saw_edu.hierarchy import Cloning
from saw_edu.hierarchy.dagger import Person, approved, fine_tune, fingerprint, row_weights, should_speak, watch
from saw_edu.hierarchy.imitation import Classifier
from saw_edu.nn import MLP

SURE = TinyPacking(slip=0.0, pick_fails=0.0)


def _never_right(seen: Tensor, missions: Tensor) -> Tensor:
    return fine_phrases(torch.full((len(seen),), 6))  # "turn the key", where there is nothing to turn


def _watch(high: Callable[[Tensor, Tensor], Tensor], person: Person | None, episodes: int = 20):
    generator = torch.Generator().manual_seed(0)
    starts, goals = SURE.sample_states(episodes, generator), SURE.sample_goals(episodes, 2, generator)
    return watch(SURE, high, expert.obey, starts, goals, packing.lasts, generator, person)


def test_nobody_corrects_the_expert() -> None:
    log = _watch(expert.high, packing.person(patience=4))
    assert log.success.all()
    alone = _watch(expert.high, None)
    assert torch.equal(log.running.sum(0) <= alone.running.sum(0), torch.ones(20, dtype=torch.bool))
    assert alone.utterances == 0


def test_a_person_brings_a_useless_high_level_home() -> None:
    assert not _watch(_never_right, None).success.any()
    log = _watch(_never_right, packing.person(patience=1))
    assert log.success.all()
    assert log.utterances > 100
    assert log.by_person[log.spoken].all()


def test_a_correction_lasts_as_long_as_its_word() -> None:
    log = _watch(_never_right, packing.person(patience=1))
    coarse = log.spoken & (log.words < len(COARSE))
    t, b = coarse[:-4].nonzero(as_tuple=True)
    for later in range(packing.LASTS):
        assert log.by_person[t + later, b].all()
        assert torch.equal(log.words[t + later, b], log.words[t, b])
    assert not (log.spoken[t + 1, b] | log.spoken[t + 2, b] | log.spoken[t + 3, b]).any()


def test_when_to_speak() -> None:
    wrong, lasting = torch.tensor([0, 1, 2, 5, 5]), torch.tensor([0, 0, 0, 0, 3])
    assert should_speak(wrong, lasting, 2).tolist() == [False, False, True, True, False]


def test_what_a_correction_followed_is_not_approved() -> None:
    words = torch.tensor([[1, 1, 2, 2, 7, 7, 2, 3], [4, 4, 4, 4, 5, 5, 5, 5]]).T
    person = torch.tensor([[0, 0, 0, 0, 1, 1, 0, 0], [0, 0, 0, 0, 0, 0, 0, 0]]).bool().T
    assert approved(words, person)[:, 0].tolist() == [True, True, False, False, True, True, True, True]
    assert approved(words, person)[:, 1].all()
    same_word = torch.full((4, 1), 3)
    spoke = torch.tensor([[False], [False], [True], [True]])
    assert approved(same_word, spoke)[:, 0].tolist() == [False, False, True, True], "a change of speaker ends a segment"


def test_weights_give_a_share_however_few_there_are() -> None:
    few = torch.tensor([True, False, False, False, False])
    weights = row_weights(few, 0.1)
    assert float(weights.sum()) == pytest.approx(1.0)
    assert float(weights[0]) == pytest.approx(0.1)
    assert weights[1:].tolist() == pytest.approx([0.225] * 4)
    with pytest.raises(ValueError, match="cannot be"):
        row_weights(torch.zeros(4, dtype=torch.bool), 0.1)
    with pytest.raises(ValueError, match="between 0 and 1"):
        row_weights(few, 1.5)


def test_fine_tuning_learns_and_leaves_the_given_net_alone() -> None:
    generator = torch.Generator().manual_seed(0)
    level = Classifier(MLP(6, [32, len(PHRASES)], generator))
    before = fingerprint(level.net)
    seen, missions = torch.randn(200, 3, generator=generator), torch.randn(200, 3, generator=generator)
    words = (seen[:, 0] > 0).long()
    tuned = fine_tune(level, seen, missions, words, torch.ones(200), Cloning(steps=150, batch_size=64), generator)
    assert fingerprint(level.net) == before != fingerprint(tuned.net)
    right = (tuned.drawing(None, 0)(seen, missions) == words).double().mean()
    assert float(right) > 0.85


def test_fingerprints_see_every_bit_and_nothing_else() -> None:
    one, other = (MLP(4, [8, 2], torch.Generator().manual_seed(0)) for _ in range(2))
    assert fingerprint(one) == fingerprint(other.requires_grad_(False))
    with torch.no_grad():
        other.dense[1].bias[1] += 1e-7
    assert fingerprint(one) != fingerprint(other)
    swapped = MLP(4, [8, 2], torch.Generator().manual_seed(0))
    with torch.no_grad():
        swapped.dense[0].kernel.copy_(swapped.dense[0].kernel.flip(1))
    assert fingerprint(one) != fingerprint(swapped), "the same numbers in other places"
