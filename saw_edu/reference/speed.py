"""Updates a second at the paper's sizes, on a CPU or a GPU, also against the authors' JAX code in the same run.

    python -m saw_edu.reference.speed --threads 2
    python -m saw_edu.reference.speed --reference saw/impls --reference-python .venv-jax/bin/python --record cpu
    python -m saw_edu.reference.speed --device cuda --seeds 1 8 --reference ... --record gpu

The data are random, with antmaze's sizes. Everything that is compared takes turns (see
`saw_edu.bench.library`), and what is measured is what
`train` runs: on a GPU one recorded CUDA graph with data and sampling on the device.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import json
import os
import platform
import re
import shutil
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from saw_edu.agents import AGENTS, Agent, agent_class
from saw_edu.bench.library import (
    flops_of_update,
    interleaved,
    make_run,
    matrix_product,
    meter,
    ratio,
    sized_agent,
    step,
)
from saw_edu.data import Batch, HindsightSampler, Trajectories
from saw_edu.place import course_root
from saw_edu.runs.provenance import commit, origin
from saw_edu.training import Learner, TrainingConfig
from saw_edu.training.fused import set_matmul_precision

OBSERVATION_DIM, ACTION_DIM = 29, 8  # antmaze's
EPISODES, EPISODE_ROWS = 1000, 1001  # of OGBench's antmaze data sets
SIZES = {"3x512": ((512, 512, 512), 1024), "2x256": ((256, 256), 256)}  # hidden layers, batch; the first is the paper's
_DTYPES = {"float32": torch.float32, "tf32": torch.float32, "bfloat16": torch.bfloat16}


@dataclass(frozen=True)
class Options:
    """What to measure."""

    agents: tuple[str, ...] = ("saw", "hiql", "gcivl")
    sizes: tuple[str, ...] = tuple(SIZES)
    device: str = "cpu"
    threads: int = 1  # of torch, and cores that both may use
    seeds: tuple[int, ...] = (1,)  # how many side by side
    precisions: tuple[str, ...] = ("float32",)
    modes: tuple[str, ...] = ("eager", "compiled")
    seconds: float = 2.0  # of a stretch
    rounds: int = 7
    episodes: int = EPISODES

    def __post_init__(self) -> None:
        for agent in self.agents:
            agent_class(agent)
        for name, known in (("sizes", SIZES), ("precisions", _DTYPES), ("modes", ("eager", "compiled"))):
            unknown = set(getattr(self, name)) - set(known)
            if unknown:
                raise ValueError(f"no {name} {', '.join(sorted(unknown))}: choose from {', '.join(known)}")
        if min(self.threads, self.rounds, self.episodes, *self.seeds) < 1 or self.seconds < 0:
            raise ValueError(f"threads, rounds, episodes and seeds must be at least 1, seconds not below 0: {self}")
        if self.threads > (cores := len(_cores()) or os.cpu_count() or 1):
            raise ValueError(f"{self.threads} threads, but only {cores} cores to run on: give fewer threads")
        if not self.on_gpu and torch.device(self.device).type != "cpu":
            raise ValueError(f"device must be cpu or cuda, got {self.device}")
        if self.on_gpu and not torch.cuda.is_available():
            raise ValueError("torch sees no GPU here: run with --device cpu, or install a torch built for CUDA")
        if not self.on_gpu and "tf32" in self.precisions:
            raise ValueError("tf32 is for NVIDIA GPUs: leave it out of the precisions, or give --device cuda")

    @property
    def on_gpu(self) -> bool:
        """Whether the device is an NVIDIA GPU."""
        return torch.device(self.device).type == "cuda"


@dataclass(frozen=True)
class Row:
    """One way to train one agent at one size. Rates count the updates of all seeds."""

    agent: str
    size: str
    mode: str  # eager, compiled; reference: the authors' code
    precision: str
    seeds: int
    updates: float  # a second: the median over the rounds
    slowest: float  # round
    fastest: float  # round
    gflops: float | None = None  # GFLOP/s achieved
    limit: float | None = None  # their share of what a matrix product reaches in the same rounds
    ratio: float | None = None  # to the reference: the median over the rounds
    lowest_ratio: float | None = None  # of a round
    highest_ratio: float | None = None  # of a round


class Reference:
    """The authors' code in a process of its own, which measures on command.

    Args:
        command: starts the process, see `reference_speed`.
        device: cpu or cuda.

    Raises:
        RuntimeError: it ended, now or at a later request; what it said of that is on stderr.
    """

    def __init__(self, command: Sequence[str], device: str = "cpu") -> None:
        environment = os.environ | {"JAX_PLATFORMS": device, "XLA_PYTHON_CLIENT_PREALLOCATE": "false"}
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        )
        self.about: dict[str, Any] = self._answer()

    @classmethod
    def start(cls, folder: Path, python: str, device: str) -> Reference:
        """Measure the checkout whose `impls` folder is given, with an interpreter that has what it needs."""
        script = Path(__file__).with_name("reference_speed.py")
        reference = cls([python, str(script), str(folder)], torch.device(device).type)
        reference.about["commit"] = commit(folder)
        return reference

    def meter(self, **case: Any) -> Callable[[float], float]:
        """A meter of updates, warmed up."""

        def measure(seconds: float) -> float:
            return float(self._ask({"case": case, "seconds": seconds})["rate"])

        measure(0)
        return measure

    def stop(self) -> None:
        """End the process."""
        if self.process.stdin is not None:
            with contextlib.suppress(OSError):
                self.process.stdin.close()
        self.process.wait()

    def _ask(self, request: dict[str, Any]) -> dict[str, Any]:
        assert self.process.stdin is not None
        with contextlib.suppress(OSError):  # it has ended: no answer will come
            self.process.stdin.write(json.dumps(request) + "\n")
            self.process.stdin.flush()
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(
                f"the reference's process ended with status {self.process.wait()}: see its message above; "
                "the interpreter needs what the checkout's requirements.txt lists"
            )
        answer: dict[str, Any] = json.loads(line)
        return answer


def _cores() -> set[int]:
    """Those that this process may run on; empty where the system does not tell."""
    return os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set()


@contextlib.contextmanager
def pinned(threads: int) -> Iterator[None]:
    """Run on so many cores only, with as many torch threads: jax, started within, takes one thread a core.

    Where the system cannot do that (it is Linux that can), only torch's threads are set.
    """
    before = torch.get_num_threads()
    cores = _cores()
    torch.set_num_threads(threads)
    if cores:
        os.sched_setaffinity(0, sorted(cores)[:threads])
    try:
        yield
    finally:
        torch.set_num_threads(before)
        if cores:
            os.sched_setaffinity(0, cores)


def random_data(episodes: int = EPISODES) -> Trajectories:
    """Noise with antmaze's sizes: `episodes` of 1001 rows."""
    generator, rows = torch.Generator().manual_seed(0), episodes * EPISODE_ROWS
    observations = torch.randn(rows, OBSERVATION_DIM, generator=generator)
    actions = torch.rand(rows, ACTION_DIM, generator=generator) * 2 - 1
    return Trajectories(observations, actions, torch.arange(EPISODE_ROWS, rows + 1, EPISODE_ROWS))


