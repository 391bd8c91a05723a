"""Takes the expected answers out of a module of checks, so that its probes can run beside a student's code."""

import ast
from collections.abc import Iterable

_CHECK_KEEPS = {"title", "cases", "keeps_inputs"}
_CASE_DROPS = {"expect", "rtol", "atol", "exact_dtype"}
_FRAMEWORK = ("Case", "Check")


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
    changed = [item.value for item in ast.walk(node) if isinstance(item, (ast.Attribute, ast.Subscript))]
    found |= {item.id for item in changed if isinstance(item, ast.Name)} if isinstance(node, ast.Assign) else set()
    return found


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
