"""The command line: `saw-edu COMMAND`. Each command is a thin layer over one function of the library."""

import io
import platform
import sys
from importlib.metadata import version
from typing import Annotated

import typer

from saw_edu import threads
from saw_edu.cli import authors, classroom, feedback, learning
from saw_edu.cli.data import data

app = typer.Typer(no_args_is_help=True, add_completion=False, help="The saw-edu course.")
for room in (classroom, feedback, learning, authors):
    app.add_typer(room.app)
app.add_typer(data, name="data")


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"saw-edu {version('saw-edu')}, Python {platform.python_version()}")
        raise typer.Exit


@app.callback()
def _options(
    shown: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Say which this is.")] = (
        False
    ),
) -> None:
    pass


def main() -> None:
    """Entry point of the `saw-edu` script."""
    threads.prepare()  # before any command imports torch
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # where Greek letters cannot be written, something else is
            stream.reconfigure(errors="replace")
    app()
