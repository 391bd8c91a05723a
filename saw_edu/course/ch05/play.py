"""Play in TinyPacking: one small errand after another, and three ways to tell each of them.

An errand is a phrase and the cell where it ends: "get the ball" (where it lies), "lay the ball down" (in a cell that
the player chose), "walk" (to a cell that it chose). Nothing slips and no pick fails here, so that what an errand brings
about depends on the player alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from saw_edu.data import Vocabulary
from saw_edu.envs.packing import TinyPacking, rules
from saw_edu.envs.packing.rules import AGENT, BAG, CELLS, DOOR_ROW, FIRST_THING, HELD, IN_BAG, OPENED, THINGS, WIDTH

GET, OPEN_DOOR, PACK, LAY, WALK = 0, 4, 5, 8, 12  # where each kind of errand begins in PHRASES
PHRASES = (
    *(f"get the {x}" for x in THINGS),
    "open the door",
    *(f"pack the {x}" for x in THINGS[1:]),
    *(f"lay the {x} down" for x in THINGS),
    "walk",
)
KINDS = torch.tensor([0] * 4 + [1] + [2] * 3 + [3] * 4 + [4])  # the kind of each phrase
THING = torch.tensor([0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3, -1])  # the thing that it speaks of
WAYS_IN_ORDER = ("words", "words and places", "state", "image")
PIXELS = 4  # of a cell, in the pictures that are goals
PLACES = tuple(f"column-{c} row-{r}" for r in range(rules.HEIGHT) for c in range(WIDTH))  # of each cell
WORDS = Vocabulary.of(PHRASES)
WORDS_AND_PLACES = Vocabulary.of(f"{phrase} at {place}" for phrase in PHRASES for place in PLACES)
DISTANCE = rules.distance_table()  # (HEIGHT, CELLS, CELLS), through the open door
MOVES = rules.move_table()  # (HEIGHT, 2, CELLS, actions)
COLUMN = torch.arange(CELLS) % WIDTH


def make_world() -> TinyPacking:
    """The world of this chapter: nothing happens by chance."""
    return TinyPacking(slip=0.0, pick_fails=0.0)


def starts(num: int, generator: torch.Generator) -> Tensor:
    """States (num, 8) to play from: those of the world, every second with the door open and the key in its lock."""
    states = make_world().sample_states(num, generator)
    states[::2, OPENED] = 1
    states[::2, FIRST_THING] = rules.NOWHERE
    return states


def possible(states: Tensor) -> Tensor:
    """Which errands can be run: (B, phrases, CELLS) bool, a phrase and the cell where it ends."""
    agent, opened, bag, things = states[:, AGENT], states[:, OPENED], states[:, BAG], states[:, FIRST_THING:]
    cells = torch.arange(CELLS)
    side = (COLUMN - rules.WALL_COLUMN).sign()
    within = (opened[:, None] == 1) | (side[agent][:, None] == side)  # (B, CELLS)
    within = within & (COLUMN != rules.WALL_COLUMN)
    held = things == HELD  # (B, 4)
    lies = things[..., None] == cells  # (B, 4, CELLS)
    empty = ~held.any(1)
    get = lies & (within & empty[:, None])[:, None]
    beside = cells == (states[:, DOOR_ROW] * WIDTH + rules.WALL_COLUMN - 1)[:, None]
    opens = beside & (held[:, 0] & (opened == 0))[:, None]
    pack = held[:, 1:, None] & (within & (cells == bag[:, None]))[:, None]
    bare = within & ~lies.any(1) & (cells != bag[:, None])
    lay = held[..., None] & bare[:, None]
    walk = within & (cells != agent[:, None])
    return torch.cat([get, opens[:, None], pack, lay, walk[:, None]], 1)


def draw_errands(states: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Phrases and cells (B,): a kind drawn among those that are possible, then one errand of that kind."""
    able = possible(states)  # (B, phrases, CELLS)
    kinds = torch.stack([able[:, k == KINDS].any((1, 2)) for k in range(5)], 1)  # (B, 5)
    kind = (torch.rand(kinds.shape, generator=generator) * kinds).argmax(1)
    of_kind = able & (kind[:, None] == KINDS)[..., None]
    scores = torch.rand(able.shape, generator=generator) * of_kind
    chosen = scores.flatten(1).argmax(1)
    return chosen // CELLS, chosen % CELLS


