# %% [markdown]
# # 19 · From pixels
#
# **What changes when the state is a picture?**
#
# | | |
# | --- | --- |
# | **You will learn** | what a picture costs in memory and where frames, axes and crops go wrong in silence; |
# | | what convolutions and random crops are worth in one small maze, with the controls; |
# | | which published agents lose from states to pixels, and which do not |
# | **You need** | goal-conditioned imitation as in chapter 2; chapter 18 |
# | **Time** | 60 minutes to read and solve, one to two minutes to compute |
# | **Exercises** | four, 12 points, and one question for thought, 3 points |
#
# This is what the agent sees in this chapter: a small maze from above, four pixels a cell. Beside it is the goal, a picture as well. Nobody tells it that the blue spot is itself, that dark is wall, or that both pictures show one place.

# %% tags=["setup", "folded"]
# Imports, settings, recorded results
import os
from collections.abc import Callable

import pandas as pd
import torch
from torch import Tensor
from torch.nn import functional as F

from saw_edu import checks, viz
from saw_edu.agents import SAW
from saw_edu.benchmark import report
from saw_edu.benchmark.names import DATA_SETS
from saw_edu.course.ch19 import figures, views
from saw_edu.data import Spec
from saw_edu.evaluation import seed_interval
from saw_edu.place import asset

viz.style.use()
torch.set_num_threads(1)
FAST = os.environ.get("SAW_EDU_FAST") == "1"  # set by automatic tests: less training

# %% alt="Two small pictures of a maze from above, each with a blue spot: where the agent is, and where it should go."
world = views.make_world("pixels")
states = world.sample_states(2, torch.Generator().manual_seed(3))
pictures = world.observe(states)
viz.show(
    figures.pictures(pictures, ["now", "the goal"]),
    alt="Two small pictures of a U-shaped maze. A soft blue spot is in another place in each.",
)
print(
    f"a state: {tuple(states.shape[1:])}, two numbers; a picture: {tuple(pictures.shape[1:])}, {pictures[0].numel()} numbers, {pictures.dtype}"
)

# %% [markdown]
# **Guess before you read on:** trained for as many updates on the same walks, does the agent that sees pictures do better or worse than one that is told its position in two numbers?

# %% [markdown]
# ## 1 · What a picture costs
#
# The benchmark's pictures are 64 × 64 with three colours. How much is a data set of them?

# %%
for name in ("visual-cube-single-play-v0", "visual-cube-triple-play-v0", "visual-antmaze-giant-navigate-v0"):
    data = DATA_SETS[name]
    rows = data.episodes * (data.actions + 1)
    as_bytes = rows * 64 * 64 * 3 / 2**30
    print(
        f"{name:34} {as_bytes:5.1f} GiB as bytes, {4 * as_bytes:6.1f} GiB as floats, {12 * as_bytes:6.1f} GiB as floats with three frames stacked"
    )

# %% [markdown]
# So pictures are kept as bytes (`uint8`), once each, and everything else happens to a *batch*: joining frames, turning bytes into floats, cropping. On a GPU the bytes lie on the device, so that only numbers of rows travel. Each of these three steps has its own silent bug.
#
# ### Exercise 1 · Frames that are seen together
# *3 points · medium · 8 minutes*
#
# A single picture shows no speed. So an agent often sees its last $k$ frames, joined. Which rows are those? At an episode's start there are not yet $k$ of them: then the first frame is repeated.
#
# <details><summary>Hint 1: a question</summary>
#
# Row 4 is the second of an episode that begins at row 3. Which three rows does the agent see with k = 3?
# </details>
# <details><summary>Hint 2: a nudge</summary>
#
# `torch.arange(len(first))[:, None] + torch.arange(1 - k, 1)` gives the last k rows of every row, some of them too early.
# </details>
# <details><summary>Hint 3: almost the answer</summary>
#
# No row may lie before its episode's first: `torch.maximum(rows, first[:, None])`.
# </details>


