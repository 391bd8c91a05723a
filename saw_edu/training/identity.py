"""What makes a training run the same run: settings, data, and the code of its loss."""

from __future__ import annotations

import dataclasses
import hashlib
import sys
import types
from collections.abc import Iterable
from typing import Any

from torch import Tensor

FREE_TO_CHANGE = ("checkpoint_every",)  # of the settings: what does not touch the result
LIBRARY = ("saw_edu.agents", "saw_edu.course")  # the library's modules whose code decides a loss


def fingerprint(
    settings: Any, data: Iterable[Tensor | None], code: Iterable[object], *others: object
) -> dict[str, str]:
    """Digests of all that, beside the seed, decides a run's result, by name: {"configuration": ..., "code": ...}.

    The number of steps is left out where the learning rate stays as it is: then a longer run begins as a shorter one.

    Args:
        settings: a `TrainingConfig`.
        data: tensors; None is passed over.
        code: the agent, the sampler, the draw function: what `code_of` looks at.
        others: more that decides it, by its repr: agent, sizes, frames.
    """
    chosen = {name: value for name, value in dataclasses.asdict(settings).items() if name not in FREE_TO_CHANGE}
    if chosen["final_learning_rate"] is None:
        del chosen["steps"]
    digest = hashlib.sha256()
    for tensor in data:
        if tensor is not None:
            digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return {
        "agent": hashlib.sha256(repr(others).encode()).hexdigest(),
        "configuration": hashlib.sha256(repr(sorted(chosen.items())).encode()).hexdigest(),
        "data": digest.hexdigest(),
        "code": code_of(*code),
    }


def code_of(*things: object) -> str:
    """A digest of the code of functions, and of objects' classes with all their methods.

    Followed are functions that these call by a global name, where they are a user's own or the library's agents'. So
    an edited loss has another digest, also one written in a notebook. Comments, docstrings of classes and line numbers
    do not count. What is not seen: code called through an object's attribute, such as a network's layer.
    """
    digest, seen = hashlib.sha256(), set()

    def visit(name: str, thing: object) -> None:
        thing = getattr(thing, "__func__", getattr(thing, "fget", thing))  # methods and properties
        if id(thing) in seen or not _is_followed(getattr(thing, "__module__", None)):
            return
        seen.add(id(thing))
        if isinstance(thing, type):
            for base in reversed(thing.__mro__):
                for key, value in sorted(vars(base).items()):
                    if _is_followed(base.__module__) and (not key.startswith("__") or key == "__post_init__"):
                        visit(f"{name}.{key}", value)
        elif isinstance(thing, types.FunctionType):
            digest.update(name.encode())
            for used in _add_code(digest, thing.__code__):
                if used in thing.__globals__:
                    visit(used, thing.__globals__[used])

    for thing in things:
        is_code = isinstance(thing, (type, types.FunctionType, types.MethodType))
        visit("", thing if is_code else type(thing))
        if isinstance(thing, types.MethodType):
            visit("", type(thing.__self__))
    return digest.hexdigest()


def _add_code(digest: Any, code: types.CodeType) -> list[str]:
    """Add what a code object does. Gives the names that it uses, those of functions inside it among them."""
    digest.update(code.co_code)
    names = list(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            names += _add_code(digest, constant)
        elif isinstance(constant, frozenset):
            digest.update(repr(sorted(map(repr, constant))).encode())
        elif not isinstance(constant, str):  # docstrings are constants
            digest.update(repr(constant).encode())
    digest.update(repr(code.co_names).encode())
    return names


def _is_followed(module: str | None) -> bool:
    """Whether a module's code belongs to a run: a user's own, or the library's losses."""
    if module is None:
        return False
    if module.split(".")[0] == "saw_edu":
        return module.startswith(LIBRARY)
    if module.split(".")[0] in sys.stdlib_module_names and module != "__main__":
        return False
    return "site-packages" not in (getattr(sys.modules.get(module), "__file__", None) or "")
