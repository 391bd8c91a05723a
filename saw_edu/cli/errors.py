"""Errors as one message and an exit code."""

from collections.abc import Iterator
from contextlib import contextmanager

import typer


@contextmanager
def refused(command: str, *errors: type[Exception]) -> Iterator[None]:
    """Bad input, said in one message; exit code 2."""
    try:
        yield
    except errors as error:
        typer.echo(f"saw-edu {command}: {error}", err=True)
        raise typer.Exit(2) from None


@contextmanager
def reported(command: str) -> Iterator[None]:
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
