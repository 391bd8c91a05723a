"""Roll-outs: policies with memory, worlds of any state shape, Gymnasium environments; and two levels over them."""

import gymnasium
import numpy as np
import pandas as pd
import pytest
import torch
from gymnasium.vector import AutoresetMode
from torch import Tensor

from saw_edu.agents import GCBC, Policy
from saw_edu.data import Spec
from saw_edu.envs import GridMaze, MazeVectorEnv, PointMaze
from saw_edu.hierarchy import EveryN, OnEvent, StuckDetector, TwoLevels, WhenDone, WhenDoneOrTimeout
from saw_edu.rollouts import evaluate, evaluate_env, map_memory, reset_memory


class Lights:
    """A world whose states are tables (B, 2, 3) of lights; action i toggles light i of the first row."""

    spec = Spec(6, 3, discrete=True)
    max_steps = 5

    def observe(self, states: Tensor) -> Tensor:
        return states.flatten(1).float()

    def step(self, states: Tensor, actions: Tensor, generator: torch.Generator | None = None) -> Tensor:
        after = states.clone()
        after[torch.arange(len(states)), 0, actions] ^= 1
        return after

    def reached(self, states: Tensor, goal_states: Tensor) -> Tensor:
        return (states == goal_states).flatten(1).all(1)

    def sample_states(self, num: int, generator: torch.Generator) -> Tensor:
        return torch.randint(2, (num, 2, 3), generator=generator)

    def sample_actions(self, num: int, generator: torch.Generator) -> Tensor:
        return torch.randint(3, (num,), generator=generator)


class Counting:
    """Toggles light 0, then 1, then 2: it has to remember how far it is."""

    temperature = 0.5

    def begin(self, batch: int) -> Tensor:
        return torch.zeros(batch, dtype=torch.long)

    def act(self, observations: Tensor, goals: Tensor, memory: Tensor) -> tuple[Tensor, Tensor]:
        return memory % 3, memory + 1


def lights() -> tuple[Tensor, Tensor]:
    """From all off to: one lit, two lit, all lit, and one that counting never gives alone."""
    goals = torch.zeros(4, 2, 3, dtype=torch.long)
    goals[0, 0, 0] = goals[3, 0, 1] = 1
    goals[1, 0, :2] = goals[2, 0] = 1
    return torch.zeros_like(goals), goals


def test_a_policy_with_memory_acts_in_a_world_of_any_state_shape() -> None:
    policy, (starts, goals) = Counting(), lights()
    for _ in range(2):  # the same object twice: memory belongs to the roll-out
        found = evaluate([policy, policy], Lights(), starts, goals, seeds=[7, 3], keep_trace=True, progress=False)
        assert found.episodes["seed"].tolist() == [7] * 4 + [3] * 4
        assert found.episodes["success"].tolist() == [1, 1, 1, 0] * 2
        assert found.episodes["steps"].tolist() == [1, 2, 3, 5] * 2
        assert found.episodes["temperature"].unique().tolist() == [0.5]
        assert found.episodes["distance"].isna().all()
    assert found.paths is not None
    assert found.paths.shape == (2, 4, 6, 2, 3)
    assert found.actions is not None
    assert found.actions[0, 0].tolist() == [0, 1, 2, 0, 1]
    assert found.memories is not None
    assert found.memories[1][2].tolist() == [1, 2, 3, 4, 5]
    with pytest.raises(ValueError, match="as many seeds as policies"):
        evaluate([policy], Lights(), starts, goals, seeds=[1, 2])


def test_trees_of_memory_are_mapped_and_reset_row_by_row() -> None:
    fresh = {"a": torch.zeros(3), "b": (torch.zeros(3, 2), [torch.zeros(3, dtype=torch.long)])}
    old = map_memory(lambda x: x + 5, fresh)
    mask = torch.tensor([True, False, True])
    found = reset_memory(mask, fresh, old)
    assert found["a"].tolist() == [0, 5, 0]
    assert found["b"][0].tolist() == [[0, 0], [5, 5], [0, 0]]
    assert found["b"][1][0].tolist() == [0, 5, 0]
    assert map_memory(lambda x: x, None) is None


# Gymnasium


class Oracle:
    """The maze's own controller, as a policy that also counts its steps."""

    def __init__(self, world: GridMaze) -> None:
        self.world = world

    def begin(self, batch: int) -> Tensor:
        return torch.zeros(batch)

    def act(self, observations: Tensor, goals: Tensor, memory: Tensor) -> tuple[Tensor, Tensor]:
        world = self.world
        late = memory >= 3  # the first three steps are wasted in every episode: only a reset memory does that again
        actions = world.oracle(world.states_of(observations), world.states_of(goals))
        return torch.where(late, actions, 0), memory + 1


