# %% [markdown]
# # 5 · What is a subgoal?
#
# **Words, states or images: what makes a good subgoal?**
#
# | | |
# | --- | --- |
# | **You will learn** | three properties of a good goal representation, and a measure for each; |
# | | why the best one depends on the task, shown on one data set told in four ways; |
# | | to catch a bug that trains in silence and turns the comparison round |
# | **You need** | chapter 2 (goal-conditioned imitation), rank correlation |
# | **Time** | 60 minutes to read and solve, one to two minutes to compute |
# | **Exercises** | five, 13 points, and one question for thought, 3 points |
#
# Below, four low levels stand before the same room and are asked for the same thing: lay the ball down at the star. They learned from the same recordings, with networks of equal size.
# They differ in what they are *told*. Eight tries each; a ring is where a try ended.

# %% tags=["setup", "folded"]
# Imports, settings, recorded results
import os
from collections.abc import Callable

import pandas as pd
import torch
from scipy import stats
from torch import Tensor, nn
from torch.nn import functional as F
from tqdm.auto import tqdm

from saw_edu import checks, viz
from saw_edu.course.ch05 import figures, levels, play, probe, structure
from saw_edu.evaluation import seed_interval
from saw_edu.place import asset

viz.style.use()
torch.set_num_threads(1)
FAST = os.environ.get("SAW_EDU_FAST") == "1"  # set by automatic tests: less training


def over_seeds(by_seed: pd.Series, sign: str = "") -> str:
    """A mean with its 95 % interval over seeds."""
    low, high = seed_interval(by_seed.to_numpy())
    return f"{by_seed.mean():{sign}.2f} [{low:{sign}.2f}, {high:{sign}.2f}]"


# %% alt="One room four times: ways of low levels told to lay the ball down in words, words and places, a state, an image."
lows = figures.recorded_lows()
probes = probe.draw_probes()
number = 270
viz.show(
    figures.attempts(lows, probes, number),
    alt="Told only the words, the ball is laid down in many different cells, never at the star. Told words and "
    "places, a state or an image, some to most tries end at the star.",
)

# %% [markdown]
# The low level on the left does what it was told: it lays the ball down. It cannot know *where*. "Lay the ball down" has one meaning, and the player who made the recordings had fifty.
#
# A hierarchy stands or falls with what passes between its levels. A **goal representation** decides what the high level can ask for, what the low level must understand, and how hard
# each one's part is. A good one should be
#
# 1. **expressive**: it can tell many different behaviours apart;
# 2. **structured**: similar behaviours have similar goals;
# 3. at the **right level of abstraction**: not too hard for the low level, nor for the high one.
#
# Words like these are easy to nod at. In this chapter you turn each into a number.

# %% [markdown]
# ## 1 · The same play, told in four ways
#
# The world is a small flat: two rooms, a door, a key, a ball, a box, a cup, a bag. A player runs one small **errand** after another: get a thing, open the door, pack a thing, lay it down
# somewhere, walk somewhere. One move in ten is random. We cut the recording at the ends of errands.
# A low level $\pi(a \mid o, g)$ is told an errand by a goal $g$:

# %%
data = probe.the_play()
print(data)
viz.show(
    figures.three_ways(probes, number),
    alt="The room now; the words “lay the ball down”; a block of coloured squares, the 75 numbers of the state at the errand's "
    "end; and a small picture of the room at its end.",
)

# %% [markdown]
# $g$ may be the **words** a person would say; the **state** at the errand's end, in the numbers that the agent sees itself; or the **image** of that end. A fourth is a control: **words and places**
# ("lay the ball down at column-5 row-2"), for perhaps it is not *language* that says too little but this vocabulary.
#
# Each kind of goal has its own encoder $\varphi(g)$, with the same number of parameters up to 5 % (`saw_edu/nn/goals.py`). What follows is the same network for all, trained as in chapter 2.
# Fair? As far as counting goes. An image has to be *seen* before it can be understood; that is part of what it costs.

