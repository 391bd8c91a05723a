"""Offline goal-conditioned agents, one file each."""

from __future__ import annotations

from saw_edu.agents.agent import Agent, Policy
from saw_edu.agents.crl import CRL
from saw_edu.agents.design import Design
from saw_edu.agents.gcbc import GCBC
from saw_edu.agents.gciql import GCIQL
from saw_edu.agents.gcivl import GCIVL
from saw_edu.agents.gcwae import GCWAE
from saw_edu.agents.hiql import HIQL
from saw_edu.agents.qrl import QRL
from saw_edu.agents.ris import RIS
from saw_edu.agents.saw import SAW
from saw_edu.place import did_you_mean

AGENTS: dict[str, type[Agent]] = {
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


def agent_class(name: str) -> type[Agent]:
    """The agent of that name; an unknown name is answered with the nearest known one."""
    if name in AGENTS:
        return AGENTS[name]
    raise ValueError(f"no agent named {name!r}{did_you_mean(name, AGENTS)} Known agents: {', '.join(AGENTS)}")


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
    "Policy",
    "agent_class",
]
