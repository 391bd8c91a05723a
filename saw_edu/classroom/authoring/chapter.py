"""A chapter as its source gives it: cells with their roles, and the notebook built from them."""

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nbformat
from nbformat.notebooknode import NotebookNode

from saw_edu.classroom.authoring.markers import Region, regions, stub_code, without

ROLES = ("exercise", "check", "question")
TAGS = ("setup", "folded")
FOLDED: dict[str, Any] = {"jupyter": {"source_hidden": True}}
"""The metadata that closes a cell's source in JupyterLab. `collapsed`, beside it, would hide the cell's outputs."""

NOTEBOOK_METADATA: dict[str, Any] = {
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    "language_info": {
        "codemirror_mode": {"name": "ipython", "version": 3},
        "file_extension": ".py",
        "mimetype": "text/x-python",
        "name": "python",
        "nbconvert_exporter": "python",
        "pygments_lexer": "ipython3",
    },
}
"""The same on every machine: no interpreter version, no local kernel names."""


@dataclass(frozen=True)
class Problem:
    """Something wrong in a source: where (line from 1) and what to do about it."""

    path: Path
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.message}"


class SourceError(ValueError):
    """A chapter source that cannot be built; `problems` lists every reason."""

    def __init__(self, problems: list[Problem]):
        super().__init__("\n".join(map(str, problems)))
        self.problems = problems


@dataclass(frozen=True)
class Cell:
    """One cell of a source. kind: "code" or "markdown"; line: of its `# %%`, from 1; tags: its key=value pairs."""

    kind: str
    source: str
    line: int
    tags: dict[str, Any] = field(default_factory=dict)

    @property
    def role(self) -> str | None:
        """What the cell is to nbgrader: "exercise", "check", "question" or None."""
        return next((role for role in ROLES if role in self.tags), None)

    @property
    def name(self) -> str:
        """The value of the role's tag, such as `expectile-loss` or `expectile-loss/gradient`."""
        return str(self.tags[self.role]) if self.role else ""

    @property
    def exercise(self) -> str:
        """The exercise that the cell belongs to."""
        return self.name.split("/")[0]

    @property
    def is_setup(self) -> bool:
        """Whether the cell is needed by exercises (tags=["setup"])."""
        return "setup" in self.tags.get("tags", [])

    @property
    def is_folded(self) -> bool:
        """Whether the cell is shown closed (tags=["folded"])."""
        return "folded" in self.tags.get("tags", [])

    @property
    def grade_id(self) -> str:
        """nbgrader's name of the cell: unique in its notebook."""
        name = self.name.replace("/", "-")
        return {"exercise": name, "check": f"check-{name}", "question": f"question-{name}"}[self.role or ""]

    @property
    def regions(self) -> list[Region]:
        """The marked regions of the cell."""
        return regions(self.source)[0]

    @property
    def released(self) -> str:
        """The source as the student gets it."""
        stub = stub_code(self.exercise) if self.kind == "code" else "YOUR ANSWER HERE"
        return without(without(self.source, "HIDDEN TESTS"), "SOLUTION", stub)

    def metadata(self) -> dict[str, Any]:
        """The cell's notebook metadata, in nbgrader's schema 3."""
        data: dict[str, Any] = {key: self.tags[key] for key in ("alt", "tags") if key in self.tags}
        if self.is_folded:
            data |= FOLDED
        if self.role is None:
            return data
        grade, solution = self.role != "exercise", self.role != "check"
        nbgrader: dict[str, Any] = {
            "grade": grade,
            "grade_id": self.grade_id,
            "locked": self.role == "check",
            "schema_version": 3,
            "solution": solution,
            "task": False,
        }
        if grade:
            nbgrader["points"] = self.tags["points"]
        return {**data, "nbgrader": nbgrader}


@dataclass(frozen=True)
class Chapter:
    """A chapter source as read: its path and its cells."""

    path: Path
    cells: tuple[Cell, ...]

    @property
    def unit(self) -> str:
        """The unit, which is an nbgrader assignment."""
        return self.path.parent.name

    @property
    def name(self) -> str:
        """The notebook's name without its suffix, such as `02_reaching_goals`."""
        return self.path.stem

    @property
    def hidden(self) -> Path:
        """The file of its hidden tests, beside it."""
        return self.path.with_name(f"{self.name}_hidden.py")

    @property
    def key(self) -> str:
        """The name of its modules of checks: `ch02`."""
        return f"ch{self.name[:2]}"

    def exercises(self) -> list[Cell]:
        """The exercise cells in order."""
        return [cell for cell in self.cells if cell.role == "exercise"]

    def checks(self, exercise: str) -> list[Cell]:
        """The check cells of an exercise in order."""
        return [cell for cell in self.cells if cell.role == "check" and cell.exercise == exercise]

    @property
    def points(self) -> float:
        """All points of the chapter."""
        return sum(float(cell.tags.get("points", 0)) for cell in self.cells)

    def notebook(self) -> NotebookNode:
        """Build the instructor's notebook, not executed; the same bytes for the same source everywhere."""
        notebook = nbformat.v4.new_notebook()
        notebook.nbformat_minor = 5
        notebook.metadata.update(nbformat.from_dict(NOTEBOOK_METADATA))
        seen: set[str] = set()
        for cell in self.cells:
            make = nbformat.v4.new_code_cell if cell.kind == "code" else nbformat.v4.new_markdown_cell
            node = make(cell.source)
            node.metadata.update(nbformat.from_dict(cell.metadata()))
            node["id"] = cell_id(cell, seen)
            notebook.cells.append(node)
        return notebook


def cell_id(cell: Cell, seen: set[str]) -> str:
    """Derive a cell's id: its grade_id, else a hash of its source; a number is added to one already seen."""
    digest = hashlib.sha256(f"{cell.kind}\n{cell.source}".encode()).hexdigest()
    stem = cell.grade_id[:60] if cell.role else digest[:12]
    name, count = stem, 1
    while name in seen:
        count += 1
        name = f"{stem}-{count}"
    seen.add(name)
    return name
