"""The outbox: what was not sent is kept whole, trusted only from its owner, and claimed once."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fsctl.bulk.outbox import Entry, Taken, claimed, entries, holds, keep, settle
from fsctl.errors import Refused, Usage
from tests.support.json_values import DOCUMENTS

NOW = datetime(2024, 6, 29, 14, 23, 23, 5, tzinfo=UTC)
VALUES = {
    "text": "checkout v1.4.2 (ab12cd3) deployed to production",
    "start_time": "2024-06-29T14:20:00Z",
    "end_time": "2024-06-29T14:23:23Z",
    "source": "GitHub Actions: deploy",
    "account": "api.getmembrane.com/one",
    "connection": "65f0c0ffee65f0c0ffee65f0",
    "named": None,
}


def states(directory: Path) -> list[str]:
    return [found.state for found in entries(directory)]


def test_what_is_kept_is_there_again_with_its_times(tmp_path: Path) -> None:
    path = keep(tmp_path / "new" / "outbox", VALUES)
    (found,) = entries(tmp_path / "new" / "outbox")
    assert found == (path, "waiting", Entry(**VALUES), None)  # type: ignore[arg-type]


def test_it_is_private(tmp_path: Path) -> None:
    path = keep(tmp_path / "outbox", VALUES)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert list(path.parent.iterdir()) == [path]


def test_the_oldest_comes_first(tmp_path: Path) -> None:
    for seconds in (5, 1, 9, 3):
        keep(tmp_path, VALUES | {"text": f"{seconds}"}, NOW + timedelta(seconds=seconds))
    assert [found.entry.text for found in entries(tmp_path) if found.entry] == ["1", "3", "5", "9"]


def test_no_outbox_is_an_empty_one(tmp_path: Path) -> None:
    assert entries(tmp_path / "none") == []


def test_other_files_are_nobodys_business(tmp_path: Path) -> None:
    (tmp_path / "package.json").write_text("{}")
    (tmp_path / ".20240629T142323.000005Z-00000000.json.tmp").touch()
    assert entries(tmp_path) == []


@pytest.mark.parametrize(
    ("changes", "same"),
    [
        ({}, True),
        ({"text": "other words"}, True),
        ({"once": "another"}, False),
        ({"once": None}, False),
        ({"connection": "65f0c0ffee65f0c0ffee65f1"}, False),
        ({"connection": None, "account": None}, True),  # nobody knew then: it may be the same
        ({"account": "api.getmembrane.com/two"}, False),
        ({"named": "eu"}, True),  # the connection tells
        ({"connection": None, "named": "eu"}, True),
    ],
    ids=str,
)
def test_the_same_by_its_key_is_held_already(
    changes: dict[str, str | None], same: bool, tmp_path: Path
) -> None:
    entry = VALUES | {"once": "v1"}
    assert not holds(tmp_path / "none", entry)
    keep(tmp_path, entry)
    assert holds(tmp_path, entry | changes) == same
    with claimed(entries(tmp_path)[0]) as claim:
        assert not holds(tmp_path, entry)  # on its way
        claim.sent()


# -- claiming


def test_a_claimed_entry_is_marked_before_it_is_sent_and_gone_afterwards(tmp_path: Path) -> None:
    keep(tmp_path, VALUES)
    (found,) = entries(tmp_path)
    with claimed(found) as claim:
        assert states(tmp_path) == ["sending"]
        claim.sent()
    assert list(tmp_path.iterdir()) == []


def test_what_was_not_sent_waits_again_in_its_old_place(tmp_path: Path) -> None:
    keep(tmp_path, VALUES)
    before = entries(tmp_path)
    with claimed(before[0]) as claim:
        claim.release()
    assert entries(tmp_path) == before


def test_an_unknown_outcome_is_kept_apart(tmp_path: Path) -> None:
    keep(tmp_path, VALUES)
    with claimed(entries(tmp_path)[0]) as claim:
        claim.unknown()
    assert states(tmp_path) == ["unknown"]


def test_two_cannot_claim_the_same(tmp_path: Path) -> None:
    keep(tmp_path, VALUES)
    (found,) = entries(tmp_path)
    with claimed(found) as claim:
        with pytest.raises(Taken), claimed(found):
            raise AssertionError
        (sending,) = entries(tmp_path)
        assert not settle(sending)  # whoever claimed it is alive
        claim.sent()
    with pytest.raises(Taken), claimed(found):
        raise AssertionError
    assert not settle(sending)


def test_an_error_of_the_sender_is_the_senders_and_the_outcome_unknown(tmp_path: Path) -> None:
    keep(tmp_path, VALUES)
    with pytest.raises(FileNotFoundError, match="mine"), claimed(entries(tmp_path)[0]):
        raise FileNotFoundError("mine")
    (left,) = entries(tmp_path)
    assert left.state == "sending"
    assert settle(left)
    assert states(tmp_path) == ["unknown"]


_RACER = """
import sys
from pathlib import Path
from fsctl.bulk.outbox import Taken, claimed, entries
found = entries(Path(sys.argv[1]))
sys.stdout.write("ready\\n"); sys.stdout.flush(); sys.stdin.readline()
for each in found:
    try:
        with claimed(each) as claim:
            print(claim.entry.text)
            claim.sent()
    except Taken:
        pass
