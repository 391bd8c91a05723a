"""An instructor's ends: what is handed out, what the last lines say, who copied the model solution."""

import shutil
import zipfile
from pathlib import Path

import pytest
from grade_corpus import FIRST, NAME, find, solved
from nbformat import reads, writes
from typer.testing import CliRunner

from saw_edu.classroom.authoring.handout import HandoutError, hand_out
from saw_edu.classroom.authoring.release import student_notebooks
from saw_edu.classroom.authoring.source import read_chapter
from saw_edu.classroom.grading import copied, edits
from saw_edu.classroom.grading.gradebook import NotebookResult, Waiting
from saw_edu.classroom.grading.judge import AGAIN, UNGRADED, flagged, result
from saw_edu.classroom.grading.plan import UnitPlan, read_unit
from saw_edu.classroom.grading.results import StudentResult, summary
from saw_edu.classroom.grading.submission import Submission, read_submission
from saw_edu.cli import app

FIXTURE = Path(__file__).parent / "fixtures" / "course"
CHAPTER = read_chapter(FIXTURE / "solutions" / "unit1" / "01_returns.py")
QUESTION = next(cell for cell in CHAPTER.cells if cell.role == "question")


@pytest.fixture(scope="module")
def release() -> bytes:
    return student_notebooks("unit1", [CHAPTER])[NAME]


@pytest.fixture
def course(tmp_path: Path, release: bytes) -> Path:
    root = tmp_path / "course"
    shutil.copytree(FIXTURE / "solutions", root / "solutions")
    (root / "notebooks" / "unit1").mkdir(parents=True)
    (root / "notebooks" / "unit1" / NAME).write_bytes(release)
    for name in ("README.md", "grades.csv", "gradebook.db", "nbgrader_config.py", "submitted/ada/unit1/x.ipynb"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("x")
    for name in ("saw_edu/__init__.py", "saw_edu/__pycache__/x.pyc", "assets/a.npz", "tests/test_x.py"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("x")
    return root


def test_students_get_notebooks_library_and_assets_and_nothing_else(course: Path, tmp_path: Path) -> None:
    assert hand_out(course, tmp_path / "out.zip") == [f"notebooks/unit1/{NAME}"]
    with zipfile.ZipFile(tmp_path / "out.zip") as archive:
        names = {name for name in archive.namelist() if not name.endswith("/")}
    wanted = {"README.md", "saw_edu/__init__.py", "assets/a.npz", f"notebooks/unit1/{NAME}"}
    assert names == {f"out/{name}" for name in wanted}
    hand_out(course, tmp_path / "out", ("unit1",))
    assert {str(p.relative_to(tmp_path / "out")) for p in (tmp_path / "out").rglob("*") if p.is_file()} == wanted
    assert not list(tmp_path.glob(".out*"))


def test_a_tree_with_a_solution_in_it_is_not_made(
    course: Path, tmp_path: Path, release: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(HandoutError, match="there already"):
        hand_out(course, course)
    with pytest.raises(HandoutError, match="no unit unit7; there are unit1"):
        hand_out(course, tmp_path / "out", ("unit7",))
    notebook = reads(release.decode(), as_version=4)
    find(notebook, FIRST).source = solved(CHAPTER.exercises()[0].source)
    path = course / "notebooks" / "unit1" / NAME
    path.write_text(writes(notebook))
    with pytest.raises(HandoutError, match="saw-edu build 01"):
        hand_out(course, tmp_path / "out")
    path.write_bytes(release)
    secret = max((region.text.strip() for cell in CHAPTER.cells for region in cell.regions), key=len)
    (course / "README.md").write_text(f"The answer:\n{secret}\n")
    monkeypatch.chdir(course)
    refused = CliRunner().invoke(app, ["handout", str(tmp_path / "out")])
    assert (refused.exit_code, "holds a solution of 01_returns" in refused.output) == (2, True)
    assert not (tmp_path / "out").exists()


def submitted(release: bytes, plan: UnitPlan, folder: Path, **sources: str) -> Submission:
    notebook = reads(release.decode(), as_version=4)
    for name, source in sources.items():
        find(notebook, name.replace("_", "-")).source = source
    path = folder / NAME
    path.write_text(writes(notebook), encoding="utf-8")
    return read_submission(path, plan.chapters[0], [])


def test_a_copied_model_solution_is_shown_to_a_person(release: bytes, tmp_path: Path) -> None:
    plan = read_unit(FIXTURE, "unit1")
    own = submitted(release, plan, tmp_path, question_why_discount="So that sums end, and because near is surer.")
    assert copied.of_notebook(own) == []
    assert edits.of_notebook(own) == []
    whole = submitted(
        release, plan, tmp_path, question_why_discount=QUESTION.source, **{FIRST: CHAPTER.exercises()[0].source}
    )
    assert copied.of_notebook(whole) == [f"{FIRST}, why-discount: holds the markers of the course's own solution"]
    words = "I think so\n\nbecause a sum  without end need not be finite, AND because nearer rewards are surer!"
    (found,) = copied.of_notebook(submitted(release, plan, tmp_path, question_why_discount=words))
    assert found.startswith("why-discount: says what the model answer says")


def test_the_last_lines_say_what_waits_and_what_comes_next() -> None:
    (chapter,) = read_unit(FIXTURE, "unit1").chapters
    first, second = (exercise.checks[0] for exercise in chapter.exercises)

    def student(name: str, *checks: object, flags: tuple[str, ...] = (), waits: tuple[str, ...] = ()) -> StudentResult:
        graded = NotebookResult(chapter, "graded", tuple(checks), flags=flags)  # type: ignore[arg-type]
        return StudentResult(name, (graded,), waiting=tuple(Waiting(name, "x", why) for why in waits))

    right = result(first, "right", ""), result(second, "right", "")
    done = summary("unit1", [student("ada", *right)])
    assert done == (
        "unit1: 1 graded, 0 graded before\n"
        "next: `saw-edu report unit1`, `nbgrader generate_feedback unit1`, `nbgrader export`"
    )
    attack = student("bob", flagged(first, "it kills"), right[1], flags=("\x1b[31mbad\n" * 9,) * 9, waits=("set to 0",))
    again = student("cyd", result(first, UNGRADED, "not graded, run again", AGAIN), right[1], waits=("not graded",))
    words = StudentResult(
        "dan", skipped=True, waiting=(Waiting("dan", "y", "in words"), Waiting("dan", "z", "in words"))
    )
    text = summary("unit1", [attack, again, words])
    assert "not graded for 1: run the same command again" in text
    assert "2 answers in words, 1 set to 0 until you decide, 1 that could not be graded; of 3 students" in text
    assert "Formgrader" in text
    assert "… and 6 more" in text
    assert "\x1b" not in text
    many = summary("unit1", [student(f"s{n:03d}", *right, flags=("odd",) * 20) for n in range(300)])
    assert len(many.split("\n")) < 180
    assert "… and 260 more students: `saw-edu report unit1` lists all" in many
