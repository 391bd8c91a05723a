"""The command for giving graded work back: feedback."""

from pathlib import Path
from typing import Annotated

import typer

from saw_edu.cli.errors import refused

app = typer.Typer()


@app.command()
def feedback(
    unit: Annotated[str, typer.Argument(help="A unit, such as unit1.", show_default=False)],
    students: Annotated[
        str | None, typer.Option(help="Only these: names joined by commas.", show_default="all")
    ] = None,
    db: Annotated[str | None, typer.Option(help="The gradebook's address.", show_default="gradebook.db")] = None,
) -> None:
    """Write a page for each graded notebook, to feedback/STUDENT/UNIT: results, messages, comments, no hidden test.

    Exits 1 when a page could not be written, 2 when nothing is graded.
    """
    from saw_edu.classroom.authoring.source import source_root
    from saw_edu.classroom.reports import returning

    names = tuple(name.strip() for name in (students or "").split(",") if name.strip())
    root = source_root(Path.cwd())
    with refused("feedback", returning.FeedbackError, OSError):
        failed = returning.write_feedback(root, Path(unit).name, db, names, typer.echo)
    typer.echo(f"written: {root / 'feedback'}" + (f"; {len(failed)} students have no page" if failed else ""))
    raise typer.Exit(1 if failed else 0)
