# %% [markdown]
# # 16 · SAW: a flat policy that learns from subgoals
#
# **A hierarchy reaches far goals because its lower level only ever looks a few steps ahead. Can one flat policy learn to do the same, without a second level at run time and without
# generating a single subgoal?**
#
# | | |
# | --- | --- |
# | **You will learn** | why a far goal blurs the advantage of an action sooner than that of a waypoint; |
# | | SAW's objective, term by term, and what each term pulls at; |
# | | how a method is checked against its authors' own numbers, and what a learning curve cannot prove |
# | **You need** | goal-conditioned values and advantage-weighted regression (chapter 2). Chapter 15 derives what is stated here |
# | **Time** | 75 minutes to read and solve, 3 to 4 minutes to compute |
# | **Exercises** | five, 16 points, and one question for thought, 2 points |
#
# [Chapter 15](15_policy_bootstrapping.ipynb) · [all chapters](../../README.md#the-chapters) · [chapter 17](17_what_saw_is_made_of.ipynb)
#
# SAW stands for *Subgoal Advantage-Weighted Policy Bootstrapping*, by Zhou and Kao,
# [Flattening Hierarchies with Policy Bootstrapping](https://arxiv.org/abs/2505.14975) (NeurIPS 2025). Below are two flat policies, nets that map where you are and where you want to be to an action. They
# learned from the same data, with the same value function, and are asked for the same far goals.

# %% tags=["setup", "folded"]
# Imports and settings
import copy
import json
import os
from dataclasses import replace

import numpy as np
import pandas as pd
import torch
from scipy import stats
from torch import Tensor

from saw_edu import checks, viz
from saw_edu.agents import SAW
from saw_edu.agents.objectives import Metrics, awr_weights, values_of
from saw_edu.course import giant
from saw_edu.course.ch16 import figures, probes
from saw_edu.course.ch16.maze_explorer import maze_explorer
from saw_edu.data import Batch, HindsightSampler
from saw_edu.evaluation import seed_interval
from saw_edu.nn import Networks
from saw_edu.place import asset
from saw_edu.training import train

FAST = os.environ.get("SAW_EDU_FAST") == "1"  # set by automatic tests: a short version of everything
if FAST:
    print("Fast mode: fewer training steps and episodes. Numbers and figures below are not the real ones.")
torch.set_num_threads(1)
viz.style.use()

# %% alt="Two mazes with the same six far goals and the paths of GCIVL and of SAW from the same starts."
world = giant.make_world()
data = giant.make_data(world)
value, gcivl, saw = (giant.load(name, world.spec) for name in ("value", "gcivl", "saw"))  # five seeds of each

starts, goals = giant.make_episodes(world)
far = torch.nonzero(world.distances(starts, goals) >= giant.FARTHEST_THIRD).squeeze(1)
six = torch.linspace(0, len(far) - 1, 6).long().tolist()  # evenly picked from the list
viz.show(
    figures.first_look(world, {"gcivl": gcivl, "saw": saw}, starts[far], goals[far], six),
    alt="Two mazes with the same six far goals and the paths of two policies from the same starts, GCIVL left and SAW "
    "right. Numbers say which goal belongs to which start. Paths that fail are dashed and end in a cross; the titles "
    "say what share of all far goals is reached.",
)

# %% [markdown]
# ## 1 · The world, and how we act in it
#
# The layout is that of OGBench's *giant* maze, 16 × 12 cells, with longer steps and our own data: 500 walks by someone who goes to one random place after another, with a shaky hand: N(0, .5) is added to each
# of its actions. The nets see a position as 22 numbers, sines and cosines of it among them. **A cell is four steps wide**: 25 cells are about 100 steps, and a waypoint $k = 8$ steps ahead is two cells away. A goal is
# *reached* within one unit, a quarter of a cell, and an episode fails when 200 steps are not enough.
#
# A policy is a distribution. Chapters 1 and 2 found that in a world without noise a **greedy** policy comes to rest wherever its mean action fades, and an episode is lost that a shaky hand would win. So the main number
# in this course is the one with the walkers' own hand (temperature .5), and greedy stands beside it.
#
# ## 2 · What a far goal does to an advantage
#
# GCIVL weighs the action in the data by its advantage $A(s, a, g) = V(s', g) - V(s, g)$: how much closer did this one
# step bring us to the goal? For a goal $d$ steps away, with discount $\gamma$ and a reward of $-1$ a step, the exact value
# is $V = -\frac{1 - \gamma^d}{1 - \gamma}$, so one step towards the goal changes it by $\gamma^{d-1}$. That
# shrinks exponentially with the distance. The error of a *learned* value does not (chapter 3).
#
# Take two states, one a step along the shortest path and one a step straight back, and ask the learned
# value which is better. The *sign* may be wrong: at worst, V guesses. Or the *size* may be so small that $e^{\alpha A}$ weighs both alike; then the policy imitates the average of everything. Now ask the same
# about two *waypoints*, eight steps along the path or eight back. **Your guess:** from which distance on does V guess about steps, and from which about waypoints? (Pairs without a way back are left out of both. Weights have α = 3.)

