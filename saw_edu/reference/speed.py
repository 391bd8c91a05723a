"""Updates a second at the paper's sizes, on a CPU or a GPU, also against the authors' JAX code in the same run.

    python -m saw_edu.reference.speed --threads 2
    python -m saw_edu.reference.speed --reference saw/impls --reference-python .venv-jax/bin/python --record cpu
    python -m saw_edu.reference.speed --device cuda --seeds 1 8 --reference ... --record gpu

The data are random, with antmaze's sizes. Everything that is compared takes turns (see
`saw_edu.bench.library`), and what is measured is what
`train` runs: on a GPU one recorded CUDA graph with data and sampling on the device.
"""

from __future__ import annotations

import dataclasses
import json
import os
import platform
import re
import shutil
import statistics
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import tyro

from saw_edu.agents import agent_class
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
from saw_edu.data import Trajectories
from saw_edu.place import course_root, write_text
from saw_edu.reference import precision as digits
from saw_edu.reference.theirs import Reference, available_cores, pinned
from saw_edu.runs.provenance import origin
from saw_edu.training import TrainingConfig
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
    seeds: tuple[int, ...] = ()  # how many side by side; none given: 1, on a GPU 1 and 8
    precisions: tuple[str, ...] = ()  # none given: float32, on a GPU all
    modes: tuple[str, ...] = ("eager", "compiled")
    seconds: float = 2.0  # of a stretch
    rounds: int = 7
    episodes: int = EPISODES

    def __post_init__(self) -> None:
        object.__setattr__(self, "seeds", self.seeds or ((1, 8) if self.on_gpu else (1,)))
        object.__setattr__(self, "precisions", self.precisions or (tuple(_DTYPES) if self.on_gpu else ("float32",)))
        for agent in self.agents:
            agent_class(agent)
        for name, known in (("sizes", SIZES), ("precisions", _DTYPES), ("modes", ("eager", "compiled"))):
            unknown = set(getattr(self, name)) - set(known)
            if unknown:
                raise ValueError(f"no {name} {', '.join(sorted(unknown))}: choose from {', '.join(known)}")
        if min(self.threads, self.rounds, self.episodes, *self.seeds) < 1 or self.seconds < 0:
            raise ValueError(f"threads, rounds, episodes and seeds must be at least 1, seconds not below 0: {self}")
        if self.threads > (cores := len(available_cores()) or os.cpu_count() or 1):
            raise ValueError(f"{self.threads} threads, but only {cores} cores to run on: give fewer threads")
        if not self.on_gpu and self.device != "cpu":
            raise ValueError(f"device must be cpu or cuda, got {self.device}")
        if self.on_gpu and not torch.cuda.is_available():
            raise ValueError("torch sees no GPU here: run with --device cpu, or install a torch built for CUDA")
        if not self.on_gpu and "tf32" in self.precisions:
            raise ValueError("tf32 is for NVIDIA GPUs: leave it out of the precisions, or give --device cuda")

    @property
    def on_gpu(self) -> bool:
        """Whether the device is an NVIDIA GPU."""
        return self.device.startswith("cuda")


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
    usual = Options(device=options.device)
    for field in dataclasses.fields(Options):
        value = getattr(options, field.name)
        if value != getattr(usual, field.name) or (field.name == "device" and value != "cpu"):
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


@dataclass(frozen=True)
class Command(Options):
    """Updates a second at the paper's sizes, and their ratio to the authors' JAX code."""

    reference: Path | None = None  # the folder impls of a checkout of the authors' code
    reference_python: str = sys.executable  # an interpreter that can run it
    record: str | None = None  # write assets/results/speed/NAME.json

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.record is not None and not re.fullmatch(r"[\w-]+", self.record):
            raise ValueError(f"--record takes a name of letters, digits, - and _, got {self.record!r}")
        if self.reference is not None and not (self.reference / "agents" / "saw.py").is_file():
            raise ValueError(
                f"{self.reference} has no agents/saw.py: give the folder impls of a checkout of the authors' code"
            )
        if self.reference is not None and shutil.which(self.reference_python) is None:
            raise ValueError(
                f"--reference-python must be a Python interpreter that has jax, got {self.reference_python}"
            )


def main(argv: Sequence[str] | None = None) -> None:
    """Print the table and, where asked, write it down."""
    command = tyro.cli(Command, args=argv)
    with pinned(command.threads):
        content = _report(command, command.reference, command.reference_python)
    if command.record is not None:
        path = course_root() / "assets" / "results" / "speed" / f"{command.record}.json"
        write_text(path, json.dumps(content, indent=1) + "\n")
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
    sizes = {size: SIZES[size] for size in options.sizes}
    errors = digits.precision_errors(options.agents, sizes, options.precisions, data, options.device)
    print(f"\n{digits.table(errors)}")
    return {**about, "rows": [asdict(row) for row in rows], "precision": [asdict(error) for error in errors]}


if __name__ == "__main__":
    main()
