# %% [markdown]
# # 15 · Policy bootstrapping: do for a far goal what you would do for a near one
#
# > **The question.** HIQL, RIS, GCWAE and SAW look like four inventions. Can one short derivation give all four, and
# > show where they differ?
#
# | | |
# | --- | --- |
# | **You will learn** | why a policy for near goals is easy; how "find a good policy" becomes "infer a good waypoint"; where each method stands in that derivation; what a generator of subgoals guesses, and gets wrong |
# | **You need** | advantage-weighted regression (chapter 2). Logarithms, expectations, the KL divergence. HIQL helps (chapter 14), but is introduced here |
# | **Time** | about 70 minutes to read and solve, half a minute to compute |
# | **Exercises** | 5 programmed (13 points), 1 question for thought (2 points) |
#
# Zhou and Kao write of SAW that "existing hierarchical and bootstrapping-based approaches correspond to specific design choices
# within our derivation" ([abstract](https://arxiv.org/abs/2505.14975)). This chapter takes that sentence as its task. **The
# derivation below is our own presentation.** It ends at the objective of their
# [project page](https://johnlyzhou.github.io/saw/) and at the losses of their code, but its steps and symbols need not be those
# of the paper.
#
# The names: **HIQL** is hierarchical implicit Q-learning, **RIS** reinforcement learning with imagined subgoals, **GCWAE**
# goal-conditioned waypoint advantage estimation, **SAW** subgoal advantage-weighted policy bootstrapping. What they do is in section 5;
# you need to know none of them before.

# %% tags=["setup"]
import os
from collections.abc import Callable

import torch
from torch import Tensor

from saw_edu import checks

FAST = os.environ.get("SAW_EDU_FAST") == "1"  # set by automatic tests: a short version of everything
torch.set_num_threads(1)

# %%
import inspect
import itertools
import json
import textwrap
from functools import cache

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from IPython.display import Markdown

from saw_edu import viz
from saw_edu.agents import GCWAE, RIS
from saw_edu.agents.objectives import subgoal_generator_loss
from saw_edu.course import giant
from saw_edu.course.ch15.tabular import Play, extract, noisy_values, right_by_distance, subgoal_policy
from saw_edu.envs import GridMaze
from saw_edu.evaluation import episodes_by_distance, seed_interval
from saw_edu.place import asset
from saw_edu.viz import style

style.use()
if FAST:
    print("Fast mode: fewer seeds. Numbers and figures below are not the real ones.")

# %% [markdown]
# ## 1 · Near goals are easy
#
# Chapter 16 trains policies in the giant point maze, five seeds of each. Their networks are recorded, so let us ask them a plain
# question: **does your action point along the shortest path**, to within 45 degrees? Guessing is right once in four times.
#
# We ask two flat policies, GCIVL's and SAW's, for goals at all distances. And we ask a **subgoal policy**
# $\pi_{\text{sub}}(a \mid s, w)$, which learned by advantage-weighted regression as GCIVL did, but only on goals $w$ that lie
# $k = 8$ steps ahead in the data. Those are two cells. We ask it twice: once for the far goal itself, and once for the point
# where the shortest path to that goal is eight steps later. That second question cheats, for somebody has to know that point.
#
# **What we expect.** The flat policies get worse with distance. π_sub should be bad at far goals, which it never saw, and
# good at near waypoints, *however far the goal is*.

# %% alt="Share of actions along the shortest path over distance to the goal: flat policies fall, the subgoal policy asked for a waypoint on the path stays near 100 %."
world = giant.make_world()
recorded = {name: giant.load(name, world.spec) for name in ("gcivl", "hiql", "saw")}
EDGES = (1, 2, 3, 5, 9, 13, 17, 21, 25, 32)  # cells
starts, goals = episodes_by_distance(world, EDGES, 30 if FAST else 300, torch.Generator().manual_seed(2))
bins = np.digitize(world.distances(starts, goals), EDGES) - 1
middles = [(low + high - 1) / 2 for low, high in itertools.pairwise(EDGES)]

along = world.oracle(starts, goals)  # (E, 2) the direction of the shortest path
ahead = starts
for _ in range(giant.SUBGOAL_STEPS):
    ahead = world.step(ahead, world.oracle(ahead, goals))
s_seen, g_seen, w_seen = (world.observe(states) for states in (starts, goals, ahead))


def by_bin(numbers: list[Tensor]) -> np.ndarray:
    """Mean, low and high over seeds (3, bins) of one number an episode and seed."""
    table = np.array([[seed.double().numpy()[bins == b].mean() for b in range(len(middles))] for seed in numbers])
    return np.array([[column.mean(), *seed_interval(column)] for column in table.T]).T


def points_along(actions: Tensor) -> Tensor:
    return torch.cosine_similarity(actions, along, dim=1) > np.cos(np.pi / 4)


with torch.no_grad():
    teachers = [networks.subgoal_policy for networks in recorded["saw"].networks]
    asked = {
        "π_sub, asked for a waypoint on the path": [sub(s_seen, w_seen).mean for sub in teachers],
        "SAW, asked for the goal": [policy(s_seen, g_seen) for policy in recorded["saw"].policies],
        "GCIVL, asked for the goal": [policy(s_seen, g_seen) for policy in recorded["gcivl"].policies],
        "π_sub, asked for the goal": [sub(s_seen, g_seen).mean for sub in teachers],
    }
looks = [(style.GREEN, "P"), (style.VERMILION, "D"), (style.method("gcivl").color, "^"), (style.GREY, "v")]
figure, ax = plt.subplots(figsize=(9, 4.8))
for (label, actions), (color, marker) in zip(asked.items(), looks, strict=True):
    mean, low, high = by_bin([points_along(a) for a in actions])
    ax.plot(middles, mean, color=color, marker=marker, label=label)
    ax.fill_between(middles, low, high, color=color, alpha=0.16, lw=0)
    print(f"{label:40} nearest {mean[0]:.0%}, farthest {mean[-1]:.0%}")
ax.axhline(0.25, color=style.GREY, ls=":", label="guessing")
ax.set(ylim=(0, 1.03), xlabel="shortest path from start to goal (cells)", ylabel="actions along the shortest path")
ax.yaxis.set_major_formatter("{x:.0%}")
ax.legend(fontsize=11, loc="lower left")
viz.show(
    figure,
    alt="Share of actions along the shortest path over distance to the goal, five seeds with 95 % intervals. GCIVL,"
    " SAW and the subgoal policy asked for the goal all fall with distance. The subgoal policy asked for a "
    "waypoint on the path stays near 100 percent at every distance.",
)

