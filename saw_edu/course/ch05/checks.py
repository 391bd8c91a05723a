"""Visible checks of chapter 5, "What is a subgoal?"."""

from __future__ import annotations

import numpy as np
import torch
from scipy import stats
from torch import Tensor

from saw_edu.checks import Case, Check, Mistake
from saw_edu.course.ch05 import steps

# --- Exercise 1: how much can be told ---

FEW = (torch.tensor([True, False, True, True]), torch.tensor([0, 0, 1, 1]))
UNEQUAL = (torch.tensor([True] * 6 + [False, True, False, False]), torch.tensor([4] * 6 + [2, 2, 2, 7]))
NEVER = (torch.tensor([False, False, True]), torch.tensor([5, 5, 1]))


def _rates(success: Tensor, behaviours: Tensor) -> Tensor:
    return torch.stack([success[behaviours == b].double().mean() for b in behaviours.unique()])


def _over_all_numbers(success: Tensor, behaviours: Tensor) -> float:
    return float(_rates(success, behaviours).sum() / (behaviours.max() + 1))


expressiveness = Check(
    "expressiveness",
    [
        Case("two behaviours", *FEW, expect=0.75),
        Case("one behaviour asked for more often", *UNEQUAL, expect=(1 + 1 / 3 + 0) / 3),
        Case("numbers with gaps", *NEVER, expect=0.5),
    ],
    mistakes=[
        Mistake(
            "mean of all probes",
            "You take the mean over all probes. A behaviour that was asked for six times then counts six times; the "
            "question was how many *different* behaviours can be told.",
            wrong=lambda s, b: float(s.double().mean()),
        ),
        Mistake(
            "behaviours nobody asked for",
            "You divide by the largest number plus one. Numbers that are not in `behaviours` were never asked for.",
            wrong=_over_all_numbers,
        ),
        Mistake(
            "once is enough",
            "You count a behaviour as told if one probe of it succeeded. Take the share of its probes.",
            wrong=lambda s, b: float((_rates(s, b) > 0).double().mean()),
        ),
        Mistake(
            "most of them",
            "You count behaviours that succeed at least half of the time. Take the share itself, with no threshold.",
            wrong=lambda s, b: float((_rates(s, b) >= 0.5).double().mean()),
        ),
        Mistake(
            "sum of rates",
            "You add the rates up. Asked is their mean over the behaviours.",
            wrong=lambda s, b: float(_rates(s, b).sum()),
        ),
    ],
    reference=lambda s, b: float(_rates(s, b).mean()),
)

# --- Exercise 2: how differently two errands act ---

THREE = torch.tensor([[0, 0, 3, 4], [0, 0, 2, 4], [6, 0, 3, -1]])
LONG = torch.tensor([[1, 1, 1, 1, 5, -1, -1, -1], [1, 1, 1, 5, -1, -1, -1, -1], [2, 2, 2, 2, 2, 2, 2, 6]])
ONE = torch.tensor([[3, 3]])


def _differ(actions: Tensor) -> Tensor:
    return (actions[:, None] != actions[None]).double().mean(-1)


def _while_both_act(actions: Tensor) -> Tensor:
    both = (actions[:, None] >= 0) & (actions[None] >= 0)
    return ((actions[:, None] != actions[None]) & both).double().sum(-1) / both.sum(-1)


behaviour_distances = Check(
    "behaviour_distances",
    [
        Case(
            "three errands of four steps",
            THREE,
            exact_dtype=False,
            expect=torch.tensor([[0, 1, 2], [1, 0, 3], [2, 3, 0]]).double() / 4,
        ),
        Case("errands of unequal length", LONG, exact_dtype=False, expect=_differ(LONG)),
        Case("one errand", ONE, exact_dtype=False, expect=torch.zeros(1, 1).double()),
    ],
    mistakes=[
        Mistake(
            "agreement",
            "This is the share of steps at which two errands do the *same*. An errand is at distance 0 from itself.",
            wrong=lambda a: (a[:, None] == a[None]).double().mean(-1),
        ),
        Mistake(
            "numbers subtracted",
            "You subtract the numbers of actions. They are names: 6 (open) is no farther from 0 (up) than 1 (down) is.",
            wrong=lambda a: (a[:, None] - a[None]).abs().double().mean(-1),
        ),
        Mistake(
            "count for share",
            "You count the steps. Divide by how many there are.",
            wrong=lambda a: (a[:, None] != a[None]).double().sum(-1),
        ),
        Mistake(
            "only while both act",
            "You leave out steps at which one of the two is done. To be done while the other acts is a difference.",
            wrong=_while_both_act,
        ),
        Mistake(
            "mean over errands",
            "You average over the errands rather than over the steps: which axis is time?",
            wrong=lambda a: (a[:, None] != a[None]).double().mean(0),
        ),
        Mistake(
            "as a whole",
            "You ask whether two errands differ anywhere. Ask at how many of the steps.",
            wrong=lambda a: (a[:, None] != a[None]).any(-1).double(),
        ),
    ],
    reference=_differ,
)

