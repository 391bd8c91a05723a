# %% [markdown]
# # 4 · Two levels: when to move on to the next subgoal
#
# **When should the high level give the next subgoal?**
#
# | | |
# | --- | --- |
# | **You will learn** | the roll-out of a policy of two levels, each at its own pace; |
# | | two rules for moving on, and the error that each of them makes: stuck for ever, or wrong for n steps; |
# | | to measure what a rule costs and what it saves, and to find a bug that runs in silence |
# | **You need** | PyTorch, imitation as in chapter 2 (a net that predicts the expert's action) |
# | **Time** | 60 minutes to read and solve, two to three minutes to compute |
# | **Exercises** | four, 13 points, and one question for thought, 3 points |
#
# An errand: fetch the key (yellow), open the door, and pack the ball, the box and the cup into the bag (grey), in a given order. Nobody is perfect here: one *pick* in five fails,
# and at each step what is held may slip from the hand (one time in twenty).
#
# Two agents do it. Both have the same two levels: a **high level** that says in words what to do next, and a **low level** that does it. Both levels are flawless. Watch the left one.

# %% tags=["setup", "folded"]
# Imports and settings
import os
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pandas as pd
import torch
from torch import Tensor
from tqdm.auto import tqdm

from saw_edu import checks, viz
from saw_edu.course.ch04 import experiments, figures, levels, replay
from saw_edu.course.ch04.experiments import compare, literal, measure, paired
from saw_edu.viz.animation import animate

viz.style.use()
torch.set_num_threads(1)
FAST = os.environ.get("SAW_EDU_FAST") == "1"  # set by automatic tests: fewer episodes, less training
EPISODES = 10 if FAST else 100  # of each of five seeds

# %% tags=["folded"] alt="Two agents pack. The left one lets the box fall, walks on to the bag and puts down nothing, again and again."
# Two episodes with one start and one mission, and their animation
waits = replay.play(literal(levels.should_switch, "done"), slip=0.05, episode=8)
asks = replay.play(literal(levels.should_switch, "every", 4), slip=0.05, episode=8)
both = {"next subgoal when done": waits, "next subgoal every 4 steps": asks}
animate(
    replay.frames(both, first=12, last=72),
    alt="Both agents drop the box on their way to the bag. The left one walks on to the bag and puts down nothing, for ever: it is still "
    "told to pack the box. The right one is told to get the box again, and carries on.",
)

# %% [markdown]
# Both let the box fall at the same step. The left agent is told "pack the box" until it *is* packed. So it walks to the bag, puts down what it does not hold, and does so until the end of
# time. The right agent is asked for a new subgoal every 4 steps, whatever happened.
#
# **Your guess, before you go on:** of 100 such errands, how many does the left agent finish? And what is the price of asking every 4 steps?

# %% [markdown]
# ## 1 · The loop
#
# The lecture (CS 224R, "Hierarchy in Imitation and Reinforcement Learning") writes a policy of two levels like this. $o_t$ is the observation, $g_t$ the subgoal held, $a_t$ the action:
#
# > 0. Observe $o_1$ at $t = 1$.
# > 1. Plan a subgoal $g_t$ according to $\pi_{HL}(\cdot \mid o_t, \text{prompt})$.
# > 2. Until a new subgoal is selected:
# >     - execute an action $a_t$ according to $\pi_{LL}(\cdot \mid o_t, g_t)$;
# >     - $t \leftarrow t + 1$, observe $o_t$.
#
# The low level acts at every step, the high level now and then. Who says when? A **rule**: it looks at the observation, at the subgoal held, and at its **age**, the number of steps taken
# with it. Where a subgoal is held for $n$ steps each time, $T$ steps take $\lceil T / n \rceil$ calls of the high level.
#
# ### Exercise 1 · Roll out two levels
# *4 points · medium · 10 minutes*
#
# Write `rollout(observation, high, low, step, rule, max_steps)`. It returns the subgoal held at each step, and the number of calls of the high level. The rule is asked before each step but the
# first: there, nothing is held yet.
#
# <details><summary>Hint 1: a question</summary>
#
# Three things change while the loop runs: the observation, the subgoal, its age. Which of them change at every step?
# </details>
# <details><summary>Hint 2: a nudge</summary>
#
# Plan once before the loop. In the loop: ask the rule (not at the first step), perhaps plan anew and set the age to 0; act; age one more; stop if finished.
# </details>
# <details><summary>Hint 3: almost the answer</summary>
#
# `if t > 0 and rule(observation, subgoal, age): subgoal, age, calls = high(observation), 0, calls + 1`, then `held.append(subgoal)`, then
# `observation, finished = step(low(observation, subgoal))` and `age += 1`.
# </details>


