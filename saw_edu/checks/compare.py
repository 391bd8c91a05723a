"""Comparing a student's plain value with the expected one, in stages: type, shape, dtype, finite, value.

The first stage that fails gives the message, so that nobody reads about a wrong value whose shape was wrong.
"""

from dataclasses import dataclass

import numpy as np

from saw_edu.checks.values import Plain, describe

STAGES = ("missing", "raised", "type", "shape", "dtype", "finite", "value", "inputs")
"""Stages of a check in the order in which they are tried."""


@dataclass(frozen=True)
class Finding:
    """What is wrong with an answer: the stage that failed, a name for the mistake, words for the student.

    `detail` holds what would give an expected answer away; hidden checks leave it out.
    """

    stage: str
    message: str
    detail: str = ""
    mistake: str | None = None


@dataclass(frozen=True)
class Tolerance:
    """How close is close enough: |observed − expected| ≤ atol + rtol·|expected|."""

    rtol: float = 1e-4
    atol: float = 1e-6
    exact_dtype: bool = False


def compare(observed: Plain, expected: Plain, tolerance: Tolerance | None = None, where: str = "") -> Finding | None:
    """Find the first stage at which two plain values differ; None when they agree.

    where: what the value is called in messages when it is a part of the answer, such as `item 2`.
    """
    tolerance = tolerance or Tolerance()
    prefix = f"{where}: " if where else ""
    if observed["kind"] == "none" and expected["kind"] != "none":
        return Finding("missing", f"{prefix}it returned None. Is a `return` missing?", mistake="no return")
    kind = expected["kind"]
    if kind in ("tensor", "array"):
        return _compare_arrays(observed, expected, tolerance, prefix)
    if kind in ("bool", "int", "float"):
        return _compare_numbers(observed, expected, tolerance, prefix)
    if kind in ("list", "tuple", "set"):
        return _compare_sequences(observed, expected, tolerance, where, prefix)
    if kind in ("dict", "record"):
        return _compare_mappings(observed, expected, tolerance, where, prefix)
    if observed["kind"] != kind:
        return _wrong_type(observed, expected, prefix)
    if kind == "str" and observed["value"] != expected["value"]:
        detail = f"got {observed['value']!r}, expected {expected['value']!r}"
        return Finding("value", f"{prefix}the text differs", detail)
    if kind == "other":
        return Finding("type", f"{prefix}the answer is {describe(observed)}, which a check cannot read")
    return None


def _wrong_type(observed: Plain, expected: Plain, prefix: str) -> Finding:
    asked, came = expected["kind"], observed["kind"]
    names = {
        "tensor": "a torch.Tensor",
        "array": "a NumPy array",
        "float": "a number",
        "int": "a whole number",
        "bool": "True or False",
        "str": "text",
        "none": "None",
        "dict": "a dictionary",
    }
    message = f"{prefix}it is {describe(observed)}; expected {names.get(asked, f'a {asked}')}"
    hints = {
        ("tensor", "array"): "Stay in torch: leave out `.numpy()` and use torch's functions.",
        (
            "tensor",
            "float",
        ): "Keep the result a tensor (no `.item()` or `float()`), or gradients cannot flow through it.",
        ("tensor", "int"): "Keep the result a tensor (no `.item()` or `int()`).",
        ("tensor", "list"): "Stack the list into one tensor, e.g. `torch.stack(...)`.",
        ("array", "tensor"): "Here NumPy is used: convert with `.numpy()`.",
        ("array", "list"): "Turn the list into an array: `np.array(...)`.",
        ("bool", "int"): "Compare, so that the result is True or False.",
    }
    hint = hints.get((asked, came), "")
    mistake = {("tensor", "array"): "numpy for torch", ("tensor", "float"): "number for tensor"}.get(
        (asked, came), "type"
    )
    return Finding("type", f"{message}. {hint}".rstrip(), mistake=mistake)


