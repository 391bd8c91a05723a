"""Chapter 12's experiment: one fact in two wordings on a small table, and what hindsight is worth there.

`saw-edu record ch12` records it for five seeds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pandas as pd
import torch
from torch import Tensor

from saw_edu.envs.objects import STATEMENTS, TWIN, Objects, statement
from saw_edu.hierarchy.hal import HALConfig, LowLevel, pick
from saw_edu.place import did_you_mean

SEEDS = 5
ROUNDS, BLOCK = 30, 10  # rounds of training, and those between two measures
TOLD = statement("the red ball is directly above the red box")
ASKED = (TOLD, TWIN[TOLD])  # one fact, in two wordings
OTHERS = tuple(number for number in range(len(STATEMENTS)) if number not in ASKED)
CONFIG = HALConfig(hidden=96, updates=20, batch_size=128, epsilon_decay=0.9)
EPSILON = 0.1  # random pushes in the main measure: as many as in the last data
VARIANTS = {
    "hal": ("newly true (HAL)", {}),
    "any": ("true, old or new", {"relabel": "true"}),
    "diluted": ("as many rows, idle ones as asked", {"relabel": "diluted"}),
    "none": ("no relabelling", {"relabel": "none"}),
    "now": ("newly true, at once only", {"later": 0}),
    "reward": ("reward of the old statement", {"reward_relabelled": False}),
    "mask": ("HAL, no mask at ends", {"mask_ends": False}),
    "now-mask": ("at once only, no mask", {"later": 0, "mask_ends": False}),
}


def make_world() -> Objects:
    """The table: 4 x 4 cells, four objects."""
    return Objects(size=4)


def make_low(variant: str, seed: int) -> LowLevel:
    """A low level that learned nothing yet. Raises ValueError for an unknown variant."""
    if variant not in VARIANTS:
        raise ValueError(f"{variant!r} is none of {', '.join(VARIANTS)}{did_you_mean(variant, VARIANTS)}")
    config = replace(CONFIG, **VARIANTS[variant][1])  # type: ignore[arg-type]
    return LowLevel(make_world(), config, seed=seed, held_out=OTHERS)


def tries(world: Objects, seed: int, each: int = 300) -> tuple[Tensor, Tensor]:
    """States (n, 4) and what is asked for there (n,), false in each: the same for all variants of a seed."""
    states = world.sample_states(2 * each, torch.Generator().manual_seed(10_000 + seed))
    told = torch.tensor(ASKED).repeat(each)
    false = ~world.truths(states).gather(1, told[:, None])[:, 0]
    return states[false], told[false]


def measure(low: LowLevel, seed: int, epsilon: float) -> float:
    """The share of tries that succeed, with that share of random pushes."""
    states, told = tries(low.world, seed)
    return float(low.succeeds(states, told, torch.Generator().manual_seed(seed), epsilon).float().mean())


def curve(variant: str, seed: int, rounds: int = ROUNDS) -> pd.DataFrame:
    """Success as a low level learns: round, success (at EPSILON), greedy, rows in its buffer."""
    low, rows = make_low(variant, seed), []
    for done in range(BLOCK, rounds + 1, BLOCK):
        low.train(BLOCK, progress=False)
        rows.append(
            {
                "variant": variant,
                "seed": seed,
                "round": done,
                "success": measure(low, seed, EPSILON),
                "greedy": measure(low, seed, 0.0),
                "random": measure(low, seed, 1.0),
                "rows": len(low.replay),
            }
        )
    return pd.DataFrame(rows)


class OwnLow(LowLevel):
    """A low level that learns by a reader's three functions; all else, draws included, is the library's.

    Args:
        relabel: (before, after), (N, S) bool each -> (N, S) bool, what each push made true.
        returns: (truths (T + 1, S) bool, discount) -> (T, S).
        target: (rewards (B,), ends (B,), values (B, A), discount) -> (B,).
        seed: of everything.
    """

    def __init__(
        self,
        relabel: Callable[[Tensor, Tensor], Tensor],
        returns: Callable[[Tensor, float], Tensor],
        target: Callable[[Tensor, Tensor, Tensor, float], Tensor],
        *,
        seed: int,
    ) -> None:
        super().__init__(make_world(), CONFIG, seed=seed, held_out=OTHERS)
        self.own_relabel, self.own_returns, self.own_target = relabel, returns, target

    def relabelled(self, truths: Tensor) -> tuple[Tensor, Tensor]:
        """As `hindsight`, by the reader's functions."""
        before, after = truths[:-1], truths[1:]  # (T, B, S)
        new = self.own_relabel(before.flatten(0, 1), after.flatten(0, 1)).view_as(before)
        returns = self.own_returns(truths.flatten(1), self.config.later_discount).view_as(before).float()
        now = pick(new, self.config.immediate, self.generator)
        later = pick((returns > 0) & ~new, self.config.later, self.generator)
        return now | later, returns

    def targets(self, rewards: Tensor, ends: Tensor, value: Tensor) -> Tensor:
        """By the reader's function; double Q-learning chose the push already, so one value is left."""
        return self.own_target(rewards, ends, value[:, None], self.config.discount).float()
