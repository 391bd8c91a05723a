"""Visible checks of chapter 14, "Offline hierarchy"."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from saw_edu.checks import Case, Check, Mistake

# --- Exercise 1: signal and noise ---

ESTIMATES = torch.tensor(
    [[2.0, 1.0, -1.0, 4.0], [3.0, -1.0, -3.0, 4.5], [4.0, 0.6, -2.0, 3.5], [3.0, -0.2, -2.5, 4.0]], dtype=torch.float64
)


def _snr(estimates: Tensor) -> Tensor:
    return estimates.mean(0).abs() / estimates.std(0)


signal_to_noise = Check(
    "signal_to_noise",
    [
        Case("four seeds, four places", ESTIMATES, expect=_snr(ESTIMATES)),
        Case("three seeds, five places", torch.stack([ESTIMATES[:3, i % 4] + i for i in range(5)], 1)),
    ],
    reference=_snr,
    mistakes=[
        Mistake(
            "over places",
            "You average over places. Asked is how much *seeds* disagree at one place: which dimension is that?",
            wrong=lambda x: x.mean(1).abs() / x.std(1),
        ),
        Mistake(
            "variance",
            "That is divided by the variance. In which unit is an advantage, and in which its variance?",
            wrong=lambda x: x.mean(0).abs() / x.var(0),
        ),
        Mistake(
            "squared",
            "That is the square of what is asked for.",
            wrong=lambda x: x.mean(0) ** 2 / x.var(0),
        ),
        Mistake(
            "one deviation for all",
            "You divide by the deviation of all numbers together. How much do seeds disagree at *each* place?",
            wrong=lambda x: x.mean(0).abs() / x.std(),
        ),
        Mistake(
            "sign kept",
            "Negative where the advantage is. How sure one can be of a sign does not depend on which sign it is.",
            wrong=lambda x: x.mean(0) / x.std(0),
        ),
        Mistake(
            "sizes first",
            "You take sizes before you average. Seeds that disagree about the sign then look as if they agreed.",
            wrong=lambda x: x.abs().mean(0) / x.std(0),
        ),
        Mistake(
            "divided by the number of seeds",
            "Close: with few seeds, the deviation that divides by their number is too small. Use `std` as it comes.",
            wrong=lambda x: x.mean(0).abs() / x.std(0, correction=0),
        ),
        Mistake(
            "of the mean",
            "You divide by the standard error, which shrinks with more seeds. A policy is learned from *one* value.",
            wrong=lambda x: x.mean(0).abs() / (x.std(0) / len(x) ** 0.5),
        ),
    ],
)

# --- Exercise 2: which states are subgoals ---

_ROWS = torch.tensor([0, 3, 5, 10, 11, 17])
_FINALS = torch.tensor([9, 9, 9, 19, 19, 19])
_GOALS = torch.tensor([2, 9, 6, 19, 2, 18])
_RANDOM = torch.tensor([False, False, False, False, True, True])


def _waypoints(rows: Tensor, goals: Tensor, finals: Tensor, random: Tensor, k: int) -> Tensor:
    ahead = torch.minimum(rows + k, finals)
    return torch.where(random, ahead, torch.minimum(ahead, goals))


waypoint_rows = Check(
    "waypoint_rows",
    [
        Case("k = 4, goals on the same walk and random ones", _ROWS, _GOALS, _FINALS, _RANDOM, 4),
        Case("k = 1", _ROWS, _GOALS, _FINALS, _RANDOM, 1),
        Case("k longer than a walk", _ROWS, _GOALS, _FINALS, _RANDOM, 30),
        Case("random goals only", _ROWS, torch.tensor([19, 1, 0, 4, 12, 17]), _FINALS, torch.ones(6) > 0, 4),
    ],
    reference=_waypoints,
    mistakes=[
        Mistake(
            "beyond the goal",
            "Your subgoals walk past goals that are nearer than k. Where the goal is on the walk, is a state "
            "*behind* it on the way to it?",
            wrong=lambda r, g, f, random, k: torch.minimum(r + k, f),
        ),
        Mistake(
            "random goals as if on the walk",
            "A random goal's row says nothing about this walk: it may be smaller than the row of s. Only goals of the "
            "same walk cut a subgoal short.",
            wrong=lambda r, g, f, random, k: torch.minimum(torch.minimum(r + k, f), g),
        ),
        Mistake(
            "into the next walk",
            "Near a walk's end your subgoals lie in the *next* walk. Nothing crashes; the high level learns to jump.",
            wrong=lambda r, g, f, random, k: torch.where(random, r + k, torch.minimum(r + k, g)),
        ),
        Mistake(
            "the goal itself",
            "Where a random goal is asked for, you propose the goal itself. Which state of this walk can be a subgoal?",
            wrong=lambda r, g, f, random, k: torch.where(random, g, torch.minimum(torch.minimum(r + k, f), g)),
        ),
        Mistake(
            "the goal of the walk",
            "Where the goal is on the walk, you propose the goal itself, however far it is. A subgoal is k rows ahead, "
            "or the goal if that is nearer.",
            wrong=lambda r, g, f, random, k: torch.where(random, torch.minimum(r + k, f), g),
        ),
        Mistake(
            "off by one",
            "One row off: a subgoal lies k rows ahead.",
            wrong=lambda r, g, f, random, k: _waypoints(r, g, f, random, k - 1),
        ),
        Mistake(
            "the other way round",
            "Kinds of goals are exchanged: `random` is True where the goal was drawn from all data.",
            wrong=lambda r, g, f, random, k: _waypoints(r, g, f, ~random, k),
        ),
    ],
)

# --- Exercise 3: the high level's loss ---

_LOG_PROBS = torch.tensor([-1.0, -2.0, -0.5, -3.0], dtype=torch.float64)
_HERE = torch.tensor([-9.0, -8.0, -7.5, -10.0], dtype=torch.float64)
_THERE = torch.tensor([-8.5, -8.2, -5.0, -10.0], dtype=torch.float64)


def _weights(there: Tensor, here: Tensor, beta: float) -> Tensor:
    return (beta * (there - here)).exp().clamp(max=100.0).detach()


def _high(log_probs: Tensor, here: Tensor, there: Tensor, beta: float) -> Tensor:
    return -(_weights(there, here, beta) * log_probs).mean()


def _with_gradients(log_probs: Tensor, here: Tensor, there: Tensor, beta: float) -> Callable[[Any], Any]:
    def run(function: Any) -> dict[str, Tensor]:
        inputs = [x.clone().requires_grad_(True) for x in (log_probs, here, there)]
        loss = function(*inputs, beta)
        grads = torch.autograd.grad(loss.sum(), inputs, allow_unused=True)
        names = ("of log-probabilities", "of V(s, g)", "of V(w, g)")
        pairs = zip(names, grads, inputs, strict=True)
        return {"loss": loss.detach()} | {n: torch.zeros_like(x) if g is None else g for n, g, x in pairs}

    return run


def _flowing(log_probs: Tensor, here: Tensor, there: Tensor, beta: float) -> Tensor:
    return -((beta * (there - here)).exp().clamp(max=100.0) * log_probs).mean()


high_level_loss = Check(
    "high_level_loss",
    [
        Case(label, run=_with_gradients(*case), expect=_with_gradients(*case)(_high))
        for label, case in {
            "moderate advantages": (_LOG_PROBS, _HERE, _THERE, 1.0),
            "a weight above 100": (_LOG_PROBS, _HERE, _THERE, 3.0),
        }.items()
    ],
    mistakes=[
        Mistake(
            "values trained too",
            "The loss is right, but gradient flows into V. Policies are extracted from it; it must not be bent to "
            "their liking: detach the weights.",
            wrong=_flowing,
        ),
        Mistake(
            "sign",
            "Minimised, your loss makes good subgoals *less* likely.",
            wrong=lambda p, here, there, beta: -_high(p, here, there, beta),
        ),
        Mistake(
            "advantage turned round",
            "The advantage is turned round: a waypoint is good if V is *higher there* than here.",
            wrong=lambda p, here, there, beta: _high(p, there, here, beta),
        ),
        Mistake(
            "not clipped",
            "Weights grow without bound: one waypoint with a very large one decides the whole batch. Clip them at 100.",
            wrong=lambda p, here, there, beta: -((beta * (there - here)).exp().detach() * p).mean(),
        ),
        Mistake(
            "beta on one value",
            "β multiplies the whole advantage, and not one of its two values.",
            wrong=lambda p, here, there, beta: -((beta * there - here).exp().clamp(max=100.0).detach() * p).mean(),
        ),
        Mistake(
            "divided by beta",
            "β is an *inverse* temperature: it multiplies the advantage.",
            wrong=lambda p, here, there, beta: _high(p, here, there, 1 / beta),
        ),
        Mistake(
            "summed",
            "Summed over the batch instead of averaged: twice the batch would double the learning rate.",
            wrong=lambda p, here, there, beta: _high(p, here, there, beta) * len(p),
        ),
    ],
)

# --- Exercise 4: the low level's advantage ---

_S = torch.tensor([0.0, 2.0, 5.0, 9.0], dtype=torch.float64)
_S_NEXT = torch.tensor([1.0, 1.5, 6.0, 8.0], dtype=torch.float64)
_W = torch.tensor([4.0, 6.0, 3.0, 5.0], dtype=torch.float64)
_G = torch.tensor([30.0, -20.0, 25.0, 40.0], dtype=torch.float64)


def _distance(states: Tensor, goals: Tensor) -> Tensor:
    return -(states - goals).abs()


def _crooked(states: Tensor, goals: Tensor) -> Tensor:
    return -((states - goals) ** 2) / 10 + torch.sin(goals)


def _low(value: Any, s: Tensor, s_next: Tensor, w: Tensor, g: Tensor) -> Tensor:
    difference: Tensor = value(s_next, w) - value(s, w)
    return difference


low_level_advantage = Check(
    "low_level_advantage",
    [
        Case(label, run=lambda f, v=v: f(v, _S, _S_NEXT, _W, _G), expect=_low(v, _S, _S_NEXT, _W, _G))
        for label, v in {"V is minus a distance": _distance, "another V": _crooked}.items()
    ],
    mistakes=[
        Mistake(
            "towards the final goal",
            "This is the advantage for the *final* goal. It trains, without a word: a low level that is told a "
            "waypoint and rewarded for something else. Its goal is the waypoint, in both values.",
            wrong=lambda v, s, n, w, g: v(n, g) - v(s, g),
        ),
        Mistake(
            "the high level's",
            "This is the high level's advantage, of the waypoint for the final goal. The low level chooses one action.",
            wrong=lambda v, s, n, w, g: v(w, g) - v(s, g),
        ),
        Mistake(
            "two different goals",
            "The two values are for different goals, so most of their difference is not the action's doing.",
            wrong=lambda v, s, n, w, g: v(n, w) - v(s, g),
        ),
        Mistake("turned round", "The sign is turned round.", wrong=lambda v, s, n, w, g: v(s, w) - v(n, w)),
        Mistake(
            "goal and state exchanged",
            "State and goal are exchanged: `value(states, goals)`.",
            wrong=lambda v, s, n, w, g: v(w, n) - v(w, s),
        ),
        Mistake(
            "the next value alone",
            "V(s', w) alone says how near w is, mostly, and hardly what the action did. What would V be without it?",
            wrong=lambda v, s, n, w, g: v(n, w),
        ),
    ],
)
