"""Roll-outs of packing that can be looked at again: as an animation, and under the reader's hand."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import torch
from matplotlib.axes import Axes
from numpy.typing import NDArray
from torch import Tensor

from saw_edu.course.ch04.levels import OBJECTS, PATIENCE, Levels
from saw_edu.envs import TinyPacking
from saw_edu.envs.packing import expert, language
from saw_edu.envs.packing.rules import HELD
from saw_edu.rollouts import evaluate
from saw_edu.viz import style
from saw_edu.viz.animation import captioned


class Replay(NamedTuple):
    """One episode."""

    mission: str
    states: Tensor  # (T + 1, 8)
    subgoals: Tensor  # (T,) held at each step
    asked: Tensor  # (T,) bool: the high level gave it at this step
    success: bool

    @property
    def steps(self) -> int:
        """T."""
        return len(self.subgoals)


def play(levels: Levels, slip: float, episode: int, max_steps: int = PATIENCE) -> Replay:
    """An episode: the same number has the same start and mission for all policies."""
    world, g = TinyPacking(slip=slip), torch.Generator().manual_seed(episode)
    start, goal = world.sample_states(1, g), world.sample_goals(1, OBJECTS, g)
    run = evaluate([levels], world, start, goal, generator=g, keep_trace=True, progress=False, max_steps=max_steps)
    steps = int(run.episodes["steps"].iloc[0])
    assert run.memories is not None
    assert run.paths is not None
    memory = run.memories[0]
    calls = memory.calls[0, :steps]
    asked = torch.diff(calls, prepend=calls.new_zeros(1)) > 0
    return Replay(world.mission(goal[0]), run.paths[0, 0, : steps + 1], memory.held[0, :steps], asked, run.success > 0)


def frames(replays: dict[str, Replay], first: int, last: int, cell_pixels: int = 28) -> list[NDArray[np.uint8]]:
    """Pictures of some episodes side by side, from one step to another, with the subgoal held below each."""
    world, pictures = TinyPacking(), []
    for t in range(first, last + 1):
        panels = []
        for title, replay in replays.items():
            now = min(t, replay.steps)
            subgoal = "" if now == replay.steps else language.PHRASES[int(replay.subgoals[now])]
            told = f"told: {subgoal}" if subgoal else "finished"
            panels.append(captioned(world.picture(replay.states[now], cell_pixels=cell_pixels), title, told))
        gap = np.full((panels[0].shape[0], 14, 3), 255, np.uint8)
        pictures.append(np.concatenate([x for panel in panels for x in (panel, gap)][:-1], 1))
    return pictures


def falls(replay: Replay) -> list[int]:
    """The steps after which something lies on the floor that was in the hand, and was not put there."""
    held = replay.states[:, 4:] == HELD  # (T + 1, things)
    before, after = held[:-1].any(1), held[1:].any(1)
    lies = (replay.states[1:, 4:] < HELD) & held[:-1]
    return (before & ~after & lies.any(1)).nonzero().squeeze(1).add(1).tolist()


class Player:
    """The widget: the world at one step, and the subgoals of the whole episode, on which a click chooses the step."""

    def __init__(self, kinds: dict[str, Callable[[str, int], Levels]]) -> None:
        self.kinds = kinds
        self.play = lru_cache(maxsize=64)(self._play)

    def _play(self, levels: str, rule: str, n: int, slip: float, episode: int) -> Replay:
        return play(self.kinds[levels](rule, n), slip, episode)

    @staticmethod
    def nearest(point: tuple[float, float]) -> tuple[float, float]:
        """A whole step; which row was clicked does not matter."""
        return float(np.clip(round(point[0]), 0, PATIENCE)), 0.0

    def draw(
        self, ax: Axes, point: tuple[float, float], levels: str, rule: str, n: int, slip: float, episode: int
    ) -> None:
        """The world left, the subgoals right."""
        replay = self.play(levels, rule, n, slip, episode)
        figure = ax.figure
        ax.remove()
        left, right = figure.subplots(1, 2, width_ratios=(1, 1.5))
        t = min(int(point[0]), replay.steps)
        left.imshow(TinyPacking().picture(replay.states[t], cell_pixels=32))
        left.set(xticks=[], yticks=[], title=f"step {t}")
        left.set_navigate(False)
        left.grid(False)
        told = (
            language.PHRASES[int(replay.subgoals[t])]
            if t < replay.steps
            else "finished"
            if replay.success
            else "too late"
        )
        left.set_xlabel(f"told: {told}\nmission: {replay.mission}", fontsize=11)
        timeline(right, replay)
        right.axvline(t, color=style.BLACK, lw=1.4)

    def alt(self, point: tuple[float, float], levels: str, rule: str, n: int, slip: float, episode: int) -> str:
        """What is to be seen."""
        replay = self.play(levels, rule, n, slip, episode)
        t = min(int(point[0]), replay.steps)
        told = language.PHRASES[int(replay.subgoals[t])] if t < replay.steps else "nothing more"
        return (
            f"Step {t} of {replay.steps}: the low level is told {told}. The episode "
            f"{'succeeds' if replay.success else 'fails'} after {int(replay.asked.sum())} calls of the high level; "
            f"something falls {len(falls(replay))} times."
        )


def timeline(ax: Axes, replay: Replay) -> None:
    """Subgoals held over time, a dot where the high level was asked, a cross where something fell."""
    steps = np.arange(replay.steps)
    ax.step(steps, replay.subgoals, where="post", color=style.BLUE, lw=1.6)
    asked = replay.asked.numpy()
    ax.plot(steps[asked], replay.subgoals[asked], "o", color=style.BLUE, ms=4, label="asked")
    fell = falls(replay)
    if fell:
        ax.plot(
            fell,
            replay.subgoals[torch.tensor(fell).clamp(max=replay.steps - 1)],
            "X",
            color=style.VERMILION,
            ms=9,
            label="fell",
        )
    ax.set(xlabel="step", xlim=(-2, PATIENCE + 2), ylim=(-0.6, len(language.COARSE) - 0.2))
    ax.set_yticks(range(len(language.COARSE)), language.COARSE)
    ending = "success" if replay.success else "failed"
    ax.set_title(f"{ending} after {replay.steps} steps, {int(asked.sum())} calls")
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.18), ncols=2)


class Episode:
    """One episode of packing in the form of the lecture's loop: subgoals are words, and nothing is a batch.

    Its levels are literal: `expert.high` and `expert.low`.
    """

    def __init__(self, slip: float, number: int) -> None:
        self.world, self.generator = TinyPacking(slip=slip), torch.Generator().manual_seed(number)
        self.state = self.world.sample_states(1, self.generator)
        self.goal = self.world.sample_goals(1, OBJECTS, self.generator)

    @property
    def observation(self) -> Tensor:
        """What is seen now, (1, obs)."""
        return self.world.observe(self.state)

    def high(self, observation: Tensor) -> str:
        """A subgoal, in words."""
        return language.COARSE[int(expert.high(observation, self.world.observe(self.goal)))]

    def low(self, observation: Tensor, subgoal: str) -> Tensor:
        """An action towards it, (1,)."""
        return expert.low(observation, torch.tensor([language.COARSE.index(subgoal)]))

    def done(self, observation: Tensor, subgoal: str) -> bool:
        """Whether a subgoal is accomplished."""
        return bool(expert.accomplished(observation, torch.tensor([language.COARSE.index(subgoal)])))

    def step(self, action: Tensor) -> tuple[Tensor, bool]:
        """The next observation, and whether the mission is finished."""
        self.state = self.world.step(self.state, action, self.generator)
        return self.observation, bool(self.world.reached(self.state, self.goal))
