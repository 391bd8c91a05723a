"""Visible checks of chapter 13, "Skills without rewards"."""

from __future__ import annotations

import torch
from torch import Tensor

from saw_edu.checks import Case, Check, Mistake

# --- Exercise 1: the information in a table of counts ---

PERFECT = torch.tensor([[10.0, 0.0], [0.0, 10.0]], dtype=torch.float64)
SAME = torch.tensor([[3.0, 5.0, 2.0], [3.0, 5.0, 2.0]], dtype=torch.float64)
MIXED = torch.tensor([[8.0, 2.0, 0.0], [1.0, 3.0, 6.0], [0.0, 5.0, 5.0]], dtype=torch.float64)
UNEQUAL = torch.tensor([[30.0, 10.0, 0.0], [1.0, 4.0, 5.0]], dtype=torch.float64)


def _entropy(p: Tensor) -> Tensor:
    return -torch.special.xlogy(p, p).sum()


def _information(counts: Tensor) -> Tensor:
    joint = counts / counts.sum()
    return _entropy(joint.sum(0)) + _entropy(joint.sum(1)) - _entropy(joint)


def _no_zero_rule(counts: Tensor) -> Tensor:
    joint = counts / counts.sum()
    return (joint * (joint / (joint.sum(0) * joint.sum(1, keepdim=True))).log()).sum()


state_information = Check(
    "state_information",
    [
        Case("two skills that go the same ways", SAME, expect=_information(SAME)),
        Case("two skills that never meet", PERFECT, expect=_information(PERFECT)),
        Case("three skills that meet at times", MIXED, expect=_information(MIXED)),
        Case("one skill seen more often", UNEQUAL, expect=_information(UNEQUAL)),
    ],
    reference=_information,
    mistakes=[
        Mistake(
            "zero counts",
            "0 · log 0 counts as 0 here, and torch makes it nan. `torch.special.xlogy(x, y)` is x log y, and 0 where "
            "x is 0.",
            wrong=_no_zero_rule,
        ),
        Mistake(
            "bits",
            "That is in bits. Asked are nats: take the natural logarithm, as q's loss does.",
            wrong=lambda c: _information(c) / torch.tensor(2.0).log(),
        ),
        Mistake(
            "entropy of places",
            "This is H(s), how widely all skills together spread. Take off what is left of it when z is known.",
            wrong=lambda c: _entropy(c.sum(0) / c.sum()),
        ),
        Mistake(
            "entropy left",
            "This is H(s | z), what is left when z is known. The information is what knowing z took away.",
            wrong=lambda c: _entropy(c / c.sum()) - _entropy(c.sum(1) / c.sum()),
        ),
        Mistake(
            "joint entropy",
            "This is the entropy of the pairs (z, s). Compare it with those of z and of s alone.",
            wrong=lambda c: _entropy(c / c.sum()),
        ),
        Mistake(
            "skills taken alike",
            "Right where all skills were seen alike often. Where one was seen more often, it counts for more: what is "
            "the probability of a pair?",
            wrong=lambda c: _information(c / c.sum(1, keepdim=True)),
        ),
        Mistake(
            "negative information",
            "The sign is the wrong way round: information is never below 0.",
            wrong=lambda c: -_information(c),
        ),
    ],
)

# --- Exercise 2: the reward ---

LOGITS = torch.tensor([[2.0, 0.0, -1.0], [0.5, 0.5, 0.5], [-3.0, 4.0, 1.0]], dtype=torch.float64)
ZS = torch.tensor([0, 2, 1])
UNIFORM = torch.full((3,), 1 / 3, dtype=torch.float64)
PRIOR = torch.tensor([0.7, 0.2, 0.1], dtype=torch.float64)


def _pick(rows: Tensor, skills: Tensor) -> Tensor:
    return rows.gather(-1, skills[:, None])[:, 0]


