"""Visible checks of chapter 2, "Learning to reach goals"."""

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.distributions import Independent, Normal

from saw_edu.checks import Case, Check, Mistake, Satisfies, within

SampleGoals = Callable[..., Tensor]

# --- sample_goals ---------------------------------------------------------------------------------------------------
# A right answer may draw its random numbers in any order, so apart from cases without chance these are statistics of
# many draws, with margins of at least six standard errors.

DRAWS = 20_000


def final_rows(lengths: list[int]) -> Tensor:
    """For episodes of these lengths, one after the other: the last row of each row's own episode, (sum of lengths,)."""
    ends = torch.tensor(lengths).cumsum(0)
    return (ends - 1).repeat_interleave(torch.tensor(lengths))


def generator(seed: int) -> torch.Generator:
    """A generator in a known state."""
    return torch.Generator().manual_seed(seed)


def _offsets(lengths: list[int], row: int, fractions: tuple[float, float, float], discount: float) -> Callable:
    """A probe: the offsets (goal row - start row) of many draws for one start row, as an array."""

    def run(sample_goals: SampleGoals) -> np.ndarray:
        rows = torch.full((DRAWS,), row)
        goals = sample_goals(rows, final_rows(lengths), fractions, discount, generator(1))
        return (goals - rows).numpy()

    return run


def _outside(lengths: list[int], discount: float) -> Callable:
    """A probe: how many future goals of all rows lie before the row or beyond its episode."""

    def run(sample_goals: SampleGoals) -> int:
        final = final_rows(lengths)
        rows = torch.arange(len(final)).repeat(200)
        goals = sample_goals(rows, final, (0.0, 1.0, 0.0), discount, generator(2))
        return int(((goals > final[rows]) | (goals < rows)).sum())

    return run


def _shares(fractions: tuple[float, float, float]) -> Callable:
    """A probe: which part of many draws is the state itself, later in its episode, in another episode."""

    def run(sample_goals: SampleGoals) -> np.ndarray:
        lengths = [4000, 50, 5950]  # only 1 random row in 200 lies in the same episode
        rows = torch.full((DRAWS,), 4000)
        goals = sample_goals(rows, final_rows(lengths), fractions, 0.9, generator(3)).numpy()
        current, later = goals == 4000, (goals > 4000) & (goals < 4050)
        return np.array([current.mean(), later.mean(), 1 - current.mean() - later.mean()])

    return run


def _random_rows(lengths: list[int]) -> Callable:
    """A probe: how often each row is a random goal, relative to an equal share, as an array (rows,)."""

    def run(sample_goals: SampleGoals) -> np.ndarray:
        final = final_rows(lengths)
        rows = torch.full((1000 * len(final),), 1)
        goals = sample_goals(rows, final, (0.0, 0.0, 1.0), 0.9, generator(4)).numpy()
        return np.bincount(goals, minlength=len(final)) / 1000

    return run


def _chance(sample_goals: SampleGoals) -> dict[str, bool]:
    """Whether equal generators give equal goals whatever the global state, and one generator moves on."""
    final, rows = final_rows([300, 300]), torch.arange(0, 600, 3)

    def draw(source: torch.Generator, global_seed: int) -> Tensor:
        torch.manual_seed(global_seed)
        np.random.seed(global_seed)
        random.seed(global_seed)
        return sample_goals(rows, final, (0.2, 0.5, 0.3), 0.98, source)

    source = generator(5)
    first, second = draw(source, 1), draw(source, 1)
    again = draw(generator(5), 2)
    return {
        "same generator, same goals": torch.equal(first, again),
        "next call differs": not torch.equal(first, second),
    }


def _mean_later(lengths: list[int], fractions: tuple[float, float, float], discount: float) -> Callable:
    """A probe: the mean offset of those draws that are not the state itself."""

    def run(sample_goals: SampleGoals) -> float:
        offsets = _offsets(lengths, 0, fractions, discount)(sample_goals)
        return float(offsets[offsets > 0].mean()) if (offsets > 0).any() else 0.0

    return run


def _geometric(discount: float) -> Satisfies:
    def right(offsets: np.ndarray) -> bool:
        ones, mean = (offsets == 1).mean(), offsets.mean()
        p = 1 - discount
        return abs(ones - p) < 0.02 and abs(mean - 1 / p) < 0.06 / p

    return Satisfies(
        right,
        "offsets k = 1, 2, 3, ... should have probability (1 - γ) γ^(k - 1), with mean 1 / (1 - γ): the "
        "distribution is another one",
    )


