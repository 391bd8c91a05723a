# %% [markdown]
# # 8 · Image subgoals and video without actions
#
# **Can a robot that was shown a task twenty times learn more of it from films of others, in which no action is recorded?**
#
# | | |
# | --- | --- |
# | **You will learn** | to tell a low level what to do by a *picture* of what is to be seen, and to draw that picture from a generator; |
# | | why a sample can be reached and a mean need not be; |
# | | what video can teach, what it cannot, and which control says so |
# | **You need** | two levels as in chapter 4, goals in hindsight as in chapter 2 |
# | **Time** | 60 minutes to read and solve, three to compute |
# | **Exercises** | five, 14 points, and one question for thought, 3 points |
#
# A robot is to pack the ball. Below, at the left, it stands in front of the open door. What will be seen a few steps later? Two runs of the same expert, and the mean of 300. **Guess before you read on:** which of these pictures would you show to a robot to tell it where to go?

# %% tags=["setup", "folded"]
# Imports, settings, recorded results
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import pandas as pd
import torch
from torch import Tensor

from saw_edu import checks, viz
from saw_edu.course.ch08 import figures, scenes
from saw_edu.course.ch08.figures import by_seed, rate
from saw_edu.envs.packing import film
from saw_edu.hierarchy import EveryN, TwoLevels
from saw_edu.hierarchy.imagine import SCALE, Imagining, Video, flow_loss, learn_to_imagine
from saw_edu.place import asset

viz.style.use()
torch.set_num_threads(1)
FAST = os.environ.get("SAW_EDU_FAST") == "1"  # set by automatic tests: less training
VIDEOS, STEPS = (30, 30) if FAST else (scenes.VIDEOS, scenes.IMAGINING.training_steps)
EPISODES = 9 if FAST else scenes.EPISODES
CLONING = replace(scenes.CLONING, steps=30) if FAST else scenes.CLONING
recorded = pd.read_csv(asset("ch08/success.csv"))
measured = pd.read_csv(asset("ch08/quality.csv"))


def mean_of(policy: object) -> float:
    """Errands done by a policy, with seed 0."""
    return sum(scenes.success(policy, seed=0, episodes=EPISODES).values()) / 3


# %% alt="A flat of two rooms, the robot in front of the open door; two pictures of what may be seen later; and their mean."
viz.show(
    figures.futures(),
    alt="A flat of two rooms. Now the robot stands in front of the open door. In one picture of the future it is back in the left room with the ball, in another it stands in the doorway with it. The mean shows faint robots in six places.",
)

# %% [markdown]
# ## 1 · A picture for a command
#
# A high level proposes a picture $w$ of what is to be seen $\delta$ steps later; a low level goes there:
#
# $$w \sim p(o_{t+\delta} \mid o_t, m), \qquad a \sim \pi(a \mid o_t, w),$$
#
# with observation $o$, mission $m$ and action $a$. Look at who needs what: $\pi$ is learned from demonstrations with actions. But **in $p$ there is no action**. Any film will do: of this robot, of another one, of a person.
#
# SuSIE (Black et al., ICLR 2024) is built so. Its high level is InstructPix2Pix, a model that edits pictures by text, trained further on robot data (BridgeData V2) and on films of people's hands (Something-Something); a subgoal lies 11 to 14 frames ahead, so says its released configuration. Its low level is a goal-conditioned policy that learned from robot data only. What the films of people
# brought, as the lecture that this course follows shows it:
#
# | success of the robot | robot data only | and films of people |
# | --- | ---: | ---: |
# | scene B, average | .30 | .50 |
# | scene C, average | .80 | .88 |
# | of these tasks, the toothpaste | .7 | .6 |
#
# **Ours is a miniature**: TinyPacking of chapter 4, filmed from above, with errands of *one* object (ball, box or cup). There are 20 demonstrations with actions, and up to 1,000 films without. A picture has eight planes, one for each thing, of 8 × 9 cells of which one is lit; the topmost row is a tray that shows what is in the hand, in the lock and in the bag.
#
# **Your guess, in numbers:** of 100 errands, how many are done with 20 demonstrations alone, with 1,000 films of robots, and with 1,000 films of a person who moves exactly as the robot would?

