# %% [markdown]
# # 13 · Skills without rewards: DIAYN
#
# **What can an agent learn before it has a task?**
#
# | | |
# | --- | --- |
# | **You will learn** | how a guess about "which skill was that?" becomes a reward, and what it bounds; |
# | | why skills that are easy to tell apart need not cover a world; |
# | | to test skills as the actions of a high level, against fair controls |
# | **You need** | chapter 2 (value functions, targets), entropy, cross-entropy |
# | **Time** | 55 minutes to read and solve, one to two minutes to compute |
# | **Exercises** | four, 13 points, and one question for thought, 3 points |
#
# Nobody gave the agents below a goal or a reward. Each of the first two learned 16 **skills**: one policy that is told a number $z$ and acts on it. Every colour is
# a skill, three roll-outs each, from the white circle; dots are where they end.

# %% tags=["setup", "folded"]
# Imports, settings, recorded results
import math
import os

import pandas as pd
import torch
from torch import Tensor

from saw_edu import checks, viz
from saw_edu.course.ch13 import figures, skills
from saw_edu.course.ch13.task import learn_task
from saw_edu.hierarchy.diayn import DIAYN
from saw_edu.place import asset

viz.style.use()
torch.set_num_threads(1)
FAST = os.environ.get("SAW_EDU_FAST") == "1"  # set by automatic tests: less training

# %% alt="Roll-outs of 16 skills in four rooms: two learned sets, nets that learned nothing, and a random walk."
viz.show(
    figures.first_look(("scaled", "fourier", "untrained")),
    alt="Left: learned skills end in many separate places of the first room, some in other rooms. Middle: another learned set "
    "crowds around the start. Right: paths of random nets overlap all over the first room.",
)

# %% [markdown]
# Left and middle come from *one* algorithm with *one* objective, DIAYN ("diversity is all you need"), and both reach it. The nets in the middle see a
# position through finer waves, and that is the only difference. **Your guess, before you go on:** which of the two sets has the more *different* skills? Write down what you mean by it.

# %% [markdown]
# ## 1 · What a place says about a skill
#
# Draw a skill $z$, let it act, look at the state $s$ it ends in. How much did you learn about $z$? Before, your uncertainty was the entropy $H(z)$; now it is
# $H(z \mid s)$. The difference is the **mutual information**
#
# $$ I(s; z) = H(z) - H(z \mid s) = H(s) + H(z) - H(s, z). $$
#
# It is 0 if all skills end alike and at most $H(z)$, which is $\log |Z|$ for $|Z|$ skills drawn alike. Entropy is $H(p) = -\sum_i p_i \log p_i$.
# Where states are few, you can count.
#
# ### Exercise 1 · Count it
# *3 points · easy to medium · 8 minutes*
#
# Write `state_information(counts)`: $I(s; z)$ in nats from a table of how often each skill ended in each cell.
#
# <details><summary>Hint 1: a question</summary>
#
# What are the probabilities of pairs, of cells and of skills, in terms of the table?
# </details>
# <details><summary>Hint 2: a nudge</summary>
#
# Divide by the sum of all counts. Sums over rows or columns are the other two distributions. A cell nobody visited adds nothing: see `torch.special.xlogy`.
# </details>
# <details><summary>Hint 3: almost the answer</summary>
#
# With a small function for the entropy: that of cells, plus that of skills, less that of the pairs.
# </details>


# %% exercise="state-information"
def state_information(counts: Tensor) -> Tensor:
    """The mutual information of skills and places, from counts.

    Args:
        counts: (Z, S) how often skill z was seen in place s; some are 0.

    Returns:
        I(s; z) in nats, shape ().
    """
    ### BEGIN SOLUTION

    def entropy(p: Tensor) -> Tensor:
        return -torch.special.xlogy(p, p).sum()

    joint = counts / counts.sum()
    skills, places = joint.sum(1), joint.sum(0)
    return entropy(places) + entropy(skills) - entropy(joint)
    ### END SOLUTION


# %% check="state-information" points=3
checks.ch13.state_information(state_information)
### BEGIN HIDDEN TESTS
from saw_edu.classroom import hidden

hidden("ch13").state_information(state_information)
### END HIDDEN TESTS

