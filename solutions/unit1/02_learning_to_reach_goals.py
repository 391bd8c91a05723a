# %% [markdown]
# # 2 · Learning to reach goals: from play, without rewards
#
# **You own hours of recordings of a point that wanders through a maze. Can you learn from them a policy that goes
# wherever you ask, and how far does it get?**
#
# | | |
# | --- | --- |
# | **You will learn** | hindsight goals; goal-conditioned imitation, and where it breaks; |
# | | a value that measures the way to a goal, and a better policy extracted from it; |
# | | what changes when a policy's actions are drawn instead of taken at their mean |
# | **You need** | tensors in PyTorch, the idea of a discounted return. [Chapter 1](01_long_horizon_tasks.ipynb) helps |
# | **Time** | 75 minutes to read and solve, about 3 minutes to compute |
# | **Exercises** | five, 11 points, and one question for thought, 3 points |

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
from saw_edu.course.ch02.acting import STILL, Trial, at_rest, order_of_neighbours
from saw_edu.course.ch02.advice import hindsight_pairs, weighted_advice
from saw_edu.data import HindsightSampler
from saw_edu.envs import PointMaze, navigate
from saw_edu.evaluation import seed_interval
from saw_edu.place import asset
from saw_edu.training import TrainingConfig, TrainingResult, train
from saw_edu.viz import click_explorer, show, style

torch.set_num_threads(1)  # these networks are so small that more threads only wait for one another
style.use()
FAST = os.environ.get("SAW_EDU_FAST") == "1"
if FAST:
    print("Fast mode (SAW_EDU_FAST=1): the two live trainings take 200 steps instead of 4000, and learn little.")

# %% [markdown]
# Here is one recording. Beside it, all actions that were ever taken at one crossing.

# %%
world = PointMaze("medium", step_size=1.0, features="fourier", max_steps=150)
data = navigate(world, episodes=500, length=200, noise=0.5, generator=torch.Generator().manual_seed(0))
crossing, actions_there = figures.busiest_crossing(world, data)
mean_action = actions_there.mean(0)
show(
    figures.play(world, data, crossing, actions_there),
    alt="Left: a path that wanders through most of a small maze, with a red square around a crossing. Right: the "
    "actions taken at that crossing point in every direction, and their mean is far shorter than any of them.",
)
print(data)
print(f"mean action at the crossing: ({mean_action[0]:+.2f}, {mean_action[1]:+.2f}), length {mean_action.norm():.2f}")
print(f"mean length of one action there: {actions_there.norm(dim=1).mean():.2f}")

# %% [markdown]
# ## 1 · Hours of play
#
# The world is a maze seen from above, a layout of the OGBench benchmark [1]. A state is a position $(x, y)$. An action
# $a \in [-1, 1]^2$ pushes the point by up to 1 unit along each axis; a cell is 4 units wide. A goal counts as **reached**
# within 1 unit of it, a quarter of a cell. Agents see the position through a few sines and cosines, which help a small
# network to notice walls.
#
# The data is **play**: a demonstrator picks some place, walks there on a shortest path with a shaky hand (Gaussian noise
# of standard deviation 0.5 on each action), then picks another, and so on. The recording holds positions and actions
# only: **which place the demonstrator was heading for is not in it.**
#
# **A first agent that must fail.** Plain behavioural cloning asks: in this state, which action did the demonstrator take?
# At the crossing: all of them. Two things are wrong. A policy $\pi(a \mid s)$ that fits one normal distribution has their
# mean as its best action, which leads nowhere; and even one that drew from all of them could not know where *you* want to
# go. The demonstrator knew where *it* wanted to go, each time. So we want a **goal-conditioned policy**
# $\pi(a \mid s, g)$: tell it the state $s$ and the goal $g$, another state, and get an action $a$.
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
# *4 points · medium · 15 minutes*
#
# Write `sample_goals`. Episodes lie one after the other in one table of rows,
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
# The mean stays below $1/(1-\gamma) = 50$: the bar on the far right is all offsets that would have left the episode.
#
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
# *1 point · easy · 4 minutes*
#
# `policy(observations, goals)` returns a `torch.distributions` object. Return the
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
)  # tau: how fast target networks follow, nothing else
gcbc = GCBC(policy_hidden_dims=(128, 128))
live_gcbc = train(gcbc, data, config, seeds=1)

# %% [markdown]
# **Guess.** The agent saw 100 000 actions of one who knows every shortest path. How often will it reach a goal 1 or 2
# cells away, within 150 steps? And one 9 to 11 cells away, some 44 steps? It acts by its most likely action, the mean.

