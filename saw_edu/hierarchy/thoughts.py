"""What a thought is worth: policies of equal size that differ in whether, where and when they name a subgoal.

| method | nets | says a subgoal | acts on |
| --- | --- | --- | --- |
| flat | one | never | observation, mission |
| auxiliary | one | in training, from a second head | observation, mission |
| chain | one, asked twice | first | observation, mission, the thought's words |
| chain, dropout | the same | first, or not at all | the same; in training the words are left out now and then |
| separate | two | first, the one | observation, mission, the thought's words: the other |
| hierarchy | two | first, the one | observation, the thought's words: the other. It is not told the mission |

A thought is the number of a phrase; -1 is none, and its words are zeros. All learn by cross-entropy from the same
demonstrations; what acts is shown the demonstrator's thought (teacher forcing).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from saw_edu.hierarchy.demonstrations import Demonstrations
from saw_edu.hierarchy.imitation import Cloning
from saw_edu.nn import MLP

METHODS = ("flat", "auxiliary", "chain", "chain, dropout", "separate", "hierarchy")
CHAINS = ("chain", "chain, dropout")
THINKERS = (*CHAINS, "separate", "hierarchy")
NOTHING = -1  # the number of no thought


def match_width(shapes: Sequence[tuple[int, int]], budget: int) -> int:
    """The width of two hidden layers with which nets of these (inputs, outputs) have at most `budget` parameters.

    Raises:
        ValueError: a budget below a width of 1.
    """

    def parameters(width: int) -> int:
        return sum((i + 1) * width + (width + 1) * width + (width + 1) * o for i, o in shapes)

    if parameters(1) > budget:
        raise ValueError(f"nets of width 1 have {parameters(1)} parameters already, got a budget of {budget}")
    width = 1
    while parameters(width + 1) <= budget:
        width += 1
    return width


def shapes_of(method: str, observation: int, words: int, labels: int, actions: int) -> list[tuple[int, int]]:
    """(inputs, outputs) of each of a method's nets.

    Raises:
        ValueError: an unknown method.
    """
    both = 2 * observation
    found = {
        "flat": [(both, actions)],
        "auxiliary": [(both, labels + actions)],
        "chain": [(both + words, labels + actions)],
        "chain, dropout": [(both + words, labels + actions)],
        "separate": [(both, labels), (both + words, actions)],
        "hierarchy": [(both, labels), (observation + words, actions)],
    }
    if method not in found:
        raise ValueError(f"methods are {', '.join(METHODS)}, got {method!r}")
    return found[method]


def drop_thoughts(words: Tensor, probability: float, generator: torch.Generator) -> Tensor:
    """Reasoning dropout: each row (B, words) is zeroed as a whole with that probability; others stay as they are."""
    kept = torch.rand(len(words), 1, generator=generator) >= probability
    return words * kept


@dataclass(frozen=True)
class Mind:
    """A method's nets.

    Attributes:
        method: one of `METHODS`.
        nets: one; or the one that thinks and the one that acts.
        phrases: (labels, words) what is told for a thought's number.
    """

    method: str
    nets: tuple[MLP, ...]
    phrases: Tensor

    @property
    def parameters(self) -> int:
        """How many numbers are learned, in all nets together."""
        return sum(weights.numel() for net in self.nets for weights in net.parameters())

    def words(self, thoughts: Tensor) -> Tensor:
        """Thoughts (B,) -> their words (B, words), zeros where there is none."""
        return self.phrases[thoughts.clamp(min=0)] * (thoughts >= 0)[:, None]

    def thought_logits(self, observations: Tensor, goals: Tensor) -> Tensor:
        """(B, labels): what would the demonstrator be after?

        Raises:
            ValueError: a flat policy has no answer.
        """
        if self.method == "flat":
            raise ValueError("a flat policy learns no thoughts; ask another method")
        both = torch.cat([observations, goals], 1)
        if self.method in CHAINS:
            both = torch.cat([both, self.phrases.new_zeros(len(both), self.phrases.shape[1])], 1)
        return self.nets[0](both)[:, : len(self.phrases)]

    def action_logits(self, observations: Tensor, goals: Tensor, words: Tensor) -> Tensor:
        """(B, actions), given the words (B, words) of a thought; methods without thoughts pass over them."""
        if self.method == "hierarchy":
            return self.nets[1](torch.cat([observations, words], 1))
        both = torch.cat([observations, goals], 1)
        if self.method == "separate":
            return self.nets[1](torch.cat([both, words], 1))
        if self.method in CHAINS:
            both = torch.cat([both, words], 1)
        return self.nets[0](both)[:, 0 if self.method == "flat" else len(self.phrases) :]

    def loss(
        self,
        observations: Tensor,
        goals: Tensor,
        thoughts: Tensor,
        actions: Tensor,
        dropout: float,
        generator: torch.Generator,
    ) -> Tensor:
        """Cross-entropy of the demonstrator's actions, plus that of its thoughts unless the method is flat.

        Whoever is asked for a thought is shown none; whoever is asked for an action is shown the demonstrator's.
        """
        words = self.words(thoughts)
        if self.method == "chain, dropout":
            words = drop_thoughts(words, dropout, generator)
        loss = F.cross_entropy(self.action_logits(observations, goals, words), actions)
        if self.method != "flat":
            loss = loss + F.cross_entropy(self.thought_logits(observations, goals), thoughts)
        return loss


def new_mind(
    method: str, phrases: Tensor, observation: int, actions: int, budget: int, generator: torch.Generator
) -> Mind:
    """Untrained nets, as wide as the budget of parameters allows."""
    shapes = shapes_of(method, observation, phrases.shape[1], len(phrases), actions)
    width = match_width(shapes, budget)
    return Mind(method, tuple(MLP(i, [width, width, o], generator) for i, o in shapes), phrases)


def learn(
    method: str,
    data: Demonstrations,
    phrases: Tensor,
    actions: int,
    budget: int,
    config: Cloning,
    generator: torch.Generator,
    dropout: float = 0.5,
) -> Mind:
    """Train a method's nets on demonstrations.

    Args:
        method: one of `METHODS`.
        data: with coarse labels.
        phrases: (labels, words).
        actions: how many there are.
        budget: parameters of all nets together, at most; `config.hidden_dims` does not count.
        config: steps, batch and learning rate.
        generator: source of weights, batches and dropped thoughts.
        dropout: of thoughts, for "chain, dropout".
    """
    mind = new_mind(method, phrases, data.observations.shape[1], actions, budget, generator)
    weights = [weight for net in mind.nets for weight in net.parameters()]
    optimizer = torch.optim.Adam(weights, config.learning_rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, config.steps)
    for _ in range(config.steps):
        rows = torch.randint(len(data), (config.batch_size,), generator=generator)
        seen, told, thoughts, done = (x[rows] for x in (data.observations, data.goals, data.subgoals, data.actions))
        loss = mind.loss(seen, told, thoughts, done, dropout, generator)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    for net in mind.nets:
        net.requires_grad_(False)
    return mind


def draw(logits: Tensor, temperature: float, generator: torch.Generator | None) -> Tensor:
    """One answer a row: (B, classes) -> (B,). Temperature 0 takes the likeliest."""
    if temperature == 0:
        return logits.argmax(-1)
    return torch.multinomial((logits / temperature).softmax(-1), 1, generator=generator).squeeze(-1)


class Thoughts(NamedTuple):
    """What a policy remembers of each episode."""

    held: Tensor  # (B,) the thought in force; `NOTHING` where there is none
    age: Tensor  # (B,) steps taken with it; 0 before the first


Source = Callable[[Tensor, Tensor], Tensor]
"""(observations (B, obs), goals (B, obs)) -> thoughts (B,): somebody else's, in place of a policy's own."""


@dataclass(frozen=True)
class Thinking:
    """A mind that acts: it has a thought, holds it for so many steps, and acts on it in each.

    Attributes:
        mind: the nets.
        generator: source of what is drawn.
        temperature: of thoughts and actions.
        every: steps from one thought to the next.
        source: whose thoughts; None: the mind's own.
        silent: act without any thought.
    """

    mind: Mind
    generator: torch.Generator | None = None
    temperature: float = 1.0
    every: int = 1
    source: Source | None = None
    silent: bool = False

    def begin(self, batch: int) -> Thoughts:
        """No thought yet."""
        return Thoughts(torch.full((batch,), NOTHING), torch.zeros(batch, dtype=torch.long))

    @torch.no_grad()
    def act(self, observations: Tensor, goals: Tensor, memory: Thoughts) -> tuple[Tensor, Thoughts]:
        """One action, after a new thought where it is time for one."""
        held = memory.held
        fresh = (memory.age % self.every) == 0
        if self.mind.method in THINKERS and not self.silent and bool(fresh.any()):
            held = torch.where(fresh, self.think(observations, goals), held)
        logits = self.mind.action_logits(observations, goals, self.mind.words(held))
        return draw(logits, self.temperature, self.generator), Thoughts(held, memory.age + 1)

    def think(self, observations: Tensor, goals: Tensor) -> Tensor:
        """Thoughts (B,), from whomever they come."""
        if self.source is not None:
            return self.source(observations, goals)
        return draw(self.mind.thought_logits(observations, goals), self.temperature, self.generator)

    def but(self, **changes: object) -> Thinking:
        """The same with other settings."""
        return replace(self, **changes)  # type: ignore[arg-type]