# %% [markdown]
# ## 2 · Film
#
# A recording is a dictionary: `frames`, `told` (the mission), `last` (whether a frame is an episode's last one). Demonstrations also have `actions`. The high level's loader must do without: not "ignore", but *never read*. A loader that looks at the actions "only to count them" fails on the first film.
#
# ### Exercise 1 · A loader that never touches actions
# *3 points · medium · 8 minutes*
#
# <details><summary>Hint 1: a question</summary>
#
# Two recordings of 5 and of 4 frames, each a single episode. At which rows of the joined frames do the episodes end?
# </details>
# <details><summary>Hint 2: a nudge</summary>
#
# Copy `last`, mark its final entry, find the marked rows (`nonzero`). Keep count of the rows that earlier recordings take.
# </details>
# <details><summary>Hint 3: almost the answer</summary>
#
# `ends.append(last.nonzero().squeeze(1) + 1 + shift)`, then `shift += len(last)`.
# </details>


# %% exercise="load-video"
def load_video(recordings: Sequence[Mapping[str, Tensor]]) -> tuple[Tensor, Tensor, Tensor]:
    """Join recordings. Nothing of them is read but `frames`, `told` and `last`, and nothing is changed.

    Args:
        recordings: each with frames (N, planes, rows, columns), told (N, words), last (N,) bool. Some have
            other columns. A recording that was cut off ends with its last frame, even if that is not marked.

    Returns:
        frames (M, planes, rows, columns) and told (M, words) of all, and episode_ends (E,): the row of
        the joined frames after each episode's last one.
    """
    ### BEGIN SOLUTION
    ends, shift = [], 0
    for recording in recordings:
        last = recording["last"].clone()
        last[-1] = True
        ends.append(last.nonzero().squeeze(1) + 1 + shift)
        shift += len(last)
    frames = torch.cat([recording["frames"] for recording in recordings])
    return frames, torch.cat([recording["told"] for recording in recordings]), torch.cat(ends)
    ### END SOLUTION


# %% check="load-video" points=3
checks.ch08.load_video(load_video)
### BEGIN HIDDEN TESTS
from saw_edu.classroom import hidden

hidden("ch08").load_video(load_video)
### END HIDDEN TESTS

# %%
demonstrations = scenes.demonstrations_of(seed=0)  # with actions
films = {"robot": scenes.film_robot(VIDEOS, 500), "person": scenes.film_person(VIDEOS, 500)}  # without
videos = {"none": Video(*load_video([demonstrations]))}
videos |= {who: Video(*load_video([demonstrations, recording])) for who, recording in films.items()}
for who, video in videos.items():
    print(f"{who:7} {len(video.episode_ends):5} episodes, {len(video):6} frames")

# %% [markdown]
# ## 3 · Which frame is the subgoal?
#
# For each frame, the one `delta` later. At the end of an episode there is none so late: then its last frame, where the errand is done.
#
# ### Exercise 2 · Pairs that never leave their episode
# *3 points · medium · 7 minutes*
#
# <details><summary>Hint 1: a question</summary>
#
# Episodes of 3 and of 5 frames: `episode_ends` is [3, 8]. Which row is the last frame of the first one?
# </details>
# <details><summary>Hint 2: a nudge</summary>
#
# Find for each row the end of its own episode, then take the smaller of `row + delta` and the last row.
# </details>
# <details><summary>Hint 3: almost the answer</summary>
#
# `torch.searchsorted(episode_ends, rows, right=True)` numbers the episode of each row.
# </details>


# %% exercise="subgoal-pairs"
def subgoal_pairs(episode_ends: Tensor, delta: int) -> Tensor:
    """The row of each frame's subgoal: `delta` later, or its own episode's last frame if that comes first.

    Args:
        episode_ends: (E,) the row after each episode's last frame, increasing; the last is N, all frames.
        delta: at least 1.

    Returns:
        (N,) whole numbers, one for each frame.
    """
    ### BEGIN SOLUTION
    rows = torch.arange(int(episode_ends[-1]))
    ends = episode_ends[torch.searchsorted(episode_ends, rows, right=True)]
    return torch.minimum(rows + delta, ends - 1)
    ### END SOLUTION


# %% check="subgoal-pairs" points=3
checks.ch08.subgoal_pairs(subgoal_pairs)
### BEGIN HIDDEN TESTS
from saw_edu.classroom import hidden