# %% [markdown]
# So **a policy for near goals is nearly perfect, and would stay so on the way to far ones, if only somebody told it the next
# waypoint.** That is the whole idea of this unit. What is left is: who tells it, and what is done with the answer.
#
# ## 2 · A maze where nothing is estimated
#
# In a derivation, every equals sign should be checked. In a net's world we could not: there every expectation is a sample and every
# optimum an attempt. So we move to a small world, in which all is known:
#
# - the giant maze, cell by cell: 86 cells, five actions (stay, up, down, left, right), one cell a step;
# - **play**: walks that head for one random cell or another by a shortest path, with every other action random. The
#   probabilities of all walks are summed up, not sampled;
# - goals that are drawn *independently* of the walks. So the data do not give away how to get there. Only V does;
# - the exact value $V(s, g) = -\frac{1 - \gamma^d}{1 - \gamma}$ for a goal $d$ steps away, with $\gamma = .9$.
#
# | Symbol | In the code | |
# | --- | --- | --- |
# | $\mu(a \mid s)$ | `play.action_prior` | what the walks do at $s$ |
# | $p(w \mid s)$ | `play.waypoint_prior` | where they are $k = 8$ actions later |
# | $\mu(a \mid s, w)$ | `play.subgoal_action_prior` | what those did that were at $w$ eight actions later |
# | $A(s, w, g) = V(w, g) - V(s, g)$ | `advantages` | how much nearer to $g$ the waypoint is |

# %%
play = Play(GridMaze("giant"), discount=0.9, subgoal_steps=8, noise=0.5)
V, beta, alpha = play.values, 3.0, 3.0
s, g = torch.nonzero(play.distances > 0, as_tuple=True)  # every pair of different cells, (N,) each
prior = play.waypoint_prior[s]  # (N, W)
advantages = V[:, g].T - V[s, g][:, None]  # (N, W)
print(f"{len(s)} pairs of state and goal, {prior.shape[1]} possible waypoints")
assert torch.allclose(prior.sum(1), torch.ones(len(s), dtype=torch.float64))
assert torch.allclose(play.action_prior, torch.einsum("saw,sw->sa", play.subgoal_action_prior, play.waypoint_prior))

# %% [markdown]
# ## 3 · Success as evidence
#
# Here is the turn. Instead of asking "which policy is best?", *pretend that it went well*, and ask what must have happened.
#
# Somebody started at $s$ and wanted to reach $g$. Eight steps later they were at some waypoint $w$, with probability $p(w \mid s)$,
# as walks go. Let $O$ be the event that this was **a good place to be**, and let it be the likelier the larger the advantage:
#
# $$ p(O \mid s, w, g) = c \; e^{\beta A(s, w, g)} . $$
#
# (The constant $c$ keeps it below one. It drops out of all that follows, so take $c = 1$.) The inverse temperature β says
# how sharply we tell good from bad. Now $w$ is a **latent variable**: something in between that we did not see. By Bayes' rule,
#
# $$ p(w \mid s, g, O) = \frac{p(w \mid s)\, e^{\beta A(s, w, g)}}{Z(s, g)}, \qquad
# Z(s, g) = \sum_w p(w \mid s)\, e^{\beta A(s, w, g)} . $$
#
# This is the **subgoal posterior**: among the places where walks go, those that are good for $g$.
#
# ### Exercise 1 · The subgoal posterior
#
# | What | Difficulty | Time | Points |
# | --- | --- | --- | --- |
# | `subgoal_posterior`: prior × exp(advantage), normalised | ●○○ | 6 min | 2 |
#
# An advantage of 8 and β = 3 give $e^{24}$. Write it such that even an advantage of 300 does no harm.
#
# <details><summary>Hint 1: a question</summary>If all advantages of a row grow by the same number, what happens to the posterior?</details>
# <details><summary>Hint 2: a nudge</summary>The logarithm of prior × exp(β A) is a sum. And <code>torch.softmax</code> turns logarithms of weights into probabilities, without overflow.</details>
# <details><summary>Hint 3: almost the answer</summary><code>torch.softmax(prior.log() + ..., dim=...)</code>: over waypoints, not over pairs. A prior of zero has the logarithm −∞, which softmax understands.</details>


# %% exercise="subgoal-posterior"
def subgoal_posterior(prior: Tensor, advantages: Tensor, beta: float) -> Tensor:
    """The posterior p(w | s, g, O) for N pairs of state and goal.

    Args:
        prior: p(w | s), (N, W); each row sums to one, and may contain zeros.
        advantages: A(s, w, g), (N, W).
        beta: β, the inverse temperature.

    Returns:
        (N, W), each row sums to one; zero where the prior is zero.
    """
    ### BEGIN SOLUTION
    return torch.softmax(prior.log() + beta * advantages, dim=-1)
    ### END SOLUTION


# %% check="subgoal-posterior" points=2
checks.ch15.subgoal_posterior(subgoal_posterior)
### BEGIN HIDDEN TESTS
from saw_edu.classroom import hidden

hidden("ch15").subgoal_posterior(subgoal_posterior)
### END HIDDEN TESTS

# %% [markdown]
# Let us look at it for one state and one goal. Left: where walks go. Right: where they went, *given that it was good*.

# %% alt="Two mazes with one state and one goal: waypoints sized by prior probability around the state, and by posterior probability, which prefers those towards the goal."
posterior = subgoal_posterior(prior, advantages, beta)
example = int(torch.nonzero((play.distances[s, g] == 14) & (prior > 0.02).sum(1).gt(8)).squeeze(1)[0])
where = play.world.xy(play.world.maze.tables()["free_cells"])

figure, axes = plt.subplots(1, 2, figsize=(13, 5.2))
for ax, chances, name in zip(axes, (prior, posterior), ("prior p(w | s)", "posterior p(w | s, g, O)"), strict=True):
    viz.plot_maze(ax, play.world)
    ax.scatter(*where.T, s=900 * chances[example], color=style.VERMILION, alpha=0.8, zorder=4)
    ax.plot(*where[s[example]], "o", color="white", mec="black", ms=11, zorder=6)
    ax.plot(*where[g[example]], "*", color=style.PURPLE, mec="black", ms=17, zorder=6)
    ax.set_title(name)
viz.show(
    figure,
    alt="The giant maze with one state, a white circle, and one goal, a star, 14 cells away. Left, waypoints around"
    " the state in all directions, sized by their prior probability. Right, the posterior: most of the weight "
    "has moved to waypoints on the way to the goal.",
)