# %% alt="Two curves each, one step against eight steps, over the distance to the goal: how often V prefers the right way, and how much larger the right one's weight is."
told_apart = {steps: probes.two_ways(world, value, steps, 30 if FAST else 300) for steps in (1, giant.SUBGOAL_STEPS)}
viz.show(
    figures.one_step_or_eight(told_apart),
    alt="Over the distance to the goal, one step against eight. Left, how often a learned value prefers the right "
    "way: both fall towards guessing, one step sooner. Right, how many times larger the right way's weight is: "
    "for one step it comes near one much sooner than for eight.",
)
for steps, (sign, size) in told_apart.items():
    print(
        f"13 to 16 cells, {steps} step(s): right {sign[:, 3].mean():.0%} of the time, weight {np.exp(3 * size[:, 3].mean()):.1f} times the other's"
    )

# %% [markdown]
# This is the reason for hierarchy in offline goal-reaching: **a value that hardly prefers one action to another for a
# distant goal may still prefer one waypoint to another**, and a near waypoint is a goal for which it *can* rank actions. It
# is no miracle: V's errors are smooth and fool neighbouring waypoints alike, and at the far end of the maze this V
# guesses about both. Expect every method to be weak there.
#
# HIQL uses that at run time: its upper level generates a waypoint, its lower level goes there. SAW uses it at *training*
# time only.
#
# ## 3 · Bootstrapping a policy from an easier one
#
# Train a **subgoal policy** $\pi_{\text{sub}}(a \mid s, w)$ with plain AWR, but only on goals $w$ that lie $k$ steps
# ahead in the data. Near goals, clear advantages: easy to learn. Now suppose somebody told us a good waypoint $w$ between $s$ and $g$. Then $\pi_{\text{sub}}(\cdot \mid s, w)$ is a good
# target for the flat policy $\pi(\cdot \mid s, g)$: *do for the far goal what you would do for the waypoint*. Learning one
# policy from another one's output is **policy bootstrapping**.
#
# Who tells us the waypoint? HIQL and RIS train a model that *generates* one. SAW generates nothing. Every
# trajectory that passes through $s$ already contains a state $w$ that lies $k$ steps later; some are on a good way to $g$,
# some are not. So take what the trajectory offers, and give it an **importance weight** (chapter 15 says of what),
#
# $$ u(s, w, g) = \min\!\big(e^{\beta A(s, w, g)},\, 100\big), \qquad A(s, w, g) = V(w, g) - V(s, g). $$
#
# The clip keeps a single lucky transition from owning a whole batch. Let us look at some weights. In training, $g$ lies on the same trajectory as $s$ and $w$; here we fix one state and one goal
# and let many trajectories pass. **Your guess:** for which of two goals, 10 cells away or 21, do the bright dots lie on the way?

# %% alt="Waypoints of the data around one state, coloured by their weight, for a goal at medium distance and a far one."
around = {}
for pair in (100, int(far[7])):
    cells = world.distances(starts[pair : pair + 1], goals[pair : pair + 1]).item()
    seen = probes.weights_around(world, data, value, starts[pair], goals[pair])
    around[cells] = (starts[pair], goals[pair], *seen)
viz.show(
    figures.waypoint_weights(world, around),
    alt="Waypoints of the data around one state, coloured by their weight, for two goals. Left, a goal at medium "
    "distance: the weights agree well with how much nearer each waypoint is. Right, a far goal: they hardly do.",
)
print("agreement: rank correlation of a waypoint's weight with how many cells nearer to the goal it really is")

# %% [markdown]
# Where V is right, so are the weights. No way of extracting a policy can know more than the value it extracts from.
#
# **How far is one policy from another?** The paper writes the pull as $\mathrm{KL}(\pi \,\|\, \pi_{\text{sub}})$. With one constant standard deviation for both, as here and by default in the released code, both directions are half the
# squared distance of the means (chapter 15, section 4), and the code leaves out the ½.
#
# ### Exercise 1 · The bootstrapping loss
# *3 points · medium · 6 minutes*
#
# Write `bootstrapping_loss(means, subgoal_means, weights)`: the weighted distance to the teacher, without a factor ½. Who may learn from this loss? Only π. The teacher π_sub has its own loss, and the
# weights belong to the value.
#
# <details><summary>Hint 1: a question</summary>Which axis is the batch, and which holds the numbers of one action? Over which of them is the distance summed?</details>
# <details><summary>Hint 2: a nudge</summary>Each row is multiplied by its own weight <i>before</i> the mean over the batch.</details>
# <details><summary>Hint 3: almost the answer</summary><code>(weights * distance).mean()</code>, with <code>distance</code> of shape (B,) and two tensors detached.</details>


# %% exercise="bootstrapping-loss"
def bootstrapping_loss(means: Tensor, subgoal_means: Tensor, weights: Tensor) -> Tensor:
    """Mean over the batch of u(s, w, g) times the squared distance of the policies' means.

    Args:
        means: means of the flat policy π(. | s, g), (B, act).
        subgoal_means: means of the teacher π_sub(. | s, w), (B, act); no gradient may flow here.
        weights: importance weights u, (B,); no gradient may flow here.

    Returns:
        A scalar, shape ().
    """
    ### BEGIN SOLUTION
    distance = (means - subgoal_means.detach()).square().sum(dim=-1)  # (B,)
    return (weights.detach() * distance).mean()
    ### END SOLUTION


