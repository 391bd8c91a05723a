"""Visible checks of chapter 8, "Image subgoals and video without actions"; two are in `picture_checks`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from saw_edu.checks import Case, Check, Mistake
from saw_edu.course.ch08.picture_checks import imagine as imagine
from saw_edu.course.ch08.picture_checks import overlap_of_change as overlap_of_change

# --- Exercise 1: a loader that never touches actions ---


class Sealed(Mapping[str, Tensor]):
    """A recording that notes whether its actions are touched."""

    def __init__(self, columns: dict[str, Tensor]) -> None:
        self.columns, self.touched = columns, False

    def __getitem__(self, name: str) -> Tensor:
        self.touched |= name == "actions"
        return self.columns[name]

    def __contains__(self, name: object) -> bool:
        return name in self.columns

    def __iter__(self) -> Iterator[str]:
        return iter(self.columns)

    def __len__(self) -> int:
        return len(self.columns)


def recording(lasts: str, first: int, actions: bool) -> Sealed:
    """A recording whose frames are numbered from `first`; "1" marks an episode's last frame."""
    count = len(lasts)
    numbers = torch.arange(first, first + count)
    columns = {
        "frames": numbers[:, None, None, None].expand(count, 2, 1, 3).to(torch.uint8).clone(),
        "told": torch.stack([numbers, -numbers], 1).float(),
        "last": torch.tensor([mark == "1" for mark in lasts]),
    }
    return Sealed(columns | ({"actions": torch.full((count,), 3)} if actions else {}))


def loaded(function: Any, *recordings: tuple[str, int, bool]) -> dict[str, Any]:
    """What a loader makes of recordings, and what it did to them."""
    given = [recording(*one) for one in recordings]
    frames, told, ends = function(given)
    return {
        "frames": torch.as_tensor(frames)[:, 0, 0, 0].long().tolist(),
        "shape of frames": list(torch.as_tensor(frames).shape),
        "told": torch.as_tensor(told).double().tolist(),
        "episode_ends": torch.as_tensor(ends).long().tolist(),
        "actions touched": any(one.touched for one in given),
        "recordings changed": any(
            not torch.equal(one.columns[name], recording(*told).columns[name])
            for one, told in zip(given, recordings, strict=True)
            for name in ("frames", "told", "last")
        ),
    }


def wanted(*recordings: tuple[str, int, bool]) -> dict[str, Any]:
    """What is expected."""
    return loaded(_load, *recordings)


def _load(
    recordings: Sequence[Mapping[str, Tensor]], shift: bool = True, after: int = 1, cut: bool = True, peek: bool = False
) -> tuple[Tensor, Tensor, Tensor]:
    ends, total = [], 0
    for one in recordings:
        last = one["last"].clone()
        if peek and "actions" in one:
            assert len(one["actions"]) == len(last)
        if cut:
            last[-1] = True
        ends.append(last.nonzero().squeeze(1) + after + (total if shift else 0))
        total += len(last)
    return torch.cat([r["frames"] for r in recordings]), torch.cat([r["told"] for r in recordings]), torch.cat(ends)


def _in_place(recordings: Sequence[Mapping[str, Tensor]]) -> tuple[Tensor, Tensor, Tensor]:
    for one in recordings:
        one["last"][-1] = True
    return _load(recordings)


_VIDEO, _SHOWN, _CUT = ("00101", 0, False), ("0101", 50, True), ("010001000", 70, False)


def _asked(*recordings: tuple[str, int, bool]) -> dict[str, Any]:
    return {"run": lambda f: loaded(f, *recordings), "expect": wanted(*recordings)}


load_video = Check(
    "load_video",
    [
        Case("one video", **_asked(_VIDEO)),
        Case("a demonstration, which has actions, and a video", **_asked(_SHOWN, _VIDEO)),
        Case("one that was cut off, and one more", **_asked(_CUT, _SHOWN)),
    ],
    mistakes=[
        Mistake(
            "actions touched",
            "The actions of a recording were read. A loader that can read them will need them some day: ask for "
            "`frames`, `told` and `last` by name, and go through nothing else.",
            when=lambda answers: any(a is not None and a["actions touched"] for a in answers.values()),
        ),
        Mistake(
            "recordings changed",
            "The recording's own `last` is changed. Work on a copy: `.clone()`.",
            when=lambda answers: any(a is not None and a["recordings changed"] for a in answers.values()),
        ),
        Mistake(
            "not shifted",
            "Each recording counts its rows from 0. In the joined frames they lie behind all frames that came before.",
            wrong=lambda r: _load(r, shift=False),
        ),
        Mistake(
            "the last frame itself",
            "An episode's end is the row *after* its last frame.",
            wrong=lambda r: _load(r, after=0),
        ),
        Mistake(
            "cut off",
            "A recording that was cut off has no last frame marked at its end: its pairs would go on into the next "
            "recording. End the episode there.",
            wrong=lambda r: _load(r, cut=False),
        ),
    ],
)

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
    before: Tensor, after: Tensor, ends: Tensor, piece: str = "after", place: str = "each", shift: str = "each"
) -> tuple[Tensor, Tensor]:
    pieces, start = [], 0
    for end in ends.tolist():
        last = {"after": after[end - 1 : end], "before": before[end - 1 : end], "first": after[start : start + 1]}[
            piece
        ]
        pieces += [before[start:end], last]
        start = end
    frames = torch.cat(pieces) if place == "each" else torch.cat([before, after[ends - 1]])
    more = {"each": torch.arange(1, len(ends) + 1), "none": torch.zeros_like(ends), "one": torch.ones_like(ends)}[shift]
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
    frames, ends = function(*_episodes(*lengths))
    shape = list(torch.as_tensor(frames).shape)
    return {"frames": torch.as_tensor(frames).flatten(1)[:, 0].long().tolist(), "shape": shape, "ends": ends.tolist()}


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
