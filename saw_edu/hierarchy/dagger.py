"""Somebody watches a hierarchy and speaks up: corrections by language, and learning from what was visited (DAgger).

The high level says a word, which lasts for some steps, and the low level carries it out. A person who watches may say
another word, which takes its place ("Yell At Your Robot", Shi et al., RSS 2024). Afterwards the high level, and it
alone, learns to say itself what it was told. DAgger (Ross et al., AISTATS 2011) asks an expert about *every* state that
was visited instead.
"""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from saw_edu.envs.world import World
from saw_edu.hierarchy.imitation import Classifier, Cloning
from saw_edu.rollouts import where

Level = Callable[[Tensor, Tensor], Tensor]
"""A high level: observations, missions (B, obs) -> words (B,). A low one: observations, words -> actions (B,)."""

Rule = Callable[[Tensor, Tensor, int], Tensor]
"""(steps gone wrong in a row (B,), steps that a correction still lasts (B,), patience) -> speak now? (B,) bool."""


def should_speak(wrong: Tensor, lasting: Tensor, patience: int) -> Tensor:
    """Speak after `patience` wrong steps in a row, while no correction lasts: (B,), (B,) -> (B,) bool."""
    return (wrong >= patience) & (lasting == 0)


@dataclass(frozen=True)
class Person:
    """Somebody who watches.

    Attributes:
        approves: (states (B, ...), goals (B, ...), actions (B,)) -> whether this is a good step, (B,) bool.
        says: (states, goals, words in force (B,)) -> what to do instead, words (B,).
        patience: wrong steps in a row before a word is said.
        rule: when to speak.
    """

    approves: Callable[[Tensor, Tensor, Tensor], Tensor]
    says: Callable[[Tensor, Tensor, Tensor], Tensor]
    patience: int = 2
    rule: Rule = should_speak


