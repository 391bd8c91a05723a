"""Feedback for a student: one HTML page without scripts, hidden tests or tracebacks, readable without a network.

nbgrader's `generate_feedback` and Formgrader's button use it through `saw_edu.classroom.authoring.nbgrader_setup`.
"""

import html
import re
import time
from typing import Any

import bleach
from latex2mathml.converter import convert as to_mathml
from nbconvert.exporters import Exporter
from nbconvert.filters.markdown_mistune import markdown2html_mistune
from nbformat.notebooknode import NotebookNode
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

from saw_edu.classroom.authoring.markers import without
from saw_edu.classroom.plain import one_line, plain_text

_MATH = re.compile(
    r"(?P<code>```.*?```|`[^`\n]+`)"
    r"|\$\$(?P<block>.+?)\$\$"
    r"|(?<![\\$\w])\$(?P<line>[^\s$](?:[^$\n]*[^\s$\\])?)\$(?![\w$])",
    re.DOTALL,
)
_SPACES = re.compile(r"[ \t]{200,}")
_TAGS = frozenset(
    re.findall(
        r"\w+",
        "a abbr b blockquote br code dd del details div dl dt em h1 h2 h3 h4 h5 h6 hr i img kbd li mark ol p pre s "
        "small span strong sub summary sup table tbody td th thead tr u ul",
    )
)
_MATH_TAGS = frozenset(
    re.findall(
        r"\w+",
        "math semantics annotation mrow mi mo mn ms mtext mspace msup msub msubsup mfrac msqrt mroot mover munder "
        "munderover mtable mtr mtd mstyle mpadded mphantom menclose mmultiscripts mprescripts",
    )
)
_ADDRESSES = {"http", "https", "mailto"}
_PICTURES = ("image/png", "image/jpeg")
_LONGEST = 10_000  # characters of one cell that are read as Markdown; a longer one is shown as it is
_LONGEST_FORMULA = 2000
_LONGEST_CODE = 50_000  # characters that are coloured
_SECONDS = 20.0  # of computing for one page; what is left then is shown as it is
_MARKS = {"right": "✓", "wrong": "✗", "not started": "○", "stopped": "✗", "flagged": "⚑", "ungraded": "–"}
_OPEN = ("ungraded", "not graded yet")
_STYLE = """
body{font:16px/1.55 system-ui,sans-serif;max-width:54rem;margin:2rem auto;padding:0 1rem;color:#1b1b1b;background:#fff}
table{border-collapse:collapse;margin:1rem 0}td,th{padding:.3rem .8rem;border-bottom:1px solid #ccc;text-align:left;
vertical-align:top}pre{background:#f5f5f3;padding:.7rem;overflow-x:auto;border-radius:4px;white-space:pre-wrap}
.result{border-left:5px solid #999;padding:.4rem .9rem;margin:.6rem 0;white-space:pre-wrap}.right{border-color:#009e73}
.wrong,.stopped{border-color:#d55e00}.flagged,.ungraded{border-color:#e69f00}.comment{background:#eef4fb;
padding:.5rem .9rem;white-space:pre-wrap}img{max-width:100%}.points{color:#555}.message{white-space:pre-wrap}
h1{line-height:1.2;overflow-wrap:anywhere}
"""


class FeedbackExporter(Exporter):
    """Makes the page from an autograded notebook in which `GetGrades` has put scores and comments."""

    export_from_notebook = "Feedback"
    output_mimetype = "text/html"

    def _file_extension_default(self) -> str:
        return ".html"

    def from_notebook_node(  # type: ignore[override]  # text, as nbconvert's own HTML exporter
        self, nb: NotebookNode, resources: Any = None, **kwargs: Any
    ) -> tuple[str, dict[str, Any]]:
        """Return the page and nbconvert's resources."""
        nb_copy, resources = super().from_notebook_node(nb, resources, **kwargs)
        resources["output_extension"] = ".html"
        return page(nb_copy, dict(resources.get("nbgrader", {}))), resources


