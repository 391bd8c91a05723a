"""GCIVL: goal-conditioned implicit V-learning with advantage-weighted regression (OGBench, Park et al. 2025)."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from saw_edu.agents.agent import Agent, Metrics
from saw_edu.agents.design import Design
from saw_edu.agents.objectives import awr_policy_loss, ivl_loss, one_step_advantages, value_of
from saw_edu.data import Batch, HindsightGoals, Spec
from saw_edu.nn import GoalConditionedValue, Inputs, Networks, make_policy


@dataclass(frozen=True)
class GCIVL(Agent):
    """Learn V(s, g) by expectile regression, then imitate actions in proportion to exp(α (V(s', g) - V(s, g)))."""

    value_hidden_dims: tuple[int, ...] = (512, 512, 512)  # sizes of the value's hidden layers
    policy_hidden_dims: tuple[int, ...] = (512, 512, 512)  # sizes of the policy's hidden layers
    layer_norm: bool = True  # LayerNorm in the value net
    discount: float = 0.99  # γ
    expectile: float = 0.9  # τ of the value's expectile regression
    alpha: float = 10.0  # inverse temperature α of advantage-weighted regression
    const_std: bool = True  # standard deviation 1 instead of a learned one
    encoder: str | None = None  # for images: impala_small, impala_debug, ...
    goals: HindsightGoals = HindsightGoals()

    target_networks: ClassVar[tuple[str, ...]] = ("value",)
    value_networks: ClassVar[tuple[str, ...]] = ("value",)
    design: ClassVar[Design] = Design(
        value="IVL: V follows an upper expectile of r + γ V(s', g)",
        objective="exp(α A(s, a, g)) log π(a | s, g)",
        generator=False,
        levels=1,
        source="OGBench, Park et al. 2025",
    )

    def networks(self, spec: Spec, generator: torch.Generator) -> Networks:
        """The value and the policy."""
        value = Inputs(spec, self.encoder, generator)
        actor = Inputs(spec, self.encoder, generator)
        return Networks(
            {
                "value": GoalConditionedValue(value, self.value_hidden_dims, self.layer_norm, generator),
                "policy": make_policy(spec, actor, self.policy_hidden_dims, self.const_std, generator),
            }
        )

    def value_loss(self, networks: Networks, target: Networks, batch: Batch) -> tuple[Tensor, Metrics]:
        """Implicit V-learning on the value goals."""
        return ivl_loss(networks, target, batch, self.expectile, self.discount)

    def policy_loss(self, networks: Networks, batch: Batch) -> tuple[Tensor, Metrics]:
        """-mean(e^{α A(s, a, g)} log π(a | s, g)), A = V(s', g) - V(s, g)."""
        s, a, g = batch.observations, batch.actions, batch.policy_goals
        advantages = one_step_advantages(networks, batch, g)
        return awr_policy_loss("policy", networks.policy(s, g), a, advantages, self.alpha)

    def value(self, networks: Networks, observations: Tensor, goals: Tensor) -> Tensor:
        """V(s, g), the mean of the two nets', (B,)."""
        return value_of(networks, observations, goals)
