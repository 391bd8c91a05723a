"""Goal-conditioned values, actors and goal representations."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.distributions import Categorical, Independent, Normal
from torch.func import functional_call
from torch.nn import functional as F

from saw_edu.data import Spec
from saw_edu.nn.encoders import make_encoder
from saw_edu.nn.mlp import MLP, Dense

LOG_STD_BOUNDS = (-5.0, 2.0)


class Networks(nn.Module):
    """An agent's modules by name: `networks.value`, `networks.policy`, ..."""

    def __init__(self, modules: Mapping[str, nn.Module]) -> None:
        super().__init__()
        for name, module in modules.items():
            self.add_module(name, module)

    def forward(self, compute: Callable[["Networks"], Any]) -> Any:
        """`compute(networks)`, so that `functional_call` can run it with other parameters."""
        return compute(self)

    if TYPE_CHECKING:  # submodules are callable; nn.Module's own annotation does not say so

        def __getattr__(self, name: str) -> Any: ...


def frozen(networks: Networks, compute: Callable[[Networks], Tensor]) -> Tensor:
    """`compute(networks)` with fixed parameters: gradient flows to what else it depends on, such as an action."""
    fixed = {name: parameter.detach() for name, parameter in networks.named_parameters()}
    result: Tensor = functional_call(networks, fixed, (compute,))
    return result


class Inputs(nn.Module):
    """What a network reads: an observation beside a goal, (B, ...) and (B, ...) -> (B, size).

    Vectors are concatenated. Of images the encoder sees observation and goal at once, along the channels. Where the
    goal is already a representation (`goal_dim` numbers), it stands beside the observation or the encoder's output.
    """

    def __init__(
        self, spec: Spec, encoder: str | None, generator: torch.Generator, goal_dim: int | None = None
    ) -> None:
        super().__init__()
        check_encoder(spec, encoder)
        self.goals_are_observations = goal_dim is None
        if encoder is None or spec.image is None:
            self.encoder = None
            self.size = spec.observation_dim + (spec.observation_dim if goal_dim is None else goal_dim)
        else:
            height, width, channels = spec.image
            images = 2 if goal_dim is None else 1
            self.encoder = make_encoder(encoder, (height, width, images * channels), generator)
            self.size = self.encoder.size + (goal_dim or 0)

    def forward(self, observations: Tensor, goals: Tensor) -> Tensor:
        if self.encoder is None:
            return torch.cat([observations, goals], dim=-1)
        if self.goals_are_observations:
            features: Tensor = self.encoder(torch.cat([observations, goals], dim=-1))
            return features
        return torch.cat([self.encoder(observations), goals], dim=-1)


class StateInputs(nn.Module):
    """What a network of the state alone reads: (B, obs) as it is, or images through an encoder. -> (B, size)."""

    def __init__(self, spec: Spec, encoder: str | None, generator: torch.Generator) -> None:
        super().__init__()
        check_encoder(spec, encoder)
        self.encoder = None
        self.size = spec.observation_dim
        if encoder is not None and spec.image is not None:
            self.encoder = make_encoder(encoder, spec.image, generator)
            self.size = self.encoder.size

    def forward(self, observations: Tensor) -> Tensor:
        return observations if self.encoder is None else self.encoder(observations)


def check_encoder(spec: Spec, encoder: str | None) -> None:
    """Images need an encoder, and vectors cannot have one.

    Raises:
        ValueError: the other two cases, with what to set.
    """
    if spec.image is not None and encoder is None:
        raise ValueError(f"observations are images {spec.image}: choose an encoder, such as encoder='impala_small'")
    if spec.image is None and encoder is not None:
        raise ValueError(f"encoder={encoder!r} is for images, but observations are vectors: leave encoder=None")


