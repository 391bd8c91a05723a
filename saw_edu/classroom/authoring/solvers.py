"""Finds what in the library would solve an exercise, or a good part of it, by running it as an answer.

Every function, method and class of the library, public or private, is tried: as the answer itself, against all cases
of the exercise's checks; and in the place of every expression of the solution that is a good part of it, with every
assignment of what is at hand there to its parameters. What is found is noted in `solutions/library.json`: grading lets
no answer call what solves the exercise, and tells a person of an answer that calls what gives a part of it. What the
solution, another right answer or the checks call themselves stays free.
"""

import contextlib
import inspect
import io
import itertools
import json
import os
import signal
import tempfile
import types
import warnings
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from saw_edu.checks.check import Check, calls_go_to
from saw_edu.classroom.authoring.callables import Candidate, candidates
from saw_edu.classroom.authoring.chapter import Cell, Chapter
from saw_edu.classroom.authoring.hidden import COURSE_VARIABLE
from saw_edu.classroom.authoring.mutants import exercise_sets
from saw_edu.classroom.authoring.pieces import Piece, watched
from saw_edu.classroom.authoring.release import write_file
from saw_edu.classroom.authoring.source import chapter_paths, read_chapter
from saw_edu.classroom.grading.library import WHOLE, recorded, recorded_path
from saw_edu.classroom.grading.plan import read_unit
from saw_edu.classroom.names import bound

_SECONDS = 0.5  # for one call
_MOST_WAYS = 600  # to give a function what is at hand


@dataclass
class _Exercise:
    """An exercise that can be answered: its cell, what the notebook holds then, and what its check cells call."""

    cell: Cell
    space: dict[str, Any]
    calls: list[tuple[Check, tuple[Any, ...]]]
    names: set[str] = field(default_factory=set)

    def passes(self, name: str, answer: Any) -> bool:
        """Whether all cases accept something as the answer of this name, beside the solution's others."""
        own = self.space[name]
        for check, answers in self.calls:
            given = [answer if item is own else item for item in answers]
            for case in check.cases:
                with _limited(4 * _SECONDS):
                    record = case.probe(given)
                    if record["status"] != "returned" or check._judge_case(case, record) is not None:
                        return False
        return True


class _TooLongError(BaseException):
    """A call took too long."""


@contextlib.contextmanager
def _limited(seconds: float) -> Iterator[None]:
    """End what takes too long. Only in a process's main thread."""

    def stop(*args: object) -> None:
        raise _TooLongError

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds, 0.05)  # again and again: a destructor swallows one
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def exercises(chapter: Chapter) -> Iterator[_Exercise]:
    """The chapter's exercises in order, each solved."""
    space: dict[str, Any] = {"__name__": "__main__"}
    for cell in chapter.cells:
        if cell.is_setup:
            exec(compile(cell.source, "<setup>", "exec"), space)
    for cell in chapter.exercises():
        exec(compile(cell.source, f"<exercise {cell.name}>", "exec"), space)
        calls: list[tuple[Check, tuple[Any, ...]]] = []
        with calls_go_to(lambda check, *answers, calls=calls: calls.append((check, answers))):
            for check in chapter.checks(cell.name):
                exec(compile(check.source, "<check>", "exec"), dict(space))
        yield _Exercise(cell, dict(space), calls, bound(cell.source))


def find(chapter: Chapter, everything: list[Candidate] | None = None) -> dict[str, dict[str, str]]:
    """Exercise → what solves it → how: "the answer", or the part of the solution that it gives.

    everything: what to try; by default the whole library. Run it within `quietly`.
    """
    everything = candidates() if everything is None else everything
    found: dict[str, dict[str, str]] = {}
    alternatives = {item.cell.name: item.alternatives for item in exercise_sets(chapter)}
    for exercise in exercises(chapter):
        own = {c.name: WHOLE for c in everything if _solves(exercise, c)}
        for piece in watched(exercise.cell.source, exercise.space, partial(_run_all, exercise)):
            handed_out = {id(value) for value in exercise.space.values()}  # by the notebook's own cells
            for candidate in everything:
                if id(candidate.function) in handed_out or candidate.name in own:
                    continue
                if part := _gives(piece, candidate):
                    own[candidate.name] = part
        free = _free(exercise, [c for c in everything if c.name in own], alternatives[exercise.cell.name])
        found[exercise.cell.name] = {name: how for name, how in own.items() if name not in free}
    return found


