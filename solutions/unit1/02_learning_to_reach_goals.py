# %% [markdown]
# # 2 · Learning to reach goals
#
# > **The question of this chapter.** You own hours of recordings of a point that wanders through a maze, without rewards
# > or labels. Can you learn from them a policy that goes *wherever you ask*? And how far does it get?
#
# | | |
# | --- | --- |
# | **You will learn** | hindsight goals; goal-conditioned imitation, and where it breaks |
# | | a value that measures the way to a goal, by expectile regression; a better policy extracted from it |
# | | the same imitation where the goal is a sentence |
# | **You need** | tensors in PyTorch, the idea of a discounted return. Chapter 1 helps, but is not required |
# | **Time** | 75 minutes to read and solve, about 3 minutes to compute |
# | **Exercises** | five with checks (11 points), one question for thought (3 points) |
#
# Training uses the library's versions of what you write, so you may skip an exercise.

# %% tags=["setup", "folded"]
# imports and settings
import json
import math
import os

import numpy as np
import pandas as pd
import torch
from scipy import stats
from torch import Tensor
from tqdm.auto import tqdm

from saw_edu import checks, datasets
from saw_edu.agents import GCBC, GCIVL
from saw_edu.course.ch02 import babyai, figures
from saw_edu.data import HindsightSampler
from saw_edu.envs import PointMaze, navigate
from saw_edu.evaluation import episodes_by_distance, seed_interval, success_by_distance
from saw_edu.place import asset
from saw_edu.rollouts import evaluate
from saw_edu.training import TrainingConfig, TrainingResult, train
from saw_edu.viz import (
    explorer,
    plot_policy,
    plot_rollouts,
    plot_values,
    show,
    style,
)

torch.set_num_threads(1)  # these networks are so small that more threads only wait for one another
style.use()
FAST = os.environ.get("SAW_EDU_FAST") == "1"
if FAST:
    print("Fast mode (SAW_EDU_FAST=1): the two live trainings take 200 steps instead of 4000, and learn little.")

# %% [markdown]
# ## 1 · Hours of play
#
# The world is a maze seen from above, a layout of the OGBench benchmark [1]. A state is a position $(x, y)$. An action
# $a \in [-1, 1]^2$ pushes the point by up to 1 unit along each axis; a cell is 4 units wide. Agents see the position
# through a few sines and cosines, which help a small network to notice walls.
#
# Our data is **play**: a demonstrator picks some place, walks there on a shortest path with a shaky hand (Gaussian noise
# of standard deviation 0.5 on each action), then picks another place, and so on. The recording holds positions and
# actions only: **which place the demonstrator was heading for is not in it.**

# %%
world = PointMaze("medium", step_size=1.0, features="fourier", max_steps=150)
data = navigate(world, episodes=500, length=200, noise=0.5, generator=torch.Generator().manual_seed(0))
print(data)

# %% [markdown]
# Look at one recording. Then look at one crossing, and collect every action that was ever taken there.

# %%
xy = world.states_of(data.observations)  # (N, 2) positions of all rows
rows = data.start_rows  # (M,) rows that have an action
crossing, actions_there = figures.busiest_crossing(world, data)
mean_action = actions_there.mean(0)
show(
    figures.play(world, data, crossing, actions_there),
    alt="Left: a path that wanders through most of a small maze, with a red square around a crossing. Right: the "
    "actions taken at that crossing point in every direction, and their mean is far shorter than any of them.",
)

# %% [markdown]
# **A first agent, and it fails.** Plain behavioural cloning asks: in this state, which action did the demonstrator
# take? At the crossing the honest answer is "all of them". A policy $\pi(a \mid s)$ that fits a normal distribution to
# those actions has their mean as its best action:

# %%
print(f"mean action at the crossing: ({mean_action[0]:+.2f}, {mean_action[1]:+.2f}), length {mean_action.norm():.2f}")
print(f"mean length of one action there: {actions_there.norm(dim=1).mean():.2f}")

# %% [markdown]
# It dithers. The demonstrator did not: each time it was heading *somewhere*. If we knew where, the actions would make
# sense again. So we want a **goal-conditioned policy** $\pi(a \mid s, g)$: tell it the state $s$ and the goal $g$,
# another state, and get an action $a$.
#
# ## 2 · Every trajectory leads somewhere: hindsight
#
# We do not know what the demonstrator *wanted*. We do know what it *reached*. Forty steps after the row $(s_t, a_t)$ it
# stood in $s_{t+40}$, so $a_t$ was part of one way from $s_t$ to $s_{t+40}$. Call $s_{t+40}$ the goal, in
# **hindsight**, and the row demonstrates how to reach it. The same row serves many goals: one for each later state [2, 3,
# 4]. Three kinds are useful, and each agent mixes them with its own shares $(p_\text{cur}, p_\text{traj},
# p_\text{rand})$:
#
# | kind | goal | what it teaches |
# | --- | --- | --- |
# | **current** | $s_t$ itself | what "arrived" looks like |
# | **future** | $s_{t+k}$, $k \ge 1$, in the same episode | ways that were really taken |
# | **random** | any row of the whole data set | goals that this episode never saw |
#
# For a value function, future goals get **geometric** offsets, $P(k) = (1-\gamma)\,\gamma^{k-1}$ for $k = 1, 2,
# \dots$, with mean $1/(1-\gamma)$. An offset that goes too far is cut to the episode's last row. **It must never cross
# into the next episode**: the point did not walk there, it was put there.