# %% check="bootstrapping-loss" points=3
checks.ch16.bootstrapping_loss(bootstrapping_loss)
### BEGIN HIDDEN TESTS
from saw_edu.classroom import hidden

hidden("ch16").bootstrapping_loss(bootstrapping_loss)
### END HIDDEN TESTS


# %% [markdown]
# ## 4 · The whole objective
#
# SAW keeps GCIVL's one-step term, which is excellent for near goals, and adds the bootstrapping term. The flat policy
# maximises
#
# $$ \mathbb{E}\Big[\, e^{\alpha A(s, a, g)} \log \pi(a \mid s, g) \;-\; e^{\beta A(s, w, g)}\,
# \mathrm{KL}\big(\pi(\cdot \mid s, g) \,\|\, \pi_{\text{sub}}(\cdot \mid s, w)\big) \Big], $$
#
# where $(s, a, s')$, the goal $g$ and the waypoint $w$ are all read from one trajectory: $w$ is the state $k$ steps after
# $s$, or $g$ itself where $g$ comes sooner.
#
# ### What each term pulls at
#
# With a standard deviation of one, $-\log \pi(a \mid s, g)$ is half the squared distance of $a$ from the policy's mean $m(s, g)$, and a constant. So the loss
# of one row, with clipped weights $u_a = e^{\alpha A(s, a, g)}$ and $u_w = e^{\beta A(s, w, g)}$, has a gradient that reads like a
# tug of war (the 2 is the missing ½):
#
# $$ \nabla_m = u_a\,\big(m - a\big) \;+\; 2\,u_w\,\big(m - m_{\text{sub}}(s, w)\big). $$
#
# The first term pulls $m$ to the *action that was taken*, the second to *what π_sub would do* for the waypoint that was passed. Ask 20 000 rows of the data, with the recorded V and π_sub: how hard do the terms pull, and how well do
# their targets point along the shortest path (1: exactly; 0: at right angles)? **Your guess:** which term is louder for near goals? And from which distance on is the one-step term plain imitation?

# %% alt="Over the distance to the goal: left, the mean weights of both terms; right, how well each term's targets point along the shortest path."
rows_seen = probes.Rows(world, data, value, saw, 2_000 if FAST else 20_000)
viz.show(
    figures.tug_of_war(rows_seen.pulls, rows_seen.targets),
    alt="Over the distance to the goal, five seeds. Left: the one-step term's pull falls to one, the "
    "bootstrapping term's is many times as large at every distance. Right: weighted actions point the "
    "right way nearby, but far away no better than all actions; π_sub at weighted waypoints stays the better "
    "target.",
)
for name, numbers in rows_seen.targets.items():
    near, middle, far_away = (numbers[:, i].mean() for i in (0, 3, 5))
    print(f"{name.replace('$', ''):32} {near:.2f} near, {middle:.2f} at 13 to 16 cells, {far_away:.2f} at 21 to 24")

# %% [markdown]
# Left: the waypoint's pull is many times the action's at every distance. Beyond some 13 cells an action's weight is near one. Right: near the goal, weighting makes good targets of both. At 13 to 16 cells it
# does nothing any more for actions and nearly doubles how well the waypoints' targets point. **SAW lives on such a gap.** From 21 cells on V hardly tells waypoints apart either: weighted targets are little better than unweighted
# ones. What is left there is something else, the dotted lines: even unweighted, π_sub is a better target than the action itself, for it is an average over many walks. Chapter 17 takes the two apart.
#
# ### Exercise 2 · The objective as a loss
# *3 points · medium · 8 minutes*
#
# Write `saw_objective(...)`: both terms, with the sign an optimiser wants, and both weights.
#
# <details><summary>Hint 1: a question</summary>The formula is to be maximised. What does an optimiser do with the number you return?</details>
# <details><summary>Hint 2: a nudge</summary>Both advantages start at the same V(s, g). They end at V(s', g) and V(w, g). Clip after the exponential; <code>Tensor.clamp</code> takes <code>max=</code>.</details>
# <details><summary>Hint 3: almost the answer</summary>Two weights, each an advantage times its temperature, <code>.exp()</code>, <code>.clamp(max=100.0)</code>, <code>.detach()</code>; then <code>-(one * log_probs).mean() + (other * divergence).mean()</code>.</details>


# %% exercise="saw-objective"
def saw_objective(
    log_probs: Tensor, divergence: Tensor, v: Tensor, v_next: Tensor, v_waypoint: Tensor, alpha: float, beta: float
) -> Tensor:
    """The flat policy's loss: SAW's objective with the sign turned. Both weights are clipped at 100, without gradient.

    Args:
        log_probs: log π(a | s, g), (B,).
        divergence: of π(. | s, g) from π_sub(. | s, w), (B,).
        v, v_next, v_waypoint: V(s, g), V(s', g), V(w, g), each (B,).
        alpha: α, for the action's advantage.
        beta: β, for the waypoint's advantage.

    Returns:
        A scalar to minimise, shape ().
    """
    ### BEGIN SOLUTION
    action_weights = (alpha * (v_next - v)).exp().clamp(max=100.0).detach()
    importance = (beta * (v_waypoint - v)).exp().clamp(max=100.0).detach()
    return -(action_weights * log_probs).mean() + (importance * divergence).mean()
    ### END SOLUTION


