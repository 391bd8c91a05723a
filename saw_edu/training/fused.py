"""Learners for speed: several seeds in one set of operations, a whole update compiled, a step as one CUDA graph.

Nothing here changes what is learned: a row of numbers for each seed goes through the agent's own loss.
"""

from __future__ import annotations

import copy
import types
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.func import functional_call, vmap

from saw_edu.agents.agent import Agent, Metrics
from saw_edu.data import Batch
from saw_edu.nn import Networks
from saw_edu.training.learner import (
    Learner,
    Parts,
    TrainingConfig,
    loss_of,
    make_optimizer,
    make_target,
    precision_of,
)


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

    def _given(self, batch: Any) -> dict[str, Tensor]:
        """What of a batch was sampled, by name: vmap takes no None."""
        self.objective.batch_type = type(batch)
        return {name: value for name, value in batch._asdict().items() if value is not None}

    def loss(self, batch: Any) -> tuple[Tensor, Metrics]:
        """(S,) losses of a batch with a leading axis, and (S,) of each metric."""
        with precision_of(self.config, self.parameters.device):
            return self.objective.rows(self.parameters, self.fixed, self.target_parameters, self._given(batch))

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

    def update(self, batch: Any) -> tuple[Tensor, Metrics]:
        """One gradient step. Returns the loss before it."""
        with torch.no_grad(), precision_of(self.config, self.parameters.device):
            return self.objective.update(
                self.parameters,
                self.fixed,
                self.target_parameters,
                self.moments,
                self.count,
                self.rate,
                self.config.tau,
                self._given(batch),
            )

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


class FlatLoss:
    """An agent's loss as a function of one row of numbers for each seed.

    Args:
        agent: whose loss it is.
        networks: for their structure and for which parameters are fixed.
        parts: "all", or the value's or the policy's part only.
        backend: of torch.compile; None: torch's own.
    """

    def __init__(self, agent: Agent, networks: Networks, parts: Parts = "all", backend: str | None = None) -> None:
        self.agent, self.networks, self.parts = agent, copy.deepcopy(networks), parts
        self.target = make_target(agent, networks, parts)
        self.batch_type: type[Any] = Batch  # a NamedTuple; a learner sets it to that of its batches
        parameters = dict(self.networks.named_parameters())
        self.fixed = [name for name, p in parameters.items() if not p.requires_grad]
        followed = {name: p.shape for name, p in self.target.named_parameters()}
        others = {name: p.shape for name, p in parameters.items() if p.requires_grad and name not in followed}
        self._followed, self._learned = followed, followed | others  # in the order of a row
        self.num_followed = sum(shape.numel() for shape in followed.values())
        on_cpu = all(p.device.type == "cpu" for p in parameters.values())
        options: dict[str, Any] = {"guard_filter_fn": _guards_of_a_call}
        if on_cpu and backend is None:
            options["cpp_wrapper"] = True  # no Python between the operations
        update = types.MethodType(own_code(FlatLoss._update), self)
        self.update = torch.compile(
            update, backend=backend or "inductor", options=options
        )  # at its first use, for all that share this loss

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
            return vmap(self._row)(rows, fixed, target_rows, batch)
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
        whole = self.batch_type(**{name: batch.get(name) for name in self.batch_type._fields})

        def with_networks(networks: Networks) -> tuple[Tensor, Metrics]:
            def with_target(target: Networks) -> tuple[Tensor, Metrics]:
                return loss_of(self.agent, networks, target, whole, self.parts)

            return functional_call(self.target, self.unflatten(target_row, target=True), (with_target,))

        return functional_call(self.networks, self.unflatten(row) | fixed, (with_networks,))


def _guards_of_a_call(guards: Sequence[Any]) -> list[bool]:
    """Which of a compiled update's guards to evaluate at each step: those on its arguments and on torch's settings.

    The others ask whether the agent, its networks or a module's functions have changed. They never do, but asking takes
    a third of a millisecond.
    """
    return [not guard.is_global and not guard.name.startswith(("self", "__import__")) for guard in guards]


def own_code(function: Callable[..., Any]) -> Callable[..., Any]:
    """A copy of a function with a code object of its own.

    The compiler keeps what it compiled by code object. Losses that shared one would find each other's compiled
    updates, for their guards are not evaluated (`_guards_of_a_call`), and use up its limit of recompilations.
    """
    assert isinstance(function, types.FunctionType)
    code, names = function.__code__.replace(), function.__globals__
    copied = types.FunctionType(code, names, function.__name__, function.__defaults__, function.__closure__)
    copied.__kwdefaults__ = function.__kwdefaults__
    return copied


def aside(step: Callable[[], Any]) -> Any:
    """Run a step on a stream of its own, as steps that will be recorded should first be."""
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        results = step()
    torch.cuda.current_stream().wait_stream(stream)
    return results


def record(step: Callable[[], tuple[Tensor, Metrics]], generators: list[torch.Generator]) -> Callable[[], Any]:
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


def set_matmul_precision(config: TrainingConfig, device: str | torch.device) -> None:
    """How a GPU multiplies matrices of 32-bit numbers, for this process."""
    if torch.device(device).type == "cuda":
        torch.set_float32_matmul_precision("high" if config.precision == "tf32" else "highest")
