# %% [markdown]
# # 15 · Policy bootstrapping: do for a far goal what you would do for a near one
#
# **HIQL, RIS, GCWAE and SAW look like four inventions. Can one derivation give all four, and show where they differ?**
#
# | | |
# | --- | --- |
# | **You will learn** | how "find a good policy" becomes "infer a good waypoint", and which steps of that are choices; |
# | | where each of the four methods stands in it; |
# | | what a generator of subgoals guesses, and what its guess costs |
# | **You need** | advantage-weighted regression (chapter 2). Logarithms, expectations, the KL divergence. HIQL is introduced here |
# | **Time** | 70 minutes to read and solve, half a minute to compute |
# | **Exercises** | five, 13 points, and one question for thought, 2 points |
#
# Chapter 14 (planned) · [all chapters](../../README.md#the-chapters) · [chapter 16](16_saw.ipynb)

# %% tags=["setup", "folded"]
# Imports and settings
import inspect
import json
import os
import textwrap

import numpy as np
import pandas as pd
import torch
from IPython.display import Markdown
from torch import Tensor

from saw_edu import checks, viz
from saw_edu.agents import GCWAE
from saw_edu.agents.objectives import one_step_advantages, subgoal_generator_loss
from saw_edu.course import giant
from saw_edu.course.ch15 import figures
from saw_edu.course.ch15.tabular import Play, extract, noisy_values, right_by_distance, subgoal_policy
from saw_edu.envs import GridMaze
from saw_edu.place import asset

FAST = os.environ.get("SAW_EDU_FAST") == "1"  # set by automatic tests: a short version of everything
torch.set_num_threads(1)
viz.style.use()
if FAST:
    print("Fast mode: fewer seeds and episodes. Numbers and figures below are not the real ones.")

# %% [markdown]
# ## 1 · Near goals are easy
#
# Five seeds of each policy were trained in the giant point maze and recorded (chapter 16 does it live). We ask their nets a plain question: **does
# your action point along the shortest path**, to within 45 degrees? Guessing is right once in four times. Asked are
#
# - **GCIVL**, the flat policy of chapter 2: weigh each action of the data by $e^{\alpha A}$, where $A(s, a, g) = V(s', g) - V(s, g)$ says how
#   much nearer to $g$ it led, and imitate (*advantage-weighted regression*, AWR); and **SAW**, whose name this unit explains;
# - a **subgoal policy** $\pi_{\text{sub}}(a \mid s, w)$, which learned by AWR as GCIVL did, but only on goals $w$ that lie $k = 8$ steps (two cells) ahead in the
#   data. We ask it for the far goal itself, and for the point where the shortest path to that goal is eight steps later. That second question cheats, for
#   somebody has to know that point.
#
# **Your guess, before you look:** which of the four curves falls least with the distance to the goal?

# %% alt="Share of actions along the shortest path over distance to the goal: flat policies fall, the subgoal policy asked for a waypoint on the path stays near 100 %."
near_goals = figures.NearGoals(30 if FAST else 300)
along = near_goals.along_the_path()
viz.show(
    figures.along_the_path(along),
    alt="Share of actions along the shortest path over distance to the goal, five seeds with 95 % intervals. GCIVL,"
    " SAW and the subgoal policy asked for the goal all fall with distance. The subgoal policy asked for a "
    "waypoint on the path stays near 100 percent at every distance.",
)
for name, table in along.items():
    print(f"{name:40} nearest {table[:, 0].mean():.0%}, farthest {table[:, -1].mean():.0%}")

# %% [markdown]
# **A policy for near goals is nearly perfect, and would stay so on the way to far ones, if only somebody told it the next
# waypoint.** That is the whole idea of this unit. What is left is: who tells it, and what is done with the answer. Zhou and Kao write that "existing
# hierarchical and bootstrapping-based approaches correspond to specific design choices within our derivation"
# ([abstract](https://arxiv.org/abs/2505.14975)). This chapter takes that sentence as its task. **The derivation is our own presentation**; it ends at the objective of
# their [project page](https://johnlyzhou.github.io/saw/), but its steps and symbols need not be those of the paper.
#
# ## 2 · A maze where nothing is estimated
#
# In a derivation, every equals sign should be checked. So we move to a small world in which all is known: the giant maze cell by cell, 86 cells, five actions
# (stay, up, down, left, right). **Play** are walks that head for one random cell or another by a shortest path, with every other action random; the probabilities of
# all walks are summed up, not sampled. Goals are drawn *independently* of the walks, so that only V shows the way to them. The value is exact:
# $V(s, g) = -\frac{1 - \gamma^d}{1 - \gamma}$ for a goal $d$ steps away, with $\gamma = .9$.
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