class GoalConditionedValue(nn.Module):
    """V(s, g), or Q(s, g, a) where it is given an action: separate nets on the same inputs.

    (B, obs), (B, goal) -> (ensemble, B), or (B,) without an ensemble. Actions are (B, action_dim), or (B,) integers, of
    which the nets see one-hot vectors.

    Args:
        inputs: what the nets see of observation and goal; has a `size`.
        hidden_dims: sizes of the hidden layers.
        layer_norm: LayerNorm after each hidden layer.
        generator: source of the initial weights.
        ensemble: how many nets; None: one, without a leading axis.
        action: for a critic, the problem's spec.
    """

    def __init__(
        self,
        inputs: Inputs,
        hidden_dims: Sequence[int],
        layer_norm: bool,
        generator: torch.Generator,
        ensemble: int | None = 2,
        action: Spec | None = None,
    ) -> None:
        super().__init__()
        self.inputs, self.action = inputs, action
        size = inputs.size + (0 if action is None else action.action_dim)
        self.net = MLP(size, [*hidden_dims, 1], generator, layer_norm=layer_norm, ensemble=ensemble)

    def forward(self, observations: Tensor, goals: Tensor, actions: Tensor | None = None) -> Tensor:
        seen = self.inputs(observations, goals)
        if self.action is not None and actions is not None:
            seen = torch.cat([seen, as_vectors(actions, self.action, seen.dtype)], dim=-1)
        values: Tensor = self.net(seen)
        return values.squeeze(-1)


def as_vectors(actions: Tensor, spec: Spec, dtype: torch.dtype) -> Tensor:
    """Actions as a net reads them, (B, action_dim): one-hot vectors of discrete ones."""
    return F.one_hot(actions, spec.action_dim).to(dtype) if spec.discrete else actions