# %% [markdown]
# ### Exercise 1 · Draw goals in hindsight
#
# **4 points · ★★☆ · about 15 minutes.** Write `sample_goals`. Episodes lie one after the other in one table of rows,
# and `final_index[i]` is the last row of the episode that row `i` belongs to. All chance must come from the `generator`.
#
# <details><summary>Hint 1: a question</summary>
#
# Draw *all three* kinds of goal for every row, then choose between them. Which one function chooses between two
# tensors, entry by entry? And how many random numbers in $[0, 1)$ does it take to choose one of three kinds?
#
# </details>
# <details><summary>Hint 2: a nudge</summary>
#
# A geometric offset is the number of tries until the first stop, when you stop with chance $1-\gamma$ at each try.
# From $u$ uniform in $[0, 1)$: $k = \lfloor \log(1-u) / \log \gamma \rfloor + 1$. Or let torch do it:
# `torch.empty(n).geometric_(1 - discount, generator=generator)`. `torch.minimum` keeps the goal inside its episode.
#
# </details>
# <details><summary>Hint 3: almost the answer</summary>
#
# ```python
# future = torch.minimum(rows + offsets, final_index[rows])
# anywhere = torch.randint(len(final_index), (len(rows),), generator=generator)
# kind = torch.rand(len(rows), generator=generator)
# # kind < p_current: the row itself; else kind < p_current + p_future: future; else: anywhere
# ```
#
# </details>


# %% exercise="sample-goals"
def sample_goals(
    rows: Tensor,
    final_index: Tensor,
    fractions: tuple[float, float, float],
    discount: float,
    generator: torch.Generator,
) -> Tensor:
    """Draw one hindsight goal for each start row.

    Args:
        rows: (B,) start rows, whole numbers.
        final_index: (N,) for every row of the data, the last row of its episode.
        fractions: shares of current, future and random goals; they sum to 1.
        discount: γ. A future goal lies k >= 1 rows ahead with P(k) = (1 - γ) γ^(k-1). Beyond the
            episode's last row it is that last row. On the last row itself, it is the row.
        generator: the source of all chance.

    Returns:
        (B,) goal rows, whole numbers.
    """
    ### BEGIN SOLUTION
    p_current, p_future, _ = fractions
    final = final_index[rows]
    u = torch.rand(len(rows), generator=generator)
    offsets = (torch.log1p(-u) / math.log(discount)).floor().long() + 1
    future = torch.minimum(rows + offsets, final)
    anywhere = torch.randint(len(final_index), (len(rows),), generator=generator)
    kind = torch.rand(len(rows), generator=generator)
    goals = torch.where(kind < p_current + p_future, future, anywhere)
    return torch.where(kind < p_current, rows, goals)
    ### END SOLUTION


# %% check="sample-goals" points=4
checks.ch02.sample_goals(sample_goals)
### BEGIN HIDDEN TESTS
from saw_edu.classroom import hidden

hidden("ch02").sample_goals(sample_goals)
### END HIDDEN TESTS

# %% [markdown]
# See your goals, all of one start row. Before you run the cell: with $\gamma = .98$, how far ahead is a future goal on
# average, and where do the random ones lie?

# %%
start_row = 30
drawn = sample_goals(
    torch.full((2000,), start_row), data.final_index, (0.2, 0.5, 0.3), 0.98, torch.Generator().manual_seed(0)
)
fig, numbers = figures.goals_drawn(world, data, start_row, drawn, 0.98)
show(
    fig,
    alt="Left: offsets of future goals follow the falling geometric law, with the rest gathered at the end of the "
    "episode. Right: goals of the same episode lie along its path, those of other episodes all over the maze.",
)
print(numbers)

# %% [markdown]
# ## 3 · Goal-conditioned behavioural cloning
#
# With goals in hand, imitation is supervised learning again. **GCBC** maximises the likelihood of the action that was
# taken, given a future state as the goal:
#
# $$\mathcal{L}_\text{GCBC} = -\,
# \mathbb{E}_{(s_t, a_t) \sim \mathcal{D},\; g \sim \text{future}(t)} \big[ \log \pi(a_t \mid s_t, g) \big].$$
#
# Here $\mathcal{D}$ is the data. The policy is a normal distribution of standard deviation 1 around a network's output:
# squared error. GCBC draws its goals *uniformly* over the rest of the episode.
#
# ### Exercise 2 · The loss of GCBC
#
# **1 point · ★☆☆ · about 5 minutes.** `policy(observations, goals)` returns a `torch.distributions` object. Return the
# loss.
#
# <details><summary>Hint 1: a question</summary>
#
# Which method of a distribution says how likely an action is? Training *minimises*: which sign makes likely actions
# cheap?
#
# </details>
# <details><summary>Hint 2: a nudge</summary>
#
# `log_prob(actions)` gives one number for each row of the batch. The expectation becomes a mean.
#
# </details>
# <details><summary>Hint 3: almost the answer</summary>
#
# Minus the mean of `policy(..., ...).log_prob(...)`. State first, then goal.
#
# </details>


# %% exercise="gcbc-loss"
def gcbc_loss(policy, observations: Tensor, actions: Tensor, goals: Tensor) -> Tensor:
    """Minus the mean log-likelihood of the actions taken.

    Args:
        policy: called as policy(observations, goals); returns a distribution over a batch of actions.
        observations: (B, obs) states s.
        actions: (B, act) actions a that were taken there.
        goals: (B, obs) goals g.

    Returns:
        A scalar, shape ().
    """
    ### BEGIN SOLUTION
    return -policy(observations, goals).log_prob(actions).mean()
    ### END SOLUTION


