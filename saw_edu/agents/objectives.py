"""The pieces that objectives are made of. All means are over the batch; B is its size, E the value ensemble's."""

from collections.abc import Callable
from typing import cast

import torch
from torch import Tensor
from torch.distributions import Categorical, Independent, kl_divergence

from saw_edu.agents.agent import Distribution, Metrics
from saw_edu.data import Batch, Spec
from saw_edu.nn import Networks, frozen

Represent = Callable[[Tensor, Tensor], Tensor]  # (s, g) -> what a network is told of g

ADVANTAGE_WEIGHT_CLIP = 100.0  # the largest weight exp(α A) may take


def goal_itself(observations: Tensor, goals: Tensor) -> Tensor:
    """The goal itself, where no representation is learned."""
    return goals


def expectile_weights(advantages: Tensor, expectile: float) -> Tensor:
    """|τ - 1(A < 0)|: τ where the advantage is at least zero, 1 - τ elsewhere; the same shape.

    Kostrikov et al., "Offline RL with Implicit Q-Learning" (ICLR 2022), section 4.
    """
    return (expectile - (advantages < 0).to(advantages.dtype)).abs()


def expectile_loss(differences: Tensor, expectile: float) -> Tensor:
    """Mean of |τ - 1(u < 0)| u² over all u = target - prediction, a scalar. τ = .5 is half the squared error."""
    return (expectile_weights(differences, expectile) * differences.square()).mean()


def awr_weights(advantages: Tensor, alpha: float, clip: float = ADVANTAGE_WEIGHT_CLIP) -> Tensor:
    """min(exp(α A), clip): how much to imitate an action of advantage A. Same shape, no gradient.

    Peng et al., "Advantage-Weighted Regression" (2019).
    """
    return (alpha * advantages).exp().clamp(max=clip).detach()


def awr_loss(log_probs: Tensor, advantages: Tensor, alpha: float, clip: float = ADVANTAGE_WEIGHT_CLIP) -> Tensor:
    """-mean(min(exp(α A), clip) log π(a | s, g)). Both (B,)."""
    return -(awr_weights(advantages, alpha, clip) * log_probs).mean()


def ivl_loss(
    networks: Networks,
    target: Networks,
    batch: Batch,
    expectile: float,
    discount: float,
    represent: Represent = goal_itself,
) -> tuple[Tensor, Metrics]:
    """Goal-conditioned implicit V-learning: regress V(s, g) to r + γ m V̄(s', g), more where that was an advantage.

    The weight's advantage uses the smaller of the two target values at s' and their mean at s; each head then regresses
    to its own target head. `represent(s, g)` is what the value is told of the goal (HIQL's φ); the *target* value reads
    the online representation without gradient, as the reference does.

    Park et al., "HIQL" (NeurIPS 2023), equation 3; OGBench's `gcivl.py`.
    """
    s, s_next, g = batch.observations, batch.next_observations, batch.value_goals
    seen = represent(s, g)
    with torch.no_grad():
        seen_next = represent(s_next, g)
        both = target.value(torch.cat([s, s_next]), torch.cat([seen, seen_next]))
        v_target, v_next = both.chunk(2, dim=1)  # (2, B) each
        discounted = discount * batch.masks
        advantages = batch.rewards + discounted * v_next.amin(dim=0) - v_target.mean(dim=0)  # (B,)
        returns = batch.rewards + discounted * v_next  # (2, B)
        weights = expectile_weights(advantages, expectile)
    values = networks.value(s, seen)  # (2, B)
    loss = (weights * (returns - values).square()).mean(dim=1).sum()
    v = values.detach().mean(dim=0)
    return loss, {
        "value/value_loss": loss.detach(),
        "value/v_mean": v.mean(),
        "value/v_max": v.max(),
        "value/v_min": v.min(),
    }


