"""Carry one stretch of an input to its end: send its batch, follow the job, keep its rejects.

What is done here is written in the journal first, so that whenever the process dies the stretch is
gone on with where it stood. Safe to use from several threads, each with a stretch of its own.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..errors import FsctlError
from ..fullstory.batch_jobs import BatchJobs, Standing
from ..fullstory.limits import IDEMPOTENCY_SECONDS
from ..fullstory.outcome import as_error
from ..membrane import payload
from ..membrane.gateway import Fate, GatewayError, Origin, Trouble
from . import following
from .batches import Bounds, Row, Stretch, fingerprint, joined, stretches
from .import_events import Event, Smaller
from .import_journal import Journal
from .import_record import Kept
from .import_rejects import Reason
from .keeping import GONE, NOT_KNOWN, Keeper, Reader, Torn, blocks_of, rows_of
from .sending import Sender

_MARGIN = 600.0  # seconds before a key's end in which it is not relied upon any more
_RELIED_UPON = IDEMPOTENCY_SECONDS - _MARGIN
_REFUSED = (Trouble.INVALID, Trouble.FAILED)


class Task:
    """A stretch to carry, with the records of its batch where that is to be sent, and its bad rows
    where they are at hand. The records are let go as they are sent: they are most of what is held.
    """

    def __init__(
        self, kept: Kept, records: Sequence[bytes] = (), bad: Sequence[Row] | None = None
    ) -> None:
        self.kept = kept
        self.bad = bad
        self._records = records

    def take_body(self) -> bytes:
        """The body of the batch, once."""
        records, self._records = self._records, ()
        return joined(records)


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
        imported: Callable[[Mapping[str, Any]], bytes] | None = None,
        job_patience: float = following.PATIENCE,
    ) -> None:
        self._reader = reader
        self._jobs = jobs
        self._sender = sender
        self._journal = journal
        self._bounds = bounds
        self._new_id = new_id
        self._tell = tell
        self._keeper = Keeper(reader, jobs, sender, journal, tell, imported)
        self._patience = job_patience
        self._joining = threading.Lock()  # one at a time, because it holds a batch twice

    # -- what to do

    def fresh(self, stretch: Stretch) -> Task:
        """The task of a stretch that was never sent."""
        return Task(self._kept(stretch), stretch.records, stretch.bad)

    def again(self, kept: Kept) -> Task:
        """The task of a stretch that an earlier run left, its rows read again where it is sent."""
        if kept.job is not None or not kept.rows:
            return Task(kept)
        bodies = [row.body for row in rows_of(self._reader, kept) if not row.problems]
        records = [b",".join(bodies)]
        anew = kept._replace(key=self._new_id(), rows=len(bodies), state="unsent")
        if kept.state == "unsent":
            return Task(anew, records)
        if self._is_kept_by_fullstory(kept) and fingerprint(joined(records)) == kept.sha256:
            return Task(kept, records)
        if self._reader.kind == "users" and all(map(_is_named, bodies)):
            return Task(anew, records)
        return Task(kept._replace(state="unknown"))

    def _is_kept_by_fullstory(self, kept: Kept) -> bool:
        if not self._jobs.carries_keys:
            return False
        here, there = self._sender.clock.time() - kept.at, self._jobs.time_there()
        ages = [here] if there is None else [here, there - kept.at]
        # A clock that was put back tells nothing, unless the service's own does.
        return max(ages) < _RELIED_UPON and (there is not None or here >= 0)

    def _kept(self, stretch: Stretch) -> Kept:
        rows = stretch.rows
        now = self._sender.clock.time()
        return Kept(
            stretch.start,
            stretch.end,
            rows,
            stretch.bad_rows,
            sha256="",  # known as it is sent
            key=self._new_id() if rows else "",
            at=now,
            state="unsent",
        )

    # -- doing it

    def carry(self, task: Task, taken: Callable[[Kept], None]) -> list[Kept]:
        """Do it to the end; ``taken`` gets the stretch once a job has it.

        Returns the stretches that have to be carried in its place: itself when it is over, or when
        its key is, smaller ones after a 413. Raises a :class:`FsctlError` that concerns all,
        ``Stopped``, and ``Torn`` where it has to be sent anew and cannot be read again.
        """
        kept = task.kept
        if kept.state == "unknown":
            return [self._keeper.unknown(kept, NOT_KNOWN)]
        if not kept.rows:
            return [self._keeper.over(kept, task.bad, {}, ())]
        try:
            if kept.job is None:
                kept = self._sent(kept, task)
                taken(kept)
            standing = following.followed(
                self._jobs, self._sender, kept.job or "", patience=self._patience
            )
            return [self._keeper.ended(kept, standing, task.bad)]
        except _Split as split:
            return split.pieces
        except _Outlived as outlived:
            return [outlived.kept]
        except _Refused as refused:
            return [self._keeper.refused(kept, refused.reason, task.bad)]
        except following.JobGone:
            return [self._keeper.unknown(kept, GONE)]
        except GatewayError as failure:
            raise _failed(failure) from None

    def _sent(self, kept: Kept, task: Task) -> Kept:
        """Send the batch until it is answered. The journal has it before and after."""
        with self._joining:
            body = task.take_body()
            if kept.state == "unsent":
                now = self._sender.clock.time()
                kept = kept._replace(state="sent", at=now, sha256=fingerprint(body))
                self._journal.write(kept)

        def attempt() -> Standing:
            # Between two tries a machine may have slept for days.
            if self._sender.clock.time() - kept.at >= _RELIED_UPON:
                raise _Outlived(kept)
            return self._jobs.create(body, kept.key)

        try:
            standing = self._sender.ask(attempt, repeatable=self._jobs.carries_keys)
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
        blocks = blocks_of(self._reader, kept)
        try:
            pieces = [self._kept(piece) for piece in stretches(blocks, smaller, kept.end)]
        except Torn as torn:
            self._journal.write(kept._replace(state="unsent"))
            return torn
        self._journal.split(kept, pieces)
        self._tell(Smaller(smaller.size))
        return _Split(pieces)


class _Split(Exception):
    def __init__(self, pieces: list[Kept]) -> None:
        super().__init__()
        self.pieces = pieces


class _Outlived(Exception):
    """The key of a batch that may have arrived is not kept for it any more."""

    def __init__(self, kept: Kept) -> None:
        super().__init__()
        self.kept = kept


class _Refused(Exception):
    def __init__(self, failure: GatewayError) -> None:
        super().__init__()
        self.reason = Reason(failure.code or "refused", failure.message, None)


def _is_named(body: bytes) -> bool:
    """Whether a user's record is an upsert: sent twice, it is imported once."""
    record = payload.decode(body)
    return bool(record.get("id") or record.get("uid"))


def _failed(failure: GatewayError) -> FsctlError:
    """What ends the run. With the journal it is safe to go on, whatever became of the request."""
    error = as_error(failure, "batch job", writes=False)
    if failure.trouble in (Trouble.UNAVAILABLE, Trouble.UNREADABLE, Trouble.RATE_LIMITED):
        error.hint = "The same command goes on where this one stopped, and sends nothing twice."
    elif failure.trouble is Trouble.FORBIDDEN and failure.origin is Origin.FULLSTORY:
        error.hint = (
            "See that the connection's API key has the role Standard, Architect or Admin; then "
            "the same command goes on."
        )
    return error
