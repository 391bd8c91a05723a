"""The parts of a solution: what each of its expressions is in some calls, and who else gives the same."""

import ast
import contextlib
import copy
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from saw_edu.checks.probe import copy_input
from saw_edu.classroom.grading.library import WHOLE

_OPERATIONS = (ast.Call, ast.BinOp, ast.UnaryOp, ast.Compare, ast.BoolOp, ast.Subscript, ast.IfExp, ast.ListComp,
               ast.GeneratorExp, ast.DictComp)  # fmt: skip
_FILLS = ("append", "extend", "insert", "add", "update")
_FEWEST = 3
"""A part of fewer operations is nobody's secret."""
_SHARE = 1 / 3
_RECORDED, _ASKED = 60, 6  # calls


@dataclass
class Call:
    """One call of the solution. names: its arguments and local names. seen: expression's number → value."""

    names: dict[str, Any]
    seen: dict[int, Any] = field(default_factory=dict)
    ended: bool = False


@dataclass
class Piece:
    """A function of a solution. sources: expression's number → text. work: expression's or name's operations."""

    calls: list[Call]
    sources: dict[int, str]
    work: dict[int | str, frozenset[int]]
    total: int

    @staticmethod
    def copied(value: Any) -> Any:
        """A copy of an input, which whoever is called may change."""
        return copy_input(value)

    def matching(self, call: Call, value: Any, given: set[str], wanted: set[int] | None) -> set[int]:
        """The expressions, of those wanted, that a value equals, or that this call did not come to.

        given: the names that the value was made of; what is left of an expression's work must be a good part of all.
        """
        least = max(_FEWEST, _SHARE * self.total)
        known = frozenset().union(*(self.work.get(name, frozenset()) for name in given))
        numbers = wanted if wanted is not None else {n for n in self.sources if len(self.work[n] - known) >= least}
        if not numbers:
            return set()
        forms = _forms(value)
        return {n for n in numbers if n not in call.seen or any(_same(form, call.seen[n]) for form in forms)}

    def words(self, numbers: set[int], given: set[str]) -> str:
        """The largest of some expressions that say something, as text; empty where none does.

        WHOLE where it is what the function returns, made of its arguments alone.
        """
        telling = [n for n in numbers if self._tells([call for call in self.calls if n in call.seen], n)]
        if not telling:
            return ""
        most = max(telling, key=lambda n: len(self.work[n]))
        whole = len(self.work[most]) == self.total and not any(self.work.get(name) for name in given)
        return WHOLE if whole else self.sources[most]

    def _tells(self, calls: list[Call], number: int) -> bool:
        """Whether an expression's values are no constant, and not what was at hand already."""
        values = [call.seen[number] for call in calls]
        flat = [_numbers(value) for value in values]
        if not flat or any(item is None for item in flat):
            return len({repr(value) for value in values}) > 2
        rich = any(len(np.unique(item.round(6))) > 2 for item in flat if item is not None)
        differ = len({item.round(6).tobytes() for item in flat if item is not None}) > 2  # yes and no say too little
        kept = [
            not any(
                _same(form, call.seen[number])
                for name, other in call.names.items()
                if len(self.work.get(name, ())) < len(self.work[number])
                for form in [other, *(other[:6] if isinstance(other, (tuple, list)) else ())]
            )
            for call in calls
        ]
        return (rich or differ) and any(kept)


def watched(source: str, space: dict[str, Any], run: Callable[[dict[str, Any]], None]) -> list[Piece]:
    """Run a solution's functions, taken apart, on all questions. run: asks them of answers by name."""
    found = []
    for node in ast.parse(source).body:
        if not isinstance(node, ast.FunctionDef):
            continue
        taker = _Taker(node)
        tree = ast.fix_missing_locations(ast.Module(body=[taker.function], type_ignores=[]))
        inner = {**space, "__begin__": taker.begin, "__see__": taker.see, "__end__": taker.end}
        exec(compile(tree, "<watched>", "exec"), inner)
        with contextlib.suppress(Exception):
            run({node.name: inner[node.name]})
        ended = [call for call in taker.calls if call.ended]
        if ended:
            chosen = sorted({round(i) for i in np.linspace(0, len(ended) - 1, _ASKED)})
            sources = {n: ast.unparse(item) for n, item in taker.expressions.items()}
            found.append(Piece([ended[i] for i in chosen], sources, taker.work(), taker.total()))
    return found


