"""Rejects: the rows as they stood, with three columns more, that import as they are."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fsctl.bulk.import_rejects import (
    COLUMNS,
    Form,
    JsonForm,
    Reason,
    TableForm,
    check_outputs,
    default_path,
    new_part,
    publish,
)
from fsctl.errors import Usage

WHY = Reason("invalid", "It is wrong", 7)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


def published(tmp_path: Path, form: Form, *parts: list[bytes]) -> bytes:
    paths = []
    for number, rows in enumerate(parts):
        path = tmp_path / f"{number}.part"
        with new_part(path) as stream:
            for row in rows:
                stream.write(row + b"\n")
        paths.append(path)
    assert publish(paths, tmp_path / "out", form, force=True)
    return (tmp_path / "out").read_bytes()


def test_json_lines_keep_the_row_and_tell_the_reason(tmp_path: Path) -> None:
    form = JsonForm()
    data = published(tmp_path, form, [form.row('{"uid":"é"}'.encode(), WHY)], [])
    assert data.decode() == (
        '{"uid":"é","_error_code":"invalid","_error_message":"It is wrong.","_line":7}\n'
    )


def test_an_earlier_reason_is_replaced() -> None:
    row = b'{"uid":"a","_error_code":"old","_error_message":"Old","_line":1}'
    found = json.loads(JsonForm().row(row, WHY))
    assert found == {
        "uid": "a", "_error_code": "invalid", "_error_message": "It is wrong.", "_line": 7,
    }  # fmt: skip


@pytest.mark.parametrize("raw", [b"{not json", b"[1]", b"\xff\xfe", b"7", b"[" * 100_000])
def test_what_is_no_object_is_kept_as_text(raw: bytes) -> None:
    found = json.loads(JsonForm().row(raw, WHY))
    assert found["_row"] == raw.decode("utf-8", "backslashreplace")
    assert found["_line"] == 7


def test_a_json_array_stays_one(tmp_path: Path) -> None:
    form = JsonForm(array=True)
    rows = [[form.row(b'{\n "uid": "a"\n}', WHY)], [], [form.row(b'{"uid":"b"}', WHY)]]
    assert [row["uid"] for row in json.loads(published(tmp_path, form, *rows))] == ["a", "b"]


@given(st.lists(TEXT, min_size=2, max_size=4), TEXT)
def test_cells_of_a_table_come_back_as_they_were(cells: list[str], message: str) -> None:
    columns = [f"c{number}" for number in range(len(cells))]
    raw = io.StringIO()
    csv.writer(raw, delimiter=";", lineterminator="").writerow(cells)
    form = TableForm(columns, ";", cells=lambda _raw: list(cells))
    line = form.row(raw.getvalue().encode(), Reason("c", message, None)).decode()
    (header,) = csv.reader([form.head.decode().rstrip("\n")], delimiter=";")
    (row,) = csv.reader(io.StringIO(line, newline=""), delimiter=";", strict=True)
    assert header == [*columns, *COLUMNS]
    assert row[: len(cells)] == cells
    assert (row[-3], row[-1]) == ("c", "")


def test_a_table_keeps_short_long_and_once_rejected_rows() -> None:
    form = TableForm(["uid", "_line", "a"], ",")
    assert form.head == b"uid,a,_error_code,_error_message,_line\n"
    assert form.row(b"x,3,1", WHY) == b"x,1,invalid,It is wrong.,7"
    assert form.row(b"x", WHY) == b"x,,invalid,It is wrong.,7"
    assert form.row(b"x,3,1,more", WHY) == b"x,1,invalid,It is wrong.,7,more"


def test_a_message_that_a_spreadsheet_would_run_is_guarded() -> None:
    line = TableForm(["uid"], ",").row(b"x", Reason("c", "=cmd()", 1))
    assert line == b"x,c,'=cmd().,1"


def test_a_returned_request_finds_its_columns_and_has_no_line() -> None:
    form = TableForm(["uid", "name", "plan", "n:int", "user.uid"], "\t", escaped=True)
    request = {
        "uid": "u", "display_name": "A\tB", "properties": {"plan": "=x", "n": 3},
        "user": {"uid": "v"},
    }  # fmt: skip
    line = form.returned(request, WHY._replace(line=None))
    assert line.decode().split("\t") == [
        "u", "A\\tB", "'=x", "3", "v", "invalid", "It is wrong.", "",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("source", "rejects"),
    [
        ("a/people.csv", "a/people.rejects.csv"),
        ("p.jsonl.gz", "p.rejects.jsonl"),
        ("p", "p.rejects"),
    ],
)
def test_rejects_stand_beside_their_input(source: str, rejects: str) -> None:
    assert default_path(Path(source), "rejects") == Path(rejects)


def test_no_rows_make_no_file(tmp_path: Path) -> None:
    (tmp_path / "p").touch()
    assert not publish([tmp_path / "p"], tmp_path / "out", JsonForm(), force=False)
    assert not (tmp_path / "out").exists()


def test_what_was_written_before_a_death_is_taken_as_it_is_and_nothing_else(tmp_path: Path) -> None:
    form, part, out = JsonForm(), tmp_path / "p", tmp_path / "out"
    part.write_bytes(b'{"a":1}\n')
    assert publish([part], out, form, force=False)
    assert publish([part], out, form, force=False)
    part.write_bytes(b'{"a":1}\n{"a":2}\n')
    with pytest.raises(Usage, match="exists already"):
        publish([part], out, form, force=False)
    assert publish([part], out, form, force=True)


def test_outputs_need_names_of_their_own(tmp_path: Path) -> None:
    with pytest.raises(Usage, match="same name"):
        check_outputs([tmp_path / "a", tmp_path / "a"], force=True)
