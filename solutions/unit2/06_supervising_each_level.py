# %% [markdown]
# # 6 · Supervising each level
#
# **Which goals should the low level train on, and who adapts to whom?**
#
# | | |
# | --- | --- |
# | **You will learn** | why two levels that are good by themselves can fail together, and to measure how far apart they are; |
# | | to adapt either level to the other, in alternation too, and which control tells what helped; |
# | | what a latent means that was trained end to end |
# | **You need** | chapter 2 (imitation), chapter 4 (the loop of two levels) |
# | **Time** | 60 minutes to read and solve, about one minute to compute |
# | **Exercises** | four, 10 points, and one question for thought, 3 points |
#
# The errand below takes an expert about thirty steps: through the door, which is open already, to the cup (triangle), and back to the bag (brown). The high level knows what comes next. The low level knows every word that it
# hears. Each learned its job from an expert. Watch them together, for 60 steps from the blue ring.

# %% tags=["setup", "folded"]
# Imports, settings, recorded results
import os

import pandas as pd
import torch
from torch import Tensor

from saw_edu import checks, viz
from saw_edu.course.ch06 import figures, rooms
from saw_edu.course.ch06.rooms import Pair, Rows
from saw_edu.envs.packing.language import fine_phrases
from saw_edu.evaluation import seed_interval
from saw_edu.hierarchy.imitation import Classifier
from saw_edu.place import asset
from saw_edu.viz import style

viz.style.use()
torch.set_num_threads(1)
FAST = os.environ.get("SAW_EDU_FAST") == "1"  # set by automatic tests: less training
STEPS = 30 if FAST else rooms.STEPS
results = pd.read_csv(asset("ch06/remedies.csv"))
by_seed = results[results["how"] != "mixture"].pivot_table(index="seed", columns="how", values="success 1.0")


def over_seeds(values: pd.Series, sign: str = "") -> str:
    """A mean with its 95 % interval over seeds."""
    low, high = seed_interval(values.to_numpy())
    return f"{values.mean():{sign}.2f} [{low:{sign}.2f}, {high:{sign}.2f}]"


def against(how: str, other: str) -> None:
    """Print success of two, and their paired difference."""
    more = over_seeds(by_seed[how] - by_seed[other], "+")
    print(f"{how}: {over_seeds(by_seed[how])}\n{other}: {over_seeds(by_seed[other])}\n   difference by seeds {more}\n")


# %%
pair = figures.recorded_pair()
viz.show(
    figures.stuck(pair),
    alt="Two rooms with a wall between and an open door. The path of the agent goes up and down in the left room; the cup is in the right one. "
    "The title says what the high level asks for at the end.",
)

# %% [markdown]
# The title says what is asked for at the last step: the right thing. The agent does not come to do it.
#
# **Your guess:** whose fault is it, the high level's or the low level's? Which of the two would you train further, and on what?

# %% [markdown]
# ## 1 · Trained apart
#
# A **low level** $\pi_\text{lo}(a \mid o, g)$ is trained to accomplish a goal $g$, not the task. For which goals? Best for those that the high level will ask for; but there is no high level yet. A **high level**
# $\pi_\text{hi}(g \mid o, \text{mission})$ is trained to accomplish the task. With which low level? Best with the learned one; but there is none yet. So one begins by training them apart, each on what is there.
#
# Here is what is there. An expert packs one, two or three objects in 200 demonstrations. The high level imitates *what it says*, in eight coarse phrases such as "get the ball". The low level's teacher recorded one room at a
# time. So rows with a wall between the agent and the thing told are missing: the low level never learned that "get the ball" may mean "walk to the door first". It learned seven **fine** words besides, one for each
# action ("move left"), which the high level never uses.

# %%
data = rooms.demonstrations(0)
demos = Rows(data.observations, data.goals, data.subgoals, data.actions)
labelled = rooms.labelled(data)  # of one room only
emitted, together = rooms.roll_out(pair, seed=0)  # what the high level asks for at run time
print(f"{len(labelled.words)} labelled goals, {len(emitted.words)} emitted goals; missions done {together:.2f}")

