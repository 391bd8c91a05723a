"""`saw-edu train` and `saw-edu evaluate`: options, errors, interruption, resumption, known answers."""

import dataclasses
import json
import os
import shlex
import signal
import subprocess
import sys
import threading
import time
import zipfile
from pathlib import Path

import pandas as pd
import pytest
import torch
from typer.testing import CliRunner, Result

from saw_edu import datasets
from saw_edu.agents import AGENTS, SAW
from saw_edu.cli import app
from saw_edu.course import giant
from saw_edu.data import HindsightGoals, Spec, save_npz
from saw_edu.rollouts import Evaluation
from saw_edu.rollouts import evaluate as rolled_out
from saw_edu.runs import RunError, distance_edges, load, provenance
from saw_edu.runs.folder import RunFailedError, only_writer, reported_failures
from saw_edu.runs.options import parse
from saw_edu.training import TrainingConfig, TrainingResult, train

GCBC = "train --agent gcbc --dataset gridmaze-u-turn-navigate --policy-hidden-dims 8 --batch-size 8 --out run"
PIXELS = f"{GCBC} --encoder impala_debug --steps 2".replace("gridmaze", "pixelmaze")
SMALL = "--value-hidden-dims 8 --policy-hidden-dims 8 --subgoal-policy-hidden-dims 8 --rep-dim 4 --batch-size 8"


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Every test works in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")  # messages in one line
    return tmp_path


def call(command: str) -> Result:
    return CliRunner().invoke(app, shlex.split(command))


def equal(a: Path, b: Path) -> bool:
    """Whether two runs ended with the same networks, to the last bit, and the same metrics but for the clock's."""
    one, other = (torch.load(run / "networks.pt", weights_only=True) for run in (a, b))
    pairs = zip(one["networks"], other["networks"], strict=True)
    same = all(x.keys() == y.keys() and all(torch.equal(x[name], y[name]) for name in x) for x, y in pairs)
    left, right = (pd.read_csv(run / "metrics.csv").drop(columns=["seconds", "updates_per_s"]) for run in (a, b))
    return same and left.equals(right)


# Options


@pytest.mark.parametrize("name", AGENTS)
def test_every_field_of_an_agent_is_an_option_with_its_default(name: str) -> None:
    options = parse(name, ["--dataset", "x"])
    assert (options.agent, options.training) == (AGENTS[name](), TrainingConfig())
    shown = call(f"train --agent {name} --help")
    assert shown.exit_code == 0
    for kind in (AGENTS[name], TrainingConfig, HindsightGoals):
        for field in dataclasses.fields(kind):
            if field.name != "goals":
                assert f"--{field.name.replace('_', '-')} " in shown.output.replace(",", " "), field.name


def test_options_reach_the_dataclasses() -> None:
    given = "--dataset x --value-goals 0 1 0 --step-reward -0.5 --rep-dim None --policy-hidden-dims 3 4 --no-layer-norm"
    options = parse("saw", [*given.split(), "--steps", "7", "--final-learning-rate", "1e-5", "--seeds", "3"])
    goals = HindsightGoals(value_goals=(0.0, 1.0, 0.0), step_reward=-0.5)
    assert options.agent == SAW(goals=goals, rep_dim=None, policy_hidden_dims=(3, 4), layer_norm=False)
    assert options.training == TrainingConfig(steps=7, final_learning_rate=1e-5)
    assert options.seeds == 3
    for words, together in (([], None), (["--together"], True), (["--together", "False"], False)):
        assert parse("gcbc", ["--dataset", "x", *words, "--frame-stack", "2"]).together is together


def test_the_overview_lists_agents_and_data_sets() -> None:
    shown = call("train --help")
    assert shown.exit_code == 0
    for word in (*AGENTS, "gridmaze", "pointmaze", "four-rooms", "navigate", "random"):
        assert word in shown.output
    example = shown.output.replace("\\\n", " ").splitlines()[-2].strip()
    assert parse("saw", shlex.split(example)[4:]).dataset in datasets.dataset_names()


