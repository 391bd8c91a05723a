"""Visible checks of chapter 17, "What SAW is made of"."""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import stats
from torch import Tensor

from saw_edu.checks.check import Case, Check, Mistake
from saw_edu.course.ch17.reweighed import reweigh as library_reweigh

# Exercise 1 · The effective sample size

_U = torch.tensor([[1.0, 1.0, 1.0, 1.0], [4.0, 0.0, 0.0, 0.0], [3.0, 1.0, 0.0, 2.0]], dtype=torch.float64)


def _size(u: Tensor) -> Tensor:
    return u.sum(-1).square() / u.square().sum(-1)


effective_sample_size = Check(
    "effective_sample_size",
    [
        Case("all alike, one alone, and in between", _U, expect=torch.tensor([4.0, 1.0, 36 / 14], dtype=torch.float64)),
        Case("twice as large weights", 2 * _U, expect=torch.tensor([4.0, 1.0, 36 / 14], dtype=torch.float64)),
        Case("one set of weights", torch.tensor([2.0, 2.0, 1.0]), expect=torch.tensor(25 / 9)),
        Case("more sets", _U.repeat(2, 1).view(2, 3, 4)),
    ],
    reference=_size,
    mistakes=[
        Mistake(
            "a share",
            "This is the share N_eff / N. The number itself is asked for: N where all weights are equal.",
            wrong=lambda u: _size(u) / u.shape[-1],
        ),
        Mistake(
            "upside down",
            "The larger a single weight, the larger your number. Numerator and denominator have changed places.",
            wrong=lambda u: 1 / _size(u),
        ),
        Mistake(
            "weights taken to sum to one",
            "Right for weights that sum to one only. Twice as large weights count like as many: what must cancel?",
            wrong=lambda u: 1 / u.square().sum(-1),
        ),
        Mistake(
            "not squared",
            "The sum in the numerator is not squared. Do twice as large weights give the same number?",
            wrong=lambda u: u.sum(-1) / u.square().sum(-1),
        ),
        Mistake(
            "all sets together",
            "All sets are thrown together. Each set of weights, along the last axis, has a size of its own.",
            wrong=lambda u: u.sum().square() / u.square().sum(),
        ),
        Mistake(
            "along the first axis",
            "The sums run over the sets of weights. They run over the last axis, the weights of one set.",
            wrong=lambda u: u.sum(0).square() / u.square().sum(0),
        ),
        Mistake(
            "weights that are not zero",
            "You count the weights above zero. Unequal ones count for less.",
            wrong=lambda u: (u > 0).sum(-1).to(u.dtype),
        ),
    ],
)

# Exercise 2 · A paired interval

Numbers = NDArray[np.float64]
_A, _B = np.array([0.42, 0.40, 0.55, 0.36, 0.47]), np.array([0.35, 0.30, 0.52, 0.31, 0.33])
_FEW_A, _FEW_B = np.array([0.7, 0.2, 0.6]), np.array([0.5, 0.3, 0.2])


def _interval(
    gap: Numbers, confidence: float, ddof: int = 1, root: bool = True, df: int | None = None
) -> tuple[float, float, float]:
    n = len(gap)
    t = float(stats.t.ppf((1 + confidence) / 2, n - 1 if df is None else df))
    half = t * gap.std(ddof=ddof) / (math.sqrt(n) if root else 1)
    return float(gap.mean()), float(gap.mean() - half), float(gap.mean() + half)


def _apart(a: Numbers, b: Numbers, confidence: float) -> tuple[float, float, float]:
    gap, error = float(a.mean() - b.mean()), math.sqrt((a.var(ddof=1) + b.var(ddof=1)) / len(a))
    half = float(stats.t.ppf((1 + confidence) / 2, 2 * len(a) - 2)) * error
    return gap, gap - half, gap + half


def _normal(a: Numbers, b: Numbers, confidence: float) -> tuple[float, float, float]:
    gap = a - b
    half = float(stats.norm.ppf((1 + confidence) / 2)) * gap.std(ddof=1) / math.sqrt(len(gap))
    return float(gap.mean()), float(gap.mean() - half), float(gap.mean() + half)


