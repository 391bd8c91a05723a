"""Grading a corpus of honest, broken and hostile submissions: points, status, and no harm done."""

import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from grade_corpus import FIRST, HIDDEN_WORDS, NAME, SAMPLE, SECOND, Submitted, corpus, write
from grade_corpus_sizes import giants
from nbgrader.api import Gradebook
from sandboxes import needs_sandbox

from saw_edu.classroom.authoring.release import student_notebooks
from saw_edu.classroom.authoring.source import read_chapter
from saw_edu.classroom.grading.run import STATUS_FILE, Options, StudentResult, grade_unit
from saw_edu.classroom.sandbox.outside import Limits

FIXTURE = Path(__file__).parent / "fixtures" / "course"
CHAPTER = read_chapter(FIXTURE / "solutions" / "unit1" / "01_returns.py")
RELEASE = student_notebooks("unit1", [CHAPTER])["01_returns.ipynb"]
CORPUS = {submitted.name: submitted for submitted in corpus(CHAPTER, RELEASE)}
LIMITS = Limits(seconds=4, patience=40, memory_bytes=2**30)

pytestmark = needs_sandbox


@dataclass
class Graded:
    """A course folder after grading, what was handed in, and what came of it."""

    root: Path
    corpus: dict[str, Submitted]
    results: dict[str, StudentResult]

    def status(self, name: str) -> dict[str, Any]:
        text = (self.root / "autograded" / name / "unit1" / STATUS_FILE).read_text(encoding="utf-8")
        return dict(json.loads(text)["notebooks"]["01_returns"])


@pytest.fixture(scope="module", params=["sample", pytest.param("all", marks=pytest.mark.slow)])
def graded(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Graded:
    root = tmp_path_factory.mktemp("grading") / "course"
    shutil.copytree(FIXTURE / "solutions", root / "solutions", ignore=shutil.ignore_patterns("__pycache__"))
    chosen = {name: CORPUS[name] for name in (CORPUS if request.param == "all" else SAMPLE)}
    if request.param == "all":
        for name, (data, says) in giants(CORPUS["solution"].files[NAME]).items():
            chosen[name] = Submitted(name, {NAME: data}, (None, None) if says else (2, 1), says)
    write(list(chosen.values()), root / "submitted", "unit1")
    results = grade_unit(root, "unit1", Options(jobs=2, limits=LIMITS))
    return Graded(root, chosen, {result.student: result for result in results})


def test_the_corpus_is_large() -> None:
    assert len(CORPUS) >= 80
    assert sum(submitted.flag is not None for submitted in CORPUS.values()) >= 20
    assert set(SAMPLE) < set(CORPUS)


def test_points_status_and_flags_are_those_expected(graded: Graded) -> None:
    wrong: list[str] = []
    with Gradebook(f"sqlite:///{graded.root / 'gradebook.db'}", "saw-edu") as gradebook:
        for name, submitted in graded.corpus.items():
            notebook = gradebook.find_submission_notebook("01_returns", "unit1", name)
            wrong += [f"{name}: {text}" for text in _faults(graded, submitted, notebook)]
    assert not wrong, "\n".join(wrong)


def _faults(graded: Graded, submitted: Submitted, notebook: Any) -> list[str]:
    """How one submission's grades, status and flags differ from what is expected."""
    grades = {grade.name: grade for grade in notebook.grades}
    scores = tuple(grades[f"check-{exercise}"].auto_score for exercise in (FIRST, SECOND))
    found = graded.status(submitted.name)
    said = " ".join([found["state"], found["reason"], *(f"{c['state']} {c['message']}" for c in found["checks"])])
    flags = " ".join(found["flags"])
    faults = [graded.results[submitted.name].error] if graded.results[submitted.name].error else []
    faults += [f"{scores}: {said}"] if scores != submitted.points else []
    faults += ["maximum changed"] if grades[f"check-{FIRST}"].max_score != 2 else []
    faults += ["exported as 0"] if submitted.points == (None, None) and not notebook.needs_manual_grade else []
    faults += [f"{submitted.says!r} not in {said}"] if submitted.says not in said else []
    unflagged = submitted.flag not in flags if submitted.flag is not None else bool(flags)
    return faults + ([f"flags: {flags}"] if unflagged else [])


def test_nothing_hidden_and_nothing_active_is_in_any_output(graded: Graded) -> None:
    for name in graded.results:
        text = json.dumps(graded.status(name), ensure_ascii=False)
        assert not [word for word in HIDDEN_WORDS if word in text], name
    notebook = (graded.root / "autograded" / "script" / "unit1" / "01_returns.ipynb").read_text(encoding="utf-8")
    assert "SCRIPT" in notebook
    assert "<script" not in notebook
    assert "<img" not in notebook


def test_nothing_is_left_running_or_written(graded: Graded) -> None:
    running = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    assert "sleep 4242" not in running
    assert not Path("/outside-canary").exists()
    assert not Path("/tmp/big").exists()
    assert sorted(path.name for path in graded.root.iterdir()) == [
        "autograded",
        "gradebook.db",
        "solutions",
        "submitted",
    ]
    for name, submitted in graded.corpus.items():
        folder = graded.root / "submitted" / name / "unit1"
        assert {path.name: path.read_bytes() for path in folder.iterdir()} == submitted.files
