"""Chapter 9's experiment: one task, one set of demonstrations, one number of parameters, six ways to use the labels."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor

from saw_edu.envs.packing import TinyPacking, expert, rules
from saw_edu.envs.packing.language import COARSE, bag_of_words
from saw_edu.hierarchy import Cloning, thoughts
from saw_edu.hierarchy.demonstrations import Demonstrations, demonstrate
from saw_edu.hierarchy.thoughts import Mind, Thinking
from saw_edu.rollouts import evaluate

NUMBERS = (60, 200, 600)  # of demonstrations
SEEDS = 5
BUDGET = 37_000  # parameters of each method: a flat net of width 128
OBJECTS = 2  # to be packed in a test
EPISODES = 100  # of a test
SLIP = 0.05  # in the demonstrations, and in tests where nothing else is said
SLIPS = (0.0, 0.05, 0.1, 0.2)
EVERY = (1, 2, 4, 8, 16)
DROPOUT = 0.5
CLONING = Cloning(steps=1000, batch_size=256)
WORDS = bag_of_words()[: len(COARSE)]
ACTIONS = len(rules.ACTIONS)


def demonstrations(number: int, seed: int) -> Demonstrations:
    """So many episodes of the expert, for missions of one, two and three objects in equal parts."""
    world, generator = TinyPacking(slip=SLIP), torch.Generator().manual_seed(100 + seed)
    goals = torch.cat([world.sample_goals(1, 1 + i % 3, generator) for i in range(number)])
    return demonstrate(world, world.sample_states(number, generator), goals, generator)


def learn(method: str, data: Demonstrations, seed: int, cloning: Cloning = CLONING) -> Mind:
    """A method's nets, trained on demonstrations."""
    generator = torch.Generator().manual_seed(seed)
    return thoughts.learn(method, data, WORDS, ACTIONS, BUDGET, cloning, generator, DROPOUT)


def oracle(observations: Tensor, goals: Tensor) -> Tensor:
    """A perfect thought (B,): the expert's."""
    return expert.high(observations, goals)


def wrong(observations: Tensor, goals: Tensor, generator: torch.Generator) -> Tensor:
    """Any thought (B,) but the expert's, drawn evenly."""
    other = torch.randint(1, len(COARSE), (len(goals),), generator=generator)
    return (expert.high(observations, goals) + other) % len(COARSE)


def told(policy: Thinking, thought: str, seed: int = 0) -> Thinking:
    """The same policy with its own thoughts, perfect ("oracle") or wrong ones, or "none"."""
    if thought == "none":
        return policy.but(silent=True)
    if thought == "wrong":
        return policy.but(source=partial(wrong, generator=torch.Generator().manual_seed(seed)))
    return policy.but(source=oracle if thought == "oracle" else None)


def success(policy: Thinking, seed: int, slip: float = SLIP, episodes: int = EPISODES) -> float:
    """The share of errands done. All policies of a seed meet the same errands."""
    world = TinyPacking(slip=slip)
    generator = torch.Generator().manual_seed(1_000 + seed)
    starts, goals = world.sample_states(episodes, generator), world.sample_goals(episodes, OBJECTS, generator)
    return evaluate([policy], world, starts, goals, generator=generator, progress=False).success


class Row(NamedTuple):
    """One success rate."""

    method: str
    thought: str
    success: float
    temperature: float = 1.0
    every: int = 1
    slip: float = SLIP


def rows_of(mind: Mind, seed: int, all_of_it: bool) -> Iterator[Row]:
    """Success of a trained mind: with its own thoughts; and, where all is asked for, with others, rarer, and slips."""
    policy = Thinking(mind, torch.Generator().manual_seed(seed))

    def row(thought: str, slip: float = SLIP, temperature: float = 1.0, every: int = 1) -> Row:
        one = told(policy, thought, seed).but(temperature=temperature, every=every)
        return Row(mind.method, thought, success(one, seed, slip), temperature, every, slip)

    yield row("own")
    yield row("own", temperature=0.0)
    if mind.method in thoughts.THINKERS:
        yield row("oracle")
        if mind.method in thoughts.CHAINS:
            yield row("none")
    if all_of_it:
        for slip in SLIPS:
            if slip != SLIP:
                yield row("own", slip)
        if mind.method in thoughts.THINKERS:
            yield row("wrong")
            for every in EVERY[1:]:
                yield row("own", every=every)
        if mind.method == "chain, dropout":
            for slip in SLIPS:
                if slip != SLIP:
                    yield row("none", slip)