def page(notebook: NotebookNode, grades: dict[str, Any]) -> str:
    """Write the page: whose it is, a table of results, then the notebook.

    grades: nbgrader's `student`, `assignment`, `notebook`, `score`, `max_score` and `late_penalty`, where known.
    """
    student, unit, name = (one_line(str(grades.get(key) or "")) for key in ("student", "assignment", "notebook"))
    title = html.escape(" · ".join(filter(None, (student, unit, name))) or "Feedback")
    head = f"<h1>{html.escape(student or name or 'Feedback')}</h1>"
    where = " · ".join(html.escape(part) for part in (unit, name) if part and part != (student or name))
    parts = [head, f"<p>{where}</p>" if where else "", _summary(notebook, grades), "<hr>"]
    until = time.thread_time() + _SECONDS
    for cell in notebook.cells:
        parts.append(_cell(cell, plainly=time.thread_time() > until))
    body = "\n".join(part for part in parts if part)
    style = _STYLE + HtmlFormatter().get_style_defs("pre")
    policy = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n<style>{style}</style></head>\n'
        f"<body>\n{body}\n</body></html>\n"
    )


def _summary(notebook: NotebookNode, grades: dict[str, Any]) -> str:
    rows = []
    is_open = False
    for cell in notebook.cells:
        data = cell.metadata.get("nbgrader", {})
        if not data.get("grade"):
            continue
        name = str(data["grade_id"]).removeprefix("check-").removeprefix("question-")
        target = str(cell.metadata.get("saw_edu", {}).get("exercise") or data["grade_id"])
        state = _state(cell)
        is_open |= state in _OPEN
        points = _points(cell) or "–"
        link = f'<a href="#{_anchor(target)}">{html.escape(name)}</a>'
        message = html.escape(_message(cell))
        rows.append(f"<tr><td>{link}</td><td>{_MARKS.get(state, '')} {html.escape(state)}</td>"
                    f'<td>{points}</td><td class="message">{message}</td></tr>')  # fmt: skip
    total = ""
    if "score" in grades:
        late = grades.get("late_penalty") or 0
        penalty = f" ({_number(late)} points off for being late)" if late else ""
        open_ = " so far: a part is not graded yet" if is_open else ""
        points = f"{_number(grades['score'])} of {_number(grades['max_score'])} points"
        total = f"<p><strong>{points}</strong>{open_}{penalty}</p>"
    head = "<tr><th>exercise</th><th>state</th><th>points</th><th>what came of it</th></tr>"
    return f'{total}<table id="results">{head}{"".join(rows)}</table>' if rows else total


def _anchor(name: str) -> str:
    return "cell-" + re.sub(r"[^\w-]", "-", name)[:80]


def _message(cell: NotebookNode) -> str:
    """What a check said, or what a person wrote of an answer; on the page's first screen, so not all of a long text."""
    data = cell.metadata["nbgrader"]
    said = cell.metadata.get("saw_edu", {}).get("message")
    errors = [output for output in cell.get("outputs", []) if output.output_type == "error"]
    found = data.get("comment") or said or (errors[0].evalue if errors else "")
    text = plain_text(str(found)[:2400])
    return text if len(text) <= 600 else f"{text[:600]} …"


def _state(cell: NotebookNode) -> str:
    """The state that `saw-edu grade` noted of a check or question, or else that of a check that nbgrader ran."""
    noted = cell.metadata.get("saw_edu", {}).get("state")
    if noted:
        return str(noted)
    if cell.metadata["nbgrader"].get("solution"):
        return "by hand"
    if cell.get("execution_count") is None:
        return "ungraded"
    errors = [output for output in cell.get("outputs", []) if output.output_type == "error"]
    return ("not started" if errors[0].ename == "NotStarted" else "wrong") if errors else "right"


def _points(cell: NotebookNode) -> str:
    """Points of a check or question, "2 of 3"; where nobody has graded it yet, what it is worth; empty if unknown."""
    data = cell.metadata["nbgrader"]
    if data.get("score") is None:
        return ""
    score = "–" if _state(cell) in _OPEN else _number(data["score"])
    return f"{score} of {_number(data.get('points'))}"


def _number(value: Any) -> str:
    return f"{value:g}" if isinstance(value, (int, float)) else "–"


