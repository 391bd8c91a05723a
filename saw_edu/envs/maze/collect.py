"""Reward-free data from controllers, all episodes at once."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from tqdm.auto import tqdm

from saw_edu.data import Trajectories
from saw_edu.envs.maze.world import InMaze


def navigate(
    world: InMaze,
    episodes: int,
    length: int,
    noise: float = 0.5,
    generator: torch.Generator | None = None,
    progress: bool = False,
) -> Trajectories:
    """Noisy shortest paths to one random goal after another, as in OGBench's "navigate" data sets.

    Every episode starts at a random state. The oracle's action plus noise is taken (`world.perturb`: Gaussian noise of
    this standard deviation for continuous actions, the probability of a random action for discrete ones); a goal
    that is reached is replaced by a new random one.

    Args:
        world: where to walk.
        episodes: how many episodes.
        length: actions in each; an episode has `length + 1` rows, the last one with filler for an action.
        noise: see above; 0.5 in OGBench's pointmaze data.
        generator: the source of all chance. Required.
        progress: show a progress bar.

    Returns:
        Compact `Trajectories` of observations, in the order of episodes.

    Raises:
        ValueError: without a generator, or for counts below 1.
    """
    generator = _need_generator(generator, "navigate")
    goals: Tensor | None = None

    def act(states: Tensor) -> Tensor:
        nonlocal goals
        if goals is None:
            goals = world.sample_states(len(states), generator)
        done = world.reached(states, goals)
        goals = goals.clone()
        goals[done] = world.sample_states(int(done.sum()), generator)
        return world.perturb(world.oracle(states, goals), noise, generator)

    return _collect(world, act, episodes, length, generator, progress)


def random_walk(
    world: InMaze,
    episodes: int,
    length: int,
    generator: torch.Generator | None = None,
    hold: int = 1,
    progress: bool = False,
) -> Trajectories:
    """Uniformly random actions, each held for `hold` steps. Arguments, result and errors as for `navigate`."""
    generator = _need_generator(generator, "random_walk")
    if hold < 1:
        raise ValueError(f"hold must be at least 1 step, got {hold}")
    taken = 0
    actions: Tensor | None = None

    def act(states: Tensor) -> Tensor:
        nonlocal taken, actions
        if actions is None or taken % hold == 0:
            actions = world.sample_actions(len(states), generator)
        taken += 1
        return actions

    return _collect(world, act, episodes, length, generator, progress)


def _need_generator(generator: torch.Generator | None, name: str) -> torch.Generator:
    if generator is None:
        raise ValueError(f"{name} needs generator=torch.Generator().manual_seed(...): no draw is made without one")
    return generator


def _collect(
    world: InMaze,
    act: Callable[[Tensor], Tensor],
    episodes: int,
    length: int,
    generator: torch.Generator,
    progress: bool,
) -> Trajectories:
    """Steps `episodes` worlds for `length` actions with a controller of states."""
    if episodes < 1 or length < 1:
        raise ValueError(f"at least one episode of one action is needed, got {episodes} episodes of {length}")
    states = world.sample_states(episodes, generator)  # (E, 2)
    visited, taken = [states], []
    for _ in tqdm(range(length), desc="collecting", unit="step", disable=not progress):
        actions = act(states)
        states = world.step(states, actions, generator)
        taken.append(actions)
        visited.append(states)
    taken.append(torch.zeros_like(taken[-1]))  # filler: nothing follows the last state
    observations = world.observe(torch.stack(visited, 1).flatten(0, 1))  # (E * (length + 1), obs)
    ends = torch.arange(1, episodes + 1, device=observations.device) * (length + 1)
    return Trajectories(observations, torch.stack(taken, 1).flatten(0, 1), ends)
