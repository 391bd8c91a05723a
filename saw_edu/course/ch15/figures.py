"""The figures of chapter 15."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from saw_edu.course import giant
from saw_edu.course.ch15.nuisance import steps_ahead
from saw_edu.course.ch15.tabular import Play
from saw_edu.envs.maze.features import WAVELENGTHS
from saw_edu.evaluation import episodes_by_distance, seed_interval
from saw_edu.viz import plot_maze, plot_success_by_distance, style

EDGES = (1, 2, 3, 5, 9, 13, 17, 21, 25, 32)  # cells
MIDDLES = np.array([(low + high - 1) / 2 for low, high in itertools.pairwise(EDGES)])
LOOKS: dict[str, dict[str, Any]] = {
    **{name: style.method(name).plot for name in ("gcivl", "hiql", "gcwae", "ris", "saw")},
    "hiql_drawn": {"label": "HIQL, drawing w", "color": style.SKY, "marker": "s", "linestyle": "-"},
    "ris_weighed": {"label": "RIS, weighed", "color": style.BLACK, "marker": "x", "linestyle": ":"},
}


def band(ax: Axes, at: Sequence[float] | np.ndarray, table: np.ndarray, look: dict[str, Any]) -> np.ndarray:
    """A line of the means over seeds, table (S, N), with its 95 % interval; returns the means."""
    low, high = np.array([seed_interval(column) for column in table.T]).T
    mean: np.ndarray = table.mean(0)
    ax.plot(at, mean, **look)
    ax.fill_between(at, low, high, color=look["color"], alpha=0.16, lw=0)
    return mean


class NearGoals:
    """Pairs of start and goal in the giant maze, the recorded networks, and where a shortest path leads in k steps."""

    def __init__(self, per_bin: int) -> None:
        self.world = giant.make_world()
        generator = torch.Generator().manual_seed(2)
        self.starts, self.goals = episodes_by_distance(self.world, EDGES, per_bin, generator)
        self.ahead = steps_ahead(self.world, self.starts, self.goals)
        self.distances = self.world.distances(self.starts, self.goals)
        self.networks = {name: giant.load(name, self.world.spec) for name in ("gcivl", "hiql", "saw")}

    def by_bin(self, numbers: Sequence[Tensor]) -> np.ndarray:
        """Means of one number an episode, by seed and bin of distance: (S, bins)."""
        bins = np.digitize(self.distances, EDGES) - 1
        return np.array([[seed.double().numpy()[bins == b].mean() for b in range(len(MIDDLES))] for seed in numbers])

    @torch.no_grad()
    def along_the_path(self) -> dict[str, np.ndarray]:
        """How often each policy's action points along the shortest path, to within 45 degrees: (S, bins) each."""
        s, g, w = (self.world.observe(states) for states in (self.starts, self.goals, self.ahead))
        way = self.world.oracle(self.starts, self.goals)
        teachers = [networks.subgoal_policy for networks in self.networks["saw"].networks]
        asked = {
            "π_sub, asked for a waypoint on the path": [sub(s, w).mean for sub in teachers],
            "SAW, asked for the goal": [policy(s, g) for policy in self.networks["saw"].policies],
            "GCIVL, asked for the goal": [policy(s, g) for policy in self.networks["gcivl"].policies],
            "π_sub, asked for the goal": [sub(s, g).mean for sub in teachers],
        }
        right = np.cos(np.pi / 4)
        return {
            name: self.by_bin([torch.cosine_similarity(a, way, dim=1) > right for a in actions])
            for name, actions in asked.items()
        }

    @torch.no_grad()
    def guesses(self) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """Errors of HIQL's generated states, cells (S, bins); sin² + cos² of near and far ones (S, wavelengths)."""
        s, g = self.world.observe(self.starts), self.world.observe(self.goals)
        found = [networks.subgoal_generator(s, g).mean for networks in self.networks["hiql"].networks]  # (E, 22) each
        cell = self.world.maze.cell_size
        errors = self.by_bin([(self.world.states_of(guess) - self.ahead).norm(dim=1) / cell for guess in found])
        circles = [guess[:, 2:12].square() + guess[:, 12:].square() for guess in found]  # (E, 10): 5 of x, 5 of y
        groups = {
            "goals 1 to 8 cells away": self.distances < 9,
            "goals 21 cells away or more": self.distances >= giant.FARTHEST_THIRD,
        }
        return errors, {
            name: np.array([c[chosen].mean(0).reshape(2, 5).mean(0).numpy() for c in circles])
            for name, chosen in groups.items()
        }