# %% [markdown]
# ## 3 · Success as evidence
#
# Here is the turn. Instead of asking "which policy is best?", *pretend that it went well*, and ask what must have happened. Somebody started at $s$ and wanted to
# reach $g$. Eight steps later they were at some waypoint $w$, with probability $p(w \mid s)$, as walks go. Let $O$ be the event that this was **a good place
# to be**, the likelier the larger the advantage: $p(O \mid s, w, g) = c \, e^{\beta A(s, w, g)}$. (The constant $c$ keeps it below one and drops out of all that follows,
# so take $c = 1$.) The inverse temperature β says how sharply we tell good from bad. Now $w$ is a **latent variable**, and by Bayes' rule
#
# $$ p(w \mid s, g, O) = \frac{p(w \mid s)\, e^{\beta A(s, w, g)}}{Z(s, g)}, \qquad
# Z(s, g) = \sum_w p(w \mid s)\, e^{\beta A(s, w, g)} . $$
#
# This is the **subgoal posterior**: among the places where walks go, those that are good for $g$.
#
# ### Exercise 1 · The subgoal posterior
# *2 points · easy · 6 minutes*
#
# Write `subgoal_posterior(prior, advantages, beta)`: prior × exp(β × advantage), normalised, and such that even an advantage of 1000 does no harm.
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
# For one state and one goal: where walks go, and where they went *given that it was good*.

# %% alt="Two mazes with one state and one goal: waypoints sized by prior probability around the state, and by posterior probability, which prefers those towards the goal."
posterior = subgoal_posterior(prior, advantages, beta)
example = int(torch.nonzero((play.distances[s, g] == 14) & (prior > 0.02).sum(1).gt(8)).squeeze(1)[0])
viz.show(
    figures.waypoints(
        play,
        int(s[example]),
        int(g[example]),
        {"prior p(w | s)": prior[example], "posterior p(w | s, g, O)": posterior[example]},
    ),
    alt="The giant maze with one state, a white circle, and one goal, a star, 14 cells away. Left, waypoints around"
    " the state in all directions, sized by their prior probability. Right, the posterior: most of the weight "
    "has moved to waypoints on the way to the goal.",
)

# %% [markdown]
# ### Two liberties that practice takes
#
# **The prior.** In training, $g$ is drawn from the *same walk* as $s$ and $w$. Then waypoints are not distributed as $p(w \mid s)$ but as
# $p(w \mid s, g \text{ later on this walk})$, and that is a posterior already: a walk that does meet $g$ was on its way. So $e^{\beta A}$ comes on top of what hindsight knows.
#
# **The clip.** Weights are cut, $u = \min(e^{\beta A}, 100)$. Of waypoints beyond the clip it can no longer tell the good from the better.
#
# **Your guess:** which of the two liberties moves waypoints nearer to the goal, and which farther from it?

# %%
hindsight = play.hindsight_prior()[s, :, g]  # (N, W) p(w | s, g later on the walk)
clipped = prior * (beta * advantages).exp().clamp(max=100)
kinds = {
    "prior": prior,
    "posterior": posterior,
    "posterior, weights clipped at 100": clipped / clipped.sum(1, keepdim=True),
    "prior, g on the same walk": hindsight,
    "posterior, g on the same walk": subgoal_posterior(hindsight, advantages, beta),
}
nearer = play.distances[s, g][:, None] - play.distances[:, g].T  # (N, W) cells that w is nearer to g than s
for name, p in kinds.items():
    print(f"{name:35} {(p * nearer).sum(1).mean():+.2f} cells nearer to the goal after eight steps")

# %% [markdown]
# Hindsight alone does most of what the posterior does: goals from the same walk make imitation good, before any V is asked. And the clipped "posterior" is a
# blunter thing, half way to a vote: in or out. Read $p(w \mid s)$ below as whichever of the two the data have, and keep in mind that the exact steps are about
# unclipped weights.
#
# ### A bound that any guess gives
#
# How good is it to start from $s$ when the goal is $g$? The **evidence** $\log p(O \mid s, g) = \log Z(s, g)$ says that. Take *any*
# distribution $q(w)$ over waypoints. Multiply and divide by it inside the sum, and use that the logarithm of a mean is at least the
# mean of the logarithm (Jensen):
#
# $$ \log Z = \log \sum_w q(w)\, \frac{p(w \mid s)\, e^{\beta A}}{q(w)} \;\ge\;
# \underbrace{\mathbb{E}_q[\beta A(s, w, g)] - \mathrm{KL}\big(q \,\|\, p(\cdot \mid s)\big)}_{\text{the evidence bound}} . $$
#
# *Propose waypoints with a large advantage, but stay near where walks go.* That is a high-level policy's objective.
#
# ### Exercise 2 · The evidence bound
# *3 points · medium · 8 minutes*
#
# Write `evidence_bound(q, prior, advantages, beta)`: expected advantage minus divergence from the prior.
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
# tight at the posterior and nowhere else.

# %%
evidence = torch.logsumexp(prior.log() + beta * advantages, dim=1)  # (N,) log Z(s, g)
q = torch.softmax(prior.log() + torch.randn(prior.shape, generator=torch.Generator().manual_seed(0)).double(), dim=1)
missing = evidence - evidence_bound(q, prior, advantages, beta)
assert torch.allclose(missing, (torch.xlogy(q, q) - torch.xlogy(q, posterior)).sum(1))
assert torch.allclose(evidence_bound(posterior, prior, advantages, beta), evidence)
print(f"{len(s)} pairs: random q miss the evidence by {missing.min():.2f} to {missing.max():.2f}, the posterior by 0")

