"""The sandbox, seen from outside: starts its warm process under bubblewrap, hands it programs, takes their results.

What a program can do there, on Linux with bubblewrap: read Python, its packages and the course's assets; write to a
scratch folder of its own that vanishes with it. No network, no other process, no file of the course's `solutions/`, no
gradebook, no other submission. Each program has its own namespaces for processes, mounts, IPC and the network, another
user's rights where the grader is root, and limits that hold for root too.
"""

import contextlib
import dataclasses
import json
import os
import platform
import select
import shutil
import site
import socket
import subprocess
import sys
import sysconfig
import tempfile
import time
from pathlib import Path
from typing import IO, Any

import saw_edu
from saw_edu.checks.values import EncodingError
from saw_edu.classroom.sandbox.outcome import Limits, Outcome, read_frames

_START_SECONDS = 180.0
_SECOND_PART = ("phase", "visible", "hidden", "modules")  # of a program: what its tests are
_GRACE_SECONDS = 5.0
_COURSE, _SCRATCH = "/course", "/scratch"
_USER_BASE, _USER_COUNT = 1_900_000_000, 50_000_000
_SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/etc/ld.so.cache", "/etc/ld.so.conf",
           "/etc/ld.so.conf.d", "/etc/alternatives", "/etc/fonts", "/etc/localtime", "/etc/ssl/certs",
           "/nix/store")  # fmt: skip
_CAPABILITIES = ("CAP_SYS_ADMIN", "CAP_SETUID", "CAP_SETGID", "CAP_SETPCAP", "CAP_KILL", "CAP_SYS_PTRACE")


class SandboxError(RuntimeError):
    """No sandbox can be made here; the message says what to do."""


class _GoneError(OSError):
    """The warm process ended, which no student's code can bring about."""


def find_bubblewrap() -> str | None:
    """The path of bubblewrap's command, or None."""
    return shutil.which("bwrap") if sys.platform == "linux" else None


