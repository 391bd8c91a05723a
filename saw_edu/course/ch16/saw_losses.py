"""What the checks of SAW's losses share: the losses with one thing changed, and what is compared."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor

from saw_edu.agents import SAW
from saw_edu.agents.objectives import values_of
from saw_edu.checks.expect import Satisfies
from saw_edu.data import Batch
from saw_edu.nn import Networks

FlatPolicyLoss = Callable[..., tuple[Tensor, dict[str, Any]]]


def weights(advantages: Tensor, temperature: float, clip: float = 100.0) -> Tensor:
    """AWR weights (B,) of advantages (B,), without gradient."""
    return (temperature * advantages).exp().clamp(max=clip).detach()


def two_things(flat_policy_loss: FlatPolicyLoss) -> FlatPolicyLoss:
    """The function itself, with a clear error where it does not return a loss and a dictionary."""

    def checked(agent: SAW, networks: Networks, batch: Batch) -> tuple[Tensor, dict[str, Any]]:
        result = flat_policy_loss(agent, networks, batch)
        if not (isinstance(result, tuple) and len(result) == 2 and isinstance(result[1], dict)):
            raise TypeError("two things are expected, the loss and a dictionary: `return loss, {}`")
        return result

    return checked


def sizes(loss: Tensor, networks: Networks) -> dict[str, float]:
    """The loss, and for each network the sum of its gradient's absolute numbers."""
    loss.backward()
    sizes: dict[str, float] = {}
    for name, parameter in networks.named_parameters():
        key = name.split(".")[0]
        sizes[key] = sizes.get(key, 0.0) + (0.0 if parameter.grad is None else float(parameter.grad.abs().sum()))
    return {"loss": float(loss.detach()), **sizes}


def variant(
    alpha: str = "alpha",
    beta: str = "beta",
    goals: str = "policy_goals",
    waypoints: str = "waypoints",
    clip: float = 100.0,
    scale: float = 1.0,
    order: tuple[int, int, int] = (0, 1, 2),
    average: bool = False,
    judged_by: str | None = None,
    asked_for: str | None = None,
    teacher_asked_for: str | None = None,
    outside: bool = False,
    backwards: bool = False,
    clamped: bool = False,
    single: bool = False,
    total: bool = False,
) -> FlatPolicyLoss:
    """The loss with one thing changed."""

    def flat_policy_loss(agent: SAW, networks: Networks, batch: Batch) -> tuple[Tensor, dict[str, Any]]:
        s, w = batch.observations, getattr(batch, waypoints)
        towards = getattr(batch, judged_by or goals)
        values = values_of(networks, [s, batch.next_observations, w], towards, networks.goal_rep)
        v, v_next, v_waypoint = (values[i] for i in order)
        policy: Any = agent.policy(networks, s, getattr(batch, asked_for or goals))
        teacher = networks.subgoal_policy(s, getattr(batch, teacher_asked_for or waypoints)).mean.detach()
        mean = policy.mean.clamp(-1, 1) if clamped else policy.mean
        squares = (mean - teacher).square()  # (B, act)
        distance = squares.mean(-1) if average else squares.sum(-1)
        one_step = -(weights(v_next - v, getattr(agent, alpha), clip) * policy.log_prob(batch.actions)).mean()
        importance = weights(v - v_waypoint if backwards else v_waypoint - v, getattr(agent, beta), clip)
        bootstrap = importance.mean() * distance.mean() if outside else (importance * distance).mean()
        loss = (one_step + scale * bootstrap) * (len(s) if total else 1)
        return loss.float() if single else loss, {}

    return flat_policy_loss


RIGHT = 1e-9  # the largest relative error: both codes compute in double precision
agrees = Satisfies(
    lambda errors: isinstance(errors, dict) and max(errors.values()) < RIGHT,
    "your SAW's loss or gradient differs from the reference's by more than one part in a billion",
)
AUTHORS = "the authors' batch"


def error(seen: dict[str, Any], *names: str) -> float:
    """The largest of these relative errors on the authors' batch; zero where the answer failed there."""
    errors = seen[AUTHORS]
    return 0.0 if errors is None else max(float(errors[name]) for name in names)


def single_precision(seen: dict[str, Any]) -> bool:
    """Whether the errors on the authors' batch are those of seven digits."""
    errors = seen[AUTHORS]
    return errors is not None and RIGHT <= max(float(value) for value in errors.values()) < 1e-5


def called(answer: Any, name: str) -> Any:
    """The function of that name which the answer calls, such as an earlier exercise's; None where it calls none."""
    code = getattr(answer, "__code__", None)
    return answer.__globals__.get(name) if code is not None and name in code.co_names else None


def attempt(function: Callable[[], Any]) -> Any:
    """What it returns; None where it raises anything."""
    try:
        return function()
    except Exception:
        return None


def not_done_elsewhere(exercise: str, run: Callable[[], Any]) -> Any:
    """The result of `run`; an *earlier* exercise that is not done is an error, and not this one not started.

    Raises:
        RuntimeError: an earlier exercise is not done.
    """
    try:
        return run()
    except NotImplementedError as missing:
        if exercise in str(missing) or not str(missing):
            raise
        raise RuntimeError(str(missing)) from None
