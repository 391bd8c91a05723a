"""What grading says instead of guessing: locked gradebooks, changed units, sandboxes not permitted, odd timestamps."""

import contextlib
import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest
from sandboxes import no_sandbox
from test_grade_runs import LIMITS, make_course

from saw_edu.classroom.grading.run import GradeError, Options, grade_unit
from saw_edu.classroom.grading.timestamps import read_timestamp
from saw_edu.classroom.sandbox import outside as sandbox


def test_a_locked_gradebook_and_a_renamed_question_are_said_in_words(tmp_path: Path) -> None:
    course = make_course(tmp_path, ["truncated"])
    options = Options(jobs=1, sandboxed=not no_sandbox(), limits=LIMITS)
    grade_unit(course, "unit1", options)
    with contextlib.closing(sqlite3.connect(course / "gradebook.db")) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(GradeError, match="is locked: another program has it open") as caught:
            grade_unit(course, "unit1", replace(options, force=True))
        assert "SQLAlchemy address" not in str(caught.value)
    source = course / "solutions" / "unit1" / "01_returns.py"
    source.write_text(source.read_text().replace('question="why-discount"', 'question="why-not"'))
    with pytest.raises(GradeError, match="not there any more: 01_returns/question-why-discount; new: ") as caught:
        grade_unit(course, "unit1", options)
    assert "Traceback" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_bubblewrap_without_permission_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "bwrap"
    program.write_text("#!/bin/sh\necho 'bwrap: setting up uid map: Permission denied' >&2\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.setattr(sandbox, "find_bubblewrap", lambda: str(program))
    with pytest.raises(sandbox.SandboxError, match=r"apparmor_restrict_unprivileged_userns=0.*--no-sandbox"):
        sandbox.Sandbox(tmp_path, [], {}).start()


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2026-01-31 12:00:00.5 UTC", "2026-01-31 12:00:00.500000"),
        ("2026-01-31T12:00:00Z", "2026-01-31 12:00:00"),
        ("2026-01-31 12:00 +0100", "2026-01-31 11:00:00"),
        ("2026-07-31 12:00:00 Europe/Berlin", "2026-07-31 10:00:00"),
        ("2026-01-31 12:00:00", "2026-01-31 12:00:00"),
        ("", "None"),
        ("10", ""),
        ("May", ""),
        ("31/01/2026 12:00", ""),
        ("2026-01-31 12:00:00 XYZT", ""),
        ("2026-13-31 12:00:00 UTC", ""),
        ("2026-01-31", ""),
        ("2026-01-31 12:00:00 ../../etc/passwd", ""),
        ("\x1b[2J", ""),
    ],
)
def test_times_are_read_or_said_but_never_guessed(tmp_path: Path, text: str, at: str) -> None:
    (tmp_path / "timestamp.txt").write_text(text)
    if at:
        assert str(read_timestamp(tmp_path)) == at
    else:
        with pytest.raises(ValueError, match="no time that can be read") as caught:
            read_timestamp(tmp_path)
        assert "\x1b" not in str(caught.value)


def test_a_time_that_is_not_understood_costs_nobody_the_grading(tmp_path: Path) -> None:
    course = make_course(tmp_path, ["truncated"])
    (course / "submitted" / "truncated" / "unit1" / "timestamp.txt").write_text("yesterday")
    (result,) = grade_unit(course, "unit1", Options(jobs=1, sandboxed=not no_sandbox(), limits=LIMITS))
    assert not result.error
    assert "timestamp.txt: 'yesterday' is no time that can be read" in result.flags[0]
