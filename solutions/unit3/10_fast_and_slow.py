# %% [markdown]
# # 10 · Fast and slow
#
# **What should a robot do while its slow half is thinking?**
#
# | | |
# | --- | --- |
# | **You will learn** | how old a command is when it is used, and what that costs; |
# | | to run a slow and a fast level side by side, so that nobody waits; |
# | | when training for later helps, and when it does harm; where to enter a chunk of actions |
# | **You need** | chapter 4 (two levels and when to switch) |
# | **Time** | 65 minutes to read and solve, one minute to compute |
# | **Exercises** | five, 16 points, and one question for thought, 3 points |
#
# Below is one and the same errand in TinyPacking: fetch the key, open the door, pack two things. Each colour is the command of the high level that is in force. On top the high level answers at once. In the other
# two rows it is the *same* high level with the same low level below it, but an answer takes 6 ticks. (A tick is one action.) There is no learning here, and nobody errs.

# %% tags=["setup", "folded"]
# Imports, settings, recorded results
import os
import time

import pandas as pd
import torch
from torch import Tensor

from saw_edu import checks, viz
from saw_edu.course.ch10 import figures, packing, pursuit
from saw_edu.hierarchy.dual_rate import Clocked
from saw_edu.nn.mlp import MLP
from saw_edu.place import asset

viz.style.use()
torch.set_num_threads(1)
FAST = os.environ.get("SAW_EDU_FAST") == "1"  # set by automatic tests: less training

# %% alt="Three strips of coloured ticks: no thinking time, going on with the last command, standing still while thinking."
viz.show(
    figures.one_errand(latency=6),
    alt="Three rows of coloured ticks, one errand each. Without thinking time it is done first. The robot that goes on with the last "
    "command takes longer, each colour lasts too long. The robot that stands still is grey most of the time and takes longest.",
)

# %% [markdown]
# **Your guess, before you go on:** a thought of 6 ticks is a tenth of this errand. From which thinking time on will the robot fail half of its errands, if it may take twice as long as it needs?
#
# ## 1 · Why there are two rates
#
# A motor wants a new number every 20 ms (50 Hz) or faster. A vision-language model with billions of parameters takes a tenth of a second to a second for an answer. One way out is a
# hierarchy: the slow model says *what* to do, a small fast one *how*. Systems of 2025 differ in what passes between the two, and in how often:
#
# | system | from slow to fast | slow level | fast level |
# | --- | --- | --- | --- |
# | [Hi Robot](https://arxiv.org/abs/2502.19417) | a command in words | every second, or when a person speaks | action chunks of 10 flow steps |
# | [π0.5](https://arxiv.org/abs/2504.16054) | a subtask in words, by the same model | rate not published | chunks, 50 Hz targets |
# | [GR00T N1](https://arxiv.org/abs/2503.14734) | features of a layer in the middle of the model | 10 Hz | 120 Hz, chunks of 16 actions |
# | [Helix](https://www.figure.ai/news/helix) | one vector of numbers in shared memory | 7 to 9 Hz | 200 Hz |
# | [Gemini Robotics](https://arxiv.org/abs/2503.20020) | features to a decoder on the robot | in the cloud, under 160 ms | 50 Hz in effect, by chunks |
#
# (Rates as published. Hi Robot's are second-hand, from notes on the paper. GR00T N1's *released* code runs both levels once a chunk: its README gives 63 ms for 16 actions. Only Helix's text describes a slow
# level that runs all the time in the background.)
#
# While a thought takes its time, the world moves on. A command is about the world as it was **seen when the thought began**. Call the thinking time the **latency**, in ticks.
#
# ### Exercise 1 · How old is a command?
# *3 points · easy to medium · 7 minutes*
#
# The slow level looks at tick 0 and begins to think. Its command can be used `latency` ticks later. It looks again `every` ticks after its last look, or when the thought is finished, whichever is later. Write
# `command_age(ticks, latency, every)`: for each tick, how many ticks ago was the look that the command in force rests on?
#
# <details><summary>Hint 1: a question</summary>
#
# How far apart are two looks, if a thought takes 6 ticks and `every` is 4?
# </details>
# <details><summary>Hint 2: a nudge</summary>
#
# When a command comes, its age is `latency`. It grows by one a tick, until the next one comes. That repeats: `%`.
# </details>
# <details><summary>Hint 3: almost the answer</summary>
#
# With a period of `max(every, latency, 1)`: from tick `latency` on, the age is `latency` plus the remainder of what has passed since.
# </details>


