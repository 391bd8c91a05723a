"""The choices that tell the agents apart, and the table of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Protocol


@dataclass(frozen=True)
class Design:
    """Where an agent's policy comes from. A(s, a, g) = V(s', g) - V(s, g) and A(s, w, g) = V(w, g) - V(s, g)."""

    value: str  # what is learned of the future, and how
    objective: str  # what the policies maximise, on average over the data
    generator: bool  # whether a model over (sub)goals is learned
    levels: int  # policies that act at test time, one above the other
    source: str  # where it comes from


class Designed(Protocol):
    """What has a design: every agent's class."""

    design: ClassVar[Design]


def table(agents: Mapping[str, type[Designed]]) -> str:
    """One row an agent, in Markdown."""
    lines = [
        "| agent | value objective | policy extraction: maximise the mean of | generator over goals? | levels at test time | source |",  # noqa: E501
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for name, agent in agents.items():
        design = agent.design
        title = f"[{agent.__name__}](saw_edu/agents/{name}.py)"
        objective = design.objective.replace("|", "\\|")
        generator = "yes" if design.generator else "no"
        lines.append(f"| {title} | {design.value} | {objective} | {generator} | {design.levels} | {design.source} |")
    return "\n".join(lines) + "\n"
