"""Synthetic submissions of a real unit, each with the points that it must get: mixed, broken and hostile ones.

    PYTHONPATH=. python tests/grade_synthetic.py --submissions 300 --jobs 2

grades them in a temporary course and says how long it took, how much memory, and whose points were not those expected.
"""

import argparse
import ast
import random
import resource
import shutil
import sys
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
from nbgrader.api import Gradebook

from saw_edu.classroom.authoring.chapter import Cell, Chapter
from saw_edu.classroom.authoring.markers import MARKERS
from saw_edu.classroom.authoring.mutants import ExerciseSet, exercise_sets
from saw_edu.classroom.authoring.release import student_notebooks
from saw_edu.classroom.authoring.source import chapter_paths, read_chapter
from saw_edu.classroom.grading.plan import bound
from saw_edu.classroom.grading.run import Options, StudentResult, grade_unit
from saw_edu.classroom.reports.report import report_unit, summary

ROOT = Path(__file__).resolve().parent.parent
HOSTILE = {
    "loop": "def {name}(*a, **k):\n    while True:\n        pass",
    "exit": "import os\ndef {name}(*a, **k):\n    os._exit(0)",
    "memory": "def {name}(*a, **k):\n    return [bytearray(10**7) for _ in range(10**5)]",
    "equal": "class E:\n    def __eq__(self, other):\n        return True\ndef {name}(*a, **k):\n    return E()",
    "patch": "import torch\ntorch.allclose = torch.equal = lambda *a, **k: True\ndef {name}(*a, **k):\n    return 0",
    "reads": "def {name}(*a, **k):\n    return open('solutions/unit5/16_saw_hidden.py').read()",
    "forks": "import os\ndef {name}(*a, **k):\n    while os.fork() >= 0:\n        pass",
    "flood": "import os\ndef {name}(*a, **k):\n    while True:\n        os.write(3, b'x' * 65536)",
    "judge": "from saw_edu.checks.check import Check\nCheck.judge = None\ndef {name}(*a, **k):\n    return 0",
}
BROKEN = ("empty", "truncated", "renamed", "foreign", "web page")


@dataclass
class Synthetic:
    """One submission. files: name → content. points: exercise → what it must be given; None: not graded."""

    kind: str
    files: dict[str, bytes] = field(default_factory=dict)
    points: dict[str, float | None] = field(default_factory=dict)


def used_answers(chapters: list[Chapter]) -> dict[str, set[str]]:
    """For each exercise, the earlier ones whose answers its solution calls."""
    found: dict[str, set[str]] = {}
    for chapter in chapters:
        earlier: dict[str, str] = {}
        for cell in chapter.exercises():
            names = {node.id for node in ast.walk(ast.parse(cell.source)) if isinstance(node, ast.Name)}
            found[cell.name] = {earlier[name] for name in names & earlier.keys()}
            earlier |= dict.fromkeys(bound(cell.source), cell.name)
    return found


def make(chapters: list[Chapter], unit: str, count: int, seed: int = 0) -> dict[str, Synthetic]:
    """Draw submissions: of each ten about eight are honest, one is broken, and one attacks the grader."""
    generator = random.Random(seed)
    releases = student_notebooks(unit, chapters)
    used = used_answers(chapters)
    found = {}
    for number in range(count):
        kind = generator.choices(("honest", "broken", "hostile"), (8, 1, 1))[0]
        made = Synthetic(kind)
        attacked = ""
        if kind == "hostile":
            names = [cell.name for chapter in chapters for cell in chapter.exercises()]
            called = set().union(*used.values())
            attacked = generator.choice([name for name in names if not used[name] and name not in called])
            made.kind = generator.choice(sorted(HOSTILE))
        for chapter in chapters:
            answers: dict[str, str] = {}
            for declared in exercise_sets(chapter):
                name = declared.cell.name
                worth = sum(float(check.tags["points"]) for check in chapter.checks(name))
                fit = all(made.points[other] for other in used[name])  # of what it calls, all is right
                answers[name], right = _answer(declared, generator, fit)
                if name == attacked:
                    (function,) = bound(declared.cell.source)
                    answers[name], right = HOSTILE[made.kind].format(name=function), False
                made.points[name] = worth if right else 0.0
            made.files[f"{chapter.name}.ipynb"] = _notebook(chapter, releases[f"{chapter.name}.ipynb"], answers)
        if kind == "broken":
            _break(made, generator.choice(chapters), generator.choice(BROKEN))
        found[f"student{number:03}"] = made
    return found


