"""Visible checks of chapter 1: what became of an episode."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from saw_edu.checks import Case, Check, Mistake


def _rows(*cells: tuple[int, int], repeat: int = 1) -> Tensor:
    return torch.tensor(cells).repeat(repeat, 1)


def _walk(steps: int) -> Tensor:
    """A straight walk over `steps` different cells."""
    return torch.stack([torch.ones(steps, dtype=torch.long), torch.arange(1, steps + 1)], 1)


def _down(start: float, end: float) -> Tensor:
    return torch.arange(float(start), end - 1, -1)


_THREE = _rows((1, 1), (1, 2), (1, 3), (1, 2), repeat=5)  # 20 rows, three cells
_STAY = torch.ones(25)
_PACE = _rows((1, 1), (1, 2), repeat=15)  # 30 rows
_SQUARE = _rows((1, 1), (1, 2), (2, 2), (2, 1), repeat=10)  # four cells, but only the numbers 1 and 2


def _nearer(distances: Tensor, half: int) -> Tensor:
    return distances[half:].min() < distances[:half].min()


def _judge(
    cells: Tensor,
    distances: Tensor,
    window: int = 20,
    few: int = 3,
    *,
    arrived: Callable[[Tensor], Tensor] = lambda d: (d == 0).any(),
    still: Callable[[Tensor, int, int], bool] = lambda c, w, f: len(c[-w:].unique(dim=0)) <= f,
    nearer: Callable[[Tensor], Tensor] = lambda d: _nearer(d, len(d) // 2),
    stuck_first: bool = False,
) -> str:
    """Judge a trace by rules of which some may be wrong."""
    if stuck_first and still(cells, window, few):
        return "stuck"
    if arrived(distances):
        return "success"
    if still(cells, window, few):
        return "stuck"
    return "slow" if nearer(distances) else "wandering"


def _with(**rules: Any) -> Callable[..., str]:
    def answer(cells: Tensor, distances: Tensor, window: int = 20, few: int = 3) -> str:
        return _judge(cells, distances, window, few, **rules)

    return answer


classify_trace = Check(
    "classify_trace",
    [
        Case(
            "walks to the goal and stays there",
            torch.cat([_walk(6), _rows((1, 6), repeat=25)]),
            torch.cat([_down(5, 0), 0 * _STAY]),
            expect="success",
        ),
        Case(
            "passes the goal and walks on",
            _walk(31),
            torch.cat([_down(5, 0), torch.arange(1.0, 26.0)]),
            expect="success",
        ),
        Case("stands still", _rows((3, 3), repeat=25), 7 * _STAY, expect="stuck"),
        Case("paces between two cells", _PACE, torch.tensor([7.0, 6.0] * 15), expect="stuck"),
        Case(
            "walks for a while, then paces",
            torch.cat([_walk(30), _PACE]),
            torch.cat([_down(40, 11), torch.tensor([10.0, 11.0] * 15)]),
            expect="stuck",
        ),
        Case(
            "paces over exactly three cells",
            torch.cat([_walk(30), _THREE, _THREE]),
            torch.cat([torch.full((30,), 9.0), torch.tensor([9.0, 8.0, 7.0, 8.0] * 10)]),
            expect="stuck",
        ),
        Case(
            "paces over three cells, one row after a fourth",
            torch.cat([_walk(30), _rows((2, 9)), _THREE]),
            torch.cat([torch.full((31,), 6.0), torch.tensor([9.0, 8.0, 7.0, 8.0] * 5)]),
            expect="stuck",
        ),
        Case(
            "paces over three cells, for one row less than the window",
            torch.cat([_walk(30), _rows((2, 9)), _THREE[:19]]),
            torch.cat([torch.full((31,), 6.0), torch.tensor([9.0, 8.0, 7.0, 8.0] * 5)[:19]]),
            expect="wandering",
        ),
        Case(
            "paces over three cells, and leaves them with the last row",
            torch.cat([_walk(30), _THREE, _rows((2, 9))]),
            torch.cat([torch.full((30,), 6.0), torch.tensor([9.0, 8.0, 7.0, 8.0] * 5), torch.tensor([9.0])]),
            expect="wandering",
        ),
        Case(
            "gets nearer all the time",
            _walk(30),
            _down(50, 21),
            expect="slow",
        ),
        Case(
            "stands still at first, then gets nearer",
            torch.cat([_rows((1, 1), repeat=25), _walk(25)]),
            torch.cat([30 * _STAY, _down(30, 6)]),
            expect="slow",
        ),
        Case(
            "gets nearer than ever, then drifts off",
            _walk(30),
            torch.cat([torch.full((15,), 12.0), _down(11, 5), torch.arange(6.0, 14.0)]),
            expect="slow",
        ),
        Case(
            "nearest in the middle row of an odd number",
            _walk(31),
            torch.cat([torch.full((15,), 9.0), torch.tensor([4.0]), torch.full((15,), 9.0)]),
            expect="slow",
        ),
        Case(
            "was nearest early, ends nearer than it began",
            _walk(30),
            torch.cat([torch.full((10,), 12.0), torch.tensor([3.0]), torch.full((19,), 9.0)]),
            expect="wandering",
        ),
        Case("goes round a block of four cells", _SQUARE, torch.tensor([8.0, 7.0, 6.0, 7.0] * 10), expect="wandering"),
        Case(
            "a short window",
            torch.cat([_walk(30), _PACE[:4]]),
            _down(50, 17),
            named={"window": 4, "few": 2},
            expect="stuck",
        ),
    ],
    mistakes=[
        Mistake(
            "fewer than few",
            "An agent that paces over exactly `few` different cells is not called stuck. At most `few` are enough.",
            wrong=_with(still=lambda c, w, f: len(c[-w:].unique(dim=0)) < f),
        ),
        Mistake(
            "window one row too long",
            'For "stuck" one row too many is looked at: count the rows that your slice leaves.',
            wrong=_with(still=lambda c, w, f: len(c[-w - 1 :].unique(dim=0)) <= f),
        ),
        Mistake(
            "window one row too short",
            'For "stuck" one row too few is looked at: count the rows that your slice leaves.',
            wrong=_with(still=lambda c, w, f: len(c[-w + 1 :].unique(dim=0)) <= f),
        ),
        Mistake(
            "last row left out",
            'For "stuck" the very last row does not count: an agent that has just left its loop is called stuck. '
            "`x[-n:]` are the last n, `x[-n:-1]` leaves one out.",
            wrong=_with(still=lambda c, w, f: len(c[-w:-1].unique(dim=0)) <= f),
        ),
        Mistake(
            "looks at the beginning",
            'For "stuck", the FIRST `window` rows are looked at. Where it is at the end is what counts.',
            wrong=_with(still=lambda c, w, f: len(c[:w].unique(dim=0)) <= f),
        ),
        Mistake(
            "halves exchanged",
            "The halves are the wrong way round: an agent gets nearer when the second half has the smaller distance.",
            wrong=_with(nearer=lambda d: d[: len(d) // 2].min() < d[len(d) // 2 :].min()),
        ),
        Mistake(
            "tensors in a set",
            "No agent is ever called stuck. Do you put tensors into a set? A set tells tensors apart by identity, not "
            "by their numbers, also within tuples. Turn rows into numbers (`.tolist()`), or use torch's `unique`.",
            wrong=_with(still=lambda c, w, f: len(set(c[-w:])) <= f),
        ),
        Mistake(
            "middle row in the first half",
            "With an odd number of rows the middle one is counted to the wrong half: the first half is the first "
            "`len(distances) // 2` rows.",
            wrong=_with(nearer=lambda d: _nearer(d, (len(d) + 1) // 2)),
        ),
        Mistake(
            "stuck before success",
            "An agent that has arrived and stays at its goal is called stuck. In which order do the rules apply?",
            wrong=_with(stuck_first=True),
        ),
        Mistake(
            "only the end",
            "Success is judged by the last row alone. The goal is reached at SOME time: the agent may walk on.",
            wrong=_with(arrived=lambda d: d[-1] == 0),
        ),
        Mistake(
            "looks at the whole trace",
            'For "stuck", only the last `window` rows matter: '
            "who walked for a while and then paces is stuck all the same.",
            wrong=_with(still=lambda c, w, f: len(c.unique(dim=0)) <= f),
        ),
        Mistake(
            "misses loops",
            "Pacing between two cells is missed: it seems that you test whether the agent moves. "
            "It moves at every step and gets nowhere. Count different cells.",
            wrong=_with(still=lambda c, w, f: bool((c[-w:].diff(dim=0) == 0).all())),
        ),
        Mistake(
            "numbers for cells",
            "Different NUMBERS are counted, not different cells: four cells around a block need only two numbers. "
            "Compare whole rows (look at the argument `dim` of `unique`).",
            wrong=_with(still=lambda c, w, f: len(c[-w:].unique()) <= f),
        ),
        Mistake(
            "compares the ends",
            "Only the first and the last distance are compared. "
            "Compare the smallest distance of the second half with the smallest of the first.",
            wrong=_with(nearer=lambda d: d[-1] < d[0]),
        ),
        Mistake(
            "compares averages",
            "The averages of the two halves are compared. Compare the smallest distances: how near did it get?",
            wrong=_with(nearer=lambda d: d[len(d) // 2 :].mean() < d[: len(d) // 2].mean()),
        ),
        Mistake(
            "equal is nearer",
            "An agent whose second half is as near as the first, but not nearer, is called slow. It made no headway.",
            wrong=_with(nearer=lambda d: d[len(d) // 2 :].min() <= d[: len(d) // 2].min()),
        ),
        Mistake(
            "ignores window and few",
            "With the usual `window` and `few` it is right; other values seem to change nothing. Use the arguments.",
            wrong=lambda cells, distances, window=20, few=3: _judge(cells, distances),
        ),
    ],
)