# %% exercise="rollout"
def rollout(
    observation: Any,
    high: Callable[[Any], Any],
    low: Callable[[Any, Any], Any],
    step: Callable[[Any], tuple[Any, bool]],
    rule: Callable[[Any, Any, int], bool],
    max_steps: int,
) -> tuple[list[Any], int]:
    """One episode of a policy of two levels.

    Args:
        observation: the first one.
        high: observation -> subgoal.
        low: (observation, subgoal) -> action.
        step: action -> (next observation, whether the episode is finished).
        rule: (observation, subgoal, age) -> whether to ask the high level now. Age: steps taken with this subgoal.
        max_steps: the episode ends after so many steps at the latest.

    Returns:
        The subgoal held at each step (one entry a step), and how often the high level was asked.
    """
    ### BEGIN SOLUTION
    subgoal, age, calls = high(observation), 0, 1
    held = []
    for t in range(max_steps):
        if t > 0 and rule(observation, subgoal, age):
            subgoal, age, calls = high(observation), 0, calls + 1
        held.append(subgoal)
        observation, finished = step(low(observation, subgoal))
        age += 1
        if finished:
            break
    return held, calls
    ### END SOLUTION


# %% check="rollout" points=4
checks.ch04.rollout(rollout)
### BEGIN HIDDEN TESTS
from saw_edu.classroom import hidden

hidden("ch04").rollout(rollout)
### END HIDDEN TESTS

# %% [markdown]
# Your loop runs the errand of the pictures, with subgoals in words, once for each rule:

# %%
rules = {
    "every 4 steps": lambda observation, subgoal, age: age >= 4,
    "when done": lambda observation, subgoal, age: episode.done(observation, subgoal),
}
for name, rule in rules.items():
    episode = replay.Episode(slip=0.05, number=8)
    held, calls = rollout(episode.observation, episode.high, episode.low, episode.step, rule, max_steps=160)
    told = [subgoal for i, subgoal in enumerate(held) if i == 0 or held[i - 1] != subgoal]
    print(f"{name}: {len(held)} steps, {calls} calls of the high level; 160 steps mean that patience ran out")
    print("   ", ", ".join(told))

# %% [markdown]
# ## 2 · Two options
#
# The lecture names two rules, and what is good and bad about each:
#
# - **Option 1: when the low level has completed $g_t$**, as far as a detector can tell. Ideal in principle. But it is hard to estimate when something is done, and a mistake may require redoing a
#   subgoal that *was* done. Then the agent gets stuck, perpetually.
# - **Option 2: after a fixed number $n$ of steps.** Simple. But a small $n$ costs computing and puts more burden on the high level, and with a large one the low level goes on with the wrong
#   subgoal for up to $n$ steps.
#
# And one can take both: when done, but after a **timeout** at the latest.
#
# ### Exercise 2 · The rules
# *3 points · easy · 6 minutes*
#
# Write `should_switch(rule, done, age, n)` for a batch of episodes.
#
# <details><summary>Hint 1: a question</summary>
#
# Which of `done` and `age` does each rule look at?
# </details>
# <details><summary>Hint 2: a nudge</summary>
#
# A subgoal of age n has been held for n steps. And for tensors of bools, `or` is written `|`.
# </details>
# <details><summary>Hint 3: almost the answer</summary>
#
# `"every"`: `age >= n`. `"done or timeout"`: `done | (age >= n)`.
# </details>