class BilinearValue(nn.Module):
    """φ(s)ᵀψ(g) / sqrt(d), or φ(s, a)ᵀψ(g) / sqrt(d) of a critic: a similarity of two representations of d numbers.

    (B, obs), (B, obs) -> (ensemble, B), or (B,) without an ensemble. Arguments as of `GoalConditionedValue`.

    Eysenbach et al., "Contrastive Learning as Goal-Conditioned RL" (NeurIPS 2022).
    """

    def __init__(
        self,
        spec: Spec,
        encoder: str | None,
        hidden_dims: Sequence[int],
        latent_dim: int,
        layer_norm: bool,
        generator: torch.Generator,
        ensemble: int | None = 2,
        action: Spec | None = None,
    ) -> None:
        super().__init__()
        self.action, self.latent_dim = action, latent_dim
        self.states, self.goals = StateInputs(spec, encoder, generator), StateInputs(spec, encoder, generator)
        sizes = [*hidden_dims, latent_dim]
        actions = 0 if action is None else action.action_dim
        self.phi = MLP(self.states.size + actions, sizes, generator, layer_norm=layer_norm, ensemble=ensemble)
        self.psi = MLP(self.goals.size, sizes, generator, layer_norm=layer_norm, ensemble=ensemble)

    def representations(
        self, observations: Tensor, goals: Tensor, actions: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """φ and ψ, each (ensemble, B, d) or (B, d)."""
        seen = self.states(observations)
        if self.action is not None and actions is not None:
            seen = torch.cat([seen, as_vectors(actions, self.action, seen.dtype)], dim=-1)
        return self.phi(seen), self.psi(self.goals(goals))

    def forward(self, observations: Tensor, goals: Tensor, actions: Tensor | None = None) -> Tensor:
        phi, psi = self.representations(observations, goals, actions)
        return (phi * psi).sum(dim=-1) / self.latent_dim**0.5


class GoalRepresentation(nn.Module):
    """φ(s, g): what a policy or value is told of a goal, of length sqrt(rep_dim). (B, obs) x 2 -> (B, rep_dim)."""

    def __init__(
        self, inputs: Inputs, hidden_dims: Sequence[int], rep_dim: int, layer_norm: bool, generator: torch.Generator
    ) -> None:
        super().__init__()
        self.inputs = inputs
        self.net = MLP(inputs.size, [*hidden_dims, rep_dim], generator, layer_norm=layer_norm)

    def forward(self, observations: Tensor, goals: Tensor) -> Tensor:
        return on_sphere(self.net(self.inputs(observations, goals)))


class RawGoals(nn.Module):
    """The goal as it is, in the place of a representation. (B, obs) x 2 -> (B, obs)."""

    def forward(self, observations: Tensor, goals: Tensor) -> Tensor:
        return goals


def goal_representation(
    spec: Spec,
    encoder: str | None,
    hidden_dims: Sequence[int],
    rep_dim: int | None,
    layer_norm: bool,
    generator: torch.Generator,
) -> GoalRepresentation | RawGoals:
    """A learned representation of `rep_dim` numbers, or the raw goal when `rep_dim` is None."""
    if rep_dim is None:
        return RawGoals()
    return GoalRepresentation(Inputs(spec, encoder, generator), hidden_dims, rep_dim, layer_norm, generator)


def on_sphere(x: Tensor) -> Tensor:
    """Scale vectors to length sqrt(dim), so that each number is about 1. (..., dim) -> (..., dim).

    A zero vector stays zero, where the reference gives NaN: a fresh net does that to an all-zero input.
    """
    norm = torch.linalg.vector_norm(x, dim=-1, keepdim=True)
    return x / torch.where(norm > 0, norm, 1.0) * x.shape[-1] ** 0.5


class NormalPolicy(nn.Module):
    """π(a | s, g) with continuous actions: a diagonal normal around a net's output.

    (B, obs), (B, goal) -> a distribution over (B, action_dim). The standard deviation is 1 (`const_std`) or a
    learned vector that depends on nothing. Neither LayerNorm nor a squashing function, as in the reference.
    """

    def __init__(
        self, inputs: Inputs, hidden_dims: Sequence[int], action_dim: int, const_std: bool, generator: torch.Generator
    ) -> None:
        super().__init__()
        self.inputs = inputs
        self.trunk = MLP(inputs.size, hidden_dims, generator, activate_final=True)
        self.mean = Dense(hidden_dims[-1], action_dim, generator, scale=0.01)
        self.log_stds = None if const_std else nn.Parameter(torch.zeros(action_dim))

    def forward(self, observations: Tensor, goals: Tensor, temperature: float = 1.0) -> Independent:
        means = self.mean(self.trunk(self.inputs(observations, goals)))
        if self.log_stds is None:
            stds = torch.ones_like(means)
        else:
            stds = self.log_stds.clamp(*LOG_STD_BOUNDS).exp().expand_as(means)
        return Independent(Normal(means, stds * temperature, validate_args=False), 1, validate_args=False)


class CategoricalPolicy(nn.Module):
    """π(a | s, g) with discrete actions: (B, obs), (B, goal) -> a categorical over action_dim choices."""

    def __init__(self, inputs: Inputs, hidden_dims: Sequence[int], action_dim: int, generator: torch.Generator) -> None:
        super().__init__()
        self.inputs = inputs
        self.trunk = MLP(inputs.size, hidden_dims, generator, activate_final=True)
        self.logit = Dense(hidden_dims[-1], action_dim, generator, scale=0.01)

    def forward(self, observations: Tensor, goals: Tensor, temperature: float = 1.0) -> Categorical:
        logits = self.logit(self.trunk(self.inputs(observations, goals)))
        return Categorical(logits=logits / max(1e-6, temperature), validate_args=False)


def make_policy(
    spec: Spec, inputs: Inputs, hidden_dims: Sequence[int], const_std: bool, generator: torch.Generator
) -> NormalPolicy | CategoricalPolicy:
    """The actor for a problem's kind of actions."""
    if spec.discrete:
        return CategoricalPolicy(inputs, hidden_dims, spec.action_dim, generator)
    return NormalPolicy(inputs, hidden_dims, spec.action_dim, const_std, generator)


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
