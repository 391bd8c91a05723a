"""Visible checks of chapter 2: two losses and the weights of AWR."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor
from torch.distributions import Independent, Normal

from saw_edu.checks import Case, Check, Mistake

# --- gcbc_loss --------------------------------------------------------------------------------------------------------


def normal_policy(observations: Tensor, goals: Tensor) -> Independent:
    """A policy without parameters: a normal of standard deviation 1 around goals - observations. (B, 2) each."""
    return Independent(Normal(goals - observations, torch.ones_like(goals)), 1)


def _gradient(gcbc_loss: Callable[..., Tensor]) -> Tensor:
    """A probe: the gradient of the loss with respect to a shift of the policy's mean, (2,)."""
    shift = torch.zeros(2, requires_grad=True)

    def policy(observations: Tensor, goals: Tensor) -> Independent:
        return Independent(Normal(goals - observations + shift, torch.ones_like(goals)), 1)

    return gradient_of(
        gcbc_loss(policy, torch.zeros(2, 2), torch.tensor([[0.5, 0.0], [0.5, 1.0]]), torch.zeros(2, 2)), shift
    )


def gradient_of(loss: Tensor, at: Tensor) -> Tensor:
    """The gradient of a loss; zeros where none reaches `at`."""
    if loss.requires_grad:
        loss.backward()
    return at.grad if at.grad is not None else torch.zeros_like(at)


_here, _there = torch.tensor([[0.0, 0.0], [1.0, 0.0], [0.0, 2.0]]), torch.tensor([[1.0, 0.0], [1.0, 1.0], [0.0, 1.0]])


def right(seen: object, expected: float) -> bool:
    """Whether an answer is the tensor () that was expected."""
    return isinstance(seen, np.ndarray) and seen.shape == () and abs(float(seen) - expected) < 1e-4


GCBC_MISTAKES = [
    Mistake(
        "observations and goals exchanged",
        "The policy seems to be asked for the way back, from the goal to the state. It is π(a | s, g): "
        "`policy(observations, goals)`.",
        wrong=lambda policy, o, a, g: -policy(g, o).log_prob(a).mean(),
    ),
    Mistake(
        "summed over the batch",
        "The loss grows with the batch size. Take the mean over the batch.",
        wrong=lambda policy, o, a, g: -policy(o, g).log_prob(a).sum(),
    ),
    Mistake(
        "squared error",
        "Where the policy's mean is the very action, the loss is 0: this looks like the squared distance to the mean. "
        "Ask the distribution for `log_prob`, which knows its spread as well.",
        when=lambda seen: abs(float(seen["the policy's mean is the action taken"])) < 1e-6,
    ),
    Mistake(
        "no gradient",
        "The number is right, but no gradient reaches the policy, so nothing would be learned from it. Leave out "
        "`.detach()`, `torch.no_grad()` and new tensors made of old numbers.",
        when=lambda seen: (
            right(seen["the policy's mean is the action taken"], 1.8378771)
            and not np.any(seen["the gradient pulls the mean towards the actions"])
        ),
    ),
    Mistake(
        "goal ignored",
        "The loss does not depend on the goals. Which goals belong to these rows?",
        wrong=lambda policy, o, a, g: -policy(o, o).log_prob(a).mean(),
    ),
]

gcbc_loss = Check(
    "gcbc_loss",
    [
        Case(
            "the policy's mean is the action taken",
            normal_policy,
            _here,
            _there - _here,
            _there,
            expect=torch.tensor(1.8378771),
        ),
        Case(
            "actions one unit beside the mean",
            normal_policy,
            _here,
            _there - _here + torch.tensor([1.0, 0.0]),
            _there,
            expect=torch.tensor(2.3378771),
        ),
        Case("the gradient pulls the mean towards the actions", run=_gradient, expect=torch.tensor([-0.5, -0.5])),
    ],
    mistakes=GCBC_MISTAKES,
)

# --- expectile_loss ---------------------------------------------------------------------------------------------------


def _pull(expectile_loss: Callable[..., Tensor]) -> Tensor:
    """A probe: the gradient with respect to two differences, (2,)."""
    differences = torch.tensor([1.0, -1.0], requires_grad=True)
    return gradient_of(expectile_loss(differences, 0.9), differences)


EXPECTILE_MISTAKES = [
    Mistake(
        "no gradient",
        "The numbers are right, but no gradient flows through them, so nothing would be learned. Leave out "
        "`.detach()`, `torch.no_grad()` and new tensors made of old numbers.",
        when=lambda seen: (
            right(seen["one difference above, τ = .9"], 3.6) and not np.any(seen["gradients flow through it"])
        ),
    ),
    Mistake(
        "sides exchanged",
        "Positive and negative differences seem to have each other's weights. The value should rise quickly to targets "
        "above it: which differences get the larger weight when τ = .9?",
        wrong=lambda u, tau: (torch.where(u < 0, tau, 1 - tau) * u.square()).mean(),
    ),
    Mistake(
        "no square",
        "Differences enter with their size, not their square: that is the quantile (pinball) loss.",
        wrong=lambda u, tau: (torch.where(u < 0, 1 - tau, tau) * u.abs()).mean(),
    ),
    Mistake(
        "weight squared",
        "The weight seems to be squared with the difference. Square first, weigh after.",
        wrong=lambda u, tau: (torch.where(u < 0, 1 - tau, tau) * u).square().mean(),
    ),
    Mistake(
        "not asymmetric",
        "Both signs weigh the same. Where does τ enter?",
        wrong=lambda u, tau: u.square().mean(),
    ),
    Mistake(
        "only positive differences",
        "Negative differences count nothing. They count less, with weight 1 - τ.",
        wrong=lambda u, tau: (tau * u.clamp(min=0).square()).mean(),
    ),
    Mistake(
        "summed over the batch",
        "The loss grows with the batch size. Take the mean over the batch.",
        wrong=lambda u, tau: (torch.where(u < 0, 1 - tau, tau) * u.square()).sum(),
    ),
]