# %% exercise="stack-rows"
def stack_rows(first: Tensor, k: int) -> Tensor:
    """For each row of the data, the rows of the last k frames of its episode.

    Args:
        first: (N,) the number of the first row of each row's episode.
        k: frames, the present one among them.

    Returns:
        (N, k) numbers of rows, oldest first; where the episode has fewer frames, its first row is repeated.
    """
    ### BEGIN SOLUTION
    rows = torch.arange(len(first))[:, None] + torch.arange(1 - k, 1)
    return torch.maximum(rows, first[:, None])
    ### END SOLUTION


# %% check="stack-rows" points=3
checks.ch19.stack_rows(stack_rows)
### BEGIN HIDDEN TESTS
from saw_edu.classroom import hidden

hidden("ch19").stack_rows(stack_rows)
### END HIDDEN TESTS

# %%
walks = views.make_data("pixels", seed=0)
first = torch.repeat_interleave(torch.arange(walks.num_episodes) * (views.LENGTH + 1), views.LENGTH + 1)
seen = stack_rows(first, 3)
start = views.LENGTH + 1  # the second episode begins here
viz.show(
    figures.pictures(walks.observations[seen[start + 1]], ["before", "before", "now"]),
    alt="Three frames; the first two are the same, for the episode has only begun.",
)

# %% [markdown]
# ### Exercise 2 · Bytes for a network
# *2 points · easy · 5 minutes*
#
# Data come as (B, height, width, channels) in bytes from 0 to 255. Convolutions want (B, channels, height, width), floats, about 1 in size.
#
# <details><summary>Hint 1: a question</summary>
#
# `reshape` gives the right shape. Is the picture still a picture?
# </details>
# <details><summary>Hint 2: a nudge</summary>
#
# `permute` takes the old axes in their new order. Floats first, then divide.
# </details>
# <details><summary>Hint 3: almost the answer</summary>
#
# `images.permute(0, 3, 1, 2)` and then `.float() / 255`.
# </details>


# %% exercise="to-network"
def to_network(images: Tensor) -> Tensor:
    """Pictures as convolutions want them.

    Args:
        images: (B, height, width, channels) uint8.

    Returns:
        (B, channels, height, width) float32, from 0 to 1.
    """
    ### BEGIN SOLUTION
    return images.permute(0, 3, 1, 2).float() / 255
    ### END SOLUTION


# %% check="to-network" points=2
checks.ch19.to_network(to_network)
### BEGIN HIDDEN TESTS
from saw_edu.classroom import hidden

hidden("ch19").to_network(to_network)
### END HIDDEN TESTS

# %%
kernel = torch.tensor([[-1.0, 0.0, 1.0]]).expand(1, 1, 3, 3).clone()  # finds edges from dark to light
edges = F.conv2d(to_network(pictures)[:, :1], kernel, padding=1)
print(f"a hand-made convolution finds edges between {edges.min():.1f} and {edges.max():.1f}")

# %% [markdown]
# ## 2 · Random crops
#
# A network that sees few pictures learns *those*: "when this very pixel is blue, go left". A cheap cure is the **random crop** (DrQ; Yarats et al., 2021): pad each picture by a few pixels of its own edge, and cut a window of the old size out of it, at another place each time. What should be done has not changed, and every pixel has.
#
# ### Exercise 3 · One crop
# *4 points · medium · 10 minutes*
#
# <details><summary>Hint 1: a question</summary>
#
# Padding 2, offset (0, 0): which corner of the padded picture is cut out? Which offset leaves the picture as it is?
# </details>
# <details><summary>Hint 2: a nudge</summary>
#
# `F.pad(…, mode="replicate")` repeats edges. It wants floats in the order (B, C, H, W) and the padding as (left, right, top, bottom).
# </details>
# <details><summary>Hint 3: almost the answer</summary>
#
# After padding, picture n's window is `padded[n, :, row : row + height, column : column + width]`. Stack the windows, and bring axes and type back: `.permute(0, 2, 3, 1).to(images.dtype)`.
# </details>


