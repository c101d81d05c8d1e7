"""JSON lines: a record a line, sent as it stands."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..errors import Usage
from .batches import Position
from .checking import Checker
from .rows_common import LONGEST_LINE, GoodRows, LongLine, Row, shortened, too_long
from .source import Source
from .source_bytes import CHUNK

_BLANK = b" \t\r"
_MOST_PASSED = 256 * 1024 * 1024  # bytes of a line that is passed over: some inputs have no end


class JsonlReading:
    """Reads JSON lines. Blank lines are no rows."""

    def __init__(self, source: Source, checker: Checker) -> None:
        self._source = source
        self._checker = checker

    def blocks(self, at: Position | None) -> Iterator[Sequence[Row]]:
        offset, line = at or Position(0, 1)
        for lines in whole_lines(self._source, offset):
            if isinstance(lines, LongLine):
                end = offset + lines.size + 1
                problems = (too_long(lines.size),)
                yield [Row(line, offset, end, b"", problems, shortened(lines.head))]
                offset, line = end, line + 1
                continue
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


def whole_lines(source: Source, offset: int) -> Iterator[list[bytes] | LongLine]:
    """Lines from an offset on, some at a time, without their ends.

    One that is too long is given on its own, and was never held. Raises :class:`Usage` for one
    that seems to have no end.
    """
    stream = source.open(offset)
    parts: list[bytes] = []  # of a line whose end was not read yet
    size = 0
    long: LongLine | None = None
    while data := stream.read(CHUNK):
        if long is not None:
            inside, ended, data = data.partition(b"\n")
            long = long.longer(inside)
            if not ended:
                if long.size > _MOST_PASSED:
                    raise Usage(
                        f"A line of {source.name} has more than {_MOST_PASSED // 1024**2} MiB.",
                        hint="Look at it: a row ends with its line.",
                        code="line_too_long",
                    )
                continue
            yield long
            long = None
        cut = data.rfind(b"\n") + 1
        if not cut:
            parts.append(data)
            size += len(data)
        else:
            parts.append(data[: cut - 1])
            lines = b"".join(parts).split(b"\n")
            if size and len(lines[0]) > LONGEST_LINE:
                yield LongLine.of(lines.pop(0))
            if lines:
                yield lines
            parts, size = [data[cut:]], len(data) - cut
        if size > LONGEST_LINE:
            long = LongLine.of(b"".join(parts))
            parts, size = [], 0
    if long is not None:
        yield long
    elif size:
        yield [b"".join(parts)]
