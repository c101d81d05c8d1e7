"""Keep what became of the rows of a stretch: rejects, unknown ones, the ids they got.

The word that a stretch is over comes into the journal when its files are on the disk.
"""

from __future__ import annotations

import json
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from typing import Any, BinaryIO, Protocol

from ..fullstory.batch_jobs import BatchJobs, Kind, Standing, failed_request
from ..membrane import payload
from . import following
from .batches import Position, Row, until
from .import_events import Event, JobDone
from .import_journal import Journal
from .import_record import Kept
from .import_rejects import Form, Reason, new_part
from .matching import Matcher
from .sending import Sender

NOT_KNOWN = Reason(
    "outcome_unknown", "It was sent and not answered, and sending it again may do it twice", None
)
GONE = Reason("job_gone", "Fullstory took it, and does not know its job any more", None)
_JOB_FAILED = Reason("job_failed", "Fullstory's job failed and gives no reason for this row", None)


class Reader(Protocol):
    """An input that can be read again from any row on."""

    @property
    def kind(self) -> Kind: ...
    @property
    def name(self) -> str:
        """As it is shown."""
        ...

    @property
    def form(self) -> Form: ...

    def blocks(self, at: Position | None) -> Iterator[Sequence[Row]]:
        """The rows from there on (None: all of them), some at a time."""
        ...


