"""Visible checks of chapter 20, "Make it fast, make it big, make it yours"."""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from scipy import stats
from torch import Tensor

from saw_edu.checks import Case, Check, Mistake

# --- Exercise 1: operations of an update ---


def _flops(sizes: list[int], batch: int) -> int:
    return 3 * 2 * batch * sum(a * b for a, b in pairwise(sizes))


update_flops = Check(
    "update_flops",
    [
        Case("one layer, one row", [3, 2], 1, expect=36),
        Case("two hidden layers", [29, 64, 32, 1], 256, expect=_flops([29, 64, 32, 1], 256)),
    ],
    mistakes=[
        Mistake(
            "forward only",
            "That is the way forward. The way back costs twice as much again.",
            wrong=lambda s, b: _flops(s, b) // 3,
        ),
        Mistake(
            "multiplications only",
            "A product of numbers and a sum: each weight costs *two* operations a row.",
            wrong=lambda s, b: _flops(s, b) // 2,
        ),
        Mistake("one row", "Every row of the batch goes through the net.", wrong=lambda s, b: _flops(s, 1)),
        Mistake(
            "back as cheap as forward",
            "The way back needs two products a layer: one for the gradient of its input, one for that of its weights.",
            wrong=lambda s, b: 2 * _flops(s, b) // 3,
        ),
        Mistake(
            "units, not weights",
            "You add up units. A layer's weights are the *product* of its two sizes.",
            wrong=lambda s, b: 6 * b * sum(s),
        ),
    ],
)

# --- Exercise 2: the floor ---

floor_seconds = Check(
    "floor_seconds",
    [
        Case("bound by operations", 4e9, 1e6, 2e9, 1e9, expect=2.0),
        Case("bound by memory", 1e6, 6e9, 2e9, 2e9, expect=3.0),
    ],
    reference=lambda f, b, fs, bs: max(f / fs, b / bs),
    mistakes=[
        Mistake(
            "one after the other",
            "You add both times. A machine computes while it fetches: the longer of the two is the floor.",
            wrong=lambda f, b, fs, bs: f / fs + b / bs,
        ),
        Mistake(
            "the shorter",
            "You take the shorter time. Both have to be done.",
            wrong=lambda f, b, fs, bs: min(f / fs, b / bs),
        ),
        Mistake("operations alone", "Bytes have to travel too.", wrong=lambda f, b, fs, bs: f / fs),
        Mistake(
            "upside down",
            "That is a rate. Seconds are work divided by work per second.",
            wrong=lambda f, b, fs, bs: max(fs / f, bs / b),
        ),
        Mistake(
            "work and rates mixed up",
            "Operations are divided by operations a second, bytes by bytes a second.",
            wrong=lambda f, b, fs, bs: max(f / bs, b / fs),
        ),
    ],
)

# --- Exercise 3: a layer for each seed ---


def _layer(x: Tensor, w: Tensor, b: Tensor) -> Tensor:
    return torch.einsum("sbi,sio->sbo", x, w) + b[:, None]


def _inputs(seeds: int, batch: int, ins: int, outs: int, seed: int) -> tuple[Tensor, Tensor, Tensor]:
    g = torch.Generator().manual_seed(seed)
    return (
        torch.randn(seeds, batch, ins, generator=g),
        torch.randn(seeds, ins, outs, generator=g),
        torch.randn(seeds, outs, generator=g),
    )


_EQUAL = _inputs(3, 3, 2, 2, 1)
_MIXED_UP = torch.bmm(*_EQUAL[:2]) + _EQUAL[2]


def _is(answer: object, value: Tensor) -> bool:
    found = None if answer is None else torch.as_tensor(answer)
    return found is not None and found.shape == value.shape and torch.allclose(found, value, atol=1e-5)


