"""Visible checks of chapter 1, "Long-horizon tasks"."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterable
from typing import Any

import torch
from torch import Tensor

from saw_edu.checks import Case, Check, Mistake

Successors = Callable[[Any], Iterable[Hashable]]


# --- Exercise 1 ---


def _corridor(state: int) -> list[int]:
    return [s for s in (state - 1, state + 1) if 0 <= s <= 3]


def _plane(state: tuple[int, int]) -> list[tuple[int, int]]:
    x, y = state
    return [(x + 1, y), (x - 1, y), (x, y + 1), (x, y - 1)]


_ROUNDABOUT = {"a": ["b", "e"], "b": ["c"], "c": ["d"], "d": ["e"], "e": ["f"], "f": ["g"], "g": ["a"]}


def _roundabout(state: str) -> list[str]:
    return _ROUNDABOUT[state]


def _paths(start: Hashable, successors: Successors, horizon: int) -> list[int]:
    ends, counts = [start], [1]
    for _ in range(horizon):
        ends = [after for state in ends for after in successors(state)]
        counts.append(counts[-1] + len(ends))
    return counts


def _revisits(start: Hashable, successors: Successors, horizon: int) -> list[int]:
    now, counts = {start}, [1]
    for _ in range(horizon):
        now = {after for state in now for after in successors(state)}
        counts.append(counts[-1] + len(now))
    return counts


def _exactly(start: Hashable, successors: Successors, horizon: int) -> list[int]:
    now, counts = {start}, [1]
    for _ in range(horizon):
        now = {after for state in now for after in successors(state)}
        counts.append(len(now))
    return counts


def _layers(start: Hashable, successors: Successors, horizon: int, first: int = 1) -> list[int]:
    seen, frontier, counts = {start}, {start}, [first]
    for _ in range(horizon):
        frontier = {after for state in frontier for after in successors(state)} - seen
        seen |= frontier
        counts.append(len(frontier))
    return counts


def _without_start(start: Hashable, successors: Successors, horizon: int) -> list[int]:
    seen: set[Hashable] = set()
    frontier: set[Hashable] = {start}
    counts = [0]
    for _ in range(horizon):
        frontier = {after for state in frontier for after in successors(state)} - seen
        seen |= frontier
        counts.append(len(seen))
    return counts


def _depth_first(start: Hashable, successors: Successors, horizon: int) -> list[int]:
    depth = {start: 0}

    def visit(state: Hashable) -> None:
        for after in successors(state):
            if after not in depth and depth[state] < horizon:
                depth[after] = depth[state] + 1
                visit(after)

    visit(start)
    return [sum(d <= t for d in depth.values()) for t in range(horizon + 1)]


def _too_short(seen: dict[str, Any]) -> bool:
    return seen["a corridor of four cells"] in ([1, 2, 3, 4, 4], [2, 3, 4, 4, 4])


count_reachable = Check(
    "count_reachable",
    [
        Case("a corridor of four cells", 0, _corridor, 5, expect=[1, 2, 3, 4, 4, 4]),
        Case("no steps at all", 2, _corridor, 0, expect=[1]),
        Case("a plane without walls", (0, 0), _plane, 4, expect=[1, 5, 13, 25, 41]),
        Case("a roundabout with a short way and a long one", "a", _roundabout, 4, expect=[1, 3, 5, 7, 7]),
    ],
    mistakes=[
        Mistake(
            "counts paths",
            "You count ways of walking, not states: a state that can be entered in two ways is counted twice. "
            "What does a set do with a member that it already has?",
            wrong=_paths,
        ),
        Mistake(
            "counts revisits",
            "A state that was visited before is counted again when the agent comes back to it. "
            "Remember all states seen so far, and let only new ones count.",
            wrong=_revisits,
        ),
        Mistake(
            "exactly t steps",
            "You count where the agent can be after exactly t steps. Asked is what it can have visited after at most "
            "t steps: the numbers never fall.",
            wrong=_exactly,
        ),
        Mistake(
            "only new states",
            "Each entry holds the states that are new at step t. The states seen earlier belong to the count as well.",
            wrong=_layers,
        ),
        Mistake(
            "forgets the start",
            "The start is a visited state too: after 0 steps the agent has visited 1 state.",
            wrong=_without_start,
        ),
        Mistake(
            "depth first",
            "On the roundabout you find states later than the shortest way reaches them: it looks as if the search "
            "follows one path to its end first. Go layer by layer: all states one step away, then all two steps away.",
            wrong=_depth_first,
        ),
        Mistake(
            "off by one",
            "The list needs horizon + 1 entries: one for t = 0, before any step, and one after each step.",
            when=_too_short,
        ),
    ],
)


# --- Exercise 2 ---


required_reliability = Check(
    "required_reliability",
    [
        Case("one subtask, one try", 0.8, 1, expect=0.8),
        Case("two subtasks: 0.25 = 0.5 times 0.5", 0.25, 2, expect=0.5),
        Case("ten subtasks", 0.5, 10, expect=0.9330330),
        Case("one subtask, two tries: 0.75 = 1 - 0.5 times 0.5", 0.75, 1, 2, expect=0.5),
        Case("ten subtasks, three tries", 0.5, 10, named={"tries": 3}, expect=0.5939119),
    ],
    mistakes=[
        Mistake(
            "power for root",
            "You raise `target` to the power of `subtasks`: that is the success of a chain whose subtasks succeed with "
            "`target`. Here the chain is given and the subtask is asked: undo the power.",
            wrong=lambda target, subtasks, tries=1: 1 - (1 - target**subtasks) ** (1 / tries),
        ),
        Mistake(
            "ignores the tries",
            "With one try it is right; `tries` seems to change nothing. "
            "With two tries a subtask fails only when both of them fail.",
            wrong=lambda target, subtasks, tries=1: target ** (1 / subtasks),
        ),
        Mistake(
            "tries like subtasks",
            "With more tries you ask for a larger p, but more tries should make life easier. ALL subtasks must "
            "succeed, while ONE try is enough. Write down the chance that all tries fail.",
            wrong=lambda target, subtasks, tries=1: target ** (1 / (subtasks * tries)),
        ),
        Mistake(
            "shares out the failures",
            "You divide the allowed failures evenly among the subtasks. That is close when `target` is near 1, and "
            "wrong otherwise: probabilities of independent successes multiply.",
            wrong=lambda target, subtasks, tries=1: 1 - ((1 - target) / subtasks) ** (1 / tries),
        ),
        Mistake(
            "chance of failing",
            "You return the chance that a try FAILS. Which p belongs to it?",
            wrong=lambda target, subtasks, tries=1: (1 - target ** (1 / subtasks)) ** (1 / tries),
        ),
    ],
)


# --- Exercise 3 ---


def _grid_search(log_failure: Callable[[Tensor, Tensor], Tensor]) -> Callable[[Tensor, Tensor, Tensor], float]:
    """Fit p with a wrong chance of failure."""

    def fit(subtasks: Tensor, successes: Tensor, episodes: Tensor) -> float:
        p = torch.linspace(0.001, 0.999, 999, dtype=torch.float64)[:, None]
        score = successes * subtasks * p.log() + (episodes - successes) * log_failure(p, subtasks)
        return float(p[score.sum(1).argmax(), 0])

    return fit


def _line_through_logs(seen: dict[str, Any]) -> bool:
    """Whether the answer is that of least squares on log rates, through the origin or with an intercept."""
    logs = math.log(90 / 100), math.log(2 / 4)
    slopes = (1 * logs[0] + 4 * logs[1]) / (1 + 16), (logs[1] - logs[0]) / 3
    answer = seen["few long chains, many short ones"]
    return answer is not None and any(abs(answer - math.exp(slope)) < 2e-3 for slope in slopes)


def _mean_of_roots(subtasks: Tensor, successes: Tensor, episodes: Tensor) -> float:
    return float(((successes / episodes) ** (1 / subtasks)).mean())


fit_p = Check(
    "fit_p",
    [
        Case(
            "30 of 40 single subtasks",
            torch.tensor([1]),
            torch.tensor([30]),
            torch.tensor([40]),
            expect=0.75,
            atol=2e-3,
        ),
        Case(
            "few long chains, many short ones",
            torch.tensor([1, 4]),
            torch.tensor([90, 2]),
            torch.tensor([100, 4]),
            expect=0.894,
            atol=2e-3,
        ),
        Case(
            "long chains that never succeed",
            torch.tensor([1, 8]),
            torch.tensor([30, 0]),
            torch.tensor([40, 40]),
            expect=0.654,
            atol=2e-3,
        ),
    ],
    mistakes=[
        Mistake(
            "index for value",
            "The answer is larger than 1, so it is no probability. Is it the index of the best candidate? "
            "Look the candidate up in your grid.",
            when=lambda seen: any(value is not None and value > 1 for value in seen.values()),
        ),
        Mistake(
            "ignores failures",
            "The best p comes out as large as the grid allows: chains that failed seem to have no say. "
            "Each of them adds the logarithm of the chance to fail.",
            when=lambda seen: all(value is not None and value > 0.99 for value in seen.values()),
        ),
        Mistake(
            "failure of one subtask",
            "For chains of one subtask it is right, for longer ones not. A chain fails when not all of its subtasks "
            "succeed: its chance is one minus the chance of success of the chain, not of one subtask.",
            wrong=_grid_search(lambda p, subtasks: (1 - p).log() + 0 * subtasks),
        ),
        Mistake(
            "every subtask fails",
            "You count a failed chain as one in which EVERY subtask failed. One failed subtask is enough to fail.",
            wrong=_grid_search(lambda p, subtasks: subtasks * (1 - p).log()),
        ),
        Mistake(
            "line through logs",
            "This is the slope of a line through the logarithms of the rates. It trusts four episodes as much as a "
            "hundred. Asked is the p with the largest log-likelihood, in which every episode counts once.",
            when=_line_through_logs,
        ),
        Mistake(
            "mean of roots",
            "You take a root of each rate and average them. That gives four episodes the weight of a hundred; "
            "the likelihood counts every episode once.",
            wrong=_mean_of_roots,
        ),
        Mistake(
            "forgets the length",
            "This is the share of completed chains: the lengths of the chains play no part. "
            "A chain of K subtasks succeeds with probability p to the K.",
            wrong=lambda subtasks, successes, episodes: float(successes.sum() / episodes.sum()),
        ),
    ],
)


# --- Exercise 4 ---


def _rows(*cells: tuple[int, int], repeat: int = 1) -> Tensor:
    return torch.tensor(cells).repeat(repeat, 1)


def _walk(steps: int) -> Tensor:
    """A straight walk over `steps` different cells."""
    return torch.stack([torch.ones(steps, dtype=torch.long), torch.arange(1, steps + 1)], 1)


def _down(start: float, end: float) -> Tensor:
    return torch.arange(start, end - 1, -1)


_STAY = torch.ones(25)
_PACE = _rows((1, 1), (1, 2), repeat=15)  # 30 rows
_SQUARE = _rows((1, 1), (1, 2), (2, 2), (2, 1), repeat=10)  # four cells, but only the numbers 1 and 2


def _judge(
    cells: Tensor,
    distances: Tensor,
    window: int = 20,
    few: int = 3,
    *,
    arrived: Callable[[Tensor], Tensor] = lambda d: (d == 0).any(),
    still: Callable[[Tensor, int, int], bool] = lambda c, w, f: len(c[-w:].unique(dim=0)) <= f,
    nearer: Callable[[Tensor], Tensor] = lambda d: d[len(d) // 2 :].min() < d[: len(d) // 2].min(),
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
            "was nearest early, ends nearer than it began",
            _walk(30),
            torch.cat([_down(12, 3), torch.full((20,), 9.0)]),
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
