"""Takes in what a learning-management system gives: a folder or a zip of notebooks, in nobody's layout."""

import re
import tempfile
import unicodedata
import zipfile
from pathlib import Path, PurePosixPath

from saw_edu.classroom.authoring.release import write_file
from saw_edu.classroom.grading.plan import ChapterPlan, UnitPlan
from saw_edu.classroom.grading.submission import MOST_BYTES, identify

_MOST_FILES = 20_000
_MOST_UNPACKED = 16 * 2**30  # bytes of one archive
_CANVAS = re.compile(r"^(?P<student>[^_]+?)_(?:LATE_)?(?P<user>\d+)_(?P<file>\d+)_(?P<name>.+)$", re.IGNORECASE)
_MOODLE = re.compile(r"^(?P<student>.+?)_(?P<user>\d+)_assign(?:submission|feedback)_file_?$", re.IGNORECASE)


class IntakeError(ValueError):
    """A folder or zip that cannot be taken in; nothing was."""


def take_in(source: Path, submitted: Path, plan: UnitPlan) -> list[str]:
    """Copy notebooks to `submitted/<student>/<unit>/<notebook>.ipynb`. Returns what was passed over, and why.

    A file's student is the folder that it lies in, or what stands before the notebook's name; its notebook is told by
    that name, else by its exercises. A zip may hold zips of single students. Raises IntakeError.
    """
    if not source.exists():
        raise IntakeError(f"{source}: no such file or folder")
    with tempfile.TemporaryDirectory(prefix="saw-edu-intake-") as folder:
        root = source
        if not source.is_dir():
            root = Path(folder) / "all"
            _unpack(source, root)
        found: dict[tuple[str, str], Path] = {}
        said: list[str] = []
        for path in _files(root, Path(folder)):
            student, chapter = _whose(path, root, plan)
            if student is None or chapter is None:
                reason = "whose it is cannot be told" if student is None else f"not a notebook of {plan.name}"
                said.append(f"passed over {path.name}: {reason}")
                continue
            old = found.get((student, chapter.name))
            if old is not None:
                said.append(f"{student} handed in {chapter.name} several times; taken: the last by name")
            found[student, chapter.name] = max(path, old, key=lambda p: p.name) if old else path
        if not found:
            raise IntakeError(f"{source}: no notebook of {plan.name} in it")
        for (student, name), path in found.items():
            target = submitted / student / plan.name
            target.mkdir(parents=True, exist_ok=True)
            data = path.read_bytes()
            old_file = target / f"{name}.ipynb"
            if not old_file.is_file() or old_file.read_bytes() != data:
                write_file(old_file, data)
    return [f"{len({student for student, _ in found})} students, {len(found)} notebooks taken in", *said]


def _unpack(archive: Path, target: Path, nested: bool = False) -> None:
    """Unpack the files of a zip, none of them outside the target, none of them large.

    nested: it is a single student's, and may hold less.
    """
    try:
        with zipfile.ZipFile(archive) as zipped:
            infos = [info for info in zipped.infolist() if not info.is_dir()]
            if len(infos) > _MOST_FILES:
                raise IntakeError(f"{archive.name}: more than {_MOST_FILES} files")
            if sum(min(info.file_size, MOST_BYTES) for info in infos) > (_MOST_UNPACKED >> 6 * nested):
                raise IntakeError(f"{archive.name}: it would unpack to more than a course's submissions can be")
            for info in infos:
                parts = [part for part in PurePosixPath(info.filename).parts if part not in ("/", "..", ".", "")]
                if not parts or parts[0] == "__MACOSX" or parts[-1].startswith("."):
                    continue
                path = target.joinpath(*parts)
                path.parent.mkdir(parents=True, exist_ok=True)
                with zipped.open(info) as stream:
                    path.write_bytes(stream.read(MOST_BYTES + 1))
    except (zipfile.BadZipFile, OSError, RuntimeError, NotImplementedError, EOFError) as error:
        if isinstance(error, OSError) and not isinstance(error, zipfile.BadZipFile) and not archive.is_file():
            raise
        raise IntakeError(f"{archive}: not a zip that can be read ({error})") from None


def _files(root: Path, scratch: Path) -> list[Path]:
    """All files that may be notebooks, those in zips of single students among them."""
    found: list[Path] = []
    for path in sorted(root.rglob("*")):
        if (
            path.is_symlink()
            or not path.is_file()
            or any(part.startswith(".") for part in path.relative_to(root).parts)
        ):
            continue
        if path.suffix.lower() == ".zip":
            inner = path.with_suffix("") if root.is_relative_to(scratch) else scratch / f"{len(found)}-{path.stem}"
            inner = inner if not inner.exists() else inner.with_name(inner.name + "-unpacked")
            try:
                _unpack(path, inner, nested=True)
            except IntakeError:
                found.append(path)
                continue
            found += [item for item in sorted(inner.rglob("*.ipynb")) if item.is_file()]
        elif path.suffix.lower() == ".ipynb":
            found.append(path)
    return found


def _whose(path: Path, root: Path, plan: UnitPlan) -> tuple[str | None, ChapterPlan | None]:
    """Tell a file's student and notebook from its name and folder, and its notebook by its exercises if need be."""
    stem = path.stem
    canvas = _CANVAS.match(stem)
    student = canvas["student"] if canvas else None
    chapter = next((chapter for chapter in plan.chapters if chapter.name in stem), None)
    if student is None and chapter is not None and not stem.startswith(chapter.name):
        student = stem[: stem.index(chapter.name)].strip(" _-.")
    if not student:
        student = _folder(path, root, plan)
    return _identifier(student), chapter or identify(path, plan.chapters)


def _folder(path: Path, root: Path, plan: UnitPlan) -> str | None:
    """The innermost folder that is a student's: not the unit's, nor the archive itself."""
    try:
        parts = path.relative_to(root).parts[:-1]
    except ValueError:  # from the zip of a single student, which is named for them
        parts = tuple(part.split("-", 1)[-1] for part in path.parts[-2:-1])
    for part in reversed(parts):
        if part != plan.name:
            match = _MOODLE.match(part) or _CANVAS.match(part)
            return match["student"] if match else part
    return None


def _identifier(student: str | None) -> str | None:
    """A student's name as a folder can bear it."""
    plain = unicodedata.normalize("NFKD", student or "").encode("ascii", "ignore").decode()
    plain = re.sub(r"[^A-Za-z0-9.@-]+", "_", plain).strip("._-")
    return plain[:80] or None
