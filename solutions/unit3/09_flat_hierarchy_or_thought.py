# %% [markdown]
# # 9 · Flat, hierarchy or chain of thought?
#
# **With equal data, labels and parameters, which one wins, and what does the thinking itself contribute?**
#
# | | |
# | --- | --- |
# | **You will learn** | to compare policies fairly: same demonstrations, same labels, same number of parameters; |
# | | to build a chain of thought, and the loss that gives its answer away; |
# | | which control separates "trained with thoughts" from "acts with thoughts" |
# | **You need** | two levels as in chapter 4, imitation as in chapter 2 |
# | **Time** | 65 minutes to read and solve, one minute to compute |
# | **Exercises** | four, 12 points, and one question for thought, 3 points |
#
# A robot has to pack two things, in order, out of a flat with a locked door. People showed it how, and for each step they wrote down what they were after: "get the key", "open the door". There are many ways to use these **labels**. A **hierarchy** hands the words from one net to another. A **chain of thought** is *one* net that
# first says the words and then acts on what it said. A **flat** policy throws them away. Which is best?
#
# The lecture that this course follows had to say in May 2025: "no conclusive empirical comparison (yet)". Below is ours, at small scale: six ways to use the same labels, all with at most 37,000 parameters. **Guess before you look closely:** which line is which?

# %% tags=["setup", "folded"]
# Imports, settings, recorded results
import os
from collections.abc import Callable

import pandas as pd
import torch
from torch import Tensor
from torch.nn import functional as F

from saw_edu import checks, viz
from saw_edu.course.ch09 import chain, figures, packing
from saw_edu.course.ch09.chain import leaking_loss
from saw_edu.evaluation import seed_interval
from saw_edu.hierarchy.thoughts import METHODS, Thinking
from saw_edu.place import asset

viz.style.use()
torch.set_num_threads(1)
FAST = os.environ.get("SAW_EDU_FAST") == "1"  # set by automatic tests: less training
STEPS = 60 if FAST else packing.CLONING.steps
recorded = pd.read_csv(asset("ch09/success.csv"))
plain = figures.plain(recorded)


def over_seeds(by_seed: pd.Series, sign: str = "") -> str:
    """A mean with its 95 % interval over seeds."""
    low, high = seed_interval(by_seed.to_numpy())
    return f"{by_seed.mean():{sign}.2f} [{low:{sign}.2f}, {high:{sign}.2f}]"


# %% alt="Errands done over 60, 200 and 600 demonstrations for six ways to use the same labels, with intervals over five seeds."
viz.show(
    figures.curves(recorded),
    alt="Six nearly level lines. The hierarchy is highest, from about .33 at 60 to .39 at 600 demonstrations; separate nets and chain of thought follow at about .27; flat, auxiliary and chain with dropout lie together near .18.",
)

# %% [markdown]
# ## 1 · What "equal" means
#
# | method | nets | says a subgoal | acts on |
# | --- | --- | --- | --- |
# | **flat** | one | never | observation, mission |
# | **auxiliary** | one | in training only, from a second head | observation, mission |
# | **chain** | one, asked twice | first | observation, mission, its words |
# | **chain, dropout** | the same | first, or not at all | the same; in training the words are left out for half of the rows |
# | **separate** | two | first, the one | observation, mission, the words: the other |
# | **hierarchy** | two | first, the one | observation and the words *only*: the other is not told the mission |
#
# "Auxiliary" has the same supervision as the rest and does not think when it acts: the control for "it was the labels". "Separate" differs from the hierarchy in one arrow: its low level is told the mission too. It is the control for "it was two nets".
#
# Two nets of width 128 have twice the parameters of one. To be fair, each method gets the same *budget*, and its nets are as wide as that allows.
#
# ### Exercise 1 · Equal size
# *3 points · medium · 8 minutes*
#
# All nets have two hidden layers of one width. A linear layer from $n$ to $m$ numbers has $n m$ weights and $m$ biases.
#
# <details><summary>Hint 1: a question</summary>
#
# A net from 2 to 3 numbers with hidden layers of width 1: how many parameters do its three layers have? (Eleven, if you forget none.)
# </details>
# <details><summary>Hint 2: a nudge</summary>
#
# Parameters grow with the width: start at 1 and go up as long as the *sum over all nets* stays within the budget.
# </details>
# <details><summary>Hint 3: almost the answer</summary>
#
# One net: `(inputs + 1) * width + (width + 1) * width + (width + 1) * outputs`.
# </details>


