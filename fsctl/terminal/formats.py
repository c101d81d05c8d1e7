"""A list in each format: what is written before, for, and after its rows.

A format is told of its first page before it is given rows, because some need to see rows to
know their columns. What it returns is whole lines.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

from .columns import Row
from .encode import compact, pretty
from .world import World


class ListFormat(ABC):
    """How a list is written. Each method returns whole lines, or nothing."""

    looks_ahead = False  # whether begin() should see more than one row

    def __init__(self, world: World) -> None:
        self._world = world
        self._ci = world.under_ci
        self.left_out: dict[str, None] = {}  # keys of later rows that have no column
        self.dropped: list[str] = []  # titles of columns that the window has no room for

    def begin(self, first_page: Sequence[Row]) -> str:
        """What stands before the rows."""
        return ""

    @abstractmethod
    def lines(self, rows: Sequence[Row]) -> str:
        """The rows of one page."""

    def end(self) -> str:
        """What stands after the rows, where the list came to its end."""
        return ""


class JsonLines(ListFormat):
    """A compact object a line."""

    def lines(self, rows: Sequence[Row]) -> str:
        return "".join([compact(row, ci=self._ci) + "\n" for row in rows])


class JsonArray(ListFormat):
    """One indented array, closed only where the list came to its end."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._empty = True

    def begin(self, first_page: Sequence[Row]) -> str:
        return "["

    def lines(self, rows: Sequence[Row]) -> str:
        if not rows:
            return ""
        separator = "" if self._empty else ","
        self._empty = False
        return separator + pretty(rows, ci=self._ci)[1:-2]  # between its brackets

    def end(self) -> str:
        return "]\n" if self._empty else "\n]\n"
