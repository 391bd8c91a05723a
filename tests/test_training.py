"""Training: resume to the same bits, interruption, divergence, sharing a value."""

import dataclasses
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import NamedTuple

import pandas as pd
import pytest
import torch

from saw_edu.agents import AGENTS, CRL, GCBC, GCIQL, GCIVL, GCWAE, HIQL, QRL, RIS, SAW, Agent, agent_class
from saw_edu.data import Batch, HindsightSampler, Trajectories
from saw_edu.training import TrainingConfig, TrainingDivergedError, TrainingResult, train
from saw_edu.training.fused import FlatLoss, adam_
from saw_edu.training.identity import code_of
from saw_edu.training.run import Run

SMALL = {"policy_hidden_dims": (16,), "value_hidden_dims": (16, 16)}
AGENT = SAW(**SMALL, subgoal_policy_hidden_dims=(16,), rep_dim=4, subgoal_steps=3)
CONFIG = TrainingConfig(steps=60, batch_size=16, log_every=10, checkpoint_every=20)


def walks(discrete: bool = False) -> Trajectories:
    """Ten walks of 20 steps in the plane, each in its own direction; the action is the step taken."""
    generator = torch.Generator().manual_seed(0)
    directions = torch.rand(10, 1, 2, generator=generator) * 2 - 1
    steps = (directions + 0.2 * torch.randn(10, 21, 2, generator=generator)).clamp(-1, 1)
    places = (steps.cumsum(1) - steps).reshape(-1, 2)
    actions = (steps[..., 0] > 0).long().reshape(-1) if discrete else steps.reshape(-1, 2)
    return Trajectories(places, actions, torch.arange(21, 211, 21))


def equal(a: TrainingResult, b: TrainingResult) -> bool:
    pairs = zip(a.networks, b.networks, strict=True)
    return all(
        torch.equal(p, q) for x, y in pairs for p, q in zip(x.parameters(), y.parameters(), strict=True)
    ) and without_clock(a).equals(without_clock(b))


def without_clock(result: TrainingResult) -> pd.DataFrame:
    """The metrics but for the two columns that no two runs share."""
    return result.metrics.drop(columns=["seconds", "updates_per_s"])


def small(name: str, discrete: bool = False) -> Agent:
    """An agent that learns in a moment; those that climb a critic imitate instead where actions are discrete."""
    extraction = {"extraction": "awr" if discrete else "ddpgbc", "alpha": 3.0}
    agents = {
        "gcbc": GCBC(policy_hidden_dims=(16,)),
        "gcivl": GCIVL(**SMALL),
        "gciql": GCIQL(**SMALL, **extraction),
        "crl": CRL(**SMALL, latent_dim=8, **extraction),
        "qrl": QRL(**SMALL, latent_dim=16, **extraction),
        "hiql": HIQL(**SMALL, rep_dim=4, subgoal_steps=3),
        "ris": RIS(**SMALL, rep_dim=4, subgoal_steps=3),
        "gcwae": GCWAE(**SMALL, subgoal_steps=3),
        "saw": AGENT,
    }
    return agents[name]


class stops_at:  # noqa: N801  (reads as a phrase where it is used)
    """Draws as a SAW's sampler does; the draw of that number is interrupted, as by Ctrl-C."""

    def __init__(self, number: int | None) -> None:
        self.left = number
        self.sampler = HindsightSampler(walks(), AGENT.goals, AGENT.discount, AGENT.subgoal_steps)

    def __call__(self, batch_size: int, generator: torch.Generator) -> Batch:
        if self.left is not None:
            self.left -= 1
            if self.left == 0:
                signal.raise_signal(signal.SIGINT)
        return self.sampler.sample(batch_size, generator)


@pytest.mark.parametrize("name", AGENTS)
@pytest.mark.parametrize("discrete", [False, True])
def test_every_agent_trains_and_acts(name: str, discrete: bool) -> None:
    agent = small(name, discrete)
    data = walks(discrete)
    config = dataclasses.replace(CONFIG, learning_rate=3e-3, batch_size=64)
    result = train(agent, data, config, seeds=[3, 5], progress=False)
    assert result.seeds == [3, 5]
    assert sorted(result.metrics["seed"].unique()) == [3, 5]
    assert result.metrics["step"].tolist() == [1, 10, 20, 30, 40, 50, 60] * 2
    log_prob = "subgoal_policy/bc_log_prob" if name == "hiql" else "policy/bc_log_prob"
    first, last = result.metrics[log_prob].iloc[[0, 6]]
    assert last > first
    actions = result.policies[0](data.observations[:7], data.observations[7:14])
    assert actions.shape == ((7,) if discrete else (7, 2))
    assert bool((actions.abs() <= 1).all())


