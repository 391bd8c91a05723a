"""`saw-edu handout`: the tree that students get, without solutions and hidden tests."""

import os
import shutil
import tempfile
from pathlib import Path

from saw_edu.classroom.authoring.hidden import HIDDEN
from saw_edu.classroom.authoring.release import leaks, worked_in
from saw_edu.classroom.authoring.source import chapter_paths, read_chapter

_FILES = ("README.md", "LICENSE", "CITATION.cff", "Makefile", "environment.yml", "constraints.txt", "pyproject.toml",
          ".gitignore", ".gitattributes", "notebooks/README.md")  # fmt: skip
_FOLDERS = ("saw_edu", "assets", "scripts")
"""All that a student's machine needs. What is not named here stays: a gradebook, submissions, settings, solutions."""
_SECRET = 40  # characters of a solution that must be nowhere in a text


class HandoutError(RuntimeError):
    """The tree cannot be made; nothing was written. The message says what to do."""


def hand_out(course: Path, out: Path, units: tuple[str, ...] = ()) -> list[str]:
    """Write the tree to a folder that is not there yet, or to a .zip. units: only the notebooks of these.

    Returns the names of the notebooks in it. Raises HandoutError.
    """
    if out.exists():
        raise HandoutError(f"{out} is there already: name a folder or .zip that is not")
    if not out.parent.is_dir():
        raise HandoutError(f"there is no folder {out.parent}")
    notebooks = _notebooks(course, units)
    with tempfile.TemporaryDirectory(prefix=f".{out.name}-", dir=out.parent) as folder:
        root = Path(folder) / out.name.removesuffix(".zip")
        for name in [name for name in _FOLDERS if (course / name).is_dir()]:
            ignored = shutil.ignore_patterns("__pycache__", ".*", "*.pyc", f"*{HIDDEN}.py", "*.db")
            shutil.copytree(course / name, root / name, ignore=ignored)
        for name in [*_FILES, *notebooks]:
            if (course / name).is_file():
                (root / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(course / name, root / name)
        _must_hold_no_solution(course, root)
        if out.suffix == ".zip":
            made = shutil.make_archive(str(Path(folder) / "made"), "zip", folder, root.name)
            os.rename(made, out)
        else:
            os.rename(root, out)
    return notebooks


def _notebooks(course: Path, units: tuple[str, ...]) -> list[str]:
    """The students' notebooks, relative to the course, each compared with its source."""
    known = {path.parent.name for path in chapter_paths(course)}
    unknown = sorted(set(units) - known)
    if unknown:
        raise HandoutError(f"no unit {', '.join(unknown)}; there are {', '.join(sorted(known))}")
    names = []
    for path in [path for path in chapter_paths(course) if not units or path.parent.name in units]:
        chapter = read_chapter(path)
        name = f"notebooks/{chapter.unit}/{chapter.name}.ipynb"
        content = (course / name).read_bytes() if (course / name).is_file() else None
        problems = leaks(chapter, content)
        if problems:
            raise HandoutError(f"{name}: {problems[0].message}. Run `saw-edu build {chapter.name[:2]}` first")
        if (course / name).name in worked_in((course / name).parent):
            raise HandoutError(f"{name} holds someone's outputs: run `saw-edu build {chapter.name[:2]} --force` first")
        names.append(name)
    return names


def _must_hold_no_solution(course: Path, root: Path) -> None:
    """Look for the text of every solution and hidden test in notebooks and texts; the library solves what it solves."""
    secrets = []
    for path in chapter_paths(course):
        regions = [region.text.strip() for cell in read_chapter(path).cells for region in cell.regions]
        secrets += [(path.stem, text) for text in regions if len(text) >= _SECRET]
    for path in [path for path in root.rglob("*") if path.suffix in (".ipynb", ".md")]:
        text = path.read_text(encoding="utf-8")
        for chapter, secret in secrets:
            if secret in text or secret.replace("\n", "\\n").replace('"', '\\"') in text:
                raise HandoutError(f"{path.relative_to(root)} holds a solution of {chapter}")
