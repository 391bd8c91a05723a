"""Visible checks of chapter 15's policies: the best flat one for either direction of the KL, and RIS's loss."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from saw_edu.checks.check import Case, Check, Mistake

# Exercise 3 · The flat policy that both directions of the KL ask for

_TEACHERS = torch.tensor([[[0.64, 0.04], [0.04, 0.64], [0.32, 0.32]]], dtype=torch.float64)  # (1, A = 3, W = 2)
_HALF = torch.tensor([[0.5, 0.5]], dtype=torch.float64)
_UNEVEN = torch.tensor([[0.25, 0.75]], dtype=torch.float64)
_PAIRS = torch.cat([_UNEVEN, _HALF]), torch.cat([_TEACHERS, _TEACHERS.flip(1)])  # two pairs of state and goal


def _mixture(posterior: Tensor, teachers: Tensor) -> Tensor:
    return (posterior[:, None] * teachers).sum(-1)


def _logits(posterior: Tensor, teachers: Tensor) -> Tensor:
    return (posterior[:, None] * teachers.log()).sum(-1)


def _geometric(posterior: Tensor, teachers: Tensor) -> Tensor:
    return torch.softmax(_logits(posterior, teachers), -1)


def _row(*numbers: float) -> Tensor:
    return torch.tensor([numbers], dtype=torch.float64)


_CODE, _PAPER = "KL(π_sub ‖ π)", "KL(π ‖ π_sub)"

flat_policy = Check(
    "flat_policy",
    [
        Case(f"{_CODE}, two teachers alike", _HALF, _TEACHERS, False, expect=_row(0.34, 0.34, 0.32)),
        Case(f"{_PAPER}, two teachers alike", _HALF, _TEACHERS, True, expect=_row(0.25, 0.25, 0.5)),
        Case(f"{_CODE}, one teacher counts more", _UNEVEN, _TEACHERS, False, expect=_row(0.19, 0.49, 0.32)),
        Case(f"{_PAPER}, one teacher counts more", _UNEVEN, _TEACHERS, True, expect=_row(0.08, 0.32, 0.32) / 0.72),
        Case(f"{_CODE}, two pairs", *_PAIRS, False, exact_dtype=True),
        Case(f"{_PAPER}, two pairs", *_PAIRS, True, exact_dtype=True),
    ],
    reference=lambda q, t, first: _geometric(q, t) if first else _mixture(q, t),
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
            wrong=lambda q, t, first: _logits(q, t).exp() if first else _mixture(q, t),
        ),
        Mistake(
            "logarithms for probabilities",
            "For KL(π ‖ π_sub) these are logarithms. Exponentiate, then normalise over actions.",
            wrong=lambda q, t, first: _logits(q, t) if first else _mixture(q, t),
        ),
        Mistake(
            "normalised over the batch",
            "For KL(π ‖ π_sub) an action's probabilities sum to one over the *pairs*. Normalise over actions.",
            wrong=lambda q, t, first: torch.softmax(_logits(q, t), 0) if first else _mixture(q, t),
        ),
        Mistake(
            "softmax of the mixture",
            "The mixture of the teachers goes through a softmax here. A mixture of distributions is one already.",
            wrong=lambda q, t, first: _geometric(q, t) if first else torch.softmax(_mixture(q, t), -1),
        ),
        Mistake(
            "softmax without the logarithm",
            "For KL(π ‖ π_sub) a softmax of *probabilities* is taken. What are its inputs to be, so that it gives a "
            "geometric mean?",
            wrong=lambda q, t, first: torch.softmax(_mixture(q, t), -1) if first else _mixture(q, t),
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
            "the mixture for both",
            "Both directions give the mixture of the teachers here. Only one of them asks for it.",
            wrong=lambda q, t, first: _mixture(q, t),
        ),
        Mistake(
            "the geometric mean for both",
            "Both directions give the geometric mean here. Only one of them asks for it.",
            wrong=lambda q, t, first: _geometric(q, t),
        ),
    ],
)

# Exercise 5 · RIS

_LOG5 = torch.tensor([-2.0, -3.0, -2.5])
_ADV5 = torch.tensor([1.0, -1.0, 0.5])
_MEANS5 = torch.tensor([[0.0, 0.0, 0.3], [1.0, -1.0, 0.3], [0.5, 0.5, 0.3]])
_PRIOR5 = torch.tensor([[1.0, 2.0, 0.3], [1.0, 0.0, 0.3], [0.5, 0.0, 0.3]])
_AWR5 = (2 * math.exp(2.0) + 3 * math.exp(-2.0) + 2.5 * math.e) / 3
_GRADIENT = "a gradient reaches"


def _reached(seen: dict[str, Any]) -> set[str]:
    """The inputs that a gradient was seen to reach."""
    answers = [case[_GRADIENT] for case in seen.values() if isinstance(case, dict)]
    return {name for answer in answers if answer != "nothing" for name in answer.split(" and ")}


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
        reached = [name for name, x in given.items() if x.grad is not None and bool((x.grad != 0).any())]
        return {"value": loss.detach(), _GRADIENT: " and ".join(reached) or "nothing"}

    return run


def _weights(advantages: Tensor, temperature: float, clip: float = 100.0) -> Tensor:
    return (temperature * advantages).exp().clamp(max=clip).detach()


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
            expect={"value": torch.tensor(_AWR5 + 3 * (5 + 1 + 0.25) / 3), _GRADIENT: "log π and π"},
        ),
        Case(
            "prior_weight = 0 is advantage-weighted regression",
            run=with_teacher(_LOG5, _ADV5, _MEANS5, _PRIOR5, 2.0, 0.0),
            expect={"value": torch.tensor(_AWR5), _GRADIENT: "log π"},
        ),
        Case(
            "a weight above 100",
            run=with_teacher(_LOG5[:1], torch.tensor([9.0]), _MEANS5[:1], _PRIOR5[:1], 1.0, 0.5),
            expect={"value": torch.tensor(202.5), _GRADIENT: "log π and π"},
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
            "α forgotten",
            "The actions' weights do not change with α.",
            wrong=lambda lp, adv, m, p, alpha, k: _ris(lp, adv, m, p, 1.0, k),
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
            "the log-probability has the wrong sign",
            "The loss falls when good actions become *less* likely. Which sign has log π in a loss?",
            wrong=lambda lp, adv, m, p, alpha, k: _ris(-lp, adv, m, p, alpha, k),
        ),
        Mistake(
            "mean over the action dimensions",
            "The distance is a sum over the action's dimensions; the mean is over the batch only.",
            wrong=lambda lp, adv, m, p, alpha, k: _ris(lp, adv, m, p, alpha, k / m.shape[1]),
        ),
        Mistake(
            "not squared",
            "This is the distance of the means, not its square.",
            wrong=lambda lp, adv, m, p, alpha, k: (
                _ris(lp, adv, m, p, alpha, 0.0) + k * (m - p.detach()).square().sum(-1).sqrt().mean()
            ),
        ),
        Mistake(
            "half the squared distance",
            "The released code, and this exercise, have no factor ½.",
            wrong=lambda lp, adv, m, p, alpha, k: _ris(lp, adv, m, p, alpha, k / 2),
        ),
        Mistake(
            "sum over the batch",
            "The loss grows with the size of the batch: take the mean over it.",
            wrong=lambda lp, adv, m, p, alpha, k: len(lp) * _ris(lp, adv, m, p, alpha, k),
        ),
        Mistake(
            "unclipped weights",
            "A weight above 100 is used in full. Clip after the exponential.",
            wrong=lambda lp, adv, m, p, alpha, k: _ris(lp, adv, m, p, alpha, k, math.inf),
        ),
        Mistake(
            "teacher and student exchanged",
            "π_sub learns from this term and π does not: the wrong one of the two is detached.",
            when=lambda seen: "π_sub" in _reached(seen) and "π" not in _reached(seen),
        ),
        Mistake(
            "gradient into π_sub",
            "π_sub is pulled towards π as well. It is the teacher: it must not move.",
            when=lambda seen: {"π_sub", "π"} <= _reached(seen),
        ),
        Mistake(
            "gradient into the advantages",
            "A gradient reaches the advantages, and through them V. The weights are constants for the policy.",
            when=lambda seen: "the advantages" in _reached(seen),
        ),
        Mistake(
            "π does not learn from the teacher",
            "No gradient reaches π's means: who is detached, the student or the teacher?",
            when=lambda seen: "log π" in _reached(seen) and "π" not in _reached(seen),
        ),
    ],
)
