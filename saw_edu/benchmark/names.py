"""The suite's data sets by name: which environment, how much data, and whether it can be made here.

Sizes are those of OGBench's own commands for making its data (data_gen_scripts/commands.sh of seohongpark/ogbench, MIT
licence, as in johnlyzhou/saw at 1ce8ac7).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from saw_edu.place import did_you_mean

_MAZES = ("medium", "large", "giant", "teleport")
_CUBES = ("single", "double", "triple", "quadruple")
_PUZZLES = ("3x3", "4x4", "4x5", "4x6")
_POWDERS = ("easy", "medium", "hard")
_LAST_ROW = 1  # an episode of n actions has n + 1 rows


@dataclass(frozen=True)
class DataSet:
    """One data set of the suite, such as "visual-cube-double-play-v0"."""

    kind: str  # pointmaze, antmaze, humanoidmaze, cube, scene, puzzle, powderworld
    variant: str  # medium, single, 3x3, ...; "" for scene
    how: str  # navigate, stitch, explore; play, noisy
    visual: bool = False  # pictures of 64 x 64 instead of numbers

    @property
    def name(self) -> str:
        """As OGBench writes it."""
        return "-".join(part for part in (*self._head(), self.how, "v0") if part)

    @property
    def env(self) -> str:
        """The environment's name for `gymnasium.make`."""
        return "-".join(part for part in (*self._head(), "v0") if part)

    def _head(self) -> tuple[str, ...]:
        return ("visual" if self.visual else "", self.kind, self.variant)

    @property
    def locomotion(self) -> bool:
        """Whether somebody walks through a maze."""
        return self.kind.endswith("maze")

    @property
    def pictures(self) -> bool:
        """Whether observations are pictures: powderworld's always are."""
        return self.visual or self.kind == "powderworld"

    @property
    def discrete(self) -> bool:
        """Whether actions are numbers of buttons: powderworld's."""
        return self.kind == "powderworld"

    @property
    def episodes(self) -> int:
        """Episodes to learn from; a tenth as many again are held out for validation."""
        if self.how == "navigate":
            return 1000 if self.kind == "humanoidmaze" or self.variant != "giant" else 500
        if self.how == "stitch":
            return 10_000 if (self.kind, self.variant) == ("humanoidmaze", "giant") else 5000
        if self.how == "explore":
            return 10_000
        many = {"triple": 3000, "4x5": 3000, "quadruple": 5000, "4x6": 5000}
        many |= {"medium": 3000, "hard": 5000} if self.kind == "powderworld" else {}
        return many.get(self.variant, 1000)

    @property
    def actions(self) -> int:
        """Actions of an episode."""
        return self._rows - _LAST_ROW

    @property
    def _rows(self) -> int:
        if self.how == "navigate":
            giant = self.variant == "giant"
            return {"humanoidmaze": 4001 if giant else 2001}.get(self.kind, 2001 if giant else 1001)
        if self.how == "stitch":
            return 401 if self.kind == "humanoidmaze" else 201
        return 501 if self.how == "explore" else 1001

    @property
    def noise(self) -> float:
        """Of the demonstrator's actions: a standard deviation."""
        if self.kind == "pointmaze":
            return 0.5
        if self.locomotion:
            return 1.0 if self.how == "explore" else 0.2
        return 0.1

    @property
    def random_actions(self) -> float:
        """Chance that an action is drawn at random instead."""
        if self.kind == "powderworld":
            return 0.5
        return {"cube": 0.1, "scene": 0.1, "puzzle": 0.2}[self.kind] if self.how == "noisy" else 0.0

    @property
    def can_be_made(self) -> bool:
        """Whether a demonstrator comes with the environment. An ant and a humanoid need one that is trained."""
        return self.kind not in ("antmaze", "humanoidmaze")


def _all() -> list[DataSet]:
    found = []
    for kind in ("pointmaze", "antmaze", "humanoidmaze"):
        for variant in _MAZES:
            hows = ["navigate", "stitch"] + ["explore"] * (kind == "antmaze" and variant != "giant")
            for visual in (False, True):
                if (kind, variant) == ("humanoidmaze", "teleport") or (kind == "pointmaze" and visual):
                    continue
                found += [DataSet(kind, variant, how, visual) for how in hows]
    for kind, variants in (("cube", _CUBES), ("scene", ("",)), ("puzzle", _PUZZLES)):
        for variant in variants:
            found += [DataSet(kind, variant, how, visual) for how in ("play", "noisy") for visual in (False, True)]
    return found + [DataSet("powderworld", variant, "play") for variant in _POWDERS]


DATA_SETS = {data_set.name: data_set for data_set in _all()}

SUITES = {
    "pointmaze": tuple(f"pointmaze-{size}-navigate-v0" for size in ("medium", "large", "giant")),
    "antmaze": tuple(f"antmaze-{size}-navigate-v0" for size in ("medium", "large", "giant")),
    "humanoidmaze": tuple(f"humanoidmaze-{size}-navigate-v0" for size in ("medium", "large", "giant")),
    "manipulation": (*(f"cube-{size}-play-v0" for size in ("single", "double", "triple")), "scene-play-v0"),
    "stitch": tuple(
        f"{kind}-{size}-stitch-v0"
        for kind in ("pointmaze", "antmaze", "humanoidmaze")
        for size in ("medium", "large", "giant")
    ),
    "explore": ("antmaze-medium-explore-v0", "antmaze-large-explore-v0"),
    "visual": (
        *(f"visual-antmaze-{size}-navigate-v0" for size in ("medium", "large", "giant")),
        *(f"visual-cube-{size}-play-v0" for size in ("single", "double", "triple")),
        "visual-scene-play-v0",
    ),
    "made-here": ("pointmaze-medium-navigate-v0", "pointmaze-large-navigate-v0", "pointmaze-giant-navigate-v0",
                  "cube-single-play-v0"),
}  # fmt: skip
SUITES["states"] = SUITES["pointmaze"] + SUITES["antmaze"] + SUITES["humanoidmaze"] + SUITES["manipulation"]
SUITES["paper"] = SUITES["states"] + SUITES["visual"] + SUITES["stitch"] + SUITES["explore"]
"""Groups of data sets: the paper's Table 1 is `states` and `visual`, its Table 3 `stitch` and `explore`."""


def data_set(name: str) -> DataSet:
    """The data set of that name. Raises ValueError for an unknown one, with the nearest known."""
    if name not in DATA_SETS:
        hint = did_you_mean(name, DATA_SETS)
        if re.fullmatch(r"[\w-]+-v0", name) is None:
            hint += " A name looks like pointmaze-medium-navigate-v0."
        raise ValueError(f"no data set of the suite is called {name!r}{hint}")
    return DATA_SETS[name]


def chosen(names: list[str]) -> list[DataSet]:
    """Data sets by their names and by suites' names, each once, in the order given.

    Raises:
        ValueError: an unknown name.
    """
    found: dict[str, DataSet] = {}
    for name in names:
        for each in SUITES.get(name, (name,)):
            if each not in DATA_SETS:
                hint = did_you_mean(each, [*DATA_SETS, *SUITES])
                raise ValueError(f"no data set or suite is called {each!r}{hint} Suites: {', '.join(SUITES)}.")
            found[each] = data_set(each)
    return list(found.values())
