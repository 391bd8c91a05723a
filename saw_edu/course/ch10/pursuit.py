"""Chapter 10's second world: a hand that follows a ball, which goes its way whatever the hand does."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from saw_edu.course.ch10.fit import fit
from saw_edu.hierarchy.dual_rate import Chunked, DualRate
from saw_edu.nn.mlp import MLP

SPEED, REACH, NEAR = 0.02, 0.08, 0.1  # the ball's and the hand's longest way a tick; how close counts as caught
TICKS = 200
TURNS = (0.0, 0.1)  # probability a tick that the ball takes a new direction
LATENCIES = (0, 2, 4, 6, 8, 12)
HORIZON = 16  # places in a chunk
UPDATES = 600


def tracks(number: int, turn: float, generator: torch.Generator, ticks: int = TICKS) -> Tensor:
    """(number, ticks, 4) place and way of a ball in the square [-1, 1]²: straight on, bouncing off its sides.

    With probability `turn` a tick it takes a new random direction.
    """
    place = 2 * torch.rand(number, 2, generator=generator) - 1
    angle = 2 * math.pi * torch.rand(number, generator=generator)
    found = []
    for _ in range(ticks):
        fresh = 2 * math.pi * torch.rand(number, generator=generator)
        angle = torch.where(torch.rand(number, generator=generator) < turn, fresh, angle)
        way = SPEED * torch.stack([angle.cos(), angle.sin()], 1)
        way = torch.where((place + way).abs() > 1, -way, way)
        angle = torch.atan2(way[:, 1], way[:, 0])
        place = place + way
        found.append(torch.cat([place, way], 1))
    return torch.stack(found, 1)


def follow(observations: Tensor, commands: Tensor) -> Tensor:
    """The fast level: a move (B, 2) of at most `REACH` along x and along y, from the hand to the commanded place."""
    return (commands - observations[:, :2]).clamp(-REACH, REACH)


def stay(observations: Tensor) -> Tensor:
    """No move, (B, 2)."""
    return torch.zeros(len(observations), 2)


@torch.no_grad()
def caught(policy: DualRate | Chunked, balls: Tensor) -> float:
    """The share of ticks in which the hand is within `NEAR` of the ball; the first 20 ticks do not count.

    Args:
        policy: told (B, 6): the hand's place, the ball's place and way.
        balls: (B, T, 4) of `tracks`.
    """
    hands, memory = torch.zeros(len(balls), 2), policy.begin(len(balls))
    near = []
    for ball in balls.unbind(1):
        seen = torch.cat([hands, ball], 1)
        moves, memory = policy.act(seen, seen, memory)  # type: ignore[arg-type]
        if isinstance(policy, Chunked):  # of places
            moves = follow(seen, moves)
        hands = hands + moves
        near.append((hands - ball[:, :2]).norm(dim=1) < NEAR)
    return float(torch.stack(near[20:]).double().mean())


def where_it_is(observations: Tensor, goals: Tensor) -> Tensor:
    """A slow level that commands the place where it sees the ball."""
    return observations[:, 2:4]


def train_slow(latency: int, turn: float, generator: torch.Generator, updates: int = UPDATES) -> MLP:
    """A slow level that is asked, on recorded balls, for the place `latency` ticks after the look.

    In use its command stands from then on for as long as the next thought takes.
    """
    balls = tracks(400, turn, generator)
    now, later = balls[:, : TICKS - latency].flatten(0, 1), balls[:, latency:, :2].flatten(0, 1)
    return fit(now, later, F.mse_loss, 2, generator, updates)


def slow_level(net: MLP) -> Callable[[Tensor, Tensor], Tensor]:
    """The commanded places (B, 2) of a net that sees the ball."""
    return lambda observations, goals: net(observations[:, 2:])


def train_plans(turn: float, generator: torch.Generator, updates: int = UPDATES) -> MLP:
    """A slow level that says, on recorded balls, the places of the next `HORIZON` ticks at once: a chunk."""
    balls = tracks(400, turn, generator)
    later = balls[:, 1:, :2].unfold(1, HORIZON, 1).movedim(-1, 2)  # (N, T', H, 2)
    now = balls[:, : later.shape[1]]
    return fit(now.flatten(0, 1), later.flatten(0, 1).flatten(1), F.mse_loss, 2 * HORIZON, generator, updates)


def planner(net: MLP) -> Callable[[Tensor, Tensor], Tensor]:
    """(observations, goals) -> chunks of places (B, HORIZON, 2)."""
    return lambda observations, goals: net(observations[:, 2:]).unflatten(1, (HORIZON, 2))


def followed(plans: Callable[[Tensor, Tensor], Tensor], execute: int, delay: int, enter: int | None = None) -> Chunked:
    """Chunks of places; while none is there, the hand's own place. `caught` lets the fast level follow them."""
    return Chunked(plans, execute, lambda observations: observations[:, :2], delay, enter)


@torch.no_grad()
def one_hand(
    plans: Callable[[Tensor, Tensor], Tensor],
    ball: Tensor,
    delay: int,
    action_of: Callable[[Tensor, int, int, int], Tensor],
) -> float:
    """One hand that follows chunks, asked for one after the other; the share of ticks (after 20) at the ball.

    Args:
        plans: as of `planner`.
        ball: (T, 4) of `tracks`.
        delay: ticks from look to chunk, at least 1.
        action_of: (chunk (H, 2), asked, arrived, now) -> the place for now.
    """
    hand, near = torch.zeros(2), []
    chunk: Tensor | None = None
    coming, asked, asked_before = None, 0, 0
    for now, seen in enumerate(ball):
        if now % delay == 0:
            if coming is not None:
                chunk, asked_before = coming, asked
            look = torch.cat([hand, seen])[None]
            coming, asked = plans(look, look)[0], now
        if chunk is not None:
            place = action_of(chunk, asked_before, asked_before + delay, now)
            hand = hand + (place - hand).clamp(-REACH, REACH)
        near.append(bool((hand - seen[:2]).norm() < NEAR))
    return sum(near[20:]) / len(near[20:])
