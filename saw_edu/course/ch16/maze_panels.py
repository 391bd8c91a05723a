"""The four mazes of the explorer: drawn quickly, and able to say where in the maze a place in the picture lies."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LogNorm, Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray
from PIL import Image

from saw_edu.course.ch16.maze_scene import Picture, Scene
from saw_edu.viz import style
from saw_edu.viz.mazes import GOAL, START, mark, outline, plot_maze

WEIGHTS = (1e-2, 1e2)  # the colours' range; weights are clipped at the upper end
ZOOM = 7  # cells that the picture around the start is wide
TEACHER, FLAT, DISAGREE = style.BLACK, style.VERMILION, "#F3C7DC"
FAN = 40  # arrows of π_sub at the start, about
_AT_SCALE: dict[str, Any] = {
    "angles": "xy", "scale_units": "xy", "scale": 1, "units": "xy",
    "minshaft": 1.5, "headwidth": 3.0, "headlength": 3.0, "headaxislength": 2.8,
}  # fmt: skip


class Panels:
    """One figure for all pictures of a scene: laid out once, its contents replaced by `draw`."""

    def __init__(self, scene: Scene) -> None:
        self.world, self._range = scene.world, scene.value_range
        self._centres = scene.world.maze.cell_to_xy(scene.world.maze.free_cells.astype(float))  # (F, 2)
        self._drawn: list[Any] = []
        self.figure = Figure(figsize=(11, 8.4), dpi=100, layout="constrained")
        axes = self.figure.subplots(2, 2)
        for ax in axes.flat:
            plot_maze(ax, self.world)
            ax.set_title("two\nlines", fontsize=13)
            ax.label_outer()
        axes[0, 1].tick_params(labelleft=True, labelbottom=True)  # it is a part of the maze: its ticks are its own
        look: dict[str, Any] = {"shrink": 0.8, "pad": 0.01, "aspect": 24}
        value = self.figure.colorbar(ScalarMappable(Normalize(*self._range), style.VALUES), ax=axes[0, 0], **look)
        weight = self.figure.colorbar(ScalarMappable(LogNorm(*WEIGHTS), style.VALUES), ax=axes[0, 1], **look)
        weight.set_ticks([0.01, 0.1, 1, 10, 100], labels=["≤ .01", ".1", "1", "10", "100"])
        for bar, name in ((value, "V(s, g)"), (weight, "u(s, w, g)")):  # above: beside it, it would look like an axis's
            bar.ax.set_title(name, fontsize=11, loc="left")
        self.figure.draw_without_rendering()
        self.figure.set_layout_engine("none")
        self.axes: list[Axes] = list(axes.flat)

    def draw(self, shown: Picture) -> Figure:
        """Put a picture in the place of the one before. Returns the figure, always the same object."""
        for artist in self._drawn:
            artist.remove()
        values, waypoints, policies, rollouts = self.axes
        self._drawn = self._draw_values(values, shown)
        self._drawn += self._draw_waypoints(waypoints, shown)
        self._drawn += self._draw_policies(policies, shown)
        self._drawn += self._draw_rollouts(rollouts, shown)
        for ax in self.axes:
            self._drawn += [mark(ax, shown.start, START), mark(ax, shown.goal, GOAL)]
        return self.figure

    def png(self) -> bytes:
        """The figure as PNG, made quickly rather than small; `style.to_png` does the opposite."""
        canvas = FigureCanvasAgg(self.figure)
        canvas.draw()
        file = io.BytesIO()
        Image.fromarray(np.asarray(canvas.buffer_rgba())[..., :3]).save(file, "png", compress_level=1)
        return file.getvalue()

    def place(self, x: float, y: float) -> tuple[float, float] | None:
        """Maze coordinates of x, y in [0, 1], counted from the picture's lower left corner; None beside the mazes."""
        pixel = self.figure.transFigure.transform((x, y))
        for ax in self.axes:
            if ax.bbox.contains(*pixel):
                found = ax.transData.inverted().transform(pixel)
                return float(found[0]), float(found[1])
        return None

    def _draw_values(self, ax: Axes, shown: Picture) -> list[Any]:
        ax.set_title(f"V for this goal, {shown.distance} cells away\ncircle: start, star: goal")
        norm = Normalize(*self._range)
        image = ax.imshow(shown.values, extent=self.world.maze.extent, origin="lower", norm=norm, zorder=1)
        image.set_cmap(style.VALUES)
        return [image, outline(ax, self.world.maze)]

    def _draw_waypoints(self, ax: Axes, shown: Picture) -> list[Any]:
        left, right, bottom, top = self.world.maze.extent
        share = min(1.0, ZOOM / self.world.maze.walls.shape[1])
        width, height = share * (right - left), share * (top - bottom)
        x, y = shown.start - [width / 2, height / 2]
        x, y = np.clip(x, left, right - width), np.clip(y, bottom, top - height)
        ax.set(xlim=(x, x + width), ylim=(y, y + height))
        count = f"{shown.effective:.0f} of {len(shown.weights)}"
        ax.set_title(f"around the start: waypoints, π_sub towards them\n(effective number: {count})")
        dots = ax.scatter(shown.waypoints[:, 0], shown.waypoints[:, 1], s=22, zorder=3)
        here = self.world.maze.index[shown.choice.start]
        some = slice(None, None, max(1, len(shown.weights) // FAN))
        fan = ax.quiver(
            *np.broadcast_to(shown.start, shown.teachers[some].shape).T, *(7 * _clipped(shown.teachers[some])).T,
            width=0.2, zorder=4, **_AT_SCALE,
        )  # fmt: skip
        for artist, weights in ((dots, shown.weights), (fan, shown.weights[some])):
            artist.set(array=weights.clip(*WEIGHTS), norm=LogNorm(*WEIGHTS), cmap=style.VALUES)
        return [dots, fan, *self._arrows(ax, shown, np.array([here]), 7.0, 0.9)]

    def _draw_policies(self, ax: Axes, shown: Picture) -> list[Any]:
        size = self.world.maze.cell_size
        wrong = self.world.maze.cell_to_xy(self.world.maze.free_cells[shown.disagree])  # (cells, 2)
        patches = [
            ax.add_patch(Rectangle((x - size / 2, y - size / 2), size, size, color=DISAGREE, lw=0, zorder=1))
            for x, y in wrong
        ]
        count = f"{len(wrong)} of {len(shown.flat)}"
        ax.set_title(f"thick black: mean of teachers; thin orange: π\npink: over 90° apart, in {count} cells")
        return [*patches, *self._arrows(ax, shown, np.arange(len(shown.flat)), 3.4)]

    def _arrows(
        self, ax: Axes, shown: Picture, cells: NDArray[np.int64], reach: float, width: float = 0.55
    ) -> list[Any]:
        """The teachers' and π's actions at some cells; an action of length 1 is drawn `reach` maze units long."""
        at = self._centres[cells]
        made: list[Any] = []
        for field, color, thick in ((shown.teacher, TEACHER, width), (shown.flat, FLAT, width / 2)):
            arrows = reach * _clipped(field[cells])
            made.append(ax.quiver(*at.T, *arrows.T, color=color, width=thick, zorder=5, **_AT_SCALE))
        return made

    def _draw_rollouts(self, ax: Axes, shown: Picture) -> list[Any]:
        made: list[Any] = []
        for name, path in shown.paths.items():
            look, steps = style.method(name), shown.steps[name]
            outcome = f"{steps} steps" if steps is not None else "lost"
            made += ax.plot(*path.T, color="white", lw=4.5, zorder=4)
            made += ax.plot(*path.T, color=look.color, lw=2.2, ls=look.line, label=f"{look.label}: {outcome}", zorder=5)
            if steps is None:
                made += ax.plot(*path[-1], "X", color=look.color, markeredgecolor="white", ms=11, zorder=6)
        ax.set_title("")
        ax.legend(
            loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=len(shown.paths), columnspacing=1, handlelength=1.4
        )
        return made


def _clipped(actions: NDArray[np.float64]) -> NDArray[np.float64]:
    """Actions (N, 2), none of them longer than 1."""
    return actions / np.maximum(np.linalg.norm(actions, axis=1, keepdims=True), 1)
