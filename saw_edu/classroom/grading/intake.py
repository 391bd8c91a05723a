"""Takes in what a learning-management system gives: a folder or a zip of notebooks, in nobody's layout."""

import json
import re
import tempfile
from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from saw_edu.classroom.authoring.release import write_file
from saw_edu.classroom.grading.handed_in import File, IntakeError, printable, read_files
from saw_edu.classroom.grading.plan import ChapterPlan, UnitPlan
from saw_edu.classroom.grading.submission import UngradableError, identify, read_submission
from saw_edu.classroom.grading.whose import Owner, Roster, name_all, owners, read_roster

_NUMBER = re.compile(r"(?:-|-Copy| \(|\()(\d{1,6})\)?$")
KNOWN = ".taken_in.json"
"""In `submitted/`: which identifier was given to whom, so that a later hand-in finds the same student."""


@dataclass(frozen=True)
class _Version:
    """One hand-in of a notebook."""

    file: File
    owner: Owner
    chapter: ChapterPlan
    rank: tuple[int, str, int, int, str, int]


def take_in(source: Path, submitted: Path, plan: UnitPlan, roster: Path | None = None) -> list[str]:
    """Copy notebooks to `submitted/<student>/<unit>/<notebook>.ipynb`. Returns what was passed over, and why.

    Every file is taken or named. Of several hand-ins of a notebook the newest one with answers is taken. roster: a
    table of students, whose identifiers are used. Raises IntakeError.
    """
    students = read_roster(roster) if roster else None
    with tempfile.TemporaryDirectory(prefix="saw-edu-intake-") as folder:
        files = read_files(source, Path(folder))
        said = files.passed
        versions: list[_Version] = []
        stamps: dict[str, bytes] = {}
        whose = owners(files.found, plan.name, [chapter.name for chapter in plan.chapters])
        for number, file in enumerate(files.found):
            if file.parts[-1] == "timestamp.txt":
                stamps |= {owner.key: file.path.read_bytes()[:200] for owner in whose[number]}
            if not file.parts[-1].lower().endswith(".ipynb"):
                continue
            chapter = _chapter(file, plan)
            if not whose[number] or chapter is None:
                reason = "whose it is cannot be told" if chapter is not None else f"not a notebook of {plan.name}"
                said.append(f"passed over {file.name}: {reason}")
                continue
            versions += [_Version(file, owner, chapter, _rank(file, owner, chapter)) for owner in whose[number]]
        if not versions:
            raise IntakeError(f"{source}: no notebook of {plan.name} in it" + _first(said))
        known = _known(submitted)
        names = name_all((version.owner for version in versions), students, known)
        chosen: dict[str, list[_Version]] = defaultdict(list)
        groups: dict[tuple[str, str], list[_Version]] = defaultdict(list)
        for version in versions:
            groups[names[version.owner.key], version.chapter.name].append(version)
        for (student, name), group in sorted(groups.items()):
            best = max(group, key=lambda version: version.rank)
            chosen[student].append(best)
            said += [
                f"passed over {version.file.name}: {student} handed in {name} several times; taken: {best.file.name}"
                for version in group if version is not best
            ]  # fmt: skip
        for student, own in chosen.items():
            said += _write(submitted / student / plan.name, student, own, stamps.get(own[0].owner.key))
        write_file(submitted / KNOWN, (json.dumps(known | names, indent=1, ensure_ascii=False) + "\n").encode())
    return [f"{len(chosen)} students, {len(groups)} notebooks taken in", *said, *_against(students, names, submitted)]


def _first(said: list[str]) -> str:
    return "".join(f"\n  {line}" for line in said[:10])


def _chapter(file: File, plan: UnitPlan) -> ChapterPlan | None:
    """Which notebook a file is: by its exercises, else by its name."""
    found = identify(file.path, plan.chapters)
    return found or next((chapter for chapter in plan.chapters if chapter.name in file.parts[-1]), None)


def _rank(file: File, owner: Owner, chapter: ChapterPlan) -> tuple[int, str, int, int, str, int]:
    """What decides which of several hand-ins is taken: answers, the system's time and number, the file's own."""
    number = _NUMBER.search(file.parts[-1].rpartition(".")[0])
    system = "" if owner.at is None or owner.order else owner.at.isoformat()
    own = file.at.isoformat() if file.at else ""
    again = int(number[1]) if number else 0
    return (_answered(file, chapter), system, owner.order, again, own, -len(file.parts))


def _answered(file: File, chapter: ChapterPlan) -> int:
    """2 where something was answered, 1 for what was released, 0 for what cannot be read."""
    try:
        submission = read_submission(file.path, chapter, [])
    except UngradableError:
        return 0
    roles = ("exercise", "question")
    items = [(item, item.source_cell) for item in submission.items if item.source_cell is not None]
    changed = any(
        cell.role in roles and item.source.strip() != (cell.released or "").strip() for item, cell in items
    )  # fmt: skip
    return 1 + changed


def _write(folder: Path, student: str, versions: list[_Version], stamp: bytes | None) -> list[str]:
    """Write a student's notebooks, and when they were handed in, where the system says so."""
    folder.mkdir(parents=True, exist_ok=True)
    changed = False
    for version in versions:
        target = folder / f"{version.chapter.name}.ipynb"
        data = version.file.path.read_bytes()
        if not target.is_file() or target.read_bytes() != data:
            write_file(target, data)
            changed = True
    times = [version.owner.at for version in versions if version.owner.at]
    late = any(version.owner.late for version in versions)
    if times and stamp is None:
        stamp = _stamp(max(times))
    if stamp is not None and (changed or not (folder / "timestamp.txt").is_file()):
        write_file(folder / "timestamp.txt", stamp)
    if late and not times:
        return [f"{student}: handed in late, and no time is known: write {folder.name}/timestamp.txt by hand"]
    return [f"{student}: handed in late; its time is the archive's, {max(times):%Y-%m-%d %H:%M} UTC"] if late else []


def _stamp(at: datetime) -> bytes:
    return f"{at:%Y-%m-%d %H:%M:%S} UTC\n".encode()


def _known(submitted: Path) -> dict[str, str]:
    try:
        data = json.loads((submitted / KNOWN).read_text(encoding="utf-8"))
        return {str(key): str(name) for key, name in data.items()}
    except (OSError, ValueError, AttributeError):
        return {}


def _against(roster: Roster | None, names: dict[str, str], submitted: Path) -> list[str]:
    """Say who of a roster handed in nothing, and who handed in and is not on it."""
    if roster is None:
        return []
    there = set(names.values()) | {path.name for path in submitted.iterdir() if path.is_dir()}
    missing = [name for name in roster.ids if name not in there]
    strangers = sorted(set(names.values()) - set(roster.ids))
    said = [f"{len(missing)} of the roster handed in nothing: {printable(', '.join(missing))}"] if missing else []
    return said + ([f"not on the roster: {printable(', '.join(strangers))}"] if strangers else [])


__all__ = ["IntakeError", "take_in"]
