"""Runs a student's cells and the probes of one check, in a process of their own, and writes out plain data.

A program is JSON in two parts. The first: `setup` (the course's own cells), `steps` (the student's code) and `guarded`
(library functions that may not be called in this exercise). The second: `visible` and `hidden` (check cells without
expected answers), `phase` (which of the two is probed) and `modules` (hidden tests without expected answers). It is
asked for when the student's cells have run, so that these cannot find it in any frame; whoever asks before has had it.
"""

import ast
import asyncio
import fcntl
import gc
import importlib
import inspect
import json
import linecache
import os
import pkgutil
import sys
import types
from collections.abc import Callable
from typing import Any

from saw_edu.checks import probe as probes
from saw_edu.checks.check import Check, calls_go_to
from saw_edu.checks.values import encode
from saw_edu.classroom.names import python_of

_LEFT_OUT = ("saw_edu.classroom.", "saw_edu.cli.", "saw_edu.lab.", "saw_edu.bench.", "saw_edu.runs.")

_CALL = Check.__call__


def _nothing(check: Check, *answers: Any) -> None:
    """What a check's call does while a student's own cells run."""


class ReferenceCalled(BaseException):
    """An exercise's code called the library's own implementation of that exercise."""


def warm_up(modules: list[str], stripped: dict[str, str]) -> None:
    """Import what notebooks import, and put checks without expected answers in the place of the library's."""
    import torch

    torch.set_num_threads(1)
    import saw_edu

    names = [module.name for module in pkgutil.walk_packages(saw_edu.__path__, "saw_edu.", onerror=lambda name: None)]
    for name, source in stripped.items():
        parent, _, own = name.rpartition(".")
        setattr(importlib.import_module(parent), own, _module(name, source))
    for name in [*modules, *(name for name in names if not f"{name}.".startswith(_LEFT_OUT) and name not in stripped)]:
        try:
            importlib.import_module(name)
        except Exception:
            continue  # an optional part that is not installed here
    gc.collect()
    gc.freeze()


def _module(name: str, source: str) -> types.ModuleType:
    module = types.ModuleType(name)
    sys.modules[name] = module
    exec(compile(source, f"<{name}>", "exec"), module.__dict__)
    return module


def run(descriptors: list[int], scratch: list[str]) -> None:
    """Run a program and write frames of JSON.

    descriptors: to read the first part from, to write the frames to, to ask for the second part, to read it from.
    """
    program = json.loads(_all_of(descriptors[0]))
    output, ask, rest = _only(descriptors[1:])
    os.environ.update(program.get("environment", {}))
    if scratch:
        os.chdir(scratch[0])
    write = os.write

    def say(frame: dict[str, Any]) -> None:
        data = encode(frame)
        data = len(data).to_bytes(8, "little") + data
        while data:
            data = data[write(output, data) :]

    space = _namespace()
    error = None
    with calls_go_to(_nothing):
        for source in program["setup"]:
            _execute(source, "<setup>", space)
        _guard(program["guarded"])
        for step in program["steps"]:
            if step["kind"] == "exercise":
                error = _attempt(step["code"], f"<exercise {step['name']}>", space)
            else:
                _attempt(step["code"], f"<exercise {step['name']}>" if step["name"] else "<another cell>", space)
    say({"stage": "cell", "error": error})
    records: list[Any] = []

    def collect(self: Check, *answers: Any) -> None:
        records.append(self.probe(*answers))

    os.write(ask, b"!")
    tests = json.loads(_all_of(rest))
    hidden = tests["phase"] == "hidden"
    _stand_in_for_hidden(tests["modules"])
    Check.__call__ = _CALL  # type: ignore[method-assign]  # a student's cell may have replaced it
    with calls_go_to(_nothing if hidden else collect):
        failure = _attempt(tests["visible"], "<check>", space)
    if hidden:
        with calls_go_to(collect):
            failure = _attempt(tests["hidden"], "<check>", space)
    say({"stage": "records", "records": records, "error": failure})
    os._exit(0)


def _all_of(descriptor: int) -> bytes:
    with os.fdopen(os.dup(descriptor), "rb") as stream:
        return stream.read()


