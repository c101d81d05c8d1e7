"""Find what comes more than once among millions, in little memory.

Hashes are sorted in runs that fit, kept in a file without a name, and merged. Two different texts
with the same hash of 64 bits would be told as one: of ten million, about once in 400,000 files.
"""

from __future__ import annotations

import heapq
import tempfile
from collections.abc import Iterator
from itertools import groupby
from typing import BinaryIO, NamedTuple

_RUN = 200_000  # hashes that are sorted at a time
_LINE_BITS = 40
_LINE = (1 << _LINE_BITS) - 1
_WIDTH = 13  # bytes of a hash and a line
_CHUNK = 4_096  # records read at a time from each run


class Repeated(NamedTuple):
    """Lines that hold the same, in order."""

    lines: tuple[int, ...]


class Duplicates:
    """Takes texts with their lines, and tells which lines have the same one."""

    def __init__(self, run: int = _RUN) -> None:
        self._size = run
        self._held: list[int] = []
        self._runs: list[tuple[int, int]] = []  # offset and records in the file
        self._file: BinaryIO | None = None

    def add(self, text: str, line: int) -> None:
        self._held.append((hash(text) & 0xFFFF_FFFF_FFFF_FFFF) << _LINE_BITS | line & _LINE)
        if len(self._held) >= self._size:
            self._put_away()

    def __iter__(self) -> Iterator[Repeated]:
        """Every text that came more than once. Ask when all have been added."""
        self._held.sort()
        runs = [self._records(*run) for run in self._runs]
        merged = heapq.merge(*runs, self._held)
        for _, same in groupby(merged, key=lambda record: record >> _LINE_BITS):
            lines = tuple(record & _LINE for record in same)
            if len(lines) > 1:
                yield Repeated(lines)

    def close(self) -> None:
        if self._file is not None:
            self._file.close()

    def _put_away(self) -> None:
        if self._file is None:
            self._file = tempfile.TemporaryFile()  # noqa: SIM115 - close() closes it
        self._held.sort()
        offset = self._file.seek(0, 2)
        self._file.write(b"".join(record.to_bytes(_WIDTH, "big") for record in self._held))
        self._runs.append((offset, len(self._held)))
        self._held.clear()

    def _records(self, offset: int, count: int) -> Iterator[int]:
        assert self._file is not None
        for first in range(0, count, _CHUNK):
            self._file.seek(offset + first * _WIDTH)
            data = self._file.read(min(_CHUNK, count - first) * _WIDTH)
            for place in range(0, len(data), _WIDTH):
                yield int.from_bytes(data[place : place + _WIDTH], "big")
