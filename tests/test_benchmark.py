"""OGBench's suite: names, the paper's settings, data made here, downloads, jobs and the report."""

import http.server
import importlib.util
import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import ClassVar

import numpy as np
import pandas as pd
import pytest
import torch
from typer.testing import CliRunner

from saw_edu.agents import AGENTS, GCBC
from saw_edu.benchmark import download, generate, report
from saw_edu.benchmark.command import benchmark
from saw_edu.benchmark.names import DATA_SETS, SUITES, DataSet, chosen, data_set
from saw_edu.benchmark.presets import preset
from saw_edu.benchmark.run import Job, Options, plan, run_job
from saw_edu.cli import app
from saw_edu.data import Spec, Trajectories, load_npz, save_npz
from saw_edu.runs import RunError, RunInterruptedError

needs_ogbench = pytest.mark.skipif(
    importlib.util.find_spec("ogbench") is None, reason="ogbench is not installed: make env EXTRAS=ogbench"
)
MAZE = "pointmaze-medium-navigate-v0"


# --- names
def test_names_say_what_is_in_the_data() -> None:
    assert len(DATA_SETS) == 81
    assert all(each.name == name for name, each in DATA_SETS.items())
    giant = data_set("visual-humanoidmaze-giant-stitch-v0")
    assert (giant.env, giant.episodes, giant.actions) == ("visual-humanoidmaze-giant-v0", 10_000, 400)
    assert (giant.pictures, giant.can_be_made) == (True, False)
    cube = data_set("cube-triple-noisy-v0")
    assert (cube.episodes, cube.actions, cube.random_actions) == (3000, 1000, 0.1)
    assert data_set("powderworld-hard-play-v0").discrete
    assert len(SUITES["states"]) == 13
    assert len(SUITES["visual"]) == 7
    with pytest.raises(ValueError, match="did you mean 'scene-play-v0'"):
        data_set("scene-plau-v0")
    assert [each.name for each in chosen(["pointmaze", MAZE])] == list(SUITES["pointmaze"])
    with pytest.raises(ValueError, match="Suites: pointmaze"):
        chosen(["pointmazes"])


@needs_ogbench
def test_every_environment_is_there() -> None:
    import gymnasium
    import ogbench  # noqa: F401

    assert all(each.env in gymnasium.registry for each in DATA_SETS.values())


# --- settings
def test_settings_are_the_published_ones() -> None:
    """Single cells of OGBench's and the authors' command files; all 506 were compared when this was written."""
    saw = preset("saw", data_set("cube-single-play-v0"))
    assert (saw.agent.beta, saw.agent.expectile, saw.agent.subgoal_steps) == (0.3, 0.9, 10)  # type: ignore[attr-defined]
    assert preset("saw", data_set("cube-single-play-v0"), starred=False).agent.expectile == 0.7  # type: ignore[attr-defined]
    assert (saw.training.steps, saw.training.batch_size, saw.temperature) == (1_000_000, 1024, 0.0)
    hiql = preset("hiql", data_set("visual-antmaze-giant-stitch-v0"))
    assert hiql.agent.goals.policy_goals == (0.0, 0.5, 0.5)
    assert (hiql.agent.discount, hiql.agent.subgoal_policy_rep_grad) == (0.995, True)  # type: ignore[attr-defined]
    assert (hiql.training.steps, hiql.training.batch_size, hiql.training.augmentation) == (500_000, 256, 0.0)
    assert preset("crl", data_set("puzzle-4x4-noisy-v0")).agent.alpha == 0.1  # type: ignore[attr-defined]
    powder = preset("qrl", data_set("powderworld-easy-play-v0"))
    assert (powder.agent.extraction, powder.agent.alpha, powder.temperature) == ("awr", 3.0, 0.3)  # type: ignore[attr-defined]
    assert preset("ris", data_set(MAZE)).agent.prior_weight == 100.0  # type: ignore[attr-defined]
    assert not preset("saw", data_set("antmaze-large-explore-v0")).published
    assert all(preset(agent, each) for agent in AGENTS for each in DATA_SETS.values())


# --- data made here
SMALL = DataSet("pointmaze", "medium", "stitch")  # episodes of 200 actions