# %% [markdown]
# **Step 2: nets for posteriors.** Here we can sum over all $w$. With pictures as states nobody can. So let a net $q_\phi(w \mid s, g)$ come close to the
# posterior $q^*$ in the direction that data allow:
#
# $$ \min_\phi \mathrm{KL}(q^* \,\|\, q_\phi) \iff \max_\phi \mathbb{E}_{q^*}[\log q_\phi(w \mid s, g)]
# \iff \max_\phi \tfrac{1}{Z(s, g)}\, \mathbb{E}_{p(w \mid s)}\big[ e^{\beta A(s, w, g)} \log q_\phi(w \mid s, g) \big]. $$
#
# That is AWR on waypoints: HIQL's high level to the letter, but for $1/Z(s, g)$. The factor does not change the best answer for one pair; where pairs share a net, it changes
# how much each pair counts.
#
# **The same step, with the *action* as the latent variable,** gives two more. Let an action be good with probability $\propto e^{\alpha A(s, a, g)}$. Its posterior is
# $\mu(a \mid s)\, e^{\alpha A(s, a, g)} / Z_a(s, g)$, and to project a net onto it is to maximise
#
# $$ \tfrac{1}{Z_a(s, g)}\, \mathbb{E}_{\mu(a \mid s)}\big[ e^{\alpha A(s, a, g)} \log \pi(a \mid s, g) \big] : $$
#
# GCIVL, SAW's **one-step term**. With the waypoint in the place of the goal it is the low level,
# $\pi_{\text{sub}}(a \mid s, w) \propto \mu(a \mid s, w)\, e^{\alpha A(s, a, w)}$.
#
# ## 4 · A policy that never sees the waypoint
#
# So far, acting takes two levels: draw $w$, then $a \sim \pi_{\text{sub}}(\cdot \mid s, w)$. Now we want **one flat policy**
# $\pi(a \mid s, g)$. In the language of inference: waypoint and action are both latent, with the model
# $p(w \mid s)\,\pi_{\text{sub}}(a \mid s, w)$, and our guess about them shall be $q(w)\,\pi(a \mid s, g)$. *The action may not
# look at the waypoint.* Jensen again gives
#
# $$ \log Z \;\ge\; \mathbb{E}_q[\beta A] - \mathrm{KL}\big(q \,\|\, p(\cdot \mid s)\big)
# - \underbrace{\mathbb{E}_{q(w)}\big[\mathrm{KL}\big(\pi(\cdot \mid s, g) \,\|\, \pi_{\text{sub}}(\cdot \mid s, w)\big)\big]}_{\text{the price of being flat}} . $$
#
# There it is: **the flat policy should be close to what π_sub does at good waypoints.** This is policy bootstrapping.
# From here on, π_sub at one waypoint is a **teacher** of π.
#
# **Step 3, checked.** Left, the bound summed over all pairs $(w, a)$, term by term; right, your
# bound minus the price. (We mix one percent of the uniform policy into π_sub, for $\log 0$ would make a single teacher's veto infinite.)

# %%
sub = 0.99 * subgoal_policy(play, V[None], alpha)[0][s] + 0.01 / 5  # (N, A, W) π_sub(a | s, w)
pi = torch.softmax(torch.randn((len(s), 5), generator=torch.Generator().manual_seed(1)).double(), dim=1)  # any policy
both = q[:, None] * pi[:, :, None]  # (N, A, W) q(w) π(a)
left = both * (
    beta * advantages[:, None] + prior.log().clamp(min=-1e6)[:, None] + sub.log() - both.clamp(min=1e-300).log()
)
price = (both * (pi.log()[:, :, None] - sub.log())).sum((1, 2))  # (N,) E_q KL(π ‖ π_sub)
assert torch.allclose(left.sum((1, 2)), evidence_bound(q, prior, advantages, beta) - price)
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
# *3 points · medium · 8 minutes*
#
# Write `flat_policy(posterior, subgoal_policies, student_first)`: the best flat policy for either direction.
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
# **Step 4, checked, and a choice laid open.** So far we took the posterior for $q$. But in the bound above, the price counts too: at a given π, the best $q$ is
#
# $$ q(w) \propto p(w \mid s) \exp\big(\beta A(s, w, g) - \mathrm{KL}(\pi(\cdot \mid s, g) \,\|\, \pi_{\text{sub}}(\cdot \mid s, w))\big), $$
#
# which prefers waypoints whose teachers agree with π. All four methods **freeze $q$ at the posterior** and leave that factor out. It is a choice, not a
# consequence. What does it cost? Below, $q$ and your flat policy take turns, each at its best given the other.


# %%
def kl_of(pi: Tensor) -> Tensor:
    """KL(π ‖ π_sub) at every waypoint: (N, A) -> (N, W)."""
    return (pi[:, :, None] * (pi.log()[:, :, None] - sub.log())).sum(1)


frozen = free = flat_policy(posterior, sub, student_first=True)
for _ in range(10):
    free_q = subgoal_posterior(prior, beta * advantages - kl_of(free), 1.0)
    free = flat_policy(free_q, sub, student_first=True)
