"""The maze explorer: what it computes, where clicks go, and what is left of it without a front end."""

import base64
import re

import matplotlib as mpl
import nbformat
import numpy as np
import pytest
import torch
from nbclient import NotebookClient

from saw_edu.agents import GCIVL, SAW
from saw_edu.course.ch16 import maze_scene
from saw_edu.course.ch16.maze_explorer import MazeExplorer, maze_explorer
from saw_edu.course.ch16.maze_panels import Panels
from saw_edu.course.ch16.maze_scene import Cell, Choice, Scene
from saw_edu.data import Trajectories
from saw_edu.envs import Maze, PointMaze, navigate
from saw_edu.rollouts import evaluate
from saw_edu.training import Policy
from saw_edu.viz.clickable import ClickablePicture

mpl.use("agg")

ROWS = ["#######", "#...#.#", "#.#...#", "#.....#", "#######"]  # row 0 is at the bottom
START, GOAL = (1, 1), (1, 5)
SEEDS = 2


@pytest.fixture(scope="module")
def parts() -> tuple[PointMaze, Trajectories, list[Policy], dict[str, list[Policy]]]:
    """A small maze with its data, and networks that were never trained: for two seeds."""
    maze = Maze.from_rows(ROWS, name="small", tasks=((START, GOAL),))
    world = PointMaze(maze, step_size=1.0, max_steps=40)
    data = navigate(world, 30, 60, 0.3, torch.Generator().manual_seed(0))
    sizes = {"value_hidden_dims": (16,), "policy_hidden_dims": (16,)}
    flat = GCIVL(**sizes)
    saw = SAW(subgoal_policy_hidden_dims=(16,), rep_dim=None, subgoal_steps=4, **sizes)

    def untrained(agent, seed: int) -> Policy:
        return Policy(agent, agent.networks(world.spec, torch.Generator().manual_seed(seed)).requires_grad_(False))

    value = [untrained(flat, seed) for seed in range(SEEDS)]
    policies = {name: [untrained(a, 10 + s) for s in range(SEEDS)] for name, a in (("gcivl", flat), ("saw", saw))}
    return world, data, value, policies


@pytest.fixture(scope="module")
def scene(parts) -> Scene:
    return Scene(*parts)


@pytest.fixture
def explorer(scene) -> MazeExplorer:
    """One that is shown by a widget, without anyone to look at it."""
    made = MazeExplorer(scene, Choice(START, GOAL))
    made.widget = ClickablePicture(made.click, made.move, label="a maze")
    return made


def fraction(panels: Panels, panel: int, xy) -> tuple[float, float]:
    """Where in the picture, counted from its lower left corner, a position in one of the mazes is drawn."""
    pixel = panels.axes[panel].transData.transform(xy)
    x, y = panels.figure.transFigure.inverted().transform(pixel)
    return float(x), float(y)


def centre(scene: Scene, cell: Cell) -> np.ndarray:
    return scene.world.maze.cell_to_xy(np.array(cell, float)).copy()


# What is computed


def test_a_place_in_a_cell_finds_that_cell_and_a_place_in_a_wall_the_nearest_free_one(scene) -> None:
    assert scene.nearest_free_cell(0.0, 0.0) == ((1, 1), True)
    assert scene.nearest_free_cell(1.9, -1.9) == ((1, 1), True), "to its very edge"
    assert scene.nearest_free_cell(16.0, 8.0) == ((3, 5), True)
    assert scene.nearest_free_cell(12.0, 1.5) == ((2, 4), False), "the wall at (1, 4), near its upper edge"
    assert scene.nearest_free_cell(10.3, 0.0) == ((1, 3), False), "the same wall, near its left edge"
    assert scene.nearest_free_cell(-5.0, -5.0) == ((1, 1), False), "the corner"


