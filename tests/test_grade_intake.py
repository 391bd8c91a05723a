"""`saw-edu grade --from`: whose each file is, in the layouts of learning-management systems and in plain folders."""

import io
import json
import re
import zipfile
from pathlib import Path

import pytest
from grade_corpus import corpus

from saw_edu.classroom.authoring.release import student_notebooks
from saw_edu.classroom.authoring.source import read_chapter
from saw_edu.classroom.grading.intake import IntakeError, take_in
from saw_edu.classroom.grading.plan import UnitPlan, read_unit

FIXTURE = Path(__file__).parent / "fixtures" / "course"
CHAPTER = read_chapter(FIXTURE / "solutions" / "unit1" / "01_returns.py")
RELEASE = student_notebooks("unit1", [CHAPTER])["01_returns.ipynb"]
SOLVED = next(s for s in corpus(CHAPTER, RELEASE) if s.name == "solution").files["01_returns.ipynb"]
MOODLE = "{}_assignsubmission_file_"
NAME = "01_returns.ipynb"


@pytest.fixture(scope="module")
def plan() -> UnitPlan:
    return read_unit(FIXTURE, "unit1")


def note(tag: str, base: bytes = SOLVED) -> bytes:
    """A notebook that is told by its first cell."""
    notebook = json.loads(base)
    notebook["cells"][0]["source"] = tag
    return json.dumps(notebook).encode()


def zipped(files: dict[str, bytes], at: tuple[int, ...] = (2024, 5, 1, 12, 0, 0)) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name, at), data)  # type: ignore[arg-type]
    return stream.getvalue()


def taken(tmp_path: Path, plan: UnitPlan, data: bytes, roster: str = "") -> tuple[dict[str, str], list[str]]:
    """Student → first cell, and what was said."""
    (tmp_path / "all.zip").write_bytes(data)
    if roster:
        (tmp_path / "students.csv").write_text(roster, encoding="utf-8")
    said = take_in(tmp_path / "all.zip", tmp_path / "submitted", plan, tmp_path / "students.csv" if roster else None)
    found = {}
    for path in (tmp_path / "submitted").rglob("*.ipynb"):
        assert path.parts[-2:] == ("unit1", NAME)
        found[path.parts[-3]] = json.loads(path.read_text(encoding="utf-8"))["cells"][0]["source"]
    return found, said


def passed(said: list[str]) -> list[str]:
    return [line for line in said if line.startswith("passed over")]


def test_two_students_of_one_name_stay_two_also_in_a_later_archive(tmp_path: Path, plan: UnitPlan) -> None:
    place = MOODLE + "/" + NAME
    files = {place.format(f"Ana Lopez_{n}"): note(f"ana {n}") for n in (1001, 1002)}
    found, _ = taken(tmp_path, plan, zipped(files))
    assert found == {"Ana_Lopez_1001": "ana 1001", "Ana_Lopez_1002": "ana 1002"}
    found, _ = taken(tmp_path, plan, zipped({place.format("Ana Lopez_1003"): note("ana 1003")}))
    assert found["Ana_Lopez"] == "ana 1003"
    found, _ = taken(tmp_path, plan, zipped({place.format("Ana Lopez_1004"): note("ana 1004")}))
    found, _ = taken(tmp_path, plan, zipped({place.format("Ana Lopez_1002"): note("ana again")}))
    assert sorted(found.values()) == ["ana 1001", "ana 1003", "ana 1004", "ana again"]


def test_names_in_other_scripts_and_long_ones_stay_apart(tmp_path: Path, plan: UnitPlan) -> None:
    people = ["王小明_11", "Анна Иванова_12", "Łukasz Żółć_13", "Clara Müller_14", "☃_15", "...._16", "x" * 180 + "_17"]
    files = {MOODLE.format(person) + "/" + NAME: note(person) for person in people}
    found, _ = taken(tmp_path, plan, zipped(files))
    assert sorted(found.values()) == sorted(people)
    assert {"王小明", "Анна_Иванова", "Clara_Muller", "15", "16"} < set(found)
    assert all(len(name.encode()) <= 130 for name in found)


