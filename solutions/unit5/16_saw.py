# %% [markdown]
# # 16 · SAW: a flat policy that learns from subgoals
#
# > **The question.** A hierarchy reaches far goals because its lower level only ever looks a few steps ahead. Can *one
# > flat policy* learn to do the same, without a second level at run time and without generating a single subgoal?
#
# | | |
# | --- | --- |
# | **You will learn** | why a far goal blurs the advantage of an action but not that of a waypoint; what policy bootstrapping is; SAW's objective, term by term; how it is checked against the authors' own numbers; what each part is worth, and where SAW does not help |
# | **You need** | goal-conditioned values and advantage-weighted regression (chapter 2). HIQL helps (chapter 14), but every part is introduced here |
# | **Time** | about two hours to read and solve: 90 minutes up to the end of section 6, which has all exercises, and 30 for the rest; 3 to 5 minutes to compute on two cores |
# | **Exercises** | 6 programmed (18 points), 1 question for thought (2 points) |
#
# SAW stands for *Subgoal Advantage-Weighted Policy Bootstrapping*. It is the method of Zhou and Kao,
# [Flattening Hierarchies with Policy Bootstrapping](https://arxiv.org/abs/2505.14975) (NeurIPS 2025).

# %% tags=["setup"]
import copy
import json
import os
import time

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from matplotlib.colors import LogNorm
from scipy import stats
from torch import Tensor
from torch.distributions import Independent, Normal, kl_divergence

from saw_edu import checks, viz
from saw_edu.agents import SAW
from saw_edu.agents.objectives import Metrics, awr_weights, divergence, values_of
from saw_edu.course import giant
from saw_edu.course.ch16.maze_explorer import maze_explorer
from saw_edu.course.ch17 import ablations
from saw_edu.data import Batch, HindsightSampler
from saw_edu.evaluation import seed_interval, success_by_distance
from saw_edu.nn import Networks
from saw_edu.place import asset
from saw_edu.rollouts import evaluate
from saw_edu.viz import style

FAST = os.environ.get("SAW_EDU_FAST") == "1"  # set by automatic tests: a short version of everything
if FAST:
    print("Fast mode: fewer training steps and episodes. Numbers and figures below are not the real ones.")
torch.set_num_threads(1)
style.use()

# %% [markdown]
# ## 1 · A flat policy gets lost
#
# The world has the layout of OGBench's *giant* maze, 16 × 12 cells, with longer steps and our own data: 500 walks by someone
# who goes to one random place after another, shakily. No rewards, no labels. The nets see a position as 22 numbers, sines and
# cosines of it among them, which makes walls easier to notice. **A cell is four steps wide**: 25 cells are about 100 steps, and
# a waypoint $k = 8$ steps ahead is two cells away.
#
# Two policies learned from these data. Both are flat: a net that maps where you are and where you want to be to an
# action. Both use **the same** value function. Here they are on the same far goals.

# %% alt="Two mazes with the same six far goals and the paths of GCIVL and of SAW from the same starts."
world = giant.make_world()
data = giant.make_data(world)
value, *recorded = (giant.load(name, world.spec) for name in ("value", "gcbc", "gcivl", "hiql", "saw"))
recorded = dict(zip(("gcbc", "gcivl", "hiql", "saw"), recorded, strict=True))

starts, goals = giant.make_episodes(world)
far = torch.nonzero(world.distances(starts, goals) >= giant.FARTHEST_THIRD).squeeze(1)
shown = torch.linspace(0, len(far) - 1, 6).long()  # six of them, evenly picked from the list

figure, axes = plt.subplots(1, 2, figsize=(13, 5.6))
for ax, name in zip(axes, ("gcivl", "saw"), strict=True):
    policy = recorded[name].policies[0]
    result = evaluate([policy], world, starts[far], goals[far], keep_paths=True, progress=False)
    viz.plot_rollouts(ax, world, result.paths[0, shown], goals[far][shown], color=style.GREEN, legend=False)
    for number, pair in enumerate(far[shown].tolist(), 1):
        for x, y in (starts[pair].tolist(), goals[pair].tolist()):
            ax.annotate(str(number), (x, y), (5, 4), textcoords="offset points", fontsize=10, weight="bold", zorder=9)
    ax.set_title(f"{style.method(name).label} reaches {result.success:.0%} of all {len(far)} far goals")
figure.supxlabel(
    "circle: start; star: its goal, with the same number; green: reached; dashed: not reached", fontsize=13
)
viz.show(
    figure,
    alt="Two mazes with the same six far goals and the paths of two policies from the same starts, GCIVL left and SAW "
    "right. Numbers say which goal belongs to which start. Paths that fail are dashed and end in a cross; the titles "
    "say what share of all far goals is reached.",
)

# %% [markdown]
# Same data, same value function, same size of net. What does the second one know that the first does not?
#
# ## 2 · What a far goal does to an advantage
#
# GCIVL weighs the action in the data by its advantage $A(s, a, g) = V(s', g) - V(s, g)$: how much closer did this one
# step bring us to the goal? For a goal $d$ steps away, with discount $\gamma$ and a reward of $-1$ a step, the exact value
# is $V = -\frac{1 - \gamma^d}{1 - \gamma}$, so that one step towards the goal changes it by $\gamma^{d-1}$. That number
# shrinks exponentially with the distance. The error of a *learned* value does not.
#
# **What we expect.** Take two states, one a step along the shortest path and one a step straight back, and ask the learned
# value which is better. Two things can go wrong for a far goal. The *sign* may be wrong: at worst, V guesses. And the *size* may be
# so small that $e^{\alpha A}$ weighs both actions alike; then the policy imitates the average of everything. Now ask the same
# about two *waypoints*, eight steps along the path or eight steps back. They lie farther apart, so both should go better.
# (Pairs where a wall is close behind, so that there is no way back, are left out of both. Weights below have α = 3, that of SAW's
# terms; GCIVL itself runs at α = 10.)

# %% alt="Two curves each, one step against eight steps, over the distance to the goal: how often V prefers the right way, and how much larger the right one's weight is."
some_starts, some_goals = giant.make_episodes(world, per_bin=30 if FAST else 300)


def walk(steps: int) -> tuple[Tensor, Tensor]:
    """Where `steps` steps along the shortest path lead from each start, and as many straight back."""
    ahead, behind = some_starts, some_starts
    for _ in range(steps):
        ahead = world.step(ahead, world.oracle(ahead, some_goals))
        behind = world.step(behind, -world.oracle(behind, some_goals))
    return ahead, behind


k = giant.SUBGOAL_STEPS
both_ways = torch.stack([(end - some_starts).norm(dim=1) > 0.5 * k for end in walk(k)]).all(dim=0)
bins = np.digitize(world.distances(some_starts, some_goals)[both_ways], giant.EDGES) - 1
middles = (np.array(giant.EDGES[:-1]) + np.array(giant.EDGES[1:]) - 1) / 2


@torch.no_grad()
def differences(steps: int) -> list[np.ndarray]:
    """For each seed, V(state ahead, g) - V(state behind, g) of every pair."""
    forth, back = (world.observe(states[both_ways]) for states in walk(steps))
    g = world.observe(some_goals[both_ways])
    return [(policy.value(forth, g) - policy.value(back, g)).numpy() for policy in value.policies]


def by_bin(numbers: list[np.ndarray]) -> np.ndarray:
    """Mean, low and high over seeds (3, bins) of numbers (seeds, bins)."""
    table = np.array(numbers)
    return np.array([[table[:, b].mean(), *seed_interval(table[:, b])] for b in range(table.shape[1])]).T


figure, (left, right) = plt.subplots(1, 2, figsize=(13, 4.6))
for steps, color, marker in ((1, style.ORANGE, "^"), (k, style.VERMILION, "D")):
    seen = [[seed[bins == b] for b in range(len(middles))] for seed in differences(steps)]
    sign = by_bin([[(d > 0).mean() for d in seed] for seed in seen])
    size = np.exp(3 * by_bin([[np.median(d) for d in seed] for seed in seen]))  # a ratio of weights, with α = 3
    for ax, (mean, low, high) in ((left, sign), (right, size)):
        ax.plot(middles, mean, color=color, marker=marker, label=f"{steps} step{'s' if steps > 1 else ''}")
        ax.fill_between(middles, low, high, color=color, alpha=0.16, lw=0)
    b = 3
    print(
        f"{giant.EDGES[b]} to {giant.EDGES[b + 1] - 1} cells away, {steps} step(s): "
        f"V prefers the right way {sign[0, b]:.0%} of the time, its weight is {size[0, b]:.1f} times the other's"
    )
left.axhline(0.5, color=style.GREY, ls=":", label="guessing")
right.axhline(1.0, color=style.GREY, ls=":", label="no preference")
left.set(ylim=(0.4, 1.02), ylabel="V prefers the right way")
right.set(yscale="log", ylim=(0.7, 150), ylabel="weight of the right way / of the other")
right.text(13, 100, "nearby, far above 100", color=style.VERMILION)
for ax in (left, right):
    ax.set_xlabel("shortest path from start to goal (cells)")
    ax.legend()
viz.show(
    figure,
    alt="Over the distance to the goal, one step against eight. Left, how often a learned value prefers the right "
    "way: both fall towards guessing, one step sooner. Right, how many times larger the right way's weight is: "
    "for one step it comes near one much sooner than for eight.",
)

