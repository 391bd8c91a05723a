"""The command line: `saw-edu COMMAND`. Each command is a thin layer over one function of the library."""

import typer

app = typer.Typer(no_args_is_help=True, add_completion=False, help="The saw-edu course: build, check, train, compare.")


def main() -> None:
    """Entry point of the `saw-edu` script."""
    app()


if __name__ == "__main__":
    main()