# %% exercise="command-age"
def command_age(ticks: int, latency: int, every: int) -> Tensor:
    """Ages of the commands in force.

    Args:
        ticks: how many, from 0 on.
        latency: ticks from look to command, 0 or more.
        every: ticks from look to look, 1 or more; longer where a thought takes longer.

    Returns:
        (ticks,) whole numbers: ticks since the look; -1 where no command has come yet.
    """
    ### BEGIN SOLUTION
    period = max(every, latency, 1)
    time = torch.arange(ticks)
    return torch.where(time < latency, -1, latency + (time - latency) % period)
    ### END SOLUTION


# %% check="command-age" points=3
checks.ch10.command_age(command_age)
### BEGIN HIDDEN TESTS
from saw_edu.classroom import hidden

hidden("ch10").command_age(command_age)
### END HIDDEN TESTS

# %% [markdown]
# Ask it about the table, if a thought takes as long as the time between two answers (an assumption: most systems do not publish their latency):

# %% tags=["folded"]
# Rates of the table in, ages out
for name, fast_hertz, slow_hertz in (("Hi Robot", 50, 1), ("GR00T N1", 120, 10), ("Helix", 200, 8)):
    thought = round(fast_hertz / slow_hertz)
    ages = command_age(20 * thought, thought, thought)[thought:] / fast_hertz
    print(
        f"{name:9} a thought is {thought:3} ticks; a command in force is {ages.double().mean():.2f} s old on average, {ages.max():.2f} s at most"
    )

# %% [markdown]
# Twice the thinking time, nearly, at the worst: a thought in the making, and the one before it in use.
#
# ## 2 · Nobody waits
#
# A robot that stands still while it thinks (*synchronous*) never acts on an old command. It only is slow. One that goes on with the last command (*asynchronous*) needs something between the two levels that holds commands
# until they can be used, and holds on to the last one.
#
# ### Exercise 2 · Which command is in force?
# *3 points · easy · 6 minutes*
#
# Thoughts are written down as pairs: the tick in which a thought began, and its command, in the order of ticks. Write `usable_command(issued, latency, tick)`: the newest command that is usable at a tick, or None.
#
# <details><summary>Hint 1: a question</summary>
#
# If thoughts began at ticks 0, 1 and 2, and the latency is 2: which commands are usable at tick 3, and which is the newest of those?
# </details>
# <details><summary>Hint 2: a nudge</summary>
#
# A command that is on its way must not hide one that has come. And one that has come stays in force.
# </details>
# <details><summary>Hint 3: almost the answer</summary>
#
# Among the pairs with `at + latency <= tick`, the last one.
# </details>


# %% exercise="usable-command"
def usable_command(issued: list[tuple[int, object]], latency: int, tick: int) -> object:
    """The command in force.

    Args:
        issued: (tick in which the thought began, command), in the order of ticks.
        latency: ticks until a command can be used, 0 or more.
        tick: now.

    Returns:
        The newest usable command; None where there is none.
    """
    ### BEGIN SOLUTION
    found = [command for at, command in issued if at + latency <= tick]
    return found[-1] if found else None
    ### END SOLUTION


# %% check="usable-command" points=3
checks.ch10.usable_command(usable_command)
### BEGIN HIDDEN TESTS
from saw_edu.classroom import hidden

hidden("ch10").usable_command(usable_command)
### END HIDDEN TESTS


# %%
class AsyncBuffer:
    """What stands between the two levels: your rule, and the thoughts so far."""

    def __init__(self, latency: int) -> None:
        self.latency, self.issued = latency, []

    def issue(self, tick: int, command: object) -> None:
        self.issued.append((tick, command))

    def read(self, tick: int) -> object:
        return usable_command(self.issued, self.latency, tick)


# %% [markdown]
# ### Exercise 3 · The loop
# *4 points · medium · 9 minutes*
#
# Write the loop of two rates. In each tick: look once; if the slow level is free and it is time, let it begin a thought about what was seen; let the fast level act on what was seen and on what the buffer gives. The simulated
# slow level answers at once, and it is the buffer that holds its answer back, so *you* keep track of when it is free.
#
# <details><summary>Hint 1: a question</summary>
#
# When may the thought after the one that began at tick 3 begin?
# </details>
# <details><summary>Hint 2: a nudge</summary>
#
# Remember the tick of the last look. The buffer knows the latency: `buffer.latency`.
# </details>
# <details><summary>Hint 3: almost the answer</summary>
#
# `if last is None or tick - last >= max(every, buffer.latency):` issue, and remember. Then act, whatever the buffer gives.
# </details>


