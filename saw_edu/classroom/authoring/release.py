"""Makes the student's notebooks with nbgrader's own `generate_assignment`, in a temporary course.

nbgrader 0.9.6 deletes the release folder when a generate fails, skips a unit that exists, and copies any file that
lies beside a notebook. None of that can harm here: it works in a folder of its own, what comes out is compared with
what the source promises, and only then is it moved into place.
"""

import ast
import os
import shutil
import tempfile
from pathlib import Path

import nbformat
from nbgrader.apps.api import NbGraderAPI
from traitlets.config import Config

from saw_edu.classroom.authoring.chapter import Chapter, Problem, SourceError
from saw_edu.classroom.authoring.nbgrader_setup import IGNORED, configure


class ReleaseError(RuntimeError):
    """A unit's student notebooks cannot be made or must not be replaced; nothing was changed."""


def student_notebooks(unit: str, chapters: list[Chapter], database: str | None = None) -> dict[str, bytes]:
    """Generate a unit's release: file name → content, the same bytes on every machine.

    database: an nbgrader gradebook (SQLAlchemy address) in which the unit is entered; by default none.
    Raises ReleaseError when nbgrader fails, SourceError when a solution or hidden test would reach students.
    """
    with tempfile.TemporaryDirectory(prefix="saw-edu-") as folder:
        root = Path(folder).resolve()
        source = root / "solutions" / unit
        source.mkdir(parents=True)
        for chapter in chapters:
            nbformat.write(chapter.notebook(), source / f"{chapter.name}.ipynb")
        config = configure(Config(), root)
        if database is None:  # what nbgrader's own --no-db does
            config.GenerateAssignment.no_database, config.SaveCells.enabled = True, False
        else:
            config.CourseDirectory.db_url = database
        result = NbGraderAPI(config=config).generate_assignment(unit, force=True)
        release = root / "notebooks" / unit
        if not result["success"] or not release.is_dir():
            reason = "\n".join(result.get(part) or "" for part in ("log", "error")).strip()
            raise ReleaseError(f"nbgrader could not generate {unit}: {reason}")
        files = {str(path.relative_to(release)): path.read_bytes() for path in release.rglob("*") if path.is_file()}
    problems = [problem for chapter in chapters for problem in leaks(chapter, files.get(f"{chapter.name}.ipynb"))]
    extra = sorted(set(files) - {f"{chapter.name}.ipynb" for chapter in chapters})
    if extra:
        raise ReleaseError(f"unexpected files in the release of {unit}: {extra}")
    if problems:
        raise SourceError(problems)
    return files


def leaks(chapter: Chapter, content: bytes | None) -> list[Problem]:
    """Compare a student's notebook, cell by cell, with what the source says students get."""
    if content is None:
        return [Problem(chapter.path, 1, "nbgrader made no student notebook of this chapter")]
    text = content.decode("utf-8")
    notebook = nbformat.reads(text, as_version=4)
    if len(notebook.cells) != len(chapter.cells):
        return [Problem(chapter.path, 1, "the student notebook has another number of cells")]
    problems = []
    for cell, node in zip(chapter.cells, notebook.cells, strict=True):
        if node.source != cell.released:
            problems.append(
                Problem(chapter.path, cell.line, "the student's version of this cell is not what it should be")
            )
        for region in cell.regions:
            secret = region.text.strip()
            if len(secret) > 15 and any(secret in other.source for other in notebook.cells):
                name = region.kind.lower()
                message = f"the text of this {name} region is elsewhere in the student notebook too"
                problems.append(Problem(chapter.path, cell.line + region.start + 1, message))
        if cell.role in ("exercise", "check"):
            ast.parse(node.source)
    for word in ("BEGIN SOLUTION", "END SOLUTION", "HIDDEN TEST", "saw_edu.classroom import hidden"):
        if word in text:
            problems.append(Problem(chapter.path, 1, f"{word!r} reaches the student notebook"))
    return problems


def stray_files(unit_folder: Path) -> list[Path]:
    """List files beside the chapters that do not belong there: a release holds notebooks only."""
    chapters = {path.stem for path in unit_folder.glob("*.py")} - {
        path.stem for path in unit_folder.glob("*_hidden.py")
    }
    known = {f"{name}{suffix}" for name in chapters for suffix in (".py", ".ipynb", "_hidden.py")}
    names = sorted(path for path in unit_folder.iterdir() if path.name not in known and not path.name.startswith("."))
    return [path for path in names if path.name not in IGNORED]


def worked_in(release: Path) -> list[str]:
    """List the notebooks of a release in which someone ran cells: replacing them would lose that person's work."""
    found = []
    for path in sorted(release.glob("*.ipynb")):
        try:
            notebook = nbformat.read(path, as_version=4)
        except Exception:
            continue  # not a notebook any more: nothing to lose that the build does not give back
        if any(cell.cell_type == "code" and (cell.execution_count or cell.outputs) for cell in notebook.cells):
            found.append(path.name)
    return found


def replace_folder(folder: Path, files: dict[str, bytes]) -> None:
    """Put files into place as a whole: readers see the old folder or the new one, and a failure leaves the old."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(prefix=f".{folder.name}-new-", dir=folder.parent))
    old = Path(tempfile.mkdtemp(prefix=f".{folder.name}-old-", dir=folder.parent))
    try:
        fresh.chmod(0o755)
        for name, content in files.items():
            path = fresh / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        if folder.exists():
            os.rename(folder, old / "release")
        try:
            os.rename(fresh, folder)
        except OSError:
            if (old / "release").exists():
                os.rename(old / "release", folder)
            raise
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)


def write_file(path: Path, content: bytes) -> None:
    """Write a file so that it is there whole or not at all."""
    handle, name = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
        os.chmod(name, 0o644)
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
