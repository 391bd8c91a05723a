# %% [markdown]
# # Chapter 1 · Long-horizon tasks
#
# **Why does an agent that does nearly every step well still fail at the whole task?**
#
# | | |
# | --- | --- |
# | **You will learn** | three reasons why long tasks are hard, and how to measure each of them; |
# | | when success really falls like $p^K$, and when it does not; |
# | | how to tell an agent that is stuck from one that is slow |
# | **You need** | Python, a little PyTorch (indexing, `torch.where`), logarithms. No reinforcement learning yet |
# | **Time** | 45 minutes to read and solve, under a minute to compute on two cores |
# | **Exercises** | four, 11 points, and one question for thought, 3 points |
#
# Cook focaccia. Drive to Yosemite. Find the bug that makes a training loss explode. Give feedback on an 8-page
# report. Each of these is made of steps that you can do, and yet the whole is hard. The lecture on hierarchy in
# Stanford's CS 224R [1] opens with these examples. In this chapter you take the question to a place where everything
# can be counted: a maze.
#
# Much of the code below draws figures. Read the short functions, and skip the plotting if you like.

# %% tags=["setup"]
import os
from collections.abc import Callable, Hashable, Iterable
from functools import lru_cache

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from torch import Tensor
from tqdm.auto import tqdm

from saw_edu import checks
from saw_edu.data import Trajectories
from saw_edu.envs import GridMaze, navigate
from saw_edu.evaluation import episodes_by_distance, seed_interval, success_by_distance
from saw_edu.hierarchy import StuckDetector
from saw_edu.rollouts import evaluate
from saw_edu.viz import explorer, plot_rollouts, plot_success_by_distance, show, style

# %%
style.use()
FAST = os.environ.get("SAW_EDU_FAST") == "1"  # a short run for automatic tests
SEEDS = range(5)
EPISODES = 100 if FAST else 400  # for each seed and setting
print(f"{'FAST mode: fewer episodes, wider intervals. ' if FAST else ''}{len(SEEDS)} seeds, {EPISODES} episodes each.")

# %% [markdown]
# ## An agent that fails
#
# Meet our agent. It has watched a handful of **demonstrations**: somebody walks through a maze, from one random place
# to another, and takes a random step now and then. The agent learns by counting. For every cell $s$ and every cell
# $g$ that the demonstrator came to *later*, it notes the action that was taken in $s$. Those notes are its **policy**
# $\pi(a \mid s, g)$: to get from $s$ to $g$, do what was done most often. (Treating whatever came later as a goal is
# called *hindsight relabelling*. Chapter 2 is about it.)
#
# The agent has blind spots: pairs $(s, g)$ that no demonstration contains. There it uses a compass and walks towards
# the goal as the crow flies, walls or no walls.

# %%
world = GridMaze("giant", max_steps=100)  # OGBench's largest maze, walked cell by cell
num_cells = len(world.maze.free_cells)
print(world)


def hindsight_counts(demonstrations: Trajectories) -> Tensor:
    """How often each action was taken in s on the way to g: (cells, cells, actions)."""
    episodes = demonstrations.num_episodes
    cells = demonstrations.observations.argmax(-1).view(episodes, -1)  # (E, T + 1), observations are one-hot
    actions = demonstrations.actions.view(episodes, -1)  # (E, T + 1), the last one is filler
    counts = torch.zeros(num_cells * num_cells * 5)
    for t in range(cells.shape[1] - 1):
        later = cells[:, t + 1 :]  # (E, T - t): every later cell is a goal that was reached
        index = (cells[:, t : t + 1] * num_cells + later) * 5 + actions[:, t : t + 1]
        counts.index_add_(0, index.flatten(), torch.ones(index.numel()))
    return counts.view(num_cells, num_cells, 5)


def compass_table() -> Tensor:
    """The action that points straight at the goal, as probabilities (cells, cells, actions)."""
    cells = torch.as_tensor(world.maze.free_cells)
    up, right = (cells[None, :] - cells[:, None]).unbind(-1)  # (cells, cells) each
    vertical, horizontal = torch.where(up > 0, 1, 2), torch.where(right > 0, 4, 3)  # 0 stay, up, down, left, right
    action = torch.where(right.abs() >= up.abs(), horizontal, vertical)
    return torch.nn.functional.one_hot(action, 5).float()


def imitate(seed: int, episodes: int = 10) -> tuple[Tensor, Tensor]:
    """Watch demonstrations: the policy's probabilities (cells, cells, actions) and its blind spots (cells, cells)."""
    generator = torch.Generator().manual_seed(seed)
    counts = hindsight_counts(navigate(world, episodes, length=100, noise=0.3, generator=generator))
    total = counts.sum(-1, keepdim=True)
    return torch.where(total > 0, counts / total.clamp(min=1), compass_table()), total.squeeze(-1) == 0


def act_by(table: Tensor, generator: torch.Generator | None = None) -> Callable[[Tensor, Tensor], Tensor]:
    """A policy from its table: the most likely action, or one drawn at random where a generator is given."""

    def policy(observations: Tensor, goals: Tensor) -> Tensor:
        chances = table[observations.argmax(-1), goals.argmax(-1)]  # (B, actions)
        if generator is None:
            return chances.argmax(-1)
        return torch.multinomial(chances, 1, generator=generator).squeeze(1)

    return policy


# one agent for each seed: other demonstrations, another policy
tables, blind_spots = zip(*[imitate(seed) for seed in SEEDS], strict=True)
print(f"Blind spots: {torch.stack(blind_spots).double().mean():.0%} of all pairs (s, g).")

# %% [markdown]
# Now let it loose: near goals, far goals, with 100 steps for each. The two pictures on the left are *chosen* to show
# one success and one failure. The curve on the right is not chosen: it holds every episode of all five agents.

