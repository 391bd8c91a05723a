"""Commands that make data, train agents on them and evaluate these."""

from pathlib import Path
from typing import Annotated

import typer

from saw_edu.cli.errors import reported

app = typer.Typer()


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

    with reported("data"):
        make_data(name, episodes, seed, out, typer.echo)


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
    with reported("train"):
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

    with reported("evaluate"):
        evaluate_run(run, episodes, temperature, world, typer.echo)
