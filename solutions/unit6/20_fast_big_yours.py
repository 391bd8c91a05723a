# %% [markdown]
# # 20 · Make it fast, make it big, make it yours
#
# **Where does the time go, and what is your own question?**
#
# | | |
# | --- | --- |
# | **You will learn** | to know how fast a training *could* be, and to see where the rest of the time goes; |
# | | to train many seeds at once, and to plan a sweep over machines that may die; |
# | | to write down a comparison before you run it, with as many seeds as it needs |
# | **You need** | chapters 16 to 18 |
# | **Time** | 75 minutes to read and solve, one minute to compute |
# | **Exercises** | five, 14 points, and the capstone's proposal, 6 points |
#
# Below is SAW's update at four widths on the machine that you sit at: milliseconds, and what they go into. The green part is what its matrix products would take at the fastest rate that this machine showed in the same minute.

# %% tags=["setup", "folded"]
# Imports and settings
import math
import os
from itertools import pairwise

import torch
from scipy import stats
from torch import Tensor

from saw_edu import checks, viz
from saw_edu.bench.library import flops_of_update, interleaved, meter, ratio, sized_agent
from saw_edu.course.ch20 import experiments, figures

viz.style.use()
torch.set_num_threads(1)
FAST = os.environ.get("SAW_EDU_FAST") == "1"  # set by automatic tests: shorter measurements

# %% alt="Milliseconds of SAW's update at four widths: drawing the batch, matrix products at their fastest, everything else."
widths = (32, 128) if FAST else (32, 128, 256, 512)
measured = experiments.updates("saw", widths, seconds=0.02 if FAST else 0.6)
viz.show(
    figures.where_time_goes(measured),
    alt="Stacked bars for widths from 32 to 512. At small widths nearly all the time is 'everything else'; at 512 about half of it is matrix products.",
)
for update in measured:
    print(
        f"2 × {update.width:3}: {update.milliseconds:6.1f} ms, of which at least {update.floor / update.milliseconds:.0%} are products that nobody could save"
    )

# %% [markdown]
# **Your guess before you read on:** you may make *one* thing twice as fast: drawing batches, matrix products, or Python. Which one for 2 × 32? Which for 2 × 512?
#
# A profile says what was; a **floor** says what could be. Without one, "it is slow" and "it is fast" mean nothing. So first, floors.

# %% [markdown]
# ## 1 · How much work is it?
#
# A layer with $n$ inputs and $m$ outputs multiplies each row by $n \cdot m$ weights and adds up: $2 n m$ operations a row (**FLOPs**). The way back needs two such products, one for the gradient of the layer's input and one for that of its weights. Activations and biases hardly count.
#
# ### Exercise 1 · Operations of an update
# *2 points · easy · 6 minutes*
#
# <details><summary>Hint 1: a question</summary>
#
# One layer from 3 to 2 numbers, one row: how many weights? How many operations forward, how many in all?
# </details>
# <details><summary>Hint 2: a nudge</summary>
#
# Forward: $2 \cdot$ batch $\cdot \sum n m$ over the layers.
# </details>
# <details><summary>Hint 3: almost the answer</summary>
#
# Sum `a * b for a, b in pairwise(sizes)` (neighbours in the list), times 2, times the batch, times 3 for forward and back.
# </details>


# %% exercise="update-flops"
def update_flops(sizes: list[int], batch: int) -> int:
    """Operations of the matrix products of one update of an MLP, forward and back.

    Args:
        sizes: numbers of inputs, of units of each hidden layer, and of outputs, such as [29, 512, 512, 1].
        batch: rows.

    Returns:
        Operations; a multiplication and an addition count as two.
    """
    ### BEGIN SOLUTION
    forward = 2 * batch * sum(a * b for a, b in pairwise(sizes))
    return 3 * forward
    ### END SOLUTION


# %% check="update-flops" points=2
checks.ch20.update_flops(update_flops)
### BEGIN HIDDEN TESTS
from saw_edu.classroom import hidden

hidden("ch20").update_flops(update_flops)
### END HIDDEN TESTS

# %% [markdown]
# Torch can count as well. GCBC is a single net, from a state and a goal (29 numbers each) to 8 actions:

# %%
own = update_flops([58, 256, 256, 8], experiments.BATCH)
counted = flops_of_update(sized_agent("gcbc", (256, 256)), experiments.noise(), experiments.BATCH)
print(f"yours {own / 1e6:.1f} million, counted {counted / 1e6:.1f} million: {own / counted:.2f} of it")
saw = flops_of_update(sized_agent("saw", (256, 256)), experiments.noise(), experiments.BATCH)
print(f"SAW at the same width: {saw / counted:.1f} times as many")

# %% [markdown]
# Yours is a little *above* the count: the first layer needs no gradient of its input, for nobody trains the data. That is the kind of difference to look for and to understand. SAW costs about a dozen GCBCs, for it has two values, their targets, two policies, and asks each of them about several goals.

# %% [markdown]
# ## 2 · The floor
#
# A machine has two speeds that matter: operations a second, and bytes a second between memory and where operations happen. It does both at once, so the longer of the two times is the floor. (This is the **roofline** model; Williams et al., 2009.)
#
# ### Exercise 2 · The least time
# *2 points · easy · 5 minutes*
#
# <details><summary>Hint 1: a question</summary>
#
# The operations take one second and the bytes three, side by side. When is it done?
# </details>
# <details><summary>Hint 2: a nudge</summary>
#
# Seconds = work / (work a second), once for operations and once for bytes.
# </details>
# <details><summary>Hint 3: almost the answer</summary>
#
# `max(flops / flops_per_s, moved / bytes_per_s)`
# </details>


# %% exercise="floor-seconds"
def floor_seconds(flops: float, moved: float, flops_per_s: float, bytes_per_s: float) -> float:
    """The least time that work can take on a machine that computes and fetches at once.

    Args:
        flops: operations.
        moved: bytes between memory and processor.
        flops_per_s: operations a second.
        bytes_per_s: bytes a second.

    Returns:
        Seconds.
    """
    ### BEGIN SOLUTION
    return max(flops / flops_per_s, moved / bytes_per_s)
    ### END SOLUTION


# %% check="floor-seconds" points=2
checks.ch20.floor_seconds(floor_seconds)
### BEGIN HIDDEN TESTS
from saw_edu.classroom import hidden

hidden("ch20").floor_seconds(floor_seconds)
### END HIDDEN TESTS

# %% [markdown]
# What does this machine reach? Measure a product and a copy, in turns, and let your function say what SAW's update must cost at the paper's size (3 × 512, batch 1024), a million times, for eight seeds:

# %%
square, block = torch.randn(1024, 1024), torch.randn(8_000_000)
rates = interleaved(
    {"product": meter(lambda: square @ square), "copy": meter(lambda: block.clone())}, seconds=0.05 if FAST else 0.3
)
flops_per_s = 2 * 1024**3 * max(rates["product"])
bytes_per_s = 2 * 4 * len(block) * max(rates["copy"])  # read and written
paper = flops_of_update(sized_agent("saw", (512, 512, 512)), experiments.noise(), 1024)
weights = 4 * 12 * 3 * 512**2  # bytes: about twelve nets, values, policies and targets
least = floor_seconds(paper, 3 * weights, flops_per_s, bytes_per_s)
print(f"this core: {flops_per_s / 1e9:.0f} billion operations and {bytes_per_s / 1e9:.0f} GB a second")
print(
    f"an update at the paper's size: {paper / 1e9:.0f} billion operations, at least {least:.2f} s; eight runs of a million: {8e6 * least / 86400:.0f} days"
)

# %% [markdown]
# That is why the paper used GPUs, and why chapters 1 to 17 used 2 × 128. It is also a way to read a claim such as "our code trains in an hour": divide the operations by the hour, and ask whether a machine does that.
#
# At the other end, with small nets, the floor is microseconds and the time is milliseconds: Python, dozens of small operations, each with a fixed cost. Three cures, all in this library: **compile** (`compile=True` joins small operations), **record** (on a GPU a whole update becomes one CUDA graph that is replayed), and
# **do more at once**, which comes next.

# %% [markdown]
# ## 3 · Many seeds at once
#
# Eight seeds are eight small nets that do the same to different numbers. Instead of eight products of (B, in) with (in, out), do *one* of (S, B, in) with (S, in, out).
#
# ### Exercise 3 · A layer for each seed
# *3 points · medium · 8 minutes*
#
# No loop over seeds. Beware of the biases: they are the place where this goes wrong without a word.
#
# <details><summary>Hint 1: a question</summary>
#
# (S, B, out) + (S, out): which axis of the second does torch lay over B?
# </details>
# <details><summary>Hint 2: a nudge</summary>
#
# `torch.bmm(inputs, weights)` multiplies S pairs of matrices.
# </details>
# <details><summary>Hint 3: almost the answer</summary>
#
# `biases[:, None]` has shape (S, 1, out): one bias for each seed, the same for all rows.
# </details>