# %% check="saw-objective" points=3
checks.ch16.saw_objective(saw_objective)
### BEGIN HIDDEN TESTS
from saw_edu.classroom import hidden

hidden("ch16").saw_objective(saw_objective)
### END HIDDEN TESTS


# %% [markdown]
# **Does the formula hold, and do your functions agree with it?** The last thing that π's net does is to add a bias to $m$. So the gradient of your loss with respect to that bias must be the mean of $\nabla_m$ over a batch.

# %%
few = Batch(*(None if entry is None else entry[:64] for entry in rows_seen.batch))
networks = copy.deepcopy(saw.networks[0]).requires_grad_(True)
gain_a, gain_w = (advantage[:64] for advantage in rows_seen.advantages(0))
policy = networks.policy(few.observations, few.policy_goals)
taught = networks.subgoal_policy(few.observations, few.waypoints).mean.detach()
squares = (policy.mean - taught).square().sum(-1)
loss = saw_objective(
    policy.log_prob(few.actions), squares, torch.zeros(64), gain_a, gain_w, 3.0, 3.0
)  # V(s, g) = 0 for all
loss.backward()

u_a, u_w = awr_weights(gain_a, 3.0)[:, None], awr_weights(gain_w, 3.0)
m = policy.mean.detach()
by_formula = (u_a * (m - few.actions) + 2 * u_w[:, None] * (m - taught)).mean(dim=0)
print("by the formula   ", by_formula.tolist())
print("by saw_objective ", networks.policy.mean.bias.grad.tolist())
print(f"its second term, by bootstrapping_loss: {bootstrapping_loss(m, taught, u_w).item():.4f}")
assert torch.allclose(networks.policy.mean.bias.grad, by_formula, rtol=1e-3)

# %% [markdown]
# ### Exercise 3 · Your SAW against the authors' numbers
# *4 points · hard · 14 minutes*
#
# A loss that trains is not yet a loss that is right. So the check does not look at a learning curve. It plugs your function
# into the library's SAW, loads parameters and a batch that **the authors' JAX code** worked on in double precision, and
# compares the loss and the gradient of every network, to one part in a billion. At hand are:
#
# | | |
# | --- | --- |
# | `values_of(networks, [s, s_next, w], g, networks.goal_rep)` | $V(s, g), V(s', g), V(w, g)$, each (B,), without gradient |
# | `agent.policy(networks, s, g)` | the distribution $\pi(\cdot \mid s, g)$, with `.log_prob(a)`, (B,), and `.mean`, (B, act) |
# | `networks.subgoal_policy(s, w)` | the distribution $\pi_{\text{sub}}(\cdot \mid s, w)$ |
# | `batch.waypoints`, `batch.policy_goals` | $w$ and $g$ |
# | `batch.subgoals`, `batch.value_goals` | what π_sub and V train on |
#
# Value and flat policy see the goal through a learned representation in this case; the first two calls take care of that. π_sub sees the waypoint as it is. The standard deviation is constant, so use
# the squared distance of the means.
#
# <details><summary>Hint 1: a question</summary>Which goals does the flat policy train on, <code>batch.value_goals</code>, <code>batch.subgoals</code> or <code>batch.policy_goals</code>?</details>
# <details><summary>Hint 2: a nudge</summary>Everything about π_sub belongs under <code>torch.no_grad()</code>.</details>
# <details><summary>Hint 3: almost the answer</summary>Get the three values; the policy and its log-probabilities; the teacher's mean; the squared distance, summed over the action's dimensions; then <code>saw_objective</code> with <code>agent.alpha</code> and <code>agent.beta</code>.</details>


# %% exercise="flat-policy-loss"
def flat_policy_loss(agent, networks: Networks, batch: Batch) -> tuple[Tensor, Metrics]:
    """The flat policy's loss on a batch: one-step term plus bootstrapping term.

    Args:
        agent: a SAW with its hyperparameters (`alpha`, `beta`, ...).
        networks: `value`, `goal_rep`, `subgoal_policy`, `policy`, ...
        batch: `observations`, `next_observations`, `actions`, `policy_goals`, `waypoints`, ...

    Returns:
        The loss, shape (), and a dictionary of numbers to watch. It may be empty; the live run below draws
        "waypoint/kld", the mean distance between the policies, where it is there.
    """
    ### BEGIN SOLUTION
    s, s_next, a = batch.observations, batch.next_observations, batch.actions
    w, g = batch.waypoints, batch.policy_goals
    v, v_next, v_waypoint = values_of(networks, [s, s_next, w], g, networks.goal_rep)
    policy = agent.policy(networks, s, g)
    with torch.no_grad():
        subgoal_policy = networks.subgoal_policy(s, w)
    distance = (policy.mean - subgoal_policy.mean).square().sum(dim=-1)  # (B,)
    loss = saw_objective(policy.log_prob(a), distance, v, v_next, v_waypoint, agent.alpha, agent.beta)
    return loss, {"waypoint/kld": distance.mean().detach()}
    ### END SOLUTION


# %% check="flat-policy-loss" points=4
checks.ch16.flat_policy_loss(flat_policy_loss)
### BEGIN HIDDEN TESTS
from saw_edu.classroom import hidden

