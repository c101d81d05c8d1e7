"""Printing data: each format as a reader gets it, written as it comes."""

from __future__ import annotations

import csv
import io
import json
import re
import subprocess
import sys
import unicodedata
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fsctl.errors import ExitCode, FsctlError, Usage
from fsctl.settings.choices import FORMATS, Format
from fsctl.terminal.render import Column, Output, Renderer, parse_format
from fsctl.terminal.sanitise import clean
from tests.support.screen import Screen, build_log, pipe, terminal

ADA: dict[str, Any] = {"id": "5001", "uid": "ada", "name": "Ada Lovelace", "seats": 5}
GRACE: dict[str, Any] = {"id": "5002", "uid": None, "name": "Grace\tHopper", "seats": 12}
PEOPLE: list[dict[str, Any]] = [ADA, GRACE]

COLUMNS = [
    Column("id", kind="id", importance=10),
    Column("uid", kind="id"),
    Column("name", importance=8),
    Column("seats", kind="number", importance=2),
]


def printed(screen: Screen, rows: Any, output: Output, columns: Any = None) -> str:
    Renderer(screen, output).rows(rows, columns=columns)
    return screen.out


def output(name: str, **options: Any) -> Output:
    return Output(format=parse_format(name, "--output"), **options)


# --- formats ------------------------------------------------------------------------------------


def test_a_list_on_a_terminal_is_a_table() -> None:
    assert printed(terminal(), PEOPLE, Output(), COLUMNS) == (
        "ID    UID  NAME           SEATS\n"
        "5001  ada  Ada Lovelace       5\n"
        "5002       Grace\\tHopper     12\n"
    )


def test_a_list_in_a_pipe_is_json_lines_with_every_key() -> None:
    assert printed(pipe(), PEOPLE, Output(), COLUMNS[:1]) == (
        '{"id":"5001","uid":"ada","name":"Ada Lovelace","seats":5}\n'
        '{"id":"5002","uid":null,"name":"Grace\\tHopper","seats":12}\n'
    )


def test_json_is_one_indented_array() -> None:
    out = printed(pipe(), [[ADA], [GRACE]], output("json"), COLUMNS)
    assert out == json.dumps(PEOPLE, indent=2) + "\n"


def test_csv_has_the_keys_as_header_and_nested_values_as_json() -> None:
    rows = [{"id": "1", "at": "2024-05-01T12:00:00Z", "tags": ["a", "b"], "ok": True}]
    assert printed(pipe(), rows, output("csv")) == (
        'id,at,tags,ok\n1,2024-05-01T12:00:00Z,"[""a"",""b""]",true\n'
    )


def test_csv_guards_against_formulas_in_cells_and_in_the_header_unless_raw() -> None:
    rows = [{"id": "1", "=cmd()": "=1+1", "phone": "+49 30 123"}]
    assert printed(pipe(), rows, output("csv")) == "id,'=cmd(),phone\n1,'=1+1,+49 30 123\n"
    raw = printed(pipe(), rows, output("csv", raw_csv=True))
    assert raw == "id,=cmd(),phone\n1,=1+1,+49 30 123\n"


def test_a_csv_of_one_empty_cell_has_no_empty_line() -> None:
    out = printed(pipe(), [{"uid": None}, {"uid": "x"}], output("csv"))
    assert list(csv.reader(io.StringIO(out))) == [["uid"], [""], ["x"]]


def test_tsv_escapes_tabs_and_line_ends() -> None:
    assert printed(pipe(), [{"id": "1", "name": "a\tb\nc\\d", "x": None}], output("tsv")) == (
        "id\tname\tx\n1\ta\\tb\\nc\\\\d\t\n"
    )


def test_markdown_is_a_table_with_numbers_to_the_right() -> None:
    rows = [{**ADA, "name": "a|b\n<b>"}]
    assert printed(pipe(), rows, output("markdown"), COLUMNS) == (
        "| ID | UID | NAME | SEATS |\n"
        "| --- | --- | --- | ---: |\n"
        "| 5001 | ada | a\\|b<br>&lt;b&gt; | 5 |\n"
    )


def test_times_are_local_for_people_and_untouched_for_machines() -> None:
    columns = [Column("at", kind="time")]
    rows = [{"at": "2024-05-01T14:00:00+02:00"}]
    for name in ("table", "markdown"):
        assert "2024-05-01 12:00:00 +00:00" in printed(pipe(), rows, output(name), columns)
    for name in ("json", "jsonl", "csv", "tsv"):
        assert "2024-05-01T14:00:00+02:00" in printed(pipe(), rows, output(name), columns)


