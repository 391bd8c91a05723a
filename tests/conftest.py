"""Settings shared by all tests: threads, the tests of one chapter, which tests share a process, what was skipped."""

import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from saw_edu import threads

threads.prepare(count=1)  # before torch is imported, also for the processes that tests start

import torch  # noqa: E402

torch.set_num_threads(1)  # results to the last bit depend on the number of threads; and machines are shared

ONE_BY_ONE = ("test_build_chapters", "test_chapters", "test_mutants", "test_learning", "test_cli_train")
"""Files whose tests share nothing that is dear to make: they spread over all processes."""

LONG = ("test_grading", "test_grade_runs", "test_grade_database", "test_grade_corpus", "test_training")
"""Files that take minutes: they begin first, so that no process is left alone with one at the end."""


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """With pytest-xdist: the tests of one file run in one process, and share its fixtures.

    Its own `--dist loadgroup` does nothing with pytest 9.2: it writes the group into `_nodeid`, which nobody reads now.
    """
    from xdist.scheduler import LoadScopeScheduling

    config.option.loadscopereorder = False  # the order is that of `pytest_collection_modifyitems`

    class ByFile(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = nodeid.split("::")[0]
            return nodeid if Path(file).stem in ONE_BY_ONE else file

    return ByFile(config, log)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--chapter", type=int, help="only the tests of this chapter, such as 16")


def of_chapter(nodeid: str) -> str | None:
    """The chapter that a test is of, by its file (test_ch16_...) or its parameter (unit5/16_saw): "16"."""
    found = re.search(r"(?:/test_ch|unit\d+/|\[)(\d\d)_", nodeid)
    return found[1] if found else None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    chapter = config.getoption("--chapter")
    if chapter is not None:
        kept = [item for item in items if of_chapter(item.nodeid) == f"{chapter:02d}"]
        if not kept:
            raise pytest.UsageError(f"no tests of chapter {chapter}")
        config.hook.pytest_deselected(items=[item for item in items if item not in kept])
        items[:] = kept
    items.sort(key=lambda item: LONG.index(item.path.stem) if item.path.stem in LONG else len(LONG))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what was skipped, and the one command that brings it."""
    reasons = Counter(
        str(report.longrepr[2]) for report in terminalreporter.stats.get("skipped", []) if report.longrepr
    )
    lacking = {reason: count for reason, count in reasons.items() if "GPU" not in reason}
    if not lacking:
        return
    packages = {"chromium": "Chromium", "bubblewrap": "bubblewrap", "postgresql": "PostgreSQL on"}
    extras = {"ogbench": "ogbench", "postgresql": "psycopg", "ray": "Ray"}
    text = "\n".join(lacking)
    wanted = [name for name, word in extras.items() if word in text]
    commands = [f"make test EXTRAS={','.join(wanted)}"] if wanted else []
    system = [name for name, word in packages.items() if word in text]
    commands += [f"sudo apt install {' '.join(system)} (or your system's way)"] if system else []
    say = terminalreporter.write_line
    say(f"{sum(lacking.values())} tests were skipped for something that is not installed here; to run them:")
    for command in commands or ["see the reasons above"]:
        say(f"  {command}")
