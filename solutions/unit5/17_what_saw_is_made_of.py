# %% [markdown]
# # 17 · What SAW is made of
#
# **SAW has two terms, three weights, a clip and a teacher. Which of them does the work, and where does none of it help?**
#
# | | |
# | --- | --- |
# | **You will learn** | to read weights by their effective sample size, and what it cannot tell; |
# | | to compare methods that share seeds, by paired differences; |
# | | to design controls that take an explanation apart: is it how loud a term speaks, or what it chooses? |
# | **You need** | chapter 16 |
# | **Time** | 60 minutes to read and solve, two minutes to compute |
# | **Exercises** | three, 9 points, and one question for thought, 3 points |
#
# [Chapter 16](16_saw.ipynb) · [all chapters](../../README.md#the-chapters) · chapter 18 (planned)

# %% tags=["setup", "folded"]
# Imports and settings
import json
import os
import time
from dataclasses import replace

import numpy as np
import pandas as pd
import torch
from scipy import stats
from torch import Tensor

from saw_edu import checks, viz
from saw_edu.agents.objectives import awr_weights, values_of
from saw_edu.course import giant
from saw_edu.course.ch17 import ablations, figures, near
from saw_edu.course.ch17.reweighed import ReweighedSAW
from saw_edu.data import HindsightSampler
from saw_edu.place import asset
from saw_edu.training import train

FAST = os.environ.get("SAW_EDU_FAST") == "1"  # set by automatic tests: a short version of everything
if FAST:
    print("Fast mode: fewer training steps and rows. Numbers and figures below are not the real ones.")
torch.set_num_threads(1)
viz.style.use()

# %% [markdown]
# ## 1 · Why SAW stops beside near goals
#
# A failing agent first. In chapter 16 a **greedy** SAW missed goals that are one to four cells away, goals that the simpler GCIVL reaches. Left are misses of the recorded SAW, seed 0: the paths end, with a
# cross, *beside* their stars. Right is a measurement: for goals in plain view, how strongly does the *mean* action point at the goal? 1 would be a full step.

# %% alt="Left, greedy roll-outs of SAW that end beside near goals. Right, the mean action's component towards the goal over the distance to it, for SAW's policy, its teacher and GCIVL."
world = giant.make_world()
acts = near.policies(world)  # SAW's π, its teacher, GCIVL
pull = near.pull(world, acts, 200 if FAST else 2000)
viz.show(
    figures.stopping(world, pull),
    alt="Left, the maze with greedy paths of SAW that end in crosses beside near goals. Right, the mean action's component towards "
    "the goal falls from about .8 at four units to .2 at half a unit. SAW's policy lies below its teacher and GCIVL, most of all near the goal.",
)
arrivals = near.arrivals(world, acts, 10 if FAST else 50)
print(arrivals.groupby("policy", sort=False)[["drawn", "greedy"]].mean().round(2).to_string())

# %% [markdown]
# **Every mean fades near its goal**: walkers in the data overshoot, come back and leave for their next goal, so near a goal their actions point everywhere. SAW's fades most. Its targets there are what π_sub does
# at waypoints that *are* the goal or lie close to it, with eight steps' time to get there, and they disagree. A greedy agent comes to rest where the mean is zero or points back and forth. It needs no fading to fail
# in a world *with* noise: the same policies with the walkers' own hand (column *drawn*) reach nearly all of these goals, and SAW as many as GCIVL. So this puzzle was one of how we act, not of what SAW knows. From here on
# the main number is the drawn one.
#
# ## 2 · How many waypoints count?
#
# A weighted mean of $N$ numbers is as reliable as a plain mean of fewer. How many fewer is the **effective sample size**,
#
# $$ N_{\text{eff}} = \frac{\big(\sum_i u_i\big)^2}{\sum_i u_i^2}. $$
#
# It is $N$ when all weights are equal and 1 when one weight is all there is: a diagnostic for β that costs one line and no training.
#
# ### Exercise 1 · The effective sample size
# *3 points · easy · 6 minutes*
#
# Write `effective_sample_size(weights)`, for many sets of weights at once.
#
# <details><summary>Hint 1: a question</summary>
#
# If all weights become twice as large, should the number change?
# </details>
# <details><summary>Hint 2: a nudge</summary>
#
# Two sums over the last axis: one is squared afterwards, one is of squares.
# </details>
# <details><summary>Hint 3: almost the answer</summary>
#
# `weights.sum(-1).square()`, divided by the sum of `weights.square()` over the same axis.
# </details>


