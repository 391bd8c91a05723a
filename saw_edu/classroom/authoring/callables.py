"""All that can be called in the library, public or private, so that it can be tried as an answer."""

import contextlib
import importlib
import pkgutil
import re
import types
from dataclasses import dataclass
from typing import Any

import saw_edu
from saw_edu.classroom.grading.library import is_library

_LEFT_OUT = ("saw_edu.cli", "saw_edu.lab", "saw_edu.bench.", "saw_edu.runs")
_SHOWS = re.compile(r"\b(Figure|Axes|Widget|HTML|NoReturn|Animation)\b|^None$|^NoneType$")
"""What a function returns that is no answer to anything."""


@dataclass(frozen=True)
class Candidate:
    """Something of the library that can be called. name: `package.module:Class.method`. owner: a method's class."""

    name: str
    function: Any
    owner: type | None = None


def candidates(stripped: dict[str, str] | None = None) -> list[Candidate]:
    """All functions, methods and classes of the library, but for what has no place in a student's process.

    stripped: modules of checks as the sandbox has them, without expected answers: name → source.
    """
    found: dict[str, Candidate] = {}
    names = [module.name for module in pkgutil.walk_packages(saw_edu.__path__, "saw_edu.", onerror=lambda name: None)]
    for name in names:
        if is_library(name) and not f"{name}.".startswith(_LEFT_OUT):
            with contextlib.suppress(Exception):  # an optional part that is not installed here
                found |= _of_module(name, vars(importlib.import_module(name)))
    for name, source in (stripped or {}).items():
        space: dict[str, Any] = {"__name__": name}
        exec(compile(source, f"<{name}>", "exec"), space)
        found |= _of_module(name, space)
    return [candidate for candidate in found.values() if not _SHOWS.search(_returns(candidate.function))]


def _of_module(name: str, space: dict[str, Any]) -> dict[str, Candidate]:
    found = {}
    for key, value in space.items():
        if isinstance(value, type) and value.__module__ == name:
            found[f"{name}:{key}"] = Candidate(f"{name}:{key}", value)
            for inner, member in vars(value).items():
                function = getattr(member, "__func__", getattr(member, "fget", member))
                if isinstance(function, types.FunctionType):
                    owner = None if isinstance(member, staticmethod) else value
                    found[f"{name}:{key}.{inner}"] = Candidate(f"{name}:{key}.{inner}", function, owner)
        elif callable(value) and not isinstance(value, type) and getattr(value, "__module__", None) == name:
            found[f"{name}:{key}"] = Candidate(f"{name}:{key}", value)
    return found


def _returns(function: Any) -> str:
    wanted = getattr(function, "__annotations__", {}).get("return", "")
    return str(getattr(wanted, "__name__", wanted))


__all__ = ["Candidate", "candidates"]