@needs_ogbench
def test_data_are_the_same_however_they_are_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generate, "CHUNK", 2)
    one, held_out = generate.generate(SMALL, tmp_path / "one.npz", transitions=1000, jobs=1, progress=False)
    data = load_npz(one)
    assert (data.num_episodes, len(data.observations)) == (5, 5 * 201)
    assert load_npz(held_out).num_episodes == 1
    assert data.actions.abs().max() <= 1
    moved = (data.observations[1:] - data.observations[:-1]).norm(dim=1)
    assert moved[torch.arange(len(moved)) % 201 != 200].max() < 0.2 * 2**0.5 + 1e-4, "a step is at most that long"
    assert json.loads((tmp_path / "one.json").read_text())["episodes"] == 5
    assert not (tmp_path / "one.parts").exists()

    made: list[str] = []
    plain = generate.make_chunk

    def stops(data: DataSet, path: Path, *rest: int) -> int:
        if len(made) == 2:
            raise KeyboardInterrupt
        made.append(path.stem)
        return plain(data, path, *rest)

    monkeypatch.setattr(generate, "make_chunk", stops)
    with pytest.raises(KeyboardInterrupt):
        generate.generate(SMALL, tmp_path / "two.npz", transitions=1000, jobs=1, progress=False)
    monkeypatch.setattr(generate, "make_chunk", plain)
    with pytest.raises(generate.GenerationError, match="holds pieces of other data"):
        generate.generate(SMALL, tmp_path / "two.npz", transitions=1000, seed=1, jobs=1, progress=False)
    two, _ = generate.generate(SMALL, tmp_path / "two.npz", transitions=1000, jobs=2, progress=False)
    assert torch.equal(load_npz(two).observations, data.observations)
    assert torch.equal(load_npz(two).actions, data.actions)
    other, _ = generate.generate(SMALL, tmp_path / "other.npz", transitions=200, seed=1, jobs=1, progress=False)
    assert not torch.equal(load_npz(other).observations, data.observations[:201])


@needs_ogbench
@pytest.mark.parametrize(
    "name", ["cube-single-noisy-v0", "scene-play-v0", "puzzle-3x3-noisy-v0", "powderworld-easy-play-v0"]
)
def test_demonstrators_draw_from_their_seed_alone(name: str) -> None:
    from saw_edu.benchmark.demonstrators import episode
    from saw_edu.envs.ogbench import make

    data = data_set(name)
    options = {} if data.discrete else {"terminate_at_goal": False}
    short = DataShort(data.kind, data.variant, data.how)
    first, again, other = (
        episode(make(data.env, mode="data_collection", max_episode_steps=21, **options), short, seed)
        for seed in (0, 0, 1)
    )
    assert len(first[0]) == len(first[1]) == 21
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not np.array_equal(first[1], other[1])


class DataShort(DataSet):
    """Twenty actions an episode."""

    actions = 20  # type: ignore[assignment]


def test_what_needs_an_expert_is_said(tmp_path: Path) -> None:
    with pytest.raises(generate.GenerationError, match=r"trained expert.*data download antmaze-large-navigate-v0"):
        generate.generate(data_set("antmaze-large-navigate-v0"), tmp_path / "x.npz")
    with pytest.raises(generate.GenerationError, match="at least one transition"):
        generate.generate(SMALL, tmp_path / "x.npz", transitions=0)
    refused = CliRunner().invoke(app, ["data", "generate", "pointmaze-medum-navigate-v0"])
    assert (refused.exit_code, "did you mean" in refused.output) == (2, True)


# --- downloads
class Server(http.server.SimpleHTTPRequestHandler):
    """Files of a folder, with ranges; those in `cut` are given up in the middle the first time."""

    cut: ClassVar[set[str]] = set()

    def do_GET(self) -> None:
        path = Path(self.translate_path(self.path))
        if not path.is_file():
            self.send_error(404)
            return
        whole, first = path.read_bytes(), 0
        if "Range" in self.headers:
            first = int(self.headers["Range"].removeprefix("bytes=").rstrip("-"))
        self.send_response(206 if first else 200)
        self.send_header("Content-Length", str(len(whole) - first))
        self.end_headers()
        if path.name in self.cut and not first:
            self.wfile.write(whole[: len(whole) // 2])
            return
        self.wfile.write(whole[first:])

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    folder = tmp_path / "server"
    folder.mkdir()
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Server, directory=str(folder))) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        dead, alive = "http://127.0.0.1:9", f"http://127.0.0.1:{running.server_port}"
        monkeypatch.setenv(download.VARIABLE, f"{dead} {alive}")
        yield folder
        running.shutdown()


def walks(rows: int = 400) -> Trajectories:
    g = torch.Generator().manual_seed(0)
    ends = torch.arange(100, rows + 1, 100)
    return Trajectories(torch.randn(rows, 2, generator=g), torch.rand(rows, 2, generator=g) * 2 - 1, ends)


