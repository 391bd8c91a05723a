"""nbgrader inside JupyterLab, as an instructor and a student meet it: Formgrader and Validate, in a real browser."""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest

from saw_edu.classroom.release import student_notebooks
from saw_edu.classroom.source import read_chapter

ROOT = Path(__file__).parent.parent
FIXTURE = ROOT / "tests" / "fixtures" / "course"
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
OPTIONS = """
--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update
--disable-sync
""".split()  # noqa: SIM905
TOKEN = "a-token-for-this-test"

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("lab") / "course"
    shutil.copytree(FIXTURE / "solutions", root / "solutions", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "nbgrader_config.py", root)
    chapter = read_chapter(root / "solutions" / "unit1" / "01_returns.py")
    nbformat.write(chapter.notebook(), chapter.path.with_suffix(".ipynb"))
    folder = root / "notebooks" / "unit1"
    folder.mkdir(parents=True)
    for name, content in student_notebooks("unit1", [chapter]).items():
        (folder / name).write_bytes(content)
    return root


@pytest.fixture(scope="module")
def address(course: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Serve the course with JupyterLab, as `saw-edu lab` does, with settings of its own."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    private = tmp_path_factory.mktemp("private")
    names = ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR", "HOME")
    environment = {**os.environ, **{name: str(private / name.lower()) for name in names}}
    environment["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), environment.get("PATH", "")])
    (private / "home").mkdir()
    command = [sys.executable, "-m", "jupyterlab", f"--ServerApp.root_dir={course}", f"--port={port}", "--no-browser"]
    command += [f"--IdentityProvider.token={TOKEN}", "--ServerApp.port_retries=0", "--allow-root"]
    log = (private / "log").open("wb")
    process = subprocess.Popen(command, cwd=course, env=environment, stdout=log, stderr=subprocess.STDOUT)
    base = f"http://127.0.0.1:{port}"
    try:
        for _ in range(240):
            assert process.poll() is None, (private / "log").read_text()
            try:
                urllib.request.urlopen(f"{base}/api/status?token={TOKEN}", timeout=5)
                break
            except (urllib.error.URLError, OSError):
                time.sleep(0.5)
        else:
            pytest.fail("JupyterLab did not start: " + (private / "log").read_text())
        yield base
    finally:
        process.terminate()
        process.wait(30)
        log.close()


@pytest.fixture
def page(tmp_path: Path) -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch_persistent_context(
            str(tmp_path / "profile"), executable_path=CHROMIUM, args=OPTIONS, headless=True
        )
        browser.set_default_timeout(90_000)
        yield browser.pages[0]
        browser.close()


def test_formgrader_opens_and_lists_the_unit(page: Any, address: str) -> None:
    page.goto(f"{address}/lab?token={TOKEN}")
    page.locator(".lm-MenuBar-item", has_text="Nbgrader").click()
    page.locator(".lm-Menu-item", has_text="Formgrader").first.click()
    inside = page.frame_locator("iframe[src*='formgrader']")
    row = inside.locator("tr", has_text="unit1")
    row.wait_for()
    assert "draft" in row.inner_text()
    assert inside.locator("tr", has_text="hidden").count() == 0


def test_validate_tells_a_student_what_is_not_done(page: Any, address: str, course: Path) -> None:
    page.goto(f"{address}/lab/tree/notebooks/unit1/01_returns.ipynb?token={TOKEN}&reset")
    page.locator(".jp-Notebook").first.wait_for()
    page.get_by_text("Validate", exact=True).first.click()
    dialog = page.locator(".jp-Dialog", has_text="Validation Results")
    dialog.wait_for()
    text = dialog.inner_text()
    assert "discounted_return: not started yet" in text
    assert "running_maximum: not started yet" in text
    assert "Traceback" not in text
