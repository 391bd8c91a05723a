"""The check of the flat policy's loss, from networks and a batch (chapter 16, exercise 3)."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from saw_edu.agents import SAW
from saw_edu.checks.check import Case, Check, Mistake
from saw_edu.checks.expect import Satisfies
from saw_edu.course.ch16.saw_losses import (
    AUTHORS,
    RIGHT,
    FlatPolicyLoss,
    agrees,
    attempt,
    called,
    error,
    not_done_elsewhere,
    single_precision,
    sizes,
    two_things,
    variant,
)
from saw_edu.data import Batch, Spec
from saw_edu.place import asset
from saw_edu.reference import agents as parity

# Exercise 3 · Your SAW against the authors' numbers


def reference_errors(flat_policy_loss: FlatPolicyLoss) -> dict[str, float]:
    """Plug a flat policy's loss into SAW and compare with the reference: relative errors of loss and gradients.

    Gradients are told apart by network. The case has three different temperatures and some weights above 100. Errors
    are at most 1e6, so that the answer stays plain numbers.
    """
    golden = parity.load_golden(asset("golden/saw_steep.npz"))
    return parity.by_network(golden, flat_policy_loss=two_things(flat_policy_loss))


def _asked(flat_policy_loss: FlatPolicyLoss) -> dict[str, float]:
    """The question of the first case; where `saw_objective` is called and not done, that is told."""
    found: dict[str, float] = not_done_elsewhere("flat-policy-loss", lambda: reference_errors(flat_policy_loss))
    return found


_EARLIER = "saw_objective, where you call it"
_NUMBERS = [-2.0, -3.0], [0.5, 2.0], [-10.0, -30.0], [-9.0, -11.0], [-8.0, -40.0]
_OBJECTIVE = (2 * math.e + 3 * 100 + 0.5 * math.e + 2 * math.exp(-5.0)) / 2


def objective_called(flat_policy_loss: FlatPolicyLoss) -> float:
    """What exercise 2's function answers, where the answer calls it; what it should answer, where it does not."""
    objective = called(flat_policy_loss, "saw_objective")
    if objective is None:
        return _OBJECTIVE
    value = attempt(lambda: float(objective(*(torch.tensor(row) for row in _NUMBERS), 1.0, 0.5)))
    return math.inf if value is None else float(value)


def _objective_right(value: float) -> bool:
    return abs(value - _OBJECTIVE) < 1e-3


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
            networks.policy.mean.kernel.mul_(100)  # some means lie beyond the actions' range
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
        Case(
            _EARLIER,
            run=objective_called,
            expect=Satisfies(_objective_right, "saw_objective, which you call, is not right yet"),
        ),
        Case(AUTHORS, run=_asked, expect=agrees),
        Case("other temperatures", run=loss_and_gradients(3, alpha=1.0, beta=2.0, subgoal_alpha=4.0), rtol=1e-9),
    ],
    reference=variant(),
    mistakes=[
        Mistake(
            "an earlier exercise",
            "Mend that first (exercise 2): its own check says what is wrong. What you write here may be right already.",
            when=lambda seen: not _objective_right(seen[_EARLIER]),
        ),
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
            "α for both weights",
            "Both weights use agent.alpha. The waypoint's has a temperature of its own, agent.beta.",
            wrong=variant(beta="alpha"),
        ),
        Mistake(
            "β for both weights",
            "Both weights use agent.beta. The action's has a temperature of its own, agent.alpha.",
            wrong=variant(alpha="beta"),
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
            "V judged for the value's goals",
            "The advantages are those for batch.value_goals here, V's own training goals. The flat policy's goal is g.",
            wrong=variant(judged_by="value_goals"),
        ),
        Mistake(
            "the teacher asked for its own training goal",
            "π_sub is asked for batch.subgoals, its training goals, which may lie beyond g. Ask it for the waypoint.",
            wrong=variant(teacher_asked_for="subgoals"),
        ),
        Mistake(
            "sum over the batch",
            "The loss grows with the size of the batch: take the mean over it.",
            wrong=variant(total=True),
        ),
        Mistake(
            "means clamped",
            "The policy's mean is cut to the actions' range. Acting does that; a loss must not, for beyond the range "
            "nothing would be learned.",
            wrong=variant(clamped=True),
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
            when=lambda seen: error(seen, "loss") < RIGHT < error(seen, "gradient of subgoal_policy"),
        ),
        Mistake(
            "gradient into V",
            "The loss agrees, but the value's gradient does not: the advantages must not carry one.",
            when=lambda seen: error(seen, "loss") < RIGHT < error(seen, "gradient of value", "gradient of goal_rep"),
        ),
        Mistake(
            "the flat policy's gradient",
            "The loss agrees, but π's gradient does not: is something detached that should learn?",
            when=lambda seen: (
                error(seen, "loss") < RIGHT < error(seen, "gradient of policy", "gradient of policy_goal_rep")
            ),
        ),
        Mistake(
            "single precision",
            "Right to seven digits: somewhere the numbers lose their double precision (`.float()`, a new tensor). Keep "
            "the dtype of what comes in.",
            when=single_precision,
        ),
        Mistake(
            "another loss",
            "The loss itself differs. Check in turn: goals and waypoints, both temperatures, both signs, the sum over "
            "action dimensions, the mean over the batch.",
            when=lambda seen: error(seen, "loss") >= RIGHT,
        ),
    ],
)
