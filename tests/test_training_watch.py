"""What is told of a training while it runs: metrics, evaluations, lines."""

from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest
import torch
from training_cases import AGENT, CONFIG, walks

from saw_edu.training import train


def test_training_is_evaluated_and_told_of_while_it_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("saw_edu.training.run.SECONDS_BETWEEN_LINES", 0.0)
    data, path, seen, lines = walks(), tmp_path / "metrics.csv", [], []

    def evaluate(policy) -> dict[str, float]:  # type: ignore[no-untyped-def]
        torch.rand(3)  # as a careless user would: training must not notice
        seen.append(len(pd.read_csv(path)) if path.exists() else 0)
        return {"size": float(policy(data.observations[:4], data.observations[4:8]).abs().mean())}

    torch.manual_seed(5)
    state = torch.random.get_rng_state()
    result = train(
        AGENT, data, CONFIG, 2, metrics=path, evaluate=evaluate, evaluate_every=25, say=lines.append, progress=False
    )
    assert torch.equal(torch.random.get_rng_state(), state)
    plain = train(AGENT, data, CONFIG, 2, progress=False)
    for a, b in zip(result.networks, plain.networks, strict=True):
        assert all(torch.equal(p, q) for p, q in zip(a.parameters(), b.parameters(), strict=True))
    measured = result.metrics.dropna(subset=["evaluation/size"])
    assert measured["step"].tolist() == [25, 50, 60] * 2
    assert seen[1] > seen[0] > 0, "the file grows while training runs"
    assert len(pd.read_csv(path)) == len(result.metrics)
    assert any("seed 1: step 30 of 60, loss" in line for line in lines)


def test_an_evaluation_that_fails_loses_no_step_and_is_made_up_for(tmp_path: Path) -> None:
    data, calls = walks(), []

    def breaks(policy) -> dict[str, float]:  # type: ignore[no-untyped-def]
        calls.append(policy)
        raise RuntimeError("the simulator is gone")

    def counts(policy) -> dict[str, float]:  # type: ignore[no-untyped-def]
        calls.append(policy)
        return {"calls": len(calls)}

    every = {"evaluate_every": 25, "progress": False, "checkpoints": tmp_path}
    with pytest.raises(RuntimeError, match="the simulator is gone"):
        train(AGENT, data, CONFIG, evaluate=breaks, **every)
    assert torch.load(tmp_path / "seed_0.pt", weights_only=True)["step"] == 25
    result = train(AGENT, data, CONFIG, evaluate=counts, **every)
    measured = result.metrics.dropna(subset=["evaluation/calls"])
    assert dict(zip(measured["step"], measured["evaluation/calls"], strict=True)) == {25: 2, 50: 3, 60: 4}
    plain = train(AGENT, data, CONFIG, progress=False).networks[0]
    assert all(torch.equal(p, q) for p, q in zip(result.networks[0].parameters(), plain.parameters(), strict=True))


def test_an_evaluation_gets_a_policy_that_stays_as_it_is_and_its_time_is_no_training(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    data, kept, clock = walks(), [], [0.0]
    monkeypatch.setattr("saw_edu.training.run.time", SimpleNamespace(perf_counter=lambda: clock[0]))

    def slow(policy) -> dict[str, float]:  # type: ignore[no-untyped-def]
        clock[0] += 100.0
        kept.append((policy, policy(data.observations[:4], data.observations[4:8])))
        return {"number": len(kept)}

    result = train(AGENT, data, CONFIG, evaluate=slow, evaluate_every=10, progress=False)
    for policy, actions in kept:
        assert torch.equal(policy(data.observations[:4], data.observations[4:8]), actions)
    assert not torch.equal(kept[0][1], kept[-1][1])
    assert len(kept) == 6
    assert result.metrics["seconds"].max() == 0.0