@pytest.mark.parametrize(
    ("name", "empty"),
    [
        ("table", ""),
        ("json", "[]\n"),
        ("jsonl", ""),
        ("csv", "id\n"),
        ("tsv", "id\n"),
        ("markdown", "| ID |\n| --- |\n"),
    ],
)
def test_an_empty_list_is_an_empty_document_of_its_format(name: str, empty: str) -> None:
    assert printed(pipe(), [], output(name), [Column("id")]) == empty
    assert printed(pipe(), iter([[], []]), output(name), [Column("id")]) == empty


@pytest.mark.parametrize("name", ["table", "csv", "tsv", "markdown"])
def test_without_declared_columns_the_keys_of_the_first_page_are_the_columns(name: str) -> None:
    screen = pipe()
    pages = [[{"a": 1}, {"b": 2}], [{"a": 3, "c": 4}, {"c": 5, "d": 6}]]
    out = printed(screen, pages, output(name))
    assert re.findall(r"\w+", out.splitlines()[0]) == ["a", "b"]
    assert "4" not in out
    assert screen.err == (
        "fsctl: warning: later rows also have c, d, left out here; name them with --fields\n"
    )


def test_an_unknown_format_is_refused_with_those_there_are() -> None:
    with pytest.raises(Usage) as failure:
        parse_format("yaml", "FSCTL_OUTPUT")
    assert failure.value.message == "FSCTL_OUTPUT holds 'yaml'."
    assert failure.value.hint == "Use one of table, json, jsonl, csv, tsv, markdown."


def test_everything_is_utf_8_with_line_feeds() -> None:
    screen = pipe()
    Renderer(screen, Output()).rows([{"name": "Zoë 日本\ud800"}])
    assert isinstance(screen.stdout, io.BytesIO)
    assert screen.stdout.getvalue() == '{"name":"Zoë 日本\\ud800"}\n'.encode()


@pytest.mark.parametrize("name", FORMATS)
def test_a_closed_stdout_takes_nothing_in_silence(name: Format) -> None:
    world = replace(pipe(), stdout=None)
    assert Renderer(world, Output(format=name)).rows(PEOPLE) == 2


def test_a_lone_surrogate_is_written_as_its_escape_in_every_format() -> None:
    for name in FORMATS:
        assert "\\ud800" in printed(pipe(), [{"name": "x\ud800"}], output(name)).replace(
            "\\\\", "\\"
        )


