"""Carry one stretch of an input to its end: send its batch, follow the job, keep its rejects.

What is done here is written in the journal first, so that whenever the process dies the stretch is
gone on with where it stood. Safe to use from several threads, each with a stretch of its own.
"""

from __future__ import annotations

import json
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from typing import Any, BinaryIO, NamedTuple, Protocol

from ..errors import FsctlError
from ..fullstory.batch_jobs import BatchJobs, Kind, Standing, failed_request
from ..fullstory.limits import IDEMPOTENCY_SECONDS
from ..fullstory.outcome import as_error
from ..membrane import payload
from ..membrane.gateway import Fate, GatewayError, Origin, Trouble
from . import following
from .batches import Bounds, Position, Row, Stretch, fingerprint, joined, stretches, until
from .import_events import Event, JobDone, Smaller
from .import_journal import Journal, Kept
from .import_rejects import Form, Reason, new_part
from .matching import Matcher
from .sending import Sender

_MARGIN = 600.0  # seconds before a key's end in which it is not relied upon any more
_REFUSED = (Trouble.INVALID, Trouble.FAILED)
NOT_KNOWN = Reason(
    "outcome_unknown", "It was sent and not answered, and sending it again may do it twice", None
)
_GONE = Reason("job_gone", "Fullstory took it, and does not know its job any more", None)
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


class Task(NamedTuple):
    """A stretch to carry. ``body`` is there where its batch is to be sent, ``bad`` where its bad
    rows are at hand."""

    kept: Kept
    body: bytes | None = None
    bad: Sequence[Row] | None = None


class Outputs(NamedTuple):
    """What is kept beside the rejects; ``imported`` makes a row of --imports, or is None."""

    imported: Callable[[Mapping[str, Any]], bytes] | None = None


