# %% [markdown]
# # 14 · Offline hierarchy: HIQL
#
# **One value function, read twice: why do two policies get farther with it than one?**
#
# | | |
# | --- | --- |
# | **You will learn** | how HIQL extracts a policy over subgoals and a policy over actions from one V; |
# | | which level makes the errors, by replacing each with one that makes none; |
# | | what drawn subgoals, held subgoals and walks without actions are worth |
# | **You need** | chapter 2 (V and advantage-weighted regression), chapter 3 (vanishing advantages), chapter 4 (two levels) |
# | **Time** | 55 minutes to read and solve, one to two minutes to compute |
# | **Exercises** | four, 12 points, and one question for thought, 3 points |
#
# The giant maze of unit 5, and the value function of one seed, for one far goal (the star). Two agents learned from it and from the same recorded walks. Left, GCIVL: one policy, which asks V about single steps. Right, HIQL: a high level that proposes a place eight
# steps ahead, and a low level that goes there. Both act with the walkers' own shaky hand.

# %% tags=["setup", "folded"]
# Imports, the recorded networks, recorded results
import os

import pandas as pd
import torch
from torch import Tensor

from saw_edu import checks, viz
from saw_edu.course import giant
from saw_edu.course.ch14 import figures, levels
from saw_edu.data import HindsightSampler
from saw_edu.evaluation import episodes_by_distance
from saw_edu.place import asset
from saw_edu.training import TrainingConfig, train

viz.style.use()
torch.set_num_threads(1)
FAST = os.environ.get("SAW_EDU_FAST") == "1"  # set by automatic tests: fewer states, less training

# %% alt="Two pictures of V over the maze: GCIVL's path does not reach the goal, HIQL's path with its subgoals does."
world = giant.make_world()
hiql, gcivl, values = (giant.load(name, world.spec) for name in ("hiql", "gcivl", "value"))
starts, goals = giant.make_episodes(world)
shown = 4 * 50 + 5  # of 50 episodes with goals 17 to 20 cells away
viz.show(
    figures.value_and_paths(world, values, {"GCIVL": gcivl, "HIQL": hiql}, starts[shown], goals[shown]),
    alt="The same colours, V of one far goal, twice. GCIVL wanders and is not there after 200 steps. HIQL arrives after 80; "
    "its path runs along white dots, the places its high level proposed.",
)

# %% [markdown]
# The episode was chosen: HIQL arrives in it and GCIVL does not. There are others; the numbers come below. **Your guess, before you go on:** HIQL has two learned levels that could err. Which one costs it more?
#
# ## 1 · The same V, asked about eight steps
#
# HIQL's value is chapter 2's: implicit V-learning from states alone. Note what it does *not* read: actions. A flat policy asks it whether one action helped, $A = V(s', g) - V(s, g)$. Chapter 3 showed how small that difference is, far from the goal. A high level
# asks about $k$ steps at once: $A = V(w, g) - V(s, g)$, with $w$ the state $k$ steps later.
#
# Is the second question easier for the V's *we have*? Five seeds learned five V's. Where they agree there is a signal, where they differ there is noise.
#
# ### Exercise 1 · Signal and noise
# *3 points · easy · 6 minutes*
#
# Write `signal_to_noise(estimates)`: at each place, the size of the mean over seeds, divided by the standard deviation over seeds (torch's own, with $S - 1$).
#
# <details><summary>Hint 1: a question</summary>
#
# Two seeds say +1 and -1. How much signal is there?
# </details>
# <details><summary>Hint 2: a nudge</summary>
#
# Both are taken over the first dimension; the absolute value comes after the mean.
# </details>
# <details><summary>Hint 3: almost the answer</summary>
#
# `estimates.mean(0)` and `estimates.std(0)` are all you need.
# </details>


# %% exercise="signal-to-noise"
def signal_to_noise(estimates: Tensor) -> Tensor:
    """How sure several seeds are of a number's sign.

    Args:
        estimates: (S, N) of S seeds at N places.

    Returns:
        (N,), at least 0.
    """
    ### BEGIN SOLUTION
    return estimates.mean(0).abs() / estimates.std(0)
    ### END SOLUTION


# %% check="signal-to-noise" points=3
checks.ch14.signal_to_noise(signal_to_noise)
### BEGIN HIDDEN TESTS
from saw_edu.classroom import hidden

hidden("ch14").signal_to_noise(signal_to_noise)
### END HIDDEN TESTS

# %% [markdown]
# Along shortest paths, one step and eight. **Guess:** by which factor is the second question easier, near and far?

