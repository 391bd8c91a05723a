"""Objects on a table that are pushed, and statements about them that are true or false, for many tables at once."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from saw_edu.data import Spec

OBJECTS = (("red", "ball"), ("red", "box"), ("blue", "ball"), ("blue", "box"))
DIRECTIONS = ("up", "down", "left", "right")
MOVES = ((1, 0), (-1, 0), (0, -1), (0, 1))  # (row, column); pictures draw row 0 at the bottom, so up is +1
RELATIONS = ("above", "below", "left of", "right of")
SIDES = MOVES  # where the first object stands, seen from the second: above is one row up, and so on
OPPOSITE = (1, 0, 3, 2)  # "a above b" and "b below a" are twins: true of the same states
TRIPLES = tuple((a, r, b) for a in range(4) for r in range(4) for b in range(4) if a != b)
TWIN = tuple(TRIPLES.index((b, OPPOSITE[r], a)) for a, r, b in TRIPLES)  # each statement's twin, by number
STATEMENTS = tuple(
    f"the {' '.join(OBJECTS[a])} is directly {RELATIONS[r]} the {' '.join(OBJECTS[b])}" for a, r, b in TRIPLES
)
WORDS = ("red", "blue", "ball", "box", *RELATIONS)  # those that differ from statement to statement
_COLOURS = {"red": (213, 94, 0), "blue": (0, 114, 178)}
_FLOOR, _LINE, _EDGE = (246, 246, 242), (214, 214, 208), (68, 74, 84)


def words() -> Tensor:
    """(48, 5) numbers of WORDS of each statement: colour, shape, relation, colour, shape."""
    number = WORDS.index
    return torch.tensor(
        [[*map(number, OBJECTS[a]), number(RELATIONS[r]), *map(number, OBJECTS[b])] for a, r, b in TRIPLES]
    )


class Objects:
    """Four objects on a table, pushed one cell at a time from any side.

    - World: size x size cells, seen from above. A red ball, a red box, a blue ball and a blue box, each in a cell.
    - Actions: (B,) int64, 0 to 15: object * 4 + direction (0 up, 1 down, 2 left, 3 right). The object moves one cell;
      what stands in its way is pushed along, all of a row at once; at the edge of the table nothing moves.
    - States: (B, 4) int64: each object's cell, row * size + column, row 0 at the bottom.
    - Observations: (B, 8 * size) float: for each object its row and its column, one number of each `size` being 1.
    - Statements: the 48 of `STATEMENTS`, such as "the red ball is directly left of the blue box": true if it stands in
      the next cell on that side. Each has a twin ("the blue box is directly right of the red ball"), true of the same
      states. A state makes from 0 to 8 of them true.
    - Goals: states, of which only their statements count.
    - Success: every statement that is true of the goal is true of the state. An episode is cut off after `max_steps`.
    - Tasks: 1, the red ball directly left of the red box; 2, and that directly left of the blue ball; 3, and that
      directly left of the blue box: all four in a row.
      As an environment (`saw_edu.envs.MazeEnv`, "saw_edu/Objects-v0"): reward 1 and termination on success, else 0.

    Args:
        size: cells along each side, at least 4.
        max_steps: pushes after which an episode counts as failed.

    Raises:
        ValueError: a table too small for four in a row, or no step at all.
    """

    def __init__(self, size: int = 5, max_steps: int = 50) -> None:
        if size < len(OBJECTS) or max_steps < 1:
            raise ValueError(f"need size >= 4 and max_steps >= 1, got size={size} and max_steps={max_steps}")
        self.size, self.max_steps = size, max_steps
        self.spec = Spec(2 * len(OBJECTS) * size, len(OBJECTS) * len(DIRECTIONS), discrete=True)
        zeros = torch.zeros(self.spec.observation_dim)
        self.observation_bounds = (zeros, zeros + 1)
        self._moves, self._sides = torch.tensor(MOVES), torch.tensor(SIDES)
        self._first, self._relation, self._second = torch.tensor(TRIPLES).unbind(1)

    def places(self, states: Tensor) -> Tensor:
        """Cells (..., 4) -> rows and columns (..., 4, 2)."""
        return torch.stack([states // self.size, states % self.size], -1)

    def observe(self, states: Tensor) -> Tensor:
        """States (B, 4) -> observations (B, 8 * size), float."""
        return F.one_hot(self.places(states), self.size).float().flatten(-3)

    def step(self, states: Tensor, actions: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Next states (B, 4) after one push each. Nothing is left to chance: the generator is unused."""
        places = self.places(states)  # (B, 4, 2)
        pushed, move = actions // len(DIRECTIONS), self._moves[actions % len(DIRECTIONS)]  # (B,), (B, 2)
        front = places[torch.arange(len(states)), pushed]  # (B, 2) the farthest cell of the row so far
        moves = F.one_hot(pushed, len(OBJECTS)).bool()  # (B, 4) who moves
        for _ in range(len(OBJECTS) - 1):
            ahead = (places == (front + move)[:, None]).all(-1) & ~moves  # (B, 4), at most one
            moves = moves | ahead
            front = torch.where(ahead.any(1, keepdim=True), front + move, front)
        end = front + move
        inside = ((end >= 0) & (end < self.size)).all(-1)  # (B,)
        places = places + (moves & inside[:, None])[..., None] * move[:, None]
        return places[..., 0] * self.size + places[..., 1]

    def truths(self, states: Tensor) -> Tensor:
        """Which statements are true: states (..., 4) -> (..., 48) bool."""
        places = self.places(states)
        return (places[..., self._first, :] - places[..., self._second, :] == self._sides[self._relation]).all(-1)

    def reached(self, states: Tensor, goal_states: Tensor) -> Tensor:
        """Whether every statement that is true of the goal is true of the state: (B,) bool."""
        return (self.truths(states) | ~self.truths(goal_states)).all(-1)

    def distances(self, states: Tensor, goal_states: Tensor) -> Tensor:
        """How many of the goal's statements are still false: (B,) float, twins counted once.

        Raises:
            ValueError: where objects lie in one cell, or off the table.
        """
        for given in (states, goal_states):
            ordered = given.sort(-1).values
            if (ordered[..., 1:] == ordered[..., :-1]).any() or ordered.min() < 0 or ordered.max() >= self.size**2:
                raise ValueError(f"a state is four different cells from 0 to {self.size**2 - 1}, got {given.tolist()}")
        return (self.truths(goal_states) & ~self.truths(states)).sum(-1) / 2

    def sample_states(self, num: int, generator: torch.Generator) -> Tensor:
        """States (num, 4), all arrangements equally likely."""
        return torch.rand(num, self.size**2, generator=generator).argsort(1)[:, : len(OBJECTS)]

    def sample_actions(self, num: int, generator: torch.Generator) -> Tensor:
        """Uniformly random pushes (num,)."""
        return torch.randint(self.spec.action_dim, (num,), generator=generator)

    def task_states(self, repeats: int = 1, generator: torch.Generator | None = None) -> tuple[Tensor, Tensor, Tensor]:
        """Starts, goals (3 * repeats, 4) and task numbers. A start makes no statement of the task true."""
        generator = generator or torch.Generator().manual_seed(0)
        top = self.size**2
        apart = (top - 1, top - self.size)  # two far corners, for objects that a task does not name
        row = range(len(OBJECTS))
        goals = torch.tensor([[*row[:2], *apart], [*row[:3], apart[0]], [*row]]).repeat_interleave(repeats, 0)
        starts = self.sample_states(len(goals), generator)
        while (met := (self.truths(starts) & self.truths(goals)).any(-1)).any():
            starts[met] = self.sample_states(int(met.sum()), generator)
        return starts, goals, torch.arange(1, 4).repeat_interleave(repeats)

    def picture(self, state: Tensor, goal_state: Tensor | None = None, cell_pixels: int = 24) -> NDArray[np.uint8]:
        """One table (4,) from above as (size * cell_pixels, size * cell_pixels, 3) uint8."""
        side = self.size * cell_pixels
        image = np.full((side, side, 3), _FLOOR, np.uint8)
        image[::cell_pixels] = image[:, ::cell_pixels] = _LINE
        at = (np.arange(side) + 0.5) / cell_pixels
        for (colour, shape), (row, column) in zip(OBJECTS, self.places(state).tolist(), strict=True):
            up, right = abs(at - row - 0.5)[:, None], abs(at - column - 0.5)[None]
            far = np.hypot(up, right) if shape == "ball" else np.maximum(up, right)
            image[far < 0.38] = _EDGE
            image[far < 0.32] = _COLOURS[colour]
        return image[::-1].copy()

    def __repr__(self) -> str:
        return f"Objects(size={self.size}, max_steps={self.max_steps})"


def statement(text: str) -> int:
    """The number of a statement given in words. Raises ValueError, with how statements are built, for another text."""
    if text not in STATEMENTS:
        raise ValueError(f"no statement {text!r}; they are built like {STATEMENTS[0]!r}")
    return STATEMENTS.index(text)
