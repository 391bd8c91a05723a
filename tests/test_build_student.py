"""`saw-edu check`: the table a student sees, for notebooks in every state."""

from pathlib import Path

import nbformat
import pytest
from typer.testing import CliRunner

from saw_edu.classroom import student
from saw_edu.classroom.authoring.release import student_notebooks
from saw_edu.classroom.authoring.source import chapter_paths, read_chapter
from saw_edu.cli import app

FIXTURE = Path(__file__).parent / "fixtures" / "course"

RIGHT = "def running_maximum(values):\n    return [max(values[: i + 1]) for i, _ in enumerate(values)]"


@pytest.fixture(scope="module")
def released() -> str:
    chapters = [read_chapter(path) for path in chapter_paths(FIXTURE)]
    return student_notebooks("unit1", chapters)["01_returns.ipynb"].decode("utf-8")


def write(folder: Path, released: str, answers: dict[str, str]) -> Path:
    """Write a student's notebook in which some cells, by id, have been rewritten."""
    notebook = nbformat.reads(released, as_version=4)
    for cell in notebook.cells:
        cell.source = answers.get(cell["id"], cell.source)
    path = folder / "mine.ipynb"
    nbformat.write(notebook, path)
    return path


def test_states_points_and_messages(tmp_path: Path, released: str) -> None:
    answers = {
        "discounted-return": "def discounted_return(rewards, discount):\n    return rewards.sum()",
        "running-maximum": RIGHT,
        "question-why-discount": "Because.",
    }
    path = write(tmp_path, released, answers)
    before = path.read_bytes()
    answer = CliRunner().invoke(app, ["check", str(path)])
    assert answer.exit_code == 0
    lines = [line.split() for line in answer.output.split("\n")]
    assert ["discounted-return", "wrong", "0", "of", "2"] in lines
    assert ["running-maximum", "done", "1", "of", "1"] in lines
    assert ["why-discount", "answered", "by", "hand", "of", "2"] in lines
    assert ["sum", "1", "of", "3"] in lines
    assert "It seems that the discount is not used." in answer.output
    assert path.read_bytes() == before


def test_an_untouched_notebook_is_not_started_and_its_kernel_survives(tmp_path: Path, released: str) -> None:
    found = student.check_notebook(write(tmp_path, released, {}))
    assert [result.state for result in found] == ["not started"] * 3
    assert not any(result.message for result in found)


def test_errors_and_endless_loops_do_not_stop_the_rest(tmp_path: Path, released: str) -> None:
    answers = {
        "discounted-return": "def discounted_return(rewards, discount)\n    return 1",
        "running-maximum": RIGHT,
    }
    found = {result.name: result for result in student.check_notebook(write(tmp_path, released, answers))}
    assert found["discounted-return"].state == "wrong"
    assert found["discounted-return"].message == "its cell does not run: SyntaxError: expected ':', line 1"
    assert found["running-maximum"].state == "done"

    answers["discounted-return"] = "def discounted_return(rewards, discount):\n    while True: pass"
    found = {r.name: r for r in student.check_notebook(write(tmp_path, released, answers), deadline=15)}
    assert found["discounted-return"].state == "wrong"
    assert "took too long" in found["discounted-return"].message
    assert found["running-maximum"].state == "not run"
    assert "deadline of 15 s" in found["running-maximum"].message


def test_an_answer_that_uses_a_broken_one_names_it(tmp_path: Path, released: str) -> None:
    answers = {
        "discounted-return": "def discounted_return(rewards, discount)\n    return 1",
        "running-maximum": "def running_maximum(values):\n    return discounted_return(values, 1)",
    }
    found = {result.name: result for result in student.check_notebook(write(tmp_path, released, answers))}
    assert found["running-maximum"].message == (
        "it uses exercise discounted-return, whose cell does not run: mend that first"
    )


def test_only_exercises_run_with_what_they_use(tmp_path: Path, released: str) -> None:
    notebook = nbformat.reads(released, as_version=4)
    for cell in notebook.cells:
        if cell["id"] == "running-maximum":
            cell.source = "def running_maximum(values):\n    return list(accumulate(values, largest))"
    helper = nbformat.v4.new_code_cell(
        "from itertools import accumulate\nlargest = max\nraise SystemError('an experiment that must not run')"
    )
    notebook.cells.insert(1, helper)
    path = tmp_path / "mine.ipynb"
    nbformat.write(notebook, path)
    found = {result.name: result for result in student.check_notebook(path)}
    assert found["running-maximum"].state == "done", found["running-maximum"].message
    (alone,) = student.check_notebook(path, "running-maximum")
    assert (alone.name, alone.state) == ("running-maximum", "done")


def test_folders_several_notebooks_and_single_exercises(tmp_path: Path, released: str) -> None:
    for name in ("b", "a"):
        (tmp_path / name).mkdir()
        write(tmp_path / name, released, {"running-maximum": RIGHT})
    answer = CliRunner().invoke(app, ["check", str(tmp_path), "--exercise", "running-maximum"])
    assert answer.exit_code == 0
    assert answer.output.index("a/mine.ipynb") < answer.output.index("b/mine.ipynb")
    assert "all notebooks: 2 of 2 points" in answer.output
    assert "discounted-return" not in answer.output
    wrong = CliRunner().invoke(app, ["check", str(tmp_path / "a"), "--exercise", "running-maximun"])
    assert wrong.exit_code == 2
    assert "did you mean 'running-maximum'?" in wrong.output
    (tmp_path / "c").mkdir()
    assert "no notebooks in this folder" in CliRunner().invoke(app, ["check", str(tmp_path / "c")]).output


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "no such file"),
        (b"", "not a Jupyter notebook"),
        (b'{"cells": [', "not a Jupyter notebook"),
        (b'{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}', "has no exercises"),
    ],
)
def test_what_cannot_be_read_exits_with_2(tmp_path: Path, content: bytes | None, words: str) -> None:
    path = tmp_path / "x.ipynb"
    if content is not None:
        path.write_bytes(content)
    answer = CliRunner().invoke(app, ["check", str(path)])
    assert answer.exit_code == 2
    assert words in answer.output
