"""The experiment on nuisance dimensions, with a few steps instead of thousands."""

from dataclasses import replace
from functools import partial
from pathlib import Path

import pandas as pd
import pytest
import torch

from saw_edu.course import giant
from saw_edu.course.ch15 import nuisance
from saw_edu.training import train


def test_noise_is_new_in_each_observation_and_leaves_walks_and_positions_alone() -> None:
    plain, noisy = nuisance.NoisyMaze(0), nuisance.NoisyMaze(300, seed=3)
    states = plain.sample_states(8, torch.Generator().manual_seed(0))
    first, second = noisy.observe(states), noisy.observe(states)
    assert first.shape == (8, 322)
    assert noisy.spec.observation_dim == 322
    assert torch.equal(first[:, :22], plain.observe(states))
    assert torch.equal(second[:, :22], first[:, :22])
    assert not (first[:, 22:] == second[:, 22:]).any()
    assert abs(first[:, 22:].std() - 1) < 0.05
    assert torch.allclose(noisy.states_of(first), states, atol=1e-4)
    with pytest.raises(ValueError, match="at least 0"):
        nuisance.NoisyMaze(-1)


def test_a_picture_is_of_a_position_and_one_of_two_is_read_as_the_point_between() -> None:
    world, seed = nuisance.PictureMaze(), torch.Generator().manual_seed(0)
    states = world.sample_states(64, seed)
    seen = world.observe(states)
    assert seen.shape == (64, 192)
    assert world.spec.observation_dim == 192
    assert seen.min() >= 0
    assert seen.max() <= 1
    error = (world.states_of(seen) - states).abs() / world.maze.cell_size  # (64, 2), cells
    height, width = world.maze.walls.shape
    place = (states - world.corner) / world.maze.cell_size
    inner = ((place >= 1.5) & (place <= torch.tensor([width, height]) - 1.5)).all(dim=1)
    assert 10 < inner.sum() < 64
    assert error[inner].max() < 1e-3
    assert 0.01 < error[~inner].max() < 0.22
    pairs = seen[inner][: inner.sum() // 2 * 2]
    between = world.states_of((pairs[::2] + pairs[1::2]) / 2)
    assert torch.allclose(between, (world.states_of(pairs[::2]) + world.states_of(pairs[1::2])) / 2, atol=1e-3)
    walls = torch.as_tensor(world.maze.walls).flatten()
    far = (world.observe(states[:1])[0] == 0) <= walls  # only walls are black
    assert far.all()


def test_the_walks_are_those_of_the_giant_maze() -> None:
    original = giant.make_data(giant.make_world())
    data = nuisance.make_data(nuisance.NoisyMaze(4))
    assert torch.equal(data.observations[:, :22], original.observations)
    assert torch.equal(data.actions, original.actions)


def test_ris_holds_hiql_inside() -> None:
    """The two levels that RIS learns are those that HIQL learns by itself."""
    data = nuisance.make_data(nuisance.NoisyMaze(2))
    config = replace(nuisance.POLICY_CONFIG, steps=3, batch_size=32, compile=False)
    value = train(nuisance.VALUE, data, config, 1, parts="value", progress=False)
    ris, hiql = (
        train(agent, data, config, 1, value_from=value, progress=False).networks[0].state_dict()
        for agent in (nuisance.EXTRACTED["ris"], nuisance.HIQL_STATES)
    )
    assert {name.split(".")[0] for name in hiql} == {"value", "subgoal_policy", "subgoal_generator"}
    for name, parameter in hiql.items():
        assert torch.allclose(ris[name], parameter, atol=1e-6), name


def test_results_of_several_calls_are_put_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(giant, "make_episodes", partial(giant.make_episodes, per_bin=4))
    short = replace(nuisance.VALUE_CONFIG, steps=2, batch_size=16, compile=False)
    for dims in ("picture", "2"):
        nuisance.make(dims, tmp_path / "work", [0, 1], short, short)
    nuisance.gather(tmp_path / "work", tmp_path / "out", ("picture", "2"))
    seeds = pd.read_csv(tmp_path / "out" / "seeds.csv", dtype={"dims": str})
    counts = seeds.groupby(["dims", "agent", "temperature", "seed"]).size()
    assert counts.index.levels[1].tolist() == ["gcwae", "hiql", "hiql_fresh", "hiql_rep", "ris", "saw"]
    assert counts.tolist() == [7] * ((6 + 5) * 2 * 2)
    value = pd.read_csv(tmp_path / "out" / "value.csv")
    assert len(value) == 2 * 2 * 2
    assert value["order"].abs().max() <= 1
    generator = pd.read_csv(tmp_path / "out" / "generator.csv")
    assert len(generator) == 2 * 2 * 2 * (len(giant.EDGES) - 1)
    assert (generator["error"] > 0).all()