hidden("ch16").flat_policy_loss(flat_policy_loss)
### END HIDDEN TESTS


# %% [markdown]
# ### Exercise 4 · Which state is the waypoint?
# *2 points · medium · 6 minutes*
#
# The data are one long table of states, trajectory after trajectory: the state one step after row $i$ is row $i + 1$, as long
# as the trajectory lasts. For each row $s$ of a batch, the sampler has drawn the row of a goal $g$. Two more rows are wanted:
#
# - **π_sub's goal**: $k$ steps after $s$, or the trajectory's last row where that comes sooner. It has nothing to do with $g$.
# - **The waypoint** $w$: $k$ steps after $s$, or $g$ where $g$ comes sooner. What lies beyond the goal is not on the way to it.
#
# Some agents also train on **random goals**, states from anywhere in the data. A random goal's row number says nothing about the
# trajectory of $s$. Then the waypoint is $k$ steps ahead, as if there were no $g$.
#
# <details><summary>Hint 1: a question</summary>Of two rows of one trajectory, which one comes sooner: the smaller or the larger?</details>
# <details><summary>Hint 2: a nudge</summary><code>torch.minimum</code> compares two tensors row by row. <code>torch.where(is_random, this, that)</code> chooses row by row.</details>
# <details><summary>Hint 3: almost the answer</summary>First <code>ahead</code>, the smaller of k steps later and the last row. That is π_sub's goal. The waypoint is <code>ahead</code> for random goals and the smaller of <code>ahead</code> and <code>goal_rows</code> for the others.</details>


# %% exercise="waypoint-rows"
def waypoint_rows(
    rows: Tensor, goal_rows: Tensor, last_rows: Tensor, is_random: Tensor, subgoal_steps: int
) -> tuple[Tensor, Tensor]:
    """Rows of π_sub's goals and of the waypoints.

    Args:
        rows: the row of s, (B,), whole numbers.
        goal_rows: the row of g, (B,).
        last_rows: the last row of the trajectory of s, (B,).
        is_random: True where g was drawn from all data, (B,). Elsewhere g lies on the trajectory of s, at s or later.
        subgoal_steps: k.

    Returns:
        The rows of π_sub's goals, (B,), and the rows of the waypoints, (B,).
    """
    ### BEGIN SOLUTION
    ahead = torch.minimum(rows + subgoal_steps, last_rows)
    return ahead, torch.where(is_random, ahead, torch.minimum(ahead, goal_rows))
    ### END SOLUTION


# %% check="waypoint-rows" points=2
checks.ch16.waypoint_rows(waypoint_rows)
### BEGIN HIDDEN TESTS
from saw_edu.classroom import hidden

hidden("ch16").waypoint_rows(waypoint_rows)
### END HIDDEN TESTS


# %% [markdown]
# ### Exercise 5 · Your SAW, assembled
# *4 points · hard · 10 minutes*
#
# Two pieces make a whole SAW of your own. `MySampler` draws batches with *your* waypoints; it is written already. `MySAW`
# trains both policies with *your* losses. It inherits the value function, the networks and all hyperparameters from the library's
# `SAW`, and that is all it may inherit: the library's own policy losses are locked while the check runs.
#
# The flat policy's loss you have (exercise 3). The teacher's is missing. **π_sub** learns with plain AWR, as GCIVL does, but its
# goal is `batch.subgoals`. Call it $w$:
#
# $$ -\,\mathbb{E}\big[\, e^{\alpha A(s, a, w)} \log \pi_{\text{sub}}(a \mid s, w) \big], \qquad A(s, a, w) = V(s', w) - V(s, w), $$
#
# with an inverse temperature of its own, `self.subgoal_alpha`. `awr_weights(advantages, alpha)` is $\min(e^{\alpha A}, 100)$, without gradient. The check asks for the authors' batch (the loss, and the gradient of *every* network), the rows that your sampler draws,
# and the networks after five steps of the library's training loop.
#
# <details><summary>Hint 1: a question</summary>V(·, g) says how near to g a state is. For π_sub's advantage, near to what?</details>
# <details><summary>Hint 2: a nudge</summary><code>values_of</code> with two states, s and s', and the subgoals in the place of the goals. Then <code>awr_weights</code>, and a log-probability of <code>networks.subgoal_policy(s, w)</code>.</details>
# <details><summary>Hint 3: almost the answer</summary><code>flat, metrics = flat_policy_loss(self, networks, batch)</code>, then <code>return teacher + flat, metrics</code>, where <code>teacher</code> is minus the mean of weights times log-probabilities.</details>


# %% exercise="my-saw"
class MySampler(HindsightSampler):
    """The library's sampler, with your waypoints. Nothing to do here."""

    def waypoint_rows(self, rows: Tensor, policy_goals: Tensor, is_random: Tensor) -> tuple[Tensor, Tensor]:
        last_rows = self.trajectories.final_index[rows]
        return waypoint_rows(rows, policy_goals, last_rows, is_random, self.subgoal_steps)


