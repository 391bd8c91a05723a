"""Which names a piece of a student's code defines and needs, by reading it: nothing of it is run."""

import ast
import contextlib
import math
import re
import symtable
import threading
import time
import warnings
from collections.abc import Iterator
from contextvars import ContextVar

from IPython.core.inputtransformer2 import TransformerManager

MOST_CHARACTERS = 200_000
"""A longer cell is not read as code in the trusted process: Python's parser takes a thousand times its size."""
_MOST_WITH_MAGIC = 20_000  # characters: IPython reads a cell anew for each of its special lines
_RUNS_THE_CELL = re.compile(r"\s*%%(?:time|capture|prun|memit|mprun)\b[^\n]*")
_TIMED = re.compile(r"run_line_magic\('(?:time|prun)', '([^\W\d]\w*) *=(?!=)")
_DEFINES = re.compile(r"(?m)^(?:(?:async )?def |class )?([^\W\d]\w*)[ \t]*[(:=](?!=)")
_PARSING = threading.Lock()  # Python 3.11's parser counts its depth for all threads together
_UNTIL: ContextVar[tuple[float, float]] = ContextVar("until when code may be read", default=(math.inf, math.inf))


class TooLongError(RuntimeError):
    """Reading a submission took longer than it may."""


@contextlib.contextmanager
def within(finish: float, seconds: float) -> Iterator[None]:
    """Within it, reading code raises TooLongError after a time (time.monotonic), or so many seconds of computing."""
    token = _UNTIL.set((finish, time.thread_time() + seconds))
    try:
        yield
    finally:
        _UNTIL.reset(token)


def in_time() -> None:
    """Raise TooLongError where `within` says so."""
    finish, computed = _UNTIL.get()
    if time.monotonic() > finish or time.thread_time() > computed:
        raise TooLongError("reading it takes longer than grading one submission may")


def bound(source: str) -> set[str]:
    """The names that code defines at its top level. Raises SyntaxError where it does not parse."""
    found = set()
    in_time()
    with _PARSING:
        tree = ast.parse(source)
    for node in tree.body:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            found.add(node.name)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            found |= {alias.asname or alias.name.split(".")[0] for alias in node.names}
        else:
            inner = (item for item in ast.walk(node) if isinstance(item, ast.Name) and isinstance(item.ctx, ast.Store))
            found |= {item.id for item in inner}
    return found


def python_of(source: str) -> str:
    """A cell as plain Python, line for line where that can be: IPython's own reading of its special syntax.

    A cell magic that only watches its cell run, such as %%time, becomes an empty line.
    """
    if len(source) > MOST_CHARACTERS or parse(source) is not None:
        return source
    source = _RUNS_THE_CELL.sub("", source, count=1) if _RUNS_THE_CELL.match(source) else source
    if len(source) > _MOST_WITH_MAGIC or parse(source) is not None:
        return source
    try:
        plain = TransformerManager().transform_cell(source)
    except Exception:  # what IPython cannot read either
        return source
    return plain if parse(plain) is not None else source


def made_by(source: str) -> set[str]:
    """The names that a whole cell gives a meaning to, wherever they stand in it: under `if`, `try`, `with`, `for`."""
    if len(source) > MOST_CHARACTERS:
        return set(_DEFINES.findall(source))
    table = _table(source)
    if table is None:
        return set(_DEFINES.findall(source))
    found = {s.get_name() for s in table.get_symbols() if s.is_assigned() or s.is_imported()}
    todo = list(table.get_children())
    while todo:
        scope = todo.pop()
        found |= {s.get_name() for s in scope.get_symbols() if s.is_declared_global() and s.is_assigned()}
        todo += scope.get_children()
    return found | set(_TIMED.findall(source))


def imported_by(source: str) -> set[str]:
    """The names that a whole cell imports."""
    table = _table(source)
    return {s.get_name() for s in table.get_symbols() if s.is_imported()} if table else set()


def _table(source: str) -> symtable.SymbolTable | None:
    in_time()
    try:
        with _PARSING:
            return symtable.symtable(source[:MOST_CHARACTERS], "<cell>", "exec")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def statements(source: str) -> list[str]:
    """The statements of a cell, each as text; lines of IPython's magic are left out. None where it does not parse."""
    source = python_of(source)
    tree = parse(source)
    if tree is None:  # one line that nobody can read costs only itself
        source = re.sub(r"(?m)^[ \t]*[%!].*$", "", source)
        tree = parse(source)
    lines = source.split("\n")
    found = []
    for node in tree.body if tree else []:
        try:
            found.append(ast.unparse(node))
        except RecursionError:
            continue
        except ValueError:  # a number of more digits than Python writes: its lines as they are
            first = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", []))])
            found.append("\n".join(lines[first - 1 : node.end_lineno]))
    return found


def parse(source: str) -> ast.Module | None:
    """Parse a student's code; None where it does not parse, is nested too deep or is too long."""
    if len(source) > MOST_CHARACTERS:
        return None
    in_time()
    with _PARSING, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return ast.parse(source)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return None


def globals_of(source: str) -> set[str]:
    """The names that code takes from its module, with those inside functions and classes, as far as it parses."""
    table = _table(source)
    if table is None:
        return set(re.findall(r"[^\W\d]\w*", source))
    found: set[str] = set()
    todo = [table]
    while todo:
        scope = todo.pop()
        found |= {
            symbol.get_name()
            for symbol in scope.get_symbols()
            if symbol.is_referenced() and (symbol.is_global() or scope.get_type() == "module")
        }
        todo += scope.get_children()
    return found
