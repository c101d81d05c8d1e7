"""Rows of every format: none is lost, each can be read again from where it begins."""

from __future__ import annotations

import csv
import io
import json
import tempfile
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fsctl.bulk import rows_common, rows_json, rows_jsonl, source_bytes
from fsctl.bulk.batches import Position
from fsctl.bulk.import_rejects import JsonForm, Reason
from fsctl.bulk.mapping import Choices
from fsctl.bulk.rows import Rows, open_rows, read_blocks, read_rows
from fsctl.bulk.rows_common import LONGEST_LINE, GoodRows
from fsctl.bulk.source import open_source
from fsctl.errors import Usage
from fsctl.terminal.delimited import csv_cell, guard, tsv_cell
from fsctl.terminal.world import World
from tests.support.inputs import (
    all_rows,
    codes,
    piped,
    read,
    read_from,
    records,
    rows_of,
    source_of,
    told,
)

BAD = Reason("bad", "It is bad", 7)


@pytest.fixture(params=[7, 64, source_bytes.CHUNK])
def chunk(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """Inputs are read by so many bytes at a time."""
    size: int = request.param
    monkeypatch.setattr(rows_jsonl, "CHUNK", size)
    monkeypatch.setattr("fsctl.bulk.rows_json.CHUNK", size)
    return size


# -- JSON lines


def test_json_lines_are_sent_as_they_stand(tmp_path: Path, chunk: int) -> None:
    lines = [b'{"uid":"a"}', b' { "uid" : "b", "properties": {"x": 1.50} }\t', b'{"email":"c@d.e"}']
    rows = read(tmp_path, b"\n".join(lines))
    assert [row.body for row in rows] == lines
    assert [row.raw for row in rows] == lines
    assert [(row.line, row.start) for row in rows] == [(1, 0), (2, 12), (3, 57)]


def test_a_byte_order_mark_and_windows_line_ends_do_no_harm(tmp_path: Path, chunk: int) -> None:
    rows = read(tmp_path, b'\xef\xbb\xbf{"uid":"a"}\r\n\r\n{"uid":"b"}\r\n')
    assert records(rows) == [{"uid": "a"}, {"uid": "b"}]
    assert [row.line for row in rows] == [1, 3]


def test_a_bad_line_harms_no_other(tmp_path: Path, chunk: int) -> None:
    text = b'{"uid":"\xc3\xab\xc3\xab"}\n{"uid":\n[1]\n"x"\n{"uid":"\xff"}\n'
    text += b'{"uid":"z"}}\n{"uid":"\0"}\n{"uid":"b"}'
    rows = read(tmp_path, text)
    assert records(rows) == [{"uid": "ëë"}, {"uid": "b"}]
    assert codes(rows) == [
        (2, "invalid_json"),
        (3, "not_an_object"),
        (4, "not_an_object"),
        (5, "invalid_encoding"),
        (6, "invalid_json"),
        (7, "invalid_json"),
    ]
    assert b"\n".join(row.raw for row in rows) == text


def test_two_records_on_a_line_are_no_row(tmp_path: Path) -> None:
    rows = read(tmp_path, b'{"uid":"a"} {"uid":"b"}\n{"uid":\n"c"}\n')
    assert [code for _, code in codes(rows)] == ["invalid_json"] * 3


def test_what_came_back_as_a_reject_is_read_without_its_reason(tmp_path: Path) -> None:
    noted = {"uid": "a", "_error_code": "x", "_error_message": "y", "_line": 3}
    rows = read(tmp_path, json.dumps(noted))
    assert [row.body for row in rows] == [b'{"uid":"a"}']


def test_what_fullstory_tells_of_people_is_not_sent_back(tmp_path: Path) -> None:
    person = {
        "id": "5",
        "uid": "a",
        "is_being_deleted": False,
        "app_url": "https://x",
        "schema": {},
    }
    rows = read(tmp_path, json.dumps(person))
    assert records(rows) == [{"id": "5", "uid": "a", "schema": {}}]


def test_declared_types_join_the_rows_own_schema(tmp_path: Path) -> None:
    text = (
        '{"uid":"a","properties":{"n":5,"m":{"d":"2024-01-01"}},"schema":{"properties":{"z":"str"}}}\n'
        '{"uid":"b","properties":{"other":1}}\n'
        '{"uid":"c","properties":{"n":"five"}}\n'
    )
    choices = Choices.parse(typed=["n=int", "properties.m.d=date"])
    rows = read(tmp_path, text, choices=choices)
    first, second = records(rows)
    assert first["schema"] == {"properties": {"z": "str", "n": "int", "m.d": "date"}}
    assert second == {"uid": "b", "properties": {"other": 1}}
    assert told(rows) == [(3, "properties.n is a text, and declared int")]


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        (Choices.parse(mapped=["a=b"]), "--map is for"),
        (Choices.parse(ignored=["a"]), "--ignore is for"),
        (Choices.parse(typed=["a=json"]), "--type a=json is for"),
    ],
)
def test_choices_about_columns_are_refused_for_json(
    tmp_path: Path, choices: Choices, message: str
) -> None:
    with pytest.raises(Usage, match=message):
        rows_of(tmp_path, b"{}", choices=choices)


