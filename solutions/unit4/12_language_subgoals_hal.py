# %% [markdown]
# # 12 · Language subgoals: HAL
#
# **How does hindsight work when goals are sentences?**
#
# | | |
# | --- | --- |
# | **You will learn** | what to store when a push fulfils another sentence than the one asked for; |
# | | what a statement that comes true later is worth, and after which rows nothing follows; |
# | | to test hindsight against a control that stores as many rows without it |
# | **You need** | chapter 2 (Q-learning, relabelled goals), chapter 4 (two levels) |
# | **Time** | 40 minutes to read and solve, one minute to compute |
# | **Exercises** | three, 10 points, and one question for thought, 3 points |
#
# The robot below is told: **"the red ball is directly above the red box"**. It knows nothing yet and pushes at random, one object by one cell each time. What stands in the way is pushed along.

# %% tags=["setup", "folded"]
# Imports, settings, recorded results
import os

import pandas as pd
import torch
from torch import Tensor

from saw_edu import checks, viz
from saw_edu.course.ch12 import figures, language
from saw_edu.envs.objects import STATEMENTS
from saw_edu.place import asset

viz.style.use()
torch.set_num_threads(1)
FAST = os.environ.get("SAW_EDU_FAST") == "1"  # set by automatic tests: less training

# %% alt="Five pictures of a table with four objects: four random pushes, and which statements two of them make true."
viz.show(
    figures.asked_and_got(),
    alt="Five tables from above with a red ball, a red box, a blue ball and a blue box. After four random pushes the red ball is not above "
    "the red box, but two of the pushes made another statement true, which is written below.",
)

# %% [markdown]
# What was asked for did not come true. A learner that is paid only for what was asked gets nothing from these four pushes. But under two of the pictures stands something that *did* come true.
#
# **Your guess, before you go on:** a robot makes 19,200 pushes and is asked for the same fact all along. Without any hindsight, how often will it make it true within ten pushes at the end? And with?
#
# ## 1 · Sentences between two levels
#
# In a hierarchy something must pass from the high level to the low one. Chapter 5 compared words, states and images; here it is words. HAL (*hierarchical abstraction with language*) is a hierarchy
# in which the **high level's actions are instructions**, and the low level learns by reinforcement to carry them out. A sentence is a good subgoal for two reasons. It leaves open what does not matter: "the ball above
# the box" says nothing about where the two stand. And a person can read it.
#
# It is a poor subgoal for one reason: **a sentence is true or false**. There is no distance to the goal, hence no reward on the way. Our table makes it plain: four objects on 4 × 4 cells, 16 pushes,
# 48 statements of the kind you saw. The low level is a function $Q(s, \ell, a)$ of the state, the statement $\ell$ and the push. Its reward is 1 when $\ell$ comes true; there the try ends.
#
# Each statement has a **twin**: "the red box is directly below the red ball" is true in the same states. Two wordings, one fact.
#
# ## 2 · Hindsight for sentences
#
# You asked for $\ell$ and the push made $\ell'$ true. Then it is also an example of how to fulfil $\ell'$: store the same push once more, as if $\ell'$ had been asked for, with the reward of $\ell'$. This is hindsight
# relabelling (chapter 2), with one difference. A position reached is *one* goal. A table makes many statements true at once, and most of them **were true before**: the push did nothing for them.
#
# With $\Psi(s)$ the set of statements that are true in $s$, HAL takes those that are *newly* true,
#
# $$ \Psi(s') \setminus \Psi(s). $$
#
# ### Exercise 1 · What a push made true
# *3 points · easy · 5 minutes*
#
# Write `relabel_language(before, after)`: which statements a push made true.
#
# <details><summary>Hint 1: a question</summary>
#
# What do you need to know of the time before the push, for a statement that is true after it?
# </details>
# <details><summary>Hint 2: a nudge</summary>
#
# Tensors of True and False know `&` (and), `|` (or) and `~` (not).
# </details>
# <details><summary>Hint 3: almost the answer</summary>
#
# True after, *and* not true before.
# </details>


# %% exercise="relabel-language"
def relabel_language(before: Tensor, after: Tensor) -> Tensor:
    """The statements that pushes made true.

    Args:
        before: (B, S) bool, which of S statements were true before each of B pushes.
        after: (B, S) bool, which are true after it.

    Returns:
        (B, S) bool.
    """
    ### BEGIN SOLUTION
    return after & ~before
    ### END SOLUTION


# %% check="relabel-language" points=3
checks.ch12.relabel_language(relabel_language)
### BEGIN HIDDEN TESTS
from saw_edu.classroom import hidden

hidden("ch12").relabel_language(relabel_language)
### END HIDDEN TESTS

