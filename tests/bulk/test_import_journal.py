"""The journal of an import: whole or not there, one process's, and about this very input."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fsctl.bulk.batches import Position
from fsctl.bulk.import_journal import FOLDER, Journal, is_begun, opened, unfinished
from fsctl.bulk.import_record import Identity, Kept
from fsctl.errors import Refused

ITSELF = Identity("users", "/data/people.csv", "account", 1000, 77, "ends", {"--map": "a=b"})
BEGUN = "2026-01-01T00:00:00+00:00"


def kept(offset: int, end: int | None = None, **more: Any) -> Kept:
    last = None if end is None else Position(end, end + 1)
    first = Kept(Position(offset, offset + 1), last, 3, 1, "ab", f"key{offset}", 5.0)
    return first._replace(**more)


@contextmanager
def journal(
    state: Path, identity: Identity = ITSELF, *, restart: bool = False
) -> Iterator[Journal]:
    with opened(state, identity, restart=restart, begun=BEGUN) as found:
        yield found


def file_of(state: Path) -> Path:
    return state / FOLDER / ITSELF.name / "journal.jsonl"


def test_what_was_written_is_there_for_the_next_run(tmp_path: Path) -> None:
    with journal(tmp_path) as first:
        assert first.is_new
        first.write(kept(10, 20))
        first.write(kept(0, 10))
        first.write(kept(0, 10, job="j1", state="done", imports=3))
    with journal(tmp_path) as second:
        assert not second.is_new
        assert second.stretches() == [kept(0, 10, job="j1", state="done", imports=3), kept(10, 20)]


def test_a_journal_in_which_nothing_was_written_leaves_nothing(tmp_path: Path) -> None:
    with journal(tmp_path):
        assert file_of(tmp_path).exists()
    assert list((tmp_path / FOLDER).iterdir()) == []
    assert not is_begun(tmp_path, ITSELF)


def test_a_removed_journal_leaves_nothing(tmp_path: Path) -> None:
    with journal(tmp_path) as found:
        found.write(kept(0))
        found.part(0, "rejects").write_text("x")
        assert is_begun(tmp_path, ITSELF)
        found.remove()
    assert list((tmp_path / FOLDER).iterdir()) == []


@settings(deadline=None)  # it waits for the disk
@given(st.integers(0, 2_000), st.integers(1, 6))
def test_wherever_the_file_was_cut_the_next_run_has_whole_lines(cut: int, count: int) -> None:
    with TemporaryDirectory() as name:
        state = Path(name)
        with journal(state) as found:
            for number in range(count):
                found.write(kept(number))
        path = file_of(state)
        data = path.read_bytes()[:cut]
        path.write_bytes(data)
        whole = max(0, data.count(b"\n") - 1)
        with journal(state) as again:
            assert again.stretches() == [kept(number) for number in range(whole)]
            again.write(kept(99))
        with journal(state) as third:
            assert len(third.stretches()) == whole + 1


def test_a_split_replaces_a_stretch_by_its_pieces_in_one_line(tmp_path: Path) -> None:
    with journal(tmp_path) as found:
        found.write(kept(0, 30))
        found.write(kept(30, None))
        lines = file_of(tmp_path).read_bytes().count(b"\n")
        found.split(kept(0, 30), [kept(0, 10), kept(10, 30)])
        assert file_of(tmp_path).read_bytes().count(b"\n") == lines + 1
    with journal(tmp_path) as again:
        assert [one.start.offset for one in again.stretches()] == [0, 10, 30]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"size": 1001}, r"its size \(1,000, now 1,001 bytes\)"),
        ({"ends": "other"}, "its contents"),
        ({"modified": 78}, "its time of modification"),
        ({"choices": {}}, r"--map \(a=b, now not given\)"),
        ({"choices": {"--map": "a=b", "--type": "x:int"}}, r"--type \(not given, now x:int\)"),
        ({"ends": "other", "choices": {}}, r"its contents, --map"),
    ],
)
def test_another_input_or_other_options_are_refused_by_name(
    tmp_path: Path, change: dict[str, Any], words: str
) -> None:
    with journal(tmp_path) as found:
        found.write(kept(0))
    before = file_of(tmp_path).read_bytes()
    with (
        pytest.raises(Refused, match=words) as caught,
        journal(tmp_path, ITSELF._replace(**change)),
    ):
        pass
    assert caught.value.code == "changed"
    assert file_of(tmp_path).read_bytes() == before


def test_an_input_of_which_nothing_was_sent_may_change(tmp_path: Path) -> None:
    with journal(tmp_path):
        header = file_of(tmp_path).read_bytes()
    file_of(tmp_path).parent.mkdir(mode=0o700)
    file_of(tmp_path).write_bytes(header)
    file_of(tmp_path).chmod(0o600)
    with journal(tmp_path, ITSELF._replace(size=5)) as found:
        found.write(kept(0))
    with journal(tmp_path, ITSELF._replace(size=5)) as again:
        assert again.stretches() == [kept(0)]


def test_another_path_kind_or_account_has_a_journal_of_its_own() -> None:
    others: list[dict[str, Any]] = [{"path": "/x"}, {"kind": "events"}, {"account": "b"}]
    names = {ITSELF._replace(**other).name for other in others} | {ITSELF.name}
    assert len(names) == 4
    assert ITSELF._replace(size=1, modified=2, ends="x", choices={}).name == ITSELF.name


def test_restart_forgets_all_of_it(tmp_path: Path) -> None:
    with journal(tmp_path) as found:
        found.write(kept(0, state="done"))
        found.part(0, "rejects").write_text("x")
    with journal(tmp_path, ITSELF._replace(size=5), restart=True) as anew:
        assert anew.is_new
        assert anew.parts("rejects") == []
        anew.write(kept(0, state="done"))
        assert anew.parts("rejects") == []


def test_a_damaged_journal_is_refused_and_restart_helps(tmp_path: Path) -> None:
    with journal(tmp_path) as found:
        found.write(kept(0))
    path = file_of(tmp_path)
    path.write_bytes(path.read_bytes().replace(b'"start"', b'"stard"'))
    with pytest.raises(Refused, match="cannot be read") as caught, journal(tmp_path):
        pass
    assert "--restart" in str(caught.value.hint)
    (listed,) = unfinished(tmp_path)
    assert listed.identity is None
    with journal(tmp_path, restart=True) as anew:
        assert anew.is_new


def test_a_journal_is_one_process_s(tmp_path: Path) -> None:
    with (
        journal(tmp_path) as found,
        pytest.raises(Refused, match="Another fsctl"),
        journal(tmp_path),
    ):
        pass
    with journal(tmp_path) as found:
        found.write(kept(0))
        (listed,) = unfinished(tmp_path)
        assert listed.running
    (listed,) = unfinished(tmp_path)
    assert not listed.running


def test_a_thread_that_was_left_behind_writes_no_more(tmp_path: Path) -> None:
    with journal(tmp_path) as found:
        found.write(kept(0))
    with pytest.raises(Refused, match="closed"):
        found.write(kept(1))


@pytest.mark.skipif(os.name == "nt", reason="symbolic links")
def test_a_planted_symlink_is_not_followed(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_text("mine")
    path = file_of(tmp_path)
    path.parent.mkdir(parents=True, mode=0o700)
    path.symlink_to(target)
    with pytest.raises(Refused), journal(tmp_path):
        pass
    assert target.read_text() == "mine"


def test_unfinished_imports_are_listed_by_kind_oldest_first(tmp_path: Path) -> None:
    late = ITSELF._replace(path="/late")
    events = ITSELF._replace(kind="events")
    for identity, begun in ((late, "2"), (ITSELF, "1"), (events, "3")):
        with opened(tmp_path, identity, restart=False, begun=begun) as found:
            found.write(kept(0))
    assert [one.identity for one in unfinished(tmp_path, "users")] == [ITSELF, late]
    assert [one.identity for one in unfinished(tmp_path)] == [ITSELF, late, events]
    assert all(one.is_read and one.stretches == (kept(0),) for one in unfinished(tmp_path))


def test_a_header_tells_the_input_and_nothing_of_its_rows(tmp_path: Path) -> None:
    with journal(tmp_path) as found:
        found.write(kept(0))
        header, line = file_of(tmp_path).read_text().splitlines()
    assert set(json.loads(header)) == {"journal", "version", "begun", *Identity._fields}
    assert set(json.loads(line)[0]) == set(Kept._fields)
