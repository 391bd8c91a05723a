# %% [markdown]
# # 7 · Language subgoals and corrections
#
# **A robot does something silly. You say what it should do instead. What can it learn from that?**
#
# | | |
# | --- | --- |
# | **You will learn** | why words between two levels let a person step in; |
# | | to turn what was said into training data for the high level alone; |
# | | to find out which level is the limit, before you pay for labels |
# | **You need** | chapters 4 to 6 |
# | **Time** | 50 minutes to read and solve, one to two minutes to compute |
# | **Exercises** | four, 12 points, and one question for thought, 3 points |
#
# Back to the small flat of chapter 4: a key, a locked door, three objects to pack in order. A hierarchy was trained on 100 demonstrations. Its **high level** says a phrase ("get the key"), which is in force for four steps; its **low level** carries it out. Here is one errand, with somebody watching.

# %% tags=["setup", "folded"]
# Imports, settings, recorded results
import os
from dataclasses import replace

import pandas as pd
import torch
from torch import Tensor

from saw_edu import checks, viz
from saw_edu.course.ch07 import figures, packing
from saw_edu.course.ch07.talk import talk
from saw_edu.envs.packing.language import PHRASES
from saw_edu.place import asset

viz.style.use()
torch.set_num_threads(1)
FAST = os.environ.get("SAW_EDU_FAST") == "1"  # set by automatic tests: less training
before, table = pd.read_csv(asset("ch07/before.csv")), pd.read_csv(asset("ch07/learning.csv"))

# %% alt="Five moments of an errand; in one of them a person has put another word in force."
if FAST:
    packing.TRAINING, packing.TUNING = replace(packing.TRAINING, steps=150), replace(packing.TUNING, steps=50)
levels = packing.train(0)  # both levels, and a flat policy, from 100 demonstrations
log = packing.play(levels, 3, 8, beside=packing.person(patience=2))
t, b = (log.spoken & log.running).nonzero(as_tuple=True)
first = int(t[b == int(b[0])][0])
viz.show(
    figures.moments(log, int(b[0]), range(first - 2, first + 3)),
    alt="Five pictures of the flat, one step apart. Above most of them stands what the high level said; above the third, in red, what the person said instead.",
)
print(f"{len(log.success)} errands, {int(log.success.sum())} done, {log.utterances} words said by the person")

# %% [markdown]
# That is all the machinery of *Yell At Your Robot* (Shi et al., RSS 2024), in small: a person watches, says a phrase that the low level knows, and for a moment takes the high level's place. **Your guess:** three objects have to be packed. How much does it help to have such a person beside it, and how
# much of that is left when the person has gone and the high level has learned what was said?

# %% [markdown]
# ## 1 · What demonstrations alone give
#
# Five seeds, actions and words drawn from what was learned, 100 errands each. The third line replaces the high level by a perfect one: the demonstrator's own plan, in words, at every step.

# %% alt="Success over the number of objects for a flat policy, both levels, and a perfect high level."
viz.show(
    figures.by_objects(before[before["patience"].isna()]),
    alt="Success falls from one object to two: flat from .4 to .2, both levels from .64 to .39, a perfect high level from .76 to .64. With three objects each is about where it was with two.",
)

# %% [markdown]
# Two levels beat a flat policy of the same demonstrations, as in chapter 9. But look at the upper line: with *perfect* words the low level still fails four errands in ten. Keep that in mind; it decides how this chapter ends.

# %% [markdown]
# ## 2 · Somebody steps in
#
# When should a person speak? Ours approves of a step if it brings the end nearer. After `patience` wrong steps in a row it says the phrase of the plan; if that is in force already and still nothing good happens, it says the next move ("move left"), a *fine* word, in force for one step. And it does not talk over itself.
#
# ### Exercise 1 · When to speak
# *2 points · easy · 5 minutes*
#
# Write `should_speak(wrong, lasting, patience)`.
#
# <details><summary>Hint 1: a question</summary>
#
# Which two things must hold at once?
# </details>
# <details><summary>Hint 2: a nudge</summary>
#
# Tensors of bool are joined by `&`, each side in brackets.
# </details>
# <details><summary>Hint 3: almost the answer</summary>
#
# Enough wrong steps (`>=`), and 0 steps left of a correction.
# </details>


# %% exercise="should-speak"
def should_speak(wrong: Tensor, lasting: Tensor, patience: int) -> Tensor:
    """Whether the person speaks now.

    Args:
        wrong: (B,) wrong steps in a row, of each episode.
        lasting: (B,) for how many steps a correction is still in force; 0: none is.
        patience: so many wrong steps in a row are enough.

    Returns:
        (B,) bool.
    """
    ### BEGIN SOLUTION
    return (wrong >= patience) & (lasting == 0)
    ### END SOLUTION


