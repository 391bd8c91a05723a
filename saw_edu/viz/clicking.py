"""A figure that answers clicks: the place that was clicked is one more number that it is drawn from."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import ipywidgets
from IPython.display import DisplayHandle, display
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from saw_edu.viz import style
from saw_edu.viz.clickable import ClickablePicture
from saw_edu.viz.widgets import Explorer, is_static, make_controls

Point = tuple[float, float]


class ClickExplorer(Explorer):
    """Controls, a figure that can be clicked, and the place of the last click. Made by `click_explorer`."""

    def __init__(
        self,
        draw: Callable[..., Any],
        controls: dict[str, ipywidgets.Widget],
        alt: str | Callable[..., str],
        figsize: tuple[float, float],
        delay: float,
        point: Point,
        nearest: Callable[[Point], Point],
        step: float,
        label: str,
    ) -> None:
        super().__init__(draw, controls, alt, figsize, delay)
        self.point = nearest(point)
        self.picture: ClickablePicture | None = None
        self._nearest, self._step, self._label = nearest, step, label
        self._still = "{}"  # the HTML around the picture that the notebook keeps
        self._shown: Figure | None = None

    @property
    def values(self) -> dict[str, Any]:
        """What the controls say, and the place of the last click."""
        return {"point": self.point, **super().values}

    def figure(self) -> Figure:
        """The figure for the present values; clicks are read off its axes."""
        self._shown = super().figure()
        FigureCanvasAgg(self._shown)
        return self._shown

    def click(self, x: float, y: float) -> None:
        """Take the place at x, y in [0, 1], counted from the figure's lower left corner, if it lies in some axes."""
        assert self._shown is not None, "show it first"
        pixel = self._shown.transFigure.transform((x, y))
        for axes in self._shown.axes:
            if axes.get_navigate() and axes.bbox.contains(*pixel):
                self.choose(tuple(axes.transData.inverted().transform(pixel)))
                return
        self._tell("That was beside the picture's axes: click inside them.")

    def move(self, dx: int, dy: int) -> None:
        """Go one step from the present place: what the arrow keys do."""
        self.choose((self.point[0] + dx * self._step, self.point[1] + dy * self._step))

    def choose(self, point: Point) -> None:
        """Take the possible place nearest to a point, in the axes' units, and redraw."""
        self.point = self._nearest((float(point[0]), float(point[1])))
        self.redraw()

    def show(self) -> None:
        """Show controls and figure; only the figure where nobody can use them."""
        if not is_static():
            still = f"saw-edu-still-{uuid.uuid4().hex}"
            self._still = f'<div class="{still}">{{}}</div>'
            self.picture = ClickablePicture(self.click, self.move, label=self._label, still=still)
            display(ipywidgets.VBox([*self.controls.values(), self.picture]))
        self._handle = DisplayHandle()
        data, metadata = self._output()
        self._handle.display(data, metadata=metadata, raw=True)

    def redraw(self) -> None:
        """Put the figure for the present values in the place of the one on show."""
        self._waiting = None
        if self._handle is not None:
            data, metadata = self._output()
            self._handle.update(data, metadata=metadata, raw=True)

    def _output(self) -> tuple[dict[str, str], dict[str, Any]]:
        """Draw. What the notebook keeps; the widget, while on show, hides that picture (see `ClickablePicture`)."""
        figure = self.figure()
        png, alt = style.to_png(figure), self.alt()
        if self.picture is not None:
            width, height = figure.get_size_inches()
            self.picture.answer(png=png, alt=alt, status=alt, width=round(96 * width), aspect=width / height)
        data, metadata = style.bundle(figure, alt, png)
        if "text/html" in data:
            data = data | {"text/html": self._still.format(data["text/html"])}
        return data, metadata

    def _tell(self, status: str) -> None:
        if self.picture is not None:
            self.picture.answer(status=status)


def click_explorer(
    draw: Callable[..., Any],
    *,
    point: Point,
    alt: str | Callable[..., str],
    nearest: Callable[[Point], Point] = lambda point: point,
    step: float = 1.0,
    label: str = "Click, or press an arrow key, to choose another place.",
    figsize: tuple[float, float] = (7.0, 4.2),
    delay: float = 0.06,
    **controls: Any,
) -> ClickExplorer:
    """Show a figure that is drawn anew for the place where it is clicked, with controls above it.

    As with `explorer`, the figure is an ordinary output of the cell, there for readers without a kernel.

    Args:
        draw: called as `draw(ax, point=(x, y), **values)` on empty axes.
        point: the place that the first figure is drawn for, in the axes' units.
        alt: the alt text, a string in which {point} and {name} stand for values, or a function of them. It is also the
            line below the picture.
        nearest: turns a clicked place into a possible one, such as the middle of the nearest free cell.
        step: how far an arrow key goes, in the axes' units.
        label: says to a screen reader what can be done here.
        figsize: inches.
        delay: seconds between a control's change and the redraw.
        **controls: as those of `explorer`.

    Returns:
        The `ClickExplorer`; its `choose` sets the place from code.

    Raises:
        ValueError: for a control that is none of the kinds that `explorer` knows.
    """
    made = ClickExplorer(draw, make_controls(controls), alt, figsize, delay, point, nearest, step, label)
    made.show()
    return made
