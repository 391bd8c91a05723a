"""Hidden tests and mutants of chapter 17."""

import numpy as np
import torch

from saw_edu.checks import Case, Check
from saw_edu.classroom import Mutant
from saw_edu.course.ch17 import checks as ch17


def _random(seed: int, *shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


effective_sample_size = Check(
    "effective_sample_size",
    [
        Case("many sets", _random(0, 4, 5, 30).exp()),
        Case("one weight each", _random(1, 6, 1).exp()),
        Case("one set", _random(2, 50).exp()),
    ],
    reference=ch17.effective_sample_size.reference,
    mistakes=ch17.effective_sample_size.mistakes,
)
_FIRST, _SECOND = (np.random.default_rng(seed).random(8) for seed in (0, 1))
paired_interval = Check(
    "paired_interval",
    [Case("eight seeds", _FIRST, _SECOND, 0.95), Case("99 %", _FIRST[:4], _SECOND[:4], 0.99)],
    reference=ch17.paired_interval.reference,
    mistakes=ch17.paired_interval.mistakes,
)
reweigh = Check(
    "reweigh",
    [
        Case(f"many weights, {selects}, {loud}", _random(3, 64).exp(), selects, loud)
        for selects in (True, False)
        for loud in (True, False)
    ],
    reference=ch17.reweigh.reference,
    mistakes=ch17.reweigh.mistakes,
)

# What the check's reference calls is the library's own implementation of the exercise.
LIBRARY = {"reweigh": ["saw_edu.course.ch17.reweighed:reweigh"]}

MUTANTS = {
    "effective-sample-size": [
        Mutant("not squared", replace=(".sum(-1).square() /", ".sum(-1) /")),
        Mutant(
            "along the first axis", source="def effective_sample_size(w):\n    return w.sum(0) ** 2 / (w**2).sum(0)"
        ),
    ],
    "paired-interval": [
        Mutant("the spread of all there is", replace=("ddof=1", "ddof=0")),
        Mutant("spread for standard error", replace=(" / np.sqrt(len(gap))", "")),
        Mutant("one side only", replace=("(1 + confidence) / 2", "confidence")),
        Mutant("one degree of freedom too many", replace=("len(gap) - 1)", "len(gap))")),
    ],
    "reweigh": [
        Mutant("not loud", replace=("chosen * mean if loud else chosen", "chosen")),
        Mutant(
            "quiet by the largest",
            source="def reweigh(weights, selects, loud):\n    if loud:\n        return weights if selects else weights.mean().expand_as(weights)\n    return weights / weights.max() if selects else torch.ones_like(weights)",
        ),
    ],
}
ALTERNATIVES = {
    "effective-sample-size": [
        """
def effective_sample_size(weights):
    shares = weights / weights.sum(dim=-1, keepdim=True)
    return 1 / torch.einsum("...n,...n->...", shares, shares)
""",
    ],
    "paired-interval": [
        """
def paired_interval(first, second, confidence=0.95):
    gap = first - second
    low, high = stats.t.interval(confidence, len(gap) - 1, loc=np.mean(gap), scale=stats.sem(gap))
    return np.mean(gap), low, high
""",
        """
def paired_interval(first, second, confidence=0.95):
    result = stats.ttest_rel(first, second).confidence_interval(confidence)
    return [(result.low + result.high) / 2, result.low, result.high]
""",
    ],
    "reweigh": [
        """
def reweigh(weights, selects, loud):
    if selects and loud:
        return weights.clone()
    if loud:
        return torch.full_like(weights, weights.mean())
    return weights / weights.mean() if selects else weights * 0 + 1
""",
    ],
}
