# %% [markdown]
# # 1 · Long-horizon tasks: why the whole is so much harder than its steps
#
# **Why does an agent that does nearly every step well still fail at the whole task?**
#
# | | |
# | --- | --- |
# | **You will learn** | three reasons why long tasks are hard, and how to measure each of them; |
# | | when success really falls like $p^K$, and when it does not; |
# | | to tell an agent that is stuck from one that is slow, and what luck does for it |
# | **You need** | Python, a little PyTorch (indexing, `torch.where`), logarithms. No reinforcement learning yet |
# | **Time** | 65 minutes to read and solve, about a minute to compute |
# | **Exercises** | four, 11 points, and one question for thought, 3 points |
#
# Meet an agent. It has watched somebody walk through a maze, from one random place to another: 10 walks of 100 steps, three in ten of
# them random. Then it was let loose, with 100 steps for each goal. The two pictures are *chosen*, to show a success and a failure. The
# curve is not: it holds every episode of five such agents, each with walks of its own.

# %% tags=["setup", "folded"]
# Imports and settings
import os
from collections.abc import Callable, Hashable, Iterable

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from tqdm.auto import tqdm

from saw_edu import checks
from saw_edu.course.ch01 import chains, figures, traces
from saw_edu.course.ch01.counter import (
    act_by,
    compass,
    generators,
    imitate,
    seen_by_distance,
    with_detector,
    with_subgoals,
)
from saw_edu.course.ch01.errands import errand_successors, place_items, unseen
from saw_edu.envs import GridMaze
from saw_edu.evaluation import episodes_by_distance, seed_interval, success_by_distance
from saw_edu.rollouts import evaluate
from saw_edu.viz import click_explorer, explorer, show, style

style.use()
torch.set_num_threads(1)  # small tensors: more threads only wait for one another
FAST = os.environ.get("SAW_EDU_FAST") == "1"  # a short run for automatic tests
SEEDS = range(5)
EPISODES = 100 if FAST else 400  # for each seed and setting