# %% [markdown]
# `emitted` holds, for each step of 100 roll-outs, what the high level asked for. We sort goals by **kind**: the phrase, and for a coarse one whether a wall is between. Two distributions over kinds
# result, and the question "is the low level ready for its high level?" becomes: how far apart are they? A measure is the **total variation**,
#
# $$D(p, q) = \tfrac12 \sum_k |p(k) - q(k)|,$$
#
# the share of goals that would have to be exchanged to make one into the other.
#
# ### Exercise 1 · How far apart?
# *2 points · easy · 5 minutes*
#
# Write `goal_divergence(first, second, number)` for two lists of kinds.
#
# <details><summary>Hint 1: a question</summary>
#
# The lists may be of different lengths. What do you compare, then?
# </details>
# <details><summary>Hint 2: a nudge</summary>
#
# `torch.bincount(goals, minlength=number)` counts each kind, also those that do not occur.
# </details>
# <details><summary>Hint 3: almost the answer</summary>
#
# Divide each list's counts by its length. Add up the absolute differences, and halve the sum.
# </details>


# %% exercise="goal-divergence"
def goal_divergence(first: Tensor, second: Tensor, number: int) -> float:
    """The total variation between two distributions of goals.

    Args:
        first: (N,) whole numbers below `number`, the kind of each goal.
        second: (M,) the same for other goals. M may differ from N.
        number: of kinds. Not every kind need occur.

    Returns:
        0 for equal distributions, 1 where they have nothing in common.
    """
    ### BEGIN SOLUTION
    p, q = (torch.bincount(goals, minlength=number).double() / len(goals) for goals in (first, second))
    return float((p - q).abs().sum() / 2)
    ### END SOLUTION


# %% check="goal-divergence" points=2
checks.ch06.goal_divergence(goal_divergence)
### BEGIN HIDDEN TESTS
from saw_edu.classroom import hidden

hidden("ch06").goal_divergence(goal_divergence)
### END HIDDEN TESTS

# %%
kinds = {name: rooms.kinds(rows.observations, rows.words) for name, rows in [("labels", labelled), ("demos", demos)]}
asked = rooms.kinds(emitted.observations, emitted.words)
for name, of_rows in kinds.items():
    print(f"emitted goals against {name}: {goal_divergence(of_rows, asked, rooms.KINDS):.2f}")
counted = pd.read_csv(asset("ch06/goals.csv"))
viz.show(
    figures.goal_shift(counted),
    alt="Bars of the share of coarse goals by kind. Labels have only kinds without a wall. At run time most goals lie behind "
    "the wall, far more than in the demonstrations, which have some.",
)

# %% [markdown]
# **What came.** Labels and emitted goals have little in common. Part of that was to be expected: half of the labels are fine words, and all lack the wall. But look at *demonstrations*, which have everything: even they are
# far from what is emitted. In a demonstration a goal behind the wall lasts until the expert is through the door. At run time it lasts for ever, for the agent gets nowhere. **The distribution of goals is made by both levels
# together**; nobody can write it down beforehand.

# %% [markdown]
# ## 2 · Low adapts to high
#
# The plain remedy: train the low level on what it is asked for. Take the emitted goals, each with the action that answers it (from the expert's low level here; a person or a planner elsewhere), and mix
# them into each batch. Labels stay, for they hold what the emitted goals lack. Only how many of each?
#
# ### Exercise 2 · A sampler for mixtures
# *3 points · medium · 8 minutes*
#
# Labelled rows are numbered from 0, emitted rows follow behind them. Write `mixture_rows`, which draws the numbers of a batch: a given share of it emitted, however many rows of each sort there are.
#
# <details><summary>Hint 1: a question</summary>
#
# If you drew from all rows alike, which share would be emitted with 100 labelled rows and 14,000 emitted ones?
# </details>
# <details><summary>Hint 2: a nudge</summary>
#
# Draw lots for each row first: `torch.rand(batch, generator=generator) < share`. Then one row of either sort for each place of the batch, of which you keep one.
# </details>
# <details><summary>Hint 3: almost the answer</summary>
#
# `torch.where(lots, labelled + new, old)`, where `old` is drawn below `labelled` and `new` below `emitted`.
# </details>