def _reward(logits: Tensor, skills: Tensor, prior: Tensor) -> Tensor:
    return _pick(logits.log_softmax(-1), skills) - prior.log()[skills]


skill_reward = Check(
    "skill_reward",
    [
        Case("skills drawn alike", LOGITS, ZS, UNIFORM, expect=_reward(LOGITS, ZS, UNIFORM)),
        Case("one skill drawn more often", LOGITS, ZS, PRIOR, expect=_reward(LOGITS, ZS, PRIOR)),
        Case("more states than skills", LOGITS.repeat(2, 1), torch.tensor([1, 1, 0, 2, 0, 1]), PRIOR),
    ],
    reference=_reward,
    mistakes=[
        Mistake(
            "prior forgotten",
            "You give log q alone, which is never above 0: each step is a punishment, even where q is sure. What will "
            "an agent do that can end its episode? Take off log p(z).",
            wrong=lambda x, z, p: _pick(x.log_softmax(-1), z),
        ),
        Mistake(
            "prior added",
            "You add log p(z). A guess that is no better than drawing z must be worth 0.",
            wrong=lambda x, z, p: _pick(x.log_softmax(-1), z) + p.log()[z],
        ),
        Mistake(
            "logits for probabilities",
            "Logits are not log-probabilities yet: adding 5 to all of them must not change the reward.",
            wrong=lambda x, z, p: _pick(x, z) - p.log()[z],
        ),
        Mistake(
            "no logarithm",
            "You subtract probabilities. The reward is a difference of their logarithms.",
            wrong=lambda x, z, p: _pick(x.softmax(-1), z) - p[z],
        ),
        Mistake(
            "prior uniform always",
            "Right for skills that are drawn alike. `prior` may be another one.",
            wrong=lambda x, z, p: _pick(x.log_softmax(-1), z) + torch.tensor(float(len(p))).log(),
        ),
        Mistake(
            "mean of the batch",
            "You take the mean of log q over the batch before log p(z) comes off. Each state has a reward of its own: "
            "cross_entropy reduces unless it is told not to.",
            wrong=lambda x, z, p: _pick(x.log_softmax(-1), z).mean() - p.log()[z],
        ),
        Mistake(
            "half a logarithm",
            "You take q itself, not its logarithm, and log p(z) off it. Both are logarithms.",
            wrong=lambda x, z, p: _pick(x.softmax(-1), z) - p.log()[z],
        ),
        Mistake(
            "likeliest skill",
            "You reward q for its favourite. Rewarded is what q gives to the skill that acts, right or wrong.",
            wrong=lambda x, z, p: x.log_softmax(-1).max(-1).values - p.log()[z],
        ),
    ],
)

# --- Exercise 3: coverage ---

VISITS = torch.tensor([[0, 1, 1, 2], [0, 0, 0, 0], [0, 1, 2, 3]])


coverage = Check(
    "coverage",
    [
        Case("three roll-outs among ten cells", VISITS, 10, expect=0.4),
        Case("nobody moves", torch.full((4, 6), 7), 8, expect=0.125),
        Case("numbers of cells with gaps", torch.tensor([[9, 3], [3, 0]]), 20, expect=0.15),
    ],
    mistakes=[
        Mistake(
            "visits counted",
            "You count visits. A cell that is visited ten times is one cell.",
            wrong=lambda v, n: v.numel() / n,
        ),
        Mistake(
            "of cells seen",
            "You divide by the wrong number. Of all `cells`, how many were visited?",
            wrong=lambda v, n: len(v.unique()) / v.numel(),
        ),
        Mistake(
            "mean of roll-outs",
            "You average over roll-outs. Coverage is of all together: two that visit the same cells cover no more than "
            "one.",
            wrong=lambda v, n: sum(len(row.unique()) for row in v) / len(v) / n,
        ),
        Mistake(
            "sum of roll-outs",
            "You count a cell once for each roll-out that visits it. It counts once.",
            wrong=lambda v, n: sum(len(row.unique()) for row in v) / n,
        ),
        Mistake(
            "last states only",
            "You look at where roll-outs end. Cells on the way count too.",
            wrong=lambda v, n: len(v[:, -1].unique()) / n,
        ),
        Mistake(
            "highest number",
            "You take the highest number for the count of cells. Numbers in between may never have come up.",
            wrong=lambda v, n: (int(v.max()) + 1) / n,
        ),
        Mistake(
            "a count", "This is a count. Asked is a share of all cells.", wrong=lambda v, n: float(len(v.unique()))
        ),
    ],
)