# %% [markdown]
# ### A bound that any guess gives
#
# How good is it to start from $s$ when the goal is $g$? The **evidence** $\log p(O \mid s, g) = \log Z(s, g)$ says that. Take *any*
# distribution $q(w)$ over waypoints. Multiply and divide by it inside the sum, and use that the logarithm of a mean is at least the
# mean of the logarithm (Jensen):
#
# $$ \log Z = \log \sum_w q(w)\, \frac{p(w \mid s)\, e^{\beta A}}{q(w)} \;\ge\;
# \sum_w q(w) \log \frac{p(w \mid s)\, e^{\beta A}}{q(w)}
# = \underbrace{\mathbb{E}_q[\beta A(s, w, g)] - \mathrm{KL}\big(q \,\|\, p(\cdot \mid s)\big)}_{\text{the evidence bound}} . $$
#
# *Propose waypoints with a large advantage, but stay near where walks go.* That is a high-level policy's objective, and nobody
# had to invent it.
#
# ### Exercise 2 · The evidence bound
#
# | What | Difficulty | Time | Points |
# | --- | --- | --- | --- |
# | `evidence_bound`: expected advantage minus divergence from the prior | ●●○ | 8 min | 3 |
#
# <details><summary>Hint 1: a question</summary>What is the divergence of a distribution from itself? And which of the two in KL(q ‖ p) is the mean taken over?</details>
# <details><summary>Hint 2: a nudge</summary>KL(q ‖ p) = Σ q log q − Σ q log p. Where q is zero, its term counts as zero, but <code>0 * log(0)</code> is NaN in torch.</details>
# <details><summary>Hint 3: almost the answer</summary><code>torch.xlogy(q, q)</code> is q log q, with zero where q is zero. The same for q log p.</details>


# %% exercise="evidence-bound"
def evidence_bound(q: Tensor, prior: Tensor, advantages: Tensor, beta: float) -> Tensor:
    """E_q[β A(s, w, g)] - KL(q ‖ p(. | s)) for N pairs of state and goal.

    Args:
        q: any distributions over waypoints, (N, W); zeros may occur.
        prior: p(w | s), (N, W), above zero wherever q is.
        advantages: A(s, w, g), (N, W).
        beta: β, the inverse temperature.

    Returns:
        (N,) bounds on log Z(s, g).
    """
    ### BEGIN SOLUTION
    divergence = (torch.xlogy(q, q) - torch.xlogy(q, prior)).sum(dim=-1)
    return beta * (q * advantages).sum(dim=-1) - divergence
    ### END SOLUTION


# %% check="evidence-bound" points=3
checks.ch15.evidence_bound(evidence_bound)
### BEGIN HIDDEN TESTS
from saw_edu.classroom import hidden

hidden("ch15").evidence_bound(evidence_bound)
### END HIDDEN TESTS

# %% [markdown]
# **Step 1, checked.** The bound holds for any $q$, and what is missing is $\mathrm{KL}(q \,\|\, \text{posterior})$, exactly. So it is
# tight at the posterior and nowhere else. Here for all pairs at once, with a random $q$ for each.

# %%
evidence = torch.logsumexp(prior.log() + beta * advantages, dim=1)  # (N,) log Z(s, g)
q = torch.softmax(prior.log() + torch.randn(prior.shape, generator=torch.Generator().manual_seed(0)).double(), dim=1)
missing = evidence - evidence_bound(q, prior, advantages, beta)
divergence = (torch.xlogy(q, q) - torch.xlogy(q, posterior)).sum(1)

assert (missing > 0).all()
assert torch.allclose(missing, divergence)
assert torch.allclose(evidence_bound(posterior, prior, advantages, beta), evidence)
print(
    f"{len(s)} pairs: random q miss the evidence by {missing.min():.2f} to {missing.max():.2f}, the posterior by nothing"
)

# %% [markdown]
# **Step 2: a net for the posterior.** We know $q^* = p(w \mid s, g, O)$ here, because we can sum over $w$. With pictures as states nobody
# can. So let a net $q_\phi(w \mid s, g)$ come close to it, in the direction that data allow:
#
# $$ \min_\phi \mathrm{KL}(q^* \,\|\, q_\phi) \iff \max_\phi \mathbb{E}_{q^*}[\log q_\phi(w \mid s, g)]
# \iff \max_\phi \tfrac{1}{Z(s, g)}\, \mathbb{E}_{p(w \mid s)}\big[ e^{\beta A(s, w, g)} \log q_\phi(w \mid s, g) \big]. $$
#
# That is *advantage-weighted regression on waypoints*: HIQL's high level, to the letter, except for $1/Z(s, g)$. Such a factor does
# not change the best answer for one pair $(s, g)$, only how much that pair counts. The check: at $q_\phi = q^*$ the loss is flat.

# %%
logits = posterior.clamp(min=1e-300).log().requires_grad_()
awr = -torch.xlogy(prior * (beta * advantages).exp(), torch.softmax(logits, dim=1)).sum(1)  # (N,)
(awr / evidence.exp()).sum().backward()
assert logits.grad.abs().max() < 1e-9
print(f"largest gradient of the weighted regression at the posterior: {logits.grad.abs().max():.1e}")

# %% [markdown]
# The low level comes the same way, with an action in the place of the waypoint and the waypoint in the place of the goal:
#
# $$ \pi_{\text{sub}}(a \mid s, w) \propto \mu(a \mid s, w)\, e^{\alpha A(s, a, w)}, \qquad A(s, a, w) = V(s', w) - V(s, w) . $$
#
# (One could treat both as *one* problem. Then the posterior of $w$ gains a factor, which says how well $w$ can be reached. None of the four
# methods has it, so we leave it out.)
#
# ## 4 · A policy that never sees the waypoint
#
# So far, acting takes two levels: draw $w$, then $a \sim \pi_{\text{sub}}(\cdot \mid s, w)$. Now we want **one flat policy**
# $\pi(a \mid s, g)$. In the language of inference: waypoint and action are both latent, with the model
# $p(w \mid s)\,\pi_{\text{sub}}(a \mid s, w)$, and our guess about them shall be $q(w)\,\pi(a \mid s, g)$. *The action may not
# look at the waypoint.* The same Jensen as before gives
#
# $$ \log Z \;\ge\; \mathbb{E}_q[\beta A] - \mathrm{KL}\big(q \,\|\, p(\cdot \mid s)\big)
# - \underbrace{\mathbb{E}_{q(w)}\big[\mathrm{KL}\big(\pi(\cdot \mid s, g) \,\|\, \pi_{\text{sub}}(\cdot \mid s, w)\big)\big]}_{\text{the price of being flat}} . $$
#
# There it is: **the flat policy should be close to what π_sub does at good waypoints.** This is policy bootstrapping.
# Nothing but the wish for a flat policy brought it in. From here on, π_sub at one waypoint is a **teacher** of π.
#
# **Step 3, checked.** Below, the left-hand side is summed over all pairs $(w, a)$, term by term; the right-hand side is your
# bound minus the price. (We mix one percent of the uniform policy into π_sub. A net's normal distribution never excludes an
# action either, and $\log 0$ would make a single teacher's veto infinite.)

# %%
floor = 0.01
sub = (1 - floor) * subgoal_policy(play, V[None], alpha)[0][s] + floor / 5  # (N, A, W) π_sub(a | s, w)
pi = torch.softmax(torch.randn((len(s), 5), generator=torch.Generator().manual_seed(1)).double(), dim=1)  # any policy

both = q[:, None] * pi[:, :, None]  # (N, A, W) q(w) π(a)
left = beta * advantages[:, None] + sub.log() - pi.log()[:, :, None]
left = (both * left + pi[:, :, None] * (torch.xlogy(q, prior) - torch.xlogy(q, q))[:, None]).sum((1, 2))  # (N,)
price = (both * (pi.log()[:, :, None] - sub.log())).sum((1, 2))  # (N,) E_q KL(π ‖ π_sub)

