"""The normal policies of chapter 15's figure: the closed forms are what the grid finds."""

import numpy as np
import pytest

from saw_edu.course.ch15.figures import normal_fits


def test_averaged_divergences_put_the_mean_between_the_teachers_and_differ_in_spread() -> None:
    found = normal_fits()["two teachers, divergences averaged"]
    shares, means, std = np.array([0.6, 0.4]), np.array([-0.8, 0.8]), 0.25
    grid = [(m, s) for m in np.linspace(-0.5, 0.2, 71) for s in np.linspace(0.2, 1.0, 81)]
    # KL of two normals in closed form, averaged over the teachers
    forward = [shares @ (np.log(s / std) + (std**2 + (means - m) ** 2) / (2 * s**2)) for m, s in grid]
    reverse = [shares @ (np.log(std / s) + (s**2 + (means - m) ** 2) / (2 * std**2)) for m, s in grid]
    assert found["KL(π_sub ‖ π)"] == pytest.approx(grid[int(np.argmin(forward))], abs=0.011)
    assert found["KL(π ‖ π_sub)"] == pytest.approx(grid[int(np.argmin(reverse))], abs=0.011)


def test_one_teacher_with_two_ways_is_covered_in_one_direction_and_halved_in_the_other() -> None:
    found = normal_fits()["one teacher with two ways"]
    assert found["KL(π_sub ‖ π)"] == pytest.approx((-0.16, 0.82), abs=0.03)
    assert found["KL(π ‖ π_sub)"] == pytest.approx((-0.8, 0.25), abs=0.03)
