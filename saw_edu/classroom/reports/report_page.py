"""The class report as one HTML page: no scripts, nothing from a network, bars with their numbers in words."""

import html
import statistics
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

from saw_edu.classroom.reports.class_report import STATES, UNNAMED, ClassReport, ExerciseReport
from saw_edu.classroom.reports.likeness import ALIKE, FEWEST, Alike

_COLOURS = ("#009E73", "#D55E00", "#E69F00", "#BDBDBD", "#7A7A7A", "#CC79A7")  # Okabe and Ito; one for each state
_BINS = 10
_MOST_ROWS = 200
_STYLE = """
body{font:16px/1.5 system-ui,sans-serif;max-width:62rem;margin:2rem auto;padding:0 1rem;color:#1b1b1b;background:#fff}
h1,h2{line-height:1.2}h2{margin-top:2.2rem}table{border-collapse:collapse;width:100%;margin:.8rem 0}
td,th{padding:.3rem .6rem;border-bottom:1px solid #ddd;text-align:left;vertical-align:top}
.n{text-align:right;white-space:nowrap}.bar{display:flex;height:1.15rem;min-width:16rem;background:#f2f2f0}
.bar span{display:block;height:100%}.key{margin:.5rem 0}.key span{display:inline-block;margin-right:1.2rem}
.key i{display:inline-block;width:.9rem;height:.9rem;margin-right:.35rem;vertical-align:-.1rem}
.chart{display:flex;align-items:flex-end;gap:3px;height:11rem;margin:1rem 0 0;border-bottom:1px solid #444}
.chart div{flex:1;background:#0072B2;min-height:0;position:relative}
.chart b{position:absolute;top:-1.45rem;width:100%;text-align:center;font-weight:normal}
.axis{display:flex;gap:3px}.axis span{flex:1;text-align:center;font-size:.85rem;color:#444}
.hit{display:inline-block;height:.8rem;background:#D55E00;vertical-align:-.05rem;margin-right:.4rem}
summary{cursor:pointer}.quiet{color:#555;font-size:.92rem}
"""
_ABOUT_ALIKE = f"""
<p><strong>A hint for a person, not a proof.</strong> Two people can arrive at the same answer, from the same lecture,
forum or tool; and whoever copies can rewrite. Read both before you say anything.</p>
<p class="quiet">Compared are runs of five tokens (“passages”) of the code's syntax tree. Names, comments and formatting
do not count, nor does what the released notebook, the course's solution or its declared alternatives hold. Listed is
who shares at least {ALIKE:.0%} of such passages; answers with fewer than {FEWEST} of their own are not compared.</p>
"""


def page(report: ClassReport) -> str:
    """Write the page."""
    title = f"Class report: {html.escape(report.unit)}"
    parts = [f"<h1>{title}</h1>", _numbers(report), _scores(report), _exercises(report.exercises)]
    parts += [_mistakes(report.exercises), _look(report.look), _alike(report.alike)]
    policy = "default-src 'none'; style-src 'unsafe-inline'"
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head>\n<body>\n'
        + "\n".join(parts)
        + "\n</body></html>\n"
    )


def _numbers(report: ClassReport) -> str:
    kinds = [row["status"].split(":")[0] for row in report.rows]
    counts = {kind: kinds.count(kind) for kind in ("graded", "needs grading", "ungradable", "not submitted")}
    words = {
        "graded": "graded",
        "needs grading": "with a part that a person has to grade",
        "ungradable": "with a part that could not be graded",
        "not submitted": "in the gradebook without a submission",
    }
    rows = "".join(f'<tr><td class="n">{counts[k]}</td><td>{text}</td></tr>' for k, text in words.items() if counts[k])
    why = Counter(item.why for item in report.waiting)
    waits = f" {len(report.waiting)} answers wait for a person: {', '.join(f'{n} {k}' for k, n in why.items())}."
    head = f"<p>{len(kinds) - counts['not submitted']} submissions.{waits if report.waiting else ''}</p>"
    return f"{head}<table>{rows}</table>"


def _scores(report: ClassReport) -> str:
    scores, most = report.scores, report.max_score
    if not scores or most <= 0:
        return "<h2>Scores</h2><p>No score yet.</p>"
    counts = histogram(scores, most)
    edges = [most * i / _BINS for i in range(_BINS + 1)]
    names = [f"{low:.3g} to {high:.3g}" for low, high in pairwise(edges)]
    words = "; ".join(f"{name} points: {count}" for name, count in zip(names, counts, strict=True) if count)
    bars = "".join(f'<div style="height:{88 * n / max(counts):.1f}%"><b>{n or ""}</b></div>' for n in counts)
    axis = "".join(f"<span>{low:.3g}–{high:.3g}</span>" for low, high in pairwise(edges))
    quarters = statistics.quantiles(scores, n=4, method="inclusive") if len(scores) > 1 else [scores[0]] * 3
    return (
        f"<h2>Scores</h2><p>Of {len(scores)} submissions: mean {statistics.fmean(scores):.3g} of {most:g} points, "
        f"median {quarters[1]:.3g}, the middle half from {quarters[0]:.3g} to {quarters[2]:.3g}. What could not be "
        "graded is left out; questions that nobody has graded yet count as 0.</p>"
        f'<div class="chart" role="img" aria-label="Submissions by score. {html.escape(words)}.">{bars}</div>'
        f'<div class="axis" aria-hidden="true">{axis}</div><p class="quiet">points; the number of submissions above '
        "each bar</p>"
    )


