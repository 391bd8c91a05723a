# %% [markdown]
# # 11 · State subgoals: HIRO
#
# **What does a second level do that a flat learner cannot, and what does it cost to learn both at once?**
#
# | | |
# | --- | --- |
# | **You will learn** | why random *subgoals* explore where random *actions* do not, and which controls that story needs; |
# | | how a relative subgoal keeps its place; |
# | | why old experience lies to a high level, and two ways to make it true again |
# | **You need** | chapters 2 and 4; actor-critic methods |
# | **Time** | 50 minutes to read and solve, one to two minutes to compute |
# | **Exercises** | four, 12 points, and one question for thought, 3 points |
#
# Until now demonstrations showed the way. From here on nobody does: an agent acts, is paid, and learns. The maze below is a U. The agent begins at the white circle and gets a reward of 1 at the star and *nothing* anywhere
# else; after 50 steps it is set back. Sixteen steps would do. Here is what 40 episodes of **random** behaviour look like, in two kinds.

# %% tags=["setup", "folded"]
# Imports, settings, recorded results
import os

import pandas as pd
import torch
from torch import Tensor

from saw_edu import checks, viz
from saw_edu.course.ch11 import figures, rotated, umaze
from saw_edu.place import asset

viz.style.use()
torch.set_num_threads(1)
FAST = os.environ.get("SAW_EDU_FAST") == "1"  # set by automatic tests: less training

# %% alt="Forty random walks in a U-shaped maze with single random actions, and forty with random subgoals."
generator = torch.Generator().manual_seed(0)
single = torch.randn(umaze.PLAY.horizon, 200, 2, generator=generator)
subgoals = umaze.strides(umaze.EVERY, 200, generator)
viz.show(
    figures.wandering({"random actions": umaze.wander(single), "random subgoals": umaze.wander(subgoals)}),
    alt="Left: random actions stay in the lower arm near the start. Right: random subgoals, each kept for five steps, fill the lower arm "
    "and some paths turn the corner into the upper arm.",
)

# %% [markdown]
# Left, each step has a random action. Right, a high level asks for a random place up to 7.5 units away and keeps it for five steps, and a low level goes there. Above each picture stands how far, on average, an episode gets along the U.
#
# **Your guess, before you go on:** is it the *subgoals* that do this? What else is different between left and right?

# %% [markdown]
# ## 1 · A control before the theory
#
# What is different is that a direction *lasts*. So give the flat agent noise that lasts: draw it, keep it for a while, draw again. No subgoal, no second level.
#
# ### Exercise 1 · Noise that lasts
# *2 points · easy · 6 minutes*
#
# Write `held_noise(noise, hold)`: in steps 0 to `hold` - 1 the draw of step 0 acts, in the next `hold` steps the draw of step `hold`, and so on.
#
# <details><summary>Hint 1: a question</summary>
#
# With `hold = 3`: which step's draw acts in step 7?
# </details>
# <details><summary>Hint 2: a nudge</summary>
#
# Whole-number division and multiplication give the first step of a stretch: `7 // 3 * 3`.
# </details>
# <details><summary>Hint 3: almost the answer</summary>
#
# Index the noise with `torch.arange(len(noise)) // hold * hold`.
# </details>


# %% exercise="held-noise"
def held_noise(noise: Tensor, hold: int) -> Tensor:
    """Noise that is kept for several steps.

    Args:
        noise: (T, B, 2) independent draws, one for each step and world.
        hold: for how many steps a draw acts; the last stretch may be shorter.

    Returns:
        (T, B, 2).
    """
    ### BEGIN SOLUTION
    first = torch.arange(len(noise)) // hold * hold
    return noise[first]
    ### END SOLUTION


# %% check="held-noise" points=2
checks.ch11.held_noise(held_noise)
### BEGIN HIDDEN TESTS
from saw_edu.classroom import hidden

hidden("ch11").held_noise(held_noise)
### END HIDDEN TESTS

