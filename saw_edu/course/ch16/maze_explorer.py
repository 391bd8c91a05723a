"""Click a start and a goal in a maze; see the value, the weights of waypoints, the policies and roll-outs."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import ipywidgets
import numpy as np
from IPython.display import DisplayHandle, display

from saw_edu.course.ch16.maze_panels import Panels
from saw_edu.course.ch16.maze_scene import Cell, Choice, Scene
from saw_edu.data import Trajectories
from saw_edu.envs import PointMaze
from saw_edu.training import Policy
from saw_edu.viz import style
from saw_edu.viz.clickable import ClickablePicture
from saw_edu.viz.widgets import is_static


class MazeExplorer:
    """What is shown now, and what clicks and keys do to it. Made by `maze_explorer`."""

    def __init__(self, scene: Scene, choice: Choice, pairs: Mapping[str, tuple[Cell, Cell]] | None = None) -> None:
        scene.check(choice)
        self.pairs = dict(pairs or {})
        self.scene, self.choice = scene, choice
        self.panels = Panels(scene)
        self.shown = scene.compute(choice)
        self.moving = "goal"  # what a click and the arrow keys set: "start" or "goal"
        self.controls: dict[str, ipywidgets.Widget] = {}
        self.widget: ClickablePicture | None = None
        self._handle: DisplayHandle | None = None
        self._still = "{}"  # the HTML around the picture that the notebook keeps

    def click(self, x: float, y: float) -> None:
        """Set the start or the goal to the cell at x, y in [0, 1], counted from the picture's lower left corner."""
        place = self.panels.place(x, y)
        if place is None:
            self._tell("That was beside the mazes: click inside one of the four.")
            return
        cell, free = self.scene.nearest_free_cell(*place)
        self._put(cell, "" if free else "That was a wall: the nearest free cell is taken.")

    def move(self, dx: int, dy: int) -> None:
        """Move the start or the goal by one cell, unless a wall is there."""
        row, column = getattr(self.choice, self.moving)
        if self.scene.world.maze.walls[row + dy, column + dx]:  # the border is wall: this never leaves the array
            self._tell(f"There is a wall: the {self.moving} stays where it is. {self._where()}")
        else:
            self._put((row + dy, column + dx))

    def choose(
        self, *, start: Cell | None = None, goal: Cell | None = None, seed: int | None = None, message: str = ""
    ) -> None:
        """Set any of start, goal (row, column) and seed, and redraw. The message begins the line below the picture.

        Raises:
            ValueError: for a cell that is not free or a seed that is not there; nothing changes then.
        """
        given: dict[str, Any] = {"start": start, "goal": goal, "seed": seed}
        choice = replace(self.choice, **{name: value for name, value in given.items() if value is not None})
        self.scene.check(choice)
        self.choice = choice
        self.shown = self.scene.compute(choice)
        self.panels.draw(self.shown)
        png = self.panels.png()
        self._send(png, f"{message} {self._where()}".strip())
        if self._handle is not None:
            data, metadata = self._output(png)
            self._handle.update(data, metadata=metadata, raw=True)

    def _put(self, cell: Cell, message: str = "") -> None:
        if self.moving == "start":
            self.choose(start=cell, message=message)
        else:
            self.choose(goal=cell, message=message)

    def alt(self) -> str:
        """What a reader who does not see the picture should know of it."""
        ends = "; ".join(
            f"{style.method(name).label} " + ("does not arrive" if steps is None else f"arrives in {steps} steps")
            for name, steps in self.shown.steps.items()
        )
        start, goal = self._coordinates()
        return (
            f"Four pictures of the maze for a start at {start} and a goal at {goal}, {self.shown.distance} cells "
            f"apart, seed {self.choice.seed}: V as colour; {len(self.shown.weights)} waypoints around the start, "
            f"coloured by weight; arrows of π and of its teachers, which point more than 90 degrees apart in "
            f"{self.shown.disagree.sum()} of {len(self.shown.flat)} cells; roll-outs: {ends}."
        )

    def show(self) -> None:
        """Show the picture and its controls; only the picture where nobody can use them."""
        self.panels.draw(self.shown)
        if not is_static():
            still = f"saw-edu-still-{uuid.uuid4().hex}"
            self._still = f'<div class="{still}">{{}}</div>'
            label = "Maze. Click, or press an arrow key, to move the start or the goal."
            self.widget = ClickablePicture(self.click, self.move, label=label, still=still)
            self._send(self.panels.png(), self._where())
            display(ipywidgets.VBox([self._make_controls(), self.widget]))
        self._handle = DisplayHandle()
        data, metadata = self._output(style.to_png(self.panels.figure))
        self._handle.display(data, metadata=metadata, raw=True)

    def _ipython_display_(self) -> None:
        """Nothing more to show when a cell ends with it: it is on show already."""

    def _make_controls(self) -> ipywidgets.Widget:
        moving = ipywidgets.ToggleButtons(
            options=[("○ start", "start"), ("★ goal", "goal")],
            value=self.moving,
            tooltips=["clicks and arrow keys move the start", "clicks and arrow keys move the goal"],
            style={"button_width": "6em"},
        )
        seed = ipywidgets.Dropdown(
            options=range(len(self.scene.value)),
            value=self.choice.seed,
            description="seed",
            style={"description_width": "initial"},
            layout=ipywidgets.Layout(width="8em"),
        )
        moving.observe(lambda change: setattr(self, "moving", change["new"]), "value")
        seed.observe(lambda change: self.choose(seed=change["new"]), "value")
        self.controls = {"moving": moving, "seed": seed}
        if self.pairs:
            pair = ipywidgets.Dropdown(options=list(self.pairs), description="go to")
            pair.observe(lambda change: self._go_to(change["new"]), "value")
            self.controls["pair"] = pair
        label = ipywidgets.Label("A click, or an arrow key, moves the")
        row = [label, *self.controls.values()]
        return ipywidgets.HBox(row, layout=ipywidgets.Layout(flex_flow="row wrap"))

    def _go_to(self, name: str) -> None:
        start, goal = self.pairs[name]
        self.choose(start=start, goal=goal)

    def _coordinates(self) -> tuple[str, str]:
        """Start and goal as they are read off the axes."""
        start, goal = (f"({x:.0f}, {y:.0f})" for x, y in np.stack([self.shown.start, self.shown.goal]))
        return start, goal

    def _where(self) -> str:
        start, goal = self._coordinates()
        return f"Start {start}, goal {goal}, {self.shown.distance} cells apart."

    def _send(self, png: bytes, status: str) -> None:
        if self.widget is not None:
            width, height = self.panels.figure.get_size_inches()
            self.widget.answer(png=png, alt=self.alt(), status=status, width=round(96 * width), aspect=width / height)

    def _tell(self, status: str) -> None:
        """Answer a click or a key that changes nothing."""
        if self.widget is not None:
            self.widget.answer(status=status)

    def _output(self, png: bytes) -> tuple[dict[str, str], dict[str, Any]]:
        """What the notebook keeps. As long as the widget is on show, it hides this picture (see `ClickablePicture`)."""
        data, metadata = style.bundle(self.panels.figure, self.alt(), png)
        return data | {"text/html": self._still.format(data["text/html"])}, metadata


