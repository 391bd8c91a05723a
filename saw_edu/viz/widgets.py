"""Sliders that redraw one figure: what the "Try it" cells of the chapters use."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from typing import Any

import ipywidgets
from IPython import get_ipython
from IPython.display import DisplayHandle, display
from matplotlib.figure import Figure

from saw_edu.viz import style

STATIC = "SAW_EDU_STATIC"  # set in the environment where notebooks are executed for reading, without a person at hand


class Explorer:
    """Controls and the figure that they redraw. Made by `explorer`."""

    def __init__(
        self,
        draw: Callable[..., Any],
        controls: dict[str, ipywidgets.Widget],
        alt: str | Callable[..., str],
        figsize: tuple[float, float],
        delay: float,
    ) -> None:
        self.controls = controls
        self.redraws = 0
        self._draw, self._alt, self._figsize, self._delay = draw, alt, figsize, delay
        self._handle: DisplayHandle | None = None
        self._waiting: asyncio.TimerHandle | None = None
        for control in controls.values():
            control.observe(lambda _: self._changed(), names="value")

    @property
    def values(self) -> dict[str, Any]:
        """What the controls say now."""
        return {name: control.value for name, control in self.controls.items()}

    def figure(self) -> Figure:
        """The figure for the present values, newly drawn and belonging to no pyplot window."""
        figure = Figure(figsize=self._figsize, layout="constrained")
        self._draw(figure.subplots(), **self.values)
        self.redraws += 1
        return figure

    def alt(self) -> str:
        """The alt text for the present values."""
        return self._alt(**self.values) if callable(self._alt) else self._alt.format(**self.values)

    def show(self) -> None:
        """Show controls and figure; only the figure where nobody can move a control."""
        if not is_static():
            display(ipywidgets.VBox(list(self.controls.values())))
        data, metadata = style.bundle(self.figure(), self.alt())
        self._handle = DisplayHandle()
        self._handle.display(data, metadata=metadata, raw=True)

    def _ipython_display_(self) -> None:
        """Nothing more to show when a cell ends with it: it is on show already."""

    def redraw(self) -> None:
        """Put the figure for the present values in the place of the one on show."""
        self._waiting = None
        if self._handle is not None:
            data, metadata = style.bundle(self.figure(), self.alt())
            self._handle.update(data, metadata=metadata, raw=True)

    def _changed(self) -> None:
        """Redraw soon, and once for all changes until then: a dragged slider sends more values than can be drawn."""
        if self._waiting is not None:
            return  # that redraw will see the newest values
        try:
            self._waiting = asyncio.get_running_loop().call_later(self._delay, self.redraw)
        except RuntimeError:  # no event loop: a script or a test
            self.redraw()


def explorer(
    draw: Callable[..., Any],
    *,
    alt: str | Callable[..., str],
    figsize: tuple[float, float] = (7.0, 4.2),
    delay: float = 0.06,
    **controls: Any,
) -> Explorer:
    """Show a figure with controls below the cell; moving one redraws the figure in place.

    The figure is an ordinary output of the cell. It stays in the saved notebook and is there for readers without a
    running kernel; only the controls need one. In environments with SAW_EDU_STATIC set, and in scripts, just the figure
    for the first values is shown.

    Args:
        draw: called as `draw(ax, **values)`; draws on the empty axes. Keep it under a tenth of a second.
        alt: the alt text: a string in which {name} stands for a control's value, or a function of the values.
        figsize: inches.
        delay: seconds between a change and the redraw that shows it and all that came meanwhile.
        **controls: for each argument of `draw` (low, high) or (low, high, step) for a slider that starts at low,
            (low, high, step, start); a list of choices; True or False; or any ipywidget with a value.

    Returns:
        The `Explorer`, for its `values`, `figure()` and `controls`.

    Raises:
        ValueError: for a control that is none of these, or no control at all.
    """
    if not controls:
        raise ValueError("an explorer needs at least one control, such as noise=(0.0, 1.0)")
    made = Explorer(draw, make_controls(controls), alt, figsize, delay)
    made.show()
    return made


def make_controls(given: dict[str, Any]) -> dict[str, ipywidgets.Widget]:
    """Widgets from their short forms, as `explorer` describes them."""
    return {name: _control(name, control) for name, control in given.items()}


def _control(name: str, given: Any) -> ipywidgets.Widget:
    """A widget from its short form."""
    look: dict[str, Any] = {
        "description": name.replace("_", " "),
        "style": {"description_width": "initial"},
        "layout": ipywidgets.Layout(width="28em"),
    }
    if isinstance(given, ipywidgets.Widget):
        return given
    if isinstance(given, bool):
        return ipywidgets.Checkbox(given, **look)
    if isinstance(given, list) and given:
        return ipywidgets.Dropdown(options=given, value=given[0], **look)
    if isinstance(given, tuple) and 2 <= len(given) <= 4 and all(isinstance(v, int | float) for v in given):
        low, high = given[:2]
        whole = all(isinstance(v, int) for v in given)
        step = given[2] if len(given) > 2 else (1 if whole else (high - low) / 20)
        kind = ipywidgets.IntSlider if whole else ipywidgets.FloatSlider
        return kind(min=low, max=high, step=step, value=given[3] if len(given) > 3 else low, **look)
    raise ValueError(f"control '{name}': give (low, high[, step[, start]]), a list, a bool or a widget, not {given!r}")


def is_static() -> bool:
    """Whether nobody can move a control: asked for, or no notebook kernel."""
    return bool(os.environ.get(STATIC)) or not hasattr(get_ipython(), "kernel")
