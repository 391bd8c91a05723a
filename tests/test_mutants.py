"""Every exercise of the course: its mutants fail with the message that names them, right answers pass."""

import dataclasses
import re
from pathlib import Path
from types import ModuleType

import pytest

from saw_edu import checks
from saw_edu.checks import Mistake
from saw_edu.classroom.authoring.mutants import ExerciseSet, Mutant, exercise_sets, grade
from saw_edu.classroom.authoring.review import faults
from saw_edu.classroom.authoring.source import chapter_paths, read_chapter

ROOT = Path(__file__).parent.parent
FIXTURE = ROOT / "tests" / "fixtures" / "course"
CHAPTERS = [path for course in (FIXTURE, ROOT) for path in chapter_paths(course)]


def _label(path: Path) -> str:
    return f"{path.parent.name}/{path.stem}"


@pytest.mark.parametrize("path", CHAPTERS, ids=_label)
def test_mutants_fail_with_their_name_and_right_answers_pass(path: Path) -> None:
    wrong: list[str] = []
    for declared in exercise_sets(read_chapter(path)):
        wrong += [declared.missing] if declared.missing else []
        wrong += faults(declared)
    assert not wrong, "\n".join(wrong)


def test_a_mutant_that_no_check_catches_is_a_fault() -> None:
    declared = exercise_sets(read_chapter(CHAPTERS[0]))[0]
    harmless = Mutant("no discount", replace=("weights * rewards", "rewards * weights"))
    misnamed = Mutant("sign", replace=("weights * rewards", "rewards"))
    weak = ExerciseSet(declared.chapter, declared.cell, (harmless, misnamed), ())
    found = faults(weak)
    assert len(found) == 2
    assert "passes every check" in found[0]
    assert "is called 'no discount'" in found[1]
    assert "2 of at least 3 misconceptions" in weak.missing
    assert "ALTERNATIVES" in weak.missing


def test_a_mistake_is_its_own_mutant(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a check calls a misconception is tried as an answer, and must get that very name."""
    chapter = read_chapter(next(path for path in CHAPTERS if path.name.startswith("03_")))
    declared = next(item for item in exercise_sets(chapter) if item.cell.name == "error-chance")
    assert len(declared.mistakes) >= 3
    assert not faults(dataclasses.replace(declared, mutants=()))
    check = checks.ch03.error_chance
    harmless = Mistake("harmless", "Nothing is wrong.", wrong=check.reference)
    hidden = Mistake("hidden by the first", "The same.", wrong=check.mistakes[0].wrong)
    monkeypatch.setattr(
        checks.ch03, "error_chance", dataclasses.replace(check, mistakes=[*check.mistakes, harmless, hidden])
    )
    found = faults(declared)
    assert len(found) == 2
    assert "'harmless' passes every case of its check" in found[0]
    assert "'hidden by the first' is called 'one error only'" in found[1]


def test_a_replacement_that_does_not_fit_is_an_error() -> None:
    with pytest.raises(ValueError, match="occurs 0 times"):
        Mutant("no discount", replace=("not there", "")).apply("x = 1")


def test_the_worked_example_of_the_manual_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (ROOT / "solutions" / "README.md").read_text(encoding="utf-8")
    source, visible, hidden = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    for name, content in {"unit1/02_example.py": source, "unit1/02_example_hidden.py": hidden}.items():
        path = tmp_path / "solutions" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    example = ModuleType("example")
    exec(visible, example.__dict__)
    monkeypatch.setattr(checks, "ch02", example, raising=False)
    (declared,) = exercise_sets(read_chapter(tmp_path / "solutions" / "unit1" / "02_example.py"))
    assert not declared.missing
    assert faults(declared) == []
    quoted = "\n".join(line[2:] for line in text.split("\n") if line.startswith("> "))
    wrong = grade(declared.chapter, "expectile-loss", declared.mutants[0].apply(declared.cell.source))
    assert wrong.message == quoted