@pytest.mark.parametrize(
    ("command", "messages"),
    [
        ("train", ["usage: saw-edu train --agent NAME", "gcbc"]),
        ("train --agent sav --dataset x", ["no agent named 'sav', did you mean 'saw'?"]),
        ("train --agent saw", ["--dataset FILE|NAME"]),
        (f"{GCBC} --batchsize 3", ["Perhaps you meant", "--batch-size"]),
        (f"{GCBC} --steps many", ["--steps", "many"]),
        (f"{GCBC} --steps 0", ["steps must be at least 1 and whole, got 0"]),
        (f"{GCBC} --seeds 0", ["--seeds must be at least 1, got 0"]),
        (f"{GCBC} --value-goals 1 1 0", ["three probabilities that sum to 1"]),
        (f"{GCBC} --discount 2", ["discount must lie between 0 and 1", "got 2.0"]),
        (f"{GCBC} --policy-hidden-dims 8 0", ["policy_hidden_dims must name at least one layer", "got (8, 0)"]),
        (f"{GCBC} --together maybe", ["--together", "maybe"]),
        (f"{GCBC} --augmentation 0.5", ["observations of gridmaze-u-turn-navigate are vectors: leave it at 0"]),
        (f"{PIXELS} --augmentation 1.5", ["augmentation", "between 0 and 1"]),
        (f"{GCBC} --frame-stack 2", ["only pictures are stacked", "leave frame_stack at 1"]),
        (f"{GCBC} --frame-stack 0", ["frame_stack must be at least 1 frame, got 0"]),
        (GCBC.replace("gridmaze", "pixelmaze"), ["observations are images (20, 24, 3): choose an encoder"]),
        ("train --agent crl --dataset gridmaze-u-turn-navigate", ["needs continuous actions: set extraction='awr'"]),
        (f"{GCBC} --device gpu", ["--device gpu cannot be used", "give --device cpu"]),
        ("train --agent saw --dataset pointmaze-giant-navigte", ["did you mean 'pointmaze-giant-navigate'?"]),
        ("train --agent saw --dataset there.npz", ["no data set at there.npz: check the path"]),
        ("evaluate run", ["no run in run"]),
        ("trian", ["No such command 'trian'", "train"]),
    ],
)
def test_bad_input_is_told_before_anything_is_written(command: str, messages: list[str], elsewhere: Path) -> None:
    result = call(command)
    assert result.exit_code == 2
    for message in messages:
        assert message in " ".join(result.output.split())
    assert not list(elsewhere.iterdir())


# Data sets


def test_the_giant_data_set_is_the_benchmark_s() -> None:
    made, recorded = datasets.load("pointmaze-giant-navigate"), giant.make_data(giant.make_world())
    assert repr(datasets.make_world("pointmaze-giant")) == repr(giant.make_world())
    for name in ("observations", "actions", "episode_ends"):
        assert torch.equal(getattr(made.trajectories, name), getattr(recorded, name))


def test_names_give_worlds_and_data_that_fit_and_repeat() -> None:
    for name in datasets.world_names():
        assert datasets.make_world(name).maze.name in name
    walk, again, other = (datasets.load(f"gridmaze-corridor-{how}") for how in ("random", "random", "navigate"))
    assert walk.digest == again.digest != other.digest
    assert walk.spec == datasets.make_world("gridmaze-corridor").spec
    assert walk.spec.discrete
    assert walk.spec.action_dim == 5
    assert len(datasets.dataset_names()) == 3 * 8 * 2
    with pytest.raises(ValueError, match="did you mean 'ogbench-pointmaze-giant'"):
        datasets.make_world("ogbench-pointmace-giant")


