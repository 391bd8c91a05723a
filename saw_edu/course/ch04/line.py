"""A walk along a line, on which chapter 4's loop is tried, and the loop with the slips that people make."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class Line:
    """A toy: walk along a line. It writes down who was asked what, so that a check can read it."""

    def __init__(self, end: int, same: bool = False) -> None:
        self.end = end
        self.same = same
        self.heard: list[tuple[int, int]] = []  # what the low level was told: (observation, subgoal)
        self.asked: list[int] = []  # observations that the high level saw

    def high(self, observation: int) -> int:
        """Ten beyond where it is asked, or the same subgoal each time."""
        self.asked.append(observation)
        return 10 if self.same else observation + 10

    def low(self, observation: int, subgoal: int) -> str:
        """Its action spells what it was told."""
        self.heard.append((observation, subgoal))
        return f"{observation}->{subgoal}"

    def step(self, action: str) -> tuple[int, bool]:
        """One to the right."""
        here = int(action.split("->")[0]) + 1
        return here, here >= self.end


def every(n: int) -> Callable[[int, int, int], bool]:
    """A rule: every n steps."""
    return lambda observation, subgoal, age: age >= n


def at(*places: int) -> Callable[[int, int, int], bool]:
    """A rule: at these places."""
    return lambda observation, subgoal, age: observation in places


def play(
    end: int, rule: Callable[[int, int, int], bool], max_steps: int, start: int = 0, same: bool = False
) -> Callable[..., dict[str, Any]]:
    """What comes of a student's roll-out on a line."""

    def run(answer: Callable[..., Any]) -> dict[str, Any]:
        line = Line(end, same)
        subgoals, calls = answer(start, line.high, line.low, line.step, rule, max_steps)
        return {
            "subgoals": list(subgoals),
            "calls": calls,
            "places where the high level was asked": line.asked,
            "actions asked of the low level": len(line.heard),
        }

    return run


def rollout(
    observation: Any, high: Any, low: Any, step: Any, switch: Any, max_steps: int, *, slip: str = ""
) -> tuple[list[Any], int]:
    """The right loop, or one with a slip of that name."""
    first = observation
    subgoal, age, calls = high(observation), 0, 1
    held = []
    for t in range(max_steps):
        seen_age = age + (slip == "a step early") - (slip == "a step late")
        asks = (t > 0 or slip == "asks before the first step") and switch(observation, subgoal, seen_age)
        if slip == "every step":
            asks = t > 0
        if asks:
            subgoal = high(first if slip == "plans from the start" else observation)
            calls += slip != "first call only"
            age = age if slip == "clock not reset" else int(slip == "clock begins at 1")
        held.append(subgoal)
        seen = first if slip == "low level is blind" else observation
        observation, finished = step(low(seen, subgoal))
        age += 1
        if finished and slip != "does not stop":
            break
    if slip == "different subgoals":
        calls = len(set(held))
    over = len(held) == max_steps and not finished
    due = slip == "asks after the last step" or (slip == "asks when patience is over" and over)
    if slip == "asks at the end" or (due and switch(observation, subgoal, age)):
        high(observation)
        calls += 1
    return held, calls - (slip == "first call not counted")


def slipping(name: str) -> Callable[..., Any]:
    """The loop with that slip."""
    return lambda *inputs: rollout(*inputs, slip=name)
