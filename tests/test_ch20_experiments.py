"""Chapter 20's measurements against known answers."""

import numpy as np
import pytest
import torch
from scipy import stats

from saw_edu.bench.library import flops_of_update, sized_agent
from saw_edu.course.ch20 import checks, experiments


def test_operations_are_counted_as_torch_counts_them() -> None:
    """But for the gradient of the first layer's input, which nobody needs."""
    data = experiments.noise(4, 50)
    counted = flops_of_update(sized_agent("gcbc", (64, 32)), data, 16)
    first = 2 * 16 * 58 * 64
    assert checks._flops([58, 64, 32, 8], 16) - first == counted


def test_an_update_takes_at_least_its_floor() -> None:
    (found,) = experiments.updates("gcbc", (64,), seconds=0.02)
    assert 0 < found.drawing < found.milliseconds
    assert 0 < found.floor < found.milliseconds


def test_the_share_of_studies_that_find_a_difference() -> None:
    """Against the noncentral t distribution."""
    n, effect = 9, 0.05 / 0.06 * 3
    exact = stats.nct.sf(stats.t.ppf(0.975, n - 1), n - 1, effect)
    assert experiments.detected(0.05, 0.06, n, plans=4000) == pytest.approx(exact, abs=4 * np.sqrt(0.25 / 4000))
    assert experiments.detected(0.0, 1.0, 5, plans=4000) == pytest.approx(0.025, abs=0.01)


def test_seeds_side_by_side_are_seeds_alone() -> None:
    inputs, weights, biases = experiments.nets(3, 8)
    together = checks._layer(inputs, weights, biases)
    for seed in range(3):
        assert torch.allclose(together[seed], inputs[seed] @ weights[seed] + biases[seed], atol=1e-5)
