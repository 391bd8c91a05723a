"""`nbgrader export` with a column for what a score is worth: nothing that could not be graded becomes a plain 0."""

import csv
import json
from pathlib import Path
from typing import Any

from nbgrader.api import Gradebook, MissingEntry
from nbgrader.plugins import CsvExportPlugin

STATUS_FILE = ".saw-edu-grade.json"
COLUMNS = (
    "assignment", "duedate", "timestamp", "student_id", "last_name", "first_name", "email", "raw_score",
    "late_submission_penalty", "score", "max_score", "status",
)  # fmt: skip


class StatusExport(CsvExportPlugin):
    """nbgrader's columns, the same scores, and `status`; the score is empty where a part could not be graded.

    status: "graded", "needs grading" (by a person), "not submitted" (a score of 0, as nbgrader has it), or
    "ungradable: reason".
    """

    def export(self, gradebook: Gradebook) -> None:
        """Write the table."""
        wanted_students = {str(name) for name in self.student}
        wanted_units = {str(name) for name in self.assignment}
        self.log.info("Exporting grades to %s", self.to or "grades.csv")
        with open(self.to or "grades.csv", "w", newline="", encoding="utf-8") as stream:
            table = csv.DictWriter(stream, COLUMNS)
            table.writeheader()
            for assignment in gradebook.assignments:
                for student in gradebook.students:
                    if wanted_units and assignment.name not in wanted_units:
                        continue
                    if not wanted_students or student.id in wanted_students:
                        row = row_of(gradebook, assignment, student, self._folder())
                        table.writerow({key: as_text(value) for key, value in row.items()})

    def _folder(self) -> Path:
        directory = getattr(self.parent, "coursedir", None)
        return Path(directory.root) / directory.autograded_directory if directory else Path("autograded")


def as_text(value: Any) -> str:
    """A cell of the table; a spreadsheet must not take a name for a formula."""
    text = "" if value is None else str(value)
    formula = text[:1] in ("=", "+", "@", "\t", "\r") or (text[:1] == "-" and not isinstance(value, (int, float)))
    return f"'{text}" if formula else text


def row_of(gradebook: Gradebook, assignment: Any, student: Any, folder: Path) -> dict[str, Any]:
    """One student's row of the table, by column. folder: that of autograded submissions."""
    row: dict[str, Any] = {name: getattr(student, name) for name in ("last_name", "first_name", "email")}
    row |= {"assignment": assignment.name, "duedate": assignment.duedate, "student_id": student.id}
    row |= {"max_score": assignment.max_score, "timestamp": "", "late_submission_penalty": 0.0}
    try:
        submission = gradebook.find_submission(assignment.name, student.id)
    except MissingEntry:
        return row | {"raw_score": 0.0, "score": 0.0, "status": "not submitted"}
    grades = [grade for notebook in submission.notebooks for grade in notebook.grades]
    ungraded = [g for g in grades if g.cell_type == "code" and g.auto_score is None and g.manual_score is None]
    penalty = submission.late_submission_penalty
    row |= {"timestamp": submission.timestamp, "late_submission_penalty": penalty, "raw_score": submission.score}
    if ungraded:
        reason = _reason(folder / student.id / assignment.name / STATUS_FILE)
        return row | {"raw_score": "", "score": "", "status": f"ungradable: {reason}"}
    status = "needs grading" if any(grade.needs_manual_grade for grade in grades) else "graded"
    return row | {"score": max(0.0, submission.score - (penalty or 0.0)), "status": status}


def _reason(path: Path) -> str:
    """Why, as the last grading noted it."""
    try:
        notebooks = json.loads(path.read_text(encoding="utf-8"))["notebooks"]
        reasons = [f"{name}: {notebook['reason']}" for name, notebook in notebooks.items() if notebook["reason"]]
        reasons += [c["message"] for n in notebooks.values() for c in n["checks"] if c["state"] == "ungraded"]
        return "; ".join(reasons) or "see the gradebook"
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return "it was not graded by `saw-edu grade` yet"
