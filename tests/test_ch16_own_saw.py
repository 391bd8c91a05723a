"""The check of the student's own SAW: what it says where there is nothing of the student's to judge."""

from saw_edu.agents import SAW
from saw_edu.checks.check import Verdict
from saw_edu.course.ch16.flat_checks import flat_policy_loss
from saw_edu.course.ch16.own_saw import my_saw
from saw_edu.course.ch16.saw_losses import variant
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


def test_the_culprit_is_named_where_an_earlier_exercise_is_wrong() -> None:
    calls: dict[str, object] = {"SAW": SAW, "HindsightSampler": HindsightSampler}
    source = """
class MySampler(HindsightSampler):
    def waypoint_rows(self, rows, policy_goals, is_random):
        return waypoint_rows(rows, policy_goals, self.trajectories.final_index[rows], is_random, self.subgoal_steps)

class MySAW(SAW):
    def policy_loss(self, networks, batch):
        return flat_policy_loss(self, networks, batch)
"""
    exec(source, calls)
    calls["flat_policy_loss"] = lambda agent, networks, batch: (networks.policy.mean.bias.sum(), {})
    calls["waypoint_rows"] = lambda rows, goals, last, is_random, k: (rows + k, rows + k)
    found = verdict(calls["MySAW"], calls["MySampler"])
    assert found.mistake == "exercise 3 first"
    assert "flat_policy_loss (exercise 3)" in found.message
    calls["flat_policy_loss"] = variant()
    assert verdict(calls["MySAW"], calls["MySampler"]).mistake == "exercise 4 first"


def test_exercise_3_names_exercise_2() -> None:
    calls: dict[str, object] = {}
    source = """
def flat_policy_loss(agent, networks, batch):
    return saw_objective(1, 2), {}
"""
    exec(source, calls)
    calls["saw_objective"] = lambda lp, kl, v, n, w, alpha, beta: (lp * kl).mean()
    found = flat_policy_loss.judge(flat_policy_loss.probe(calls["flat_policy_loss"]))
    assert found.mistake == "an earlier exercise"
    assert "saw_objective, which you call, is not right yet" in found.message
