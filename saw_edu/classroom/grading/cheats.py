"""Looks for code in a student's cells that works on the grader, not on the exercise.

None of it can earn points, for student code and judgement do not share a process. An attack on the grader in an
exercise's own cell sets that exercise to zero until a person decides; what may be harmless is only reported. Settings,
texts, and methods that have the name of something else are neither.
"""

import ast
import inspect
import re
import sys
import types
from collections.abc import Iterator
from typing import Any

from saw_edu.classroom.grading.library import answer_modules
from saw_edu.classroom.names import MOST_CHARACTERS, parse, python_of

_USUAL = {"np": "numpy", "plt": "matplotlib.pyplot", "pd": "pandas", "checks": "saw_edu.checks",
          "F": "torch.nn.functional", "Tensor": "torch.Tensor", "Check": "saw_edu.checks.Check",
          "Case": "saw_edu.checks.Case"}  # fmt: skip
"""What these names mean where a cell does not import them itself."""
_PROBED = ("torch", "numpy", "math", "random", "builtins", "sys", "os", "json", "operator", "IPython", "saw_edu.checks",
           "saw_edu.classroom", "nbgrader")  # fmt: skip
"""What probes and their surroundings are made of: a function of these that is replaced is replaced for them too."""
_CLASSES = ("torch", "numpy", "builtins", "IPython", "saw_edu.checks")
_SHOWS = {"__repr__", "__str__", "__format__", "_repr_html_", "_ipython_display_"}
_FRAMES = {"f_back", "f_globals", "f_locals", "f_builtins", "gi_frame", "cr_frame", "tb_frame", "__subclasses__"}
_LOOKS_INSIDE = {"sys._getframe", "sys._current_frames", "sys.settrace", "sys.setprofile", "threading.settrace",
                 "threading.setprofile", "gc.get_objects", "gc.get_referrers", "gc.get_referents", "sys.meta_path",
                 "sys.path_hooks", "sys.monitoring"}  # fmt: skip
_ENDS = {"_exit", "abort", "fork", "forkpty", "kill", "killpg", "pthread_kill", "raise_signal"}
_HOOKS = {"set_custom_exc", "ast_transformers", "input_transformers_post", "input_transformers_cleanup", "display_pub",
          "showtraceback", "input_transformer_manager"}  # fmt: skip
_OUTSIDE = {"subprocess", "socket", "ctypes", "urllib", "requests", "http", "sqlite3", "pty", "httpx", "aiohttp"}
_READS_SOURCE = {"inspect.getsource", "inspect.getsourcelines", "inspect.currentframe", "inspect.stack"}
_GRADERS_FILE = re.compile(r"gradebook\.db|_hidden\.py|autograded/|solutions/unit|submission_notebook|^/proc\b")
_LONGEST = 120  # characters of a reason, which names what the student's code names
_ALWAYS = {"__eq__", "__ne__"}
_ANY_OPERATION = {"__array_equal__", "__torch_function__", "__array_ufunc__", "__array_function__"}


def of_answer(source: str) -> tuple[list[str], list[str]]:
    """Find code in an exercise's cell that no answer needs. Returns attacks, and what may be harmless, in words."""
    if len(source) > MOST_CHARACTERS:
        return [], [f"it has {len(source)} characters, too many to look through"]
    tree = parse(python_of(source))
    if tree is None:
        return [], []
    try:
        found = list(dict.fromkeys(_Reader(tree).reasons()))
    except RecursionError:
        return [], ["it is nested too deeply to look through"]
    attacks = [reason[:_LONGEST] for reason, harmless in found if not harmless]
    return attacks, [reason[:_LONGEST] for reason, harmless in found if harmless]


