"""TinyPacking filmed from above: pictures of one plane for each thing, and what can be read off them.

A picture is (8, 8, 9): for each of `PLANES` a plane of rows and columns. The cell where that thing is is lit (1), all
others are dark (0). Rows 0 to 6 are the flat, row 0 at the bottom. Row 7 is a tray beside it, whose cells show
what lies in no cell of the flat: held in the hand, nowhere (a key in its lock, somebody who is not in the picture),
first, second, third in the bag. So each plane has exactly one lit cell; a generated picture need not.
"""

from __future__ import annotations

from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from saw_edu.data import Spec
from saw_edu.envs.packing import rules
from saw_edu.envs.packing.rules import AGENT, BAG, CELLS, CODES, DOOR_ROW, FIRST_THING, HEIGHT, IN_BAG, NOWHERE, WIDTH
from saw_edu.envs.packing.world import TinyPacking

PLANES = ("robot", "person", "bag", "door", *rules.THINGS)
ROBOT, PERSON, BAG_PLANE, DOOR_PLANE, THING_PLANES = range(5)  # the first of the things' planes is the key's
ROWS, COLUMNS = HEIGHT + 1, WIDTH
PICTURE = (len(PLANES), ROWS, COLUMNS)
TOLD = len(rules.OBJECTS) ** 2  # numbers in which a mission is told, see `mission`
RELATIVE = 2 * rules.OBSERVATION_DIM + len(rules.TOKENS)  # numbers in what `relative` returns


def draw(states: Tensor, person: bool = False) -> Tensor:
    """States (B, 8) -> pictures (B, 8, 8, 9) float, of the robot, or of a person who does the same in its place."""
    nobody = torch.full_like(states[:, AGENT], NOWHERE)
    movers = [nobody, states[:, AGENT]] if person else [states[:, AGENT], nobody]
    door = states[:, DOOR_ROW] * WIDTH + rules.WALL_COLUMN
    codes = torch.stack([*movers, states[:, BAG], door, *states[:, FIRST_THING:].unbind(1)], 1)  # (B, 8)
    return F.one_hot(codes, ROWS * COLUMNS).float().view(-1, *PICTURE)


def brightest(pictures: Tensor) -> Tensor:
    """The number of the brightest cell of each plane: (B, 8, 8, 9) or flat (B, 576) -> (B, 8)."""
    return pictures.reshape(-1, len(PLANES), ROWS * COLUMNS).argmax(-1)


def sharpen(pictures: Tensor) -> Tensor:
    """Pictures (B, 8, 8, 9) in which only the brightest cell of each plane is lit."""
    return F.one_hot(brightest(pictures), ROWS * COLUMNS).float().view(-1, *PICTURE)