# %% exercise="mixture-rows"
def mixture_rows(labelled: int, emitted: int, share: float, batch: int, generator: torch.Generator) -> Tensor:
    """Numbers of rows for a batch that mixes labelled and emitted goals.

    Args:
        labelled: how many labelled rows there are, numbered from 0.
        emitted: how many emitted rows there are, numbered on behind the labelled ones.
        share: of emitted rows in a batch, from 0 to 1, in expectation or to a row.
        batch: how many rows to draw, with replacement.
        generator: for every draw.

    Returns:
        (batch,) whole numbers below `labelled + emitted`.
    """
    ### BEGIN SOLUTION
    lots = torch.rand(batch, generator=generator) < share
    old = torch.randint(labelled, (batch,), generator=generator)
    new = torch.randint(emitted, (batch,), generator=generator)
    return torch.where(lots, labelled + new, old)
    ### END SOLUTION


# %% check="mixture-rows" points=3
checks.ch06.mixture_rows(mixture_rows)
### BEGIN HIDDEN TESTS
from saw_edu.classroom import hidden

hidden("ch06").mixture_rows(mixture_rows)
### END HIDDEN TESTS

# %% [markdown]
# **Guess:** which share is best? At a share of 1, the low level trains on nothing but what it is asked for. Your divergence would be 0. The answer to the lecture's question ("ideally whatever the high-level policy will
# output") seems plain.

# %%
adapted_low = rooms.train_low(labelled, 0, emitted, 0.5, mixture_rows, STEPS, progress=True)
print(
    f"missions done: apart {rooms.success_rate(pair, 0):.2f}, low adapted {rooms.success_rate(Pair(pair.high, adapted_low), 0):.2f}\n"
)
shares = results[results["how"].isin(["trained apart", "low adapted", "mixture"])].copy()
shares["share"] = shares["share"].fillna(shares["how"].map({"trained apart": 0.0, "low adapted": 0.5}))
for share, rows in shares.groupby("share"):
    parts = [figures.counted(counted, what) for what in ("labelled", "emitted")]
    apart = (1 - share) * abs(parts[0] - parts[1]).sum() / 2
    print(f"share {share:4.2f}: divergence {apart:.2f}, missions done {over_seeds(rows['success 1.0'])}")

# %% [markdown]
# **What came** (five recorded seeds; actions are drawn from the policy, here and below). Some help up to a share of .75. And then, **at a divergence of 0, hardly anything is left.** Why? The emitted goals are those of a pair that is stuck. As soon as the new low level walks
# through the door, it is asked for things which the old one never got to. The target moves *because* you train on it. The labels keep what will be needed then.
#
# So adapt, roll out, adapt again. Is it that? Controls first, for three things changed at once: more rows, other *places*, other *words*.

# %%
remedies = {
    "trained apart": style.BLUE,
    "low: more labels of one room": style.SKY,
    "low: same places, the plan's words": style.SKY,
    "low adapted": style.BLUE,
    "low adapted, three rounds": style.BLUE,
    "low: labels of both rooms": style.SKY,
}
viz.show(
    figures.bars(results, remedies),
    alt="Bars of missions done. Trained apart and more labels of one room are near zero; the low level adapted once is a bit ahead "
    "of the same places with the expert's words; labels of both rooms do better; three rounds do best by far.",
)
against("low adapted", "low: same places, the plan's words")
against("low adapted, three rounds", "low: labels of both rooms")

# %% [markdown]
# **What came.** More labels of the old kind do nothing. The same *places* with the words that the expert would have said there give more than half of the gain; the emitted words themselves add a little, clearly by seeds. So "train on the
# goals that are emitted" is only part of the story: much of it is DAgger, being taught where one goes (chapter 2). Three rounds are far ahead of one, and of the low level that was given demonstrations of *both* rooms from
# the start. But three rounds also saw three times as many roll-outs as one. So give one round as many (seed 0):

# %%
many = rooms.roll_out(pair, seed=0, episodes=3 * rooms.OWN_EPISODES)[0]
once = Pair(pair.high, rooms.train_low(labelled, 0, many, 0.5, mixture_rows, STEPS, progress=True))
print(f"seed 0: one round of 300 roll-outs {rooms.success_rate(once, 0):.2f}", end="")
print(f", three rounds of 100 each {by_seed['low adapted, three rounds'][0]:.2f}")

# %% [markdown]
# More roll-outs of a pair that is stuck do not replace the rounds; one seed, but the distance is large.

# %% [markdown]
# ## 3 · A bug that trains in silence
#
# Somebody next door reports: "I did the same, with real data only. I logged what was asked and what the robot did, and trained on that. The loss came down. Adaptation does not help." Here is the code:

# %%
own = pair.low.drawing(torch.Generator().manual_seed(3))(emitted.observations, emitted.words)
logged = emitted._replace(actions=own)  # what was asked, what was done
suspect = rooms.train_low(labelled, 0, logged, 0.5, mixture_rows, STEPS, progress=True)
loss = {
    whose: float(torch.nn.functional.cross_entropy(low.logits(rows.observations, rows.words), rows.actions))
    for whose, low, rows in (("ours", adapted_low, emitted), ("theirs", suspect, logged))
}
print("loss on what each was trained on:", ", ".join(f"{whose} {value:.2f}" for whose, value in loss.items()))
print(f"missions done, theirs: {rooms.success_rate(Pair(pair.high, suspect), 0):.2f}")

# %% [markdown]
# Nothing crashes. **Your guess:** what is wrong, and for which goals?
#
# ### Exercise 3 · Do labels answer their goals?
# *2 points · easy · 6 minutes*
#
# Write `mislabelled`: for each kind of goal, the share of rows whose label is *not* the action that the goal asks for. A person can tell that for some rows; here the expert's low level tells for all (`obeyed`).
#
# <details><summary>Hint 1: a question</summary>
#
# One kind has two rows, both wrong; another has a thousand, ten wrong. Which one should stand out?
# </details>
# <details><summary>Hint 2: a nudge</summary>
#
# `torch.bincount` has `weights`: it can count only rows that are wrong. What of a kind without rows?
# </details>
# <details><summary>Hint 3: almost the answer</summary>
#
# Wrong rows of each kind divided by rows of each kind, the latter at least 1 (`.clamp(min=1)`).
# </details>


# %% exercise="mislabelled"
def mislabelled(kinds: Tensor, labels: Tensor, obeyed: Tensor, number: int) -> Tensor:
    """How often labels do not answer their goals, for each kind of goal.

    Args:
        kinds: (N,) whole numbers below `number`, the kind of each row's goal.
        labels: (N,) the action that stands in the data.
        obeyed: (N,) the action that the goal asks for.
        number: of kinds.

    Returns:
        (number,) float: the share of wrong labels within each kind, 0 for a kind without rows.
    """
    ### BEGIN SOLUTION
    rows = torch.bincount(kinds, minlength=number)
    wrong = torch.bincount(kinds, weights=(labels != obeyed).float(), minlength=number)
    return (wrong / rows.clamp(min=1)).float()
    ### END SOLUTION


# %% check="mislabelled" points=2
checks.ch06.mislabelled(mislabelled)
### BEGIN HIDDEN TESTS
from saw_edu.classroom import hidden

hidden("ch06").mislabelled(mislabelled)
### END HIDDEN TESTS

# %%
for name, rows in (("ours", emitted), ("theirs", logged)):
    rates = mislabelled(asked, rows.actions, rooms.obey(rows.observations, rows.words), rooms.KINDS)
    print(
        f"{name}: {float(rates @ torch.bincount(asked, minlength=rooms.KINDS).float() / len(asked)):.2f} of all labels wrong"
    )
for kind in torch.bincount(asked, minlength=rooms.KINDS).argsort(descending=True)[:9].tolist():
    print(f"   {figures.NAMES[kind]:32} {rates[kind]:.2f} of theirs")

# %% [markdown]
# The log records how the low level fails: the more often it fails, the more rows it teaches. It learned to be itself. Look down the table, too: getting things *without* a wall between is answered wrongly as well, though the
# low level was taught those words. It was asked at places to which it had strayed and which its labels never showed: the shift is one of places as well as of goals. Only the key and the door are answered rightly.
# (An honest way to use such logs exists: keep the actions and change the *goal* into what was in fact reached. That is hindsight relabelling, chapter 12.)