hidden("ch08").subgoal_pairs(subgoal_pairs)
### END HIDDEN TESTS

# %%
ends = videos["robot"].episode_ends
ahead = (subgoal_pairs(ends, 8) == torch.arange(len(videos["robot"])) + 8).double().mean()
print(f"8 frames ahead: {ahead:.0%} of the frames; the episode's last frame: {1 - ahead:.0%}")

# %% [markdown]
# ## 4 · To draw a picture
#
# Trained to predict the future by least squares, a net answers with the *mean* of all futures: the blurred picture at the top. Nothing is wrong with the net; the mean is the best answer to that question. To get *one* of the futures we need a generator. Ours is **flow matching** (Lipman et al., 2023). Mix the picture $x_1$ with noise $x_0$,
#
# $$x_t = (1-t)\,x_0 + t\,x_1, \qquad t \in [0, 1],$$
#
# and train a net to tell what picture to expect behind the mixture, $\hat x_1(x_t, t) = E[x_1 \mid x_t]$. (Each plane has one lit cell, so our net gives each plane a softmax over its cells and learns by cross-entropy: `flow_loss` in `saw_edu.hierarchy.imagine`. In the mixture, a lit cell is `SCALE` = 4 bright, to stand out of the noise.) Now start with noise and follow the
# arrow towards the expected picture:
#
# $$\frac{dx}{dt} = \frac{\hat x_1(x, t) - x}{1 - t} .$$
#
# At $t = 0$ there is nothing but noise to see, and $\hat x_1$ is the mean. Go a little of the way, and the mixture favours some futures over others; ask again. In $n$ Euler steps, step $k = 0 \dots n-1$ is taken at $t = k/n$, and goes $1/(n-k)$ of the way that is left. **Your guess:** what comes out with $n = 1$?
#
# ### Exercise 3 · From noise to a picture
# *3 points · medium · 8 minutes*
#
# <details><summary>Hint 1: a question</summary>
#
# A step lasts $1/n$, and at step $k$ there is $1 - k/n$ left. What is $\frac{1}{n} \cdot \frac{1}{1 - k/n}$?
# </details>
# <details><summary>Hint 2: a nudge</summary>
#
# The expected picture is `SCALE` times a softmax over the last axis, in the shape of `x`. At the end, a lit cell is to be 1 again.
# </details>
# <details><summary>Hint 3: almost the answer</summary>
#
# `x = x + (expected - x) / (flow_steps - step)`
# </details>


# %% exercise="imagine"
def imagine(
    net: Callable[[Tensor, Tensor, Tensor, Tensor], Tensor],
    now: Tensor,
    told: Tensor,
    noise: Tensor,
    flow_steps: int,
) -> Tensor:
    """Pictures of what may follow, by Euler steps from noise.

    Args:
        net: (now, told, x, t) -> logits (B, planes, cells) of each plane's lit cell; t is (B,).
        now: (B, planes, rows, columns) the present pictures, as is x.
        told: (B, words) the missions.
        noise: (B, planes, rows, columns), where the flow begins.
        flow_steps: at least 1.

    Returns:
        (B, planes, rows, columns), a lit cell being 1.
    """
    ### BEGIN SOLUTION
    x = noise
    for step in range(flow_steps):
        t = torch.full((len(now),), step / flow_steps)
        expected = SCALE * net(now, told, x, t).softmax(-1).view_as(x)
        x = x + (expected - x) / (flow_steps - step)
    return x / SCALE
    ### END SOLUTION


# %% check="imagine" points=3
checks.ch08.imagine(imagine)
### BEGIN HIDDEN TESTS
from saw_edu.classroom import hidden

hidden("ch08").imagine(imagine)
### END HIDDEN TESTS

# %% [markdown]
# Three generators, on your films and your pairs: from the demonstrations alone, with films of a robot, with films of a person.

# %%
config = Imagining(training_steps=STEPS)
trained = {}
for who, video in videos.items():
    generator = torch.Generator().manual_seed(0)
    trained[who], losses = learn_to_imagine(video, config, generator, flow_loss, subgoal_pairs, progress=True)
    print(f"{who:7} loss {losses[0]:.1f} → {sum(losses[-20:]) / 20:.2f}")
nets = trained

