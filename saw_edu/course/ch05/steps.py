"""Exercise 5 of chapter 5: networks, training steps of them, and answers that are wrong."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

Step = Callable[[], None]
Answer = Callable[[nn.Module, Step], set[str]]


def small_network() -> nn.Module:
    """A network with an encoder, a body and a head."""
    network = nn.ModuleDict({"encoder": nn.Linear(3, 4), "body": nn.Linear(4, 4), "head": nn.Linear(4, 2)})
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.copy_(torch.arange(parameter.numel()).view_as(parameter) / 10 - 0.4)
    return network


def ask(answer: Answer, trained: tuple[str, ...], partly: bool = False, by: float = 0.5) -> list[str]:
    """Names that an answer gives for a step that changes the parameters named, in place, all of each or one entry."""
    network = small_network()

    def step() -> None:
        with torch.no_grad():
            for name, parameter in network.named_parameters():
                if name.startswith(trained):
                    (parameter.view(-1)[:1] if partly else parameter).add_(by)

    return sorted(answer(network, step))


def ask_with_idle_gradients(answer: Answer) -> list[str]:
    """Everything gets a gradient, but the optimiser holds the head alone."""
    network = small_network()
    optimizer = torch.optim.SGD(network["head"].parameters(), lr=0.1)  # type: ignore[index]

    def step() -> None:
        x = torch.ones(5, 3)
        for part in ("encoder", "body", "head"):
            x = network[part](x)  # type: ignore[index]
        x.square().sum().backward()
        optimizer.step()

    return sorted(answer(network, step))


def _copy(network: nn.Module) -> dict[str, Tensor]:
    return {name: p.detach().clone() for name, p in network.named_parameters()}


def unmoved(network: nn.Module, step: Step) -> set[str]:
    """Names of parameters of which no entry changes in a step."""
    before = _copy(network)
    step()
    return {name for name, p in network.named_parameters() if torch.equal(p, before[name])}


def same_memory(network: nn.Module, step: Step) -> set[str]:
    """Wrong: Keeps the parameters themselves, which the step changes."""
    before = dict(network.named_parameters())
    step()
    return {name for name, p in network.named_parameters() if torch.equal(p, before[name])}


def moved(network: nn.Module, step: Step) -> set[str]:
    """Wrong: The others."""
    return set(_copy(network)) - unmoved(network, step)


def any_entry(network: nn.Module, step: Step) -> set[str]:
    """Wrong: Names a parameter if any of its entries did not change."""
    before = _copy(network)
    step()
    return {name for name, p in network.named_parameters() if bool((p == before[name]).any())}


def by_gradient(network: nn.Module, step: Step) -> set[str]:
    """Wrong: Looks for gradients."""
    step()
    return {name for name, p in network.named_parameters() if p.grad is None}


def weights_only(network: nn.Module, step: Step) -> set[str]:
    """Wrong: Forgets biases."""
    return {name for name in unmoved(network, step) if "weight" in name}


def modules(network: nn.Module, step: Step) -> set[str]:
    """Wrong: Names parts of the network."""
    return {name.split(".")[0] for name in unmoved(network, step)}


def nearly_equal(network: nn.Module, step: Step) -> set[str]:
    """Wrong: Allows a tolerance."""
    before = _copy(network)
    step()
    return {name for name, p in network.named_parameters() if torch.allclose(p, before[name])}