class _Taker(ast.NodeTransformer):
    """Makes a function tell what its expressions are, and keeps that of its first calls."""

    def __init__(self, function: ast.FunctionDef):
        self.expressions: dict[int, ast.expr] = {}
        self.assigned: dict[str, list[ast.expr]] = {}
        self.returned: list[ast.expr] = []
        self.calls: list[Call] = []
        for node in ast.walk(function):
            self._note(node)
        begin = ast.parse("__begin__(locals())").body
        body: list[Any] = [self.visit(statement) for statement in copy.deepcopy(function).body]
        self.function = ast.FunctionDef(
            name=function.name, args=function.args, body=[*begin, *body], decorator_list=[], returns=None
        )

    def _note(self, node: ast.AST) -> None:
        pairs: list[tuple[ast.AST, ast.expr]] = []
        if isinstance(node, ast.Assign):
            pairs = [(target, node.value) for target in node.targets]
        elif isinstance(node, (ast.AugAssign, ast.NamedExpr)) or (isinstance(node, ast.AnnAssign) and node.value):
            pairs = [(node.target, node.value)]  # type: ignore[list-item]
        elif isinstance(node, ast.For):
            pairs = [(node.target, node.iter)]
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _FILLS:
            pairs = [(node.func.value, value) for value in node.args]
        elif isinstance(node, ast.Return) and node.value is not None:
            self.returned.append(node.value)
        for target, value in pairs:
            for item in ast.walk(target):
                if isinstance(item, ast.Name):
                    self.assigned.setdefault(item.id, []).append(value)

    def visit_Return(self, node: ast.Return) -> ast.AST:
        """What is returned ends the call."""
        if node.value is None:
            return node
        value: Any = self.visit(node.value)
        call = ast.parse("__end__(0, locals())", mode="eval").body
        assert isinstance(call, ast.Call)
        call.args[0] = value
        return ast.Return(value=call)

    def visit(self, node: ast.AST) -> ast.AST:
        """Leave alone what is called later, if at all."""
        later = (ast.Lambda, ast.FunctionDef, ast.ListComp, ast.GeneratorExp, ast.DictComp, ast.JoinedStr)
        return node if isinstance(node, later) else super().visit(node)  # type: ignore[no-any-return]

    def generic_visit(self, node: ast.AST) -> ast.AST:
        """Wrap an expression that is an operation."""
        is_one = isinstance(node, _OPERATIONS) and isinstance(getattr(node, "ctx", ast.Load()), ast.Load)
        text = ast.parse(ast.unparse(node), mode="eval").body if is_one else None
        inner: Any = super().generic_visit(node)
        if text is None:
            return inner  # type: ignore[no-any-return]
        number = len(self.expressions)
        self.expressions[number] = text
        call = ast.parse(f"__see__({number}, 0)", mode="eval").body
        assert isinstance(call, ast.Call)
        call.args[1:] = [inner]
        return call

    def work(self) -> dict[int | str, frozenset[int]]:
        """The operations behind each expression and name, by identity of their text."""
        found: dict[int | str, frozenset[int]] = {n: self._work(item, set()) for n, item in self.expressions.items()}
        for name in self.assigned:
            found[name] = self._work(ast.Name(id=name, ctx=ast.Load()), set())
        return found

    def total(self) -> int:
        """How many operations the function has."""
        return len(frozenset().union(*(self._work(item, set()) for item in self.returned)))

    def _work(self, item: ast.expr, seen: set[str]) -> frozenset[int]:
        found = {hash(ast.unparse(node)) for node in ast.walk(item) if _is_work(node)}
        for node in ast.walk(item):
            if isinstance(node, ast.Name) and node.id in self.assigned and node.id not in seen:
                for value in self.assigned[node.id]:
                    found |= self._work(value, seen | {node.id})
        return frozenset(found)

    def begin(self, names: dict[str, Any]) -> None:
        """A call begins."""
        if len(self.calls) < _RECORDED:
            self.calls.append(Call({name: copy_input(value) for name, value in names.items()}))
        else:
            self.calls.append(Call({}))
            del self.calls[_RECORDED + 1 :]

    def see(self, number: int, value: Any) -> Any:
        """An expression has a value."""
        if self.calls and not self.calls[-1].ended and len(self.calls) <= _RECORDED:
            self.calls[-1].seen.setdefault(number, copy_input(value))
        return value

    def end(self, value: Any, names: dict[str, Any]) -> Any:
        """A call ends."""
        if self.calls and len(self.calls) <= _RECORDED:
            call = self.calls[-1]
            call.names = {**{name: copy_input(value) for name, value in names.items()}, **call.names}
            call.ended = True
        return value


def _is_work(node: ast.AST) -> bool:
    """Whether a node is an operation; -1 is a number."""
    return isinstance(node, _OPERATIONS) and not (
        isinstance(node, ast.UnaryOp) and isinstance(node.operand, ast.Constant)
    )


def _numbers(value: Any) -> np.ndarray | None:
    """A value's numbers in one row; None where it is none."""
    with contextlib.suppress(Exception):
        item = value.detach().cpu().numpy() if hasattr(value, "detach") else value
        if isinstance(item, (bool, int, float, np.ndarray, np.generic)):
            return np.atleast_1d(np.asarray(item, dtype=np.float64)).ravel()
    return None


def _forms(value: Any) -> list[Any]:
    """What an answer could be made of a value with one more word."""
    found = [value]
    if isinstance(value, (tuple, list)) and len(value) <= 6:
        found += list(value)
    numbers = _numbers(value)
    if numbers is not None and numbers.size > 1:
        found += [numbers.mean(), numbers.sum()]
    if numbers is not None and numbers.size:
        found += [-numbers.reshape(np.shape(value)) if np.shape(value) else -float(numbers[0])]
    return found


def _same(first: Any, second: Any) -> bool:
    a, b = _numbers(first), _numbers(second)
    if a is None or b is None:
        if a is not None or b is not None or type(first) is not type(second):
            return False
        if isinstance(first, (tuple, list)):
            return len(first) == len(second) > 0 and all(_same(x, y) for x, y in zip(first, second, strict=True))
        if isinstance(first, dict):
            return first.keys() == second.keys() and len(first) > 0 and all(_same(first[k], second[k]) for k in first)
        return bool(first == second) if isinstance(first, str) else False
    if tuple(np.shape(first)) != tuple(np.shape(second)) or a.size != b.size:
        return False
    if not a.size:
        return True
    close = np.isclose(a, b, rtol=1e-4, atol=1e-6, equal_nan=True)
    return bool(close.mean() > 0.99)