def test_a_vector_environment_gives_what_the_world_gives() -> None:
    world = GridMaze("u-turn")
    env = MazeVectorEnv(world, num_envs=3)
    starts, goals, _ = world.task_states(1)
    for task in (1, 2):
        one = slice(task - 1, task)
        direct = evaluate([Oracle(world)], world, starts[one], goals[one], progress=False).episodes
        found = evaluate_env([Oracle(world)] * 2, env, 7, options={"task_id": task}, seeds=[4, 5], progress=False)
        assert len(found.episodes) == 2 * 9  # whole rounds
        assert found.episodes["seed"].unique().tolist() == [4, 5]
        assert found.episodes["success"].eq(1).all()
        assert found.episodes["steps"].unique().tolist() == direct["steps"].tolist()
    with pytest.raises(ValueError, match="at least one episode"):
        evaluate_env([Oracle(world)], env, 0)


def test_episodes_that_end_later_do_not_change_those_that_are_over() -> None:
    world = GridMaze("u-turn")
    env = MazeVectorEnv(world, num_envs=8)
    found = evaluate_env([Oracle(world)], env, 8, seed=3, progress=False).episodes  # tasks drawn at random
    assert found["steps"].nunique() > 1
    assert found["success"].eq(1).all()
    again = evaluate_env([Oracle(world)], env, 8, seed=3, progress=False).episodes
    assert again.equals(found)


@pytest.mark.parametrize("mode", [AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP])
def test_success_is_a_reward_where_the_environment_says_nothing(mode: AutoresetMode) -> None:
    def read(found: np.ndarray) -> tuple[Tensor, Tensor]:
        return torch.as_tensor(found), torch.as_tensor(found)

    env = gymnasium.make_vec(
        "CartPole-v1", num_envs=2, vectorization_mode="sync", vector_kwargs={"autoreset_mode": mode}
    )
    found = evaluate_env([lambda o, g: (o[:, 2] > 0).long()], env, 2, read=read, progress=False)
    assert found.episodes["success"].tolist() == [1, 1]  # every step is rewarded there
    assert (found.episodes["steps"] > 5).all()


def test_the_table_states_the_policies_temperature() -> None:
    world = GridMaze("u-turn")
    networks = GCBC(policy_hidden_dims=(4,)).networks(world.spec, torch.Generator().manual_seed(0))
    greedy, drawn = Policy(GCBC(), networks), Policy(GCBC(), networks, 1.0, torch.Generator().manual_seed(0))
    starts, goals, _ = world.task_states(1)
    episodes = evaluate([greedy, drawn], world, starts, goals, progress=False, max_steps=3).episodes
    assert episodes.groupby("seed")["temperature"].first().tolist() == [0.0, 1.0]
    plain = evaluate([lambda o, g: greedy(o, g)], world, starts, goals, progress=False, max_steps=3).episodes
    assert "temperature" not in plain.columns


# Two levels


class Line:
    """States are whole numbers (B, 1) on a line; actions 0 and 1 step down and up. Goals are reached exactly."""

    spec = Spec(1, 2, discrete=True)
    max_steps = 40

    def observe(self, states: Tensor) -> Tensor:
        return states.float()

    def step(self, states: Tensor, actions: Tensor, generator: torch.Generator | None = None) -> Tensor:
        return states + 2 * actions[:, None] - 1

    def reached(self, states: Tensor, goal_states: Tensor) -> Tensor:
        return (states == goal_states).all(1)

    def sample_states(self, num: int, generator: torch.Generator) -> Tensor:
        return torch.randint(30, (num, 1), generator=generator)

    def sample_actions(self, num: int, generator: torch.Generator) -> Tensor:
        return torch.randint(2, (num,), generator=generator)


def ahead(observations: Tensor, goals: Tensor) -> Tensor:
    """The place four steps on, or the goal."""
    return torch.minimum(observations + 4, goals)


def towards(observations: Tensor, subgoals: Tensor) -> Tensor:
    return (subgoals > observations).long()[:, 0]


def there(observations: Tensor, subgoals: Tensor) -> Tensor:
    return (observations == subgoals).all(1)


def run(policy: TwoLevels, *distances: int, max_steps: int = 40) -> tuple[pd.DataFrame, Tensor, Tensor]:
    """Episodes from 0 to each distance: their table, and the calls of the high level and of the low one."""
    goals = torch.tensor(distances)[:, None]
    starts = torch.zeros_like(goals)
    found = evaluate([policy], Line(), starts, goals, max_steps=max_steps, keep_trace=True, progress=False)
    assert found.memories is not None
    memory = found.memories[0]
    at = torch.as_tensor(found.episodes["steps"].to_numpy()) - 1
    rows = torch.arange(len(distances))
    return found.episodes, memory.high_calls[rows, at], memory.low_calls[rows, at]