def _compare_arrays(observed: Plain, expected: Plain, tolerance: Tolerance, prefix: str) -> Finding | None:
    if observed["kind"] != expected["kind"]:
        return _wrong_type(observed, expected, prefix)
    got, want = observed["data"], expected["data"]
    if got.shape != want.shape:
        return _wrong_shape(got.shape, want.shape, prefix)
    categories = {"b": "booleans", "i": "whole numbers", "u": "whole numbers", "f": "floats", "c": "complex numbers"}
    got_category, want_category = categories[got.dtype.kind], categories[want.dtype.kind]
    if got_category != want_category or (tolerance.exact_dtype and observed["dtype"] != expected["dtype"]):
        message = (
            f"{prefix}it holds {got_category} ({observed['dtype']}); expected {want_category} ({expected['dtype']})"
        )
        return Finding("dtype", message, mistake="dtype")
    if want.dtype.kind in "fc":
        bad = np.isnan(got) & ~np.isnan(want) | np.isinf(got) & ~np.isinf(want)
        if bad.any():
            return _not_finite(got, bad, prefix)
    return _compare_values(got, want, tolerance, prefix)


def _wrong_shape(got: tuple[int, ...], want: tuple[int, ...], prefix: str) -> Finding:
    message, mistake = f"{prefix}its shape is {got}; expected {want}", "shape"
    if len(want) == 1 and got == (want[0], want[0]) and want[0] > 1:
        message += ". Did (N,) meet (N, 1)? Broadcasting pairs every row with every other one"
        mistake = "broadcast"
    elif want == ():
        message += ". A single number is asked for: reduce over the batch at the end, as the text says"
        mistake = "not reduced"
    elif got == ():
        message += ". One number came out where one per row is asked for: it was averaged or summed too early"
        mistake = "reduced"
    elif len(got) == len(want) == 2 and got == want[::-1]:
        message += ". Rows and columns are exchanged"
        mistake = "transposed"
    elif got == (*want, 1):
        message += ". The last dimension of size 1 is one too many: `.squeeze(-1)`"
        mistake = "extra dimension"
    return Finding("shape", message, mistake=mistake)


def _not_finite(got: np.ndarray, bad: np.ndarray, prefix: str) -> Finding:
    index = tuple(int(i) for i in np.argwhere(bad)[0])
    place = f" (first at index {list(index)})" if index else ""
    name = "NaN" if np.isnan(got[index]) else "infinite"
    message = f"{prefix}{int(bad.sum())} of {bad.size} values are {name}{place}"
    return Finding(
        "finite",
        f"{message}. Look for a logarithm of 0, a division by 0 or an overflowing exponential",
        mistake="not finite",
    )


def _close(got: np.ndarray, want: np.ndarray, tolerance: Tolerance) -> np.ndarray:
    if want.dtype.kind in "biu":
        return got == want
    return np.isclose(got, want, rtol=tolerance.rtol, atol=tolerance.atol, equal_nan=True)


def _compare_values(got: np.ndarray, want: np.ndarray, tolerance: Tolerance, prefix: str) -> Finding | None:
    got_wide = got.astype(np.float64) if got.dtype.kind == "f" else got
    want_wide = want.astype(np.float64) if want.dtype.kind == "f" else want
    with np.errstate(all="ignore"):
        wrong = ~_close(got_wide, want_wide, tolerance)
    if not wrong.any():
        return None
    index = tuple(int(i) for i in np.argwhere(wrong)[0])
    place = f"at index {list(index)}: " if index else ""
    number = (lambda x: f"{x:.6g}") if want.dtype.kind == "f" else str
    detail = f"{place}got {number(got_wide[index])}, expected {number(want_wide[index])}"
    message = f"{prefix}{int(wrong.sum())} of {wrong.size} values differ" if want.ndim else f"{prefix}the value differs"
    hint, mistake = _pattern(got_wide, want_wide, tolerance)
    return Finding("value", f"{message}. {hint}" if hint else message, detail, mistake)


def _pattern(got: np.ndarray, want: np.ndarray, tolerance: Tolerance) -> tuple[str, str | None]:
    """Recognise mistakes that any exercise may have: sign, order, a constant factor or offset."""
    if want.dtype.kind == "b":
        return ("Every answer is the opposite of what it should be", "negated") if (got != want).all() else ("", None)
    if (
        want.dtype.kind not in "fiu"
        or not np.isfinite(got.astype(float)).all()
        or not np.isfinite(want.astype(float)).all()
    ):
        return "", None
    got, want = np.asarray(got, dtype=np.float64), np.asarray(want, dtype=np.float64)
    if np.abs(want).max(initial=0.0) > 0:
        if _close(got, -want, tolerance).all():
            return "The sign is the wrong way round", "sign"
        if want.ndim == 1 and len(want) > 1 and _close(got, want[::-1], tolerance).all():
            return "The values are right but in reverse order", "order"
        if want.ndim == 1 and len(want) > 1 and _close(np.sort(got), np.sort(want), tolerance).all():
            return "The values are right but in another order", "order"
    if want.ndim and want.size > 2 and np.abs(want).min() > 0:
        ratio = got / want
        if np.allclose(ratio, ratio.flat[0], rtol=1e-4) and abs(ratio.flat[0]) > 1e-9:
            return "Every value is off by the same factor", "factor"
    return "", None


