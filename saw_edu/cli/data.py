"""Commands that bring data: made here, or downloaded."""

from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from saw_edu.cli.errors import reported


class _Named(TyperGroup):
    """`saw-edu data NAME` is short for `saw-edu data generate NAME`."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        if args and args[0] not in self.commands and not args[0].startswith("-"):
            args = ["generate", *args]
        return super().resolve_command(ctx, args)


data = typer.Typer(cls=_Named, no_args_is_help=True, help="Make data sets, or download them.")


@data.command()
def generate(
    name: Annotated[
        str,
        typer.Argument(help="Such as babyai-GoToLocal, gridmaze-four-rooms-navigate or cube-single-play-v0."),
    ],
    episodes: Annotated[int | None, typer.Option(min=1, help="How many.", show_default="the data set's own")] = None,
    transitions: Annotated[
        int | None, typer.Option(min=1, help="OGBench's data: at least so many.", show_default="the data set's own")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same data.")] = 0,
    out: Annotated[Path | None, typer.Option(help="The .npz file to write.", show_default="NAME.npz")] = None,
    jobs: Annotated[int | None, typer.Option(min=1, help="OGBench's data: processes.", show_default="cores")] = None,
) -> None:
    """Make a data set by its name and write it to a file, with its origin in JSON beside it.

    babyai-LEVEL is any level of the minigrid package, such as babyai-PutNextLocal: BabyAI's bot demonstrates it, with a
    label for every step. NAME-v0 is OGBench's: made with its environments' own oracles, into the folder where
    `saw-edu benchmark` looks; stopped, the same command goes on. The other names are those of `saw-edu train --help`.

    Exits 2 for bad input, 1 when the demonstrator fails, 130 when it is interrupted.
    """
    from saw_edu.runs import RunError, make_data

    with reported("data"):
        if not name.endswith("-v0"):
            if transitions is not None or jobs is not None:
                raise RunError("--transitions and --jobs are for OGBench's data sets (NAME-v0): give --episodes")
            make_data(name, episodes, seed, out, typer.echo)
            return
        from saw_edu.benchmark import command

        if episodes is not None:
            raise RunError("the number of episodes of OGBench's data follows from --transitions: give these")
        command.generate(name, transitions, seed, out, jobs, typer.echo)


@data.command()
def download(
    names: Annotated[list[str], typer.Argument(help="OGBench's data sets, or suites such as pointmaze.")],
    out: Annotated[Path | None, typer.Option(help="The folder.", show_default="~/.ogbench/data")] = None,
) -> None:
    """Get OGBench's own data sets, from its server or a mirror. Cut off, the same command goes on.

    Exits 2 for an unknown name, 1 when no server has the data, 130 when it is interrupted.
    """
    from saw_edu.benchmark import command

    with reported("data"):
        command.download(names, out, typer.echo)
