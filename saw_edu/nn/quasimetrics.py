"""Quasimetrics: distances d(s, g) ≥ 0 that obey the triangle inequality, but may differ there and back."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from saw_edu.data import Spec
from saw_edu.nn.mlp import MLP
from saw_edu.nn.networks import StateInputs

GROUP = 8  # intervals in a group of IQE, the reference's choice


class Quasimetric(nn.Module):
    """d(s, g) as a quasimetric between the latent vectors φ(s) and φ(g). (B, obs), (B, obs) -> (B,)."""

    def __init__(
        self,
        spec: Spec,
        encoder: str | None,
        hidden_dims: Sequence[int],
        latent_dim: int,
        layer_norm: bool,
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        self.states = StateInputs(spec, encoder, generator)
        self.phi = MLP(self.states.size, [*hidden_dims, latent_dim], generator, layer_norm=layer_norm)

    def encode(self, observations: Tensor) -> Tensor:
        """φ(s): (B, obs) -> (B, latent_dim)."""
        latents: Tensor = self.phi(self.states(observations))
        return latents

    def distance(self, x: Tensor, y: Tensor) -> Tensor:
        """From one latent vector to the other. (B, latent_dim) x 2 -> (B,)."""
        raise NotImplementedError

    def forward(self, observations: Tensor, goals: Tensor) -> Tensor:
        return self.distance(self.encode(observations), self.encode(goals))


class IQE(Quasimetric):
    """Interval quasimetric embedding: how much of the line the intervals [x_i, y_i] cover, in groups of eight.

    The groups' lengths are joined as a learned mixture of their mean and their largest. Wang & Isola, "Improved
    Representation of Asymmetrical Distances with Interval Quasimetric Embeddings" (2022).
    """

    def __init__(
        self,
        spec: Spec,
        encoder: str | None,
        hidden_dims: Sequence[int],
        latent_dim: int,
        layer_norm: bool,
        generator: torch.Generator,
    ) -> None:
        if latent_dim % GROUP:
            raise ValueError(f"latent_dim must be a multiple of {GROUP} for quasimetric 'iqe', got {latent_dim}")
        super().__init__(spec, encoder, hidden_dims, latent_dim, layer_norm, generator)
        self.alpha = nn.Parameter(torch.zeros(()))

    def distance(self, x: Tensor, y: Tensor) -> Tensor:
        """From one latent vector to the other. (B, latent_dim) x 2 -> (B,)."""
        lengths = union_length(x.unflatten(-1, (-1, GROUP)), y.unflatten(-1, (-1, GROUP)))  # (B, groups)
        share = torch.sigmoid(self.alpha)
        return share * lengths.mean(dim=-1) + (1 - share) * lengths.amax(dim=-1)


def union_length(starts: Tensor, ends: Tensor) -> Tensor:
    """Length of the union of the intervals [start, end] over the last axis; those with start ≥ end are empty.

    From left to right by start, each interval adds what lies beyond the furthest end so far. (..., n) x 2 -> (...).
    """
    starts, order = starts.sort(dim=-1)
    ends = torch.maximum(ends.gather(-1, order), starts)
    reached = ends.cummax(dim=-1).values
    covered = torch.maximum(starts[..., 1:], reached[..., :-1])
    return (ends[..., 0] - starts[..., 0]) + (ends[..., 1:] - covered).relu().sum(dim=-1)


class MRN(Quasimetric):
    """Metric residual network: a Euclidean distance on half of the latent vector, a one-sided one on the other.

    Liu et al., "Metric Residual Networks for Sample Efficient Goal-Conditioned Reinforcement Learning" (AAAI 2023).
    """

    def distance(self, x: Tensor, y: Tensor) -> Tensor:
        """From one latent vector to the other. (B, latent_dim) x 2 -> (B,)."""
        half = x.shape[-1] // 2
        difference = x - y
        squared = difference[..., :half].square().sum(dim=-1)
        one_sided = difference[..., half:].amax(dim=-1).relu()
        return squared.clamp(min=1e-12).sqrt() + one_sided


class LogScale(nn.Module):
    """A positive number, learned through its logarithm; 1 at first."""

    def __init__(self) -> None:
        super().__init__()
        self.log_value = nn.Parameter(torch.zeros(()))

    def forward(self) -> Tensor:
        return self.log_value.exp()
