"""Two levels that were trained apart, and what either can do about the other.

The low level learned its words within a room: rows of demonstrations with a wall between the agent and what it was told
to reach are left out. The high level does not know that, and asks for things in the other room.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F
from tqdm.auto import tqdm

from saw_edu.envs.packing import TinyPacking, expert, rules
from saw_edu.envs.packing.expert import obey as obey  # the chapter calls it as rooms.obey
from saw_edu.envs.packing.language import COARSE, GET, OPEN_DOOR, PACK, PHRASES, bag_of_words, fine_phrases
from saw_edu.hierarchy.demonstrations import Demonstrations, demonstrate
from saw_edu.hierarchy.imitation import Classifier, Cloning, fit
from saw_edu.nn import MLP
from saw_edu.rollouts import evaluate

DEMONSTRATIONS = 200
STEPS = 1000  # of each training
OWN_EPISODES = 100  # roll-outs of the learned levels, labelled by the expert
SHARE = 0.5  # of emitted goals in a batch
KINDS = 2 * len(COARSE) + len(PHRASES) - len(COARSE)  # of goals: see `kinds`
ACTIONS = len(rules.ACTIONS)
Sampler = Callable[[int, int, float, int, torch.Generator], Tensor]


class Rows(NamedTuple):
    """What either level learns from: observations, goals (N, obs), words told (N,) and actions (N,)."""

    observations: Tensor
    missions: Tensor
    words: Tensor
    actions: Tensor

    def of(self, rows: Tensor) -> Rows:
        """Some of them."""
        return Rows(*(column[rows] for column in self))

    def and_also(self, more: Rows) -> Rows:
        """These and more."""
        return Rows(*(torch.cat(pair) for pair in zip(self, more, strict=True)))


@cache
def demonstrations(seed: int, number: int = DEMONSTRATIONS) -> Demonstrations:
    """So many episodes of the expert, for missions of one, two and three objects in equal parts."""
    world, generator = TinyPacking(), torch.Generator().manual_seed(100 + seed)
    goals = torch.cat([world.sample_goals(1, 1 + i % 3, generator) for i in range(number)])
    return demonstrate(world, world.sample_states(number, generator), goals, generator)


def behind_wall(observations: Tensor, words: Tensor) -> Tensor:
    """Whether a wall is between the agent and what a word asks it to reach, (N,) bool. Never for fine words."""
    thing = torch.where(words >= PACK, rules.BAG_PLACE, torch.where(words >= GET, words - GET + 1, rules.KEY))
    place = torch.where(words == OPEN_DOOR, rules.DOOR_PLACE, thing).clamp(max=rules.DOOR_PLACE)
    now = expert.read(observations)
    lies, same = (x.gather(1, place[:, None]).squeeze(1) for x in (now.lies, now.same))
    return lies & ~same & (words < len(COARSE))


def kinds(observations: Tensor, words: Tensor) -> Tensor:
    """The kind of goal (N,), a number below `KINDS`: the word told, and for a coarse one whether a wall is between."""
    return words + len(PHRASES) * behind_wall(observations, words).long()


def labelled(data: Demonstrations, within_a_room: bool = True) -> Rows:
    """What the low level learns from: coarse words (of one room only, or all), and as many fine ones."""
    coarse = Rows(data.observations, data.goals, data.subgoals, data.actions)
    if within_a_room:
        coarse = coarse.of((~behind_wall(data.observations, data.subgoals)).nonzero().squeeze(1))
    some = torch.linspace(0, len(data) - 1, len(coarse.words)).long()
    fine = Rows(data.observations, data.goals, fine_phrases(data.actions), data.actions).of(some)
    return coarse.and_also(fine)


def mixture_rows(labelled: int, emitted: int, share: float, batch: int, generator: torch.Generator) -> Tensor:
    """Numbers of rows (batch,): labelled ones come first, emitted ones behind; each is emitted with chance `share`."""
    of_emitted = torch.rand(batch, generator=generator) < share
    size = torch.where(of_emitted, emitted, labelled)
    within = (torch.rand(batch, generator=generator, dtype=torch.float64) * size).long()
    return within + of_emitted * labelled


def train_low(
    rows: Rows,
    seed: int,
    emitted: Rows | None = None,
    share: float = SHARE,
    sampler: Sampler = mixture_rows,
    steps: int = STEPS,
    progress: bool = False,
) -> Classifier:
    """A low level (observation, word) -> action, from labelled rows and, for a share of each batch, emitted ones."""
    generator, config = torch.Generator().manual_seed(seed), Cloning()
    both = rows if emitted is None else rows.and_also(emitted)
    more = 0 if emitted is None else len(emitted.words)
    table = bag_of_words()
    net = MLP(rules.OBSERVATION_DIM + table.shape[1], [*config.hidden_dims, ACTIONS], generator)
    optimizer = torch.optim.Adam(net.parameters(), config.learning_rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for _ in tqdm(range(steps), disable=not progress, unit=" steps", desc="low level", mininterval=0.5):
        chosen = sampler(len(rows.words), more, share if more else 0.0, config.batch_size, generator)
        inputs = torch.cat([both.observations[chosen], table[both.words[chosen]]], 1)
        loss = F.cross_entropy(net(inputs), both.actions[chosen])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    return Classifier(net.requires_grad_(False), table)


def train_high(rows: Rows, seed: int, steps: int = STEPS) -> Classifier:
    """A high level (observation, mission) -> one of all words, coarse and fine."""
    inputs = torch.cat([rows.observations, rows.missions], 1)
    generator = torch.Generator().manual_seed(seed)
    return Classifier(fit(inputs, rows.words, len(PHRASES), Cloning(steps=steps), generator))


@dataclass(frozen=True)
class Pair:
    """Both levels, each asked at every step: a policy without memory."""

    high: Classifier
    low: Classifier

    def drawing(self, generator: torch.Generator, temperature: float = 1.0) -> Pair:
        """With a source of draws."""
        return Pair(self.high.drawing(generator, temperature), self.low.drawing(generator, temperature))

    def __call__(self, observations: Tensor, goals: Tensor) -> Tensor:
        """(B, obs), (B, obs) -> actions (B,)."""
        return self.low(observations, self.high(observations, goals))


@torch.no_grad()
def roll_out(pair: Pair, seed: int, episodes: int = OWN_EPISODES) -> tuple[Rows, float]:
    """What the high level emits at run time, each with what the expert's low level would do, and the success."""
    world, generator = TinyPacking(), torch.Generator().manual_seed(5_000 + seed)
    goals = torch.cat([world.sample_goals(1, 1 + i % 3, generator) for i in range(episodes)])
    states, told, pair = world.sample_states(episodes, generator), world.observe(goals), pair.drawing(generator)
    done, kept = world.reached(states, goals), []
    for _ in range(world.max_steps):
        seen = world.observe(states)
        words = pair.high(seen, told)
        kept.append(Rows(seen, told, words, obey(seen, words)).of((~done).nonzero().squeeze(1)))
        following = world.step(states, pair.low(seen, words), generator)
        states = torch.where(done[:, None], states, following)
        done = done | world.reached(states, goals)
    return Rows(*(torch.cat(column) for column in zip(*kept, strict=True))), float(done.double().mean())


