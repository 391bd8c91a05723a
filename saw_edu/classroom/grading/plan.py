"""What there is to grade in a unit, read from its sources: cells, checks with their expected answers, programs' parts.

All of this stays in the trusted process, but for the sources that `strip` has taken the answers out of.
"""

import ast
import contextlib
import functools
import io
import os
import re
import types
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from saw_edu.checks.check import Check
from saw_edu.classroom.grading.strip import strip, uses
from saw_edu.classroom.hidden import COURSE_VARIABLE, hidden_directory
from saw_edu.classroom.markers import only, without
from saw_edu.classroom.mutants import exercise_sets
from saw_edu.classroom.source import Cell, Chapter, Problem, SourceError, cell_id, chapter_paths, read_chapter

_CHAPTER = re.compile(r"ch\d\d$")
_NO_ANSWERS = {"__init__", "check", "compare", "probe", "values"}  # of saw_edu.checks: what all checks are made of


@dataclass(frozen=True)
class CheckPlan:
    """One check cell: its code without expected answers, and the checks that it calls, which judge what comes back."""

    cell: Cell
    visible_code: str
    hidden_code: str
    visible: tuple[Check, ...]
    hidden: tuple[Check, ...]

    @property
    def points(self) -> float:
        """What the cell is worth."""
        return float(self.cell.tags["points"])


@dataclass
class ExercisePlan:
    """One exercise: its cell, its check cells, the names it defines, library functions that would solve it."""

    cell: Cell
    checks: list[CheckPlan]
    names: frozenset[str]
    guarded: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class ChapterPlan:
    """One notebook of a unit. ids: the cells' ids, in order; hidden: hidden modules without expected answers."""

    chapter: Chapter
    ids: tuple[str, ...]
    setup: tuple[str, ...]
    exercises: tuple[ExercisePlan, ...]
    hidden: dict[str, str]

    @property
    def name(self) -> str:
        """The notebook's name without its suffix."""
        return self.chapter.name

    @functools.cached_property
    def cells(self) -> dict[str, Cell]:
        """Cells by grade id, those with a role."""
        return {cell.grade_id: cell for cell in self.chapter.cells if cell.role}

    @functools.cached_property
    def by_id(self) -> dict[str, Cell]:
        """All cells by their id in the notebook."""
        return dict(zip(self.ids, self.chapter.cells, strict=True))


@dataclass(frozen=True)
class UnitPlan:
    """All notebooks of a unit. checks: chapters' modules of checks without expected answers; modules: to import."""

    course: Path
    name: str
    chapters: tuple[ChapterPlan, ...]
    checks: dict[str, str]
    modules: list[str]

    @property
    def points(self) -> float:
        """All points of the unit."""
        return sum(chapter.chapter.points for chapter in self.chapters)


class _Answer:
    """Stands for what a student defines, where only the calls of checks matter."""


def read_unit(course: Path, unit: str) -> UnitPlan:
    """Read a unit's sources. Raises SourceError with what cannot be graded, FileNotFoundError for an unknown unit."""
    chapters = [read_chapter(path) for path in chapter_paths(course, unit)]
    with _course(course):
        plans = tuple(_chapter_plan(chapter) for chapter in chapters)
    hidden_sources = {key: source for plan in plans for key, source in plan.hidden.items()}
    names = set().union(*(uses(ast.parse(source)) for source in hidden_sources.values())) if hidden_sources else set()
    for chapter in chapters:
        for cell in chapter.cells:
            names |= uses(ast.parse(cell.source)) if cell.role == "check" or cell.is_setup else set()
    cells = [cell.source for chapter in chapters for cell in chapter.cells if cell.role == "check" or cell.is_setup]
    public = {name for name in names if not name.startswith("_")}
    checks = _stripped_checks(public, [*hidden_sources.values(), *cells])
    modules = sorted({name for chapter in chapters for cell in chapter.cells for name in _imported(cell)})
    return UnitPlan(course, unit, plans, checks, modules)


