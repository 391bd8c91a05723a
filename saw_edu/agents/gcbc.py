"""GCBC: goal-conditioned behavioural cloning (Lynch et al. 2020; Ghosh et al. 2021)."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from saw_edu.agents.agent import Agent, Metrics
from saw_edu.agents.design import Design
from saw_edu.agents.objectives import policy_metrics
from saw_edu.data import Batch, HindsightGoals, Spec
from saw_edu.nn import Inputs, Networks, make_policy


@dataclass(frozen=True)
class GCBC(Agent):
    """Imitate the action that was taken on the way to what was later reached."""

    policy_hidden_dims: tuple[int, ...] = (512, 512, 512)  # sizes of the policy's hidden layers
    const_std: bool = True  # standard deviation 1 instead of a learned one
    discount: float = 0.99  # γ of geometric goals, when `goals` asks for them
    encoder: str | None = None  # for images: impala_small, impala_debug, ...
    goals: HindsightGoals = HindsightGoals(value_goals=(0.0, 1.0, 0.0), value_geometric=False)

    design: ClassVar[Design] = Design(
        value="none",
        objective="log π(a | s, g)",
        generator=False,
        levels=1,
        source="Lynch et al. 2020, Ghosh et al. 2021",
    )

    def networks(self, spec: Spec, generator: torch.Generator) -> Networks:
        """The policy."""
        inputs = Inputs(spec, self.encoder, generator)
        return Networks({"policy": make_policy(spec, inputs, self.policy_hidden_dims, self.const_std, generator)})

    def policy_loss(self, networks: Networks, batch: Batch) -> tuple[Tensor, Metrics]:
        """-mean log π(a | s, g)."""
        policy = networks.policy(batch.observations, batch.policy_goals)
        log_probs = policy.log_prob(batch.actions)
        loss = -log_probs.mean()
        return loss, {"policy/policy_loss": loss.detach(), **policy_metrics("policy", policy, batch.actions, log_probs)}