assert (price >= 0).all()
assert torch.allclose(left, evidence_bound(q, prior, advantages, beta) - price)
assert (left <= evidence).all()
print("sum over waypoints and actions = evidence bound - price, for all pairs")

# %% [markdown]
# Which $\pi$ pays the lowest price? And since nets are often trained with the KL divergence turned round (SAW's released code does so
# where it learns standard deviations), which one would *that* ask for?
#
# $$ \min_\pi \mathbb{E}_{q(w)}\,\mathrm{KL}(\pi \,\|\, \pi_{\text{sub}}) \;\Rightarrow\;
# \pi(a) \propto \exp \mathbb{E}_{q(w)} \log \pi_{\text{sub}}(a \mid s, w), \qquad
# \min_\pi \mathbb{E}_{q(w)}\,\mathrm{KL}(\pi_{\text{sub}} \,\|\, \pi) \;\Rightarrow\;
# \pi(a) = \mathbb{E}_{q(w)}\, \pi_{\text{sub}}(a \mid s, w) . $$
#
# One is a geometric mean of the teachers, normalised: it wants an action that *all* accept. The other is their mixture: it
# keeps whatever *any* of them would do.
#
# ### Exercise 3 · Two flat policies
#
# | What | Difficulty | Time | Points |
# | --- | --- | --- | --- |
# | `flat_policy`: the best flat policy for either direction | ●●○ | 8 min | 3 |
#
# <details><summary>Hint 1: a question</summary>Two teachers say (.64, .04, .32) and (.04, .64, .32). Which action would you take if you do not know which of them is right?</details>
# <details><summary>Hint 2: a nudge</summary><code>posterior[:, None]</code> has shape (N, 1, W), so it meets the teachers' (N, A, W) along waypoints.</details>
# <details><summary>Hint 3: almost the answer</summary>Both are sums over the last axis of posterior × something. For the geometric mean that something is a logarithm, and <code>torch.softmax</code> over actions does the rest.</details>


# %% exercise="flat-policy"
def flat_policy(posterior: Tensor, subgoal_policies: Tensor, student_first: bool) -> Tensor:
    """The flat policy nearest to its teachers, for N pairs of state and goal.

    Args:
        posterior: how much each waypoint counts, (N, W); each row sums to one.
        subgoal_policies: π_sub(a | s, w), (N, A, W), above zero; sums to one over actions.
        student_first: True: minimise E_q KL(π ‖ π_sub). False: minimise E_q KL(π_sub ‖ π).

    Returns:
        π(a | s, g), (N, A), each row sums to one.
    """
    ### BEGIN SOLUTION
    if student_first:
        logits = (posterior[:, None] * subgoal_policies.log()).sum(dim=-1)  # (N, A)
        return torch.softmax(logits, dim=-1)
    return (posterior[:, None] * subgoal_policies).sum(dim=-1)
    ### END SOLUTION


# %% check="flat-policy" points=3
checks.ch15.flat_policy(flat_policy)
### BEGIN HIDDEN TESTS
from saw_edu.classroom import hidden

hidden("ch15").flat_policy(flat_policy)
### END HIDDEN TESTS

# %% [markdown]
# **Step 4, checked.** Both are optima: the gradient of each price vanishes there. And both can be compared over the whole maze. We
# expect hardly any difference: with good waypoints known exactly, the teachers agree.


# %%
def flat_price(pi: Tensor, student_first: bool) -> Tensor:
    """The expected divergence of a flat policy (N, A) under the posterior, (N,)."""
    gap = pi.log()[:, :, None] - sub.log()  # (N, A, W)
    terms = pi[:, :, None] * gap if student_first else -sub * gap
    return (posterior * terms.sum(1)).sum(1)


best = {}
for student_first, name in ((True, "KL(π ‖ π_sub)"), (False, "KL(π_sub ‖ π)")):
    best[name] = flat_policy(posterior, sub, student_first)
    logits = best[name].log().requires_grad_()
    flat_price(torch.softmax(logits, dim=1), student_first).sum().backward()
    assert logits.grad.abs().max() < 1e-9
    right = play.right[s, best[name].argmax(1), g].double().mean()
    paid = flat_price(best[name], student_first)
    print(f"{name}: the likeliest action is right for {right:.1%} of all pairs; mean price {paid.mean():.3f} nats")
same = (best["KL(π ‖ π_sub)"].argmax(1) == best["KL(π_sub ‖ π)"].argmax(1)).double().mean()
print(f"both prefer the same action for {same:.1%} of all pairs")

# %% [markdown]
# The evidence bound has led us to a flat policy, and leaves one thing open. The price is an expectation under the posterior, and to
# *compute* that, somebody has to know where good waypoints are.
#
# ## 5 · Who proposes the waypoint?
#
# | | Waypoints come from | What acts, and how it learns |
# | --- | --- | --- |
# | **HIQL** | a net $q_\phi(w \mid s, g)$, trained by AWR (step 2) | two levels: $w$ from $q_\phi$, then $\pi_{\text{sub}}(a \mid s, w)$. No flat policy, no price |
# | **RIS** | the same net; its mean ŵ | a flat policy: price at ŵ, with a fixed factor, and one-step AWR |
# | **GCWAE** | the same net; its mean ŵ | a flat policy: AWR with the advantage for ŵ, not for $g$. No π_sub |
# | **SAW** | the data: the state $k$ steps ahead | a flat policy: price at $w$, weighted by $e^{\beta A(s, w, g)}$, and one-step AWR |
#
# HIQL is Park et al. (2023), RIS is Chane-Sane et al. (2021), here in the offline form of the SAW paper's code, which is also where GCWAE
# comes from.
#
# GCWAE's place deserves a word. π_sub's own optimum is $\mu(a \mid s, w)\, e^{\alpha A(s, a, w)}$. Put $w = \hat w(s, g)$ straight in,
# and regress the flat policy onto that: a teacher is not needed, only its weights.
#
# ### Exercise 4 · GCWAE's loss
#
# | What | Difficulty | Time | Points |
# | --- | --- | --- | --- |
# | `gcwae_loss`: regression with the advantage for the generated subgoal | ●●○ | 8 min | 2 |
#
# The generator's subgoals are handed in. Neither V nor the generator may learn from this loss. Weights are clipped at 100, after the exponential, as
# in chapter 2.
#
# <details><summary>Hint 1: a question</summary>Which two states does the action lead from and to? And what are they compared with respect to?</details>
# <details><summary>Hint 2: a nudge</summary>Two calls of <code>value</code>, both with the same second argument, under <code>torch.no_grad()</code>.</details>
# <details><summary>Hint 3: almost the answer</summary>A = V(s', w) − V(s, w), then <code>-(weights * log_probs).mean()</code>.</details>


