"""Hidden tests and mutants of chapter 6."""

import torch

from saw_edu.checks import Case, Check
from saw_edu.classroom import Mutant
from saw_edu.course.ch06 import checks as ch06


def _generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


_FIRST = torch.randint(0, 9, (70,), generator=_generator(0))
_SECOND = torch.randint(3, 12, (45,), generator=_generator(1))
goal_divergence = Check(
    "goal_divergence",
    [Case("many goals", _FIRST, _SECOND, 14), Case("the same goals", _FIRST, _FIRST.flip(0), 9)],
    reference=ch06.goal_divergence.reference,
    mistakes=ch06.goal_divergence.mistakes,
)

mixture_rows = Check(
    "mixture_rows",
    [
        Case("other sizes", run=lambda f: ch06.drawn(f, 200, 50, 0.7), expect=ch06.told(0.7)),
        Case("hardly any labelled", run=lambda f: ch06.drawn(f, 25, 5000, 0.4), expect=ch06.told(0.4)),
    ],
    mistakes=ch06.mixture_rows.mistakes,
)

_KINDS = torch.randint(0, 6, (80,), generator=_generator(2)) ** 2 // 5
_LABELS = torch.randint(0, 7, (80,), generator=_generator(3))
_OBEYED = torch.where(torch.rand(80, generator=_generator(4)) < 0.1 + _KINDS / 8, _LABELS, (_LABELS + 1) % 7)
mislabelled = Check(
    "mislabelled",
    [Case("many rows", _KINDS, _LABELS, _OBEYED, 8, exact_dtype=False)],
    reference=ch06.mislabelled.reference,
    mistakes=ch06.mislabelled.mistakes,
)

_CHANCE = torch.randn(40, 7, generator=_generator(5)).mul(2).softmax(-1)
_COARSE, _RIGHT = (torch.randint(0, n, (40,), generator=_generator(n)) for n in (8, 7))
words_within_reach = Check(
    "words_within_reach",
    [Case("many places", _COARSE, _RIGHT, _CHANCE, 0.4), Case("any will do", _COARSE, _RIGHT, _CHANCE, 0.0)],
    reference=ch06.words_within_reach.reference,
    mistakes=ch06.words_within_reach.mistakes,
)

MUTANTS = {
    "goal-divergence": [
        Mutant("not halved", replace=(" / 2", "")),
        Mutant("with their signs", replace=(".abs()", "")),
    ],
    "mixture-rows": [
        Mutant("numbered from zero", replace=("labelled + new", "new")),
        Mutant("shares exchanged", replace=("< share", ">= share")),
        Mutant(
            "one lot for the whole batch",
            replace=("torch.rand(batch, generator=generator) < share", "torch.rand(1, generator=generator) < share"),
        ),
    ],
    "mislabelled": [
        Mutant("those that agree", replace=("!=", "==")),
        Mutant("counts", replace=("wrong / rows.clamp(min=1)", "wrong")),
        Mutant("nothing divided by nothing", replace=(".clamp(min=1)", "")),
    ],
    "words-within-reach": [
        Mutant("exchanged", replace=(">= threshold", "< threshold")),
        Mutant("above the threshold", replace=(">= threshold", "> threshold")),
        Mutant("action for word", replace=("fine_phrases(right)", "right")),
    ],
}
ALTERNATIVES = {
    "goal-divergence": [
        """
def goal_divergence(first, second, number):
    more = 0.0
    for kind in range(number):
        more += max(0.0, float((first == kind).float().mean() - (second == kind).float().mean()))
    return more
"""
    ],
    "mixture-rows": [
        """
def mixture_rows(labelled, emitted, share, batch, generator):
    count = round(share * batch)
    old = torch.randint(0, labelled, (batch - count,), generator=generator)
    new = torch.randint(labelled, labelled + emitted, (count,), generator=generator)
    return torch.cat([old, new])
"""
    ],
    "mislabelled": [
        """
def mislabelled(kinds, labels, obeyed, number):
    rates = torch.zeros(number)
    for kind in kinds.unique():
        of_kind = kinds == kind
        rates[kind] = (labels[of_kind] != obeyed[of_kind]).float().mean()
    return rates
"""
    ],
    "words-within-reach": [
        """
def words_within_reach(coarse, right, chance, threshold):
    words = fine_phrases(right).clone()
    for i in range(len(words)):
        if chance[i, right[i]] >= threshold:
            words[i] = coarse[i]
    return words
"""
    ],
}
