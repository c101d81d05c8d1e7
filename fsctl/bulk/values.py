"""Values from a file or stdin: one a line, or one column of a CSV or TSV file.

A byte order mark and CRLF are taken away; blank lines and, outside CSV, lines that begin with
``#`` name nobody. What rejects note beside a value stays with it (see :mod:`.doubts`).
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from ..errors import Usage
from ..terminal.delimited import unguard
from ..terminal.world import World
from .doubts import Claimants, from_cells, from_comment

if TYPE_CHECKING:
    from ..fullstory.people import Reading

LONGEST_LINE = 1024 * 1024  # bytes; a value has at most some hundred characters
MOST_VALUES = 1_000_000  # of one file, which are held in memory
STDIN = "-"
TABLES = frozenset((".csv", ".tsv", ".tab"))
_SEPARATORS = (",", "\t", ";")  # a spreadsheet of many a country writes semicolons

_UTF16 = (b"\xff\xfe", b"\xfe\xff")


class Value(NamedTuple):
    """A value, and the line of the file on which it begins (the first one is 1).

    ``claimants`` are the people it meant when it was rejected as ambiguous; None: it was not.
    """

    text: str
    line: int
    claimants: Claimants | None = None


def read_values(world: World, source: str, *, column: str | None = None) -> Iterator[Value]:
    """The values of the file ``source`` (``-``: stdin), read as they are asked for.

    With ``column`` it is a table with a header: the cells below that name, commas, tabs or
    semicolons between them; the guard of our own CSV against formulas is taken off. Raises
    :class:`Usage` for what cannot be read, naming the line.
    """
    with opened(world, source) as stream:
        yield from values_in(stream, source, column=column)


def values_in(stream: BinaryIO, source: str, *, column: str | None = None) -> Iterator[Value]:
    """As :func:`read_values`, from what was opened already."""
    lines = _text_lines(stream, shown(source))
    if column is not None:
        yield from _cells(lines, column, shown(source))
    elif Path(source).suffix.lower() in TABLES:
        raise _no_column(lines, source)
    else:
        yield from _plain(lines)


def all_of(found: Iterable[Value], source: str) -> list[Value]:
    """All the values, so that a wrong line is found before anything is sent.

    Raises :class:`Usage` where there are none, or too many.
    """
    values: list[Value] = []
    for value in found:
        values.append(value)
        if len(values) > MOST_VALUES:
            raise Usage(
                f"{shown(source)} holds more than {MOST_VALUES:,} values.",
                hint="Split it, and give the parts one after the other.",
            )
    if not values:
        raise Usage(f"{shown(source)} holds no value.", hint="Write one value a line.")
    return values


def people_of(found: Iterable[Value], source: str, reading: Reading | None) -> list[Value]:
    """As :func:`all_of`; raises :class:`Usage` too for what nobody can be called."""
    from ..fullstory.people import readings_of

    values = all_of(found, source)
    for value in values:
        try:
            readings_of(value.text, reading)
        except Usage as problem:
            where = f"Line {value.line} of {shown(source)}"
            raise Usage(f"{where}: {problem.message}", hint=problem.hint) from None
    return values


def shown(source: str) -> str:
    """What messages call the source."""
    return "stdin" if source == STDIN else f"{source!a}"


@contextmanager
def opened(world: World, source: str) -> Iterator[BinaryIO]:
    """The bytes of ``source``. Raises :class:`Usage` where there is nothing to read."""
    if source == STDIN:
        if world.stdin is None or world.stdin_is_terminal:
            raise Usage("Nothing is piped in to read values from.", hint="Pipe them in.")
        yield world.stdin
        return
    try:
        stream = Path(source).expanduser().open("rb")
    except (OSError, RuntimeError, ValueError) as error:
        raise _unreadable(source, error) from None
    with stream:
        yield stream


def _unreadable(source: str, error: Exception) -> Usage:
    reason = getattr(error, "strerror", None) or str(error)
    return Usage(f"{shown(source)} cannot be read: {reason}.", hint="Check the file's name.")


def _text_lines(stream: BinaryIO, name: str) -> Iterator[str]:
    number = 0
    while True:
        number += 1
        try:
            line = stream.readline(LONGEST_LINE + 1)
        except OSError as error:
            raise Usage(
                f"{name} cannot be read: {error.strerror}.", hint="Check the file."
            ) from None
        if not line:
            return
        if len(line) > LONGEST_LINE:
            raise Usage(
                f"Line {number} of {name} has more than {LONGEST_LINE:,} bytes.",
                hint="Write one value a line.",
            )
        if number == 1 and line.startswith(_UTF16):
            raise Usage(f"{name} is UTF-16.", hint="Save it as UTF-8.")
        try:
            text = line.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError:
            raise Usage(
                f"Line {number} of {name} is not UTF-8.", hint="Save it as UTF-8."
            ) from None
        if "\0" in text:
            raise Usage(f"Line {number} of {name} holds a zero byte.", hint="Save it as text.")
        yield text


def _plain(lines: Iterable[str]) -> Iterator[Value]:
    claimants = None  # of all values down to the next comment: a line may have been put between
    for number, line in enumerate(lines, 1):
        text = line.strip()
        if text.startswith("#"):
            claimants = from_comment(text)
        elif text:
            yield Value(text, number, claimants)


def _cells(lines: Iterator[str], column: str, name: str) -> Iterator[Value]:
    header = next(lines, "")
    separator, at = _find_column(header, column, name)
    notes = _notes(header, separator)
    begins = 2
    rows = csv.reader(lines, delimiter=separator, strict=True)
    while True:
        try:
            row = next(rows, None)
        except csv.Error as error:
            raise Usage(
                f"Line {rows.line_num + 1} of {name} cannot be read as a table: {error}.",
                hint="Check its quotes.",
            ) from None
        if row is None:
            return
        text = unguard(row[at]).strip() if at < len(row) else ""
        if text:
            cells = {title: row[place] for title, place in notes.items() if place < len(row)}
            yield Value(text, begins, from_cells(cells))
        begins = rows.line_num + 2  # of the next row; the header is one


def _notes(header: str, separator: str) -> dict[str, int]:
    """Where a table of rejects has its notes; nowhere in any other table."""
    titles = [title.casefold() for title in _titles(header, separator)]
    if not {"line", "state", "reason"} <= set(titles):
        return {}
    return {title: titles.index(title) for title in ("state", "claimants") if title in titles}


def _find_column(header: str, column: str, name: str) -> tuple[str, int]:
    """The separator and the position of ``column`` in the header, in any case of letters."""
    for fits in (str, str.casefold):
        for separator in _SEPARATORS:
            titles = [fits(title) for title in _titles(header, separator)]
            count = titles.count(fits(column))
            if count == 1:
                return separator, titles.index(fits(column))
            if count > 1:
                raise Usage(
                    f"{name} has {count} columns {column!a}.", hint="Give each its own name."
                )
    raise Usage(f"{name} has no column {column!a}.", hint=f"Its first line has: {_listed(header)}.")


def _no_column(lines: Iterator[str], source: str) -> Usage:
    return Usage(
        f"{shown(source)} is a table, and --column does not say which of its columns to read.",
        hint=f"Its first line has: {_listed(next(lines, ''))}.",
    )


def _titles(header: str, separator: str) -> list[str]:
    try:
        return [unguard(title).strip() for title in next(csv.reader([header], delimiter=separator))]
    except (csv.Error, StopIteration):
        return []


def _listed(header: str) -> str:
    """The header's columns for a message, by the separator that makes most of them."""
    titles = max((_titles(header, separator) for separator in _SEPARATORS), key=len)
    named = [ascii(title) for title in titles if title]
    return ", ".join(named[:20]) + (", …" if named[20:] else "") if named else "nothing"
