"""The text of a table, cut into records and cells.

Two dialects: CSV as in RFC 4180, with commas, tabs or semicolons; and PostgreSQL's text format, as
our own TSV is (DESIGN §2, Output), without quotes, where a backslash escapes.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from ..errors import Usage
from ..terminal.delimited import unguard
from .batches import Position
from .checking import Problem
from .rows_common import LONGEST_LINE, LongLine
from .rows_jsonl import whole_lines
from .source import Source
from .table_overlong import MOST_LINES, Overlong, Passing

Cells = list[str]

_DELIMITERS = (",", "\t", ";")
_ENDLESS = "unexpected end"  # the csv module's words for quotes that were not closed
_ESCAPED = re.compile(r"\\(.?)", re.DOTALL)
_ESCAPES = {"\\": "\\", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
NULL = "\\N"


class Dialect(NamedTuple):
    """How cells are told apart; ``escaped``: by PostgreSQL's rules. ``begins`` is where the header
    is, behind a line ``sep=;`` of Excel's."""

    delimiter: str
    escaped: bool
    begins: Position

    def cells(self, text: str) -> Cells:
        """The cells of a single record, as well as they can be told."""
        text = text.rstrip("\r\n")
        if self.escaped:
            try:
                return [_unescaped(cell) for cell in text.split(self.delimiter)]
            except ValueError:
                return text.split(self.delimiter)
        try:
            rows = list(csv.reader(io.StringIO(text), delimiter=self.delimiter))
        except csv.Error:
            return [text]
        return [cell for row in rows for cell in row]


class Parsed(NamedTuple):
    """Records that were cut from lines of the input.

    ``cells`` are empty for a blank line and for what is in ``problems`` (by its place); ``spans``
    is the number of lines of each record, None where it is always one. ``start`` is the first's.
    ``is_text`` is False where something in them is no UTF-8, or a zero byte.
    """

    lines: Sequence[bytes]
    cells: Sequence[Cells]
    problems: Mapping[int, Problem]
    spans: Sequence[int] | None
    start: Position
    is_text: bool = True


def dialect_of(source: Source) -> Dialect:
    """What the header of a source tells. Raises :class:`Usage` for one nobody writes any more."""
    line, _, rest = source.head.partition(b"\n")
    begins = Position(0, 1)
    named = re.fullmatch(rb'"?sep=([^\w\s"\x80-\xff]|\t)"?\r?', line)
    if named is not None:
        begins = Position(len(line) + 1, 2)
        line = rest.partition(b"\n")[0]
    text = line.decode("utf-8", "replace")
    if "\r" in text.rstrip("\r"):
        raise Usage(
            f"The lines of {source.name} end as on old Macintoshes (a carriage return only).",
            hint="Save it as CSV UTF-8.",
            code="line_ends",
        )
    # Excel's tab-separated text is UTF-16, and quoted as CSV is.
    quoted = source.format == "csv" or source.encoding.startswith("utf-16") or '"' in text
    if named is not None:
        delimiter = named[1].decode("latin-1")
    elif source.format == "tsv":
        delimiter = "\t"
    else:
        delimiter = max(_DELIMITERS, key=lambda one: len(Dialect(one, False, begins).cells(text)))
    return Dialect(delimiter, not quoted, begins)


def parsed(source: Source, dialect: Dialect, at: Position) -> Iterator[Parsed | Overlong]:
    """The records of a source from a position on, where one begins."""
    return _Cutter(dialect, at).records(whole_lines(source, at.offset))


class _Cutter:
    """Cuts lines into records, from where one begins."""

    def __init__(self, dialect: Dialect, at: Position) -> None:
        self._dialect = dialect
        self._at = at  # where the pending lines begin
        self._pending: list[bytes] = []  # lines of a record whose end was not read yet
        self._wanted = 0  # lines: a long record is not looked at again for every few of them
        self._passing: Passing | None = None

    def records(self, found: Iterator[list[bytes] | LongLine]) -> Iterator[Parsed | Overlong]:
        for more in found:
            if isinstance(more, LongLine):
                yield from self._parsed()
                if self._passing is None:
                    self._pass_over()
                assert self._passing is not None
                self._passing.take_long(more)
                yield from self._passed()
                continue
            if self._passing is not None:
                more = self._passing.take(more)
                yield from self._passed()
            self._pending += more
            if len(self._pending) >= self._wanted or self._is_too_long:
                yield from self._parsed()
                if self._is_too_long:
                    self._pass_over()
        if self._passing is not None:
            yield self._passing.record()
        elif self._pending:
            yield _parse(self._pending, self._dialect, self._at, final=True)[0]

    @property
    def _is_too_long(self) -> bool:
        """Whether the pending lines are more than one record may have."""
        return len(self._pending) > MOST_LINES or sum(map(len, self._pending)) > LONGEST_LINE

    def _parsed(self) -> Iterator[Parsed]:
        """The whole records that are pending."""
        if not self._pending:
            return
        found, left = _parse(self._pending, self._dialect, self._at, final=False)
        yield found
        offset, line = self._at
        size = sum(map(len, found.lines)) + len(found.lines)
        self._at = Position(offset + size, line + len(found.lines))
        self._pending = self._pending[len(self._pending) - left :]
        self._wanted = 2 * left

    def _pass_over(self) -> None:
        """The record that is pending, or is next, is too long to be held."""
        quoted = not self._dialect.escaped
        self._passing = Passing(self._at, self._pending, quoted=quoted)
        self._pending, self._wanted = [], 0

    def _passed(self) -> Iterator[Overlong]:
        if self._passing is not None and not self._passing.is_open:
            record = self._passing.record()
            self._at, self._passing = record.end, None
            yield record


