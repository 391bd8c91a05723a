"""Expectations on values that have no single right answer."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Satisfies:
    """An expectation on a value that has no single right answer, such as a frequency or a random sample.

    predicate: takes the value as plain Python and NumPy (tensors as arrays) and returns True when it is right.
    otherwise: the message when it is not, in words a student can act on.
    tell: the value in a few words, such as "got 3 of 5"; numbers are told without it.
    """

    predicate: Callable[[Any], bool]
    otherwise: str
    tell: Callable[[Any], str] | None = None


def within(low: float, high: float) -> Satisfies:
    """Expect a number, or every number of an array, from `low` to `high`."""

    def inside(value: Any) -> bool:
        return bool(np.all((np.asarray(value) >= low) & (np.asarray(value) <= high)))

    return Satisfies(inside, f"it should lie between {low:g} and {high:g}")
