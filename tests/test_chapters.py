"""The committed chapters: they are what the sources give, and in full mode they keep to their budget."""

from pathlib import Path

import pytest

from saw_edu.classroom.authoring.build import verify
from saw_edu.classroom.authoring.execute import run_notebook
from saw_edu.classroom.authoring.source import chapter_paths, read_chapter

COURSE = Path(__file__).parents[1]


def test_notebooks_are_what_the_sources_give() -> None:
    assert verify(COURSE) == []


@pytest.mark.slow
@pytest.mark.parametrize("source", chapter_paths(COURSE), ids=lambda path: path.stem)
def test_a_chapter_runs_in_full_within_its_memory(source: Path) -> None:
    """Times are not asserted, for machines are shared; the committed notebooks tell theirs."""
    run = run_notebook(read_chapter(source).notebook(), source.parent, fast=False, deadline=900)
    assert run.error is None, run.error
    assert run.peak_mebibytes is None or run.peak_mebibytes < 3 * 1024