# %% [markdown]
# How much would the difference be? Ask your function about 5,000 random pushes.

# %%
world, generator = language.make_world(), torch.Generator().manual_seed(0)
states = world.sample_states(5_000, generator)
after = world.truths(world.step(states, world.sample_actions(5_000, generator)))
new = relabel_language(world.truths(states), after)
print(f"true after a push:   {after.double().sum(1).mean():.2f} statements of {len(STATEMENTS)}")
print(f"newly true:          {new.double().sum(1).mean():.2f}")
print(f"pushes without any:  {(~new.any(1)).double().mean():.0%}")

# %% [markdown]
# Most of what is true after a push is old. Were you to store it too, most relabelled rows would teach "for this statement, any push is good": they are true statements about nothing. So one would think; section 5 puts it to the test.
#
# ## 3 · What comes true later
#
# A row of pushes may prepare what the last of them completes. So HAL also stores a push with a statement that comes true some pushes *later*, at a discount:
#
# $$ R_t(\ell) = \begin{cases} 0 & \ell \text{ is true in } s_t \text{ or does not come true}, \\ \gamma^{\Delta t} & \text{else,} \end{cases} $$
#
# where $\Delta t$ counts the pushes between: 0 for the push that makes $\ell$ newly true. In the published code $\gamma = 0.5$, and of each push at most 2 statements made true at once and 3 that come later are stored, drawn at random.
#
# ### Exercise 2 · The return of what comes later
# *4 points · medium · 12 minutes*
#
# Write `hindsight_returns(truths, discount)` for one row of pushes. Where a statement comes true more than once, the *next* time counts.
#
# <details><summary>Hint 1: a question</summary>
#
# If you knew the return of a statement one push later, what would it be now?
# </details>
# <details><summary>Hint 2: a nudge</summary>
#
# Go through the pushes backwards and carry a return for every statement: 1 where it is made true, else `discount` times what you carried. What you carry is not yet what you answer.
# </details>
# <details><summary>Hint 3: almost the answer</summary>
#
# `carried = torch.where(new[t], 1.0, discount * carried)`; the answer's row t is that, but 0 where the statement is true before the push.
# </details>


# %% exercise="hindsight-returns"
def hindsight_returns(truths: Tensor, discount: float) -> Tensor:
    """What each push is worth for each statement, in hindsight.

    Args:
        truths: (T + 1, S) bool, what is true before the first push and after each of T pushes.
        discount: γ, from 0 to 1.

    Returns:
        (T, S) float: discount^dt for a statement that is false before push t and next comes true dt pushes later, else 0.
    """
    ### BEGIN SOLUTION
    before, new = truths[:-1], relabel_language(truths[:-1], truths[1:])
    returns = torch.zeros(before.shape)
    carried = torch.zeros(before.shape[1])
    for t in reversed(range(len(before))):
        carried = torch.where(new[t], 1.0, discount * carried)
        returns[t] = torch.where(before[t], 0.0, carried)
    return returns
    ### END SOLUTION


# %% check="hindsight-returns" points=4
checks.ch12.hindsight_returns(hindsight_returns)
### BEGIN HIDDEN TESTS
from saw_edu.classroom import hidden

hidden("ch12").hindsight_returns(hindsight_returns)
### END HIDDEN TESTS

# %% [markdown]
# ## 4 · Where nothing follows
#
# The low level learns by Q-learning. The target of a row is its reward, and what follows if anything does:
#
# $$ y = r + \gamma\, (1 - d) \max_{a'} Q(s', \ell, a'), $$
#
# with $d = 1$ where the row **ends**: its statement came true, or its reward is already a return, as in exercise 2. Behind an end there is a state, and a net gives a number for it without complaint. Nothing was ever learned about
# that number, for nobody asks for what is true already.
#
# ### Exercise 3 · The target, with its mask
# *3 points · easy to medium · 8 minutes*
#
# Write `instruction_target(rewards, ends, values, discount)`.
#
# <details><summary>Hint 1: a question</summary>
#
# What should the target be where a row ends with reward 1, whatever the values say?
# </details>
# <details><summary>Hint 2: a nudge</summary>
#
# `ends` is a tensor of True and False. `~ends` times a number is 0 where the row ends.
# </details>
# <details><summary>Hint 3: almost the answer</summary>
#
# The rewards, plus `discount * ~ends` times the largest value of each row (`.max(-1).values`).
# </details>


# %% exercise="instruction-target"
def instruction_target(rewards: Tensor, ends: Tensor, values: Tensor, discount: float) -> Tensor:
    """What Q should say of the rows of a batch.

    Args:
        rewards: (B,) of each row, for its statement.
        ends: (B,) bool, whether nothing follows.
        values: (B, A) Q of every push in the next state, for the same statement.
        discount: γ.

    Returns:
        (B,) targets.
    """
    ### BEGIN SOLUTION
    return rewards + discount * ~ends * values.max(-1).values
    ### END SOLUTION