@pytest.mark.parametrize("n", [1, 3, 4])
def test_every_n_steps_the_high_level_is_asked(n: int) -> None:
    episodes, high, low = run(TwoLevels(ahead, towards, EveryN(n)), 12, 5, 7)
    assert episodes["success"].tolist() == [1, 1, 1]
    assert low.tolist() == [12, 5, 7]
    assert high.tolist() == [-(-steps // n) for steps in (12, 5, 7)]


def test_when_done_the_high_level_is_asked_and_a_broken_detector_is_stuck_for_ever() -> None:
    episodes, high, _ = run(TwoLevels(ahead, towards, WhenDone(there)), 12, 6)
    assert episodes["success"].tolist() == [1, 1]
    assert high.tolist() == [3, 2]

    def never(observations: Tensor, subgoals: Tensor) -> Tensor:
        return torch.zeros(len(observations), dtype=torch.bool)

    stuck, high, _ = run(TwoLevels(ahead, towards, WhenDone(never)), 12)
    assert stuck["success"].tolist() == [0]
    assert high.tolist() == [1]
    freed, _, _ = run(TwoLevels(ahead, towards, WhenDoneOrTimeout(never, 6)), 12)
    assert freed["success"].tolist() == [1]
    assert freed["steps"].item() > 12, "it hovers around each subgoal until the time is out"


def test_an_event_asks_the_high_level() -> None:
    def at_five(observations: Tensor) -> Tensor:
        return observations[:, 0] == 5

    policy = TwoLevels(lambda o, g: torch.where(o < 5, torch.full_like(o, 9.0), g), towards, OnEvent(at_five))
    _, high, _ = run(policy, 7, 4)
    assert high.tolist() == [2, 1]


def test_each_episode_has_its_own_clock_and_a_policy_can_be_used_again() -> None:
    policy = TwoLevels(ahead, towards, WhenDone(there))
    alone = [run(policy, distance) for distance in (12, 5, 9)]
    together, high, low = run(policy, 12, 5, 9)
    assert together["steps"].tolist() == [one[0]["steps"].item() for one in alone]
    assert high.tolist() == [one[1].item() for one in alone]
    assert low.tolist() == [one[2].item() for one in alone]


def test_subgoals_may_be_words_or_trees() -> None:
    asked: list[int] = []

    def speak(observations: Tensor, goals: Tensor) -> dict[str, Tensor]:
        asked.append(len(observations))
        return {"word": (goals > observations).long()[:, 0], "where": goals.clone()}

    def listen(observations: Tensor, subgoals: dict[str, Tensor]) -> Tensor:
        return subgoals["word"]

    episodes, high, _ = run(TwoLevels(speak, listen, EveryN(2)), 6, 3, max_steps=8)
    assert episodes["success"].tolist() == [1, 1]
    assert asked[0] == 2
    assert high.tolist() == [3, 2]


def test_rules_refuse_what_holds_no_step() -> None:
    for make in (lambda: EveryN(0), lambda: WhenDoneOrTimeout(there, 0)):
        with pytest.raises(ValueError, match="at least 1 step"):
            make()


def test_a_watchman_frees_an_agent_and_forgets_between_roll_outs() -> None:
    world = GridMaze("corridor")
    starts, goals, _ = world.task_states(1)

    def stay(observations: Tensor, told: Tensor) -> Tensor:
        return torch.zeros(len(observations), dtype=torch.long)

    def watched() -> StuckDetector:
        generator = torch.Generator().manual_seed(0)
        move = lambda num: torch.randint(1, 5, (num,), generator=generator)  # noqa: E731
        return StuckDetector(stay, lambda o: o.argmax(-1), move, window=4, few=1, kick=5)

    still = evaluate([stay], world, starts, goals, keep_paths=True, progress=False)
    assert still.paths is not None
    assert len(still.paths[0, 0].unique(dim=0)) == 1
    found = evaluate([watched()], world, starts, goals, keep_trace=True, max_steps=40, progress=False)
    assert found.paths is not None
    assert found.actions is not None
    assert found.memories is not None
    assert found.actions[0, 0, :3].tolist() == [0, 0, 0], "the window is not full yet"
    assert (found.actions[0, 0, 3:8] > 0).all(), "then five random moves"
    assert len(found.paths[0, 0].unique(dim=0)) > 1
    policy = watched()
    evaluate([policy], world, starts, goals, max_steps=3, progress=False)
    again = evaluate([policy], world, starts, goals, keep_trace=True, max_steps=3, progress=False)
    assert again.actions is not None
    assert (again.actions == 0).all()


def test_ogbench_s_own_maze_is_a_second_environment() -> None:
    """The same controller arrives in MuJoCo's point maze and in ours, in about as many steps."""
    pytest.importorskip("ogbench", reason="ogbench is not installed: make env EXTRAS=ogbench", exc_type=ImportError)
    from saw_edu.envs.ogbench import make_vector

    world = PointMaze("medium")
    policy = lambda o, g: world.oracle(o, g)  # noqa: E731
    env = make_vector("pointmaze-medium-v0", num_envs=2)
    starts, goals, _ = world.task_states(1)
    for task in (1, 3):
        one = slice(task - 1, task)
        ours = evaluate([policy], world, starts[one], goals[one], max_steps=1000, progress=False).episodes
        theirs = evaluate_env([policy], env, 2, options={"task_id": task}, progress=False).episodes
        assert ours["success"].tolist() == [1]
        assert theirs["success"].tolist() == [1, 1]
        assert theirs["steps"].mean() == pytest.approx(ours["steps"].item(), rel=0.1)
    with pytest.raises(ValueError, match="no environment 'pointmaze-tiny-v0'; of that kind: pointmaze-"):
        make_vector("pointmaze-tiny-v0")
