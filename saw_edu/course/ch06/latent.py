"""End to end: eight numbers between two nets, trained by the loss of actions alone; and a flat policy of that size."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from saw_edu.course.ch06.rooms import ACTIONS, STEPS, Rows
from saw_edu.envs.packing import TinyPacking, expert, rules
from saw_edu.hierarchy.imitation import Classifier, Cloning, fit
from saw_edu.hierarchy.switching import EveryN
from saw_edu.hierarchy.two_levels import TwoLevels
from saw_edu.nn import MLP
from saw_edu.rollouts import MemoryPolicy, evaluate

SIZE = 8
FLAT_HIDDEN = (188, 188)  # the parameters of two nets of (128, 128)
RIDGE = 1e-2


class EndToEnd(nn.Module):
    """(observation, mission) -> latent -> action. Only its picture says that it has two levels."""

    def __init__(self, generator: torch.Generator) -> None:
        super().__init__()
        self.high = MLP(2 * rules.OBSERVATION_DIM, [128, 128, SIZE], generator)
        self.low = MLP(rules.OBSERVATION_DIM + SIZE, [128, 128, ACTIONS], generator)

    def latents(self, observations: Tensor, goals: Tensor) -> Tensor:
        """(B, 8)."""
        return self.high(torch.cat([observations, goals], -1))

    def logits(self, observations: Tensor, latents: Tensor) -> Tensor:
        """(B, actions)."""
        return self.low(torch.cat([observations, latents], -1))


def train_end_to_end(rows: Rows, seed: int, steps: int = STEPS) -> EndToEnd:
    """By the loss of actions alone, with the settings of all other nets of the chapter."""
    generator, config = torch.Generator().manual_seed(seed), Cloning()
    net = EndToEnd(generator)
    optimizer = torch.optim.Adam(net.parameters(), config.learning_rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for _ in range(steps):
        some = rows.of(torch.randint(len(rows.actions), (config.batch_size,), generator=generator))
        logits = net.logits(some.observations, net.latents(some.observations, some.missions))
        loss = F.cross_entropy(logits, some.actions)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    return net.requires_grad_(False)


def train_flat(rows: Rows, seed: int, steps: int = STEPS) -> Classifier:
    """A flat policy with as many parameters as both nets have."""
    inputs = torch.cat([rows.observations, rows.missions], 1)
    config = replace(Cloning(steps=steps), hidden_dims=FLAT_HIDDEN)
    return Classifier(fit(inputs, rows.actions, ACTIONS, config, torch.Generator().manual_seed(seed)))


def probe_accuracy(train: Tensor, labels: Tensor, test: Tensor, test_labels: Tensor) -> float:
    """How often a linear probe (ridge regression to one-hot labels) names the label of features it did not see.

    Args:
        train: (N, n) features to fit on.
        labels: (N,) their labels.
        test: (M, n).
        test_labels: (M,).
    """
    mean, spread = train.mean(0), train.std(0) + 1e-6
    x, y = ((part - mean) / spread for part in (train, test))
    x, y = (torch.cat([part, torch.ones(len(part), 1)], 1) for part in (x, y))
    wanted = F.one_hot(labels, int(max(labels.max(), test_labels.max())) + 1).float()
    weights = torch.linalg.solve(x.T @ x + RIDGE * torch.eye(x.shape[1]), x.T @ wanted)
    return float(((y @ weights).argmax(1) == test_labels).double().mean())


@torch.no_grad()
def probes(net: EndToEnd, seed: int, data: Rows, fresh: Rows) -> dict[str, float]:
    """Linear probes for the coarse word: the trained latent, an untrained one, eight random sums of the input, all."""
    untrained = EndToEnd(torch.Generator().manual_seed(900 + seed))
    mix = torch.randn(2 * rules.OBSERVATION_DIM, SIZE, generator=torch.Generator().manual_seed(seed))
    views: dict[str, Callable[[Rows], Tensor]] = {
        "trained latent": lambda r: net.latents(r.observations, r.missions),
        "untrained latent": lambda r: untrained.latents(r.observations, r.missions),
        "8 random sums of the input": lambda r: torch.cat([r.observations, r.missions], 1) @ mix,
        "the whole input": lambda r: torch.cat([r.observations, r.missions], 1),
    }
    plan = [expert.high(rows.observations, rows.missions) for rows in (data, fresh)]
    found = {name: probe_accuracy(view(data), plan[0], view(fresh), plan[1]) for name, view in views.items()}
    found["the commonest word"] = float((plan[1] == plan[0].mode().values).double().mean())
    return found


@dataclass(frozen=True)
class Drawn:
    """A low level that is told a latent."""

    net: EndToEnd
    generator: torch.Generator

    @torch.no_grad()
    def __call__(self, observations: Tensor, latents: Tensor) -> Tensor:
        """(B, obs), (B, 8) -> actions (B,), drawn."""
        chance = self.net.logits(observations, latents).softmax(-1)
        return torch.multinomial(chance, 1, generator=self.generator).squeeze(1)


def held(high: Callable[..., Tensor], low: Callable[..., Tensor], n: int, seed: int, episodes: int = 60) -> float:
    """Success where what passes between the levels is renewed every n steps."""
    world = TinyPacking()
    starts, goals, _ = world.task_states(episodes, torch.Generator().manual_seed(7))
    policy: MemoryPolicy = TwoLevels(high, low, EveryN(n))
    chance = torch.Generator().manual_seed(1_000 + seed)
    return evaluate([policy], world, starts, goals, generator=chance, progress=False).success
