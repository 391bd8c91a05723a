"""Chapter 8's experiment: twenty demonstrations, a thousand videos, and what a robot makes of them.

A *demonstration* has frames and actions, a *video* has frames only. All of them pack one object. The high level
imagines a picture of what is to be seen 6 to 10 frames later, the low level goes there for 4 steps.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from saw_edu.envs.packing import TinyPacking, film, rules
from saw_edu.hierarchy import Cloning, EveryN, TwoLevels
from saw_edu.hierarchy.demonstrations import demonstrate
from saw_edu.hierarchy.imagine import (
    FlowNet,
    Imagination,
    Imagining,
    Reacher,
    Video,
    clone_reacher,
    imagine,
    load_video,
    overlap_of_change,
    subgoal_pairs,
)
from saw_edu.hierarchy.imitation import fit
from saw_edu.nn import MLP
from saw_edu.rollouts import PolicyLike, evaluate

DEMONSTRATIONS, VIDEOS, SOME_VIDEOS = 20, 1000, 300
SEEDS = 5
EVERY = 4  # steps for which a picture is held
EPISODES = 120  # of a test, a third for each object
ALL, NO_CUP = (0, 1, 2), (0, 1)  # numbers of `rules.OBJECTS`
ACTIONS = len(rules.ACTIONS)
IMAGINING = Imagining()
SLOW = Imagining(deltas=(3, 5))  # for video at twice the robot's pace
BRIEF = Imagining(training_steps=500)
CLONING = Cloning(steps=1500)

Recording = dict[str, Tensor]
"""frames (N, 8, 8, 9) uint8, told (N, 9), last (N,) bool; a demonstration's also actions (N,), -1 at last frames."""


def make_world() -> film.FilmedPacking:
    """TinyPacking, filmed: things slip and picks fail as ever."""
    return film.FilmedPacking(TinyPacking())


def missions(number: int, objects: tuple[int, ...] = ALL) -> Tensor:
    """So many missions (number, 3) of one object each, taking turns."""
    told = torch.full((number, len(rules.OBJECTS)), -1)
    told[:, 0] = torch.tensor(objects)[torch.arange(number) % len(objects)]
    return told


def record(number: int, seed: int, objects: tuple[int, ...] = ALL) -> Recording:
    """Demonstrations of the expert: frames, missions and actions."""
    world, generator = make_world(), torch.Generator().manual_seed(seed)
    goals = world.world.goal_states(missions(number, objects))
    shown = demonstrate(world.world, world.sample_states(number, generator), goals, generator)
    ends = shown.episode_ends
    # every episode's last action packs, and nothing slips in the bag's cell: chance plays no part in what it leads to
    after = world.step(shown.states, shown.actions, generator)
    states, frame_ends = with_final_frames(shown.states, after, ends)
    last = torch.zeros(len(states), dtype=torch.bool)
    last[frame_ends - 1] = True
    told, actions = torch.zeros(len(states), film.TOLD), torch.full((len(states),), -1)
    # what a goal's bag holds, in TinyPacking's own observation: see `rules.FLAGS`
    flags = shown.goals[:, rules.PLACES_END : rules.FLAGS_END].view(-1, len(rules.THINGS), len(rules.FLAGS))
    told[~last], actions[~last] = flags[:, 1:, 1:].flatten(1), shown.actions
    told[last] = told[frame_ends - 2]
    return {"frames": film.draw(states).to(torch.uint8), "told": told, "last": last, "actions": actions}


def with_final_frames(before: Tensor, after: Tensor, episode_ends: Tensor) -> tuple[Tensor, Tensor]:
    """Frames before each action, and behind each episode's last one the frame after it.

    Args:
        before, after: (N, ...) seen before and after each action.
        episode_ends: (E,) the row after each episode's last action.

    Returns:
        Frames (N + E, ...) and, (E,), the row after each episode's last frame.
    """
    pieces, start = [], 0
    for end in episode_ends.tolist():
        pieces += [before[start:end], after[end - 1 : end]]
        start = end
    return torch.cat(pieces), episode_ends + torch.arange(1, len(episode_ends) + 1)


