"""Commands for those who write the course: compare, build, review, measure, record."""

from pathlib import Path
from typing import Annotated

import typer

from saw_edu.cli.errors import refused, reported

app = typer.Typer()


@app.command()
def parity(files: Annotated[list[Path], typer.Argument(help="Golden .npz files.", show_default=False)]) -> None:
    """Compare the library's agents and samplers with the reference implementation's numbers.

    Exits 1 when an error exceeds its tolerance, 2 when a file cannot be used.
    """
    from saw_edu.reference import agents as comparison
    from saw_edu.reference import sampler as samplers

    with refused("parity", comparison.GoldenFileError):
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

    with refused("build", builder.SourceError, builder.ReleaseError, OSError):
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
        with refused("chapter", OSError):
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
def library(
    numbers: Annotated[list[str] | None, typer.Argument(help="Chapters, such as 2 16.", show_default="all")] = None,
) -> None:
    """Find what of the library solves an exercise, by running all of it as an answer, and note it for grading.

    Takes half a minute for a chapter. Exits 2 when there is no course here.
    """
    from saw_edu.classroom.authoring import solvers
    from saw_edu.classroom.authoring.chapter import SourceError
    from saw_edu.classroom.authoring.hidden import HiddenTestsError
    from saw_edu.classroom.authoring.source import source_root

    with refused("library", SourceError, HiddenTestsError, OSError, ValueError):
        solvers.note(source_root(Path.cwd()), numbers or (), typer.echo)


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


@app.command()
def record(
    name: Annotated[str | None, typer.Argument(help="Which results; without it, a list.", show_default=False)] = None,
    parts: Annotated[list[str] | None, typer.Argument(help="Some of its parts.", show_default="all")] = None,
) -> None:
    """Make recorded results under assets/ again. Stopped, the same command goes on from what lies under runs/.

    Exits 2 for an unknown name, 130 when it is interrupted.
    """
    from saw_edu.course import recording

    with reported("record"):
        recording.record(name, parts or (), say=typer.echo) if name else typer.echo(recording.overview())
