"""Visible checks of chapter 8's exercise on the loader that never touches actions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from saw_edu.checks import Case, Check, Mistake


def tensors(answer: Any, names: Sequence[str]) -> Sequence[Tensor]:
    """An answer of so many tensors. Raises TypeError for anything else in it."""
    for name, value in zip(names, answer, strict=True):
        if not isinstance(value, Tensor):
            raise TypeError(f"{name} is to be a tensor, not a {type(value).__name__}")
    found: Sequence[Tensor] = answer
    return found


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
    frames, told, ends = tensors(function(given), ("frames", "told", "episode_ends"))
    return {
        "frames": frames[:, 0, 0, 0].long().tolist(),
        "shape of frames": list(frames.shape),
        "told": told.double().tolist(),
        "episode_ends": ends.tolist(),
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


def _one_each(recordings: Sequence[Mapping[str, Tensor]]) -> tuple[Tensor, Tensor, Tensor]:
    frames, told, _ = _load(recordings)
    return frames, told, torch.tensor([len(one["last"]) for one in recordings]).cumsum(0)


def _one_before(recordings: Sequence[Mapping[str, Tensor]]) -> tuple[Tensor, Tensor, Tensor]:
    ends, shift = [], 0
    for one in recordings:
        ends.append(_load([one])[2] + shift)
        shift = len(one["last"])
    return *_load(recordings)[:2], torch.cat(ends)


def _column(recordings: Sequence[Mapping[str, Tensor]]) -> tuple[Tensor, Tensor, Tensor]:
    frames, told, ends = _load(recordings)
    return frames, told, ends[:, None]


def _twice(recordings: Sequence[Mapping[str, Tensor]]) -> tuple[Tensor, Tensor, Tensor]:
    """The end of a recording, whether or not it is marked already."""
    frames, told, ends = _load(recordings, cut=False)
    lasts = torch.tensor([len(one["last"]) for one in recordings]).cumsum(0)
    return frames, told, torch.cat([ends, lasts]).sort().values


_VIDEO, _SHOWN, _CUT = ("00101", 0, False), ("0101", 50, True), ("010001000", 70, False)


_PAIR, _THREE = (_SHOWN, _VIDEO), (_CUT, _SHOWN, _VIDEO)
load_video = Check(
    "load_video",
    [
        Case("one video", run=lambda f: loaded(f, _VIDEO), expect=wanted(_VIDEO)),
        Case("a demonstration, which has actions, and a video", run=lambda f: loaded(f, *_PAIR), expect=wanted(*_PAIR)),
        Case("one that was cut off, and two more", run=lambda f: loaded(f, *_THREE), expect=wanted(*_THREE)),
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
            "the one before",
            "Behind the third recording's start lie the rows of *both* recordings before it: add up.",
            wrong=_one_before,
        ),
        Mistake(
            "one episode each",
            "You end an episode only where its recording ends. A recording holds many: look at `last`.",
            wrong=_one_each,
        ),
        Mistake(
            "a column",
            "The rows are right, in the shape (E, 1): `nonzero` gives a column. `squeeze(1)` makes it (E,).",
            wrong=_column,
        ),
        Mistake(
            "an end twice",
            "Where a recording's end is marked already it is there twice: an episode without frames.",
            wrong=_twice,
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
