"""Chapter 7's experiment: few demonstrations of a long errand, and what a person who watches can do about it.

`saw-edu record ch07` records it for five seeds.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from typing import NamedTuple

import torch
from torch import Tensor

from saw_edu.envs.packing import TinyPacking, expert, rules
from saw_edu.envs.packing.language import COARSE, PHRASES, bag_of_words, fine_phrases
from saw_edu.hierarchy import Cloning
from saw_edu.hierarchy.dagger import Log, Person, Rule, approved, fine_tune, row_weights, should_speak, watch
from saw_edu.hierarchy.demonstrations import Demonstrations, demonstrate
from saw_edu.hierarchy.imitation import Classifier, fit
from saw_edu.rollouts import evaluate

SEEDS = 5
DEMONSTRATIONS = 100
EPISODES = 100  # of a test
WATCHED = 50  # episodes of a round
ROUNDS = 3
LASTS = 4  # steps that a coarse word is in force; a fine one is for one step
SHARE = 0.1  # of corrections in a batch, as YAY Robot has it
ACTIONS = len(rules.ACTIONS)
TRAINING = Cloning(steps=1500)
TUNING = Cloning(steps=400, learning_rate=1e-3)
WORDS = bag_of_words()


class Rows(NamedTuple):
    """What a net learns from: observations, missions (N, obs) and labels (N,)."""

    observations: Tensor
    missions: Tensor
    labels: Tensor

    def and_also(self, more: Rows) -> Rows:
        """These and more."""
        return Rows(*(torch.cat(pair) for pair in zip(self, more, strict=True)))


@dataclass(frozen=True)
class Levels:
    """A hierarchy, and a flat policy from the same demonstrations."""

    high: Classifier
    low: Classifier
    flat: Classifier

    def drawing(self, generator: torch.Generator) -> Levels:
        """With a source of draws."""
        return Levels(self.high.drawing(generator), self.low.drawing(generator), self.flat.drawing(generator))


def lasts(words: Tensor) -> Tensor:
    """Steps (B,) for which words (B,) are in force."""
    return torch.where(words < len(COARSE), LASTS, 1)


@cache
def demonstrations(seed: int) -> Demonstrations:
    """The expert's episodes, for missions of one, two and three objects in equal parts."""
    world, generator = TinyPacking(), torch.Generator().manual_seed(100 + seed)
    goals = torch.cat([world.sample_goals(1, 1 + i % 3, generator) for i in range(DEMONSTRATIONS)])
    return demonstrate(world, world.sample_states(DEMONSTRATIONS, generator), goals, generator)


def spoken(data: Demonstrations) -> Rows:
    """What the high level learns from: the demonstrator's coarse words."""
    return Rows(data.observations, data.goals, data.subgoals)


def train_low(data: Demonstrations, seed: int, fine: bool = True, more: Rows | None = None) -> Classifier:
    """A low level (observation, words) -> action.

    Args:
        data: demonstrations with coarse words.
        seed: of weights and batches.
        fine: learn fine words too, in hindsight: what was done is what was said.
        more: further observations with phrases' numbers as "missions" (N, 1) and actions.
    """
    words, seen, actions = [data.subgoals], [data.observations], [data.actions]
    if fine:
        words, seen, actions = [*words, fine_phrases(data.actions)], seen * 2, actions * 2
    if more is not None:
        words, seen, actions = [*words, more.missions[:, 0]], [*seen, more.observations], [*actions, more.labels]
    inputs = torch.cat([torch.cat(seen), WORDS[torch.cat(words)]], 1)
    net = fit(inputs, torch.cat(actions), ACTIONS, TRAINING, torch.Generator().manual_seed(seed))
    return Classifier(net, WORDS)


def train_high(rows: Rows, seed: int) -> Classifier:
    """A high level (observation, mission) -> one of all words, coarse and fine."""
    inputs = torch.cat([rows.observations, rows.missions], 1)
    return Classifier(fit(inputs, rows.labels, len(PHRASES), TRAINING, torch.Generator().manual_seed(seed)))


def train_flat(rows: Rows, seed: int) -> Classifier:
    """A flat policy (observation, mission) -> action."""
    inputs = torch.cat([rows.observations, rows.missions], 1)
    return Classifier(fit(inputs, rows.labels, ACTIONS, TRAINING, torch.Generator().manual_seed(seed)))


def train(seed: int, fine: bool = True) -> Levels:
    """Both levels and a flat policy, from demonstrations."""
    data = demonstrations(seed)
    flat = train_flat(Rows(data.observations, data.goals, data.actions), seed)
    return Levels(train_high(spoken(data), seed), train_low(data, seed, fine), flat)


def person(patience: int = 2, rule: Rule = should_speak) -> Person:
    """Somebody who knows the way: approves of steps that bring the end nearer, and names the plan's word.

    If that is in force already and it still goes wrong, the person says the next move instead: a fine word.
    """
    sure = TinyPacking(slip=0.0, pick_fails=0.0)

    def approves(states: Tensor, goals: Tensor, actions: Tensor) -> Tensor:
        nearer = sure.distances(sure.step(states, actions), goals) < sure.distances(states, goals)
        return nearer | (actions == sure.oracle(states, goals))

    def says(states: Tensor, goals: Tensor, words: Tensor) -> Tensor:
        plan = sure.subgoals(states, goals)
        return torch.where(plan == words, fine_phrases(sure.oracle(states, goals)), plan)

    return Person(approves, says, patience, rule)


def errands(seed: int, episodes: int, objects: int = 3) -> tuple[Tensor, Tensor, torch.Generator]:
    """Starts, goals (episodes, 8), and the source of chance."""
    world, generator = TinyPacking(), torch.Generator().manual_seed(seed)
    return world.sample_states(episodes, generator), world.sample_goals(episodes, objects, generator), generator