# %% exercise="side-by-side"
def side_by_side(inputs: Tensor, weights: Tensor, biases: Tensor) -> Tensor:
    """A linear layer of each seed on its own inputs.

    Args:
        inputs: (S, B, in).
        weights: (S, in, out).
        biases: (S, out).

    Returns:
        (S, B, out).
    """
    ### BEGIN SOLUTION
    return torch.bmm(inputs, weights) + biases[:, None]
    ### END SOLUTION


# %% check="side-by-side" points=3
checks.ch20.side_by_side(side_by_side)
### BEGIN HIDDEN TESTS
from saw_edu.classroom import hidden

hidden("ch20").side_by_side(side_by_side)
### END HIDDEN TESTS

# %%
for width in (16, 64, 256):
    inputs, matrices, biases = experiments.nets(8, width)
    meters = {
        "together": meter(lambda: side_by_side(inputs, matrices, biases)),  # noqa: B023
        "one by one": meter(lambda: [x @ w + b for x, w, b in zip(inputs, matrices, biases, strict=True)]),  # noqa: B023
    }
    rates = interleaved(meters, seconds=0.02 if FAST else 0.3)
    print(
        f"width {width:3}: eight layers together are {ratio(rates['together'], rates['one by one']):.2f} times as fast as one by one"
    )

# %% [markdown]
# On one CPU core there is little to gain, and only where the layers are so small that starting them costs as much as doing them: a core does one thing at a time anyway. On a GPU thousands of units wait for work, and eight small nets fill what one left idle. **No GPU was at hand when this was written, so no number stands here**;
# `python -m saw_edu.reference.speed --device cuda --seeds 1 8` measures it on yours.
#
# In the library you do not write such layers: `train(..., together=True)` does it to *any* agent with `torch.func.vmap`, and every seed gets the same numbers as alone (tested to 1e-9).

# %% [markdown]
# ## 4 · A sweep over machines
#
# `saw-edu benchmark paper` is 31 data sets times some agents: hundreds of jobs. A scheduler gives each job to the machine that is free first. How long will it take?
#
# ### Exercise 4 · When is it done?
# *3 points · medium · 7 minutes*
#
# <details><summary>Hint 1: a question</summary>
#
# Jobs of 1, 2 and 4 hours, two machines. When does the third job start, and where?
# </details>
# <details><summary>Hint 2: a nudge</summary>
#
# Keep for each machine the hour at which it becomes free; all start at 0.
# </details>
# <details><summary>Hint 3: almost the answer</summary>
#
# For each job: `machine = free.index(min(free))`, then `free[machine] += length`. The answer is the latest of them.
# </details>


# %% exercise="makespan"
def makespan(hours: list[float], workers: int) -> float:
    """Hours until all jobs are done, when each goes to the machine that is free first, in the order of the list.

    Args:
        hours: what each job takes.
        workers: machines, at least one.

    Returns:
        Hours.
    """
    ### BEGIN SOLUTION
    free = [0.0] * workers
    for length in hours:
        machine = free.index(min(free))
        free[machine] += length
    return max(free)
    ### END SOLUTION


# %% check="makespan" points=3
checks.ch20.makespan(makespan)
### BEGIN HIDDEN TESTS
from saw_edu.classroom import hidden

hidden("ch20").makespan(makespan)
### END HIDDEN TESTS

# %% [markdown]
# Ten jobs on four machines: eight from states, an hour each, and two from pixels, eight hours each. **Guess:** does their order matter?

# %%
jobs = [1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 8.0, 8.0]
longest_first = sorted(jobs, reverse=True)
viz.show(
    figures.schedule(longest_first, 4),
    alt="Bars of jobs on four machines, the long ones first: two machines have one job of eight hours each, two have four short ones and are done after four hours.",
)
print(
    f"short ones first: {makespan(jobs, 4):.0f} hours; longest first: {makespan(longest_first, 4):.0f}; at best {sum(jobs) / 4:.0f}"
)