def before_and_after(recording: Recording) -> tuple[Tensor, Tensor, Tensor]:
    """Frames before and after each action (N, 8, 8, 9), and the row after each episode's last action (E,)."""
    rows = (~recording["last"]).nonzero().squeeze(1)
    ends = recording["last"][rows + 1].nonzero().squeeze(1) + 1
    return recording["frames"][rows], recording["frames"][rows + 1], ends


def without_final_frames(recording: Recording) -> Recording:
    """A recording of what was seen before each action, and of nothing else."""
    before = ~recording["last"]
    last = torch.roll(recording["last"], -1)[before]
    return {name: column[before] for name, column in recording.items() if name != "last"} | {"last": last}


def film_robot(number: int, seed: int) -> Recording:
    """Video of a robot: the actions are not in it."""
    return {name: column for name, column in record(number, seed).items() if name != "actions"}


def film_person(number: int, seed: int) -> Recording:
    """Video of a person who does in the robot's place what it would do."""
    video = film_robot(number, seed)
    frames = video["frames"].clone()
    frames[:, [film.ROBOT, film.PERSON]] = frames[:, [film.PERSON, film.ROBOT]]
    return {**video, "frames": frames}


def film_fast(number: int, seed: int) -> Recording:
    """Video of a robot of twice the pace: of each episode every second frame, and the last one."""
    video = film_robot(number, seed)
    last = video["last"]
    starts = torch.cat([torch.tensor([0]), last.nonzero().squeeze(1) + 1])
    rows = torch.arange(len(last))
    since = rows - starts[torch.searchsorted(starts, rows, right=True) - 1]
    kept = (since % 2 == 0) | last
    return {name: column[kept] for name, column in video.items()}


@dataclass(frozen=True)
class Oracle:
    """A high level that looks into the future: what the expert would show 6 to 10 steps later, luck and all."""

    generator: torch.Generator
    deltas: tuple[int, int] = IMAGINING.deltas

    def __call__(self, observations: Tensor, goals: Tensor) -> Tensor:
        """Flattened pictures of now and of goals -> pictures (B, 8, 8, 9)."""
        world, states, ends = make_world(), film.read(observations), film.read(goals)
        low, high = self.deltas
        ahead = torch.randint(low, high + 1, (len(states),), generator=self.generator)
        for step in range(high):
            following = world.step(states, world.oracle(states, ends), self.generator)
            moves = (step < ahead) & ~world.reached(states, ends)
            states = torch.where(moves[:, None], following, states)
        return film.draw(states)


@dataclass(frozen=True)
class Flat:
    """One net from picture and mission to action: the same demonstrations, and no pictures imagined."""

    net: MLP
    generator: torch.Generator

    def __call__(self, observations: Tensor, goals: Tensor) -> Tensor:
        """Flattened pictures -> actions (B,), drawn."""
        logits = self.net(_seen(observations, film.mission(goals)))
        return torch.multinomial(logits.softmax(-1), 1, generator=self.generator).squeeze(-1)


def _seen(pictures: Tensor, told: Tensor) -> Tensor:
    return torch.cat([make_world().world.observe(film.read(pictures)), told], 1)


def clone_flat(demonstrations: Recording, generator: torch.Generator, cloning: Cloning = CLONING) -> Flat:
    """A flat policy of demonstrations."""
    rows = (~demonstrations["last"]).nonzero().squeeze(1)
    inputs = _seen(demonstrations["frames"][rows].float(), demonstrations["told"][rows])
    return Flat(fit(inputs, demonstrations["actions"][rows], ACTIONS, cloning, generator), generator)