def test_seeds_repeat_and_differ() -> None:
    one, again, other = (train(AGENT, walks(), CONFIG, [seed], progress=False) for seed in (1, 1, 2))
    assert equal(one, again)
    assert not equal(one, other)


@pytest.mark.parametrize("name", AGENTS)
@pytest.mark.parametrize("discrete", [False, True])
def test_seeds_side_by_side_learn_what_each_learns_alone(name: str, discrete: bool) -> None:
    agent, data = small(name, discrete), walks(discrete).to(dtype=torch.float64)
    if not discrete and name in ("gciql", "qrl", "ris", "saw"):
        agent = dataclasses.replace(agent, const_std=False)  # the first three draw numbers then
    alone = train(agent, data, CONFIG, 3, progress=False)
    together = train(agent, data, CONFIG, 3, together=True, progress=False)
    assert together.seeds == [0, 1, 2]
    for a, b in zip(alone.networks, together.networks, strict=True):
        for (key, p), q in zip(a.named_parameters(), b.parameters(), strict=True):
            assert torch.allclose(p, q, rtol=0, atol=1e-9), key
    ties = [column for column in alone.metrics if "categorical_accuracy" in column]  # the same goal twice in a batch
    left, right = (without_clock(result).drop(columns=ties) for result in (alone, together))
    pd.testing.assert_frame_equal(left, right, rtol=1e-6)


def test_seeds_side_by_side_share_values_and_resume(tmp_path: Path) -> None:
    value = train(small("gcivl"), walks(), CONFIG, 2, progress=False)
    agent = GCWAE(**SMALL, subgoal_steps=3)
    whole = train(agent, walks(), CONFIG, 2, value_from=value, together=True, progress=False)
    short = dataclasses.replace(CONFIG, checkpoint_every=7)
    part = train(
        agent,
        walks(),
        short,
        2,
        value_from=value,
        together=True,
        checkpoints=tmp_path,
        progress=False,
        draw=stops_at(40),
    )
    assert (tmp_path / "seed_0_1.pt").exists()
    assert len(part.networks) == 2
    resumed = train(
        agent,
        walks(),
        short,
        2,
        value_from=value,
        together=True,
        checkpoints=tmp_path,
        progress=False,
        draw=stops_at(None),
    )
    assert equal(whole, resumed)
    assert torch.equal(resumed.networks[1].value.net.dense[0].kernel, value.networks[1].value.net.dense[0].kernel)


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


def test_bfloat16_is_near_float32() -> None:
    rough = train(AGENT, walks(), dataclasses.replace(CONFIG, precision="bfloat16"), progress=False).metrics
    exact = train(AGENT, walks(), CONFIG, progress=False).metrics
    assert rough["loss"].tolist() != exact["loss"].tolist()
    assert rough["loss"].iloc[0] == pytest.approx(exact["loss"].iloc[0], rel=0.02)


def test_a_value_that_a_file_does_not_hold_is_not_used(tmp_path: Path) -> None:
    value = train(small("gcivl"), walks(), CONFIG, progress=False)
    path = value.save(tmp_path / "policy.pt", keep=("policy",))
    loaded = TrainingResult.load(path, small("gcivl"), value.spec)
    with pytest.raises(ValueError, match="without value"):
        train(small("gcwae"), walks(), CONFIG, value_from=loaded, progress=False)


def test_augmentation_is_for_images() -> None:
    with pytest.raises(ValueError, match="crops images"):
        train(AGENT, walks(), dataclasses.replace(CONFIG, augmentation=0.5), progress=False)
    with pytest.raises(ValueError, match="between 0 and 1"):
        dataclasses.replace(CONFIG, augmentation=2.0)


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
from test_training import AGENT, walks
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


class GoalsForWaypoints(HindsightSampler):
    """The goal itself is the waypoint, however far."""

    def waypoint_rows(self, rows, policy_goals, is_random):  # type: ignore[no-untyped-def]
        return policy_goals, policy_goals


def test_a_sampler_of_ones_own_draws_the_batches() -> None:
    """With goals for waypoints, the waypoint's advantage is what the goal itself is nearer than s."""
    data = walks()
    own = GoalsForWaypoints(data, AGENT.goals, AGENT.discount, AGENT.subgoal_steps)
    batch = own.sample(64, torch.Generator().manual_seed(0))
    assert torch.equal(batch.waypoints, batch.policy_goals)
    usual = train(AGENT, data, CONFIG, 1, progress=False)
    class_by_name = train(AGENT, data, CONFIG, 1, progress=False, sampler=HindsightSampler)
    other = train(AGENT, data, CONFIG, 1, progress=False, sampler=GoalsForWaypoints)
    assert equal(usual, class_by_name)
    # The value's goals come from the same draws; only what depends on waypoints differs.
    assert other.metrics["value/value_loss"].equals(usual.metrics["value/value_loss"])
    assert other.metrics["waypoint/wadv"].iloc[-1] > usual.metrics["waypoint/wadv"].iloc[-1]


