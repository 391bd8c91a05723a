"""Goal-conditioned values, actors and goal representations."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.distributions import Categorical, Independent, Normal

from saw_edu.data import Spec
from saw_edu.nn.mlp import MLP, Dense

LOG_STD_BOUNDS = (-5.0, 2.0)


class Networks(nn.Module):
    """An agent's modules by name: `networks.value`, `networks.actor`, ..."""

    def __init__(self, modules: Mapping[str, nn.Module]) -> None:
        super().__init__()
        for name, module in modules.items():
            self.add_module(name, module)

    if TYPE_CHECKING:  # submodules are callable; nn.Module's own annotation does not say so

        def __getattr__(self, name: str) -> Any: ...


class GoalConditionedValue(nn.Module):
    """V(s, g): two separate nets on [s, g]. (B, obs), (B, goal) -> (2, B)."""

    def __init__(
        self, inputs: int, hidden_dims: Sequence[int], layer_norm: bool, generator: torch.Generator, ensemble: int = 2
    ) -> None:
        super().__init__()
        self.net = MLP(inputs, [*hidden_dims, 1], generator, layer_norm=layer_norm, ensemble=ensemble)

    def forward(self, observations: Tensor, goals: Tensor) -> Tensor:
        return self.net(torch.cat([observations, goals], dim=-1)).squeeze(-1)


class GoalRepresentation(nn.Module):
    """φ(s, g): what a policy or value is told of a goal, of length sqrt(rep_dim). (B, obs) x 2 -> (B, rep_dim)."""

    def __init__(
        self,
        observation_dim: int,
        hidden_dims: Sequence[int],
        rep_dim: int,
        layer_norm: bool,
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        self.net = MLP(2 * observation_dim, [*hidden_dims, rep_dim], generator, layer_norm=layer_norm)

    def forward(self, observations: Tensor, goals: Tensor) -> Tensor:
        return on_sphere(self.net(torch.cat([observations, goals], dim=-1)))


class RawGoals(nn.Module):
    """The goal as it is, in the place of a representation. (B, obs) x 2 -> (B, obs)."""

    def forward(self, observations: Tensor, goals: Tensor) -> Tensor:
        return goals


def goal_representation(
    spec: Spec, hidden_dims: Sequence[int], rep_dim: int | None, layer_norm: bool, generator: torch.Generator
) -> GoalRepresentation | RawGoals:
    """A learned representation of `rep_dim` numbers, or the raw goal when `rep_dim` is None."""
    if rep_dim is None:
        return RawGoals()
    return GoalRepresentation(spec.observation_dim, hidden_dims, rep_dim, layer_norm, generator)


def on_sphere(x: Tensor) -> Tensor:
    """Scale vectors to length sqrt(dim), so that each number is about 1. (..., dim) -> (..., dim).

    A zero vector stays zero, where the reference gives NaN: a fresh net does that to an all-zero input.
    """
    norm = torch.linalg.vector_norm(x, dim=-1, keepdim=True)
    return x / torch.where(norm > 0, norm, 1.0) * x.shape[-1] ** 0.5


class Actor(nn.Module):
    """π(a | s, g) with continuous actions: a diagonal normal around a net's output.

    (B, obs), (B, goal) -> a distribution over (B, action_dim). The standard deviation is 1 (`const_std`) or a
    learned vector that depends on nothing. Neither LayerNorm nor a squashing function, as in the reference.
    """

    def __init__(
        self, inputs: int, hidden_dims: Sequence[int], action_dim: int, const_std: bool, generator: torch.Generator
    ) -> None:
        super().__init__()
        self.trunk = MLP(inputs, hidden_dims, generator, activate_final=True)
        self.mean = Dense(hidden_dims[-1], action_dim, generator, scale=0.01)
        self.log_stds = None if const_std else nn.Parameter(torch.zeros(action_dim))

    def forward(self, observations: Tensor, goals: Tensor, temperature: float = 1.0) -> Independent:
        means = self.mean(self.trunk(torch.cat([observations, goals], dim=-1)))
        if self.log_stds is None:
            stds = torch.ones_like(means)
        else:
            stds = self.log_stds.clamp(*LOG_STD_BOUNDS).exp().expand_as(means)
        return Independent(Normal(means, stds * temperature, validate_args=False), 1, validate_args=False)


class DiscreteActor(nn.Module):
    """π(a | s, g) with discrete actions: (B, obs), (B, goal) -> a categorical over action_dim choices."""

    def __init__(self, inputs: int, hidden_dims: Sequence[int], action_dim: int, generator: torch.Generator) -> None:
        super().__init__()
        self.trunk = MLP(inputs, hidden_dims, generator, activate_final=True)
        self.logit = Dense(hidden_dims[-1], action_dim, generator, scale=0.01)

    def forward(self, observations: Tensor, goals: Tensor, temperature: float = 1.0) -> Categorical:
        logits = self.logit(self.trunk(torch.cat([observations, goals], dim=-1)))
        return Categorical(logits=logits / max(1e-6, temperature), validate_args=False)


def make_actor(
    spec: Spec, goal_dim: int, hidden_dims: Sequence[int], const_std: bool, generator: torch.Generator
) -> Actor | DiscreteActor:
    """The actor for a problem's kind of actions; its goal input has `goal_dim` numbers."""
    inputs = spec.observation_dim + goal_dim
    if spec.discrete:
        return DiscreteActor(inputs, hidden_dims, spec.action_dim, generator)
    return Actor(inputs, hidden_dims, spec.action_dim, const_std, generator)


def draw(policy: Independent | Categorical, temperature: float, generator: torch.Generator | None) -> Tensor:
    """Actions from a policy: the most likely ones at temperature 0, else a draw; continuous ones within [-1, 1].

    Give the policy itself the temperature when it is built, so that its spread has it already.
    """
    if isinstance(policy, Categorical):
        if temperature == 0:
            return policy.logits.argmax(dim=-1)
        return torch.multinomial(policy.probs, 1, generator=generator).squeeze(-1)
    return sample_normal(policy, temperature, generator).clamp(-1, 1)


def sample_normal(policy: Independent, temperature: float, generator: torch.Generator | None) -> Tensor:
    """The mean at temperature 0, else a draw. Not clipped."""
    if temperature == 0:
        return policy.mean
    noise = torch.randn(policy.mean.shape, generator=generator, dtype=policy.mean.dtype, device=policy.mean.device)
    return policy.mean + policy.stddev * noise
