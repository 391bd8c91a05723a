"""The warm process of a sandbox: imports the library once, then forks for every program that it is handed.

It speaks over one socket (its number is the first argument) with the trusted process outside: a line of JSON for each
job, with three file descriptors: the program's first part, where to write the result, and the program's second part.
It reads none of them. So nothing that a student or an author of hidden tests wrote is ever in the memory that the next
student's process is forked from.
"""

import contextlib
import ctypes
import json
import os
import select
import signal
import socket
import sys
import time
from pathlib import Path
from typing import Any

_POLL = 0.01
_SET_CHILD_SUBREAPER = 36


def main() -> None:
    """Warm up, say so, then serve jobs one at a time until the socket closes."""
    channel = socket.socket(fileno=int(sys.argv[1]))
    settings = json.loads(_line(channel))
    from saw_edu.classroom.sandbox.inside import student

    try:
        student.warm_up(settings["modules"], settings["checks"])
    except Exception as error:
        _say(channel, {"ready": False, "error": f"{type(error).__name__}: {error}"})
        return
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    _say(channel, {"ready": True})
    while True:
        message, descriptors, _, _ = socket.recv_fds(channel, 1 << 16, 3)
        if not message:
            return
        job = json.loads(message)
        try:
            outcome = _run(job, settings, descriptors)
        except OSError as error:
            outcome = {"end": "refused", "detail": str(error)}
        finally:
            for descriptor in descriptors:
                os.close(descriptor)
        _say(channel, outcome)


def _line(channel: socket.socket) -> bytes:
    data = b""
    while not data.endswith(b"\n"):
        piece = channel.recv(1 << 16)
        if not piece:
            sys.exit(0)
        data += piece
    return data


def _say(channel: socket.socket, message: dict[str, Any]) -> None:
    channel.sendall(json.dumps(message).encode("ascii") + b"\n")


def _run(job: dict[str, Any], settings: dict[str, Any], descriptors: list[int]) -> dict[str, Any]:
    """Fork a process for one job, watch it, and tell how it ended: "exit", "signal", "time", "memory", "refused"."""
    from saw_edu.classroom.sandbox.inside import confine

    reading, writing = os.pipe()
    first = confine.fork_apart() if settings["confined"] else os.fork()
    if first == 0:
        try:
            _first(job, settings, descriptors, writing)
        finally:
            os._exit(0)
    os.close(writing)
    try:
        return _watch(first, reading, job["limits"], settings["confined"])
    finally:
        os.close(reading)


def _first(job: dict[str, Any], settings: dict[str, Any], descriptors: list[int], report: int) -> None:
    """Process 1 of the new namespaces: gives up its rights, forks the student's process, and waits for it."""
    from saw_edu.classroom.sandbox.inside import confine, student

    try:
        if settings["confined"]:
            confine.fresh_folders(settings["scratch"], settings["covered"], settings["scratch_mebibytes"])
            confine.give_up_rights(settings["user"], job["limits"])
        else:
            os.setsid()
            confine.set_limits(job["limits"])
        (asked, ask), (rest, give) = os.pipe(), os.pipe()
        worker = os.fork()
    except OSError as error:
        os.write(report, json.dumps({"end": "refused", "detail": str(error)[:200]}).encode() + b"\n")
        return
    if worker == 0:
        try:
            student.run([*descriptors[:2], ask, rest], settings["scratch"])
        finally:
            os._exit(1)
    for descriptor in (*descriptors[:2], ask, rest):
        os.close(descriptor)
    status = _give_when_asked(worker, asked, descriptors[2], give)
    while status is None:  # as process 1 it also reaps what student processes leave behind
        pid, code = os.wait()
        status = code if pid == worker else None
    if os.WIFSIGNALED(status):
        end: dict[str, Any] = {"end": "signal", "signal": os.WTERMSIG(status)}
    else:
        end = {"end": "exit", "code": os.WEXITSTATUS(status)}
    os.write(report, json.dumps(end).encode() + b"\n")


