"""Train into a folder, or go on there."""

from __future__ import annotations

import dataclasses
import json
import platform
import shlex
import sys
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

import torch

from saw_edu import datasets, threads
from saw_edu.datasets import Dataset
from saw_edu.place import write_text
from saw_edu.runs.folder import RUNS, RunError, Say, changes_since, check_folder, count, only_writer, reported_failures
from saw_edu.runs.options import TrainOptions, parse
from saw_edu.runs.provenance import commit
from saw_edu.training import train


def train_run(agent: str, arguments: Sequence[str], say: Say = print) -> Path:
    """Train into a folder, or continue there. Returns the folder.

    Args:
        agent: a name from `AGENTS`.
        arguments: the command line's other arguments.
        say: what to do with a line for the person who waits.

    Raises:
        RunError: bad input, told before any work.
        RunFailedError: out of memory, or a loss became NaN.
        RunInterruptedError: Ctrl-C; a checkpoint is saved.
    """
    options = parse(agent, arguments)
    try:
        dataset = datasets.load(options.dataset, options.frame_stack)
    except (ValueError, OSError) as error:
        raise RunError(str(error)) from None
    _check_fit(options, dataset)
    folder = (options.out or RUNS / f"{agent}-{dataset.label}").expanduser()
    command = shlex.join(["saw-edu", "train", "--agent", agent, *arguments])
    config = _describe(agent, options, dataset, command)
    begun, grows = check_folder(folder, config)
    if (folder / "networks.pt").exists() and not grows:
        say(f"{folder} is finished already. Evaluate it with: saw-edu evaluate {folder}{_world_option(dataset)}")
        return folder
    say(f"{type(options.agent).__name__} on {dataset.label}, {count(options.seeds)}, into {folder}")
    say(_use_threads(options))
    say(f"{dataset.trajectories}")
    for line in ["Continuing from the checkpoints there.", *changes_since(folder, config)] if begun else []:
        say(line)
    with reported_failures(_knobs(options), f"interrupted. To go on:\n  {command}"), only_writer(folder):
        if not begun or grows:
            write_text(folder / "config.json", json.dumps(config, indent=1) + "\n")
        result = train(
            options.agent,
            dataset.trajectories,
            options.training,
            options.seeds,
            spec=dataset.spec,
            checkpoints=folder / "checkpoints",
            device=options.device,
            together=_together(options),
            metrics=folder / "metrics.csv",
            say=None if sys.stderr.isatty() else say,
            progress=sys.stderr.isatty(),
        )
        if result.interrupted:
            raise KeyboardInterrupt
        result.save(folder / "networks.pt")
    say(f"Done. Evaluate it with: saw-edu evaluate {folder}{_world_option(dataset)}")
    return folder


def _world_option(dataset: Dataset) -> str:
    """What `saw-edu evaluate` must be told beside the folder: data of a file do not say where they were collected."""
    return "" if dataset.world else " --world NAME (a maze with observations of this size)"


def _use_threads(options: TrainOptions[Any]) -> str:
    """Set torch's threads for this process, and say how many and why."""
    sizes = dataclasses.asdict(options.agent)
    widths = [width for name, dims in sizes.items() if name.endswith("hidden_dims") for width in dims]
    number, why = threads.choose(widths, options.threads)
    torch.set_num_threads(number)
    return f"{number} torch thread{'s' if number > 1 else ''}: {why}"


def _check_fit(options: TrainOptions[Any], dataset: Dataset) -> None:
    """Raises RunError where the agent or the training cannot work with this data."""
    augmentation = options.training.augmentation
    if augmentation > 0 and dataset.spec.image is None:
        raise RunError(
            f"--augmentation {augmentation} crops pictures, the observations of {dataset.label} are vectors: "
            "leave it at 0"
        )
    with reported_failures(_knobs(options), "interrupted; nothing was written"):
        options.agent.networks(dataset.spec, torch.Generator())


def _together(options: TrainOptions[Any]) -> bool:
    """Whether several seeds are trained side by side."""
    asked = options.together
    return options.seeds > 1 and (torch.device(options.device).type == "cuda" if asked is None else asked)


def _knobs(options: TrainOptions[Any]) -> dict[str, Any]:
    """What decides how much memory is needed, with the present values."""
    sizes = {name: value for name, value in dataclasses.asdict(options.agent).items() if name.endswith("_dims")}
    knobs = {"batch_size": options.training.batch_size, **sizes, "device": options.device}
    if options.frame_stack > 1:
        knobs["frame_stack"] = options.frame_stack
    if _together(options):
        knobs["seeds"] = options.seeds
    return knobs


def _describe(agent: str, options: TrainOptions[Any], dataset: Dataset, command: str) -> dict[str, Any]:
    """What config.json holds."""
    content = {
        "agent": agent,
        "options": dataclasses.asdict(options.agent),
        "training": dataclasses.asdict(options.training),
        "seeds": options.seeds,
        "together": _together(options),
        "dataset": {"source": options.dataset, "digest": dataset.digest, "world": dataset.world},
        "frame_stack": options.frame_stack,
        "spec": dataclasses.asdict(dataset.spec),
        "made_with": {
            "saw-edu": metadata.version("saw-edu"),
            "commit": commit(),
            "torch": torch.__version__,
            "torch threads": torch.get_num_threads(),
            "device": options.device,
            "python": platform.python_version(),
        },
        "command": command,
    }
    return json.loads(json.dumps(content))  # tuples become lists, as in the file
