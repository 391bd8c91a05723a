"""Looks for what was done to a notebook around its answers: edited tests, changed metadata, attacks in other cells."""

from collections import defaultdict

from saw_edu.classroom.grading.cheats import of_answer
from saw_edu.classroom.grading.submission import Item, Submission

_MOST = 12  # flags of one notebook that are spelt out


def of_notebook(submission: Submission) -> list[str]:
    """What a person should see of a notebook: one line for each kind of thing, with the cells where it is."""
    found: dict[str, dict[str, None]] = defaultdict(dict)  # what → where
    for cell in submission.plan.chapter.cells:
        if cell.role is None:
            continue
        versions = submission.versions(cell.grade_id)
        if cell.role == "check" and (what := _around_check(cell.released, versions)):
            found[what][cell.grade_id] = None
        if cell.role == "exercise" and any(item.kind != cell.kind for item in versions):
            found["was turned into another kind of cell"][cell.grade_id] = None
        for item in versions:
            for what in _metadata(item):
                found[what][cell.grade_id] = None
    for item in submission.items:
        if "skip-execution" in _tags(item):
            found["is tagged skip-execution"][f"cell {item.index + 1}"] = None
        if item.source_cell is None and item.kind == "code":
            for reason in of_answer(item.source)[0]:
                found[reason][f"cell {item.index + 1}"] = None
    lines = [f"{_places(list(where))}: {what}" for what, where in found.items()]
    return [*lines[:_MOST], *([f"… and {len(lines) - _MOST} more kinds of this"] if len(lines) > _MOST else [])]


def _places(where: list[str], shown: int = 5) -> str:
    more = f" and {len(where) - shown} more" if len(where) > shown else ""
    return ", ".join(where[:shown]) + more


def _around_check(released: str, versions: list[Item]) -> str:
    """What was done to a test cell, in words; the released lines with more around them are no edit."""
    if not versions:
        return "the test cell is missing (restored)"
    if any(item.kind != "code" for item in versions):
        return "the test cell was turned into another kind of cell (restored)"
    wanted = _plain(released)
    if any(not _holds(_plain(item.source), wanted) for item in versions):
        return "the test cell was edited (restored)"
    return f"the test cell occurs {len(versions)} times" if len(versions) > 1 else ""


def _plain(source: str) -> list[str]:
    lines = [line.split("#")[0].rstrip() for line in source.split("\n")]
    return [line for line in lines if line]


def _holds(lines: list[str], wanted: list[str]) -> bool:
    """Whether all wanted lines are there, in their order."""
    rest = iter(lines)
    return all(line in rest for line in wanted)


def _metadata(item: Item) -> list[str]:
    cell = item.source_cell
    data = item.metadata.get("nbgrader")
    if cell is None or cell.role is None or not isinstance(data, dict):
        return []
    expected = cell.metadata()["nbgrader"]
    keys = [
        key for key in ("points", "grade", "solution", "task") if key in expected and data.get(key) != expected[key]
    ]
    return [f"its {' and '.join(keys)} {'was' if len(keys) == 1 else 'were'} changed (restored)"] if keys else []


def _tags(item: Item) -> list[str]:
    tags = item.metadata.get("tags")
    return [tag for tag in tags if isinstance(tag, str)] if isinstance(tags, list) else []
