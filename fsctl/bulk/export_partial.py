"""What an export has fetched: the records of whole pages in a file, and how far they reach.

Only what belongs to a page that was written down whole counts: whoever goes on cuts the rest away
and asks for that page again.
"""

from __future__ import annotations

import os
from collections.abc import Callable

from .export_pages import CHUNK, Gathered, lines
from .export_state import Keeper, State

_KEPT_EVERY = 0.5  # seconds between two words on how far it has come


class Partial:
    """The partial file of an export, by the descriptor under which it is locked.

    ``state`` is how far whole pages reach, ``people`` counts those of a last page, too.
    """

    def __init__(
        self, descriptor: int, keeper: Keeper, state: State, monotonic: Callable[[], float]
    ) -> None:
        self.descriptor = descriptor
        self.state = self._latest = state
        self._keeper = keeper
        self._monotonic = monotonic
        self._kept: State | None = None
        self._kept_at = float("-inf")

    @property
    def people(self) -> int:
        return self._latest.people

    def is_cut(self) -> bool:
        """Whether the file is shorter than what is kept of it says."""
        return os.fstat(self.descriptor).st_size < self.state.offset

    def check(self) -> None:
        """Raise :class:`Refused` where what is kept cannot be of this file."""
        records, last = 0, b"\n"
        os.lseek(self.descriptor, 0, os.SEEK_SET)
        left = self.state.offset
        while left and (piece := os.read(self.descriptor, min(CHUNK, left))):
            records += piece.count(b"\n")
            last = piece[-1:]
            left -= len(piece)
        if records != self.state.people or last != b"\n":
            raise self._keeper.damaged("it does not fit the partial file")

    def restart(self) -> None:
        """Begin with the first page again."""
        self.state = State(self.state.facts, self.state.begun)

    def cut(self) -> None:
        """Take away what belongs to no whole page, and remember where that is."""
        os.ftruncate(self.descriptor, self.state.offset)
        os.lseek(self.descriptor, self.state.offset, os.SEEK_SET)
        self._latest = self.state
        self.keep()

    def add(self, page: Gathered) -> None:
        """Write down a page; it counts if another comes after it, or with :meth:`complete`."""
        rest = memoryview(lines(page.records).encode("utf-8", "backslashreplace"))
        while rest:
            rest = rest[os.write(self.descriptor, rest) :]
        self._latest = self._latest.but(
            offset=os.lseek(self.descriptor, 0, os.SEEK_CUR),
            people=self._latest.people + len(page.records),
            left_out=self._latest.left_out + page.left_out,
        )
        if page.token:
            self.state = self._latest = self._latest.but(token=page.token)
            if self._monotonic() - self._kept_at >= _KEPT_EVERY:
                self.keep()

    def complete(self) -> None:
        """Note that all pages are there."""
        self.state = self._latest = self._latest.but(complete=True)
        self.keep()

    def keep(self) -> None:
        """Remember how far it is; both files are on the disk on return. Raises OSError."""
        if self.state == self._kept:
            return
        os.fsync(self.descriptor)
        self._keeper.keep(self.state)
        self._kept, self._kept_at = self.state, self._monotonic()

    def announce(self, facts: os.stat_result) -> None:
        """Remember which file it will be: a run that dies between two steps is understood."""
        self._keeper.keep(self.state.but(published=(facts.st_dev, facts.st_ino)))
