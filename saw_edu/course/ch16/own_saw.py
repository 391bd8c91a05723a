"""Checks of the student's own SAW (chapter 16, exercises 5 and 6): its waypoints, and all of it plugged in."""

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
from saw_edu.course.ch16.saw_losses import AUTHORS, agrees, error, sizes, two_things, variant, weights
from saw_edu.data import Batch, HindsightGoals, HindsightSampler, Trajectories
from saw_edu.nn import Networks
from saw_edu.place import asset
from saw_edu.reference import agents as parity
from saw_edu.training import TrainingConfig, train

# Exercise 5 · Which state is the waypoint?

Rows = tuple[Tensor, Tensor]


def _rows(*numbers: int) -> Tensor:
    return torch.tensor(numbers)


def _authors_files() -> Iterator[tuple[str, dict[str, Tensor]]]:
    """What the authors' sampler drew, in both layouts of data, k = 25 (assets/golden/samplers)."""
    for layout in ("compact", "regular"):
        with np.load(asset(f"golden/samplers/saw_{layout}.npz")) as file:
            drawn = {key.removeprefix("seed7/"): torch.as_tensor(file[key]) for key in file if key.startswith("seed7/")}
            yield layout, drawn | {"last": torch.as_tensor(file["final_index"])[drawn["idxs"]]}


def authors_rows(waypoint_rows: Callable[..., Rows]) -> dict[str, Tensor]:
    """The answer for rows and goals that the authors' sampler drew."""
    found: dict[str, Tensor] = {}
    for layout, drawn in _authors_files():
        rows, goal_rows = drawn["idxs"], drawn["high_actor_goals"]
        subgoals, waypoints = waypoint_rows(
            rows, goal_rows, drawn["last"], torch.zeros(len(rows), dtype=torch.bool), 25
        )
        found |= {f"subgoals, {layout}": subgoals, f"waypoints, {layout}": waypoints}
    return found


def _authors_answer() -> dict[str, Tensor]:
    """The authors' own subgoals and waypoints for those."""
    found: dict[str, Tensor] = {}
    for layout, drawn in _authors_files():
        found[f"subgoals, {layout}"] = drawn["low_actor_goals"]
        found[f"waypoints, {layout}"] = drawn["high_actor_targets"]
    return found


def _chosen(
    end: int | None = 0,
    steps: int = 0,
    waypoint: str = "nearer",
    random: str = "ahead",
    alike: bool = False,
    swapped: bool = False,
) -> Callable[..., Rows]:
    """Waypoint rows with one thing changed; `end=None`: the trajectory's end is not looked at."""

    def waypoint_rows(rows: Tensor, goal_rows: Tensor, last_rows: Tensor, is_random: Tensor, k: int) -> Rows:
        ahead = rows + k + steps
        if end is not None:
            ahead = torch.minimum(ahead, last_rows + end)
        nearer, farther = torch.minimum(ahead, goal_rows), torch.maximum(ahead, goal_rows)
        choice = {"ahead": ahead, "nearer": nearer, "farther": farther, "goal": goal_rows}
        waypoints = torch.where(is_random, choice[random], choice[waypoint])
        subgoals = waypoints if alike else ahead
        return (waypoints, subgoals) if swapped else (subgoals, waypoints)

    return waypoint_rows


def _outside(seen: dict[str, Any]) -> bool:
    """Whether a waypoint of a random goal lies outside the rows of its trajectory, here 5 to 19."""
    waypoints = np.asarray(seen["random goals"][1])
    return bool(((waypoints < 5) | (waypoints > 19)).any())


