"""Jobs of a benchmark over a Ray cluster. Needs the extra: `pip install "saw-edu[ray]"`.

The data set of a job travels to a node once, into Ray's object store, where all jobs on that node read it. Folders must
be seen by all nodes (a shared file system): a job that dies with its node is started again by Ray, wherever there is
room, and goes on from its last checkpoint.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from saw_edu.benchmark.names import data_set
from saw_edu.benchmark.run import Job, run_job
from saw_edu.data import Trajectories, load_npz
from saw_edu.runs import RunError, RunFailedError

RETRIES = 5  # of a job whose worker or node died


def run_on_ray(jobs: list[Job], address: str, say: Callable[[str], object], gpus: float = 1.0) -> None:
    """Run jobs as Ray tasks; returns when all are done.

    Args:
        jobs: whose folders all nodes see.
        address: of the cluster, or "local".
        say: what to do with a line for the person who waits.
        gpus: of a job, where its device is a GPU: .5 lets two share one.

    Raises:
        RunError: Ray is not installed, or there is no cluster at that address.
        RunFailedError: some jobs failed; the others are done.
    """
    try:
        import ray
    except ModuleNotFoundError:
        raise RunError('Ray is not installed: pip install "saw-edu[ray]"') from None
    began = not ray.is_initialized()
    try:
        if began:
            ray.init(address=None if address == "local" else address, log_to_driver=False, include_dashboard=False)
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise RunError(f"no Ray cluster at {address}: {error}") from None
    try:
        _run(ray, jobs, say, gpus)
    finally:
        if began:
            ray.shutdown()


def _run(ray: Any, jobs: list[Job], say: Callable[[str], object], gpus: float) -> None:
    task = ray.remote(max_retries=RETRIES, retry_exceptions=False)(_on_a_worker)
    stored: dict[str, Any] = {}
    waiting: dict[Any, Job] = {}
    for job in jobs:
        if job.data not in stored:
            stored[job.data] = ray.put(_arrays(load_npz(job.options.data / f"{data_set(job.data).name}.npz")))
        on_gpu = job.options.device.startswith("cuda")
        options = {"num_gpus": gpus} if on_gpu else {"num_cpus": job.options.jobs or 1}
        waiting[task.options(**options).remote(job, stored[job.data])] = job
    failed = []
    while waiting:
        (ready, *_), _ = ray.wait(list(waiting), num_returns=1)
        job = waiting.pop(ready)
        try:
            ray.get(ready)
            say(f"done: {job.agent} on {job.data}")
        except Exception as error:  # whatever a worker may raise, the others go on
            failed.append(f"{job.agent} on {job.data}: {str(error).splitlines()[-1]}")
            say(f"failed: {failed[-1]}")
    if failed:
        raise RunFailedError("some jobs failed; the same command tries them again:\n  " + "\n  ".join(failed))


def _on_a_worker(job: Job, arrays: list[Any]) -> None:
    run_job(job, Trajectories(*(None if array is None else torch.from_numpy(array) for array in arrays)), say=print)  # type: ignore[arg-type]


def _arrays(data: Trajectories) -> list[Any]:
    """As numpy's arrays, which Ray shares without a copy."""
    tensors = (data.observations, data.actions, data.episode_ends, data.next_observations)
    return [None if tensor is None else tensor.numpy() for tensor in tensors]