# --- Exercise 3: rank correlation of the two distances ---


def _random(seed: int, number: int, size: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    goals = torch.randn(number, size, generator=generator, dtype=torch.float64)
    noise = torch.rand(number, number, generator=generator, dtype=torch.float64)
    apart = (goals[:, None] - goals[None]).norm(dim=-1)
    return goals, (apart**3 + 2 * (noise + noise.T)).fill_diagonal_(0)


LINE = (torch.tensor([[0.0], [1.0], [3.0], [7.0]]).double(), torch.tensor([[0.0], [1.0], [2.0], [9.0]]).double())
ON_A_LINE = (LINE[0], (LINE[1] - LINE[1].T).abs())
TIED = (
    torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0], [0.0, 1.0]]).double(),
    torch.tensor(
        [
            [0.0, 0.2, 0.5, 0.9, 0.9],
            [0.2, 0.0, 0.7, 0.8, 0.3],
            [0.5, 0.7, 0.0, 0.1, 0.6],
            [0.9, 0.8, 0.1, 0.0, 0.4],
            [0.9, 0.3, 0.6, 0.4, 0.0],
        ]
    ).double(),
)
MANY = _random(0, 9, 3)


def _pairs(goals: Tensor, distances: Tensor) -> tuple[np.ndarray, np.ndarray]:
    rows, columns = torch.triu_indices(len(goals), len(goals), offset=1)
    return (goals[rows] - goals[columns]).norm(dim=1).numpy(), distances[rows, columns].numpy()


def _spearman(goals: Tensor, distances: Tensor) -> float:
    return float(stats.spearmanr(*_pairs(goals, distances)).statistic)


def _pearson(goals: Tensor, distances: Tensor) -> float:
    return float(stats.pearsonr(*_pairs(goals, distances)).statistic)


def _with_diagonal(goals: Tensor, distances: Tensor) -> float:
    apart = torch.cdist(goals, goals).flatten().numpy()
    return float(stats.spearmanr(apart, distances.flatten().numpy()).statistic)


def _pairs_with_itself(goals: Tensor, distances: Tensor) -> float:
    rows, columns = torch.triu_indices(len(goals), len(goals), offset=0)
    apart = (goals[rows] - goals[columns]).norm(dim=1)
    return float(stats.spearmanr(apart.numpy(), distances[rows, columns].numpy()).statistic)


def _ties_by_position(goals: Tensor, distances: Tensor) -> float:
    ranks = [np.argsort(np.argsort(x, kind="stable"), kind="stable") for x in _pairs(goals, distances)]
    return float(stats.pearsonr(*ranks).statistic)


def _by_angle(goals: Tensor, distances: Tensor) -> float:
    rows, columns = torch.triu_indices(len(goals), len(goals), offset=1)
    alike = torch.cosine_similarity(goals[rows], goals[columns], dim=1)
    return float(stats.spearmanr(alike.numpy(), distances[rows, columns].numpy()).statistic)


rank_correlation = Check(
    "rank_correlation",
    [
        Case("four goals on a line", *ON_A_LINE, expect=_spearman(*ON_A_LINE)),
        Case("goals that are equal", *TIED, expect=_spearman(*TIED)),
        Case("nine goals", *MANY, expect=_spearman(*MANY)),
    ],
    mistakes=[
        Mistake(
            "values for ranks",
            "This is Pearson's correlation, of the distances themselves. Spearman's compares their *ranks*.",
            wrong=_pearson,
        ),
        Mistake(
            "each goal with itself",
            "You pair each goal with itself as well, at distance 0. Those pairs always agree.",
            wrong=_pairs_with_itself,
        ),
        Mistake(
            "the whole table",
            "You take the whole table, where every goal is at distance 0 from itself. Those pairs always agree.",
            wrong=_with_diagonal,
        ),
        Mistake(
            "ties by position",
            "Your ranks order equal distances by where they stand in the table. Equal ones share their mean rank.",
            wrong=_ties_by_position,
        ),
        Mistake(
            "similarity for distance",
            "You compare the similarity of goals with the distance of behaviours: large should go with large.",
            wrong=lambda g, d: -_spearman(g, d),
        ),
        Mistake("angles", "You compare directions. Asked is how far apart goals lie, ‖g − g'‖.", wrong=_by_angle),
    ],
    reference=_spearman,
)

# --- Exercise 4: how long a label lasts ---

