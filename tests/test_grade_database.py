"""Gradebooks elsewhere than in SQLite: a PostgreSQL server, started for the test; and passwords in no message."""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from nbgrader.api import Gradebook
from sandboxes import needs_sandbox, no_sandbox
from test_grade_runs import CORPUS, LIMITS, make_course
from typer.testing import CliRunner

from saw_edu.classroom.grading.gradebook import without_password
from saw_edu.classroom.grading.run import GradeError, Options, grade_unit
from saw_edu.classroom.reports.report import gather
from saw_edu.cli import app

SECRET = "s3cr3t:w@rd"
QUOTED = "s3cr3t%3Aw%40rd"


def program(name: str) -> str | None:
    """The path of one of PostgreSQL's programs, which Debian keeps off PATH."""
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    return str(found[-1]) if found else shutil.which(name)


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """The address of a server of our own, with a password. It will not run as root, so root becomes nobody for it."""
    pytest.importorskip("psycopg", reason="psycopg is not installed: pip install 'saw-edu[postgresql]'")
    initdb, postgres = program("initdb"), program("postgres")
    if initdb is None or postgres is None:
        pytest.skip("no PostgreSQL on this machine")
    folder = Path(tempfile.mkdtemp(prefix="saw-edu-postgres-", dir="/tmp"))
    other: dict[str, Any] = {"cwd": folder}
    if os.geteuid() == 0:
        shutil.chown(folder, "nobody")
        other |= {"user": "nobody", "group": folder.stat().st_gid, "extra_groups": []}
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (folder / "word").write_text(SECRET)
    (folder / "word").chmod(0o644)
    command = [initdb, "-D", "data", "-U", "grader", "--pwfile=word", "-A", "scram-sha-256", "-E", "UTF8", "--no-sync"]
    subprocess.run(command, check=True, capture_output=True, timeout=120, **other)
    options = ["-D", "data", "-p", str(port), "-k", str(folder), "-c", "listen_addresses=127.0.0.1", "-F"]
    process = subprocess.Popen([postgres, *options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **other)
    try:
        url = f"postgresql+psycopg://grader:{QUOTED}@127.0.0.1:{port}/postgres"
        _wait(url)
        yield url
    finally:
        process.terminate()
        process.wait(60)
        shutil.rmtree(folder, ignore_errors=True)


def _wait(url: str) -> None:
    import psycopg

    until = time.monotonic() + 60
    while True:
        try:
            psycopg.connect(url.replace("+psycopg", "")).close()
            return
        except psycopg.OperationalError:
            if time.monotonic() > until:
                raise
            time.sleep(0.2)


def grades(url: str) -> dict[str, Any]:
    with Gradebook(url, "saw-edu") as gradebook:
        return {
            submission.student.id: sorted((g.name, g.auto_score, g.needs_manual_grade) for n in submission.notebooks
                                          for g in n.grades)
            for submission in gradebook.assignment_submissions("unit1")
        }  # fmt: skip


@needs_sandbox
def test_grading_into_postgresql_is_as_into_sqlite(server: str, tmp_path: Path) -> None:
    course = make_course(tmp_path, ["half", "solution", "truncated", "untouched"])
    options = {"jobs": 1, "limits": LIMITS}
    grade_unit(course, "unit1", Options(**options))
    found = grade_unit(course, "unit1", Options(database=server, **options))
    assert not any(result.skipped or result.error for result in found)
    assert grades(server) == grades(f"sqlite:///{course / 'gradebook.db'}")
    assert len(grades(server)) == 4
    again = grade_unit(course, "unit1", Options(database=server, **options))
    assert all(result.skipped for result in again)
    path = course / "submitted" / "half" / "unit1" / "01_returns.ipynb"
    path.write_bytes(CORPUS["solution"].files["01_returns.ipynb"])
    grade_unit(course, "unit1", Options(database=server, **options))
    assert grades(server)["half"] == grades(server)["solution"]
    assert gather(course, "unit1", server).scores == [0, 3, 3]


def test_a_wrong_password_is_refused_and_not_shown(
    server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    course = make_course(tmp_path, ["solution"])
    monkeypatch.chdir(course)
    wrong = server.replace(QUOTED, "an-0ther-word")
    sandbox = [] if not no_sandbox() else ["--no-sandbox"]
    for command in (["grade", "unit1", "--db", wrong, *sandbox], ["report", "unit1", "--db", wrong]):
        refused = CliRunner().invoke(app, command)
        assert refused.exit_code == 2
        assert "cannot be opened" in refused.output
        assert "password authentication failed" in refused.output
        assert "an-0ther-word" not in refused.output


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql+psycopg://grader:{QUOTED}@127.0.0.1:1/grades",
        f"postgresql://grader:{QUOTED}@127.0.0.1:nonsense/grades",
        f"nonsense://grader:{QUOTED}@host/grades",
        f"postgresql://127.0.0.1:1/grades?user=grader&password={QUOTED}",
        f"postgresql:/grader:{QUOTED}@host",
    ],
)
def test_no_message_shows_a_password(url: str, tmp_path: Path) -> None:
    course = make_course(tmp_path, ["solution"])
    with pytest.raises(GradeError, match="cannot be opened") as caught:
        grade_unit(course, "unit1", Options(database=url, sandboxed=not no_sandbox()))
    assert SECRET not in str(caught.value)
    assert QUOTED not in str(caught.value)


def test_passwords_are_found_in_addresses() -> None:
    url = f"postgresql://grader:{QUOTED}@host:5432/grades?sslmode=require"
    assert without_password(f"{url} and {SECRET}", url) == "postgresql://grader:…@host:5432/grades?… and …"
    assert without_password("sqlite:///gradebook.db", "sqlite:///gradebook.db") == "sqlite:///gradebook.db"
    assert without_password("postgresql://grader@host/x", "postgresql://grader@host/x") == "postgresql://grader@host/x"
