"""Roll policies out, with or without memory: many episodes at once, in our worlds or in Gymnasium's environments."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import gymnasium
import numpy as np
import pandas as pd
import torch
from torch import Tensor
from tqdm.auto import tqdm

from saw_edu.data import push_frame
from saw_edu.envs.world import Expert, Located, World

Memory = Any
"""A tree of tensors (a tensor, or a tuple, list or dictionary of trees), each with a leading batch axis; or None."""


@runtime_checkable
class MemoryPolicy(Protocol):
    """A policy that remembers: a subgoal that it keeps, frames that it has seen, a command that is on its way."""

    def begin(self, batch: int) -> Memory:
        """The memory of that many episodes at their start."""
        ...

    def act(self, observations: Tensor, goals: Tensor, memory: Memory) -> tuple[Tensor, Memory]:
        """(B, obs), (B, obs) and the memory -> actions (B, act) or (B,), and the memory for the next step."""
        ...


PolicyLike = Callable[[Tensor, Tensor], Tensor] | MemoryPolicy  # without memory: (observations, goals) -> actions


@dataclass(frozen=True)
class Shaken:
    """A policy without memory that acts with an unsteady hand: its actions are perturbed as an expert's are in data.

    In continuous worlds this adds N(0, temperature) to the action and clips it. A flat policy whose standard deviation
    is 1 then acts at that temperature; a hierarchy keeps its likeliest subgoal.
    """

    policy: Callable[[Tensor, Tensor], Tensor]
    world: Expert
    temperature: float  # the `noise` of `world.perturb`
    generator: torch.Generator

    def __call__(self, observations: Tensor, goals: Tensor) -> Tensor:
        """(B, obs), (B, obs) -> actions (B, act) or (B,)."""
        return self.world.perturb(self.policy(observations, goals), self.temperature, self.generator)


def begin(policy: PolicyLike, batch: int) -> Memory:
    """The memory of a policy at the start of that many episodes; None for a policy without."""
    return policy.begin(batch) if isinstance(policy, MemoryPolicy) else None


def act(policy: PolicyLike, observations: Tensor, goals: Tensor, memory: Memory) -> tuple[Tensor, Memory]:
    """One action of any policy, and the memory after it."""
    if isinstance(policy, MemoryPolicy):
        return policy.act(observations, goals, memory)
    return policy(observations, goals), None


def map_memory(function: Callable[..., Tensor], *memories: Memory) -> Memory:
    """Apply a function to the tensors of trees of one shape, leaf by leaf."""
    first = memories[0]
    if first is None:
        return None
    if isinstance(first, Tensor):
        return function(*memories)
    if isinstance(first, dict):
        return {key: map_memory(function, *(memory[key] for memory in memories)) for key in first}
    parts = [map_memory(function, *leaves) for leaves in zip(*memories, strict=True)]
    return type(first)(*parts) if hasattr(first, "_fields") else type(first)(parts)


def where(mask: Tensor, yes: Tensor, no: Tensor) -> Tensor:
    """`torch.where` with a mask (B,) for tensors (B, ...) of any shape."""
    return torch.where(mask.view(-1, *[1] * (yes.ndim - 1)), yes, no)


def reset_memory(mask: Tensor, fresh: Memory, memory: Memory) -> Memory:
    """The fresh memory where mask (B,) is True, the old one elsewhere."""
    return map_memory(lambda new, old: where(mask, new, old), fresh, memory)


@dataclass(frozen=True)
class Evaluation:
    """The outcome of every episode of every seed.

    Attributes:
        episodes: columns seed, task, distance (cells; NaN in worlds without distances), success (0/1), steps, and
            temperature where the policies tell theirs (0: greedy).
        paths: (seeds, episodes, steps + 1, ...) states, where they were asked for.
        actions: (seeds, episodes, steps, ...), where they were asked for.
        memories: for each seed the memory after each step, a tree of tensors (episodes, steps, ...).
    """

    episodes: pd.DataFrame
    paths: Tensor | None = None
    actions: Tensor | None = None
    memories: list[Memory] | None = None

    @property
    def success(self) -> float:
        """Mean success over all episodes and seeds."""
        return float(self.episodes["success"].mean())


@torch.no_grad()
def evaluate(
    policies: Sequence[PolicyLike],
    world: World,
    starts: Tensor,
    goals: Tensor,
    *,
    seeds: Iterable[int] | None = None,
    tasks: Sequence[object] | None = None,
    max_steps: int | None = None,
    generator: torch.Generator | None = None,
    keep_paths: bool = False,
    keep_trace: bool = False,
    frame_stack: int = 1,
    progress: bool = True,
) -> Evaluation:
    """All policies (one a seed) on the same episodes, in one batched roll-out.

    An episode succeeds when its goal is reached within `max_steps`; it ends there.

    Args:
        policies: one for each seed, functions or policies with memory.
        world: where.
        starts: (M, ...) states to start from.
        goals: (M, ...) states to reach.
        seeds: their numbers; 0, 1, ... where not given.
        tasks: M labels; the episode's number where there are none.
        max_steps: patience; the world's own where not given.
        generator: for worlds that draw random numbers.
        keep_paths: also return the states visited.
        keep_trace: also return states, actions and memories, for a figure or a widget that replays them.
        frame_stack: how many frames the policies see at once, oldest first; that of the data they were trained on. An
            episode begins with its first frame repeated, and a goal is one frame repeated, as in OGBench.
        progress: show a bar with the success so far.

    Raises:
        ValueError: no policies, not as many goals as starts or seeds as policies, or a frame_stack below 1.
    """
    if len(policies) == 0 or len(starts) == 0 or len(starts) != len(goals):
        raise ValueError(f"need policies and as many goals as starts, got {len(policies)}, {len(goals)}, {len(starts)}")
    if frame_stack < 1:
        raise ValueError(f"frame_stack must be at least 1 frame, got {frame_stack}")
    numbers = list(range(len(policies))) if seeds is None else list(seeds)
    if len(numbers) != len(policies):
        raise ValueError(f"need as many seeds as policies, got {len(numbers)} and {len(policies)}")
    steps, count, episodes = max_steps or world.max_steps, len(policies), len(starts)
    states, ends = (x.repeat(count, *[1] * (x.ndim - 1)) for x in (starts, goals))  # (S * M, ...)
    goal_observations = torch.cat([world.observe(ends)] * frame_stack, dim=-1)
    observations = torch.cat([world.observe(states)] * frame_stack, dim=-1)
    memories = [begin(policy, episodes) for policy in policies]
    done = world.reached(states, ends)
    lengths = torch.where(done, 0, steps)
    paths, taken = [states], []
    kept: list[list[Memory]] = [[] for _ in policies]
    with tqdm(total=steps, disable=not progress, unit=" steps", desc="evaluation", mininterval=0.5) as bar:
        for step in range(1, steps + 1):
            chosen = []
            pairs = zip(observations.chunk(count), goal_observations.chunk(count), strict=True)
            for i, (policy, (seen, told)) in enumerate(zip(policies, pairs, strict=True)):
                action, memories[i] = act(policy, seen, told, memories[i])
                chosen.append(action)
                if keep_trace:
                    kept[i].append(memories[i])
            actions = torch.cat(chosen)
            states = where(~done, world.step(states, actions, generator), states)
            observations = push_frame(observations, world.observe(states))
            arrived = world.reached(states, ends) & ~done
            lengths = torch.where(arrived, step, lengths)
            done |= arrived
            if keep_paths or keep_trace:
                paths.append(states)
                taken.append(actions)
            bar.update()
            if step % 10 == 0:
                bar.set_postfix(success=f"{float(done.double().mean()):.2f}", refresh=False)
                if bool(done.all()):
                    break
    labels = list(tasks) if tasks is not None else list(range(episodes))
    distances = np.full(episodes, np.nan)
    if isinstance(world, Located):
        distances = world.distances(starts, goals).cpu().numpy()
    table = pd.DataFrame(
        {
            "seed": np.repeat(numbers, episodes),
            "task": labels * count,
            "distance": np.tile(distances, count),
            "success": done.cpu().numpy().astype(int),
            "steps": lengths.cpu().numpy(),
        }
    )
    table = _with_temperature(table, policies, episodes)
    shape = (count, episodes)
    return Evaluation(
        table,
        torch.stack(paths, 1).unflatten(0, shape) if keep_paths or keep_trace else None,
        torch.stack(taken, 1).unflatten(0, shape) if keep_trace and taken else None,
        [map_memory(lambda *each: torch.stack(each, 1), *one) if one else None for one in kept] if keep_trace else None,
    )


def _with_temperature(table: pd.DataFrame, policies: Sequence[PolicyLike], episodes: int) -> pd.DataFrame:
    """With the policies' temperatures as a column, where all of them tell theirs."""
    temperatures = [getattr(policy, "temperature", None) for policy in policies]
    if any(temperature is None for temperature in temperatures):
        return table
    return table.assign(temperature=np.repeat(np.array(temperatures, dtype=float), episodes))