# %% alt="Random walks with noise kept for one, two, five and ten steps reach farther and farther."
viz.show(
    figures.wandering({f"kept for {hold}": umaze.wander(held_noise(single, hold)) for hold in (1, 2, 5, 10)}),
    alt="Four panels: the longer noise is kept, the farther random walks get; kept for five steps they turn the corner as random subgoals do.",
)

# %% [markdown]
# A walk of $T$ independent steps gets about $\sqrt{T}$ step lengths far; if each direction lasts $c$ steps, about $\sqrt{c\,T}$. That is arithmetic, not hierarchy, and for *exploration* in this maze held noise does what subgoals do. Whoever claims
# that a hierarchy explores better has to beat this control too (Nachum and others asked that of their own kind of method in 2019, and put most of what it gained down to exploration). We keep the control, and build the real thing.

# %% [markdown]
# ## 2 · HIRO: ask for a place, relative to here
#
# HIRO (Nachum et al., 2018) has two actors:
#
# - the **high level** sees the state and the task's goal, and every $c$ steps gives a *relative* goal $g$: "be at $s + g$";
# - the **low level** sees the state and $g$, acts, and is paid $-\lVert s + g - s' \rVert$ for each step. It knows nothing of the task.
#
# Between two decisions the agent moves, and "3 to the right" would mean another place after each step. So the goal is moved along, by a *goal transition* $h(s, g, s')$.
#
# ### Exercise 2 · The goal that stays where it is
# *2 points · easy · 5 minutes*
#
# Write `goal_transition(states, goals, next_states)`: the relative goal, seen from the next state, that asks for the same place.
#
# <details><summary>Hint 1: a question</summary>
#
# Which place does $g$ ask for, seen from $s$? How far is it from $s'$?
# </details>
# <details><summary>Hint 2: a nudge</summary>
#
# Call the new goal $g'$ and demand $s' + g' = s + g$.
# </details>
# <details><summary>Hint 3: almost the answer</summary>
#
# Solve that for $g'$.
# </details>


# %% exercise="goal-transition"
def goal_transition(states: Tensor, goals: Tensor, next_states: Tensor) -> Tensor:
    """h(s, g, s'): a relative goal after a step.

    Args:
        states: (..., 2) s.
        goals: (..., 2) g, relative to s.
        next_states: (..., 2) s'.

    Returns:
        (..., 2) the goal relative to s'.
    """
    ### BEGIN SOLUTION
    return states + goals - next_states
    ### END SOLUTION


# %% check="goal-transition" points=2
checks.ch11.goal_transition(goal_transition)
### BEGIN HIDDEN TESTS
from saw_edu.classroom import hidden

hidden("ch11").goal_transition(goal_transition)
### END HIDDEN TESTS

# %% [markdown]
# What happens without it? A low level that goes straight to its goal is asked for places near by, once with your transition and once with goals that stay as they were given. How far from the place does it end?

# %%
world = umaze.make_world()
starts = world.sample_states(500, torch.Generator().manual_seed(1))
places = world.sample_states(500, torch.Generator().manual_seed(2))
asked = places - starts
close = (asked.abs().amax(-1) < umaze.REACH) & (world.distances(starts, places) <= 1)
for name, move in {"your transition": goal_transition, "goal unchanged": lambda s, g, n: g}.items():
    paths, _ = rotated.carry_out(world, starts[close], asked[close], rotated.controller(0), move=move)
    miss = (paths[:, -1] - places[close]).norm(dim=-1)
    print(
        f"{name:16} ends {miss.mean():.1f} units from the place, in {(miss < 1).float().mean():.0%} of cases within 1"
    )

