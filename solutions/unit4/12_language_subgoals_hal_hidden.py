"""Hidden tests and mutants of chapter 12."""

import torch

from saw_edu.checks import Case, Check
from saw_edu.classroom import Mutant
from saw_edu.course.ch12 import checks as ch12


def _generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def _truths(seed: int, *shape: int) -> torch.Tensor:
    return torch.rand(shape, generator=_generator(seed)) < 0.3


def _batch(seed: int, number: int) -> list[torch.Tensor]:
    rewards = torch.rand(number, generator=_generator(seed), dtype=torch.float64)
    ends = torch.rand(number, generator=_generator(seed + 1)) < 0.4
    return [rewards, ends, torch.randn(number, 16, generator=_generator(seed + 2), dtype=torch.float64)]


relabel_language = Check(
    "relabel_language",
    [
        Case("many pushes", _truths(0, 60, 48), _truths(1, 60, 48)),
        Case("one push", _truths(2, 1, 48), _truths(3, 1, 48)),
    ],
    reference=ch12.relabel_language.reference,
    mistakes=ch12.relabel_language.mistakes,
)
hindsight_returns = Check(
    "hindsight_returns",
    [
        Case("many pushes", _truths(4, 31, 48), 0.5),
        Case("one push", _truths(5, 2, 48), 0.9),
        Case("statements in pairs", _truths(6, 11, 12).repeat_interleave(2, 1), 0.8),
    ],
    reference=ch12.hindsight_returns.reference,
    mistakes=ch12.hindsight_returns.mistakes,
)
instruction_target = Check(
    "instruction_target",
    [
        Case("many rows", *_batch(0, 80), 0.9),
        Case("all end", _batch(3, 9)[0], torch.ones(9).bool(), _batch(3, 9)[2], 0.5),
    ],
    reference=ch12.instruction_target.reference,
    mistakes=ch12.instruction_target.mistakes,
)

MUTANTS = {
    "relabel-language": [
        Mutant("true already", replace=("after & ~before", "after")),
        Mutant("any change", replace=("after & ~before", "after ^ before")),
        Mutant("before and after exchanged", replace=("after & ~before", "before & ~after")),
        Mutant("false before", replace=("after & ~before", "~before")),
    ],
    "hindsight-returns": [
        Mutant("true already", replace=("torch.where(before[t], 0.0, carried)", "carried")),
        Mutant("not discounted", replace=("discount * carried", "carried")),
        Mutant(
            "a step late",
            replace=("torch.where(before[t], 0.0, carried)", "torch.where(before[t], 0.0, discount * carried)"),
        ),
        Mutant("only at once", replace=("discount * carried", "0.0")),
    ],
    "instruction-target": [
        Mutant("no mask", replace=("discount * ~ends", "discount")),
        Mutant("mask inverted", replace=("~ends", "ends")),
        Mutant("mean of pushes", replace=("values.max(-1).values", "values.mean(-1)")),
        Mutant("no discount", replace=("discount * ~ends", "~ends")),
    ],
}
ALTERNATIVES = {
    "relabel-language": [
        """
def relabel_language(before, after):
    return torch.logical_and(after, torch.logical_not(before))
""",
        """
def relabel_language(before, after):
    return after.int() > before.int()
""",
    ],
    "hindsight-returns": [
        """
def hindsight_returns(truths, discount):
    pushes, statements = len(truths) - 1, truths.shape[1]
    returns = torch.zeros(pushes, statements)
    for s in range(statements):
        for t in range(pushes):
            if truths[t, s]:
                continue
            for later in range(t, pushes):
                if truths[later + 1, s]:
                    returns[t, s] = discount ** (later - t)
                    break
    return returns
""",
    ],
    "instruction-target": [
        """
def instruction_target(rewards, ends, values, discount):
    return torch.where(ends, rewards, rewards + discount * values.amax(-1))
""",
        """
def instruction_target(rewards, ends, values, discount):
    return rewards + discount * (1 - ends.float()) * values.max(dim=1)[0]
""",
    ],
}
