"""The little training loop of chapter 10's nets."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from tqdm.auto import tqdm

from saw_edu.nn.mlp import MLP


def fit(
    inputs: Tensor,
    labels: Tensor,
    loss_of: Callable[[Tensor, Tensor], Tensor],
    outputs: int,
    generator: torch.Generator,
    updates: int,
    progress: bool = False,
) -> MLP:
    """A net with two hidden layers of 128, trained on batches of 256 rows.

    Args:
        inputs: (N, in).
        labels: (N, ...) what `loss_of` compares outputs (256, out) with.
        loss_of: (outputs, labels) -> a mean loss, shape ().
        outputs: how many numbers the net gives.
        generator: of the first weights and of the batches.
        updates: steps of Adam, learning rate 2e-3 decayed to a tenth.
        progress: show a bar.
    """
    net = MLP(inputs.shape[1], (128, 128, outputs), generator)
    optimizer = torch.optim.Adam(net.parameters(), lr=2e-3)
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.1, updates)
    for _ in tqdm(range(updates), "training", disable=not progress, leave=False):
        rows = torch.randint(len(inputs), (256,), generator=generator)
        loss = loss_of(net(inputs[rows]), labels[rows])
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        schedule.step()
    return net.requires_grad_(False)
