"""`saw-edu build`: chapter sources → executed solution notebooks → student notebooks; and the proof that they agree."""

import re
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import nbformat
from nbformat.notebooknode import NotebookNode
from tqdm.auto import tqdm

from saw_edu.classroom.authoring import outputs
from saw_edu.classroom.authoring.chapter import NOTEBOOK_METADATA, Chapter, Problem, SourceError
from saw_edu.classroom.authoring.execute import Run, run_notebook
from saw_edu.classroom.authoring.hidden import HiddenTestsError
from saw_edu.classroom.authoring.mutants import exercise_sets
from saw_edu.classroom.authoring.release import (
    ReleaseError,
    replace_folder,
    stray_files,
    student_notebooks,
    worked_in,
    write_file,
)
from saw_edu.classroom.authoring.source import chapter_paths, read_chapter

DEADLINE = 900.0
"""Seconds that a notebook may take; chapters aim at less than 300."""

Say = Callable[[str], None]


@dataclass(frozen=True)
class Options:
    """How to build. fast: experiments in fast mode; jobs: notebooks at a time; deadline: seconds for each.

    keep: do not run a notebook whose code has not changed since its outputs were made; force: replace student notebooks
    in which someone ran cells; database: a gradebook to enter the units in.
    """

    fast: bool = False
    jobs: int = 1
    deadline: float = DEADLINE
    keep: bool = False
    force: bool = False
    database: str | None = None

    @property
    def mode(self) -> str:
        """Name of the mode, as committed outputs tell it."""
        return "fast" if self.fast else "full"


def load(course: Path, unit: str | None = None) -> dict[str, list[Chapter]]:
    """Read and lint the sources of a course, or of one unit: unit → chapters.

    Raises SourceError with all problems of all files, FileNotFoundError for an unknown unit.
    """
    units: dict[str, list[Chapter]] = {}
    problems: list[Problem] = []
    for path in chapter_paths(course, unit):
        try:
            chapter = read_chapter(path)
        except SourceError as error:
            problems += error.problems
            continue
        units.setdefault(chapter.unit, []).append(chapter)
        problems += _undeclared(chapter)
    for folder in {path.parent for path in chapter_paths(course, unit)}:
        message = (
            "only chapters belong in a unit's folder (data goes to assets/) and their hidden tests, NN_name_hidden.py"
        )
        problems += [Problem(path, 1, message) for path in stray_files(folder)]
    if problems:
        raise SourceError(problems)
    return units


def _undeclared(chapter: Chapter) -> list[Problem]:
    """Find exercises without mutants or alternative answers."""
    try:
        declared = exercise_sets(chapter)
    except (HiddenTestsError, ValueError) as error:
        return [Problem(chapter.path, 1, str(error))]
    return [Problem(chapter.path, item.cell.line, item.missing) for item in declared if item.missing]


def note(mode: str, seconds: float) -> NotebookNode:
    """Make the last cell of a solution notebook: how its outputs came about."""
    words = {"full": "full mode", "fast": "fast mode (fewer steps and seeds than the text says)"}[mode]
    cell = nbformat.v4.new_markdown_cell(
        f"---\n*Outputs: {words}; the notebook ran from top to bottom in {seconds:g} s.*"
    )
    cell["id"] = "how-it-ran"
    cell.metadata["saw_edu"] = "note"
    return cell


def solution_bytes(notebook: NotebookNode) -> bytes:
    """Write a notebook the way it is committed."""
    return (nbformat.writes(notebook, version=4).rstrip("\n") + "\n").encode("utf-8")