def test_a_file_is_as_good_as_a_name(elsewhere: Path) -> None:
    save_npz("mine.npz", datasets.load("gridmaze-u-turn-navigate").trajectories)
    assert call(f"{GCBC} --steps 20").exit_code == 0
    assert (
        call(f"{GCBC} --steps 20".replace("gridmaze-u-turn-navigate", "mine.npz").replace("--out run", "")).exit_code
        == 0
    )
    assert equal(elsewhere / "run", elsewhere / "runs" / "gcbc-mine")
    refused = call("evaluate runs/gcbc-mine")
    assert refused.exit_code == 2
    assert "give --world NAME" in refused.output
    refused = call("evaluate runs/gcbc-mine --world gridmaze-giant")
    assert refused.exit_code == 2
    assert "other sizes" in refused.output
    shown = call("evaluate runs/gcbc-mine --world gridmaze-u-turn --episodes 4")
    assert shown.exit_code == 0
    assert shown.output.splitlines()[1:-1] == call("evaluate run --episodes 4").output.splitlines()[1:-1]


def test_pictures_are_trained_on_with_an_encoder(elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stacked and cropped too; evaluation shows the policies as many frames as training did."""
    command = f"{PIXELS} --frame-stack 3 --augmentation 0.5"
    assert call(command).exit_code == 0
    config = json.loads((elsewhere / "run" / "config.json").read_text())
    assert config["spec"]["image"] == [20, 24, 9]
    assert (config["made_with"]["commit"] != "unknown") == (provenance.ROOT / ".git").exists()
    stacks = []

    def evaluate(*arguments: object, frame_stack: int, **options: object) -> Evaluation:
        stacks.append(frame_stack)
        return rolled_out(*arguments, frame_stack=frame_stack, **options)  # type: ignore[arg-type]

    monkeypatch.setattr("saw_edu.runs.evaluate.evaluate", evaluate)
    assert call("evaluate run --episodes 1").exit_code == 0
    assert stacks == [3]
    refused = call(f"{PIXELS} --frame-stack 2 --augmentation 0.5")
    assert refused.exit_code == 2
    assert "  frame_stack: 3 there, 2 now" in refused.output


def test_frames_of_a_data_set_are_stacked() -> None:
    one, two = (datasets.load("pixelmaze-u-turn-random", frames) for frames in (1, 2))
    assert two.spec == dataclasses.replace(one.spec, observation_dim=2 * one.spec.observation_dim, image=(20, 24, 6))
    assert two.trajectories.at(torch.tensor([5])).shape == (1, 20, 24, 6)
    assert datasets.stack_frames(Spec(3, 2), 4) == Spec(12, 2)
    with pytest.raises(ValueError, match="at least 1 frame, got 0"):
        datasets.load("pixelmaze-u-turn-random", 0)


# Interruption


def wait_for_checkpoint(run: Path, process: subprocess.Popen[bytes] | None = None) -> None:
    deadline = time.monotonic() + 60
    while not any(run.glob("checkpoints/*.pt")):
        assert time.monotonic() < deadline, "no checkpoint appeared"
        assert process is None or process.poll() is None, "the process ended early"
        time.sleep(0.005)


def test_killed_and_resumed_it_ends_with_the_same_bits(elsewhere: Path) -> None:
    command = f"train --agent saw --dataset gridmaze-u-turn-navigate {SMALL} --seeds 2 --steps 90 --checkpoint-every 10"
    environment = os.environ | {"OMP_NUM_THREADS": str(torch.get_num_threads())}
    line = [sys.executable, "-m", "saw_edu.cli", *shlex.split(command), "--out", "killed"]
    with subprocess.Popen(line, env=environment) as process:
        wait_for_checkpoint(elsewhere / "killed", process)
        process.kill()
    assert process.returncode == -signal.SIGKILL
    assert not (elsewhere / "killed" / "networks.pt").exists()
    refused = call("evaluate killed")
    assert refused.exit_code == 2
    assert f"To go on:\n  saw-edu {command} --out killed" in refused.output
    resumed = call(f"{command} --out killed")
    assert resumed.exit_code == 0
    assert "Continuing from the checkpoints there." in resumed.output
    assert "note:" not in resumed.output
    assert call(f"{command} --out whole").exit_code == 0
    assert equal(elsewhere / "killed", elsewhere / "whole")


def test_ctrl_c_keeps_what_was_trained(elsewhere: Path) -> None:
    def interrupt() -> None:
        wait_for_checkpoint(elsewhere / "run")
        os.kill(os.getpid(), signal.SIGINT)

    command = f"{GCBC} --steps 1000000 --checkpoint-every 3"
    thread = threading.Thread(target=interrupt)
    thread.start()
    stopped = call(command)
    thread.join()
    assert stopped.exit_code == 130
    assert f"To go on:\n  saw-edu {command}" in stopped.output
    assert pd.read_csv(elsewhere / "run" / "metrics.csv")["step"].tolist()[0] == 1
    assert not (elsewhere / "run" / "networks.pt").exists()


def test_a_folder_belongs_to_one_run(elsewhere: Path) -> None:
    assert call(f"{GCBC} --steps 20").exit_code == 0
    before = {path: path.read_bytes() for path in (elsewhere / "run").rglob("*") if path.is_file()}
    assert {path.name for path in before} > {"config.json", "metrics.csv", "networks.pt"}
    refused = call(f"{GCBC} --steps 30 --seeds 2 --const-std --discount 0.9")
    assert refused.exit_code == 2
    told = refused.output.splitlines()[1:-2]
    assert told == ["  discount: 0.99 there, 0.9 now", "  seeds: 1 there, 2 now", "  steps: 20 there, 30 now"]
    again = call(f"{GCBC} --steps 20 --checkpoint-every 7")
    assert again.exit_code == 0
    assert "is finished already" in again.output
    assert {path: path.read_bytes() for path in before} == before
    (elsewhere / "other").mkdir()
    (elsewhere / "other" / "thesis.txt").write_text("mine")
    (elsewhere / "strange").mkdir()
    (elsewhere / "strange" / "config.json").write_text("{}")
    for folder, message in (("other", "holds something else"), ("strange", "not one that `saw-edu train` wrote")):
        refused = call(GCBC.replace("--out run", f"--out {folder}"))
        assert refused.exit_code == 2
        assert message in refused.output


def test_seeds_side_by_side_are_a_run_of_their_own(elsewhere: Path) -> None:
    command = f"{GCBC} --seeds 2 --steps 20"
    assert call(f"{command} --together").exit_code == 0
    assert [path.name for path in (elsewhere / "run" / "checkpoints").iterdir()] == ["seed_0_1.pt"]
    (elsewhere / "run" / "networks.pt").unlink()
    refused = call(command)
    assert refused.exit_code == 2
    assert refused.output.splitlines()[1] == "  together: True there, False now"
    resumed = call(f"{command} --together")
    assert resumed.exit_code == 0
    assert "Continuing from the checkpoints there." in resumed.output
    alone = f"{GCBC} --steps 20 --out alone".replace("--out run", "")
    assert call(f"{alone} --together").exit_code == 0
    assert "is finished already" in call(alone).output  # of one seed there is but one way


def test_a_run_continued_under_other_conditions_says_so(elsewhere: Path) -> None:
    assert call(f"{GCBC} --steps 20").exit_code == 0
    (elsewhere / "run" / "networks.pt").unlink()
    config = json.loads((elsewhere / "run" / "config.json").read_text())
    config["made_with"]["torch"] = "2.11.0"
    (elsewhere / "run" / "config.json").write_text(json.dumps(config))
    resumed = call(f"{GCBC} --steps 20")
    assert resumed.exit_code == 0
    assert f"note: begun with torch 2.11.0, now {torch.__version__}" in resumed.output


# Failures of the work


def test_out_of_memory_says_which_knob_to_turn_and_the_folder_stays_usable() -> None:
    failed = call(f"{GCBC} --batch-size 1000000000000 --steps 3")
    assert failed.exit_code == 1
    shown = [line.split() for line in failed.output.splitlines()]
    assert ["--batch-size", "now", "1000000000000"] in shown
    assert ["--policy-hidden-dims", "now", "8"] in shown
    assert ["--device", "now", "cpu"] in shown
    assert "Traceback" not in failed.output
    assert not any(words[:1] == ["--seeds"] for words in shown)
    assert call(f"{GCBC} --steps 3").exit_code == 0


def test_seeds_side_by_side_and_stacked_frames_are_knobs_too() -> None:
    failed = call(f"{PIXELS} --batch-size 1000000000000 --seeds 2 --together --frame-stack 2")
    assert failed.exit_code == 1
    shown = [line.split() for line in failed.output.splitlines()]
    assert ["--seeds", "now", "2"] in shown
    assert ["--frame-stack", "now", "2"] in shown


def test_a_machine_without_a_compiler_is_told_so() -> None:
    from torch._dynamo.exc import TorchDynamoException

    with (
        pytest.raises(RunFailedError, match=r"leave out --compile \(no compiler here\)"),
        reported_failures({}, ""),
    ):
        raise TorchDynamoException("no compiler here\n\nmuch more")


# Results


def test_networks_saved_from_a_gpu_are_loaded_without_one(elsewhere: Path) -> None:
    data = datasets.load("gridmaze-u-turn-navigate")
    agent, config = AGENTS["gcbc"](policy_hidden_dims=(8,)), TrainingConfig(steps=1, batch_size=8)
    result = train(agent, data.trajectories, config, spec=data.spec, progress=False)
    path = result.save("networks.pt")
    with zipfile.ZipFile(path) as file:
        whole = {name: file.read(name) for name in file.namelist()}
    with zipfile.ZipFile(path, "w") as file:  # each tensor's device is a short text of four bytes' length
        for name, content in whole.items():
            file.writestr(name, content.replace(b"\x03\x00\x00\x00cpu", b"\x06\x00\x00\x00cuda:0"))
    if not torch.cuda.is_available():
        with pytest.raises(RuntimeError, match="CUDA"):
            torch.load(path, weights_only=True)
    (back,) = TrainingResult.load(path, agent, data.spec).networks
    for found, saved in zip(back.parameters(), result.networks[0].parameters(), strict=True):
        assert found.device.type == "cpu"
        assert torch.equal(found, saved)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_networks_trained_on_a_gpu_are_saved_for_any_device() -> None:
    data = datasets.load("gridmaze-u-turn-navigate")
    agent, config = AGENTS["gcbc"](policy_hidden_dims=(8,)), TrainingConfig(steps=1, batch_size=8)
    result = train(agent, data.trajectories, config, spec=data.spec, device="cuda", progress=False)
    saved = torch.load(result.save("networks.pt"), weights_only=True)["networks"]
    assert {p.device.type for state in saved for p in state.values()} == {"cpu"}
    assert next(result.networks[0].parameters()).is_cuda


# Evaluation


def test_distances_are_cut_into_even_bins() -> None:
    assert distance_edges(31) == list(giant.EDGES)
    assert distance_edges(11) == [1, 3, 5, 7, 9, 12]
    assert distance_edges(3) == [1, 2, 3, 4]
    assert distance_edges(1) == [1, 2]


@pytest.mark.parametrize(("arrives", "success"), [(True, 1.0), (False, 0.0)])
def test_evaluation_of_policies_with_known_success(
    arrives: bool, success: float, elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The oracle always arrives; who stays never does."""
    world = datasets.make_world("gridmaze-u-turn")

    def act(observations: torch.Tensor, goals: torch.Tensor) -> torch.Tensor:
        actions = world.oracle(world.states_of(observations), world.states_of(goals))
        return actions if arrives else torch.zeros_like(actions)

    assert call(f"{GCBC} --steps 2 --seeds 3").exit_code == 0
    monkeypatch.setattr("saw_edu.runs.evaluate.Policy", lambda *_: act)
    shown = call("evaluate run --episodes 5 --temperature 0.5")
    assert shown.exit_code == 0
    rows = [line.split() for line in shown.output.splitlines()[2:-2]]
    assert [row[0] for row in rows] == ["1", "2", "3", "4", "5", "6", "7", "8", "1"]
    low, high = (0.0, float(rows[-1][-1])) if success == 0 else (float(rows[-1][-3]), 1.0)
    assert rows[-1] == ["1", "to", "8", f"{success:.2f}", f"{low:.2f}", "-", f"{high:.2f}"]
    assert 0 < high - low < 0.1, "seeds that agree are no certainty"
    episodes = pd.read_csv(elsewhere / "run" / "evaluation.csv")
    assert len(episodes) == 3 * 8 * 5
    assert episodes["seed"].unique().tolist() == [0, 1, 2]
    assert (episodes["success"] == success).all()
    if arrives:
        assert (episodes["steps"] == episodes["distance"]).all()


def test_a_damaged_result_is_named(elsewhere: Path) -> None:
    assert call(f"{GCBC} --steps 2").exit_code == 0
    networks = elsewhere / "run" / "networks.pt"
    networks.write_bytes(networks.read_bytes()[:200])
    refused = call("evaluate run")
    assert refused.exit_code == 2
    assert "run/networks.pt cannot be used: delete it and train again" in refused.output


def test_a_finished_run_goes_on_with_more_steps_and_more_seeds(elsewhere: Path) -> None:
    assert call(f"{GCBC} --steps 20").exit_code == 0
    grown = call(f"{GCBC} --steps 40 --seeds 2")
    assert grown.exit_code == 0, grown.output
    assert call(f"{GCBC} --steps 40 --seeds 2".replace("--out run", "--out whole")).exit_code == 0
    left, right = (load(folder).result.networks for folder in ("run", "whole"))
    for a, b in zip(left, right, strict=True):
        assert all(torch.equal(p, q) for p, q in zip(a.parameters(), b.parameters(), strict=True))
    assert json.loads((elsewhere / "run" / "config.json").read_text())["seeds"] == 2
    refused = call(f"{GCBC} --steps 30 --seeds 2")
    assert refused.exit_code == 2
    assert "steps: 40 there, 30 now" in refused.output


def test_two_processes_do_not_train_into_one_folder(elsewhere: Path) -> None:
    with only_writer(elsewhere / "run"):
        refused = call(f"{GCBC} --steps 20")
    assert refused.exit_code == 2
    assert "another process is training in run" in refused.output
    assert call(f"{GCBC} --steps 20").exit_code == 0


def test_a_run_is_one_call_away_from_its_policies(elsewhere: Path) -> None:
    assert call(f"{GCBC} --steps 20 --seeds 2").exit_code == 0
    run = load("run")
    spec = run.result.spec
    told = torch.zeros(3, spec.observation_dim)
    assert [policy(told, told).shape for policy in run.policies()] == [(3,), (3,)]
    warm = run.policies(temperature=1.0, generator=torch.Generator().manual_seed(0))[1]
    assert len({int(warm(told[:1], told[:1])) for _ in range(30)}) > 1
    with pytest.raises(RunError, match="no run in nowhere"):
        load("nowhere")


def test_threads_are_chosen_said_and_can_be_asked_for(elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = torch.get_num_threads()
    try:
        monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
        assert "1 torch thread: nets narrower than 512" in call(f"{GCBC} --steps 2").output
        asked = call(f"{GCBC} --steps 2 --threads 2".replace("--out run", "--out two")).output
        assert "2 torch threads: as asked" in asked
        assert torch.get_num_threads() == 2
        refused = call(f"{GCBC} --steps 2 --threads 0".replace("--out run", "--out none"))
        assert refused.exit_code == 2
        assert "--threads must be at least 1" in refused.output
    finally:
        torch.set_num_threads(before)
