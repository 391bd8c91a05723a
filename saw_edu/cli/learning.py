"""Commands that make data, train agents on them and evaluate these."""

from pathlib import Path
from typing import Annotated

import typer

from saw_edu.cli.errors import reported

app = typer.Typer()


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


@app.command()
def benchmark(
    names: Annotated[list[str], typer.Argument(help="Data sets or suites, such as pointmaze.", show_default=False)],
    agents: Annotated[str, typer.Option(help="Names joined by commas.")] = "gcbc,gcivl,hiql,saw",
    seeds: Annotated[int, typer.Option(min=1, help="How many.")] = 8,
    steps: Annotated[int | None, typer.Option(min=1, help="Gradient steps.", show_default="the paper's")] = None,
    evaluate_every: Annotated[int, typer.Option(min=1, help="Steps between evaluations.")] = 100_000,
    episodes: Annotated[int, typer.Option(min=1, help="Of each of the five tasks.")] = 50,
    batch_size: Annotated[int | None, typer.Option(min=1, help="Rows.", show_default="the paper's")] = None,
    hidden_dims: Annotated[
        str | None, typer.Option(help="Of all nets, such as 128,128.", show_default="the paper's")
    ] = None,
    device: Annotated[str, typer.Option(help="cpu, cuda, ...")] = "cpu",
    compile: Annotated[bool, typer.Option("--compile", help="Compile the losses.")] = False,
    unstarred: Annotated[bool, typer.Option("--unstarred", help="cube-single with OGBench's expectile.")] = False,
    jobs: Annotated[int | None, typer.Option(min=1, help="Processes that roll out.", show_default="cores")] = None,
    out: Annotated[Path, typer.Option(help="The folder.")] = Path("runs/benchmark"),
    ray: Annotated[str | None, typer.Option(help="A Ray cluster's address, or local.", show_default="no Ray")] = None,
) -> None:
    """Train and evaluate agents on OGBench's tasks, at the paper's settings; the results beside what is published.

    Suites: pointmaze, antmaze, humanoidmaze, manipulation, visual, stitch, explore; states, paper; made-here.
    Interrupted or killed, the same command goes on. See `saw-edu data` for the data.

    Exits 2 for bad input, 1 when a job fails, 130 when it is interrupted.
    """
    from saw_edu.benchmark import command
    from saw_edu.benchmark.run import Options
    from saw_edu.runs import RunError

    with reported("benchmark"):
        try:
            dims = tuple(int(each) for each in hidden_dims.split(",")) if hidden_dims else None
        except ValueError:
            raise RunError(f"--hidden-dims are numbers joined by commas, got {hidden_dims!r}") from None
        names_of_agents = tuple(each.strip() for each in agents.split(",") if each.strip())
        options = Options(
            agents=names_of_agents,
            seeds=seeds,
            steps=steps,
            evaluate_every=evaluate_every,
            episodes=episodes,
            batch_size=batch_size,
            hidden_dims=dims,
            device=device,
            compile=compile,
            starred=not unstarred,
            jobs=jobs,
            folder=out.expanduser(),
        )
        command.run(names, options, ray, typer.echo)