class MySAW(SAW):
    """The library's SAW, with your losses for both policies."""

    def policy_loss(self, networks: Networks, batch: Batch) -> tuple[Tensor, Metrics]:
        """π_sub's loss plus the flat policy's.

        Args:
            networks: `value`, `goal_rep`, `subgoal_policy` (π_sub), `policy`, ...
            batch: as in exercise 3; `batch.subgoals` are π_sub's goals, (B, obs).

        Returns:
            The sum of both losses, shape (), and the dictionary that `flat_policy_loss` returns.
        """
        ### BEGIN SOLUTION
        s, s_next, a, w = batch.observations, batch.next_observations, batch.actions, batch.subgoals
        v, v_next = values_of(networks, [s, s_next], w, networks.goal_rep)
        log_probs = networks.subgoal_policy(s, w).log_prob(a)
        teacher = -(awr_weights(v_next - v, self.subgoal_alpha) * log_probs).mean()
        flat, metrics = flat_policy_loss(self, networks, batch)
        return teacher + flat, metrics
        ### END SOLUTION


# %% check="my-saw" points=4
checks.ch16.my_saw(MySAW, MySampler)
### BEGIN HIDDEN TESTS
from saw_edu.classroom import hidden

hidden("ch16").my_saw(MySAW, MySampler)
### END HIDDEN TESTS


# %% [markdown]
# ## 5 · Does it work?
#
# Four ways to get a policy out of the same data. The three that need a value function share **one and the same**, so that
# they differ in how they extract a policy from it, each with its published α (GCIVL 10, HIQL and SAW 3): **GCBC** imitates every action on the way to whatever was reached, **GCIVL** weighs actions by their one-step advantage, **HIQL** has two levels,
# the upper one trained on waypoints by their advantage, and **SAW** you know.
#
# Five seeds were recorded. You train
# all four policies of one seed live, from the recorded value function of seed 0: about two minutes. **SAW is yours**: `MySAW` in the
# library's training loop, on batches of `MySampler`. (Where an exercise is not right yet, the library's SAW takes its place,
# and the cell says so.)
#
# **Your guess:** who is best at the nearest goals, and who at the farthest?

# %%
parts = {
    "exercise 3 (flat_policy_loss)": (checks.ch16.flat_policy_loss, flat_policy_loss),
    "exercise 4 (waypoint_rows)": (checks.ch16.waypoint_rows, waypoint_rows),
    "exercise 5 (MySAW)": (checks.ch16.my_saw, MySAW, MySampler),
}
not_yet = [name for name, (check, *answers) in parts.items() if not check.judge(check.probe(*answers)).passed]
agents, samplers = giant.make_agents(), {}
if not_yet:
    print(f"Not done, or not right yet: {', '.join(not_yet)}. So the SAW below is the library's, not yours.")
else:
    agents["saw"], samplers["saw"] = MySAW(**vars(agents["saw"])), MySampler
    print("The SAW below is yours: your losses, your waypoints.")

config = replace(giant.POLICY_CONFIG, steps=100, log_every=10) if FAST else giant.POLICY_CONFIG
seed_0 = replace(value, seeds=[0], networks=value.networks[:1])
live = {}
for name, agent in agents.items():
    value_from = None if name == "gcbc" else seed_0
    live[name] = train(agent, data, config, [0], value_from=value_from, sampler=samplers.get(name, HindsightSampler))

# %% alt="Training curves of SAW: the loss of both policies, and the distance of the flat policy from the subgoal policy, over gradient steps."
viz.show(
    figures.training(live["saw"].metrics),
    alt="Training of SAW, one seed. Left: the loss of both policies over gradient steps. "
    "Right, where the loss reports it: the squared distance between the flat policy and the subgoal policy.",
)

# %% [markdown]
# Both nets start near zero, so the distance between them does too. It rises as the teacher learns, and settles; it should not return to zero. At one $(s, g)$ the data hold many waypoints, each with its own advice, and π
# follows their weighted mean.
#
# **Is it your functions that were trained?** On one fixed batch of 1024 transitions, with the networks that you trained: do your functions and the library's give the same loss, and every network the same gradient?


# %% tags=["folded"]
# Loss and gradients of your agent and of the library's, in double precision
def loss_and_gradients(agent: SAW, draws: type[HindsightSampler]) -> Tensor:
    """The loss of both policies and all gradients, one after the other, with the networks trained live."""
    sampler = draws(data, agent.goals, agent.discount, agent.subgoal_steps)
    batch = sampler.sample(1024, torch.Generator().manual_seed(7))
    batch = Batch(*(None if entry is None else entry.double() for entry in batch))
    networks = copy.deepcopy(live["saw"].networks[0]).double()
    learned = list(networks.subgoal_policy.parameters()) + list(networks.policy.parameters())
    for parameter in learned:
        parameter.requires_grad_()
    loss, _ = agent.policy_loss(networks, batch)
    return torch.cat([loss.detach()[None], *(g.reshape(-1) for g in torch.autograd.grad(loss, learned))])


if not_yet:
    print(f"Nothing of yours to compare: {', '.join(not_yet)} not done, or not right yet.")
else:
    yours = loss_and_gradients(agents["saw"], MySampler)
    library = loss_and_gradients(giant.make_agents()["saw"], HindsightSampler)
    error = (yours - library).norm() / library.norm()
    print(f"loss {yours[0]:.6f} and {library[0]:.6f}; {len(yours) - 1} gradient numbers; relative error {error:.1e}")
    assert error < 1e-6

