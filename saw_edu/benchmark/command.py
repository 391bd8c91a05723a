"""What the commands `saw-edu data` and `saw-edu benchmark` do, with every fault as a `RunError`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pandas as pd

from saw_edu.benchmark import download as downloads
from saw_edu.benchmark import generate as generation
from saw_edu.benchmark import report
from saw_edu.benchmark.cluster import run_on_ray
from saw_edu.benchmark.names import chosen, data_set
from saw_edu.benchmark.run import Options, gather, plan, run_job
from saw_edu.runs import RunError, RunFailedError

Say = Callable[[str], object]


def generate(name: str, transitions: int | None, seed: int, out: Path | None, jobs: int | None, say: Say) -> None:
    """Make a data set of the suite."""
    try:
        data = data_set(name)
        path = out or downloads.folder() / f"{name}.npz"
        if path.exists():
            say(f"{path} is there already: delete it to make it anew")
            return
        files = generation.generate(data, path, transitions=transitions, seed=seed, jobs=jobs)
    except (ValueError, ModuleNotFoundError) as error:
        raise RunError(str(error)) from None
    except OSError as error:
        raise RunError(f"the data cannot be written: {error}") from None
    except RuntimeError as error:
        raise RunFailedError(str(error)) from None
    for file in files:
        say(f"{file}: {file.stat().st_size / 1e6:.1f} MB")


def download(names: Sequence[str], out: Path | None, say: Say) -> None:
    """Get data sets of the suite."""
    try:
        sets = chosen(list(names))
    except ValueError as error:
        raise RunError(str(error)) from None
    for data in sets:
        try:
            for file in downloads.download(data, out):
                say(f"{file}: {file.stat().st_size / 1e6:.1f} MB")
        except OSError as error:
            raise RunFailedError(str(error)) from None


def benchmark(names: Sequence[str], options: Options, say: Say = print, ray: str | None = None) -> pd.DataFrame:
    """All jobs that are not done yet, then the table of all, which is also written to `results.csv`.

    Args:
        names: data sets or suites.
        options: see `Options`.
        say: what to do with a line for the person who waits.
        ray: a Ray cluster's address, or "local"; None: one job after another in this process.

    Raises:
        RunError: bad input, told before any work; RunFailedError, RunInterruptedError.
    """
    jobs = plan(names, options)
    todo = [job for job in jobs if not job.done]
    say(f"{len(jobs)} jobs, {len(jobs) - len(todo)} of them done; in {options.folder}")
    if ray is not None:
        run_on_ray(todo, ray, say)
    else:
        for number, job in enumerate(todo, 1):
            say(f"{number} of {len(todo)}: {job.agent} on {job.data}")
            run_job(job, say=say)
    return gather(options.folder)


def run(names: Sequence[str], options: Options, ray: str | None, say: Say) -> None:
    """Run a benchmark, print its table and write its report."""
    results = benchmark(names, options, say, ray)
    say(report.text(results))
    say(f"written: {report.write(results, options.folder)}, {options.folder / 'results.csv'}")
