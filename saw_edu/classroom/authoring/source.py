"""Chapter sources: `solutions/<unit>/NN_name.py`, jupytext's py:percent with a few short cell tags.

| cell starts with | becomes |
| --- | --- |
| `# %% exercise="ID"` | an nbgrader solution cell; `### BEGIN SOLUTION` … `### END SOLUTION` turns into a stub |
| `# %% check="ID" points=2` | the autograded test cell of that exercise (`check="ID/part"` for a second one) |
| `# %% [markdown] question="ID" points=2` | a manually graded answer; the model answer stands between the markers |
| `# %% alt="…"` | a code cell whose picture has this alternative text |
| `# %% tags=["setup"]` | a cell that exercises need (imports); it runs before any check of a mutant |
| `# %% tags=["folded"]` | a code cell that is shown closed; its first line is a comment that says what it does |
"""

import ast
import difflib
import re
from pathlib import Path

import jupytext

from saw_edu.classroom.authoring.chapter import ROLES, TAGS, Cell, Chapter, Problem, SourceError
from saw_edu.classroom.authoring.markers import regions

_KEYS = frozenset([*ROLES, "points", "alt", "tags"])
_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_FILE = re.compile(r"(\d\d)_[a-z0-9_]+")


def read_chapter(path: Path) -> Chapter:
    """Read and lint a chapter source. Raises SourceError with every problem found, each with its line."""
    chapter, problems = parse(path)
    problems = problems or lint(chapter)
    if problems:
        raise SourceError(problems)
    return chapter


def parse(path: Path) -> tuple[Chapter, list[Problem]]:
    """Read a chapter source into cells. Returns it and the problems that keep it from being read."""
    text = path.read_text(encoding="utf-8")
    starts = [number for number, line in enumerate(text.split("\n"), 1) if re.match(r"# ?%%", line)]
    if not starts:
        return Chapter(path, ()), [Problem(path, 1, "no cells: a cell starts with a line `# %%` or `# %% [markdown]`")]
    notebook = jupytext.reads(text, fmt="py:percent")
    nodes = list(notebook.cells)
    if len(nodes) == len(starts) + 1 and not nodes[0].source.strip():
        nodes = nodes[1:]
    if len(nodes) != len(starts):
        return Chapter(path, ()), [Problem(path, 1, "text before the first `# %%`, or a `# %%` inside a string")]
    cells = []
    for node, line in zip(nodes, starts, strict=True):
        if node.source.strip():
            tags = {key: value for key, value in node.metadata.items() if not key.startswith("lines_to_")}
            cells.append(Cell(node.cell_type, node.source, line, tags))
    return Chapter(path, tuple(cells)), []


def lint(chapter: Chapter) -> list[Problem]:
    """Find what nbgrader would pass over in silence, or stumble over late: markers, points, ids, missing checks."""
    problems: list[Problem] = []

    def report(cell: Cell, message: str, offset: int = 0) -> None:
        problems.append(Problem(chapter.path, cell.line + offset, message))

    if not _FILE.fullmatch(chapter.name):
        problems.append(Problem(chapter.path, 1, "a chapter is named NN_name.py, such as 02_reaching_goals.py"))
    ids: dict[str, int] = {}
    known: set[str] = set()
    for cell in chapter.cells:
        for key, value in cell.tags.items():
            if key == "incorrectly_encoded_metadata":
                report(cell, f'cell tags {value!r} cannot be read: write them as key="text" or key=2')
            elif key == "title":
                report(cell, f"{value!r} after `# %%` is not a tag: write a heading in a [markdown] cell")
            elif key not in _KEYS:
                near = difflib.get_close_matches(key, sorted(_KEYS), 1)
                report(cell, f"unknown cell tag {key!r}" + (f"; did you mean {near[0]!r}?" if near else ""))
        if sum(role in cell.tags for role in ROLES) > 1:
            report(cell, "a cell is one of exercise, check and question, not several")
        for offset, message in regions(cell.source)[1]:
            report(cell, message, offset + 1)
        for region in cell.regions:
            wanted = ("exercise", "question") if region.kind == "SOLUTION" else ("check",)
            if cell.role not in wanted:
                words = " or ".join(f"`{role}=`" for role in wanted)
                report(cell, f"BEGIN {region.kind} in a cell that is not tagged {words}", region.start + 1)
        if unknown := [tag for tag in cell.tags.get("tags", []) if tag not in TAGS]:
            report(cell, f"unknown tag {unknown[0]!r}: a cell's tags are {' and '.join(TAGS)}")
        if cell.is_folded and (cell.role or not cell.source.startswith("# ")):
            report(cell, "a folded cell is a plain code cell whose first line is a comment that says what it does")
        if cell.role is None:
            if "points" in cell.tags:
                report(cell, "points on a cell that is neither a check nor a question")
            continue
        for message in _lint_role(cell, known):
            report(cell, message)
        if cell.grade_id in ids:
            report(cell, f"{cell.role} {cell.name!r} appears again (first on line {ids[cell.grade_id]})")
        ids.setdefault(cell.grade_id, cell.line)
        if cell.role == "exercise":
            known.add(cell.name)
    for cell in chapter.exercises():
        if not chapter.checks(cell.name):
            report(
                cell, f'exercise {cell.name!r} has no check: add a cell `# %% check="{cell.name}" points=1` after it'
            )
    return problems


