"""Markers of --once: made before sending, one process at a time, honest of what is unknown."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from fsctl.bulk import locked
from fsctl.bulk.markers import KEPT_DAYS, Marker, once
from fsctl.errors import Refused

NOW = datetime(2024, 6, 29, 14, 23, 23, tzinfo=UTC)
KEY = "run 7 production"


def at(moment: datetime) -> Callable[[], datetime]:
    return lambda: moment


def state(directory: Path, key: str = KEY) -> str:
    with once(directory, key, patience=0, now=at(NOW)) as marker:
        return marker.state


def only_file(directory: Path) -> Path:
    (path,) = directory.iterdir()
    return path


def send(directory: Path, key: str = KEY, *, moment: datetime = NOW) -> None:
    with once(directory, key, now=at(moment)) as marker:
        marker.mark_sending()
        marker.mark_sent()


def test_nothing_is_known_at_first_and_looking_leaves_nothing(tmp_path: Path) -> None:
    with once(tmp_path / "once", KEY) as marker:
        assert (marker.state, marker.since, marker.suppresses) == ("none", None, None)
    assert list((tmp_path / "once").iterdir()) == []


def test_what_was_sent_is_known_the_next_time(tmp_path: Path) -> None:
    send(tmp_path)
    with once(tmp_path, KEY) as marker:
        assert (marker.state, marker.since, marker.busy) == ("sent", NOW, False)
        assert marker.suppresses == (
            "An annotation was sent under the same --once key at 2024-06-29T14:23:23Z."
        )
    assert state(tmp_path, "another key") == "none"


def test_what_never_learned_its_outcome_may_have_arrived(tmp_path: Path) -> None:
    with once(tmp_path, KEY, now=at(NOW)) as marker:
        marker.mark_sending()
    with once(tmp_path, KEY) as marker:
        assert marker.state == "sending"
        assert "outcome is unknown" in str(marker.suppresses)
        assert str(only_file(tmp_path)) in str(marker.suppresses)


def test_what_was_certainly_not_sent_may_be_sent_again(tmp_path: Path) -> None:
    with once(tmp_path, KEY) as marker:
        marker.mark_sending()
        marker.clear()
        assert marker.suppresses is None
    assert list(tmp_path.iterdir()) == []


def test_it_may_be_tried_again_after_it_was_cleared(tmp_path: Path) -> None:
    with once(tmp_path, KEY) as marker:
        marker.mark_sending()
        marker.clear()
        marker.mark_sending()
        marker.mark_sent()
    assert state(tmp_path) == "sent"


def test_it_is_private_and_gives_the_key_away_to_nobody(tmp_path: Path) -> None:
    send(tmp_path / "once", "secret-branch-name")
    path = only_file(tmp_path / "once")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert "secret" not in path.name + path.read_text()


@pytest.mark.parametrize(
    "data", [b"{", b"null", b"[]", b'{"version":1}', b"\xff" * 99, b"x" * 99999]
)
def test_a_damaged_marker_may_stand_for_something_that_was_sent(
    tmp_path: Path, data: bytes
) -> None:
    send(tmp_path)
    only_file(tmp_path).write_bytes(data)
    assert state(tmp_path) == "sending"


def test_of_two_at_once_the_second_waits_and_sees_what_the_first_did(tmp_path: Path) -> None:
    with once(tmp_path, KEY) as first:
        first.mark_sending()
        time = iter(range(100))
        naps: list[float] = []
        with once(
            tmp_path,
            KEY,
            patience=5,
            monotonic=lambda: float(next(time)),
            sleep=naps.append,
        ) as second:
            assert (second.state, second.busy) == ("sending", True)
            assert "Another fsctl" in str(second.suppresses)
        assert naps
        first.mark_sent()
    assert state(tmp_path) == "sent"


def test_who_waited_for_one_that_was_not_sent_gets_a_marker_of_its_own(tmp_path: Path) -> None:
    """The file that was waited for is removed: the lock on it would keep nobody out any more."""
    first = once(tmp_path, KEY)
    marker = first.__enter__()
    marker.mark_sending()
    marker.clear()
    ended: list[bool] = []

    def end_first(_seconds: float) -> None:
        if not ended:
            ended.append(True)
            first.__exit__(None, None, None)

    with once(tmp_path, KEY, patience=5, sleep=end_first) as second:
        assert ended
        assert (second.state, second.busy) == ("none", False)
        second.mark_sending()
        assert state(tmp_path) == "sending"  # for others: they cannot have it
        second.mark_sent()
    assert state(tmp_path) == "sent"


_CHILD = """
import os, signal, sys
from pathlib import Path
from fsctl.bulk import locked
from fsctl.bulk.markers import once
directory, death = Path(sys.argv[1]), sys.argv[2]
def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)
with once(directory, "run 7 production") as marker:
    if death == "claimed": die()
    marker.mark_sending()
    if death == "sending": die()
    if death == "written": os.ftruncate = die
    if death == "unwritten": os.write = die
    marker.mark_sent()
    if death == "sent": die()