def test_a_sampler_is_a_class(tmp_path: Path) -> None:
    sampler = HindsightSampler(walks(), AGENT.goals, AGENT.discount, AGENT.subgoal_steps)
    with pytest.raises(TypeError, match="the class itself"):
        train(AGENT, walks(), CONFIG, 1, progress=False, sampler=sampler)  # type: ignore[arg-type]
    train(AGENT, walks(), CONFIG, 1, checkpoints=tmp_path, progress=False)
    with pytest.raises(ValueError, match="another code"):
        train(AGENT, walks(), CONFIG, 1, checkpoints=tmp_path, progress=False, sampler=GoalsForWaypoints)


def test_a_checkpoint_of_another_run_is_refused(tmp_path: Path) -> None:
    train(AGENT, walks(), CONFIG, checkpoints=tmp_path, progress=False)
    with pytest.raises(ValueError, match="another configuration"):
        train(AGENT, walks(), TrainingConfig(steps=60, batch_size=17), checkpoints=tmp_path, progress=False)


def test_divergence_names_the_term() -> None:
    data = walks()
    broken = Trajectories(data.observations * 1e30, data.actions, data.episode_ends)
    with pytest.raises(TrainingDivergedError, match=r"value/value_loss.* at step 1 of seed 0"):
        train(GCIVL(**SMALL, layer_norm=False), broken, CONFIG, progress=False)


def test_a_value_is_shared_and_fixed() -> None:
    data = walks()
    taught = train(GCIVL(**SMALL), data, CONFIG, 2, progress=False)
    saw = train(SAW(**SMALL, subgoal_policy_hidden_dims=(16,), rep_dim=None, subgoal_steps=3), data, CONFIG, 2,
                value_from=taught, progress=False)  # fmt: skip
    for a, b in zip(taught.networks, saw.networks, strict=True):
        assert all(torch.equal(p, q) for p, q in zip(a.value.parameters(), b.value.parameters(), strict=True))
    s, g = data.observations[:5], data.observations[50:55]
    assert torch.equal(taught.policies[1].value(s, g), saw.policies[1].value(s, g))
    assert "value/value_loss" not in saw.metrics
    for agent, message in ((AGENT, "no goal_rep"), (GCBC(), "no value function"), (GCIVL(), "other sizes")):
        with pytest.raises(ValueError, match=message):
            train(agent, data, CONFIG, 2, value_from=taught, progress=False)
    with pytest.raises(ValueError, match="make them equal"):
        train(GCIVL(**SMALL), data, CONFIG, 3, value_from=taught, progress=False)


def test_results_are_saved_and_loaded(tmp_path: Path) -> None:
    data = walks()
    result = train(AGENT, data, CONFIG, 2, progress=False)
    result.save(tmp_path / "saw.pt", keep=("policy", "policy_goal_rep"))
    back = TrainingResult.load(tmp_path / "saw.pt", AGENT, data.spec())
    s, g = data.observations[:5], data.observations[50:55]
    assert torch.equal(back.policies[1](s, g), result.policies[1](s, g))
    with pytest.raises(ValueError, match="holds SAW networks"):
        TrainingResult.load(tmp_path / "saw.pt", GCBC(), data.spec())
    with pytest.raises(ValueError, match="check its sizes"):
        TrainingResult.load(tmp_path / "saw.pt", SAW(), data.spec())


def test_learning_rate_decays() -> None:
    config = TrainingConfig(steps=10, batch_size=4, learning_rate=1.0, final_learning_rate=0.0, log_every=1)
    frozen_at_the_end = train(GCBC(policy_hidden_dims=(4,)), walks(), config, progress=False)
    assert len(frozen_at_the_end.metrics) == 10
    assert not equal(
        frozen_at_the_end,
        train(GCBC(policy_hidden_dims=(4,)), walks(), TrainingConfig(10, 4, 1.0, log_every=1), progress=False),
    )


def test_bad_settings() -> None:
    with pytest.raises(ValueError, match="steps must be at least 1"):
        TrainingConfig(steps=0)
    with pytest.raises(ValueError, match="did you mean 'gcivl'"):
        agent_class("gcvil")


class Half(SAW):
    """SAW with half of the policy's loss."""

    def policy_loss(self, networks, batch):  # type: ignore[no-untyped-def]
        loss, metrics = super().policy_loss(networks, batch)
        return 0.5 * loss, metrics