# %% alt="Signal to noise over distance, for one step and for eight: both fall, eight lies above one."
s_all, g_all = episodes_by_distance(world, giant.EDGES, 20 if FAST else 200, torch.Generator().manual_seed(2))
path = [s_all]
for _ in range(giant.SUBGOAL_STEPS):
    path.append(world.step(path[-1], world.oracle(path[-1], g_all)))
told = world.observe(g_all)
with torch.no_grad():
    here, one, eight = (
        torch.stack([policy.value(world.observe(states), told) for policy in values.policies])
        for states in (path[0], path[1], path[-1])
    )
ratios = {"one step": signal_to_noise(one - here), "eight steps": signal_to_noise(eight - here)}
viz.show(
    figures.signal(world, ratios, s_all, g_all),
    alt="The median ratio of signal to noise over the distance to the goal. Eight steps lie about three times above one step up to 15 cells; beyond, both lie below 1.",
)
for name, advantage in (("one step", one - here), ("eight steps", eight - here)):
    far = world.distances(s_all, g_all) >= giant.FARTHEST_THIRD
    print(
        f"{name:12} along a shortest path looks like a step back: {(advantage[:, far] < 0).double().mean():.0%} of the time, for far goals"
    )

# %% [markdown]
# Up to about fifteen cells the eight-step question is about three times as clear. (Its signal is about eight times as large; its noise grows by less, because errors of a net at neighbouring states are alike.) So there is something to gain. Beyond that, *both* drown: state by state, these
# V's do not know the way, and along a shortest path V falls about as often as it rises. Keep that in mind when HIQL reaches some of those goals below: a policy averages over many states and waypoints, which single differences do not show. The price of the clearer
# question: somebody must *say* where to be in eight steps.
#
# ## 2 · Two policies from one V
#
# HIQL trains two policies on the recorded walks, both by advantage-weighted regression:
#
# $$ \mathcal{L}_h = -\,\mathbb{E}\big[e^{\beta (V(w, g) - V(s, g))} \log \pi_h(w \mid s, g)\big], \qquad
#    \mathcal{L}_\ell = -\,\mathbb{E}\big[e^{\alpha (V(s', w) - V(s, w))} \log \pi_\ell(a \mid s, w)\big]. $$
#
# Where does $w$ come from? From the walk that $s$ is on, $k$ steps later. With two exceptions that are easy to get wrong.
#
# ### Exercise 2 · Which states are subgoals?
# *3 points · medium · 7 minutes*
#
# The data are rows, one walk after the other. Write `waypoint_rows(rows, goals, finals, is_random, k)`: the row of the waypoint for each pair of $s$ and $g$. It lies $k$ rows ahead, but not beyond the walk's last row. And where the goal was taken from the *same* walk, not beyond the goal.
# Where the goal is a random state of all the data, its row says nothing about this walk.
#
# <details><summary>Hint 1: a question</summary>
#
# The goal is two steps ahead, and k is 8. Would you want the high level to learn "walk past it"?
# </details>
# <details><summary>Hint 2: a nudge</summary>
#
# `torch.minimum` twice, and `torch.where(is_random, ...)` once.
# </details>
# <details><summary>Hint 3: almost the answer</summary>
#
# `ahead = torch.minimum(rows + k, finals)`; then, where the goal is on the walk, the smaller of that and the goal's row.
# </details>


# %% exercise="waypoint-rows"
def waypoint_rows(rows: Tensor, goals: Tensor, finals: Tensor, is_random: Tensor, k: int) -> Tensor:
    """Rows of the waypoints that the high level learns from.

    Args:
        rows: (B,) of the states s.
        goals: (B,) of the goals g.
        finals: (B,) the last row of the walk that s is on.
        is_random: (B,) bool, whether g was drawn from all data instead of from the rest of the walk.
        k: how many rows ahead.

    Returns:
        (B,) rows.
    """
    ### BEGIN SOLUTION
    ahead = torch.minimum(rows + k, finals)
    return torch.where(is_random, ahead, torch.minimum(ahead, goals))
    ### END SOLUTION


# %% check="waypoint-rows" points=3
checks.ch14.waypoint_rows(waypoint_rows)
### BEGIN HIDDEN TESTS
from saw_edu.classroom import hidden

hidden("ch14").waypoint_rows(waypoint_rows)
### END HIDDEN TESTS

