# %% [markdown]
# # 18 · OGBench from states
#
# **How do you measure agents so that others believe the numbers?**
#
# | | |
# | --- | --- |
# | **You will learn** | what is in the benchmark that the SAW paper reports on: environments, data, tasks, settings; |
# | | the protocol that turns thousands of episodes into one number, and where it can go wrong; |
# | | to run it yourself, small here, at full size on a GPU or a cluster with the same command |
# | **You need** | chapters 14 to 17; for the live part the extra `ogbench` (`make env EXTRAS=ogbench`) |
# | **Time** | 55 minutes to read and solve, about two minutes to compute |
# | **Exercises** | four, 11 points, and one question for thought, 3 points |
#
# Below is everything that the SAW paper's two main tables say: success in percent on 31 data sets of **OGBench** (Park et al., 2025), eight agents, eight seeds each (four from pixels). A frame marks the highest number of a row, and each of those that tie.
# You have built all eight agents in this course. **Before you look closely, guess:** on how many of the 31 does SAW have the frame?

# %% tags=["setup", "folded"]
# Imports, settings, recorded results
import importlib.util
import math
import os
import tempfile
from dataclasses import replace
from pathlib import Path

import pandas as pd
import torch
from torch import Tensor

from saw_edu import checks, viz
from saw_edu.benchmark import report
from saw_edu.benchmark.generate import generate
from saw_edu.benchmark.names import DATA_SETS, SUITES
from saw_edu.benchmark.play import Arena
from saw_edu.benchmark.presets import preset
from saw_edu.course.ch18 import figures
from saw_edu.data import load_npz
from saw_edu.envs import Maze
from saw_edu.place import asset
from saw_edu.training import train

viz.style.use()
torch.set_num_threads(1)
FAST = os.environ.get("SAW_EDU_FAST") == "1"  # set by automatic tests: less training
OGBENCH = importlib.util.find_spec("ogbench") is not None
published = report.published()

# %% alt="Published success of eight agents on 31 data sets as a coloured table."
viz.show(
    figures.heat_map(published),
    alt="A table of success in percent, 31 data sets by eight agents. Frames are spread over seven agents: most are HIQL's and SAW's, "
    "QRL has the stitched point mazes, CRL a visual ant maze.",
)

# %% [markdown]
# Count with code, not with hope:

# %%
table = published.pivot_table(index="dataset", columns="method", values=["mean", "std"], sort=False)
highest = table["mean"].eq(table["mean"].max(axis=1), axis=0)
print(highest.sum().sort_values(ascending=False).to_string(header=False))
print(f"shared by two or more: {(highest.sum(axis=1) > 1).sum()} rows")
gap = table["mean"].max(axis=1) - table["mean"]["SAW"]
spread = table["std"].where(highest).max(axis=1)
print(f"SAW is the highest or within one standard deviation of the highest on {(gap <= spread).sum()} of {len(table)}")
print("and furthest below on", ", ".join(gap.sort_values().index[-4:]))

# %% [markdown]
# Twelve frames of 31, three of them shared; eleven are HIQL's. On two rows of three SAW is at the top or within one deviation of it, and on stitched point mazes and the largest visual ant maze it is far below. A table read for its bold numbers says little. The rest of
# this chapter is about what stands behind *one* cell.

# %% [markdown]
# ## 1 · A data set and its name
#
# `visual-cube-double-play-v0` says it all: observed in pictures (64 × 64); a robot arm with two cubes; "play": the arm was driven by a script from one random target to the next. Nobody knew the test's goals, and no reward is stored.

# %%
for name in (
    "pointmaze-giant-navigate-v0",
    "antmaze-large-stitch-v0",
    "humanoidmaze-giant-navigate-v0",
    "scene-play-v0",
):
    data = DATA_SETS[name]
    source = "its environment's oracle" if data.can_be_made else "a trained expert: a download"
    print(f"{name:32} {data.episodes:6} episodes of {data.actions:5} actions, by {source}")
print(f"{len(DATA_SETS)} data sets, in suites such as", ", ".join(SUITES))

# %% [markdown]
# A file stores all episodes one behind the other: `observations` (N, ·), `actions` (N, ·), and `terminals` (N,), which is 1 in the last row of each episode. An episode of $T$ actions has $T + 1$ rows, for it has $T + 1$ states; the last row's action is stored
# too, but where it led is not.
#
# ### Exercise 1 · Rows that begin a transition
# *2 points · easy · 5 minutes*
#
# A transition needs a state, an action, and the state after it, which stands in the next row. From which rows may you start? (Get this wrong and everything trains. The agent believes that it can jump from the end of one episode to the beginning of another.)
#
# <details><summary>Hint 1: a question</summary>
#
# An episode has five rows. How many transitions are in it, and which row begins none?
# </details>
# <details><summary>Hint 2: a nudge</summary>
#
# `~terminals` marks all rows but the ends.
# </details>
# <details><summary>Hint 3: almost the answer</summary>
#
# `nonzero()` gives their numbers as a column (M, 1); `squeeze(1)` makes it (M,).
# </details>


