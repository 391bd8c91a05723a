"""Plausible wrong answers that each exercise's checks must catch and name, and right answers they must accept.

A `Mistake` with `wrong=` is such an answer already: it is tried as it stands. A chapter's hidden tests,
`NN_name_hidden.py` beside its source, declare right answers, and mutants for what no function can say:

    MUTANTS = {"expectile-loss": [Mutant("not reduced", replace=(".mean()", "")), ...]}
    ALTERNATIVES = {"expectile-loss": ["def expectile_loss(difference, expectile): ..."]}

and, where grading does not find them by name, functions of the library that would solve the exercise:

    LIBRARY = {"expectile-loss": ["saw_edu.agents.objectives:expectile_loss"]}
"""

from __future__ import annotations

import contextlib
import io
import linecache
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from saw_edu import checks
from saw_edu.checks.check import Check, CheckFailed, Mistake, Verdict
from saw_edu.classroom.authoring.hidden import load_hidden
from saw_edu.classroom.authoring.markers import without

if TYPE_CHECKING:
    from saw_edu.classroom.authoring.chapter import Cell, Chapter

MUTANTS_WANTED = 3


@dataclass(frozen=True)
class Mutant:
    """A wrong answer to an exercise.

    mistake: the name that the checks must give it: a `Mistake`'s name, or one of the framework's own, such as "shape".
    source: the whole exercise cell, written wrongly; or replace: (old, new), a change to the chapter's own solution.
    """

    mistake: str
    source: str | None = None
    replace: tuple[str, str] | None = None

    def __post_init__(self) -> None:
        if (self.source is None) == (self.replace is None):
            raise TypeError(f"mutant {self.mistake!r}: give exactly one of source= and replace=")

    def apply(self, solution: str) -> str:
        """Give the wrong answer's source. Raises ValueError when `replace` does not fit the solution."""
        if self.source is not None:
            return self.source
        old, new = self.replace or ("", "")
        if solution.count(old) != 1:
            raise ValueError(
                f"mutant {self.mistake!r}: {old!r} occurs {solution.count(old)} times in the solution, not once"
            )
        return solution.replace(old, new)


@dataclass(frozen=True)
class ExerciseSet:
    """All that is declared for one exercise."""

    chapter: Chapter
    cell: Cell
    mutants: tuple[Mutant, ...]
    alternatives: tuple[str, ...]
    library: tuple[str, ...] = ()

    @property
    def mistakes(self) -> list[tuple[Check, Mistake]]:
        """The misconceptions that its visible checks can say as functions, each of which is a wrong answer to try."""
        return [(check, known) for check in visible_checks(self.chapter, self.cell.name) for known in check.mistakes
                if known.wrong is not None]  # fmt: skip

    @property
    def missing(self) -> str:
        """What is still to be declared, in words; empty when nothing is."""
        where = self.chapter.hidden.name
        words = []
        named = {mutant.mistake for mutant in self.mutants} | {known.name for _, known in self.mistakes}
        if len(named) < MUTANTS_WANTED:
            words.append(f"{len(named)} of at least {MUTANTS_WANTED} misconceptions (Mistake with wrong=, or MUTANTS)")
        if len({mutant.mistake for mutant in self.mutants}) < len(self.mutants):
            words.append("mutants with the same mistake")
        if not self.alternatives:
            words.append("no ALTERNATIVES (one more right answer)")
        return f"exercise {self.cell.name!r} has {' and '.join(words)} in {where}" if words else ""


def visible_checks(chapter: Chapter, exercise: str) -> list[Check]:
    """The checks of `saw_edu.course` that an exercise's cells call by name: `checks.ch02.expectile_loss(...)`.

    Raises AttributeError for one that is not there.
    """
    sources = [without(cell.source, "HIDDEN TESTS") for cell in chapter.checks(exercise)]
    called = [found for source in sources for found in re.findall(r"\bchecks\.(ch\d\d)\.(\w+)\(", source)]
    found = [getattr(getattr(checks, key), name) for key, name in called]
    return [check for check in found if isinstance(check, Check)]


def exercise_sets(chapter: Chapter) -> list[ExerciseSet]:
    """Read what a chapter's hidden tests declare for each exercise.

    Raises HiddenTestsError when the module is missing, ValueError when it names an exercise the chapter lacks.
    """
    cells = chapter.exercises()
    if not cells:
        return []
    module = load_hidden(chapter.key, chapter.path.parent)
    mutants: dict[str, Any] = getattr(module, "MUTANTS", {})
    alternatives: dict[str, Any] = getattr(module, "ALTERNATIVES", {})
    library: dict[str, Any] = getattr(module, "LIBRARY", {})
    unknown = sorted({*mutants, *alternatives, *library} - {cell.name for cell in cells})
    if unknown:
        raise ValueError(f"{chapter.hidden.name} names exercises that {chapter.path.name} lacks: {unknown}")
    return [
        ExerciseSet(chapter, cell, *(tuple(found.get(cell.name, ())) for found in (mutants, alternatives, library)))
        for cell in cells
    ]


def grade(chapter: Chapter, exercise: str, answer: str | None = None) -> Verdict:
    """Run an exercise's check cells, visible and hidden tests alike, on an answer (None: the chapter's solution).

    Cells tagged "setup" and the solutions of earlier exercises run first; nothing else of the chapter does.
    Returns the verdict of the first check that fails, or one that passed.
    """
    space: dict[str, Any] = {"__name__": "__main__"}
    with contextlib.redirect_stdout(io.StringIO()), contextlib.chdir(chapter.path.parent):
        for cell in chapter.cells:
            if cell.role == "exercise" and cell.name == exercise:
                _execute(cell.source if answer is None else answer, f"<exercise {exercise}>", space)
                break
            if cell.is_setup or cell.role == "exercise":
                _execute(cell.source, f"<line {cell.line} of {chapter.path.name}>", space)
        for cell in chapter.checks(exercise):
            try:
                _execute(cell.source, f"<check {cell.name}>", space)
            except CheckFailed as failure:
                return failure.verdict
    return Verdict(True, f"{exercise}: all checks pass")


def _execute(source: str, name: str, space: dict[str, Any]) -> None:
    """Run a cell's source; lines of IPython magic are left out."""
    plain = re.sub(r"(?m)^(\s*)[%!].*$", r"\1pass", source)
    linecache.cache[name] = (len(plain), None, plain.splitlines(keepends=True), name)
    exec(compile(plain, name, "exec"), space)