def sample_goals_check(
    lengths: list[int], discount: float, fractions: tuple[float, float, float], long_discount: float
) -> Check:
    """The check of `sample_goals` for a data set of three or more short episodes and these settings.

    Visible and hidden tests differ only in these numbers, and in what the hidden ones add.
    """
    final = final_rows(lengths)
    rows = torch.arange(len(final))
    ends, before = torch.unique(final), torch.unique(final) - 1
    future = (0.0, 1.0, 0.0)
    current, later, elsewhere = fractions

    def right_shares(shares: np.ndarray) -> bool:
        return bool(np.all(np.abs(shares - [current, later + 0.005 * elsewhere, 0.995 * elsewhere]) < 0.02))

    def shares_are(*expected: float) -> Callable[[dict[str, Any]], bool]:
        return lambda seen: bool(np.all(np.abs(np.asarray(seen["the three kinds of goal"]) - expected) < 0.02))

    left = (1 - current) * later  # chosen among what is not current, with the share that was meant of all
    return Check(
        "sample_goals",
        [
            Case("only current goals", rows, final, (1.0, 0.0, 0.0), discount, generator(0), expect=rows),
            Case("future goals of an episode's last row", ends, final, future, discount, generator(0), expect=ends),
            Case(
                "future goals one step before the last row",
                before.repeat(50),
                final,
                future,
                discount,
                generator(0),
                expect=ends.repeat(50),
            ),
            Case(
                "future goals stay inside the episode",
                run=_outside(lengths, long_discount),
                expect=Satisfies(lambda count: count == 0, "some goals lie outside the start row's own episode"),
            ),
            Case(
                "offsets of future goals",
                run=_offsets([3, 2000, 10], 5, future, discount),
                expect=_geometric(discount),
            ),
            Case(
                "the three kinds of goal",
                run=_shares(fractions),
                expect=Satisfies(right_shares, f"current, future and random goals should come in shares {fractions}"),
            ),
            Case(
                "random goals are any row",
                run=_random_rows(lengths),
                expect=Satisfies(
                    lambda counts: bool(np.all((counts > 0.75) & (counts < 1.25))),
                    "each row of the data, in any episode, should be an equally likely random goal",
                ),
            ),
            Case(
                "kind and offset are independent",
                run=_mean_later([3000], (0.5, 0.5, 0.0), discount),
                expect=within(0.93 / (1 - discount), 1.07 / (1 - discount)),
            ),
            Case(
                "all chance comes from the generator",
                run=_chance,
                expect={"same generator, same goals": True, "next call differs": True},
            ),
        ],
        mistakes=[
            Mistake(
                "global randomness",
                "Two generators in the same state gave different goals, so some draw does not use `generator`. Every "
                "torch function that draws takes `generator=generator`; NumPy's and Python's own do not.",
                when=lambda seen: not seen["all chance comes from the generator"]["same generator, same goals"],
            ),
            Mistake(
                "reseeds the generator",
                "Two calls in a row with one generator gave the same goals. Draw from the generator that came in; do "
                "not make or seed one yourself.",
                when=lambda seen: not seen["all chance comes from the generator"]["next call differs"],
            ),
            Mistake(
                "one draw for all",
                "All rows of the batch get the same offset. Draw one random number for every row: size (len(rows),).",
                when=lambda seen: np.ptp(seen["offsets of future goals"]) == 0,
            ),
            Mistake(
                "crosses the episode",
                "A future goal must lie in the same episode as its row, however large the offset that was drawn. What "
                "does `final_index[rows]` tell you?",
                when=lambda seen: (
                    seen["future goals stay inside the episode"] > 0
                    and (np.asarray(seen["future goals of an episode's last row"]) > ends.numpy()).any()
                ),
            ),
            Mistake(
                "final row never reached",
                "The last row of an episode should be a possible goal too. Is your clip one row too early?",
                when=lambda seen: bool(
                    (np.asarray(seen["future goals one step before the last row"]) == before.repeat(50).numpy()).all()
                ),
            ),
            Mistake(
                "offset 0 allowed",
                "A future goal should be at least one step ahead, but offset 0 occurs. Where does your geometric "
                "distribution start to count?",
                when=lambda seen: bool((np.asarray(seen["offsets of future goals"]) == 0).any()),
            ),
            Mistake(
                "uniform offsets",
                "Future goals seem to be spread evenly over the rest of the episode. Near ones should be likelier: "
                "geometric offsets.",
                when=lambda seen: abs(np.asarray(seen["offsets of future goals"]).mean() - 999) < 60,
            ),
            Mistake(
                "discount and 1 - discount exchanged",
                "Offsets are far too short. In P(k) = (1 - γ) γ^(k - 1) the chance to *stop* at a step is 1 - γ.",
                when=lambda seen: (
                    abs((np.asarray(seen["offsets of future goals"]) == 1).mean() - discount) < 0.02 and discount > 0.6
                ),
            ),
            Mistake(
                "fractions exchanged",
                "The shares are the right numbers at the wrong places: `fractions` is (current, future, random).",
                when=lambda seen: any(
                    shares_are(*order)(seen)
                    for order in (
                        (elsewhere, later, current),
                        (later, current, elsewhere),
                        (current, elsewhere, later),
                        (later, elsewhere, current),
                        (elsewhere, current, later),
                    )
                ),
            ),
            Mistake(
                "fractions of what is left",
                "There are too few future goals and too many random ones. A share of *all* goals is meant, but it "
                "seems that you take it of the goals that are not current. One random number and two thresholds do.",
                when=shares_are(current, left, 1 - current - left),
            ),
            Mistake(
                "one random number for two choices",
                "The offsets of future goals depend on how the kind of goal was chosen. Draw a new random number for "
                "each choice.",
                when=lambda seen: not 0.93 < seen["kind and offset are independent"] * (1 - discount) < 1.07,
            ),
        ],
    )


