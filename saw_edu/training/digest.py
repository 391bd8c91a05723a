"""Digests of values and of code, the same in every process: has a loss been edited since?"""

from __future__ import annotations

import dataclasses
import dis
import enum
import functools
import hashlib
import re
import sys
import sysconfig
import types
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePath
from typing import Any

import numpy as np
import torch
from torch import Tensor

LIBRARY = ("saw_edu.agents", "saw_edu.course")  # the library's modules whose code decides a loss
_PLAIN = (
    *(bool, int, float, complex, str, bytes, range, slice, type(None), type(...), PurePath),
    *(np.generic, torch.dtype, torch.device, torch.Size),
)
_WRAPPERS = (staticmethod, classmethod, property, functools.cached_property, functools.partialmethod)
_CODE = (
    types.FunctionType,
    types.MethodType,
    types.BuiltinFunctionType,
    types.ModuleType,
    type,
    functools.partial,
    *_WRAPPERS,
)


def code_of(*things: object) -> dict[str, str]:
    """Digests of the code of functions, and of objects' classes with all their methods, by name.

    Followed is what is a user's own, in a notebook or in modules, and what decides a loss in this library
    (`saw_edu.agents`, `saw_edu.course`). Covered there: methods, also `__call__`, properties (cached ones too) and what
    stands behind decorators; functions that these call, by name or through a module; texts and numbers in them,
    default arguments, class attributes; the module-level constants that they read; what a function keeps of where it
    was made, and what an object that is a function (or whose method is given) keeps in its attributes. Of values:
    numbers, texts, tensors, arrays, collections and dataclasses of them, states of networks, else what the repr shows.

    Not covered: installed packages and the rest of this library, so a network's layers among others; modules that are
    imported inside a function; what is called through an attribute of an object that a loss is given. Comments,
    docstrings, line numbers and names of local variables do not count, nor what code itself changes as it runs, such as
    a counter. Bytecode is compared, which differs between versions of Python.
    """
    reader = _Reader()
    for thing in things:
        reader.begin(thing)
    return reader.digests()


def digest_of(*values: object) -> str:
    """A digest of values alone."""
    reader = _Reader()
    return _sha("\n".join(reader.value(value) for value in values))