# %% [markdown]
# This is the reason for hierarchy in offline goal-reaching: **a value function that hardly prefers one action to another for a
# distant goal may still prefer one waypoint to another**, and a near waypoint is a goal for which it *can* rank actions. It
# is no miracle, either. V's errors are smooth, so they fool neighbouring waypoints alike, and at the far end of the maze this V
# guesses about both. Expect every method to be weak there.
#
# HIQL uses that at run time: its upper level generates a waypoint, its lower level goes there. SAW uses it at *training*
# time only.
#
# ## 3 · Bootstrapping a policy from an easier one
#
# Train a **subgoal policy** $\pi_{\text{sub}}(a \mid s, w)$ with plain AWR, but only on goals $w$ that lie $k$ steps
# ahead in the data (here $k = 8$). Near goals, clear advantages: this policy is easy to learn.
#
# Now suppose somebody told us a good waypoint $w$ between $s$ and $g$. Then $\pi_{\text{sub}}(\cdot \mid s, w)$ is a good
# target for the flat policy $\pi(\cdot \mid s, g)$: *do for the far goal what you would do for the waypoint*. Learning one
# policy from another one's output is **policy bootstrapping**, just as a value is bootstrapped from another value.
#
# Who tells us the waypoint? HIQL and RIS train a model that *generates* one. SAW's idea is to not generate anything. Every
# trajectory that passes through $s$ already contains a state $w$ that lies $k$ steps later. Some are on a good way to $g$,
# some are not. So take what the trajectory offers, and give it an **importance weight**:
#
# $$ u(s, w, g) = \min\!\big(e^{\beta A(s, w, g)},\, 100\big), \qquad A(s, w, g) = V(w, g) - V(s, g). $$
#
# It is advantage-weighted regression once more, with a waypoint in the place of an action. The clip at 100 keeps a single
# lucky transition from owning a whole batch.
#
# Let us look at some weights. In training, $g$ lies on the same trajectory as $s$ and $w$. Here we fix one state and one goal
# and let many trajectories pass, to compare their waypoints. **What we expect:** for a goal that V sees clearly, the bright dots
# lie on the way to it. For a goal at the other end of the maze, do not count on it.


# %% alt="Waypoints of the data around one state, coloured by their weight, for a goal at medium distance and a far one."
def weights_around(state: Tensor, goal: Tensor) -> tuple[Tensor, Tensor, float]:
    """Waypoints (N, 2) of the data that passes near a state, their weights, and how well those agree with true gains."""
    rows = data.start_rows[(positions[data.start_rows] - state).norm(dim=1) < 2.0]
    ways = torch.minimum(rows + giant.SUBGOAL_STEPS, data.final_index[rows])
    g = world.observe(goal[None]).expand(len(rows), -1)
    v_waypoint, v = (value.policies[0].value(data.observations[i], g) for i in (ways, rows))
    weights = awr_weights(v_waypoint - v, alpha=3.0)
    from_here, from_there = (world.distances(positions[i], goal.expand(len(rows), -1)) for i in (rows, ways))
    agreement = stats.spearmanr(weights, from_here - from_there).statistic
    return positions[ways], weights, agreement


positions = world.states_of(data.observations)
figure, axes = plt.subplots(1, 2, figsize=(13, 5.4))
for ax, pair in zip(axes, (100, int(far[7])), strict=True):
    ways, weights, agreement = weights_around(starts[pair], goals[pair])
    order = weights.argsort()
    viz.plot_rollouts(ax, world, [starts[pair][None]], goals[pair][None], [True], legend=False)
    dots = ax.scatter(*ways[order].T, c=weights[order], s=26, cmap="viridis", norm=LogNorm(0.03, 100), zorder=5)
    figure.colorbar(dots, ax=ax, label="weight of the waypoint", shrink=0.8)
    cells = world.distances(starts[pair : pair + 1], goals[pair : pair + 1]).item()
    ax.set_title(f"goal {cells:.0f} cells away: agreement {agreement:.2f}")
viz.show(
    figure,
    alt="Waypoints of the data around one state, coloured by their weight, for two goals. Left, a goal at medium "
    "distance: the weights agree well with how much nearer each waypoint is. Right, a far goal: they hardly do.",
)
print("agreement: rank correlation of a waypoint's weight with how many cells nearer to the goal it really is")

# %% [markdown]
# Where V is right, so are the weights. Where V is wrong, they are wrong with it: no way of extracting a policy can know more
# than the value it extracts from.
#
# ### Exercise 1 · The weight of a waypoint
#
# | What | Difficulty | Time | Points |
# | --- | --- | --- | --- |
# | `waypoint_weights`: importance weights from values | ●○○ | 5 min | 2 |
#
# The weights multiply a *policy's* loss. They must not carry a gradient, or the policy's loss would bend the value
# function until waypoints look as the policy likes them.
#
# <details><summary>Hint 1: a question</summary>If w is closer to the goal than s, is the weight above or below 1?</details>
# <details><summary>Hint 2: a nudge</summary>Clip after the exponential. <code>Tensor.clamp</code> takes <code>max=</code>.</details>
# <details><summary>Hint 3: almost the answer</summary>Advantage, times β, <code>.exp()</code>, <code>.clamp(max=...)</code>, <code>.detach()</code>, in this order.</details>


# %% exercise="waypoint-weights"
def waypoint_weights(v_waypoint: Tensor, v: Tensor, beta: float) -> Tensor:
    """Importance weights min(exp(β A(s, w, g)), 100), without gradient.

    Args:
        v_waypoint: V(w, g), (B,).
        v: V(s, g), (B,).
        beta: β, the inverse temperature.

    Returns:
        (B,) weights.
    """
    ### BEGIN SOLUTION
    advantages = v_waypoint - v
    return (beta * advantages).exp().clamp(max=100.0).detach()
    ### END SOLUTION


# %% check="waypoint-weights" points=2
checks.ch16.waypoint_weights(waypoint_weights)
### BEGIN HIDDEN TESTS
from saw_edu.classroom import hidden

hidden("ch16").waypoint_weights(waypoint_weights)
### END HIDDEN TESTS

# %% [markdown]
# ## 4 · How far is one policy from another?
#
# The paper writes the pull towards the subgoal policy as $\mathrm{KL}\big(\pi(\cdot \mid s, g) \,\|\, \pi_{\text{sub}}(\cdot \mid s, w)\big)$.
# The released code computes something slightly different, in two cases:
#
# - **Constant standard deviation** (its default): the squared distance of the means,
#   $\lVert \mu(s, g) - \mu_{\text{sub}}(s, w) \rVert^2$.
# - **Learned standard deviation** (`const_std=False`): the KL divergence in the *other* direction,
#   $\mathrm{KL}(\pi_{\text{sub}} \,\|\, \pi)$. For discrete actions too. (With discrete actions and its default `const_std=True` it
#   compares the actions' *numbers*, which teaches nothing; our library computes the KL divergence there.)
#
# Does it matter? Fit one normal policy $\pi = \mathcal{N}(\mu, \sigma^2)$ to teachers that disagree, with a single action $a$. Think of a wall
# ahead: some waypoints lie round its left end, some round its right one.
#
# **What we expect.** The textbook says: $\mathrm{KL}(\text{teacher} \,\|\, \pi)$ is *mean-seeking*, since π pays wherever the teacher
# acts and π does not, so it covers both ways; $\mathrm{KL}(\pi \,\|\, \text{teacher})$ is *mode-seeking*, since π pays wherever it
# acts and the teacher does not, so it picks one way. That is about **one** teacher with two ways (left). SAW has one teacher for each
# waypoint, and averages the *divergences* (middle). Do the names still fit? And what is left of it at a fixed σ (right)?

# %% alt="Three panels of densities over one action: a normal policy fitted in both directions of the KL divergence to one teacher with two modes, to two teachers on average, and to two teachers with a fixed standard deviation."
a = torch.linspace(-3, 3, 1201)  # the actions, as a grid: every integral is a sum
da = a[1] - a[0]
shares = torch.tensor([0.6, 0.4])  # normalised weights of the two waypoints
teachers = torch.stack([Normal(m, 0.25).log_prob(a).exp() for m in (-0.8, 0.8)])  # π_sub(a | s, w), (2, A)
both = (shares[:, None] * teachers).sum(dim=0)  # (A,) one teacher with two modes


def kl(p: Tensor, log_q: Tensor) -> Tensor:
    """KL(p ‖ q) on the grid, from p and log q (..., A)."""
    return (p * ((p + 1e-30).log() - log_q)).sum(dim=-1) * da


def fit(loss, std: float | None = None) -> tuple[float, float]:
    """μ and σ of the normal log π(a) that minimises `loss`, the best of three starts; with σ fixed where it is given."""
    found = []
    for mean in (-0.3, 0.0, 0.3):
        parameters = torch.tensor([mean, -1.0 if std is None else np.log(std)], requires_grad=True)
        optimizer = torch.optim.Adam([parameters], lr=0.05)
        for _ in range(200):
            result = loss(Normal(parameters[0], parameters[1].exp()).log_prob(a))
            optimizer.zero_grad()
            result.backward()
            if std is not None:
                parameters.grad[1] = 0.0
            optimizer.step()
        found.append((result.item(), parameters[0].item(), parameters[1].exp().item()))
    return min(found)[1:]


