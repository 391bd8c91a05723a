"""Runs notebooks in fresh kernels: a deadline for each, progress, and how long each took."""

import asyncio
import os
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat.notebooknode import NotebookNode

from saw_edu import threads

_ANSI = re.compile(r"\x1b\[[0-9;]*m")
_GRACE = 20.0


@dataclass
class Run:
    """What became of one notebook. error: None when it ran to its end; cell: index of the cell that failed."""

    notebook: NotebookNode
    seconds: float = 0.0
    peak_mebibytes: int | None = None
    error: str | None = None
    cell: int | None = None
    notes: list[str] = field(default_factory=list)


class _Client(NotebookClient):
    """nbclient with one deadline for the whole notebook and a call before each cell."""

    finish_by: float = 0.0
    before_cell: Callable[[int], None] = staticmethod(lambda index: None)
    current: int = 0

    async def async_execute_cell(self, cell: NotebookNode, cell_index: int, *args: Any, **kwargs: Any) -> NotebookNode:
        if cell.cell_type == "code" and cell.source.strip():
            if self.allow_errors and time.monotonic() > self.finish_by:
                cell.outputs = []
                return cell
            self.current = cell_index
            self.before_cell(cell_index)
        return await super().async_execute_cell(cell, cell_index, *args, **kwargs)


def run_notebook(
    notebook: NotebookNode,
    folder: Path,
    *,
    fast: bool,
    deadline: float,
    keep_going: bool = False,
    before_cell: Callable[[int], None] | None = None,
) -> Run:
    """Execute a notebook in place, in a fresh kernel whose working directory is `folder`.

    fast: whether SAW_EDU_FAST=1 is set in the kernel. deadline: seconds for the whole notebook. keep_going: whether
    cells after one that fails run too. Returns a Run; a notebook's own errors
    are told there, not raised.
    """
    environment = {key: value for key, value in os.environ.items() if key not in ("SAW_EDU_FAST", "MPLBACKEND")}
    environment |= {"PYDEVD_DISABLE_FILE_VALIDATION": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    environment |= {"SAW_EDU_FAST": "1"} if fast else {}
    threads.prepare(environment, count=1)  # the chapters' nets are small
    started = time.monotonic()
    client = _Client(
        notebook,
        kernel_name="python3",
        allow_errors=keep_going,
        interrupt_on_timeout=keep_going,
        timeout_func=lambda cell: max(1.0, started + deadline - time.monotonic()),
        extra_arguments=["--IPKernelApp.log_level=40"],  # else it warns about its transport, on the terminal
        record_timing=False,
        coalesce_streams=True,
        shutdown_kernel="immediate",
        resources={"metadata": {"path": str(folder)}},
    )
    client.finish_by = started + deadline
    if before_cell is not None:
        client.before_cell = before_cell
    run = Run(notebook)
    peaks: list[int] = []
    client.on_cell_executed = lambda **_: peaks.append(_peak(client))
    try:
        asyncio.run(asyncio.wait_for(client.async_execute(env=environment), deadline + _GRACE))
    except CellExecutionError as error:
        run.error, run.cell = _ANSI.sub("", str(error)).strip(), client.current
    except (CellTimeoutError, TimeoutError):
        run.error, run.cell = f"not finished within its deadline of {deadline:g} s", client.current
    except DeadKernelError:
        run.error, run.cell = "the kernel died (out of memory?)", client.current
    run.seconds = time.monotonic() - started
    run.peak_mebibytes = max(peaks, default=0) or None
    if run.error is None and keep_going and run.seconds > deadline:
        run.error, run.cell = f"not finished within its deadline of {deadline:g} s", client.current
    return run


def _peak(client: NotebookClient) -> int:
    """Read the kernel's largest memory so far, in MiB, where the system tells (Linux); else 0."""
    try:
        pid = client.km.provisioner.pid  # type: ignore[union-attr]
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
        return int(status.split("VmHWM:")[1].split()[0]) // 1024
    except (AttributeError, OSError, IndexError, ValueError):
        return 0
