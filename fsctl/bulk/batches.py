"""Batches: rows put together to bodies within bounds, and the stretch of the input each is from.

Fullstory takes 50,000 requests a batch and publishes no size for the body; Membrane takes 10 MB a
request (contracts/fullstory-api §1.2, contracts/membrane §3.3). A stretch also holds the bad rows
that stand between its good ones, so that together the stretches are the whole input.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from operator import attrgetter
from typing import NamedTuple, Protocol

from ..fullstory.limits import BATCH_MAX_REQUESTS

MOST_BYTES = 8_000_000  # of a body
MOST_BAD_ROWS = 5_000  # in one stretch: they are held until it is done
MOST_BAD_BYTES = 1_000_000
_MOST_LOOSE = 1_000  # rows
_body, _problems = attrgetter("body"), attrgetter("problems")
_HEAD, _TAIL = b'{"requests":[', b"]}"


class Problem(Protocol):
    """Why a row is not sent."""

    @property
    def code(self) -> str: ...
    @property
    def message(self) -> str: ...


class Row(Protocol):
    """A row of the input: see ``rows.Row``."""

    @property
    def line(self) -> int: ...
    @property
    def start(self) -> int: ...
    @property
    def body(self) -> bytes: ...
    @property
    def problems(self) -> Sequence[Problem]: ...
    @property
    def raw(self) -> bytes: ...
    @property
    def lines(self) -> int: ...


class Position(NamedTuple):
    """Where a row begins: byte offset in the decoded input, and its line."""

    offset: int
    line: int


class Bounds:
    """How large batches may be. Only an answer of 413 makes them smaller, for all that follow."""

    def __init__(self, rows: int = BATCH_MAX_REQUESTS, size: int = MOST_BYTES) -> None:
        self.rows = rows
        self.size = size

    def halve(self, size: int) -> None:
        """A body of ``size`` bytes was too large: no further one is more than half of it."""
        self.size = max(1, min(self.size, size // 2))


class Stretch(NamedTuple):
    """A stretch of the input: its good rows as they are sent, and its bad rows.

    ``records`` hold one or more of the ``rows`` each, with commas between them; ``end`` is where
    the next stretch begins, None where the input ends.
    """

    start: Position
    end: Position | None
    rows: int
    records: Sequence[bytes]
    bad: Sequence[Row]

    @property
    def body(self) -> bytes:
        return joined(self.records)

    @property
    def bad_rows(self) -> int:
        """For how many rows the bad ones count."""
        return sum(row.lines for row in self.bad)


def joined(records: Iterable[bytes]) -> bytes:
    """The body of a request that holds these records."""
    return b"".join((_HEAD, b",".join(records), _TAIL))


def fingerprint(body: bytes) -> str:
    """What tells whether two bodies are the same bytes."""
    return hashlib.sha256(body).hexdigest()


def stretches(
    blocks: Iterable[Sequence[Row]], bounds: Bounds, end: Position | None = None
) -> Iterator[Stretch]:
    """Cut rows into stretches, each within ``bounds`` as they are when it is begun.

    A single row larger than the bounds gets a stretch of its own. Every stretch but the last is
    given when the row after it is known; the last one ends at ``end``.
    """
    growing: _Growing | None = None
    for block in blocks:
        if not block:
            continue
        if growing is not None and growing.takes_all(block):
            continue
        for row in block:
            if growing is not None and not growing.takes(row):
                yield growing.ended(_place(row))
                growing = None
            if growing is None:
                growing = _Growing(_place(row), bounds)
                growing.takes(row)
    if growing is not None:
        yield growing.ended(end)


class _Growing:
    """A stretch that rows are put to.

    Their bodies are soon put together: so many small ones would be much more than they hold.
    """

    def __init__(self, start: Position, bounds: Bounds) -> None:
        self._start = start
        self._most_rows, self._most_bytes = bounds.rows, bounds.size
        self._rows = 0
        self._records: list[bytes] = []
        self._loose: list[bytes] = []  # bodies that came after the records
        self._bad: list[Row] = []
        self._size = len(_HEAD) + len(_TAIL) - 1
        self._bad_size = 0

    def takes_all(self, block: Sequence[Row]) -> bool:
        """Put a whole block to it at once, if no row of it is bad and all of them fit."""
        if self._is_full_of_bad_rows or self._rows + len(block) > self._most_rows:
            return False
        bodies = good_bodies(block)
        if bodies is None:
            return False
        records = b",".join(bodies)
        size = self._size + len(records) + 1
        if size > self._most_bytes:
            return False
        self._gather()
        self._records.append(records)
        self._rows += len(bodies)
        self._size = size
        return True

    def takes(self, row: Row) -> bool:
        """Put a row to it, if it fits."""
        if self._is_full_of_bad_rows:
            return False
        if row.problems:
            self._bad.append(row)
            self._bad_size += len(row.raw)
            return True
        size = self._size + len(row.body) + 1
        full = size > self._most_bytes or self._rows >= self._most_rows
        if full and self._rows:
            return False
        self._loose.append(row.body)
        self._rows += 1
        self._size = size
        if len(self._loose) >= _MOST_LOOSE:
            self._gather()
        return True

    def _gather(self) -> None:
        if self._loose:
            self._records.append(b",".join(self._loose))
            self._loose = []

    @property
    def _is_full_of_bad_rows(self) -> bool:
        return len(self._bad) >= MOST_BAD_ROWS or self._bad_size > MOST_BAD_BYTES

    def ended(self, end: Position | None) -> Stretch:
        self._gather()
        return Stretch(self._start, end, self._rows, self._records, self._bad)


def good_bodies(block: Sequence[Row]) -> Sequence[bytes] | None:
    """The records of a block in which every row is good; None where one is not.

    A block that knows its ``bodies`` (see ``rows_common.GoodRows``) makes no row for it.
    """
    bodies: Sequence[bytes] | None = getattr(block, "bodies", None)
    if bodies is None and not any(map(_problems, block)):
        bodies = list(map(_body, block))
    return bodies


def _place(row: Row) -> Position:
    return Position(row.start, row.line)


def until(blocks: Iterable[Sequence[Row]], end: int | None) -> Iterator[Sequence[Row]]:
    """The blocks as far as the row that begins at offset ``end``, which is left out."""
    for block in blocks:
        if end is None or not block or block[-1].start < end:
            yield block
            continue
        inside = [row for row in block if row.start < end]
        if inside:
            yield inside
        return


def gaps(
    known: Sequence[tuple[Position, Position | None]],
) -> Iterator[tuple[Position | None, Position | None]]:
    """What no stretch in ``known`` (in any order) covers: from a position (None: the beginning) to
    another (None: the end of the input).
    """
    at: Position | None = None
    for start, end in sorted(known, key=lambda stretch: stretch[0].offset):
        if at is None or start.offset > at.offset:
            yield at, start
        if end is None:
            return
        at = end
    yield at, None
