"""Visible checks of chapter 4, "Two levels"."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from saw_edu.checks import Case, Check, Mistake
from saw_edu.course.ch04.levels import should_switch as _should_switch
from saw_edu.course.ch04.levels import update as _update
from saw_edu.course.ch04.loop_checks import rollout as rollout  # so that checks.ch04 has it

# --- Exercise 1, the loop, stands in loop_checks ---

# --- Exercise 2: when to move on ---

DONE = torch.tensor([False, True, False, False, True, False, True])
AGE = torch.tensor([1, 2, 3, 4, 4, 5, 7])


should_switch = Check(
    "should_switch",
    [
        Case("every 4 steps", "every", DONE, AGE, 4),
        Case("when done", "done", DONE, AGE, 4),
        Case("done, or a timeout of 4", "done or timeout", DONE, AGE, 4),
        Case("every step", "every", DONE, AGE, 1),
    ],
    reference=_should_switch,
    mistakes=[
        Mistake(
            "one step late",
            "A subgoal that has been held for n steps has been held long enough: it should go when `age` *is* n.",
            wrong=lambda rule, done, age, n: _should_switch(rule, done, age, n + 1),
        ),
        Mistake(
            "one step early",
            "A subgoal is let go before it was held for n steps.",
            wrong=lambda rule, done, age, n: _should_switch(rule, done, age, n - 1),
        ),
        Mistake(
            "exactly n",
            "Right at an age of n, but a subgoal that is older stays. Where somebody lowers n while a subgoal is held, "
            "it would be held for ever.",
            wrong=lambda rule, done, age, n: {
                "every": age == n,
                "done": done,
                "done or timeout": done | (age == n),
            }[rule],
        ),
        Mistake(
            "multiples of n",
            "Right at multiples of n only. Where somebody lowers n while a subgoal is held, it may miss its turn.",
            wrong=lambda rule, done, age, n: {
                "every": age % n == 0,
                "done": done,
                "done or timeout": done | (age % n == 0),
            }[rule],
        ),
        Mistake(
            "both needed",
            "With a timeout you ask for both: done *and* old. Then a subgoal that is never done is held for ever, and "
            "one that is done at once is kept.",
            wrong=lambda rule, done, age, n: (
                done & (age >= n) if rule.endswith("timeout") else _should_switch(rule, done, age, n)
            ),
        ),
        Mistake(
            "done counts everywhere",
            "“every” looks at the clock only. Its whole point is to need no detector.",
            wrong=lambda rule, done, age, n: done if rule == "done" else done | (age >= n),
        ),
        Mistake(
            "clock counts everywhere",
            "“done” looks at the detector only: no clock frees it.",
            wrong=lambda rule, done, age, n: age >= n if rule == "every" else done | (age >= n),
        ),
        Mistake(
            "inverted",
            "That is when to *hold* the subgoal. Asked is when to let it go.",
            wrong=lambda rule, done, age, n: ~_should_switch(rule, done, age, n),
        ),
        Mistake(
            "timeout alone",
            "With a timeout the detector still counts: a subgoal that is done is let go at once.",
            wrong=lambda rule, done, age, n: done if rule == "done" else age >= n,
        ),
    ],
)

# --- Exercise 3: how long is too long? ---

# shares are eighths and quarters, so that exact ones are exact in single precision too
LENGTHS = torch.tensor([3, 1, 4, 1, 5, 9, 2, 6])
SKEWED = torch.tensor([2] * 56 + [30] * 8)
TWENTY = torch.arange(1, 21)


def _timeout(lengths: Tensor, cut: float) -> int:
    for n in sorted(set(lengths.tolist())):
        if float((lengths > n).double().mean()) <= cut + 1e-9:
            return int(n)
    raise AssertionError("the longest cuts nothing")


def _quantile(lengths: Tensor, share: float, how: str = "linear") -> float:
    return float(torch.quantile(lengths.double(), min(max(share, 0.0), 1.0), interpolation=how))


pick_timeout = Check(
    "pick_timeout",
    [
        Case("eight segments, one may be cut", LENGTHS, 0.125, expect=6),
        Case("none may be cut", LENGTHS, 0.0, expect=9),
        Case("a quarter of twenty", TWENTY, 0.25, expect=15),
        Case("most are short, one in eight is long", SKEWED, 0.125, expect=2),
        Case("seven segments, hardly any", torch.tensor([2, 9, 4, 7, 3, 5, 8]), 0.1, expect=9),
        Case("half of three", torch.tensor([8, 2, 5]), 0.5, expect=5),
    ],
    reference=_timeout,
    mistakes=[
        Mistake(
            "one too many",
            "One too many. A segment that is as long as the timeout is finished when the clock runs out: it is not "
            "cut. Only longer ones are.",
            wrong=lambda x, c: _timeout(x, c) + 1,
        ),
        Mistake(
            "the wrong end",
            "You take the share from the wrong end: `cut` is the share that may be *longer* than the timeout.",
            wrong=lambda x, c: _timeout(x, 1 - c),
        ),
        Mistake(
            "the longest",
            "This is the longest segment: it cuts none. A share of `cut` may be longer.",
            wrong=lambda x, c: int(x.max()),
        ),
        Mistake(
            "mean",
            "A mean says nothing about how many are longer. Count them.",
            wrong=lambda x, c: math.ceil(float(x.double().mean())),
        ),
        Mistake(
            "between two lengths",
            "A quantile that lies between two lengths is no number of steps, and rounding it may cut too many or wait "
            "too long. Which whole number is the smallest that cuts at most that share?",
            wrong=lambda x, c: _quantile(x, 1 - c),
        ),
        Mistake(
            "rounded down",
            "You round a quantile down: then more than the share is cut. Count how many are longer than your answer.",
            wrong=lambda x, c: int(_quantile(x, 1 - c)),
        ),
        Mistake(
            "rounded up",
            "A quantile that lies between two lengths, rounded up, may wait longer than needed. Count how many are "
            "longer than a smaller answer.",
            wrong=lambda x, c: math.ceil(_quantile(x, 1 - c)),
        ),
        Mistake(
            "strictly fewer",
            "Too long in some cases: a share of exactly `cut` may be cut.",
            wrong=lambda x, c: int(x.max()) if c == 0 else _timeout(x, c - 1e-6),
        ),
        Mistake(
            "lower quantile",
            "Too short in some cases: count how many segments are longer than your answer.",
            wrong=lambda x, c: int(_quantile(x, 1 - c, "lower")),
        ),
    ],
)

# --- Exercise 4: the bug ---

HELD = torch.tensor([3, 5, 2, 7])
AGES = torch.tensor([6, 2, 9, 1])
ASKED = torch.tensor([False, True, False, True])
PROPOSED = torch.tensor([1, 5, 6, 0])  # the second proposes what is held
NOBODY = torch.zeros(4, dtype=torch.bool)


def _colleagues(held: Tensor, age: Tensor, asked: Tensor, proposed: Tensor) -> tuple[Tensor, Tensor]:
    if asked.any():
        held = torch.where(asked, proposed, held)
        age = torch.zeros_like(age)
    return held, age + 1


mended_update = Check(
    "mended_update",
    [
        Case("nobody is asked", HELD, AGES, NOBODY, PROPOSED),
        Case("two of four are asked", HELD, AGES, ASKED, PROPOSED),
        Case("all are asked", HELD, AGES, ~NOBODY, PROPOSED),
        Case(
            "the first step",
            torch.zeros(3, dtype=torch.long),
            torch.zeros(3, dtype=torch.long),
            ~NOBODY[:3],
            PROPOSED[:3],
        ),
    ],
    reference=_update,
    mistakes=[
        Mistake(
            "not mended",
            "The bug is still there. Look at an episode for which nobody asked: what happens to its clock when another "
            "episode is asked?",
            wrong=_colleagues,
        ),
        Mistake(
            "everyone gets a new subgoal",
            "Now the subgoals are wrong: an episode that was not asked keeps the one that it holds.",
            wrong=lambda h, a, q, p: (p if q.any() else h, torch.where(q, 0, a) + 1),
        ),
        Mistake(
            "the same subgoal again",
            "You reset clocks where the subgoal *changed*. The high level may say the same again: it was asked, so the "
            "clock begins anew.",
            wrong=lambda h, a, q, p: (torch.where(q, p, h), torch.where(q & (p != h), 0, a) + 1),
        ),
        Mistake(
            "proposals everywhere",
            "An episode that was not asked keeps its subgoal; `proposed` does not count there.",
            wrong=lambda h, a, q, p: (p, torch.where(q, 0, a) + 1),
        ),
        Mistake(
            "two results exchanged",
            "First the subgoals, then the ages.",
            wrong=lambda h, a, q, p: tuple(reversed(_update(h, a, q, p))),
        ),
        Mistake(
            "clocks never reset",
            "Clocks run on through a new subgoal: its age would be that of the one before.",
            wrong=lambda h, a, q, p: (torch.where(q, p, h), a + 1),
        ),
        Mistake(
            "resets those not asked",
            "The clocks of those *not* asked are reset. `torch.where(condition, yes, no)`: which is which?",
            wrong=lambda h, a, q, p: (torch.where(q, p, h), torch.where(q, a, 0) + 1),
        ),
        Mistake(
            "step not counted",
            "The step that follows counts: after it a new subgoal has been held for 1 step, an old one for one more.",
            wrong=lambda h, a, q, p: (torch.where(q, p, h), torch.where(q, 0, a)),
        ),
        Mistake(
            "two at once",
            "A new subgoal begins with an age of 2. After its first step it is 1.",
            wrong=lambda h, a, q, p: (torch.where(q, p, h), torch.where(q, 1, a) + 1),
        ),
        Mistake(
            "new ones not counted",
            "The first step of a new subgoal does not count here: after it its age is 1.",
            wrong=lambda h, a, q, p: (torch.where(q, p, h), torch.where(q, 0, a + 1)),
        ),
        Mistake(
            "subgoals exchanged",
            "Those who were asked keep the old subgoal, the others get a new one.",
            wrong=lambda h, a, q, p: (torch.where(q, h, p), torch.where(q, 0, a) + 1),
        ),
    ],
)
