"""Chapter 10's exercise 3: the loop of two rates, and the ways in which it goes wrong."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from saw_edu.checks import Case, Check, Mistake


class Buffer:
    """The chapter's buffer, right."""

    def __init__(self, latency: int) -> None:
        self.latency, self.issued = latency, []  # type: ignore[var-annotated]

    def issue(self, tick: int, command: Any) -> None:
        """A thought began."""
        self.issued.append((tick, command))

    def read(self, tick: int) -> Any:
        """The newest usable command, or None."""
        found = [command for at, command in self.issued if at + self.latency <= tick]
        return found[-1] if found else None


def drive(ticks: int, latency: int, every: int) -> Callable[[Any], Any]:
    """Drive a student's loop with a buffer that is right; write down who was called when, and with what."""

    def run(loop: Any) -> dict[str, list[Any]]:
        clock = {"tick": -1}
        log: dict[str, list[Any]] = {"thoughts": [], "actions": []}

        def look() -> int:
            clock["tick"] += 1
            return clock["tick"]

        def think(observation: int) -> str:
            log["thoughts"].append(observation)
            return f"seen at {observation}"

        def act(observation: int, command: str | None) -> None:
            log["actions"].append(f"{observation}: {command or 'nothing'}")

        loop(Buffer(latency), look, think, act, ticks, every)
        return log

    return run


def right(buffer: Any, look: Any, think: Any, act: Any, ticks: int, every: int) -> None:
    """A loop that does it right."""
    last = None
    for tick in range(ticks):
        observation = look()
        if last is None or tick - last >= max(every, buffer.latency):
            buffer.issue(tick, think(observation))
            last = tick
        act(observation, buffer.read(tick))


def _thinks_always(buffer: Any, look: Any, think: Any, act: Any, ticks: int, every: int) -> None:
    for tick in range(ticks):
        observation = look()
        buffer.issue(tick, think(observation))
        act(observation, buffer.read(tick))


def _ignores_latency(buffer: Any, look: Any, think: Any, act: Any, ticks: int, every: int) -> None:
    for tick in range(ticks):
        observation = look()
        if tick % every == 0:
            buffer.issue(tick, think(observation))
        act(observation, buffer.read(tick))


def _stands_still(buffer: Any, look: Any, think: Any, act: Any, ticks: int, every: int) -> None:
    last = None
    for tick in range(ticks):
        observation = look()
        if last is None or tick - last >= max(every, buffer.latency):
            buffer.issue(tick, think(observation))
            last = tick
        command = buffer.read(tick)
        if command is not None:
            act(observation, command)


def _reads_first(buffer: Any, look: Any, think: Any, act: Any, ticks: int, every: int) -> None:
    last = None
    for tick in range(ticks):
        observation = look()
        command = buffer.read(tick)
        if last is None or tick - last >= max(every, buffer.latency):
            buffer.issue(tick, think(observation))
            last = tick
        act(observation, command)


def _a_tick_later(buffer: Any, look: Any, think: Any, act: Any, ticks: int, every: int) -> None:
    last = None
    for tick in range(ticks):
        observation = look()
        if last is None or tick - last > max(every, buffer.latency):
            buffer.issue(tick, think(observation))
            last = tick
        act(observation, buffer.read(tick))


def _first_thought_late(buffer: Any, look: Any, think: Any, act: Any, ticks: int, every: int) -> None:
    last = -every
    for tick in range(ticks):
        observation = look()
        if tick - last >= max(every, buffer.latency):
            buffer.issue(tick, think(observation))
            last = tick
        act(observation, buffer.read(tick))


def _looks_twice(buffer: Any, look: Any, think: Any, act: Any, ticks: int, every: int) -> None:
    last = None
    for tick in range(ticks):
        if last is None or tick - last >= max(every, buffer.latency):
            buffer.issue(tick, think(look()))
            last = tick
        act(look(), buffer.read(tick))


def _waits_longer(buffer: Any, look: Any, think: Any, act: Any, ticks: int, every: int) -> None:
    last = None
    for tick in range(ticks):
        observation = look()
        if last is None or tick - last >= every + buffer.latency:
            buffer.issue(tick, think(observation))
            last = tick
        act(observation, buffer.read(tick))


asynchronous = Check(
    "asynchronous",
    [
        Case(label, run=drive(*case), expect=drive(*case)(right))
        for label, case in {
            "thoughts of 2 ticks, a look every 5": (13, 2, 5),
            "thoughts of 4 ticks, a look every 3": (13, 4, 3),
            "no thinking time": (8, 0, 3),
            "always thinking": (7, 3, 1),
        }.items()
    ],
    mistakes=[
        Mistake(
            "thinks in every tick",
            "A thought begins in every tick: that is as many slow models as a thought has ticks. There is one.",
            wrong=_thinks_always,
        ),
        Mistake(
            "begins before it has finished",
            "Where a thought takes longer than `every`, a new one begins before the last is finished.",
            wrong=_ignores_latency,
        ),
        Mistake(
            "thinks too seldom",
            "Too few thoughts: the next one begins `every` ticks after the last began, or when the last is finished, "
            "whichever is later.",
            wrong=_waits_longer,
        ),
        Mistake(
            "a tick too late",
            "Each thought begins a tick too late: `every` ticks after the last one began it is time already.",
            wrong=_a_tick_later,
        ),
        Mistake(
            "the first thought late",
            "The first thought does not begin at tick 0 where thinking takes longer than `every`. Nobody is thinking "
            "yet: what should hold it back?",
            wrong=_first_thought_late,
        ),
        Mistake(
            "does not act without a command",
            "`act` was not called in the first ticks. What to do without a command is its business: hand it None.",
            wrong=_stands_still,
        ),
        Mistake(
            "reads before it issues",
            "Where thinking takes no time, a command comes a tick late: issue first, then read.",
            wrong=_reads_first,
        ),
        Mistake("looks twice", "Look once in every tick, and give both levels what was seen.", wrong=_looks_twice),
    ],
)