@pytest.mark.parametrize("end", [b"\n" + b'{"uid":"b"}\n', b""])
def test_a_line_of_100_mb_is_a_bad_row_that_is_not_held(tmp_path: Path, end: bytes) -> None:
    path = tmp_path / "long.jsonl"
    with path.open("wb") as stream:
        stream.write(b'{"uid":"a"}\n{"uid":"')
        stream.truncate(100_000_000)
        stream.seek(0, 2)
        stream.write(end)
    with open_source(World(), str(path)) as source:
        tracemalloc.start()
        rows = list(read_rows(source, "users"))
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        again = list(read_rows(source, "users", at=Position(rows[1].start, rows[1].line)))
    assert peak < 3 * LONGEST_LINE
    assert records(rows) == ([{"uid": "a"}, {"uid": "b"}] if end else [{"uid": "a"}])
    assert codes(rows) == [(2, "line_too_long")]
    assert "99,999,988 bytes" in told(rows)[0][1]
    assert again == rows[1:]
    reject = JsonForm().row(rows[1].raw, BAD)
    assert len(reject) < 10_000
    assert json.loads(reject)["_row"].startswith('{"uid":"\0')


def test_how_a_line_that_is_too_long_begins_is_never_sent_again_as_a_row(tmp_path: Path) -> None:
    text = b'{"uid":"a"}' + b" " * LONGEST_LINE
    rows = read(tmp_path, text + b"\n")
    again = read(tmp_path, JsonForm().row(rows[0].raw, BAD))
    assert [code for _, code in codes(again)] == ["unknown_field"]


def test_a_row_of_nearly_16_mib_is_only_a_bad_row(tmp_path: Path) -> None:
    long = b'{"uid":"' + b"x" * (LONGEST_LINE - 11) + b'"}'
    rows = read(tmp_path, long + b"\n" + b'{"uid":"b"}\n')
    assert codes(rows) == [(1, "invalid_uid")]
    assert records(rows) == [{"uid": "b"}]


def test_an_object_within_objects_without_end_is_a_bad_row(tmp_path: Path) -> None:
    deep = '{"uid":"a","properties":' + '{"a":' * 5000 + "1" + "}" * 5001
    lists = '{"uid":"a","properties":{"a":' + "[" * 100_000
    wide = '{"uid":"a","properties":' + '{"a":' * 300 + "1" + "}" * 301
    rows = read(tmp_path, "\n".join([deep, lists, wide, '{"uid":"b"}']))
    assert [line for line, _ in codes(rows)] == [1, 2, 3]
    assert records(rows) == [{"uid": "b"}]


