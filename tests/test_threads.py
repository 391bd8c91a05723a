"""Threads: one rule for everybody, a user's own setting first."""

import pytest

from saw_edu import threads


def test_a_childs_environment_waits_passively_and_keeps_what_a_user_set() -> None:
    fresh: dict[str, str] = {}
    threads.prepare(fresh, count=1)
    assert fresh == {"OMP_WAIT_POLICY": "PASSIVE", "OMP_NUM_THREADS": "1"}
    own = {"OMP_WAIT_POLICY": "ACTIVE", "OMP_NUM_THREADS": "7"}
    threads.prepare(own, count=1)
    assert own == {"OMP_WAIT_POLICY": "ACTIVE", "OMP_NUM_THREADS": "7"}


def test_small_nets_get_one_thread_and_wide_ones_the_idle_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr("os.sched_getaffinity", lambda process: set(range(8)), raising=False)
    for load, expected in ((0.2, 8), (3.1, 5), (20.0, 1)):
        monkeypatch.setattr("os.getloadavg", lambda load=load: (load, 0.0, 0.0), raising=False)
        assert threads.choose([128, 128])[0] == 1
        assert threads.choose([512, 512, 512])[0] == expected
    assert threads.choose([128], asked=3) == (3, "as asked")
    monkeypatch.setenv("OMP_NUM_THREADS", "4")
    assert threads.choose([128])[0] == 4
    with pytest.raises(ValueError, match="at least 1"):
        threads.choose([128], asked=0)
