"""`saw-edu lab`: JupyterLab, open on the course's start page.

JupyterLab's root is the course's folder and not `notebooks/` inside it: nbgrader's Formgrader and Validate look for
`nbgrader_config.py` there, and a chapter's pictures in `assets/` are served only from inside the root. Students see
their chapters at once all the same, because the file browser opens where the start page is.

The start page is `notebooks/README.md`, which hosting sites render too. JupyterLab would open it as text to edit; the
settings in `saw_edu/jupyter` make the rendered view its default, and keep JupyterLab from asking the network for news.
They hold for this process only: nothing is written to anyone's Jupyter configuration.
"""

import errno
import importlib.util
import os
import socket
import subprocess
import sys
import webbrowser
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from saw_edu import threads
from saw_edu.place import course_root

START_PAGE = "notebooks/README.md"
FIRST_PORT = 8888
PORTS_TRIED = 50


class LabError(Exception):
    """JupyterLab cannot be started; the message says why and what to do."""


@dataclass(frozen=True)
class Launch:
    """A start of JupyterLab: where, its command line, its environment, and what to tell the person first."""

    folder: Path  # nbgrader looks for nbgrader_config.py in the working directory
    command: list[str]
    environment: dict[str, str]
    messages: list[str]


def find_course(given: Path | None = None) -> Path:
    """The course's folder, absolute: `given`, or the one found from the current folder. Raises LabError without one."""
    if given is not None:
        folder = given.resolve()
    else:
        try:
            folder = course_root()
        except FileNotFoundError:
            raise LabError(
                f"No course was found at or above {Path.cwd()}.\n"
                "Go to the folder that you cloned the course into, or name it: saw-edu lab --root FOLDER"
            ) from None
    if not (folder / START_PAGE).is_file():
        raise LabError(f"{folder} is not a folder of the course: it has no {START_PAGE}.")
    return folder


def why_no_browser(environment: Mapping[str, str], platform: str = sys.platform) -> str | None:
    """Why no browser can be opened from here, as the start of a sentence; None when one can."""
    if environment.get("BROWSER"):
        return None
    has_display = bool(environment.get("DISPLAY") or environment.get("WAYLAND_DISPLAY"))
    if environment.get("SSH_CONNECTION") and not has_display:
        return "You are logged in over SSH"
    if platform.startswith("linux") and not has_display and not environment.get("WSL_DISTRO_NAME"):
        return "There is no screen here"
    try:
        webbrowser.get()
    except webbrowser.Error:
        return "No browser was found"
    return None


def is_free(port: int) -> bool:
    """Can a server listen on this port of this machine (IPv4 and, where there is one, IPv6)?"""
    for family, address in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
        try:
            probe = socket.socket(family, socket.SOCK_STREAM)
        except OSError:  # this family is not there
            continue
        with probe:
            if os.name == "posix":  # as JupyterLab does; on Windows the option would steal a port in use
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((address, port))
            except OSError as error:
                if error.errno in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):
                    continue
                return False
    return True


def choose_port(wanted: int | None) -> tuple[int, str | None]:
    """The port to listen on, and what to say about it, if anything.

    `wanted` is the person's choice: None takes the first free one from 8888 on, 0 any free one. Raises LabError when
    the wanted port is in use, is not a port, or is one of the system's, and when 50 ports in a row are in use.
    """
    if wanted == 0:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            return int(probe.getsockname()[1]), None
    if wanted is not None:
        if not 1 <= wanted <= 65535:
            raise LabError(f"{wanted} is not a port. Choose one from 1024 to 65535, or leave --port out.")
        if not is_free(wanted):
            reason = "is in use by another program" if wanted >= 1024 else "is in use, or is reserved for the system"
            raise LabError(f"Port {wanted} {reason}. Choose another, or leave --port out and a free one is found.")
        return wanted, None
    for port in range(FIRST_PORT, FIRST_PORT + PORTS_TRIED):
        if is_free(port):
            busy = f"Port {FIRST_PORT} is in use (perhaps by another JupyterLab); this one takes {port}."
            return port, None if port == FIRST_PORT else busy
    raise LabError(
        f"All ports from {FIRST_PORT} to {FIRST_PORT + PORTS_TRIED - 1} are in use.\n"
        "Close JupyterLabs that you no longer need ('jupyter server list' shows them), or choose another --port."
    )


def prepare(
    root: Path | None = None,
    port: int | None = None,
    browser: bool = True,
    arguments: Sequence[str] = (),
    environment: Mapping[str, str] = os.environ,
) -> Launch:
    """Everything needed to start JupyterLab on the start page; starts nothing.

    `root` is the course's folder (default: found from the current one), `port` as in `choose_port`, `browser=False`
    never opens one, `arguments` go to JupyterLab as they are. Raises LabError.
    """
    if importlib.util.find_spec("jupyterlab") is None:
        raise LabError("JupyterLab is not installed in this environment. Run 'make lab', or 'pip install -e .'")
    folder = find_course(root)
    number, about_port = choose_port(port)

    command = [sys.executable, "-m", "jupyterlab", f"--ServerApp.root_dir={folder}", f"--port={number}"]
    command += [f"--LabApp.default_url=/lab/tree/{START_PAGE}", "--ServerApp.log_level=WARN", "--LabApp.log_level=WARN"]
    if port is not None:
        command.append("--ServerApp.port_retries=0")  # the person asked for this very port
    messages = [f"JupyterLab is starting on port {number}. To stop it, press Ctrl-C twice."]
    if about_port:
        messages.append(about_port)

    reason = why_no_browser(environment) if browser else "You asked for no browser"
    if reason:
        command.append("--no-browser")
        messages.append(f"{reason}: open the address that follows in a browser yourself.")
        if environment.get("SSH_CONNECTION"):
            messages.append(f"From your own machine, first: ssh -N -L {number}:localhost:{number} USER@THIS-MACHINE")
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        command.append("--allow-root")
        messages.append("You are root, so every notebook has root's rights: an ordinary user is the safer choice.")

    search_path = [str(Path(__file__).parent / "jupyter"), environment.get("JUPYTER_CONFIG_PATH", "")]
    programs = [str(Path(sys.executable).parent), environment.get("PATH", os.defpath)]  # `saw-edu` in its terminals
    settings = {"JUPYTER_CONFIG_PATH": os.pathsep.join(filter(None, search_path)), "PATH": os.pathsep.join(programs)}
    launched = {**environment, **settings}
    threads.prepare(launched, count=1)  # for kernels: the chapters' nets are small
    return Launch(folder, [*command, *arguments], launched, messages)


def start(launch: Launch) -> int:
    """Say the messages and become JupyterLab (on Windows: wait for it); returns the exit status, if at all."""
    for message in launch.messages:
        print(message, flush=True)
    if os.name == "nt":  # exec there returns to the prompt at once
        return subprocess.call(launch.command, cwd=launch.folder, env=launch.environment)
    os.chdir(launch.folder)
    os.execve(launch.command[0], launch.command, launch.environment)