def test_good_rows_are_a_sequence_of_rows() -> None:
    lines = GoodRows([b"A", b"BCD", b"-"], [b"a", b"bcd", b""], 10, 5)
    rows = list(lines)
    assert rows == [lines[0], lines[1], lines[-1]] == [*lines[0:2], lines[2]]
    assert [(row.line, row.start, row.end) for row in rows] == [
        (5, 10, 12),
        (6, 12, 16),
        (7, 16, 17),
    ]
    assert [(row.body, row.raw) for row in rows] == [(b"A", b"a"), (b"BCD", b"bcd"), (b"-", b"")]
    assert len(lines) == 3
    with pytest.raises(IndexError):
        lines[3]


# -- a JSON array


def test_an_array_is_read_element_by_element(tmp_path: Path, chunk: int) -> None:
    people = [{"uid": 'a}]"\\', "properties": {"x": ["[", "]"], "y": {"z": 1}}}, {"uid": "b"}]
    for indent in (None, 2):
        rows = read(tmp_path, json.dumps(people, indent=indent), "people.json")
        assert records(rows) == people
        assert all(b"\n" not in row.body for row in rows)


def test_a_line_end_within_a_text_of_json_is_told_and_not_mended(tmp_path: Path) -> None:
    rows = read(tmp_path, '[{"uid":"a"},\n{"uid":"b\nc"},\n{"uid":"d"}]', "people.json")
    assert codes(rows) == [(2, "invalid_json")]
    assert records(rows) == [{"uid": "a"}, {"uid": "d"}]


def test_elements_are_told_by_the_line_on_which_they_begin(tmp_path: Path, chunk: int) -> None:
    text = '\n[\n {"uid": "a"},\n\n {"uid":\n  "b", "x": 1}, {"uid": ""},\n 5\n,"z",null, [1]]'
    rows = read(tmp_path, text, "people.json")
    assert [row.line for row in rows] == [3, 5, 6, 7, 8, 8, 8]
    assert records(rows) == [{"uid": "a"}]
    assert [code for _, code in codes(rows)[2:]] == ["not_an_object"] * 4
    assert rows[1].raw == b'{"uid":\n  "b", "x": 1}'


def test_records_one_after_the_other_are_read_too(tmp_path: Path, chunk: int) -> None:
    rows = read(tmp_path, '{\n"uid": "a"\n}\n{\n"uid": "b"\n}\n', "people.json")
    assert records(rows) == [{"uid": "a"}, {"uid": "b"}]


@pytest.mark.parametrize("text", ["", " \n", "[]", "[\n]\n"])
def test_an_array_of_nothing_has_no_rows(tmp_path: Path, text: str, chunk: int) -> None:
    assert read(tmp_path, text, "people.json") == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[{"uid":"a"},\n', "The array has no end"),
        ('[{"uid":"a"}', "The array has no end"),
        ('[{"uid":"a"},\n{"uid":"b', "The text ends before this value does"),
        ('[{"uid":"a"},\n{"uid":"}]', "The text ends before this value does"),
    ],
)
def test_an_array_that_is_cut_off_is_told_by_a_row(
    tmp_path: Path, text: str, message: str, chunk: int
) -> None:
    rows = read(tmp_path, text, "people.json")
    assert records(rows) == [{"uid": "a"}]
    assert message in told(rows)[0][1]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[{"uid":"a"}]\n{"uid":"b"}', "goes on behind the end"),
        ('[{"uid":"a"}\n,,{"uid":"b"}]', "Line 2 .* ','"),
        ('[{"uid":"a"}\n}]', "Line 2 .* '}'"),
    ],
)
def test_an_array_that_is_none_is_refused(
    tmp_path: Path, text: str, message: str, chunk: int
) -> None:
    with pytest.raises(Usage, match=message):
        read(tmp_path, text, "people.json")


def test_a_value_without_end_is_told_without_being_held(tmp_path: Path) -> None:
    path = tmp_path / "long.json"
    with path.open("wb") as stream:
        stream.write(b'[{"uid":"a"},\n{"uid":"')
        stream.truncate(100_000_000)
    with open_source(World(), str(path)) as source:
        rows = list(read_rows(source, "users"))
    assert records(rows) == [{"uid": "a"}]
    assert codes(rows) == [(2, "line_too_long"), (2, "invalid_json")]


