"""Encoders of goals: words, states and images become features of one size, through networks of one capacity.

Who compares representations of goals must hold the rest equal: an encoder with more parameters wins for that reason
alone. So all three have the same plan: a first layer that reads its own kind of input, then two dense layers. How wide
they are is whatever brings the number of parameters nearest to what was asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from saw_edu.data import PADDING
from saw_edu.nn.mlp import MLP, Dense, gelu

TOLERANCE = 0.05  # by how much of what was asked for the number of parameters may differ
CHANNELS = 16  # of the convolutions
SMALLEST_SIDE = 6  # pictures are halved until no side is longer


@dataclass(frozen=True)
class WordGoals:
    """Goals that are texts: (B, length) numbers of words, 0 for none; see `saw_edu.data.Vocabulary`."""

    vocabulary: int  # how many numbers there are, 0 included
    length: int  # words in the longest text


@dataclass(frozen=True)
class StateGoals:
    """Goals that are states: (B, size) floats."""

    size: int


@dataclass(frozen=True)
class ImageGoals:
    """Goals that are pictures: (B, height, width, channels), uint8, or floats from 0 to 255.

    With `patch` above 1, squares of so many pixels are read as one: a cell of a grid world.
    """

    height: int
    width: int
    channels: int
    patch: int = 1


GoalKind = WordGoals | StateGoals | ImageGoals


class WordEncoder(nn.Module):
    """(B, L) numbers of words -> (B, features): each word with its place through a layer, their mean through two more.

    The place makes the order count: "the ball next to the box" is not "the box next to the ball".
    """

    def __init__(self, goals: WordGoals, width: int, features: int, generator: torch.Generator) -> None:
        super().__init__()
        self.words = nn.Parameter(torch.randn(goals.vocabulary, width, generator=generator))
        self.places = nn.Parameter(torch.randn(goals.length, width, generator=generator))
        self.read = Dense(width, width, generator)
        self.mlp = MLP(width, [width, features], generator)

    def forward(self, goals: Tensor) -> Tensor:
        there = (goals != PADDING).unsqueeze(-1)  # (B, L, 1)
        each = gelu(self.read(F.embedding(goals, self.words) + self.places[: goals.shape[1]]))  # (B, L, width)
        mean = (each * there).sum(-2) / there.sum(-2).clamp(min=1)  # (B, width)
        return self.mlp(mean)


class StateEncoder(nn.Module):
    """(B, size) -> (B, features): three dense layers."""

    def __init__(self, goals: StateGoals, width: int, features: int, generator: torch.Generator) -> None:
        super().__init__()
        self.mlp = MLP(goals.size, [width, width, features], generator)

    def forward(self, goals: Tensor) -> Tensor:
        return self.mlp(goals)


class ImageEncoder(nn.Module):
    """(B, H, W, C) -> (B, features): convolutions that halve the sides, then two dense layers."""

    def __init__(self, goals: ImageGoals, width: int, features: int, generator: torch.Generator) -> None:
        super().__init__()
        self.patch, inputs = goals.patch, goals.channels * goals.patch**2
        height, breadth = goals.height // goals.patch, goals.width // goals.patch
        if height * goals.patch != goals.height or breadth * goals.patch != goals.width:
            raise ValueError(f"pictures of {goals.height} x {goals.width} do not divide into patches of {goals.patch}")
        self.kernels, self.biases = nn.ParameterList(), nn.ParameterList()
        while max(height, breadth) > SMALLEST_SIDE or not self.kernels:
            limit = (6 / (9 * inputs + 9 * CHANNELS)) ** 0.5  # Xavier-uniform
            kernel = (2 * torch.rand(CHANNELS, inputs, 3, 3, generator=generator) - 1) * limit
            self.kernels.append(nn.Parameter(kernel))
            self.biases.append(nn.Parameter(torch.zeros(CHANNELS)))
            height, breadth, inputs = (height + 1) // 2, (breadth + 1) // 2, CHANNELS
        self.mlp = MLP(height * breadth * CHANNELS, [width, features], generator)

    def forward(self, goals: Tensor) -> Tensor:
        x = (goals.to(self.kernels[0].dtype) / 255).permute(0, 3, 1, 2)  # (B, C, H, W)
        x = F.pixel_unshuffle(x, self.patch)  # (B, C patch², H / patch, W / patch)
        for kernel, bias in zip(self.kernels, self.biases, strict=True):
            x = gelu(F.conv2d(x, kernel, bias, stride=2, padding=1))  # (B, CHANNELS, ceil(H / 2), ceil(W / 2))
        return self.mlp(x.flatten(1))


_ENCODERS: dict[type, Callable[..., nn.Module]] = {
    WordGoals: WordEncoder,
    StateGoals: StateEncoder,
    ImageGoals: ImageEncoder,
}


def goal_encoder(goals: GoalKind, features: int, parameters: int, generator: torch.Generator) -> nn.Module:
    """An encoder of goals with about so many parameters: (B, ...) goals -> (B, features).

    Args:
        goals: what a goal is.
        features: numbers out.
        parameters: how many the network shall have; what it has differs by at most 5 %.
        generator: source of the initial weights.

    Raises:
        ValueError: no width comes within 5 % (the input alone needs more, or one unit of width is too coarse a step).
    """
    kind = _ENCODERS.get(type(goals))
    if kind is None:
        raise ValueError(f"goals are WordGoals, StateGoals or ImageGoals, got {goals!r}")

    def make(width: int) -> nn.Module:
        return kind(goals, width, features, generator)

    state = generator.get_state()

    def size(width: int) -> int:
        generator.set_state(state)  # looking for a width draws nothing
        return parameter_count(make(width))

    low, high = 1, 2
    while size(high) < parameters:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if size(middle) < parameters else (low, middle)
    width = min((low, high), key=lambda one: abs(size(one) - parameters))
    found = size(width)
    if abs(found - parameters) > TOLERANCE * parameters:
        raise ValueError(
            f"{goals} cannot be encoded by {parameters} parameters: width {low} has {size(low)}, width {high} has "
            f"{size(high)}. Ask for more, at least about {size(8)}"
        )
    generator.set_state(state)
    return make(width)


def parameter_count(network: nn.Module) -> int:
    """How many numbers a network learns."""
    return sum(parameter.numel() for parameter in network.parameters())