# %% [markdown]
# Now ask it about the three pictures. One more control, a random walk, does not listen to $z$ at all.

# %% tags=["folded"]
# Count where the skills of each kind end, and ask your function
for kind, name in skills.KINDS.items():
    some = skills.make_skills(kind, seed=0)
    zs, states = skills.roll_outs(some, torch.Generator().manual_seed(0))
    cells = some.world.index(states[:, -1])
    counts = torch.zeros(some.number, len(some.world.maze.free_cells), dtype=torch.float64)
    counts.index_put_((zs, cells), torch.ones(len(zs), dtype=torch.float64), accumulate=True)
    print(f"{name:25} {state_information(counts):5.2f} nats of at most {math.log(some.number):.2f}")

# %% [markdown]
# The random walk has no information, and yet its number is above 0: few counts in many cells look like information. (Plug-in estimates are biased upwards.) And skills that share a
# cell are not told apart here, even if they stand in different corners of it. A net that sees positions needs another way.

# %% [markdown]
# ## 2 · A guess is a bound, and the bound is a reward
#
# Let a net $q(z \mid s)$ guess the skill. Whatever it guesses,
#
# $$ I(s; z) \;\geq\; \mathbb{E}_{z, s}\big[\log q(z \mid s) - \log p(z)\big], $$
#
# because the left side less the right side is a KL divergence, between $p(z \mid s)$ and $q(z \mid s)$. The better the guess, the tighter the bound. DIAYN climbs it from both sides: $q$ learns
# to guess, by cross-entropy, and the policy gets what is in the brackets as its **reward** in every step: go where you will be recognised.
#
# ### Exercise 2 · The reward, and a bug that trains in silence
# *3 points · easy to medium · 8 minutes*
#
# Write `skill_reward(logits, skills, prior)`: $\log q(z \mid s) - \log p(z)$. Many an implementation drops $\log p(z)$, "a constant". Nothing crashes. Do not drop it; what it does you will
# see right after.
#
# <details><summary>Hint 1: a question</summary>
#
# What should the reward be where $q$ guesses no better than by drawing from $p$?
# </details>
# <details><summary>Hint 2: a nudge</summary>
#
# `log_softmax` turns logits into log-probabilities. Of each row, one number counts: that of the skill that acts.
# </details>
# <details><summary>Hint 3: almost the answer</summary>
#
# `logits.log_softmax(-1).gather(-1, skills[:, None])[:, 0]`, less the same for the prior.
# </details>


# %% exercise="skill-reward"
def skill_reward(logits: Tensor, skills: Tensor, prior: Tensor) -> Tensor:
    """How well a skill is recognised, against drawing it.

    Args:
        logits: (B, Z) what q says about each state, before the softmax.
        skills: (B,) the skill that acted, whole numbers.
        prior: (Z,) p(z).

    Returns:
        log q(z | s) - log p(z), (B,).
    """
    ### BEGIN SOLUTION
    guess = logits.log_softmax(-1).gather(-1, skills[:, None])[:, 0]
    return guess - prior.log()[skills]
    ### END SOLUTION


# %% check="skill-reward" points=3
checks.ch13.skill_reward(skill_reward)
### BEGIN HIDDEN TESTS
from saw_edu.classroom import hidden

hidden("ch13").skill_reward(skill_reward)
### END HIDDEN TESTS

# %% [markdown]
# What is it worth to act for 25 steps ($\gamma = .95$), if $q$ gives the right skill the probability .06, .5 or .99? And if someone had dropped $\log p(z)$?

# %%
prior = torch.full((16,), 1 / 16)
lasting = (0.95 ** torch.arange(25)).sum()
for sure in (1 / 16, 0.5, 0.99):
    guesses = torch.full((1, 16), (1 - sure) / 15).index_fill(1, torch.tensor([0]), sure).log()
    reward = skill_reward(guesses, torch.tensor([0]), prior)
    dropped = reward + prior.log()[:1]
    print(f"q = {sure:4.2f}: worth {float(reward * lasting):6.2f}, without log p(z) {float(dropped * lasting):6.2f}")

