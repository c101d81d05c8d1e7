"""The journal of an erasure: private, of one process at a time, and honest about damage."""

from __future__ import annotations

import json
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from fsctl.bulk.journal import FAILED, PLANNED, Input, Journal, Record, kept, opened
from fsctl.errors import Refused

SOURCE = Input("/people/list.txt", 12, 1, "ab" * 32, "https://api.test tenant connection")
RECORDS = [
    Record(1, ("5001",), "requested"),
    Record(1, ("5001",), "accepted"),
    Record(3, ("7", "8"), PLANNED),
]


def file_of(state: Path, source: Input = SOURCE) -> Path:
    return state / "erasures" / f"{source.name}.jsonl"


def write(state: Path, *records: Record, source: Input = SOURCE) -> None:
    with opened(state, source) as journal:
        for record in records:
            journal.write(record, keep=record.state == "requested")


def earlier(state: Path, source: Input = SOURCE) -> list[Record]:
    with opened(state, source) as journal:
        return journal.earlier


def test_what_was_written_is_there_the_next_time(tmp_path: Path) -> None:
    write(tmp_path, *RECORDS[:2])
    write(tmp_path, RECORDS[2])
    assert earlier(tmp_path) == RECORDS


def test_it_is_private(tmp_path: Path) -> None:
    write(tmp_path / "state", *RECORDS)
    folder = tmp_path / "state" / "erasures"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}


def test_it_can_be_looked_at_and_stays_as_it_is(tmp_path: Path) -> None:
    assert kept(tmp_path / "state", SOURCE) == []
    assert not (tmp_path / "state").exists()
    write(tmp_path, *RECORDS)
    file = file_of(tmp_path)
    with file.open("ab") as stream:
        stream.write(b'{"line":7')  # another process is writing it
    before = file.read_bytes()
    with opened(tmp_path, SOURCE._replace(path="-")):
        assert kept(tmp_path, SOURCE) == RECORDS
    assert file.read_bytes() == before


@pytest.mark.parametrize("damage", ["text", "symlink"])
def test_what_is_damaged_cannot_be_looked_at(damage: str, tmp_path: Path) -> None:
    write(tmp_path, *RECORDS)
    file = file_of(tmp_path)
    if damage == "text":
        file.write_text("{}\n{}\n")
    else:
        file.rename(tmp_path / "target")
        file.symlink_to(tmp_path / "target")
    with pytest.raises(Refused) as raised:
        kept(tmp_path, SOURCE)
    assert raised.value.code == "journal"


def test_its_name_says_nothing_and_its_header_where_the_list_is(tmp_path: Path) -> None:
    write(tmp_path, *RECORDS)
    assert "list" not in file_of(tmp_path).name
    header = json.loads(file_of(tmp_path).read_text().splitlines()[0])
    assert header["path"] == SOURCE.path
    assert SOURCE.sha256 not in file_of(tmp_path).read_text()


@pytest.mark.parametrize(
    "other",
    [
        SOURCE._replace(path="/people/other.txt"),
        SOURCE._replace(size=13),
        SOURCE._replace(sha256="cd" * 32),
        SOURCE._replace(account="sandbox"),
        SOURCE._replace(choices=("email",)),
    ],
)
def test_another_input_has_a_journal_of_its_own(other: Input, tmp_path: Path) -> None:
    write(tmp_path, *RECORDS)
    assert earlier(tmp_path, other) == []


def test_a_file_that_was_only_touched_is_the_same_input(tmp_path: Path) -> None:
    write(tmp_path, *RECORDS)
    assert earlier(tmp_path, SOURCE._replace(modified=2)) == RECORDS


def test_it_goes_when_all_is_done(tmp_path: Path) -> None:
    with opened(tmp_path, SOURCE) as journal:
        journal.write(RECORDS[0], keep=True)
        journal.remove()
    assert not file_of(tmp_path).exists()
    assert earlier(tmp_path) == []