# %% exercise="gcwae-loss"
def gcwae_loss(
    log_probs: Tensor,
    value: Callable[[Tensor, Tensor], Tensor],
    observations: Tensor,
    next_observations: Tensor,
    subgoals: Tensor,
    goals: Tensor,
    alpha: float,
) -> Tensor:
    """GCWAE's loss of the flat policy: actions weighted by how much they help towards a generated subgoal.

    Args:
        log_probs: log π(a | s, g), (B,).
        value: V(s, g): states (B, obs), goals (B, obs) -> (B,).
        observations, next_observations: s and s', (B, obs).
        subgoals: ŵ, from the generator, (B, obs).
        goals: g, (B, obs).
        alpha: α, the inverse temperature.

    Returns:
        A scalar to minimise, shape ().
    """
    ### BEGIN SOLUTION
    with torch.no_grad():
        advantages = value(next_observations, subgoals) - value(observations, subgoals)
        weights = (alpha * advantages).exp().clamp(max=100.0)
    return -(weights * log_probs).mean()
    ### END SOLUTION


# %% check="gcwae-loss" points=2
checks.ch15.gcwae_loss(gcwae_loss)
### BEGIN HIDDEN TESTS
from saw_edu.classroom import hidden

hidden("ch15").gcwae_loss(gcwae_loss)
### END HIDDEN TESTS

# %% [markdown]
# ### Exercise 5 · RIS's loss
#
# | What | Difficulty | Time | Points |
# | --- | --- | --- | --- |
# | `ris_loss`: one-step regression and the pull towards π_sub at ŵ | ●●○ | 8 min | 3 |
#
# Standard deviations are constant, so the divergence is the squared distance of the means, without a factor ½, as in the released
# code. **`prior_weight` is a factor here**: with `prior_weight = 0` the teacher is gone, and plain AWR is left. (In SAW, β is an *exponent*.
# What does SAW do with $\beta = 0$?)
#
# <details><summary>Hint 1: a question</summary>Which of the four tensors may receive a gradient?</details>
# <details><summary>Hint 2: a nudge</summary>Sum over the action's dimensions, mean over the batch. The teacher is detached, the weights are too.</details>
# <details><summary>Hint 3: almost the answer</summary><code>-(weights * log_probs).mean() + (prior_weight * distance).mean()</code></details>


# %% exercise="ris-loss"
def ris_loss(
    log_probs: Tensor, advantages: Tensor, means: Tensor, subgoal_means: Tensor, alpha: float, prior_weight: float
) -> Tensor:
    """RIS's loss of the flat policy.

    Args:
        log_probs: log π(a | s, g), (B,).
        advantages: A(s, a, g), (B,).
        means: means of π(. | s, g), (B, act).
        subgoal_means: means of π_sub(. | s, ŵ), (B, act).
        alpha: α, the inverse temperature of the actions' weights (clipped at 100).
        prior_weight: the factor of the divergence.

    Returns:
        A scalar to minimise, shape ().
    """
    ### BEGIN SOLUTION
    weights = (alpha * advantages).exp().clamp(max=100.0).detach()
    distance = (means - subgoal_means.detach()).square().sum(dim=-1)  # (B,)
    return -(weights * log_probs).mean() + (prior_weight * distance).mean()
    ### END SOLUTION


# %% check="ris-loss" points=3
checks.ch15.ris_loss(ris_loss)
### BEGIN HIDDEN TESTS
from saw_edu.classroom import hidden

hidden("ch15").ris_loss(ris_loss)
### END HIDDEN TESTS

# %% [markdown]
# Here are the library's own, side by side: the generator that HIQL, RIS and GCWAE share, then what GCWAE and RIS do with its mean. Each
# agrees with the authors' code to one part in a million. (The library writes $\pi_h$, `subgoal_generator`, for the generator; $\pi_\ell$, `subgoal_policy`,
# for π_sub; $z$ for a generated subgoal; $D$ for a divergence.) SAW's you write yourself in chapter 16.

# %%
for function in (subgoal_generator_loss, GCWAE.flat_policy_loss, RIS.flat_policy_loss):
    display(Markdown(f"```python\n{textwrap.dedent(inspect.getsource(function))}\n```"))

# %% [markdown]
# **Two limits, checked** on the maze, where `extract` gives the exact optimum of each method's loss. RIS without its divergence is
# GCIVL. SAW with β = 0 is *not*: then all waypoints weigh the same, and π imitates teachers who go anywhere.

# %%
usual, no_factor, no_exponent = (
    extract(play, V[None], **options) for options in ({}, {"prior_weight": 0.0}, {"beta": 0.0})
)
assert torch.allclose(no_factor["ris"], usual["gcivl"])
assert not torch.allclose(no_exponent["saw"], usual["gcivl"], atol=0.1)
for name, policy in (("SAW, β = 3", usual["saw"]), ("SAW, β = 0", no_exponent["saw"]), ("GCIVL", usual["gcivl"])):
    print(
        f"{name:10} likeliest action right for {right_by_distance(play, policy)[0, 20:].mean():.0%} of far goals, exact V"
    )

# %% [markdown]
# ### SAW: no generator
#
# A generator learns from waypoints in the data, so that we can draw waypoints *from it*. But what we need is only an expectation under
# the posterior, and the posterior is the data's own distribution, reweighted. So take the data's waypoints as they come, and
# **weight** them:
#
# $$ Z(s, g)\; \mathbb{E}_{w \sim p(w \mid s, g, O)}\big[f(w)\big] = \mathbb{E}_{w \sim p(w \mid s)}\big[e^{\beta A(s, w, g)} f(w)\big],
# \qquad f(w) = \mathrm{KL}\big(\pi(\cdot \mid s, g) \,\|\, \pi_{\text{sub}}(\cdot \mid s, w)\big) . $$
#
# This is importance sampling. With GCIVL's one-step term beside it, it is SAW's objective,
#
# $$ \max_\pi \; \mathbb{E}\big[\, e^{\alpha A(s, a, g)} \log \pi(a \mid s, g) - e^{\beta A(s, w, g)}\,
# \mathrm{KL}\big(\pi(\cdot \mid s, g) \,\|\, \pi_{\text{sub}}(\cdot \mid s, w)\big) \big] . $$
#
# What did we swallow? The factor $Z(s, g)$. By itself it does no harm, for one pair's best policy does not depend on it. Beside the one-step
# term it decides who is heard: bootstrapping speaks loudly where the data hold good waypoints, and the one-step term where they do not.
#
# **Step 5, checked.** The identity, for all pairs; and what a limited number of waypoints from the data gives for one pair.

# %%
f = (pi[:, :, None] * (pi.log()[:, :, None] - sub.log())).sum(1)  # (N, W) KL(π ‖ π_sub(. | s, w))
weighted = (prior * (beta * advantages).exp() * f).sum(1)
assert torch.allclose(weighted, evidence.exp() * (posterior * f).sum(1))

