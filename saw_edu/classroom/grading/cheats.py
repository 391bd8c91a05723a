"""Looks for what a person should see: edited tests and metadata, and code that works on the grader, not the exercise.

None of it can earn points, for student code and judgement do not share a process. An attack on the grader in an
exercise's own cell sets that exercise to zero until a person decides; what may be harmless is only reported.
"""

import ast
from collections.abc import Iterator

from saw_edu.classroom.grading.library import answer_modules
from saw_edu.classroom.grading.submission import Item, Submission
from saw_edu.classroom.names import MOST_CHARACTERS, parse

_MODULES = {"torch", "numpy", "np", "math", "random", "builtins", "sys", "checks", "saw_edu", "unittest", "pytest",
            "operator", "json", "warnings", "IPython", "nbgrader", "Check", "Case", "Tensor"}  # fmt: skip
_INTERNAL = {"_getframe", "f_back", "f_globals", "f_locals", "gi_frame", "tb_frame", "__subclasses__", "get_referrers",
             "get_objects", "__code__", "_check_of_this_cell", "settrace", "setprofile", "meta_path",
             "path_hooks"}  # fmt: skip
_SUSPECT_TEXT = ("gradebook.db", "_hidden.py", "nbgrader", "submission_notebook", "autograded/", "/proc/")
_SUSPECT_MODULES = {"inspect", "gc", "ctypes", "importlib", "subprocess", "socket", "sqlite3", "multiprocessing",
                    "pty", "urllib", "requests", "http"}  # fmt: skip
_HOOKS = {"events", "register", "ast_transformers", "input_transformers_post", "input_transformers_cleanup",
          "set_custom_exc", "user_ns", "kernel", "run_cell", "display_pub", "showtraceback"}  # fmt: skip
_MAY_BE_HARMLESS = ("it calls `open`", "it calls `eval`", "it calls `exec`", "it calls `compile`", "it calls `globals`",
                    "it calls `__import__`", "it imports", "it defines a class")  # fmt: skip
_ALWAYS = {"__eq__", "__ne__", "__array_equal__", "__torch_function__", "__array_ufunc__", "__array_function__"}


def of_answer(source: str) -> tuple[list[str], list[str]]:
    """Find code in an exercise's cell that no answer needs. Returns attacks, and what may be harmless, in words."""
    if len(source) > MOST_CHARACTERS:
        return [], [f"it has {len(source)} characters, too many to look through"]
    tree = parse(source)
    if tree is None:
        return [], []
    found = list(dict.fromkeys(_reasons(tree)))
    harmless = [reason for reason in found if reason.startswith(_MAY_BE_HARMLESS)]
    return [reason for reason in found if reason not in harmless], harmless


def _reasons(tree: ast.Module) -> Iterator[str]:
    own = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    own |= {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}
    imported = {
        alias.asname or alias.name.split(".")[0]
        for node in ast.walk(tree) if isinstance(node, (ast.Import, ast.ImportFrom)) for alias in node.names
    }  # fmt: skip
    for node in ast.walk(tree):
        if isinstance(node, (ast.Assign, ast.AugAssign, ast.AnnAssign, ast.Delete)):
            targets = node.targets if isinstance(node, (ast.Assign, ast.Delete)) else [node.target]
            for target in targets:
                root = _root(target, calls=False)
                if isinstance(target, (ast.Attribute, ast.Subscript)) and root in (_MODULES | imported) - own:
                    yield f"it replaces a part of `{root}`"
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""]
            for name in modules:
                if name.startswith(("saw_edu.checks.", "saw_edu.classroom", "nbgrader")) or name in answer_modules():
                    yield f"it takes in the grader's own {name}"
                elif name.split(".")[0] in _SUSPECT_MODULES:
                    yield f"it imports {name}"
        elif isinstance(node, ast.Attribute):
            if node.attr in _INTERNAL:
                yield f"it uses `{node.attr}`, which looks into the running program"
            if node.attr == "modules" and _root(node) == "sys":
                yield "it reaches into the loaded modules"
            if _root(node) == "get_ipython" and node.attr in _HOOKS:
                yield "it hooks into IPython"
            if _root(node) == "checks" and node.attr.startswith("_"):
                yield "it reaches into the checks"
        elif isinstance(node, ast.Call):
            yield from _suspect_call(node)
        elif isinstance(node, ast.ClassDef):
            special = {item.name for item in node.body if isinstance(item, ast.FunctionDef)} & _ALWAYS
            if special:
                yield f"it defines a class with its own {', '.join(sorted(special))}"
        elif _names_grader(node):
            yield "it names files of the grader"


