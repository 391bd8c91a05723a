"""HIQL: one value function, a policy over subgoals and a policy over actions (Park et al., NeurIPS 2023)."""

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
    values_and_goals,
)
from saw_edu.data import Batch, HindsightGoals, Spec
from saw_edu.nn import (
    GoalConditionedValue,
    Inputs,
    Networks,
    NormalPolicy,
    draw,
    goal_representation,
    make_policy,
    on_sphere,
    sample_normal,
)


@dataclass(frozen=True)
class HIQL(Agent):
    """π_h(w | s, g) proposes where to be in k steps, π_ℓ(a | s, w) goes there; both extracted from one V(s, g)."""

    value_hidden_dims: tuple[int, ...] = (512, 512, 512)  # sizes of the value's hidden layers
    policy_hidden_dims: tuple[int, ...] = (512, 512, 512)  # sizes of both policies' hidden layers
    layer_norm: bool = True  # LayerNorm in the value and the representation
    discount: float = 0.99  # γ
    expectile: float = 0.7  # τ of the value's expectile regression
    subgoal_alpha: float = 3.0  # inverse temperature of the low level's advantage weights
    beta: float = 3.0  # inverse temperature of the high level's advantage weights
    subgoal_steps: int = 25  # k: a subgoal lies this many steps ahead
    rep_dim: int | None = 10  # size of the learned subgoal representation; None: subgoals are whole states
    subgoal_policy_rep_grad: bool = False  # let the low level's loss train the representation
    const_std: bool = True  # standard deviation 1 instead of a learned one, in both policies
    encoder: str | None = None  # for images: impala_small, impala_debug, ...
    goals: HindsightGoals = HindsightGoals()

    target_networks: ClassVar[tuple[str, ...]] = ("value",)
    value_networks: ClassVar[tuple[str, ...]] = ("goal_rep", "value")
    design: ClassVar[Design] = Design(
        value="IVL",
        objective="exp(α A(s, w, g)) log π_h(w | s, g) + exp(α A(s, a, w)) log π_ℓ(a | s, w)",
        generator=True,
        levels=2,
        source="Park et al. 2023",
    )

    def networks(self, spec: Spec, generator: torch.Generator) -> Networks:
        """The representation φ, the value and the two policies."""
        check_rep_dim(spec, self.rep_dim)
        subgoal_dim = self.rep_dim or spec.observation_dim
        dims, norm = self.value_hidden_dims, self.layer_norm
        rep = goal_representation(spec, self.encoder, dims, self.rep_dim, norm, generator)
        value = Inputs(spec, self.encoder, generator, subgoal_dim)
        low, high = Inputs(spec, self.encoder, generator, subgoal_dim), Inputs(spec, self.encoder, generator)
        return Networks(
            {
                "goal_rep": rep,
                "value": GoalConditionedValue(value, dims, norm, generator),
                "subgoal_policy": make_policy(spec, low, self.policy_hidden_dims, self.const_std, generator),
                "subgoal_generator": NormalPolicy(
                    high, self.policy_hidden_dims, subgoal_dim, self.const_std, generator
                ),
            }
        )

    def value_loss(self, networks: Networks, target: Networks, batch: Batch) -> tuple[Tensor, Metrics]:
        """Implicit V-learning on the value goals, seen through φ."""
        return ivl_loss(networks, target, batch, self.expectile, self.discount, networks.goal_rep)

    def policy_loss(self, networks: Networks, batch: Batch) -> tuple[Tensor, Metrics]:
        """The low level's loss plus the high level's."""
        low_loss, low_metrics = self.low_loss(networks, batch)
        high_loss, high_metrics = self.high_loss(networks, batch)
        return low_loss + high_loss, low_metrics | high_metrics

    def low_loss(self, networks: Networks, batch: Batch) -> tuple[Tensor, Metrics]:
        """-mean(e^{α A} log π_ℓ(a | s, φ(s, w))), A = V(s', w) - V(s, w), w the state k steps ahead."""
        assert batch.subgoals is not None
        s, s_next, a, w = batch.observations, batch.next_observations, batch.actions, batch.subgoals
        (v, v_next), (subgoals, _) = values_and_goals(networks, [s, s_next], w, networks.goal_rep)
        if self.subgoal_policy_rep_grad:
            subgoals = networks.goal_rep(s, w)  # once more, with gradient
        return awr_policy_loss(
            "subgoal_policy", networks.subgoal_policy(s, subgoals), a, v_next - v, self.subgoal_alpha
        )

    def high_loss(self, networks: Networks, batch: Batch) -> tuple[Tensor, Metrics]:
        """-mean(e^{α A} log π_h(φ(s, w) | s, g)), A = V(w, g) - V(s, g), w the waypoint towards g."""
        return subgoal_generator_loss(networks, batch, self.beta, networks.goal_rep)

    def value(self, networks: Networks, observations: Tensor, goals: Tensor) -> Tensor:
        """V(s, g), the mean of the two nets', (B,)."""
        return value_of(networks, observations, goals, networks.goal_rep)

    def act(
        self,
        networks: Networks,
        observations: Tensor,
        goals: Tensor,
        temperature: float = 0.0,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """Actions (B, act) in [-1, 1], or (B,) integers: a subgoal first, then an action towards it."""
        subgoals = sample_normal(networks.subgoal_generator(observations, goals, temperature), temperature, generator)
        if self.rep_dim is not None:
            subgoals = on_sphere(subgoals)
        return draw(networks.subgoal_policy(observations, subgoals, temperature), temperature, generator)
