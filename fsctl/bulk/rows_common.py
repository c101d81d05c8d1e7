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


class GoodLines(Sequence[Row]):
    """Lines that are good rows as they stand: ``bodies``, of which rows are made if asked for."""

    def __init__(self, bodies: Sequence[bytes], offset: int, line: int) -> None:
        self.bodies = bodies
        self._offset = offset
        self._line = line
        self._rows: list[Row] | None = None

    def _made(self) -> list[Row]:
        if self._rows is None:
            bodies = self.bodies
            sizes = (len(body) + 1 for body in bodies)
            ends = list(accumulate(sizes, initial=self._offset))
            numbers = range(self._line, self._line + len(bodies))
            self._rows = list(map(Row, numbers, ends, ends[1:], bodies, repeat(()), bodies))
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
        body = self.bodies[place]
        start = self._offset + sum(map(len, self.bodies[:place])) + place
        return Row(self._line + place, start, start + len(body) + 1, body, (), body)


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
