"""Data of the suite made here, in OGBench's layout, by demonstrators that come with the environments.

Episodes are made in chunks by several processes, each episode from its own seed, and a chunk that is done lies in a
folder beside the file: stopped, the same call goes on from there, and neither chunks nor processes change a number. The
chunks are then strung together on disk, so that a data set may be larger than memory.
"""

from __future__ import annotations

import json
import shutil
import zipfile
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import suppress
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm.auto import tqdm

from saw_edu.benchmark.names import DataSet
from saw_edu.place import whole_file, write_text
from saw_edu.runs.provenance import origin
from saw_edu.threads import available_cores

CHUNK = 10  # episodes
_HELD_OUT = 0.1  # as many episodes again, for validation


class GenerationError(ValueError):
    """Data that cannot be made here; the message says why and what to do."""


def generate(
    data: DataSet,
    path: str | Path,
    *,
    transitions: int | None = None,
    seed: int = 0,
    jobs: int | None = None,
    progress: bool = True,
) -> tuple[Path, Path]:
    """Write a data set, and its tenth for validation beside it (NAME-val.npz).

    Args:
        data: which one.
        path: an .npz file.
        transitions: at least so many, in whole episodes; where not given, as many as OGBench has.
        seed: the same seed gives the same numbers.
        jobs: processes; where not given, one a core.
        progress: show a bar.

    Returns:
        The two files.

    Raises:
        GenerationError: a data set that needs a trained expert; fewer than one transition; other chunks in the way.
        ModuleNotFoundError: OGBench is not installed.
        OSError: the files cannot be written.
    """
    path = Path(path).expanduser()
    if not data.can_be_made:
        raise GenerationError(
            f"{data.name} was recorded with a trained expert, which does not come with OGBench: download it with "
            f"`saw-edu data download {data.name}`"
        )
    if transitions is not None and transitions < 1:
        raise GenerationError(f"need at least one transition, got {transitions}")
    if path.suffix != ".npz":
        raise GenerationError(f"data are written as .npz files, got {path}: give a name that ends in .npz")
    episodes = data.episodes if transitions is None else -(-transitions // data.actions)
    held_out = max(1, round(_HELD_OUT * episodes))
    parts = path.with_name(f"{path.stem}.parts")
    _claim(parts, {"data": data.name, "seed": seed, "ogbench": version("ogbench")})
    numbers = [
        *_chunks("train", 0, episodes),
        *_chunks("val", 1_000_000, held_out),  # far away: more episodes change no number of either
    ]
    todo = [chunk for chunk in numbers if not _is_whole(parts / f"{chunk[0]}.npz")]
    total = (episodes + held_out) * (data.actions + 1)
    done = total - sum(count for _, _, count in todo) * (data.actions + 1)
    with tqdm(total=total, initial=done, disable=not progress, unit=" steps", desc=data.name) as bar:
        for count in _work(data, parts, todo, seed, jobs or available_cores()):
            bar.update(count * (data.actions + 1))
    files = path, path.with_name(f"{path.stem}-val.npz")
    for file, kind in zip(files, ("train", "val"), strict=True):
        _string_together(file, [parts / f"{name}.npz" for name, _, _ in numbers if name.startswith(kind)])
    asked = "" if transitions is None else f" --transitions {transitions}"
    note = {
        "command": f"saw-edu data generate {data.name}{asked} --seed {seed}",
        **origin(),
        "ogbench": version("ogbench"),
        "mujoco": version("mujoco"),
        "numpy": np.__version__,
        "episodes": episodes,
        "held out": held_out,
    }
    write_text(path.with_suffix(".json"), json.dumps(note, indent=1) + "\n")
    shutil.rmtree(parts)
    return files


def _chunks(kind: str, first: int, episodes: int) -> Iterator[tuple[str, int, int]]:
    """Name, first episode and number of episodes of each chunk."""
    for start in range(0, episodes, CHUNK):
        count = min(CHUNK, episodes - start)
        yield f"{kind}-{start:06d}-{count}", first + start, count


def _claim(parts: Path, what: dict[str, Any]) -> None:
    """The folder of chunks is this data set's. Raises GenerationError where another's are in it."""
    note = parts / "of.json"
    if note.exists() and (there := json.loads(note.read_text(encoding="utf-8"))) != what:
        raise GenerationError(f"{parts} holds pieces of other data ({there}): delete it, or give another file")
    write_text(note, json.dumps(what) + "\n")


def _is_whole(path: Path) -> bool:
    with suppress(OSError, zipfile.BadZipFile):
        return zipfile.is_zipfile(path)
    return False


def _work(data: DataSet, parts: Path, todo: list[tuple[str, int, int]], seed: int, jobs: int) -> Iterator[int]:
    """Make chunks; the number of episodes of each as it is done. A process that dies takes only its chunk with it."""
    if jobs == 1 or len(todo) == 1:
        for name, first, count in todo:
            yield make_chunk(data, parts / f"{name}.npz", first, count, seed)
        return
    with ProcessPoolExecutor(min(jobs, max(1, len(todo))), mp_context=get_context("spawn")) as pool:
        futures = [
            pool.submit(make_chunk, data, parts / f"{name}.npz", first, count, seed) for name, first, count in todo
        ]
        try:
            for future in as_completed(futures):
                yield future.result()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def make_chunk(data: DataSet, path: Path, first: int, count: int, seed: int) -> int:
    """Make `count` episodes from the number `first` on, and write them. Returns `count`."""
    from saw_edu.benchmark.demonstrators import episode
    from saw_edu.envs.ogbench import make

    options: dict[str, Any] = {} if data.discrete else {"terminate_at_goal": False}
    if not data.locomotion:
        options["mode"] = "data_collection"
    env = make(data.env, max_episode_steps=data.actions + 1, **options)
    made = [episode(env, data, _seed_of(seed, number)) for number in range(first, first + count)]
    env.close()
    observations, actions = (np.concatenate(arrays) for arrays in zip(*made, strict=True))
    pixels = observations.dtype == np.uint8
    terminals = np.zeros(len(observations), dtype=bool)
    terminals[np.cumsum([len(each) for each, _ in made]) - 1] = True
    with whole_file(path) as file:
        np.savez(
            file,
            observations=observations if pixels else observations.astype(np.float32),
            actions=actions.astype(np.int64 if data.discrete else np.float32),
            terminals=terminals,
        )
    return count


def _seed_of(seed: int, number: int) -> int:
    return int(np.random.SeedSequence([seed, number]).generate_state(1)[0])


def _string_together(path: Path, chunks: list[Path]) -> None:
    """Chunks' arrays end to end in one compressed .npz, a chunk in memory at a time."""
    with whole_file(path) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for key in ("observations", "actions", "terminals"):
            heads = [_header(chunk, key) for chunk in chunks]
            rows = sum(shape[0] for shape, _ in heads)
            shape, dtype = (rows, *heads[0][0][1:]), heads[0][1]
            with archive.open(f"{key}.npy", "w", force_zip64=True) as entry:
                head = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
                np.lib.format.write_array_header_1_0(entry, head)
                for chunk in chunks:
                    entry.write(np.ascontiguousarray(_read(chunk, key)).data)


def _read(chunk: Path, key: str) -> NDArray[Any]:
    with np.load(chunk) as arrays:
        found: NDArray[Any] = arrays[key]
        return found


def _header(chunk: Path, key: str) -> tuple[tuple[int, ...], np.dtype[Any]]:
    with zipfile.ZipFile(chunk) as archive, archive.open(f"{key}.npy") as entry:
        np.lib.format.read_magic(entry)
        shape, _, dtype = np.lib.format.read_array_header_1_0(entry)
    return shape, dtype