def test_json_needs_nothing_that_draws_tables() -> None:
    program = (
        "import sys; from fsctl.terminal.render import Output, Renderer;"
        "from fsctl.terminal.world import World;"
        "Renderer(World(), Output('json')).rows([{'a': 'plain'}]);"
        "print([name for name in ('table', 'columned', 'listing', 'delimited', 'jq', 'width')"
        " if 'fsctl.terminal.' + name in sys.modules],"
        " [name for name in ('rich', 'msgspec', 'click', 'jq') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert done.stdout.split() == [b"[]", b"[]"]


# --- streaming ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FORMATS)
def test_a_page_is_out_before_the_next_one_is_asked_for(name: str) -> None:
    screen = pipe()
    seen: list[bool] = []

    def pages() -> Iterator[list[dict[str, Any]]]:
        yield [ADA]
        seen.append("5001" in screen.out)
        yield [GRACE]
        seen.append("5002" in screen.out)

    printed(screen, pages(), output(name))
    assert seen == [True, True]


@pytest.mark.parametrize("name", ["json", "jsonl"])
def test_rows_that_come_alone_are_each_out_at_once(name: str) -> None:
    screen = pipe()
    seen: list[bool] = []

    def rows() -> Iterator[dict[str, Any]]:
        yield ADA
        seen.append("5001" in screen.out)
        yield GRACE
        seen.append("5002" in screen.out)

    printed(screen, rows(), output(name))
    assert seen == [True, True]


def test_a_table_of_rows_that_come_alone_looks_at_a_hundred_first() -> None:
    screen = terminal()
    written: list[int] = []

    def rows() -> Iterator[dict[str, Any]]:
        for number in range(150):
            written.append(len(screen.out.splitlines()))
            yield {"id": str(number)}

    printed(screen, rows(), Output())
    assert written[99] == 0
    assert written[100:103] == [101, 102, 103]


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("failure", [FsctlError("gone"), KeyboardInterrupt()])
def test_what_came_before_a_failure_is_printed_and_the_failure_passed_on(
    name: str, failure: BaseException
) -> None:
    screen = pipe()

    def rows() -> Iterator[dict[str, Any]]:
        yield ADA
        yield GRACE
        raise failure

    with pytest.raises(type(failure)):
        printed(screen, rows(), output(name))
    assert "5001" in screen.out
    assert "5002" in screen.out
    assert (name == "json") == screen.out.startswith("[")
    assert not screen.out.rstrip().endswith("]")


def test_a_source_of_rows_is_never_held_whole() -> None:
    alive = 0

    class Row(dict[str, Any]):
        def __init__(self, *parts: Any) -> None:
            nonlocal alive
            alive += 1
            super().__init__(*parts)

        def __del__(self) -> None:
            nonlocal alive
            alive -= 1

    most = 0

    def pages() -> Iterator[list[Row]]:
        nonlocal most
        for _ in range(50):
            yield [Row(ADA) for _ in range(20)]
            most = max(most, alive)

    for name in FORMATS:
        printed(pipe(), pages(), output(name))
    assert most <= 60


def test_the_number_of_rows_is_told() -> None:
    assert Renderer(pipe(), Output()).rows(iter([[ADA, GRACE], [ADA]])) == 3


# --- fields and jq ------------------------------------------------------------------------------


def test_fields_choose_and_order_what_is_shown_in_every_format() -> None:
    rows = [{"id": "1", "properties": {"plan": "paid"}}]
    fields = ("properties.plan", "id")
    for name, out in [
        ("jsonl", '{"properties.plan":"paid","id":"1"}\n'),
        ("csv", "properties.plan,id\npaid,1\n"),
        ("tsv", "properties.plan\tid\npaid\t1\n"),
        ("table", "properties.plan  id\npaid             1\n"),
        ("markdown", "| properties.plan | id |\n| --- | --- |\n| paid | 1 |\n"),
    ]:
        assert printed(pipe(), rows, output(name, fields=fields)) == out


def test_a_field_keeps_the_kind_of_its_column() -> None:
    rows = [{"at": 1714565002}]
    out = printed(terminal(), rows, Output(fields=("at",)), [Column("at", kind="time")])
    assert "2024-05-01 12:03:22 +00:00" in out


def test_a_field_that_no_row_has_is_a_warning_and_no_failure() -> None:
    screen = pipe()
    out = printed(screen, PEOPLE, Output(fields=("id", "nmae")))
    assert out == '{"id":"5001","nmae":null}\n{"id":"5002","nmae":null}\n'
    assert screen.err == (
        "fsctl: warning: nothing has the field nmae; there are: id, uid, name, seats\n"
    )


def test_a_known_field_that_rows_lack_is_no_warning() -> None:
    screen = pipe()
    printed(screen, [{"id": "1"}], Output(fields=("uid",)), COLUMNS)
    assert screen.err == ""


def test_jq_sees_one_row_at_a_time_and_writes_strings_raw() -> None:
    assert printed(pipe(), PEOPLE, Output(jq=".id")) == "5001\n5002\n"
    assert printed(pipe(), PEOPLE, Output(jq="{id}")) == '{"id":"5001"}\n{"id":"5002"}\n'
    assert printed(pipe(), PEOPLE, Output(jq=".name, .seats")) == (
        "Ada Lovelace\n5\nGrace\tHopper\n12\n"
    )


def test_jq_comes_after_fields() -> None:
    rendered = printed(pipe(), PEOPLE, Output(fields=("id",), jq="keys | .[]"))
    assert rendered == "id\nid\n"


def test_a_wrong_jq_expression_is_refused_before_any_row_is_asked_for() -> None:
    with pytest.raises(Usage) as failure:
        Renderer(pipe(), Output(jq=".["))
    assert failure.value.exit_code is ExitCode.USAGE


def test_jq_results_before_a_failing_row_are_out() -> None:
    screen = pipe()
    with pytest.raises(FsctlError):
        printed(screen, [{"a": "x"}, {"a": 1}], Output(jq='.a | ltrimstr("y") | . + "!"'))
    assert screen.out == "x!\n"


def test_jq_strings_are_sanitised_for_people_and_raw_in_a_pipe() -> None:
    rows = [{"name": "\x1b[31mred\n::error::x"}]
    assert printed(pipe(), rows, Output(jq=".name")) == "\x1b[31mred\n::error::x\n"
    assert printed(terminal(), rows, Output(jq=".name")) == "\\x1b[31mred\n::error::x\n"
    assert printed(build_log(), rows, Output(jq=".name")) == "\\x1b[31mred\n\\x3a:error::x\n"


# --- one thing ----------------------------------------------------------------------------------

PERSON = {
    "uid": "ada",
    "id": "5001",
    "is_being_deleted": False,
    "properties": {"plan": "paid", "seats": 5, "tags": ["a", "b"], "none": {}, "null": None},
    "devices": [{"os": "Linux", "screen": {"w": 1}}, {"os": "macOS"}],
    "bio": "one\ntwo",
}


def shown(screen: Screen, thing: Any, asked: Output, columns: Any = None) -> str:
    Renderer(screen, asked).one(thing, columns=columns)
    return screen.out


def test_one_thing_on_a_terminal_is_a_listing_with_nested_values_indented() -> None:
    assert shown(terminal(), PERSON, Output(), [Column("id", kind="id"), Column("email")]) == (
        "id                5001\n"
        "uid               ada\n"
        "is_being_deleted  false\n"
        "properties\n"
        "  plan   paid\n"
        "  seats  5\n"
        "  tags   a, b\n"
        "  none\n"
        "  null\n"
        "devices\n"
        "  - os  Linux\n"
        "    screen\n"
        "      w  1\n"
        "  - os  macOS\n"
        "bio               one\n"
        "                  two\n"
    )


def test_one_thing_in_a_pipe_is_one_json_document() -> None:
    assert shown(pipe(), PERSON, Output()) == json.dumps(PERSON, indent=2) + "\n"


@pytest.mark.parametrize(
    ("name", "out"),
    [
        ("jsonl", '{"id":"1","x":{"a":1}}\n'),
        ("csv", 'id,x\n1,"{""a"":1}"\n'),
        ("tsv", 'id\tx\n1\t{"a":1}\n'),
        ("markdown", '| Field | Value |\n| --- | --- |\n| id | 1 |\n| x | {"a":1} |\n'),
    ],
)
def test_one_thing_in_the_other_formats(name: str, out: str) -> None:
    assert shown(pipe(), {"id": "1", "x": {"a": 1}}, output(name)) == out


def test_one_thing_takes_fields_and_jq() -> None:
    fields = ("properties.plan", "uid")
    assert shown(terminal(), PERSON, Output(fields=fields)) == (
        "properties.plan  paid\nuid              ada\n"
    )
    assert shown(pipe(), PERSON, output("csv", fields=fields)) == "properties.plan,uid\npaid,ada\n"
    assert shown(pipe(), PERSON, Output(jq=".properties.plan")) == "paid\n"


def test_what_is_nested_very_deep_is_shown_as_json() -> None:
    deep: Any = "bottom"
    for _ in range(100):
        deep = {"k": [deep]}
    out = shown(terminal(), deep, Output())
    assert "bottom" in out
    assert len(out.splitlines()) < 20


# --- documents, text, bytes ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("document", "asked", "out"),
    [
        ({"a": 1}, Output(), '{\n  "a": 1\n}\n'),
        ([], Output(), "[]\n"),
        (None, Output(), "null\n"),
        ("text", Output(), '"text"\n'),
        ([{"a": 1}, {"a": 2}], output("csv"), "a\n1\n2\n"),
        ([{"a": 1}, {"a": 2}], output("jsonl"), '{"a":1}\n{"a":2}\n'),
        ([1, {"a": 2}], output("jsonl"), '1\n{"a":2}\n'),
        ({"a": 1}, output("csv"), "a\n1\n"),
        (7, output("csv"), "7\n"),
        ({"a": {"b": 1}, "c": 2}, Output(fields=("a.b",)), '{\n  "a.b": 1\n}\n'),
        ([{"a": 1, "b": 2}], Output(fields=("b",)), '[\n  {\n    "b": 2\n  }\n]\n'),
        ([{"a": 1}, {"a": 2}], Output(jq="length"), "2\n"),
        ({"users": [{"id": "1"}]}, Output(jq=".users[].id"), "1\n"),
    ],
)
@pytest.mark.parametrize("make", [pipe, terminal])
def test_a_free_document_is_json_unless_asked_otherwise(
    document: Any, asked: Output, out: str, make: Any
) -> None:
    screen = make()
    Renderer(screen, asked).data(document)
    assert screen.out == out


