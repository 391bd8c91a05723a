"""Where the course's files are found."""

from pathlib import Path

import pytest

from saw_edu.place import course_root


def test_a_folder_that_is_named_needs_assets_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in grading's sandbox, which shows no notebooks."""
    monkeypatch.setenv("SAW_EDU_COURSE", str(tmp_path))
    with pytest.raises(FileNotFoundError, match="assets were not found"):
        course_root()
    (tmp_path / "assets").mkdir()
    assert course_root() == tmp_path


def test_a_folder_that_is_found_is_the_courses_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SAW_EDU_COURSE", raising=False)
    (tmp_path / "assets").mkdir()
    assert course_root(tmp_path) != tmp_path
    (tmp_path / "notebooks" / "unit1").mkdir(parents=True)
    assert course_root(tmp_path / "notebooks" / "unit1") == tmp_path
