"""Cells of CSV, TSV and Markdown, escaped so that the reader gets the text and nothing more."""

from __future__ import annotations

import re

# What a spreadsheet takes for the start of a formula, and the wide and small forms that it folds
# into them; blanks and unseen characters before it do not help (OWASP, "CSV Injection").
_FORMULA = re.compile(
    "[\\s\\x00-\\x20\\xad\\u034f\\u061c\\u180e\\u200b-\\u200f\\u202a-\\u202e\\u2060-\\u206f\\ufeff]*"
    "[=+\\-@\\uff1d\\uff0b\\uff0d\\uff20\\ufe62\\ufe63\\ufe66\\ufe6b\\u2212]"
)
_FORMULA_STARTS = frozenset("\t\r\n")
_NUMBER = re.compile(r"[+-]?(?:\d[\d .,]*|[.,]\d+)(?:[eE][+-]?\d+)?", re.ASCII)
_PHONE = re.compile(r"\+ ?\(?\d[\d ().\-/]*", re.ASCII)

_CSV_QUOTED = re.compile('[",;\\r\\n\\t]|^[ ]|[ ]$')

_TSV_ESCAPES = {
    "\\": "\\\\", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\v": "\\v",
}  # fmt: skip
_TSV_ESCAPED = re.compile(r"[\\\x08\x0c\n\r\t\x0b]")

_MARKDOWN_ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
# An underscore within a word marks nothing, and addresses are full of them.
_MARKDOWN_ESCAPED = re.compile(r"[\\|`*\[\]~&<>]|(?<![^\W_])_|_(?![^\W_])")
_LINE_END = re.compile(r"\r\n|[\r\n\x0b\x0c\x85\u2028\u2029]")


def guard(cell: str) -> str:
    """``cell`` with one ``'`` in front where a spreadsheet would run it as a formula.

    An existing leading ``'`` is doubled, so that :func:`unguard` can tell; plain numbers and phone
    numbers are left alone, because what they calculate to is harmless.
    """
    if cell.startswith("'") or runs_as_formula(cell):
        return "'" + cell
    return cell


def unguard(cell: str) -> str:
    """The cell that :func:`guard` was given. Other files' cells come back as they are."""
    if cell.startswith("''") or (cell.startswith("'") and runs_as_formula(cell[1:])):
        return cell[1:]
    return cell


def runs_as_formula(cell: str) -> bool:
    """Whether a spreadsheet would run this cell."""
    if not cell or (cell[0].isascii() and cell[0].isalnum()):
        return False
    if cell[0] in _FORMULA_STARTS:
        return True
    if not _FORMULA.match(cell):
        return False
    return not (_NUMBER.fullmatch(cell) or _PHONE.fullmatch(cell))


def csv_cell(cell: str) -> str:
    """A field of RFC 4180; quoted also where a spreadsheet of another country would cut it."""
    if _CSV_QUOTED.search(cell):
        return '"' + cell.replace('"', '""') + '"'
    return cell


def tsv_cell(cell: str) -> str:
    """A field as PostgreSQL's COPY text format escapes it: no tab and no line end remains."""
    return _TSV_ESCAPED.sub(lambda match: _TSV_ESCAPES[match[0]], cell)


def markdown_cell(cell: str) -> str:
    """Text of a Markdown table's cell, with nothing that marks, links or ends it."""
    escaped = _MARKDOWN_ESCAPED.sub(_markdown_escape, cell.strip())
    return _LINE_END.sub("<br>", escaped)


def _markdown_escape(match: re.Match[str]) -> str:
    return _MARKDOWN_ESCAPES.get(match[0], "\\" + match[0])
