"""The figures of chapter 6."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from saw_edu.course.ch06.rooms import KINDS, Pair
from saw_edu.envs.packing import TinyPacking, rules
from saw_edu.envs.packing.language import COARSE, FINE, PHRASES, bag_of_words
from saw_edu.evaluation import seed_interval
from saw_edu.hierarchy.imitation import Classifier, Cloning
from saw_edu.nn import MLP
from saw_edu.place import asset
from saw_edu.viz import style

CELL = 24
NAMES = (*PHRASES, *(f"{name}, behind the wall" for name in COARSE))
SHARES = (0.0, 0.1, 0.25, 0.5, 0.75, 1.0)


def recorded_pair() -> Pair:
    """Both levels of seed 0, trained apart."""
    saved = torch.load(asset("ch06/apart.pt"), weights_only=True)
    hidden, generator = Cloning().hidden_dims, torch.Generator().manual_seed(0)
    told = bag_of_words()
    high = MLP(2 * rules.OBSERVATION_DIM, [*hidden, len(PHRASES)], generator)
    low = MLP(rules.OBSERVATION_DIM + told.shape[1], [*hidden, len(rules.ACTIONS)], generator)
    high.load_state_dict(saved["high"])
    low.load_state_dict(saved["low"])
    return Pair(Classifier(high.requires_grad_(False)), Classifier(low.requires_grad_(False), told))


def stuck(pair: Pair, seed: int = 3, last: int = 60) -> Figure:
    """Where an episode goes, and what is asked for at its end."""
    world, generator = TinyPacking(), torch.Generator().manual_seed(seed)
    states, goal = world.sample_states(1, generator), world.sample_goals(1, 1, generator)
    states[:, rules.OPENED], states[:, rules.FIRST_THING] = 1, rules.NOWHERE  # the door is open already
    told, drawn, cells = world.observe(goal), pair.drawing(generator), []
    words = torch.zeros(1, dtype=torch.long)
    start = states[0]
    for _ in range(last):
        seen = world.observe(states)
        words = drawn.high(seen, told)
        cells.append(int(states[0, rules.AGENT]))
        states = world.step(states, drawn.low(seen, words), generator)
    figure, ax = plt.subplots(figsize=(7, 5.2))
    ax.imshow(world.picture(start, goal[0], CELL))
    jitter = np.random.default_rng(0).uniform(-0.25, 0.25, (2, last))
    x = (np.array(cells) % rules.WIDTH + 1.5 + jitter[0]) * CELL  # the picture has a wall all round
    y = (rules.HEIGHT + 0.5 - np.array(cells) // rules.WIDTH + jitter[1]) * CELL
    ax.plot(x, y, color=style.VERMILION, lw=1.2, marker="o", ms=3)
    ax.set(xticks=[], yticks=[], title=f"{world.mission(goal[0])}; asked at step {last}: “{PHRASES[int(words[0])]}”")
    ax.grid(False)
    return figure


def counted(goals: pd.DataFrame, what: str, seed: int | None = None) -> np.ndarray:
    """Shares (kinds,) of a seed, or of all."""
    rows = goals[(goals["what"] == what) & ((goals["seed"] == seed) | (seed is None))]
    numbers = rows.groupby("kind")["number"].sum().reindex(range(KINDS), fill_value=0).to_numpy()
    return numbers / numbers.sum()


def goal_shift(goals: pd.DataFrame) -> Figure:
    """Kinds of coarse goals: in the low level's labels and at run time."""
    shown = [k for k in range(KINDS) if (k < len(COARSE) or k >= len(PHRASES))]
    shares = {what: counted(goals, what)[shown] for what in ("labelled", "demonstrated", "emitted")}
    shown_at = [i for i in range(len(shown)) if max(x[i] for x in shares.values()) > 0.002]
    figure, ax = plt.subplots(figsize=(9, 5.4))
    looks = {
        "labelled": ("the low level's labels", style.BLUE),
        "demonstrated": ("all demonstrations", style.SKY),
        "emitted": ("emitted at run time", style.VERMILION),
    }
    for i, (what, (label, color)) in enumerate(looks.items()):
        mine = shares[what][shown_at] / shares[what].sum()
        ax.barh(np.arange(len(shown_at)) + 0.27 * (i - 1), mine, 0.26, color=color, label=label)
    ax.set_yticks(range(len(shown_at)), [NAMES[shown[i]] for i in shown_at])
    ax.invert_yaxis()
    ax.set(xlabel="share of coarse goals")
    ax.legend()
    return figure


