"""Inputs that break off after rows were sent: what is done is told, and nothing is sent twice."""

from __future__ import annotations

import gzip
import json
import random
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from fsctl.bulk import import_journal, importing
from fsctl.bulk.batches import Position
from fsctl.bulk.import_events import Event, Summary, ending
from fsctl.bulk.import_input import Input
from fsctl.bulk.import_input import input_of as input_of_source
from fsctl.bulk.importing import Options
from fsctl.bulk.rows import open_rows
from fsctl.bulk.source import open_source
from fsctl.errors import ExitCode, Partial, Refused, Usage
from fsctl.fullstory.batch_jobs import Kind
from fsctl.membrane.gateway import Request, Response
from fsctl.terminal.world import World
from tests.support.import_inputs import (
    Hours,
    Line,
    Lines,
    Watched,
    bulk_caller,
    input_of,
    read_lines,
    write_lines,
)

COUNT = 3000
BATCH = 400


@pytest.fixture
def sandbox() -> Iterator[Watched]:
    with closing(Watched(Hours())) as gateway:
        yield gateway


def events(count: int = COUNT) -> list[dict[str, Any]]:
    """They are long and do not pack well: what is cut off holds many of them."""
    chance = random.Random(7)
    return [
        {"user": {"uid": f"u{n}"}, "name": f"E{n}", "properties": {"x": chance.randbytes(60).hex()}}
        for n in range(count)
    ]


def run(gateway: Watched, state: Path, one: Input, **options: Any) -> list[Event]:
    caller = bulk_caller(gateway, gateway.hours, next(iter(gateway.connections())).id)
    asked = Options(**({"rows": BATCH, "concurrency": 2} | options))
    return list(importing.run(caller, state, one.reader.kind, [one], asked))


def imported(
    gateway: Watched, tmp_path: Path, path: Path, *, kind: Kind = "events", **options: Any
) -> Summary:
    """Import a file as commands do."""
    with closing(open_source(World.from_process(), str(path))) as source:
        one = input_of_source(
            open_rows(source, kind),
            source.origin,
            rejects=path.with_suffix(".rejects.out"),
            unknown=path.with_suffix(".unknown.out"),
            size=source.size,
            new_id=lambda: "",
        )
        last = run(gateway, tmp_path / "state", one, **options)[-1]
    assert isinstance(last, Summary)
    return last


def names(gateway: Watched) -> list[str]:
    with gateway.store.connection() as db:
        found = [row[0] for row in db.execute("SELECT name FROM events")]
    return sorted(found, key=lambda name: int(name[1:]))


def torn(name: str, rows: Sequence[Any]) -> tuple[bytes, str]:
    """A file that breaks off, and the words for that."""
    text = "".join(json.dumps(row) + "\n" for row in rows)
    if name == "cut off.jsonl.gz":
        return gzip.compress(text.encode())[:-90_000], "ends in the middle"
    if name == "damaged.jsonl.gz":
        packed = bytearray(gzip.compress(text.encode()))
        packed[-90_000:-80_000] = b"\xff" * 10_000
        return bytes(packed), "is damaged"
    return text.encode("utf-16") + b"\x00\xd8\x00", "is not utf-16"


@pytest.mark.parametrize("name", ["cut off.jsonl.gz", "damaged.jsonl.gz", "no utf-16.jsonl"])
def test_what_was_sent_is_done_and_the_line_is_told_from_which_on_nothing_is(
    sandbox: Watched, tmp_path: Path, name: str
) -> None:
    rows = events()
    data, words = torn(name, rows)
    path = tmp_path / name
    path.write_bytes(data)
    told = imported(sandbox, tmp_path, path)
    [(line, end)] = told.rest
    assert end is None
    assert told.torn is not None
    assert words in told.torn
    assert BATCH <= told.accepted == told.sent == told.read == line - 1 < COUNT
    assert names(sandbox) == [f"E{n}" for n in range(line - 1)]
    error = ending(told)
    assert isinstance(error, Partial)
    assert f"from line {line:,} on" in str(error.hint)
    assert "--restart" not in f"{error.message} {error.hint}"

    rest = write_lines(tmp_path / "rest.jsonl", rows[line - 1 :])
    assert ending(imported(sandbox, tmp_path, rest)) is None
    assert names(sandbox) == [f"E{n}" for n in range(COUNT)]


