"""When to move on from one subgoal to the next: interchangeable rules.

The lecture's two options are `WhenDone` (ideal in principle; a detector that errs leaves the agent stuck for ever) and
`EveryN` (a wrong subgoal costs n steps at most; a small n asks more of the high level).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from torch import Tensor

Done = Callable[[Tensor, Any], Tensor]
"""(observations (B, obs), subgoals) -> whether each subgoal is reached, (B,) bool."""


class Switch(Protocol):
    """A rule."""

    def __call__(self, observations: Tensor, subgoals: Any, age: Tensor) -> Tensor:
        """Whether to ask the high level now: (B,) bool.

        Args:
            observations: (B, obs) of this step.
            subgoals: those held now, a tree of tensors (B, ...).
            age: (B,) low-level steps taken with them, at least 1.
        """
        ...


@dataclass(frozen=True)
class EveryN:
    """After a fixed number of low-level steps.

    Raises:
        ValueError: fewer than one step.
    """

    n: int

    def __post_init__(self) -> None:
        if self.n < 1:
            raise ValueError(f"a subgoal is held for at least 1 step, got n={self.n}")

    def __call__(self, observations: Tensor, subgoals: Any, age: Tensor) -> Tensor:
        """True every n steps."""
        return age >= self.n


@dataclass(frozen=True)
class WhenDone:
    """When the low level has reached its subgoal, as far as `done` can tell."""

    done: Done

    def __call__(self, observations: Tensor, subgoals: Any, age: Tensor) -> Tensor:
        """True where the detector says so."""
        return self.done(observations, subgoals)


@dataclass(frozen=True)
class WhenDoneOrTimeout:
    """When the subgoal is reached or has been held for too long: a detector whose errors are not for ever.

    Raises:
        ValueError: a timeout below one step.
    """

    done: Done
    timeout: int

    def __post_init__(self) -> None:
        if self.timeout < 1:
            raise ValueError(f"a subgoal is held for at least 1 step, got timeout={self.timeout}")

    def __call__(self, observations: Tensor, subgoals: Any, age: Tensor) -> Tensor:
        """True where the detector says so, and after `timeout` steps."""
        return self.done(observations, subgoals) | (age >= self.timeout)


@dataclass(frozen=True)
class OnEvent:
    """When something happens that the subgoal does not know of: a person speaks, an object falls."""

    event: Callable[[Tensor], Tensor]  # observations (B, obs) -> (B,) bool

    def __call__(self, observations: Tensor, subgoals: Any, age: Tensor) -> Tensor:
        """True where the event is seen."""
        return self.event(observations)