def code(log_pi: Tensor, p: Tensor) -> Tensor:  # KL(π_sub ‖ π)
    return kl(p, log_pi)


def paper(log_pi: Tensor, p: Tensor) -> Tensor:  # KL(π ‖ π_sub)
    return kl(log_pi.exp(), (p + 1e-30).log())


directions = {
    "KL(π_sub ‖ π), the code's": (code, style.BLUE, "-"),
    "KL(π ‖ π_sub), the paper's": (paper, style.VERMILION, "--"),
}
fits = {}
for name, (direction, _, _) in directions.items():
    fits["one teacher, two modes", name] = fit(lambda log_pi, d=direction: d(log_pi, both))
    fits["two teachers, on average", name] = fit(lambda log_pi, d=direction: (shares * d(log_pi, teachers)).sum())
    fits["two teachers, σ fixed at the teachers'", name] = fit(
        lambda log_pi, d=direction: (shares * d(log_pi, teachers)).sum(), std=0.25
    )

figure, axes = plt.subplots(1, 3, figsize=(13, 3.8), sharey=True)
for ax, case in zip(axes, dict.fromkeys(case for case, _ in fits), strict=True):
    ax.fill_between(a, both, color=style.GREY, alpha=0.3, lw=0, label="teachers, weighted sum")
    for name, (_, color, line) in directions.items():
        mean, std = fits[case, name]
        ax.plot(a, Normal(mean, std).log_prob(a).exp(), color=color, ls=line, label=name)
    ax.set(title=case, xlabel="action a", xlim=(-2.2, 2.2))
axes[0].set_ylabel("density")
figure.legend(*axes[1].get_legend_handles_labels(), ncols=3, loc="outside upper center")
viz.show(
    figure,
    alt="A normal policy fitted to teachers that go left (60 %) or right (40 %). One teacher with two modes: the "
    "code's direction covers both, the paper's sits on the left one. Two teachers on average: both sit between,"
    " the code's wide, the paper's narrow. With a fixed standard deviation the two coincide, between the "
    "teachers.",
)
for (case, name), (mean, std) in fits.items():
    print(f"{case:40} {name:28} μ = {mean:+.2f}, σ = {std:.2f}")

between = float(shares @ torch.tensor([-0.8, 0.8]))  # the teachers' weighted mean
for name in directions:
    assert abs(fits["two teachers, on average", name][0] - between) < 0.02
    assert abs(fits["two teachers, σ fixed at the teachers'", name][0] - between) < 0.02

# %% [markdown]
# On the left both names fit. In the middle *mean-seeking* still fits the code's direction: it makes no difference to it whether the average
# stands inside the divergence or outside. *Mode-seeking* is over: **outside of the average, the paper's direction no longer picks a
# way**. Its mean over teachers is the divergence from their weighted geometric mean, normalised, and a constant. So both directions
# put μ between the teachers, where for a wall ahead nobody should go. They differ in σ: the code's says "somewhere between left and right",
# the paper's is as certain as its teachers, of a place that none of them meant. What picks a way in SAW is neither direction. It is the
# **weight**: where $u$ of one waypoint is ten times that of the other, the mean lies with the first.
#
# At one σ that π and its teachers *share* (right), nothing but the mean is left, and both directions are the same function of it. Here is that
# function, what becomes of it where σ is not shared, and what the library's `divergence` (tested against the authors' code) returns in each case:


# %%
def normal(means: list[float], std: float) -> Independent:
    return Independent(Normal(torch.tensor(means), torch.full((2,), std)), 1)


pi, pi_sub, narrow = normal([0.2, -0.5], 1.0), normal([0.9, 0.4], 1.0), normal([0.9, 0.4], 0.3)
squared = (pi.mean - pi_sub.mean).square().sum()  # of the difference of the means
print(f"std 1 and 1:    KL(π‖π_sub) = {kl_divergence(pi, pi_sub):.4f}   KL(π_sub‖π) = {kl_divergence(pi_sub, pi):.4f}")
print(f"                ½ squared distance of the means = {0.5 * squared:.4f}")
print(f"                divergence(..., const_std=True) = {divergence(pi_sub, pi, const_std=True):.4f}")
print(f"std 1 and 0.3:  KL(π‖π_sub) = {kl_divergence(pi, narrow):.4f}   KL(π_sub‖π) = {kl_divergence(narrow, pi):.4f}")
print(f"                divergence(..., const_std=False) = {divergence(narrow, pi, const_std=False):.4f}")
assert torch.allclose(kl_divergence(pi, pi_sub), 0.5 * squared)
assert torch.allclose(kl_divergence(pi_sub, pi), 0.5 * squared)
assert torch.allclose(divergence(pi_sub, pi, const_std=True), squared)  # no factor ½
assert torch.allclose(divergence(narrow, pi, const_std=False), kl_divergence(narrow, pi))  # the teacher comes first

# %% [markdown]
# So with one constant standard deviation for both the direction makes no difference, and the missing factor ½ lets the term count twice
# as much against the one-step term. In this chapter the standard deviation is constant. Where it is learned, the direction matters, as the last
# lines show.
#
# ### Exercise 2 · The bootstrapping loss
#
# | What | Difficulty | Time | Points |
# | --- | --- | --- | --- |
# | `bootstrapping_loss`: weighted distance to the teacher | ●●○ | 8 min | 3 |
#
# Follow the released code: no factor ½. Who may learn from this loss? Only π. The teacher π_sub has its own loss, and the
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
# ## 5 · The whole objective
#
# SAW keeps GCIVL's one-step term, which is excellent for near goals, and adds the bootstrapping term. The flat policy
# maximises
#
# $$ \mathbb{E}\Big[\, e^{\alpha A(s, a, g)} \log \pi(a \mid s, g) \;-\; e^{\beta A(s, w, g)}\,
# \mathrm{KL}\big(\pi(\cdot \mid s, g) \,\|\, \pi_{\text{sub}}(\cdot \mid s, w)\big) \Big], $$
#
# where $(s, a, s')$, the goal $g$ and the waypoint $w$ are all read from one trajectory: $w$ is the state $k$ steps after
# $s$, or $g$ itself where $g$ comes sooner. A waypoint never lies beyond the goal.
#
# | Symbol | In the code | |
# | --- | --- | --- |
# | $\pi$, $\pi_{\text{sub}}$ | `policy`, `subgoal_policy` | the flat policy, its teacher |
# | $w$, $g$ | `batch.waypoints`, `batch.policy_goals` | waypoint: $k$ steps ahead, or $g$ where that is sooner; goal |
# | | `batch.subgoals` | what π_sub trains on: the state $k$ steps ahead, whatever $g$ is |
# | $\alpha$, $\beta$ | `alpha`, `beta` | inverse temperatures of action and waypoint |
# | $\alpha_{\text{sub}}$ | `subgoal_alpha` | inverse temperature of π_sub's own AWR (exercise 6) |
# | $k$ | `subgoal_steps` | steps to a waypoint |
#
# ### What each term pulls at
#
# With a standard deviation of one, $-\log \pi(a \mid s, g)$ is half the squared distance of $a$ from the mean $\mu(s, g)$, and a constant. So the loss
# of one row, with weights $u_a = e^{\alpha A(s, a, g)}$ and $u_w = u(s, w, g) = e^{\beta A(s, w, g)}$ (both clipped), has a gradient that reads like a
# tug of war (the 2 is the code's missing ½; with the KL of the formula it would be 1):
#
# $$ \nabla_\mu = u_a\,\big(\mu - a\big) \;+\; 2\,u_w\,\big(\mu - \mu_{\text{sub}}(s, w)\big). $$
#
# The first term pulls μ to the *action that was taken*, the second to *what π_sub would do* for the waypoint that was passed. V and π_sub are in it
# as numbers and learn nothing from it. At its best, μ(s, g) is the weighted mean of both kinds of target, over all the rows that the net
# takes for alike.
#
# **What we expect** of 20 000 rows of the data, with the recorded V and π_sub: near the goal both weights are large. With distance $u_a$ falls to one first:
# from there on the one-step term is plain imitation of whatever was done. The second term's targets should point the right way farther out.
# (*The right way* is the direction of a shortest path; 1 is exactly that way, 0 is at right angles.)

# %% alt="Over the distance to the goal: left, the mean weights of both terms; right, how well each term's targets point along the shortest path."
saw_agent = giant.make_agents()["saw"]
sampler = HindsightSampler(data, saw_agent.goals, saw_agent.discount, saw_agent.subgoal_steps)
sampled = sampler.sample(20_000, torch.Generator().manual_seed(0))
row_states, row_goals = world.states_of(sampled.observations), world.states_of(sampled.policy_goals)
right_way = world.oracle(row_states, row_goals)  # (N, 2)
row_bins = np.digitize(world.distances(row_states, row_goals), giant.EDGES) - 1  # -1: the goal is in the same cell


@torch.no_grad()
def advantages(seed: int) -> tuple[Tensor, Tensor]:
    """A(s, a, g) and A(s, w, g) of the rows by one seed's V, (N,) each."""
    points = [sampled.observations, sampled.next_observations, sampled.waypoints]
    v, v_next, v_waypoint = values_of(value.networks[seed], points, sampled.policy_goals)
    return v_next - v, v_waypoint - v


