"""Which seeds are trained, and which of them side by side."""

from __future__ import annotations

import operator
from collections.abc import Iterable
from pathlib import Path


def check_seeds(seeds: int | Iterable[int]) -> list[int]:
    """The seeds that are asked for: a number of them means 0, 1, ...

    Raises:
        ValueError: none, one that is no whole number from 0 on, or one that is named twice.
    """
    wanted = "seeds must be a number of seeds, at least 1, or different whole numbers from 0 on"
    try:
        given = [*map(operator.index, seeds)] if isinstance(seeds, Iterable) else list(range(operator.index(seeds)))
    except TypeError:
        raise ValueError(f"{wanted}, got {seeds!r}") from None
    if not given or min(given) < 0 or len({*given}) < len(given):
        raise ValueError(f"{wanted}, got {given if isinstance(seeds, Iterable) else seeds}")
    return given


def groups_of(seeds: list[int], folder: Path | None, together: bool | None, on_gpu: bool) -> list[list[int]]:
    """Which seeds are trained side by side: as their checkpoints were, the others as asked.

    Seeds that began side by side stay so, also where only some of them are asked for.

    Raises:
        ValueError: checkpoints of seeds side by side where they were asked for one after another, or two of one seed.
    """
    known: list[list[int]] = []
    for path in sorted(folder.glob("seed_*.pt")) if folder is not None and folder.is_dir() else []:
        numbers = path.stem.removeprefix("seed_").split("_")
        if all(number.isdigit() for number in numbers) and not {*seeds}.isdisjoint(map(int, numbers)):
            known.append([int(number) for number in numbers])
    for seed in seeds:
        holders = [f"seed_{'_'.join(map(str, group))}.pt" for group in known if seed in group]
        if len(holders) > 1:
            raise ValueError(f"{folder} holds seed {seed} twice, in {' and '.join(holders)}: delete one of them")
    groups = [group for group in known if len(group) > 1]
    if together is False and groups:
        raise ValueError(
            f"{folder} holds seeds {', '.join(map(str, groups[0]))} trained side by side: leave `together` out to go "
            "on in that way, or give another checkpoint folder"
        )
    fresh = [seed for seed in seeds if not any(seed in group for group in known)]
    side_by_side = together if together is not None else (bool(groups) if known else on_gpu)
    new = [fresh] if side_by_side and fresh else [[seed] for seed in fresh]
    return sorted([*known, *new], key=lambda group: min(seeds.index(seed) for seed in group if seed in seeds))
