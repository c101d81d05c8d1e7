"""Tables: aligned, fitted to the window, honest about ids."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fsctl.terminal.messages import Messages
from fsctl.terminal.render import Column, Output, Renderer
from fsctl.terminal.width import width
from tests.support.screen import Screen, build_log, pipe, terminal

COLUMNS = [
    Column("id", kind="id", importance=10),
    Column("email", importance=9),
    Column("name", importance=8),
    Column("created", kind="time", importance=4),
    Column("seats", kind="number", importance=2),
]
ROW = {
    "id": "6012345678901234567",
    "email": "ada.lovelace@analytical-engines.example.com",
    "name": "Ada",
    "created": "2024-05-01T12:03:22Z",
    "seats": 5,
}


def table(screen: Screen, rows: Any, columns: Any = COLUMNS) -> list[str]:
    Renderer(screen, Output(format="table")).rows(rows, columns=columns)
    return screen.out.splitlines()


def test_wide_and_combining_characters_are_aligned() -> None:
    names = ["Ada", "日本語", "e\u0301a", "👩‍💻", "🇬🇧x"]
    lines = table(terminal(), [{"n": n, "x": "|"} for n in names], [Column("n"), Column("x")])
    assert {width(line.partition("|")[0]) for line in lines[1:]} == {8}


def test_everything_is_shown_where_the_window_is_wide_enough() -> None:
    assert table(terminal(160), [ROW]) == [
        "ID                   EMAIL                                        NAME  "
        "CREATED                     SEATS",
        "6012345678901234567  ada.lovelace@analytical-engines.example.com  Ada   "
        "2024-05-01 12:03:22 +00:00      5",
    ]


def test_a_narrow_window_loses_the_least_important_columns_then_cuts_text_but_no_id() -> None:
    assert table(terminal(60), [ROW]) == [
        "ID                   EMAIL                              NAME",
        "6012345678901234567  ada.lovelace@analytical-engines.…  Ada",
    ]
    assert table(terminal(40), [ROW]) == [
        "ID                   EMAIL",
        "6012345678901234567  ada.lovelace@analy…",
    ]
    assert table(terminal(20), [ROW]) == ["ID", "6012345678901234567"]


def test_a_name_of_two_hundred_characters_leaves_room_for_the_others() -> None:
    lines = table(terminal(60), [{**ROW, "email": "a@b.example", "name": "Long " * 40}])
    assert lines == [
        "ID                   EMAIL        NAME",
        "6012345678901234567  a@b.example  Long Long Long Long Long…",
    ]


PERSON = [
    Column("id", kind="id", importance=9),
    Column("uid", kind="id", importance=7),
    Column("name", importance=6),
    Column("email", importance=8),
    Column("properties", kind="pairs", importance=3),
]
MARCO = {
    "id": "2045744725421013180",
    "uid": "marco.bianchi@studio",
    "name": "Marco Bianchi",
    "email": "office@studio.example",
    "properties": {"plan": "team", "seats": 5, "city": "Torino", "since": "2022"},
}


@pytest.mark.parametrize(
    ("window", "lines"),
    [
        (40, ["ID                   EMAIL", "2045744725421013180  office@studio.exam…"]),
        (
            60,
            [
                "ID                   NAME           EMAIL",
                "2045744725421013180  Marco Bianchi  office@studio.example",
            ],
        ),
        (
            100,
            [
                "ID                   UID                   NAME           EMAIL"
                "                  PROPERTIES",
                "2045744725421013180  marco.bianchi@studio  Marco Bianchi  office@studio.example"
                "  plan=team seats=5…",
            ],
        ),
    ],
)
def test_no_text_is_shortened_while_something_less_important_could_give_way(
    window: int, lines: list[str]
) -> None:
    assert table(terminal(window), [MARCO], PERSON) == lines


def test_what_a_wide_column_leaves_goes_to_a_less_important_one_that_fits() -> None:
    columns = [
        Column("id", kind="id", importance=9),
        Column("url", kind="url", importance=8),
        Column("name", importance=2),
    ]
    row = {"id": "5", "url": "https://x.test/" + "5" * 30, "name": "Ada"}
    assert table(terminal(30), [row], columns) == ["ID  NAME", "5   Ada"]


def test_a_column_without_any_value_goes_before_a_less_important_one_with_values() -> None:
    columns = [Column("name", importance=9), Column("id", importance=1, kind="id")]
    lines = table(terminal(24), [{"name": None, "id": "x" * 20}], columns)
    assert lines == ["ID", "x" * 20]


def test_nothing_is_cut_or_left_out_in_a_pipe() -> None:
    lines = table(pipe(width=20), [{**ROW, "name": "Long " * 40}])
    assert ("Long " * 40).strip() in lines[1]
    assert lines[0].split() == ["ID", "EMAIL", "NAME", "CREATED", "SEATS"]


def test_a_later_longer_text_is_cut_to_the_first_page_s_width_and_a_later_id_never() -> None:
    columns = [Column("id", kind="id"), Column("name")]
    pages = [[{"id": "1", "name": "Ada"}], [{"id": "1234567", "name": "Lovelace"}]]
    assert table(terminal(), iter(pages), columns) == ["ID  NAME", "1   Ada", "1234567  Lov…"]
    assert table(pipe(), iter(pages), columns)[2] == "1234567  Lovelace"


def test_urls_numbers_and_times_are_never_shortened() -> None:
    url = "https://app.fullstory.com/ui/ORG/session/5%3A6"
    columns = [
        Column("url", kind="url", importance=9),
        Column("n", kind="number"),
        Column("note", never_cut=True),
    ]
    rows = [{"url": url, "n": 12345678901234567890, "note": "whole note"}]
    for window in (20, 50, 70, 100):
        for line in table(terminal(window), rows, columns)[1:]:
            assert url in line
            assert "…" not in line


def test_text_gives_way_to_numbers_and_times_beside_it() -> None:
    columns = [Column("n", kind="number"), Column("at", kind="time"), Column("name")]
    rows = [{"n": 12345678901234567890, "at": "2024-05-01T12:03:22Z", "name": "Ada " * 10}]
    assert table(terminal(68), rows, columns)[1] == (
        "12345678901234567890  2024-05-01 12:03:22 +00:00  Ada Ada Ada Ada A…"
    )


def test_a_build_log_s_table_is_aligned_after_its_commands_are_broken() -> None:
    rows = [{"n": "::error::x", "x": "|"}, {"n": "Ada", "x": "|"}]
    columns = [Column("n"), Column("x")]
    assert table(build_log(), rows, columns)[1:] == ["\\x3a:error::x  |", "Ada            |"]


@pytest.mark.parametrize("quiet", [False, True])
def test_left_out_columns_are_named_unless_quiet_was_asked_for(quiet: bool) -> None:
    screen = terminal(40)
    messages = Messages(screen, quiet=quiet)
    Renderer(screen, Output(), messages).rows([ROW], columns=COLUMNS)
    told = " ".join(screen.err.split())
    assert ("too narrow for NAME, CREATED, SEATS;" in told) != quiet


URL = "https://app.fullstory.com/ui/o-1/people/6012345678901234567"


def test_a_url_that_was_asked_for_stands_beneath_where_the_row_has_no_room() -> None:
    columns = [*COLUMNS, Column("url", kind="url", importance=1)]
    screen = terminal(40)
    asked = Output(fields=("url", "id"))
    Renderer(screen, asked).rows([ROW | {"url": URL}], columns=columns)
    assert screen.out == f"id\n{ROW['id']}\n  {URL}\n"


@pytest.mark.parametrize("quiet", [False, True])
def test_of_fields_that_do_not_fit_those_named_last_go_and_are_always_told(quiet: bool) -> None:
    screen = terminal(40)
    asked = Output(fields=("created", "seats", "id"))  # the least important ones first
    Renderer(screen, asked, Messages(screen, quiet=quiet)).rows([ROW], columns=COLUMNS)
    assert screen.out.splitlines()[0].split() == ["created", "seats"]
    assert "too narrow for id;" in screen.err


def test_a_column_without_values_is_not_missed() -> None:
    screen = terminal(40)
    row = dict.fromkeys(ROW, None) | {"id": ROW["id"]}
    Renderer(screen, Output(), Messages(screen)).rows([row], columns=COLUMNS)
    assert screen.err == ""


BENEATH = [
    Column("id", kind="id", importance=9),
    Column("name", importance=2),
    Column("age", beneath=True, never_cut=True),
    Column("url", kind="url", beneath=True),
]


def test_what_goes_beneath_stands_in_the_row_while_all_fits_and_is_never_given_up() -> None:
    row = {"id": "5", "name": "Ada", "age": "3 d", "url": "https://x.test/5"}
    assert table(terminal(40), [row], BENEATH) == [
        "ID  NAME  AGE  URL",
        "5   Ada   3 d  https://x.test/5",
    ]
    assert table(terminal(20), [row, {"id": "6", "name": "Bo"}], BENEATH) == [
        "ID  NAME",
        "5   Ada",
        "  3 d  https://x.test/5",
        "6   Bo",
    ]


def test_what_goes_beneath_stands_alone_where_there_is_nothing_above_it() -> None:
    rows = [{"url": "https://x.test/5"}]
    assert table(terminal(20), rows, BENEATH[3:]) == ["URL", "https://x.test/5"]


def test_an_address_that_only_a_later_page_has_stands_beneath_too() -> None:
    pages = [[{"id": "5" * 18, "name": "Ada"}], [{"id": "6", "name": "Bo", "url": "https://x.y/6"}]]
    lines = table(terminal(30), iter(pages), BENEATH)
    assert lines[-1] == "  https://x.y/6"


def test_the_header_is_dim_only_with_colour() -> None:
    assert "\x1b" not in "".join(table(terminal(), [ROW]))
    lines = table(terminal(200, color=True), [ROW])
    assert lines[0].startswith("\x1b[2mID")
    assert lines[0].endswith("\x1b[0m")
    assert "\x1b" not in lines[1]


def test_urls_are_hyperlinks_only_where_the_terminal_follows_them() -> None:
    columns = [Column("session", link="url", kind="id"), Column("url", kind="url")]
    rows = [{"session": "5:6", "url": "https://x.test/5"}]
    assert "\x1b" not in "".join(table(terminal(), rows, columns))
    linked = "\x1b]8;;https://x.test/5\x1b\\{}\x1b]8;;\x1b\\"
    assert table(terminal(hyperlinks=True), rows, columns) == [
        "SESSION  URL",
        f"{linked.format('5:6')}      {linked.format('https://x.test/5')}",
    ]


@pytest.mark.parametrize("hyperlinks", [True, False])
def test_an_address_without_room_is_not_missed_where_a_cell_leads_to_it(hyperlinks: bool) -> None:
    columns = [Column("id", kind="id", link="url"), Column("url", kind="url", importance=1)]
    rows = [{"id": "5", "url": "https://x.test/" + "5" * 30}]
    screen = terminal(30, hyperlinks=hyperlinks)
    Renderer(screen, Output(), Messages(screen)).rows(rows, columns=columns)
    assert ("narrow for URL" in screen.err) != hyperlinks


def test_a_hostile_address_is_never_a_hyperlink() -> None:
    for url in (
        "javascript:alert(1)",
        "file:///etc/passwd",
        "https://x.test/\x1b\\\x1b]8;;https://evil.test",
        "https://x.test/\x07",
        "https://x.test/ y",
        "https://x.test/\n",
        "https://x\u202e.test/",
        "",
        7,
        None,
    ):
        screen = terminal(hyperlinks=True)
        assert "\x1b" not in "".join(table(screen, [{"u": url}], [Column("u", kind="url")]))


def test_rich_markup_is_plain_text() -> None:
    assert table(terminal(), [{"n": "[red]x[/red]"}], [Column("n")])[1] == "[red]x[/red]"


CELL = st.text(st.characters(codec="utf-8"), max_size=60) | st.none() | st.integers()
TITLE = st.text("ABC ", max_size=40)


@given(
    st.lists(st.fixed_dictionaries({"a": CELL, "b": CELL, "c": CELL}), min_size=1, max_size=4),
    st.integers(20, 120),
    st.permutations([1, 5, 9]),
    st.tuples(TITLE, TITLE, TITLE),
    st.permutations(["text", "json", "pairs"]),
)
def test_a_table_of_texts_fits_any_window(
    rows: list[dict[str, Any]],
    window: int,
    importance: list[int],
    titles: tuple[str, ...],
    kinds: list[Any],
) -> None:
    columns = [
        Column(key, title, n, kind)
        for key, title, n, kind in zip("abc", titles, importance, kinds, strict=True)
    ]
    lines = table(terminal(window), rows, columns)
    assert len(lines) == len(rows) + 1
    assert all(width(line) <= window for line in lines)