def test_weights_are_those_of_waypoints_k_steps_ahead_that_stay_in_their_episode(scene) -> None:
    world, data, choice = scene.world, scene.data, Choice(START, GOAL, 1)
    shown = scene.compute(choice)
    value, goal = scene.value[1].value, world.observe(torch.tensor(centre(scene, GOAL)).float()[None])
    positions = world.states_of(data.observations)
    expected = []
    for row in range(len(positions)):
        end = int(data.episode_ends[torch.searchsorted(data.episode_ends, row, right=True)])
        if row < end - 1 and positions[row].norm() < 2.0:  # the start is at the origin; the last row has no action
            way = min(row + 4, end - 2)  # an episode's last state is no goal and no waypoint
            gain = value(data.observations[way][None], goal) - value(data.observations[row][None], goal)
            expected.append([*positions[way].tolist(), min(float((3.0 * gain).exp()), 100.0)])
    assert 20 < len(expected) <= 400, "few enough to be drawn all"
    found = np.column_stack([shown.waypoints, shown.weights])
    by_place = [table[np.lexsort(table.T)] for table in (found, np.array(expected))]
    assert np.allclose(*by_place, rtol=1e-4)
    assert (np.diff(shown.weights) >= 0).all(), "the heaviest is drawn last, on top"


def test_the_teacher_is_the_weighted_mean_of_pi_sub_over_the_waypoints(parts, monkeypatch) -> None:
    for name in ("WAYPOINTS", "WAYPOINTS_PER_CELL"):
        monkeypatch.setattr(maze_scene, name, 10_000)  # all that there are, here and there
    scene = Scene(*parts)
    shown = scene.compute(Choice((3, 3), GOAL))
    mean = (shown.weights[:, None] * shown.teachers).sum(0) / shown.weights.sum()
    here = scene.world.maze.index[3, 3]
    assert shown.teacher.shape == (len(scene.world.maze.free_cells), 2)
    assert shown.teacher[here] == pytest.approx(mean, abs=1e-5)
    assert shown.teachers.std(0).max() > 1e-4, "the teachers differ, or any mean would do"


def test_effective_number_and_disagreement_of_known_cases(scene) -> None:
    from dataclasses import replace

    shown = scene.compute(Choice(START, GOAL))
    assert replace(shown, weights=np.full(7, 0.3)).effective == pytest.approx(7)
    assert replace(shown, weights=np.array([1e-9, 5.0])).effective == pytest.approx(1)
    assert replace(shown, weights=np.zeros(0)).effective == 0
    teacher, flat = np.array([[1.0, 0], [1, 0], [0, 0]]), np.array([[0.1, 5.0], [-0.1, 5], [1, 0]])
    assert replace(shown, teacher=teacher, flat=flat).disagree.tolist() == [False, True, False]


def test_values_and_rollouts_are_those_of_the_seed(scene) -> None:
    world, start, goal = scene.world, *(torch.tensor(centre(scene, c)).float()[None] for c in (START, GOAL))
    shown = [scene.compute(Choice(START, GOAL, seed)) for seed in range(SEEDS)]
    for seed in range(SEEDS):
        value = float(scene.value[seed].value(world.observe(start), world.observe(goal)))
        assert shown[seed].values[4, 4] == pytest.approx(value, abs=1e-5), "the middle of cell (1, 1)"
        assert np.isnan(shown[seed].values[:3]).all(), "a wall"
        result = evaluate([scene.policies["saw"][seed]], world, start, goal, keep_paths=True, progress=False)
        taken = int(result.episodes["steps"].iloc[0])
        assert np.allclose(shown[seed].paths["saw"], result.paths[0, 0, : taken + 1])
        assert (shown[seed].steps["saw"] is None) == (result.success == 0)
    assert not np.allclose(shown[0].paths["saw"], shown[1].paths["saw"])
    assert shown[0].distance == 6


def test_what_does_not_fit_is_refused(parts, scene) -> None:
    world, data, value, policies = parts
    with pytest.raises(ValueError, match='must have "saw"'):
        Scene(world, data, value, {"gcivl": policies["gcivl"]})
    with pytest.raises(ValueError, match='must have "saw"'):
        Scene(world, data, value, {"saw": policies["gcivl"]})
    with pytest.raises(ValueError, match="equally many seeds"):
        Scene(world, data, value[:1], policies)
    with pytest.raises(ValueError, match="without teleports"):
        Scene(PointMaze("teleport"), data, value, policies)
    with pytest.raises(ValueError, match="not a free cell"):
        MazeExplorer(scene, Choice((0, 0), GOAL))
    bare = PointMaze(Maze.from_rows(ROWS), step_size=1.0)
    with pytest.raises(ValueError, match=r"no tasks: give start="):
        maze_explorer(bare, data, value=value, policies=policies, goal=GOAL)


