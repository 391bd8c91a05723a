"""Trajectories and the .npz layout: round trips, and one clear error for each fault of a file."""

from pathlib import Path

import numpy as np
import pytest
import torch

from saw_edu.data import DatasetError, Trajectories, load_npz, save_npz


def arrays(**changes: object) -> dict[str, np.ndarray]:
    """A good compact file of two episodes, with changes; a change of None removes the array."""
    good: dict[str, object] = {
        "observations": np.arange(14, dtype=np.float32).reshape(7, 2),
        "actions": np.linspace(-1, 1, 7, dtype=np.float32)[:, None],
        "terminals": np.array([0, 0, 0, 1, 0, 0, 1], dtype=bool),
    }
    good.update(changes)
    return {key: value for key, value in good.items() if value is not None}  # type: ignore[misc]


def with_nan() -> np.ndarray:
    broken = np.zeros((7, 2), dtype=np.float32)
    broken[3, 1] = np.nan
    return broken


def test_round_trips(tmp_path) -> None:  # type: ignore[no-untyped-def]
    for discrete in (False, True):
        for regular in (False, True):
            observations = torch.randn(7, 2, generator=torch.Generator().manual_seed(0))
            actions = torch.arange(7) if discrete else torch.rand(7, 3)
            data = Trajectories(observations, actions, torch.tensor([4, 7]), observations + 1 if regular else None)
            back = load_npz(save_npz(tmp_path / "data.npz", data))
            assert torch.equal(back.observations, observations)
            assert torch.equal(back.actions, actions)
            assert torch.equal(back.episode_ends, data.episode_ends)
            assert back.compact != regular
            assert back.discrete == discrete
            assert [path.name for path in tmp_path.iterdir()] == ["data.npz"]


def test_a_processed_compact_file(tmp_path) -> None:  # type: ignore[no-untyped-def]
    """OGBench's loader marks the last two rows of an episode as terminal and the last one as not valid."""
    terminals = np.array([0, 0, 1, 1, 0, 1, 1], dtype=np.float32)
    valids = np.array([1, 1, 1, 0, 1, 1, 0], dtype=np.float32)
    np.savez(tmp_path / "data.npz", **arrays(terminals=terminals, valids=valids))
    data = load_npz(tmp_path / "data.npz")
    assert data.episode_ends.tolist() == [4, 7]
    assert data.start_rows.tolist() == [0, 1, 2, 4, 5]
    assert data.final_index.tolist() == [2, 2, 2, 2, 5, 5, 5]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"terminals": None}, r"lacks \['terminals'\]"),
        ({"actions": np.zeros((6, 1), np.float32)}, "actions has 6 rows"),
        ({"actions": np.zeros((7,), np.float32)}, "actions must be"),
        ({"observations": with_nan()}, "NaN, infinity or number beyond float32, the first in row 3"),
        ({"observations": np.zeros((7, 2), "U3")}, "numbers are needed"),
        ({"observations": np.zeros((7, 2), np.uint8)}, "floats are needed"),
        ({"observations": np.zeros(7, np.float32)}, r"must be \(rows, numbers\)"),
        ({"next_observations": np.zeros((7, 3), np.float32)}, "shaped as observations"),
        ({"terminals": np.array([0, 0, 0, 1, 0, 0, 0], bool)}, "last row is not a terminal"),
        ({"terminals": np.array([0, 0, 0, 0, 0, 1, 1], bool)}, "at least 2 rows.*row 6"),
        ({"observations": np.zeros((0, 2)), "actions": np.zeros((0, 1)), "terminals": np.zeros(0)}, "is empty"),
    ],
)
def test_faults_of_a_file(tmp_path, changes: dict, message: str) -> None:  # type: ignore[no-untyped-def]
    np.savez(tmp_path / "data.npz", **arrays(**changes))
    with pytest.raises(DatasetError, match=message):
        load_npz(tmp_path / "data.npz")