# %% check="should-speak" points=2
checks.ch07.should_speak(should_speak)
### BEGIN HIDDEN TESTS
from saw_edu.classroom import hidden

hidden("ch07").should_speak(should_speak)
### END HIDDEN TESTS

# %% [markdown]
# With your rule, live, a few errands; then the recorded ones. Two hierarchies are compared: in one the low level learned fine words too, *in hindsight* (a step to the left was a "move left", whoever had said what), in the other it never heard one. **Guess:** how much are fine words worth to the person?

# %% alt="Success over words said in an episode, with a patient and an impatient person, for two low levels."
for patience in (1, 8):
    log = packing.play(levels, 3, 30, beside=packing.person(patience, should_speak))
    print(f"patience {patience}: {log.success.float().mean():.2f} done, {log.utterances / 30:.1f} words an errand")
viz.show(
    figures.watched(before),
    alt="Both lines rise with the number of words said, from .4 and .5 with 5 to 7 words to about three quarters with 17. At patience 2, 4 and 8 the low level that knows coarse words only lies higher.",
)

# %% [markdown]
# An impatient person doubles the success: .36 alone, .75 with a word after each wrong step. It takes 17 words an errand, so this is *work*.
#
# And fine words? With patience 1 they add .03 [.00, .05]. With more patience the low level that never heard them does **better**, by .11 to .15 (all three intervals exclude 0). That is not what we expected. Learning fine words is not free: half of the low level's rows are about them, and in the same number of training steps
# it hears each coarse word half as often. We did not train longer to find out whether that is all. The plan was "teach it fine words, so that corrections have something to say"; the measurement says that, here, coarse corrections did nearly all of the work.

# %% [markdown]
# ## 3 · Learn to say it yourself
#
# The person goes home, the log stays: at each step the phrase in force, and who had said it. The high level is trained on with it, *the low level is frozen*. Which rows should it learn from?
#
# - What the person said: surely.
# - What the high level said itself: as long as nobody objected, one may take silence for consent. But the words *right before* a correction led to it.
#
# A **segment** is a run of steps with one phrase of one speaker. YAY Robot drops each segment that a correction follows.
#
# ### Exercise 2 · Silence is consent
# *5 points · medium · 14 minutes*
#
# Write `approved(words, by_person)`: the rows to learn from.
#
# <details><summary>Hint 1: a question</summary>
#
# Which steps are the last ones of a segment that a person ended? Where does that segment begin?
# </details>
# <details><summary>Hint 2: a nudge</summary>
#
# Episode by episode, step by step: `start` moves on whenever the word or the speaker changes. If the next step is the person's and this one is not, everything from `start` to here is bad.
# </details>
# <details><summary>Hint 3: almost the answer</summary>
#
# Fill a bool tensor `bad`; keep `by_person | ~bad`.
# </details>


# %% exercise="approved"
def approved(words: Tensor, by_person: Tensor) -> Tensor:
    """Which steps a high level may learn from.

    Args:
        words: (T, B) the number of the phrase in force, of B episodes with T steps.
        by_person: (T, B) bool, whether a person had said it.

    Returns:
        (T, B) bool: all steps under a person's words, and those under its own but for segments that a person's
        segment directly follows.
    """
    ### BEGIN SOLUTION
    steps, episodes = words.shape
    kept = torch.zeros_like(by_person)
    for b in range(episodes):
        bad, start = torch.zeros(steps, dtype=torch.bool), 0
        for t in range(steps):
            if t > 0 and (words[t, b] != words[t - 1, b] or by_person[t, b] != by_person[t - 1, b]):
                start = t
            if t + 1 < steps and by_person[t + 1, b] and not by_person[t, b]:
                bad[start : t + 1] = True
        kept[:, b] = by_person[:, b] | ~bad
    return kept
    ### END SOLUTION


# %% check="approved" points=5
checks.ch07.approved(approved)
### BEGIN HIDDEN TESTS
from saw_edu.classroom import hidden

hidden("ch07").approved(approved)
### END HIDDEN TESTS