def build(
    course: Path,
    unit: str | None = None,
    options: Options | None = None,
    say: Say = print,
    only: Path | None = None,
) -> int:
    """Build a course or one unit. Returns the number of notebooks that failed; their units stay as they were.

    only: the source of the one chapter of `unit` to run; student notebooks are made of the whole unit all the same.
    Raises SourceError or FileNotFoundError before anything runs, ReleaseError when a release must not be replaced.
    """
    options = options or Options()
    units = load(course, unit)
    chapters = [chapter for group in units.values() for chapter in group]
    if not chapters:
        say(f"no chapters under {course / 'solutions'}: nothing to build")
        return 0
    for name in units:
        touched = [] if options.force else worked_in(course / "notebooks" / name)
        if touched:
            raise ReleaseError(
                f"someone ran cells in notebooks/{name} ({', '.join(touched)}). Building replaces these notebooks; "
                "copy that work elsewhere, or build with --force."
            )
    releases = {name: student_notebooks(name, group, options.database) for name, group in units.items()}
    if only is not None:
        chapters = [chapter for chapter in chapters if chapter.path == only]
    runs = execute(course, chapters, options)
    failed = 0
    for name, group in units.items():
        ran = [chapter for chapter in group if chapter.path in runs]
        broken = [chapter for chapter in ran if runs[chapter.path].error]
        failed += len(broken)
        for chapter in broken:
            say(failure(chapter, runs[chapter.path]))
        if broken:
            say(f"{name}: left as it was")
            continue
        for chapter in ran:
            write_file(chapter.path.with_suffix(".ipynb"), solution_bytes(runs[chapter.path].notebook))
        replace_folder(course / "notebooks" / name, releases[name])
    say(times(chapters, runs))
    return failed


def execute(course: Path, chapters: list[Chapter], options: Options) -> dict[Path, Run]:
    """Run chapters, several at a time, with a progress bar. Returns runs whose notebooks are ready to be written."""
    total = sum(cell.kind == "code" for chapter in chapters for cell in chapter.cells)
    with tqdm(total=total, unit="cell", desc="run") as bar:

        def one(chapter: Chapter) -> Run:
            kept = _kept(chapter, options) if options.keep else None
            if kept:
                bar.update(sum(cell.kind == "code" for cell in chapter.cells))
                return kept

            def before(index: int) -> None:
                bar.set_postfix_str(f"{chapter.name} line {chapter.cells[index].line}", refresh=False)
                bar.update()

            run = run_notebook(
                chapter.notebook(),
                chapter.path.parent,
                fast=options.fast,
                deadline=options.deadline,
                before_cell=before,
            )
            if run.error is None:
                _finish(course, run, options.mode)
            return run

        with ThreadPoolExecutor(max(1, options.jobs)) as pool:
            return dict(zip([chapter.path for chapter in chapters], pool.map(one, chapters), strict=True))


def _finish(course: Path, run: Run, mode: str) -> None:
    outputs.clean(run.notebook, course)
    found = outputs.faults(run.notebook)
    if found:
        run.cell, run.error = found[0][0], "; ".join(message for _, message in found)
        return
    seconds = float(f"{run.seconds:.2g}") if run.seconds < 100 else float(round(run.seconds))
    _seal(run.notebook, mode, seconds)


def _seal(notebook: NotebookNode, mode: str, seconds: float) -> None:
    """Write mode and time into a notebook's metadata and its last cell."""
    code = nbformat.from_dict({"mode": mode, "seconds": seconds})
    notebook.metadata = nbformat.from_dict({**NOTEBOOK_METADATA, "saw_edu": code})
    notebook.cells.append(note(mode, seconds))


def _kept(chapter: Chapter, options: Options) -> Run | None:
    """Give the notebook with the outputs it has, if its code and mode are the same as then; text may differ."""
    path = chapter.path.with_suffix(".ipynb")
    try:
        old = nbformat.read(path, as_version=4)
        info = dict(old.metadata.saw_edu)
    except Exception:
        return None
    fresh = chapter.notebook()
    old_code = [cell for cell in old.cells if cell.cell_type == "code"]
    new_code = [cell for cell in fresh.cells if cell.cell_type == "code"]
    same = [cell.source for cell in old_code] == [cell.source for cell in new_code]
    if not same or info.get("mode") != options.mode:
        return None
    for cell, ran in zip(new_code, old_code, strict=True):
        cell.outputs, cell.execution_count = ran.outputs, ran.execution_count
    found = outputs.faults(fresh)
    if found:
        return Run(fresh, float(info["seconds"]), None, "; ".join(message for _, message in found), found[0][0])
    _seal(fresh, info["mode"], float(info["seconds"]))
    return Run(fresh, float(info["seconds"]), notes=["outputs kept: code unchanged"])


def failure(chapter: Chapter, run: Run) -> str:
    """Show what went wrong in a notebook: the source's line, the cell and the error."""
    cell = chapter.cells[run.cell] if run.cell is not None and run.cell < len(chapter.cells) else None
    head = f"{chapter.path}:{cell.line if cell else 1}: {run.error}"
    if cell is None or (run.error or "").startswith("An error occurred"):
        return head
    return head + "\nin the cell\n" + "\n".join(f"    {line}" for line in cell.source.split("\n")[:40])