def clone_low(demonstrations: Recording, generator: torch.Generator, cloning: Cloning = CLONING) -> Reacher:
    """A low level of demonstrations: it alone reads actions."""
    rows = (~demonstrations["last"]).nonzero().squeeze(1)
    actions, farthest = demonstrations["actions"][rows], IMAGINING.deltas[1]
    video = load_video([demonstrations])
    return clone_reacher(video, rows, actions, ACTIONS, farthest, film.relative, cloning, generator)


def hierarchy(
    net: FlowNet,
    low: Reacher,
    seed: int,
    flow_steps: int = IMAGINING.flow_steps,
    every: int = EVERY,
    draw: Callable[..., Tensor] = imagine,
) -> TwoLevels:
    """Both levels."""
    high = Imagination(net, film.mission, torch.Generator().manual_seed(seed), flow_steps, draw)
    return TwoLevels(high, low, EveryN(every))


def success(policy: PolicyLike, seed: int, episodes: int = EPISODES) -> dict[str, float]:
    """Errands done, for each object. All policies of a seed meet the same errands."""
    world, generator = make_world(), torch.Generator().manual_seed(1_000 + seed)
    starts, told = world.sample_states(episodes, generator), missions(episodes)
    goals = world.world.goal_states(told)
    outcome = evaluate([policy], world, starts, goals, generator=generator, progress=False, tasks=told[:, 0].tolist())
    found = outcome.episodes.groupby("task")["success"].mean()
    return {name: float(found[i]) for i, name in enumerate(rules.OBJECTS)}


class Quality(NamedTuple):
    """Of pictures, for fresh demonstrations."""

    possible: float  # share that shows something that can be
    overlap: float  # of what changes, with what came 8 frames later
    robot: float  # share in which a robot is in the flat


def quality(net: FlowNet, seed: int, flow_steps: int = IMAGINING.flow_steps, episodes: int = 60) -> Quality:
    """How good a net's pictures are, each plane read by its brightest cell."""
    now, told, future = fresh(seed, episodes)
    noise = torch.randn(now.shape, generator=torch.Generator().manual_seed(seed))
    drawn = film.sharpen(imagine(net, now, told, noise, flow_steps))
    return Quality(*(float(x.double().mean()) for x in (
        film.possible(drawn),
        overlap_of_change(now, drawn, future),
        film.brightest(drawn)[:, film.ROBOT] < rules.CELLS,
    )))  # fmt: skip


def fresh(seed: int, episodes: int = 60) -> tuple[Tensor, Tensor, Tensor]:
    """Frames of new episodes, their missions, and the frames 8 later."""
    video = load_video([film_robot(episodes, 9_000 + seed)])
    frames = video.frames.float()
    return frames, video.told, frames[subgoal_pairs(video.episode_ends, sum(IMAGINING.deltas) // 2)]


SOURCES: dict[str, tuple[Callable[[int, int], Recording] | None, int, Imagining]] = {
    "none": (None, 0, IMAGINING),
    "none, brief": (None, 0, BRIEF),
    "robot, 300": (film_robot, SOME_VIDEOS, IMAGINING),
    "robot": (film_robot, VIDEOS, IMAGINING),
    "person": (film_person, VIDEOS, IMAGINING),
    "fast": (film_fast, VIDEOS, IMAGINING),
    "fast, half delta": (film_fast, VIDEOS, SLOW),
}
"""What the generator learns from besides the demonstrations: who is filmed, how many videos, how it is trained."""


def video_of(source: str, demonstrations: Recording, seed: int) -> tuple[Video, Imagining]:
    """The demonstrations' frames and the videos, and how to learn from them."""
    shoot, number, config = SOURCES[source]
    more = [] if shoot is None else [shoot(number, 500 + seed)]
    return load_video([demonstrations, *more]), config


def demonstrations_of(seed: int, number: int = DEMONSTRATIONS, objects: tuple[int, ...] = ALL) -> Recording:
    """A seed's demonstrations."""
    return record(number, 100 + seed, objects)
