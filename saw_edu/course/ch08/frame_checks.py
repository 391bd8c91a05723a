"""Visible checks of chapter 8's exercises on which frame belongs where."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from saw_edu.checks import Case, Check, Mistake
from saw_edu.course.ch08.film_checks import tensors

# --- Exercise 2: pairs ---


def _pairs(ends: Tensor, delta: int, right: bool = True) -> Tensor:
    rows = torch.arange(int(ends[-1]))
    return torch.minimum(rows + delta, _ends(ends, right) - 1)


def _ends(ends: Tensor, right: bool = True) -> Tensor:
    return ends[torch.searchsorted(ends, torch.arange(int(ends[-1])), right=right)]


def _stays(ends: Tensor, delta: int) -> Tensor:
    rows = torch.arange(int(ends[-1]))
    return torch.where(rows + delta < _ends(ends), rows + delta, rows)


def _left_out(ends: Tensor, delta: int) -> Tensor:
    later = torch.arange(int(ends[-1])) + delta
    return later[later < _ends(ends)]


_SHORT, _LONG = torch.tensor([3, 4, 8]), torch.tensor([4, 9, 11, 18])
subgoal_pairs = Check(
    "subgoal_pairs",
    [
        Case("one episode", torch.tensor([5]), 2),
        Case("three episodes, one of a single frame", _SHORT, 1),
        Case("four episodes, three frames ahead", _LONG, 3),
        Case("further ahead than any episode lasts", _LONG, 50),
    ],
    reference=_pairs,
    mistakes=[
        Mistake(
            "into the next episode",
            "Some subgoals lie in another episode: only the very last frame stops you. Stop at each episode's end.",
            wrong=lambda e, d: (torch.arange(int(e[-1])) + d).clamp(max=int(e[-1]) - 1),
        ),
        Mistake(
            "no stop",
            "Some rows lie behind the very last frame. Stop at the last frame of each episode.",
            wrong=lambda e, d: torch.arange(int(e[-1])) + d,
        ),
        Mistake(
            "all as long as the first",
            "You take all episodes to be as long as the first one.",
            wrong=lambda e, d: torch.minimum(
                torch.arange(int(e[-1])) + d, (torch.arange(int(e[-1])) // e[0] + 1) * e[0] - 1
            ),
        ),
        Mistake(
            "one row too far",
            "`episode_ends` holds the row *after* the last frame: that one belongs to the next episode.",
            wrong=lambda e, d: torch.minimum(torch.arange(int(e[-1])) + d, _ends(e)),
        ),
        Mistake(
            "itself",
            "Frames near the end are their own subgoal. Let it be the episode's last frame, where the errand is done.",
            wrong=_stays,
        ),
        Mistake(
            "left out",
            "Frames near the end have no subgoal. Then nobody learns how an errand ends: take the last frame.",
            wrong=_left_out,
        ),
        Mistake(
            "the first frame of an episode",
            "The first frame of an episode is counted to the one before: look at `right=True` of `searchsorted`.",
            wrong=lambda e, d: _pairs(e, d, right=False),
        ),
        Mistake("always the last", "You always take the episode's last frame.", wrong=lambda e, d: _ends(e) - 1),
        Mistake("one frame less", "`delta` frames later, not one less.", wrong=lambda e, d: _pairs(e, d - 1)),
        Mistake(
            "distances",
            "These are distances. Asked are the rows at which the subgoals are found.",
            wrong=lambda e, d: _pairs(e, d) - torch.arange(int(e[-1])),
        ),
    ],
)

# --- Exercise 5: what no picture ever showed ---


def _final(
    before: Tensor,
    after: Tensor,
    ends: Tensor,
    piece: str = "after",
    place: str = "each",
    shift: str = "each",
    moves: bool = True,
) -> tuple[Tensor, Tensor]:
    pieces, start = [], 0
    for end in ends.tolist():
        last = {"after": after[end - 1 : end], "before": before[end - 1 : end], "first": after[start : start + 1]}[
            piece
        ]
        pieces += [before[start:end], last]
        start = end if moves else 0
    frames = torch.cat(pieces) if place == "each" else torch.cat([before, after[ends - 1]])
    each = torch.arange(1, len(ends) + 1)
    more = {"each": each, "late": each - 1, "none": torch.zeros_like(ends), "one": torch.ones_like(ends)}[shift]
    return frames, ends + more


def _episodes(*lengths: int) -> tuple[Tensor, Tensor, Tensor]:
    """Frames before and after each action of episodes of so many actions: hundreds count episodes, ones frames."""
    rows = [torch.arange(length + 1) + 100 * (number + 1) for number, length in enumerate(lengths)]
    before, after = (torch.cat([row[part] for row in rows]) for part in (slice(None, -1), slice(1, None)))
    return _frames(before), _frames(after), torch.tensor(lengths).cumsum(0)


def _frames(numbers: Tensor) -> Tensor:
    return numbers[:, None, None, None].expand(-1, 2, 1, 2).short().clone()


def mended(function: Any, *lengths: int) -> dict[str, Any]:
    """What a function makes of episodes of so many actions."""
    frames, ends = tensors(function(*_episodes(*lengths)), ("frames", "episode_ends"))
    numbers = frames.flatten(1)[:, 0].long().tolist()
    kept = frames.dtype == torch.short
    return {"frames": numbers, "shape": list(frames.shape), "ends": ends.tolist(), "type of frames is kept": kept}


_LENGTHS = {"one episode": (3,), "two episodes": (2, 4), "three episodes, one of a single action": (3, 1, 2)}
final_frames = Check(
    "final_frames",
    [Case(name, run=lambda f, n=n: mended(f, *n), expect=mended(_final, *n)) for name, n in _LENGTHS.items()],
    mistakes=[
        Mistake(
            "all at the end",
            "The final frames stand behind all others. Each belongs to the end of its own episode.",
            wrong=lambda b, a, e: _final(b, a, e, place="end"),
        ),
        Mistake(
            "the last frame twice",
            "The frame *before* the last action stands there twice. Nobody has seen what that action did.",
            wrong=lambda b, a, e: _final(b, a, e, piece="before"),
        ),
        Mistake(
            "bounds not moved",
            "The frames are right; each episode has become one frame longer, and its end has moved.",
            wrong=lambda b, a, e: _final(b, a, e, shift="none"),
        ),
        Mistake(
            "moved by one",
            "The second episode's end moves by two: one more frame of its own, and one more before it.",
            wrong=lambda b, a, e: _final(b, a, e, shift="one"),
        ),
        Mistake(
            "moved too late",
            "The first episode, too, has become one frame longer.",
            wrong=lambda b, a, e: _final(b, a, e, shift="late"),
        ),
        Mistake(
            "neither placed nor moved",
            "The final frames stand behind all others and the bounds have not moved. Go through episode by episode.",
            wrong=lambda b, a, e: _final(b, a, e, place="end", shift="none"),
        ),
        Mistake(
            "from the beginning",
            "Each episode begins where the one before ended: move the start along.",
            wrong=lambda b, a, e: _final(b, a, e, moves=False),
        ),
        Mistake(
            "the first for the last",
            "You add what followed the episode's *first* action.",
            wrong=lambda b, a, e: _final(b, a, e, piece="first"),
        ),
        Mistake(
            "the start is lost",
            "You take the frames after the actions: now each episode's first frame is missing.",
            wrong=lambda b, a, e: (a, e),
        ),
    ],
)