# What a person does


@pytest.mark.parametrize("panel", range(4))
def test_a_click_into_each_of_the_mazes_goes_to_the_cell_below_it(explorer, panel) -> None:
    assert explorer.moving == "goal"
    explorer.click(*fraction(explorer.panels, panel, centre(explorer.scene, (3, 2)) + 1.5))
    assert explorer.choice == Choice(START, (3, 2))
    assert explorer.widget.status == "Start (0, 0), goal (4, 8), 3 cells apart."
    explorer.moving = "start"
    explorer.click(*fraction(explorer.panels, panel, centre(explorer.scene, (2, 4)) - 1.5))
    assert explorer.choice == Choice((2, 4), (3, 2))
    assert "a start at (12, 4) and a goal at (4, 8), 3 cells apart" in explorer.widget.alt


def test_clicks_follow_the_part_of_a_large_maze_that_is_shown_around_the_start(parts) -> None:
    world = PointMaze("giant", step_size=1.0, max_steps=5)
    data = navigate(world, 20, 50, 0.3, torch.Generator().manual_seed(0))
    made = MazeExplorer(Scene(world, data, *parts[2:]), Choice((1, 1), (1, 1)))
    made.moving = "start"
    for start in map(tuple, world.maze.free_cells[[0, 40, -1]].tolist()):
        made.choose(start=start)
        made.click(*fraction(made.panels, 1, centre(made.scene, start)))
        assert made.choice.start == start
        left, right, bottom, top = world.maze.extent
        (low, high), (floor, ceiling) = made.panels.axes[1].get_xlim(), made.panels.axes[1].get_ylim()
        assert (high - low) / 4 == pytest.approx(7)
        assert left <= low + 1e-9 and high <= right + 1e-9 and bottom <= floor + 1e-9 and ceiling <= top + 1e-9  # noqa: PT018


def test_a_click_on_a_wall_takes_the_nearest_free_cell_and_says_so(explorer) -> None:
    explorer.click(*fraction(explorer.panels, 0, (12.0, 1.5)))
    assert explorer.choice.goal == (2, 4)
    assert explorer.widget.status.startswith(
        "That was a wall: the nearest free cell is taken. Start (0, 0), goal (12, 4)"
    )


def test_a_click_beside_the_mazes_changes_nothing_and_says_so(explorer) -> None:
    png = explorer.widget.png
    explorer.click(0.001, 0.999)
    assert explorer.choice == Choice(START, GOAL)
    assert explorer.widget.png == png
    assert explorer.widget.status.startswith("That was beside the mazes")
    assert explorer.widget.drawn == 1, "the front end waits for an answer"


def test_arrow_keys_move_by_one_cell_and_stop_at_walls(explorer) -> None:
    explorer.move(-1, 0)  # the wall at (1, 4)
    assert explorer.choice.goal == (1, 5)
    assert explorer.widget.status.startswith("There is a wall: the goal stays where it is. Start (0, 0), goal (16, 0)")
    explorer.move(0, 1)
    assert explorer.choice.goal == (2, 5)
    explorer.moving = "start"
    explorer.move(1, 0)
    assert explorer.choice == Choice((1, 2), (2, 5))
    assert explorer.widget.drawn == 3


def test_start_and_goal_may_be_the_same_cell(explorer) -> None:
    explorer.choose(goal=START)
    assert explorer.shown.distance == 0
    assert explorer.shown.steps == {"gcivl": 0, "saw": 0}


def test_a_choice_that_cannot_be_leaves_everything_as_it_was(explorer) -> None:
    for wrong, message in (({"goal": (0, 0)}, "not a free cell"), ({"seed": 2}, "seed 2 is not among 0 to 1")):
        with pytest.raises(ValueError, match=message):
            explorer.choose(**wrong)
    assert explorer.choice == Choice(START, GOAL)