# --- Exercise 4: the target of a choice that lasts ---

REWARDS = torch.tensor([[0.0, 0.0, 1.0], [0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [0.0, 2.0, 0.0]], dtype=torch.float64)
LENGTHS = torch.tensor([3, 3, 1, 2])
VALUES = torch.tensor([[5.0, 1.0], [2.0, 3.0], [4.0, 0.5], [1.0, 7.0]], dtype=torch.float64)
DONE = torch.tensor([True, False, True, False])


def _target(rewards: Tensor, lengths: Tensor, values: Tensor, done: Tensor, discount: float) -> Tensor:
    gained = (rewards * discount ** torch.arange(rewards.shape[1])).sum(-1)
    return gained + (~done) * discount**lengths * values.max(-1).values


def _no_done(r: Tensor, n: Tensor, v: Tensor, d: Tensor, y: float) -> Tensor:
    return _target(r, n, v, torch.zeros_like(d), y)


option_target = Check(
    "option_target",
    [
        Case("nothing on the way, nothing ends", REWARDS[1:2], LENGTHS[1:2], VALUES[1:2], DONE[1:2], 0.9),
        Case("choices of three lengths, two reach an end", REWARDS, LENGTHS, VALUES, DONE, 0.9),
        Case("another discount", REWARDS, LENGTHS, VALUES, DONE, 0.5),
    ],
    reference=_target,
    mistakes=[
        Mistake(
            "no end",
            "You look beyond an episode's end. Nothing follows there, and this bug trains in silence: values grow, "
            "nothing crashes.",
            wrong=_no_done,
        ),
        Mistake(
            "one discount",
            "You discount what follows by γ once. How many steps have gone by?",
            wrong=lambda r, n, v, d, y: _target(r, n * 0 + 1, v, d, y),
        ),
        Mistake(
            "longest always",
            "You discount as if every choice had been kept for all k steps. `lengths` says for how many.",
            wrong=lambda r, n, v, d, y: _target(r, n * 0 + r.shape[1], v, d, y),
        ),
        Mistake(
            "rewards not discounted",
            "Rewards within the choice count γ^i, too: one that comes later is worth less.",
            wrong=lambda r, n, v, d, y: r.sum(-1) + _target(r * 0, n, v, d, y),
        ),
        Mistake(
            "a step late",
            "Your first reward is discounted already. It counts in full, γ^0.",
            wrong=lambda r, n, v, d, y: _target(r * y, n, v, d, y),
        ),
        Mistake(
            "end inverted",
            "You look ahead where the episode ended, not where it goes on. `torch.where(condition, yes, no)`: which "
            "is which?",
            wrong=lambda r, n, v, d, y: _target(r, n, v, ~d, y),
        ),
        Mistake(
            "end without its reward",
            "Where the episode ended you give 0. The rewards up to there were earned; only what would follow is gone.",
            wrong=lambda r, n, v, d, y: (~d) * _target(r, n, v, d, y),
        ),
        Mistake(
            "a step too far",
            "What follows is discounted once too often: after n steps, γ^n.",
            wrong=lambda r, n, v, d, y: _target(r, n + 1, v, d, y),
        ),
        Mistake(
            "mean of choices",
            "What follows is worth what its *best* choice is worth, not their mean.",
            wrong=lambda r, n, v, d, y: _target(r, n, v.mean(-1, keepdim=True), d, y),
        ),
    ],
)
