"""`saw-edu chapter NN`: an author's mistakes are told in one line each, with their place; a chapter is counted."""

import shutil
from pathlib import Path

import nbformat
import pytest
from typer.testing import CliRunner

from saw_edu.classroom.authoring import review
from saw_edu.classroom.authoring.chapter import Cell, Chapter
from saw_edu.classroom.authoring.release import student_notebooks
from saw_edu.classroom.authoring.source import chapter_paths, read_chapter
from saw_edu.cli import app

FIXTURE = Path(__file__).parent / "fixtures" / "course"


@pytest.fixture
def course(tmp_path: Path) -> Path:
    return Path(shutil.copytree(FIXTURE, tmp_path / "course"))


def change(course: Path, old: str, new: str, hidden: bool = False) -> Path:
    chapter = course / "solutions" / "unit1" / "01_returns.py"
    path = chapter.with_name("01_returns_hidden.py") if hidden else chapter
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    return path


def test_a_good_chapter_has_no_problems_and_another_number_is_told(
    course: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(course)
    done = CliRunner().invoke(app, ["chapter", "1"])
    assert done.exit_code == 0, done.output
    assert "words" in done.output
    missing = CliRunner().invoke(app, ["chapter", "7"])
    assert missing.exit_code == 2
    assert "01_returns" in missing.output, "it lists the chapters there are"


def test_a_missing_setup_tag_is_found_at_its_cell(course: Path) -> None:
    path = change(course, '# %% tags=["setup"]', "# %%")
    line = next(i for i, text in enumerate(path.read_text(encoding="utf-8").split("\n"), 1) if text == "# %%")
    problems, _, _ = review.review(course, "01")
    (problem,) = [problem for problem in problems if "setup" in problem.message]
    assert problem.line == line
    assert 'has no "setup" tag' in problem.message


def test_a_syntax_error_in_hidden_tests_is_one_line(course: Path) -> None:
    change(course, "MUTANTS = {", "MUTANTS = = {", hidden=True)
    problems, _, _ = review.review(course, "01")
    assert len(problems) == 1
    assert problems[0].path.name == "01_returns_hidden.py"
    assert problems[0].line > 1, "the line of the mistake"
    assert "\n" not in str(problems[0])


def test_a_syntax_error_in_a_module_of_checks_is_told_of_that_module(
    course: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = tmp_path / "checks_of_a_test.py"
    module.write_text("x = 1\ny = = 2\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    for old, hidden in (("import torch\n", True), ("import torch\n", False)):
        changed = change(course, old, f"{old}import checks_of_a_test\n", hidden)
        problems, _, _ = review.review(course, "01")
        assert [(item.path, item.line) for item in problems] == [(module, 2)]
        change(course, "import checks_of_a_test\n", "", hidden)
        assert "checks_of_a_test" not in changed.read_text(encoding="utf-8")


def test_points_said_must_be_points_given(course: Path) -> None:
    path = chapter_paths(course)[0]
    exercise = read_chapter(path).exercises()[0]
    given = sum(float(check.tags["points"]) for check in read_chapter(path).checks(exercise.name))
    for said, count in ((given, 0), (given + 1, 1)):
        card = f"# %% [markdown]\n# *{said:g} points · easy · 7 minutes*\n\n"
        target = f'# %% exercise="{exercise.name}"'
        text = path.read_text(encoding="utf-8")
        path.write_text(text.replace(target, card + target), encoding="utf-8")
        problems = review.points_said(read_chapter(path))
        assert len(problems) == count
        assert review.measure(read_chapter(path)).exercise_minutes == 7
        path.write_text(text, encoding="utf-8")
    assert f"gives {given:g}" in problems[0].message


def test_the_chapters_card_must_give_the_sum_of_points(course: Path) -> None:
    total = read_chapter(chapter_paths(course)[0]).points
    row = f"# | **Exercises** | two, {total - 3:g} points, and one question, 4 points |"
    change(course, "# # Returns", f"# # Returns\n#\n{row}")
    (problem,) = review.points_said(read_chapter(chapter_paths(course)[0]))
    assert f"says {total + 1:g} points" in problem.message
    assert f"give {total:g}" in problem.message
    assert problem.line == 4


def test_length_counts_what_a_reader_sees() -> None:
    cells = (
        Cell("markdown", "Five words are right here.\n<details>hint with many words</details>\n$x_i$", 1),
        Cell("code", "# Imports\nimport torch\n", 5, {"tags": ["setup", "folded"]}),
        Cell("code", "x = 1\n\nshow(x)", 8, {"alt": "A point."}),
        Cell("code", "def f():\n    pass", 11, {"exercise": "one"}),
    )
    length = review.measure(Chapter(Path("01_a.py"), cells))
    assert (length.words, length.lesson, length.other, length.figures) == (5, 2, 2, 1)


def test_a_folded_cell_stays_folded_for_students_and_its_outputs_are_shown(course: Path) -> None:
    path = change(course, '# %% tags=["setup"]\n', '# %% tags=["setup", "folded"]\n# Imports\n')
    chapter = read_chapter(path)
    released = nbformat.reads(student_notebooks("unit1", [chapter])["01_returns.ipynb"].decode(), as_version=4)
    for notebook in (chapter.notebook(), released):
        (folded,) = [cell for cell in notebook.cells if "folded" in cell.metadata.get("tags", [])]
        assert folded.metadata["jupyter"] == {"source_hidden": True}
        assert "collapsed" not in folded.metadata, "it would hide what the cell shows"


def test_one_chapter_is_built_without_running_the_others_of_its_unit(
    course: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = course / "solutions" / "unit1" / "01_returns.py"
    second = first.with_name("02_broken.py")
    second.write_text('# %% [markdown]\n# # Two\n\n# %%\nraise ValueError("not to be run")\n', encoding="utf-8")
    monkeypatch.chdir(course)
    done = CliRunner().invoke(app, ["build", "1", "--fast"])
    assert done.exit_code == 0, done.output
    assert first.with_suffix(".ipynb").is_file()
    assert not second.with_suffix(".ipynb").exists()
    assert len(list((course / "notebooks" / "unit1").glob("*.ipynb"))) == 2, "students get the whole unit"
