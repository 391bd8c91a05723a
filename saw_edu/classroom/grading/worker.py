"""Grades a submission: each exercise in processes of its own, visible tests first, hidden tests in another process."""

import itertools
import time
from dataclasses import replace
from pathlib import Path

from saw_edu.classroom.grading import cheats, copied, edits
from saw_edu.classroom.grading.gradebook import NotebookResult
from saw_edu.classroom.grading.judge import (
    CALLS_LIBRARY,
    FLAGGED,
    NOT_STARTED,
    RIGHT,
    STOPPED,
    UNGRADED,
    CheckResult,
    flagged,
    judge,
    result,
)
from saw_edu.classroom.grading.plan import ChapterPlan, CheckPlan, ExercisePlan, UnitPlan
from saw_edu.classroom.grading.submission import (
    Item,
    Submission,
    UngradableError,
    identify,
    read_submission,
)
from saw_edu.classroom.grading.surroundings import CELLS, NOTEBOOK, STATEMENTS, Step, steps
from saw_edu.classroom.names import TooLongError, within
from saw_edu.classroom.sandbox.outside import Limits, Outcome, Sandbox

_MOST_REASONS = 4  # that are spelt out for one exercise
_READING_SECONDS = 60.0  # of computing, for what this process itself does with one notebook


class PlanError(RuntimeError):
    """The unit's own solutions do not pass its checks in the sandbox: nobody must be graded by them."""


def grade_submission(
    sandbox: Sandbox, plan: UnitPlan, folder: Path, limits: Limits, finish: float
) -> list[NotebookResult]:
    """Grade all notebooks of one student's folder. finish: when the student's time is over (time.monotonic)."""
    return [_grade_in_time(sandbox, plan, chapter, folder, limits, finish) for chapter in plan.chapters]


def _grade_in_time(
    sandbox: Sandbox, plan: UnitPlan, chapter: ChapterPlan, folder: Path, limits: Limits, finish: float
) -> NotebookResult:
    """Grade a notebook, within the time for reading it too."""
    try:
        with within(finish, _READING_SECONDS):
            return _grade_one(sandbox, plan, chapter, folder, limits, finish)
    except (TooLongError, MemoryError) as error:
        return NotebookResult(chapter, "ungradable", reason=str(error) or "reading it takes too much memory")


def _grade_one(
    sandbox: Sandbox, plan: UnitPlan, chapter: ChapterPlan, folder: Path, limits: Limits, finish: float
) -> NotebookResult:
    others = [other for other in plan.chapters if other is not chapter]
    path = folder / f"{chapter.name}.ipynb"
    if not path.exists() and not path.is_symlink():
        reason = _renamed(plan, chapter, folder)
        return NotebookResult(chapter, "ungradable" if reason else "missing", reason=reason or "not handed in")
    try:
        submission = read_submission(path, chapter, others)
    except UngradableError as error:
        return NotebookResult(chapter, "ungradable", reason=str(error))
    return grade_notebook(sandbox, submission, limits, finish)


def _renamed(plan: UnitPlan, chapter: ChapterPlan, folder: Path) -> str:
    """Say which other file of a submission may be the notebook that is missing; empty where none is."""
    known = {folder / f"{other.name}.ipynb" for other in plan.chapters}
    strays = sorted(itertools.islice((path for path in folder.rglob("*") if path not in known), 2000))
    strays = [path for path in strays if not any(part.startswith(".") for part in path.relative_to(folder).parts)]
    strays = [path for path in strays if path.is_file() and not path.is_symlink()]
    for path in strays:
        if path.suffix.lower() == ".ipynb" and identify(path, plan.chapters) is chapter:
            place = str(path.relative_to(folder))
            what = "rename it" if path.parent == folder else f"move it to {folder.parent.name}/{folder.name}/"
            return f"there is no {chapter.name}.ipynb, but {place!r} seems to be it: {what} and grade again"
    files = [path.name for path in strays if path.name != "timestamp.txt"]
    return f"there is no {chapter.name}.ipynb, but {', '.join(map(repr, files[:3]))}" if files else ""


