"""Where the course keeps its small files, how files are written, and what a misspelt name may have meant."""

import difflib
import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


def course_root(start: Path | None = None) -> Path:
    """The folder of the course, which has `saw_edu/` and `assets/` in it.

    Looked for upwards from the working directory, then beside the installed library; the environment variable
    SAW_EDU_COURSE decides where it is set; that folder needs no notebooks.

    Raises:
        FileNotFoundError: when none of these is a checkout of the course.
    """
    given = os.environ.get("SAW_EDU_COURSE")
    here = (start or Path.cwd()).resolve()
    places = [Path(given)] if given else [here, *here.parents, Path(__file__).resolve().parents[1]]
    for place in places:
        if (place / "assets").is_dir() and (given or (place / "notebooks").is_dir()):  # a sandbox shows assets only
            return place
    raise FileNotFoundError(
        "the course's assets were not found: open the notebook inside the course's folder, "
        "or set SAW_EDU_COURSE to that folder"
    )


def asset(name: str) -> Path:
    """The path of a file under `assets/`, e.g. `asset("golden/saw.npz")`.

    Raises:
        FileNotFoundError: no such file.
    """
    path = course_root() / "assets" / name
    if not path.exists():
        raise FileNotFoundError(f"assets/{name} is missing: is this a whole checkout of the course?")
    return path


@contextmanager
def whole_file(path: str | Path) -> Iterator[BinaryIO]:
    """Write a file so that its path holds the old content or the new one, never a part.

    On any error, a full disk among them, the old file stays and nothing else is left behind.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}-", suffix=".partial", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, 0o644)
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def write_text(path: str | Path, text: str) -> None:
    """Write a text file, UTF-8, whole or not at all."""
    with whole_file(path) as file:
        file.write(text.encode("utf-8"))


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """ ", did you mean 'saw'?" where a known name is similar, else "."."""
    names = {each.lower(): each for each in known}
    near = difflib.get_close_matches(name.lower(), names, n=1, cutoff=0.5)
    return f", did you mean {names[near[0]]!r}?" if near else "."