def changes(before: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """The names whose code is not what it was; only where there are none, those that are gone or new."""
    edited = sorted(name for name in before.keys() & now.keys() if before[name] != now[name])
    return edited or sorted(before.keys() ^ now.keys())


class _Reader:
    """Walks from one thing to all that it uses, and notes the code it meets.

    `value` gives a text for anything, which says what it is without its place in memory. On the way, `code` enters the
    functions and classes of modules that are followed.
    """

    def __init__(self) -> None:
        self._found: dict[str, set[str]] = {}
        self._known: dict[int, tuple[object, str]] = {}  # things are kept, so that no id is used again
        self._classes: dict[tuple[int, bool], type] = {}

    def digests(self) -> dict[str, str]:
        """What was entered, by name."""
        return {name: _sha("\n".join(sorted(texts))) for name, texts in sorted(self._found.items())}

    def begin(self, thing: Any) -> None:
        """Enter a function or class, an object that is called or whose method is given, or else an object's class."""
        if callable(thing):
            self._enter(_short(thing) if hasattr(thing, "__qualname__") else _short(type(thing)), thing)
        else:
            self._class(type(thing), of_an_object=True)

    def value(self, thing: Any, name: str = "") -> str:
        """What a thing is, in words; `name`: what its code is entered under."""
        if isinstance(thing, enum.Enum):
            return f"{type(thing).__qualname__}.{thing.name} = {thing.value!r}"
        if isinstance(thing, _PLAIN):
            return repr(thing)
        if id(thing) not in self._known:
            self._known[id(thing)] = thing, f"again {type(thing).__qualname__}"  # where it holds itself
            self._known[id(thing)] = thing, self._look(thing, name)
        return self._known[id(thing)][1]

    def _look(self, thing: Any, name: str) -> str:
        if isinstance(thing, _CODE) or (callable(thing) and hasattr(thing, "__wrapped__")):
            return self._code(thing, name)
        kind = self._class(type(thing), of_an_object=True)
        if isinstance(thing, Tensor):
            return f"{thing.dtype} {tuple(thing.shape)} {_sha_of_tensor(thing)}"
        if isinstance(thing, np.ndarray):
            content = repr([self.value(x) for x in thing.flat]) if thing.dtype.hasobject else thing.tobytes()
            return f"{thing.dtype} {thing.shape} {_sha(content)}"
        if isinstance(thing, Mapping):
            return f"{kind} {{{', '.join(f'{self.value(key)}: {self.value(one)}' for key, one in thing.items())}}}"
        if isinstance(thing, (set, frozenset)):
            return f"{kind} {sorted(map(self.value, thing))}"
        if isinstance(thing, (list, tuple)):
            return f"{kind} {list(map(self.value, thing))}"
        if isinstance(thing, torch.nn.Module):
            return f"{kind} {self.value(thing.state_dict())}"
        if dataclasses.is_dataclass(thing):
            fields = (field.name for field in dataclasses.fields(thing))
            return f"{kind} {[(each, self.value(getattr(thing, each, None))) for each in fields]}"
        if _is_followed(type(thing).__module__) or isinstance(thing, types.SimpleNamespace):
            own = {key: one for key, one in getattr(thing, "__dict__", {}).items() if key not in _state(type(thing))}  # type: ignore[arg-type]
            return f"{kind} {[(key, self.value(one)) for key, one in sorted(own.items())]}"
        shown = repr(thing) if type(thing).__repr__ is not object.__repr__ else ""
        return kind if re.search(r"0x[0-9a-f]{6}", shown) else f"{kind} {shown}"

    def _code(self, thing: Any, name: str) -> str:
        """Enter what is code. Gives a text by which one thing is told from another."""
        if isinstance(thing, types.ModuleType):
            return f"module {thing.__name__}"
        if isinstance(thing, type):
            return self._class(thing)
        if isinstance(thing, types.MethodType):
            return f"{self.value(thing.__func__, name)} of {self.value(thing.__self__)}"
        if isinstance(thing, types.BuiltinFunctionType):
            return f"{thing.__module__}.{thing.__qualname__}"
        if isinstance(thing, functools.partial):
            return f"{self.value(thing.func, name)} with {self.value(thing.args)} {self.value(thing.keywords)}"
        if isinstance(thing, functools.partialmethod):
            return f"{self.value(thing.func, name)} with {self.value(thing.args)} {self.value(thing.keywords)}"
        if isinstance(thing, property):
            return f"property {[self.value(each, name) for each in (thing.fget, thing.fset, thing.fdel)]}"
        if isinstance(thing, functools.cached_property):
            return f"cached property {self.value(thing.func, name)}"
        if isinstance(thing, (staticmethod, classmethod)):
            return f"{type(thing).__name__} {self.value(thing.__func__, name)}"
        inside = self.value(thing.__wrapped__, name) if hasattr(thing, "__wrapped__") else ""
        if not isinstance(thing, types.FunctionType):  # such as functools.lru_cache's
            return f"{type(thing).__qualname__} {inside}"
        if _is_followed(thing.__globals__.get("__name__")):
            self._function(thing, name or _short(thing))
            return f"{_short(thing)} {inside}"
        kept = [self.value(one) for _, one in _kept(thing) if one is not getattr(thing, "__wrapped__", None)]
        return f"{thing.__globals__.get('__name__')}.{thing.__code__.co_qualname} {kept if inside else ''} {inside}"

    def _class(self, kind: type, of_an_object: bool = False) -> str:
        """Enter a class. The defaults of a dataclass's fields do not count for an object, which has its own."""
        shown = f"{kind.__module__}.{kind.__qualname__}" if not _is_followed(kind.__module__) else _short(kind)
        if (id(kind), of_an_object) in self._classes:
            return shown
        self._classes[id(kind), of_an_object] = kind
        for base in reversed(kind.__mro__):
            if not _is_followed(base.__module__):
                continue
            fields = vars(base).get("__dataclass_fields__", {}) if of_an_object else {}
            for key, attribute in sorted(vars(base).items()):
                if key not in fields and not (key.startswith("__") and _is_given(attribute, base)):
                    self._enter(f"{_short(base)}.{key}", attribute)
        return shown

    def _enter(self, name: str, thing: Any) -> None:
        self._found.setdefault(name, set()).add(self.value(thing, name))

    def _function(self, function: types.FunctionType, name: str) -> None:
        """Enter what a function does, and all that it uses by name."""
        lines, used, attributes, changed = _read(function.__code__, self.value)
        defaults = self.value(function.__defaults__), self.value(function.__kwdefaults__)
        self._found.setdefault(name, set()).add("\n".join([*lines, *defaults]))
        for key, thing in self._globals(function.__globals__, used, attributes):
            if key not in changed:
                self._enter(key, thing)
        for key, thing in _kept(function):
            if key not in changed and key != "__class__":
                self._enter(_short(thing) if isinstance(thing, types.FunctionType) else f"{key} of {name}", thing)

    def _globals(self, names: Mapping[str, Any], used: set[str], attributes: set[str]) -> Iterator[tuple[str, Any]]:
        """What code finds in a module by name, or in a user's own modules by name and attribute."""
        for key in sorted(used & names.keys()):
            thing = names[key]
            yield key, thing
            if isinstance(thing, types.ModuleType) and _is_followed(thing.__name__):
                yield from self._globals(vars(thing), attributes - {key}, attributes - {key})


def _read(code: types.CodeType, value: Any) -> tuple[list[str], set[str], set[str], set[str]]:
    """What a code object does, with those inside it: lines, the global names it reads, all names, those it changes."""
    lines = [f"{code.co_argcount} {code.co_kwonlyargcount} {code.co_flags} {code.co_exceptiontable!r}"]
    used: set[str] = set()
    changed: set[str] = set()
    attributes = set(code.co_names)
    for step in dis.get_instructions(code):
        if isinstance(step.argval, types.CodeType):
            inner, *names = _read(step.argval, value)
            lines += inner
            for own, found in zip((used, attributes, changed), names, strict=True):
                own |= found
            continue
        is_local = "_FAST" in step.opname
        lines.append(f"{step.opname} {step.arg if is_local else value(step.argval)}")
        if step.opname in ("LOAD_GLOBAL", "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS"):
            used.add(step.argval)
        if step.opname in ("STORE_GLOBAL", "STORE_DEREF", "DELETE_GLOBAL"):
            changed.add(step.argval)
    return lines, used, attributes, changed


def _kept(function: types.FunctionType) -> list[tuple[str, Any]]:
    """What a function keeps of where it was made, by name."""
    found = []
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        try:
            found.append((name, cell.cell_contents))
        except ValueError:  # empty yet
            continue
    return found


@functools.cache
def _state(kind: type) -> frozenset[str]:
    """The attributes that an object's own methods change after it was made, and those that it remembers for speed."""
    changed = set()
    for base in kind.__mro__:
        for key, attribute in vars(base).items():
            if isinstance(attribute, functools.cached_property):
                changed.add(key)
            elif isinstance(attribute, types.FunctionType) and key not in ("__init__", "__post_init__", "__setstate__"):
                steps = dis.get_instructions(attribute.__code__)
                changed |= {str(step.argval) for step in steps if step.opname == "STORE_ATTR"}
    return frozenset(changed)


def _is_given(attribute: object, base: type) -> bool:
    """Whether Python itself or `dataclass` gave a class this `__attribute__`."""
    if not isinstance(attribute, (types.FunctionType, *_WRAPPERS)):
        return True
    code = getattr(getattr(attribute, "__wrapped__", attribute), "__code__", None)
    return code is not None and code.co_filename == "<string>" and dataclasses.is_dataclass(base)


def _short(thing: Any) -> str:
    """A name without the function it was made in."""
    return str(thing.__qualname__).rsplit("<locals>.", 1)[-1]


@functools.cache
def _is_followed(module: str | None) -> bool:
    """Whether a module's code belongs to a run: a user's own, or the library's losses."""
    if module is None:
        return False
    if module.split(".")[0] == "saw_edu":
        return module.startswith(LIBRARY)
    file = getattr(sys.modules.get(module), "__file__", None)
    if module == "__main__":
        return True
    if file is None:
        return module.split(".")[0] not in sys.stdlib_module_names
    places = [Path(sysconfig.get_path(kind)).resolve() for kind in ("stdlib", "platstdlib")]
    path = Path(file).resolve()
    return not {"site-packages", "dist-packages"} & set(path.parts) and not any(map(path.is_relative_to, places))


def _sha(content: str | bytes | memoryview) -> str:
    return hashlib.sha256(content.encode() if isinstance(content, str) else content).hexdigest()


def _sha_of_tensor(tensor: Tensor) -> str:
    plain = tensor.detach().cpu().contiguous().reshape(-1)
    return _sha(plain.view(torch.uint8).numpy().data)
