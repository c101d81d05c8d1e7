"""The journal of an import: what was sent, kept before it is sent (DESIGN §2, Files).

A directory in the state directory, 0700, one for each input, kind and account. ``journal.jsonl``
holds facts of the input and, for every stretch of it, offsets, the hash of the body and the
idempotency key before it is sent, and the job's id after; never what stands in a row. Beside it
stand the parts of the rejects, which are people's data as the rejects are. All of it goes when the
import is done.
"""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from ..errors import Refused
from ..settings.files import cannot_keep, make_private_directory
from .import_record import Contents, Identity, Kept, contents, header_line, line_of, rest
from .locked import Busy, Untrusted, keep_names, locked

FOLDER = "imports"
_NAME = "journal.jsonl"
_LOCK = "lock"
_CAREFULLY = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)


class Unfinished(NamedTuple):
    """An import that is under way or was not finished. ``identity`` is None where the journal is
    damaged; ``running``: another process works on it."""

    identity: Identity | None
    begun: str
    stretches: tuple[Kept, ...]
    running: bool
    directory: Path

    @property
    def is_read(self) -> bool:
        """Whether the input was read to its end."""
        return any(kept.end is None for kept in self.stretches)


class Journal:
    """The journal of one import; made by :func:`opened`. Safe to use from several threads."""

    def __init__(self, directory: Path, descriptor: int, kept: Mapping[int, Kept]) -> None:
        self.directory = directory
        self._descriptor = descriptor
        self._kept = dict(kept)
        self._lock = threading.Lock()
        self._closed = False

    @property
    def is_new(self) -> bool:
        return not self._kept

    @property
    def has_sent(self) -> bool:
        """Whether any row of the input may be at Fullstory."""
        return any(kept.may_be_there for kept in self.stretches())

    def stretches(self) -> list[Kept]:
        """All that are known and not split, by where they stand."""
        with self._lock:
            live = [kept for kept in self._kept.values() if kept.state != "split"]
        return sorted(live, key=lambda kept: kept.start.offset)

    def write(self, kept: Kept) -> None:
        """Remember this of its stretch; it is on the disk on return. Raises :class:`Refused`."""
        with self._lock:
            self._append(line_of([kept]))
            self._kept[kept.start.offset] = kept

    def split(self, kept: Kept, pieces: Sequence[Kept]) -> None:
        """Replace a stretch by others that cover it, all at once."""
        with self._lock:
            self._append(line_of([kept._replace(state="split"), *pieces]))
            self._kept.update((piece.start.offset, piece) for piece in pieces)

    def _append(self, line: bytes) -> None:
        if self._closed:  # a thread that was left behind: its word would be nobody's
            raise Refused("The journal is closed already.", code="journal")
        try:
            rest = memoryview(line)
            while rest:
                rest = rest[os.write(self._descriptor, rest) :]
            os.fsync(self._descriptor)
        except OSError as error:
            raise cannot_keep(self.directory / _NAME, error) from None

    def part(self, offset: int, sort: str) -> Path:
        """Where the part of an output stands that comes from the stretch at that offset."""
        return self.directory / f"{offset:020d}.{sort}"

    def parts(self, sort: str) -> list[Path]:
        """The parts of an output, in the order of the input, of the stretches that are over."""
        paths = (self.part(kept.start.offset, sort) for kept in self.stretches() if kept.is_over)
        return [path for path in paths if path.exists()]

    def close(self) -> None:
        """Nothing more is written."""
        with self._lock:
            self._closed = True

    def remove(self) -> None:
        """All is done: nothing has to be remembered. Raises :class:`Refused`."""
        self.close()
        try:
            # The journal first: without it, parts mean nothing.
            (self.directory / _NAME).unlink(missing_ok=True)
            for path in self.directory.iterdir():
                if path.name != _LOCK:
                    path.unlink()
        except OSError as error:
            raise cannot_keep(self.directory, error) from None


@contextmanager
def opened(state: Path, identity: Identity, *, restart: bool, begun: str) -> Iterator[Journal]:
    """The journal of that import, for this process alone, below the ``state`` directory.

    ``restart`` forgets what was kept; ``begun`` is the time to note. Raises :class:`Refused` where
    another process has it, where it is damaged, where the input or the options are not as they
    were, and where it cannot be kept.
    """
    directory = state / FOLDER / identity.name
    try:
        make_private_directory(directory)
        with locked(directory / _LOCK, create=True):
            if restart:
                _clear(directory)
            with _open(directory / _NAME) as descriptor:
                kept = _resumed(directory / _NAME, descriptor, identity, begun)
                journal = Journal(directory, descriptor, kept)
                try:
                    yield journal
                finally:
                    journal.close()
                    if journal.is_new:  # nothing was sent: there is nothing to go on with
                        _clear(directory)
    except Busy:
        raise Refused(
            f"Another fsctl is importing {identity.path!a} already.",
            hint="Wait until it has ended.",
            code="locked",
        ) from None
    except Untrusted as untrusted:
        raise Refused(
            f"The journal in {str(directory)!a} is not used: {untrusted}.",
            hint="Look at it, and move it away.",
            code="journal",
        ) from None
    except OSError as error:  # also what is kept there of an import on its way
        raise cannot_keep(directory, error) from None
    finally:
        _remove_if_empty(directory)