generator = torch.Generator().manual_seed(2)
exact = flat_policy(posterior, sub, student_first=False)[example]
for number in (16, 256, 4096):
    errors, sizes = [], []
    for _ in range(100):
        w = torch.multinomial(prior[example], number, replacement=True, generator=generator)
        weights = torch.softmax(beta * advantages[example, w], dim=0)  # e^{βA} over their sum: Z cancels
        estimate = (sub[example][:, w] * weights).sum(1)
        errors.append((estimate - exact).abs().sum() / 2)
        sizes.append(1 / weights.square().sum())
    error, size = torch.stack(errors).mean(), torch.stack(sizes).mean()
    print(
        f"{number:5} waypoints of the data: π is off by {error:.3f} on average; they count like {size:.0f} equal ones"
    )
assert error < 0.02

# %% [markdown]
# The weights are unequal, so many waypoints count like few. That is what importance sampling costs, and why weights are clipped at 100 in
# practice. But nothing had to be *generated*: the waypoints are real states, whatever a state is.
#
# ## 6 · Who sees farther through a noisy V?
#
# V was exact until now. Learned ones are not. So add errors to V, for 100 seeds, and let each method extract its policy, still with
# everything enumerated (`saw_edu.course.ch15.tabular`; each policy is the exact optimum of its loss, in the released code's direction of the KL). The
# question for each pair: **does the likeliest action lead closer to the goal?**
#
# **What we expect.** With the exact V everybody is right nearly everywhere. Errors that differ from cell to cell hurt one-step
# advantages most, because those shrink as $\gamma^d$; waypoints differ by more. Errors that neighbours share cancel in a one-step
# advantage, so there the gap should be smaller.

# %% alt="Three panels, share of right actions over distance to the goal for GCIVL, HIQL, GCWAE, RIS and SAW: exact V, independent errors, errors shared by neighbours."
kinds = {
    "exact V": (0.0, 0.0),
    "independent errors of 1": (1.0, 0.0),
    "errors of 1, shared by neighbours": (1.0, 3.0),
}
distance = np.arange(1, play.world.maze.diameter + 1)
figure, axes = plt.subplots(1, 3, figsize=(15, 4.8), sharey=True)
rows = []
for ax, (title, (size, reach)) in zip(axes, kinds.items(), strict=True):
    values = noisy_values(play, size, reach, 5 if FAST else 100, torch.Generator().manual_seed(3))
    for name, policy in extract(play, values, alpha=alpha, beta=beta).items():
        right = right_by_distance(play, policy).numpy()  # (S, D)
        look = style.method(name)
        ax.plot(distance, right.mean(0), **(look.plot | {"markevery": 4}))
        if size > 0:
            low, high = np.array([seed_interval(column) for column in right.T]).T
            ax.fill_between(distance, low, high, color=look.color, alpha=0.16, lw=0)
        far = right[:, distance >= giant.FARTHEST_THIRD]
        rows.append({"V": title, "method": look.label, "from 21 cells on": f"{far.mean():.1%}"})
    ax.set(title=title, xlabel="shortest path to the goal (cells)", ylim=(0.35, 1.02))
    ax.yaxis.set_major_formatter("{x:.0%}")
axes[0].set_ylabel("likeliest action is right")
axes[0].legend(loc="lower left")
viz.show(
    figure,
    alt="Share of pairs whose likeliest action leads closer to the goal, over distance, for five ways to extract a "
    "policy. With the exact V all are near 100 percent. With independent errors GCIVL falls most, GCWAE, HIQL "
    "and RIS lie above it and SAW is highest. With errors shared by neighbours all fall less and lie close "
    "together.",
)
display(pd.DataFrame(rows).pivot(index="V", columns="method", values="from 21 cells on").loc[list(kinds)])

# %% [markdown]
# ### What this shows, and what it does not
#
# - **With independent errors, waypoints help**, as expected. SAW is highest for a reason that has little to do with
#   being flat: it averages over *all* good waypoints, and errors average out. HIQL, RIS and GCWAE act on the one waypoint that
#   looks best, and the best-looking of many noisy numbers is often a lucky one. A generator that is a net, with a mean for its
#   guess, would average too.
# - **With errors shared by neighbours, the gap is smaller but there.** GCIVL lies below the others at medium distances, for waypoints
#   eight steps apart still differ by more than their errors have in common. HIQL, RIS, GCWAE and SAW *coincide*: which of
#   them it is hardly matters when V's errors are smooth, and a learned V's mostly are.
# - **The exact V does not make everybody right.** Very far away, $e^{\alpha A}$ with α = 3 can hardly tell actions apart, and the
#   likeliest action is then what the walks tend to do there. A larger α would help, at the price of trusting V's errors more.
#   (The curves rise again at the very end. Those are a handful of pairs between two corners of the maze.)
# - **It is unfair in a way that we chose.** Goals were independent of the walks, so imitation alone knew nothing. With goals from
#   the same trajectory, as in training, the data give hints to everybody.
# - π_sub is *helped by hindsight*: it learned from walks that did reach $w$. That is no trick. It is why near goals are easy.
#
# ### Try it
#
# Size and reach of V's errors, and the steps $k$ to a waypoint, in the smaller *large* maze. When does SAW lose its lead over HIQL? When does
# GCIVL keep up with both?


# %% alt="Share of right actions over distance to the goal for five methods, for a chosen size and reach of V's errors and number of steps to a waypoint."
@cache
def play_with(subgoal_steps: int) -> Play:
    return Play(GridMaze("large"), discount=0.9, subgoal_steps=subgoal_steps, noise=0.5)


def draw(ax, error_size: float, error_reach: float, subgoal_steps: int) -> None:
    small = play_with(subgoal_steps)
    values = noisy_values(small, error_size, error_reach, 10, torch.Generator().manual_seed(4))
    for name, policy in extract(small, values).items():
        right = right_by_distance(small, policy).mean(0)
        ax.plot(range(1, len(right) + 1), right, **(style.method(name).plot | {"markevery": 3}))
    ax.set(xlabel="shortest path to the goal (cells)", ylabel="likeliest action is right", ylim=(0.35, 1.02))
    ax.yaxis.set_major_formatter("{x:.0%}")
    ax.legend(ncols=5, loc="lower center", bbox_to_anchor=(0.5, 1.0), fontsize=11, columnspacing=1)


viz.explorer(
    draw,
    alt="Share of right actions over distance for five methods; V's errors have size {error_size} and reach "
    "{error_reach} cells, waypoints lie {subgoal_steps} steps ahead.",
    figsize=(9, 4.8),
    error_size=(0.0, 2.0, 0.1, 1.0),
    error_reach=(0.0, 6.0, 0.5, 0.0),
    subgoal_steps=(1, 16, 1, 8),
)

# %% [markdown]
# ## 7 · What a generator guesses
#
# In a table, a generator is a perfect posterior. A net is not. HIQL's high level of the recorded runs generates a state: 22
# numbers, a position and sines and cosines of it. It is trained as a normal distribution, so its guess is a **mean**. Two questions:
#
# 1. How far is the guess from where the shortest path is eight steps later? For scale: eight steps are two cells.
# 2. *Is it a state at all?* For any state, $\sin^2 + \cos^2 = 1$ at every wavelength. A mean of several states lies inside the
#    circle. **What we expect:** the shorter the wavelength, and the farther the goal, the farther inside.

