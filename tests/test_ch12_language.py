"""Chapter 12: its checks accept the library's own relabelling and name each likely slip."""

import pytest
import torch

from saw_edu.checks import CheckFailed
from saw_edu.course.ch12 import checks
from saw_edu.hierarchy.hal import HALConfig, hindsight, newly_true

EXERCISES = (checks.relabel_language, checks.hindsight_returns, checks.instruction_target)
SLIPS = [(check, mistake) for check in EXERCISES for mistake in check.mistakes]


def _library(truths: torch.Tensor, discount: float) -> torch.Tensor:
    config = HALConfig(immediate=9, later=9, later_discount=discount)
    chosen, returns = hindsight(truths[:, None], config, torch.Generator().manual_seed(0))
    return (returns * chosen)[:, 0].double()


@pytest.mark.parametrize("check", EXERCISES, ids=lambda check: check.title)
def test_right_answers_pass(check) -> None:
    check(check.reference)


def test_the_library_passes_its_chapters_checks() -> None:
    checks.relabel_language(newly_true)
    checks.hindsight_returns(_library)


@pytest.mark.parametrize(("check", "mistake"), SLIPS, ids=[f"{check.title}: {slip.name}" for check, slip in SLIPS])
def test_each_slip_is_refused_by_its_name(check, mistake) -> None:
    with pytest.raises(CheckFailed) as caught:
        check(mistake.wrong)
    assert mistake.message in str(caught.value)
