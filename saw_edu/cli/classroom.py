"""Commands for students and instructors: open, check, grade, report."""

from pathlib import Path
from typing import Annotated

import typer

from saw_edu.cli.errors import refused

app = typer.Typer()


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def lab(
    context: typer.Context,
    root: Annotated[Path | None, typer.Option(help="The course's folder.", show_default="found from here")] = None,
    port: Annotated[int | None, typer.Option(help="This port; 0: any.", show_default="8888 or next free")] = None,
    browser: Annotated[bool, typer.Option(help="Open a browser, where there is one.")] = True,
) -> None:
    """Open the course in JupyterLab. Options that are not listed here go to JupyterLab."""
    from saw_edu import lab as jupyterlab

    with refused("lab", jupyterlab.LabError):
        launch = jupyterlab.prepare(root, port, browser, context.args)
    raise typer.Exit(jupyterlab.start(launch))


@app.command()
def check(
    notebooks: Annotated[list[Path], typer.Argument(help="Your notebooks, or folders of them.", show_default=False)],
    exercise: Annotated[str | None, typer.Option(help="Only this one, such as fit-p.", show_default="all")] = None,
    full: Annotated[bool, typer.Option("--full", help="Run the experiments too, in full.")] = False,
    deadline: Annotated[float, typer.Option(min=1, help="Seconds that a notebook may take.")] = 600,
) -> None:
    """Show which exercises are done. They run in a fresh kernel, without the experiments. Your files stay as they are.

    Exits 2 when a notebook cannot be read, else 0.
    """
    from saw_edu.classroom import student

    with refused("check", student.NotebookError):
        student.check(notebooks, typer.echo, exercise, full=full, deadline=deadline)


@app.command()
def grade(
    unit: Annotated[str, typer.Argument(help="A unit, such as unit1.", show_default=False)],
    students: Annotated[
        str | None, typer.Option(help="Only these: names joined by commas.", show_default="all")
    ] = None,
    jobs: Annotated[int | None, typer.Option(min=1, help="Submissions at a time.", show_default="processors")] = None,
    deadline: Annotated[float, typer.Option(min=5, help="Seconds that one submission may take.")] = 300,
    db: Annotated[str | None, typer.Option(help="The gradebook's address.", show_default="gradebook.db")] = None,
    handed_in: Annotated[
        Path | None, typer.Option("--from", help="A folder or zip of notebooks from a learning-management system.")
    ] = None,
    roster: Annotated[Path | None, typer.Option(help="With --from: a students.csv, which gives their ids.")] = None,
    ray: Annotated[
        str | None, typer.Option(help="Spread over a Ray cluster: its address, or local.", show_default="no Ray")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Grade again what was graded before.")] = False,
    no_sandbox: Annotated[
        bool, typer.Option("--no-sandbox", help="DANGEROUS: run submissions with your own rights.")
    ] = False,
) -> None:
    """Grade submissions in a sandbox, into nbgrader's gradebook and autograded/. Run again, it goes on where it was.

    Exits 1 when grading a submission failed, 2 for bad input, 130 when it is interrupted.
    """
    from saw_edu.classroom.authoring.build import SourceError
    from saw_edu.classroom.authoring.hidden import HiddenTestsError
    from saw_edu.classroom.authoring.source import source_root
    from saw_edu.classroom.grading import run as grading
    from saw_edu.classroom.grading.graders import RayError
    from saw_edu.classroom.grading.intake import IntakeError
    from saw_edu.classroom.grading.worker import PlanError
    from saw_edu.classroom.sandbox.outside import SandboxError

    names = tuple(name.strip() for name in (students or "").split(",") if name.strip())
    options = grading.Options(names, jobs, deadline, db, handed_in, not no_sandbox, force, ray=ray, roster=roster)
    try:
        results = grading.grade_unit(source_root(Path.cwd()), Path(unit).name, options, typer.echo)
    except (
        grading.GradeError,
        RayError,
        SandboxError,
        PlanError,
        SourceError,
        HiddenTestsError,
        IntakeError,
        OSError,
    ) as error:
        typer.echo(f"saw-edu grade: {error}", err=True)
        raise typer.Exit(2) from None
    except KeyboardInterrupt:
        typer.echo("saw-edu grade: interrupted; the same command goes on from here", err=True)
        raise typer.Exit(130) from None
    typer.echo(grading.summary(Path(unit).name, results))
    raise typer.Exit(1 if any(result.error for result in results) else 0)


@app.command()
def report(
    unit: Annotated[str, typer.Argument(help="A unit, such as unit1.", show_default=False)],
    db: Annotated[str | None, typer.Option(help="The gradebook's address.", show_default="gradebook.db")] = None,
    out: Annotated[Path | None, typer.Option(help="Where to write.", show_default="reports/UNIT")] = None,
) -> None:
    """Tell what became of a graded unit: states, misconceptions, scores, near-identical answers; and grades as CSV.

    Exits 2 when there is nothing to report on.
    """
    from saw_edu.classroom.authoring.build import SourceError
    from saw_edu.classroom.authoring.hidden import HiddenTestsError
    from saw_edu.classroom.authoring.source import source_root
    from saw_edu.classroom.reports import report as reports

    with refused("report", reports.ReportError, SourceError, HiddenTestsError, OSError):
        made, folder = reports.report_unit(source_root(Path.cwd()), Path(unit).name, db, out)
    typer.echo(f"{reports.summary(made)}\nwritten: {folder / 'report.html'}, {folder / 'grades.csv'}")


@app.command()
def handout(
    out: Annotated[Path, typer.Argument(help="A new folder, or a .zip.", show_default=False)],
    units: Annotated[str | None, typer.Option(help="Only these: names joined by commas.", show_default="all")] = None,
) -> None:
    """Make the tree that students get: notebooks, library and assets, without solutions, hidden tests and grades.

    Exits 2 when a notebook is not what its source gives, or holds a solution.
    """
    from saw_edu.classroom.authoring import handout as handouts
    from saw_edu.classroom.authoring.chapter import SourceError
    from saw_edu.classroom.authoring.source import source_root

    names = tuple(name.strip() for name in (units or "").split(",") if name.strip())
    with refused("handout", handouts.HandoutError, SourceError, OSError):
        notebooks = handouts.hand_out(source_root(Path.cwd()), out, names)
    typer.echo(f"{out}: {len(notebooks)} notebooks, the library and its assets; no solutions, tests or grades")