# %% alt="Left, distance of generated subgoals from the shortest path's state over distance to the goal. Right, sin² + cos² of generated subgoals over wavelength, for near and far goals; states have 1."
from saw_edu.envs.maze.features import WAVELENGTHS

with torch.no_grad():
    guesses = [
        networks.subgoal_generator(s_seen, g_seen).mean for networks in recorded["hiql"].networks
    ]  # (E, 22) each
errors = [(world.states_of(guess) - ahead).norm(dim=1) / world.maze.cell_size for guess in guesses]
circles = [guess[:, 2:12].square() + guess[:, 12:].square() for guess in guesses]  # (E, 10): 5 of x, 5 of y
assert torch.allclose(s_seen[:, 2:12].square() + s_seen[:, 12:].square(), torch.ones(10), atol=1e-5)

figure, (left, right) = plt.subplots(1, 2, figsize=(13, 4.6))
mean, low, high = by_bin(errors)
left.plot(middles, mean, color=style.BLUE, marker="o", label="HIQL's generator")
left.fill_between(middles, low, high, color=style.BLUE, alpha=0.16, lw=0)
left.axhline(2.0, color=style.GREY, ls=":", label="eight steps")
left.set(ylim=(0, 2.3), xlabel="shortest path from start to goal (cells)", ylabel="error of the guess (cells)")
left.legend()
print(f"error of the guess: nearest goals {mean[0]:.2f} cells, farthest {mean[-1]:.2f} cells")
distances = world.distances(starts, goals)
for label, chosen, color, marker in (
    ("goals 1 to 8 cells away", distances < 9, style.GREEN, "P"),
    ("goals 21 cells away or more", distances >= giant.FARTHEST_THIRD, style.PURPLE, "X"),
):
    per_seed = np.array([c[chosen].mean(0).reshape(2, 5).mean(0).numpy() for c in circles])  # (S, wavelengths)
    low, high = np.array([seed_interval(column) for column in per_seed.T]).T
    right.plot(WAVELENGTHS, per_seed.mean(0), color=color, marker=marker, label=label)
    right.fill_between(WAVELENGTHS, low, high, color=color, alpha=0.16, lw=0)
    print(
        f"{label}: sin² + cos² is {per_seed.mean(0)[0]:.2f} at the longest wavelength, {per_seed.mean(0)[-1]:.2f} at the shortest"
    )
right.axhline(1.0, color=style.GREY, ls=":", label="every state")
right.set(xscale="log", ylim=(0, 1.1), xlabel="wavelength (maze units; a cell is 4)", ylabel="sin² + cos² of the guess")
right.set_xticks(WAVELENGTHS, [f"{length:.0f}" for length in WAVELENGTHS])
right.minorticks_off()
right.legend()
viz.show(
    figure,
    alt="Generated subgoals of HIQL, five seeds. Left: their distance from the shortest path's state eight steps "
    "later grows with the distance to the goal. Right: the sum of squared sine and cosine falls from about one "
    "at long wavelengths to far below one at short ones, more so for far goals; for every real state it is one.",
)

# %% [markdown]
# The guess blurs, and what is fine in it blurs first. At the shortest wavelengths even a guess for a *near* goal is far
# inside the circle: where a walk is eight steps later varies by about that much. So there distance makes no difference; at long
# wavelengths it does. What the generator proposes is not a state but a mean of states, and the low level, which saw only states in
# training, has to make sense of it.
#
# Here two of the 22 numbers are enough to steer by. The more there is to generate, the more there is to get wrong. HIQL's answer is a
# learned representation, which leaves most of a state out. SAW's is not to generate.
#
# ## 8 · What it costs as goals grow
#
# So let us give the generator more to do, in two ways.
#
# - **Numbers that mean nothing.** Behind the 22 features of each observation, and so of each goal, we put 16, 64 or 256 numbers of
#   independent normal noise, new in every observation.
# - **A picture.** The observation is a small grey picture of the maze from above, 12 × 16 pixels, with the agent as a bright spot.
#   A subgoal then is a picture, too.
#
# The maze, the walks and what is to be learned stay the same. SAW, HIQL with whole states as subgoals, RIS and GCWAE extract their policies from
# one and the same V. HIQL with a learned representation of 10 numbers is there too; it has a V of its own, learned in as many updates.
# All of it is recorded, five seeds each.
#
# **What we expect.** V gets worse for all, because noise is noise. Those who *generate* states should lose more than SAW, whose
# waypoints are states of the data. The learned representation may filter the noise: then HIQL should lose little. The picture has 192 numbers, but they
# say no more than two coordinates: a generator may find that easier than noise, which nobody can foretell.

# %%
provenance = json.loads(asset("results/nuisance/provenance.json").read_text())
for key in ("command", "commit", "date", "machine", "seeds"):
    print(f"{key:10} {provenance[key]}")
print(f"{'value':10} {provenance['value']['steps']} updates; policies: {provenance['policies']['steps']} updates each")

# %% alt="Success over distance to the goal for SAW, HIQL, RIS and GCWAE, a panel for each number of noise dimensions and one for pictures; last panel, errors of generated subgoals."
success = pd.read_csv(asset("results/nuisance/success.csv"), dtype={"dims": str})
generated = pd.read_csv(asset("results/nuisance/generator.csv"), dtype={"dims": str})
episodes = pd.read_csv(asset("results/nuisance/episodes.csv"), dtype={"dims": str})
dims = {"0": "no noise", "16": "16 numbers of noise", "64": "64 numbers", "256": "256 numbers", "picture": "a picture"}
compared = {
    "saw": {"method": "saw"},
    "hiql_rep": {"label": "HIQL, representation", "color": style.SKY},
    "hiql": {"method": "hiql", "label": "HIQL, states"},
    "ris": {"method": "ris"},
    "gcwae": {"method": "gcwae"},
}

figure, axes = plt.subplots(2, 3, figsize=(13, 7.8))
for ax, (name, title) in zip(axes.flat, dims.items(), strict=False):
    for agent, look in compared.items():
        table = success[(success["dims"] == name) & (success["agent"] == agent)]
        viz.plot_success_by_distance(ax, table, **look)
    ax.set_title(title)
handles, labels = axes[0, 0].get_legend_handles_labels()
figure.legend(handles, labels, ncols=5, loc="outside upper center")
last = axes[1, 2]
for agent in ("hiql", "gcwae"):
    look = style.method(agent)
    per_seed = generated[generated["agent"] == agent].pivot_table(index="seed", columns="dims", values="error")[
        list(dims)
    ]
    low, high = np.array([seed_interval(column) for column in per_seed.to_numpy().T]).T
    at, mean = np.arange(len(dims)) + (0.08 if agent == "gcwae" else -0.08), per_seed.mean().to_numpy()
    last.errorbar(
        at, mean, [mean - low, high - mean], color=look.color, marker=look.marker, ls="", capsize=3, label=look.label
    )
