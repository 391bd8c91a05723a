"""`saw-edu report`: what became of a unit, for its instructor, from the gradebook and `autograded/`."""

import csv
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from nbgrader.api import Gradebook, MissingEntry

from saw_edu.classroom.authoring.build import table
from saw_edu.classroom.authoring.chapter import Cell, Chapter
from saw_edu.classroom.authoring.mutants import ExerciseSet, exercise_sets
from saw_edu.classroom.authoring.release import write_file
from saw_edu.classroom.authoring.source import chapter_paths, read_chapter
from saw_edu.classroom.grading import gradebook as books
from saw_edu.classroom.grading.judge import FLAGGED, NOT_STARTED, RIGHT, UNGRADED
from saw_edu.classroom.grading.settings import database_of, settings_of
from saw_edu.classroom.reports.class_report import STATES, UNNAMED, ClassReport, ExerciseReport
from saw_edu.classroom.reports.export import COLUMNS, STATUS_FILE, as_text, row_of
from saw_edu.classroom.reports.likeness import Alike, find_alike
from saw_edu.classroom.reports.report_page import page

_UNTOLD = {None, "", "value", "missing", "raised", "type", "shape", "dtype", "finite", "inputs"}


class ReportError(RuntimeError):
    """There is nothing to report on; the message says what to do."""


def report_unit(
    course: Path, unit: str, database: str | None = None, out: Path | None = None
) -> tuple[ClassReport, Path]:
    """Write `report.html` and `grades.csv` to `out` (by default `reports/<unit>`). Returns the report and the folder.

    Raises ReportError when nothing was graded yet, FileNotFoundError or SourceError as reading the unit's sources does.
    """
    course = course.resolve()
    report = gather(course, unit, database)
    folder = out or course / "reports" / unit
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "grades.csv").open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, COLUMNS)
        writer.writeheader()
        writer.writerows({key: as_text(value) for key, value in row.items()} for row in report.rows)
    write_file(folder / "report.html", page(report).encode("utf-8", "replace"))
    return report, folder


def gather(course: Path, unit: str, database: str | None = None) -> ClassReport:
    """Read all that is known of a unit's submissions."""
    chapters = [read_chapter(path) for path in chapter_paths(course, unit)]
    sets = {item.cell.name: item for chapter in chapters for item in exercise_sets(chapter)}
    folder = course / "autograded"
    try:
        gradebook = books.open_gradebook(database_of(settings_of(course), course, database), make=False)
    except ValueError as error:
        raise ReportError(str(error)) from None
    with gradebook:
        try:
            assignment = gradebook.find_assignment(unit)
        except MissingEntry:
            raise ReportError(_NOTHING.format(unit=unit)) from None
        rows = [row_of(gradebook, assignment, student, folder) for student in gradebook.students]
        handed_in = sorted(row["student_id"] for row in rows if row["status"] != "not submitted")
        if not handed_in:
            raise ReportError(_NOTHING.format(unit=unit))
        statuses = {student: _status(folder / student / unit, gradebook, unit, student) for student in handed_in}
        max_score = float(assignment.max_score)
        waiting = tuple(books.waiting(gradebook, unit))
    exercises, look, alike = [], [], []
    for chapter in chapters:
        for cell in chapter.exercises():
            exercises.append(_exercise(chapter, cell, sets[cell.name], statuses))
    for student, notebooks in statuses.items():
        for name, notebook in notebooks.items():
            look += [(student, f"{name}: {text}") for text in _to_look_at(notebook)]
    for chapter in chapters:
        answers = {student: _answers(folder / student / unit / f"{chapter.name}.ipynb") for student in handed_in}
        alike += _alike(chapter, sets, answers)
    return ClassReport(unit, max_score, rows, exercises, look, alike, waiting)


def _to_look_at(notebook: dict[str, Any]) -> list[str]:
    """What a person should look at in one notebook: what was not graded, what was set to 0, flags."""
    said = [f"ungradable: {notebook['reason']}"] if notebook["state"] == "ungradable" else []
    for check in notebook["checks"]:
        name = check.get("exercise") or check["grade_id"]
        said += [f"{name}: not graded: {check['message']}"] if check["state"] == UNGRADED else []
        said += [f"{name}: set to 0 until a person decides"] if check["state"] == FLAGGED else []
    return said + list(notebook["flags"])


_NOTHING = "nothing of {unit} is graded yet: run `saw-edu grade {unit}` first"


