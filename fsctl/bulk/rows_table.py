"""CSV and TSV: a header, and a record a row.

A row whose quotes are broken is bad as far as they reach: nothing within is taken for a row of its
own, because visitors choose what stands in cells. It counts for as many rows as it has lines.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import accumulate

import msgspec

from ..errors import Usage
from ..fullstory.batch_jobs import Kind
from ..terminal.delimited import unguard
from .batches import Position
from .checking import Checker, Problem
from .mapping import Choices, layout
from .rows_common import LONGEST_LINE, GoodRows, Row, shortened
from .source import Source
from .table_form import RecordForm
from .table_overlong import Overlong
from .table_records import Records
from .table_text import Cells, Parsed, dialect_of, parsed

_encode = msgspec.json.Encoder().encode
_JSON = re.compile(rb'\s*+(?:\[\s*+)?\{\s*+"')  # how records of it begin, and no header
_NOTHING = b"{}"  # the record of a row whose cells are all empty


class TableReading:
    """Reads a table. ``form`` is how its rejects are written; ``columns`` are the names of those
    that become something, and what.

    Raises :class:`Usage` for a header that cannot be used.
    """

    def __init__(self, source: Source, kind: Kind, choices: Choices) -> None:
        csv.field_size_limit(LONGEST_LINE)  # the module's own would cut a cell into rows
        self._source = source
        if _JSON.match(source.head):
            raise Usage(
                f"{source.name} holds JSON, and is read as a table because of its name.",
                hint="Name its format: --format jsonl (a record a line) or --format json.",
                code="header",
            )
        self._dialect = dialect_of(source)
        titles, self._first = self._header()
        plan = layout(kind, titles, choices, source.name)
        self._records = Records(
            kind, plan, empty_as_null=choices.empty_as_null, anonymous=choices.anonymous
        )
        self._checker = Checker(kind, made=self._records.fit)
        self._width = len(titles)
        self._nameless = plan.nameless
        self._names = {".".join(column.path): column.name for column in plan.columns}
        self.form = RecordForm(plan, self._dialect)
        self.columns = [(column.name, column.told) for column in plan.columns]

    def _header(self) -> tuple[Cells, Position]:
        """The titles of the columns, and where the first row begins."""
        for found in parsed(self._source, self._dialect, self._dialect.begins):
            if isinstance(found, Overlong):
                raise self._no_header(found.problem, found.start.line)
            for place, (cells, (_, end, line, raw)) in enumerate(_placed(found)):
                if place in found.problems or not _is_text(raw):
                    raise self._no_header(found.problems.get(place, _NO_TEXT), line)
                if cells:
                    titles = [unguard(title).strip() for title in cells]
                    return titles, Position(end, line + raw.count(b"\n") + 1)
        return [], Position(0, 1)

    def _no_header(self, problem: Problem, line: int) -> Usage:
        told = problem.message[:1].lower() + problem.message[1:]
        return Usage(
            f"Line {line:,} of {self._source.name} is no header: {told}.",
            hint="The first line has to name the columns.",
            code="header",
        )

    def blocks(self, at: Position | None) -> Iterator[Sequence[Row]]:
        if not self._width:
            return
        for found in parsed(self._source, self._dialect, at or self._first):
            if isinstance(found, Overlong):
                yield [self._overlong(found)]
            elif rows := self._rows(found):
                yield rows

    def _overlong(self, found: Overlong) -> Row:
        """A row that nobody can send again, corrected or not: it begins behind the last column."""
        (offset, line), (end, after) = found.start, found.end
        raw = (self._dialect.delimiter * self._width).encode() + shortened(found.head)
        return Row(line, offset, end, b"", (found.problem,), raw, after - line)

    def _rows(self, found: Parsed) -> Sequence[Row]:
        return self._good_rows(found) or self._looked_at(found)

    def _good_rows(self, found: Parsed) -> Sequence[Row] | None:
        """The rows, if each is a line and all of them are good."""
        widths = set(map(len, found.cells))
        if found.spans or found.problems or not found.is_text or widths != {self._width}:
            return None
        if self._nameless:
            return None
        build = self._records.build
        try:
            bodies = [_encode(build(cells)) for cells in found.cells]
        except (ValueError, RecursionError):
            return None
        if _NOTHING in bodies or not self._checker.passes(bodies):
            return None
        return GoodRows(bodies, found.lines, *found.start)

    def _looked_at(self, found: Parsed) -> list[Row]:
        """The rows, each looked at for what is wrong with it."""
        rows = []
        for place, (cells, (start, end, line, raw)) in enumerate(_placed(found)):
            if place in found.problems:
                lines = raw.count(b"\n") + 1
                rows.append(Row(line, start, end, b"", (found.problems[place],), raw, lines))
            elif not found.is_text and not _is_text(raw):
                rows.append(Row(line, start, end, b"", (_NO_TEXT,), raw))
            elif any(cells) and not raw.isspace():
                rows.append(self._row(cells, start, end, line, raw))
        good = [row for row in rows if not row.problems]
        checked = self._checker.check_all([row.body for row in good])
        for row, (body, problems) in zip(good, checked, strict=True):
            row.body, row.problems = body, tuple(map(self._named, problems))
        return rows

    def _row(self, cells: Cells, start: int, end: int, line: int, raw: bytes) -> Row:
        """A row of its own. Excel leaves out separators where the last columns of 16 rows are
        empty; its line end shows that nothing was cut off."""
        if len(cells) != self._width or self._nameless:
            if raw.endswith(b"\r"):
                cells = cells + [""] * (self._width - len(cells))
            problem = self._misplaced(cells)
            if problem is not None:
                return Row(line, start, end, b"", (problem,), raw)
        try:
            return Row(line, start, end, _encode(self._records.build(cells)), (), raw)
        except (ValueError, RecursionError):
            return Row(line, start, end, b"", self._all_problems(cells), raw)

    def _all_problems(self, cells: Cells) -> tuple[Problem, ...]:
        """What is wrong with cells that are not of their types, and with the rest of the row."""
        problems: list[Problem] = []
        record = self._records.record(cells, problems)
        with suppress(ValueError, RecursionError):
            problems += map(self._named, self._checker.check(_encode(record))[1])
        return tuple(problems) or (_NO_JSON,)

    def _misplaced(self, cells: Cells) -> Problem | None:
        """What is wrong with a row that is not as wide as the header, or has nameless cells."""
        if len(cells) < self._width:
            told = f"It has {len(cells):,} of the {self._width:,} columns: it may be cut off"
            return Problem("too_few_columns", told)
        if any(cells[self._width :]):
            told = f"It has {len(cells):,} columns, and the header {self._width:,}"
            return Problem("too_many_columns", told)
        for place in self._nameless:
            if cells[place]:
                told = f"Its column {place + 1:,} has a value, and no name in the header"
                return Problem("nameless_column", told)
        return None

    def _named(self, problem: Problem) -> Problem:
        """A problem of a record's key as one of the column that it is from."""
        name = self._names.get(problem.key or "")
        if name is None:
            return problem
        return Problem(problem.code, f"Column {name!a}: {problem.message}", name)


_NO_JSON = Problem("invalid_json", "What it holds cannot be written as JSON")
_NO_TEXT = Problem("invalid_encoding", "It is not valid UTF-8, or holds a zero byte")

_Place = tuple[int, int, int, bytes]  # start, end, line, the record as it stood


def _placed(found: Parsed) -> Iterator[tuple[Cells, _Place]]:
    """The records, each with where it stands."""
    sizes = (len(line) + 1 for line in found.lines)
    ends = list(accumulate(sizes, initial=found.start.offset))
    first = found.start.line
    if found.spans is None:
        for place, cells in enumerate(found.cells):
            yield cells, (ends[place], ends[place + 1], first + place, found.lines[place])
        return
    at = 0
    for cells, span in zip(found.cells, found.spans, strict=True):
        raw = found.lines[at] if span == 1 else b"\n".join(found.lines[at : at + span])
        yield cells, (ends[at], ends[at + span], first + at, raw)
        at += span


def _is_text(raw: bytes) -> bool:
    if b"\0" in raw:
        return False
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True
