"""What is told of a training while it runs: metrics, evaluations, lines."""

from pathlib import Path

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
