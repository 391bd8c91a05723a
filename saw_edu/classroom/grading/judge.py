"""Decides, in the trusted process, what the plain data that came out of the sandbox is worth, and words the message."""

import builtins
import dataclasses
import re
import threading
from typing import Any

from saw_edu.checks.check import Check, Verdict
from saw_edu.classroom.grading.plan import CheckPlan
from saw_edu.classroom.plain import plain_text
from saw_edu.classroom.sandbox.outside import Limits, Outcome

RIGHT, WRONG, NOT_STARTED, STOPPED, FLAGGED, UNGRADED = (
    "right",
    "wrong",
    "not started",
    "stopped",
    "flagged",
    "ungraded",
)
AGAIN = "run again"
"""Why something is "ungraded": grading itself failed, and the next run tries again."""
CALLS_LIBRARY = "it calls the library's own implementation"
_LONGEST = 1500
_NOT_STARTED = "○ {}: not started yet (it raises NotImplementedError)."
_MOST_LINES = 200
_ONE_AT_A_TIME = threading.Lock()

_GENERAL = {
    "missing": "it returned None. Is a `return` missing?",
    "raised": "it raised {exception}",
    "type": "the answer is of another type than asked for",
    "shape": "the answer's shape, length or keys are not those asked for",
    "dtype": "the answer holds another kind of numbers than asked for",
    "finite": "there are NaNs or infinities in the answer",
    "value": "the value differs",
    "inputs": "the answer is right, but the function changes its inputs in place. Work on a copy",
}
_ADVICE = {
    "sign": "The sign is the wrong way round",
    "order": "The values are right but in another order",
    "factor": "Every value is off by the same factor",
    "negated": "Every answer is the opposite of what it should be",
    "no return": "Is a `return` missing?",
    "broadcast": "Did (N,) meet (N, 1)?",
}
_KNOWN_ERRORS = {name for name in dir(builtins) if name.endswith(("Error", "Exception", "Iteration", "Exit"))}


@dataclasses.dataclass(frozen=True)
class CheckResult:
    """What became of one check cell. mistake: the misconception's name, where one was recognised.

    state: "right", "wrong", "not started", "stopped" (it was killed), "flagged", "ungraded" (not the student's fault).
    note: what a person should see, though it decides nothing.
    """

    grade_id: str
    exercise: str
    state: str
    points: float
    of: float
    message: str
    mistake: str | None = None
    note: str = ""


def result(plan: CheckPlan, state: str, message: str, mistake: str | None = None) -> CheckResult:
    """A check cell's result; all its points for "right", none for anything else."""
    points = plan.points if state == RIGHT else 0.0
    name = plan.cell.grade_id
    return CheckResult(
        name, plan.cell.exercise, state, points, plan.points, plain_text(message[: 2 * _LONGEST])[:_LONGEST], mistake
    )


def flagged(plan: CheckPlan, reason: str) -> CheckResult:
    """A check cell's result where a person has to decide: no points until then."""
    return result(plan, FLAGGED, f"⚑ {plan.cell.exercise}: {reason}. A person will look at this.", reason)


def judge(plan: CheckPlan, outcome: Outcome, limits: Limits, *, hidden: bool) -> CheckResult:
    """Judge what a program wrote. hidden: which of the two phases it was; messages on hidden tests quote nothing.

    A program writes one frame when its cells have run and one with records, then ends at once. Other frames are forged.
    """
    title = plan.cell.exercise
    if outcome.end == "refused":
        return result(plan, UNGRADED, f"not graded, run again: the sandbox failed: {outcome.detail}", AGAIN)
    stages = [frame.get("stage") for frame in outcome.frames]
    if stages != ["cell", "records"][: len(stages)]:
        return flagged(plan, "it writes results in the place of the tests")
    cell, frame = (*outcome.frames, None, None)[:2]
    records = frame.get("records") if frame else None
    if not isinstance(records, list) or frame is None or outcome.end != "exit":
        return result(plan, STOPPED, f"✗ {title}: {_ended(outcome, limits)}", "stopped")
    checks = plan.hidden if hidden else plan.visible
    for number, check in enumerate(checks):
        if number >= len(records):
            return _absent(plan, cell, frame, hidden)
        verdict = _verdict(check, records[number])
        if not verdict.passed:
            return _failure(plan, check, verdict, records[number], hidden)
    if frame.get("error") is not None:
        return _absent(plan, cell, frame, hidden)
    return result(plan, RIGHT, f"✓ {title}: all tests pass.")


