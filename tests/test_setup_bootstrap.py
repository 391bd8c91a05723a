"""scripts/bootstrap.sh, run for real in a copy of the course's folder: what works, and each way it can fail.

Where an installation would take minutes, PYTHON is a stand-in that answers as Python and pip do and records each call.
The failures of Python, disk, network, proxy and pins come from the real ones.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
pytestmark = pytest.mark.skipif(os.name != "posix" or not shutil.which("make"), reason="needs a POSIX shell and make")

TOOLS = """
awk cat chmod cksum cp df dirname env grep make mkdir printf rm sed sh sleep tail uname
""".split()  # noqa: SIM905

STAND_IN = """\
#!/bin/sh
echo "$*" >>"$CALLS"
case "$*" in
  *version_info*) printf %s "${STAND_IN_VERSION:-3.12}" ;;
  *ensurepip*) exit "${STAND_IN_NO_VENV:-0}" ;;
  "-m venv "*) mkdir -p "$3/bin" && cp "$0" "$3/bin/python" ;;
  "-m pip "*)
    if [ -n "${STAND_IN_PIP_SAYS:-}" ]; then echo "$STAND_IN_PIP_SAYS" >>build/install.log; exit 1; fi
    [ -z "${STAND_IN_PIP_TAKES:-}" ] || sleep "$STAND_IN_PIP_TAKES"
    printf '#!/bin/sh\\necho "saw-edu got: $*"\\n' >.venv/bin/saw-edu; chmod +x .venv/bin/saw-edu ;;
  "-c import jupyterlab"*) [ -z "${STAND_IN_BROKEN:-}" ] || { echo "ImportError: GLIBC_2.28 not found"; exit 1; } ;;