pulls = {"one step, $u_a$": [], "bootstrapping, $2 u_w$": []}
targets = {
    "actions, all alike": [],
    "actions, by $u_a$": [],
    "π_sub at waypoints, all alike": [],
    "π_sub, by $u_w$": [],
}
in_bin = [torch.as_tensor(row_bins == b) for b in range(len(middles))]
for seed in value.seeds:
    u_a, u_w = (awr_weights(advantage, alpha=3.0) for advantage in advantages(seed))
    with torch.no_grad():
        taught = recorded["saw"].networks[seed].subgoal_policy(sampled.observations, sampled.waypoints).mean
    done_right, taught_right = (F.cosine_similarity(target, right_way) for target in (sampled.actions, taught))  # (N,)
    alike = torch.ones_like(u_a)
    for name, u in zip(pulls, (u_a, 2 * u_w), strict=True):
        pulls[name].append([u[b].mean().item() for b in in_bin])
    kinds = ((alike, done_right), (u_a, done_right), (alike, taught_right), (u_w, taught_right))
    for name, (u, right) in zip(targets, kinds, strict=True):
        targets[name].append([((u * right)[b].sum() / u[b].sum()).item() for b in in_bin])

figure, (left, right) = plt.subplots(1, 2, figsize=(13, 4.6))
looks = {"color": style.method("gcivl").color, "marker": "^"}, {"color": style.VERMILION, "marker": "D"}
for ax, quantities, kinds in (
    (left, pulls, looks),
    (right, targets, [look | ls for look in looks for ls in ({"ls": ":"}, {})]),
):
    for (name, numbers), look in zip(quantities.items(), kinds, strict=True):
        mean, low, high = by_bin(np.array(numbers)[..., None].tolist())
        ax.plot(middles, mean, label=name, **look)
        ax.fill_between(middles, low, high, color=look["color"], alpha=0.16, lw=0)
    ax.set_xlabel("shortest path from start to goal (cells)")
    ax.legend()
left.set(yscale="log", ylabel="mean factor of the pull")
right.set(ylim=(0, 1.02), ylabel="how well the targets point the right way")
viz.show(
    figure,
    alt="Over the distance to the goal, five seeds. Left: the one-step term's pull falls to one, the "
    "bootstrapping term's is many times as large at every distance. Right: weighted actions point the "
    "right way nearby, but far away no better than all actions; π_sub at weighted waypoints stays the better "
    "target.",
)
for name, numbers in targets.items():
    near, middle, far_away = (np.mean(numbers, axis=0)[i] for i in (0, 3, 5))
    print(f"{name.replace('$', ''):30} {near:.2f} near, {middle:.2f} at 13 to 16 cells, {far_away:.2f} at 21 to 24")

# %% [markdown]
# Left: the waypoint's pull is many times the action's at every distance, so where both terms speak, π_sub speaks louder. Beyond some 13 cells
# an action's weight is near one on average. Right: near the goal, weighting makes good targets of both. At 13 to 16 cells it
# does nothing any more for actions (their weights still differ, but that says nothing about the right way), and nearly doubles how well the waypoints' targets
# point. **SAW lives on such a gap**, and here it is most visible. Farther out V
# hardly helps to tell waypoints apart either: the weighted targets are little better than the unweighted ones, and seeds differ. (These are means over single
# targets. What the net makes of them, which averages over what it takes for alike, can be better than each.) The dotted lines tell one more thing: even
# unweighted, π_sub is a better target than the action itself. It is an average over many walks, without the walker's shaking hand.
#
# Does the formula hold in the code, and does nobody else learn from this loss? The last thing that π's net does is to add a bias to μ. So
# the gradient of the *library's* loss with respect to that bias must be the mean of $\nabla_\mu$ over the batch.

# %%
few_rows = Batch(*(None if entry is None else entry[:64] for entry in sampled))
networks = copy.deepcopy(recorded["saw"].networks[0])
networks.value.load_state_dict(value.networks[0].value.state_dict())
networks.requires_grad_(True)
loss, _ = saw_agent.flat_policy_loss(networks, few_rows)
loss.backward()
for name, module in networks.named_children():
    gradients = [p.grad for p in module.parameters() if p.grad is not None]
    learns = "learns" if gradients else "no gradient" if list(module.parameters()) else "has nothing to learn here"
    print(f"{name:15} {learns}")

with torch.no_grad():
    u_a, u_w = (awr_weights(advantage, alpha=3.0)[:64, None] for advantage in advantages(0))
    mean = networks.policy(few_rows.observations, few_rows.policy_goals).mean
    taught = networks.subgoal_policy(few_rows.observations, few_rows.waypoints).mean
    tug_of_war = u_a * (mean - few_rows.actions) + 2 * u_w * (mean - taught)  # (64, 2), the formula's right side
print("by the formula  ", tug_of_war.mean(dim=0).tolist())
print("by the code     ", networks.policy.mean.bias.grad.tolist())
assert torch.allclose(networks.policy.mean.bias.grad, tug_of_war.mean(dim=0), rtol=1e-4)

# %% [markdown]
# ### Exercise 3 · The objective as a loss
#
# | What | Difficulty | Time | Points |
# | --- | --- | --- | --- |
# | `saw_objective`: both terms, with the sign an optimiser wants | ●●○ | 8 min | 3 |
#
# <details><summary>Hint 1: a question</summary>The formula is to be maximised. What does an optimiser do with the number you return?</details>
# <details><summary>Hint 2: a nudge</summary>Both advantages start at the same V(s, g). They end at V(s', g) and V(w, g).</details>
# <details><summary>Hint 3: almost the answer</summary>Two weights like the one of exercise 1, then <code>-(one * log_probs).mean() + (other * divergence).mean()</code>.</details>


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
# ### Exercise 4 · Your SAW against the authors' numbers
#
# | What | Difficulty | Time | Points |
# | --- | --- | --- | --- |
# | `flat_policy_loss`: the loss from networks and a batch | ●●● | 15 min | 4 |
#
# A loss that trains is not yet a loss that is right. So the check does not look at a learning curve. It plugs your function
# into the library's SAW, loads parameters and a batch that **the authors' JAX code** worked on in double precision, and
# compares the loss and the gradient of every network, to one part in a million.
#
# These are at hand:
#
# | | |
# | --- | --- |
# | `values_of(networks, [s, s_next, w], g, networks.goal_rep)` | $V(s, g), V(s', g), V(w, g)$, each (B,), without gradient |
# | `agent.policy(networks, s, g)` | the distribution $\pi(\cdot \mid s, g)$, with `.log_prob(a)`, (B,), and `.mean`, (B, act) |
# | `networks.subgoal_policy(s, w)` | the distribution $\pi_{\text{sub}}(\cdot \mid s, w)$ |
# | `awr_weights(advantages, alpha)` | $\min(e^{\alpha A}, 100)$, without gradient |
#
# Value and flat policy see the goal through a learned representation in this case, `networks.goal_rep` and one of the policy's
# own: the first two calls take care of that. π_sub sees the waypoint as it is. The standard deviation is constant, so use
# the squared distance of the means.
#
# <details><summary>Hint 1: a question</summary>Which goals does the flat policy train on, <code>batch.value_goals</code>, <code>batch.subgoals</code> or <code>batch.policy_goals</code>?</details>
# <details><summary>Hint 2: a nudge</summary>Everything about π_sub belongs under <code>torch.no_grad()</code>.</details>
# <details><summary>Hint 3: almost the answer</summary>Get the three values; the policy and its log-probabilities; the teacher's mean; then exercise 3 with <code>agent.alpha</code> and <code>agent.beta</code>.</details>


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
    one_step = -(awr_weights(v_next - v, agent.alpha) * policy.log_prob(a)).mean()
    bootstrap = (awr_weights(v_waypoint - v, agent.beta) * distance).mean()
    return one_step + bootstrap, {"waypoint/kld": distance.mean().detach()}
    ### END SOLUTION


# %% check="flat-policy-loss" points=4
checks.ch16.flat_policy_loss(flat_policy_loss)
### BEGIN HIDDEN TESTS
from saw_edu.classroom import hidden

hidden("ch16").flat_policy_loss(flat_policy_loss)
### END HIDDEN TESTS

