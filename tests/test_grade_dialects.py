"""From the zips of six learning-management systems, 30 students, to a table of grades that can be imported back."""

import csv
from pathlib import Path

import pytest
from sandboxes import needs_sandbox
from test_grade_intake import MOODLE, NAME, zipped
from test_grade_runs import CORPUS, LIMITS, make_course

from saw_edu.classroom.grading.intake import take_in
from saw_edu.classroom.grading.plan import read_unit
from saw_edu.classroom.grading.run import Options, grade_unit
from saw_edu.classroom.reports.report import report_unit

PEOPLE = [("Ana", "Lopez"), ("Łukasz", "Żółć"), ("小明", "王"), ("Анна", "Иванова"), ("Clara", "Müller")]
ENDS = {"solution": 3.0, "half": 2.0, "untouched": 0.0, "truncated": None, "raises": 1.0}
"""What each of a dialect's five students handed in, and its points; None: not graded."""


def _archives() -> dict[str, dict[str, bytes]]:
    """Dialect → files."""
    made: dict[str, dict[str, bytes]] = {}
    metadata = ""
    for k, ((first, last), kind) in enumerate(zip(PEOPLE, ENDS, strict=True)):
        data = CORPUS[kind].files[NAME]
        files = {
            "canvas": {f"{last}{first}_{100 + k}_9{k}_{NAME}".lower(): data},
            "moodle": {MOODLE.format(f"{first} {last}_{200 + k}") + f"/{NAME}": data},
            "gradescope": {f"assignment_7_export/submission_{k}/{NAME}": data},
            "blackboard": {f"Unit_1_{'abcde'[k]}{300 + k}_attempt_2024-05-01-10-00-0{k}_{NAME}": data},
            "folders": {f"hand-ins/{400 + k}/my work/{NAME}": data},
            "zips": {f"{500 + k}.zip": zipped({f"homework/{NAME}": data})},
        }
        for dialect, own in files.items():
            made.setdefault(dialect, {}).update(own)
        metadata += f"submission_{k}:\n  :submitters:\n  - :name: {first} {last}\n    :sid: '{600 + k}'\n"
        metadata += f"    :email: s{600 + k}@example.org\n"
    made["gradescope"]["assignment_7_export/submission_metadata.yml"] = metadata.encode()
    return made


def _roster() -> list[dict[str, str]]:
    starts = {"canvas": 100, "moodle": 200, "gradescope": 600, "blackboard": 300, "folders": 400, "zips": 500}
    rows = []
    for dialect, start in starts.items():
        for k, (first, last) in enumerate(PEOPLE):
            number = str(start + k)
            name = f"{'abcde'[k]}{number}" if dialect == "blackboard" else number
            own = {"id": name, "first_name": first, "last_name": last, "email": f"s{number}@example.org"}
            rows.append(own | {"lms_user_id": number})
    return rows


@pytest.mark.slow
@needs_sandbox
def test_thirty_students_in_six_dialects_come_back_in_one_table(tmp_path: Path) -> None:
    course = make_course(tmp_path, [])
    roster = tmp_path / "students.csv"
    rows = [*_roster(), {"id": "nobody", "first_name": "No", "last_name": "Body", "email": "", "lms_user_id": "999"}]
    with roster.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    plan = read_unit(course, "unit1")
    archives = {}
    for dialect, files in _archives().items():
        archives[dialect] = tmp_path / f"{dialect}.zip"
        archives[dialect].write_bytes(zipped(files))
    last = archives.pop("zips")
    for path in archives.values():
        said = take_in(path, course / "submitted", plan, roster)
        assert said[0] == "5 students, 5 notebooks taken in"
    lines: list[str] = []
    results = grade_unit(course, "unit1", Options(jobs=2, limits=LIMITS, handed_in=last, roster=roster), lines.append)
    assert "1 of the roster handed in nothing: nobody" in "\n".join(lines)
    assert len(results) == 30
    assert not [result.error for result in results if result.error]
    _, folder = report_unit(course, "unit1")
    with (folder / "grades.csv").open(newline="", encoding="utf-8") as stream:
        table = {row["student_id"]: row for row in csv.DictReader(stream)}
    assert table.keys() == {row["id"] for row in rows}
    kinds = list(ENDS.values())
    for number, row in enumerate(rows[:-1]):
        own, points = table[row["id"]], kinds[number % 5]
        assert [own[key] for key in ("first_name", "last_name", "email")] == [*list(row.values())[1:4]]
        assert own["score"] == ("" if points is None else str(points)), row["id"]
        assert own["status"].startswith("ungradable") == (points is None)
    assert table["nobody"]["status"] == "not submitted"