for name, p, policy in (("q frozen at the posterior", posterior, frozen), ("q and π in turns", free_q, free)):
    gap = evidence - evidence_bound(p, prior, advantages, beta) + (p * kl_of(policy)).sum(1)
    right = play.right[s, policy.argmax(1), g].double().mean()
    print(f"{name:26} {gap.mean():.3f} nats below the evidence; the likeliest action is right for {right:.1%}")
mixture = flat_policy(posterior, sub, student_first=False)
print(
    f"{'the mixture of teachers':26} the likeliest action is right for {play.right[s, mixture.argmax(1), g].double().mean():.1%}"
)

# %% [markdown]
# In this maze the choice costs a fraction of a nat and no action: with an exact V, good waypoints have teachers who agree. Where they disagree it could cost more. And the
# two directions hardly differ.
#
# **With normal policies** (continuous actions) they can. Think of a wall ahead; some waypoints lie round its left end, some round its right one. The textbook says that KL(teacher ‖ π) is
# *mean-seeking* (it covers both ways) and KL(π ‖ teacher) *mode-seeking* (it picks one). That is about **one** teacher with two ways. SAW has a teacher for each waypoint and averages
# the *divergences*. **Your guess:** which way does each direction go then?

# %% alt="Densities over one action: a normal policy fitted in both directions of the KL divergence to one teacher with two modes, and to two teachers on average."
fits = figures.normal_fits()
viz.show(
    figures.directions(fits),
    alt="A normal policy fitted to teachers that go left (60 %) or right (40 %). One teacher with two ways: KL(π_sub ‖ π) covers both, "
    "KL(π ‖ π_sub) sits on the left one. Two teachers, divergences averaged: both sit between them, the first wide, the second narrow.",
)
for case, found in fits.items():
    print(f"{case:36}", ", ".join(f"{name}: mean {mean:+.2f}, spread {std:.2f}" for name, (mean, std) in found.items()))

# %% [markdown]
# *Mode-seeking* is over: averaged over teachers, **both directions put the mean between them**, where for a wall ahead nobody should go. They differ in the spread: one says "somewhere
# between", the other is as certain as its teachers, of a place that none of them meant. With one fixed spread for all, as in this unit, both are the same function of the mean, half its
# squared distance (the code leaves out the ½). What picks a way is neither direction. It is the **weight** of the waypoints.
#
# ## 5 · An expectation without a generator
#
# The price is an expectation under the posterior. To compute one, you can learn to *generate* from it (section 6), or you can look again at what the posterior is: the data's own
# waypoints, reweighted. With $f(w) = \mathrm{KL}(\pi(\cdot \mid s, g) \,\|\, \pi_{\text{sub}}(\cdot \mid s, w))$,
#
# $$ Z(s, g)\; \mathbb{E}_{w \sim p(w \mid s, g, O)}\big[f(w)\big] = \mathbb{E}_{w \sim p(w \mid s)}\big[e^{\beta A(s, w, g)} f(w)\big]. $$
#
# This is **importance sampling**, and it is SAW's one idea: take the waypoints as the data have them, and weigh them. With $K$ of them at hand, Z is not needed either: *self-normalise*,
#
# $$ \mathbb{E}_{w \sim p(w \mid s, g, O)}\big[f(w)\big] \approx \sum_i \frac{u_i}{\sum_j u_j} f(w_i), \qquad u_i = e^{\beta A(s, w_i, g)}, \quad w_i \sim p(w \mid s). $$
#
# ### Exercise 4 · The self-normalised importance weight
# *2 points · medium · 7 minutes*
#
# Write `posterior_mean(f, advantages, beta)`: the estimate from $K$ waypoints of the data. Unclipped, and large advantages do no harm.
#
# <details><summary>Hint 1: a question</summary>If f is 1 everywhere, what must come out? And does p(w | s) appear in the weights, when the waypoints were drawn from it?</details>
# <details><summary>Hint 2: a nudge</summary>Weights that sum to one along waypoints: you know a function that makes them from β A.</details>
# <details><summary>Hint 3: almost the answer</summary><code>f</code> is (N, A, K), the weights (N, K): give them an axis for A, multiply, and sum over the last axis.</details>


# %% exercise="posterior-mean"
def posterior_mean(f: Tensor, advantages: Tensor, beta: float) -> Tensor:
    """The mean of f under the posterior p(w | s, g, O), estimated from waypoints that were drawn from p(w | s).

    Args:
        f: A numbers at each of K waypoints, for N pairs of state and goal, (N, A, K).
        advantages: A(s, w, g) at those waypoints, (N, K).
        beta: β, the inverse temperature.

    Returns:
        (N, A).
    """
    ### BEGIN SOLUTION
    weights = torch.softmax(beta * advantages, dim=-1)  # e^{βA} over its sum: Z cancels
    return (weights[:, None] * f).sum(dim=-1)
    ### END SOLUTION


# %% check="posterior-mean" points=2
checks.ch15.posterior_mean(posterior_mean)
### BEGIN HIDDEN TESTS
from saw_edu.classroom import hidden