# %% [markdown]
# A uniform guess is worth 0, and a sure one $\log |Z|$ a step. Without $\log p(z)$ *every* step is a loss, and the best an agent can do is to end its episode: fall over, leave, die. In our rooms
# nothing ends early, so there the missing constant changes no preference between actions; that is why the bug survives its first tests. It bites in the first world with an exit.

# %% [markdown]
# ## 3 · Learn them
#
# `saw_edu/hierarchy/diayn.py` is the whole algorithm in one file. In each step, 64 worlds move on; a batch is drawn from the replay buffer; $q$ takes a step on its cross-entropy, and $Q(s, z, a)$ one on
# soft Q-learning with *your* reward. The paper keeps an actor, as its actions are torques. Ours are nine (eight directions, or stand still), and then the policy of soft
# actor-critic is known: a softmax of $Q / \alpha$, with the published $\alpha = .1$.
#
# **Guess:** where does the curve end, and how far below the dotted line?

# %% alt="The reward of DIAYN rises from below 0 towards log 16 as it learns."
agent = DIAYN(
    skills.make_world("scaled"),
    skills.start_of(skills.make_world("scaled")),
    skills.CONFIG,
    seed=100,
    reward=lambda logits, zs: skill_reward(logits, zs, prior),
)
agent.train(100 if FAST else skills.UPDATES)
viz.show(
    figures.learning(agent.rewards, skills.CONFIG.skills),
    alt="The mean reward starts at about 0 and rises to less than 2 nats, still rising at the end, below the dotted line at log 16.",
)
print(f"last 100 batches: {sum(agent.rewards[-100:]) / 100:.2f} nats of at most {math.log(16):.2f}")

# %% [markdown]
# It was still rising when we stopped, after some ten to thirty seconds. It cannot touch the line, though: all skills start at one place, and what happens there tells nobody which one it is.

# %% [markdown]
# ## 4 · Diversity is not coverage
#
# "Diverse" sounds like "everywhere". Measure it: what share of the maze do all skills together visit?
#
# ### Exercise 3 · Coverage
# *3 points · easy · 5 minutes*
#
# Write `coverage(visits, cells)`: the share of all cells that at least one roll-out visited at any time.
#
# <details><summary>Hint 1: a question</summary>
#
# What if ten roll-outs visit one cell?
# </details>
# <details><summary>Hint 2: a nudge</summary>
#
# `tensor.unique()` leaves each number once.
# </details>
# <details><summary>Hint 3: almost the answer</summary>
#
# How many different numbers are there in `visits`, out of `cells`?
# </details>


# %% exercise="coverage"
def coverage(visits: Tensor, cells: int) -> float:
    """The share of cells that roll-outs visit together.

    Args:
        visits: (B, T) the number of the cell, from 0, in which each roll-out is at each time.
        cells: how many cells there are.

    Returns:
        From 0 to 1.
    """
    ### BEGIN SOLUTION
    return len(visits.unique()) / cells
    ### END SOLUTION


# %% check="coverage" points=3
checks.ch13.coverage(coverage)
### BEGIN HIDDEN TESTS
from saw_edu.classroom import hidden

hidden("ch13").coverage(coverage)
### END HIDDEN TESTS

# %% [markdown]
# First your own agent, then the recorded sweep: five seeds of each kind. Information is measured there by a *fresh* $q$, trained on half of the roll-outs and asked about the other half,
# so that no set is judged by its own discriminator. **Guess** where each kind lies: more information to the right, more coverage above.

# %% alt="Coverage against information for four kinds of skills, five seeds each."
zs, states = skills.roll_outs(agent.skills, torch.Generator().manual_seed(0))
cells = agent.world.index(states.reshape(-1, 2)).view(len(zs), -1)
print(f"your agent visits {coverage(cells, len(agent.world.maze.free_cells)):.0%} of the cells")
measures = pd.read_csv(asset("ch13/measures.csv"))
viz.show(
    figures.told_apart_and_covered(measures),
    alt="Both learned kinds lie far to the right, close to log 16. The one whose q sees the place covers about half of the cells, the "
    "one that sees fine waves about a quarter. Random nets have little information and the random walk none; both cover about four tenths.",
)
print(measures.groupby("kind", sort=False)[["nats", "coverage"]].mean().round(2))