# %% alt="For the same moment, three samples and the mean of each of the three generators."
now, told, future = scenes.fresh(seed=0, episodes=6)
viz.show(
    figures.proposals(nets, now[92], told[92], imagine),
    alt="The robot has the ball and stands in the right room. With the demonstrations alone, box and bag move and cups are in two places. With films of a robot all else stays where it is and the robot is at the door or beyond it, though in one sample the ball is in the bag too soon. With films of a person two samples show a person and one shows nobody. The means are blurred.",
)

# %% [markdown]
# The mission is to pack the ball, and the robot has it in its hand. The second row is nearly what we want: pictures that differ from each other, sharp in most planes, in which things stay where they are. (Nearly: a ball that is in the bag before the robot is there will not be seen so soon.) In the first row, things move that nobody carries. Look at the third one. Nearly all that this net saw was people. Shown a robot,
# it answers with a person in two of three samples, and with nobody in the other.

# %% [markdown]
# ## 5 · How good is a picture?
#
# Two questions, before any robot moves. Does it show something that *can be*: one robot, on the floor; no two things in a cell; one thing in the hand at most (`film.possible`)? And does it foretell what *comes*? For the second, a trap: nearly all of a picture stays as it is.
#
# ### Exercise 4 · Overlap of what changes
# *2 points · easy · 6 minutes*
#
# <details><summary>Hint 1: a question</summary>
#
# Whoever copies the present picture: which number should they get?
# </details>
# <details><summary>Hint 2: a nudge</summary>
#
# Two masks of cells: those in which the proposal differs from now, and those in which the future does. Count cells in both, and in either.
# </details>
# <details><summary>Hint 3: almost the answer</summary>
#
# `both / either`, summed over all axes but the first (`.flatten(1).sum(1)`), and 1 where `either` is 0.
# </details>


# %% exercise="overlap-of-change"
def overlap_of_change(now: Tensor, proposed: Tensor, future: Tensor) -> Tensor:
    """Of the cells that change in the proposal or in the future, the share that changes in both.

    Args:
        now, proposed, future: (B, planes, rows, columns); lit cells are 1, all others 0.

    Returns:
        (B,) from 0 to 1; 1 where nothing changes in either.
    """
    ### BEGIN SOLUTION
    foretold, changed = proposed != now, future != now
    both = (foretold & changed).flatten(1).sum(1)
    either = (foretold | changed).flatten(1).sum(1)
    return torch.where(either == 0, 1.0, both / either.clamp(min=1))
    ### END SOLUTION


# %% check="overlap-of-change" points=2
checks.ch08.overlap_of_change(overlap_of_change)
### BEGIN HIDDEN TESTS
from saw_edu.classroom import hidden

hidden("ch08").overlap_of_change(overlap_of_change)
### END HIDDEN TESTS

# %%
now, told, future = scenes.fresh(seed=0)  # 60 episodes that no net has seen
noise = torch.randn(now.shape, generator=torch.Generator().manual_seed(0))
proposed = {"the present again": now}
for who, net in nets.items():
    proposed[f"{who}, sampled"] = film.sharpen(imagine(net, now, told, noise, 8))
    proposed[f"{who}, mean"] = film.sharpen(imagine(net, now, told, noise, 1))
print("                    cells that agree   overlap of change   can be")
for name, pictures in proposed.items():
    agree, overlap = (pictures == future).double().mean(), overlap_of_change(now, pictures, future).mean()
    print(f"{name:19} {agree:>13.3f} {overlap:>17.2f} {film.possible(pictures).double().mean():>14.2f}")

# %% [markdown]
# Cells that agree tell nothing: whoever copies the present has 99 %, and all others as much. By the overlap of what changes, films of a robot more than double what 20 demonstrations teach. (It cannot reach 1: whether the robot is 6 or 10 steps further on is a matter of luck.) The mean has less of it than a sample, read by its brightest cells: each plane's brightest cell may belong to
# another future. See how seldom the mean of the third net shows something that can be.

# %% [markdown]
# ## 6 · Does the robot get there?
#
# The low level sees both pictures from where the robot stands (`film.relative`), and learned from the 20 demonstrations, with frames 1 to 10 steps later as goals in hindsight. A picture is held for 4 steps. Pictures and actions are drawn. One seed, live:

# %%
low = scenes.clone_low(demonstrations, torch.Generator().manual_seed(20_000), CLONING)
for who, net in nets.items():
    sampled, mean = (mean_of(scenes.hierarchy(net, low, 0, flow_steps, draw=imagine)) for flow_steps in (8, 1))
    print(f"pictures learned from {who:7} sampled {sampled:.2f}, mean {mean:.2f}")
oracle = TwoLevels(scenes.Oracle(torch.Generator().manual_seed(70_000)), low, EveryN(scenes.EVERY))
print(f"the true future               {mean_of(oracle):.2f}")

# %% [markdown]
# And five seeds, recorded. In each seed, all methods have the same demonstrations and meet the same 120 errands. Two controls frame the films: a **flat** policy from the same demonstrations, which needs no pictures; and the **true future** (the expert plays on for 6 to 10 steps, and the low level is shown what came), the best picture there is.

# %% alt="Errands done with seven kinds of pictures, mean and interval over five seeds."
viz.show(
    figures.bars(recorded),
    alt="Errands done: flat policy .23, pictures from the 20 demonstrations alone .19, with 300 films of a robot .40, with 1,000 .45, at twice the pace .46, with 1,000 films of a person .27, the true future .61. Intervals are about .1 to either side.",
)

# %%
figures.films(recorded)

# %% [markdown]
# **What came.**
# - **Films of robots** lift the errands done from .19 to .40 with 300 of them, and to .45 with 1,000. (From 300 to 1,000 the difference is .05, and its interval includes 0.)
# - **Without films** pictures are no better than a flat policy: .19 against .23, and the interval of the difference includes 0. That is no matter of too long training on few data; a quarter of the steps gives .21. The hierarchy by itself brought nothing. It is the door through which films come in.
# - The **true future** gives .61. So with films the pictures are not far from the best that this low level can use (.16 below), and that low level fails in four errands of ten whatever one shows it.
# - **Films of a person**, who does exactly what the robot would do: .08 more than none, and .18 less than films of a robot. What is missing is not knowledge of the errand. It is that these two are the same: a person is drawn in another plane of the picture, and the net has no reason to think that the planes have to do with each other. Paint the robot over the person in each frame, and you have the robot's films, to the bit, and .45. SuSIE begins with a
# model that was trained on the internet's pictures; ours begins with nothing.
# - **Twice the pace** costs nothing, although its pictures lie twice as far ahead for our robot; and to halve $\delta$ in order to make up for it brings nothing.
#
# All this is with drawn actions and a picture held for 4 steps. Held for 1 or 8 steps, it is the same within the intervals; for 16 it is .09 lower. The likeliest action in place of a drawn one changes .45 to .44.

# %% [markdown]
# ## 7 · What films cannot teach
#
# Three more questions to the records.
#
# **Sampled or mean?** The same net, 8 steps of the flow or 1. The low level reads each plane's brightest cell in both cases. **The other level:** what if the low level had 1,020 demonstrations? **A thing that it never touched:** 20 demonstrations of ball and box only; the films show the cup, too. ("20 below": a low level of 20 demonstrations.)

# %%
figures.limits(recorded)

# %% [markdown]
# **What came.**
# - **Sampled or mean**: with the low level of 20 demonstrations the samples lead by .04, and the interval includes 0. With that of 1,020 they lead by .15, and it does not. (Whether a better low level makes more of a sample, five seeds do not decide: the leads differ by .12, from -.01 to .24.) With films of a *person* it is the other way: the mean does .05 better, and we have not found out why.
# - **The other level**: with 1,020 demonstrations below, the true future gives .99, and pictures from films .75. Now the pictures are the limit. And the flat policy of the same demonstrations does .92, more than both levels together: who has actions for everything needs no pictures.
# - **The cup**: films lift ball and box from .34 to .58, and the cup from .00 to .00. Even the true future, in which the cup is in the hand, does not help: the low level has never picked it up, and a film does not say how.
#
# | in the films | does it reach the robot? | by |
# | --- | --- | --- |
# | what comes next in an errand | yes | .19 → .45 |
# | the same, at another pace | yes | .46 |
# | the same, by another body | little, unless it is painted over | .27 |
# | how a new thing is handled | no, not with any picture | .00 |
#
# Beside the lecture's table, then: scenes in which films help, and a task in which they do not. That looks alike. But our zero has a reason that a control shows, and for the fall from .7 to .6 we know none.