def _stripped_checks(public: set[str], callers: list[str]) -> dict[str, str]:
    """All modules of `saw_edu.checks` that hold answers, without them: those of chapters, and those that these import.

    In an order in which each can be loaded after what it imports. public: names that are used somewhere. callers: the
    sources of what calls checks.
    """
    paths = [
        path for path in sorted((Path(__file__).parents[2] / "checks").glob("*.py")) if path.stem not in _NO_ANSWERS
    ]
    sources = {path.stem: path.read_text(encoding="utf-8") for path in paths}
    called = set(re.findall(r"checks\.\w+\.(\w+)", "\n".join(callers)))
    made = {}
    for key in filter(_CHAPTER.match, sources):
        passed_on = set().union(*_taken(sources[key]).values()) & called
        made[key] = strip(sources[key], also=passed_on | (public & _defined(sources[key])))
    shared = [key for key in sources if key not in made]
    for _ in shared:  # a module that others share is reduced to what they take from it; they may share others in turn
        for key in shared:
            users = [*callers, *(text for other, text in made.items() if other != key)]
            made[key] = strip(sources[key], also=set().union(*(_taken(text).get(key, set()) for text in users)))
    order: dict[str, str] = {}

    def load(key: str) -> None:
        if key not in order:
            for other in sorted(_taken(made[key]).keys() & made.keys() - {key}):
                load(other)
            order[key] = made[key]

    for key in made:
        load(key)
    return order


def _taken(source: str) -> dict[str, set[str]]:
    """What a module imports from modules of `saw_edu.checks`: module → names."""
    found: dict[str, set[str]] = {}
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("saw_edu.checks."):
            found.setdefault((node.module or "").rsplit(".", 1)[1], set()).update(alias.name for alias in node.names)
    return found


def _defined(source: str) -> set[str]:
    return {getattr(node, "name", "") for node in ast.parse(source).body}


def _imported(cell: Cell) -> set[str]:
    """The modules that a code cell imports."""
    if cell.kind != "code":
        return set()
    try:
        tree = ast.parse(cell.source)
    except SyntaxError:  # IPython's magic
        return set()
    found = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    found |= {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module}
    return {name for name in found if not name.startswith("saw_edu.classroom")}


def _chapter_plan(chapter: Chapter) -> ChapterPlan:
    setup = tuple(cell.source for cell in chapter.cells if cell.is_setup)
    seen: set[str] = set()
    ids = tuple(cell_id(cell, seen) for cell in chapter.cells)
    space: dict[str, Any] = {"__name__": "__main__"}
    declared = {item.cell.name: item for item in exercise_sets(chapter)}
    exercises = []
    with contextlib.redirect_stdout(io.StringIO()), contextlib.chdir(chapter.path.parent):
        for source in setup:
            exec(compile(source, f"<setup of {chapter.name}>", "exec"), space)
        for cell in chapter.exercises():
            names = frozenset(bound(cell.source))
            space.update({name: _Answer() for name in names})
            checks = [_check_plan(chapter, check, space) for check in chapter.checks(cell.name)]
            texts = [cell.source, *declared[cell.name].alternatives]
            used = set().union(*(uses(ast.parse(text)) for text in texts))
            guarded = _references(checks) | {name for name in _library() if name.split(":")[-1].split(".")[-1] in names}
            guarded = {name for name in guarded if re.split("[:.]", name)[-1] not in used}
            guarded |= set(declared[cell.name].library)
            unknown = sorted(set(declared[cell.name].library) - set(_library()))
            if unknown:
                message = f"solutions/hidden/{chapter.key}.py: LIBRARY names what the library lacks: {unknown}"
                raise SourceError([Problem(chapter.path, cell.line, message)])
            exercises.append(ExercisePlan(cell, checks, names, sorted(guarded)))
        hidden = {}
        folder = hidden_directory()
        for key in {key for check in exercises for plan in check.checks for key in _hidden_keys(plan)}:
            hidden[key] = strip((folder / f"{key}.py").read_text(encoding="utf-8"))
    return ChapterPlan(chapter, ids, setup, tuple(exercises), hidden)


