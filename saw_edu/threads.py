"""How torch shares the machine's cores: decided here, for the command line, notebooks' kernels, their runner and tests.

Left alone, torch takes every core, and its threads spin while they wait for one another. On a machine with other work
they then wait for threads that wait for a core: a minute's training took a quarter of an hour. So threads wait
passively, small nets get one thread, and wide ones as many as there are idle cores.
"""

from __future__ import annotations

import os
from collections.abc import MutableMapping

WAITING = "OMP_WAIT_POLICY"
COUNT = "OMP_NUM_THREADS"
WIDE = 512  # units in a hidden layer: below it, a second thread has too little to do


def prepare(environment: MutableMapping[str, str] | None = None, count: int | None = None) -> None:
    """Set the variables that torch reads when it is first imported, in this process or in a child's environment.

    What a user set is left as it is.

    Args:
        environment: to change; this process's own where not given.
        count: threads; None: left open.
    """
    environment = os.environ if environment is None else environment
    environment.setdefault(WAITING, "PASSIVE")
    if count is not None:
        environment.setdefault(COUNT, str(count))


def available_cores() -> int:
    """How many cores this process may use; where the system does not say (macOS), all that the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def choose(widths: list[int], asked: int | None = None) -> tuple[int, str]:
    """How many threads to use, and why, in words.

    Args:
        widths: units of the hidden layers of the nets that will be trained.
        asked: the user's own number, which is taken.

    Raises:
        ValueError: fewer than one thread asked for.
    """
    if asked is not None:
        if asked < 1:
            raise ValueError(f"--threads must be at least 1, got {asked}")
        return asked, "as asked"
    if os.environ.get(COUNT, "").isdigit():
        return int(os.environ[COUNT]), f"{COUNT} says so"
    if max(widths, default=0) < WIDE:
        return 1, f"nets narrower than {WIDE} gain nothing from more"
    cores = available_cores()
    busy = round(os.getloadavg()[0]) if hasattr(os, "getloadavg") else 0
    free = max(1, cores - busy)
    return free, f"{cores} cores, {busy} of them busy"