def test_an_input_of_which_nothing_was_sent_is_wrong_usage_and_nothing_is_kept(
    sandbox: Watched, tmp_path: Path
) -> None:
    path = tmp_path / "a.jsonl.gz"
    path.write_bytes(torn("cut off.jsonl.gz", events())[0])
    with pytest.raises(Usage, match="ends in the middle"):
        imported(sandbox, tmp_path, path, rows=COUNT)
    assert sandbox.posts == []
    assert not list((tmp_path / "state").rglob("*.jsonl"))
    path.write_bytes(gzip.compress("".join(json.dumps(row) + "\n" for row in events()).encode()))
    assert imported(sandbox, tmp_path, path).accepted == COUNT


def test_a_mended_file_of_the_same_name_is_not_sent_again(sandbox: Watched, tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl.gz"
    path.write_bytes(torn("cut off.jsonl.gz", events())[0])
    [(line, _)] = imported(sandbox, tmp_path, path).rest
    path.write_bytes(gzip.compress("".join(json.dumps(row) + "\n" for row in events()).encode()))
    with pytest.raises(Refused, match="not as it was") as caught:
        imported(sandbox, tmp_path, path)
    assert f"from line {line:,} on" in str(caught.value.hint)
    assert "a second time" in str(caught.value.hint)
    assert len(names(sandbox)) == line - 1


def test_of_a_file_that_changes_failures_come_as_fullstory_returns_them(
    sandbox: Watched, tmp_path: Path
) -> None:
    """Its rows cannot be read again, so they cannot be told by their lines."""
    rows = events()
    rows[3]["user"] = {"id": "12345"}  # good, and refused by Fullstory
    rows[5] = {"user": {}}
    path = write_lines(tmp_path / "a.jsonl", rows)
    changed = False

    def before(request: Request) -> Response | None:
        nonlocal changed
        if request.method == "POST" and not changed:
            changed = True
            path.write_text(path.read_text().replace("E2999", "XXXXX"))
        return None

    sandbox.before = before
    told = imported(sandbox, tmp_path, path, concurrency=1)
    assert told.torn is not None
    assert "changed while it was read" in told.torn
    assert (told.bad, told.rejected, told.untold) == (1, 1, 0)
    assert told.rejects is not None
    bad, refused = sorted(read_lines(told.rejects), key=lambda row: row["_line"] or 0, reverse=True)
    assert (bad["_line"], refused["_line"]) == (6, None)
    assert refused["name"] == "E3"
    assert len(names(sandbox)) == told.accepted == told.read - 2
    error = ending(told)
    assert error is not None
    assert error.exit_code is ExitCode.PARTIAL
    assert "holds them with the reasons" in error.message


def test_a_batch_that_has_to_be_cut_and_cannot_be_read_again_was_not_sent(
    sandbox: Watched, tmp_path: Path
) -> None:
    path = write_lines(tmp_path / "a.jsonl", events(1000))
    second = threading.Event()

    def before(request: Request) -> Response | None:
        if b'"E100"' in (request.body or b""):
            second.set()
        if b'"E0"' in (request.body or b""):
            assert second.wait(10)
            path.write_text(path.read_text().replace("E999", "XXXX"))
            return Response(413, (), b"{}")
        return None

    sandbox.before = before
    told = imported(sandbox, tmp_path, path, rows=100)
    assert told.rest[0] == (1, 101)
    assert told.accepted == len(names(sandbox)) < 1000
    assert names(sandbox)[0] == "E100"
    error = ending(told)
    assert error is not None
    assert "lines 1 to 100 and from line " in str(error.hint)


class Flaky(Lines):
    """Rows of a disk that cannot be read behind some line, until it can."""

    until = 10

    def blocks(self, at: Position | None) -> Iterator[Sequence[Line]]:
        for block in super().blocks(at):
            if block[-1].line > self.until:
                raise Usage("The disk cannot be read.", hint="Look at it.")
            yield block


def flaky(path: Path, until: int) -> Input:
    reader = Flaky(path)
    reader.until = until
    return input_of(path)._replace(reader=reader)


def people() -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = [{"display_name": f"Person {n:03}"} for n in range(30)]
    rows[1]["bad"] = rows[25]["bad"] = 1
    return rows


def test_the_same_command_goes_on_once_the_same_input_can_be_read(
    sandbox: Watched, tmp_path: Path
) -> None:
    path = write_lines(tmp_path / "p.jsonl", people())
    first = run(sandbox, tmp_path / "state", flaky(path, 12), rows=4)[-1]
    assert isinstance(first, Summary)
    assert first.rest == ((10, None),)
    rejects = tmp_path / "p.rejects.jsonl"
    assert [row["_line"] for row in read_lines(rejects)] == [2]

    last = run(sandbox, tmp_path / "state", flaky(path, 99), rows=4)[-1]
    assert isinstance(last, Summary)
    assert (last.read, last.accepted, last.bad, last.earlier) == (30, 28, 2, 9)
    assert last.torn is None
    assert [row["_line"] for row in read_lines(rejects)] == [2, 26]
    assert sandbox.count("users") == 28
    assert list(import_journal.unfinished(tmp_path / "state")) == []


def test_rejects_that_somebody_corrected_are_not_written_over(
    sandbox: Watched, tmp_path: Path
) -> None:
    path = write_lines(tmp_path / "p.jsonl", people())
    run(sandbox, tmp_path / "state", flaky(path, 12), rows=4)
    (tmp_path / "p.rejects.jsonl").write_text("mine")
    with pytest.raises(Usage, match="exists already"):
        run(sandbox, tmp_path / "state", flaky(path, 99), rows=4)
    assert (tmp_path / "p.rejects.jsonl").read_text() == "mine"
    assert sandbox.count("users") == 28


def test_other_inputs_are_imported_and_none_of_them_twice(sandbox: Watched, tmp_path: Path) -> None:
    torn_one = flaky(write_lines(tmp_path / "a.jsonl", people()), 12)
    whole = input_of(write_lines(tmp_path / "b.jsonl", people()[2:10]))
    caller = bulk_caller(sandbox, sandbox.hours, next(iter(sandbox.connections())).id)

    def summaries() -> list[Summary]:
        ran = importing.run(
            caller, tmp_path / "state", "users", [torn_one, whole], Options(rows=4, concurrency=1)
        )
        return [event for event in ran if isinstance(event, Summary)]

    first, second = summaries()
    assert (first.rest, first.accepted) == (((10, None),), 8)
    assert (second.torn, second.accepted) == (None, 8)
    posts = len(sandbox.posts)
    again, done = summaries()
    assert (again.accepted, done.accepted) == (8, 8)
    assert len(sandbox.posts) == posts


def test_what_is_torn_behind_another_input_is_told_though_nothing_of_it_was_sent(
    sandbox: Watched, tmp_path: Path
) -> None:
    whole = input_of(write_lines(tmp_path / "a.jsonl", people()[2:10]))
    torn_one = flaky(write_lines(tmp_path / "b.jsonl", people()[2:]), 2)
    caller = bulk_caller(sandbox, sandbox.hours, next(iter(sandbox.connections())).id)
    ran = importing.run(caller, tmp_path / "state", "users", [whole, torn_one], Options(rows=4))
    last = list(ran)[-1]
    assert isinstance(last, Summary)
    assert (last.source, last.read, last.rest) == ("b.jsonl", 0, ((1, None),))
    left = [
        one.identity.path for one in import_journal.unfinished(tmp_path / "state") if one.identity
    ]
    assert left == [str(tmp_path / "a.jsonl")]
