"""A net that is told something: what it sees and what it is told meet in a product."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from saw_edu.nn.mlp import Dense


class ToldNet(nn.Module):
    """Q of what is seen and what is told, which meet in a product: (B, seen + told) -> (B, actions).

    A sum of the two would have to learn for each statement anew which of the things seen matter; a product switches
    them on and off.

    Args:
        seen: numbers of what is seen, which come first.
        told: numbers of what is told.
        hidden: units of each layer.
        actions: values given out.
        generator: of the first weights.
    """

    def __init__(self, seen: int, told: int, hidden: int, actions: int, generator: torch.Generator) -> None:
        super().__init__()
        self.sizes = [seen, told]
        self.see, self.hear = Dense(seen, hidden, generator, 4.0), Dense(told, hidden, generator, 4.0)
        self.middle, self.out = Dense(hidden, hidden, generator), Dense(hidden, actions, generator)

    def forward(self, inputs: Tensor) -> Tensor:
        """Q of every action, (B, actions)."""
        seen, told = inputs.split(self.sizes, -1)
        met = F.relu(self.see(seen) * self.hear(told))
        return self.out(F.relu(self.middle(met)))  # type: ignore[no-any-return]
