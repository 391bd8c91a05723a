"""The nbgrader loop on the real thing: generate, submissions, autograde, feedback, export.

Runs on the fixture course; with `-m slow` on every unit of the course.
"""

import csv
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import nbformat
import pytest
from nbformat.notebooknode import NotebookNode
from nbgrader.api import Gradebook
from nbgrader.apps.api import NbGraderAPI
from traitlets.config import Config

from saw_edu.classroom.authoring.chapter import Chapter
from saw_edu.classroom.authoring.markers import MARKERS
from saw_edu.classroom.authoring.nbgrader_setup import configure
from saw_edu.classroom.authoring.release import student_notebooks
from saw_edu.classroom.authoring.source import chapter_paths, read_chapter

ROOT = Path(__file__).parent.parent
FIXTURE = ROOT / "tests" / "fixtures" / "course"
REAL_UNITS = sorted({path.parent.name for path in chapter_paths(ROOT)})
FORGED = "print('all tests pass')"
SECRET = "a message of the exception in the submission"


@dataclass
class Graded:
    """A course folder after autograding, and what was handed in."""

    root: Path
    unit: str
    chapters: list[Chapter]
    released: dict[str, bytes]
    generated: dict[str, bytes]


def nbgrader(root: Path, *arguments: str) -> str:
    """Run the real command in a course folder, the environment not activated."""
    environment = {key: value for key, value in os.environ.items() if key not in ("SAW_EDU_COURSE", "SAW_EDU_FAST")}
    command = [sys.executable, "-m", "nbgrader", *arguments]
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def solved(text: str) -> str:
    return "\n".join(line for line in text.split("\n") if not any(marker in line for marker in MARKERS))


def submission(kind: str, chapter: Chapter, release: bytes) -> NotebookNode:
    """Make a student's notebook from the released one."""
    notebook = nbformat.reads(release.decode("utf-8"), as_version=4)
    exercises = [cell.name for cell in chapter.exercises()]
    for node, cell in zip(notebook.cells, chapter.cells, strict=True):
        first = bool(exercises) and cell.name == exercises[0]
        if kind in ("solution", "forged", "doubled") and cell.role in ("exercise", "question"):
            node.source = solved(cell.source)
        if kind == "partly" and cell.role == "exercise" and first:
            node.source = solved(cell.source)
        if kind == "exception" and cell.role == "exercise":
            node.source = f"raise ValueError({SECRET!r})" if first else solved(cell.source)
        if kind == "forged" and cell.role == "check":
            node.source, node.metadata.nbgrader.points = FORGED, 100
        if kind == "forged" and cell.role == "exercise" and first:
            node.source = cell.released
    if kind == "doubled":  # a student who copies cells, which nbgrader's metadata follows
        for node in [node for node in notebook.cells if "nbgrader" in node.metadata]:
            twin = nbformat.from_dict({**node, "id": f"{node['id']}-copy"[:64]})
            notebook.cells.insert(notebook.cells.index(node) + 1, twin)
    return notebook


def subtly_wrong(chapter: Chapter, release: bytes) -> NotebookNode:
    """Answer the fixture's exercises so that the visible checks pass and the hidden ones do not."""
    notebook = submission("solution", chapter, release)
    for node in notebook.cells:
        node.source = node.source.replace("torch.arange(len(rewards))", "torch.arange(len(rewards)).flip(0)")
        crash = "largest = max(largest, value) if value > 0 else 1 / 0"
        node.source = node.source.replace("largest = max(largest, value)", crash)
    return notebook


SUBTLE = "subtle"
KINDS = ("solution", "untouched", "partly", "exception", "forged", "doubled")