# %% [markdown]
# Longest first is a rule that is hard to beat. (Two machines are idle for half of the time even so: no order helps when two jobs are longer than a fair share.) And machines die: with `--ray`, a job whose node is killed is started again wherever there is room, and goes on from its last checkpoint. It loses at most the stretch since then, and ends with the same numbers to the last bit (`tests/test_benchmark.py` kills a node to see).

# %% [markdown]
# ## 5 · How many seeds?
#
# You want to know whether your change helps. Both variants share seeds, so you look at the *paired differences* (chapter 17). From earlier runs you know that they vary by some deviation $\sigma$. The 95 % interval of their mean over $n$ seeds is $\pm\, t_{.975,\,n-1}\, \sigma / \sqrt n$.
#
# ### Exercise 5 · Seeds for a difference
# *4 points · medium · 9 minutes*
#
# <details><summary>Hint 1: a question</summary>
#
# With two seeds, t is 12.7; with eight it is 2.4. Is 1.96 good enough?
# </details>
# <details><summary>Hint 2: a nudge</summary>
#
# n stands on both sides, so try n = 2, 3, 4, …
# </details>
# <details><summary>Hint 3: almost the answer</summary>
#
# While `stats.t.ppf(0.975, n - 1) * deviation / math.sqrt(n)` is above the difference, add one.
# </details>


# %% exercise="seeds-needed"
def seeds_needed(difference: float, deviation: float) -> int:
    """The smallest number of seeds whose 95 % interval (Student's t) is no wider to each side than a difference.

    Args:
        difference: of the paired scores, such as .05; above 0.
        deviation: standard deviation of the paired differences over seeds.

    Returns:
        n, at least 2.
    """
    ### BEGIN SOLUTION
    n = 2
    while stats.t.ppf(0.975, n - 1) * deviation / math.sqrt(n) > difference:
        n += 1
    return n
    ### END SOLUTION


# %% check="seeds-needed" points=4
checks.ch20.seeds_needed(seeds_needed)
### BEGIN HIDDEN TESTS
from saw_edu.classroom import hidden

hidden("ch20").seeds_needed(seeds_needed)
### END HIDDEN TESTS

# %% [markdown]
# So for 5 points with $\sigma$ = 6 points you take what the formula gives. Let us put that to the test where the truth is known: the difference *is* 5 points. In 2,000 imagined studies each, how often does the interval lie above zero? **Guess, for the number that you computed.**

# %%
planned = seeds_needed(0.05, 0.06)
found = {n: experiments.detected(0.05, 0.06, n, plans=200 if FAST else 2000) for n in range(3, 21)}
viz.show(
    figures.power(found, [planned]),
    alt="The share of studies that find a true difference rises from about a fifth with three seeds to over nine in ten with twenty. At the formula's number it is little more than a half.",
)
enough = next(n for n, share in found.items() if share >= 0.8)
print(
    f"the formula says {planned} seeds: the difference is found in {found[planned]:.0%} of studies; for 80 % it takes {enough}"
)

# %% [markdown]
# Little better than a coin's throw. The formula makes the interval as wide as the effect; where luck puts the mean below the effect, zero is often inside. If you want to find what is there four times in five, plan for more. And a study that did *not* find a difference has not shown that there is none: say what you could have seen.

# %% [markdown]
# ## 6 · Try it
#
# Set the two speeds of a machine, and see which of them bounds a layer of which width. Find the data sheet of a machine that you would like to have: from which width on are its operations, and no longer its memory, the floor?

# %% alt="The least time of a layer by width, by operations and by bytes, for a machine that you choose."
explorer = viz.explorer(
    figures.roofline,
    gflops_per_s=(20, 100_000, 20, 60),
    gigabytes_per_s=(5, 4000, 5, 15),
    figsize=(7.4, 4.6),
    alt="Least microseconds of a layer by its width, at {gflops_per_s} billion operations and {gigabytes_per_s} GB a second.",
)

