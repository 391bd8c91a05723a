"""Checkpoints: interrupted or killed, a run goes on to the same bits; which seeds go on, and how."""

import dataclasses
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest
import torch
from training_cases import AGENT, CONFIG, equal, stops_at, walks

from saw_edu.training import TrainingConfig, train


def test_a_truncated_checkpoint_is_named(tmp_path: Path) -> None:
    train(AGENT, walks(), CONFIG, checkpoints=tmp_path, progress=False)
    path = tmp_path / "seed_0.pt"
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(ValueError, match="not a whole checkpoint"):
        train(AGENT, walks(), CONFIG, checkpoints=tmp_path, progress=False)


def test_interrupted_at_a_checkpoint_it_resumes_to_the_same_bits(tmp_path: Path) -> None:
    whole = train(AGENT, walks(), CONFIG, 2, progress=False)
    short = TrainingConfig(steps=60, batch_size=16, log_every=10, checkpoint_every=7)
    part = train(AGENT, walks(), short, 2, checkpoints=tmp_path, progress=False, draw=stops_at(70))
    assert part.interrupted
    assert len(part.networks) >= 1
    resumed = train(AGENT, walks(), short, 2, checkpoints=tmp_path, progress=False, draw=stops_at(None))
    assert equal(whole, resumed)


KILLED = """
import sys, torch
sys.path.insert(0, sys.argv[1])
torch.set_num_threads(1)
from training_cases import AGENT, walks
from saw_edu.training import TrainingConfig, train
train(AGENT, walks(), TrainingConfig(steps=150, batch_size=16, log_every=10, checkpoint_every=2), 2,
      checkpoints=sys.argv[2], progress=False)
"""


def test_killed_at_any_moment_it_resumes_to_the_same_bits(tmp_path: Path) -> None:
    """SIGKILL at three different moments of the same run, most of them near a save."""
    config = TrainingConfig(steps=150, batch_size=16, log_every=10, checkpoint_every=2)
    kills = 0
    for delay in (0.05, 0.3, 0.2):
        process = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(KILLED), str(Path(__file__).parent), str(tmp_path)]
        )
        before = (tmp_path / "seed_0.pt").stat().st_mtime_ns if (tmp_path / "seed_0.pt").exists() else 0
        while process.poll() is None:
            path = tmp_path / "seed_0.pt"
            if path.exists() and path.stat().st_mtime_ns > before:
                time.sleep(delay)
                break
            time.sleep(0.005)
        if process.poll() is None:
            process.kill()
            kills += 1
        process.wait()
    assert kills >= 1
    resumed = train(AGENT, walks(), config, 2, checkpoints=tmp_path, progress=False)
    assert equal(train(AGENT, walks(), config, 2, progress=False), resumed)


def test_a_checkpoint_of_another_run_is_refused(tmp_path: Path) -> None:
    train(AGENT, walks(), CONFIG, checkpoints=tmp_path, progress=False)
    with pytest.raises(ValueError, match="another configuration"):
        train(AGENT, walks(), TrainingConfig(steps=60, batch_size=17), checkpoints=tmp_path, progress=False)


def test_seeds_go_on_as_they_began_one_by_one_or_side_by_side(tmp_path: Path) -> None:
    one_by_one = train(AGENT, walks(), CONFIG, 2, checkpoints=tmp_path / "a", progress=False)
    together = train(AGENT, walks(), CONFIG, 2, checkpoints=tmp_path / "b", together=True, progress=False)
    with pytest.raises(ValueError, match="side by side: leave `together` out"):
        train(AGENT, walks(), CONFIG, 2, checkpoints=tmp_path / "b", together=False, progress=False)
    for asked in (None, True):
        for folder, whole in (("a", one_by_one), ("b", together)):
            again = train(AGENT, walks(), CONFIG, 2, checkpoints=tmp_path / folder, together=asked, progress=False)
            assert equal(again, whole)
    assert not (tmp_path / "a" / "seed_0_1.pt").exists()


def test_more_seeds_join_those_side_by_side_and_some_can_be_asked_for(tmp_path: Path) -> None:
    names = []
    for seeds in (2, 3, 3, 5, 5):
        result = train(AGENT, walks(), CONFIG, seeds, checkpoints=tmp_path, together=True, progress=False)
        assert result.seeds == list(range(seeds))
        names.append(sorted(path.name for path in tmp_path.iterdir()))
    assert names[-1] == ["seed_0_1.pt", "seed_2.pt", "seed_3_4.pt"]
    times = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    some = train(AGENT, walks(), CONFIG, [4, 0], checkpoints=tmp_path, progress=False)
    assert equal(some, result.only([4, 0]))
    assert {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == times, "nothing is trained again"
    with pytest.raises(ValueError, match="side by side"):
        train(AGENT, walks(), CONFIG, [0], checkpoints=tmp_path, together=False, progress=False)
    (tmp_path / "seed_0.pt").write_bytes((tmp_path / "seed_2.pt").read_bytes())
    with pytest.raises(ValueError, match=r"holds seed 0 twice, in seed_0\.pt and seed_0_1\.pt"):
        train(AGENT, walks(), CONFIG, 2, checkpoints=tmp_path, progress=False)


def test_a_finished_run_is_prolonged_and_gets_more_seeds(tmp_path: Path) -> None:
    longer = dataclasses.replace(CONFIG, steps=90)
    whole = train(AGENT, walks(), longer, 3, progress=False)
    train(AGENT, walks(), CONFIG, 2, checkpoints=tmp_path, progress=False)
    first = (tmp_path / "seed_0.pt").stat().st_mtime_ns
    train(AGENT, walks(), CONFIG, 3, checkpoints=tmp_path, progress=False)
    assert (tmp_path / "seed_0.pt").stat().st_mtime_ns == first, "a finished seed is not trained again"
    prolonged = train(AGENT, walks(), longer, 3, checkpoints=tmp_path, progress=False)
    for a, b in zip(whole.networks, prolonged.networks, strict=True):
        assert all(torch.equal(p, q) for p, q in zip(a.parameters(), b.parameters(), strict=True))
    with pytest.raises(ValueError, match="has 90 steps already, more than the 60"):
        train(AGENT, walks(), CONFIG, 3, checkpoints=tmp_path, progress=False)
    decays = dataclasses.replace(CONFIG, final_learning_rate=1e-5)
    train(AGENT, walks(), decays, checkpoints=tmp_path / "decays", progress=False)
    with pytest.raises(ValueError, match="tied to the number of steps"):
        train(AGENT, walks(), dataclasses.replace(decays, steps=90), checkpoints=tmp_path / "decays", progress=False)
