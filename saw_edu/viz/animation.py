"""Moving pictures for notebooks: GIFs, which play in any viewer and need no kernel."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Sequence

import numpy as np
from IPython.display import display
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont


def captioned(picture: NDArray[np.uint8], *lines: str, size: int = 15) -> NDArray[np.uint8]:
    """A picture (H, W, 3) with lines of text below it, on white."""
    font = ImageFont.load_default(size)
    height = picture.shape[0]
    canvas = Image.new("RGB", (picture.shape[1], height + len(lines) * (size + 6) + 6), "white")
    canvas.paste(Image.fromarray(picture), (0, 0))
    pen = ImageDraw.Draw(canvas)
    for i, line in enumerate(lines):
        pen.text((6, height + 3 + i * (size + 6)), line, fill=(45, 50, 58), font=font)
    return np.asarray(canvas)


def to_gif(frames: Sequence[NDArray[np.uint8]], frames_a_second: float) -> bytes:
    """Frames (H, W, 3) of one size as a GIF that plays again and again. Equal frames give equal bytes.

    Raises:
        ValueError: no frames.
    """
    if len(frames) == 0:
        raise ValueError("an animation needs at least one frame")
    images = [Image.fromarray(frame).quantize(64, Image.Quantize.MAXCOVERAGE) for frame in frames]
    data = io.BytesIO()
    images[0].save(data, "gif", save_all=True, append_images=images[1:], duration=round(1000 / frames_a_second), loop=0)
    return data.getvalue()


def animate(frames: Sequence[NDArray[np.uint8]], alt: str, frames_a_second: float = 5.0) -> None:
    """Show frames as an animation, with alt text for readers who cannot see it.

    Raises:
        ValueError: no frames, or no alt text.
    """
    if not alt.strip():
        raise ValueError('every animation needs an alt text: alt="what a reader who cannot see it should know"')
    gif = base64.b64encode(to_gif(frames, frames_a_second)).decode()
    image = (
        f'<img src="data:image/gif;base64,{gif}" width="{frames[0].shape[1]}" alt="{html.escape(alt, quote=True)}" '
        'style="max-width:100%;height:auto">'
    )
    display({"text/html": image, "text/plain": f"Animation: {alt}"}, raw=True)