# %% exercise="match-width"
def match_width(shapes: list[tuple[int, int]], budget: int) -> int:
    """The width of hidden layers with which nets have at most so many parameters, all together.

    Args:
        shapes: (inputs, outputs) of each net; each has two hidden layers of the same width, and biases everywhere.
        budget: parameters; enough for a width of 1.

    Returns:
        The largest such width.
    """

    ### BEGIN SOLUTION
    def parameters(width: int) -> int:
        return sum((inputs + 1) * width + (width + 1) * width + (width + 1) * outputs for inputs, outputs in shapes)

    width = 1
    while parameters(width + 1) <= budget:
        width += 1
    return width
    ### END SOLUTION


# %% check="match-width" points=3
checks.ch09.match_width(match_width)
### BEGIN HIDDEN TESTS
from saw_edu.classroom import hidden

hidden("ch09").match_width(match_width)
### END HIDDEN TESTS

# %%
from saw_edu.envs.packing import rules
from saw_edu.hierarchy.thoughts import shapes_of

for method in METHODS:
    shapes = shapes_of(method, rules.OBSERVATION_DIM, packing.WORDS.shape[1], chain.LABELS, packing.ACTIONS)
    width = match_width(shapes, packing.BUDGET)
    used = recorded[recorded["method"] == method]["parameters"].iloc[0]
    print(f"{method:16} {len(shapes)} net(s) of width {width:3}; recorded with {used} parameters")

# %% [markdown]
# ## 2 · A chain of thought
#
# One net has a place for words among its inputs, and two kinds of outputs: as many numbers as there are phrases, and then as many as there are actions. It is asked twice. First with the place for words empty: what am I after? Then with the words of its own answer in it: what do I do?
#
# $$g \sim \pi(g \mid o, m, \varnothing), \qquad a \sim \pi(a \mid o, m, g) .$$
#
# ### Exercise 2 · Think, then act
# *3 points · medium · 9 minutes*
#
# <details><summary>Hint 1: a question</summary>
#
# If you read thought and action from *one* call of the net, can the action depend on the thought?
# </details>
# <details><summary>Hint 2: a nudge</summary>
#
# First call: zeros for the words, the first `len(phrases)` outputs. Second call: `phrases[thoughts]` for the words, the other outputs.
# </details>
# <details><summary>Hint 3: almost the answer</summary>
#
# `both = torch.cat([observations, goals], 1)`; inputs of a call are `torch.cat([both, words], 1)`.
# </details>


# %% exercise="think-then-act"
def think_then_act(
    net: Callable[[Tensor], Tensor], observations: Tensor, goals: Tensor, phrases: Tensor
) -> tuple[Tensor, Tensor]:
    """A chain of thought: the most likely thought, then the most likely action given its words.

    Args:
        net: (B, obs + obs + words) -> (B, phrases + actions); inputs in the order observation, goal, words; outputs in
            the order thoughts, actions.
        observations: (B, obs).
        goals: (B, obs) the missions.
        phrases: (phrases, words) the words of each thought. No thought: zeros.

    Returns:
        Thoughts (B,) and actions (B,), numbers from 0.
    """
    ### BEGIN SOLUTION
    both = torch.cat([observations, goals], 1)
    none = torch.zeros(len(both), phrases.shape[1])
    thoughts = net(torch.cat([both, none], 1))[:, : len(phrases)].argmax(1)
    actions = net(torch.cat([both, phrases[thoughts]], 1))[:, len(phrases) :].argmax(1)
    return thoughts, actions
    ### END SOLUTION


