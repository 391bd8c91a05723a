"""How fast a unit is graded, beside `nbgrader autograde`: the same submissions, in the same run, as a ratio.

    python -m saw_edu.bench.grading --submissions 40 --record speed

The unit is the small one of the tests: one notebook that imports torch, two exercises, no experiment. nbgrader runs the
whole notebook and `saw-edu grade` only its exercises, so experiments would widen the gap. Both start from nothing, as
commands, and all that they need to start counts. `saw-edu grade` runs before nbgrader and after it, for a machine that
is busier at one time than at another; the ratio is to the mean of the two.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from itertools import cycle, islice
from pathlib import Path

import nbformat
import tyro
from nbgrader.api import Gradebook

import saw_edu
from saw_edu.classroom.authoring.chapter import Chapter
from saw_edu.classroom.authoring.markers import MARKERS
from saw_edu.classroom.authoring.mutants import exercise_sets
from saw_edu.classroom.authoring.nbgrader_setup import find_alembic
from saw_edu.classroom.authoring.release import student_notebooks
from saw_edu.classroom.authoring.source import chapter_paths, read_chapter
from saw_edu.classroom.sandbox.outside import find_bubblewrap
from saw_edu.place import course_root, write_text
from saw_edu.runs.provenance import origin

UNIT = "unit1"
JOBS = 2


@dataclass(frozen=True)
class Speed:
    """What was measured. seconds: of each run of `saw-edu grade`. same: whether both gave all students equal scores."""

    submissions: int
    jobs: int
    nbgrader_seconds: float
    seconds: tuple[float, ...]
    same: bool

    @property
    def ratio(self) -> float:
        """How many times longer nbgrader takes."""
        return self.nbgrader_seconds / statistics.fmean(self.seconds)


def measure(submissions: int, jobs: int = JOBS) -> Speed:
    """Grade so many submissions both ways, in temporary courses.

    Raises RuntimeError where bubblewrap is missing or one of the two fails, FileNotFoundError outside a checkout.
    """
    if find_bubblewrap() is None:
        raise RuntimeError("bubblewrap (the command bwrap, Linux only) was not found: there is no sandbox to measure")
    fixture = course_root() / "tests" / "fixtures" / "course" / "solutions"
    if not fixture.is_dir():
        raise FileNotFoundError(f"{fixture} is missing: the benchmark needs a whole checkout of the course")
    with tempfile.TemporaryDirectory(prefix="saw-edu-bench-") as folder:
        courses = [Path(folder) / name for name in ("before", "nbgrader", "after")]
        for course in courses:
            _make_course(fixture, course, submissions)
        own = [sys.executable, "-m", "saw_edu.cli", "grade", UNIT, "--jobs", str(jobs)]
        first = _timed(own, courses[0])
        theirs = _timed([sys.executable, "-m", "nbgrader", "autograde", UNIT], courses[1])
        last = _timed(own, courses[2])
        scores = [_scores(course) for course in courses]
    if len(scores[0]) != submissions:
        raise RuntimeError(f"{len(scores[0])} of {submissions} submissions were graded")
    return Speed(submissions, jobs, theirs, (first, last), scores[0] == scores[1] == scores[2])


def _make_course(fixture: Path, course: Path, submissions: int) -> None:
    """A course with its gradebook, in which students handed in right and wrong answers in turn."""
    shutil.copytree(fixture, course / "solutions", ignore=shutil.ignore_patterns("__pycache__"))
    config = "from pathlib import Path\nfrom saw_edu.classroom.authoring.nbgrader_setup import configure\n"
    config += "configure(get_config(), Path(__file__).resolve().parent)\n"
    (course / "nbgrader_config.py").write_text(config)
    (chapter,) = [read_chapter(path) for path in chapter_paths(course, UNIT)]
    made = student_notebooks(UNIT, [chapter], f"sqlite:///{course / 'gradebook.db'}")
    release = made[f"{chapter.name}.ipynb"]
    for number, answers in enumerate(islice(cycle(_answers(chapter)), submissions)):
        notebook = nbformat.reads(release.decode(), as_version=4)
        for node, cell in zip(notebook.cells, chapter.cells, strict=True):
            if cell.role == "exercise":
                lines = answers.get(cell.name, cell.source).split("\n")
                node.source = "\n".join(line for line in lines if not any(marker in line for marker in MARKERS))
        path = course / "submitted" / f"student{number:03}" / UNIT / f"{chapter.name}.ipynb"
        path.parent.mkdir(parents=True)
        nbformat.write(notebook, path)


def _answers(chapter: Chapter) -> list[dict[str, str]]:
    """The solution, then each declared wrong and right answer, as exercise → source; an exercise left out is solved."""
    found: list[dict[str, str]] = [{}]
    for declared in exercise_sets(chapter):
        found += [{declared.cell.name: mutant.apply(declared.cell.source)} for mutant in declared.mutants]
        found += [{declared.cell.name: text} for text in declared.alternatives]
    return found


def _timed(command: list[str], course: Path) -> float:
    library = str(Path(saw_edu.__path__[0]).resolve().parent)
    paths = [library, *filter(None, [os.environ.get("PYTHONPATH")])]
    find_alembic()
    started = time.perf_counter()
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    done = subprocess.run(command, cwd=course, capture_output=True, text=True, env=environment)
    elapsed = time.perf_counter() - started
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command[2:])} failed: {done.stderr[-600:]}")
    return elapsed


def _scores(course: Path) -> dict[str, float]:
    with Gradebook(f"sqlite:///{course / 'gradebook.db'}", "saw-edu") as gradebook:
        return {s.student.id: s.score for s in gradebook.assignment_submissions(UNIT)}


def text(speed: Speed) -> str:
    """The measurement in words."""
    own = " and ".join(f"{seconds:.1f} s" for seconds in speed.seconds)
    theirs = speed.nbgrader_seconds / speed.submissions
    each = statistics.fmean(speed.seconds) / speed.submissions
    return (
        f"grading {speed.submissions} submissions of a unit that imports torch\n"
        f"nbgrader autograde: {speed.nbgrader_seconds:.1f} s ({theirs:.2f} s each)\n"
        f"saw-edu grade --jobs {speed.jobs}: {own} ({each:.2f} s each, its start included)\n"
        f"the same scores: {'yes' if speed.same else 'NO'}\n"
        f"ratio: {speed.ratio:.1f} to 1"
    )


def main(submissions: int = 40, jobs: int = JOBS, record: str | None = None) -> None:
    """Grading speed beside nbgrader's own, as a ratio.

    Args:
        submissions: how many.
        jobs: submissions at a time; nbgrader takes one.
        record: write assets/results/grading/NAME.json.
    """
    if min(submissions, jobs) < 1:
        raise SystemExit("--submissions and --jobs must be at least 1")
    about = {"command": f"python -m saw_edu.bench.grading --submissions {submissions}", **origin()}
    load = round(os.getloadavg()[0], 2)
    speed = measure(submissions, jobs)
    print(text(speed))
    if record:
        machine = {"machine": f"{platform.machine()} CPU", "cores": os.cpu_count(), "load before": load}
        content = {**about, **machine, **asdict(speed), "ratio": speed.ratio}
        write_text(
            course_root() / "assets" / "results" / "grading" / f"{record}.json", json.dumps(content, indent=1) + "\n"
        )


if __name__ == "__main__":
    tyro.cli(main)