class Carrier:
    """Carries stretches of one input. ``tell`` gets events, from any thread."""

    def __init__(
        self,
        reader: Reader,
        jobs: BatchJobs,
        sender: Sender,
        journal: Journal,
        bounds: Bounds,
        *,
        new_id: Callable[[], str],
        tell: Callable[[Event], None],
        outputs: Outputs = Outputs(),  # noqa: B008 - it cannot be changed
        job_patience: float = following.PATIENCE,
    ) -> None:
        self._reader = reader
        self._jobs = jobs
        self._sender = sender
        self._journal = journal
        self._bounds = bounds
        self._new_id = new_id
        self._tell = tell
        self._outputs = outputs
        self._patience = job_patience
        self._matching = threading.Lock()  # one at a time, because of what it holds

    # -- what to do

    def fresh(self, stretch: Stretch) -> Task:
        """The task of a stretch that was never sent."""
        return Task(self._kept(stretch), stretch.body if stretch.bodies else None, stretch.bad)

    def again(self, kept: Kept) -> Task:
        """The task of a stretch that an earlier run left, its body read again where it is sent."""
        if kept.job is not None or kept.state == "refused" or not kept.rows:
            return Task(kept)
        bodies = [row.body for row in self._rows(kept) if not row.problems]
        body = joined(bodies)
        if kept.state == "unsent":
            same = kept._replace(key=self._new_id(), sha256=fingerprint(body), rows=len(bodies))
            return Task(same, body)
        if self._is_kept_by_fullstory(kept) and fingerprint(body) == kept.sha256:
            return Task(kept, body)
        if self._reader.kind == "users" and all(map(_is_named, bodies)):
            anew = kept._replace(
                key=self._new_id(), sha256=fingerprint(body), rows=len(bodies), state="unsent"
            )
            return Task(anew, body)
        return Task(kept._replace(state="unknown"))

    def _is_kept_by_fullstory(self, kept: Kept) -> bool:
        age = self._sender.clock.time() - kept.at
        return self._jobs.carries_keys and 0 <= age < IDEMPOTENCY_SECONDS - _MARGIN

    def _kept(self, stretch: Stretch) -> Kept:
        bodies = stretch.bodies
        sha256 = fingerprint(stretch.body) if bodies else ""
        return Kept(
            stretch.start,
            stretch.end,
            len(bodies),
            len(stretch.bad),
            sha256,
            self._new_id() if bodies else "",
            self._sender.clock.time(),
            state="unsent",
        )

    # -- doing it

    def carry(self, task: Task, taken: Callable[[Kept], None]) -> list[Kept]:
        """Do it to the end; ``taken`` gets the stretch once a job has it.

        Returns the stretches that have to be carried in its place: itself when it is over, smaller
        ones after a 413. Raises a :class:`FsctlError` that concerns all, ``Stopped``.
        """
        kept = task.kept
        if kept.state == "unknown":
            return [self._unknown(kept, NOT_KNOWN)]
        if not kept.rows:
            return [self._over(kept, task.bad, {}, ())]
        try:
            if kept.job is None and kept.state != "refused":
                assert task.body is not None
                kept = self._sent(kept, task.body)
                taken(kept)
            standing = following.followed(
                self._jobs, self._sender, kept.job or "", patience=self._patience
            )
            return [self._ended(kept, standing, task.bad)]
        except _Split as split:
            return split.pieces
        except _Refused as refused:
            return [self._refused(kept, refused.reason, task.bad)]
        except following.JobGone:
            return [self._unknown(kept, _GONE)]
        except GatewayError as failure:
            raise _failed(failure) from None

    def _sent(self, kept: Kept, body: bytes) -> Kept:
        """Send the batch until it is answered. The journal has it before and after."""
        if kept.state == "unsent":
            kept = kept._replace(state="sent", at=self._sender.clock.time())
            self._journal.write(kept)
        try:
            standing = self._sender.ask(
                lambda: self._jobs.create(body, kept.key), repeatable=self._jobs.carries_keys
            )
        except GatewayError as failure:
            if failure.trouble is Trouble.TOO_LARGE and failure.fate is not Fate.UNKNOWN:
                raise self._split(kept, body, failure) from None
            if failure.trouble in _REFUSED and failure.origin is Origin.FULLSTORY:
                raise _Refused(failure) from None
            if failure.fate is not Fate.UNKNOWN:
                self._journal.write(kept._replace(state="unsent"))
            raise
        kept = kept._replace(job=standing.id)
        self._journal.write(kept)
        return kept

    def _split(self, kept: Kept, body: bytes, failure: GatewayError) -> Exception:
        """Smaller stretches in place of one whose body was too large."""
        if kept.rows == 1:
            return _Refused(failure)
        self._bounds.halve(len(body))
        smaller = Bounds(self._bounds.rows, max(1, len(body) // 2))
        blocks = until(self._reader.blocks(kept.start), _offset(kept.end))
        pieces = [self._kept(stretch) for stretch in stretches(blocks, smaller)]
        pieces[-1] = pieces[-1]._replace(end=kept.end)
        self._journal.split(kept, pieces)
        self._tell(Smaller(smaller.size))
        return _Split(pieces)

    # -- what came of it

    def _ended(self, kept: Kept, standing: Standing, bad: Sequence[Row] | None) -> Kept:
        """Keep what the job did to each row."""
        assert kept.job is not None
        with ExitStack() as stack:
            failures: dict[int, Reason] = {}
            returned: list[bytes] = []
            told = 0
            if standing.errors or standing.status == "FAILED":
                stack.enter_context(self._matching)
                failures, returned, told = self._matched(kept)
            imports = min(standing.imports, kept.rows)
            lost = kept.rows - standing.imports - max(standing.errors, told)
            if standing.status == "FAILED" and not standing.imports and lost > 0 and not returned:
                # The whole job failed: every row did that no reason came for.
                failures = _all_failed(self._rows(kept), failures)
                told = len(failures)
            errors = max(standing.errors, told)
            kept = kept._replace(imports=imports, errors=errors, untold=max(0, errors - told))
            if self._outputs.imported is not None:
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
            return self._over(kept, bad, failures, returned)

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
            for sent in self._rows(kept):
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

    def _over(
        self,
        kept: Kept,
        bad: Sequence[Row] | None,
        failures: Mapping[int, Reason],
        returned: Sequence[bytes],
    ) -> Kept:
        """Keep the rejects, and then that the stretch is over."""
        if kept.bad or failures or returned:
            at_hand = bad is not None and not failures
            rows = bad if at_hand and bad is not None else self._rows(kept)
            with new_part(self._journal.part(kept.start.offset, "rejects")) as part:
                self._write(part, rows, failures)
                for line in returned:
                    part.write(line + b"\n")
        kept = kept._replace(state="done")
        self._journal.write(kept)
        return kept

    def _refused(self, kept: Kept, reason: Reason, bad: Sequence[Row] | None) -> Kept:
        """None of the batch was taken: each of its rows was refused for that reason."""
        every = {
            row.start: reason._replace(line=row.line)
            for row in self._rows(kept)
            if not row.problems
        }
        return self._over(kept._replace(errors=kept.rows), bad, every, ())

    def _unknown(self, kept: Kept, reason: Reason) -> Kept:
        """Nobody will know what became of its good rows; its bad ones are rejects as ever."""
        bad = []
        with new_part(self._journal.part(kept.start.offset, "unknown")) as part:
            for row in self._rows(kept):
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

    def _write(self, part: BinaryIO, rows: Sequence[Row] | Iterator[Row], failures: Any) -> None:
        form = self._reader.form
        for row in rows:
            reason = reason_of(row) if row.problems else failures.get(row.start)
            if reason is not None:
                part.write(form.row(row.raw, reason) + b"\n")

    def _write_imports(self, kept: Kept) -> None:
        assert self._outputs.imported is not None
        with new_part(self._journal.part(kept.start.offset, "imports")) as part:
            for row in following.results(self._jobs, self._sender, kept.job or "", "imports"):
                part.write(self._outputs.imported(row) + b"\n")

    def _rows(self, kept: Kept) -> Iterator[Row]:
        for block in until(self._reader.blocks(kept.start), _offset(kept.end)):
            yield from block


class _Split(Exception):
    def __init__(self, pieces: list[Kept]) -> None:
        super().__init__()
        self.pieces = pieces


class _Refused(Exception):
    def __init__(self, failure: GatewayError) -> None:
        super().__init__()
        self.reason = Reason(failure.code or "refused", failure.message, None)


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


def _is_named(body: bytes) -> bool:
    """Whether a user's record is an upsert: sent twice, it is imported once."""
    record = payload.decode(body)
    return bool(record.get("id") or record.get("uid"))


def _offset(end: Position | None) -> int | None:
    return None if end is None else end.offset


def _failed(failure: GatewayError) -> FsctlError:
    """What ends the run. With the journal it is safe to go on, whatever became of the request."""
    error = as_error(failure, "batch job", writes=False)
    if failure.trouble in (Trouble.UNAVAILABLE, Trouble.UNREADABLE, Trouble.RATE_LIMITED):
        error.hint = "The same command goes on where this one stopped, and sends nothing twice."
    return error