def _verdict(check: Check, record: Any) -> Verdict:
    try:
        with _ONE_AT_A_TIME:  # references and known mistakes run with the global generators and streams replaced
            return check.judge(record)
    except Exception as error:  # such as data that looks right and is not
        return Verdict(False, f"✗ {check.title}: the answer could not be read ({type(error).__name__}).", "unreadable")


def _failure(plan: CheckPlan, check: Check, verdict: Verdict, record: Any, hidden: bool) -> CheckResult:
    if verdict.stage == "not started":
        words = _NOT_STARTED.format(plan.cell.exercise)  # in the hidden phase it could name what a hidden test asks
        return result(plan, NOT_STARTED, words if hidden else verdict.message)
    if verdict.mistake == "ReferenceCalled":
        return flagged(plan, CALLS_LIBRARY)
    if not hidden:
        return result(plan, WRONG, verdict.message, verdict.mistake)
    declared = next((m for m in check.mistakes if m.name == verdict.mistake), None)
    unread = "the answer could not be read"
    raised = _exception(verdict.mistake) + _line(record)
    words = unread if verdict.mistake == "unreadable" else _GENERAL.get(verdict.stage, unread).format(exception=raised)
    advice = declared.message if declared else _ADVICE.get(verdict.mistake or "", "")
    head = f"✗ {check.title}, hidden test{f' “{verdict.case}”' if verdict.case else ''}: {words}."
    name = _exception(verdict.mistake) if verdict.stage == "raised" else verdict.mistake
    return result(plan, WRONG, head + (f"\n  {advice}" if advice else ""), name or verdict.stage)


def _exception(name: str | None) -> str:
    """An exception's name, if it is one of Python's: any other could spell out what a hidden test asks."""
    return name if name in _KNOWN_ERRORS else "an exception"


def _line(record: Any) -> str:
    """Where a student's function raised, as a line's number in its cell: the one thing of a traceback that is told."""
    cases = record.get("cases") if isinstance(record, dict) else None
    cases = cases if isinstance(cases, list) else []
    cases = [item for item in cases if isinstance(item, dict) and item.get("status") == "raised"]
    found = re.match(r"line (\d{1,3}) of ", str(cases[0].get("where"))) if cases else None
    return f" at line {found[1]}" if found and int(found[1]) <= _MOST_LINES else ""


def _absent(plan: CheckPlan, cell: Any, frame: dict[str, Any], hidden: bool) -> CheckResult:
    """Word that checks did not get what they ask for: the cell failed before it defined anything.

    What a frame of the hidden phase says is not quoted: whoever forges it has seen the hidden tests' inputs.
    """
    error = cell.get("error") if isinstance(cell, dict) else None
    error = error if isinstance(error, dict) else frame.get("error")
    error = error if isinstance(error, dict) else {}
    name, text, where = (str(error.get(key, ""))[:300] for key in ("exception", "message", "where"))
    if name == "NotImplementedError":
        return result(plan, NOT_STARTED, _NOT_STARTED.format(plan.cell.exercise))
    if hidden:
        return result(
            plan, WRONG, f"✗ {plan.cell.exercise}, hidden tests: it raised {_exception(name)}.", _exception(name)
        )
    words = f"its cell raised {name or 'an exception'}: {text}" + (f" at {where}" if where else "")
    return result(plan, WRONG, f"✗ {plan.cell.exercise}: {words}", name if re.fullmatch(r"\w{1,40}", name) else None)


def _ended(outcome: Outcome, limits: Limits) -> str:
    """Say why a program wrote no result."""
    words = {
        "time": f"it did not finish within {limits.seconds:.0f} s. Is there a loop without end?",
        "memory": f"it used more memory than the {limits.memory_bytes / 2**30:.1f} GiB allowed",
        "processes": "it started more processes than a solution may",
        "output": "it wrote more than a solution may",
        "unreadable": "the answer could not be read",
        "exit": "it ended Python itself. Is there an `exit()`?",
        "signal": f"Python was killed (signal {outcome.detail}): a crash, a lack of memory, or too much computing",
    }
    return words.get(outcome.end, "it did not finish")
