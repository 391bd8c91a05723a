"""The command line: `saw-edu COMMAND`. Each command is a thin layer over one function of the library."""

import io
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from saw_edu import threads

app = typer.Typer(no_args_is_help=True, add_completion=False, help="The saw-edu course.")


@app.command()
def parity(files: Annotated[list[Path], typer.Argument(help="Golden .npz files.", show_default=False)]) -> None:
    """Compare the library's agents and samplers with the reference implementation's numbers.

    Exits 1 when an error exceeds its tolerance, 2 when a file cannot be used.
    """
    from saw_edu.reference import agents as comparison
    from saw_edu.reference import sampler as samplers

    with _refused("parity", comparison.GoldenFileError):
        cases = [samplers.load_case(path) for path in files if samplers.is_sampler_file(path)]
        results = comparison.run(path for path in files if not samplers.is_sampler_file(path))
    agreements = [(case.name, samplers.compare(case)) for case in cases]
    tables = [comparison.table(results)] * bool(results) + [samplers.table(agreements)] * bool(agreements)
    typer.echo("\n\n".join(tables))
    within = [errors.within() for _, errors in results] + [found.within() for _, found in agreements]
    raise typer.Exit(0 if all(within) else 1)


@app.command()
def build(
    unit: Annotated[
        str | None, typer.Argument(help="A unit, such as unit1, or a chapter, such as 16.", show_default="all")
    ] = None,
    check: Annotated[bool, typer.Option("--check", help="Run nothing: prove that notebooks match sources.")] = False,
    fast: Annotated[bool, typer.Option("--fast/--full", help="Fewer steps and seeds, or all of them.")] = False,
    jobs: Annotated[int, typer.Option(min=1, help="Notebooks to run at a time.")] = 1,
    deadline: Annotated[float, typer.Option(min=1, help="Seconds that a notebook may take.")] = 900,
    keep: Annotated[bool, typer.Option("--keep", help="Keep outputs where the code is unchanged.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace student notebooks in which cells were run.")] = False,
    gradebook: Annotated[str | None, typer.Option(help="Enter the units in this gradebook (its address).")] = None,
) -> None:
    """Build solution and student notebooks from the sources under solutions/.

    Exits 1 when a notebook fails, or is not what its source gives (--check); 2 when the sources cannot be built.
    """
    from saw_edu.classroom.authoring import build as builder
    from saw_edu.classroom.authoring.review import find_chapter
    from saw_edu.classroom.authoring.source import source_root

    try:
        course = source_root(Path.cwd())
        name = Path(unit).name if unit else None
        only = find_chapter(course, name) if name and name.removeprefix("ch").isdigit() else None
        name = only.parent.name if only else name
        if check:
            wrong = builder.verify(course, name, allow_fast=fast)
            typer.echo("\n".join(wrong) or "every notebook is what its source gives")
            raise typer.Exit(1 if wrong else 0)
        options = builder.Options(fast, jobs, deadline, keep, force, gradebook)
        failed = builder.build(course, name, options, typer.echo, only)
    except (builder.SourceError, builder.ReleaseError, OSError) as error:
        typer.echo(f"saw-edu build: {error}", err=True)
        raise typer.Exit(2) from None
    raise typer.Exit(1 if failed else 0)


@app.command()
def chapter(
    number: Annotated[str, typer.Argument(help="A chapter's number, such as 16.", show_default=False)],
) -> None:
    """Check one chapter for its author: markers, points, leaks, misconceptions, alternatives, and how long it is.

    Exits 1 when something is wrong, 2 when there is no such chapter.
    """
    from saw_edu.classroom.authoring import review
    from saw_edu.classroom.authoring.chapter import SourceError
    from saw_edu.classroom.authoring.source import source_root

    try:
        with _refused("chapter", OSError):
            problems, warnings, length = review.review(source_root(Path.cwd()), number)
    except SourceError as error:
        typer.echo(str(error))
        raise typer.Exit(1) from None
    for problem in problems:
        typer.echo(str(problem))
    typer.echo(str(length))
    for warning in warnings:
        typer.echo(f"warning: {warning}")
    raise typer.Exit(1 if problems else 0)


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

    with _refused("check", student.NotebookError):
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
    options = grading.Options(names, jobs, deadline, db, handed_in, not no_sandbox, force, ray=ray)
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

    with _refused("report", reports.ReportError, SourceError, HiddenTestsError, OSError):
        made, folder = reports.report_unit(source_root(Path.cwd()), Path(unit).name, db, out)
    typer.echo(f"{reports.summary(made)}\nwritten: {folder / 'report.html'}, {folder / 'grades.csv'}")


