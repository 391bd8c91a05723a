"""The ranges of agents' hyperparameters, checked when an agent is made."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

_WHOLE = ("subgoal_steps", "rep_dim", "latent_dim")


def check_ranges(agent: Any) -> None:
    """Every agent's `__post_init__`: is each field of a dataclass in the range that its name stands for?

    0 < discount, expectile < 1; every alpha, beta, prior_weight and eps at least 0 and finite; clips above 0;
    subgoal_steps, latent_dim and rep_dim at least 1 (rep_dim also None); hidden dims at least one layer of at least 1.

    Raises:
        ValueError: the first field that is not, with its value and range.
    """
    for field in dataclasses.fields(agent):
        name, value = field.name, getattr(agent, field.name)
        if name in ("discount", "expectile"):
            fits, allowed = 0 < value < 1, "lie between 0 and 1 (neither of them)"
        elif name.endswith("alpha") or name in ("beta", "prior_weight", "eps"):
            fits, allowed = 0 <= value < math.inf, "be at least 0 and finite"
        elif name.endswith("_clip"):
            fits, allowed = value > 0, "be above 0 (inf: no clip)"
        elif name in _WHOLE:
            optional = name == "rep_dim"
            fits = (optional and value is None) or value >= 1
            allowed = "be at least 1, or None" if optional else "be at least 1"
        elif name.endswith("hidden_dims"):
            fits, allowed = len(value) > 0 and min(value) >= 1, "name at least one layer, each of at least 1 unit"
        else:
            continue
        if not fits:
            raise ValueError(f"{name} must {allowed}, got {value}")
