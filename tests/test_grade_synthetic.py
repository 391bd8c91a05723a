"""Synthetic submissions of unit 5 graded end to end: every exercise of every student gets the points it must get."""

from pathlib import Path

import pytest
from grade_synthetic import HOSTILE, run
from sandboxes import needs_sandbox


@pytest.mark.slow
@needs_sandbox
def test_every_synthetic_submission_gets_the_points_that_it_must(tmp_path: Path) -> None:
    submissions, results, wrong = run(tmp_path / "course", "unit5", 60, jobs=2)
    assert not wrong, "\n".join(wrong)
    assert len(results) == 60
    kinds = {made.kind for made in submissions.values()}
    assert len(kinds & HOSTILE.keys()) >= 3
    flagged = {result.student for result in results if result.flags}
    honest = {student for student, made in submissions.items() if made.kind == "honest"}
    assert not flagged & honest