def value_of(networks: Networks, observations: Tensor, goals: Tensor, represent: Represent = goal_itself) -> Tensor:
    """V(s, g), the mean over the ensemble, (B,)."""
    values: Tensor = networks.value(observations, represent(observations, goals))  # (E, B)
    return values.mean(dim=0)


def values_of(
    networks: Networks,
    observations: list[Tensor],
    goals: Tensor,
    represent: Represent = goal_itself,
) -> list[Tensor]:
    """V(s_i, g) for several batches of states and one batch of goals, in one pass and without gradient. (B,) each."""
    return values_and_goals(networks, observations, goals, represent)[0]


def values_and_goals(
    networks: Networks,
    observations: list[Tensor],
    goals: Tensor,
    represent: Represent = goal_itself,
) -> tuple[list[Tensor], list[Tensor]]:
    """The same, and what V was told of the goal, represent(s_i, g): (B,) each, and (B, goal) each."""
    with torch.no_grad():
        states, repeated = torch.cat(observations), torch.cat([goals] * len(observations))
        told = represent(states, repeated)
        values = networks.value(states, told).mean(dim=0)  # the mean over the ensemble
        return list(values.chunk(len(observations))), list(told.chunk(len(observations)))


def one_step_advantages(networks: Networks, batch: Batch, goals: Tensor, represent: Represent = goal_itself) -> Tensor:
    """A(s, a, g) = V(s', g) - V(s, g), by the online value and without gradient. (B,)."""
    v, v_next = values_of(networks, [batch.observations, batch.next_observations], goals, represent)
    return v_next - v


def awr_policy_loss(
    prefix: str,
    policy: Distribution,
    actions: Tensor,
    advantages: Tensor,
    alpha: float,
    clip: float = ADVANTAGE_WEIGHT_CLIP,
) -> tuple[Tensor, Metrics]:
    """Advantage-weighted regression of a policy to actions (or to subgoals), with its metrics."""
    log_probs = policy.log_prob(actions)
    loss = awr_loss(log_probs, advantages, alpha, clip)
    metrics = {f"{prefix}/policy_loss": loss.detach(), f"{prefix}/adv": advantages.mean()}
    return loss, metrics | policy_metrics(prefix, policy, actions, log_probs)


def subgoal_generator_loss(
    networks: Networks, batch: Batch, alpha: float, represent: Represent = goal_itself
) -> tuple[Tensor, Metrics]:
    """-mean(e^{α A} log π_h(φ(s, w) | s, g)), A = V(w, g) - V(s, g), w the waypoint towards g.

    The generator over subgoals that HIQL, RIS and GCWAE learn, and SAW does without.
    """
    assert batch.waypoints is not None
    s, w, g = batch.observations, batch.waypoints, batch.policy_goals
    v, v_waypoint = values_of(networks, [s, w], g, represent)
    with torch.no_grad():
        subgoals = represent(s, w)
    return awr_policy_loss("subgoal_generator", networks.subgoal_generator(s, g), subgoals, v_waypoint - v, alpha)


def ddpgbc_policy_loss(
    policy: Independent,
    actions: Tensor,
    critic: Callable[[Tensor], Tensor],
    alpha: float,
    noise: Tensor | None = None,
) -> tuple[Tensor, Metrics]:
    """DDPG+BC: climb Q at the policy's own action, and stay near the data. -mean(Q)/mean|Q| - α mean log π(a | s, g).

    Args:
        policy: π(· | s, g).
        actions: the data's (B, action_dim).
        critic: Q(s, ·, g) with fixed parameters, (B, action_dim) -> (B,); gradient flows through the action.
        alpha: weight of cloning.
        noise: standard normal (B, action_dim) for a drawn action; None: the mean.

    Fujimoto & Gu, "A Minimalist Approach to Offline RL" (NeurIPS 2021); the scale of Q is divided out as there.
    """
    drawn = policy.mean if noise is None else policy.mean + policy.stddev * noise
    q = critic(drawn.clamp(-1, 1))
    q_size = q.detach().abs().mean()
    q_loss = -q.mean() / (q_size + 1e-6)
    log_probs = policy.log_prob(actions)
    bc_loss = -alpha * log_probs.mean()
    loss = q_loss + bc_loss
    return loss, {
        "policy/policy_loss": loss.detach(),
        "policy/q_loss": q_loss.detach(),
        "policy/bc_loss": bc_loss.detach(),
        "policy/q_mean": q.detach().mean(),
        "policy/q_abs_mean": q_size,
        **policy_metrics("policy", policy, actions, log_probs),
    }


