"""The table of agents in the README is the one that the code gives."""

from pathlib import Path

import pytest
import torch
from training_cases import small

from saw_edu.agents import AGENTS
from saw_edu.agents.design import table
from saw_edu.data import Spec

README = Path(__file__).parents[1] / "README.md"
BEGIN = "<!-- agents: made by saw_edu.agents.design.table, tests/test_design.py compares -->\n"
END = "<!-- end of agents -->"


def test_readme_has_the_table_of_agents() -> None:
    shown = README.read_text("utf-8").split(BEGIN)[1].split(END)[0]
    assert shown == table(AGENTS), f"put this into the README:\n{table(AGENTS)}"


@pytest.mark.parametrize("name", AGENTS)
def test_the_table_says_what_the_networks_are(name: str) -> None:
    """A generator is a `subgoal_generator`; the agent has two levels where it decides about the action."""
    agent = small(name)
    networks = agent.networks(Spec(2, 2), torch.Generator().manual_seed(0))
    assert hasattr(networks, "subgoal_generator") == agent.design.generator
    s, g = torch.randn(2, 5, 2, generator=torch.Generator().manual_seed(1))
    before = agent.act(networks, s, g)
    if agent.design.generator:
        with torch.no_grad():
            networks.subgoal_generator.mean.bias.add_(torch.arange(len(networks.subgoal_generator.mean.bias)))
    assert torch.equal(before, agent.act(networks, s, g)) == (agent.design.levels == 1)
