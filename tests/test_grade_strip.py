"""What enters the sandbox: probes, and none of the answers that the judge compares with."""

import ast
import re
import shutil
from pathlib import Path

import pytest

from saw_edu.classroom.authoring.chapter import SourceError
from saw_edu.classroom.authoring.source import chapter_paths
from saw_edu.classroom.grading.plan import UnitPlan, read_unit

ROOT = Path(__file__).parent.parent
COURSE = "saw_edu.course.ch16."
UNITS = sorted({path.parent.name for path in chapter_paths(ROOT)})


@pytest.fixture(scope="module", params=UNITS)
def unit(request: pytest.FixtureRequest) -> UnitPlan:
    return read_unit(ROOT, request.param)


def sources(unit: UnitPlan) -> list[str]:
    """All that is sent: modules of checks, hidden tests, and check cells."""
    cells = [check for chapter in unit.chapters for exercise in chapter.exercises for check in exercise.checks]
    hidden = [source for chapter in unit.chapters for source in chapter.hidden.values()]
    return [*unit.checks.values(), *hidden, *(check.visible_code for check in cells)]


def test_no_expected_answer_reference_mistake_or_mutant_is_sent(unit: UnitPlan) -> None:
    for source in sources(unit):
        assert not re.findall(r"\b(Mistake|Mutant|MUTANTS|ALTERNATIVES|LIBRARY)\b", source)
        for call in [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]:
            name = getattr(call.func, "id", getattr(call.func, "attr", ""))
            words = {word.arg: word.value for word in call.keywords}
            assert not words.keys() & {"reference", "mistakes", "wrong", "when"}, ast.unparse(call)[:200]
            if name == "Case":
                assert ast.unparse(words["expect"]) == "None"


def test_modules_that_checks_share_are_sent_without_their_answers() -> None:
    checks = read_unit(ROOT, "unit5").checks
    assert (
        list(checks).index(COURSE + "saw_losses")
        < list(checks).index(COURSE + "own_saw")
        < list(checks).index(COURSE + "checks")
    )
    answers = {"variant", "_chosen", "_outside", "_agent_with", "_authors_answer", "_rows_right"}
    for name in ("saw_losses", "flat_checks", "waypoint_checks", "own_saw", "checks"):
        defined = {getattr(node, "name", "") for node in ast.walk(ast.parse(checks[COURSE + name]))}
        assert not defined & answers
        assert "agrees" not in checks[COURSE + name]
    assert "def weights" not in checks[COURSE + "saw_losses"]
    assert "def sizes" in checks[COURSE + "saw_losses"]
    assert "my_saw = Check(" in checks[COURSE + "own_saw"]
    assert "import my_saw" in checks[COURSE + "checks"]


def test_the_librarys_own_losses_may_not_be_called() -> None:
    exercises = {e.cell.name: e for chapter in read_unit(ROOT, "unit5").chapters for e in chapter.exercises}
    assert "saw_edu.agents.saw:SAW.subgoal_policy_loss" in exercises["my-saw"].guarded
    assert "saw_edu.agents.saw:SAW.flat_policy_loss" in exercises["flat-policy-loss"].guarded


def test_a_library_function_that_is_not_there_is_named(tmp_path: Path) -> None:
    fixture = ROOT / "tests" / "fixtures" / "course" / "solutions"
    shutil.copytree(fixture, tmp_path / "solutions", ignore=shutil.ignore_patterns("__pycache__"))
    with (tmp_path / "solutions" / "unit1" / "01_returns_hidden.py").open("a", encoding="utf-8") as stream:
        stream.write('\nLIBRARY = {"discounted-return": ["saw_edu.nothing:f"]}\n')
    with pytest.raises(SourceError, match="LIBRARY names what the library lacks"):
        read_unit(tmp_path, "unit1")
