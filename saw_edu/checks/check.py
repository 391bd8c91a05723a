"""A check: a probe that runs a student's function and a judge that compares what came out and words the message."""

import contextlib
import dataclasses
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from saw_edu.checks.compare import Finding, Tolerance, compare
from saw_edu.checks.culprit import culprit, remember
from saw_edu.checks.expect import Satisfies
from saw_edu.checks.probe import Record, copy_input, flush, run_case
from saw_edu.checks.values import Plain, is_plain, natural, plain

_ABSENT: Any = object()


_INSTEAD: ContextVar[Callable[..., None] | None] = ContextVar("what a call of a check does", default=None)


@contextlib.contextmanager
def calls_go_to(instead: Callable[..., None]) -> Iterator[None]:
    """Within it, calling a check calls `instead(check, *answers)`: to collect checks, or to probe without judging."""
    token = _INSTEAD.set(instead)
    try:
        yield
    finally:
        _INSTEAD.reset(token)


class CheckFailed(AssertionError):  # noqa: N818 - the name is what a student reads
    """An exercise is not right yet. A notebook shows the message alone, without a traceback."""

    def __init__(self, verdict: "Verdict"):
        super().__init__(verdict.message)
        self.verdict = verdict

    def _render_traceback_(self) -> list[str]:
        """Give IPython the lines to show; no source of any check is among them."""
        return [f"{type(self).__name__}: {self}"]


class NotStarted(CheckFailed):
    """An exercise still raises NotImplementedError."""


@dataclass(frozen=True)
class Verdict:
    """What the judge says: passed or not, at which stage, which mistake, and the message for the student."""

    passed: bool
    message: str
    stage: str = ""
    mistake: str | None = None
    case: str = ""


class Case:
    """One question to the student's function: inputs and the answer expected.

    Case(label, *inputs, named={...}, expect=value)  calls `answer(*inputs, **named)` on copies of the inputs;
    Case(label, run=function, expect=value)          calls `function(answer)`, which may call the answer many times,
                                                     and returns plain data: statistics, gradients, a dictionary;
    Case(label, expect=value)                        for an answer that is a value, not a function.

    expect: the right value (its kind is expected too: a tensor, a number, a dictionary), or `Satisfies`; left out, it
    is what the check's `reference` returns for the same inputs. rtol, atol: how close; exact_dtype: float64 is not
    float32 (by default only floats, whole numbers and booleans are told apart). seed: the global generators' state.
    """

    def __init__(
        self,
        label: str,
        *inputs: Any,
        run: Callable[..., Any] | None = None,
        expect: Any = _ABSENT,
        rtol: float = 1e-4,
        atol: float = 1e-6,
        exact_dtype: bool = False,
        seed: int = 0,
        named: Mapping[str, Any] | None = None,
    ):
        if run is not None and (inputs or named):
            raise TypeError(f"case {label!r}: give either inputs or run=, not both")
        self.label, self.run, self.expect, self.seed = label, run, expect, seed
        self.inputs, self.named = inputs, dict(named or {})
        self.tolerance = Tolerance(rtol, atol, exact_dtype)

    def probe(self, answers: Sequence[Any]) -> Record:
        """Ask the question and record what came of it."""
        answer = answers[0]
        if self.run is not None:
            return run_case(lambda: self.run(*answers), seed=self.seed)  # type: ignore[misc]
        if callable(answer):
            inputs, named = copy_input(list(self.inputs)), copy_input(self.named)
            return run_case(lambda: answer(*inputs, **named), (inputs, named), self.seed)
        if self.inputs or self.named:
            return {"status": "not a function", "value": plain(answer)}
        if answer is NotImplemented or answer is Ellipsis:
            return {"status": "not started"}
        return run_case(lambda: answer, seed=self.seed)


@dataclass(frozen=True)
class Mistake:
    """A known misconception: recognised by what it predicts, and named to the student.

    name: a few words, unique in its check; mutants refer to it.
    message: one or two sentences to the student: what seems to be wrong and what to look at. Never the answer itself.
    wrong: the same function written with the misconception: recognised when the answers equal its answers; a
    tuple of functions where the check takes several; or
    when: a predicate on the answers, a dictionary from case label to value (None where the call failed).
    """

    name: str
    message: str
    wrong: Callable[..., Any] | tuple[Callable[..., Any], ...] | None = None
    when: Callable[[dict[str, Any]], bool] | None = None

    def __post_init__(self) -> None:
        if (self.wrong is None) == (self.when is None):
            raise TypeError(f"mistake {self.name!r}: give exactly one of wrong= and when=")


