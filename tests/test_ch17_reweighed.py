"""SAW's weights taken apart: each setting keeps what it says and changes nothing else."""

import copy

import pytest
import torch

from saw_edu.course import giant
from saw_edu.course.ch17.reweighed import SETTINGS, ReweighedSAW, reweigh
from saw_edu.data import HindsightSampler


def test_differences_and_mean_are_kept_or_taken() -> None:
    u = torch.tensor([1.0, 2.0, 9.0])
    assert reweigh(u, True, True).tolist() == u.tolist()
    assert reweigh(u, False, True).tolist() == [4.0, 4.0, 4.0]
    assert reweigh(u, True, False).tolist() == [0.25, 0.5, 2.25]
    assert reweigh(u, False, False).tolist() == [1.0, 1.0, 1.0]


def test_a_setting_changes_one_thing_and_with_nothing_changed_it_is_saw() -> None:
    world = giant.make_world()
    agent = giant.make_agents()["saw"]
    networks = giant.load("saw", world.spec).networks[0]
    networks.value.load_state_dict(giant.load("value", world.spec).networks[0].value.state_dict())
    sampler = HindsightSampler(giant.make_data(world), agent.goals, agent.discount, agent.subgoal_steps)
    batch = sampler.sample(64, torch.Generator().manual_seed(0))

    def loss(other) -> float:  # type: ignore[no-untyped-def]
        return float(other.flat_policy_loss(copy.deepcopy(networks), batch)[0].detach())

    assert loss(ReweighedSAW(**vars(agent))) == pytest.approx(loss(agent), rel=1e-6)
    quiet = ReweighedSAW(**vars(agent), selects=False, loud=False)
    assert loss(quiet) == pytest.approx(loss(type(agent)(**vars(agent) | {"beta": 0.0})), rel=1e-6)
    base = vars(SETTINGS["base saw"].agent)
    for name, option in {"waypoint": "waypoint_clip", "action": "action_clip", "teacher": "subgoal_clip"}.items():
        setting = SETTINGS[f"{name} clip 1"]
        assert [key for key, value in vars(setting.agent).items() if base[key] != value] == [option]
