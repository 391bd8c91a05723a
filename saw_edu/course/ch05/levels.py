"""The right level of abstraction: two levels that share a task, with coarser and finer words between them.

The task is TinyPacking's own: pack one to three objects, while things slip and picks fail. The expert's demonstrations
are labelled at five grains, from the whole mission (the high level copies it, and the low level does all) to single
actions (the low level copies them, and the high level does all). Both levels are asked at every step, so that grains
differ in what is said, and not in how often.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import pandas as pd
import torch
from torch import Tensor
from torch.nn import functional as F

from saw_edu.envs.packing import TinyPacking, expert, rules
from saw_edu.envs.packing.language import COARSE, GET, OPEN_DOOR, PACK
from saw_edu.hierarchy.demonstrations import Demonstrations, demonstrate
from saw_edu.hierarchy.imitation import Classifier, Cloning, fit
from saw_edu.rollouts import evaluate

GRAINS = ("mission", "errand", "phrase", "leg", "action", "random groups")  # from coarse to fine, and a control
LABELS = 24  # room for the labels of every grain, so that all networks have the same size
SEEDS = 5


@dataclass(frozen=True)
class LevelSettings:
    """Of demonstrations, training and test."""

    demonstrations: int = 100
    cloning: Cloning = field(default_factory=lambda: Cloning(steps=1000))
    episodes: int = 60  # of the test, for each number of objects in a mission


def demonstrations(number: int, seed: int) -> Demonstrations:
    """So many episodes of the expert, for missions of one, two and three objects in equal parts."""
    world, generator = TinyPacking(), torch.Generator().manual_seed(seed)
    goals = torch.cat([world.sample_goals(1, 1 + i % 3, generator) for i in range(number)])
    return demonstrate(world, world.sample_states(number, generator), goals, generator)


def labels_at(grain: str, data: Demonstrations) -> Tensor:
    """What the expert would say at that grain: (N,) numbers below `LABELS`.

    - mission: one of fifteen;
    - errand: "open up", or "bring" one of the objects;
    - phrase: the coarse phrases of `packing.language`;
    - leg: a phrase and whether one walks to the door, walks to the place, or does something with the hand;
    - action: one of seven;
    - random groups: legs thrown together into as many groups as there are phrases, by lot.
    """
    phrase = data.subgoals
    if grain == "mission":
        return missions_of(data.goals)
    if grain == "errand":
        thing = torch.where(phrase >= PACK, phrase - PACK, phrase - GET) + 1
        return torch.where(phrase <= OPEN_DOOR, 0, thing)
    if grain == "phrase":
        return phrase
    if grain == "leg":
        place = torch.where(phrase >= PACK, rules.BAG_PLACE, torch.where(phrase >= GET, phrase - GET + 1, rules.KEY))
        place = torch.where(phrase == OPEN_DOOR, rules.DOOR_PLACE, place)
        near = expert.read(data.observations).same.gather(1, place[:, None]).squeeze(1)
        return 3 * phrase + torch.where(data.actions >= rules.PICK, 2, near.long())
    if grain == "random groups":
        return torch.arange(LABELS)[torch.randperm(LABELS, generator=torch.Generator().manual_seed(5))][
            labels_at("leg", data)
        ] % len(COARSE)
    if grain == "action":
        return data.actions
    raise ValueError(f"grains are {', '.join(GRAINS)}, got {grain!r}")


_ORDERS = [(1, 0, 0), (1, 2, 0), (1, 2, 3)]
_MISSIONS = torch.tensor(  # codes of all fifteen, in order
    sorted(
        {
            sum(order[i] * power for i, power in zip(places, (16, 4, 1), strict=True))
            for order in _ORDERS
            for places in ((0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0))
        }
    )
)


def missions_of(goals: Tensor) -> Tensor:
    """Missions' observations (B, 75) -> their numbers (B,), 0 to 14."""
    packed = expert.read(goals).packed[:, 1:]  # (B, 3): 0 for an object that is not named, else its place
    return torch.searchsorted(_MISSIONS, (packed * torch.tensor([16, 4, 1])).sum(1))


@dataclass(frozen=True)
class Levels:
    """Both levels at one grain: a policy (observations, goals) -> actions, asked for a label at every step."""

    high: Classifier | None  # (observations, goals) -> labels; None: it hands the mission on
    low: Classifier  # (observations, labels) -> actions

    def __call__(self, observations: Tensor, goals: Tensor) -> Tensor:
        """Ask the high level for a label, and the low level for an action."""
        return self.low(observations, missions_of(goals) if self.high is None else self.high(observations, goals))

    def drawing(self, generator: torch.Generator, temperature: float) -> Levels:
        """The same nets with another source of draws and temperature."""
        high = self.high and self.high.drawing(generator, temperature)
        return Levels(high, self.low.drawing(generator, temperature))


def learn_levels(grain: str, seed: int, settings: LevelSettings | None = None) -> Levels:
    """Train both levels at a grain, on the demonstrations of the seed."""
    s = settings or LevelSettings()
    generator = torch.Generator().manual_seed(seed)
    data = demonstrations(s.demonstrations, 100 + seed)
    labels, words = labels_at(grain, data), torch.eye(LABELS)
    both = torch.cat([data.observations, data.goals], 1)
    high = None if grain == "mission" else Classifier(fit(both, labels, LABELS, s.cloning, generator))
    told = torch.cat([data.observations, words[labels]], 1)
    low = fit(told, data.actions, len(rules.ACTIONS), s.cloning, generator)
    return Levels(high, Classifier(low, words))


def levels_table(grain: str, seed: int, settings: LevelSettings | None = None) -> pd.DataFrame:
    """Losses on fresh demonstrations (nats a step), and success by objects in the mission and temperature."""
    s, world = settings or LevelSettings(), TinyPacking()
    levels = learn_levels(grain, seed, s)
    fresh = demonstrations(300, 99)
    labels = labels_at(grain, fresh)
    high = F.cross_entropy(levels.high.logits(fresh.observations, fresh.goals), labels).item() if levels.high else 0.0
    low = F.cross_entropy(levels.low.logits(fresh.observations, labels), fresh.actions).item()
    starts, goals, objects = world.task_states(s.episodes, torch.Generator().manual_seed(7))
    rows = []
    for temperature in (1.0, 0.0):
        policy = levels.drawing(torch.Generator().manual_seed(seed), temperature)
        chance = torch.Generator().manual_seed(1000 + seed)
        outcome = evaluate([policy], world, starts, goals, generator=chance, progress=False).episodes
        for number in (1, 2, 3):
            success = outcome["success"][(objects == number).numpy()].mean()
            told = {"grain": grain, "seed": seed, "temperature": temperature, "objects": number}
            rows.append({**told, "high": high, "low": low, "success": success})
    return pd.DataFrame(rows)
