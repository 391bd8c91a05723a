"""The check of the student's own SAW: what it says where there is nothing of the student's to judge."""

from saw_edu.agents import SAW
from saw_edu.checks.check import Verdict
from saw_edu.course.ch16.own_saw import my_saw
from saw_edu.data import HindsightSampler


def verdict(*answers: object) -> Verdict:
    return my_saw.judge(my_saw.probe(*answers))


class Inherited(SAW):
    """Nothing of its own."""


class Unfinished(SAW):
    """Done itself, but it calls an exercise that is not."""

    def policy_loss(self, networks, batch):  # type: ignore[no-untyped-def]
        raise NotImplementedError("Exercise flat-policy-loss is not done yet.")


class Untouched(SAW):
    """As released."""

    def policy_loss(self, networks, batch):  # type: ignore[no-untyped-def]
        raise NotImplementedError("Exercise my-saw is not done yet.")


class UnfinishedWaypoints(HindsightSampler):
    def waypoint_rows(self, rows, policy_goals, is_random):  # type: ignore[no-untyped-def]
        raise NotImplementedError("Exercise waypoint-rows is not done yet.")


def test_the_library_itself_passes() -> None:
    assert verdict(SAW, HindsightSampler).passed
    assert verdict(SAW, HindsightSampler).passed  # nothing stays locked


def test_inherited_losses_are_not_ones_own() -> None:
    found = verdict(Inherited, HindsightSampler)
    assert not found.passed
    assert "the library's own loss" in found.message
    assert SAW.flat_policy_loss.__name__ == "flat_policy_loss"


def test_an_earlier_exercise_that_is_not_done_is_named() -> None:
    assert verdict(Untouched, HindsightSampler).stage == "not started"
    for answers, missing in (
        ((Unfinished, HindsightSampler), "flat-policy-loss"),
        ((SAW, UnfinishedWaypoints), "waypoint-rows"),
    ):
        found = verdict(*answers)
        assert found.stage == "raised"
        assert f"Exercise {missing} is not done yet" in found.message


def test_classes_are_wanted() -> None:
    assert "class derived from SAW" in verdict(SAW(), HindsightSampler).message
    assert "class derived from HindsightSampler" in verdict(SAW, HindsightSampler.waypoint_rows).message