def _cell(cell: NotebookNode, *, plainly: bool = False) -> str:
    data = cell.metadata.get("nbgrader", {})
    is_check = bool(data.get("grade")) and not data.get("solution")
    if cell.cell_type == "markdown" and not plainly and len(cell.source) <= _LONGEST:
        shown = markdown(cell.source, cell.get("attachments", {}))
    elif cell.cell_type == "code":
        source = without(cell.source, "HIDDEN TESTS") if is_check else cell.source
        short = not plainly and len(source) <= _LONGEST_CODE
        text = highlight(source, PythonLexer(), HtmlFormatter(nowrap=True)) if short else html.escape(source)
        shown = f"<pre>{plain_text(text)}</pre>" if source.strip() else ""
        shown += "".join(_output(output, cell) for output in cell.get("outputs", []))
    else:
        shown = f"<pre>{html.escape(plain_text(cell.source))}</pre>"
    if data.get("grade") and _points(cell):
        shown += f'<p class="points">{_points(cell)} points · <a href="#results">all results</a></p>'
    if data.get("comment"):
        shown += f'<div class="comment"><strong>Comment</strong>\n{html.escape(plain_text(str(data["comment"])))}</div>'
    return f'<div id="{_anchor(str(data["grade_id"]))}">{shown}</div>' if data.get("grade_id") else shown


def _output(output: NotebookNode, cell: NotebookNode) -> str:
    """Show an output as text, or a picture: nothing in it is taken for HTML."""
    state = cell.metadata.get("saw_edu", {}).get("state", "")
    state = state if state in _MARKS else ""
    kind = output.output_type
    if kind == "error":
        name = "" if output.ename in ("CheckFailed", "NotStarted") else f"{output.ename}: "
        text = plain_text(f"{name}{output.evalue}")
        return f'<div class="result {state.split(" ")[0] or "wrong"}">{html.escape(text)}</div>'
    if kind == "stream":
        text = html.escape(plain_text(str(output.text)))
        return f'<div class="result {state}">{text}</div>' if state else f"<pre>{text}</pre>"
    data = output.get("data", {})
    for mime in _PICTURES:
        if isinstance(data.get(mime), str) and re.fullmatch(r"[A-Za-z0-9+/=\s]+", data[mime]):
            alt = html.escape(str(cell.metadata.get("alt", "a figure")), quote=True)
            return f'<img alt="{alt}" src="data:{mime};base64,{"".join(data[mime].split())}">'
    return f"<pre>{html.escape(plain_text(str(data['text/plain'])))}</pre>" if "text/plain" in data else ""


def markdown(text: str, attachments: dict[str, Any] | None = None) -> str:
    """Render Markdown to clean HTML; mathematics becomes MathML, which browsers show by themselves."""
    formulas: list[str] = []

    def keep(match: re.Match[str]) -> str:
        if match["code"]:
            return match["code"]
        formulas.append(mathematics(match["block"] or match["line"], block=bool(match["block"])))
        return f"xMATHx{len(formulas) - 1}x"

    text = _SPACES.sub(" " * 200, plain_text(text).replace("xMATHx", "x MATHx"))
    rendered = markdown2html_mistune(_MATH.sub(keep, text))
    rendered = re.sub(r'<a class="anchor-link"[^>]*>[^<]*</a>', "", rendered)
    rendered = re.sub(r"<(script|style)\b.*?(</\1\s*>|$)", "", rendered, flags=re.DOTALL | re.IGNORECASE)
    clean = bleach.clean(
        rendered,
        tags=_TAGS,
        attributes={"a": _link, "img": _picture, "td": ["align"], "th": ["align"], "details": ["open"]},
        protocols=_ADDRESSES | {"data"},
        strip=True,
        strip_comments=True,
    )
    return re.sub(r"xMATHx(\d+)x", lambda match: formulas[int(match[1])], clean)


def _link(tag: str, name: str, value: str) -> bool:
    return name == "href" and value.split(":", 1)[0].lower() in _ADDRESSES


def _picture(tag: str, name: str, value: str) -> bool:
    return name == "alt" or (name == "src" and bool(re.match(r"data:image/(png|jpeg|gif);base64,", value)))


def mathematics(formula: str, *, block: bool) -> str:
    """Convert TeX to MathML; where that fails or would take too long, show the TeX itself."""
    try:
        if len(formula) > _LONGEST_FORMULA:
            raise ValueError("too long")
        made = to_mathml(formula.strip(), display="block" if block else "inline")
    except Exception:  # the converter raises all kinds for what it does not know
        return f"<code>{html.escape(formula.strip())}</code>"
    return str(bleach.clean(
        made,
        tags=_MATH_TAGS,
        attributes=["display", "stretchy", "fence", "form", "mathvariant", "columnalign", "accent", "linethickness",
                    "movablelimits", "separator", "width", "minsize", "maxsize", "xmlns"],
        strip=True,
    ))  # fmt: skip
