"""The training of one seed, or of several together, which can be saved and restored between any two steps."""

from __future__ import annotations

import copy
import pickle
import signal
import threading
import time
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from tqdm.auto import tqdm

from saw_edu.agents.agent import Agent, Metrics, Policy
from saw_edu.data import Spec
from saw_edu.data.augment import augment_batch
from saw_edu.nn import Networks
from saw_edu.place import whole_file
from saw_edu.training.fused import CompiledLearner, FlatLearner, FlatLoss, aside, record
from saw_edu.training.identity import Identity, differences
from saw_edu.training.learner import Learner, Parts, TrainingConfig, TrainingDivergedError

Draw = Callable[[int, torch.Generator], Any]
"""A batch, a NamedTuple of tensors (or None) with a leading batch axis, of that many rows."""

WARM_UP_STEPS = 3  # on a GPU, before a step is recorded
SECONDS_BETWEEN_LINES = 30.0


@dataclass
class Watch:
    """What is told of a training while it runs.

    evaluate: called with a policy of its own (a copy), gives numbers that join the metrics, at every `evaluate_every`th
    step and at the last; the global random state is put back after it. Where it fails, the steps so far are saved, and
    the same call begins with that evaluation.
    say: takes a line now and then, for logs without a terminal. changed: called with all rows when there are new ones.
    """

    bar: tqdm
    evaluate: Callable[[Policy], Mapping[str, float]] | None = None
    evaluate_every: int = 0
    say: Callable[[str], object] | None = None
    changed: Callable[[list[dict[str, float]]], None] = lambda rows: None