# %% check="gcbc-loss" points=1
checks.ch02.gcbc_loss(gcbc_loss)
### BEGIN HIDDEN TESTS
from saw_edu.classroom import hidden

hidden("ch02").gcbc_loss(gcbc_loss)
### END HIDDEN TESTS

# %% [markdown]
# Train it, live, with the library's `GCBC`, whose loss is the one you wrote.

# %%
config = TrainingConfig(
    steps=200 if FAST else 4000, batch_size=256, learning_rate=1e-3, final_learning_rate=1e-4, tau=0.02
)
gcbc = GCBC(policy_hidden_dims=(128, 128))
live_gcbc = train(gcbc, data, config, seeds=1)

# %% [markdown]
# **Say what you expect.** The agent saw 100 000 actions of one who knows every shortest path. How often will it reach a
# goal 1 or 2 cells away, within 150 steps? And one 9 to 11 cells away, some 44 steps?

# %%
edges = [1, 3, 6, 9, 12]  # bins of the shortest path: 1-2, 3-5, 6-8 and 9-11 cells
starts, goals = episodes_by_distance(world, edges, 60, torch.Generator().manual_seed(1))
outcome = evaluate(live_gcbc.policies, world, starts, goals, keep_paths=True)
table = success_by_distance(outcome, edges)
for row in table.itertuples():
    print(f"{row.from_:>2}-{row.to - 1:<2} cells: GCBC reaches {row.mean:4.0%} of the goals")

show(
    figures.rollouts(world, outcome, goals, far=180),
    alt="Roll-outs of goal-conditioned behavioural cloning. For near goals some paths arrive and some drift away or "
    "stop; for far goals most paths stall or circle somewhere on the way.",
)

# %% [markdown]
# That is far below what its teacher can do, even next door, and not for lack of data.
#
# ## 4 · The trouble with hindsight: detours become lessons
#
# The demonstrator went on a shortest path to *its* goal. In hindsight we pretend that it was heading for *ours*. The
# point may have passed a state two cells from here eight steps later; or it first ran to the other end of the maze and
# passed it on its way back. Both rows tell GCBC: "for this goal, do this action". The second is a detour, and GCBC
# imitates it all the same, because **which action was taken depended on a goal that is not in the data**.
#
# How good is the advice? The world has an oracle, a controller that follows shortest paths (no agent ever sees it). For
# hindsight pairs $(s_t, a_t, g)$, take the cosine between $a_t$ and the oracle's action towards $g$: 1 is perfect
# advice, 0 none, negative the wrong way. The ceiling is a demonstrator that really *was* heading for $g$, with its shaky
# hand. **Expected:** if hindsight were harmless, both lines would lie on top of each other. If not, hindsight lies well
# below, for near goals too.

# %%
sampler = HindsightSampler(data, gcbc.goals)
noise = torch.Generator().manual_seed(2)
picks = rows[torch.randint(len(rows), (60_000,), generator=noise)]
goal_rows = sampler.sample_goals(picks, noise).policy_goals
s, g, a = xy[picks], xy[goal_rows], data.actions[picks]
distance = world.distances(s, g).numpy()
towards_goal = world.oracle(s, g)


def cosine(x: Tensor, y: Tensor) -> np.ndarray:
    return torch.cosine_similarity(x, y, dim=1).numpy()


advice = cosine(a, towards_goal)
ceiling = cosine(world.perturb(towards_goal, 0.5, noise), towards_goal)
near = np.arange(1, 12)
by_distance = pd.DataFrame({"distance": distance, "advice": advice, "ceiling": ceiling}).groupby("distance").mean()

show(
    figures.advice(by_distance, near),
    alt="The cosine between data actions and the oracle's actions towards hindsight goals lies far below that of a "
    "demonstrator who was heading for the goal, at every distance.",
)
print(f"pairs whose action points away from the goal: {(advice < 0)[distance > 0].mean():.0%} of all hindsight pairs")

# %% [markdown]
# The advice is diluted at every distance, and GCBC averages over good and bad. It needs a way to tell the two apart:
# *did this action bring me closer to the goal?*
#
# ## 5 · A value: how far is it from here?
#
# Give every step that is not yet at the goal a reward of $-1$, and 0 at the goal, where the episode is over. The
# **value** $V(s, g)$ is the discounted sum. When the goal is $d$ steps away,
#
# $$V(s, g) = -\sum_{i=0}^{d-1} \gamma^i = -\frac{1 - \gamma^d}{1 - \gamma}.$$
#
# So $V$ is minus the time to the goal, squeezed by the discount $\gamma$: 0 at the goal, about $-d$ near it, and never
# below $-1/(1-\gamma)$. It obeys a rule that needs one step of data only:
#
# $$V(s, g) = r + \gamma\, m\, V(s', g),$$
#
# with $s'$ the next state, and reward $r = 0$ and mask $m = 0$ if $s$ is the goal, otherwise $r = -1$ and $m = 1$.
# So a value **joins pieces of different trajectories**, which imitation cannot. If one recording goes from A to B and
# another from B to C, the rule carries C's value back through B to A, though nobody ever went from A to C.
#
# From one state $s$ the data goes on to several $s'$, some closer to $g$, some farther away. Regress $V$ on all of them
# with squared error, and you get the *mean*: the value of wandering like the demonstrator. We want the value of going
# *well*. But a maximum over samples would believe every stroke of luck and every error of the network.
#
# ### Between mean and maximum: the expectile
#
# Squared error pulls equally from above and below. Pull harder from above, and the answer moves up:
#
# $$L_\tau(u) = \big|\tau - \mathbb{1}(u < 0)\big|\, u^2, \qquad u = \text{target} - \text{prediction}.$$
#
# The number that minimises its mean is the **expectile** $\tau$ of the targets: at $\tau = .5$ the mean; as
# $\tau \to 1$, the maximum. Implicit Q-learning [5] brought it to offline RL; with goals, and $V$ alone, see [1, 6].
#
# ### Exercise 3 · The expectile loss
#
# **2 points · ★☆☆ · about 8 minutes.** Return the mean of $L_\tau(u)$ over the batch.
#
# <details><summary>Hint 1: a question</summary>
#
# For $\tau = .9$ and $u = 2$, what is $L$? And for $u = -2$? Work it out on paper: one is nine times the other.
#
# </details>
# <details><summary>Hint 2: a nudge</summary>
#
# $|\tau - \mathbb{1}(u < 0)|$ has two possible values, $\tau$ and $1 - \tau$. `torch.where(condition, x, y)` takes
# plain numbers too.
#
# </details>
# <details><summary>Hint 3: almost the answer</summary>
#
# `weights = torch.where(differences >= 0, …, …)`, then the mean of weights times squares.
#
# </details>


