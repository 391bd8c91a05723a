"""Checks: what an exercise's test cell calls, such as `checks.ch02.expectile_loss(expectile_loss)`.

A `Check` has two halves. `probe` calls the student's function and keeps plain data; `judge` compares that data with
what is expected and words the message. In a notebook both run in one call; grading runs them in two processes, with
`encode` and `decode` between them.

This is the framework only; `checks.ch02` is the module `saw_edu.course.ch02.checks`.
"""

import importlib
import sys
from pathlib import Path
from types import ModuleType

from saw_edu.checks.check import Case, Check, CheckFailed, Mistake, NotStarted, Verdict
from saw_edu.checks.expect import Satisfies, within
from saw_edu.checks.values import EncodingError, decode, encode, plain

__all__ = [
    "Case",
    "Check",
    "CheckFailed",
    "EncodingError",
    "Mistake",
    "NotStarted",
    "Satisfies",
    "Verdict",
    "decode",
    "encode",
    "plain",
    "within",
]

_COURSE = Path(__file__).parent.parent / "course"


def chapters() -> list[str]:
    """Names of the chapters that have checks, such as `ch02`."""
    return sorted(path.parent.name for path in _COURSE.glob("ch[0-9][0-9]/checks.py"))


def __getattr__(name: str) -> ModuleType:
    """Import a chapter's checks when they are first used."""
    if name.startswith("ch") and name[2:].isdigit():
        module = f"saw_edu.course.{name}.checks"
        if module not in sys.modules and name not in chapters():  # in grading's sandbox they are loaded, without a file
            raise AttributeError(f"there are no checks for {name}; there are: {', '.join(chapters()) or 'none yet'}")
        return importlib.import_module(module)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
