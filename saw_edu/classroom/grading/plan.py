"""What there is to grade in a unit, read from its sources: cells, checks with their expected answers, programs' parts.

All of this stays in the trusted process, but for the sources that `strip` has taken the answers out of.
"""

import ast
import contextlib
import functools
import hashlib
import io
import os
import re
import types
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from saw_edu.checks.check import Check, calls_go_to
from saw_edu.classroom.authoring.chapter import Cell, Chapter, Problem, SourceError, cell_id
from saw_edu.classroom.authoring.hidden import COURSE_VARIABLE, hidden_path
from saw_edu.classroom.authoring.markers import only, without
from saw_edu.classroom.authoring.mutants import exercise_sets
from saw_edu.classroom.authoring.source import chapter_paths, read_chapter
from saw_edu.classroom.grading.library import WHOLE, all_functions, is_library, recorded, recorded_path
from saw_edu.classroom.grading.strip import strip, strip_all, uses
from saw_edu.classroom.names import bound


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
    """One exercise: its cell, its check cells, the names it defines.

    guarded: what of the library would solve it. parts: what gives a good part of the answer.
    """

    cell: Cell
    checks: list[CheckPlan]
    names: frozenset[str]
    guarded: list[str] = field(default_factory=list)
    parts: list[str] = field(default_factory=list)


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

    @functools.cached_property
    def digest(self) -> str:
        """A digest of all sources that decide a score: chapters, hidden tests, the library."""
        paths = [chapter.chapter.path for chapter in self.chapters]
        paths += [path for path in (chapter.chapter.hidden for chapter in self.chapters) if path.is_file()]
        paths += [path for path in [recorded_path(self.course)] if path.is_file()]
        paths += sorted(Path(__file__).parents[2].rglob("*.py"))
        return hashlib.sha256(b"".join(hashlib.sha256(path.read_bytes()).digest() for path in paths)).hexdigest()


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
    checks = strip_all(public, [*hidden_sources.values(), *cells])
    modules = sorted({name for chapter in chapters for cell in chapter.cells for name in _imported(cell)})
    return UnitPlan(course, unit, plans, checks, modules)


def _imported(cell: Cell) -> set[str]:
    """The modules that a code cell imports."""
    if cell.kind != "code":
        return set()
    try:
        tree = ast.parse(cell.source)
    except SyntaxError:  # IPython's magic
        return set()
    found = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            found |= {
                node.module,
                *(f"{node.module}.{alias.name}" for alias in node.names),
            }  # the latter may be modules
    return {name for name in found if not name.startswith("saw_edu.classroom")}


def _chapter_plan(chapter: Chapter) -> ChapterPlan:
    setup = tuple(cell.source for cell in chapter.cells if cell.is_setup)
    seen: set[str] = set()
    ids = tuple(cell_id(cell, seen) for cell in chapter.cells)
    space: dict[str, Any] = {"__name__": "__main__"}
    declared = {item.cell.name: item for item in exercise_sets(chapter)}
    solvers = recorded(chapter.path.parents[2]).get(chapter.name, {})
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
            guarded = _references(checks) | {
                name for name in all_functions() if name.split(":")[-1].split(".")[-1] in names
            }
            guarded = {name for name in guarded if re.split("[:.]", name)[-1] not in used}
            found = solvers.get(cell.name, {})
            guarded |= {*declared[cell.name].library, *(name for name, how in found.items() if how == WHOLE)}
            unknown = sorted(set(declared[cell.name].library) - set(all_functions()))
            if unknown:
                message = f"{chapter.hidden.name}: LIBRARY names what the library lacks: {unknown}"
                raise SourceError([Problem(chapter.path, cell.line, message)])
            exercises.append(ExercisePlan(cell, checks, names, sorted(guarded), sorted(found.keys() - guarded)))
        hidden = {}
        for key in {key for check in exercises for plan in check.checks for key in _hidden_keys(plan)}:
            hidden[key] = strip(hidden_path(key).read_text(encoding="utf-8"))
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


def _calls(source: str, space: dict[str, Any]) -> list[Check]:
    found: list[Check] = []
    with calls_go_to(lambda check, *answers: found.append(check)):
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
            if isinstance(function, types.FunctionType) and is_library(module) and "<" not in function.__qualname__:
                found.add(f"{module}:{function.__qualname__}")
    return found