# %% [markdown]
# ## 4 · High adapts to low
#
# The other direction leaves the low level as it is, and teaches the high level to ask only for what this low level can do. Where it knows "get the ball", say so. Where it does not, spell it out: "move left". How does the
# high level know? It asks the low level what it would do: $\pi_\text{lo}(a \mid o, g)$ for the right action $a$.
#
# ### Exercise 4 · Words within reach
# *3 points · medium · 8 minutes*
#
# Write `words_within_reach`: the plan's coarse word where the low level, told it, does what is right with a probability of at least `threshold`; elsewhere the fine word for what is right.
#
# <details><summary>Hint 1: a question</summary>
#
# A low level is 95 % sure of "move up", and "move left" is right. Does it understand the word?
# </details>
# <details><summary>Hint 2: a nudge</summary>
#
# `chance.gather(1, right[:, None])` looks up one column in each row. What is its shape?
# </details>
# <details><summary>Hint 3: almost the answer</summary>
#
# `torch.where(those probabilities >= threshold, coarse, fine_phrases(right))`, with the looked-up column squeezed to (N,).
# </details>


# %% exercise="words-within-reach"
def words_within_reach(coarse: Tensor, right: Tensor, chance: Tensor, threshold: float) -> Tensor:
    """What a high level should say, given the low level below it.

    Args:
        coarse: (N,) the plan's words.
        right: (N,) the actions that are right.
        chance: (N, actions) what the low level does when told the coarse words.
        threshold: the least probability of the right action.

    Returns:
        (N,) words. `fine_phrases(actions)` gives the fine word of each action.
    """
    ### BEGIN SOLUTION
    understood = chance.gather(1, right[:, None]).squeeze(1) >= threshold
    return torch.where(understood, coarse, fine_phrases(right))
    ### END SOLUTION


# %% check="words-within-reach" points=3
checks.ch06.words_within_reach(words_within_reach)
### BEGIN HIDDEN TESTS
from saw_edu.classroom import hidden

hidden("ch06").words_within_reach(words_within_reach)
### END HIDDEN TESTS

# %% [markdown]
# A high level learns these words on the demonstrations, then once more with the places to which the new pair went (DAgger again). And because either level can adapt, both can in turn: **alternation**. The next cell does
# one half-round from either side, with your functions: high to low, then low to the new high.
#
# **Guess:** will the second half-round help? The high level has learned to avoid the words that the low level now learns.


# %%
def adapt_high(low: Classifier, rows: Rows) -> Classifier:
    """A high level for this low level: words within reach, at these places."""
    plan = rooms.planned(rows)
    chance = low.logits(plan.observations, plan.words).softmax(-1)
    words = words_within_reach(plan.words, plan.actions, chance, 0.5)
    return rooms.train_high(rooms.replace_words(plan, words), 0, STEPS)


steps = [("trained apart", pair)]
first = Pair(adapt_high(pair.low, demos), pair.low)
more = rooms.roll_out(first, seed=0)[0]
steps.append(("high adapted", Pair(adapt_high(pair.low, demos.and_also(more)), pair.low)))
asked_now = rooms.roll_out(steps[-1][1], seed=0)[0]
steps.append(("low again", Pair(steps[-1][1].high, rooms.train_low(labelled, 0, asked_now, 0.5, mixture_rows, STEPS))))
for name, now in steps:
    print(f"{name:15} missions done {rooms.success_rate(now, 0):.2f}")

# %% [markdown]
# One seed. Five, with the controls. *Fine words by lot* uses as many fine words as adaptation did, at random places. *The plan's words* gives the high level the new places and no new words. *Flat* is one network with the
# parameters of both levels, trained at the very places of the adapted high level, with the right actions.

# %%
controls = {
    "trained apart": style.BLUE,
    "high: more places, the plan's words": style.SKY,
    "high: fine words by lot": style.SKY,
    "flat, the adapted high's places": style.SKY,
    "high adapted": style.VERMILION,
}
viz.show(
    figures.bars(results, controls),
    alt="Bars of missions done. The high level's two controls are low; a flat policy at the adapted high level's places is in the "
    "middle; the adapted high level is clearly ahead.",
)
against("high adapted", "flat, the adapted high's places")
against("high adapted", "low adapted, three rounds")
viz.show(
    figures.turns(results),
    alt="Left: missions done over half-rounds of alternation, from near zero to about 0.9 from either side; starting with the "
    "high level is faster. Right: the share of fine words rises when the high level adapts and falls afterwards.",
)
against("high first 2", "high adapted")
against("high first 4", "high first 2")
against("low first 4", "high first 4")