# %% exercise="should-switch"
def should_switch(rule: str, done: Tensor, age: Tensor, n: int) -> Tensor:
    """Whether it is time to ask the high level.

    Args:
        rule: "every" (n steps), "done", or "done or timeout" (the timeout is n).
        done: (B,) bool, what the detector says of the subgoal held.
        age: (B,) steps taken with the subgoal held, at least 1; above n if somebody just lowered n.
        n: at least 1.

    Returns:
        (B,) bool.
    """
    ### BEGIN SOLUTION
    late = age >= n
    if rule == "every":
        return late
    return done if rule == "done" else done | late
    ### END SOLUTION


# %% check="should-switch" points=3
checks.ch04.should_switch(should_switch)
### BEGIN HIDDEN TESTS
from saw_edu.classroom import hidden

hidden("ch04").should_switch(should_switch)
### END HIDDEN TESTS

# %% [markdown]
# Now measure. Nothing is learned yet: the high level is the plan, the low level is literal, and the detector knows the truth. So whatever goes wrong is the *rule's* doing. All missions name three
# objects, five sets of 100 episodes, 160 steps of patience (without mishaps an errand takes 69 steps).
#
# **Guess** for each rule. And think of the control: a rule may fail because it is *stuck*, or because it is *slow*. How would you tell?


# %% alt="Success of six rules within 160 and within 480 steps, and the share of episodes that are stuck."
cases = experiments.flawless(should_switch)
patience = {steps: compare(cases, patience=int(steps), episodes=EPISODES) for steps in ("160", "480")}
viz.show(
    figures.patience(patience),
    alt="Asking every step or every 4 succeeds always. Every 16 steps succeeds in half of the episodes within 160 steps and always within 480; "
    "every 32 never, and then nearly always. Waiting until done succeeds in a quarter of them with either patience, the rest are stuck. "
    "With a timeout it succeeds nearly always.",
)
print(patience["160"].groupby("case", sort=False)[["success", "stuck", "calls", "steps"]].mean().round(2))

# %% [markdown]
# There are your two kinds of error, side by side. With $n = 16$ or 32 an agent is **late**: each finished subgoal is held on to for a while. Three times the patience, and nearly all arrive. Who
# waits until "done" is **stuck**: three times the patience helps nobody. About three in four errands end that way, although both levels and the detector are flawless! That is what the lecture
# means by "these errors are more fatal".
#
# And look at the calls. The detector needs the fewest, asking at every step the most.

# %% [markdown]
# ## 3 · Wrong for n steps
#
# So far the high level was never wrong. Let it err: with some probability a call gives another subgoal, drawn at random. Nothing slips now, so that this is the only mishap.
#
# **Guess:** which rule suffers most from a high level that errs? With $n = 1$ it is asked (and errs) most often.