def _only(descriptors: list[int]) -> list[int]:
    """Close every open file but these, and give standard input and output to /dev/null. Returns their new numbers."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(nowhere, standard)
    high = [fcntl.fcntl(descriptor, fcntl.F_DUPFD, 64) for descriptor in descriptors]
    kept = [os.dup2(descriptor, 3 + n, inheritable=False) for n, descriptor in enumerate(high)]
    os.closerange(3 + len(kept), 4096)
    return kept


class _Nothing:
    """What a magic gives that nobody needs for an answer: any attribute of it is 0."""

    def __getattr__(self, name: str) -> float:
        if name.startswith("__"):
            raise AttributeError(name)
        return 0.0


def _namespace() -> dict[str, Any]:
    """Make the module in which cells run, with the names that a notebook adds to Python's own."""
    main = types.ModuleType("__main__")
    space = main.__dict__

    class Shell:
        """Stands for IPython: runs what %time would run, and no command."""

        user_ns = space

        def __getattr__(self, name: str) -> Callable[..., None]:
            return lambda *args, **kwargs: None

        def getoutput(self, command: str, *args: Any, **kwargs: Any) -> list[str]:
            return []

        def run_line_magic(self, name: str, line: str, *args: Any, **kwargs: Any) -> Any:
            if name not in ("time", "prun"):
                return _Nothing() if name == "timeit" and line.startswith("-o") else None
            try:
                code = compile(line, "<magic>", "eval")
            except SyntaxError:
                exec(line, space)
                return None
            return eval(code, space)

    sys.modules["__main__"] = main
    space.update(display=lambda *args, **kwargs: None, get_ipython=Shell)
    return space


def _execute(source: str, name: str, space: dict[str, Any]) -> None:
    plain = source
    try:
        code = _compiled(source, name)
    except SyntaxError:
        plain = python_of(source)
        code = _compiled(plain, name)
    linecache.cache[name] = (len(plain), None, plain.splitlines(keepends=True), name)
    if code.co_flags & inspect.CO_COROUTINE:  # with an await of its own
        asyncio.run(eval(code, space))
    else:
        exec(code, space)


def _compiled(source: str, name: str) -> types.CodeType:
    flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    return compile(source, name, "exec", flags=flags, dont_inherit=True)


def _attempt(source: str, name: str, space: dict[str, Any]) -> dict[str, str] | None:
    """Execute a cell. Returns what went wrong, in words, or None."""
    try:
        _execute(source, name, space)
    except BaseException as error:
        try:
            return probes._explain(error)
        except BaseException:
            return {"exception": "Exception", "message": "", "where": ""}
    return None


def _refuse(*args: Any, **kwargs: Any) -> None:
    raise ReferenceCalled


def _guard(names: list[str]) -> None:
    """Make what the library has raise ReferenceCalled, whoever holds it: `package.module:Class.method`."""
    for name in names:
        module, _, path = name.partition(":")
        owner: Any = sys.modules.get(module)
        *outer, last = path.split(".")
        for part in outer:
            owner = getattr(owner, part, None)
        member = inspect.getattr_static(owner, last, None)
        function = vars(member).get("__init__") if isinstance(member, type) else member
        function = getattr(function, "__func__", getattr(function, "fget", function))
        while function is not None:
            if isinstance(function, types.FunctionType):
                function.__globals__["ReferenceCalled"] = ReferenceCalled
                function.__code__ = _refuse.__code__.replace(co_freevars=function.__code__.co_freevars)
                function.__defaults__, function.__kwdefaults__ = None, None
            function = getattr(function, "__wrapped__", None)


def _stand_in_for_hidden(sources: dict[str, str]) -> None:
    """Let `from saw_edu.classroom import hidden` find hidden tests that have no expected answers."""
    for name in [name for name in sys.modules if name.startswith("saw_edu.classroom")]:
        del sys.modules[name]
    stand_in = types.ModuleType("saw_edu.classroom")
    modules: dict[str, types.ModuleType] = {}

    def hidden(chapter: str, start: Any = None) -> types.ModuleType:
        if chapter not in modules:
            modules[chapter] = _module(f"hidden_{chapter}", sources[chapter])
        return modules[chapter]

    class Mutant:
        def __init__(self, *args: Any, **kwargs: Any):
            pass

    stand_in.hidden, stand_in.Mutant = hidden, Mutant  # type: ignore[attr-defined]
    sys.modules["saw_edu.classroom"] = stand_in
