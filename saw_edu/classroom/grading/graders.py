"""Who grades whole submissions: sandboxes of this machine, or workers of a Ray cluster with sandboxes of their own.

A Ray worker reads the course itself, from the same path as this machine: the course's folder has to be shared between
all machines, `submitted/` included, and the library installed on each in the same version. Students' code runs in the
worker's sandbox, and the worker judges. Back comes JSON; only this process writes to the gradebook and `autograded/`.
"""

import importlib
import json
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol

from saw_edu.classroom.grading.gradebook import NotebookResult
from saw_edu.classroom.grading.judge import CheckResult
from saw_edu.classroom.grading.plan import UnitPlan, read_unit
from saw_edu.classroom.grading.submission import UngradableError, read_submission
from saw_edu.classroom.grading.worker import grade_submission, prove
from saw_edu.classroom.sandbox.outside import Limits, Sandbox

_START_SECONDS = 300.0


class RayError(RuntimeError):
    """Ray cannot be used; the message says what to do."""


class Grader(Protocol):
    """Grades one submission at a time."""

    def grade(self, student: str) -> list[NotebookResult]:
        """Grade all notebooks of a student."""


class LocalGrader:
    """A sandbox of this machine. deadline: seconds for one submission. starting: done when the sandbox has started."""

    def __init__(
        self, sandbox: Sandbox, plan: UnitPlan, limits: Limits, deadline: float, starting: Future[None] | None = None
    ):
        self.sandbox, self.plan, self.limits, self.deadline = sandbox, plan, limits, deadline
        self.starting = starting

    def grade(self, student: str) -> list[NotebookResult]:
        """Grade all notebooks of a student."""
        if self.starting is not None:
            self.starting.exception()  # one that failed is started again, and then says why not
        folder = self.plan.course / "submitted" / student / self.plan.name
        return grade_submission(self.sandbox, self.plan, folder, self.limits, time.monotonic() + self.deadline)


@contextmanager
def local_graders(
    plan: UnitPlan, jobs: int, limits: Limits, deadline: float, *, sandboxed: bool
) -> Iterator[list[Grader]]:
    """Sandboxes of this machine, all starting at once, one of them proved on the course's own solutions.

    Their threads live as long as they do: bubblewrap ends a sandbox with the thread that it was started from.
    Raises SandboxError, or PlanError where the solutions do not pass.
    """
    with ExitStack() as stack:
        pool = stack.enter_context(ThreadPoolExecutor(jobs))
        boxes = [Sandbox(plan.course, plan.modules, plan.checks, confined=sandboxed, slot=slot) for slot in range(jobs)]
        for box in boxes:
            stack.callback(box.close)
        starting = [pool.submit(box.start) for box in boxes]
        stack.callback(wait, starting)
        starting[0].result()
        prove(boxes[0], plan, limits)
        yield [LocalGrader(box, plan, limits, deadline, start) for box, start in zip(boxes, starting, strict=True)]


class _RayWorker:
    """What runs in a Ray worker: the unit, read anew there, and one sandbox."""

    def __init__(self, course: str, unit: str, limits: dict[str, Any], deadline: float, sandboxed: bool, slot: int):
        self.plan = read_unit(Path(course), unit)
        self.limits = Limits(**limits)
        box = Sandbox(self.plan.course, self.plan.modules, self.plan.checks, confined=sandboxed, slot=slot)
        box.start()
        self.grader = LocalGrader(box, self.plan, self.limits, deadline)

    def prepare(self) -> str:
        """Prove the unit here. Returns the digest of its sources."""
        prove(self.grader.sandbox, self.plan, self.limits)
        return self.plan.digest

    def grade(self, student: str) -> str:
        """Grade a student; the results as JSON."""
        return json.dumps([_as_data(result) for result in self.grader.grade(student)])


def _as_data(result: NotebookResult) -> dict[str, Any]:
    checks = [asdict(check) for check in result.checks]
    return {
        "notebook": result.plan.name,
        "state": result.state,
        "reason": result.reason,
        "flags": list(result.flags),
        "checks": checks,
    }


