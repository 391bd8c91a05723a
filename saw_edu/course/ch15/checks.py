"""Visible checks of chapter 15, "Policy bootstrapping": waypoints. Those of policies lie beside."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from saw_edu.checks import Case, Check, Mistake
from saw_edu.course.ch15.policy_checks import flat_policy, ris_loss

__all__ = ["evidence_bound", "flat_policy", "posterior_mean", "ris_loss", "subgoal_posterior"]

_LN2, _LN3 = math.log(2.0), math.log(3.0)


def _double(*rows: object) -> Tensor:
    return torch.tensor(rows, dtype=torch.float64)


def _finite(answer: object) -> bool:
    return answer is not None and bool(np.isfinite(np.asarray(answer)).all())


# Exercise 1 · The subgoal posterior

_PRIOR = _double([0.5, 0.5, 0.0], [0.2, 0.2, 0.6])
_ADVANTAGES = _double([0.0, _LN2, 5.0], [_LN3, 0.0, 0.0])
_TWO, _LARGE, _UNSEEN = "two pairs of state and goal, three waypoints", "large advantages", "no walk goes to the best"


def _posterior(prior: Tensor, advantages: Tensor, beta: float) -> Tensor:
    return torch.softmax(prior.log() + beta * advantages, dim=-1)


subgoal_posterior = Check(
    "subgoal_posterior",
    [
        Case(
            _TWO,
            _PRIOR,
            _ADVANTAGES,
            1.0,
            expect=_double([1 / 3, 2 / 3, 0.0], [0.6 / 1.4, 0.2 / 1.4, 0.6 / 1.4]),
            exact_dtype=True,
        ),
        Case("β = 2", _double([0.2, 0.8]), _double([_LN3, 0.0]), 2.0, expect=_double([9 / 13, 4 / 13])),
        Case(_LARGE, _double([0.5, 0.5]), _double([1000.0, 1000.0 - _LN3]), 1.0, expect=_double([0.75, 0.25])),
        Case(
            _UNSEEN,
            _double([0.0, 0.75, 0.25]),
            _double([1000.0, 0.0, _LN3]),
            1.0,
            expect=_double([0.0, 0.5, 0.5]),
        ),
    ],
    mistakes=[
        Mistake(
            "prior forgotten",
            "A waypoint where no walk goes has a probability here, or rare and common ones count alike. "
            "What does the posterior know beside the advantage?",
            wrong=lambda p, a, beta: torch.softmax(beta * a, -1),
        ),
        Mistake(
            "logarithm forgotten",
            "The prior is added to the exponent as it is. What has to be added, so that its exponential is the prior?",
            wrong=lambda p, a, beta: torch.softmax(p + beta * a, -1),
        ),
        Mistake(
            "the axis of the sum is lost",
            "One pair works, two do not: the sums (N,) meet weights (N, W). Keep the summed axis (`keepdim=True`).",
            when=lambda seen: seen[_TWO] is None and seen["β = 2"] is not None,
        ),
        Mistake(
            "normalised over the batch",
            "The columns sum to one, the rows do not: each pair (s, g) has a distribution over waypoints of its own.",
            when=lambda seen: np.allclose(seen[_TWO].sum(0)[:2], 1) and not np.allclose(seen[_TWO].sum(1), 1),
        ),
        Mistake(
            "advantage with the wrong sign",
            "The better a waypoint, the less likely it is here.",
            wrong=lambda p, a, beta: _posterior(p, -a, beta),
        ),
        Mistake(
            "β on the prior too",
            "β sharpens the prior here as well. It multiplies the advantage alone.",
            wrong=lambda p, a, beta: torch.softmax(beta * (p.log() + a), -1),
        ),
        Mistake(
            "divided by β",
            "β is an *inverse* temperature: the larger it is, the more the advantage counts.",
            wrong=lambda p, a, beta: _posterior(p, a, 1 / beta),
        ),
        Mistake(
            "β forgotten",
            "The posterior does not change with β.",
            wrong=lambda p, a, beta: _posterior(p, a, 1.0),
        ),
        Mistake(
            "logarithms for probabilities",
            "These are the logarithms of the posterior. Exponentiate, or use `softmax` instead of `log_softmax`.",
            wrong=lambda p, a, beta: torch.log_softmax(p.log() + beta * a, -1),
        ),
        Mistake(
            "not normalised",
            "The rows do not sum to one. A posterior is a distribution over waypoints.",
            when=lambda seen: abs(float(seen["β = 2"].sum()) - 1) > 1e-3,
        ),
        Mistake(
            "overflow",
            "For large advantages the numbers become infinite. Only differences of advantages matter: take the largest "
            "of a row away before the exponential, or work with logarithms and `torch.softmax`.",
            when=lambda seen: _finite(seen[_TWO]) and not _finite(seen[_LARGE]),
        ),
        Mistake(
            "the largest advantage of a waypoint where no walk goes",
            "What you take away before the exponential is the advantage of a waypoint where no walk goes, and nothing "
            "is left of the others. Only waypoints that occur may count.",
            when=lambda seen: _finite(seen[_LARGE]) and not float(seen[_UNSEEN].sum()) > 0.5,
        ),
        Mistake(
            "a prior of zero made positive",
            "A waypoint where no walk goes has a probability here. However small a number replaces the zero, a large "
            "advantage outweighs it. The logarithm of zero is −∞, and softmax makes that a zero again.",
            when=lambda seen: (
                np.allclose(seen["β = 2"], [[9 / 13, 4 / 13]], atol=1e-3) and float(seen[_UNSEEN][0][0]) > 1e-6
            ),
        ),
    ],
)

# Exercise 2 · The evidence bound


def _bound(q: Tensor, prior: Tensor, advantages: Tensor, beta: float, kl: float = 1.0) -> Tensor:
    divergence = (torch.xlogy(q, q) - torch.xlogy(q, prior)).sum(-1)
    return (q * beta * advantages).sum(-1) - kl * divergence


_Q2 = _double([0.5, 0.5], [0.25, 0.75])
_P2 = _double([0.5, 0.5], [0.5, 0.5])
_A2 = _double([2.0, -1.0], [1.0, 3.0])
_FIRST, _ONE = "two pairs of state and goal; the first q is the prior", "all on one waypoint"
_BOUND1 = [1.0, 5.0 - (0.25 * math.log(0.5) + 0.75 * math.log(1.5))]

evidence_bound = Check(
    "evidence_bound",
    [
        Case(_FIRST, _Q2, _P2, _A2, 2.0, expect=_double(*_BOUND1), rtol=1e-9, atol=1e-9, exact_dtype=True),
        Case(
            "another prior, three waypoints",
            _double([0.5, 0.25, 0.25]),
            _double([0.7, 0.1, 0.2]),
            _double([1.0, 0.0, -2.0]),
            1.0,
            expect=_double(-(0.5 * math.log(0.5 / 0.7) + 0.25 * math.log(2.5) + 0.25 * math.log(1.25))),
            rtol=1e-9,
            atol=1e-9,
        ),
        Case(
            _ONE,
            _double([1.0, 0.0]),
            _double([0.5, 0.5]),
            _double([2.0, 7.0]),
            1.0,
            expect=_double(2.0 - _LN2),
            rtol=1e-9,
            atol=1e-9,
        ),
    ],
    mistakes=[
        Mistake(
            "KL in the other direction",
            "The divergence is KL(q ‖ p): which of the two distributions is the logarithm averaged over?",
            wrong=lambda q, p, a, beta: (
                (q * beta * a).sum(-1) - (torch.xlogy(p, p) - torch.where(p > 0, p * q.log(), 0.0)).sum(-1)
            ),
        ),
        Mistake(
            "the divergence added",
            "Moving away from the prior makes the bound larger here. It must cost something.",
            wrong=lambda q, p, a, beta: _bound(q, p, a, beta, -1.0),
        ),
        Mistake(
            "no divergence",
            "This is the expected advantage alone: q may go where no walk goes, for free.",
            wrong=lambda q, p, a, beta: _bound(q, p, a, beta, 0.0),
        ),
        Mistake(
            "entropy for divergence",
            "The entropy of q is there, the prior is not: KL(q ‖ p) has two terms.",
            wrong=lambda q, p, a, beta: (q * beta * a - torch.xlogy(q, q)).sum(-1),
        ),
        Mistake("β forgotten", "The bound does not change with β.", wrong=lambda q, p, a, beta: _bound(q, p, a, 1.0)),
        Mistake(
            "a plain mean over waypoints",
            "All waypoints count alike in the expected advantage. It is taken over q: likely waypoints count more.",
            wrong=lambda q, p, a, beta: _bound(q, p, a, 0.0) + beta * a.mean(-1),
        ),
        Mistake(
            "the advantage under the prior",
            "The expected advantage is taken over the prior, where walks go. It is q that proposes.",
            wrong=lambda q, p, a, beta: _bound(q, p, a, 0.0) + beta * (p * a).sum(-1),
        ),
        Mistake(
            "the expected advantage divided by the number of waypoints",
            "The expected advantage is too small by the number of waypoints: it is the *sum* of probability times "
            "value. `mean` divides once more.",
            wrong=lambda q, p, a, beta: _bound(q, p, a, 0.0) + (q * beta * a).mean(-1),
        ),
        Mistake(
            "divided by the number of waypoints",
            "Every number is too small by the number of waypoints: an expectation is the *sum* of probability times "
            "value. `mean` divides once more.",
            wrong=lambda q, p, a, beta: _bound(q, p, a, beta) / q.shape[-1],
        ),
        Mistake(
            "β on the divergence",
            "β multiplies the advantage, not the divergence.",
            wrong=lambda q, p, a, beta: beta * _bound(q, p, a, 1.0),
        ),
        Mistake(
            "zero times infinity",
            "A waypoint with q = 0 makes the bound NaN. 0 · log 0 counts as 0: `torch.xlogy(q, q)` knows that.",
            when=lambda seen: _finite(seen[_FIRST]) and bool(np.isnan(seen[_ONE]).any()),
        ),
        Mistake(
            "a small number in the logarithm",
            "Right to some digits only: did you add a small number, so that no logarithm is of 0? It changes every "
            "term. `torch.xlogy(q, q)` is exact.",
            when=lambda seen: np.allclose(seen[_FIRST], _BOUND1, atol=1e-3),
        ),
    ],
)

# Exercise 4 · The expectation under the posterior, from waypoints of the data

_F = _double([[1.0, 0.0, 0.5], [2.0, 4.0, -1.0]], [[0.0, 1.0, 3.0], [5.0, 5.0, 5.0]])  # (N = 2, A = 2, K = 3)
_F3 = torch.cat([_F, _double([[0.5, 0.5, 2.0], [-1.0, 0.0, 1.0]])])  # (3, 2, 3)
_A4 = _double([0.0, _LN2, _LN3], [_LN2, 0.0, -_LN2], [0.0, 0.0, 3.0])
_HUGE = _double([700.0, 700.0 + _LN3, 0.0])


def _weighted(f: Tensor, u: Tensor) -> Tensor:
    return (f * u[:, None]).sum(-1) / u.sum(-1)[:, None]


def _mean(f: Tensor, advantages: Tensor, beta: float) -> Tensor:
    return _weighted(f, torch.softmax(beta * advantages, -1))


posterior_mean = Check(
    "posterior_mean",
    [
        Case("three pairs, two numbers each, three waypoints", _F3, _A4, 1.0, exact_dtype=True),
        Case("β = 2", _F3, _A4, 2.0),
        Case("a weight above 100", _F, _double([0.0, 5.0, 6.0], [8.0, 0.0, 7.0]), 1.0),
        Case(_LARGE, _F[:1], _HUGE, 3.0),
    ],
    reference=_mean,
    mistakes=[
        Mistake(
            "weights not normalised",
            "This is the mean of weight times f: Z(s, g) times what is asked for. If all f were 1, the answer should "
            "be 1. What do the weights sum to?",
            wrong=lambda f, a, beta: (f * (beta * a).exp()[:, None]).mean(-1),
        ),
        Mistake(
            "a sum for a mean",
            "This is the sum of weight times f. If all f were 1, the answer should be 1. What do the weights sum to?",
            wrong=lambda f, a, beta: (f * (beta * a).exp()[:, None]).sum(-1),
        ),
        Mistake(
            "all waypoints alike",
            "All waypoints count alike here: this is the mean over where walks go, not over where it was good to go.",
            wrong=lambda f, a, beta: f.mean(-1),
        ),
        Mistake(
            "normalised over the batch",
            "The weights of one *waypoint* sum to one over the pairs. Each pair has a distribution of its own.",
            wrong=lambda f, a, beta: (f * torch.softmax(beta * a, 0)[:, None]).sum(-1),
        ),
        Mistake(
            "divided by K as well",
            "The weights sum to one already, and then the mean divides by the number of waypoints once more.",
            wrong=lambda f, a, beta: _mean(f, a, beta) / f.shape[-1],
        ),
        Mistake(
            "the best waypoint only",
            "Only the best waypoint counts here. The others have weight, too.",
            wrong=lambda f, a, beta: f.gather(-1, a.argmax(-1)[:, None, None].expand(*f.shape[:2], 1)).squeeze(-1),
        ),
        Mistake(
            "clipped",
            "A weight above 100 is cut here. That is what SAW does in practice, and no longer the posterior: leave the "
            "clip out.",
            wrong=lambda f, a, beta: _weighted(f, (beta * a).exp().clamp(max=100)),
        ),
        Mistake(
            "advantage with the wrong sign",
            "The better a waypoint, the less it counts here.",
            wrong=lambda f, a, beta: _mean(f, -a, beta),
        ),
        Mistake("β forgotten", "The answer does not change with β.", wrong=lambda f, a, beta: _mean(f, a, 1.0)),
        Mistake(
            "divided by β",
            "β is an *inverse* temperature: the larger it is, the more the advantage counts.",
            wrong=lambda f, a, beta: _mean(f, a, 1 / beta),
        ),
        Mistake(
            "overflow",
            "For large advantages the numbers become infinite. As in exercise 1: only differences within a row matter.",
            when=lambda seen: _finite(seen["β = 2"]) and not _finite(seen[_LARGE]),
        ),
    ],
)
