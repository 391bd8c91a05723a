"""The check of the student's own SAW, assembled (chapter 16, exercise 5)."""

from __future__ import annotations

import contextlib
import copy
import dataclasses
import math
from collections.abc import Callable, Iterator
from typing import Any, NoReturn, TypeAlias
from unittest import mock

import numpy as np
import torch
from torch import Tensor

from saw_edu.agents import SAW
from saw_edu.agents.objectives import values_of
from saw_edu.checks.check import Case, Check, Mistake
from saw_edu.checks.expect import Satisfies
from saw_edu.course.ch16.flat_checks import reference_errors
from saw_edu.course.ch16.saw_losses import (
    AUTHORS,
    RIGHT,
    agrees,
    attempt,
    called,
    error,
    not_done_elsewhere,
    single_precision,
    sizes,
    two_things,
    variant,
    weights,
)
from saw_edu.data import Batch, HindsightGoals, HindsightSampler, Trajectories
from saw_edu.nn import Networks
from saw_edu.place import asset
from saw_edu.reference import agents as parity
from saw_edu.training import TrainingConfig, train

# Exercise 5 · Your SAW, assembled

AgentClass: TypeAlias = type[SAW]
SamplerClass: TypeAlias = type[HindsightSampler]
Assembled: TypeAlias = Callable[[AgentClass, SamplerClass], dict[str, Any]]


def _not_the_library(*_: Any, **__: Any) -> NoReturn:
    raise RuntimeError("this calls the library's own loss: use the function that you wrote")


@contextlib.contextmanager
def _own_losses(my_saw: AgentClass) -> Iterator[None]:
    """While it holds, the library's policy losses raise an error, unless it is the library's SAW that is asked."""
    if my_saw is SAW:
        yield
    else:
        with mock.patch.multiple(SAW, subgoal_policy_loss=_not_the_library, flat_policy_loss=_not_the_library):
            yield


def _assembled(run: Assembled) -> Assembled:
    """The question with the library's losses locked away; an earlier exercise that is not done is named."""

    def asked(my_saw: AgentClass, my_sampler: SamplerClass) -> dict[str, Any]:
        if not (isinstance(my_saw, type) and issubclass(my_saw, SAW)):
            raise TypeError("the first thing to check is a class derived from SAW: class MySAW(SAW)")
        if not (isinstance(my_sampler, type) and issubclass(my_sampler, HindsightSampler)):
            raise TypeError("the second thing to check is a class derived from HindsightSampler")
        checked = type("Checked", (my_saw,), {"policy_loss": two_things(my_saw.policy_loss)})
        with _own_losses(my_saw):
            found: dict[str, Any] = not_done_elsewhere("my-saw", lambda: run(checked, my_sampler))
        return found

    return asked


def earlier_answers(my_saw: AgentClass, my_sampler: SamplerClass) -> dict[str, Any]:
    """What exercises 3 and 4 answer, where MySAW and MySampler call them: errors, and rows (-1 where it fails)."""
    flat = called(getattr(my_saw, "policy_loss", None), "flat_policy_loss")
    rows = called(getattr(my_sampler, "waypoint_rows", None), "waypoint_rows")
    at, goals, last = torch.tensor([0, 15, 5]), torch.tensor([50, 17, 3]), torch.tensor([99, 19, 19])
    answer = rows and attempt(lambda: rows(at, goals, last, torch.tensor([False, False, True]), 8))
    kept = attempt(lambda: [[int(row) for row in part] for part in answer]) if rows else None
    errors = attempt(lambda: max(reference_errors(flat).values())) if flat else 0.0
    return {
        "flat_policy_loss": 1e6 if errors is None else errors,
        "waypoint_rows": (kept or [[-1]]) if rows else _EARLIER_ROWS,
    }


_EARLIER_ROWS = [[8, 19, 13], [8, 17, 13]]
_EARLIER = "what you call of earlier exercises"


def _culprit(seen: dict[str, Any]) -> str:
    """Which earlier exercise is not right, of those that are called."""
    if seen["flat_policy_loss"] >= RIGHT:
        return "flat_policy_loss"
    return "" if seen["waypoint_rows"] == _EARLIER_ROWS else "waypoint_rows"


@_assembled
def golden_errors(my_saw: AgentClass, my_sampler: SamplerClass) -> dict[str, Any]:
    """Errors of the whole agent against the authors' numbers: the loss, and the gradient of each network."""
    golden = parity.load_golden(asset("golden/saw_steep.npz"))
    return dict(parity.by_network(dataclasses.replace(golden, agent=my_saw(**vars(golden.agent)))))


