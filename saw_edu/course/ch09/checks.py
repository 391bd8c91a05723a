"""Visible checks of chapter 9, "Flat, hierarchy or chain of thought?"."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from saw_edu.checks import Case, Check, Mistake
from saw_edu.course.ch09.chain import leaking_loss as _leaking_loss

# --- Exercise 1: equal size ---


def _size(shapes: Sequence[tuple[int, int]], width: int, biases: bool = True, hidden: int = 2) -> int:
    b = int(biases)
    return sum((i + b) * width + (hidden - 1) * (width + b) * width + (width + b) * o for i, o in shapes)


def _match(shapes: Sequence[tuple[int, int]], budget: int, **how: Any) -> int:
    width = 1
    while _size(shapes, width + 1, **how) <= budget:
        width += 1
    return width


_ONE, _TWO = [(150, 7)], [(150, 8), (95, 7)]
match_width = Check(
    "match_width",
    [
        Case("one small net", [(2, 3)], 21, expect=2),
        Case("one net", _ONE, 29_000, expect=_match(_ONE, 29_000)),
        Case("two nets share the budget", _TWO, 30_000, expect=_match(_TWO, 30_000)),
    ],
    mistakes=[
        Mistake(
            "no biases",
            "You count weights only. Every layer has a bias for each of its units.",
            wrong=lambda s, b: _match(s, b, biases=False),
        ),
        Mistake(
            "one hidden layer",
            "There are two hidden layers: between them lie width · width weights.",
            wrong=lambda s, b: _match(s, b, hidden=1),
        ),
        Mistake(
            "a budget for each net",
            "Each of your nets may use the whole budget. They share it.",
            wrong=lambda s, b: min(_match([one], b) for one in s),
        ),
        Mistake("one too wide", "That is above the budget already.", wrong=lambda s, b: _match(s, b) + 1),
    ],
)

# --- Exercise 2: think, then act ---

LABELS, WORDS, SEEN, ACTIONS = 4, 3, 5, 2
PHRASES = torch.tensor([[1.0, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 0]])


def toy_net(seed: int) -> Callable[[Tensor], Tensor]:
    """A net that is linear, and of which every input matters."""
    weights = torch.randn(2 * SEEN + WORDS, LABELS + ACTIONS, generator=torch.Generator().manual_seed(seed))
    return lambda inputs: inputs @ weights


def _inputs(seed: int, rows: int) -> tuple[Tensor, Tensor]:
    g = torch.Generator().manual_seed(seed)
    return torch.randn(rows, SEEN, generator=g), torch.randn(rows, SEEN, generator=g)


def _chain(net: Any, observations: Tensor, goals: Tensor, phrases: Tensor) -> tuple[Tensor, Tensor]:
    both = torch.cat([observations, goals], 1)
    none = torch.zeros(len(both), phrases.shape[1])
    thoughts = net(torch.cat([both, none], 1))[:, : len(phrases)].argmax(1)
    return thoughts, net(torch.cat([both, phrases[thoughts]], 1))[:, len(phrases) :].argmax(1)


def _asked_once(net: Any, observations: Tensor, goals: Tensor, phrases: Tensor) -> tuple[Tensor, Tensor]:
    out = net(torch.cat([observations, goals, torch.zeros(len(goals), phrases.shape[1])], 1))
    return out[:, : len(phrases)].argmax(1), out[:, len(phrases) :].argmax(1)


def _halves(net: Any, observations: Tensor, goals: Tensor, phrases: Tensor) -> tuple[Tensor, Tensor]:
    both, count = torch.cat([observations, goals], 1), len(phrases)
    out = net(torch.cat([both, torch.zeros(len(both), phrases.shape[1])], 1))
    thoughts = out[:, -count:].argmax(1)
    return thoughts, net(torch.cat([both, phrases[thoughts]], 1))[:, :-count].argmax(1)


def _one_answer(net: Any, observations: Tensor, goals: Tensor, phrases: Tensor) -> tuple[Tensor, Tensor]:
    thoughts, _ = _chain(net, observations, goals, phrases)
    out = net(torch.cat([observations, goals, phrases[thoughts]], 1))
    return thoughts, out.argmax(1)


def as_lists(answer: Any) -> dict[str, list[int]]:
    """Thoughts and actions as plain numbers."""
    thoughts, actions = answer
    return {"thoughts": torch.as_tensor(thoughts).tolist(), "actions": torch.as_tensor(actions).tolist()}


def asked(function: Any, seed: int, rows: int) -> dict[str, list[int]]:
    """What a function makes of a toy net."""
    return as_lists(function(toy_net(seed), *_inputs(seed + 10, rows), PHRASES))


think_then_act = Check(
    "think_then_act",
    [
        Case(name, run=lambda f, s=seed: asked(f, s, 12), expect=asked(_chain, seed, 12))
        for seed, name in ((0, "twelve places"), (1, "another net"))
    ],
    mistakes=[
        Mistake(
            "asked once",
            "The action does not follow the thought. Ask the net a second time, with the thought's words.",
            when=lambda answers: _same(answers, _asked_once),
        ),
        Mistake(
            "actions first",
            "The first outputs are thoughts, as many as there are phrases; actions come behind them.",
            when=lambda answers: _same(answers, _halves),
        ),
        Mistake(
            "all outputs",
            "Actions are numbered from 0 among the outputs *behind* the thoughts.",
            when=lambda answers: _same(answers, _one_answer),
        ),
        Mistake(
            "other thoughts",
            "The thoughts differ already. For the first question the places for words are zeros.",
            when=lambda answers: all(
                a is not None and a["thoughts"] != asked(_chain, seed, 12)["thoughts"]
                for seed, a in zip((0, 1), answers.values(), strict=True)
            ),
        ),
    ],
)


def _same(answers: dict[str, Any], wrong: Any) -> bool:
    return all(a == asked(wrong, seed, 12) for seed, a in zip((0, 1), answers.values(), strict=True))


# --- Exercise 3: a loss that gives nothing away ---


def _loss(net: Any, observations: Tensor, goals: Tensor, thoughts: Tensor, actions: Tensor, phrases: Tensor) -> Tensor:
    both, count = torch.cat([observations, goals], 1), len(phrases)
    none = torch.zeros(len(both), phrases.shape[1])
    thought_logits = net(torch.cat([both, none], 1))[:, :count]
    action_logits = net(torch.cat([both, phrases[thoughts]], 1))[:, count:]
    return F.cross_entropy(thought_logits, thoughts) + F.cross_entropy(action_logits, actions)


def _never_told(
    net: Any, observations: Tensor, goals: Tensor, thoughts: Tensor, actions: Tensor, phrases: Tensor
) -> Tensor:
    out = net(torch.cat([observations, goals, torch.zeros(len(goals), phrases.shape[1])], 1))
    return F.cross_entropy(out[:, : len(phrases)], thoughts) + F.cross_entropy(out[:, len(phrases) :], actions)


def _own_thoughts(
    net: Any, observations: Tensor, goals: Tensor, thoughts: Tensor, actions: Tensor, phrases: Tensor
) -> Tensor:
    both, count = torch.cat([observations, goals], 1), len(phrases)
    first = net(torch.cat([both, torch.zeros(len(both), phrases.shape[1])], 1))[:, :count]
    second = net(torch.cat([both, phrases[first.argmax(1)]], 1))[:, count:]
    return F.cross_entropy(first, thoughts) + F.cross_entropy(second, actions)


def _actions_only(
    net: Any, observations: Tensor, goals: Tensor, thoughts: Tensor, actions: Tensor, phrases: Tensor
) -> Tensor:
    out = net(torch.cat([observations, goals, phrases[thoughts]], 1))
    return F.cross_entropy(out[:, len(phrases) :], actions)


def _case(seed: int, rows: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    g = torch.Generator().manual_seed(seed)
    return (
        *_inputs(seed, rows),
        torch.randint(LABELS, (rows,), generator=g),
        torch.randint(ACTIONS, (rows,), generator=g),
    )


def valued(loss: Any, seed: int) -> float:
    """A loss of a toy net, as a number."""
    return float(loss(toy_net(seed), *_case(seed + 20, 9), PHRASES))


def _wrong(loss: Any) -> Callable[[dict[str, Any]], bool]:
    return lambda answers: all(
        a is not None and abs(a - valued(loss, seed)) < 1e-4 for seed, a in zip((2, 3), answers.values(), strict=True)
    )


chain_loss = Check(
    "chain_loss",
    [
        Case(name, run=lambda f, s=seed: valued(f, s), expect=valued(_loss, seed))
        for seed, name in ((2, "nine rows"), (3, "another net"))
    ],
    mistakes=[
        Mistake(
            "the thought gives itself away",
            "The question for the thought contains the thought. It will be learned at once, and be of no use.",
            when=_wrong(_leaking_loss),
        ),
        Mistake(
            "never told",
            "The actions are asked for without words. In training show the demonstrator's thought (teacher forcing).",
            when=_wrong(_never_told),
        ),
        Mistake(
            "its own thoughts",
            "Actions are asked for behind the net's *own* thought. The demonstrator did not act on that one.",
            when=_wrong(_own_thoughts),
        ),
        Mistake(
            "actions only", "The thoughts are not learned: their cross-entropy is missing.", when=_wrong(_actions_only)
        ),
        Mistake(
            "averaged",
            "Add both losses; do not average them.",
            when=lambda answers: all(
                a is not None and abs(2 * a - valued(_loss, seed)) < 1e-4
                for seed, a in zip((2, 3), answers.values(), strict=True)
            ),
        ),
    ],
)

# --- Exercise 4: reasoning dropout ---


def dropped(function: Any, probability: float, seed: int) -> dict[str, Any]:
    """What a mask does to 2,000 rows."""
    words = torch.full((2000, 3), 2.0)
    out = torch.as_tensor(function(words.clone(), probability, torch.Generator().manual_seed(seed)))
    again = torch.as_tensor(function(words.clone(), probability, torch.Generator().manual_seed(seed)))
    other = torch.as_tensor(function(words.clone(), probability, torch.Generator().manual_seed(seed + 1)))
    gone = (out == 0).all(1)
    return {
        "rows are dropped whole or not at all": bool(((out == 0).all(1) | (out != 0).all(1)).all()),
        "what stays is as it was": bool((out[~gone] == 2).all()) if bool((~gone).any()) else False,
        "share dropped, to a tenth": round(10 * float(gone.double().mean())) / 10,
        "drawn from the generator": bool(torch.equal(out, again)) and not bool(torch.equal(out, other)),
    }


def wanted(share: float) -> dict[str, Any]:
    """What is expected."""
    return {
        "rows are dropped whole or not at all": True,
        "what stays is as it was": True,
        "share dropped, to a tenth": share,
        "drawn from the generator": True,
    }


def _lacks(answers: dict[str, Any], name: str) -> bool:
    return all(a is not None and not a[name] for a in answers.values())


drop_thoughts = Check(
    "drop_thoughts",
    [
        Case("three in ten", run=lambda f: dropped(f, 0.3, 0), expect=wanted(0.3)),
        Case("six in ten", run=lambda f: dropped(f, 0.6, 1), expect=wanted(0.6)),
    ],
    mistakes=[
        Mistake(
            "single numbers",
            "You drop single numbers, as ordinary dropout does. Half a thought is another thought: drop rows.",
            when=lambda answers: _lacks(answers, "rows are dropped whole or not at all"),
        ),
        Mistake(
            "scaled up",
            "What stays is larger than it was. Ordinary dropout scales up; a thought must look as it does at run time.",
            when=lambda answers: _lacks(answers, "what stays is as it was"),
        ),
        Mistake(
            "kept for dropped",
            "`probability` is that of *dropping*.",
            when=lambda answers: [a and a["share dropped, to a tenth"] for a in answers.values()] == [0.7, 0.4],
        ),
        Mistake(
            "one lot for all",
            "All rows share one fate. Draw for each row.",
            when=lambda answers: all(
                a is not None and a["share dropped, to a tenth"] in (0.0, 1.0) for a in answers.values()
            ),
        ),
    ],
)
