"""Visible checks of chapter 2: does a value fall with distance?"""

import torch
from torch import Tensor

from saw_edu.checks import Case, Check, Mistake


def _pairs(values: Tensor, distances: Tensor) -> tuple[Tensor, Tensor]:
    return values[:, None] - values[None, :], distances[:, None] - distances[None, :]


def _good(values: Tensor, distances: Tensor) -> Tensor:
    dv, dd = _pairs(values, distances)
    return (dd < 0) & (dv > 0)


def _over_all_pairs(values: Tensor, distances: Tensor) -> float:
    return float(_good(values, distances).float().sum() / (len(values) * (len(values) - 1) / 2))


def _ties_counted(values: Tensor, distances: Tensor) -> float:
    dv, dd = _pairs(values, distances)
    return float(((dd <= 0) & (dv > 0)).float().sum() / (dd <= 0).float().sum())


def _equal_values_too(values: Tensor, distances: Tensor) -> float:
    dv, dd = _pairs(values, distances)
    return float(((dd < 0) & (dv >= 0)).float().sum() / (dd < 0).float().sum())


def _without_brackets(values: Tensor, distances: Tensor) -> float:
    nearer = distances[:, None] < distances[None, :]
    both = distances[:, None] < distances[None, :] & values[:, None] > values[None, :]
    return float(both.sum() / nearer.sum())


def _reversed(values: Tensor, distances: Tensor) -> float:
    dv, dd = _pairs(values, distances)
    return float(((dd < 0) & (dv < 0)).float().sum() / (dd < 0).float().sum())


def _neighbours_only(values: Tensor, distances: Tensor) -> float:
    order = distances.argsort(stable=True)
    v, d = values[order], distances[order]
    differs = d[1:] > d[:-1]
    return float((v[:-1] > v[1:])[differs].float().mean())


def _spearman(values: Tensor, distances: Tensor) -> float:
    ranks = [x.argsort().argsort().float() for x in (values, -distances)]
    return float(torch.corrcoef(torch.stack(ranks))[0, 1])


AGREEMENT_MISTAKES = [
    Mistake(
        "missing brackets",
        "Python takes `&` before `<` and `>`, so `a < b & c > d` means `a < (b & c) > d`. Put each comparison in "
        "brackets.",
        wrong=_without_brackets,
    ),
    Mistake(
        "equal values counted",
        "Equal values are taken for the right order: a V that is the same everywhere would score 1. The nearer state "
        "must have the *higher* value.",
        wrong=_equal_values_too,
    ),
    Mistake(
        "reversed",
        "A V that falls with distance should score 1, not 0. In a good pair the *nearer* state has the *higher* value.",
        wrong=_reversed,
    ),
    Mistake(
        "divided by the whole table",
        "The count is divided by all N times N entries of the table. Only pairs with one nearer state belong below "
        "the fraction line.",
        wrong=lambda values, distances: float(_good(values, distances).float().mean()),
    ),
    Mistake(
        "divided by all pairs",
        "Pairs at equal distance say nothing, and must not count below the fraction line either.",
        wrong=_over_all_pairs,
    ),
    Mistake(
        "equal distances counted",
        "Pairs at equal distance (a state with itself among them) are counted. Only pairs with one *nearer* "
        "state count.",
        wrong=_ties_counted,
    ),
    Mistake(
        "neighbours only",
        "Only pairs next to each other in the order of distance seem to be compared. All pairs should count.",
        wrong=_neighbours_only,
    ),
    Mistake(
        "a correlation",
        "This is a rank correlation, from -1 to 1. Asked for is a fraction of pairs, from 0 to 1.",
        wrong=_spearman,
    ),
]

order_agreement = Check(
    "order_agreement",
    [
        Case(
            "V falls with distance",
            torch.tensor([-1.0, -2.0, -3.0, -4.0]),
            torch.tensor([1.0, 2.0, 3.0, 4.0]),
            expect=1.0,
        ),
        Case("V rises with distance", torch.tensor([1.0, 2.0, 3.0]), torch.tensor([1.0, 2.0, 3.0]), expect=0.0),
        Case(
            "one pair of five wrong",
            torch.tensor([-1.0, -4.0, -3.0, -5.0]),
            torch.tensor([1.0, 2.0, 3.0, 3.0]),
            expect=0.8,
        ),
        Case(
            "equal values are not in order",
            torch.tensor([-1.0, -1.0, -2.0]),
            torch.tensor([1.0, 2.0, 3.0]),
            expect=2 / 3,
        ),
        Case("states in any order", torch.tensor([-5.0, -1.0, -3.0]), torch.tensor([2.0, 1.0, 5.0]), expect=2 / 3),
    ],
    mistakes=AGREEMENT_MISTAKES,
)
