"""A limit holds whatever the work waits for, and nothing begins behind it."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import pytest

from fsctl.cli.within import Limit, TooLate
from fsctl.membrane import child
from fsctl.membrane.child import ChildNotStarted, run_child


def test_work_gives_its_value_or_raises_what_it_raises() -> None:
    limit = Limit(20, time.monotonic)
    assert limit.run(lambda: 7) == 7
    for error in (ValueError, KeyboardInterrupt, SystemExit):

        def fail(error: type[BaseException] = error) -> None:
            raise error

        with pytest.raises(error):
            limit.run(fail)


def test_work_that_waits_for_ever_is_left_to_itself() -> None:
    limit, released = Limit(0.1, time.monotonic), threading.Event()
    with pytest.raises(TooLate):
        limit.run(lambda: released.wait(30))
    assert limit.left() == 0
    released.set()


def test_no_time_is_left_for_what_comes_after_it() -> None:
    limit = Limit(0.1, time.monotonic)
    assert 0 < limit.deadline().remaining() < 0.1
    with pytest.raises(TooLate):
        limit.run(lambda: time.sleep(1))
    with pytest.raises(TooLate):
        limit.run(threading.Event().wait)


def test_a_deadline_leaves_time_to_end_cleanly() -> None:
    now = [100.0]
    for seconds, until in ((20.0, 118.5), (2.0, 101.5), (0.4, 100.3)):
        assert Limit(seconds, lambda: now[0]).deadline().at == pytest.approx(until)


def test_work_that_is_given_up_begins_nothing_more() -> None:
    limit, released, seen = Limit(0.1, time.monotonic), threading.Event(), list[object]()
    over = threading.Event()
    deadline = Limit.deadline(limit)._replace(at=float(2**62))  # it would have all the time

    def work() -> None:
        released.wait(30)
        seen.append(deadline.remaining())
        try:
            run_child(["/bin/true"], cwd=Path("/"), env={}, timeout=5)
        except ChildNotStarted as refused:
            seen.append(refused)
        over.set()

    with pytest.raises(TooLate):
        limit.run(work)
    released.set()
    assert over.wait(30)
    assert seen[0] == 0 and isinstance(seen[1], ChildNotStarted)


def test_a_child_that_is_waited_for_is_killed(tmp_path: Path) -> None:
    limit, file = Limit(0.5, time.monotonic), tmp_path / "pid"
    script = f"echo $$ > {file}; exec sleep 60"
    with pytest.raises(TooLate):
        limit.run(lambda: run_child(["/bin/sh", "-c", script], cwd=tmp_path, env={}, timeout=60))
    with pytest.raises(ProcessLookupError):
        os.kill(int(file.read_text()), 0)


def test_a_child_that_minds_no_signal_gets_no_more_than_the_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is told to end when its own time is over, which is before that of who waits for it."""
    real = child.end_children
    graces: list[float] = []

    def watched(thread: threading.Thread, **named: float) -> None:
        graces.append(named["grace"])
        real(thread, **named)

    monkeypatch.setattr(child, "end_children", watched)
    limit, file = Limit(1.0, time.monotonic), tmp_path / "pid"
    script = f"trap '' TERM; echo $$ > {file}; while :; do sleep 1; done"
    timeout = limit.deadline().remaining()
    with pytest.raises(TooLate):
        limit.run(
            lambda: run_child(["/bin/sh", "-c", script], cwd=tmp_path, env={}, timeout=timeout)
        )
    assert graces == [0.0]
    with pytest.raises(ProcessLookupError):
        os.kill(int(file.read_text()), 0)