def _run_all(exercise: _Exercise, answers: dict[str, Any]) -> None:
    """Ask all questions of other answers, and forget what came."""
    for check, given in exercise.calls:
        other = [next((answers[n] for n in answers if exercise.space.get(n) is item), item) for item in given]
        for case in check.cases:
            with contextlib.suppress(Exception):
                case.probe(other)


def _free(exercise: _Exercise, found: list[Candidate], alternatives: tuple[str, ...]) -> set[str]:
    """What the solution, other right answers and the checks' own probes call themselves."""
    versions = [{name: exercise.space[name] for name in exercise.names}] if found else []
    for text in alternatives if found else ():
        space = dict(exercise.space)
        exec(compile(text, "<alternative>", "exec"), space)
        versions.append({name: space[name] for name in exercise.names if name in space})
    free = set()
    for candidate in found:
        is_class = isinstance(candidate.function, type)
        function = inspect.unwrap(vars(candidate.function).get("__init__") if is_class else candidate.function)
        if not isinstance(function, types.FunctionType):
            continue
        code = function.__code__
        calls: list[int] = []
        function.__globals__["__called__"] = calls
        stub = compile(
            _STUB.format(", ".join(code.co_freevars), "; ".join(code.co_freevars) or "pass"), "<stub>", "exec"
        )
        outer = next(c for c in stub.co_consts if isinstance(c, types.CodeType))
        inner = next(c for c in outer.co_consts if isinstance(c, types.CodeType))
        try:
            function.__code__ = inner
            for version in versions:
                _run_all(exercise, version)
        finally:
            function.__code__ = code
            del function.__globals__["__called__"]
        free |= {candidate.name} if calls else set()
    return free


_STUB = """
def outer({0}):
    def stub(*args, **kwargs):
        {1}
        __called__.append(1)
        raise RuntimeError
"""


def _solves(exercise: _Exercise, candidate: Candidate) -> bool:
    for name in exercise.names:
        own = exercise.space[name]
        if isinstance(own, type) != isinstance(candidate.function, type) or not callable(own):
            continue
        for answer in _as_answers(candidate):
            with contextlib.suppress(Exception, _TooLongError):
                if exercise.passes(name, answer):
                    return True
    return False


def _as_answers(candidate: Candidate) -> Iterator[Any]:
    """A function as it is, a method of its class and of an instance without settings."""
    yield candidate.function
    if candidate.owner is not None:
        yield types.MethodType(candidate.function, candidate.owner)
        with contextlib.suppress(Exception, _TooLongError), _limited(_SECONDS):
            yield types.MethodType(candidate.function, candidate.owner())


class _Anything:
    """Stands for a method's object: each of its attributes is what the exercise has by that name, else itself."""

    def __init__(self, owner: type, known: dict[str, Any]):
        self.__dict__["_owner"], self.__dict__["_known"] = owner, known

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if name in self._known:
            return self._known[name]
        member = inspect.getattr_static(self._owner, name, None)
        if isinstance(member, types.FunctionType):
            return types.MethodType(member, self)
        if isinstance(member, (staticmethod, classmethod)):
            return getattr(self._owner, name)
        return self if member is None or hasattr(member, "__get__") else member