def planned(rows: Rows) -> Rows:
    """The same places with the expert's word and its action."""
    words = expert.high(rows.observations, rows.missions)
    return replace_words(rows, words)


def replace_words(rows: Rows, words: Tensor) -> Rows:
    """The same places told other words, with the action that the words ask for."""
    return Rows(rows.observations, rows.missions, words, obey(rows.observations, words))


def words_within_reach(coarse: Tensor, right: Tensor, chance: Tensor, threshold: float = 0.5) -> Tensor:
    """Words (N,): the coarse one where the low level, told it, does what is right often enough, else the fine one.

    Args:
        coarse: (N,) the plan's words.
        right: (N,) the expert's actions.
        chance: (N, actions) what the low level does when told the coarse words.
        threshold: the least probability of the right action.
    """
    enough = chance.gather(1, right[:, None]).squeeze(1) >= threshold
    return torch.where(enough, coarse, fine_phrases(right))


@torch.no_grad()
def relabel_for(low: Classifier, rows: Rows) -> Rows:
    """What a high level should say at these places if this is the low level below it."""
    plan = planned(rows)
    chance = low.logits(plan.observations, plan.words).softmax(-1)
    return replace_words(plan, words_within_reach(plan.words, plan.actions, chance))


def relabel_by_lot(adapted: Rows, seed: int) -> Rows:
    """The control: as many fine words as adaptation used, at places drawn by lot."""
    plan = planned(adapted)
    order = torch.randperm(len(plan.words), generator=torch.Generator().manual_seed(seed))
    fine = (adapted.words >= len(COARSE))[order]
    return replace_words(plan, torch.where(fine, fine_phrases(plan.actions), plan.words))


def adapt_low(pair: Pair, base: Rows, seed: int, share: float = SHARE) -> tuple[Pair, Rows]:
    """Low adapts to high: trained anew on labelled goals and on those that this high level emits."""
    emitted, _ = roll_out(pair, seed)
    return replace(pair, low=train_low(base, seed, emitted, share)), emitted


def adapt_high(pair: Pair, demos: Rows, seed: int) -> tuple[Pair, Rows]:
    """High adapts to low: words within reach, on demonstrations and then on the pair's own roll-outs as well."""
    first = replace(pair, high=train_high(relabel_for(pair.low, demos), seed))
    own, _ = roll_out(first, seed)
    rows = relabel_for(pair.low, demos.and_also(own))
    return replace(pair, high=train_high(rows, seed)), rows


def success_rate(policy: Pair | Classifier, seed: int, temperature: float = 1.0, episodes: int = 60) -> float:
    """Success; every policy meets the same errands and the same chance."""
    world = TinyPacking()
    starts, goals, _ = world.task_states(episodes, torch.Generator().manual_seed(7))
    drawn = policy.drawing(torch.Generator().manual_seed(seed), temperature)
    chance = torch.Generator().manual_seed(1_000 + seed)
    return evaluate([drawn], world, starts, goals, generator=chance, progress=False).success
