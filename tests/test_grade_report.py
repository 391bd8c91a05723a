"""The class report: states, misconceptions, scores, near-identical answers, and what the page and the table hold."""

import csv
import re
import shutil
from datetime import datetime
from pathlib import Path

import pytest
from grade_corpus import FIRST, NAME, SECOND, Submitted, find, solved, write
from nbformat import reads, writes
from typer.testing import CliRunner

from saw_edu.classroom.authoring.release import student_notebooks
from saw_edu.classroom.authoring.source import read_chapter
from saw_edu.classroom.grading import gradebook as books
from saw_edu.classroom.grading import run
from saw_edu.classroom.grading.gradebook import NotebookResult
from saw_edu.classroom.grading.judge import FLAGGED, NOT_STARTED, RIGHT, STOPPED, WRONG, CheckResult, result
from saw_edu.classroom.grading.plan import UnitPlan, read_unit
from saw_edu.classroom.grading.submission import read_submission
from saw_edu.classroom.reports.likeness import FEWEST, find_alike
from saw_edu.classroom.reports.report import ReportError, gather, report_unit
from saw_edu.classroom.reports.report_page import histogram, page
from saw_edu.cli import app

ROOT = Path(__file__).parent.parent
FIXTURE = ROOT / "tests" / "fixtures" / "course"
CHAPTER = read_chapter(FIXTURE / "solutions" / "unit1" / "01_returns.py")
RELEASE = student_notebooks("unit1", [CHAPTER])[NAME]
SOLUTION = solved(CHAPTER.exercises()[0].source)

LONG = '''
def discounted_return(rewards, discount):
    """Mine."""
    table = {}
    for place, reward in enumerate(rewards.tolist()):
        factor = 1.0
        for _ in range(place):
            factor = factor * discount
        table[place] = reward * factor if factor > 1e-9 else 0.0
    return sum(table[key] for key in sorted(table, reverse=True))
'''
RENAMED = """
# all my own work
def discounted_return(r: torch.Tensor, g: float) -> torch.Tensor:
    d = {}
    for i, x in enumerate(r.tolist()):
        w = 1.0
        for _ in range(i):
            w = w * g
        d[i] = (x * w) if w > 1e-9 else 0.0
    return sum(d[k] for k in sorted(d, reverse=True))
"""
OTHER = """
def discounted_return(rewards, discount):
    steps = [rewards[i] * discount ** i for i in range(rewards.shape[0])]
    if not steps:
        return torch.zeros(())
    total = steps.pop()
    while steps:
        total = total + steps.pop()
    return total.to(rewards.dtype).reshape(())
"""


def test_names_comments_and_formatting_do_not_hide_a_copy() -> None:
    (pair,) = find_alike("x", {"ada": LONG, "bob": RENAMED, "cyd": OTHER}, [])
    assert pair.students == ("ada", "bob")
    assert pair.similarity == 1
    assert pair.passages >= FEWEST


def test_one_more_line_makes_answers_near_identical_and_not_the_same() -> None:
    more = RENAMED.replace("    d = {}\n", "    d = {}\n    assert len(r) >= 0\n")
    (pair,) = find_alike("x", {"ada": LONG, "bob": more}, [])
    assert 0.7 <= pair.similarity < 1


def test_what_the_course_gave_and_short_answers_are_not_compared() -> None:
    assert not find_alike("x", {"ada": LONG, "bob": RENAMED}, [LONG])
    short = "def f(x):\n    return x.flip(0)"
    assert not find_alike("x", {"ada": short, "bob": short}, [])
    assert not find_alike("x", {"ada": LONG, "bob": OTHER}, [])


def test_the_same_answer_of_many_is_one_group() -> None:
    answers = dict.fromkeys("abcde", LONG) | {"f": OTHER, "g": "def broken(:", "h": ""}
    (group,) = find_alike("x", answers, [])
    assert group.students == tuple("abcde")


def test_answers_in_words_and_code_that_does_not_parse() -> None:
    words = "Because rewards that come later are worth less " * 4 + "to an impatient agent, as money is."
    text = " ".join(f"word{i}" for i in range(40))
    assert not find_alike("q", {"ada": text, "bob": words}, [], words=True)
    (pair,) = find_alike("q", {"ada": text, "bob": text.upper()}, [], words=True)
    assert pair.similarity == 1
    broken = LONG.replace("sorted(table", "sorted((table")
    (pair,) = find_alike("q", {"ada": broken, "bob": broken}, [])
    assert pair.similarity == 1


def test_histogram_has_known_edges() -> None:
    assert histogram([0, 0.49, 0.5, 4.99, 5], 5) == [2, 1, 0, 0, 0, 0, 0, 0, 0, 2]
    assert histogram([0.3 * 10], 10)[3] == 1


def notebook(first: str, second: str = "") -> bytes:
    made = reads(RELEASE.decode(), as_version=4)
    find(made, FIRST).source = first or CHAPTER.exercises()[0].released
    find(made, SECOND).source = second or solved(CHAPTER.exercises()[1].source)
    return writes(made).encode()


GRADED: dict[str, tuple[bytes, tuple[str, str | None], tuple[str, str | None]]] = {
    "ada": (notebook(SOLUTION), (RIGHT, None), (RIGHT, None)),
    "bob": (notebook(LONG), (WRONG, "time backwards"), (RIGHT, None)),
    "cyd": (notebook(RENAMED), (WRONG, "time backwards"), (STOPPED, "stopped")),
    "dan": (notebook(""), (NOT_STARTED, None), (WRONG, "value")),
    "eve": (notebook(OTHER), (FLAGGED, None), (RIGHT, None)),
    "fay": (b"", (RIGHT, None), (RIGHT, None)),
}


