"""Chapter 13: what is measured, the high level's task, the recorded results, and the map that answers clicks."""

import math

import pandas as pd
import pytest
import torch

from saw_edu.course.ch13 import figures, skills
from saw_edu.course.ch13.record import trained
from saw_edu.course.ch13.task import LEARNERS, learn_task, option_target
from saw_edu.envs import PointMaze
from saw_edu.hierarchy.diayn import COMPASS, Skills, information
from saw_edu.place import asset
from saw_edu.viz import click_explorer


class _Straight(Skills):
    """Skill z always takes compass action z."""

    def __init__(self, world: PointMaze) -> None:
        super().__init__(world, torch.nn.Identity(), len(COMPASS), 1.0)

    def act(self, states, skills, generator):
        return skills


def test_straight_skills_go_where_the_compass_says_and_are_told_apart():
    world = skills.make_world()
    straight = _Straight(world)
    generator = torch.Generator().manual_seed(0)
    zs, states = skills.roll_outs(straight, generator, each=20)
    assert states.shape == (180, skills.CONFIG.horizon + 1, 2)
    moved = states[:, 1] - states[:, 0]
    assert torch.allclose(moved, world.step_size * COMPASS[zs], atol=1e-5)
    assert information(world, states[:, -1], zs, 9, generator) > 0.5 * math.log(9)


def test_skills_that_do_not_listen_have_no_information():
    found = skills.measure(skills.make_skills("walk", 0), 0)
    assert found["nats"] < 0.15
    assert 0 < found["ends"] <= found["coverage"] <= 1


def test_unknown_kinds_are_told():
    with pytest.raises(ValueError, match="kind is one of scaled, fourier, untrained, walk"):
        skills.make_skills("learned", 0)


def test_recorded_skills_are_told_apart_as_recorded():
    recorded = pd.read_csv(asset("ch13/measures.csv")).set_index(["kind", "seed"])
    for kind in skills.FEATURES:
        again = skills.measure(skills.make_skills(kind, 0), 0)
        assert again["nats"] == pytest.approx(recorded.loc[(kind, 0), "nats"], abs=0.1)
        assert again["coverage"] == pytest.approx(recorded.loc[(kind, 0), "coverage"], abs=0.05)
        assert again["nats"] > 2 > recorded.loc[("walk", 0), "nats"]


def test_an_interrupted_recording_goes_on_as_if_uninterrupted(tmp_path):
    whole = trained("scaled", 0, tmp_path / "a", updates=12)
    trained("scaled", 0, tmp_path / "b", updates=5)
    assert trained("scaled", 0, tmp_path / "b", updates=12).rewards == whole.rewards


def test_targets_of_choices_by_hand():
    rewards = torch.tensor([[0.0, 1.0], [0.0, 0.0]])
    values = torch.tensor([[9.0, 9.0], [2.0, 4.0]])
    target = option_target(rewards, torch.tensor([2, 2]), values, torch.tensor([True, False]), 0.5)
    assert target.tolist() == [0.5, 1.0]


def test_flat_learners_learn_near_goals_and_a_broken_target_is_noticed():
    world = skills.make_world()
    good = learn_task(world, None, "near", 25, torch.Generator().manual_seed(0)).double()
    assert good.shape == (25, 3 * LEARNERS)
    assert good[-5:].mean() > good[:5].mean() + 0.1
    blind = learn_task(
        world, None, "near", 25, torch.Generator().manual_seed(0), target=lambda r, n, v, d, y: torch.zeros(len(r))
    ).double()
    assert good[-5:].mean() > blind[-5:].mean() + 0.1


def test_paired_differences_are_by_seed():
    rows = [
        {"goals": "far", "kind": kind, "seed": seed, "episode": 10, "success": base + seed / 10}
        for kind, base in (("scaled", 0.3), ("actions", 0.1))
        for seed in range(3)
    ]
    found = figures.paired(pd.DataFrame(rows), "scaled", ["actions"]).iloc[0]
    assert found[["difference", "low", "high"]].tolist() == pytest.approx([0.2, 0.2, 0.2])


def test_the_map_answers_clicks():
    shown = figures.SkillMap({"straight": _Straight(skills.make_world())})
    made = click_explorer(
        shown.draw,
        point=shown.start,
        nearest=shown.nearest,
        step=4.0,
        alt=shown.alt,
        skills=["straight"],
        steps=(5, 20, 5, 5),
    )
    before = made.point
    made.move(1, 0)
    assert made.point == shown.nearest((before[0] + 4.0, before[1])) != before
    assert "5 steps of straight" in shown.alt(made.point, "straight", 5)
