"""The ablations of SAW: each variant is what it says, and results are recorded whole."""

import itertools
import math
from dataclasses import replace
from functools import partialmethod
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from saw_edu.agents import SAW
from saw_edu.course import giant
from saw_edu.course.ch17 import ablations
from saw_edu.course.ch17.ablations import SETTINGS, per_seed
from saw_edu.course.ch17.erring import ErringSAW, add_errors
from saw_edu.data import Batch, HindsightSampler
from saw_edu.nn import Networks
from saw_edu.place import asset
from saw_edu.training import train


@pytest.fixture(scope="module")
def case() -> tuple[SAW, Networks, Batch]:
    """SAW, its networks with a recorded value and policies, and a batch."""
    world = giant.make_world()
    agent = giant.make_agents()["saw"]
    assert isinstance(agent, SAW)
    networks = giant.load("saw", world.spec).networks[0]
    networks.value.load_state_dict(giant.load("value", world.spec).networks[0].value.state_dict())
    sampler = HindsightSampler(giant.make_data(world), agent.goals, agent.discount, agent.subgoal_steps)
    return agent, networks.requires_grad_(True), sampler.sample(64, torch.Generator().manual_seed(0))


def loss_and_gradient(agent: SAW, networks: Networks, batch: Batch) -> tuple[float, torch.Tensor]:
    networks.zero_grad()
    loss, _ = agent.policy_loss(networks, batch)
    loss.backward()
    parts = [p.grad.reshape(-1) for name in ("policy", "subgoal_policy") for p in getattr(networks, name).parameters()]
    return loss.item(), torch.cat(parts)


def test_the_terms_add_up_and_the_clip_clips(case: tuple[SAW, Networks, Batch]) -> None:
    agent, networks, batch = case
    flat = {
        name: variant.flat_policy_loss(networks, batch)[0].item()
        for name, variant in {
            "both": agent,
            "one step": replace(agent, bootstrap=False),
            "bootstrapping": replace(agent, one_step=False),
            "clip at 1": replace(agent, one_step=False, waypoint_clip=1.0),
            "no clip": replace(agent, one_step=False, waypoint_clip=math.inf),
        }.items()
    }
    assert flat["both"] == pytest.approx(flat["one step"] + flat["bootstrapping"], rel=1e-5)
    assert flat["clip at 1"] < flat["bootstrapping"] < flat["no clip"]
    plain = replace(agent, beta=0.0)  # every waypoint counts as one, so no weight is below the clip
    assert flat["clip at 1"] <= plain.flat_policy_loss(networks, batch)[0].item() - flat["one step"] + 1e-4
    networks.zero_grad()
    replace(agent, bootstrap=False).policy_loss(networks, batch)[0].backward()
    assert all(p.grad is None for p in networks.subgoal_policy.parameters())  # nobody learns from it
    with pytest.raises(ValueError, match="keep one_step or bootstrap"):
        replace(agent, one_step=False, bootstrap=False)
    with pytest.raises(ValueError, match="waypoint_clip must be above 0"):
        replace(agent, waypoint_clip=0.0)


def test_added_errors_have_the_stated_size_and_smoothness() -> None:
    world = giant.make_world()
    data = giant.make_data(world)
    recorded = giant.load("value", world.spec)
    value = replace(recorded, seeds=[0, 1], networks=recorded.networks[:2])
    rough, smooth = (add_errors(value, data, world, 0.5, length) for length in (ablations.ROUGH, ablations.SMOOTH))
    agent = giant.make_agents()["saw"]
    batch = HindsightSampler(data, agent.goals, agent.discount, 8).sample(4096, torch.Generator().manual_seed(5))
    s, s_next, w, g = batch.observations, batch.next_observations, batch.waypoints, batch.policy_goals
    assert w is not None
    grows = {}
    for name, erring in (("rough", rough), ("smooth", smooth)):
        for before, after in zip(value.networks, erring.networks, strict=True):
            own = (before.value(s_next, g) - before.value(s, g)).mean(dim=0)
            error = after.value(s, g) - before.value(s, g)
            error_next = after.value(s_next, g) - before.value(s_next, g)
            assert torch.allclose(error[0], error[1], atol=1e-4)  # both heads err alike
            assert ((error_next - error)[0].std() / own.std()).item() == pytest.approx(0.5, rel=0.1)
            error_w = after.value(w, g) - before.value(w, g)
            grows[name] = ((error_w - error).std() / (error_next - error).std()).item()
    assert 1.5 < grows["rough"] < 4 < grows["smooth"]  # how much more it fools a waypoint than a step
    first, second = (networks.value.error(s, g) for networks in rough.networks)
    assert abs(np.corrcoef(first, second)[0, 1]) < 0.2  # each seed has errors of its own
    with pytest.raises(ValueError, match="length above 0"):
        add_errors(value, data, world, 0.5, 0.0)