def test_the_widget_turns_requests_into_calls_and_shows_errors() -> None:
    seen = []

    def failing(dx: int, dy: int) -> None:
        raise RuntimeError("no such way")

    picture = ClickablePicture(lambda x, y: seen.append((x, y)), failing, label="a maze")
    picture.receive({"kind": "click", "x": 0.25, "y": 0.1})
    assert seen == [(0.25, 0.9)], "the browser counts from the top, the figure from the bottom"
    with pytest.raises(RuntimeError):
        picture.receive({"kind": "move", "by": [1, 0]})
    assert picture.status == "RuntimeError: no such way"
    assert picture.drawn == 1


# What is shown


def test_in_a_script_there_is_one_picture_with_alt_text(parts, monkeypatch, capsys) -> None:
    outputs = []
    monkeypatch.setattr(
        "IPython.display.DisplayHandle.display", lambda self, data, metadata, raw: outputs.append((data, metadata))
    )
    world, data, value, policies = parts
    made = maze_explorer(world, data, value=value, policies=policies)
    ((data, metadata),) = outputs
    assert base64.b64decode(data["image/png"]).startswith(b"\x89PNG")
    assert made.choice == Choice(START, GOAL), "the maze's first task"
    assert metadata["image/png"]["alt"] == made.alt()
    assert "a start at (0, 0) and a goal at (16, 0), 6 cells apart, seed 0" in made.alt()
    assert data["text/html"].startswith("<img "), "nothing that could hide it"
    assert made.widget is None
    assert capsys.readouterr().out == ""


CELL = """
import os
os.environ.update({environment!r})
import torch
from saw_edu.agents import SAW
from saw_edu.envs import Maze, PointMaze, navigate
from saw_edu.training import Policy
from saw_edu.course.ch16.maze_explorer import maze_explorer
world = PointMaze(Maze.from_rows({rows!r}), step_size=1.0, max_steps=10)
data = navigate(world, 20, 50, 0.3, torch.Generator().manual_seed(0))
agent = SAW((16,), (16,), (16,), rep_dim=None)
seeds = [Policy(agent, agent.networks(world.spec, torch.Generator().manual_seed(s))) for s in range(2)]
made = maze_explorer(world, data, value=seeds, policies={{"saw": seeds}}, start=(1, 1), goal=(1, 2))
made
"""


def run(environment: dict[str, str], *more: str) -> list:
    cells = [CELL.format(environment=environment, rows=ROWS), *more]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in cells])
    NotebookClient(notebook, timeout=120, kernel_name="python3", store_widget_state=False).execute()
    return notebook.cells[0].outputs


def test_in_a_kernel_the_saved_picture_follows_what_is_done_to_the_widget() -> None:
    steps = 'made.controls["moving"].value = "start"; made.widget.receive({"kind": "move", "by": [0, 1]})'
    widget, picture = run({}, steps + '; made.controls["seed"].value = 1')
    assert "application/vnd.jupyter.widget-view+json" in widget.data
    alt = re.search('alt="([^"]*)"', picture.data["text/html"])[1]
    assert "a start at (0, 4) and a goal at (4, 0), 2 cells apart, seed 1" in alt
    assert picture.metadata["image/png"]["alt"] == alt
    assert re.match(r'<div class="saw-edu-still-\w+"><img ', picture.data["text/html"])


def test_pairs_are_chosen_from_a_list_and_roll_outs_may_be_drawn(parts) -> None:
    world, data, value, policies = parts
    pairs = {"there": (START, GOAL), "back": (GOAL, START)}
    made = maze_explorer(world, data, value=value, policies=policies, pairs=pairs, temperature=0.5)
    assert made.choice == Choice(START, GOAL)
    made._make_controls()
    made.controls["pair"].value = "back"
    assert made.choice == Choice(GOAL, START)
    greedy = Scene(world, data, value, policies).compute(made.choice)
    drawn = [Scene(world, data, value, policies, 0.5).compute(made.choice).paths["saw"] for _ in range(2)]
    assert np.array_equal(*drawn), "the same hand for the same choice"
    assert drawn[0].shape != greedy.paths["saw"].shape or not np.allclose(drawn[0], greedy.paths["saw"])


def test_in_a_kernel_told_to_be_static_there_is_only_the_picture() -> None:
    (picture,) = run({"SAW_EDU_STATIC": "1"})
    assert picture.data["text/html"].startswith("<img ")
