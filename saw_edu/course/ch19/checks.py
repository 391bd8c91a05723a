"""Visible checks of chapter 19, "From pixels"."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from saw_edu.checks import Case, Check, Mistake
from saw_edu.data.augment import crop as _library_crop

# --- Exercise 1: frames that are seen together ---


def _stack(first: Tensor, k: int) -> Tensor:
    rows = torch.arange(len(first))[:, None] + torch.arange(1 - k, 1)
    return torch.maximum(rows, first[:, None])


_FIRST = torch.tensor([0, 0, 0, 3, 3, 5, 5, 5, 5])
stack_rows = Check(
    "stack_rows",
    [Case("three frames", _FIRST, 3), Case("two frames", _FIRST, 2), Case("one frame", _FIRST, 1)],
    reference=_stack,
    mistakes=[
        Mistake(
            "across episodes",
            "Some rows take frames from the episode before. At an episode's start, repeat its first frame.",
            wrong=lambda f, k: (torch.arange(len(f))[:, None] + torch.arange(1 - k, 1)).clamp(min=0),
        ),
        Mistake("newest first", "The newest frame comes *last*.", wrong=lambda f, k: _stack(f, k).flip(1)),
        Mistake(
            "into the future",
            "You look ahead. An agent has seen the *last* k frames.",
            wrong=lambda f, k: (torch.arange(len(f))[:, None] + torch.arange(k)).clamp(max=len(f) - 1),
        ),
        Mistake(
            "the first frame always",
            "Where the episode is long enough, the frames are the last k, and not the first one again.",
            wrong=lambda f, k: torch.cat([f[:, None].expand(-1, k - 1), torch.arange(len(f))[:, None]], 1),
        ),
        Mistake("one frame too few", "k frames *with* the present one.", wrong=lambda f, k: _stack(f, k + 1)[:, :-1]),
    ],
)

# --- Exercise 2: pictures for a network ---

_IMAGES = torch.randint(0, 256, (2, 3, 4, 3), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
_SQUARE = torch.randint(0, 256, (1, 3, 3, 2), generator=torch.Generator().manual_seed(1), dtype=torch.uint8)


def _to_network(images: Tensor) -> Tensor:
    return images.permute(0, 3, 1, 2).float() / 255


to_network = Check(
    "to_network",
    [Case("two pictures of 3 x 4", _IMAGES), Case("a square one of two channels", _SQUARE)],
    reference=_to_network,
    mistakes=[
        Mistake(
            "reshaped",
            "The shape is right and the picture is scrambled: `reshape` and `view` keep the order in memory. Axes are "
            "exchanged by `permute`.",
            wrong=lambda x: x.reshape(x.shape[0], x.shape[3], x.shape[1], x.shape[2]).float() / 255,
        ),
        Mistake("not scaled", "The numbers go up to 255: divide.", wrong=lambda x: x.permute(0, 3, 1, 2).float()),
        Mistake(
            "on its side",
            "Rows and columns are exchanged. Where pictures are square, nobody notices.",
            wrong=lambda x: x.permute(0, 3, 2, 1).float() / 255,
        ),
        Mistake("channels last", "The channels belong in front: (B, C, H, W).", wrong=lambda x: x.float() / 255),
        Mistake(
            "whole numbers",
            "Divided as whole numbers: nearly everything is 0. Make them floats first.",
            wrong=lambda x: (x.permute(0, 3, 1, 2) // 255).float(),
        ),
        Mistake("around zero", "Asked is 0 to 1, not -1 to 1.", wrong=lambda x: _to_network(x) * 2 - 1),
    ],
)

# --- Exercise 3: a crop ---

_PICTURES = torch.arange(2 * 4 * 5 * 1, dtype=torch.uint8).reshape(2, 4, 5, 1)
_OFFSETS = torch.tensor([[0, 3], [4, 1]])
_MORE = torch.randint(0, 256, (3, 6, 5, 2), generator=torch.Generator().manual_seed(2), dtype=torch.uint8)
_MORE_OFFSETS = torch.tensor([[1, 0], [2, 2], [0, 1]])


def _zeros(images: Tensor, offsets: Tensor, padding: int) -> Tensor:
    num, height, width, channels = images.shape
    wide = torch.zeros(num, height + 2 * padding, width + 2 * padding, channels, dtype=images.dtype)
    wide[:, padding : padding + height, padding : padding + width] = images
    return torch.stack([x[i : i + height, j : j + width] for x, (i, j) in zip(wide, offsets.tolist(), strict=True)])


random_crop = Check(
    "random_crop",
    [
        Case("two pictures, padding 2", _PICTURES, _OFFSETS, 2),
        Case("three pictures, padding 1", _MORE, _MORE_OFFSETS, 1),
    ],
    reference=_library_crop,
    mistakes=[
        Mistake("black edges", "You pad with zeros. Repeat the picture's own edge.", wrong=_zeros),
        Mistake(
            "row and column exchanged",
            "An offset is (row, column).",
            wrong=lambda x, o, p: _library_crop(x, o.flip(1), p),
        ),
        Mistake(
            "one offset for all",
            "All pictures are cropped at the first one's offset.",
            wrong=lambda x, o, p: _library_crop(x, o[:1].expand_as(o), p),
        ),
        Mistake(
            "the other way",
            "The window moves the wrong way: offset 0 cuts at the *top left* of the padded picture.",
            wrong=lambda x, o, p: _library_crop(x, 2 * p - o, p),
        ),
        Mistake("unchanged", "Nothing is cropped.", wrong=lambda x, o, p: x),
    ],
)

# --- Exercise 4: crops of a state and its goal ---

_NUM, _PADDING = 40, 2
Pair = Callable[..., tuple[Tensor, Tensor]]


def found_shifts(pair: Pair) -> dict[str, Any]:
    """What a function does to pictures from which the offset can be read: pixel (i, j) has the number 10 i + j."""
    size = 6
    plain = (10 * torch.arange(size)[:, None] + torch.arange(size)).to(torch.uint8)
    images = plain[None, :, :, None].expand(_NUM, -1, -1, -1).clone()
    generator = torch.Generator().manual_seed(0)
    first, second = pair(images, images.clone(), _library_crop, _PADDING, generator)
    read = [torch.as_tensor(x)[:, 3, 3, 0].long() for x in (first, second)]
    shifts = torch.stack([read[0] // 10 - 3, read[0] % 10 - 3], 1)  # 3 is the middle: never clamped
    again, _ = pair(images, images.clone(), _library_crop, _PADDING, torch.Generator().manual_seed(0))
    other, _ = pair(images, images.clone(), _library_crop, _PADDING, torch.Generator().manual_seed(1))
    return {
        "state and goal share their shift": bool((read[0] == read[1]).all()),
        "rows have shifts of their own": len(shifts.unique(dim=0)) > 5,
        "no shift is larger than the padding": bool(shifts.abs().max() <= _PADDING),
        "shifts in every direction": bool((shifts.min(0).values < 0).all() and (shifts.max(0).values > 0).all()),
        "drawn from the generator": bool(torch.equal(torch.as_tensor(again), torch.as_tensor(first)))
        and not torch.equal(torch.as_tensor(other), torch.as_tensor(first)),
    }


WANTED = {
    "state and goal share their shift": True,
    "rows have shifts of their own": True,
    "no shift is larger than the padding": True,
    "shifts in every direction": True,
    "drawn from the generator": True,
}


def _lacks(answers: dict[str, Any], name: str) -> bool:
    (answer,) = answers.values()
    return answer is not None and not answer[name]


crop_pair = Check(
    "crop_pair",
    [Case("forty pairs", run=found_shifts, expect=WANTED)],
    mistakes=[
        Mistake(
            "apart",
            "State and goal are shifted differently: the goal seems to lie elsewhere. Draw once, use it twice.",
            when=lambda answers: _lacks(answers, "state and goal share their shift"),
        ),
        Mistake(
            "one shift for the whole batch",
            "All rows have the same shift. Draw one for each row.",
            when=lambda answers: _lacks(answers, "rows have shifts of their own"),
        ),
        Mistake(
            "not from the generator",
            "The draws do not come from `generator`: two runs with one seed would differ, or all runs be alike.",
            when=lambda answers: _lacks(answers, "drawn from the generator"),
        ),
        Mistake(
            "one way only",
            "Shifts go one way only. Offsets run from 0 to 2 · padding, both ends included; `padding` is no shift.",
            when=lambda answers: _lacks(answers, "shifts in every direction"),
        ),
    ],
)


def hidden_shifts(pair: Pair) -> dict[str, Any]:
    """Whether both ends of the range come up, on pictures of another size."""
    images = (10 * torch.arange(9)[:, None] + torch.arange(9)).to(torch.uint8)[None, :, :, None].repeat(300, 1, 1, 1)
    first, second = pair(images, images.flip(0), _library_crop, 3, torch.Generator().manual_seed(5))
    middle = torch.as_tensor(first)[:, 4, 4, 0].long()
    rows, columns = middle // 10 - 4, middle % 10 - 4
    return {
        "rows": sorted(rows.unique().tolist()),
        "columns": sorted(columns.unique().tolist()),
        "shared": bool(torch.equal(torch.as_tensor(first), torch.as_tensor(second))),
    }
