"""Small private files that one process at a time works on.

The lock is on the file itself and ends with the process, however that ends; nothing is left over
that would have to be cleaned away.
"""

from __future__ import annotations

import errno
import os
import stat
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

MOST_BYTES = 16 * 1024
_TICK = 0.05  # seconds between looks at a lock that somebody holds

_SAFE = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


class Busy(Exception):
    """Another process works on the file."""


class Untrusted(Exception):
    """What is there is not a private file of this user's: the message says why."""


@contextmanager
def locked(
    path: Path,
    *,
    create: bool = False,
    patience: float = 0.0,
    monotonic: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[int]:
    """A descriptor of the file at ``path``, open for reading and writing, and locked.

    Raises :class:`Busy` where the lock is not had within ``patience`` seconds, FileNotFoundError
    where nothing is there (and ``create`` is false), :class:`Untrusted` and OSError.
    """
    ends = monotonic() + patience
    while True:
        descriptor = _open(path, os.O_RDWR | (os.O_CREAT if create else 0))
        try:
            while not _try_lock(descriptor):
                if monotonic() >= ends:
                    raise Busy
                sleep(_TICK)
            if _is_at(path, descriptor):
                yield descriptor
                return
            # Removed or replaced while this process waited: look again at what is there now.
        finally:
            os.close(descriptor)


def look(path: Path) -> bytes:
    """What the file holds, whoever works on it. Raises as :func:`locked` does."""
    descriptor = _open(path, os.O_RDONLY)
    try:
        return read(descriptor)
    finally:
        os.close(descriptor)


def read(descriptor: int) -> bytes:
    """All of the file. Raises :class:`Untrusted` where it is too large to be one of fsctl's."""
    if os.fstat(descriptor).st_size > MOST_BYTES:
        raise Untrusted("it is too large")
    os.lseek(descriptor, 0, os.SEEK_SET)
    with os.fdopen(os.dup(descriptor), "rb") as stream:
        return stream.read(MOST_BYTES)


def replace(descriptor: int, data: bytes) -> None:
    """Have the file hold ``data``, on the disk on return. Raises OSError.

    Written over what is there, and shortened only then: whenever the process dies, the file holds
    the old, the new, or what cannot be read, and is never empty in between.
    """
    os.lseek(descriptor, 0, os.SEEK_SET)
    if os.write(descriptor, data) != len(data):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    os.ftruncate(descriptor, len(data))
    os.fsync(descriptor)


def keep_names(directory: Path) -> None:
    """Have the directory remember its new names, where directories can be opened."""
    if sys.platform == "win32":
        return
    with suppress(OSError):  # some file systems do not, and the names are kept all the same
        descriptor = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _open(path: Path, flags: int) -> int:
    if path.is_symlink():
        raise Untrusted("it is a symbolic link")
    descriptor = os.open(path, flags | _SAFE, 0o600)
    try:
        _check(os.fstat(descriptor))
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _check(facts: os.stat_result) -> None:
    if not stat.S_ISREG(facts.st_mode):
        raise Untrusted("it is not a plain file")
    if facts.st_nlink > 1:
        raise Untrusted("it has a second name")
    if sys.platform == "win32":
        return
    if facts.st_uid != os.geteuid():
        raise Untrusted("it is another user's")
    if stat.S_IMODE(facts.st_mode) & 0o077:
        raise Untrusted("others may read or write it (`chmod 600` it, if it is yours)")


def _is_at(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(path.lstat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def _try_lock(descriptor: int) -> bool:
    if sys.platform == "win32":
        import msvcrt

        try:
            os.lseek(descriptor, MOST_BYTES, os.SEEK_SET)  # beyond what is read and written
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True
    import fcntl

    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
