"""Makes the autograded notebook: the course's cells, the student's answers, and the results as outputs."""

import html
import re
from typing import Any

import nbformat
from nbformat.notebooknode import NotebookNode
from nbgrader.utils import compute_checksum

from saw_edu.classroom.authoring.chapter import NOTEBOOK_METADATA, Cell
from saw_edu.classroom.grading.judge import RIGHT, CheckResult
from saw_edu.classroom.grading.plan import ChapterPlan
from saw_edu.classroom.grading.submission import Item, Submission

_HARMLESS = "b|i|em|strong|sub|sup|br|p|code|pre|ul|ol|li|table|thead|tbody|tr|td|th|u|s|hr|h[1-6]|blockquote|kbd"
_TAG = re.compile(rf"<(?!/?(?:{_HARMLESS})\s*/?>)(?=[a-zA-Z/!?])", re.IGNORECASE)
_ACTIVE_TEX = re.compile(
    r"\\(?=(?:href|url|class|cssId|style|require|unicode|html\w*|data|toggle|action|include\w*)\b)"
)
_LINK = re.compile(r"(?:\]\(|\]:)\s*<?(?P<address>(?:\\\s|[^\s)>])*)")
_SCHEMES = ("http", "https", "mailto", "attachment")
_LONGEST = 100_000  # characters of one cell
_PICTURES = ("image/png", "image/jpeg", "image/gif")


def autograded(plan: ChapterPlan, submission: Submission | None, results: list[CheckResult], notes: list[str]) -> bytes:
    """Write a notebook for Formgrader and feedback; its cells' metadata and tests are the course's own.

    submission: None where there was nothing to grade; notes then say why. The student's text is made harmless: raw HTML
    is shown as text, and outputs that came with the submission are left out.
    """
    notebook = nbformat.v4.new_notebook()
    notebook.nbformat_minor = 5
    notebook.metadata.update(nbformat.from_dict(NOTEBOOK_METADATA))
    notebook.metadata["saw_edu_grading"] = nbformat.from_dict({"notes": notes})
    seen: set[str] = set()
    by_cell = {result.grade_id: result for result in results}
    for text in notes if submission is None else []:
        notebook.cells.append(_cell("markdown", f"**Not graded:** {harmless(text)}", "not-graded"))
    for cell, identifier in zip(plan.chapter.cells, plan.ids, strict=True):
        versions, followers = _of_student(submission, cell)
        notebook.cells.append(_course_cell(cell, identifier, versions, by_cell))
        seen.add(identifier)
        for item in followers:
            name = f"own-{item.index}"
            notebook.cells.append(_cell(item.kind, _source(item), name))
    return (nbformat.writes(notebook, version=4).rstrip("\n") + "\n").encode("utf-8", "replace")


def _of_student(submission: Submission | None, cell: Cell) -> tuple[list[Item], list[Item]]:
    """The student's versions of a course's cell, and the cells of their own that follow it."""
    if submission is None:
        return [], []
    versions = [item for item in submission.items if item.source_cell is cell]
    if not versions:
        return [], []
    followers = []
    for item in submission.items[versions[-1].index + 1 :]:
        if item.source_cell is not None:
            break
        followers.append(item)
    if cell is _first_matched(submission):
        before = [item for item in submission.items[: versions[0].index] if item.source_cell is None]
        followers = before + followers
    return versions, followers


def _first_matched(submission: Submission) -> Cell | None:
    return next((item.source_cell for item in submission.items if item.source_cell), None)


def _course_cell(cell: Cell, identifier: str, versions: list[Item], results: dict[str, CheckResult]) -> NotebookNode:
    if cell.role in ("exercise", "question"):
        item = versions[-1] if versions else None
        text = _source(item) if item else ("" if cell.role == "exercise" else "(this cell was deleted)")
        node = _cell(cell.kind, text, identifier)
        if item and item.attachments and cell.kind == "markdown":
            node["attachments"] = _pictures(item.attachments)
    else:
        edited = versions and cell.role is None and versions[-1].source.strip() != cell.source.strip()
        node = _cell(cell.kind, _source(versions[-1]) if edited else cell.source, identifier)
    node.metadata.update(nbformat.from_dict(cell.metadata()))
    if cell.role:
        released = NotebookNode(cell_type=cell.kind, source=cell.released, metadata=nbformat.from_dict(cell.metadata()))
        node.metadata.nbgrader["checksum"] = compute_checksum(released)
        node.metadata.nbgrader["cell_type"] = cell.kind
    if cell.role == "check" and cell.grade_id in results:
        _show(node, results[cell.grade_id])
    return node


def _show(node: NotebookNode, result: CheckResult) -> None:
    """Give a test cell the output that nbgrader reads a score from, and the state for feedback."""
    node.execution_count = 1
    if result.state == RIGHT:
        node.outputs = [nbformat.v4.new_output("stream", name="stdout", text=result.message + "\n")]
    else:
        name = "NotStarted" if result.state == "not started" else "CheckFailed"
        node.outputs = [
            nbformat.v4.new_output("error", ename=name, evalue=result.message, traceback=[f"{name}: {result.message}"])
        ]
    state = {"state": result.state, "message": result.message, "points": result.points, "of": result.of}
    node.metadata["saw_edu"] = nbformat.from_dict({**state, "exercise": result.exercise})


def _cell(kind: str, source: str, identifier: str) -> NotebookNode:
    make = nbformat.v4.new_code_cell if kind == "code" else nbformat.v4.new_markdown_cell
    node = make(source)
    node["id"] = re.sub(r"[^A-Za-z0-9_-]", "-", identifier)[:64]
    return node


def _source(item: Item) -> str:
    """What a page shows of a cell: a person reads no more of it, and browsers stop at texts without end."""
    text = item.source.encode("utf-8", "replace").decode("utf-8")
    if len(text) > _LONGEST:
        text = f"{text[:_LONGEST]}\n# … and {len(text) - _LONGEST:,} more characters, which are not shown here"
    return text if item.kind == "code" else harmless(text)


def harmless(text: str) -> str:
    """Make a student's Markdown safe to show in a page that can change grades: no raw HTML, TeX or link that acts."""
    return _LINK.sub(_plain_link, _ACTIVE_TEX.sub(r"\\ ", _TAG.sub("&lt;", text)))


def _plain_link(match: re.Match[str]) -> str:
    """Leave a link's address as it is, or show it as text where a click on it could run something."""
    address = re.sub(r"[\s\\\x00-\x1f]", "", html.unescape(match["address"])).lower()
    scheme, colon, _ = re.split(r"[/?#]", address, maxsplit=1)[0].partition(":")
    return match[0] if not colon or scheme in _SCHEMES else f"\\{match[0]}"


def _pictures(attachments: dict[str, Any]) -> NotebookNode:
    kept: dict[str, dict[str, str]] = {}
    for name, versions in attachments.items():
        if isinstance(name, str) and isinstance(versions, dict):
            pictures = {m: v for m, v in versions.items() if m in _PICTURES and isinstance(v, str)
                        and re.fullmatch(r"[A-Za-z0-9+/=\s]*", v)}  # fmt: skip
            kept |= {name: pictures} if pictures else {}
    return nbformat.from_dict(kept)
