"""A picture in a notebook that can be clicked, and steered with the arrow keys."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import anywidget
import traitlets


class ClickablePicture(anywidget.AnyWidget):
    """Shows a PNG and says where it was clicked and which arrow key was pressed.

    The front end waits for an answer before it sends the next request, and of the requests meanwhile it keeps the last.
    So each request must be answered by `answer`, also one that changes nothing.

    Args:
        on_click: called with x and y in [0, 1]: the place in the picture, from its left and from its *bottom* edge.
        on_move: called with (dx, dy), one of (-1, 0), (1, 0), (0, -1), (0, 1); y grows upwards.
        label: says to a screen reader what can be done here.
        still: the CSS class of a picture elsewhere on the page that this one replaces as long as it is on show.
    """

    _esm = Path(__file__).with_name("clickable.js")
    png = traitlets.Bytes().tag(sync=True)
    alt = traitlets.Unicode().tag(sync=True)
    status = traitlets.Unicode().tag(sync=True)  # one line below the picture, read out when it changes
    width = traitlets.Int(640).tag(sync=True)  # in CSS pixels
    aspect = traitlets.Float(1.0).tag(sync=True)  # width / height
    label = traitlets.Unicode().tag(sync=True)
    still = traitlets.Unicode("none").tag(sync=True)
    drawn = traitlets.Int(0).tag(sync=True)  # counts answers

    def __init__(
        self,
        on_click: Callable[[float, float], None],
        on_move: Callable[[int, int], None],
        *,
        label: str,
        still: str = "none",
    ) -> None:
        super().__init__(label=label, still=still)
        self._on_click, self._on_move = on_click, on_move
        self.on_msg(lambda _, content, buffers: self.receive(content))

    def receive(self, content: dict[str, Any]) -> None:
        """Pass a request of the front end on. An error reaches the reader, and the picture stays usable."""
        try:
            if content["kind"] == "click":
                self._on_click(float(content["x"]), 1 - float(content["y"]))
            else:
                dx, dy = content["by"]
                self._on_move(int(dx), int(dy))
        except Exception as error:
            self.answer(status=f"{type(error).__name__}: {error}")
            raise

    def answer(self, **traits: Any) -> None:
        """Show what changed: any of png, alt, status, width and aspect."""
        with self.hold_sync():
            for name, value in traits.items():
                setattr(self, name, value)
            self.drawn += 1
