"""Mazes and worlds against known answers."""

import time

import numpy as np
import pytest
import torch
from scipy import stats

from saw_edu.data import Trajectories
from saw_edu.envs import ACTIONS, GridMaze, Maze, PointMaze, World, layout_names, navigate, random_walk
from saw_edu.envs.maze.features import WAVELENGTHS, PositionFeatures
from saw_edu.envs.maze.point import RADIUS

OGBENCH = ("arena", "medium", "large", "giant", "teleport")
LAYOUTS = layout_names()


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def brute_force_distances(walls: np.ndarray, goal: tuple[int, int]) -> np.ndarray:
    """Relax d(cell) = 1 + min d(neighbour) until nothing changes: slow, and nothing like the library's way."""
    distances = np.where(walls, np.inf, np.inf)
    distances[goal] = 0
    while True:
        around = [np.roll(distances, shift, axis) for shift in (-1, 1) for axis in (0, 1)]
        better = np.where(walls, np.inf, np.minimum(distances, 1 + np.minimum.reduce(around)))
        if np.array_equal(better, distances):
            return np.where(np.isinf(better), -1, better).astype(int)
        distances = better


# --- mazes
@pytest.mark.parametrize("layout", LAYOUTS)
def test_distances_equal_brute_force(layout: str) -> None:
    maze = Maze.named(layout)
    for row, column in maze.free_cells[::3]:
        assert np.array_equal(maze.bfs((row, column)), brute_force_distances(maze.walls, (row, column)))


@pytest.mark.parametrize("layout", LAYOUTS)
def test_next_cell_is_one_step_nearer(layout: str) -> None:
    maze = Maze.named(layout)
    pairs, here = maze.all_pairs, np.arange(len(maze.free_cells))[:, None]
    onward = np.take_along_axis(pairs, maze.next_cell, 0)
    walk = pairs > 0
    assert (onward[walk] == pairs[walk] - 1).all()
    assert (pairs[np.broadcast_to(here, pairs.shape), maze.next_cell][walk] == 1).all()
    assert (maze.next_cell == here)[~walk].all(), "no path, or already there: stay"


def test_a_maze_drawn_by_hand() -> None:
    maze = Maze.from_rows(["#####", "#...#", "###.#", "#...#", "#####"])
    assert maze.bfs((1, 1)).tolist()[1] == [-1, 0, 1, 2, -1]
    assert maze.bfs((1, 1))[3].tolist() == [-1, 6, 5, 4, -1]
    assert maze.diameter == 6
    assert maze.cell_to_xy(np.array([1, 1])).tolist() == [0, 0]
    assert maze.cell_to_xy(np.array([3, 2])).tolist() == [4, 8]
    assert maze.xy_to_cell(np.array([5.9, 6.1])).tolist() == [3, 2]
    assert maze.xy_to_cell(torch.tensor([[-5.0, 0.0]])).tolist() == [[1, 0]]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_cells_and_positions_are_inverse(layout: str) -> None:
    maze = Maze.named(layout)
    cells = torch.as_tensor(maze.free_cells)
    assert torch.equal(maze.xy_to_cell(maze.cell_to_xy(cells)), cells)
    left, right, bottom, top = maze.extent
    assert (right - left, top - bottom) == (maze.walls.shape[1] * 4, maze.walls.shape[0] * 4)
    centres = maze.cell_to_xy(maze.free_cells)
    assert centres[:, 0].min() > left + 4
    assert centres[:, 1].max() < top - 4