def _status(folder: Path, gradebook: Gradebook, unit: str, student: str) -> dict[str, Any]:
    """What the last `saw-edu grade` noted of each notebook; where another program graded, what its scores tell."""
    try:
        return dict(json.loads((folder / STATUS_FILE).read_text(encoding="utf-8"))["notebooks"])
    except (OSError, ValueError, KeyError, TypeError):
        pass
    found: dict[str, Any] = {}
    for notebook in gradebook.find_submission(unit, student).notebooks:
        checks = []
        for grade in [grade for grade in notebook.grades if grade.cell_type == "code"]:
            state = UNGRADED if grade.auto_score is None else RIGHT if grade.auto_score == grade.max_score else "wrong"
            checks.append({"grade_id": grade.name, "state": state, "mistake": None, "message": ""})
        found[notebook.name] = {"state": "graded", "reason": "", "flags": [], "checks": checks}
    return found


def _exercise(chapter: Chapter, cell: Cell, declared: ExerciseSet, statuses: dict[str, Any]) -> ExerciseReport:
    own = {check.grade_id: float(check.tags["points"]) for check in chapter.checks(cell.name)}
    states: dict[str, list[str]] = {state: [] for state in STATES}
    mistakes: dict[str, list[str]] = {}
    for student, notebooks in statuses.items():
        notebook = notebooks.get(chapter.name) or {"state": "missing", "checks": []}
        checks = [check for check in notebook["checks"] if check["grade_id"] in own]
        state = _state(notebook["state"], [check["state"] for check in checks])
        states[state].append(student)
        if state == "wrong":
            wrong = [check for check in checks if check["state"] not in (RIGHT, NOT_STARTED)]
            for name in dict.fromkeys(UNNAMED if c["mistake"] in _UNTOLD else str(c["mistake"])[:80] for c in wrong):
                mistakes.setdefault(name, []).append(student)
    order = sorted(mistakes, key=lambda name: (name == UNNAMED, -len(mistakes[name]), name))
    missed = tuple(mutant.mistake for mutant in declared.mutants if mutant.mistake not in mistakes)
    return ExerciseReport(
        chapter.name, cell.name, sum(own.values()), states, {name: mistakes[name] for name in order}, missed
    )


def _state(notebook: str, checks: Iterable[str]) -> str:
    """One word for an exercise, from the states of its notebook and of its checks."""
    found = set(checks)
    if notebook == "missing":
        return "not handed in"
    if notebook == "ungradable" or UNGRADED in found or not found:
        return "ungradable"
    if FLAGGED in found:
        return "flagged"
    if found == {RIGHT}:
        return "solved"
    return "not started" if found == {NOT_STARTED} else "wrong"


def summary(report: ClassReport) -> str:
    """The report's numbers as text: a row for each exercise."""
    rows: list[tuple[str, ...]] = [("exercise", *STATES)]
    rows += [(item.name, *(str(len(item.states[state])) for state in STATES)) for item in report.exercises]
    scores = report.scores
    mean = f"mean {sum(scores) / len(scores):.3g} of {report.max_score:g} points; " if scores else ""
    students = len({student for student, _ in report.look})
    words = f"{len(report.waiting)} answers wait for a person; {len(report.look)} things of {students} students and "
    words += f"{len(report.alike)} pairs or groups of near-identical answers to look at"
    return f"{table(rows)}\n{mean}{words}"


def _answers(path: Path) -> dict[str, str]:
    """A student's answers in an autograded notebook, by grade id; their own code cells together under ""."""
    try:
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    found: dict[str, str] = {}
    for cell in cells:
        source = "".join(cell["source"])
        data = cell["metadata"].get("nbgrader", {})
        if data.get("solution"):
            found[data["grade_id"]] = source
        elif str(cell.get("id", "")).startswith("own-") and cell["cell_type"] == "code":
            found[""] = found.get("", "") + source + "\n"
    return found


def _alike(chapter: Chapter, sets: dict[str, ExerciseSet], answers: dict[str, dict[str, str]]) -> list[Alike]:
    """Near-identical answers to each exercise and question of a chapter, and cells that students added."""
    course = [cell.source for cell in chapter.cells] + [cell.released for cell in chapter.cells]
    found: list[Alike] = []
    for cell in [cell for cell in chapter.cells if cell.role in ("exercise", "question")]:
        theirs = {student: own[cell.grade_id] for student, own in answers.items() if cell.grade_id in own}
        declared = sets[cell.name].alternatives if cell.role == "exercise" else ()
        found += find_alike(cell.name, theirs, [*course, *declared], words=cell.kind != "code")
    theirs = {student: own[""] for student, own in answers.items() if "" in own}
    return found + find_alike(f"cells of their own in {chapter.name}", theirs, course)
