"""Reading and writing OGBench's `.npz` layout, with every fault named before training starts."""

import zipfile
import zlib
from pathlib import Path

import numpy as np
import torch

from saw_edu.data.trajectories import ACTION_TOLERANCE, Trajectories
from saw_edu.place import whole_file

_USED = ("observations", "next_observations", "actions", "terminals", "timeouts", "valids")


class DatasetError(ValueError):
    """A data file that cannot be used; the message says what is wrong with it and what to do."""


def save_npz(path: str | Path, trajectories: Trajectories) -> Path:
    """Write a data set in OGBench's file layout: `observations`, `actions`, `terminals` (and `next_observations`).

    A compact data set is written as OGBench's downloads are: one terminal at the last row of each episode, and no
    `next_observations`. The file appears under its name only when it is complete.
    """
    path = Path(path).expanduser()
    terminals = np.zeros(len(trajectories.observations), dtype=bool)
    terminals[trajectories.episode_ends.cpu().numpy() - 1] = True
    arrays = {
        "observations": trajectories.observations.cpu().numpy(),
        "actions": trajectories.actions.cpu().numpy(),
        "terminals": terminals,
    }
    if trajectories.next_observations is not None:
        arrays["next_observations"] = trajectories.next_observations.cpu().numpy()
    with whole_file(path) as file:
        np.savez_compressed(file, allow_pickle=False, **arrays)
    return path


def load_npz(path: str | Path) -> Trajectories:
    """Read a data set in OGBench's layout, of floats or of uint8 images (rows, height, width, channels).

    `terminals` marks the last row of each episode, `timeouts` too where there are some (as in D4RL's files). With
    `next_observations` the file is *regular*, without it *compact*; a compact file that OGBench's loader has already
    processed (`valids`, two terminals an episode) is read too.

    Raises:
        FileNotFoundError: no such file.
        DatasetError: not an .npz file, truncated, a missing or misshapen array, numbers that are not finite,
            no terminal at the end.
    """
    path = Path(path).expanduser()
    if not path.exists():
        raise FileNotFoundError(f"no data set at {path}: check the path, or write one with `save_npz`")
    try:
        arrays = _read(path)
        observations, actions, ends = _validate(path, arrays)
        following = arrays.get("next_observations")
        return Trajectories(
            torch.from_numpy(observations),
            torch.from_numpy(actions),
            torch.from_numpy(ends),
            None if following is None else torch.from_numpy(following.astype(observations.dtype)),
        )
    except MemoryError:
        with zipfile.ZipFile(path) as archive:
            size = sum(entry.file_size for entry in archive.infolist() if Path(entry.filename).stem in _USED)
        raise DatasetError(
            f"{path} needs {size / 2**30:.1f} GiB of memory and about as much again to be converted, which "
            "cannot be had here: use fewer episodes, or a machine with more memory"
        ) from None


def _read(path: Path) -> dict[str, np.ndarray]:
    """The arrays that are used; others may hold anything."""
    try:
        file = np.load(path, allow_pickle=False)
        if not isinstance(file, np.lib.npyio.NpzFile):
            raise DatasetError(f"{path} is a single array, not an .npz file with named arrays")
        with file:
            return {key: file[key] for key in file.files if key in _USED}
    except DatasetError:
        raise
    except PermissionError as error:
        raise DatasetError(f"{path} may not be read by you ({error}): change its permissions") from error
    except (zipfile.BadZipFile, zlib.error, ValueError, OSError, EOFError, KeyError) as error:
        raise DatasetError(
            f"{path} cannot be read as an .npz file, it may be truncated: get it again ({error})"
        ) from error


def _validate(path: Path, arrays: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Observations, actions and episode ends, or an error that says which of them is at fault."""
    missing = {"observations", "actions", "terminals"} - set(arrays)
    if missing:
        raise DatasetError(f"{path} lacks {sorted(missing)}; it has {sorted(arrays)}")
    observations, actions, terminals = arrays["observations"], arrays["actions"], arrays["terminals"]
    rows = len(observations)
    if rows == 0:
        raise DatasetError(f"{path} is empty: it has no rows")
    for key, array in arrays.items():
        if len(array) != rows:
            raise DatasetError(f"{path}: {key} has {len(array)} rows, observations has {rows}: they must be equal")
        if array.dtype.kind not in "fiub":
            raise DatasetError(f"{path}: {key} holds {array.dtype}, numbers are needed")
        with np.errstate(over="ignore"):
            finite = np.isfinite(array.astype(np.float32)) if array.dtype.kind == "f" else np.array(True)
        if not finite.all():
            row = int(np.argwhere(~finite.reshape(len(array), -1).all(axis=1))[0, 0])
            raise DatasetError(f"{path}: {key} has a NaN, infinity or number beyond float32, the first in row {row}")
    if observations.ndim not in (2, 4):
        raise DatasetError(
            f"{path}: observations must be (rows, numbers) or images (rows, height, width, channels), "
            f"got shape {observations.shape}"
        )
    following = arrays.get("next_observations")
    if following is not None and following.shape != observations.shape:
        raise DatasetError(
            f"{path}: next_observations {following.shape} must be shaped as observations {observations.shape}"
        )
    is_image = observations.ndim == 4
    for key in ("observations", "next_observations"):
        if key in arrays and is_image and arrays[key].dtype != np.uint8:
            raise DatasetError(f"{path}: {key} are images of {arrays[key].dtype}, uint8 from 0 to 255 is needed")
        if key in arrays and not is_image and arrays[key].dtype.kind != "f":
            raise DatasetError(f"{path}: {key} are {arrays[key].dtype}, floats are needed")
    discrete = actions.dtype.kind in "iu"
    if not (discrete and actions.ndim == 1) and not (actions.dtype.kind == "f" and actions.ndim == 2):
        raise DatasetError(
            f"{path}: actions must be floats (rows, numbers) or integers (rows,), got {actions.dtype} {actions.shape}"
        )
    if discrete and actions.min() < 0:
        row = int(np.argmax(actions < 0))
        raise DatasetError(f"{path}: actions are numbered from 0, row {row} has {actions[row]}: shift the labels")
    if not discrete and np.abs(actions).max() > 1 + ACTION_TOLERANCE:
        row = int(np.argmax(np.abs(actions).max(axis=1) > 1 + ACTION_TOLERANCE))
        raise DatasetError(
            f"{path}: actions must lie in [-1, 1], where policies act; row {row} has {np.abs(actions[row]).max():.3g}. "
            f"Divide them by {np.abs(actions).max():.3g}, and multiply a policy's by it for your environment"
        )
    if "timeouts" in arrays:
        terminals = terminals.astype(bool) | arrays["timeouts"].astype(bool)
    if not terminals[-1]:
        raise DatasetError(
            f"{path}: the last row is not a terminal, so the last episode is cut off: the file may be truncated"
        )
    ends = np.flatnonzero(terminals) + 1
    if "valids" in arrays:  # OGBench's loader marks the last two rows of each episode; the episode ends at the second
        ends = np.flatnonzero(arrays["valids"] == 0) + 1
    shortest = 1 if following is not None else 2
    lengths = np.diff(ends, prepend=0)
    if len(ends) == 0 or ends[-1] != rows or lengths.min() < shortest:
        row = int(ends[lengths.argmin()] - 1) if len(ends) else 0
        raise DatasetError(
            f"{path}: every episode needs at least {shortest} rows; look at `terminals` (and `timeouts`) near row {row}"
        )
    observations = observations if is_image else observations.astype(np.float32)
    return observations, actions.astype(np.int64 if discrete else np.float32), ends.astype(np.int64)