class _Reader:
    """Reads one cell. Names are followed to what they were imported as, so that a name alone accuses nobody."""

    def __init__(self, tree: ast.Module):
        self.nodes = list(ast.walk(tree))
        self.meanings = dict(_USUAL)
        own = {n.id for n in self.nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
        own |= {n.arg for n in self.nodes if isinstance(n, ast.arg)}
        own |= {n.name for n in self.nodes if isinstance(n, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))}
        self.own = own
        for node in self.nodes:
            if isinstance(node, ast.Import):
                for alias in node.names:
                    whole = alias.name if alias.asname else alias.name.split(".")[0]
                    self.meanings[alias.asname or whole] = whole
            elif isinstance(node, ast.ImportFrom):
                self.meanings |= {a.asname or a.name: f"{node.module or ''}.{a.name}" for a in node.names}
        self.imported = set(self.meanings) - set(_USUAL)
        for node in self.nodes:  # ip = get_ipython()
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                path = self.path(node.value)
                if path.endswith(("get_ipython()", "InteractiveShell.instance()")) or path in ("torch", "numpy"):
                    self.meanings[node.targets[0].id] = path
                    self.imported.add(node.targets[0].id)
        self.texts = {
            id(node.value) for node in self.nodes if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        }

    def path(self, node: ast.AST) -> str:
        """A dotted name with what its root means: `np.abs` is numpy.abs; calls end in (), items in []."""
        tail = ""
        while isinstance(node, (ast.Attribute, ast.Subscript, ast.Call)):
            if isinstance(node, ast.Attribute):
                tail, node = f".{node.attr}{tail}", node.value
            elif isinstance(node, ast.Subscript):
                tail, node = f"[]{tail}", node.value
            else:
                tail, node = f"(){tail}", node.func
        if not isinstance(node, ast.Name) or (node.id in self.own - self.imported):
            return ""
        return self.meanings.get(node.id, node.id) + tail

    def reasons(self) -> Iterator[tuple[str, bool]]:
        """What was found: (reason, whether it may be harmless)."""
        for node in self.nodes:
            if isinstance(node, (ast.Assign, ast.AugAssign, ast.AnnAssign, ast.Delete)):
                targets = node.targets if isinstance(node, (ast.Assign, ast.Delete)) else [node.target]
                value = None if isinstance(node, ast.Delete) else node.value
                for target in targets:
                    yield from self._replaced(self.path(target), value)
            elif isinstance(node, (ast.Import, ast.ImportFrom)):
                modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""]
                yield from self._taken_in(modules)
                if isinstance(node, ast.ImportFrom):
                    yield from self._inside(f"{node.module}.{alias.name}" for alias in node.names)
            elif isinstance(node, ast.Attribute):
                yield from self._attribute(node)
            elif isinstance(node, ast.Call):
                yield from self._call(node)
            elif isinstance(node, ast.Subscript) and self.path(node) == "sys.modules[]":
                yield from self._loaded(node.slice)
            elif isinstance(node, ast.ClassDef):
                yield from _special_methods(node)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in self.texts:
                yield from _text(node.value)

    def _replaced(self, path: str, value: ast.expr | None) -> Iterator[tuple[str, bool]]:
        """A function of a module or class that is given another meaning; settings are not functions."""
        if path.startswith("sys.modules["):
            yield "it replaces a module in `sys.modules`", False
            return
        if path.endswith("[]") and re.search(r"(\.__dict__|^vars\(\)|__builtins__)\[\]$", path):
            yield "it replaces what a module holds", False
            return
        owner, _, name = path.rpartition(".")
        if not owner or "[" in path or name in _SHOWS:
            return
        if path.partition("()")[0].endswith("get_ipython") and name in _HOOKS:
            yield "it hooks into IPython", False
        holder = _static(owner)
        probed = _is_one_of(owner, _CLASSES) if isinstance(holder, type) else isinstance(holder, types.ModuleType)
        old = _static(path)
        if not probed or not callable(old) or not _is_one_of(owner, _PROBED):
            return
        builtin = isinstance(value, ast.Name) and isinstance(vars(sys.modules["builtins"]).get(value.id), type)
        if not builtin:  # np.float = float is an old habit
            wraps = value is not None and any(self.path(node) == path for node in ast.walk(value))
            yield f"it replaces a part of `{owner.split('.')[0]}`: {name}", wraps

    def _taken_in(self, modules: list[str]) -> Iterator[tuple[str, bool]]:
        for name in modules:
            graders = name.startswith(("saw_edu.checks.", "saw_edu.classroom")) or name.split(".")[0] == "nbgrader"
            if graders or name in answer_modules():
                yield f"it takes in the grader's own {name}", False

    def _loaded(self, key: ast.expr) -> Iterator[tuple[str, bool]]:
        if isinstance(key, ast.Constant) and isinstance(key.value, str):
            yield from self._taken_in([key.value])
        elif not (isinstance(key, ast.Name) and key.id == "__name__"):
            yield "it looks through the loaded modules", True

    def _inside(self, paths: Iterator[str]) -> Iterator[tuple[str, bool]]:
        for path in paths:
            if path in _LOOKS_INSIDE:
                yield f"it uses `{path}`, which looks into the running program", False

    def _attribute(self, node: ast.Attribute) -> Iterator[tuple[str, bool]]:
        path = self.path(node)
        if node.attr in _FRAMES:
            yield f"it uses `{node.attr}`, which looks into the running program", False
        yield from self._inside(iter([path]))
        shell, called, rest = path.partition("()")
        is_shell = called and shell.split(".")[-1] in ("get_ipython", "instance")
        if is_shell and (node.attr in _HOOKS or rest == ".events.register"):
            yield "it hooks into IPython", False
        if path in answer_modules() or path == "saw_edu.classroom":
            yield f"it takes in the grader's own {path}", False
        if path.startswith("sys.modules.") and node.attr in ("values", "items", "copy"):
            yield "it looks through the loaded modules", True
        if path.startswith("saw_edu.checks.") and path.count(".") == 2 and node.attr.startswith("_"):
            yield "it reaches into the checks", False

    def _call(self, node: ast.Call) -> Iterator[tuple[str, bool]]:
        path = self.path(node.func)
        module, _, name = path.rpartition(".")
        first = node.args[0] if node.args else None
        if path in ("setattr", "delattr") and len(node.args) > 1:
            second = node.args[1]
            attribute = str(second.value) if isinstance(second, ast.Constant) else "?"
            root = self.path(node.args[0])
            if attribute == "?" and _is_one_of(root, _PROBED):
                yield f"it replaces a part of `{root.split('.')[0]}`", False
            yield from self._replaced(f"{root}.{attribute}" if root else "", node.args[2] if node.args[2:] else None)
        elif path in ("exec", "eval", "compile", "__import__") and not isinstance(first, ast.Constant):
            yield f"it calls `{path}`", True
        elif (
            path in ("__import__", "importlib.import_module")
            and isinstance(first, ast.Constant)
            and isinstance(first.value, str)
        ):
            yield from self._taken_in([first.value])
        elif path in ("open", "io.open") and isinstance(first, ast.Constant) and isinstance(first.value, str):
            if first.value.startswith(("/", "~")) or ".." in first.value:
                yield "it calls `open` on a file outside the notebook's folder", True
        elif module in ("os", "posix", "signal") and (name in _ENDS or name.startswith(("exec", "spawn"))):
            yield f"it calls `{name}` of the operating system", False
        elif path in ("os.system", "os.popen") or path.split(".")[0] in _OUTSIDE or path in _READS_SOURCE:
            yield f"it calls `{path}`", True


