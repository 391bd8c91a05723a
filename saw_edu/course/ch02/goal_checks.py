"""Visible checks of chapter 2: goals drawn in hindsight."""

import math
import random
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from saw_edu.checks import Case, Check, Mistake, Satisfies, within

SampleGoals = Callable[..., Tensor]

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


def _near_the_end(discount: float) -> int:
    """A number of rows before the last one that some four in ten offsets would exceed."""
    return 1 + round(math.log(0.4) / math.log(discount))


def _on_the_last_row(discount: float) -> Callable:
    """A probe: which part of the future goals of a row near the end of its episode is the episode's last row."""
    offsets = _offsets([5, 1 + _near_the_end(discount), 300], 5, (0.0, 1.0, 0.0), discount)
    return lambda sample_goals: float((offsets(sample_goals) == _near_the_end(discount)).mean())


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

    def tell_shares(shares: np.ndarray) -> str:
        return "got current {:.0%}, future {:.0%}, random {:.0%}".format(*shares)

    def shares_are(*expected: float) -> Callable[[dict[str, Any]], bool]:
        return lambda seen: bool(np.all(np.abs(np.asarray(seen["the three kinds of goal"]) - expected) < 0.02))

    pile = discount ** (_near_the_end(discount) - 1)  # of all offsets, those that reach the last row or go beyond
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
                "future goals near the end of an episode",
                run=_on_the_last_row(discount),
                expect=Satisfies(
                    lambda share: abs(share - pile) < 0.02,
                    "the episode's last row should be the goal of every offset that reaches it or goes beyond",
                ),
            ),
            Case(
                "the three kinds of goal",
                run=_shares(fractions),
                expect=Satisfies(
                    right_shares, f"current, future and random goals should come in shares {fractions}", tell_shares
                ),
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
                "one draw for all",
                "All rows of the batch get the same offset. Draw one random number for every row: size (len(rows),).",
                when=lambda seen: (
                    np.ptp(seen["offsets of future goals"]) == 0 and seen["offsets of future goals"][0] > 0
                ),
            ),
            Mistake(
                "one kind for all",
                "All rows of the batch get the same kind of goal. Draw one random number for every row: size "
                "(len(rows),).",
                when=lambda seen: max(seen["the three kinds of goal"]) > 0.99,
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
                "no pile on the last row",
                "Offsets that would leave the episode are drawn anew, wrapped round or spread over it. They should all "
                "end on the episode's last row, which is therefore a likely goal for rows near it.",
                when=lambda seen: (
                    seen["future goals near the end of an episode"] < 0.8 * pile
                    and abs(np.asarray(seen["offsets of future goals"]).mean() * (1 - discount) - 1) < 0.06
                ),
            ),
            Mistake(
                "discount and 1 - discount exchanged",
                "Offsets are far too short. In P(k) = (1 - γ) γ^(k - 1) the chance to *stop* at a step is 1 - γ.",
                when=lambda seen: (
                    abs((np.asarray(seen["offsets of future goals"]) == 1).mean() - discount) < 0.02 and discount > 0.6
                ),
            ),
            Mistake(
                "fractions of what is left",
                "There are too few future goals and too many random ones. A share of *all* goals is meant, but it "
                "seems that you take it of the goals that are not current. One random number and two thresholds do.",
                when=shares_are(current, left, 1 - current - left),
            ),
            Mistake(
                "threshold not added",
                "There are too few future goals and too many random ones. With one random number and two thresholds, "
                "future goals lie between the first share and the SUM of the first two.",
                when=shares_are(current, later - current, 1 - later),
            ),
            Mistake(
                "a random number for each threshold",
                "There are too many future goals and too few random ones. It seems that each threshold is compared "
                "with a random number of its own: one number, compared with both, chooses among three kinds.",
                when=shares_are(current, (1 - current) * (current + later), (1 - current) * elsewhere),
            ),
            Mistake(
                "one random number for two choices",
                "The offsets of future goals depend on how the kind of goal was chosen. Draw a new random number for "
                "each choice.",
                when=lambda seen: not 0.93 < seen["kind and offset are independent"] * (1 - discount) < 1.07,
            ),
        ],
    )


sample_goals = sample_goals_check([6, 25, 9], 0.9, (0.25, 0.4, 0.35), long_discount=0.98)
