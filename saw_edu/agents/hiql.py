"""HIQL: one value function, a policy over subgoals and a policy over actions (Park et al., NeurIPS 2023)."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from saw_edu.agents.objectives import Metrics, awr_loss, ivl_loss, policy_metrics, values_of
from saw_edu.data import Batch, HindsightGoals, Spec
from saw_edu.nn import (
    Actor,
    GoalConditionedValue,
    Networks,
    draw,
    goal_representation,
    make_actor,
    on_sphere,
    sample_normal,
)


@dataclass(frozen=True)
class HIQL:
    """π_h(w | s, g) proposes where to be in k steps, π_ℓ(a | s, w) goes there; both extracted from one V(s, g)."""

    value_hidden_dims: tuple[int, ...] = (512, 512, 512)  # sizes of the value's hidden layers
    actor_hidden_dims: tuple[int, ...] = (512, 512, 512)  # sizes of both policies' hidden layers
    layer_norm: bool = True  # LayerNorm in the value and the representation
    discount: float = 0.99  # γ
    expectile: float = 0.7  # τ of the value's expectile regression
    low_alpha: float = 3.0  # inverse temperature of the low level's advantage weights
    high_alpha: float = 3.0  # inverse temperature of the high level's advantage weights
    subgoal_steps: int = 25  # k: a subgoal lies this many steps ahead
    rep_dim: int | None = 10  # size of the learned subgoal representation; None: subgoals are whole states
    low_actor_rep_grad: bool = False  # let the low level's loss train the representation
    const_std: bool = True  # standard deviation 1 instead of a learned one, in both policies
    goals: HindsightGoals = HindsightGoals()

    target_networks: ClassVar[tuple[str, ...]] = ("value",)

    def networks(self, spec: Spec, generator: torch.Generator) -> Networks:
        """The representation φ, the value and the two policies."""
        rep_dim = self.rep_dim or spec.observation_dim
        high_inputs = 2 * spec.observation_dim
        return Networks(
            {
                "goal_rep": goal_representation(spec, self.value_hidden_dims, self.rep_dim, self.layer_norm, generator),
                "value": GoalConditionedValue(
                    spec.observation_dim + rep_dim, self.value_hidden_dims, self.layer_norm, generator
                ),
                "low_actor": make_actor(spec, rep_dim, self.actor_hidden_dims, self.const_std, generator),
                "high_actor": Actor(high_inputs, self.actor_hidden_dims, rep_dim, self.const_std, generator),
            }
        )

    def loss(self, networks: Networks, target: Networks, batch: Batch) -> tuple[Tensor, Metrics]:
        """The value's loss plus both policies'."""
        value_loss, value_metrics = self.value_loss(networks, target, batch)
        policy_loss, policy_metrics = self.policy_loss(networks, batch)
        return value_loss + policy_loss, value_metrics | policy_metrics

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
        v, v_next = values_of(networks, [s, s_next], w, networks.goal_rep)
        with torch.set_grad_enabled(torch.is_grad_enabled() and self.low_actor_rep_grad):
            subgoals = networks.goal_rep(s, w)
        policy = networks.low_actor(s, subgoals)
        log_probs = policy.log_prob(a)
        loss = awr_loss(log_probs, v_next - v, self.low_alpha)
        metrics = {"low_actor/actor_loss": loss.detach(), "low_actor/adv": (v_next - v).mean()}
        return loss, metrics | policy_metrics("low_actor", policy, a, log_probs)

    def high_loss(self, networks: Networks, batch: Batch) -> tuple[Tensor, Metrics]:
        """-mean(e^{α A} log π_h(φ(s, w) | s, g)), A = V(w, g) - V(s, g), w the waypoint towards g."""
        assert batch.waypoints is not None
        s, w, g = batch.observations, batch.waypoints, batch.actor_goals
        v, v_waypoint = values_of(networks, [s, w], g, networks.goal_rep)
        with torch.no_grad():
            subgoals = networks.goal_rep(s, w)
        policy = networks.high_actor(s, g)
        log_probs = policy.log_prob(subgoals)
        loss = awr_loss(log_probs, v_waypoint - v, self.high_alpha)
        metrics = {"high_actor/actor_loss": loss.detach(), "high_actor/adv": (v_waypoint - v).mean()}
        return loss, metrics | policy_metrics("high_actor", policy, subgoals, log_probs)

    def act(
        self,
        networks: Networks,
        observations: Tensor,
        goals: Tensor,
        temperature: float = 0.0,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """Actions (B, act) in [-1, 1], or (B,) integers: a subgoal first, then an action towards it."""
        subgoals = sample_normal(networks.high_actor(observations, goals, temperature), temperature, generator)
        if self.rep_dim is not None:
            subgoals = on_sphere(subgoals)
        return draw(networks.low_actor(observations, subgoals, temperature), temperature, generator)