def _text(text: str) -> Iterator[tuple[str, bool]]:
    """A path of the grader's; a sentence that mentions one is none."""
    if not re.search(r"\s", text[:1000]) and _GRADERS_FILE.search(text[:1000]):
        yield "it names files of the grader", False


def _special_methods(node: ast.ClassDef) -> Iterator[tuple[str, bool]]:
    """Comparisons that always say yes, and classes that answer in a library's place."""
    for item in node.body:
        if isinstance(item, ast.FunctionDef) and (
            item.name in _ANY_OPERATION or (item.name in _ALWAYS and _says_always_the_same(item))
        ):
            yield f"it defines a class with its own {item.name}", True


def _says_always_the_same(function: ast.FunctionDef) -> bool:
    given = [node.value for node in ast.walk(function) if isinstance(node, ast.Return)]
    return bool(given) and all(isinstance(v, ast.Constant) and isinstance(v.value, bool) for v in given)


def _is_one_of(path: str, roots: tuple[str, ...]) -> bool:
    return any(path == root or path.startswith(f"{root}.") for root in roots)


def _static(path: str) -> Any:
    """What a dotted name means in this process, found without running any code; None where it means nothing."""
    parts = path.split(".")
    known = next((n for n in range(len(parts), 0, -1) if ".".join(parts[:n]) in sys.modules), 0)
    found: Any = sys.modules[".".join(parts[:known])] if known else None
    for name in parts[known:]:
        found = inspect.getattr_static(found, name, None)
        found = found.__func__ if isinstance(found, (staticmethod, classmethod)) else found
    return found


__all__ = ["of_answer"]
