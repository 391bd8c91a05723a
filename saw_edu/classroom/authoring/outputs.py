"""Makes executed outputs fit to be committed: no timestamps, widgets' state, addresses, paths or progress bars.

A figure is stored once: a notebook is mostly its figures, and each rebuild stays in the history.
"""

import re
import sys
from pathlib import Path
from typing import Any

from nbformat.notebooknode import NotebookNode

_WIDGET = "application/vnd.jupyter.widget-view+json"
_BAR = re.compile(r"\d+%\|.*\||\d+(it|step|update)s?/s\b|\d+(it|step)? \[\d\d:\d\d")
_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")
_CELL_FILE = re.compile(r"/[^\s\"']*ipykernel_\d+/\d+\.py")
_INTERACTIVE = "(an interactive widget: run the notebook to use it)"


def clean(notebook: NotebookNode, root: Path) -> None:
    """Rewrite the outputs of an executed notebook in place. root: the course's folder, taken out of every text."""
    notebook.metadata.pop("widgets", None)
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        if cell.cell_type == "code":
            cleaned = [_clean_output(output, root) for output in cell.outputs]
            cell.outputs = [output for output in cleaned if output is not None]


def _clean_output(output: NotebookNode, root: Path) -> NotebookNode | None:
    kind = output.output_type
    if kind == "stream":
        text = _terminal(output.text)
        if output.name == "stderr":
            text = "".join(line for line in text.splitlines(keepends=True) if not _BAR.search(line))
        output.text = without_paths(text, root)
        return output if output.text.strip() else None
    if kind in ("display_data", "execute_result"):
        if _WIDGET in output.data:
            shown = str(output.data.get("text/plain", ""))
            if _BAR.search(shown) or "Progress" in shown:
                return None
            del output.data[_WIDGET]
            output.data["text/plain"] = _INTERACTIVE
        picture = str(output.data.get("image/png", "")).strip()
        if picture and picture in output.data.get("text/html", ""):
            del output.data["text/html"]  # the same picture again, for live notebooks; the PNG shows everywhere
        for mime, value in output.data.items():
            if mime.startswith("text/") and isinstance(value, str):
                output.data[mime] = without_paths(_ADDRESS.sub("", value), root)
    if kind == "error":
        output.traceback = [without_paths(line, root) for line in output.traceback]
        output.evalue = without_paths(output.evalue, root)
    return output


def _terminal(text: str) -> str:
    """Keep of each line what a terminal would show in the end: the part after the last carriage return."""
    lines = text.replace("\r\n", "\n").split("\n")
    return "\n".join(line.rstrip("\r").rsplit("\r", 1)[-1] for line in lines)


def without_paths(text: str, root: Path) -> str:
    """Take this machine's folders out of a text: the course's becomes `.`, the environment's `<env>`, home `~`."""
    text = _CELL_FILE.sub("<cell>", text)
    names = {str(root.resolve()): ".", str(root): ".", sys.prefix: "<env>", sys.base_prefix: "<python>"}
    home = str(Path.home())
    if len(home) > 3:
        names[home] = "~"
    for path, name in sorted(names.items(), key=lambda item: -len(item[0])):
        if len(path) > 1:
            text = re.sub(re.escape(path) + r"(?=[/\s\"':,)\]]|$)", name, text)  # names hold no backslash
    return text


def _lacks_alt(output: NotebookNode, cell: NotebookNode) -> bool:
    """Tell whether an output has a picture whose alternative text neither the output nor its cell states."""
    pictures = [mime for mime in output.get("data", {}) if mime.startswith("image/")]
    stated = [cell.metadata.get("alt"), output.get("metadata", {}).get("alt")]
    stated += [output.get("metadata", {}).get(mime, {}).get("alt") for mime in pictures]
    return bool(pictures) and not any(str(text or "").strip() for text in stated)


def faults(notebook: NotebookNode) -> list[tuple[int, str]]:
    """Find outputs that would harm: (cell index, what is wrong). Use after `clean`."""
    found: list[tuple[int, str]] = []
    for index, cell in enumerate(notebook.cells):
        if cell.cell_type != "code":
            continue
        nbgrader: dict[str, Any] = cell.metadata.get("nbgrader", {})
        for output in cell.outputs:
            if output.output_type == "error":
                found.append((index, f"an error is shown: {output.ename}: {output.evalue}"))
            graded = nbgrader.get("grade") and not nbgrader.get("solution")
            if graded and output.output_type == "stream" and output.name == "stderr":
                found.append((index, f"a check writes to stderr, for which nbgrader gives no points: {output.text!r}"))
            if graded and output.output_type == "execute_result":
                found.append((index, "a check's last line has a value, which nbgrader takes for points"))
            if _lacks_alt(output, cell):
                words = 'show it with `saw_edu.viz.style.show(fig, alt="…")`, or start the cell with `# %% alt="…"`'
                found.append((index, f"a picture without alternative text: {words}"))
    return found
