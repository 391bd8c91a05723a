"""Trained policies on the suite's tasks, in the real environments: five tasks, many episodes, several processes.

Each process steps several environments at once and asks a policy for all their actions in one call.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any

import numpy as np
import pandas as pd
import torch

from saw_edu.agents import Agent, Policy
from saw_edu.benchmark.names import DataSet
from saw_edu.data import Spec
from saw_edu.rollouts import evaluate_env
from saw_edu.threads import available_cores

TASKS = (1, 2, 3, 4, 5)
AT_ONCE = 10  # environments that a process steps together


class Arena:
    """Processes that play a data set's tasks, kept from one evaluation to the next: `with Arena(data) as arena: ...`.

    Args:
        data: whose environment.
        jobs: processes; where not given, one a core. 1: in this process.
    """

    def __init__(self, data: DataSet, jobs: int | None = None) -> None:
        self.data = data
        self.jobs = jobs or available_cores()
        self._pool: ProcessPoolExecutor | None = None

    def __enter__(self) -> Arena:
        if self.jobs > 1:
            self._pool = ProcessPoolExecutor(self.jobs, mp_context=get_context("spawn"))
        return self

    def __exit__(self, *error: object) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def play(
        self,
        policies: Sequence[Policy],
        spec: Spec,
        episodes: int = 50,
        *,
        seeds: Sequence[int] | None = None,
        tasks: Sequence[int] = TASKS,
        seed: int = 0,
    ) -> pd.DataFrame:
        """Every policy on every task: a row an episode (seed, task, episode, success, steps).

        Args:
            policies: one a seed.
            spec: sizes of the policies' networks.
            episodes: of each task and policy.
            seeds: the policies' numbers; 0, 1, ... where not given.
            tasks: numbers of tasks.
            seed: of the environments: the same for each policy, another for each task.

        Raises:
            ValueError: fewer than one episode.
        """
        if episodes < 1:
            raise ValueError(f"need at least one episode, got {episodes}")
        numbers = range(len(policies)) if seeds is None else seeds
        work = [
            (self.data.env, _packed(policy, spec), number, task, episodes, _seed_of(seed, task))
            for number, policy in zip(numbers, policies, strict=True)
            for task in tasks
        ]
        if self._pool is None:
            tables = [_play(*each) for each in work]
        else:
            tables = [future.result() for future in [self._pool.submit(_play, *each) for each in work]]
        return pd.concat(tables, ignore_index=True)


def _seed_of(seed: int, task: int) -> int:
    return int(np.random.SeedSequence([seed, task]).generate_state(1)[0] >> 1)


Packed = tuple[Agent, Spec, dict[str, Any], float]


def _packed(policy: Policy, spec: Spec) -> Packed:
    """What a process needs to make the policy again."""
    state = {name: value.detach().cpu() for name, value in policy.networks.state_dict().items()}
    return policy.agent, spec, state, policy.temperature


def _play(env: str, packed: Packed, number: int, task: int, episodes: int, seed: int) -> pd.DataFrame:
    """One policy on one task, in this process."""
    from saw_edu.envs.ogbench import make_vector

    torch.set_num_threads(1)
    agent, spec, state, temperature = packed
    networks = agent.networks(spec, torch.Generator())
    networks.load_state_dict(state)
    policy = Policy(agent, networks.requires_grad_(False), temperature, torch.Generator().manual_seed(seed))
    np.random.seed(seed)  # OGBench draws noise of starts and goals from numpy's global state
    vector = make_vector(env, min(AT_ONCE, episodes))
    found = evaluate_env([policy], vector, episodes, seed=seed, options={"task_id": task}, progress=False).episodes
    vector.close()
    found = found.iloc[:episodes]
    return pd.DataFrame(
        {
            "seed": number,
            "task": task,
            "episode": range(len(found)),
            "success": found["success"].to_numpy(),
            "steps": found["steps"].to_numpy(),
        }
    )


def by_task(episodes: pd.DataFrame) -> dict[str, float]:
    """Numbers for a table of metrics: the success of each task and their mean, as OGBench reports it."""
    tasks = episodes.groupby("task")["success"].mean()
    return {"success": float(tasks.mean())} | {f"task {task}": float(value) for task, value in tasks.items()}
