"""Where the course keeps its small files: golden cases, checkpoints, recorded results."""

import os
from pathlib import Path


def course_root(start: Path | None = None) -> Path:
    """The folder of the course, which has `saw_edu/` and `assets/` in it.

    Looked for upwards from the working directory, then beside the installed library; the environment variable
    SAW_EDU_COURSE decides where it is set.

    Raises:
        FileNotFoundError: when none of these is a checkout of the course.
    """
    given = os.environ.get("SAW_EDU_COURSE")
    here = (start or Path.cwd()).resolve()
    places = [Path(given)] if given else [here, *here.parents, Path(__file__).resolve().parents[1]]
    for place in places:
        if (place / "assets").is_dir() and (place / "notebooks").is_dir():
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