# %% [markdown]
# ### Exercise 3 · The high level's loss
# *3 points · medium · 7 minutes*
#
# Write $\mathcal{L}_h$ for a batch: `high_level_loss(log_probs, here, there, beta)`, with the weights clipped at 100, and no gradient into V.
#
# <details><summary>Hint 1: a question</summary>
#
# If gradient flowed into V through the weights: what could V do to make this loss small?
# </details>
# <details><summary>Hint 2: a nudge</summary>
#
# `.exp()`, `.clamp(max=100.0)`, `.detach()`, in this order.
# </details>
# <details><summary>Hint 3: almost the answer</summary>
#
# The weights times `log_probs`, the mean, the sign.
# </details>


# %% exercise="high-level-loss"
def high_level_loss(log_probs: Tensor, here: Tensor, there: Tensor, beta: float) -> Tensor:
    """Advantage-weighted regression of waypoints.

    Args:
        log_probs: (B,) log π_h(w | s, g).
        here: (B,) V(s, g).
        there: (B,) V(w, g).
        beta: β, the inverse temperature.

    Returns:
        The loss, shape (); its gradient flows into `log_probs` only.
    """
    ### BEGIN SOLUTION
    weights = (beta * (there - here)).exp().clamp(max=100.0).detach()
    return -(weights * log_probs).mean()
    ### END SOLUTION


# %% check="high-level-loss" points=3
checks.ch14.high_level_loss(high_level_loss)
### BEGIN HIDDEN TESTS
from saw_edu.classroom import hidden

hidden("ch14").high_level_loss(high_level_loss)
### END HIDDEN TESTS

# %% [markdown]
# ### Exercise 4 · The low level's advantage, and a bug that trains in silence
# *3 points · easy to medium · 6 minutes*
#
# A colleague's low level trains, its loss falls, and in the maze it wanders. The line is
# `advantages = value(s_next, g) - value(s, g)`. Write `low_level_advantage(value, s, s_next, w, g)` as it should be.
#
# <details><summary>Hint 1: a question</summary>
#
# What is the low level told when it acts?
# </details>
# <details><summary>Hint 2: a nudge</summary>
#
# It is told w. For which goal should its action have been good?
# </details>
# <details><summary>Hint 3: almost the answer</summary>
#
# How much nearer to w did the step lead? Both values are for w.
# </details>


# %% exercise="low-level-advantage"
def low_level_advantage(value, s: Tensor, s_next: Tensor, w: Tensor, g: Tensor) -> Tensor:
    """How much an action helped, for the goal that the low level is told.

    Args:
        value: (states, goals) -> V, (B,).
        s: states.
        s_next: states after the action.
        w: waypoints, k steps ahead.
        g: final goals.

    Returns:
        (B,) advantages.
    """
    ### BEGIN SOLUTION
    return value(s_next, w) - value(s, w)
    ### END SOLUTION


# %% check="low-level-advantage" points=3
checks.ch14.low_level_advantage(low_level_advantage)
### BEGIN HIDDEN TESTS
from saw_edu.classroom import hidden

hidden("ch14").low_level_advantage(low_level_advantage)
### END HIDDEN TESTS

# %% [markdown]
# All four pieces together are HIQL. Here it trains live with *your* losses and *your* waypoints, from the recorded V, for a part of the full number of updates. The library's agent is handed in with two of its methods replaced.

# %%
data = giant.make_data(world)


class YourSampler(HindsightSampler):
    """The library's sampler, with your waypoints."""

    def waypoint_rows(self, rows, policy_goals, is_random):
        finals = self.trajectories.final_index[rows]
        subgoals = torch.minimum(rows + self.subgoal_steps, finals)  # the low level's: k ahead on the walk
        return subgoals, waypoint_rows(rows, policy_goals, finals, is_random, self.subgoal_steps)


class YourHIQL(type(hiql.agent)):
    """HIQL with your high-level loss and your low-level advantage."""

    def high_loss(self, networks, batch):
        s, w, g = batch.observations, batch.waypoints, batch.policy_goals
        log_probs = networks.subgoal_generator(s, g).log_prob(w)
        loss = high_level_loss(log_probs, self.value(networks, s, g), self.value(networks, w, g), self.beta)
        return loss, {"high_loss": loss.detach()}

    def low_loss(self, networks, batch):
        s, s_next, w = batch.observations, batch.next_observations, batch.subgoals
        advantages = low_level_advantage(
            lambda states, ends: self.value(networks, states, ends), s, s_next, w, batch.policy_goals
        )
        weights = (self.subgoal_alpha * advantages).exp().clamp(max=100.0).detach()
        loss = -(weights * networks.subgoal_policy(s, w).log_prob(batch.actions)).mean()
        return loss, {"low_loss": loss.detach()}