# %% exercise="expectile-loss"
def expectile_loss(differences: Tensor, expectile: float) -> Tensor:
    """The mean of |τ - 1(u < 0)| u² over all differences.

    Args:
        differences: (B,) u = target - prediction.
        expectile: τ in (0, 1).

    Returns:
        A scalar, shape (), through which gradients flow.
    """
    ### BEGIN SOLUTION
    weights = torch.where(differences >= 0, expectile, 1 - expectile)
    return (weights * differences.square()).mean()
    ### END SOLUTION


# %% check="expectile-loss" points=2
checks.ch02.expectile_loss(expectile_loss)
### BEGIN HIDDEN TESTS
from saw_edu.classroom import hidden

hidden("ch02").expectile_loss(expectile_loss)
### END HIDDEN TESTS

# %% [markdown]
# **Try your loss on a fork.** From one state, 3 of 10 recordings took the direct way to a goal (about 12 steps), 7 of 10
# a detour (45). Which number $v$ minimises your loss against all the values seen? **Expected:** $\tau = .5$ lands on the
# mean, where no recording is; $\tau = .9$ moves most of the way to the direct ways; $\tau = .99$ goes past their mean,
# and begins to believe the lucky ones.

# %%
chance = torch.Generator().manual_seed(3)
durations = torch.where(torch.arange(500) < 150, 12.0, 45.0) + 3 * torch.randn(500, generator=chance)
seen = -(1 - 0.98 ** durations.clamp(min=1)) / (1 - 0.98)

fits = {}
for expectile in (0.5, 0.7, 0.9, 0.99):
    v = torch.tensor(-20.0, requires_grad=True)
    optimizer = torch.optim.Adam([v], lr=0.2)
    for _ in range(400):
        optimizer.zero_grad()
        expectile_loss(seen - v, expectile).backward()
        optimizer.step()
    fits[expectile] = v.item()

print(f"mean of all {seen.mean():.1f}; mean of the direct ways {seen[:150].mean():.1f}; largest {seen.max():.1f}")
print("expectiles: " + ", ".join(f"τ = {tau}: {v:.1f}" for tau, v in fits.items()))

# %% [markdown]
# An expectile is optimism with a dial. Where the world is random, optimism counts luck as skill; this maze does what it
# is told. The loss of the value, with $\bar V$ a slowly following copy of $V$ (the *target network*):
#
# $$\mathcal{L}_V = \mathbb{E}_{(s, s') \sim \mathcal{D},\; g}
# \Big[ L_\tau\big( r + \gamma\, m\, \bar V(s', g) - V(s, g) \big) \Big],$$
#
# with goals 20 % current, 50 % future with geometric offsets, 30 % random (`saw_edu/agents/objectives.py`, 20 lines).
# **GCIVL** learns this value, and from it a policy (section 6). Train it live.

# %%
gcivl = GCIVL(value_hidden_dims=(128, 128), policy_hidden_dims=(128, 128), discount=0.98, expectile=0.9, alpha=10.0)
live_gcivl = train(gcivl, data, config, seeds=1)

# %% [markdown]
# One seed is an anecdote. Five seeds of each agent were trained with the very settings above by
# `saw-edu record ch02`. All measurements below run live on all five.

# %% tags=["folded"]
# load the recorded seeds, say where they come from, and compare seed 0 with yours
provenance = json.loads(asset("ch02/provenance.json").read_text(encoding="utf-8"))
for name in ("gcbc.pt", "gcivl.pt"):
    made = provenance[name]
    print(
        f"{name}: {made['seeds']} seeds, {made['training']['steps']} steps, {made['date']}, {made['machine']}, ", end=""
    )
    print(f"torch {made['torch']}, commit {made['commit'][:7]}, by `{made['command']}`")
five_gcbc = TrainingResult.load(asset("ch02/gcbc.pt"), gcbc, world.spec)
five_gcivl = TrainingResult.load(asset("ch02/gcivl.pt"), gcivl, world.spec)
if not FAST:
    pairs = zip(live_gcivl.networks[0].parameters(), five_gcivl.networks[0].parameters(), strict=True)
    difference = max((p - q).abs().max() for p, q in pairs)
    print(f"largest difference between your live seed 0 and the recorded one: {difference:.1e}")

