"""Results that chapters show but no reader waits for: `saw-edu record NAME` makes them again.

Each experiment's module has a `RECORDER`. A part that is done lies in its folder under `runs/NAME/`; a recording that
was stopped goes on from there, and several may run side by side on different parts.
"""

from __future__ import annotations

import importlib
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from saw_edu.place import course_root, did_you_mean, write_text
from saw_edu.runs import RunError
from saw_edu.runs.provenance import commit, write_provenance

MODULES = {
    "giant": "saw_edu.course.giant",
    "nine": "saw_edu.course.nine",
    "ch02": "saw_edu.course.ch02.record",
    "ch04": "saw_edu.course.ch04.record",
    "ch06": "saw_edu.course.ch06.record",
    "ch08": "saw_edu.course.ch08.record",
    "ch07": "saw_edu.course.ch07.record",
    "ch09": "saw_edu.course.ch09.record",
    "ch10": "saw_edu.course.ch10.record",
    "babyai": "saw_edu.course.ch02.babyai",
    "ch05": "saw_edu.course.ch05.record",
    "ch11": "saw_edu.course.ch11.record",
    "ch12": "saw_edu.course.ch12.record",
    "ch13": "saw_edu.course.ch13.record",
    "ch14": "saw_edu.course.ch14.record",
    "ch19": "saw_edu.course.ch19.record",
    "nuisance": "saw_edu.course.ch15.nuisance",
    "ablations": "saw_edu.course.ch17.ablations",
    "reweighed": "saw_edu.course.ch17.reweighed",
}


class RecordingError(RunError):
    """What was asked for cannot be recorded; the message says why and what to do."""


@dataclass(frozen=True)
class Recorder:
    """How one experiment is recorded.

    Attributes:
        about: a line for people.
        folder: where the results go, under `assets/`.
        parts: what can be made by itself, the most important first.
        make: `make(part, work)` leaves what it makes of a part in `work / part`, and goes on where it was stopped.
        gather: `gather(work, folder)` writes the results once all parts are there, and returns what their provenance
            should tell.
    """

    about: str
    folder: str
    parts: tuple[str, ...]
    make: Callable[[str, Path], None]
    gather: Callable[[Path, Path], dict[str, Any]]


def recorder(name: str) -> Recorder:
    """The recorder of that name.

    Raises:
        RecordingError: an unknown name, answered with the nearest known one.
    """
    if name not in MODULES:
        raise RecordingError(f"nothing to record is called {name!r}{did_you_mean(name, MODULES)}\n{overview()}")
    found: Recorder = importlib.import_module(MODULES[name]).RECORDER
    return found


def overview() -> str:
    """Everything that can be recorded, for people."""
    lines = []
    for name in MODULES:
        found = recorder(name)
        quoted = [f'"{part}"' if " " in part else part for part in found.parts]
        lines.append(f"  {name:<10} {found.about}\n             parts: {', '.join(quoted)}")
    return "\n".join(lines)


def record(
    name: str,
    parts: Sequence[str] = (),
    root: Path | None = None,
    say: Callable[[str], object] = print,
    found: Recorder | None = None,
) -> list[str]:
    """Make a recorded result again, or some parts of it: the results are written when all parts are there.

    Nets of this size learn fastest on one thread, so one is used. `provenance.json` tells the command, commit, machine
    and settings, and of each part its commit and seconds.

    Args:
        name: one of `MODULES`.
        parts: all where none is given.
        root: the course's folder.
        say: what to do with a line for the person who waits.
        found: a recorder to use in place of that name's.

    Returns:
        The parts that are still missing; none where the results were written.

    Raises:
        RecordingError: an unknown name or part, told before any work.
    """
    found = found or recorder(name)
    if unknown := [part for part in parts if part not in found.parts]:
        hint = did_you_mean(unknown[0], found.parts)
        raise RecordingError(f"{name} has no part {unknown[0]!r}{hint} Its parts: {', '.join(found.parts)}")
    torch.set_num_threads(1)
    root = root or course_root()
    folder, work = root / "assets" / found.folder, root / "runs" / name
    for part in parts or found.parts:
        done = work / part / "done.json"
        if not done.exists():
            start, resumed = time.perf_counter(), done.parent.exists()
            found.make(part, work)
            about = {"seconds": round(time.perf_counter() - start), "commit": commit()}
            # after a stop, the seconds are those of the last call only
            write_text(done, json.dumps(about | ({"resumed": True} if resumed else {})))
        say(f"{part}: done")
    missing = [part for part in found.parts if not (work / part / "done.json").exists()]
    if missing:
        say(f"{folder} is written when these are done as well: {', '.join(missing)}")
        return missing
    details = found.gather(work, folder)
    made = {part: json.loads((work / part / "done.json").read_text("utf-8")) for part in found.parts}
    write_provenance(folder, f"saw-edu record {name}", **details, parts=made)
    say(f"written: {folder}")
    return []
