# %% [markdown]
# # 3 · Vanishing advantages: which step, when the goal is far away?
#
# **Why can a value function look right everywhere, and still not say which of two steps is the better one?**
#
# | | |
# | --- | --- |
# | **You will learn** | how fast the advantage of one step vanishes with the distance to the goal; |
# | | what noise makes of it, and why choosing a waypoint first can help, or not; |
# | | to tell which kind of error a learned value function has |
# | **You need** | chapter 2 (V and advantage-weighted regression), the normal distribution |
# | **Time** | 65 minutes to read and solve, one minute to compute |
# | **Exercises** | four, 13 points, and one question for thought, 3 points |
#
# Chapter 2 ended on a cliff: the learned V told near goals from far ones, but which of two *neighbouring* cells is nearer, it told ever worse
# with distance. Here is that cliff again, in the larger maze that unit 5 uses. Five value functions were learned there from the same play, one for each
# seed. Left: one of them, for one goal. It rises towards the star, as it should.

# %% tags=["setup", "folded"]
# Imports, the recorded value functions, and settings
import os

import torch
from torch import Tensor
from tqdm.auto import tqdm

from saw_edu import checks, viz
from saw_edu.course import giant
from saw_edu.course.ch03 import figures
from saw_edu.course.ch03.errors import error_growth, learned_errors
from saw_edu.course.ch03.walkers import arrivals, walk
from saw_edu.envs import GridMaze

viz.style.use()
torch.set_num_threads(1)
FAST = os.environ.get("SAW_EDU_FAST") == "1"  # set by automatic tests: fewer draws
DRAWS = 10 if FAST else 100  # of noise, for the walkers of section 6

# %% alt="V of one seed in the maze; where five seeds misjudge the next step; the share misjudged against distance."
world = giant.make_world()
values = giant.load("value", world.spec).policies  # five seeds
viz.show(
    figures.first_look(world, values, goal_cell=0, edges=giant.EDGES),
    alt="Left: V falls smoothly from the goal in a corner. Middle: near the goal hardly any seed misjudges which of two opposite "
    "steps leads nearer, far from it about half of the seeds do. Right: the share of misjudged choices rises from "
    "nearly 0 to one half.",
)

# %% [markdown]
# Middle: stand in the middle of a cell. Of two places one step from you, one on the way to the star and one on the way back, which
# has the higher V? Dark dots are cells where most of the five seeds get this wrong. Right: the same for all goals. Up to eight cells away hardly any
# choice is misjudged. Beyond twenty, V might as well throw a coin.
#
# **Your guess, before you go on:** what is to blame? Too little training? Too small a net? Or would a *perfect* V with a little noise look the same?
# In this chapter nothing is learned. You take the exact V, add errors of your own making, and see what they do.

# %% [markdown]
# ## 1 · How much is one step worth?
#
# Each step costs 1 until the goal is reached, and a step $i$ ahead counts $\gamma^i$. So a goal $d$ steps away has the value
#
# $$ V(d) = -\sum_{i=0}^{d-1} \gamma^i = -\frac{1 - \gamma^d}{1 - \gamma}. $$
#
# Far away it is flat: with $\gamma = .99$, all goals beyond some 400 steps have a value near $-100$. What a policy needs is a *difference*. It
# compares a place $k$ steps nearer with one $k$ steps farther:
#
# $$ \Delta(d, k) = V(d - k) - V(d + k). $$
#
# For $k = 1$ that is the choice between a step forward and a step back. We call $\Delta$ the **gap**.
#
# ### Exercise 1 · The gap
# *3 points · easy · 7 minutes*
#
# Write `advantage_gap(distances, discount, steps)`: $\Delta(d, k)$ for a tensor of distances. Where the goal is nearer than $k$ steps, the nearer
# place is the goal itself.
#
# <details><summary>Hint 1: a question</summary>
#
# What is V at the goal? And what does your formula give for a goal 2 steps away and k = 5?
# </details>
# <details><summary>Hint 2: a nudge</summary>
#
# Write V as a small function of a distance first. `tensor.clamp(min=0)` replaces what is below 0.
# </details>
# <details><summary>Hint 3: almost the answer</summary>
#
# `value((distances - steps).clamp(min=0)) - value(distances + steps)`, with `value(d) = -(1 - discount**d) / (1 - discount)`.
# </details>


