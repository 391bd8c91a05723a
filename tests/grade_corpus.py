"""Submissions to the fixture's unit, honest, broken and hostile, each with what must become of it.

The fixture has two exercises, `discounted-return` (2 points) and `running-maximum` (1 point), and one question (2).
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
from grade_corpus_fair import honest_surroundings
from grade_corpus_odd import more_hostile, odd_but_honest
from grade_corpus_sizes import digits_in_metadata, sizes
from nbformat.notebooknode import NotebookNode

from saw_edu.classroom.authoring.chapter import Chapter
from saw_edu.classroom.authoring.markers import MARKERS
from saw_edu.classroom.authoring.mutants import exercise_sets

FIRST, SECOND = "discounted-return", "running-maximum"
NAME = "01_returns.ipynb"
HIDDEN_WORDS = ("hidden(", "[1.0, 2.0, 4.0]", "tensor(3.", "-3.0", "Traceback", "LEAK")
SAMPLE = [
    "solution",
    "untouched",
    "mutant-discounted-return-time-backwards",
    "warns",
    "helper-in-own-cell",
    "tests-deleted",
    "all-copied",
    "truncated",
    "renamed",
    "loop",
    "hard-exit",
    "daemon",
    "outside",
    "always-equal",
    "patches-judge",
    "forged-result",
    "leaks-by-message",
    "leaks-by-a-stub",
    "edited-tests",
    "script",
    "deep-own-cell",
    "windows-lines",
    "habits-that-look-like-attacks",
    "replaces-the-error-display",
    "forges-and-goes-on",
    "hostile-attributes",
    "huge-number",
    "forged-digits",
    "helper-under-if",
    "registered-by-a-decorator",
    "shell-beside",
    "helper-beside-a-long-experiment",
    "helper-by-hand",
    "seen-to-pass",
    "digits-in-a-helper",
    "spaces-in-a-text",
    "seen-to-pass-by-an-edited-test",
]
"""A few of each kind, for a quick run."""
Edit = Callable[[NotebookNode], None]


@dataclass(frozen=True)
class Submitted:
    """One submission: its files, the points of the two exercises (None: not graded), and words of its status.

    flag: a word that must be in its flags; None: nothing may be flagged.
    """

    name: str
    files: dict[str, bytes]
    points: tuple[float | None, float | None]
    says: str = ""
    flag: str | None = None


def solved(text: str) -> str:
    return "\n".join(line for line in text.split("\n") if not any(marker in line for marker in MARKERS))


def find(notebook: NotebookNode, grade_id: str) -> NotebookNode:
    return next(c for c in notebook.cells if c.metadata.get("nbgrader", {}).get("grade_id") == grade_id)


def code(source: str) -> NotebookNode:
    return nbformat.v4.new_code_cell(source)


def corpus(chapter: Chapter, release: bytes) -> list[Submitted]:
    """All submissions."""
    found: list[Submitted] = []
    solutions = {cell.name: solved(cell.source) for cell in chapter.exercises()}

    def add(
        name: str,
        first: str | None = "",
        edit: Edit | None = None,
        points: tuple[float | None, float | None] = (2, 1),
        says: str = "",
        flag: str | None = None,
        second: str | None = "",
    ) -> None:
        notebook = nbformat.reads(release.decode(), as_version=4)
        for exercise, answer in ((FIRST, first), (SECOND, second)):
            if answer is not None:
                find(notebook, exercise).source = answer or solutions[exercise]
        if edit:
            edit(notebook)
        found.append(Submitted(name, {NAME: nbformat.writes(notebook).encode()}, points, says, flag))

    def raw(name: str, files: dict[str, bytes], says: str) -> None:
        found.append(Submitted(name, files, (None, None), says))

    right = solutions[FIRST]
    body = right.split("\n", 1)[1]

    # Honest
    add("solution")
    add("untouched", None, second=None, points=(0, 0), says="not started")
    add("half", second=None, points=(2, 0))
    for declared in exercise_sets(chapter):
        for number, text in enumerate(declared.alternatives):
            chosen = {"first" if declared.cell.name == FIRST else "second": text}
            add(f"alternative-{declared.cell.name}-{number}", **chosen)  # type: ignore[arg-type]
        for mutant in declared.mutants:
            text = mutant.apply(solutions[declared.cell.name])
            is_first = declared.cell.name == FIRST
            name = f"mutant-{declared.cell.name}-{mutant.mistake.replace(' ', '-')}"
            add(
                name,
                text if is_first else "",
                second=text if not is_first else "",
                points=(0, 1) if is_first else (2, 0),
                says="wrong",
            )
    add("prints", right.replace("    weights", "    print('hello' * 1000)\n    weights"))
    noisy = "import sys, warnings, logging\n" + right.replace(
        "    weights",
        "    warnings.warn('careful')\n    print('x', file=sys.stderr)\n    logging.warning('!')\n    weights",
    )
    add("warns", noisy)
    add(
        "progress-bar",
        right.replace("    weights", "    from tqdm.auto import tqdm\n    list(tqdm(range(9)))\n    weights"),
    )
    helper = (
        "def discounted_return(rewards, discount):\n    return my_sum(rewards * discount ** np.arange(len(rewards)))"
    )
    own = "import numpy as np\n\ndef my_sum(x):\n    return torch.as_tensor(x).sum()"
    add("helper-in-own-cell", helper, lambda n: n.cells.insert(2, code(own + "\nraise SystemExit")))

    def edit_setup(notebook: NotebookNode) -> None:
        cell = next(c for c in notebook.cells if "setup" in c.metadata.get("tags", []))
        cell.source += "\n" + own

    add("helper-in-setup", helper, edit_setup)
    add(
        "import-of-a-later-cell",
        right,
        second="def running_maximum(values):\n    import numpy as n\n    return n.maximum.accumulate(values).tolist()",
    )
    add("magic", "%matplotlib inline\n" + right + "\n!ls")
    add("error-after-definition", right + "\n\n1 / 0")
    add("calls-the-check-itself", right + "\nfrom saw_edu import checks\ndiscounted_return(torch.ones(3), 0.5)")
    add(
        "displays",
        right + "\ndisplay(discounted_return(torch.ones(3), 0.5))\nget_ipython().run_line_magic('time', '1')",
    )
    add("uses-the-earlier-answer", second=solutions[SECOND] + "\nassert discounted_return(torch.ones(1), 0.5) == 1")
    add("syntax-error", "def discounted_return(:\n    return 0", points=(0, 1), says="SyntaxError")
    add(
        "name-error",
        "def discounted_retrun(rewards, discount):\n    return rewards.sum()",
        points=(0, 1),
        says="NameError",
    )
    add("renamed-function", "x = 1", points=(0, 1), says="NameError")
    add("raises", "raise ValueError('mine')", points=(0, 1), says="ValueError: mine")

    def drop(*grade_ids: str) -> Edit:
        def edit(notebook: NotebookNode) -> None:
            kept = [c for c in notebook.cells if c.metadata.get("nbgrader", {}).get("grade_id") not in grade_ids]
            notebook.cells = kept

        return edit

    add("tests-deleted", edit=drop(f"check-{FIRST}", f"check-{SECOND}"), flag="missing")
    add("answer-deleted", edit=drop(FIRST), points=(0, 1))

    def double(notebook: NotebookNode) -> None:
        for cell in [c for c in notebook.cells if "nbgrader" in c.metadata]:
            twin = nbformat.from_dict({**cell, "id": f"{cell['id']}-2"})
            notebook.cells.insert(notebook.cells.index(cell) + 1, twin)

    add("all-copied", edit=double, flag="occurs 2 times")

    def elsewhere(notebook: NotebookNode) -> None:
        find(notebook, FIRST).source = chapter.exercises()[0].released
        notebook.cells.insert(notebook.cells.index(find(notebook, FIRST)) + 1, code(right))

    add("answer-in-a-cell-of-its-own", edit=elsewhere)

    def forget(notebook: NotebookNode) -> None:
        for cell in notebook.cells:
            cell.metadata.pop("nbgrader", None)

    add("metadata-stripped", edit=forget)

    def without_ids(notebook: NotebookNode) -> None:
        for cell in notebook.cells:
            del cell["id"]
        notebook.nbformat_minor = 4

    add("without-cell-ids", edit=without_ids)
    add("later-cell-redefines", edit=lambda n: n.cells.append(code("def discounted_return(r, d):\n    return 0")))

    # Broken files
    whole = found[0].files[NAME]
    raw("empty", {NAME: b""}, "empty")
    raw("truncated", {NAME: whole[: len(whole) // 2]}, "truncated")
    raw("web-page", {NAME: b"<!DOCTYPE html><html></html>"}, "web page")
    raw("pdf", {NAME: b"%PDF-1.7\n\xe2\xe3\xcf\xd3"}, "a PDF")
    raw("conflict", {NAME: b"<<<<<<< HEAD\n" + whole + b"\n=======\n>>>>>>> other\n"}, "merge conflicts")
    raw("list", {NAME: b"[1, 2, 3]"}, "not a Jupyter notebook")
    raw("deep", {NAME: b"[" * 200_000}, "not a Jupyter notebook")
    raw("foreign", {NAME: nbformat.writes(nbformat.v4.new_notebook(cells=[code("1")])).encode()}, "no exercise")
    raw("renamed", {"01_returns (1).ipynb": whole}, "seems to be it")
    raw("other-file", {"homework.docx": b"PK\x03\x04"}, "homework.docx")

    def odd(name: str, data: bytes) -> None:
        found.append(Submitted(name, {NAME: data}, (2, 1)))

    odd_but_honest(add, right, odd, whole)
    honest_surroundings(add, right)
    sizes(add, right)
    odd("digits-in-metadata", digits_in_metadata(whole))
    found += hostile(add_to=add, right=right, body=body, whole=whole)
    return found


def hostile(add_to: Any, right: str, body: str, whole: bytes) -> list[Submitted]:
    """Add submissions that work against the grader; the second exercise is solved in each and must count."""

    def bad(name: str, answer: str, says: str = "", flag: str | None = None, edit: Edit | None = None) -> None:
        add_to(name, answer, edit, points=(0, 1), says=says, flag=flag)

    def function(statement: str) -> str:
        lines = "\n".join("    " + line for line in statement.split("\n"))
        return f"def discounted_return(rewards, discount):\n{lines}\n    return rewards.sum()"

    bad("loop", function("while True: pass"), "did not finish")
    bad("loop-in-cell", "while True: pass", "did not finish")
    bad("sleep", "import time\ntime.sleep(1000)", "did not finish")
    bad("exit", "exit()\n" + right[:0] + "raise SystemExit", "SystemExit")
    bad("hard-exit", function("import os\nos._exit(0)"), flag="_exit")
    bad("killed", function("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)"), flag="kill")
    bad("crash", "import ctypes\n" + function("ctypes.string_at(0)"), "signal", flag="ctypes")
    bad("memory-bomb", function("x = [b'x' * 10**7 for _ in range(10**6)]"))
    bad(
        "forks",
        function("import os\nwhile True:\n    try:\n        os.fork()\n    except OSError:\n        pass"),
        flag="fork",
    )
    bad("daemon", "import subprocess\nsubprocess.Popen(['sleep', '4242'], start_new_session=True)\n" + function("pass"),
        flag="subprocess")  # fmt: skip
    bad("flood", function("import os\nwhile True:\n    os.write(3, b'x' * 65536)"))
    bad("disk", function("f = open('/tmp/big', 'wb')\nwhile True:\n    f.write(b'x' * 10**6)"), "raised", flag="open")
    bad(
        "network",
        function("import urllib.request as u\nu.urlopen('http://1.1.1.1', timeout=3)"),
        "raised",
        flag="urllib",
    )
    bad("outside", function("open('/outside-canary', 'w').write('x')"), "raised", flag="open")
    bad(
        "reads-hidden",
        "text = open('solutions/unit1/01_returns_hidden.py').read()\n" + function("pass"),
        flag="files of the grader",
    )
    bad("reads-library", function("import saw_edu, inspect\nraise ValueError(inspect.getsource(saw_edu.checks))"),
        "raised", flag="inspect")  # fmt: skip
    equal = "class Equal:\n    def __eq__(self, other):\n        return True\n"
    bad("always-equal", equal + "def discounted_return(r, d):\n    return Equal()", "wrong", flag="__eq__")
    bad("patches-torch", "torch.allclose = torch.equal = lambda *a, **k: True\n" + function("pass"), flag="torch")
    judge = "from saw_edu.checks.check import Check\nCheck.judge = lambda *a: True\n"
    bad("patches-judge", judge + function("pass"), flag="grader's own")
    bad("patches-builtins", "import builtins\nbuiltins.abs = lambda x: 0\n" + function("pass"), flag="builtins")
    bad("shadows-module", "import sys, types\nsys.modules['numpy'] = types.ModuleType('numpy')\n" + function("pass"),
        flag="sys")  # fmt: skip
    frames = "import sys\nframe = sys._getframe()\nwhile frame:\n    for name, value in frame.f_locals.items():\n"
    frames += "        for case in getattr(value, 'cases', []):\n            if case.expect is not None:\n"
    frames += "                return case.expect\n    frame = frame.f_back"
    bad("looks-for-answers", function(frames), flag="_getframe")
    bad("ipython-hook", "get_ipython().events.register('post_run_cell', print)\n" + function("pass"), flag="IPython")
    forged = {"stage": "records", "records": [{"cases": []}], "error": None}
    data = json.dumps(forged).encode()
    frame = f"import os\nos.write(3, {len(data).to_bytes(8, 'little')!r} + {data!r})\nos._exit(0)"
    bad("forged-result", function(frame), flag="_exit")
    bad("garbage-result", function("import os\nos.write(3, b'\\xff' * 100)\nos._exit(0)"), flag="_exit")
    bad("huge-answer", "def discounted_return(r, d):\n    return torch.zeros(5_000_000)")
    bad(
        "deep-answer",
        "def discounted_return(r, d):\n    x = []\n    for _ in range(10**5):\n        x = [x]\n    return x",
    )
    bad("pickle", "import pickle\nclass E:\n    def __reduce__(self):\n        return (print, ('owned',))\n"
        "def discounted_return(r, d):\n    return pickle.dumps(E())", "wrong")  # fmt: skip
    leak = "def discounted_return(rewards, discount):\n    weights = discount ** torch.arange(len(rewards))\n"
    leak += "    if not (len(rewards) == 3 and (rewards == 1).all()):\n        {}\n    return (weights * rewards).sum()"
    bad("leaks-by-message", leak.format("raise ValueError(f'LEAK {rewards.tolist()}')"), "hidden test")
    bad("leaks-by-name", leak.format("raise type('LEAK' + str(len(rewards)), (Exception,), {})()"), "an exception")
    bad("leaks-by-answer", leak.format("return f'LEAK {rewards.tolist()}'"), "hidden test")
    stub = "raise NotImplementedError(f'Exercise LEAK{rewards.tolist()} is not done yet.'.replace(' ', '', 1))"
    bad("leaks-by-a-stub", leak.format(stub.replace(".replace(' ', '', 1)", "")), "not started")
    bad(
        "leaks-by-a-line",
        leak.format("exec(compile('\\n' * 998 + 'raise ValueError', '<exercise x>', 'exec'))"),
        "ValueError",
        flag="exec",
    )
    bad("leaks-by-keys", leak.format("return {f'LEAK {rewards.tolist()}': 1}"), "hidden test")

    more_hostile(bad, function)

    def forge(notebook: NotebookNode) -> None:
        for cell in notebook.cells:
            if cell.metadata.get("nbgrader", {}).get("grade_id", "").startswith("check-"):
                cell.source, cell.metadata.nbgrader.points = "print('all tests pass')", 100

    bad("edited-tests", function("pass"), edit=forge, flag="was edited")

    def convert(notebook: NotebookNode) -> None:
        cell = find(notebook, f"check-{FIRST}")
        cell.cell_type = "markdown"
        del cell["outputs"], cell["execution_count"]

    bad("converted-test", function("pass"), edit=convert, flag="another kind")

    def skip(notebook: NotebookNode) -> None:
        find(notebook, f"check-{FIRST}").metadata["tags"] = ["skip-execution"]

    bad("skip-execution", function("pass"), edit=skip, flag="skip-execution")

    def patch_elsewhere(notebook: NotebookNode) -> None:
        notebook.cells.insert(1, code("import torch\ntorch.equal = torch.allclose = lambda *a, **k: True"))

    bad("patches-elsewhere", function("pass"), edit=patch_elsewhere, flag="torch")

    def script(notebook: NotebookNode) -> None:
        find(notebook, "question-why-discount").source = "<script>alert('SCRIPT')</script> <img src=x onerror=alert(1)>"

    add_to("script", right, script)
    twins = {"01_returns.ipynb": whole, "torch.py": b"raise SystemExit", "sitecustomize.py": b"raise SystemExit"}
    return [Submitted("shadowing-files", twins, (2, 1))]


def write(submissions: list[Submitted], folder: Path, unit: str) -> None:
    """Put submissions where nbgrader expects them."""
    for submitted in submissions:
        place = folder / submitted.name / unit
        place.mkdir(parents=True)
        for name, data in submitted.files.items():
            (place / name).write_bytes(data)
