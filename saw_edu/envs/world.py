"""What worlds offer: batched, pure functions of state tensors, with nothing remembered between calls.

A *state* is a row of a tensor (B, ...), of whatever shape a world likes: a position, a cell, a table of objects.
Goals are states too; a policy is given them as `observe(goal_states)`.
"""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

import torch
from numpy.typing import NDArray
from torch import Tensor

from saw_edu.data import Spec


@runtime_checkable
class World(Protocol):
    """Many copies of one environment, stepped together: what a roll-out needs."""

    max_steps: int  # actions after which an episode counts as failed

    @property
    def spec(self) -> Spec:
        """Sizes of observations and actions."""
        ...

    def observe(self, states: Tensor) -> Tensor:
        """States (B, ...) -> observations (B, spec.observation_dim), float, or pictures (B, *spec.image), uint8."""
        ...

    def step(self, states: Tensor, actions: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Next states (B, ...) after one action each. The generator is needed only where chance plays a part."""
        ...

    def reached(self, states: Tensor, goal_states: Tensor) -> Tensor:
        """Whether each goal is reached: (B,) bool."""
        ...

    def sample_states(self, num: int, generator: torch.Generator) -> Tensor:
        """States (num, ...) drawn over the whole world."""
        ...

    def sample_actions(self, num: int, generator: torch.Generator) -> Tensor:
        """Uniformly random actions for `num` worlds."""
        ...


@runtime_checkable
class Expert(Protocol):
    """A world that knows what to do: a source of demonstrations."""

    def oracle(self, states: Tensor, goal_states: Tensor) -> Tensor:
        """Actions of a noise-free controller that follows a shortest path."""
        ...

    def perturb(self, actions: Tensor, noise: float, generator: torch.Generator) -> Tensor:
        """Actions with exploration noise added, in the manner of the action space."""
        ...


@runtime_checkable
class Located(Protocol):
    """A world in which states lie somewhere: it can be drawn, and has distances."""

    def xy(self, states: Tensor) -> Tensor:
        """States (B, ...) -> positions (B, 2), for drawing."""
        ...

    def states_at(self, xy: Tensor) -> Tensor:
        """The inverse of `xy`: positions (B, 2) -> states (B, ...)."""
        ...

    def distances(self, states: Tensor, goal_states: Tensor) -> Tensor:
        """Shortest-path distances (B,), in cells, float; infinite where no path exists."""
        ...


class LocatedWorld(World, Located, Protocol):
    """Both."""


class ExpertWorld(World, Expert, Protocol):
    """Both."""


class Playable(World, Protocol):
    """A world with tasks, bounds and distances: what the adapters to gymnasium need (`saw_edu.envs.gym`)."""

    @property
    def observation_bounds(self) -> tuple[Tensor, Tensor]:
        """The least and the largest that each number of an observation can be; both (obs,)."""
        ...

    def task_states(self, repeats: int = 1, generator: torch.Generator | None = None) -> tuple[Tensor, Tensor, Tensor]:
        """Starts, goals (tasks * repeats, ...) and task numbers from 1, all repeats of a task one after the other."""
        ...

    def distances(self, states: Tensor, goal_states: Tensor) -> Tensor:
        """How far the goals are: (B,) float, in steps or cells; infinite where they cannot be reached."""
        ...

    def picture(self, state: Tensor, goal_state: Tensor | None = None) -> NDArray[Any]:
        """One world as (H, W, 3) uint8."""
        ...
