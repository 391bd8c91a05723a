"""Two levels at two rates: which command is in force when, on a clock where every answer can be counted by hand."""

import math
import threading
import time

import pytest
import torch
from torch import Tensor

from saw_edu.hierarchy.dual_rate import Chunked, Clocked, DualRate
from saw_edu.rollouts import MemoryPolicy

IDLE = -1.0


def idle(observations: Tensor) -> Tensor:
    return torch.full((len(observations),), IDLE)


def run(policy: MemoryPolicy, ticks: int, batch: int = 1) -> tuple[list[float], object]:
    """Actions of the first episode, where an observation is the tick's number."""
    memory, done = policy.begin(batch), []
    for tick in range(ticks):
        seen = torch.full((batch, 1), float(tick))
        action, memory = policy.act(seen, seen, memory)
        done.append(float(action[0]))
    return done, memory


def rate(latency: int, every: int, waits: bool = False) -> DualRate:
    """The slow level says which tick it looked at; the fast one does what it is told."""
    return DualRate(lambda seen, _: seen[:, 0], lambda _, told: told, idle, latency, every, waits)


@pytest.mark.parametrize(
    ("latency", "every", "waits", "expected"),
    [
        (0, 1, False, [0, 1, 2, 3, 4, 5]),
        (0, 3, False, [0, 0, 0, 3, 3, 3, 6]),
        (2, 1, False, [IDLE, IDLE, 0, 0, 2, 2, 4, 4]),
        (2, 3, False, [IDLE, IDLE, 0, 0, 0, 3, 3, 3, 6]),
        (3, 2, False, [IDLE, IDLE, IDLE, 0, 0, 0, 3, 3, 3, 6]),
        (2, 3, True, [IDLE, IDLE, 0, 0, 0, IDLE, IDLE, 5, 5, 5, IDLE]),
        (0, 2, True, [0, 0, 2, 2, 4]),
    ],
)
def test_which_command_is_in_force(latency: int, every: int, waits: bool, expected: list[float]) -> None:
    done, memory = run(rate(latency, every, waits), len(expected))
    assert done == expected
    assert memory.waited.tolist() == [expected.count(IDLE)]  # type: ignore[attr-defined]


def test_the_age_of_a_command_is_counted_from_the_look() -> None:
    policy, ages = rate(3, 1), []
    memory = policy.begin(1)
    for tick in range(10):
        seen = torch.full((1, 1), float(tick))
        action, memory = policy.act(seen, seen, memory)
        if tick >= 3:
            assert int(memory.age) == tick - float(action)
            ages.append(int(memory.age))
    assert ages == [3, 4, 5, 3, 4, 5, 3]
    assert memory.high_calls.tolist() == [4]


def test_each_episode_has_its_own_clock() -> None:
    policy = rate(2, 1)
    memory = policy.begin(2)
    for tick in range(6):
        if tick == 3:  # the second episode begins anew
            fresh = policy.begin(2)
            again = torch.tensor([False, True])
            memory = memory._replace(
                **{
                    name: torch.where(again, getattr(fresh, name), getattr(memory, name))
                    for name in ("left", "since", "has", "age", "high_calls", "waited")
                }
            )
        seen = torch.full((2, 1), float(tick))
        action, memory = policy.act(seen, seen, memory)
    assert action.tolist() == [2.0, 3.0]
    assert memory.high_calls.tolist() == [3, 2]


def plans(seen: Tensor, _: Tensor) -> Tensor:
    """A plan says, for each of the next eight ticks, which tick that is."""
    return seen + torch.arange(8.0)


@pytest.mark.parametrize(("execute", "delay"), [(1, 0), (4, 0), (8, 0), (2, 2), (4, 2), (4, 3), (4, 4)])
def test_a_chunk_is_entered_where_its_first_ticks_have_passed(execute: int, delay: int) -> None:
    done, memory = run(Chunked(plans, execute, idle, delay), 25)
    assert done == [IDLE] * delay + [float(tick) for tick in range(delay, 25)]
    assert memory.calls.tolist() == [math.ceil(25 / execute)]  # type: ignore[attr-defined]


def test_entered_at_its_beginning_a_chunk_lags() -> None:
    done, _ = run(Chunked(plans, 4, idle, delay=2, enter=0), 10)
    assert done == [IDLE, IDLE, 0, 1, 2, 3, 4, 5, 6, 7]


def test_a_chunk_that_is_too_short_and_numbers_that_make_no_sense_are_refused() -> None:
    with pytest.raises(ValueError, match="7 actions after the first 2: more than the chunk's 8"):
        run(Chunked(plans, 7, idle, delay=2), 3)
    with pytest.raises(ValueError, match="as many as the delay, got 1 and 2"):
        Chunked(plans, 1, idle, delay=2)
    with pytest.raises(ValueError, match="latency is at least 0 ticks and every at least 1, got -1 and 1"):
        rate(-1, 1)


def test_a_slow_thought_in_the_background_stops_nobody() -> None:
    """On a real clock: actions go on while a thought takes 0.2 s, in a thread of its own."""
    threads = set()

    def think(seen: Tensor) -> Tensor:
        threads.add(threading.current_thread().name)
        time.sleep(0.2)
        return seen

    def told(_: Tensor, command: Tensor | None) -> Tensor:
        return torch.tensor(float("nan")) if command is None else command

    counts = {}
    for background in (True, False):
        done: list[float] = []
        start = time.perf_counter()
        clock = Clocked(think, told, hertz=50, background=background)
        clock.run(lambda: torch.tensor(time.perf_counter() - start), lambda action: done.append(float(action)), 1.0)  # noqa: B023
        counts[background] = len(done)
        if background:
            assert done[0] != done[0]  # nothing was known at first, and nobody waited for it
            assert len({value for value in done if value == value}) >= 2  # commands came
    assert any(name.startswith("slow") for name in threads)
    assert counts[True] > 2 * counts[False]  # about 50 against 5
