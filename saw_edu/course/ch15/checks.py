"""Visible checks of chapter 15, "Policy bootstrapping"."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from saw_edu.checks import Case, Check, Mistake

_LN2, _LN3 = math.log(2.0), math.log(3.0)


def _reached(seen: dict[str, Any]) -> set[str]:
    """The inputs that a gradient was seen to reach."""
    answers = [case["a gradient reaches"] for case in seen.values() if isinstance(case, dict)]
    return {name for answer in answers if answer != "nothing" for name in answer.split(" and ")}


def _named(given: dict[str, Tensor]) -> str:
    """Which of the named tensors have a gradient that is not zero, in words."""
    reached = [name for name, x in given.items() if x.grad is not None and bool((x.grad != 0).any())]
    return " and ".join(reached) or "nothing"


def _weights(advantages: Tensor, temperature: float, clip: float = 100.0) -> Tensor:
    return (temperature * advantages).exp().clamp(max=clip).detach()


# Exercise 1 · The subgoal posterior

_PRIOR = torch.tensor([[0.5, 0.5, 0.0], [0.2, 0.2, 0.6]])
_ADVANTAGES = torch.tensor([[0.0, _LN2, 5.0], [_LN3, 0.0, 0.0]])


def _posterior(prior: Tensor, advantages: Tensor, beta: float) -> Tensor:
    return torch.softmax(prior.log() + beta * advantages, dim=-1)


subgoal_posterior = Check(
    "subgoal_posterior",
    [
        Case(
            "two pairs of state and goal, three waypoints",
            _PRIOR,
            _ADVANTAGES,
            1.0,
            expect=torch.tensor([[1 / 3, 2 / 3, 0.0], [0.6 / 1.4, 0.2 / 1.4, 0.6 / 1.4]]),
        ),
        Case(
            "β = 2",
            torch.tensor([[0.25, 0.75]]),
            torch.tensor([[_LN3, 0.0]]),
            2.0,
            expect=torch.tensor([[0.75, 0.25]]),
        ),
        Case(
            "large advantages",
            torch.tensor([[0.5, 0.5]]),
            torch.tensor([[300.0, 300.0 - _LN3]]),
            1.0,
            expect=torch.tensor([[0.75, 0.25]]),
        ),
        Case(
            "no walk goes to the best waypoint",
            torch.tensor([[0.0, 0.75, 0.25]]),
            torch.tensor([[30.0, 0.0, _LN3]]),
            1.0,
            expect=torch.tensor([[0.0, 0.5, 0.5]]),
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
            "normalised over the batch",
            "The columns sum to one, the rows do not: each pair (s, g) has a distribution over waypoints of its own.",
            wrong=lambda p, a, beta: torch.softmax(p.log() + beta * a, 0),
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
            "not normalised",
            "The rows do not sum to one. A posterior is a distribution over waypoints.",
            when=lambda seen: abs(float(seen["β = 2"].sum()) - 1) > 1e-3,
        ),
        Mistake(
            "overflow",
            "For large advantages the numbers become infinite. Only differences of advantages matter: take the largest "
            "of a row away before the exponential, or work with logarithms and `torch.softmax`.",
            when=lambda seen: not bool(torch.isfinite(torch.as_tensor(seen["large advantages"])).all()),
        ),
        Mistake(
            "a prior of zero made positive",
            "A waypoint where no walk goes has a probability here. A small number added to the prior is not small "
            "beside a large advantage. The logarithm of zero is −∞, and softmax makes that a zero again.",
            when=lambda seen: float(seen["no walk goes to the best waypoint"][0][0]) > 1e-6,
        ),
    ],
)

# Exercise 2 · The evidence bound


def _bound(q: Tensor, prior: Tensor, advantages: Tensor, beta: float, kl: float = 1.0) -> Tensor:
    divergence = (torch.xlogy(q, q) - torch.xlogy(q, prior)).sum(-1)
    return (q * beta * advantages).sum(-1) - kl * divergence


_Q2 = torch.tensor([[0.5, 0.5], [0.25, 0.75]])
_P2 = torch.tensor([[0.5, 0.5], [0.5, 0.5]])
_A2 = torch.tensor([[2.0, -1.0], [1.0, 3.0]])

evidence_bound = Check(
    "evidence_bound",
    [
        Case(
            "two pairs of state and goal; the first q is the prior",
            _Q2,
            _P2,
            _A2,
            2.0,
            expect=torch.tensor([1.0, 5.0 - (0.25 * math.log(0.5) + 0.75 * math.log(1.5))]),
        ),
        Case(
            "another prior",
            torch.tensor([[0.5, 0.5]]),
            torch.tensor([[0.8, 0.2]]),
            torch.tensor([[1.0, 0.0]]),
            1.0,
            expect=torch.tensor([0.5 - math.log(1.25)]),
        ),
        Case(
            "all on one waypoint",
            torch.tensor([[1.0, 0.0]]),
            torch.tensor([[0.5, 0.5]]),
            torch.tensor([[2.0, 7.0]]),
            1.0,
            expect=torch.tensor([2.0 - _LN2]),
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
            "β on the divergence",
            "β multiplies the advantage, not the divergence.",
            wrong=lambda q, p, a, beta: beta * _bound(q, p, a, 1.0),
        ),
        Mistake(
            "zero times infinity",
            "A waypoint with q = 0 makes the bound NaN. 0 · log 0 counts as 0: `torch.xlogy(q, q)` knows that.",
            when=lambda seen: bool(torch.isnan(torch.as_tensor(seen["all on one waypoint"])).any()),
        ),
    ],
)

# Exercise 3 · The flat policy that both directions of the KL ask for

_TEACHERS = torch.tensor([[[0.64, 0.04], [0.04, 0.64], [0.32, 0.32]]])  # (1, A = 3, W = 2)
_HALF = torch.tensor([[0.5, 0.5]])
_UNEVEN = torch.tensor([[0.25, 0.75]])


def _mixture(posterior: Tensor, teachers: Tensor) -> Tensor:
    return (posterior[:, None] * teachers).sum(-1)


def _geometric(posterior: Tensor, teachers: Tensor) -> Tensor:
    return torch.softmax((posterior[:, None] * teachers.log()).sum(-1), -1)


flat_policy = Check(
    "flat_policy",
    [
        Case("KL(π_sub ‖ π), two teachers alike", _HALF, _TEACHERS, False, expect=torch.tensor([[0.34, 0.34, 0.32]])),
        Case("KL(π ‖ π_sub), two teachers alike", _HALF, _TEACHERS, True, expect=torch.tensor([[0.25, 0.25, 0.5]])),
        Case(
            "KL(π_sub ‖ π), one teacher counts more",
            _UNEVEN,
            _TEACHERS,
            False,
            expect=torch.tensor([[0.19, 0.49, 0.32]]),
        ),
        Case(
            "KL(π ‖ π_sub), one teacher counts more",
            _UNEVEN,
            _TEACHERS,
            True,
            expect=torch.tensor([[0.08, 0.32, 0.32]]) / 0.72,
        ),
    ],
    mistakes=[
        Mistake(
            "directions swapped",
            "KL(π ‖ π_sub) and KL(π_sub ‖ π) have changed places. Which mean keeps an action that only one teacher "
            "would take?",
            wrong=lambda q, t, first: _mixture(q, t) if first else _geometric(q, t),
        ),
        Mistake(
            "geometric mean not normalised",
            "For KL(π ‖ π_sub) the probabilities do not sum to one. Exponentiate, then normalise over actions.",
            wrong=lambda q, t, first: (q[:, None] * t.log()).sum(-1).exp() if first else _mixture(q, t),
        ),
        Mistake(
            "posterior ignored",
            "All teachers count alike here. A waypoint's teacher counts as much as the posterior says.",
            wrong=lambda q, t, first: torch.softmax(t.log().mean(-1), -1) if first else t.mean(-1),
        ),
        Mistake(
            "one teacher only",
            "Only the likeliest waypoint's teacher is heard. That is what a generator does; here all of them count.",
            wrong=lambda q, t, first: t.gather(-1, q.argmax(-1)[:, None, None].expand(*t.shape[:2], 1)).squeeze(-1),
        ),
        Mistake(
            "one answer for both",
            "Both directions give the same policy here. They do not: only one is the mixture of the teachers.",
            wrong=lambda q, t, first: _mixture(q, t),
        ),
    ],
)

# Exercise 4 · GCWAE

Value = Callable[[Tensor, Tensor], Tensor]


def with_value(
    log_probs: Tensor,
    states: Tensor,
    following: Tensor,
    subgoals: Tensor,
    goals: Tensor,
    alpha: float,
    steep: float,
    uphill: float = 0.0,
) -> Callable[[Callable[..., Tensor]], dict[str, Any]]:
    """For a case: the loss with V(s, g) = -steep (|s - g| + uphill (g - s)), and in words what a gradient reaches."""

    def run(gcwae_loss: Callable[..., Tensor]) -> dict[str, Any]:
        given = {"log π": log_probs.clone(), "the generator": subgoals.clone(), "V": torch.tensor(steep)}
        for x in given.values():
            x.requires_grad_()

        def value(s: Tensor, g: Tensor) -> Tensor:
            return -given["V"] * ((s - g).abs() + uphill * (g - s)).sum(-1)

        loss = gcwae_loss(
            given["log π"], value, states.clone(), following.clone(), given["the generator"], goals.clone(), alpha
        )
        if loss.requires_grad:
            loss.sum().backward()
        return {"value": loss.detach(), "a gradient reaches": _named(given)}

    return run


def _column(*numbers: float) -> Tensor:
    return torch.tensor(numbers)[:, None]


# Positions on a line: the goal lies to the right of the first state, but the subgoal to its left (around a wall, say).
_LINE = (
    torch.tensor([-2.0, -3.0, -1.0]),
    _column(0.0, 0.0, 5.0),
    _column(1.0, -1.0, 5.5),
    _column(-3.0, -3.0, 7.0),
    _column(20.0, -20.0, 30.0),
)
_WAE = (2 * math.exp(-0.5) + 3 * math.exp(0.5) + math.exp(0.25)) / 3
_FAST = (torch.tensor([-2.0, -2.0]), _column(0.0, 0.0), _column(3.0, 0.0), _column(4.0, 4.0), _column(9.0, 9.0))


def _wae(which: Callable[..., Tensor], clip: float = 100.0, sign: float = -1.0) -> Callable[..., Tensor]:
    """The loss with another advantage, clip or sign."""

    def gcwae_loss(lp: Tensor, v: Value, s: Tensor, n: Tensor, w: Tensor, g: Tensor, alpha: float) -> Tensor:
        return sign * (_weights(which(v, s, n, w, g), alpha, clip) * lp).mean()

    return gcwae_loss


gcwae_loss = Check(
    "gcwae_loss",
    [
        Case(
            "three transitions on a line",
            run=with_value(*_LINE, 0.5, 1.0),
            expect={
                "value": torch.tensor(_WAE),
                "a gradient reaches": "log π",
            },
        ),
        Case(
            "the way to the right is longer than the way back",
            run=with_value(*_LINE, 0.5, 1.0, 0.5),
            expect={
                "value": torch.tensor((2 * math.exp(-0.25) + 3 * math.exp(0.25) + math.exp(0.375)) / 3),
                "a gradient reaches": "log π",
            },
        ),
        Case(
            "a weight above 100",
            run=with_value(*_FAST, 2.0, 1.0),
            expect={
                "value": torch.tensor(101.0),
                "a gradient reaches": "log π",
            },
        ),
    ],
    mistakes=[
        Mistake(
            "advantage for the goal instead of the subgoal",
            "The action is judged by how much nearer to g it leads. GCWAE asks how much nearer to the *subgoal*.",
            wrong=_wae(lambda v, s, n, w, g: v(n, g) - v(s, g)),
        ),
        Mistake(
            "advantage of the subgoal",
            "This is how good the subgoal is, V(w, g) - V(s, g): the generator's weight. Where is the action in it?",
            wrong=_wae(lambda v, s, n, w, g: v(w, g) - v(s, g)),
        ),
        Mistake(
            "state and subgoal swapped in V",
            "`value` takes the state first and what is to be reached second: V(s', w). Here they have changed places.",
            wrong=_wae(lambda v, s, n, w, g: v(w, n) - v(w, s)),
        ),
        Mistake(
            "V(s, w) and V(s', w) swapped",
            "An action that leads away from the subgoal gets a large weight here.",
            wrong=_wae(lambda v, s, n, w, g: v(s, w) - v(n, w)),
        ),
        Mistake(
            "unclipped weights",
            "A weight above 100 is used in full. Clip after the exponential.",
            when=lambda seen: float(seen["a weight above 100"]["value"]) > 102,
        ),
        Mistake(
            "gradient into V and the generator",
            "A gradient flows through the advantages: the policy's loss would bend V and move the subgoals to "
            "where the action looks good. `torch.no_grad()` or `.detach()`.",
            when=lambda seen: bool(_reached(seen) & {"V", "the generator"}),
        ),
        Mistake(
            "the objective instead of the loss",
            "This is what GCWAE maximises. An optimiser minimises.",
            wrong=_wae(lambda v, s, n, w, g: v(n, w) - v(s, w), sign=1.0),
        ),
        Mistake(
            "π does not learn",
            "No gradient reaches log π, so nothing would be learned.",
            when=lambda seen: "log π" not in _reached(seen),
        ),
    ],
)

# Exercise 5 · RIS

_LOG5 = torch.tensor([-2.0, -3.0, -2.5])
_ADV5 = torch.tensor([1.0, -1.0, 0.5])
_MEANS5 = torch.tensor([[0.0, 0.0, 0.3], [1.0, -1.0, 0.3], [0.5, 0.5, 0.3]])
_PRIOR5 = torch.tensor([[1.0, 2.0, 0.3], [1.0, 0.0, 0.3], [0.5, 0.0, 0.3]])
_AWR5 = (2 * math.exp(2.0) + 3 * math.exp(-2.0) + 2.5 * math.e) / 3


def with_teacher(
    log_probs: Tensor, advantages: Tensor, means: Tensor, subgoal_means: Tensor, alpha: float, prior_weight: float
) -> Callable[[Callable[..., Tensor]], dict[str, Any]]:
    """For a case: the loss, and in words what a gradient reaches."""

    def run(ris_loss: Callable[..., Tensor]) -> dict[str, Any]:
        given = {"log π": log_probs, "the advantages": advantages, "π": means, "π_sub": subgoal_means}
        given = {name: x.clone().requires_grad_() for name, x in given.items()}
        loss = ris_loss(*given.values(), alpha, prior_weight)
        if loss.requires_grad:
            loss.sum().backward()
        return {"value": loss.detach(), "a gradient reaches": _named(given)}

    return run


def _ris(
    lp: Tensor, adv: Tensor, m: Tensor, p: Tensor, alpha: float, factor: Tensor | float, clip: float = 100.0
) -> Tensor:
    distance = (m - p.detach()).square().sum(-1)
    return -(_weights(adv, alpha, clip) * lp).mean() + (factor * distance).mean()


ris_loss = Check(
    "ris_loss",
    [
        Case(
            "three transitions",
            run=with_teacher(_LOG5, _ADV5, _MEANS5, _PRIOR5, 2.0, 3.0),
            expect={"value": torch.tensor(_AWR5 + 3 * (5 + 1 + 0.25) / 3), "a gradient reaches": "log π and π"},
        ),
        Case(
            "prior_weight = 0 is advantage-weighted regression",
            run=with_teacher(_LOG5, _ADV5, _MEANS5, _PRIOR5, 2.0, 0.0),
            expect={"value": torch.tensor(_AWR5), "a gradient reaches": "log π"},
        ),
        Case(
            "a weight above 100",
            run=with_teacher(_LOG5[:1], torch.tensor([9.0]), _MEANS5[:1], _PRIOR5[:1], 1.0, 0.5),
            expect={"value": torch.tensor(202.5), "a gradient reaches": "log π and π"},
        ),
    ],
    mistakes=[
        Mistake(
            "prior_weight in the exponent",
            "With prior_weight = 0 the teacher still counts: here it is an exponent, as in SAW. In RIS it is a factor.",
            wrong=lambda lp, adv, m, p, alpha, k: _ris(lp, adv, m, p, alpha, _weights(adv, k)),
        ),
        Mistake(
            "prior_weight forgotten",
            "The pull towards π_sub does not change with prior_weight.",
            wrong=lambda lp, adv, m, p, alpha, k: _ris(lp, adv, m, p, alpha, 1.0),
        ),
        Mistake(
            "the action's weight on both terms",
            "The divergence is multiplied by the action's weight as well. RIS pulls equally hard at every state.",
            wrong=lambda lp, adv, m, p, alpha, k: _ris(lp, adv, m, p, alpha, k * _weights(adv, alpha)),
        ),
        Mistake(
            "the divergence has the wrong sign",
            "The loss falls when π moves away from π_sub.",
            wrong=lambda lp, adv, m, p, alpha, k: _ris(lp, adv, m, p, alpha, -k),
        ),
        Mistake(
            "mean over the action dimensions",
            "The distance is a sum over the action's dimensions; the mean is over the batch only.",
            wrong=lambda lp, adv, m, p, alpha, k: _ris(lp, adv, m, p, alpha, k / m.shape[1]),
        ),
        Mistake(
            "half the squared distance",
            "The released code, and this exercise, have no factor ½.",
            wrong=lambda lp, adv, m, p, alpha, k: _ris(lp, adv, m, p, alpha, k / 2),
        ),
        Mistake(
            "unclipped weights",
            "A weight above 100 is used in full. Clip after the exponential.",
            wrong=lambda lp, adv, m, p, alpha, k: _ris(lp, adv, m, p, alpha, k, math.inf),
        ),
        Mistake(
            "gradient into π_sub",
            "π_sub is pulled towards π as well. It is the teacher: it must not move.",
            when=lambda seen: "π_sub" in _reached(seen),
        ),
        Mistake(
            "gradient into the advantages",
            "A gradient reaches the advantages, and through them V. The weights are constants for the policy.",
            when=lambda seen: "the advantages" in _reached(seen),
        ),
        Mistake(
            "π does not learn from the teacher",
            "No gradient reaches π's means: is the student detached instead of the teacher?",
            when=lambda seen: "π" not in _reached(seen),
        ),
    ],
)
