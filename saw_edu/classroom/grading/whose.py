"""Whose a file is: what Canvas, Moodle, Gradescope, Blackboard and plain folders make of a student's name.

A student is told by the outermost part of a file's path and by its number there. Nothing within that part counts, so
nobody can hand in under another's name.
"""

import csv
import hashlib
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from saw_edu.classroom.grading.handed_in import File, IntakeError

_CANVAS = re.compile(r"^(?P<name>[^_]+)_(?P<late>LATE_)?(?P<user>\d+)_(?P<order>\d+)_(?P<file>.+)$", re.IGNORECASE)
_MOODLE = re.compile(
    r"^(?P<name>.+?)_(?P<user>\d+)_assign(?:submission|feedback)_(?:file|onlinetext)(?:_.*)?$", re.IGNORECASE
)
_GRADESCOPE = re.compile(r"^submission_(?P<user>\d+)$")
_BLACKBOARD = re.compile(r"^(?P<who>.+)_attempt_(?P<at>\d{4}(?:-\d\d){5})(?:_.+|\.txt)?$")
_WRAPPERS = {"submitted", "submissions"}
_LONGEST = 120  # bytes of a student's identifier


@dataclass(frozen=True)
class Owner:
    """A student as a system names them. key: what tells them from all others. number, email: where there are any.

    order: grows with each hand-in. at: when it was handed in, where the system says so. late: the system calls it late.
    """

    key: str
    name: str
    number: str = ""
    email: str = ""
    order: int = 0
    at: datetime | None = None
    late: bool = False


def owners(files: list[File], unit: str, chapters: list[str]) -> dict[int, list[Owner]]:
    """Tell whose each file is, by its place in the list; several owners for a group's, none where it cannot be told."""
    parts = _without_wrappers([file.parts for file in files], unit, chapters)
    metadata = _gradescope(files)
    attempts = [match["who"] for head in {own[0] for own in parts} if (match := _BLACKBOARD.match(head))]
    common = _common_start(attempts)
    return {k: _owners(parts[k], file, unit, chapters, metadata, common) for k, file in enumerate(files)}


def _owners(
    parts: tuple[str, ...], file: File, unit: str, chapters: list[str], metadata: dict[str, list[Owner]], common: int
) -> list[Owner]:
    head = parts[0]
    if match := _MOODLE.match(head):
        return [Owner(f"moodle {match['user']}", match["name"], match["user"], at=file.at)]
    if match := _CANVAS.match(head):
        late = bool(match["late"])
        when = file.at if late else None  # the times of others are those of the download
        user, order = match["user"], int(match["order"][:30])
        return [Owner(f"canvas {user}", match["name"], user, order=order, at=when, late=late)]
    if match := _GRADESCOPE.match(head):
        return metadata.get(head, [Owner(f"gradescope {match['user']}", head, match["user"])])
    if match := _BLACKBOARD.match(head):
        name = match["who"][common:] if common else match["who"].rpartition("_")[2]
        at = _read_time(match["at"], "%Y-%m-%d-%H-%M-%S")
        return [Owner(f"blackboard {name}", name, at=at)]
    own = [part for part in parts[:-1] if part != unit]
    name = own[0] if own else _before_the_notebook(parts[-1], chapters)
    name = name.removesuffix(".zip").removesuffix(".ZIP")
    return [Owner(f"folder {unicodedata.normalize('NFC', name)}", name)] if name else []


def _is_system(name: str) -> bool:
    return any(pattern.match(name) for pattern in (_MOODLE, _CANVAS, _GRADESCOPE, _BLACKBOARD))


def _without_wrappers(paths: list[tuple[str, ...]], unit: str, chapters: list[str]) -> list[tuple[str, ...]]:
    """Take off folders that hold the whole class: those that all files share and that are nobody's own."""
    while paths and all(len(path) > 1 for path in paths) and len({path[0] for path in paths}) == 1:
        head = paths[0][0]
        below = {path[1] for path in paths if path[1] != "submission_metadata.yml"}
        folders = {path[1] for path in paths if len(path) > 2 and path[1] != unit}
        direct = [path[1] for path in paths if len(path) == 2 and path[1].lower().endswith(".ipynb")]
        several = len(folders) > 1 and not direct
        named = bool(direct) and all(_before_the_notebook(name, chapters) for name in direct)
        nobodys = head.lower() in _WRAPPERS or head == unit
        if _is_system(head) or not (nobodys or several or named or all(map(_is_system, below))):
            break
        paths = [path[1:] for path in paths]
    return paths


def _before_the_notebook(name: str, chapters: list[str]) -> str:
    """Whose name stands beside a notebook's in a file's name; empty where nobody's does."""
    stem = name.rpartition(".")[0]
    chapter = next((chapter for chapter in chapters if chapter in stem), None)
    if chapter is None:
        return ""
    before, _, after = stem.partition(chapter)
    rest = before if before.strip(" _-.") else after
    rest = re.sub(r"(?i)\b(copy of|kopie von|copy\d*|final|solution|\(\d+\))|^-?\d+$", "", rest.strip(" _-."))
    return rest.strip(" _-.")


def _common_start(names: list[str]) -> int:
    """How many characters all names share, up to an underscore; 0 where there is only one to compare."""
    if len(set(names)) < 2:
        return 0
    first, last = min(names), max(names)
    same = next((k for k, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), min(len(first), len(last)))
    return first.rfind("_", 0, same) + 1