def test_a_value_too_long_to_be_held_is_a_bad_row_and_harms_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows_json, "LONGEST_LINE", 200)
    monkeypatch.setattr(rows_json, "CHUNK", 7)
    monkeypatch.setattr(rows_common, "_HEAD", 9)
    long = '{"uid":"}\\"]","properties":{"a":[\n"' + "{\\\\" * 150 + '"\n]}}'
    text = '[{"uid":"a"},\n' + long + ',{"uid":"b"},\n "' + "x" * 300 + '",\n{"uid":"c"}]'
    rows = read(tmp_path, text, "people.json")
    assert records(rows) == [{"uid": "a"}, {"uid": "b"}, {"uid": "c"}]
    assert codes(rows) == [(2, "line_too_long"), (5, "line_too_long")]
    assert [row.line for row in rows] == [1, 2, 4, 5, 6]
    assert text.encode()[rows[1].start : rows[1].end] == long.encode()
    again = read_from(tmp_path, text, rows[1], "people.json")
    assert again == rows[1:]


def test_a_number_that_is_too_long_to_be_held_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows_json, "LONGEST_LINE", 200)
    with pytest.raises(Usage, match=r"Line 2 .* begins a value that has no end"):
        read(tmp_path, '[{"uid":"a"},\n' + "1" * 300, "people.json")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=12,
)


@settings(deadline=None)
@given(st.lists(JSON, max_size=6), st.sampled_from([None, 1]), st.integers(1, 40), st.booleans())
def test_any_array_is_cut_as_json_has_it(
    values: list[Any], indent: int | None, size: int, ascii_only: bool
) -> None:
    text = json.dumps(values, indent=indent, ensure_ascii=ascii_only)
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as directory:
        patch.setattr("fsctl.bulk.rows_json.CHUNK", size)
        data = text.encode("utf-8", "surrogatepass")
        with source_of(Path(directory), data, "x.json", encoding="utf-8") as source:
            rows = list(read_rows(source, "users"))
    assert [json.loads(row.raw) for row in rows] == values


# -- any position, any format

TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=6)
PERSON = st.fixed_dictionaries(
    {"uid": TEXT}, optional={"email": TEXT, "plan": TEXT, "bad-name": TEXT}
)


def written(people: list[dict[str, str]], form: str) -> str:
    """The people as a file of that format; some are bad."""
    if form == "jsonl":
        return "\n".join(json.dumps(one, ensure_ascii=False) for one in people)
    if form == "json":
        return json.dumps(people, indent=1)
    names = ("uid", "email", "plan")
    lines = [names, *([one.get(name, "") for name in names] for one in people)]
    if form == "csv":
        return "".join(",".join(csv_cell(guard(cell)) for cell in line) + "\n" for line in lines)
    return "".join("\t".join(tsv_cell(cell) for cell in line) + "\n" for line in lines)


@settings(deadline=None)
@given(st.lists(PERSON, max_size=8), st.sampled_from(["jsonl", "json", "csv", "tsv"]), st.data())
def test_reading_from_any_row_gives_that_row_and_those_behind_it(
    people: list[dict[str, str]], form: str, data: st.DataObject
) -> None:
    size = data.draw(st.integers(1, 60))
    broken = data.draw(st.sampled_from(["", '"', 'x"\n"y"z\n', "\n\n", "a,b,c,d\n", "\\q\n"]))
    text = written(people, form) + broken
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as directory:
        patch.setattr(rows_jsonl, "CHUNK", size)
        patch.setattr("fsctl.bulk.rows_json.CHUNK", size)
        rows = rows_of(Path(directory), text, f"x.{form}")
        try:
            found = all_rows(rows)
        except Usage:  # what is no JSON at all
            return
        for place, row in enumerate(found):
            rest = [one for block in rows.blocks(Position(row.start, row.line)) for one in block]
            assert rest == found[place:]
        rows.source.close()


