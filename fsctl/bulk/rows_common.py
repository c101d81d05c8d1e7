"""What rows of every format have in common."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import accumulate, repeat
from typing import Protocol, overload

import msgspec

from ..errors import Usage
from .batches import Position
from .checking import Problem

LONGEST_LINE = 16 * 1024 * 1024  # bytes of one row (DESIGN §2, Bounds)


class Row(msgspec.Struct, gc=False):
    """A row. A Struct, because a million of them are made.

    ``line`` counts from 1, ``start`` and ``end`` are offsets in the decoded input; ``body`` is the
    record as it is sent, JSON in UTF-8, or what there is of it where there are ``problems``;
    ``raw`` the row as it stood, without its line end.
    """

    line: int
    start: int
    end: int
    body: bytes
    problems: tuple[Problem, ...]
    raw: bytes


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


def too_long(
    name: str, line: int, what: str = "has", most: str = f"{LONGEST_LINE // 1024**2} MiB"
) -> Usage:
    """The error for what is no row any more."""
    return Usage(
        f"Line {line:,} of {name} {what} more than {most}.",
        hint="Look at it: a row ends with its line; quotes and brackets have to be closed.",
        code="line_too_long",
    )
