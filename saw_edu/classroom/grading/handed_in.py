"""The files that a learning-management system hands over: a folder or a zip, with zips of single students in it.

What is unpacked lies under numbers in a folder of its own, so that no name in an archive can do harm.
"""

import time
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

from saw_edu.classroom.grading.submission import MOST_BYTES

_MOST_FILES = 20_000
_MOST_UNPACKED = 16 * 2**30  # bytes of one archive
_DEEPEST = 2  # a zip in a student's zip
_WANTED = (".ipynb", ".zip", ".yml", "timestamp.txt")
_ARCHIVES = (".7z", ".rar", ".tar", ".gz", ".tgz", ".xz", ".bz2")
_SYSTEMS_OWN = ("__MACOSX", ".ipynb_checkpoints", ".DS_Store", "Thumbs.db", "desktop.ini", ".git")


class IntakeError(ValueError):
    """A folder or zip that cannot be taken in; nothing was."""


@dataclass(frozen=True)
class File:
    """One file. parts: where it lay, zips among them. path: where it lies. at: when it was written, in UTC."""

    parts: tuple[str, ...]
    path: Path
    at: datetime | None

    @property
    def name(self) -> str:
        """Where it lay, for messages: on one line, and nothing that a terminal would obey."""
        return printable("/".join(self.parts))


@dataclass
class Files:
    """All files that were handed over: those that may be notebooks or say whose they are, and the others' reasons."""

    found: list[File] = field(default_factory=list)
    passed: list[str] = field(default_factory=list)

    def leave(self, parts: tuple[str, ...], reason: str) -> None:
        """Name a file that is not taken."""
        self.passed.append(f"passed over {printable('/'.join(parts))}: {reason}")


def printable(text: str) -> str:
    """A name as it can be shown."""
    return "".join(letter if letter.isprintable() else "�" for letter in text)[:300]


def read_files(source: Path, scratch: Path) -> Files:
    """Read a folder or a zip. Raises IntakeError where it cannot be read at all."""
    if not source.exists():
        raise IntakeError(f"{source}: no such file or folder")
    files = Files()
    numbers = iter(range(10**9))
    if source.is_dir():
        for path in sorted(source.rglob("*")):
            parts = path.relative_to(source).parts
            if path.is_symlink():
                files.leave(parts, "a link, not a file")
            elif path.is_file():
                try:
                    at = datetime.fromtimestamp(path.stat().st_mtime, UTC)
                    _sort(File(parts, path, at), files, scratch, numbers, 0)
                except (OSError, OverflowError, ValueError) as error:
                    files.leave(parts, f"it cannot be read ({type(error).__name__})")
        return files
    try:
        _unpack(source, (), files, scratch, numbers, 0)
    except IntakeError as error:
        raise IntakeError(f"{source}: {error}") from None
    return files


def _sort(file: File, files: Files, scratch: Path, numbers: Iterator[int], depth: int) -> None:
    """Keep a file, unpack it, or say why not."""
    last = file.parts[-1].lower()
    if reason := _not_wanted(file.parts):
        files.leave(file.parts, reason)
    elif last.endswith(".zip"):
        try:
            if depth >= _DEEPEST:
                raise IntakeError("a zip in a zip in a zip")
            _unpack(file.path, file.parts, files, scratch, numbers, depth + 1)
        except IntakeError as error:
            files.leave(file.parts, str(error))
    else:
        files.found.append(file)


def _not_wanted(parts: tuple[str, ...]) -> str:
    if any(part in _SYSTEMS_OWN or part.startswith("._") for part in parts):
        return "made by an operating system or by Jupyter, not by a student"
    if parts[-1].lower().endswith(_ARCHIVES):
        return "an archive of another kind than zip: unpack it, or ask for a zip"
    return "" if parts[-1].lower().endswith(_WANTED) else "not a notebook"


def _unpack(
    archive: Path, inside: tuple[str, ...], files: Files, scratch: Path, numbers: Iterator[int], depth: int
) -> None:
    """Unpack the wanted files of a zip, none of them large. A member that cannot be read is named, and stops nobody."""
    try:
        zipped = zipfile.ZipFile(archive)
    except (zipfile.BadZipFile, NotImplementedError, ValueError, EOFError) as error:
        raise IntakeError(f"not a zip that can be read ({type(error).__name__})") from None
    with zipped:
        infos = [info for info in zipped.infolist() if not info.is_dir()]
        if len(infos) > _MOST_FILES:
            raise IntakeError(f"more than {_MOST_FILES} files")
        if sum(min(info.file_size, MOST_BYTES) for info in infos) > (_MOST_UNPACKED >> 6 * (depth > 0)):
            raise IntakeError("it would unpack to more than submissions can be")
        for info in infos:
            named = PurePosixPath(info.filename.replace("\\", "/")).parts
            own = tuple(part for part in named if part not in ("/", "..", ".", ""))
            parts = (*inside, *(own or ("(no name)",)))
            if reason := _not_wanted(parts):
                files.leave(parts, reason)
                continue
            try:
                with zipped.open(info) as stream:
                    data = stream.read(MOST_BYTES + 1)
            except (zipfile.BadZipFile, zlib.error, OSError, RuntimeError, NotImplementedError, EOFError) as error:
                encrypted = bool(info.flag_bits & 1)
                files.leave(parts, "it is encrypted" if encrypted else f"it is damaged ({type(error).__name__})")
                continue
            path = scratch / f"{next(numbers):06}"
            path.write_bytes(data)
            _sort(File(parts, path, _time(info)), files, scratch, numbers, depth)


def _time(info: zipfile.ZipInfo) -> datetime | None:
    """When a zip says that its member was written, in this machine's time zone; None for the time that means none."""
    if info.date_time[0] <= 1980:
        return None
    try:
        return datetime.fromtimestamp(time.mktime((*info.date_time, 0, 0, -1)), UTC)
    except (ValueError, OverflowError):
        return None
