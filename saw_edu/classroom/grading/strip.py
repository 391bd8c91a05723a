"""Takes the expected answers out of a module of checks, so that its probes can run beside a student's code."""

import ast
import re
from collections.abc import Iterable

from saw_edu.classroom.grading.library import answer_modules

_CHECK_KEEPS = {"title", "cases", "keeps_inputs"}
_CASE_DROPS = {"expect", "rtol", "atol", "exact_dtype"}
_CHAPTER = re.compile(r"saw_edu\.course\.ch\d\d\.checks")


def strip(source: str, also: Iterable[str] = ()) -> str:
    """Reduce a module to what its probes need: checks without references, expected values, mistakes and mutants.

    Kept are the statements that define checks, the names in `also`, and whatever these use, with imports among them.
    """
    tree = ast.fix_missing_locations(_WithoutAnswers().visit(ast.parse(source)))
    statements = [node for node in tree.body if not _is_docstring(node)]
    wanted = set(also)
    kept = [_calls_check(node) and bool(_binds(node)) for node in statements]
    for node, keep in zip(statements, kept, strict=True):
        wanted |= uses(node) if keep else set()
    changed = True
    while changed:
        changed = False
        for index, node in enumerate(statements):
            if not kept[index] and (_binds(node) & wanted or _is_future(node)):
                kept[index] = changed = True
                wanted |= uses(node)
    body = [_only_wanted(node, wanted) for node, keep in zip(statements, kept, strict=True) if keep]
    return ast.unparse(ast.Module(body=body, type_ignores=[]))


class _WithoutAnswers(ast.NodeTransformer):
    """Rewrites calls of Check and Case."""

    def visit_Call(self, node: ast.Call) -> ast.AST:
        """Drop what a probe does not need from one call."""
        self.generic_visit(node)
        name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
        if name == "Check":
            node.args = node.args[:2]
            node.keywords = [word for word in node.keywords if word.arg in _CHECK_KEEPS]
        if name == "Case":
            words = [word for word in node.keywords if word.arg not in _CASE_DROPS]
            node.keywords = [*words, ast.keyword(arg="expect", value=ast.Constant(None))]
        return node


def uses(node: ast.AST) -> set[str]:
    """All names that a piece of code mentions, and all attributes: more than it needs rather than less."""
    names = {item.id for item in ast.walk(node) if isinstance(item, ast.Name)}
    return names | {item.attr for item in ast.walk(node) if isinstance(item, ast.Attribute)}


def _binds(node: ast.AST) -> set[str]:
    """The names that a statement at a module's top level gives a meaning to."""
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return {node.name}
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        return {alias.asname or alias.name.split(".")[0] for alias in node.names}
    found = {item.id for item in ast.walk(node) if isinstance(item, ast.Name) and isinstance(item.ctx, ast.Store)}
    targets = [
        item for target in getattr(node, "targets", []) for item in ast.walk(target)
    ]  # also x.a = 1 and x[0] = 1
    changed = [item.value for item in targets if isinstance(item, (ast.Attribute, ast.Subscript))]
    return found | {item.id for item in changed if isinstance(item, ast.Name)}


def _calls_check(node: ast.AST) -> bool:
    """Whether a statement, other than a definition, makes a check, by itself or by a function named for it."""
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom)):
        return False
    called = [item.func for item in ast.walk(node) if isinstance(item, ast.Call)]
    names = {func.id if isinstance(func, ast.Name) else getattr(func, "attr", "") for func in called}
    return any(name == "Check" or name.endswith("_check") for name in names)


def _only_wanted(node: ast.stmt, wanted: set[str]) -> ast.stmt:
    """Leave names that nothing uses out of an import."""
    if isinstance(node, ast.ImportFrom) and not _is_future(node):
        names = [alias for alias in node.names if (alias.asname or alias.name) in wanted]
        return ast.ImportFrom(module=node.module, names=names or node.names, level=node.level)
    return node


def _is_docstring(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _is_future(node: ast.AST) -> bool:
    return isinstance(node, ast.ImportFrom) and node.module == "__future__"


def strip_all(public: set[str], callers: list[str]) -> dict[str, str]:
    """All modules of `saw_edu.course` that hold answers, without them: those of chapters, and those that these import.

    In an order in which each can be loaded after what it imports. public: names that are used somewhere. callers: the
    sources of what calls checks.
    """
    sources = {name: path.read_text(encoding="utf-8") for name, path in answer_modules().items()}
    called = set(re.findall(r"checks\.\w+\.(\w+)", "\n".join(callers)))
    made = {}
    for key in filter(_CHAPTER.fullmatch, sources):
        passed_on = set().union(*_taken(sources[key]).values()) & called
        made[key] = strip(sources[key], also=passed_on | (public & _defined(sources[key])))
    shared = [key for key in sources if key not in made]
    for _ in shared:  # a module that others share is reduced to what they take from it; they may share others in turn
        for key in shared:
            users = [*callers, *(text for other, text in made.items() if other != key)]
            made[key] = strip(sources[key], also=set().union(*(_taken(text).get(key, set()) for text in users)))
    order: dict[str, str] = {}

    def load(key: str) -> None:
        if key not in order:
            for other in sorted(_taken(made[key]).keys() & made.keys() - {key}):
                load(other)
            order[key] = made[key]

    for key in made:
        load(key)
    return order


def _taken(source: str) -> dict[str, set[str]]:
    """What a module imports from modules of `saw_edu.course`: module → names."""
    found: dict[str, set[str]] = {}
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("saw_edu.course."):
            found.setdefault(node.module or "", set()).update(alias.name for alias in node.names)
    return found


def _defined(source: str) -> set[str]:
    return {getattr(node, "name", "") for node in ast.parse(source).body}
