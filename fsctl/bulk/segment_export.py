"""Wait for a segment's export and bring its file: what happens comes as events.

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
from .segment_unpack import unpacked

_PAUSES = (1.0, 1.0, 2.0, 3.0, 5.0, 8.0)  # seconds between looks; then the last one again and again
_LAST_PAUSE = 10.0
_LOOKS_AT_NOTHING = 4  # an operation just begun may not be known everywhere yet
_TROUBLES = 5  # in a row, each after retries of its own
_ADDRESSES = 3  # signed ones, asked for where the last was refused


class Storage(Protocol):
    """Where signed addresses lead."""

    def pieces(self, location: str) -> Iterator[bytes]:
        """The file as it was sent. Raises :class:`GatewayError` and :class:`Refused`."""
        ...


class Standing(NamedTuple):
    """How far Fullstory has come; ``percent`` is its estimate, where it gives one."""

    percent: int | None


class Fetched(NamedTuple):
    """So many bytes of the file are written by now; fewer than before where it began anew."""

    size: int


class StillRunning(Unavailable):
    """The time for waiting is over, and the export is not."""


def follow(
    caller: Caller, operation_id: str, deadline: Deadline, *, begun_now: bool = False
) -> Iterator[Standing | str]:
    """Events until the export is done, the last being its id (a ``str``).

    Raises :class:`Refused` with Fullstory's words where it has failed, :class:`StillRunning` at the
    ``deadline``, :class:`Unavailable` where nobody answers for long.
    """
    pauses = chain(_PAUSES, repeat(_LAST_PAUSE))
    unseen = _LOOKS_AT_NOTHING if begun_now else 0
    troubles = 0
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
            if found.state == "FAILED":
                raise _failed(found)
            if found.state == "COMPLETED":
                if found.export_id is None:
                    raise _nameless(found)
                yield found.export_id
                return
            yield Standing(found.percent)
        pause = next(pauses)
        if pause >= deadline.remaining():
            raise StillRunning(
                f"The export {operation_id} is still running at Fullstory.", code="still_running"
            )
        caller.clock.sleep(pause)


def fetch(
    caller: Caller, storage: Storage, export_id: str, opened: Callable[[], BinaryIO]
) -> Iterator[Fetched]:
    """Write the unpacked file into what ``opened`` gives, which is asked for anew with every try.

    A refused address, which may have expired, is asked for anew; what broke on the way begins anew.
    """
    tried = refused = 0
    while True:
        location = _address(caller, export_id)
        try:
            yield from _written(storage, location, opened())
            return
        except GatewayError as failure:
            if _is_refused(failure) and refused < _ADDRESSES - 1:
                refused += 1
                caller.note(f"{failure.message} Asking for a new address.")
                continue
            if _is_refused(failure) or not _may_pass(failure, tried, caller):
                raise _unfetched(failure) from None
            pause = pause_before_retry(tried, failure.retry_after, caller.clock.random())
            caller.note(f"{failure.message} Trying again in {pause:.1f} s.")
        caller.clock.sleep(pause)
        tried += 1


def _written(storage: Storage, location: str, stream: BinaryIO) -> Iterator[Fetched]:
    size = 0
    for piece in unpacked(storage.pieces(location)):
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


def _may_pass(failure: GatewayError, tried: int, caller: Caller) -> bool:
    return tried < caller.policy.retries and may_repeat(failure, True)


def _unfetched(failure: GatewayError) -> FsctlError:
    if failure.trouble is Trouble.FAILED:
        return Refused(
            f"{failure.message} It did so at every address that Fullstory signed.",
            hint="Start a new export, or ask Fullstory's support.",
            code=failure.code,
            status=failure.status,
        )
    return as_error(failure, "file of the export", writes=False)


def _failed(found: segments.Operation) -> Refused:
    why = found.failure.strip().rstrip(".")[:500]
    return Refused(
        f"Fullstory could not make the export {found.id}{f': {why}' if why else ''}.",
        hint="Mend what it names and ask again; for less at a time there are --since and --until.",
        code="export_failed",
    )


def _nameless(found: segments.Operation) -> Unavailable:
    return Unavailable(
        f"The export {found.id} is done, but the answer does not say where its result is.",
        hint="Look at `fsctl raw request /operations/v1/ID`.",
        code="unreadable",
    )
