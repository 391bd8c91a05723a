"""The maze explorer in JupyterLab, in a real browser: clicks, keys, and what is saved with the notebook."""

import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from browser import CHROMIUM, CHROMIUM_OPTIONS, TOKEN, jupyterlab, needs_chromium

from saw_edu.course.ch16.maze_panels import Panels
from saw_edu.course.ch16.maze_scene import Scene

ROOT = Path(__file__).parent.parent
SOURCE = """\
import torch
torch.set_num_threads(1)
from saw_edu import viz
from saw_edu.course import giant
from saw_edu.course.ch16.maze_explorer import maze_explorer
viz.style.use()
world = giant.make_world()
data = giant.make_data(world)
results = {name: giant.load(name, world.spec).policies for name in ("value", "gcivl", "hiql", "saw")}
value = results.pop("value")
explorer = maze_explorer(world, data, value=value, policies=results, start=(1, 8), goal=(9, 14))
"""

pytestmark = [needs_chromium, pytest.mark.slow]


@pytest.fixture(scope="module")
def notebook(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("course") / "try.ipynb"
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(SOURCE)], metadata=kernel), path)
    return path


@pytest.fixture(scope="module")
def address(notebook: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """JupyterLab on the notebook's folder, with settings of its own."""
    with jupyterlab(notebook.parent, tmp_path_factory.mktemp("private"), SAW_EDU_COURSE=str(ROOT)) as base:
        yield f"{base}/lab/tree/{notebook.name}?token={TOKEN}&reset"


@pytest.fixture
def page(tmp_path: Path, address: str) -> Iterator[Any]:
    """The notebook in Chromium, its cell run; afterwards, nothing may have been asked of the network."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    asked = set()
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_OPTIONS)
        page = browser.new_page(viewport={"width": 1500, "height": 1300})
        page.set_default_timeout(240_000)
        playwright.expect.set_options(timeout=60_000)
        page.on("request", lambda request: asked.add(request.url))
        page.goto(address)
        page.get_by_text(re.compile(r"Python 3.*\| Idle")).first.wait_for()
        page.locator(".jp-Notebook-cell .cm-content").first.click()
        page.keyboard.press("Shift+Enter")
        page.locator(".saw-edu-clickable img").wait_for()
        yield page
        browser.close()
    local = re.compile(r"(https?|wss?)://(127\.0\.0\.1|localhost):|data:|blob:")
    assert not [url for url in asked if not local.match(url)], "the explorer needs no network"


@pytest.fixture(scope="module")
def panels() -> Panels:
    """The same figure as in the notebook, to know where in it a cell is drawn."""
    from saw_edu.course import giant
    from saw_edu.viz import style

    style.use()
    world = giant.make_world()
    results = {name: giant.load(name, world.spec).policies for name in ("value", "saw")}
    return Panels(Scene(world, giant.make_data(world), results.pop("value"), results))


def clicker(page: Any, panels: Panels) -> Callable[[int, float, float], None]:
    """A function that clicks a position, in maze units, in one of the four mazes."""

    def click(panel: int, x: float, y: float) -> None:
        pixel = panels.axes[panel].transData.transform((x, y))
        across, up = panels.figure.transFigure.inverted().transform(pixel)
        box = page.locator(".saw-edu-clickable img").bounding_box()
        page.mouse.click(box["x"] + across * box["width"], box["y"] + (1 - up) * box["height"])

    return click


def test_clicks_and_keys_move_start_and_goal_and_the_notebook_keeps_the_picture(
    page: Any, panels: Panels, notebook: Path
) -> None:
    from playwright.sync_api import expect

    picture, status = page.locator(".saw-edu-clickable img"), page.locator(".saw-edu-clickable p")
    still = page.locator("[class^=saw-edu-still]")
    click = clicker(page, panels)

    def pixels() -> str:
        """The picture's content as text, once it is loaded."""
        return picture.evaluate(
            "async image => { await image.decode(); const bytes = await (await fetch(image.src)).arrayBuffer();"
            " return Array.from(new Uint8Array(bytes)).join() }"
        )

    expect(status).to_have_text("Start (28, 0), goal (52, 32), 22 cells apart.")
    expect(still).to_be_hidden()
    before = pixels()

    began = time.perf_counter()
    click(3, 17.0, 1.0)  # the goal: near the centre (16, 0) of a cell
    expect(status).to_have_text("Start (28, 0), goal (16, 0), 3 cells apart.")
    print(f"seconds from a click to the new picture: {time.perf_counter() - began:.2f}")
    expect(picture).to_have_attribute("alt", re.compile(r"a start at \(28, 0\) and a goal at \(16, 0\), 3 cells apart"))
    after = pixels()
    assert after != before, "another picture"

    page.keyboard.press("ArrowRight")  # the click gave the picture the focus
    expect(status).to_have_text("Start (28, 0), goal (20, 0), 2 cells apart.")
    page.keyboard.press("ArrowDown")
    expect(status).to_contain_text("There is a wall: the goal stays where it is.")

    page.locator(".widget-toggle-button", has_text="start").click()
    click(0, 0.0, 36.0)
    expect(status).to_have_text(re.compile(r"Start \(0, 36\), goal \(20, 0\), \d+ cells apart\."))
    click(0, 28.0, 28.5)
    expect(status).to_contain_text("That was a wall: the nearest free cell is taken.")

    page.locator(".widget-dropdown select").select_option("3")
    expect(picture).to_have_attribute("alt", re.compile("seed 3"))
    shown = picture.get_attribute("alt")
    expect(page.locator(".jp-Notebook-cell")).to_have_count(2)  # the arrow keys did nothing to the notebook

    page.locator(".jp-Notebook-cell .cm-content").first.click()
    page.keyboard.press("Control+s")
    for _ in range(100):
        outputs = nbformat.read(notebook, 4).cells[0].outputs
        if outputs and shown in outputs[-1].data.get("text/html", ""):
            break
        time.sleep(0.2)
    assert shown in outputs[-1].data["text/html"], "the last picture is saved with the notebook"
    assert "image/png" in outputs[-1].data

    page.get_by_role("tab", name=re.compile("try.ipynb")).first.wait_for()
    page.evaluate("document.querySelectorAll('.saw-edu-clickable').forEach(e => e.parentElement.remove())")
    expect(still).to_be_visible()  # without the widget, the saved picture shows
