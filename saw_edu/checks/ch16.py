"""Visible checks of chapter 16, "SAW"."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from saw_edu.checks import Case, Check, Mistake, Satisfies

_BETA = 3.0


def _with_gradient(
    names: tuple[str, ...], *inputs: Tensor | float
) -> Callable[[Callable[..., Tensor]], dict[str, Any]]:
    """Call a loss and also report whether a gradient reaches each of the named tensor inputs."""

    def run(function: Callable[..., Tensor]) -> dict[str, Any]:
        given = [x.clone().requires_grad_() if isinstance(x, Tensor) else x for x in inputs]
        loss = function(*given)
        seen: dict[str, Any] = {"value": loss.detach()}
        if loss.requires_grad:
            loss.sum().backward()
        tensors = [x for x in given if isinstance(x, Tensor)]
        for name, x in zip(names, tensors, strict=True):
            seen[f"gradient reaches {name}"] = x.grad is not None and bool((x.grad != 0).any())
        return seen

    return run


def _reaches(seen: dict[str, Any], name: str) -> bool:
    """Whether some case saw a gradient reach that input."""
    return any(isinstance(case, dict) and case.get(f"gradient reaches {name}") is True for case in seen.values())


# Exercise 1 · The weight of a waypoint

_V_WAYPOINT, _V = torch.tensor([-8.0, -10.0, -12.0, -1.0]), torch.tensor([-9.0, -10.0, -11.5, -20.0])

waypoint_weights = Check(
    "waypoint_weights",
    [
        Case(
            "a better, an equal, a worse and a far better waypoint",
            _V_WAYPOINT,
            _V,
            _BETA,
            expect=torch.tensor([math.exp(3.0), 1.0, math.exp(-1.5), 100.0]),
        ),
        Case(
            "another β",
            torch.tensor([-5.0, -6.0]),
            torch.tensor([-6.0, -5.0]),
            0.5,
            expect=torch.tensor([math.exp(0.5), math.exp(-0.5)]),
        ),
        Case(
            "no gradient into the value",
            run=_with_gradient(("V(w, g)", "V(s, g)"), torch.tensor([-8.0, -9.0]), torch.tensor([-9.0, -8.5]), 1.0),
            expect={
                "value": torch.tensor([math.exp(1.0), math.exp(-0.5)]),
                "gradient reaches V(w, g)": False,
                "gradient reaches V(s, g)": False,
            },
        ),
    ],
    mistakes=[
        Mistake(
            "V(w, g) and V(s, g) swapped",
            "A waypoint closer to the goal than s gets a small weight here. Which value stands first in A(s, w, g)?",
            wrong=lambda vw, v, beta: (beta * (v - vw)).exp().clamp(max=100).detach(),
        ),
        Mistake(
            "gradient into V",
            "The numbers are right, but a gradient flows through them: the policy's loss would bend the value.",
            when=lambda seen: _reaches(seen, "V(w, g)") or _reaches(seen, "V(s, g)"),
        ),
        Mistake(
            "unclipped exponent",
            "A single transition gets an enormous weight here. The largest weight is 100: clip after the exponential.",
            wrong=lambda vw, v, beta: (beta * (vw - v)).exp().detach(),
        ),
        Mistake(
            "β forgotten",
            "The weight does not change with β.",
            wrong=lambda vw, v, beta: (vw - v).exp().clamp(max=100).detach(),
        ),
        Mistake(
            "normalised over the batch",
            "The weights sum to one (or average to one) here. SAW's weights are not normalised.",
            wrong=lambda vw, v, beta: torch.softmax(beta * (vw - v), 0).detach(),
        ),
    ],
)

# Exercise 2 · The bootstrapping loss

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
                "gradient reaches π": True,
                "gradient reaches π_sub": False,
                "gradient reaches the weights": False,
            },
        ),
    ],
    mistakes=[
        Mistake(
            "importance weight outside the mean",
            "Each state needs its own weight before the mean is taken: mean(w · d), not mean(w) · mean(d).",
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
            "gradient into π_sub",
            "π_sub is pulled towards π as well. It is the teacher: it must not move.",
            when=lambda seen: _reaches(seen, "π_sub"),
        ),
        Mistake(
            "gradient into the weights",
            "A gradient flows into the weights: the loss could shrink by making waypoints look bad.",
            when=lambda seen: _reaches(seen, "the weights"),
        ),
    ],
)

# Exercise 3 · The whole objective of the flat policy

_V3 = torch.tensor([-10.0, -10.0, -10.0])
_NEXT3 = torch.tensor([-9.0, -11.0, -9.5])
_WAYPOINT3 = torch.tensor([-8.0, -9.0, -12.0])
_LOG3 = torch.tensor([-2.0, -3.0, -2.5])
_KL3 = torch.tensor([0.5, 2.0, 1.0])


def _objective(a: Tensor, b: Tensor, alpha: float, beta: float, log_probs: Tensor, kl: Tensor) -> Tensor:
    one_step, importance = ((t * x).exp().clamp(max=100).detach() for t, x in ((alpha, a), (beta, b)))
    return -(one_step * log_probs).mean() + (importance * kl).mean()


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
                "gradient reaches log π": True,
                "gradient reaches the divergence": True,
                "gradient reaches V(s, g)": False,
                "gradient reaches V(s', g)": False,
                "gradient reaches V(w, g)": False,
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
            when=lambda seen: any(_reaches(seen, name) for name in ("V(s, g)", "V(s', g)", "V(w, g)")),
        ),
    ],
)

# Exercise 4 · Your SAW against the authors' numbers


def reference_errors(flat_policy_loss: Callable[..., Any]) -> dict[str, float]:
    """Plug a flat policy's loss into SAW and compare with the reference: relative errors of loss and gradients.

    Gradients are told apart by network. Capped at 1e6, so that the answer stays a plain number.
    """
    from saw_edu import parity
    from saw_edu.assets import asset

    return parity.by_network(parity.load_golden(asset("golden/saw.npz")), flat_policy_loss=flat_policy_loss)


def _error_of(name: str) -> Callable[[dict[str, Any]], float]:
    def read(seen: dict[str, Any]) -> float:
        errors = next((case for case in seen.values() if isinstance(case, dict) and name in case), None)
        return 0.0 if errors is None else float(errors[name])

    return read


_agrees = Satisfies(
    lambda errors: isinstance(errors, dict) and max(errors.values()) < 1e-6,
    "your SAW's loss or gradient differs from the reference's by more than one part in a million",
)

flat_policy_loss = Check(
    "flat_policy_loss",
    [Case("the golden case", run=reference_errors, expect=_agrees)],
    mistakes=[
        Mistake(
            "gradient into π_sub",
            "The loss agrees, but π_sub gets another gradient than in the reference: it learns from its own loss only.",
            when=lambda seen: _error_of("loss")(seen) < 1e-6 < _error_of("gradient of low_actor")(seen),
        ),
        Mistake(
            "gradient into V",
            "The loss agrees, but the value's gradient does not: the advantages must not carry one.",
            when=lambda seen: (
                _error_of("loss")(seen)
                < 1e-6
                < max(_error_of("gradient of value")(seen), _error_of("gradient of goal_rep")(seen))
            ),
        ),
        Mistake(
            "the flat policy's gradient",
            "The loss agrees, but π's gradient does not: is something detached that should learn?",
            when=lambda seen: (
                _error_of("loss")(seen)
                < 1e-6
                < max(_error_of("gradient of actor")(seen), _error_of("gradient of actor_goal_rep")(seen))
            ),
        ),
        Mistake(
            "another loss",
            "The loss itself differs from the reference. Check in turn: goals (batch.actor_goals), waypoints "
            "(batch.waypoints), α = agent.awr_alpha, β = agent.kl_alpha, and the mean over the batch.",
            when=lambda seen: _error_of("loss")(seen) >= 1e-6,
        ),
    ],
)
