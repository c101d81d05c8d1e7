"""What rows of every format have in common."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import accumulate, repeat
from typing import NamedTuple, Protocol, overload

import msgspec

from .batches import Position
from .checking import Problem

LONGEST_LINE = 16 * 1024 * 1024  # bytes of one row (DESIGN §2, Bounds)
_HEAD = 1_000  # bytes that are kept of what is longer


class Row(msgspec.Struct, gc=False):
    """A row. A Struct, because a million of them are made.

    ``line`` counts from 1, ``start`` and ``end`` are offsets in the decoded input; ``body`` is the
    record as it is sent, JSON in UTF-8, or what there is of it where there are ``problems``;
    ``raw`` the row as it stood, without its line end. ``lines`` is for how many rows it counts:
    more than one where nobody can tell what rows were within its broken quotes.
    """

    line: int
    start: int
    end: int
    body: bytes
    problems: tuple[Problem, ...]
    raw: bytes
    lines: int = 1


class LongLine(NamedTuple):
    """A line that is longer than a row may be: how it begins, its bytes, and its quotes."""

    head: bytes
    size: int
    quotes: int

    @classmethod
    def of(cls, data: bytes) -> LongLine:
        return cls(data[:_HEAD], len(data), data.count(b'"'))

    def longer(self, data: bytes) -> LongLine:
        """The line with what comes next in it."""
        return LongLine(self.head, self.size + len(data), self.quotes + data.count(b'"'))


class GoodRows(Sequence[Row]):
    """Lines that are good rows, and the ``bodies`` that they are sent as. Rows are made of them
    if they are asked for."""

    def __init__(
        self, bodies: Sequence[bytes], lines: Sequence[bytes], offset: int, line: int
    ) -> None:
        self.bodies = bodies
        self._lines = lines
        self._offset = offset
        self._line = line
        self._rows: list[Row] | None = None

    def _made(self) -> list[Row]:
        if self._rows is None:
            ends = list(accumulate(map(_with_end, self._lines), initial=self._offset))
            numbers = range(self._line, self._line + len(ends))
            self._rows = list(
                map(Row, numbers, ends, ends[1:], self.bodies, repeat(()), self._lines)
            )
        return self._rows

    def __len__(self) -> int:
        return len(self.bodies)

    def __iter__(self) -> Iterator[Row]:
        return iter(self._made())

    @overload
    def __getitem__(self, place: int) -> Row: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[Row]: ...
    def __getitem__(self, place: int | slice) -> Row | Sequence[Row]:
        if isinstance(place, slice):
            return self._made()[place]
        place = range(len(self.bodies))[place]
        raw = self._lines[place]
        start = self._offset + sum(map(_with_end, self._lines[:place]))
        end = start + _with_end(raw)
        return Row(self._line + place, start, end, self.bodies[place], (), raw)


def _with_end(line: bytes) -> int:
    return len(line) + 1


class Reading(Protocol):
    """How the rows of a source are read."""

    def blocks(self, at: Position | None) -> Iterator[Sequence[Row]]:
        """The rows from there on, some at a time. Raises :class:`Usage`."""
        ...


def too_long(size: int, what: str = "") -> Problem:
    """The problem of a row of so many bytes, which is not held."""
    most = f"{LONGEST_LINE // 1024**2} MiB"
    told = f"It has {size:,} bytes{what}, and a row at most {most}: here is only how it begins"
    return Problem("line_too_long", told)


def shortened(raw: bytes) -> bytes:
    """How a row begins that is too long; what comes of it is never a whole row."""
    return raw[:_HEAD].decode("utf-8", "ignore").encode() + b"..."