# %% [markdown]
# ## 3 · Both levels learn: TD3, and a bug that trains in silence
#
# Both of HIRO's levels learn by TD3: a deterministic actor and two critics. The critics' target takes the *smaller* of two estimates, because an actor finds every error that points upwards:
#
# $$ y = r + \gamma\,(1 - \text{end})\,\min(Q_1, Q_2). $$
#
# For the high level $r$ is the sum of the task's rewards over its $c$ steps. `end` says that *nothing follows*: the goal was reached. An episode that merely ran out of time does not count as an end, because the world would have gone on.
#
# ### Exercise 3 · The target
# *3 points · easy to medium · 7 minutes*
#
# Write `critic_target(rewards, ends, q1, q2, discount)`. The likeliest bug here crashes nothing; you will see what it does.
#
# <details><summary>Hint 1: a question</summary>
#
# What is the value of everything that comes after the goal was reached?
# </details>
# <details><summary>Hint 2: a nudge</summary>
#
# `ends` is bool: `~ends` is its opposite, and a bool times a number is the number or 0. `torch.minimum` works entry by entry.
# </details>
# <details><summary>Hint 3: almost the answer</summary>
#
# The reward, plus the discount times `(~ends)` times the smaller of both.
# </details>


# %% exercise="critic-target"
def critic_target(rewards: Tensor, ends: Tensor, q1: Tensor, q2: Tensor, discount: float) -> Tensor:
    """What both critics should say.

    Args:
        rewards: (B,).
        ends: (B,) bool, whether nothing follows.
        q1: (B,) the first target critic's value of the next state and action.
        q2: (B,) the second one's.
        discount: γ of one decision.

    Returns:
        (B,) targets.
    """
    ### BEGIN SOLUTION
    return rewards + discount * (~ends) * torch.minimum(q1, q2)
    ### END SOLUTION


# %% check="critic-target" points=3
checks.ch11.critic_target(critic_target)
### BEGIN HIDDEN TESTS
from saw_edu.classroom import hidden

hidden("ch11").critic_target(critic_target)
### END HIDDEN TESTS

# %% [markdown]
# First the bug, in the smallest case there is: a step that reaches the goal, learned from again and again. Its true value is 1.

# %%
for name, ended in {"your target": True, "the end forgotten": False}.items():
    value = torch.zeros(1)
    for _ in range(500):
        value = critic_target(torch.ones(1), torch.tensor([ended]), value, value, 0.99)
    print(f"{name:18} after 500 updates: {float(value):.1f}")

# %% [markdown]
# Without the end, a goal that pays 1 once seems to pay it for ever, $1 / (1 - \gamma) = 100$. The insidious part is that you will *not* see this at once: where goals are met seldom, values have hardly begun to climb when you look. Here is HIRO, live, with your target and with
# the bug, a third as long as the recorded runs below (`saw_edu/hierarchy/hiro.py` is the whole algorithm in one file, `td3.py` the rule and the flat agent):

