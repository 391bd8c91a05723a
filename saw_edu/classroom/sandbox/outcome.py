"""What a program in the sandbox may use, and what came of it."""

from dataclasses import dataclass
from typing import Any

from saw_edu.checks.values import EncodingError, decode


@dataclass(frozen=True)
class Limits:
    """What one program, an exercise with its probes, may use.

    seconds: wall clock; on a busy machine, up to `patience` seconds until half as much of the processor was used.
    cpu_seconds: of one process. memory_bytes: of all its processes together. address_bytes: of
    addresses in one process. processes: threads count too. file_bytes: of one file. result_bytes: of what comes back.
    """

    seconds: float = 20.0
    patience: float = 60.0
    cpu_seconds: int = 40
    memory_bytes: int = 2 * 2**30
    address_bytes: int = 4 * 2**30
    processes: int = 32
    file_bytes: int = 64 * 2**20
    result_bytes: int = 16 * 2**20


@dataclass(frozen=True)
class Outcome:
    """How a program ended and the frames that it wrote, which are plain data that nobody vouches for.

    end: "exit", "signal", "time", "memory", "processes", "output" (too much), "unreadable" or "refused" (the sandbox's
    own fault).
    """

    end: str
    frames: list[dict[str, Any]]
    detail: str = ""


def read_frames(data: bytes) -> list[dict[str, Any]]:
    """Split what a program wrote into frames: eight bytes of length, then a record. An unfinished one is dropped."""
    frames: list[dict[str, Any]] = []
    place = 0
    while place + 8 <= len(data) and len(frames) < 16:
        length = int.from_bytes(data[place : place + 8], "little")
        if place + 8 + length > len(data):
            break
        frame = decode(data[place + 8 : place + 8 + length])
        if not isinstance(frame, dict):
            raise EncodingError("a frame is not a record")
        frames.append(frame)
        place += 8 + length
    return frames
