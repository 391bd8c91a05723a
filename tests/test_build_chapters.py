"""Every chapter of the course runs from top to bottom in fast mode; its student notebook stops at exercises only."""

from pathlib import Path

import nbformat
import pytest

from saw_edu.classroom.authoring import outputs
from saw_edu.classroom.authoring.build import failure
from saw_edu.classroom.authoring.chapter import Chapter
from saw_edu.classroom.authoring.execute import run_notebook
from saw_edu.classroom.authoring.release import student_notebooks
from saw_edu.classroom.authoring.source import chapter_paths, read_chapter
from saw_edu.classroom.student import results

ROOT = Path(__file__).parent.parent
CHAPTERS = chapter_paths(ROOT)
DEADLINE = 300.0
GRADED_SECONDS = 20.0


def _label(path: Path) -> str:
    return f"{path.parent.name}/{path.stem}"


@pytest.mark.parametrize("path", CHAPTERS, ids=_label)
def test_a_chapter_runs_and_its_outputs_are_fit_to_commit(path: Path) -> None:
    chapter = read_chapter(path)
    run = run_notebook(chapter.notebook(), path.parent, fast=True, deadline=DEADLINE)
    assert run.error is None, failure(chapter, run)
    outputs.clean(run.notebook, ROOT)
    lines = [f"{path}:{chapter.cells[index].line}: {words}" for index, words in outputs.faults(run.notebook)]
    assert not lines, "\n".join(lines)
    found = results(run.notebook)
    assert {result.state for result in found if result.points is not None} <= {"done"}


@pytest.mark.parametrize("path", CHAPTERS, ids=_label)
def test_a_students_notebook_stops_nowhere_but_at_exercises(path: Path) -> None:
    chapter = read_chapter(path)
    content = student_notebooks(chapter.unit, [chapter])[f"{chapter.name}.ipynb"]
    notebook = nbformat.reads(content.decode("utf-8"), as_version=4)
    run = run_notebook(notebook, path.parent, fast=True, deadline=DEADLINE, keep_going=True)
    assert run.error is None, run.error  # the kernel lives to the end
    first = next((i for i, cell in enumerate(chapter.cells) if cell.role == "exercise"), len(chapter.cells))
    early = [(chapter.cells[i].line, error) for i, error in _errors(notebook) if i < first]
    assert not early, f"cells before the first exercise fail: {early}"
    unexpected = [(chapter.cells[i].line, error) for i, error in _errors(notebook) if not _expected(error, chapter)]
    assert not unexpected, f"these errors do not say which exercise is not done: {unexpected}"
    assert all(result.state == "not started" for result in results(notebook))


def _errors(notebook: nbformat.NotebookNode) -> list[tuple[int, str]]:
    return [
        (index, f"{output.ename}: {output.evalue}")
        for index, cell in enumerate(notebook.cells)
        for output in cell.get("outputs", [])
        if output.output_type == "error"
    ]


def _expected(error: str, chapter: Chapter) -> bool:
    """Tell whether an error names an exercise, or is a name that a cell stopped by one would have defined."""
    if error.startswith(("NotStarted", "NameError")):
        return True
    return any(f"Exercise {cell.name} is not done yet" in error for cell in chapter.exercises())
