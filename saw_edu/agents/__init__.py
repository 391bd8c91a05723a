"""Offline goal-conditioned agents, one file each."""

from __future__ import annotations

import difflib
from typing import Protocol

import torch
from torch import Tensor

from saw_edu.agents.crl import CRL
from saw_edu.agents.design import Design
from saw_edu.agents.gcbc import GCBC
from saw_edu.agents.gciql import GCIQL
from saw_edu.agents.gcivl import GCIVL
from saw_edu.agents.gcwae import GCWAE
from saw_edu.agents.hiql import HIQL
from saw_edu.agents.objectives import Metrics
from saw_edu.agents.qrl import QRL
from saw_edu.agents.ris import RIS
from saw_edu.agents.saw import SAW
from saw_edu.data import Batch, HindsightGoals, Spec
from saw_edu.nn import Networks


class Agent(Protocol):
    """What training and evaluation ask of an agent: a frozen dataclass of hyperparameters with these methods."""

    @property
    def discount(self) -> float:
        """γ, also of geometric goals."""

    @property
    def design(self) -> Design:
        """Where the policy comes from, for the table of agents."""

    @property
    def goals(self) -> HindsightGoals:
        """How training goals are drawn."""

    @property
    def subgoal_steps(self) -> int | None:
        """k, or None for agents without subgoals."""

    @property
    def target_networks(self) -> tuple[str, ...]:
        """Names of the networks that have a slowly following copy."""

    def networks(self, spec: Spec, generator: torch.Generator) -> Networks:
        """New networks, initialised from the generator."""

    def loss(self, networks: Networks, target: Networks, batch: Batch) -> tuple[Tensor, Metrics]:
        """A scalar to minimise, and named numbers to watch."""

    def act(
        self,
        networks: Networks,
        observations: Tensor,
        goals: Tensor,
        temperature: float = 0.0,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """Actions for a batch of observations and goals."""


AgentClass = (
    type[GCBC] | type[GCIVL] | type[GCIQL] | type[CRL] | type[QRL] | type[HIQL] | type[RIS] | type[GCWAE] | type[SAW]
)

AGENTS: dict[str, AgentClass] = {
    "gcbc": GCBC,
    "gcivl": GCIVL,
    "gciql": GCIQL,
    "crl": CRL,
    "qrl": QRL,
    "hiql": HIQL,
    "ris": RIS,
    "gcwae": GCWAE,
    "saw": SAW,
}


def agent_class(name: str) -> AgentClass:
    """The agent of that name; an unknown name is answered with the nearest known one."""
    if name in AGENTS:
        return AGENTS[name]
    near = difflib.get_close_matches(name.lower(), AGENTS, n=1)
    hint = f", did you mean {near[0]!r}?" if near else ""
    raise ValueError(f"no agent named {name!r}{hint} Known agents: {', '.join(AGENTS)}")


__all__ = [
    "AGENTS",
    "CRL",
    "GCBC",
    "GCIQL",
    "GCIVL",
    "GCWAE",
    "HIQL",
    "QRL",
    "RIS",
    "SAW",
    "Agent",
    "Design",
    "agent_class",
]
