"""The experiments of chapter 4: which rules are compared, and how success, calls and being stuck are measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from tqdm.auto import tqdm

from saw_edu.course.ch04.levels import (
    OBJECTS,
    PATIENCE,
    SEEDS,
    STUCK,
    Erring,
    FalseAlarms,
    Learned,
    Levels,
    ShouldSwitch,
    Update,
    greedy,
)
from saw_edu.envs import TinyPacking
from saw_edu.envs.packing import expert
from saw_edu.evaluation import seed_interval
from saw_edu.hierarchy.switching import Done
from saw_edu.rollouts import evaluate

EPISODES = 100  # of each seed

Cases = dict[str, Sequence[Levels] | Levels]


def literal(should_switch: ShouldSwitch, rule: str, n: int = 1) -> Levels:
    """Two flawless levels and a detector that knows the truth, with a rule."""
    return Levels(expert.high, expert.low, rule, n, should_switch=should_switch)


def flawless(should_switch: ShouldSwitch, timeout: int = 16) -> Cases:
    """Rules for flawless levels."""
    cases: Cases = {f"every {n}": literal(should_switch, "every", n) for n in (1, 4, 16, 32)}
    cases["done"] = literal(should_switch, "done")
    cases["done or timeout"] = literal(should_switch, "done or timeout", timeout)
    return cases


def erring(should_switch: ShouldSwitch, share: float, timeout: int = 16) -> Cases:
    """The same low level and detector, under a high level that errs in a share of its calls."""
    high = Erring(expert.high, share, torch.Generator().manual_seed(1))
    rules = {"every 1": 1, "every 4": 4, "every 16": 16, "done": 1, "done or timeout": timeout}
    return {
        name: Levels(high, expert.low, name.split()[0] if "every" in name else name, n, should_switch=should_switch)
        for name, n in rules.items()
    }


def with_rule(
    learned: Sequence[Learned],
    should_switch: ShouldSwitch,
    update: Update,
    rule: str,
    n: int = 1,
    detector: str | Done = "done",
) -> list[Levels]:
    """Learned levels of every seed, with a rule, clocks, and a detector: a learned one by its name, or any other."""
    detectors = [getattr(one, detector) if isinstance(detector, str) else detector for one in learned]
    return [
        Levels(one.high, one.low, rule, n, done, should_switch, update)
        for one, done in zip(learned, detectors, strict=True)
    ]


def rules_for(learned: Sequence[Learned], should_switch: ShouldSwitch, update: Update, timeout: int) -> Cases:
    """Rules for learned levels: n, and three detectors, the true one among them, with and without a timeout."""

    def case(rule: str, n: int = 1, detector: str | Done = "done") -> list[Levels]:
        return with_rule(learned, should_switch, update, rule, n, detector)

    return {
        **{f"every {n}": case("every", n) for n in (1, 2, 4, 8, 16, 32)},
        "done": case("done"),
        "done or timeout": case("done or timeout", timeout),
        "true done": case("done", detector=expert.accomplished),
        "true done or timeout": case("done or timeout", timeout, expert.accomplished),
        "moves on": case("done", detector="moves_on"),
    }


def false_alarms(cases: Cases, shares: Sequence[float]) -> Cases:
    """The true detector, the same with false alarms at some shares of the steps, and the learned one."""
    added: Cases = {"true done": cases["true done"]}
    for share in shares:
        alarms = FalseAlarms(expert.accomplished, share, torch.Generator().manual_seed(2))
        added[f"true done, {share:.0%} false alarms"] = [
            Levels(one.high, one.low, "done", 1, alarms, one.should_switch, one.update)
            for one in _each(cases["true done"])
        ]
    return added | {"done": cases["done"]}


def likeliest(cases: Cases, names: Sequence[str]) -> Cases:
    """Some cases with the likeliest answers of both levels instead of drawn ones."""
    return {name: [greedy(one) for one in _each(cases[name])] for name in names}


def _each(policies: Sequence[Levels] | Levels) -> list[Levels]:
    return [policies] if isinstance(policies, Levels) else list(policies)


def in_batches(update: Update, size: int) -> Update:
    """The same function called for so many episodes at a time, as if each batch were rolled out alone."""

    def in_turn(*columns: Tensor) -> tuple[Tensor, Tensor]:
        pieces = [update(*each) for each in zip(*(column.split(size) for column in columns), strict=True)]
        held, age = (torch.cat(piece) for piece in zip(*pieces, strict=True))
        return held, age

    return in_turn


def measure(
    policies: Sequence[Levels] | Levels,
    *,
    slip: float = 0.05,
    patience: int = PATIENCE,
    episodes: int = EPISODES,
) -> pd.DataFrame:
    """Columns seed, success, stuck, calls and steps, the last four as means over a seed's episodes.

    Learned policies, one a seed: all on the same episodes. One policy without any learning: five sets of episodes take
    the place of seeds. Either way seed i has the same starts and missions for every rule: compare seed by seed.

    Args:
        policies: one for each seed, or one.
        slip: of the world.
        patience: steps after which an episode counts as failed.
        episodes: of each seed.
    """
    world, g = TinyPacking(slip=slip), torch.Generator().manual_seed(10_000)
    each = _each(policies)
    total = episodes * len(SEEDS) if isinstance(policies, Levels) else episodes
    starts, goals = world.sample_states(total, g), world.sample_goals(total, OBJECTS, g)
    run = evaluate(each, world, starts, goals, generator=g, keep_trace=True, progress=False, max_steps=patience)
    found, traces = run.episodes, run.memories or []
    rows, last = torch.arange(len(found)), torch.tensor(found["steps"].tolist()) - 1
    calls, age = (torch.cat([getattr(trace, name) for trace in traces]) for name in ("calls", "age"))
    found = found.assign(calls=calls[rows, last].numpy(), age=age[rows, last].numpy())
    found["stuck"] = (1 - found["success"]) * (found["age"] >= STUCK)
    if isinstance(policies, Levels):
        found["seed"] = found["task"] // episodes
    return found.groupby("seed")[["success", "stuck", "calls", "steps"]].mean().reset_index()


def compare(cases: Mapping[str, Sequence[Levels] | Levels], **settings: float) -> pd.DataFrame:
    """`measure` for each case, with its name in a column `case`."""
    tables = [
        measure(policies, **settings).assign(case=name)  # type: ignore[arg-type]
        for name, policies in tqdm(cases.items(), desc="roll-outs")
    ]
    return pd.concat(tables, ignore_index=True)


def paired(table: pd.DataFrame, case: str, other: str, column: str = "success") -> str:
    """Mean of the differences seed by seed, with its 95 % interval, as one line of text."""
    a, b = (table[table["case"] == name].sort_values("seed")[column].to_numpy() for name in (case, other))
    difference = a - b
    if np.ptp(difference) == 0:
        return f"{case} - {other}: {difference.mean():+.2f} in every seed"
    low, high = seed_interval(difference)
    return f"{case} - {other}: {difference.mean():+.2f} [{low:+.2f}, {high:+.2f}]"


def alarm_shares(policies: Sequence[Levels], episodes: int = EPISODES) -> tuple[float, float]:
    """How often detectors say "done" of what is not, in the agents' own roll-outs.

    Returns:
        The share of such steps after the thing that the subgoal needs was lost, and that of all other steps.
    """
    world, g = TinyPacking(), torch.Generator().manual_seed(20_000)
    starts, goals = world.sample_states(episodes, g), world.sample_goals(episodes, OBJECTS, g)
    run = evaluate(policies, world, starts, goals, generator=g, keep_trace=True, progress=False)
    assert run.paths is not None
    assert run.memories is not None
    lengths = torch.tensor(run.episodes["steps"].tolist()).view(len(policies), episodes)
    counts = torch.zeros(2, 2)  # lost or not; alarms and steps
    for policy, path, memory, steps in zip(policies, run.paths, run.memories, lengths, strict=True):
        for t in range(1, int(steps.max())):
            seen, told = world.observe(path[:, t]), memory.held[:, t - 1]
            asked = ~expert.accomplished(seen, told) & (steps > t)
            alarm, lost = policy.done(seen, told), expert.cannot(seen, told)
            for i, which in enumerate((lost & asked, ~lost & asked)):
                counts[i] += torch.stack([(alarm & which).sum(), which.sum()])
    lost_share, other_share = (counts[:, 0] / counts[:, 1]).tolist()
    return lost_share, other_share