# %% exercise="advantage-gap"
def advantage_gap(distances: Tensor, discount: float, steps: int) -> Tensor:
    """How much higher V is `steps` steps nearer to the goal than `steps` steps farther from it.

    Args:
        distances: (B,) steps to the goal, floats of at least 1.
        discount: γ, below 1.
        steps: k, at least 1.

    Returns:
        V(d - k) - V(d + k), (B,), for a reward of -1 a step; nothing is nearer than the goal.
    """
    ### BEGIN SOLUTION

    def value(distance: Tensor) -> Tensor:
        return -(1 - discount**distance) / (1 - discount)

    return value((distances - steps).clamp(min=0)) - value(distances + steps)
    ### END SOLUTION


# %% check="advantage-gap" points=3
checks.ch03.advantage_gap(advantage_gap)
### BEGIN HIDDEN TESTS
from saw_edu.classroom import hidden

hidden("ch03").advantage_gap(advantage_gap)
### END HIDDEN TESTS

# %% [markdown]
# ## 2 · What noise makes of it
#
# Suppose that V is right but for an error: at each of the two places a normal number with mean 0 and standard deviation $\sigma$. The farther place wins
# when the difference of the two errors exceeds the gap. If the errors correlate with $\rho$, that difference has the variance
# $\sigma^2 + \sigma^2 - 2 \rho \sigma^2$.
#
# ### Exercise 2 · The chance to misjudge
# *3 points · easy to medium · 7 minutes*
#
# Write `error_chance(gap, noise, correlation)`: the chance that the farther place looks better. `torch.special.ndtr(z)` is the chance that a standard
# normal number lies below $z$.
#
# <details><summary>Hint 1: a question</summary>
#
# Only one normal number matters here. Which one, and what is its standard deviation?
# </details>
# <details><summary>Hint 2: a nudge</summary>
#
# Nearer plus its error < farther plus its error means: (error of nearer - error of farther) < -gap.
# </details>
# <details><summary>Hint 3: almost the answer</summary>
#
# `ndtr(-gap / spread)`, where `spread` is the root of 2 σ² (1 - ρ).
# </details>


# %% exercise="error-chance"
def error_chance(gap: Tensor, noise: float, correlation: Tensor) -> Tensor:
    """The chance that errors of V reverse a comparison.

    Args:
        gap: (B,) by how much V is higher at the better place.
        noise: σ, the standard deviation of V's error at each place.
        correlation: (B,) ρ, below 1, between the errors at the two places.

    Returns:
        (B,) chances; 1/2 where the gap is 0.
    """
    ### BEGIN SOLUTION
    spread = noise * (2 * (1 - correlation)).sqrt()
    return torch.special.ndtr(-gap / spread)
    ### END SOLUTION


# %% check="error-chance" points=3
checks.ch03.error_chance(error_chance)
### BEGIN HIDDEN TESTS
from saw_edu.classroom import hidden

hidden("ch03").error_chance(error_chance)
### END HIDDEN TESTS

# %% [markdown]
# Now both together, with $\gamma = .99$ and errors that know nothing of one another ($\rho = 0$). V spans a range of 100 here, so $\sigma = 1$ is an error of one per
# cent. **Guess first:** from which distance on is the choice of a step worse than, say, 4 in 10?

