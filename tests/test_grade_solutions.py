"""Every unit's own solutions pass in the sandbox: the quick half of `test_grade_units.py`, run by `make test`."""

from pathlib import Path

import pytest
from sandboxes import needs_sandbox

from saw_edu.classroom.authoring.source import chapter_paths
from saw_edu.classroom.grading.graders import local_graders
from saw_edu.classroom.grading.plan import read_unit
from saw_edu.classroom.sandbox.outcome import Limits

ROOT = Path(__file__).parent.parent
UNITS = sorted({path.parent.name for path in chapter_paths(ROOT)})


@needs_sandbox
@pytest.mark.parametrize("unit", UNITS)
def test_a_units_own_solutions_pass_in_the_sandbox(unit: str) -> None:
    plan = read_unit(ROOT, unit)
    with local_graders(plan, 1, Limits(), 300, sandboxed=True) as graders:  # PlanError where a solution does not pass
        assert len(graders) == 1
