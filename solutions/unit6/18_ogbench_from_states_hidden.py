"""Hidden tests and mutants of chapter 18."""

import torch

from saw_edu.checks import Case, Check
from saw_edu.classroom import Mutant
from saw_edu.course.ch18 import checks as ch18


def _generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


_ENDS = torch.rand(60, generator=_generator(0)) < 0.15
_ENDS[-1] = True
transition_rows = Check(
    "transition_rows",
    [Case("many episodes", _ENDS)],
    reference=ch18.transition_rows.reference,
    mistakes=ch18.transition_rows.mistakes,
)

farthest = Check(
    "farthest",
    [
        Case("γ = .9", 0.9, 0.003, expect=ch18._farthest(0.9, 0.003)),
        Case("γ = .998", 0.998, 0.05, expect=ch18._farthest(0.998, 0.05)),
    ],
    mistakes=ch18.farthest.mistakes,
)

_TASKS = torch.randint(1, 6, (80,), generator=_generator(1)) ** 2
_SUCCESS = (torch.rand(80, generator=_generator(2)) < 0.9 / _TASKS.sqrt()).float()
task_score = Check(
    "task_score",
    [Case("many episodes", _SUCCESS, _TASKS)],
    reference=ch18.task_score.reference,
    mistakes=ch18.task_score.mistakes,
)

interquartile_mean = Check(
    "interquartile_mean",
    [
        Case("many scores", torch.rand(41, generator=_generator(3)) ** 3),
        Case("three scores: none is cut", torch.tensor([0.9, 0.0, 0.3])),
    ],
    reference=ch18.interquartile_mean.reference,
    mistakes=ch18.interquartile_mean.mistakes,
)

MUTANTS = {
    "transition-rows": [Mutant("the ends", replace=("~terminals", "terminals"))],
    "farthest": [
        Mutant("upside down", replace=("math.log(gap) / math.log(discount)", "math.log(discount) / math.log(gap)"))
    ],
    "task-score": [Mutant("a score for each task", replace=("float(torch.stack(means).mean())", "torch.stack(means)"))],
    "interquartile-mean": [
        Mutant("not sorted", replace=("scores.double().sort().values", "scores.double()")),
        Mutant("an eighth at each end", replace=("cut = len(scores) // 4", "cut = len(scores) // 8")),
    ],
}
ALTERNATIVES = {
    "transition-rows": [
        """
def transition_rows(terminals):
    return torch.tensor([row for row in range(len(terminals)) if not terminals[row]])
"""
    ],
    "farthest": [
        """
def farthest(discount, gap):
    distance, difference = 0, discount
    while difference >= gap * (1 - 1e-9):
        distance += 1
        difference *= discount
    return distance
"""
    ],
    "task-score": [
        """
def task_score(success, tasks):
    total = 0.0
    for task in set(tasks.tolist()):
        of_task = success[tasks == task]
        total += of_task.sum().item() / len(of_task)
    return total / len(set(tasks.tolist()))
"""
    ],
    "interquartile-mean": [
        """
def interquartile_mean(scores):
    from scipy import stats

    return float(stats.trim_mean(scores.double().numpy(), 0.25))
"""
    ],
}