sample_goals = sample_goals_check([6, 25, 9], 0.9, (0.2, 0.5, 0.3), long_discount=0.98)

# --- gcbc_loss --------------------------------------------------------------------------------------------------------


def normal_policy(observations: Tensor, goals: Tensor) -> Independent:
    """A policy without parameters: a normal of standard deviation 1 around goals - observations. (B, 2) each."""
    return Independent(Normal(goals - observations, torch.ones_like(goals)), 1)


def _gradient(gcbc_loss: Callable[..., Tensor]) -> Tensor:
    """A probe: the gradient of the loss with respect to a shift of the policy's mean, (2,)."""
    shift = torch.zeros(2, requires_grad=True)

    def policy(observations: Tensor, goals: Tensor) -> Independent:
        return Independent(Normal(goals - observations + shift, torch.ones_like(goals)), 1)

    gcbc_loss(policy, torch.zeros(2, 2), torch.tensor([[0.5, 0.0], [0.5, 1.0]]), torch.zeros(2, 2)).backward()
    return shift.grad if shift.grad is not None else torch.zeros(2)


_here, _there = torch.tensor([[0.0, 0.0], [1.0, 0.0], [0.0, 2.0]]), torch.tensor([[1.0, 0.0], [1.0, 1.0], [0.0, 1.0]])

GCBC_MISTAKES = [
    Mistake(
        "observations and goals exchanged",
        "The policy seems to be asked for the way back, from the goal to the state. It is π(a | s, g): "
        "`policy(observations, goals)`.",
        wrong=lambda policy, o, a, g: -policy(g, o).log_prob(a).mean(),
    ),
    Mistake(
        "summed over the batch",
        "The loss grows with the batch size. Take the mean over the batch.",
        wrong=lambda policy, o, a, g: -policy(o, g).log_prob(a).sum(),
    ),
    Mistake(
        "squared error",
        "This looks like the squared distance to the policy's mean action. Ask the distribution for `log_prob`.",
        wrong=lambda policy, o, a, g: (policy(o, g).mean - a).square().sum(-1).mean(),
    ),
    Mistake(
        "goal ignored",
        "The loss does not depend on the goals. Which goals belong to these rows?",
        wrong=lambda policy, o, a, g: -policy(o, o).log_prob(a).mean(),
    ),
]

