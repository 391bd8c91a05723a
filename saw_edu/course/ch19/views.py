"""Chapter 19's experiment: a small maze, told by numbers or seen in pictures, with crops done right and done wrong."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from tqdm.auto import tqdm

from saw_edu.agents import GCBC, Policy
from saw_edu.data import Batch, HindsightGoals, HindsightSampler, Trajectories
from saw_edu.data.augment import PADDING, crop
from saw_edu.envs import PointMaze, navigate
from saw_edu.rollouts import evaluate
from saw_edu.training import TrainingConfig, train

LAYOUT, STEP_SIZE, PATIENCE = "u-turn", 1.0, 60
EPISODES, LENGTH, NOISE = 40, 50, 0.3
STEPS, BATCH = 500, 64
WAYS = ("states", "states, waves", "pixels", "pixels, crops", "pixels, crops apart", "pixels, no convolutions")
_FEATURES = {"states": "scaled", "states, waves": "fourier"}
Draw = Callable[[int, torch.Generator], Any]


def make_world(way: str) -> PointMaze:
    """The maze, observed as that way does."""
    return PointMaze(LAYOUT, STEP_SIZE, _FEATURES.get(way, "pixels"), max_steps=PATIENCE)


def make_data(way: str, seed: int, episodes: int = EPISODES) -> Trajectories:
    """Walks; those of a seed are the same however they are observed."""
    return navigate(make_world(way), episodes, LENGTH, NOISE, torch.Generator().manual_seed(100 + seed))


def make_agent(way: str) -> GCBC:
    """Goal-conditioned imitation; goals nearby are likelier."""
    near = HindsightGoals(value_goals=(0.0, 1.0, 0.0), policy_geometric=True)
    encoder = "impala_small" if way.startswith("pixels") and "no conv" not in way else None
    return GCBC(policy_hidden_dims=(256,), encoder=encoder, discount=0.9, goals=near)


def flat(data: Trajectories) -> Trajectories:
    """Pictures as rows of numbers from 0 to 1."""
    observations = data.observations.flatten(1).float() / 255
    return Trajectories(observations, data.actions, data.episode_ends)


def draw_for(way: str, data: Trajectories, agent: GCBC) -> Draw | None:
    """How batches are drawn, where it is not the library's own way: goals cropped by offsets of their own."""
    if way != "pixels, crops apart":
        return None
    sampler = HindsightSampler(data, agent.goals, agent.discount, agent.subgoal_steps)

    def draw(num: int, generator: torch.Generator) -> Batch:
        batch = sampler.sample(num, generator)
        offsets = torch.randint(0, 2 * PADDING + 1, (2, num, 2), generator=generator)
        if torch.rand((), generator=generator) < 0.5:
            return batch
        return batch._replace(
            observations=crop(batch.observations, offsets[0]), policy_goals=crop(batch.policy_goals, offsets[1])
        )

    return draw


def train_one(way: str, seed: int, steps: int = STEPS, progress: bool = False) -> Policy:
    """A policy that learned in that way."""
    data, agent = make_data(way, seed), make_agent(way)
    if way == "pixels, no convolutions":
        data = flat(data)
    config = TrainingConfig(
        steps=steps,
        batch_size=BATCH,
        learning_rate=1.5e-3,
        final_learning_rate=1e-4,
        augmentation=0.5 if way == "pixels, crops" else 0.0,
    )
    draw = draw_for(way, data, agent)
    return train(agent, data, config, [seed], draw=draw, progress=progress).policies[0]


def success(policy: Policy, way: str, temperature: float, episodes: int = 60, seed: int = 0) -> float:
    """Success on the maze's tasks and between places drawn at random, with actions drawn at a temperature."""
    world, g = make_world(way), torch.Generator().manual_seed(7)
    starts, goals = world.sample_states(episodes, g), world.sample_states(episodes, g)
    draws = torch.Generator().manual_seed(1000 + seed)
    drawn = Policy(policy.agent, policy.networks, temperature, draws)

    def act(observations: torch.Tensor, goals: torch.Tensor) -> torch.Tensor:
        if way == "pixels, no convolutions":
            observations, goals = (x.flatten(1).float() / 255 for x in (observations, goals))
        return drawn(observations, goals)

    return evaluate([act], world, starts, goals, progress=False).success


def compare(seeds: range, ways: tuple[str, ...] = WAYS, steps: int = STEPS) -> list[dict[str, Any]]:
    """Rows (way, seed, temperature, success)."""
    rows = []
    for seed in seeds:
        for way in tqdm(ways, unit=" policies", desc=f"seed {seed}"):
            policy = train_one(way, seed, steps)
            rows += [
                {"way": way, "seed": seed, "temperature": t, "success": success(policy, way, t, seed=seed)}
                for t in (NOISE, 0.0)
            ]
    return rows
