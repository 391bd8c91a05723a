"""Chapter 17 near the goal: a policy that always steps at the goal pulls fully, and arrives by any hand."""

import pytest
import torch
from torch import Tensor

from saw_edu.course import giant
from saw_edu.course.ch17 import near


def test_a_policy_that_knows_the_way_pulls_fully_and_one_that_stands_still_does_not() -> None:
    world = giant.make_world()

    def straight(observations: Tensor, goals: Tensor) -> Tensor:
        gap = world.states_of(goals) - world.states_of(observations)
        return gap / gap.norm(dim=1, keepdim=True).clamp(min=1.0)  # no farther than the goal

    def still(observations: Tensor, goals: Tensor) -> Tensor:
        return torch.zeros(len(observations), 2)

    found = near.pull(world, {"straight": [straight], "still": [still]}, pairs=200)
    assert found["straight"][0].tolist() == pytest.approx([0.5, 1, 1, 1, 1, 1], abs=1e-3)
    assert found["still"][0].tolist() == [0.0] * len(near.RADII)
    table = near.arrivals(world, {"still": [still, still]}, per_bin=6)
    assert table["seed"].tolist() == [0, 1]
    assert table["greedy"].max() == 0
