"""SAW: subgoal advantage-weighted policy bootstrapping (Zhou & Kao, NeurIPS 2025, arXiv 2505.14975)."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from saw_edu.agents.design import Design
from saw_edu.agents.objectives import (
    Distribution,
    Metrics,
    awr_loss,
    awr_policy_loss,
    awr_weights,
    check_rep_dim,
    divergence,
    ivl_loss,
    one_step_advantages,
    policy_metrics,
    value_of,
    values_of,
)
from saw_edu.agents.ranges import check_ranges
from saw_edu.data import Batch, HindsightGoals, Spec
from saw_edu.nn import GoalConditionedValue, Inputs, Networks, draw, goal_representation, make_actor


@dataclass(frozen=True)
class SAW:
    """A flat policy that imitates good actions *and* what a subgoal policy would do at good waypoints.

    π maximises E[ e^{α A(s,a,g)} log π(a|s,g) - e^{β A(s,w,g)} KL(π(·|s,g) ‖ π_sub(·|s,w)) ], where w is a future state
    of the same trajectory: the weight takes the place of a model that generates subgoals. The released code, followed
    here, uses KL(π_sub ‖ π), or the squared distance of the means where the standard deviation is constant.

    `rep_dim=None` gives value and policy the goal itself instead of a learned representation (our option, for small
    state spaces and for sharing one value among agents); everything else is the reference's.
    """

    value_hidden_dims: tuple[int, ...] = (512, 512, 512)  # sizes of the value's hidden layers
    actor_hidden_dims: tuple[int, ...] = (512, 512, 512)  # sizes of the flat policy's hidden layers
    low_actor_hidden_dims: tuple[int, ...] = (512, 512, 512)  # sizes of π_sub's hidden layers
    layer_norm: bool = True  # LayerNorm in the value and the representations
    discount: float = 0.99  # γ
    expectile: float = 0.7  # τ of the value's expectile regression
    low_alpha: float = 3.0  # inverse temperature of π_sub's advantage weights
    awr_alpha: float = 3.0  # α: inverse temperature of the flat policy's one-step advantage weights
    kl_alpha: float = 3.0  # β: inverse temperature of the waypoints' importance weights
    subgoal_steps: int = 25  # k: a waypoint lies this many steps ahead
    rep_dim: int | None = 10  # size of the learned goal representations; None: goals as they are
    share_goal_rep: bool = False  # the flat policy uses, and trains, the value's representation
    const_std: bool = True  # standard deviation 1 instead of a learned one, in both policies
    reference_discrete: bool = False  # discrete actions: the released code's term without gradient instead of the KL
    encoder: str | None = None  # for images: impala_small, impala_debug, ...
    goals: HindsightGoals = HindsightGoals()

    target_networks: ClassVar[tuple[str, ...]] = ("value",)
    value_networks: ClassVar[tuple[str, ...]] = ("goal_rep", "value")
    design: ClassVar[Design] = Design(
        value="IVL",
        objective="exp(α A(s, a, g)) log π(a | s, g) - exp(β A(s, w, g)) D(π(· | s, g), π_sub(· | s, w)) "
        "at w of the data, and π_sub as HIQL's π_ℓ",
        generator=False,
        levels=1,
        source="Zhou & Kao 2025",
    )

    def __post_init__(self) -> None:
        check_ranges(self)

    def networks(self, spec: Spec, generator: torch.Generator) -> Networks:
        """The value with its representation, π_sub (`low_actor`, on raw waypoints), and π (`actor`) with its own."""
        check_rep_dim(spec, self.rep_dim)
        goal_dim = self.rep_dim or spec.observation_dim
        dims, norm = self.value_hidden_dims, self.layer_norm
        rep = goal_representation(spec, self.encoder, dims, self.rep_dim, norm, generator)
        value = Inputs(spec, self.encoder, generator, goal_dim)
        low, flat = Inputs(spec, self.encoder, generator), Inputs(spec, self.encoder, generator, goal_dim)
        modules: dict[str, torch.nn.Module] = {
            "goal_rep": rep,
            "value": GoalConditionedValue(value, dims, norm, generator),
            "low_actor": make_actor(spec, low, self.low_actor_hidden_dims, self.const_std, generator),
            "actor": make_actor(spec, flat, self.actor_hidden_dims, self.const_std, generator),
        }
        if not self.share_goal_rep:
            modules["actor_goal_rep"] = goal_representation(spec, self.encoder, dims, self.rep_dim, norm, generator)
        return Networks(modules)

    def loss(self, networks: Networks, target: Networks, batch: Batch) -> tuple[Tensor, Metrics]:
        """The value's loss, π_sub's loss and the flat policy's two terms, all with weight one."""
        value_loss, value_metrics = self.value_loss(networks, target, batch)
        policy_loss, policy_metrics = self.policy_loss(networks, batch)
        return value_loss + policy_loss, value_metrics | policy_metrics

    def value_loss(self, networks: Networks, target: Networks, batch: Batch) -> tuple[Tensor, Metrics]:
        """Implicit V-learning on the value goals, seen through φ."""
        return ivl_loss(networks, target, batch, self.expectile, self.discount, networks.goal_rep)

    def policy_loss(self, networks: Networks, batch: Batch) -> tuple[Tensor, Metrics]:
        """π_sub's loss plus the flat policy's."""
        low_loss, low_metrics = self.subgoal_policy_loss(networks, batch)
        flat_loss, flat_metrics = self.flat_policy_loss(networks, batch)
        return low_loss + flat_loss, low_metrics | flat_metrics

    def subgoal_policy_loss(self, networks: Networks, batch: Batch) -> tuple[Tensor, Metrics]:
        """-mean(e^{α A(s, a, w)} log π_sub(a | s, w)), w the state k steps ahead: an easy goal, near and reached."""
        assert batch.subgoals is not None
        s, a, w = batch.observations, batch.actions, batch.subgoals
        advantages = one_step_advantages(networks, batch, w, networks.goal_rep)
        return awr_policy_loss("low_actor", networks.low_actor(s, w), a, advantages, self.low_alpha)

    def flat_policy_loss(self, networks: Networks, batch: Batch) -> tuple[Tensor, Metrics]:
        """-mean(e^{α A(s,a,g)} log π(a|s,g)) + mean(e^{β A(s,w,g)} KL(π_sub(·|s,w) ‖ π(·|s,g))).

        A(s, a, g) = V(s', g) - V(s, g) and A(s, w, g) = V(w, g) - V(s, g). Only π learns here: no gradient flows into V
        or π_sub.
        """
        assert batch.waypoints is not None
        s, s_next, a = batch.observations, batch.next_observations, batch.actions
        w, g = batch.waypoints, batch.actor_goals
        v, v_next, v_waypoint = values_of(networks, [s, s_next, w], g, networks.goal_rep)

        policy = self.flat_policy(networks, s, g)  # π(· | s, g)
        log_probs = policy.log_prob(a)
        awr = awr_loss(log_probs, v_next - v, self.awr_alpha)

        with torch.no_grad():
            subgoal_policy = networks.low_actor(s, w)  # π_sub(· | s, w)
        kl = divergence(subgoal_policy, policy, self.const_std, self.reference_discrete)  # (B,)
        bootstrap = (awr_weights(v_waypoint - v, self.kl_alpha) * kl).mean()

        metrics = {
            "actor/awr_loss": awr.detach(),
            "actor/adv": (v_next - v).mean(),
            "waypoint/waypoint_loss": bootstrap.detach(),
            "waypoint/wadv": (v_waypoint - v).mean(),
            "waypoint/kld": kl.detach().mean(),
        }
        return awr + bootstrap, metrics | policy_metrics("actor", policy, a, log_probs)

    def flat_policy(
        self, networks: Networks, observations: Tensor, goals: Tensor, temperature: float = 1.0
    ) -> Distribution:
        """π(· | s, g), told of the goal through its own representation, or the value's where that is shared."""
        represent = networks.goal_rep if self.share_goal_rep else networks.actor_goal_rep
        policy: Distribution = networks.actor(observations, represent(observations, goals), temperature)
        return policy

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
        """Actions (B, act) in [-1, 1], or (B,) integers, from the flat policy alone."""
        return draw(self.flat_policy(networks, observations, goals, temperature), temperature, generator)