# %% exercise="transition-rows"
def transition_rows(terminals: Tensor) -> Tensor:
    """Rows from which a transition (s, a, s') can be read, s' being in the next row.

    Args:
        terminals: (N,) bool, true in the last row of each episode; the last row of all is one.

    Returns:
        (M,) their numbers, ascending, int64.
    """
    ### BEGIN SOLUTION
    return (~terminals).nonzero().squeeze(1)
    ### END SOLUTION


# %% check="transition-rows" points=2
checks.ch18.transition_rows(transition_rows)
### BEGIN HIDDEN TESTS
from saw_edu.classroom import hidden

hidden("ch18").transition_rows(transition_rows)
### END HIDDEN TESTS

# %% [markdown]
# ## 2 · Why a giant maze has its own discount
#
# The paper's settings are the same nearly everywhere: nets of 3 × 512, batches of 1024, a million steps. Some differ, and one of them you can compute. With reward −1 a step until the goal and discount $\gamma$, the value at distance $d$ is
# $V(d) = -(1 - \gamma^d)/(1 - \gamma)$, so one step nearer changes it by
#
# $$V(d) - V(d + 1) = \gamma^{d} .$$
#
# (Chapter 3 met the same formula.) A learned value has errors. If a difference below some `gap` drowns in them, how far from the goal does a single step still show?
#
# ### Exercise 2 · How far one step can be seen
# *3 points · medium · 7 minutes*
#
# <details><summary>Hint 1: a question</summary>
#
# With γ = .5 the differences are 1, .5, .25, .125 at d = 0, 1, 2, 3. Which d is the last with at least .25?
# </details>
# <details><summary>Hint 2: a nudge</summary>
#
# Solve $\gamma^d \ge$ gap for $d$. Both logarithms are negative.
# </details>
# <details><summary>Hint 3: almost the answer</summary>
#
# `math.floor(math.log(gap) / math.log(discount) + 1e-9)`: the tiny number keeps 1.9999999 from becoming 1.
# </details>


# %% exercise="farthest"
def farthest(discount: float, gap: float) -> int:
    """The largest distance at which one step still changes V by at least `gap`.

    Args:
        discount: γ, between 0 and 1.
        gap: between 0 and 1.

    Returns:
        d, in steps: the largest whole number with γ^d ≥ gap.
    """
    ### BEGIN SOLUTION
    return math.floor(math.log(gap) / math.log(discount) + 1e-9)
    ### END SOLUTION


# %% check="farthest" points=3
checks.ch18.farthest(farthest)
### BEGIN HIDDEN TESTS
from saw_edu.classroom import hidden

hidden("ch18").farthest(farthest)
### END HIDDEN TESTS

# %% [markdown]
# A point in OGBench's mazes moves at most .2 a step along each axis, and a cell is 4 wide: 20 steps a cell at best. Compare with the longest of each maze's five tasks:

# %%
longest = {}
for layout in ("medium", "large", "giant"):
    maze = Maze.named(layout)
    cells = [int(maze.bfs(goal)[start]) for start, goal in maze.tasks]
    longest[layout] = 20 * max(cells)
discounts, gap_seen = [0.99, 0.995], 0.02
distances = [farthest(discount, gap_seen) for discount in discounts]
viz.show(
    figures.sight(discounts, distances, gap_seen, longest),
    alt="One step's difference falls exponentially with distance, for γ = .995 half as fast as for .99. Vertical lines mark the "
    "longest tasks of the medium, large and giant maze.",
)
for discount, distance in zip(discounts, distances, strict=True):
    print(f"γ = {discount}: a difference of {gap_seen} out to {distance} steps; longest tasks: {longest}")

# %% [markdown]
# With $\gamma = .99$ the giant maze's far goals lie where single steps make no visible difference; $.995$ doubles the sight. That is the setting for giant mazes and for humanoids, who take small steps. It is also a reminder of chapter 3: nobody sees *single* steps at
# 800, and agents that compare places $k$ = 25 steps apart have a larger difference to look at.
#
# All settings stand in `saw_edu/benchmark/presets.py`, typed, as the authors' and OGBench's command files have them:

