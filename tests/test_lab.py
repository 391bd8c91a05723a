"""`saw-edu lab`: ports, browsers and folders; and the real thing, seen in a real browser."""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from browser import CHROMIUM, CHROMIUM_OPTIONS

from saw_edu import lab

ROOT = Path(__file__).parent.parent


@pytest.fixture
def busy_port():
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield server.getsockname()[1]


def test_a_port_in_use_is_seen(busy_port):
    assert not lab.is_free(busy_port)
    free, message = lab.choose_port(0)
    assert lab.is_free(free)
    assert message is None


def test_the_next_free_port_is_taken_and_named(busy_port, monkeypatch):
    monkeypatch.setattr(lab, "FIRST_PORT", busy_port)
    port, message = lab.choose_port(None)
    assert busy_port < port < busy_port + lab.PORTS_TRIED
    assert message == f"Port {busy_port} is in use (perhaps by another JupyterLab); this one takes {port}."
    monkeypatch.setattr(lab, "PORTS_TRIED", 1)
    with pytest.raises(lab.LabError, match="jupyter server list"):
        lab.choose_port(None)


def test_a_port_asked_for_is_taken_or_refused(busy_port):
    with pytest.raises(lab.LabError, match=f"Port {busy_port} is in use by another program. Choose another"):
        lab.choose_port(busy_port)
    with pytest.raises(lab.LabError, match="70000 is not a port"):
        lab.choose_port(70000)
    free, _ = lab.choose_port(0)
    assert lab.choose_port(free) == (free, None)


def test_a_refusal_reaches_the_person_as_one_message(busy_port):
    command = [sys.executable, "-m", "saw_edu.cli", "lab", "--port", str(busy_port), "--root", str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert done.stderr.startswith(f"saw-edu lab: Port {busy_port} is in use")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("environment", "platform", "reason"),
    [
        ({"SSH_CONNECTION": "1 2 3 4"}, "darwin", "You are logged in over SSH"),
        ({"SSH_CONNECTION": "1 2 3 4"}, "linux", "You are logged in over SSH"),
        ({}, "linux", "There is no screen here"),
        ({"BROWSER": "firefox"}, "linux", None),
    ],
)
def test_why_no_browser(environment, platform, reason):
    assert lab.why_no_browser(environment, platform) == reason


def test_a_screen_needs_a_browser_too(monkeypatch):
    monkeypatch.setattr("webbrowser.get", lambda: object())
    assert lab.why_no_browser({"WAYLAND_DISPLAY": "wayland-0"}, "linux") is None

    def none_found():
        raise lab.webbrowser.Error

    monkeypatch.setattr("webbrowser.get", none_found)
    assert lab.why_no_browser({"DISPLAY": ":0"}, "linux") == "No browser was found"


def test_the_course_is_found_from_inside_and_from_elsewhere(tmp_path, monkeypatch):
    (tmp_path / "notebooks/unit1").mkdir(parents=True)
    (tmp_path / "assets").mkdir()
    (tmp_path / "notebooks/README.md").write_text("# Start\n")
    monkeypatch.chdir(tmp_path / "notebooks/unit1")
    assert lab.find_course() == tmp_path
    monkeypatch.chdir(tmp_path.anchor)
    assert lab.find_course() == ROOT, "elsewhere: the course that this package was installed from"


def test_a_folder_without_the_course_is_refused(tmp_path, monkeypatch):
    with pytest.raises(lab.LabError, match=r"it has no notebooks/README\.md"):
        lab.prepare(root=tmp_path)
    monkeypatch.setenv("SAW_EDU_COURSE", str(tmp_path))
    with pytest.raises(lab.LabError, match="Go to the folder that you cloned the course into"):
        lab.find_course()


def test_what_is_started():
    environment = {"SSH_CONNECTION": "1 2 3 4", "JUPYTER_CONFIG_PATH": "/mine", "PATH": "/usr/bin"}
    launch = lab.prepare(ROOT, port=0, arguments=["--ip", "0.0.0.0"], environment=environment)
    assert f"--ServerApp.root_dir={ROOT}" in launch.command
    assert "--no-browser" in launch.command
    assert launch.command[-2:] == ["--ip", "0.0.0.0"], "options for JupyterLab stay as they are"
    assert launch.environment["JUPYTER_CONFIG_PATH"].split(os.pathsep)[1] == "/mine", "a person's own settings stay"
    assert launch.environment["PATH"].split(os.pathsep)[0] == str(Path(sys.executable).parent)
    assert any("ssh -N -L" in message for message in launch.messages)
    quiet = lab.prepare(ROOT, port=0, environment={"BROWSER": "firefox"})
    assert "--no-browser" not in quiet.command