# %% check="instruction-target" points=3
checks.ch12.instruction_target(instruction_target)
### BEGIN HIDDEN TESTS
from saw_edu.classroom import hidden

hidden("ch12").instruction_target(instruction_target)
### END HIDDEN TESTS

# %% [markdown]
# Now a low level learns by *your* three functions. It is asked for one fact in both wordings, from random arrangements in which it is false, 64 tables at a time. (It is double Q-learning: one net chooses the
# push, a slower one says what it is worth, so your function sees one value a row.)

# %%
low = language.OwnLow(relabel_language, hindsight_returns, instruction_target, seed=0)
low.train(5 if FAST else language.ROUNDS)
print(f"random pushes:                         {language.measure(low, seed=0, epsilon=1.0):.0%} made true within ten")
print(f"learned, one push in ten at random:    {language.measure(low, seed=0, epsilon=language.EPSILON):.0%}")
print(f"learned, always the best push:         {language.measure(low, seed=0, epsilon=0.0):.0%}")

# %% [markdown]
# ## 5 · What was it worth?
#
# One seed proves nothing, and neither does a comparison with random pushes: the learner *without* hindsight learns too. Five seeds of each were recorded. All are measured with one push in ten at random, about as in their last data; updates are as many in all;
# the starts are the same for all variants of a seed. The controls:
#
# - **no relabelling**: only what was asked for;
# - **true, old or new**: statements that were true before are stored as well;
# - **as many rows, idle ones as asked**: the same number of rows as that, but where the statement was true already, the row is stored as it was asked. It tells whether old truths *harm*, or only take up room;
# - **newly true, at once only**: nothing of exercise 2.
#
# **Guess** the order of the five curves, and which gaps will be larger than chance.

# %% alt="Success over rounds of training for five kinds of hindsight."
recorded = pd.read_csv(asset("ch12/curves.csv"))
viz.show(
    figures.curves(recorded, ("hal", "diluted", "now", "any", "none")),
    alt="Success rises over 30 rounds for all five kinds. Newly true (HAL) ends highest, near three quarters. Three other kinds of hindsight "
    "end together a little lower, near .7, and no relabelling near .6. Random pushes stay near .1.",
)
print(figures.paired(recorded, "hal", ("diluted", "now", "any", "none")))
print(figures.paired(recorded, "any", ("diluted",)))

# %% [markdown]
# **What came.** A line shows something where its interval leaves 0 out. Hindsight is worth something: HAL makes the statement true clearly more often than the learner without, after as many pushes and as many updates.
# But look at that learner. It is far above random pushes. On a table as small as this one, what was asked for comes true by accident often enough to learn from. Where that hardly happens, hindsight should be worth more; we did not try it. And these are 30 rounds: you see how *fast* they learn, not where they end.
#
# The other lines are less clear. Against storing *all* that is true, the advantage of newly true is small: seen over all rounds together, not at the last one alone. And the control says where it may come from. "True, old or new" and
# "as many rows, idle ones as asked" show no difference. So old truths as such did no measurable harm here; if they cost anything, it is their room in the batch. Our sentence above, "any push is good", sounded better
# than its evidence: the tries never begin where the statement is true, so the learner is hardly ever asked about what those rows spoiled. The returns of what comes later made no difference that five seeds can show.
#
# ## 6 · Two bugs that train in silence
#
# Two slips raise no error. In the first, the statement of a row is exchanged and its **reward is not**: the push that made $\ell'$ true is stored with $\ell'$ and the reward of $\ell$, mostly 0. In the second, the **mask** of exercise 3 is
# forgotten. Every textbook says what that does. **Guess** for both: harmless, harmful, or fatal?

# %% alt="Success over rounds of training with and without two bugs."
viz.show(
    figures.curves(recorded, ("hal", "reward", "mask", "now-mask")),
    alt="HAL without the mask lies highest and ends near .9. HAL, and relabelling at once only without the mask, end near "
    "three quarters. With the reward of the old statement success ends near .4.",
)
print(figures.paired(recorded, "hal", ("reward", "mask", "now-mask")))
print(figures.paired(recorded, "now-mask", ("now",)))
print(figures.paired(recorded, "reward", ("none",)))

