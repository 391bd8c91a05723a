"""Hidden tests and mutants of chapter 5."""

import torch

from saw_edu.checks import Case, Check
from saw_edu.classroom import Mutant
from saw_edu.course.ch05 import checks as ch05
from saw_edu.course.ch05 import steps


def _generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


_BEHAVIOURS = torch.randint(0, 9, (60,), generator=_generator(0)) ** 2
_SUCCESS = torch.rand(60, generator=_generator(1)) < 0.1 + _BEHAVIOURS / 80
expressiveness = Check(
    "expressiveness",
    [Case("many probes", _SUCCESS, _BEHAVIOURS), Case("one probe", torch.tensor([True]), torch.tensor([3]))],
    reference=ch05.expressiveness.reference,
    mistakes=ch05.expressiveness.mistakes,
)

_ACTIONS = torch.randint(0, 7, (7, 11), generator=_generator(2))
_ACTIONS[torch.arange(11) >= torch.tensor([11, 3, 5, 8, 9, 2, 7])[:, None]] = -1
behaviour_distances = Check(
    "behaviour_distances",
    [Case("seven errands", _ACTIONS, exact_dtype=False), Case("equal errands", _ACTIONS[[0, 0, 1]], exact_dtype=False)],
    reference=ch05.behaviour_distances.reference,
    mistakes=ch05.behaviour_distances.mistakes,
)

_GOALS = torch.randint(0, 3, (12, 2), generator=_generator(3)).double()
_TABLE = torch.randint(0, 5, (12, 12), generator=_generator(4)).double() / 4
_TABLE = (_TABLE + _TABLE.T).fill_diagonal_(0)
rank_correlation = Check(
    "rank_correlation",
    [Case("goals with ties", _GOALS, _TABLE), Case("ten goals", *ch05._random(5, 10, 4))],
    reference=ch05.rank_correlation.reference,
    mistakes=ch05.rank_correlation.mistakes,
)

_EPISODES = torch.arange(6).repeat_interleave(torch.tensor([9, 1, 14, 3, 3, 10]))
_LABELS = torch.randint(0, 3, (40,), generator=_generator(6))
_LABELS[8:11] = 1
steps_per_label = Check(
    "steps_per_label",
    [
        Case("six episodes", _LABELS, _EPISODES),
        Case("one label", torch.zeros(5, dtype=torch.long), torch.tensor([0, 0, 1, 1, 1])),
    ],
    reference=ch05.steps_per_label.reference,
    mistakes=ch05.steps_per_label.mistakes,
)

unmoved_parameters = Check(
    "unmoved",
    [
        Case(
            "only a head learns",
            run=lambda f: steps.ask(f, ("head",)),
            expect=["body.bias", "body.weight", *ch05.BODY_AND_HEAD],
        ),
        Case(
            "only a bias learns",
            run=lambda f: steps.ask(f, ("encoder.bias",), True),
            expect=["body.bias", "body.weight", "encoder.weight", "head.bias", "head.weight"],
        ),
        Case(
            "gradients that no optimiser uses",
            run=steps.ask_with_idle_gradients,
            expect=["body.bias", "body.weight", *ch05.BODY_AND_HEAD],
        ),
    ],
    mistakes=ch05.unmoved_parameters.mistakes,
)

MUTANTS = {
    "expressiveness": [
        Mutant(
            "behaviours nobody asked for",
            replace=(
                "behaviours.unique()]",
                "torch.arange(int(behaviours.max()) + 1) if (behaviours == b).any()]\n    rates += [torch.zeros(()).double()] * (int(behaviours.max()) + 1 - len(rates))",
            ),
        ),
        Mutant("sum of rates", replace=(".mean())", ".sum())")),
    ],
    "unmoved": [
        Mutant("no copy", replace=("parameter.detach().clone()", "parameter")),
        Mutant("nearly equal", replace=("torch.equal", "torch.allclose")),
        Mutant("those that moved", replace=("if torch.equal", "if not torch.equal")),
    ],
    "behaviour-distances": [
        Mutant("agreement", replace=("!=", "==")),
        Mutant("count for share", replace=(".mean(-1)", ".sum(-1)")),
    ],
    "rank-correlation": [
        Mutant("values for ranks", replace=("stats.spearmanr", "stats.pearsonr")),
        Mutant("each goal with itself", replace=("offset=1", "offset=0")),
        Mutant("similarity for distance", replace=("apart.numpy()", "-apart.numpy()")),
    ],
    "steps-per-label": [
        Mutant("across episodes", replace=(" | (episodes[1:] != episodes[:-1])", "")),
        Mutant(
            "counted twice",
            replace=(
                "(labels[1:] != labels[:-1]) | (episodes[1:] != episodes[:-1])",
                "(labels[1:] != labels[:-1]).int() + (episodes[1:] != episodes[:-1]).int()",
            ),
        ),
        Mutant("changes for stretches", replace=("(1 + int(begins.sum()))", "max(1, int(begins.sum()))")),
        Mutant("different labels", replace=("(1 + int(begins.sum()))", "len(labels.unique())")),
    ],
}
ALTERNATIVES = {
    "expressiveness": [
        """
def expressiveness(success, behaviours):
    table = pd.DataFrame({"success": success.float().numpy(), "behaviour": behaviours.numpy()})
    return table.groupby("behaviour")["success"].mean().mean()
"""
    ],
    "unmoved": [
        """
def unmoved(network, step):
    names = [name for name, _ in network.named_parameters()]
    old = [p.data.numpy().copy() for p in network.parameters()]
    step()
    return {n for n, a, p in zip(names, old, network.parameters()) if (a == p.data.numpy()).all()}
"""
    ],
    "behaviour-distances": [
        """
def behaviour_distances(actions):
    same = sum((actions[:, t, None] == actions[None, :, t]).float() for t in range(actions.shape[1]))
    return 1 - same / actions.shape[1]
"""
    ],
    "rank-correlation": [
        """
def rank_correlation(goals, distances):
    x, y = [], []
    for i in range(len(goals)):
        for j in range(i):
            x.append(float(((goals[i] - goals[j]) ** 2).sum()))
            y.append(float(distances[i, j]))
    return stats.spearmanr(x, y)[0]
"""
    ],
    "steps-per-label": [
        """
def steps_per_label(labels, episodes):
    stretches, last = 0, None
    for pair in zip(labels.tolist(), episodes.tolist()):
        stretches += pair != last
        last = pair
    return len(labels) / stretches
"""
    ],
}
