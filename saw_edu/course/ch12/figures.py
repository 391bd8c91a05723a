"""The figures of chapter 12."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from saw_edu.course.ch12.language import ASKED, TOLD, VARIANTS, make_world
from saw_edu.envs.objects import MOVES, OBJECTS, STATEMENTS, Objects
from saw_edu.evaluation import seed_interval
from saw_edu.hierarchy.hal import LowLevel, newly_true
from saw_edu.viz import style

LOOKS = dict(zip(VARIANTS, zip(style.PALETTE, "os^vDPX*", ("-", "--", "-.", ":") * 2, strict=True), strict=True))
COLOURS = {"red": style.VERMILION, "blue": style.BLUE}


def table(ax: Axes, world: Objects, state: Tensor) -> None:
    """One table from above, row 0 at the bottom, an axis unit a cell."""
    ax.imshow(world.picture(state, cell_pixels=48), extent=(-0.5, world.size - 0.5, -0.5, world.size - 0.5))
    ax.set(xticks=[], yticks=[])


def pushed(action: int) -> str:
    """A push in words."""
    return f"push {' '.join(OBJECTS[action // 4])} {('up', 'down', 'left', 'right')[action % 4]}"


def asked_and_got(steps: int = 4) -> Figure:
    """Random pushes that were asked for one statement: it never comes true, others do."""
    world, generator = make_world(), torch.Generator().manual_seed(3)
    states = world.sample_states(2_000, generator)
    path, pushes = [states], []
    for _ in range(steps):
        pushes.append(world.sample_actions(len(states), generator))
        path.append(world.step(path[-1], pushes[-1]))
    truths = world.truths(torch.stack(path))  # (T + 1, B, S)
    new, moved = newly_true(truths[:-1], truths[1:]), torch.stack(path).diff(dim=0).ne(0).any(-1).all(0)
    fits = ~truths[..., TOLD].any(0) & (new.any(-1).sum(0) == 2) & moved & (new.sum(-1).amax(0) <= 2)
    chosen = int(fits.nonzero()[0, 0])
    figure, axes = plt.subplots(1, steps + 1, figsize=(14, 3.6))
    for t, ax in enumerate(axes):
        table(ax, world, path[t][chosen])
        ax.set_title("start" if t == 0 else pushed(int(pushes[t - 1][chosen])), fontsize=11)
        made = new[t - 1, chosen].nonzero()[:, 0].tolist() if t else []
        text = STATEMENTS[made[0]].replace(" is directly", "\nis directly") if made else ""
        ax.set_xlabel(("now true:\n" + text) if made else "nothing new" if t else "", fontsize=10)
    return figure


def curves(recorded: pd.DataFrame, variants: Sequence[str]) -> Figure:
    """Success as low levels learn, with 95 % intervals over seeds; dotted, random pushes."""
    figure, ax = plt.subplots(figsize=(8, 4.4))
    for variant in variants:
        color, marker, line = LOOKS[variant]
        rows = recorded[recorded["variant"] == variant]
        wide = rows.pivot(index="round", columns="seed", values="success")
        bounds = np.array([seed_interval(row) for row in wide.to_numpy()])
        ax.plot(wide.index, wide.mean(axis=1), color=color, marker=marker, ls=line, label=VARIANTS[variant][0])
        ax.fill_between(wide.index, bounds[:, 0].clip(0), bounds[:, 1].clip(max=1), color=color, alpha=0.12, lw=0)
    ax.axhline(recorded["random"].mean(), color=style.DARK, ls=":", label="random pushes")
    ax.set(xlabel="rounds of 640 pushes", ylabel="share of statements made true", ylim=(0, 1))
    ax.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), fontsize=10)
    return figure


def paired(recorded: pd.DataFrame, variant: str, others: Sequence[str]) -> pd.DataFrame:
    """By how much a variant exceeds others, seed by seed: of the mean over all rounds, and of the last one."""
    means = recorded.groupby(["variant", "seed"])["success"].mean().unstack("seed")
    last = recorded[recorded["round"] == recorded["round"].max()].pivot(
        index="variant", columns="seed", values="success"
    )
    rows = []
    for other in others:
        row: dict[str, object] = {"against": VARIANTS[other][0]}
        for name, found in (("all rounds", means), ("last round", last)):
            difference = (found.loc[variant] - found.loc[other]).to_numpy()
            low, high = seed_interval(difference)
            row[name] = f"{difference.mean():+.2f} [{low:+.2f}, {high:+.2f}]"
        rows.append(row)
    return pd.DataFrame(rows).set_index("against")


class PushTable:
    """A low level at work on a table, where the red ball can be placed by a click."""

    def __init__(self, low: LowLevel) -> None:
        self.low, self.others = low, torch.tensor([6, 9, 13])  # red box, blue ball, blue box
        self.start = (0.0, 0.0)

    def nearest(self, point: tuple[float, float]) -> tuple[float, float]:
        """The free cell nearest to a point, as (column, row)."""
        size = self.low.world.size
        free = [c for c in range(size**2) if c not in self.others.tolist()]
        cell = min(free, key=lambda c: (c % size - point[0]) ** 2 + (c // size - point[1]) ** 2)
        return float(cell % size), float(cell // size)

    def run(self, point: tuple[float, float], wording: str, pushes: int) -> tuple[list[int], Tensor, bool]:
        """Pushes made until the statement is true, the states between (n + 1, 4), and whether it is."""
        column, row = point
        world, number = self.low.world, STATEMENTS.index(wording)
        state = torch.cat([torch.tensor([int(row) * world.size + int(column)]), self.others])
        told, made, states = torch.tensor([number]), list[int](), [state]
        while len(made) < pushes and not world.truths(states[-1])[number]:
            action = self.low.act(states[-1][None], told, torch.Generator())
            made.append(int(action))
            states.append(world.step(states[-1][None], action)[0])
        return made, torch.stack(states), bool(world.truths(states[-1])[number])

    def draw(self, ax: Axes, point: tuple[float, float], wording: str, pushes: int) -> None:
        """The table after these pushes, with an arrow for each of them."""
        made, states, true = self.run(point, wording, pushes)
        world = self.low.world
        table(ax, world, states[-1])
        for action, state in zip(made, states, strict=False):
            thing, (up, right) = action // 4, MOVES[action % 4]
            row, column = world.places(state)[thing].tolist()
            ax.annotate("", (column + 0.8 * right, row + 0.8 * up), (column, row), zorder=4,
                        arrowprops={"arrowstyle": "->", "lw": 2, "color": COLOURS[OBJECTS[thing][0]]})  # fmt: skip
        ax.set_title(f"{wording}:\n{'true' if true else 'not true'} after {len(made)} pushes", fontsize=11)

    def alt(self, point: tuple[float, float], wording: str, pushes: int) -> str:
        """What a reader who does not see the table should know of it."""
        made, _, true = self.run(point, wording, pushes)
        said = ", ".join(map(pushed, made)) or "no push"
        return (
            f"The red ball starts in column {point[0]:.0f}, row {point[1]:.0f}: {said}; then {wording!r} is "
            f"{'true' if true else 'not true'}."
        )


WORDINGS = [STATEMENTS[number] for number in ASKED]