def test_an_edited_loss_does_not_get_its_old_networks_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    agent = Half(**vars(AGENT))
    train(agent, walks(), CONFIG, checkpoints=tmp_path, progress=False)
    train(agent, walks(), CONFIG, checkpoints=tmp_path, progress=False)  # the same code: goes on

    def edited(self, networks, batch):  # type: ignore[no-untyped-def]
        loss, metrics = SAW.policy_loss(self, networks, batch)
        return 0.25 * loss, metrics

    monkeypatch.setattr(Half, "policy_loss", edited)
    with pytest.raises(ValueError, match="from a run with another code"):
        train(agent, walks(), CONFIG, checkpoints=tmp_path, progress=False)


def _weight(x):  # type: ignore[no-untyped-def]
    return 2 * x


def _objective(x):  # type: ignore[no-untyped-def]
    return _weight(x) + 1


def test_code_is_known_by_what_it_does_and_by_what_it_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    before = code_of(_objective)
    assert before == code_of(_objective)
    monkeypatch.setitem(globals(), "_weight", lambda x: 3 * x)
    assert code_of(_objective) != before
    assert code_of(AGENT) == code_of(SAW())
    assert code_of(AGENT) != code_of(GCIVL())


def test_checkpoints_made_one_way_are_not_started_again_in_the_other(tmp_path: Path) -> None:
    one_by_one = train(AGENT, walks(), CONFIG, 2, checkpoints=tmp_path / "a", progress=False)
    with pytest.raises(ValueError, match="one after another: leave `together` out"):
        train(AGENT, walks(), CONFIG, 2, checkpoints=tmp_path / "a", together=True, progress=False)
    together = train(AGENT, walks(), CONFIG, 2, checkpoints=tmp_path / "b", together=True, progress=False)
    with pytest.raises(ValueError, match="side by side"):
        train(AGENT, walks(), CONFIG, 2, checkpoints=tmp_path / "b", together=False, progress=False)
    for folder, whole in (("a", one_by_one), ("b", together)):  # not asked: as it was
        assert equal(train(AGENT, walks(), CONFIG, 2, checkpoints=tmp_path / folder, progress=False), whole)


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


def test_the_value_alone_is_trained() -> None:
    data, agent = walks(), small("gcivl")
    whole = train(agent, data, CONFIG, progress=False)
    value = train(agent, data, CONFIG, parts="value", progress=False)
    assert all(
        torch.equal(p, q)
        for p, q in zip(whole.networks[0].value.parameters(), value.networks[0].value.parameters(), strict=True)
    )
    fresh = agent.networks(data.spec(), torch.Generator().manual_seed(0)).policy.parameters()
    assert all(torch.equal(p, q) for p, q in zip(value.networks[0].policy.parameters(), fresh, strict=True))
    for wrong in (GCBC(policy_hidden_dims=(4,)), agent):
        given = None if wrong is not agent else value
        with pytest.raises(ValueError, match="an agent with a value, and no value_from"):
            train(wrong, data, CONFIG, parts="value", value_from=given, progress=False)


class Words(NamedTuple):
    """A batch of another kind: a word in the place of a goal."""

    observations: torch.Tensor  # (B, 2)
    words: torch.Tensor  # (B,)
    actions: torch.Tensor  # (B, 2)


class Listener(GCBC):
    """Imitates by a word: one of four, as one-hot numbers in the place of the goal."""

    def policy_loss(self, networks, batch):  # type: ignore[no-untyped-def]
        told = torch.nn.functional.one_hot(batch.words, 2).to(batch.observations.dtype)
        log_probs = networks.policy(batch.observations, told).log_prob(batch.actions)
        return -log_probs.mean(), {"policy/bc_log_prob": log_probs.mean().detach()}


@pytest.mark.parametrize("together", [False, True])
def test_a_batch_can_be_of_any_kind(together: bool) -> None:
    data = walks()

    def draw(size: int, generator: torch.Generator) -> Words:
        rows = torch.randint(len(data.observations), (size,), generator=generator)
        return Words(data.observations[rows], (data.actions[rows, 0] > 0).long(), data.actions[rows])

    agent = Listener(policy_hidden_dims=(16,))
    config = dataclasses.replace(CONFIG, learning_rate=1e-2)
    result = train(agent, data, config, 2, draw=draw, together=together, progress=False)
    told = torch.eye(2)
    answers = result.policies[0](torch.zeros(2, 2), told)[:, 0]
    assert answers[1] > 0 > answers[0], "it does what the word says"


def test_some_seeds_of_a_result() -> None:
    result = train(AGENT, walks(), CONFIG, [3, 4, 5], progress=False)
    some = result.only([5, 3])
    assert some.seeds == [5, 3]
    assert some.networks[0] is result.networks[2]
    assert sorted(some.metrics["seed"].unique()) == [3, 5]
    with pytest.raises(ValueError, match="there is no seed 7"):
        result.only([7])
