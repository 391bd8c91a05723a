"""`saw-edu feedback`: a page for every name, which begins with results and passes on nothing that acts."""

import time
from pathlib import Path

import nbformat
import pytest
from grade_corpus import Submitted, write
from grade_corpus_sizes import GIANT_TABLE, UNCLOSED
from sandboxes import no_sandbox
from test_grade_runs import LIMITS, make_course
from typer.testing import CliRunner

from saw_edu.classroom.grading.run import Options, grade_unit, summary
from saw_edu.classroom.plain import one_line, plain_text
from saw_edu.classroom.reports.feedback import page
from saw_edu.classroom.reports.returning import FeedbackError, write_feedback
from saw_edu.cli import app

NAMES = ["a\nb", "[x]", ".dot", "<b>&", "a b*?", "\x1b[2Jred", "Łukasz 王", "n" * 200, "{curly}", "%s", "'; --"]


def test_every_name_gets_a_page_that_begins_with_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    course = make_course(tmp_path, [])
    write([Submitted(name, {"01_returns.ipynb": b""}, (None, None)) for name in NAMES], course / "submitted", "unit1")
    with pytest.raises(FeedbackError, match="run `saw-edu grade unit1` first"):
        write_feedback(course, "unit1")
    results = grade_unit(course, "unit1", Options(jobs=1, sandboxed=not no_sandbox(), limits=LIMITS))
    assert "\x1b" not in summary("unit1", results)
    monkeypatch.chdir(course)
    done = CliRunner().invoke(app, ["feedback", "unit1"])
    assert done.exit_code == 0, done.output
    for name in NAMES:
        made = (course / "feedback" / name / "unit1" / "01_returns.html").read_text(encoding="utf-8")
        assert "\x1b" not in made
        assert "the file is empty" in made
    made = (course / "feedback" / "<b>&" / "unit1" / "01_returns.html").read_text(encoding="utf-8")
    body = made.partition("<body>")[2].strip()
    assert body.startswith("<h1>&lt;b&gt;&amp;</h1>\n<p>unit1 · 01_returns</p>")
    assert body.index('<table id="results">') < 400
    with pytest.raises(FeedbackError, match="by nobody"):
        write_feedback(course, "unit1", students=("nobody",))


def test_the_table_links_to_answers_and_has_their_messages() -> None:
    cell = nbformat.v4.new_code_cell("check(f)")
    message = "✗ f: it raised E: \x1b[31m<img src=x onerror=alert(1)> $\\href{javascript:1}{x}$\x07\u202e"
    cell.metadata["nbgrader"] = {"grade": True, "solution": False, "grade_id": "check-f", "points": 2, "score": 0.0}
    cell.metadata["saw_edu"] = {"state": "wrong", "exercise": "f", "message": message}
    cell.outputs = [nbformat.v4.new_output("error", ename="CheckFailed", evalue=message, traceback=[message])]
    answer = nbformat.v4.new_code_cell("def f(): ...\x1b[2J")
    answer.metadata["nbgrader"] = {"grade": False, "solution": True, "grade_id": "f"}
    grades = {"student": "ada", "assignment": "unit1", "notebook": "01_x"}
    made = page(nbformat.v4.new_notebook(cells=[answer, cell]), grades)
    assert '<td><a href="#cell-f">f</a></td><td>✗ wrong</td><td>0 of 2</td><td class="message">✗ f: it raised' in made
    assert '<div id="cell-f">' in made
    assert made.index("<h1>ada</h1>") < made.index('<table id="results">') < made.index('<div id="cell-f">')
    assert not set(made) & set("\x1b\x07\u202e")
    assert "<img" not in made


@pytest.mark.parametrize(
    "text", [GIANT_TABLE, UNCLOSED, " " * 1_000_000, "[" * 300_000, "$$ x " * 4000, "|a" * 9000, "a" + " " * 9000 + "b"]
)
def test_no_text_makes_a_page_slow(text: str) -> None:
    started = time.thread_time()
    made = page(nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell(text)]), {})
    assert time.thread_time() - started < 10
    assert made.endswith("</body></html>\n")


def test_plain_text_keeps_what_is_read_and_nothing_that_acts() -> None:
    assert plain_text("a\x1b[31mb\x1b]0;title\x07c\x9b2Jd\te\n王 Ł é 👩\u200d🔬") == "abcd\te\n王 Ł é 👩\u200d🔬"
    assert plain_text("\x00\u202e\ud800\u2028") == "����"
    assert one_line("a\nb\x1b[2J") == "a b"
