"""Hidden tests and mutants of chapter 2, "Learning to reach goals"."""

import torch
from torch import Tensor
from torch.distributions import Categorical, Independent, Normal

from saw_edu.agents import objectives
from saw_edu.checks import Case, Check
from saw_edu.classroom import Mutant
from saw_edu.course.ch02.goal_checks import sample_goals_check
from saw_edu.course.ch02.loss_checks import AWR_MISTAKES, EXPECTILE_MISTAKES, GCBC_MISTAKES, keeps_gradient
from saw_edu.course.ch02.order_checks import AGREEMENT_MISTAKES

# The same questions as the visible ones, with other episodes, shares and discounts.
sample_goals = sample_goals_check([11, 2, 40, 7, 3], 0.75, (0.1, 0.3, 0.6), long_discount=0.995)


def random(*shape: int, seed: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def wide_policy(observations: Tensor, goals: Tensor) -> Independent:
    """A normal policy whose spread is not 1."""
    return Independent(Normal(torch.tanh(observations + 2 * goals), 0.5 + goals.abs()), 1)


def discrete_policy(observations: Tensor, goals: Tensor) -> Categorical:
    """A policy over three discrete actions."""
    return Categorical(logits=torch.cat([observations, goals], 1)[:, :3])


gcbc_loss = Check(
    "gcbc_loss",
    [
        Case("a spread that varies", wide_policy, random(9, 2, seed=1), random(9, 2, seed=2), random(9, 2, seed=3)),
        Case(
            "discrete actions",
            discrete_policy,
            random(6, 2, seed=4),
            torch.tensor([0, 1, 2, 2, 1, 0]),
            random(6, 2, seed=5),
        ),
    ],
    reference=lambda policy, observations, actions, goals: -policy(observations, goals).log_prob(actions).mean(),
    mistakes=GCBC_MISTAKES,
)

expectile_loss = Check(
    "expectile_loss",
    [
        Case("many differences", random(257, seed=6), 0.9),
        Case("below one half", random(64, seed=7), 0.2),
        Case("double precision", random(32, seed=8).double(), 0.7, exact_dtype=True),
        Case(
            "gradient",
            run=lambda loss: torch.autograd.functional.jacobian(lambda u: loss(u, 0.9), random(5, seed=9)),
            expect=torch.autograd.functional.jacobian(lambda u: objectives.expectile_loss(u, 0.9), random(5, seed=9)),
        ),
    ],
    reference=objectives.expectile_loss,
    mistakes=EXPECTILE_MISTAKES,
)


def clipped_weights(advantages: Tensor, alpha: float, clip: float = 100.0) -> Tensor:
    """A right answer, with a clip that can be chosen."""
    return (alpha * advantages).exp().clamp(max=clip).detach()


awr_weights = Check(
    "awr_weights",
    [
        Case("many advantages", random(200, seed=10), 5.0),
        Case(
            "huge advantages stay finite",
            torch.tensor([50.0, -50.0, 0.1]),
            10.0,
            expect=torch.tensor([100, 0, 2.7182817]),
        ),
        Case("alpha 0 is plain imitation", random(20, seed=11), 0.0, expect=torch.ones(20)),
        Case("a small clip", random(50, seed=12), 3.0, 2.0),
        Case("no gradient through the weights", run=keeps_gradient, expect=False),
    ],
    reference=clipped_weights,
    mistakes=AWR_MISTAKES,
)


def agreement(values: Tensor, distances: Tensor) -> float:
    """A right answer by brute force."""
    right = total = 0
    for i in range(len(values)):
        for j in range(len(values)):
            if distances[i] < distances[j]:
                total += 1
                right += bool(values[i] > values[j])
    return right / total


order_agreement = Check(
    "order_agreement",
    [
        Case(
            "many states, few distances",
            random(60, seed=13),
            torch.randint(0, 5, (60,), generator=torch.Generator().manual_seed(14)).float(),
        ),
        Case("whole numbers as distances", torch.tensor([-3.0, -1.0, -1.5, -1.2]), torch.tensor([7, 2, 2, 1])),
        Case("equal values are not in order", torch.zeros(4), torch.tensor([1.0, 2.0, 3.0, 3.0]), expect=0.0),
    ],
    reference=agreement,
    mistakes=AGREEMENT_MISTAKES,
)

_HEADER = "def sample_goals(rows, final_index, fractions, discount, generator):\n"

MUTANTS = {
    "sample-goals": [
        Mutant(
            "crosses the episode",
            replace=("torch.minimum(rows + offsets, final)", "(rows + offsets).clamp(max=len(final_index) - 1)"),
        ),
        Mutant(
            "final row never reached",
            replace=("final = final_index[rows]", "final = (final_index[rows] - 1).maximum(rows)"),
        ),
        Mutant("offset 0 allowed", replace=(".floor().long() + 1", ".floor().long()")),
        Mutant(
            "uniform offsets",
            replace=(
                "future = torch.minimum(rows + offsets, final)",
                "future = torch.minimum(rows + 1 + (u * (final - rows)).long(), final)",
            ),
        ),
        Mutant("discount and 1 - discount exchanged", replace=("math.log(discount)", "math.log(1 - discount)")),
        Mutant(
            "fractions exchanged", replace=("p_current, p_future, _ = fractions", "_, p_future, p_current = fractions")
        ),
        Mutant("threshold not added", replace=("kind < p_current + p_future", "kind < p_future")),
        Mutant(
            "a random number for each threshold",
            replace=(
                "return torch.where(kind < p_current, rows, goals)",
                "return torch.where(torch.rand(len(rows), generator=generator) < p_current, rows, goals)",
            ),
        ),
        Mutant(
            "one kind for all",
            replace=(
                "kind = torch.rand(len(rows), generator=generator)",
                "kind = torch.rand(1, generator=generator)",
            ),
        ),
        Mutant(
            "no pile on the last row",
            replace=(
                "torch.minimum(rows + offsets, final)",
                "torch.where(rows < final, rows + 1 + (offsets - 1) % (final - rows).clamp(min=1), rows)",
            ),
        ),
        Mutant(
            "fractions of what is left",
            replace=(
                "goals = torch.where(kind < p_current + p_future, future, anywhere)",
                "goals = torch.where(torch.rand(len(rows), generator=generator) < p_future, future, anywhere)",
            ),
        ),
        Mutant(
            "one random number for two choices",
            replace=("kind = torch.rand(len(rows), generator=generator)", "kind = u"),
        ),
        Mutant(
            "one draw for all",
            replace=("u = torch.rand(len(rows), generator=generator)", "u = torch.rand(1, generator=generator)"),
        ),
        Mutant(
            "global randomness",
            source="import numpy as np\n\n\n"
            + _HEADER
            + """    final = final_index[rows]
    future = torch.minimum(rows + torch.tensor(np.random.geometric(1 - discount, len(rows))), final)
    anywhere = torch.tensor(np.random.randint(len(final_index), size=len(rows)))
    kind = torch.tensor(np.random.choice(3, size=len(rows), p=fractions))
    return torch.where(kind == 0, rows, torch.where(kind == 1, future, anywhere))
""",
        ),
        Mutant(
            "reseeds the generator",
            replace=("final = final_index[rows]", "generator.manual_seed(0)\n    final = final_index[rows]"),
        ),
        Mutant(
            "no return",
            replace=("return torch.where(kind < p_current, rows, goals)", "torch.where(kind < p_current, rows, goals)"),
        ),
    ],
    "gcbc-loss": [
        Mutant("sign", replace=("return -policy", "return policy")),
        Mutant("not reduced", replace=(".mean()", "")),
        Mutant("no gradient", replace=(".mean()", ".mean().detach()")),
        Mutant(
            "squared error",
            replace=(
                "-policy(observations, goals).log_prob(actions).mean()",
                "torch.nn.functional.mse_loss(policy(observations, goals).mean, actions)",
            ),
        ),
    ],
    "expectile-loss": [
        Mutant("no gradient", replace=(".mean()", ".mean().detach()")),
        Mutant("not reduced", replace=(".mean()", "")),
        Mutant("number for tensor", replace=(".mean()", ".mean().item()")),
    ],
    "awr-weights": [
        Mutant("sign", replace=("return (", "return -(")),
    ],
}

ALTERNATIVES = {
    "sample-goals": [
        _HEADER
        + """    kinds = torch.multinomial(torch.tensor(fractions), len(rows), replacement=True, generator=generator)
    goals = rows.clone()
    for i, (row, kind) in enumerate(zip(rows.tolist(), kinds.tolist())):
        if kind == 2:
            goals[i] = torch.randint(len(final_index), (), generator=generator)
        elif kind == 1:
            steps = int(torch.empty(()).geometric_(1 - discount, generator=generator))
            goals[i] = min(row + steps, int(final_index[row]))
    return goals
""",
        _HEADER
        + """    p = torch.rand((3, len(rows)), generator=generator)
    is_random = p[0] >= 1 - fractions[2]
    is_current = p[0] < fractions[0]
    steps = torch.empty(len(rows)).geometric_(1 - discount, generator=generator).long()
    goals = torch.minimum(rows + steps, final_index[rows])
    goals[is_current] = rows[is_current]
    goals[is_random] = (p[2] * len(final_index)).long()[is_random]
    return goals
""",
    ],
    "gcbc-loss": [
        """
def gcbc_loss(policy, observations, actions, goals):
    log_probs = policy(observations, goals).log_prob(actions)
    return torch.neg(log_probs.sum() / len(log_probs))
"""
    ],
    "expectile-loss": [
        """
def expectile_loss(differences, expectile):
    above, below = differences.clamp(min=0), differences.clamp(max=0)
    return expectile * (above**2).mean() + (1 - expectile) * (below**2).mean()
"""
    ],
    "awr-weights": [
        """
import math


def awr_weights(advantages, alpha, clip=100.0):
    with torch.no_grad():
        return torch.exp(torch.clamp(alpha * advantages, max=math.log(clip)))
"""
    ],
    "order-agreement": [
        """
def order_agreement(values, distances):
    right = total = 0
    for v, d in zip(values.tolist(), distances.tolist()):
        farther = distances > d
        total += int(farther.sum())
        right += int((values[farther] < v).sum())
    return right / total
"""
    ],
}