def test_names_that_fold_into_one_stay_two(tmp_path: Path, plan: UnitPlan) -> None:
    found, _ = taken(tmp_path, plan, zipped({f"{name}/{NAME}": note(name) for name in ("Ana Lopez", "ana_lopez", "b")}))
    assert sorted(found.values()) == ["Ana Lopez", "ana_lopez", "b"]
    assert len({name.casefold() for name in found}) == 3


def test_zips_and_folders_within_a_hand_in_are_that_students(tmp_path: Path, plan: UnitPlan) -> None:
    files = {
        MOODLE.format("Ada L_1") + "/hw.zip": zipped({NAME: note("ada")}),
        MOODLE.format("Bob M_2") + "/hw.zip": zipped({f"work/final/{NAME}": note("bob")}),
        MOODLE.format("Eve N_3") + f"/{MOODLE.format('Ada L_1')}/{NAME}": note("eve"),
        MOODLE.format("Fay O_4") + "/Bob M_2_assignsubmission_file_.zip": zipped({f"bob/{NAME}": note("fay")}),
        MOODLE.format("Gus P_5") + "/bobm_2_77_01_returns.ipynb": note("gus"),
    }
    found, said = taken(tmp_path, plan, zipped(files))
    assert found == {"Ada_L": "ada", "Bob_M": "bob", "Eve_N": "eve", "Fay_O": "fay", "Gus_P": "gus"}
    assert not passed(said)


def test_nobody_impersonates_in_plain_folders(tmp_path: Path, plan: UnitPlan) -> None:
    files = {f"submissions/ada/{NAME}": note("ada"), f"submissions/eve/{MOODLE.format('ada_1')}/{NAME}": note("eve")}
    files |= {
        f"submissions/bob/unit1/{NAME}": note("bob"),
        "submissions/dora.zip": zipped({f"eve/{NAME}": note("dora")}),
    }
    found, _ = taken(tmp_path, plan, zipped(files))
    assert found == {"ada": "ada", "eve": "eve", "bob": "bob", "dora": "dora"}


def test_the_newest_hand_in_wins_by_number_and_none_is_lost_in_silence(tmp_path: Path, plan: UnitPlan) -> None:
    files = {f"ada_5_{100 + n}_01_returns-{n}.ipynb": note(f"ada {n}") for n in (9, 10, 2)}
    files |= {"ada_5_90_01_returns.ipynb": note("ada first")}
    files |= {"bob_6_7_Copy of 01_returns.ipynb": note("bob"), "bob_6_8_01_returns.ipynb": note("untouched", RELEASE)}
    found, said = taken(tmp_path, plan, zipped(files))
    assert found == {"ada": "ada 10", "bob": "bob"}
    assert len(passed(said)) == 4


def test_every_file_is_taken_or_named(tmp_path: Path, plan: UnitPlan) -> None:
    broken = bytearray(zipped({NAME: note("x" * 999)}))
    broken[400:420] = b"\0" * 20
    files = {
        f"ada/{NAME}": note("ada"),
        f"ada/.ipynb_checkpoints/{NAME}": note("old"),
        "ada/data.csv": b"1,2",
        "ada/notes.ipynb": b"{}",
        f"__MACOSX/ada/._{NAME}": b"x",
        "bob/hw.zip": bytes(broken),
        "bob/work.7z": b"7z",
        f"{NAME}": note("nobody"),
        f"cleo/a/b/{NAME}": note("cleo"),
        f"cleo/{'long' * 60}/{NAME}": note("cleo, deeper", RELEASE),
        "bell\x1b[2J/unit1/x.txt": b"",
    }
    found, said = taken(tmp_path, plan, zipped(files))
    assert found == {"ada": "ada", "cleo": "cleo"}
    assert len(passed(said)) == len(files) - len(found)
    assert not any(re.search(r"[\x00-\x1f]", line) for line in said)


