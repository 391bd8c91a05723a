"""The real chapters: solutions run from top to bottom in fast mode, releases run up to their exercises."""

from pathlib import Path

import nbformat
import pytest

from saw_edu.classroom.build import verify
from saw_edu.classroom.execute import run_notebook
from saw_edu.classroom.source import chapter_paths, read_chapter
from saw_edu.classroom.student import results

COURSE = Path(__file__).parents[1]
SOURCES = chapter_paths(COURSE)
LABELS = [f"{path.parent.name}/{path.stem}" for path in SOURCES]


def released(source: Path) -> Path:
    return COURSE / "notebooks" / source.parent.name / f"{source.stem}.ipynb"


def test_notebooks_are_what_the_sources_give() -> None:
    assert verify(COURSE) == []


@pytest.mark.parametrize("source", SOURCES, ids=LABELS)
def test_a_chapter_runs_from_top_to_bottom(source: Path) -> None:
    run = run_notebook(read_chapter(source).notebook(), source.parent, fast=True, deadline=280, threads=1)
    assert run.error is None, run.error
    stderr = [
        output.text
        for cell in run.notebook.cells
        for output in cell.get("outputs", [])
        if output.output_type == "stream" and output.name == "stderr" and "it/s" not in output.text
    ]
    assert not any("Warning" in text or "Error" in text for text in stderr), stderr


@pytest.mark.parametrize("source", SOURCES, ids=LABELS)
def test_a_release_stops_only_at_exercises(source: Path) -> None:
    """Every exercise is reported as not started, and only exercises raise: the rest runs without them."""
    path = released(source)
    run = run_notebook(nbformat.read(path, 4), path.parent, fast=True, deadline=280, keep_going=True, threads=1)
    assert run.error is None, run.error
    for cell in run.notebook.cells:
        for output in cell.get("outputs", []):
            if output.output_type == "error":
                assert output.ename in ("NotStarted", "NotImplementedError"), f"{cell.source}\n{output.evalue}"
    found = results(run.notebook)
    assert {result.state for result in found} == {"not started"}
    assert sum(result.of for result in found) == read_chapter(source).points


@pytest.mark.slow
@pytest.mark.parametrize("source", SOURCES, ids=LABELS)
def test_a_chapter_runs_in_full_within_its_budget(source: Path) -> None:
    """Full mode, as a student runs it. The deadline is loose: machines are shared; committed notebooks tell times."""
    run = run_notebook(read_chapter(source).notebook(), source.parent, fast=False, deadline=900, threads=1)
    assert run.error is None, run.error
    assert run.peak_mebibytes is None or run.peak_mebibytes < 3 * 1024
