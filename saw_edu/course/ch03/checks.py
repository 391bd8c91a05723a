"""Visible checks of chapter 3, "Vanishing advantages"."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from saw_edu.checks import Case, Check, Mistake

FAR = torch.tensor([1.0, 10.0, 100.0], dtype=torch.float64)
MIXED = torch.tensor([2.0, 5.0, 6.0, 40.0], dtype=torch.float64)


# --- Exercise 1 ---


def _value(distances: Tensor, discount: float) -> Tensor:
    return -(1 - discount**distances) / (1 - discount)


def _gap(distances: Tensor, discount: float, steps: int) -> Tensor:
    return _value((distances - steps).clamp(min=0), discount) - _value(distances + steps, discount)


advantage_gap = Check(
    "advantage_gap",
    [
        Case("one step, near and far", FAR, 0.99, 1, expect=_gap(FAR, 0.99, 1)),
        Case("another discount", FAR, 0.9, 1, expect=_gap(FAR, 0.9, 1)),
        Case("25 steps, no goal nearer than that", torch.tensor([25.0, 100.0, 200.0]), 0.99, 25),
        Case("5 steps, two goals nearer than that or as near", MIXED, 0.95, 5, expect=_gap(MIXED, 0.95, 5)),
    ],
    reference=_gap,
    mistakes=[
        Mistake(
            "only one side",
            "You compare the nearer place with where the agent stands. The choice is between `steps` steps nearer and "
            "`steps` steps farther: the gap spans both.",
            wrong=lambda d, y, k: _value((d - k).clamp(min=0), y) - _value(d, y),
        ),
        Mistake(
            "goes past the goal",
            "Far goals are right, near ones are not: nothing is nearer to the goal than the goal itself, and V there "
            "is 0. What is d - k where the goal is nearer than k steps?",
            wrong=lambda d, y, k: (y ** (d - k) - y ** (d + k)) / (1 - y),
        ),
        Mistake(
            "out on the other side",
            "Where the goal is nearer than k steps, you let the agent walk past it. It stops there: the distance left "
            "is 0, not k - d.",
            wrong=lambda d, y, k: _value((d - k).abs(), y) - _value(d + k, y),
        ),
        Mistake(
            "the other rewards",
            "This is the gap for a reward of 1 at the goal. Here each step costs 1: V is -(1 - γ^d)/(1 - γ), so its "
            "gap is larger by a factor. Which one?",
            wrong=lambda d, y, k: y ** (d - k).clamp(min=0) - y ** (d + k),
        ),
        Mistake(
            "one step always",
            "The answer is that for one step, whatever `steps` says.",
            wrong=lambda d, y, k: _gap(d, y, 1),
        ),
        Mistake(
            "counts steps",
            "You subtract distances. Asked is a difference of values V.",
            wrong=lambda d, y, k: d + k - (d - k).clamp(min=0),
        ),
        Mistake(
            "divides by steps",
            "You divide by the number of steps. The gap is the whole difference.",
            wrong=lambda d, y, k: _gap(d, y, k) / k,
        ),
        Mistake(
            "the wrong way round",
            "The sign is the wrong way round: nearer is worth more.",
            wrong=lambda d, y, k: -_gap(d, y, k),
        ),
    ],
)


# --- Exercise 2 ---

GAPS = torch.tensor([0.0, 0.5, 2.0], dtype=torch.float64)
FLAT = torch.zeros(3, dtype=torch.float64)
RELATED = torch.tensor([0.0, 0.5, 0.9], dtype=torch.float64)


def _chance(gap: Tensor, noise: float, correlation: Tensor) -> Tensor:
    return torch.special.ndtr(-gap / (noise * (2 * (1 - correlation)).sqrt()))


error_chance = Check(
    "error_chance",
    [
        Case("errors that know nothing of one another", GAPS, 0.5, FLAT, expect=_chance(GAPS, 0.5, FLAT)),
        Case("larger errors", GAPS, 3.0, FLAT, expect=_chance(GAPS, 3.0, FLAT)),
        Case("errors that go together", torch.full((3,), 0.7), 0.5, RELATED.float()),
        Case("errors that go against one another", GAPS, 1.0, -RELATED, expect=_chance(GAPS, 1.0, -RELATED)),
    ],
    reference=_chance,
    mistakes=[
        Mistake(
            "one error only",
            "You allow for the error of one value. Both values are off, and it is their difference that decides: what "
            "is the variance of a difference?",
            wrong=lambda g, s, r: torch.special.ndtr(-g / (s * (1 - r).sqrt())),
        ),
        Mistake(
            "variance for spread",
            "You divide by the variance of the difference of errors. Divide by its standard "
            "deviation, the root of that.",
            wrong=lambda g, s, r: torch.special.ndtr(-g / (s**2 * 2 * (1 - r))),
        ),
        Mistake(
            "correlation unused",
            "The correlation changes nothing in your answer.",
            wrong=lambda g, s, r: torch.special.ndtr(-g / (s * math.sqrt(2)) + 0 * r),
        ),
        Mistake(
            "correlation adds",
            "With you, errors that go together make mistakes likelier. A *difference* does not notice what both share: "
            "Var(x - y) = Var x + Var y - 2 Cov(x, y).",
            wrong=lambda g, s, r: torch.special.ndtr(-g / (s * (2 * (1 + r)).sqrt())),
        ),
        Mistake(
            "spreads added",
            "You add the two standard deviations. For a difference, variances add up (less twice the covariance).",
            wrong=lambda g, s, r: torch.special.ndtr(-g / (2 * s * (1 - r).sqrt())),
        ),
        Mistake(
            "root of a part",
            "With independent errors you are right; with others not. The root is over 2 (1 - ρ) as a whole.",
            wrong=lambda g, s, r: torch.special.ndtr(-g / (s * math.sqrt(2) * (1 - r))),
        ),
        Mistake(
            "chance to be right",
            "This is the chance that the choice comes out right. Asked is the chance that it does not.",
            wrong=lambda g, s, r: 1 - _chance(g, s, r),
        ),
        Mistake(
            "two tails",
            "Twice too much: a choice goes wrong on one side only, where the error favours the farther place.",
            wrong=lambda g, s, r: 2 * _chance(g, s, r),
        ),
    ],
)


# --- Exercise 3 ---

DISTANCES = torch.tensor([4.0, 30.0, 100.0, 200.0], dtype=torch.float64)


def _independent(distances: Tensor, discount: float, noise: float, steps: int) -> Tensor:
    return torch.special.ndtr(-_gap(distances, discount, steps) / (noise * math.sqrt(2)))


def _levels(distances: Tensor, discount: float, noise: float, steps: int) -> tuple[Tensor, Tensor]:
    waypoint = distances.clamp(max=steps)
    return _independent(distances, discount, noise, steps), _independent(waypoint, discount, noise, 1)


def _two_levels(distances: Tensor, discount: float, noise: float, steps: int) -> Tensor:
    high, low = _levels(distances, discount, noise, steps)
    return high * (1 - low) + (1 - high) * low


def _any_wrong(distances: Tensor, discount: float, noise: float, steps: int) -> Tensor:
    high, low = _levels(distances, discount, noise, steps)
    return 1 - (1 - high) * (1 - low)


def _sum(distances: Tensor, discount: float, noise: float, steps: int) -> Tensor:
    high, low = _levels(distances, discount, noise, steps)
    return high + low


def _both_wrong(distances: Tensor, discount: float, noise: float, steps: int) -> Tensor:
    high, low = _levels(distances, discount, noise, steps)
    return high * low


def _low_looks_far(distances: Tensor, discount: float, noise: float, steps: int) -> Tensor:
    high, low = _independent(distances, discount, noise, steps), _independent(distances, discount, noise, 1)
    return high * (1 - low) + (1 - high) * low


def _low_strides(distances: Tensor, discount: float, noise: float, steps: int) -> Tensor:
    high = _independent(distances, discount, noise, steps)
    low = _independent(distances.clamp(max=steps), discount, noise, steps)
    return high * (1 - low) + (1 - high) * low


def _beyond_near_goals(distances: Tensor, discount: float, noise: float, steps: int) -> Tensor:
    high = _independent(distances, discount, noise, steps)
    low = _independent(torch.full_like(distances, steps), discount, noise, 1)
    return high * (1 - low) + (1 - high) * low


two_level_error = Check(
    "two_level_error",
    [
        Case("waypoints 10 steps away", DISTANCES, 0.99, 1.0, 10, expect=_two_levels(DISTANCES, 0.99, 1.0, 10)),
        Case("waypoints next door", DISTANCES, 0.99, 1.0, 1, expect=_two_levels(DISTANCES, 0.99, 1.0, 1)),
        Case("far waypoints", DISTANCES, 0.99, 1.0, 60, expect=_two_levels(DISTANCES, 0.99, 1.0, 60)),
        Case("other numbers", DISTANCES, 0.95, 0.5, 7, expect=_two_levels(DISTANCES, 0.95, 0.5, 7)),
    ],
    reference=_two_levels,
    mistakes=[
        Mistake(
            "two wrongs",
            "You count every case in which at least one level errs. On a line, a wrong step towards a wrong waypoint "
            "is a right step: both erring cancels out.",
            wrong=_any_wrong,
        ),
        Mistake(
            "sum of chances",
            "You add the two chances. That counts the case in which both err twice; how does that case end on a line?",
            wrong=_sum,
        ),
        Mistake(
            "both must err",
            "This is the chance that both levels err. The step goes wrong when exactly one of them does.",
            wrong=_both_wrong,
        ),
        Mistake(
            "high level alone",
            "Only the high level can err in your answer. The low level reads the same V, for the waypoint.",
            wrong=lambda d, y, s, k: _levels(d, y, s, k)[0],
        ),
        Mistake(
            "low level alone",
            "Only the low level can err in your answer. The waypoint may be the wrong one as well.",
            wrong=lambda d, y, s, k: _levels(d, y, s, k)[1],
        ),
        Mistake(
            "low level looks at the goal",
            "Your low level reads V for the far goal. It goes for the waypoint: how far away is that?",
            wrong=_low_looks_far,
        ),
        Mistake(
            "low level takes strides",
            "Your low level chooses between places `steps` apart. It takes one step at a time.",
            wrong=_low_strides,
        ),
        Mistake(
            "waypoint beyond the goal",
            "Far goals are right, near ones are not: where the goal is nearer than `steps`, the waypoint is the goal.",
            wrong=_beyond_near_goals,
        ),
    ],
)


# --- Exercise 4 ---

HERE = 0.96 ** torch.tensor([3.0, 10.0, 40.0, 80.0], dtype=torch.float64)
THERE = 0.96 ** torch.tensor([2.0, 11.0, 39.0, 79.0], dtype=torch.float64)
AT_GOAL = torch.tensor([0.9, 0.9, 1.0], dtype=torch.float64)
NEXT = torch.tensor([1.0, 0.81, 1.0], dtype=torch.float64)
CLIP = 100.0


def _weights(values: Tensor, next_values: Tensor, discount: float, alpha: float) -> Tensor:
    return (alpha * (next_values - values) / (1 - discount)).exp().clamp(max=CLIP)


mended_weights = Check(
    "mended_weights",
    [
        Case(
            "steps towards the goal, and one away from it",
            HERE,
            THERE,
            0.96,
            3.0,
            expect=_weights(HERE, THERE, 0.96, 3.0),
        ),
        Case("another inverse temperature", HERE, THERE, 0.96, 10.0, expect=_weights(HERE, THERE, 0.96, 10.0)),
        Case("another discount, next to the goal", AT_GOAL, NEXT, 0.9, 7.0, expect=_weights(AT_GOAL, NEXT, 0.9, 7.0)),
    ],
    reference=_weights,
    mistakes=[
        Mistake(
            "not mended",
            "These are the colleague's weights: nearly all of them are close to 1. In which unit are these values?",
            wrong=lambda v, after, y, a: (a * (after - v)).exp().clamp(max=CLIP),
        ),
        Mistake(
            "the wrong way",
            "The advantages became still smaller: you multiply by 1 - γ. A step of progress should count about 1.",
            wrong=lambda v, after, y, a: (a * (after - v) * (1 - y)).exp().clamp(max=CLIP),
        ),
        Mistake(
            "one value of two",
            "You convert one of the two values only. Either both, or their difference.",
            wrong=lambda v, after, y, a: (a * ((after - 1) / (1 - y) - v)).exp().clamp(max=CLIP),
        ),
        Mistake(
            "no clip",
            "A weight above 100 is used in full. Keep the clip of `colleagues_weights`.",
            wrong=lambda v, after, y, a: (a * (after - v) / (1 - y)).exp(),
        ),
        Mistake(
            "weights, not advantages",
            "You scale the weights. All weights times one number teach a policy nothing new: it is the exponent that "
            "is too small.",
            wrong=lambda v, after, y, a: ((a * (after - v)).exp() / (1 - y)).clamp(max=CLIP),
        ),
        Mistake(
            "wrong way round",
            "Steps that lead away from the goal get the larger weights.",
            wrong=lambda v, after, y, a: _weights(after, v, y, a),
        ),
        Mistake(
            "discounted again",
            "You discount the next value. The advantage here is V(s') - V(s), as in chapter 2.",
            wrong=lambda v, after, y, a: (a * (y * after - v) / (1 - y)).exp().clamp(max=CLIP),
        ),
    ],
)
