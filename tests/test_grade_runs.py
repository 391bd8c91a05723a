"""Runs of `saw-edu grade`: resumed after a kill, graded again, exported, taken in from a learning-management system."""

import contextlib
import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import nbformat
import pytest
from grade_corpus import FIRST, SECOND, Submitted, corpus, write
from nbgrader.api import Gradebook
from sandboxes import needs_sandbox, no_sandbox
from typer.testing import CliRunner

from saw_edu.classroom.authoring.release import student_notebooks
from saw_edu.classroom.authoring.source import read_chapter
from saw_edu.classroom.grading import run as grading
from saw_edu.classroom.grading.intake import IntakeError, take_in
from saw_edu.classroom.grading.plan import read_unit
from saw_edu.classroom.grading.run import GradeError, Options, grade_unit
from saw_edu.classroom.sandbox import outside as sandbox
from saw_edu.classroom.sandbox.outside import Limits
from saw_edu.cli import app

ROOT = Path(__file__).parent.parent
FIXTURE = ROOT / "tests" / "fixtures" / "course"
CHAPTER = read_chapter(FIXTURE / "solutions" / "unit1" / "01_returns.py")
RELEASE = student_notebooks("unit1", [CHAPTER])["01_returns.ipynb"]
CORPUS = {submitted.name: submitted for submitted in corpus(CHAPTER, RELEASE)}
LIMITS = Limits(seconds=4, patience=40)


def make_course(root: Path, names: list[str]) -> Path:
    course = root / "course"
    shutil.copytree(FIXTURE / "solutions", course / "solutions", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "nbgrader_config.py", course)
    write([CORPUS[name] for name in names], course / "submitted", "unit1")
    return course


def scores(course: Path) -> dict[str, tuple[Any, ...]]:
    """All that the gradebook says of each student."""
    found = {}
    with Gradebook(f"sqlite:///{course / 'gradebook.db'}", "saw-edu") as gradebook:
        for submission in gradebook.assignment_submissions("unit1"):
            grades = sorted((g.name, g.auto_score, g.manual_score, g.needs_manual_grade)
                            for g in submission.notebooks[0].grades)  # fmt: skip
            comments = sorted((c.name, c.auto_comment) for c in submission.notebooks[0].comments)
            found[submission.student.id] = (*grades, *comments)
    return found


