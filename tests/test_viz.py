"""Figures: what they show, that they are labelled, and that their alt text survives in a notebook."""

import base64
import io
import itertools
import re

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
import torch
from matplotlib import pyplot as plt
from matplotlib.colors import to_rgb
from matplotlib.quiver import Quiver
from PIL import Image

from saw_edu.envs import GridMaze, Maze, PointMaze
from saw_edu.viz import (
    plot_curves,
    plot_maze,
    plot_policy,
    plot_rollouts,
    plot_success_by_distance,
    plot_success_by_task,
    plot_values,
    show,
    style,
)

mpl.use("agg")


@pytest.fixture
def ax():
    with mpl.rc_context():
        style.use()
        figure, axes = plt.subplots()
        yield axes
        figure.canvas.draw()
        assert axes.get_xlabel(), "every axis is named"
        assert axes.get_ylabel()
        plt.close(figure)


def success_table(**columns) -> pd.DataFrame:
    return pd.DataFrame({"mean": [0.9, 0.5, 0.1], "low": [0.8, 0.4, 0.0], "high": [1.0, 0.6, 0.3], **columns})


# --- mazes
def test_maze_has_walls_where_they_are(ax) -> None:
    maze = Maze.named("u-turn")
    assert plot_maze(ax, maze, tasks=True) is ax
    image = ax.images[0]
    assert np.array_equal(image.get_array()[..., 0] < 0.5, maze.walls)
    assert image.origin == "lower"
    assert image.get_extent() == list(maze.extent)
    drawn = {text.get_text(): text.get_position() for text in ax.texts}
    assert set(drawn) == {f"{letter}{number}" for letter in "sg" for number in range(1, 6)}
    row, column = maze.tasks[1][1]
    assert maze.xy_to_cell(np.array(drawn["g2"])).tolist() == [row, column]


@pytest.mark.parametrize("world", [GridMaze("medium"), PointMaze("medium", features="fourier")], ids=repr)
def test_values_lie_where_the_states_are(ax, world) -> None:
    goal = world.states_at(torch.tensor([[20.0, 20.0]]))[0]

    def value(observations: torch.Tensor, goals: torch.Tensor) -> torch.Tensor:
        return -world.distances(world.states_of(observations), world.states_of(goals))

    plot_values(ax, world, value, goal, label="minus distance (cells)")
    drawn = np.ma.filled(ax.images[-1].get_array().astype(float), np.nan)
    per_cell = drawn.shape[0] // world.maze.walls.shape[0]
    expected = -world.maze.bfs((6, 6)).astype(float)
    expected[world.maze.walls] = np.nan
    assert np.array_equal(drawn, expected.repeat(per_cell, 0).repeat(per_cell, 1), equal_nan=True)
    assert ax.figure.axes[-1].get_ylabel() == "minus distance (cells)"
    star = ax.collections[-1].get_offsets()
    assert star.tolist() == [[20, 20]]


@pytest.mark.parametrize("world", [GridMaze("medium"), PointMaze("medium")], ids=repr)
def test_arrows_point_along_the_shortest_path(ax, world) -> None:
    goal = world.states_at(torch.tensor([[20.0, 20.0]]))[0]
    plot_policy(ax, world, lambda o, g: world.oracle(world.states_of(o), world.states_of(g)), goal, resolution=1)
    (arrows,) = (c for c in ax.collections if isinstance(c, Quiver))
    direction = np.stack([arrows.U, arrows.V], -1)
    middle = np.stack([arrows.X, arrows.Y], -1) + direction / 2
    assert len(middle) == len(world.maze.free_cells) - 1, "one an arrow for every cell but the goal's"
    here = world.index(world.states_at(torch.as_tensor(middle)))
    onward = world.maze.free_cells[world.maze.next_cell[here, world.maze.index[6, 6]]]
    towards = world.maze.cell_to_xy(onward) - middle
    assert np.allclose(towards / 4, direction / (0.7 * 4), atol=1e-5)


def test_discrete_staying_is_a_dot(ax) -> None:
    world = GridMaze("u-turn")
    plot_policy(ax, world, lambda o, g: torch.zeros(len(o), dtype=torch.long), torch.tensor([1, 1]))
    (dots,) = ax.lines
    assert len(dots.get_xdata()) == len(world.maze.free_cells)