# %%
steps = 100 if FAST else umaze.STEPS // 3
for name, target in {
    "your target": critic_target,
    "the end forgotten": lambda r, e, a, b, y: critic_target(r, torch.zeros_like(e), a, b, y),
}.items():
    agent = umaze.make_agent("none", 10, target=target)
    arrivals = agent.train(umaze.rounds_of("none", steps))
    with torch.no_grad():
        batch = agent.high_replay.sample(1_000, torch.Generator().manual_seed(0))
        inputs = agent.high_inputs(batch["paths"][:, 0], batch["goals"])
        values = agent.high.value(inputs, batch["given"] / umaze.REACH)
    last = sum(arrivals[-len(arrivals) // 5 :]) / (len(arrivals) // 5) * umaze.PLAY.horizon / umaze.EVERY
    print(f"{name:18} arrivals {last:.2f} in 50 steps, highest value {values.max():.2f}")

# %% [markdown]
# No crash, no warning, and numbers that one could take for each other. A unit test of the target finds in a second what a training curve hides for hours.

# %% [markdown]
# ## 4 · Round the corner
#
# Now the recorded runs: five seeds, 3,000 steps in each of 64 worlds, as many updates of a flat net or of the low level. *Arrivals* count how often a world reaches the star in 50 steps **while exploring**; a good agent that arrives early begins again and can have more than one. The agents:
#
# - **flat** TD3, with noise in every step, and its two controls: noise **held** 5 steps, and **actions kept** for 5 steps, where the agent also *decides* only every fifth step, so that rewards have five times fewer decisions to travel;
# - **HIRO**, in three versions that section 5 is about;
# - flat TD3 once more, trained with goals **everywhere** in the maze, near ones among them, instead of always at the far end.
#
# **Guess** which of them arrive.

# %% alt="Arrivals over steps for seven agents, five seeds each."
table = pd.read_csv(asset("ch11/curves.csv"))
viz.show(
    figures.curves(table, tuple(umaze.KINDS)),
    alt="Seven panels. Flat: flat on zero but for one bump. Held noise: some seeds rise and fall again. Kept actions: one seed of five rises. "
    "HIRO with and without correction: most seeds rise to about one. HIRO with achieved changes: near zero. Goals everywhere: all seeds rise beyond two.",
)
print(figures.ends(table).drop(columns="seeds above .5"))
print(figures.paired(table, "hiro", ("flat", "held", "repeat", "none", "achieved")))

# %% [markdown]
# **What came.** HIRO finds the star in most seeds, and flat TD3 practically never keeps it: the paired difference is .60 [.01, 1.19] for HIRO, .82 [.25, 1.39] without its correction. So far the textbook. The controls say more:
#
# - **Held noise** finds the star earlier than HIRO does (look at the first third of its curves), and then *loses* it again: the mean falls from .74 after 1,800 steps to .36. Between it and HIRO the interval holds 0. Exploration explains that the star is *found*.
# - **Kept actions**, with few decisions to learn from, keep it in one seed of five. Here too the interval holds 0. With five seeds and such a spread we can say that hierarchy beat the plain flat agent, and *cannot* say that it beat either control.
# - **Goals everywhere**: many arrivals, but at near goals; from end to end without noise it does .11. A curriculum of near goals teaches to reach near goals first; in 3,000 steps it did not get round the corner. (We had expected it to make flat as good as HIRO. It does not show here.)
# - **Without noise** none is reliable, HIRO in about half of the episodes: a deterministic actor that is wrong in one place has no second try there.
#
# One more thing that you should ask of every such figure: who was tuned? We tried a handful of settings in one or two seeds and kept one with which HIRO learns. Nobody searched for the flat agents' best settings, so the comparison leans towards HIRO, and still the controls cannot be told from it.

# %% [markdown]
# ## 5 · Old experience lies
#
# The high level learns from a buffer: "at $s$ I asked for $g$, and came to $s'$". But the low level that carried $g$ out keeps learning. Asked for $g$ today, it would go elsewhere. For a flat agent old experience stays true, because the world does not change; for a high level **the low level is part of the world**, and that part does.
#
# HIRO's answer: do not throw the stretch away, change the *question*. Which goal $\tilde g$ would have made the **present** low level act as the old one did? Among ten candidates (the old $g$, the achieved change $s_c - s_0$, and eight draws around that change)
# it takes the likeliest:
#
# $$ \tilde g = \arg\max_{g}\; \sum_t \log \mu(a_t \mid s_t, g_t) = \arg\min_{g}\; \sum_t \lVert a_t - \mu(s_t, g_t) \rVert^2, \qquad g_0 = g,\quad g_{t+1} = h(s_t, g_t, s_{t+1}). $$
#
# ### Exercise 4 · Which goal explains these actions?
# *5 points · medium to hard · 14 minutes*
#
# Write `relabel(states, actions, candidates, low)`.
#
# <details><summary>Hint 1: a question</summary>
#
# If a candidate asks for the place $s_0 + g$, what is the relative goal at $s_t$?
# </details>
# <details><summary>Hint 2: a nudge</summary>
#
# Your `goal_transition`, applied $t$ times, gives $s_0 + g - s_t$. So all goals are known before the low level is asked: (B, K, T, 2). It wants (N, 2): `reshape(-1, 2)`, and back with `view`.
# </details>
# <details><summary>Hint 3: almost the answer</summary>
#
# `along = states[:, None].expand(B, K, T, 2)`; goals are `along[:, :, :1] + candidates[:, :, None] - along`. Square the differences to the actions, sum over the last two axes, `argmin` over K, and index the candidates. A loop over K and T is as good.
# </details>


# %% exercise="relabel"
def relabel(states: Tensor, actions: Tensor, candidates: Tensor, low) -> Tensor:
    """The candidate goal that best explains what the low level did.

    Args:
        states: (B, T, 2) before each action.
        actions: (B, T, 2) that were taken.
        candidates: (B, K, 2) relative goals, as given at the first state.
        low: the present low level: states (N, 2) and relative goals (N, 2) -> actions (N, 2).

    Returns:
        (B, 2) for each stretch the candidate with the least sum of squared differences of actions.
    """
    ### BEGIN SOLUTION
    rows, number, steps = len(states), candidates.shape[1], states.shape[1]
    along = states[:, None].expand(rows, number, steps, 2)
    goals = along[:, :, :1] + candidates[:, :, None] - along
    would = low(along.reshape(-1, 2), goals.reshape(-1, 2)).view(rows, number, steps, 2)
    best = (actions[:, None] - would).square().sum((-1, -2)).argmin(-1)
    return candidates[torch.arange(len(candidates)), best]
    ### END SOLUTION


# %% check="relabel" points=5
checks.ch11.relabel(relabel)
### BEGIN HIDDEN TESTS
from saw_edu.classroom import hidden

hidden("ch11").relabel(relabel)
### END HIDDEN TESTS

# %% [markdown]
# To see what it is worth, take all learning out. The low level below is exact: straight to its goal. The one that filled the buffer was the same, but **turned by an angle**: asked to go right, it went up. A high level then plans on the old buffer, by counting which goal led where, for the
# *new* low level. Four ways to read the buffer: goals as they were given; the goal replaced by the achieved change, always; HIRO's correction, with *your* function; and, as the best that could be hoped for, new data.
#
# Left: carry the goals out again with the new low level. How far from where the stretch ended does it end? Right: how often does the plan arrive? **Guess** at which angle uncorrected experience becomes useless, and which of the two corrections is better.

# %% alt="Error and success over the angle by which the old low level was turned, four ways to read its experience."
angles, seeds = ((0, 90), 2) if FAST else (rotated.ANGLES, 5)
turned = pd.concat([rotated.compare(angle, seed, relabel) for angle in angles for seed in range(seeds)])
viz.show(
    figures.by_angle(turned),
    alt="Left: the error of goals as given climbs from half a unit to more than seven; both corrections stay below one, the achieved change "
    "near zero. Right: success with goals as given is high at 0 and 30 degrees, about half at 60 and near zero from 90; both corrections and new data stay above nine tenths.",
)
print(turned.pivot_table(index="angle", columns="kind", values="success", sort=False).round(2))

# %% [markdown]
# Uncorrected, experience is good for small changes (30° hardly hurt: a plan does not need exact goals), half spoiled at 60°, and worthless from 90° on. Corrected, old experience is nearly as good as new, at *every* angle. So the correction does what it says.
#
# But look at the pale line. "Say that you wanted what you got": the achieved change alone, one candidate, no low level asked, has the smaller error and at least the same success. (Hindsight actions, they are called in HAC, Levy et al., 2019.) Why would anyone search for more? HIRO's
# search pays where the low level *cannot* do what was done: an achieved change that the present low level would not bring about is no truth either. Our controller can go anywhere, so here that case does not arise, and we have not shown it.
#
# And online? In section 4 the three versions of HIRO differ by the correction alone. HIRO's correction against none: -.22 [-.75, .31] arrivals, so nothing can be said; "goal := change", best of all in the picture above, did clearly *worse* online than no correction (-.75 [-1.45, -.04]).
# Why? We do not know. Two differences would be worth a control: online the low level is bad at first, so that achieved changes are *small* and the critic never hears of far goals, which the actor then asks for; and in the turned experiment a high level plans on counts and does not extrapolate. And
# in 3,000 steps the low level may simply not change enough after its first hundreds to make old experience lie. The published gain of the correction is itself hard to reproduce: in one public attempt, one of 15 seeds solved the task (as its authors report). A mechanism that is true in isolation need not be what makes the whole work.

# %% [markdown]
# ## Try it
#
# **Click** a place (or use the arrow keys once the picture has the focus). The old low level, turned by the angle on the slider, was asked for it from the white circle: the thick line is what happened. The thin lines are the *present* low level with
# the goal that each way of reading would learn from. Which of them ends where the thick line ends? What do walls do to it?

# %% alt="A stretch of an old low level and what the present one makes of three goals; a click asks for another place."
stretch = figures.Stretch()
explorer = viz.click_explorer(
    stretch.draw,
    point=(8.0, 1.0),
    nearest=stretch.nearest,
    step=1.0,
    alt=stretch.alt,
    figsize=(5.6, 6.2),
    turned=(0, 180, 30, 90),
)

# %% [markdown]
# ## A question for thought (3 points)
#
# A colleague trains HIRO on a robot arm and reports: "With the off-policy correction 71 % success, without 69 %, three seeds each. The correction works." Then she throws it out to save time and adds that HIRO beats flat TD3 "because subgoals give structure".
# What is wrong with the first claim, which measurement would tell whether the correction has anything to *correct* in her run, and which two controls does her second claim need?

# %% [markdown] question="correction" points=3
# <!-- BEGIN SOLUTION -->
# *A model answer.* Two points with three seeds are well within what seeds differ by: without intervals, paired by seed if possible, nothing was shown in either direction (1 point). The correction acts only where the low level has changed since: measure how old the experience in a batch is and the
# re-simulation error of its goals, uncorrected, with the present low level; if it is small, there is nothing to correct, and a null result says nothing about the correction (1 point). For the second claim: a flat agent with temporally extended noise (is it exploration?), and a flat agent that decides only every c steps,
# or learns from c-step returns (is it shorter credit assignment?), with the same steps and updates (1 point).
# <!-- END SOLUTION -->

# %% [markdown]
# ## Summary
#
# 1. Directions that last explore: about $\sqrt{cT}$ instead of $\sqrt{T}$. Subgoals do that, and so does held noise.
# 2. A relative goal keeps its place by $h(s, g, s') = s + g - s'$.
# 3. A target without its end mask trains in silence: its values climb beyond what can be true, slowly enough not to be seen.
# 4. To a high level the low level is part of the world. When that changes, old experience has to be asked another question: HIRO's likeliest goal, or simply the change that was achieved.
# 5. In our U, two levels beat plain flat TD3 and could not be told from flat agents whose noise or actions last; the correction did not show online. Controls first, claims after.
#
# **Next:** chapter 12, subgoals in words, where hindsight relabels what was *said*.
#
# **Read on:** Nachum, Gu, Lee, Levine, *Data-efficient hierarchical reinforcement learning*, NeurIPS 2018 (HIRO); Nachum, Tang, Lu, Gu, Lee, Levine, *Why does hierarchy (sometimes) work so well in reinforcement learning?*, 2019; Fujimoto, van Hoof, Meger, *Addressing function approximation error in
# actor-critic methods*, ICML 2018 (TD3); Levy, Konidaris, Platt, Saenko, *Learning multi-level hierarchies with hindsight*, ICLR 2019 (HAC).
