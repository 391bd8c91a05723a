"""The options of `saw-edu train`, made from the dataclasses of the agent and of training."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Generic, TypeVar

import torch
import tyro
from tyro.constructors import PrimitiveConstructorSpec

from saw_edu import datasets
from saw_edu.agents import AGENTS, agent_class
from saw_edu.runs.folder import RunError
from saw_edu.training import TrainingConfig

AgentT = TypeVar("AgentT")
_SWITCH = PrimitiveConstructorSpec[bool | None](  # the option alone means True
    nargs="*",
    metavar="[{True,False,None}]",
    instance_from_str=lambda words: {"True": True, "False": False, "None": None}[words[-1] if words else "True"],
    is_instance=lambda value: value is None or isinstance(value, bool),
    str_from_instance=lambda value: [str(value)],
    choices=("True", "False", "None"),
)


@dataclass(frozen=True, kw_only=True)
class TrainOptions(Generic[AgentT]):
    """All that `saw-edu train` can be told."""

    # an .npz file in OGBench's layout, or a name (`saw-edu train --help` lists them)
    dataset: Annotated[str, tyro.conf.arg(metavar="FILE|NAME")]
    frame_stack: Annotated[int, tyro.conf.arg(metavar="COUNT")] = 1  # pictures that the agent sees at once (images)
    seeds: Annotated[int, tyro.conf.arg(metavar="COUNT")] = 1  # how many: 0, 1, ...; one set of networks each
    together: Annotated[bool | None, _SWITCH] = None  # train all seeds side by side; None: on a GPU only
    out: Annotated[Path | None, tyro.conf.arg(metavar="FOLDER")] = None  # the run's folder; None: runs/AGENT-DATASET
    device: str = "cpu"  # where to train: cpu, cuda, cuda:1, ...
    threads: Annotated[int | None, tyro.conf.arg(metavar="COUNT")] = None  # of torch; None: by nets and load
    agent: tyro.conf.OmitArgPrefixes[AgentT]
    training: tyro.conf.OmitArgPrefixes[TrainingConfig]


def train_overview() -> str:
    """What `saw-edu train --help` shows, for people who have not chosen an agent yet."""
    agents = "\n".join(f"  {name:<7} {_first_line(AGENTS[name])}" for name in AGENTS)
    return f"""\
usage: saw-edu train --agent NAME --dataset FILE|NAME [OPTIONS]

Train an agent on a data set, with several seeds, into a folder. Interrupted or killed, the same command continues
where it stopped and ends with the same networks, to the last bit, as if it had never stopped (on the CPU).

Agents; `saw-edu train --agent NAME --help` shows an agent's options and those of training:
{agents}

Data sets: an .npz file in OGBench's layout, or the name of one that is made on the spot:
{datasets.explain_datasets()}

An example, a minute on a laptop:
  saw-edu train --agent saw --dataset gridmaze-four-rooms-navigate --seeds 2 --steps 1000 --learning-rate 1e-3 \\
      --value-hidden-dims 128 128 --policy-hidden-dims 128 128 --subgoal-policy-hidden-dims 128 128 --subgoal-steps 8
  saw-edu evaluate runs/saw-gridmaze-four-rooms-navigate"""


def _first_line(agent: type) -> str:
    text = (sys.modules[agent.__module__].__doc__ or "").splitlines()[0]
    return text.split(": ", 1)[-1]


RENAMED = {
    "--actor-hidden-dims": "--policy-hidden-dims",
    "--low-actor-hidden-dims": "--subgoal-policy-hidden-dims",
    "--actor-loss": "--extraction",
}
"""Options that once had another name, which still works."""


def parse(agent: str, arguments: Sequence[str]) -> TrainOptions[Any]:
    """The options of one agent, from the command line. Shows help or an error and exits, where asked or needed.

    Raises:
        RunError: an unknown agent.
    """
    try:
        kind = agent_class(agent)
    except ValueError as error:
        raise RunError(str(error)) from None
    options: TrainOptions[Any] = tyro.cli(
        TrainOptions[kind],  # type: ignore[valid-type]
        args=[RENAMED.get(word, word) for word in arguments],
        prog=f"saw-edu train --agent {agent}",
        description=f"Train {kind.__name__}. `saw-edu train --help` lists the agents and data sets.",
    )
    if options.seeds < 1:
        raise RunError(f"--seeds must be at least 1, got {options.seeds}")
    if options.threads is not None and options.threads < 1:
        raise RunError(f"--threads must be at least 1, got {options.threads}")
    _check_device(options.device)
    return options


def _check_device(device: str) -> None:
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError):  # a torch without CUDA asserts
        raise RunError(f"--device {device} cannot be used with this torch on this machine: give --device cpu") from None
