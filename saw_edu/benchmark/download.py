"""OGBench's own data: from its server, or a mirror when that is down; resumed where it was cut off, and verified."""

from __future__ import annotations

import hashlib
import json
import os
import re
import urllib.error
import urllib.request
import zipfile
import zlib
from pathlib import Path

import numpy as np
from tqdm.auto import tqdm

from saw_edu.benchmark.names import DataSet
from saw_edu.place import write_text

SERVERS = (
    "https://rail.eecs.berkeley.edu/datasets/ogbench",
    "https://huggingface.co/datasets/zhouzypaul/ogbench_datasets/resolve/main",  # a mirror; see OGBench's issue 49
)
VARIABLE = "SAW_EDU_DATA_SERVERS"  # other addresses, separated by spaces
_PIECE = 1 << 20  # bytes
_TIMEOUT = 30.0  # seconds without an answer


class DownloadError(OSError):
    """Data that could not be had; the message says what was tried and what else can be done."""


def folder() -> Path:
    """Where data of the suite lie: $SAW_EDU_DATA, or OGBench's own ~/.ogbench/data."""
    return Path(os.environ.get("SAW_EDU_DATA", "~/.ogbench/data")).expanduser()


def download(data: DataSet, into: str | Path | None = None, *, progress: bool = True) -> tuple[Path, Path]:
    """Get a data set and its validation part, unless they are there. Returns the two files.

    A file is whole when it has the size that the server told, its archive's check sums agree and, where the server
    tells a SHA-256, that too; the one found is noted in NAME.json beside it.

    Raises:
        DownloadError: no server answered, or what came is damaged.
    """
    place = folder() if into is None else Path(into).expanduser()
    place.mkdir(parents=True, exist_ok=True)
    files = place / f"{data.name}.npz", place / f"{data.name}-val.npz"
    digests = {file.name: _get(file, progress) for file in files if not file.exists()}
    if digests:
        write_text(files[0].with_suffix(".json"), json.dumps({"downloaded": digests}, indent=1) + "\n")
    return files


def _get(path: Path, progress: bool) -> dict[str, str]:
    servers = os.environ.get(VARIABLE, "").split() or SERVERS
    tried = []
    for server in servers:
        address = f"{server.rstrip('/')}/{path.name}"
        try:
            partial = path.with_name(f"{path.name}.part")
            told = _fetch(address, partial, progress)
            digest = _verify(partial, told)
            partial.replace(path)
            return {"from": address, "sha256": digest}
        except (OSError, zipfile.BadZipFile, zlib.error) as error:
            tried.append(f"  {address}: {error}")
    reasons = "\n".join(tried)
    raise DownloadError(
        f"{path.name} could not be downloaded:\n{reasons}\nTry again later (what came is kept), put the file into "
        f"{path.parent} by hand, name another server in {VARIABLE}, or make the data here with `saw-edu data generate` "
        "where that is possible"
    )


def _fetch(address: str, partial: Path, progress: bool) -> str | None:
    """Get what is missing of a file. Returns the SHA-256 that the server tells, if it does."""
    have = partial.stat().st_size if partial.exists() else 0
    request = urllib.request.Request(address, headers={"Range": f"bytes={have}-"} if have else {})
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT) as answer:
            resumed = answer.status == 206
            size = int(answer.headers.get("Content-Length", 0)) + (have if resumed else 0)
            tag = re.search(r"\b[0-9a-f]{64}\b", answer.headers.get("X-Linked-Etag", answer.headers.get("ETag", "")))
            bar = tqdm(
                total=size or None, initial=have if resumed else 0, unit="B", unit_scale=True, disable=not progress
            )
            with bar, partial.open("ab" if resumed else "wb") as file:
                while piece := answer.read(_PIECE):
                    file.write(piece)
                    bar.update(len(piece))
    except urllib.error.HTTPError as error:
        if error.code == 416 and have:  # nothing is missing
            return None
        raise
    if size and partial.stat().st_size < size:
        raise OSError(f"cut off after {partial.stat().st_size} of {size} bytes")
    return tag[0] if tag else None


def _verify(path: Path, told: str | None) -> str:
    """The file's SHA-256. A damaged one is deleted; raises OSError or what the archive's reader raises."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            digest.update(piece)
    try:
        if told is not None and digest.hexdigest() != told:
            raise OSError(f"its SHA-256 is {digest.hexdigest()}, the server says {told}")
        with zipfile.ZipFile(path) as archive:
            if damaged := archive.testzip():
                raise OSError(f"{damaged} in it is damaged")
        with np.load(path) as arrays:
            if missing := {"observations", "actions", "terminals"} - set(arrays.files):
                raise OSError(f"it lacks {', '.join(sorted(missing))}")
    except BaseException:
        path.unlink()
        raise
    return digest.hexdigest()
