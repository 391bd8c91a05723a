"""Writes results into nbgrader's own gradebook, the way `nbgrader autograde` does."""

import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from nbgrader import api
from nbgrader.preprocessors import AssignLatePenalties
from traitlets.config import Config

from saw_edu.classroom.authoring.nbgrader_setup import find_alembic
from saw_edu.classroom.authoring.release import student_notebooks
from saw_edu.classroom.grading.judge import FLAGGED, UNGRADED, CheckResult
from saw_edu.classroom.grading.plan import ChapterPlan, UnitPlan
from saw_edu.classroom.grading.submission import Submission

COURSE = "saw-edu"


@dataclass(frozen=True)
class NotebookResult:
    """What became of one notebook of one student.

    state: "graded", "ungradable" (with reason) or "missing"; flags: what a person should look at.
    """

    plan: ChapterPlan
    state: str
    checks: tuple[CheckResult, ...] = ()
    reason: str = ""
    flags: tuple[str, ...] = ()
    submission: Submission | None = None


@dataclass(frozen=True)
class Waiting:
    """An answer that waits for a person.

    why: "in words" (nothing else can grade it), "set to 0" (as an attack, or for calling the library), "not graded"
    (grading could not), or "unreadable" (its whole file).
    """

    student: str
    cell: str
    why: str


def waiting(gradebook: api.Gradebook, unit: str) -> list[Waiting]:
    """All answers of a unit that wait for a person, whenever they were graded."""
    found = []
    for submission in gradebook.assignment_submissions(unit):
        for notebook in submission.notebooks:
            code = [grade for grade in notebook.grades if grade.cell_type == "code"]
            lost = bool(code) and all(grade.auto_score is None and grade.manual_score is None for grade in code)
            for grade in [grade for grade in notebook.grades if grade.needs_manual_grade]:
                why = "not graded" if grade.auto_score is None else "set to 0"
                why = "unreadable" if lost else why if grade.cell_type == "code" else "in words"
                found.append(Waiting(submission.student.id, grade.name, why))
    return found


def open_gradebook(url: str, *, make: bool = True) -> api.Gradebook:
    """Open a gradebook, making it where there is none. Raises ValueError saying what is wrong with the address.

    make: False raises ValueError for a file that is not there.
    """
    find_alembic()
    path = url.removeprefix("sqlite:///")
    if not make and path != url and not Path(path).is_file():
        raise ValueError(f"there is no gradebook {path}: run `saw-edu grade` first, or give its address with --db")
    try:
        return api.Gradebook(url, COURSE)
    except Exception as error:
        reason = without_password(str(error).split("\n")[0], url)
        if is_locked(error):
            raise ValueError(LOCKED.format(without_password(url, url))) from None
        raise ValueError(
            f"the gradebook {without_password(url, url)} cannot be opened: {reason}. Give an SQLAlchemy address such "
            "as sqlite:///gradebook.db or postgresql+psycopg://user:password@host/grades (for the latter, "
            "`pip install 'saw-edu[postgresql]'`)"
        ) from None


LOCKED = (
    "the gradebook {} is locked: another program has it open for writing, such as Formgrader or another "
    "`saw-edu grade`. Close that program or wait until it is done, then run the same command again"
)


def is_locked(error: Exception) -> bool:
    """Whether an error is that another program holds the gradebook."""
    return "database is locked" in str(error)


def without_password(text: str, url: str) -> str:
    """Take out of a text whatever is a secret in a gradebook's address: its user's password, and its parameters."""
    head, at, _ = url.rpartition("@")
    secrets = {head.split("://", 1)[-1].partition(":")[2]} if at else set()
    query = url.partition("?")[2]
    secrets |= {
        query,
        *(part.partition("=")[2] for part in query.split("&") if "pass" in part.partition("=")[0].lower()),
    }
    for secret in sorted(secrets | {unquote(secret) for secret in secrets}, key=len, reverse=True):
        text = text.replace(secret, "…") if secret else text
    return text


def enter_unit(plan: UnitPlan, url: str) -> None:
    """Enter a unit's notebooks and cells where the gradebook lacks them, or has them differently.

    Raises ValueError where nbgrader refuses, because submissions of another version have been graded.
    """
    wanted = {
        (chapter.name, cell.grade_id): float(cell.tags["points"])
        for chapter in plan.chapters
        for cell in chapter.cells.values()
        if cell.role in ("check", "question")
    }
    with open_gradebook(url) as gradebook:
        try:
            assignment = gradebook.find_assignment(plan.name)
        except api.MissingEntry:
            there: dict[tuple[str, str], float] = {}
        else:
            there = {(n.name, c.name): c.max_score for n in assignment.notebooks for c in n.grade_cells}
    if there == wanted:
        return
    try:
        student_notebooks(plan.name, [chapter.chapter for chapter in plan.chapters], url)
    except Exception as error:
        if is_locked(error):
            raise ValueError(LOCKED.format(without_password(url, url))) from None
        lines = [line.strip() for line in without_password(str(error), url).split("\n") if line.strip()]
        reason = _changes(there, wanted) or (lines[-1] if lines else type(error).__name__)[:300]
        raise ValueError(
            f"{plan.name} cannot be entered in the gradebook, for submissions of another version of it were graded: "
            f"{reason}. Name the cells as they were; or use another gradebook with --db; or remove the unit and all "
            f"its grades with `nbgrader db assignment remove {plan.name}`, and grade again"
        ) from None