esac
"""


class Course:
    """A copy of the files that set-up needs, and a PATH with nothing but the shell's tools."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "the course"  # a space in the path is common
        (self.folder / "scripts").mkdir(parents=True)
        for name in ("pyproject.toml", "constraints.txt", "Makefile", "scripts/bootstrap.sh"):
            shutil.copy(ROOT / name, self.folder / name)
        self.tools = folder / "tools"
        self.tools.mkdir()
        for tool in TOOLS:
            path = shutil.which(tool)
            assert path, f"this machine has no {tool}"
            self.command(tool, f'#!/bin/sh\nexec "{path}" "$@"\n')
        self.calls = folder / "calls"
        foreign = re.compile(r"(PIP_|PYTHON|MAKE|MFLAGS).*|EXTRAS|THREADS|NEEDED_MB|.*_proxy", re.IGNORECASE)
        kept = {key: value for key, value in os.environ.items() if not foreign.fullmatch(key)}
        self.environment = {**kept, "PATH": str(self.tools), "CALLS": str(self.calls)}
        self.environment |= {"PIP_CONFIG_FILE": os.devnull, "NEEDED_MB": "1"}
        self.venv = self.folder / ".venv"
        self.stamp = self.venv / "saw-edu.stamp"

    def command(self, name: str, text: str) -> None:
        """Put a program on the PATH of this copy; the machine's own programs are never touched."""
        path = self.tools / name
        assert not path.is_symlink(), "writing would go through to the machine's own program"
        path.write_text(text)
        path.chmod(0o755)

    def run(self, *arguments: str, **environment: str) -> tuple[int, str]:
        """Run the set-up (or another command); its exit status and everything it printed."""
        done = subprocess.run(
            arguments or ["sh", "scripts/bootstrap.sh"],
            cwd=self.folder,
            env={**self.environment, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=120,
        )
        return done.returncode, done.stdout

    def installs(self) -> int:
        """How often pip was asked to install the course."""
        return self.calls.read_text().count(" --editable ") if self.calls.exists() else 0


@pytest.fixture
def course(tmp_path):
    return Course(tmp_path)


@pytest.fixture
def ready(course):
    """A course whose environment was made, with the stand-in as python3.12."""
    course.command("python3.12", STAND_IN)
    status, printed = course.run()
    assert status == 0, printed
    return course


def test_the_environment_is_made_once_with_the_pins(ready):
    assert ready.stamp.exists()
    assert "install --no-build-isolation --constraint constraints.txt --editable .[dev]" in ready.calls.read_text()
    status, printed = ready.run()
    assert (status, printed) == (0, ""), "a second run has nothing to do and nothing to say"
    assert ready.installs() == 1


def test_optional_parts_are_added_when_asked_for_and_kept(ready):
    status, printed = ready.run(EXTRAS="ray,ogbench")
    assert status == 0, printed
    assert "--editable .[dev,ray,ogbench]" in ready.calls.read_text()
    assert ready.run(EXTRAS="ogbench, ray") == (0, ""), "it has both already"
    assert ready.run() == (0, ""), "whoever asks for less loses nothing"
    (ready.folder / "constraints.txt").write_text("another==1\n")
    ready.run()
    assert ready.calls.read_text().count("--editable .[dev,ray,ogbench]") == 2


@pytest.mark.parametrize("changed", ["constraints.txt", "pyproject.toml"])
def test_new_pins_or_dependencies_are_installed(ready, changed):
    path = ready.folder / changed
    path.write_text("# a change\n" + path.read_text("utf-8"), encoding="utf-8")
    status, printed = ready.run()
    assert status == 0
    assert "Bringing .venv up to date" in printed
    assert ready.installs() == 2


def test_settings_of_tools_do_not_ask_for_an_installation(ready):
    with (ready.folder / "pyproject.toml").open("a", encoding="utf-8") as file:
        file.write("\n[tool.other]\nx = 1\n")
    assert ready.run() == (0, "")


def test_a_moved_folder_is_installed_again(ready):
    moved = ready.folder.with_name("elsewhere")
    ready.folder.rename(moved)
    ready.folder = moved
    assert ready.run()[0] == 0
    assert ready.installs() == 2


def test_a_killed_installation_is_never_taken_for_a_good_one(course):
    course.command("python3.12", STAND_IN)
    environment = {**course.environment, "STAND_IN_PIP_TAKES": "60"}
    command = ["sh", "scripts/bootstrap.sh"]
    running = subprocess.Popen(command, cwd=course.folder, env=environment, start_new_session=True)
    try:
        deadline = time.monotonic() + 30
        while not (course.calls.exists() and "-m pip" in course.calls.read_text()):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        status, printed = course.run()
        assert status == 1
        assert "another set-up of this folder is running" in printed
    finally:
        os.killpg(running.pid, signal.SIGKILL)
        running.wait()
    assert not course.stamp.exists()
    (course.venv / "left-over").touch()

    status, printed = course.run()
    assert status == 0, printed
    assert "Removing .venv: it was not finished." in printed
    assert course.stamp.exists()
    assert not (course.venv / "left-over").exists()


def test_an_update_that_fails_keeps_what_was_there(ready):
    with (ready.folder / "constraints.txt").open("a") as file:
        file.write("# newer\n")
    status, _ = ready.run(STAND_IN_PIP_SAYS="ERROR: Read timed out.")
    assert status == 1
    assert not ready.stamp.exists()
    status, printed = ready.run()
    assert status == 0
    assert "Removing" not in printed


def test_another_python_makes_the_environment_anew(ready):
    ready.command("python3.13", STAND_IN)
    assert ready.run() == (0, ""), "a newer Python that appears changes nothing by itself"
    ready.command("mine", STAND_IN.replace(":-3.12", ":-3.11"))
    status, printed = ready.run(PYTHON="mine")
    assert status == 0
    assert "Removing .venv: it has Python 3.12, not that of mine." in printed
    assert ready.run() == (0, ""), "and a later run without PYTHON keeps it"


def test_an_environment_whose_python_is_gone_is_made_anew(ready):
    (ready.venv / "bin/python").unlink()
    status, printed = ready.run()
    assert status == 0
    assert "Removing .venv: its Python is gone." in printed


def test_make_lab_hands_its_arguments_on(course):
    course.command("python3.12", STAND_IN)
    status, printed = course.run("make", "lab", "LAB_ARGS=--port 9000 --no-browser --ip 0.0.0.0")
    assert status == 0
    assert printed.endswith("saw-edu got: lab --port 9000 --no-browser --ip 0.0.0.0\n")


def test_make_passes_python_on(course):
    course.command("mine", STAND_IN.replace(":-3.12", ":-3.9"))
    status, printed = course.run("make", "lab", "PYTHON=mine")
    assert status != 0
    assert "PYTHON=mine cannot be used: it is Python 3.9." in printed


# What can go wrong


def test_no_python_at_all(course):
    status, printed = course.run()
    assert status == 1
    assert "no Python 3.11 to 3.13 was found" in printed
    assert "found: none of them" in printed
    assert "sudo apt install python3 python3-venv" in printed
    assert "environment.yml" in printed


def test_only_an_old_python_and_a_broken_one(course):
    course.command("python3", STAND_IN.replace(":-3.12", ":-3.9"))
    course.command("python3.13", "#!/bin/sh\nexit 127\n")  # pyenv's answer for a version that is not chosen
    status, printed = course.run()
    assert status == 1
    assert "found: python3.13 (does not run) python3 (3.9)" in printed
    assert "make lab PYTHON=/path/to/python3.12" in printed


@pytest.mark.parametrize("version", ["2.7", "3.10", "3.14", "4.0"])
def test_a_named_python_out_of_range(course, version):
    course.command("mine", STAND_IN.replace(":-3.12", f":-{version}"))
    status, printed = course.run(PYTHON="mine")
    assert status == 1
    assert f"it is Python {version}." in printed
    assert "needs Python 3.11 to 3.13" in printed


def test_a_named_python_that_is_not_there(course):
    status, printed = course.run(PYTHON="/nowhere/python3.12")
    assert status == 1
    assert "PYTHON=/nowhere/python3.12 cannot be used: it does not run." in printed


def test_the_newest_usable_python_is_chosen(course):
    course.command("python3", STAND_IN.replace(":-3.12", ":-3.11"))
    course.command("python3.12", STAND_IN)
    course.command("python3.13", "#!/bin/sh\nexit 127\n")
    status, printed = course.run()
    assert status == 0
    assert "with python3.12 (Python 3.12)" in printed


def test_python_without_the_venv_module(course):
    course.command("python3.12", STAND_IN)
    status, printed = course.run(STAND_IN_NO_VENV="1")
    assert status == 1
    assert "comes without the venv module" in printed
    assert "sudo apt install python3.12-venv" in printed
    assert not course.venv.exists()


def test_too_little_disk_space(course):
    status, printed = course.run(PYTHON=sys.executable, NEEDED_MB="1000000000")
    assert status == 1
    assert "not enough disk space" in printed
    assert "needs about 1000000000 MB" in printed
    assert not course.venv.exists()


def test_cuda_needs_more_disk_space(course):
    course.command("python3.12", STAND_IN)
    course.command("uname", '#!/bin/sh\n[ "$1" = -s ] && echo Linux || echo x86_64\n')
    course.command("df", "#!/bin/sh\nprintf 'Filesystem 1024-blocks Used Available\\n/dev/x 9 9 5120000\\n'\n")
    del course.environment["NEEDED_MB"]
    status, printed = course.run()
    assert status == 1
    assert "5000 MB are free here, the environment needs about 7000 MB" in printed
    assert 'README.md, "A smaller torch"' in printed
    assert course.run(PIP_FIND_LINKS="/wheels")[0] == 0, "a source of one's own may have the small build"


def test_a_folder_that_is_not_complete(course):
    (course.folder / "constraints.txt").unlink()
    status, printed = course.run()
    assert status == 1
    assert "constraints.txt is missing" in printed


@pytest.mark.parametrize(
    ("environment", "reason", "advice"),
    [
        ({"PIP_INDEX_URL": "http://127.0.0.1:9/simple"}, "the package index could not be reached", "Check the network"),
        (
            {"PIP_INDEX_URL": "https://index.invalid/simple", "HTTPS_PROXY": "http://127.0.0.1:9"},
            "the network's proxy did not let pip through",
            "Set HTTPS_PROXY",
        ),
        ({"PIP_NO_INDEX": "1"}, "a pinned version cannot be had", "constraints.txt"),
    ],
    ids=["network", "proxy", "pins"],
)
def test_the_real_pip_fails(course, environment, reason, advice):
    status, printed = course.run(PYTHON=sys.executable, PIP_RETRIES="0", PIP_TIMEOUT="5", **environment)
    assert status == 1
    assert f"the installation did not finish: {reason}" in printed
    assert advice in printed
    assert "Then run the same command again. The whole log: build/install.log" in printed
    assert (course.folder / "build/install.log").stat().st_size > 500
    assert not course.stamp.exists()


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("ERROR: Could not install packages: [Errno 28] No space left on device", "the disk is full"),
        ("SSLError(SSLCertVerificationError(1, '[SSL: CERTIFICATE_VERIFY_FAILED]", "a certificate was not accepted"),
        (
            "ERROR: Could not install packages due to an OSError: [Errno 13] Permission denied: '/x'",
            "could not be written",
        ),
        ("ERROR: something never seen before", "pip stopped with an error"),
    ],
)
def test_what_pip_says_is_explained(course, said, reason):
    course.command("python3.12", STAND_IN)
    status, printed = course.run(STAND_IN_PIP_SAYS=said)
    assert status == 1
    assert reason in printed
    assert not course.stamp.exists()


def test_an_installation_that_does_not_start(course):
    course.command("python3.12", STAND_IN)
    status, printed = course.run(STAND_IN_BROKEN="1")
    assert status == 1
    assert "GLIBC_2.28 not found" in printed
    assert "does not start" in printed
    assert not course.stamp.exists()


def test_the_cpu_build_is_mentioned_where_it_matters(course):
    course.command("python3.12", STAND_IN)
    course.command("uname", '#!/bin/sh\n[ "$1" = -s ] && echo Linux || echo x86_64\n')
    assert 'see README.md, "A smaller torch"' in course.run()[1]
    assert "A smaller torch" in (ROOT / "README.md").read_text("utf-8")
