"""`saw-edu grade`: all submissions of a unit, several at a time, into nbgrader's gradebook and `autograded/`."""

import hashlib
import json
import queue
import shutil
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from nbgrader import api
from tqdm.auto import tqdm

from saw_edu.classroom.authoring.release import replace_folder
from saw_edu.classroom.grading import gradebook as books
from saw_edu.classroom.grading.gradebook import NotebookResult
from saw_edu.classroom.grading.graders import Grader, local_graders, ray_graders
from saw_edu.classroom.grading.intake import take_in
from saw_edu.classroom.grading.judge import AGAIN
from saw_edu.classroom.grading.notebook import autograded
from saw_edu.classroom.grading.plan import UnitPlan, read_unit
from saw_edu.classroom.grading.results import StudentResult, counts, summary
from saw_edu.classroom.grading.settings import database_of, settings_of
from saw_edu.classroom.grading.timestamps import read_timestamp
from saw_edu.classroom.grading.whose import read_roster
from saw_edu.classroom.plain import one_line
from saw_edu.classroom.reports.export import STATUS_FILE
from saw_edu.classroom.sandbox.outside import Limits, SandboxError, find_bubblewrap
from saw_edu.threads import available_cores

Say = Callable[[str], None]


class GradeError(RuntimeError):
    """Grading cannot begin; the message says what to do."""


@dataclass(frozen=True)
class Options:
    """How to grade.

    students: only these (all, where empty). jobs: submissions at a time, by default one for each processor. deadline:
    seconds for one submission. ray: the address of a Ray cluster, "local" for one on this machine; None: no Ray.
    database: the gradebook's address; by default that of nbgrader_config.py, else gradebook.db. handed_in: a folder or
    zip of notebooks from a learning-management system; roster: a table of students with it.
    sandboxed: False runs students' code with your own rights.
    force: grade again what was graded. limits: what one exercise may use.
    """

    students: tuple[str, ...] = ()
    jobs: int | None = None
    deadline: float = 300.0
    database: str | None = None
    handed_in: Path | None = None
    sandboxed: bool = True
    force: bool = False
    limits: Limits = field(default_factory=Limits)
    ray: str | None = None
    roster: Path | None = None


def grade_unit(course: Path, unit: str, options: Options | None = None, say: Say = print) -> list[StudentResult]:
    """Grade a unit's submissions. Returns a result for each student, those of earlier runs marked as skipped.

    Raises GradeError, RayError, SandboxError, PlanError, SourceError or FileNotFoundError before anything is graded.
    """
    options = options or Options()
    if options.sandboxed and options.ray in (None, "local") and find_bubblewrap() is None:
        raise GradeError(
            "there is no sandbox on this machine: bubblewrap (the command bwrap, Linux only) was not found. Install "
            "it, for example with `apt install bubblewrap`. With --no-sandbox, submissions run with your own rights: "
            "they can read the hidden tests, change grades, and use the network. Do that only in a container, or with "
            "submissions that you trust."
        )
    plan = read_unit(course.resolve(), unit)
    if options.handed_in is not None:
        for line in take_in(options.handed_in, course / "submitted", plan, options.roster):
            say(line)
    students = _students(course, unit, options, say)
    settings = settings_of(course)
    books.use_settings(settings)
    url = database_of(settings, course, options.database)
    try:
        books.enter_unit(plan, url)
    except ValueError as error:
        raise GradeError(str(error)) from None
    if options.roster is not None:
        books.enter_students(read_roster(options.roster).rows, url)
    fingerprint = _fingerprint(plan, options, url)
    with books.open_gradebook(url) as gradebook:
        graded = {s.student.id for s in gradebook.assignment_submissions(unit)}
        todo = []
        results = []
        for student in students:
            digest = _digest(fingerprint, course / "submitted" / student / unit)
            _clean(course / "autograded" / student, unit)
            done = not options.force and student in graded and _digest_of_last(course, student, unit) == digest
            if done:
                results.append(StudentResult(student, skipped=True))
            else:
                todo.append((student, digest))
        if not todo:
            say(f"{unit}: nothing new to grade; {len(results)} submissions were graded before (--force grades again)")
            return _with_waiting(gradebook, unit, results)
        if not options.sandboxed:
            say(_WARNING)
        jobs = min(options.jobs or available_cores(), len(todo))
        with _graders(plan, jobs, options) as graders:
            results += _grade_all(course, plan, gradebook, todo, graders)
        return _with_waiting(gradebook, unit, results)


def _with_waiting(gradebook: api.Gradebook, unit: str, results: list[StudentResult]) -> list[StudentResult]:
    """The results in order, with what waits for a person."""
    found: dict[str, list[books.Waiting]] = {}
    for item in books.waiting(gradebook, unit):
        found.setdefault(item.student, []).append(item)
    done = [replace(result, waiting=tuple(found.get(result.student, ()))) for result in results]
    return sorted(done, key=lambda item: item.student)


_WARNING = (
    "!! --no-sandbox: submissions run with YOUR rights. They can read the hidden tests and other submissions, change\n"
    "!! files and grades, and use the network. Go on only in a container, or with submissions that you trust."
)


def _graders(plan: UnitPlan, jobs: int, options: Options) -> AbstractContextManager[list[Grader]]:
    """Sandboxes of this machine, or workers of a Ray cluster."""
    if options.ray is None:
        return local_graders(plan, jobs, options.limits, options.deadline, sandboxed=options.sandboxed)
    workers = jobs if options.jobs else None
    return ray_graders(plan, options.ray, workers, options.limits, options.deadline, sandboxed=options.sandboxed)


