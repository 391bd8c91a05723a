"""GCIQL: implicit Q-learning (Kostrikov et al., ICLR 2022) with goals, as in OGBench (Park et al. 2025)."""

from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor

from saw_edu.agents.agent import Agent, Metrics
from saw_edu.agents.design import Design
from saw_edu.agents.objectives import (
    check_policy_extraction,
    critic_policy_loss,
    expectile_loss,
)
from saw_edu.data import Batch, HindsightGoals, Spec
from saw_edu.nn import GoalConditionedValue, Inputs, Networks, make_policy


@dataclass(frozen=True)
class GCIQL(Agent):
    """Learn Q(s, a, g) against a V(s, g) that is an expectile of it: the best of the data's actions, none imagined."""

    value_hidden_dims: tuple[int, ...] = (512, 512, 512)  # sizes of V's and Q's hidden layers
    policy_hidden_dims: tuple[int, ...] = (512, 512, 512)  # sizes of the policy's hidden layers
    layer_norm: bool = True  # LayerNorm in V and Q
    discount: float = 0.99  # γ
    expectile: float = 0.9  # τ of V's expectile regression to Q
    extraction: Literal["ddpgbc", "awr"] = "ddpgbc"  # climb Q near the data, or imitate by advantage (discrete: awr)
    alpha: float = 0.3  # ddpgbc: weight of cloning; awr: inverse temperature (3 in OGBench)
    const_std: bool = True  # standard deviation 1 instead of a learned one
    encoder: str | None = None  # for images: impala_small, impala_debug, ...
    goals: HindsightGoals = HindsightGoals()

    target_networks: ClassVar[tuple[str, ...]] = ("critic",)
    value_networks: ClassVar[tuple[str, ...]] = ("value", "critic")
    design: ClassVar[Design] = Design(
        value="IQL: Q follows r + γ V(s', g), and V an upper expectile of Q",
        objective="Q(s, π, g) + α log π(a | s, g) (DDPG+BC), or exp(α (Q - V)) log π(a | s, g) (AWR)",
        generator=False,
        levels=1,
        source="Kostrikov et al. 2022, OGBench",
    )

    def networks(self, spec: Spec, generator: torch.Generator) -> Networks:
        """V, the pair of critics and the policy."""
        check_policy_extraction(self.extraction, spec)
        value = Inputs(spec, self.encoder, generator)
        critic = Inputs(spec, self.encoder, generator)
        actor = Inputs(spec, self.encoder, generator)
        dims, norm = self.value_hidden_dims, self.layer_norm
        return Networks(
            {
                "value": GoalConditionedValue(value, dims, norm, generator, ensemble=None),
                "critic": GoalConditionedValue(critic, dims, norm, generator, action=spec),
                "policy": make_policy(spec, actor, self.policy_hidden_dims, self.const_std, generator),
            }
        )

    def value_loss(self, networks: Networks, target: Networks, batch: Batch) -> tuple[Tensor, Metrics]:
        """V follows an upper expectile of the target Q over the data's actions; Q follows r + γ m V(s', g)."""
        s, s_next, a, g = batch.observations, batch.next_observations, batch.actions, batch.value_goals
        with torch.no_grad():
            q_target = target.critic(s, g, a).amin(dim=0)  # (B,)
            returns = batch.rewards + self.discount * batch.masks * networks.value(s_next, g)
        v = networks.value(s, g)
        v_loss = expectile_loss(q_target - v, self.expectile)
        q_loss = (networks.critic(s, g, a) - returns).square().mean(dim=1).sum()
        return v_loss + q_loss, {
            "value/value_loss": v_loss.detach(),
            "value/v_mean": v.detach().mean(),
            "value/v_max": v.detach().max(),
            "value/v_min": v.detach().min(),
            "critic/critic_loss": q_loss.detach(),
            "critic/q_mean": returns.mean(),
            "critic/q_max": returns.max(),
            "critic/q_min": returns.min(),
        }

    def policy_loss(self, networks: Networks, batch: Batch) -> tuple[Tensor, Metrics]:
        """DDPG+BC on min(Q1, Q2), or AWR with A = min(Q1, Q2)(s, a, g) - V(s, g)."""
        return critic_policy_loss(networks, batch, self.extraction, self.alpha)

    def noise_size(self, spec: Spec) -> int:
        """How many normal numbers the loss needs for each transition: DDPG+BC with a learned spread draws an action."""
        return spec.action_dim if self.extraction == "ddpgbc" and not self.const_std else 0

    def value(self, networks: Networks, observations: Tensor, goals: Tensor) -> Tensor:
        """V(s, g), (B,)."""
        v: Tensor = networks.value(observations, goals)
        return v