# %% exercise="effective-sample-size"
def effective_sample_size(weights: Tensor) -> Tensor:
    """How many equal weights would be as good as these.

    Args:
        weights: (..., N), not negative, not all zero.

    Returns:
        From 1 to N, (...).
    """
    ### BEGIN SOLUTION
    return weights.sum(-1).square() / weights.square().sum(-1)
    ### END SOLUTION


# %% check="effective-sample-size" points=3
checks.ch17.effective_sample_size(effective_sample_size)
### BEGIN HIDDEN TESTS
from saw_edu.classroom import hidden

hidden("ch17").effective_sample_size(effective_sample_size)
### END HIDDEN TESTS

# %% [markdown]
# Ask it about the weights of SAW's waypoints, 20 000 rows, at several β. **Your guess:** does $N_{\text{eff}}/N$ fall all the way as β grows? And how does it change with the distance to the goal?

# %% alt="Left: effective sample size over the distance to the goal for several β. Right: over β, with and without the clip, and the share of weights at the clip."
data, value = giant.make_data(world), giant.load("value", world.spec)
agent = giant.make_agents()["saw"]
sampler = HindsightSampler(data, agent.goals, agent.discount, agent.subgoal_steps)
batch = sampler.sample(2_000 if FAST else 20_000, torch.Generator().manual_seed(0))
cells = world.distances(world.states_of(batch.observations), world.states_of(batch.policy_goals))
bins = torch.as_tensor(np.digitize(cells, giant.EDGES) - 1)  # -1: the goal is in the same cell
gains = []  # A(s, w, g) of each seed's V
for networks in value.networks:
    v, v_waypoint = values_of(networks, [batch.observations, batch.waypoints], batch.policy_goals)
    gains.append((v_waypoint - v).double())

betas = (0.0, 0.3, 1.0, 3.0, 10.0)
by_distance, over_beta = (
    {},
    {"$N_{eff}/N$, clipped at 100": {}, "$N_{eff}/N$, not clipped": {}, "share of rows at the clip": {}},
)
for beta in betas:
    raw = torch.stack([(beta * gain).exp() for gain in gains])  # (S, N)
    u = raw.clamp(max=100)
    parts = [u[:, bins == b] for b in range(len(giant.EDGES) - 1)]
    by_distance[beta] = torch.stack([effective_sample_size(part) / part.shape[1] for part in parts], 1).numpy()
    numbers = (
        effective_sample_size(u) / u.shape[1],
        effective_sample_size(raw) / u.shape[1],
        (raw > 100).double().mean(1),
    )
    for label, number in zip(over_beta, numbers, strict=True):
        over_beta[label][beta] = number.numpy()
middles = (np.array(giant.EDGES[:-1]) + np.array(giant.EDGES[1:]) - 1) / 2
viz.show(
    figures.effective(middles, by_distance, over_beta),
    alt="Effective sample size of the waypoints' weights, as a share. Left, over the distance to the goal: at β = 3"
    " it falls with distance. Right, over β: without the clip it falls to almost nothing, with it it rises "
    "again, since more and more weights are at the clip.",
)
u = torch.stack([awr_weights(gain, 3.0) for gain in gains])
print(
    f"β = 3: goals of the farthest third are {(bins >= 5).double().mean():.1%} of the rows and have {u[:, bins >= 5].sum() / u.sum():.2%} of the weight"
)

