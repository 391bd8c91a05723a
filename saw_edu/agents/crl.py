"""CRL: contrastive RL (Eysenbach et al., NeurIPS 2022), offline as in OGBench (Park et al. 2025)."""

from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from saw_edu.agents.agent import Agent, Metrics
from saw_edu.agents.design import Design
from saw_edu.agents.objectives import check_policy_extraction, critic_policy_loss
from saw_edu.data import Batch, HindsightGoals, Spec
from saw_edu.nn import BilinearValue, Inputs, Networks, make_policy


@dataclass(frozen=True)
class CRL(Agent):
    """Tell the goal that was reached after (s, a) from other states' goals: the logit is a log Q, by Monte Carlo.

    No rewards and no bootstrapping: what is learned is the discounted future of the behaviour policy.
    """

    value_hidden_dims: tuple[int, ...] = (512, 512, 512)  # sizes of the representations' hidden layers
    policy_hidden_dims: tuple[int, ...] = (512, 512, 512)  # sizes of the policy's hidden layers
    latent_dim: int = 512  # numbers in φ(s, a) and ψ(g)
    layer_norm: bool = True  # LayerNorm in the representations
    discount: float = 0.99  # γ of the geometric goals; it enters nowhere else
    extraction: Literal["ddpgbc", "awr"] = "ddpgbc"  # climb Q near the data, or imitate by advantage (discrete: awr)
    alpha: float = 0.1  # ddpgbc: weight of cloning; awr: inverse temperature (3 in OGBench)
    const_std: bool = True  # standard deviation 1 instead of a learned one
    encoder: str | None = None  # for images: impala_small, impala_debug, ...
    goals: HindsightGoals = HindsightGoals(value_goals=(0.0, 1.0, 0.0))

    value_networks: ClassVar[tuple[str, ...]] = ("critic", "value")
    design: ClassVar[Design] = Design(
        value="contrastive: log Q tells what was reached from what was not",
        objective="log Q(s, π, g) + α log π(a | s, g) (DDPG+BC), or exp(α (log Q - log V)) log π(a | s, g) (AWR)",
        generator=False,
        levels=1,
        source="Eysenbach et al. 2022, OGBench",
    )

    def networks(self, spec: Spec, generator: torch.Generator) -> Networks:
        """The critics, the policy and, for AWR, a V without actions."""
        check_policy_extraction(self.extraction, spec)
        sizes = (spec, self.encoder, self.value_hidden_dims, self.latent_dim, self.layer_norm, generator)
        actor = Inputs(spec, self.encoder, generator)
        modules: dict[str, torch.nn.Module] = {
            "critic": BilinearValue(*sizes, action=spec),
            "policy": make_policy(spec, actor, self.policy_hidden_dims, self.const_std, generator),
        }
        if self.extraction == "awr":
            modules["value"] = BilinearValue(*sizes, ensemble=None)
        return Networks(modules)

    def value_loss(self, networks: Networks, target: Networks, batch: Batch) -> tuple[Tensor, Metrics]:
        """The critics' contrastive loss and, for AWR, that of V."""
        s, a, g = batch.observations, batch.actions, batch.value_goals
        loss, metrics = contrastive_loss("critic", *networks.critic.representations(s, g, a))
        if self.extraction == "awr":
            phi, psi = networks.value.representations(s, g)
            v_loss, v_metrics = contrastive_loss("value", phi[None], psi[None])
            loss, metrics = loss + v_loss, metrics | v_metrics
        return loss, metrics

    def policy_loss(self, networks: Networks, batch: Batch) -> tuple[Tensor, Metrics]:
        """DDPG+BC on min(log Q1, log Q2), or AWR with A = min(log Q1, log Q2)(s, a, g) - log V(s, g)."""
        return critic_policy_loss(networks, batch, self.extraction, self.alpha)

    def noise_size(self, spec: Spec) -> int:
        """How many normal numbers the loss needs for each transition: DDPG+BC with a learned spread draws an action."""
        return spec.action_dim if self.extraction == "ddpgbc" and not self.const_std else 0

    def value(self, networks: Networks, observations: Tensor, goals: Tensor) -> Tensor:
        """log V(s, g), (B,); without a V, log Q at the policy's most likely action."""
        if self.extraction == "awr":
            v: Tensor = networks.value(observations, goals)
        else:
            v = networks.critic(observations, goals, self.act(networks, observations, goals)).amin(dim=0)
        return v


def contrastive_loss(prefix: str, phi: Tensor, psi: Tensor) -> tuple[Tensor, Metrics]:
    """Which goal belongs to which state: binary cross-entropy over all pairs of the batch. Both (E, B, d).

    Row i, column j of the logits asks whether goal j was reached from state i; only i = j was.
    """
    logits = phi @ psi.transpose(-1, -2) / phi.shape[-1] ** 0.5  # (E, B, B)
    same = torch.eye(phi.shape[1], dtype=phi.dtype, device=phi.device)
    loss = F.binary_cross_entropy_with_logits(logits, same.expand_as(logits))
    logits = logits.detach()
    values = logits.diagonal(dim1=-2, dim2=-1).exp()  # (E, B)
    mean = logits.mean(dim=0)  # (B, B)
    places = torch.arange(len(mean), device=mean.device)
    return loss, {
        f"{prefix}/contrastive_loss": loss.detach(),
        f"{prefix}/v_mean": values.mean(),
        f"{prefix}/v_max": values.max(),
        f"{prefix}/v_min": values.min(),
        f"{prefix}/binary_accuracy": ((mean > 0) == same.bool()).to(mean.dtype).mean(),
        f"{prefix}/categorical_accuracy": (mean.argmax(dim=1) == places).to(mean.dtype).mean(),
        f"{prefix}/logits_pos": (mean * same).sum() / same.sum(),
        f"{prefix}/logits_neg": (mean * (1 - same)).sum() / (1 - same).sum(),
        f"{prefix}/logits": mean.mean(),
    }
