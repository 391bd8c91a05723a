"""Reads a submitted notebook and takes from it what is the student's: the answers, and what they need to run."""

import contextlib
import json
import re
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nbformat
import nbformat.reader

from saw_edu.classroom.authoring.chapter import Cell
from saw_edu.classroom.grading.plan import ChapterPlan
from saw_edu.classroom.names import in_time

MOST_BYTES = 32 * 2**20
_MOST_TEXT = 2_000_000  # characters of all cells, without their outputs
_LARGE = 2**21  # bytes; files of more are read one after the other
_ONE_LARGE = threading.Lock()
_DIGITS = 4000  # of a whole number in a notebook's metadata; Python reads no more than 4300
_FENCE = re.compile(r"^(<{7} |={7}$|>{7} )", re.MULTILINE)
_TICK = re.compile(r"(?m)^✓ ")


class UngradableError(ValueError):
    """A file that cannot be graded; the message is the reason, in words for instructor and student."""


@dataclass(frozen=True)
class Item:
    """One cell of a submission.

    source_cell: the course's cell that it is a version of; None for the student's own. passed: how many checks its
    saved outputs say were passed, where they show no error.
    """

    index: int
    kind: str
    source: str
    source_cell: Cell | None
    metadata: dict[str, Any] = field(default_factory=dict)
    attachments: dict[str, Any] = field(default_factory=dict)
    passed: int = 0


@dataclass(frozen=True)
class Submission:
    """A submitted notebook, its cells matched with the course's."""

    plan: ChapterPlan
    items: tuple[Item, ...]
    read: dict[Any, Any] = field(default_factory=dict, repr=False, compare=False)
    """What was read of the cells' code, kept for the next exercise."""

    def versions(self, grade_id: str) -> list[Item]:
        """The submitted versions of a cell, in order: none where it was deleted, several where it was copied."""
        return [item for item in self.items if item.source_cell and item.source_cell.role
                and item.source_cell.grade_id == grade_id]  # fmt: skip


def read_submission(path: Path, plan: ChapterPlan, others: list[ChapterPlan]) -> Submission:
    """Read a submitted notebook. others: the unit's other chapters, to recognise a file under the wrong name.

    Raises UngradableError with the reason, never anything else.
    """
    cells = read_cells(path)
    items = _match(cells, plan)
    answers = sum(item.source_cell is not None and item.source_cell.role in ("exercise", "question") for item in items)
    if answers == 0:
        for other in others:
            if any(item.source_cell and item.source_cell.role for item in _match(cells, other)):
                raise UngradableError(f"this is the notebook {other.name} under the name of {plan.name}")
        raise UngradableError(f"it has no exercise of {plan.name} in it: another notebook?")
    return Submission(plan, tuple(items))


def identify(path: Path, plans: tuple[ChapterPlan, ...]) -> ChapterPlan | None:
    """Find the chapter that a notebook's exercises belong to, whatever its name; None when there is none."""
    try:
        cells = read_cells(path)
    except UngradableError:
        return None
    counts: list[int] = []
    for plan in plans:
        counts.append(sum(item.source_cell is not None and bool(item.source_cell.role) for item in _match(cells, plan)))
    best = max(counts, default=0)
    return plans[counts.index(best)] if best else None


def read_cells(path: Path) -> list[dict[str, Any]]:
    """Read a notebook's cells, trusting nothing in it. Raises UngradableError."""
    if path.is_symlink() or not path.is_file():
        raise UngradableError("it is not a file")
    size = path.stat().st_size
    if size == 0:
        raise UngradableError("the file is empty")
    if size > MOST_BYTES:
        raise UngradableError(f"the file has {size / 2**20:.0f} MiB, more than the {MOST_BYTES // 2**20} allowed")
    with _ONE_LARGE if size > _LARGE else contextlib.nullcontext():
        in_time()
        cells = [_reduced(cell) for cell in _cells(path)[:5000] if isinstance(cell, dict)]
    length = sum(len(cell["source"]) for cell in cells)
    if length > _MOST_TEXT:
        raise UngradableError(f"its cells hold {length:,} characters, more than the {_MOST_TEXT:,} that are read")
    return cells


