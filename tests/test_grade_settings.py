"""Where the gradebook is, and tests that are no code cells any more."""

from pathlib import Path

import nbformat
from traitlets.config import Config

from saw_edu.classroom.grading.settings import database_of
from saw_edu.classroom.student import results


def test_a_relative_gradebook_is_in_the_courses_folder(tmp_path: Path) -> None:
    own = Config()
    own.CourseDirectory.db_url = "sqlite:///own.db"
    assert database_of(Config(), tmp_path) == f"sqlite:///{tmp_path.resolve()}/gradebook.db"
    assert database_of(own, tmp_path) == f"sqlite:///{tmp_path.resolve()}/own.db"
    assert database_of(own, tmp_path, "sqlite:///grades.db") == f"sqlite:///{tmp_path.resolve()}/grades.db"
    for url in ("sqlite:////tmp/x.db", "sqlite://", "sqlite:///:memory:", "postgresql://host/book"):
        assert database_of(own, tmp_path, url) == url


def test_a_test_that_was_turned_into_text_is_listed_as_not_run() -> None:
    cell = nbformat.v4.new_raw_cell("checks.x(x)")
    cell.metadata["nbgrader"] = {"grade": True, "solution": False, "grade_id": "check-x", "points": 1}
    (found,) = results(nbformat.v4.new_notebook(cells=[cell]))
    assert (found.name, found.state, found.points) == ("x", "not run", 0)
    assert "turn it back into code" in found.message
