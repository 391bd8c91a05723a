"""Image subgoals: pairs, video without actions, a flow with known answers, and TinyPacking's pictures."""

from collections.abc import Iterator, Mapping

import pytest
import torch
from torch import Tensor

from saw_edu.envs.packing import TinyPacking, film, rules
from saw_edu.hierarchy import Cloning, EveryN, TwoLevels, imagine
from saw_edu.hierarchy.demonstrations import demonstrate
from saw_edu.hierarchy.imagine import Imagining, Video
from saw_edu.rollouts import evaluate


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


class Sealed(Mapping[str, Tensor]):
    """A recording that notes what is read of it, and breaks where its actions are."""

    def __init__(self, **columns: Tensor) -> None:
        self.columns, self.read = columns, set()

    def __getitem__(self, name: str) -> Tensor:
        assert name != "actions", "the actions were touched"
        self.read.add(name)
        return self.columns[name]

    def __iter__(self) -> Iterator[str]:
        raise AssertionError("all columns were gone through, the actions too")

    def __len__(self) -> int:
        return len(self.columns)


# --- data ---


def test_a_subgoal_is_delta_later_and_never_in_another_episode() -> None:
    ends = torch.tensor([3, 4, 8])
    assert imagine.subgoal_pairs(ends, 1).tolist() == [1, 2, 2, 3, 5, 6, 7, 7]
    assert imagine.subgoal_pairs(ends, 3).tolist() == [2, 2, 2, 3, 7, 7, 7, 7]
    with pytest.raises(ValueError, match="at least 1 frame ahead"):
        imagine.subgoal_pairs(ends, 0)
    long = torch.randint(1, 30, (50,), generator=generator()).cumsum(0)
    episode = torch.searchsorted(long, torch.arange(int(long[-1])), right=True)
    for delta in (1, 7, 40):
        later = imagine.subgoal_pairs(long, delta)
        assert torch.equal(episode[later], episode)
        ahead = later - torch.arange(len(later))
        assert int(ahead.max()) == min(delta, 28)
        assert bool((ahead == delta)[torch.arange(len(later)) + delta < long[episode]].all())


def test_video_is_loaded_without_touching_actions() -> None:
    frames = torch.arange(7)[:, None, None, None].expand(7, 2, 3, 3).to(torch.uint8)
    columns = {"frames": frames, "told": torch.ones(7, 2), "actions": torch.zeros(7)}
    last = torch.tensor([False, True, False, False, True, False, False])  # cut off in its third episode
    recordings = [Sealed(last=last, **columns), Sealed(last=last, **columns)]
    video = imagine.load_video(recordings)
    assert video.episode_ends.tolist() == [2, 5, 7, 9, 12, 14]
    assert torch.equal(video.frames, torch.cat([frames, frames]))
    assert all(recording.read == {"frames", "told", "last"} for recording in recordings)
    assert not hasattr(video, "actions")
    assert not last[-1], "the recording itself is left as it was"
    assert len(video.first(2)) == 5
    with pytest.raises(ValueError, match="nothing to load"):
        imagine.load_video([])
    with pytest.raises(ValueError, match="must end at frame 7"):
        Video(frames, torch.ones(7, 2), torch.tensor([3]))
    with pytest.raises(ValueError, match="there are 6 episodes, asked for 7"):
        video.first(7)


# --- the flow ---

LEFT_RIGHT = torch.tensor([[[[1.0, 0]], [[1.0, 0]]], [[[0, 1.0]], [[0, 1.0]]]])  # two planes, both left or both right


def two_futures(now: Tensor, told: Tensor, x: Tensor, t: Tensor) -> Tensor:
    """The exact expectation where both pictures are equally likely."""
    to_each = (x[:, None] - t[:, None, None, None, None] * imagine.SCALE * LEFT_RIGHT).flatten(2).square().sum(-1)
    weight = (-to_each / (2 * (1 - t[:, None]) ** 2)).softmax(-1)  # (B, 2)
    return (weight[:, :, None, None, None] * LEFT_RIGHT).sum(1).flatten(2).clamp(min=1e-9).log()


def shares(pictures: Tensor) -> dict[str, float]:
    first, second = pictures.flatten(2).argmax(-1).unbind(1)
    return {"left": float(((first + second) == 0).double().mean()), "mixed": float((first != second).double().mean())}


