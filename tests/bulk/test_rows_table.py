"""Tables: whatever spreadsheets write becomes the right rows, or is told by line and column."""

from __future__ import annotations

import csv
import io
import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fsctl.bulk import rows_jsonl, table_text
from fsctl.bulk.import_rejects import Reason
from fsctl.bulk.mapping import Choices
from fsctl.bulk.rows import open_rows, read_rows
from fsctl.bulk.source import open_source
from fsctl.errors import Usage
from fsctl.terminal.world import World
from tests.support.inputs import all_rows, codes, piped, read, read_from, records, rows_of, told

# -- what columns become


def test_columns_are_fields_and_properties_by_name(tmp_path: Path) -> None:
    text = "uid,email,name,plan,address.city\nu1,a@b.c,Ada,pro,Paris\nu2,,,,\n"
    assert records(read(tmp_path, text, "x.csv")) == [
        {
            "uid": "u1",
            "email": "a@b.c",
            "display_name": "Ada",
            "properties": {"plan": "pro", "address": {"city": "Paris"}},
        },
        {"uid": "u2"},
    ]


def test_what_looks_like_a_number_stays_text_unless_it_is_typed(tmp_path: Path) -> None:
    text = "uid,zip,seats:int,rate:real,on:bool,since:date,tags:json,ids:ints\n"
    text += '007,01234, 5 ,1e2,TRUE,2024-01-31,"[1,""a""]","[1,2]"\n'
    [record] = records(read(tmp_path, text, "x.csv"))
    assert record == {
        "uid": "007",
        "properties": {
            "zip": "01234",
            "seats": 5,
            "rate": 100.0,
            "on": True,
            "since": "2024-01-31",
            "tags": [1, "a"],
            "ids": [1, 2],
        },
        "schema": {"properties": {"seats": "int", "since": "date", "ids": "ints"}},
    }


def test_only_what_is_there_is_declared(tmp_path: Path) -> None:
    text = "uid,seats:int,n.deep:int\nu1,,5\nu2,,\n"
    first, second = records(read(tmp_path, text, "x.csv"))
    assert first["schema"] == {"properties": {"n.deep": "int"}}
    assert second == {"uid": "u2"}


def test_a_large_integer_keeps_its_digits(tmp_path: Path) -> None:
    text = f"uid,n:int\nu1,{2**62 + 1}\nu2,{2**63}\n"
    rows = read(tmp_path, text, "x.csv")
    assert rows[0].body.endswith(b'"n":4611686018427387905},"schema":{"properties":{"n":"int"}}}')
    assert codes(rows) == [(3, "invalid_property")]


@pytest.mark.parametrize(
    ("kind", "cell"),
    [
        ("int", "5.0"),
        ("int", "1,000"),
        ("int", "1_000"),
        ("int", "\u0665"),
        ("real", "nan"),
        ("real", "1e999"),
        ("real", "1 000"),
        ("bool", "maybe"),
        ("date", "31.01.2024"),
        ("json", "{"),
        ("json", "NaN"),
        ("strs", "a"),
    ],
)
def test_a_cell_that_is_not_of_its_type_is_told_by_its_column(
    tmp_path: Path, kind: str, cell: str
) -> None:
    rows = read(tmp_path, f'uid,x:{kind}\nu1,"{cell}"\nu2,\n', "x.csv")
    assert records(rows) == [{"uid": "u2"}]
    [(line, message)] = told(rows)
    assert line == 2
    assert message.startswith("Column 'x' holds no ")
    assert rows[0].problems[0].key == "x"


def test_all_that_is_wrong_with_a_row_is_told_at_once(tmp_path: Path) -> None:
    rows = read(tmp_path, f"uid,email,n:int,on:bool\nu1,{'x' * 129},five,perhaps\n", "x.csv")
    assert [problem.key for problem in rows[0].problems] == ["n", "on", "email"]


def test_an_empty_cell_is_absent_or_null_as_asked(tmp_path: Path) -> None:
    text = "uid,email,plan,n:int,a.b\nu1,,,,\n"
    assert records(read(tmp_path, text, "x.csv")) == [{"uid": "u1"}]
    choices = Choices.parse(empty_as_null=True)
    assert records(read(tmp_path, text, "x.csv", choices=choices)) == [
        {
            "uid": "u1",
            "email": None,
            "properties": {"plan": None, "n": None, "a": {"b": None}},
        }
    ]


