"""The check framework: stages, messages, misconceptions, isolation, and records that survive encoding."""

import dataclasses
import json
import math
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch

from saw_edu import checks
from saw_edu.checks import Case, Check, CheckFailed, EncodingError, Mistake, NotStarted, Satisfies, decode, encode
from saw_edu.checks.check import calls_go_to
from saw_edu.checks.values import natural, plain

X = torch.tensor([1.0, -2.0, 3.0])


def square(x: torch.Tensor) -> torch.Tensor:
    return x**2


CHECK = Check("square", [Case("three numbers", X), Case("one number", torch.tensor([4.0]))], reference=square)


def failing(values: Any) -> Callable[[torch.Tensor], Any]:
    """An answer that returns `values` for the first case and is right elsewhere."""
    return lambda x: values if len(x) == 3 else x**2


def test_a_right_answer_prints_one_line_and_returns_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert CHECK(square) is None  # nbgrader takes the value of a cell's last expression for points
    out, err = capsys.readouterr()
    assert out == "✓ square: 2 cases right.\n"
    assert err == ""


@pytest.mark.parametrize(
    ("answer", "stage", "mistake", "words"),
    [
        (lambda x: None, "missing", "no return", "Is a `return` missing"),
        (failing(X.numpy() ** 2), "type", "numpy for torch", "Stay in torch"),
        (failing(14.0), "type", "number for tensor", "gradients cannot flow"),
        (failing([1.0, 4.0, 9.0]), "type", "type", "Stack the list"),
        (failing((X**2)[:2]), "shape", "shape", r"shape is \(2,\); expected \(3,\)"),
        (failing((X**2)[:, None]), "shape", "extra dimension", "squeeze"),
        (failing((X**2).expand(3, 3)), "shape", "broadcast", "Broadcasting"),
        (failing((X**2).mean()), "shape", "reduced", "too early"),
        (failing(X > 0), "dtype", "dtype", "holds booleans"),
        (failing((X**2).long()), "dtype", "dtype", "holds whole numbers"),
        (
            failing(torch.tensor([1.0, math.nan, 9.0])),
            "finite",
            "not finite",
            r"1 of 3 values are NaN .first at index .1",
        ),
        (failing(torch.tensor([1.0, math.inf, 9.0])), "finite", "not finite", "infinite"),
        (failing(-(X**2)), "value", "sign", "sign is the wrong way round"),
        (failing((X**2).flip(0)), "value", "order", "reverse order"),
        (failing(X**2 * 3), "value", "factor", "same factor"),
        (failing(X**2 + 0.1), "value", None, r"got 1.1, expected 1"),
        (lambda x: 1 / 0, "raised", "ZeroDivisionError", "division by zero at line .* of <lambda>"),
        (lambda: 1, "raised", "TypeError", "takes 0 positional arguments but 1 was given"),
        (7, "type", "type", "a function is expected"),
    ],
)
def test_each_stage_has_its_message(answer: Any, stage: str, mistake: str | None, words: str) -> None:
    verdict = CHECK.judge(CHECK.probe(answer))
    assert not verdict.passed
    assert (verdict.stage, verdict.mistake) == (stage, mistake)
    with pytest.raises(CheckFailed, match=words):
        CHECK(answer)


def test_not_started_is_told_apart() -> None:
    def stub(x: torch.Tensor) -> torch.Tensor:
        raise NotImplementedError

    with pytest.raises(NotStarted, match="not started yet"):
        CHECK(stub)


def test_what_torch_does_not_implement_is_an_error_and_not_a_stub() -> None:
    verdict = CHECK.judge(CHECK.probe(lambda x: x & x))
    assert verdict.stage == "raised"
    assert "bitwise_and_cpu" in verdict.message


def test_an_answer_that_calls_a_stub_names_its_exercise() -> None:
    def earlier(x: torch.Tensor) -> torch.Tensor:
        raise NotImplementedError("Exercise earlier-one is not done yet.")

    with pytest.raises(NotStarted, match="it uses exercise earlier-one, which is not started yet"):
        CHECK(lambda x: earlier(x))


