"""Hidden tests and mutants of chapter 19."""

import torch

from saw_edu.checks import Case, Check
from saw_edu.classroom import Mutant
from saw_edu.course.ch19 import checks as ch19


def _generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


stack_rows = Check(
    "stack_rows",
    [
        Case("four frames", torch.tensor([0, 0, 0, 0, 0, 5, 6, 6, 6, 6, 6, 11, 11]), 4),
        Case("more frames than an episode has", torch.tensor([0, 0, 2, 2]), 6),
    ],
    reference=ch19.stack_rows.reference,
    mistakes=ch19.stack_rows.mistakes,
)

to_network = Check(
    "to_network",
    [Case("others", torch.randint(0, 256, (3, 5, 2, 6), generator=_generator(3), dtype=torch.uint8))],
    reference=ch19.to_network.reference,
    mistakes=ch19.to_network.mistakes,
)

_IMAGES = torch.randint(0, 256, (7, 8, 9, 3), generator=_generator(4), dtype=torch.uint8)
random_crop = Check(
    "random_crop",
    [Case("padding 3", _IMAGES, torch.randint(0, 7, (7, 2), generator=_generator(5)), 3)],
    reference=ch19.random_crop.reference,
    mistakes=ch19.random_crop.mistakes,
)

_ALL = list(range(-3, 4))
crop_pair = Check(
    "crop_pair",
    [Case("three hundred pairs", run=ch19.hidden_shifts, expect={"rows": _ALL, "columns": _ALL, "shared": True})],
)

MUTANTS = {
    "stack-rows": [Mutant("across episodes", replace=("torch.maximum(rows, first[:, None])", "rows.clamp(min=0)"))],
    "to-network": [
        Mutant("not scaled", replace=(" / 255", "")),
        Mutant("on its side", replace=("0, 3, 1, 2", "0, 3, 2, 1")),
    ],
    "random-crop": [
        Mutant("row and column exchanged", replace=("(row, column)", "(column, row)")),
    ],
    "crop-pair": [
        Mutant("one shift for the whole batch", replace=("(len(observations), 2)", "(1, 2)")),
        Mutant("apart", replace=("crop(goals, offsets, padding)", "crop(goals, offsets.flip(0), padding)")),
        Mutant("one way only", replace=("2 * padding + 1", "padding + 1")),
    ],
}
ALTERNATIVES = {
    "stack-rows": [
        """
def stack_rows(first, k):
    rows = torch.empty(len(first), k, dtype=torch.long)
    for i in range(len(first)):
        for j in range(k):
            rows[i, j] = max(int(first[i]), i - (k - 1 - j))
    return rows
"""
    ],
    "to-network": [
        """
def to_network(images):
    return torch.movedim(images, -1, 1).to(torch.float32).div(255)
"""
    ],
    "random-crop": [
        """
def random_crop(images, offsets, padding):
    num, height, width, channels = images.shape
    result = torch.empty_like(images)
    for n in range(num):
        rows = (torch.arange(height) + offsets[n, 0] - padding).clamp(0, height - 1)
        columns = (torch.arange(width) + offsets[n, 1] - padding).clamp(0, width - 1)
        result[n] = images[n][rows][:, columns]
    return result
"""
    ],
    "crop-pair": [
        """
def crop_pair(observations, goals, crop, padding, generator):
    size = 2 * padding + 1
    rows = torch.randint(size, (len(goals),), generator=generator)
    columns = torch.randint(size, (len(goals),), generator=generator)
    offsets = torch.stack([rows, columns], 1)
    both = crop(torch.cat([observations, goals]), torch.cat([offsets, offsets]), padding)
    return both[: len(goals)], both[len(goals) :]
"""
    ],
}
