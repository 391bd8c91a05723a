"""The four markers of a chapter source, and what lies between them.

nbgrader finds its markers by looking for their words anywhere in a line, and passes over a misspelt one in silence:
then the solution, or the hidden tests, reach the students. So only one spelling is allowed here, and all that comes
near it is an error.
"""

import difflib
import re
from dataclasses import dataclass

MARKERS = ("BEGIN SOLUTION", "END SOLUTION", "BEGIN HIDDEN TESTS", "END HIDDEN TESTS")
_EXACT = {f"### {words}": words for words in MARKERS} | {f"<!-- {words} -->": words for words in MARKERS}
_NEAR = 0.8


@dataclass(frozen=True)
class Region:
    """Lines between a pair of markers. kind: "SOLUTION" or "HIDDEN TESTS"; start: the marker's line, from 0."""

    kind: str
    start: int
    lines: tuple[str, ...]

    @property
    def text(self) -> str:
        """The region's lines as one text."""
        return "\n".join(self.lines)


def marker(line: str) -> str | None:
    """Give the words of the marker that a line is, or None."""
    return _EXACT.get(line.strip())


def misspelt(line: str) -> str | None:
    """Give the marker that a line seems to mean without being it, or None."""
    if marker(line):
        return None
    upper = " ".join(re.sub(r"[^A-Z ]", " ", line.upper()).split())
    for words in MARKERS:
        if words in line.upper().replace("_", " "):
            return words  # nbgrader would take the line for a marker, or the author meant one
    if not re.match(r"\s*(#|<!--)", line) or len(upper.split()) > 4:
        return None
    begins = upper.startswith(("BEG", "END", "START", "STOP", "BGEIN", "EDN"))
    near = difflib.get_close_matches(
        upper, [*MARKERS, "BEGIN HIDDEN TEST", "END HIDDEN TEST", "BEGIN HIDDEN"], 1, _NEAR
    )
    if near and (begins or line.lstrip().startswith(("##", "<!--"))):
        return next(words for words in MARKERS if words.startswith(near[0]))
    if re.match(r"\s*###\s*\w*(BEGIN|END|START|STOP)", line):
        return difflib.get_close_matches(upper, MARKERS, 1, 0.0)[0]
    return None


def regions(source: str) -> tuple[list[Region], list[tuple[int, str]]]:
    """Find a cell's marked regions. Returns them and a list of (line from 0, what is wrong with a marker)."""
    found: list[Region] = []
    problems: list[tuple[int, str]] = []
    lines = source.split("\n")
    opened: tuple[str, int] | None = None
    for number, line in enumerate(lines):
        meant = misspelt(line)
        if meant:
            problems.append((number, f"misspelt marker {line.strip()!r}: write exactly `### {meant}`"))
            continue
        words = marker(line)
        if words is None:
            continue
        edge, kind = words.split(" ", 1)
        if edge == "BEGIN":
            if opened:
                problems.append((number, f"`{line.strip()}` inside a region that began with BEGIN {opened[0]}"))
            opened = (kind, number)
        elif opened is None or opened[0] != kind:
            problems.append((number, f"`{line.strip()}` without its BEGIN {kind}"))
        else:
            found.append(Region(kind, opened[1], tuple(lines[opened[1] + 1 : number])))
            opened = None
    if opened:
        problems.append((opened[1], f"BEGIN {opened[0]} without its END {opened[0]}"))
    return found, problems


def without(source: str, kind: str, stub: str | None = None) -> str:
    """Take the regions of a kind out of a cell, markers included; a stub, indented alike, may take their place."""
    kept: list[str] = []
    inside = False
    for line in source.split("\n"):
        words = marker(line)
        if words == f"BEGIN {kind}":
            inside = True
            if stub is not None:
                indent = line[: len(line) - len(line.lstrip())]
                kept += [indent + stub_line for stub_line in stub.split("\n")]
        elif words == f"END {kind}":
            inside = False
        elif not inside:
            kept.append(line)
    return "\n".join(kept)


def only(source: str, kind: str) -> str:
    """Keep only the lines of a cell's regions of a kind, without the markers."""
    return "\n".join(region.text for region in regions(source)[0] if region.kind == kind)


def stub_code(exercise: str) -> str:
    """Give the lines that stand for a solution in the student's notebook."""
    return f'# YOUR CODE HERE\nraise NotImplementedError("Exercise {exercise} is not done yet.")'
