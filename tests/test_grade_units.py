"""Real units in the sandbox: solutions and alternatives get their points, mutants none, and the mistake's name."""

import shutil
from dataclasses import dataclass
from pathlib import Path

import nbformat
import pytest
from grade_synthetic import used_answers
from sandboxes import needs_sandbox

from saw_edu.classroom.authoring.chapter import Chapter
from saw_edu.classroom.authoring.markers import MARKERS
from saw_edu.classroom.authoring.mutants import exercise_sets
from saw_edu.classroom.authoring.release import student_notebooks
from saw_edu.classroom.authoring.source import chapter_paths, read_chapter
from saw_edu.classroom.grading.run import Options, StudentResult, grade_unit

ROOT = Path(__file__).parent.parent
UNITS = sorted({path.parent.name for path in chapter_paths(ROOT)})

pytestmark = [
    pytest.mark.slow,
    needs_sandbox,
]


@dataclass(frozen=True)
class Graded:
    results: dict[str, StudentResult]
    expected: dict[str, dict[str, str]]  # student → exercise → "right", the mistake's name, or "": not looked at


def handed_in(chapter: Chapter, release: bytes, answers: dict[str, str]) -> str:
    notebook = nbformat.reads(release.decode(), as_version=4)
    for node, cell in zip(notebook.cells, chapter.cells, strict=True):
        if cell.role == "exercise":
            lines = answers.get(cell.name, cell.source).split("\n")
            node.source = "\n".join(line for line in lines if not any(marker in line for marker in MARKERS))
    return nbformat.writes(notebook)


@pytest.fixture(scope="module", params=UNITS)
def graded(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Graded:
    """The n-th student hands in the n-th mutant of each exercise; others the n-th alternative; one the solution.

    Students who hand in a mutant of an exercise that calls earlier answers have all others right.
    """
    unit, root = request.param, tmp_path_factory.mktemp("unit") / "course"
    shutil.copytree(ROOT / "solutions", root / "solutions", ignore=shutil.ignore_patterns("__pycache__", "*.ipynb"))
    shutil.copytree(ROOT / "assets", root / "assets")
    chapters = [read_chapter(path) for path in chapter_paths(root, unit)]
    releases = student_notebooks(unit, chapters)
    others = used_answers(chapters)
    expected: dict[str, dict[str, str]] = {"solution": {}}
    answers: dict[str, dict[str, str]] = {"solution": {}}
    for declared in [item for chapter in chapters for item in exercise_sets(chapter)]:
        name = declared.cell.name
        wrong = [(f"mutant-{n}", m.apply(declared.cell.source), m.mistake) for n, m in enumerate(declared.mutants)]
        right = [(f"alternative-{n}", text, "right") for n, text in enumerate(declared.alternatives)]
        for student, text, becomes in wrong + right:
            student = f"{student}-{name}" if others[name] else student
            answers.setdefault(student, {})[name] = text
            expected.setdefault(student, {})[name] = becomes
    for student, own in answers.items():
        folder = root / "submitted" / student / unit
        folder.mkdir(parents=True)
        for chapter in chapters:
            text = handed_in(chapter, releases[f"{chapter.name}.ipynb"], own)
            (folder / f"{chapter.name}.ipynb").write_text(text, encoding="utf-8")
    results = grade_unit(root, unit, Options(jobs=2))
    for student, own in answers.items():  # a wrong answer makes what calls it wrong, by a name of either
        touched = {name for name, used in others.items() if used & own.keys() and name not in own}
        expected[student] |= dict.fromkeys(touched, "") if student.startswith("mutant-") else {}
    return Graded({result.student: result for result in results}, expected)


def test_every_answer_is_worth_what_it_should_be(graded: Graded) -> None:
    wrong = []
    for student, result in graded.results.items():
        assert not result.error
        for check in [check for notebook in result.notebooks for check in notebook.checks]:
            becomes = graded.expected[student].get(check.exercise, "right")
            found = "right" if check.state == "right" else check.mistake
            if found != becomes and becomes:
                wrong.append(f"{student}, {check.exercise}: {becomes!r} became {found!r}: {check.message}")
    assert not wrong, "\n".join(wrong)


def test_no_honest_answer_is_flagged(graded: Graded) -> None:
    flags = {student: result.flags for student, result in graded.results.items() if result.flags}
    assert not flags
