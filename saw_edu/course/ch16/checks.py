"""Visible checks of chapter 16, "SAW"."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from saw_edu.checks.check import Case, Check, Mistake
from saw_edu.course.ch16.flat_checks import flat_policy_loss
from saw_edu.course.ch16.own_saw import my_saw
from saw_edu.course.ch16.saw_losses import weights
from saw_edu.course.ch16.waypoint_checks import waypoint_rows

__all__ = ["bootstrapping_loss", "flat_policy_loss", "my_saw", "saw_objective", "waypoint_rows"]


def _with_gradient(
    names: tuple[str, ...], *inputs: Tensor | float
) -> Callable[[Callable[..., Tensor]], dict[str, Any]]:
    """Call a loss and also report, in words, which of the named tensor inputs a gradient reaches."""

    def run(function: Callable[..., Tensor]) -> dict[str, Any]:
        given = [x.clone().requires_grad_() if isinstance(x, Tensor) else x for x in inputs]
        loss = function(*given)
        if loss.requires_grad:
            loss.sum().backward()
        tensors = [x for x in given if isinstance(x, Tensor)]
        reached = [
            name for name, x in zip(names, tensors, strict=True) if x.grad is not None and bool((x.grad != 0).any())
        ]
        return {"value": loss.detach(), "a gradient reaches": " and ".join(reached) or "nothing"}

    return run


def _reached(seen: dict[str, Any]) -> set[str]:
    """The inputs that a gradient was seen to reach."""
    answers = [case["a gradient reaches"] for case in seen.values() if isinstance(case, dict)]
    return {name for answer in answers if answer != "nothing" for name in answer.split(" and ")}


# Exercise 1 · The bootstrapping loss

_MEANS = torch.tensor([[0.0, 0.0, 0.3], [1.0, -1.0, 0.3], [0.5, 0.5, 0.3]])
_SUB = torch.tensor([[1.0, 2.0, 0.3], [1.0, 0.0, 0.3], [0.5, 0.0, 0.3]])
_WEIGHTS = torch.tensor([2.0, 1.0, 4.0])

bootstrapping_loss = Check(
    "bootstrapping_loss",
    [
        Case("three states, three action dimensions", _MEANS, _SUB, _WEIGHTS, expect=torch.tensor(4.0)),
        Case("equal policies", _SUB, _SUB, _WEIGHTS, expect=torch.tensor(0.0)),
        Case(
            "which inputs learn",
            run=_with_gradient(("π", "π_sub", "the weights"), _MEANS, _SUB, _WEIGHTS),
            expect={
                "value": torch.tensor(4.0),
                "a gradient reaches": "π",
            },
        ),
    ],
    mistakes=[
        Mistake(
            "importance weight outside the mean",
            "Each state needs its own weight before the mean is taken: mean(w · d), not mean(w) · mean(d). "
            "(Multiplying shapes (B, 1) and (B,) gives the same: every state with every weight.)",
            wrong=lambda m, s, w: w.detach().mean() * (m - s.detach()).square().sum(-1).mean(),
        ),
        Mistake(
            "mean over the action dimensions",
            "The distance is a sum over the action's dimensions; the mean is over the batch only.",
            wrong=lambda m, s, w: (w.detach() * (m - s.detach()).square().mean(-1)).mean(),
        ),
        Mistake(
            "half the squared distance",
            "This is the exact KL divergence, ½ of what the released code (and this exercise) uses: drop the factor ½.",
            wrong=lambda m, s, w: (w.detach() * 0.5 * (m - s.detach()).square().sum(-1)).mean(),
        ),
        Mistake(
            "weights normalised",
            "The weighted sum is divided by the sum of the weights here; SAW divides by the size of the batch.",
            wrong=lambda m, s, w: (w.detach() * (m - s.detach()).square().sum(-1)).sum() / w.detach().sum(),
        ),
        Mistake(
            "teacher and student exchanged",
            "π_sub learns from this loss and π does not: the wrong one of the two is detached.",
            when=lambda seen: "π_sub" in _reached(seen) and "π" not in _reached(seen),
        ),
        Mistake(
            "gradient into π_sub",
            "π_sub is pulled towards π as well. It is the teacher: it must not move.",
            when=lambda seen: {"π_sub", "π"} <= _reached(seen),
        ),
        Mistake(
            "gradient into the weights",
            "A gradient flows into the weights: the loss could shrink by making waypoints look bad.",
            when=lambda seen: "the weights" in _reached(seen),
        ),
        Mistake(
            "π does not learn",
            "No gradient reaches π, so nothing would be learned. Detach the teacher and the weights, not the student.",
            when=lambda seen: "π" not in _reached(seen),
        ),
        Mistake(
            "weights along the wrong axis",
            "Weights (B,) met a tensor (B, act): broadcasting paired them with action dimensions. Sum those first.",
            wrong=lambda m, s, w: (w.detach() * (m - s.detach()).square()).sum(-1).mean(),
        ),
        Mistake(
            "not squared",
            "This is the distance, not its square.",
            wrong=lambda m, s, w: (w.detach() * (m - s.detach()).norm(dim=-1)).mean(),
        ),
        Mistake(
            "weights forgotten",
            "All states count the same here, whatever their weight.",
            wrong=lambda m, s, w: (m - s.detach()).square().sum(-1).mean(),
        ),
        Mistake(
            "sum over the batch",
            "The loss grows with the size of the batch: take the mean over it.",
            wrong=lambda m, s, w: (w.detach() * (m - s.detach()).square().sum(-1)).sum(),
        ),
    ],
)

# Exercise 2 · The whole objective of the flat policy

_V3 = torch.tensor([-10.0, -10.0, -10.0])
_NEXT3 = torch.tensor([-9.0, -11.0, -9.5])
_WAYPOINT3 = torch.tensor([-8.0, -9.0, -12.0])
_LOG3 = torch.tensor([-2.0, -3.0, -2.5])
_KL3 = torch.tensor([0.5, 2.0, 1.0])


def _objective(
    a: Tensor, b: Tensor, alpha: float, beta: float, log_probs: Tensor, kl: Tensor, clip: float = 100.0
) -> Tensor:
    return -(weights(a, alpha, clip) * log_probs).mean() + (weights(b, beta, clip) * kl).mean()


saw_objective = Check(
    "saw_objective",
    [
        Case(
            "three transitions",
            _LOG3,
            _KL3,
            _V3,
            _NEXT3,
            _WAYPOINT3,
            1.0,
            0.5,
            expect=torch.tensor(
                (2 * math.e + 3 * math.exp(-1) + 2.5 * math.exp(0.5)) / 3
                + (0.5 * math.e + 2 * math.exp(0.5) + math.exp(-1)) / 3
            ),
        ),
        Case(
            "one large weight in each term",
            torch.tensor([-2.0, -2.0]),
            torch.tensor([0.5, 0.5]),
            torch.tensor([-30.0, -30.0]),
            torch.tensor([-10.0, -30.0]),
            torch.tensor([-30.0, -5.0]),
            1.0,
            1.0,
            expect=torch.tensor((200 + 2) / 2 + (0.5 + 50) / 2),
        ),
        Case(
            "without bootstrapping: α alone",
            _LOG3,
            torch.zeros(3),
            _V3,
            _NEXT3,
            _WAYPOINT3,
            2.0,
            3.0,
            expect=torch.tensor((2 * math.exp(2) + 3 * math.exp(-2) + 2.5 * math.e) / 3),
        ),
        Case(
            "which inputs learn",
            run=_with_gradient(
                ("log π", "the divergence", "V(s, g)", "V(s', g)", "V(w, g)"),
                _LOG3,
                _KL3,
                _V3,
                _NEXT3,
                _WAYPOINT3,
                1.0,
                0.5,
            ),
            expect={
                "value": torch.tensor(
                    (2 * math.e + 3 * math.exp(-1) + 2.5 * math.exp(0.5)) / 3
                    + (0.5 * math.e + 2 * math.exp(0.5) + math.exp(-1)) / 3
                ),
                "a gradient reaches": "log π and the divergence",
            },
        ),
    ],
    mistakes=[
        Mistake(
            "the objective instead of the loss",
            "This is what SAW *maximises*. An optimiser minimises: both terms change their sign.",
            wrong=lambda lp, kl, v, n, w, a, b: -_objective(n - v, w - v, a, b, lp, kl),
        ),
        Mistake(
            "the divergence has the wrong sign",
            "The loss falls when π moves away from π_sub. A divergence is something to make small.",
            wrong=lambda lp, kl, v, n, w, a, b: _objective(n - v, w - v, a, b, lp, -kl),
        ),
        Mistake(
            "α and β swapped",
            "α belongs to the action's advantage, β to the waypoint's.",
            wrong=lambda lp, kl, v, n, w, a, b: _objective(n - v, w - v, b, a, lp, kl),
        ),
        Mistake(
            "the waypoint's advantage on the action",
            "The two advantages have changed places: the action is judged by V(s', g), the waypoint by V(w, g).",
            wrong=lambda lp, kl, v, n, w, a, b: _objective(w - v, n - v, a, b, lp, kl),
        ),
        Mistake(
            "the waypoint's advantage from s'",
            "A(s, w, g) starts at s: V(w, g) - V(s, g). Here it starts at s'.",
            wrong=lambda lp, kl, v, n, w, a, b: _objective(n - v, w - n, a, b, lp, kl),
        ),
        Mistake(
            "stop-gradient missing on the weight",
            "A gradient flows into the value function. The policy's loss must leave V alone.",
            when=lambda seen: bool(_reached(seen) & {"V(s, g)", "V(s', g)", "V(w, g)"}),
        ),
        Mistake(
            "no bootstrapping",
            "This is the one-step term alone: GCIVL. The divergence is missing.",
            wrong=lambda lp, kl, v, n, w, a, b: _objective(n - v, w - v, a, b, lp, 0 * kl),
        ),
        Mistake(
            "π does not learn",
            "No gradient reaches log π or the divergence: one of them is detached, and its term would teach nothing.",
            when=lambda seen: _reached(seen) != {"log π", "the divergence"},
        ),
        Mistake(
            "unclipped weights",
            "A weight above 100 occurs here. Both weights are clipped at 100, after the exponential.",
            when=lambda seen: float(seen["one large weight in each term"]) > 1e3,
        ),
        Mistake(
            "the log-probability has the wrong sign",
            "The loss falls when good actions become *less* likely. Which sign has log π in a loss?",
            wrong=lambda lp, kl, v, n, w, a, b: _objective(n - v, w - v, a, b, -lp, kl),
        ),
        Mistake(
            "V(w, g) and V(s, g) swapped",
            "A waypoint closer to the goal than s gets a small weight here. Which value comes first in A(s, w, g)?",
            wrong=lambda lp, kl, v, n, w, a, b: _objective(n - v, v - w, a, b, lp, kl),
        ),
        Mistake(
            "both advantages reversed",
            "Both advantages are the wrong way round: where you get to comes first, where you are is subtracted.",
            wrong=lambda lp, kl, v, n, w, a, b: _objective(v - n, v - w, a, b, lp, kl),
        ),
        Mistake(
            "importance weight outside the mean",
            "Each transition needs its own weight before the mean is taken: mean(w · d), not mean(w) · mean(d).",
            wrong=lambda lp, kl, v, n, w, a, b: -(weights(n - v, a) * lp).mean() + weights(w - v, b).mean() * kl.mean(),
        ),
        Mistake(
            "one weight for both terms",
            "The divergence is weighted like the action here. It has a weight of its own, from the waypoint.",
            wrong=lambda lp, kl, v, n, w, a, b: _objective(n - v, n - v, a, a, lp, kl),
        ),
        Mistake(
            "sum over the batch",
            "The loss grows with the size of the batch: take the mean over it.",
            wrong=lambda lp, kl, v, n, w, a, b: len(lp) * _objective(n - v, w - v, a, b, lp, kl),
        ),
    ],
)