gcbc_loss = Check(
    "gcbc_loss",
    [
        Case(
            "the policy's mean is the action taken",
            normal_policy,
            _here,
            _there - _here,
            _there,
            expect=torch.tensor(1.8378771),
        ),
        Case(
            "actions one unit beside the mean",
            normal_policy,
            _here,
            _there - _here + torch.tensor([1.0, 0.0]),
            _there,
            expect=torch.tensor(2.3378771),
        ),
        Case("the gradient pulls the mean towards the actions", run=_gradient, expect=torch.tensor([-0.5, -0.5])),
    ],
    mistakes=GCBC_MISTAKES,
)

# --- expectile_loss ---------------------------------------------------------------------------------------------------

EXPECTILE_MISTAKES = [
    Mistake(
        "sides exchanged",
        "Positive and negative differences seem to have each other's weights. The value should rise quickly to targets "
        "above it: which differences get the larger weight when τ = .9?",
        wrong=lambda u, tau: (torch.where(u < 0, tau, 1 - tau) * u.square()).mean(),
    ),
    Mistake(
        "no square",
        "Differences enter with their size, not their square: that is the quantile (pinball) loss.",
        wrong=lambda u, tau: (torch.where(u < 0, 1 - tau, tau) * u.abs()).mean(),
    ),
    Mistake(
        "weight squared",
        "The weight seems to be squared with the difference. Square first, weigh after.",
        wrong=lambda u, tau: (torch.where(u < 0, 1 - tau, tau) * u).square().mean(),
    ),
    Mistake(
        "not asymmetric",
        "Both signs weigh the same. Where does τ enter?",
        wrong=lambda u, tau: u.square().mean(),
    ),
    Mistake(
        "only positive differences",
        "Negative differences count nothing. They count less, with weight 1 - τ.",
        wrong=lambda u, tau: (tau * u.clamp(min=0).square()).mean(),
    ),
    Mistake(
        "summed over the batch",
        "The loss grows with the batch size. Take the mean over the batch.",
        wrong=lambda u, tau: (torch.where(u < 0, 1 - tau, tau) * u.square()).sum(),
    ),
]

expectile_loss = Check(
    "expectile_loss",
    [
        Case("one difference above, τ = .9", torch.tensor([2.0]), 0.9, expect=torch.tensor(3.6)),
        Case("one difference below, τ = .9", torch.tensor([-2.0]), 0.9, expect=torch.tensor(0.4)),
        Case("both signs and zero, τ = .7", torch.tensor([1.0, -1.0, 0.0, 3.0]), 0.7, expect=torch.tensor(1.825)),
        Case("τ = .5 is half the squared error", torch.tensor([1.0, -3.0]), 0.5, expect=torch.tensor(2.5)),
    ],
    mistakes=EXPECTILE_MISTAKES,
)

# --- awr_weights ------------------------------------------------------------------------------------------------------


def keeps_gradient(awr_weights: Callable[..., Tensor]) -> bool:
    """A probe: whether a gradient could flow back from the weights to the advantages."""
    return bool(awr_weights(torch.tensor([0.1, -0.2], requires_grad=True), 3.0).requires_grad)


AWR_MISTAKES = [
    Mistake(
        "no clip",
        "Large advantages give enormous weights: one lucky row would then be the whole batch. No weight may exceed "
        "`clip`.",
        wrong=lambda advantages, alpha, clip=100.0: (alpha * advantages).exp().detach(),
    ),
    Mistake(
        "clip before exp",
        "The clip acts on the exponent, not on the weight: e^100 is not 100. Which comes first, `exp` or the clip?",
        wrong=lambda advantages, alpha, clip=100.0: (alpha * advantages).clamp(max=clip).exp().detach(),
    ),
    Mistake(
        "divides by alpha",
        "The advantage seems to be divided by α. Here α is an inverse temperature: larger α, sharper weights.",
        wrong=lambda advantages, alpha, clip=100.0: (advantages / alpha).exp().clamp(max=clip).detach(),
    ),
    Mistake(
        "normalised",
        "The weights are divided by their sum or mean over the batch. Leave them as they are.",
        wrong=lambda advantages, alpha, clip=100.0: torch.softmax(alpha * advantages, 0).clamp(max=clip).detach(),
    ),
    Mistake(
        "clipped from below",
        "Small weights are raised. Only the upper end is clipped: a bad action may have a weight near 0.",
        wrong=lambda advantages, alpha, clip=100.0: (alpha * advantages).exp().clamp(1.0, clip).detach(),
    ),
    Mistake(
        "gradient flows",
        "The values are right, but a gradient flows through the weights into V: the policy's loss would then lower its "
        "weights by spoiling the value. Cut it: `.detach()`, or `with torch.no_grad():`.",
        wrong=lambda advantages, alpha, clip=100.0: (alpha * advantages).exp().clamp(max=clip),
    ),
]