# %% [markdown]
# **The clip is no detail**: at β = 3 about half of all rows are at it, and without it one row in a thousand would do all the learning. With it $N_{\text{eff}}$ *rises* again for large β: past the clip a weight is a
# vote, in or out, and not a degree. **And distance matters both ways**: at β = .3 the weights of far goals are all alike, so nothing is chosen; at β = 3 fewer than half of the rows count there. That is a choice. Whether a *good* one, the
# number cannot say, for it does not know V's errors. Nor does one number choose β: two of them have nearly the same $N_{\text{eff}}/N$, once because the weights barely differ, once because half of them are at the clip.
#
# The last line is a warning: the loss of a batch says little about far goals.
#
# ## 3 · Comparing methods that share seeds
#
# All policies in this unit are extracted from the same five value functions. A seed with a good V lifts every method. So the difference of two methods varies less than either of them, and whether their *intervals overlap* is the wrong
# question. The right one: take the difference **within each seed**, and ask for its mean. With few seeds, $n$ differences $d_i$ of mean $\bar d$ and sample standard deviation $s$ give the interval
# $\bar d \pm t\, s / \sqrt n$, where $t$ is Student's with $n - 1$ degrees of freedom.
#
# ### Exercise 2 · A paired interval
# *3 points · medium · 8 minutes*
#
# Write `paired_interval(first, second, confidence)`.
#
# <details><summary>Hint 1: a question</summary>
#
# How many numbers do you have, once each seed has given its difference?
# </details>
# <details><summary>Hint 2: a nudge</summary>
#
# `gap.std(ddof=1)` divides by n - 1. `stats.t.ppf(q, df)` is the point below which a share q of Student's t lies; for 95 %, q is .975.
# </details>
# <details><summary>Hint 3: almost the answer</summary>
#
# `half = stats.t.ppf((1 + confidence) / 2, n - 1) * gap.std(ddof=1) / np.sqrt(n)`
# </details>


# %% exercise="paired-interval"
def paired_interval(first: np.ndarray, second: np.ndarray, confidence: float = 0.95) -> tuple[float, float, float]:
    """By how much the first method is above the second, where both have the same seeds.

    Args:
        first, second: a number of each seed, (S,), in the same order.
        confidence: of the interval, between 0 and 1.

    Returns:
        The mean difference, and the ends of its interval, lower and upper.
    """
    ### BEGIN SOLUTION
    gap = np.asarray(first) - np.asarray(second)
    half = stats.t.ppf((1 + confidence) / 2, len(gap) - 1) * gap.std(ddof=1) / np.sqrt(len(gap))
    return float(gap.mean()), float(gap.mean() - half), float(gap.mean() + half)
    ### END SOLUTION


# %% check="paired-interval" points=3
checks.ch17.paired_interval(paired_interval)
### BEGIN HIDDEN TESTS
from saw_edu.classroom import hidden

hidden("ch17").paired_interval(paired_interval)
### END HIDDEN TESTS


# %%
def compare(table: pd.DataFrame, first: str, second: str, temperature: float, goals: str) -> str:
    """Your interval for two settings of a recorded table."""
    rates = [ablations.per_seed(table[table["setting"] == name], goals, temperature) for name in (first, second)]
    mean, low, high = paired_interval(*rates)
    return f"{mean:+.2f} ({low:+.2f} to {high:+.2f})"


