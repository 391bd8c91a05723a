"""Hidden tests: the instructor's checks, in `NN_name_hidden.py` beside a source, found wherever a notebook runs."""

import dataclasses
import importlib.util
import os
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from saw_edu.checks.check import Check

COURSE_VARIABLE = "SAW_EDU_COURSE"
HIDDEN = "_hidden"  # the end of their files' names


class HiddenTestsError(RuntimeError):
    """Hidden tests cannot be found or loaded; shown without a traceback, which could show their source."""

    def _render_traceback_(self) -> list[str]:
        return [f"{type(self).__name__}: {self}"]


class HiddenChecks:
    """The checks of one hidden module, as attributes, each worded without its expected values."""

    def __init__(self, module: ModuleType, chapter: str):
        self._module, self._chapter = module, chapter

    def __getattr__(self, name: str) -> Check:
        check = getattr(self._module, name, None)
        if not isinstance(check, Check):
            names = sorted(key for key, value in vars(self._module).items() if isinstance(value, Check))
            raise HiddenTestsError(f"hidden tests of {self._chapter} have no check {name!r}; they have {names}")
        return dataclasses.replace(check, hidden=True)


def hidden_path(chapter: str, start: Path | None = None) -> Path:
    """Find `solutions/<unit>/NN_name_hidden.py` of a chapter, such as ch02.

    Looked for under SAW_EDU_COURSE, else in the course above `start` (the working directory).
    Raises HiddenTestsError when there is none: on a student's machine there should be none.
    """
    course = os.environ.get(COURSE_VARIABLE)
    here = (start or Path.cwd()).resolve()
    for root in [Path(course)] if course else [here, *here.parents]:
        if (root / "solutions").is_dir():
            name = f"{chapter.removeprefix('ch')}_*{HIDDEN}.py"
            found = sorted((root / "solutions").glob(f"*/{name}"))
            if len(found) != 1:
                raise HiddenTestsError(f"no hidden tests for {chapter}: {len(found)} files solutions/*/{name}, not one")
            return found[0]
    place = f"under {COURSE_VARIABLE}={course}" if course else "in the working directory or above it"
    raise HiddenTestsError(
        f"no solutions {place}. Hidden tests are the instructor's; to grade from elsewhere, set "
        f"{COURSE_VARIABLE} to the course's folder."
    )


def load_hidden(chapter: str, start: Path | None = None) -> ModuleType:
    """Load a chapter's hidden tests as a module, without putting it on the import path.

    Raises HiddenTestsError when it is missing or does not load.
    """
    path = hidden_path(chapter, start)
    name = f"saw_edu_hidden_{chapter}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise HiddenTestsError(f"hidden tests of {chapter} cannot be loaded")
    module = importlib.util.module_from_spec(spec)
    before = sys.dont_write_bytecode
    sys.dont_write_bytecode = True
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        message = f"hidden tests of {chapter} do not load: {type(error).__name__}: {error}"
        raise HiddenTestsError(message) from None
    finally:
        sys.dont_write_bytecode = before
    return module


def hidden(chapter: str, start: Path | None = None) -> Any:
    """Give a chapter's hidden checks: `hidden("ch02").expectile_loss(expectile_loss)` in a hidden-test region."""
    return HiddenChecks(load_hidden(chapter, start), chapter)
