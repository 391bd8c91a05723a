"""Recorded results: made part by part, gathered when all parts are there, with what made them written beside."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from typer.testing import CliRunner

from saw_edu.cli import app
from saw_edu.course import giant, recording
from saw_edu.course.recording import Recorder, RecordingError
from saw_edu.rollouts import Shaken


def make_recorder(calls: list[str]) -> Recorder:
    def make(part: str, work: Path) -> None:
        calls.append(part)
        (work / part).mkdir(parents=True, exist_ok=True)
        if part == "b" and not (work / part / "half.txt").exists():
            (work / part / "half.txt").write_text("half")
            raise KeyboardInterrupt
        (work / part / "result.txt").write_text(part.upper())

    def gather(work: Path, folder: Path) -> dict[str, Any]:
        folder.mkdir(parents=True)
        (folder / "all.txt").write_text("".join((work / part / "result.txt").read_text() for part in "abc"))
        return {"seeds": [0, 1]}

    return Recorder("letters", "results/letters", ("a", "b", "c"), make, gather)


def test_a_recording_that_was_stopped_goes_on_and_is_written_when_all_parts_are_there(tmp_path: Path) -> None:
    calls: list[str] = []
    said: list[str] = []
    found, folder = make_recorder(calls), tmp_path / "assets" / "results" / "letters"

    def record(*parts: str) -> list[str]:
        return recording.record("letters", parts, tmp_path, said.append, found)

    assert record("c") == ["a", "b"]
    assert not folder.exists()
    assert "when these are done as well: a, b" in said[-1]
    with pytest.raises(KeyboardInterrupt):
        record()
    assert calls == ["c", "a", "b"]
    assert record() == []
    assert calls == ["c", "a", "b", "b"]
    assert (folder / "all.txt").read_text() == "ABC"
    provenance = json.loads((folder / "provenance.json").read_text())
    assert provenance["command"] == "saw-edu record letters"
    assert provenance["seeds"] == [0, 1]
    assert {part: "resumed" in about for part, about in provenance["parts"].items()} == {
        "a": False,
        "b": True,
        "c": False,
    }


def test_unknown_names_and_parts_are_told_before_any_work(tmp_path: Path) -> None:
    calls: list[str] = []
    with pytest.raises(RecordingError, match=r"letters has no part 'd'.* Its parts: a, b, c"):
        recording.record("letters", ["a", "d"], tmp_path, found=make_recorder(calls))
    assert calls == []
    done = CliRunner().invoke(app, ["record", "gaint"])
    assert done.exit_code == 2
    assert "did you mean 'giant'?" in done.output


def test_everything_that_can_be_recorded_is_listed_and_was_recorded() -> None:
    listed = CliRunner().invoke(app, ["record"]).output
    for name in recording.MODULES:
        assert f"  {name} " in listed
        assert (giant.course_root() / "assets" / recording.recorder(name).folder / "provenance.json").exists()


def test_a_shaken_policy_is_the_policy_and_the_walkers_noise() -> None:
    world, result = giant.make_world(), giant.load("gcbc", giant.make_world().spec)
    starts = world.sample_states(4000, torch.Generator().manual_seed(0))
    seen, policy = world.observe(starts), result.policies[0]
    shaken = Shaken(policy, world, 0.5, torch.Generator().manual_seed(1))
    inside = (policy(seen, seen).abs() < 0.2).all(-1)
    noise = (shaken(seen, seen) - policy(seen, seen))[inside]
    assert inside.sum() > 200
    assert noise.mean(0).abs().max() < 0.1
    assert 0.38 < noise.std() < 0.5  # N(0, .5), clipped at the edges of the actions' square
