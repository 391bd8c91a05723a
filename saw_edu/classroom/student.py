"""`saw-edu check`: a student's view of notebooks: which exercises are done, wrong or not started, and the points."""

import copy
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import nbformat
from nbformat.notebooknode import NotebookNode
from tqdm.auto import tqdm

from saw_edu.classroom.authoring.build import table
from saw_edu.classroom.authoring.execute import run_notebook
from saw_edu.classroom.authoring.outputs import without_paths
from saw_edu.classroom.names import bound, globals_of, statements
from saw_edu.place import did_you_mean

DEADLINE = 600.0
_STUB = re.compile(r"|Exercise \S+ is not done yet\.?")
_IN_CELL = re.compile(r" \([^()]*, (line \d+)\)$")  # of a SyntaxError: a file name that says nothing to a student


class NotebookError(ValueError):
    """A file that cannot be read as a notebook of this course, or an exercise that it lacks."""


@dataclass(frozen=True)
class Result:
    """One row: an exercise or question, its state, points reached (None: graded by a person) and to be had, why."""

    name: str
    state: str
    points: float | None
    of: float
    message: str = ""


def check(
    paths: Sequence[Path],
    say: Callable[[str], None],
    exercise: str | None = None,
    *,
    full: bool = False,
    deadline: float = DEADLINE,
) -> None:
    """Check notebooks, and those of folders, and say what was found of each, when it is found.

    exercise: only this one. Raises NotebookError before anything runs.
    """
    found = [file for path in paths for file in _files(path)]
    for path in found:
        _select(read(path), exercise, path)
    sums = []
    for number, path in enumerate(found):
        with tqdm(desc=path.stem, unit=" cells", leave=False, disable=None) as bar:

            def show(cell: int, total: int, bar: tqdm = bar) -> None:
                bar.total = total
                bar.update(cell - bar.n)

            results = check_notebook(path, exercise, full=full, deadline=deadline, progress=show)
        heading = f"{path}\n\n" if len(found) > 1 else ""
        say(("\n\n" if number else "") + heading + report(results))
        sums.append(_sum(results))
    if len(found) > 1:
        say(f"\n\nall notebooks: {sum(r for r, _ in sums):g} of {sum(p for _, p in sums):g} points")


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    found = sorted(file for file in path.rglob("*.ipynb") if ".ipynb_checkpoints" not in file.parts)
    if not found:
        raise NotebookError(f"{path}: no notebooks in this folder")
    return found


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
    path: Path,
    exercise: str | None = None,
    *,
    full: bool = False,
    deadline: float = DEADLINE,
    progress: Callable[[int, int], None] | None = None,
) -> list[Result]:
    """Run a student's exercises in a fresh kernel and tell the state of each; the file stays as it is.

    exercise: only this one, with the answers before it. full: the whole notebook, experiments in full. deadline:
    seconds for the notebook. progress: called with cell and total. Raises NotebookError.
    """
    notebook = read(path)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    notebook.metadata.pop("kernelspec", None)
    if not full or exercise:
        notebook = _select(notebook, exercise, path)
    total = len(notebook.cells)
    before = (lambda index: progress(index + 1, total)) if progress else None
    run = run_notebook(
        notebook, path.resolve().parent, fast=not full, deadline=deadline, keep_going=True, before_cell=before
    )
    return results(notebook, run.error)


def _select(notebook: NotebookNode, exercise: str | None, path: Path) -> NotebookNode:
    """A notebook's exercises and what they need: setup cells, and definitions of other cells that answers use.

    As in grading, no experiment runs. exercise: up to this one, and only it is checked. Raises NotebookError.
    """
    cells = notebook.cells
    names = [_answer(cell) for cell in cells]
    if exercise is not None and exercise not in names:
        known = [name for name in names if name]
        hint = did_you_mean(exercise, known).rstrip(".")
        raise NotebookError(f"{path}: no exercise {exercise!r}{hint or ', there are: ' + ', '.join(known)}")
    kept: dict[int, NotebookNode] = {}
    of = ""  # the exercise that a check belongs to
    for index, (cell, name) in enumerate(zip(cells, names, strict=True)):
        of = name or of
        setup = cell.cell_type == "code" and "setup" in cell.metadata.get("tags", [])
        if setup or name or (_graded_by(cell) and (exercise is None or (of == exercise and _is_check(cell)))):
            kept[index] = cell
        if exercise is not None and of == exercise and index + 1 < len(cells) and names[index + 1]:
            break
    needed = {name for cell in kept.values() if cell.cell_type == "code" for name in globals_of(cell.source)}
    others = [i for i, cell in enumerate(cells) if i not in kept and cell.cell_type == "code"]
    lines = [(i, line, bound(line)) for i in others if i <= max(kept) for line in statements(cells[i].source)]
    taken: set[int] = set()
    while fresh := {k for k, (_, _, names_) in enumerate(lines) if k not in taken and names_ & needed}:
        taken |= fresh
        needed |= {name for k in fresh for name in globals_of(lines[k][1])}
    for k in sorted(taken):
        index, line, _ = lines[k]
        kept.setdefault(index, nbformat.v4.new_code_cell())
        kept[index].source += f"{line}\n"
    chosen = copy.copy(notebook)
    chosen.cells = [kept[index] for index in sorted(kept)]
    return chosen