def _names_grader(node: ast.AST) -> bool:
    text = node.value if isinstance(node, ast.Constant) else None
    return isinstance(text, str) and any(word in text for word in _SUSPECT_TEXT)


def _suspect_call(node: ast.Call) -> Iterator[str]:
    name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
    if name in ("setattr", "delattr") and isinstance(node.func, ast.Name) and node.args:
        root = _root(node.args[0])
        if root in _MODULES:
            yield f"it replaces a part of `{root}`"
    if isinstance(node.func, ast.Name) and name in ("exec", "eval", "compile", "__import__", "globals", "open"):
        yield f"it calls `{name}`"
    if name in ("_exit", "system", "popen", "fork", "kill", "execv"):
        yield f"it calls `{name}` of the operating system"


def _root(node: ast.AST, calls: bool = True) -> str:
    while isinstance(node, (ast.Attribute, ast.Subscript, ast.Call) if calls else (ast.Attribute, ast.Subscript)):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else ""


def of_notebook(submission: Submission) -> list[str]:
    """Find what was done to the notebook around the answers: tests, metadata, other cells. Returns reasons in words."""
    found: list[str] = []
    for cell in submission.plan.chapter.cells:
        if cell.role is None:
            continue
        versions = submission.versions(cell.grade_id)
        if cell.role == "check":
            found += _around_check(cell.grade_id, cell.released, versions)
        if cell.role == "exercise" and any(item.kind != cell.kind for item in versions):
            found.append(f"the cell {cell.grade_id} was turned into another kind of cell")
        for item in versions:
            found += _metadata(item)
    for item in submission.items:
        if "skip-execution" in _tags(item):
            found.append(f"cell {item.index + 1} is tagged skip-execution")
        if item.source_cell is None and item.kind == "code":
            found += [f"cell {item.index + 1}: {reason}" for reason in of_answer(item.source)[0]]
    return list(dict.fromkeys(found))


def _around_check(grade_id: str, released: str, versions: list[Item]) -> list[str]:
    if not versions:
        return [f"the test cell {grade_id} is missing (restored)"]
    found = [f"the test cell {grade_id} occurs {len(versions)} times"] if len(versions) > 1 else []
    if any(item.kind != "code" for item in versions):
        found.append(f"the test cell {grade_id} was turned into another kind of cell (restored)")
    elif any(_plain(item.source) != _plain(released) for item in versions):
        found.append(f"the test cell {grade_id} was edited (restored)")
    return found


def _metadata(item: Item) -> list[str]:
    cell = item.source_cell
    data = item.metadata.get("nbgrader")
    if cell is None or cell.role is None or not isinstance(data, dict):
        return []
    expected = cell.metadata()["nbgrader"]
    changed = [
        key for key in ("points", "grade", "solution", "task") if key in expected and data.get(key) != expected[key]
    ]
    return [f"the {' and '.join(changed)} of {cell.grade_id} were changed"] if changed else []


def _tags(item: Item) -> list[str]:
    tags = item.metadata.get("tags")
    return [tag for tag in tags if isinstance(tag, str)] if isinstance(tags, list) else []


def _plain(source: str) -> str:
    return "\n".join(line.rstrip() for line in source.strip().split("\n"))