def _lint_role(cell: Cell, known: set[str]) -> list[str]:
    """Find what is wrong with a tagged cell. known: exercises seen so far."""
    found: list[str] = []
    parts = cell.name.split("/") if cell.role == "check" else [cell.name]
    if len(parts) > 2 or not all(_NAME.fullmatch(part) for part in parts):
        found.append(f"{cell.role} {cell.name!r}: an id is lower-case words joined by hyphens, such as expectile-loss")
    points = cell.tags.get("points")
    if cell.role == "exercise":
        if points is not None:
            found.append("points belong to the check, not to the exercise")
    elif not isinstance(points, (int, float)) or isinstance(points, bool) or points <= 0:
        found.append(f"{cell.role} {cell.name!r} has no points: add points=1 (a number above 0)")
    if cell.kind != ("markdown" if cell.role == "question" else "code"):
        found.append(f"{cell.role} {cell.name!r} is a {cell.kind} cell; see the table of cells in solutions/README.md")
        return found
    kinds = {region.kind for region in cell.regions}
    if cell.role in ("exercise", "question") and "SOLUTION" not in kinds:
        found.append(f"{cell.role} {cell.name!r} has no BEGIN SOLUTION … END SOLUTION: students would get no stub")
    if cell.role == "check":
        if cell.exercise not in known:
            found.append(f"check {cell.name!r} comes before, or without, an exercise {cell.exercise!r}")
        if "HIDDEN TESTS" not in kinds:
            found.append(f"check {cell.name!r} has no hidden tests: see solutions/README.md")
    if cell.kind == "code":
        for label, text in (("", cell.source), (" as released", cell.released)):
            found += [f"{cell.role} {cell.name!r}{label}: {message}" for message in _lint_code(cell, text)]
    return found


def _lint_code(cell: Cell, text: str) -> list[str]:
    try:
        body = ast.parse(text).body
    except SyntaxError as error:
        return [f"does not parse: {error.msg} (line {error.lineno} of the cell)"]
    if cell.role != "check":
        return []
    if not body:
        return ["is empty: call a check from saw_edu.checks"]
    last = body[-1]
    if isinstance(last, ast.Expr) and not isinstance(last.value, ast.Call):
        return ["ends in an expression: nbgrader takes its value for points. End in a call of a check, or an assert"]
    if not any(isinstance(node, (ast.Call, ast.Assert)) for statement in body for node in ast.walk(statement)):
        return ["checks nothing: call a check from saw_edu.checks"]
    return []


def chapter_paths(course: Path, unit: str | None = None) -> list[Path]:
    """List the sources of a course, or of one unit, in order. Raises FileNotFoundError for an unknown unit."""
    solutions = course / "solutions"
    units = sorted(path for path in solutions.glob("*") if path.is_dir() and path.name[:1] not in "._")
    units = [path for path in units if path.name != "__pycache__"]
    if unit is not None:
        if unit not in [path.name for path in units]:
            names = ", ".join(path.name for path in units) or "none"
            raise FileNotFoundError(f"no unit {unit!r} under {solutions}; there are: {names}")
        units = [solutions / unit]
    return [path for folder in units for path in sorted(folder.glob("*.py")) if not path.stem.endswith("_hidden")]


def source_root(start: Path) -> Path:
    """Find the folder that holds `solutions/`, from `start` upwards. Raises FileNotFoundError when there is none."""
    for root in [start.resolve(), *start.resolve().parents]:
        if (root / "solutions").is_dir():
            return root
    raise FileNotFoundError(f"no course at {start} or above it: a course is a folder with solutions/ in it")