def test_a_download_takes_the_next_server_and_goes_on_where_it_was_cut_off(
    server: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in (f"{MAZE}.npz", f"{MAZE}-val.npz"):
        save_npz(server / name, walks())
    monkeypatch.setattr(Server, "cut", {f"{MAZE}.npz"})
    with pytest.raises(download.DownloadError, match=r"(?s)cut off after .* put the file into"):
        download.download(data_set(MAZE), tmp_path / "here", progress=False)
    monkeypatch.setattr(Server, "cut", set())
    half = (tmp_path / "here" / f"{MAZE}.npz.part").stat().st_size
    assert 0 < half < (server / f"{MAZE}.npz").stat().st_size
    files = download.download(data_set(MAZE), tmp_path / "here", progress=False)
    assert [file.read_bytes() for file in files] == [(server / file.name).read_bytes() for file in files]
    assert "sha256" in (tmp_path / "here" / f"{MAZE}.json").read_text()
    (server / f"{MAZE}.npz").unlink()
    assert download.download(data_set(MAZE), tmp_path / "here", progress=False) == files, "what is there stays"


def test_a_damaged_download_is_not_kept(server: Path, tmp_path: Path) -> None:
    good = save_npz(server / f"{MAZE}.npz", walks()).read_bytes()
    middle = len(good) // 2
    (server / f"{MAZE}.npz").write_bytes(good[:middle] + bytes([good[middle] ^ 255]) + good[middle + 1 :])
    with pytest.raises(download.DownloadError, match=r"damaged|rror|invalid|incorrect"):
        download.download(data_set(MAZE), tmp_path / "here", progress=False)
    assert not list((tmp_path / "here").glob("*.npz*"))


def test_servers_that_are_down_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(download.VARIABLE, "http://127.0.0.1:9 http://127.0.0.1:19")
    refused = CliRunner().invoke(app, ["data", "download", MAZE, "--out", str(tmp_path)])
    assert refused.exit_code == 1
    for words in ("127.0.0.1:9/", "127.0.0.1:19/", "saw-edu data generate"):
        assert words in refused.output


# --- jobs
def options(tmp_path: Path, **changed: object) -> Options:
    given = {"agents": ("gcbc",), "seeds": 2, "steps": 30, "evaluate_every": 10, "episodes": 2, "batch_size": 32,
             "hidden_dims": (16,), "jobs": 1, "folder": tmp_path / "runs", "data": tmp_path}  # fmt: skip
    return Options(**{**given, **changed})  # type: ignore[arg-type]


@needs_ogbench
def test_jobs_end_in_a_table_and_go_on_where_they_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save_npz(tmp_path / f"{MAZE}.npz", walks())
    from saw_edu.benchmark import play

    played: list[int] = []

    def quick(self: play.Arena, policies: list, spec: Spec, episodes: int, **_: object) -> pd.DataFrame:
        played.append(episodes)
        if len(played) == 3:
            raise KeyboardInterrupt
        return pd.DataFrame({"seed": 0, "task": [1, 2], "episode": 0, "success": [1, 0], "steps": 3})

    monkeypatch.setattr(play.Arena, "play", quick)
    say: list[str] = []
    with pytest.raises(RunInterruptedError):
        benchmark([MAZE], options(tmp_path), say.append)
    assert not list(tmp_path.glob("runs/**/results.csv"))
    table = benchmark([MAZE], options(tmp_path), say.append)
    assert len(played) == 7, "six evaluations, and the one that was interrupted"
    assert table.groupby(["seed", "step"])["success"].mean().eq(0.5).all()
    assert sorted(table["step"].unique()) == [10, 20, 30]
    assert benchmark([MAZE], options(tmp_path), say.append).equals(table)
    assert len(played) == 7, "what is done is not done again"
    assert "1 of them done" in say[-1]
    config = json.loads((tmp_path / "runs" / MAZE / "gcbc" / "config.json").read_text())
    assert (config["agent"], config["published settings"]) == ("gcbc", False)


def test_bad_input_is_told_before_work(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=f"saw-edu data generate {MAZE}"):
        plan([MAZE], options(tmp_path))
    with pytest.raises(RunError, match="saw-edu data download antmaze"):
        plan(["antmaze-large-navigate-v0"], options(tmp_path))
    with pytest.raises(RunError, match="did you mean 'saw'"):
        plan([MAZE], options(tmp_path, agents=("swa",)))
    with pytest.raises(RunError, match="--seeds must be at least 1"):
        options(tmp_path, seeds=0)


@needs_ogbench
def test_policies_are_played_on_every_task_and_alike_in_one_process_or_two() -> None:
    from saw_edu.agents import Policy
    from saw_edu.benchmark.play import Arena, by_task

    spec, agent = Spec(2, 2), GCBC(policy_hidden_dims=(8,))
    policies = [Policy(agent, agent.networks(spec, torch.Generator().manual_seed(seed))) for seed in (0, 1)]
    with Arena(data_set(MAZE), jobs=1) as arena:
        alone = arena.play(policies, spec, 2, tasks=(1, 3))
    with Arena(data_set(MAZE), jobs=2) as arena:
        together = arena.play(policies, spec, 2, tasks=(1, 3))
    assert alone.equals(together)
    assert alone.groupby(["seed", "task"]).size().to_dict() == {(s, t): 2 for s in (0, 1) for t in (1, 3)}
    assert by_task(alone.assign(success=[1, 0, 0, 0, 1, 0, 0, 0])) == {"success": 0.25, "task 1": 0.5, "task 3": 0.0}


@needs_ogbench
@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="Ray is not installed: make env EXTRAS=ray")
def test_a_node_that_dies_costs_a_stretch_and_no_result(tmp_path: Path) -> None:
    """A real cluster of two nodes; the one with the job on it is killed in the middle."""
    import ray
    from ray.cluster_utils import Cluster

    save_npz(tmp_path / f"{MAZE}.npz", walks())
    given = options(tmp_path, seeds=1, steps=3000, evaluate_every=3000, episodes=1)
    alone = options(tmp_path, seeds=1, steps=3000, evaluate_every=3000, episodes=1, folder=tmp_path / "alone")
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
    first = cluster.add_node(num_cpus=1)
    ray.init(address=cluster.address, log_to_driver=False)
    checkpoint = given.folder / MAZE / "gcbc" / "checkpoints" / "seed_0.pt"
    try:
        with ThreadPoolExecutor(1) as pool:
            done = pool.submit(benchmark, [MAZE], given, print, cluster.address)
            while not checkpoint.exists():
                time.sleep(0.05)
                assert not done.done() or done.result() is not None
            cluster.remove_node(first, allow_graceful=False)
            assert not done.done(), "the node was killed in the middle"
            cluster.add_node(num_cpus=1)
            table = done.result(timeout=300)
    finally:
        ray.shutdown()
        cluster.shutdown()
    run_job(Job(MAZE, "gcbc", alone))
    saved = [
        torch.load(folder / MAZE / "gcbc" / "networks.pt", weights_only=True) for folder in (given.folder, alone.folder)
    ]
    for a, b in zip(*(tensors(each) for each in saved), strict=True):
        assert torch.equal(a, b)
    assert table["step"].max() == 3000