# %% [markdown]
# **What came.** The first bug is bad: worse than no hindsight at all. Its rows show the very push that fulfils a statement, and say that it is worth nothing.
#
# The second is a surprise. Without the mask learners are *better*, with later returns and without them, in paired differences that leave 0 out. So a test that looks only at success would pass this bug, and reward it.
# Exercise 3 asks for the mask all the same: with it, $Q$ is what its definition says, and its values can be read.
#
# Why does it help? We do not know. One guess: behind an end the net says some number that no row ever corrects, and about the same for all pushes that succeed. Then success pays more than 1, and good pushes stand out more. With
# $\gamma = 0.5$ that number cannot run away; with $\gamma$ near 1 it might. An experiment could refute the guess: keep the mask, and pay 2 for success. It has not been made; your three functions are all that it needs.
#
# ## Try it
#
# **Click** a free cell to place the red ball there (or use the arrow keys once the picture has the focus), choose a wording and how many pushes your low level may make. Arrows show its pushes, in the colour of what is pushed. Where
# does it fail? Do the two wordings of one fact lead to the same pushes? They need not: nobody told the net that they are one fact.

# %% alt="A table on which the reader's low level pushes objects."
pushes = figures.PushTable(low)
explorer = viz.click_explorer(
    pushes.draw,
    point=pushes.start,
    nearest=pushes.nearest,
    alt=pushes.alt,
    figsize=(4.6, 5.0),
    wording=figures.WORDINGS,
    pushes=(0, 10, 1, 10),
)

# %% [markdown]
# ## 7 · The level above, and what this chapter does not show
#
# The high level of HAL is Q-learning once more, with statements for actions: it says one, the low level pushes until it is true or the time is up, and what the task paid meanwhile is the reward. Two things make that hard. It has to say
# something useful, out of 48 statements here. And the low level has to carry it out; while that still learns, the same statement does something else every day. The library has such a level, for a low level that learns no more (`HighLevel` in
# `saw_edu/hierarchy/hal.py`).
#
# The published experiments have a simulated robot that sees and pushes five objects. The authors' code holds some sentences back from training, to ask whether the low level *generalises* over language. **We show neither
# here**: our low level learned one fact in two wordings, in 30 rounds. So this chapter says nothing on whether words are better than numbers as names of subgoals, and nothing on whether a high level
# gains from them. What it does show is which parts of the hindsight carry weight on a small table, and that is not the paper's setting.
#
# ## A question for thought (3 points)
#
# A household robot is told "the cup is in the sink". In its recordings a person says "nothing is broken" and "the cup is in the sink" about the same moments. A colleague relabels with everything that is true after each second. Which of
# the two statements suffers, and what will the robot do when told so? Would *newly true* repair it? Name one instruction for which "newly true" is the *wrong* rule, and say what you would store for it.

# %% [markdown] question="newly-true" points=3
# <!-- BEGIN SOLUTION -->
# *A model answer.* "Nothing is broken" is true after almost every second: it is stored with every action and reward 1, so the robot learns that any action fulfils it, and "the cup is in the sink", true seldom, is crowded out and
# true idle seconds dilute those in which the cup was moved (1 point). Newly true keeps for the cup the moments that brought it there. "Nothing is broken" hardly ever becomes newly true, so it is hardly ever stored (1 point). For an
# instruction to *keep* something true ("hold the door open", "break nothing") newly true is wrong: an action is good if the statement stays true. Store it with reward 1 for each step in which it stays true,
# or 0 and an end where it becomes false, which needs negative examples as well (1 point for such an instruction with a rule that fits).
# <!-- END SOLUTION -->

# %% [markdown]
# ## Summary
#
# 1. A sentence is a subgoal that leaves open what does not matter, but it is true or false: there is no reward on the way.
# 2. Hindsight for sentences stores a push with what it made *newly* true. Most of what is true after a push is old.
# 3. What comes true later counts $\gamma^{\Delta t}$.
# 4. On a small table, hindsight helped clearly against none. Against storing old truths too its advantage was small, and old truths did no measurable harm beyond the room they take.
# 5. A relabelled row needs its *own* reward: with the old one, hindsight was worse than none. A missing mask is not caught by success; here it even helped, for a reason we do not know.
#
# ## References
#
# - Y. Jiang, S. Gu, K. Murphy, C. Finn. [Language as an Abstraction for Hierarchical Deep Reinforcement Learning](https://arxiv.org/abs/1906.07343). NeurIPS 2019. HAL; numbers of statements and discount as in its
#   [code](https://github.com/google-research/google-research/tree/master/hal).
# - M. Andrychowicz et al. [Hindsight Experience Replay](https://arxiv.org/abs/1707.01495). NeurIPS 2017.
# - H. van Hasselt, A. Guez, D. Silver. [Deep Reinforcement Learning with Double Q-learning](https://arxiv.org/abs/1509.06461). AAAI 2016.
#
# **Next:** chapter 13 asks what can be learned before anybody says anything: skills without rewards.