def test_samples_are_one_future_or_the_other_and_the_mean_is_neither() -> None:
    noise, nothing = torch.randn(4000, 2, 1, 2, generator=generator()), torch.zeros(4000, 0)
    mean = imagine.imagine(two_futures, noise, nothing, noise, 1)
    assert torch.allclose(mean, torch.full_like(mean, 0.5), atol=1e-6)
    drawn = imagine.imagine(two_futures, noise, nothing, noise, 40)
    found = shares(drawn)
    assert abs(found["left"] - 0.5) < 0.03
    assert found["mixed"] < 0.02, "both planes tell of the same future"
    assert float(drawn.amax(-1).mean()) > 0.98, "and it is sharp"
    with pytest.raises(ValueError, match="at least 1 step"):
        imagine.imagine(two_futures, noise, nothing, noise, 0)


def test_a_net_learns_both_futures_and_which_follows_from_what() -> None:
    """Episodes of two frames: from the first place left or right, evenly; from the second always right."""
    starts = torch.tensor([[[[1.0, 0]], [[0, 1.0]]], [[[0, 1.0]], [[1.0, 0]]]])
    episodes = [(0, 0), (0, 1), (1, 1), (1, 1)] * 10
    frames = torch.stack([f for s, e in episodes for f in (starts[s], LEFT_RIGHT[e])]).to(torch.uint8)
    video = Video(frames, torch.zeros(len(frames), 1), torch.arange(2, 2 * len(episodes) + 1, 2))
    config = Imagining(hidden_dims=(32, 32), training_steps=600, learning_rate=3e-3, deltas=(1, 1))
    net, losses = imagine.learn_to_imagine(video, config, generator())
    assert sum(losses[-50:]) < sum(losses[:50])
    noise, told = torch.randn(1000, 2, 1, 2, generator=generator(1)), torch.zeros(1000, 1)
    either = imagine.imagine(net, starts[:1].expand(1000, -1, -1, -1), told, noise, 8)
    assert abs(shares(either)["left"] - 0.5) < 0.12
    assert shares(either)["mixed"] < 0.06
    always = imagine.imagine(net, starts[1:].expand(1000, -1, -1, -1), told, noise, 8)
    assert shares(always)["left"] < 0.02
    blurred = imagine.imagine(net, starts[:1].expand(1000, -1, -1, -1), told, noise, 1).mean(0)
    assert torch.allclose(blurred, torch.full_like(blurred, 0.5), atol=0.12)


def test_the_loss_by_hand() -> None:
    now = future = LEFT_RIGHT
    noise, t = torch.tensor([0.5, -1.0]).expand(2, 2, 1, 2), torch.tensor([0.25, 1.0])
    seen = []

    def net(now: Tensor, told: Tensor, x: Tensor, t: Tensor) -> Tensor:
        seen.append(x)
        return torch.tensor([0.75, 0.25]).log().expand(2, 2, 2)

    loss = imagine.flow_loss(net, now, torch.zeros(2, 0), future, noise, t)
    assert loss.item() == pytest.approx(-(2 * torch.tensor(0.75).log() + 2 * torch.tensor(0.25).log()).item() / 2)
    assert torch.allclose(seen[0][0, 0, 0], torch.tensor([0.75 * 0.5 + 0.25 * imagine.SCALE, -0.75]))
    assert torch.equal(seen[0][1], imagine.SCALE * future[1])


def test_overlap_counts_what_changes() -> None:
    now, moved = LEFT_RIGHT[:1], LEFT_RIGHT[1:]
    half = torch.cat([now[:, :1], moved[:, 1:]], 1)
    assert imagine.overlap_of_change(now, moved, moved).item() == 1
    assert imagine.overlap_of_change(now, now, moved).item() == 0
    assert imagine.overlap_of_change(now, half, moved).item() == 0.5
    assert imagine.overlap_of_change(now, moved, half).item() == 0.5
    assert imagine.overlap_of_change(now, now, now).item() == 1


# --- TinyPacking's pictures ---


def play(steps: int, num: int = 200) -> Tensor:
    world, g = TinyPacking(), generator(3)
    states, goals = world.sample_states(num, g), world.sample_goals(num, 3, g)
    for _ in range(steps):
        states = world.step(states, world.perturb(world.oracle(states, goals), 0.1, g), g)
    return states