# %% [markdown]
# **What came.** The high level alone brings most missions to their end, although the low level learned nothing. New places alone do nothing here, and fine words at random places little: it matters *where* one spells things out. And is it a
# hierarchy still? Fine words are actions; with nothing else, it would be a flat policy. But nearly six in ten words stay coarse, and a flat policy from the same rows does clearly worse. Yet that flat policy is far above
# *trained apart*: the right actions at the new places help anybody. Only the lead over it is the hierarchy's. Either direction can do much: between the adapted high level and a thrice adapted low level the difference is not clear.
#
# Alternation improves from both sides, and then stops. From the high side the first answer of the low level helps; two half-rounds later there is no clear gain. Fine words become rarer, for the low level learns the coarse ones: a
# high level that adapts does not forbid a low level to learn. Expect no more of alternation than that. Each half-round trains one level for a partner that is about to change, and nothing says that it must end well. (With
# likeliest actions, the white dots, agents get stuck more often; order and distances differ, so we draw.)

# %% [markdown]
# ## 5 · Why not train everything end to end?
#
# All that trouble came from training two levels apart. So let the goal be eight free numbers $z$, chain both networks, and train with the loss of actions alone:
#
# $$z = f(o, \text{mission}), \qquad \mathcal{L} = -\log \pi_\text{lo}(a \mid o, z).$$
#
# No labels of goals, no shift between levels. In our picture it still has a high and a low level. **Guess:** will $z$ say something like "get the ball"? How would you find out?
#
# Two ways to look. First, a **linear probe**: can the expert's current phrase be read from $z$? Beside it an *untrained* network's $z$, eight random sums of the input, and the whole input. Second, **hold** it: a subgoal says something that stays true for a while. Renew $z$ every
# $n$ steps only, and words likewise.

# %%
probes = pd.read_csv(asset("ch06/probes.csv")).pivot_table(index="seed", columns="features", values="accuracy")
for name in (
    "the whole input",
    "trained latent",
    "untrained latent",
    "8 random sums of the input",
    "the commonest word",
):
    less = over_seeds(probes["trained latent"] - probes[name], "+")
    print(f"{name:27} names the phrase {over_seeds(probes[name])}; trained latent less this {less}")
held = pd.read_csv(asset("ch06/latent.csv"))
viz.show(
    figures.renewed(held),
    alt="Missions done over how often goals are renewed. Words stay level from one to eight steps. The latent does about as well as "
    "a flat policy when renewed at each step, and falls to almost nothing at two.",
)
at_once = held[held["n"] == 1].pivot_table(index="seed", columns="how", values="success")
for first_one, other in (("latent", "flat"), ("words", "latent")):
    print(f"{first_one} less {other}: {over_seeds(at_once[first_one] - at_once[other], '+')}")

# %% [markdown]
# **What came.** The trained latent tells the phrase no better than eight random sums do, though the whole input has it plainly. And held for two steps, it is useless: it speaks of *this* action. Words can be held for eight. In
# success, the latent is close to a flat policy of equal size, a little above it in this run of five seeds. That is what the lecture says: **the result is a flat policy**, with a waist in the middle. Nothing in the loss asks for more.
#
# Be fair to it. A linear probe finds only what is laid out in lines. And the latent was never *trained* to be held; words can be held because their labels last. A latent that is held in training, or made from the future,
# can become a subgoal. But then something else than "end to end" made it one.
#
# And where do the benefits of words come from here? This low level had labels of *both* rooms. Words beat the latent, but the labels brought **information** that the latent and the flat policy never had. Perhaps a flat policy
# that had to predict the words as well would do as well as the hierarchy. The data of this chapter cannot tell; chapter 9 tests it. *Think carefully about where the benefits are coming from* means: for each, name
# the control without it. In this chapter that was: more rows, same places, same count of fine words, a flat policy at the same places.

# %% [markdown]
# ## 6 · Try it
#
# Move the share of emitted goals. Watch three things: how what is trained on comes nearer to what is asked for, the divergence in the title, and the missions done. Where do the last two part?

# %% alt="What the low level trains on at a share that you choose, what it is asked for, divergence and missions done."
mixer = figures.Mixer(counted, results)
explorer = viz.explorer(
    mixer.draw,
    share=list(figures.SHARES),
    seed=(0, 4, 1, 0),
    figsize=(9.0, 6.2),
    alt="Bars by kind of goal, trained on and asked for, at a share {share} of emitted goals and seed {seed}.",
)