# %% [markdown]
# (On another kind of machine, rounding differs, and so does the run.)
#
# **What does the value look like?** No one told the network about walls. **Expected:** $V(s, g)$ over all states $s$ for
# one goal $g$ looks like the true shortest-path distance beside it, and states behind a wall from the goal are *far*.

# %%
centres = torch.tensor(world.maze.cell_to_xy(world.maze.free_cells).copy(), dtype=torch.float32)
F = len(centres)  # free cells
goal_state = centres[-1]  # the corner in the upper right

show(
    figures.values(world, five_gcivl.policies[0], goal_state),
    alt="Two maps of the maze for one goal. The learned value is highest at the goal and falls along the corridors, "
    "much like the true shortest-path distance beside it; it jumps across walls.",
)

# %% [markdown]
# ### Exercise 4 · Does V fall with distance?
#
# **2 points · ★★☆ · about 10 minutes.** A policy will only ever *compare* values, so what counts is their order. Of all
# pairs of states at different distances from the goal, in which fraction has the nearer state the higher value? Write
# `order_agreement`: 1 means that $V$ is monotone in distance, ½ is a coin toss, 0 is upside down.
#
# <details><summary>Hint 1: a question</summary>
#
# What is the shape of `distances[:, None] < distances[None, :]`, and what does its entry $(i, j)$ say?
#
# </details>
# <details><summary>Hint 2: a nudge</summary>
#
# Build two (N, N) tables of True and False: "i is nearer than j", and "i has a higher value than j". Pairs at equal
# distances appear in neither fraction nor total. `&` combines tables, `.sum()` counts.
#
# </details>
# <details><summary>Hint 3: almost the answer</summary>
#
# The count of `nearer & higher`, divided by the count of `nearer`, as a `float`.
#
# </details>


# %% exercise="order-agreement"
def order_agreement(values: Tensor, distances: Tensor) -> float:
    """Of all pairs at different distances, the fraction in which the nearer state has the higher V.

    Args:
        values: (N,) V(s_i, g) of N states for one goal.
        distances: (N,) their shortest-path distances to the goal, in cells.

    Returns:
        A number from 0 to 1.
    """
    ### BEGIN SOLUTION
    nearer = distances[:, None] < distances[None, :]  # (N, N)
    higher = values[:, None] > values[None, :]  # (N, N)
    return float((nearer & higher).sum() / nearer.sum())
    ### END SOLUTION


# %% check="order-agreement" points=2
checks.ch02.order_agreement(order_agreement)
### BEGIN HIDDEN TESTS
from saw_edu.classroom import hidden

hidden("ch02").order_agreement(order_agreement)
### END HIDDEN TESTS

# %% [markdown]
# Now measure: all five seeds, every free cell as the goal. Beside your fraction stands Spearman's rank correlation, the
# usual figure; as a control, the same for straight-line closeness, which knows nothing of walls. **Expected:** above .95
# for $V$. The picture puts $V$ against distance, with the formula of section 5.

# %%
all_states, all_goals = centres.repeat(F, 1), centres.repeat_interleave(F, 0)  # (F * F, 2): for each goal all states
all_distances = world.distances(all_states, all_goals).reshape(F, F)
all_observations, goal_observations = world.observe(all_states), world.observe(all_goals)
all_values = [p.value(all_observations, goal_observations).reshape(F, F) for p in five_gcivl.policies]
crow = -(all_states - all_goals).norm(dim=1).reshape(F, F)


def agreement_and_rank_correlation(values: Tensor) -> tuple[float, float]:
    per_goal = [order_agreement(v, d) for v, d in zip(values, all_distances, strict=True)]
    ranks = [stats.spearmanr(v, -d).statistic for v, d in zip(values, all_distances, strict=True)]
    return float(np.mean(per_goal)), float(np.mean(ranks))


measured = {f"V, seed {seed}": agreement_and_rank_correlation(values) for seed, values in enumerate(all_values)}
measured["straight-line closeness"] = agreement_and_rank_correlation(crow)
print(pd.DataFrame(measured, index=["order agreement", "rank correlation"]).T.round(3).to_string())

show(
    figures.value_over_distance(all_distances, all_values, 0.98, steps_a_cell=4),
    alt="The learned value falls steadily with the shortest-path distance to the goal, near the curve that the "
    "formula predicts, and flattens for far goals.",
)

# %% [markdown]
# Up to five or six cells the learned value lies on the formula. Farther out it *flattens*, far more than discounting
# explains: knowledge of a goal spreads one step of bootstrapping at a time, and pairs this far apart are rare in the
# data. Where $V$ is flat, a small error puts two neighbours in the wrong order.
#
# ## 6 · From value to policy: imitate what helped
#
# Now the question "did this action bring me closer?" has an answer, the **advantage**
#
# $$A(s, a, g) = V(s', g) - V(s, g),$$
#
# where $s'$ is the state that followed. **Advantage-weighted regression** (AWR) [7] is GCBC with one change: each row
# counts as much as its action helped.
#
# $$\mathcal{L}_\pi = -\,
# \mathbb{E}_{(s, a, s') \sim \mathcal{D},\; g \sim \text{future}}
# \Big[ \min\!\big(e^{\alpha A(s, a, g)},\, 100\big)\, \log \pi(a \mid s, g) \Big].$$
#
# At $\alpha = 0$ every weight is 1, and we are back at GCBC. For large $\alpha$ only the best actions count, and one
# lucky row can outgrow a whole batch, so weights are clipped at 100. The policy only ever imitates actions from the data.
#
# ### Exercise 5 · The weights of AWR
#
# **2 points · ★☆☆ · about 8 minutes.** Return $\min(e^{\alpha A}, \text{clip})$, without a gradient: the policy's loss
# must not be able to change $V$.
#
# <details><summary>Hint 1: a question</summary>
#
# What is clipped, the exponent or the weight? Try $A = 5$, $\alpha = 10$ both ways.
#
# </details>
# <details><summary>Hint 2: a nudge</summary>
#
# `.exp()`, `.clamp(max=…)`, and `.detach()` for "no gradient".
#
# </details>
# <details><summary>Hint 3: almost the answer</summary>
#
# Three calls in a row on `alpha * advantages`, in the order of hint 2.
#
# </details>


