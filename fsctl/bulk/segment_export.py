"""Wait for a segment's export and bring its file.

Nothing here is sent that does anything: following and fetching may be repeated, and stopped at any
time. What was begun goes on at Fullstory, and the operation's id leads back to it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain, repeat
from typing import BinaryIO, NamedTuple, Protocol

from ..errors import FsctlError, NotFound, Refused, Unavailable
from ..fullstory import segments
from ..fullstory.call import Caller
from ..fullstory.outcome import as_error
from ..fullstory.repeats import may_repeat, pause_before_retry
from ..membrane.gateway import Deadline, GatewayError, Trouble
from .segment_unpack import rows_only, unpacked

_PAUSES = (1.0, 1.0, 2.0, 3.0, 5.0, 8.0)  # seconds between looks; then the last one again and again
_LAST_PAUSE = 10.0
_LOOKS_AT_NOTHING = 4  # an operation just begun may not be known everywhere yet
_TROUBLES = 5  # in a row, each after retries of its own
_ADDRESSES = 3  # signed ones, asked for where the last was refused
_PENDING, _COMPLETED, _FAILED = "PENDING", "COMPLETED", "FAILED"  # contracts/fullstory-api §2.6
# Others are not written down; what these words say is that nothing more comes.
_ENDED = frozenset((_FAILED, "CANCELLED", "CANCELED", "EXPIRED", "ABORTED"))


class Storage(Protocol):
    """Where signed addresses lead."""

    def pieces(self, location: str) -> Iterator[bytes]:
        """The file as it was sent. Raises :class:`GatewayError` and :class:`Refused`."""
        ...


class Fetched(NamedTuple):
    """So many bytes of the file are written by now; fewer than before where it began anew."""

    size: int


class StillRunning(Unavailable):
    """The time for waiting is over, and the export is not."""


def follow(
    caller: Caller,
    operation_id: str,
    deadline: Deadline,
    told: Callable[[int | None], None],
    *,
    begun_now: bool = False,
) -> str:
    """Wait until the export is made; its id. ``told`` hears of the percent that are, where known.

    Raises :class:`Refused` with Fullstory's words where it has failed, :class:`StillRunning` after
    a last look at the ``deadline``, :class:`Unavailable` where nobody answers for long.
    """
    pauses = chain(_PAUSES, repeat(_LAST_PAUSE))
    unseen = _LOOKS_AT_NOTHING if begun_now else 0
    troubles = 0
    state = _PENDING
    while True:
        try:
            found = segments.standing(caller, operation_id)
        except NotFound:
            if unseen == 0:
                raise
            unseen -= 1
        except Unavailable as trouble:
            troubles += 1
            if troubles == _TROUBLES or deadline.remaining() == 0:
                raise
            caller.note(f"{trouble.message} Looking again.")
        else:
            unseen = troubles = 0
            state = found.state
            if state == _COMPLETED:
                return _export_id(found)
            if state in _ENDED:
                raise _failed(found)
            told(found.percent)
        left = deadline.remaining()
        if left == 0:
            raise _still_running(operation_id, state)
        caller.clock.sleep(min(next(pauses), left))


def fetch(
    caller: Caller, storage: Storage, export_id: str, opened: Callable[[], BinaryIO]
) -> Iterator[Fetched]:
    """Write the unpacked file into what ``opened`` gives, which is asked for anew with every try.

    A refused address, which may have expired, is asked for anew; what broke on the way begins anew.
    """
    patience = _Patience(caller)
    while True:
        location = _address(caller, export_id)
        try:
            yield from _written(storage, location, opened())
            return
        except GatewayError as failure:
            patience.wait_after(failure)


class _Patience:
    """What fetching a file has put up with so far, and what it still will."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller
        self._broken = 0  # tries
        self._refused = 0  # addresses

    def wait_after(self, failure: GatewayError) -> None:
        """Until another try is worth it. Raises the end of it where none is."""
        if _is_refused(failure):
            self._refused += 1
            if self._refused == _ADDRESSES:
                raise _unfetched(failure) from None
            self._caller.note(f"{failure.message} Asking for a new address.")
            return
        if self._broken == self._caller.policy.retries or not may_repeat(failure, True):
            raise _unfetched(failure) from None
        clock = self._caller.clock
        pause = pause_before_retry(self._broken, failure.retry_after, clock.random())
        self._broken += 1
        self._caller.note(f"{failure.message} Trying again in {pause:.1f} s.")
        clock.sleep(pause)


def _written(storage: Storage, location: str, stream: BinaryIO) -> Iterator[Fetched]:
    size = 0
    for piece in rows_only(unpacked(storage.pieces(location))):
        stream.write(piece)
        size += len(piece)
        yield Fetched(size)
    if size == 0:
        yield Fetched(0)


def _address(caller: Caller, export_id: str) -> str:
    try:
        return segments.signed_address(caller, export_id)
    except NotFound as error:
        raise NotFound(
            "Fullstory has the result of this export no more.",
            hint="Start a new one: `fsctl segments export ID`.",
            code=error.code,
            status=error.status,
        ) from None


def _is_refused(failure: GatewayError) -> bool:
    status = failure.status or 0
    return 400 <= status < 500 and status != 429


def _unfetched(failure: GatewayError) -> FsctlError:
    if failure.trouble is Trouble.FAILED:
        return Refused(
            f"{failure.message} It did so at every address that Fullstory signed.",
            hint="Start a new export, or ask Fullstory's support.",
            code=failure.code,
            status=failure.status,
        )
    return as_error(failure, "file of the export", writes=False)


def _still_running(operation_id: str, state: str) -> StillRunning:
    told = (
        "is still running at Fullstory"
        if state == _PENDING
        else f"is not done; Fullstory tells of it the state {state[:60]!a}, which is not known here"
    )
    return StillRunning(f"The export {operation_id} {told}.", code="still_running")


def _failed(found: segments.Operation) -> Refused:
    why = found.failure.strip().rstrip(".")[:500]
    told = (
        f"Fullstory could not make the export {found.id}"
        if found.state == _FAILED
        else f"Fullstory has ended the export {found.id} as {found.state}"
    )
    return Refused(
        f"{told}{f': {why}' if why else ''}.",
        hint="Mend what it names and ask again; for less at a time there are --since and --until.",
        code="export_failed",
    )


def _export_id(found: segments.Operation) -> str:
    if found.export_id is None:
        raise Unavailable(
            f"The export {found.id} is done, but the answer does not say where its result is.",
            hint="Look at `fsctl raw request /operations/v1/ID`.",
            code="unreadable",
        )
    return found.export_id
