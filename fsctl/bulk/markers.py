"""Markers of ``--once``: what was sent under a key, or may have been (DESIGN §1, Retries).

An annotation can be neither listed nor deleted and carries no idempotency key
(contracts/fullstory-api §2.4), so only a note made here before sending can keep a second run from
sending it again. One file a key, 0600, in the state directory or another: a machine that does not
have the file knows nothing of it.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from ..errors import Refused
from ..settings.files import cannot_write, make_private_directory
from . import locked

FOLDER = "once"  # in the state directory
KEPT_DAYS = 90  # longer than any build system runs a job again
PATIENCE = 10.0  # seconds to wait for another process that is sending under the same key

State = Literal["none", "sending", "sent"]

_VERSION = 1
_DAY = 86400
_NAME = re.compile(r"[0-9a-f]{32}\.once")
_MOST_EXPIRED = 1000  # files a run cleans away: what is left is the next one's


def same(what: str) -> str:
    """What stands for ``what`` is the same, in a few characters: a digest of it."""
    return hashlib.sha256(what.encode("utf-8", "surrogatepass")).hexdigest()


def key(account: str, connection: str, digest: str) -> str:
    """The key of what :func:`same` gave, over one connection: elsewhere it is something else."""
    return json.dumps([account, connection, digest])


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Marker:
    """What is known under one key, for this process alone while the block of :func:`once` runs.

    ``state`` is ``none`` where nothing is known to have been sent. Found as ``sending`` it is what
    a run has left that did not live to learn the outcome, or that another run sends at this very
    moment (``busy``): it may have arrived. ``since`` is when that was written, in UTC.
    """

    def __init__(
        self,
        path: Path,
        descriptor: int | None,
        state: State,
        since: datetime | None,
        now: Callable[[], datetime],
    ) -> None:
        self.path = path
        self.state: State = state
        self.since = since
        self.busy = descriptor is None
        self._descriptor = descriptor
        self._now = now

    @property
    def suppresses(self) -> str | None:
        """Why nothing is to be sent, as a sentence or two; None where nothing speaks against it."""
        when = self.since.isoformat(timespec="seconds").replace("+00:00", "Z") if self.since else ""
        at = f" at {when}" if when else ""
        if self.busy:
            return "Another fsctl is sending an annotation under the same --once key."
        if self.state == "sent":
            return f"An annotation was sent under the same --once key{at}."
        if self.state == "sending":
            return (
                f"An annotation may have been sent under the same --once key{at}: its outcome is "
                f"unknown. If Fullstory's chart does not show it, remove {str(self.path)!a}."
            )
        return None

    def mark_sending(self) -> None:
        """It is about to be sent. On the disk on return; raises :class:`Refused`."""
        self._write("sending")

    def mark_sent(self) -> None:
        """It has arrived. Raises :class:`Refused`; it then stays ``sending``."""
        self._write("sent")

    def clear(self) -> None:
        """It was certainly not sent: another run may. Raises :class:`Refused`."""
        assert self._descriptor is not None
        try:
            locked.replace(self._descriptor, b"")
        except OSError as error:
            raise cannot_write(self.path, error) from None
        self.state, self.since = "none", None

    def _write(self, state: State) -> None:
        assert self._descriptor is not None
        now = self._now()
        note = {"version": _VERSION, "state": state, "time": now.isoformat(timespec="seconds")}
        try:
            locked.replace(self._descriptor, (json.dumps(note) + "\n").encode())
            locked.keep_names(self.path.parent)
        except OSError as error:
            raise cannot_write(self.path, error) from None
        self.state, self.since = state, now


@contextmanager
def once(
    directory: Path,
    key: str,
    *,
    patience: float = PATIENCE,
    now: Callable[[], datetime] = _utc_now,
    monotonic: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[Marker]:
    """The marker of ``key`` in ``directory``, which is made where it is missing.

    While another process has it, ``patience`` seconds are waited; then it is taken for
    ``sending``. A marker that nothing was written to goes away again, and so do those of other
    keys when they are old. Raises :class:`Refused` where no marker can be kept: nothing is to be
    sent then.
    """
    name = same(key)[:32]
    path = directory / f"{name}.once"
    with ExitStack() as stack:
        file = locked.locked(path, create=True, patience=patience, monotonic=monotonic, sleep=sleep)
        try:
            make_private_directory(directory)
            descriptor = stack.enter_context(file)
        except locked.Busy:
            descriptor = None
        except locked.Untrusted as problem:
            raise Refused(
                f"The --once marker {str(path)!a} is not used: {problem}.",
                hint="Name a directory of your own with --once-dir.",
                code="once",
            ) from None
        except OSError as error:
            raise cannot_write(path, error) from None
        if descriptor is None:
            yield Marker(path, None, "sending", None, now)
            return
        marker = Marker(path, descriptor, *_read(descriptor), now)
        try:
            yield marker
        finally:
            if marker.state == "none":
                # Only whoever holds its lock removes a file, so it is this one.
                with suppress(OSError):
                    path.unlink()
            _expire(directory, path, now().timestamp() - KEPT_DAYS * _DAY)


def _read(descriptor: int) -> tuple[State, datetime | None]:
    """What the file says. One that cannot be read may have been cut by a crash while sending."""
    try:
        data = locked.read(descriptor)
        if not data:
            return "none", None
        note = json.loads(data)
        since = datetime.fromisoformat(note["time"]).astimezone(UTC)
        if note["version"] == _VERSION and note["state"] == "sent":
            return "sent", since
        return "sending", since
    except (ValueError, KeyError, TypeError, OverflowError, locked.Untrusted):
        return "sending", None


def _expire(directory: Path, own: Path, oldest: float) -> None:
    """Remove markers of long ago. Whatever is in the way of that is for another day."""
    gone = 0
    with suppress(OSError), os.scandir(directory) as entries:
        for entry in entries:
            if not _NAME.fullmatch(entry.name) or entry.name == own.name:
                continue
            if gone >= _MOST_EXPIRED:
                return
            with suppress(OSError, locked.Busy, locked.Untrusted):
                gone += _remove_if_older(Path(entry.path), oldest)


def _remove_if_older(path: Path, oldest: float) -> bool:
    if path.lstat().st_mtime > oldest:
        return False
    with locked.locked(path) as descriptor:
        # The time in it counts: files that were copied may have been given any.
        state, since = _read(descriptor)
        if state != "none" and since is not None and since.timestamp() > oldest:
            return False
        path.unlink()
    return True