# %% [markdown]
# ## 2 · Expressive: how much can be told?
#
# A goal is as good as what happens when you tell it. So: draw new errands, 30 for each of the 13 phrases, tell each to the low level, let it act for half as long again as the player would
# need (and four steps), and see whether the errand came about. Thirteen different **behaviours**, some far more frequent in play than others.
#
# ### Exercise 1 · A measure of expressiveness
# *2 points · easy · 6 minutes*
#
# Write `expressiveness(success, behaviours)`. Every *different* behaviour counts alike: being able to say "walk" two thousand times is not being expressive.
#
# <details><summary>Hint 1: a question</summary>
#
# One behaviour was asked for nine times and succeeded each time, another once and failed. How many of the two can be told: 90 %, or half?
# </details>
# <details><summary>Hint 2: a nudge</summary>
#
# `behaviours.unique()` are those that were asked for. Each has a rate of success of its own.
# </details>
# <details><summary>Hint 3: almost the answer</summary>
#
# Collect `success[behaviours == b].double().mean()` for each of them, and return the mean of what you collected as a `float`.
# </details>


# %% exercise="expressiveness"
def expressiveness(success: Tensor, behaviours: Tensor) -> float:
    """How many different behaviours can be told: each one's rate of success, averaged over behaviours.

    Args:
        success: (N,) bool, whether each probe brought about what was told.
        behaviours: (N,) whole numbers, which behaviour each probe asked for. Not every number need occur.

    Returns:
        From 0 to 1.
    """
    ### BEGIN SOLUTION
    rates = [success[behaviours == b].double().mean() for b in behaviours.unique()]
    return float(torch.stack(rates).mean())
    ### END SOLUTION


# %% check="expressiveness" points=2
checks.ch05.expressiveness(expressiveness)
### BEGIN HIDDEN TESTS
from saw_edu.classroom import hidden

hidden("ch05").expressiveness(expressiveness)
### END HIDDEN TESTS

# %% [markdown]
# **Guess before you run it:** put the four ways in order. The control that could kill the measure: tell each low level the goal of *another* probe. If success stayed up, the low
# level would be guessing from the room, and nothing would have been told. Actions are drawn from the policy.

# %%
other = torch.randperm(len(probes.phrases), generator=torch.Generator().manual_seed(2))
for how, low in lows.items():
    goals = play.tell(how, probes.phrases, probes.cells, probes.ends)
    own, _ = probe.run_probes(low, probes, goals, torch.Generator().manual_seed(0))
    wrong, _ = probe.run_probes(low, probes, goals[other], torch.Generator().manual_seed(0))
    measured = [expressiveness(success, probes.phrases) for success in (own, wrong)]
    print(f"{how:17} {measured[0]:.2f}; told another's goal {measured[1]:.2f}")

# %% [markdown]
# One seed each. Five were recorded (`saw-edu record ch05`):

# %%
table = pd.read_csv(asset("ch05/probes.csv"))
viz.show(
    figures.by_kind(table),
    alt="Bars of success by kind of errand. Getting, opening and packing mostly succeed in all four ways. Laying down and "
    "walking hardly ever succeed with words alone; with a state they do most often, with an image less often.",
)
drawn = table[(table["told"] == "its own") & (table["temperature"] == 1)]
by_how = drawn.pivot_table(index="seed", columns="how", values="success")
likeliest = table[table["temperature"] == 0].pivot_table(index="seed", columns="how", values="success")
for how in play.WAYS_IN_ORDER:
    more = over_seeds(by_how[how] - by_how["words"], "+")
    print(f"{how:17} {over_seeds(by_how[how])}, more than words {more}; likeliest actions {likeliest[how].mean():.2f}")