hidden("ch15").posterior_mean(posterior_mean)
### END HIDDEN TESTS

# %% [markdown]
# **Step 5, checked.** The identity, for all pairs. Then your estimate: with $f(w) = \pi_{\text{sub}}(\cdot \mid s, w)$ it *is* the flat policy (the mixture) of one pair, from waypoints of the data alone.
# Of $K$ unequal weights, how many equal ones would be as good? The **effective sample size** $(\sum u)^2 / \sum u^2$ says that.

# %%
f = kl_of(pi)  # (N, W)
assert torch.allclose((prior * (beta * advantages).exp() * f).sum(1), evidence.exp() * (posterior * f).sum(1))

generator, times = torch.Generator().manual_seed(2), 200
for number in (16, 256, 4096):
    w = torch.multinomial(prior[example].expand(times, -1), number, replacement=True, generator=generator)  # (times, K)
    seen = advantages[example][w]
    estimates = posterior_mean(sub[example][:, w].movedim(0, 1), seen, beta)  # (times, A)
    off = (estimates - mixture[example]).abs().sum(1).mean() / 2
    bias = (estimates.mean(0) - mixture[example]).abs().sum() / 2
    size = (1 / torch.softmax(beta * seen, 1).square().sum(1)).mean()
    print(
        f"{number:5} waypoints: off by {off:.3f} on average, {bias:.3f} of it the same way; they count like {size:.0f} equal ones"
    )

# %% [markdown]
# Many unequal waypoints count like few, and a quotient of two estimates errs the same way each time when they are few (it is biased, and the bias goes faster than the error). But nothing had to
# be *generated*: the waypoints are real states, whatever a state is.
#
# A net sees one waypoint of a pair at a time and cannot normalise. So SAW takes the left-hand side of the identity, weights that do not sum to one, and puts step 2's projection beside it:
#
# $$ \max_\pi \; \mathbb{E}\big[\, e^{\alpha A(s, a, g)} \log \pi(a \mid s, g) - e^{\beta A(s, w, g)}\,
# \mathrm{KL}\big(\pi(\cdot \mid s, g) \,\|\, \pi_{\text{sub}}(\cdot \mid s, w)\big) \big] . $$
#
# **Be clear about what this sum is.** The first term is a *forward* projection onto the posterior of good actions, the second a *reverse* one onto teachers at good waypoints. Each is derived; that they
# are *added* is a choice. Their normalisers are left out: for one pair the two terms weigh $Z_a(s, g)$ to $Z(s, g)$. So at each pair that ratio decides who is heard: bootstrapping where the data
# hold good waypoints, the one-step term where single actions stand out. Chapter 17 measures what the ratio does.
#
# ## 6 · Who proposes the waypoint?
#
# | | Waypoints come from | What acts, and how it learns |
# | --- | --- | --- |
# | **HIQL** | a net $q_\phi(w \mid s, g)$, trained by AWR (step 2) | two levels: its mean ŵ (or a draw), then $\pi_{\text{sub}}(a \mid s, ŵ)$. No flat policy, no price |
# | **RIS** | the same net; its mean ŵ | a flat policy: price at ŵ with a fixed factor, and the one-step term |
# | **GCWAE** | the same net; its mean ŵ | a flat policy: AWR with the advantage for ŵ, not for $g$. No π_sub |
# | **SAW** | the data: the state $k$ steps ahead | a flat policy: price at $w$, weighted by $e^{\beta A(s, w, g)}$, and the one-step term |
#
# The names: hierarchical implicit Q-learning (Park et al. 2023), reinforcement learning with imagined subgoals (Chane-Sane et al. 2021), goal-conditioned waypoint advantage estimation and
# subgoal advantage-weighted policy bootstrapping (both Zhou & Kao 2025).
#
# **GCWAE** puts ŵ into the weights only: its optimum is $\mu(a \mid s)\, e^{\alpha A(s, a, ŵ)}$. π_sub's is $\mu(a \mid s, w)\, e^{\alpha A(s, a, w)}$. The difference is the prior: GCWAE imitates what
# walks do *at s*, π_sub what those did *that came to w*. That hindsight is lost to GCWAE.
#
# **RIS** stands here in the offline form of the SAW paper's code. The original has no π_sub: its prior is a slow copy of the flat policy itself, asked for the subgoal. The released code has two forms. With a learned representation
# of subgoals (its default) the price has a constant factor. For whole states as subgoals it has another branch, in which the factor is $\min(e^{\beta A(s, ŵ, g)}, 100)$, SAW's weight at a generated
# waypoint; that branch stops with a shape error, so nobody can have run it as it is. This course's RIS on whole states is thus a form of our own: the constant factor. Section 7 has both.
#
# ### Exercise 5 · RIS's loss
# *3 points · medium · 6 minutes*
#
# Write `ris_loss(...)`: the one-step regression, and the pull towards π_sub at ŵ. Standard deviations are constant, so the divergence is the squared distance of the means, without a factor ½, as in the
# released code. `prior_weight` is a factor here: with 0 the teacher is gone, and plain AWR is left. (In SAW, β is an *exponent*. What does SAW do with $\beta = 0$?)
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
# **Yours against the authors' code.** `assets/golden/ris.npz` holds parameters, a batch, and what their JAX code makes of them in double precision. Plugged into the library's RIS, your loss should give the
# same loss and the same gradient of every network. Beside it, for reading: the generator's loss that HIQL, RIS and GCWAE share, and what GCWAE does with its mean. (The library writes
# $\pi_h$, `subgoal_generator`, for the generator.)

