"""Data sets and worlds by name: made on the spot from the built-in mazes, or read from a file.

Every name of a maze gives the same data each time, in a second or two, so nothing is stored. BabyAI's demonstrations
take longer: `saw-edu data` records them, and those that chapters use lie in assets/babyai.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from saw_edu.data import Spec, Trajectories, load_npz
from saw_edu.envs import GridMaze, InMaze, PointMaze, layout_names, navigate, random_walk
from saw_edu.envs.babyai import Demonstrations
from saw_edu.place import asset, course_root, did_you_mean

BABYAI = "babyai-"  # then a level, such as GoToLocal


@dataclass(frozen=True)
class _Kind:
    """A kind of world, and how much data is collected in it."""

    make: Callable[[str], InMaze]
    description: str
    episodes: int = 0  # 0: no data sets of this kind
    length: int = 0  # actions an episode
    noise: float = 0.0  # of the "navigate" controller, see `InMaze.perturb`


_KINDS = {
    "pointmaze": _Kind(
        lambda layout: PointMaze(layout, step_size=1.0, features="fourier"),
        "a point, continuous actions; steps five times OGBench's, Fourier features",
        episodes=500,
        length=300,
        noise=0.5,
    ),
    "gridmaze": _Kind(
        GridMaze, "cell by cell, five discrete actions, one-hot observations", episodes=200, length=100, noise=0.3
    ),
    "pixelmaze": _Kind(
        lambda layout: GridMaze(layout, features="pixels"),
        "gridmaze seen as small pictures, for agents with an --encoder such as impala_debug",
        episodes=200,
        length=100,
        noise=0.3,
    ),
    "ogbench-pointmaze": _Kind(PointMaze, "OGBench's own step size and observations, for files from there"),
}
_COLLECTORS = {
    "navigate": "noisy shortest paths to one random goal after another",
    "random": "uniformly random actions",
}


@dataclass(frozen=True)
class Dataset:
    """Trajectories, and what is known about where they come from."""

    source: str  # the name or file that it was asked for by
    trajectories: Trajectories
    spec: Spec
    world: str | None  # a name for `make_world`; None: a file, which does not say

    @property
    def label(self) -> str:
        """The name, or the file's name without folder and ending."""
        return Path(self.source).stem if self.world is None else self.source

    @property
    def digest(self) -> str:
        """A fingerprint of the content."""
        data, digest = self.trajectories, hashlib.sha256()
        for tensor in (data.observations, data.actions, data.episode_ends, data.next_observations):
            if tensor is not None:
                digest.update(tensor.contiguous().numpy().tobytes())
        return digest.hexdigest()[:16]


def world_names() -> list[str]:
    """Every name that `make_world` knows."""
    return [f"{kind}-{layout}" for kind in _KINDS for layout in layout_names()]


def dataset_names() -> list[str]:
    """Every name that `load` knows."""
    with_data = [kind for kind in _KINDS if _KINDS[kind].episodes]
    return [f"{kind}-{layout}-{how}" for kind in with_data for layout in layout_names() for how in _COLLECTORS]


def explain_worlds() -> str:
    """What a world's name is made of, for people."""
    kinds = "\n".join(f"    {kind:<18} {_KINDS[kind].description}" for kind in _KINDS)
    layouts = ", ".join(layout_names())
    return f"  KIND-LAYOUT, such as gridmaze-four-rooms, where KIND is\n{kinds}\n  and LAYOUT is one of {layouts}"


def explain_datasets() -> str:
    """What a data set's name is made of, for people."""
    kinds = "\n".join(f"    {name:<12} {kind.description}" for name, kind in _KINDS.items() if kind.episodes)
    collectors = "\n".join(f"    {name:<12} {text}" for name, text in _COLLECTORS.items())
    return (
        f"  KIND-LAYOUT-HOW, such as gridmaze-four-rooms-navigate, where KIND is\n{kinds}\n"
        f"  LAYOUT is one of {', '.join(layout_names())}\n  and HOW the data is collected is\n{collectors}"
    )


