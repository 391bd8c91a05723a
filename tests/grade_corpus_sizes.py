"""More of the corpus: files and answers of such sizes that a grader could stop at them, and that stop nobody."""

import json
from collections.abc import Callable
from typing import Any

import nbformat
from nbformat.notebooknode import NotebookNode

DIGITS = "0x" + "f" * 5000
GIANT_TABLE = "|a|b|\n|-|-|\n" + "|1|2|\n" * 100_000
UNCLOSED = "$$" + "\\frac{1}{" * 20_000


def sizes(add: Callable[..., None], right: str) -> None:
    """Add answers and cells that are to get all points."""

    def cells(*sources: str) -> Callable[[NotebookNode], None]:
        def edit(notebook: NotebookNode) -> None:
            notebook.cells[2:2] = [nbformat.v4.new_code_cell(source) for source in sources]

        return edit

    def answered(text: str) -> Callable[[NotebookNode], None]:
        def edit(notebook: NotebookNode) -> None:
            question = next(c for c in notebook.cells if "question" in str(c.metadata.get("nbgrader")))
            question.source = text

        return edit

    helped = "def discounted_return(rewards, discount):\n    assert big\n    return my_sum(rewards, discount)"
    whole_sum = "def my_sum(r, d):\n    return (r * d ** torch.arange(len(r))).sum()"
    add("digits-beside", f"{right}\nbig = {DIGITS}\nbig = big + 1")
    add("digits-in-a-helper", helped, cells(f"big = {DIGITS}\n{whole_sum}"))
    chain = ["\n".join(f"v{n + 1} = v{n}" for n in range(first, first + 10_000)) for first in range(0, 40_000, 10_000)]
    add("chain-of-definitions", helped, cells("v0 = 1", *chain, f"big = v40000\n{whole_sum}"))
    functions = "\n".join(f"def f{n}(x):\n    return x + {n}" for n in range(4000))
    add("thousands-of-functions", helped, cells(functions, f"big = f3999(1)\n{whole_sum}"))
    add("spaces-in-a-text", right, answered("I think" + " " * 1_000_000 + "so."))
    add("a-giant-table", right, answered(GIANT_TABLE))
    add("a-formula-without-end", right, answered(UNCLOSED))
    add("brackets-without-end", right, answered("[" * 300_000 + "<!--" * 50_000))


def giants(whole: bytes) -> dict[str, tuple[bytes, str]]:
    """Files of some 30 MiB, by name: with what is said where they cannot be graded; else empty, for all points."""

    def changed(edit: Callable[[dict[str, Any]], None]) -> bytes:
        notebook = json.loads(whole)
        edit(notebook)
        return json.dumps(notebook).encode()

    lists = [[]] * 7_000_000
    code = {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None}
    code["source"] = "\n".join(f"name_{n} = {n}" for n in range(9000))
    old = {"nbformat": 3, "nbformat_minor": 0, "metadata": {}, "worksheets": [{"cells": [], "metadata": {"x": lists}}]}
    return {
        "large-metadata": (changed(lambda n: n["cells"][2]["metadata"].update(x=lists)), ""),
        "large-metadata-of-grading": (changed(lambda n: n["cells"][3]["metadata"]["nbgrader"].update(x=lists)), ""),
        "large-definitions": (changed(lambda n: n["cells"].extend([code] * 180)), "more than the 2,000,000"),
        "large-and-of-an-old-format": (json.dumps(old).encode(), "too large to convert"),
    }


def digits_in_metadata(whole: bytes) -> bytes:
    """A notebook with a number that Python does not read."""
    notebook = json.loads(whole)
    notebook["metadata"]["x"] = "DIGITS"
    return json.dumps(notebook).encode().replace(b'"DIGITS"', b"7" * 5000)


__all__ = ["digits_in_metadata", "giants", "sizes"]