# %% check="think-then-act" points=3
checks.ch09.think_then_act(think_then_act)
### BEGIN HIDDEN TESTS
from saw_edu.classroom import hidden

hidden("ch09").think_then_act(think_then_act)
### END HIDDEN TESTS

# %% [markdown]
# ## 3 · A loss that gives the answer away
#
# In training, the demonstrator's thought is known. So a colleague saves half of the time and asks the net once: the words are among its inputs, and it has both kinds of outputs. "Cross-entropy of the thoughts plus that of the actions. What could go wrong?" Watch it train.

# %%
data = packing.demonstrations(200, seed=0)
suspect, losses = chain.train(leaking_loss, data, seed=0, steps=STEPS, words="asked once")
print(f"loss {losses[0]:.2f} → {sum(losses[-20:]) / 20:.3f}")
print(f"errands done: {packing.success(Thinking(suspect, torch.Generator().manual_seed(0)), seed=0):.2f}")

# %% [markdown]
# A beautiful loss. **Your guess:** what has this net learned to do with its thoughts? Write the loss that asks honestly: whoever is asked for a thought is shown none; whoever is asked for an action is shown the demonstrator's thought (**teacher forcing**).
#
# ### Exercise 3 · A loss that gives nothing away
# *4 points · medium · 9 minutes*
#
# <details><summary>Hint 1: a question</summary>
#
# How many calls of the net do you need, and which words does each of them see?
# </details>
# <details><summary>Hint 2: a nudge</summary>
#
# It is exercise 2 with the demonstrator's thoughts in place of the net's own, and with cross-entropies in place of `argmax`.
# </details>
# <details><summary>Hint 3: almost the answer</summary>
#
# `F.cross_entropy(first_call[:, :count], thoughts) + F.cross_entropy(second_call[:, count:], actions)`
# </details>


# %% exercise="chain-loss"
def chain_loss(
    net: Callable[[Tensor], Tensor],
    observations: Tensor,
    goals: Tensor,
    thoughts: Tensor,
    actions: Tensor,
    phrases: Tensor,
) -> Tensor:
    """Cross-entropy of the demonstrator's thoughts, plus that of its actions given its thoughts.

    Args:
        net: (B, obs + obs + words) -> (B, phrases + actions), as in exercise 2.
        observations: (B, obs).
        goals: (B, obs).
        thoughts: (B,) the demonstrator's, numbers of phrases.
        actions: (B,) the demonstrator's.
        phrases: (phrases, words).

    Returns:
        A number, shape ().
    """
    ### BEGIN SOLUTION
    both = torch.cat([observations, goals], 1)
    none = torch.zeros(len(both), phrases.shape[1])
    thought_logits = net(torch.cat([both, none], 1))[:, : len(phrases)]
    action_logits = net(torch.cat([both, phrases[thoughts]], 1))[:, len(phrases) :]
    return F.cross_entropy(thought_logits, thoughts) + F.cross_entropy(action_logits, actions)
    ### END SOLUTION


# %% check="chain-loss" points=4
checks.ch09.chain_loss(chain_loss)
### BEGIN HIDDEN TESTS
from saw_edu.classroom import hidden

hidden("ch09").chain_loss(chain_loss)
### END HIDDEN TESTS

# %%
honest, own_losses = chain.train(chain_loss, data, seed=0, steps=STEPS, words="asked twice")
fresh = packing.demonstrations(60, seed=50)
for name, mind, found in (("asked once", suspect, losses), ("asked twice", honest, own_losses)):
    thoughts, actions = think_then_act(mind.nets[0], fresh.observations, fresh.goals, packing.WORDS)
    right = (thoughts == fresh.subgoals).double().mean()
    done = packing.success(Thinking(mind, torch.Generator().manual_seed(0)), seed=0)
    print(
        f"{name:12} loss {sum(found[-20:]) / 20:.3f}, thoughts right on new demonstrations {right:.2f}, errands done {done:.2f}"
    )