# %% exercise="awr-weights"
def awr_weights(advantages: Tensor, alpha: float, clip: float = 100.0) -> Tensor:
    """How much to imitate each action.

    Args:
        advantages: (B,) A(s, a, g).
        alpha: inverse temperature α >= 0.
        clip: the largest weight.

    Returns:
        (B,) weights min(exp(α A), clip), through which no gradient flows.
    """
    ### BEGIN SOLUTION
    return (alpha * advantages).exp().clamp(max=clip).detach()
    ### END SOLUTION


# %% check="awr-weights" points=2
checks.ch02.awr_weights(awr_weights)
### BEGIN HIDDEN TESTS
from saw_edu.classroom import hidden

hidden("ch02").awr_weights(awr_weights)
### END HIDDEN TESTS

# %% [markdown]
# **Your pieces are the real thing.** On one batch, your weights times the log-likelihood give the very loss that the
# library's GCIVL minimises for its policy:

# %%
batch = HindsightSampler(data, gcivl.goals, gcivl.discount).sample(256, torch.Generator().manual_seed(4))
networks = five_gcivl.networks[0]
with torch.no_grad():
    v = networks.value(batch.observations, batch.policy_goals).mean(0)  # the library keeps two value networks
    v_next = networks.value(batch.next_observations, batch.policy_goals).mean(0)
    log_pi = networks.policy(batch.observations, batch.policy_goals).log_prob(batch.actions)
    yours = -(awr_weights(v_next - v, gcivl.alpha) * log_pi).mean()
    library, _ = gcivl.policy_loss(networks, batch)
print(f"your loss {yours:.6f}, the library's {library:.6f}")
assert torch.isclose(yours, library, rtol=1e-4), "they differ: does awr_weights pass its check?"

# %% [markdown]
# **Does weighting mend the advice?** Weigh the hindsight pairs of section 4 by $\min(e^{\alpha A}, 100)$ with the learned
# value. **Expected:** if $V$ can tell detours from direct ways, the line rises towards the ceiling, or even above: the
# weights also prefer actions whose noise happened to help. If $V$ were noise, it would stay where it was.

# %%
weighted = []
with torch.no_grad():
    here, there = data.observations[picks], data.observations[goal_rows]
    after = data.next(picks)
    for policy in tqdm(five_gcivl.policies, desc="weighing", unit=" seeds"):
        weights = awr_weights(policy.value(after, there) - policy.value(here, there), gcivl.alpha).numpy()
        weighted.append([np.average(advice[distance == d], weights=weights[distance == d]) for d in near])
weighted = np.array(weighted)  # (seeds, distances)

show(
    figures.advice(by_distance, near, weighted),
    alt="Weighted by the advantage, the cosine with the oracle rises from the low line of plain hindsight to the line of "
    "a demonstrator heading for the goal, up to seven cells; beyond, it falls, and below zero at the far end.",
)
print("pairs at each distance:", ", ".join(f"{d}: {int((distance == d).sum())}" for d in near))

# %% [markdown]
# For goals up to about seven cells away, weighting turns poor advice into advice about as good as that of a demonstrator
# heading for the goal. At ten cells the weights prefer *wrong* actions, in the very place where the value was flat (few
# pairs, all in far corners). That is the subject of chapter 3.
#
# ## 7 · The comparison
#
# Same data, same networks, same number of steps; 5 seeds each; 60 fresh episodes in every bin of distance. Bands are
# 95 % intervals over seeds; the grey line is the demonstrator itself, told our goals. **Expected:** GCIVL above GCBC at
# every distance, because what it imitates is better. Both fall with distance: a longer way has more chances to go wrong,
# and far values are poor.

# %%
results = {
    name: success_by_distance(evaluate(five.policies, world, starts, goals), edges)
    for name, five in (("gcbc", five_gcbc), ("gcivl", five_gcivl))
}
shaky = torch.Generator().manual_seed(5)


def demonstrator(observations: Tensor, goal_observations: Tensor) -> Tensor:
    """What made the data, but told which goal is ours."""
    return world.perturb(world.oracle(world.states_of(observations), world.states_of(goal_observations)), 0.5, shaky)


