"""Hidden tests and mutants of chapter 4."""

import torch

from saw_edu.checks import Case, Check
from saw_edu.classroom import Mutant
from saw_edu.course.ch04 import checks as ch04
from saw_edu.course.ch04.line import at, every, play
from saw_edu.course.ch04.line import rollout as right_loop


def _generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def _played(end: int, rule, max_steps: int, start: int = 0) -> Case:
    run = play(end, rule, max_steps, start)
    return Case(f"to {end} in at most {max_steps} steps", run=run, expect=run(right_loop))


_SHARE = torch.rand(64, generator=_generator(0)) < 0.3
_AGES = torch.randint(1, 12, (64,), generator=_generator(1))
_HELD, _PROPOSED = torch.randint(0, 8, (2, 64), generator=_generator(2))

rollout = Check(
    "rollout",
    [
        _played(23, every(5), 99),
        _played(20, every(1), 99),
        _played(99, every(7), 30, start=3),
        _played(31, at(4, 5, 6, 20), 99),
        _played(1, every(2), 5),
    ],
    mistakes=ch04.rollout.mistakes,
)
should_switch = Check(
    "should_switch",
    [
        Case("every", "every", _SHARE, _AGES, 6),
        Case("done", "done", _SHARE, _AGES, 6),
        Case("done or timeout", "done or timeout", _SHARE, _AGES, 6),
        Case("a short timeout", "done or timeout", _SHARE, _AGES, 2),
    ],
    reference=ch04.should_switch.reference,
    mistakes=ch04.should_switch.mistakes,
)
_LENGTHS = torch.randint(1, 25, (400,), generator=_generator(3)) + torch.randint(0, 9, (400,), generator=_generator(4))
pick_timeout = Check(
    "pick_timeout",
    [
        Case("many segments, one in sixteen", _LENGTHS, 1 / 16),
        Case("many segments, a third", _LENGTHS, 1 / 3),
        Case("all alike", torch.full((7,), 4), 0.1),
        Case("two segments", torch.tensor([12, 3]), 0.5),
    ],
    reference=ch04.pick_timeout.reference,
    mistakes=ch04.pick_timeout.mistakes,
)
mended_update = Check(
    "mended_update",
    [
        Case("many episodes", _HELD, _AGES, _SHARE, _PROPOSED),
        Case("one of many", _HELD, _AGES, torch.arange(64) == 9, _PROPOSED),
    ],
    reference=ch04.mended_update.reference,
    mistakes=ch04.mended_update.mistakes,
)

MUTANTS = {
    "rollout": [
        Mutant("every step", replace=("t > 0 and rule(observation, subgoal, age)", "t > 0")),
        Mutant("clock not reset", replace=("high(observation), 0, calls + 1", "high(observation), age, calls + 1")),
        Mutant("first call not counted", replace=("high(observation), 0, 1", "high(observation), 0, 0")),
        Mutant("asks before the first step", replace=("t > 0 and rule", "rule")),
        Mutant("does not stop", replace=("        if finished:\n            break\n", "")),
    ],
    "should-switch": [
        Mutant("one step late", replace=("age >= n", "age > n")),
        Mutant("exactly n", replace=("age >= n", "age == n")),
        Mutant("both needed", replace=("done | late", "done & late")),
    ],
    "pick-timeout": [
        Mutant("one too many", replace=("lengths > timeout", "lengths >= timeout")),
        Mutant("the longest", replace=("> cut", "> 0")),
        Mutant("the wrong end", replace=("> cut", "> 1 - cut")),
    ],
    "mended-update": [
        Mutant("clocks never reset", replace=("torch.where(asked, 0, age) + 1", "age + 1")),
        Mutant("step not counted", replace=("torch.where(asked, 0, age) + 1", "torch.where(asked, 0, age)")),
        Mutant("two at once", replace=("torch.where(asked, 0, age)", "torch.where(asked, 1, age)")),
    ],
}
ALTERNATIVES = {
    "rollout": [
        """
def rollout(observation, high, low, step, rule, max_steps):
    held, calls, age, finished = [], 0, None, False
    while len(held) < max_steps and not finished:
        if age is None or rule(observation, held[-1], age):
            subgoal = high(observation)
            calls += 1
            age = 0
        action = low(observation, subgoal)
        observation, finished = step(action)
        held.append(subgoal)
        age = age + 1
    return held, calls
""",
    ],
    "should-switch": [
        """
def should_switch(rule, done, age, n):
    answers = {
        "every": torch.ge(age, n),
        "done": done.clone(),
        "done or timeout": torch.logical_or(done, n <= age),
    }
    return answers[rule]
""",
    ],
    "pick-timeout": [
        """
def pick_timeout(lengths, cut):
    ordered = sorted(lengths.tolist())
    for n in ordered:
        if sum(x > n for x in ordered) <= cut * len(ordered):
            return n
""",
        """
def pick_timeout(lengths, cut):
    longer = [(float((lengths > n).float().mean()), n) for n in range(1, int(lengths.max()) + 1)]
    return min(n for share, n in longer if share <= cut + 1e-6)
""",
    ],
    "mended-update": [
        """
def mended_update(held, age, asked, proposed):
    held, age = held.clone(), age.clone()
    held[asked] = proposed[asked]
    age[asked] = 0
    return held, age + 1
""",
        """
def mended_update(held, age, asked, proposed):
    return torch.where(asked, proposed, held), age * (~asked) + 1
""",
    ],
}