def test_files_that_are_no_npz(tmp_path) -> None:  # type: ignore[no-untyped-def]
    whole = save_npz(
        tmp_path / "whole.npz", Trajectories(torch.randn(900, 4), torch.randn(900, 2), torch.tensor([900]))
    )
    content = whole.read_bytes()
    for size in (0, 10, len(content) // 2, len(content) - 5):
        (tmp_path / "cut.npz").write_bytes(content[:size])
        with pytest.raises(DatasetError, match="truncated"):
            load_npz(tmp_path / "cut.npz")
    np.save(tmp_path / "single.npy", np.zeros(3))
    with pytest.raises(DatasetError, match="single array"):
        load_npz(tmp_path / "single.npy")
    np.savez(tmp_path / "pickled.npz", observations=np.array([{"a": 1}], dtype=object))
    with pytest.raises(DatasetError, match="cannot be read"):
        load_npz(tmp_path / "pickled.npz")
    with pytest.raises(FileNotFoundError, match="save_npz"):
        load_npz(tmp_path / "nowhere.npz")


def test_trajectories_that_do_not_fit_together() -> None:
    observations, actions = torch.zeros(5, 2), torch.zeros(5, 1)
    for ends in ([], [4], [0, 5], [4, 5], [3, 2, 5]):
        with pytest.raises(ValueError, match="episode_ends"):
            Trajectories(observations, actions, torch.tensor(ends, dtype=torch.long))
    with pytest.raises(ValueError, match="one action a row"):
        Trajectories(observations, actions[:3], torch.tensor([5]))


def test_moving_keeps_bounds_and_integers() -> None:
    data = Trajectories(torch.zeros(5, 2), torch.arange(5), torch.tensor([5])).to(dtype=torch.float64)
    assert data.observations.dtype == torch.float64
    assert data.actions.dtype == data.episode_ends.dtype == torch.int64
    assert data.spec(num_actions=9).action_dim == 9


# What files of other projects bring


def _file(path: Path, **changed: np.ndarray) -> Path:
    arrays = {
        "observations": np.zeros((6, 2), np.float32),
        "actions": np.zeros((6, 2), np.float32),
        "terminals": np.array([0, 0, 1, 0, 0, 1], bool),
    }
    np.savez(path, **{**arrays, **changed})
    return path


def test_ends_of_episodes_may_be_called_timeouts(tmp_path: Path) -> None:
    none = np.zeros(6, bool)
    read = load_npz(_file(tmp_path / "d4rl.npz", terminals=none, timeouts=np.array([0, 0, 1, 0, 0, 1], bool)))
    assert read.episode_ends.tolist() == [3, 6]
    with pytest.raises(DatasetError, match="last row is not a terminal"):
        load_npz(_file(tmp_path / "neither.npz", terminals=none))


def test_arrays_that_nobody_needs_may_hold_anything(tmp_path: Path) -> None:
    infos = np.array([{"a": 1}] * 6, dtype=object)
    assert load_npz(_file(tmp_path / "infos.npz", infos=infos)).num_episodes == 2


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"actions": np.array([0, 1, -1, 2, 0, 1])}, "numbered from 0, row 2 has -1: shift the labels"),
        ({"actions": np.array([[0, 0]] * 3 + [[0, -4]] * 3, np.float32)}, r"row 3 has 4. Divide them by 4"),
        ({"observations": np.array([[0, 0]] * 4 + [[0, 1e300]] * 2)}, "beyond float32, the first in row 4"),
        ({"observations": np.array([[0, 0]] * 5 + [[np.nan, 0]], np.float32)}, "NaN.* first in row 5"),
    ],
)
def test_numbers_that_no_policy_can_learn_from_are_named(tmp_path: Path, changed: dict, words: str) -> None:
    with pytest.raises(DatasetError, match=words):
        load_npz(_file(tmp_path / "wrong.npz", **changed))


def test_a_file_that_may_not_be_read_is_not_called_truncated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = _file(tmp_path / "locked.npz")

    def refuse(*args: object, **kwargs: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(np, "load", refuse)
    with pytest.raises(DatasetError, match="may not be read by you"):
        load_npz(path)

    def full(*args: object, **kwargs: object) -> None:
        raise MemoryError

    monkeypatch.setattr(np, "load", full)
    with pytest.raises(DatasetError, match="GiB of memory"):
        load_npz(path)


def test_a_failed_write_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = load_npz(_file(tmp_path / "good.npz"))
    old = save_npz(tmp_path / "kept.npz", data).read_bytes()

    def full(*args: object, **kwargs: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez_compressed", full)
    with pytest.raises(OSError, match="No space left"):
        save_npz(tmp_path / "kept.npz", data)
    assert (tmp_path / "kept.npz").read_bytes() == old
    assert sorted(path.name for path in tmp_path.iterdir()) == ["good.npz", "kept.npz"]