# %% alt="Two roll-outs in a maze, one near goal reached and one far goal missed, and success against distance."
edges = [1, 5, 10, 15, 20, 32]  # bins of distance, in cells
starts, goals = episodes_by_distance(world, edges, EPISODES // 5, torch.Generator().manual_seed(100))
greedy = evaluate([act_by(table) for table in tables], world, starts, goals, keep_paths=True, progress=False)
by_distance = success_by_distance(greedy, edges)

first = greedy.episodes[greedy.episodes.seed == 0].reset_index(drop=True)
near = int(first.index[(first.success == 1) & (first.distance == 4)][0])
far = int(first.index[(first.success == 0) & (first.distance >= 20)][0])

fig, axes = plt.subplots(1, 3, figsize=(13.5, 3.9), width_ratios=[1, 1, 1.1])
for ax, episode, outcome in zip(axes, (near, far), ("reached", "not reached"), strict=False):
    plot_rollouts(ax, world, greedy.paths[0, episode][None], goals[episode][None], legend=False)
    ax.set_title(f"goal {int(first.distance[episode])} cells away: {outcome}")
    ax.set(xlabel="circle: start, star: goal", ylabel="", xticks=[], yticks=[])
axes[2].set_title("all episodes, five agents")
plot_success_by_distance(axes[2], by_distance, label="imitation", color=style.BLUE)
show(
    fig,
    alt="Left: the agent reaches a goal 4 cells away. Middle: on the way to a far goal it stops early and never arrives. "
    "Right: success falls steeply with the distance to the goal.",
)
cells_seen = len({tuple(cell) for cell in greedy.paths[0, far, -20:].tolist()})
print(
    f"Far goal: in its last 20 steps the agent visits only {cells_seen} different cell{'s' if cells_seen > 1 else ''}."
)
print(f"Success, nearest bin {by_distance['mean'].iloc[0]:.0%}, farthest bin {by_distance['mean'].iloc[-1]:.0%}.")

# %% [markdown]
# The agent copes with most near goals and with hardly any far one, though a far goal is nothing but near goals one
# after another. The band is a 95 % interval over the five agents. The lecture names three reasons why long tasks are
# hard [1]:
#
# 1. there is a **very large number of states** to visit;
# 2. there are many **chances to make a mistake**;
# 3. there are many **ways to get stuck**.
#
# We take them one at a time: first the idea, then a measurement that could prove it wrong.

# %% [markdown]
# ## Reason 1 · Very many states
#
# A *state* is all that matters for what happens next. In a maze that is the cell. But long tasks have **memory**: a
# cook who has salted the dough is in another state than one who has not, though both stand in the same kitchen. Let
# an errand be an item to pick up. With $K$ items, the state is the cell *and* the set of items in hand, so that there
# are up to
#
# $$ |\mathcal{S}| = F \cdot 2^K $$
#
# states, where $F$ is the number of free cells. How many of them can the agent be in after $t$ steps? Count them.

# %% [markdown]
# ### Exercise 1 · Count reachable states
# *3 points · easy to medium · 10 minutes*
#
# Write `count_reachable(start, successors, horizon)`. `successors(state)` gives the states that one step can lead to.
# Return a list of `horizon + 1` whole numbers: entry $t$ is the number of **different** states the agent can have
# visited after **at most** $t$ steps, the start included. The maze, the items and everything else hide behind
# `successors`, so the same function counts any world.
#
# <details><summary>Hint 1: a question</summary>
#
# On a corridor of cells 0 – 1 – 2 – 3 you start in 0. Which states are new at step 1, at step 2? From which states
# can a *new* state at step 3 be reached, and from which can it not?
# </details>
# <details><summary>Hint 2: a nudge</summary>
#
# Keep two sets: all states seen so far, and the *frontier*, the states that were new in the last step. Only the
# frontier can lead to something new. This is breadth-first search, one layer at a time.
# </details>
# <details><summary>Hint 3: almost the answer</summary>
#
# Repeat `horizon` times: `frontier = {after for state in frontier for after in successors(state)} - seen`, then add
# the frontier to `seen`, and append `len(seen)` to the list, which began as `[1]`.
# </details>


# %% exercise="count-reachable"
def count_reachable(start: Hashable, successors: Callable[[Hashable], Iterable[Hashable]], horizon: int) -> list[int]:
    """Count the different states that can be visited within t steps, for t = 0 ... horizon.

    Args:
        start: the state at t = 0. States are hashable: they can be members of a set.
        successors: gives, for a state, the states that one step can lead to.
        horizon: how many steps to look ahead.

    Returns:
        horizon + 1 whole numbers, the first of them 1 (the start itself).
    """
    ### BEGIN SOLUTION
    seen, frontier, counts = {start}, {start}, [1]
    for _ in range(horizon):
        frontier = {after for state in frontier for after in successors(state)} - seen
        seen |= frontier
        counts.append(len(seen))
    return counts
    ### END SOLUTION


# %% check="count-reachable" points=3
checks.ch01.count_reachable(count_reachable)
### BEGIN HIDDEN TESTS
from saw_edu.classroom import hidden

hidden("ch01").count_reachable(count_reachable)
### END HIDDEN TESTS

# %% [markdown]
# ### Experiment: what the demonstrations do not show
#
# Two questions. How does the number of reachable states grow with the horizon? And does it matter to an agent that
# learns from a fixed number of demonstrations?
#
# For the second one, a demonstrator collects $K$ items, 100 times. Then it does so once more, and we ask: does it now
# meet a state that is in **none** of the 100 demonstrations? There an imitator has nothing to imitate. We compare
# items in **any order** (a new random order each time) with the same items in one **fixed order**.
#
# **What we expect.** A single maze fills up and stays full. Each item at most doubles the count, so two more items
# should lift the curve by up to a factor of four. In any order, the demonstrations see a shrinking share of the
# states, so unseen ones should become common. In a fixed order only about $K + 1$ sets of items ever occur, not
# $2^K$, so the curve should rise far less.

# %%
slippery = GridMaze("giant", slip=0.1)  # now and then a step goes elsewhere, so that no two demonstrations are equal


def errand_successors(items: Tensor) -> Callable[[Hashable], Iterable[Hashable]]:
    """States are (cell's index, items in hand as a bit mask); entering an item's cell picks it up."""
    item_at = {int(index): 1 << i for i, index in enumerate(world.index(items))} if len(items) else {}
    neighbours = [[int(n) for n in row if n >= 0] for row in world.maze.neighbours]
    return lambda state: [(n, state[1] | item_at.get(n, 0)) for n in neighbours[state[0]]]


def walk_errands(items: Tensor, orders: Tensor, generator: torch.Generator) -> Tensor:
    """Collect items (K, 2) in the given orders (B, K): the numbers (B, T) of the (cell, items in hand) states visited."""
    picks = torch.zeros(num_cells, dtype=torch.long)
    picks[slippery.index(items)] = 2 ** torch.arange(len(items))
    states = slippery.sample_states(len(orders), generator)
    have, visited = torch.zeros(len(orders), dtype=torch.long), []
    for _ in range(40 * len(items)):
        cell = slippery.index(states)
        have = have | picks[cell]
        visited.append(cell + num_cells * have)
        missing = (have[:, None] & 2**orders) == 0  # (B, K), in the order of collecting
        if not missing.any():
            break
        target = items[orders.gather(1, missing.int().argmax(1, keepdim=True)).squeeze(1)]
        moved = slippery.step(states, slippery.oracle(states, target), generator)
        states = torch.where(missing.any(1, keepdim=True), moved, states)
    return torch.stack(visited, 1)


def share_unseen(num_items: int, any_order: bool, seed: int, demonstrations: int = 100) -> float:
    """Share of new episodes that meet a state which no demonstration contains."""
    generator = torch.Generator().manual_seed(seed)
    items = slippery.sample_states(10 * num_items, generator).unique(dim=0)
    items = items[torch.randperm(len(items), generator=generator)[:num_items]]

    def orders(episodes: int) -> Tensor:
        if any_order:
            return torch.rand(episodes, num_items, generator=generator).argsort(1)
        return torch.arange(num_items).repeat(episodes, 1)

    seen = walk_errands(items, orders(demonstrations), generator).unique()
    new = ~torch.isin(walk_errands(items, orders(EPISODES // 2), generator), seen)
    return float(new.any(1).double().mean())


numbers_of_items = [1, 2, 4, 6, 8]
rows = [
    {"items": k, "any_order": any_order, "seed": seed, "unseen": share_unseen(k, any_order, seed)}
    for k in tqdm(numbers_of_items, desc="items", unit="setting")
    for any_order in (True, False)
    for seed in SEEDS
]
unseen = pd.DataFrame(rows)


# %% alt="States reachable within a horizon for 0 to 8 items, and the share of new episodes with unseen states."
def with_interval(table: pd.DataFrame, by: str, value: str) -> pd.DataFrame:
    """Mean over seeds with its 95 % interval, one row for each value of `by`."""
    grouped = table.groupby(by)[value]
    bounds = np.array([seed_interval(group.to_numpy()) for _, group in grouped])
    return pd.DataFrame(
        {by: list(grouped.groups), "mean": grouped.mean().to_numpy(), "low": bounds[:, 0], "high": bounds[:, 1]}
    )


def plot_interval(ax, table: pd.DataFrame, by: str, **look) -> None:
    """Points joined by a line, with whiskers for the interval."""
    reach = [table["mean"] - table["low"], table["high"] - table["mean"]]
    ax.errorbar(table[by], table["mean"], reach, capsize=3, **look)


item_cells = world.sample_states(200, torch.Generator().manual_seed(1)).unique(dim=0)
item_cells = item_cells[torch.randperm(len(item_cells), generator=torch.Generator().manual_seed(2))[:8]]
first_cell = int(np.setdiff1d(np.arange(num_cells), world.index(item_cells).numpy())[0])
horizon = 250

fig, (left, right) = plt.subplots(1, 2, figsize=(11.5, 4.2))
reachable = {}
for k, color in zip((0, 2, 4, 6, 8), style.PALETTE, strict=False):
    reachable[k] = count_reachable((first_cell, 0), errand_successors(item_cells[:k]), horizon)
    left.plot(reachable[k], color=color)
    left.annotate(
        f"K = {k}", (horizon, reachable[k][-1]), xytext=(4, 0), textcoords="offset points", va="center", color=color
    )
left.set(yscale="log", xlabel="horizon (steps)", ylabel="different states reachable", xlim=(0, horizon * 1.17))
for any_order, label, color, marker in (
    (True, "any order", style.VERMILION, "o"),
    (False, "fixed order", style.BLUE, "s"),
):
    table = with_interval(unseen[unseen.any_order == any_order], "items", "unseen")
    plot_interval(right, table, "items", label=label, color=color, marker=marker)
right.set(xlabel="number of items K", ylabel="new episodes with an unseen state", ylim=(0, 1))
right.yaxis.set_major_formatter("{x:.0%}")
right.legend(title="100 demonstrations")
show(
    fig,
    alt="Left, logarithmic: the reachable states saturate for an empty maze and are many times more with 8 items. Right: "
    "the share of new episodes that meet an unseen state grows with the number of items, much faster in any order.",
)
for k, counts in reachable.items():
    full = next(t for t, count in enumerate(counts) if count == counts[-1])
    print(f"K = {k}: {counts[-1]:>6,} states after {full:>3} steps; F · 2^K = {num_cells * 2**k:>6,}")

# %% [markdown]
# With items, the counts stay below $F \cdot 2^K$ (why? a question for thought below asks you), but they grow with
# every item all the same. The demonstrations do not grow with them. In any order, unseen states become common as $K$
# grows. **Giving the order**, one item after another, takes much of the growth away. Keep that in mind: an agent that
# is told its next subtask needs only the state that matters for this subtask.
#
# An honest word. Meeting an unseen state is not yet failing: a good policy generalises. Ours is a table and cannot.
# The measure says how often generalising is *needed*.

# %% [markdown]
# ## Reason 2 · Many chances of a mistake
#
# Suppose each subtask succeeds with probability $p$, and a task is a chain of $K$ of them, in which one failure
# spoils the whole. If the subtasks' fortunes are **independent**, their probabilities multiply:
#
# $$ P(\text{all } K \text{ succeed}) = p^K = e^{-K \ln (1/p)} \approx e^{-K(1-p)} \quad \text{for } p \text{ near } 1. $$
#
# Success dies exponentially with the length of the task. The next cell says how quickly.

# %%
for p in (0.9, 0.99, 0.999):
    half = np.log(0.5) / np.log(p)
    print(
        f"p = {p:<5}: all of 20 subtasks succeed in {p**20:.0%} of chains; half of the chains survive {half:,.0f} subtasks."
    )

# %% [markdown]
# ### Exercise 2 · How reliable must each subtask be?
# *2 points · easy · 8 minutes*
#
# Turn the formula round. A chain of `subtasks` must succeed with probability `target`. Each subtask may be tried up
# to `tries` times, each try independent of the others, and the agent notices when a try has failed. It succeeds if
# any of its tries does. Return the probability $p$ with which a **single try** must succeed.
#
# <details><summary>Hint 1: a question</summary>
#
# Forget the tries at first. If $q$ is the probability that a *subtask* succeeds and $q^K = \text{target}$, what is
# $q$?
# </details>
# <details><summary>Hint 2: a nudge</summary>
#
# Now one subtask with several tries. It is easier to say when it *fails*: when all of its tries fail. Write $1 - q$
# with $p$ and the number of tries.
# </details>
# <details><summary>Hint 3: almost the answer</summary>
#
# $q = \text{target}^{1/K}$ and $1 - q = (1 - p)^{\text{tries}}$. Solve the second equation for $p$.
# </details>


# %% exercise="required-reliability"
def required_reliability(target: float, subtasks: int, tries: int = 1) -> float:
    """Give the success probability that a single try needs, so that the whole chain succeeds often enough.

    Args:
        target: wanted probability that all subtasks succeed, between 0 and 1.
        subtasks: number of subtasks K in the chain, at least 1.
        tries: how often each subtask may be tried, at least 1.

    Returns:
        A probability.
    """
    ### BEGIN SOLUTION
    each_subtask = target ** (1 / subtasks)
    return 1 - (1 - each_subtask) ** (1 / tries)
    ### END SOLUTION


# %% check="required-reliability" points=2
checks.ch01.required_reliability(required_reliability)
### BEGIN HIDDEN TESTS
from saw_edu.classroom import hidden

hidden("ch01").required_reliability(required_reliability)
### END HIDDEN TESTS

# %%
for tries in (1, 2, 3):
    needed = required_reliability(0.99, 20, tries)
    print(
        f"99 % success with 20 subtasks and {tries} {'try' if tries == 1 else 'tries'} each: a try must succeed with p = {needed:.4f}"
    )

# %% [markdown]
# Look at what a second try does. An agent that **notices** a failed subtask and tries again may be far less reliable
# at each try. That is one of the best reasons to have somebody who watches over the subtasks, and chapter 4 builds
# one.
#
# ### Experiment: is it really $p^K$?
#
# The formula rests on independence, which is an assumption. So we measure. A subtask is: walk to a random cell of the
# maze within a **patience** of 40 steps. The controller is perfect, but the floor is slippery: with probability
# `slip` a step goes in a random direction. A task is a chain of $K$ such subtasks, each starting where the last one
# ended. Two worlds:
#
# - **steady**: the floor is equally slippery for everyone, `slip` = 0.5;
# - **hidden weather**: each episode has either a dry floor (0.2) or an icy one (0.6), half of them each, and keeps it
#   to the end. Nobody is told which.
#
# **What we expect.** The two have about the same $p$ for one subtask. In the steady world each subtask has fresh
# luck, so measured success should lie on $p^K$. With hidden weather it should lie *above*: subtasks of one episode
# share their fate, and whoever survived three of them probably has a dry floor.

# %%
CHAIN_LENGTHS = [1, 2, 4, 8, 16]
PATIENCE = 40  # steps for each subtask
WORLDS = {"steady": [0.5], "hidden weather": [0.2, 0.6]}  # slips; the episodes are shared out among them evenly


def completed(slip: float, subtasks: int, episodes: int, generator: torch.Generator) -> Tensor:
    """How many subtasks each chain completes before its first failure: (episodes,), at most `subtasks`."""
    floor = GridMaze("giant", slip=slip)
    states = floor.sample_states(episodes, generator)
    alive, count = torch.ones(episodes, dtype=torch.bool), torch.zeros(episodes, dtype=torch.long)
    for _ in range(subtasks):
        target = floor.sample_states(episodes, generator)
        for _ in range(PATIENCE):  # the oracle stays at a target that is reached, but may slip off: so stop there
            there = floor.reached(states, target)[:, None]
            states = torch.where(there, states, floor.step(states, floor.oracle(states, target), generator))
        alive &= floor.reached(states, target)
        count += alive
    return count


chain_rows = []
with tqdm(total=len(SEEDS) * len(CHAIN_LENGTHS), desc="chains", unit="run") as bar:
    for seed in SEEDS:
        generator = torch.Generator().manual_seed(seed)
        for k in CHAIN_LENGTHS:  # fresh chains for each length: the figure's points are independent of one another
            for name, slips in WORLDS.items():
                counts = torch.cat([completed(slip, k, EPISODES // len(slips), generator) for slip in slips])
                chain_rows += [{"world": name, "seed": seed, "length": k, "completed": int(c)} for c in counts]
            bar.update()
chains = pd.DataFrame(chain_rows).assign(success=lambda t: (t.completed == t.length).astype(float))

# %% alt="Measured success of chains against their length beside p to the K, and success of survivors by subtask."
per_seed = chains.groupby(["world", "length", "seed"], as_index=False)["success"].mean()
longest = chains[chains.length == max(CHAIN_LENGTHS)]
survivor_rows = [
    {
        "world": name,
        "seed": seed,
        "subtask": i,
        "success": float((group.completed[group.completed >= i - 1] >= i).mean()),
    }
    for (name, seed), group in longest.groupby(["world", "seed"])
    for i in range(1, 11)
    if (group.completed >= i - 1).sum() >= 5  # too few survivors say nothing
]
survivors = pd.DataFrame(survivor_rows)

fig, (left, right) = plt.subplots(1, 2, figsize=(11.5, 4.3))
single = {}
for name, color, marker in (("steady", style.BLUE, "s"), ("hidden weather", style.VERMILION, "o")):
    table = with_interval(per_seed[per_seed.world == name], "length", "success")
    single[name] = float(table["mean"].iloc[0])
    lengths = np.arange(1, 17)
    left.plot(lengths, single[name] ** lengths, ls=":", color=color, label=f"{name}: $p^K$, p = {single[name]:.3f}")
    plot_interval(
        left,
        table.assign(low=table.low.clip(lower=1e-3)),
        "length",
        ls="",
        marker=marker,
        color=color,
        label=f"{name}: measured",
    )
    chosen = survivors[survivors.world == name]
    enough = chosen.groupby("subtask")["seed"].transform("count") == len(SEEDS)
    plot_interval(
        right, with_interval(chosen[enough], "subtask", "success"), "subtask", marker=marker, color=color, label=name
    )
left.set(
    yscale="log", ylim=(0.008, 1.1), xticks=CHAIN_LENGTHS, xlabel="subtasks in the chain K", ylabel="chains completed"
)
left.yaxis.set_major_formatter("{x:.0%}")
left.legend(fontsize=10, loc="lower left")
right.set(xlabel="which subtask of the chain", ylabel="success of those who got so far", ylim=(0.6, 1.02))
right.yaxis.set_major_formatter("{x:.0%}")
right.legend(loc="lower right")
show(
    fig,
    alt="Left: in the steady world measured success lies on the line of p to the K; with hidden weather it lies far above it "
    "for long chains. Right: among survivors, success per subtask is flat in the steady world and rises with hidden weather.",
)
for name, p in single.items():
    low, high = seed_interval(per_seed[(per_seed.world == name) & (per_seed.length == 16)]["success"].to_numpy())
    print(f"{name:>14}: p = {p:.3f}, so p^16 = {p**16:.3f}; measured for K = 16: between {low:.3f} and {high:.3f}")

# %% [markdown]
# In the steady world the formula fits as well as the intervals can tell. With hidden weather it is far too gloomy for
# long chains: nearly the same $p$ for one subtask, another task altogether.
#
# The right-hand picture is the test to remember. Whatever the dependence, the product of its points is the success of
# the chain. If they all equal $p$, that product is $p^K$: a **flat** line means that the formula holds. A rising line
# says that episodes differ in something that you have not measured: those who got far are those who have it easy.
#
# Why *above*? If an episode has its own $p_i$, the chance of a chain is the average of $p_i^K$, and because $x^K$ is
# convex, the average of powers is at least the power of the average (Jensen's inequality). Dependence can go the
# other way too. If every subtask drains the battery, those who got far fare worse, the line falls, and success lies
# *below* $p^K$. The success rate of one subtask alone says little about the chain.

# %% [markdown]
# ### Exercise 3 · Fit p
# *3 points · medium · 15 minutes*
#
# You are given results of chains of several lengths: `successes[i]` of `episodes[i]` chains of length `subtasks[i]`
# were completed. Find the **maximum-likelihood** $p$ of the model "each subtask succeeds independently with
# probability $p$". The log-likelihood is
#
# $$ \ell(p) = \sum_i \Big[ n_i \ln p^{K_i} + (N_i - n_i) \ln \big(1 - p^{K_i}\big) \Big] $$
#
# with $n_i$ successes among $N_i$ episodes. There is no closed form. Evaluate $\ell$ on the grid 0.001, 0.002, …,
# 0.999 and return the best $p$.
#
# Why not draw a line through $\ln(n_i / N_i)$, whose slope would be $\ln p$? Because it weighs a rate from 4 episodes
# like one from 400, and because some chains may never succeed.
#
# <details><summary>Hint 1: a question</summary>
#
# What is the probability that a chain of length $K$ *fails*? It is not $(1-p)^K$. Which event would that be?
# </details>
# <details><summary>Hint 2: a nudge</summary>
#
# Let `p` be the grid, shape `(G, 1)`, and the data have shape `(N,)`. Then `p**subtasks` has shape `(G, N)`: one row
# for each candidate. Sum over the data, take the argmax over the candidates.
# </details>
# <details><summary>Hint 3: almost the answer</summary>
#
# ```python
# p = torch.linspace(0.001, 0.999, 999, dtype=torch.float64)[:, None]
# chain = p**subtasks
# score = (successes * chain.log() + (episodes - successes) * (1 - chain).log()).sum(1)
# ```
# The answer is `p[score.argmax(), 0]`, as a float.
# </details>


# %% exercise="fit-p"
def fit_p(subtasks: Tensor, successes: Tensor, episodes: Tensor) -> float:
    """Find the maximum-likelihood success probability of one subtask, from whole chains.

    Args:
        subtasks: (N,) lengths K of the chains, whole numbers.
        successes: (N,) how many chains of each length were completed.
        episodes: (N,) how many chains of each length were tried.

    Returns:
        p on the grid 0.001, 0.002, ..., 0.999.
    """
    ### BEGIN SOLUTION
    p = torch.linspace(0.001, 0.999, 999, dtype=torch.float64)[:, None]  # (G, 1)
    chain = p**subtasks  # (G, N)
    score = successes * chain.log() + (episodes - successes) * (1 - chain).log()  # (G, N)
    return float(p[score.sum(1).argmax(), 0])
    ### END SOLUTION


# %% check="fit-p" points=3
checks.ch01.fit_p(fit_p)
### BEGIN HIDDEN TESTS
from saw_edu.classroom import hidden

hidden("ch01").fit_p(fit_p)
### END HIDDEN TESTS

# %% [markdown]
# A fit is worth what it predicts. We fit $p$ to the short chains (K = 1, 2, 4) and predict the long ones.
#
# **What we expect.** A good prediction in the steady world; one that is too low with hidden weather.

# %%
predictions = []
for name in WORLDS:
    data = chains[chains.world == name].groupby("length")["success"].agg(["sum", "count"])
    short = data[data.index <= 4]
    p = fit_p(*(torch.as_tensor(np.array(column)) for column in (short.index, short["sum"], short["count"])))
    for k in (8, 16):
        rates = per_seed[(per_seed.world == name) & (per_seed.length == k)]["success"].to_numpy()
        low, high = seed_interval(rates)
        predictions.append(
            {
                "world": name,
                "fitted p": p,
                "K": k,
                "predicted": p**k,
                "measured": rates.mean(),
                "low": max(low, 0),
                "high": high,
            }
        )
pd.DataFrame(predictions).round(3)

# %% [markdown]
# ### Try it: slip, patience and hidden weather
#
# Here nothing is sampled: the chances are computed exactly. Let $R_{sg}$ be the chance of getting from cell $s$ to
# cell $g$ within the patience. Then the chance of a chain of $K$ random targets, started in each cell, is $(R/F)^K
# \mathbf{1}$. With `weather`, half of the episodes get `slip` + `weather` and the others `slip` − `weather` (but
# never less than 0).
#
# First set `weather` to 0: the two lines nearly fall together. Move `slip` and `patience`, and watch how little it
# takes to ruin a long chain. Then raise `weather` again. From which length on do the lines part?

# %% alt="Exact success of a chain against its length, beside p to the K, for chosen slip, patience and weather."
MOST_PATIENCE = 80


@lru_cache(maxsize=64)
def reach_chances(slip: float) -> list[Tensor]:
    """For each patience 0 ... MOST_PATIENCE, the chance R (cells, cells) of getting from s to g in time."""
    floor = GridMaze("giant", slip=slip)
    cells = torch.as_tensor(floor.maze.free_cells)
    here, goal = (x.flatten() for x in torch.meshgrid(torch.arange(num_cells), torch.arange(num_cells), indexing="ij"))
    actions = floor.oracle(cells[here], cells[goal]).view(num_cells, num_cells)  # [s, g]
    moves = (
        floor.transitions().float()[torch.arange(num_cells)[:, None], actions].transpose(0, 1).contiguous()
    )  # [g, s, s']
    reached = torch.eye(num_cells)  # [g, s]: the chance so far
    chances = [reached.T.double()]
    for _ in range(MOST_PATIENCE):
        reached = torch.bmm(moves, reached[:, :, None]).squeeze(2)
        reached.fill_diagonal_(1.0)
        chances.append(reached.T.double())
    return chances


def exact_success(slip: float, patience: int, longest: int = 16) -> np.ndarray:
    """Exact chance of completing chains of K = 1 ... longest random targets."""
    step = reach_chances(round(slip, 2))[patience] / num_cells
    chance, successes = torch.ones(num_cells, dtype=torch.float64), []
    for _ in range(longest):
        chance = step @ chance
        successes.append(float(chance.mean()))
    return np.array(successes)


def draw(ax, slip: float, patience: int, weather: float) -> None:
    both = [exact_success(min(max(slip + sign * weather, 0), 0.95), patience) for sign in (1, -1)]
    exact, lengths = np.mean(both, 0), np.arange(1, 17)
    ax.plot(lengths, exact[0] ** lengths, ls=":", color=style.GREY, label=f"$p^K$ with p = {exact[0]:.3f}")
    ax.plot(lengths, exact, marker="o", color=style.VERMILION, label="exact")
    ax.set(xlabel="subtasks in the chain K", ylabel="chains completed", ylim=(0, 1.02))
    ax.yaxis.set_major_formatter("{x:.0%}")
    ax.legend()


if not FAST:  # so that the sliders answer at once
    for hundredths in tqdm(range(0, 95, 5), desc="exact chances", unit="slip"):
        reach_chances(hundredths / 100)
explorer(
    draw,
    alt="Success against the number of subtasks for slip {slip}, patience {patience} and weather {weather}: exact values "
    "beside p to the power K, which they leave upwards as the weather grows.",
    slip=(0.0, 0.7, 0.05, 0.4),
    patience=(10, MOST_PATIENCE, 5, PATIENCE),
    weather=(0.0, 0.2, 0.05, 0.2),
)

# %%
comparison = []
for name, slips in WORLDS.items():
    exact = np.mean([exact_success(slip, PATIENCE) for slip in slips], 0)  # K = 1 ... 16
    for k, rates in per_seed[per_seed.world == name].groupby("length")["success"]:
        low, high = seed_interval(rates.to_numpy())
        row = {"world": name, "K": k, "measured": rates.mean(), "low": low, "high": high}
        comparison.append(row | {"exact": exact[k - 1], "p^K": exact[0] ** k})
chances = reach_chances(WORLDS["steady"][0])[PATIENCE]  # (from, to)
correlation = np.corrcoef(chances.mean(1), chances.mean(0))[0, 1]
print(f"Correlation, over cells, between how easy a cell is to leave and to reach in time: {correlation:.2f}")
pd.DataFrame(comparison).round(3)

# %% [markdown]
# The sampled chains and the exact calculation were written separately, and they agree as well as 95 % intervals
# promise: about one row in twenty may miss. Such a second opinion is worth having whenever an experiment allows it.
#
# It also sees more. Compare the last two columns for the steady world and K = 16: the exact chance lies a little
# **above** $p^K$, by an amount that our episodes could not tell from luck. Even here subtasks are not quite
# independent, because each begins where the last one ended. The printed correlation says how: cells that are easy to
# reach in time are good places to start from, so whoever arrived is in a better place than a random one.

# %% [markdown]
# ## Reason 3 · Many ways to get stuck
#
# In the opening picture the agent did not fall off a cliff. It stopped getting anywhere. Suppose the world has no
# chance in it, and neither has the policy: the action depends on the state and the goal alone. Then
#
# > if the agent is in the same state twice, it will repeat what it did in between, for ever.
#
# It has no memory to know that it has been here before, and no luck to do otherwise. In a world with $F$ cells, such
# an agent has either arrived after $F$ steps or never will. Patience does not help. Luck does, a little: an agent
# that *draws* its actions from $\pi(a \mid s, g)$ can leave a loop. It is a strange remedy: being less sure makes it
# better.
#
# Not every failure is of this kind, and each calls for another cure. So first we need to tell them apart.

# %% [markdown]
# ### Exercise 4 · Success, stuck, slow or wandering?
# *3 points · medium · 12 minutes*
#
# You get the trace of one episode: the `cells` visited and, for each, the `distances` (steps of a shortest path) left
# to the goal. Return one of four words. The rules apply in this order:
#
# 1. `"success"`: the goal is reached at some time (a distance of 0);
# 2. `"stuck"`: the last `window` rows of the trace contain at most `few` different cells;
# 3. `"slow"`: it still gets nearer. The smallest distance in the second half of the trace is less than the smallest
#    in the first half. The first half is the first `len(distances) // 2` rows;
# 4. `"wandering"`: anything else.
#
# <details><summary>Hint 1: a question</summary>
#
# An agent that has arrived stays where it is. Which rule would call it stuck, and what keeps that from happening? An
# agent that paces between two cells moves at every step: does your test for "stuck" notice it?
# </details>
# <details><summary>Hint 2: a nudge</summary>
#
# A cell is a row of two numbers. `torch.unique(rows, dim=0)` gives the different rows. `tensor[-window:]` are the
# last ones.
# </details>
# <details><summary>Hint 3: almost the answer</summary>
#
# ```python
# if (distances == 0).any():
#     return "success"
# if len(cells[-window:].unique(dim=0)) <= few:
#     return "stuck"
# half = len(distances) // 2
# ```
# What is left: compare `distances[half:].min()` with `distances[:half].min()`.
# </details>


# %% exercise="classify-trace"
def classify_trace(cells: Tensor, distances: Tensor, window: int = 20, few: int = 3) -> str:
    """Say what became of an episode: "success", "stuck", "slow" or "wandering".

    Args:
        cells: (T + 1, 2) cells visited, rows and columns.
        distances: (T + 1,) shortest-path distance from each to the goal, in cells.
        window: how many rows at the end to look at for "stuck".
        few: so many different cells, or fewer, count as stuck.

    Returns:
        One of the four words.
    """
    ### BEGIN SOLUTION
    if (distances == 0).any():
        return "success"
    if len(cells[-window:].unique(dim=0)) <= few:
        return "stuck"
    half = len(distances) // 2
    return "slow" if distances[half:].min() < distances[:half].min() else "wandering"
    ### END SOLUTION


# %% check="classify-trace" points=3
checks.ch01.classify_trace(classify_trace)
### BEGIN HIDDEN TESTS
from saw_edu.classroom import hidden

hidden("ch01").classify_trace(classify_trace)
### END HIDDEN TESTS

# %% [markdown]
# ### Experiment: how do they fail?
#
# Five agents on the same episodes. The imitators are those of the opening, one for each of five sets of
# demonstrations:
#
# - **compass**: straight towards the goal, learns nothing;
# - **imitation, greedy**: our agent, the most frequent action;
# - **imitation, drawn**: the same table, actions drawn from it;
# - **greedy + detector**: the greedy agent with a watchman. When the last 20 cells hold at most 3 different ones, the
#   watchman takes over and makes 10 random moves;
# - **random**: random moves.
#
# We judge each after 100 steps with your `classify_trace`. A verdict should mean something, so we test it as well:
# all get 400 more steps. A trace that was called stuck and arrives after all was **not** stuck.
#
# **What we expect.** The compass and the greedy agent fail by getting stuck, and no patience frees them. Drawn
# actions and the detector should turn many of these failures into successes. The random agent should wander; where it
# is called stuck, that should be a false alarm.


# %%
def with_detector(policy, generator: torch.Generator) -> StuckDetector:
    """A watchman over a policy, with 10 random moves to free it."""
    return StuckDetector(
        policy,
        place=lambda observations: observations.argmax(-1),
        move=lambda num: torch.randint(1, 5, (num,), generator=generator),
        window=20,
        few=3,
        kick=10,
    )


def generators(offset: int) -> list[torch.Generator]:
    """One generator for each seed."""
    return [torch.Generator().manual_seed(1000 * offset + seed) for seed in SEEDS]


agents = {
    "compass": [act_by(compass_table())],
    "imitation, greedy": [act_by(table) for table in tables],
    "imitation, drawn": [act_by(table, g) for table, g in zip(tables, generators(1), strict=True)],
    "greedy + detector": [with_detector(act_by(table), g) for table, g in zip(tables, generators(2), strict=True)],
    "random": [act_by(torch.full_like(tables[0], 0.25).index_fill(2, torch.tensor(0), 0.0), g) for g in generators(3)],
}
WORDS = ["success", "stuck", "slow", "wandering"]
verdict_rows = []
with tqdm(total=len(agents), desc="agents", unit="agent") as bar:
    for name, policies in agents.items():
        long_run = evaluate(policies, world, starts, goals, max_steps=500, keep_paths=True, progress=False)
        for seed, paths in enumerate(long_run.paths):
            traces = paths[:, :101]  # (episodes, 101, 2): the first 100 steps
            ends = goals[:, None].expand_as(traces)
            distances = world.distances(traces.flatten(0, 1), ends.flatten(0, 1)).view(traces.shape[:2])
            arrived = world.reached(paths[:, -1], goals)
            blind = blind_spots[seed][world.index(traces[:, -1]), world.index(goals)]
            for cells, left, later, unseen_pair in zip(traces, distances, arrived, blind, strict=True):
                verdict = classify_trace(cells, left)
                row = {"agent": name, "seed": seed, "verdict": verdict, "arrives later": bool(later)}
                verdict_rows.append(row | {"blind spot": bool(unseen_pair)})
        bar.update()
verdicts = pd.DataFrame(verdict_rows)

# %% alt="Shares of success, stuck, slow and wandering episodes for five agents, as stacked bars."
shares = pd.crosstab([verdicts.agent, verdicts.seed], verdicts.verdict, normalize="index").reindex(
    columns=WORDS, fill_value=0.0
)
means = shares.groupby("agent").mean().loc[list(agents)]
fig, ax = plt.subplots(figsize=(9.5, 3.9))
start = np.zeros(len(means))
looks = {
    "success": (style.BLUE, ""),
    "stuck": (style.VERMILION, "//"),
    "slow": (style.YELLOW, ".."),
    "wandering": ("#BDBDBD", ""),
}
for word, (color, hatch) in looks.items():
    ax.barh(means.index, means[word], left=start, color=color, hatch=hatch, edgecolor="white", label=word)
    start += means[word].to_numpy()
for row, name in enumerate(means.index):
    rates = shares.loc[name, "success"].to_numpy()
    if len(rates) > 1:
        low, high = seed_interval(rates)
        ax.plot([max(low, 0), min(high, 1)], [row, row], color=style.BLACK, lw=2, marker="|", ms=9)
ax.invert_yaxis()
ax.grid(False, axis="y")
ax.xaxis.set_major_formatter("{x:.0%}")
ax.set(xlabel="episodes, judged after 100 steps (black: 95 % interval of success over seeds)", xlim=(0, 1))
ax.legend(ncols=4, loc="lower center", bbox_to_anchor=(0.5, 1.0))
show(
    fig,
    alt="The compass and the greedy imitator fail by being stuck. With drawn actions, and with a detector that kicks, far "
    "fewer episodes are stuck and more succeed. The random walker mostly wanders or is slow.",
)
failures = verdicts[verdicts.verdict != "success"]
summary = pd.DataFrame(
    {
        "success": means["success"],
        "stuck, of the failures": failures.groupby("agent").verdict.apply(lambda v: (v == "stuck").mean()),
        "slow": failures.groupby("agent").verdict.apply(lambda v: (v == "slow").mean()),
        "wandering": failures.groupby("agent").verdict.apply(lambda v: (v == "wandering").mean()),
        "called stuck: arrive by 500": failures[failures.verdict == "stuck"].groupby("agent")["arrives later"].mean(),
        "slow or wandering: arrive by 500": failures[failures.verdict != "stuck"]
        .groupby("agent")["arrives later"]
        .mean(),
    }
).loc[list(agents)]
at_blind_spot = failures[(failures.agent == "imitation, drawn") & (failures.verdict == "stuck")]["blind spot"].mean()
print(f"imitation, drawn: {at_blind_spot:.0%} of the traces called stuck end in a blind spot.")
summary.map(lambda share: "none" if pd.isna(share) else f"{share:.0%}")

# %% [markdown]
# The two columns on the right test the verdicts. For the compass and the greedy agent "stuck" is final: more time
# frees nobody. For the agent that draws its actions it is *nearly* final, which we did not expect. The line above the
# table says where it stands: in its blind spots. There it follows the compass, and a compass has no luck. Those who
# are slow or wandering mostly arrive. So for these agents the verdicts tell failures apart that need different cures.
#
# For the random walker the verdict means nothing: those called stuck arrive about as often as the others. It can
# never be stuck for ever, but a dead end holds few cells, and it stays in one for a while. The agent with the
# detector is much the same: when it stands still, help is on its way. A detector that looks at the last 20 steps
# cannot tell "for ever" from "for now". A longer window would raise fewer false alarms, and it would notice later.
#
# The detector is the cheapest thing in this chapter: it knows nothing of mazes or goals. It notices that the agent
# does not get on, and shakes it. Compare its bar with the greedy agent's: a good part of the stuck episodes arrive,
# and others now wander. The lecture warns that hierarchies have this problem too: where the agent errs about whether
# its subgoal is done, it easily gets **stuck for ever** [1]. Chapter 4 measures that.

# %% [markdown]
# ## Outlook · Why hierarchy may help
#
# All three reasons grow with the length of the task. So: make tasks short. A **high-level policy** $\pi_{HL}$
# proposes subgoals, a **low-level policy** $\pi_{LL}$ reaches them. The lecture gives four reasons why this may help
# [1]:
#
# 1. it gives a **supervision signal on how** to complete the task (the fixed order of reason 1);
# 2. similar subtasks **share knowledge** more directly;
# 3. in reinforcement learning, the agent **explores** in a space of subgoals, which is structured;
# 4. the two levels may run at **different frequencies**, which meets demands on speed.
#
# Here is a small taste: what would good subgoals be worth to the agent we have? The **same** agent as above, not a
# single count changed, gets a subgoal 3 cells ahead on the way to its goal, a new one at every step. Its
# demonstrations contain far more pairs of near cells than of far ones, so it should do what it is good at.
#
# **What we expect.** No change for near goals, more success for far ones. The subgoals come from a map, so this is
# the **best** high level there can be: an upper bound, not a fair competitor.


# %% alt="Success against distance for the imitator, flat and with subgoals from a map, greedy and with drawn actions."
def with_subgoals(policy, ahead: int = 3):
    """Give the policy a subgoal `ahead` cells further on a shortest path, in place of its goal."""
    next_cell = torch.as_tensor(world.maze.next_cell)

    def act(observations: Tensor, goals: Tensor) -> Tensor:
        goal = goals.argmax(-1)
        subgoal = observations.argmax(-1)
        for _ in range(ahead):
            subgoal = next_cell[subgoal, goal]
        return policy(observations, torch.nn.functional.one_hot(subgoal, num_cells).float())

    return act


def drawn(offset: int) -> list[Callable[[Tensor, Tensor], Tensor]]:
    return [act_by(table, g) for table, g in zip(tables, generators(offset), strict=True)]


contenders = {
    "greedy": ([act_by(table) for table in tables], style.BLUE, "s", ":"),
    "greedy, subgoals": ([with_subgoals(act_by(table)) for table in tables], style.BLUE, "s", "-"),
    "drawn": (drawn(4), style.VERMILION, "o", ":"),
    "drawn, subgoals": ([with_subgoals(policy) for policy in drawn(5)], style.VERMILION, "o", "-"),
}
fig, axes = plt.subplots(1, 2, figsize=(11.5, 4.2), sharey=True)
taste, far_success = {}, {}
for i, (name, (policies, color, marker, line)) in enumerate(contenders.items()):
    result = evaluate(policies, world, starts, goals, progress=False)
    taste[name] = success_by_distance(result, edges)
    far_success[name] = result.episodes[result.episodes.distance >= edges[-2]].groupby("seed")["success"].mean()
    label = "with subgoals 3 cells ahead" if "subgoals" in name else "flat"
    plot_success_by_distance(axes[i // 2], taste[name], label=label, color=color)
    axes[i // 2].lines[-1].set(linestyle=line, marker=marker)
for ax, title in zip(axes, ("greedy", "drawn actions"), strict=True):
    ax.set_title(title)
    ax.legend(loc="lower left")
axes[1].set_ylabel("")
show(
    fig,
    alt="Two panels, greedy and drawn actions. In both, success falls with distance, and the same agent with subgoals from a map "
    "lies above the flat one for far goals; the gain is larger with drawn actions.",
)
for name in ("greedy", "drawn"):
    gains = (far_success[f"{name}, subgoals"] - far_success[name]).to_numpy()  # the same five agents, with and without
    low, high = seed_interval(gains)
    print(
        f"{name}, farthest bin: flat {far_success[name].mean():.0%}, with subgoals "
        f"{far_success[f'{name}, subgoals'].mean():.0%}; gain {gains.mean():+.0%} [{low:+.0%}, {high:+.0%}]"
    )

# %% [markdown]
# With drawn actions subgoals help a good deal, and even so they do not cure everything. The printed gain compares
# each agent with itself: where its interval holds zero, five agents are too few to be sure. The greedy agent still
# gets stuck wherever its notes for a *near* subgoal are wrong, and it needs only one such place on the way. That is
# reason 2 again.
#
# The lecture also asks whether we *really* need two policies: the supervision that makes a hierarchy good could serve
# a flat policy as well. This course ends there: SAW trains a **flat** policy by bootstrapping from
# subgoal-conditioned ones [2].

# %% [markdown]
# ## Questions for thought
#
# Not graded:
# - The number of reachable states stays below $F \cdot 2^K$. Give two reasons. (Which sets of items can you hold
#   while you stand on an item? What does a corridor do?)
# - In the steady world, subtasks are nearly independent, though each begins where the last one ended. Invent a maze
#   where this dependence is strong.
# - Write `errand_successors` for items that can also be put down. Does the number of states change? Does the horizon?

# %% [markdown] question="which-reason" points=3
# ### Graded question · Which reason is it? (3 points)
#
# A robot tidies a kitchen: 12 objects, each to be grasped and put away. One object alone works in 95 % of trials. All
# 12 in a row work in 20 % of trials. A colleague says: "$0.95^{12}$ is 54 %, so the robot must get worse when it is
# tired."
#
# In at most ten sentences: name two different explanations from this chapter for a result *below* $p^K$ (at least one
# of them is about states that a single object does not show). For each, say **which measurement** would support or
# refute it. Then name one change to the system that would help if it is true.
#
# <!-- BEGIN SOLUTION -->
# Several answers are right; one point for each explanation with a measurement that could refute it, one for fitting
# remedies. For example:
#
# *Unseen states (reason 1).* With objects already put away, shelves are full and the table looks different: states
# that trials with one object never visit. Measure the success of each object by its position in the chain: it should
# fall from first to last, and recover when the scene is reset in between. Or measure how far observations late in the
# chain are from the training data. Remedy: demonstrations from the middle of long chains; or subgoals that let the
# low level see what matters for this object.
#
# *Getting stuck or slow on a shared clock (reason 3).* Alone, an object has the whole time limit, and a few failed
# grasps do no harm. In the chain they take the time of the objects that follow. Classify the failed traces: they
# should end at the time limit, stuck or slow at one object, the later ones never attempted. Or double the limit:
# success should rise. Remedy: a detector with a timeout, or skipping the object and coming back.
#
# *A drain.* Something wears out with every object: battery, calibration, a gripper that gets dirty. Measure the
# success of those who got so far, by position, and again after a pause or a recalibration. This is the colleague's
# explanation; it needs this test too.
#
# No point for "some objects are harder" alone: 12 independent objects with a mean of 0.95 share 0.6 of failure
# between them, and their product is smallest when one object takes all of it, which leaves 40 %, not 20 %.
# <!-- END SOLUTION -->

# %% [markdown]
# ## Summary
#
# 1. Long tasks visit very many states: memory of $K$ subtasks multiplies them by up to $2^K$, and demonstrations
#    cover ever less of them.
# 2. Independent subtasks succeed together with $p^K$; a second try that is noticed in time is worth more than a
#    slightly better $p$.
# 3. Independence is an assumption to test: plot the success of those who got so far. Flat means that $p^K$ holds.
# 4. A deterministic agent without memory that sees a state twice is stuck for ever; drawn actions or a detector may
#    free it.
# 5. Short subgoals let the same agent do what it is good at, if somebody proposes good ones. How to learn that is
#    what this course is about.
#
# **Symbols.** $s$ state, $g$ goal, $a$ action, $\pi(a \mid s, g)$ policy, $F$ free cells, $K$ subtasks or items, $t$
# steps, $p$ chance that one subtask succeeds, $n_i$ of $N_i$ chains succeed, $\ell(p)$ log-likelihood, $R_{sg}$
# chance to get from $s$ to $g$ in time, $\pi_{HL}$ and $\pi_{LL}$ high- and low-level policy.
#
# ## References
#
# 1. Stanford CS 224R, *Deep Reinforcement Learning*, lecture "Hierarchy in Imitation and Reinforcement Learning".
#    [cs224r.stanford.edu](https://cs224r.stanford.edu/)
# 2. J. L. Zhou and J. C. Kao, *Flattening Hierarchies with Policy Bootstrapping*, NeurIPS 2025.
#    [arXiv:2505.14975](https://arxiv.org/abs/2505.14975)
#
# ## What comes next
#
# Our agent counted. **Chapter 2, "Learning to reach goals"**, gives it neural networks, a continuous maze and a value
# function, and asks the same question: how far does it get?