@torch.no_grad()
def evaluate_env(
    policies: Sequence[PolicyLike],
    env: gymnasium.vector.VectorEnv[Any, Any, Any],
    episodes: int,
    *,
    seeds: Iterable[int] | None = None,
    seed: int = 0,
    options: dict[str, Any] | None = None,
    read: Callable[[Any], tuple[Tensor, Tensor]] | None = None,
    progress: bool = True,
) -> Evaluation:
    """All policies (one a seed), one after another, in a Gymnasium vector environment.

    Success is what the environment says at an episode's end: `info["success"]` where it is there, else a reward above
    0. Episodes are played in rounds of `env.num_envs`, each begun by a reset of all and ended when the last is over, so
    `options` hold for every episode and short ones are not preferred.

    Args:
        policies: one for each seed.
        env: observations are dictionaries with "observation" and "goal", or whatever `read` understands.
        episodes: for each policy; rounded up to a multiple of `env.num_envs`.
        seeds: the policies' numbers; 0, 1, ... where not given.
        seed: of the environments, the same for each policy.
        options: for `env.reset`, such as {"task_id": 1}.
        read: turns a batch of observations into tensors (B, obs) and goals (B, obs).
        progress: show a bar.

    Raises:
        ValueError: fewer than one episode.
    """
    if episodes < 1:
        raise ValueError(f"need at least one episode, got {episodes}")
    read = read or _read_dictionary
    num, rounds, rows = env.num_envs, -(-episodes // env.num_envs), []
    numbers = range(len(policies)) if seeds is None else seeds
    with tqdm(total=len(policies) * rounds * num, disable=not progress, unit=" episodes") as bar:
        for number, policy in zip(numbers, policies, strict=True):
            for turn in range(rounds):
                found, _ = env.reset(seed=seed if turn == 0 else None, options=options)
                memory, over = begin(policy, num), np.zeros(num, bool)
                success, lengths = np.zeros(num, bool), np.zeros(num, int)
                while not over.all():
                    actions, memory = act(policy, *read(found), memory)
                    found, rewards, terminated, truncated, info = env.step(actions.cpu().numpy())
                    lengths += ~over
                    ends = (terminated | truncated) & ~over
                    success |= ends & np.asarray(_final(info).get("success", rewards > 0)).astype(bool)
                    over |= ends
                    bar.update(int(ends.sum()))
                rows += [
                    {
                        "seed": number,
                        "task": turn * num + i,
                        "distance": np.nan,
                        "success": int(good),
                        "steps": int(steps),
                    }
                    for i, (good, steps) in enumerate(zip(success, lengths, strict=True))
                ]
    return Evaluation(_with_temperature(pd.DataFrame(rows), policies, rounds * num))


def _final(info: dict[str, Any]) -> dict[str, Any]:
    """What is told of the step that ended episodes; an environment that resets in that step keeps it apart."""
    final: dict[str, Any] = info.get("final_info", info)
    return final


def _read_dictionary(found: dict[str, Any]) -> tuple[Tensor, Tensor]:
    return torch.as_tensor(found["observation"]), torch.as_tensor(found["goal"])
