"""Hidden tests and mutants of chapter 11."""

import torch

from saw_edu.checks import Case, Check
from saw_edu.classroom import Mutant
from saw_edu.course.ch11 import checks as ch11


def _generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


_NOISE = torch.randn(50, 6, 2, generator=_generator(0))
_S, _G, _N = (torch.randn(30, 2, generator=_generator(seed)) for seed in (1, 2, 3))
_Q1, _Q2 = (torch.randn(40, generator=_generator(seed)) for seed in (4, 5))
_R, _E = (torch.rand(40, generator=_generator(seed)) < 0.3 for seed in (6, 7))

held_noise = Check(
    "held_noise",
    [Case("many steps", _NOISE, 5), Case("an episode shorter than one stretch", _NOISE[:4], 7)],
    reference=ch11.held_noise.reference,
    mistakes=ch11.held_noise.mistakes,
)
goal_transition = Check(
    "goal_transition",
    [
        Case("many goals", _S, _G, _N),
        Case("stretches at once", _S.view(3, 10, 2), _G.view(3, 10, 2), _N.view(3, 10, 2)),
    ],
    reference=ch11.goal_transition.reference,
    mistakes=ch11.goal_transition.mistakes,
)
critic_target = Check(
    "critic_target",
    [Case("many rows", _R.float(), _E, _Q1, _Q2, 0.97), Case("nothing is discounted", _R.float(), _E, _Q2, _Q1, 0.999)],
    reference=ch11.critic_target.reference,
    mistakes=ch11.critic_target.mistakes,
)
relabel = Check(
    "relabel",
    [
        Case("many stretches", *ch11.stretches(30, 6, 10, seed=10, noise=0.5), ch11.straight),
        Case(
            "a low level that looks where it is",
            *ch11.stretches(30, 3, 12, seed=11, low=ch11.drifting, noise=0.5),
            ch11.drifting,
        ),
    ],
    reference=ch11.relabel.reference,
    mistakes=ch11.relabel.mistakes,
)

MUTANTS = {
    "held-noise": [
        Mutant("not held", replace=("return noise[first]", "return noise.clone()")),
        Mutant("one draw for ever", replace=("return noise[first]", "return noise[first * 0]")),
        Mutant("spread over the steps", replace=("return noise[first]", "return noise[first] / hold")),
        Mutant("stretched in time", replace=(" // hold * hold", " // hold")),
    ],
    "goal-transition": [
        Mutant("goal unchanged", replace=("states + goals - next_states", "goals.clone()")),
        Mutant("the place itself", replace=("states + goals - next_states", "states + goals")),
        Mutant("moved the wrong way", replace=("states + goals - next_states", "goals + next_states - states")),
        Mutant("goal taken for a place", replace=("states + goals - next_states", "goals - next_states")),
    ],
    "critic-target": [
        Mutant("no end", replace=(" * (~ends)", "")),
        Mutant("end inverted", replace=("(~ends)", "ends")),
        Mutant("the larger critic", replace=("torch.minimum", "torch.maximum")),
        Mutant("mean of critics", replace=("torch.minimum(q1, q2)", "(q1 + q2) / 2")),
    ],
    "relabel": [
        Mutant(
            "goal not moved",
            replace=("along[:, :, :1] + candidates[:, :, None] - along", "candidates[:, :, None].expand_as(along)"),
        ),
        Mutant("least likely", replace=("argmin", "argmax")),
        Mutant("first step only", replace=(".sum((-1, -2))", ".sum(-1)[..., 0]")),
        Mutant("index returned", replace=("return candidates[torch.arange(len(candidates)), best]", "return best")),
    ],
}
ALTERNATIVES = {
    "held-noise": [
        """
def held_noise(noise, hold):
    held = noise.clone()
    for t in range(len(noise)):
        if t % hold:
            held[t] = held[t - 1]
    return held
""",
        """
def held_noise(noise, hold):
    return noise[::hold].repeat_interleave(hold, dim=0)[: len(noise)]
""",
    ],
    "goal-transition": [
        """
def goal_transition(states, goals, next_states):
    step = next_states - states
    return goals - step
""",
    ],
    "critic-target": [
        """
def critic_target(rewards, ends, q1, q2, discount):
    smaller = torch.stack([q1, q2]).min(dim=0).values
    return torch.where(ends, rewards, rewards + discount * smaller)
""",
    ],
    "relabel": [
        """
def relabel(states, actions, candidates, low):
    errors = []
    for k in range(candidates.shape[1]):
        goals, error = candidates[:, k], 0
        for t in range(states.shape[1]):
            error = error + ((low(states[:, t], goals) - actions[:, t]) ** 2).sum(-1)
            if t + 1 < states.shape[1]:
                goals = goal_transition(states[:, t], goals, states[:, t + 1])
        errors.append(error)
    best = torch.stack(errors, 1).argmin(1)
    return torch.stack([row[i] for row, i in zip(candidates, best)])
""",
    ],
}