def _grade_all(
    course: Path, plan: UnitPlan, gradebook: api.Gradebook, todo: list[tuple[str, str]], graders: list[Grader]
) -> list[StudentResult]:
    """Grade in threads, one for each grader; write in this one, a whole student at a time."""
    idle: queue.Queue[Grader] = queue.Queue()
    for grader in graders:
        idle.put(grader)

    def one(student: str) -> tuple[list[NotebookResult], datetime | None]:
        grader = idle.get()
        try:
            found, timestamp = grader.grade(student), None
            try:
                timestamp = read_timestamp(course / "submitted" / student / plan.name)
            except ValueError as error:
                found[0] = replace(found[0], flags=(*found[0].flags, str(error)))
            return found, timestamp
        finally:
            idle.put(grader)

    results: list[StudentResult] = []
    digests = dict(todo)
    pool = ThreadPoolExecutor(len(graders))
    waiting: dict[Future[Any], str] = {pool.submit(one, student): student for student, _ in todo}
    try:
        with tqdm(total=len(todo), unit="submission", desc=f"grade {plan.name}") as bar:
            while waiting:
                finished, _ = wait(waiting, return_when=FIRST_COMPLETED)
                for future in finished:
                    student = waiting.pop(future)
                    try:
                        notebooks, timestamp = future.result()
                        books.write(gradebook, plan, student, timestamp, notebooks)
                        _write_files(course, plan, student, notebooks, digests[student])
                        done = tuple(replace(notebook, submission=None) for notebook in notebooks)
                        results.append(StudentResult(student, done))  # without what was handed in: that may be large
                    except Exception as error:
                        gradebook.db.rollback()
                        words = (
                            books.LOCKED.format("") if books.is_locked(error) else f"{type(error).__name__}: {error}"
                        )
                        results.append(StudentResult(student, error=words))
                    bar.set_postfix(counts(results), refresh=False)
                    bar.update()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
    return results


def _students(course: Path, unit: str, options: Options, say: Say) -> list[str]:
    folder = course / "submitted"
    places = sorted(path for path in folder.glob(f"*/{unit}") if path.is_dir())
    links = [path.parent.name for path in places if path.is_symlink() or path.parent.is_symlink()]
    if links:
        say(one_line(f"passed over {' and '.join(links)}: links, not folders"))
    there = [path.parent.name for path in places if path.parent.name not in links]
    if not there:
        raise GradeError(
            f"no submissions: put them at {folder}/<student>/{unit}/<notebook>.ipynb, collect them with nbgrader, or "
            "give a folder or zip of notebooks with --from"
        )
    unknown = sorted(set(options.students) - set(there))
    if unknown:
        raise GradeError(
            f"no submission of {unit} by {', '.join(unknown)}; there are {len(there)}: {', '.join(there)[:300]}"
        )
    return [student for student in there if not options.students or student in options.students]


def _fingerprint(plan: UnitPlan, options: Options, url: str) -> bytes:
    """A digest of all that decides a score but the submission itself."""
    settings = json.dumps([asdict(options.limits), options.deadline, url])
    return hashlib.sha256(settings.encode() + plan.digest.encode()).digest()


def _digest(fingerprint: bytes, folder: Path) -> str:
    digest = hashlib.sha256(fingerprint)
    for path in sorted(folder.iterdir()):
        if path.is_file() and not path.is_symlink():
            digest.update(path.name.encode("utf-8", "surrogateescape") + b"\0")
            with path.open("rb") as stream:
                digest.update(hashlib.file_digest(stream, "sha256").digest())
    return digest.hexdigest()


def _digest_of_last(course: Path, student: str, unit: str) -> str | None:
    try:
        text = (course / "autograded" / student / unit / STATUS_FILE).read_text(encoding="utf-8")
        return str(json.loads(text)["digest"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _clean(folder: Path, unit: str) -> None:
    """Remove what a killed run left of its unfinished folders."""
    for path in [*folder.glob(f".{unit}-new-*"), *folder.glob(f".{unit}-old-*")]:
        shutil.rmtree(path, ignore_errors=True)


def _write_files(course: Path, plan: UnitPlan, student: str, notebooks: list[NotebookResult], digest: str) -> None:
    """Write `autograded/<student>/<unit>` as a whole; its status file says that this student is done."""
    files: dict[str, bytes] = {}
    again = any(check.mistake == AGAIN for result in notebooks for check in result.checks)
    status: dict[str, Any] = {"digest": "" if again else digest, "notebooks": {}}  # the next run tries again
    for result in notebooks:
        status["notebooks"][result.plan.name] = {
            "state": result.state,
            "reason": result.reason,
            "flags": list(result.flags),
            "checks": [asdict(check) for check in result.checks],
        }
        if result.state != "missing":
            notes = [result.reason] if result.reason else list(result.flags)
            files[f"{result.plan.name}.ipynb"] = autograded(result.plan, result.submission, list(result.checks), notes)
    stamp = course / "submitted" / student / plan.name / "timestamp.txt"
    if stamp.is_file() and not stamp.is_symlink():
        files["timestamp.txt"] = stamp.read_bytes()[:200]
    files[STATUS_FILE] = (json.dumps(status, indent=1, ensure_ascii=False) + "\n").encode("utf-8", "replace")
    replace_folder(course / "autograded" / student / plan.name, files)


__all__ = ["STATUS_FILE", "GradeError", "Options", "SandboxError", "StudentResult", "grade_unit", "summary"]