@dataclass(frozen=True)
class Check:
    """What an exercise's test cell calls: `checks.ch02.expectile_loss(expectile_loss)`.

    title: what the check's line calls the exercise. cases: questions, the simplest first.
    reference: a right answer, for cases that state no `expect` (a tuple of functions if the check takes several); the
    judge calls it, the probe never does.
    mistakes: misconceptions to recognise, the most specific first.
    keeps_inputs: whether a function that changes its inputs fails.
    hidden: whether messages leave out expected values (set by `saw_edu.classroom.authoring.hidden`).
    """

    title: str
    cases: Sequence[Case]
    reference: Callable[..., Any] | tuple[Callable[..., Any], ...] | None = None
    mistakes: Sequence[Mistake] = ()
    keeps_inputs: bool = True
    hidden: bool = field(default=False, kw_only=True)
    _known: dict[object, Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        labels = [case.label for case in self.cases]
        if not labels or len(set(labels)) != len(labels):
            raise ValueError(f"check {self.title!r} needs at least one case, and each its own label")
        for case in self.cases:
            if case.expect is _ABSENT and self.reference is None:
                raise ValueError(f"check {self.title!r}, case {case.label!r}: no expect= and no reference")
        names = [mistake.name for mistake in self.mistakes]
        if len(set(names)) != len(names):
            raise ValueError(f"check {self.title!r}: two mistakes have the same name")

    def __call__(self, *answers: Any) -> None:
        """Probe and judge in this process: prints one line, or raises CheckFailed with a short message.

        Within `calls_go_to`, something else is done.
        """
        if (instead := _INSTEAD.get()) is not None:
            instead(self, *answers)
            return
        try:
            verdict = self.judge(self.probe(*answers))
        except Exception as error:  # the check is at fault, not the student; its source stays unseen
            message = f"✗ {self.title}: the check itself failed ({type(error).__name__}). Please tell your instructor."
            verdict = Verdict(False, message, "broken check")
        flush()
        remember(answers, verdict.passed)
        if not verdict.passed and verdict.stage not in ("not started", "broken check") and (name := culprit(answers)):
            head = verdict.message.partition("\n")[0]
            words = f"{head}\n  It uses your `{name}`, whose own check fails: mend that first."
            verdict = dataclasses.replace(verdict, message=words, mistake="an earlier answer")
        if not verdict.passed:
            raise (NotStarted if verdict.stage == "not started" else CheckFailed)(verdict) from None
        print(verdict.message)

    def probe(self, *answers: Any) -> Record:
        """Call the student's functions on every case. Returns plain data only (see `saw_edu.checks.encode`)."""
        if not answers:
            raise TypeError(f"check {self.title!r} needs the function to check as its argument")
        records: list[Record] = []
        for case in self.cases:
            records.append(case.probe(answers))
            if records[-1]["status"] == "not started":
                break
        return {"cases": records}

    def judge(self, record: Record) -> Verdict:
        """Compare a probe's record with what is expected. The record may come from a sandbox: it is only data."""
        records = record.get("cases") if isinstance(record, dict) else None
        if not isinstance(records, list) or not all(_well_formed(item) for item in records):
            return self._fail(Finding("raised", "the answer could not be read", mistake="unreadable"), "")
        if stub := next((item for item in records if item["status"] == "not started"), None):
            return Verdict(False, f"○ {self.title}: {self._not_started(stub)}.", "not started")
        if len(records) != len(self.cases):
            return self._fail(Finding("raised", "the answer is incomplete", mistake="unreadable"), "")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for case, item in zip(self.cases, records, strict=True):
                finding = self._judge_case(case, item)
                if finding:
                    return self._fail(self._name(finding, records), case.label)
        count, printed = len(self.cases), any(item["printed"].strip() for item in records)
        note = " (It also prints; no need for that.)" if printed else ""
        kind = "hidden test" if self.hidden else "case"
        return Verdict(True, f"✓ {self.title}: {count} {kind}{'s' if count > 1 else ''} right.{note}")

    def _not_started(self, stub: Record) -> str:
        other = stub.get("exercise")
        if isinstance(other, str) and other and other.replace("-", "_") != self.title:
            return f"it uses exercise {other}, which is not started yet: do that first"
        return "not started yet (it raises NotImplementedError)"

    def _once(self, key: object, compute: Callable[[], Any]) -> Any:
        """What does not depend on the answer is computed once for all of them: cases are copied and seeded."""
        if key not in self._known:
            self._known[key] = compute()
        return self._known[key]

    def _expected(self, case: Case) -> Plain:
        found: Plain = self._once(case.label, lambda: self._ask_reference(case))
        return found

    def _ask_reference(self, case: Case) -> Plain:
        if case.expect is not _ABSENT:
            return plain(case.expect)
        result = case.probe(answers_of(self.reference))
        if result["status"] != "returned":
            raise RuntimeError(f"the reference of {self.title!r} fails on {case.label!r}: {result}")
        return result["value"]

    def _judge_case(self, case: Case, item: Record) -> Finding | None:
        if item["status"] == "not a function":
            return Finding("type", "a function is expected. Was its name given to something else?", mistake="type")
        if item["status"] == "raised":
            at = f" at {item['where']}" if item["where"] else ""
            message = f": {item['message'].rstrip('.')}" if item["message"] else ""
            return Finding("raised", f"it raised {item['exception']}{message}{at}", mistake=item["exception"])
        value = item["value"]
        if isinstance(case.expect, Satisfies):
            finding = self._satisfied(case.expect, value)
        else:
            finding = compare(value, self._expected(case), case.tolerance)
        if finding and finding.mistake == "no return" and item["printed"].strip():
            message = "it prints its answer but returns None: end with `return`"
            finding = Finding("missing", message, mistake="prints instead of returning")
        if finding is None and self.keeps_inputs and item["changed"]:
            message = f"the answer is right, but the function changes its {' and '.join(item['changed'])} in place. "
            finding = Finding("inputs", message + "Work on a copy (`x = x.clone()`)", mistake="changes its inputs")
        return finding

    @staticmethod
    def _satisfied(expect: Satisfies, value: Plain) -> Finding | None:
        if value["kind"] == "none":
            return Finding("missing", "it returned None. Is a `return` missing?", mistake="no return")
        got = natural(value)
        numbers = np.asarray(got) if isinstance(got, (bool, int, float, np.ndarray)) else np.zeros(0)
        if numbers.dtype.kind == "f" and np.isnan(numbers).any():
            return Finding("finite", "there are NaNs in the answer", mistake="not finite")
        try:
            right = bool(expect.predicate(got))
        except Exception:
            return Finding("type", f"{expect.otherwise} (the answer has an unexpected form)", mistake="type")
        shown = f"got {got:.6g}" if isinstance(got, float) else f"got {got}" if isinstance(got, int) else ""
        shown = expect.tell(got) if expect.tell and not right else shown
        return None if right else Finding("value", expect.otherwise, shown)

    def _name(self, finding: Finding, records: list[Record]) -> Finding:
        """Replace a finding's general words by the first misconception that predicts these answers."""
        for mistake in self.mistakes:
            if mistake.wrong is not None:
                found = all(self._predicts(mistake, case, item) for case, item in zip(self.cases, records, strict=True))
            else:
                observed = {
                    case.label: natural(item["value"]) if item["status"] == "returned" else None
                    for case, item in zip(self.cases, records, strict=True)
                }
                try:
                    found = bool(mistake.when(observed))  # type: ignore[misc]
                except Exception:
                    found = False
            if found:
                words = f"{finding.message}.\n  {mistake.message}"
                return dataclasses.replace(finding, message=words, mistake=mistake.name)
        return finding

    def _predicts(self, mistake: Mistake, case: Case, item: Record) -> bool:
        predicted = self._once((mistake.name, case.label), lambda: case.probe(answers_of(mistake.wrong)))
        if predicted["status"] != item["status"]:
            return False
        if item["status"] == "raised":
            return predicted["exception"] == item["exception"]
        same_inputs = predicted.get("changed", []) == item.get("changed", [])
        return same_inputs and compare(item["value"], predicted["value"], case.tolerance) is None

    def _fail(self, finding: Finding, label: str) -> Verdict:
        detail = f" ({finding.detail})" if finding.detail and not self.hidden else ""
        head, _, tail = finding.message.partition("\n")
        text = _sentence(head.rstrip(".") + detail) + (f"\n{_sentence(tail)}" if tail else "")
        kind = "hidden test" if self.hidden else "case"
        place = f", {kind} “{label}”" if label else ""
        return Verdict(False, f"✗ {self.title}{place}: {text}", finding.stage, finding.mistake, label)


def _sentence(words: str) -> str:
    """With one mark at its end."""
    words = words.rstrip(".")
    return words if words.endswith(("?", "!", ":")) else f"{words}."


def answers_of(function: Any) -> Sequence[Any]:
    """Of a function, or of a tuple of them: what a check is called with."""
    return function if isinstance(function, tuple) else (function,)


def _well_formed(item: Any) -> bool:
    """Tell whether one case's record has the fields its status promises."""
    if not isinstance(item, dict):
        return False
    status = item.get("status")
    if status == "returned":
        changed = item.get("changed")
        texts = isinstance(item.get("printed"), str) and isinstance(changed, list)
        return texts and all(isinstance(name, str) for name in changed or []) and is_plain(item.get("value"))
    if status == "raised":
        return all(isinstance(item.get(name), str) for name in ("exception", "message", "where"))
    return status in ("not started", "not a function")