def _check_plan(chapter: Chapter, cell: Cell, space: dict[str, Any]) -> CheckPlan:
    """Run a check cell with stand-ins for the student's answers, to see which checks it calls."""
    visible, hidden = without(cell.source, "HIDDEN TESTS"), only(cell.source, "HIDDEN TESTS")
    try:
        found = [_calls(part, space) for part in (visible, hidden)]
    except Exception as error:
        message = (
            f"check {cell.name!r} cannot be graded in a sandbox ({type(error).__name__}: {error}). A check cell may "
            "call checks with what the student defined, and do nothing else with it"
        )
        raise SourceError([Problem(chapter.path, cell.line, message)]) from None
    if not found[0] + found[1]:
        raise SourceError([Problem(chapter.path, cell.line, f"check {cell.name!r} calls no check from saw_edu.checks")])
    return CheckPlan(cell, strip_cell(visible), hidden, tuple(found[0]), tuple(found[1]))


def strip_cell(source: str) -> str:
    """Take expected answers out of a check cell that defines its check itself; other statements stay."""
    lines = []
    for statement in ast.parse(source).body:
        text = ast.unparse(statement)
        lines.append(strip(text) or _stripped_call(text) if "Check(" in text else text)
    return "\n".join(lines)


def _stripped_call(text: str) -> str:
    name = "_check_of_this_cell"
    return strip(f"{name} = ({text})", also=[name]).split("=", 1)[1].strip()


@contextlib.contextmanager
def _collecting(found: list[Check]) -> Iterator[None]:
    original = Check.__call__
    setattr(Check, "__call__", lambda self, *answers: found.append(self))  # noqa: B010
    try:
        yield
    finally:
        setattr(Check, "__call__", original)  # noqa: B010


def _calls(source: str, space: dict[str, Any]) -> list[Check]:
    found: list[Check] = []
    with _collecting(found):
        exec(compile(source, "<check>", "exec"), space)
    return found


@contextlib.contextmanager
def _course(course: Path) -> Iterator[None]:
    """Let hidden tests be found, and experiments in setup cells be short."""
    before = {name: os.environ.get(name) for name in (COURSE_VARIABLE, "SAW_EDU_FAST")}
    os.environ.update({COURSE_VARIABLE: str(course), "SAW_EDU_FAST": "1"})
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def bound(source: str) -> set[str]:
    """The names that a cell defines at its top level."""
    found = set()
    for node in ast.parse(source).body:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            found.add(node.name)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            found |= {alias.asname or alias.name.split(".")[0] for alias in node.names}
        else:
            inner = (item for item in ast.walk(node) if isinstance(item, ast.Name) and isinstance(item.ctx, ast.Store))
            found |= {item.id for item in inner}
    return found


def _hidden_keys(plan: CheckPlan) -> set[str]:
    """The chapters whose hidden modules a check cell asks for."""
    calls = [node for node in ast.walk(ast.parse(plan.hidden_code)) if isinstance(node, ast.Call)]
    named = [node for node in calls if isinstance(node.func, ast.Name) and node.func.id == "hidden" and node.args]
    return {str(node.args[0].value) for node in named if isinstance(node.args[0], ast.Constant)}


def _references(plans: list[CheckPlan]) -> set[str]:
    """The library's functions that are the references of checks: `package.module:Class.method`."""
    found: set[str] = set()
    for check in [check for plan in plans for check in (*plan.visible, *plan.hidden)]:
        for thing in check.reference if isinstance(check.reference, tuple) else (check.reference,):
            function = getattr(thing, "__func__", thing)
            module = getattr(function, "__module__", None) or ""
            if isinstance(function, types.FunctionType) and _is_library(module) and "<" not in function.__qualname__:
                found.add(f"{module}:{function.__qualname__}")
    return found


def _is_library(module: str) -> bool:
    return module.startswith("saw_edu.") and not module.startswith(("saw_edu.checks", "saw_edu.classroom"))


@functools.cache
def _library() -> tuple[str, ...]:
    """All functions and methods of the library, as `package.module:Class.method`."""
    root, found = Path(__file__).parents[2], []
    for path in sorted(root.rglob("*.py")):
        module = ".".join(["saw_edu", *path.relative_to(root).with_suffix("").parts]).removesuffix(".__init__")
        if not _is_library(module):
            continue
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef):
                found.append(f"{module}:{node.name}")
            if isinstance(node, ast.ClassDef):
                inner = [item for item in node.body if isinstance(item, ast.FunctionDef)]
                found += [f"{module}:{node.name}.{item.name}" for item in inner]
    return tuple(found)