# %% alt="The gap of V falls exponentially with distance; the chance to misjudge one step climbs to one half."
DISCOUNT = 0.99
viz.show(
    figures.by_distance(advantage_gap, error_chance, DISCOUNT, (0.3, 1.0, 3.0), torch.Generator().manual_seed(0)),
    alt="Left: the gap falls exponentially with the distance, for 1, 5 and 25 steps alike, in parallel lines. Right: the "
    "chance to misjudge one step rises to one half; with noise 1 it passes .4 at a distance of about 170 steps. Dots of "
    "2,000 draws lie on the computed lines.",
)
one_step = advantage_gap(torch.tensor([10.0, 50.0, 100.0, 200.0, 400.0]), DISCOUNT, 1)
print("distance   10    50   100   200   400")
print("gap     ", "  ".join(f"{gap:4.2f}" for gap in one_step))
print("wrong   ", "  ".join(f"{p:4.2f}" for p in error_chance(one_step, 1.0, torch.zeros(5))))

# %% [markdown]
# The dots are draws of noise, to test the formula: they lie on its lines. An error of one per cent is enough: from a hundred steps on, three choices in ten
# are wrong, from two hundred on it is hardly better than guessing. That is the **vanishing advantage**: the gap of one step is $2\gamma^d$ or so, and noise does not
# shrink with it.
#
# Look at the left figure once more. Longer strides do not change the *slope*. They lift the line. That is the idea of a hierarchy.

# %% [markdown]
# ## 3 · Longer strides
#
# A high level compares waypoints $k$ steps away. Its gap is $\Delta(d, k)$, much larger than $\Delta(d, 1)$. But somebody must still take a *step*: the low level compares
# steps by their value for the waypoint, which is only $k$ steps away. Both read the same noisy V. On a line, a step is either right or wrong, and two wrongs make a right: a
# step away from a wrong waypoint leads to the goal.
#
# **Guess:** for a goal 100 steps away, which waypoint is the best? Near, far, or in between?
#
# ### Exercise 3 · Two levels on a line
# *4 points · medium · 10 minutes*
#
# Write `two_level_error(distances, discount, noise, steps)`: the chance that the first step is wrong, when the waypoint is chosen $k$ steps away with independent errors, and then
# the step with independent errors of its own. Use your first two functions. A goal nearer than $k$ steps is its own waypoint.
#
# <details><summary>Hint 1: a question</summary>
#
# Each level errs or does not: four cases. In which of them is the step wrong?
# </details>
# <details><summary>Hint 2: a nudge</summary>
#
# The high level misjudges with `error_chance` of the gap at distance d for k steps. The low level's goal is `distances.clamp(max=steps)` away, and its steps are
# single ones.
# </details>
# <details><summary>Hint 3: almost the answer</summary>
#
# `high * (1 - low) + (1 - high) * low`.
# </details>


# %% exercise="two-level-error"
def two_level_error(distances: Tensor, discount: float, noise: float, steps: int) -> Tensor:
    """The chance that the first step goes the wrong way, when a waypoint is chosen first.

    Args:
        distances: (B,) steps to the goal, floats.
        discount: γ.
        noise: σ of V's errors, which are independent.
        steps: k, how far away a waypoint lies.

    Returns:
        (B,) chances.
    """
    ### BEGIN SOLUTION
    independent = torch.zeros_like(distances)
    high = error_chance(advantage_gap(distances, discount, steps), noise, independent)
    low = error_chance(advantage_gap(distances.clamp(max=steps), discount, 1), noise, independent)
    return high * (1 - low) + (1 - high) * low
    ### END SOLUTION


# %% check="two-level-error" points=4
checks.ch03.two_level_error(two_level_error)
### BEGIN HIDDEN TESTS
from saw_edu.classroom import hidden

hidden("ch03").two_level_error(two_level_error)
### END HIDDEN TESTS