def make_world(name: str) -> InMaze:
    """The world of that name.

    Raises:
        ValueError: an unknown name; the message has the nearest known one.
    """
    if name not in world_names():
        hint = did_you_mean(name, world_names())
        raise ValueError(f"no world is called {name!r}{hint} A name is\n{explain_worlds()}")
    kind, layout = next((k, name.removeprefix(f"{k}-")) for k in _KINDS if name.startswith(f"{k}-"))
    return _KINDS[kind].make(layout)


def load(source: str, frame_stack: int = 1) -> Dataset:
    """A data set by its name, or from an .npz file in OGBench's layout.

    Args:
        source: the name or file.
        frame_stack: how many of the last pictures an agent sees at once.

    Raises:
        ValueError: an unknown name; the message has the nearest known one. A file that cannot be used (DatasetError).
            More than one frame of observations that are no pictures, or less than one.
        FileNotFoundError: no such file.
    """
    if frame_stack < 1:
        raise ValueError(f"frame_stack must be at least 1 frame, got {frame_stack}")
    if source in dataset_names():
        dataset = collect(source)
    elif source.startswith(BABYAI):
        raise ValueError(
            f"{source} has sentences for goals, and agents here take states: read it with `datasets.demonstrations`"
        )
    elif source.endswith(".npz") or Path(source).expanduser().is_file():
        trajectories = load_npz(source)
        dataset = Dataset(source, trajectories, trajectories.spec(), world=None)
    else:
        hint = did_you_mean(source, dataset_names())
        raise ValueError(f"no data set is called {source!r}{hint} Give an .npz file, or a name:\n{explain_datasets()}")
    if frame_stack == 1:
        return dataset
    if dataset.spec.image is None:
        raise ValueError(f"only pictures are stacked, the observations of {source} are vectors: leave frame_stack at 1")
    stacked = replace(dataset.trajectories, frame_stack=frame_stack)
    return replace(dataset, trajectories=stacked, spec=stack_frames(dataset.spec, frame_stack))


def stack_frames(spec: Spec, frame_stack: int) -> Spec:
    """The sizes that an agent sees who is shown so many observations at once."""
    image = spec.image and (*spec.image[:2], spec.image[2] * frame_stack)
    return replace(spec, observation_dim=spec.observation_dim * frame_stack, image=image)


def demonstrations(name: str) -> Demonstrations:
    """BabyAI demonstrations that were recorded: by a name such as "babyai-GoToLocal", or an .npz file.

    Raises:
        ValueError: none are recorded under that name; the message has those that are. A file that cannot be used.
        FileNotFoundError: no such file.
    """
    if name.endswith(".npz"):
        return Demonstrations.load(name)
    recorded = [BABYAI + path.stem for path in sorted((course_root() / "assets/babyai").glob("*.npz"))]
    if name not in recorded:
        hint = did_you_mean(name, recorded)
        raise ValueError(
            f"no demonstrations are recorded as {name!r}{hint} There are {', '.join(recorded)}; "
            f"`saw-edu data {BABYAI}LEVEL --out FILE.npz` makes others"
        )
    return Demonstrations.load(asset(f"babyai/{name.removeprefix(BABYAI)}.npz"))


def collect(name: str, episodes: int | None = None, seed: int = 0) -> Dataset:
    """Make the data set of a maze by its name; with another number of episodes or another seed, another one.

    Raises:
        ValueError: an unknown name; the message has the nearest known one.
    """
    if name not in dataset_names():
        hint = did_you_mean(name, dataset_names())
        raise ValueError(f"no data set is called {name!r}{hint} A name is\n{explain_datasets()}")
    world_name, how = name.rsplit("-", 1)
    kind, world = _KINDS[name.split("-")[0]], make_world(world_name)
    generator = torch.Generator().manual_seed(seed)
    number = episodes or kind.episodes
    if how == "navigate":
        trajectories = navigate(world, number, kind.length, kind.noise, generator)
    else:
        trajectories = random_walk(world, number, kind.length, generator)
    return Dataset(name, trajectories, world.spec, world_name)
