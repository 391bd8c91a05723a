"""Chapter 3: errors drawn as said, comparisons of a learned value, walkers, and the map that answers clicks."""

import pytest
import torch

from saw_edu.course.ch03.errors import KINDS, Comparisons, comparisons, correlation, draw_errors, learned_errors
from saw_edu.course.ch03.figures import ErrorMap
from saw_edu.course.ch03.walkers import arrivals, walk
from saw_edu.envs import Maze, PointMaze
from saw_edu.viz import click_explorer

CORRIDOR = Maze.from_rows(["#######", "#.....#", "#######"], name="corridor")


@pytest.mark.parametrize("kind", KINDS)
def test_drawn_errors_have_the_spread_and_the_correlation_asked_for(kind):
    errors = draw_errors(kind, 20, 2.0, 5.0, 20_000, torch.Generator().manual_seed(0))
    assert errors.shape == (20_000, 20)
    assert errors.std(0) == pytest.approx(torch.full((20,), 2.0).numpy(), rel=0.03)
    for apart in (1, 4, 10):
        measured = torch.corrcoef(errors[:, [3, 3 + apart]].T)[0, 1]
        assert float(measured) == pytest.approx(float(correlation(kind, torch.tensor(apart), 5.0)), abs=0.03)


def test_smooth_errors_have_a_slope_and_rough_ones_have_none():
    apart = torch.tensor([0.01, 0.02])
    smooth, rough = (1 - correlation(kind, apart, 1.0) for kind in ("smooth", "rough"))
    assert float(smooth[1] / smooth[0]) == pytest.approx(4, rel=0.01)  # the variance of a difference grows as x²
    assert float(rough[1] / rough[0]) == pytest.approx(2, rel=0.01)  # and as x


def test_unknown_kinds_and_reaches_are_told():
    with pytest.raises(ValueError, match="kind is one of independent, rough, smooth"):
        correlation("bumpy", torch.tensor(1.0), 1.0)
    with pytest.raises(ValueError, match="reach above 0"):
        correlation("rough", torch.tensor(1.0), 0.0)


def test_in_a_corridor_the_two_places_lie_on_either_side():
    pairs = comparisons(CORRIDOR, steps=2, per_cell=4)  # half a cell
    xy = CORRIDOR.cell_to_xy(CORRIDOR.tables()["free_cells"].float())
    assert len(pairs.cells) == 12  # from each of 3 inner cells to each of the 4 others
    here = xy[pairs.here]
    assert torch.allclose((pairs.nearer - here).norm(dim=1), torch.tensor(CORRIDOR.cell_size / 2))
    assert torch.allclose(pairs.nearer + pairs.farther, 2 * here)
    assert ((pairs.nearer - pairs.goal).norm(dim=1) < (pairs.farther - pairs.goal).norm(dim=1)).all()
    far = comparisons(CORRIDOR, steps=8, per_cell=4)  # two cells: only the middle cell has both sides
    assert far.here.unique().tolist() == [2]
    with pytest.raises(ValueError, match="multiple of 4"):
        comparisons(CORRIDOR, steps=6)


class _Compass:
    """A value that knows distances along a corridor, or that knows them the wrong way round."""

    def __init__(self, sign: float) -> None:
        self.sign = sign

    def value(self, observations: torch.Tensor, goals: torch.Tensor) -> torch.Tensor:
        return -self.sign * (observations - goals).norm(dim=-1)


def test_a_right_value_misjudges_nothing_and_an_inverted_one_everything():
    world = PointMaze(CORRIDOR)
    table = learned_errors([_Compass(1), _Compass(-1)], world, steps=(1, 4, 8))  # type: ignore[list-item]
    assert table[table.seed == 0]["error"].tolist() == [0.0] * (len(table) // 2)
    assert table[table.seed == 1]["error"].tolist() == [1.0] * (len(table) // 2)
    assert table.groupby("steps")["pairs"].sum().nunique() == 1, "all strides are asked at the same places"


def test_some_comparisons_are_still_comparisons():
    pairs = comparisons(CORRIDOR, 1)
    assert isinstance(pairs.only(pairs.cells == 1), Comparisons)
    assert pairs.only(pairs.cells == 1).cells.tolist() == [1] * int((pairs.cells == 1).sum())


def _exact(maze: Maze) -> torch.Tensor:
    return -maze.tables()["all_pairs"].double()[None]


@pytest.mark.parametrize("waypoint_steps", [None, 2])
def test_walkers_that_trust_exact_values_always_arrive(waypoint_steps):
    maze = Maze.named("medium")
    cells = len(maze.free_cells)
    starts, goals = torch.arange(cells), torch.arange(cells).flip(0)
    assert walk(maze, _exact(maze), starts, goals, waypoint_steps=waypoint_steps).all()


def test_a_wrong_peak_holds_a_walker_and_luck_frees_it():
    values = _exact(CORRIDOR).clone()
    values[0, 1, 4] = 0.5  # standing in cell 1 looks as good as having arrived in cell 4
    start, goal = torch.tensor([0]), torch.tensor([4])
    assert not walk(CORRIDOR, values, start, goal).any()
    lucky = walk(CORRIDOR, values, start, goal, temperature=1.0, generator=torch.Generator().manual_seed(0))
    assert lucky.all()
    table = arrivals(CORRIDOR, torch.tensor([[True], [False]]), start, goal, (1, 5))
    assert table["mean"].tolist() == [0.5]


def test_the_map_shows_no_errors_without_noise_and_answers_clicks():
    maze = Maze.named("medium")
    shown = ErrorMap(maze, 0.9, draws=20)
    assert float(shown.chances(0, 1e-6, 1).sum()) == 0
    assert float(shown.chances(0, 2.0, 1).mean()) > 0.1
    sliders = {"noise": (0.1, 2.0, 0.1, 0.5), "stride": (1, 10, 1, 1)}
    made = click_explorer(shown.draw, point=(0.0, 0.0), nearest=shown.nearest, step=4.0, alt=shown.alt, **sliders)
    before = made.point
    made.move(1, 0)
    assert made.point == shown.nearest((before[0] + 4.0, before[1]))
    other = tuple(shown.centres[-1].tolist())
    figure = made.figure()
    figure.canvas.draw()
    x, y = figure.transFigure.inverted().transform(figure.axes[0].transData.transform(other))
    made.click(x, y)
    assert made.point == pytest.approx(other)
    made.click(0.999, 0.5)  # beside the axes: nothing changes
    assert made.point == pytest.approx(other)
