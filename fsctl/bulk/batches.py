"""Batches: rows put together to bodies within bounds, and the stretch of the input each is from.

Fullstory takes 50,000 requests a batch and publishes no size for the body; Membrane takes 10 MB a
request (contracts/fullstory-api §1.2, contracts/membrane §3.3). A stretch also holds the bad rows
that stand between its good ones, so that together the stretches are the whole input.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple, Protocol

from ..fullstory.limits import BATCH_MAX_REQUESTS

MOST_BYTES = 8_000_000  # of a body
MOST_BAD_ROWS = 5_000  # in one stretch: they are held until it is done
MOST_BAD_BYTES = 1_000_000
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
    """A stretch of the input, its good rows as bodies, and its bad rows.

    ``end`` is where the next stretch begins; None where the input ends.
    """

    start: Position
    end: Position | None
    bodies: Sequence[bytes]
    bad: Sequence[Row]

    @property
    def body(self) -> bytes:
        return joined(self.bodies)


def joined(bodies: Iterable[bytes]) -> bytes:
    """The body of a request that holds these records."""
    return b"".join((_HEAD, b",".join(bodies), _TAIL))


def fingerprint(body: bytes) -> str:
    """What tells whether two bodies are the same bytes."""
    return hashlib.sha256(body).hexdigest()


def stretches(blocks: Iterable[Sequence[Row]], bounds: Bounds) -> Iterator[Stretch]:
    """Cut rows into stretches, each within ``bounds`` as they are when it is begun.

    A single row larger than the bounds gets a stretch of its own. Every stretch but the last is
    given when the row after it is known.
    """
    frame = len(_HEAD) + len(_TAIL) - 1
    bodies: list[bytes] = []
    bad: list[Row] = []
    start: Position | None = None
    size, bad_size, most_rows, most_bytes = frame, 0, bounds.rows, bounds.size
    for block in blocks:
        for row in block:
            body = row.body
            grown = size + len(body) + 1
            if start is None:
                start = Position(row.start, row.line)
            elif (
                (bodies and not row.problems and (grown > most_bytes or len(bodies) >= most_rows))
                or bad_size > MOST_BAD_BYTES
                or len(bad) >= MOST_BAD_ROWS
            ):
                here = Position(row.start, row.line)
                yield Stretch(start, here, bodies, bad)
                bodies, bad, start = [], [], here
                bad_size, most_rows, most_bytes = 0, bounds.rows, bounds.size
                grown = frame + len(body) + 1
                size = frame
            if row.problems:
                bad.append(row)
                bad_size += len(row.raw)
            else:
                bodies.append(body)
                size = grown
    if start is not None:
        yield Stretch(start, None, bodies, bad)


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
