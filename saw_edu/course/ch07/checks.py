"""Visible checks of chapter 7, "Language subgoals and corrections"."""

from __future__ import annotations

import torch
from torch import Tensor

from saw_edu.checks import Case, Check, Mistake
from saw_edu.hierarchy.dagger import approved as right_approved
from saw_edu.hierarchy.dagger import row_weights as right_weights
from saw_edu.hierarchy.dagger import segments
from saw_edu.hierarchy.dagger import should_speak as right_rule

# --- Exercise 1: when to speak ---

WRONG = torch.tensor([0, 1, 2, 3, 9, 2, 5])
LASTING = torch.tensor([0, 0, 0, 0, 0, 3, 1])

should_speak = Check(
    "should_speak",
    [
        Case("nobody spoke yet, patience 2", WRONG[:5], LASTING[:5], 2, expect=right_rule(WRONG, LASTING, 2)[:5]),
        Case("two corrections still last", WRONG, LASTING, 2, expect=right_rule(WRONG, LASTING, 2)),
        Case("a patient person", WRONG, LASTING, 5, expect=right_rule(WRONG, LASTING, 5)),
    ],
    reference=right_rule,
    mistakes=[
        Mistake(
            "a step late",
            "You wait for one wrong step more. With patience 2, the second wrong step in a row is enough.",
            wrong=lambda w, left, p: (w > p) & (left == 0),
        ),
        Mistake(
            "speaks over itself",
            "You speak although a correction still lasts. Whoever repeats each step gives nobody time to do it.",
            wrong=lambda w, left, p: w >= p,
        ),
        Mistake(
            "only during corrections",
            "You speak only *while* a correction lasts: the condition is the wrong way round.",
            wrong=lambda w, left, p: (w >= p) & (left > 0),
        ),
        Mistake(
            "once and never again",
            "You speak only when the count *equals* your patience. If a correction lasted over that step, you never "
            "speak again.",
            wrong=lambda w, left, p: (w == p) & (left == 0),
        ),
        Mistake(
            "a step too early",
            "You speak while a correction lasts for one step more. Only with 0 steps left is it over.",
            wrong=lambda w, left, p: (w >= p) & (left <= 1),
        ),
        Mistake(
            "or for and",
            "One of the two conditions is enough for you. Both must hold.",
            wrong=lambda w, left, p: (w >= p) | (left == 0),
        ),
        Mistake(
            "numbers for answers",
            "These are numbers. Asked is yes or no, a bool for each episode.",
            wrong=lambda w, left, p: ((w >= p) & (left == 0)).long(),
        ),
    ],
)

# --- Exercise 2: what may be learned from ---

EPISODE = torch.tensor([[1, 1, 2, 2, 7, 7, 2, 3]]).T
SPEAKER = torch.tensor([[0, 0, 0, 0, 1, 1, 0, 0]]).bool().T
SAME = torch.tensor([[3, 3, 3, 3, 3, 4]]).T
SAME_SPEAKER = torch.tensor([[0, 0, 1, 1, 1, 0]]).bool().T
CHAINED = torch.tensor([[1, 1, 2], [5, 2, 2], [6, 6, 6]]).T
CHAINED_SPEAKERS = torch.tensor([[0, 0, 0], [1, 0, 0], [1, 1, 0]]).bool().T
TWO = torch.tensor([[1, 1, 5, 5, 6, 6, 1, 2], [4, 4, 4, 4, 5, 5, 5, 5]]).T
TWO_SPEAKERS = torch.tensor([[0, 0, 1, 1, 1, 1, 0, 0], [0, 0, 0, 0, 0, 0, 0, 0]]).bool().T


def _last_row_only(words: Tensor, by_person: Tensor) -> Tensor:
    kept = torch.ones_like(by_person)
    kept[:-1] = ~(by_person[1:] & ~by_person[:-1])
    return kept


def _whole_stretch(words: Tensor, by_person: Tensor) -> Tensor:
    """Segments end with a change of speaker only, so that all own words before a correction are dropped."""
    return right_approved(torch.zeros_like(words), by_person)


def _by_word_only(words: Tensor, by_person: Tensor) -> Tensor:
    number = segments(words, torch.zeros_like(by_person))
    bad = torch.zeros(int(number.max()) + 1, words.shape[1], dtype=torch.bool)
    t, b = (by_person[1:] & ~by_person[:-1]).nonzero(as_tuple=True)
    bad[number[t, b], b] = True
    return ~bad.gather(0, number)


def _after(words: Tensor, by_person: Tensor) -> Tensor:
    return right_approved(words.flip(0), by_person.flip(0)).flip(0)


def _across(words: Tensor, by_person: Tensor) -> Tensor:
    """One long episode of all of them, one after the other."""
    flat = right_approved(words.T.reshape(-1, 1), by_person.T.reshape(-1, 1))
    return flat.view(words.T.shape).T


