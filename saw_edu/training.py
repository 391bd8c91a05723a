"""The training loop: any agent, any data set, several seeds; a progress bar, checkpoints, exact resume."""

from __future__ import annotations

import copy
import dataclasses
import hashlib
import os
import signal
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from torch import Tensor
from tqdm.auto import tqdm

from saw_edu.agents import Agent
from saw_edu.agents.objectives import Metrics
from saw_edu.data import Batch, HindsightSampler, Spec, Trajectories
from saw_edu.nn import Networks

VALUE_NETWORKS = ("goal_rep", "value")  # what agents with the same value objective can share


@dataclass(frozen=True)
class TrainingConfig:
    """How to train, whatever the agent."""

    steps: int = 10_000  # gradient steps
    batch_size: int = 256  # transitions a step
    learning_rate: float = 3e-4  # Adam's, at the start
    final_learning_rate: float | None = None  # linear decay to this at the last step; None: constant
    tau: float = 0.005  # share of the online network that enters the target network each step
    log_every: int = 100  # steps between rows of the metrics table
    checkpoint_every: int = 1_000  # steps between checkpoints, where a folder for them is given

    def __post_init__(self) -> None:
        for name in ("steps", "batch_size", "log_every", "checkpoint_every"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")
        if not 0 < self.tau <= 1 or self.learning_rate <= 0:
            raise ValueError(f"tau must lie in (0, 1] and learning_rate above 0, got {self}")


class TrainingDivergedError(RuntimeError):
    """A loss became NaN or infinite; the message names the term and the step."""


@dataclass(frozen=True)
class Policy:
    """An agent with its trained networks: call it with observations and goals, get actions."""

    agent: Agent
    networks: Networks
    temperature: float = 0.0
    generator: torch.Generator | None = None

    @torch.no_grad()
    def __call__(self, observations: Tensor, goals: Tensor) -> Tensor:
        """(B, obs), (B, obs) -> actions (B, act) or (B,)."""
        return self.agent.act(self.networks, observations, goals, self.temperature, self.generator)

    @torch.no_grad()
    def value(self, observations: Tensor, goals: Tensor) -> Tensor:
        """V(s, g) of agents that have one: (B, obs), (B, obs) -> (B,)."""
        value: Tensor = self.agent.value(self.networks, observations, goals)  # type: ignore[attr-defined]
        return value


class Learner:
    """Networks, their slowly following targets and the optimiser of one seed."""

    def __init__(self, agent: Agent, networks: Networks, config: TrainingConfig, policy_only: bool = False) -> None:
        self.agent, self.networks, self.config, self.policy_only = agent, networks, config, policy_only
        targets = () if policy_only else agent.target_networks
        self.target = Networks({name: copy.deepcopy(getattr(networks, name)) for name in targets})
        self.target.requires_grad_(False)
        self._followed: list[Tensor] = [p for name in targets for p in getattr(networks, name).parameters()]
        self._followers: list[Tensor] = list(self.target.parameters())
        learned = [p for p in networks.parameters() if p.requires_grad]
        self.optimizer = torch.optim.Adam(learned, lr=config.learning_rate, fused=True)

    def loss(self, batch: Batch) -> tuple[Tensor, Metrics]:
        """The agent's loss, or only its policy's part where the value is given and fixed."""
        if self.policy_only:
            loss: tuple[Tensor, Metrics] = self.agent.policy_loss(self.networks, batch)  # type: ignore[attr-defined]
            return loss
        return self.agent.loss(self.networks, self.target, batch)

    def update(self, batch: Batch) -> tuple[Tensor, Metrics]:
        """One gradient step. Returns the loss before it.

        The target follows the parameters *before* the step, as in the reference.
        """
        loss, metrics = self.loss(batch)
        self.optimizer.zero_grad()
        loss.backward()
        if self._followers:
            with torch.no_grad():
                torch._foreach_lerp_(self._followers, self._followed, self.config.tau)
        self.optimizer.step()
        return loss.detach(), metrics

    def set_learning_rate(self, step: int) -> None:
        """Linear decay from the first to the last step, where asked."""
        if self.config.final_learning_rate is not None:
            done = step / self.config.steps
            rate = self.config.learning_rate * (1 - done) + self.config.final_learning_rate * done
            for group in self.optimizer.param_groups:
                group["lr"] = rate


@dataclass
class TrainingResult:
    """What training gives: one entry a seed, even when it was interrupted."""

    agent: Agent
    spec: Spec
    seeds: list[int] = field(default_factory=list)
    networks: list[Networks] = field(default_factory=list)
    metrics: pd.DataFrame = field(default_factory=pd.DataFrame)  # columns seed, step, loss and the agent's metrics
    interrupted: bool = False

    @property
    def policies(self) -> list[Policy]:
        """One policy a seed."""
        return [Policy(self.agent, networks) for networks in self.networks]

    def save(self, path: str | Path, keep: Sequence[str] | None = None) -> Path:
        """Write the networks (all, or only those named in `keep`) of all seeds to one file."""
        states = [
            {name: p for name, p in networks.state_dict().items() if keep is None or name.split(".")[0] in keep}
            for networks in self.networks
        ]
        content = {"agent": type(self.agent).__name__, "seeds": self.seeds, "networks": states}
        return _write(Path(path), content)

    @classmethod
    def load(cls, path: str | Path, agent: Agent, spec: Spec) -> TrainingResult:
        """Read what `save` wrote, for the same agent. Networks that were not kept stay untrained.

        Raises:
            ValueError: the file is of another agent, or of networks with other sizes.
        """
        content = torch.load(path, weights_only=True)
        if content["agent"] != type(agent).__name__:
            raise ValueError(f"{path} holds {content['agent']} networks, not {type(agent).__name__}: give that agent")
        result = cls(agent, spec, list(content["seeds"]))
        for state in content["networks"]:
            networks = agent.networks(spec, torch.Generator().manual_seed(0))
            known = networks.state_dict()
            wrong = [k for k, v in state.items() if k not in known or known[k].shape != v.shape]
            if wrong:
                raise ValueError(f"{path} does not fit this agent's networks, first at {wrong[0]}: check its sizes")
            networks.load_state_dict(state, strict=False)
            result.networks.append(networks.requires_grad_(False))
        return result


def train(
    agent: Agent,
    trajectories: Trajectories,
    config: TrainingConfig | None = None,
    seeds: int | Iterable[int] = 1,
    *,
    spec: Spec | None = None,
    value_from: TrainingResult | None = None,
    checkpoints: str | Path | None = None,
    device: str | torch.device = "cpu",
    progress: bool = True,
) -> TrainingResult:
    """Train an agent on a data set, once for each seed.

    Args:
        agent: an agent with its hyperparameters.
        trajectories: the data; moved to `device`.
        config: steps, batch size, learning rate, ...
        seeds: how many (0, 1, ...), or which. A seed decides the initial networks and every batch.
        spec: sizes for the networks, if the data does not show them (discrete actions that never occur).
        value_from: take value (and representation) from this result, seed by seed, fixed, and learn the policy only.
        checkpoints: a folder. Each seed saves there and continues from there when it is called again with the same
            agent, data and configuration; on the CPU, with the same number of torch threads, to the same bits as if it
            had never stopped.
        device: where to train.
        progress: show a bar with loss and speed.

    Returns:
        The networks and the metrics of every seed. After Ctrl-C: what was trained so far, with `interrupted` set.

    Raises:
        TrainingDivergedError: a loss became NaN or infinite.
        ValueError: checkpoints of another run in the folder, or a `value_from` that does not fit.
    """
    config = config or TrainingConfig()
    seeds = list(range(seeds)) if isinstance(seeds, int) else list(seeds)
    spec = spec or trajectories.spec()
    if value_from is not None:
        _check_value_from(agent, value_from, seeds)
    data = trajectories.to(device)
    sampler = HindsightSampler(data, agent.goals, agent.discount, agent.subgoal_steps)
    folder = None if checkpoints is None else Path(checkpoints)
    result = TrainingResult(agent, spec)
    tables = []
    with tqdm(total=config.steps * len(seeds), disable=not progress, unit=" updates", mininterval=0.5) as bar:
        for position, seed in enumerate(seeds):
            fixed = None if value_from is None else value_from.networks[position]
            run = _Run(agent, sampler, config, spec, seed, fixed, device)
            path = None if folder is None else folder / f"seed_{seed}.pt"
            fingerprint = "" if folder is None else _fingerprint(agent, config, spec, trajectories, fixed)
            if path is not None and path.exists():
                run.restore(path, fingerprint)
            bar.update(run.step)
            bar.set_description(f"{type(agent).__name__} seed {seed}")
            try:
                run.advance(bar, path, fingerprint)
            except KeyboardInterrupt:
                result.interrupted = True
            result.seeds.append(seed)
            result.networks.append(run.learner.networks.requires_grad_(False))
            tables.append(pd.DataFrame(run.rows))
            if result.interrupted:
                tqdm.write(f"stopped at step {run.step} of {config.steps} of seed {seed}; what was trained is kept")
                break
    result.metrics = pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()
    return result


class _Run:
    """One seed's training, which can be saved and restored between any two steps."""

    def __init__(
        self,
        agent: Agent,
        sampler: HindsightSampler,
        config: TrainingConfig,
        spec: Spec,
        seed: int,
        fixed: Networks | None,
        device: str | torch.device,
    ) -> None:
        self.config, self.sampler, self.seed = config, sampler, seed
        networks = agent.networks(spec, torch.Generator().manual_seed(seed))
        networks.to(device=device, dtype=sampler.trajectories.observations.dtype)
        if fixed is not None:
            _copy_value(fixed, networks)
        self.learner = Learner(agent, networks, config, policy_only=fixed is not None)
        self.generator = torch.Generator(device=device).manual_seed(seed + 1_000_003)
        self.step = 0
        self.rows: list[dict[str, float]] = []

    def advance(self, bar: tqdm, path: Path | None, fingerprint: str) -> None:
        """Train to the last step; save a checkpoint on the way, at the end and when interrupted."""
        config = self.config
        with _DeferredInterrupt() as interrupt:
            while self.step < config.steps:
                self.learner.set_learning_rate(self.step)
                batch = self.sampler.sample(config.batch_size, self.generator)
                loss, metrics = self.learner.update(batch)
                self.step += 1
                logs = self.step % config.log_every == 0 or self.step in (1, config.steps)
                if logs or loss.device.type == "cpu":
                    self._stop_if_diverged(loss, metrics)
                if logs:
                    numbers = {name: float(value) for name, value in metrics.items()}
                    self.rows.append({"seed": self.seed, "step": self.step, "loss": float(loss), **numbers})
                    bar.set_postfix(loss=f"{float(loss):.3f}", refresh=False)
                if path is not None and (self.step % config.checkpoint_every == 0 or self.step == config.steps):
                    self.save(path, fingerprint)
                bar.update()
                if interrupt.requested:
                    if path is not None:
                        self.save(path, fingerprint)
                    raise KeyboardInterrupt

    def _stop_if_diverged(self, loss: Tensor, metrics: Metrics) -> None:
        if torch.isfinite(loss):
            return
        terms = [name for name, value in metrics.items() if not torch.isfinite(value)] or ["the total loss"]
        raise TrainingDivergedError(
            f"{', '.join(terms)} became NaN or infinite at step {self.step} of seed {self.seed}: "
            "lower the learning rate or the alphas, and check the data for outliers"
        )

    def save(self, path: Path, fingerprint: str) -> None:
        """Write everything that the next step depends on; the file is replaced in one move."""
        content = {
            "fingerprint": fingerprint,
            "step": self.step,
            "networks": self.learner.networks.state_dict(),
            "target": self.learner.target.state_dict(),
            "optimizer": self.learner.optimizer.state_dict(),
            "generator": self.generator.get_state(),
            "rows": self.rows,
        }
        _write(path, content)

    def restore(self, path: Path, fingerprint: str) -> None:
        """Continue from a checkpoint of the same run."""
        content = torch.load(path, weights_only=True)
        if content["fingerprint"] != fingerprint:
            raise ValueError(
                f"{path} is from a run with another agent, configuration or data set: "
                "give another checkpoint folder, or delete this one to start again"
            )
        self.learner.networks.load_state_dict(content["networks"])
        self.learner.target.load_state_dict(content["target"])
        self.learner.optimizer.load_state_dict(content["optimizer"])
        self.generator.set_state(content["generator"].cpu())
        self.step, self.rows = content["step"], content["rows"]


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


def _check_value_from(agent: Agent, value_from: TrainingResult, seeds: Sequence[int]) -> None:
    if not hasattr(agent, "policy_loss"):
        raise ValueError(f"{type(agent).__name__} has no value function, so value_from cannot be used with it")
    if value_from.seeds != list(seeds):
        raise ValueError(f"value_from has seeds {value_from.seeds}, these are {list(seeds)}: make them equal")


def _copy_value(source: Networks, networks: Networks) -> None:
    for name in VALUE_NETWORKS:
        module = getattr(networks, name, None)
        if module is None or not list(module.parameters()):
            continue
        if not hasattr(source, name):
            raise ValueError(f"value_from has no {name}: train it with an agent that has one, or use rep_dim=None")
        try:
            module.load_state_dict(getattr(source, name).state_dict())
        except RuntimeError as error:
            raise ValueError(f"value_from's {name} has other sizes than this agent's: {error}") from None
        module.requires_grad_(False)


def _fingerprint(agent: Agent, config: TrainingConfig, spec: Spec, data: Trajectories, fixed: Networks | None) -> str:
    """A digest of all that, beside the seed, decides a run's result, except how often it logs or saves."""
    settings: dict[str, Any] = dataclasses.asdict(config)
    del settings["checkpoint_every"]
    digest = hashlib.sha256(repr((agent, settings, spec)).encode())
    tensors = [data.observations, data.actions, data.episode_ends, data.next_observations]
    if fixed is not None:
        tensors += [p for name, p in fixed.state_dict().items() if name.split(".")[0] in VALUE_NETWORKS]
    for tensor in tensors:
        if tensor is not None:
            digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def _write(path: Path, content: dict[str, Any]) -> Path:
    """Save so that the path always holds a whole file, the old one or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    with partial.open("wb") as file:
        torch.save(content, file)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
    return path
