"""Values from lists and tables, as support teams export them."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fsctl.bulk.values import (
    LONGEST_LINE,
    STDIN,
    Value,
    all_of,
    people_of,
    read_values,
    values_in,
)
from fsctl.errors import Usage
from fsctl.terminal.delimited import csv_cell, guard
from tests.support.screen import Screen


def read(data: bytes, name: str = "people.txt", column: str | None = None) -> list[Value]:
    return list(values_in(io.BytesIO(data), name, column=column))


def texts(data: bytes, name: str = "people.txt", column: str | None = None) -> list[str]:
    return [value.text for value in read(data, name, column)]


def refusal(data: bytes, name: str = "people.txt", column: str | None = None) -> Usage:
    with pytest.raises(Usage) as raised:
        read(data, name, column)
    return raised.value


def test_a_list_has_one_value_a_line_and_tells_the_lines() -> None:
    data = b"\xef\xbb\xbfada\r\n\r\n# those who asked\n  grace \t\nsean.obrien@example.net"
    assert read(data) == [
        Value("ada", 1),
        Value("grace", 4),
        Value("sean.obrien@example.net", 5),
    ]


def test_a_value_may_hold_blanks_commas_and_number_signs() -> None:
    assert texts(b"X \xc3\x86, A-12#7\n") == ["X Æ, A-12#7"]


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (b"name,email\nAda,ada@example.com\n", "people.csv"),
        (b"name\temail\nAda\tada@example.com\n", "people.tsv"),
        (b"name;email\r\nAda;ada@example.com\r\n", "people.csv"),
        (b'\xef\xbb\xbf"email","note, long"\nada@example.com,"a\nb"\n', "people.csv"),
        (b"name;E-Mail;email\nAda;x;ada@example.com\n", "people.txt"),
    ],
)
def test_a_table_gives_the_column_that_is_named(data: bytes, name: str) -> None:
    assert texts(data, name, "email") == ["ada@example.com"]


def test_a_column_is_found_in_any_case_of_letters_when_none_has_it_exactly() -> None:
    assert texts(b"E-Mail,Uid\nx,ada\n", "p.csv", "uid") == ["ada"]


def test_lines_are_told_where_a_cell_goes_over_several() -> None:
    data = b'uid,note\nada,"one\ntwo\nthree"\ngrace,\n,nobody\nmei,x\n'
    assert read(data, "p.csv", "uid") == [Value("ada", 2), Value("grace", 5), Value("mei", 7)]


def test_the_guard_of_our_own_tables_is_taken_off() -> None:
    assert texts(b"uid\n'=1+1\n''quoted\n'plain'\n", "p.csv", "uid") == [
        "=1+1",
        "'quoted",
        "'plain'",
    ]


def test_a_row_that_is_too_short_names_nobody() -> None:
    assert texts(b"note,uid\nonly\nx,ada\n", "p.csv", "uid") == ["ada"]


def test_a_number_sign_in_a_table_is_a_value() -> None:
    assert texts(b"uid\n#7\n", "p.csv", "uid") == ["#7"]


def test_a_table_without_a_column_is_refused_with_the_names_of_its_columns() -> None:
    error = refusal(b"name;e-mail\nAda;x\n", "people.csv")
    assert "--column" in error.message
    assert error.hint == "Its first line has: 'name', 'e-mail'."


def test_an_unknown_column_is_refused_with_the_names_there_are() -> None:
    error = refusal(b"name,e-mail\n", "p.csv", "email")
    assert error.message == "'p.csv' has no column 'email'."
    assert error.hint == "Its first line has: 'name', 'e-mail'."


@pytest.mark.parametrize("column", ["uid", "UID"])
def test_a_column_that_is_there_twice_is_refused(column: str) -> None:
    assert "2 columns" in refusal(f"{column},x,{column}\n".encode(), "p.csv", "uid").message


@pytest.mark.parametrize(
    ("data", "column", "what"),
    [
        (b"ada\n\xff\xff\n", None, "Line 2 of 'people.txt' is not UTF-8."),
        (b"ada\ng\0race\n", None, "Line 2 of 'people.txt' holds a zero byte."),
        (b"\xff\xfea\0d\0a\0", None, "'people.txt' is UTF-16."),
        (b"ada\n" + b"x" * (LONGEST_LINE + 1), None, "Line 2 of 'people.txt' has more than"),
        (b'uid\nada\n"open\nnever closed\n', "uid", "Line 4 of 'people.txt' cannot be read"),
        (b'uid\n"a"b\n', "uid", "Line 2 of 'people.txt' cannot be read"),
    ],
)
def test_what_cannot_be_read_is_refused_and_says_where(
    data: bytes, column: str | None, what: str
) -> None:
    assert refusal(data, column=column).message.startswith(what)


def test_an_endless_line_is_not_read_to_its_end() -> None:
    stream = io.BytesIO(b"x" * (3 * LONGEST_LINE))
    with pytest.raises(Usage):
        list(values_in(stream, "endless"))
    assert stream.tell() <= LONGEST_LINE + 1


def test_files_and_stdin_are_read_as_they_are_asked_for(tmp_path: Path) -> None:
    file = tmp_path / "people.txt"
    file.write_bytes(b"ada\n\xff\n")
    for screen, source in ((Screen(), str(file)), (Screen(stdin=file.open("rb")), STDIN)):
        found = read_values(screen, source)
        assert next(found) == Value("ada", 1)
        with pytest.raises(Usage):
            next(found)
        if screen.stdin is not None:
            screen.stdin.close()


@pytest.mark.parametrize("name", ["missing.txt", ".", "\0", "~nobody-of-that-name/x"])
def test_a_file_that_is_not_there_is_a_usage_error(name: str, tmp_path: Path) -> None:
    with pytest.raises(Usage) as raised:
        next(read_values(Screen(), str(tmp_path / name) if name[0] != "~" else name))
    assert "cannot be read" in raised.value.message


@pytest.mark.parametrize(
    "screen", [Screen(), Screen(stdin=io.BytesIO(b"ada"), stdin_is_terminal=True)]
)
def test_nothing_is_read_from_a_person_who_types(screen: Screen) -> None:
    with pytest.raises(Usage):
        next(read_values(screen, STDIN))


def test_all_values_are_wanted_and_not_none_or_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    assert all_of([Value("ada", 1)], "p") == [Value("ada", 1)]
    with pytest.raises(Usage, match="no value"):
        all_of([], "p")
    monkeypatch.setattr("fsctl.bulk.values.MOST_VALUES", 2)
    with pytest.raises(Usage, match="more than 2"):
        all_of((Value("x", line) for line in range(1, 4)), "p")


def test_who_nobody_can_be_is_told_with_the_line() -> None:
    with pytest.raises(Usage) as raised:
        people_of([Value("ada", 1), Value("x" * 300, 7)], "people.txt", None)
    assert raised.value.message.startswith("Line 7 of 'people.txt': ")
    with pytest.raises(Usage, match="Line 1 of stdin: 'ada' is not a Fullstory id"):
        people_of([Value("ada", 1)], STDIN, "id")


CELL = st.text(st.characters(exclude_characters="\0\r", exclude_categories=["Cs"]), max_size=20)


@given(st.lists(st.tuples(CELL, CELL), max_size=8), st.sampled_from(",;\t"))
def test_what_a_table_of_ours_holds_comes_back(rows: list[tuple[str, str]], separator: str) -> None:
    lines = [("note", "uid"), *((note, guard(uid)) for note, uid in rows)]
    data = "".join(separator.join(map(csv_cell, line)) + "\n" for line in lines)
    assert texts(data.encode(), "p.csv", "uid") == [u for _, uid in rows if (u := uid.strip())]


@given(st.lists(st.tuples(CELL, CELL), max_size=8))
def test_lines_are_those_of_pythons_own_reader(rows: list[tuple[str, str]]) -> None:
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerows([("uid", "note"), *((f"{n}", note) for n, (_, note) in enumerate(rows))])
    lines = table.getvalue().split("\n")
    for value in read(table.getvalue().encode(), "p.csv", "uid"):
        assert lines[value.line - 1].startswith(value.text)
