"""RIS: reinforcement learning with imagined subgoals (Chane-Sane et al., ICML 2021), offline as in the SAW paper."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from saw_edu.agents.agent import Agent, Distribution, Metrics
from saw_edu.agents.design import Design
from saw_edu.agents.hiql import HIQL
from saw_edu.agents.objectives import (
    awr_policy_loss,
    divergence,
    one_step_advantages,
)
from saw_edu.data import Batch, Spec
from saw_edu.nn import Inputs, Networks, goal_representation, make_policy


@dataclass(frozen=True)
class RIS(HIQL):
    """HIQL's two levels, and a flat policy that imitates the lower one at the subgoal that the upper one imagines.

    What HIQL has is inherited: the value, the policy over subgoals and the policy that reaches them. At test time only
    the flat policy acts. The prior is π_ℓ(a | s, z) at the mean z of π_h(z | s, g), not scaled to the sphere; distances
    are those of the means, whatever the spread, as in the released code.
    """

    alpha: float = 3.0  # inverse temperature of the flat policy's one-step advantage weights
    prior_weight: float = 3.0  # κ: weight of the divergence from the prior policy
    share_goal_rep: bool = False  # the flat policy uses, and trains, the value's representation
    add_one_step: bool = True  # the flat policy also imitates by its own one-step advantages
    reference_discrete: bool = False  # discrete actions: the released code's term without gradient instead of the KL

    design: ClassVar[Design] = Design(
        value="IVL",
        objective="HIQL's, and exp(α A(s, a, g)) log π(a | s, g) - κ D(π(· | s, g), π_ℓ(· | s, w)) at w from π_h",
        generator=True,
        levels=1,
        source="Chane-Sane et al. 2021, offline as in Zhou & Kao 2025",
    )

    def networks(self, spec: Spec, generator: torch.Generator) -> Networks:
        """HIQL's networks, the flat policy and its representation."""
        networks = super().networks(spec, generator)
        flat = Inputs(spec, self.encoder, generator, self.rep_dim or spec.observation_dim)
        networks.add_module("policy", make_policy(spec, flat, self.policy_hidden_dims, self.const_std, generator))
        if not self.share_goal_rep:
            rep = goal_representation(
                spec, self.encoder, self.value_hidden_dims, self.rep_dim, self.layer_norm, generator
            )
            networks.add_module("policy_goal_rep", rep)
        return networks

    def policy_loss(self, networks: Networks, batch: Batch) -> tuple[Tensor, Metrics]:
        """The losses of HIQL's two levels and that of the flat policy."""
        loss, metrics = super().policy_loss(networks, batch)
        flat_loss, flat_metrics = self.flat_policy_loss(networks, batch)
        return loss + flat_loss, metrics | flat_metrics

    def flat_policy_loss(self, networks: Networks, batch: Batch) -> tuple[Tensor, Metrics]:
        """κ mean(D(π_ℓ(·|s,z), π(·|s,g))) at the imagined subgoal z, and AWR of π(a | s, g) where asked."""
        s, a, g = batch.observations, batch.actions, batch.policy_goals
        policy = self.policy(networks, s, g)  # π(· | s, g)
        with torch.no_grad():
            imagined = networks.subgoal_generator(s, g)
            z = imagined.mean if self.const_std else imagined.mean + imagined.stddev * batch.noise
            prior = networks.subgoal_policy(s, z)
        distance = divergence(prior, policy, const_std=True, reference_discrete=self.reference_discrete)  # (B,)
        loss = (self.prior_weight * distance).mean()
        metrics = {
            "waypoint/waypoint_loss": loss.detach(),
            "waypoint/kld": distance.detach().mean(),
            "waypoint/wadv": distance.new_tensor(self.prior_weight),
        }
        if self.add_one_step:
            advantages = one_step_advantages(networks, batch, g, networks.goal_rep)
            awr, awr_metrics = awr_policy_loss("policy", policy, a, advantages, self.alpha)
            loss, metrics = loss + awr, metrics | awr_metrics
        return loss, metrics

    def policy(self, networks: Networks, observations: Tensor, goals: Tensor, temperature: float = 1.0) -> Distribution:
        """π(· | s, g), told of the goal through its own representation, or the value's where that is shared."""
        represent = networks.goal_rep if self.share_goal_rep else networks.policy_goal_rep
        policy: Distribution = networks.policy(observations, represent(observations, goals), temperature)
        return policy

    act = Agent.act  # from the flat policy alone, not by HIQL's two levels

    def noise_size(self, spec: Spec) -> int:
        """How many normal numbers the loss needs for each transition: with a learned spread the subgoal is drawn."""
        return 0 if self.const_std else self.rep_dim or spec.observation_dim