"""


@pytest.mark.parametrize(
    ("death", "left"),
    [
        ("claimed", "none"),
        ("sending", "sending"),
        ("unwritten", "sending"),
        ("written", "sending"),
        ("sent", "sent"),
    ],
)
def test_however_a_process_is_killed_nothing_sent_counts_as_unsent(
    tmp_path: Path, death: str, left: str
) -> None:
    died = subprocess.run([sys.executable, "-c", _CHILD, str(tmp_path), death], check=False)
    assert died.returncode == -signal.SIGKILL
    assert state(tmp_path) == left


_RACER = """
import sys
from pathlib import Path
from fsctl.bulk.markers import once
directory, log = Path(sys.argv[1]), sys.argv[2]
sys.stdin.readline()
for number in range(20):
    with once(directory, f"key {number}", patience=30) as marker:
        if marker.suppresses is None:
            marker.mark_sending()
            with open(log, "a") as stream:
                stream.write(f"{number}\\n")
            if number % 3 == 2 and open(log).read().split().count(str(number)) == 1:
                marker.clear()  # the first to try was refused: another may
            else:
                marker.mark_sent()
"""


def test_of_many_processes_one_sends(tmp_path: Path) -> None:
    log = tmp_path / "log"
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", _RACER, str(tmp_path / "once"), str(log)], stdin=subprocess.PIPE
        )
        for _ in range(4)
    ]
    for racer in racers:
        assert racer.stdin is not None
        racer.stdin.write(b"go\n")
        racer.stdin.close()
    assert [racer.wait(60) for racer in racers] == [0] * 4
    sent = log.read_text().split()
    assert {number: sent.count(str(number)) for number in range(20)} == {
        number: 2 if number % 3 == 2 else 1 for number in range(20)
    }


def test_old_markers_of_other_keys_go(tmp_path: Path) -> None:
    for days in (KEPT_DAYS + 1, KEPT_DAYS - 1):
        moment = NOW - timedelta(days=days)
        send(tmp_path, f"{days} days", moment=moment)
        for path in tmp_path.iterdir():
            if json.loads(path.read_text())["time"] == moment.isoformat():
                os.utime(path, (moment.timestamp(), moment.timestamp()))
    (tmp_path / "note.txt").write_text("somebody's own")
    os.utime(tmp_path / "note.txt", (0, 0))
    send(tmp_path)
    assert (tmp_path / "note.txt").exists()
    assert state(tmp_path, f"{KEPT_DAYS + 1} days") == "none"
    assert state(tmp_path, f"{KEPT_DAYS - 1} days") == "sent"
    assert state(tmp_path) == "sent"


def test_the_time_in_a_marker_counts_where_its_file_was_given_another(tmp_path: Path) -> None:
    send(tmp_path, "restored by a cache without times", moment=NOW)
    os.utime(only_file(tmp_path), (0, 0))
    send(tmp_path, moment=NOW)
    assert state(tmp_path, "restored by a cache without times") == "sent"


def made_elsewhere(path: Path, kind: str) -> None:
    target = path.with_name("target")
    match kind:
        case "link":
            path.symlink_to(target)
        case "directory":
            path.mkdir()
        case "pipe":
            os.mkfifo(path, 0o600)
        case "open to all":
            path.touch()
            path.chmod(0o666)
        case "of two names":
            target.touch(0o600)
            path.hardlink_to(target)


@pytest.mark.parametrize("kind", ["link", "directory", "pipe", "open to all", "of two names"])
def test_no_marker_is_made_of_what_somebody_else_put_there(tmp_path: Path, kind: str) -> None:
    send(tmp_path)
    path = only_file(tmp_path)
    path.unlink()
    made_elsewhere(path, kind)
    with pytest.raises(Refused), once(tmp_path, KEY) as marker:
        raise AssertionError(marker)
    assert not (tmp_path / "target").exists() or (tmp_path / "target").stat().st_size == 0


def test_where_no_marker_can_be_kept_nothing_is_to_be_sent(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Refused, match="cannot be written"), once(tmp_path / "file", KEY) as marker:
        raise AssertionError(marker)


def test_a_marker_that_cannot_be_written_is_told_before_sending(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_descriptor: int, _data: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(locked, "replace", full)
    with pytest.raises(Refused, match="No space left"), once(tmp_path, KEY) as marker:
        marker.mark_sending()
    assert list(tmp_path.iterdir()) == []


def test_an_error_of_the_sender_is_the_senders(tmp_path: Path) -> None:
    def send_in_vain(marker: Marker) -> None:
        marker.mark_sending()
        raise FileNotFoundError("mine")

    with pytest.raises(FileNotFoundError, match="mine"), once(tmp_path, KEY) as marker:
        send_in_vain(marker)
    assert state(tmp_path) == "sending"