# %% [markdown]
# ## In practice
#
# YAY Robot (chapter 7) adapts high to low: corrections by people fine-tune the high level, and the low level stays frozen; a batch mixes in 10 % of the newest data, your sampler's share. HIRO (chapter 11) trains both at once, and
# rewrites the goals in old experience so that they fit the low level as it is now. Figure's Helix trains end to end, with gradients through one latent vector from the fast level into the slow one, and shifts the two in time against one another in training: ask of it
# what section 5 asked. Where the high level is a large language model that you cannot train, the low level is the one to adapt, or the prompt says what is within reach.

# %% [markdown]
# ## 7 · A question for thought
#
# *3 points*
#
# A team buys a low level for a kitchen robot (it cannot be retrained) that understands 40 phrases, and trains a high level on videos of cooks, labelled with those phrases. Together they fail. The team then records 50 hours of the robot
# with a person who gives it phrases, trains the high level on both, and success doubles. They write: "the high level has adapted to the low level."
#
# (a) Name two other explanations of the gain. (b) For each, describe a control that would kill it or confirm it. (c) What would you measure, *before* any training, to predict whether adaptation is needed?

# %% [markdown] question="what-adapted" points=3
# *Double-click here and write your answer, about 10 lines.*
#
# <!-- BEGIN SOLUTION -->
# *A model answer.* (a) More data of any kind; new *places*: the robot's camera, its kitchen and its mistakes, rather than a cook's; a person who is better at planning than the videos' labels. (1 point for two that differ and are
# no adaptation to the low level's abilities.) (b) 50 more hours of cooks' videos, for "more data"; the same recordings of the robot, relabelled with the phrases that a cook's plan would have said there (the same places, the
# plan's words), for "new places"; the same person phrasing for *another* low level, for "a better planner": adaptation should help less there. (1 point: each control changes one thing and says which outcome kills what.)
# (c) The rate of success of the low level on each phrase, at the places where the high level says it; or the divergence between phrases and situations in its training and those emitted in a few roll-outs, with the caution that the
# distribution changes with training, and that a divergence of 0 is no aim in itself. (1 point for a measure on emitted goals, not on the labels.)
# <!-- END SOLUTION -->

# %% [markdown]
# ## Summary
#
# 1. Levels that are trained apart meet goals and partners that neither has trained for. The distribution of goals is made by both together.
# 2. A divergence measures the shift. Making it 0 with yesterday's goals was almost the worst choice: training moves the target.
# 3. Low to high: train on emitted goals *and* labels, in rounds. Much of the gain came from the places, as in DAgger.
# 4. High to low: say what is understood, spell out what is not. It helped without touching the low level; alternation helped once or twice more, then stopped.
# 5. A latent trained end to end meant nothing that we found, and could not be held: a flat policy. For each benefit, run the control that lacks its alleged cause.
#
# <details><summary>Symbols</summary>
#
# | symbol | in code | meaning |
# | --- | --- | --- |
# | $o, a, g$ | `observations`, `actions`, `words` | observation, action, goal (subgoal) |
# | $\pi_\text{hi}, \pi_\text{lo}$ | `pair.high`, `pair.low` | high level, low level |
# | $p(k), q(k)$ | shares of `kinds` | how often goals are of kind $k$ |
# | $z$ | `latents` | a latent goal |
#
# </details>
#
# ## References
#
# 1. CS 224R, Stanford. Lecture "Hierarchy in Imitation and Reinforcement Learning", section "How to supervise each level?".
# 2. Ross, Gordon, Bagnell. *A Reduction of Imitation Learning and Structured Prediction to No-Regret Online Learning.* AISTATS 2011. [arXiv 1011.0686](https://arxiv.org/abs/1011.0686) (DAgger)
# 3. Shi et al. *Yell At Your Robot: Improving On-the-Fly from Language Corrections.* RSS 2024. [arXiv 2403.12910](https://arxiv.org/abs/2403.12910)
# 4. Nachum, Gu, Lee, Levine. *Data-Efficient Hierarchical Reinforcement Learning.* NeurIPS 2018. [arXiv 1805.08296](https://arxiv.org/abs/1805.08296) (HIRO)
#
# ## What comes next
#
# You can now build a hierarchy and supervise both its levels. **Chapter 7, "Language subgoals and corrections"**, lets a person speak to it while it runs.
