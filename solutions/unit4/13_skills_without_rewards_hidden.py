"""Hidden tests and mutants of chapter 13."""

import torch

from saw_edu.checks import Case, Check
from saw_edu.classroom import Mutant
from saw_edu.course.ch13 import checks as ch13


def _generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def _counts(seed: int, skills: int, places: int) -> torch.Tensor:
    return torch.randint(0, 4, (skills, places), generator=_generator(seed)).double()


def _task(seed: int, number: int, longest: int) -> list[torch.Tensor]:
    lengths = torch.randint(1, longest + 1, (number,), generator=_generator(seed))
    rewards = torch.rand(number, longest, generator=_generator(seed + 1), dtype=torch.float64)
    rewards[torch.arange(longest) >= lengths[:, None]] = 0
    values = torch.randn(number, 6, generator=_generator(seed + 2), dtype=torch.float64)
    return [rewards, lengths, values, torch.rand(number, generator=_generator(seed + 3)) < 0.4]


_LOGITS = torch.randn(40, 5, generator=_generator(3), dtype=torch.float64)
_SKILLS = torch.randint(5, (40,), generator=_generator(4))
_PRIOR = torch.tensor([0.4, 0.3, 0.15, 0.1, 0.05], dtype=torch.float64)

state_information = Check(
    "state_information",
    [
        Case("many places", _counts(0, 6, 20)),
        Case("skills seen unequally often", _counts(1, 3, 5) * 7 + ch13.MIXED[:, :1]),
    ],
    reference=ch13.state_information.reference,
    mistakes=ch13.state_information.mistakes,
)
skill_reward = Check(
    "skill_reward",
    [Case("many states", _LOGITS, _SKILLS, _PRIOR), Case("hardly likely skills", 30 * _LOGITS, _SKILLS, _PRIOR)],
    reference=ch13.skill_reward.reference,
    mistakes=ch13.skill_reward.mistakes,
)
_VISITS = torch.randint(0, 60, (7, 9), generator=_generator(5))
coverage = Check(
    "coverage",
    [
        Case("many roll-outs", _VISITS, 68, expect=len(_VISITS.unique()) / 68),
        Case("one roll-out", torch.tensor([[4, 4, 5, 9, 5]]), 12, expect=0.25),
    ],
    mistakes=ch13.coverage.mistakes,
)
option_target = Check(
    "option_target",
    [Case("many choices", *_task(10, 50, 6), 0.95), Case("long choices", *_task(20, 30, 15), 0.8)],
    reference=ch13.option_target.reference,
    mistakes=ch13.option_target.mistakes,
)

MUTANTS = {
    "state-information": [
        Mutant("entropy of places", replace=("entropy(places) + entropy(skills) - entropy(joint)", "entropy(places)")),
        Mutant(
            "negative information",
            replace=(
                "entropy(places) + entropy(skills) - entropy(joint)",
                "entropy(joint) - entropy(places) - entropy(skills)",
            ),
        ),
        Mutant("zero counts", replace=("torch.special.xlogy(p, p)", "(p * p.log())")),
        Mutant("joint entropy", replace=("entropy(places) + entropy(skills) - entropy(joint)", "entropy(joint)")),
    ],
    "skill-reward": [
        Mutant("prior forgotten", replace=(" - prior.log()[skills]", "")),
        Mutant("prior added", replace=("- prior.log()", "+ prior.log()")),
        Mutant("logits for probabilities", replace=("logits.log_softmax(-1)", "logits")),
        Mutant("prior uniform always", replace=("prior.log()[skills]", "torch.tensor(1 / len(prior)).log()")),
    ],
    "coverage": [
        Mutant("visits counted", replace=("len(visits.unique())", "visits.numel()")),
        Mutant("last states only", replace=("visits.unique()", "visits[:, -1].unique()")),
        Mutant("a count", replace=("len(visits.unique()) / cells", "float(len(visits.unique()))")),
    ],
    "option-target": [
        Mutant("no end", replace=("torch.where(done, 0.0, ahead)", "ahead")),
        Mutant("one discount", replace=("discount**lengths", "discount")),
        Mutant("rewards not discounted", replace=("(rewards * powers)", "rewards")),
        Mutant("longest always", replace=("discount**lengths", "discount ** rewards.shape[1]")),
    ],
}
ALTERNATIVES = {
    "state-information": [
        """
def state_information(counts):
    joint = counts / counts.sum()
    independent = joint.sum(0, keepdim=True) * joint.sum(1, keepdim=True)
    seen = joint > 0
    return (joint[seen] * (joint[seen] / independent[seen]).log()).sum()
""",
    ],
    "skill-reward": [
        """
def skill_reward(logits, skills, prior):
    guess = torch.nn.functional.cross_entropy(logits, skills, reduction="none")
    return -guess - torch.log(prior[skills])
""",
    ],
    "coverage": [
        """
def coverage(visits, cells):
    return len(set(visits.flatten().tolist())) / cells
""",
        """
def coverage(visits, cells):
    seen = torch.zeros(cells, dtype=torch.bool)
    seen[visits.flatten()] = True
    return float(seen.double().mean())
""",
    ],
    "option-target": [
        """
def option_target(rewards, lengths, next_values, done, discount):
    total = (~done) * (discount**lengths) * next_values.amax(-1)
    for i in range(rewards.shape[1]):
        total = total + discount**i * rewards[:, i]
    return total
""",
    ],
}