def _compare_numbers(observed: Plain, expected: Plain, tolerance: Tolerance, prefix: str) -> Finding | None:
    want_kind, kind = expected["kind"], observed["kind"]
    value: object
    if kind in ("tensor", "array"):
        if observed["data"].size != 1:
            message = f"{prefix}it is {describe(observed)}; expected a single number"
            return Finding(
                "shape", f"{message}. Reduce over the batch at the end, as the text says", mistake="not reduced"
            )
        value = observed["data"].reshape(()).item()
    elif kind in ("bool", "int", "float"):
        value = observed["value"]
    else:
        return _wrong_type(observed, expected, prefix)
    if isinstance(value, bool) != (want_kind == "bool"):
        wanted = "True or False" if want_kind == "bool" else "a number"
        hint = "" if want_kind == "bool" else " A comparison gives True or False: is one left in your result?"
        return Finding(
            "type",
            f"{prefix}it is {value!r}; expected {wanted}.{hint}",
            mistake="boolean" if isinstance(value, bool) else "type",
        )
    if not isinstance(value, (bool, int, float)):
        return _wrong_type(observed, expected, prefix)
    if want_kind == "int" and isinstance(value, float):
        if not value.is_integer():
            detail = f"got {value:.6g}, expected {expected['value']}"
            return Finding("dtype", f"{prefix}a whole number is expected, and a fraction came", detail, mistake="dtype")
        value = int(value)
    if isinstance(value, int) and abs(value) > 2**62:
        detail = f"expected {expected['value']}"
        return None if value == expected["value"] else Finding("value", f"{prefix}the value differs", detail)
    got, want = np.array(value), np.array(expected["value"])
    if want_kind == "float":
        got = got.astype(np.float64)
        if not np.isfinite(got) and np.isfinite(want):
            return _not_finite(got, np.array(True), prefix)
    return _compare_values(got, want, tolerance, prefix)


def _compare_sequences(
    observed: Plain, expected: Plain, tolerance: Tolerance, where: str, prefix: str
) -> Finding | None:
    kinds = {"list": ("list", "tuple"), "tuple": ("tuple", "list"), "set": ("set",)}[expected["kind"]]
    if observed["kind"] not in kinds:
        return _wrong_type(observed, expected, prefix)
    got, want = observed["items"], expected["items"]
    if len(got) != len(want):
        return Finding("shape", f"{prefix}it has {len(got)} items; expected {len(want)}", mistake="shape")
    for number, (item, wanted) in enumerate(zip(got, want, strict=True)):
        name = f"item {number}" if expected["kind"] != "set" else "a member"
        found = compare(item, wanted, tolerance, f"{where}, {name}" if where else name)
        if found:
            return found
    return None


def _compare_mappings(
    observed: Plain, expected: Plain, tolerance: Tolerance, where: str, prefix: str
) -> Finding | None:
    if observed["kind"] not in ("dict", "record"):
        return _wrong_type(observed, expected, prefix)

    def name(key: Plain) -> str:
        return repr(key["value"]) if "value" in key else repr(key)

    got = {name(key): item for key, item in zip(observed["keys"], observed["items"], strict=True)}
    want = {name(key): item for key, item in zip(expected["keys"], expected["items"], strict=True)}
    absent, extra = sorted(set(want) - set(got)), sorted(set(got) - set(want))
    if absent or (extra and expected["kind"] == "dict"):
        words = [
            f"{label} {', '.join(keys)}" for label, keys in (("missing", absent), ("not asked for", extra)) if keys
        ]
        return Finding("shape", f"{prefix}its keys differ: {'; '.join(words)}", mistake="keys")
    for key, wanted in want.items():
        found = compare(got[key], wanted, tolerance, f"{where}, {key}" if where else key)
        if found:
            return found
    return None