# %% [markdown]
# ## 4 · Loudness or selection?
#
# A weight $u(s, w, g)$ does two things at once. It **chooses**: rows with good waypoints count for more than others. And it is **loud**: the mean weight is far above one, so the bootstrapping term outshouts the one-step term (chapter 16, section
# 4). Which of the two reaches far goals? Clipping the weight at 1 would not tell, for it takes away both. (Clipping *all three* weights of SAW at 1, as an earlier version of this chapter did, tells even less: it silences the rival, too.)
# What separates them are four kinds of weights:
#
# | | loud: their mean is that of SAW's | quiet: their mean is 1 |
# | --- | --- | --- |
# | **choosing**: they differ as SAW's do | SAW itself | ratios kept, mean 1 |
# | **alike** | all equal to SAW's mean | all 1: SAW with β = 0 |
#
# ### Exercise 3 · Two controls in one function
# *3 points · medium · 8 minutes*
#
# Write `reweigh(weights, selects, loud)`: SAW's weights of a batch, with their differences and their mean each kept or taken away.
#
# <details><summary>Hint 1: a question</summary>
#
# What do you divide by so that numbers keep their ratios and average to 1?
# </details>
# <details><summary>Hint 2: a nudge</summary>
#
# Begin with weights of mean 1: either the ratios, or ones. Then decide about the loudness.
# </details>
# <details><summary>Hint 3: almost the answer</summary>
#
# `chosen = weights / mean if selects else torch.ones_like(weights)`, and times the mean where `loud`.
# </details>


# %% exercise="reweigh"
def reweigh(weights: Tensor, selects: bool, loud: bool) -> Tensor:
    """The waypoints' weights of a batch, taken apart.

    Args:
        weights: SAW's, (B,), above 0.
        selects: keep how the weights differ, their ratios; otherwise all are alike.
        loud: keep their mean; otherwise it is 1.

    Returns:
        (B,) weights.
    """
    ### BEGIN SOLUTION
    mean = weights.mean()
    chosen = weights / mean if selects else torch.ones_like(weights)
    return chosen * mean if loud else chosen
    ### END SOLUTION


# %% check="reweigh" points=3
checks.ch17.reweigh(reweigh)
### BEGIN HIDDEN TESTS
from saw_edu.classroom import hidden

hidden("ch17").reweigh(reweigh)
### END HIDDEN TESTS

# %% [markdown]
# Five seeds of each kind are recorded (`saw-edu record reweighed`). You train one seed of one of them, with *your* function: alike and loud. It takes about a minute. **Your guess, before you run it:** which of the four lies nearest to SAW
# on the farthest goals, and what does the fourth, quiet and alike, do at the nearest?


# %%
class YourControl(ReweighedSAW):
    """SAW with your weights before the divergence."""

    def reweighed(self, weights: Tensor) -> Tensor:
        return reweigh(weights, selects=False, loud=True)


config = replace(giant.POLICY_CONFIG, steps=50, log_every=10) if FAST else giant.POLICY_CONFIG
seed_0 = replace(value, seeds=[0], networks=value.networks[:1])
yours = train(YourControl(**vars(agent)), data, config, [0], value_from=seed_0)
live = ablations.measure(
    ablations.Setting("alike, loud", "reweighed", "alike, loud", YourControl(**vars(agent))), yours
)

# %% alt="Success on the nearest goals, all goals and the farthest third for SAW and the three controls of its weights, five seeds with intervals."
apart = pd.read_csv(asset("results/reweighed/success.csv"))
about = json.loads(asset("results/reweighed/provenance.json").read_text())
print(f"recorded by {about['command']} at commit {about['commit']}, {about['date']}")
kinds = ["base saw", "choosing, quiet", "alike, quiet", "alike, loud"]
viz.show(
    figures.settings(apart, kinds, giant.NOISE, live),
    alt="Success with drawn actions, five seeds with 95 % intervals. On the nearest goals all four are near 1. On the farthest third SAW, choosing and loud, is far above the three others.",
)
for goals in ("nearest", "all", "farthest"):
    gaps = {name: compare(apart, name, "alike, quiet", giant.NOISE, goals) for name in kinds if name != "alike, quiet"}
    print(f"{goals:9} above 'alike, quiet':", ", ".join(f"{name} {gap}" for name, gap in gaps.items()))
greedy = {name: compare(apart, name, "alike, quiet", 0.0, "nearest") for name in ("base saw", "choosing, quiet")}
print("nearest, with greedy actions:", ", ".join(f"{name} {gap}" for name, gap in greedy.items()))

