"""nbgrader, set up for this course: its configuration and the preprocessors that the course adds.

`nbgrader_config.py` at the course's root and the builder use the same configuration, so `nbgrader generate_assignment`,
Formgrader's button and `saw-edu build` give the same student notebooks, byte for byte.
"""

import os
import shutil
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import nbformat
from nbconvert.preprocessors import ClearMetadataPreprocessor
from nbformat.notebooknode import NotebookNode
from nbgrader import preprocessors, utils
from traitlets import Unicode

from saw_edu.classroom.authoring.chapter import FOLDED, NOTEBOOK_METADATA
from saw_edu.classroom.authoring.hidden import COURSE_VARIABLE
from saw_edu.classroom.authoring.markers import stub_code, without

FAST_VARIABLE = "SAW_EDU_FAST"
IGNORED = [".ipynb_checkpoints", "*.pyc", "__pycache__", "feedback", "*.py", ".*"]
"""What nbgrader must not copy from a unit's folder into the release."""

_CELL_METADATA = ("alt", "nbgrader", "tags")


class PrepareSource(preprocessors.NbGraderPreprocessor):
    """Take from an executed solution notebook what belongs to this build of it only: note, timings, kernel versions."""

    def preprocess(self, nb: NotebookNode, resources: Any) -> tuple[NotebookNode, Any]:
        """Reduce the notebook to what its source says."""
        nb.metadata = nbformat.from_dict(NOTEBOOK_METADATA)
        nb.cells = [cell for cell in nb.cells if not cell.metadata.get("saw_edu")]
        for cell in nb.cells:
            kept = {key: value for key, value in cell.metadata.items() if key in _CELL_METADATA}
            if "folded" in kept.get("tags", []):
                kept |= FOLDED
            cell.metadata = nbformat.from_dict(kept)
        return nb, resources


class StubSolutions(preprocessors.ClearSolutions):
    """nbgrader's ClearSolutions, with a stub that says which exercise it stands for."""

    def preprocess_cell(self, cell: NotebookNode, resources: Any, cell_index: int) -> tuple[NotebookNode, Any]:
        """Replace one cell's solution by its stub."""
        exercise = cell.metadata.get("nbgrader", {}).get("grade_id", "")
        self.code_stub = {"python": stub_code(exercise)}
        return super().preprocess_cell(cell, resources, cell_index)


class GetGradesAndOpenOnes(preprocessors.GetGrades):
    """nbgrader's GetGrades, which also notes what nobody has graded yet: nbgrader gives that as a score of 0."""

    def preprocess_cell(self, cell: NotebookNode, resources: Any, cell_index: int) -> tuple[NotebookNode, Any]:
        """Put score and comment in a cell's metadata, and a state in that of a question without a grade."""
        cell, resources = super().preprocess_cell(cell, resources, cell_index)
        if utils.is_grade(cell) and utils.is_solution(cell):
            name = cell.metadata["nbgrader"]["grade_id"]
            grade = self.gradebook.find_grade(name, self.notebook_id, self.assignment_id, self.student_id)
            if grade.needs_manual_grade and grade.manual_score is None:
                cell.metadata["saw_edu"] = NotebookNode(state="not graded yet")
        return cell, resources


class HideTests(preprocessors.NbGraderPreprocessor):
    """Take hidden tests out of feedback: their lines in test cells, and tracebacks, which quote the lines they pass."""

    def preprocess_cell(self, cell: NotebookNode, resources: Any, cell_index: int) -> tuple[NotebookNode, Any]:
        """Clean one cell of an autograded notebook."""
        if utils.is_grade(cell) and not utils.is_solution(cell) and cell.cell_type == "code":
            cell.source = without(cell.source, "HIDDEN TESTS")
            for output in cell.get("outputs", []):
                if output.output_type == "error":
                    output.traceback = [f"{output.ename}: {output.evalue}"]
        return cell, resources


class FreeCopies(preprocessors.DeduplicateIds):
    """nbgrader's DeduplicateIds, without the remains at which nbgrader 0.9.6 stops the whole batch."""

    def preprocess_cell(self, cell: NotebookNode, resources: Any, cell_index: int) -> tuple[NotebookNode, Any]:
        """Take nbgrader's metadata off a cell whose grade_id occurs further down again."""
        cell, resources = super().preprocess_cell(cell, resources, cell_index)
        if "nbgrader" in cell.metadata and not cell.metadata.nbgrader:
            del cell.metadata["nbgrader"]
        return cell, resources


class ExecuteInFastMode(preprocessors.Execute):
    """nbgrader's Execute, with experiments in fast mode and the course's folder known to hidden tests."""

    course = Unicode(help="The course's folder.").tag(config=True)

    def preprocess(self, nb: NotebookNode, resources: Any, retries: Any = None) -> tuple[NotebookNode, Any]:
        """Run a submission."""
        course = {COURSE_VARIABLE: self.course} if self.course else {}
        with _environment({FAST_VARIABLE: "1", **course}):
            return super().preprocess(nb, resources, retries)


@contextmanager
def _environment(values: dict[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def configure(config: Any, root: Path) -> Any:
    """Fill in an nbgrader configuration for the course at `root`; returns it."""
    config.CourseDirectory.course_id = "saw-edu"
    config.CourseDirectory.root = str(root)
    config.CourseDirectory.source_directory = "solutions"
    config.CourseDirectory.release_directory = "notebooks"
    config.CourseDirectory.ignore = IGNORED
    config.GenerateAssignment.preprocessors = [
        PrepareSource,
        preprocessors.IncludeHeaderFooter,
        preprocessors.LockCells,
        StubSolutions,
        preprocessors.ClearOutput,
        preprocessors.CheckCellMetadata,
        preprocessors.ComputeChecksums,
        preprocessors.SaveCells,
        preprocessors.ClearHiddenTests,
        preprocessors.ClearMarkScheme,
        preprocessors.ComputeChecksums,
        preprocessors.CheckCellMetadata,
    ]
    config.Autograde.sanitize_preprocessors = [
        preprocessors.ClearOutput,
        FreeCopies,
        preprocessors.OverwriteKernelspec,
        preprocessors.OverwriteCells,
        preprocessors.CheckCellMetadata,
    ]
    config.Autograde.autograde_preprocessors = [
        ExecuteInFastMode,
        preprocessors.IgnorePattern,
        ClearMetadataPreprocessor,
        preprocessors.LimitOutput,
        preprocessors.SaveAutoGrades,
        preprocessors.AssignLatePenalties,
        preprocessors.CheckCellMetadata,
    ]
    config.ExecuteInFastMode.course = str(root)
    config.Execute.timeout = 300  # seconds a cell; Validate runs experiments in full
    config.GenerateFeedback.preprocessors = [GetGradesAndOpenOnes, HideTests]
    config.GenerateFeedback.exporter_class = "saw_edu.classroom.reports.feedback.FeedbackExporter"
    config.ExportApp.plugin_class = "saw_edu.classroom.reports.export.StatusExport"
    find_alembic()
    return config


def find_alembic() -> None:
    """Put this environment's commands on PATH: nbgrader 0.9 starts `alembic` by name whenever it makes a gradebook."""
    if shutil.which("alembic") is None:
        os.environ["PATH"] = os.pathsep.join([sysconfig.get_path("scripts"), os.environ.get("PATH", "")])