def test_an_encrypted_member_stops_nobody(tmp_path: Path, plan: UnitPlan) -> None:
    data = zipped({f"ada/{NAME}": note("ada"), f"bob/{NAME}": note("bob")})
    at = data.rindex(b"PK\x01\x02")
    data = data[: at + 8] + bytes([data[at + 8] | 1]) + data[at + 9 :]
    found, said = taken(tmp_path, plan, data)
    assert found == {"ada": "ada"}
    assert passed(said) == [f"passed over bob/{NAME}: it is encrypted"]


def test_gradescopes_metadata_gives_names_and_times(tmp_path: Path, plan: UnitPlan) -> None:
    person = "  - :name: {}\n    :sid: '{}'\n    :email: {}@example.org\n"
    metadata = "submission_31:\n  :submitters:\n" + person.format("Ada Lovelace", 7, "ada")
    metadata += person.format("Bob", 8, "bob") + "  :created_at: 2024-05-01 10:00:00.5 Z\n"
    files = {f"assignment_1_export/submission_31/{NAME}": note("both")}
    files |= {f"assignment_1_export/submission_32/{NAME}": note("unnamed")}
    files |= {"assignment_1_export/submission_metadata.yml": metadata.encode()}
    found, _ = taken(tmp_path, plan, zipped(files))
    assert found == {"Ada_Lovelace": "both", "Bob": "both", "submission_32": "unnamed"}
    stamp = tmp_path / "submitted" / "Bob" / "unit1" / "timestamp.txt"
    assert stamp.read_text(encoding="utf-8").startswith("2024-05-01 10:00:00")


def test_blackboards_attempts_are_told_by_their_time(tmp_path: Path, plan: UnitPlan) -> None:
    names = {"ada_l": "2024-05-01-10-00-00", "bob_l": "2024-05-01-10-00-00"}
    files = {f"Unit_1_{who}_attempt_{at}_{NAME}": note(who) for who, at in names.items()}
    files |= {f"Unit_1_ada_l_attempt_2024-05-02-09-00-00_{NAME}": note("ada again")}
    files |= {"Unit_1_ada_l_attempt_2024-05-02-09-00-00.txt": b"Name: Ada"}
    found, said = taken(tmp_path, plan, zipped(files))
    assert found == {"ada_l": "ada again", "bob_l": "bob_l"}
    assert len(passed(said)) == 2


def test_late_hand_ins_have_their_times_and_those_in_time_have_none(tmp_path: Path, plan: UnitPlan) -> None:
    files = {"ada_LATE_5_9_01_returns.ipynb": note("ada"), "bob_6_7_01_returns.ipynb": note("bob")}
    found, said = taken(tmp_path, plan, zipped(files))
    assert set(found) == {"ada", "bob"}
    assert [path.parts[-3] for path in (tmp_path / "submitted").rglob("timestamp.txt")] == ["ada"]
    assert any("ada: handed in late" in line for line in said)
    files = {"cleo_LATE_7_9_01_returns.ipynb": note("cleo")}
    _, said = taken(tmp_path, plan, zipped(files, (1980, 1, 1, 0, 0, 0)))
    assert any("cleo: handed in late, and no time is known" in line for line in said)


def test_a_roster_maps_and_tells_who_is_missing(tmp_path: Path, plan: UnitPlan) -> None:
    roster = "id,first_name,last_name,email,lms_user_id\nal7,Ada,Lovelace,,\nbm8,Bob,M,,6\ncz9,Cleo,Z,,\n"
    roster += "s1,Ana,Lopez,,\ns2,Ana,Lopez,,\n"
    files = {"lovelaceada_5_9_01_returns.ipynb": note("ada"), "whoever_6_7_01_returns.ipynb": note("bob")}
    files |= {"lopezana_8_7_01_returns.ipynb": note("one of two"), "guest_9_7_01_returns.ipynb": note("guest")}
    found, said = taken(tmp_path, plan, zipped(files), roster)
    assert found == {"al7": "ada", "bm8": "bob", "lopezana": "one of two", "guest": "guest"}
    assert "3 of the roster handed in nothing: cz9, s1, s2" in said
    assert "not on the roster: guest, lopezana" in said
    with pytest.raises(IntakeError, match="needs a column `id`"):
        taken(tmp_path, plan, zipped(files), "name\nada\n")