last.axhline(2.0, color=style.GREY, ls=":", label="eight steps")
last.set_xticks(range(len(dims)), ["0", "16", "64", "256", "picture"])
last.set(ylim=(0, None), xlabel="numbers of noise", ylabel="error of the guess (cells)", title="generated subgoals")
last.legend()
viz.show(
    figure,
    alt="Success over distance to the goal, five seeds with 95 % intervals, for SAW, HIQL with states or a representation as "
    "subgoals, RIS and GCWAE: a panel each for 0, 16, 64 and 256 numbers of noise and for pictures. Last panel: the "
    "error of generated subgoals in each of these worlds.",
)

# %%
far = episodes[episodes["distance"] >= giant.FARTHEST_THIRD].groupby(["dims", "agent", "seed"])["success"].mean()
rows = []
for name, title in dims.items():
    row = {"": title}
    for agent, look in compared.items():
        low, high = seed_interval(far[name, agent])
        row[look.get("label", agent.upper())] = (
            f"{far[name, agent].mean():.2f} ({max(low, 0):.2f} to {min(high, 1):.2f})"
        )
    rows.append(row)
print("success on the farthest third, with 95 % intervals over seeds")
display(pd.DataFrame(rows).style.hide())

# %% [markdown]
# And this is what HIQL's generator paints for three far goals:

# %% alt="Three rows of four small pictures of the maze: start, goal, the state eight steps along a shortest path, and what HIQL's generator paints, a blurred spot."
pictures = np.load(asset("results/nuisance/pictures.npz"))
figure, axes = plt.subplots(3, 4, figsize=(11, 6.6))
titles = {
    "start": "start",
    "goal": "goal",
    "ahead": "eight steps ahead",
    "imagined": "generated subgoal",
}
for column, (name, title) in zip(axes.T, titles.items(), strict=True):
    for ax, picture in zip(column, pictures[name], strict=True):
        ax.imshow(picture, cmap="gray", vmin=0, vmax=1, origin="lower")
        ax.set_xticks([])
        ax.set_yticks([])
        ax.grid(False)
    column[0].set_title(title)
viz.show(
    figure,
    alt="Three rows of small grey pictures of the maze, for three far goals. From left to right: the start and the goal, each with "
    "a bright spot; the state eight steps along a shortest path; the picture that HIQL's generator makes.",
)

# %% [markdown]
# ### What this shows, and what it does not
#
# - **Those who generate lose more, as expected.** From no noise to 64 numbers SAW keeps seven in ten of its farthest goals, HIQL with states one in six, RIS and
#   GCWAE fewer. With 16 and with 64 numbers SAW's interval lies above HIQL's with states; with 64 it lies above everybody's.
# - **V gets worse for all**, as expected. With 256 numbers nobody reaches any of the farthest goals. Over all goals SAW is at .19, RIS at .17, and their
#   intervals overlap.
# - **The representation does not filter the noise.** We expected it to. Without noise it is as good as SAW far away (the intervals overlap), with 64 numbers it
#   reaches none of those goals, and with 256 hardly even the nearest. It is learned through V's loss alone; we think that noise, which is different in
#   every row, lets V tell rows of the data apart. We did not test that.
# - **The picture is not easier than noise.** HIQL's guess is three cells off for the farthest goals, and what it paints is a smear. For scale: who guesses "you stay where you
#   are" is off by two cells. SAW loses, too: its V sees pictures. Far away the intervals overlap, so we claim nothing there. Over all goals
#   SAW, RIS and HIQL with its representation reach nearly three in ten, HIQL with states and GCWAE fewer than two.
# - **Nearby RIS is the best** in every one of these worlds: its one-step term, which needs no generator, is always there. SAW, too, has that term.
# - One set of hyperparameters, chosen without noise, is used everywhere. Bigger nets, more data or an encoder might help any of them.
#
# ## A question for thought (2 points)
#
# SAW's waypoints are real states, but they are those of *one* trajectory, and most of them are not good for $g$. Suppose the data hold a good
# waypoint for $(s, g)$ in one of a thousand walks through $s$. What would a perfect generator do there, and what happens to SAW's
# two terms? Use $Z(s, g)$ in your answer.

# %% [markdown] question="rare-waypoints" points=2
# <!-- BEGIN SOLUTION -->
# *A model answer.* A perfect generator proposes the posterior, so nearly always that rare waypoint, however rare it is in the
# data: if $e^{\beta A}$ outweighs the factor of a thousand. RIS then pulls π towards π_sub there with its fixed factor, at each such
# pair.
# SAW meets the waypoint in one of a thousand batches' rows. When it does, the weight is large (but clipped at 100, which by itself can make
# a thousandfold rarity insurmountable); the other 999 have weights near or below one and pull π towards mediocre
# waypoints. In expectation the *unclipped* weights give the same direction, but with high variance: few waypoints count.
# And $Z(s, g)$, the mean weight, is small where good waypoints are rare. So the bootstrapping term is quiet at
# this pair, and the one-step term, which has its own weights, decides. Where A(s, a, g) is blurred by distance, π then imitates what walks
# usually do. SAW relies on data in which good waypoints are common, and on a net that generalises from other states and goals.
# <!-- END SOLUTION -->

# %% [markdown]
# ## Summary
#
# 1. A policy for near goals is nearly perfect at any distance, if somebody tells it the next waypoint.
# 2. Call success evidence, and the waypoint becomes a latent variable: its posterior is the data's waypoints times $e^{\beta A}$.
# 3. A flat policy pays a price: its divergence from π_sub under that posterior. Lowering the price is policy bootstrapping.
# 4. HIQL, RIS and GCWAE learn a generator of the posterior and differ in what they do with its guess; SAW weights the data's own waypoints.
# 5. Which is better depends on V's errors and on how hard a state is to generate, not on the derivation.
#
# ## References
#
# - J. L. Zhou, J. C. Kao. [Flattening Hierarchies with Policy Bootstrapping](https://arxiv.org/abs/2505.14975). NeurIPS 2025. SAW, GCWAE.
# - S. Park et al. [HIQL: Offline Goal-Conditioned RL with Latent States as Actions](https://arxiv.org/abs/2307.11949). NeurIPS 2023.
# - E. Chane-Sane, C. Schmid, I. Laptev. [Goal-Conditioned Reinforcement Learning with Imagined Subgoals](https://arxiv.org/abs/2107.00541). ICML 2021. RIS.
# - S. Levine. [Reinforcement Learning and Control as Probabilistic Inference](https://arxiv.org/abs/1805.00909). 2018. Success as evidence, in general.
# - X. B. Peng et al. [Advantage-Weighted Regression](https://arxiv.org/abs/1910.00177). 2019.
#
# **Next:** chapter 16 builds SAW and lets it run.