teacher = success_by_distance(evaluate([demonstrator], world, starts, goals), edges)
show(
    figures.success(results, teacher),
    alt="Success over distance to the goal with intervals over five seeds. GCIVL lies above GCBC at every "
    "distance and below the demonstrator; both agents fall as the goal moves away.",
)
compared = pd.DataFrame(
    {
        "cells": [f"{row.from_}-{row.to - 1}" for row in results["gcbc"].itertuples()],
        **{
            name.upper(): [f"{row.mean:.0%}  [{row.low:.0%}, {row.high:.0%}]" for row in result.itertuples()]
            for name, result in results.items()
        },
    }
)
print(compared.to_string(index=False))
separate = [
    f"{c}" for c, b, v in zip(compared["cells"], results["gcbc"]["high"], results["gcivl"]["low"], strict=True) if v > b
]
print("the demonstrator, told our goal:", ", ".join(f"{mean:.0%}" for mean in teacher["mean"]))
print("bins (cells) in which the two intervals do not overlap:", ", ".join(separate) or "none")

# %% [markdown]
# The gain is large, and at every distance. But the demonstrator reaches what it is told, and GCIVL often does not; its
# success *falls with distance*. Is that the method's fault, or did we stop too early? The same seeds were also recorded
# with twice the training. **Expected:** GCBC gains nothing, because more steps do not improve what it imitates; GCIVL
# gains most for far goals, because its value has had the time to spread.

# %%
longer = {
    name: success_by_distance(
        evaluate(TrainingResult.load(asset(f"ch02/{name}_8000.pt"), agent, world.spec).policies, world, starts, goals),
        edges,
    )
    for name, agent in (("gcbc", gcbc), ("gcivl", gcivl))
}
for name in longer:
    change = longer[name]["mean"] - results[name]["mean"]
    print(
        f"{name.upper():>5}: after 8000 steps",
        ", ".join(f"{m:.0%} ({c:+.0%})" for m, c in zip(longer[name]["mean"], change, strict=True)),
    )

# %% [markdown]
# So part of GCIVL's fall was impatience; GCBC's was not. But the shape remains: near goals are easier than far ones.
#
# ## 8 · The same method, told in words
#
# Nothing in your `gcbc_loss` says that a goal is a state. In **BabyAI** [8] it is a sentence. The agent sees the $7
# \times 7$ cells before it; each episode has its mission, and a bot solves it. 2000 of its episodes are recorded. Here
# the demonstrator's own goal **is** in the data, so no hindsight is needed: every row's goal is its mission. A network
# reads the words (`saw_edu/nn/goals.py`); the loss is yours.

# %%
demonstrations = datasets.demonstrations("babyai-GoToLocal")
vocabulary = babyai.vocabulary_of(demonstrations)
rooms = babyai.BabyAIVectorEnv(babyai.LEVEL, num_envs=200)
settings = babyai.Settings(steps=50 if FAST else 1500)
told = babyai.imitate(demonstrations.first(500), vocabulary, seed=0, loss=gcbc_loss, settings=settings)
print(f"500 demonstrations, your loss, one seed: {babyai.success_of(told, rooms, vocabulary):.0%} of new missions done")

# %% [markdown]
# Success is a reward above 0 within 64 steps. **Expected:** more demonstrations, more success. But does the agent *read*,
# or does it walk to whatever it sees? The control tells it the mission of another room. Five seeds, recorded by
# `saw-edu record babyai`:

# %%
table = pd.read_csv(asset("ch02/babyai/success.csv"))
show(
    figures.sentences(rooms, table, seed=1_000_003),
    alt="Left: a room from above, with the cells that the agent sees, and its mission. Right: missions done grow with the "
    "number of demonstrations. Told another room's mission, a policy of 100 demonstrations does as well, one of 2000 far "
    "worse, though still better than random actions. Taking the likeliest action lies below drawing it.",
)
drawn = table[table["temperature"] == 1].pivot_table(index="demonstrations", columns=["told", "seed"], values="success")
for number, by_seed in (drawn["its own mission"] - drawn["another's mission"]).iterrows():
    low, high = seed_interval(by_seed.to_numpy())
    print(
        f"{number:>4} demonstrations: its own mission adds {by_seed.mean():+.2f} [{low:+.2f}, {high:+.2f}] to success"
    )

# %% [markdown]
# With 100 demonstrations the agent does not read at all: it has learned to walk up to things. Reading comes with more,
# while half of the gain is still skill at searching, which any mission calls for. Without the control, all of it would
# have passed for reading. (The bot remembers what it saw; our policy does not, and drawn actions help it to look around.)

# %% [markdown]
# ## 9 · Try it: move the goal
#
# Put the goal next to a wall: where does $V$ jump? Find a goal for which GCIVL fails from some corner: do the arrows run
# in a circle there, or is $V$ flat?