# %%
for agent, name in (
    ("saw", "pointmaze-giant-navigate-v0"),
    ("saw", "cube-single-play-v0"),
    ("hiql", "cube-single-play-v0"),
):
    found = preset(agent, DATA_SETS[name])
    unusual = {key: value for key, value in vars(found.agent).items() if value != getattr(type(found.agent)(), key)}
    print(f"{agent} on {name}: {unusual}")

# %% [markdown]
# One of these deserves a second look. The paper's cell for HIQL on cube-single is *starred*: it was made with an expectile of .9 where OGBench has .7, and reads 44 instead of 15. A baseline's setting moved a baseline by 29 points. When you compare, say which settings you gave to *whom*.

# %% [markdown]
# ## 3 · From episodes to a score
#
# A data set has **five tasks**, each a start and a goal with a little noise. An agent plays each of them 50 times. Its score is the mean over tasks of each task's success: a task counts as a task, however many episodes it had.
#
# ### Exercise 3 · One number for one seed
# *3 points · easy · 7 minutes*
#
# <details><summary>Hint 1: a question</summary>
#
# Task 1: nine successes in nine. Task 2: none in one. Is the score .9?
# </details>
# <details><summary>Hint 2: a nudge</summary>
#
# `tasks.unique()` are the tasks that were tried. Their numbers need not be 1 to 5.
# </details>
# <details><summary>Hint 3: almost the answer</summary>
#
# Collect `success[tasks == task].double().mean()` for each, and average what you collected.
# </details>


# %% exercise="task-score"
def task_score(success: Tensor, tasks: Tensor) -> float:
    """An agent's score: each task's rate of success, averaged over the tasks that were tried.

    Args:
        success: (N,) 1 or 0 for each episode.
        tasks: (N,) the number of each episode's task.

    Returns:
        From 0 to 1.
    """
    ### BEGIN SOLUTION
    means = [success[tasks == task].double().mean() for task in tasks.unique()]
    return float(torch.stack(means).mean())
    ### END SOLUTION


# %% check="task-score" points=3
checks.ch18.task_score(task_score)
### BEGIN HIDDEN TESTS
from saw_edu.classroom import hidden

hidden("ch18").task_score(task_score)
### END HIDDEN TESTS

# %% [markdown]
# **Which evaluation?** Runs are evaluated every 100,000 steps, ten times. Some people report the last, some the best. Let us see what that choice alone is worth. Here is an agent whose true success is .5 at *every* evaluation: it never gets better or worse. It is played
# 5 × 10 times an evaluation; then imagine 2,000 such agents. **Guess:** what does the best of ten say on average?

# %%
generator = torch.Generator().manual_seed(0)
episodes = (torch.rand(2000, 10, 50, generator=generator) < 0.5).double()  # agents, evaluations, episodes
scores = episodes.mean(-1)
lasts, bests = scores[:, -1], scores.max(1).values
viz.show(
    figures.luck(lasts.numpy(), bests.numpy(), 0.5),
    alt="Two histograms around the true success of .5. Reports by the last evaluation are centred there; those by the best of ten lie above, around .6.",
)
print(f"last: {lasts.mean():.3f} on average; best of ten: {bests.mean():.3f}")

# %% [markdown]
# Eleven points for nothing. Tuning on the test's scores and reporting them works the same way. `saw-edu benchmark` reports the last evaluation, and shows the best beside it so that a run that collapsed late can be seen.

# %% [markdown]
# ## 4 · From scores to a claim
#
# Seeds vary more than episodes, so **the seed is the sample**: eight seeds, eight scores, an interval from those (chapter 17). Over *many* data sets, means are ruled by the few that are very easy or very hard. A middle way is the **interquartile mean** (Agarwal et al., 2021): throw away the
# lowest and the highest quarter of all (data set, seed) scores, and average the rest.
#
# ### Exercise 4 · The middle half
# *3 points · easy · 6 minutes*
#
# With $n$ scores, cut $\lfloor n / 4 \rfloor$ at each end.
#
# <details><summary>Hint 1: a question</summary>
#
# In which order must the scores be, before you cut?
# </details>
# <details><summary>Hint 2: a nudge</summary>
#
# `scores.sort().values`, then a slice.
# </details>
# <details><summary>Hint 3: almost the answer</summary>
#
# `ordered[cut : len(scores) - cut].mean()` with `cut = len(scores) // 4`.
# </details>