def grade_notebook(sandbox: Sandbox, submission: Submission, limits: Limits, finish: float) -> NotebookResult:
    """Grade one notebook. finish: when the student's time is over (time.monotonic); what is left then is "ungraded"."""
    lethal: set[str] = set()
    results: list[CheckResult] = []
    flags = copied.of_notebook(submission) + edits.of_notebook(submission)
    for exercise in submission.plan.exercises:
        attacks, doubts = _looks(submission, exercise)
        looks = [f"{exercise.cell.name}: {reason}" for reason in (attacks + doubts)[:_MOST_REASONS]]
        more = len(attacks + doubts) - _MOST_REASONS
        flags += [*looks, *([f"{exercise.cell.name}: … and {more} more of this kind"] if more > 0 else [])]
        for check in exercise.checks:
            found = _grade_check(sandbox, submission, exercise, check, limits, finish, lethal)
            if attacks and found.state not in (NOT_STARTED, UNGRADED):
                found = flagged(check, attacks[0])
            if found.state == FLAGGED and not attacks:
                flags.append(f"{exercise.cell.name}: {found.mistake}")
            if found.note:
                flags.append(f"{exercise.cell.name}: {found.note}")
            results.append(found)
    return NotebookResult(submission.plan, "graded", tuple(results), flags=tuple(flags), submission=submission)


def _looks(submission: Submission, exercise: ExercisePlan) -> tuple[list[str], list[str]]:
    attacks: list[str] = []
    doubts: list[str] = []
    for item in submission.versions(exercise.cell.grade_id):
        more = cheats.of_answer(item.source)
        attacks, doubts = attacks + more[0], doubts + more[1]
    return list(dict.fromkeys(attacks)), list(dict.fromkeys(doubts))


def _grade_check(
    sandbox: Sandbox,
    submission: Submission,
    exercise: ExercisePlan,
    check: CheckPlan,
    limits: Limits,
    finish: float,
    lethal: set[str],
) -> CheckResult:
    """Grade one check cell, with more and more of the student's other cells until the answer is right.

    The notebook up to the exercise is run only where the student saw the check pass. Where it then fails all the same,
    a person decides.
    """
    versions = submission.versions(check.cell.grade_id)
    saw = [item for item in versions if item.kind == "code" and item.source.strip() == check.cell.released.strip()]
    shown = bool(check.visible) and any(item.passed >= len(check.visible) for item in saw)
    tried: list[list[Step]] = []
    found: list[tuple[CheckResult, bool]] = []
    ended = False
    for how in (STATEMENTS, CELLS, NOTEBOOK) if shown else (STATEMENTS, CELLS):
        before = steps(submission, exercise, frozenset(lethal), how)
        if before in tried:
            continue
        tried.append(before)
        last, seen, alive = _grade_with(sandbox, submission, exercise, check, limits, finish, before)
        ended |= alive
        if last.state in (RIGHT, FLAGGED, UNGRADED) or (last.state == NOT_STARTED and not shown):
            lethal |= set() if ended else {exercise.cell.name}
            return last
        found.append((last, seen))
    if not ended:
        lethal.add(exercise.cell.name)
    best = [(last, seen) for last, seen in found if last.state != STOPPED] or found
    reproduced = [last for last, seen in best if seen]
    if shown and not reproduced:
        words = "the notebook shows that this test passed, but it fails here. A person will look at this.\n  "
        return result(check, UNGRADED, words + best[-1][0].message)
    return reproduced[-1] if reproduced else best[-1][0]


def _grade_with(
    sandbox: Sandbox,
    submission: Submission,
    exercise: ExercisePlan,
    check: CheckPlan,
    limits: Limits,
    finish: float,
    before: list[Step],
) -> tuple[CheckResult, bool, bool]:
    """Grade one check cell after some steps. Also whether its visible tests passed, and whether the cells ended.

    What of the library solves the exercise is refused. What gives a part of it is refused at first, to notice it.
    """
    guards = [*exercise.guarded, *exercise.parts]
    found = _grade_guarded(sandbox, submission, exercise, check, limits, finish, before, guards)
    if found[0].mistake != CALLS_LIBRARY or not exercise.parts:
        return found
    again = _grade_guarded(sandbox, submission, exercise, check, limits, finish, before, exercise.guarded)
    if again[0].state in (FLAGGED, UNGRADED):
        return again
    names = ", ".join(name.split(":")[1] for name in exercise.parts)
    note = f"the library gives a part of the answer (one of {names})"
    return replace(again[0], note=note), *again[1:]


