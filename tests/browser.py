"""JupyterLab on a folder, and the Chromium that clicks in it: for tests of what a person sees."""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

TOKEN = "a-token-for-this-test"
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
CHROMIUM_OPTIONS = """
--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update
--disable-sync
""".split()  # noqa: SIM905
needs_chromium = pytest.mark.skipif(
    CHROMIUM is None, reason="no Chromium on this machine: install the package `chromium`"
)


@contextmanager
def jupyterlab(folder: Path, private: Path, **variables: str) -> Iterator[str]:
    """Serve a folder with settings of its own, kept in `private`. Gives the address, without the token."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    names = ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR", "HOME")
    environment = {**os.environ, **{name: str(private / name.lower()) for name in names}, **variables}
    environment["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), environment.get("PATH", "")])
    environment.pop("SAW_EDU_STATIC", None)
    (private / "home").mkdir()
    command = [sys.executable, "-m", "jupyterlab", f"--ServerApp.root_dir={folder}", f"--port={port}", "--no-browser"]
    command += [f"--IdentityProvider.token={TOKEN}", "--ServerApp.port_retries=0", "--allow-root"]
    with (private / "log").open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=subprocess.STDOUT)
        address = f"http://127.0.0.1:{port}"
        try:
            for _ in range(240):
                assert process.poll() is None, (private / "log").read_text()
                try:
                    urllib.request.urlopen(f"{address}/api/status?token={TOKEN}", timeout=5)
                    break
                except (urllib.error.URLError, OSError):
                    time.sleep(0.5)
            else:
                pytest.fail("JupyterLab did not start: " + (private / "log").read_text())
            yield address
        finally:
            process.terminate()
            process.wait(30)
