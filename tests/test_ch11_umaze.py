"""Chapter 11: the U, the controls, the turned low level, the recorded results, and the stretch that answers clicks."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
import torch

from saw_edu.course.ch11 import figures, rotated, umaze
from saw_edu.course.ch11.checks import held_noise
from saw_edu.course.ch11.record import learn
from saw_edu.place import asset
from saw_edu.viz import click_explorer


def test_the_way_is_seven_cells_and_the_goal_is_out_of_sight() -> None:
    world = umaze.make_world()
    ends = [world.maze.cell_to_xy(torch.tensor(cell)).float()[None] for cell in (umaze.START, umaze.GOAL)]
    assert float(world.distances(*ends)) == 6.0
    generator = torch.Generator().manual_seed(0)
    starts = umaze.near(world, umaze.START)(500, generator)
    assert float((starts - ends[0]).abs().max()) <= 1.0


def test_noise_that_lasts_gets_farther() -> None:
    world = umaze.make_world()
    noise = torch.randn(50, 400, 2, generator=torch.Generator().manual_seed(0))
    assert held_noise.reference is not None
    far = [
        float(umaze.cells_along(world, umaze.wander(held_noise.reference(noise, hold))).amax(1).mean())
        for hold in (1, 5)
    ]
    assert far[1] > far[0] + 1


def test_agents_of_every_kind_play_the_same_steps() -> None:
    for name in umaze.KINDS:
        agent = umaze.make_agent(name, 0)
        agent.train(umaze.rounds_of(name, 20), progress=False)
        assert int(agent.ages.max()) == 20
    with pytest.raises(ValueError, match="did you mean 'held'"):
        umaze.make_agent("hled", 0)


def test_an_interrupted_recording_goes_on_as_if_uninterrupted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = learn("none", 0, tmp_path / "whole.pt", steps=100)
    monkeypatch.setattr("saw_edu.course.ch11.record.BLOCKS", 4)
    learn("none", 0, tmp_path / "half.pt", steps=40)
    monkeypatch.undo()
    again = learn("none", 0, tmp_path / "half.pt", steps=100)
    assert again["arrivals"].tolist() == pytest.approx(whole["arrivals"].tolist())
    assert again["success"].tolist() == whole["success"].tolist()


def test_an_unturned_low_level_needs_no_correction_and_a_turned_one_does() -> None:
    straight, turned = (rotated.compare(angle, 0).set_index("kind") for angle in (0, 120))
    assert straight.loc["none", "success"] > 0.8
    assert turned.loc["none", "success"] < 0.2
    for kind in ("achieved", "hiro", "fresh"):
        assert turned.loc[kind, "success"] > 0.8
    assert turned.loc["achieved", "error"] < 0.1 < 1 < 3 < turned.loc["none", "error"]
    assert turned.loc["hiro", "error"] < 1


def test_a_controller_goes_to_its_goal_or_turned_from_it() -> None:
    goals = torch.tensor([[6.0, 0.0], [0.3, 0.0]])
    assert torch.allclose(rotated.controller(0)(goals, goals), torch.tensor([[1.0, 0.0], [0.2, 0.0]]))
    assert torch.allclose(rotated.controller(90)(goals, goals), torch.tensor([[0.0, 1.0], [0.0, 0.2]]), atol=1e-6)


def test_recorded_curves_are_whole() -> None:
    table = pd.read_csv(asset("ch11/curves.csv"))
    assert len(table) == len(umaze.KINDS) * umaze.SEEDS * 10
    assert table["success"].between(0, 1).all()
    last = table[table["step"] == umaze.STEPS].groupby("kind")["arrivals"].mean()
    assert figures.ends(table)["arrivals"].tolist() == pytest.approx(last[list(umaze.KINDS)].tolist(), abs=0.006)
    others = figures.paired(table, "none", ["flat"])
    assert others["difference"].iloc[0] == pytest.approx(last["none"] - last["flat"], abs=0.006)


def test_the_stretch_answers_clicks() -> None:
    stretch = figures.Stretch()
    made = click_explorer(
        stretch.draw, point=(8.0, 1.0), nearest=stretch.nearest, step=1.0, alt=stretch.alt, turned=(0, 180, 30, 90)
    )
    before = made.point
    made.move(1, 0)
    assert made.point == (before[0] + 1, before[1])
    assert stretch.nearest((100.0, 0.0)) == (4.0 + umaze.REACH, 0.0)
    assert "turned by 90 degrees" in stretch.alt(made.point, 90)
    assert "goal := change: 0.0" in stretch.alt((8.0, 1.0), 90)