agent = YourHIQL(**vars(hiql.agent))
config = TrainingConfig(steps=20 if FAST else 1_500, learning_rate=1e-3, final_learning_rate=1e-4, tau=0.02)
yours = train(agent, data, config, seeds=[0], value_from=values.only([0]), sampler=YourSampler)
episodes = giant.drawn_and_greedy(yours, world, starts[::5], goals[::5])
print("your HIQL, one seed, three tenths of the updates, success:")
print(
    episodes.groupby("temperature")["success"]
    .mean()
    .rename({0.5: "with the walkers' hand", 0.0: "greedy"})
    .round(2)
    .to_string()
)

# %% [markdown]
# ## 3 · Which level errs?
#
# Five seeds of the full training are recorded. To see which level costs what, replace it by one that makes no errors: a **perfect high level** proposes the place where a shortest path is eight steps later, and a **perfect low level** walks by a shortest path to the place that a
# guess means. GCIVL, flat and from the same five V's, stands beside them. Look at the left panel first: there everyone acts with the walkers' hand, N(0, .5) on each action.

# %% tags=["folded"] alt="Success over distance for HIQL, for HIQL with a perfect high or low level, and for GCIVL, with the walkers' hand and greedy."
# Draw the recorded results, and paired differences
table = pd.read_csv(asset("ch14/success.csv"))
viz.show(
    figures.by_distance(table, ("perfect high", "both learned", "perfect low", "consistent", "flat")),
    alt="Left, with the hand: a perfect high level over the learned low one arrives always. HIQL falls from nine in ten to two in ten. With a perfect low level it is "
    "lower, and lower still with guesses made consistent. GCIVL starts highest of the learned ones and falls to nearly nothing. Right, greedy: all lower.",
)
print("HIQL less GCIVL, with the hand:\n", figures.paired(table, "both learned", "flat"))
print("\na perfect low level less HIQL's own:\n", figures.paired(table, "perfect low", "both learned"))

# %% [markdown]
# **What came.**
#
# - *The low level is not the problem.* With a perfect high level, HIQL's own low level arrives everywhere. Near goals are easy, and it only ever has near goals.
# - *The high level is.* All that HIQL loses, it loses by its guesses. The eight-step question is the clearer one, but its answer must be a *state*, here 22 numbers, and where waypoints in the data disagree the guess is an average of them.
# - *A perfect low level makes it worse.* That surprised us. The perfect one takes a guess for a place. The learned one was trained on real states, and yet it makes more of a guess that is none: HIQL's levels are fit for each other. "Made consistent", so that all 22 numbers speak of the one place that the first two
#   name, the guesses lose even more. What exactly the low level reads from the inconsistent numbers we did not find out.
# - *Against the flat policy* the paired differences say it: nearby GCIVL is better with the same V, from 9 cells on HIQL is. A hierarchy pays where one-step advantages have vanished.
# - *Greedy numbers tell another story* (right): there even the perfect high level seems to fail at times. Its low level stands still where its mean action fades; the hand frees it. The order of the learned ones nearby changes, too. Had we only looked there, we would have blamed the low level.
#
# ## 4 · Drawn subgoals, held subgoals
#
# Two choices that an implementer makes without much thought. Act on the *mean* of the high level, or draw from it? Ask it in *every* step, as the released code does, or hold a subgoal for several steps, as chapter 4's hierarchies do? **Guess** both.

# %% tags=["folded"] alt="Success for ever wider draws of the subgoal and for subgoals held ever longer, near and far goals, with the hand and greedy."
# Draw the recorded results
viz.show(
    figures.drawn_and_held(table),
    alt="Left: with the hand, success hardly changes with the spread of the draw, but rises a little nearby and falls far away for the widest; greedy, it rises steeply with the spread. "
    "Right: success is flat while a subgoal is held for up to 8 steps, and falls far away to nothing at 16 and 32.",
)

# %% [markdown]
# The dotted lines, greedy, say loudly that drawing subgoals helps. With the hand, that help is gone but for the widest draw nearby, where it helps, and far away it does harm. A drawn subgoal shakes a robot that stands still; so does its own hand. This is the trap of this maze once more:
# **before a gain is explained by exploration in subgoal space, give the control the same shaking.**
#
# Holding a subgoal for up to $k = 8$ steps costs next to nothing here, and an eighth of the high level's calls is left. Beyond $k$ the low level has arrived, and waits.
#
# ## 5 · Walks without actions
#
# V and the high level learn from states alone. That is HIQL's other promise: video without actions, or other people's robots, can teach them; only the low level needs actions. Suppose that only 5 of the 500 walks had their actions recorded. The V's are the same (from all walks). Three ways to go on:
# a flat policy from the few; both levels of HIQL from the few; the low level from the few, below a high level from *all* walks.