# %% exercise="asynchronous"
def asynchronous(buffer, look, think, act, ticks: int, every: int) -> None:
    """Run both levels for some ticks.

    Args:
        buffer: such as `AsyncBuffer`: has `latency`, `issue(tick, command)` and `read(tick)`.
        look: () -> an observation; the world moves on between two looks.
        think: observation -> command, the slow level.
        act: (observation, command or None), the fast level; called in every tick.
        ticks: how many.
        every: ticks from one look of the slow level to the next, at least.
    """
    ### BEGIN SOLUTION
    last = None
    for tick in range(ticks):
        observation = look()
        if last is None or tick - last >= max(every, buffer.latency):
            buffer.issue(tick, think(observation))
            last = tick
        act(observation, buffer.read(tick))
    ### END SOLUTION


# %% check="asynchronous" points=4
checks.ch10.asynchronous(asynchronous)
### BEGIN HIDDEN TESTS
from saw_edu.classroom import hidden

hidden("ch10").asynchronous(asynchronous)
### END HIDDEN TESTS

# %% [markdown]
# Your loop and your buffer, in TinyPacking, with the expert's two levels:

# %%
robot = packing.OneRobot(seed=1)
asynchronous(AsyncBuffer(6), robot.look, robot.think, robot.act, packing.PATIENCE, packing.EVERY)
print(f"your robot, a latency of 6: {robot.told()}")

# %% [markdown]
# The library's `hierarchy/dual_rate.py` is the same for a batch of episodes, each with its own clock. With it, five times 200 errands with things that slip, at each latency. **Guess** both curves: where do they cross?

# %% alt="Success over thinking time for a robot that stands still and one that goes on: both fall, the first much faster."
scores = pd.read_csv(asset("ch10/scores.csv"))
viz.show(
    figures.waiting_or_not(scores),
    alt="Success within 120 ticks over thinking time. Both start at 1. Standing still falls to about a fifth at 4 ticks and to nothing at 8. "
    "Going on with the last command is at about four fifths at 4 ticks and a quarter at 8.",
)
for latency in (2, 4, 8):
    ages = figures.old_commands(latency)
    print(f"latency {latency}: " + ", ".join(f"{name} {value:.2f}" for name, value in ages.items()))

# %% [markdown]
# They do not cross. Going on is better at every latency, and yet it loses its errands at thinking times that look small. Nobody errs here; the commands are the expert's. But in a third (latency 2) to six tenths (latency 8) of the ticks they
# are the right commands *for a world that is gone*: the key is in the hand, and the order is still to get it. The errand needs about eight commands, and each change of command costs up to two thoughts.
#
# ## 3 · Thinking for later
#
# If a command is used `latency` ticks after the look, why not train the slow level to say what will be right *then*? Helix's text says it does: in training, the inputs of its two levels are offset in time by the gap they will have when deployed.
# In recorded data that is one line: pair what was seen at $t$ with the label of $t + L$.
#
# ### Exercise 4 · Labels for later, and a bug that trains in silence
# *3 points · medium · 6 minutes*
#
# Episodes lie one behind the other in one long tensor. Write `labels_ahead(labels, episode_ends, latency)`: for each row the label of `latency` rows later; where the episode ends before, that of its last row. The line that most people write first runs, and
# trains, and teaches nonsense near every episode's end.
#
# <details><summary>Hint 1: a question</summary>
#
# What stands two rows after an episode's last row?
# </details>
# <details><summary>Hint 2: a nudge</summary>
#
# You need each row's own end. `torch.searchsorted(episode_ends, rows, right=True)` is the number of the episode that a row belongs to.
# </details>
# <details><summary>Hint 3: almost the answer</summary>
#
# The row to take is the smaller one of `rows + latency` and the row's own end minus 1.
# </details>


# %% exercise="labels-ahead"
def labels_ahead(labels: Tensor, episode_ends: Tensor, latency: int) -> Tensor:
    """Each row's label some ticks later, within its episode.

    Args:
        labels: (N,) of all episodes, one behind the other.
        episode_ends: (E,) the row after each episode's last one, rising.
        latency: ticks, 0 or more.

    Returns:
        (N,) labels.
    """
    ### BEGIN SOLUTION
    rows = torch.arange(len(labels))
    last = episode_ends[torch.searchsorted(episode_ends, rows, right=True)] - 1
    return labels[torch.minimum(rows + latency, last)]
    ### END SOLUTION