# %% [markdown]
# ## 7 · The capstone: your own question
#
# *6 points for the proposal; the project itself is your course's final work*
#
# You have nine agents, worlds from four cells to OGBench, and a way to run them anywhere. Ask something that you do not know the answer to, **and write down how you will answer it before you run it**. What is decided afterwards is decided by the result.
#
# **The template**
#
# 1. *Question.* One sentence that ends in a question mark and could be answered with no.
# 2. *Why.* What would somebody do differently, knowing the answer?
# 3. *Comparison.* What changes, and what is held equal: data, parameters, updates, tuning effort.
# 4. *Measure.* One number: which tasks, which evaluation step, which temperature. What else you will look at, marked as exploration.
# 5. *The control that could kill your explanation.*
# 6. *Size.* Seeds by `seeds_needed` or better, and what difference you could not see. Hours by a floor or a pilot run.
# 7. *Two outcomes,* written now: "If … then I will conclude …; if not, …"
#
# **Three worked proposals**
#
# *A. Does SAW need the advantage in its bootstrapping weight?* Why: it is the part that costs a value. Comparison: SAW against SAW with $\beta$ = 0, same V (`value_from`), same updates. Measure: success at the farthest third of the giant point maze, last evaluation, actions drawn at .5. Control: $\beta$ = 0 also makes weights *smaller* on average; a third arm scales them to the same mean (chapter 17's "alike and
# loud"). Size: chapter 17's paired deviation is about .05; for .05 the formula gives 7 seeds, so 12. Outcomes: if the interval of SAW − ($\beta$ = 0) lies above 0 *and* that of SAW − scaled too, selection matters; if only the first, loudness does.
#
# *B. At which number of demonstrations does a chain of thought stop paying?* Why: labels cost money. Comparison: chapter 9's four policies of equal parameters, 60 to 2,000 demonstrations. Measure: missions done with three objects, drawn. Control: an auxiliary loss with the same labels and no thought at run time. Size: five seeds see differences of about .1 there; fewer than that we
# cannot tell. Outcomes: the number at which the paired difference's interval first includes 0, or "not up to 2,000".
#
# *C. Do shared representations help from pixels only because they see more gradients?* Why: sharing is free, if so. Comparison: SAW on the pixel maze with `share_goal_rep` on and off. Control: *off*, with the flat policy's encoder trained at twice the rate. Measure: success by distance, last of ten evaluations. Size: a pilot of two seeds tells $\sigma$; hours from its updates/s. Outcomes: as in A.
#
# **Rubric** (1 point each): a question that can be answered with no; what is held equal is named, tuning included; one measure, fixed in advance; a control that could kill the explanation, not only the effect; seeds and hours with their reasons, and what could not be seen; both outcomes written as conclusions.

# %% [markdown] question="proposal" points=6
# *Double-click here and write your proposal by the template, about a page.*
#
# <!-- BEGIN SOLUTION -->
# *Worked proposals stand above; a proposal is graded by the rubric.* Typical losses: "We investigate hierarchy" is no question (1); the new method was tuned and the baseline taken from a paper (1); success "at convergence" or at the best checkpoint (1); a control that repeats the comparison on another data set
# shows that the effect generalises, not what causes it (1); "5 seeds, as is common" (1); only the hoped-for outcome is written (1). A proposal that answers a question of the course with a *smaller* experiment than the three above can earn all points.
# <!-- END SOLUTION -->

# %% [markdown]
# ## Summary
#
# 1. Compute the floor before you call something slow: operations and bytes, the longer of the two.
# 2. Small nets wait for Python, wide ones for products. Profile at the size that you will run.
# 3. Many seeds are one batch with one more axis; biases are where it goes wrong in silence.
# 4. Longest jobs first, checkpoints always.
# 5. Decide before you run; a formula for seeds is a lower bound; what was not found may still be there.
#
# <details><summary>Symbols</summary>
#
# | symbol | in code | meaning |
# | --- | --- | --- |
# | $S, B$ | | seeds, rows of a batch |
# | $\sigma$ | `deviation` | standard deviation of paired differences over seeds |
# | $t_{.975,\,n-1}$ | `stats.t.ppf(0.975, n - 1)` | Student's t |
#
# </details>
#
# ## References
#
# 1. Williams, Waterman, Patterson. *Roofline: An Insightful Visual Performance Model for Multicore Architectures.* Communications of the ACM 52(4), 2009.
# 2. Agarwal et al. *Deep Reinforcement Learning at the Edge of the Statistical Precipice.* NeurIPS 2021. [arXiv 2108.13264](https://arxiv.org/abs/2108.13264)
# 3. Moritz et al. *Ray: A Distributed Framework for Emerging AI Applications.* OSDI 2018. [arXiv 1712.05889](https://arxiv.org/abs/1712.05889)
#
# ## What comes next
#
# Yours.
