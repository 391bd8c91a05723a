"""Visible checks of chapter 1: counting states."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Hashable, Iterable
from typing import Any

from saw_edu.checks import Case, Check, Mistake, Satisfies

Successors = Callable[[Any], Iterable[Hashable]]


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


def _depth_first(start: Hashable, successors: Successors, horizon: int) -> list[int]:
    depth = {start: 0}

    def visit(state: Hashable) -> None:
        for after in successors(state):
            if after not in depth and depth[state] < horizon:
                depth[after] = depth[state] + 1
                visit(after)

    visit(start)
    return [sum(d <= t for d in depth.values()) for t in range(horizon + 1)]


QUESTIONS_ALLOWED = 5000  # asking every state seen, at every step, takes 2,290


class _TooMany(Exception):  # noqa: N818 - it ends a search that would take for ever
    pass


def _questions(count_reachable: Callable[..., list[int]]) -> int:
    """A probe: how often `successors` is asked on a plane of 421 states; far too often without a set."""
    asked = 0

    def counted(state: tuple[int, int]) -> list[tuple[int, int]]:
        nonlocal asked
        asked += 1
        if asked > QUESTIONS_ALLOWED:
            raise _TooMany
        return _plane(state)

    with contextlib.suppress(_TooMany):
        count_reachable((0, 0), counted, 14)
    return asked


def _lengths(seen: dict[str, Any]) -> tuple[int, int]:
    """How many entries too many (or, below 0, too few) came for the corridor and for the plane."""
    return len(seen["a corridor of four cells"]) - 6, len(seen["a plane without walls"]) - 5


count_reachable = Check(
    "count_reachable",
    [
        Case("a corridor of four cells", 0, _corridor, 5, expect=[1, 2, 3, 4, 4, 4]),
        Case("no steps at all", 2, _corridor, 0, expect=[1]),
        Case("a plane without walls", (0, 0), _plane, 4, expect=[1, 5, 13, 25, 41]),
        Case("a roundabout with a short way and a long one", "a", _roundabout, 4, expect=[1, 3, 5, 7, 7]),
        Case(
            "how often it asks for successors",
            run=_questions,
            expect=Satisfies(
                lambda asked: asked <= QUESTIONS_ALLOWED,
                "the counts are right, but for 421 states `successors` is called far too often",
            ),
        ),
    ],
    mistakes=[
        Mistake(
            "frontier without a set",
            "Work doubles with every step: a state that two others lead to is in your frontier twice, and so are the "
            "states after it. In the experiment below, with 250 steps, this never ends. Make the frontier a set.",
            when=lambda seen: (
                seen["how often it asks for successors"] > QUESTIONS_ALLOWED
                and seen["a plane without walls"] == [1, 5, 13, 25, 41]
            ),
        ),
        Mistake(
            "counts a new state twice",
            "When two states of the frontier lead to the same new state, it is counted twice: it is not among those "
            "seen before, and not yet among those found in this step. What does a set do with a member that it has?",
            when=lambda seen: seen["a plane without walls"][:3] == [1, 5, 17],
        ),
        Mistake(
            "forgets the start",
            "The start is a visited state from the beginning: count it, and put it among the states that are seen, or "
            "it is found again when the agent comes back.",
            when=lambda seen: seen["a plane without walls"][1:] == [4, 13, 25, 41],
        ),
        Mistake(
            "stops early",
            "The list ends where nothing new was found. It needs horizon + 1 entries all the same: the agent may go "
            "on walking, the count stays.",
            when=lambda seen: _lengths(seen)[0] < 0 and _lengths(seen)[1] == 0,
        ),
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
            "depth first",
            "On the roundabout you find states later than the shortest way reaches them: it looks as if the search "
            "follows one path to its end first. Go layer by layer: all states one step away, then all two steps away.",
            wrong=_depth_first,
        ),
        Mistake(
            "off by one",
            "The list needs horizon + 1 entries: one for t = 0, before any step, and one after each step.",
            when=lambda seen: _lengths(seen) in ((-1, -1), (1, 1)),
        ),
    ],
)