def test_policies_are_extracted_from_the_erring_value() -> None:
    setting = SETTINGS["rough error 1 saw"]
    assert isinstance(setting.agent, ErringSAW)
    value = ablations.value_for(setting, [0, 1], Path("unused"))
    _, data = ablations._world_and_data(ablations.PROBLEMS["giant"])
    config = replace(ablations.POLICY_CONFIG, steps=2, batch_size=16, compile=False)
    for together in (True, False):
        result = train(setting.agent, data, config, [0, 1], value_from=value, together=together, progress=False)
        for given, used in zip(value.networks, result.networks, strict=True):
            for name, parameter in given.value.state_dict().items():
                assert torch.equal(used.value.state_dict()[name], parameter), name
            assert used.value.size > 0


def test_settings_change_one_thing() -> None:
    base = vars(SETTINGS["base saw"].agent)
    changed = {
        name: sorted(key for key, value in vars(setting.agent).items() if base.get(key, value) != value)
        for name, setting in SETTINGS.items()
        if name.endswith("saw") or setting.panel in ("k", "beta", "alpha", "terms", "clip")
    }
    assert changed["k 32"] == ["subgoal_steps"]
    assert changed["no clip"] == changed["clip 1"] == ["action_clip", "subgoal_clip", "waypoint_clip"]
    assert changed["no bootstrapping"] == ["bootstrap"]
    assert changed["beta 0"] == ["beta"]
    assert changed["alpha 10"] == ["alpha", "subgoal_alpha"]
    assert changed["discount .98 saw"] == ["discount"]
    assert changed["medium saw"] == changed["rough error 1 saw"] == []
    assert SETTINGS["no bootstrapping"].agent.bootstrap is False  # type: ignore[attr-defined]
    for problem in ablations.PROBLEMS.values():
        assert problem.farthest_third in problem.edges
        world = problem.make_world()
        assert problem.edges[-1] == world.maze.diameter + 1


def test_success_by_seed() -> None:
    table = pd.DataFrame(
        {
            "seed": [0, 0, 1, 1],
            "from_": [1, 5, 1, 5],
            "farthest": [0, 1, 0, 1],
            "temperature": 0.5,
            "success": [1.0, 0.5, 0.5, 0.0],
            "episodes": [30, 10, 30, 10],
        }
    )
    assert per_seed(table, "farthest").tolist() == [0.5, 0.0]
    assert per_seed(table, "nearest").tolist() == [1.0, 0.5]
    assert per_seed(table).tolist() == [(30 + 5) / 40, 15 / 40]
    with pytest.raises(ValueError, match="must be one of all, nearest, farthest"):
        per_seed(table, "far")


def test_settings_are_measured_at_both_temperatures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    few = partialmethod(ablations.Problem.make_episodes, per_bin=2)
    monkeypatch.setattr(ablations.Problem, "make_episodes", few)
    short = replace(ablations.VALUE_CONFIG, steps=2, batch_size=16, compile=False)

    for name in ("k 2", "medium gcivl"):
        ablations.make(name, tmp_path / "work", [0, 1], short, short)
    ablations.gather(tmp_path / "work", tmp_path / "out", ("k 2", "medium gcivl"))
    table = pd.read_csv(tmp_path / "out" / "success.csv", dtype={"x": str})
    assert table.groupby("setting").size().to_dict() == {"k 2": 2 * 2 * 7, "medium gcivl": 2 * 2 * 4}
    assert set(table["temperature"]) == {0.0, 0.5}


def test_the_recorded_base_is_that_of_the_giant_maze() -> None:
    episodes = pd.read_csv(asset("results/nine/episodes.csv"))
    for result, temperatures in (("ablations", (0.0, 0.5)), ("reweighed", (0.0, 0.5))):
        table = pd.read_csv(asset(f"results/{result}/success.csv"))
        if "temperature" not in table:  # recorded before it was: greedy
            table, temperatures = table.assign(temperature=0.0), (0.0,)
        for name, temperature in itertools.product(("saw", "gcivl", "hiql"), temperatures):
            own = episodes[(episodes["agent"] == name) & (episodes["temperature"] == temperature)]
            far = own[own["distance"] >= giant.FARTHEST_THIRD]
            base = table[table["setting"] == f"base {name}"]
            if len(base):
                expected = own.groupby("seed")["success"].mean()
                assert per_seed(base, "all", temperature) == pytest.approx(expected, abs=0.02)
                expected = far.groupby("seed")["success"].mean()
                assert per_seed(base, "farthest", temperature) == pytest.approx(expected, abs=0.04)