def test_an_answer_built_on_a_wrong_one_names_the_culprit() -> None:
    space: dict[str, Any] = {}
    exec("def earlier(x):\n    return x\n\ndef later(x):\n    return (lambda: earlier(x))() + 1", space)
    first = Check("earlier", [Case("one", 1.0, expect=2.0)])
    second = Check("later", [Case("one", 1.0, expect=3.0)], mistakes=[Mistake("one", "A wrong cause.", lambda x: 2.0)])
    with pytest.raises(CheckFailed, match=r"got 1, expected 2"):
        first(space["earlier"])
    with pytest.raises(CheckFailed, match="It uses your `earlier`, whose own check fails: mend that first") as caught:
        second(space["later"])
    assert "A wrong cause" not in str(caught.value)
    Check("earlier", [Case("one", 1.0, expect=1.0)])(space["earlier"])  # now it passes
    with pytest.raises(CheckFailed, match="A wrong cause"):
        second(space["later"])


def test_a_message_ends_in_one_mark() -> None:
    check = Check("none", [Case("one", 1.0, expect=2.0)], mistakes=[Mistake("m", "Why?", when=lambda seen: True)])
    message = check.judge(check.probe(lambda x: None)).message
    assert message == "✗ none, case “one”: it returned None. Is a `return` missing?\n  Why?"

    def refuse(x: float) -> float:
        raise ValueError("No.")

    assert "ValueError: No at line" in check.judge(check.probe(refuse)).message


@pytest.mark.parametrize(
    ("expect", "answer", "stage"),
    [
        (2.0, np.float64(2.0), None),
        (2.0, 2, None),
        (2.0, torch.tensor(2.0), None),
        (2.0, True, "type"),
        (2.0, "2", "type"),
        (2.0, math.nan, "finite"),
        (2, 2.0, None),
        (2, 2.5, "dtype"),
        (2, np.int64(3), "value"),
        (10**30, 10**30, None),
        (10**30, 10**30 + 1, "value"),
        (True, np.bool_(True), None),
        (True, 1, "type"),
        (True, False, "value"),
        ("abc", "abd", "value"),
        ([1, 2], (1, 2), None),
        ([1, 2], [1], "shape"),
        ([1, [2.0]], [1, [2.5]], "value"),
        ({1, 2}, {2, 1}, None),
        ({"a": 1}, {"a": 1, "b": 2}, "shape"),
        ({"a": 1, "b": 2.0}, {"b": 2.0, "a": 1}, None),
        (np.ones(2), torch.ones(2), "type"),
        (None, 3, "type"),
        (None, None, None),
    ],
)
def test_values_of_every_kind_are_compared(expect: Any, answer: Any, stage: str | None) -> None:
    check = Check("value", [Case("it", expect=expect)])
    verdict = check.judge(decode(encode(check.probe(answer))))
    assert (verdict.stage or None) == stage, verdict.message


def test_float64_is_float_unless_the_exact_dtype_matters() -> None:
    for exact in (False, True):
        check = Check("f", [Case("it", expect=torch.ones(2), exact_dtype=exact)])
        assert check.judge(check.probe(torch.ones(2, dtype=torch.float64))).passed is not exact


def test_misconceptions_are_named_before_general_words() -> None:
    check = Check(
        "square",
        [Case("three", X), Case("two", X[:2])],
        reference=square,
        mistakes=[
            Mistake("doubles", "You double instead of squaring.", wrong=lambda x: 2 * x),
            Mistake("negative", "A square cannot be negative.", when=lambda seen: bool((seen["three"] < 0).any())),
        ],
    )
    verdict = check.judge(check.probe(lambda x: x + x))
    assert verdict.mistake == "doubles"
    assert "You double instead of squaring." in verdict.message
    assert check.judge(check.probe(lambda x: x**3)).mistake == "negative"
    # a failing call gives None to the predicate: it must not break the judge
    assert check.judge(check.probe(lambda x: [][0])).mistake == "IndexError"


def test_hidden_checks_do_not_show_expected_values() -> None:
    hidden = dataclasses.replace(CHECK, hidden=True)
    shown = CHECK.judge(CHECK.probe(failing(X**2 + 0.25))).message
    kept = hidden.judge(hidden.probe(failing(X**2 + 0.25))).message
    assert "expected 1" in shown
    assert "expected" not in kept
    assert "hidden test" in kept


def test_changing_inputs_is_noticed_and_harms_no_other_case() -> None:
    def in_place(x: torch.Tensor) -> torch.Tensor:
        return x.mul_(x)

    verdict = CHECK.judge(CHECK.probe(in_place))
    assert (verdict.stage, verdict.mistake) == ("inputs", "changes its inputs")
    assert "argument 1" in verdict.message
    assert torch.equal(X, torch.tensor([1.0, -2.0, 3.0]))
    assert dataclasses.replace(CHECK, keeps_inputs=False).judge(CHECK.probe(in_place)).passed