expectile_loss = Check(
    "expectile_loss",
    [
        Case("one difference above, τ = .9", torch.tensor([2.0]), 0.9, expect=torch.tensor(3.6)),
        Case("one difference below, τ = .9", torch.tensor([-2.0]), 0.9, expect=torch.tensor(0.4)),
        Case("both signs and zero, τ = .7", torch.tensor([1.0, -1.0, 0.0, 3.0]), 0.7, expect=torch.tensor(1.825)),
        Case("τ = .5 is half the squared error", torch.tensor([1.0, -3.0]), 0.5, expect=torch.tensor(2.5)),
        Case("gradients flow through it", run=_pull, expect=torch.tensor([0.9, -0.1])),
    ],
    mistakes=EXPECTILE_MISTAKES,
)

# --- awr_weights ------------------------------------------------------------------------------------------------------


def keeps_gradient(awr_weights: Callable[..., Tensor]) -> bool:
    """A probe: whether a gradient could flow back from the weights to the advantages."""
    return bool(awr_weights(torch.tensor([0.1, -0.2], requires_grad=True), 3.0).requires_grad)


AWR_MISTAKES = [
    Mistake(
        "no clip",
        "Large advantages give enormous weights: one lucky row would then be the whole batch. No weight may exceed "
        "`clip`.",
        wrong=lambda advantages, alpha, clip=100.0: (alpha * advantages).exp().detach(),
    ),
    Mistake(
        "clip before exp",
        "The clip acts on the exponent, not on the weight: e^100 is not 100. Which comes first, `exp` or the clip?",
        wrong=lambda advantages, alpha, clip=100.0: (alpha * advantages).clamp(max=clip).exp().detach(),
    ),
    Mistake(
        "alpha ignored",
        "α seems to play no part. The exponent is α times the advantage.",
        wrong=lambda advantages, alpha, clip=100.0: advantages.exp().clamp(max=clip).detach(),
    ),
    Mistake(
        "divides by alpha",
        "The advantage seems to be divided by α. Here α is an inverse temperature: larger α, sharper weights.",
        wrong=lambda advantages, alpha, clip=100.0: (advantages / alpha).exp().clamp(max=clip).detach(),
    ),
    Mistake(
        "normalised",
        "The weights are divided by their sum or mean over the batch. Leave them as they are.",
        wrong=lambda advantages, alpha, clip=100.0: torch.softmax(alpha * advantages, 0).clamp(max=clip).detach(),
    ),
    Mistake(
        "clip at the wrong end",
        "Every weight comes out at `clip` or above: it is the smallest weight now, not the largest. Which of `min` and "
        "`max` does the first argument of `clamp` set?",
        wrong=lambda advantages, alpha, clip=100.0: (alpha * advantages).exp().clamp(min=clip).detach(),
    ),
    Mistake(
        "clip ignored",
        "With the usual clip of 100 it is right; another one changes nothing. Use the argument.",
        wrong=lambda advantages, alpha, clip=100.0: (alpha * advantages).exp().clamp(max=100.0).detach(),
    ),
    Mistake(
        "clipped from below",
        "Small weights are raised. Only the upper end is clipped: a bad action may have a weight near 0.",
        wrong=lambda advantages, alpha, clip=100.0: (alpha * advantages).exp().clamp(1.0, clip).detach(),
    ),
    Mistake(
        "gradient flows",
        "The values are right, but a gradient flows through the weights into V: the policy's loss would then lower its "
        "weights by spoiling the value. Cut it: `.detach()`, or `with torch.no_grad():`.",
        wrong=lambda advantages, alpha, clip=100.0: (alpha * advantages).exp().clamp(max=clip),
    ),
]

awr_weights = Check(
    "awr_weights",
    [
        Case("no advantage, weight 1", torch.zeros(3), 10.0, expect=torch.ones(3)),
        Case(
            "α = 3",
            torch.tensor([0.5, -0.5, 1.0]),
            3.0,
            expect=torch.tensor([4.481689, 0.2231302, 20.085537]),
        ),
        Case("large advantages", torch.tensor([1.0, 5.0, -5.0]), 10.0, expect=torch.tensor([100.0, 100.0, 0.0])),
        Case(
            "another clip",
            torch.tensor([0.5, 1.0, 5.0]),
            3.0,
            named={"clip": 10.0},
            expect=torch.tensor([4.481689, 10, 10]),
        ),
        Case("no gradient through the weights", run=keeps_gradient, expect=False),
    ],
    mistakes=AWR_MISTAKES,
)