class Sandbox:
    """A warm process and its walls. One program at a time: several at a time need several sandboxes.

    course: the course's folder, which stays invisible but for its assets. modules: what to import in advance. checks:
    chapter modules of checks without expected answers, name → source. confined: False runs without walls.
    """

    def __init__(
        self, course: Path, modules: list[str], checks: dict[str, str], *, confined: bool = True, slot: int = 0
    ):
        self.course, self.modules, self.checks, self.confined = course.resolve(), modules, checks, confined
        self.slot = slot
        self._process: subprocess.Popen[bytes] | None = None
        self._channel: socket.socket | None = None
        self._buffer = b""
        self._private: tempfile.TemporaryDirectory[str] | None = None
        self._as_root = False

    def __enter__(self) -> "Sandbox":
        self.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def start(self) -> None:
        """Start the warm process. Raises SandboxError when that cannot be done, with what bubblewrap said."""
        if self.confined and find_bubblewrap() is None:
            raise SandboxError(
                "bubblewrap (the command bwrap, Linux only) was not found. Install it, for example with "
                "`apt install bubblewrap`, or grade people whom you trust with --no-sandbox."
            )
        ways = [True, False] if self.confined and os.geteuid() == 0 else [False]
        problems = []
        for as_root in ways:
            try:
                return self._start(as_root)
            except SandboxError as error:
                problems.append(str(error))
                self.close()
        raise SandboxError("; ".join(dict.fromkeys(problems)))

    def _start(self, as_root: bool) -> None:
        self._as_root = as_root
        ours, theirs = socket.socketpair()
        self._private = tempfile.TemporaryDirectory(prefix="saw-edu-sandbox-")
        command = self._command(theirs.fileno(), as_root)
        log = Path(self._private.name) / "log"
        with log.open("wb") as stream:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=stream,
                pass_fds=[theirs.fileno()],
                env=self._environment(),
                cwd="/" if self.confined else self._private.name,
                start_new_session=True,
            )
        theirs.close()
        self._channel, self._buffer = ours, b""
        user = _USER_BASE + (os.getpid() * 64 + self.slot) % _USER_COUNT if as_root else None
        settings = {
            "modules": self.modules,
            "checks": self.checks,
            "confined": self.confined,
            "user": user,
            "scratch": [*self._scratch(), "/dev/shm"] if self.confined else [],
            "covered": self._covered() if self.confined else [],
            "scratch_mebibytes": 64,
        }
        try:
            ours.sendall(json.dumps(settings).encode("ascii") + b"\n")
            answer = self._answer(time.monotonic() + _START_SECONDS)
        except (OSError, ValueError):
            answer = None
        if not answer or not answer.get("ready"):
            said = log.read_text(errors="replace").strip()[-600:]
            reason = (answer or {}).get("error") or said or "it ended without a word"
            raise SandboxError(f"the sandbox does not start: {reason}{_advice(reason)}")
        trial = self.run({"trial": True}, Limits())
        if trial.end == "refused":
            raise SandboxError(f"the sandbox cannot be closed off: {trial.detail}")

    def _command(self, descriptor: int, as_root: bool) -> list[str]:
        inner = [sys.executable, "-P", "-B", "-m", "saw_edu.classroom.sandbox.inside", str(descriptor)]
        if not self.confined:
            return inner
        command = [find_bubblewrap() or "bwrap", "--die-with-parent", "--new-session", "--hostname", "grading"]
        command += ["--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try"]
        command += [] if as_root else ["--unshare-user", "--uid", "1000", "--gid", "1000"]
        for capability in _CAPABILITIES:
            command += ["--cap-add", capability]
        for path in self._scratch():
            command += ["--perms", "1777", "--tmpfs", path]
        parents: dict[str, None] = {}
        visible = self._visible()
        for path in [*(path for path, _ in visible), f"{_COURSE}/notebooks"]:
            parents |= dict.fromkeys(str(parent) for parent in reversed(Path(path).parents[:-1]))
        for path in parents:
            command += ["--perms", "0755", "--dir", path]
        for path, target in visible:
            command += ["--symlink", os.readlink(path), path] if target is None else ["--ro-bind", target, path]
        command += ["--dir", f"{_COURSE}/notebooks", "--proc", "/proc", "--dev", "/dev"]
        return [*command, "--remount-ro", "/dev", "--remount-ro", "/", "--chdir", _SCRATCH, "--", *inner]

    def _scratch(self) -> list[str]:
        """The folders that can be written in; /tmp is not one where Python itself lies there."""
        inside = [root for root in (sys.prefix, sys.base_prefix) if Path(root).resolve().is_relative_to("/tmp")]
        return [_SCRATCH] if inside else [_SCRATCH, "/tmp"]

    def _visible(self) -> list[tuple[str, str | None]]:
        """What the sandbox sees: (path, what is bound there; None for a link of the system, such as /bin)."""
        roots = {sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix, *site.getsitepackages()}
        roots |= {sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")}
        roots |= {site.getusersitepackages()} if site.ENABLE_USER_SITE else set()
        roots |= {str(Path(root).resolve()) for root in roots}
        wide = [root for root in roots if self.course.is_relative_to(root)]
        if wide:
            raise SandboxError(
                f"the course lies in {wide[0]}, which is a part of the Python environment: the sandbox would show the "
                "solutions. Move the course's folder elsewhere."
            )
        shown: list[tuple[str, str | None]] = []
        for path in _SYSTEM:
            if os.path.islink(path) and path.count("/") == 1:
                shown.append((path, None))
            elif os.path.exists(path) and not self.course.is_relative_to(path):
                shown.append((path, path))
        covered = [path for path, target in shown if target]
        for root in sorted(roots, key=len):
            if os.path.exists(root) and not any(Path(root).is_relative_to(path) for path in covered):
                shown.append((root, root))
                covered.append(root)
        shown.append((f"{_COURSE}/saw_edu", str(Path(saw_edu.__path__[0]).resolve())))
        assets = self.course / "assets"
        if assets.is_dir():
            shown.append((f"{_COURSE}/assets", str(assets.resolve())))
        return shown

    def _covered(self) -> list[str]:
        """What is covered before a program runs: the library's sources too, wherever they can be seen."""
        library = Path(saw_edu.__path__[0]).resolve()
        twice = any(target and library.is_relative_to(path) for path, target in self._visible())
        return ["/proc", f"{_COURSE}/saw_edu", *([str(library)] if twice else [])]

    def _environment(self) -> dict[str, str]:
        own = self._private.name if self._private and not self.confined else _SCRATCH
        library = _COURSE if self.confined else str(Path(saw_edu.__path__[0]).resolve().parent)
        kept = {key: os.environ[key] for key in ("LANG", "LC_ALL", "TZ", "LD_LIBRARY_PATH") if key in os.environ}
        threads = {f"{name}_NUM_THREADS": "1" for name in ("OMP", "MKL", "OPENBLAS", "NUMEXPR")}
        return {
            **kept,
            **threads,
            "PATH": os.defpath,
            "HOME": own,
            "TMPDIR": own,
            "USER": "student",
            "PYTHONPATH": library,
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONHASHSEED": "0",
            "MPLBACKEND": "Agg",
            "MPLCONFIGDIR": own,
            "SAW_EDU_FAST": "1",
            "SAW_EDU_COURSE": _COURSE if self.confined else str(self.course),
        }

    def _answer(self, until: float) -> dict[str, Any]:
        """Wait for the warm process's next line."""
        assert self._channel is not None
        while b"\n" not in self._buffer:
            left = until - time.monotonic()
            if left <= 0 or not select.select([self._channel], [], [], left)[0]:
                raise OSError("no answer from the sandbox")
            piece = self._channel.recv(1 << 16)
            if not piece:
                raise _GoneError("the sandbox ended")
            self._buffer += piece
        line, _, self._buffer = self._buffer.partition(b"\n")
        return dict(json.loads(line))

    def run(self, program: dict[str, Any], limits: Limits) -> Outcome:
        """Run one program. Nothing that it does raises here; afterwards nothing of it is left."""
        if self._process is None or self._process.poll() is not None:
            self.close()
            self.start()
        try:
            return self._run(program, limits)
        except (_GoneError, ConnectionError):  # the next program gets a fresh one
            self.close()
            return Outcome("refused", [], "its own process ended, perhaps because this machine ran out of memory")
        except OSError:
            self.close()  # the warm process is silent
            return Outcome("time", [], "the sandbox was brought down")

    def _run(self, program: dict[str, Any], limits: Limits) -> Outcome:
        assert self._channel is not None
        until = time.monotonic() + limits.patience + _GRACE_SECONDS
        result, result_end = os.pipe()
        try:
            first = {key: value for key, value in program.items() if key not in _SECOND_PART}
            second = {key: value for key, value in program.items() if key in _SECOND_PART}
            with _unnamed(first) as file, _unnamed(second) as tests:
                bounds = dataclasses.asdict(limits)
                if not self.confined or (not self._as_root and _counts_all_processes()):
                    bounds["processes"] += _own_processes() + (0 if self.confined else 224)
                job = json.dumps({"limits": bounds}).encode("ascii")
                try:
                    socket.send_fds(self._channel, [job], [file.fileno(), result_end, tests.fileno()])
                finally:
                    os.close(result_end)
            data, flooded = self._receive(result, limits.result_bytes, until)
        finally:
            os.close(result)  # a program that still writes is ended by that
        end = self._answer(until)
        if flooded:
            return Outcome("output", [])
        try:
            frames = read_frames(data)
        except EncodingError as error:
            return Outcome("unreadable", [], str(error))
        return Outcome(str(end["end"]), frames, str(end.get("detail") or end.get("signal") or end.get("code") or ""))

    def _receive(self, result: int, most: int, until: float) -> tuple[bytes, bool]:
        """Read results until all writers are gone. Returns them and whether there was more than allowed."""
        assert self._channel is not None
        data = bytearray()
        while True:
            left = until - time.monotonic()
            ready = select.select([result], [], [], max(0.0, left))[0]
            if not ready:
                raise OSError("no answer from the sandbox")
            piece = os.read(result, 1 << 16)
            if not piece:
                return bytes(data), False
            data += piece
            if len(data) > most:
                return b"", True

    def close(self) -> None:
        """End the warm process and all that it started."""
        if self._channel is not None:
            self._channel.close()
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, 9)
            self._process.wait()
        if self._private is not None:
            self._private.cleanup()
        self._channel = self._process = self._private = None