# %% [markdown]
# Here is the answer to the first guess. The set that crowds around its start has *as much* information as the other, or more: to a $q$ that sees fine waves, skills half a cell apart are as different
# as can be. The objective is content. And a random walk, without any information, covers more than that set does.
#
# So DIAYN's objective does not ask for coverage. $I(s; z)$ is bounded by $\log |Z|$, and once $q$ is sure, going farther pays nothing. How far skills spread is decided by what $q$ finds
# *easy* to tell apart: by its inputs and its smoothness, not by the formula. When a paper's picture shows skills fanning out, ask what its discriminator sees.
# (A number below 0 is no error: a bound may lie below what it bounds, and a $q$ that found nothing to learn overfits.)

# %% [markdown]
# ## 5 · Skills as actions
#
# Now a task arrives. A goal cell pays 1, nothing else pays, and the agent has 50 steps. A high level chooses a skill and keeps it for 5 steps; its values are a table,
# $Q(\text{cell}, z)$, learned by Q-learning. A choice that lasts $n$ steps and earns rewards $r_0, r_1, \dots$ on the way should be worth
#
# $$ \sum_{i=0}^{n-1} \gamma^i r_i + \gamma^n \max_{z'} Q(s', z'), $$
#
# without the second term where the episode ended.
#
# ### Exercise 4 · The target of a choice that lasts
# *4 points · medium · 10 minutes*
#
# Write `option_target(rewards, lengths, next_values, done, discount)`.
#
# <details><summary>Hint 1: a question</summary>
#
# Which power of the discount stands before a reward that comes at once? Which before what follows after 3 steps?
# </details>
# <details><summary>Hint 2: a nudge</summary>
#
# `discount ** torch.arange(k)` are the powers for the rewards. `torch.where(done, 0.0, x)` leaves nothing after the end.
# </details>
# <details><summary>Hint 3: almost the answer</summary>
#
# `(rewards * powers).sum(-1)`, plus `discount**lengths * next_values.max(-1).values` where the episode goes on.
# </details>


# %% exercise="option-target"
def option_target(rewards: Tensor, lengths: Tensor, next_values: Tensor, done: Tensor, discount: float) -> Tensor:
    """What a choice that was kept for several steps should be worth.

    Args:
        rewards: (B, k) of each step; 0 after the choice's last step.
        lengths: (B,) n, for how many steps it was kept.
        next_values: (B, Z) Q of every choice in the state after.
        done: (B,) bool, whether the episode ended there.
        discount: γ of one step.

    Returns:
        (B,) targets.
    """
    ### BEGIN SOLUTION
    powers = discount ** torch.arange(rewards.shape[1])
    ahead = discount**lengths * next_values.max(-1).values
    return (rewards * powers).sum(-1) + torch.where(done, 0.0, ahead)
    ### END SOLUTION


# %% check="option-target" points=4
checks.ch13.option_target(option_target)
### BEGIN HIDDEN TESTS
from saw_edu.classroom import hidden

hidden("ch13").option_target(option_target)
### END HIDDEN TESTS

# %% [markdown]
# Two kinds of goals: the corners of the first room, and the middles of the other rooms. Two controls could kill the story. **Random nets** as skills: is it the learning that helps, or any 16 policies
# kept for 5 steps? And **single actions** whose random explorations are kept for 5 steps too: is it skills, or only exploring in longer strokes? First your own agent's skills with your target, far
# goals, live. **Guess** the order of the four curves for both kinds of goals.

# %% alt="Success of high levels on near and far goals as they learn: learned skills, random nets, single actions."
arrived = learn_task(
    agent.world, agent.skills, "far", 10 if FAST else 50, torch.Generator().manual_seed(0), target=option_target
)
print(f"your agent's skills, far goals: {arrived[-10:].double().mean():.0%} arrive in the last ten episodes")
table = pd.read_csv(asset("ch13/task.csv"))
viz.show(
    figures.task(table),
    alt="Left, near goals: learned skills of both kinds and single actions arrive nine times in ten after 30 episodes, random nets "
    "a third of the time. Right, far goals: single actions climb to about .4; all kinds of skills stay near 0.",
)
print(figures.paired(table, "scaled", ("fourier", "untrained", "actions")))

