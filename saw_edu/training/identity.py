"""What makes a training run the same run: settings, data, and the code of its loss."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Iterable
from typing import Any

from torch import Tensor

from saw_edu.training.digest import changes, code_of, digest_of

FREE_TO_CHANGE = ("checkpoint_every",)  # of the settings: what does not touch the result
PYTHON = "{}.{}".format(*sys.version_info)
NAMED = 5  # changed functions that a message names

Identity = dict[str, Any]
"""Digests by name. Two entries are more: "code", a digest for each function or class, and "Python", its version."""


def fingerprint(settings: Any, data: Iterable[Tensor | None], code: Iterable[object], **others: object) -> Identity:
    """Digests of all that, beside the seed, decides a run's result, by name.

    The number of steps is left out where the learning rate stays as it is: then a longer run begins as a shorter one.

    Args:
        settings: a `TrainingConfig`.
        data: tensors; None is passed over.
        code: the agent, the sampler, the draw function: what `code_of` looks at.
        others: more that decides it, by the name for it in a message: agent, sizes, ...
    """
    chosen = {name: value for name, value in dataclasses.asdict(settings).items() if name not in FREE_TO_CHANGE}
    if chosen["final_learning_rate"] is None:
        del chosen["steps"]
    return {
        "configuration": digest_of(sorted(chosen.items())),
        "data": digest_of(*data),
        **{name: digest_of(value) for name, value in others.items()},
        "code": code_of(*code),
        "Python": PYTHON,
    }


def differences(stored: Identity, identity: Identity) -> tuple[list[str], str]:
    """What two runs do not share: names, and a sentence to follow "from a run"; ([], "") for the same run."""
    names = [name for name in stored.keys() | identity.keys() if stored.get(name) != identity.get(name)]
    others = sorted(set(names) - {"code", "Python"})
    told = [f"with another {', '.join(others)}"] if others else []
    if "Python" in names and "Python" in stored:
        told.append(f"under Python {stored['Python']}, this is {identity['Python']}, so that code cannot be compared")
    elif not isinstance(stored.get("code"), dict):
        told.append("of an earlier version of saw-edu, which did not note its code as it is noted now")
    elif "code" in names:
        changed = changes(stored["code"], identity["code"])
        more = f" and {len(changed) - NAMED} more" if len(changed) > NAMED else ""
        told.append(f"whose code has changed since: {', '.join(changed[:NAMED])}{more}")
    return sorted(names), " and ".join(told)
