"""Grading spread over a Ray cluster, here a real one on this machine: the same grades as without."""

import importlib.util
import sys
from pathlib import Path

import pytest
from sandboxes import needs_sandbox
from test_grade_runs import LIMITS, files, make_course, scores
from typer.testing import CliRunner

from saw_edu.classroom.grading import run as grading
from saw_edu.classroom.grading.graders import RayError
from saw_edu.classroom.grading.run import Options, grade_unit
from saw_edu.cli import app

needs_ray = pytest.mark.skipif(
    importlib.util.find_spec("ray") is None, reason="Ray is not installed: pip install 'saw-edu[ray]'"
)
NAMES = ["edited-tests", "half", "loop", "solution", "truncated", "untouched"]


@pytest.mark.slow
@needs_ray
@needs_sandbox
def test_ray_gives_the_same_grades(tmp_path: Path) -> None:
    here, there = make_course(tmp_path / "here", NAMES), make_course(tmp_path / "there", NAMES)
    grade_unit(here, "unit1", Options(jobs=1, limits=LIMITS))
    found = grade_unit(there, "unit1", Options(jobs=2, limits=LIMITS, ray="local"))
    assert not [result.error for result in found if result.error]
    assert scores(there) == scores(here)
    without_status = [{k: v for k, v in files(c).items() if not k.endswith(grading.STATUS_FILE)} for c in (here, there)]
    assert without_status[0] == without_status[1]
    assert all(result.skipped for result in grade_unit(there, "unit1", Options(jobs=1, limits=LIMITS)))


@needs_ray
def test_a_cluster_that_is_not_there_is_named(tmp_path: Path) -> None:
    course = make_course(tmp_path, ["solution"])
    with pytest.raises(RayError, match=r"no Ray cluster at '127.0.0.1:1'"):
        grade_unit(course, "unit1", Options(limits=LIMITS, ray="127.0.0.1:1"))


def test_without_ray_the_message_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    course = make_course(tmp_path, ["solution"])
    monkeypatch.setitem(sys.modules, "ray", None)
    monkeypatch.chdir(course)
    refused = CliRunner().invoke(app, ["grade", "unit1", "--ray", "some-host:6379"])
    assert refused.exit_code == 2
    assert "pip install 'saw-edu[ray]'" in refused.output
    assert not (course / "autograded").exists()