# %% [markdown]
# ### Exercise 3 · A share of every batch
# *3 points · easy to medium · 7 minutes*
#
# There are far fewer corrections than demonstrated steps. YAY Robot draws 10 % of each batch from the new data. Write `row_weights(of_corrections, share)`: each row's chance to be drawn, so that all corrections together have `share`.
#
# <details><summary>Hint 1: a question</summary>
#
# If 50 corrections together have the chance .1, what has each?
# </details>
# <details><summary>Hint 2: a nudge</summary>
#
# Two numbers are enough, one for each kind of row: `torch.where`.
# </details>
# <details><summary>Hint 3: almost the answer</summary>
#
# `share` over the number of corrections; `1 - share` over the number of the others (at least 1, should there be none).
# </details>


# %% exercise="row-weights"
def row_weights(of_corrections: Tensor, share: float) -> Tensor:
    """Chances of rows to be drawn.

    Args:
        of_corrections: (N,) bool, at least one of them True.
        share: of a batch that corrections shall make up, from 0 to 1.

    Returns:
        (N,) float, adding up to 1 (to `share` over the corrections).
    """
    ### BEGIN SOLUTION
    number = of_corrections.sum()
    others = (len(of_corrections) - number).clamp(min=1)
    return torch.where(of_corrections, share / number, (1 - share) / others)
    ### END SOLUTION


# %% check="row-weights" points=3
checks.ch07.row_weights(row_weights)
### BEGIN HIDDEN TESTS
from saw_edu.classroom import hidden

hidden("ch07").row_weights(row_weights)
### END HIDDEN TESTS

# %% [markdown]
# ### Exercise 4 · Is the low level what it was?
# *2 points · easy · 5 minutes*
#
# "The low level is frozen" is easily said. The classic bug: both levels' parameters end up in one optimiser, the success rises, and nobody notices that the wrong level learned. Write `changed(before, after)`, which says of each parameter whether *any bit* of it changed.
#
# <details><summary>Hint 1: a question</summary>
#
# Is "nearly equal" good enough here?
# </details>
# <details><summary>Hint 2: a nudge</summary>
#
# `torch.equal` compares shape and every number.
# </details>
# <details><summary>Hint 3: almost the answer</summary>
#
# A dictionary comprehension over the names.
# </details>


# %% exercise="changed"
def changed(before: dict[str, Tensor], after: dict[str, Tensor]) -> dict[str, bool]:
    """Which parameters are not what they were.

    Args:
        before: parameters by name, as `net.state_dict()` gives them.
        after: the same names.

    Returns:
        For each name whether any number changed.
    """
    ### BEGIN SOLUTION
    return {name: not torch.equal(before[name], after[name]) for name in before}
    ### END SOLUTION


# %% check="changed" points=2
checks.ch07.changed(changed)
### BEGIN HIDDEN TESTS
from saw_edu.classroom import hidden

hidden("ch07").changed(changed)
### END HIDDEN TESTS

# %% [markdown]
# All four together, live: 50 errands with a person beside them, your rows, your weights, the high level trained on, and both levels looked at before and after.

# %%
log = packing.play(levels, 20_000, 10 if FAST else packing.WATCHED, beside=packing.person(2, should_speak))
told = packing.Rows(*log.rows(approved(log.words, log.by_person)))
base = packing.spoken(packing.demonstrations(0))
rows = base.and_also(told)
weights = row_weights(torch.arange(len(rows.labels)) >= len(base.labels), packing.SHARE)
high = packing.fine_tune(levels.high, *rows, weights, packing.TUNING, torch.Generator().manual_seed(0))
taught = replace(levels, high=high)
for name in ("high", "low"):
    nets = [getattr(some, name).net.state_dict() for some in (levels, taught)]
    found = changed(*nets)
    print(f"{name} level: {sum(found.values())} of {len(found)} parameters changed")
print(
    f"{log.utterances} words said; without a person {packing.success(levels, 0):.2f} before, {packing.success(taught, 0):.2f} after"
)

# %% [markdown]
# ## 4 · What is it worth, and to whom?
#
# Three rounds of 50 errands, five seeds. Beside learning from corrections stands **DAgger** (Ross et al., 2011), which asks an expert about *every* state that was visited: for the right phrase (high), for the right action under the phrase in force (low), or for the right action of a flat policy.
# Left over errands watched, right over the number of words or labels that somebody had to give. **Guess** the order of the four lines.

# %% alt="Success of four ways to learn from being watched, over episodes and over labels."
viz.show(
    figures.learning(table),
    alt="Left: DAgger on the low level climbs from .36 to .89. Corrections reach about .57 after one round and stay, DAgger on the high level stays at .5, flat DAgger climbs from .22 to .56. "
    "Right: corrections used about 2,000 words, the others about 20,000 labels.",
)
print(
    figures.paired(
        table,
        [
            ("corrections", "DAgger, high"),
            ("corrections", "DAgger, flat"),
            ("DAgger, low", "DAgger, high"),
            ("corrections and approved", "all words"),
            ("corrections and approved", "corrections"),
            ("corrections", "corrections, as many as there are"),
        ],
    )
)

