"""What every world promises, whichever it is: a new one joins `WORLDS` and is tested here."""

import inspect
from collections.abc import Callable

import pytest
import torch

import saw_edu.envs
from saw_edu.envs import Expert, GridMaze, Objects, Playable, PointMaze, TinyPacking, World
from saw_edu.rollouts import evaluate

WORLDS: dict[str, Callable[[], World]] = {
    "point maze": lambda: PointMaze("medium", 1.0, "fourier"),
    "grid maze": lambda: GridMaze("medium", slip=0.2),
    "pixel maze": lambda: GridMaze("medium", features="pixels"),
    "packing": TinyPacking,
    "objects": Objects,
}
FEW = 64


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture(params=WORLDS)
def world(request: pytest.FixtureRequest) -> World:
    return WORLDS[request.param]()


def test_every_world_is_on_the_list() -> None:
    public = [getattr(saw_edu.envs, name) for name in saw_edu.envs.__all__]
    classes = {item for item in public if inspect.isclass(item) and not getattr(item, "_is_protocol", False)}
    there = {item for item in classes if all(hasattr(item, name) for name in ("observe", "step", "reached"))}
    tested = {type(make()) for make in WORLDS.values()}
    assert {item for item in there if not item.__subclasses__()} <= tested, "a new world: put it on the list"


def test_observations_are_what_the_world_says(world: World) -> None:
    assert isinstance(world, World)
    states = world.sample_states(FEW, generator())
    observations = world.observe(states)
    if world.spec.image is not None:
        assert observations.shape == (FEW, *world.spec.image)
        assert observations.dtype == torch.uint8
    else:
        assert observations.shape == (FEW, world.spec.observation_dim)
        assert observations.dtype == torch.float32
    if isinstance(world, Playable):
        low, high = world.observation_bounds
        assert ((observations >= low) & (observations <= high)).all()


def test_a_step_is_a_function_of_what_it_is_given(world: World) -> None:
    states, actions = world.sample_states(FEW, generator()), world.sample_actions(FEW, generator(1))
    before = states.clone()
    after = world.step(states, actions, generator(2))
    assert after.shape == states.shape
    assert after.dtype == states.dtype
    assert torch.equal(states, before), "what is given is not changed"
    assert torch.equal(world.step(states, actions, generator(2)), after), "one seed, one result"
    assert torch.equal(world.sample_states(FEW, generator()), states)


def test_random_actions_fit_the_spec_and_stay_in_the_world(world: World) -> None:
    states, g = world.sample_states(FEW, generator()), generator(3)
    for _ in range(20):
        actions = world.sample_actions(FEW, g)
        if world.spec.discrete:
            assert 0 <= int(actions.min()) <= int(actions.max()) < world.spec.action_dim
        else:
            assert actions.shape == (FEW, world.spec.action_dim)
            assert actions.abs().max() <= 1
        states = world.step(states, actions, g)
    observations = world.observe(states)
    assert torch.isfinite(observations.float()).all()


def test_a_goal_is_reached_where_it_is(world: World) -> None:
    states = world.sample_states(FEW, generator())
    reached = world.reached(states, states)
    assert reached.dtype == torch.bool
    assert reached.all()
    if isinstance(world, Playable):
        starts, goals, tasks = world.task_states(2, generator())
        assert len(starts) == len(goals) == len(tasks)
        assert tasks.unique().tolist() == list(range(1, int(tasks.max()) + 1))
        assert not world.reached(starts, goals).any(), "a task begins away from its goal"
        assert torch.isfinite(world.distances(starts, goals)).all(), "and can be done"
        picture = world.picture(starts[0], goals[0])
        assert picture.ndim == 3
        assert picture.shape[2] == 3


def test_an_expert_does_its_tasks_in_time(world: World) -> None:
    if not (isinstance(world, Expert) and isinstance(world, Playable)):
        pytest.skip("no expert is claimed")
    starts, goals, _ = world.task_states(8, generator())
    states = starts.clone()
    g, done = generator(4), world.reached(starts, goals)
    for _ in range(world.max_steps):
        moved = world.step(states, world.oracle(states, goals), g)
        states = torch.where(done.reshape(-1, *[1] * (states.dim() - 1)), states, moved)
        done = done | world.reached(states, goals)
    assert done.all()


def test_roll_outs_take_any_world(world: World) -> None:
    starts, goals = world.sample_states(FEW, generator()), world.sample_states(FEW, generator(1))
    own = generator(5)

    def random(observations: torch.Tensor, goals: torch.Tensor) -> torch.Tensor:
        return world.sample_actions(len(observations), own)

    found = evaluate([random], world, starts, goals, generator=generator(6), max_steps=5, progress=False)
    assert len(found.episodes) == FEW
