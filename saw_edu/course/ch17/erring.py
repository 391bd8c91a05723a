"""Value functions with errors added: how well each method of extraction bears them (chapter 17)."""

from __future__ import annotations

import copy
import math
from dataclasses import replace

import torch
from torch import Tensor, nn

from saw_edu.agents import GCIVL, HIQL, SAW
from saw_edu.data import HindsightSampler, Spec, Trajectories
from saw_edu.envs import PointMaze
from saw_edu.nn import Networks
from saw_edu.training import TrainingResult

ROUGH, SMOOTH = 2.0, 8.0  # maze units over which errors added to V change with the state; a step is 1, a cell 4
GOAL_LENGTH = 8.0  # and with the goal: neighbouring goals are misjudged alike, so averaging over goals does not help
_WAVES = 64  # cosines in an error field


class ErringValue(nn.Module):
    """V(s, g) and an error: a fixed sum of cosines of the two positions. Made with no error.

    (B, obs), (B, obs) -> (E, B), all heads with the same error. Reads positions as the first two of the observations'
    features, as `PositionFeatures` writes them.
    """

    def __init__(self, value: nn.Module) -> None:
        super().__init__()
        self.value = value
        self.frequencies = nn.Parameter(torch.zeros(4, _WAVES), requires_grad=False)
        self.phases = nn.Parameter(torch.zeros(_WAVES), requires_grad=False)
        self.size = nn.Parameter(torch.zeros(()), requires_grad=False)

    def error(self, observations: Tensor, goals: Tensor) -> Tensor:
        """(B, obs), (B, obs) -> (B,), over all pairs of standard deviation `size`."""
        positions = torch.cat([observations[..., :2], goals[..., :2]], dim=-1)  # (B, 4)
        return self.size * math.sqrt(2 / _WAVES) * (positions @ self.frequencies + self.phases).cos().sum(dim=-1)

    def forward(self, observations: Tensor, goals: Tensor) -> Tensor:
        """V and the error, (E, B)."""
        values: Tensor = self.value(observations, goals)
        return values + self.error(observations, goals)


class _Erring:
    """An agent whose value is an `ErringValue`."""

    def networks(self, spec: Spec, generator: torch.Generator) -> Networks:
        found: Networks = super().networks(spec, generator)  # type: ignore[misc]
        found.value = ErringValue(found.value)
        return found


class ErringGCIVL(_Erring, GCIVL):
    """GCIVL from a value with added errors."""


class ErringHIQL(_Erring, HIQL):
    """HIQL from a value with added errors."""


class ErringSAW(_Erring, SAW):
    """SAW from a value with added errors."""


def add_errors(
    value: TrainingResult, data: Trajectories, world: PointMaze, error: float, length: float
) -> TrainingResult:
    """The same values, each with a smooth random error of its own that does not change during training.

    Args:
        value: GCIVL-like networks of several seeds.
        data: whose transitions and hindsight goals set the size.
        world: for the scale of its features.
        error: standard deviation of the error's one-step differences, over that of V's own: over transitions of the
            data and goals that lie ahead of them.
        length: maze units over which the error changes with the state.

    Raises:
        ValueError: an error below 0, or a length that is not positive.
    """
    if error < 0 or not length > 0:
        raise ValueError(f"the error must be at least 0 and its length above 0, got {error} and {length}")
    sampler = HindsightSampler(data, value.agent.goals, value.agent.discount)
    batch = sampler.sample(4096, torch.Generator().manual_seed(0))
    left, right, bottom, top = world.maze.extent
    half = max(right - left, top - bottom) / 2  # a feature of 1 stands for so many maze units
    scale = half / torch.tensor([length, length, GOAL_LENGTH, GOAL_LENGTH])[:, None]
    found = []
    for seed, networks in zip(value.seeds, value.networks, strict=True):
        generator = torch.Generator().manual_seed(seed + 7)
        erring = ErringValue(copy.deepcopy(networks.value))
        erring.frequencies.data = torch.randn(erring.frequencies.shape, generator=generator) * scale
        erring.phases.data = 2 * math.pi * torch.rand(_WAVES, generator=generator)
        erring.size.data = torch.ones(())
        s, s_next, g = batch.observations, batch.next_observations, batch.policy_goals
        with torch.no_grad():
            own = (networks.value(s_next, g) - networks.value(s, g)).mean(dim=0).std()
            unit = (erring.error(s_next, g) - erring.error(s, g)).std()
        erring.size.data = error * own / unit
        others = {name: module for name, module in networks.named_children() if name != "value"}
        found.append(Networks({**others, "value": erring}).requires_grad_(False))
    return replace(value, networks=found)