# %%
from saw_edu.reference.agents import by_network, load_golden


def your_ris(agent, networks, batch):
    """RIS's loss of the flat policy from networks and a batch, by your `ris_loss`."""
    s, g = batch.observations, batch.policy_goals
    policy = agent.policy(networks, s, g)
    with torch.no_grad():
        guess = networks.subgoal_generator(s, g).mean  # ŵ
        teacher = networks.subgoal_policy(s, guess).mean
    gains = one_step_advantages(networks, batch, g, networks.goal_rep)
    loss = ris_loss(policy.log_prob(batch.actions), gains, policy.mean, teacher, agent.alpha, agent.prior_weight)
    return loss, {}


errors = by_network(load_golden(asset("golden/ris.npz")), flat_policy_loss=your_ris)
print("relative errors:", ", ".join(f"{name} {error:.0e}" for name, error in errors.items()))

# %% tags=["folded"]
# Show two of the library's losses
for function in (subgoal_generator_loss, GCWAE.flat_policy_loss):
    display(Markdown(f"```python\n{textwrap.dedent(inspect.getsource(function))}\n```"))

# %% [markdown]
# ## 7 · Who sees farther through a noisy V?
#
# V was exact until now. Learned ones are not. So add errors to V, for 100 seeds, and let each method extract its policy, still with
# everything enumerated (`saw_edu.course.ch15.tabular`: each policy is the exact optimum of its loss, in the released code's direction of the KL). The
# question for each pair: **does the likeliest action lead closer to the goal?** In the table a generator's guess ŵ is its likeliest waypoint, the argmax. So there are two lines for HIQL: one acts
# at the argmax, one *draws* its waypoint from the same posterior.
#
# **Your guess**, before you look at the figure: errors that differ from cell to cell: who suffers most? Errors that neighbours share: does that change? And what does drawing do to HIQL?

# %% alt="Three panels, share of right actions over distance to the goal for seven ways to extract a policy: exact V, independent errors, errors shared by neighbours."
kinds = {"exact V": (0.0, 0.0), "independent errors of 1": (1.0, 0.0), "errors of 1, shared by neighbours": (1.0, 3.0)}
found = {}
for title, (size, reach) in kinds.items():
    values = noisy_values(play, size, reach, 5 if FAST else 100, torch.Generator().manual_seed(3))
    policies = extract(play, values, alpha=alpha, beta=beta)
    found[title] = {name: right_by_distance(play, policy).numpy() for name, policy in policies.items()}  # (S, D) each
viz.show(
    figures.right_actions(found),
    alt="Share of pairs whose likeliest action leads closer to the goal, over distance. With the exact V all are near 100 percent. With "
    "independent errors GCIVL falls most; GCWAE, HIQL and RIS lie above it, SAW above them, and HIQL that draws its waypoint is highest. "
    "With errors shared by neighbours all fall less and lie close together.",
)

# %% tags=["folded"]
# Far goals (21 cells or more), and differences paired by seed: methods of one seed share its V
far = {title: {name: right[:, 20:].mean(1) for name, right in methods.items()} for title, methods in found.items()}
display(
    pd.DataFrame(
        {title: {figures.LOOKS[n]["label"]: f"{x.mean():.1%}" for n, x in m.items()} for title, m in far.items()}
    )
)
pairs = [("hiql", "gcivl"), ("saw", "hiql"), ("saw", "ris"), ("hiql_drawn", "saw"), ("ris", "ris_weighed")]
rows = {}
for a, b in pairs:
    label = f"{figures.LOOKS[a]['label']} − {figures.LOOKS[b]['label']}"
    rows[label] = {title: figures.paired(methods[a], methods[b]) for title, methods in list(far.items())[1:]}
display(pd.DataFrame(rows).T)

# %% [markdown]
# - **With independent errors, waypoints help**: HIQL lies far above GCIVL. And **averaging helps more than anything**: HIQL that *draws* its waypoint, which is to average π_sub over the posterior, is the best
#   of all, and SAW comes second, for the same reason. Methods that act on the one best-looking waypoint (HIQL at the argmax, RIS, GCWAE) suffer, since the best-looking of many noisy numbers is often a lucky
#   one. Here SAW's one-step term *costs*: it is the only thing between SAW and the line above it. So this is no victory of flatness. (A net that guesses a *mean* averages too.)
# - **With errors shared by neighbours** all but GCIVL are within one or two points of each other: a learned V's errors are mostly of this kind.
# - RIS with a fixed factor and RIS with SAW's weight at ŵ hardly differ, and GCWAE lies below HIQL with the same ŵ: the lost hindsight.
# - The exact V does not make everybody right: very far away $e^{\alpha A}$ hardly tells actions apart, and walks' habits decide.
# - **It is unfair in a way that we chose**: goals were independent of the walks, so imitation alone knew nothing.
#
# ### Try it
#
# Size and reach of V's errors, and the steps $k$ to a waypoint, in the smaller *large* maze. When does drawing lose its lead over the argmax? When does GCIVL catch up with everybody?