def test_prints_and_warnings_stay_inside(capsys: pytest.CaptureFixture[str]) -> None:
    def noisy(x: torch.Tensor) -> torch.Tensor:
        import sys

        print("debugging")
        print("to stderr", file=sys.stderr)
        warnings.warn("careful", stacklevel=1)
        return x**2

    CHECK(noisy)
    out, err = capsys.readouterr()
    assert err == ""  # nbgrader gives no points to a test cell with anything on stderr
    assert out == "✓ square: 2 cases right. (It also prints; no need for that.)\n"

    verdict = CHECK.judge(CHECK.probe(lambda x: print(x**2)))
    assert verdict.mistake == "prints instead of returning"


def test_probing_leaves_the_global_generators_alone_and_is_repeatable() -> None:
    check = Check("draw", [Case("one", expect=Satisfies(lambda x: True, ""))])
    torch.manual_seed(5)
    np.random.seed(5)
    before = torch.get_rng_state(), np.random.get_state()[1].copy()
    draws = [natural(check.probe(lambda: torch.rand(2))["cases"][0]["value"]) for _ in range(2)]
    assert np.array_equal(draws[0], draws[1])
    assert torch.equal(before[0], torch.get_rng_state())
    assert np.array_equal(before[1], np.random.get_state()[1])


def test_generators_are_copied_with_their_state() -> None:
    generator = torch.Generator().manual_seed(3)
    check = Check(
        "draw", [Case("one", generator), Case("again", generator)], reference=lambda g: torch.rand(2, generator=g)
    )
    assert check.judge(check.probe(lambda g: torch.rand(2, generator=g))).passed
    assert not check.judge(check.probe(lambda g: torch.rand(2))).passed


def test_run_probes_more_than_one_function() -> None:
    check = Check(
        "inverse",
        [Case("round trip", run=lambda f, g: g(f(2.0)), expect=2.0)],
        mistakes=[Mistake("same", "Both do the same.", wrong=(lambda x: x * 2, lambda x: x * 2))],
    )
    assert check.judge(check.probe(lambda x: x + 1, lambda x: x - 1)).passed
    assert check.judge(check.probe(lambda x: x * 2, lambda x: 2 * x)).mistake == "same"


@pytest.mark.parametrize("error", [SystemExit(0), KeyboardInterrupt(), RecursionError("deep"), BaseException("odd")])
def test_nothing_a_student_raises_escapes(error: BaseException) -> None:
    def answer(x: torch.Tensor) -> torch.Tensor:
        raise error

    with pytest.raises(CheckFailed, match=type(error).__name__):
        CHECK(answer)


def test_a_broken_check_shows_no_source() -> None:
    broken = Check("broken", [Case("one", X)], reference=lambda x: x.secret_answer)
    with pytest.raises(CheckFailed, match="Please tell your instructor") as caught:
        broken(square)
    assert "secret" not in "".join(caught.value._render_traceback_())


class Pair(NamedTuple):
    first: int
    second: torch.Tensor


@dataclasses.dataclass
class Fields:
    name: str
    values: list[float]


class Opaque:
    def __repr__(self) -> str:
        raise RuntimeError("never called")


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        3,
        10**40,
        math.nan,
        -math.inf,
        "tèxt \ud800",
        torch.tensor([[1.0, math.nan]], dtype=torch.float64),
        torch.tensor(3, dtype=torch.int32),
        torch.zeros(0, 3),
        torch.ones(2, dtype=torch.bfloat16),
        torch.ones(2, 3).T,
        np.arange(6, dtype=">i4").reshape(2, 3)[:, ::-1],
        np.float32(1.5),
        [1, (2.0, {"a": torch.ones(1), 3: None})],
        {1, 2},
        Pair(1, torch.ones(2)),
        Fields("x", [1.0]),
        Opaque(),
        np.array([object()]),
    ],
    ids=lambda value: type(value).__name__,
)
def test_plain_values_survive_encoding(value: Any) -> None:
    node = plain(value)
    data = encode(node)
    json.loads(data)  # readable by anyone, no pickle
    again = decode(data)
    assert encode(again) == data
    assert again["kind"] == node["kind"]
    if "data" in node:
        assert again["data"].dtype == node["data"].dtype.newbyteorder("=")
        assert np.array_equal(again["data"], node["data"], equal_nan=node["data"].dtype.kind == "f")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x80\x04N.",
        b"[NaN]",
        b"[" * 100_000,
        b'{"__float__": "1e3"}',
        b'{"__array__": {"dtype": "object", "shape": [1], "data": "AAAA"}}',
        b'{"__array__": {"dtype": "int64", "shape": [1000000], "data": "AAAA"}}',
        b'{"__array__": {"dtype": "int64", "shape": [-1], "data": ""}}',
        b'{"__array__": {"dtype": "int64", "shape": [1], "data": "%%%"}}',
        b'{"__array__": 3}',
        b'{"__array__": {"dtype": ["int64"], "shape": [1]}}',
    ],
)
def test_malformed_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(EncodingError):
        decode(data)


