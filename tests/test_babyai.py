"""BabyAI through the real minigrid package: demonstrations, their file, the vector environment, `saw-edu data`."""

import hashlib
import json

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from saw_edu import datasets
from saw_edu.cli import app
from saw_edu.data import DatasetError, Vocabulary
from saw_edu.envs import babyai
from saw_edu.place import asset
from saw_edu.rollouts import evaluate_env

LEVELS = ("GoToLocal", "PutNextLocal", "UnlockPickup")


@pytest.fixture(scope="module")
def few():
    return babyai.record("UnlockPickup", 4)


def bytes_of(demonstrations):
    texts = (demonstrations.missions, [demonstrations.phrases[i] for i in demonstrations.labels.tolist()])
    arrays = (demonstrations.views, demonstrations.directions, demonstrations.actions, demonstrations.seeds)
    return b"".join(x.numpy().tobytes() for x in arrays) + repr(texts).encode()


@pytest.mark.parametrize("level", LEVELS)
def test_what_was_recorded_can_be_made_again_bit_for_bit(level):
    recorded = datasets.demonstrations(f"babyai-{level}")
    assert bytes_of(babyai.record(level, 20)) == bytes_of(recorded.first(20))


def test_the_recorded_files_are_small_and_those_of_the_provenance():
    notes = json.loads(asset("babyai/provenance.json").read_text("utf-8"))
    files = {path.name: path.read_bytes() for path in asset("babyai").glob("*.npz")}
    assert {name: note["sha256"] for name, note in notes.items()} == {
        name: hashlib.sha256(content).hexdigest() for name, content in files.items()
    }
    assert sum(map(len, files.values())) < 2e6


@pytest.mark.parametrize("level", LEVELS)
def test_recorded_actions_solve_their_episodes_in_the_real_environment(level):
    """Replayed from their seeds, they show the recorded views, end where the recording ends, and have a reward."""
    recorded = datasets.demonstrations(f"babyai-{level}").first(15)
    env = babyai.make_level(level)
    starts = [0, *recorded.episode_ends[:-1].tolist()]
    for seed, mission, start, end in zip(
        recorded.seeds.tolist(), recorded.missions, starts, recorded.episode_ends.tolist(), strict=True
    ):
        found, _ = env.reset(seed=seed)
        assert found["mission"] == mission
        for row in range(start, end - 1):
            np.testing.assert_array_equal(found["image"], recorded.views[row])
            assert found["direction"] == recorded.directions[row]
            found, reward, terminated, _, _ = env.step(int(recorded.actions[row]))
            assert terminated == (row == end - 2)
        assert reward > 0


def test_labels_tell_what_the_bot_is_about(few):
    end = int(few.episode_ends[0]) - 1
    labels = [few.phrases[i] for i in few.labels[:end].tolist()]
    distinct = [label for i, label in enumerate(labels) if i == 0 or label != labels[i - 1]]
    assert few.missions[0] == "pick up the purple box"
    assert distinct == [
        "explore",
        "go to the green key",
        "pick up the green key",
        "go to the green door",
        "open the green door",
        "go to a free cell",
        "drop the green key",
        "go to the purple box",
        "pick up the purple box",
    ]
    taken = dict(zip(labels, few.actions[:end].tolist(), strict=True))
    assert taken["pick up the green key"] == babyai.ACTIONS.index("pick up")
    assert taken["open the green door"] == babyai.ACTIONS.index("toggle")


def test_start_rows_are_those_with_an_action(few):
    assert len(few.start_rows) == len(few.views) - len(few)
    assert not set(few.start_rows.tolist()) & set((few.episode_ends - 1).tolist())
    assert few.trajectories().num_episodes == len(few) == 4


def test_saved_and_loaded_it_is_the_same_and_so_are_the_bytes(few, tmp_path):
    first, second = (
        few.save(tmp_path / "a.npz"),
        babyai.Demonstrations.load(tmp_path / "a.npz").save(tmp_path / "b.npz"),
    )
    assert first.read_bytes() == second.read_bytes()
    assert bytes_of(datasets.demonstrations(str(first))) == bytes_of(few)


