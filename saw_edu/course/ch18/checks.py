"""Visible checks of chapter 18, "OGBench from states"."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from saw_edu.checks import Case, Check, Mistake

# --- Exercise 1: rows that begin a transition ---


def _rows(terminals: Tensor) -> Tensor:
    return (~terminals).nonzero().squeeze(1)


_T = torch.tensor([0, 0, 1, 0, 0, 0, 1, 0, 1], dtype=torch.bool)
transition_rows = Check(
    "transition_rows",
    [
        Case("three episodes", _T),
        Case("one episode", torch.tensor([0, 0, 0, 0, 1], dtype=torch.bool)),
    ],
    reference=_rows,
    mistakes=[
        Mistake(
            "across episodes",
            "A row at an episode's end is among them. The row behind it is of *another* episode.",
            wrong=lambda t: torch.arange(len(t) - 1),
        ),
        Mistake(
            "a mask",
            "You return a mask. Asked are the numbers of the rows: `nonzero()`.",
            when=lambda answers: all(
                a is not None and torch.as_tensor(a).dtype == torch.bool for a in answers.values()
            ),
        ),
        Mistake(
            "the ends",
            "These are the rows that must be left out.",
            wrong=lambda t: t.nonzero().squeeze(1),
        ),
        Mistake(
            "one row early",
            "You leave out the row *before* each end. Its action leads to the end, which is a good transition.",
            wrong=lambda t: (~torch.cat([t[1:], t[:1]])).nonzero().squeeze(1),
        ),
        Mistake(
            "one row late",
            "You leave out the row *behind* each end: the first of the next episode, which is a good one.",
            wrong=lambda t: (~torch.cat([t[-1:], t[:-1]])).nonzero().squeeze(1),
        ),
        Mistake(
            "a column",
            "Shape (M, 1): squeeze the last axis.",
            wrong=lambda t: (~t).nonzero(),
        ),
    ],
)

# --- Exercise 2: how far one step can be seen ---


def _farthest(discount: float, gap: float) -> int:
    return math.floor(math.log(gap) / math.log(discount) + 1e-9)


farthest = Check(
    "farthest",
    [
        Case("γ = .5, a gap of 1/4", 0.5, 0.25, expect=2),
        Case("γ = .99, a gap of .01", 0.99, 0.01, expect=_farthest(0.99, 0.01)),
        Case("γ = .995, a gap of .01", 0.995, 0.01, expect=_farthest(0.995, 0.01)),
    ],
    mistakes=[
        Mistake(
            "the horizon",
            "That is the effective horizon 1/(1 − γ). It does not know the gap.",
            wrong=lambda g, x: round(1 / (1 - g)),
        ),
        Mistake(
            "rounded up",
            "At that distance the gap is already below what is asked for. Round down.",
            wrong=lambda g, x: math.floor(math.log(x) / math.log(g) + 1e-9) + 1,
        ),
        Mistake(
            "upside down",
            "The logarithms are exchanged.",
            wrong=lambda g, x: math.floor(math.log(g) / math.log(x)),
        ),
        Mistake(
            "gap of values, not of steps",
            "That is where V comes within `gap` of its limit −1/(1 − γ). Asked is what *one step* changes.",
            wrong=lambda g, x: math.floor(math.log(x * (1 - g)) / math.log(g) + 1e-9),
        ),
        Mistake(
            "not whole",
            "A distance in steps is a whole number: round down, to an `int`.",
            wrong=lambda g, x: math.log(x) / math.log(g),
        ),
    ],
)

# --- Exercise 3: one number for an agent on a data set ---

_SUCCESS = torch.tensor([1, 1, 1, 0, 1, 1, 0, 0, 0, 1.0])
_TASKS = torch.tensor([1, 1, 1, 1, 1, 1, 2, 2, 3, 3])
_MORE = (torch.tensor([0, 1, 0, 0, 1, 1.0]), torch.tensor([4, 4, 4, 4, 2, 2]))


def _score(success: Tensor, tasks: Tensor) -> float:
    return float(torch.stack([success[tasks == task].double().mean() for task in tasks.unique()]).mean())


task_score = Check(
    "task_score",
    [
        Case("three tasks, unequal numbers of episodes", _SUCCESS, _TASKS, expect=_score(_SUCCESS, _TASKS)),
        Case("two tasks, whose numbers are not 1 and 2", *_MORE, expect=_score(*_MORE)),
    ],
    reference=_score,
    mistakes=[
        Mistake(
            "all episodes alike",
            "You average over all episodes. A task with more of them then counts for more.",
            wrong=lambda s, t: float(s.mean()),
        ),
        Mistake(
            "the best task",
            "That is the best task alone.",
            wrong=lambda s, t: float(max(s[t == k].mean() for k in t.unique())),
        ),
        Mistake(
            "tasks that nobody tried",
            "You divide by the largest task number. Count the tasks that were tried.",
            wrong=lambda s, t: float(sum(s[t == k].mean() for k in t.unique()) / t.max()),
        ),
        Mistake(
            "a score for each task",
            "One number for each task: average those.",
            wrong=lambda s, t: torch.stack([s[t == k].mean() for k in t.unique()]),
        ),
    ],
)

# --- Exercise 4: the middle half ---


def _iqm(scores: Tensor) -> float:
    cut = len(scores) // 4
    ordered = scores.double().sort().values
    return float(ordered[cut : len(scores) - cut].mean())


_SCORES = torch.tensor([0.9, 0.1, 0.2, 0.3, 0.85, 0.25, 1.0, 0.0])
_UNEVEN = torch.tensor([0.5, 0.1, 0.0, 0.9, 0.2, 1.0])
interquartile_mean = Check(
    "interquartile_mean",
    [
        Case("eight scores", _SCORES, expect=_iqm(_SCORES)),
        Case("six scores: one is cut at each end", _UNEVEN, expect=_iqm(_UNEVEN)),
    ],
    reference=_iqm,
    mistakes=[
        Mistake(
            "not sorted",
            "You cut the first and the last scores *as they came*. Sort them first.",
            wrong=lambda s: float(s[len(s) // 4 : len(s) - len(s) // 4].double().mean()),
        ),
        Mistake(
            "the mean",
            "That is the mean of all. Which of them are not in the middle half?",
            wrong=lambda s: float(s.double().mean()),
        ),
        Mistake(
            "the median",
            "That is the median. The middle *half* has more scores than one or two.",
            wrong=lambda s: float(s.double().quantile(0.5)),
        ),
        Mistake(
            "an eighth at each end",
            "You cut a quarter in all. A quarter falls away at *each* end.",
            wrong=lambda s: float(s.double().sort().values[len(s) // 8 : len(s) - len(s) // 8].mean()),
        ),
        Mistake(
            "only from below",
            "You cut the lowest scores only. The luckiest go as well.",
            wrong=lambda s: float(s.double().sort().values[len(s) // 4 :].mean()),
        ),
    ],
)
