"""The explorer: controls, debouncing, and what is left of it without a front end."""

import asyncio
import base64
import re

import ipywidgets
import matplotlib as mpl
import nbformat
import pytest
from nbclient import NotebookClient

from saw_edu.viz import explorer
from saw_edu.viz.widgets import STATIC

mpl.use("agg")


def draw(ax, gain=1.0, **others) -> None:
    ax.bar([0], [gain])
    ax.set(xlabel="x", ylabel="gain", ylim=(0, 10))


class Shown:
    """Stands in for the notebook: keeps what is displayed and what replaces it."""

    def __init__(self, monkeypatch) -> None:
        self.outputs: list[dict] = []
        self.metadata: list[dict] = []
        self.updates = 0
        monkeypatch.setattr("IPython.display.DisplayHandle.display", self.display)
        monkeypatch.setattr("IPython.display.DisplayHandle.update", self.update)

    def display(self, data, metadata, raw) -> None:
        self.outputs.append(data)
        self.metadata.append(metadata)

    def update(self, data, metadata, raw) -> None:
        self.updates += 1
        self.outputs[-1] = data
        self.metadata[-1] = metadata


@pytest.fixture
def shown(monkeypatch) -> Shown:
    return Shown(monkeypatch)


def test_without_a_front_end_there_is_one_picture(shown, capsys) -> None:
    made = explorer(draw, alt="A bar of height {gain}.", gain=(1.0, 9.0))
    assert len(shown.outputs) == 1
    assert base64.b64decode(shown.outputs[0]["image/png"]).startswith(b"\x89PNG")
    assert shown.metadata[0]["image/png"]["alt"] == "A bar of height 1.0."
    assert made.values == {"gain": 1.0}
    assert capsys.readouterr().out == "", "no text of a widget that nobody sees"


def test_many_quick_changes_are_drawn_once_and_the_last_one_is_seen(shown) -> None:
    made = explorer(draw, alt=lambda gain: f"gain {gain}", delay=0.03, gain=(0, 10))
    before = shown.outputs[0]["image/png"]

    async def drag() -> None:
        for value in range(1, 8):
            made.controls["gain"].value = value
            await asyncio.sleep(0)
        assert shown.updates == 0, "not for each of them"
        await asyncio.sleep(0.3)

    asyncio.run(drag())
    assert shown.updates == 1
    assert made.redraws == 2, "the first figure and one more"
    assert shown.metadata[0]["image/png"]["alt"] == "gain 7"
    assert shown.outputs[0]["image/png"] != before
    assert len(shown.outputs) == 1, "the figure is replaced, not added"


def test_a_long_drag_is_followed_while_it_lasts(shown) -> None:
    made = explorer(draw, alt="{gain}", delay=0.01, gain=(0, 100))

    async def drag() -> None:
        for value in range(1, 11):
            made.controls["gain"].value = value
            await asyncio.sleep(0.006)
        assert shown.updates > 1, "a slider that never rests must not starve the figure"
        await asyncio.sleep(0.3)

    asyncio.run(drag())
    assert shown.metadata[0]["image/png"]["alt"] == "10"


def test_without_an_event_loop_it_redraws_at_once(shown) -> None:
    made = explorer(draw, alt="x", gain=(0, 10, 1, 4))
    assert made.values == {"gain": 4}
    made.controls["gain"].value = 5
    assert shown.updates == 1


def test_short_forms_of_controls(shown) -> None:
    given = ipywidgets.IntText(3)
    made = explorer(
        draw, alt="x", gain=(0.0, 1.0, 0.1), steps=(1, 5), kind=["a", "b"], noisy=True, own=given
    )  # fmt: skip
    kinds = [type(made.controls[name]).__name__ for name in ("gain", "steps", "kind", "noisy", "own")]
    assert kinds == ["FloatSlider", "IntSlider", "Dropdown", "Checkbox", "IntText"]
    assert made.values == {"gain": 0.0, "steps": 1, "kind": "a", "noisy": True, "own": 3}
    with pytest.raises(ValueError, match="control 'gain'"):
        explorer(draw, alt="x", gain="high")
    with pytest.raises(ValueError, match="at least one control"):
        explorer(draw, alt="x")
    with pytest.raises(ValueError, match="alt text"):
        explorer(draw, alt="", gain=(0, 1))


CELL = """
import os
os.environ.update({environment!r})
from saw_edu.viz import explorer
def draw(ax, gain):
    ax.bar([0], [gain])
made = explorer(draw, alt="A bar of height {{gain}}.", gain=(1, 9))
made
"""


def run(environment: dict[str, str], *more: str) -> list:
    cells = [CELL.format(environment=environment), *more]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in cells])
    NotebookClient(notebook, timeout=120, kernel_name="python3", store_widget_state=False).execute()
    return notebook.cells[0].outputs


def test_in_a_kernel_the_figure_is_an_ordinary_output_that_a_slider_replaces() -> None:
    controls, figure = run({}, "import asyncio; made.controls['gain'].value = 7; await asyncio.sleep(1)")
    assert "application/vnd.jupyter.widget-view+json" in controls.data
    assert re.search('alt="([^"]*)"', figure.data["text/html"])[1] == "A bar of height 7."


def test_in_a_kernel_told_to_be_static_there_is_only_the_figure() -> None:
    (figure,) = run({STATIC: "1"})
    assert re.search('alt="([^"]*)"', figure.data["text/html"])[1] == "A bar of height 1."
