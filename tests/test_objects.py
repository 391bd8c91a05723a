"""Objects on a table: pushes case by case, statements by hand, words, tasks, and gymnasium's own checker."""

import itertools
import warnings

import gymnasium
import pytest
import torch
from gymnasium.utils.env_checker import check_env

from saw_edu.envs import MazeVectorEnv, Objects, World
from saw_edu.envs.objects import STATEMENTS, TRIPLES, TWIN, WORDS, statement, words

WORLD = Objects()
UP, DOWN, LEFT, RIGHT = range(4)


def after(before: list[int], *pushes: tuple[int, int], world: Objects = WORLD) -> list[int]:
    state = torch.tensor([before])
    for pushed, direction in pushes:
        state = world.step(state, torch.tensor([4 * pushed + direction]))
    return state[0].tolist()


def true_of(cells: list[int]) -> set[str]:
    return {text for text, true in zip(STATEMENTS, WORLD.truths(torch.tensor(cells)).tolist(), strict=True) if true}


@pytest.mark.parametrize(
    ("pushes", "expected"),
    [
        ([(0, UP)], [17, 7, 24, 20]),
        ([(0, DOWN)], [7, 2, 24, 20]),  # the box below it is pushed along
        ([(0, LEFT), (0, LEFT), (0, LEFT)], [10, 7, 24, 20]),  # the edge stops it
        ([(0, DOWN), (0, DOWN)], [7, 2, 24, 20]),  # the box is at the edge, so neither moves
        ([(1, UP)], [17, 12, 24, 20]),
        ([(2, RIGHT)], [12, 7, 24, 20]),
    ],
)
def test_pushes_by_hand(pushes, expected) -> None:
    assert after([12, 7, 24, 20], *pushes) == expected


def test_a_whole_row_moves_and_a_gap_stops_it() -> None:
    assert after([0, 1, 2, 3], (0, RIGHT)) == [1, 2, 3, 4]
    assert after([0, 1, 2, 3], (0, RIGHT), (0, RIGHT)) == [1, 2, 3, 4], "four in a row reach the edge"
    assert after([0, 1, 3, 4], (0, RIGHT)) == [1, 2, 3, 4], "the gap closes, what lies beyond it stays"
    assert after([3, 2, 1, 0], (0, LEFT)) == [3, 2, 1, 0]
    assert after([3, 2, 1, 9], (2, RIGHT)) == [4, 3, 2, 9], "pushed from behind"


def test_objects_never_share_a_cell_or_leave_the_table() -> None:
    generator = torch.Generator().manual_seed(0)
    for size in (4, 5, 7):
        world = Objects(size=size)
        states = world.sample_states(500, generator)
        for _ in range(30):
            states = world.step(states, world.sample_actions(500, generator))
            world.distances(states, states)  # raises if one is no state


def test_statements_by_hand() -> None:
    assert true_of([12, 13, 24, 20]) == {
        "the red ball is directly left of the red box",
        "the red box is directly right of the red ball",
    }
    assert true_of([12, 7, 17, 24]) == {
        "the red ball is directly above the red box",
        "the red box is directly below the red ball",
        "the blue ball is directly above the red ball",
        "the red ball is directly below the blue ball",
    }
    assert true_of([4, 5, 24, 20]) == set(), "the end of one row is not beside the start of the next"
    assert true_of([0, 6, 12, 18]) == set(), "corner to corner is not beside"


def test_twins_are_true_of_the_same_states() -> None:
    truths = WORLD.truths(WORLD.sample_states(2000, torch.Generator().manual_seed(0)))
    assert torch.equal(truths, truths[:, list(TWIN)])
    assert all(TWIN[TWIN[i]] == i != TWIN[i] for i in range(48))
    assert truths.any(0).all()


def test_every_statement_has_its_own_words() -> None:
    table = words()
    assert table.shape == (48, 5)
    assert len({tuple(row) for row in table.tolist()}) == len(TRIPLES) == len(set(STATEMENTS)) == 48
    for text, row in zip(STATEMENTS, table.tolist(), strict=True):
        assert text.replace("the ", "").replace("is directly ", "") == " ".join(WORDS[word] for word in row)
        assert STATEMENTS[statement(text)] == text
    with pytest.raises(ValueError, match="built like"):
        statement("the red ball is near the red box")


def test_observations_tell_states_apart() -> None:
    states = WORLD.sample_states(100, torch.Generator().manual_seed(0))
    seen = WORLD.observe(states)
    assert seen.shape == (100, WORLD.spec.observation_dim)
    assert (seen.sum(1) == 8).all()
    back = seen.view(100, 4, 2, 5).argmax(-1)
    assert torch.equal(back[..., 0] * 5 + back[..., 1], states)


def test_tasks_need_one_two_and_three_statements_and_start_with_none() -> None:
    starts, goals, tasks = WORLD.task_states(50)
    assert isinstance(WORLD, World)
    assert WORLD.distances(starts, goals).tolist() == tasks.tolist()
    assert not WORLD.reached(starts, goals).any()
    assert WORLD.reached(goals, goals).all()
    assert true_of(goals[-1].tolist()) >= {"the blue ball is directly left of the blue box"}
    shifted = torch.tensor([[11, 12, 13, 14]])
    assert WORLD.reached(shifted, goals[-1:]).all(), "anywhere on the table"
    assert not WORLD.reached(goals[:1], goals[-1:]).any()


def test_a_task_of_three_is_as_rare_as_counted() -> None:
    rows = torch.tensor(list(itertools.permutations(range(16), 4)))
    world = Objects(size=4)
    goal = world.task_states()[1][-1:]
    assert int(world.reached(rows, goal.expand(len(rows), -1)).sum()) == 4, "one place in each row of 16 cells"


def test_what_does_not_fit_is_told() -> None:
    with pytest.raises(ValueError, match="size >= 4"):
        Objects(size=3)
    with pytest.raises(ValueError, match="four different cells"):
        WORLD.distances(torch.tensor([[1, 1, 2, 3]]), torch.tensor([[0, 1, 2, 3]]))


def test_behind_gymnasium() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        env = gymnasium.make("saw_edu/Objects-v0", render_mode="rgb_array")
        check_env(env.unwrapped)
    env.reset(seed=0, options={"start": [0, 1, 2, 8], "goal": [0, 1, 2, 3]})
    assert env.unwrapped.step(4 * 3 + DOWN)[1:3] == (1.0, True)
    assert env.render().shape == (120, 120, 3)
    many = gymnasium.make_vec("saw_edu/Objects-v0", num_envs=3)
    assert isinstance(many.unwrapped, MazeVectorEnv)
    many.reset(seed=0)
    many.step(many.action_space.sample())
