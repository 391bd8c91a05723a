"""Feedback pages: state and message of each exercise, clean HTML, mathematics as MathML, nothing hidden."""

import re

import nbformat
import pytest
from grade_corpus_odd import links
from nbconvert.filters.markdown_mistune import markdown2html_mistune
from nbformat.notebooknode import NotebookNode

from saw_edu.classroom.grading.notebook import harmless
from saw_edu.classroom.reports.feedback import markdown, page


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "<ScRiPt src=//x>",
        "<img src=x onerror=alert(1)>",
        "<svg onload=alert(1)>",
        "<iframe src=javascript:alert(1)></iframe>",
        "[x](javascript:alert(1))",
        "[x](data:text/html;base64,PHNjcmlwdD4=)",
        '<a href="javascript:alert(1)" onclick="alert(1)">x</a>',
        "<style>body{background:url(//x)}</style>",
        "<div style='background:url(javascript:alert(1))'>x</div>",
        r"$\href{javascript:alert(1)}{x}$",
        "$<script>alert(1)</script>$",
        "$$x < y \\text{<img src=x onerror=alert(1)>}$$",
        "xMATHx0x<script>alert(1)</script>",
    ],
)
def test_no_active_content_survives(text: str) -> None:
    tags = re.findall(r"<[^>]*>", markdown(text).lower())
    bad = re.compile(r"<(script|iframe|svg|style|object|embed)|\bon\w+\s*=|javascript:|href=.data|\bsrc=")
    assert not [tag for tag in tags if bad.search(tag)], tags
    assert "<script" not in harmless(text).lower()
    assert "<img" not in harmless(text).lower()


def test_mathematics_needs_no_network_and_code_stays_code() -> None:
    made = markdown(r"A price of \$5, $\gamma^t < 1$ and $$\sum_t \gamma^t r_t$$ but `$x$`.")
    assert made.count("<math") == 2
    assert "<mo>&#x0003C;</mo>" in made
    assert "<msup>" in made
    assert "<code>$x$</code>" in made
    assert "xMATHx" not in made
    assert r"\gamma" not in made


def test_harmless_keeps_what_is_text() -> None:
    assert harmless("a < b, x<sub>i</sub> and $a<b$: 1<2") == "a < b, x<sub>i</sub> and $a&lt;b$: 1<2"
    assert harmless("<b>bold</b><br/>") == "<b>bold</b><br/>"
    assert harmless("<b onclick=1>") == "&lt;b onclick=1>"


@pytest.mark.parametrize(("text", "active"), links())
def test_links_that_could_act_are_shown_as_text(text: str, active: bool) -> None:
    if "attachment:" in text:
        assert harmless(text) == text
        return
    rendered = markdown2html_mistune(harmless(text))  # as Formgrader renders it
    assert ("<a href" in rendered or "<img" in rendered) is not active, rendered
    if not active:
        assert harmless(text) == text


def check_cell(state: str, message: str) -> NotebookNode:
    cell = nbformat.v4.new_code_cell("checks.f(f)\n### BEGIN HIDDEN TESTS\nsecret(f)\n### END HIDDEN TESTS")
    cell.metadata["nbgrader"] = nbformat.from_dict(
        {"grade": True, "solution": False, "grade_id": "check-f", "points": 2, "score": 0.0}
    )
    cell.metadata["saw_edu"] = nbformat.from_dict({"state": state})
    error = nbformat.v4.new_output("error", ename="CheckFailed", evalue=message, traceback=["secret traceback"])
    cell.outputs, cell.execution_count = [error], 1
    return cell


def test_the_page_shows_states_messages_and_comments_but_no_hidden_test() -> None:
    answer = nbformat.v4.new_markdown_cell("my <u>answer</u>")
    answer.metadata["nbgrader"] = nbformat.from_dict(
        {"grade": True, "solution": True, "grade_id": "question-q", "points": 3, "score": 1.5, "comment": "good <b>"}
    )
    output = nbformat.v4.new_output("display_data", data={"text/html": "<script>1</script>", "text/plain": "<T>"})
    code = nbformat.v4.new_code_cell("print('<hi>')", outputs=[output])
    notebook = nbformat.v4.new_notebook(cells=[check_cell("wrong", "✗ f: the <value> differs"), answer, code])
    made = page(notebook, {"score": 1.5, "max_score": 5.0, "late_penalty": 0.5, "notebook": "01_x"})
    assert "✗ f: the &lt;value&gt; differs" in made
    assert "<td>✗ wrong</td><td>0 of 2</td>" in made
    assert "<td> by hand</td><td>1.5 of 3</td>" in made
    assert "1.5 of 5 points" in made
    assert "0.5 points off" in made
    assert "good &lt;b&gt;" in made
    assert "&lt;T&gt;" in made
    for hidden in ("secret", "HIDDEN", "traceback", "<script"):
        assert hidden not in made


def test_what_was_not_graded_is_not_shown_as_right_or_as_zero() -> None:
    cell = check_cell("wrong", "x")
    cell.outputs, cell.execution_count = [], None
    del cell.metadata["saw_edu"]
    made = page(nbformat.v4.new_notebook(cells=[cell]), {"score": 0.0, "max_score": 2.0})
    assert "<td>– ungraded</td><td>– of 2</td>" in made
    assert "a part is not graded yet" in made
