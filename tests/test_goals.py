"""Encoders of goals have one capacity, and each sees what it must."""

import itertools

import pytest
import torch

from saw_edu.data import Vocabulary
from saw_edu.nn.goals import ImageGoals, StateGoals, WordGoals, goal_encoder, parameter_count

KINDS = {
    "words": WordGoals(22, 9),
    "many words": WordGoals(200, 20),
    "state": StateGoals(40),
    "long state": StateGoals(300),
    "small image": ImageGoals(7, 9, 3),
    "image": ImageGoals(64, 64, 3),
}


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def some(kind, batch=5):
    if isinstance(kind, WordGoals):
        return torch.randint(1, kind.vocabulary, (batch, kind.length), generator=generator(1))
    if isinstance(kind, StateGoals):
        return torch.randn(batch, kind.size, generator=generator(1))
    shape = (batch, kind.height, kind.width, kind.channels)
    return torch.randint(0, 256, shape, dtype=torch.uint8, generator=generator(1))


@pytest.mark.parametrize("parameters", [20_000, 60_000])
@pytest.mark.parametrize("features", [16, 64])
def test_all_kinds_have_the_same_number_of_parameters_within_five_percent(parameters, features):
    counts = [parameter_count(goal_encoder(kind, features, parameters, generator())) for kind in KINDS.values()]
    for count in counts:
        assert abs(count - parameters) <= 0.05 * parameters
    for a, b in itertools.combinations(counts, 2):
        assert abs(a - b) <= 0.05 * parameters


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_features_come_out_and_gradients_go_in(kind):
    encoder = goal_encoder(kind, 24, 30_000, generator())
    found = encoder(some(kind))
    assert found.shape == (5, 24)
    assert found.dtype == torch.float32
    found.square().sum().backward()
    assert all(p.grad is not None and bool(p.grad.any()) for p in encoder.parameters() if p.numel() > 400)


def test_the_same_generator_gives_the_same_weights_whatever_was_tried_for_a_width():
    a, b = (goal_encoder(KINDS["words"], 16, 20_000, generator(3)) for _ in range(2))
    assert all(torch.equal(p, q) for p, q in zip(a.parameters(), b.parameters(), strict=True))
    other = goal_encoder(KINDS["words"], 16, 20_000, generator(4))
    assert not torch.equal(next(a.parameters()), next(other.parameters()))


def test_the_order_of_words_counts_and_padding_does_not():
    words = Vocabulary.of(["put the ball next to the box", "put the box next to the ball"])
    encoder = goal_encoder(WordGoals(words.size, words.length), 16, 20_000, generator())
    one, other = encoder(words.encode(["put the ball next to the box", "put the box next to the ball"]))
    assert (one - other).abs().max() > 1e-3
    short = words.encode(["the box"])
    torch.testing.assert_close(encoder(short), encoder(short[:, :2]))
    assert encoder(torch.zeros(1, words.length, dtype=torch.long)).isfinite().all()


def test_too_few_parameters_are_refused_in_words():
    with pytest.raises(ValueError, match="Ask for more"):
        goal_encoder(ImageGoals(64, 64, 3), 64, 500, generator())
    with pytest.raises(ValueError, match="WordGoals, StateGoals or ImageGoals"):
        goal_encoder("words", 64, 500, generator())