def _gradescope(files: list[File]) -> dict[str, list[Owner]]:
    """Whose each `submission_N` is, from the metadata of a Gradescope export."""
    places = sorted((file for file in files if file.parts[-1] == "submission_metadata.yml"), key=lambda f: len(f.parts))
    if not places or len(places[0].parts) > 2:
        return {}
    try:
        text = places[0].path.read_bytes()[: 2**23].decode("utf-8", "replace")
        data = yaml.load(text, yaml.CSafeLoader if hasattr(yaml, "CSafeLoader") else yaml.SafeLoader)
    except (yaml.YAMLError, ValueError, RecursionError):
        return {}
    found = {}
    for name, record in data.items() if isinstance(data, dict) else ():
        record = record if isinstance(record, dict) else {}
        people = record.get(":submitters")
        at = record.get(":created_at")
        at = at if isinstance(at, datetime) else _read_time(str(at))
        at = at.replace(tzinfo=at.tzinfo or UTC) if at else None
        people = [person for person in people if isinstance(person, dict)] if isinstance(people, list) else []
        found[str(name)] = [_person(person, at) for person in people if person.get(":name") or person.get(":sid")]
    return {name: people for name, people in found.items() if people}


def _person(record: dict[Any, Any], at: datetime | None) -> Owner:
    name, number, email = (str(record.get(key) or "") for key in (":name", ":sid", ":email"))
    return Owner(f"gradescope {email or number or name}", name or number, number, email, at=at)


def _read_time(text: str, form: str = "") -> datetime | None:
    try:
        at = datetime.strptime(text, form) if form else datetime.fromisoformat(text)
        return at.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def identifier(name: str) -> str:
    """A student's name as a folder can bear it, in the student's own script; accents on Latin letters are left out."""
    plain = unicodedata.normalize("NFKD", name)
    latin = "".join(c for c in plain if not ("\u0300" <= c <= "\u036f"))
    if not latin.isascii():  # in other scripts an accent can be another letter
        latin = unicodedata.normalize("NFC", name)
    latin = re.sub(r"[^\w.@+-]+", "_", latin).strip("._-")
    data = latin.encode("utf-8")
    if len(data) > _LONGEST:
        latin = data[: _LONGEST - 9].decode("utf-8", "ignore") + "_" + _digest(name)
    return latin


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:8]


@dataclass(frozen=True)
class Roster:
    """Who takes the course: nbgrader's columns, of which only `id` is needed."""

    rows: tuple[dict[str, str], ...]

    @property
    def ids(self) -> list[str]:
        """All students, as nbgrader names them."""
        return [row["id"] for row in self.rows]

    def find(self, owner: Owner) -> str | None:
        """Whose row an owner's is: by number, by e-mail, else by name where only one student bears it."""
        for key, value in (("lms_user_id", owner.number), ("id", owner.number), ("email", owner.email)):
            rows = [row for row in self.rows if value and row.get(key, "").casefold() == value.casefold()]
            if len(rows) == 1:
                return rows[0]["id"]
        wanted = _fold(owner.name)
        rows = [row for row in self.rows if wanted and wanted in _names(row)]
        return rows[0]["id"] if len(rows) == 1 else None


def _names(row: dict[str, str]) -> set[str]:
    first, last = row.get("first_name", ""), row.get("last_name", "")
    names = [row["id"], row.get("email", ""), row.get("email", "").partition("@")[0], first + last, last + first]
    return {_fold(name) for name in names} - {""}


def _fold(name: str) -> str:
    plain = unicodedata.normalize("NFKD", name).casefold()
    return "".join(letter for letter in plain if letter.isalnum())


def read_roster(path: Path) -> Roster:
    """Read `students.csv`. Raises IntakeError."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            rows = [{str(k): str(v or "").strip() for k, v in row.items()} for row in csv.DictReader(stream)]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise IntakeError(f"{path}: not a table of students that can be read ({error})") from None
    if not rows or "id" not in rows[0]:
        raise IntakeError(f"{path}: it needs a column `id`, and may have first_name, last_name, email and lms_user_id")
    twice = [name for name, count in Counter(row["id"] for row in rows).items() if count > 1 or not name]
    if twice:
        raise IntakeError(f"{path}: these ids are empty or there twice: {', '.join(map(repr, twice[:5]))}")
    return Roster(tuple(rows))


def name_all(found: Iterable[Owner], roster: Roster | None, known: dict[str, str]) -> dict[str, str]:
    """Give each owner an identifier of their own: key → identifier. known: those given before, which stay."""
    everyone = {owner.key: owner for owner in found}
    named = {}
    for key, owner in everyone.items():
        mapped = roster.find(owner) if roster else None
        if mapped or key in known:
            named[key] = mapped or known[key]
    for mapped in [name for name, count in Counter(named.values()).items() if count > 1]:
        for key in [key for key, name in named.items() if name == mapped and key not in known]:
            del named[key]  # two people match one row: neither is guessed
    taken = {name.casefold(): key for key, name in known.items()} | {n.casefold(): k for k, n in named.items()}
    rest: dict[str, list[Owner]] = defaultdict(list)
    for key, owner in everyone.items():
        if key not in named:
            rest[identifier(owner.name).casefold()].append(owner)
    for folded, same in rest.items():
        for owner in same:
            name = identifier(owner.name)
            alone = len(same) == 1 and bool(name) and folded not in taken
            named[owner.key] = name if alone else "_".join(filter(None, (name, owner.number or _digest(owner.key))))
    return named