def test_files_that_are_no_demonstrations_are_named(few, tmp_path):
    whole = few.save(tmp_path / "whole.npz").read_bytes()
    (tmp_path / "cut.npz").write_bytes(whole[: len(whole) // 2])
    np.savez(tmp_path / "other.npz", observations=np.zeros((3, 2)))
    with pytest.raises(DatasetError, match="get it again"):
        babyai.Demonstrations.load(tmp_path / "cut.npz")
    with pytest.raises(DatasetError, match="lacks 'sentences'"):
        babyai.Demonstrations.load(tmp_path / "other.npz")
    with pytest.raises(FileNotFoundError, match="saw-edu data"):
        babyai.Demonstrations.load(tmp_path / "none.npz")


def test_unknown_and_unsolvable_levels_say_so(few):
    with pytest.raises(ValueError, match="did you mean 'GoToLocal'"):
        babyai.record("GotoLocal", 1)
    with pytest.raises(ValueError, match="cannot solve KeyInBox"):
        babyai.record("KeyInBox", 1)
    with pytest.raises(ValueError, match="at least one episode"):
        babyai.record("GoToLocal", 0)
    with pytest.raises(ValueError, match=r"did you mean 'babyai-GoToLocal'\? There are .*saw-edu data"):
        datasets.demonstrations("babyai-GoToLoca")
    with pytest.raises(ValueError, match="sentences for goals"):
        datasets.load("babyai-GoToLocal")
    with pytest.raises(ValueError, match="there are 4 episodes"):
        few.first(5)


def test_the_bot_in_the_vector_environment_succeeds_and_a_random_policy_rarely():
    """Success is a reward above 0, and every policy gets the same episodes."""
    recorded = babyai.record("GoToLocal", 12, seed=70)
    assert recorded.seeds.tolist() == list(range(70, 82))
    starts = torch.cat([torch.zeros(1, dtype=torch.long), recorded.episode_ends[:-1]])
    env = babyai.BabyAIVectorEnv("GoToLocal", 12)
    clock = {"t": -1}

    def replay(observations, words):
        clock["t"] += 1
        rows = torch.minimum(starts + clock["t"], recorded.episode_ends - 1)
        return recorded.actions[rows].long()

    generator = torch.Generator().manual_seed(0)

    def chance(observations, words):
        return torch.randint(7, (len(observations),), generator=generator)

    read = babyai.reader(Vocabulary.of(recorded.missions))
    table = evaluate_env([replay, chance], env, 12, seed=70, read=read, progress=False).episodes
    by_policy = table.groupby("seed")
    assert by_policy["success"].mean()[0] == 1
    assert by_policy["success"].mean()[1] < 0.9
    assert (
        table[table["seed"] == 0]["steps"].tolist()
        == (torch.diff(recorded.episode_ends, prepend=starts[:1]) - 1).tolist()
    )


def test_an_episode_that_ends_without_reward_is_no_success():
    """PickupDist in debug mode fails at once when the wrong object is picked up: over, and no success."""
    env = babyai.BabyAIVectorEnv("PickupDistDebug", 40)
    generator = torch.Generator().manual_seed(0)

    def grab(observations, words):
        return torch.where(
            torch.rand(len(observations), generator=generator) < 0.5,
            3,
            torch.randint(3, (len(observations),), generator=generator),
        )

    def read(found):
        return torch.zeros(40, 1), torch.zeros(40, 1)

    env.reset(seed=0)
    rewards, over = np.zeros(40), np.zeros(40, bool)
    terminated = over
    for _ in range(64):
        _, reward, terminated, _, _ = env.step(grab(torch.zeros(40), None).numpy())
        rewards += reward
    failed = terminated & (rewards == 0)
    assert failed.any()
    generator.manual_seed(0)
    table = evaluate_env([grab], env, 40, seed=0, read=read, progress=False).episodes
    np.testing.assert_array_equal(table["success"], rewards > 0)


def test_the_vector_environment_holds_an_episode_that_is_over_and_names_bad_calls():
    env = babyai.BabyAIVectorEnv("GoToObj", 3)
    with pytest.raises(RuntimeError, match="reset"):
        env.step([0, 0, 0])
    found, _ = env.reset(seed=5)
    assert found["image"].shape == (3, 7, 7, 3)
    for wrong in ([0, 0], [0, 0, 7], [-1, 0, 0]):
        with pytest.raises(ValueError, match="3 actions from 0 to 6"):
            env.step(wrong)
    again, _ = env.reset(seed=5)
    np.testing.assert_array_equal(found["image"], again["image"])
    following, _ = env.reset()
    assert not np.array_equal(found["image"], following["image"])
    with pytest.raises(ValueError, match="at least one"):
        babyai.BabyAIVectorEnv("GoToObj", 0)


def test_features_are_one_hots_of_every_cell(few):
    found = babyai.features(few.views)
    assert found.shape == (len(few.views), babyai.FEATURES)
    assert set(found.unique().tolist()) == {0.0, 1.0}
    assert (found.sum(1) == 7 * 7 * 3).all()


def test_words_become_numbers_and_come_back(few):
    vocabulary = Vocabulary.of(["go to the red ball", "pick up a key"])
    rows = vocabulary.encode(["pick up the ball", "go to the red ball"])
    assert rows.shape == (2, 5)
    assert rows[0, -1] == 0
    assert vocabulary.decode(rows) == ["pick up the ball", "go to the red ball"]
    with pytest.raises(ValueError, match=r"unknown words \['blue'\]"):
        vocabulary.encode(["the blue ball"])
    with pytest.raises(ValueError, match="6 words"):
        vocabulary.encode(["go to the red ball ball"])
    with pytest.raises(ValueError, match="each once"):
        Vocabulary(("a", "a"), 3)


def test_the_command_makes_a_file_with_its_origin(tmp_path):
    def run(*arguments):
        return CliRunner().invoke(app, ["data", *arguments])

    out = tmp_path / "new" / "few.npz"
    done = run("babyai-GoToLocal", "--episodes", "3", "--out", str(out))
    assert done.exit_code == 0, done.output
    assert "3 episodes" in done.output
    assert bytes_of(babyai.Demonstrations.load(out)) == bytes_of(datasets.demonstrations("babyai-GoToLocal").first(3))
    note = json.loads((out.parent / "provenance.json").read_text())["few.npz"]
    assert note["sha256"] == hashlib.sha256(out.read_bytes()).hexdigest()
    maze = tmp_path / "new" / "maze.npz"
    assert run("gridmaze-four-rooms-navigate", "--episodes", "4", "--out", str(maze)).exit_code == 0
    assert datasets.load(str(maze)).trajectories.num_episodes == 4
    assert set(json.loads((out.parent / "provenance.json").read_text())) == {"few.npz", "maze.npz"}
    for arguments, said in (
        (("babyai-GoToNowhere",), "no BabyAI level"),
        (("gridmaze-four-room-navigate",), "did you mean"),
        (("babyai-GoToLocal", "--out", str(tmp_path / "x.txt")), ".npz"),
        (("babyai-GoToLocal", "--episodes", "1", "--out", "/proc/x/y.npz"), "cannot be written"),
    ):
        failed = run(*arguments)
        assert failed.exit_code == 2, failed.output
        assert said in failed.output