PLAIN = (torch.tensor([2, 2, 2, 5, 5, 2]), torch.tensor([0, 0, 0, 0, 0, 0]))
ACROSS = (torch.tensor([1, 1, 1, 1, 0, 0]), torch.tensor([0, 0, 1, 1, 1, 1]))
SINGLE = (torch.tensor([3]), torch.tensor([8]))
BOTH = (torch.tensor([4, 4, 4, 6, 6, 4, 5, 5, 5]), torch.tensor([2, 2, 3, 3, 3, 3, 9, 9, 9]))


def _begins(labels: Tensor, episodes: Tensor) -> Tensor:
    return (labels[1:] != labels[:-1]) | (episodes[1:] != episodes[:-1])


steps_per_label = Check(
    "steps_per_label",
    [
        Case("one episode, a label that comes back", *PLAIN, expect=2.0),
        Case("a label on both sides of an episode's end", *ACROSS, expect=2.0),
        Case("one step", *SINGLE, expect=1.0),
        Case("three episodes", *BOTH, expect=9 / 5),
    ],
    mistakes=[
        Mistake(
            "across episodes",
            "Where one episode ends with the label that the next begins with, you count one stretch. They are two: "
            "nothing lasts beyond an episode.",
            wrong=lambda x, e: len(x) / (1 + int((x[1:] != x[:-1]).sum())),
        ),
        Mistake(
            "changes for stretches",
            "You divide by the number of changes. Three stretches have two changes between them.",
            wrong=lambda x, e: len(x) / max(1, int(_begins(x, e).sum())),
        ),
        Mistake(
            "counted twice",
            "Where the label changes at the end of an episode, you count two ends. One stretch ends there.",
            wrong=lambda x, e: len(x) / (1 + int((x[1:] != x[:-1]).sum() + (e[1:] != e[:-1]).sum())),
        ),
        Mistake(
            "different labels",
            "You divide by how many different labels there are. One that comes back later begins a new stretch.",
            wrong=lambda x, e: len(x) / len(x.unique()),
        ),
        Mistake(
            "different labels of each episode",
            "You count each label once an episode. One that comes back later in it begins a new stretch.",
            wrong=lambda x, e: len(x) / len(torch.stack([x, e]).unique(dim=1)[0]),
        ),
        Mistake(
            "stretches per step",
            "This is stretches for each step. Turn it over.",
            wrong=lambda x, e: (1 + int(_begins(x, e).sum())) / len(x),
        ),
        Mistake(
            "number of stretches",
            "You count the stretches. Asked is how many steps one lasts on average.",
            wrong=lambda x, e: float(1 + int(_begins(x, e).sum())),
        ),
    ],
    reference=lambda x, e: len(x) / (1 + int(_begins(x, e).sum())),
)

# --- Exercise 5: what does not learn ---

BODY_AND_HEAD = ["encoder.bias", "encoder.weight"]

unmoved_parameters = Check(
    "unmoved",
    [
        Case("all learn", run=lambda f: steps.ask(f, ("encoder", "body", "head")), expect=[]),
        Case("an encoder stays as it was", run=lambda f: steps.ask(f, ("body", "head")), expect=BODY_AND_HEAD),
        Case("one entry of each changes", run=lambda f: steps.ask(f, ("encoder", "body", "head"), True), expect=[]),
        Case("a small learning rate", run=lambda f: steps.ask(f, ("body", "head"), by=1e-6), expect=BODY_AND_HEAD),
        Case(
            "gradients that no optimiser uses",
            run=steps.ask_with_idle_gradients,
            expect=["body.bias", "body.weight", "encoder.bias", "encoder.weight"],
        ),
    ],
    mistakes=[
        Mistake(
            "no copy",
            "Every parameter seems unmoved. Did you call `step()`? And keep copies? `named_parameters()` gives the "
            "parameters themselves, which the step changes in place.",
            wrong=steps.same_memory,
        ),
        Mistake("those that moved", "You name the parameters that *did* change.", wrong=steps.moved),
        Mistake(
            "some entry equal",
            "A parameter is unmoved if *no* entry changed; you name it if any entry did not.",
            wrong=steps.any_entry,
        ),
        Mistake(
            "nearly equal",
            "You allow a tolerance. With a small learning rate a parameter moves by less than that, and does move.",
            wrong=steps.nearly_equal,
        ),
        Mistake(
            "gradients for changes",
            "You look for gradients. A parameter can have one and stay where it is, if the optimiser was not given it. "
            "Compare values.",
            wrong=steps.by_gradient,
        ),
        Mistake("weights only", "Biases are parameters as well.", wrong=steps.weights_only),
        Mistake(
            "parts for parameters",
            "You name parts of the network. Give the parameters' whole names.",
            wrong=steps.modules,
        ),
    ],
)