# %% [markdown]
# ## 8 · A bug that trains in silence
#
# A colleague has stored demonstrations and films in the usual way: for each action, the frame before it. Everything else is as you have it. Watch.

# %%
cut = scenes.without_final_frames(demonstrations)
cut_video = Video(*load_video([cut, scenes.without_final_frames(films["robot"])]))
half, generator = Imagining(training_steps=STEPS // 2), torch.Generator().manual_seed(0)
theirs, losses = learn_to_imagine(cut_video, half, generator, flow_loss, subgoal_pairs, progress=True)
their_low = scenes.clone_low(cut, torch.Generator().manual_seed(20_000), CLONING)
# new episodes, stored in the same way
test = Video(*load_video([scenes.without_final_frames(scenes.film_robot(60, 9_000))]))
before, after = test.frames.float(), test.frames[subgoal_pairs(test.episode_ends, 8)].float()
drawn = film.sharpen(imagine(theirs, before, test.told, noise[: len(test)], 8))
print(f"loss {sum(losses[-20:]) / 20:.2f}, overlap of change {overlap_of_change(before, drawn, after).mean():.2f}")
print(f"pictures that can be: {film.possible(drawn).double().mean():.2f}")
print(f"errands done: {mean_of(scenes.hierarchy(theirs, their_low, 0, draw=imagine)):.2f}")

# %% [markdown]
# Loss, overlap, possible pictures: all as one would wish, with half of your steps. Errands done: none. **Your guess:** what has no picture ever shown?
#
# ### Exercise 5 · The frame after the last action
# *3 points · medium · 7 minutes*
#
# <details><summary>Hint 1: a question</summary>
#
# An episode of three actions: how many different frames did it have?
# </details>
# <details><summary>Hint 2: a nudge</summary>
#
# Go through the episodes. Each gives its rows of `before`, and then one row of `after`.
# </details>
# <details><summary>Hint 3: almost the answer</summary>
#
# `pieces += [before[start:end], after[end - 1 : end]]`; the first episode's end moves by 1, the second's by 2.
# </details>


# %% exercise="final-frames"
def final_frames(before: Tensor, after: Tensor, episode_ends: Tensor) -> tuple[Tensor, Tensor]:
    """All frames of each episode, the one after its last action too.

    Args:
        before, after: (N, ...) the frame before and the frame after each action.
        episode_ends: (E,) the row after each episode's last action.

    Returns:
        Frames (N + E, ...) in the order in which they were seen, and (E,) the row after each episode's last
        frame.
    """
    ### BEGIN SOLUTION
    pieces, start = [], 0
    for end in episode_ends.tolist():
        pieces += [before[start:end], after[end - 1 : end]]
        start = end
    return torch.cat(pieces), episode_ends + torch.arange(1, len(episode_ends) + 1)
    ### END SOLUTION


# %% check="final-frames" points=3
checks.ch08.final_frames(final_frames)
### BEGIN HIDDEN TESTS
from saw_edu.classroom import hidden

hidden("ch08").final_frames(final_frames)
### END HIDDEN TESTS

# %%
frames, ends = final_frames(*scenes.before_and_after(demonstrations))
same = torch.equal(frames, demonstrations["frames"]) and torch.equal(ends, videos["none"].episode_ends)
print("mended, the colleague's frames are those of section 2:", same)
print("\nrecorded, five seeds, with films of a robot:")
for name, source, low_name in (("all frames", "robot", "20"), ("the last one missing", "robot, cut", "20, cut")):
    overlap = measured[(measured["source"] == source) & (measured["pictures"] == "sampled")]["overlap"]
    print(f"{name}: overlap {overlap.mean():.2f}")
    print(f"   errands done {rate(by_seed(recorded, 'sampled', source, low_name))}")
    print(f"   with the true future {rate(by_seed(recorded, 'oracle', low=low_name))}")

# %% [markdown]
# No frame showed the object *in the bag*. The generator can never propose it, and the low level has never been asked for it: even the true future does not help. One frame in thirty is missing. The colleague's own test frames lack the same ones, so they cannot tell; measured on whole episodes, as recorded above, the overlap is .43 in place of .57. Ask your data a question about *ends*: is there any
# frame in which the errand is done?

# %% [markdown]
# ## 9 · Try it
#
# Click into the flat (or use the arrow keys) to put the robot somewhere; choose what it is to fetch, whose films the generator saw, and the number of the sample. At the right the proposal, in light blue what the low level does in some steps. Find a place where the generator without films lets things jump. Find one where the mean shows two robots. What does the low level do with each?

# %% alt="The robot where you put it, the picture that a generator proposes there, and the way that the low level takes."
bench = figures.Bench(nets, low)
explorer = viz.click_explorer(
    bench.draw,
    point=(1, 1),
    nearest=bench.nearest,
    fetch=["ball", "box", "cup"],
    door=["shut", "open"],
    learned_from=["robot", "none", "person"],
    pictures=["sampled", "mean"],
    number=(0, 9),
    steps=(4, 12, 1, 8),
    figsize=(9.5, 4.4),
    alt=bench.alt,
)

# %% [markdown]
# ## 10 · A question for thought
#
# *3 points*
#
# A laboratory has 50 demonstrations of its gripper and a million films of people at work. "We train the high level on everything. Where films do not help, we will collect more films."
#
# (a) Look at the table of section 1, and at yours. Give two different reasons why more films might *not* help, one in the pictures and one in the low level. (b) Which control of this chapter tells one from the other, and how? (c) The toothpaste fell from .7 to .6. What would you ask before you look for a reason?

# %% [markdown] question="more-films" points=3
# *Double-click here and write your answer, about 8 lines.*
#
# <!-- BEGIN SOLUTION -->
# *A model answer.* (a) In the pictures: the generator learned what happens to *people*; shown a gripper, it draws hands, or futures that a gripper cannot reach. Here a person who moves as the robot does helped little. In the low level: it has never done what the picture asks for, as with the cup, and films have no actions to learn that from. (1 point for two reasons, one for each level.) (b) The true future in place of
# the generator: if the robot then succeeds, the pictures were the limit, and better films (or painting the robot over the people) may help; if it fails as with the cup, the low level is the limit, and only demonstrations or own practice help. The other way round: a low level of many demonstrations with the same generator. (1 point.) (c) How many trials, and how many training runs: with ten trials, .7 and .6 differ by one. An
# interval, paired trials or more seeds before an explanation; and whether it was one task of many that was looked at because it fell. (1 point.)
# <!-- END SOLUTION -->

# %% [markdown]
# ## Summary
#
# 1. A subgoal can be a picture of what is to be seen. The level that proposes it learns from film; actions are needed by the other one only.
# 2. Pairs end with their episode, and an episode ends with the frame after its last action.
# 3. A generator starts from the mean and moves to one of the futures. Samples were worth more than means where the low level could follow.
# 4. Here films of robots doubled what 20 demonstrations did; at another pace, too. Of a person's films little arrived.
# 5. The true future in place of the generator tells which level is the limit. For a thing that the robot had never handled it was the low one.
#
# <details><summary>Symbols</summary>
#
# | symbol | in code | meaning |
# | --- | --- | --- |
# | $o, m, a$ | `observations`, `told`, `actions` | observation (picture), mission, action |
# | $w, \delta$ | `subgoals`, `delta` | subgoal (a picture), frames ahead |
# | $x_0, x_1, x_t, t$ | `noise`, `future`, `x`, `t` | noise, picture, their mixture, time of the flow |
# | $\hat x_1$ | `expected` | the picture to be expected behind a mixture |
#
# </details>
#
# ## References
#
# 1. Black et al. *Zero-Shot Robotic Manipulation with Pretrained Image-Editing Diffusion Models* (SuSIE). ICLR 2024. [arXiv 2310.10639](https://arxiv.org/abs/2310.10639); configuration in [kvablack/susie](https://github.com/kvablack/susie), `configs/base.py`
# 2. Lipman et al. *Flow Matching for Generative Modeling.* ICLR 2023. [arXiv 2210.02747](https://arxiv.org/abs/2210.02747)
# 3. Eijkelboom et al. *Variational Flow Matching for Graph Generation.* NeurIPS 2024. [arXiv 2406.04843](https://arxiv.org/abs/2406.04843) (flow matching by cross-entropy)
# 4. Stanford CS 224R, lecture on hierarchy, May 2025 (the table of section 1)
#
# ## What comes next
#
# Words, states, pictures: the high level has named its subgoals in three ways. What does the naming itself bring? **Chapter 9, "Flat, hierarchy or chain of thought?"**.