def _answer(declared: ExerciseSet, generator: random.Random, fit: bool) -> tuple[str, bool]:
    """An answer, and whether it is right; where it could not be, the exercise is not started."""
    kind = generator.choices(("solution", "alternative", "mutant", "released"), (50, 20, 25, 5))[0]
    if not fit or kind == "released":
        return declared.cell.released, False
    if kind == "mutant":
        return generator.choice(declared.mutants).apply(declared.cell.source), False
    return generator.choice(declared.alternatives) if kind == "alternative" else declared.cell.source, True


def _notebook(chapter: Chapter, release: bytes, answers: dict[str, str]) -> bytes:
    notebook = nbformat.reads(release.decode(), as_version=4)
    cells: list[Cell] = chapter.cells
    for node, cell in zip(notebook.cells, cells, strict=True):
        if cell.role == "exercise":
            lines = answers[cell.name].split("\n")
            node.source = "\n".join(line for line in lines if not any(marker in line for marker in MARKERS))
    return nbformat.writes(notebook).encode()


def _break(made: Synthetic, chapter: Chapter, how: str) -> None:
    name = f"{chapter.name}.ipynb"
    whole = made.files.pop(name)
    foreign = nbformat.writes(nbformat.v4.new_notebook()).encode()
    contents = {"empty": b"", "truncated": whole[:5000], "foreign": foreign, "web page": b"<!DOCTYPE html>"}
    made.files[f"copy of {name}" if how == "renamed" else name] = contents.get(how, whole)
    made.points |= dict.fromkeys((cell.name for cell in chapter.exercises()), None)
    made.kind = how


def run(root: Path, unit: str, count: int, jobs: int) -> tuple[dict[str, Synthetic], list[StudentResult], list[str]]:
    """Make a course with so many submissions and grade them. Returns also whose points are not those expected."""
    shutil.copytree(ROOT / "solutions", root / "solutions", ignore=shutil.ignore_patterns("__pycache__", "*.ipynb"))
    shutil.copytree(ROOT / "assets", root / "assets")
    chapters = [read_chapter(path) for path in chapter_paths(root, unit)]
    submissions = make(chapters, unit, count)
    for student, made in submissions.items():
        for name, data in made.files.items():
            path = root / "submitted" / student / unit / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
    results = grade_unit(root, unit, Options(jobs=jobs))
    checks = {check.grade_id: cell.name for chapter in chapters for cell in chapter.exercises()
              for check in chapter.checks(cell.name)}  # fmt: skip
    wrong = [f"{result.student}: {result.error}" for result in results if result.error]
    with Gradebook(f"sqlite:///{root / 'gradebook.db'}", "saw-edu") as gradebook:
        for submission in gradebook.assignment_submissions(unit):
            expected = submissions[submission.student.id]
            for grade in [grade for notebook in submission.notebooks for grade in notebook.grades]:
                name = checks.get(grade.name)
                if name and grade.auto_score != expected.points[name]:
                    where = f"{submission.student.id} ({expected.kind}), {name}"
                    wrong.append(f"{where}: {grade.auto_score} instead of {expected.points[name]}")
    return submissions, results, wrong


def _watch(peak: list[int], stop: threading.Event) -> None:
    """Note the most memory that all processes of this user take together, in MiB, shared pages once."""
    while not stop.wait(2):
        total = 0
        for path in Path("/proc").glob("[0-9]*/smaps_rollup"):
            try:
                if b"saw_edu" in (command := (path.parent / "cmdline").read_bytes()) or b"grade_synthetic" in command:
                    total += sum(int(line.split()[1]) for line in path.read_text().splitlines() if line[:4] == "Pss:")
            except OSError:
                continue
        peak[0] = max(peak[0], total // 1024)


def main() -> None:
    """Run and report."""
    parser = argparse.ArgumentParser(description="Grade synthetic submissions of a unit end to end.")
    parser.add_argument("--submissions", type=int, default=300)
    parser.add_argument("--unit", default="unit5")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--keep", type=Path, help="make the course in this folder, and leave it")
    arguments = parser.parse_args()
    peak, stop = [0], threading.Event()
    threading.Thread(target=_watch, args=(peak, stop), daemon=True).start()
    with tempfile.TemporaryDirectory(prefix="saw-edu-synthetic-") as folder:
        root = arguments.keep or Path(folder) / "course"
        started = time.perf_counter()
        submissions, results, wrong = run(root, arguments.unit, arguments.submissions, arguments.jobs)
        seconds = time.perf_counter() - started
        stop.set()
        report, _ = report_unit(root, arguments.unit)
        print(summary(report))
    kinds = Counter(made.kind for made in submissions.values())
    print(", ".join(f"{count} {kind}" for kind, count in kinds.most_common()))
    print(f"{len(results)} submissions in {seconds:.0f} s, {arguments.jobs} at a time")
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(f"memory: {own} MiB in the trusted process at most, {peak[0]} MiB with all sandboxes")
    print("\n".join(wrong) or "all points are those expected")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
