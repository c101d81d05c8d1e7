"""What rows of every format have in common."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

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


class Reading(Protocol):
    """How the rows of a source are read."""

    def blocks(self, at: Position | None) -> Iterator[Sequence[Row]]:
        """The rows from there on, some at a time. Raises :class:`Usage`."""
        ...


def too_long(name: str, line: int, what: str = "has") -> Usage:
    """The error for what is no row any more."""
    most = LONGEST_LINE // (1024 * 1024)
    return Usage(
        f"Line {line:,} of {name} {what} more than {most} MiB.",
        hint="Look at it: a row ends with its line; quotes and brackets have to be closed.",
        code="line_too_long",
    )
