"""`saw-edu feedback`: a page for each graded notebook, for students of any name.

nbgrader's own `generate_feedback` makes the same pages, but finds folders by patterns: it stops at a name with a line
break in it, and passes over names with brackets or with a dot in front.
"""

import logging
from collections.abc import Callable
from pathlib import Path

import nbformat
from nbconvert.exporters.exporter import ResourcesDict
from traitlets.config import Config

from saw_edu.classroom.authoring.nbgrader_setup import GetGradesAndOpenOnes, HideTests, find_alembic
from saw_edu.classroom.authoring.release import replace_folder
from saw_edu.classroom.grading.gradebook import open_gradebook
from saw_edu.classroom.grading.settings import database_of, settings_of
from saw_edu.classroom.plain import one_line
from saw_edu.classroom.reports.feedback import FeedbackExporter


class FeedbackError(RuntimeError):
    """There is nothing to write feedback on; the message says what to do."""


def write_feedback(
    course: Path,
    unit: str,
    database: str | None = None,
    students: tuple[str, ...] = (),
    say: Callable[[str], None] = print,
) -> list[str]:
    """Write `feedback/<student>/<unit>/<notebook>.html` for all graded notebooks, or for some students.

    Returns the students whose pages could not be written; why is said, and stops nobody else. Raises FeedbackError.
    """
    course = course.resolve()
    find_alembic()
    folders = {path.parent.name: path for path in sorted((course / "autograded").glob(f"*/{unit}")) if path.is_dir()}
    unknown = sorted(set(students) - folders.keys())
    if unknown or not folders:
        who = f" by {', '.join(unknown)}" if unknown else ""
        raise FeedbackError(f"nothing of {unit}{who} is graded yet: run `saw-edu grade {unit}` first")
    url = database_of(settings_of(course), course, database)
    try:
        open_gradebook(url, make=False).close()
    except ValueError as error:
        raise FeedbackError(str(error)) from None
    exporter = FeedbackExporter(config=Config({"Exporter": {"default_preprocessors": []}}))
    for step in (GetGradesAndOpenOnes, HideTests):
        exporter.register_preprocessor(step, enabled=True)
    logging.getLogger("traitlets").setLevel(logging.ERROR)
    failed = []
    for student, folder in folders.items():
        if students and student not in students:
            continue
        try:
            pages = {f"{path.stem}.html": _page(exporter, path, student, unit, url) for path in folder.glob("*.ipynb")}
            replace_folder(course / "feedback" / student / unit, pages)
        except Exception as error:
            failed.append(student)
            say(one_line(f"{student}: no feedback: {type(error).__name__}: {error}"))
    return failed


def _page(exporter: FeedbackExporter, path: Path, student: str, unit: str, url: str) -> bytes:
    notebook = nbformat.reads(path.read_text(encoding="utf-8"), as_version=4)
    known = {"student": student, "assignment": unit, "notebook": path.stem, "db_url": url}
    made, _ = exporter.from_notebook_node(notebook, ResourcesDict(nbgrader=known))
    return made.encode("utf-8", "replace")