# %% [markdown]
# ### Exercise 5 · Which state is the waypoint?
#
# | What | Difficulty | Time | Points |
# | --- | --- | --- | --- |
# | `waypoint_rows`: rows of the data for π_sub's goals and for waypoints | ●●○ | 8 min | 2 |
#
# The data are one long table of states, trajectory after trajectory: the state one step after row $i$ is row $i + 1$, as long
# as the trajectory lasts. For each row $s$ of a batch, the sampler has drawn the row of a goal $g$. Two more rows are wanted:
#
# - **π_sub's goal**: $k$ steps after $s$, or the trajectory's last row where that comes sooner. It has nothing to do with $g$.
# - **The waypoint** $w$: $k$ steps after $s$, or $g$ where $g$ comes sooner. What lies beyond the goal is not on the way to it.
#
# Some agents also train on **random goals**, states from anywhere in the data. A random goal's row number says nothing about the
# trajectory of $s$, not even if by chance it lies there. Then the waypoint is $k$ steps ahead, as if there were no $g$.
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
# ### Exercise 6 · Your SAW, assembled
#
# | What | Difficulty | Time | Points |
# | --- | --- | --- | --- |
# | `MySAW.policy_loss`: the losses of both policies | ●●● | 10 min | 4 |
#
# Two pieces make a whole SAW of your own. `MySampler` draws batches with *your* waypoints; it is written already. `MySAW`
# trains both policies with *your* losses. It inherits the value function, the networks and all hyperparameters from the library's
# `SAW`, and that is all it may inherit: the library's own policy losses are locked while the check runs.
#
# The flat policy's loss you have (exercise 4). The teacher's is missing. **π_sub** learns with plain AWR, as GCIVL does, but its
# goal is `batch.subgoals`. Call it $w$:
#
# $$ -\,\mathbb{E}\big[\, e^{\alpha A(s, a, w)} \log \pi_{\text{sub}}(a \mid s, w) \big], \qquad A(s, a, w) = V(s', w) - V(s, w), $$
#
# with an inverse temperature of its own, `self.subgoal_alpha`. What the check asks:
#
# 1. the authors' batch: the loss, and the gradient of *every* network, to one part in a million;
# 2. the rows that your sampler draws;
# 3. the networks after five steps of the library's training loop, beside those of the library's SAW.
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
            batch: as in exercise 4; `batch.subgoals` are π_sub's goals, (B, obs).

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
# ## 6 · Does it work?
#
# Four ways to get a policy out of the same data. The three that need a value function share **one and the same**, so that
# they differ in how they extract a policy from it, each with its published α (GCIVL 10, HIQL and SAW 3).
#
# | | Policy | What it imitates |
# | --- | --- | --- |
# | GCBC | flat | every action, on the way to whatever was reached |
# | GCIVL | flat | actions, by their one-step advantage for the goal |
# | HIQL | two levels | waypoints by their advantage, and actions by their advantage for a waypoint |
# | SAW | flat | actions by their one-step advantage, *and* π_sub at good waypoints |
#
# **What we expect.** GCBC and GCIVL fall with distance. HIQL and SAW fall more slowly. For near goals, GCIVL should be hard to beat:
# there its advantages are clear.
#
# Training five seeds of everything takes longer than you want to wait, so five were recorded (the next cell says how). You train
# all four policies of one seed live, from the recorded value function of seed 0: about two minutes. **SAW is yours**: `MySAW` in the
# library's training loop, on batches of `MySampler`. (Where an exercise is not right yet, the library's SAW takes its place,
# and the cell says so.)
#
# How good should it get? A single run differs from the next by chance, so expect a *band*: from the recorded five successes with
# mean $m$ and standard deviation $\sigma$, one more run lies in $m \pm t\,\sigma\sqrt{1 + 1/5}$ with a probability of 95 %, if runs are
# normally distributed ($t = 2.78$, Student's t for four degrees of freedom). It is wide. That is why the checks above
# ask for the numbers that your functions return, and not for a curve: **a success inside the band proves little.** We tried two wrong
# SAWs, one run each, not recorded. With a factor ½ before the divergence, success was inside both bands that are printed below. With
# waypoints beyond the goal it was a little below the band of all goals, and inside that of the farthest third.

# %%
provenance = json.loads(asset("giant/provenance.json").read_text())
for key in ("command", "commit", "date", "machine", "seeds"):
    print(f"{key:10} {provenance[key]}")
print(f"{'value':10} {provenance['value']['steps']} updates; policies: {provenance['policies']['steps']} updates each")

# %%
from dataclasses import replace

from saw_edu.training import train