# %% [markdown]
# Now the roll-outs, 350 episodes at seven distances. How good should your run get? A single run differs from the next by chance, so expect a *band*: from five recorded successes with
# mean $m$ and standard deviation $\sigma$, one more run lies in $m \pm t\,\sigma\sqrt{1 + 1/5}$ with a probability of 95 %, if runs are
# normally distributed ($t = 2.78$, Student's t for four degrees of freedom). It is wide: **a success inside the band proves little.** That is why the checks above ask for the numbers that your functions return, and not for a curve.

# %% alt="Success over distance to the goal for GCBC, GCIVL, HIQL and SAW with bands over five seeds, and the live seed as hollow markers; left with noise on the actions, right greedy."
about = json.loads(asset("results/nine/provenance.json").read_text())
print(f"five seeds recorded by {about['command']} at commit {about['commit']}, {about['date']}")
recorded = pd.read_csv(asset("results/nine/episodes.csv")).query("agent in @figures.METHODS")
few = slice(None, None, 25) if FAST else slice(None)
tables = [giant.drawn_and_greedy(live[name], world, starts[few], goals[few]).assign(agent=name) for name in live]
trained = pd.concat(tables)
viz.show(
    figures.success(recorded, trained),
    alt="Success over distance to the goal in the giant point maze, five seeds with 95 % intervals. Left, drawn actions: SAW is the highest from five cells "
    "on until HIQL meets it at the farthest, GCIVL and GCBC fall sooner. Right, greedy actions: all are lower, most of all near the goal.",
)

# %% tags=["folded"]
# Differences paired by seed (all share V), and the band for your run
DISTANCES = {"nearest (1 to 4 cells)": (1, 5), "all goals": (1, 99), "farthest third": (giant.FARTHEST_THIRD, 99)}


def per_seed(table: pd.DataFrame, name: str, temperature: float, low: int, high: int) -> np.ndarray:
    """Success of each seed on goals from `low` to below `high` cells away."""
    chosen = table[(table["agent"] == name) & (table["temperature"] == temperature)]
    return chosen[chosen["distance"].between(low, high - 1)].groupby("seed")["success"].mean().to_numpy()


rows, bands = {}, []
for temperature in (giant.NOISE, 0.0):
    for title, (low, high) in DISTANCES.items():
        five = {name: per_seed(recorded, name, temperature, low, high) for name in figures.METHODS}
        row = {f"{viz.style.method(name).label}": f"{five[name].mean():.2f}" for name in figures.METHODS}
        for other in ("gcivl", "hiql"):
            gap = five["saw"] - five[other]
            ends = seed_interval(gap)
            row[f"SAW − {viz.style.method(other).label}"] = f"{gap.mean():+.2f} ({ends[0]:+.2f} to {ends[1]:+.2f})"
        rows["drawn" if temperature else "greedy", title] = row
        if temperature:
            half = stats.t.ppf(0.975, 4) * five["saw"].std(ddof=1) * np.sqrt(1 + 1 / 5)
            one = per_seed(trained, "saw", temperature, low, high).mean()
            bands.append(
                f"{title:24} {one:.2f}   band {five['saw'].mean() - half:.2f} to {five['saw'].mean() + half:.2f}"
            )
display(pd.DataFrame(rows).T)
print(f"SAW trained live, {'the library’s' if not_yet else 'your own'}, drawn actions:")
print("\n".join(bands))

# %% [markdown]
# ### What this shows, and what it does not
#
# - With one fixed value function, the *extraction* decides how far the flat policy gets. **With the walkers' hand, SAW is ahead of GCIVL by 22 points over all goals and by 31 in the farthest third**; at the nearest goals the two
#   are even. A flat policy can learn from waypoints what a hierarchy does with them.
# - **Over all goals SAW is also ahead of this HIQL**, by 9 points. In the farthest third the interval of the difference holds zero, and from 25 cells on the two curves meet: there we claim nothing. And *this* HIQL generates whole states of 22 numbers. Its usual form has a learned representation: the cell below puts it beside SAW.
# - **Greedy, the picture changes**: everybody loses most near the goal, and GCIVL is ahead of SAW there. Read a greedy curve as two things at once, knowing the way and not stopping on it. Chapter 17 asks where SAW stops.
# - **No method is good far away.** All is extracted from a value that is blurred there. We chose γ = .96 such that the far end of this maze is about as faint as the far end of the paper's mazes is at theirs.
# - Published defaults are the inverse temperatures and the expectile .7 of SAW and HIQL (GCIVL's own is .9; here it shares their V). Ours are k, γ, the nets' sizes, the learning rate, and goals without a learned representation.
# - It is one maze, five seeds, a laptop. The paper's claims rest on OGBench's suite, which is unit 6.

# %%
other = pd.read_csv(asset("results/nuisance/seeds.csv"), dtype={"dims": str}).query(
    "dims == '0'"
)  # no noise: this world
temperature = other["temperature"].max()
for title, first in (("all goals", 1), ("farthest third", giant.FARTHEST_THIRD)):
    chosen = other[(other["temperature"] == temperature) & (other["from_"] >= first)]
    found = chosen.groupby(["agent", "seed"])["success"].mean().unstack()
    print(
        f"{title:15} HIQL with a representation {found.loc['hiql_rep'].mean():.2f}, SAW {found.loc['saw'].mean():.2f} (temperature {temperature})"
    )

