"""Visible checks of chapter 6, "Supervising each level"."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from saw_edu.checks import Case, Check, Mistake
from saw_edu.course.ch06.rooms import mixture_rows as _mixture_rows
from saw_edu.course.ch06.rooms import words_within_reach as _within_reach
from saw_edu.envs.packing.language import fine_phrases

# --- Exercise 1: how far apart two distributions of goals lie ---


def _shares(goals: Tensor, number: int) -> Tensor:
    return torch.bincount(goals, minlength=number).double() / len(goals)


def _difference(first: Tensor, second: Tensor, number: int) -> Tensor:
    return (_shares(first, number) - _shares(second, number)).abs()


def _divergence(first: Tensor, second: Tensor, number: int) -> float:
    return float(_difference(first, second, number).sum() / 2)


def _of_counts(first: Tensor, second: Tensor, number: int) -> float:
    counts = [torch.bincount(x, minlength=number).double() for x in (first, second)]
    return float((counts[0] - counts[1]).abs().sum() / 2)


HALF = (torch.tensor([0, 0, 1, 1]), torch.tensor([0, 1, 1, 1]), 3)
APART = (torch.tensor([0, 1]), torch.tensor([2, 3, 3]), 5)
UNEQUAL = (torch.tensor([2, 2, 0, 1, 1, 1, 4, 4]), torch.tensor([2, 0, 0, 1]), 5)
goal_divergence = Check(
    "goal_divergence",
    [
        Case("four goals each", *HALF, expect=0.25),
        Case("nothing in common", *APART, expect=1.0),
        Case("eight goals and four", *UNEQUAL, expect=_divergence(*UNEQUAL)),
    ],
    reference=_divergence,
    mistakes=[
        Mistake(
            "not halved",
            "Nothing in common comes out at 2. What one has too much, the other has too little: count it once.",
            wrong=lambda a, b, n: 2 * _divergence(a, b, n),
        ),
        Mistake(
            "counts for shares",
            "You compare counts. One list may be longer because more was written down: take shares first.",
            wrong=_of_counts,
        ),
        Mistake(
            "with their signs",
            "Differences with their signs add up to 0, always.",
            wrong=lambda a, b, n: float((_shares(a, n) - _shares(b, n)).sum() / 2),
        ),
        Mistake(
            "the largest difference",
            "You take the kind that differs most. Asked is the sum over all kinds.",
            wrong=lambda a, b, n: float(_difference(a, b, n).max()),
        ),
        Mistake(
            "overlap",
            "This is what they have in common: 1 for equal distributions. Asked is how far apart they are.",
            wrong=lambda a, b, n: 1 - _divergence(a, b, n),
        ),
        Mistake(
            "averaged over kinds",
            "You average over kinds. Kinds that nobody ever uses would then make any two distributions alike.",
            wrong=lambda a, b, n: float(_difference(a, b, n).mean()),
        ),
        Mistake(
            "squares",
            "You square the differences. Total variation takes their absolute values.",
            wrong=lambda a, b, n: float((_difference(a, b, n) ** 2).sum() / 2),
        ),
    ],
)

# --- Exercise 2: a mixture of labelled and emitted goals ---

Sampler = Callable[[int, int, float, int, torch.Generator], Tensor]


def drawn(sampler: Sampler, labelled: int, emitted: int, share: float) -> dict[str, Any]:
    """What 40 batches of 100 rows look like, in round numbers that chance does not move."""
    generator = torch.Generator().manual_seed(0)
    batches = [sampler(labelled, emitted, share, 100, generator) for _ in range(40)]
    rows = torch.stack([torch.as_tensor(batch) for batch in batches])
    again = torch.as_tensor(sampler(labelled, emitted, share, 100, torch.Generator().manual_seed(0)))
    behind = rows >= labelled
    each = behind.double().mean(1)
    return {
        "rows in a batch": rows.shape[1],
        "share emitted, to a tenth": round(10 * float(behind.double().mean())) / 10,
        "whole numbers": not rows.is_floating_point(),
        "every batch is a mixture": bool(((each > 0) & (each < 1)).all()),
        "only rows that exist": bool((rows >= 0).all() and (rows < labelled + emitted).all()),
        "the same generator, the same rows": torch.equal(rows[0], again),
        "the next batch, other rows": not torch.equal(rows[0], rows[1]),
        "every labelled row can come": len(rows[~behind].unique()) >= min(labelled, 30),
        "every emitted row can come": len(rows[behind].unique()) >= min(emitted, 30),
    }


def told(share: float, mixed: bool = True) -> dict[str, Any]:
    """What is expected."""
    return {
        "rows in a batch": 100,
        "share emitted, to a tenth": share,
        "whole numbers": True,
        "every batch is a mixture": mixed,
        "only rows that exist": True,
        "the same generator, the same rows": True,
        "the next batch, other rows": True,
        "every labelled row can come": True,
        "every emitted row can come": True,
    }


def _pooled(labelled: int, emitted: int, share: float, batch: int, generator: torch.Generator) -> Tensor:
    return torch.randint(labelled + emitted, (batch,), generator=generator)


def _exchanged(labelled: int, emitted: int, share: float, batch: int, generator: torch.Generator) -> Tensor:
    return _mixture_rows(labelled, emitted, 1 - share, batch, generator)


def _from_zero(labelled: int, emitted: int, share: float, batch: int, generator: torch.Generator) -> Tensor:
    rows = _mixture_rows(labelled, emitted, share, batch, generator)
    return torch.where(rows >= labelled, rows - labelled, rows)


def _whole_batches(labelled: int, emitted: int, share: float, batch: int, generator: torch.Generator) -> Tensor:
    one = float(torch.rand((), generator=generator) < share)
    return _mixture_rows(labelled, emitted, one, batch, generator)


def _one_number(labelled: int, emitted: int, share: float, batch: int, generator: torch.Generator) -> Tensor:
    lots = torch.rand(batch, generator=generator)
    return torch.where(lots < share, labelled + (lots * emitted).long(), (lots * labelled).long())


def _never(what: str) -> Callable[[dict[str, Any]], bool]:
    return lambda answers: all(a and not a[what] for a in answers.values())


def _one_row(labelled: int, emitted: int, share: float, batch: int, generator: torch.Generator) -> Tensor:
    rows = _mixture_rows(labelled, emitted, share, batch, generator)
    return torch.where(rows >= labelled, labelled, rows)


mixture_rows = Check(
    "mixture_rows",
    [
        Case("few labelled rows, many emitted", run=lambda f: drawn(f, 30, 900, 0.3), expect=told(0.3)),
        Case("many labelled rows, few emitted", run=lambda f: drawn(f, 900, 30, 0.6), expect=told(0.6)),
        Case("equally many", run=lambda f: drawn(f, 500, 500, 0.2), expect=told(0.2)),
    ],
    mistakes=[
        Mistake(
            "all rows alike",
            "Your share follows from how many rows there are. It should be `share`, however many were written down.",
            wrong=_pooled,
        ),
        Mistake("shares exchanged", "`share` is the share of *emitted* rows.", wrong=_exchanged),
        Mistake(
            "numbered from zero",
            "No emitted row ever comes: emitted rows stand *behind* the labelled ones. Where do their numbers begin?",
            wrong=_from_zero,
        ),
        Mistake(
            "one lot for the whole batch",
            "Each of your batches is of one sort. Draw lots for every row by itself, or take some of each.",
            when=_never("every batch is a mixture"),
        ),
        Mistake(
            "another generator",
            "The rows do not follow from `generator`. Hand it to every draw: `torch.rand(…, generator=generator)`.",
            when=_never("the same generator, the same rows"),
        ),
        Mistake(
            "the same batch again",
            "The next batch has the same rows. Draw from the generator that you are given; do not make or seed one.",
            when=_never("the next batch, other rows"),
        ),
        Mistake(
            "fractions",
            "Numbers of rows are whole: cut the product to a whole number with `.long()`.",
            when=_never("whole numbers"),
        ),
        Mistake(
            "one number for two uses",
            "Only part of the rows ever come: the number that decides the sort decides the row as well. Draw another.",
            wrong=_one_number,
        ),
        Mistake("one emitted row", "It is always the same emitted row. Draw among all of them.", wrong=_one_row),
    ],
)

# --- Exercise 3: labels that do not answer their goals ---

KINDS = (torch.tensor([0, 0, 2, 2, 2, 2]), torch.tensor([1, 1, 3, 3, 0, 3]), torch.tensor([1, 4, 3, 3, 3, 3]), 4)
PLENTY = (
    torch.tensor([1, 1, 1, 0, 0, 0, 0, 3]),
    torch.tensor([5, 5, 5, 2, 2, 1, 2, 6]),
    torch.tensor([0, 5, 6, 2, 1, 1, 2, 6]),
    4,
)


def _rates(kinds: Tensor, labels: Tensor, obeyed: Tensor, number: int) -> Tensor:
    wrong = torch.bincount(kinds, weights=(labels != obeyed).double(), minlength=number)
    return wrong / torch.bincount(kinds, minlength=number).clamp(min=1)


mislabelled = Check(
    "mislabelled",
    [
        Case("six rows", *KINDS, expect=torch.tensor([0.5, 0, 0.25, 0]), exact_dtype=False),
        Case("eight rows", *PLENTY, expect=_rates(*PLENTY).float(), exact_dtype=False),
    ],
    reference=lambda *inputs: _rates(*inputs).float(),
    mistakes=[
        Mistake(
            "share of all rows",
            "You divide by all rows. A kind that is rare then looks fine: divide by the rows of that kind.",
            wrong=lambda k, a, o, n: torch.bincount(k, weights=(a != o).double(), minlength=n) / len(k),
        ),
        Mistake(
            "counts",
            "You count the rows. Asked is their share within the kind.",
            wrong=lambda k, a, o, n: torch.bincount(k, weights=(a != o).double(), minlength=n),
        ),
        Mistake(
            "those that agree",
            "This is the share of labels that *do* answer their goal.",
            wrong=lambda k, a, o, n: (
                torch.bincount(k, weights=(a == o).double(), minlength=n) / torch.bincount(k, minlength=n).clamp(min=1)
            ),
        ),
        Mistake(
            "share of the wrong ones",
            "You divide by all wrong rows. Divide by the rows of that kind, right ones too.",
            wrong=lambda k, a, o, n: torch.bincount(k, weights=(a != o).double(), minlength=n) / (a != o).sum(),
        ),
        Mistake(
            "nothing is all wrong",
            "A kind without rows comes out at 1. It has no wrong label: 0.",
            wrong=lambda k, a, o, n: (
                1
                - torch.bincount(k, weights=(a == o).double(), minlength=n)
                / torch.bincount(k, minlength=n).clamp(min=1)
            ),
        ),
        Mistake(
            "one number for all",
            "All kinds get the same rate. Group the rows by kind.",
            wrong=lambda k, a, o, n: torch.full((n,), float((a != o).double().mean())),
        ),
        Mistake(
            "nothing divided by nothing",
            "A kind without rows comes out as nan. It has no wrong label: 0.",
            when=lambda answers: any(
                a is not None and bool(torch.as_tensor(a).isnan().any()) for a in answers.values()
            ),
        ),
    ],
)

# --- Exercise 4: words that the low level understands ---

_CHANCE = torch.tensor(
    [
        [0.1, 0.1, 0.6, 0.2, 0.0, 0.0, 0.0],  # right, and likely
        [0.3, 0.1, 0.2, 0.4, 0.0, 0.0, 0.0],  # the likeliest, but not likely enough
        [0.0, 0.0, 0.0, 0.1, 0.0, 0.9, 0.0],  # sure of another
        [0.5, 0.5, 0.0, 0.0, 0.0, 0.0, 0.0],  # at the threshold
    ]
)
_COARSE, _RIGHT = torch.tensor([2, 5, 0, 3]), torch.tensor([2, 3, 0, 1])


def _reach(coarse: Tensor, right: Tensor, chance: Tensor, threshold: float) -> Tensor:
    return chance.gather(1, right[:, None]).squeeze(1)


words_within_reach = Check(
    "words_within_reach",
    [
        Case("a threshold of a half", _COARSE, _RIGHT, _CHANCE, 0.5),
        Case("a threshold of a third", _COARSE, _RIGHT, _CHANCE, 1 / 3),
        Case("a threshold of 0.9", _COARSE, torch.tensor([2, 3, 5, 1]), _CHANCE, 0.9),
    ],
    reference=_within_reach,
    mistakes=[
        Mistake(
            "exchanged",
            "You say the coarse word where the low level does *not* understand it, and spell out what it knows.",
            wrong=lambda c, r, p, t: torch.where(_reach(c, r, p, t) < t, c, fine_phrases(r)),
        ),
        Mistake(
            "the likeliest action",
            "You ask whether the right action is the likeliest. Ask whether its probability reaches the threshold.",
            wrong=lambda c, r, p, t: torch.where(p.argmax(1) == r, c, fine_phrases(r)),
        ),
        Mistake(
            "sure of something",
            "You ask how sure the low level is. It can be sure of a *wrong* action: look up the right one's.",
            wrong=lambda c, r, p, t: torch.where(p.max(1).values >= t, c, fine_phrases(r)),
        ),
        Mistake(
            "what it does anyway",
            "Your fine words name what the low level does. Name what is right.",
            wrong=lambda c, r, p, t: torch.where(_reach(c, r, p, t) >= t, c, fine_phrases(p.argmax(1))),
        ),
        Mistake(
            "action for word",
            "Where you spell it out, you give an action's number, which is a coarse word's: `fine_phrases(right)`.",
            wrong=lambda c, r, p, t: torch.where(_reach(c, r, p, t) >= t, c, r),
        ),
        Mistake(
            "a threshold of your own",
            "You compare with 0.5. `threshold` may be another.",
            wrong=lambda c, r, p, t: torch.where(_reach(c, r, p, t) >= 0.5, c, fine_phrases(r)),
        ),
        Mistake(
            "above the threshold",
            "Exactly at the threshold is enough: 'at least'.",
            wrong=lambda c, r, p, t: torch.where(_reach(c, r, p, t) > t, c, fine_phrases(r)),
        ),
    ],
)
