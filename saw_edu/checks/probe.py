"""The probe: calls the student's function on given inputs and keeps plain data only.

It knows no expected answers, so it can run beside the student's code in a sandbox.
"""

import contextlib
import copy
import io
import random
import re
import sys
import sysconfig
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch

from saw_edu.checks.values import plain

Record = dict[str, Any]

_PRINTED_LIMIT = 500
_STUB = re.compile(r"Exercise (\S{1,60}) is not done yet\.?")  # what a stub says
_LIBRARIES = [sysconfig.get_path(name) for name in ("stdlib", "purelib", "platlib")]
_OWN_DIRECTORIES = tuple(str(Path(name).resolve()) for name in [str(Path(__file__).parent.parent), *_LIBRARIES])


def copy_input(value: Any) -> Any:
    """Copy an input so that a function that changes it changes nothing else; generators keep their state."""
    if isinstance(value, torch.Tensor):
        return value.detach().clone().requires_grad_(value.requires_grad)
    if isinstance(value, torch.Generator):
        twin = torch.Generator(device=value.device)
        twin.set_state(value.get_state())
        return twin
    if isinstance(value, (list, tuple)) and not hasattr(value, "_fields"):
        return type(value)(copy_input(item) for item in value)
    if isinstance(value, dict):
        return {key: copy_input(item) for key, item in value.items()}
    try:
        return copy.deepcopy(value)
    except Exception:
        return value  # modules, open files: cannot be copied, and are not inputs one changes by accident


def _same(first: Any, second: Any) -> bool:
    """Tell whether an input is still what it was; objects without a plain form count as unchanged."""
    if isinstance(first, torch.Tensor) and isinstance(second, torch.Tensor):
        same_form = first.shape == second.shape and first.dtype == second.dtype
        return same_form and bool(((first == second) | (first.isnan() & second.isnan())).all())
    if isinstance(first, np.ndarray) and isinstance(second, np.ndarray):
        if first.shape != second.shape or first.dtype != second.dtype:
            return False
        equal = first == second
        return bool(np.all(equal | ((first != first) & (second != second))))  # NaN is not equal to itself
    if isinstance(first, (list, tuple)) and type(first) is type(second):
        return len(first) == len(second) and all(map(_same, first, second))
    if isinstance(first, dict) and isinstance(second, dict):
        return first.keys() == second.keys() and all(_same(first[key], second[key]) for key in first)
    if isinstance(first, (int, float, str)):
        return bool(first == second) or (first != first and second != second)
    return True


@contextlib.contextmanager
def _isolated(seed: int) -> Iterator[io.StringIO]:
    """Catch what is printed and warned, and give the global random generators a fixed state that is put back after."""
    printed = io.StringIO()
    numpy_state, python_state = np.random.get_state(), random.getstate()
    try:
        with (
            torch.random.fork_rng(devices=[]),
            contextlib.redirect_stdout(printed),
            contextlib.redirect_stderr(io.StringIO()),
            warnings.catch_warnings(),
        ):
            warnings.simplefilter("ignore")
            torch.manual_seed(seed)
            np.random.seed(seed)
            random.seed(seed)
            yield printed
    finally:
        np.random.set_state(numpy_state)
        random.setstate(python_state)


def run_case(call: Callable[[], Any], inputs: tuple[list[Any], dict[str, Any]] | None = None, seed: int = 0) -> Record:
    """Run `call` and record what came of it.

    inputs: the positional and keyword arguments that `call` uses, watched for changes.
    Returns {"status", ...}: "returned" with value, printed, changed, seconds; "raised" with exception, message, where;
    or "not started" (a stub was called) with exercise, the name that the stub tells, or "".
    """
    before = copy_input(inputs[0]) if inputs else [], copy_input(inputs[1]) if inputs else {}
    started = time.perf_counter()
    with _isolated(seed) as printed:
        try:
            value = plain(call())
        except NotImplementedError as error:
            text = str(error)
            stub = _STUB.fullmatch(text)
            if not text or stub:  # else it is not a stub's, but a library's: torch raises it for `&` between floats
                return {"status": "not started", "exercise": stub[1] if stub else ""}
            return {"status": "raised", **_explain(error)}
        except KeyboardInterrupt:
            record = {"exception": "KeyboardInterrupt", "message": "it took too long and was interrupted", "where": ""}
            return {"status": "raised", **record}
        except BaseException as error:  # a student's code may raise anything, SystemExit included
            return {"status": "raised", **_explain(error)}
    changed: list[str] = []
    if inputs:
        changed = [
            f"argument {i + 1}" for i, (a, b) in enumerate(zip(before[0], inputs[0], strict=True)) if not _same(a, b)
        ]
        changed += [f"`{key}`" for key in before[1] if not _same(before[1][key], inputs[1][key])]
    return {
        "status": "returned",
        "value": value,
        "printed": printed.getvalue()[:_PRINTED_LIMIT],
        "changed": changed,
        "seconds": round(time.perf_counter() - started, 4),
    }


def _explain(error: BaseException) -> dict[str, str]:
    """Name an exception and the line of the student's own code that it came from, without library frames."""
    where = ""
    for frame in traceback.extract_tb(error.__traceback__):
        path = str(Path(frame.filename).resolve()) if not frame.filename.startswith("<") else frame.filename
        library = path.startswith(_OWN_DIRECTORIES) or Path(path).stem.endswith("_hidden")
        if not library and frame.line:
            where = f"line {frame.lineno} of {frame.name}: `{frame.line.strip()}`"
    try:
        message = str(error)
    except Exception:
        message = ""
    first_line = message.strip().split("\n")[0]
    return {"exception": type(error).__name__, "message": first_line[:300], "where": where[:200]}


def flush() -> None:
    """Write out what was printed, so that a check's line comes after the student's own prints."""
    sys.stdout.flush()
