"""Where an answer builds on an earlier one: which of those is known to be wrong."""

import inspect
import weakref
from collections.abc import Callable, Iterator, Sequence
from types import CodeType
from typing import Any

_FAILED: "weakref.WeakSet[Callable[..., Any]]" = weakref.WeakSet()  # functions whose own check failed, of this kernel


def remember(answers: Sequence[Any], passed: bool) -> None:
    """Keep in mind what a check found of these functions."""
    for answer in filter(inspect.isfunction, answers):
        (_FAILED.discard if passed else _FAILED.add)(answer)


def culprit(answers: Sequence[Any]) -> str | None:
    """The name of a function that the answers use, themselves or by way of others, and whose own check failed."""
    todo = [answer for answer in answers if inspect.isfunction(answer)]
    seen = set(todo)
    while todo:
        function = todo.pop()
        for name in _names(function.__code__):
            used = function.__globals__.get(name)
            if not inspect.isfunction(used) or used in seen:
                continue
            if used in _FAILED:
                return name
            seen.add(used)
            todo.append(used)
    return None


def _names(code: CodeType) -> Iterator[str]:
    """The names that a function's code takes from its module, inner functions included."""
    yield from code.co_names
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield from _names(inner)
