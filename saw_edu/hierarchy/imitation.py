"""Imitation of either level, and of a flat policy: small nets that learn which label a demonstrator would give.

All of them are classifiers trained by cross-entropy. They differ in what they see and say:

| | sees | says |
| --- | --- | --- |
| `clone_flat` | observation, mission | action |
| `clone_low` | observation, words of a subgoal | action |
| `clone_high` | observation, mission | subgoal |
| `clone_detector` | observation, words of a subgoal | whether it is time to move on |
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn import functional as F
from tqdm.auto import tqdm

from saw_edu.hierarchy.demonstrations import Demonstrations
from saw_edu.hierarchy.switching import Done
from saw_edu.nn import MLP


@dataclass(frozen=True)
class Cloning:
    """Hyperparameters of behaviour cloning."""

    hidden_dims: tuple[int, ...] = (128, 128)  # of each net
    steps: int = 1500  # gradient steps
    batch_size: int = 256  # rows a step, drawn with replacement
    learning_rate: float = 2e-3  # of Adam; falls to 0 along half a cosine


@dataclass(frozen=True)
class Classifier:
    """A trained net and how answers are taken from it.

    Attributes:
        net: inputs (B, in) -> logits (B, classes).
        phrases: (phrases, words) what the net is told for a subgoal's number; None: it is told a goal's observation.
        temperature: of the softmax that answers are drawn from; 1 is what was learned, 0 takes the likeliest.
        generator: source of the draws.
    """

    net: MLP
    phrases: Tensor | None = None
    temperature: float = 1.0
    generator: torch.Generator | None = None

    def logits(self, observations: Tensor, told: Tensor) -> Tensor:
        """(B, obs), and goals (B, obs) or numbers of phrases (B,) -> (B, classes)."""
        told = told if self.phrases is None else self.phrases[told]
        return self.net(torch.cat([observations, told], -1))

    @torch.no_grad()
    def __call__(self, observations: Tensor, told: Tensor) -> Tensor:
        """Answers (B,), drawn. Raises ValueError where there is nothing to draw from."""
        logits = self.logits(observations, told)
        if self.temperature == 0:
            return logits.argmax(-1)
        if self.generator is None:
            raise ValueError("answers are drawn: give a generator with `drawing`, or take temperature 0")
        probabilities = (logits / self.temperature).softmax(-1)
        return torch.multinomial(probabilities, 1, generator=self.generator).squeeze(-1)

    def drawing(self, generator: torch.Generator | None, temperature: float = 1.0) -> Classifier:
        """The same net with another source of draws, or another temperature."""
        return replace(self, generator=generator, temperature=temperature)


@dataclass(frozen=True)
class LearnedDetector:
    """A classifier of two answers as a detector for `WhenDone`: time to move on, or not. It draws nothing."""

    classifier: Classifier
    threshold: float = 0.5  # moves on where the probability is above it

    @torch.no_grad()
    def __call__(self, observations: Tensor, subgoals: Tensor) -> Tensor:
        """(B, obs), (B,) -> (B,) bool."""
        return self.classifier.logits(observations, subgoals).softmax(-1)[:, 1] > self.threshold


def fit(
    inputs: Tensor,
    labels: Tensor,
    classes: int,
    config: Cloning,
    generator: torch.Generator,
    net: MLP | None = None,
    progress: bool = False,
) -> MLP:
    """Train a net to give inputs (N, in) their labels (N,) by cross-entropy; a new one, or one to be trained on."""
    net = net or MLP(inputs.shape[1], [*config.hidden_dims, classes], generator)
    optimizer = torch.optim.Adam(net.parameters(), config.learning_rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, config.steps)
    with tqdm(range(config.steps), disable=not progress, unit=" steps", mininterval=0.5) as bar:
        for step in bar:
            rows = torch.randint(len(inputs), (config.batch_size,), generator=generator)
            loss = F.cross_entropy(net(inputs[rows]), labels[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            if progress and step % 100 == 0:
                bar.set_postfix(loss=f"{float(loss):.3f}", refresh=False)
    return net.requires_grad_(False)


def clone_flat(data: Demonstrations, actions: int, config: Cloning, generator: torch.Generator) -> Classifier:
    """A flat policy: (observation, mission) -> one of so many actions."""
    return Classifier(fit(torch.cat([data.observations, data.goals], 1), data.actions, actions, config, generator))


def clone_high(data: Demonstrations, phrases: int, config: Cloning, generator: torch.Generator) -> Classifier:
    """A high level: (observation, mission) -> one of so many coarse phrases."""
    return Classifier(fit(torch.cat([data.observations, data.goals], 1), data.subgoals, phrases, config, generator))


def clone_low(
    data: Demonstrations, phrases: Tensor, actions: int, config: Cloning, generator: torch.Generator
) -> Classifier:
    """A low level: (observation, words of the subgoal) -> one of so many actions. Words: phrases (phrases, words)."""
    inputs = torch.cat([data.observations, phrases[data.subgoals]], 1)
    return Classifier(fit(inputs, data.actions, actions, config, generator), phrases)


def clone_detector(
    data: Demonstrations,
    phrases: Tensor,
    config: Cloning,
    generator: torch.Generator,
    accomplished: Done | None = None,
) -> LearnedDetector:
    """A detector, asked after each step: (observation, words of the subgoal held until now) -> move on?

    Args:
        data: where segments end.
        phrases: (phrases, words).
        config: of the training; rows with either answer are drawn equally often.
        generator: source of weights and batches.
        accomplished: labels are what it says of the state after each step. None: whether the demonstrator moved on
            there, done or not. The two differ where something slips from a hand.
    """
    labels = data.last_of_segment if accomplished is None else accomplished(data.next_observations, data.subgoals)
    inputs = torch.cat([data.next_observations, phrases[data.subgoals]], 1)
    yes, no = labels.nonzero().squeeze(1), (~labels).nonzero().squeeze(1)
    if len(yes) == 0 or len(no) == 0:
        raise ValueError(f"a detector needs rows with either answer, got {len(yes)} ends and {len(no)} others")
    longer = max(len(yes), len(no))
    rows = torch.cat([half.repeat(-(-longer // len(half)))[:longer] for half in (yes, no)])
    return LearnedDetector(Classifier(fit(inputs[rows], labels[rows].long(), 2, config, generator), phrases))
