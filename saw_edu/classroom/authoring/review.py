"""What `saw-edu chapter NN` tells an author about one chapter: faults with their lines, misconceptions, and its length.

The length is counted as a reader pays for it: words / 130 a minute, the minutes that exercises promise, a minute for
each picture.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from saw_edu.checks.check import answers_of
from saw_edu.classroom.authoring.chapter import Cell, Chapter, Problem, SourceError
from saw_edu.classroom.authoring.hidden import HiddenTestsError
from saw_edu.classroom.authoring.markers import without
from saw_edu.classroom.authoring.mutants import ExerciseSet, exercise_sets, grade
from saw_edu.classroom.authoring.release import ReleaseError, student_notebooks
from saw_edu.classroom.authoring.source import chapter_paths, read_chapter

WORDS_A_MINUTE = 130
MOST_MINUTES = 75
_CARD = re.compile(r"^\*\*?(\d+(?:\.\d+)?) points?\b[^*\n]*\*", re.MULTILINE)
_TOTAL = re.compile(r"^\| \*\*Exercises\*\* \|(.*)$", re.MULTILINE)
_POINTS = re.compile(r"(\d+(?:\.\d+)?) points?\b")
_MINUTES = re.compile(r"(\d+) minutes?\b")


@dataclass(frozen=True)
class Length:
    """How long a chapter is. lesson, other: visible lines of code, those of exercises and checks, and the rest."""

    words: int
    lesson: int
    other: int
    figures: int
    exercise_minutes: int

    @property
    def minutes(self) -> int:
        """Minutes to read and solve."""
        return round(self.words / WORDS_A_MINUTE + self.exercise_minutes + self.figures)

    def __str__(self) -> str:
        return (
            f"{self.minutes} minutes: {self.words} words, {self.exercise_minutes} minutes of exercises, "
            f"{self.figures} figures; visible lines of code: {self.lesson} of exercises, {self.other} others"
        )


def find_chapter(course: Path, number: str) -> Path:
    """Find the source of a chapter by its number, such as `2`, `02` or `ch02`. Raises FileNotFoundError."""
    digits = number.removeprefix("ch").zfill(2)
    paths = chapter_paths(course)
    found = [path for path in paths if path.name.startswith(f"{digits}_")]
    if len(found) != 1:
        names = ", ".join(path.stem for path in paths) or "none"
        raise FileNotFoundError(f"{len(found)} chapters have the number {number!r}; there are: {names}")
    return found[0]


def measure(chapter: Chapter) -> Length:
    """Count a chapter as students get it: folded cells, hints and hidden tests do not count."""
    words = lesson = other = figures = 0
    for cell in chapter.cells:
        if cell.kind == "markdown":
            text = re.sub(r"(?s)<details>.*?</details>|<!--.*?-->", " ", cell.released)
            words += len(re.findall(r"[^\W\d_][\w'’-]*", re.sub(r"\]\([^)]*\)|\$[^$]*\$", " ", text)))
            figures += len(re.findall(r"!\[", text))
            continue
        figures += "alt" in cell.tags or len(re.findall(r"\balt=", cell.source))
        lines = sum(bool(line.strip()) for line in without(cell.source, "HIDDEN TESTS").splitlines())
        if cell.role:
            lesson += lines
        elif not cell.is_folded:
            other += lines
    return Length(words, lesson, other, figures, sum(minutes for _, _, _, minutes in _cards(chapter)))


def _cards(chapter: Chapter) -> Iterator[tuple[Cell, int, float, int]]:
    """The cards of exercises and questions, `*3 points · easy · 7 minutes*`: cell, line, points, minutes (0: none)."""
    for cell in chapter.cells:
        for card in _CARD.finditer(cell.source) if cell.kind == "markdown" else ():
            minutes = _MINUTES.search(card[0])
            line = cell.line + 1 + cell.source[: card.start()].count("\n")
            yield cell, line, float(card[1]), int(minutes[1]) if minutes else 0


def _announced(chapter: Chapter, card: Cell) -> Cell | None:
    """The exercise or question that a card belongs to: the first after its cell, or the cell itself."""
    following = chapter.cells[chapter.cells.index(card) :]
    return next((cell for cell in following if cell.role in ("exercise", "question")), None)


def points_said(chapter: Chapter) -> list[Problem]:
    """Find points in the text, of an exercise or question or of the whole chapter, that are not those given."""
    problems = []
    for cell in chapter.cells:
        for row in _TOTAL.finditer(cell.source) if cell.kind == "markdown" else ():
            said = sum(map(float, _POINTS.findall(row[1])))
            if said != chapter.points:
                line = cell.line + 1 + cell.source[: row.start()].count("\n")
                message = f"the chapter's card says {said:g} points; its checks and questions give {chapter.points:g}"
                problems.append(Problem(chapter.path, line, message))
    for cell, line, said, _ in _cards(chapter):
        target = _announced(chapter, cell)
        if target is None:
            problems.append(Problem(chapter.path, line, f"{said:g} points are promised, and no exercise follows"))
            continue
        worth = [target] if target.role == "question" else chapter.checks(target.name)
        given = sum(float(item.tags["points"]) for item in worth)
        if given != said:
            message = f"the text says {said:g} points; {target.role} {target.name!r} gives {given:g}"
            problems.append(Problem(chapter.path, line, message))
    return problems


def without_minutes(chapter: Chapter) -> list[str]:
    """Name the exercises that no card with minutes announces: `*3 points · easy · 7 minutes*`."""
    announced: set[str] = set()
    for cell, _, _, minutes in _cards(chapter):
        target = _announced(chapter, cell)
        if target is not None and minutes:
            announced.add(target.name)
    return [cell.name for cell in chapter.exercises() if cell.name not in announced]


def faults(declared: ExerciseSet) -> list[str]:
    """Run all declared answers of an exercise through its checks; returns, in words, what they get wrong."""
    chapter, name = declared.chapter, declared.cell.name
    found = []
    right = {"the chapter's solution": None} | {f"alternative {i}": a for i, a in enumerate(declared.alternatives)}
    for label, source in right.items():
        verdict = grade(chapter, name, source)
        if not verdict.passed:
            found.append(f"{name}: {label} fails: {verdict.message}")
    for check, known in declared.mistakes:
        verdict = check.judge(check.probe(*answers_of(known.wrong)))
        if verdict.passed:
            found.append(f"{name}: the mistake {known.name!r} passes every case of its check: add one that tells")
        elif verdict.mistake != known.name:
            found.append(f"{name}: the mistake {known.name!r} is called {verdict.mistake!r}: {verdict.message}")
    for mutant in declared.mutants:
        verdict = grade(chapter, name, mutant.apply(declared.cell.source))
        if verdict.passed:
            found.append(f"{name}: mutant {mutant.mistake!r} passes every check")
        elif verdict.mistake != mutant.mistake:
            found.append(f"{name}: mutant {mutant.mistake!r} is called {verdict.mistake!r}: {verdict.message}")
    stub = grade(chapter, name, declared.cell.released)
    if stub.stage != "not started":
        found.append(f"{name}: the student's stub is not reported as not started, but: {stub.message}")
    return found


def answers(chapter: Chapter) -> list[Problem]:
    """Try all declared answers of all exercises; an error of the author's becomes one line, with its place."""
    try:
        sets = exercise_sets(chapter)
    except (HiddenTestsError, ValueError) as error:
        return [_unparsed(error.__context__) or Problem(chapter.hidden, 1, str(error))]
    problems: list[Problem] = []
    for declared in sets:
        words = [declared.missing] if declared.missing else []
        try:
            words += faults(declared)
        except Exception as error:
            return [*problems, _misstep(chapter, declared.cell, error)]
        problems += [Problem(chapter.path, declared.cell.line, message) for message in words]
    return problems


