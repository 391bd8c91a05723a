"""No undeserved point: what of the library solves an exercise is found by running it, and grading refuses it."""

import json
import shutil
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest
import torch
from sandboxes import needs_sandbox
from torch import Tensor

from saw_edu.classroom.authoring import solvers
from saw_edu.classroom.authoring.callables import Candidate, candidates
from saw_edu.classroom.authoring.markers import MARKERS
from saw_edu.classroom.authoring.release import student_notebooks
from saw_edu.classroom.authoring.solvers import find, quietly
from saw_edu.classroom.authoring.source import chapter_paths, read_chapter
from saw_edu.classroom.grading.library import recorded
from saw_edu.classroom.grading.plan import read_unit
from saw_edu.classroom.grading.run import Options, grade_unit
from saw_edu.classroom.sandbox.inside import student

ROOT = Path(__file__).parent.parent
FIXTURE = read_chapter(Path(__file__).parent / "fixtures" / "course" / "solutions" / "unit1" / "01_returns.py")
CHAPTERS = {path.stem: path for path in chapter_paths(ROOT)}


class Private:
    """Shapes that a solver can have in a library."""

    def _answer(self, rewards: Tensor, discount: float) -> Tensor:
        return (discount ** torch.arange(len(rewards)) * rewards).sum()

    def by_its_own_discount(self, rewards: Tensor) -> Tensor:
        return (self.discount ** torch.arange(len(rewards)) * rewards).sum()  # type: ignore[attr-defined]

    @staticmethod
    def other_way_round(gamma: float, payments: Tensor) -> Tensor:
        return (gamma ** torch.arange(len(payments)) * payments).sum()

    @classmethod
    def with_more(cls, rewards: Tensor, discount: float) -> tuple[Tensor, int]:
        return (discount ** torch.arange(len(rewards)) * rewards).sum(), 3

    @staticmethod
    def nearly(rewards: Tensor, discount: float) -> Tensor:
        return -(discount ** torch.arange(len(rewards)) * rewards)

    @staticmethod
    def undiscounted(rewards: Tensor, discount: float) -> Tensor:
        return rewards.sum()

    @staticmethod
    def weights(rewards: Tensor, discount: float) -> Tensor:
        return discount ** torch.arange(len(rewards))

    @staticmethod
    def identity(rewards: Tensor, discount: float) -> Tensor:
        return rewards

    @staticmethod
    def fails(rewards: Tensor, discount: float) -> Tensor:
        raise ValueError

    @staticmethod
    def never_ends(rewards: Tensor, discount: float) -> Tensor:
        while True:
            pass


def test_solvers_of_every_shape_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    functions: dict[str, Any] = {name: value for name, value in vars(Private).items() if not name.startswith("__")}
    given = []
    for name, member in functions.items():
        function: Callable[..., Any] = getattr(member, "__func__", member)
        given.append(Candidate(name, function, None if isinstance(member, staticmethod) else Private))
    monkeypatch.setattr(solvers, "_SECONDS", 0.05)
    monkeypatch.setattr(solvers, "_MOST_WAYS", 20)
    with quietly(FIXTURE):
        found = find(FIXTURE, given)
    assert found["running-maximum"] == {}
    whole = "the answer"
    assert found["discounted-return"] == {
        "_answer": "the answer",
        "by_its_own_discount": whole,
        "other_way_round": whole,
        "with_more": whole,
        "nearly": "weights * rewards",
        "weights": "discount ** torch.arange(len(rewards))",
    }


def test_all_of_the_library_is_tried() -> None:
    names = {candidate.name for candidate in candidates()}
    assert len(names) > 800
    assert {
        "saw_edu.agents.objectives:expectile_weights",
        "saw_edu.data.sampling:HindsightSampler._goals",
        "saw_edu.agents.saw:SAW",
        "saw_edu.course.ch15.tabular:_weights",
    } <= names


@pytest.mark.slow
@pytest.mark.parametrize("name", CHAPTERS)
def test_what_solves_an_exercise_is_noted_for_grading(name: str) -> None:
    chapter = read_chapter(CHAPTERS[name])
    noted = recorded(ROOT).get(name, {})
    stripped = read_unit(ROOT, chapter.unit).checks
    with quietly(chapter):
        found = find(chapter, candidates(stripped))
    new = {exercise: own.keys() - noted.get(exercise, {}).keys() for exercise, own in found.items()}
    assert not any(new.values()), f"run `saw-edu library {name[:2]}`: {new}"


def test_what_is_noted_is_there() -> None:
    noted = recorded(ROOT)
    units = {CHAPTERS[name].parent.name for name, own in noted.items() if "_checks:" in str(own)}
    names = {candidate.name for candidate in candidates()}
    names |= {candidate.name for unit in units for candidate in candidates(read_unit(ROOT, unit).checks)}
    assert set(noted) <= set(CHAPTERS)
    for name, own in noted.items():
        assert set(own) <= {cell.name for cell in read_chapter(CHAPTERS[name]).exercises()}
        assert {function for functions in own.values() for function in functions} <= names, "run `saw-edu library`"