# %% [markdown]
# **What came.** For goals in the first room, learning made a large difference: random nets, held just as long, arrive far less often. That much of the story survives. But single actions with held
# explorations do at least as well as learned skills there, and on far goals they are clearly better, while every kind of skill stays near 0 (one or two lucky seeds aside). The paired differences below the figure say it seed
# by seed, with 95 % intervals; one that includes 0 shows nothing. And the set with the larger coverage shows no clear advantage over the other.
#
# Why? A skill was rewarded for *ending* where it is recognised. Asked again in another room, where it hardly ever was, it has nothing to offer or walks back: 16 skills kept for 5 steps do not add up
# to more than one of them reaches. Single actions are dull, but they compose. This is one maze, one task family, 16 skills and a fixed start, so it is not a verdict on DIAYN. It is a verdict on testing
# skills only against random ones. (Flat learners also choose every step, and skills only every fifth: part of the difference may be that.)

# %% [markdown]
# ## Try it
#
# **Click** any cell (or use the arrow keys once the picture has the focus): all 16 skills start there, two roll-outs each. Skills were learned from one place in one room. What do they do in a room that they have
# hardly seen? Is a skill a *direction*, or a *place*?

# %% alt="Roll-outs of all skills from a place that can be clicked."
kinds = {skills.KINDS[kind]: skills.make_skills(kind, 0) for kind in ("scaled", "fourier", "untrained")}
skill_map = figures.SkillMap(kinds)
explorer = viz.click_explorer(
    skill_map.draw,
    point=skill_map.start,
    nearest=skill_map.nearest,
    step=4.0,
    alt=skill_map.alt,
    figsize=(6.0, 5.4),
    skills=list(kinds),
    steps=(5, 60, 5, 25),
)

# %% [markdown]
# ## A question for thought (3 points)
#
# A robot arm with seven joints learns 50 skills by DIAYN. They reach the bound, $\log 50$, and on a look all of them move only the wrist, each to an angle of its own. A colleague proposes 500 skills. What do you
# expect, and why? Propose one change that would make the skills move the *hand* through space, and say what your change assumes about the task to come.

# %% [markdown] question="wrist" points=3
# <!-- BEGIN SOLUTION -->
# *A model answer.* 500 skills raise the bound to $\log 500$; the wrist can take 500 angles that a good $q$ tells apart, so the objective may well be met by the wrist again, or by another joint that is as easy: nothing in
# $I(s; z)$ asks for large movements (1 point). Show $q$ only the hand's position, coarsely or with noise, so that skills must end far apart to be recognised; or reward distance or coverage explicitly, as
# an entropy of visited states (1 point for one change with its reason). It assumes that the task is about where the hand is, and that differences in what was hidden do not matter: knowledge about tasks has
# come in by the choice of features, so the skills are no longer learned "without" one (1 point).
# <!-- END SOLUTION -->

# %% [markdown]
# ## Summary
#
# 1. $\log q(z \mid s) - \log p(z)$ is, on average, a lower bound of $I(s; z)$, and a reward that needs no task.
# 2. A uniform guess is worth 0, a sure one $\log |Z|$. Without $\log p(z)$ every step is a loss: a bug in any world with an exit.
# 3. Diversity is not coverage. The same bound was reached by skills that cross rooms and by skills that hardly leave their start.
# 4. What $q$ sees decides how far skills spread. That is where knowledge about tasks gets in.
# 5. Test skills as actions against random skills and against exploring in longer strokes.
#
# ## References
#
# - B. Eysenbach, A. Gupta, J. Ibarz, S. Levine. [Diversity is All You Need: Learning Skills without a Reward Function](https://arxiv.org/abs/1802.06070). ICLR 2019. The objective is in its section 3.
# - T. Haarnoja, H. Tang, P. Abbeel, S. Levine. [Reinforcement Learning with Deep Energy-Based Policies](https://arxiv.org/abs/1702.08165). ICML 2017. Soft Q-learning.
# - R. S. Sutton, D. Precup, S. Singh. Between MDPs and semi-MDPs: a framework for temporal abstraction in reinforcement learning. Artificial Intelligence 112, 1999. The target of section 5.
#
# **Next:** chapter 14 goes back to recorded data: one value function, and two policies that read it, HIQL.