def _unparsed(error: BaseException | None) -> Problem | None:
    """Place a syntax error in the file that has it: hidden tests, or a module that they or setup cells import."""
    if isinstance(error, SyntaxError) and error.filename and Path(error.filename).is_file():
        return Problem(Path(error.filename), error.lineno or 1, f"does not parse: {error.msg}")
    return None


def _misstep(chapter: Chapter, cell: Cell, error: Exception) -> Problem:
    """Say in one line what kept an exercise's answers from being tried."""
    if unparsed := _unparsed(error):
        return unparsed
    message = f"exercise {cell.name!r} cannot be tried: {type(error).__name__}: {error}"
    if isinstance(error, NameError):
        message += '. Exercises get only cells with tags=["setup"] and earlier solutions'
        for other in chapter.cells:
            if other.kind == "code" and other.role is None and not other.is_setup and _binds(other, error.name):
                return Problem(chapter.path, other.line, f'{message}: this cell, which defines it, has no "setup" tag')
    return Problem(chapter.path, cell.line, message)


def _binds(cell: Cell, name: str | None) -> bool:
    word = re.escape(name or "")
    pattern = rf"(?m)^(?:(?:from\s.*)?import\s.*\b{word}\b|(?:def|class)\s+{word}\b|{word}\s*(?::[^=]*)?=[^=])"
    return bool(name and re.search(pattern, cell.source))


def review(course: Path, number: str) -> tuple[list[Problem], list[str], Length]:
    """Read, try and count one chapter: problems, warnings, length.

    Raises SourceError when it cannot be read, FileNotFoundError for a number that no chapter has.
    """
    chapter = read_chapter(find_chapter(course, number))
    problems = points_said(chapter)
    try:
        student_notebooks(chapter.unit, [chapter])
    except SourceError as error:
        problems += error.problems
    except ReleaseError as error:
        problems.append(Problem(chapter.path, 1, str(error)))
    length = measure(chapter)
    warnings = [f"exercise {name!r} has no card with its minutes" for name in without_minutes(chapter)]
    if length.minutes > MOST_MINUTES:
        warnings.append(f"more than {MOST_MINUTES} minutes: split it, or fold what is aside")
    if length.other > length.lesson:
        warnings.append("most visible code is not the exercises': fold it, or move figures to figures.py")
    return problems + answers(chapter), warnings, length