def test_every_kind_of_callable_can_be_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    source = """
import functools, torch

class Made:
    def __init__(self): self.x = 1
    def method(self): return 1
    @staticmethod
    def static(x=1): return 1
    @classmethod
    def of_class(cls, *, y=2): return 1
    @property
    def value(self): return 1
    @torch.no_grad()
    def wrapped(self): return 1

class Kept:
    def __init__(self): self.x = 1

@functools.lru_cache
def cached(x): return 1

def outer(x):
    def inner(y): return x + y
    return inner

inner = outer(1)
made, method, held = Made(), Made.method, [Made.static, inner]
"""
    module = types.ModuleType("saw_edu_guarded")
    exec(source, module.__dict__)
    monkeypatch.setitem(sys.modules, "saw_edu_guarded", module)
    names = ["method", "static", "of_class", "value", "wrapped"]
    student._guard([f"saw_edu_guarded:{n}" for n in [*(f"Made.{name}" for name in names), "cached", "inner", "Kept"]])
    student._guard(["saw_edu_guarded:not_there", "no_module:x", "saw_edu_guarded:Made.not_there"])
    made, held = module.made, module.held  # type: ignore[attr-defined]
    calls: list[Callable[[], Any]] = [made.method, made.static, made.of_class, lambda: made.value, made.wrapped]
    calls += [lambda: module.cached(1), lambda: held[1](1), held[0], module.Kept, lambda: module.method(made)]
    for call in calls:
        with pytest.raises(student.ReferenceCalled):
            call()
    module.Made()


WEIGHED = """
def expectile_loss(differences, expectile):
    from saw_edu.agents import objectives
    return (objectives.expectile_weights(differences, expectile) * differences**2).mean()
"""
GEOMETRIC = """
def sample_goals(rows, final_index, fractions, discount, generator):
    from saw_edu.data import geometric_goals
    final, (current, future, _) = final_index[rows], fractions
    goals = geometric_goals(rows, final, torch.rand(len(rows), generator=generator), discount)
    kind = torch.rand(len(rows), generator=generator)
    anywhere = torch.randint(len(final_index), (len(rows),), generator=generator)
    return torch.where(kind < current, rows, torch.where(kind < current + future, goals, anywhere))
"""
KEPT = (
    "from saw_edu.agents.objectives import awr_weights as kept\n\n\ndef awr_weights(advantages, alpha, clip=100.0):\n"
)
KEPT += "    return kept(advantages, alpha, clip)"
LIKELIHOOD = "from saw_edu.course.ch02.babyai import negative_log_likelihood as gcbc_loss"


@needs_sandbox
def test_answers_that_call_the_library_wait_for_a_person(tmp_path: Path) -> None:
    root = tmp_path / "course"
    (root / "solutions" / "unit1").mkdir(parents=True)
    for path in (ROOT / "solutions" / "unit1").glob("02_*.py"):
        shutil.copy(path, root / "solutions" / "unit1")
    shutil.copy(ROOT / "solutions" / "library.json", root / "solutions")
    shutil.copytree(ROOT / "assets", root / "assets")
    chapter = read_chapter(next((root / "solutions" / "unit1").glob("02_*[a-z].py")))
    release = student_notebooks("unit1", [chapter])[f"{chapter.name}.ipynb"]
    taken = {"expectile-loss": WEIGHED, "sample-goals": GEOMETRIC, "awr-weights": KEPT, "gcbc-loss": LIKELIHOOD}
    for name, answers in (("own", {}), ("library", taken)):
        notebook = nbformat.reads(release.decode(), as_version=4)
        for node, cell in zip(notebook.cells, chapter.cells, strict=True):
            if cell.role == "exercise":
                lines = answers.get(cell.name, cell.source).split("\n")
                node.source = "\n".join(line for line in lines if not any(marker in line for marker in MARKERS))
        folder = root / "submitted" / name / "unit1"
        folder.mkdir(parents=True)
        (folder / f"{chapter.name}.ipynb").write_text(nbformat.writes(notebook), encoding="utf-8")
    results = {result.student: result for result in grade_unit(root, "unit1", Options(jobs=1))}
    states = {check.exercise: check.state for check in results["library"].notebooks[0].checks}
    assert states == {**dict.fromkeys(states, "right"), "awr-weights": "flagged", "gcbc-loss": "flagged"}
    assert [flag.split(": ")[1] for flag in results["library"].flags] == [name for name in states if name in taken]
    assert results["own"].points == sum(check.of for check in results["own"].notebooks[0].checks)
    assert not results["own"].flags
    noted = json.loads((root / "autograded" / "library" / "unit1" / ".saw-edu-grade.json").read_text())
    flags = " ".join(noted["notebooks"][chapter.name]["flags"])
    assert "library's own implementation" in flags
    assert "a part of the answer (one of geometric_goals)" in flags
