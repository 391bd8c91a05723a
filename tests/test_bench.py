"""Benchmarks run, print their ratios and count FLOPs; how fast anything is is not asserted."""

import json
import re
import sys
from pathlib import Path

import pytest
import torch
from sandboxes import needs_sandbox
from typer.testing import CliRunner

from saw_edu.agents import GCBC
from saw_edu.bench import grading as grading_speed
from saw_edu.bench import library as bench
from saw_edu.cli import app
from saw_edu.data import Trajectories
from saw_edu.nn import Networks
from saw_edu.reference import precision, speed, theirs


def test_bench_prints_ratios() -> None:
    result = CliRunner().invoke(app, ["bench", "--quick"])
    assert result.exit_code == 0, result.output
    for agent in ("GCBC", "GCIVL", "GCIQL", "CRL", "QRL", "HIQL", "RIS", "GCWAE", "SAW"):
        row = rf"^{agent}\s+\d+\s+\d+\.\d\d\s+\d+\.\d%\s+\d+\.\d\s+\d+\.\d%$"
        assert re.search(row, result.output, re.MULTILINE), agent
    assert re.search(r"^GCBC\s+\d+\s+1\.00 ", result.output, re.MULTILINE)
    for case in ("SAW, vmap", "value nets, vmap", "value nets, by hand"):
        assert re.search(rf"^{case}\s+\d+\.\d\d$", result.output, re.MULTILINE), case
    assert re.search(r"ratio: \d+ to 1", result.output)


@pytest.mark.parametrize(("batch_size", "hidden"), [(5, 7), (256, 128)])
def test_flops_of_one_hidden_layer(batch_size: int, hidden: int) -> None:
    observation_dim, action_dim = 3, 2
    data = Trajectories(torch.ones(40, observation_dim), torch.ones(40, action_dim), torch.tensor([20, 40]))
    first = 2 * batch_size * 2 * observation_dim * hidden  # of the observation beside the goal
    last = 2 * batch_size * hidden * action_dim
    forward, of_weights, of_inputs = first + last, first + last, last  # the data needs no gradient
    flops = bench.flops_of_update(GCBC(policy_hidden_dims=(hidden,)), data, batch_size)
    assert flops == forward + of_weights + of_inputs


def test_flops_of_a_matrix_product() -> None:
    work, flops = bench.matrix_product(4, 3, seeds=2)
    assert flops == 2 * 2 * 4 * 3 * 3
    left, right = (torch.randn(2, n, 3, generator=g) for g in [torch.Generator().manual_seed(0)] for n in (4, 3))
    torch.testing.assert_close(work(), left @ right)


def test_a_ratio_is_of_the_same_round() -> None:
    def never_the_same(speeds: list[float]) -> bench.Meter:
        return lambda seconds: speeds.pop(0)

    # The machine is ten times as slow in the second round, and 100 times in the third: the ratio stays
    meters = {"twice": never_the_same([200.0, 20.0, 2.0]), "once": never_the_same([100.0, 10.0, 1.0])}
    rates = bench.interleaved(meters, 0.0, rounds=3)
    assert rates == {"twice": [200.0, 20.0, 2.0], "once": [100.0, 10.0, 1.0]}
    assert bench.ratio(rates["twice"], rates["once"]) == 2.0


def test_a_meter_waits_for_queued_work() -> None:
    events: list[str] = []
    measure = bench.meter(lambda: events.append("work"), lambda: events.append("wait"), block=3)
    assert events == ["work"]
    assert measure(0.0) > 0
    assert events == ["work", *["work"] * 3, "wait"]


def test_sized_agent_sets_every_network() -> None:
    assert bench.sized_agent("saw", (8, 8)).subgoal_policy_hidden_dims == (8, 8)  # type: ignore[attr-defined]
    assert bench.sized_agent("crl", (8, 6)).latent_dim == 6  # type: ignore[attr-defined]


def test_what_is_measured_learns_every_seed() -> None:
    run = bench.make_run(GCBC(policy_hidden_dims=(8,)), speed.random_data(2), bench.TrainingConfig(batch_size=16), 2)
    before = [parameters(networks) for networks in run.learner.members()]
    bench.step(run)
    assert run.step == 1
    assert all((old != parameters(new)).any() for old, new in zip(before, run.learner.members(), strict=True))


def parameters(networks: Networks) -> torch.Tensor:
    return torch.cat([p.detach().reshape(-1) for p in networks.parameters()])


