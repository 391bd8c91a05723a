"""A run's folder: what is in it, whose it is, and the errors that runs are reported with."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

from saw_edu.place import did_you_mean
from saw_edu.training import TrainingDivergedError

RUNS = Path("runs")
# what config.json holds
KEYS = {"agent", "options", "training", "seeds", "together", "dataset", "frame_stack", "spec", "made_with", "command"}
FREE_TO_CHANGE = ("checkpoint_every",)  # of the training options: what does not touch the result

GROWS = ("steps", "seeds")

Say = Callable[[str], object]


class RunError(Exception):
    """What was asked for cannot be done; the message says why and what to do. `code`: for the shell."""

    code = 2


class RunFailedError(RunError):
    """The work itself failed."""

    code = 1


class RunInterruptedError(RunError):
    """Stopped with Ctrl-C."""

    code = 130


@contextmanager
def only_writer(folder: Path) -> Iterator[None]:
    """Keep a run's folder for this process. Raises RunError while another one trains there."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("a") as file:
        try:
            if fcntl is not None:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise RunError(
                f"another process is training in {folder}: wait until it is done, or give another folder with --out"
            ) from None
        yield


def check_folder(folder: Path, config: dict[str, Any]) -> tuple[bool, bool]:
    """Whether this very run has begun in the folder, and whether it is now to grow: more steps, or more seeds.

    Raises RunError where something else is in it.
    """
    if not (folder / "config.json").exists():
        others = [folder] if folder.is_file() else folder.glob("*")
        if any(path.suffix != ".partial" and path.name != ".lock" for path in others):
            raise RunError(f"{folder} holds something else, not a run: give another folder with --out")
        return False, False
    old, new = _decisive(read_config(folder)), _decisive(config)
    if not (folder / "networks.pt").exists() and not any(folder.glob("checkpoints/**/*.pt")):
        return False, False  # nothing was trained yet, so nothing is lost
    differences = [
        f"  {key}: {old.get(key, 'not set')} there, {new.get(key, 'not set')} now"
        for key in sorted(old.keys() | new.keys())
        if old.get(key) != new.get(key)
    ]
    decided = [key for key in old.keys() | new.keys() if old.get(key) != new.get(key) and key not in GROWS]
    grows = not decided and all(old[name] <= new[name] for name in GROWS)
    if old["steps"] < new["steps"] and new["final_learning_rate"] is not None:
        grows = False
    if differences and not grows:
        raise RunError(
            f"{folder} holds a run with other options:\n" + "\n".join(differences) + "\n"
            "Give this one another folder with --out FOLDER, or delete that folder.\n"
            "(Only more --seeds, and more --steps at a learning rate that does not decay, go on with a run.)"
        )
    return True, bool(differences)


def changes_since(folder: Path, config: dict[str, Any]) -> list[str]:
    """What is different from when the run was begun, beside its options: a line each."""
    before = read_config(folder)["made_with"]
    return [
        f"note: begun with {name} {before.get(name)}, now {value}: the result may differ from an uninterrupted run's"
        for name, value in config["made_with"].items()
        if before.get(name) != value
    ]


def _decisive(config: dict[str, Any]) -> dict[str, Any]:
    """What decides a run's result, flat: option -> value."""
    training = {name: value for name, value in config["training"].items() if name not in FREE_TO_CHANGE}
    dataset = "{source} ({digest})".format(**config["dataset"])
    run = {name: config[name] for name in ("agent", "seeds", "together", "frame_stack")}
    return {**run, "dataset": dataset, **config["options"], **training}


def read_config(folder: Path) -> dict[str, Any]:
    """A run's config.json. Raises RunError where there is none, or none that can be read."""
    try:
        config: dict[str, Any] = json.loads((folder / "config.json").read_text("utf-8"))
    except FileNotFoundError:
        known = sorted(str(path.parent) for path in RUNS.glob("*/config.json"))
        hint = did_you_mean(str(folder), known)
        raise RunError(f"no run in {folder}{hint} Runs here: {', '.join(known) or 'none yet'}") from None
    except (json.JSONDecodeError, UnicodeDecodeError):
        config = {}
    if not isinstance(config, dict) or not config.keys() >= KEYS:
        raise RunError(f"{folder}/config.json is not one that `saw-edu train` wrote: give another folder")
    return config


def restore(kind: type, values: dict[str, Any]) -> Any:
    """A dataclass from what `dataclasses.asdict` and JSON made of it."""
    fields = {field.name: field.default for field in dataclasses.fields(kind)}
    if unknown := values.keys() - fields.keys():
        raise RunError(f"{kind.__name__} has no {', '.join(sorted(unknown))}: the run is of another version of saw-edu")
    restored = {}
    for name, value in values.items():
        if dataclasses.is_dataclass(fields[name]):
            value = restore(type(fields[name]), value)
        restored[name] = tuple(value) if isinstance(value, list) else value
    return kind(**restored)


def count(seeds: int) -> str:
    """For people."""
    return "one seed" if seeds == 1 else f"{seeds} seeds"


@contextmanager
def reported_failures(knobs: dict[str, Any], interrupted: str) -> Iterator[None]:
    """Turn what can go wrong in the work into messages that say what to do.

    Args:
        knobs: the options that decide how much memory is needed, with their values.
        interrupted: what to say after Ctrl-C.
    """
    try:
        yield
    except KeyboardInterrupt:
        raise RunInterruptedError(interrupted) from None
    except TrainingDivergedError as error:
        raise RunFailedError(str(error)) from None
    except ValueError as error:
        raise RunError(str(error)) from None
    except OSError as error:
        raise RunFailedError(str(error)) from None
    except (MemoryError, RuntimeError) as error:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        if not _is_out_of_memory(error):
            if _is_of_the_compiler(error):
                raise RunFailedError(f"this machine cannot compile the loss: leave out --compile ({reason})") from None
            raise
        lines = "\n".join(f"  --{name.replace('_', '-'):<22} now {_plain(value)}" for name, value in knobs.items())
        advice = "Lower one of these, or choose another device:"
        raise RunFailedError(f"out of memory. {advice}\n{lines}\n({reason})") from None


def _is_out_of_memory(error: Exception) -> bool:
    text = str(error).lower()
    return isinstance(error, (MemoryError, torch.OutOfMemoryError)) or "allocate memory" in text


def _is_of_the_compiler(error: Exception) -> bool:
    """By the names of its classes: importing them takes a second."""
    return any(kind.__module__ == "torch._dynamo.exc" for kind in type(error).__mro__)


def _plain(value: object) -> str:
    return " ".join(map(str, value)) if isinstance(value, (tuple, list)) else str(value)
