"""A replay buffer: named columns in tensors of fixed size, of which the oldest rows are written over."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor


class Replay:
    """The last `capacity` transitions, column by column; the columns are those of the first rows that come.

    Args:
        capacity: rows to keep, at least 1.

    Raises:
        ValueError: a capacity below 1.
    """

    def __init__(self, capacity: int) -> None:
        if capacity < 1:
            raise ValueError(f"a replay buffer keeps at least one row, got capacity={capacity}")
        self.capacity = capacity
        self.columns: dict[str, Tensor] = {}
        self._written = 0  # rows ever written

    def __len__(self) -> int:
        return min(self._written, self.capacity)

    def add(self, **rows: Tensor) -> None:
        """Append rows: tensors (B, ...) by name, B at most `capacity`.

        Raises:
            ValueError: other names, sizes or dtypes than before, unequal or too many rows.
        """
        sizes = {name: len(column) for name, column in rows.items()}
        number = next(iter(sizes.values()), 0)
        if len(set(sizes.values())) != 1 or not 0 < number <= self.capacity:
            raise ValueError(f"columns need equally many rows, 1 to {self.capacity} of them, got {sizes}")
        if not self.columns:
            self.columns = {name: column.new_zeros(self.capacity, *column.shape[1:]) for name, column in rows.items()}
        before = {name: (tuple(column.shape[1:]), column.dtype) for name, column in self.columns.items()}
        now = {name: (tuple(column.shape[1:]), column.dtype) for name, column in rows.items()}
        if now != before:
            raise ValueError(f"this buffer's columns are {before}, got {now}")
        at = (self._written + torch.arange(number)) % self.capacity
        for name, column in rows.items():
            self.columns[name][at] = column.detach()
        self._written += number

    def sample(self, number: int, generator: torch.Generator) -> dict[str, Tensor]:
        """Rows drawn uniformly, with replacement: tensors (number, ...) by name.

        Raises:
            ValueError: while the buffer is empty.
        """
        if len(self) == 0:
            raise ValueError("the replay buffer is empty: add transitions before you sample")
        rows = torch.randint(len(self), (number,), generator=generator)
        return {name: column[rows] for name, column in self.columns.items()}

    def state_dict(self) -> dict[str, Any]:
        """What `load_state_dict` needs to go on exactly: the rows in use and how many were ever written."""
        rows = {name: column[: len(self)].clone() for name, column in self.columns.items()}
        return {"capacity": self.capacity, "written": self._written, "rows": rows}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Become the buffer that `state_dict` was called on.

        Raises:
            ValueError: a state of another capacity.
        """
        if state["capacity"] != self.capacity:
            raise ValueError(f"this buffer keeps {self.capacity} rows, the saved one {state['capacity']}")
        self.columns = {}
        for name, saved in state["rows"].items():
            self.columns[name] = saved.new_zeros(self.capacity, *saved.shape[1:])
            self.columns[name][: len(saved)] = saved
        self._written = state["written"]