# %%
trial = Trial(world, edges=[1, 3, 6, 9, 12], generator=torch.Generator().manual_seed(1))  # 1-2, 3-5, 6-8, 9-11 cells
outcome = trial.run(live_gcbc.policies, keep_paths=True)
show(
    figures.rollouts(world, outcome, trial.goals, far=180),
    alt="Roll-outs of goal-conditioned behavioural cloning. For near goals some paths arrive and some stop on the way; for "
    "far goals most paths come to rest somewhere.",
)
print("1-2, 3-5, 6-8, 9-11 cells:", "  ".join(f"{mean:.0%}" for mean in trial.by_distance(outcome)["mean"]))
print(f"of the failures, {at_rest(outcome):.0%} moved less than {STILL} in each of their last 20 steps")

# %% [markdown]
# Far below its teacher, even next door. But look at *how* it fails: it stands still. You have met that in chapter 1: in a
# world without chance, a deterministic agent that has stopped has stopped for ever, and luck may free it. There, drawing
# actions helped a table. Does it help here?
#
# ### A policy is a distribution
#
# GCBC learned a normal distribution around a mean $\mu(s, g)$. An action is drawn from $\mathcal{N}(\mu, T^2)$, and the
# **temperature** $T$ is ours to choose: 0 takes the mean (*greedy*), 1 draws from the very distribution that was
# fitted, and 0.5 has the demonstrator's shaking hand. Five seeds of each agent were trained with the settings above by
# `saw-edu record ch02`. **Guess:** which of $T = 0, .5, 1$ reaches most goals? The control acts at random.

# %% tags=["folded"]
# load the recorded seeds, and say where they come from
gcivl = GCIVL(value_hidden_dims=(128, 128), policy_hidden_dims=(128, 128), discount=0.98, expectile=0.9, alpha=10.0)
provenance = json.loads(asset("ch02/provenance.json").read_text(encoding="utf-8"))
for name in ("gcbc.pt", "gcivl.pt"):
    made = provenance[name]
    print(
        f"{name}: {made['seeds']} seeds, {made['training']['steps']} steps, {made['date']}, {made['machine']}, ", end=""
    )
    print(f"torch {made['torch']}, commit {made['commit'][:7]}, by `{made['command']}`")
five_gcbc = TrainingResult.load(asset("ch02/gcbc.pt"), gcbc, world.spec)
five_gcivl = TrainingResult.load(asset("ch02/gcivl.pt"), gcivl, world.spec)


# %%
at = {T: trial.drawn(five_gcbc, T) for T in tqdm((0, 0.5, 1), desc="temperatures")}
show(
    figures.temperatures({T: trial.by_distance(found) for T, found in at.items()}, trial.by_distance(trial.aimless())),
    alt="GCBC's success by distance at three temperatures. Greedy is by far the lowest at every distance, close to random "
    "actions for near goals; temperature 0.5 is the highest, 1 lies between.",
)
for T, found in at.items():
    print(f"T = {T:<3}:", trial.line(found))

# %% [markdown]
# The very same networks. Next door, greedy GCBC is little better than random actions; with the demonstrator's hand it
# fails there almost never. Too much noise costs again: at $T = 1$ far goals are lost. Random actions reach hardly anything
# beyond two cells, so shaking alone finds no way; the mean does point somewhere, it is only too weak to walk. From here on, our
# **main numbers are drawn at the data's own noise, $T = .5$**, with greedy beside them. What a roll-out's temperature was
# belongs to its result.
#
# Most goals in the last bin are still missed. Why? And why is the mean so weak?
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
# advice, 0 none, negative the wrong way. The ceiling is a demonstrator that really *was* heading for $g$. **Guess:** how
# far below the ceiling is the advice of pairs that took little more than the shortest way? And of detours?

# %%
pairs = hindsight_pairs(world, data, gcbc, 60_000, noise=0.5, generator=torch.Generator().manual_seed(2))
near = np.arange(1, 10)  # cells; farther pairs are too few
show(
    figures.advice(pairs, near),
    alt="The cosine between data actions and the oracle's, over distance. Pairs on direct ways lie near the ceiling for near "
    "goals, detours just above zero, and all pairs together in between, far below the ceiling.",
)
print(f"{(pairs.table['length'] > 2.5).mean():.0%} of all pairs are detours")
observations = data.observations
for name, five in (("GCBC", five_gcbc), ("GCIVL", five_gcivl)):
    means = torch.stack([policy(observations[pairs.rows], observations[pairs.goals]) for policy in five.policies])
    right = world.oracle(world.states_of(observations[pairs.rows]), world.states_of(observations[pairs.goals]))
    cosine, length = torch.cosine_similarity(means, right[None], dim=-1).mean(), means.norm(dim=-1).mean()
    print(f"{name}'s mean action: cosine with the oracle {cosine:.2f}, length {length:.2f}")

