"""The training loop: any agent, any data set, several seeds; a progress bar, checkpoints, exact resume."""

from __future__ import annotations

import copy
import dataclasses
import hashlib
import os
import pickle
import signal
import threading
import zipfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pandas as pd
import torch
from torch import Tensor
from torch.func import functional_call, vmap
from tqdm.auto import tqdm

from saw_edu.agents import Agent, Policy
from saw_edu.agents.agent import Metrics
from saw_edu.data import Batch, HindsightSampler, Spec, Trajectories
from saw_edu.data.augment import augment_batch
from saw_edu.nn import Networks

WARM_UP_STEPS = 3  # on a GPU, before a step is recorded


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
    augmentation: float = 0.0  # chance that a batch of images is randomly cropped
    precision: Literal["float32", "tf32", "bfloat16"] = "float32"  # of matrix products; tf32 is for NVIDIA GPUs
    compile: bool = False  # compile the loss: half a minute at the start, then about 1.5 times as fast

    def __post_init__(self) -> None:
        for name in ("steps", "batch_size", "log_every", "checkpoint_every"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")
        if not 0 < self.tau <= 1 or self.learning_rate <= 0:
            raise ValueError(f"tau must lie in (0, 1] and learning_rate above 0, got {self}")
        if not 0 <= self.augmentation <= 1:
            raise ValueError(f"augmentation is a chance between 0 and 1, got {self.augmentation}")
        if self.precision not in ("float32", "tf32", "bfloat16"):
            raise ValueError(f"precision must be float32, tf32 or bfloat16, got {self.precision!r}")


class TrainingDivergedError(RuntimeError):
    """A loss became NaN or infinite; the message names the term and the step."""


class Learner:
    """Networks, their slowly following targets and the optimiser of one seed.

    Args:
        agent: whose loss it is.
        networks: to be trained.
        config: learning rate, tau, precision.
        policy_only: learn the policy's part only, the value being given and fixed.
    """

    def __init__(self, agent: Agent, networks: Networks, config: TrainingConfig, policy_only: bool = False) -> None:
        self.agent, self.networks, self.config, self.policy_only = agent, networks, config, policy_only
        self.target = make_target(agent, networks, policy_only)
        self._followers: list[Tensor] = list(self.target.parameters())
        self._followed: list[Tensor] = [networks.get_parameter(name) for name, _ in self.target.named_parameters()]
        self.optimizer = make_optimizer([p for p in networks.parameters() if p.requires_grad], config)

    def loss(self, batch: Batch) -> tuple[Tensor, Metrics]:
        """The agent's loss, or only its policy's part where the value is given and fixed."""
        with precision_of(self.config, batch.observations.device):
            return loss_of(self.agent, self.networks, self.target, batch, self.policy_only)

    def update(self, batch: Batch) -> tuple[Tensor, Metrics]:
        """One gradient step. Returns the loss before it.

        The target follows the parameters *before* the step, as in the reference.
        """
        loss, metrics = self.loss(batch)
        self.optimizer.zero_grad()
        loss.sum().backward()
        if self._followers:
            with torch.no_grad():
                torch._foreach_lerp_(self._followers, self._followed, self.config.tau)
        self.optimizer.step()
        return loss.detach(), metrics

    def set_learning_rate(self, step: int) -> None:
        """Linear decay from the first to the last step, where asked."""
        if self.config.final_learning_rate is not None:
            done = step / self.config.steps
            self._set_rate(self.config.learning_rate * (1 - done) + self.config.final_learning_rate * done)

    def _set_rate(self, rate: float) -> None:
        for group in self.optimizer.param_groups:
            if isinstance(group["lr"], Tensor):
                group["lr"].fill_(rate)
            else:
                group["lr"] = rate

    def members(self) -> list[Networks]:
        """The networks of each seed, as they are now."""
        return [self.networks]

    def state(self) -> dict[str, Any]:
        """What the next update depends on."""
        return {
            "networks": self.networks.state_dict(),
            "target": self.target.state_dict(),
            "optimizer": self._optimizer_state(),
        }

    def load_state(self, state: dict[str, Any]) -> None:
        """Continue from what `state` gave, on whatever device it was."""
        self.networks.load_state_dict(state["networks"])
        self.target.load_state_dict(state["target"])
        self._load_optimizer(state["optimizer"])

    def _optimizer_state(self) -> dict[str, Any]:
        state: dict[str, Any] = self.optimizer.state_dict()
        return state

    def _load_optimizer(self, state: dict[str, Any]) -> None:
        rates = [group["lr"] for group in self.optimizer.param_groups]
        self.optimizer.load_state_dict(state)
        for group, rate in zip(self.optimizer.param_groups, rates, strict=True):  # a tensor on a GPU, else a number
            stored = float(group["lr"])
            group["lr"] = rate.fill_(stored) if isinstance(rate, Tensor) else stored
            group["capturable"] = isinstance(rate, Tensor)


class FlatLearner(Learner):
    """The same for one seed or several side by side, with all learned numbers of a seed in one row of one tensor.

    `vmap` runs the agent's loss over the rows, so that one operation does the work of all seeds; an agent knows nothing
    of this. Losses of different seeds do not mix, and Adam works on every number alone: each seed learns what it would
    learn by itself, up to rounding. One tensor also makes one operation of the optimiser's step and of the targets'.

    Args:
        objective: the loss as a function of rows.
        members: networks of each seed.
        config: learning rate, tau, precision.
    """

    def __init__(self, objective: FlatLoss, members: Sequence[Networks], config: TrainingConfig) -> None:
        self.objective, self.config = objective, config
        self.parameters = torch.stack([objective.flatten(networks) for networks in members])
        self.target_parameters = self.parameters[:, : objective.num_followed].clone()
        self.fixed = {
            name: torch.stack([networks.get_parameter(name).detach() for networks in members])
            for name in objective.fixed
        }
        self._followers = [self.target_parameters] if objective.num_followed else []
        self._followed = [self.parameters[:, : objective.num_followed]]
        self._make_optimizer()

    def _make_optimizer(self) -> None:
        self.optimizer = make_optimizer([self.parameters.requires_grad_()], self.config)

    def loss(self, batch: Batch) -> tuple[Tensor, Metrics]:
        """(S,) losses of a batch with a leading axis, and (S,) of each metric."""
        with precision_of(self.config, batch.observations.device):
            return self.objective.rows(self.parameters, self.fixed, self.target_parameters, _given(batch))

    def members(self) -> list[Networks]:
        """The networks of each seed, as they are now."""
        found = []
        for seed, row in enumerate(self.parameters.detach()):
            networks = copy.deepcopy(self.objective.networks)
            fixed = {name: stacked[seed] for name, stacked in self.fixed.items()}
            networks.load_state_dict(self.objective.unflatten(row) | fixed)
            found.append(networks)
        return found

    def state(self) -> dict[str, Any]:
        """What the next update depends on."""
        return {
            "networks": self.parameters.detach(),
            "target": self.target_parameters,
            "optimizer": self._optimizer_state(),
        }

    @torch.no_grad()
    def load_state(self, state: dict[str, Any]) -> None:
        """Continue from what `state` gave, on whatever device it was."""
        self.parameters.copy_(state["networks"])
        self.target_parameters.copy_(state["target"])
        self._load_optimizer(state["optimizer"])


class CompiledLearner(FlatLearner):
    """The same with the whole update in one compiled function: loss, gradient, targets and Adam.

    Nothing of autograd or of an optimiser is left to run in Python, and fewer operations read and write memory.
    """

    def update(self, batch: Batch) -> tuple[Tensor, Metrics]:
        """One gradient step. Returns the loss before it."""
        with torch.no_grad(), precision_of(self.config, batch.observations.device):
            found: tuple[Tensor, Metrics] = self.objective.update(
                self.parameters,
                self.fixed,
                self.target_parameters,
                self.moments,
                self.count,
                self.rate,
                self.config.tau,
                _given(batch),
            )
            return found

    def _make_optimizer(self) -> None:
        like = self.parameters
        self.moments = torch.zeros_like(like), torch.zeros_like(like)
        self.count = like.new_zeros((), dtype=torch.float64)
        self.rate = like.new_tensor(self.config.learning_rate, dtype=torch.float64)

    def _set_rate(self, rate: float) -> None:
        self.rate.fill_(rate)

    def _optimizer_state(self) -> dict[str, Any]:
        return {"moments": list(self.moments), "count": self.count}

    def _load_optimizer(self, state: dict[str, Any]) -> None:
        for own, stored in zip((*self.moments, self.count), (*state["moments"], state["count"]), strict=True):
            own.copy_(stored)


def adam_(
    parameters: Tensor,
    gradient: Tensor,
    moments: tuple[Tensor, Tensor],
    count: Tensor,
    rate: Tensor,
    betas: tuple[float, float] = (0.9, 0.999),
    epsilon: float = 1e-8,
) -> None:
    """One step of Adam in place (Kingma & Ba, ICLR 2015, algorithm 1), as `torch.optim.Adam` makes it.

    Args:
        parameters: of any shape, as are `gradient` and both moments.
        gradient: of the loss.
        moments: running means of the gradient and of its square.
        count: number of steps before this one, ().
        rate: learning rate, ().
        betas: decay of the two running means.
        epsilon: added to the root of the second moment.
    """
    first, second = moments
    count += 1
    first.lerp_(gradient, 1 - betas[0])
    second.mul_(betas[1]).addcmul_(gradient, gradient, value=1 - betas[1])
    unbiased_first, unbiased_second = first / (1 - betas[0] ** count), second / (1 - betas[1] ** count)
    parameters.sub_(rate * unbiased_first / (unbiased_second.sqrt() + epsilon))


def _given(batch: Batch) -> dict[str, Tensor]:
    """What of a batch was sampled."""
    return {name: value for name, value in batch._asdict().items() if value is not None}


class FlatLoss:
    """An agent's loss as a function of one row of numbers for each seed.

    Args:
        agent: whose loss it is.
        networks: for their structure and for which parameters are fixed.
        policy_only: the policy's part only.
    """

    def __init__(self, agent: Agent, networks: Networks, policy_only: bool = False) -> None:
        self.agent, self.networks, self.policy_only = agent, copy.deepcopy(networks), policy_only
        self.target = make_target(agent, networks, policy_only)
        parameters = dict(self.networks.named_parameters())
        self.fixed = [name for name, p in parameters.items() if not p.requires_grad]
        followed = {name: p.shape for name, p in self.target.named_parameters()}
        others = {name: p.shape for name, p in parameters.items() if p.requires_grad and name not in followed}
        self._followed, self._learned = followed, followed | others  # in the order of a row
        self.num_followed = sum(shape.numel() for shape in followed.values())
        on_cpu = all(p.device.type == "cpu" for p in parameters.values())
        options: dict[str, Any] = {"guard_filter_fn": _guards_of_a_call}
        if on_cpu:
            options["cpp_wrapper"] = True  # no Python between the operations
        self.update = torch.compile(self._update, options=options)  # at its first use, for all that share this loss

    def flatten(self, networks: Networks) -> Tensor:
        """All learned numbers, those that a target follows first. (n,)."""
        return torch.cat([networks.get_parameter(name).detach().reshape(-1) for name in self._learned])

    def unflatten(self, row: Tensor, target: bool = False) -> dict[str, Tensor]:
        """The parameters by name, as views of a row: all that are learned, or those of the target."""
        shapes = self._followed if target else self._learned
        parts = row.split([shape.numel() for shape in shapes.values()]) if shapes else ()
        return {name: part.view(shape) for part, (name, shape) in zip(parts, shapes.items(), strict=True)}

    def rows(
        self, rows: Tensor, fixed: dict[str, Tensor], target_rows: Tensor, batch: dict[str, Tensor]
    ) -> tuple[Tensor, Metrics]:
        """The loss of every seed; one alone needs no batched operations, which are slower."""
        if len(rows) > 1:
            many: tuple[Tensor, Metrics] = vmap(self._row)(rows, fixed, target_rows, batch)
            return many
        fixed, batch = ({name: value[0] for name, value in given.items()} for given in (fixed, batch))
        loss, metrics = self._row(rows.squeeze(0), fixed, target_rows.squeeze(0), batch)
        return loss[None], {name: value[None] for name, value in metrics.items()}

    def _update(
        self,
        rows: Tensor,
        fixed: dict[str, Tensor],
        target_rows: Tensor,
        moments: tuple[Tensor, Tensor],
        count: Tensor,
        rate: Tensor,
        tau: float,
        batch: dict[str, Tensor],
    ) -> tuple[Tensor, Metrics]:
        """One update in place of rows, targets and Adam's state. Gives the losses before it."""

        def total(rows: Tensor) -> tuple[Tensor, tuple[Tensor, Metrics]]:
            losses, metrics = self.rows(rows, fixed, target_rows, batch)
            return losses.sum(), (losses, metrics)

        gradient, (losses, metrics) = torch.func.grad(total, has_aux=True)(rows)
        if self.num_followed:
            target_rows.lerp_(rows[:, : self.num_followed], tau)  # the parameters before the step, as in the reference
        adam_(rows, gradient, moments, count, rate)
        return losses, metrics

    def _row(
        self, row: Tensor, fixed: dict[str, Tensor], target_row: Tensor, batch: dict[str, Tensor]
    ) -> tuple[Tensor, Metrics]:
        """The loss of one seed."""
        whole = Batch(**{name: batch.get(name) for name in Batch._fields})  # type: ignore[arg-type]

        def with_networks(networks: Networks) -> tuple[Tensor, Metrics]:
            def with_target(target: Networks) -> tuple[Tensor, Metrics]:
                return loss_of(self.agent, networks, target, whole, self.policy_only)

            found: tuple[Tensor, Metrics] = functional_call(
                self.target, self.unflatten(target_row, target=True), (with_target,)
            )
            return found

        found: tuple[Tensor, Metrics] = functional_call(self.networks, self.unflatten(row) | fixed, (with_networks,))
        return found


def _guards_of_a_call(guards: Sequence[Any]) -> list[bool]:
    """Which of a compiled update's guards to evaluate at each step: those on its arguments and on torch's settings.

    The others ask whether the agent, its networks or a module's functions have changed. They never do, but asking takes
    a third of a millisecond.
    """
    return [not guard.is_global and not guard.name.startswith(("self", "__import__")) for guard in guards]


def loss_of(
    agent: Agent, networks: Networks, target: Networks, batch: Batch, policy_only: bool
) -> tuple[Tensor, Metrics]:
    """The agent's loss, or only its policy's part."""
    if policy_only:
        return agent.policy_loss(networks, batch)
    return agent.loss(networks, target, batch)


def make_target(agent: Agent, networks: Networks, policy_only: bool) -> Networks:
    """A copy of the networks that have a slowly following one; of none where the value is fixed."""
    names = () if policy_only else agent.target_networks
    return Networks({name: copy.deepcopy(getattr(networks, name)) for name in names}).requires_grad_(False)


def make_optimizer(parameters: Iterable[Tensor], config: TrainingConfig) -> torch.optim.Adam:
    """Adam; on a GPU with a learning rate that a recorded step can read."""
    learned = list(parameters)
    on_gpu = learned[0].is_cuda
    rate = torch.tensor(config.learning_rate, device=learned[0].device) if on_gpu else config.learning_rate
    return torch.optim.Adam(learned, lr=rate, fused=True, capturable=on_gpu)


def precision_of(config: TrainingConfig, device: torch.device) -> torch.autocast:
    """Where asked, matrix products in bfloat16."""
    return torch.autocast(device.type, torch.bfloat16, enabled=config.precision == "bfloat16")


@dataclass
class TrainingResult:
    """What training gives: one entry a seed, even when it was interrupted."""

    agent: Agent
    spec: Spec
    seeds: list[int] = field(default_factory=list)
    networks: list[Networks] = field(default_factory=list)
    metrics: pd.DataFrame = field(default_factory=pd.DataFrame)  # columns seed, step, loss and the agent's metrics
    interrupted: bool = False
    untrained: tuple[str, ...] = ()  # networks that a file did not hold

    @property
    def policies(self) -> list[Policy]:
        """One policy a seed."""
        return [Policy(self.agent, networks) for networks in self.networks]

    def save(self, path: str | Path, keep: Sequence[str] | None = None) -> Path:
        """Write the networks (all, or only those named in `keep`) of all seeds to one file, for any device."""
        states = [
            {name: p.cpu() for name, p in networks.state_dict().items() if keep is None or name.split(".")[0] in keep}
            for networks in self.networks
        ]
        content = {"agent": type(self.agent).__name__, "seeds": self.seeds, "networks": states}
        return _write(Path(path), content)

    @classmethod
    def load(cls, path: str | Path, agent: Agent, spec: Spec) -> TrainingResult:
        """Read what `save` wrote, for the same agent, on the CPU. Networks that were not kept stay untrained.

        Raises:
            ValueError: the file is of another agent, or of networks with other sizes.
        """
        content = torch.load(path, map_location="cpu", weights_only=True)
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
            result.untrained = tuple(sorted({key.split(".")[0] for key in known.keys() - state.keys()}))
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
    together: bool | None = None,
    sampler: type[HindsightSampler] = HindsightSampler,
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
        device: where to train. The data set is moved there, batches are drawn there, and on a GPU a whole step is
            recorded once as a CUDA graph and then replayed.
        together: all seeds side by side in one set of operations, instead of one seed after the other. Each seed draws
            the same batches and learns the same, up to rounding; a GPU is filled by several seeds, a CPU by one. None:
            on a GPU only.
        sampler: what draws the batches; a subclass may, for one, choose other waypoints.
        progress: show a bar with loss and speed.

    Returns:
        The networks and the metrics of every seed. After Ctrl-C: what was trained so far, with `interrupted` set.

    Raises:
        TrainingDivergedError: a loss became NaN or infinite.
        TypeError: `sampler` is not a class of samplers.
        ValueError: checkpoints of another run in the folder, or a `value_from` that does not fit.
    """
    config = config or TrainingConfig()
    seeds = list(range(seeds)) if isinstance(seeds, int) else list(seeds)
    if not (isinstance(sampler, type) and issubclass(sampler, HindsightSampler)):
        raise TypeError(f"sampler must be HindsightSampler or a subclass of it, the class itself, got {sampler!r}")
    spec = spec or trajectories.spec()
    if value_from is not None:
        _check_value_from(agent, value_from, seeds)
    if config.augmentation > 0 and spec.image is None:
        raise ValueError("augmentation crops images, and these observations are vectors: set it to 0")
    _set_matmul_precision(config, device)
    if config.compile:
        torch.compiler.reset()  # or, after eight trainings in one process, no more would be compiled
    data = trajectories.to(device)
    draws = sampler(data, agent.goals, agent.discount, agent.subgoal_steps)
    folder = None if checkpoints is None else Path(checkpoints)
    if together is None:
        together = torch.device(device).type == "cuda"
    positions = [list(range(len(seeds)))] if together else [[position] for position in range(len(seeds))]
    result = TrainingResult(agent, spec)
    tables, objective = [], None
    with tqdm(total=config.steps * len(seeds), disable=not progress, unit=" updates", mininterval=0.5) as bar:
        for group in positions:
            members = [seeds[position] for position in group]
            fixed = None if value_from is None else [value_from.networks[position] for position in group]
            run = _Run(agent, draws, config, spec, members, fixed, device, objective)
            objective = run.objective  # compiled once for all seeds
            path = None if folder is None else folder / f"seed_{'_'.join(map(str, members))}.pt"
            fingerprint = "" if folder is None else _fingerprint(agent, config, spec, trajectories, fixed, sampler)
            if path is not None and path.exists():
                run.restore(path, fingerprint)
            bar.update(run.step * len(members))
            bar.set_description(f"{type(agent).__name__} seed {', '.join(map(str, members))}")
            try:
                run.advance(bar, path, fingerprint)
            except KeyboardInterrupt:
                result.interrupted = True
            result.seeds += members
            result.networks += [networks.requires_grad_(False) for networks in run.learner.members()]
            tables.append(pd.DataFrame(run.rows).sort_values(["seed", "step"]) if run.rows else pd.DataFrame())
            if result.interrupted:
                where = f"step {run.step} of {config.steps} of seed {', '.join(map(str, members))}"
                tqdm.write(f"stopped at {where}; what was trained is kept")
                break
    result.metrics = pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()
    return result


class _Run:
    """The training of one seed, or of several together, which can be saved and restored between any two steps."""

    def __init__(
        self,
        agent: Agent,
        sampler: HindsightSampler,
        config: TrainingConfig,
        spec: Spec,
        seeds: list[int],
        fixed: list[Networks] | None,
        device: str | torch.device,
        objective: FlatLoss | None = None,
    ) -> None:
        self.config, self.sampler, self.seeds = config, sampler, seeds
        self.noise_size = agent.noise_size(spec)
        members = [agent.networks(spec, torch.Generator().manual_seed(seed)) for seed in seeds]
        for position, networks in enumerate(members):
            networks.to(device=device, dtype=sampler.trajectories.float_dtype)
            if fixed is not None:
                _copy_value(agent, fixed[position], networks)
        self.flat = config.compile or len(seeds) > 1
        self.objective = objective
        if self.flat:
            self.objective = objective or FlatLoss(agent, members[0], fixed is not None)
            kind = CompiledLearner if config.compile else FlatLearner
            self.learner: Learner = kind(self.objective, members, config)
        else:
            self.learner = Learner(agent, members[0], config, policy_only=fixed is not None)
        self.generators = [torch.Generator(device=device).manual_seed(seed + 1_000_003) for seed in seeds]
        self._replay: Callable[[], tuple[Tensor, Metrics]] | None = None
        self._warm = 0  # steps done by this process before it records one
        self.step = 0
        self.rows: list[dict[str, float]] = []

    def draw(self) -> Batch:
        """The next batch; for a flat learner, that of every seed along a new first axis."""
        batches = [self._draw(generator) for generator in self.generators]
        if not self.flat:
            return batches[0]
        if len(batches) == 1:
            return Batch(*(None if entry is None else entry[None] for entry in batches[0]))  # type: ignore[arg-type]
        entries = zip(*batches, strict=True)
        return Batch(*(None if entry[0] is None else torch.stack(entry) for entry in entries))  # type: ignore[arg-type]

    def _draw(self, generator: torch.Generator) -> Batch:
        batch = self.sampler.sample(self.config.batch_size, generator)
        batch = augment_batch(batch, self.config.augmentation, generator)
        if self.noise_size:
            shape, like = (self.config.batch_size, self.noise_size), batch.rewards
            noise = torch.randn(shape, generator=generator, device=like.device, dtype=like.dtype)
            batch = batch._replace(noise=noise)
        return batch

    def update(self) -> tuple[Tensor, Metrics]:
        """Draw and learn: the whole work of one step. On a GPU, after a few steps, one recorded CUDA graph."""
        if self.generators[0].device.type != "cuda":
            return self.learner.update(self.draw())
        if self._replay is None and self._warm < WARM_UP_STEPS:
            self._warm += 1
            return _aside(lambda: self.learner.update(self.draw()))
        if self._replay is None:
            self._replay = _record(lambda: self.learner.update(self.draw()), self.generators)
        return self._replay()

    def advance(self, bar: tqdm, path: Path | None, fingerprint: str) -> None:
        """Train to the last step; save a checkpoint on the way, at the end and when interrupted."""
        config = self.config
        with _DeferredInterrupt() as interrupt:
            while self.step < config.steps:
                self.learner.set_learning_rate(self.step)
                loss, metrics = self.update()
                self.step += 1
                logs = self.step % config.log_every == 0 or self.step in (1, config.steps)
                if logs or loss.device.type == "cpu":
                    self._stop_if_diverged(loss, metrics)
                if logs:
                    self._log(loss, metrics)
                    bar.set_postfix(loss=f"{float(loss.mean()):.3f}", refresh=False)
                if path is not None and (self.step % config.checkpoint_every == 0 or self.step == config.steps):
                    self.save(path, fingerprint)
                bar.update(len(self.seeds))
                if interrupt.requested:
                    if path is not None:
                        self.save(path, fingerprint)
                    raise KeyboardInterrupt

    def _log(self, loss: Tensor, metrics: Metrics) -> None:
        """A row of numbers a seed."""
        numbers = {name: value.reshape(-1).tolist() for name, value in {"loss": loss, **metrics}.items()}
        for position, seed in enumerate(self.seeds):
            own = {name: values[position] for name, values in numbers.items()}
            self.rows.append({"seed": seed, "step": self.step, **own})

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

    def save(self, path: Path, fingerprint: str) -> None:
        """Write everything that the next step depends on; the file is replaced in one move."""
        content = {
            "fingerprint": fingerprint,
            "step": self.step,
            **self.learner.state(),
            "generators": [generator.get_state() for generator in self.generators],
            "rows": self.rows,
        }
        _write(path, content)

    def restore(self, path: Path, fingerprint: str) -> None:
        """Continue from a checkpoint of the same run."""
        try:
            content = torch.load(path, map_location="cpu", weights_only=True)
            stored = content["fingerprint"]
        except (RuntimeError, EOFError, KeyError, pickle.UnpicklingError, zipfile.BadZipFile) as error:
            raise ValueError(
                f"{path} is not a whole checkpoint, delete it to start that seed again ({error})"
            ) from error
        if stored != fingerprint:
            raise ValueError(
                f"{path} is from a run with another agent, configuration, data set or sampler: "
                "give another checkpoint folder, or delete this one to start again"
            )
        self.learner.load_state(content)
        for generator, state in zip(self.generators, content["generators"], strict=True):
            generator.set_state(state.cpu())
        self.step, self.rows = content["step"], content["rows"]


def _aside(step: Callable[[], Any]) -> Any:
    """Run a step on a stream of its own, as steps that will be recorded should first be."""
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        results = step()
    torch.cuda.current_stream().wait_stream(stream)
    return results


def _record(step: Callable[[], tuple[Tensor, Metrics]], generators: list[torch.Generator]) -> Callable[[], Any]:
    """Record all that one step does on the GPU. What is returned does it again, with one launch.

    Its results are in the same memory every time: read them before the next step. To be recorded, a step must have run
    before, so that whatever is set up at first use is there.
    """
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    for generator in generators:
        graph.register_generator_state(generator)
    with torch.cuda.graph(graph):
        results = step()

    def replay() -> Any:
        graph.replay()
        return results

    return replay


def _set_matmul_precision(config: TrainingConfig, device: str | torch.device) -> None:
    """How a GPU multiplies matrices of 32-bit numbers, for this process."""
    if torch.device(device).type == "cuda":
        torch.set_float32_matmul_precision("high" if config.precision == "tf32" else "highest")


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
    if not agent.value_networks:
        raise ValueError(f"{type(agent).__name__} has no value function, so value_from cannot be used with it")
    if lacking := set(value_from.untrained) & set(agent.value_networks):
        raise ValueError(f"value_from was loaded from a file without {', '.join(sorted(lacking))}: save it with those")
    if value_from.seeds != list(seeds):
        raise ValueError(f"value_from has seeds {value_from.seeds}, these are {list(seeds)}: make them equal")


def _copy_value(agent: Agent, source: Networks, networks: Networks) -> None:
    for name in agent.value_networks:
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


def _fingerprint(
    agent: Agent,
    config: TrainingConfig,
    spec: Spec,
    data: Trajectories,
    fixed: list[Networks] | None,
    sampler: type[HindsightSampler],
) -> str:
    """A digest of all that, beside the seed, decides a run's result, except how often it logs or saves."""
    settings: dict[str, Any] = dataclasses.asdict(config)
    del settings["checkpoint_every"]
    digest = hashlib.sha256(repr((agent, settings, spec, data.frame_stack)).encode())
    if sampler is not HindsightSampler:
        digest.update(f"{sampler.__module__}.{sampler.__qualname__}".encode())
    tensors = [data.observations, data.actions, data.episode_ends, data.next_observations]
    for networks in fixed or []:
        tensors += [p for name, p in networks.state_dict().items() if name.split(".")[0] in agent.value_networks]
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
