"""Visible checks of chapter 12, "Language subgoals"."""

from __future__ import annotations

import torch
from torch import Tensor

from saw_edu.checks import Case, Check, Mistake


def _bools(*rows: str) -> Tensor:
    return torch.tensor([[mark == "1" for mark in row] for row in rows])


# --- Exercise 1: what a push made true ---

BEFORE, AFTER = _bools("0011", "0000", "1101"), _bools("0101", "1010", "1001")


def _new(before: Tensor, after: Tensor) -> Tensor:
    return after & ~before


relabel_language = Check(
    "relabel_language",
    [
        Case("one comes true, one stays, one ends", BEFORE[:1], AFTER[:1], expect=_bools("0100")),
        Case("nothing was true before", BEFORE[1:2], AFTER[1:2], expect=_bools("1010")),
        Case("three pushes", BEFORE, AFTER, expect=_new(BEFORE, AFTER)),
    ],
    reference=_new,
    mistakes=[
        Mistake(
            "true already",
            "You take all that is true after the push, also what was true before it. The push did nothing for that.",
            wrong=lambda b, a: a,
        ),
        Mistake(
            "any change",
            "You take what changed, in either direction. A statement that the push made false was not fulfilled by it.",
            wrong=lambda b, a: a ^ b,
        ),
        Mistake(
            "before and after exchanged",
            "These are the statements that the push made *false*: before and after are exchanged.",
            wrong=lambda b, a: b & ~a,
        ),
        Mistake(
            "false before",
            "You take what was false before, whether or not it came true.",
            wrong=lambda b, a: ~b,
        ),
        Mistake(
            "still true",
            "You take what was true before *and* after. New is what was false before.",
            wrong=lambda b, a: a & b,
        ),
    ],
)

# --- Exercise 2: the return of what comes true later ---

PATH = _bools("010100", "010011", "110000", "110110", "000110")  # some come true twice, or end and stay false


def _returns(truths: Tensor, discount: float) -> Tensor:
    before, after = truths[:-1], truths[1:]
    returns = torch.zeros(before.shape, dtype=torch.float64)
    ahead = torch.zeros(before.shape[1], dtype=torch.float64)
    for t in reversed(range(len(before))):
        ahead = torch.where(after[t] & ~before[t], 1.0, discount * ahead)
        returns[t] = torch.where(before[t], 0.0, ahead)
    return returns


def _undecided(truths: Tensor, discount: float) -> Tensor:
    """Without the rule that a statement which is true now is not to be asked for."""
    before, after = truths[:-1], truths[1:]
    returns = torch.zeros(before.shape, dtype=torch.float64)
    ahead = torch.zeros(before.shape[1], dtype=torch.float64)
    for t in reversed(range(len(before))):
        ahead = torch.where(after[t] & ~before[t], 1.0, discount * ahead)
        returns[t] = ahead
    return returns


def _gathered(truths: Tensor, discount: float, add: bool) -> Tensor:
    """With every time at which a statement comes true: their sum, or the last of them."""
    before, new = truths[:-1], _new(truths[:-1], truths[1:])
    returns = torch.zeros(before.shape, dtype=torch.float64)
    for t in range(len(before)):
        for later in range(t, len(before)):
            worth = torch.full(new[0].shape, discount ** (later - t), dtype=torch.float64)
            returns[t] = torch.where(new[later], worth + (returns[t] if add else 0), returns[t])
    return torch.where(before, 0.0, returns)


def _forwards(truths: Tensor, discount: float) -> Tensor:
    """From the first push to the last: what comes true counts for the pushes behind it."""
    before, new = truths[:-1], _new(truths[:-1], truths[1:])
    returns = torch.zeros(before.shape, dtype=torch.float64)
    ahead = torch.zeros(before.shape[1], dtype=torch.float64)
    for t in range(len(before)):
        ahead = torch.where(new[t], 1.0, discount * ahead)
        returns[t] = torch.where(before[t], 0.0, ahead)
    return returns