def _graded_by(cell: NotebookNode) -> bool:
    return bool(cell.metadata.get("nbgrader", {}).get("grade"))


def _is_check(cell: NotebookNode) -> bool:
    return _graded_by(cell) and not cell.metadata["nbgrader"].get("solution")


def _answer(cell: NotebookNode) -> str:
    """The exercise that a cell answers; "" for any other cell."""
    data = cell.metadata.get("nbgrader", {})
    return data.get("grade_id", "") if data.get("solution") and not data.get("grade") else ""


def results(notebook: NotebookNode, stopped: str | None = None) -> list[Result]:
    """Read the state of every exercise from an executed notebook. stopped: why its run ended early, if it did."""
    found: list[Result] = []
    error: NotebookNode | None = None  # of the answer's own cell
    broken: dict[str, str] = {}  # names that such a cell would have defined -> its exercise
    for cell in notebook.cells:
        data = cell.metadata.get("nbgrader", {})
        if name := _answer(cell):
            error = next((output for output in cell.get("outputs", []) if output.output_type == "error"), None)
            if error:
                broken |= dict.fromkeys(re.findall(r"(?m)^(?:def|class) +(\w+)", cell.source), name)
        if not data.get("grade"):
            continue
        name, points = _name(data["grade_id"]), float(data.get("points", 0))
        if data.get("solution"):
            blank = not cell.source.strip() or "YOUR ANSWER HERE" in cell.source
            found.append(Result(name, "not started" if blank else "answered", None, points))
        else:
            found.append(_graded(cell, name, points, error, broken, stopped))
    return found


def _name(grade_id: str) -> str:
    return grade_id.removeprefix("check-").removeprefix("question-")


def _is_stub(error: NotebookNode) -> bool:
    return error.ename == "NotImplementedError" and _STUB.fullmatch(error.evalue) is not None


def _graded(
    cell: NotebookNode,
    name: str,
    points: float,
    own: NotebookNode | None,
    broken: dict[str, str],
    stopped: str | None,
) -> Result:
    error = next((output for output in cell.get("outputs", []) if output.output_type == "error"), None)
    if error is None:
        if cell.get("execution_count") is None:
            turned = "" if cell.cell_type == "code" else "its test is no code cell any more: turn it back into code"
            return Result(name, "not run", 0.0, points, turned or stopped or "the cell did not run")
        return Result(name, "done", points, points)
    if error.ename == "NotStarted" or _is_stub(error) or (own and _is_stub(own)):
        waits = error.evalue if "it uses exercise" in error.evalue else ""
        return Result(name, "not started", 0.0, points, waits)
    message = error.evalue if error.ename == "CheckFailed" else f"{error.ename}: {error.evalue}"
    missing = re.search(r"NameError: name '(\w+)' is not defined", message)
    if own:
        message = f"its cell does not run: {own.ename}: " + _IN_CELL.sub(r", \1", own.evalue)
    elif missing and missing[1] in broken:
        message = f"it uses exercise {broken[missing[1]]}, whose cell does not run: mend that first"
    return Result(name, "wrong", 0.0, points, without_paths(message, Path.cwd()))


def _sum(found: Sequence[Result]) -> tuple[float, float]:
    """Points reached and to be had, of those that a check gives."""
    automatic = [result for result in found if result.points is not None]
    return sum(r.points or 0 for r in automatic), sum(r.of for r in automatic)


def report(found: Sequence[Result]) -> str:
    """Make the table that `saw-edu check` prints."""
    rows: list[tuple[str, ...]] = [("exercise", "state", "points")]
    for result in found:
        points = "by hand" if result.points is None else f"{result.points:g}"
        rows.append((result.name, result.state, f"{points} of {result.of:g}"))
    reached, possible = _sum(found)
    rows.append(("sum", "", f"{reached:g} of {possible:g}"))
    lines = table(rows)
    messages = [f"{result.name}\n  {result.message}" for result in found if result.message]
    return "\n\n".join([lines, *messages])
