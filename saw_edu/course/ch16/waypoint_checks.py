"""The check of the rows of subgoals and waypoints (chapter 16, exercise 4)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from saw_edu.checks.check import Case, Check, Mistake
from saw_edu.place import asset

# Exercise 4 · Which state is the waypoint?

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
