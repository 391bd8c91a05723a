"""Training for speed gives the numbers of the plain loop: compiled, in bfloat16, recorded on a GPU."""

import dataclasses
from pathlib import Path

import pytest
import torch
from training_cases import AGENT, CONFIG, SMALL, small, walks

from saw_edu.agents import GCBC, GCIVL
from saw_edu.data import HindsightSampler
from saw_edu.training import train
from saw_edu.training.fused import FlatLoss, adam_
from saw_edu.training.run import Run


@pytest.mark.slow
@pytest.mark.parametrize("name", ["gciql", "qrl", "ris", "saw"])  # each has something that the others do not
def test_compiled_training_gives_the_same_numbers(name: str) -> None:
    data, decayed = walks().to(dtype=torch.float64), dataclasses.replace(CONFIG, final_learning_rate=1e-5)
    compiled = train(small(name), data, dataclasses.replace(decayed, compile=True), 2, together=True, progress=False)
    plain = train(small(name), data, decayed, 2, progress=False)
    for a, b in zip(compiled.networks, plain.networks, strict=True):
        assert all(torch.allclose(p, q, rtol=0, atol=1e-9) for p, q in zip(a.parameters(), b.parameters(), strict=True))


@pytest.mark.slow
def test_compiled_training_of_one_seed_after_another_resumes_to_the_same_bits(tmp_path: Path) -> None:
    data, config = walks().to(dtype=torch.float64), dataclasses.replace(CONFIG, compile=True)
    whole = train(AGENT, data, config, 2, checkpoints=tmp_path / "whole", progress=False)
    plain = train(AGENT, data, CONFIG, 2, progress=False)
    for a, b in zip(whole.networks, plain.networks, strict=True):
        assert all(torch.allclose(p, q, rtol=0, atol=1e-9) for p, q in zip(a.parameters(), b.parameters(), strict=True))
    draw = HindsightSampler(data, AGENT.goals, AGENT.discount, 3).sample
    run, other = (Run(AGENT, draw, config, data.spec(), [0], dtype=torch.float64) for _ in range(2))
    for _ in range(23):
        run.update()
        run.step += 1
    run.save(tmp_path / "part" / "seed_0.pt", {"agent": "one"})
    other.restore(tmp_path / "part" / "seed_0.pt", {"agent": "one"})
    for one in (run, other):
        while one.step < config.steps:
            one.update()
            one.step += 1
    left, right = (one.learner.members()[0].state_dict() for one in (run, other))
    assert all(torch.equal(left[key], right[key]) for key in left)
    assert all(torch.equal(left[key], p) for key, p in whole.networks[0].state_dict().items())


@pytest.mark.slow
def test_training_is_compiled_however_often_a_process_trains() -> None:
    config = dataclasses.replace(CONFIG, steps=1, compile=True)
    with torch._dynamo.config.patch(recompile_limit=1, fail_on_recompile_limit_hit=True):
        for width in (8, 16):
            train(GCBC(policy_hidden_dims=(width,)), walks(), config, 1, progress=False)


def test_two_losses_of_one_shape_are_compiled_apart() -> None:
    """They share Python code, and the guards that would tell them apart are not evaluated."""
    data = walks()
    batch = HindsightSampler(data, GCIVL().goals, 0.99).sample(16, torch.Generator().manual_seed(0))
    given = {name: value[None] for name, value in batch._asdict().items() if value is not None}
    found = {}
    with torch._dynamo.config.patch(recompile_limit=1, fail_on_recompile_limit_hit=True):
        for alpha in (1.0, 50.0, 7.0):
            agent = GCIVL(**SMALL, alpha=alpha)
            networks = agent.networks(data.spec(), torch.Generator().manual_seed(0))
            objective = FlatLoss(agent, networks, backend="eager")
            rows = objective.flatten(networks)[None]
            target = rows[:, : objective.num_followed].clone()
            moments = torch.zeros_like(rows), torch.zeros_like(rows)
            zero, rate = torch.zeros((), dtype=torch.float64), torch.tensor(1e-3, dtype=torch.float64)
            plain, _ = objective.rows(rows, {}, target, given)
            compiled, _ = objective.update(rows.clone(), {}, target, moments, zero, rate, 0.005, given)
            assert torch.allclose(compiled, plain, rtol=1e-5)
            found[alpha] = float(compiled)
    assert len(set(found.values())) == 3


def test_adam_is_the_published_one() -> None:
    generator = torch.Generator().manual_seed(0)
    ours, theirs = (torch.ones(2, 5, dtype=torch.float64) for _ in range(2))
    moments, count = (torch.zeros_like(ours), torch.zeros_like(ours)), torch.zeros((), dtype=torch.float64)
    optimizer = torch.optim.Adam([theirs.requires_grad_()], lr=0.1)
    for _ in range(7):
        gradient = torch.randn(2, 5, generator=generator, dtype=torch.float64)
        adam_(ours, gradient, moments, count, torch.tensor(0.1, dtype=torch.float64))
        theirs.grad = gradient
        optimizer.step()
    assert count == 7
    assert torch.allclose(ours, theirs, rtol=0, atol=1e-14)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")
def test_a_recorded_step_on_a_gpu_does_what_its_operations_do(monkeypatch: pytest.MonkeyPatch) -> None:
    data = walks().to(dtype=torch.float64)
    graph = train(AGENT, data, CONFIG, 3, device="cuda", progress=False)
    alone = train(AGENT, data, CONFIG, 3, device="cuda", together=False, progress=False)
    monkeypatch.setattr("saw_edu.training.run.WARM_UP_STEPS", 10_000)
    plain = train(AGENT, data, CONFIG, 3, device="cuda", progress=False)
    for a, b, c in zip(graph.networks, alone.networks, plain.networks, strict=True):
        for p, q, r in zip(a.parameters(), b.parameters(), c.parameters(), strict=True):
            assert torch.allclose(p, q, rtol=0, atol=1e-9)
            assert torch.allclose(p, r, rtol=0, atol=1e-9)
