"""Records of a table that are too long to be held: passed over, and told as one bad row.

Where such a record ends, its quotes tell: each that opens is closed, and those within are doubled,
so that their number is odd while the record goes on. Nothing within is taken for a row.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from .batches import Position
from .checking import Problem
from .rows_common import LongLine, too_long

MOST_LINES = 250_000  # of one record


class Overlong(NamedTuple):
    """A record that was passed over: where it is, how it begins, its lines, and what is wrong."""

    start: Position
    end: Position
    head: bytes
    problem: Problem


class Passing:
    """Passes over a record that begins at ``start``, with the lines of it that were read.

    ``quoted`` is False where quotes mean nothing.
    """

    def __init__(self, start: Position, held: Sequence[bytes], *, quoted: bool = True) -> None:
        self._start = start
        self._quoted = quoted
        self._head = held[0] if held else b""
        self._size = sum(map(len, held)) + len(held)
        self._lines = len(held)
        self.is_open = bool(held)

    def take_long(self, line: LongLine) -> None:
        self._head = self._head or line.head
        self._take(line.size, line.quotes)

    def take(self, lines: list[bytes]) -> list[bytes]:
        """Take those of the lines that belong to it; returns the others."""
        for place, line in enumerate(lines):
            if not self.is_open:
                return lines[place:]
            self._take(len(line), line.count(b'"'))
        return []

    def _take(self, size: int, quotes: int) -> None:
        self._size += size + 1
        self._lines += 1
        self.is_open ^= self._quoted and quotes % 2 == 1

    def record(self) -> Overlong:
        """What was passed over, once it is not open or the input has ended."""
        end = Position(self._start.offset + self._size, self._start.line + self._lines)
        if self._lines == 1:
            return Overlong(self._start, end, self._head, too_long(self._size - 1))
        told = (
            f"Its quotes {'are not closed' if self.is_open else 'reach too far'}; they reach over "
            f"{self._lines:,} lines, and a row has at most 16 MiB and {MOST_LINES:,} lines: here "
            "is only how it begins"
        )
        return Overlong(self._start, end, self._head, Problem("broken_quotes", told))
