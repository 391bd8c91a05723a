"""Two levels at two rates: a slow one that thinks for a while, and a fast one that acts meanwhile, or waits.

A simulated clock: one tick is one action of the fast level. The slow level looks at the world when it begins to think;
its command can be used `latency` ticks later, when the world has moved on. `Clocked` is the same with a real clock, a
slow model in a thread of its own.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from saw_edu.rollouts import where

High = Callable[[Tensor, Tensor], Tensor]
"""(observations (B, obs), goals (B, obs)) -> commands (B, ...)."""

Low = Callable[[Tensor, Tensor], Tensor]
"""(observations (B, obs), commands (B, ...)) -> actions (B, act) or (B,)."""


class DualRateMemory(NamedTuple):
    """What a two-rate policy remembers of each episode."""

    held: Tensor | None  # (B, ...) the command in use; None before the first tick
    pending: Tensor | None  # (B, ...) the command that is being thought of
    left: Tensor  # (B,) ticks until it can be used; 0: nobody thinks
    since: Tensor  # (B,) ticks since the slow level last began to think; where the robot waits, those it acted in
    has: Tensor  # (B,) bool, whether a first command has come
    age: Tensor  # (B,) ticks since the observation that the held command rests on
    high_calls: Tensor  # (B,)
    waited: Tensor  # (B,) ticks without an action of the fast level


@dataclass(frozen=True)
class DualRate:
    """A slow and a fast level on one clock, for a batch of episodes.

    The slow level begins to think at the first tick. Asynchronous: again as soon as its last thought is finished and
    `every` ticks have passed. Synchronous: think, then act for `every` ticks, then think. Before the first command has
    come, nobody can act.

    Args:
        high: the slow level.
        low: the fast level.
        idle: (observations) -> actions that do nothing, for ticks in which the robot waits.
        latency: ticks from look to command; 0: at once.
        every: see above.
        waits: stand still while the slow level thinks (synchronous), or act on the last command (asynchronous).

    Raises:
        ValueError: a negative latency, or `every` below 1.
    """

    high: High
    low: Low
    idle: Callable[[Tensor], Tensor]
    latency: int = 0
    every: int = 1
    waits: bool = False

    def __post_init__(self) -> None:
        if self.latency < 0 or self.every < 1:
            raise ValueError(f"latency is at least 0 ticks and every at least 1, got {self.latency} and {self.every}")

    def begin(self, batch: int) -> DualRateMemory:
        """Nothing is held, nobody thinks."""
        zero = torch.zeros(batch, dtype=torch.long)
        return DualRateMemory(None, None, zero, zero, zero > 0, zero, zero, zero)

    def act(self, observations: Tensor, goals: Tensor, memory: DualRateMemory) -> tuple[Tensor, DualRateMemory]:
        """One tick: a thought may end, a thought may begin, the fast level acts or waits."""
        held, pending, left, since, has, age, calls, waited = memory
        thinking = left > 0
        left = (left - 1).clamp(min=0)
        arrives = thinking & (left == 0)
        looks = (left == 0) & ((since >= self.every) | (calls == 0))
        if held is None or pending is None:
            held = pending = self.high(observations, goals)
        else:
            held = where(arrives, pending, held)
            rows = looks.nonzero().squeeze(1)
            if len(rows) > 0:
                pending = pending.index_copy(0, rows, self.high(observations[rows], goals[rows]).to(pending.dtype))
        age = torch.where(arrives, self.latency, age + 1)
        left = torch.where(looks, self.latency, left)
        since = torch.where(looks, 0, since) + ~((left > 0) & self.waits)
        at_once = looks & (left == 0)
        held, age = where(at_once, pending, held), torch.where(at_once, 0, age)
        has = has | arrives | at_once
        stands = ~has | ((left > 0) & self.waits)
        actions = where(stands, self.idle(observations), self.low(observations, held))
        return actions, DualRateMemory(held, pending, left, since, has, age, calls + looks, waited + stands)


class ChunkMemory(NamedTuple):
    """What a policy of chunks remembers of each episode."""

    chunk: Tensor | None  # (B, H, ...) in use
    at: Tensor  # (B,) which of its actions comes next
    pending: Tensor | None  # (B, H, ...) being computed
    left: Tensor  # (B,) ticks until it can be used; 0: nothing is being computed
    has: Tensor  # (B,) bool
    calls: Tensor  # (B,)


@dataclass(frozen=True)
class Chunked:
    """Act on chunks: a policy that says its next H actions at once, of which some are executed before it looks again.

    With a `delay` the next chunk is asked for while the last one is still being executed. When it comes, `delay` of its
    actions are about ticks that have passed, so it is entered there.

    Args:
        policy: (observations (B, obs), goals (B, obs)) -> chunks (B, H, act) or (B, H).
        execute: actions from one look to the next.
        delay: ticks from look to chunk.
        enter: which action of a new chunk is the first to be executed; `delay` is right.
        idle: as in `DualRate`, before the first chunk has come.

    Raises:
        ValueError: no action executed, or fewer than the delay lasts.
    """

    policy: Callable[[Tensor, Tensor], Tensor]
    execute: int
    idle: Callable[[Tensor], Tensor]
    delay: int = 0
    enter: int | None = None

    def __post_init__(self) -> None:
        if self.execute < max(1, self.delay):
            raise ValueError(f"execute at least 1 action and as many as the delay, got {self.execute} and {self.delay}")

    def begin(self, batch: int) -> ChunkMemory:
        """No chunk yet."""
        zero = torch.zeros(batch, dtype=torch.long)
        return ChunkMemory(None, zero, None, zero, zero > 0, zero)

    def act(self, observations: Tensor, goals: Tensor, memory: ChunkMemory) -> tuple[Tensor, ChunkMemory]:
        """One tick."""
        chunk, at, pending, left, has, calls = memory
        computing = left > 0
        left = (left - 1).clamp(min=0)
        arrives = computing & (left == 0)
        entered = self.delay if self.enter is None else self.enter
        if chunk is None or pending is None:
            chunk = pending = self.policy(observations, goals)
        horizon = chunk.shape[1]
        if self.execute + entered > horizon:
            raise ValueError(f"{self.execute} actions after the first {entered}: more than the chunk's {horizon}")
        chunk, at = where(arrives, pending, chunk), torch.where(arrives, entered, at)
        # the next look comes so early that its chunk is there when this one's share is executed
        looks = (left == 0) & ((calls == 0) | (at >= entered + self.execute - self.delay))
        rows = looks.nonzero().squeeze(1)
        if len(rows) > 0:
            pending = pending.index_copy(0, rows, self.policy(observations[rows], goals[rows]))
        left = torch.where(looks, self.delay, left)
        at_once = looks & (left == 0)
        chunk, at = where(at_once, pending, chunk), torch.where(at_once, entered, at)
        has = has | arrives | at_once
        actions = chunk[torch.arange(len(at)), at.clamp(max=horizon - 1)]
        actions = where(has, actions, self.idle(observations))
        return actions, ChunkMemory(chunk, at + has, pending, left, has, calls + looks)


@dataclass
class Clocked:
    """The same loop against a real clock: a fast level at a fixed rate, a slow one in a thread of its own, or in line.

    Args:
        high: observation -> command; slow.
        low: (observation, command or None) -> action; fast.
        hertz: ticks a second.
        background: think in a thread; else the fast level waits for each thought.
    """

    high: Callable[[Tensor], Tensor]
    low: Callable[[Tensor, Tensor | None], Tensor]
    hertz: float = 50.0
    background: bool = True

    def run(self, observe: Callable[[], Tensor], apply: Callable[[Tensor], None], seconds: float) -> list[float]:
        """Run the loop; the times (s) from one action to the next, which should all be 1 / hertz."""
        command: Tensor | None = None
        thought: Future[Tensor] | None = None
        gaps: list[float] = []
        period, start = 1 / self.hertz, time.perf_counter()
        due, last = start, None
        with ThreadPoolExecutor(1, thread_name_prefix="slow") as pool:
            while due < start + seconds:
                if not self.background:
                    command = self.high(observe())
                elif thought is None or thought.done():
                    command = thought.result() if thought else command
                    thought = pool.submit(self.high, observe())
                apply(self.low(observe(), command))
                now = time.perf_counter()
                if last is not None:
                    gaps.append(now - last)
                last = now
                due = max(due + period, now)  # a tick that was missed is not made up for
                threading.Event().wait(max(0.0, due - time.perf_counter()))
        return gaps
