"""What every agent does unless it says otherwise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor
from torch.distributions import Categorical, Independent

from saw_edu.agents.design import Design
from saw_edu.agents.ranges import check_ranges
from saw_edu.data import Batch, HindsightGoals, Spec
from saw_edu.nn import Networks, draw

Metrics = dict[str, Tensor]
Distribution = Independent | Categorical


class Agent:
    """An offline goal-conditioned agent: a frozen dataclass of hyperparameters with a loss and a policy.

    A subclass says which `networks` there are, gives `value_loss` (where it has a value) and `policy_loss`, and changes
    what else differs. An agent holds no parameters: networks come in, numbers go out.
    """

    discount: float  # γ, also of geometric goals
    goals: HindsightGoals  # how training goals are drawn
    subgoal_steps: int | None = None  # k, or None for agents without subgoals

    design: ClassVar[Design]  # where the policy comes from, for the table of agents
    target_networks: ClassVar[tuple[str, ...]] = ()  # those that have a slowly following copy
    value_networks: ClassVar[tuple[str, ...]] = ()  # those that `value_loss` trains; none: no value

    def __post_init__(self) -> None:
        check_ranges(self)

    def networks(self, spec: Spec, generator: torch.Generator) -> Networks:
        """New networks, initialised from the generator."""
        raise NotImplementedError(f"{type(self).__name__} does not say which networks it has")

    def loss(self, networks: Networks, target: Networks, batch: Batch) -> tuple[Tensor, Metrics]:
        """A scalar to minimise, the value's loss plus the policy's, and named numbers to watch."""
        if not self.value_networks:
            return self.policy_loss(networks, batch)
        value_loss, value_metrics = self.value_loss(networks, target, batch)
        policy_loss, policy_metrics = self.policy_loss(networks, batch)
        return value_loss + policy_loss, value_metrics | policy_metrics

    def value_loss(self, networks: Networks, target: Networks, batch: Batch) -> tuple[Tensor, Metrics]:
        """The part that trains `value_networks`."""
        raise NotImplementedError(f"{type(self).__name__} has no value function")

    def policy_loss(self, networks: Networks, batch: Batch) -> tuple[Tensor, Metrics]:
        """The part that trains all others, from a value that it leaves as it is."""
        raise NotImplementedError(f"{type(self).__name__} does not say how its policy learns")

    def noise_size(self, spec: Spec) -> int:
        """How many normal numbers the loss needs for each transition; they come in as `batch.noise`."""
        return 0

    def value(self, networks: Networks, observations: Tensor, goals: Tensor) -> Tensor:
        """V(s, g): (B, obs), (B, obs) -> (B,). Raises NotImplementedError for agents without a value."""
        raise NotImplementedError(f"{type(self).__name__} has no value function")

    def policy(self, networks: Networks, observations: Tensor, goals: Tensor, temperature: float = 1.0) -> Distribution:
        """π(· | s, g), the policy that acts: (B, obs), (B, obs) -> a distribution over (B, act) or (B,)."""
        policy: Distribution = networks.policy(observations, goals, temperature)
        return policy

    def act(
        self,
        networks: Networks,
        observations: Tensor,
        goals: Tensor,
        temperature: float = 0.0,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """Actions (B, act) in [-1, 1], or (B,) integers: the likeliest at temperature 0, else drawn.

        The temperature scales a normal policy's standard deviation and divides a categorical one's logits.
        """
        return draw(self.policy(networks, observations, goals, temperature), temperature, generator)


@dataclass(frozen=True)
class Policy:
    """An agent with its trained networks: call it with observations and goals, get actions."""

    agent: Agent
    networks: Networks
    temperature: float = 0.0
    generator: torch.Generator | None = None
    untrained: tuple[str, ...] = ()  # networks that were in no file, and learned nothing

    @torch.no_grad()
    def __call__(self, observations: Tensor, goals: Tensor) -> Tensor:
        """(B, obs), (B, obs) -> actions (B, act) or (B,)."""
        return self.agent.act(self.networks, observations, goals, self.temperature, self.generator)

    @torch.no_grad()
    def value(self, observations: Tensor, goals: Tensor) -> Tensor:
        """V(s, g) of agents that have one: (B, obs), (B, obs) -> (B,).

        Raises:
            ValueError: the value is untrained, because the file that the networks came from did not hold it.
        """
        if "value" in self.untrained:
            raise ValueError("this value learned nothing: the file that was loaded holds no value, only other networks")
        return self.agent.value(self.networks, observations, goals)