def test_rollouts_tell_success_from_failure(ax) -> None:
    world = PointMaze("medium", 1.0)
    paths = torch.tensor([[[0.0, 0.0], [4.0, 0.0]], [[0.0, 4.0], [0.0, 3.0]]])
    goals = torch.tensor([[4.0, 0.5], [20.0, 20.0]])
    plot_rollouts(ax, world, paths, goals)
    good, bad, cross = ax.lines
    assert good.get_color() != bad.get_color()
    assert (good.get_linestyle(), bad.get_linestyle()) == ("-", "--")
    assert bad.get_xydata().tolist() == paths[1].tolist()
    assert cross.get_xydata().tolist() == [[0, 3]]
    assert [text.get_text() for text in ax.get_legend().texts] == ["start", "goal", "reached", "not reached"]
    with pytest.raises(ValueError, match="no paths"):
        plot_rollouts(ax, world, [])


def test_rollouts_of_a_grid_stay_in_their_cells(ax) -> None:
    world = GridMaze("large")
    states = world.sample_states(30, torch.Generator().manual_seed(0))
    plot_rollouts(ax, world, torch.stack([states, states], 1), states)
    for line, state in zip(ax.lines, states, strict=True):
        assert world.maze.xy_to_cell(line.get_xydata()).tolist() == [state.tolist()] * 2


# --- curves
def test_success_by_distance(ax) -> None:
    table = success_table(distance=[2.5, 6.5, 10.5])
    for method in ("saw", "gcivl"):
        plot_success_by_distance(ax, table, method)
    plot_success_by_distance(ax, table, label="mine", color="black")
    assert [line.get_label() for line in ax.lines] == ["SAW", "GCIVL", "mine"]
    assert ax.lines[0].get_color() == style.METHODS["saw"].color
    assert ax.lines[0].get_xydata().tolist() == [[2.5, 0.9], [6.5, 0.5], [10.5, 0.1]]
    band = ax.collections[0].get_paths()[0].vertices
    assert (band[:, 1].min(), band[:, 1].max()) == (0, 1)
    assert "cells" in ax.get_xlabel()
    with pytest.raises(ValueError, match=r"lacks the columns \['distance'\]"):
        plot_success_by_distance(ax, success_table(), "saw")
    with pytest.raises(ValueError, match="no style for 'ppo'"):
        plot_success_by_distance(ax, table, "ppo")


def test_success_by_task(ax) -> None:
    table = success_table(task=[1, 2, 3])
    plot_success_by_task(ax, {"saw": table, "my own": table})
    assert [bar.get_height() for bar in ax.patches] == [0.9, 0.5, 0.1] * 2
    assert [label.get_text() for label in ax.get_xticklabels()] == ["1", "2", "3"]
    assert ax.get_legend_handles_labels()[1] == ["SAW", "my own"]
    with pytest.raises(ValueError, match="'hiql' has tasks"):
        plot_success_by_task(ax, {"saw": table, "hiql": success_table(task=[1, 2, 4])})
    with pytest.raises(ValueError, match="no table"):
        plot_success_by_task(ax, {})


def test_curves_average_over_seeds(ax) -> None:
    metrics = pd.DataFrame({"seed": [0, 0, 1, 1], "step": [0, 100, 0, 100], "loss": [1.0, 0.5, 3.0, 1.5]})
    plot_curves(ax, metrics, "loss", "hiql", ylabel="loss (nats)")
    mean, first, second = ax.lines
    assert mean.get_xydata().tolist() == [[0, 2], [100, 1]]
    assert first.get_ydata().tolist() == [1, 0.5]
    assert second.get_ydata().tolist() == [3, 1.5]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("gradient steps", "loss (nats)")
    assert [text for text in ax.get_legend_handles_labels()[1] if not text.startswith("_")] == ["HIQL"]


# --- style
def test_methods_cannot_be_mistaken_for_one_another() -> None:
    looks = style.METHODS.values()
    assert set(style.METHODS) == {"gcbc", "gcivl", "gciql", "crl", "qrl", "hiql", "ris", "gcwae", "saw", "oracle"}
    assert len({look.color for look in looks}) == len({look.marker for look in looks}) == len(style.METHODS)