def maze_explorer(
    world: PointMaze,
    data: Trajectories,
    *,
    value: Sequence[Policy],
    policies: Mapping[str, Sequence[Policy]],
    start: Cell | None = None,
    goal: Cell | None = None,
    pairs: Mapping[str, tuple[Cell, Cell]] | None = None,
    temperature: float = 0.0,
) -> MazeExplorer:
    """Show below the cell what a value and the policies drawn from it do for a start and a goal that clicks move.

    Four pictures of the maze: V for the goal; the waypoints of the data around the start, coloured by SAW's weight
    u(s, w, g) = min(exp(β (V(w, g) - V(s, g))), 100); π(· | s, g) beside the weighted mean of its teachers
    π_sub(· | s, w); one roll-out of each policy. A click into any of them moves the start or the goal to that cell; the
    arrow keys do so by one cell once the picture has the focus.

    The picture is an ordinary output of the cell, there for readers without a kernel. In environments with
    SAW_EDU_STATIC set, and in scripts, only the picture is shown.

    Args:
        world: a point maze with vector observations, without teleports.
        data: trajectories in that maze. How many steps ahead a waypoint lies, and β, are those of the agent SAW.
        value: policies that know V, one a seed.
        policies: by method (a name of `style.METHODS`), one a seed each; "saw" must be among them.
        start: (row, column) of a free cell; that of the maze's first task unless given.
        goal: the same.
        pairs: named starts and goals to choose from a list; the first is shown first.
        temperature: of the roll-outs; 0: greedy.

    Returns:
        The `MazeExplorer`; its `choose` sets start, goal and seed from code.

    Raises:
        ValueError: another kind of world, policies without "saw", other numbers of seeds, or a cell that is not free.
    """
    scene = Scene(world, data, value, policies, temperature)
    if pairs:
        start, goal = next(iter(pairs.values()))
    first = world.maze.tasks[0] if world.maze.tasks else (None, None)
    start, goal = start or first[0], goal or first[1]
    if start is None or goal is None:
        raise ValueError(f"maze '{world.maze.name}' has no tasks: give start=(row, column) and goal=(row, column)")
    made = MazeExplorer(scene, Choice(start, goal), pairs)
    made.show()
    return made