approved = Check(
    "approved",
    [
        Case("one correction in one episode", EPISODE, SPEAKER, expect=right_approved(EPISODE, SPEAKER)),
        Case("the person repeats the word", SAME, SAME_SPEAKER, expect=right_approved(SAME, SAME_SPEAKER)),
        Case("two corrections in a row, and an episode without any", TWO, TWO_SPEAKERS),
        Case("two episodes that begin with a person's word", CHAINED, CHAINED_SPEAKERS),
    ],
    reference=right_approved,
    mistakes=[
        Mistake(
            "only the person's words",
            "You keep what the person said and nothing else. Own words that nobody objected to may be kept too.",
            wrong=lambda w, p: p.clone(),
        ),
        Mistake(
            "everything",
            "You keep everything: also the words that the person had to correct.",
            wrong=lambda w, p: torch.ones_like(p),
        ),
        Mistake(
            "only own words",
            "You drop what the person said. That is what there is to learn.",
            wrong=lambda w, p: right_approved(w, p) & ~p,
        ),
        Mistake(
            "last step only",
            "You drop the last step before a correction. The word that led there was in force for longer: its whole "
            "segment goes.",
            wrong=_last_row_only,
        ),
        Mistake(
            "everything before",
            "You drop all that the high level said before a correction. Only the segment *directly* before it "
            "goes; earlier words led to places where nobody objected.",
            wrong=_whole_stretch,
        ),
        Mistake(
            "same word, other speaker",
            "Where the person repeats the word in force, a new segment begins: the speaker is another one. You drop "
            "the person's part with it, or keep both.",
            wrong=_by_word_only,
        ),
        Mistake(
            "segment after it",
            "You drop what came *after* the correction. What led to it came before.",
            wrong=_after,
        ),
        Mistake(
            "across episodes",
            "A person's word at the *beginning* of an episode objects to nothing: what you take to come before it "
            "is the end of another episode. Each column by itself.",
            wrong=_across,
        ),
        Mistake(
            "whole episodes",
            "You drop all own words of an episode in which the person spoke.",
            wrong=lambda w, p: p | ~p.any(0),
        ),
    ],
)

# --- Exercise 3: a share of every batch ---

FEW = torch.tensor([True, False, False, False, False, False])
HALF = torch.tensor([False, True, True, False])
MANY = torch.tensor([True, False, True, True])


def _weights(new: Tensor, share: float, of_new: float, of_old: float) -> Tensor:
    return torch.where(new, share * of_new, (1 - share) * of_old)


row_weights = Check(
    "row_weights",
    [
        Case("one correction among six rows, 10 %", FEW, 0.1, expect=right_weights(FEW, 0.1)),
        Case("half of the rows, half of the batch: all alike", HALF, 0.5, expect=right_weights(HALF, 0.5)),
        Case("many corrections, 20 %", MANY, 0.2, expect=right_weights(MANY, 0.2)),
    ],
    reference=right_weights,
    mistakes=[
        Mistake(
            "all alike",
            "Every row has the same chance: corrections then make up as much as there is of them, not `share`.",
            wrong=lambda n, s: torch.full((len(n),), 1 / len(n)),
        ),
        Mistake(
            "share for each row",
            "Each correction gets the whole share. All of them *together* make up `share` of the batch.",
            wrong=lambda n, s: _weights(n, s, 1.0, 1.0),
        ),
        Mistake(
            "share swapped",
            "The demonstrations get the share of the corrections.",
            wrong=lambda n, s: right_weights(n, 1 - s),
        ),
        Mistake(
            "divided by all rows",
            "You divide by the number of all rows. Within each kind, the weights share its part of the batch.",
            wrong=lambda n, s: _weights(n, s, 1 / len(n), 1 / len(n)),
        ),
        Mistake(
            "demonstrations unweighted",
            "The corrections are right. The other rows do not add up to 1 - share.",
            wrong=lambda n, s: torch.where(n, s / n.sum(), 1 / (~n).sum()),
        ),
        Mistake(
            "demonstrations as before",
            "The corrections are right. The other rows still have 1 / N each; together they shall have 1 - share.",
            wrong=lambda n, s: torch.where(n, s / n.sum(), 1 / len(n)),
        ),
    ],
)

# --- Exercise 4: is the low level what it was? ---

BEFORE = {"weight": torch.tensor([[1.0, -2.0], [0.5, 0.5]]), "bias": torch.tensor([0.1, -0.1])}
NUDGED = {"weight": BEFORE["weight"].clone(), "bias": BEFORE["bias"] + torch.tensor([1e-7, 0.0])}
SHUFFLED = {"weight": BEFORE["weight"].flip(1), "bias": BEFORE["bias"].clone()}
TRAINED = {"weight": BEFORE["weight"] - 0.1, "bias": BEFORE["bias"] + 0.1}
COPY = {name: values.clone() for name, values in BEFORE.items()}

changed = Check(
    "changed",
    [
        Case("nothing happened", BEFORE, COPY, expect={"weight": False, "bias": False}),
        Case("everything was trained", BEFORE, TRAINED, expect={"weight": True, "bias": True}),
        Case("the same numbers in other places", BEFORE, SHUFFLED, expect={"weight": True, "bias": False}),
        Case("one number moved by 0.0000001", BEFORE, NUDGED, expect={"weight": False, "bias": True}),
    ],
    mistakes=[
        Mistake(
            "nearly the same",
            "You let small changes pass. A level that learns slowly changes too: every bit counts.",
            wrong=lambda a, b: {n: not torch.allclose(a[n], b[n]) for n in a},
        ),
        Mistake(
            "sums compared",
            "You compare sums. The same numbers in other places have the same sum, and are another net.",
            wrong=lambda a, b: {n: bool(a[n].sum() != b[n].sum()) for n in a},
        ),
        Mistake(
            "objects compared",
            "You ask whether these are the same *objects*. Two tensors with equal numbers are unchanged.",
            wrong=lambda a, b: {n: a[n] is not b[n] for n in a},
        ),
        Mistake(
            "unchanged instead",
            "You say True where nothing changed.",
            wrong=lambda a, b: {n: torch.equal(a[n], b[n]) for n in a},
        ),
        Mistake(
            "all numbers",
            "You ask whether *all* numbers of a parameter changed. One is enough.",
            wrong=lambda a, b: {n: bool((a[n] != b[n]).all()) for n in a},
        ),
    ],
)