# %% alt="For goals 30, 100 and 300 steps away: the chance that each level errs and that the first step is wrong, against k."
def flat_error(goal: Tensor, k: int) -> Tensor:
    """The chance that a flat policy's step is wrong; what the high level's is, with longer strides."""
    return error_chance(advantage_gap(goal, DISCOUNT, k), 1.0, torch.zeros_like(goal))


viz.show(
    figures.strides(
        two_level_error=lambda goal, k: two_level_error(goal, DISCOUNT, 1.0, k),
        parts={"flat": flat_error, "high": flat_error, "low": lambda goal, k: flat_error(goal.clamp(max=k), 1)},
        distances=(30.0, 100.0, 300.0),
    ),
    alt="With the waypoint's distance k the high level errs less and the low level more. The first step's chance to be wrong is "
    "lowest in between, and there far below the flat policy's, most of all for far goals.",
)

# %% [markdown]
# The star is the best waypoint. The high level wants it far, the low level wants it near, and the best lies in between. For a goal 300 steps away
# the flat policy nearly throws coins, and two levels misjudge their first step far less often. Nothing was learned here, and no skill was
# reused: **the hierarchy helps because it asks V better questions.**
#
# That is a strong claim from a weak experiment. Which assumption carries it? Think before you read on: what did we put into the noise?

# %% [markdown]
# ## 4 · The control: errors that neighbours share
#
# We gave each place an error of its own. A net does not err like that: it is a continuous function, so its errors at two neighbouring places are nearly equal, and a
# comparison of neighbours does not notice what they share. Your formula knows that case: $\rho$ close to 1 makes the spread small.
#
# So let errors correlate over a distance $x$, with a reach $\ell$ of 30 steps, in two ways: **rough**, $\rho = e^{-x / \ell}$, like a random walk; and **smooth**,
# $\rho = e^{-x^2 / 2\ell^2}$, with a slope at each place. (All have the same $\sigma$.)
#
# **Guess for each:** does it pay to compare places 25 steps apart instead of neighbours?

# %% alt="V along a line with three kinds of errors, and the chance to misjudge against the stride, for each kind."
line = torch.arange(0.0, 301.0, dtype=torch.float64)
viz.show(
    figures.kinds_of_errors(
        -(1 - DISCOUNT**line) / (1 - DISCOUNT), advantage_gap, DISCOUNT, noise=4.0, reach=30.0, distance=150
    ),
    alt="Left: V along a line with independent, rough and smooth errors. Right: with independent errors the chance to misjudge falls "
    "steeply with the stride k, with rough ones less, and with smooth ones it stays level until k nears the reach of 30.",
)

# %% [markdown]
# The three curves meet on the right, where two places are far enough apart to have errors of their own. On the left they could not differ more:
#
# - **independent** errors make single steps hopeless, and long strides cure it. The gap grows with $k$, the noise does not;
# - **rough** errors: the noise grows too, like $\sqrt{k}$, so strides help, but more slowly;
# - **smooth** errors: the noise grows *in proportion* to $k$, as the gap does. Below the reach, a long stride is as good as a short one. If V slopes the wrong
#   way here, it slopes the wrong way for the whole neighbourhood.
#
# So "a hierarchy asks V better questions" holds for rough errors, and for strides beyond the errors' reach. It is not a theorem about hierarchies. It is a claim about the
# errors of your V. Which ones does a learned V have?

# %% [markdown]
# ## 5 · The errors of a learned V
#
# Back to the five recorded value functions. We ask each of them, for the same cells and goals: which is better, the place $k$ steps on, or the place
# $k$ steps back? A cell is four steps wide. (Only cells count at which even the longest stride fits.) And since we know the exact V of this maze, we can also look at the *difference* of V's errors at two places, and at how
# it grows with the steps between them (what all pairs of one distance share is taken out first).
#
# **Guess:** will the right figure follow the blue, the orange or the red line?

