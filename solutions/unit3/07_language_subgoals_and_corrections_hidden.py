"""Hidden tests and mutants of chapter 7."""

import torch

from saw_edu.checks import Case, Check
from saw_edu.classroom import Mutant
from saw_edu.course.ch07 import checks as ch07


def _generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def _episodes(seed: int, steps: int, number: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = _generator(seed)
    changes = torch.rand(steps, number, generator=generator) < 0.3
    speakers = (torch.rand(steps, number, generator=generator) < 0.3) & changes
    return changes.long().cumsum(0) % 4, (speakers.long().cumsum(0) % 2).bool()


_WRONG = torch.randint(0, 7, (60,), generator=_generator(0))
_LASTING = torch.randint(0, 3, (60,), generator=_generator(1))
_BEFORE = {f"layer{i}": torch.randn(3, 4, generator=_generator(i)) for i in range(4)}
_AFTER = {name: values + (1e-6 if name == "layer2" else 0.0) * torch.eye(3, 4) for name, values in _BEFORE.items()}

should_speak = Check(
    "should_speak",
    [Case("many episodes", _WRONG, _LASTING, 3), Case("no patience at all", _WRONG, _LASTING, 1)],
    reference=ch07.should_speak.reference,
    mistakes=ch07.should_speak.mistakes,
)
approved = Check(
    "approved",
    [Case("many episodes", *_episodes(2, 40, 12)), Case("short episodes", *_episodes(3, 5, 30))],
    reference=ch07.approved.reference,
    mistakes=ch07.approved.mistakes,
)
row_weights = Check(
    "row_weights",
    [
        Case("many rows", torch.rand(200, generator=_generator(4)) < 0.07, 0.1),
        Case("corrections only", torch.arange(9) < 4, 1.0),
    ],
    reference=ch07.row_weights.reference,
    mistakes=ch07.row_weights.mistakes,
)
changed = Check(
    "changed",
    [Case("four layers", _BEFORE, _AFTER, expect={name: name == "layer2" for name in _BEFORE})],
    mistakes=ch07.changed.mistakes,
)

MUTANTS = {
    "should-speak": [
        Mutant("a step late", replace=("wrong >= patience", "wrong > patience")),
        Mutant("speaks over itself", replace=(" & (lasting == 0)", "")),
        Mutant("only during corrections", replace=("lasting == 0", "lasting > 0")),
        Mutant("or for and", replace=("(wrong >= patience) & ", "(wrong >= patience) | ")),
    ],
    "approved": [
        Mutant("only the person's words", replace=("by_person[:, b] | ~bad", "by_person[:, b]")),
        Mutant("everything", replace=("by_person[:, b] | ~bad", "torch.ones_like(bad)")),
        Mutant("only own words", replace=("by_person[:, b] | ~bad", "~by_person[:, b] & ~bad")),
        Mutant("last step only", replace=("bad[start : t + 1] = True", "bad[t] = True")),
    ],
    "row-weights": [
        Mutant(
            "all alike",
            replace=(
                "torch.where(of_corrections, share / number, (1 - share) / others)",
                "torch.full((len(of_corrections),), 1 / len(of_corrections))",
            ),
        ),
        Mutant("share for each row", replace=("share / number, (1 - share) / others", "share, 1 - share")),
        Mutant(
            "share swapped", replace=("share / number, (1 - share) / others", "(1 - share) / number, share / others")
        ),
    ],
    "changed": [
        Mutant("nearly the same", replace=("torch.equal", "torch.allclose")),
        Mutant("unchanged instead", replace=("not torch.equal", "torch.equal")),
        Mutant(
            "sums compared",
            replace=("not torch.equal(before[name], after[name])", "bool(before[name].sum() != after[name].sum())"),
        ),
    ],
}
ALTERNATIVES = {
    "should-speak": [
        """
def should_speak(wrong, lasting, patience):
    return torch.logical_and(wrong > patience - 1, lasting < 1)
""",
    ],
    "approved": [
        """
def approved(words, by_person):
    kept = torch.ones_like(by_person)
    steps, episodes = words.shape
    for b in range(episodes):
        bad = False
        for t in reversed(range(steps)):
            if by_person[t, b]:
                bad = False
                continue
            follows = t + 1 < steps and bool(by_person[t + 1, b])
            same = t + 1 < steps and not by_person[t + 1, b] and words[t + 1, b] == words[t, b]
            bad = follows or (same and bad)
            kept[t, b] = not bad
    return kept
""",
    ],
    "row-weights": [
        """
def row_weights(of_corrections, share):
    new = of_corrections.float()
    return share * new / new.sum() + (1 - share) * (1 - new) / (1 - new).sum()
""",
    ],
    "changed": [
        """
def changed(before, after):
    return {name: bool((values != after[name]).any()) for name, values in before.items()}
""",
    ],
}
