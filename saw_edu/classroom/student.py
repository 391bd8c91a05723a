"""`saw-edu check`: a student's view of a notebook: which exercises are done, wrong or not started, and the points."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import nbformat
from nbformat.notebooknode import NotebookNode

from saw_edu.classroom.authoring.build import table
from saw_edu.classroom.authoring.execute import run_notebook
from saw_edu.classroom.authoring.outputs import without_paths

DEADLINE = 600.0


class NotebookError(ValueError):
    """A file that cannot be read as a notebook of this course."""


@dataclass(frozen=True)
class Result:
    """One row: an exercise or question, its state, points reached (None: graded by a person) and to be had, why."""

    name: str
    state: str
    points: float | None
    of: float
    message: str = ""


def read(path: Path) -> NotebookNode:
    """Read a student's notebook. Raises NotebookError, saying why, for anything else."""
    if not path.is_file():
        raise NotebookError(f"{path}: no such file")
    try:
        notebook = nbformat.read(path, as_version=4)
        nbformat.validate(notebook)
    except Exception as error:
        raise NotebookError(f"{path}: not a Jupyter notebook ({type(error).__name__})") from None
    if not any("nbgrader" in cell.metadata for cell in notebook.cells):
        raise NotebookError(f"{path}: has no exercises. Is it a notebook of this course?")
    return notebook


def check_notebook(
    path: Path, *, fast: bool = True, deadline: float = DEADLINE, progress: Callable[[int, int], None] | None = None
) -> list[Result]:
    """Run a student's notebook in a fresh kernel and tell the state of every exercise; the file stays as it is.

    fast: experiments in fast mode. deadline: seconds for the whole notebook. progress: called with cell and total.
    Raises NotebookError.
    """
    notebook = read(path)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    notebook.metadata.pop("kernelspec", None)
    total = len(notebook.cells)
    before = (lambda index: progress(index + 1, total)) if progress else None
    run = run_notebook(
        notebook, path.resolve().parent, fast=fast, deadline=deadline, keep_going=True, before_cell=before
    )
    return results(notebook, run.error)


def results(notebook: NotebookNode, stopped: str | None = None) -> list[Result]:
    """Read the state of every exercise from an executed notebook. stopped: why its run ended early, if it did."""
    found: list[Result] = []
    unfinished = False
    for cell in notebook.cells:
        data = cell.metadata.get("nbgrader", {})
        if data.get("solution") and not data.get("grade"):
            unfinished = any(
                o.output_type == "error" and o.ename == "NotImplementedError" for o in cell.get("outputs", [])
            )
        if not data.get("grade"):
            continue
        name, points = _name(data["grade_id"]), float(data.get("points", 0))
        if data.get("solution"):
            blank = not cell.source.strip() or "YOUR ANSWER HERE" in cell.source
            found.append(Result(name, "not started" if blank else "answered", None, points))
        else:
            found.append(_graded(cell, name, points, unfinished, stopped))
    return found


def _name(grade_id: str) -> str:
    return grade_id.removeprefix("check-").removeprefix("question-")


def _graded(cell: NotebookNode, name: str, points: float, unfinished: bool, stopped: str | None) -> Result:
    errors = [output for output in cell.outputs if output.output_type == "error"]
    if errors:
        error = errors[0]
        if error.ename in ("NotStarted", "NotImplementedError") or unfinished:
            return Result(name, "not started", 0.0, points)
        message = error.evalue if error.ename == "CheckFailed" else f"{error.ename}: {error.evalue}"
        return Result(name, "wrong", 0.0, points, without_paths(message, Path.cwd()))
    if cell.execution_count is None:
        return Result(name, "not run", 0.0, points, stopped or "the cell did not run")
    return Result(name, "done", points, points)


def report(found: list[Result]) -> str:
    """Make the table that `saw-edu check` prints."""
    rows: list[tuple[str, ...]] = [("exercise", "state", "points")]
    for result in found:
        points = "by hand" if result.points is None else f"{result.points:g}"
        rows.append((result.name, result.state, f"{points} of {result.of:g}"))
    automatic = [result for result in found if result.points is not None]
    reached, possible = sum(r.points or 0 for r in automatic), sum(r.of for r in automatic)
    rows.append(("sum", "", f"{reached:g} of {possible:g}"))
    lines = table(rows)
    messages = [f"{result.name}\n  {result.message}" for result in found if result.message]
    return "\n\n".join([lines, *messages])