side_by_side = Check(
    "side_by_side",
    [
        Case("two seeds, three rows", *_inputs(2, 3, 4, 5, 0)),
        Case("as many rows as seeds", *_EQUAL),
    ],
    reference=_layer,
    mistakes=[
        Mistake(
            "biases by rows",
            "Seed and row are mixed up in the biases: (S, out) is added to (S, B, out) as if its first axis were rows. "
            "This trains in silence wherever S = B.",
            when=lambda answers: _is(answers.get("as many rows as seeds"), _MIXED_UP),
        ),
        Mistake("no biases", "The biases are missing.", wrong=lambda x, w, b: torch.bmm(x, w)),
        Mistake(
            "one seed's weights for all",
            "All seeds use the first seed's weights.",
            wrong=lambda x, w, b: x @ w[0] + b[:, None],
        ),
        Mistake(
            "one seed's biases for all",
            "All seeds use the first seed's biases.",
            wrong=lambda x, w, b: torch.bmm(x, w) + b[0],
        ),
        Mistake(
            "seeds averaged",
            "You mix the seeds. Each has weights of its own and must not see another's.",
            wrong=lambda x, w, b: (x @ w.mean(0)) + b.mean(0),
        ),
    ],
)

# --- Exercise 4: how long a sweep takes ---


def _makespan(hours: list[float], workers: int) -> float:
    free = [0.0] * workers
    for length in hours:
        free[free.index(min(free))] += length
    return max(free)


makespan = Check(
    "makespan",
    [
        Case("five jobs, two machines", [3.0, 6.0, 2.0, 5.0, 1.0], 2, expect=10.0),
        Case(
            "the order is that of the list",
            [3.0, 1.0, 1.0, 1.0, 5.0],
            3,
            expect=_makespan([3.0, 1.0, 1.0, 1.0, 5.0], 3),
        ),
        Case("more machines than jobs", [2.0, 3.0], 4, expect=3.0),
    ],
    mistakes=[
        Mistake(
            "shared out evenly",
            "A job cannot be cut: hours divided by machines is what you could reach at best.",
            wrong=lambda h, w: sum(h) / w,
        ),
        Mistake(
            "in turn",
            "You deal jobs out in turn. A job goes to the machine that is *free first*.",
            wrong=lambda h, w: max(sum(h[i::w]) for i in range(w)),
        ),
        Mistake(
            "sorted",
            "You sort the jobs first. That is a good idea, and not what is asked: take them in the order of the list.",
            wrong=lambda h, w: _makespan(sorted(h, reverse=True), w),
        ),
        Mistake("the longest job", "That is the longest job alone.", wrong=lambda h, w: max(h)),
        Mistake("one machine", "That is all jobs one after another on one machine.", wrong=lambda h, w: sum(h)),
    ],
)

# --- Exercise 5: how many seeds ---


def _half(deviation: float, n: int) -> float:
    return float(stats.t.ppf(0.975, n - 1)) * deviation / math.sqrt(n)


def _needed(difference: float, deviation: float) -> int:
    n = 2
    while _half(deviation, n) > difference:
        n += 1
    return n


def _by_normal(difference: float, deviation: float) -> int:
    return max(2, math.ceil((1.959964 * deviation / difference) ** 2))


def _without_root(difference: float, deviation: float) -> int:
    n = 2
    while float(stats.t.ppf(0.975, n - 1)) * deviation / n > difference:
        n += 1
    return n


def _one_sided(difference: float, deviation: float) -> int:
    n = 2
    while float(stats.t.ppf(0.95, n - 1)) * deviation / math.sqrt(n) > difference:
        n += 1
    return n


seeds_needed = Check(
    "seeds_needed",
    [
        Case("5 points, deviation 6", 0.05, 0.06, expect=_needed(0.05, 0.06)),
        Case("10 points, deviation 5", 0.10, 0.05, expect=_needed(0.10, 0.05)),
        Case("2 points, deviation 4", 0.02, 0.04, expect=_needed(0.02, 0.04)),
    ],
    mistakes=[
        Mistake(
            "1.96",
            "You take 1.96, the normal distribution's number. For a handful of seeds Student's t is much larger.",
            wrong=_by_normal,
        ),
        Mistake("no root", "Divided by n: the deviation of a mean falls with √n.", wrong=_without_root),
        Mistake("one side", "You take the 95 % point. A 95 % interval leaves 2.5 % on *each* side.", wrong=_one_sided),
        Mistake(
            "one too few",
            "With that many the half-width is still larger than the difference.",
            wrong=lambda d, s: _needed(d, s) - 1,
        ),
        Mistake("one too many", "One seed fewer would do as well.", wrong=lambda d, s: _needed(d, s) + 1),
    ],
)