def measure(options: Options, data: Trajectories, reference: Reference | None = None) -> Iterator[list[Row]]:
    """The rows of each agent at each size, as they come."""
    for size in options.sizes:
        for agent in options.agents:
            yield _measure_one(options, data, reference, agent, size)


def _measure_one(options: Options, data: Trajectories, reference: Reference | None, name: str, size: str) -> list[Row]:
    hidden_dims, batch_size = SIZES[size]
    agent, sync = sized_agent(name, hidden_dims), torch.cuda.synchronize if options.on_gpu else None
    flops = flops_of_update(agent, data, batch_size)
    meters, cases, products = {}, {}, {}
    on_device = data.to(options.device)
    for precision in options.precisions:
        for seeds in options.seeds:
            for mode in options.modes:
                key = f"{mode} {precision} {seeds}"
                config = TrainingConfig(batch_size=batch_size, precision=precision, compile=mode == "compiled")  # type: ignore[arg-type]
                set_matmul_precision(config, options.device)
                run = make_run(agent, on_device, config, seeds, options.device)
                for _ in range(5):  # compile and record: from then on the matrix products' precision is fixed
                    step(run)
                meters[key] = meter(lambda run=run: step(run), sync, block=20 if options.on_gpu else 1)  # type: ignore[misc]
                cases[key] = (mode, precision, seeds)
            work, product_flops = matrix_product(batch_size, hidden_dims[-1], seeds, options.device, _DTYPES[precision])
            meters[f"product {precision} {seeds}"] = meter(work, sync)
            products[precision, seeds] = product_flops
    if reference is not None:
        meters["reference"] = reference.meter(
            agent=name,
            hidden_dims=hidden_dims,
            batch_size=batch_size,
            episodes=options.episodes,
            length=EPISODE_ROWS,
            dims=(OBSERVATION_DIM, ACTION_DIM),
        )
    rates = interleaved(meters, options.seconds, options.rounds)
    rows = []
    for key, (mode, precision, seeds) in cases.items():
        own = [seeds * rate for rate in rates[key]]
        row = _row(name, size, mode, precision, seeds, own)
        limits = [rate * products[precision, seeds] for rate in rates[f"product {precision} {seeds}"]]
        row = dataclasses.replace(row, gflops=row.updates * flops / 1e9, limit=ratio(own, limits) * flops)
        if reference is not None:
            each = [rate / other for rate, other in zip(own, rates["reference"], strict=True)]
            best, worst = max(each), min(each)
            row = dataclasses.replace(row, ratio=ratio(own, rates["reference"]), lowest_ratio=worst, highest_ratio=best)
        rows.append(row)
    if reference is not None:
        row = _row(name, size, "reference", "float32", 1, rates["reference"])
        rows.append(dataclasses.replace(row, gflops=row.updates * flops / 1e9))
    return rows