"""


def test_of_many_processes_each_entry_is_sent_by_one(tmp_path: Path) -> None:
    for number in range(40):
        keep(tmp_path, VALUES | {"text": f"{number}"})
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", _RACER, str(tmp_path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]
    for racer in racers:
        assert racer.stdout is not None
        assert racer.stdout.readline() == "ready\n"
    sent = []
    for racer in racers:
        assert racer.stdin is not None
        racer.stdin.write("go\n")
        racer.stdin.flush()
    for racer in racers:
        out, _ = racer.communicate(timeout=60)
        assert racer.returncode == 0
        sent += out.split()
    assert sorted(sent, key=int) == [str(number) for number in range(40)]
    assert list(tmp_path.iterdir()) == []


_CHILD = """
import os, signal, sys
from pathlib import Path
from fsctl.bulk.outbox import claimed, entries
with claimed(entries(Path(sys.argv[1]))[0]) as claim:
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_a_killed_flush_leaves_may_have_arrived(tmp_path: Path) -> None:
    keep(tmp_path, VALUES)
    died = subprocess.run([sys.executable, "-c", _CHILD, str(tmp_path)], check=False)
    assert died.returncode == -signal.SIGKILL
    (left,) = entries(tmp_path)
    assert left.state == "sending"
    assert settle(left)
    assert states(tmp_path) == ["unknown"]


# -- trust


def planted(path: Path, how: str) -> None:
    """Something at ``path`` that would be an entry, but for who may have written it."""
    data = path.read_bytes()
    path.unlink()
    elsewhere = path.with_name("elsewhere")
    elsewhere.write_bytes(data)
    elsewhere.chmod(0o600)
    match how:
        case "link":
            path.symlink_to(elsewhere)
        case "of two names":
            path.hardlink_to(elsewhere)
        case "open to all":
            elsewhere.rename(path)
            path.chmod(0o644)
        case "directory":
            path.mkdir()
        case "pipe":
            os.mkfifo(path, 0o600)
        case "another user's":
            elsewhere.rename(path)
            os.chown(path, 12345, -1)


@pytest.mark.parametrize(
    "how", ["link", "of two names", "open to all", "directory", "pipe", "another user's"]
)
def test_only_private_files_of_the_user_are_entries(tmp_path: Path, how: str) -> None:
    if how == "another user's" and os.geteuid() != 0:
        pytest.skip("only root gives files away")
    path = keep(tmp_path, VALUES)
    trusted = entries(tmp_path)[0]
    planted(path, how)
    (found,) = entries(tmp_path)
    assert found.entry is None and found.problem
    with pytest.raises((Refused, Taken)), claimed(trusted):  # exchanged after it was listed
        raise AssertionError


@pytest.mark.parametrize(
    "change",
    [
        {"text": ""}, {"text": 5}, {"text": "x" * 201}, {"text": "é" * 101}, {"text": "a\nb"},
        {"text": "a\u202eb"}, {"source": "s" * 41}, {"start_time": None}, {"start_time": "soon"},
        {"start_time": "2024-06-29T14:20:00"}, {"end_time": "2024-06-29T14:20:00Z"},
        {"connection": ["x"]}, {"named": "n" * 5000}, {"more": 1}, {"version": 2},
        {"outbox": "mail"},
    ],
    ids=str,
)  # fmt: skip
def test_only_entries_as_they_are_written_are_read(tmp_path: Path, change: dict[str, Any]) -> None:
    path = keep(tmp_path, VALUES)
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    (found,) = entries(tmp_path)
    assert (found.entry, found.problem) == (None, "it is not an entry of an outbox")


def read_as_entry(data: bytes) -> Entry | None:
    """What becomes of an entry's file that holds ``data``."""
    with tempfile.TemporaryDirectory() as folder:
        keep(Path(folder), VALUES).write_bytes(data)
        (found,) = entries(Path(folder))
        assert (found.entry is None) == (found.problem is not None)
        return found.entry


@given(
    document=DOCUMENTS,
    changes=st.dictionaries(st.sampled_from([*VALUES, "version", "outbox"]), DOCUMENTS, min_size=1),
)
@settings(max_examples=60, deadline=None)
def test_any_document_is_an_entry_or_refused(document: Any, changes: dict[str, Any]) -> None:
    assert read_as_entry(json.dumps(document).encode()) is None
    whole = {"outbox": "fsctl annotation", "version": 1, **VALUES}
    assert read_as_entry(json.dumps(whole).encode()) == Entry(**VALUES)  # type: ignore[arg-type]
    changed = read_as_entry(json.dumps(whole | changes).encode())
    assert changed is None or all(
        isinstance(value, str) or (value is None and name not in ("text", "start_time"))
        for name, value in changed._asdict().items()
    )


@given(data=st.binary(max_size=200) | st.sampled_from([b"[" * 9000, b"\xff\xfe", b"1" * 9000]))
@settings(max_examples=60, deadline=None)
def test_any_bytes_are_refused(data: bytes) -> None:
    assert read_as_entry(data) is None


def test_a_huge_file_is_not_read(tmp_path: Path) -> None:
    path = keep(tmp_path, VALUES)
    os.truncate(path, 10**12)
    assert entries(tmp_path)[0].problem == "it is too large"


def test_a_link_or_a_file_is_no_outbox(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    (tmp_path / "file").touch()
    for name in ("link", "file"):
        with pytest.raises(Usage):
            keep(tmp_path / name, VALUES)
        with pytest.raises(Usage):
            entries(tmp_path / name)
    assert list((tmp_path / "real").iterdir()) == []


@pytest.mark.parametrize("change", [{"text": "x" * 300}, {"unknown": "field"}, {"start_time": ""}])
def test_what_could_not_be_read_again_is_not_kept(tmp_path: Path, change: dict[str, str]) -> None:
    with pytest.raises(ValueError):
        keep(tmp_path, VALUES | change)
    assert list(tmp_path.iterdir()) == []