def along_the_path(found: Mapping[str, np.ndarray]) -> Figure:
    """How often each policy points along the shortest path, over the distance to the goal."""
    figure, ax = plt.subplots(figsize=(9, 4.8))
    looks = [(style.GREEN, "P"), (style.VERMILION, "D"), (style.method("gcivl").color, "^"), (style.GREY, "v")]
    for (label, table), (color, marker) in zip(found.items(), looks, strict=True):
        band(ax, MIDDLES, table, {"color": color, "marker": marker, "label": label})
    ax.axhline(0.25, color=style.GREY, ls=":", label="guessing")
    ax.set(ylim=(0, 1.03), xlabel="shortest path from start to goal (cells)", ylabel="actions along the shortest path")
    ax.yaxis.set_major_formatter("{x:.0%}")
    ax.legend(fontsize=11, loc="lower left")
    return figure


def waypoints(play: Play, state: int, goal: int, chances: Mapping[str, Tensor]) -> Figure:
    """Distributions over waypoints (F,) around one state."""
    where = play.world.xy(play.world.maze.tables()["free_cells"])
    figure, axes = plt.subplots(1, len(chances), figsize=(6.5 * len(chances), 6.0))
    for ax, (name, p) in zip(axes, chances.items(), strict=True):
        plot_maze(ax, play.world)
        ax.scatter(*where.T, s=900 * p, color=style.VERMILION, alpha=0.8, zorder=4)
        ax.plot(*where[state], "o", color="white", mec="black", ms=11, zorder=6, ls="", label="state s")
        ax.plot(*where[goal], "*", color=style.PURPLE, mec="black", ms=17, zorder=6, ls="", label="goal g")
        ax.set_title(name)
    axes[0].legend(ncols=2, loc="upper center", bbox_to_anchor=(0.5, -0.12))
    return figure


def _normal(a: np.ndarray, mean: float | np.ndarray, std: float | np.ndarray) -> np.ndarray:
    density: np.ndarray = np.exp(-0.5 * ((a - mean) / std) ** 2) / (std * np.sqrt(2 * np.pi))
    return density


def normal_fits(
    shares: Sequence[float] = (0.6, 0.4), means: Sequence[float] = (-0.8, 0.8), std: float = 0.25
) -> dict[str, dict[str, tuple[float, float]]]:
    """Mean and spread of the normal π that pays least: for one teacher with two modes, and for two on average.

    The first by trying all means and spreads of a grid, the second by the closed forms: both directions put the mean at
    the teachers' weighted mean; KL(π ‖ π_sub) takes the teachers' spread, KL(π_sub ‖ π) adds their disagreement to it.
    """
    p, m = np.array(shares), np.array(means)
    a = np.linspace(-3, 3, 601)
    both = (p[:, None] * _normal(a, m[:, None], std)).sum(0)
    mu, sigma = (grid.ravel() for grid in np.meshgrid(np.linspace(-1.2, 1.2, 97), np.linspace(0.15, 1.2, 64)))
    pi = _normal(a, mu[:, None], sigma[:, None]) + 1e-300  # (G, 601)
    forward = -(both * np.log(pi)).sum(1)
    reverse = (pi * (np.log(pi) - np.log(both + 1e-300))).sum(1)
    middle = float(p @ m)
    spread = float(np.sqrt(std**2 + p @ (m - middle) ** 2))
    return {
        "one teacher with two ways": {
            "KL(π_sub ‖ π)": (mu[forward.argmin()], sigma[forward.argmin()]),
            "KL(π ‖ π_sub)": (mu[reverse.argmin()], sigma[reverse.argmin()]),
        },
        "two teachers, divergences averaged": {"KL(π_sub ‖ π)": (middle, spread), "KL(π ‖ π_sub)": (middle, std)},
    }


def directions(fits: Mapping[str, Mapping[str, tuple[float, float]]]) -> Figure:
    """The normal policies of `normal_fits` with their teachers."""
    a = np.linspace(-2.2, 2.2, 601)
    both = 0.6 * _normal(a, -0.8, 0.25) + 0.4 * _normal(a, 0.8, 0.25)
    figure, axes = plt.subplots(1, len(fits), figsize=(11, 3.6), sharey=True)
    for ax, (case, found) in zip(axes, fits.items(), strict=True):
        ax.fill_between(a, both, color=style.GREY, alpha=0.3, lw=0, label="teachers, weighted sum")
        for (name, (mean, std)), color, line in zip(
            found.items(), (style.BLUE, style.VERMILION), ("-", "--"), strict=True
        ):
            ax.plot(a, _normal(a, mean, std), color=color, ls=line, label=name)
        ax.set(title=case, xlabel="action a")
    axes[0].set_ylabel("density")
    figure.legend(*axes[0].get_legend_handles_labels(), ncols=3, loc="outside upper center")
    return figure