def test_too_long_bytes_are_refused() -> None:
    with pytest.raises(EncodingError, match="longer than"):
        decode(encode([0] * 100), max_bytes=50)


@pytest.mark.parametrize(
    "record",
    [
        None,
        [],
        {},
        {"cases": 3},
        {"cases": []},
        {"cases": [{"status": "returned"}, {"status": "returned"}]},
        {"cases": [{"status": "returned", "value": {"kind": "tensor", "data": 3}, "printed": "", "changed": []}] * 2},
        {"cases": [{"status": "raised", "exception": 1, "message": 2, "where": 3}] * 2},
        {"cases": [{"status": "passed"}] * 2},
    ],
)
def test_a_forged_record_never_passes(record: Any) -> None:
    verdict = CHECK.judge(record)
    assert not verdict.passed
    assert verdict.mistake == "unreadable"


def test_objects_are_refused_by_encode() -> None:
    with pytest.raises(TypeError, match="plain data only"):
        encode({"value": Opaque()})


def test_a_check_is_declared_completely() -> None:
    with pytest.raises(ValueError, match="no expect= and no reference"):
        Check("f", [Case("a", 1)])
    with pytest.raises(ValueError, match="its own label"):
        Check("f", [Case("a", expect=1), Case("a", expect=2)])
    with pytest.raises(TypeError, match="exactly one"):
        Mistake("m", "words")


def test_an_unknown_chapter_says_which_there_are() -> None:
    with pytest.raises(AttributeError, match="no checks for ch99"):
        checks.ch99  # noqa: B018


def test_an_input_with_nan_is_unchanged_until_it_is_changed() -> None:
    for make in (torch.tensor, np.array):
        given = make([1.0, float("nan")])
        check = Check("f", [Case("one", given, expect=3.0)])
        assert check.judge(check.probe(lambda x: 3.0)).passed

        def in_place(x):  # type: ignore[no-untyped-def]
            x[1] = 0.0
            return 3.0

        assert check.judge(check.probe(in_place)).mistake == "changes its inputs"


def test_named_inputs_may_have_any_name_and_are_told_from_options() -> None:
    given = {"seed": 4, "run": 5, "expect": 6, "rtol": 7}
    check = Check("f", [Case("one", named=given, expect=22)])
    assert check.judge(check.probe(lambda seed, run, expect, rtol: seed + run + expect + rtol)).passed
    with pytest.raises(TypeError, match="unexpected keyword argument 'tries'"):
        Case("one", 3, tries=2, expect=1)  # type: ignore[call-arg]


def test_what_a_call_does_can_be_put_elsewhere_and_comes_back() -> None:
    check = Check("f", [Case("one", 1, expect=1)])
    seen: list[object] = []
    with calls_go_to(lambda *called: seen.append(called)):
        check(str)
    assert seen == [(check, str)]
    with pytest.raises(CheckFailed):
        check(lambda x: 2)


def test_a_reference_and_the_known_mistakes_are_asked_once() -> None:
    asked: list[str] = []

    def reference(x: int) -> int:
        asked.append("reference")
        return x

    def wrong(x: int) -> int:
        asked.append("wrong")
        return x + 1

    check = Check("f", [Case("one", 1), Case("two", 2)], reference, [Mistake("one more", "Too much.", wrong=wrong)])
    for answer in (lambda x: x + 1, lambda x: x + 2, lambda x: x + 1):
        check.judge(check.probe(answer))
    assert asked.count("reference") <= 2
    assert asked.count("wrong") == 2


def test_a_message_ends_once() -> None:
    check = Check("f", [Case("one", 1, expect=1)])
    assert "missing?." not in check.judge(check.probe(lambda x: None)).message