def _walks() -> tuple[Trajectories, dict[str, Any]]:
    """Six random walks of 13 states, in double precision, and settings of a small SAW for them."""
    generator = torch.Generator().manual_seed(4)
    observations, actions = torch.randn(78, 4, generator=generator), torch.randn(78, 2, generator=generator)
    data = Trajectories(observations.double().cumsum(0), actions.clamp(-1, 1).double(), torch.arange(13, 79, 13))
    small = dict.fromkeys(("value_hidden_dims", "policy_hidden_dims", "subgoal_policy_hidden_dims"), (8,))
    goals = HindsightGoals(policy_goals=(0.0, 0.7, 0.3))
    return data, {**small, "rep_dim": None, "subgoal_steps": 5, "subgoal_alpha": 1.5, "goals": goals}


@_assembled
def sampled_rows(my_saw: AgentClass, my_sampler: SamplerClass) -> dict[str, Any]:
    """Rows that the sampler draws, for goals of which some are random."""
    data, settings = _walks()
    sampler = my_sampler(data, settings["goals"], 0.9, settings["subgoal_steps"])
    picked = sampler.sample_goals(data.start_rows, torch.Generator().manual_seed(0))
    return {"subgoals": picked.subgoals, "waypoints": picked.waypoints}


def on_networks(fixed: Networks, data: Trajectories, settings: dict[str, Any], seed: int) -> Assembled:
    """For a case: both policies' losses and gradients with given networks, on a batch of the agent's own sampler."""

    @_assembled
    def run(my_saw: AgentClass, my_sampler: SamplerClass) -> dict[str, Any]:
        networks = copy.deepcopy(fixed).requires_grad_()
        agent = my_saw(**settings)
        sampler = my_sampler(data, agent.goals, agent.discount, agent.subgoal_steps)
        loss, _ = agent.policy_loss(networks, sampler.sample(64, torch.Generator().manual_seed(seed)))
        return sizes(loss, networks)

    return run


def after_training(steps: int, **options: Any) -> Assembled:
    """For a case: the numbers of every network after a few steps of the library's training loop."""

    @_assembled
    def run(my_saw: AgentClass, my_sampler: SamplerClass) -> dict[str, Any]:
        data, settings = _walks()
        agent = my_saw(**(settings | options))
        config = TrainingConfig(steps=steps, batch_size=32, learning_rate=1e-2)
        result = train(agent, data, config, [0], sampler=my_sampler, progress=False)
        found: dict[str, Any] = {}
        for name, parameter in result.networks[0].named_parameters():
            found.setdefault(name.split(".")[0], []).append(parameter.reshape(-1))
        return {name: torch.cat(parts) for name, parts in found.items()}

    return run


def _agent_with(
    goals: str = "subgoals",
    judged_by: str = "subgoals",
    alpha: str = "subgoal_alpha",
    teacher: float = 1.0,
    student: float = 1.0,
    clip: float = 100.0,
    reverse: bool = False,
    flat_for_low: bool = False,
) -> tuple[AgentClass, SamplerClass]:
    """The assembled agent with one thing changed, and the library's sampler."""

    class Changed(SAW):
        def policy_loss(self, networks: Networks, batch: Batch) -> tuple[Tensor, dict[str, Any]]:
            s, towards = batch.observations, getattr(batch, judged_by)
            v, v_next = values_of(networks, [s, batch.next_observations], towards, networks.goal_rep)
            one = weights(v - v_next if reverse else v_next - v, getattr(self, alpha), clip)
            w = getattr(batch, goals)
            low = self.policy(networks, s, w) if flat_for_low else networks.subgoal_policy(s, w)
            log_probs = low.log_prob(batch.actions)
            flat, _ = variant()(self, networks, batch)
            return -teacher * (one * log_probs).mean() + student * flat, {}

    return Changed, HindsightSampler


_ROWS = "rows of the sampler"


def _rows_right(seen: dict[str, Any]) -> bool:
    """Whether the sampler's rows are the library's."""
    right = sampled_rows(SAW, HindsightSampler)
    return all(np.array_equal(seen[_ROWS][key], right[key].numpy()) for key in right)


