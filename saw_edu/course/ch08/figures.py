"""The figures of chapter 8."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import matplotlib.pyplot as plt
import pandas as pd
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from torch import Tensor

from saw_edu.course.ch08 import scenes
from saw_edu.envs.packing import film, rules
from saw_edu.evaluation import seed_interval, success_interval
from saw_edu.hierarchy.imagine import FlowNet, Reacher, imagine
from saw_edu.viz import style

TRAY = ("in the hand", "nowhere: in the lock", "first in the bag", "second", "third")
MARKS = {  # marker, size, colour; filled or a ring
    "robot": ("o", 17, style.BLUE, False),
    "person": ("*", 17, style.BLUE, False),
    "bag": ("s", 15, "#B0A08C", True),
    "door": ("s", 15, "#966E3C", True),
    "key": ("D", 8, style.ORANGE, True),
    "ball": ("o", 9, style.VERMILION, True),
    "box": ("s", 8, style.GREEN, True),
    "cup": ("^", 9, style.PURPLE, True),
}
FAINTEST = 0.04  # brightness of a cell that is still drawn


def scene(ax: Axes, picture: Tensor, title: str = "", tray: bool = True, size: float = 1.0) -> None:
    """A picture (8, 8, 9), also a blurred one: each thing in each of its cells, as opaque as the cell is bright."""
    ax.set(xlim=(-0.5, 8.5), ylim=(-0.5, 8.1 if tray else 6.5), xticks=[], yticks=[], aspect="equal", title=title)
    ax.grid(False)
    for spine in ax.spines.values():
        spine.set_visible(False)
    for row in range(rules.HEIGHT):
        for column in range(rules.WIDTH):
            wall = column == rules.WALL_COLUMN and picture[film.DOOR_PLANE, row, column] < 0.5
            colour = style.WALL if wall else style.FLOOR
            ax.add_patch(Rectangle((column - 0.5, row - 0.5), 1, 1, fc=colour, ec="#DEDED8", lw=0.6, zorder=0))
    opened = float(picture[film.THING_PLANES].flatten()[rules.NOWHERE])
    if tray:
        ax.text(len(TRAY) - 0.3, 7.4, "hand, lock, bag", va="center", fontsize=8, color=style.GREY)
    for i in range(len(TRAY) if tray else 0):
        ax.add_patch(Rectangle((i - 0.5, 6.9), 1, 1, fc="#EDEDEA", ec="white", lw=1, zorder=0))
    for plane, (name, (marker, points, colour, filled)) in enumerate(MARKS.items()):
        for row, column in (picture[plane] > FAINTEST).nonzero().tolist():
            if row == rules.HEIGHT and (not tray or plane < film.THING_PLANES):
                continue
            bright = min(1.0, float(picture[plane, row, column]))
            bright *= 1 - 0.75 * opened if name == "door" else 1.0
            look: dict[str, Any] = {"markerfacecolor": colour if filled else "none", "markeredgecolor": colour}
            up = 7.4 if row == rules.HEIGHT else row
            over = 3 if plane <= film.PERSON else 1 + plane / 10  # who moves is drawn around what it stands on
            ax.plot(column, up, marker, ms=points * size, mew=2.6 * size, alpha=bright, zorder=over, **look)


def legend(figure: Figure, names: Sequence[str] = tuple(MARKS)) -> None:
    """A key for the marks."""
    handles = [
        plt.Line2D([], [], marker=MARKS[n][0], ls="", ms=9, color=MARKS[n][2], mew=2, label=n,
                   markerfacecolor=MARKS[n][2] if MARKS[n][3] else "none")
        for n in names
    ]  # fmt: skip
    figure.legend(handles=handles, ncols=len(handles), loc="outside lower center", fontsize=10, handletextpad=0.1)


def _row(pictures: dict[str, Tensor], names: Sequence[str] = tuple(MARKS)) -> Figure:
    figure, axes = plt.subplots(1, len(pictures), figsize=(2.9 * len(pictures), 3.6), squeeze=False)
    for ax, (title, picture) in zip(axes[0], pictures.items(), strict=True):
        scene(ax, picture)
        ax.set_title(title, fontsize=12)
    legend(figure, names)
    return figure


def a_moment(seed: int = 5) -> tuple[Tensor, Tensor]:
    """A state (1, 8) in which the robot has the door open and walks to fetch the ball, and that goal."""
    world, generator = scenes.make_world(), torch.Generator().manual_seed(seed)
    state = world.sample_states(1, generator)
    goal = world.world.goal_states(torch.tensor([[0, -1, -1]]))
    while not bool(state[0, rules.OPENED]):
        state = world.step(state, world.oracle(state, goal), generator)
    return state, goal


def futures(seed: int = 5, runs: int = 300) -> Figure:
    """One moment, two ways in which it may go on, and the mean of many."""
    state, goal = a_moment(seed)
    oracle = scenes.Oracle(torch.Generator().manual_seed(seed))
    now, asked = film.draw(state), film.draw(goal)
    shown = oracle(now.flatten(1).expand(runs, -1), asked.flatten(1).expand(runs, -1))
    places = film.brightest(shown)[:, film.ROBOT]
    far, near = int(places.mode().values), int(places[0])
    one = shown[(places == far).nonzero()[0, 0]]
    other = shown[(places != far).nonzero()[0, 0]] if far == near else shown[0]
    return _row(
        {"now": now[0], "in a while": one, "or this": other, "the mean of 300": shown.mean(0)},
        [n for n in MARKS if n != "person"],
    )


def proposals(
    nets: dict[str, FlowNet],
    frame: Tensor,
    told: Tensor,
    draw: Callable[..., Tensor] = imagine,
    seed: int = 0,
    draws: int = 3,
) -> Figure:
    """What nets imagine behind one frame (8, 8, 9): a row for each net, with samples and their mean."""
    figure, axes = plt.subplots(len(nets), draws + 2, figsize=(13, 3.1 * len(nets)), squeeze=False)
    for row, (name, net) in zip(axes, nets.items(), strict=True):
        now, words = frame[None].expand(draws, -1, -1, -1), told[None].expand(draws, -1)
        noise = torch.randn(now.shape, generator=torch.Generator().manual_seed(seed))
        drawn = draw(net, now, words, noise, scenes.IMAGINING.flow_steps)
        mean = draw(net, now[:1], words[:1], noise[:1], 1)
        titles = ["now", *(f"sample {i + 1}" for i in range(draws)), "mean (one step)"]
        for ax, picture, title in zip(row, [frame, *drawn, mean[0]], titles, strict=True):
            scene(ax, picture, size=0.9)
            ax.set_title(title, fontsize=12)
        row[0].set_ylabel(name, fontsize=13)
    legend(figure)
    return figure


# --- recorded results ---

ERRANDS = scenes.SEEDS * scenes.EPISODES  # of one bar


class Shown(NamedTuple):
    """One bar."""

    label: str
    pictures: str
    source: str = "-"
    low: str = "20"
    colour: str = style.BLUE


BARS = (
    Shown("flat policy, no pictures", "flat", colour=style.GREY),
    Shown("pictures: from the 20 alone", "sampled", "none", colour=style.BLACK),
    Shown("+ 300 videos of a robot", "sampled", "robot, 300"),
    Shown("+ 1,000 videos of a robot", "sampled", "robot"),
    Shown("+ 1,000, twice the pace", "sampled", "fast", colour=style.SKY),
    Shown("+ 1,000 of a person", "sampled", "person", colour=style.VERMILION),
    Shown("the true future", "oracle", colour=style.GREEN),
)


def by_seed(table: pd.DataFrame, pictures: str, source: str = "-", low: str = "20", every: int = scenes.EVERY,
            temperature: float = 1.0, objects: Sequence[str] = rules.OBJECTS) -> pd.Series:  # fmt: skip
    """Errands done with each seed, over some objects."""
    rows = table[(table["pictures"] == pictures) & (table["source"] == source) & (table["low"] == low)]
    rows = rows[(rows["every"] == every) & (rows["temperature"] == temperature) & rows["object"].isin(objects)]
    if len(rows) == 0:
        raise ValueError(f"nothing was recorded for {pictures}, {source}, {low}, every {every}")
    return rows.groupby("seed")["success"].mean()


def bars(table: pd.DataFrame, shown: Sequence[Shown] = BARS) -> Figure:
    """Errands done, mean and 95 % interval over seeds, a dot for each."""
    figure, ax = plt.subplots(figsize=(9, 0.55 * len(shown) + 1.2))
    for i, one in enumerate(shown):
        values = by_seed(table, one.pictures, one.source, one.low)
        low, high = success_interval(values.to_numpy(), ERRANDS)
        ax.barh(i, values.mean(), 0.62, color=one.colour, alpha=0.75)
        ax.plot([low, high], [i, i], color=style.DARK, lw=2)
        ax.plot(values, [i + 0.2] * len(values), ".", color="white", mec=style.DARK, ms=7)
    ax.set_yticks(range(len(shown)), [one.label for one in shown])
    ax.invert_yaxis()
    ax.set(xlim=(0, 1), xlabel="errands done, of one object")
    return figure


def rate(values: pd.Series, errands: int = ERRANDS) -> str:
    """A mean success over seeds with its 95 % interval, in so many errands."""
    low, high = success_interval(values.to_numpy(), errands)
    return f"{values.mean():.2f} [{low:.2f}, {high:.2f}]"


def lead(values: pd.Series, over: pd.Series) -> str:
    """By how much one exceeds another, seed by seed, with the 95 % interval."""
    low, high = seed_interval((values - over).to_numpy())
    return f"{(values - over).mean():+.2f} [{low:+.2f}, {high:+.2f}]"


def films(table: pd.DataFrame) -> pd.DataFrame:
    """What films are worth: errands done, and the lead over pictures from the 20 demonstrations alone."""
    none, robot = by_seed(table, "sampled", "none"), by_seed(table, "sampled", "robot")
    rows = {"pictures from the 20 alone": (rate(none), "")}
    for label, pictures, source in [
        ("the same, a quarter of the training", "sampled", "none, brief"),
        ("flat policy", "flat", "-"),
        ("300 films of a robot", "sampled", "robot, 300"),
        ("1,000 films of a robot", "sampled", "robot"),
        ("1,000 at twice the pace", "sampled", "fast"),
        ("the same, half the delta", "sampled", "fast, half delta"),
        ("1,000 films of a person", "sampled", "person"),
        ("the true future", "oracle", "-"),
    ]:
        found = by_seed(table, pictures, source)
        rows[label] = (rate(found), lead(found, none))
    for label, one, other in [
        ("1,000 against 300", robot, by_seed(table, "sampled", "robot, 300")),
        ("a robot against a person", robot, by_seed(table, "sampled", "person")),
        ("the true future against films", by_seed(table, "oracle"), robot),
        ("likeliest against drawn actions", by_seed(table, "sampled", "robot", temperature=0.0), robot),
        *((f"held for {n} against 4 steps", by_seed(table, "sampled", "robot", every=n), robot) for n in (1, 8, 16)),
    ]:
        rows[label] = ("", lead(one, other))
    return pd.DataFrame(rows, index=["errands done", "difference"]).T


def limits(table: pd.DataFrame) -> pd.DataFrame:
    """Samples, means, the true future: for low levels of 20 and of 1,020 demonstrations, and of 20 without the cup."""
    rows: dict[str, tuple[str, str, str, str]] = {}
    for low in ("20", "1020"):
        sampled, mean = by_seed(table, "sampled", "robot", low), by_seed(table, "mean", "robot", low)
        true, name = by_seed(table, "oracle", low=low), f"{low} below, films of a robot"
        rows[name] = (rate(sampled), rate(mean), lead(sampled, mean), rate(true))
        if low == "20":
            sampled, mean = by_seed(table, "sampled", "person"), by_seed(table, "mean", "person")
            rows["20 below, films of a person"] = (rate(sampled), rate(mean), lead(sampled, mean), rate(true))
    for objects in (("ball", "box"), ("cup",)):
        for label, source in (("no films", "none"), ("films", "robot")):
            told = [
                rate(by_seed(table, *how, "20, no cup", objects=objects), ERRANDS * len(objects) // 3)
                for how in (("sampled", source), ("oracle", "-"))
            ]
            rows[f"20 without cup, {label}: {', '.join(objects)}"] = (told[0], "", "", told[1])
    flat = by_seed(table, "flat", low="1020")
    rows["flat policy of 1020"] = (rate(flat), "", "", "")
    rows["   against films, 1020 below"] = (
        lead(flat, by_seed(table, "sampled", "robot", "1020")),
        "",
        "",
        "",
    )
    return pd.DataFrame(rows, index=["sampled", "mean", "difference", "true future"]).T


# --- the widget ---


class Bench:
    """A flat in which the robot is put where one clicks, what a generator proposes there, and what a low level does."""

    def __init__(self, nets: dict[str, FlowNet], low: Reacher, seed: int = 2) -> None:
        self.nets, self.low, self.world = nets, low, scenes.make_world()
        self.state = self.world.sample_states(1, torch.Generator().manual_seed(seed))
        self.cells = [c for c in range(rules.CELLS) if c % rules.WIDTH != rules.WALL_COLUMN]

    def nearest(self, point: tuple[float, float]) -> tuple[float, float]:
        """The middle of the nearest cell of a room."""

        def far(cell: int) -> float:
            return (cell % rules.WIDTH - point[0]) ** 2 + (cell // rules.WIDTH - point[1]) ** 2

        cell = min(self.cells, key=far)
        return float(cell % rules.WIDTH), float(cell // rules.WIDTH)

    def run(
        self,
        point: tuple[float, float],
        fetch: str,
        door: str,
        learned_from: str,
        pictures: str,
        number: int,
        steps: int,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Now and the proposal (1, 8, 8, 9), and the states (steps + 1, 8) of the low level that goes there."""
        state = self.state.clone()
        state[0, rules.AGENT] = int(point[1]) * rules.WIDTH + int(point[0])
        if door == "open":
            state[0, rules.OPENED], state[0, rules.FIRST_THING] = 1, rules.NOWHERE
        now = film.draw(state)
        mission = torch.tensor([[rules.OBJECTS.index(fetch), -1, -1]])
        told = film.mission(film.draw(self.world.world.goal_states(mission)))
        generator = torch.Generator().manual_seed(number)
        noise = torch.randn(now.shape, generator=generator)
        flow_steps = scenes.IMAGINING.flow_steps if pictures == "sampled" else 1
        proposal = imagine(self.nets[learned_from], now, told, noise, flow_steps)
        low, states = Reacher(self.low.net, self.low.see, generator), [state]
        for _ in range(steps):
            state = self.world.step(state, low(self.world.observe(state), proposal), generator)
            states.append(state)
        return now, proposal, torch.cat(states)

    def draw(self, ax: Axes, point: tuple[float, float], **options: str | int) -> None:
        """Left the flat with the low level's way, right the proposal."""
        now, proposal, states = self.run(point, **options)  # type: ignore[arg-type]
        scene(ax, now[0])
        ax.set_xlim(-0.5, 19)
        cells = states[:, rules.AGENT]
        columns, rows = cells % rules.WIDTH, cells // rules.WIDTH
        ax.plot(columns, rows, "-", color=style.SKY, lw=3, zorder=3)
        ax.plot(columns[-1], rows[-1], "o", color=style.SKY, ms=9, zorder=4)
        inset = ax.inset_axes((0.53, 0.0, 0.47, 1.0))
        inset.set_navigate(False)
        scene(inset, proposal[0])
        ax.set_title("now (click a cell), and the robot's way", fontsize=12, loc="left")
        inset.set_title("the proposal", fontsize=12)

    def alt(self, point: tuple[float, float], **options: str | int) -> str:
        """What a reader who does not see it should know."""
        now, proposal, states = self.run(point, **options)  # type: ignore[arg-type]
        codes = film.brightest(proposal)[0]
        robot = int(codes[film.ROBOT])
        where = (
            "shows no robot"
            if robot >= rules.CELLS
            else f"puts it in column {robot % rules.WIDTH}, row {robot // rules.WIDTH}"
        )
        before = film.brightest(now)[0, film.THING_PLANES :]
        moved = [
            n for n, a, b in zip(rules.THINGS, codes[film.THING_PLANES :], before, strict=True) if int(a) != int(b)
        ]
        can = "can be" if bool(film.possible(proposal)) else "cannot be"
        end = int(states[-1, rules.AGENT])
        return (
            f"The robot stands in column {point[0]:.0f}, row {point[1]:.0f}. The proposal {where}; "
            f"moved in it: {', '.join(moved) or 'nothing'}; such a picture {can}. "
            f"After {len(states) - 1} steps the robot is in column {end % rules.WIDTH}, row {end // rules.WIDTH}."
        )