# %% [markdown]
# The net that was asked once has the lower loss, and is wrong about one thought in seven where the other is hardly ever wrong. It learned, in part, to *repeat* words, and what it says when there are none to repeat suffers. (This is one seed, with most of the errands failing for both; the next section has five. In language models the same mistake is an answer that stands in the prompt.)

# %% [markdown]
# ## 4 · Who wins?
#
# Five seeds, paired: in each seed all methods have the same demonstrations and meet the same errands; thoughts and actions are drawn.

# %%
own = plain[plain["thought"] == "own"]
for number in packing.NUMBERS:
    by = own[own["number"] == number].pivot_table(index="seed", columns="method", values="success")
    print(f"{number} demonstrations; flat {over_seeds(by['flat'])}")
    for method in METHODS[1:]:
        print(f"   {method:16} {over_seeds(by[method])}; against flat {over_seeds(by[method] - by['flat'], '+')}")

# %% [markdown]
# **What came.**
# - The **hierarchy** is above flat at each number of demonstrations, and above the chain of thought at 200 and 600 (at 60 the interval touches 0).
# - The **chain of thought** is above flat at 60 and 200; at 600 the interval includes no difference.
# - **Auxiliary** equals flat throughout. Having been trained on the labels, by itself, brought nothing that we can see.
# - **Separate** nets, of which the lower is told the mission *as well*, do worse than the hierarchy at all three. More information, and less success: a low level that can look at the mission learns to do without the words.
#
# And what did *not* come: the lines hardly rise. Ten times the demonstrations change little, though everybody does only a fifth to two fifths of these errands. It is not that the nets have not learned: the loss above is near zero, on new demonstrations too the thoughts are right. What fails are long errands with actions that are *drawn*, in places where demonstrations never
# were; chapters 6 and 7 show what that costs and what mends it. Keep it in mind as a limit of this comparison: it is about policies that imitate, not about policies that are good. (Most likely actions do better for those who think, .46 for the hierarchy at 200, and in nearly the same order. Look in section 8.)

# %% [markdown]
# ## 5 · What does the thought itself do?
#
# A net that was *trained* with thoughts may be better for having been trained so, or for *having* the thought when it acts. Published work points to the first: π0.5's own ablation says that much of the gain comes from training on subtasks alone (Physical Intelligence, 2025, section V-E), ECoT-Lite (Chen et al., 2025) and ERVLA (2026) train with reasoning and act without it. To try that here, a net must have seen both. **Reasoning dropout** leaves the words out
# for a share of the rows in training.
#
# ### Exercise 4 · Reasoning dropout
# *2 points · easy · 6 minutes*
#
# <details><summary>Hint 1: a question</summary>
#
# "Get the" without "key": is that no thought, or another one?
# </details>
# <details><summary>Hint 2: a nudge</summary>
#
# One random number for each row, shape (B, 1), so that it spreads over the row's words.
# </details>
# <details><summary>Hint 3: almost the answer</summary>
#
# `kept = torch.rand(len(words), 1, generator=generator) >= probability`, and then `words * kept`.
# </details>


# %% exercise="drop-thoughts"
def drop_thoughts(words: Tensor, probability: float, generator: torch.Generator) -> Tensor:
    """Zero the words of some rows as a whole.

    Args:
        words: (B, words).
        probability: of each row to be dropped, from 0 to 1.
        generator: what all draws come from.

    Returns:
        (B, words); rows that are kept stay exactly as they are.
    """
    ### BEGIN SOLUTION
    kept = torch.rand(len(words), 1, generator=generator) >= probability
    return words * kept
    ### END SOLUTION


# %% check="drop-thoughts" points=2
checks.ch09.drop_thoughts(drop_thoughts)
### BEGIN HIDDEN TESTS
from saw_edu.classroom import hidden

hidden("ch09").drop_thoughts(drop_thoughts)
### END HIDDEN TESTS

# %% [markdown]
# Now each thinking method can be told something else than its own thought: **none**, a **perfect** one (the expert's, at each step), or a **wrong** one (any but the expert's). Your mask, and then the recorded numbers at 200 demonstrations:

# %%
some = drop_thoughts(packing.WORDS[data.subgoals[:2000]], packing.DROPOUT, torch.Generator().manual_seed(0))
print(f"{(some.sum(1) == 0).double().mean():.2f} of the rows learn to act without words")
at = plain[plain["number"] == 200]
for method in METHODS[2:]:
    rows = at[at["method"] == method].pivot_table(index="seed", columns="thought", values="success")
    told = [
        f"{thought} {over_seeds(rows[thought])}" for thought in ("own", "none", "oracle", "wrong") if thought in rows
    ]
    print(f"{method:16}", "; ".join(told))
silent = at[at["thought"] == "none"].pivot_table(index="seed", columns="method", values="success")
base = at[at["thought"] == "own"].pivot_table(index="seed", columns="method", values="success")
print(f"chain with dropout, acting in silence, against flat: {over_seeds(silent['chain, dropout'] - base['flat'], '+')}; against its own thoughts: "
      f"{over_seeds(silent['chain, dropout'] - base['chain, dropout'], '+')}")  # fmt: skip

# %% [markdown]
# **What came.**
# - Told **perfect** thoughts, hierarchy, separate nets and chain gain about .2 each. So a large part of what fails are their *thoughts*. Told **wrong** ones they do next to nothing: they obey.
# - The **chain** that never missed its words in training is lost without them.
# - The chain with **dropout** can act in silence. It then does as well as a flat policy, no better; and it hardly listens: perfect thoughts do not help it, wrong ones harm it less than the others. Half of the time it learned to act without words, and it seems that it always does.
#
# So the published direction, "train with thoughts, act without", does **not** show here: *auxiliary* and *silent* are the two forms of it, and both equal flat. What pays here is to have the thought, and to be unable to do without it. Be careful with what follows from that. Their nets are a hundred thousand times larger, their thoughts are sentences about pictures that also tell
# what is to be *seen*; our observation already holds everything in 75 numbers, so there is no representation that a label could teach. A claim about large models is not refuted by a small one. It is shown to need a condition.

# %% [markdown]
# ## 6 · When things slip, and how long a thought lasts
#
# Two more questions at 200 demonstrations. The world may be less kind than the demonstrations: what if things slip from the hand more often? And thinking costs time: may a thought be kept for some steps? **Guess** which lines fall, and which cross.

# %%
viz.show(
    figures.slips(recorded),
    alt="Six nearly level lines over the chance of a slip from 0 to .2: slipping changes little for any method.",
)
viz.show(
    figures.every(recorded),
    alt="The hierarchy falls from .36 with a thought at every step to .23 at sixteen; separate nets and chain fall less, from .30 and .27; at sixteen steps all are near .22.",
)

# %% [markdown]
# **What came.** Slipping hardly matters to anybody, perhaps because all six ask anew at every step, and a thing on the floor is one more thing to fetch. (Chapter 4 found that *waiting for "done"* makes a hierarchy suffer from slips; here nobody waits.) Keeping thoughts costs the hierarchy most, since it has nothing else to go by: at sixteen steps it has lost its lead, and the errands
# done by all thinkers are alike. How often you can afford to think decides whether the hierarchy is worth having.

# %% [markdown]
# ## 7 · What a decision costs
#
# At 50 Hz there are 20 ms for each action. Our nets are tiny and this is a CPU, so look at the *ratios*:

# %%
minds = {method: packing.learn(method, data, seed=0, cloning=packing.Cloning(steps=5)) for method in METHODS}
base_time = chain.milliseconds(minds["flat"], data)
for method in METHODS:
    took = chain.milliseconds(minds[method], data)
    print(f"{method:16} {took:5.2f} ms, {took / base_time:.1f} times flat; in 20 ms fit {20 / took:.0f} decisions")
quiet = chain.milliseconds(minds["chain, dropout"], data, silent=True)
print(f"chain, dropout, in silence: {quiet:.2f} ms, {quiet / base_time:.1f} times flat")

# %% [markdown]
# Here a thought is one more pass. In a large model it is as many passes as it has *words*: embodied chain of thought (Zawalski et al., 2024) is said to take about 350 tokens a step, against 7 for the action alone (second-hand figures). That is what "train with thoughts, act without" would save, and why slow and fast are set apart (chapter 10).