# %% alt="A learned V's misjudgements by distance for strides of 1 to 16 steps, and how the difference of its errors grows."
mistakes = learned_errors(values, world, steps=(1, 2, 4, 8, 16))
growth = error_growth(values, world, giant.DISCOUNT, steps=(1, 2, 4, 8, 16, 32))
viz.show(
    figures.learned(mistakes, growth, giant.EDGES),
    alt="Left: misjudged choices rise with distance for every stride; strides of 1, 2 and 4 steps lie close together, those of 8 and 16 "
    "lower. Right: the difference of errors grows with the steps, at first between the lines of rough and of smooth errors, then it levels off.",
)
for k, rows in mistakes.groupby("steps"):
    far = rows[(rows.distance >= 13) & (rows.distance < 17)]
    print(f"k = {k:2}: {(far.error * far.pairs).sum() / far.pairs.sum():.0%} misjudged, goals 13 to 16 cells away")

# %% [markdown]
# **What came.** Up to some 8 steps the errors of this V drift apart faster than rough ones and not quite as fast as smooth ones; then they level off. So strides within a cell (1, 2, 4 steps) are
# much alike, and longer ones pay: the farther beyond the errors' reach, the more. Beyond 21 cells even 16 steps are often misjudged: V is too flat there for any stride that fits.
#
# So the answer to the question at the top is: an exact V with errors that neighbours share would look much the same. It is not the discount alone, nor the net alone, but a gap that
# vanishes under errors that do not. And a waypoint helps if it lies beyond the reach of the errors. In unit 5, where methods look $k = 8$ steps ahead in this very maze, you
# will see how far that carries.

# %% [markdown]
# ## 6 · From wrong steps to lost goals
#
# Does any of this matter to an agent? Four walkers cross the maze cell by cell, trusting an exact V with independent errors. A walker's V does not change while it walks: it is wrong
# in the same way each time it comes by. **Flat** walkers step to the neighbour that V puts highest. **Two levels**: look at all cells four away, pick the best, walk there by V for that
# cell, look again.
#
# Chapter 1 taught you to ask: is it the errors, or is it getting stuck? So each walker comes in two kinds. One always takes the best step. The other *draws* it, in
# proportion to $e^{V / 0.3}$: luck frees it.

# %% alt="How often flat and two-level walkers arrive, by distance, taking the best step or drawing it."
maze = GridMaze("giant").maze
distance = maze.tables()["all_pairs"].double()
exact = -(1 - 0.9**distance) / (1 - 0.9)  # (cells, cells); a step is a cell here
generator = torch.Generator().manual_seed(0)
starts, goals = torch.randint(len(exact), (2, 300), generator=generator)
noisy = exact + 0.5 * torch.randn(DRAWS, *exact.shape, generator=generator, dtype=torch.float64)
tables = {}
kinds = {"flat": (None, 0.0), "flat drawn": (None, 0.3), "two levels": (4, 0.0), "two levels drawn": (4, 0.3)}
for name, (waypoints, temperature) in tqdm(kinds.items(), desc="walkers"):
    arrived = walk(maze, noisy, starts, goals, waypoint_steps=waypoints, temperature=temperature, generator=generator)
    tables[name] = arrivals(maze, arrived, starts, goals, giant.EDGES)
viz.show(
    figures.walkers(tables),
    alt="Success against distance. A flat walker that takes the best step fails beyond a few cells; drawing steps helps it a lot; two "
    "levels do better than either far away; two levels that draw arrive nearly always.",
)

# %% [markdown]
# Both matter, and they are different things. Drawing steps frees walkers that circle around a wrong peak of V. Choosing waypoints helps most far away, and it helps
# walkers that draw as well. Which of the two does more when errors are twice as large? Change 0.5 to 1.0 and see. **When somebody shows you that a hierarchy helps, ask what a flat policy would do with a little luck.**

# %% [markdown]
# ## 7 · A bug that trains in silence
#
# Rewards can be written in another way: 0 for each step, and 1 at the goal. Then $V_{01}(d) = \gamma^d$, which orders states just as before. A colleague's code uses
# that convention, and takes $\alpha = 3$ for advantage-weighted regression from a paper whose rewards are $-1$ a step:


# %%
def colleagues_weights(values: Tensor, next_values: Tensor, alpha: float) -> Tensor:
    """How much to imitate each action: exp(α A), at most 100. (B,)"""
    advantages = next_values - values
    return (alpha * advantages).exp().clamp(max=100)


steps_to_goal = torch.tensor([2.0, 5.0, 10.0, 20.0, 40.0])
forward = colleagues_weights(0.96**steps_to_goal, 0.96 ** (steps_to_goal - 1), alpha=3.0)
backward = colleagues_weights(0.96**steps_to_goal, 0.96 ** (steps_to_goal + 1), alpha=3.0)
print("weight of a step forward :", forward.numpy().round(2))
print("weight of a step backward:", backward.numpy().round(2))

# %% [markdown]
# No error, no NaN. The loss falls. And the policy is hardly better than cloning, because forward and backward steps have nearly the same weight, even two steps from the goal. What is
# wrong is a *unit*: between the two conventions lies
#
# $$ V_{-1}(d) = \frac{V_{01}(d) - 1}{1 - \gamma}. $$
#
# ### Exercise 4 · Mend it
# *3 points · easy to medium · 8 minutes*
#
# Write `mended_weights(values, next_values, discount, alpha)`. The values are still $V_{01}$. The weights must be those that $\alpha$ was meant for: of advantages in $V_{-1}$,
# with the same clip.
#
# <details><summary>Hint 1: a question</summary>
#
# What is the difference $V_{-1}(s') - V_{-1}(s)$, written with $V_{01}$? What becomes of the $-1$?
# </details>
# <details><summary>Hint 2: a nudge</summary>
#
# One division is all that is missing. It belongs into the exponent.
# </details>
# <details><summary>Hint 3: almost the answer</summary>
#
# `advantages = (next_values - values) / (1 - discount)`, and the last line of `colleagues_weights`.
# </details>


# %% exercise="mended-weights"
def mended_weights(values: Tensor, next_values: Tensor, discount: float, alpha: float) -> Tensor:
    """The weights of advantage-weighted regression, for values of the 0/1 convention.

    Args:
        values: (B,) V(s, g) for a reward of 1 at the goal and 0 elsewhere.
        next_values: (B,) V(s', g), likewise.
        discount: γ.
        alpha: inverse temperature for advantages in steps, that is for rewards of -1 a step.

    Returns:
        (B,) min(exp(α A), 100), with A in steps.
    """
    ### BEGIN SOLUTION
    advantages = (next_values - values) / (1 - discount)
    return (alpha * advantages).exp().clamp(max=100)
    ### END SOLUTION


# %% check="mended-weights" points=3
checks.ch03.mended_weights(mended_weights)
### BEGIN HIDDEN TESTS
from saw_edu.classroom import hidden

hidden("ch03").mended_weights(mended_weights)
### END HIDDEN TESTS

# %%
forward = mended_weights(0.96**steps_to_goal, 0.96 ** (steps_to_goal - 1), 0.96, alpha=3.0)
backward = mended_weights(0.96**steps_to_goal, 0.96 ** (steps_to_goal + 1), 0.96, alpha=3.0)
print("steps to the goal        :", steps_to_goal.int().numpy())
print("weight of a step forward :", forward.numpy().round(2))
print("weight of a step backward:", backward.numpy().round(2))
print(
    "share of forward steps in what is imitated, half of them in the data:",
    (forward / (forward + backward)).numpy().round(2),
)

# %% [markdown]
# Now forward steps count: near the goal. At 40 steps the weights draw together again, and no $\alpha$ repairs that without making the near ones explode: the vanishing
# advantage is in the exponent, too. Rescaling rewards changes a unit. It does not change what vanishes.