# %% check="labels-ahead" points=3
checks.ch10.labels_ahead(labels_ahead)
### BEGIN HIDDEN TESTS
from saw_edu.classroom import hidden

hidden("ch10").labels_ahead(labels_ahead)
### END HIDDEN TESTS

# %% [markdown]
# Train two slow levels on the same demonstrations, one with the labels of now and one with yours, and let both be 4 ticks late. **Guess** which one does better, and by how much.

# %%
generator = torch.Generator().manual_seed(0)
walks = packing.walk(packing.dual_rate(0, every=1), 60 if FAST else packing.DEMONSTRATIONS, generator)
commands = torch.cat([row[:length] for row, length in zip(walks.commands, walks.lengths, strict=True)])
for latency in (0, 4):
    labels = labels_ahead(commands, walks.lengths.cumsum(0), latency)
    net = packing.fit_slow(packing.inputs_of(walks), labels, generator, 50 if FAST else packing.UPDATES, progress=True)
    right = (net(packing.inputs_of(walks)).argmax(1) == labels).double().mean()
    done = packing.success(packing.dual_rate(4, high=packing.slow_level(net)), seed=0)
    print(
        f"trained on the word of {latency} ticks later: says it in {right:.0%} of the demonstrations' ticks; 4 ticks late, {done:.0%} of errands done"
    )

# %% [markdown]
# If you guessed that the second is better: so did we. It is far worse. Is the idea wrong, or its use here? A second world separates the two. A ball rolls on a table and bounces off its sides; a hand follows it. The slow level commands a place; the fast one moves the hand there. We
# count the ticks in which the hand is at the ball. In one version the ball goes straight on, in another it turns at random every ten ticks or so: no training can foresee that.
#
# And in TinyPacking there is one more candidate: a slow level that learns from *its own* walks, made with the delay, on which the expert says for each tick what would have been right. Five seeds of all:

# %% tags=["folded"] alt="Three panels over thinking time: in TinyPacking training for later does harm; with a ball it helps, more so where the ball goes straight."
# Draw the recorded scores, and paired differences
viz.show(
    figures.trained_for_later(scores),
    alt="Left, TinyPacking: the level trained on words of now is best, the one trained for later from demonstrations is worst; from its own walks it comes near the first. "
    "Middle, a ball that goes straight: the place of later stays near 1 up to 4 ticks, that of now falls to four tenths. Right, a ball that turns: the same, by less.",
)
print(
    "TinyPacking, for later less for now:\n",
    figures.paired(scores, "packing", "learned, for later", "learned, for now"),
)
print(
    "\nTinyPacking, for later from own walks less for now:\n",
    figures.paired(scores, "packing", "for later, own walks", "learned, for now"),
)
print(
    "\nball that turns, for later less for now:\n",
    figures.paired(scores, "pursuit", "for later", "for now", turn=pursuit.TURNS[1]),
)

# %% [markdown]
# **What came.** With the ball, training for later helps at every latency where there is something to lose, and by more where the future can be foreseen. In TinyPacking it does harm. Two differences could be why, and the third candidate tells
# them apart in part:
#
# - *The ball goes its way whatever the hand does.* In TinyPacking the future depends on what the robot does meanwhile, and the demonstrations show a demonstrator who acts **without** delay. With labels from the level's own delayed walks the harm is gone at latencies of 2 and 4: there it
#   was the data's. At 8, two rounds of own walks did not mend it.
# - *A command that comes too early costs more than one that comes too late.* Told to pack the ball when it is packed already, our literal low level does nothing, and waits. Told to get the next thing while the ball is still in its hand, it carries the ball away and puts it down there. Even
#   from its own walks, the level that speaks of later is not clearly better than the one that speaks of now. We did not test this second explanation by itself: a low level that minds its own unfinished business would.
#
# So "train with the latency" is sound advice where three things hold: the future can be foreseen, the data know the delay, and being early is no worse than being late.
#
# ## 4 · Chunks
#
# There is another answer to a slow model: let it say more at a time. A **chunk** is a plan for the next $H$ ticks. Most policies above speak in chunks. Two questions arise: how many of its actions to execute before looking again, and, if the next chunk is computed
# meanwhile, *where to enter it*.
#
# ### Exercise 5 · Enter a chunk
# *3 points · easy · 5 minutes*
#
# A chunk was asked for at tick `asked`: its first action is meant for that very tick. It arrived at tick `arrived`. Write `chunk_action(chunk, asked, arrived, now)`: the action for tick `now`. After its last action, hold the last one. A colleague
# wrote `chunk[now - arrived]`, tried it with a short delay, and saw nothing wrong.
#
# <details><summary>Hint 1: a question</summary>
#
# The chunk was asked for at tick 10 and came at 12. Which of its actions was meant for tick 12?
# </details>
# <details><summary>Hint 2: a nudge</summary>
#
# One of the arguments is not needed.
# </details>
# <details><summary>Hint 3: almost the answer</summary>
#
# `now - asked`, but no more than the index of the last action.
# </details>