@pytest.mark.parametrize("cut", range(1, 40))
def test_a_line_that_was_cut_off_was_never_kept_and_is_taken_away(cut: int, tmp_path: Path) -> None:
    write(tmp_path, *RECORDS)
    file = file_of(tmp_path)
    whole = file.read_bytes()
    last = whole.splitlines(keepends=True)[-1]
    file.write_bytes(whole[: len(whole) - min(cut, len(last))])
    write(tmp_path, Record(9, ("9",), FAILED))
    assert earlier(tmp_path) == [*RECORDS[:2], Record(9, ("9",), FAILED)]


def test_a_header_that_was_cut_off_is_written_anew(tmp_path: Path) -> None:
    write(tmp_path)
    file = file_of(tmp_path)
    file.write_bytes(file.read_bytes()[:20])
    write(tmp_path, *RECORDS)
    assert earlier(tmp_path) == RECORDS


@pytest.mark.parametrize(
    "line",
    [
        "no json",
        "[]",
        "{}",
        "7",
        '{"line":"1","ids":["5"],"state":"requested"}',
        '{"line":1,"ids":[5],"state":"requested"}',
        '{"line":1,"ids":"5","state":"requested"}',
        '{"line":1,"ids":["5"],"state":null}',
        '{"line":1,"ids":["5"]}',
        '{"line":1,"ids":["5"],"state":"x","more":1}',
        "\udcff",
    ],
)
def test_damage_is_reported_and_nothing_is_restarted(line: str, tmp_path: Path) -> None:
    write(tmp_path, *RECORDS)
    file = file_of(tmp_path)
    lines = file.read_bytes().splitlines()
    lines[2] = line.encode("utf-8", "surrogateescape")
    damaged = b"\n".join(lines) + b"\n"
    file.write_bytes(damaged)
    with pytest.raises(Refused) as raised, opened(tmp_path, SOURCE):
        raise AssertionError("it opened")
    assert (raised.value.code, str(file) in raised.value.message) == ("journal", True)
    assert file.read_bytes() == damaged


def test_a_journal_of_a_later_fsctl_is_left_alone(tmp_path: Path) -> None:
    write(tmp_path)
    file = file_of(tmp_path)
    file.write_text(file.read_text().replace('"version": 1', '"version": 2'))
    with pytest.raises(Refused), opened(tmp_path, SOURCE):
        pass


def test_no_symlink_leads_to_a_journal(tmp_path: Path) -> None:
    write(tmp_path)
    target = tmp_path / "target"
    file_of(tmp_path).rename(target)
    file_of(tmp_path).symlink_to(target)
    with pytest.raises(Refused), opened(tmp_path, SOURCE):
        pass


def test_where_it_cannot_be_kept_nothing_begins(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("in the way")
    with pytest.raises(Refused, match="cannot be written"), opened(tmp_path / "state", SOURCE):
        pass


def test_a_record_that_cannot_be_written_is_a_refusal(tmp_path: Path) -> None:
    file = tmp_path / "read-only"
    file.touch()
    with file.open("rb") as stream, pytest.raises(Refused, match="cannot be written"):
        Journal(file, stream.fileno(), []).write(RECORDS[0], keep=True)


_HOLDER = """
import sys
from pathlib import Path
from fsctl.bulk.journal import Input, opened
with opened(Path(sys.argv[1]), Input(*eval(sys.argv[2]))):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_two_processes_do_not_erase_from_one_list(tmp_path: Path) -> None:
    command = [sys.executable, "-c", _HOLDER, str(tmp_path), repr(tuple(SOURCE))]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, text=True, stdin=pipe, stdout=pipe) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(Refused) as raised, opened(tmp_path, SOURCE):
            pass
        assert raised.value.code == "locked"
        assert earlier(tmp_path, SOURCE._replace(path="-")) == []
        holder.kill()
    assert earlier(tmp_path) == []