def enter(course: Path, plan: UnitPlan, student: str) -> None:
    """What `saw-edu grade` writes for one student."""
    path = course / "submitted" / student / "unit1" / NAME
    (chapter,) = plan.chapters
    if not path.stat().st_size:
        outcome = NotebookResult(chapter, "ungradable", reason="the file is empty")
    else:
        checks: list[CheckResult] = []
        for exercise, (state, mistake) in zip(chapter.exercises, GRADED[student][1:], strict=True):
            checks.append(result(exercise.checks[0], state, "said", mistake))
        flags = ("<script>alert(1)</script> was found",) if student == "eve" else ()
        outcome = NotebookResult(
            chapter, "graded", tuple(checks), flags=flags, submission=read_submission(path, chapter, [])
        )
    with books.open_gradebook(f"sqlite:///{course / 'gradebook.db'}") as gradebook:
        books.write(gradebook, plan, student, datetime(2026, 1, 2), [outcome])
        run._write_files(course, plan, student, [outcome], "digest")


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("report") / "course"
    shutil.copytree(FIXTURE / "solutions", root / "solutions", ignore=shutil.ignore_patterns("__pycache__"))
    write([Submitted(name, {NAME: made[0]}, (0, 0)) for name, made in GRADED.items()], root / "submitted", "unit1")
    plan = read_unit(root, "unit1")
    books.enter_unit(plan, f"sqlite:///{root / 'gradebook.db'}")
    for student in GRADED:
        enter(root, plan, student)
    with books.open_gradebook(f"sqlite:///{root / 'gradebook.db'}") as gradebook:
        gradebook.add_student("gus")
    return root


def test_states_and_misconceptions_are_counted(course: Path) -> None:
    first, second = gather(course, "unit1").exercises
    assert (first.name, first.points, second.points) == (FIRST, 2, 1)
    assert {state: students for state, students in first.states.items() if students} == {
        "solved": ["ada"],
        "wrong": ["bob", "cyd"],
        "not started": ["dan"],
        "flagged": ["eve"],
        "ungradable": ["fay"],
    }
    assert first.mistakes == {"time backwards": ["bob", "cyd"]}
    assert first.missed == ("no discount", "not reduced", "number for tensor")
    assert second.mistakes == {"stopped": ["cyd"], "not recognised": ["dan"]}


def test_scores_are_of_those_who_were_graded(course: Path) -> None:
    assert gather(course, "unit1").scores == [0, 0, 1, 1, 3]  # dan, cyd, bob, eve, ada; fay has none


def test_a_copy_is_listed_and_the_reason_to_look_too(course: Path) -> None:
    report = gather(course, "unit1")
    assert [(item.exercise, item.students) for item in report.alike] == [(FIRST, ("bob", "cyd"))]
    assert ("fay", "01_returns: ungradable: the file is empty") in report.look
    assert [student for student, _ in report.look] == ["eve", "eve", "fay"]
    assert ("eve", f"01_returns: {FIRST}: set to 0 until a person decides") in report.look
    assert [(item.student, item.why) for item in report.waiting if item.cell == f"check-{FIRST}"] == [
        ("eve", "set to 0"),
        ("fay", "unreadable"),
    ]


def test_the_page_needs_nothing_and_runs_nothing(course: Path) -> None:
    made = page(gather(course, "unit1"))
    assert "&lt;script&gt;alert(1)" in made
    assert not re.findall(r"<(?:script|iframe|object|link|img|form|base)\b|\bon\w+=|https?:|url\(", made)
    assert "script-src" not in made
    assert "default-src 'none'" in made
    assert f'role="img" aria-label="{FIRST}: 1 solved, 2 wrong, 1 flagged, 1 not started, 1 ungradable"' in made
    assert "Submissions by score. 0 to 0.5 points: 2; 1 to 1.5 points: 2; 3 to 3.5 points: 1." in made
    assert made.count("<tr>") == made.count("</tr>")


def test_the_table_says_what_each_score_is_worth(course: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(course)
    done = CliRunner().invoke(app, ["report", "unit1"])
    assert done.exit_code == 0, done.output
    assert re.search(rf"{FIRST} +1 +2 +1 +1 +0 +1", done.output)
    with (course / "reports" / "unit1" / "grades.csv").open(newline="", encoding="utf-8") as stream:
        rows = {row["student_id"]: row for row in csv.DictReader(stream)}
    assert (rows["fay"]["score"], rows["fay"]["status"]) == ("", "ungradable: 01_returns: the file is empty")
    assert (float(rows["gus"]["score"]), rows["gus"]["status"]) == (0, "not submitted")
    assert (float(rows["ada"]["score"]), rows["ada"]["status"]) == (3, "graded")
    assert rows["eve"]["status"] == "needs grading"


def test_a_unit_that_nobody_graded_makes_nothing(course: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(FileNotFoundError, match="no unit 'unit9'"):
        report_unit(course, "unit9")
    shutil.copytree(course / "solutions", tmp_path / "solutions")
    monkeypatch.chdir(tmp_path)
    refused = CliRunner().invoke(app, ["report", "unit1"])
    assert refused.exit_code == 2
    assert "run `saw-edu grade` first" in refused.output
    assert not (tmp_path / "gradebook.db").exists()
    with books.open_gradebook(f"sqlite:///{tmp_path / 'gradebook.db'}"):
        pass
    with pytest.raises(ReportError, match="nothing of unit1 is graded yet"):
        report_unit(tmp_path, "unit1")
    assert not (tmp_path / "reports").exists()
