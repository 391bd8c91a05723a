"""GCBC: goal-conditioned behavioural cloning (Lynch et al. 2020; Ghosh et al. 2021)."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from saw_edu.agents.design import Design
from saw_edu.agents.objectives import Metrics, policy_metrics
from saw_edu.agents.ranges import check_ranges
from saw_edu.data import Batch, HindsightGoals, Spec
from saw_edu.nn import Inputs, Networks, draw, make_actor


@dataclass(frozen=True)
class GCBC:
    """Imitate the action that was taken on the way to what was later reached."""

    actor_hidden_dims: tuple[int, ...] = (512, 512, 512)  # sizes of the policy's hidden layers
    const_std: bool = True  # standard deviation 1 instead of a learned one
    discount: float = 0.99  # γ of geometric goals, when `goals` asks for them
    encoder: str | None = None  # for images: impala_small, impala_debug, ...
    goals: HindsightGoals = HindsightGoals(value_goals=(0.0, 1.0, 0.0), value_geometric=False)

    target_networks: ClassVar[tuple[str, ...]] = ()
    subgoal_steps: ClassVar[None] = None
    design: ClassVar[Design] = Design(
        value="none",
        objective="log π(a | s, g)",
        generator=False,
        levels=1,
        source="Lynch et al. 2020, Ghosh et al. 2021",
    )

    def __post_init__(self) -> None:
        check_ranges(self)

    def networks(self, spec: Spec, generator: torch.Generator) -> Networks:
        """The policy."""
        inputs = Inputs(spec, self.encoder, generator)
        return Networks({"actor": make_actor(spec, inputs, self.actor_hidden_dims, self.const_std, generator)})

    def loss(self, networks: Networks, target: Networks, batch: Batch) -> tuple[Tensor, Metrics]:
        """-mean log π(a | s, g)."""
        policy = networks.actor(batch.observations, batch.actor_goals)
        log_probs = policy.log_prob(batch.actions)
        loss = -log_probs.mean()
        return loss, {"actor/actor_loss": loss.detach(), **policy_metrics("actor", policy, batch.actions, log_probs)}

    def act(
        self,
        networks: Networks,
        observations: Tensor,
        goals: Tensor,
        temperature: float = 0.0,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """Actions (B, act) in [-1, 1], or (B,) integers."""
        return draw(networks.actor(observations, goals, temperature), temperature, generator)
