"""Whether this machine can make sandboxes: tests that need one skip where it cannot, and say why."""

import functools
import subprocess

import pytest

from saw_edu.classroom.sandbox.outside import find_bubblewrap


@functools.cache
def no_sandbox() -> str:
    """Why bubblewrap cannot make namespaces here, such as in an unprivileged container; empty where it can."""
    bubblewrap = find_bubblewrap()
    if bubblewrap is None:
        return "no bubblewrap on this machine"
    said = ""
    for user in ([], ["--unshare-user"]):
        command = [
            bubblewrap,
            *user,
            "--unshare-pid",
            "--unshare-net",
            "--ro-bind",
            "/",
            "/",
            "--proc",
            "/proc",
            "true",
        ]
        done = subprocess.run(command, capture_output=True, text=True, timeout=30)
        if done.returncode == 0:
            return ""
        said = done.stderr.strip()
    return f"bubblewrap cannot make a sandbox on this machine: {said}"


needs_sandbox = pytest.mark.skipif(bool(no_sandbox()), reason=no_sandbox())
