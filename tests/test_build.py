"""The builder: markers and lints, determinism, releases that nothing can harm, outputs, deadlines, `build --check`."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbgrader.api import Gradebook
from typer.testing import CliRunner

from saw_edu.classroom.authoring import build, outputs, release
from saw_edu.classroom.authoring.build import Options, ReleaseError, SourceError
from saw_edu.classroom.authoring.execute import run_notebook
from saw_edu.classroom.authoring.hidden import HiddenTestsError, hidden
from saw_edu.classroom.authoring.markers import misspelt, regions, without
from saw_edu.classroom.authoring.source import lint, parse, read_chapter
from saw_edu.cli import app

ROOT = Path(__file__).parent.parent
FIXTURE = ROOT / "tests" / "fixtures" / "course"

EXERCISE = """# %% exercise="twice"
def twice(x):
    ### BEGIN SOLUTION
    return 2 * x  # a comment that must stay secret
    ### END SOLUTION
"""
CHECK = """# %% check="twice" points=1
assert twice(2) == 4
### BEGIN HIDDEN TESTS
assert twice(3) == 6  # another secret thing
### END HIDDEN TESTS
"""
HIDDEN = '''"""Hidden tests."""
from saw_edu.classroom import Mutant
MUTANTS = {"twice": [Mutant(name, source="def twice(x): return 1") for name in "abc"]}
ALTERNATIVES = {"twice": ["def twice(x): return x + x"]}
'''


def chapter_file(folder: Path, text: str, name: str = "01_small.py") -> Path:
    path = folder / "solutions" / "unit1" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    path.with_name(f"{path.stem}_hidden.py").write_text(HIDDEN, encoding="utf-8")
    return path


def problems(folder: Path, text: str, name: str = "01_small.py") -> list[str]:
    chapter, found = parse(chapter_file(folder, text, name))
    return [f"{problem.line}: {problem.message}" for problem in found or lint(chapter)]


def quiet(message: str) -> None:
    """Say nothing."""


# Markers and lints


def test_a_correct_source_has_no_problems(tmp_path: Path) -> None:
    assert problems(tmp_path, EXERCISE + CHECK) == []


@pytest.mark.parametrize(
    "line",
    [
        "### BEGIN HIDDEN TEST",
        "### END HIDDEN TEST",
        "### BEGIN SOLUTIONS",
        "### BEGIN SOLUTON",
        "## BEGIN SOLUTION",
        "###BEGIN SOLUTION",
        "### BEGIN SOLUTION here",
        "### begin solution",
        "### BEGIN_SOLUTION",
        "### END SOLUTOIN",
        "# BEGIN HIDEN TESTS",
        "### BEGIN HIDDEN",
        "    ### END  HIDDEN TESTS",
        "### START SOLUTION",
        "x = 1  ### BEGIN SOLUTION",
        "<!-- BEGIN SOLUTIONS -->",
    ],
)
def test_misspelt_markers_are_caught(line: str) -> None:
    assert misspelt(line)


@pytest.mark.parametrize(
    "line",
    [
        "### BEGIN SOLUTION",
        "    ### END HIDDEN TESTS",
        "<!-- END SOLUTION -->",
        "# Begin with the hidden state of the network",
        "# the end",
        "## Solution of the equation",
        "### Hidden layers",
        "hidden = solution + 1",
        "",
    ],
)
def test_other_lines_are_left_alone(line: str) -> None:
    assert misspelt(line) is None


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        (EXERCISE + CHECK.replace("HIDDEN TESTS", "HIDDEN TEST", 1), 8, "write exactly `### BEGIN HIDDEN TESTS`"),
        (EXERCISE.replace("    ### END SOLUTION\n", "") + CHECK, 3, "without its END SOLUTION"),
        (EXERCISE.replace("### BEGIN SOLUTION", "pass") + CHECK, 5, "without its BEGIN SOLUTION"),
        (EXERCISE.replace("return", "### BEGIN SOLUTION\n    return") + CHECK, 4, "inside a region"),
        (EXERCISE.replace(' exercise="twice"', "") + CHECK, 3, "a cell that is not tagged `exercise=`"),
        (EXERCISE.replace("exercise", "exercize") + CHECK, 1, "did you mean 'exercise'?"),
        (EXERCISE + CHECK.replace(" points=1", ""), 6, "has no points"),
        (EXERCISE + CHECK.replace("points=1", 'points="1"'), 6, "has no points"),
        (EXERCISE + CHECK.replace("points=1", "points=0"), 6, "has no points"),
        (EXERCISE.replace('"twice"', '"twice" points=1') + CHECK, 1, "points belong to the check"),
        (EXERCISE + CHECK + CHECK, 11, "appears again (first on line 6)"),
        (EXERCISE + EXERCISE + CHECK, 6, "appears again"),
        (EXERCISE, 1, "has no check"),
        (CHECK + EXERCISE, 1, "before, or without, an exercise"),
        (
            EXERCISE + CHECK.replace("### BEGIN HIDDEN TESTS", "").replace("### END HIDDEN TESTS", ""),
            6,
            "no hidden tests",
        ),
        (EXERCISE + CHECK.replace("assert twice(2) == 4", "twice(2) == 4"), 6, "takes its value for points"),
        (EXERCISE + CHECK.replace("assert twice(3) == 6", "twice(3) == 6"), 6, "takes its value for points"),
        (EXERCISE + CHECK.replace("assert twice(2) == 4", ""), 6, "as released: is empty"),
        (EXERCISE + CHECK.replace("assert twice(2) == 4", "x = 1"), 6, "checks nothing"),
        (EXERCISE.replace("return 2 * x", "return 2 *") + CHECK, 1, "does not parse"),
        (EXERCISE.replace("### BEGIN SOLUTION", "").replace("### END SOLUTION", "") + CHECK, 1, "would get no stub"),
        (EXERCISE.replace("twice", "Twice it!") + CHECK, 1, "lower-case words joined by hyphens"),
        ("x = 1\n" + EXERCISE + CHECK, 1, "text before the first"),
        ("x = 1\n", 1, "no cells"),
        ("# %% A title\nx = 1\n", 1, "not a tag"),
        ("# %% exercise=twice\nx = 1\n", 1, "cannot be read"),
        ('# %% [markdown] question="why" points=1\n# Because.\n', 1, "BEGIN SOLUTION"),
        ('# %% question="why" points=1\nx = 1\n', 1, "is a code cell"),
    ],
)
def test_lints_name_the_line_and_the_remedy(tmp_path: Path, text: str, line: int, words: str) -> None:
    found = problems(tmp_path, text)
    assert any(item.startswith(f"{line}: ") and words in item for item in found), found


def test_a_chapter_file_has_a_numbered_name(tmp_path: Path) -> None:
    assert "NN_name.py" in problems(tmp_path, EXERCISE + CHECK, "intro.py")[0]


def test_regions_and_stubs_keep_indentation() -> None:
    text = EXERCISE.split("\n", 1)[1]
    assert regions(text)[0][0].text == "    return 2 * x  # a comment that must stay secret"
    assert without(text, "SOLUTION", "# here\npass") == "def twice(x):\n    # here\n    pass\n"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda text: text.replace('"abc"', '"ab"'), "2 of at least 3 misconceptions"),
        (lambda text: text.replace('"abc"', '"aaa"'), "mutants with the same mistake"),
        (lambda text: text.replace("ALTERNATIVES", "OTHERS"), "no ALTERNATIVES"),
        (lambda text: text.replace('"twice"', '"thrice"'), "names exercises that 01_small.py lacks"),
        (lambda text: text + "\nraise OSError('boom')", "do not load: OSError: boom"),
    ],
)
def test_exercises_without_mutants_are_not_built(tmp_path: Path, change: object, words: str) -> None:
    chapter_file(tmp_path, EXERCISE + CHECK)
    path = tmp_path / "solutions" / "unit1" / "01_small_hidden.py"
    path.write_text(change(HIDDEN), encoding="utf-8")  # type: ignore[operator]
    with pytest.raises(SourceError, match=words):
        build.load(tmp_path)


def test_other_files_beside_a_chapter_are_refused(tmp_path: Path) -> None:
    path = chapter_file(tmp_path, EXERCISE + CHECK)
    path.with_name("answers.txt").write_text("4", encoding="utf-8")
    with pytest.raises(SourceError, match=r"answers\.txt:1: only chapters belong"):
        build.load(tmp_path)


# Student notebooks


def test_student_notebooks_are_the_same_bytes_every_time_and_elsewhere(tmp_path: Path) -> None:
    first = chapter_file(tmp_path / "one", EXERCISE + CHECK + "# %%\nx = 1\n# %%\nx = 1\n")
    second = chapter_file(tmp_path / "two" / "deeper", EXERCISE + CHECK + "# %%\nx = 1\n# %%\nx = 1\n")
    here = release.student_notebooks("unit1", [read_chapter(first)])
    script = (
        "import sys, pathlib\n"
        "from saw_edu.classroom.authoring.release import *\n"
        "from saw_edu.classroom.authoring.source import *\n"
        "files = student_notebooks('unit1', [read_chapter(pathlib.Path(sys.argv[1]))])\n"
        "sys.stdout.buffer.write(files['01_small.ipynb'])"
    )
    environment = {**os.environ, "PYTHONHASHSEED": "7", "TZ": "Asia/Tokyo", "LC_ALL": "C", "PATH": "/nowhere"}
    done = subprocess.run(
        [sys.executable, "-c", script, str(second)], capture_output=True, env=environment, cwd=tmp_path, timeout=120
    )
    assert done.returncode == 0, done.stderr.decode()
    assert done.stdout == here["01_small.ipynb"]

    notebook = json.loads(done.stdout)
    ids = [cell["id"] for cell in notebook["cells"]]
    assert ids[:2] == ["twice", "check-twice"]
    assert ids[3] == f"{ids[2]}-2"  # two cells alike: told apart
    assert "version" not in notebook["metadata"]["language_info"]
    text = done.stdout.decode()
    for secret in ("secret", "BEGIN", "HIDDEN", "2 * x", str(tmp_path)):
        assert secret not in text
    stub = notebook["cells"][0]["source"]
    assert "".join(stub) == (
        'def twice(x):\n    # YOUR CODE HERE\n    raise NotImplementedError("Exercise twice is not done yet.")'
    )


def test_a_solution_that_is_in_another_cell_too_is_not_released(tmp_path: Path) -> None:
    text = EXERCISE + CHECK + "# %%\ndef again(x):\n    return 2 * x  # a comment that must stay secret\n"
    with pytest.raises(SourceError, match="elsewhere in the student notebook"):
        release.student_notebooks("unit1", [read_chapter(chapter_file(tmp_path, text))])


def test_python_files_beside_notebooks_stay_out_of_nbgraders_own_release(tmp_path: Path) -> None:
    """Whoever runs nbgrader by hand in the course's folder: sources and hidden tests are not copied."""
    path = chapter_file(tmp_path, EXERCISE + CHECK)
    nbformat.write(read_chapter(path).notebook(), path.with_suffix(".ipynb"))
    shutil.copy(ROOT / "nbgrader_config.py", tmp_path)
    command = [sys.executable, "-m", "nbgrader", "generate_assignment", "unit1"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    names = [str(item.relative_to(tmp_path)) for item in (tmp_path / "notebooks").rglob("*") if item.is_file()]
    assert names == ["notebooks/unit1/01_small.ipynb"]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the fixture course once, in fast mode."""
    course = tmp_path_factory.mktemp("built")
    shutil.copytree(FIXTURE / "solutions", course / "solutions", ignore=shutil.ignore_patterns("__pycache__"))
    said: list[str] = []
    assert build.build(course, options=Options(fast=True), say=said.append) == 0
    assert "unit1/01_returns" in said[-1]
    return course


@pytest.fixture
def course(built: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(built, tmp_path / "course"))


def snapshot(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_a_build_agrees_with_its_sources(course: Path) -> None:
    assert build.verify(course, allow_fast=True) == []
    assert [item.split(": ")[1].split(";")[0] for item in build.verify(course)] == [
        "its outputs were made in fast mode"
    ]
    notebook = nbformat.read(course / "solutions" / "unit1" / "01_returns.ipynb", as_version=4)
    nbformat.validate(notebook)
    assert notebook.metadata.saw_edu.mode == "fast"
    assert "fast mode" in notebook.cells[-1].source
    assert f"{notebook.metadata.saw_edu.seconds:g} s" in notebook.cells[-1].source
    pictures = [cell for cell in notebook.cells if "image/png" in str(cell.get("outputs"))]
    assert pictures
    assert all(cell.metadata.alt for cell in pictures)
    assert str(course) not in json.dumps(notebook)


@pytest.mark.parametrize(
    ("file", "old", "new", "words"),
    [
        ("solutions/unit1/01_returns.py", "# # Returns", "# # Return", "line 1 differs in its id and source"),
        ("solutions/unit1/01_returns.py", "points=2", "points=3", "differs in its metadata"),
        ("solutions/unit1/01_returns.ipynb", '"mode": "fast"', '"mode": "full"', "differs in its source"),
        ("solutions/unit1/01_returns.ipynb", '"saw_edu": "note"', '"other": "note"', "differs in its metadata"),
        ("solutions/unit1/01_returns.ipynb", '"execution_count": 1', '"execution_count": null', "was not executed"),
        ("notebooks/unit1/01_returns.ipynb", "# YOUR CODE HERE", "# Your code", "not what the source gives"),
    ],
)
def test_check_sees_every_difference(course: Path, file: str, old: str, new: str, words: str) -> None:
    path = course / file
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    assert any(words in line for line in build.verify(course, allow_fast=True))


def test_check_sees_missing_and_superfluous_files(course: Path) -> None:
    (course / "solutions" / "unit1" / "01_returns.ipynb").unlink()
    (course / "notebooks" / "unit1" / "01_returns.ipynb").rename(course / "notebooks" / "unit1" / "old.ipynb")
    (course / "notebooks" / "unit9").mkdir()
    found = "\n".join(build.verify(course))
    for words in ("01_returns.ipynb: missing", "old.ipynb: no source", "unit9: no unit of this name"):
        assert words in found


def test_an_unknown_unit_says_which_there_are(course: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no unit 'unit7'.*there are: unit1"):
        build.build(course, "unit7")


@pytest.mark.parametrize("what", ["exception", "deadline", "lint", "nbgrader", "stderr", "picture"])
def test_a_failed_build_harms_nothing(course: Path, what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    path = course / "solutions" / "unit1" / "01_returns.py"
    text = path.read_text(encoding="utf-8")
    end = text.index("# %% [markdown]\n# ## What it looks like")
    options = Options(fast=True)
    words = ""
    if what == "exception":
        text, words = text[:end] + "# %%\n\n1 / 0\n", "ZeroDivisionError"
    elif what == "deadline":
        text, words = text[:end] + "# %%\nimport time\ntime.sleep(60)\n", "deadline of 6 s"
        options = Options(fast=True, deadline=6)
    elif what == "lint":
        text, words = text.replace("BEGIN HIDDEN TESTS", "BEGIN HIDDEN TEST"), "misspelt marker"
    elif what == "nbgrader":
        monkeypatch.setattr(release, "configure", lambda config, root: config)
        words = "nbgrader could not generate"
    elif what == "stderr":
        loud = "import sys\nprint('careful', file=sys.stderr)\ncheck_return(discounted_return)"
        text, words = text[:end].replace("\ncheck_return(discounted_return)", "\n" + loud), "writes to stderr"
    else:
        text, words = re.sub(r' alt=".*"', "", text), "without alternative text"
    path.write_text(text, encoding="utf-8")
    before = snapshot(course)
    said: list[str] = []
    if what in ("lint", "nbgrader"):
        with pytest.raises((SourceError, ReleaseError), match=words):
            build.build(course, options=options, say=said.append)
    else:
        assert build.build(course, options=options, say=said.append) == 1
        assert words in said[0]
        assert said[0].startswith(f"{path}:")
        line = int(said[0].split(":")[1])
        assert text.split("\n")[line - 1].startswith("# %%")
        assert "FAILED" in said[-1]
    assert snapshot(course) == before
    assert sorted(item.name for item in (course / "notebooks").iterdir()) == ["unit1"]


def test_a_notebook_in_which_someone_worked_is_not_replaced(course: Path) -> None:
    path = course / "notebooks" / "unit1" / "01_returns.ipynb"
    notebook = nbformat.read(path, as_version=4)
    notebook.cells[1].execution_count = 3
    nbformat.write(notebook, path)
    before = path.read_bytes()
    with pytest.raises(ReleaseError, match="someone ran cells"):
        build.build(course, options=Options(fast=True, keep=True), say=quiet)
    assert path.read_bytes() == before
    assert build.build(course, options=Options(fast=True, keep=True, force=True), say=quiet) == 0
    assert path.read_bytes() != before


def test_outputs_are_kept_while_code_is_unchanged(course: Path) -> None:
    path = course / "solutions" / "unit1" / "01_returns.py"
    text = path.read_text(encoding="utf-8").replace("# # Returns", "# # Returns, revised")
    path.write_text(text, encoding="utf-8")
    said: list[str] = []
    assert build.build(course, options=Options(fast=True, keep=True), say=said.append) == 0
    assert "outputs kept" in said[-1]
    assert build.verify(course, allow_fast=True) == []


def test_moving_a_release_into_place_is_all_or_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "notebooks" / "unit1"
    release.replace_folder(folder, {"a": b"1"})
    rename = os.rename

    def failing(source: Path, target: Path) -> None:
        if "-new-" in str(source):
            raise OSError("no space left on device")
        rename(source, target)

    monkeypatch.setattr(release.os, "rename", failing)
    with pytest.raises(OSError, match="no space"):
        release.replace_folder(folder, {"a": b"2", "b": b"3"})
    monkeypatch.undo()
    assert snapshot(tmp_path) == {"notebooks/unit1/a": b"1"}
    release.replace_folder(folder, {"b": b"3"})
    assert snapshot(tmp_path) == {"notebooks/unit1/b": b"3"}


# Running and cleaning


def notebook_of(*sources: str) -> nbformat.NotebookNode:
    return nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources])


def test_a_run_knows_its_mode_and_where_it_is(tmp_path: Path) -> None:
    text = "import os\nprint(os.environ.get('SAW_EDU_FAST'), os.getcwd(), os.environ.get('OMP_NUM_THREADS'))"
    for fast in (True, False):
        run = run_notebook(notebook_of(text), tmp_path, fast=fast, deadline=60)
        assert run.error is None
        assert run.notebook.cells[0].outputs[0].text.split() == ["1" if fast else "None", str(tmp_path), "1"]
        assert "execution" not in run.notebook.cells[0].metadata


def test_a_kernel_that_dies_is_reported(tmp_path: Path) -> None:
    run = run_notebook(notebook_of("x = 1", "import os; os._exit(1)"), tmp_path, fast=True, deadline=60)
    assert run.error == "the kernel died (out of memory?)"
    assert run.cell == 1


def test_outputs_are_cleaned(tmp_path: Path) -> None:
    notebook = notebook_of(
        f"import sys\nprint({str(tmp_path)!r} + '/data.npz', sys.prefix + '/lib')\nprint('1\\r2\\r3')",
        "from tqdm import tqdm\nfor _ in tqdm(range(3)): pass\nobject()",
        "import ipywidgets\nipywidgets.IntSlider()",
        "import sys\nprint('a real warning', file=sys.stderr)",
    )
    run = run_notebook(notebook, tmp_path, fast=True, deadline=60)
    assert run.error is None
    outputs.clean(notebook, tmp_path)
    first, second, third, fourth = (cell.outputs for cell in notebook.cells)
    assert first[0].text == "./data.npz <env>/lib\n3\n"
    assert [output.output_type for output in second] == ["execute_result"]  # the progress bar is gone
    assert second[0].data["text/plain"] == "<object>"  # no address
    assert list(third[0].data) == ["text/plain"]
    assert "run the notebook to use it" in third[0].data["text/plain"]
    assert fourth[0].text == "a real warning\n"
    assert "widgets" not in notebook.metadata
    nbformat.validate(notebook)


def test_a_figure_is_stored_once_with_its_alternative_text(tmp_path: Path) -> None:
    notebook = notebook_of("show(figure)", "show(animation)", "table")
    page = '<img src="data:image/png;base64,aGk=" alt="A hill.">'
    for cell, html in zip(notebook.cells[:2], (page, "<video></video>"), strict=True):
        data = {"text/html": html, "image/png": "aGk=\n", "text/plain": "Figure: A hill."}
        metadata = {"image/png": {"alt": "A hill."}}
        cell.outputs = [nbformat.v4.new_output("display_data", data=data, metadata=metadata)]
    rows = {"text/html": "<table><tr><td>-1</td></tr></table>", "text/plain": "-1"}
    notebook.cells[2].outputs = [nbformat.v4.new_output("display_data", data=rows)]
    outputs.clean(notebook, tmp_path)
    figure, animation, table = (cell.outputs[0] for cell in notebook.cells)
    assert list(figure.data) == ["image/png", "text/plain"]
    assert figure.metadata["image/png"].alt == "A hill."
    assert "text/html" in animation.data
    assert "text/html" in table.data
    assert not outputs.faults(notebook)


def test_a_check_with_a_value_or_on_stderr_is_a_fault() -> None:
    notebook = notebook_of("check(f)", "plot()")
    notebook.cells[0].metadata.nbgrader = {"grade": True, "solution": False}
    notebook.cells[0].outputs = [
        nbformat.v4.new_output("stream", name="stderr", text="UserWarning"),
        nbformat.v4.new_output("execute_result", data={"text/plain": "False"}),
    ]
    notebook.cells[1].outputs = [nbformat.v4.new_output("display_data", data={"image/png": "aGk="})]
    found = "\n".join(message for _, message in outputs.faults(notebook))
    for words in ("writes to stderr", "takes for points", "without alternative text"):
        assert words in found


def test_alternative_text_stands_at_the_picture_or_at_the_cell() -> None:
    notebook = notebook_of("plot()")
    picture = nbformat.v4.new_output("display_data", data={"image/png": "aGk="})
    notebook.cells[0].outputs = [picture]
    assert outputs.faults(notebook)
    picture.metadata = nbformat.from_dict({"image/png": {"alt": "A curve that falls."}})
    assert outputs.faults(notebook) == []
    picture.metadata = nbformat.from_dict({"image/png": {"alt": " "}})
    assert outputs.faults(notebook)
    notebook.cells[0].metadata.alt = "A curve that falls."
    assert outputs.faults(notebook) == []


# Hidden tests


def test_hidden_tests_are_found_from_below_or_by_the_variable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    below = FIXTURE / "solutions" / "unit1"
    assert hidden("ch01", below).discounted_return.hidden
    monkeypatch.setenv("SAW_EDU_COURSE", str(FIXTURE))
    assert hidden("ch01", tmp_path).running_maximum.hidden
    monkeypatch.setenv("SAW_EDU_COURSE", str(tmp_path))
    with pytest.raises(HiddenTestsError, match="SAW_EDU_COURSE="):
        hidden("ch01", below)


def test_a_missing_hidden_test_is_explained_without_a_traceback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SAW_EDU_COURSE", raising=False)
    with pytest.raises(HiddenTestsError, match="no solutions in the working directory") as caught:
        hidden("ch01", tmp_path)
    assert len(caught.value._render_traceback_()) == 1
    with pytest.raises(HiddenTestsError, match="no hidden tests for ch77"):
        hidden("ch77", FIXTURE)
    with pytest.raises(HiddenTestsError, match=r"no check 'nothing'; they have \['discounted_return'"):
        hidden("ch01", FIXTURE).nothing  # noqa: B018


# The commands


def test_build_command_exit_codes(course: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(course / "solutions")
    runner = CliRunner()
    assert runner.invoke(app, ["build", "--check", "--fast"]).exit_code == 0
    stale = runner.invoke(app, ["build", "unit1", "--check"])
    assert (stale.exit_code, "fast mode" in stale.output) == (1, True)
    unknown = runner.invoke(app, ["build", "unit7"])
    assert (unknown.exit_code, "there are: unit1" in unknown.output) == (2, True)
    kept = runner.invoke(app, ["build", "unit1", "--keep", "--fast"])
    assert (kept.exit_code, "01_returns" in kept.output) == (0, True)


def test_a_build_can_enter_its_units_in_a_gradebook(course: Path) -> None:
    address = f"sqlite:///{course / 'gradebook.db'}"
    options = Options(fast=True, keep=True, database=address)
    before = snapshot(course / "notebooks")
    assert build.build(course, options=options, say=quiet) == 0
    assert snapshot(course / "notebooks") == before
    with Gradebook(address, "saw-edu") as gradebook:
        notebook = gradebook.find_notebook("01_returns", "unit1")
        assert notebook.max_score == 5
        cells = {cell.name: cell.source for cell in notebook.source_cells}
    assert 'hidden("ch01").discounted_return' in cells["check-discounted-return"]  # what autograde puts back
    assert "NotImplementedError" in cells["discounted-return"]
