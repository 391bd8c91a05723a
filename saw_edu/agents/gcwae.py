"""GCWAE: goal-conditioned waypoint advantage estimation, a baseline of the SAW paper (Zhou & Kao, NeurIPS 2025)."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from saw_edu.agents.agent import Agent, Metrics
from saw_edu.agents.design import Design
from saw_edu.agents.objectives import (
    awr_policy_loss,
    check_rep_dim,
    ivl_loss,
    subgoal_generator_loss,
    value_of,
)
from saw_edu.data import Batch, HindsightGoals, Spec
from saw_edu.nn import GoalConditionedValue, Inputs, Networks, NormalPolicy, goal_representation, make_policy


@dataclass(frozen=True)
class GCWAE(Agent):
    """A flat policy that imitates actions by their advantage for reaching a generated subgoal, a nearby one.

    The advantage A(s, a, w) towards an easy subgoal stands for A(s, a, g) towards the goal, which is lost in noise. The
    flat policy itself acts; the released code asks for a low-level policy that it never made.

    `rep_dim` lets value and generator work with learned representations of subgoals, which images need (our completion:
    the released code has the option but stops with a shape error there).
    """

    value_hidden_dims: tuple[int, ...] = (512, 512, 512)  # sizes of the value's hidden layers
    policy_hidden_dims: tuple[int, ...] = (512, 512, 512)  # sizes of both policies' hidden layers
    layer_norm: bool = True  # LayerNorm in the value and the representation
    discount: float = 0.99  # γ
    expectile: float = 0.7  # τ of the value's expectile regression
    alpha: float = 3.0  # inverse temperature of the flat policy's advantage weights
    beta: float = 3.0  # inverse temperature of the subgoal generator's advantage weights
    subgoal_steps: int = 25  # k: a subgoal lies this many steps ahead
    rep_dim: int | None = None  # size of a learned subgoal representation; None: subgoals are whole states
    const_std: bool = True  # standard deviation 1 instead of a learned one, in both policies
    encoder: str | None = None  # for images: impala_small, impala_debug, ...
    goals: HindsightGoals = HindsightGoals()

    target_networks: ClassVar[tuple[str, ...]] = ("value",)
    value_networks: ClassVar[tuple[str, ...]] = ("goal_rep", "value")
    design: ClassVar[Design] = Design(
        value="IVL",
        objective="exp(α A(s, a, w)) log π(a | s, g) at w from π_h, and π_h as HIQL's",
        generator=True,
        levels=1,
        source="Zhou & Kao 2025",
    )

    def networks(self, spec: Spec, generator: torch.Generator) -> Networks:
        """The representation φ, the value, the subgoal generator and the flat policy."""
        check_rep_dim(spec, self.rep_dim)
        subgoal_dim = self.rep_dim or spec.observation_dim
        dims, norm = self.value_hidden_dims, self.layer_norm
        rep = goal_representation(spec, self.encoder, dims, self.rep_dim, norm, generator)
        value = Inputs(spec, self.encoder, generator, subgoal_dim)
        high, flat = Inputs(spec, self.encoder, generator), Inputs(spec, self.encoder, generator)
        return Networks(
            {
                "goal_rep": rep,
                "value": GoalConditionedValue(value, dims, norm, generator),
                "subgoal_generator": NormalPolicy(
                    high, self.policy_hidden_dims, subgoal_dim, self.const_std, generator
                ),
                "policy": make_policy(spec, flat, self.policy_hidden_dims, self.const_std, generator),
            }
        )

    def value_loss(self, networks: Networks, target: Networks, batch: Batch) -> tuple[Tensor, Metrics]:
        """Implicit V-learning on the value goals."""
        return ivl_loss(networks, target, batch, self.expectile, self.discount, networks.goal_rep)

    def policy_loss(self, networks: Networks, batch: Batch) -> tuple[Tensor, Metrics]:
        """The flat policy's loss plus the subgoal generator's."""
        flat_loss, flat_metrics = self.flat_policy_loss(networks, batch)
        high_loss, high_metrics = subgoal_generator_loss(networks, batch, self.beta, networks.goal_rep)
        return flat_loss + high_loss, flat_metrics | high_metrics

    def flat_policy_loss(self, networks: Networks, batch: Batch) -> tuple[Tensor, Metrics]:
        """-mean(e^{α A(s, a, w)} log π(a | s, g)), A = V(s', w) - V(s, w), w the mean of π_h(w | s, g)."""
        s, s_next, a, g = batch.observations, batch.next_observations, batch.actions, batch.policy_goals
        with torch.no_grad():
            w = networks.subgoal_generator(s, g).mean
            v, v_next = networks.value(torch.cat([s, s_next]), torch.cat([w, w])).mean(dim=0).chunk(2)
        return awr_policy_loss("policy", networks.policy(s, g), a, v_next - v, self.alpha)

    def value(self, networks: Networks, observations: Tensor, goals: Tensor) -> Tensor:
        """V(s, g), the mean of the two nets', (B,)."""
        return value_of(networks, observations, goals, networks.goal_rep)
