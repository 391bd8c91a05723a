"""Chapter 1's agent that counts, its errands and its chains, on known answers."""

import numpy as np
import pandas as pd
import torch

from saw_edu.course.ch01 import chains, figures, traces
from saw_edu.course.ch01.counter import act_by, compass, hindsight_counts, imitate, seen_by_distance, with_subgoals
from saw_edu.course.ch01.errands import errand_successors, place_items, unseen, walk_errands
from saw_edu.envs import GridMaze, navigate
from saw_edu.rollouts import evaluate

WORLD = GridMaze("four-rooms", max_steps=60)


def test_every_later_cell_counts_as_a_goal_that_was_reached() -> None:
    walk = navigate(WORLD, 1, length=6, noise=0.0, generator=torch.Generator().manual_seed(3))
    cells, actions = walk.observations.argmax(-1).tolist(), walk.actions.tolist()
    counts = hindsight_counts(walk, len(WORLD.maze.free_cells))
    assert counts.sum() == 6 + 5 + 4 + 3 + 2 + 1
    for t in range(6):
        assert counts[cells[t], cells[-1], actions[t]] >= 1
    agent = imitate(WORLD, seed=0, episodes=400)
    assert agent.blind.double().mean() < 0.01
    torch.testing.assert_close(agent.table.sum(-1), torch.ones_like(agent.seen))


def test_the_compass_points_at_the_goal_and_subgoals_from_the_map_lead_an_agent_that_knows_only_neighbours() -> None:
    table = compass(WORLD)
    cells = torch.as_tensor(WORLD.maze.free_cells)
    above = next((i, j) for i, a in enumerate(cells) for j, b in enumerate(cells) if (b - a).tolist() == [1, 0])
    assert int(table[above].argmax()) == 1
    generator = torch.Generator().manual_seed(0)
    starts, goals = WORLD.sample_states(60, generator), WORLD.sample_states(60, generator)
    policy = act_by(table)
    assert evaluate([with_subgoals(policy, WORLD, 1)], WORLD, starts, goals, progress=False).success == 1
    both = (policy, with_subgoals(policy, WORLD, 0))
    alone, zero = (evaluate([some], WORLD, starts, goals, progress=False).success for some in both)
    assert alone == zero < 1


def test_near_pairs_are_seen_more_often() -> None:
    table = seen_by_distance(WORLD, [imitate(WORLD, seed=0)], [1, 4, 8, 12])
    assert list(table.index) == ["1-3", "4-7", "8-11"]
    assert table["times"].is_monotonic_decreasing
    assert table["blind"].is_monotonic_increasing


def test_items_on_the_way_are_picked_up_and_a_fixed_order_shows_fewer_sets() -> None:
    items = place_items(WORLD, 3, torch.Generator().manual_seed(0))
    assert len(items.unique(dim=0)) == 3
    successors = errand_successors(WORLD, items)
    cell = int(WORLD.index(items)[1])
    neighbour = int(next(n for n in WORLD.maze.neighbours[cell] if n >= 0))
    assert (cell, 0b110) in successors((neighbour, 0b100))
    orders = torch.arange(3).repeat(20, 1)
    visited = walk_errands(WORLD, items, orders, torch.Generator().manual_seed(0))
    assert (visited[:, -1] // len(WORLD.maze.free_cells) == 0b111).all()
    any_order, fixed = (unseen(WORLD, 5, some, seed=0, new=50) for some in (True, False))
    assert fixed["sets"] < any_order["sets"] <= 32
    assert fixed["unseen"] <= any_order["unseen"]


def test_sampled_chains_agree_with_the_exact_ones() -> None:
    slips = chains.WORLDS["hidden weather"]
    counts = torch.cat([chains.completed(slip, 4, 1500, torch.Generator().manual_seed(1)) for slip in slips])
    exact = chains.exact_in(slips)
    for k in (1, 2, 4):
        assert abs(float((counts >= k).double().mean()) - exact[k - 1]) < 4 * np.sqrt(0.25 / 3000)
    assert exact[3] > exact[0] ** 4 + 0.05  # weather that is hidden lifts long chains


def test_survivors_are_those_who_got_so_far() -> None:
    table = pd.DataFrame({"world": "w", "seed": 0, "length": 3, "completed": [0, 1, 1, 3, 3, 3, 3, 3]})
    found = chains.survivors(table, range(1, 4)).set_index("subtask")["success"]
    assert found.to_dict() == {1: 7 / 8, 2: 5 / 7, 3: 1.0}


def test_the_map_answers_a_click() -> None:
    shown = figures.CounterMap(WORLD, imitate(WORLD, seed=0), starts=4)
    point = shown.nearest((0.0, 0.0))
    assert shown.nearest(point) == point
    assert "4 roll-outs reach the goal" in shown.alt(point, "greedy", 1)
    assert shown.alt(point, "drawn", 0) == shown.alt(point, "drawn", 0)


def test_verdicts_are_counted_and_later_arrivals_told() -> None:
    agent = imitate(WORLD, seed=0)
    generator = torch.Generator().manual_seed(0)
    starts, goals = WORLD.sample_states(20, generator), WORLD.sample_states(20, generator)

    def classify(cells: torch.Tensor, distances: torch.Tensor) -> str:
        assert cells.shape == (11, 2)
        assert distances.shape == (11,)
        return "success" if (distances == 0).any() else "stuck"

    both = {"map": [with_subgoals(act_by(compass(WORLD)), WORLD, 1)], "compass": [act_by(compass(WORLD))]}
    judged = traces.judge(classify, both, WORLD, starts, goals, [agent], steps=10, more=50)
    table = traces.summary(judged, ["compass", "map"])
    assert list(table.columns[:4]) == list(traces.VERDICTS)
    assert table.loc["map", "called stuck: arrive by 500"] in ("100%", "none")  # slow only: the map leads home
    assert table.loc["compass", "called stuck: arrive by 500"] == "0%"
    assert 0 < traces.freed(judged, "map", of="compass") <= 1