# %% [markdown]
# **What came.** Words do as well as any where one phrase has one meaning: get, open, pack. Laying down and walking they cannot tell. Places mend much of that, so the limit was the *vocabulary*, not language. States are
# ahead of everything. The image shows all that the state says, and yet gives less: with this much play and training, a network of this size has not learned to see well enough. And told another's goal, all fall to about a tenth (only beside the door, key in hand, an image leaves little else to try): the
# low levels do what they are told.
#
# Two cautions. Laying down is the worst for all, because one unlucky draw on the way drops the thing too early; taking the likeliest action helps there. And "expressive" depends on the list of behaviours: had we asked only for
# getting and packing, words would have been the equal of states. Ask what *your* low level must be told.

# %% [markdown]
# ## 3 · A bug that trains in silence
#
# Somebody in the next room repeated all this, with one change to make it faster: an errand lasts many steps, so why encode its goal anew for every row of every batch? Read the code, and do
# not trust it.


# %%
def fast_training(low: probe.LowLevel, goals: Tensor) -> tuple[Callable[[], None], list[float]]:
    """A training step, and the list of losses that it fills. Features of goals are computed once."""
    observations = play.make_world().observe(data.states)
    features = torch.cat([low.goals(some) for some in goals.split(256)]).detach()  # (S, 32)
    optimizer = torch.optim.Adam(low.parameters(), 1e-3)
    generator, losses = torch.Generator().manual_seed(0), []

    def step() -> None:
        rows = torch.randint(len(observations), (256,), generator=generator)
        told = features[data.segments[rows]]  # (256, 32)
        logits = low.mlp(torch.cat([observations[rows], told], -1))  # (256, 7)
        loss = F.cross_entropy(logits, data.actions[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())

    return step, losses


# %%
suspect = probe.LowLevel("image", probe.Settings(), torch.Generator().manual_seed(0))
step, losses = fast_training(suspect, play.tell("image", data.phrases, data.cells, data.ends))
for _ in tqdm(range(50 if FAST else 1500), unit=" steps", desc="told by images, fast"):
    step()
goals = play.tell("image", probes.phrases, probes.cells, probes.ends)
came, _ = probe.run_probes(suspect, probes, goals, torch.Generator().manual_seed(0))
print(f"loss {sum(losses[:20]) / 20:.2f} → {sum(losses[-20:]) / 20:.2f}")
print(f"expressiveness of images: {expressiveness(came, probes.phrases):.2f}")

# %% [markdown]
# Nothing crashed and the loss came down. "Images are the worst of all," they wrote. **Your guess:** what is wrong? Rather than stare at code, write a tool that finds faults of this kind.
#
# ### Exercise 2 · What does not learn?
# *3 points · medium · 9 minutes*
#
# Write `unmoved(network, step)`: the names of all parameters of `network` of which *no* entry is changed by one call of `step()`.
#
# <details><summary>Hint 1: a question</summary>
#
# An optimiser changes parameters in place. If you keep `p` itself and look at it after the step, what do you see?
# </details>
# <details><summary>Hint 2: a nudge</summary>
#
# `network.named_parameters()` gives pairs of a name and a tensor. `p.detach().clone()` is a copy. `torch.equal(a, b)` says whether two tensors agree everywhere.
# </details>
# <details><summary>Hint 3: almost the answer</summary>
#
# A dictionary of copies by name; `step()`; the set of those names whose parameter still equals its copy.
# </details>


# %% exercise="unmoved"
def unmoved(network: nn.Module, step: Callable[[], None]) -> set[str]:
    """Which parameters a training step leaves as they are.

    Args:
        network: what should learn.
        step: makes one step of training when called; it changes parameters of the network in place.

    Returns:
        Names, as in `network.named_parameters()`, of the parameters of which no entry changed.
    """
    ### BEGIN SOLUTION
    before = {name: parameter.detach().clone() for name, parameter in network.named_parameters()}
    step()
    return {name for name, parameter in network.named_parameters() if torch.equal(parameter, before[name])}
    ### END SOLUTION


# %% check="unmoved" points=3
checks.ch05.unmoved_parameters(unmoved)
### BEGIN HIDDEN TESTS
from saw_edu.classroom import hidden

hidden("ch05").unmoved_parameters(unmoved)
### END HIDDEN TESTS

# %%
print("do not move:", ", ".join(sorted(unmoved(suspect, step))))

# %% [markdown]
# The whole encoder. Its features were computed before the first step and cut from the graph, so the network learned to read what a *random* encoder says. That costs all ways something, but
# not the same. Below, expressiveness with and without the bug, five seeds each:

# %%
bug = pd.read_csv(asset("ch05/frozen.csv"))
bug = bug[(bug["told"] == "its own") & (bug["temperature"] == 1)].pivot_table(
    index="seed", columns="how", values="success"
)
for how in play.WAYS_IN_ORDER:
    print(f"{how:17} as it should be {by_how[how].mean():.2f}, with the bug {bug[how].mean():.2f}")
print(f"image less words: {over_seeds(by_how['image'] - by_how['words'], '+')}", end="")
print(f", with the bug {over_seeds(bug['image'] - bug['words'], '+')}")

# %% [markdown]
# **What came.** All ways lose something; images lose most, and fall from above words to far below them: the paired difference changes its sign. Anyone who trusted the run would have published "images are not expressive". Nothing in the loss gives the bug away,
# for you do not know how low it should be. A test like yours takes a second. Run it on every training that you write.

# %% [markdown]
# ## 4 · Structured: do similar behaviours have similar goals?
#
# If two goals that lie close together ask for nearly the same behaviour, a high level may err a little and still ask for something sensible, and a low level can use what it learned for one
# goal on its neighbours. So there are two distances: between behaviours and between goals. First behaviours. From one start, run errand $i$ and errand $j$; how differently do they act?
#
# ### Exercise 3 · Distance between behaviours
# *2 points · easy · 5 minutes*
#
# Write `behaviour_distances(actions)`. Each row of `actions` is an errand from the same start: numbers of actions step by step, and $-1$ once it is done. The distance is the share of steps at which two rows differ.
#
# <details><summary>Hint 1: a question</summary>
#
# What is the shape of `actions[:, None] != actions[None]`, and which axis is time?
# </details>
# <details><summary>Hint 2: a nudge</summary>
#
# $-1$ needs no care of its own: done and not done differ.
# </details>
# <details><summary>Hint 3: almost the answer</summary>
#
# That table as numbers, and its mean over the last axis.
# </details>


# %% exercise="behaviour-distances"
def behaviour_distances(actions: Tensor) -> Tensor:
    """How differently errands act.

    Args:
        actions: (G, T) the action of each errand at each step; -1 where it is done.

    Returns:
        (G, G) the share of the T steps at which two of them differ.
    """
    ### BEGIN SOLUTION
    return (actions[:, None] != actions[None]).double().mean(-1)
    ### END SOLUTION


# %% check="behaviour-distances" points=2
checks.ch05.behaviour_distances(behaviour_distances)
### BEGIN HIDDEN TESTS
from saw_edu.classroom import hidden

hidden("ch05").behaviour_distances(behaviour_distances)
### END HIDDEN TESTS

# %% [markdown]
# Goals are vectors, and their distance is $\lVert g - g' \rVert$. The two distances have different units, so only their *order* can agree: Spearman's rank correlation, over all pairs of goals. 1 means
# that of any two pairs the one whose goals lie closer also acts more alike; 0 means that closeness of goals says nothing.
#
# ### Exercise 4 · Rank correlation of two distances
# *3 points · medium · 8 minutes*
#
# Write `rank_correlation(goals, distances)`. `scipy`'s `stats.spearmanr(x, y).statistic` is at hand; it gives equal values their mean rank. Your part is to hand it the right numbers.
#
# <details><summary>Hint 1: a question</summary>
#
# How many pairs do four goals have? A table of distances has sixteen entries: which do you need?
# </details>
# <details><summary>Hint 2: a nudge</summary>
#
# `torch.triu_indices(G, G, offset=1)` gives the rows and the columns of every pair once.
# </details>
# <details><summary>Hint 3: almost the answer</summary>
#
# `(goals[rows] - goals[columns]).norm(dim=1)` against `distances[rows, columns]`.
# </details>


# %% exercise="rank-correlation"
def rank_correlation(goals: Tensor, distances: Tensor) -> float:
    """Spearman's rank correlation of the distance of goals and the distance of behaviours.

    Args:
        goals: (G, n) a vector for each goal.
        distances: (G, G) between the behaviours that they ask for; symmetric, 0 on the diagonal.

    Returns:
        From -1 to 1, over all pairs of two different goals.
    """
    ### BEGIN SOLUTION
    rows, columns = torch.triu_indices(len(goals), len(goals), offset=1)
    apart = (goals[rows] - goals[columns]).norm(dim=1)
    return float(stats.spearmanr(apart.numpy(), distances[rows, columns].numpy()).statistic)
    ### END SOLUTION


# %% check="rank-correlation" points=3
checks.ch05.rank_correlation(rank_correlation)
### BEGIN HIDDEN TESTS
from saw_edu.classroom import hidden

hidden("ch05").rank_correlation(rank_correlation)
### END HIDDEN TESTS

# %% [markdown]
# Up to sixty errands from one start where the agent holds the ball. **Guess** the order of the four ways once more. Two pictures that differ by one step of the agent differ in few pixels: are images structured?

# %%
choices = structure.choices(0)
distances = behaviour_distances(choices.actions)
for how in play.WAYS_IN_ORDER:
    plain = structure.raw(how, play.tell(how, choices.phrases, choices.cells, choices.ends)).double()
    print(f"{how:17} rank correlation {rank_correlation(plain, distances):+.2f}")

# %% [markdown]
# That was one start, and goals *as they are*. Recorded are ten starts, and also what the encoders make of goals: trained ones (five seeds), untrained ones, and a shuffled control that
# must be 0. Error bars are 95 % intervals over starts.

# %%
found = pd.read_csv(asset("ch05/structure.csv"))
viz.show(
    figures.structure(found),
    alt="Rank correlations for four ways of telling. As they are, states lie far above the others; pixels and words lie near "
    "zero. Through trained encoders, words with places and images come as high as states. Shuffled goals lie at zero.",
)
print(found.groupby(["how", "features"], sort=False)["correlation"].mean().unstack().round(2).to_string())

# %% [markdown]
# **What came.** Three different things go by the name of structure. *States* have it as they are: offsets to things change a little when the errand does. *Images* have next to none as pixels: the ball one cell to the left changes
# as many pixels as the ball across the room. The same holds for words with places, since "column-3" is as far from "column-4" as from "column-8". But the **trained** encoders of both have as much structure as states, and untrained
# encoders do not: it was learned, from nothing but which actions went with which goals. *Words* alone get none by any training, for equal sentences stay equal. Structure that is not there can be learned; what was never said cannot.
#
# (One more caution: the measure judges by our distance of behaviours, action by action. Another distance, such as where things end up, may order the ways differently.)

# %% [markdown]
# ## 5 · The right level of abstraction
#
# The third property concerns both levels at once. Now the task is the whole mission, such as "pack the cup, then the ball", and things slip from the hand. The expert's demonstrations are
# labelled at five **grains**:
#
# | grain | labels | the high level | the low level |
# | --- | --- | --- | --- |
# | mission | 15 | hands it on | does everything: a flat policy |
# | errand | 4 | "bring the cup" | finds, fetches, carries, packs |
# | phrase | 8 | "get the cup" | walks there and picks it up |
# | leg | 24 | "get the cup: walk to the door" | walks there |
# | action | 7 | does everything: a flat policy | hands it on |
#
# How coarse is a grain? Let us count.
#
# ### Exercise 5 · How long does a label last?
# *3 points · easy to medium · 7 minutes*
#
# Write `steps_per_label(labels, episodes)`: for how many steps a label stays the same, on average. A stretch ends where the label changes, and at the end of an episode.
#
# <details><summary>Hint 1: a question</summary>
#
# How many stretches are in `2 2 2 5 5 2`? How many changes?
# </details>
# <details><summary>Hint 2: a nudge</summary>
#
# A stretch begins at the first row, and wherever the label *or* the episode differs from that of the row before.
# </details>
# <details><summary>Hint 3: almost the answer</summary>
#
# Rows divided by stretches. Stretches: 1 + the sum of `(labels[1:] != labels[:-1]) | (episodes[1:] != episodes[:-1])`.
# </details>


# %% exercise="steps-per-label"
def steps_per_label(labels: Tensor, episodes: Tensor) -> float:
    """The mean number of steps for which a label stays the same.

    Args:
        labels: (N,) at each step, episodes one after the other.
        episodes: (N,) the number of the episode that each step belongs to.

    Returns:
        At least 1. No stretch reaches beyond its episode.
    """
    ### BEGIN SOLUTION
    begins = (labels[1:] != labels[:-1]) | (episodes[1:] != episodes[:-1])
    return len(labels) / (1 + int(begins.sum()))
    ### END SOLUTION


# %% check="steps-per-label" points=3
checks.ch05.steps_per_label(steps_per_label)
### BEGIN HIDDEN TESTS
from saw_edu.classroom import hidden

hidden("ch05").steps_per_label(steps_per_label)
### END HIDDEN TESTS

# %% [markdown]
# For each grain, both levels learn from 100 demonstrations with networks of one size. Both are asked at *every* step, so grains differ in what is said and not in how often (how often is chapter 4). The
# **loss** of the high level is $-\log \pi_\text{hi}(g \mid o, \text{mission})$ on new demonstrations, that of the low level $-\log \pi_\text{lo}(a \mid o, g)$. If labels follow from what happened, the two add
# up to what both levels together do not know about the next action and its reason.
#
# **Guess:** how do the two losses change with the grain? Where is their sum smallest? And a control: **random groups** throws the 24 legs by lot into eight groups, as many as there
# are phrases. If only the number of labels mattered, it would do as well as phrases.

# %%
expert = levels.demonstrations(60, seed=0)
lasting = {grain: steps_per_label(levels.labels_at(grain, expert), expert.episode_of_row) for grain in levels.GRAINS}
scores = pd.read_csv(asset("ch05/levels.csv"))
viz.show(
    figures.grains(scores, lasting),
    alt="Left: the high level's loss is zero for missions and highest for single actions, the low level's the other way round; their sum is "
    "smallest between, at legs. Right: success is lowest at both ends and highest at legs. Random groups lie near phrases.",
)
done = scores[scores["temperature"] == 1].pivot_table(index="seed", columns="grain", values="success")
for grain in levels.GRAINS:
    less = over_seeds(done[grain] - done["phrase"], "+")
    print(f"{grain:14} missions done {over_seeds(done[grain])}; against phrases {less}")

# %% [markdown]
# **What came.** Both ends are flat policies, and they do equally badly. In between there is an optimum, in the sum of losses and in success: at *legs*, finer than what we would call a subgoal. Paired by seeds, its lead over
# phrases is clear; that of phrases over errands is not.
#
# And the control? **Random groups do no worse than phrases**, if anything a little better. So do not explain the gain of phrases by their being meaningful. What helps is that *some* code, which follows from the expert's plan, parts the work: the high
# level decides what the mission makes necessary, the low level need not know the mission at all. The losses warn in the same direction: the sum is *higher* for random groups than for phrases, and still they do
# not do worse. A sum of losses compares grains of one kind; it does not replace a roll-out.
#
# One more explanation stands untested here: every grain but the ends brought *labels* along, information that flat policies never got. Think of what the lecture says: "Think carefully about where the benefits are coming from!" Chapter 9 gives the same labels to a flat policy.

# %% [markdown]
# ## 6 · Try it
#
# Choose an errand, and the way in which it is told. Errands 270 to 299 lay the ball down, 360 to 389 are walks. Then tell the low level *another* errand's goal: which ways fail by doing the wrong thing
# well, and which by doing nothing sensible?

# %% alt="Five tries of an errand told in a way that you choose."
teller = figures.Teller(lows, probes)
explorer = viz.explorer(
    teller.draw,
    errand=(0, len(probes.phrases) - 1, 1, number),
    told_by=list(lows),
    another=False,
    figsize=(6.2, 5.2),
    alt="Five tries of errand {errand}, told by {told_by}, over a picture of the room at its start; the star is where it should end.",
)

# %% [markdown]
# ## 7 · A question for thought
#
# *3 points*
#
# Take **one** of these tasks: cook Italian dishes; bike to places on a campus; draft legal briefs; plan and book one-week vacations.
#
# (a) Name three intermediate goals that a high level might hand to a low level. (b) Which representation would you use for them (words, states, images, something else), and why? Argue with all three
# properties. (c) Describe one behaviour that your representation cannot tell, or tells at the wrong grain, and what you would change.

# %% [markdown] question="your-task" points=3
# *Double-click here and write your answer, about 10 lines.*
#
# <!-- BEGIN SOLUTION -->
# *A model answer, for biking.* (a) "Leave the bike racks northward", "cross at the second junction", "stop at the entrance". (1 point for three goals that a low level could be told one after another and that lie between the
# whole task and single actions.) (b) Positions on a map, a few tens of metres ahead: expressive, since any place can be told; structured, since near places ask for nearly the same riding; the grain is set by the distance ahead,
# short enough that riding there needs no planning and long enough that the high level need not steer. Words would lose the place ("turn somewhere left"); images would tell it, but a picture of a junction in other light is far
# away in pixels. (1 point: a choice with a reason for each of the three properties, not only for one.) (c) "Let the pedestrian pass first" has no position: add a short vocabulary of manners beside the position, or a speed.
# (1 point for a real limit of the own choice and a change that mends it.) For briefs or vacations words or filled-in forms are good answers: there the low level's behaviours *are* texts and bookings.
# <!-- END SOLUTION -->

# %% [markdown]
# ## Summary
#
# 1. A goal is what passes between the levels. It should be expressive, structured, and at the right level of abstraction; each can be measured.
# 2. Expressive: tell many different behaviours and count what comes about. Words say what their vocabulary says; states said most; images must be seen first.
# 3. Structured: goals of similar behaviours lie close together. States had it, pixels did not, and training an encoder on play made it.
# 4. Grain: at both ends a hierarchy is a flat policy. The optimum lay in between, and labels thrown together by lot did no worse than phrases.
# 5. A network that cannot learn trains in silence. Test what moves.
#
# <details><summary>Symbols</summary>
#
# | symbol | in code | meaning |
# | --- | --- | --- |
# | $o, a, g$ | `observations`, `actions`, `goals` | observation, action, goal (subgoal) |
# | $\varphi(g)$ | `low.goals` | features of a goal |
# | $\pi_\text{hi}(g \mid o, \text{mission})$ | `Levels.high` | high level |
# | $\pi_\text{lo}(a \mid o, g)$ | `Levels.low` | low level |
#
# </details>
#
# ## References
#
# 1. Jiang, Gu, Murphy, Finn. *Language as an Abstraction for Hierarchical Deep Reinforcement Learning.* NeurIPS 2019. [arXiv 1906.07343](https://arxiv.org/abs/1906.07343) (words as subgoals: chapter 12)
# 2. Nachum, Gu, Lee, Levine. *Data-Efficient Hierarchical Reinforcement Learning.* NeurIPS 2018. [arXiv 1805.08296](https://arxiv.org/abs/1805.08296) (states: chapter 11)
# 3. Black et al. *Zero-Shot Robotic Manipulation with Pretrained Image-Editing Diffusion Models.* ICLR 2024. [arXiv 2310.10639](https://arxiv.org/abs/2310.10639) (images: chapter 8)
#
# ## What comes next
#
# We trained both levels on the expert's labels and let them meet at the test. **Chapter 6, "Supervising each level"**, asks which goals a low level should train on when a *learned* high level will choose them.