# %% exercise="interquartile-mean"
def interquartile_mean(scores: Tensor) -> float:
    """The mean of the middle half of the scores.

    Args:
        scores: (n,) in any order, n at least 1.

    Returns:
        The mean of what is left when n // 4 scores are cut at each end.
    """
    ### BEGIN SOLUTION
    ordered = scores.double().sort().values
    cut = len(scores) // 4
    return float(ordered[cut : len(scores) - cut].mean())
    ### END SOLUTION


# %% check="interquartile-mean" points=3
checks.ch18.interquartile_mean(interquartile_mean)
### BEGIN HIDDEN TESTS
from saw_edu.classroom import hidden

hidden("ch18").interquartile_mean(interquartile_mean)
### END HIDDEN TESTS

# %%
means = table["mean"] / 100
summary = pd.DataFrame(
    {
        "mean": means.mean(),
        "interquartile mean": [interquartile_mean(torch.tensor(means[method].tolist())) for method in means],
        "median": means.median(),
    }
)
print(summary.sort_values("interquartile mean", ascending=False).round(2).to_string())

# %% [markdown]
# (One score for each data set here, for the tables print no single seeds.) The first three keep their order; QRL and CRL change places between mean and interquartile mean, and by the median GCIVL passes QRL. "Best overall" is a statement about the list of data sets as much as about the agents.

# %% [markdown]
# ## 5 · A miniature that is honest about it
#
# Now run it: OGBench's real environment in MuJoCo, data made by its oracle, two agents, the real tasks. Only everything is small: 20 episodes of data for 1,000, nets of 2 × 64, and seconds of training for hours. **Guess** how far 1,500 updates get you in the medium maze.

# %%
mini: dict[str, pd.DataFrame] = {}
if OGBENCH:
    data = DATA_SETS["pointmaze-medium-navigate-v0"]
    with tempfile.TemporaryDirectory() as folder:
        file, _ = generate(data, Path(folder) / "mini.npz", transitions=2_000 if FAST else 20_000, jobs=1)
        walks = load_npz(file)
    for name in ("gcbc", "saw"):
        settings = preset(name, data)
        narrow = {key: (64, 64) for key in vars(settings.agent) if key.endswith("hidden_dims")}
        config = replace(
            settings.training, steps=20 if FAST else 1500, batch_size=128, learning_rate=1e-3, log_every=100
        )
        result = train(replace(settings.agent, **narrow), walks, config, seeds=1)
        with Arena(data, jobs=1) as arena:
            mini[name] = arena.play(result.policies, walks.spec(), episodes=1 if FAST else 4)
        score = task_score(
            torch.tensor(mini[name]["success"].to_numpy()).double(), torch.tensor(mini[name]["task"].to_numpy())
        )
        print(f"{name}: {score:.2f} over five tasks, one seed")
else:
    print("OGBench is not installed (make env EXTRAS=ogbench): read on with the recorded run below")

# %% [markdown]
# One seed and twenty episodes prove nothing; that was to see the machinery run. What follows was recorded with the same command that the paper's settings take, at a size that a CPU bears: 1,000 episodes of data, nets of 2 × 128, 20,000 updates with batches of 256; three seeds of GCBC and GCIVL and, for SAW's update takes six times as long, two of SAW. Beside it stands
# what is published for a *million* updates with batches four times as large.

# %%
recorded = pd.read_csv(asset("ch18/results.csv"))
viz.show(
    report.curves(recorded),
    alt="Success over 20,000 gradient steps in the medium point maze: SAW is above GCBC at the end, and GCIVL falls towards zero. Intervals are wide.",
)
print(report.readable(recorded).drop(columns="where").to_string(index=False))

# %% [markdown]
# **What came.** Compare with what is published and you see why nobody should quote a miniature: GCIVL, published at 63, falls to near nothing here, and GCBC stands above its published 9. Three cautions, each of which moves the picture:
# - *Two or three seeds.* The intervals leave room for almost anything; with two seeds Student's t is 12.7.
# - *Last or best.* GCBC and GCIVL were better after 5,000 updates than at the end. Look at "best on the way": whoever reports that number has another ranking.
# - *Most likely actions.* OGBench evaluates at temperature 0. In a point maze without noise that is where agents get stuck (chapters 1, 2 and 16), and a policy gets more decided as it trains. Whether that is what happens here was not tested in this run; it is what you would test first, with the same networks and actions drawn.
#
# One thing stands: each seed of SAW is above each seed of the others, as in the table.
#
# Then why record it at all? Because the same command, the same environments and the same protocol make the large table. What is small is written beside it.

