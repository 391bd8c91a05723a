"""Speed as ratios within one run, so that a slow or busy machine does not change what they say."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

import torch

from saw_edu.agents import GCBC, GCIVL, HIQL, SAW, Agent
from saw_edu.data import HindsightSampler, Trajectories
from saw_edu.envs import MazeEnv, PointMaze, navigate
from saw_edu.training import Learner, TrainingConfig

_DIMS = (128, 128)


def rate(work: Callable[[], object], seconds: float, repeats: int = 5) -> float:
    """Calls a second: the median over `repeats` stretches of `seconds` each, after one warm-up call."""
    work()
    rates = []
    for _ in range(repeats):
        calls, start = 0, time.perf_counter()
        while (elapsed := time.perf_counter() - start) < seconds:
            work()
            calls += 1
        rates.append(calls / elapsed)
    return statistics.median(rates)


def agents(data: Trajectories, seconds: float, batch_size: int = 256) -> list[tuple[str, float, float]]:
    """Name, updates/s with sampling, and sampling's share of that time, for each agent at 2x128 and batch 256."""
    dims: dict[str, Any] = {"actor_hidden_dims": _DIMS, "value_hidden_dims": _DIMS}
    cases: list[Agent] = [
        GCBC(actor_hidden_dims=_DIMS),
        GCIVL(**dims),
        HIQL(**dims),
        SAW(**dims, low_actor_hidden_dims=_DIMS),
    ]
    rows = []
    for agent in cases:
        sampler = HindsightSampler(data, agent.goals, agent.discount, agent.subgoal_steps)
        generator = torch.Generator().manual_seed(0)
        networks = agent.networks(data.spec(), generator)
        learner = Learner(agent, networks, TrainingConfig(steps=1))
        whole = rate(lambda s=sampler, n=learner, g=generator: n.update(s.sample(batch_size, g)), seconds)  # type: ignore[misc]
        sampling = rate(lambda s=sampler, g=generator: s.sample(batch_size, g), seconds)  # type: ignore[misc]
        rows.append((type(agent).__name__, whole, whole / sampling))
    return rows


def worlds(world: PointMaze, seconds: float, num: int) -> tuple[float, float]:
    """Steps/s of `num` worlds at once, and of one gymnasium environment in a Python loop."""
    generator = torch.Generator().manual_seed(0)
    states = world.sample_states(num, generator)
    actions = torch.rand(num, 2, generator=generator) * 2 - 1
    batched = num * rate(lambda: world.step(states, actions), seconds)
    env = MazeEnv(world)
    env.reset(seed=0)
    env.action_space.seed(0)

    def one_step() -> None:
        _, _, terminated, truncated, _ = env.step(env.action_space.sample())
        if terminated or truncated:
            env.reset()

    return batched, rate(one_step, seconds)


def main(quick: bool = False) -> None:
    """Print the ratios."""
    torch.set_num_threads(1)
    seconds, episodes, num = (0.05, 20, 1024) if quick else (1.0, 500, 4096)
    world = PointMaze("giant", step_size=1.0, features="fourier")
    data = navigate(world, episodes, 300, 0.5, torch.Generator().manual_seed(0))
    print(f"one torch thread, nets 2x128, batch 256, {len(data.start_rows)} transitions\n")
    rows = agents(data, seconds)
    print(f"{'agent':8}{'updates/s':>12}{'GCBC = 1':>12}{'sampling':>12}")
    for name, updates, share in rows:
        print(f"{name:8}{updates:12.0f}{updates / rows[0][1]:12.2f}{share:12.1%}")
    batched, single = worlds(world, seconds, num)
    print(f"\npoint maze, {num} worlds at once: {batched / 1e6:.2f} M steps/s")
    print(f"one gymnasium environment in a loop: {single / 1e3:.2f} k steps/s")
    print(f"ratio: {batched / single:.0f} to 1")