def critic_policy_loss(networks: Networks, batch: Batch, extraction: str, alpha: float) -> tuple[Tensor, Metrics]:
    """The policy from a pair of critics: DDPG+BC on Q = min(Q1, Q2), or AWR with A = Q(s, a, g) - V(s, g)."""
    s, a, g = batch.observations, batch.actions, batch.policy_goals
    policy = networks.policy(s, g)
    if extraction == "ddpgbc":

        def critic(actions: Tensor) -> Tensor:
            return frozen(networks, lambda fixed: fixed.critic(s, g, actions).amin(dim=0))

        return ddpgbc_policy_loss(policy, a, critic, alpha, batch.noise)
    with torch.no_grad():
        advantages = networks.critic(s, g, a).amin(dim=0) - networks.value(s, g)
    return awr_policy_loss("policy", policy, a, advantages, alpha)


def check_policy_extraction(extraction: str, spec: Spec) -> None:
    """DDPG+BC needs a gradient through the action.

    Raises:
        ValueError: discrete actions, or an unknown extraction.
    """
    if extraction not in ("awr", "ddpgbc"):
        raise ValueError(f"extraction must be 'awr' or 'ddpgbc', got {extraction!r}")
    if extraction == "ddpgbc" and spec.discrete:
        raise ValueError("extraction='ddpgbc' needs continuous actions: set extraction='awr' (and alpha=3, say)")


def check_rep_dim(spec: Spec, rep_dim: int | None) -> None:
    """Images as goals must be represented.

    Raises:
        ValueError: images without a representation.
    """
    if spec.image is not None and rep_dim is None:
        raise ValueError(f"goals are images {spec.image}: set rep_dim=10, say, so that they are represented")


def policy_metrics(prefix: str, policy: Distribution, actions: Tensor, log_probs: Tensor) -> Metrics:
    """Mean log-probability of the data's actions and, for normal policies, squared error and spread."""
    metrics = {f"{prefix}/bc_log_prob": log_probs.detach().mean()}
    if isinstance(policy, Independent):
        metrics[f"{prefix}/mse"] = (policy.mean.detach() - actions).square().mean()
        metrics[f"{prefix}/std"] = policy.stddev.detach().mean()
    return metrics


def divergence(
    target_policy: Distribution, policy: Distribution, const_std: bool, reference_discrete: bool = False
) -> Tensor:
    """How far the flat policy π is from π_sub, (B,). Gradient flows into both: detach the target where it is fixed.

    With learned spreads or discrete actions KL(π_sub ‖ π), in closed form. With a constant standard deviation of one,
    the squared distance of the means: twice the KL divergence, whose direction then makes no difference.

    `reference_discrete` with a constant standard deviation and discrete actions is what the released code computes
    there: squared differences of the most likely actions' *numbers*, summed over the batch, which teaches nothing.
    """
    if const_std and isinstance(policy, Independent):
        return (policy.mean - target_policy.mean).square().sum(dim=-1)
    if const_std and reference_discrete and isinstance(policy, Categorical):
        numbers = policy.mode - target_policy.mode
        return numbers.square().sum().to(policy.logits.dtype).expand(len(numbers))
    if isinstance(policy, Categorical) and isinstance(target_policy, Categorical):
        kl: Tensor = (target_policy.probs * (target_policy.logits - policy.logits)).sum(dim=-1)
        return kl
    return cast(Tensor, kl_divergence(target_policy, policy))
