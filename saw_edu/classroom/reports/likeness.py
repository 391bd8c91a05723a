"""Finds answers that are more alike than two people's usually are: a hint for a person, never a verdict.

An answer becomes a set of *passages*: runs of a few tokens of its syntax tree, without comments, docstrings,
annotations, formatting, and the names that the student chose. Passages that the released notebook, the course's
solution or another declared right answer holds are left out, and so are answers of which little remains. What two
students' sets share, divided by all that they hold together, is their similarity. (The idea is that of MOSS: Schleimer,
Wilkerson & Aiken 2003.)
"""

import ast
import io
import re
import tokenize
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from saw_edu.classroom.names import MOST_CHARACTERS, parse

ALIKE = 0.7
"""The similarity from which a pair is listed."""
FEWEST = 24
"""An answer with fewer passages of its own is not compared: short answers are alike by necessity."""
_LENGTH = 5  # tokens in a passage

Passages = frozenset[tuple[str, ...]]


@dataclass(frozen=True)
class Alike:
    """Students whose answers to an exercise are alike: two, or all those whose answers are the same.

    similarity: from ALIKE to 1. passages: how many of their own the shortest of these answers holds.
    """

    exercise: str
    students: tuple[str, ...]
    similarity: float
    passages: int


def find_alike(exercise: str, answers: dict[str, str], known: Iterable[str], *, words: bool = False) -> list[Alike]:
    """Compare all students' answers to one exercise with each other, the most similar first.

    answers: student → source. known: sources whose passages say nothing, such as the solution. words: answers in words.
    """
    reduce = _passages_of_text if words else _passages_of_code
    common = frozenset().union(*(reduce(text) for text in known))
    groups: dict[Passages, list[str]] = defaultdict(list)
    for student, source in sorted(answers.items()):
        own = reduce(source) - common
        if len(own) >= FEWEST:
            groups[own].append(student)
    found = [Alike(exercise, tuple(group), 1.0, len(own)) for own, group in groups.items() if len(group) > 1]
    kinds = list(groups)
    for (first, second), shared in _shared(kinds).items():
        similarity = shared / (len(kinds[first]) + len(kinds[second]) - shared)
        if similarity >= ALIKE:
            students = (groups[kinds[first]][0], groups[kinds[second]][0])
            found.append(Alike(exercise, students, similarity, min(len(kinds[first]), len(kinds[second]))))
    return sorted(found, key=lambda item: (-item.similarity, -len(item.students), item.students))


def _shared(kinds: list[Passages]) -> Counter[tuple[int, int]]:
    """How many passages each two sets have in common, for those that have any."""
    holders: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for number, own in enumerate(kinds):
        for passage in own:
            holders[passage].append(number)
    return Counter((a, b) for numbers in holders.values() for i, a in enumerate(numbers) for b in numbers[i + 1 :])


def _passages(tokens: list[str]) -> Passages:
    return frozenset(tuple(tokens[i : i + _LENGTH]) for i in range(len(tokens) - _LENGTH + 1))


def _passages_of_text(text: str) -> Passages:
    before, *parts = text[:MOST_CHARACTERS].split("<!--")
    shown = before + "".join(part.partition("-->")[2] for part in parts)
    return _passages(re.findall(r"\w+", shown.casefold()))


def _passages_of_code(source: str) -> Passages:
    tree = parse(re.sub(r"(?m)^[ \t]*[%!].*$", "", source))
    if tree is None:
        return _passages(list(_raw_tokens(source[:MOST_CHARACTERS])))
    try:
        return _passages(list(_tokens(tree, _chosen_names(tree))))
    except RecursionError:
        return frozenset()


def _raw_tokens(source: str) -> Iterator[str]:
    """The tokens of code that does not parse, as far as it can be read."""
    left_out = (tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT)
    try:
        for token in tokenize.generate_tokens(io.StringIO(source).readline):
            if token.type not in left_out:
                yield token.string
    except (SyntaxError, tokenize.TokenError, ValueError):
        return


def _chosen_names(tree: ast.AST) -> set[str]:
    """The names that an answer gives itself, so that another could have chosen others."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
        elif isinstance(node, ast.arg):
            found.add(node.arg)
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            found.add(node.name)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            found |= {alias.asname for alias in node.names if alias.asname}
    return found


def _tokens(node: ast.AST, chosen: set[str]) -> Iterator[str]:
    """A syntax tree's nodes, outer ones first, with what they say but for chosen names."""
    if isinstance(node, ast.Name):
        yield "_" if node.id in chosen else node.id
        return
    if isinstance(node, ast.Constant):
        yield hex(node.value) if type(node.value) is int else repr(node.value)  # of any number of digits
        return
    if isinstance(node, (ast.Load, ast.Store, ast.Del)):
        return
    yield type(node).__name__
    for field, value in ast.iter_fields(node):
        if field in ("annotation", "returns", "type_comment", "type_params", "name", "asname", "kind"):
            if field == "name" and isinstance(node, ast.alias):
                yield str(value)
            continue
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, ast.AST):
                if not _is_docstring(item):
                    yield from _tokens(item, chosen)
            elif isinstance(item, str) and not isinstance(node, ast.arg):
                yield item


def _is_docstring(node: ast.AST) -> bool:
    """Whether a statement is a text that nothing uses."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
