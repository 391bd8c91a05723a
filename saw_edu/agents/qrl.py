"""QRL: quasimetric reinforcement learning (Wang et al., ICML 2023), offline as in OGBench (Park et al. 2025)."""

from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor
from torch.distributions import Independent
from torch.nn import functional as F

from saw_edu.agents.agent import Agent, Metrics
from saw_edu.agents.design import Design
from saw_edu.agents.objectives import awr_policy_loss, check_policy_extraction, ddpgbc_policy_loss
from saw_edu.data import Batch, HindsightGoals, Spec
from saw_edu.nn import IQE, MLP, MRN, Inputs, LogScale, Networks, frozen, make_policy

SOFT_LIMIT = 500.0  # steps: beyond it, pushing states apart earns less and less


@dataclass(frozen=True)
class QRL(Agent):
    """Push all states apart, while one step costs no more than 1: what remains is the shortest distance, V = -d(s, g).

    The bound on single steps is kept by a multiplier λ, learned by gradient ascent on the violation.
    """

    value_hidden_dims: tuple[int, ...] = (512, 512, 512)  # sizes of φ's and the latent dynamics' hidden layers
    policy_hidden_dims: tuple[int, ...] = (512, 512, 512)  # sizes of the policy's hidden layers
    quasimetric_type: Literal["iqe", "mrn"] = "iqe"  # how latent vectors give a distance
    latent_dim: int = 512  # numbers in φ(s)
    layer_norm: bool = True  # LayerNorm in φ and the dynamics
    discount: float = 0.99  # γ of geometric goals, when `goals` asks for them; it enters nowhere else
    eps: float = 0.05  # violation of the one-step bound that is tolerated
    extraction: Literal["ddpgbc", "awr"] = "ddpgbc"  # climb -d through the dynamics, or imitate (discrete: awr)
    alpha: float = 0.003  # ddpgbc: weight of cloning; awr: inverse temperature (3 in OGBench)
    const_std: bool = True  # standard deviation 1 instead of a learned one
    encoder: str | None = None  # for images: impala_small, impala_debug, ...
    goals: HindsightGoals = HindsightGoals(value_goals=(0.0, 0.0, 1.0))

    value_networks: ClassVar[tuple[str, ...]] = ("value", "lam", "dynamics")
    design: ClassVar[Design] = Design(
        value="quasimetric: V = -d, all d(s, g) as long as d(s, s') ≤ 1 allows",
        objective="-d(s after π, g) + α log π(a | s, g) (DDPG+BC), or exp(α A(s, a, g)) log π(a | s, g) (AWR)",
        generator=False,
        levels=1,
        source="Wang et al. 2023, OGBench",
    )

    def networks(self, spec: Spec, generator: torch.Generator) -> Networks:
        """The quasimetric, λ, the policy and, for DDPG+BC, the dynamics of latent states."""
        check_policy_extraction(self.extraction, spec)
        kinds = {"iqe": IQE, "mrn": MRN}
        if self.quasimetric_type not in kinds:
            raise ValueError(f"quasimetric_type must be 'iqe' or 'mrn', got {self.quasimetric_type!r}")
        dims, latent, norm = self.value_hidden_dims, self.latent_dim, self.layer_norm
        actor = Inputs(spec, self.encoder, generator)
        modules: dict[str, torch.nn.Module] = {
            "value": kinds[self.quasimetric_type](spec, self.encoder, dims, latent, norm, generator),
            "lam": LogScale(),
            "policy": make_policy(spec, actor, self.policy_hidden_dims, self.const_std, generator),
        }
        if self.extraction == "ddpgbc":
            modules["dynamics"] = MLP(latent + spec.action_dim, [*dims, latent], generator, layer_norm=norm)
        return Networks(modules)

    def value_loss(self, networks: Networks, target: Networks, batch: Batch) -> tuple[Tensor, Metrics]:
        """The distance's loss and, for DDPG+BC, the dynamics'."""
        states = torch.cat([batch.observations, batch.next_observations, batch.value_goals])
        z, z_next, z_goal = networks.value.encode(states).chunk(3)  # (B, latent_dim) each
        loss, metrics = self.distance_loss(networks, z, z_next, z_goal)
        if self.extraction == "ddpgbc":
            dynamics_loss = self.dynamics_loss(networks, z, z_next, batch.actions)
            loss, metrics = loss + dynamics_loss, metrics | {"dynamics/dynamics_loss": dynamics_loss.detach()}
        return loss, metrics

    def distance_loss(self, networks: Networks, z: Tensor, z_next: Tensor, z_goal: Tensor) -> tuple[Tensor, Metrics]:
        """Far to random goals, at most 1 to the next state: mean(softplus) + λ (mean(relu(d(s, s') - 1)²) - ε).

        The distance descends on this and λ ascends, each with the other fixed.
        """
        to_goal, to_next = networks.value.distance(z, z_goal), networks.value.distance(z, z_next)
        lam = networks.lam()
        spread = 100 * F.softplus((SOFT_LIMIT - to_goal) / 100).mean()
        violation = (to_next - 1).relu().square().mean()
        value_loss = spread + violation * lam.detach()
        lam_loss = lam * (self.eps - violation.detach())
        loss = value_loss + lam_loss
        metrics = {
            "value/total_loss": loss,
            "value/value_loss": value_loss,
            "value/lam_loss": lam_loss,
            "value/lam": lam,
            "value/d_neg_loss": spread,
            "value/d_neg_mean": to_goal.mean(),
            "value/d_neg_max": to_goal.max(),
            "value/d_neg_min": to_goal.min(),
            "value/d_pos_loss": violation,
            "value/d_pos_mean": to_next.mean(),
            "value/d_pos_max": to_next.max(),
            "value/d_pos_min": to_next.min(),
        }
        return loss, {name: number.detach() for name, number in metrics.items()}

    def dynamics_loss(self, networks: Networks, z: Tensor, z_next: Tensor, actions: Tensor) -> Tensor:
        """The predicted next latent state lies near the true one, there and back; φ learns from it too."""
        predicted = z + networks.dynamics(torch.cat([z, actions], dim=-1))
        there = networks.value.distance(z_next, predicted)
        back = networks.value.distance(predicted, z_next)
        return (there + back).mean() / 2

    def policy_loss(self, networks: Networks, batch: Batch) -> tuple[Tensor, Metrics]:
        """DDPG+BC on Q(s, a, g) = -d(s after a, g), or AWR with A = d(s, g) - d(s', g)."""
        s, a, g = batch.observations, batch.actions, batch.policy_goals
        policy = networks.policy(s, g)
        if self.extraction == "ddpgbc":
            assert isinstance(policy, Independent)
            with torch.no_grad():
                z, z_goal = networks.value.encode(torch.cat([s, g])).chunk(2)

            def after(fixed: Networks, actions: Tensor) -> Tensor:
                z_next = z + fixed.dynamics(torch.cat([z, actions], dim=-1))
                return -fixed.value.distance(z_next, z_goal)

            def critic(actions: Tensor) -> Tensor:
                return frozen(networks, lambda fixed: after(fixed, actions))

            return ddpgbc_policy_loss(policy, a, critic, self.alpha, batch.noise)
        with torch.no_grad():
            z, z_next, z_goal = networks.value.encode(torch.cat([s, batch.next_observations, g])).chunk(3)
            advantages = networks.value.distance(z, z_goal) - networks.value.distance(z_next, z_goal)
        return awr_policy_loss("policy", policy, a, advantages, self.alpha)

    def noise_size(self, spec: Spec) -> int:
        """How many normal numbers the loss needs for each transition: DDPG+BC with a learned spread draws an action."""
        return spec.action_dim if self.extraction == "ddpgbc" and not self.const_std else 0

    def value(self, networks: Networks, observations: Tensor, goals: Tensor) -> Tensor:
        """-d(s, g), (B,)."""
        distance: Tensor = networks.value(observations, goals)
        return -distance