def test_text_is_sanitised_and_ends_in_one_line_end() -> None:
    for make in (pipe, terminal):
        screen = make()
        Renderer(screen, Output()).text("https://x.test/\x1b[2J\n")
        assert screen.out == "https://x.test/\\x1b[2J\n"


def test_bytes_are_untouched_in_a_pipe_and_sanitised_for_people() -> None:
    body = b"\x1b[2J\xff\r\n::error::x"
    screen = pipe()
    Renderer(screen, Output()).raw(body)
    assert isinstance(screen.stdout, io.BytesIO)
    assert screen.stdout.getvalue() == body
    for make, line in ((terminal, "::error::x"), (build_log, "\\x3a:error::x")):
        screen = make()
        Renderer(screen, Output()).raw(body)
        assert screen.out == f"\\x1b[2J\ufffd\n{line}\n"


# --- hostile rows -------------------------------------------------------------------------------

HOSTILE = st.text(
    st.one_of(
        st.sampled_from("\x1b\x9b\x07\r\n\t\u202e\u2066\u2028\U000e0041\ud800\u200d:#[|,\"'=+ a日"),
        st.characters(codec=None, exclude_categories=()),
    )
)
MARKS = st.sampled_from(["::error::x", "##[group]", "##vso[x]", "##teamcity[x]", "\n::x::", "[b]"])
ROWS = st.lists(
    st.dictionaries(
        HOSTILE | MARKS | st.just("id"),
        HOSTILE | MARKS | st.integers() | st.lists(HOSTILE) | st.dictionaries(HOSTILE, HOSTILE),
        max_size=4,
    ),
    max_size=4,
)