def player(states: Tensor, phrases: Tensor, cells: Tensor) -> Tensor:
    """The player's action (B,): a shortest path to the cell, then what the errand asks for there."""
    agent, door_row = states[:, AGENT], states[:, DOOR_ROW]
    onto = MOVES[door_row, states[:, OPENED], agent][:, :4]  # (B, 4)
    moves = DISTANCE[door_row[:, None], onto, cells[:, None]].argmin(1)
    kind = KINDS[phrases]
    last = torch.tensor([rules.PICK, rules.OPEN, rules.PUT, rules.PUT, rules.OPEN])[kind]
    return torch.where(agent == cells, last, moves)


def done(states: Tensor, phrases: Tensor, cells: Tensor) -> Tensor:
    """Whether an errand has come about, (B,) bool: the thing in hand, in the bag or in that cell; the agent there."""
    place = states[:, FIRST_THING:].gather(1, THING[phrases].clamp(min=0)[:, None]).squeeze(1)
    answers = [place == HELD, states[:, OPENED] == 1, place >= IN_BAG, place == cells, states[:, AGENT] == cells]
    return torch.stack(answers, 1).gather(1, KINDS[phrases][:, None]).squeeze(1)


@dataclass(frozen=True)
class Play:
    """Errands one after the other; rows that have an action and whose errand came about.

    Attributes:
        states: (N, 8) before each action.
        actions: (N,).
        segments: (N,) the errand that each row belongs to.
        phrases, cells: (S,) of each errand.
        first: (S, 8) the state at its start.
        ends: (S, 8) the state that it brought about.
    """

    states: Tensor
    actions: Tensor
    segments: Tensor
    phrases: Tensor
    cells: Tensor
    first: Tensor
    ends: Tensor

    def __repr__(self) -> str:
        return f"Play({len(self.states)} actions, {len(self.phrases)} errands)"


def record_play(episodes: int, length: int, noise: float, generator: torch.Generator) -> Play:
    """Many players at once; each action is, with probability `noise`, a random move."""
    world = make_world()
    states = starts(episodes, generator)
    phrases, cells = draw_errands(states, generator)
    number = torch.zeros(episodes, dtype=torch.long)  # of the errand within its episode
    kept: list[tuple[Tensor, ...]] = []
    for _ in range(length):
        swap = torch.rand(episodes, generator=generator) < noise
        random = torch.randint(4, (episodes,), generator=generator)
        actions = torch.where(swap, random, player(states, phrases, cells))
        following = world.step(states, actions)
        over = done(following, phrases, cells)
        kept.append((states, actions, number, phrases, cells, following, over))
        states = following
        new_phrases, new_cells = draw_errands(states, generator)
        phrases, cells = torch.where(over, new_phrases, phrases), torch.where(over, new_cells, cells)
        number = number + over
    columns = [torch.stack(column, 1).flatten(0, 1) for column in zip(*kept, strict=True)]
    before, actions, number, phrases, cells, following, over = columns
    errand = number + torch.arange(episodes).repeat_interleave(length) * length
    last = over.nonzero().squeeze(1)  # the row that ends each errand
    finished = torch.isin(errand, errand[last])
    segments = torch.searchsorted(errand[last], errand[finished])
    starts_at = torch.searchsorted(errand, errand[last])
    return Play(
        before[finished],
        actions[finished],
        segments,
        phrases[last],
        cells[last],
        before[starts_at],
        following[last],
    )


def pictures(states: Tensor) -> Tensor:
    """States (S, 8) from above: (S, 36, 44, 3) uint8."""
    world = make_world()
    return torch.from_numpy(np.stack([world.picture(state, cell_pixels=PIXELS) for state in states]))


def tell(how: str, phrases: Tensor, cells: Tensor, ends: Tensor) -> Tensor:
    """Errands as goals: (S, ...) numbers of words, observations or pictures of the state that is to come about.

    Args:
        how: "words", "words and places", "state" or "image".
        phrases, cells, ends: (S,), (S,) and (S, 8), see `Play`.
    """
    if how == "words":
        return WORDS.encode([PHRASES[p] for p in phrases.tolist()])
    if how == "words and places":
        pairs = zip(phrases.tolist(), cells.tolist(), strict=True)
        return WORDS_AND_PLACES.encode([f"{PHRASES[p]} at {PLACES[c]}" for p, c in pairs])
    if how == "state":
        return make_world().observe(ends)
    if how == "image":
        return pictures(ends)
    raise ValueError(f"an errand is told by words, words and places, state or image, got {how!r}")