# %% exercise="chunk-action"
def chunk_action(chunk: Tensor, asked: int, arrived: int, now: int) -> Tensor:
    """The action of a chunk for one tick.

    Args:
        chunk: (H, ...) actions, the first one for the tick of the look.
        asked: the tick of the look.
        arrived: the tick in which the chunk could first be used.
        now: the tick to act in, `arrived` or later.

    Returns:
        (...) the action for `now`; the last one where the chunk is over.
    """
    ### BEGIN SOLUTION
    return chunk[min(now - asked, len(chunk) - 1)]
    ### END SOLUTION


# %% check="chunk-action" points=3
checks.ch10.chunk_action(chunk_action)
### BEGIN HIDDEN TESTS
from saw_edu.classroom import hidden

hidden("ch10").chunk_action(chunk_action)
### END HIDDEN TESTS

# %% [markdown]
# One hand, one ball that goes straight, chunks of 16 places that come 2 or 8 ticks after the look; yours beside your colleague's:

# %%
planner = pursuit.planner(
    pursuit.train_plans(0.0, torch.Generator().manual_seed(0), updates=50 if FAST else pursuit.UPDATES)
)
ball = pursuit.tracks(1, 0.0, torch.Generator().manual_seed(3))[0]
for delay in (2, 8):
    yours = pursuit.one_hand(planner, ball, delay, chunk_action)
    colleague = pursuit.one_hand(planner, ball, delay, lambda chunk, asked, arrived, now: chunk[min(now - arrived, 15)])
    print(f"delay {delay}: at the ball in {yours:.0%} of the ticks, your colleague's hand in {colleague:.0%}")

# %% [markdown]
# **Guess** before you look: with chunks, is it better to execute many places or few before the next look? Does it matter whether the ball turns?

# %% tags=["folded"] alt="Share of ticks at the ball over the number of places executed, for delays of 0, 2, 4 and 8 ticks, entered late or at the beginning."
# Draw the recorded scores
viz.show(
    figures.chunks(scores),
    alt="Two panels. All curves fall with the number of places executed before the next look, faster where the ball turns. Longer delays lie "
    "lower. Chunks entered at their beginning lie on the others for delays of 2 and 4, and far below for a delay of 8 where the ball goes straight.",
)

# %% [markdown]
# Few is better than many in every curve (from one to four places there is hardly a difference while the ball goes straight): a chunk is an excuse for being slow, and not a virtue by itself. What a chunk buys is to be seen when you compare delays with section 3. At a latency of 8 a single place, even one trained for later, kept the hand at the straight ball for about
# half of the time; a chunk entered where it should be, most of it, because it says for *every* tick of its use where to be. Where the ball turns, neither helps much: what was not seen cannot be planned.
#
# And the colleague's bug hides where the delay is short (the hand is within reach of the ball either way, and at times even a little luckier), and ruins everything where it is long. (Published policies meet a further problem: two chunks
# in a row may disagree, and the arm jerks where they meet. Real-time chunking makes the new one agree with what will have been executed by then.)
#
# ## 5 · On a real clock
#
# Simulated ticks cannot show one thing: that a thread which thinks does not stop one that acts. Here are a slow model that really is slow (a net with layers as wide as your machine needs for a few tenths of a second) and a loop of 50 Hz, first with
# the thought in line, then with the thought in a thread of its own.

# %% alt="Time since the last action, over time: in line, every action waits for a thought; in the background, most come at 20 ms."
slow = MLP(75, (1024,) * (2 if FAST else 4) + (75,), torch.Generator().manual_seed(0)).requires_grad_(False)
rows, seconds = torch.zeros(512, 75), 0.5 if FAST else 2.0
start = time.perf_counter()
slow(rows)
print(f"a thought takes about {1_000 * (time.perf_counter() - start):.0f} ms on this machine, now")
found = {}
for name, background in (("thinks in line", False), ("thinks in the background", True)):
    clock = Clocked(high=slow, low=lambda seen, command: seen[:1], hertz=50, background=background)
    found[name] = clock.run(observe=lambda: rows, apply=lambda action: None, seconds=seconds)
    late = sum(gap > 0.03 for gap in found[name]) / len(found[name])
    print(f"{name:25} {len(found[name]) / seconds:5.1f} actions a second, {late:.0%} of them more than 10 ms late")
