"""`saw-edu benchmark`: agents on data sets of the suite, several seeds each, here or over a Ray cluster.

A *job* is one agent on one data set with all its seeds, in a folder of its own: a training run that is evaluated on the
way, saved, and resumed where it stopped, whoever stopped it. Results of all finished jobs go into one table.
"""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from saw_edu import threads
from saw_edu.agents import Policy
from saw_edu.benchmark import play
from saw_edu.benchmark.download import folder as data_folder
from saw_edu.benchmark.names import DataSet, chosen, data_set
from saw_edu.benchmark.presets import EPISODES, EVALUATE_EVERY, Preset, preset
from saw_edu.data import Trajectories, load_npz
from saw_edu.place import write_text
from saw_edu.runs import RunError
from saw_edu.runs.folder import only_writer, reported_failures
from saw_edu.runs.provenance import origin
from saw_edu.training import TrainingConfig, train

Say = Callable[[str], object]


@dataclass(frozen=True)
class Options:
    """How a benchmark is run. What is not given is the paper's."""

    agents: tuple[str, ...] = ("gcbc", "gcivl", "hiql", "saw")
    seeds: int = 8
    steps: int | None = None
    evaluate_every: int = EVALUATE_EVERY
    episodes: int = EPISODES  # of each task
    batch_size: int | None = None
    hidden_dims: tuple[int, ...] | None = None  # of all nets
    device: str = "cpu"
    compile: bool = False
    starred: bool = True  # cube-single with the expectile of the paper's starred results
    jobs: int | None = None  # processes that roll out, where not given one a core
    folder: Path = Path("runs/benchmark")
    data: Path = field(default_factory=data_folder)

    def __post_init__(self) -> None:
        for name in ("seeds", "evaluate_every", "episodes"):
            if getattr(self, name) < 1:
                raise RunError(f"--{name.replace('_', '-')} must be at least 1, got {getattr(self, name)}")


@dataclass(frozen=True)
class Job:
    """One agent on one data set."""

    data: str
    agent: str
    options: Options

    @property
    def folder(self) -> Path:
        """Where everything about it lies."""
        return self.options.folder / self.data / self.agent

    @property
    def done(self) -> bool:
        """Whether its results are there."""
        return (self.folder / "results.csv").exists()

    def preset(self) -> Preset:
        """Its settings: the paper's, but for what the options change."""
        found = preset(self.agent, data_set(self.data), starred=self.options.starred)
        options = self.options
        config: dict[str, Any] = {"compile": options.compile}
        config |= {"steps": options.steps} if options.steps else {}
        config |= {"batch_size": options.batch_size} if options.batch_size else {}
        training: TrainingConfig = replace(found.training, **config)
        training = replace(training, log_every=min(training.log_every, max(1, training.steps // 20)))
        agent: Any = found.agent
        if options.hidden_dims:
            names = [each.name for each in dataclasses.fields(agent) if each.name.endswith("hidden_dims")]
            agent = replace(agent, **dict.fromkeys(names, options.hidden_dims))
        return replace(found, agent=agent, training=training)


def plan(names: Sequence[str], options: Options) -> list[Job]:
    """The jobs of data sets or suites, an agent after another on each.

    Raises:
        RunError: an unknown name, or data that are not here.
    """
    try:
        sets = chosen(list(names))
        jobs = [Job(each.name, agent, options) for each in sets for agent in options.agents]
        for job in jobs:
            job.preset()
    except ValueError as error:
        raise RunError(str(error)) from None
    missing = [each for each in sets if not _file(each, options).exists()]
    if missing:
        ways = "\n".join(
            f"  saw-edu data {'generate' if each.can_be_made else 'download'} {each.name}" for each in missing
        )
        raise RunError(f"data are looked for in {options.data}. What is not there can be had by\n{ways}")
    return jobs


def _file(data: DataSet, options: Options) -> Path:
    return options.data / f"{data.name}.npz"


def run_job(job: Job, trajectories: Trajectories | None = None, say: Say = print) -> None:
    """Train, evaluate and write the job's results; go on where it stopped.

    Raises:
        RunError, RunFailedError, RunInterruptedError: see `saw_edu.runs`.
    """
    data, options, settings = data_set(job.data), job.options, job.preset()
    trajectories = load_npz(_file(data, options)) if trajectories is None else trajectories
    widths = [width for name, dims in vars(settings.agent).items() if name.endswith("hidden_dims") for width in dims]
    torch.set_num_threads(threads.choose(widths)[0])
    spec = trajectories.spec()
    knobs = {"batch_size": settings.training.batch_size, "device": options.device}
    with (
        reported_failures(knobs, "interrupted; the same command goes on from here"),
        only_writer(job.folder),
        play.Arena(data, options.jobs) as arena,
    ):
        write_text(job.folder / "config.json", json.dumps(describe(job), indent=1, default=str) + "\n")

        def evaluate(policy: Policy) -> dict[str, float]:
            drawn = replace(policy, temperature=settings.temperature)
            return play.by_task(arena.play([drawn], spec, options.episodes))

        result = train(
            settings.agent,
            trajectories,
            settings.training,
            options.seeds,
            spec=spec,
            checkpoints=job.folder / "checkpoints",
            device=options.device,
            evaluate=evaluate,
            evaluate_every=options.evaluate_every,
            metrics=job.folder / "metrics.csv",
            say=None if sys.stderr.isatty() else say,
            progress=sys.stderr.isatty(),
        )
        if result.interrupted:
            raise KeyboardInterrupt
        result.save(job.folder / "networks.pt")
        write_text(job.folder / "results.csv", tidy(job, result.metrics).to_csv(index=False))


def describe(job: Job) -> dict[str, Any]:
    """Everything that decides the numbers, and where they were made."""
    settings = job.preset()
    agent: Any = settings.agent
    return {
        "data": job.data,
        "agent": job.agent,
        "options": dataclasses.asdict(agent),
        "training": dataclasses.asdict(settings.training),
        "temperature": settings.temperature,
        "published settings": settings.published and job.options.hidden_dims is None and job.options.steps is None,
        "seeds": job.options.seeds,
        "episodes": job.options.episodes,
        **origin(),
        "device": torch.cuda.get_device_name() if job.options.device.startswith("cuda") else "CPU",
    }


def tidy(job: Job, metrics: pd.DataFrame) -> pd.DataFrame:
    """A row for each seed, evaluation and task: data, agent, seed, step, task, success, episodes."""
    tasks = [name for name in metrics.columns if name.startswith("evaluation/task ")]
    rows = metrics.dropna(subset=tasks).melt(["seed", "step"], tasks, "task", "success")
    rows["task"] = rows["task"].str.removeprefix("evaluation/task ").astype(int)
    rows = rows.sort_values(["seed", "step", "task"], ignore_index=True)
    return rows.assign(data=job.data, agent=job.agent, episodes=job.options.episodes)[
        ["data", "agent", "seed", "step", "task", "success", "episodes"]
    ]


def gather(folder: Path) -> pd.DataFrame:
    """The results of every finished job under a folder, also written to its `results.csv`.

    Raises:
        RunError: there are none.
    """
    files = sorted(folder.glob("*/*/results.csv"))
    if not files:
        raise RunError(f"{folder} has no finished jobs: run `saw-edu benchmark` first")
    table = pd.concat([pd.read_csv(path) for path in files], ignore_index=True)
    write_text(folder / "results.csv", table.to_csv(index=False))
    return table