# %% exercise="random-crop"
def random_crop(images: Tensor, offsets: Tensor, padding: int) -> Tensor:
    """Pad each picture with copies of its edge, and cut a window of the old size out of it.

    Args:
        images: (B, height, width, channels) uint8.
        offsets: (B, 2) row and column of each window's corner in the padded picture, 0 to 2 * padding.
        padding: pixels added on each side.

    Returns:
        (B, height, width, channels) uint8.
    """
    ### BEGIN SOLUTION
    _, height, width, _ = images.shape
    padded = F.pad(images.permute(0, 3, 1, 2).float(), (padding,) * 4, mode="replicate")
    windows = [
        picture[:, row : row + height, column : column + width]
        for picture, (row, column) in zip(padded, offsets.tolist(), strict=True)
    ]
    return torch.stack(windows).permute(0, 2, 3, 1).to(images.dtype)
    ### END SOLUTION


# %% check="random-crop" points=4
checks.ch19.random_crop(random_crop)
### BEGIN HIDDEN TESTS
from saw_edu.classroom import hidden

hidden("ch19").random_crop(random_crop)
### END HIDDEN TESTS

# %% [markdown]
# Now think of a *goal-conditioned* agent. It sees two pictures, and its action depends on where the goal lies *from here*. **Guess:** may the goal be cropped at an offset of its own?
#
# ### Exercise 4 · A state and its goal
# *3 points · medium · 7 minutes*
#
# <details><summary>Hint 1: a question</summary>
#
# State and goal are the same place. The state is shifted two pixels left, the goal two right. Which action would a network learn?
# </details>
# <details><summary>Hint 2: a nudge</summary>
#
# Draw once, for each row: `torch.randint(0, 2 * padding + 1, (len(observations), 2), generator=generator)`.
# </details>
# <details><summary>Hint 3: almost the answer</summary>
#
# `crop(observations, offsets, padding), crop(goals, offsets, padding)`
# </details>


# %% exercise="crop-pair"
def crop_pair(
    observations: Tensor,
    goals: Tensor,
    crop: Callable[[Tensor, Tensor, int], Tensor],
    padding: int,
    generator: torch.Generator,
) -> tuple[Tensor, Tensor]:
    """Random crops of states and their goals that change nothing about what should be done.

    Args:
        observations: (B, height, width, channels).
        goals: (B, height, width, channels).
        crop: crops pictures at offsets, as exercise 3 does: crop(images, offsets, padding).
        padding: the largest shift.
        generator: what all draws come from.

    Returns:
        Both, cropped; every offset from 0 to 2 * padding is equally likely, row by row.
    """
    ### BEGIN SOLUTION
    offsets = torch.randint(0, 2 * padding + 1, (len(observations), 2), generator=generator)
    return crop(observations, offsets, padding), crop(goals, offsets, padding)
    ### END SOLUTION


# %% check="crop-pair" points=3
checks.ch19.crop_pair(crop_pair)
### BEGIN HIDDEN TESTS
from saw_edu.classroom import hidden

hidden("ch19").crop_pair(crop_pair)
### END HIDDEN TESTS

# %%
shifted = crop_pair(pictures[:1], pictures[1:], random_crop, 3, torch.Generator().manual_seed(1))
viz.show(
    figures.pictures(torch.cat([pictures, *shifted]), ["now", "the goal", "now, cropped", "the goal, cropped"]),
    alt="State and goal as they are and cropped: both shifted by the same few pixels, with edges repeated.",
)

# %% [markdown]
# ## 3 · One maze, six ways to see it
#
# Forty walks of fifty steps; goal-conditioned imitation; 500 updates of 64 rows; goals between any two places. Here is one policy that sees, trained before your eyes:

# %%
policy = views.train_one("pixels", seed=0, steps=10 if FAST else views.STEPS, progress=True)
print(f"goals reached: {views.success(policy, 'pixels', views.NOISE):.2f}, actions drawn")

# %% [markdown]
# And the six ways, five seeds each, recorded (`saw-edu record ch19`). **States** are the two numbers, scaled; **waves** are sines and cosines of them (chapter 16's features). **Crops** are those of exercise 4, in half of all batches; **crops apart** is the same with an offset of its own for the goal. **No convolutions** gives the picture's numbers in a row to the same kind of net that the
# states have.

# %%
recorded = pd.read_csv(asset("ch19/success.csv"))
viz.show(
    figures.bars(recorded),
    alt="Goals reached: two numbers about 70 percent, waves 86, pictures 90, pictures with crops 80 with a very wide interval, goals cropped apart 39, pictures without convolutions 9.",
)
drawn = recorded[recorded["temperature"] > 0].pivot_table(index="seed", columns="way", values="success")
for way in views.WAYS:
    low, high = seed_interval(drawn[way].to_numpy())
    more = drawn[way] - drawn["pixels"]
    print(f"{way:24} {drawn[way].mean():.2f} [{low:.2f}, {high:.2f}]", end="")
    print(
        ""
        if way == "pixels"
        else "; against pixels {:+.2f} [{:+.2f}, {:+.2f}]".format(more.mean(), *seed_interval(more.to_numpy()))
    )

# %% [markdown]
# **What came.** One thing after another:
# - *Pictures beat two numbers.* But **waves** of the same two numbers, in a net without any convolution, come close to pictures. So it is not seeing that helps, but being told in a form from which a net learns quickly; two raw numbers are not one, at this size and with 500 updates. (The nets differ in size too: the encoder has
#   more parameters. This comparison says what helps here, not what is better.)
# - *The same picture without convolutions* is useless after as many updates. A picture is only worth something to a net that is made for it.
# - *Crops did not help.* In four seeds the policy is as good as without them, in one it failed; the interval says that we do not know. In a maze that fills the picture, where every place is covered by forty walks, there may be nothing to gain. Crops earned their name where pictures are few and rich. We report it as it is.
# - *Goals cropped apart* lose half of the goals in the mean: .39 against .90, in every seed. Nothing crashed, and nothing warned. That is exercise 4's bug at its price.
#
# Most likely actions (circles) do worse in each of the six, as in chapter 2: without the walker's own noise the agent gets stuck.

# %% [markdown]
# ## 4 · One eye for all
#
# An agent such as SAW has a value, a low-level policy and a flat policy, and each of them looks at states and goals. Does each need an eye of its own? For pictures the authors let the flat policy use the *value's* goal encoder, and train it too (`share_goal_rep=True`). It saves parameters and passes through the large encoder, and lets two losses shape what is seen.

# %%
spec = Spec(64 * 64 * 3, 5, image=(64, 64, 3))
for shared in (False, True):
    networks = SAW(encoder="impala_small", share_goal_rep=shared).networks(spec, torch.Generator())
    count = sum(parameter.numel() for parameter in networks.parameters())
    print(f"share_goal_rep={shared!s:5}: {count / 1e6:.1f} million parameters, targets among them")

# %% [markdown]
# What it does to success is a question of the benchmark's size, and was not measured here: the paper's pixel results all share. It would make a capstone (chapter 20, proposal C).
#
# ## 5 · Who loses when it has to see?
#
# Seven data sets of the published tables come in both forms. Subtract:

# %%
published = report.published().pivot_table(index="dataset", columns="method", values="mean", sort=False)
pairs = [name for name in published.index if f"visual-{name}" in published.index]
change = pd.DataFrame({name: published.loc[f"visual-{name}"] - published.loc[name] for name in pairs}).T
change.index = [name.removesuffix("-v0") for name in change.index]
print(change.astype(int).to_string())

