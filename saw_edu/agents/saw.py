"""SAW: subgoal advantage-weighted policy bootstrapping (Zhou & Kao, NeurIPS 2025, arXiv 2505.14975)."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from saw_edu.agents.agent import Agent, Distribution, Metrics
from saw_edu.agents.design import Design
from saw_edu.agents.objectives import (
    ADVANTAGE_WEIGHT_CLIP,
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
from saw_edu.data import Batch, HindsightGoals, Spec
from saw_edu.nn import GoalConditionedValue, Inputs, Networks, goal_representation, make_policy


@dataclass(frozen=True)
class SAW(Agent):
    """A flat policy that imitates good actions *and* what a subgoal policy would do at good waypoints.

    π maximises E[ e^{α A(s,a,g)} log π(a|s,g) - e^{β A(s,w,g)} KL(π(·|s,g) ‖ π_sub(·|s,w)) ], where w is a future state
    of the same trajectory: the weight takes the place of a model that generates subgoals. The released code, followed
    here, uses KL(π_sub ‖ π), or the squared distance of the means where the standard deviation is constant.

    `rep_dim=None` gives value and policy the goal itself instead of a learned representation (our option, for small
    state spaces and for sharing one value among agents); everything else is the reference's.
    """

    value_hidden_dims: tuple[int, ...] = (512, 512, 512)  # sizes of the value's hidden layers
    policy_hidden_dims: tuple[int, ...] = (512, 512, 512)  # sizes of the flat policy's hidden layers
    subgoal_policy_hidden_dims: tuple[int, ...] = (512, 512, 512)  # sizes of π_sub's hidden layers
    layer_norm: bool = True  # LayerNorm in the value and the representations
    discount: float = 0.99  # γ
    expectile: float = 0.7  # τ of the value's expectile regression
    subgoal_alpha: float = 3.0  # inverse temperature of π_sub's advantage weights
    alpha: float = 3.0  # α: inverse temperature of the flat policy's one-step advantage weights
    beta: float = 3.0  # β: inverse temperature of the waypoints' importance weights
    subgoal_steps: int = 25  # k: a waypoint lies this many steps ahead
    rep_dim: int | None = 10  # size of the learned goal representations; None: goals as they are
    share_goal_rep: bool = False  # the flat policy uses, and trains, the value's representation
    const_std: bool = True  # standard deviation 1 instead of a learned one, in both policies
    reference_discrete: bool = False  # discrete actions: the released code's term without gradient instead of the KL
    one_step: bool = True  # the term e^{α A(s, a, g)} log π(a | s, g); False leaves it out
    bootstrap: bool = True  # the term e^{β A(s, w, g)} KL; False leaves it out, and π_sub with it
    action_clip: float = ADVANTAGE_WEIGHT_CLIP  # the largest weight e^{α A(s, a, g)} of an action; inf: none
    waypoint_clip: float = ADVANTAGE_WEIGHT_CLIP  # the largest weight e^{β A(s, w, g)} of a waypoint
    subgoal_clip: float = ADVANTAGE_WEIGHT_CLIP  # the largest weight of an action in π_sub's loss
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
        super().__post_init__()
        if not (self.one_step or self.bootstrap):
            raise ValueError("keep one_step or bootstrap, or both: without them π has nothing to learn from")

    def networks(self, spec: Spec, generator: torch.Generator) -> Networks:
        """The value with its representation, π_sub on raw waypoints, and π with a representation of its own."""
        check_rep_dim(spec, self.rep_dim)
        goal_dim = self.rep_dim or spec.observation_dim
        dims, norm = self.value_hidden_dims, self.layer_norm
        rep = goal_representation(spec, self.encoder, dims, self.rep_dim, norm, generator)
        value = Inputs(spec, self.encoder, generator, goal_dim)
        low, flat = Inputs(spec, self.encoder, generator), Inputs(spec, self.encoder, generator, goal_dim)
        modules: dict[str, torch.nn.Module] = {
            "goal_rep": rep,
            "value": GoalConditionedValue(value, dims, norm, generator),
            "subgoal_policy": make_policy(spec, low, self.subgoal_policy_hidden_dims, self.const_std, generator),
            "policy": make_policy(spec, flat, self.policy_hidden_dims, self.const_std, generator),
        }
        if not self.share_goal_rep:
            modules["policy_goal_rep"] = goal_representation(spec, self.encoder, dims, self.rep_dim, norm, generator)
        return Networks(modules)

    def value_loss(self, networks: Networks, target: Networks, batch: Batch) -> tuple[Tensor, Metrics]:
        """Implicit V-learning on the value goals, seen through φ."""
        return ivl_loss(networks, target, batch, self.expectile, self.discount, networks.goal_rep)

    def policy_loss(self, networks: Networks, batch: Batch) -> tuple[Tensor, Metrics]:
        """π_sub's loss plus the flat policy's; without bootstrapping π_sub would teach nobody, and does not learn."""
        flat_loss, flat_metrics = self.flat_policy_loss(networks, batch)
        if not self.bootstrap:
            return flat_loss, flat_metrics
        sub_loss, sub_metrics = self.subgoal_policy_loss(networks, batch)
        return sub_loss + flat_loss, sub_metrics | flat_metrics

    def subgoal_policy_loss(self, networks: Networks, batch: Batch) -> tuple[Tensor, Metrics]:
        """-mean(e^{α A(s, a, w)} log π_sub(a | s, w)), w the state k steps ahead: an easy goal, near and reached."""
        assert batch.subgoals is not None
        s, a, w = batch.observations, batch.actions, batch.subgoals
        advantages = one_step_advantages(networks, batch, w, networks.goal_rep)
        policy = networks.subgoal_policy(s, w)
        return awr_policy_loss("subgoal_policy", policy, a, advantages, self.subgoal_alpha, self.subgoal_clip)

    def flat_policy_loss(self, networks: Networks, batch: Batch) -> tuple[Tensor, Metrics]:
        """-mean(e^{α A(s,a,g)} log π(a|s,g)) + mean(e^{β A(s,w,g)} KL(π_sub(·|s,w) ‖ π(·|s,g))).

        A(s, a, g) = V(s', g) - V(s, g) and A(s, w, g) = V(w, g) - V(s, g). Only π learns here: no gradient flows into V
        or π_sub.
        """
        assert batch.waypoints is not None
        s, s_next, a = batch.observations, batch.next_observations, batch.actions
        w, g = batch.waypoints, batch.policy_goals
        v, v_next, v_waypoint = values_of(networks, [s, s_next, w], g, networks.goal_rep)
        policy = self.policy(networks, s, g)  # π(· | s, g)
        log_probs = policy.log_prob(a)
        metrics = {"policy/adv": (v_next - v).mean(), "waypoint/wadv": (v_waypoint - v).mean()}

        terms = []
        if self.one_step:
            terms.append(awr_loss(log_probs, v_next - v, self.alpha, self.action_clip))
            metrics["policy/awr_loss"] = terms[-1].detach()
        if self.bootstrap:
            with torch.no_grad():
                subgoal_policy = networks.subgoal_policy(s, w)  # π_sub(· | s, w)
            kl = divergence(subgoal_policy, policy, self.const_std, self.reference_discrete)  # (B,)
            terms.append((awr_weights(v_waypoint - v, self.beta, self.waypoint_clip) * kl).mean())
            metrics |= {"waypoint/waypoint_loss": terms[-1].detach(), "waypoint/kld": kl.detach().mean()}
        return sum(terms[1:], terms[0]), metrics | policy_metrics("policy", policy, a, log_probs)

    def policy(self, networks: Networks, observations: Tensor, goals: Tensor, temperature: float = 1.0) -> Distribution:
        """π(· | s, g), told of the goal through its own representation, or the value's where that is shared."""
        represent = networks.goal_rep if self.share_goal_rep else networks.policy_goal_rep
        policy: Distribution = networks.policy(observations, represent(observations, goals), temperature)
        return policy

    def value(self, networks: Networks, observations: Tensor, goals: Tensor) -> Tensor:
        """V(s, g), the mean of the two nets', (B,)."""
        return value_of(networks, observations, goals, networks.goal_rep)
