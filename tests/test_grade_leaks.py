"""What a student's code can find in the sandbox, and what of it could come back: nothing of the hidden tests."""

import functools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sandboxes import needs_sandbox

from saw_edu.classroom.grading.judge import judge
from saw_edu.classroom.grading.plan import CheckPlan, read_unit
from saw_edu.classroom.sandbox.outside import Limits, Outcome, Sandbox

FIXTURE = Path(__file__).parent / "fixtures" / "course"
LIMITS = Limits(seconds=5, patience=40)
ALL_FRAMES = """
import gc, sys
found, frame = [], sys._getframe()
while frame:
    found += [repr(frame.f_locals), repr(frame.f_code.co_consts)]
    frame = frame.f_back
found += [repr(thing) for thing in gc.get_objects() if type(thing) in (dict, list, str, bytes)]
raise ValueError("".join(["SEC", "RET"]) in str(found))
"""


@pytest.fixture(scope="module")
def box() -> Iterator[Sandbox]:
    plan = read_unit(FIXTURE, "unit1")
    with Sandbox(FIXTURE, plan.modules, plan.checks) as made:
        yield made


def run(box: Sandbox, code: str, hidden: str = "", **more: Any) -> Outcome:
    step = {"kind": "exercise", "name": "x", "code": code}
    program = {"setup": [], "steps": [step], "guarded": [], "visible": "", "phase": "hidden", "hidden": hidden}
    return box.run({**program, "modules": {}, **more}, LIMITS)


def error(outcome: Outcome) -> str:
    return str((outcome.frames[0]["error"] or {}).get("message")) if outcome.frames else outcome.end


@needs_sandbox
def test_hidden_tests_are_in_no_frame_while_the_students_cells_run(box: Sandbox) -> None:
    found = run(box, ALL_FRAMES, hidden="word = 'SECRET'", modules={"ch01": "SECRET = 1"})
    assert error(found) == "False"
    assert [frame["stage"] for frame in found.frames] == ["cell", "records"]
    assert found.frames[1]["error"] is None
    assert error(run(box, "SECRET = 1\n" + ALL_FRAMES)) == "True"  # what is there is found


@needs_sandbox
def test_who_takes_the_hidden_tests_early_has_no_tests_left(box: Sandbox) -> None:
    found = run(box, "import os\nos.write(4, b'!')\nraise ValueError(b'SECRET' in os.read(5, 9999))", "word = 'SECRET'")
    assert [frame["stage"] for frame in found.frames] == ["cell"]
    assert found.end == "exit"


@needs_sandbox
@pytest.mark.parametrize(
    ("leave", "find"),
    [
        (
            "import socket\nserver = socket.socket()\nserver.bind(('', 5555))\nserver.listen()\n"
            "client = socket.create_connection(('127.0.0.1', 5555), 1)\nserver.accept()[0].close()\nclient.close()",
            "import socket\nsocket.socket().bind(('', 5555))\nraise ValueError('nothing')",
        ),
        (
            "import ctypes\nassert ctypes.CDLL(None).shmget(4242, 4096, 0o1666) >= 0",
            "import ctypes\nraise ValueError('there' if ctypes.CDLL(None).shmget(4242, 0, 0) >= 0 else 'nothing')",
        ),
        (
            "import ctypes\nassert ctypes.CDLL(None).msgget(4242, 0o1666) >= 0",
            "import ctypes\nraise ValueError('there' if ctypes.CDLL(None).msgget(4242, 0) >= 0 else 'nothing')",
        ),
        (
            "open('/tmp/left', 'w').write('x'); open('/dev/shm/left', 'w').write('x')",
            "import os\nfound = [name for name in os.listdir('/dev/shm') + os.listdir('/tmp') if name == 'left']\n"
            "raise ValueError('there' if found else 'nothing')",  # a checkout under /tmp is seen there as well
        ),
    ],
    ids=["port", "shared memory", "queue", "files"],
)
def test_nothing_lives_from_one_program_to_the_next(box: Sandbox, leave: str, find: str) -> None:
    run(box, leave)
    assert error(run(box, find)) == "nothing"


@functools.cache
def _hidden_check() -> CheckPlan:
    return read_unit(FIXTURE, "unit1").chapters[0].exercises[0].checks[0]


@pytest.mark.parametrize(
    ("record", "says"),
    [
        ({"status": "not started", "exercise": "LEAK"}, "not started yet (it raises NotImplementedError)"),
        ({"status": "raised", "exception": "LEAK", "message": "LEAK", "where": "line 3 of LEAK: `LEAK`"},
         "it raised an exception at line 3."),
        ({"status": "raised", "exception": "ValueError", "message": "LEAK", "where": "line 777 of f: `LEAK`"},
         "it raised ValueError."),
        ({"status": "returned", "printed": "LEAK", "changed": ["LEAK"], "value": {"kind": "str", "value": "LEAK"}},
         "of another type"),
        ({"status": "returned", "printed": "", "changed": [], "value": {"kind": "other", "type": "LEAK"}},
         "of another type"),
        ({"status": "LEAK"}, "could not be read"),
        ({"status": "none"}, "could not be read"),
    ],
)  # fmt: skip
def test_a_message_on_a_hidden_test_has_nothing_that_a_student_wrote(record: dict[str, Any], says: str) -> None:
    records = [record if record.get("status") == "none" else {"cases": [record, record]}]
    frames = [{"stage": "cell", "error": None}, {"stage": "records", "records": records, "error": None}]
    found = judge(_hidden_check(), Outcome("exit", frames), LIMITS, hidden=True)
    assert says in found.message
    assert "LEAK" not in str(found)