# %% [markdown]
# **What came.**
#
# - **Corrections work, and they are cheap.** .36 to .57, nearly all of it in the first round, with about 670 words a round. As much as flat DAgger reaches with ten times as many labels (+.01 [-.15, .18]): *where success is all that counts, flat DAgger does as well.*
# - **A little better than DAgger on the high level** (+.06 [.01, .11]), which got ten times as many labels. One difference: our person says *fine* words where the plan's phrase does not help, and DAgger's labels are always the plan's. We did not separate this from *which* states are labelled.
# - **Dropping what a correction followed** is worth +.07 [.04, .11] against keeping everything. Keeping the approved rest adds nothing to the corrections alone (.00 [-.04, .04]).
# - **10 % of a batch**, or as much as there is: no difference here (+.02 [-.06, .09]).
# - **And the line on top**: DAgger on the *low* level, .89. Section 1 had said so. With perfect words the low level failed four errands in ten, so no high level, however well taught, could do much better than .6; and corrections to the high level *end* at about .57.
#
# So before you ask anybody for labels, put an oracle in the place of each level. It tells you which level is worth teaching. Corrections by language have another merit: anybody can give them. To label low-level actions in every state is a luxury that a simulator's expert has.
#
# On the published robot corrections are reported to gain a great deal (its abstract has no numbers, and those that we know are second hand, so we leave them out). BabyAI, and how corrections help with *new* phrases, are not in this chapter.

# %% [markdown]
# ## Talk to it
#
# Now you are the person. Type a phrase, or choose one, and press **say it**; **go on** lets the hierarchy go on for four steps. When you have corrected it often enough, press **learn from it**: the high level is trained on with what you said, and the low level's bits are compared before and after. Then give it a **new errand**.
# What does it do with "move left" when it stands at the wall? With "pack the ball" while it holds the key? With a word that it does not know?

# %% alt="A small flat from above, with a field to type phrases for the running hierarchy."
conversation = talk(levels)
print("It knows:", ", ".join(PHRASES))

# %% [markdown]
# ## A question for thought (3 points)
#
# A start-up wants to improve a kitchen robot by corrections from its customers. The robot's logs show: in 70 % of failures the phrase in force was *right* and the arm did not manage it; in 30 % the phrase was wrong. Customers correct both ("not so fast!", "the other cup!"). What will post-training of the high level do for each kind of failure? Name one way in
# which a high level can *help* with the first kind although the low level is frozen, and one in which dropping "segments that a correction followed" can do harm.

# %% [markdown] question="customers" points=3
# <!-- BEGIN SOLUTION -->
# *A model answer.* Wrong phrases are what post-training mends; right phrases that the arm cannot carry out stay as hard as they were, so at most about the 30 % can be gained directly (1 point). A high level can learn to say *other* words for the same end that this low level can carry out: finer steps, another grasp, approaching from the other
# side, as our person did with fine words; it plans for the low level it has (1 point). Dropping harms where the correction was not caused by the segment before it: customers who speak late, who change their mind, or who object to a right word badly carried out; then good words are thrown away, and if some phrases are corrected
# often because the *low* level is bad at them, the high level unlearns to say them at all (1 point).
# <!-- END SOLUTION -->

# %% [markdown]
# ## Summary
#
# 1. Words between levels are an interface for people: a correction takes the high level's place, for as long as its phrase lasts.
# 2. A log of who said what is training data. Own words that a correction followed are dropped (+.07 here); silence is consent, but it taught nothing new.
# 3. Freeze the low level, and check the bits.
# 4. Ask an oracle first which level is the limit. Here it was the low one, and no correction of the high level could mend that.
# 5. Fine words cost the low level more than they gave the person, but for the most impatient one.
#
# **Next:** chapter 8, subgoals as pictures, and films of people without actions.
#
# ## References
#
# - L. X. Shi, Z. Hu, T. Z. Zhao, A. Sharma, K. Pertsch, J. Luo, S. Levine, C. Finn. [Yell At Your Robot: Improving On-the-Fly from Language Corrections](https://arxiv.org/abs/2403.12910). RSS 2024.
# - S. Ross, G. Gordon, D. Bagnell. A Reduction of Imitation Learning and Structured Prediction to No-Regret Online Learning. AISTATS 2011. DAgger.
