"""Count rows of an import as its stretches are read, taken and done, those of earlier runs too."""

from __future__ import annotations

from .import_events import Progress
from .import_record import Kept


class Counts:
    """How far an input has come; ``progress`` is the word on it now."""

    def __init__(self, progress: Progress) -> None:
        self.progress = progress

    def read(self, kept: Kept) -> None:
        """A stretch was read, in this run or an earlier one."""
        before = self.progress
        end = kept.end.offset if kept.end else before.size
        self.progress = before._replace(
            read=before.read + kept.rows + kept.bad,
            bad=before.bad + kept.bad,
            offset=max(before.offset, end or before.offset),
        )
        if kept.job is not None:
            self.sent(kept)

    def sent(self, kept: Kept) -> None:
        """A job took its batch."""
        self.progress = self.progress._replace(sent=self.progress.sent + kept.rows)

    def over(self, kept: Kept) -> None:
        """It is known what became of its rows, or that nobody will know."""
        before = self.progress
        if kept.state == "unknown":
            self.progress = before._replace(unknown=before.unknown + kept.rows)
            return
        self.progress = before._replace(
            accepted=before.accepted + kept.imports, rejected=before.rejected + kept.errors
        )

    def jobs(self, count: int) -> None:
        """So many batches are on their way."""
        self.progress = self.progress._replace(jobs=count)