REFERENCE = """
import json, sys
print(json.dumps({"versions": {"jax": "none"}, "device": "paper"}), flush=True)
for line in sys.stdin:
    request = json.loads(line)
    if request["case"]["agent"] == "hiql":
        sys.exit(3)
    print(json.dumps({"rate": 4.0 + request["seconds"]}), flush=True)
"""
SMALL = speed.Options(
    agents=("saw",), sizes=("2x256",), seeds=(1, 2), modes=("eager",), seconds=0.0, rounds=2, episodes=2
)


def test_speed_of_several_seeds_and_the_reference() -> None:
    data = speed.random_data(SMALL.episodes)
    reference = theirs.Reference([sys.executable, "-c", REFERENCE])
    try:
        (rows,) = list(speed.measure(SMALL, data, reference))
    finally:
        reference.stop()
    assert reference.process.returncode == 0
    assert [(row.mode, row.seeds) for row in rows] == [("eager", 1), ("eager", 2), ("reference", 1)]
    assert rows[-1].updates == 4.0
    for row in rows[:-1]:
        assert [row.lowest_ratio, row.ratio, row.highest_ratio] == pytest.approx(
            [row.slowest / 4.0, row.updates / 4.0, row.fastest / 4.0]
        )
        flops = speed.flops_of_update(bench.sized_agent("saw", (256, 256)), data, 256)
        assert row.gflops == pytest.approx(row.updates * flops / 1e9)
    assert speed.table(rows).count("\n") == 2


def test_a_reference_that_ends_is_reported() -> None:
    assert theirs.SCRIPT.is_file()
    reference = theirs.Reference([sys.executable, "-c", REFERENCE])
    with pytest.raises(RuntimeError, match="ended with status 3"):
        reference.meter(agent="hiql")
    reference.stop()
    with pytest.raises(RuntimeError, match="ended with status 1"):
        theirs.Reference([sys.executable, "-c", "import sys; sys.exit(1)"])


def test_bfloat16_costs_digits_and_float32_hardly_any() -> None:
    sizes = {"2x256": speed.SIZES["2x256"]}
    single, half = precision.precision_errors(("saw",), sizes, ("float32", "bfloat16"), speed.random_data(2))
    assert [single.precision, half.precision] == ["float32", "bfloat16"]
    assert 0 < single.gradient < 1e-4
    assert 1e-3 < half.gradient < 1  # bfloat16 has 8 bits: 4e-3
    assert single.loss < 1e-5 < half.loss < 1e-1


def test_recorded_speed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(speed, "course_root", lambda: tmp_path)
    command = "--agents gcivl --sizes 2x256 --modes eager --seconds 0 --rounds 1 --episodes 2 --record here"
    speed.main(command.split())
    content = json.loads((tmp_path / "assets" / "results" / "speed" / "here.json").read_text())
    assert "gcivl  2x256" in capsys.readouterr().out
    assert content["command"].endswith(
        "python -m saw_edu.reference.speed --agents gcivl --sizes 2x256 --modes eager --seconds 0.0 --rounds 1 "
        "--episodes 2"
    )
    assert content["machine"]["threads"] == 1
    assert content["torch"] == torch.__version__.split("+")[0]
    assert content["reference"] is None
    assert [row["agent"] for row in content["rows"]] == ["gcivl"]
    assert [error["precision"] for error in content["precision"]] == ["float32"]


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("--agents swa", "did you mean 'saw'"),
        ("--sizes 4x4", "no sizes 4x4: choose from 3x512, 2x256"),
        ("--precisions tf32", "tf32 is for NVIDIA GPUs"),
        ("--threads 0", "must be at least 1"),
        ("--threads 100000", "give fewer threads"),
        ("--device tpu", "device"),
        ("--record ../x", "--record takes a name"),
        ("--reference no/such/folder", "give the folder impls"),
    ],
)
def test_bad_options_are_answered_before_work(command: str, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        speed.main(command.split())
    assert message in " ".join(capsys.readouterr().err.split())


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_no_gpu_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        speed.main(["--device", "cuda"])
    assert "torch sees no GPU here" in capsys.readouterr().err


def test_grading_speed_is_a_ratio_to_the_mean_of_both_runs() -> None:
    found = grading_speed.Speed(40, 2, 200.0, (10.0, 30.0), True)
    assert found.ratio == 10
    words = grading_speed.text(found)
    assert "ratio: 10.0 to 1" in words
    assert "nbgrader autograde: 200.0 s (5.00 s each)" in words
    assert "10.0 s and 30.0 s (0.50 s each" in words


@pytest.mark.slow
@needs_sandbox
def test_nbgrader_and_saw_edu_give_the_same_scores() -> None:
    found = grading_speed.measure(8, jobs=1)  # the solution and all of the first exercise's wrong answers among them
    assert found.same
    assert len(found.seconds) == 2