@pytest.mark.parametrize("steps", [0, 12, 45, 80])
def test_pictures_are_read_back_and_possible(steps: int) -> None:
    states = play(steps)
    for person in (False, True):
        pictures = film.draw(states, person)
        assert pictures.shape == (200, *film.PICTURE)
        assert torch.equal(pictures.sum((2, 3)), torch.ones(200, 8))
        assert torch.equal(film.read(pictures), states)
        assert torch.equal(film.possible(pictures), torch.full((200,), not person))


def test_what_cannot_be_is_told_apart() -> None:
    state = play(0, 1).squeeze(0)
    good = film.draw(state[None])
    assert bool(film.possible(good))
    assert torch.equal(film.sharpen(0.2 + 0.5 * good), good)

    def lit(plane: int, cell: int) -> Tensor:
        out = good.clone()
        out[:, plane] = 0
        out[:, plane].view(-1)[cell] = 1
        return out

    ball = int(state[rules.FIRST_THING + 1])
    wrong = {
        "robot in the wall": lit(film.ROBOT, rules.WALL_COLUMN + 9 * ((int(state[rules.DOOR_ROW]) + 1) % 7)),
        "robot in the shut doorway": lit(film.ROBOT, rules.WALL_COLUMN + 9 * int(state[rules.DOOR_ROW])),
        "no robot": lit(film.ROBOT, rules.NOWHERE),
        "two movers": lit(film.PERSON, 3),
        "two things in a cell": lit(film.THING_PLANES + 2, ball),
        "packed second, nothing first": lit(film.THING_PLANES + 1, rules.IN_BAG + 1),
        "a thing in the bag's cell": lit(film.THING_PLANES + 1, int(state[rules.BAG])),
        "an object nowhere": lit(film.THING_PLANES + 1, rules.NOWHERE),
        "key packed": lit(film.THING_PLANES, rules.IN_BAG),
        "door not in the wall": lit(film.DOOR_PLANE, 3),
    }
    assert [name for name, picture in wrong.items() if bool(film.possible(picture))] == []


def test_a_low_level_sees_goals_from_where_the_robot_is() -> None:
    states = play(20)
    now, later = film.draw(states), film.draw(play(26))
    seen = film.relative(now, later)
    assert seen.shape == (200, film.RELATIVE)
    assert torch.equal(seen[:, :75], TinyPacking().observe(states))
    same = film.relative(now, now)
    assert torch.equal(same[:, :75], same[:, 75:150])
    assert bool((same[:, 150 + 1] == 1).all()), "it is there"
    absent = film.relative(now, film.draw(states, person=True))
    assert bool((absent[:, 150:] == 0).all()), "no robot in the goal's picture, no way to it"


def test_the_mission_is_all_that_a_goal_tells() -> None:
    world = film.FilmedPacking(TinyPacking())
    goals = world.observe(world.world.goal_states(torch.tensor([[1, -1, -1], [2, 0, -1]])))
    assert film.mission(goals).view(2, 3, 3)[0].nonzero().tolist() == [[1, 0]]
    assert film.mission(goals).view(2, 3, 3)[1].nonzero().tolist() == [[0, 1], [2, 0]]


def test_two_levels_run_and_the_same_seed_gives_the_same() -> None:
    world, g = film.FilmedPacking(TinyPacking(max_steps=25)), generator(1)
    long = film.FilmedPacking(TinyPacking())
    starts, goals = world.sample_states(6, g), world.world.sample_goals(6, 1, g)
    shown = demonstrate(long, starts, goals, g)
    video = Video(
        shown.observations.view(-1, *film.PICTURE).to(torch.uint8), film.mission(shown.goals), shown.episode_ends
    )
    found = []
    for _ in range(2):
        config = Imagining(hidden_dims=(16,), training_steps=3)
        net, _ = imagine.learn_to_imagine(video, config, generator(2))
        low = imagine.clone_reacher(
            video, torch.arange(len(video)), shown.actions, 7, 4, film.relative, Cloning(steps=3), generator(3)
        )
        high = imagine.Imagination(net, film.mission, generator(4))
        outcome = evaluate(
            [TwoLevels(high, low, EveryN(4))],
            world,
            starts,
            goals,
            generator=generator(5),
            keep_paths=True,
            progress=False,
        )
        found.append(outcome.paths)
    assert torch.equal(found[0], found[1])