parts = {
    "exercise 4 (flat_policy_loss)": (checks.ch16.flat_policy_loss, flat_policy_loss),
    "exercise 5 (waypoint_rows)": (checks.ch16.waypoint_rows, waypoint_rows),
    "exercise 6 (MySAW)": (checks.ch16.my_saw, MySAW, MySampler),
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
smooth = live["saw"].metrics.copy()  # each row of the table is one noisy batch of 256
curves = {"loss": "loss of both policies", "waypoint/kld": "squared distance from π_sub"}  # means of 10 rows
curves = {key: label for key, label in curves.items() if key in smooth}  # those that your loss reports
figure, axes = plt.subplots(1, len(curves), figsize=(5.5 * len(curves), 4), squeeze=False)
for ax, (key, label) in zip(axes[0], curves.items(), strict=True):
    smooth[key] = smooth[key].rolling(10, min_periods=1).mean()
    viz.plot_curves(ax, smooth, key, "saw", ylabel=label)
viz.show(
    figure,
    alt="Training of SAW, one seed. Left: the loss of both policies over gradient steps. "
    "Right, where the loss reports it: the squared distance between the flat policy and the subgoal policy.",
)

# %% [markdown]
# Both nets start near zero, so the distance between them does too. It rises as the teacher learns, and settles: it does not
# return to zero, and should not. At one and the same $(s, g)$ the data hold many waypoints, each with its own advice, and π
# can only follow their weighted mean.
#
# Before the roll-outs, the same question as in exercise 6, now at the networks that you trained: on one fixed batch of 1024
# transitions, do your functions and the library's give the same loss, and every network the same gradient?


# %%
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
# Now the roll-outs: all episodes of all seeds in one batch. An episode fails when 200 steps are not enough.

# %% alt="Success over distance to the goal for GCBC, GCIVL, HIQL and SAW with bands over five seeds, and the live seed as hollow markers."
few = slice(None, None, 25) if FAST else slice(None)
tables, live_tables, episodes, live_episodes = {}, {}, {}, {}
for name in recorded:
    result = evaluate(recorded[name].policies, world, starts[few], goals[few])
    episodes[name] = result.episodes
    tables[name] = success_by_distance(result, giant.EDGES)
    once = evaluate(live[name].policies, world, starts[few], goals[few], progress=False)
    live_episodes[name] = once.episodes
    live_tables[name] = success_by_distance(once, giant.EDGES)

figure, ax = plt.subplots(figsize=(9, 5.4))
for name, table in tables.items():
    viz.plot_success_by_distance(ax, table, name)
    look = style.method(name)
    ax.plot(live_tables[name]["distance"], live_tables[name]["mean"], look.marker, color=look.color, mfc="none", ms=11)
ax.plot([], [], "o", color=style.GREY, mfc="none", ms=11, label="trained live")
ax.axvline(giant.FARTHEST_THIRD - 0.5, color=style.GREY, lw=1, ls="--")
ax.text(giant.FARTHEST_THIRD, 0.95, "farthest third", color=style.GREY)
ax.legend(ncols=5, loc="lower center", bbox_to_anchor=(0.5, 1.0), columnspacing=1)
viz.show(
    figure,
    alt="Success over distance to the goal in the giant point maze, five seeds with 95 % intervals: GCBC and GCIVL "
    "fall to almost nothing, HIQL and SAW fall more slowly. Hollow markers: the seed trained live.",
)


# %%
def success(table: pd.DataFrame, nearest: float = 0) -> np.ndarray:
    """Success of each seed on goals at least `nearest` cells away."""
    return table[table["distance"] >= nearest].groupby("seed")["success"].mean().to_numpy()


def farthest_third(name: str) -> np.ndarray:
    """Success of each seed on goals in the farthest third of distances."""
    return success(episodes[name], giant.FARTHEST_THIRD)


print(f"SAW trained live, {'library' if not_yet else 'your own'}:")
for goals_at, nearest in (("all goals", 0), ("farthest third", giant.FARTHEST_THIRD)):
    five, one = success(episodes["saw"], nearest), success(live_episodes["saw"], nearest).item()
    half = stats.t.ppf(0.975, len(five) - 1) * five.std(ddof=1) * np.sqrt(1 + 1 / len(five))
    low, high = five.mean() - half, five.mean() + half
    print(f"{goals_at:15} {one:.3f}   band {low:.3f} to {high:.3f}   {'inside' if low <= one <= high else 'OUTSIDE'}")

# %%
rows = []
for name in tables:
    low, high = seed_interval(farthest_third(name))
    mean = farthest_third(name).mean()
    interval = f"{max(low, 0):.3f} to {min(high, 1):.3f}"
    rows.append({"": style.method(name).label, "success": f"{mean:.3f}", "95 % interval": interval})
display(pd.DataFrame(rows).style.hide())

saw, gcivl, hiql = (farthest_third(name) for name in ("saw", "gcivl", "hiql"))
print(
    f"farthest third: SAW / GCIVL = {saw.mean() / max(gcivl.mean(), 1e-9):.1f}, SAW / HIQL = {saw.mean() / max(hiql.mean(), 1e-9):.1f}"
)
print(f"SAW is above GCIVL in {(saw > gcivl).sum()} of {len(saw)} seeds, above HIQL in {(saw > hiql).sum()}")
nearest = {name: table["mean"].iloc[0] for name, table in tables.items()}
print("nearest goals:", ", ".join(f"{style.method(name).label} {mean:.2f}" for name, mean in nearest.items()))

# %% [markdown]
# ### What this shows, and what it does not
#
# - **It shows** that with one fixed value function, the *extraction* decides how far the flat policy gets, and that a flat
#   policy can learn from waypoints what a hierarchy does with them.
# - **Near goals** are where the one-step advantage is at its best: look at the first points before you call one method the
#   winner. Section 8 asks which part of SAW costs it those.
# - **No method is good far away.** Everything here is extracted from a value function that itself is blurred there (sections 2 and
#   3). We chose γ = .96 such that the far end of this maze is about as faint as the far end of the paper's mazes is at theirs.
#   **How large the gap is depends on how clear V is**: section 9 shows the same with γ = .98, where V is clearer.
# - **Published defaults** are the inverse temperatures α and β and the expectile .7 of SAW and HIQL (GCIVL's own is .9; here it
#   shares their V). Ours are k, γ, the sizes of the nets, the learning
#   rate, and goals without a learned representation.
# - **Do not read "SAW beats HIQL"** into it. HIQL's upper level here generates a state of 22 numbers instead of its usual
#   learned representation, and it is weak even near the goal. What a generator costs, and what the representation
#   saves, is the story of chapter 15.
# - It is **one maze**, five seeds, a laptop. The paper's claims rest on OGBench's suite, which is unit 6.
#
# ## 7 · How many waypoints count?
#
# A weighted mean of $N$ numbers is as reliable as a plain mean of fewer. How many fewer is the **effective sample size**,
#
# $$ N_{\text{eff}} = \frac{\big(\sum_i u_i\big)^2}{\sum_i u_i^2}. $$
#
# It is $N$ when all weights are equal and 1 when one weight is all there is. $N_{\text{eff}} / N$ is a diagnostic for β that costs one line and no
# training. Near 1 the weights do not choose; near 0 a few rows decide everything.
#
# **What we expect.** $N_{\text{eff}}/N = 1$ at β = 0, and a fall with β. A fall with distance? That depends on whether V tells waypoints apart there.
# And the clip at 100 should bite for large β: advantages of waypoints are up to $k$ or so.

# %% alt="Left: effective sample size over the distance to the goal for several β. Right: over β, with and without the clip, and the share of weights at the clip."
betas = (0.0, 0.3, 1.0, 3.0, 10.0)


def effective(weights: Tensor) -> float:
    """N_eff / N of weights (N,)."""
    return (weights.sum().square() / weights.square().sum() / len(weights)).item()


clipped, unclipped, at_clip, far_share, by_distance_of = ({beta: [] for beta in betas} for _ in range(5))
for seed in value.seeds:
    advantage = advantages(seed)[1].double()
    for beta in betas:
        raw = (beta * advantage).exp()
        u = raw.clamp(max=100.0)
        clipped[beta].append(effective(u))
        unclipped[beta].append(effective(raw / raw.max()))
        at_clip[beta].append((raw > 100).double().mean().item())
        far_share[beta].append((u[torch.as_tensor(row_bins >= 5)].sum() / u.sum()).item())
        by_distance_of[beta].append([effective(u[b]) for b in in_bin])

figure, (left, right) = plt.subplots(1, 2, figsize=(13, 4.6))
shades = plt.get_cmap("viridis")(np.linspace(0, 0.85, len(betas)))
for beta, shade, marker in zip(betas, shades, "osDv^", strict=True):
    mean, low, high = by_bin(np.array(by_distance_of[beta])[..., None].tolist())
    left.plot(middles, mean, color=shade, marker=marker, label=f"β = {beta:g}")
    left.fill_between(middles, low, high, color=shade, alpha=0.16, lw=0)
left.set(ylim=(0, 1.05), xlabel="shortest path from start to goal (cells)", ylabel="$N_{eff}/N$ among goals that far")
left.legend(ncols=2)
at = range(len(betas))
for numbers, label, color, marker in (
    (clipped, "$N_{eff}/N$, clipped at 100", style.VERMILION, "D"),
    (unclipped, "$N_{eff}/N$, not clipped", style.BLUE, "o"),
    (at_clip, "share of rows at the clip", style.GREY, "s"),
):
    right.plot(at, [np.mean(numbers[beta]) for beta in betas], color=color, marker=marker, label=label)
right.set_xticks(at, [f"{beta:g}" for beta in betas])
right.set(ylim=(0, 1.05), xlabel="β", ylabel="over all goals")
right.legend()
viz.show(
    figure,
    alt="Effective sample size of the waypoints' weights, as a share. Left, over the distance to the goal: at β = 3"
    " it falls with distance. Right, over β: without the clip it falls to almost nothing, with it it rises "
    "again, since more and more weights are at the clip.",
)
summary = {
    "$N_{eff}/N$, clipped": [f"{np.mean(clipped[beta]):.3f}" for beta in betas],
    "not clipped": [f"{np.mean(unclipped[beta]):.4f}" for beta in betas],
    "rows at the clip": [f"{np.mean(at_clip[beta]):.0%}" for beta in betas],
    "weight on the farthest third": [f"{np.mean(far_share[beta]):.2%}" for beta in betas],
}
display(pd.DataFrame(summary, index=[f"β = {beta:g}" for beta in betas]))
print(f"{np.mean(row_bins >= 5):.2%} of the rows have a goal in the farthest third")

# %% [markdown]
# Two surprises for the price of one line. **The clip is no detail**: at β = 3 about half of all rows are at it, and without it one row in a
# thousand would do all the learning. With it $N_{\text{eff}}$ is *larger* at β = 10 than at β = 1, against what we expected: where most advantages are past the clip, the weight is a
# vote, in or out, and not a degree. And **distance matters both ways**: at β = .3 the weights of far goals are all alike, so nothing is
# chosen; at β = 3 one row in eight counts there. That is a choice. Whether a *good* one, $N_{\text{eff}}$ cannot say: it does not know V's errors (section 3).
# Nor does one number choose β: .3 and 3 have the same $N_{\text{eff}}/N$, once because the weights barely differ, once because half of them are
# at the clip. Read it by distance, and beside the clip.
#
# The last column of the table is a warning. Under 4 % of the rows have a goal of the farthest third, and at β = 3 they carry a quarter of a percent of the weight.
# So the loss of a batch says little about far goals.
#
# ## 8 · What each part is worth
#
# The figure below changes one thing at a time. The runs are recorded: SAW's policies, five seeds each, from the same five recorded value functions,
# everything else as in section 6. (`saw-edu record ablations` makes them again.) One point you train now, with the value function of
# seed 0: **SAW without the bootstrapping term**. It takes half a minute.
#
# **What we expect.**
# - *Waypoint steps k*: too short, and a waypoint is as hard to judge as an action; too long, and π_sub's own goal is a far one. Best in between.
# - *β*: at 0 the flat policy copies everybody, so worse. At 10 most weights sit at the clip, so perhaps worse again.
# - *α*: at 1 both policies imitate more than they choose.
# - *Terms*: without bootstrapping, SAW is GCIVL with α = 3 and should fail far away. Without the one-step term, only π_sub teaches. That should still work.
# - *Clip*: without one, single rows own a batch.
# - *Errors added to V*: a random function of $s$ and $g$ that changes over half a cell, fixed during training. Its one-step differences have a standard
#   deviation of .25 or 1 times that of V's own. Waypoints lie farther apart than that, so SAW should bear it better than GCIVL (section 9).
#
# ("Clip" is that of all three weights: the action's, the waypoint's and π_sub's own.)

# %%
provenance = json.loads(asset("results/ablations/provenance.json").read_text())
print(f"recorded by {provenance['command']} at commit {provenance['commit']}, seeds {provenance['seeds']}")
ablation = dict(iter(pd.read_csv(asset("results/ablations/success.csv")).groupby("setting")))
print(f"{len(ablation)} settings")

# %%
again = ablations.SETTINGS["no bootstrapping"]
live_result = train(again.agent, data, config, [0], value_from=seed_0)
live_table = ablations.measure(again, live_result)

# %% alt="Small multiples: success on all goals and on the farthest third over waypoint steps, β, α, terms, clip and added errors, five seeds with intervals, the base marked, and one setting trained live."
panels = {  # name: (title, values in order, value of the base)
    "k": ("waypoint steps k", ["2", "4", "8", "16", "32"], "8"),
    "beta": ("β", ["0", "1", "3", "10"], "3"),
    "alpha": ("α (both policies)", ["1", "3", "10"], "3"),
    "terms": ("terms", ["both", "one-step only", "bootstrapping only"], "both"),
    "clip": ("clip of the weights", ["1", "100", "none"], "100"),
    "rough error saw": ("error added to V", ["0", "0.25", "1"], "0"),
}
series = {  # label: (goals, colour, marker, shift)
    "nearest goals (1 to 4 cells)": ("nearest", style.GREEN, "^", -0.14),
    "all goals": ("all", style.BLUE, "o", 0.0),
    "farthest third": ("farthest", style.VERMILION, "D", 0.14),
}
by_value = {(s.panel, s.x): name for name, s in ablations.SETTINGS.items()}

figure, axes = plt.subplots(2, 3, figsize=(13, 7), sharey=True)
for ax, (panel, (title, values, base)) in zip(axes.flat, panels.items(), strict=True):
    names = ["base saw" if x == base else by_value[panel, x] for x in values]
    ax.axvspan(values.index(base) - 0.35, values.index(base) + 0.35, color=style.GREY, alpha=0.14, lw=0)
    for label, (chosen, color, marker, shift) in series.items():
        held = [i for i, name in enumerate(names) if name in ablation]
        rates = [ablations.per_seed(ablation[names[i]], chosen) for i in held]
        means = np.array([rate.mean() for rate in rates])
        reach = np.clip([seed_interval(rate) for rate in rates], 0, 1).T
        at = np.array(held) + shift
        ax.errorbar(at, means, np.abs(reach - means), color=color, marker=marker, ls="", capsize=3, label=label)
        if again.name in names:
            ax.plot(
                names.index(again.name) + shift,
                ablations.per_seed(live_table, chosen),
                marker,
                color=color,
                mfc="none",
                ms=13,
            )
    ax.set_xticks(range(len(values)), [x.replace(" only", "\nonly") for x in values])
    ax.set(title=title, xlim=(-0.5, len(values) - 0.5), ylim=(-0.04, 1.04))
    ax.grid(False, axis="x")
for ax in axes[:, 0]:
    ax.set_ylabel("success")
handles, labels = axes[0, 0].get_legend_handles_labels()
handles += [
    plt.Line2D([], [], color=style.GREY, marker="o", mfc="none", ms=13, ls=""),
    plt.Rectangle((0, 0), 1, 1, color=style.GREY, alpha=0.14),
]
figure.legend(handles, [*labels, "trained live, one seed", "as in section 6"], ncols=5, loc="outside upper center")
viz.show(
    figure,
    alt="Success of SAW with one thing changed at a time, five seeds with 95 % intervals, on the nearest goals, on "
    "all and on the farthest third: waypoint steps k, β, α, the two terms, the clip of the weights, errors "
    "added to V. The base is marked; the one without the bootstrapping term was also trained live.",
)
shown_names = [name for name, s in ablations.SETTINGS.items() if name == "base saw" or s.panel in panels]
summary = pd.DataFrame(
    {
        name: {label: ablations.per_seed(ablation[name], chosen).mean() for label, (chosen, *_) in series.items()}
        for name in shown_names
        if name in ablation
    }
).T
summary.loc[f"{again.name}, live (one seed)"] = [
    ablations.per_seed(live_table, chosen)[0] for chosen, *_ in series.values()
]
display(summary.style.format("{:.2f}"))

# %% [markdown]
# Compare with what we expected:
#
# - *Terms.* Without the bootstrapping term nothing is left far away. Without the one-step term nearly all stays: at this β it is π_sub that makes
#   the flat policy. Now look at the nearest goals. The one-step term alone reaches nearly all of them, SAW only about 7 in 10. **What helps far away
#   costs success nearby.** (So does a large α: GCIVL, which is the one-step term with α = 10, reached 8 in 10 in section 6.) That π_sub pulls so much harder there (section 5) is one suspect, but
#   not the only one: with the clip at 1 nothing is loud any more, and the nearest goals do not come back. The cell after this one asks π_sub itself.
# - *β*. At 0 the far goals are lost, and the near ones are back. That is not because the term is quiet at β = 0: with the clip at 1 no weight is
#   larger than there, and the far goals stay. So imitating π_sub is not enough: the *weights* make SAW. β = 10 gives what β = 3
#   gives; nearby most weights that matter are at the clip either way. At β = 1 fewer far goals are reached, which fits section 7: from 21 cells on
#   the weights are nearly alike then.
# - *k*. We expected a best value in between. What came is a trade: the longer the waypoint's way, the more of the farthest goals are reached and
#   (up to 16) the fewer of the nearest, and from k = 4 on the mean over all goals stays about the same. Waypoints of 32 steps are at most 8 cells away, and for goals like
#   that V still ranks actions (section 2). With k = 2 little is left but GCIVL. We had set k = 8 before we saw this, and leave it there.
# - *α*. At 1 about a sixth is lost, near and far. At 10 nothing changes.
# - *Clip*. Without it, almost nothing is learned. $N_{\text{eff}}$ had said so before any training: one row in a thousand. Even a clip at 1, where a weight can
#   only say how *bad* a waypoint is, keeps most of SAW.
# - *Errors added to V*. The small ones (.25) cost little. The large ones (1) cost two fifths of all successes, and three quarters of the farthest.
#   Whether SAW bears them *better* than the others is the next section's matter.
#
# So is it the teacher's fault that SAW misses some of the nearest goals? Ask π_sub itself, with the *goal* in the waypoint's place. (And HIQL's lower level,
# for the next section.) **What we expect:** goals of 1 to 4 cells are about what it trained on, so it should be good.

# %%
at_hand = torch.nonzero(world.distances(starts, goals) < giant.EDGES[1]).squeeze(1)[few]
near = {
    name: evaluate(recorded[name].policies, world, starts[at_hand], goals[at_hand], keep_paths=True)
    for name in ("hiql", "saw")
}
for name, part in (("saw", "π_sub"), ("hiql", "HIQL's lower level")):
    lower = [lambda s, g, net=policy.networks.subgoal_policy: net(s, g).mean for policy in recorded[name].policies]
    alone = evaluate(lower, world, starts[at_hand], goals[at_hand], progress=False)
    missed = torch.as_tensor(near[name].episodes["success"].to_numpy() == 0)
    ends = (near[name].paths[:, :, -1] - goals[at_hand]).norm(dim=-1).flatten()[missed]
    print(
        f"{style.method(name).label:5} reaches {near[name].success:.2f} of the nearest goals; {part}, asked for the goal, {alone.success:.2f}. "
        f"Of {style.method(name).label}'s misses {(ends < 2).double().mean():.0%} end less than 2 units from the goal (1 counts as reached)"
    )

# %% [markdown]
# The teacher can do it. Four in five of SAW's own misses end beside the goal, less than a unit outside of what counts. There most waypoints of
# the training data *are* the goal, so π's teachers would go on; **why π stops, we do not know.**
#
# ## 9 · Where SAW does not help
#
# SAW has two advantages to offer. Against GCIVL: waypoints are easier to rank than actions. Against HIQL: nothing has to be generated. So
# **we expect** little or nothing from it where one of these is no problem:
#
# - *A clear V.* With γ = .98 instead of .96 a far goal is fainter by $.98^{100} = .13$ instead of .017. (V learned anew; the same number of updates.)
# - *Short ways.* In OGBench's *medium* maze no goal is farther than 11 cells. Its farthest third begins at 8.
# - *States of two numbers*, in disguise: the 22 features are functions of a position. A generator has an easy task, so HIQL should be as good as SAW.
# - *Random walks* for data: a random action, held for 8 steps, then the next. Trajectories go nowhere in particular, so trajectory goals are near, and no walk passes by a far goal's waypoint.
# - *Errors of V that are smooth* (over two cells instead of half a cell) fool waypoints as they fool actions.

# %% alt="Success of GCIVL, HIQL and SAW on all goals and on the farthest third, for the chapter's setting and for those where SAW may not help."
cases = {
    "base": "as in\nsection 6",
    "discount .98": "γ = .98",
    "medium": "medium\nmaze",
    "random walks": "random\nwalks",
    "rough error 0.25": "rough error\n.25",
    "rough error 1": "rough error\n1",
    "smooth error 0.25": "smooth error\n.25",
}
cases = {key: label for key, label in cases.items() if f"{key} saw" in ablation}
figure, axes = plt.subplots(2, 1, figsize=(11, 7.4), sharex=True)
for ax, chosen in zip(axes, ("all", "farthest"), strict=True):
    for i, name in enumerate(("gcivl", "hiql", "saw")):
        look = style.method(name)
        rates = [ablations.per_seed(ablation[f"{case} {name}"], chosen) for case in cases]
        means = np.array([rate.mean() for rate in rates])
        reach = np.clip([seed_interval(rate) for rate in rates], 0, 1).T
        at = np.arange(len(cases)) + 0.2 * (i - 1)
        ax.errorbar(
            at, means, np.abs(reach - means), color=look.color, marker=look.marker, ls="", capsize=3, label=look.label
        )
    ax.set(title="all goals" if chosen == "all" else "farthest third", ylim=(-0.02, 1.02), ylabel="success")
    ax.grid(False, axis="x")
axes[1].set_xticks(range(len(cases)), cases.values())
axes[0].legend(ncols=3, loc="upper right")
viz.show(
    figure,
    alt="Success of GCIVL, HIQL and SAW on all goals and on the farthest third, five seeds with 95 % intervals, "
    "side by side for the setting of section 6 and for those changed as the list above says.",
)
numbers = {
    (chosen, style.method(name).label): [
        ablations.per_seed(ablation[f"{case} {name}"], chosen).mean() for case in cases
    ]
    for chosen in ("nearest", "all", "farthest")
    for name in ("gcivl", "hiql", "saw")
}
display(pd.DataFrame(numbers, index=list(cases)).style.format("{:.2f}"))

# %% [markdown]
# What came:
#
# - *A clear V*: half as expected. Over all goals SAW's lead over GCIVL halves, from 15 points to 7. In the farthest third it stays 21 points: both
#   reach more there, GCIVL over four times as many goals as with γ = .96 (so that the *ratio* falls from more than seven to two and a half).
# - *Short ways*: as expected. In the medium maze the intervals of GCIVL and SAW overlap, over all goals and in the farthest third. Nearby GCIVL
#   is ahead. If your goals are that near, take the simpler method.
# - *States of two numbers* (the blue points of the first three columns): not as expected. HIQL stays below SAW over all goals, with intervals apart, in the giant maze
#   at either γ and in the medium one. It is weak even for near goals, although its lower level alone is not (the end of section 8): so the generator costs something even here (chapter 15
#   has more). In the farthest third of the chapter's own setting the intervals overlap: there we claim nothing.
# - *Random walks*: nobody gets far. Beyond 8 cells fewer than one in ten goals are reached, and in the farthest third it is zero for all three. Nearby SAW is a little ahead.
#   SAW chooses among the ways that the data offer. Here they offer none.
# - *Errors of V*: rough ones were to hurt SAW less than GCIVL. **They do not.** SAW keeps its lead, but over all goals it loses a larger part of
#   its success than GCIVL (in the farthest third GCIVL had next to nothing to lose). Smooth ones hurt it as predicted: with one-step differences of the same size (.25) they cost SAW half of its
#   farthest goals or more, where rough ones cost a sixth, and bring it down to HIQL there. Over all goals it stays ahead of both. (We think that a net's own errors are
#   more like the smooth ones.)
#
# In one sentence: SAW helps where ways are long, the data hold good ways, and V can tell waypoints apart while it can no longer tell actions apart.
#
# ## 10 · What a decision costs
#
# A flat policy is one net. HIQL runs two of them for every action. (It could keep a subgoal for a while, but OGBench's HIQL does not.)
# **We expect** about twice the parameters, twice the arithmetic and twice the time. For one state the time is mostly Python's, so do not
# take the microseconds of this machine for a law; the ratio comes from the same run, turn by turn.

# %%
deciders = {
    "SAW": (recorded["saw"].policies[0], ("policy",)),
    "HIQL": (recorded["hiql"].policies[0], ("subgoal_generator", "subgoal_policy")),
}
costs = {}
for name, (policy, parts) in deciders.items():
    learned = [p for part in parts for p in getattr(policy.networks, part).parameters()]
    costs[name] = {
        "parameters": sum(p.numel() for p in learned),
        "FLOPs per decision": sum(2 * p.numel() for p in learned if p.ndim == 2),  # a product and a sum for each entry
    }
for size in (1, 1024):
    seconds = {name: [] for name in deciders}
    for _ in range(20 if FAST else 300):
        for name, (policy, _) in deciders.items():  # turn by turn, so that both meet the same disturbances
            begin = time.perf_counter()
            policy(sampled.observations[:size], sampled.policy_goals[:size])
            seconds[name].append(time.perf_counter() - begin)
    for name in deciders:
        costs[name][f"µs, batch of {size}"] = 1e6 * min(seconds[name])  # whatever else runs here only adds time
costs = pd.DataFrame(costs)
costs["HIQL / SAW"] = costs["HIQL"] / costs["SAW"]
display(costs.style.format("{:,.0f}", subset=["SAW", "HIQL"]).format("{:.2f}", subset=["HIQL / SAW"]))

# %% [markdown]
# About twice, as expected; the upper level is a little larger than the lower one, because it puts out a state of 22 numbers and not an action of two. On one
# core of a laptop both answer in a fraction of a millisecond, so here nobody would choose by cost. With an encoder of images in each net, or on a
# robot's small computer, half is half. Note what is *not* saved: in training SAW has as many nets to learn as HIQL, V and two policies.
#
# ## 11 · Try it
#
# **Click into any of the four mazes** to move the goal. Choose *start* above them, and clicks move the start. With the keyboard: go
# to the picture with Tab, then use the arrow keys. (Without a running kernel you see one picture that does not move.)
#
# | Where | What |
# | --- | --- |
# | top left | $V(s, g)$ for this goal, on one colour scale for all goals |
# | top right | the surroundings of the start. Dots: up to 400 waypoints, eight steps after states of the data near the start. Thin arrows: what $\pi_{\text{sub}}(\cdot \mid s, w)$ would do for some of them. Both coloured by the weight $u(s, w, g)$. Thick arrows: black, the weighted mean of the thin ones; orange, π. The title has the effective sample size (section 7) |
# | bottom left | the same two arrows in every cell, black and orange: where the bootstrapping term alone would put π, roughly, and where π is. Pink cells: more than 90° apart |
# | bottom right | one roll-out of each policy from the start. *Lost* means: not there after 200 steps |
#
# One thing differs from training. There, $g$ lies on the trajectory, and no waypoint lies beyond it. Here you see
# waypoints of the data around the start, whatever the goal.
#
# **Predict first, then look.** Four pairs of start and goal, in maze units, as on the axes and in the line below the picture. A cell is 4 units wide, so
# `explorer.choose(start=(row, column))` wants row = y / 4 + 1 and column = x / 4 + 1:
#
# 1. **Far**: from (28, 0) to (52, 32). Change the seed, too.
# 2. **Behind a wall**: from (16, 20) to (8, 20), two cells for a bird, 14 on foot. Does V know of the wall?
# 3. **Teachers that disagree**: from (24, 0) to (32, 32), seed 0. Left is the right way, 16 cells. V hardly tells it from the way to the right. Look at the thin arrows: what do they
#    add up to?
# 4. **Near**: from (24, 0) to (16, 8), four cells. Who is best?

# %% alt="Four pictures of the maze for one start and one goal: V, waypoints and their weights, arrows of π and its teachers, roll-outs."
explorer = maze_explorer(
    world,
    data,
    value=value.policies,
    policies={name: recorded[name].policies for name in ("gcivl", "hiql", "saw")},
    start=(1, 8),  # cells are (row, column): this is x = 28, y = 0
    goal=(9, 14),
)

# %% [markdown]
# One roll-out of one seed is an anecdote. Here are the same four pairs with all five seeds. "V, exact" counts four steps a cell. The last
# column says how far from the goal each roll-out of SAW ends; up to 1 unit counts as arrived.

# %%
pairs = {
    "far": (28, 0, 52, 32),
    "behind a wall": (16, 20, 8, 20),
    "teachers disagree": (24, 0, 32, 32),
    "near": (24, 0, 16, 8),
}
ends = torch.tensor(list(pairs.values()), dtype=torch.float32)
pair_starts, pair_goals = ends[:, :2], ends[:, 2:]
cells_apart = world.distances(pair_starts, pair_goals)
seen = [policy.value(world.observe(pair_starts), world.observe(pair_goals)) for policy in value.policies]
table = pd.DataFrame(
    {
        "": list(pairs),
        "cells": cells_apart.int(),
        "V, exact": -(1 - giant.DISCOUNT ** (4 * cells_apart)) / (1 - giant.DISCOUNT),
        "V, learned": torch.stack(seen).mean(dim=0),
    }
)
for name in ("gcivl", "hiql", "saw"):
    outcome = evaluate(recorded[name].policies, world, pair_starts, pair_goals, keep_paths=True, progress=False)
    arrived = outcome.episodes.groupby("task")["success"].sum()
    table[f"{style.method(name).label} arrives"] = [f"{count} of {len(recorded[name].policies)}" for count in arrived]
left_over = (outcome.paths[:, :, -1] - pair_goals).norm(dim=-1)  # (seeds, pairs), of SAW
table["SAW ends, by seed (units from the goal)"] = [", ".join(f"{d:.1f}" for d in row) for row in left_over.T.tolist()]
display(table.style.hide().format(precision=1))

# %% [markdown]
# <details><summary>What we saw</summary>
#
# - **Far.** With seed 0, V is nearly flat at the start, and still the waypoints that lie on the way have more weight than the others. The two
#   policies that learned from waypoints go all the way with most seeds, GCIVL with none.
# - **Behind a wall.** V is too high: neighbouring coordinates get similar values, wall or not. Whoever climbs such a V stays beside
#   the wall, however the policy was extracted. Weights cannot repair the value that they come from.
# - **Teachers that disagree.** With seed 0, teachers to the left and to the right both have weight, since V is wrong about the right-hand way. π has one mean, and the
#   mean of left and right points into the wall between them: a policy with one mode cannot choose. With seed 4 the teachers agree (left), and yet π does not follow them.
#   Seeds 1 to 3 cross the maze and stop just beside the goal.
# - **Near.** Only GCIVL arrives. SAW stops a few tenths of a unit too early, at a place where its mean action is zero, although
#   $\pi_{\text{sub}}$, asked for the goal itself, would go on (the end of section 8). HIQL stops near there, too. So do not
#   read the first points of the curves above as "cannot find the way".
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
# <!-- END SOLUTION -->

# %% [markdown]
# ## Summary
#
# 1. The advantage of one action for a goal $d$ steps away shrinks like $\gamma^d$; the error of a learned value does not.
# 2. Waypoints $k$ steps ahead differ by more, and actions towards a near waypoint are easy to rank: that is why hierarchies work.
# 3. SAW trains a subgoal policy on near goals and lets a flat policy imitate it at waypoints of the same trajectory.
# 4. Importance weights $e^{\beta A(s, w, g)}$ take the place of a model that generates subgoals.
# 5. The result is one net at run time. It cannot know more than the value function that weighs its teachers.
# 6. The clip is part of the method: without it almost nothing is learned, and even a clip at 1 keeps most of it.
# 7. Longer waypoints, and bootstrapping at all, reach more far goals and fewer near ones. Where all goals are near, or the data hold no ways, SAW does not help.
#
# ## References
#
# - J. L. Zhou, J. C. Kao. [Flattening Hierarchies with Policy Bootstrapping](https://arxiv.org/abs/2505.14975). NeurIPS 2025.
# - S. Park et al. [HIQL: Offline Goal-Conditioned RL with Latent States as Actions](https://arxiv.org/abs/2307.11949). NeurIPS 2023.
# - S. Park et al. [OGBench: Benchmarking Offline Goal-Conditioned RL](https://arxiv.org/abs/2410.20092). ICLR 2025.
# - X. B. Peng et al. [Advantage-Weighted Regression](https://arxiv.org/abs/1910.00177). 2019.
#
# **Next:** unit 6 takes the same agents to OGBench's real environments.