@settings(deadline=None)
@given(st.lists(PERSON, max_size=8), st.sampled_from(["csv", "tsv"]))
def test_our_own_tables_come_back_as_they_were(people: list[dict[str, str]], form: str) -> None:
    with tempfile.TemporaryDirectory() as directory:
        rows = rows_of(Path(directory), written(people, form), f"x.{form}")
        found = [json.loads(row.body) for row in all_rows(rows)]
        rows.source.close()
    expected = []
    for one in people:
        record: dict[str, Any] = {key: one[key] for key in ("uid", "email") if one.get(key)}
        if one.get("plan"):
            record["properties"] = {"plan": one["plan"]}
        if record:
            expected.append(record)
    assert found == expected


def test_rows_come_from_a_pipe_and_again(tmp_path: Path) -> None:
    text = "".join(f'{{"uid":"u{n}"}}\n' for n in range(50_000))
    rows = open_rows(open_source(piped(text.encode()), "-", scratch=tmp_path), "users")
    blocks = rows.blocks()
    first = next(blocks)
    assert list(next(iter(rows.blocks()))) == list(first)
    assert len(first) + sum(map(len, blocks)) == 50_000
    assert sum(map(len, read_blocks(rows.source, "users"))) == 50_000


def test_an_empty_input_has_no_rows(tmp_path: Path) -> None:
    for name in ("x.jsonl", "x.json", "x.csv", "x.tsv"):
        rows = rows_of(tmp_path, b"", name)
        assert all_rows(rows) == []
        assert rows.form.row(b"a", BAD)


# -- rejects


def rejected(rows: Rows, number: int = 0) -> str:
    return rows.form.row(all_rows(rows)[number].raw, BAD).decode()


def test_rejects_of_json_keep_the_record(tmp_path: Path) -> None:
    rows = rows_of(tmp_path, '[{"uid":"a",\n"x":1}]', "x.json")
    assert json.loads(rejected(rows)) == {
        "uid": "a",
        "x": 1,
        "_error_code": "bad",
        "_error_message": "It is bad.",
        "_line": 7,
    }


def test_rejects_of_a_table_come_back_as_the_rows_they_were(tmp_path: Path) -> None:
    text = 'uid;seats:int;plan\na;5;"x;\n\'=1"\nb;no;y\n'
    rows = rows_of(tmp_path, text, "x.csv")
    first = all_rows(rows)
    table = rows.form.head + b"".join(rows.form.row(row.raw, BAD) + b"\n" for row in first)
    again = read(tmp_path, table, "again.csv")
    assert [row.body for row in again] == [row.body for row in first]
    titles = next(csv.reader(io.StringIO(table.decode()), delimiter=";"))
    assert titles == ["uid", "seats:int", "plan", "_error_code", "_error_message", "_line"]


def test_a_request_that_fullstory_returned_is_written_as_a_row(tmp_path: Path) -> None:
    text = "uid,Mail,seats:int,tags:json,left out\n"
    choices = Choices.parse(mapped=["Mail=email"], ignored=["left out"])
    rows = rows_of(tmp_path, text, "x.csv", choices=choices)
    record = {"uid": "=1", "email": "a@b.c", "properties": {"seats": 5, "tags": ["a", "b"]}}
    line = rows.form.returned(record, BAD).decode()
    assert line == '\'=1,a@b.c,5,"[""a"", ""b""]",,bad,It is bad.,7'


def test_each_line_of_broken_quotes_is_a_reject_of_its_own(tmp_path: Path) -> None:
    rows = rows_of(tmp_path, 'uid,plan\na,"x\nb,y\nc,"z\nd,w\n', "x.csv")
    found = all_rows(rows)
    assert codes(found) == [(2, "broken_quotes")]
    assert records(found) == [{"uid": "d", "properties": {"plan": "w"}}]
    reason = Reason("broken_quotes", "No", 2)
    lines = rows.form.row(found[0].raw, reason).decode().splitlines()
    assert lines == [
        "a,x,broken_quotes,No.,2",
        "b,y,broken_quotes,No.,3",
        "c,z,broken_quotes,No.,4",
    ]