def _parse(
    lines: list[bytes], dialect: Dialect, start: Position, *, final: bool
) -> tuple[Parsed, int]:
    """The records in these lines, and how many lines at the end hold no whole one."""
    data = b"\n".join(lines)
    is_text = b"\0" not in data
    try:
        text = data.decode()
    except UnicodeDecodeError:
        is_text = False
        text = data.decode("utf-8", "surrogateescape")
    if dialect.escaped:
        return _parse_escaped(text, lines, dialect, start)._replace(is_text=is_text), 0
    found, left = _parse_quoted(text, lines, dialect, start, final=final)
    cells = found.cells
    if f"{dialect.delimiter}'" in text or "\n'" in text or "\"'" in text or text[:1] == "'":
        cells = [
            [unguard(cell) if cell[:1] == "'" else cell for cell in record] for record in cells
        ]
    return found._replace(cells=cells, is_text=is_text), left


def _parse_quoted(
    text: str, lines: list[bytes], dialect: Dialect, start: Position, *, final: bool
) -> tuple[Parsed, int]:
    cells = _line_by_line(text, dialect.delimiter)
    if cells is not None:
        return Parsed(lines, cells, {}, None, start), 0
    return _parse_carefully(text + "\n", lines, dialect, start, final=final)


def _line_by_line(text: str, delimiter: str) -> list[Cells] | None:
    """The records, if each is a line: most have no quotes, and need no parser."""
    if "\r" in text:
        text = text.replace("\r\n", "\n").removesuffix("\r")
        if "\r" in text:
            return None
    lines = text.split("\n")
    quoted = [line for line in lines if '"' in line] if '"' in text else []
    try:
        found = list(csv.reader(quoted, delimiter=delimiter, strict=True))
    except csv.Error:
        return None
    if len(found) != len(quoted):
        return None
    if len(quoted) == len(lines):
        return found
    parsed = iter(found)
    return [
        next(parsed) if quoted and '"' in line else line.split(delimiter) if line else []
        for line in lines
    ]


def _parse_carefully(
    text: str, lines: list[bytes], dialect: Dialect, start: Position, *, final: bool
) -> tuple[Parsed, int]:
    """The same, record by record: one may be broken, or have more lines than one."""
    reader = csv.reader(io.StringIO(text), delimiter=dialect.delimiter, strict=True)
    cells: list[Cells] = []
    spans: list[int] = []
    problems: dict[int, Problem] = {}
    used = 0
    while used < len(lines):
        try:
            record = next(reader)
        except csv.Error as error:
            if _ENDLESS in str(error) and not final:
                break
            problems[len(cells)] = Problem("broken_quotes", _told(error, reader.line_num - used))
            record = []
        cells.append(record)
        spans.append(reader.line_num - used)
        used = reader.line_num
    return Parsed(lines[:used], cells, problems, spans, start), len(lines) - used


def _parse_escaped(text: str, lines: list[bytes], dialect: Dialect, start: Position) -> Parsed:
    if "\r" in text:
        text = text.replace("\r\n", "\n").removesuffix("\r")
    cells = [line.split(dialect.delimiter) if line else [] for line in text.split("\n")]
    problems: dict[int, Problem] = {}
    if "\\" in text:
        for place, record in enumerate(cells):
            try:
                cells[place] = [_unescaped(cell) if "\\" in cell else cell for cell in record]
            except ValueError:
                told = "A backslash in it begins no escape: write it twice"
                problems[place] = Problem("bad_escape", told)
                cells[place] = []
    return Parsed(lines, cells, problems, None, start)


def _unescaped(cell: str) -> str:
    r"""The text of a cell. Raises ValueError for an escape nobody knows. ``\N`` is no text."""
    if cell == NULL:
        return ""
    return _ESCAPED.sub(_escape, cell)


def _escape(match: re.Match[str]) -> str:
    found = _ESCAPES.get(match[1])
    if found is None:
        raise ValueError(match[0])
    return found


def _told(error: csv.Error, lines: int) -> str:
    """What the csv module found wrong, in our words."""
    text = str(error)
    span = f"; they reach over {lines:,} lines" if lines > 1 else ""
    if _ENDLESS in text:
        return f"Its quotes are not closed{span}"
    if "expected after" in text:
        return f"Something follows its closing quote (a quote within quotes is doubled){span}"
    if "new-line" in text:
        return "A carriage return stands in a cell without quotes"
    return f"It cannot be read as CSV: {text}"