def _grade_guarded(
    sandbox: Sandbox,
    submission: Submission,
    exercise: ExercisePlan,
    check: CheckPlan,
    limits: Limits,
    finish: float,
    before: list[Step],
    guarded: list[str],
) -> tuple[CheckResult, bool, bool]:
    """Grade one check cell after some steps, with some of the library refused."""
    program = {
        "setup": list(submission.plan.setup),
        "steps": before,
        "visible": check.visible_code,
        "guarded": guarded,
    }
    found = result(check, RIGHT, f"✓ {exercise.cell.name}")
    ended = True
    for hidden in (False, True):
        if not (check.hidden if hidden else check.visible):
            continue
        left = finish - time.monotonic()
        if left < 1:
            message = "the time for the whole submission was over before this exercise"
            return result(check, UNGRADED, message), hidden, ended
        own = replace(limits, seconds=min(limits.seconds, left), patience=min(limits.patience, left))
        more = {"phase": "hidden", "hidden": check.hidden_code, "modules": submission.plan.hidden}
        less = {"phase": "visible", "hidden": "", "modules": {}}
        outcome: Outcome = sandbox.run({**program, **(more if hidden else less)}, own)
        if outcome.end == "refused":  # such as a sandbox that was killed for lack of memory: once more, in a fresh one
            outcome = sandbox.run({**program, **(more if hidden else less)}, own)
        ended = any(frame.get("stage") == "cell" for frame in outcome.frames) or outcome.end == "refused"
        if outcome.end == "time" and own.seconds < limits.seconds:
            message = "the time for the whole submission was over during this exercise"
            return result(check, UNGRADED, message), hidden, ended
        found = judge(check, outcome, own, hidden=hidden)
        if found.state != RIGHT:
            break
    return found, found.state == RIGHT or hidden, ended


def solution_of(plan: ChapterPlan) -> Submission:
    """The course's own solution as if a student had handed it in."""
    items = [Item(index, cell.kind, cell.source, cell) for index, cell in enumerate(plan.chapter.cells)]
    return Submission(plan, tuple(items))


def _prove_setup(sandbox: Sandbox, plan: ChapterPlan, limits: Limits) -> None:
    """Run a chapter's setup cells alone, to name what is missing in the sandbox."""
    step = {"kind": "exercise", "name": "setup", "code": "\n".join(plan.setup)}
    program = {
        "setup": [],
        "steps": [step],
        "visible": "",
        "guarded": [],
        "phase": "visible",
        "hidden": "",
        "modules": {},
    }
    frames = sandbox.run(program, limits).frames
    error = frames[0].get("error") if frames else None
    if error:
        raise PlanError(f"{plan.name}: a setup cell fails in the sandbox: {error['exception']}: {error['message']}")


def _with_fewer_guards(
    sandbox: Sandbox, plan: ChapterPlan, exercise: ExercisePlan, limits: Limits
) -> list[CheckResult]:
    """Take away those guards, one by one, that the solution does not pass with. Returns its results after that."""

    def passes() -> tuple[bool, list[CheckResult]]:
        graded = [
            _grade_check(sandbox, solution_of(plan), exercise, check, limits, time.monotonic() + 3600, set())
            for check in exercise.checks
        ]
        return all(check.state == RIGHT for check in graded), graded

    kept: list[str] = []
    for name in list(exercise.guarded):
        exercise.guarded[:] = [name]
        kept += [name] if passes()[0] else []
    exercise.guarded[:] = kept
    return passes()[1]


def prove(sandbox: Sandbox, unit: UnitPlan, limits: Limits) -> None:
    """Grade the course's own solutions. Raises PlanError unless every exercise gets its points.

    A guard on a library function without which a solution does not pass is taken away.
    """
    wrong = []
    for plan in unit.chapters:
        _prove_setup(sandbox, plan, limits)
        graded = grade_notebook(sandbox, solution_of(plan), limits, time.monotonic() + 3600)
        for exercise in plan.exercises:
            own = [check for check in graded.checks if check.exercise == exercise.cell.name]
            if exercise.guarded and any(check.state != RIGHT for check in own):
                own = _with_fewer_guards(sandbox, plan, exercise, limits)
            wrong += [f"{plan.name}: {check.message}" for check in own if check.state != RIGHT]
    if wrong:
        raise PlanError("the course's own solutions do not pass in the sandbox:\n" + "\n".join(wrong))