# %% [markdown]
# For near goals it is the detours. (For far ones even walks that took little more than the shortest way are poorer advice:
# within that allowance they may begin the wrong way.) And see what averaging over good and bad advice does to GCBC's mean: it
# keeps much of the *direction* and loses the *length*. Opposite actions cancel, the rest points the right way, weakly. That is
# the stalling. (GCIVL, to which we come, has the same data.) It needs a way to tell advice from detours: *did this action
# bring me closer to the goal?*
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
# *2 points · easy · 6 minutes*
#
# Return the mean of $L_\tau(u)$ over the batch.
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
live_gcivl = train(gcivl, data, config, seeds=1)
if not FAST:
    both = zip(live_gcivl.networks[0].parameters(), five_gcivl.networks[0].parameters(), strict=True)
    difference = max((p - q).abs().max() for p, q in both)
    print(f"largest difference between your live seed 0 and the recorded one: {difference:.1e}")

# %% [markdown]
# (On another kind of machine, rounding differs, and so does the run.) One seed is an anecdote: what follows uses the five
# recorded ones.
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
# *2 points · medium · 8 minutes*
#
# A policy will only ever *compare* values, so what counts is their order. Of all
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
# for $V$. But most such pairs are easy. A policy compares *neighbours*: on the right, your function for pairs of
# neighbouring cells alone, by their distance from the goal. **Guess** where that line ends.

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

order = order_of_neighbours(order_agreement, all_values, all_distances)
show(
    figures.value_over_distance(all_distances, all_values, order, 0.98, steps_a_cell=4),
    alt="Left: the learned value falls with the distance to the goal along the formula's curve and flattens for far goals. "
    "Right: neighbouring cells are in the right order near the goal, and like a coin at ten cells.",
)

# %% [markdown]
# Up to five or six cells the learned value lies on the formula. Farther out it *flattens*, more than discounting explains.
# (Two suspects that we do not try here: knowledge of a goal spreads one step of bootstrapping at a time, and pairs this far
# apart are rare in the data.) Over all pairs, $V$'s order is nearly perfect. Of neighbours far from the goal it knows no
# more than a coin. Chapter 3 takes this apart.
#
# ## 6 · From value to policy: imitate what helped
#
# Now the question "did this action bring me closer?" has an answer, the **advantage**
#
# $$A(s, a, g) = V(s', g) - V(s, g),$$
#
# where $s'$ is the state that followed. (In full it is $r + \gamma V(s', g) - V(s, g)$; what is left out is nearly the same for
# all actions in one state.) **Advantage-weighted regression** (AWR) [7] is GCBC with one change: each row
# counts as much as its action helped.
#
# $$\mathcal{L}_\pi = -\,
# \mathbb{E}_{(s, a, s') \sim \mathcal{D},\; g \sim \text{future}}
# \Big[ \min\!\big(e^{\alpha A(s, a, g)},\, 100\big)\, \log \pi(a \mid s, g) \Big].$$
#
# At $\alpha = 0$ every weight is 1, and we are back at GCBC. For large $\alpha$ only the best actions count, and weights
# grow without bound, so they are clipped at 100. The policy only ever imitates actions from the data.
#
# ### Exercise 5 · The weights of AWR
#
# *2 points · easy · 5 minutes*
#
# Return $\min(e^{\alpha A}, \text{clip})$, without a gradient: the policy's loss
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
# value. **Guess:** what share of the weights is at the clip? And does the line rise to the ceiling, or above? (The weights
# also prefer actions whose noise happened to help. If $V$ were noise, it would stay where it was.)

# %%
with torch.no_grad():
    here, after, there = observations[pairs.rows], data.next(pairs.rows), observations[pairs.goals]
    advantages = torch.stack([p.value(after, there) - p.value(here, there) for p in five_gcivl.policies])
weights = awr_weights(advantages, gcivl.alpha)  # (seeds, pairs)
show(
    figures.advice(pairs, near, weighted_advice(pairs, weights, near)),
    alt="Weighted by the advantage, the cosine with the oracle rises from the low line of plain hindsight to that of a "
    "demonstrator heading for the goal, up to seven cells; beyond, it falls.",
)
print(f"weights at the clip: {(weights >= 100).float().mean():.0%}; below 0.1: {(weights < 0.1).float().mean():.0%}")

