"""What `saw-edu data` does: make a data set by its name, write it whole, and say where it comes from."""

from __future__ import annotations

import hashlib
import json
from importlib.metadata import version
from pathlib import Path

from saw_edu import datasets
from saw_edu.data import save_npz
from saw_edu.envs import babyai
from saw_edu.place import write_text
from saw_edu.runs.folder import RunError, RunFailedError, Say
from saw_edu.runs.provenance import origin


def make_data(name: str, episodes: int | None, seed: int, out: Path | None, say: Say) -> Path:
    """Write the data set of that name to `out` (NAME.npz where not given), and its origin to provenance.json beside.

    Raises:
        RunError: an unknown name, or a file that cannot be written; RunFailedError: the demonstrator failed.
    """
    path = (out or Path(f"{name}.npz")).expanduser()
    if path.suffix != ".npz":
        raise RunError(f"data are written as .npz files, got --out {path}: give a name that ends in .npz")
    try:
        if name.startswith(datasets.BABYAI):
            made = babyai.record(name.removeprefix(datasets.BABYAI), episodes or 1000, seed, progress=True)
            made.save(path)
            text, versions = str(made), {"minigrid": version("minigrid"), "numpy": version("numpy")}
        else:
            trajectories = datasets.collect(name, episodes, seed).trajectories
            save_npz(path, trajectories)
            text, versions = str(trajectories), {"numpy": version("numpy")}
        command = f"saw-edu data {name} --seed {seed}" + (f" --episodes {episodes}" if episodes else "")
        _note(path, {"command": command, **origin(), **versions, "content": text})
    except ValueError as error:
        raise RunError(str(error)) from None
    except RuntimeError as error:
        raise RunFailedError(str(error)) from None
    except OSError as error:
        raise RunError(f"{path} cannot be written: {error}") from None
    say(f"{path}: {text}, {path.stat().st_size / 1e6:.2f} MB")
    return path


def _note(path: Path, entry: dict[str, str]) -> None:
    """Add or replace a file's entry in provenance.json beside it."""
    notes = path.with_name("provenance.json")
    try:
        known = json.loads(notes.read_text(encoding="utf-8")) if notes.exists() else {}
    except json.JSONDecodeError as error:
        raise ValueError(f"{notes} is not JSON: move it out of the way ({error})") from None
    entry["sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
    write_text(notes, json.dumps({**known, path.name: entry}, indent=1) + "\n")