my_saw = Check(
    "my_saw",
    [
        Case(
            _EARLIER,
            run=earlier_answers,
            expect=Satisfies(lambda seen: not _culprit(seen), "an earlier exercise, which you call, is not right yet"),
        ),
        Case(AUTHORS, run=golden_errors, expect=agrees),
        Case(_ROWS, run=sampled_rows),
        Case("five steps of the training loop", run=after_training(5), rtol=1e-6),
    ],
    reference=(SAW, HindsightSampler),
    mistakes=[
        Mistake(
            "exercise 3 first",
            "It is flat_policy_loss (exercise 3): its own check says what is wrong. MySAW may be right already.",
            when=lambda seen: _culprit(seen[_EARLIER]) == "flat_policy_loss",
        ),
        Mistake(
            "exercise 4 first",
            "It is waypoint_rows (exercise 4): its own check says what is wrong. MySAW may be right already.",
            when=lambda seen: _culprit(seen[_EARLIER]) == "waypoint_rows",
        ),
        Mistake(
            "π_sub trained on the far goal",
            "π_sub learns with batch.policy_goals here. It shall only know near goals: batch.subgoals.",
            wrong=_agent_with(goals="policy_goals", judged_by="policy_goals"),
        ),
        Mistake(
            "advantage for the goal instead of the subgoal",
            "π_sub is told the subgoal, but its actions are judged by how much nearer to g they lead. "
            "Which goal belongs into A(s, a, ·)?",
            wrong=_agent_with(judged_by="policy_goals"),
        ),
        Mistake(
            "waypoints for subgoals",
            "π_sub learns with batch.waypoints here, which stop at g. Its training goals are batch.subgoals.",
            wrong=_agent_with(goals="waypoints", judged_by="waypoints"),
        ),
        Mistake(
            "the flat policy's temperature",
            "α of the flat policy is used for π_sub as well. π_sub has its own: self.subgoal_alpha.",
            wrong=_agent_with(alpha="alpha"),
        ),
        Mistake(
            "no loss for π_sub",
            "π_sub never learns: its own loss is missing, so π would imitate an untrained teacher.",
            wrong=_agent_with(teacher=0.0),
        ),
        Mistake(
            "no loss for π",
            "The flat policy's loss is missing: add what exercise 3 returns.",
            wrong=_agent_with(student=0.0),
        ),
        Mistake(
            "π in the place of π_sub",
            "The log-probabilities are those of the flat policy. It is networks.subgoal_policy that learns here.",
            wrong=_agent_with(flat_for_low=True),
        ),
        Mistake(
            "half of the sum",
            "Both losses count half. The sum of the two is asked for, not their mean.",
            wrong=_agent_with(teacher=0.5, student=0.5),
        ),
        Mistake(
            "the log-probability has the wrong sign",
            "π_sub's loss falls when good actions become *less* likely. Which sign has log π in a loss?",
            wrong=_agent_with(teacher=-1.0),
        ),
        Mistake(
            "V(s, w) and V(s', w) swapped",
            "π_sub's weight is large for actions that lead away from its goal. Which value comes first in A(s, a, w)?",
            wrong=_agent_with(reverse=True),
        ),
        Mistake(
            "unclipped weights",
            "A weight above 100 occurs in π_sub's loss, and is used in full. `awr_weights` clips.",
            wrong=_agent_with(clip=math.inf),
        ),
        Mistake(
            "single precision",
            "Right to seven digits: somewhere the numbers lose their double precision. Keep the dtype of the inputs.",
            when=single_precision,
        ),
        Mistake(
            "gradient into V",
            "The loss agrees, but the value's gradient does not: π_sub's advantages must not carry one.",
            when=lambda seen: error(seen, "loss") < RIGHT < error(seen, "gradient of value", "gradient of goal_rep"),
        ),
        Mistake(
            "the flat policy's part",
            "π_sub's gradient agrees, π's does not: is the loss of exercise 3 added, and added once?",
            when=lambda seen: (
                error(seen, "gradient of subgoal_policy")
                < RIGHT
                < error(seen, "gradient of policy", "gradient of policy_goal_rep")
            ),
        ),
        Mistake(
            "π_sub's part",
            "π's gradient agrees, π_sub's does not. Check: its goals, the advantage, the temperature, the mean.",
            when=lambda seen: error(seen, "gradient of policy") < RIGHT < error(seen, "gradient of subgoal_policy"),
        ),
        Mistake(
            "other waypoints",
            "The losses agree, the sampled rows do not. MySampler was given: does it still hand on all it is given?",
            when=lambda seen: max(seen[AUTHORS].values()) < RIGHT and not _rows_right(seen),
        ),
    ],
)