# %% [markdown]
# Read rows and columns. In ant mazes nobody gains more than a point, but for **CRL** in the giant one: +31. (It bootstraps no value through a noisy eye; whether that is the reason, the table cannot say.) QRL, strong from states there, is left with nothing. With cubes and the scene it goes both ways: HIQL gains on all four, while
# GCIQL, which climbs its critic by gradients of actions, loses 38 points and more on three; on three cubes everybody rises a little from almost nothing. And more than the eye has changed: from pixels there are half as many updates, batches a quarter as large, and crops. "Pixels are harder" is as wrong as a rule as it is right as a habit.

# %% [markdown]
# ## 6 · Try it
#
# Shift the state by up to three pixels, and the goal with it, or not. At which shift would you yourself choose another way when the goal stays?

# %% alt="A state and a goal, cropped by shifts that you choose."
cropper = figures.Cropper()
explorer = viz.explorer(
    cropper.draw,
    down=(-3, 3, 1, 2),
    right=(-3, 3, 1, -3),
    goal_too=False,
    figsize=(6.4, 3.2),
    alt="A state shifted {down} pixels down and {right} right beside its goal; the goal is shifted too: {goal_too}.",
)

# %% [markdown]
# ## 7 · A question for thought
#
# *3 points*
#
# You train a policy for a robot arm from a camera that is fixed to the ceiling. A friend suggests three augmentations: random crops, left-right mirror images, and random colours of the whole picture.
#
# (a) For each, say whether what should be done stays the same, and if not, what else you would have to change. (b) Name one task for which random *colours* would be a silent bug. (c) How would you notice that an augmentation harms, before the robot does?

# %% [markdown] question="augmentations" points=3
# *Double-click here and write your answer, about 8 lines.*
#
# <!-- BEGIN SOLUTION -->
# *A model answer.* (a) Crops of state and goal by one offset: the action stays, if actions are relative (move by so much); with absolute positions as actions a shift of the picture is another position, by a little. Mirrors: left becomes right, so the action must be mirrored too, and goals and the next observation with it; and the arm's own body is not symmetric. Colours: stays, as long as colour says nothing. (1 point for all three with
# the change that each needs.) (b) "Put the red cube into the blue bowl", or ripe fruit. (1 point.) (c) Train with and without on the same seeds and compare success on held-out episodes or in simulation, paired; or compare the loss *without* augmentation on held-out data: if it rises, the augmented examples teach something else. (1 point.)
# <!-- END SOLUTION -->

# %% [markdown]
# ## Summary
#
# 1. Keep pictures as bytes, once; join, scale and crop batches.
# 2. Three silent bugs: frames across episodes, `reshape` for `permute`, goals cropped apart from states.
# 3. What helped was a form from which a net learns quickly: waves for numbers, convolutions for pictures.
# 4. Crops must leave the right action as it is.
# 5. From states to pixels some published agents lose and others gain; ask what else changed.
#
# <details><summary>Symbols</summary>
#
# | symbol | in code | meaning |
# | --- | --- | --- |
# | $k$ | `k` | frames that are seen together |
# | $B$ | | rows of a batch |
#
# </details>
#
# ## References
#
# 1. Yarats, Kostrikov, Fergus. *Image Augmentation Is All You Need: Regularizing Deep Reinforcement Learning from Pixels.* ICLR 2021. [arXiv 2004.13649](https://arxiv.org/abs/2004.13649)
# 2. Espeholt et al. *IMPALA.* ICML 2018. [arXiv 1802.01561](https://arxiv.org/abs/1802.01561) (the encoder)
# 3. Park et al. *OGBench.* ICLR 2025. [arXiv 2410.20092](https://arxiv.org/abs/2410.20092)
#
# ## What comes next
#
# **Chapter 20, "Make it fast, make it big, make it yours"**: how long all this takes, and what you will ask.
