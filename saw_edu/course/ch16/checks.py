"""Visible checks of chapter 16, "SAW"."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from saw_edu.agents import SAW
from saw_edu.checks.check import Case, Check, Mistake
from saw_edu.course.ch16.own_saw import my_saw, waypoint_rows
from saw_edu.course.ch16.saw_losses import AUTHORS, FlatPolicyLoss, agrees, error, sizes, two_things, variant, weights
from saw_edu.data import Batch, Spec
from saw_edu.place import asset
from saw_edu.reference import agents as parity

__all__ = ["bootstrapping_loss", "flat_policy_loss", "my_saw", "saw_objective", "waypoint_rows", "waypoint_weights"]

_BETA = 3.0


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
                "a gradient reaches": "nothing",
            },
        ),
    ],
    mistakes=[
        Mistake(
            "V(w, g) and V(s, g) swapped",
            "A waypoint closer to the goal than s gets a small weight here. Which value comes first in A(s, w, g)?",
            wrong=lambda vw, v, beta: (beta * (v - vw)).exp().clamp(max=100).detach(),
        ),
        Mistake(
            "gradient into V",
            "The numbers are right, but a gradient flows through them: the policy's loss would bend the value.",
            when=lambda seen: bool(_reached(seen)),
        ),
        Mistake(
            "unclipped exponent",
            "A single transition gets an enormous weight here. The largest weight is 100: clip after the exponential.",
            wrong=lambda vw, v, beta: (beta * (vw - v)).exp().detach(),
        ),
        Mistake(
            "a lower bound for an upper one",
            "Every weight is at least 100: `clamp(100)` raises what is below. Cut what is above: `clamp(max=100)`.",
            wrong=lambda vw, v, beta: (beta * (vw - v)).exp().clamp(100).detach(),
        ),
        Mistake(
            "divided by β",
            "β is an *inverse* temperature: the advantage is multiplied by it.",
            wrong=lambda vw, v, beta: ((vw - v) / beta).exp().clamp(max=100).detach(),
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
            "gradient into π_sub",
            "π_sub is pulled towards π as well. It is the teacher: it must not move.",
            when=lambda seen: "π_sub" in _reached(seen),
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

# Exercise 3 · The whole objective of the flat policy

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

# Exercise 4 · Your SAW against the authors' numbers


def reference_errors(flat_policy_loss: FlatPolicyLoss) -> dict[str, float]:
    """Plug a flat policy's loss into SAW and compare with the reference: relative errors of loss and gradients.

    Gradients are told apart by network. The case has three different temperatures and some weights above 100. Errors
    are at most 1e6, so that the answer stays plain numbers.
    """
    golden = parity.load_golden(asset("golden/saw_steep.npz"))
    return parity.by_network(golden, flat_policy_loss=two_things(flat_policy_loss))


def loss_and_gradients(seed: int, **options: Any) -> Callable[[FlatPolicyLoss], dict[str, float]]:
    """For a case: the loss on a random problem with other hyperparameters, and the size of each network's gradient.

    The value function is steep, so that some weights are above 100.
    """

    def run(flat_policy_loss: FlatPolicyLoss) -> dict[str, float]:
        generator = torch.Generator().manual_seed(seed)
        dims = (16, 16)
        agent = SAW(dims, dims, dims, rep_dim=4, **options)
        networks = agent.networks(Spec(6, 2), generator).double()
        with torch.no_grad():
            networks.value.net.dense[-1].kernel.mul_(10)
            for parameter in networks.parameters():  # fresh policies are all alike; make them differ
                parameter.add_(0.1 * torch.randn(parameter.shape, generator=generator, dtype=torch.float64))

        def draw(*shape: int) -> Tensor:
            return torch.randn(*shape, generator=generator, dtype=torch.float64)

        s = draw(32, 6)
        batch = Batch(s, draw(32, 2).clamp(-1, 1), s + 0.3 * draw(32, 6), *draw(2, 32), *draw(4, 32, 6))
        loss, _ = two_things(flat_policy_loss)(agent, networks, batch)
        return sizes(loss, networks)

    return run


flat_policy_loss = Check(
    "flat_policy_loss",
    [
        Case(AUTHORS, run=reference_errors, expect=agrees),
        Case("other temperatures", run=loss_and_gradients(3, alpha=1.0, beta=2.0, subgoal_alpha=4.0), rtol=1e-6),
    ],
    reference=variant(),
    mistakes=[
        Mistake(
            "α and β swapped",
            "α (agent.alpha) belongs to the action's advantage, β (agent.beta) to the waypoint's.",
            wrong=variant(alpha="beta", beta="alpha"),
        ),
        Mistake(
            "the subgoal policy's temperature",
            "agent.subgoal_alpha is for training π_sub. The flat policy's are agent.alpha and agent.beta.",
            wrong=variant(alpha="subgoal_alpha"),
        ),
        Mistake(
            "unclipped weights",
            "A weight above 100 occurs here, and is used in full. `awr_weights` clips.",
            wrong=variant(clip=math.inf),
        ),
        Mistake(
            "the divergence has the wrong sign",
            "The loss falls when π moves away from π_sub.",
            wrong=variant(scale=-1.0),
        ),
        Mistake(
            "half the squared distance",
            "The bootstrapping term is half the reference's: the released code has no factor ½.",
            wrong=variant(scale=0.5),
        ),
        Mistake(
            "mean over the action dimensions",
            "The bootstrapping term is too small by the number of action dimensions: sum over them, do not average.",
            wrong=variant(average=True),
        ),
        Mistake(
            "other goals",
            "The flat policy trains on batch.policy_goals; batch.value_goals are for the value function.",
            wrong=variant(goals="value_goals"),
        ),
        Mistake(
            "subgoals for waypoints",
            "batch.subgoals are π_sub's training goals, which may lie beyond g. The waypoints are batch.waypoints.",
            wrong=variant(waypoints="subgoals"),
        ),
        Mistake(
            "advantages for the waypoint instead of the goal",
            "The flat policy's advantages tell how much nearer to the *goal* an action or a waypoint leads: V(·, g). "
            "Here they are taken with respect to the waypoint. That is π_sub's advantage.",
            wrong=variant(judged_by="waypoints"),
        ),
        Mistake(
            "importance weight outside the mean",
            "Each transition needs its own weight before the mean is taken: mean(w · d), not mean(w) · mean(d).",
            wrong=variant(outside=True),
        ),
        Mistake(
            "the teacher asked for the goal",
            "π_sub is asked for g here. It only knows near goals: ask it for the waypoint.",
            wrong=variant(teacher_asked_for="policy_goals"),
        ),
        Mistake(
            "the flat policy asked for the waypoint",
            "π is asked for the waypoint here. Nobody will tell it one when it acts: it must learn for g.",
            wrong=variant(asked_for="waypoints"),
        ),
        Mistake(
            "V(w, g) and V(s, g) swapped",
            "A waypoint closer to the goal than s gets a small weight here. Which value comes first in A(s, w, g)?",
            wrong=variant(backwards=True),
        ),
        Mistake(
            "values in another order",
            "`values_of` returns the values in the order of the states that you hand it. Did the names change places?",
            wrong=variant(order=(0, 2, 1)),
        ),
        Mistake(
            "gradient into π_sub",
            "The loss agrees, but π_sub gets another gradient than in the reference: it learns from its own loss only.",
            when=lambda seen: error(seen, "loss") < 1e-6 < error(seen, "gradient of subgoal_policy"),
        ),
        Mistake(
            "gradient into V",
            "The loss agrees, but the value's gradient does not: the advantages must not carry one.",
            when=lambda seen: error(seen, "loss") < 1e-6 < error(seen, "gradient of value", "gradient of goal_rep"),
        ),
        Mistake(
            "the flat policy's gradient",
            "The loss agrees, but π's gradient does not: is something detached that should learn?",
            when=lambda seen: (
                error(seen, "loss") < 1e-6 < error(seen, "gradient of policy", "gradient of policy_goal_rep")
            ),
        ),
        Mistake(
            "another loss",
            "The loss itself differs. Check in turn: goals and waypoints, both temperatures, both signs, the sum over "
            "action dimensions, the mean over the batch.",
            when=lambda seen: error(seen, "loss") >= 1e-6,
        ),
    ],
)