class Keeper:
    """Keeps the outcomes of one input's stretches. ``imported`` makes a row of --imports.

    Safe to use from several threads, each with a stretch of its own.
    """

    def __init__(
        self,
        reader: Reader,
        jobs: BatchJobs,
        sender: Sender,
        journal: Journal,
        tell: Callable[[Event], None],
        imported: Callable[[Mapping[str, Any]], bytes] | None,
    ) -> None:
        self._reader = reader
        self._jobs = jobs
        self._sender = sender
        self._journal = journal
        self._tell = tell
        self._imported = imported
        self._matching = threading.Lock()  # one at a time, because of what it holds

    def ended(self, kept: Kept, standing: Standing, bad: Sequence[Row] | None) -> Kept:
        """Keep what the job did to each row."""
        assert kept.job is not None
        with ExitStack() as stack:
            failures: dict[int, Reason] = {}
            returned: list[bytes] = []
            told = 0
            completed = standing.status == "COMPLETED"
            if standing.errors or not completed:
                stack.enter_context(self._matching)
                failures, returned, told = self._matched(kept)
            failed = max(standing.errors, told)
            imports = min(standing.imports, kept.rows)
            if completed and "imports" not in standing.raw:
                imports = max(0, kept.rows - failed)
            silent = kept.rows - imports - failed
            if not completed and not imports and silent > 0 and not returned:
                # The whole job failed: every row did that no reason came for.
                failures = _all_failed(rows_of(self._reader, kept), failures)
                told = len(failures)
            # What is neither told as imported nor as failed is not to be taken for imported.
            errors = max(failed, told, kept.rows - imports)
            kept = kept._replace(imports=imports, errors=errors, untold=errors - told)
            if self._imported is not None:
                self._write_imports(kept)
            self._tell(
                JobDone(
                    self._reader.name,
                    kept.job or "",
                    standing.status,
                    imports,
                    errors,
                    kept.start.line,
                )
            )
            return self.over(kept, bad, failures, returned)

    def _matched(self, kept: Kept) -> tuple[dict[int, Reason], list[bytes], int]:
        """Failures by the offsets of their rows; rows as returned whose own is not known; how many
        came. What came is held in a file: 50,000 rows would be much."""
        matcher = Matcher(self._reader.kind)
        reasons: list[Reason] = []
        with tempfile.TemporaryFile(dir=self._journal.directory) as spool:
            for row in following.results(self._jobs, self._sender, kept.job or "", "errors"):
                request = failed_request(row, self._reader.kind)
                matcher.failed(request)
                spool.write(json.dumps(request, separators=(",", ":")).encode() + b"\n")
                reasons.append(_reason(row))
            lines: dict[int, int] = {}
            for sent in rows_of(self._reader, kept):
                if not sent.problems:
                    lines[sent.start] = sent.line
                    matcher.sent(sent.start, payload.decode(sent.body))
            matches = matcher.matches()
            failures = {
                offset: reasons[number]._replace(line=lines[offset])
                for offset, number in matches.rows.items()
            }
            unclear = set(matches.ambiguous)
            spool.seek(0)
            returned = [
                self._reader.form.returned(json.loads(line), reasons[number])
                for number, line in enumerate(spool)
                if number in unclear
            ]
        return failures, returned, len(reasons)

    def over(
        self,
        kept: Kept,
        bad: Sequence[Row] | None,
        failures: Mapping[int, Reason],
        returned: Sequence[bytes],
    ) -> Kept:
        """Keep the rejects, and then that the stretch is over."""
        if kept.bad or failures or returned:
            at_hand = bad is not None and not failures
            rows = bad if at_hand and bad is not None else rows_of(self._reader, kept)
            with new_part(self._journal.part(kept.start.offset, "rejects")) as part:
                self._write(part, rows, failures)
                for line in returned:
                    part.write(line + b"\n")
        kept = kept._replace(state="done")
        self._journal.write(kept)
        return kept

    def refused(self, kept: Kept, reason: Reason, bad: Sequence[Row] | None) -> Kept:
        """None of the batch was taken: each of its rows was refused for that reason."""
        every = {
            row.start: reason._replace(line=row.line)
            for row in rows_of(self._reader, kept)
            if not row.problems
        }
        return self.over(kept._replace(errors=kept.rows), bad, every, ())

    def unknown(self, kept: Kept, reason: Reason) -> Kept:
        """Nobody will know what became of its good rows; its bad ones are rejects as ever."""
        bad = []
        with new_part(self._journal.part(kept.start.offset, "unknown")) as part:
            for row in rows_of(self._reader, kept):
                if row.problems:
                    bad.append(row)
                else:
                    why = reason._replace(line=row.line)
                    part.write(self._reader.form.row(row.raw, why) + b"\n")
        if bad:
            with new_part(self._journal.part(kept.start.offset, "rejects")) as part:
                self._write(part, bad, {})
        kept = kept._replace(state="unknown")
        self._journal.write(kept)
        return kept

    def _write(self, part: BinaryIO, rows: Iterable[Row], failures: Any) -> None:
        form = self._reader.form
        for row in rows:
            reason = reason_of(row) if row.problems else failures.get(row.start)
            if reason is not None:
                part.write(form.row(row.raw, reason) + b"\n")

    def _write_imports(self, kept: Kept) -> None:
        assert self._imported is not None
        with new_part(self._journal.part(kept.start.offset, "imports")) as part:
            for row in following.results(self._jobs, self._sender, kept.job or "", "imports"):
                part.write(self._imported(row) + b"\n")


def blocks_of(reader: Reader, kept: Kept) -> Iterator[Sequence[Row]]:
    """The rows of a stretch, read again."""
    return until(reader.blocks(kept.start), None if kept.end is None else kept.end.offset)


def rows_of(reader: Reader, kept: Kept) -> Iterator[Row]:
    for block in blocks_of(reader, kept):
        yield from block


def reason_of(row: Row) -> Reason:
    """Why a row did not pass the check: its first problem, and how many more there are."""
    first, more = row.problems[0], len(row.problems) - 1
    also = f" (and {more} more)" if more else ""
    return Reason(first.code, f"{first.message}{also}", row.line)


def _all_failed(rows: Iterator[Row], known: Mapping[int, Reason]) -> dict[int, Reason]:
    every = {row.start: _JOB_FAILED._replace(line=row.line) for row in rows if not row.problems}
    return every | dict(known)


def _reason(row: Mapping[str, Any]) -> Reason:
    code, message = row.get("code", row.get("error_code")), row.get("message")
    return Reason(
        code if isinstance(code, str) and code else "failed",
        message if isinstance(message, str) and message else "Fullstory gives no reason",
        None,
    )