# %% [markdown]
# **Both, and together.** For far goals loudness alone adds a little to quiet and alike weights, selection alone a little, and both at once more than twice the sum of that. It makes sense. Selection without loudness is outvoted
# by the one-step term; loudness without selection repeats louder what teachers say about waypoints good and bad. Nearby all four are even, *with drawn actions*. (The last line is for greedy actions: there quiet weights are far ahead of SAW nearby. Perhaps with a quiet teacher the mean fades less; we did not measure that.)
#
# Now the same question to single clips and to the terms. **Guess first:** which of the three clips at 1 costs the farthest goals?

# %% alt="Success for SAW with one of its three weights clipped at 1, and with bootstrapping alone at β = 0, five seeds with intervals."
one_at_a_time = ["base saw", "waypoint clip 1", "action clip 1", "teacher clip 1", "no one-step, beta 0"]
viz.show(
    figures.settings(apart, one_at_a_time, giant.NOISE),
    alt="Success with drawn actions, five seeds with 95 % intervals, for SAW, for one clip at 1 at a time, and for bootstrapping alone at β = 0.",
)
for name in one_at_a_time[1:]:
    print(
        f"{name:20} less SAW:",
        ", ".join(
            f"{goals} {compare(apart, name, 'base saw', giant.NOISE, goals)}"
            for goals in ("nearest", "all", "farthest")
        ),
    )

# %% [markdown]
# With its rivals left alone, **only the waypoints' clip matters**: cut at 1, it takes most of the farthest goals, as much as making its weights quiet does. The action's weights make no difference that we can see, and π_sub's little: two points over all goals, and
# far away the difference holds zero. Bootstrapping alone at β = 0, the plain imitation of all teachers alike, keeps a third of the farthest goals. So teachers are worth something by themselves, and weights that choose and are heard are worth more.
#
# ## 5 · One change at a time
#
# The figure below changes one thing at a time, five seeds each, from the same value functions (`saw-edu record ablations`). **Guess, for each panel, where the best value lies, for far goals and for near ones.**

# %% alt="Small multiples: success on the nearest goals, on all and on the farthest third over waypoint steps, β, α, terms, clip and added errors, five seeds with intervals, the base marked."
ablation = pd.read_csv(asset("results/ablations/success.csv"), dtype={"x": str})
temperature = giant.NOISE if "temperature" in ablation else 0.0
if "temperature" not in ablation:
    ablation = ablation.assign(temperature=0.0)
about = json.loads(asset("results/ablations/provenance.json").read_text())
how = "actions drawn with the walkers' noise" if temperature else "greedy actions only"
print(f"recorded by {about['command']} at commit {about['commit']}, {about['date']}: {how}")
viz.show(
    figures.ablations(ablation, temperature),
    alt="Success of SAW with one thing changed at a time, five seeds with 95 % intervals, on the nearest goals, on "
    "all and on the farthest third: waypoint steps k, β, α, the two terms, the clip of the weights, errors "
    "added to V. The base is marked.",
)

# %% [markdown]
# These runs are evaluated with greedy actions: in the row of near goals stalling counts, too (section 1), and whatever is quiet or short-sighted stalls less. Read the far goals first.
#
# - **Waypoint steps k**: far goals want long waypoints, near ones short. At k = 2 a waypoint is nearly as hard to judge as an action, and far goals are lost.
# - **β**: at 0 far goals are lost; from 3 on nothing is gained any more. With half of the rows at the clip the weight is a vote already (section 2).
# - **α**: at 1 both policies imitate more than they choose, and all goals suffer.
# - **Terms**: the one-step term alone reaches no far goal. Bootstrapping alone keeps nearly all of SAW, *with* its weights: without them, section 4 has just seen it lose most.
# - **Clip**: without one, single rows own a batch, and almost nothing is learned. All three clips at 1 keep most of SAW, although the waypoints' clip alone costs so much: the rival is silenced with it.
# - **Errors added to V** cost SAW as they cost everybody (section 6).
#
# ## 6 · Where SAW does not help
#
# SAW has two advantages to offer. Against GCIVL: waypoints are easier to rank than actions. Against HIQL: nothing has to be generated. **Which of these six changes should take its lead away?** A clear V (γ = .98, where a far goal is eight times
# less faint); short ways (OGBench's *medium* maze); random walks for data, which go nowhere in particular; errors added to V that change over half a cell, small or as large as V's own differences; smooth ones, over two cells.