# %% tags=["folded"] alt="Success over distance with the actions of 5 walks known: flat, HIQL from these walks, and HIQL with a high level from all walks."
# Draw the recorded results, and paired differences
for walks in levels.FEW:
    viz.show(
        figures.by_distance(table, ("low level only", "both levels", "flat"), walks),
        alt=f"Success over distance with the actions of {walks} walks, with the hand and greedy, for three ways to learn from them.",
    )
    print(
        f"{walks} walks with actions: a high level from all walks, less both levels from the few:\n",
        figures.paired(table, "low level only", "both levels", walks),
    )
    print("\nand less the flat policy:\n", figures.paired(table, "low level only", "flat", walks), "\n")

# %% [markdown]
# With the hand, a high level that watched all walks adds about two tenths of success in the middle to one that watched five; nearby the flat policy does as well. Five walks with actions, and 495 without, keep more than half of what 500 with actions gave. (One choice of five walks, and a shorter
# training than above; five seeds vary the nets, not the walks.)
#
# That V and the high level cannot have read actions is no claim but a test in this course: they train on data whose actions are missing.
#
# ## Try it
#
# **Click** a goal (or use the arrow keys once the picture has the focus). An arrow leads from each cell to the place that the high level proposes there; colours are V. Where do arrows lead through walls? Where do seeds disagree: near the goal, or where two ways are almost equally long?

# %% alt="Arrows from each cell to the proposed subgoal over the colours of V, for a goal that can be clicked."
subgoal_map = figures.SubgoalMap(world, hiql, values)
explorer = viz.click_explorer(
    subgoal_map.draw,
    point=subgoal_map.nearest((40.0, 20.0)),
    nearest=subgoal_map.nearest,
    step=4.0,
    alt=subgoal_map.alt,
    figsize=(8.0, 5.4),
    seed=(0, giant.SEEDS - 1, 1, 0),
)

# %% [markdown]
# ## A question for thought (3 points)
#
# A team has 10,000 hours of video of people cooking, and 20 hours of robot data with actions. They plan HIQL: V and the high level from everything, the low level from the robot's data. In the robot's data, subgoals ($k$ = 2 s) are camera pictures. Name *two* things that could go wrong although every loss goes down,
# and say for each what you would measure, before any roll-out, to find it.

# %% [markdown] question="video" points=3
# <!-- BEGIN SOLUTION -->
# *A model answer.* (1) The high level proposes what *hands of people* look like in two seconds: pictures that the low level never saw and cannot bring about (another embodiment, another speed). Measure: from robot states, how far proposed pictures (or their representations) lie from the robot data's own states two seconds
# later, against the distance between two such states; or whether a classifier tells proposals from robot pictures. (2) People are faster, or take other ways: V's steps are people's steps, so "two seconds ahead" is not reachable in two seconds for the robot; V then overrates. Measure: V along held-out robot walks, does it rise by what
# it should per step? (3) An average of several possible futures is a blur that is no state: measure the spread of real waypoints at similar states against the guess's distance to the nearest of them. (4) The low level has few walks for subgoals proposed off its data: its error on held-out robot walks by distance of the subgoal from those it was trained on. (1 point for each of two
# risks that are the hierarchy's and not just "too little data"; 1 point for measures that need no roll-out and could come out either way.)
# <!-- END SOLUTION -->

# %% [markdown]
# ## Summary
#
# 1. V learns from states alone. Read over $k$ steps its differences are clearer than over one, as far as V knows the way at all.
# 2. The high level imitates good waypoints, the low level good actions, each weighted by an advantage *for its own goal*.
# 3. Near goals are easy: with a perfect high level, the learned low level arrives everywhere. What HIQL loses, its guesses lose.
# 4. Greedy roll-outs in a still world blame the wrong level, and make drawn subgoals look good.
# 5. Only the low level needs actions.
#
# ## References
#
# - S. Park, D. Ghosh, B. Eysenbach, S. Levine. [HIQL: Offline Goal-Conditioned RL with Latent States as Actions](https://arxiv.org/abs/2307.11949). NeurIPS 2023.
# - I. Kostrikov, A. Nair, S. Levine. [Offline Reinforcement Learning with Implicit Q-Learning](https://arxiv.org/abs/2110.06169). ICLR 2022. The expectile.
# - S. Park, K. Frans, B. Eysenbach, S. Levine. [OGBench](https://arxiv.org/abs/2410.20092). ICLR 2025. The maze, and released code of HIQL.
#
# **Next:** unit 5 asks why one should keep two levels at all. Chapter 15 derives what a *flat* policy can learn from a subgoal-conditioned one.
