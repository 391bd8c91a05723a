"""The house: who may import whom, and what keeps a room small. DESIGN's arrows, held by reading the imports.

A part of the library stands on a floor and imports only from floors below it, or from its own part.
"""

import ast
import itertools
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
LIBRARY = ROOT / "saw_edu"
LONGEST = 350  # lines of a file

FLOORS = [
    ["place", "threads"],
    ["checks", "data"],
    ["nn"],
    ["agents"],
    ["envs"],
    ["training", "datasets", "rollouts"],
    ["evaluation"],
    ["hierarchy", "viz"],
    ["runs", "classroom"],
    ["bench", "benchmark"],
    ["reference"],
    ["course"],
    ["lab"],
    ["cli"],
]
RL = {part for floor in FLOORS[2:8] for part in floor} | {"reference", "course"}
KNOWS_NO_RL = ("checks", "classroom")


@cache
def imports(path: Path) -> tuple[tuple[str, str], ...]:
    """What a file imports of the library, wherever in it: (module, name or "")."""
    found = []
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found += [(alias.name, "") for alias in node.names if alias.name.startswith("saw_edu.")]
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "saw_edu":
            found += [(node.module or "", alias.name) for alias in node.names]
    return tuple(found)


def part(module: str, name: str = "") -> str:
    """The part of the library that an import is of: `saw_edu.envs.maze` -> envs; `from saw_edu import viz` -> viz."""
    words = module.split(".")
    return words[1] if len(words) > 1 else name


def files(*parts: str) -> list[Path]:
    """The library's files, or those of some parts."""
    paths = sorted(LIBRARY.rglob("*.py"))
    return [p for p in paths if not parts or p.relative_to(LIBRARY).with_suffix("").parts[0] in parts]


def name_of(path: Path) -> str:
    return ".".join(["saw_edu", *path.relative_to(LIBRARY).with_suffix("").parts]).removesuffix(".__init__")


def where(path: Path) -> str:
    return path.relative_to(LIBRARY).with_suffix("").parts[0]


HEIGHT = {name: floor for floor, names in enumerate(FLOORS) for name in names}


def test_every_part_has_a_floor():
    parts = {where(path) for path in files()} - {"__init__"}
    assert parts == set(HEIGHT), "a new part of the library: give it a floor; a part that is gone: take it out"


def test_imports_go_down():
    up = []
    for path in files():
        here = where(path)
        for module, name in imports(path):
            there = part(module, name)
            if here != "__init__" and there != here and HEIGHT.get(there, -1) >= HEIGHT[here]:
                up.append(f"{path.relative_to(ROOT)} imports {module} {name}, which stands no lower than {here}")
    assert not up, "\n".join(up)


def test_checks_and_the_classroom_know_nothing_of_reinforcement_learning():
    wrong = [
        f"{path.relative_to(ROOT)} imports {module} {name}"
        for path in files(*KNOWS_NO_RL)
        for module, name in imports(path)
        if part(module, name) in RL
    ]
    assert not wrong, "\n".join(wrong)


def test_a_chapter_takes_nothing_from_another_chapter():
    """What two chapters need lies in saw_edu/course itself, or in the library."""
    wrong = []
    for path in files("course"):
        own = path.relative_to(LIBRARY).parts[1]
        for module, name in imports(path):
            words = [*module.split("."), name]
            if own[:2] == "ch" and words[1] == "course" and words[2][:2] == "ch" and words[2] != own:
                wrong.append(f"{path.relative_to(ROOT)} imports {module} {name}")
    assert not wrong, "\n".join(wrong)


def test_modules_form_no_circle():
    """By module, within parts as well: an import inside a function counts as much as one at the top."""
    names = {name_of(path): path for path in files()}
    packages = {name for name, path in names.items() if path.stem == "__init__"}
    arrows = {}
    for name, path in names.items():
        found = {f"{m}.{n}" if f"{m}.{n}" in names else m for m, n in imports(path)} & names.keys()
        arrows[name] = {t for t in found - {name} if t not in packages or not name.startswith(f"{t}.")}
    done: set[str] = set()

    def walk(name: str, trail: tuple[str, ...]) -> None:
        assert name not in trail, "a circle: " + " -> ".join([*trail[trail.index(name) :], name])
        if name not in done:
            for other in sorted(arrows[name]):
                walk(other, (*trail, name))
            done.add(name)

    for name in sorted(arrows):
        walk(name, ())


def test_a_file_can_be_read_in_one_sitting():
    lengths = {str(path.relative_to(ROOT)): len(path.read_text("utf-8").splitlines()) for path in files()}
    long = {name: lines for name, lines in lengths.items() if lines >= LONGEST}
    assert not long, f"split these by what a reader looks for: {long}"


def test_privates_stay_at_home():
    """No `_name` is imported from another module."""
    wrong = [
        f"{path.relative_to(ROOT)} imports {name} from {module}"
        for path in itertools.chain(files(), sorted((ROOT / "scripts").glob("*.py")))
        for module, name in imports(path)
        if name.startswith("_") and not name.startswith("__")
    ]
    assert not wrong, "\n".join(wrong)