def test_layouts_and_tasks_are_ogbenchs() -> None:
    locomaze = pytest.importorskip("ogbench.locomaze.maze", exc_type=ImportError)
    for layout in OGBENCH:
        env, maze = locomaze.make_maze_env("point", "maze", maze_type=layout), Maze.named(layout)
        assert np.array_equal(env.maze_map == 1, maze.walls)
        assert [(task["init_ij"], task["goal_ij"]) for task in env.task_infos] == list(maze.tasks)
        start, goal = maze.tasks[0]
        assert env.ij_to_xy(goal) == tuple(maze.cell_to_xy(np.array(goal)))
        subgoal, bfs = env.get_oracle_subgoal(env.ij_to_xy(start), env.ij_to_xy(goal))
        assert np.array_equal(bfs, maze.bfs(goal))
        onward = maze.free_cells[maze.next_cell[maze.index[start], maze.index[goal]]]
        assert subgoal.tolist() == maze.cell_to_xy(onward).tolist()
        if env._teleport_info:
            assert tuple(env._teleport_info["teleport_in_ijs"]) == maze.teleport_in
            assert tuple(env._teleport_info["teleport_out_ijs"]) == maze.teleport_out


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: Maze.named("gigantic"), "unknown layout 'gigantic'.*giant"),
        (lambda: Maze.from_rows(["###", "#.", "###"]), "equally long"),
        (lambda: Maze.from_rows(["###", "#..", "###"]), "border"),
        (lambda: Maze.from_rows(["###", "###"]), "free cell"),
        (lambda: Maze.from_rows(["####", "#..#", "####"], tasks=(((1, 1), (0, 0)),)), r"\(0, 0\)"),
        (lambda: Maze.named("medium").bfs((0, 0)), "not a free cell"),
        (lambda: GridMaze("medium", slip=1.5), "probability"),
        (lambda: GridMaze("medium", features="smell"), "unknown features 'smell'"),
        (lambda: PointMaze("medium", step_size=3), "step_size"),
        (lambda: PointMaze("medium").distances(torch.tensor([[-4.0, 0.0]]), torch.zeros(1, 2)), "free space"),
        (lambda: GridMaze().oracle(torch.tensor([[99, 1]]), torch.tensor([[1, 1]])), "free space"),
        (lambda: GridMaze(slip=0.1).step(torch.tensor([[1, 1]]), torch.tensor([0])), "torch.Generator"),
        (lambda: PointMaze("teleport").step(torch.zeros(1, 2), torch.zeros(1, 2)), "torch.Generator"),
        (lambda: navigate(PointMaze("arena"), 1, 1), "generator"),
        (lambda: navigate(PointMaze("arena"), 0, 1, generator=generator()), "at least one"),
    ],
)
def test_mistakes_are_explained(make, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        make()


# --- point maze
def wall_overlap(maze: Maze, states: torch.Tensor) -> float:
    """The deepest overlap of a body (a square of half-width RADIUS) with any wall, by trying every wall."""
    centres = maze.cell_to_xy(torch.as_tensor(np.argwhere(maze.walls))).float()
    gap = (states[:, None] - centres).abs().amax(-1) - (maze.cell_size / 2 + RADIUS)
    return float(-gap.min())


@pytest.mark.parametrize(
    ("layout", "step_size"), [("giant", 0.2), ("giant", 1.0), ("medium", 2.6), ("four-rooms", 1.0)]
)
def test_a_point_never_enters_a_wall(layout: str, step_size: float) -> None:
    world, g = PointMaze(layout, step_size), generator()
    states = world.sample_states(512, g)
    for step in range(2000):
        if step % 20 == 0:  # held directions press into walls and corners; every fourth time along an axis
            actions = 1.5 * torch.randn(512, 2, generator=g)
            actions[::4, step // 20 % 2] = 0
        states = world.step(states, actions)
        if step % 10 == 0:
            assert wall_overlap(world.maze, states) < 2e-3
    assert torch.unique(world.index(states)).numel() > 20, "the points did wander"


def test_walls_stop_and_let_slide() -> None:
    world = PointMaze(Maze.from_rows(["#####", "#...#", "#####"]), step_size=1.0)
    states = torch.tensor([[0.0, 0.0]])
    for _ in range(5):
        states = world.step(states, torch.tensor([[0.3, 1.0]]))
    assert states[0].tolist() == pytest.approx([1.5, 1.3])  # the wall is at y = 2, the body reaches 0.7 ahead
    assert world.step(states, torch.tensor([[9.0, 0.0]]))[0].tolist() == pytest.approx([2.5, 1.3]), (
        "actions are clipped"
    )


def test_free_motion_equals_ogbenchs_and_walls_hold_as_there() -> None:
    locomaze = pytest.importorskip("ogbench.locomaze.maze", exc_type=ImportError)
    env = locomaze.make_maze_env("point", "maze", maze_type="giant")
    world, draws = PointMaze("giant"), np.random.default_rng(0)
    env.reset()
    free = pressed = 0
    for start in world.sample_states(40, generator()):
        state, action = start[None], torch.as_tensor(draws.uniform(-1, 1, 2), dtype=torch.float32)
        env.set_xy(start.numpy())
        for steps in range(1, 21):
            theirs = env.step(action.numpy())[0]
            state = world.step(state, action[None])
            unhindered = torch.allclose(state[0] - start, action * 0.2 * steps, atol=1e-4)
            if unhindered:  # as far as our own walls are concerned
                free += 1
                assert np.abs(state[0].numpy() - theirs).max() < 1e-4
            elif wall_overlap(world.maze, start[None]) < 0 and _is_flat_contact(world, state):
                pressed += 1
                assert np.abs(state[0].numpy() - theirs).max() < 0.06, "MuJoCo's walls give way by about 0.05"
            else:
                break  # at a corner the square body and the ball part ways
    assert free > 400
    assert pressed > 10


def _is_flat_contact(world: PointMaze, state: torch.Tensor) -> bool:
    """Whether the body is well inside its own row or column of cells, so that no corner is near."""
    offset = (state - world.maze.cell_to_xy(world.cells(state)).float()).abs()
    return bool((offset <= 1.301).all())


def test_success_and_patience_are_ogbenchs() -> None:
    world = PointMaze("giant")
    goals = torch.zeros(3, 2)
    states = torch.tensor([[1.0, 0.0], [0.8, 0.8], [0.6, -0.6]])
    assert world.reached(states, goals).tolist() == [True, False, True]
    assert (world.max_steps, PointMaze("giant", 1.0).max_steps) == (1000, 200)


def test_teleports() -> None:
    g = generator()
    world, plain = PointMaze("teleport"), PointMaze("teleport", teleports=False)
    gate = world.maze.cell_to_xy(torch.tensor(world.maze.teleport_in)).float()[0]
    states = (gate + torch.tensor([0.0, 1.45])).repeat(6000, 1)
    after = world.step(states, torch.zeros(6000, 2), g)
    exits, counts = torch.unique(world.cells(after), dim=0, return_counts=True)
    assert {tuple(cell) for cell in exits.tolist()} == set(world.maze.teleport_out)
    assert stats.chisquare(counts).pvalue > 1e-3
    away = gate + torch.tensor([[0.0, 1.55]])
    assert torch.equal(world.step(away, torch.zeros(1, 2), g), away)
    assert torch.equal(plain.step(states, torch.zeros(6000, 2)), states)


def test_the_batched_point_maze_is_fast() -> None:
    """A bound that only a Python loop over worlds, or work of the order of the maze, would miss."""
    world, g = PointMaze("giant"), generator()
    states, actions = world.sample_states(4096, g), world.sample_actions(4096, g)
    best = 0.0
    for _ in range(5):
        start = time.perf_counter()
        for _ in range(20):
            states = world.step(states, actions)
        best = max(best, 20 * 4096 / (time.perf_counter() - start))
    assert best > 1e6, f"{best:,.0f} steps a second; about 14 million on an idle core"


# --- grid maze
def test_grid_moves_are_as_drawn() -> None:
    world = GridMaze("arena")
    states = torch.tensor([[2, 2]]).repeat(5, 1)
    after = world.step(states, torch.arange(5))
    moved = dict(zip(ACTIONS, (world.xy(after) - world.xy(states)).tolist(), strict=True))
    assert moved == {"stay": [0, 0], "up": [0, 4], "down": [0, -4], "left": [-4, 0], "right": [4, 0]}
    corner = torch.tensor([[1, 1]])
    assert world.step(corner, torch.tensor([2])).tolist() == [[1, 1]], "a wall changes nothing"


def test_transitions_are_what_step_does() -> None:
    world, g = GridMaze("medium", slip=0.4), generator(3)
    table = world.transitions()
    assert torch.allclose(table.sum(-1), torch.ones(table.shape[:2], dtype=torch.float64))
    cell, action, num = 11, 1, 20_000
    start = torch.as_tensor(world.maze.free_cells[cell]).repeat(num, 1)
    after = world.index(world.step(start, torch.full((num,), action), g))
    seen = torch.bincount(after, minlength=table.shape[-1]).numpy()
    expected = table[cell, action].numpy() * num
    assert seen[expected == 0].sum() == 0
    assert stats.chisquare(seen[expected > 0], expected[expected > 0]).pvalue > 1e-3
    assert (expected > 0).sum() > 2, "the cell was chosen so that slipping shows"


def test_slip_rate() -> None:
    """Pressing 'stay' shows every slip from a cell that is free all round: the rate is the slip itself."""
    world, num = GridMaze("arena", slip=0.3), 20_000
    start = torch.tensor([[3, 3]]).repeat(num, 1)
    after = world.step(start, torch.zeros(num, dtype=torch.long), generator(5))
    slipped = int((after != start).any(-1).sum())
    assert stats.binomtest(slipped, num, 0.3).pvalue > 1e-3


# --- all worlds
def worlds() -> list[World]:
    points = [PointMaze(name, size, teleports=False) for name in LAYOUTS for size in (0.2, 1.0)]
    return [*points, *(GridMaze(name) for name in LAYOUTS)]


def roll_out(world: World, states: torch.Tensor, goals: torch.Tensor, g: torch.Generator) -> torch.Tensor:
    done = world.reached(states, goals)
    for _ in range(world.max_steps):
        states = torch.where(done[:, None], states, world.step(states, world.oracle(states, goals), g))
        done = done | world.reached(states, goals)
        if done.all():
            break
    return done


@pytest.mark.parametrize("world", worlds(), ids=repr)
def test_the_oracle_reaches_everything(world: World) -> None:
    g = generator()
    assert isinstance(world, World)
    starts, goals, tasks = world.task_states(repeats=8, generator=g)
    assert tasks.tolist() == [task for task in range(1, len(world.maze.tasks) + 1) for _ in range(8)]
    assert len(world.maze.tasks) == (1 if world.maze.name == "arena" else 5)
    assert roll_out(world, starts, goals, g).all()
    assert roll_out(world, world.sample_states(500, g), world.sample_states(500, g), g).all()


def test_the_oracle_frees_a_point_wedged_anywhere() -> None:
    """Noise and random pushes lead to odd places: right in corners, across cell borders."""
    world, g = PointMaze("giant", 1.0), generator()
    states = world.sample_states(2000, g)
    push = torch.randn(2000, 2, generator=g)
    for _ in range(30):
        states = world.step(states, push)
    assert roll_out(world, states, world.sample_states(2000, g), g).all()


@pytest.mark.parametrize("world", [PointMaze("giant"), GridMaze("large")], ids=repr)
def test_samples_are_uniform_over_cells(world) -> None:
    states = world.sample_states(43_000, generator())
    cells = torch.bincount(world.index(states), minlength=len(world.maze.free_cells))
    assert stats.chisquare(cells).pvalue > 1e-3
    jitter = (world.xy(states) - world.maze.cell_to_xy(world.cells(states))).abs().max()
    assert jitter <= 1.0


def test_unreachable_goals() -> None:
    world = PointMaze("teleport", teleports=False)
    island = world.maze.cell_to_xy(torch.tensor([[1, 7]])).float()
    start = world.maze.cell_to_xy(torch.tensor([[1, 1]])).float()
    assert torch.isinf(world.distances(start, island)).all()
    assert torch.equal(world.oracle(start, island), torch.zeros(1, 2))
    assert world.index(island)[0] not in world.index(world.sample_states(5000, generator()))


# --- features
def test_fourier_features() -> None:
    maze = Maze.named("giant")
    features = PositionFeatures(maze, "fourier")
    assert features.dim == 22
    # the giant maze is 64 x 48 units from (-6, -6): its middle is (26, 18)
    middle, edge = features(torch.tensor([[26.0, 18.0], [58.0, 42.0]]))
    assert middle[:2].tolist() == [0, 0]
    assert edge[:2].tolist() == [1, 0.75]
    x, y = 26.0, 18.0
    expected = [np.sin(2 * np.pi * v / length) for v in (x, y) for length in WAVELENGTHS]
    expected += [np.cos(2 * np.pi * v / length) for v in (x, y) for length in WAVELENGTHS]
    assert middle[2:].tolist() == pytest.approx(expected, abs=1e-5)
    assert WAVELENGTHS == (64, 32, 16, 8, 5)


@pytest.mark.parametrize("features", ["position", "scaled", "fourier", "onehot"])
def test_observations_can_be_read_back(features: str) -> None:
    made: list[World] = [GridMaze("large", features=features)]
    if features != "onehot":
        made.append(PointMaze("large", features=features))
    for world in made:
        states = world.sample_states(200, generator())
        observations = world.observe(states)
        assert observations.shape == (200, world.spec.observation_dim)
        assert observations.dtype == torch.float32
        assert torch.allclose(world.states_of(observations).float(), states.float(), atol=1e-4)
        assert torch.equal(world.states_at(world.xy(states)), states)


# --- data
@pytest.mark.parametrize("world", [PointMaze("large", 1.0, "fourier"), GridMaze("large", slip=0.1)], ids=repr)
@pytest.mark.parametrize("collect", [navigate, random_walk])
def test_collected_data(world, collect) -> None:
    data = collect(world, episodes=7, length=50, generator=generator(1))
    assert isinstance(data, Trajectories)
    assert data.compact
    assert data.episode_ends.tolist() == [51 * (i + 1) for i in range(7)]
    assert data.observations.shape == (7 * 51, world.spec.observation_dim)
    assert data.discrete == world.spec.discrete
    if data.discrete:
        assert data.actions.min() >= 0
        assert data.actions.max() < world.spec.action_dim
    else:
        assert data.actions.abs().max() <= 1
    again = collect(world, episodes=7, length=50, generator=generator(1))
    other = collect(world, episodes=7, length=50, generator=generator(2))
    assert torch.equal(data.observations, again.observations)
    assert torch.equal(data.actions, again.actions)
    assert not torch.equal(data.observations, other.observations)


def test_rows_follow_from_their_actions() -> None:
    world = PointMaze("large", 1.0)
    data = navigate(world, 5, 40, generator=generator())
    rows = data.start_rows
    after = world.step(data.observations[:-1], data.actions[:-1])
    inner = torch.ones(len(data.observations) - 1, dtype=torch.bool)
    inner[data.episode_ends[:-1] - 1] = False
    assert torch.allclose(after[inner], data.observations[1:][inner])
    assert len(rows) == 5 * 40


def test_navigate_travels_and_random_walk_does_not() -> None:
    world = PointMaze("giant", 1.0)

    def mean_distance(data: Trajectories) -> float:
        ends = data.episode_ends
        return float(world.distances(data.observations[ends - 150], data.observations[ends - 1]).mean())

    noiseless = navigate(world, 100, 149, 0.0, generator())
    assert noiseless.actions.norm(dim=-1).max() < 1 + 1e-5
    assert mean_distance(navigate(world, 100, 149, 0.5, generator())) > 8
    assert mean_distance(random_walk(world, 100, 149, generator())) < 4


def test_exploration_noise_has_its_size() -> None:
    point, grid, g = PointMaze("arena"), GridMaze("arena"), generator()
    noisy = point.perturb(torch.zeros(20_000, 2), 0.25, g)
    assert noisy.std().item() == pytest.approx(0.25, rel=0.03)
    changed = int((grid.perturb(torch.zeros(20_000, dtype=torch.long), 0.5, g) != 0).sum())
    assert stats.binomtest(changed, 20_000, 0.5 * 0.8).pvalue > 1e-3  # one random action in five is no change
