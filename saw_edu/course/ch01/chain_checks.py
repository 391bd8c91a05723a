"""Visible checks of chapter 1: chains of subtasks, how reliable they must be and how reliable they were."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from saw_edu.checks import Case, Check, Mistake

# --- Exercise 2 ---


def _needed(root: Callable[[float, int], float], tries_root: Callable[[float, int], float]) -> Callable[..., float]:
    """Exercise 2 with other powers: one for the chain, one for the tries."""

    def answer(target: float, subtasks: int, tries: int = 1) -> float:
        return 1 - tries_root(1 - root(target, subtasks), tries)

    return answer


def _root(x: float, n: int) -> float:
    return x ** (1 / n)


def _divided(x: float, n: int) -> float:
    return x**1 / n  # which is (x**1) / n


_PRECEDENCE = (
    "Mind the brackets: `x**1/n` is `(x**1) / n`, because powers are taken before divisions. A root is `x ** (1/n)`."
)

required_reliability = Check(
    "required_reliability",
    [
        Case("one subtask, one try", 0.8, 1, expect=0.8),
        Case("two subtasks: 0.25 = 0.5 times 0.5", 0.25, 2, expect=0.5),
        Case("ten subtasks", 0.5, 10, expect=0.9330330),
        Case("one subtask, two tries: 0.75 = 1 - 0.5 times 0.5", 0.75, 1, 2, expect=0.5),
        Case("ten subtasks, three tries", 0.5, 10, named={"tries": 3}, expect=0.5939119),
    ],
    mistakes=[
        Mistake("precedence, of subtasks", _PRECEDENCE, wrong=_needed(_divided, _root)),
        Mistake("precedence, of tries", _PRECEDENCE, wrong=_needed(_root, _divided)),
        Mistake("precedence, twice", _PRECEDENCE, wrong=_needed(_divided, _divided)),
        Mistake(
            "power of the tries",
            "The chain is right. For the tries you take a power where a root belongs: (1 - p) to the power of `tries` "
            "is given, as the chance that all of them fail, and p is asked.",
            wrong=_needed(_root, lambda x, n: x**n),
        ),
        Mistake(
            "steps exchanged",
            "The order is the other way round: the tries belong to each subtask, not to the whole chain. First find "
            "what a subtask needs, then what a single try needs.",
            wrong=lambda target, subtasks, tries=1: _root(1 - _root(1 - target, tries), subtasks),
        ),
        Mistake(
            "power for root",
            "You raise `target` to the power of `subtasks`: that is the success of a chain whose subtasks succeed with "
            "`target`. Here the chain is given and the subtask is asked: undo the power.",
            wrong=lambda target, subtasks, tries=1: 1 - (1 - target**subtasks) ** (1 / tries),
        ),
        Mistake(
            "power for root, and no tries",
            "You raise `target` to the power of `subtasks`: that is the success of a chain whose subtasks succeed with "
            "`target`. Here the chain is given and the subtask is asked: undo the power. Then think of the tries.",
            wrong=lambda target, subtasks, tries=1: target**subtasks,
        ),
        Mistake(
            "ignores the tries",
            "With one try it is right; `tries` seems to change nothing. "
            "With two tries a subtask fails only when both of them fail.",
            wrong=lambda target, subtasks, tries=1: target ** (1 / subtasks),
        ),
        Mistake(
            "tries like subtasks",
            "With more tries you ask for a larger p, but more tries should make life easier. ALL subtasks must "
            "succeed, while ONE try is enough. Write down the chance that all tries fail.",
            wrong=lambda target, subtasks, tries=1: target ** (1 / (subtasks * tries)),
        ),
        Mistake(
            "shares out the failures",
            "You divide the allowed failures evenly among the subtasks. That is close when `target` is near 1, and "
            "wrong otherwise: probabilities of independent successes multiply.",
            wrong=lambda target, subtasks, tries=1: 1 - ((1 - target) / subtasks) ** (1 / tries),
        ),
        Mistake(
            "chance of failing",
            "You return the chance that a try FAILS. Which p belongs to it?",
            wrong=lambda target, subtasks, tries=1: (1 - target ** (1 / subtasks)) ** (1 / tries),
        ),
    ],
)


# --- Exercise 3 ---


def _grid_search(log_failure: Callable[[Tensor, Tensor], Tensor]) -> Callable[[Tensor, Tensor, Tensor], float]:
    """Fit p with a wrong chance of failure."""

    def fit(subtasks: Tensor, successes: Tensor, episodes: Tensor) -> float:
        p = torch.linspace(0.001, 0.999, 999, dtype=torch.float64)[:, None]
        score = successes * subtasks * p.log() + (episodes - successes) * log_failure(p, subtasks)
        return float(p[score.sum(1).argmax(), 0])

    return fit


def _line_through_logs(seen: dict[str, Any]) -> bool:
    """Whether the answer is that of least squares on log rates, through the origin or with an intercept."""
    logs = math.log(90 / 100), math.log(2 / 4)
    slopes = (1 * logs[0] + 4 * logs[1]) / (1 + 16), (logs[1] - logs[0]) / 3
    answer = seen["few long chains, many short ones"]
    return answer is not None and any(abs(answer - math.exp(slope)) < 2e-3 for slope in slopes)


def _mean_of_roots(subtasks: Tensor, successes: Tensor, episodes: Tensor) -> float:
    return float(((successes / episodes) ** (1 / subtasks)).mean())


def _fit(subtasks: Tensor, successes: Tensor, episodes: Tensor) -> tuple[Tensor, Tensor]:
    """The grid (G, 1) and its scores (G, N), where an answer goes wrong only afterwards."""
    p = torch.linspace(0.001, 0.999, 999, dtype=torch.float64)[:, None]
    chain = p**subtasks
    return p, successes * chain.log() + (episodes - successes) * (1 - chain).log()


def _one_success(subtasks: Tensor, successes: Tensor, episodes: Tensor) -> float:
    p = torch.linspace(0.001, 0.999, 999, dtype=torch.float64)[:, None]
    score = successes * p.log() + (episodes - successes) * (1 - p**subtasks).log()
    return float(p[score.sum(1).argmax(), 0])


def _product(subtasks: Tensor, successes: Tensor, episodes: Tensor) -> float:
    p, score = _fit(subtasks, successes, episodes)
    return float(p[score.exp().prod(1).argmax(), 0])


def _over_candidates(subtasks: Tensor, successes: Tensor, episodes: Tensor) -> float:
    p, score = _fit(subtasks, successes, episodes)
    return float(p[score.sum(0).argmax(), 0])


def _least_likely(subtasks: Tensor, successes: Tensor, episodes: Tensor) -> float:
    p, score = _fit(subtasks, successes, episodes)
    return float(p[score.sum(1).argmin(), 0])


def _rates(subtasks: Tensor, successes: Tensor, episodes: Tensor) -> float:
    p, score = _fit(subtasks, successes, episodes)
    return float(p[(score / episodes).sum(1).argmax(), 0])


fit_p = Check(
    "fit_p",
    [
        Case(
            "30 of 40 single subtasks",
            torch.tensor([1]),
            torch.tensor([30]),
            torch.tensor([40]),
            expect=0.75,
            atol=2e-3,
        ),
        Case(
            "few long chains, many short ones",
            torch.tensor([1, 4]),
            torch.tensor([90, 2]),
            torch.tensor([100, 4]),
            expect=0.894,
            atol=2e-3,
        ),
        Case(
            "long chains that never succeed",
            torch.tensor([1, 8]),
            torch.tensor([30, 0]),
            torch.tensor([40, 40]),
            expect=0.654,
            atol=2e-3,
        ),
        Case(
            "2000 chains of each length",
            torch.tensor([1, 2, 4, 8]),
            torch.tensor([1800, 1620, 1312, 861]),
            torch.tensor([2000, 2000, 2000, 2000]),
            expect=0.9,
            atol=2e-3,
        ),
    ],
    mistakes=[
        Mistake(
            "product of likelihoods",
            "With few chains it is right. With many, a product of thousands of chances is smaller than the smallest "
            "number there is: it becomes 0 for every p. Their logarithms add up instead, and stay of good size.",
            wrong=_product,
        ),
        Mistake(
            "sums over candidates",
            "The sum runs over the candidates p; it should run over the data, and leave one score for each "
            "candidate. Which dimension of a (G, N) table is the data's?",
            wrong=_over_candidates,
        ),
        Mistake(
            "least likely",
            "This is the p under which the data are the LEAST likely. A log-likelihood is negative; the best is the "
            "one nearest to 0.",
            wrong=_least_likely,
        ),
        Mistake(
            "rates for counts",
            "Rates stand where counts belong: four episodes weigh as much as a hundred. In the log-likelihood every "
            "episode counts once.",
            wrong=_rates,
        ),
        Mistake(
            "index for value",
            "The answer is larger than 1, so it is no probability. Is it the index of the best candidate? "
            "Look the candidate up in your grid.",
            when=lambda seen: any(value is not None and value > 1 for value in seen.values()),
        ),
        Mistake(
            "ignores failures",
            "The best p comes out as large as the grid allows: chains that failed seem to have no say. "
            "Each of them adds the logarithm of the chance to fail.",
            when=lambda seen: all(value is not None and value > 0.99 for value in seen.values()),
        ),
        Mistake(
            "failure of one subtask",
            "For chains of one subtask it is right, for longer ones not. A chain fails when not all of its subtasks "
            "succeed: its chance is one minus the chance of success of the chain, not of one subtask.",
            wrong=_grid_search(lambda p, subtasks: (1 - p).log() + 0 * subtasks),
        ),
        Mistake(
            "success of one subtask",
            "For chains of one subtask it is right, for longer ones not. A completed chain counts with the chance that "
            "ALL its subtasks succeed, not one of them.",
            wrong=_one_success,
        ),
        Mistake(
            "every subtask fails",
            "You count a failed chain as one in which EVERY subtask failed. One failed subtask is enough to fail.",
            wrong=_grid_search(lambda p, subtasks: subtasks * (1 - p).log()),
        ),
        Mistake(
            "line through logs",
            "This is the slope of a line through the logarithms of the rates. It trusts four episodes as much as a "
            "hundred. Asked is the p with the largest log-likelihood, in which every episode counts once.",
            when=_line_through_logs,
        ),
        Mistake(
            "mean of roots",
            "You take a root of each rate and average them. That gives four episodes the weight of a hundred; "
            "the likelihood counts every episode once.",
            wrong=_mean_of_roots,
        ),
        Mistake(
            "forgets the length",
            "This is the share of completed chains: the lengths of the chains play no part. "
            "A chain of K subtasks succeeds with probability p to the K.",
            wrong=lambda subtasks, successes, episodes: float(successes.sum() / episodes.sum()),
        ),
    ],
)
