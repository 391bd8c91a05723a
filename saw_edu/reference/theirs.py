"""The authors' code in a process of its own, and the cores that it and ours may use."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import torch

from saw_edu.runs.provenance import commit

SCRIPT = Path(__file__).with_name("their_speed.py")


class Reference:
    """The authors' code in a process of its own, which measures on command.

    Args:
        command: starts the process, see `their_speed`.
        device: cpu or cuda.

    Raises:
        RuntimeError: it ended, now or at a later request; what it said of that is on stderr.
    """

    def __init__(self, command: Sequence[str], device: str = "cpu") -> None:
        environment = os.environ | {"JAX_PLATFORMS": device, "XLA_PYTHON_CLIENT_PREALLOCATE": "false"}
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        )
        self.about: dict[str, Any] = self._answer()

    @classmethod
    def start(cls, folder: Path, python: str, device: str) -> Reference:
        """Measure the checkout whose `impls` folder is given, with an interpreter that has what it needs."""
        reference = cls([python, str(SCRIPT), str(folder)], torch.device(device).type)
        reference.about["commit"] = commit(folder)
        return reference

    def meter(self, **case: Any) -> Callable[[float], float]:
        """A meter of updates, warmed up."""

        def measure(seconds: float) -> float:
            return float(self._ask({"case": case, "seconds": seconds})["rate"])

        measure(0)
        return measure

    def stop(self) -> None:
        """End the process."""
        if self.process.stdin is not None:
            with contextlib.suppress(OSError):
                self.process.stdin.close()
        self.process.wait()

    def _ask(self, request: dict[str, Any]) -> dict[str, Any]:
        assert self.process.stdin is not None
        with contextlib.suppress(OSError):  # it has ended: no answer will come
            self.process.stdin.write(json.dumps(request) + "\n")
            self.process.stdin.flush()
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(
                f"the reference's process ended with status {self.process.wait()}: see its message above; "
                "the interpreter needs what the checkout's requirements.txt lists"
            )
        answer: dict[str, Any] = json.loads(line)
        return answer


def available_cores() -> set[int]:
    """Those that this process may run on; empty where the system does not tell."""
    return os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set()


@contextlib.contextmanager
def pinned(threads: int) -> Iterator[None]:
    """Run on so many cores only, with as many torch threads: jax, started within, takes one thread a core.

    Where the system cannot do that (it is Linux that can), only torch's threads are set.
    """
    before = torch.get_num_threads()
    cores = available_cores()
    torch.set_num_threads(threads)
    if cores:
        os.sched_setaffinity(0, sorted(cores)[:threads])
    try:
        yield
    finally:
        torch.set_num_threads(before)
        if cores:
            os.sched_setaffinity(0, cores)