def _gives(piece: Piece, candidate: Candidate) -> str:
    """The part of the solution that a function gives, in the solution's words; empty where it gives none."""
    function = candidate.function
    if isinstance(function, type) or not callable(function):
        return ""
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        return ""
    if any(p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD) for p in parameters):
        parameters = [p for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    first = parameters[:1] if candidate.owner is not None else []
    rest = [p for p in parameters[len(first) :] if p.default is p.empty or p.name in piece.calls[0].names]
    if len(rest) > 6 or not rest:
        return ""
    for names in _ways(piece, rest):
        if part := _try(piece, candidate, [p.name for p in rest], names):
            return part
    return ""


def _ways(piece: Piece, parameters: list[inspect.Parameter]) -> Iterator[tuple[str, ...]]:
    """What at hand could be given to parameters: those of the same name first."""
    values = piece.calls[0].names
    options = []
    for parameter in parameters:
        fitting = [name for name, value in values.items() if _fits(parameter, value)]
        if parameter.name in fitting:
            fitting.remove(parameter.name)
            fitting.insert(0, parameter.name)
        if not fitting:
            return
        options.append(fitting)
    product = (way for way in itertools.product(*options) if len(set(way)) == len(way))
    yield from itertools.islice(product, _MOST_WAYS)


def _fits(parameter: inspect.Parameter, value: Any) -> bool:
    """Whether a value may be what an annotation asks for; one that says nothing, or that is of another kind, may be."""
    wanted = str(getattr(parameter.annotation, "__name__", parameter.annotation))
    kind = type(value).__name__
    simple = {"Tensor": ("Tensor",), "ndarray": ("ndarray", "NDArray", "Array"), "float": ("float",),
              "int": ("int", "float"), "bool": ("bool",), "str": ("str",), "Generator": ("Generator",),
              "function": ("Callable",)}  # fmt: skip
    every = {word for words in simple.values() for word in words}
    if not any(word in wanted for word in every):
        return kind not in ("Tensor", "float", "int", "bool", "str", "Generator") or wanted in ("Any", "_empty")
    return any(word in wanted for word in simple.get(kind, (kind,)))


def _try(piece: Piece, candidate: Candidate, parameters: list[str], names: tuple[str, ...]) -> str:
    """Call a function in every recorded call with the same names, and compare."""
    wanted: set[int] | None = None
    for call in piece.calls:
        if not set(names) <= call.names.keys():
            return ""
        given = {key: piece.copied(call.names[name]) for key, name in zip(parameters, names, strict=True)}
        known = {**call.names, **given}
        own = [_Anything(candidate.owner, known)] if candidate.owner is not None else []
        try:
            with _limited(_SECONDS):
                value = candidate.function(*own, **given)
        except (Exception, _TooLongError):
            return ""
        wanted = piece.matching(call, value, set(names), wanted)
        if not wanted:
            return ""
    return piece.words(wanted or set(), set(names))


@contextlib.contextmanager
def quietly(chapter: Chapter) -> Iterator[None]:
    """In an empty folder, with the course found, and nothing printed."""
    wanted = {COURSE_VARIABLE: str(chapter.path.parents[2]), "SAW_EDU_FAST": "1"}
    before = {name: os.environ.get(name) for name in wanted}
    with (
        tempfile.TemporaryDirectory() as folder,
        contextlib.chdir(folder),
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.redirect_stderr(io.StringIO()),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")
        os.environ.update(wanted)
        try:
            yield
        finally:
            for name, value in before.items():
                os.environ.pop(name, None)
                os.environ.update({name: value} if value is not None else {})


def note(course: Path, numbers: Iterable[str], say: Callable[[str], None]) -> None:
    """Find what solves the exercises of chapters ("02"; none: of all), and note it for grading."""
    wanted = {f"{int(number):02d}" for number in numbers}
    everything: dict[str, list[Candidate]] = {}
    for path in [p for p in chapter_paths(course) if not wanted or p.name[:2] in wanted]:
        chapter = read_chapter(path)
        if chapter.unit not in everything:
            everything[chapter.unit] = candidates(read_unit(course, chapter.unit).checks)
        with quietly(chapter):
            found = {name: own for name, own in find(chapter, everything[chapter.unit]).items() if own}
        noted = {**recorded(course), chapter.name: found}
        text = json.dumps({name: own for name, own in sorted(noted.items()) if own}, indent=1, ensure_ascii=False)
        write_file(recorded_path(course), f"{text}\n".encode())
        say(f"{chapter.name}: {sum(map(len, found.values()))} found")
        for name, own in found.items():
            for function, how in own.items():
                say(f"  {name}: {function} gives {how}")