# %% [markdown]
# The band is a 95 % interval over episodes. For goals up to about seven cells away, poor advice has become about as good as
# that of a demonstrator heading for the goal. At eight and nine cells it fades, where $V$ orders neighbours worse, too.
# And the weights are no fine gradation: with $\alpha = 10$ most are at the clip or next to nothing. AWR is here nearly a
# **filter**: keep what helped, drop the rest.
#
# ## 7 · The comparison
#
# Same data, same networks, same number of steps; 5 seeds each; 60 fresh episodes in every bin of distance; actions drawn at
# $T = .5$, greedy dotted. Bands are 95 % intervals over seeds; the grey line is the demonstrator itself, told our goals.
# **Guess:** where is the gap between the agents widest, near or far? Drawn and greedy alike?

# %%
five = {"gcbc": five_gcbc, "gcivl": five_gcivl}
drawn, greedy = ({name: trial.drawn(result, T) for name, result in five.items()} for T in (0.5, 0))
tables = [{name: trial.by_distance(found) for name, found in some.items()} for some in (drawn, greedy)]
show(
    figures.success(*tables, trial.by_distance(trial.demonstrator(noise=0.5))),
    alt="Success over distance with intervals over five seeds. Drawn, both agents reach nearly all near goals; farther away "
    "GCBC falls steeply and GCIVL less. Dotted, greedy: both are lower, GCBC by far.",
)
for label, found in (("drawn", drawn), ("greedy", greedy)):
    for name in five:
        print(f"{label:>6} {name.upper():>5}: ", trial.line(found[name]))
    print(f"{label:>6}, by seed:", trial.gains_line(found["gcivl"], found["gcbc"]))

# %% [markdown]
# Drawn, the two agents are nearly equal next door, and the gap opens from three cells on: that is what better advice is worth.
# Greedy, the same comparison says that GCIVL wins *everywhere* by much; most of that lead near the goal is GCBC's stalling.
# GCIVL's longer means stall less, but they stall: it too loses goals greedily that it reaches when it draws.
#
# What is left is the fall with distance, which the demonstrator does not show. Is that the method's fault, or did we stop
# too early? The same seeds were also recorded with twice the training. **Guess** for each agent: does it gain?

# %%
for name, agent in (("gcbc", gcbc), ("gcivl", gcivl)):
    longer = trial.drawn(TrainingResult.load(asset(f"ch02/{name}_8000.pt"), agent, world.spec), 0.5)
    print(f"{name.upper():>5}, 8000 steps:", trial.line(longer))
    print("      its gain by seed:", trial.gains_line(longer, drawn[name]))

# %% [markdown]
# Part of the fall was impatience, for both agents: from six cells on they gain, GCBC at the far end only just by its interval.
# But the shape remains: near goals are easier than far ones.
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
# **Click** a cell to put the goal there (or use the arrow keys once the picture has the focus). Where does $V$ jump? Watch the
# roll-outs at temperature 0, then at .5: find a goal beside which GCIVL comes to rest, and free it.

# %%
agents = {"GCIVL": five_gcivl.policies, "GCBC": five_gcbc.policies}
goal_map = figures.GoalMap(world, agents, starts=centres[:: max(1, F // 6)])
map_of_goals = click_explorer(
    goal_map.draw,
    point=goal_map.nearest(tuple(goal_state.tolist())),
    nearest=goal_map.nearest,
    step=4.0,
    figsize=(7.0, 5.4),
    alt="{view} of {agent}, seed {seed}, temperature {temperature}, for the goal at {point}.",
    agent=list(agents),
    view=["roll-outs", "values and arrows"],
    temperature=[0.0, 0.5, 1.0],
    seed=(0, 4),
)

# %% [markdown]
# ## A question for thought (3 points)
#
# The demonstrator always walks shortest paths, and GCBC imitates its very actions.
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
# 5. AWR imitates in proportion to $e^{\alpha A}$, nearly a filter: better the farther the goal, and still falling with distance.
# 6. A policy is a distribution. Greedy actions whose mean is weak come to rest; say at which temperature you rolled out.
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
# | $T$ | `temperature` | of acting: the standard deviation of a drawn action, 0 is greedy |
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
# $V$ orders far states well and far *neighbours* like a coin. [**Chapter 3 · Vanishing advantages**](03_vanishing_advantages.ipynb)
# works out when *one* action's advantage drowns in noise. That is where hierarchies come in.
#
# [← Chapter 1](01_long_horizon_tasks.ipynb) · [all chapters](../README.md) · [chapter 3 →](03_vanishing_advantages.ipynb)