waypoint_rows = Check(
    "waypoint_rows",
    [
        Case(
            "a far goal, a near one, and one at k steps",
            _rows(0, 10, 40),
            _rows(50, 12, 48),
            _rows(99, 99, 99),
            torch.tensor([False, False, False]),
            8,
            expect=(_rows(8, 18, 48), _rows(8, 12, 48)),
        ),
        Case(
            "near the end of a trajectory",
            _rows(15, 15, 19, 28),
            _rows(17, 19, 19, 29),
            _rows(19, 19, 19, 29),
            torch.tensor([False, False, False, False]),
            8,
            expect=(_rows(19, 19, 19, 29), _rows(17, 19, 19, 29)),
        ),
        Case(
            "random goals",
            _rows(5, 5, 5, 16),
            _rows(3, 400, 7, 2),
            _rows(19, 19, 19, 19),
            torch.tensor([True, True, True, True]),
            8,
            expect=(_rows(13, 13, 13, 19), _rows(13, 13, 13, 19)),
        ),
        Case("rows that the authors' sampler drew", run=authors_rows, expect=_authors_answer()),
    ],
    mistakes=[
        Mistake(
            "waypoint beyond the goal",
            "Where the goal is fewer than k steps ahead, the waypoint lies beyond it: it would teach π to run past g.",
            wrong=_chosen(waypoint="ahead"),
        ),
        Mistake(
            "beyond the end of the trajectory",
            "k steps later, the trajectory may be over. That row belongs to another trajectory, or does not exist.",
            wrong=_chosen(end=None),
        ),
        Mistake(
            "subgoals stop at the goal",
            "π_sub knows nothing of g. Its goal is k steps ahead, or where the trajectory ends, whatever g is.",
            wrong=_chosen(alike=True),
        ),
        Mistake(
            "subgoals and waypoints in the wrong order",
            "π_sub's goals come first, then the waypoints. Have they changed places?",
            wrong=_chosen(swapped=True),
        ),
        Mistake(
            "the random goal's row taken for a place on the way",
            "A random goal's row says nothing about this trajectory: it may come before s, or lie anywhere.",
            wrong=_chosen(random="nearer"),
        ),
        Mistake(
            "the random goal as its own waypoint",
            "A random goal is not on this trajectory, so it is no waypoint of it. What does this trajectory offer?",
            wrong=_chosen(random="goal"),
        ),
        Mistake(
            "`is_random` the wrong way round",
            "Goals of this trajectory are treated as random ones here, and the other way round.",
            wrong=_chosen(waypoint="ahead", random="nearer"),
        ),
        Mistake(
            "the later of the two",
            "The waypoint is k steps ahead, *or g where that is sooner*. Here it is whichever comes later.",
            wrong=_chosen(waypoint="farther"),
        ),
        Mistake(
            "the goal as the waypoint",
            "Here the waypoint is g itself, however far. Nobody can teach that: π_sub only knows goals k steps ahead.",
            wrong=_chosen(waypoint="goal"),
        ),
        Mistake(
            "one step short",
            "The rows lie k - 1 steps ahead. Row i + k is k steps after row i.",
            wrong=_chosen(steps=-1),
        ),
        Mistake(
            "the last row left out",
            "`last_rows` are rows of the trajectory, too: a subgoal or a waypoint may lie there.",
            wrong=_chosen(end=-1),
        ),
        Mistake("waypoint outside the trajectory", "A waypoint lies outside the trajectory of s.", when=_outside),
    ],
)

# Exercise 6 · Your SAW, assembled

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
        try:
            with _own_losses(my_saw):
                return run(checked, my_sampler)
        except NotImplementedError as missing:
            if "my-saw" in str(missing):
                raise
            raise RuntimeError(str(missing)) from None

    return asked


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
) -> tuple[AgentClass, SamplerClass]:
    """The assembled agent with one thing changed, and the library's sampler."""

    class Changed(SAW):
        def policy_loss(self, networks: Networks, batch: Batch) -> tuple[Tensor, dict[str, Any]]:
            s, towards = batch.observations, getattr(batch, judged_by)
            v, v_next = values_of(networks, [s, batch.next_observations], towards, networks.goal_rep)
            one = weights(v - v_next if reverse else v_next - v, getattr(self, alpha), clip)
            log_probs = networks.subgoal_policy(s, getattr(batch, goals)).log_prob(batch.actions)
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
        Case(AUTHORS, run=golden_errors, expect=agrees),
        Case(_ROWS, run=sampled_rows),
        Case("five steps of the training loop", run=after_training(5), rtol=1e-6),
    ],
    reference=(SAW, HindsightSampler),
    mistakes=[
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
            "The flat policy's loss is missing: add what exercise 4 returns.",
            wrong=_agent_with(student=0.0),
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
            "gradient into V",
            "The loss agrees, but the value's gradient does not: π_sub's advantages must not carry one.",
            when=lambda seen: error(seen, "loss") < 1e-6 < error(seen, "gradient of value", "gradient of goal_rep"),
        ),
        Mistake(
            "the flat policy's part",
            "π_sub's gradient agrees, π's does not: is exercise 4 right, and is its loss added once?",
            when=lambda seen: (
                error(seen, "gradient of subgoal_policy")
                < 1e-6
                < error(seen, "gradient of policy", "gradient of policy_goal_rep")
            ),
        ),
        Mistake(
            "π_sub's part",
            "π's gradient agrees, π_sub's does not. Check: its goals, the advantage, the temperature, the mean.",
            when=lambda seen: error(seen, "gradient of policy") < 1e-6 < error(seen, "gradient of subgoal_policy"),
        ),
        Mistake(
            "other waypoints",
            "The losses agree, the sampled rows do not: they come from waypoint_rows. Is exercise 5 right?",
            when=lambda seen: max(seen[AUTHORS].values()) < 1e-6 and not _rows_right(seen),
        ),
    ],
)