def forget(one: Unfinished) -> None:
    """Keep nothing of that import any more. Raises :class:`Refused` where a process works on it."""
    try:
        with locked(one.directory / _LOCK, create=True):
            _clear(one.directory)
    except Busy:
        raise Refused(
            f"The import in {str(one.directory)!a} is running.",
            hint="Stop it first, or wait until it has ended.",
            code="locked",
        ) from None
    except Untrusted as untrusted:
        raise Refused(
            f"The journal in {str(one.directory)!a} is left alone: {untrusted}.",
            hint="Look at it, and move it away.",
            code="journal",
        ) from None
    except OSError as error:
        raise cannot_keep(one.directory, error) from None
    finally:
        _remove_if_empty(one.directory)


def is_begun(state: Path, identity: Identity) -> bool:
    """Whether something of that input may have been sent by a run that did not finish."""
    return (state / FOLDER / identity.name / _NAME).exists()


def unfinished(state: Path, kind: str | None = None) -> Iterator[Unfinished]:
    """The imports that are under way or were not finished, oldest first."""
    folder = state / FOLDER
    try:
        directories = sorted(path for path in folder.iterdir() if path.is_dir())
    except (FileNotFoundError, NotADirectoryError):
        return
    found = (_look(directory) for directory in directories)
    asked = (one for one in found if one is not None and _is_of(one, kind))
    yield from sorted(asked, key=lambda one: one.begun)


def _look(directory: Path) -> Unfinished | None:
    path = directory / _NAME
    try:
        descriptor = os.open(path, os.O_RDONLY | _CAREFULLY)
    except OSError:
        return None
    try:
        found = contents(path, descriptor)
    except Refused:
        found = Contents(None, "", {}, 0)
    finally:
        os.close(descriptor)
    running = _is_locked(directory / _LOCK)
    return Unfinished(found.identity, found.begun, tuple(found.live), running, directory)


def _is_of(one: Unfinished, kind: str | None) -> bool:
    return kind is None or one.identity is None or one.identity.kind == kind


def _resumed(path: Path, descriptor: int, identity: Identity, begun: str) -> dict[int, Kept]:
    found = contents(path, descriptor)
    # A last line that was cut by a crash is taken away: what it says was not on the disk yet, and
    # so was not sent. An input of which nothing was sent is begun anew.
    os.ftruncate(descriptor, found.end if found.stretches else 0)
    if not found.stretches:
        try:
            os.write(descriptor, header_line(identity, begun))
            os.fsync(descriptor)
        except OSError as error:
            raise cannot_keep(path, error) from None
        keep_names(path.parent)
        keep_names(path.parent.parent)
        return {}
    assert found.identity is not None
    changed = identity.differences(found.identity)
    if changed:
        raise Refused(
            f"{identity.path!a} has an unfinished import, and is not as it was then: "
            f"{', '.join(changed)}.",
            hint=_instead(found),
            code="changed",
        )
    return found.stretches


def _instead(found: Contents) -> str:
    """What to do about an input that is not as it was: what is at Fullstory stays there."""
    assert found.identity is not None
    twice = "a second time" if found.identity.kind == "events" else "again"
    restart = f"--restart begins anew, and sends {twice} what was sent before."
    pending = any(kept.may_be_there and not kept.is_over for kept in found.live)
    lines = rest(found.live, found.live[0].start)
    if pending or len(lines) != 1 or lines[0][1] is not None:
        return f"Give the input and the options of that import to go on with it; {restart}"
    return (
        "Give the input and the options of that import to go on with it, or import the rest of "
        f"it, from line {lines[0][0]:,} on, as a file of its own; {restart}"
    )


def _clear(directory: Path) -> None:
    try:
        (directory / _NAME).unlink(missing_ok=True)
        for path in directory.iterdir():
            if path.name != _LOCK:
                path.unlink()
    except OSError as error:
        raise cannot_keep(directory, error) from None


def _remove_if_empty(directory: Path) -> None:
    """Take the directory away once no journal is in it."""
    if not directory.is_dir() or (directory / _NAME).exists():
        return
    shutil.rmtree(directory, ignore_errors=True)


@contextmanager
def _open(path: Path) -> Iterator[int]:
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | _CAREFULLY, 0o600)
    except OSError as error:
        raise cannot_keep(path, error) from None
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _is_locked(path: Path) -> bool:
    try:
        with locked(path):
            return False
    except Busy:
        return True
    except (OSError, Untrusted):
        return False