def _cells(path: Path) -> list[Any]:
    data = path.read_bytes()
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UngradableError(_not_text(data)) from None
    del data
    try:
        notebook = json.loads(text, parse_int=lambda digits: int(digits[:_DIGITS]))
    except (ValueError, RecursionError):
        raise UngradableError(_not_json(text)) from None
    if not isinstance(notebook, dict) or not isinstance(notebook.get("cells", notebook.get("worksheets")), list):
        raise UngradableError("it is JSON, but not a Jupyter notebook")
    if "cells" not in notebook:
        if len(text) > _LARGE:
            raise UngradableError("it is a notebook of an old format, and too large to convert")
        try:
            notebook = nbformat.convert(nbformat.reader.reads(text), 4)
        except Exception:
            raise UngradableError("it is a notebook of an old format that cannot be converted") from None
    cells: list[Any] = notebook["cells"]
    return cells


def _reduced(cell: dict[str, Any]) -> dict[str, Any]:
    """A cell without what nothing here asks for: outputs and metadata can be large."""
    data = _record(cell.get("metadata"))
    metadata: dict[str, Any] = {}
    if isinstance(data.get("nbgrader"), dict):
        own = list(data["nbgrader"].items())[:50]
        metadata["nbgrader"] = {key: value for key, value in own if isinstance(value, (str, int, float, type(None)))}
    if isinstance(data.get("tags"), list):
        metadata["tags"] = [tag[:100] for tag in data["tags"][:50] if isinstance(tag, str)]
    kept = {"cell_type": cell.get("cell_type"), "id": cell.get("id"), "metadata": metadata}
    more = {"source": _text(cell.get("source")), "attachments": _record(cell.get("attachments"))}
    return {**kept, **more, "passed": _passed(cell.get("outputs"))}


def _text(source: Any) -> str:
    if isinstance(source, list):
        return "".join(part for part in source if isinstance(part, str))
    return source if isinstance(source, str) else ""


def _not_text(data: bytes) -> str:
    kinds = {
        b"%PDF": "a PDF",
        b"PK\x03\x04": "a zip archive",
        b"\x1f\x8b": "a compressed file",
        b"\x89PNG": "a picture",
    }
    name = next((name for start, name in kinds.items() if data.startswith(start)), None)
    return f"it is {name}, not a notebook" if name else "it is not a text file in UTF-8, as notebooks are"


def _not_json(text: str) -> str:
    start = text.lstrip()[:200].lower()
    if _FENCE.search(text):
        return "it holds unresolved merge conflicts of git"
    if start.startswith(("<!doctype", "<html")):
        return "it is a web page, not a notebook"
    if start.startswith("version https://git-lfs"):
        return "it is a Git LFS pointer, not the notebook itself"
    if start.startswith("{"):
        return "the file is truncated or damaged: it begins as a notebook, but is not valid JSON"
    return "it is not a Jupyter notebook"


def _match(cells: list[dict[str, Any]], plan: ChapterPlan) -> list[Item]:
    """Find the course's cell for each submitted one: by grade id; by the cell's id where no other has that grade id."""
    metadata = [_record(cell.get("metadata")) for cell in cells]
    matches = [_known(plan.cells, _record(data.get("nbgrader")).get("grade_id")) for data in metadata]
    taken = {match.grade_id for match in matches if match is not None}
    items = []
    for index, (cell, data, match) in enumerate(zip(cells, metadata, matches, strict=True)):
        if match is None:
            match = _known(plan.by_id, cell.get("id"))
            match = None if match is not None and match.role and match.grade_id in taken else match
        kind = cell.get("cell_type")
        kind = kind if kind in ("code", "markdown", "raw") else "raw"
        passed = cell["passed"] if match is not None and match.role == "check" else 0
        items.append(Item(index, kind, cell["source"], match, data, cell["attachments"], passed))
    return items


def _passed(outputs: Any) -> int:
    """Count the checks that a cell's saved outputs say were passed; 0 where there is an error among them."""
    records = [_record(output) for output in outputs[:100]] if isinstance(outputs, list) else []
    if any(record.get("output_type") == "error" for record in records):
        return 0
    return sum(len(_TICK.findall(_text(record.get("text"))[:20_000])) for record in records)


def _record(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _known(cells: dict[str, Cell], name: Any) -> Cell | None:
    return cells.get(name) if isinstance(name, str) else None
