"""What runs before an exercise's checks: the student's answers up to it, and what these need of other cells."""

from collections import defaultdict
from dataclasses import dataclass

from saw_edu.classroom.grading.plan import ExercisePlan
from saw_edu.classroom.grading.submission import Item, Submission
from saw_edu.classroom.names import bound, globals_of, imported_by, made_by, python_of, statements

Step = dict[str, str]
STATEMENTS, CELLS, NOTEBOOK = "statements", "cells", "notebook"
"""How much of other cells is taken: the statements that define what is needed, without experiments; every cell that
has to do with what is needed, whole; the notebook up to the exercise."""


@dataclass(frozen=True)
class _Piece:
    """Code that can be taken. made: the names it gives a meaning to. mentions: those it needs. whole: a whole cell."""

    index: int
    code: str
    made: set[str]
    mentions: set[str]
    whole: bool


def steps(submission: Submission, exercise: ExercisePlan, lethal: frozenset[str], how: str = STATEMENTS) -> list[Step]:
    """What to run before an exercise's checks, in the notebook's order.

    lethal: exercises whose cell did not end, and that are left out where another exercise is graded.
    """
    plan = submission.plan
    ends = [item.index for check in exercise.checks for item in submission.versions(check.cell.grade_id)]
    own = [item.index for item in submission.versions(exercise.cell.grade_id)]
    last = max([*ends, *own, -1])
    last = last if last >= 0 else len(submission.items)
    wanted_cells = [other.cell.grade_id for other in plan.exercises if other.cell.name not in lethal]
    number = [other.cell.name for other in plan.exercises].index(exercise.cell.name)
    allowed = set(wanted_cells[: number + 1]) | {exercise.cell.grade_id}
    answers: list[tuple[int, Step]] = []
    for item in submission.items:
        cell = item.source_cell
        is_answer = cell is not None and cell.role == "exercise" and cell.grade_id in allowed
        if is_answer and cell is not None and item.index <= last and item.kind == "code":
            kind = "exercise" if cell.grade_id == exercise.cell.grade_id else "earlier"
            answers.append((item.index, {"kind": kind, "name": cell.name, "code": item.source}))
    if how == NOTEBOOK:
        texts = [(item.index, item.source) for item in submission.items if _is_other(item, last)]
    else:
        needed = set(exercise.names).union(*(globals_of(python_of(answer["code"])) for _, answer in answers))
        pieces = _pieces(submission, last, whole=how == CELLS)
        answered = set().union(*(other.names for other in plan.exercises))
        texts = [(piece.index, piece.code) for piece in _closure(pieces, needed, answered)]
    others = [(index, {"kind": "own", "name": "", "code": text}) for index, text in texts]
    return [step for _, step in sorted([*answers, *others], key=lambda pair: pair[0])]


def _is_other(item: Item, last: int) -> bool:
    """Whether a cell is code up to the exercise, and neither an answer nor a check nor an unchanged setup cell."""
    cell = item.source_cell
    unchanged_setup = cell is not None and cell.is_setup and cell.source == item.source
    has_role = cell is not None and cell.role is not None
    return item.kind == "code" and item.index <= last and not unchanged_setup and not has_role


def _pieces(submission: Submission, last: int, *, whole: bool) -> list[_Piece]:
    """What can be taken of cells up to one. whole: a student's cells whole; the course's own always by statements."""
    if whole not in submission.read:  # once for all exercises
        submission.read[whole] = _all_pieces(submission, whole=whole)
    return [piece for piece in submission.read[whole] if piece.index <= last]


def _all_pieces(submission: Submission, *, whole: bool) -> list[_Piece]:
    present = {id(item.source_cell) for item in submission.items if item.source_cell}
    missing = [cell for cell in submission.plan.chapter.cells if id(cell) not in present]
    texts = [
        (-1, cell.source, False) for cell in missing if cell.kind == "code" and cell.role is None and not cell.is_setup
    ]
    for item in submission.items:
        if _is_other(item, item.index):
            changed = item.source_cell is None or item.source_cell.source != item.source
            texts.append((item.index, item.source, whole and changed))
    found = []
    for index, text, as_a_whole in texts:
        if as_a_whole:
            plain = python_of(text)
            found.append(_Piece(index, text, made_by(plain), globals_of(plain), True))
            continue
        for statement in statements(text):
            names = bound(statement)
            if names:
                found.append(_Piece(index, statement, names, globals_of(statement), False))
    return found


def _closure(pieces: list[_Piece], needed: set[str], answered: set[str]) -> list[_Piece]:
    """The pieces that make what is needed, what these need in turn, and whole cells that work on what is taken so.

    The latter fill a table or register a function. answered: names of exercises' answers; that a cell uses one, or a
    module, is no reason to take it.
    """
    makers: dict[str, list[int]] = defaultdict(list)
    users: dict[str, list[int]] = defaultdict(list)
    for k, piece in enumerate(pieces):
        for name in piece.made:
            makers[name].append(k)
        for name in piece.mentions if piece.whole else ():
            users[name].append(k)
    taken: set[int] = set()
    seen: set[str] = set()
    todo = [(name, False) for name in needed]
    touched: set[str] = set()
    while todo:
        name, made = todo.pop()
        fresh = list(users[name]) if made and name not in touched else []
        touched |= {name} if made else set()
        if name not in seen:
            seen.add(name)
            fresh += makers[name]
        for k in fresh:
            if k not in taken:
                taken.add(k)
                todo += [(other, False) for other in pieces[k].mentions]
                if pieces[k].whole:
                    todo += [(other, True) for other in pieces[k].made - answered - imported_by(pieces[k].code)]
    return [pieces[k] for k in sorted(taken)]
