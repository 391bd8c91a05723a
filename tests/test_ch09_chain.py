"""Chapter 9's live slice: what the two losses teach, and that silence costs less."""

import torch

from saw_edu.course.ch09 import chain, checks, packing
from saw_edu.hierarchy import Cloning


def test_a_loss_that_gives_the_thought_away_teaches_to_repeat_it() -> None:
    data = packing.demonstrations(30, seed=0)
    own, new = {}, packing.demonstrations(10, seed=9)
    for name, loss in (("leaks", chain.leaking_loss), ("honest", checks._loss)):
        mind, losses = chain.train(loss, data, seed=0, steps=150, words=name)
        assert losses[-1] < losses[0] / 2
        shown = mind.nets[0](torch.cat([new.observations, new.goals, mind.words((new.subgoals + 1) % chain.LABELS)], 1))
        repeats = shown[:, : chain.LABELS].argmax(1) == (new.subgoals + 1) % chain.LABELS
        own[name] = float(repeats.double().mean())
    assert own["leaks"] > 0.3 > 0.1 > own["honest"], "shown another thought, only one of them repeats it"


def test_a_thought_is_a_pass_more() -> None:
    data = packing.demonstrations(2, seed=0)
    mind = packing.learn("chain, dropout", data, 0, Cloning(steps=1))
    calls = []
    hook = mind.nets[0].register_forward_hook(lambda *_: calls.append(1))
    assert chain.milliseconds(mind, data, seconds=0.0) > 0
    thinking, _ = len(calls), calls.clear()
    chain.milliseconds(mind, data, silent=True, seconds=0.0)
    hook.remove()
    assert (thinking, len(calls)) == (2, 1)