@pytest.fixture(
    scope="module",
    params=["fixture", *[pytest.param(unit, marks=pytest.mark.slow) for unit in REAL_UNITS]],
)
def graded(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Graded:
    course, unit = (FIXTURE, "unit1") if request.param == "fixture" else (ROOT, request.param)
    root = tmp_path_factory.mktemp("course")
    shutil.copytree(course / "solutions", root / "solutions", ignore=shutil.ignore_patterns("__pycache__"))
    if (course / "assets").is_dir():
        (root / "assets").symlink_to(course / "assets")
    shutil.copy(ROOT / "nbgrader_config.py", root)
    chapters = [read_chapter(path) for path in chapter_paths(root, unit)]
    for chapter in chapters:
        nbformat.write(chapter.notebook(), chapter.path.with_suffix(".ipynb"))
    nbgrader(root, "generate_assignment", unit)
    folder = root / "notebooks" / unit
    generated = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    released = student_notebooks(unit, chapters)
    for kind in KINDS:
        handed_in = root / "submitted" / kind / unit
        handed_in.mkdir(parents=True)
        for chapter in chapters:
            notebook = submission(kind, chapter, released[f"{chapter.name}.ipynb"])
            if kind == "untouched":
                (handed_in / f"{chapter.name}.ipynb").write_bytes(released[f"{chapter.name}.ipynb"])
            else:
                nbformat.write(notebook, handed_in / f"{chapter.name}.ipynb")
    if course is FIXTURE:
        folder = root / "submitted" / SUBTLE / unit
        folder.mkdir(parents=True)
        nbformat.write(subtly_wrong(chapters[0], released["01_returns.ipynb"]), folder / "01_returns.ipynb")
    nbgrader(root, "autograde", unit)
    nbgrader(root, "generate_feedback", unit)
    nbgrader(root, "export")
    return Graded(root, unit, chapters, released, generated)


def points(chapter: Chapter, exercises: list[str]) -> float:
    return sum(float(cell.tags["points"]) for name in exercises for cell in chapter.checks(name))


def expected(kind: str, chapter: Chapter) -> float:
    names = [cell.name for cell in chapter.exercises()]
    passed = {"solution": names, "untouched": [], "partly": names[:1], "exception": names[1:], "forged": names[1:]}
    passed["doubled"] = names
    return points(chapter, passed[kind])


def test_nbgrader_itself_gives_the_notebooks_that_build_gives(graded: Graded) -> None:
    assert graded.generated == graded.released


def test_scores_are_those_expected(graded: Graded) -> None:
    with Gradebook(f"sqlite:///{graded.root / 'gradebook.db'}", "saw-edu") as gradebook:
        for kind in KINDS:
            for chapter in graded.chapters:
                found = gradebook.find_submission_notebook(chapter.name, graded.unit, kind)
                assert found.code_score == pytest.approx(expected(kind, chapter)), (kind, chapter.name)
                assert found.max_score == pytest.approx(chapter.points)
                questions = any(cell.role == "question" for cell in chapter.cells)
                assert found.needs_manual_grade == (questions and kind in ("solution", "forged", "doubled")), kind


def test_the_exported_table_has_the_same_scores(graded: Graded) -> None:
    with (graded.root / "grades.csv").open(newline="", encoding="utf-8") as stream:
        rows = {row["student_id"]: row for row in csv.DictReader(stream)}
    assert set(rows) - {SUBTLE} == set(KINDS)
    for kind in KINDS:
        total = sum(expected(kind, chapter) for chapter in graded.chapters)
        assert float(rows[kind]["score"]) == pytest.approx(total)
        assert float(rows[kind]["max_score"]) == pytest.approx(sum(chapter.points for chapter in graded.chapters))


def test_feedback_shows_messages_but_no_hidden_test(graded: Graded) -> None:
    secrets: set[str] = {"saw_edu.classroom import hidden", "BEGIN HIDDEN", "END HIDDEN"}
    for path in (graded.root / "solutions").glob("*/*_hidden.py"):
        for line in path.read_text(encoding="utf-8").split("\n"):
            if re.match(r"\s+(Case|reference|wrong|when)\b", line) or "expect=" in line:
                secrets.add(line.strip())
    for kind in KINDS:
        for chapter in graded.chapters:
            path = graded.root / "feedback" / kind / graded.unit / f"{chapter.name}.html"
            html = re.sub(r"<[^>]*>", "", path.read_text(encoding="utf-8"))
            plain = html.replace("&quot;", '"').replace("&#34;", '"').replace("&#39;", "'").replace("&amp;", "&")
            plain = plain.replace("&lt;", "<").replace("&gt;", ">")
            shown = [secret for secret in secrets if secret in plain]
            assert not shown, (kind, chapter.name, shown)
            assert "hidden(" not in plain
            if kind == "untouched" and chapter.exercises():
                assert "not started yet" in plain
            if kind == "exception" and chapter.exercises():
                assert SECRET in plain  # the student's own error, in the student's own cell
            if kind == "forged" and chapter.exercises():
                assert FORGED not in plain


def test_formgrader_lists_units_only(graded: Graded) -> None:
    api = NbGraderAPI(config=configure(Config(), graded.root))
    assert graded.unit in api.get_source_assignments()
    assert api.get_source_assignments() == {
        path.name for path in (graded.root / "solutions").iterdir() if path.is_dir()
    }


def test_a_wrong_answer_that_only_a_hidden_test_sees_gets_its_message_in_feedback(graded: Graded) -> None:
    """The message of a hidden check reaches the student; its cases, and the lines that call it, do not."""
    if graded.unit != "unit1" or graded.chapters[0].name != "01_returns":
        pytest.skip("this answer is one to the fixture's exercises")
    with Gradebook(f"sqlite:///{graded.root / 'gradebook.db'}", "saw-edu") as gradebook:
        assert gradebook.find_submission("unit1", SUBTLE).code_score == 0
    html = (graded.root / "feedback" / SUBTLE / "unit1" / "01_returns.html").read_text(encoding="utf-8")
    assert "The last reward seems to be discounted least" in html
    assert "ZeroDivisionError" in html
    for secret in ("hidden(", "[1.0, 2.0, 4.0]", "Traceback (most recent", "expected 3"):
        assert secret not in html