def read(pictures: Tensor) -> Tensor:
    """The states (B, 8) that pictures show, each plane by its brightest cell.

    Who is not in the flat is put in cell 0, things in unused cells of the tray count as nowhere.
    """
    codes = brightest(pictures)
    robot, person, bag, door = codes[:, :THING_PLANES].unbind(1)
    agent = torch.where(robot < CELLS, robot, person)
    agent, bag = (torch.where(x < CELLS, x, 0) for x in (agent, bag))
    things = torch.where(codes[:, THING_PLANES:] < CODES, codes[:, THING_PLANES:], NOWHERE)
    opened = (things[:, rules.KEY] == NOWHERE).long()
    return torch.cat([torch.stack([agent, (door // WIDTH).clamp(max=HEIGHT - 1), opened, bag], 1), things], 1)


def mission(pictures: Tensor) -> Tensor:
    """What a goal's picture asks for, and nothing else of it: which object is to be first, second, third in the bag.

    Pictures (B, ...) -> (B, 9) of zeros and ones.
    """
    flat = pictures.reshape(-1, len(PLANES), ROWS * COLUMNS)
    return flat[:, THING_PLANES + 1 :, IN_BAG:CODES].flatten(1)


def possible(pictures: Tensor) -> Tensor:
    """Whether pictures show something that can be, (B,) bool, each plane read by its brightest cell.

    One robot on the floor or in the open doorway and nobody else, a bag in the left room and a door in the wall, at
    most one thing held, no two things in a cell, none in the bag's cell or in the wall, bag places filled in order.
    """
    codes = brightest(pictures)
    robot, person, bag, door = codes[:, :THING_PLANES].unbind(1)
    things = codes[:, THING_PLANES:]
    column, opened = codes % WIDTH, things[:, rules.KEY] == NOWHERE
    wall = column == rules.WALL_COLUMN
    stands = (robot < CELLS) & (~wall[:, ROBOT] | (opened & (robot == door))) & (person == NOWHERE)
    furnished = (bag < CELLS) & (column[:, BAG_PLANE] < rules.WALL_COLUMN) & (door < CELLS) & wall[:, DOOR_PLANE]
    lies = things < CELLS
    in_wall = wall[:, THING_PLANES:] & ~(opened & (door == things.T)).T
    on_floor = ~(lies & (in_wall | (things == bag[:, None]))).any(1)
    twice = (things[:, :, None] == things[:, None]) & (things != NOWHERE)[:, None]
    alone = twice.sum((1, 2)) == (things != NOWHERE).sum(1)
    objects = things[:, 1:]
    known = (things < CODES).all(1) & (objects != NOWHERE).all(1) & (things[:, rules.KEY] < IN_BAG)
    bagged = objects >= IN_BAG
    in_order = (torch.where(bagged, objects, 0).amax(1) - (IN_BAG - 1)).clamp(min=0) == bagged.sum(1)
    return stands & furnished & on_floor & alone & known & in_order


def relative(now: Tensor, goal: Tensor) -> Tensor:
    """A picture and a goal picture as a low level sees them: both from where the robot stands now.

    Pictures (B, ...) twice -> (B, 159): TinyPacking's observation of now; that of the goal's things and doors, looked
    at from the robot's present cell; and the way to the robot's cell in the goal's picture, zeros where it is in none.
    Bag and door are taken from now: they stand where they stand.
    """
    here, there = read(now), read(goal)
    robot = brightest(goal)[:, ROBOT]
    for fixed in (AGENT, DOOR_ROW, BAG):
        there[:, fixed] = here[:, fixed]
    way = _OFFSETS[here[:, AGENT], torch.where(robot < CELLS, robot, NOWHERE)]  # (B, 9)
    return torch.cat([_WORLD.observe(here), _WORLD.observe(there), way], 1)


class FilmedPacking:
    """TinyPacking whose observations are pictures, flattened: (B, 576). All else is the world's that is filmed.

    A goal's observation is a picture too; of it only `mission` is meant, the rest stands in one fixed place.

    Args:
        world: what is filmed.
    """

    def __init__(self, world: TinyPacking) -> None:
        self.world, self.max_steps = world, world.max_steps
        numbers = len(PLANES) * ROWS * COLUMNS
        self.spec = Spec(numbers, len(rules.ACTIONS), discrete=True)

    def observe(self, states: Tensor) -> Tensor:
        """States (B, 8) -> pictures (B, 576)."""
        return draw(states).flatten(1)

    def step(self, states: Tensor, actions: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """See `TinyPacking.step`."""
        return self.world.step(states, actions, generator)

    def reached(self, states: Tensor, goal_states: Tensor) -> Tensor:
        """See `TinyPacking.reached`."""
        return self.world.reached(states, goal_states)

    def sample_states(self, num: int, generator: torch.Generator) -> Tensor:
        """See `TinyPacking.sample_states`."""
        return self.world.sample_states(num, generator)

    def sample_actions(self, num: int, generator: torch.Generator) -> Tensor:
        """See `TinyPacking.sample_actions`."""
        return self.world.sample_actions(num, generator)

    def oracle(self, states: Tensor, goal_states: Tensor) -> Tensor:
        """See `TinyPacking.oracle`."""
        return self.world.oracle(states, goal_states)

    def perturb(self, actions: Tensor, noise: float, generator: torch.Generator) -> Tensor:
        """See `TinyPacking.perturb`."""
        return self.world.perturb(actions, noise, generator)

    def subgoals(self, states: Tensor, goal_states: Tensor) -> Tensor:
        """See `TinyPacking.subgoals`."""
        return self.world.subgoals(states, goal_states)

    def picture(self, state: Tensor, goal_state: Tensor | None = None) -> NDArray[Any]:
        """One world for people: (H, W, 3) uint8."""
        return self.world.picture(state, goal_state)


_WORLD = TinyPacking()
_OFFSETS = rules.offset_table()