# %% alt="Success and length of episodes against how often the high level errs, for five rules."
tables = []
for share in (0.0, 0.2, 0.4):
    cases = experiments.erring(should_switch, share)
    tables.append(compare(cases, slip=0.0, patience=levels.LONG, episodes=EPISODES // 2).assign(share=share))
viz.show(
    figures.errors(pd.concat(tables)),
    alt="Left: success stays near 1 for all rules but waiting until done, which falls steeply. Right: episodes get longer with every rule; "
    "with n = 1 and n = 4 alike, more with 16, and least with a detector and a timeout.",
)

# %% [markdown]
# **What came.** Waiting until *done* is hit hardest by far: "pack the cup" with empty hands is never done, so one wrong answer at the wrong moment is the end. All others arrive, later.
#
# How much later? Count *errors* times *cost of one*. At $n = 1$ the high level errs often, each time for one step. At $n = 4$ it errs a quarter as often, and each error lasts four. That is the
# same share of wrong steps, and the two curves rise together. So more calls are "more burden on the high level", as the lecture says, and shorter errors pay it back. With 16 steps an error outlasts most subgoals, and the
# agent must find back. The rule that loses least has few calls *and* a clock: a right subgoal is held until it is done, a wrong one for 16 steps at most.
#
# (Here errors are drawn anew at each call. A high level that errs in the *same* way whenever it sees the same thing is not freed by being asked again.)

# %% [markdown]
# ## 4 · A timeout
#
# A timeout frees a stuck agent. How long should it be? Too short, and it cuts subgoals that were going well: that is option 2 with all of its calls. Too long, and a stuck agent waits for nothing.
# Demonstrations tell how long a subgoal takes where all goes well: a demonstrator's labels cut an episode into **segments**.
#
# ### Exercise 3 · How long is too long?
# *3 points · easy to medium · 7 minutes*
#
# Write `pick_timeout(lengths, cut)`: the smallest timeout with which at most a share `cut` of the segments would be cut short. A segment is cut if it is *longer* than the timeout.
#
# <details><summary>Hint 1: a question</summary>
#
# For a timeout of your choice: how do you count the share of segments that it cuts?
# </details>
# <details><summary>Hint 2: a nudge</summary>
#
# The share that is longer falls as the timeout grows. Try 1, 2, 3, … and stop at the first that is good enough; or sort.
# </details>
# <details><summary>Hint 3: almost the answer</summary>
#
# `while (lengths > timeout).double().mean() > cut: timeout += 1`, starting at 1.
# </details>


# %% exercise="pick-timeout"
def pick_timeout(lengths: Tensor, cut: float) -> int:
    """A timeout that leaves most segments alone.

    Args:
        lengths: (N,) whole numbers, how many steps each subgoal of a demonstration was kept.
        cut: the share of segments that may be longer than the timeout, in [0, 1).

    Returns:
        The smallest number of steps, at least 1, with at most that share of longer segments.
    """
    ### BEGIN SOLUTION
    timeout = 1
    while (lengths > timeout).double().mean() > cut:
        timeout += 1
    return timeout
    ### END SOLUTION


# %% check="pick-timeout" points=3
checks.ch04.pick_timeout(pick_timeout)
### BEGIN HIDDEN TESTS
from saw_edu.classroom import hidden

hidden("ch04").pick_timeout(pick_timeout)
### END HIDDEN TESTS

# %% tags=["folded"] alt="How long demonstrators keep a subgoal, with the timeout; and the freed agent's subgoals beside the stuck one's."
# Segments of demonstrations, your timeout, and the agent of the first picture with it
data = levels.demonstrations(seed=0, episodes=30 if FAST else 300)
ends = torch.cat([torch.tensor([-1]), data.last_of_segment.nonzero().squeeze(1)])
TIMEOUT = pick_timeout(ends.diff(), cut=0.05)
viz.show(
    figures.segment_lengths(ends.diff(), TIMEOUT),
    alt="Many segments last a few steps, most less than ten, a few up to twenty. The timeout cuts the last twentieth.",
)
freed = replay.play(literal(should_switch, "done or timeout", TIMEOUT), slip=0.05, episode=8)
viz.show(
    figures.timelines({"when done": waits, f"done, or after {TIMEOUT}": freed}),
    alt="Left: after the fall the subgoal stays at pack the box until step 160. Right: it stays there until the timeout, then turns to "
    "get the box, and the episode succeeds.",
)

# %% [markdown]
# The same agent, the same fall, and a clock. Now read the right picture from the fall on: how many steps were lost until the timeout? That is the price of a mistake with this rule; with a
# detector that also noticed a *fall*, it would be nothing. (A rule that listens for such events is a third option. You will build one from data in section 6.)

# %% [markdown]
# ## 5 · A bug that runs in silence
#
# Many episodes run at once, each with a subgoal and a clock of its own. A colleague keeps them like this:


# %%
def colleagues_update(held: Tensor, age: Tensor, asked: Tensor, proposed: Tensor) -> tuple[Tensor, Tensor]:
    """Subgoals held for this step, and their ages after it, where some episodes asked for a new one."""
    if asked.any():
        held = torch.where(asked, proposed, held)
        age = torch.zeros_like(age)
    return held, age + 1


def with_clocks(update: Callable[..., tuple[Tensor, Tensor]], batch: int) -> pd.DataFrame:
    """Success with a timeout, where so many episodes run together."""
    policy = literal(should_switch, "done or timeout", 16)
    return measure(replace(policy, update=experiments.in_batches(update, batch)), episodes=10 if FAST else 40)


alone, together = (with_clocks(colleagues_update, batch)["success"].mean() for batch in (1, 100))
print(f"one episode at a time: success {alone:.2f}, batches of 100: success {together:.2f}")

# %% [markdown]
# No error, no NaN, and the test with a single episode passes. So does every test of "every n steps", where all clocks strike at once. But the more episodes run together, the less the timeout helps.
#
# ### Exercise 4 · Mend it
# *3 points · medium · 7 minutes*
#
# Write `mended_update(held, age, asked, proposed)`.
#
# <details><summary>Hint 1: a question</summary>
#
# Among 100 episodes, how often does *somebody* ask for a new subgoal? What happens then to the clock of one that is stuck?
# </details>
# <details><summary>Hint 2: a nudge</summary>
#
# The subgoals are treated one by one, with `torch.where`. The ages are not.
# </details>
# <details><summary>Hint 3: almost the answer</summary>
#
# `torch.where(asked, 0, age) + 1` are the ages.
# </details>


# %% exercise="mended-update"
def mended_update(held: Tensor, age: Tensor, asked: Tensor, proposed: Tensor) -> tuple[Tensor, Tensor]:
    """Subgoals and clocks of a batch, for one step.

    Args:
        held: (B,) subgoals held until now.
        age: (B,) steps taken with them.
        asked: (B,) bool, the episodes that get a new subgoal now.
        proposed: (B,) the high level's subgoals; they count where it was asked.

    Returns:
        (B,) the subgoals held for this step, and (B,) their ages after it.
    """
    ### BEGIN SOLUTION
    return torch.where(asked, proposed, held), torch.where(asked, 0, age) + 1
    ### END SOLUTION


# %% check="mended-update" points=3
checks.ch04.mended_update(mended_update)
### BEGIN HIDDEN TESTS
from saw_edu.classroom import hidden

hidden("ch04").mended_update(mended_update)
### END HIDDEN TESTS

# %% tags=["folded"] alt="Success against the number of episodes in a batch, with the colleague's clocks and with yours."
# Both ways to keep clocks, in batches of several sizes
rows = []
for batch in tqdm((1, 2, 5, 20, 100), desc="batches"):
    rows.append(with_clocks(colleagues_update, batch).assign(who="colleague's", batch=batch))
    rows.append(with_clocks(mended_update, batch).assign(who="yours", batch=batch))
viz.show(
    figures.batches(pd.concat(rows)),
    alt="With the colleague's clocks success falls from nearly 1 for single episodes to about a quarter in batches of 20 and more. With mended ones it "
    "is nearly 1 throughout.",
)

# %% [markdown]
# In a batch of 20 somebody asks at almost every step, so no clock ever reaches the timeout: success falls to that of no timeout at all. **When a result depends on the batch size, suspect something that episodes
# share.**

# %% [markdown]
# ## 6 · Learned levels
#
# Now all parts are learned by imitation, from 300 demonstrations with labels: the high level from (observation, mission) to the label, the low level from (observation, words of the label) to the
# action. The expert drops things, too, and goes back for them, so the data has such recoveries. Five seeds, each with its own demonstrations and small nets. Learning takes about a minute for each, so
# that is recorded (`saw-edu record ch04`); the roll-outs run live, with your rule and your clocks. Answers are *drawn* from the nets, at temperature 1.
#
# A detector can learn two things from a segment. **Done?** The labels say whether the subgoal was accomplished after each step. **Moved on?** They say whether the demonstrator turned to something
# else, accomplished or not. They differ where something fell.

# %%
learned = [levels.load(seed) for seed in levels.SEEDS]
fresh = levels.demonstrations(seed=99, episodes=30)  # nobody has learned from these
seen, told = fresh.next_observations, fresh.subgoals
done = levels.expert.accomplished(seen, told)
fell = fresh.last_of_segment & ~done
for name in ("done", "moves_on"):
    says = torch.stack([getattr(one, name)(seen, told) for one in learned]).double()
    where = {"done": done, "fell": fell, "else": ~done & ~fell}
    print(name, "says yes:", ", ".join(f"{what} {says[:, rows].mean():.1%}" for what, rows in where.items()))

# %% [markdown]
# **Guess, before you run the next cell:** the learned detector is right at most steps, the *true* one always. Which of the two makes the better agent, without a timeout? And where will "moved on?" lie?


# %% alt="Success against calls of the high level with learned levels, where things slip and where nothing does."
with_learned = experiments.rules_for(learned, should_switch, mended_update, TIMEOUT)
slips = compare(with_learned, episodes=EPISODES)
certain = compare(with_learned, episodes=EPISODES, slip=0.0)
viz.show(
    figures.tradeoff({"things slip": slips, "nothing slips": certain}),
    alt="Left, things slip: along n = 1 to 32 success falls from nearly 1 to 0 while calls fall from 76 to 5. The true detector has 7 calls and "
    "succeeds in half of the episodes, the learned one in more; with a timeout both reach .83 with 12 calls, and the detector of moving on .98. "
    "Right, nothing slips: all detectors succeed nearly always, with 8 to 11 calls.",
)
print(slips.groupby("case", sort=False)[["success", "stuck", "calls", "steps"]].mean().round(2))
print("\npaired differences of success over five seeds, things slip:")
for case, other in (
    ("done", "true done"),
    ("done or timeout", "done"),
    ("done or timeout", "every 4"),
    ("moves on", "every 4"),
    ("moves on", "done or timeout"),
    ("every 1", "every 4"),
):
    print("   ", paired(slips, case, other))

# %% [markdown]
# **What came.** Read the left figure from right to left. Fewer calls by a larger $n$ cost success, step by step; at $n = 32$ nothing arrives within 160 steps. Detectors lie to the upper left of that line: few calls, and with a
# timeout as many successes as $n = 4$ has with twice the calls (their paired difference includes 0). Right: where nothing slips, every detector is as good as asking at every step. Option 1 is "ideal in principle", indeed.
#
# And the surprise: on fresh demonstrations the learned detector for *done* made no mistake at all, and yet it is **better** than the true one where things slip (the interval of the paired difference is above 0). How can that be? An agent of
# learned parts gets into situations that no demonstration shows. If the detector says "done" there now and then, wrongly, that frees whoever is stuck. Two things to look at: does it? And would a *true* detector with a few
# false alarms do better than without?

# %%
lost, other = experiments.alarm_shares(with_learned["done"], EPISODES)
print(
    f"false alarms of the learned detector: {lost:.1%} of the steps after something was lost, {other:.1%} of the others\n"
)
alarms = compare(experiments.false_alarms(with_learned, shares=(0.02, 0.05, 0.1)), episodes=EPISODES)
print(alarms.groupby("case", sort=False)[["success", "stuck", "calls"]].mean().round(2))
print(paired(alarms, "true done, 2% false alarms", "true done"))
print(paired(alarms, "true done, 2% false alarms", "done"))
names = ("every 1", "every 4", "done", "true done", "done or timeout", "moves on")
print("\nthe same with the likeliest answers instead of drawn ones:")
greedy = compare(experiments.likeliest(with_learned, names), episodes=EPISODES)
print(greedy.groupby("case", sort=False)[["success", "stuck", "calls"]].mean().round(2))

# %% [markdown]
# **What came.** It does: on the agents' own ways it raises a false alarm at one to three steps in a hundred, also after something was lost; on fresh demonstrations it raised none. And a perfect detector that cries wolf at 2 % of the steps beats the perfect one, and beats the learned one, too: being asked for no reason costs a call, being stuck costs the episode. That supports the
# explanation: the learned detector gained by its mistakes. And the main finding does not hang on drawing: with the likeliest answers the order is the same.
#
# "Moved on?" is the best of all here, with a sixth of the calls of $n = 1$. It learned from the *same* segments; only the question was another one. What made it possible: demonstrators who dropped things and
# went back. **A detector can only hear of mishaps that its data contain**, and a timeout is for those that they do not.

# %% [markdown]
# ## Try it
#
# An episode under your hand: the world on the left, on the right the subgoals held over time. **Click** a step on the right (or use the arrow keys once the picture has the focus). Change the rule,
# $n$, the slip, and whether the levels are literal or learned. The same episode number has the same start and mission. Find an $n$ for which an errand with a slip of .2 still succeeds; find a learned
# agent that is stuck, and the step at which it could have known.

# %% tags=["folded"] alt="An episode of packing that can be stepped through: the world, and the subgoals held over time."
# The widget
kinds = {
    "literal": lambda rule, n: literal(should_switch, rule, n),
    "learned": lambda rule, n: experiments.with_rule(learned, should_switch, mended_update, rule, n)[0],
}
player = replay.Player(kinds)
explorer = viz.click_explorer(
    player.draw,
    point=(30.0, 0.0),
    nearest=player.nearest,
    alt=player.alt,
    figsize=(11.5, 4.6),
    levels=list(kinds),
    rule=["done", "every", "done or timeout"],
    n=(1, 32, 1, 8),
    slip=(0.0, 0.3, 0.05, 0.05),
    episode=(0, 30, 1, 8),
)

# %% [markdown]
# ## In practice
#
# Published systems use both options, and mixtures. YAY Robot's released code asks its high level every 200 steps, which is 4 s at 50 Hz, and a person's correction overrides it at once: a period, and an event. Figure's Helix runs its
# slow level at 7–9 Hz and its fast one at 200 Hz, and its policy also predicts the percentage of the task that is completed: a detector for the end. Chapter 10 comes back to those rates.

# %% [markdown]
# ## A question for thought (3 points)
#
# A kitchen robot's high level is a large language model: a call takes 2 s, in which the robot goes on with the subgoal that it holds. Its low level wipes, pours and opens. A colleague proposes a detector
# trained on demonstrations in which nothing ever went wrong, and no timeout, "as calls are expensive". Which error do you expect to see, and in which situations? Propose a rule, say from which data you
# would choose its numbers, and name one situation in which your rule is worse than your colleague's.

# %% [markdown] question="kitchen" points=3
# <!-- BEGIN SOLUTION -->
# *A model answer.* Where something goes wrong (a lid slips, a cup is moved), the subgoal cannot be completed and the detector, which has never seen that, will hardly fire: stuck for ever, the more fatal error. It may also fire early
# or late on sights that are new to it (1 point). A rule: when done, or when something unexpected happens (a detector trained on failures too, or a person who speaks), or after a timeout; the timeout from the lengths of segments,
# such as their 95 % quantile, for each kind of subgoal its own, as wiping takes longer than opening; longer than the 2 s that a call takes (1 point). It is worse where a subgoal rightly takes longer than the timeout, such as
# wiping a large table: there are calls for nothing, and each is a chance for a wrong subgoal from the high level, in the middle of something that must not be interrupted, such as pouring (1 point).
# <!-- END SOLUTION -->

# %% [markdown]
# ## Summary
#
# 1. The low level acts at every step, the high level when a rule says so: $T$ steps take $\lceil T / n \rceil$ calls where a subgoal is held for $n$ steps.
# 2. Waiting until *done* needs the fewest calls, and is stuck for ever after one mishap, even with a perfect detector. More patience does not help.
# 3. Every $n$ steps is never stuck. It is late, the more the larger $n$ is, and a wrong subgoal costs up to $n$ steps.
# 4. A timeout, long enough for most segments, keeps the few calls and frees the agent. A detector of "the demonstrator moved on" hears of mishaps as well, if its data contain them.
# 5. Ask "stuck or slow?" before you blame a rule, and suspect what a batch shares.
#
# ## References
#
# - CS 224R, Stanford. Lecture "Hierarchy in Imitation and Reinforcement Learning", sections "The main idea" and "When to move on from one subgoal to the next?".
# - R. S. Sutton, D. Precup, S. Singh. Between MDPs and semi-MDPs: a framework for temporal abstraction in reinforcement learning. Artificial Intelligence 112, 1999. Options end by a termination condition.
# - L. X. Shi et al. [Yell At Your Robot: Improving On-the-Fly from Language Corrections](https://arxiv.org/abs/2403.12910). RSS 2024.
#
# **Next:** chapter 5 asks what a subgoal should be made of: words, states or images.
