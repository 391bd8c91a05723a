"""A sparse task for a high level whose actions are skills: Q-learning in a table, for many learners at once."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from saw_edu.course.ch13.skills import start_of
from saw_edu.envs import PointMaze
from saw_edu.hierarchy.diayn import COMPASS, Skills

GOAL_CELLS = {
    "near": ((4, 4), (1, 4), (4, 1)),  # corners of the room in which learners start
    "far": ((2, 8), (8, 2), (8, 8)),  # the middle of each other room
}
HOLD = 5  # steps for which a skill is kept, and for which a flat explorer keeps a random action
DISCOUNT = 0.98  # per step
EXPLORE = 0.2  # how often a choice is random
LEARNING_RATE = 0.3
LEARNERS = 20  # for each goal
STEPS = 50  # of an episode
Act = Callable[[Tensor, Tensor, torch.Generator], Tensor]  # states (B, 2), choices (B,) -> action indices (B,)
Target = Callable[[Tensor, Tensor, Tensor, Tensor, float], Tensor]


def option_target(rewards: Tensor, lengths: Tensor, next_values: Tensor, done: Tensor, discount: float) -> Tensor:
    """What a choice kept for several steps should be worth: Σ_i γ^i r_i + γ^n (1 - done) max_o Q(s', o).

    Args:
        rewards: (B, k) of each step, 0 after the last.
        lengths: (B,) n, steps that the choice was kept.
        next_values: (B, O) Q of each choice in the state after.
        done: (B,) bool, whether the episode ended there.
        discount: γ per step.
    """
    powers = discount ** torch.arange(rewards.shape[1])
    ahead = discount**lengths * next_values.max(-1).values
    return (rewards * powers).sum(-1) + torch.where(done, 0.0, ahead)


def learn_task(
    world: PointMaze,
    skills: Skills | None,
    goals: str,
    episodes: int,
    generator: torch.Generator,
    target: Target = option_target,
) -> Tensor:
    """Whether each learner reaches its goal, episode by episode: (episodes, learners) bool, explorations included.

    The reward is 1 on reaching the goal's cell, which ends the episode, and 0 otherwise. A learner sees its cell.

    Args:
        world: four rooms.
        skills: the choices, each kept for HOLD steps; None: the nine compass actions, each for one step, where a
            random one is kept for HOLD steps (temporally extended exploration).
        goals: which of GOAL_CELLS, "near" or "far"; LEARNERS learners for each cell.
        episodes: of at most STEPS steps.
        generator: for everything.
        target: what values are moved towards.
    """
    places = world.maze.cell_to_xy(torch.tensor(GOAL_CELLS[goals])).float().repeat_interleave(LEARNERS, 0)  # (B, 2)
    number, choices = len(places), len(COMPASS) if skills is None else skills.number
    each, goal = torch.arange(number), world.index(places)
    table = torch.zeros(number, len(world.maze.free_cells), choices)
    arrived = torch.zeros(episodes, number, dtype=torch.bool)
    for episode in range(episodes):
        states = start_of(world).expand(number, 2)
        done = torch.zeros(number, dtype=torch.bool)
        for _ in range(STEPS // HOLD):
            cells = world.index(states)
            ties = 1e-6 * torch.rand(number, choices, generator=generator)
            best = (table[each, cells] + ties).argmax(-1)
            explore = torch.rand(number, generator=generator) < EXPLORE
            choice = torch.where(explore, torch.randint(choices, (number,), generator=generator), best)
            began, was_done = cells, done
            rewards = torch.zeros(number, HOLD)
            for step in range(HOLD):
                if skills is None and step:  # a flat learner chooses anew, unless it explores
                    again = (table[each, world.index(states)] + ties).argmax(-1)
                    choice = torch.where(explore, choice, again)
                here, before = world.index(states), done
                actions = choice if skills is None else skills.act(states, choice, generator)
                states = torch.where(done[:, None], states, world.step(states, COMPASS[actions]))
                now = world.index(states)
                reached = (now == goal) & ~before
                done = done | reached
                rewards[:, step] = reached.float()
                if skills is None:
                    _update(table, here, choice, rewards[:, step : step + 1], now, done, ~before, target)
            if skills is not None:
                _update(table, began, choice, rewards, world.index(states), done, ~was_done, target)
        arrived[episode] = done
    return arrived


def _update(
    table: Tensor,
    cells: Tensor,
    choice: Tensor,
    rewards: Tensor,
    after: Tensor,
    done: Tensor,
    active: Tensor,
    target: Target,
) -> None:
    """Move Q(cell, choice) of active learners a part of the way to its target, in place."""
    each = torch.arange(len(table))
    lengths = torch.full((len(table),), rewards.shape[1])
    wanted = target(rewards, lengths, table[each, after], done, DISCOUNT)
    change = LEARNING_RATE * (wanted - table[each, cells, choice])
    table[each, cells, choice] += torch.where(active, change, 0.0)
