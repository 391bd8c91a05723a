"""Hidden tests and mutants of chapter 3."""

import torch

from saw_edu.checks import Case, Check
from saw_edu.course.ch03 import checks as ch03


def _distances(seed: int, low: int = 1, high: int = 300) -> torch.Tensor:
    return torch.randint(low, high, (32,), generator=torch.Generator().manual_seed(seed)).double()


def _uniform(seed: int, low: float, high: float) -> torch.Tensor:
    return low + (high - low) * torch.rand(32, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


advantage_gap = Check(
    "advantage_gap",
    [
        Case("many distances, 3 steps", _distances(0), 0.97, 3),
        Case("goals all nearer than the stride", _distances(1, 1, 9), 0.9, 12),
        Case("single precision", _distances(2).float(), 0.995, 25),
    ],
    reference=ch03.advantage_gap.reference,
    mistakes=ch03.advantage_gap.mistakes,
)
error_chance = Check(
    "error_chance",
    [
        Case("many gaps", _uniform(0, 0, 5), 1.3, _uniform(1, -0.9, 0.95)),
        Case("hardly any noise", _uniform(2, 0.5, 5), 0.05, _uniform(3, 0, 0.5)),
    ],
    reference=ch03.error_chance.reference,
    mistakes=ch03.error_chance.mistakes,
)
two_level_error = Check(
    "two_level_error",
    [
        Case("many distances", _distances(3), 0.98, 0.7, 12),
        Case("a stride beyond all goals", _distances(4, 1, 20), 0.97, 1.5, 40),
    ],
    reference=ch03.two_level_error.reference,
    mistakes=ch03.two_level_error.mistakes,
)
mended_weights = Check(
    "mended_weights",
    [
        Case("many values", 0.98 ** _distances(5), 0.98 ** _distances(6), 0.98, 3.0),
        Case("a low temperature", 0.99 ** _distances(7), 0.99 ** _distances(8), 0.99, 20.0),
    ],
    reference=ch03.mended_weights.reference,
    mistakes=ch03.mended_weights.mistakes,
)

ALTERNATIVES = {
    "advantage-gap": [
        """
def advantage_gap(distances, discount, steps):
    near = torch.maximum(distances - steps, torch.zeros_like(distances))
    return (discount**near - discount ** (distances + steps)) / (1 - discount)
""",
        """
def advantage_gap(distances, discount, steps):
    costs = [sum(discount**i for i in range(int(max(d - steps, 0)), int(d) + steps)) for d in distances.tolist()]
    return torch.tensor(costs, dtype=distances.dtype)
""",
    ],
    "error-chance": [
        """
def error_chance(gap, noise, correlation):
    z = gap / torch.sqrt(2 * noise**2 - 2 * correlation * noise**2)
    return 0.5 * torch.erfc(z / 2**0.5)
""",
        """
def error_chance(gap, noise, correlation):
    return 1 - torch.distributions.Normal(0.0, noise * (2 - 2 * correlation) ** 0.5).cdf(gap)
""",
    ],
    "two-level-error": [
        """
def two_level_error(distances, discount, noise, steps):
    zero = torch.zeros_like(distances)
    p = error_chance(advantage_gap(distances, discount, steps), noise, zero)
    near = torch.minimum(distances, torch.full_like(distances, steps))
    q = error_chance(advantage_gap(near, discount, 1), noise, zero)
    return p + q - 2 * p * q
""",
    ],
    "mended-weights": [
        """
def mended_weights(values, next_values, discount, alpha):
    here, there = (values - 1) / (1 - discount), (next_values - 1) / (1 - discount)
    return torch.clamp(torch.exp(alpha * (there - here)), max=100)
""",
    ],
}