def bars(table: pd.DataFrame, names: dict[str, str]) -> Figure:
    """Success with 95 % intervals over seeds, drawn and likeliest actions."""
    figure, ax = plt.subplots(figsize=(9.5, 0.52 * len(names) + 1.3))
    for i, (how, color) in enumerate(names.items()):
        rows = table[table["how"] == how]
        drawn = rows["success 1.0"].to_numpy()
        low, high = seed_interval(drawn)
        ax.barh(i, drawn.mean(), 0.62, color=color)
        ax.plot([max(0, low), min(1, high)], [i, i], color=style.DARK, lw=2)
        ax.plot(rows["success 0.0"].mean(), i, "o", color="white", mec=style.DARK, ms=7)
    ax.plot([], [], "o", color="white", mec=style.DARK, label="likeliest actions")
    ax.set_yticks(range(len(names)), list(names))
    ax.invert_yaxis()
    ax.set(xlim=(0, 1), xlabel="missions done (bars: actions drawn)")
    ax.legend(loc="upper right")
    return figure


def turns(table: pd.DataFrame) -> Figure:
    """Alternation from either side: success, and how often the high level spells things out."""
    figure, axes = plt.subplots(1, 2, figsize=(10, 4.0))
    for name, first, color, marker in (
        ("low first", "low adapted", style.BLUE, "o"),
        ("high first", "high adapted", style.VERMILION, "D"),
    ):
        order = ["trained apart", first, *(f"{name} {half}" for half in (2, 3, 4))]
        for ax, column in zip(axes, ("success 1.0", "fine"), strict=True):
            by_seed = table.pivot_table(index="seed", columns="how", values=column)[order].to_numpy()
            low, high = np.array([seed_interval(x) for x in by_seed.T]).T
            ax.plot(range(5), by_seed.mean(0), color=color, marker=marker, label=name)
            ax.fill_between(range(5), low.clip(0, 1), high.clip(0, 1), color=color, alpha=0.15, lw=0)
    axes[0].set(ylabel="missions done")
    axes[1].set(ylabel="share of fine words")
    for ax in axes:
        ax.set(xlabel="half-rounds", ylim=(-0.03, 1.03), xticks=range(5))
        ax.legend()
    return figure


def renewed(table: pd.DataFrame) -> Figure:
    """Success where what passes between the levels is renewed every n steps."""
    figure, ax = plt.subplots(figsize=(7, 4.0))
    for how, label, color, marker in (
        ("words", "words", style.BLUE, "o"),
        ("latent", "8 numbers", style.VERMILION, "D"),
    ):
        rows = table[table["how"] == how].pivot_table(index="seed", columns="n", values="success")
        low, high = np.array([seed_interval(x) for x in rows.to_numpy().T]).T
        ax.plot(rows.columns, rows.mean(), color=color, marker=marker, label=label)
        ax.fill_between(rows.columns, low.clip(0, 1), high.clip(0, 1), color=color, alpha=0.15, lw=0)
    flat = table[table["how"] == "flat"]["success"].mean()
    ax.axhline(flat, color=style.BLACK, ls=":", label="flat, equal size")
    ax.set(xlabel="renewed every n steps", ylabel="missions done", ylim=(-0.03, 1.0), xticks=list(rows.columns))
    ax.legend()
    return figure


class Mixer:
    """Draws what a low level trains on at a share of emitted goals, beside what it will be asked."""

    def __init__(self, goals: pd.DataFrame, table: pd.DataFrame) -> None:
        self.goals, self.table = goals, table

    def draw(self, ax: Axes, share: float, seed: int) -> None:
        """On these axes."""
        labels, asked = (counted(self.goals, what, seed) for what in ("labelled", "emitted"))
        mixed = (1 - share) * labels + share * asked
        coarse = [k for k in range(KINDS) if k < len(COARSE) or k >= len(PHRASES)]
        ax.barh(np.arange(len(coarse)) - 0.2, mixed[coarse], 0.38, color=style.BLUE, label="trained on")
        ax.barh(np.arange(len(coarse)) + 0.2, asked[coarse], 0.38, color=style.VERMILION, label="asked for at run time")
        how = {0.0: "trained apart", 0.5: "low adapted"}.get(share, "mixture")
        rows = self.table[(self.table["how"] == how) & (self.table["seed"] == seed)]
        rows = rows[rows["share"] == share] if how == "mixture" else rows
        done = float(rows["success 1.0"].iloc[0])
        ax.set_yticks(range(len(coarse)), [NAMES[k] for k in coarse], fontsize=10)
        ax.invert_yaxis()
        apart = abs(mixed - asked).sum() / 2
        ax.set(xlabel=f"share of goals (the {len(FINE)} fine words not shown)", xlim=(0, 0.6))
        ax.set_title(f"divergence {apart:.2f}; missions done {done:.2f}")
        ax.legend(loc="lower right")