# %% [markdown]
# ## 6 · At full size
#
# The same command runs the paper's settings. On a machine with a GPU, all eight seeds are trained side by side as one batch, with data and sampling on the device; on a Ray cluster each data set and agent is a task that resumes from its checkpoint if its machine dies.
#
# ```
# saw-edu data download states                      # or: saw-edu data generate pointmaze-giant-navigate-v0
# saw-edu benchmark states --agents gcivl,hiql,saw --device cuda --compile
# saw-edu benchmark paper --device cuda --ray auto  # over a cluster
# ```
#
# Killed at any moment, the same line goes on. At the end there are `results.csv` (one row for each seed, step and task) and `report.html` with everything beside the published numbers.

# %%
GPU = torch.cuda.is_available()
print(f"here: {torch.cuda.get_device_name() if GPU else 'no GPU: the commands above would run for weeks'}")

# %% [markdown]
# ## 7 · Try it
#
# Choose two methods and a group of data sets: `navigate`, `stitch`, `explore`, `play`, `visual`, or `all`. Is there a method that nobody beats everywhere in any group? Which pair disagrees most?

# %% alt="Published success of one method against another's, a dot for each data set, with deviations of seeds."
rivals = figures.Rivals(published)
explorer = viz.explorer(
    rivals.draw,
    across=["HIQL", *[method for method in figures.ORDER if method != "HIQL"]],
    up=["SAW", *[method for method in figures.ORDER if method != "SAW"]],
    group=["all", "navigate", "stitch", "explore", "play", "visual"],
    figsize=(6.2, 5.6),
    alt="Success of {up} against {across}, a dot for each data set of the group {group}.",
)

# %% [markdown]
# ## 8 · A question for thought
#
# *3 points*
#
# A preprint reports: "Our agent reaches 82 % on antmaze-large-navigate, against HIQL's 75 % (our runs). Best checkpoint, 3 seeds, 20 episodes a task." OGBench's HIQL has 91 ± 2 there.
#
# (a) Name three things about the numbers that you would ask before you believe the comparison. (b) For each, what would change if the answer were the unfavourable one? (c) Write the sentence that the authors *could* stand by with what they have.

# %% [markdown] question="preprint" points=3
# *Double-click here and write your answer, about 10 lines.*
#
# <!-- BEGIN SOLUTION -->
# *A model answer.* (a) Best checkpoint: the best of ten by 100 episodes each can be several points above the truth (section 3), and more so for the agent that was evaluated more often. Their HIQL is 16 points below OGBench's: other settings, other code, or fewer steps?
# Three seeds: with a deviation of, say, 4 points between seeds the t interval is about ±10. (1 point for three that matter; whether settings were tuned for their agent only, is another good one.) (b) With the last checkpoint the lead may vanish; with OGBench's settings
# HIQL may be *above* them; with eight seeds the intervals may overlap. (1 point.) (c) "With our code and settings, at the best of n checkpoints, our agent's mean over three seeds is 7 points above that of our HIQL, whose score is 16 below the published one." (1 point for a sentence that claims no more than was measured.)
# <!-- END SOLUTION -->

# %% [markdown]
# ## Summary
#
# 1. A cell of a results table is a data set, settings, an evaluation step, tasks, episodes and seeds. All six can move it.
# 2. Data are episodes end to end; the last row of each begins no transition.
# 3. Discount and distance decide whether one step can be seen; giant mazes need .995.
# 4. Score = mean over tasks; report the last evaluation, not the luckiest; seeds are the sample.
# 5. Over many data sets, say which mean, and look at the list.
#
# <details><summary>Symbols</summary>
#
# | symbol | in code | meaning |
# | --- | --- | --- |
# | $\gamma$ | `discount` | discount |
# | $V(d)$ | | value at $d$ steps from the goal, with reward −1 a step |
# | $k$ | `subgoal_steps` | steps to a subgoal or waypoint |
#
# </details>
#
# ## References
#
# 1. Park, Frans, Eysenbach, Levine. *OGBench: Benchmarking Offline Goal-Conditioned RL.* ICLR 2025. [arXiv 2410.20092](https://arxiv.org/abs/2410.20092)
# 2. Zhou, Kao. *Flattening Hierarchies with Policy Bootstrapping.* NeurIPS 2025. [arXiv 2505.14975](https://arxiv.org/abs/2505.14975) (Tables 1 and 3)
# 3. Agarwal et al. *Deep Reinforcement Learning at the Edge of the Statistical Precipice.* NeurIPS 2021. [arXiv 2108.13264](https://arxiv.org/abs/2108.13264) (interquartile means)
#
# ## What comes next
#
# Here the agent was told its state in numbers. **Chapter 19, "From pixels"**, lets it see.