# %% alt="Two roll-outs in a maze, one near goal reached and one far goal missed, and success against distance."
world = GridMaze("giant", max_steps=100)  # OGBench's largest maze, walked cell by cell
agents = [imitate(world, seed) for seed in SEEDS]
edges = [1, 5, 10, 15, 20, 32]  # bins of distance, in cells
starts, goals = episodes_by_distance(world, edges, EPISODES // 5, torch.Generator().manual_seed(100))
greedy = [act_by(agent.table) for agent in agents]  # always the most frequent action
outcome = evaluate(greedy, world, starts, goals, keep_paths=True, progress=False)
show(
    figures.first_look(world, outcome, goals, edges),
    alt="Left: the agent reaches a goal 4 cells away. Middle: on the way to a far goal it stops early and never arrives. "
    "Right: success falls steeply with the distance to the goal.",
)
by_distance = success_by_distance(outcome, edges)
print(f"Success, nearest bin {by_distance['mean'].iloc[0]:.0%}, farthest bin {by_distance['mean'].iloc[-1]:.0%}.")

# %% [markdown]
# It copes with most near goals and with hardly any far one, though a far goal is nothing but near goals one after another. (The band is
# a 95 % interval over the five agents.) **Write down your guess:** what goes wrong on the way?
#
# The agent learns by counting. For every cell $s$ and every cell $g$ that the walker came to *later*, it notes the action that was taken
# in $s$. Those notes are its **policy** $\pi(a \mid s, g)$: to get from $s$ to $g$, do what was done most often. (Treating whatever came later
# as a goal is *hindsight relabelling*; chapter 2 is about it.) Where it has no notes, in its **blind spots**, it uses a compass and walks
# towards the goal as the crow flies, walls or no walls. All of it is in `saw_edu/course/ch01/counter.py`.
#
# The lecture on hierarchy in Stanford's CS 224R [1] names three reasons why long tasks are hard:
#
# 1. there is a **very large number of states** to visit;
# 2. there are many **chances to make a mistake**;
# 3. there are many **ways to get stuck**.
#
# We take them one at a time: first the idea, then a measurement that could prove it wrong.

# %% [markdown]
# ## 1 · Very many states
#
# A *state* is all that matters for what happens next. In a maze that is the cell. But long tasks have **memory**: a cook who has salted the
# dough is in another state than one who has not, though both stand in the same kitchen. Let a task have $K$ parts, here items to pick up.
# The state is the cell *and* the set of items in hand, so that there are up to
#
# $$ |\mathcal{S}| = F \cdot 2^K $$
#
# states, where $F$ is the number of free cells. How many of them can the agent be in after $t$ steps?
#
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
# Two questions. How does the number of reachable states grow with the horizon? And does it matter to an agent that learns from a fixed
# number of demonstrations? A demonstrator collects $K$ items, 100 times, on a floor where one step in ten slips. Then it does so once more:
# does it now meet a state that is in **none** of the 100 demonstrations? There an imitator has nothing to imitate. We compare items in
# **any order** (a new random one each time) with the same items in one **fixed order**.
#
# **Guess:** by which factor do two more items lift the curve on the left? With $K = 8$, how many of the 256 sets of items are ever in hand
# in any order, and how many in a fixed one?

# %% alt="States reachable within a horizon for 0 to 8 items, and the share of new episodes with unseen states."
items = place_items(world, 8, torch.Generator().manual_seed(1))
first_cell = int(np.setdiff1d(np.arange(len(world.maze.free_cells)), world.index(items).numpy())[0])
reachable = {
    k: count_reachable((first_cell, 0), errand_successors(world, items[:k]), horizon=250)
    for k in tqdm((0, 2, 4, 6, 8), desc="your function", unit=" settings")
}
slippery = GridMaze("giant", slip=0.1)
rows = [
    {"items": k, "any_order": any_order, "seed": seed, **unseen(slippery, k, any_order, seed, new=EPISODES // 2)}
    for k in tqdm((1, 2, 4, 6, 8), desc="demonstrations", unit=" settings")
    for any_order in (True, False)
    for seed in SEEDS
]
found = pd.DataFrame(rows)
show(
    figures.states(reachable, found),
    alt="Left, logarithmic: the reachable states saturate for an empty maze and are many times more with 8 items. Right: "
    "the share of new episodes that meet an unseen state grows with the number of items, much faster in any order.",
)
for k, counts in reachable.items():
    full = next(t for t, count in enumerate(counts) if count == counts[-1])
    print(
        f"K = {k}: {counts[-1]:>6,} states after {full:>3} steps; F · 2^K = {counts[-1] if k == 0 else reachable[0][-1] * 2**k:>6,}"
    )
sets = found[found["items"] == 8].groupby("any_order")["sets"].agg(["min", "max"])
print(
    f"sets of items, K = 8: {sets.loc[True].tolist()} in any order, {sets.loc[False].tolist()} in a fixed one (least and most of five seeds)"
)

# %% [markdown]
# Each item at most doubles the count. The demonstrations do not grow with it: in any order, unseen states become common as $K$ grows.
# **Giving the order** takes much of the growth away, though a fixed order leaves more than $K + 1$ sets: what lies on the way is picked
# up, too. Keep that in mind: an agent that is told its next subtask needs only the state that matters for this subtask.
#
# An honest word. Meeting an unseen state is not yet failing: a good policy generalises. Ours is a table and cannot. The measure says how
# often generalising is *needed*.

# %% [markdown]
# ## 2 · Many chances of a mistake
#
# Suppose each subtask succeeds with probability $p$, and a task is a chain of $K$ of them, in which one failure spoils the whole. If the
# subtasks' fortunes are **independent**, their probabilities multiply:
#
# $$ P(\text{all } K \text{ succeed}) = p^K = e^{-K \ln (1/p)} \approx e^{-K(1-p)} \quad \text{for } p \text{ near } 1. $$
#
# Success dies exponentially with the length of the task. **Guess:** with $p = .99$, how many subtasks do half of the chains survive?

# %%
for p in (0.9, 0.99, 0.999):
    half = np.log(0.5) / np.log(p)
    print(
        f"p = {p:<5}: all of 20 subtasks succeed in {p**20:.0%} of chains; half of the chains survive {half:,.0f} subtasks."
    )

# %% [markdown]
# ### Exercise 2 · How reliable must each subtask be?
# *2 points · easy · 6 minutes*
#
# Turn the formula round. A chain of `subtasks` must succeed with probability `target`. Each subtask may be tried up to `tries` times, each
# try independent of the others, and the agent notices when a try has failed. Return the probability $p$ with which a **single try** must
# succeed.
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
    print(f"99 % success with 20 subtasks, tries for each: {tries}. A try must succeed with p = {needed:.4f}")

# %% [markdown]
# Look at what a second try does. An agent that **notices** a failed subtask and tries again may be far less reliable at each try. That is one
# of the best reasons to have somebody who watches over the subtasks; chapter 4 builds one.
#
# ### Is it really $p^K$?
#
# The formula rests on independence, which is an assumption. So we measure. A subtask is: walk to a random cell within a **patience** of 40
# steps. The controller is perfect, but the floor is slippery: with probability `slip` a step goes in a random direction. Each subtask starts
# where the last one ended. Two worlds have about the same $p$ for one subtask:
#
# - **steady**: the floor is equally slippery for everyone, `slip` = 0.5;
# - **hidden weather**: half of the episodes have a dry floor (0.2), half an icy one (0.6), to their end. Nobody is told.
#
# **Guess:** where does measured success lie in each, on $p^K$, above it or below?

# %% alt="Measured success of chains against their length beside p to the K, and success of survivors by subtask."
results = chains.sample(SEEDS, EPISODES)
per_seed = results.groupby(["world", "length", "seed"], as_index=False)["success"].mean()
show(
    figures.chains(per_seed, chains.survivors(results)),
    alt="Left: in the steady world measured success lies on the line of p to the K; with hidden weather it lies far above it "
    "for long chains. Right: among survivors, success per subtask is flat in the steady world and rises with hidden weather.",
)

# %% [markdown]
# In the steady world the formula fits as well as the intervals can tell. With hidden weather it is far too gloomy for long chains.
#
# The right-hand picture is the test to remember. Whatever the dependence, the product of its points is the success of the chain. A **flat**
# line means that $p^K$ holds. A rising line says that episodes differ in something that you have not measured: those who got far are those
# who have it easy. If episode $e$ has its own $p_e$, the chance of a chain is the average of $p_e^K$, and because $x^K$ is convex, that is at
# least the power of the average (Jensen's inequality). Dependence can go the other way, too: if every subtask drains the battery, the line falls,
# and success lies *below* $p^K$.

# %% [markdown]
# ### Exercise 3 · Fit p
# *3 points · medium · 10 minutes*
#
# You are given results of chains of several lengths: $n_i$ of $N_i$ chains of length $K_i$ were completed. Find the **maximum-likelihood** $p$ of
# the model "each subtask succeeds independently with probability $p$". The log-likelihood is
#
# $$ \ell(p) = \sum_i \Big[ n_i \ln p^{K_i} + (N_i - n_i) \ln \big(1 - p^{K_i}\big) \Big]. $$
#
# There is no closed form. Evaluate $\ell$ on the grid 0.001, 0.002, …, 0.999 and return the best $p$.
#
# Why not draw a line through $\ln(n_i / N_i)$, whose slope would be $\ln p$? Because it weighs a rate from 4 episodes like one from 400, and
# because some chains may never succeed.
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
# A fit is worth what it predicts. Fit $p$ to the short chains (K = 1, 2, 4) and predict the long ones. **Guess:** for which world is the
# prediction good, and how is it wrong for the other? (`exact` is computed without any sampling: see below.)

# %%
predictions = []
for name, slips in chains.WORLDS.items():
    data = results[results["world"] == name].groupby("length")["success"].agg(["sum", "count"])
    short = data[data.index <= 4]
    p = fit_p(*(torch.as_tensor(np.array(column)) for column in (short.index, short["sum"], short["count"])))
    exact = chains.exact_in(slips)  # for K = 1 ... 16
    for k in (8, 16):
        rates = per_seed[(per_seed["world"] == name) & (per_seed["length"] == k)]["success"].to_numpy()
        low, high = seed_interval(rates)
        row = {"world": name, "fitted p": p, "K": k, "predicted": p**k, "measured": rates.mean()}
        predictions.append(row | {"low": max(low, 0), "high": high, "exact": exact[k - 1]})
pd.DataFrame(predictions).round(3)

# %% [markdown]
# ### Try it: slip, patience and hidden weather
#
# Here nothing is sampled. Let $R_{sg}$ be the chance of getting from cell $s$ to cell $g$ within the patience. Then the chance of a chain of $K$
# random targets, started in each cell, is $(R/F)^K \mathbf{1}$. With `weather`, half of the episodes get `slip` + `weather` and the others `slip` −
# `weather`. Set it to 0 first: the two lines nearly fall together. See how little it takes to ruin a long chain. Then raise `weather` again.
# From which length on do the lines part?

# %% alt="Exact success of a chain against its length, beside p to the K, for chosen slip, patience and weather."
if not FAST:  # so that the sliders answer at once
    for hundredths in tqdm(range(0, 95, 5), desc="exact chances", unit="slip"):
        chains.reach_chances(hundredths / 100)
sliders = explorer(
    figures.exact_chain,
    alt="Success against the number of subtasks for slip {slip:.2f}, patience {patience} and weather {weather:.2f}: exact values "
    "beside p to the power K, which they leave upwards as the weather grows.",
    slip=(0.0, 0.7, 0.05, 0.4),
    patience=(10, chains.MOST_PATIENCE, 5, chains.PATIENCE),
    weather=(0.0, 0.2, 0.05, 0.2),
)

# %% [markdown]
# ## 3 · Many ways to get stuck
#
# In the opening picture the agent did not fall off a cliff. It stopped getting anywhere. Suppose the world has no chance in it, and neither has
# the policy: the action depends on the state and the goal alone. Then
#
# > if the agent is in the same state twice, it will repeat what it did in between, for ever.
#
# It has no memory to know that it has been here before, and no luck to do otherwise. In a world with $F$ cells, such an agent has either arrived
# after $F$ steps or never will. But a policy $\pi(a \mid s, g)$ is a *distribution*. An agent may take its most likely action (**greedy**), or
# **draw** from it, and then it can leave a loop. It is a strange remedy: being less sure makes it better.
#
# Not every failure is of this kind, and each calls for another cure. So first tell them apart.
#
# ### Exercise 4 · Success, stuck, slow or wandering?
# *3 points · medium · 10 minutes*
#
# You get the trace of one episode: the `cells` visited and, for each, the `distances` (steps of a shortest path) left to the goal. Return one of
# four words. The rules apply in this order:
#
# 1. `"success"`: the goal is reached at some time (a distance of 0);
# 2. `"stuck"`: the last `window` rows of the trace contain at most `few` different cells;
# 3. `"slow"`: it still gets nearer. The smallest distance in the second half of the trace is less than the smallest in the first half. The first
#    half is the first `len(distances) // 2` rows;
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
# ### How do they fail?
#
# Five agents on the same episodes:
#
# - **compass**: straight towards the goal, learns nothing;
# - **imitation, greedy**: our agent, the most frequent action;
# - **imitation, drawn**: the same table, actions drawn from it;
# - **greedy + detector**: the greedy agent with a watchman. When the last 20 cells hold at most 3 different ones, the watchman takes over and
#   makes 10 random moves;
# - **random**: random moves.
#
# We judge each after 100 steps with your `classify_trace`. A verdict should mean something, so all get 400 more steps: a trace that was called
# stuck and arrives after all was **not** stuck. **Guess:** of the greedy agent's failures, what share is stuck? How many of those does luck, or the
# watchman, turn into successes?

# %% alt="Shares of success, stuck, slow and wandering episodes for five agents, as stacked bars."
contenders = {
    "compass": [act_by(compass(world))],
    "imitation, greedy": greedy,
    "imitation, drawn": [act_by(agent.table, g) for agent, g in zip(agents, generators(SEEDS, 1), strict=True)],
    "greedy + detector": [with_detector(policy, g) for policy, g in zip(greedy, generators(SEEDS, 2), strict=True)],
    "random": [
        act_by(torch.full_like(agents[0].table, 0.25).index_fill(2, torch.tensor(0), 0.0), g)
        for g in generators(SEEDS, 3)
    ],
}
judged = traces.judge(classify_trace, contenders, world, starts, goals, agents)
show(
    figures.verdicts(traces.shares(judged), list(contenders)),
    alt="The compass and the greedy imitator fail by being stuck. With drawn actions, and with a detector that kicks, far "
    "fewer episodes are stuck and more succeed. The random walker mostly wanders or is slow.",
)
for name in ("imitation, drawn", "greedy + detector"):
    share = traces.freed(judged, name, of="imitation, greedy")
    print(f"of the greedy agent's stuck episodes, {name} frees {share:.0%}")
drawn_and_stuck = judged[(judged["agent"] == "imitation, drawn") & (judged["verdict"] == "stuck")]
print(f"imitation, drawn: {drawn_and_stuck['blind'].mean():.0%} of the traces called stuck end in a blind spot")
traces.summary(judged, list(contenders))

# %% [markdown]
# The two columns on the right test the verdicts. For the compass and the greedy agent "stuck" is final: more time frees nobody. **Luck frees a
# stuck agent**: the very same notes reach far more goals when actions are drawn. Where the drawing agent is stuck all the same, it stands in a
# blind spot, follows the compass, and a compass has no luck. Those who are slow or wandering mostly arrive.
#
# For the random walker the verdict means nothing: it can never be stuck for ever, but a dead end holds few cells, and it stays in one for a
# while. A detector that looks at the last 20 steps cannot tell "for ever" from "for now". Still it is the cheapest thing in this chapter: it
# knows nothing of mazes or goals, notices that the agent does not get on, and shakes it. The lecture warns that hierarchies have this problem
# too: where the agent errs about whether its subgoal is done, it easily gets **stuck for ever** [1]. Chapter 4 measures that.
#
# So whether actions are drawn belongs to every result. Chapter 2 asks whether learned networks stall like this table.

# %% [markdown]
# ## 4 · Outlook: why hierarchy may help
#
# All three reasons grow with the length of the task. So: make tasks short. A **high-level policy** $\pi_{HL}$ proposes subgoals, a **low-level
# policy** $\pi_{LL}$ reaches them. The lecture gives four reasons why this may help [1]: it gives a **supervision signal on how** to complete the
# task (the fixed order of section 1); similar subtasks **share knowledge**; in reinforcement learning the agent **explores** in a space of subgoals, which is structured;
# and the two levels may run at **different frequencies**.
#
# A taste: what would subgoals be worth to the agent we have? The **same** agents, not a single count changed, get a subgoal some cells ahead on
# a shortest way to their goal, a new one at every step. It comes from a map, so this is an optimistic high level, not a fair competitor.
# **Guess:** how far ahead should it lie? One cell, five, a dozen?

# %% alt="Success on far goals against how far ahead subgoals lie, greedy and drawn."
far = slice(-(EPISODES // 5), None)  # the episodes of the farthest bin
rows = []
for ahead in tqdm((0, 1, 2, 3, 5, 8, 12), desc="subgoals", unit=" settings"):
    acting = {
        "greedy": greedy,
        "drawn": [act_by(a.table, g) for a, g in zip(agents, generators(SEEDS, 4), strict=True)],
    }
    for name, policies in acting.items():
        guided = [with_subgoals(policy, world, ahead) for policy in policies]
        episodes = evaluate(guided, world, starts[far], goals[far], progress=False).episodes
        by_seed = episodes.groupby("seed", as_index=False)["success"].mean()
        rows.append(by_seed.assign(acts=name, ahead=ahead))
guided_runs = pd.concat(rows)
show(
    figures.subgoals(guided_runs),
    alt="Success on goals 20 cells away or more. With subgoals one cell ahead it is highest and falls as they lie farther ahead, for "
    "drawn actions from far above the agent without subgoals, for greedy ones from much lower.",
)
table = guided_runs.pivot_table(index=["acts", "seed"], columns="ahead", values="success")
for name in ("greedy", "drawn"):
    gains = (table.loc[name][3] - table.loc[name][0]).to_numpy()  # the same agents, with and without
    low, high = seed_interval(gains)
    print(f"{name}, subgoals 3 cells ahead: {gains.mean():+.0%} [{low:+.0%}, {high:+.0%}]")
seen_by_distance(world, agents, edges).round(2)

# %% [markdown]
# The nearer, the better, and far ahead subgoals are worth nothing: this agent does best what it has seen most. The table says why: `times` is how often the demonstrations hold one pair
# $(s, g)$ at that distance, `blind` the share of pairs that they never hold. (The printed gains compare each agent with
# itself; where an interval holds zero, five agents are too few to be sure.) And luck still matters: the greedy agent gets stuck
# wherever its notes for a *near* subgoal are wrong, and it needs only one such place on the way. That is reason 2 again. A high
# level that is learned will err, too, the more often it is asked: chapter 4 finds a balance.
#
# **Click** a cell to put the goal there (or use the arrow keys once the picture has the focus), and find places where the agent is stuck. What
# frees it: luck, the watchman, or subgoals?

# %% alt="Roll-outs of one agent from seven places to a goal that can be clicked."
counter_map = figures.CounterMap(world, agents[0])
clicks = click_explorer(
    counter_map.draw,
    point=counter_map.nearest((36.0, 24.0)),
    nearest=counter_map.nearest,
    step=world.maze.cell_size,
    alt=counter_map.alt,
    figsize=(7.4, 5.0),
    acts=["greedy", "drawn", "greedy + detector"],
    ahead=(0, 12, 1, 0),
)

# %% [markdown]
# The lecture also asks whether we *really* need two policies: the supervision that makes a hierarchy good could serve a flat policy as well. This
# course ends there: SAW trains a **flat** policy by bootstrapping from subgoal-conditioned ones [2].
#
# ## A question for thought (3 points)
#
# A robot tidies a kitchen: 12 objects, each to be grasped and put away. One object alone works in 95 % of trials. All
# 12 in a row work in 20 % of trials. A colleague says: "$0.95^{12}$ is 54 %, so the robot must get worse when it is
# tired."
#
# In at most ten sentences: name two different explanations from this chapter for a result *below* $p^K$ (at least one
# of them is about states that a single object does not show). For each, say **which measurement** would support or
# refute it. Then name one change to the system that would help if it is true.

# %% [markdown] question="which-reason" points=3
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
# 1. Long tasks visit very many states: memory of $K$ subtasks multiplies them by up to $2^K$, and demonstrations cover ever less of them.
# 2. Independent subtasks succeed together with $p^K$; a second try that is noticed in time is worth more than a slightly better $p$.
# 3. Independence is an assumption to test: plot the success of those who got so far. Flat means that $p^K$ holds.
# 4. A deterministic agent without memory that sees a state twice is stuck for ever; drawn actions or a detector may free it.
# 5. Short subgoals let the same agent do what it is good at, if somebody proposes good ones. How to learn that is what this course is about.
#
# **Symbols.** $s$ state, $g$ goal, $a$ action, $\pi(a \mid s, g)$ policy, $F$ free cells, $K$ subtasks, $t$ steps, $p$ chance that one subtask
# succeeds, $n_i$ of $N_i$ chains of length $K_i$ succeed, $\ell(p)$ log-likelihood, $R_{sg}$ chance to get from $s$ to $g$ in time.
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
# Our agent counted. [**Chapter 2 · Learning to reach goals**](02_learning_to_reach_goals.ipynb) gives it neural networks, a continuous maze
# and a value function, and asks the same question: how far does it get? And does luck free it, too?
#
# [all chapters](../README.md) · [chapter 2 →](02_learning_to_reach_goals.ipynb)