viz.show(
    figures.gaps(found, hertz=50),
    alt="Dots on a logarithmic scale. With the thought in line every action comes as late as a thought is long. In the background most come "
    "after 20 milliseconds.",
)

# %% [markdown]
# Python's threads share one interpreter, but torch lets go of it while it multiplies matrices; so this works, on a machine with a core to spare. On a busy one you will see late actions in the background, too. That is why Helix gives each level a processor of its own.

# %% [markdown]
# ## Try it
#
# **Click** a tick (or use the arrow keys once the picture has the focus). Below: the command in force; above it, what would be right. How large may the latency be before the robot gets nowhere? What does a look in every tick buy? What changes when things slip?

# %% tags=["folded"] alt="Two strips of commands over ticks, in force and right, with a picture of the world at the chosen tick."
# The replay
replay = figures.Replay()
explorer = viz.click_explorer(
    replay.draw,
    point=(20.0, 1.0),
    step=1.0,
    alt=replay.alt,
    figsize=(10.0, 4.2),
    latency=(0, 16, 1, 6),
    every=(1, 16, 1, 4),
    while_thinking=["go on", "stand still"],
    slip=[0.0, 0.05],
)

# %% [markdown]
# ## A question for thought (3 points)
#
# A kitchen robot acts at 50 Hz in chunks of 50 actions, computed in 100 ms on board. A model in the cloud hears people and answers in 600 ms with a sentence. A person says "stop, not that one" while the hand is closing on a glass. Work out how many ticks pass, at worst, until the hand can
# react, if the robot executes 25 actions of each chunk and a sentence only counts from the next chunk on. Then propose *two* changes that would make it faster, one that needs no faster model, and say what each costs.

# %% [markdown] question="stop" points=3
# <!-- BEGIN SOLUTION -->
# *A model answer.* 600 ms are 30 ticks until the sentence is there. At worst it comes a moment after a look: the next look is up to 25 ticks away, and its chunk takes 5 more: 60 ticks, 1.2 s (1 point; without the five of the chunk's own computation, or with the model in the cloud busy with an earlier
# thought and so up to 30 more, with the reason given, counts as well). Changes: execute fewer actions of each chunk, say 5: 20 ticks less, at the cost of five times as many computations and more seams between chunks. An event that overrides: let a new sentence trigger a look at once, as Hi Robot does for people's
# interruptions; cost: chunks that are cut off, and what was planned is lost. A reflex: a small classifier on board for "stop" that halts the hand without the slow level; cost: a second system that can be wrong (1 point for each of two changes with its cost, at least one of them without a faster model).
# <!-- END SOLUTION -->

# %% [markdown]
# ## Summary
#
# 1. A command is about the world that was seen when its thought began: on average one and a half thoughts ago, if the slow level always thinks.
# 2. Going on with an old command beat standing still at every latency here. Neither stands long thoughts where commands change often.
# 3. Training for later helps where the future can be foreseen and does not depend on what you do meanwhile. In TinyPacking it did harm; up to 4 ticks because the demonstrations had no delay.
# 4. A chunk says for every tick of its use what to do. Execute as few of its actions as you can afford, and enter it where *now* is.
# 5. Two rates need two threads, and two processors.
#
# ## References
#
# - L. X. Shi et al. [Hi Robot: Open-Ended Instruction Following with Hierarchical Vision-Language-Action Models](https://arxiv.org/abs/2502.19417). ICML 2025.
# - Physical Intelligence. [π0.5: a Vision-Language-Action Model with Open-World Generalization](https://arxiv.org/abs/2504.16054). 2025.
# - NVIDIA. [GR00T N1: An Open Foundation Model for Generalist Humanoid Robots](https://arxiv.org/abs/2503.14734). 2025.
# - Figure. [Helix: A Vision-Language-Action Model for Generalist Humanoid Control](https://www.figure.ai/news/helix). 2025.
# - Gemini Robotics Team. [Gemini Robotics: Bringing AI into the Physical World](https://arxiv.org/abs/2503.20020). 2025.
#
# **Next:** unit 4 lets the levels learn by reinforcement: chapter 11, HIRO.
