"""Roll out the policies of a finished run."""

from __future__ import annotations

import pickle
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from saw_edu import datasets
from saw_edu.agents import agent_class
from saw_edu.data import Spec
from saw_edu.envs import InMaze
from saw_edu.evaluation import episodes_by_distance, success_by_distance
from saw_edu.place import write_text
from saw_edu.rollouts import Evaluation, evaluate
from saw_edu.runs.folder import RunError, Say, count, read_config, reported_failures, restore
from saw_edu.training import Policy, TrainingResult


@dataclass(frozen=True)
class FinishedRun:
    """A run as its folder holds it."""

    folder: Path
    config: dict[str, Any]  # config.json
    result: TrainingResult  # agent, spec, seeds and networks; its policies take the most likely action

    def policies(self, temperature: float = 0.0, generator: torch.Generator | None = None) -> list[Policy]:
        """One policy a seed, drawing its actions at a temperature above 0."""
        return [Policy(self.result.agent, networks, temperature, generator) for networks in self.result.networks]


def load(folder: str | Path) -> FinishedRun:
    """Read a finished run: `saw_edu.runs.load("runs/mine").policies()[0](observations, goals)`.

    Raises:
        RunError: no run there, or one that is not finished or cannot be read.
    """
    folder = Path(folder).expanduser()
    config = read_config(folder)
    try:
        agent = restore(agent_class(config["agent"]), config["options"])
    except ValueError as error:
        raise RunError(f"{folder}/config.json: {error}") from None
    spec = restore(Spec, config["spec"])
    if not (folder / "networks.pt").exists():
        raise RunError(f"{folder} is not finished. To go on:\n  {config['command']}")
    try:
        return FinishedRun(folder, config, TrainingResult.load(folder / "networks.pt", agent, spec))
    except (ValueError, RuntimeError, EOFError, OSError, KeyError, pickle.UnpicklingError) as error:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise RunError(f"{folder}/networks.pt cannot be used: delete it and train again ({reason})") from None


def evaluate_run(
    folder: Path, episodes: int = 50, temperature: float = 0.0, world: str | None = None, say: Say = print
) -> pd.DataFrame:
    """Success of every seed of a finished run by distance to the goal; writes `evaluation.csv` (every episode).

    Args:
        folder: the run's.
        episodes: per bin of distances and seed; starts and goals are the same for every run in this world.
        temperature: of the policies; 0 takes the most likely action.
        world: a name for `datasets.make_world`; needed where the data came from a file.
        say: what to do with a line for the person who waits.

    Returns:
        One row a bin: distance, mean, low, high, episodes, from_, to (see `success_by_distance`).

    Raises:
        RunError: bad input, told before any work.
    """
    if episodes < 1 or temperature < 0:
        raise RunError(f"--episodes must be at least 1 and --temperature at least 0, got {episodes} and {temperature}")
    config = read_config(Path(folder).expanduser())
    place = _world_of(config, restore(Spec, config["spec"]), world)
    run = load(folder)
    edges = distance_edges(place.maze.diameter)
    generator = torch.Generator().manual_seed(2)
    torch.set_num_threads(1)  # small batches of small nets
    with reported_failures({"episodes": episodes}, "interrupted; nothing was written"):
        starts, goals = episodes_by_distance(place, edges, episodes, torch.Generator().manual_seed(1))
        outcome = evaluate(
            run.policies(temperature, generator),
            place,
            starts,
            goals,
            generator=generator,
            frame_stack=config["frame_stack"],
            progress=sys.stderr.isatty(),
        )
    seeds = outcome.episodes["seed"].map(dict(enumerate(run.result.seeds)))
    table = outcome.episodes.assign(seed=seeds, temperature=temperature, world=world or config["dataset"]["world"])
    name, seeds_said = type(run.result.agent).__name__, count(len(run.result.seeds))
    say(f"{name} trained on {config['dataset']['source']}, {seeds_said}, in {place}, {_actions_at(temperature)}")
    say(_table(outcome, edges))
    path = run.folder / "evaluation.csv"
    write_text(path, table.to_csv(index=False))
    say(f"Every episode: {path}")
    return success_by_distance(outcome, edges)


def _actions_at(temperature: float) -> str:
    return "greedy actions (temperature 0)" if temperature == 0 else f"actions drawn at temperature {temperature:g}"


def _world_of(config: dict[str, Any], spec: Spec, given: str | None) -> InMaze:
    name = given or config["dataset"]["world"]
    if name is None:
        raise RunError(
            f"the data came from a file ({config['dataset']['source']}), which does not say where it was collected: "
            f"give --world NAME. A name is\n{datasets.explain_worlds()}"
        )
    try:
        world = datasets.make_world(name)
    except ValueError as error:
        raise RunError(str(error)) from None
    seen = datasets.stack_frames(world.spec, config["frame_stack"])
    if seen != spec:
        raise RunError(f"{name} has other sizes ({seen}) than the run's data ({spec}): give another --world")
    return world


def distance_edges(largest: int) -> list[int]:
    """Edges of about seven bins of the distances from 1 cell to the largest.

    All have one width but the last, which may be wider: distant pairs are rare.
    """
    width = max(1, round(largest / 7))
    return [*range(1, largest + 2 - width, width), largest + 1]


def _table(outcome: Evaluation, edges: Sequence[int]) -> str:
    """The bins, and all episodes in one, as text."""
    rows = pd.concat([success_by_distance(outcome, edges), success_by_distance(outcome, [edges[0], edges[-1]])])
    lines = ["distance (cells)  success  95 % interval"]
    for first, end, mean, low, high in rows[["from_", "to", "mean", "low", "high"]].to_numpy():
        cells = f"{first:.0f}" if end - first == 1 else f"{first:.0f} to {end - 1:.0f}"
        lines.append(f"{cells:>10}        {mean:>7.2f}  {low:.2f} - {high:.2f}")
    seeds = outcome.episodes["seed"].nunique()
    over = f"Student's t over {seeds} seeds" if seeds > 1 else "Wilson's over the episodes of this one seed"
    return "\n".join([*lines, f"The last row is over all bins. Intervals: {over}."])