# Machado, Oliveira and Fernandes, "A physiologically-based model for simulation of color vision deficiency" (2009),
# severity 1: what linear RGB looks like without the cones for red, green, or blue light
CONE_LOSS = {
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.3039]],
}


def lab(linear: np.ndarray) -> np.ndarray:
    """Linear sRGB -> CIE L*a*b* (D65)."""
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    t = to_xyz @ np.clip(linear, 0, 1) / (to_xyz @ np.ones(3))
    f = np.where(t > (6 / 29) ** 3, np.cbrt(t), t / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("loss", CONE_LOSS)
def test_colours_of_the_main_comparison_differ_for_colour_blind_readers(loss: str) -> None:
    seen = {}
    for name in ("gcbc", "gcivl", "hiql", "saw"):
        rgb = np.array(to_rgb(style.METHODS[name].color))
        linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
        seen[name] = lab(np.array(CONE_LOSS[loss]) @ linear)
    for one, other in itertools.combinations(seen, 2):
        difference = np.linalg.norm(seen[one] - seen[other])
        assert difference > 20, f"{one} and {other} look alike with {loss} ({difference:.0f}; 2 is just noticeable)"


def test_pictures_are_small_faithful_and_repeatable() -> None:
    def figure():
        made, axes = plt.subplots(figsize=(4, 3))
        axes.imshow(np.linspace(0, 1, 64).reshape(8, 8))
        axes.plot([0, 7], [0, 7], "o-", color=style.VERMILION)
        plt.close(made)
        return made

    first, again = style.to_png(figure()), style.to_png(figure())
    assert first == again
    plain = io.BytesIO()
    figure().savefig(plain, dpi=144, facecolor="white")
    full = np.asarray(Image.open(plain).convert("RGB")).astype(int)
    small = np.asarray(Image.open(io.BytesIO(first)).convert("RGB")).astype(int)
    assert np.abs(full - small).max() <= 16
    assert len(first) < 0.6 * len(plain.getvalue())


# --- alt text
ALT = 'Success falls from 90 % to 10 % <"far" goals & walls>'


def notebook_with(source: str):
    """A notebook with one cell, executed in a kernel of its own."""
    import nbformat
    from nbclient import NotebookClient

    setup = "import matplotlib.pyplot as plt\nfrom saw_edu import viz\n"
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(setup + source)])
    NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    return notebook


@pytest.fixture(scope="module")
def shown():
    return notebook_with(f"figure, ax = plt.subplots()\nax.plot([1, 2])\nviz.show(figure, alt={ALT!r})")


@pytest.mark.parametrize("template", ["lab", "classic"])
def test_nbconvert_shows_the_alt_text_once(shown, template: str) -> None:
    from bs4 import BeautifulSoup
    from nbconvert import HTMLExporter

    page = BeautifulSoup(HTMLExporter(template_name=template).from_notebook_node(shown)[0], "html.parser")
    pictures = [img for img in page.find_all("img") if img["src"].startswith("data:image/png")]
    assert [img["alt"] for img in pictures] == [ALT]
    data = base64.b64decode(pictures[0]["src"].split(",")[1])
    assert Image.open(io.BytesIO(data)).format == "PNG"


def test_a_notebook_stores_the_figure_for_every_kind_of_viewer(shown) -> None:
    (output,) = shown.cells[0].outputs  # shown once: the inline backend adds no second picture
    assert output.output_type == "display_data"
    assert output.metadata["image/png"]["alt"] == ALT
    assert output.data["text/plain"] == f"Figure: {ALT}"
    assert base64.b64decode(output.data["image/png"]).startswith(b"\x89PNG")
    assert re.search(r'width="\d+"', output.data["text/html"])


@pytest.mark.parametrize("alt", ["", "  "])
def test_no_figure_without_alt_text(alt: str) -> None:
    figure, _ = plt.subplots()
    with pytest.raises(ValueError, match="alt text"):
        show(figure, alt=alt)
    plt.close(figure)