@app.command()
def bench(
    quick: Annotated[bool, typer.Option(help="A few seconds instead of minutes: to see that it runs.")] = False,
    submissions: Annotated[
        int, typer.Option(min=0, help="Graded by nbgrader and by saw-edu grade; 0, and with --quick: none.")
    ] = 10,
) -> None:
    """Measure speed as ratios within one run: updates/s of the agents, steps/s of the maze, sampling, grading."""
    from saw_edu.bench.library import main as run

    run(quick)
    if submissions and not quick:
        from saw_edu.bench import grading as speed

        try:
            typer.echo(f"\n{speed.text(speed.measure(submissions))}")
        except (RuntimeError, OSError) as error:
            typer.echo(f"\ngrading was not measured: {error}")


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def lab(
    context: typer.Context,
    root: Annotated[Path | None, typer.Option(help="The course's folder.", show_default="found from here")] = None,
    port: Annotated[int | None, typer.Option(help="This port; 0: any.", show_default="8888 or next free")] = None,
    browser: Annotated[bool, typer.Option(help="Open a browser, where there is one.")] = True,
) -> None:
    """Open the course in JupyterLab. Options that are not listed here go to JupyterLab."""
    from saw_edu import lab as jupyterlab

    with _refused("lab", jupyterlab.LabError):
        launch = jupyterlab.prepare(root, port, browser, context.args)
    raise typer.Exit(jupyterlab.start(launch))


@app.command(
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
    add_help_option=False,
    short_help="Train an agent on a data set into a folder, or go on with it. --help lists agents and data sets.",
)
def train(context: typer.Context, agent: Annotated[str | None, typer.Option()] = None) -> None:
    """Everything but the agent's name is parsed by `saw_edu.runs`, from that agent's own options.

    Exits 2 for bad input, 1 when training fails, 130 when it is interrupted.
    """
    from saw_edu.runs import train_overview, train_run

    if agent is None:
        asked = {"-h", "--help"} & set(context.args)
        typer.echo(train_overview(), err=not asked)
        raise typer.Exit(0 if asked else 2)
    with _reported("train"):
        train_run(agent, context.args, typer.echo)


@app.command()
def evaluate(
    run: Annotated[Path, typer.Argument(help="The folder that `saw-edu train` wrote.", show_default=False)],
    episodes: Annotated[int, typer.Option(min=1, help="Episodes for each seed and bin of distances.")] = 50,
    temperature: Annotated[float, typer.Option(min=0, help="Noise of the policy; 0: its most likely action.")] = 0,
    world: Annotated[
        str | None,
        typer.Option(
            help="Where to act, such as pointmaze-giant. Needed where the data were a file.", show_default="the data's"
        ),
    ] = None,
) -> None:
    """Roll out the policies of a finished run and print how often they reach their goals, by distance.

    Starts and goals are drawn in bins of shortest-path distance, the same for every run in a world.
    Each bin's mean success over seeds comes with a 95 % interval.
    All episodes go to evaluation.csv in the run's folder.

    Exits 2 for bad input, 130 when it is interrupted.

    Example: saw-edu evaluate runs/saw-gridmaze-four-rooms-navigate --episodes 100
    """
    from saw_edu.runs import evaluate_run

    with _reported("evaluate"):
        evaluate_run(run, episodes, temperature, world, typer.echo)


@app.command()
def data(
    name: Annotated[
        str,
        typer.Argument(help="Such as babyai-GoToLocal or gridmaze-four-rooms-navigate.", show_default=False),
    ],
    episodes: Annotated[int | None, typer.Option(min=1, help="How many.", show_default="1000, or a maze's own")] = None,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same data.")] = 0,
    out: Annotated[Path | None, typer.Option(help="The .npz file to write.", show_default="NAME.npz")] = None,
) -> None:
    """Make a data set by its name and write it to a file, with its origin in provenance.json beside it.

    babyai-LEVEL is any level of the minigrid package, such as babyai-PutNextLocal: BabyAI's bot demonstrates it, with a
    label for every step. The other names are those of `saw-edu train --help`.

    Exits 2 for bad input, 1 when the demonstrator fails, 130 when it is interrupted.
    """
    from saw_edu.runs import make_data

    with _reported("data"):
        make_data(name, episodes, seed, out, typer.echo)


@app.command()
def record(
    name: Annotated[str | None, typer.Argument(help="Which results; without it, a list.", show_default=False)] = None,
    parts: Annotated[list[str] | None, typer.Argument(help="Some of its parts.", show_default="all")] = None,
) -> None:
    """Make recorded results under assets/ again. Stopped, the same command goes on from what lies under runs/.

    Exits 2 for an unknown name, 130 when it is interrupted.
    """
    from saw_edu.course import recording

    with _reported("record"):
        recording.record(name, parts or (), say=typer.echo) if name else typer.echo(recording.overview())


@contextmanager
def _refused(command: str, *errors: type[Exception]) -> Iterator[None]:
    """Bad input, said in one message; exit code 2."""
    try:
        yield
    except errors as error:
        typer.echo(f"saw-edu {command}: {error}", err=True)
        raise typer.Exit(2) from None


@contextmanager
def _reported(command: str) -> Iterator[None]:
    """A run's errors as one message and an exit code."""
    from saw_edu.runs import RunError

    try:
        yield
    except RunError as error:
        typer.echo(f"saw-edu {command}: {error}", err=True)
        raise typer.Exit(error.code) from None
    except KeyboardInterrupt:
        typer.echo(f"saw-edu {command}: interrupted", err=True)
        raise typer.Exit(130) from None


def main() -> None:
    """Entry point of the `saw-edu` script."""
    threads.prepare()  # before any command imports torch
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # where Greek letters cannot be written, something else is
            stream.reconfigure(errors="replace")
    app()


if __name__ == "__main__":
    main()