class RayGrader:
    """A Ray worker, seen from here. wait: fetches a result from Ray."""

    def __init__(self, actor: Any, wait: Callable[..., Any], plan: UnitPlan, seconds: float):
        self.actor, self.wait, self.plan, self.seconds = actor, wait, plan, seconds

    def grade(self, student: str) -> list[NotebookResult]:
        """Have all notebooks of a student graded there."""
        found = json.loads(self.wait(self.actor.grade.remote(student), timeout=self.seconds))
        return [self._result(student, data) for data in found]

    def _result(self, student: str, data: dict[str, Any]) -> NotebookResult:
        """A worker's result, with the submission as this machine reads it."""
        plans = {chapter.name: chapter for chapter in self.plan.chapters}
        plan = plans[data["notebook"]]
        checks = tuple(CheckResult(**check) for check in data["checks"])
        submission = None
        if data["state"] == "graded":
            others = [other for other in self.plan.chapters if other is not plan]
            path = self.plan.course / "submitted" / student / self.plan.name / f"{plan.name}.ipynb"
            try:
                submission = read_submission(path, plan, others)
            except UngradableError as error:
                raise RayError(f"{path} is not the same on the Ray worker as here: {error}") from None
        return NotebookResult(plan, data["state"], checks, data["reason"], tuple(data["flags"]), submission)


def _must_answer(address: str) -> None:
    """Raise RayError where nothing listens at host:port: Ray itself would wait for minutes."""
    host, colon, port = address.rpartition("://")[2].rpartition(":")
    if colon and port.isdigit():
        try:
            socket.create_connection((host, int(port)), timeout=10).close()
        except (OSError, OverflowError) as error:
            raise RayError(f"no Ray cluster at {address!r}: {error}. Start one with `ray start --head`") from None


@contextmanager
def ray_graders(
    plan: UnitPlan, address: str, jobs: int | None, limits: Limits, deadline: float, *, sandboxed: bool
) -> Iterator[list[Grader]]:
    """Workers of a Ray cluster, or of a local one that is started for it (address "local").

    jobs: how many; by default as many as the cluster has processors.
    Raises RayError where Ray is missing, cannot be reached, or has another version of the course.
    """
    try:
        ray: Any = importlib.import_module("ray")
    except ImportError:
        raise RayError("--ray needs Ray: `pip install 'saw-edu[ray]'`") from None
    _must_answer(address)
    try:
        local: dict[str, Any] = {"num_cpus": jobs, "include_dashboard": False} if address == "local" else {}
        ray.init(address=address, log_to_driver=False, logging_level="error", **local)
    except Exception as error:
        raise RayError(f"no Ray cluster at {address!r}: {type(error).__name__}: {str(error)[:300]}") from None
    try:
        count = jobs or max(1, int(ray.cluster_resources().get("CPU", 1)))
        worker = ray.remote(_RayWorker).options(num_cpus=1, max_restarts=3, max_task_retries=1)
        given = (str(plan.course), plan.name, asdict(limits), deadline, sandboxed)
        actors = [worker.remote(*given, slot) for slot in range(count)]
        try:
            digests = ray.get([actor.prepare.remote() for actor in actors], timeout=_START_SECONDS)
        except Exception as error:
            said = str(getattr(error, "cause", None) or error).strip()
            raise RayError(
                f"a Ray worker cannot grade: {said[-800:]}. Every machine of the cluster needs the course's folder at "
                f"{plan.course}, this library, and bubblewrap"
            ) from None
        if set(digests) != {plan.digest}:
            raise RayError(
                f"a Ray worker has another version of the course or of the library than this machine: {plan.course} "
                "and the installed saw_edu have to be the same everywhere"
            )
        yield [RayGrader(actor, ray.get, plan, 2 * deadline + 120) for actor in actors]
    finally:
        ray.shutdown()
