"""What became of each student's submission, and the words after a run."""

from collections import Counter
from dataclasses import dataclass

from saw_edu.classroom.authoring.build import table
from saw_edu.classroom.grading.gradebook import NotebookResult, Waiting
from saw_edu.classroom.grading.judge import AGAIN, UNGRADED
from saw_edu.classroom.plain import one_line

_MOST_STUDENTS, _MOST_EACH, _LONGEST = 40, 3, 160
_WAITS = {
    "in words": "answers in words",
    "set to 0": "set to 0 until you decide",
    "not graded": "that could not be graded",
    "unreadable": "in files that could not be read",
}


@dataclass(frozen=True)
class StudentResult:
    """What became of one student's submission.

    error: why grading itself failed; nothing was written then. waiting: answers that a person has to grade or look at.
    """

    student: str
    notebooks: tuple[NotebookResult, ...] = ()
    error: str = ""
    skipped: bool = False
    waiting: tuple[Waiting, ...] = ()

    @property
    def points(self) -> float:
        """Points of all automatic checks."""
        return sum(check.points for notebook in self.notebooks for check in notebook.checks)

    @property
    def reasons(self) -> list[str]:
        """Why something could not be graded."""
        whole = [f"{n.plan.name}: ungradable: {n.reason}" for n in self.notebooks if n.state == "ungradable"]
        parts = [c for n in self.notebooks for c in n.checks if c.state == UNGRADED]
        return whole + [f"{check.exercise}: not graded: {check.message}" for check in parts]

    @property
    def flags(self) -> list[str]:
        """What a person should look at."""
        return [f"{notebook.plan.name}: {flag}" for notebook in self.notebooks for flag in notebook.flags]


def counts(results: list[StudentResult]) -> dict[str, int]:
    """Of how many submissions something is to be said."""
    return {
        "failed": sum(bool(result.error) for result in results),
        "ungradable": sum(bool(result.reasons) for result in results),
        "flagged": sum(bool(result.flags) for result in results),
    }


def summary(unit: str, results: list[StudentResult]) -> str:
    """The words after a run: counts, whom a person should look at, how many answers wait, and what comes next."""
    fresh = [result for result in results if not result.skipped]
    words = ", ".join(f"{count} {name}" for name, count in counts(fresh).items() if count)
    head = f"{unit}: {len(fresh)} graded, {len(results) - len(fresh)} graded before"
    return "\n".join([head + (f"; {words}" if words else ""), *_rows(unit, fresh), *_next(unit, results)])


def _rows(unit: str, fresh: list[StudentResult]) -> list[str]:
    rows: list[tuple[str, ...]] = [("student", "points", "for a person to look at")]
    look = [result for result in fresh if result.error or result.reasons or result.flags]
    for result in look[:_MOST_STUDENTS]:
        texts = ([f"FAILED: {result.error}"] if result.error else []) + result.reasons + result.flags
        more = [f"… and {len(texts) - _MOST_EACH} more"] if len(texts) > _MOST_EACH else []
        points = "–" if result.error else f"{result.points:g}"
        for n, text in enumerate([*texts[:_MOST_EACH], *more]):
            rows.append((one_line(result.student, 60) if not n else "", points if not n else "", _short(text)))
    lines = [table(rows)] if len(rows) > 1 else []
    left = len(look) - _MOST_STUDENTS
    return [*lines, *([f"… and {left} more students: `saw-edu report {unit}` lists all"] if left > 0 else [])]


def _short(text: str) -> str:
    """One line, of characters that show."""
    line = "".join(c if c.isprintable() else " " for c in text)
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]} …"


def _next(unit: str, results: list[StudentResult]) -> list[str]:
    """How many answers wait for a person, and what comes next."""
    again = [
        r.student
        for r in results
        if r.error or any(check.mistake == AGAIN for notebook in r.notebooks for check in notebook.checks)
    ]
    lines = [f"not graded for {len(again)}: run the same command again"] if again else []
    kinds = Counter(item.why for result in results for item in result.waiting)
    by_hand = ""
    if kinds:
        words = ", ".join(f"{kinds[kind]} {text}" for kind, text in _WAITS.items() if kinds[kind])
        students = sum(bool(result.waiting) for result in results)
        lines.append(f"waiting for a person: {words}; of {students} student{'s' if students != 1 else ''}")
        by_hand = "grade these in Formgrader (`saw-edu lab`, then Nbgrader → Formgrader → Manual Grading), then "
    lines.append(f"next: {by_hand}`saw-edu report {unit}`, `nbgrader generate_feedback {unit}`, `nbgrader export`")
    return lines


__all__ = ["StudentResult", "counts", "summary"]