def _row(agent: str, size: str, mode: str, precision: str, seeds: int, rates: list[float]) -> Row:
    return Row(agent, size, mode, precision, seeds, statistics.median(rates), min(rates), max(rates))


@dataclass(frozen=True)
class PrecisionError:
    """How far one loss and its gradient are from float64's, relative, on the same batch and networks."""

    agent: str
    size: str
    precision: str
    loss: float
    gradient: float  # ||g - g64|| / ||g64|| over all parameters


def precision_errors(options: Options, data: Trajectories) -> list[PrecisionError]:
    """What each precision does to the loss and gradient of one batch, before training."""
    errors = []
    for size in options.sizes:
        hidden_dims, batch_size = SIZES[size]
        for name in options.agents:
            agent = sized_agent(name, hidden_dims)
            sampler = HindsightSampler(data, agent.goals, agent.discount, agent.subgoal_steps)
            batch = sampler.sample(batch_size, torch.Generator().manual_seed(0))
            exact_loss, exact = _loss_and_gradient(agent, data, batch, "float32", options.device, torch.float64)
            for precision in options.precisions:
                loss, gradient = _loss_and_gradient(agent, data, batch, precision, options.device, torch.float32)
                errors.append(
                    PrecisionError(
                        agent=name,
                        size=size,
                        precision=precision,
                        loss=float((loss - exact_loss).abs() / exact_loss.abs()),
                        gradient=float((gradient - exact).norm() / exact.norm()),
                    )
                )
    return errors


def _loss_and_gradient(
    agent: Agent, data: Trajectories, batch: Batch, precision: str, device: str, dtype: torch.dtype
) -> tuple[Tensor, Tensor]:
    """The loss and the gradient of all parameters in a row, in float64."""
    config = TrainingConfig(precision=precision)  # type: ignore[arg-type]
    set_matmul_precision(config, device)
    networks = agent.networks(data.spec(), torch.Generator().manual_seed(0)).to(device=device, dtype=dtype)
    learner = Learner(agent, networks, config)
    entries = [x if x is None else x.to(device, dtype if x.is_floating_point() else x.dtype) for x in batch]
    loss, _ = learner.loss(Batch(*entries))  # type: ignore[arg-type]
    loss.backward()
    gradients = [p.grad.double().reshape(-1) for p in networks.parameters() if p.grad is not None]
    return loss.detach().double(), torch.cat(gradients)


def table(rows: Sequence[Row]) -> str:
    """The rows as text."""
    lines = []
    for row in rows:
        name = f"{row.agent:7}{row.size:7}{row.mode:10}{row.precision:9}{row.seeds:5}"
        achieved = "" if row.gflops is None else f"{row.gflops:10.1f}"
        limit = "" if row.limit is None else f"{row.limit:10.1%}"
        against = "" if row.ratio is None else f"{row.ratio:8.2f}  ({row.lowest_ratio:.2f} to {row.highest_ratio:.2f})"
        lines.append(f"{name}{row.updates:11.2f}{achieved}{limit}{against}")
    return "\n".join(lines)


HEADER = (
    f"{'agent':7}{'size':7}{'mode':10}{'precision':9}{'seeds':>5}{'updates/s':>11}{'GFLOP/s':>10}{'of limit':>10}"
    f"{'ratio':>8}  to the reference"
)


def _machine(options: Options) -> dict[str, Any]:
    cpu = platform.processor() or platform.machine()
    if Path("/proc/cpuinfo").exists():
        found = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
        cpu = found[1] if found else cpu
    machine: dict[str, Any] = {"cpu": cpu, "cores": os.cpu_count(), "threads": options.threads}
    if hasattr(os, "getloadavg"):
        machine["load before"] = round(os.getloadavg()[0], 2)
    if options.on_gpu:
        machine["gpu"] = torch.cuda.get_device_name(options.device)
        machine["cuda"] = torch.version.cuda
    return machine


