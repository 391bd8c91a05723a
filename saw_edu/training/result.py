"""What training gives, and its file."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pandas as pd
import torch

from saw_edu.agents.agent import Agent, Policy
from saw_edu.data import Spec
from saw_edu.nn import Networks
from saw_edu.training.run import write


@dataclass
class TrainingResult:
    """What training gives: one entry a seed, even when it was interrupted."""

    agent: Agent
    spec: Spec
    seeds: list[int] = field(default_factory=list)
    networks: list[Networks] = field(default_factory=list)
    metrics: pd.DataFrame = field(default_factory=pd.DataFrame)  # columns seed, step, seconds, updates_per_s, loss, ...
    interrupted: bool = False
    untrained: tuple[str, ...] = ()  # networks that a file did not hold

    @property
    def policies(self) -> list[Policy]:
        """One policy a seed."""
        return [Policy(self.agent, networks, untrained=self.untrained) for networks in self.networks]

    def only(self, seeds: Iterable[int]) -> TrainingResult:
        """Some of the seeds, in this order.

        Raises:
            ValueError: a seed that is not there.
        """
        seeds = list(seeds)
        if lacking := sorted(set(seeds) - set(self.seeds)):
            raise ValueError(f"there is no seed {lacking[0]} here, only {self.seeds}")
        rows = self.metrics
        if len(rows):
            rows = pd.concat([rows[rows["seed"] == seed] for seed in seeds], ignore_index=True)
        networks = [self.networks[self.seeds.index(seed)] for seed in seeds]
        return replace(self, seeds=seeds, networks=networks, metrics=rows)

    def save(self, path: str | Path, keep: Sequence[str] | None = None) -> Path:
        """Write the networks (all, or only those named in `keep`) of all seeds to one file, for any device."""
        states = [
            {name: p.cpu() for name, p in networks.state_dict().items() if keep is None or name.split(".")[0] in keep}
            for networks in self.networks
        ]
        content = {"agent": type(self.agent).__name__, "seeds": self.seeds, "networks": states}
        write(path, content)
        return Path(path)

    @classmethod
    def load(cls, path: str | Path, agent: Agent, spec: Spec) -> TrainingResult:
        """Read what `save` wrote, for the same agent, on the CPU. Networks that were not kept stay untrained.

        Raises:
            ValueError: the file is of another agent, or of networks with other sizes.
        """
        content = torch.load(path, map_location="cpu", weights_only=True)
        if content["agent"] != type(agent).__name__:
            raise ValueError(f"{path} holds {content['agent']} networks, not {type(agent).__name__}: give that agent")
        result = cls(agent, spec, list(content["seeds"]))
        for state in content["networks"]:
            networks = agent.networks(spec, torch.Generator().manual_seed(0))
            known = networks.state_dict()
            wrong = [k for k, v in state.items() if k not in known or known[k].shape != v.shape]
            if wrong:
                raise ValueError(f"{path} does not fit this agent's networks, first at {wrong[0]}: check its sizes")
            networks.load_state_dict(state, strict=False)
            result.networks.append(networks.requires_grad_(False))
            result.untrained = tuple(sorted({key.split(".")[0] for key in known.keys() - state.keys()}))
        return result
