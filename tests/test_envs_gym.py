"""The worlds behind gymnasium's interfaces."""

import warnings

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium.utils.env_checker import check_env
from gymnasium.utils.env_match import check_environments_match
from gymnasium.vector import AutoresetMode

from saw_edu.envs import GridMaze, MazeEnv, MazeVectorEnv, PointMaze, picture
from saw_edu.envs.gym import IDS
from saw_edu.envs.maze.render import AGENT, GOAL, WALL

WORLDS = [
    *(PointMaze("medium", 1.0, features) for features in ("position", "scaled", "fourier")),
    *(GridMaze("medium", 0.1, features) for features in ("onehot", "position", "scaled", "fourier")),
    PointMaze("teleport", 1.0),
    PointMaze("u-turn", 1.0, features="pixels"),
    GridMaze("u-turn", features="pixels"),
]


@pytest.mark.parametrize("world", WORLDS, ids=repr)
def test_gymnasiums_own_checker(world) -> None:
    name = IDS[not world.spec.discrete]
    dynamics = {"slip": world.slip} if world.spec.discrete else {"step_size": world.step_size}
    settings = {"layout": world.maze.name, "features": world.features, **dynamics}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(gymnasium.make(name, render_mode="rgb_array", **settings).unwrapped)


@pytest.mark.parametrize("name", IDS[:2])
def test_registered_ids(name: str) -> None:
    env = gymnasium.make(name, layout="large", render_mode="rgb_array")
    check_env(env.unwrapped)
    check_environments_match(env, gymnasium.make(name, layout="large", render_mode="rgb_array"), num_steps=50)
    assert env.unwrapped.world.maze.name == "large"
    many = gymnasium.make_vec(name, num_envs=3, layout="large")
    assert isinstance(many.unwrapped, MazeVectorEnv)
    one_by_one = gymnasium.make_vec(name, num_envs=3, vectorization_mode="sync", layout="large")
    assert many.observation_space == one_by_one.observation_space
    assert many.action_space == one_by_one.action_space


@pytest.mark.parametrize("world", WORLDS, ids=repr)
def test_observations_stay_in_their_space_under_random_actions(world) -> None:
    many = MazeVectorEnv(world, 64)
    many.action_space.seed(0)
    observations, _ = many.reset(seed=0)
    assert observations in many.observation_space
    ended = 0
    for _ in range(300):
        observations, rewards, terminated, truncated, infos = many.step(many.action_space.sample())
        assert observations in many.observation_space
        assert rewards.shape == terminated.shape == truncated.shape == infos["success"].shape == (64,)
        assert rewards.dtype == np.float64
        assert not (terminated & truncated).any()
        ended += int((terminated | truncated).sum())
    assert ended > 0


@pytest.mark.parametrize("world", [PointMaze("medium", 1.0, max_steps=40), GridMaze("medium", max_steps=12)], ids=repr)
def test_many_environments_are_the_single_one_many_times(world) -> None:
    """Deterministic worlds, given starts and goals: every number equals that of gymnasium's own SyncVectorEnv."""
    num = 6
    g = torch.Generator().manual_seed(1)
    starts, goals = world.sample_states(num, g), world.sample_states(num, g)
    many = MazeVectorEnv(world, num)
    singles = [MazeEnv(world) for _ in range(num)]
    batch, _ = many.reset(seed=0, options={"start": starts, "goal": goals})
    for i, env in enumerate(singles):
        observation, _ = env.reset(seed=0, options={"start": starts[i], "goal": goals[i]})
        assert np.array_equal(observation["goal"], batch["goal"][i])
    alive = np.ones(num, bool)
    states = starts
    endings = set()
    while alive.any():
        actions = world.oracle(states, goals)
        actions[::2] = actions[::2] * 0  # every second one stands still, so that some episodes are cut off
        batch, rewards, terminated, truncated, infos = many.step(actions.numpy())
        for i in np.nonzero(alive)[0]:
            observation, reward, end, cut, info = singles[i].step(actions[i].numpy())
            assert np.array_equal(observation["observation"], batch["observation"][i])
            assert (reward, end, cut) == (rewards[i], terminated[i], truncated[i])
            assert info == {"success": infos["success"][i], "distance": infos["distance"][i]}
            endings |= {(end, cut)}
        alive &= ~(terminated | truncated)
        # an ended environment starts a new episode elsewhere; its oracle's action no longer matters
        states = world.states_of(torch.as_tensor(batch["observation"]))
    assert endings == {(False, False), (True, False), (False, True)}