hindsight_returns = Check(
    "hindsight_returns",
    [
        Case("one push", PATH[1:3], 0.5, expect=_returns(PATH[1:3], 0.5)),
        Case("four pushes", PATH, 0.5, expect=_returns(PATH, 0.5)),
        Case("another discount", PATH, 0.9, expect=_returns(PATH, 0.9)),
    ],
    reference=_returns,
    mistakes=[
        Mistake(
            "true already",
            "A statement that is true now gets a return from a later time at which it comes true *again*. It is not "
            "to be asked for now: 0.",
            wrong=_undecided,
        ),
        Mistake(
            "a step late",
            "Your returns are discounted once too often: a push that makes the statement true is worth 1.",
            wrong=lambda x, y: y * _returns(x, y),
        ),
        Mistake(
            "not discounted",
            "What comes true later counts in full. It counts discount^dt, dt being the pushes between.",
            wrong=lambda x, y: _returns(x, 1.0),
        ),
        Mistake(
            "all times",
            "A statement that comes true twice counts twice. Only the *next* time counts: there the try ends.",
            wrong=lambda x, y: _gathered(x, y, True),
        ),
        Mistake(
            "last time",
            "Where a statement comes true twice you count the *last* time. The next one counts: there the try ends.",
            wrong=lambda x, y: _gathered(x, y, False),
        ),
        Mistake(
            "forwards",
            "A push gets its share of what came true *before* it. Go through the pushes from the last to the first.",
            wrong=_forwards,
        ),
        Mistake(
            "only at once",
            "Right for the push that makes a statement true. The pushes before it have a share in it, too.",
            wrong=lambda x, y: _new(x[:-1], x[1:]).double(),
        ),
    ],
)

# --- Exercise 3: the target, and where nothing follows ---

REWARDS = torch.tensor([1.0, 0.0, 0.25, 0.5], dtype=torch.float64)  # the last one does not end
ENDS = torch.tensor([True, False, True, False])
VALUES = torch.tensor([[0.5, 0.75], [0.5, 0.125], [1.0, 0.0], [0.25, 0.75]], dtype=torch.float64)


def _target(rewards: Tensor, ends: Tensor, values: Tensor, discount: float) -> Tensor:
    return rewards + discount * (~ends) * values.max(-1).values


instruction_target = Check(
    "instruction_target",
    [
        Case("nothing ends", REWARDS[1:2], ENDS[1:2], VALUES[1:2], 0.9),
        Case("two rows end", REWARDS, ENDS, VALUES, 0.9),
        Case("another discount", REWARDS, ENDS, VALUES, 0.5),
    ],
    reference=_target,
    mistakes=[
        Mistake(
            "no mask",
            "You look beyond the end. There the statement is true and nothing follows: this bug trains in silence.",
            wrong=lambda r, e, v, y: _target(r, torch.zeros_like(e), v, y),
        ),
        Mistake(
            "mask inverted",
            "You look ahead where the row ends, and not where it goes on.",
            wrong=lambda r, e, v, y: _target(r, ~e, v, y),
        ),
        Mistake(
            "end without its reward",
            "Where the row ends you give 0. Its reward was earned; only what would follow is gone.",
            wrong=lambda r, e, v, y: (~e) * _target(r, e, v, y),
        ),
        Mistake(
            "reward or value",
            "Where the row goes on you leave its reward out. The target is the reward *and* what follows.",
            wrong=lambda r, e, v, y: torch.where(e, r, _target(0 * r, e, v, y)),
        ),
        Mistake(
            "reward discounted",
            "You discount the reward as well. It comes at once: only what follows counts γ times.",
            wrong=lambda r, e, v, y: y * _target(r, e, v, 1.0),
        ),
        Mistake(
            "mean of pushes",
            "What follows is worth what the *best* push is worth, not their mean.",
            wrong=lambda r, e, v, y: _target(r, e, v.mean(-1, keepdim=True), y),
        ),
        Mistake(
            "no discount",
            "What follows counts γ times.",
            wrong=lambda r, e, v, y: _target(r, e, v, 1.0),
        ),
    ],
)