def enter_students(rows: Iterable[dict[str, str]], url: str) -> None:
    """Enter a roster's names, e-mail addresses and numbers, so that a table of grades can be imported elsewhere."""
    with open_gradebook(url) as gradebook:
        for row in rows:
            known = {key: row[key] for key in ("first_name", "last_name", "email", "lms_user_id") if row.get(key)}
            gradebook.update_or_create_student(row["id"], **known)


def _changes(there: dict[tuple[str, str], float], wanted: dict[tuple[str, str], float]) -> str:
    """How a unit's cells differ from those that submissions were graded with, in words; empty for a new unit."""
    gone, new = (sorted("/".join(cell) for cell in cells) for cells in (there.keys() - wanted, wanted.keys() - there))
    parts = [f"not there any more: {', '.join(gone[:5])}"] if there and gone else []
    return "; ".join(parts + ([f"new: {', '.join(new[:5])}"] if there and new else []))


def write(
    gradebook: api.Gradebook, plan: UnitPlan, student: str, timestamp: datetime | None, results: list[NotebookResult]
) -> None:
    """Write one student's results: automatic scores anew, manual scores, comments and extra credit as they were."""
    with warnings.catch_warnings():  # nbgrader's own order of operations, of which SQLAlchemy warns
        warnings.simplefilter("ignore")
        _write(gradebook, plan, student, timestamp, results)


def _write(
    gradebook: api.Gradebook, plan: UnitPlan, student: str, timestamp: datetime | None, results: list[NotebookResult]
) -> None:
    gradebook.update_or_create_student(student)
    when = {"timestamp": timestamp} if timestamp else {}
    submission = gradebook.update_or_create_submission(plan.name, student, **when)
    notebooks = {notebook.name: notebook for notebook in submission.notebooks}
    for result in results:
        _write_notebook(notebooks[result.plan.name], result)
    gradebook.db.commit()
    for result in results:
        _late_penalty(gradebook, submission, notebooks[result.plan.name])
    gradebook.db.commit()


def _write_notebook(notebook: Any, result: NotebookResult) -> None:
    checks = {check.grade_id: check for check in result.checks}
    for grade in notebook.grades:
        cell = result.plan.cells.get(grade.name)
        check = checks.get(grade.name)
        if result.state == "missing":
            grade.auto_score, grade.needs_manual_grade = 0.0, False
            continue
        if result.state == "ungradable" or (check is not None and check.state == UNGRADED) or cell is None:
            grade.auto_score = None
        elif check is not None:
            grade.auto_score = check.points
        else:
            grade.auto_score = 0.0 if _unanswered(result, grade.name) else None
        flagged = check is not None and check.state == FLAGGED
        grade.needs_manual_grade = grade.auto_score is None or grade.manual_score is not None or flagged
    for comment in notebook.comments:
        comment.auto_comment = "No response." if _unanswered(result, comment.name) else None


def _unanswered(result: NotebookResult, grade_id: str) -> bool:
    """Whether an answer is still what was released, or was deleted."""
    if result.submission is None:
        return False
    versions = result.submission.versions(grade_id)
    cell = result.plan.cells[grade_id]
    return not versions or versions[-1].source.strip() in ("", cell.released.strip())


def _late_penalty(gradebook: api.Gradebook, submission: Any, notebook: Any) -> None:
    """Assign the penalty of nbgrader's plugin for late submissions, as its preprocessor does."""
    late = AssignLatePenalties(config=_settings())
    late.init_plugin()
    notebook.late_submission_penalty = None
    if submission.total_seconds_late > 0:
        gradebook.db.refresh(notebook)
        seconds = submission.total_seconds_late
        penalty = late.plugin_inst.late_submission_penalty(submission.student.id, notebook.score, seconds)
        if penalty is not None:
            notebook.late_submission_penalty = late._check_late_penalty(notebook, penalty)


_CONFIG: list[Config] = [Config()]


def use_settings(config: Config) -> None:
    """Use these settings of nbgrader, the plugin for late submissions among them."""
    _CONFIG[0] = config


def _settings() -> Config:
    return _CONFIG[0]
