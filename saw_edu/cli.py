"""The command line: `saw-edu COMMAND`. Each command is a thin layer over one function of the library."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, add_completion=False, help="The saw-edu course: build, check, train, compare.")


@app.command()
def parity(files: Annotated[list[Path], typer.Argument(help="Golden .npz files.", show_default=False)]) -> None:
    """Compare the library's agents with the reference implementation's numbers.

    Exits 1 when an error exceeds its tolerance, 2 when a file cannot be used.
    """
    from saw_edu import parity as comparison

    try:
        results = comparison.run(files)
    except comparison.GoldenFileError as error:
        typer.echo(f"saw-edu parity: {error}", err=True)
        raise typer.Exit(2) from None
    typer.echo(comparison.table(results))
    raise typer.Exit(0 if all(errors.within() for _, errors in results) else 1)


@app.command()
def bench(
    quick: Annotated[bool, typer.Option(help="A few seconds instead of a minute: to see that it runs.")] = False,
) -> None:
    """Measure speed as ratios within one run: updates/s of the agents, steps/s of the maze, sampling's share."""
    from saw_edu.bench import main as run

    run(quick)


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def lab(
    context: typer.Context,
    root: Annotated[Path | None, typer.Option(help="The course's folder.", show_default="found from here")] = None,
    port: Annotated[int | None, typer.Option(help="This port; 0: any.", show_default="8888 or next free")] = None,
    browser: Annotated[bool, typer.Option(help="Open a browser, where there is one.")] = True,
) -> None:
    """Open the course in JupyterLab. Options that are not listed here go to JupyterLab."""
    from saw_edu import lab as jupyterlab

    try:
        launch = jupyterlab.prepare(root, port, browser, context.args)
    except jupyterlab.LabError as error:
        typer.echo(f"saw-edu lab: {error}", err=True)
        raise typer.Exit(2) from None
    raise typer.Exit(jupyterlab.start(launch))


def main() -> None:
    """Entry point of the `saw-edu` script."""
    app()


if __name__ == "__main__":
    main()