def right_actions(found: Mapping[str, Mapping[str, np.ndarray]]) -> Figure:
    """How often the likeliest action is right, over distance: found[kind of V][method] is (S, D)."""
    figure, axes = plt.subplots(1, len(found), figsize=(15, 5.2), sharey=True, squeeze=False)
    for ax, (title, methods) in zip(axes[0], found.items(), strict=True):
        for name, right in methods.items():
            band(ax, np.arange(1, right.shape[1] + 1), right, LOOKS[name] | {"markevery": 4})
        ax.set(title=title, xlabel="shortest path to the goal (cells)", ylim=(0.35, 1.02))
        ax.yaxis.set_major_formatter("{x:.0%}")
    axes[0, 0].set_ylabel("likeliest action is right")
    figure.legend(*axes[0, 0].get_legend_handles_labels(), ncols=7, loc="outside upper center", fontsize=11)
    return figure


def guesses(errors: np.ndarray, circles: Mapping[str, np.ndarray]) -> Figure:
    """Errors of generated states over distance, and how far inside the circle they lie, over wavelength."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(13, 4.6))
    band(left, MIDDLES, errors, {"color": style.BLUE, "marker": "o", "label": "HIQL's generator"})
    left.axhline(2.0, color=style.GREY, ls=":", label="eight steps")
    left.set(ylim=(0, 2.3), xlabel="shortest path from start to goal (cells)", ylabel="error of the guess (cells)")
    for (label, table), color, marker in zip(circles.items(), (style.GREEN, style.PURPLE), "PX", strict=True):
        band(right, WAVELENGTHS, table, {"color": color, "marker": marker, "label": label})
    right.axhline(1.0, color=style.GREY, ls=":", label="every state")
    right.set(xscale="log", ylim=(0, 1.1), xlabel="wavelength (maze units; a cell is 4)", ylabel="sin² + cos² of guess")
    right.set_xticks(WAVELENGTHS, [f"{length:.0f}" for length in WAVELENGTHS])
    right.minorticks_off()
    for ax in (left, right):
        ax.legend()
    return figure


NUISANCES = {
    "0": "no noise",
    "16": "16 numbers of noise",
    "64": "64 numbers",
    "256": "256 numbers",
    "picture": "a picture",
}
COMPARED: dict[str, dict[str, Any]] = {
    "saw": {"method": "saw"},
    "hiql_rep": {"label": "HIQL, representation", "color": style.SKY},
    "hiql": {"method": "hiql", "label": "HIQL, states"},
    "hiql_fresh": {"label": "HIQL, new noise behind its guess", "color": style.BLACK},
    "ris": {"method": "ris"},
    "gcwae": {"method": "gcwae"},
}


def nuisance(success: pd.DataFrame, generated: pd.DataFrame) -> Figure:
    """Success by distance in each world, and the errors of generated subgoals."""
    figure, axes = plt.subplots(2, 3, figsize=(13, 7.8))
    for ax, (name, title) in zip(axes.flat, NUISANCES.items(), strict=False):
        for agent, look in COMPARED.items():
            table = success[(success["dims"] == name) & (success["agent"] == agent)]
            if len(table):
                plot_success_by_distance(ax, table, **look)
        ax.set_title(title)
    handles, labels = axes[0, 1].get_legend_handles_labels()
    figure.legend(handles, labels, ncols=6, loc="outside upper center", fontsize=11)
    last = axes[1, 2]
    for agent, shift in (("hiql", -0.08), ("gcwae", 0.08)):
        method = style.method(agent)
        own = generated[generated["agent"] == agent]
        errors = own.pivot_table(index="seed", columns="dims", values="error")[list(NUISANCES)].to_numpy()
        low, high = np.array([seed_interval(column) for column in errors.T]).T
        at, mean = np.arange(len(NUISANCES)) + shift, errors.mean(0)
        reach = [mean - low, high - mean]
        mark = {"color": method.color, "marker": method.marker, "label": method.label}
        last.errorbar(at, mean, reach, ls="", capsize=3, **mark)
    last.axhline(2.0, color=style.GREY, ls=":", label="eight steps")
    last.set_xticks(range(len(NUISANCES)), ["0", "16", "64", "256", "picture"])
    last.set(ylim=(0, None), xlabel="numbers of noise", ylabel="error of the guess (cells)", title="generated subgoals")
    last.legend()
    return figure


def pictures(found: Mapping[str, np.ndarray]) -> Figure:
    """Start, goal, the state ahead and the generated subgoal of some pairs, as the agent sees them."""
    titles = {"start": "start", "goal": "goal", "ahead": "eight steps ahead", "imagined": "generated subgoal"}
    figure, axes = plt.subplots(3, 4, figsize=(11, 6.6))
    for column, (name, title) in zip(axes.T, titles.items(), strict=True):
        for ax, picture in zip(column, found[name], strict=True):
            ax.imshow(picture, cmap="gray", vmin=0, vmax=1, origin="lower")
            ax.set(xticks=[], yticks=[])
            ax.grid(False)
        column[0].set_title(title)
    return figure


def paired(first: np.ndarray, second: np.ndarray) -> str:
    """The mean difference of two methods that share seeds, with its 95 % interval, in words."""
    low, high = seed_interval(first - second)
    return f"{(first - second).mean():+.3f} ({low:+.3f} to {high:+.3f})"
