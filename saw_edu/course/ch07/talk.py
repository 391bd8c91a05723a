"""A running hierarchy that a reader can talk to, and that learns from what it was told."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from typing import Any

import ipywidgets
import torch
from IPython.display import DisplayHandle, display
from matplotlib.figure import Figure
from torch import Tensor

from saw_edu.course.ch07 import packing
from saw_edu.course.ch07.packing import Levels, Rows
from saw_edu.envs.packing import TinyPacking, rules
from saw_edu.envs.packing.language import PHRASES
from saw_edu.hierarchy.dagger import fingerprint
from saw_edu.place import did_you_mean
from saw_edu.viz import style
from saw_edu.viz.widgets import is_static


class Talk:
    """One episode at a time. `say` puts a word in force, `step` goes on, `learn` fine-tunes the high level.

    Args:
        levels: the hierarchy.
        seed: of the errands.
    """

    def __init__(self, levels: Levels, seed: int = 0) -> None:
        self.world, self.levels, self.seed = TinyPacking(), levels, seed
        self.generator = torch.Generator().manual_seed(seed)
        self.told: list[tuple[Tensor, Tensor, int]] = []  # observation, mission, word
        self.note = ""
        self.begin()

    def begin(self) -> None:
        """Another errand with two objects."""
        self.state = self.world.sample_states(1, self.generator)
        self.goal = self.world.sample_goals(1, 2, self.generator)
        self.word, self.left, self.by_person, self.steps = 0, 0, False, 0

    @property
    def done(self) -> bool:
        """Whether the errand is done."""
        return bool(self.world.reached(self.state, self.goal))

    def say(self, phrase: str) -> None:
        """Put a phrase in force, such as "get the key" or "move left".

        Raises:
            ValueError: words that it never learned, with those it knows.
        """
        phrase = " ".join(phrase.lower().replace(".", "").replace("!", "").split())
        if phrase not in PHRASES:
            known = ", ".join(PHRASES)
            raise ValueError(f"it does not know {phrase!r}{did_you_mean(phrase, PHRASES)} It knows: {known}")
        self.word, self.by_person = PHRASES.index(phrase), True
        self.left = int(packing.lasts(torch.tensor([self.word])))

    def step(self, number: int = 1) -> None:
        """So many steps, or until the errand is done."""
        for _ in range(number):
            if self.done or self.steps >= self.world.max_steps:
                return
            levels = self.levels.drawing(self.generator)
            seen, mission = self.world.observe(self.state), self.world.observe(self.goal)
            if self.left == 0:
                self.word, self.by_person = int(levels.high(seen, mission)), False
                self.left = int(packing.lasts(torch.tensor([self.word])))
            if self.by_person:
                self.told.append((seen[0], mission[0], self.word))
            action = levels.low(seen, torch.tensor([self.word]))
            self.state = self.world.step(self.state, action, self.generator)
            self.left, self.steps = self.left - 1, self.steps + 1

    def learn(self) -> str:
        """Fine-tune the high level on everything that was said; the low level stays as it is, and that is checked."""
        if not self.told:
            return "Nothing was said yet: say something, then let it go on."
        seen, missions, words = zip(*self.told, strict=True)
        told = Rows(torch.stack(seen), torch.stack(missions), torch.tensor(words))
        before = fingerprint(self.levels.low.net)
        base = packing.spoken(packing.demonstrations(self.seed))
        self.levels = packing.post_train(self.levels, base, told, self.seed)
        same = "unchanged" if fingerprint(self.levels.low.net) == before else "CHANGED"
        return f"The high level learned from {len(words)} steps under your words; the low level is {same}."

    def figure(self) -> Figure:
        """The flat from above."""
        figure = Figure(figsize=(4.6, 3.9))
        ax = figure.subplots()
        ax.imshow(self.world.picture(self.state[0], cell_pixels=36))
        ax.axis("off")
        return figure

    def caption(self) -> str:
        """What is going on, in a line."""
        who = "you" if self.by_person else "the high level"
        held = [
            name for name, at in zip(rules.THINGS, self.state[0, rules.FIRST_THING :], strict=True) if at == rules.HELD
        ]
        saying = f"{who}: “{PHRASES[self.word]}”" if self.steps or self.by_person else "nobody has said anything yet"
        end = " Done!" if self.done else ""
        hand = f", holds the {held[0]}" if held else ""
        return f"Mission: {self.world.mission(self.goal[0])}. Step {self.steps}{hand}; {saying}.{end} {self.note}"


class TalkWidget:
    """A picture that stays in the saved notebook, and under it a field to type in and buttons."""

    def __init__(self, talk: Talk) -> None:
        self.talk = talk
        self.text = ipywidgets.Combobox(options=PHRASES, placeholder="get the key, move left, ...", description="say")
        self.caption = ipywidgets.HTML()
        self.buttons = {
            name: ipywidgets.Button(description=name) for name in ("say it", "go on", "learn from it", "new errand")
        }
        for name, act in zip(self.buttons, (self._say, self._go_on, self._learn, self._begin), strict=True):
            self.buttons[name].on_click(lambda _, act=act: self._do(act))
        self._handle: DisplayHandle | None = None

    def show(self) -> None:
        """Show the picture, and the controls where somebody can use them."""
        self._handle = DisplayHandle()
        data, metadata = self._picture()
        self._handle.display(data, metadata=metadata, raw=True)
        self.caption.value = escape(self.talk.caption())
        if not is_static():
            display(ipywidgets.VBox([self.caption, self.text, ipywidgets.HBox(list(self.buttons.values()))]))

    def _picture(self) -> tuple[dict[str, str], dict[str, Any]]:
        return style.bundle(self.talk.figure(), f"A small flat from above. {self.talk.caption()}")

    def _do(self, act: Callable[[], None]) -> None:
        self.talk.note = ""
        try:
            act()
        except ValueError as error:
            self.talk.note = str(error)
        self.caption.value = escape(self.talk.caption())
        if self._handle is not None:
            data, metadata = self._picture()
            self._handle.update(data, metadata=metadata, raw=True)

    def _say(self) -> None:
        self.talk.say(self.text.value)
        self.talk.step(self.talk.left)

    def _go_on(self) -> None:
        self.talk.step(packing.LASTS)

    def _learn(self) -> None:
        self.talk.note = self.talk.learn()

    def _begin(self) -> None:
        self.talk.begin()


def talk(levels: Levels, seed: int = 0) -> TalkWidget:
    """Show a conversation with a hierarchy, and return it."""
    widget = TalkWidget(Talk(levels, seed))
    widget.show()
    return widget