# %% [markdown]
# ## Try it
#
# A map of wrong steps: the exact V of this maze with independent errors. Colour is the chance that V's best neighbour does not lead nearer to the star. **Click** any cell to put the
# star there (or use the arrow keys once the picture has the focus). Then move the noise, and the stride: with `stride` above 1, the map shows how often the best cell *that far away* is the
# wrong one. Find a stride at which the map stays light to the far corner.

# %% alt="A map of the maze: the chance of a wrong choice in each cell, for one goal, with exact values and noise."
error_map = figures.ErrorMap(maze, discount=0.9, draws=100 if FAST else 400)
explorer = viz.click_explorer(
    error_map.draw,
    point=(0.0, 0.0),
    nearest=error_map.nearest,
    step=maze.cell_size,
    alt=error_map.alt,
    figsize=(7.4, 5.0),
    noise=(0.1, 2.0, 0.1, 0.5),
    stride=(1, 10, 1, 1),
)

# %% [markdown]
# ## A question for thought (3 points)
#
# A colleague says: "The gap is about $2\gamma^d$. So take $\gamma = .999$, and nothing vanishes." Suppose that a learned V errs by a fixed *share of its range*, say
# $\sigma = 1\,\%$ of $1 / (1 - \gamma)$, whatever $\gamma$ is. For one step at distance $d$: which $\gamma$ is the best? How large is the gap then, in units of $\sigma$, and how does it fall with
# $d$? What does your answer say about discounting as the culprit?

# %% [markdown] question="best-discount" points=3
# <!-- BEGIN SOLUTION -->
# *A model answer.* In units of the range, the gap of one step is $(1 - \gamma)\,\Delta(d, 1) = \gamma^{d-1} - \gamma^{d+1} \approx 2(1 - \gamma)\gamma^{d}$ (1 point). Its derivative by $\gamma$ vanishes where
# $d(1 - \gamma) = \gamma$, so the best is $\gamma = d / (d + 1)$: a horizon of about $d$ steps (1 point). There the gap is about $2 / (e\, d)$ of the range, which is $200 / (e\, d)$ times $\sigma$ for one per
# cent: it falls like $1/d$, not exponentially. So discounting makes it worse for goals much farther than $1/(1-\gamma)$, but even the best discount for each goal leaves a gap that
# vanishes like $1/d$: a range that is divided among $d$ steps (1 point). A single $\gamma$ for all goals is right for one distance only; one also gets the point
# for saying that a larger $\gamma$ makes errors in learning larger (longer bootstrapping).
# <!-- END SOLUTION -->

# %% [markdown]
# ## Summary
#
# 1. The gap of V between a step forward and a step back is about $2\gamma^d$. Errors do not shrink with it, so far away the choice becomes a coin.
# 2. A waypoint $k$ steps away has a larger gap; the step towards it has a nearer goal. The best $k$ lies in between.
# 3. That helps against errors that places do not share. Against smooth errors it helps only beyond their reach.
# 4. Neighbours share most of a learned V's errors. Longer strides helped beyond the errors' reach, until V was too flat for any.
# 5. Wrong steps and getting stuck are two troubles. Waypoints help with one, luck with the other. And check your units: weights near 1 train in silence.
#
# ## References
#
# - S. Park, D. Ghosh, B. Eysenbach, S. Levine. [HIQL: Offline Goal-Conditioned RL with Latent States as Actions](https://arxiv.org/abs/2307.11949). NeurIPS 2023. The argument of
#   section 3: the value's signal-to-noise ratio for actions and for subgoals.
# - J. L. Zhou, J. C. Kao. [Flattening Hierarchies with Policy Bootstrapping](https://arxiv.org/abs/2505.14975). NeurIPS 2025. "… obscures the comparative advantages of primitive actions with respect
#   to distant goals".
#
# **Next:** chapter 4 builds a policy of two levels, and asks when to move on from one subgoal to the next.
