"""One look for every figure: colours that colour-blind readers can tell apart, one for each method, and alt text."""

from __future__ import annotations

import base64
import html
import io
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
from cycler import cycler
from matplotlib.figure import Figure
from PIL import Image

# Okabe and Ito, "Color universal design" (2008), https://jfly.uni-koeln.de/color/
BLACK, ORANGE, SKY, GREEN = "#000000", "#E69F00", "#56B4E9", "#009E73"
YELLOW, BLUE, VERMILION, PURPLE = "#F0E442", "#0072B2", "#D55E00", "#CC79A7"
GREY, DARK = "#7A7A7A", "#2B2F36"
WALL, FLOOR = "#444A54", "#FAFAF7"
VALUES = "viridis"  # the colour map for values: even steps in lightness, readable in grey and to the colour-blind
PALETTE = (BLUE, ORANGE, GREEN, VERMILION, PURPLE, SKY, BLACK, YELLOW)


@dataclass(frozen=True)
class MethodStyle:
    """How a method is drawn in every figure. Colour, marker and line differ, so that none of them decides alone."""

    label: str
    color: str
    marker: str
    line: str = "-"

    @property
    def plot(self) -> dict[str, Any]:
        """Keyword arguments for `ax.plot`."""
        return {"label": self.label, "color": self.color, "marker": self.marker, "linestyle": self.line}


METHODS = {
    "gcbc": MethodStyle("GCBC", BLACK, "s", ":"),
    "gcivl": MethodStyle("GCIVL", "#E9B000", "^", "--"),  # a yellower orange: further from SAW for deuteranopes
    "gciql": MethodStyle("GCIQL", SKY, "v", "--"),
    "crl": MethodStyle("CRL", PURPLE, "<", "--"),
    "qrl": MethodStyle("QRL", "#8C8300", ">", "--"),
    "hiql": MethodStyle("HIQL", BLUE, "o"),
    "ris": MethodStyle("RIS", GREEN, "P", "-."),
    "gcwae": MethodStyle("GCWAE", "#6A3D9A", "X", "-."),
    "saw": MethodStyle("SAW", VERMILION, "D"),
    "oracle": MethodStyle("oracle", GREY, "*", ":"),
}

SETTINGS: dict[str, Any] = {
    "figure.figsize": (7.0, 4.2),
    "figure.dpi": 100,
    "figure.constrained_layout.use": True,
    "savefig.dpi": 150,
    "font.size": 13,
    "axes.titlesize": 14,
    "axes.labelsize": 13,
    "xtick.labelsize": 12,
    "ytick.labelsize": 12,
    "legend.fontsize": 12,
    "legend.frameon": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": DARK,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#E3E3E0",
    "grid.linewidth": 0.8,
    "lines.linewidth": 2.2,
    "lines.markersize": 7,
    "image.cmap": VALUES,
    "axes.prop_cycle": cycler(color=PALETTE),
}


def use() -> None:
    """Make this style matplotlib's own for the rest of the session. Chapters call it in their first cell."""
    mpl.rcParams.update(SETTINGS)  # type: ignore[arg-type]


def method(name: str) -> MethodStyle:
    """The fixed style of a method. Raises ValueError for a name that has none."""
    if name.lower() not in METHODS:
        raise ValueError(f"no style for '{name}'. Methods: {', '.join(METHODS)}; for other lines pass label and color")
    return METHODS[name.lower()]


def to_png(figure: Figure, dpi: int = 144) -> bytes:
    """A figure as PNG bytes, with at most 256 colours: a third of the size, no visible difference.

    Equal figures give equal bytes: no date or software version is written.
    """
    plain = io.BytesIO()
    figure.savefig(plain, format="png", dpi=dpi, facecolor="white", metadata={"Software": None})
    small = io.BytesIO()
    palette = Image.open(plain).convert("RGB").quantize(256, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    palette.save(small, "png", optimize=True)
    return small.getvalue()


def to_html(figure: Figure, alt: str, png: bytes | None = None) -> str:
    """An <img> element with the alt text, as wide as the figure says (96 pixels an inch) but never wider than the page.

    Raises:
        ValueError: without an alt text.
    """
    if not alt.strip():
        raise ValueError('every figure needs an alt text: alt="what a reader who cannot see the figure should know"')
    data = base64.b64encode(to_png(figure) if png is None else png).decode()
    width = round(96 * figure.get_figwidth())
    return (
        f'<img src="data:image/png;base64,{data}" width="{width}" alt="{html.escape(alt, quote=True)}" '
        'style="max-width:100%;height:auto">'
    )


def bundle(figure: Figure, alt: str, png: bytes | None = None) -> tuple[dict[str, str], dict[str, Any]]:
    """What a notebook stores for a figure: data by MIME type, and metadata.

    The picture is there twice, because the two ways of showing it fail in different places. JupyterLab and nbconvert's
    default template drop the alt text of an image/png output, so a text/html one with an <img alt> comes first for
    them; viewers that show no HTML take the PNG, with the alt text in the metadata where some of them look for it.
    """
    png = to_png(figure) if png is None else png
    data = {
        "text/html": to_html(figure, alt, png),
        "image/png": base64.b64encode(png).decode(),
        "text/plain": f"Figure: {alt}",
    }
    return data, {"image/png": {"alt": alt, "width": round(96 * figure.get_figwidth())}}


def show(figure: Figure, alt: str) -> None:
    """Show a figure in a notebook, with alt text for readers who cannot see it, and close it.

    The alt text says what the figure shows and what is to be learnt from it, in one or two sentences.

    Raises:
        ValueError: without an alt text.
    """
    import matplotlib.pyplot as plt
    from IPython.display import display

    data, metadata = bundle(figure, alt)
    plt.close(figure)  # or the notebook would show it a second time, without the alt text
    display(data, metadata=metadata, raw=True)