def play(levels: Levels, seed: int, episodes: int, objects: int = 3, beside: Person | None = None) -> Log:
    """Roll the hierarchy out, drawn from its own probabilities."""
    starts, goals, generator = errands(seed, episodes, objects)
    drawn = levels.drawing(torch.Generator().manual_seed(seed + 1))
    return watch(TinyPacking(), drawn.high, drawn.low, starts, goals, lasts, generator, beside)


def success(levels: Levels, seed: int, objects: int = 3, beside: Person | None = None) -> float:
    """Share of test errands that the hierarchy does."""
    return float(play(levels, 10_000 + seed, EPISODES, objects, beside).success.double().mean())


def flat_success(flat: Classifier, seed: int, objects: int = 3) -> float:
    """The same errands for a flat policy."""
    starts, goals, generator = errands(10_000 + seed, EPISODES, objects)
    drawn = flat.drawing(torch.Generator().manual_seed(10_001 + seed))
    return evaluate([drawn], TinyPacking(), starts, goals, generator=generator, progress=False).success


def with_plan(levels: Levels, seed: int, objects: int = 3) -> float:
    """The same errands with the expert's words in place of the high level's, anew at every step."""
    starts, goals, generator = errands(10_000 + seed, EPISODES, objects)
    low = levels.low.drawing(torch.Generator().manual_seed(seed))
    log = watch(TinyPacking(), expert.high, low, starts, goals, torch.ones_like, generator)
    return float(log.success.double().mean())


KEPT = ("corrections", "approved", "all")


def words_of(log: Log, kept: str) -> Rows:
    """What a log teaches the high level.

    Args:
        log: of a roll-out with a person.
        kept: "corrections": a person's words; "approved": and its own that no correction followed; "all": every word.
    """
    by_person = log.by_person
    chosen = {"corrections": by_person, "approved": approved(log.words, by_person), "all": torch.ones_like(by_person)}
    return Rows(*log.rows(chosen[kept]))


def post_train(levels: Levels, base: Rows, told: Rows, seed: int, share: float | None = SHARE) -> Levels:
    """The high level trained on; share: of what it was told in a batch; None: as much as there is of it."""
    rows = base.and_also(told)
    new = torch.arange(len(rows.labels)) >= len(base.labels)
    weights = torch.ones(len(new)) if share is None else row_weights(new, share)
    generator = torch.Generator().manual_seed(seed)
    return replace(levels, high=fine_tune(levels.high, *rows, weights, TUNING, generator))


def rounds_of_words(
    levels: Levels, seed: int, kept: str = "corrections", share: float | None = SHARE
) -> Iterator[tuple[int, int, Levels]]:
    """Rounds of watching and learning: utterances and episodes so far, and the levels after each round."""
    base, told, said = spoken(demonstrations(seed)), None, 0
    for number in range(ROUNDS):
        log = play(levels, 20_000 + 100 * seed + number, WATCHED, beside=person())
        said += log.utterances
        new = words_of(log, kept)
        told = new if told is None else told.and_also(new)
        levels = post_train(levels, base, told, seed + number, share)
        yield said, WATCHED * (number + 1), levels


def visited(levels: Levels, seed: int) -> tuple[Log, Tensor, Tensor]:
    """A roll-out without a person: its log, and which steps (t, b) belong to running episodes."""
    log = play(levels, seed, WATCHED)
    t, b = log.running.nonzero(as_tuple=True)
    return log, t, b


def dagger_high(levels: Levels, seed: int) -> Iterator[tuple[int, int, Levels]]:
    """DAgger on the high level: the expert's word at every state visited. Labels, episodes so far, and the levels."""
    rows, labels = spoken(demonstrations(seed)), 0
    for number in range(ROUNDS):
        log, t, b = visited(levels, 20_000 + 100 * seed + number)
        seen, missions = log.observations[t, b], log.missions[b]
        rows = rows.and_also(Rows(seen, missions, expert.high(seen, missions)))
        labels += len(t)
        levels = replace(levels, high=train_high(rows, seed))
        yield labels, WATCHED * (number + 1), levels


def dagger_low(levels: Levels, seed: int) -> Iterator[tuple[int, int, Levels]]:
    """DAgger on the low level: the expert's action for the word in force, at every state visited."""
    more, labels = None, 0
    for number in range(ROUNDS):
        log, t, b = visited(levels, 20_000 + 100 * seed + number)
        seen, words = log.observations[t, b], log.words[t, b]
        new = Rows(seen, words[:, None], expert.obey(seen, words))
        more = new if more is None else more.and_also(new)
        labels += len(t)
        levels = replace(levels, low=train_low(demonstrations(seed), seed, more=more))
        yield labels, WATCHED * (number + 1), levels


def dagger_flat(levels: Levels, seed: int) -> Iterator[tuple[int, int, Levels]]:
    """DAgger on a flat policy: the expert's action at every state visited."""
    data, labels, world = demonstrations(seed), 0, TinyPacking()
    rows = Rows(data.observations, data.goals, data.actions)
    for number in range(ROUNDS):
        starts, goals, generator = errands(20_000 + 100 * seed + number, WATCHED)
        flat = levels.flat.drawing(torch.Generator().manual_seed(seed + number))
        # a flat policy as a hierarchy: its "words" are actions, which last for one step
        log = watch(world, flat, lambda seen, words: words, starts, goals, torch.ones_like, generator)
        t, b = log.running.nonzero(as_tuple=True)
        seen, missions = log.observations[t, b], log.missions[b]
        rows = rows.and_also(Rows(seen, missions, expert.policy(seen, missions)))
        labels += len(t)
        levels = replace(levels, flat=train_flat(rows, seed))
        yield labels, WATCHED * (number + 1), levels
