"""Thoughts: equal sizes, what is shown to whom in training, and when a thought is had."""

import pytest
import torch

from saw_edu.course.ch09 import packing
from saw_edu.envs.packing import expert, language, rules
from saw_edu.hierarchy import Cloning, thoughts

WORDS = language.bag_of_words()[: len(language.COARSE)]
ACTIONS = len(rules.ACTIONS)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def mind(method: str, budget: int = 8_000) -> thoughts.Mind:
    return thoughts.new_mind(method, WORDS, rules.OBSERVATION_DIM, ACTIONS, budget, generator())


def test_widths_use_the_budget_and_no_more() -> None:
    assert thoughts.match_width([(2, 3)], 12) == 1  # 3 + 2 + 6 = 11; with a width of 2, 6 + 6 + 9 = 21
    assert thoughts.match_width([(2, 3)], 21) == 2
    assert thoughts.match_width([(2, 3), (2, 3)], 42) == 2
    with pytest.raises(ValueError, match="nets of width 1 have 11 parameters already"):
        thoughts.match_width([(2, 3)], 10)
    sizes = [mind(method, packing.BUDGET).parameters for method in thoughts.METHODS]
    assert max(sizes) <= packing.BUDGET
    assert min(sizes) > 0.98 * packing.BUDGET
    with pytest.raises(ValueError, match="methods are flat, auxiliary"):
        mind("falt")


def test_who_sees_what() -> None:
    g = generator(1)
    seen, told, others = (torch.rand(5, rules.OBSERVATION_DIM, generator=g) for _ in range(3))
    some, none = WORDS[[0, 1, 2, 3, 4]], torch.zeros(5, WORDS.shape[1])
    for method in thoughts.METHODS:
        one = mind(method)
        acts = one.action_logits(seen, told, some)
        assert acts.shape == (5, ACTIONS)
        assert torch.equal(acts, one.action_logits(seen, others, some)) == (method == "hierarchy")
        assert torch.equal(acts, one.action_logits(seen, told, none)) == (method in ("flat", "auxiliary"))
        if method != "flat":
            assert one.thought_logits(seen, told).shape == (5, len(WORDS))
    with pytest.raises(ValueError, match="learns no thoughts"):
        mind("flat").thought_logits(seen, told)
    assert torch.equal(one.words(torch.tensor([2, thoughts.NOTHING])), torch.stack([WORDS[2], none[0]]))


def test_the_thought_to_be_predicted_is_not_shown() -> None:
    data = packing.demonstrations(3, 0)
    rows = (data.observations[:40], data.goals[:40], data.subgoals[:40], data.actions[:40])
    chain = mind("chain")
    by_hand = torch.nn.functional.cross_entropy(
        chain.nets[0](torch.cat([rows[0], rows[1], torch.zeros(40, WORDS.shape[1])], 1))[:, : len(WORDS)], rows[2]
    ) + torch.nn.functional.cross_entropy(
        chain.nets[0](torch.cat([rows[0], rows[1], WORDS[rows[2]]], 1))[:, len(WORDS) :], rows[3]
    )
    assert torch.allclose(chain.loss(*rows, 0.5, generator()), by_hand)


def test_dropped_rows_are_dropped_whole() -> None:
    dropped = thoughts.drop_thoughts(torch.full((4_000, 3), 2.0), 0.3, generator())
    assert set(dropped.sum(1).tolist()) == {0.0, 6.0}
    assert abs(float((dropped.sum(1) == 0).double().mean()) - 0.3) < 0.03


def test_thoughts_are_held_and_may_come_from_elsewhere() -> None:
    seen = packing.demonstrations(3, 0)
    asked = []

    def source(observations: torch.Tensor, goals: torch.Tensor) -> torch.Tensor:
        asked.append(len(observations))
        return expert.high(observations, goals)

    policy = thoughts.Thinking(mind("hierarchy"), temperature=0.0, every=3, source=source)
    memory, held = policy.begin(2), []
    for step in range(7):
        rows = slice(step, step + 2)
        _, memory = policy.act(seen.observations[rows], seen.goals[rows], memory)
        held.append(memory.held)
    assert len(asked) == 3
    assert torch.equal(held[0], held[2])
    silent = policy.but(silent=True)
    _, memory = silent.act(seen.observations[:2], seen.goals[:2], silent.begin(2))
    assert memory.held.tolist() == [thoughts.NOTHING] * 2
    assert len(asked) == 3


@pytest.mark.parametrize("method", thoughts.METHODS)
def test_every_method_learns(method: str) -> None:
    data = packing.demonstrations(12, 0)
    learned = thoughts.learn(
        method, data, WORDS, ACTIONS, 8_000, Cloning(steps=600, batch_size=64), generator(), dropout=0.5
    )
    right = learned.action_logits(data.observations, data.goals, learned.words(data.subgoals)).argmax(1) == data.actions
    assert float(right.double().mean()) > 0.8
    assert not any(weight.requires_grad for net in learned.nets for weight in net.parameters())