def files(course: Path) -> dict[str, bytes]:
    folder = course / "autograded"
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.mark.slow
@needs_sandbox
def test_a_killed_run_goes_on_and_ends_as_an_undisturbed_one(tmp_path: Path) -> None:
    names = ["half", "magic", "prints", "raises", "solution", "truncated", "untouched", "warns"]
    whole, cut = make_course(tmp_path / "whole", names), make_course(tmp_path / "cut", names)
    grade_unit(whole, "unit1", Options(jobs=1, limits=LIMITS))
    command = [sys.executable, "-m", "saw_edu.cli", "grade", "unit1", "--jobs", "1"]
    kills = 0
    for wanted in (2, 5):
        process = subprocess.Popen(command, cwd=cut, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until = time.monotonic() + 120
        while process.poll() is None and time.monotonic() < until:
            if len(list(cut.glob("autograded/*/unit1"))) >= wanted:
                os.kill(process.pid, signal.SIGKILL)
                kills += 1
                break
            time.sleep(0.002)
        process.wait(60)
    assert kills == 2
    assert len(list(cut.glob("autograded/*/unit1"))) < len(names)
    done = subprocess.run(command, cwd=cut, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert "graded before" in done.stdout
    assert scores(cut) == scores(whole)
    without_status = [{k: v for k, v in files(c).items() if not k.endswith(grading.STATUS_FILE)} for c in (whole, cut)]
    assert without_status[0] == without_status[1]
    assert not list(cut.glob("autograded/*/.unit1-*"))


@needs_sandbox
def test_grading_again_replaces_automatic_scores_and_keeps_manual_ones(tmp_path: Path) -> None:
    course = make_course(tmp_path, ["half", "solution", "truncated"])
    grade_unit(course, "unit1", Options(jobs=1, limits=LIMITS))
    with Gradebook(f"sqlite:///{course / 'gradebook.db'}", "saw-edu") as gradebook:
        question = gradebook.find_grade("question-why-discount", "01_returns", "unit1", "half")
        assert (question.auto_score, question.needs_manual_grade) == (0, False)  # not answered
        question.manual_score = 1.5
        gradebook.find_comment("question-why-discount", "01_returns", "unit1", "half").manual_comment = "nearly"
        gradebook.db.commit()
    again = grade_unit(course, "unit1", Options(jobs=1, limits=LIMITS))
    assert all(result.skipped for result in again)
    path = course / "submitted" / "half" / "unit1" / "01_returns.ipynb"
    path.write_bytes(CORPUS["solution"].files["01_returns.ipynb"])
    again = grade_unit(course, "unit1", Options(jobs=1, limits=LIMITS))
    assert {result.student for result in again if not result.skipped} == {"half"}
    with Gradebook(f"sqlite:///{course / 'gradebook.db'}", "saw-edu") as gradebook:
        assert gradebook.find_grade(f"check-{SECOND}", "01_returns", "unit1", "half").auto_score == 1
        question = gradebook.find_grade("question-why-discount", "01_returns", "unit1", "half")
        assert (question.manual_score, question.needs_manual_grade) == (1.5, True)
        comment = gradebook.find_comment("question-why-discount", "01_returns", "unit1", "half")
        assert comment.comment == "nearly"
    _export_tells_what_a_score_is_worth(course)
    _feedback_tells_what_nobody_has_graded(course)


def _feedback_tells_what_nobody_has_graded(course: Path) -> None:
    with Gradebook(f"sqlite:///{course / 'gradebook.db'}", "saw-edu") as gradebook:
        question = gradebook.find_grade("question-why-discount", "01_returns", "unit1", "solution")
        question.auto_score, question.needs_manual_grade = None, True  # answered, and waiting for a person
        gradebook.db.commit()
    command = [sys.executable, "-m", "nbgrader", "generate_feedback", "unit1"]
    done = subprocess.run(command, cwd=course, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    pages = {name: (course / f"feedback/{name}/unit1/01_returns.html").read_text() for name in ("half", "solution")}
    assert "<td> not graded yet</td><td>– of 2</td>" in pages["solution"]
    assert "3 of 5 points</strong> so far: a part is not graded yet" in pages["solution"]
    assert "<td> by hand</td><td>1.5 of 2</td>" in pages["half"]
    assert "4.5 of 5 points</strong></p>" in pages["half"]


def _export_tells_what_a_score_is_worth(course: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "nbgrader", "export"], cwd=course, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    with (course / "grades.csv").open(newline="", encoding="utf-8") as stream:
        rows = {row["student_id"]: row for row in csv.DictReader(stream)}
    assert float(rows["half"]["score"]) == 2 + 1 + 1.5
    assert rows["half"]["status"] == "needs grading"
    assert rows["truncated"]["score"] == ""
    assert "truncated or damaged" in rows["truncated"]["status"]
    assert rows["truncated"]["status"].startswith("ungradable")
    assert float(rows["solution"]["max_score"]) == 5


@pytest.mark.slow
@needs_sandbox
def test_what_is_not_graded_before_the_deadline_waits_for_a_person(tmp_path: Path) -> None:
    course = make_course(tmp_path, ["loop", "solution"])
    results = {r.student: r for r in grade_unit(course, "unit1", Options(jobs=1, limits=LIMITS, deadline=3))}
    assert "the time for the whole submission" in " ".join(results["loop"].reasons)
    with Gradebook(f"sqlite:///{course / 'gradebook.db'}", "saw-edu") as gradebook:
        grade = gradebook.find_grade(f"check-{FIRST}", "01_returns", "unit1", "loop")
        assert (grade.auto_score, grade.needs_manual_grade) == (None, True)


def test_without_bubblewrap_grading_is_refused_unless_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    course = make_course(tmp_path, ["solution", "loop"])
    monkeypatch.setattr(grading, "find_bubblewrap", lambda: None)
    monkeypatch.setattr(sandbox, "find_bubblewrap", lambda: None)
    with pytest.raises(GradeError, match="--no-sandbox"):
        grade_unit(course, "unit1", Options())
    monkeypatch.chdir(course)
    refused = CliRunner().invoke(app, ["grade", "unit1"])
    assert refused.exit_code == 2
    said: list[str] = []
    options = Options(jobs=1, sandboxed=False, limits=LIMITS)
    results = {result.student: result for result in grade_unit(course, "unit1", options, said.append)}
    assert any("YOUR rights" in line for line in said)
    assert results["solution"].points == 3
    assert results["loop"].points == 1


@needs_sandbox
def test_a_sandbox_that_is_killed_costs_nobody_a_point(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    course = make_course(tmp_path, ["solution", "half"])
    run, calls = sandbox.Sandbox._run, []

    def kill(pid: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)

    def killed(box: sandbox.Sandbox, program: dict[str, Any], limits: Limits) -> sandbox.Outcome:
        """After the proof, the sandbox dies in one program, or, where deadly, in every one."""
        calls.append(0)
        if box._process is not None and (len(calls) == 12 or (len(calls) > 12 and deadly)):
            threading.Timer(0.2, kill, (box._process.pid,)).start()
            program = {**program, "steps": [{"kind": "own", "name": "", "code": "while True: pass"}]}
        return run(box, program, limits)

    monkeypatch.setattr(sandbox.Sandbox, "_run", killed)
    deadly = False
    options = Options(jobs=1, limits=LIMITS)
    results = {result.student: result for result in grade_unit(course, "unit1", options)}
    assert len(calls) > 12
    assert {name: result.points for name, result in results.items()} == {"solution": 3, "half": 2}
    deadly = True
    calls.clear()
    results = {result.student: result for result in grade_unit(course, "unit1", replace(options, force=True))}
    assert "not graded, run again" in " ".join(results["solution"].reasons)
    assert all(row[1] is None for row in scores(course)["solution"] if row[0].startswith(f"check-{SECOND}"))
    deadly = False
    calls.clear()
    monkeypatch.setattr(sandbox.Sandbox, "_run", run)
    results = {result.student: result for result in grade_unit(course, "unit1", options)}
    assert not results["solution"].skipped
    assert results["solution"].points == 3


def test_an_installed_library_is_covered_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    box = sandbox.Sandbox(tmp_path, [], {})
    monkeypatch.setattr(sandbox.saw_edu, "__path__", [str(tmp_path / "checkout" / "saw_edu")])
    assert box._covered() == ["/proc", "/course/saw_edu"]
    installed = Path(nbformat.__path__[0]).resolve().with_name("saw_edu")
    monkeypatch.setattr(sandbox.saw_edu, "__path__", [str(installed)])
    assert box._covered() == ["/proc", "/course/saw_edu", str(installed)]


def test_bad_input_is_refused_before_work_starts(tmp_path: Path) -> None:
    course = make_course(tmp_path, ["solution"])
    options = Options(sandboxed=not no_sandbox())
    with pytest.raises(FileNotFoundError, match="no unit 'unit9'"):
        grade_unit(course, "unit9", options)
    with pytest.raises(GradeError, match="no submission of unit1 by nobody"):
        grade_unit(course, "unit1", Options(students=("nobody",), sandboxed=options.sandboxed))
    with pytest.raises(GradeError, match="cannot be opened"):
        grade_unit(course, "unit1", Options(database="nonsense://x", sandboxed=options.sandboxed))
    shutil.rmtree(course / "submitted")
    with pytest.raises(GradeError, match="no submissions"):
        grade_unit(course, "unit1", options)


def test_folders_and_zips_of_learning_management_systems_are_taken_in(tmp_path: Path) -> None:
    course = make_course(tmp_path, [])
    plan = read_unit(course, "unit1")
    whole = CORPUS["solution"].files["01_returns.ipynb"]
    inner = tmp_path / "dora.zip"
    with zipfile.ZipFile(inner, "w") as archive:
        archive.writestr("01_returns.ipynb", whole)
    names = {
        "adaada_123_456_01_returns.ipynb": whole,  # Canvas
        "bobbob_LATE_124_457_01_returns-1.ipynb": whole,  # Canvas, late and handed in again
        "Clara Müller_99_assignsubmission_file_/my homework.ipynb": whole,  # Moodle, renamed
        "dora/dora.zip": inner.read_bytes(),
        "../../escape/01_returns.ipynb": whole,
        "eve_01_returns.ipynb": b"broken",
        "frank/notes.ipynb": b"{}",
    }
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        for name, data in names.items():
            archive.writestr(name, data)
    said = take_in(tmp_path / "all.zip", course / "submitted", plan)
    found = {str(p.relative_to(course / "submitted")) for p in (course / "submitted").rglob("*.ipynb")}
    students = {"adaada", "bobbob", "Clara_Muller", "dora", "escape", "eve"}
    assert found == {f"{student}/unit1/01_returns.ipynb" for student in students}
    assert any("notes.ipynb" in line for line in said)
    assert not list(tmp_path.glob("**/escape/01_returns.ipynb"))
    (tmp_path / "nothing here").mkdir()
    with pytest.raises(IntakeError, match="no notebook of unit1"):
        take_in(tmp_path / "nothing here", course / "submitted", plan)
    (tmp_path / "bad.zip").write_bytes(b"PK nonsense")
    with pytest.raises(IntakeError, match="not a zip"):
        take_in(tmp_path / "bad.zip", course / "submitted", plan)


def test_a_zip_that_grows_without_bounds_is_not_unpacked(tmp_path: Path) -> None:
    plan = read_unit(make_course(tmp_path, []), "unit1")
    whole = CORPUS["solution"].files["01_returns.ipynb"]
    with zipfile.ZipFile(tmp_path / "eve.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(12):
            archive.writestr(f"{number}.ipynb", b" " * 2**25)
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        archive.write(tmp_path / "eve.zip", "eve/eve.zip")
        archive.writestr("ada/01_returns.ipynb", whole)
    said = take_in(tmp_path / "all.zip", tmp_path / "submitted", plan)
    assert [path.parts[-3] for path in (tmp_path / "submitted").rglob("*.ipynb")] == ["ada"]
    assert any("eve.zip" in line for line in said)


@needs_sandbox
def test_a_notebook_one_folder_too_deep_waits_for_a_person(tmp_path: Path) -> None:
    course = make_course(tmp_path, [])
    deep = course / "submitted" / "xenia" / "unit1" / "unit1" / "01_returns.ipynb"
    deep.parent.mkdir(parents=True)
    deep.write_bytes(CORPUS["solution"].files["01_returns.ipynb"])
    (result,) = grade_unit(course, "unit1", Options(jobs=1, limits=LIMITS))
    assert "'unit1/01_returns.ipynb' seems to be it: move it to xenia/unit1/" in result.reasons[0]


@needs_sandbox
def test_links_pipes_and_folders_are_no_notebooks(tmp_path: Path) -> None:
    course = make_course(tmp_path, ["solution"])
    for name in ("link", "pipe", "folder"):
        (course / "submitted" / name / "unit1").mkdir(parents=True)
    target = course / "submitted" / "solution" / "unit1" / "01_returns.ipynb"
    (course / "submitted" / "link" / "unit1" / "01_returns.ipynb").symlink_to(target)
    os.mkfifo(course / "submitted" / "pipe" / "unit1" / "01_returns.ipynb")
    (course / "submitted" / "folder" / "unit1" / "01_returns.ipynb").mkdir()
    (course / "submitted" / "linked-student").symlink_to(course / "submitted" / "solution")
    (course / "submitted" / "linked-unit").mkdir()
    (course / "submitted" / "linked-unit" / "unit1").symlink_to(target.parent)
    said: list[str] = []
    results = {r.student: r for r in grade_unit(course, "unit1", Options(jobs=1, limits=LIMITS), said.append)}
    assert results.keys() == {"solution", "link", "pipe", "folder"}
    assert results["solution"].points == 3
    for name in ("link", "pipe", "folder"):
        assert results[name].reasons == ["01_returns: ungradable: it is not a file"]
    assert "passed over linked-student and linked-unit: links, not folders" in said


def test_status_and_notebook_of_an_ungradable_file_say_why(tmp_path: Path) -> None:
    submitted = Submitted("x", {"01_returns.ipynb": b""}, (None, None))
    course = make_course(tmp_path, [])
    write([submitted], course / "submitted", "unit1")
    options = Options(jobs=1, sandboxed=not no_sandbox(), limits=LIMITS)
    (result,) = grade_unit(course, "unit1", options)
    assert result.reasons == ["01_returns: ungradable: the file is empty"]
    folder = course / "autograded" / "x" / "unit1"
    notebook = nbformat.read(folder / "01_returns.ipynb", as_version=4)
    nbformat.validate(notebook)
    assert "the file is empty" in notebook.cells[0].source
    assert json.loads((folder / grading.STATUS_FILE).read_text())["notebooks"]["01_returns"]["state"] == "ungradable"
