"""Hidden tests and mutants of chapter 14."""

import torch

from saw_edu.checks import Case, Check
from saw_edu.classroom import Mutant
from saw_edu.course.ch14 import checks as ch14


def _generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def _normal(*shape: int, seed: int) -> torch.Tensor:
    return torch.randn(*shape, generator=_generator(seed), dtype=torch.float64)


signal_to_noise = Check(
    "signal_to_noise",
    [Case("many places", _normal(5, 200, seed=0) + 0.3), Case("two seeds", _normal(2, 9, seed=1))],
    reference=ch14.signal_to_noise.reference,
    mistakes=ch14.signal_to_noise.mistakes,
)

_ROWS = torch.arange(60)
_FINALS = (_ROWS // 12) * 12 + 11
_RANDOM = torch.rand(60, generator=_generator(2)) < 0.5
_GOALS = torch.where(
    _RANDOM,
    torch.randint(60, (60,), generator=_generator(3)),
    torch.minimum(_ROWS + torch.randint(12, (60,), generator=_generator(4)), _FINALS),
)
waypoint_rows = Check(
    "waypoint_rows",
    [Case(f"many rows, k = {k}", _ROWS, _GOALS, _FINALS, _RANDOM, k) for k in (1, 5, 25)],
    reference=ch14.waypoint_rows.reference,
    mistakes=ch14.waypoint_rows.mistakes,
)

high_level_loss = Check(
    "high_level_loss",
    [
        Case(f"many pairs, β = {beta:g}", run=run, expect=run(ch14._high))
        for beta in (0.5, 4.0)
        for run in [ch14._with_gradients(_normal(40, seed=5), _normal(40, seed=6), 2 * _normal(40, seed=7), beta)]
    ],
    mistakes=ch14.high_level_loss.mistakes,
)

_PLACES = [_normal(30, seed=seed) for seed in (8, 9, 10, 11)]
low_level_advantage = Check(
    "low_level_advantage",
    [
        Case(label, run=lambda f, v=v: f(v, *_PLACES), expect=ch14._low(v, *_PLACES))
        for label, v in {
            "a curved V": lambda s, g: -((s - g) ** 2 + 1).sqrt() + 0.3 * g,
            "a V that is not symmetric": lambda s, g: s * g - 2 * g + s.sin(),
        }.items()
    ],
    mistakes=ch14.low_level_advantage.mistakes,
)

MUTANTS = {
    "signal-to-noise": [
        Mutant(
            "over places",
            replace=("estimates.mean(0).abs() / estimates.std(0)", "estimates.mean(1).abs() / estimates.std(1)"),
        ),
        Mutant("sign kept", replace=(".abs()", "")),
        Mutant("variance", replace=("std(0)", "var(0)")),
        Mutant("sizes first", replace=("mean(0).abs()", "abs().mean(0)")),
    ],
    "waypoint-rows": [
        Mutant("beyond the goal", replace=("torch.where(is_random, ahead, torch.minimum(ahead, goals))", "ahead")),
        Mutant(
            "random goals as if on the walk",
            replace=("torch.where(is_random, ahead, torch.minimum(ahead, goals))", "torch.minimum(ahead, goals)"),
        ),
        Mutant("into the next walk", replace=("torch.minimum(rows + k, finals)", "rows + k")),
    ],
    "high-level-loss": [
        Mutant("values trained too", replace=(".detach()", "")),
        Mutant("not clipped", replace=(".clamp(max=100.0)", "")),
        Mutant("advantage turned round", replace=("there - here", "here - there")),
        Mutant("sign", replace=("return -(", "return (")),
    ],
    "low-level-advantage": [
        Mutant("towards the final goal", replace=("value(s_next, w) - value(s, w)", "value(s_next, g) - value(s, g)")),
        Mutant("the high level's", replace=("value(s_next, w) - value(s, w)", "value(w, g) - value(s, g)")),
        Mutant("turned round", replace=("value(s_next, w) - value(s, w)", "value(s, w) - value(s_next, w)")),
    ],
}
ALTERNATIVES = {
    "signal-to-noise": [
        """
def signal_to_noise(estimates):
    mean = estimates.sum(0) / len(estimates)
    spread = ((estimates - mean) ** 2).sum(0) / (len(estimates) - 1)
    return mean.abs() / torch.sqrt(spread)
""",
    ],
    "waypoint-rows": [
        """
def waypoint_rows(rows, goals, finals, is_random, k):
    limit = torch.where(is_random, finals, torch.minimum(goals, finals))
    return torch.minimum(rows + k, limit)
""",
    ],
    "high-level-loss": [
        """
def high_level_loss(log_probs, here, there, beta):
    with torch.no_grad():
        weights = torch.exp(beta * (there - here)).clip(max=100)
    return torch.mean(-weights * log_probs)
""",
    ],
    "low-level-advantage": [
        """
def low_level_advantage(value, s, s_next, w, g):
    before, after = value(torch.cat([s, s_next]), torch.cat([w, w])).chunk(2)
    return after - before
""",
    ],
}