def test_a_limit_is_told_by_the_column_of_the_file(tmp_path: Path) -> None:
    choices = Choices.parse(mapped=["Mail=email"])
    text = f"uid,Mail,plan\nu1,{'x' * 129},y\nu2,a@b.c,{'x' * 8193}\n"
    assert told(read(tmp_path, text, "x.csv", choices=choices)) == [
        (2, "Column 'Mail': email has 129 characters; Fullstory takes at most 128"),
        (3, "Column 'plan': properties.plan has 8,193 bytes; Fullstory takes at most 8,192"),
    ]


def test_whole_objects_and_columns_of_their_own_are_put_together(tmp_path: Path) -> None:
    text = (
        'uid,properties,plan,a.c\nu1,"{""x"":1,""a"":{""b"":2}}",pro,3\nu2,null,pro,\nu3,[1],p,\n'
    )
    rows = read(tmp_path, text, "x.csv")
    assert records(rows) == [
        {"uid": "u1", "properties": {"x": 1, "a": {"b": 2, "c": "3"}, "plan": "pro"}},
        {"uid": "u2", "properties": {"plan": "pro"}},
    ]
    assert "properties is an array" in told(rows)[0][1]


def test_events_have_owners_times_and_contexts(tmp_path: Path) -> None:
    text = "name,user.uid,session.use_most_recent,timestamp,context.browser.url,"
    text += "context.device.screen_width,total:real\n"
    text += "Paid,u1,true,2024-06-29T14:23:23Z,https://x.example/,1920,9.5\n"
    text += "Paid,,,,,,\nPaid,u1,,soon,,,\n"
    rows = read(tmp_path, text, "x.csv", kind="events")
    assert records(rows) == [
        {
            "name": "Paid",
            "user": {"uid": "u1"},
            "session": {"use_most_recent": True},
            "timestamp": "2024-06-29T14:23:23Z",
            "context": {
                "browser": {"url": "https://x.example/"},
                "device": {"screen_width": 1920},
            },
            "properties": {"total": 9.5},
        }
    ]
    assert codes(rows) == [(3, "no_owner"), (4, "invalid_timestamp")]


@pytest.mark.parametrize("empty_as_null", [False, True])
def test_events_of_nobody_are_bad_unless_they_are_meant(
    tmp_path: Path, empty_as_null: bool
) -> None:
    text = "name,user.uid,plan\nOrdered,u1,x\nSeen,,x\n"
    rows = read(tmp_path, text, "x.csv", kind="events")
    assert codes(rows) == [(3, "no_owner")]
    assert "--anonymous" in told(rows)[0][1]
    choices = Choices.parse(empty_as_null=empty_as_null, anonymous=True)
    rows = read(tmp_path, text, "x.csv", kind="events", choices=choices)
    assert codes(rows) == []
    assert "user" not in records(rows)[1] or not records(rows)[1]["user"]
    assert choices.as_facts()["--anonymous"] == "given"
    nobodys = "name,plan\nSeen,x\n"
    (row,) = read(tmp_path, nobodys, "x.csv", kind="events", choices=choices)
    assert records([row]) == [{"name": "Seen", "properties": {"plan": "x"}}]
    with pytest.raises(Usage, match="says whose") as refused:
        read(tmp_path, nobodys, "x.csv", kind="events")
    assert "--anonymous" in str(refused.value.hint)


def test_notes_of_rejects_are_no_columns(tmp_path: Path) -> None:
    text = "uid,_error_code,plan,_error_message,_line\nu1,x,pro,y,7\n"
    assert records(read(tmp_path, text, "x.csv")) == [{"uid": "u1", "properties": {"plan": "pro"}}]


# -- what spreadsheets write


