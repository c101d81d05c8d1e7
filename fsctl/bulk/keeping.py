"""Keep what became of the rows of a stretch: rejects, unknown ones, the ids they got.

The word that a stretch is over comes into the journal when its files are on the disk.
"""

from __future__ import annotations

import json
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from typing import IO, Any, Protocol

from ..errors import Usage
from ..fullstory.batch_jobs import BatchJobs, Kind, Results, Standing, failed_request
from ..membrane import payload
from ..membrane.gateway import GatewayError, Origin, Trouble
from ..settings.files import cannot_keep
from . import following
from .batches import Position, Row, until
from .import_events import Event, JobDone, Withheld
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
_WITHHELD = (Trouble.FORBIDDEN, Trouble.NOT_FOUND, Trouble.INVALID, Trouble.FAILED)


class Torn(Exception):
    """Nothing more can be read of an input, or not again what was: ``error`` says why."""

    def __init__(self, error: Usage) -> None:
        super().__init__(error.message)
        self.error = error


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
            whole = failed >= kept.rows or (silent > 0 and not completed)
            if whole and not imports and told < kept.rows and not returned:
                # The whole job failed: every row did that no reason came for.
                with suppress(Torn):
                    failures = _all_failed(rows_of(self._reader, kept), failures)
                    told = len(failures)
            # What is neither told as imported nor as failed is not to be taken for imported.
            errors = max(failed, told, kept.rows - imports)
            kept = kept._replace(imports=imports, errors=errors, untold=errors - told)
            if self._imported is not None:
                kept = kept._replace(nameless=max(0, imports - self._write_imports(kept)))
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
        with self._spool() as spool:
            for row in self._results(kept, "errors"):
                request = failed_request(row, self._reader.kind)
                matcher.failed(request)
                spool.write(json.dumps(request, separators=(",", ":")).encode() + b"\n")
                reasons.append(_reason(row))
            lines: dict[int, int] = {}
            try:
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
            except Torn:  # as they came back is all there is of them
                failures, unclear = {}, set(range(len(reasons)))
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
            try:
                rows = bad if at_hand and bad is not None else rows_of(self._reader, kept)
                self._write_rejects(kept, rows, failures, returned)
            except Torn:
                self._write_rejects(kept, bad or (), {}, returned)
                lost = len(failures) + (kept.bad if bad is None else 0)
                kept = kept._replace(untold=kept.untold + lost)
        kept = kept._replace(state="done")
        self._journal.write(kept)
        return kept

    def refused(self, kept: Kept, reason: Reason, bad: Sequence[Row] | None) -> Kept:
        """None of the batch was taken: each of its rows was refused for that reason."""
        every: dict[int, Reason] = {}
        kept = kept._replace(errors=kept.rows)
        try:
            for row in rows_of(self._reader, kept):
                if not row.problems:
                    every[row.start] = reason._replace(line=row.line)
        except Torn:
            return self.over(kept._replace(untold=kept.rows), bad, {}, ())
        return self.over(kept, bad, every, ())

    def unknown(self, kept: Kept, reason: Reason) -> Kept:
        """Nobody will know what became of its good rows; its bad ones are rejects as ever."""
        bad = []
        with (
            new_part(self._journal.part(kept.start.offset, "unknown")) as part,
            suppress(Torn),  # the count of them is told all the same
        ):
            for row in rows_of(self._reader, kept):
                if row.problems:
                    bad.append(row)
                else:
                    why = reason._replace(line=row.line)
                    part.write(self._reader.form.row(row.raw, why) + b"\n")
        if bad:
            self._write_rejects(kept, bad, {}, ())
        kept = kept._replace(state="unknown")
        self._journal.write(kept)
        return kept

    def _write_rejects(
        self,
        kept: Kept,
        rows: Iterable[Row],
        failures: Mapping[int, Reason],
        returned: Sequence[bytes],
    ) -> None:
        form = self._reader.form
        with new_part(self._journal.part(kept.start.offset, "rejects")) as part:
            for row in rows:
                reason = reason_of(row) if row.problems else failures.get(row.start)
                if reason is not None:
                    part.write(form.row(row.raw, reason) + b"\n")
            for line in returned:
                part.write(line + b"\n")

    def _write_imports(self, kept: Kept) -> int:
        """Keep what was imported; how many there were."""
        assert self._imported is not None
        count = 0
        with new_part(self._journal.part(kept.start.offset, "imports")) as part:
            for row in self._results(kept, "imports"):
                part.write(self._imported(row) + b"\n")
                count += 1
        return count

    def _results(self, kept: Kept, which: Results) -> Iterator[Mapping[str, Any]]:
        """The rows of a job's results, as far as Fullstory gives them: it may give a Standard key
        the job and not these (contracts/fullstory-api §2), and the import goes on without."""
        job = kept.job or ""
        try:
            yield from following.results(self._jobs, self._sender, job, which)
        except GatewayError as failure:
            if failure.origin is not Origin.FULLSTORY or failure.trouble not in _WITHHELD:
                raise
            self._tell(Withheld(self._reader.name, job, which, failure.message))

    @contextmanager
    def _spool(self) -> Iterator[IO[bytes]]:
        try:
            with tempfile.TemporaryFile(dir=self._journal.directory) as spool:
                yield spool
        except OSError as error:
            raise cannot_keep(self._journal.directory, error) from None


def blocks_from(reader: Reader, at: Position | None) -> Iterator[Sequence[Row]]:
    """The rows from there on. Raises :class:`Torn` where they end before the input does."""
    try:
        yield from reader.blocks(at)
    except Usage as error:
        raise Torn(error) from None


def blocks_of(reader: Reader, kept: Kept) -> Iterator[Sequence[Row]]:
    """The rows of a stretch, read again. Raises :class:`Torn`."""
    return until(blocks_from(reader, kept.start), None if kept.end is None else kept.end.offset)


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
