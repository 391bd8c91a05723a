"""The library's own functions, some of which would solve an exercise."""

import ast
import functools
import json
from pathlib import Path

WHOLE = "the answer"
"""What something of the library gives that solves an exercise, and not a part of it."""
ROOT = Path(__file__).parents[2]  # the library


def is_library(module: str) -> bool:
    """Whether a module is one that an exercise could take its answer from."""
    return (
        module.startswith("saw_edu.")
        and not module.startswith(("saw_edu.checks", "saw_edu.classroom"))
        and module not in answer_modules()
    )


@functools.cache
def answer_modules() -> dict[str, Path]:
    """The course's modules that hold expected answers, which are those that are made of checks: name → file."""
    found = {}
    for path in sorted((ROOT / "course").rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        imported = [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
        if any(f"{name}.".startswith("saw_edu.checks.") for name in imported):
            found[".".join(["saw_edu", *path.relative_to(ROOT).with_suffix("").parts])] = path
    return found


@functools.cache
def all_functions() -> tuple[str, ...]:
    """All functions and methods of the library, as `package.module:Class.method`."""
    found = []
    for path in sorted(ROOT.rglob("*.py")):
        module = ".".join(["saw_edu", *path.relative_to(ROOT).with_suffix("").parts]).removesuffix(".__init__")
        if not is_library(module):
            continue
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef):
                found.append(f"{module}:{node.name}")
            if isinstance(node, ast.ClassDef):
                inner = [item for item in node.body if isinstance(item, ast.FunctionDef)]
                found += [f"{module}:{node.name}.{item.name}" for item in inner]
    return tuple(found)


def recorded_path(course: Path) -> Path:
    """Where `saw-edu library` notes what of the library solves an exercise."""
    return course / "solutions" / "library.json"


def recorded(course: Path) -> dict[str, dict[str, dict[str, str]]]:
    """What of the library was found to solve exercises: chapter → exercise → function → how; empty where none was."""
    path = recorded_path(course)
    return dict(json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else {}
