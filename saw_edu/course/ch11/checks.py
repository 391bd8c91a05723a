"""Visible checks of chapter 11, "State subgoals: HIRO"."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from saw_edu.checks import Case, Check, Mistake
from saw_edu.hierarchy.hiro import likeliest, move_goal
from saw_edu.hierarchy.td3 import td3_target

# --- Exercise 1: noise that lasts ---

RAW = torch.arange(24.0).view(6, 2, 2) - 5  # (T, B, 2): no two numbers alike


def _held(noise: Tensor, hold: int) -> Tensor:
    return noise[torch.arange(len(noise)) // hold * hold]


held_noise = Check(
    "held_noise",
    [
        Case("six steps, held for two", RAW, 2, expect=_held(RAW, 2)),
        Case("held for one step: as it was", RAW, 1, expect=RAW),
        Case("six steps, held for four: the last stretch is cut", RAW, 4, expect=_held(RAW, 4)),
    ],
    reference=_held,
    mistakes=[
        Mistake(
            "not held",
            "Every step has noise of its own still. In steps 0 to hold - 1, the noise of step 0 acts.",
            wrong=lambda x, n: x.clone(),
        ),
        Mistake(
            "one draw for ever",
            "The first draw acts for the whole episode. After `hold` steps another one is due.",
            wrong=lambda x, n: x[:1].expand_as(x).clone(),
        ),
        Mistake(
            "spread over the steps",
            "You share a draw out among its steps. Held noise is as large in each step as it was.",
            wrong=lambda x, n: _held(x, n) / n,
        ),
        Mistake(
            "averaged",
            "You average the draws of a stretch, which makes noise smaller. One draw acts, the others are not used.",
            wrong=lambda x, n: torch.cat([part.mean(0, keepdim=True).expand_as(part) for part in x.split(n)]),
        ),
        Mistake(
            "summed up",
            "You add the draws of a stretch up. One draw acts, the others are not used.",
            wrong=lambda x, n: torch.cat([part.sum(0, keepdim=True).expand_as(part) for part in x.split(n)]),
        ),
        Mistake(
            "stretched in time",
            "You slow all noise down: the second stretch should begin with the draw of step `hold`, not of step 1. "
            "(Drawn alike, both would do; the exercise asks for the former.)",
            wrong=lambda x, n: x.repeat_interleave(n, 0)[: len(x)],
        ),
        Mistake(
            "last of a stretch",
            "In each stretch you take the *last* draw. When the stretch begins, that one is not known yet.",
            wrong=lambda x, n: x[(torch.arange(len(x)) // n * n + n - 1).clamp(max=len(x) - 1)],
        ),
    ],
)

# --- Exercise 2: the goal that stays where it is ---

S = torch.tensor([[0.0, 0.0], [2.0, -1.0], [5.0, 5.0]])
G = torch.tensor([[3.0, 1.0], [-2.0, 0.0], [0.0, 0.0]])
NEXT = torch.tensor([[1.0, 0.5], [2.5, -1.0], [4.0, 6.0]])

goal_transition = Check(
    "goal_transition",
    [
        Case("a step on the way", S[:1], G[:1], NEXT[:1], expect=move_goal(S, G, NEXT)[:1]),
        Case("a step away from it", S[1:2], G[1:2], NEXT[1:2], expect=move_goal(S, G, NEXT)[1:2]),
        Case("one is there, and is pushed away", S[2:], G[2:], NEXT[2:], expect=move_goal(S, G, NEXT)[2:]),
        Case("nobody moves: the goal stays as it is", S, G, S, expect=G),
    ],
    reference=move_goal,
    mistakes=[
        Mistake(
            "goal unchanged",
            'The goal is relative: "3 to the right" is another place after each step. Which change keeps the *place*?',
            wrong=lambda s, g, n: g.clone(),
        ),
        Mistake(
            "the place itself",
            "s + g is the place that is asked for. Asked is how it looks *from the next state*.",
            wrong=lambda s, g, n: s + g,
        ),
        Mistake(
            "moved the wrong way",
            "You add the step that was made. Whoever walks towards a place has less far to go.",
            wrong=lambda s, g, n: g + n - s,
        ),
        Mistake(
            "goal taken for a place",
            "You treat g as a place, g - s'. It is a direction and a distance from s.",
            wrong=lambda s, g, n: g - n,
        ),
        Mistake(
            "sign of the whole",
            "Everything has the wrong sign: this leads away from the goal.",
            wrong=lambda s, g, n: n - s - g,
        ),
        Mistake(
            "the step alone",
            "This is the step back, s - s'. What was asked for is missing.",
            wrong=lambda s, g, n: s - n,
        ),
    ],
)

# --- Exercise 3: a target that trains in silence ---

REWARDS = torch.tensor([0.0, 0.0, 1.0, 0.0, 1.0])
ENDS = torch.tensor([False, False, True, True, False])
Q1 = torch.tensor([4.0, 1.0, 6.0, 2.0, -1.0])
Q2 = torch.tensor([3.0, 2.0, 5.0, 3.0, -2.0])


def _with(look: Callable[[Tensor, Tensor], Tensor]) -> Callable[..., Tensor]:
    return lambda r, e, a, b, y: r + y * (~e) * look(a, b)


critic_target = Check(
    "critic_target",
    [
        Case("nothing ends", REWARDS[:2], ENDS[:2], Q1[:2], Q2[:2], 0.9),
        Case("two of five end", REWARDS, ENDS, Q1, Q2, 0.9),
        Case("another discount", REWARDS, ENDS, Q1, Q2, 0.5),
    ],
    reference=td3_target,
    mistakes=[
        Mistake(
            "no end",
            "You look beyond the goal, where nothing follows. This trains in silence: a goal that pays 1 seems to pay "
            "1 again and again, values climb towards 1 / (1 - γ), and nothing crashes.",
            wrong=lambda r, e, a, b, y: r + y * torch.minimum(a, b),
        ),
        Mistake(
            "end inverted",
            "You look ahead where the episode ended, and not where it goes on. `~ends` is where it goes on.",
            wrong=lambda r, e, a, b, y: r + y * e * torch.minimum(a, b),
        ),
        Mistake(
            "the larger critic",
            "You trust the larger of the two critics. The actor looks for errors upwards: the smaller one is meant.",
            wrong=_with(torch.maximum),
        ),
        Mistake(
            "mean of critics",
            "You average the critics. TD3 takes the smaller one, against values that are too high.",
            wrong=_with(lambda a, b: (a + b) / 2),
        ),
        Mistake("one critic", "You ask one critic only. Two were given.", wrong=_with(lambda a, b: a)),
        Mistake(
            "smallest of the batch",
            "You take one smallest value for the whole batch. `torch.minimum` compares two tensors entry by entry.",
            wrong=_with(lambda a, b: torch.minimum(a, b).min().expand_as(a)),
        ),
        Mistake(
            "reward masked",
            "Where the episode ends you drop the reward too. It was earned: only what would follow is gone.",
            wrong=lambda r, e, a, b, y: (~e) * (r + y * torch.minimum(a, b)),
        ),
        Mistake(
            "reward discounted",
            "You discount the reward as well. It comes at once; what follows it comes one decision later.",
            wrong=lambda r, e, a, b, y: y * (r + (~e) * torch.minimum(a, b)),
        ),
        Mistake(
            "not discounted",
            "What follows is not discounted.",
            wrong=lambda r, e, a, b, y: r + (~e) * torch.minimum(a, b),
        ),
    ],
)

# --- Exercise 4: which goal explains these actions? ---


def straight(states: Tensor, goals: Tensor) -> Tensor:
    """A low level for the checks: straight to the goal, at most 1 along x and along y."""
    return goals.clamp(-1, 1)


def drifting(states: Tensor, goals: Tensor) -> Tensor:
    """Another one, whose actions depend on where it is."""
    return (goals - 0.5 * states).clamp(-2, 2)


def stretches(
    number: int,
    steps: int,
    candidates: int,
    seed: int,
    low: Callable[[Tensor, Tensor], Tensor] = straight,
    noise: float = 0.05,
) -> list[Tensor]:
    """Stretches in the open that carry out one of the candidates: states, actions, candidates."""
    generator = torch.Generator().manual_seed(seed)
    options = 8 * torch.rand(number, candidates, 2, generator=generator) - 4
    goals = options[torch.arange(number), torch.randint(candidates, (number,), generator=generator)]
    states = 2 * torch.rand(number, 2, generator=generator) - 1
    path, taken = list[Tensor](), list[Tensor]()
    for _ in range(steps):
        actions = low(states, goals) + noise * torch.randn(number, 2, generator=generator)
        path, taken = [*path, states], [*taken, actions]
        states, goals = states + actions, move_goal(states, goals, states + actions)
    return [torch.stack(path, 1), torch.stack(taken, 1), options]


def _choose(misses: Tensor, candidates: Tensor) -> Tensor:
    return candidates[torch.arange(len(candidates)), misses.argmin(-1)]


def _misses(states: Tensor, actions: Tensor, candidates: Tensor, low: Callable[..., Tensor], move: bool) -> Tensor:
    rows, number, steps = len(states), candidates.shape[1], states.shape[1]
    along = states[:, None].expand(rows, number, steps, 2)
    goals = candidates[:, :, None].expand_as(along)
    if move:
        goals = along[:, :, :1] + goals - along
    would = low(along.reshape(-1, 2), goals.reshape(-1, 2)).view_as(along)
    return (actions[:, None] - would).square().sum(-1)  # (B, K, T)


def _nearest_end(states: Tensor, actions: Tensor, candidates: Tensor, low: Callable[..., Tensor]) -> Tensor:
    change = (states[:, -1] - states[:, 0])[:, None]
    return _choose((candidates - change).square().sum(-1), candidates)


LONG = stretches(6, 5, 10, seed=1)
DRIFT = stretches(6, 4, 7, seed=27, low=drifting, noise=1.0)

relabel = Check(
    "relabel",
    [
        Case("one step: whose action is nearest?", *stretches(4, 1, 5, seed=0), straight),
        Case("stretches of five steps, ten candidates", *LONG, straight),
        Case("another low level, with more noise", *DRIFT, drifting),
    ],
    reference=likeliest,
    mistakes=[
        Mistake(
            "goal not moved",
            "You ask the low level for the same relative goal in every step. Your `goal_transition` says what it "
            "becomes: in step t it is s_0 + g - s_t.",
            wrong=lambda s, a, c, low: _choose(_misses(s, a, c, low, False).sum(-1), c),
        ),
        Mistake(
            "least likely",
            "You take the candidate that explains the actions *worst*: the smallest error has the highest probability.",
            wrong=lambda s, a, c, low: c[torch.arange(len(c)), _misses(s, a, c, low, True).sum(-1).argmax(-1)],
        ),
        Mistake(
            "first step only",
            "Only the first action counts with you. Sum over the stretch.",
            wrong=lambda s, a, c, low: _choose(_misses(s, a, c, low, True)[..., 0], c),
        ),
        Mistake(
            "last step only",
            "Only the last action counts with you. Sum over the stretch.",
            wrong=lambda s, a, c, low: _choose(_misses(s, a, c, low, True)[..., -1], c),
        ),
        Mistake(
            "nearest change",
            "You take the candidate nearest to what was achieved. HIRO asks which one the low level would answer "
            "with these *actions*.",
            wrong=_nearest_end,
        ),
        Mistake(
            "one choice for all",
            "You choose one candidate's number for the whole batch. Each stretch has its own.",
            wrong=lambda s, a, c, low: c[:, int(_misses(s, a, c, low, True).sum((0, 2)).argmin())],
        ),
        Mistake(
            "index returned",
            "These are the numbers of candidates. Asked are the goals themselves, (B, 2).",
            wrong=lambda s, a, c, low: _misses(s, a, c, low, True).sum(-1).argmin(-1),
        ),
        Mistake(
            "not squared",
            "You add up distances. The log-probability of an action falls with the *square* of its distance: one "
            "large miss counts more than several small ones.",
            wrong=lambda s, a, c, low: _choose(_misses(s, a, c, low, True).sqrt().sum(-1), c),
        ),
        Mistake(
            "signed errors",
            "Your errors keep their signs, so that one to the left cancels one to the right. Square them.",
            wrong=lambda s, a, c, low: _choose(_signed(s, a, c, low), c),
        ),
    ],
)


def _signed(states: Tensor, actions: Tensor, candidates: Tensor, low: Callable[..., Tensor]) -> Tensor:
    rows, number, steps = len(states), candidates.shape[1], states.shape[1]
    along = states[:, None].expand(rows, number, steps, 2)
    goals = along[:, :, :1] + candidates[:, :, None] - along
    would = low(along.reshape(-1, 2), goals.reshape(-1, 2)).view_as(along)
    return (actions[:, None] - would).sum((-1, -2))