# %% [markdown]
# ## 8 · Try it
#
# Choose the number of demonstrations and whose thoughts the policies act on. Wrong and missing thoughts were recorded for 200 demonstrations. Which methods *obey* a wrong thought, and which ignore it? What does that say about who listens?

# %% alt="Errands done by six methods for a number of demonstrations, acting on thoughts that you choose."
teller = figures.Teller(recorded)
explorer = viz.explorer(
    teller.draw,
    demonstrations=[200, 60, 600],
    thoughts=["own", "oracle", "wrong", "none"],
    actions=["drawn", "most likely"],
    figsize=(7.2, 4.2),
    alt="Errands done with {demonstrations} demonstrations, acting on {thoughts} thoughts, actions {actions}.",
)

# %% [markdown]
# ## 9 · A question for thought
#
# *3 points*
#
# A paper reports that its robot with chain of thought does 15 points better than the same model without. The model without was trained on the actions alone.
#
# (a) Name two differences between both models other than "it thinks when it acts". (b) For each, which row of this chapter's first table is the control? (c) Suppose that the control "trained with thoughts, acts without" comes out *equal* to the chain of thought. What would you build, and why?

# %% [markdown] question="fifteen-points" points=3
# *Double-click here and write your answer, about 8 lines.*
#
# <!-- BEGIN SOLUTION -->
# *A model answer.* (a) It was trained on more: labels tell what a step is for, which shapes what the net represents. And it computes more for each action: two passes, or hundreds. (1 point for two that are not the thought itself; labels may also come from other data than the actions.) (b) For the labels: *auxiliary*, the same supervision and no thought at run time, or *chain, dropout* acting in silence. For the computation:
# nothing in the table; a control would ask the net twice with words that say nothing. "Separate" controls for two nets. (1 point for matching controls, or for seeing that one is missing.) (c) Train with thoughts and act without: the same success at a fraction of the time, and thoughts can still be asked for when a person wants to know, or wants to correct (chapter 7). If corrections matter, a policy that *listens* is worth more than its score. (1 point.)
# <!-- END SOLUTION -->

# %% [markdown]
# ## Summary
#
# 1. Equal data, labels and parameters: otherwise you compare budgets.
# 2. Here the hierarchy won, a chain of thought came second, and a low level that was told *more* did worse.
# 3. The same labels without a thought at run time brought nothing: neither as an auxiliary loss nor with reasoning dropout. Published results on large models say otherwise; the condition is open.
# 4. Whoever asks for an answer must not show it: the lower loss was the bug.
# 5. The lead is gone where thoughts are kept for sixteen steps.
#
# <details><summary>Symbols</summary>
#
# | symbol | in code | meaning |
# | --- | --- | --- |
# | $o, m$ | `observations`, `goals` | observation, mission |
# | $g, \varnothing$ | `thoughts`, `none` | thought (subgoal), no thought |
# | $a$ | `actions` | action |
#
# </details>
#
# ## References
#
# 1. Zawalski et al. *Robotic Control via Embodied Chain-of-Thought Reasoning.* CoRL 2024. [arXiv 2407.08693](https://arxiv.org/abs/2407.08693)
# 2. Chen et al. *Training Strategies for Efficient Embodied Reasoning* (ECoT-Lite). CoRL 2025. [ecot-lite.github.io](https://ecot-lite.github.io)
# 3. Physical Intelligence. *π0.5: a Vision-Language-Action Model with Open-World Generalization.* 2025. [arXiv 2504.16054](https://arxiv.org/abs/2504.16054) (section V-E)
# 4. *Revisiting Embodied Chain of Thought* (ERVLA). 2026. [arXiv 2606.03784](https://arxiv.org/abs/2606.03784) (978,743 trajectories; trained with dropout of thoughts, run without)
#
# ## What comes next
#
# If a thought takes time, somebody has to move meanwhile. **Chapter 10, "Fast and slow"**.
