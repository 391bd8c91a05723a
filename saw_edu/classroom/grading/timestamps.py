"""Reads nbgrader's `timestamp.txt`, which says when something was handed in. What is not understood is not guessed."""

import re
import time
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from saw_edu.classroom.plain import plain_text

_TIME = re.compile(
    r"(?P<day>\d{4}-\d\d-\d\d)[ T](?P<time>\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?) ?"
    r"(?P<zone>Z|[+-]\d\d:?\d\d|[A-Za-z][\w+/-]{1,40})?",
    re.ASCII,
)


def read_timestamp(folder: Path) -> datetime | None:
    """Read a submission's time, in UTC and without a time zone, as nbgrader keeps it; None where there is none.

    Understood is a date and a time as `2026-01-31 12:00:00`, with fractions of a second, a T between, and a time zone:
    a number of hours, or a name. Without one it is UTC. Raises ValueError, with words, for anything else.
    """
    path = folder / "timestamp.txt"
    if path.is_symlink() or not path.is_file():
        return None
    text = path.read_bytes()[:200].decode("utf-8", "replace").strip()
    found = _TIME.fullmatch(text)
    try:
        if found:
            return in_utc(found["day"], found["time"], found["zone"] or "UTC")
    except (ValueError, OverflowError, OSError, ZoneInfoNotFoundError):
        pass
    if not text:
        return None
    words = "is no time that can be read, so none is used and no penalty for being late is taken off"
    raise ValueError(f"timestamp.txt: {plain_text(text)[:60]!r} {words}")


def in_utc(day: str, hour: str, zone: str) -> datetime:
    """A time of day in some time zone. Raises ValueError or ZoneInfoNotFoundError for a zone that nobody knows."""
    at = datetime.fromisoformat(f"{day}T{hour}")
    if zone in ("Z", "UTC", "GMT"):
        at = at.replace(tzinfo=UTC)
    elif zone[0] in "+-":
        at = at.replace(tzinfo=datetime.strptime(zone.replace(":", ""), "%z").tzinfo)
    elif zone in time.tzname:  # an abbreviation, which may mean another zone elsewhere
        at = at.astimezone()
        if at.tzname() != zone:
            raise ValueError(zone)
    else:
        at = at.replace(tzinfo=ZoneInfo(zone))
    return at.astimezone(UTC).replace(tzinfo=None)
