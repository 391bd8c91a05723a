"""Which names a piece of a student's code defines and needs, by reading it: nothing of it is run."""

import ast
import contextlib
import re
import symtable
import warnings

MOST_CHARACTERS = 200_000
"""A longer cell is not read as code in the trusted process: Python's parser takes a thousand times its size."""


def bound(source: str) -> set[str]:
    """The names that code defines at its top level. Raises SyntaxError where it does not parse."""
    found = set()
    for node in ast.parse(source).body:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            found.add(node.name)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            found |= {alias.asname or alias.name.split(".")[0] for alias in node.names}
        else:
            inner = (item for item in ast.walk(node) if isinstance(item, ast.Name) and isinstance(item.ctx, ast.Store))
            found |= {item.id for item in inner}
    return found


def statements(source: str) -> list[str]:
    """The statements of a cell, each as text; lines of IPython's magic are left out. None where it does not parse."""
    tree = parse(re.sub(r"(?m)^[ \t]*[%!].*$", "", source))
    found = []
    for node in tree.body if tree else []:
        with contextlib.suppress(RecursionError):
            found.append(ast.unparse(node))
    return found


def parse(source: str) -> ast.Module | None:
    """Parse a student's code; None where it does not parse, is nested too deep or is too long."""
    if len(source) > MOST_CHARACTERS:
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return ast.parse(source)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return None


def globals_of(source: str) -> set[str]:
    """The names that code takes from its module, with those inside functions and classes, as far as it parses."""
    try:
        table = symtable.symtable(source[:MOST_CHARACTERS], "<cell>", "exec")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return set(re.findall(r"[A-Za-z_]\w*", source))
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