def _unnamed(data: dict[str, Any]) -> IO[bytes]:
    """A file without a name that holds JSON, to be read only once and by nobody else."""
    file = tempfile.TemporaryFile()  # noqa: SIM115 - the caller closes it
    file.write(json.dumps(data).encode("utf-8"))
    file.flush()
    file.seek(0)
    return file


def _advice(reason: str) -> str:
    """What to do where this machine does not let bubblewrap make namespaces."""
    if not any(word in reason for word in ("ermission denied", "not permitted", "No space left", "namespace")):
        return ""
    return (
        ". This machine does not let bubblewrap make namespaces. On Ubuntu 24.04 and later, an administrator allows it "
        "with `sysctl kernel.apparmor_restrict_unprivileged_userns=0`; in a container, with `--security-opt "
        "seccomp=unconfined --security-opt systempaths=unconfined --cap-add SYS_ADMIN`. Or grade on another machine; "
        "or, in a container of its own or with submissions that you trust, with --no-sandbox"
    )


def _own_processes() -> int:
    """How many processes and threads this user has: without namespaces the limit counts these too."""
    count = 0
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if folder.stat().st_uid == os.getuid():
                count += len(os.listdir(folder / "task"))
    return count


def _counts_all_processes() -> bool:
    """Whether this kernel counts processes for each user of the machine, not for each user of a namespace."""
    major, minor = (int("".join(c for c in part if c.isdigit()) or 0) for part in platform.release().split(".")[:2])
    return (major, minor) < (5, 14)


__all__ = ["Limits", "Outcome", "Sandbox", "SandboxError", "find_bubblewrap"]
