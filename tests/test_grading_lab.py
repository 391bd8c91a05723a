"""nbgrader inside JupyterLab, as an instructor and a student meet it: Formgrader and Validate, in a real browser."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from browser import CHROMIUM, CHROMIUM_OPTIONS, TOKEN, jupyterlab, needs_chromium

from saw_edu.classroom.authoring.release import student_notebooks
from saw_edu.classroom.authoring.source import read_chapter

ROOT = Path(__file__).parent.parent
FIXTURE = ROOT / "tests" / "fixtures" / "course"

pytestmark = needs_chromium


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
    with jupyterlab(course, tmp_path_factory.mktemp("private")) as base:
        yield base


@pytest.fixture
def page(tmp_path: Path) -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch_persistent_context(
            str(tmp_path / "profile"), executable_path=CHROMIUM, args=CHROMIUM_OPTIONS, headless=True
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