def times(chapters: list[Chapter], runs: dict[Path, Run]) -> str:
    """Make the table of time per notebook."""
    rows = [("notebook", "seconds", "MiB", "exercises", "points", "")]
    for chapter in chapters:
        run = runs[chapter.path]
        last = "FAILED" if run.error else "; ".join(run.notes)
        peak = str(run.peak_mebibytes or "–")
        name = f"{chapter.unit}/{chapter.name}"
        rows.append((name, f"{run.seconds:.1f}", peak, str(len(chapter.exercises())), f"{chapter.points:g}", last))
    return table(rows)


def table(rows: Sequence[tuple[str, ...]]) -> str:
    """Align rows of text in columns; columns of numbers to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    numeric = [all(re.fullmatch(r"[\d.–]*", row[i]) for row in rows[1:]) for i in range(len(widths))]
    lines = []
    for row in rows:
        cells = [text.rjust(w) if n else text.ljust(w) for text, w, n in zip(row, widths, numeric, strict=True)]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def verify(course: Path, unit: str | None = None, allow_fast: bool = False) -> list[str]:
    """Prove, without executing, that solution and student notebooks are what the sources give.

    Returns one line for each thing that is not. Raises SourceError or FileNotFoundError as `load` does.
    """
    units = load(course, unit)
    wrong: list[str] = []
    for name, chapters in units.items():
        for chapter in chapters:
            path = chapter.path.with_suffix(".ipynb")
            wrong += [f"{path}: {message}" for message in _differences(chapter, path, allow_fast)]
        wrong += _compare_release(course / "notebooks" / name, student_notebooks(name, chapters))
    if unit is None:
        folders = sorted(
            path for path in (course / "notebooks").glob("*") if path.is_dir() and path.name[0] not in "._"
        )
        wrong += [f"{path}: no unit of this name under solutions/" for path in folders if path.name not in units]
    return wrong


def _differences(chapter: Chapter, path: Path, allow_fast: bool) -> list[str]:
    if not path.is_file():
        return [f"missing: run `saw-edu build {chapter.unit}`"]
    try:
        found = nbformat.read(path, as_version=4)
    except Exception as error:
        return [f"not a notebook: {type(error).__name__}"]
    info = found.metadata.get("saw_edu", {})
    mode, seconds = info.get("mode"), info.get("seconds")
    if mode not in ("full", "fast") or not isinstance(seconds, (int, float)):
        return ["does not say in which mode it ran, nor how long: build it again"]
    expected = chapter.notebook()
    _seal(expected, mode, seconds)
    wrong = []
    if mode == "fast" and not allow_fast:
        wrong.append("its outputs were made in fast mode; commit those of `saw-edu build --full`")
    if found.metadata != expected.metadata:
        wrong.append("its notebook metadata is not what the source gives")
    lines = [cell.line for cell in chapter.cells] + [0]
    if len(found.cells) != len(expected.cells):
        wrong.append(f"it has {len(found.cells)} cells; the source gives {len(expected.cells)}")
        return wrong
    for line, ours, theirs in zip(lines, expected.cells, found.cells, strict=True):
        keys = ("cell_type", "id", "source", "metadata")
        unequal = [key for key in keys if ours.get(key) != theirs.get(key)]
        if unequal:
            wrong.append(f"the cell of {chapter.path.name} line {line} differs in its {' and '.join(unequal)}")
        elif ours.cell_type == "code" and theirs.execution_count is None:
            wrong.append(f"the cell of {chapter.path.name} line {line} was not executed")
    wrong += [f"{chapter.path.name} line {lines[index]}: {message}" for index, message in outputs.faults(found)]
    return wrong


def _compare_release(folder: Path, files: dict[str, bytes]) -> list[str]:
    there = {str(path.relative_to(folder)): path for path in folder.rglob("*") if path.is_file()}
    there = {name: path for name, path in there.items() if ".ipynb_checkpoints" not in Path(name).parts}
    wrong = [f"{folder / name}: missing: run `saw-edu build`" for name in sorted(set(files) - set(there))]
    wrong += [f"{folder / name}: no source gives this file" for name in sorted(set(there) - set(files))]
    for name in sorted(set(files) & set(there)):
        if there[name].read_bytes() != files[name]:
            wrong.append(f"{folder / name}: not what the source gives: run `saw-edu build`")
    return wrong