def all_ways(screen: Any, rows: list[dict[str, Any]]) -> Iterator[str]:
    for name in FORMATS:
        yield printed(screen(), rows, Output(format=name))
        for row in rows[:1]:
            yield shown(screen(), row, Output(format=name))
    yield printed(screen(), rows, Output(jq=".. | strings"))
    yield printed(screen(), rows, Output(jq="."))


@given(ROWS)
def test_no_row_steers_a_terminal_in_any_format(rows: list[dict[str, Any]]) -> None:
    for out in all_ways(terminal, rows):
        for character in out.replace("\n", "").replace("\t", ""):
            kind = unicodedata.category(character)
            assert kind not in ("Cc", "Cs", "Zl", "Zp"), repr(out)
            assert character not in "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
            assert not 0xE0000 <= ord(character) <= 0xE00FF


@given(ROWS)
def test_no_row_is_a_build_service_s_command_in_any_format(rows: list[dict[str, Any]]) -> None:
    for out in all_ways(build_log, rows):
        assert not any(line.strip().startswith("::") for line in re.split("[\r\n]", out))
        assert not re.search(r"##(vso|teamcity)?\[", out, re.IGNORECASE)


@given(ROWS)
def test_json_is_the_same_data_wherever_it_is_shown(rows: list[dict[str, Any]]) -> None:
    for make in (pipe, terminal, build_log):
        assert json.loads(printed(make(), rows, output("json"))) == rows
        lines = printed(make(), rows, output("jsonl")).splitlines()
        assert [json.loads(line) for line in lines] == rows


PROSE = "Ada opened the cart · then 日本語 and https://x.test/a/very/long/address/that/stays failed"


def test_a_long_text_of_one_thing_is_broken_at_blanks_beside_its_name() -> None:
    thing = {"id": "5", "summary": PROSE, "notes": [{"text": "a b c d e f g h i j k l m n o"}]}
    assert shown(terminal(34), thing, Output()) == (
        "id       5\n"
        "summary  Ada opened the cart ·\n"
        "         then 日本語 and\n"
        "         https://x.test/a/very/long/address/that/stays\n"
        "         failed\n"
        "notes\n"
        "  - text  a b c d e f g h i j k l\n"
        "          m n o\n"
    )


def test_a_long_text_of_one_thing_is_whole_in_a_pipe_and_where_there_is_no_room() -> None:
    assert PROSE in shown(pipe(width=34), {"summary": PROSE}, Output(format="table"))
    assert PROSE in shown(terminal(20), {"summary": PROSE}, Output())


@given(st.text(st.characters(codec="utf-8") | st.just(" "), max_size=200), st.integers(20, 60))
def test_a_broken_text_keeps_its_words(text: str, window: int) -> None:
    lines = shown(terminal(window), {"text": text}, Output())
    assert lines.split() == ["text", *clean(text, multiline=True).split()]