def histogram(scores: Sequence[float], most: float) -> list[int]:
    """Counts in ten bins of equal width from 0 to `most`; an edge belongs to the upper bin, the highest to the last."""
    counts = [0] * _BINS
    for score in scores:
        counts[min(_BINS - 1, max(0, int(score / most * _BINS + 1e-9)))] += 1
    return counts


def _exercises(exercises: list[ExerciseReport]) -> str:
    rows, chapter = [], ""
    for item in exercises:
        if item.chapter != chapter:
            chapter = item.chapter
            rows.append(f'<tr><th colspan="3">{html.escape(chapter)}</th></tr>')
        counts = {state: len(students) for state, students in item.states.items()}
        words = ", ".join(f"{count} {state}" for state, count in counts.items() if count)
        total = max(1, sum(counts.values()))
        parts = "".join(
            f'<span style="width:{100 * count / total:.2f}%;background:{colour}"></span>'
            for count, colour in zip(counts.values(), _COLOURS, strict=True)
        )
        rows.append(
            f"<tr><td>{html.escape(item.name)} <span class=quiet>({item.points:g})</span></td>"
            f'<td><div class="bar" role="img" aria-label="{html.escape(item.name)}: {words}">{parts}</div></td>'
            f"<td>{words}</td></tr>"
        )
    key = "".join(
        f'<span><i style="background:{c}"></i>{state}</span>' for state, c in zip(STATES, _COLOURS, strict=True)
    )
    return (
        f'<h2>Exercises</h2><p class="key">{key}</p><table>{"".join(rows)}</table><p class="quiet">In brackets: '
        "points. As the checks decided, before a person changed anything.</p>"
    )


def _mistakes(exercises: list[ExerciseReport]) -> str:
    parts = []
    for item in [item for item in exercises if item.mistakes]:
        most = max(len(students) for students in item.mistakes.values())
        rows = "".join(
            f'<tr><td>{html.escape(name)}</td><td class="n">{len(students)}</td>'
            f'<td><span class="hit" style="width:{7 * len(students) / most:.2f}rem"></span>{_names(students)}</td></tr>'
            for name, students in item.mistakes.items()
        )
        nobody = f'<p class="quiet">Hit by nobody: {html.escape("; ".join(item.missed))}.</p>' if item.missed else ""
        parts.append(f"<h3>{html.escape(item.name)}</h3><table>{rows}</table>{nobody}")
    note = (
        f"“{UNNAMED}”: the answer is wrong in a way that no check knows. Names of errors are exceptions that it raised."
    )
    body = "".join(parts) or "<p>None.</p>"
    return f'<h2>Misconceptions</h2><p class="quiet">{note}</p>{body}'


def _names(students: list[str], shown: int = 3) -> str:
    names = [html.escape(student) for student in students]
    if len(names) <= shown:
        return ", ".join(names)
    return f"<details><summary>{', '.join(names[:shown])} …</summary>{', '.join(names[shown:])}</details>"


def _look(look: list[tuple[str, str]]) -> str:
    """A row for each student, all of them; long lists are folded."""
    by_student: dict[str, list[str]] = {}
    for student, text in look:
        by_student.setdefault(student, []).append(html.escape(text[:400]))
    rows = "".join(
        f"<tr><td>{html.escape(name)}</td><td>{_texts(texts)}</td></tr>" for name, texts in by_student.items()
    )
    return f"<h2>For a person to look at</h2>{f'<table>{rows}</table>' if rows else '<p>Nothing.</p>'}"


def _texts(texts: list[str], shown: int = 4, most: int = 50) -> str:
    lines = [f"<div>{text}</div>" for text in texts[:most]]
    lines += [f"<div>… and {len(texts) - most} more</div>"] if len(texts) > most else []
    rest = "".join(lines[shown:])
    folded = f"<details><summary>{len(texts) - shown} more</summary>{rest}</details>" if rest else ""
    return "".join(lines[:shown]) + folded


def _alike(alike: list[Alike]) -> str:
    rows = "".join(
        f"<tr><td>{html.escape(item.exercise)}</td><td>{_names(list(item.students), 4)}</td>"
        f'<td class="n">{"the same" if item.similarity == 1 else f"{item.similarity:.0%}"}</td>'
        f'<td class="n">{item.passages}</td></tr>'
        for item in alike[:_MOST_ROWS]
    )
    head = '<tr><th>exercise</th><th>students</th><th class="n">alike</th><th class="n">passages</th></tr>'
    more = f"<p>… and {len(alike) - _MOST_ROWS} more.</p>" if len(alike) > _MOST_ROWS else ""
    listed = f"<table>{head}{rows}</table>{more}" if rows else "<p>None.</p>"
    return f"<h2>Near-identical answers</h2>{_ABOUT_ALIKE}{listed}"
