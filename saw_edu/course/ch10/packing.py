"""Chapter 10's experiments in TinyPacking: a slow level that takes time to think.

The two levels are the world's own expert, so that thinking time is the only fault there is; or the slow one is learned
from demonstrations, for now or for later. `saw-edu record ch10` records five seeds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from saw_edu.course.ch10.fit import fit
from saw_edu.envs.packing import TinyPacking, expert, rules
from saw_edu.envs.packing.language import COARSE
from saw_edu.hierarchy.dual_rate import DualRate
from saw_edu.nn.mlp import MLP
from saw_edu.rollouts import MemoryPolicy, evaluate

LATENCIES = (0, 2, 4, 6, 8, 12, 16)  # ticks
EVERY = 4  # ticks from one look to the next, where thinking is fast enough
PATIENCE = 120  # ticks
OBJECTS = 2  # to be packed; about 64 ticks without latency
DEMONSTRATIONS = 600
UPDATES = 800


def idle(observations: Tensor) -> Tensor:
    """Do nothing: open, where nothing is to be opened."""
    return torch.full((len(observations),), rules.OPEN)


def dual_rate(
    latency: int,
    waits: bool = False,
    high: Callable[[Tensor, Tensor], Tensor] = expert.high,
    low: Callable[[Tensor, Tensor], Tensor] = expert.low,
    every: int = EVERY,
) -> DualRate:
    """The expert's two levels, or others, on one clock."""
    return DualRate(high, low, idle, latency, every, waits)


def success(policy: MemoryPolicy, seed: int, objects: int = OBJECTS, episodes: int = 200, slip: float = 0.05) -> float:
    """The share of errands done in time. Every policy meets the same errands of a seed."""
    world = TinyPacking(slip=slip, max_steps=PATIENCE)
    generator = torch.Generator().manual_seed(1_000 + seed)
    starts, goals = world.sample_states(episodes, generator), world.sample_goals(episodes, objects, generator)
    return evaluate([policy], world, starts, goals, generator=generator, progress=False).success


class Walks(NamedTuple):
    """Roll-outs with the expert's word for every tick."""

    observations: Tensor  # (N, T, obs)
    goals: Tensor  # (N, obs)
    commands: Tensor  # (N, T) the expert's coarse subgoal there
    lengths: Tensor  # (N,) ticks of each that count


@torch.no_grad()
def walk(policy: MemoryPolicy, number: int, generator: torch.Generator) -> Walks:
    """Errands of one, two and three objects."""
    world = TinyPacking(max_steps=PATIENCE + 40)
    goals = torch.cat([world.sample_goals(number // 3, objects, generator) for objects in (1, 2, 3)])
    states = world.sample_states(len(goals), generator)
    told, memory = world.observe(goals), policy.begin(len(goals))
    rows: list[tuple[Tensor, ...]] = []
    done = world.reached(states, goals)
    for _ in range(world.max_steps):
        seen = world.observe(states)
        actions, memory = policy.act(seen, told, memory)
        rows.append((seen, world.subgoals(states, goals), ~done))
        states = torch.where(done[:, None], states, world.step(states, actions, generator))
        done |= world.reached(states, goals)
    observations, commands, counts = (torch.stack(column, 1) for column in zip(*rows, strict=True))
    return Walks(observations, told, commands, counts.sum(1))


def ticks_of(walks: Walks) -> tuple[Tensor, Tensor]:
    """Which walk and which tick, of all that count: two (B,)."""
    time = torch.arange(walks.observations.shape[1])
    episode, tick = (time < walks.lengths[:, None]).nonzero(as_tuple=True)
    return episode, tick


def ahead(values: Tensor, walks: Walks, steps: int) -> Tensor:
    """(N, T) -> (B,): each tick's value so many ticks later, at the last tick where the walk is over before."""
    episode, tick = ticks_of(walks)
    return values[episode, torch.minimum(tick + steps, walks.lengths[episode] - 1)]


def inputs_of(walks: Walks) -> Tensor:
    """What nets are told at every tick that counts: observation and mission, (B, 2 obs)."""
    episode, tick = ticks_of(walks)
    return torch.cat([walks.observations[episode, tick], walks.goals[episode]], 1)


def slow_level(net: MLP) -> Callable[[Tensor, Tensor], Tensor]:
    """A high level that says the likeliest command."""
    return lambda observations, goals: net(torch.cat([observations, goals], 1)).argmax(1)


def train_slow(walks: Sequence[Walks], latency: int, generator: torch.Generator, updates: int = UPDATES) -> MLP:
    """A high level that is asked for the expert's word `latency` ticks after the look; 0: for the word of now."""
    inputs = torch.cat([inputs_of(some) for some in walks])
    labels = torch.cat([ahead(some.commands, some, latency) for some in walks])
    return fit_slow(inputs, labels, generator, updates)


def fit_slow(
    inputs: Tensor, labels: Tensor, generator: torch.Generator, updates: int = UPDATES, progress: bool = False
) -> MLP:
    """A high level that clones labels (N,) of inputs (N, 2 obs): a logit for each coarse command."""
    return fit(inputs, labels, F.cross_entropy, len(COARSE), generator, updates, progress)


class OneRobot:
    """One errand, a tick at a time, for a loop that the reader writes."""

    def __init__(self, seed: int, slip: float = 0.0) -> None:
        self.world = TinyPacking(slip=slip, pick_fails=slip, max_steps=PATIENCE)
        self.generator = torch.Generator().manual_seed(seed)
        self.state = self.world.sample_states(1, self.generator)
        self.goal = self.world.sample_goals(1, OBJECTS, self.generator)
        self.ticks = self.thoughts = 0

    def look(self) -> Tensor:
        """What the robot sees, (1, obs)."""
        return self.world.observe(self.state)

    def think(self, observation: Tensor) -> Tensor:
        """The expert's coarse command, (1,)."""
        self.thoughts += not self.done
        return expert.high(observation, self.world.observe(self.goal))

    def act(self, observation: Tensor, command: Tensor | None) -> None:
        """The expert's literal action towards a command; nothing without one, and nothing once the errand is done."""
        if not self.done:
            action = idle(observation) if command is None else expert.low(observation, command)
            self.state = self.world.step(self.state, action, self.generator)
            self.ticks += 1

    @property
    def done(self) -> bool:
        """Whether the mission is fulfilled."""
        return bool(self.world.reached(self.state, self.goal))

    def told(self) -> str:
        """How it went, for people."""
        end = f"done after {self.ticks} ticks" if self.done else f"not done after {self.ticks} ticks"
        return f"{end}, with {self.thoughts} thoughts"