# %% alt="Success of GCIVL, HIQL and SAW on all goals and on the farthest third, for the chapter's setting and for those where SAW may not help."
viz.show(
    figures.cases(ablation, temperature),
    alt="Success of GCIVL, HIQL and SAW on all goals and on the farthest third, five seeds with 95 % intervals, "
    "side by side for the setting of chapter 16 and for those changed as the text says.",
)
rows = {}
for case, title in figures.CASES.items():
    rows[title.replace("\n", " ")] = {
        (goals, f"SAW − {other.upper()}"): compare(ablation, f"{case} saw", f"{case} {other}", temperature, goals)
        for goals in ("nearest", "all", "farthest")
        for other in ("gcivl", "hiql")
    }
display(pd.DataFrame(rows).T)

# %% [markdown]
# *(Greedy as well.)* What came:
#
# - **A clear V**: half as expected. Over all goals SAW's lead over GCIVL halves; in the farthest third it stays.
# - **Short ways**: as expected. In the medium maze the difference to GCIVL holds zero over all goals and far away. If your goals are near, take the simpler method.
# - **Random walks**: nobody gets far, and SAW's lead is small. It chooses among the ways that the data offer, and here they offer none.
# - **Errors of V**: SAW keeps a lead over GCIVL in all three. Rough errors bring it down towards HIQL as they grow; the smooth ones, which fool waypoints as they fool actions, bring it down to HIQL far away at the smallest size.
#   A net's own errors are more like the smooth ones.
# - **States of two numbers**: a generator's task should be easy here, yet HIQL with whole states stays below SAW over all goals in the giant maze at either γ and in the medium one. Chapter 15 says what its guess costs, and chapter 16 that a representation mends it.
#
# At the paper's scale its authors report such cases, too: SAW is below HIQL on antmaze-medium-explore (25 against 37 percent) and on humanoidmaze-medium-stitch (75 against 88), whose data are aimless or in short pieces, and
# below contrastive RL (CRL) on visual-antmaze-giant (10 against 47), where V itself fails ([tables 1 and 3](https://arxiv.org/abs/2505.14975)).
#
# In one sentence: SAW helps where ways are long, the data hold good ways, and V can tell waypoints apart while it can no longer tell actions apart.
#
# ## 7 · What a decision costs
#
# A flat policy is one net. HIQL runs two of them for every action. For one state the time is mostly Python's, so do not
# take the microseconds of this machine for a law; the ratio comes from the same run, turn by turn.

