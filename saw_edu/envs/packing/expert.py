"""TinyPacking's expert, in two levels: a plan in coarse words, and a literal low level that follows a word.

Both read observations, so that they can stand in for a learned level of a hierarchy.

The plan is: get the key, open the door, then for each object of the mission get it and pack it. Every leg is a shortest
path (vertical moves first), and where one object is left to be packed, no way is shorter. With two or three left, one
could now and then save a few steps by carrying a later object nearer on the way; the expert does not.
A thing that fell is fetched again. A wrong object in the bag is taken out, which need not be shortest.

The low level is literal: told to pack the ball, it walks to the bag and puts down whatever is in its hand, or nothing.
To notice that the ball fell on the way is the high level's part.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from saw_edu.envs.packing import rules
from saw_edu.envs.packing.language import COARSE, GET, GET_KEY, OPEN_DOOR, PACK
from saw_edu.envs.packing.rules import BAG_PLACE, DOOR_PLACE, HEIGHT, OBJECTS, PLACES, THINGS, TOKENS, WIDTH


class Scene(NamedTuple):
    """What an observation says, as numbers to reckon with."""

    lies: Tensor  # (B, 6) bool: whether the place is in some cell
    same: Tensor  # (B, 6) bool: no wall between
    columns: Tensor  # (B, 6) int64, to the right positive
    rows: Tensor  # (B, 6) int64, upwards positive
    held: Tensor  # (B, 4) bool
    packed: Tensor  # (B, 4) int64: 1, 2, 3 in the bag, else 0
    opened: Tensor  # (B,) bool
    free: Tensor  # (B, 4) bool: moves that no wall stops


def read(observations: Tensor) -> Scene:
    """Observations (B, 75) -> what they say."""
    places = observations[:, : rules.PLACES_END].view(-1, len(PLACES), len(TOKENS))
    flags = observations[:, rules.PLACES_END : rules.FLAGS_END].view(-1, len(THINGS), len(rules.FLAGS)) > 0.5
    order = torch.arange(1, len(OBJECTS) + 1, device=observations.device)
    return Scene(
        lies=places[..., 0] > 0.5,
        same=places[..., 2] > 0.5,
        columns=(places[..., -2] * (WIDTH - 1)).round().long(),
        rows=(places[..., -1] * (HEIGHT - 1)).round().long(),
        held=flags[..., 0],
        packed=(flags[..., 1:] * order).sum(-1),
        opened=observations[:, rules.OPENED_AT] > 0.5,
        free=observations[:, rules.OPENED_AT + 1 :] > 0.5,
    )


def high(observations: Tensor, goals: Tensor) -> Tensor:
    """The coarse subgoal (B,) of the plan, a number of `language.PHRASES`."""
    now, wanted = read(observations), read(goals).packed[:, 1:]  # (B, 3)
    packed, held = now.packed[:, 1:], now.held[:, 1:]
    count = (packed > 0).sum(1, keepdim=True)
    wrong = ((packed > 0) & (packed != wanted)).any(1)
    last = (packed == count).int().argmax(1)
    coming = (wanted == count + 1).int().argmax(1)
    finished = ~(wanted == count + 1).any(1)
    in_hand = held.gather(1, coming[:, None]).squeeze(1)
    plan = torch.where(in_hand, PACK + coming, GET + coming)
    plan = torch.where(finished, PACK + last, plan)
    behind_door = torch.where(now.held[:, rules.KEY], OPEN_DOOR, GET_KEY)
    plan = torch.where(now.opened, plan, behind_door)
    return torch.where(wrong, GET + last, plan)


def accomplished(observations: Tensor, subgoals: Tensor) -> Tensor:
    """Whether each coarse subgoal is reached, (B,) bool: the thing in the hand, the door open, the thing in the bag."""
    now = read(observations)
    thing = _thing(subgoals)
    held = now.held.gather(1, thing[:, None]).squeeze(1)
    packed = now.packed.gather(1, thing[:, None]).squeeze(1) > 0
    return torch.where(subgoals == OPEN_DOOR, now.opened, torch.where(subgoals >= PACK, packed, held))


def cannot(observations: Tensor, subgoals: Tensor) -> Tensor:
    """Whether the low level cannot do it, (B,) bool: told to pack what it does not hold, or to open without the key."""
    now = read(observations)
    held = now.held.gather(1, _thing(subgoals)[:, None]).squeeze(1)
    needs = (subgoals >= PACK) | (subgoals == OPEN_DOOR)
    return needs & ~held & ~accomplished(observations, subgoals)


def low(observations: Tensor, subgoals: Tensor) -> Tensor:
    """Actions (B,) towards coarse subgoals (B,), literally. Where one is reached, or cannot be, nothing is moved."""
    now = read(observations)
    thing = _thing(subgoals)
    gets, opens = (subgoals < PACK) & (subgoals != OPEN_DOOR), subgoals == OPEN_DOOR
    has_it = now.held.gather(1, thing[:, None]).squeeze(1)
    in_bag = now.packed.gather(1, thing[:, None]).squeeze(1) > 0
    place = torch.where(gets & ~in_bag, thing, torch.where(opens, DOOR_PLACE, BAG_PLACE))
    columns, rows = (x.gather(1, place[:, None]).squeeze(1) for x in (now.columns, now.rows))
    arrived = (rows == 0) & (columns.abs() == opens.long())
    act = torch.where(gets, rules.PICK, torch.where(opens, rules.OPEN, rules.PUT))
    actions = torch.where(arrived, act, _walk(now, place))
    # Something else is in the hand and the thing is in the bag: lay it down first, on the next bare floor.
    empties = gets & in_bag & now.held.any(1)
    actions = torch.where(empties, _lay_down(now), actions)
    return torch.where(gets & has_it, rules.OPEN, actions)  # nothing left to do: an `open` that opens nothing


def obey(observations: Tensor, words: Tensor) -> Tensor:
    """Actions (B,) for words (B,) of either grain: `low` for a coarse one; a fine one names its action."""
    coarse = low(observations, words.clamp(max=len(COARSE) - 1))
    return torch.where(words < len(COARSE), coarse, words - len(COARSE))


def policy(observations: Tensor, goals: Tensor) -> Tensor:
    """Both levels: actions (B,)."""
    return low(observations, high(observations, goals))


def _thing(subgoals: Tensor) -> Tensor:
    """The thing (B,) that a coarse subgoal speaks of, a number of `rules.THINGS`; the key where it is the door."""
    objects = torch.where(subgoals >= PACK, subgoals - PACK, subgoals - GET) + 1
    return torch.where(subgoals < GET, rules.KEY, objects)


def _walk(now: Scene, place: Tensor) -> Tensor:
    """The first move (B,) of a shortest path to a place: through the door where a wall is between."""
    way = torch.where(now.same.gather(1, place[:, None]).squeeze(1), place, DOOR_PLACE)
    columns, rows = (x.gather(1, way[:, None]).squeeze(1) for x in (now.columns, now.rows))
    in_doorway = (now.columns[:, DOOR_PLACE] == 0) & (now.rows[:, DOOR_PLACE] == 0)
    sideways = torch.where(columns < 0, rules.LEFT, rules.RIGHT)
    upwards = torch.where(rows < 0, rules.DOWN, rules.UP)
    return torch.where((rows != 0) & ~(in_doorway & (columns != 0)), upwards, sideways)


def _lay_down(now: Scene) -> Tensor:
    """Put here if the floor is bare, else a move to a bare cell beside, if there is one."""
    there = now.lies[:, :-1]  # the door is no thing
    steps = torch.tensor([(0, 0), *rules.MOVES], device=there.device)  # here, and the four cells beside
    taken = (
        there[:, None]
        & (now.rows[:, None, :-1] == steps[:, 0, None])
        & (now.columns[:, None, :-1] == steps[:, 1, None])
    )
    bare = ~taken.any(2)  # (B, 5)
    beside = (2 * (bare[:, 1:] & now.free).int() + now.free.int()).argmax(1)
    return torch.where(bare[:, 0], rules.PUT, beside)
