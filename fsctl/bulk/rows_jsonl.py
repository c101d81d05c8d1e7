"""JSON lines: a record a line, sent as it stands."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from .batches import Position
from .checking import Checker
from .rows_common import LONGEST_LINE, GoodRows, Row, too_long
from .source import Source
from .source_bytes import CHUNK

_BLANK = b" \t\r"


class JsonlReading:
    """Reads JSON lines. Blank lines are no rows."""

    def __init__(self, source: Source, checker: Checker) -> None:
        self._source = source
        self._checker = checker

    def blocks(self, at: Position | None) -> Iterator[Sequence[Row]]:
        offset, line = at or Position(0, 1)
        for lines in whole_lines(self._source, offset, line):
            rows = self._rows(lines, offset, line)
            offset += sum(map(len, lines)) + len(lines)
            line += len(lines)
            if rows:
                yield rows

    def _rows(self, lines: list[bytes], offset: int, line: int) -> Sequence[Row]:
        if self._checker.passes(lines):
            return GoodRows(lines, lines, offset, line)
        found = []
        for raw in lines:
            end = offset + len(raw) + 1
            if raw.strip(_BLANK):
                found.append((line, offset, end, raw))
            offset, line = end, line + 1
        checked = self._checker.check_all([raw for _, _, _, raw in found])
        return [
            Row(line, start, end, body, problems, raw)
            for (line, start, end, raw), (body, problems) in zip(found, checked, strict=True)
        ]


def whole_lines(source: Source, offset: int, line: int) -> Iterator[list[bytes]]:
    """Lines from an offset on, some at a time, without their ends; ``line`` is the first's number.

    Raises :class:`Usage` for a line that is too long.
    """
    stream = source.open(offset)
    parts: list[bytes] = []  # of a line whose end was not read yet
    size = 0
    while data := stream.read(CHUNK):
        cut = data.rfind(b"\n") + 1
        if not cut:
            parts.append(data)
            size += len(data)
        else:
            parts.append(data[: cut - 1])
            lines = b"".join(parts).split(b"\n")
            if size and len(lines[0]) > LONGEST_LINE:
                raise too_long(source.name, line)
            yield lines
            line += len(lines)
            parts, size = [data[cut:]], len(data) - cut
        if size > LONGEST_LINE:
            raise too_long(source.name, line)
    if size:
        yield [b"".join(parts)]
