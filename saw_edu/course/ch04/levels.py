"""Policies of two levels for chapter 4: literal ones, learned ones, and a batch of them with its clocks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
from torch import Tensor

from saw_edu.envs import TinyPacking
from saw_edu.envs.packing import expert, language
from saw_edu.envs.packing.rules import ACTIONS
from saw_edu.hierarchy import Cloning, Demonstrations, demonstrate, imitation
from saw_edu.hierarchy.switching import Done
from saw_edu.hierarchy.two_levels import High, Low
from saw_edu.nn import MLP
from saw_edu.place import asset

OBJECTS = 3  # a mission of the experiments names all of them
PATIENCE, LONG = 160, 480  # steps after which an episode counts as failed
EPISODES = 100  # of each seed
SEEDS = (0, 1, 2, 3, 4)
STUCK = 60  # a failed episode whose last subgoal was held for so many steps is stuck, not slow
DEMONSTRATIONS = 300
WORDS = language.bag_of_words()
CONFIG = Cloning(hidden_dims=(64, 64), steps=4000, learning_rate=3e-3)

ShouldSwitch = Callable[[str, Tensor, Tensor, int], Tensor]
Update = Callable[[Tensor, Tensor, Tensor, Tensor], tuple[Tensor, Tensor]]


def should_switch(rule: str, done: Tensor, age: Tensor, n: int) -> Tensor:
    """Whether to ask the high level: "every" n steps, when "done", or "done or timeout", whichever comes first."""
    late = age >= n
    return {"every": late, "done": done, "done or timeout": done | late}[rule]


def update(held: Tensor, age: Tensor, asked: Tensor, proposed: Tensor) -> tuple[Tensor, Tensor]:
    """Subgoals held for this step, and how many steps each will have been held after it, each episode for itself."""
    return torch.where(asked, proposed, held), torch.where(asked, 0, age) + 1


class Memory(NamedTuple):
    """Of a batch of episodes."""

    held: Tensor  # (B,) subgoals
    age: Tensor  # (B,) steps taken with them
    calls: Tensor  # (B,) of the high level


@dataclass(frozen=True)
class Levels:
    """Two levels with a rule for moving on: a policy with memory, whose parts are the chapter's exercises.

    The high level is asked for every episode at every step, so that `update` can be tried in any form; a call counts
    where the answer was wanted. (`saw_edu.hierarchy.TwoLevels` asks only for those episodes.)
    """

    high: High
    low: Low
    rule: str
    n: int = 1
    done: Done = expert.accomplished
    should_switch: ShouldSwitch = should_switch
    update: Update = update

    def begin(self, batch: int) -> Memory:
        """No subgoal yet: an age of 0 says so."""
        zero = torch.zeros(batch, dtype=torch.long)
        return Memory(zero, zero, zero)

    def act(self, observations: Tensor, goals: Tensor, memory: Memory) -> tuple[Tensor, Memory]:
        """One step of every episode."""
        done = self.done(observations, memory.held)
        asked = (memory.age == 0) | self.should_switch(self.rule, done, memory.age, self.n)
        held, age = self.update(memory.held, memory.age, asked, self.high(observations, goals))
        return self.low(observations, held), Memory(held, age, memory.calls + asked)


@dataclass(frozen=True)
class Erring:
    """A high level that says something else, drawn from all coarse phrases, at a share of its calls."""

    high: High
    share: float
    generator: torch.Generator

    def __call__(self, observations: Tensor, goals: Tensor) -> Tensor:
        """Subgoals (B,)."""
        right = self.high(observations, goals)
        errs = torch.rand(right.shape, generator=self.generator) < self.share
        other = torch.randint(1, len(language.COARSE), right.shape, generator=self.generator)
        return torch.where(errs, (right + other) % len(language.COARSE), right)


@dataclass(frozen=True)
class FalseAlarms:
    """A detector that also says "done" by chance."""

    done: Done
    share: float  # of the steps
    generator: torch.Generator

    def __call__(self, observations: Tensor, subgoals: Tensor) -> Tensor:
        """(B,) bool."""
        alarm = torch.rand(len(observations), generator=self.generator) < self.share
        return self.done(observations, subgoals) | alarm


class Learned(NamedTuple):
    """What one seed learned from its demonstrations."""

    high: imitation.Classifier
    low: imitation.Classifier
    done: imitation.LearnedDetector  # labels: is the subgoal accomplished?
    moves_on: imitation.LearnedDetector  # labels: did the demonstrator move on?


def demonstrations(seed: int, episodes: int = DEMONSTRATIONS) -> Demonstrations:
    """A seed's own: a third each with one, two and three objects."""
    world, generator = TinyPacking(), torch.Generator().manual_seed(seed)
    starts, goals, _ = world.task_states(episodes // 3, generator)
    return demonstrate(world, starts, goals, generator)


def learn(data: Demonstrations, seed: int, config: Cloning = CONFIG) -> Learned:
    """Both levels and two detectors from demonstrations. Answers of the levels are drawn, at temperature 1."""
    g = torch.Generator().manual_seed(1000 + seed)
    return Learned(
        imitation.clone_high(data, len(language.COARSE), config, g).drawing(g),
        imitation.clone_low(data, WORDS, len(ACTIONS), config, g).drawing(g),
        imitation.clone_detector(data, WORDS, config, g, expert.accomplished),
        imitation.clone_detector(data, WORDS, config, g),
    )


def state(learned: Learned) -> dict[str, dict[str, Tensor]]:
    """The weights of all nets, in half precision, to be stored."""
    classifiers = (learned.high, learned.low, learned.done.classifier, learned.moves_on.classifier)
    return {
        name: {key: value.half() for key, value in one.net.state_dict().items()}
        for name, one in zip(Learned._fields, classifiers, strict=True)
    }


def load(seed: int) -> Learned:
    """What was recorded of a seed."""
    states = torch.load(asset("ch04/levels.pt"), weights_only=True)[f"seed-{seed}"]
    g = torch.Generator().manual_seed(2000 + seed)

    def net(name: str) -> MLP:
        kernels = [value for key, value in states[name].items() if key.endswith("kernel")]
        made = MLP(kernels[0].shape[0], [kernel.shape[1] for kernel in kernels], g)
        made.load_state_dict(states[name])
        return made.requires_grad_(False)

    high, low, done, moves_on = (imitation.Classifier(net(name), WORDS) for name in Learned._fields)
    return Learned(
        replace(high, phrases=None).drawing(g),
        low.drawing(g),
        imitation.LearnedDetector(done),
        imitation.LearnedDetector(moves_on),
    )


def greedy(levels: Levels) -> Levels:
    """The same with the likeliest answers of both learned levels, instead of drawn ones."""
    high, low = levels.high, levels.low
    assert isinstance(high, imitation.Classifier)
    assert isinstance(low, imitation.Classifier)
    return replace(levels, high=high.drawing(None, 0.0), low=low.drawing(None, 0.0))