# %% [markdown]
# With its representation, and a value of its own, HIQL is about level with SAW here: a little behind over all goals, a little ahead far away. In two dimensions a generator's task is easy once it need not paint 22 numbers. What this HIQL pays
# at run time, two nets for each decision, SAW does not.
#
# ## 6 · Try it
#
# **Click into any of the four mazes** to move the goal. Choose *start* above them, and clicks move the start. With the keyboard: go
# to the picture with Tab, then use the arrow keys. (Without a running kernel you see one picture that does not move.)
#
# | Where | What |
# | --- | --- |
# | top left | $V(s, g)$ for this goal, on one colour scale for all goals |
# | top right | around the start. Dots: waypoints of the data. Thin arrows: what $\pi_{\text{sub}}(\cdot \mid s, w)$ would do for some of them. Both coloured by $u(s, w, g)$. Thick arrows: black, the weighted mean of the thin ones; orange, π |
# | bottom left | the same two arrows in every cell. Pink cells: more than 90° apart |
# | bottom right | one roll-out of each policy from the start, with the walkers' hand. *Lost*: not there after 200 steps |
#
# **Predict first, then look**, at two pairs (*go to*, above the picture). *Behind a wall*: two cells for a bird, 14 on foot. Does V know of the wall? *Teachers that disagree*: left is the right way, 16 cells. V hardly
# tells it from the way to the right. What do the thin arrows add up to?

# %% alt="Four pictures of the maze for one start and one goal: V, waypoints and their weights, arrows of π and its teachers, roll-outs."
explorer = maze_explorer(
    world,
    data,
    value=value.policies,
    policies={name: giant.load(name, world.spec).policies for name in ("gcivl", "hiql", "saw")},
    pairs={"behind a wall": ((6, 5), (6, 3)), "teachers that disagree": ((1, 7), (9, 9))},  # cells: (row, column)
    temperature=giant.NOISE,
)

# %% [markdown]
# <details><summary>What we saw</summary>
#
# - **Behind a wall.** V is too high: neighbouring coordinates get similar values, wall or not. Whoever climbs such a V stays beside
#   the wall, however the policy was extracted. Weights cannot repair the value that they come from.
# - **Teachers that disagree.** With seed 0, teachers to the left and to the right both have weight, since V is wrong about the right-hand way. π has one mean, and the
#   mean of left and right points into the wall between them: a policy with one mode cannot choose. Change the seed: with seed 4 the teachers agree.
#
# </details>

# %% [markdown]
# ## A question for thought (2 points)
#
# The weight $e^{\beta A(s, w, g)}$ uses waypoints from *one* trajectory, the one that $s$ and $g$ come from. A generator could propose
# a waypoint from any trajectory. When would that make a difference, and what does SAW rely on instead?

# %% [markdown] question="one-trajectory" points=2
# <!-- BEGIN SOLUTION -->
# *A model answer.* Within one pair (s, g) of one trajectory there is one waypoint, and its advantage only says how much to trust it.
# But the net sees many trajectories through the neighbourhood of s and towards the neighbourhood of g, and their weighted average is what π learns.
# So SAW relies on generalisation over (s, g): it needs data in which several ways towards similar goals are taken, so that better waypoints
# can outvote worse ones. Where goals must be *stitched* (no trajectory leads from anywhere near s to anywhere near g), a trajectory goal
# never presents that pair; then a generator over all data, random goals for the actor, or the value's own stitching with random goals
# would be needed. The bootstrapping term then helps only through V, which does stitch.
#
# *Rubric.* 1 point: names a case (stitching, or few walks between s and g). 1 point: says that SAW relies on the net's averaging over many trajectories with similar s and g.
# <!-- END SOLUTION -->

# %% [markdown]
# ## Summary
#
# 1. The advantage of one action for a goal $d$ steps away shrinks like $\gamma^d$; the error of a learned value does not. Waypoints $k$ steps ahead differ by more.
# 2. SAW trains a subgoal policy on near goals and lets a flat policy imitate it at waypoints of the same trajectory, by importance weights $e^{\beta A(s, w, g)}$ in place of a generator.
# 3. The result is one net at run time. It cannot know more than the value function that weighs its teachers.
# 4. A method is right when its loss and gradients are, not when its curve looks right.
# 5. Say how actions are chosen: greedy ones stall, and a curve of greedy success mixes stalling with not knowing the way.
#
# ## References
#
# - J. L. Zhou, J. C. Kao. [Flattening Hierarchies with Policy Bootstrapping](https://arxiv.org/abs/2505.14975). NeurIPS 2025.
# - S. Park et al. [HIQL: Offline Goal-Conditioned RL with Latent States as Actions](https://arxiv.org/abs/2307.11949). NeurIPS 2023.
# - S. Park et al. [OGBench: Benchmarking Offline Goal-Conditioned RL](https://arxiv.org/abs/2410.20092). ICLR 2025.
# - X. B. Peng et al. [Advantage-Weighted Regression](https://arxiv.org/abs/1910.00177). 2019.
#
# **Next:** [chapter 17](17_what_saw_is_made_of.ipynb) takes SAW apart.