# %% tags=["folded"] alt="Interactive: share of right actions over distance, for errors of V and waypoint steps of your choice."
# Draw the curves for the errors and steps that you choose
large = GridMaze("large")


def draw(ax, error_size, error_reach, subgoal_steps):
    small = Play(large, discount=0.9, subgoal_steps=subgoal_steps)
    values = noisy_values(small, error_size, error_reach, 10, torch.Generator().manual_seed(4))
    for name, policy in extract(small, values).items():
        right = right_by_distance(small, policy).mean(0)
        ax.plot(range(1, len(right) + 1), right, **(figures.LOOKS[name] | {"markevery": 3}))
    ax.set(xlabel="shortest path to the goal (cells)", ylabel="likeliest action is right", ylim=(0.35, 1.02))
    ax.legend(ncols=4, loc="lower center", bbox_to_anchor=(0.5, 1.0), fontsize=11, columnspacing=1)


viz.explorer(
    draw,
    alt="Share of right actions over distance for seven ways to extract a policy; V's errors have size {error_size} and reach "
    "{error_reach} cells, waypoints lie {subgoal_steps} steps ahead.",
    figsize=(9, 4.8),
    error_size=(0.0, 2.0, 0.1, 1.0),
    error_reach=(0.0, 6.0, 0.5, 0.0),
    subgoal_steps=(1, 16, 1, 8),
)

# %% [markdown]
# ## 8 · What a generator guesses
#
# In a table, a generator is a perfect posterior. A net is not. HIQL's high level of the recorded runs generates a state: 22
# numbers, a position and sines and cosines of it at five wavelengths. It is trained as a normal distribution, so its guess is a **mean**. How far is it from where the shortest path is
# eight steps later? And *is it a state at all*? For any state, $\sin^2 + \cos^2 = 1$ at every wavelength. **Your guess:** where does a mean of several states lie, and at which wavelengths first?

# %% alt="Left, distance of generated subgoals from the shortest path's state over distance to the goal. Right, sin² + cos² of generated subgoals over wavelength, for near and far goals; states have 1."
guess_errors, circles = near_goals.guesses()
viz.show(
    figures.guesses(guess_errors, circles),
    alt="Generated subgoals of HIQL, five seeds. Left: their distance from the shortest path's state eight steps "
    "later grows with the distance to the goal. Right: the sum of squared sine and cosine falls from about one "
    "at long wavelengths to far below one at short ones, more so for far goals; for every real state it is one.",
)

# %% [markdown]
# The guess blurs, and what is fine in it blurs first. At the shortest wavelengths even a guess for a *near* goal is far inside the circle: where a walk is eight steps later varies by about that much. What the
# generator proposes is not a state but a mean of states, and the low level, which saw only states in training, has to make sense of it. Here two of the 22 numbers are enough to steer by. The more there is to generate, the more there
# is to get wrong. HIQL's usual answer is a learned representation, which leaves most of a state out. SAW's is not to generate.
#
# ## 9 · What it costs as goals grow
#
# Give the generator more to do. Behind the 22 features of each observation, and so of each goal, we put 16, 64 or 256 **numbers of
# independent normal noise**, new in every observation. Or the observation is **a picture**: the maze from above in 12 × 16 grey pixels, with the agent as a bright spot. SAW, HIQL with whole states as subgoals, RIS and GCWAE extract
# their policies from one and the same V; HIQL with a learned representation of 10 numbers has a V of its own, learned in as many updates. Five seeds of each are recorded.
#
# **Your guess:** who loses most from 0 to 64 numbers of noise? Does the representation filter it? Is a picture, which says no more than two coordinates, easier or harder than noise?

# %% tags=["folded"] alt="Success over distance to the goal for SAW, HIQL, RIS and GCWAE, a panel for each number of noise dimensions and one for pictures; last panel, errors of generated subgoals."
# Load what was recorded, and draw it
tables = {
    name: pd.read_csv(asset(f"results/nuisance/{name}.csv"), dtype={"dims": str})
    for name in ("success", "seeds", "generator")
}
temperature = tables["success"]["temperature"].max()
success, seeds = (tables[name].query("temperature == @temperature") for name in ("success", "seeds"))
provenance = json.loads(asset("results/nuisance/provenance.json").read_text())
how = f"with noise of {temperature} on each action" if temperature else "with greedy actions"
print(f"recorded by {provenance['command']} at commit {provenance['commit']}, {how}")
viz.show(
    figures.nuisance(success, tables["generator"]),
    alt="Success over distance to the goal, five seeds with 95 % intervals, for SAW, HIQL with states or a representation as "
    "subgoals, RIS and GCWAE: a panel each for 0, 16, 64 and 256 numbers of noise and for pictures. Last panel: the "
    "error of generated subgoals in each of these worlds.",
)

