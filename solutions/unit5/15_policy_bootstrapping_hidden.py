"""Hidden tests and mutants of chapter 15."""

import torch

from saw_edu.agents.objectives import awr_loss
from saw_edu.checks import Case, Check
from saw_edu.classroom import Mutant
from saw_edu.course.ch15.policy_checks import with_teacher


def _random(seed: int, *shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def _distributions(seed: int, *shape: int, dim: int = -1) -> torch.Tensor:
    return torch.softmax(_random(seed, *shape), dim)


subgoal_posterior = Check(
    "subgoal_posterior",
    [
        Case("many pairs", _distributions(0, 32, 9), _random(1, 32, 9), 3.0),
        Case("β of zero gives the prior", _distributions(2, 4, 5), _random(3, 4, 5), 0.0),
        Case("very bad waypoints only", _distributions(4, 3, 5), _random(5, 3, 5) - 500, 1.0),
    ],
    reference=lambda prior, advantages, beta: torch.softmax(prior.log() + beta * advantages, -1),
)

evidence_bound = Check(
    "evidence_bound",
    [
        Case("many pairs", _distributions(0, 32, 9), _distributions(1, 32, 9), _random(2, 32, 9), 3.0),
        Case("one waypoint", torch.ones(2, 1), torch.ones(2, 1), torch.tensor([[1.5], [-2.0]]), 2.0),
        Case(
            "q avoids some waypoints",
            torch.tensor([[0.0, 0.4, 0.6]]),
            torch.tensor([[0.2, 0.3, 0.5]]),
            torch.tensor([[9.0, 1.0, 2.0]]),
            1.0,
        ),
    ],
    reference=lambda q, prior, advantages, beta: (
        (q * beta * advantages).sum(-1) - (torch.xlogy(q, q) - torch.xlogy(q, prior)).sum(-1)
    ),
)

flat_policy = Check(
    "flat_policy",
    [
        Case(f"many states, {name}", _distributions(0, 16, 7), _distributions(1, 16, 5, 7, dim=1), first)
        for name, first in (("KL(π_sub ‖ π)", False), ("KL(π ‖ π_sub)", True))
    ],
    reference=lambda posterior, teachers, first: (
        torch.softmax(torch.einsum("nw,naw->na", posterior, teachers.log()), -1)
        if first
        else torch.einsum("nw,naw->na", posterior, teachers)
    ),
)


posterior_mean = Check(
    "posterior_mean",
    [
        Case("many waypoints", _random(0, 16, 5, 40).double(), _random(1, 16, 40).double(), 3.0),
        Case("very bad waypoints only", _random(2, 3, 4, 7).double(), _random(3, 3, 7).double() - 900, 1.0),
        Case("one waypoint", _random(4, 2, 3, 1).double(), _random(5, 2, 1).double(), 2.0),
    ],
    reference=lambda f, advantages, beta: torch.einsum("nak,nk->na", f, torch.softmax(beta * advantages, -1)),
)


def _ris(log_probs, advantages, means, subgoal_means, alpha, prior_weight):
    distance = (means - subgoal_means.detach()).square().sum(-1)
    return awr_loss(log_probs, advantages, alpha) + prior_weight * distance.mean()


ris_loss = Check(
    "ris_loss",
    [
        Case("many", run=with_teacher(_random(0, 64), _random(1, 64), _random(2, 64, 5), _random(3, 64, 5), 1.5, 0.7)),
        Case(
            "clipped weights",
            run=with_teacher(_random(4, 32), 9 * _random(5, 32), _random(6, 32, 2), _random(7, 32, 2), 3.0, 3.0),
        ),
    ],
    reference=_ris,
)

MUTANTS = {
    "subgoal-posterior": [
        Mutant(
            "not normalised",
            source="def subgoal_posterior(prior, advantages, beta):\n    return prior * (beta * advantages).exp()",
        ),
        Mutant("a prior of zero made positive", replace=("prior.log()", "prior.clamp(min=1e-300).log()")),
        Mutant("dtype", replace=("beta * advantages, dim=-1)", "beta * advantages, dim=-1).float()")),
        Mutant(
            "the axis of the sum is lost",
            source="def subgoal_posterior(prior, advantages, beta):\n    weights = prior * (beta * advantages).exp()\n    return weights / weights.sum(-1)",
        ),
        Mutant(
            "the largest advantage of a waypoint where no walk goes",
            source="def subgoal_posterior(prior, advantages, beta):\n    a = beta * advantages\n    weights = prior * (a - a.amax(1, keepdim=True)).exp()\n    return weights / weights.sum(-1, keepdim=True)",
        ),
        Mutant(
            "normalised over the batch",
            source="def subgoal_posterior(prior, advantages, beta):\n    weights = prior * (beta * advantages).exp()\n    return weights / weights.sum(0)",
        ),
        Mutant(
            "overflow",
            source="def subgoal_posterior(prior, advantages, beta):\n    weights = prior * (beta * advantages).exp()\n    return weights / weights.sum(-1, keepdim=True)",
        ),
    ],
    "evidence-bound": [
        Mutant(
            "zero times infinity",
            source="def evidence_bound(q, prior, advantages, beta):\n    return (q * (beta * advantages - q.log() + prior.log())).sum(-1)",
        ),
        Mutant(
            "a small number in the logarithm",
            source="def evidence_bound(q, prior, advantages, beta):\n    return (q * (beta * advantages - (q + 1e-6).log() + prior.log())).sum(-1)",
        ),
    ],
    "flat-policy": [
        Mutant("normalised over the batch", replace=("torch.softmax(logits, dim=-1)", "torch.softmax(logits, dim=0)")),
    ],
    "posterior-mean": [
        Mutant(
            "overflow",
            source="def posterior_mean(f, advantages, beta):\n    u = (beta * advantages).exp()\n    return (u[:, None] * f).sum(-1) / u.sum(-1, keepdim=True)",
        ),
        Mutant("divided by K as well", replace=("f).sum(dim=-1)", "f).mean(dim=-1)")),
        Mutant("normalised over the batch", replace=("dim=-1)  #", "dim=0)  #")),
    ],
    "ris-loss": [
        Mutant("gradient into π_sub", replace=("subgoal_means.detach()", "subgoal_means")),
        Mutant(
            "teacher and student exchanged",
            replace=("(means - subgoal_means.detach())", "(means.detach() - subgoal_means)"),
        ),
        Mutant("gradient into the advantages", replace=(".clamp(max=100.0).detach()", ".clamp(max=100.0)")),
        Mutant(
            "π does not learn from the teacher",
            replace=("(means - subgoal_means.detach())", "(means - subgoal_means).detach()"),
        ),
    ],
}

ALTERNATIVES = {
    "subgoal-posterior": [
        "def subgoal_posterior(prior, advantages, beta):\n    scores = (beta * advantages).masked_fill(prior == 0, -torch.inf)\n    weights = prior * (scores - scores.amax(1, keepdim=True)).exp()\n    return weights / weights.sum(1, keepdim=True)",
    ],
    "evidence-bound": [
        "def evidence_bound(q, prior, advantages, beta):\n    safe = torch.where(q > 0, q, torch.ones_like(q))\n    terms = beta * advantages - safe.log() + prior.log()\n    return torch.where(q > 0, q * terms, torch.zeros_like(q)).sum(1)",
    ],
    "flat-policy": [
        "def flat_policy(posterior, subgoal_policies, student_first):\n    if not student_first:\n        return torch.bmm(subgoal_policies, posterior[:, :, None])[:, :, 0]\n    product = (subgoal_policies ** posterior[:, None, :]).prod(-1)\n    return product / product.sum(1, keepdim=True)",
    ],
    "posterior-mean": [
        """
def posterior_mean(f, advantages, beta):
    scores = beta * (advantages - advantages.amax(dim=1, keepdim=True))
    u = scores.exp()
    return torch.bmm(f, u[:, :, None])[:, :, 0] / u.sum(1, keepdim=True)
""",
    ],
    "ris-loss": [
        """
def ris_loss(log_probs, advantages, means, subgoal_means, alpha, prior_weight):
    with torch.no_grad():
        weights = torch.exp(alpha * advantages).clamp(max=100)
        target = subgoal_means.clone()
    return torch.mean(prior_weight * torch.sum((target - means) ** 2, 1) - weights * log_probs)
""",
    ],
}