@pytest.mark.parametrize("mark", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_every_separator_line_end_and_encoding_gives_the_same_rows(
    tmp_path: Path, mark: str, end: str, encoding: str
) -> None:
    text = io.StringIO()
    table = csv.writer(text, delimiter=mark, lineterminator=end)
    table.writerows([["uid", "city"], ["u1", "Zürich"], ["u2", 'a,b;c\td"e']])
    rows = read(tmp_path, text.getvalue().encode(encoding), "x.csv")
    assert records(rows) == [
        {"uid": "u1", "properties": {"city": "Zürich"}},
        {"uid": "u2", "properties": {"city": 'a,b;c\td"e'}},
    ]


def test_excels_unicode_text_is_quoted(tmp_path: Path) -> None:
    text = 'uid\tplan\r\nu1\t"a ""b"""\r\n'
    rows = read(tmp_path, text.encode("utf-16"), "x.txt")
    assert records(rows) == [{"uid": "u1", "properties": {"plan": 'a "b"'}}]


def test_a_line_sep_of_excels_names_the_separator(tmp_path: Path) -> None:
    rows = read(tmp_path, "sep=|\r\nuid|a,b\r\n".replace("a,b", "plan") + "u1|x,y\r\n", "x.csv")
    assert records(rows) == [{"uid": "u1", "properties": {"plan": "x,y"}}]
    assert [row.line for row in rows] == [3]


def test_empty_rows_and_columns_at_the_end_are_nothing(tmp_path: Path) -> None:
    text = "uid,plan,,\n\nu1,pro,,\n,,,\nu2,x,,,,,\n\n"
    rows = read(tmp_path, text, "x.csv")
    assert [record["uid"] for record in records(rows)] == ["u1", "u2"]
    assert [row.line for row in rows] == [3, 5]


def test_a_row_that_is_not_as_wide_as_the_header_is_told(tmp_path: Path) -> None:
    rows = read(tmp_path, "uid,plan,\nu1\nu2,x,,y\nu3,x,z\nu4,x,\n", "x.csv")
    assert codes(rows) == [
        (2, "too_few_columns"),
        (3, "too_many_columns"),
        (4, "nameless_column"),
    ]
    assert len(records(rows)) == 1


def test_excel_may_leave_out_empty_columns_at_the_end_of_a_row(tmp_path: Path) -> None:
    text = "uid,plan,city\r\nu1\r\nu2,pro\r\nu3,pro,Rome\r\nu4,,,\r\nu5,x,y,z\r\nu6,pr"
    rows = read(tmp_path, text, "x.csv")
    assert [record["uid"] for record in records(rows)] == ["u1", "u2", "u3", "u4"]
    assert codes(rows) == [(6, "too_many_columns"), (7, "too_few_columns")]


def test_a_line_of_blanks_is_no_row(tmp_path: Path) -> None:
    rows = read(tmp_path, "uid,plan\n \t \nu1,x\n  \r\n", "x.csv")
    assert [row.line for row in rows] == [3]
    assert read(tmp_path, "uid\n \n", "x.csv") == []


@pytest.mark.parametrize("text", ['{"uid":"a"}\n{"uid":"b"}\n', '\n[\n {\n "uid":"a"}]'])
def test_json_that_is_named_a_table_is_told(tmp_path: Path, text: str) -> None:
    with pytest.raises(Usage, match=r"x\.csv' holds JSON"):
        rows_of(tmp_path, text, "x.csv")


def test_cells_may_have_many_lines_and_rows_are_told_by_their_first(tmp_path: Path) -> None:
    rows = read(tmp_path, 'uid,plan\nu1,"a\nb\r\n\nc"\nu2,x\nu3,y,z\n', "x.csv")
    assert records(rows)[0]["properties"] == {"plan": "a\nb\r\n\nc"}
    assert [row.line for row in rows] == [2, 6, 7]


def test_a_cell_far_longer_than_a_limit_is_one_bad_row_and_not_many(tmp_path: Path) -> None:
    inner = "\n".join(f"admin{n},x" for n in range(50_000))
    rows = read(tmp_path, f'uid,plan\nu1,"{inner}"\nu2,x\n', "x.csv")
    assert codes(rows) == [(2, "invalid_property")]
    assert [record["uid"] for record in records(rows)] == ["u2"]
    assert rows[1].line == 50_002


def test_nothing_within_broken_quotes_is_taken_for_rows(tmp_path: Path) -> None:
    text = 'uid,plan\nu1,"a\nadmin,x\nb" oops\nu2,"say "hi""\nu3,5" pipe\nu4,"\nadmin,y\n'
    rows = read(tmp_path, text, "x.csv")
    assert [record["uid"] for record in records(rows)] == ["u3"]
    assert codes(rows) == [(2, "broken_quotes"), (5, "broken_quotes"), (7, "broken_quotes")]
    assert "over 3 lines" in told(rows)[0][1]
    assert "not closed" in told(rows)[2][1]
    raw = b"\n".join(row.raw for row in rows)
    assert raw == text.partition("\n")[2].rstrip("\n").encode()  # nothing is lost


def test_a_row_counts_for_each_line_within_its_broken_quotes(tmp_path: Path) -> None:
    text = 'uid,plan\nu1,"a\nb" oops\nu2,x\nu3,"\n' + "u4,x\n" * 30_000
    rows = read(tmp_path, text, "x.csv")
    assert [(row.line, row.lines) for row in rows] == [(2, 2), (4, 1), (5, 30_001)]


def test_quotes_that_are_never_closed_do_not_fill_the_memory(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text('uid,plan\nu1,a\nu2,"' + "x\n" * 9_000_000)
    with open_source(World(), str(path)) as source:
        rows = list(read_rows(source, "users"))
    assert [(row.line, row.lines) for row in rows] == [(2, 1), (3, 9_000_000)]
    assert rows[1].end == path.stat().st_size
    assert "not closed; they reach over 9,000,000 lines" in told(rows)[0][1]


def test_a_record_too_long_to_be_held_is_one_bad_row_as_far_as_its_quotes_reach(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(table_text, "MOST_LINES", 5)
    text = (
        'uid,plan\nu1,a\nu2,"' + "admin,x\n" * 9 + 'say ""hi""\n"\nu3,b\nu4,"c\nd"\nu5,"e'
        "\nadmin,y\n"
    )
    for chunk in (7, 64, 100_000):
        monkeypatch.setattr(rows_jsonl, "CHUNK", chunk)
        rows = read(tmp_path, text, "x.csv")
        good = [record["uid"] for record in records(rows)]
        bad = [(row.line, row.lines) for row in rows if row.problems]
        assert "admin" not in good
        assert good == ["u1", "u3", "u4"] or (chunk > 64 and good == ["u1", "u2", "u3", "u4"])
        assert bad[-1] == (17, 2)
        if chunk <= 64:
            assert bad[0] == (3, 11)
            again = read_from(tmp_path, text, rows[1], "x.csv")
            assert again == rows[1:]


def test_rows_behind_a_record_of_many_lines_do_not_make_it_too_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(table_text, "LONGEST_LINE", 100)
    others = [f"u{n},{'y' * 30}" for n in range(40)]
    text = 'uid,plan\nu,"' + "x\n" * 20 + '"\n' + "\n".join(others)
    for chunk in range(8, 300, 3):
        monkeypatch.setattr(rows_jsonl, "CHUNK", chunk)
        rows = read(tmp_path, text, "x.csv")
        assert codes(rows) == []
        assert len(rows) == 41


@pytest.mark.parametrize("name", ["x.csv", "x.tsv"])
def test_a_line_too_long_to_be_held_is_one_bad_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(rows_jsonl, "LONGEST_LINE", 100)
    monkeypatch.setattr(rows_jsonl, "CHUNK", 32)
    tab = "\t" if name.endswith("tsv") else ","
    text = f"uid{tab}plan\nu1{tab}a\nu2{tab}{'y' * 300}\nu3{tab}b\n"
    reading = rows_of(tmp_path, text, name)
    rows = [row for block in reading.blocks() for row in block]
    assert [record["uid"] for record in records(rows)] == ["u1", "u3"]
    assert codes(rows) == [(3, "line_too_long")]
    reject = reading.form.row(rows[1].raw, Reason("line_too_long", "It is too long", 3))
    monkeypatch.undo()
    back = read(tmp_path, reading.form.head + reject + b"\n", name)
    assert [code for _, code in codes(back)] == ["too_many_columns"]  # half a row is no row


def test_a_long_line_that_opens_quotes_is_passed_over_to_where_they_close(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows_jsonl, "LONGEST_LINE", 100)
    monkeypatch.setattr(rows_jsonl, "CHUNK", 32)
    long = "y" * 300
    text = f'uid,plan\nu1,"{long}\nadmin,x\n"\nu2,"a\n{long}\nadmin,x"\nu3,b\n'
    rows = read(tmp_path, text, "x.csv")
    assert records(rows) == [{"uid": "u3", "properties": {"plan": "b"}}]
    assert [(row.line, row.lines) for row in rows] == [(2, 3), (5, 3), (8, 1)]


def test_a_carriage_return_within_a_line_is_told(tmp_path: Path) -> None:
    rows = read(tmp_path, 'uid,plan\nu1,a\rb\nu2,"a\rb"\n', "x.csv")
    assert codes(rows) == [(2, "broken_quotes")]
    assert records(rows) == [{"uid": "u2", "properties": {"plan": "a\rb"}}]


def test_old_macintosh_lines_are_refused_with_advice(tmp_path: Path) -> None:
    with pytest.raises(Usage, match="old Macintoshes"):
        read(tmp_path, "uid,plan\ru1,x\r", "x.csv")


def test_zero_bytes_and_bytes_that_are_no_text_are_told(tmp_path: Path) -> None:
    data = "uid,plan\nu1,Zoëëë\n".encode() + b"u2,\0\nu3,\xff\nu4,ok\n"
    rows = read(tmp_path, data, "x.csv")
    assert codes(rows) == [(3, "invalid_encoding"), (4, "invalid_encoding")]
    assert [record["uid"] for record in records(rows)] == ["u1", "u4"]
    assert [row.raw for row in rows][1:3] == [b"u2,\0", b"u3,\xff"]


def test_the_guard_of_our_own_csv_is_taken_off(tmp_path: Path) -> None:
    text = "uid,plan,n:int\n'=1+1,''quoted,'-5\n'plain,it's,-5\n"
    rows = read(tmp_path, text, "x.csv")
    assert records(rows)[0] == {"uid": "'plain", "properties": {"plan": "it's", "n": -5}} | {
        "schema": {"properties": {"n": "int"}}
    }
    assert codes(rows) == [(2, "wrong_type")]
    rows = read(tmp_path, "uid,plan\n'=1+1,''quoted\n", "x.csv")
    assert records(rows) == [{"uid": "=1+1", "properties": {"plan": "'quoted"}}]


# -- TSV, as PostgreSQL and we write it


def test_tsv_is_escaped_and_not_quoted(tmp_path: Path) -> None:
    rows = read(tmp_path, 'uid\tplan\r\nu1\t"a\\tb\\\\c\\n"\r\nu2\t\\N\r\nu3\t\'=1\r\n', "x.tsv")
    assert records(rows) == [
        {"uid": "u1", "properties": {"plan": '"a\tb\\c\n"'}},
        {"uid": "u2"},
        {"uid": "u3", "properties": {"plan": "'=1"}},
    ]


def test_a_backslash_that_escapes_nothing_is_told(tmp_path: Path) -> None:
    rows = read(tmp_path, "uid\tpath\nu1\tC:\\Users\nu2\tx\\\nu3\tC:\\\\Users\n", "x.tsv")
    assert codes(rows) == [(2, "bad_escape"), (3, "bad_escape")]
    assert records(rows) == [{"uid": "u3", "properties": {"path": "C:\\Users"}}]


def test_tsv_with_a_quoted_header_is_quoted_all_through(tmp_path: Path) -> None:
    rows = read(tmp_path, '"uid"\t"plan"\n"u1"\t"C:\\new"\n', "x.tsv")
    assert records(rows) == [{"uid": "u1", "properties": {"plan": "C:\\new"}}]


# -- headers


def test_three_thousand_columns_are_read(tmp_path: Path) -> None:
    names = ["uid", *(f"p{n}" for n in range(3000))]
    few = ["u1", *("x" for _ in range(500)), *("" for _ in range(2500))]
    many = ["u2", *("x" for _ in range(501)), *("" for _ in range(2499))]
    text = "\n".join(",".join(line) for line in (names, few, many))
    rows = read(tmp_path, text, "x.csv")
    assert len(records(rows)[0]["properties"]) == 500
    assert told(rows) == [(3, "properties holds 501 values; Fullstory takes at most 500")]


def test_a_header_longer_than_a_block_is_read(tmp_path: Path) -> None:
    names = [f"p{n}_{'x' * 200}" for n in range(2000)]
    text = f"uid,{','.join(names)}\nu1{',' * 2000}\n"
    assert records(read(tmp_path, text, "x.csv")) == [{"uid": "u1"}]


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("uid,uid", "Columns 'uid' and 'uid' .* are both uid"),
        ("email,Email", "are both email"),
        ("name,display_name", "are both display_name"),
        ("plan,plan:int", "are both properties.plan"),
        ("uid,first name", "Column 'first name' .* no name of a property"),
        ("uid,1st", "Column '1st'"),
        ("uid,a..b", "Column 'a..b'"),
        ("uid,plan:text2", "type of column 'plan:text2'"),
        ("uid,a,a.b", "Column 'a' .* is a value, and 'a.b' would be in it"),
        ('uid,"plan', "is no header: its quotes are not closed"),
        ("uid,\xff", "is no header"),
        ("uid,a\0", "is no header"),
    ],
)
def test_a_header_that_is_not_clear_is_refused(tmp_path: Path, header: str, message: str) -> None:
    data = "ë".encode() if "\xff" not in header else "ëëë,".encode()
    text = header.encode("latin-1") if "\xff" in header else header.encode()
    with pytest.raises(Usage, match=message):
        rows_of(tmp_path, (data + text if "\xff" in header else text) + b"\nu1,x,y\n", "x.csv")


def test_a_header_of_multiple_lines_is_no_trouble(tmp_path: Path) -> None:
    choices = Choices.parse(mapped=["a\nb=plan"])
    rows = read(tmp_path, 'uid,"a\nb"\nu1,x\n', "x.csv", choices=choices)
    assert records(rows) == [{"uid": "u1", "properties": {"plan": "x"}}]
    assert rows[0].line == 3


@pytest.mark.parametrize("text", ["", "\n\n", "uid", "uid\n", "\ufeff"])
def test_a_table_without_rows_has_none(tmp_path: Path, text: str) -> None:
    assert read(tmp_path, text, "x.csv") == []


def test_a_table_from_stdin_is_known_by_its_header(tmp_path: Path) -> None:
    source = open_source(piped(b"uid;plan\nu1;x\n"), "-", scratch=tmp_path)
    assert records(list(read_rows(source, "users"))) == [{"uid": "u1", "properties": {"plan": "x"}}]


# -- any table

# The module quotes no lone carriage return where lines end otherwise.
CELL = st.text(st.characters(codec="utf-8", exclude_characters="\0\r"), max_size=8)


@settings(deadline=None)
@given(
    st.lists(st.tuples(CELL, CELL), max_size=6),
    st.sampled_from([",", ";", "\t"]),
    st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    st.sampled_from(["\n", "\r\n"]),
    st.integers(1, 50),
)
def test_what_the_csv_module_writes_is_what_is_read(
    cells: list[tuple[str, str]], mark: str, quoting: Any, end: str, size: int
) -> None:
    text = io.StringIO()
    table = csv.writer(text, delimiter=mark, quoting=quoting, lineterminator=end)
    table.writerows([("uid", "plan"), *(("u" + uid, "p" + plan) for uid, plan in cells)])
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as directory:
        patch.setattr(rows_jsonl, "CHUNK", size)
        rows = rows_of(Path(directory), text.getvalue(), "x.csv")
        found = all_rows(rows)
        rows.source.close()
    assert [json.loads(row.body) for row in found] == [
        {"uid": "u" + uid, "properties": {"plan": "p" + plan}} for uid, plan in cells
    ]


@settings(deadline=None)
@given(st.text(st.sampled_from("u,\"\n\r;'=x\\\t5"), max_size=40), st.sampled_from(["csv", "tsv"]))
def test_no_text_of_a_table_is_lost(text: str, form: str) -> None:
    header = "uid,plan\n" if form == "csv" else "uid\tplan\n"
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory, f"x.{form}")
        path.write_bytes((header + text).encode())
        rows = open_rows(open_source(World(), str(path)), "users")
        found = all_rows(rows)
        rows.source.close()
    raw = "".join(row.raw.decode() for row in found)
    blank = str.maketrans("", "", ' \r\n\t,";N\\')  # what rows without a value are made of
    assert raw.translate(blank) == text.translate(blank)