# %%
roll_starts = centres[:: max(1, F // 6)]  # a handful of starting points


def draw(ax, goal, agent, view, seed):
    five = {"GCBC": five_gcbc, "GCIVL": five_gcivl}[agent]
    policy, target = five.policies[seed], centres[goal]
    color = style.method(agent).color
    if view == "roll-outs":
        ends = target.expand(len(roll_starts), 2)
        outcome = evaluate([policy], world, roll_starts, ends, max_steps=80, keep_paths=True, progress=False)
        plot_rollouts(ax, world, outcome.paths[0], ends, outcome.episodes["success"].astype(bool), color=color)
    else:
        plot_policy(ax, world, policy, target, color="white" if agent == "GCIVL" else color)
        if agent == "GCIVL":
            plot_values(ax, world, policy.value, target)


explorer(
    draw,
    goal=(0, F - 1, 1, F - 1),
    agent=["GCIVL", "GCBC"],
    view=["values and arrows", "roll-outs"],
    seed=(0, 4),
    figsize=(7.0, 5.4),
    alt="{view} of {agent}, seed {seed}, in the maze with the goal at free cell number {goal}.",
)

# %% [markdown]
# ## 10 · A question for thought
#
# **3 points.** The demonstrator always walks shortest paths, and GCBC imitates its very actions.
#
# (a) Explain to a friend who has not read this chapter why GCBC does not become as good as the demonstrator. Which piece
# of information is missing from the data?
#
# (b) Suppose every recording is cut into pieces of 15 steps before training. What would happen to GCBC's success for
# near goals, and for far goals? And to GCIVL's? Give your reasons.
#
# (c) Suppose the demonstrator always walked to the far end of the maze and back, on one and the same route. Which
# agent would profit most, and why?

# %% [markdown] question="why-gcbc-fails" points=3
# *Double-click here and write your answer, about 10 lines.*
#
# <!-- BEGIN SOLUTION -->
# **(a)** The goal that the demonstrator had in mind is not recorded. GCBC replaces it by a state that was reached
# later. Often this was reached by accident or after a detour to the real goal, so the action is right for another
# goal. For a given (s, g) GCBC averages over the actions of all the demonstrator's possible intentions that passed g
# later; the average is not any of them, and at a fork it can point into a wall. *(1 point: hidden intention,
# averaging.)*
#
# **(b)** Goals can now lie at most 15 steps ahead. A state that is passed within 15 steps was most likely on a direct
# way, so GCBC's advice for near goals becomes much better. It never sees a goal that is farther than 15 steps, so for
# far goals it must extrapolate, and fails. GCIVL's policy also sees near goals only when its policy goals come from the
# pieces. Its value still learns far goals: random goals and the one-step rule join the pieces; so a policy trained
# with random goals too, or one that uses V to choose nearer goals, could profit. *(1 point: near up, far down for
# GCBC; V still joins pieces.)*
#
# **(c)** GCBC. With one route, the intention is known from the state and the direction, there are no detours, and
# hindsight advice is as good as the demonstrator's: both agents can reach states on the route, GCBC without needing a
# value. Away from the route neither knows anything. *(1 point. Also accept: going out and coming back pass the same
# states in opposite directions, so half of the hindsight advice is a detour over the far end, and GCIVL can tell them
# apart.)*
# <!-- END SOLUTION -->

# %% [markdown]
# ## Summary
#
# 1. A goal-conditioned policy $\pi(a \mid s, g)$ makes sense of play data in which actions point everywhere.
# 2. Hindsight turns each row into demonstrations of the states reached later, within its episode.
# 3. GCBC imitates detours as gladly as direct ways where the demonstrator's own goal is not in the data.
# 4. $V(s, g)$, minus the discounted time to the goal, is learned from one-step data; an expectile keeps it near the
#    best way.
# 5. AWR imitates in proportion to $e^{\alpha A}$: much better at every distance, and still worse the farther the goal.
#
# <details><summary>Symbols</summary>
#
# | symbol | in code | meaning |
# | --- | --- | --- |
# | $s, s', a, g$ | `observations`, `next_observations`, `actions`, `goals` | state, the next one, action, goal |
# | $\pi(a \mid s, g)$ | `policy` | goal-conditioned policy |
# | $\gamma$ | `discount` | discount, also of geometric offsets |
# | $r, m$ | `rewards`, `masks` | reward ($-1$, or 0 at the goal) and mask (1, or 0 at the goal) |
# | $V, \bar V$ | `value`, `target` | value and its slow copy |
# | $\tau$ | `expectile` | expectile of the value's regression |
# | $A$ | `advantages` | $V(s', g) - V(s, g)$ |
# | $\alpha$ | `alpha` | inverse temperature of AWR |
#
# </details>
# <details><summary>References</summary>
#
# 1. Park, Frans, Eysenbach, Levine. *OGBench: Benchmarking Offline Goal-Conditioned RL.* ICLR 2025. [arXiv
#    2410.20092](https://arxiv.org/abs/2410.20092)
# 2. Andrychowicz et al. *Hindsight Experience Replay.* NeurIPS 2017. [arXiv
#    1707.01495](https://arxiv.org/abs/1707.01495)
# 3. Lynch et al. *Learning Latent Plans from Play.* CoRL 2019. [arXiv 1903.01973](https://arxiv.org/abs/1903.01973)
# 4. Ghosh et al. *Learning to Reach Goals via Iterated Supervised Learning.* ICLR 2021. [arXiv
#    1912.06088](https://arxiv.org/abs/1912.06088)
# 5. Kostrikov, Nair, Levine. *Offline Reinforcement Learning with Implicit Q-Learning.* ICLR 2022. [arXiv
#    2110.06169](https://arxiv.org/abs/2110.06169)
# 6. Park, Ghosh, Eysenbach, Levine. *HIQL: Offline Goal-Conditioned RL with Latent States as Actions.* NeurIPS 2023.
#    [arXiv 2307.11949](https://arxiv.org/abs/2307.11949)
# 7. Peng, Kumar, Zhang, Levine. *Advantage-Weighted Regression.* 2019. [arXiv
#    1910.00177](https://arxiv.org/abs/1910.00177)
# 8. Chevalier-Boisvert et al. *BabyAI: A Platform to Study the Sample Efficiency of Grounded Language Learning.* ICLR
#    2019. [arXiv 1810.08272](https://arxiv.org/abs/1810.08272)
#
# </details>
#
# ## What comes next
#
# $V$ knows which of two states is nearer, yet the policy extracted from it falls with distance. **Chapter 3, "Vanishing
# advantages"**, works out when *one* action's advantage drowns in noise. That is where hierarchies come in.