awr_weights = Check(
    "awr_weights",
    [
        Case("no advantage, weight 1", torch.zeros(3), 10.0, expect=torch.ones(3)),
        Case(
            "α = 3",
            torch.tensor([0.5, -0.5, 1.0]),
            3.0,
            expect=torch.tensor([4.481689, 0.2231302, 20.085537]),
        ),
        Case("large advantages", torch.tensor([1.0, 5.0, -5.0]), 10.0, expect=torch.tensor([100.0, 100.0, 0.0])),
        Case(
            "another clip",
            torch.tensor([0.5, 1.0, 5.0]),
            3.0,
            named={"clip": 10.0},
            expect=torch.tensor([4.481689, 10, 10]),
        ),
        Case("no gradient through the weights", run=keeps_gradient, expect=False),
    ],
    mistakes=AWR_MISTAKES,
)

# --- order_agreement --------------------------------------------------------------------------------------------------


def _pairs(values: Tensor, distances: Tensor) -> tuple[Tensor, Tensor]:
    return values[:, None] - values[None, :], distances[:, None] - distances[None, :]


def _over_all_pairs(values: Tensor, distances: Tensor) -> float:
    dv, dd = _pairs(values, distances)
    return float(((dd < 0) & (dv > 0)).float().sum() / (len(values) * (len(values) - 1) / 2))


def _ties_counted(values: Tensor, distances: Tensor) -> float:
    dv, dd = _pairs(values, distances)
    return float(((dd <= 0) & (dv > 0)).float().sum() / (dd <= 0).float().sum())


def _reversed(values: Tensor, distances: Tensor) -> float:
    dv, dd = _pairs(values, distances)
    return float(((dd < 0) & (dv < 0)).float().sum() / (dd < 0).float().sum())


def _neighbours_only(values: Tensor, distances: Tensor) -> float:
    order = distances.argsort(stable=True)
    v, d = values[order], distances[order]
    differs = d[1:] > d[:-1]
    return float((v[:-1] > v[1:])[differs].float().mean())


def _spearman(values: Tensor, distances: Tensor) -> float:
    ranks = [x.argsort().argsort().float() for x in (values, -distances)]
    return float(torch.corrcoef(torch.stack(ranks))[0, 1])


AGREEMENT_MISTAKES = [
    Mistake(
        "reversed",
        "A V that falls with distance should score 1, not 0. In a good pair the *nearer* state has the *higher* value.",
        wrong=_reversed,
    ),
    Mistake(
        "divided by all pairs",
        "Pairs at equal distance say nothing, and must not count below the fraction line either.",
        wrong=_over_all_pairs,
    ),
    Mistake(
        "equal distances counted",
        "Pairs at equal distance (a state with itself among them) are counted. Only pairs with one *nearer* "
        "state count.",
        wrong=_ties_counted,
    ),
    Mistake(
        "neighbours only",
        "Only pairs next to each other in the order of distance seem to be compared. All pairs should count.",
        wrong=_neighbours_only,
    ),
    Mistake(
        "a correlation",
        "This is a rank correlation, from -1 to 1. Asked for is a fraction of pairs, from 0 to 1.",
        wrong=_spearman,
    ),
]

order_agreement = Check(
    "order_agreement",
    [
        Case(
            "V falls with distance",
            torch.tensor([-1.0, -2.0, -3.0, -4.0]),
            torch.tensor([1.0, 2.0, 3.0, 4.0]),
            expect=1.0,
        ),
        Case("V rises with distance", torch.tensor([1.0, 2.0, 3.0]), torch.tensor([1.0, 2.0, 3.0]), expect=0.0),
        Case(
            "one pair of five wrong",
            torch.tensor([-1.0, -4.0, -3.0, -5.0]),
            torch.tensor([1.0, 2.0, 3.0, 3.0]),
            expect=0.8,
        ),
        Case("states in any order", torch.tensor([-5.0, -1.0, -3.0]), torch.tensor([2.0, 1.0, 5.0]), expect=2 / 3),
    ],
    mistakes=AGREEMENT_MISTAKES,
)
