"""Demonstrations with a sentence for a goal and a label for every step, and their file."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from saw_edu.data import DatasetError, Trajectories
from saw_edu.place import whole_file

VIEW = (7, 7, 3)  # what the agent sees: 7 x 7 cells, each as object, colour and state


@dataclass(frozen=True)
class Demonstrations:
    """Episodes one after the other, in the compact layout: T actions have T + 1 rows, the last with filler.

    Args:
        level: such as "GoToLocal".
        seeds: (E,) of the environment's reset, by which an episode can be made again.
        missions: E sentences, the goal of each episode.
        views: (N, 7, 7, 3) uint8, the cells that the agent sees as minigrid encodes them.
        directions: (N,) uint8, where the agent faces: 0 right, 1 down, 2 left, 3 up.
        actions: (N,) uint8, see `ACTIONS`.
        labels: (N,) uint8, which of `phrases` the demonstrator pursues at that row.
        phrases: the labels' words, such as "go to the red ball".
        episode_ends: (E,) the row after each episode's last one.

    Raises:
        ValueError: when lengths or types do not fit together.
    """

    level: str
    seeds: Tensor
    missions: tuple[str, ...]
    views: Tensor
    directions: Tensor
    actions: Tensor
    labels: Tensor
    phrases: tuple[str, ...]
    episode_ends: Tensor

    def __post_init__(self) -> None:
        rows, episodes = len(self.views), len(self.episode_ends)
        if self.views.shape[1:] != VIEW or self.views.dtype != torch.uint8:
            raise ValueError(f"views are (rows, 7, 7, 3) uint8, got {tuple(self.views.shape)} {self.views.dtype}")
        columns = {"directions": self.directions, "actions": self.actions, "labels": self.labels}
        wrong = {name: len(column) for name, column in columns.items() if len(column) != rows}
        if wrong:
            raise ValueError(f"{rows} views but {wrong}: one entry a row is needed")
        if not len(self.seeds) == len(self.missions) == episodes:
            raise ValueError(f"{episodes} episodes, {len(self.seeds)} seeds, {len(self.missions)} missions: one each")
        if rows and int(self.labels.max()) >= len(self.phrases):
            raise ValueError(f"label {int(self.labels.max())}, but only {len(self.phrases)} phrases")
        lengths = torch.diff(self.episode_ends, prepend=self.episode_ends.new_zeros(1))
        if episodes == 0 or int(self.episode_ends[-1]) != rows or int(lengths.min()) < 2:
            raise ValueError(f"episode_ends must increase by at least 2 and end at {rows}, got {self.episode_ends}")

    def __len__(self) -> int:
        return len(self.episode_ends)

    @cached_property
    def episode_of_row(self) -> Tensor:
        """(N,) the episode that each row belongs to."""
        return torch.searchsorted(self.episode_ends, torch.arange(len(self.views)), right=True)

    @cached_property
    def start_rows(self) -> Tensor:
        """(M,) the rows that have an action: all but the last of each episode."""
        keep = torch.ones(len(self.views), dtype=torch.bool)
        keep[self.episode_ends - 1] = False
        return keep.nonzero().squeeze(1)

    def first(self, episodes: int) -> Demonstrations:
        """The first so many episodes. Raises ValueError where there are fewer."""
        if not 1 <= episodes <= len(self):
            raise ValueError(f"there are {len(self)} episodes, you asked for the first {episodes}")
        rows = int(self.episode_ends[episodes - 1])
        return Demonstrations(
            self.level,
            self.seeds[:episodes],
            self.missions[:episodes],
            self.views[:rows],
            self.directions[:rows],
            self.actions[:rows],
            self.labels[:rows],
            self.phrases,
            self.episode_ends[:episodes],
        )

    def trajectories(self) -> Trajectories:
        """The same without words: views as small uint8 pictures."""
        return Trajectories(self.views, self.actions.long(), self.episode_ends)

    def save(self, path: str | Path) -> Path:
        """Write an .npz file, which appears under its name only when it is complete. The same data, the same bytes."""
        path = Path(path).expanduser()
        with whole_file(path) as file:
            np.savez_compressed(file, allow_pickle=False, **self._arrays())
        return path

    def _arrays(self) -> dict[str, np.ndarray]:
        sentences = sorted(set(self.missions))
        return {
            "level": np.array(self.level),
            "seeds": self.seeds.numpy().astype(np.int64),
            "sentences": np.array(sentences),
            "missions": np.array([sentences.index(mission) for mission in self.missions], np.int32),
            "observations": self.views.numpy(),
            "directions": self.directions.numpy(),
            "actions": self.actions.numpy(),
            "labels": self.labels.numpy(),
            "phrases": np.array(self.phrases),
            "episode_ends": self.episode_ends.numpy().astype(np.int64),
        }

    @staticmethod
    def load(path: str | Path) -> Demonstrations:
        """Read what `save` wrote.

        Raises:
            FileNotFoundError: no such file.
            DatasetError: a file that is truncated, lacks an array, or whose arrays do not fit together.
        """
        path = Path(path).expanduser()
        if not path.exists():
            raise FileNotFoundError(f"no demonstrations at {path}: check the path, or make some with `saw-edu data`")
        try:
            with np.load(path, allow_pickle=False) as file:
                a = {name: file[name] for name in file.files}
            sentences = a["sentences"].tolist()
            return Demonstrations(
                str(a["level"]),
                torch.from_numpy(a["seeds"]),
                tuple(sentences[number] for number in a["missions"]),
                torch.from_numpy(a["observations"]),
                torch.from_numpy(a["directions"]),
                torch.from_numpy(a["actions"]),
                torch.from_numpy(a["labels"]),
                tuple(a["phrases"].tolist()),
                torch.from_numpy(a["episode_ends"]),
            )
        except KeyError as error:
            raise DatasetError(f"{path} holds no demonstrations: it lacks {error}; `saw-edu data` makes some") from None
        except (zipfile.BadZipFile, zlib.error, ValueError, IndexError, OSError, EOFError) as error:
            raise DatasetError(f"{path} cannot be read as demonstrations, get it again: {error}") from error

    def __repr__(self) -> str:
        return (
            f"Demonstrations({self.level}, {len(self)} episodes, {len(self.start_rows)} actions, "
            f"{len(set(self.missions))} missions, {len(self.phrases)} labels)"
        )


class Episode(NamedTuple):
    """One episode as it is recorded: T + 1 views and directions, T actions and labels."""

    seed: int
    mission: str
    views: list[np.ndarray]
    directions: list[int]
    actions: list[int]
    labels: list[str]


def joined(level: str, episodes: Sequence[Episode]) -> Demonstrations:
    """The demonstrations of at least one episode."""
    phrases = sorted({label for episode in episodes for label in episode.labels})

    def column(rows: list[list[int]]) -> Tensor:
        return torch.tensor([entry for row in rows for entry in row], dtype=torch.uint8)

    return Demonstrations(
        level,
        torch.tensor([episode.seed for episode in episodes]),
        tuple(episode.mission for episode in episodes),
        torch.from_numpy(np.stack([view for episode in episodes for view in episode.views])),
        column([episode.directions for episode in episodes]),
        column([[*episode.actions, 0] for episode in episodes]),
        column([[phrases.index(label) for label in [*one.labels, one.labels[-1]]] for one in episodes]),
        tuple(phrases),
        torch.tensor([len(episode.views) for episode in episodes]).cumsum(0),
    )
