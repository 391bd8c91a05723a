"""The training loop's heart: networks, a loss, a gradient step. `train` does this for many steps and seeds."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from saw_edu.agents.agent import Agent, Metrics
from saw_edu.nn import Networks

Parts = Literal["all", "value", "policy"]


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
            number = getattr(self, name)
            if not number >= 1 or number != int(number):
                raise ValueError(f"{name} must be at least 1 and whole, got {number}")
        if not 0 < self.tau <= 1:
            raise ValueError(f"tau must lie in (0, 1], got {self.tau}")
        if not 0 < self.learning_rate < math.inf:
            raise ValueError(f"learning_rate must be a number above 0, got {self.learning_rate}")
        if self.final_learning_rate is not None and not 0 <= self.final_learning_rate < math.inf:
            raise ValueError(f"final_learning_rate must be a number from 0 on, or None, got {self.final_learning_rate}")
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
        parts: "all", or one part of the agent's loss: its "value", or its "policy" from a value that stays as it is.
    """

    def __init__(self, agent: Agent, networks: Networks, config: TrainingConfig, parts: Parts = "all") -> None:
        self.agent, self.networks, self.config, self.parts = agent, networks, config, parts
        self.target = make_target(agent, networks, parts)
        self._device = next(networks.parameters()).device
        self._followers: list[Tensor] = list(self.target.parameters())
        self._followed: list[Tensor] = [networks.get_parameter(name) for name, _ in self.target.named_parameters()]
        self.optimizer = make_optimizer([p for p in networks.parameters() if p.requires_grad], config)

    def loss(self, batch: Any) -> tuple[Tensor, Metrics]:
        """The agent's loss, or the part of it that is learned here."""
        with precision_of(self.config, self._device):
            return loss_of(self.agent, self.networks, self.target, batch, self.parts)

    def update(self, batch: Any) -> tuple[Tensor, Metrics]:
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
        return self.optimizer.state_dict()

    def _load_optimizer(self, state: dict[str, Any]) -> None:
        rates = [group["lr"] for group in self.optimizer.param_groups]
        self.optimizer.load_state_dict(state)
        for group, rate in zip(self.optimizer.param_groups, rates, strict=True):  # a tensor on a GPU, else a number
            stored = float(group["lr"])
            group["lr"] = rate.fill_(stored) if isinstance(rate, Tensor) else stored
            group["capturable"] = isinstance(rate, Tensor)


def loss_of(agent: Agent, networks: Networks, target: Networks, batch: Any, parts: Parts) -> tuple[Tensor, Metrics]:
    """The agent's loss, or a part of it."""
    if parts == "policy":
        return agent.policy_loss(networks, batch)
    if parts == "value":
        return agent.value_loss(networks, target, batch)
    return agent.loss(networks, target, batch)


def make_target(agent: Agent, networks: Networks, parts: Parts) -> Networks:
    """A copy of the networks that have a slowly following one; of none where the value is fixed."""
    names = () if parts == "policy" else agent.target_networks
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