def tensors(content: object) -> list[torch.Tensor]:
    if isinstance(content, torch.Tensor):
        return [content]
    inner = content.values() if isinstance(content, dict) else content if isinstance(content, (list, tuple)) else []
    return [tensor for each in inner for tensor in tensors(each)]


# --- report
def results(scores: dict[str, list[float]], data: str = MAZE) -> pd.DataFrame:
    rows = [
        {
            "data": data,
            "agent": agent,
            "seed": seed,
            "step": step,
            "task": task,
            "success": score * step / 20,
            "episodes": 50,
        }
        for agent, found in scores.items()
        for seed, score in enumerate(found)
        for step in (10, 20)
        for task in (1, 2)
    ]
    return pd.DataFrame(rows)


def test_the_report_stands_beside_what_is_published(tmp_path: Path) -> None:
    found = results({"saw": [0.9, 1.0, 0.95], "gcbc": [0.1, 0.0, 0.05]})
    table = report.beside_published(found).set_index("agent")
    assert table.loc["saw", "mean"] == pytest.approx(0.95)
    assert table.loc["saw", "published"] == pytest.approx(0.97)
    half = 4.302653 * 0.05 / 3**0.5  # Student's t, two degrees of freedom
    assert table.loc["saw", "low"] == pytest.approx(0.95 - half, abs=1e-4)
    assert table.loc["saw", "high"] == 1.0
    assert "0.97 ± 0.02" in report.text(found)
    page = report.write(pd.concat([found, results({"saw": [0.2]}, "scene-play-v0")]), tmp_path).read_text()
    assert "interquartile mean" in page
    assert "<img" in page


def test_interquartile_means_and_profiles() -> None:
    found = pd.concat([results({"saw": [0.0, 0.4]}), results({"saw": [0.6, 1.0]}, "scene-play-v0")])
    middle, low, high = report.interquartile_mean(found, "saw")
    assert middle == pytest.approx(0.5)
    assert low < middle < high
    assert report.performance_profile(found, "saw", np.array([-0.1, 0.5, 1.0])).tolist() == [1.0, 0.5, 0.0]
    equal = report.summary(results({"saw": [1.0, 1.0]}))
    assert 0.95 < equal["low"][0] < 1.0, "seeds that agree are no certainty: Wilson's interval over 200 episodes"