class Run:
    """One seed, or several side by side, from a fresh start.

    Args:
        agent: whose loss it is.
        draw: gives a batch.
        config: steps, batch size, ...
        spec: sizes for the networks.
        seeds: each decides its initial networks and its batches.
        parts: what is learned.
        prepare: changes a seed's position's fresh networks, such as by a value that is given.
        device: where.
        dtype: of the networks' numbers.
        objective: a compiled loss to use again.
    """

    def __init__(
        self,
        agent: Agent,
        draw: Draw,
        config: TrainingConfig,
        spec: Spec,
        seeds: list[int],
        parts: Parts = "all",
        prepare: Callable[[int, Networks], None] | None = None,
        device: str | torch.device = "cpu",
        dtype: torch.dtype = torch.float32,
        objective: FlatLoss | None = None,
    ) -> None:
        self.agent, self.config, self.seeds = agent, config, seeds
        self._draw, self._noise_size, self._dtype = draw, agent.noise_size(spec), dtype
        members = [agent.networks(spec, torch.Generator().manual_seed(seed)) for seed in seeds]
        for position, networks in enumerate(members):
            networks.to(device=device, dtype=dtype)
            if prepare is not None:
                prepare(position, networks)
        self.flat = config.compile or len(seeds) > 1
        self.objective = objective
        if self.flat:
            self.objective = objective or FlatLoss(agent, members[0], parts)
            kind = CompiledLearner if config.compile else FlatLearner
            self.learner: Learner = kind(self.objective, members, config)
        else:
            self.learner = Learner(agent, members[0], config, parts)
        self.generators = [torch.Generator(device=device).manual_seed(seed + 1_000_003) for seed in seeds]
        self._replay: Callable[[], tuple[Tensor, Metrics]] | None = None
        self._warm = 0  # steps done by this process before it records one
        self.step = 0
        self.seconds = 0.0  # of training so far, those before a restart among them
        self.rows: list[dict[str, float]] = []

    @property
    def name(self) -> str:
        """Its seeds, for a file: "0_1"."""
        return "_".join(map(str, self.seeds))

    def draw(self) -> Any:
        """The next batch; for a flat learner, that of every seed along a new first axis."""
        batches = [self._draw_one(generator) for generator in self.generators]
        if not self.flat:
            return batches[0]
        kind, entries = type(batches[0]), zip(*batches, strict=True)
        if len(batches) == 1:
            return kind(*(None if entry is None else entry[None] for entry in batches[0]))
        return kind(*(None if entry[0] is None else torch.stack(entry) for entry in entries))

    def _draw_one(self, generator: torch.Generator) -> Any:
        batch = self._draw(self.config.batch_size, generator)
        self._check(batch)
        if self.config.augmentation > 0:
            batch = augment_batch(batch, self.config.augmentation, generator)
        if self._noise_size:
            shape = (self.config.batch_size, self._noise_size)
            noise = torch.randn(shape, generator=generator, device=generator.device, dtype=self._dtype)
            batch = batch._replace(noise=noise)
        return batch

    def _check(self, batch: Any) -> None:
        """Raises TypeError for what is no batch, ValueError for one that lacks what training fills in."""
        wanted = "`draw` must give a NamedTuple of tensors, each with a leading batch axis (or None), such as a Batch"
        if not isinstance(batch, tuple) or not hasattr(batch, "_fields"):
            raise TypeError(f"{wanted}, got {type(batch).__name__}")
        entries = zip(batch._fields, batch, strict=True)
        wrong = [name for name, entry in entries if not isinstance(entry, (Tensor, type(None)))]
        if wrong:
            raise TypeError(f"{wanted}; its {wrong[0]} is {type(getattr(batch, wrong[0])).__name__}")
        needs = {"noise": self._noise_size > 0, "observations": self.config.augmentation > 0}
        if lacking := [name for name, needed in needs.items() if needed and name not in batch._fields]:
            raise ValueError(
                f"training {type(self.agent).__name__} with these settings needs batches with a field `{lacking[0]}`, "
                f"{type(batch).__name__} has {', '.join(batch._fields)}"
                + (": add it, as None; training draws it" if lacking[0] == "noise" else "")
            )

    def update(self) -> tuple[Tensor, Metrics]:
        """Draw and learn: the whole work of one step. On a GPU, after a few steps, one recorded CUDA graph."""
        if self.generators[0].device.type != "cuda":
            return self.learner.update(self.draw())
        if self._replay is None and self._warm < WARM_UP_STEPS:
            self._warm += 1
            return aside(lambda: self.learner.update(self.draw()))
        if self._replay is None:
            self._replay = record(lambda: self.learner.update(self.draw()), self.generators)
        return self._replay()

    def advance(self, watch: Watch, path: Path | None, identity: Identity) -> None:
        """Train to the last step; save a checkpoint on the way, at the end and when interrupted."""
        config = self.config
        self._evaluate(watch, path, identity)
        began = told = time.perf_counter()
        began -= self.seconds
        with _DeferredInterrupt() as interrupt:
            while self.step < config.steps:
                self.learner.set_learning_rate(self.step)
                loss, metrics = self.update()
                self.step += 1
                logs = self.step % config.log_every == 0 or self.step in (1, config.steps)
                evaluates = self._evaluates(watch)
                if logs or loss.device.type == "cpu":
                    self._stop_if_diverged(loss, metrics)
                if logs or evaluates:
                    self.seconds = time.perf_counter() - began
                    self._log(loss, metrics)
                    self._evaluate(watch, path, identity)
                    began = time.perf_counter() - self.seconds  # an evaluation is no training
                    watch.changed(self.rows)
                    watch.bar.set_postfix(loss=f"{float(loss.mean()):.3f}", refresh=False)
                    if watch.say is not None and (
                        time.perf_counter() - told > SECONDS_BETWEEN_LINES or self.step == config.steps
                    ):
                        told = time.perf_counter()
                        watch.say(self._line(float(loss.mean())))
                if path is not None and (self.step % config.checkpoint_every == 0 or self.step == config.steps):
                    self.seconds = time.perf_counter() - began
                    self.save(path, identity)
                watch.bar.update(len(self.seeds))
                if interrupt.requested:
                    if path is not None:
                        self.save(path, identity)
                    raise KeyboardInterrupt

    def _line(self, loss: float) -> str:
        rate = self.step * len(self.seeds) / max(self.seconds, 1e-9)
        seeds = ", ".join(map(str, self.seeds))
        return f"seed {seeds}: step {self.step} of {self.config.steps}, loss {loss:.3f}, {rate:.1f} updates/s"

    def _log(self, loss: Tensor, metrics: Metrics) -> None:
        """A row of numbers a seed."""
        numbers = {name: value.reshape(-1).tolist() for name, value in {"loss": loss, **metrics}.items()}
        for position, seed in enumerate(self.seeds):
            own = {name: values[position] for name, values in numbers.items()}
            clock = {"seconds": round(self.seconds, 3), "updates_per_s": round(self.step / max(self.seconds, 1e-9), 3)}
            self.rows.append({"seed": seed, "step": self.step, **clock, **own})

    def _evaluates(self, watch: Watch) -> bool:
        due = self.step % max(watch.evaluate_every, 1) == 0 or self.step == self.config.steps
        return watch.evaluate is not None and self.step > 0 and due

    def _evaluate(self, watch: Watch, path: Path | None, identity: Identity) -> None:
        """An evaluation joins the last rows, where one is due and they have none."""
        rows = self.rows[-len(self.seeds) :]
        missing = all(r["step"] == self.step and not any(n.startswith("evaluation/") for n in r) for r in rows)
        if watch.evaluate is None or not self._evaluates(watch) or not missing:
            return
        found = []
        try:
            for networks in self.learner.members():
                with torch.random.fork_rng(devices=[]), torch.no_grad():
                    numbers = watch.evaluate(Policy(self.agent, copy.deepcopy(networks)))
                found.append({f"evaluation/{name}": float(value) for name, value in numbers.items()})
        except BaseException:  # Ctrl-C in a pool of processes among them
            if path is not None:
                self.save(path, identity)
            raise
        for row, measured in zip(rows, found, strict=True):
            row |= measured

    def _stop_if_diverged(self, loss: Tensor, metrics: Metrics) -> None:
        finite = torch.isfinite(loss)
        if finite.all():
            return
        broken = [seed for seed, whole in zip(self.seeds, finite.reshape(-1).tolist(), strict=True) if not whole]
        terms = [name for name, value in metrics.items() if not torch.isfinite(value).all()] or ["the total loss"]
        raise TrainingDivergedError(
            f"{', '.join(terms)} became NaN or infinite at step {self.step} of seed {', '.join(map(str, broken))}: "
            "lower the learning rate or the alphas, and check the data for outliers"
        )

    def save(self, path: Path, identity: Identity) -> None:
        """Write everything that the next step depends on; the file is replaced in one move."""
        content = {
            "identity": identity,
            "step": self.step,
            "seconds": self.seconds,
            **self.learner.state(),
            "generators": [generator.get_state() for generator in self.generators],
            "rows": self.rows,
        }
        write(path, content)

    def restore(self, path: Path, identity: Identity) -> None:
        """Continue from a checkpoint of the same run.

        Raises:
            ValueError: not a whole checkpoint, one of another run, or one that has already gone further.
        """
        try:
            content = torch.load(path, map_location="cpu", weights_only=True)
            stored = dict(content["identity"])
        except (
            RuntimeError,
            EOFError,
            KeyError,
            ValueError,
            OSError,
            pickle.UnpicklingError,
            zipfile.BadZipFile,
        ) as error:
            raise ValueError(
                f"{path} is not a whole checkpoint, delete it to start that seed again ({error})"
            ) from error
        differs, told = differences(stored, identity)
        if differs:
            hint = ""
            if differs == ["configuration"] and self.config.final_learning_rate is not None:
                hint = " (a learning rate that decays is tied to the number of steps: such a run cannot be prolonged)"
            raise ValueError(
                f"{path} is from a run {told}{hint}: give another checkpoint folder, or delete this one to start again"
            )
        if content["step"] > self.config.steps:
            raise ValueError(
                f"{path} has {content['step']} steps already, more than the {self.config.steps} asked for: "
                "ask for as many at least, or give another checkpoint folder"
            )
        self.learner.load_state(content)
        for generator, state in zip(self.generators, content["generators"], strict=True):
            generator.set_state(state.cpu())
        self.step, self.seconds, self.rows = content["step"], content["seconds"], content["rows"]


def write(path: str | Path, content: dict[str, Any]) -> None:
    """Save tensors to a file, whole or not at all.

    Raises:
        OSError: the file cannot be written, such as on a full disk; torch itself says so in other words.
    """
    try:
        with whole_file(path) as file:
            torch.save(content, file)
    except RuntimeError as error:
        reason = str(error).splitlines()[0]
        raise OSError(
            f"{path} could not be written, is the disk full? What was there before is kept ({reason})"
        ) from error


class _DeferredInterrupt:
    """Within it, Ctrl-C does not break in, but sets `requested`: a step is done whole or not at all.

    Python allows this in the main thread only; elsewhere Ctrl-C acts as ever.
    """

    requested = False

    def __enter__(self) -> _DeferredInterrupt:
        self._main = threading.current_thread() is threading.main_thread()
        if self._main:
            self._before = signal.signal(signal.SIGINT, self._note)
        return self

    def _note(self, number: int, frame: object) -> None:
        self.requested = True

    def __exit__(self, *error: object) -> None:
        if self._main:
            signal.signal(signal.SIGINT, self._before)