# %% tags=["folded"]
# SAW less each other method, paired by seed, over all goals and on the farthest third
rows = {}
for kind, chosen in (("all goals", seeds), ("farthest third", seeds[seeds["from_"] >= giant.FARTHEST_THIRD])):
    by_seed = chosen.groupby(["dims", "agent", "seed"])["success"].mean()
    for name, title in figures.NUISANCES.items():
        row = {"SAW reaches": f"{by_seed[name, 'saw'].mean():.2f}"}
        for agent in ("hiql_rep", "hiql", "ris", "gcwae"):
            label = figures.COMPARED[agent].get("label", agent.upper())
            row[f"SAW − {label}"] = figures.paired(by_seed[name, "saw"].to_numpy(), by_seed[name, agent].to_numpy())
        rows[kind, title] = row
display(pd.DataFrame(rows).T)

# %% [markdown]
# And this is what HIQL's generator paints for three far goals:

# %% alt="Three rows of four small pictures of the maze: start, goal, the state eight steps along a shortest path, and what HIQL's generator paints, a blurred spot."
viz.show(
    figures.pictures(np.load(asset("results/nuisance/pictures.npz"))),
    alt="Three rows of small grey pictures of the maze, for three far goals. From left to right: the start and the goal, each with "
    "a bright spot; the state eight steps along a shortest path; the picture that HIQL's generator makes.",
)

# %% [markdown]
# ### What this shows, and what it does not
#
# These runs are evaluated with greedy actions. In a maze without noise a greedy policy comes to rest where its mean action fades (chapter 1), and that takes episodes from everybody, near the goal above
# all; so read comparisons, not levels.
#
# - **Those who generate whole states lose more.** SAW's lead over HIQL with states, RIS and GCWAE, over all goals, is larger with 64 numbers of noise than with none. (With 256 nobody gets far.) Even without noise
#   SAW is ahead of HIQL with states.
# - **The representation does not filter the noise.** Without noise it reaches more of the farthest goals than SAW; with 64 numbers it is far behind. (It has a V of its own, so its pairs share a seed only by name.) It is learned through V's
#   loss alone; perhaps noise, which is new in every row, lets V tell rows apart. We did not test that.
# - **A picture is not easier than noise.** HIQL's guess is far off, and what it paints is a smear. (Who guesses "you stay where you are" is off by two cells.) With its representation HIQL does as well as SAW.
# - **Confounds.** A mean guess has nearly 0 in the noise numbers, where states have N(0, 1): HIQL's low level is asked about states unlike any that it saw. The noise also makes V worse, for all alike; so a fall from
#   panel to panel is not the generator's alone, and only differences within a panel are about extraction.
# - RIS reaches more of the nearest goals with 64 numbers than with none. We cannot explain it.
# - One set of hyperparameters, chosen without noise, is used everywhere.
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
# this pair, and the one-step term, which has its own weights and normaliser $Z_a$, decides. Where A(s, a, g) is blurred by distance, π then imitates what walks
# usually do. SAW relies on data in which good waypoints are common, and on a net that generalises from other states and goals.
#
# *Rubric.* 1 point: the generator still proposes the rare waypoint, SAW meets it once in a thousand rows (and the clip limits what it counts then). 1 point: Z is small, so the
# bootstrapping term is quiet beside the one-step term, and what follows from that.
# <!-- END SOLUTION -->

# %% [markdown]
# ## Summary
#
# 1. A policy for near goals is nearly perfect at any distance, if somebody tells it the next waypoint.
# 2. Call success evidence, and the waypoint becomes a latent variable: its posterior is the data's waypoints times $e^{\beta A}$. With goals of the same walk and clipped weights, it is that only roughly.
# 3. A flat policy pays a price, its divergence from π_sub under that posterior (frozen: a choice). SAW adds a second projection, the one-step term; the ratio of the normalisers decides who is heard.
# 4. HIQL, RIS and GCWAE learn a generator of the posterior and differ in what they do with its guess; SAW weighs the data's own waypoints.
# 5. Against V's errors averaging over waypoints is what helps, flat or not; what a generator costs grows with what there is to generate.
#
# ## References
#
# - J. L. Zhou, J. C. Kao. [Flattening Hierarchies with Policy Bootstrapping](https://arxiv.org/abs/2505.14975). NeurIPS 2025. SAW, GCWAE.
# - S. Park et al. [HIQL: Offline Goal-Conditioned RL with Latent States as Actions](https://arxiv.org/abs/2307.11949). NeurIPS 2023.
# - E. Chane-Sane, C. Schmid, I. Laptev. [Goal-Conditioned Reinforcement Learning with Imagined Subgoals](https://arxiv.org/abs/2107.00541). ICML 2021. RIS.
# - S. Levine. [Reinforcement Learning and Control as Probabilistic Inference](https://arxiv.org/abs/1805.00909). 2018. Success as evidence, in general.
# - X. B. Peng et al. [Advantage-Weighted Regression](https://arxiv.org/abs/1910.00177). 2019.
#
# **Next:** [chapter 16](16_saw.ipynb) builds SAW and lets it run.
