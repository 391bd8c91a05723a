"""More of the corpus: answers whose surroundings are written in the ways that honest notebooks are."""

from collections.abc import Callable
from typing import Any

import nbformat
from nbformat.notebooknode import NotebookNode

HELPED = (
    "def discounted_return(rewards, discount):\n    return my_sum(rewards * discount ** torch.arange(len(rewards)))"
)
ASKED = "def discounted_return(rewards, discount):\n    return {}(rewards * discount ** torch.arange(len(rewards)))"
HELPED = ASKED.format("my_sum")
SUM = "def my_sum(x):\n{indent}    return x.sum()"


def honest_surroundings(add: Callable[..., None], right: str) -> None:
    """Add answers that need what stands in other cells, or beside them, and that are to get all points."""

    def cells(*sources: str) -> Callable[[NotebookNode], None]:
        def edit(notebook: NotebookNode) -> None:
            notebook.cells[2:2] = [nbformat.v4.new_code_cell(source) for source in sources]

        return edit

    def inside(head: str, tail: str = "") -> str:
        return f"{head}\n    " + SUM.format(indent="    ") + tail

    add("helper-under-if", HELPED, cells(inside("if True:")))
    add("helper-under-try", HELPED, cells(inside("try:", "\nexcept ValueError:\n    pass")))
    add("helper-under-with", HELPED, cells("import contextlib", inside("with contextlib.suppress(ValueError):")))
    tried = "try:\n    from torch import nothing as total\nexcept ImportError:\n    from torch import sum as total"
    add("import-in-try", ASKED.format("total"), cells(tried))
    filled = "table = {}", "for name in ('sum', 'mean'):\n    table[name] = getattr(torch, name)"
    add("table-filled-by-a-loop", ASKED.format("table['sum']"), cells(*filled))
    add("table-updated", ASKED.format("table['sum']"), cells("table = {}", "table.update(sum=torch.sum)"))
    registry = "known = {}\ndef register(function):\n    known[function.__name__] = function\n    return function"
    registered = "@register\n" + SUM.format(indent="")
    add("registered-by-a-decorator", ASKED.format("known['my_sum']"), cells(registry, registered))
    add(
        "registered-by-a-call",
        ASKED.format("known['my_sum']"),
        cells(registry, SUM.format(indent=""), "register(my_sum)"),
    )
    add("await", "import asyncio\nawait asyncio.sleep(0)\n" + right)
    add("await-beside-a-helper", HELPED, cells("import asyncio\nawait asyncio.sleep(0)\n" + SUM.format(indent="")))
    add("shell-beside", "files = !ls\n" + right)
    add("shell-beside-a-helper", HELPED, cells("files = !ls\n" + SUM.format(indent="")))
    add("timed-beside", right + "\nt = %timeit -o discounted_return(torch.ones(3), 0.5)\nprint(t.average)")
    add("timed-cell", "%%time\n" + right)
    add("timed-helper", HELPED, cells("%%time\n" + SUM.format(indent="")))
    text = '    note = """\n%percent\n!exclaimed\nwhat?\n"""\n    assert "%percent" in note and "what?" in note\n'
    head, body = right.split("\n", 1)
    add("percent-in-a-text", f"%matplotlib inline\n{head}\n{text}{body}")
    add("question-beside", "torch.sum?\n" + right)
    slow = "import time\n" + SUM.format(indent="") + "\ntime.sleep(1000)"
    add("helper-beside-a-long-experiment", HELPED, cells(slow))
    add("helper-beside-an-error", HELPED, cells("1 / 0\n" + SUM.format(indent="")))
    add("helper-by-hand", HELPED, _seen(cells("exec('def my_sum(x): return x.sum()')")))
    lost = _seen(cells("x = 1"))
    add("seen-to-pass", HELPED, lost, points=(None, 1), says="A person will look at this")
    wrong = right.replace("    weights", "    rewards = rewards + 1\n    weights", 1)
    add("seen-to-pass-by-an-edited-test", wrong, _seen(_printing), points=(0, 1), says="wrong", flag="was edited")


def _seen(edit: Callable[[NotebookNode], None]) -> Callable[[NotebookNode], None]:
    """Edit a notebook, and give its first check the output of a check that passed."""

    def both(notebook: NotebookNode) -> None:
        edit(notebook)
        cell = _first_check(notebook)
        calls = sum(line.startswith("checks.") for line in cell.source.split("\n"))
        text = "✓ Discounted return: 4 cases right.\n" * max(calls, 1)
        cell.outputs = [nbformat.v4.new_output("stream", name="stdout", text=text)]
        cell.execution_count = 3

    return both


def _first_check(notebook: NotebookNode) -> Any:
    ids = (cell.metadata.get("nbgrader", {}).get("grade_id", "") for cell in notebook.cells)
    return next(cell for cell, name in zip(notebook.cells, ids, strict=True) if name.startswith("check-"))


def _printing(notebook: NotebookNode) -> None:
    _first_check(notebook).source = "print('✓ all')"


__all__ = ["honest_surroundings"]