paired_interval = Check(
    "paired_interval",
    [
        Case("five seeds", _A, _B, 0.95),
        Case("three seeds", _FEW_A, _FEW_B, 0.95),
        Case("90 % confidence", _A, _B, 0.9),
    ],
    reference=lambda a, b, confidence: _interval(a - b, confidence),
    mistakes=[
        Mistake(
            "not paired",
            "Both spreads are there, as if the two methods had different seeds. What a seed does to both of them "
            "cancels in *its* difference: take differences first.",
            wrong=_apart,
        ),
        Mistake(
            "second less first",
            "The difference is taken the wrong way round: first less second.",
            wrong=lambda a, b, c: _interval(b - a, c),
        ),
        Mistake(
            "normal for t",
            "Too narrow: 1.96 is for many seeds. For a few, Student's t with one degree of freedom less than seeds.",
            wrong=_normal,
        ),
        Mistake(
            "1.96 always",
            "1.96 is for many seeds, and for 95 %. For a few, Student's t with one degree of freedom less than seeds.",
            wrong=lambda a, b, c: _normal(a, b, 2 * float(stats.norm.cdf(1.96)) - 1),
        ),
        Mistake(
            "spread for standard error",
            "This is how widely single differences vary. The mean of n varies by √n less.",
            wrong=lambda a, b, c: _interval(a - b, c, root=False),
        ),
        Mistake(
            "the spread of all there is",
            "The standard deviation divides by n. From a sample it divides by n - 1: NumPy's `ddof=1`.",
            wrong=lambda a, b, c: _interval(a - b, c, ddof=0),
        ),
        Mistake(
            "one degree of freedom too many",
            "Student's t has n degrees of freedom here. One is used up by the mean.",
            wrong=lambda a, b, c: _interval(a - b, c, df=len(a)),
        ),
        Mistake(
            "degrees of freedom of two samples",
            "Student's t has 2n - 2 degrees of freedom here, those of two samples. There is one: of differences.",
            wrong=lambda a, b, c: _interval(a - b, c, df=2 * len(a) - 2),
        ),
        Mistake(
            "one side only",
            "All of what is left out lies on one side: of 95 %, 2.5 % are left out below and 2.5 % above.",
            wrong=lambda a, b, c: _interval(a - b, 2 * c - 1),
        ),
        Mistake(
            "95 % always",
            "Right at 95 %. `confidence` may be another.",
            wrong=lambda a, b, c: _interval(a - b, 0.95),
        ),
    ],
)

# Exercise 3 · Loudness or selection?

_W = torch.tensor([1.0, 2.0, 9.0], dtype=torch.float64)
_W4 = torch.tensor([0.5, 0.5, 100.0, 3.0], dtype=torch.float64)
_KINDS = [(True, True), (False, True), (True, False), (False, False)]


def _label(selects: bool, loud: bool) -> str:
    return f"{'choosing' if selects else 'alike'}, {'loud' if loud else 'quiet'}"


reweigh = Check(
    "reweigh",
    [Case(_label(*kind), _W, *kind) for kind in _KINDS]
    + [Case(f"{_label(*kind)}, other weights", _W4, *kind) for kind in _KINDS],
    reference=library_reweigh,
    mistakes=[
        Mistake(
            "flags exchanged",
            "`selects` keeps the differences, `loud` keeps the mean. They have changed places.",
            wrong=lambda u, selects, loud: library_reweigh(u, loud, selects),
        ),
        Mistake(
            "alike, and always quiet",
            "Without selection the weights are all 1 here, loud or not. A loud control must be as loud as SAW: what "
            "was the mean of the weights?",
            wrong=lambda u, selects, loud: library_reweigh(u, selects, loud) if selects else torch.ones_like(u),
        ),
        Mistake(
            "quiet by the sum",
            "The quiet weights sum to 1. They shall *average* to 1, as those of β = 0 do.",
            wrong=lambda u, s, loud: library_reweigh(u, s, loud) if loud else library_reweigh(u, s, False) / len(u),
        ),
        Mistake(
            "quiet by the largest",
            "The largest quiet weight is 1. Their *mean* shall be 1, as with β = 0.",
            wrong=lambda u, s, loud: library_reweigh(u, s, loud) if loud or not s else u / u.max(),
        ),
        Mistake(
            "quiet by clipping",
            "Clipping at 1 makes the weights quieter, and changes how they differ. The ratios between them shall stay.",
            wrong=lambda u, s, loud: library_reweigh(u, s, loud) if loud or not s else u.clamp(max=1.0),
        ),
        Mistake(
            "the total for each",
            "Alike and loud, each row gets the *sum* of all weights. Each shall get their mean.",
            wrong=lambda u, s, loud: u.sum().expand_as(u) if loud and not s else library_reweigh(u, s, loud),
        ),
        Mistake(
            "not loud",
            "The loud weights average to 1, too. `loud` keeps the mean that they have.",
            wrong=lambda u, s, loud: library_reweigh(u, s, False),
        ),
    ],
)