def provenance(options: Options, reference: Reference | None) -> dict[str, Any]:
    """Where the numbers come from: all that is needed to make them again."""
    environment = {k: v for k, v in sorted(os.environ.items()) if k.startswith(("OMP_", "GOMP_", "KMP_", "MKL_"))}
    command = [*(f"{k}={v}" for k, v in environment.items()), "python -m saw_edu.reference.speed"]
    for field in dataclasses.fields(Options):
        value = getattr(options, field.name)
        if value != field.default:
            values = value if isinstance(value, tuple) else (value,)
            command.append(f"--{field.name} {' '.join(map(str, values))}")
    if reference is not None:
        command.append("--reference IMPLS --reference-python PYTHON")
    return {
        "command": " ".join(command),
        **origin(),
        "machine": _machine(options),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "reference": None if reference is None else reference.about,
        "how": f"medians of {options.rounds} rounds; in a round everything has its turn of {options.seconds} s",
    }


def _arguments(argv: Sequence[str] | None) -> tuple[Options, argparse.Namespace]:
    parser = argparse.ArgumentParser(
        description="Updates a second at the paper's sizes, and their ratio to the authors' JAX code."
    )
    default = Options()
    parser.add_argument("--agents", nargs="+", default=default.agents, help=", ".join(AGENTS))
    parser.add_argument("--sizes", nargs="+", default=default.sizes, help=f"hidden layers: {', '.join(SIZES)}")
    parser.add_argument("--device", default=default.device, help="cpu or cuda")
    parser.add_argument("--threads", type=int, default=default.threads, help="torch's, and cores for both")
    parser.add_argument("--seeds", type=int, nargs="+", help="how many side by side; default 1, on a GPU 1 and 8")
    parser.add_argument("--precisions", nargs="+", help=f"{', '.join(_DTYPES)}; default float32, on a GPU all")
    parser.add_argument("--modes", nargs="+", default=default.modes, help="eager, compiled")
    parser.add_argument("--seconds", type=float, default=default.seconds, help="of each stretch")
    parser.add_argument("--rounds", type=int, default=default.rounds, help="in each, everything has one stretch")
    parser.add_argument("--episodes", type=int, default=default.episodes, help="in the data, of 1001 rows each")
    parser.add_argument("--reference", type=Path, help="the folder impls of a checkout of the authors' code")
    parser.add_argument("--reference-python", default=sys.executable, help="an interpreter that can run it")
    parser.add_argument("--record", metavar="NAME", help="write assets/results/speed/NAME.json")
    arguments = parser.parse_args(argv)
    on_gpu = arguments.device.startswith("cuda")
    arguments.seeds = arguments.seeds or ((1, 8) if on_gpu else (1,))
    arguments.precisions = arguments.precisions or (tuple(_DTYPES) if on_gpu else ("float32",))
    if arguments.record is not None and not re.fullmatch(r"[\w-]+", arguments.record):
        parser.error(f"--record takes a name of letters, digits, - and _, got {arguments.record!r}")
    folder, python = arguments.reference, arguments.reference_python
    if folder is not None and not (folder / "agents" / "saw.py").is_file():
        parser.error(f"{folder} has no agents/saw.py: give the folder impls of a checkout of the authors' code")
    if folder is not None and shutil.which(python) is None:
        parser.error(f"--reference-python must be a Python interpreter that has jax, got {python}")
    given: dict[str, Any] = {}
    for field in dataclasses.fields(Options):
        value = getattr(arguments, field.name)
        given[field.name] = tuple(value) if isinstance(value, list) else value
    try:
        options = Options(**given)
    except (ValueError, RuntimeError) as error:
        parser.error(str(error))
    return options, arguments


def main(argv: Sequence[str] | None = None) -> None:
    """Print the table and, where asked, write it down."""
    options, arguments = _arguments(argv)
    path = None if arguments.record is None else course_root() / "assets/results/speed" / f"{arguments.record}.json"
    with pinned(options.threads):
        content = _report(options, arguments.reference, arguments.reference_python)
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content, indent=1) + "\n")
        print(f"\nwritten: {path.relative_to(course_root())}")


def _report(options: Options, folder: Path | None, python: str) -> dict[str, Any]:
    """Measure and print everything; what is to be recorded."""
    reference = None if folder is None else Reference.start(folder, python, options.device)
    try:
        about, data, rows = provenance(options, reference), random_data(options.episodes), []
        print(json.dumps(about, indent=1), f"\n\n{HEADER}", flush=True)
        for found in measure(options, data, reference):
            print(table(found), flush=True)
            rows += found
    finally:
        if reference is not None:
            reference.stop()
    errors = precision_errors(options, data)
    print("\nrelative error against float64 of one batch's loss and gradient, before training")
    print(f"{'agent':7}{'size':7}{'precision':10}{'loss':>9}{'gradient':>10}")
    for error in errors:
        print(f"{error.agent:7}{error.size:7}{error.precision:10}{error.loss:9.1e}{error.gradient:10.1e}")
    return {**about, "rows": [asdict(row) for row in rows], "precision": [asdict(error) for error in errors]}


if __name__ == "__main__":
    main()