def test_pictures_are_observed_as_they_are() -> None:
    world = GridMaze("u-turn", features="pixels")
    start, goal, after = world.observe(torch.tensor([[1, 1], [1, 3], [1, 2]])).numpy()
    for env in (MazeEnv(world), MazeVectorEnv(world, 1)):
        options = {"start": [1, 1], "goal": [1, 3]}
        seen, _ = env.reset(seed=0, options=options)
        moved, *_ = env.step(4 if isinstance(env, MazeEnv) else np.array([4]))
        space = gymnasium.spaces.Box(0, 255, (20, 24, 3), np.uint8)
        assert getattr(env, "single_observation_space", env.observation_space)["goal"] == space
        assert seen in env.observation_space
        assert moved in env.observation_space
        for given, expected in ((seen["observation"], start), (seen["goal"], goal), (moved["observation"], after)):
            assert np.array_equal(given.reshape(20, 24, 3), expected)


def test_an_ended_episode_is_reset_by_the_next_step() -> None:
    world = GridMaze("u-turn")
    many = MazeVectorEnv(world, 2)
    assert many.metadata["autoreset_mode"] is AutoresetMode.NEXT_STEP
    options = {"start": torch.tensor([[1, 1], [3, 1]]), "goal": torch.tensor([[1, 2], [1, 1]])}
    many.reset(seed=0, options=options)
    right = np.array([4, 0])
    _, rewards, terminated, _, _ = many.step(right)
    assert (rewards.tolist(), terminated.tolist()) == ([1, 0], [True, False])
    batch, rewards, terminated, truncated, infos = many.step(right)
    assert (rewards.tolist(), terminated.tolist(), truncated.tolist()) == ([0, 0], [False] * 2, [False] * 2)
    assert not infos["success"].any()
    start = world.states_of(torch.as_tensor(batch["observation"]))
    assert any(start[0].tolist() == list(task[0]) for task in world.maze.tasks), "a fresh task, its action ignored"
    assert start[1].tolist() == [3, 1], "the other one goes on"


def test_seeds_decide_everything() -> None:
    for make in (lambda: MazeEnv(GridMaze("large", 0.3)), lambda: MazeVectorEnv(PointMaze("teleport", 1.0), 5)):
        runs = []
        for seed in (7, 7, 8):
            env = make()
            env.action_space.seed(0)
            seen = [env.reset(seed=seed)[0]["observation"]]
            seen += [env.step(env.action_space.sample())[0]["observation"] for _ in range(50)]
            runs.append(np.stack(seen))
        assert np.array_equal(runs[0], runs[1])
        assert not np.array_equal(runs[0], runs[2])


def test_tasks_and_masks() -> None:
    world = PointMaze("large")
    many = MazeVectorEnv(world, 5)
    batch, infos = many.reset(seed=0, options={"task_id": [1, 2, 3, 4, 5]})
    assert infos["distance"].tolist() == [15, 19, 12, 14, 15]
    mask = np.array([True, False, False, False, False])
    after, infos = many.reset(options={"task_id": 2, "reset_mask": mask})
    assert infos["distance"].tolist() == [19, 19, 12, 14, 15]
    assert np.array_equal(after["observation"][1:], batch["observation"][1:])
    env = MazeEnv(world)
    assert env.reset(seed=1, options={"task_id": 2})[1]["distance"] == 19
    for wrong, says in (
        ({"task_id": 6}, "between 1 and 5"),
        ({"start": [0, 0]}, "both"),
        ({"start": [-4, 0], "goal": [0, 0]}, "free space"),
    ):
        with pytest.raises(ValueError, match=says):
            env.reset(options=wrong)
    with pytest.raises(RuntimeError, match="reset"):
        MazeEnv(world).step(np.zeros(2, np.float32))


def test_picture_shows_what_is_where() -> None:
    world = GridMaze("u-turn")
    image = picture(world, torch.tensor([1, 1]), torch.tensor([3, 4]), cell_pixels=20)
    assert image.shape == (5 * 20, 6 * 20, 3)
    assert image.dtype == np.uint8

    def pixel(row: int, column: int, right: float = 0.5) -> tuple[int, ...]:
        return tuple(image[image.shape[0] - 1 - int((row + 0.5) * 20), int((column + right) * 20)])

    assert pixel(0, 0) == WALL
    assert pixel(1, 1) == AGENT
    assert pixel(3, 4, right=0.73) == GOAL
    assert pixel(3, 4) not in (WALL, AGENT, GOAL), "the goal is a ring: an agent inside it can be seen"


def test_a_render_mode_that_is_not_there_is_refused() -> None:
    for make in (MazeEnv, MazeVectorEnv):
        with pytest.raises(ValueError, match="render_mode is None or 'rgb_array', got 'human'"):
            make(GridMaze("u-turn"), render_mode="human")


def test_a_number_that_is_no_action_is_refused() -> None:
    single, many = MazeEnv(GridMaze("u-turn")), MazeVectorEnv(GridMaze("u-turn"), 2)
    single.reset(seed=0)
    many.reset(seed=0)
    for wrong in (-1, 5):
        with pytest.raises(ValueError, match="from 0 to 4"):
            single.step(wrong)
        with pytest.raises(ValueError, match="from 0 to 4"):
            many.step(np.array([0, wrong]))
