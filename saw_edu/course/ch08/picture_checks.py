"""Visible checks of chapter 8's exercises on pictures: to draw one, and to tell how good it is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from saw_edu.checks import Case, Check, Mistake

SCALE = 4.0
PLANES, ROWS, COLUMNS, WORDS = 2, 2, 2, 2
CELLS = ROWS * COLUMNS


def toy_net(seed: int) -> Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]:
    """A net to which every input matters."""
    numbers = 2 * PLANES * CELLS + WORDS + 1
    weights = torch.randn(numbers, PLANES * CELLS, generator=torch.Generator().manual_seed(seed)) / 2
    return lambda now, told, x, t: (
        (torch.cat([now.flatten(1), told, x.flatten(1), t[:, None]], 1) @ weights).tanh().view(-1, PLANES, CELLS) * 3
    )


def inputs(seed: int, rows: int) -> dict[str, Tensor]:
    """Pictures of now, missions and noise."""
    g = torch.Generator().manual_seed(seed)
    cells = torch.randint(CELLS, (rows, PLANES), generator=g)
    return {
        "now": F.one_hot(cells, CELLS).float().view(rows, PLANES, ROWS, COLUMNS),
        "told": torch.randn(rows, WORDS, generator=g),
        "noise": torch.randn(rows, PLANES, ROWS, COLUMNS, generator=g),
    }


# --- Exercise 3: from noise to a picture ---


def reference(
    net: Any,
    now: Tensor,
    told: Tensor,
    noise: Tensor,
    flow_steps: int,
    *,
    late: int = 0,
    clock: str = "share",
    sees: str = "x",
    axis: str = "plane",
    remaining: bool = True,
    scale: float = SCALE,
    back: bool = True,
    brightest: bool = False,
    start: Tensor | None = None,
) -> Tensor:
    """Pictures by Euler steps, right as it stands, and wrong in ways that can be asked for."""
    x = noise if start is None else start
    for step in range(flow_steps):
        share = (step + late) / flow_steps
        time = {"share": share, "left": 1 - share, "count": float(step)}[clock]
        logits = net(now, told, x if sees == "x" else noise, torch.full((len(now),), time))
        clean = logits.softmax(-1) if axis == "plane" else logits.view_as(x).softmax(-1)
        if brightest:
            clean = F.one_hot(logits.argmax(-1), logits.shape[-1]).float()
        x = x + (scale * clean.view_as(x) - x) / (flow_steps - step if remaining else flow_steps)
    return x / SCALE if back else x


def _leaps(net: Any, now: Tensor, told: Tensor, noise: Tensor, flow_steps: int) -> Tensor:
    x = noise
    for step in range(flow_steps):
        x = SCALE * net(now, told, x, torch.full((len(now),), step / flow_steps)).softmax(-1).view_as(x)
    return x / SCALE


def drawn(function: Any, seed: int, rows: int, flow_steps: int) -> Tensor:
    """Pictures that a function makes with a toy net."""
    given = inputs(seed + 10, rows)
    made: Tensor = function(toy_net(seed), given["now"], given["told"], given["noise"].clone(), flow_steps)
    return made


_STEPS = {"one step": (0, 5, 1), "two steps": (1, 5, 2), "eight steps": (2, 6, 8)}
imagine = Check(
    "imagine",
    [
        Case(name, run=lambda f, how=how: drawn(f, *how), expect=drawn(reference, *how), atol=1e-4)
        for name, how in _STEPS.items()
    ],
    mistakes=[
        Mistake(
            "leaps",
            "You go all the way to the expected picture at each step. Go a part of the way: 1 / (steps that are left).",
            wrong=_leaps,
        ),
        Mistake(
            "equal shares",
            "Each step goes 1 / flow_steps of what is left of the way, so some noise always stays. At step n there are "
            "flow_steps - n to go, and the last one goes all the way.",
            wrong=lambda *a: reference(*a, remaining=False),
        ),
        Mistake(
            "a step late",
            "The net is told the time at the *end* of the step. Where x is now, it is step / flow_steps.",
            wrong=lambda *a: reference(*a, late=1),
        ),
        Mistake(
            "brightest",
            "You take the brightest cell at each step. The flow leads to the *expected* picture: softmax, no argmax.",
            wrong=lambda *a: reference(*a, brightest=True),
        ),
        Mistake(
            "not scaled",
            "In the flow a lit cell is `SCALE` bright: the expected picture is SCALE times the probabilities.",
            wrong=lambda *a: reference(*a, scale=1.0),
        ),
        Mistake(
            "not scaled at all",
            "In the flow a lit cell is `SCALE` bright: yours drowns in the noise. Scale the expected picture up, and "
            "the result down.",
            wrong=lambda *a: reference(*a, scale=1.0, back=False),
        ),
        Mistake(
            "softmax of a row",
            "Your softmax is over the cells of each *row*. A plane has one lit cell: softmax first, then x's shape.",
            wrong=lambda *a: reference(*a, axis="row"),
        ),
        Mistake(
            "time left",
            "The net is told the time that is left, 1 - t. At the start, in pure noise, t is 0.",
            wrong=lambda *a: reference(*a, clock="left"),
        ),
        Mistake(
            "time in steps",
            "The net is told the number of the step. Its time runs from 0 to 1: divide by `flow_steps`.",
            wrong=lambda *a: reference(*a, clock="count"),
        ),
        Mistake(
            "noise again and again",
            "The net is shown the noise at each step. Show it x, as far as it has come.",
            wrong=lambda *a: reference(*a, sees="noise"),
        ),
        Mistake(
            "not scaled back",
            "Right but for its brightness: return x / SCALE, so that a lit cell is 1.",
            wrong=lambda *a: reference(*a, back=False),
        ),
        Mistake(
            "from the present",
            "You begin with the present picture. The flow begins with `noise`; the net sees the present anyway.",
            wrong=lambda *a: reference(*a, start=a[1]),
        ),
    ],
)

# --- Exercise 4: how good is a picture? ---


def _overlap(now: Tensor, proposed: Tensor, future: Tensor) -> Tensor:
    foretold, changed = (proposed != now).flatten(1), (future != now).flatten(1)
    both, either = (foretold & changed).sum(1), (foretold | changed).sum(1)
    return torch.where(either == 0, 1.0, both / either.clamp(min=1))


def _share(over: str) -> Callable[..., Tensor]:
    def wrong(now: Tensor, proposed: Tensor, future: Tensor) -> Tensor:
        foretold, changed = (proposed != now).flatten(1), (future != now).flatten(1)
        below = {"changed": changed, "foretold": foretold, "all": torch.ones_like(changed)}[over].sum(1)
        return torch.where(below == 0, 1.0, (foretold & changed).sum(1) / below.clamp(min=1))

    return wrong


def _lit(now: Tensor, proposed: Tensor, future: Tensor) -> Tensor:
    p, f = (proposed > 0).flatten(1), (future > 0).flatten(1)
    return (p & f).sum(1) / (p | f).sum(1).clamp(min=1)


def _new_only(now: Tensor, proposed: Tensor, future: Tensor) -> Tensor:
    a, b = (proposed > now).flatten(1), (future > now).flatten(1)
    return torch.where((a | b).any(1), (a & b).sum(1) / (a | b).sum(1).clamp(min=1), 1.0)


def _summed(now: Tensor, proposed: Tensor, future: Tensor) -> Tensor:
    a, b = (proposed != now).flatten(1), (future != now).flatten(1)
    return torch.where((a | b).any(1), (a & b).sum(1) / (a.sum(1) + b.sum(1)).clamp(min=1), 1.0)


def pictures(*cells: Sequence[int], size: int = 6) -> Tensor:
    """Pictures of planes of one lit cell each: (B, P, 1, size)."""
    return torch.nn.functional.one_hot(torch.tensor(cells), size).float()[:, :, None]


_NOW = pictures((0, 1, 2), (0, 1, 2), (3, 3, 3), (5, 4, 0))
_PROPOSED = pictures((4, 1, 2), (0, 1, 2), (3, 0, 1), (5, 4, 0))
_FUTURE = pictures((4, 1, 3), (5, 1, 2), (3, 0, 2), (5, 4, 0))
overlap_of_change = Check(
    "overlap_of_change",
    [
        Case("one thing moves, as foretold", _NOW[:1], _PROPOSED[:1], pictures((4, 1, 2))),
        Case("four pictures", _NOW, _PROPOSED, _FUTURE),
        Case("too much is foretold", _NOW[:1], pictures((4, 5, 3)), pictures((4, 1, 2))),
        Case("nothing changes, and nothing is foretold", _NOW[:2], _NOW[:2], _NOW[:2]),
    ],
    reference=_overlap,
    mistakes=[
        Mistake(
            "all cells",
            "You compare whole pictures. Most cells never change, so whoever copies the present gets nearly 1.",
            wrong=lambda n, p, f: (p == f).flatten(1).double().mean(1).float(),
        ),
        Mistake(
            "not against now",
            "You compare lit cells. Things that stay where they are count as foretold: look at what differs from now.",
            wrong=_lit,
        ),
        Mistake(
            "what came only",
            "You divide by what changed. Whoever foretells a change everywhere gets 1: count what was foretold, too.",
            wrong=_share("changed"),
        ),
        Mistake(
            "what was foretold only",
            "You divide by what was foretold. One sure guess gets 1, however much else changes.",
            wrong=_share("foretold"),
        ),
        Mistake(
            "new cells only",
            "You count cells that light up. A cell that goes dark has changed, too.",
            wrong=_new_only,
        ),
        Mistake(
            "counted twice",
            "Below the line, cells that change in both are counted twice. Count the cells in *either*.",
            wrong=_summed,
        ),
        Mistake(
            "nothing changes",
            "Where nothing changes and nothing was foretold there is 0 / 0. That proposal is right: 1.",
            wrong=lambda n, p, f: torch.where(
                (n == p).flatten(1).all(1) & (n == f).flatten(1).all(1), 0.0, _overlap(n, p, f)
            ),
        ),
        Mistake("share of the picture", "Divide by the cells that change, not by all.", wrong=_share("all")),
    ],
)
