"""Which commit a recorded result names."""

import subprocess
from pathlib import Path

from saw_edu.runs.provenance import commit


def test_a_commit_is_dirty_when_code_changed_and_not_when_results_did(tmp_path: Path) -> None:
    def git(*words: str) -> None:
        who = ["-c", "user.name=a", "-c", "user.email=a@b"]
        subprocess.run(["git", *who, *words], cwd=tmp_path, check=True, capture_output=True)

    assert commit(tmp_path) == "unknown"
    (tmp_path / "assets").mkdir()
    code, results = tmp_path / "code.py", tmp_path / "assets" / "success.csv"
    code.write_text("1")
    results.write_text("1")
    git("init")
    git("add", "-A")
    git("commit", "-m", "first")
    clean = commit(tmp_path)
    results.write_text("2")
    assert commit(tmp_path) == clean
    code.write_text("2")
    assert commit(tmp_path) == f"{clean}-dirty"
