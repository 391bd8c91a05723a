"""What a class report holds, however it is gathered and shown."""

from dataclasses import dataclass
from typing import Any

from saw_edu.classroom.grading.gradebook import Waiting
from saw_edu.classroom.reports.likeness import Alike

STATES = ("solved", "wrong", "flagged", "not started", "not handed in", "ungradable")
UNNAMED = "not recognised"
"""The name of what is wrong in a way that no check knows."""


@dataclass(frozen=True)
class ExerciseReport:
    """One exercise. states: state → students. mistakes: a misconception's name → students who hit it.

    missed: misconceptions that the course declares (its mutants' names) and nobody hit.
    """

    chapter: str
    name: str
    points: float
    states: dict[str, list[str]]
    mistakes: dict[str, list[str]]
    missed: tuple[str, ...]


@dataclass(frozen=True)
class ClassReport:
    """A unit. rows: of the table of grades, one for each student. look: (student, what a person should look at).

    waiting: answers that a person has to grade or to decide on.
    """

    unit: str
    max_score: float
    rows: list[dict[str, Any]]
    exercises: list[ExerciseReport]
    look: list[tuple[str, str]]
    alike: list[Alike]
    waiting: tuple[Waiting, ...] = ()

    @property
    def scores(self) -> list[float]:
        """The scores of those whose submission was graded, late penalties taken off, in rising order."""
        handed_in = [row for row in self.rows if row["status"] != "not submitted"]
        return sorted(float(row["score"]) for row in handed_in if row["score"] != "")