class Log(NamedTuple):
    """What happened in B episodes of T steps; rows after an episode's end have `running` False."""

    states: Tensor  # (T, B, ...)
    observations: Tensor  # (T, B, obs)
    missions: Tensor  # (B, obs)
    words: Tensor  # (T, B) in force
    by_person: Tensor  # (T, B) bool, whether a person had said it
    spoken: Tensor  # (T, B) bool, whether it was said at this step, by a person
    running: Tensor  # (T, B) bool
    success: Tensor  # (B,) bool

    @property
    def utterances(self) -> int:
        """How often the person spoke."""
        return int(self.spoken.sum())

    def rows(self, chosen: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Observations, missions (N, obs) and words (N,) at the chosen (T, B) bool steps of running episodes."""
        t, b = (chosen & self.running).nonzero(as_tuple=True)
        return self.observations[t, b], self.missions[b], self.words[t, b]


@torch.no_grad()
def watch(
    world: World,
    high: Level,
    low: Level,
    starts: Tensor,
    goals: Tensor,
    lasts: Callable[[Tensor], Tensor],
    generator: torch.Generator,
    person: Person | None = None,
) -> Log:
    """Roll a hierarchy out, with a person beside it or without.

    Args:
        world: where.
        high: says a word when the last one is over.
        low: acts on the word in force.
        starts: (B, ...) states.
        goals: (B, ...) states.
        lasts: words (B,) -> for how many steps each is in force, whoever says it, at least 1.
        generator: of the world's chance.
        person: who watches; nobody where not given.
    """
    batch, states, missions = len(starts), starts, world.observe(goals)
    done = world.reached(states, goals)
    left, wrong = torch.zeros(batch, dtype=torch.int64), torch.zeros(batch, dtype=torch.int64)
    words, told = torch.zeros(batch, dtype=torch.int64), torch.zeros(batch, dtype=torch.bool)
    steps: list[tuple[Tensor, ...]] = []
    for _ in range(world.max_steps):
        seen, over = world.observe(states), left == 0
        words = torch.where(over, high(seen, missions), words)
        left, told = torch.where(over, lasts(words), left), told & ~over
        spoken = torch.zeros_like(told)
        if person is not None:
            spoken = person.rule(wrong, torch.where(told, left, 0), person.patience) & ~done
            words = torch.where(spoken, person.says(states, goals, words), words)
            left, told = torch.where(spoken, lasts(words), left), told | spoken
        actions = low(seen, words)
        steps.append((states, seen, words, told, spoken, ~done))
        if person is not None:
            good = person.approves(states, goals, actions)
            wrong = torch.where(good | spoken, 0, wrong + 1)
        states = where(~done, world.step(states, actions, generator), states)
        left, done = left - 1, done | world.reached(states, goals)
        if bool(done.all()):
            break
    along, observations, said, by_person, spoke, running = (torch.stack(column) for column in zip(*steps, strict=True))
    return Log(along, observations, missions, said, by_person, spoke, running, done)


def segments(words: Tensor, by_person: Tensor) -> Tensor:
    """Numbers (T, B) of runs with one word of one speaker, from 0 in each episode."""
    new = (words[1:] != words[:-1]) | (by_person[1:] != by_person[:-1])
    return torch.cat([torch.zeros_like(words[:1]), new.long().cumsum(0)])


def approved(words: Tensor, by_person: Tensor) -> Tensor:
    """What a high level may learn to say: what a person said, and its own words that no correction followed.

    A segment of its own words that a person's segment follows led to that correction: it is dropped.

    Args:
        words: (T, B) in force.
        by_person: (T, B) bool.

    Returns:
        (T, B) bool.
    """
    number = segments(words, by_person)
    followed = torch.zeros_like(number, dtype=torch.bool)
    followed[:-1] = by_person[1:] & ~by_person[:-1]  # the last row of a segment that a person ended
    most = int(number.max()) + 1
    ends_badly = torch.zeros(most, words.shape[1], dtype=torch.bool)
    t, b = followed.nonzero(as_tuple=True)
    ends_badly[number[t, b], b] = True
    return by_person | ~ends_badly.gather(0, number)


def row_weights(of_corrections: Tensor, share: float) -> Tensor:
    """Chances (N,) to be drawn so that corrections (N,) bool make up `share` of a batch, however few there are.

    Raises:
        ValueError: a share outside [0, 1], or nothing to give a share above 0 to.
    """
    if not 0 <= share <= 1:
        raise ValueError(f"a share lies between 0 and 1, got {share}")
    number = of_corrections.sum()
    if (share > 0 and number == 0) or (share < 1 and number == len(of_corrections)):
        raise ValueError(f"{int(number)} of {len(of_corrections)} rows are corrections: a share of {share} cannot be")
    each = share / number.clamp(min=1), (1 - share) / (len(of_corrections) - number).clamp(min=1)
    return torch.where(of_corrections, *each)


def fine_tune(
    level: Classifier,
    observations: Tensor,
    missions: Tensor,
    words: Tensor,
    weights: Tensor,
    config: Cloning,
    generator: torch.Generator,
) -> Classifier:
    """A copy of a high level, trained on with rows drawn by their weights (N,). The one given stays as it is."""
    net = copy.deepcopy(level.net).requires_grad_(True)
    optimizer = torch.optim.Adam(net.parameters(), config.learning_rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, config.steps)
    inputs = torch.cat([observations, missions], 1)
    drawn = torch.multinomial(weights.double(), config.steps * config.batch_size, replacement=True, generator=generator)
    for rows in drawn.view(config.steps, config.batch_size):
        loss = F.cross_entropy(net(inputs[rows]), words[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    return Classifier(net.requires_grad_(False), level.phrases)


def fingerprint(net: nn.Module) -> str:
    """A text that changes with any bit of any parameter or buffer of a net, and with nothing else."""
    digest = hashlib.sha256()
    for name, values in sorted(net.state_dict().items()):
        digest.update(f"{name} {tuple(values.shape)} {values.dtype}".encode())
        digest.update(values.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:16]
