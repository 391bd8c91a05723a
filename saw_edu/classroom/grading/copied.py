"""Notices answers that hold the course's own solution: its markers, or what a model answer says."""

import re

from saw_edu.classroom.authoring.chapter import Cell
from saw_edu.classroom.authoring.markers import MARKERS, only
from saw_edu.classroom.grading.submission import Submission

_WORDS = 6  # in a passage
_FEWEST, _SHARE = 8, 0.25
"""Passages that a copy has in common with the model answer at least, and as a part of them all."""


def of_notebook(submission: Submission) -> list[str]:
    """The exercises and questions whose answers hold the course's own solution, in words."""
    marked, copied = [], []
    for cell in submission.plan.chapter.cells:
        if cell.role not in ("exercise", "question"):
            continue
        answers = [item.source for item in submission.versions(cell.grade_id)]
        if any(marker in answer for answer in answers for marker in MARKERS):
            marked.append(cell.name)
        elif cell.role == "question" and any(_holds_model(answer, cell) for answer in answers):
            copied.append(cell.name)
    found = [f"{', '.join(marked)}: holds the markers of the course's own solution"] if marked else []
    return found + ([f"{', '.join(copied)}: says what the model answer says, in its words"] if copied else [])


def _holds_model(answer: str, cell: Cell) -> bool:
    """Whether an answer in words shares many passages with the model answer, its rubric among them."""
    model = _passages(only(cell.source, "SOLUTION")) - _passages(cell.released)
    shared = len(model & _passages(answer[:100_000]))
    return shared >= _FEWEST and shared >= _SHARE * len(model)


def _passages(text: str) -> set[tuple[str, ...]]:
    words = re.findall(r"\w+", text.casefold())
    return {tuple(words[i : i + _WORDS]) for i in range(len(words) - _WORDS + 1)}