class Server:
    """A running `saw-edu lab` and the address that it printed."""

    def __init__(self, process: subprocess.Popen[bytes], output: Path, folder: Path) -> None:
        self.process, self.folder = process, folder
        deadline = time.monotonic() + 90
        found = None
        while found is None:
            assert process.poll() is None, output.read_text()
            assert time.monotonic() < deadline, output.read_text()
            time.sleep(0.2)
            found = re.search(r"(http://127\.0\.0\.1:\d+)(/\S*)\?token=(\w+)", output.read_text())
        self.base, self.page, self.token = found.groups()
        self.printed = output.read_text()

    def ask(self, address: str) -> Any:
        request = urllib.request.Request(self.base + address, headers={"Authorization": f"token {self.token}"})
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """`saw-edu lab` on a copy of the course, with Jupyter's own folders apart from the person's."""
    folder = tmp_path_factory.mktemp("course")
    shutil.copytree(ROOT / "notebooks", folder / "notebooks", ignore=shutil.ignore_patterns(".ipynb_checkpoints"))
    shutil.copytree(ROOT / "assets", folder / "assets")
    shutil.copytree(ROOT / "solutions", folder / "solutions", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "nbgrader_config.py", folder)
    apart = {f"JUPYTER_{name}_DIR": str(folder / f".{name.lower()}") for name in ("CONFIG", "DATA", "RUNTIME")}
    apart |= {
        "JUPYTERLAB_WORKSPACES_DIR": str(folder / ".workspaces"),
        "JUPYTERLAB_SETTINGS_DIR": str(folder / ".settings"),
    }
    command = [sys.executable, "-m", "saw_edu.cli", "lab", "--no-browser", "--port", "0"]
    output = folder / "output"
    with output.open("wb") as file:
        process = subprocess.Popen(
            command, cwd=folder / "notebooks", env={**os.environ, **apart}, stdout=file, stderr=subprocess.STDOUT
        )
    try:
        yield Server(process, output, folder)
    finally:
        process.terminate()
        process.wait(timeout=30)


def test_the_address_of_the_start_page_is_printed(server):
    assert server.page == "/lab/tree/notebooks/README.md"
    assert "You asked for no browser: open the address that follows in a browser yourself." in server.printed
    assert server.printed.index("press Ctrl-C twice") < server.printed.index("token=")


def test_the_server_serves_the_course_and_asks_for_its_token(server):
    names = {entry["name"] for entry in server.ask("/api/contents/notebooks")["content"]}
    assert {path.name for path in (ROOT / "notebooks").iterdir() if not path.name.startswith(".")} == names
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(server.base + "/api/contents", timeout=30)


def test_markdown_opens_rendered_and_no_news_is_fetched(server):
    prefix = "/lab/api/settings/@jupyterlab/"
    viewers = server.ask(prefix + "docmanager-extension:plugin")["schema"]["properties"]
    assert viewers["defaultViewers"]["default"] == {"markdown": "Markdown Preview"}
    news = server.ask(prefix + "apputils-extension:notification")["schema"]["properties"]
    assert (news["fetchNews"]["default"], news["checkForUpdates"]["default"]) == ("false", False)


def test_an_instructors_formgrader_lists_the_units(server):
    units = {entry["name"]: entry["status"] for entry in server.ask("/formgrader/api/assignments")}
    assert units.keys() >= {path.name for path in (ROOT / "solutions").glob("unit*")}
    assert "No nbgrader_config.py" not in (server.folder / "output").read_text()


@pytest.fixture
def page(server):
    """JupyterLab's start page in Chromium; afterwards, nothing may have been asked of the network."""
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine: install the package `chromium` to run this")
    from playwright.sync_api import sync_playwright

    asked = set()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_OPTIONS)
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.set_default_timeout(60_000)
        page.on("request", lambda request: asked.add(request.url))
        page.goto(f"{server.base}{server.page}?token={server.token}")
        yield page
        browser.close()
    local = re.compile(r"(https?|wss?)://(127\.0\.0\.1|localhost):|data:|blob:")
    assert not [url for url in asked if not local.match(url)], "the course needs no network"


def test_a_student_sees_the_start_page_and_opens_each_chapter_by_one_click(page):
    from playwright.sync_api import expect

    page_text = (ROOT / "notebooks/README.md").read_text("utf-8")
    heading = page_text.splitlines()[0].removeprefix("# ")
    chapters = re.findall(r"\| \*\*\[([^\]]+)\]\((unit\d/[^)]+\.ipynb)\)", page_text)
    assert chapters
    rendered = page.locator(".jp-MarkdownViewer .jp-RenderedMarkdown")
    expect(rendered.get_by_role("heading", name=heading, level=1)).to_be_visible(timeout=60_000)
    expect(rendered.locator("table").first).to_be_visible()
    for image in rendered.locator("img").all():
        assert image.evaluate("image => image.decode().then(() => image.naturalWidth > 0)"), "a picture does not load"
    expect(page.locator(".jp-DirListing-item", has_text="unit1")).to_be_visible()
    expect(page.locator(".jp-Dialog")).to_have_count(0)

    for title, path in chapters:
        page.get_by_role("tab", name="README.md").click()
        rendered.locator("td").get_by_role("link", name=title, exact=True).click()
        cells = json.loads((ROOT / "notebooks" / path).read_text("utf-8"))["cells"]
        first = re.search(r"^# (.+)$", "".join(cells[0]["source"]), re.MULTILINE)
        assert first, f"{path} does not begin with a title"
        notebook = page.locator(".jp-NotebookPanel:visible")
        expect(notebook.locator("h1").first).to_contain_text(first[1][:20], timeout=60_000)