# %% tags=["folded"]
# Count parameters and operations, and time both policies in turns
deciders = {
    "SAW": (giant.load("saw", world.spec).policies[0], ("policy",)),
    "HIQL": (giant.load("hiql", world.spec).policies[0], ("subgoal_generator", "subgoal_policy")),
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
            policy(batch.observations[:size], batch.policy_goals[:size])
            seconds[name].append(time.perf_counter() - begin)
    for name in deciders:
        costs[name][f"µs, batch of {size}"] = 1e6 * min(seconds[name])  # whatever else runs here only adds time
costs = pd.DataFrame(costs)
costs["HIQL / SAW"] = costs["HIQL"] / costs["SAW"]
display(costs.style.format("{:,.0f}", subset=["SAW", "HIQL"]).format("{:.2f}", subset=["HIQL / SAW"]))

# %% [markdown]
# About twice. On a laptop nobody would choose by that; with an encoder of images in each net, or on a robot's small computer, half is half. In *training* SAW has as many nets to learn as HIQL.
#
# ## 8 · Try it
#
# The weights of the 20 000 rows, for your β and your clip: how they are spread for near and for far goals, and how many of them count. When do far goals lose their say? Which β makes the clip a vote?


# %% tags=["folded"] alt="Interactive: how the weights of waypoints are spread for near and far goals, for β and clip of your choice."
# Draw the weights for the β and the clip that you choose
def draw(ax, beta, clip):
    for label, chosen, color in (
        ("near goals, 1 to 4 cells", bins == 0, viz.style.GREEN),
        ("farthest third", bins >= 5, viz.style.VERMILION),
    ):
        u = (beta * gains[0][chosen]).exp().clamp(max=10.0**clip)
        size = float(effective_sample_size(u) / len(u))
        ax.hist(
            u.clamp(min=1e-6).log10().numpy(),
            bins=np.linspace(-6, 4, 81),
            density=True,
            color=color,
            alpha=0.5,
            label=f"{label}: {size:.0%} count",
        )
    ax.set(xlabel="log₁₀ of the weight", ylabel="share of rows (density)", xlim=(-6, 4.1))
    ax.legend(loc="upper left")


viz.explorer(
    draw,
    alt="Two histograms of waypoints' weights, for near and for far goals, at β = {beta} and a clip of 10 to the {clip}; the key tells the effective share of each.",
    figsize=(9, 4.4),
    beta=(0.0, 10.0, 0.5, 3.0),
    clip=(0.0, 4.0, 0.5, 2.0),
)

# %% [markdown]
# ## A question for thought (3 points)
#
# A colleague trains SAW in a new world. It reaches far goals, and with every weight clipped at 1 it reaches fewer. "So the weights choose the good waypoints; that is what SAW is about." Which other explanations fit this result?
# Name two controls that would tell them apart, and say what each outcome would mean.

# %% [markdown] question="loud-or-right" points=3
# <!-- BEGIN SOLUTION -->
# *A model answer.* Clipping all weights at 1 changes three things: which waypoints count, how loud the bootstrapping term is beside the one-step term, and how π_sub and the one-step term choose actions. So the loss of far goals could come from a
# teacher that is worse (its own weights are clipped), from a bootstrapping term that is quieter in proportion, or from lost selection.
# Controls: (1) weights all alike with SAW's mean: if far goals stay, loudness was all; if they go, selection matters. (2) SAW's weights divided by their mean: if far goals stay, selection was all; if they go, it must be heard as well. (3) Only π_sub's weight
# clipped: if that alone costs the far goals, it was the teacher. Each with the same seeds' V, compared by paired differences, with drawn actions.
#
# *Rubric.* 1 point: two other explanations (loudness, a worse teacher, the rival silenced). 1 point: two controls that change one of them at a time. 1 point: what each outcome would mean.
# <!-- END SOLUTION -->

# %% [markdown]
# ## Summary
#
# 1. Near goals greedy SAW stops because its mean fades there; with a hand as shaky as the walkers' it arrives.
# 2. $N_{\text{eff}}$ says how many weights count, not whether they are right; read it by distance, and beside the clip.
# 3. Methods that share seeds are compared by differences within seeds.
# 4. SAW's weights work by choosing *and* being loud; either alone gives little. An ablation that changes several things at once explains nothing.
# 5. SAW helps where ways are long, the data hold good ways, and V can tell waypoints apart while it can no longer tell actions apart.
#
# ## References
#
# - J. L. Zhou, J. C. Kao. [Flattening Hierarchies with Policy Bootstrapping](https://arxiv.org/abs/2505.14975). NeurIPS 2025.
# - S. Park et al. [HIQL: Offline Goal-Conditioned RL with Latent States as Actions](https://arxiv.org/abs/2307.11949). NeurIPS 2023.
# - R. Agarwal et al. [Deep Reinforcement Learning at the Edge of the Statistical Precipice](https://arxiv.org/abs/2108.13264). NeurIPS 2021. On intervals from few seeds.
#
# **Next:** unit 6 takes the same agents to OGBench's real environments.
