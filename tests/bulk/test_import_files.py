"""Files of every format from end to end: people, rejects in that format, and those corrected."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from fsctl.bulk import importing
from fsctl.bulk.import_events import Summary
from fsctl.bulk.import_input import input_of
from fsctl.bulk.import_rejects import default_path
from fsctl.bulk.importing import Options
from fsctl.bulk.rows import open_rows
from fsctl.bulk.source import open_source
from fsctl.terminal.world import World
from tests.support.import_inputs import Hours, Killed, Watched, bulk_caller

LONG = "x" * 300  # a uid that is too long

FILES = {
    "p.jsonl": '{"uid":"a","display_name":"Ann"}\n{"uid":"LONG","display_name":"Bo"}\n'
    '{"uid":"c","display_name":"Cy"}',
    "p.json": '[{"uid":"a","display_name":"Ann"},\n {"uid":"LONG","display_name":"Bo"},'
    '{"uid":"c",\n"display_name":"Cy"}]',
    "p.csv": "uid,name,plan\na,Ann,=1+1\nLONG,Bo,x\nc,Cy,\n",
    "p.tsv": "uid\tname\na\tAnn\nLONG\tBo\nc\tCy\n",
    "s.csv": "﻿uid;name\r\na;Ann\r\nLONG;Bo\r\nc;Cy\r\n",
}


@pytest.fixture
def sandbox() -> Iterator[Watched]:
    with closing(Watched(Hours())) as gateway:
        yield gateway


def imported(gateway: Watched, state: Path, path: Path, rows: int = 2) -> Summary:
    caller = bulk_caller(gateway, gateway.hours, next(iter(gateway.connections())).id)
    with closing(open_source(World.from_process(), str(path))) as source:
        one = input_of(
            open_rows(source, "users"),
            source.origin,
            rejects=default_path(path, "rejects"),
            unknown=default_path(path, "unknown"),
            size=source.size,
            new_id=caller.new_id,
        )
        last = list(
            importing.run(caller, state, "users", [one], Options(concurrency=1, rows=rows))
        )[-1]
    assert isinstance(last, Summary)
    return last


def people(gateway: Watched) -> list[tuple[str, str]]:
    with gateway.store.connection() as db:
        rows = db.execute("SELECT uid, display_name FROM users ORDER BY uid")
        return [(row[0], row[1]) for row in rows]


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("name", FILES)
def test_a_corrected_rejects_file_imports_as_it_is(
    sandbox: Watched, tmp_path: Path, name: str, packed: bool
) -> None:
    text = FILES[name].replace("LONG", LONG).encode()
    path = tmp_path / (f"{name}.gz" if packed else name)
    path.write_bytes(gzip.compress(text) if packed else text)
    told = imported(sandbox, tmp_path / "state", path)
    assert (told.read, told.accepted, told.bad + told.rejected) == (3, 2, 1)
    assert people(sandbox) == [("a", "Ann"), ("c", "Cy")]
    rejects = tmp_path / name.replace(".", ".rejects.")
    assert told.rejects == rejects
    corrected = tmp_path / f"again.{name}"
    corrected.write_text(rejects.read_text().replace(LONG, "b"))
    again = imported(sandbox, tmp_path / "state", corrected)
    assert (again.read, again.accepted) == (1, 1)
    assert people(sandbox) == [("a", "Ann"), ("b", "Bo"), ("c", "Cy")]


@pytest.mark.parametrize("name", FILES)
def test_rows_that_fullstory_rejects_come_back_with_their_lines(
    sandbox: Watched, tmp_path: Path, name: str
) -> None:
    """What passes the check here, and is refused there: the row is found and told."""
    path = tmp_path / name
    path.write_text(FILES[name].replace("LONG", "b"))

    def forget(request: object) -> None:
        with sandbox.store.transaction() as db:
            db.execute(
                "UPDATE job_rows SET failed = 1, body = json_object('code', 'odd', 'message', "
                "'It is odd', 'user', json_object('uid', 'b', 'display_name', 'Bo')) "
                "WHERE body LIKE '%\"b\"%' AND failed = 0"
            )
            db.execute(
                "UPDATE jobs SET errors = 1, imports = imports - 1 WHERE errors = 0 AND seq "
                "IN (SELECT job_seq FROM job_rows WHERE failed = 1)"
            )

    sandbox.after = forget
    told = imported(sandbox, tmp_path / "state", path)
    assert (told.accepted, told.rejected) == (2, 1)
    text = (tmp_path / name.replace(".", ".rejects.")).read_text()
    assert "It is odd." in text
    assert "Bo" in text
    assert "Ann" not in text


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("name", FILES)
def test_a_run_that_dies_within_a_file_is_gone_on_with_whatever_its_format(
    sandbox: Watched, tmp_path: Path, name: str, packed: bool
) -> None:
    text = FILES[name].replace("LONG", LONG).encode()
    path = tmp_path / (f"{name}.gz" if packed else name)
    path.write_bytes(gzip.compress(text) if packed else text)
    sandbox.dies(1, answered=True)  # the first batch took effect, and nobody knows
    with pytest.raises(Killed):
        imported(sandbox, tmp_path / "state", path, rows=1)
    sandbox.lives()
    told = imported(sandbox, tmp_path / "state", path, rows=1)
    assert (told.read, told.accepted, told.bad + told.rejected, told.unknown) == (3, 2, 1, 0)
    assert people(sandbox) == [("a", "Ann"), ("c", "Cy")]
    bodies = [post.body for post in sandbox.posts]
    assert bodies.count(bodies[0]) == 2
    assert (tmp_path / name.replace(".", ".rejects.")).exists()