def _give_when_asked(worker: int, asked: int, second_part: int, give: int) -> int | None:
    """Hand the program's second part over, once, as soon as the worker asks. Returns its status if it ends before."""
    while not select.select([asked], [], [], _POLL)[0]:
        while (ended := os.waitpid(-1, os.WNOHANG))[0]:
            if ended[0] == worker:
                return ended[1]
    if os.read(asked, 1):
        with os.fdopen(second_part, "rb") as stream, contextlib.suppress(OSError):  # a worker that does not read it
            data = stream.read()
            while data:
                data = data[os.write(give, data) :]
    os.close(give)
    os.close(asked)
    return None


def _watch(first: int, reading: int, limits: dict[str, Any], confined: bool) -> dict[str, Any]:
    """Wait for the report; kill everything of the job when it takes too long or too much memory, and when it ends."""
    started, wait, text = time.monotonic(), _POLL, b""
    end: dict[str, Any] = {"end": "refused", "detail": "the process could not be started"}
    while True:
        if select.select([reading], [], [], wait)[0]:
            piece = os.read(reading, 4096)
            text += piece
            if not piece or text.endswith(b"\n"):
                break
        elif _too_long(first, time.monotonic() - started, limits):
            end, text = {"end": "time"}, b""
            break
        elif (excess := _excess(first, limits)) is not None:
            end, text = {"end": excess}, b""
            break
        wait = min(wait * 1.5, 0.1)
    _kill(first, confined)
    return dict(json.loads(text)) if text.endswith(b"\n") else end


def _too_long(first: int, elapsed: float, limits: dict[str, Any]) -> bool:
    """Whether a job's time is over: on a busy machine, a job that got little of the processor is given more of it."""
    if elapsed < limits["seconds"]:
        return False
    return elapsed > limits["patience"] or _processor_seconds([first, *_descendants(first)]) > limits["seconds"] / 2


def _processor_seconds(pids: list[int]) -> float:
    ticks = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
            ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def _kill(first: int, confined: bool) -> None:
    """Kill a job: process 1 of its namespace takes all others with it; without a namespace, all descendants go."""
    if not confined:
        for _ in range(20):  # one that forks while it is being killed is caught in a later round
            found = [pid for pid in _descendants(os.getpid()) if pid != first]
            for pid in found:
                _signal(pid)
                with contextlib.suppress(ChildProcessError):
                    os.waitpid(pid, os.WNOHANG)
            if not found:
                break
            time.sleep(_POLL)
    _signal(first)
    os.waitpid(first, 0)


def _signal(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def _descendants(root: int) -> list[int]:
    """All processes below one, as /proc shows them now."""
    parents: dict[int, list[int]] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        parents.setdefault(int(fields[1]), []).append(int(folder.name))
    found, todo = [], [root]
    while todo:
        children = parents.get(todo.pop(), [])
        found += children
        todo += children
    return found


def _excess(first: int, limits: dict[str, Any]) -> str | None:
    """Which limit a job exceeds as a whole: "processes" (where the kernel's own limit does not bind) or "memory"."""
    pids = [first, *_descendants(first)]
    if len(pids) > limits["processes"] + 2:
        return "processes"
    limit = limits["memory_bytes"]
    rough = sum(_field(pid, "status", ("RssAnon:", "RssShmem:")) for pid in pids)
    if rough <= limit:  # a quick upper bound, in which shared pages count for each process
        return None
    exact = sum(_field(pid, "smaps_rollup", ("Pss_Anon:", "Pss_Shmem:")) for pid in pids)
    return "memory" if (exact or rough) > limit else None


def _field(pid: int, name: str, labels: tuple[str, ...]) -> int:
    try:
        lines = Path(f"/proc/{pid}/{name}").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith(labels))


if __name__ == "__main__":
    main()
