"""Bytes of an input that can be read from any offset on, by several readers at once.

A plain file is read where it lies. What can be read only once (a pipe) is kept in a spool as it is
read, so that a row of it can be read again. Above these stand readers that unpack and transcode.
"""

from __future__ import annotations

import codecs
import hashlib
import os
import threading
import weakref
import zlib
from collections.abc import Callable, Iterable
from typing import BinaryIO, NamedTuple, Protocol

from ..errors import Usage

CHUNK = 256 * 1024  # bytes read at a time
_ENDS = 64 * 1024  # bytes at each end that are hashed
_SMALL = 64 * 1024 * 1024  # unpacked bytes up to which nobody asks how well they were packed
_MOST_UNPACKED = 500  # bytes for each packed one: rows come to 30, a bomb to 1,000


class Stream(Protocol):
    """What rows are read from."""

    def read(self, size: int) -> bytes:
        """At most ``size`` bytes, none at the end. Raises :class:`Usage`."""
        ...


class Store(Protocol):
    """Bytes that stay where they are, until they are closed or nobody reads them any more."""

    close: Callable[[], object]

    def read_at(self, offset: int, size: int) -> bytes:
        """At most ``size`` bytes from ``offset`` on, none at the end. Raises :class:`Usage`."""
        ...


class File:
    """An open file, as far as it went when it was opened. Safe to use from several threads.

    What is appended later is left to a later import. Any other change is refused: rows that are
    read again (for rejects, for a batch that was not answered) have to be the same.
    """

    def __init__(self, stream: BinaryIO, name: str) -> None:
        self._stream = stream
        self._name = name
        self._lock = threading.Lock()
        self.close: Callable[[], object] = weakref.finalize(self, stream.close)
        self.size, self.mtime_ns = self._seen = _stamp(stream)
        self.ends_hash = self._hash_of_ends()

    def read_at(self, offset: int, size: int) -> bytes:
        try:
            with self._lock:
                self._stream.seek(offset)
                if self.size:  # what the kernel makes up has none, and content
                    size = max(0, min(size, self.size - offset))
                data = self._stream.read(size)
                if (now := _stamp(self._stream)) != self._seen:
                    self._check_change(now)
                return data
        except OSError as error:
            raise unreadable(self._name, error) from None

    def _hash_of_ends(self) -> str:
        hashed = hashlib.sha256()
        for start in (0, max(0, self.size - _ENDS)):
            self._stream.seek(start)
            hashed.update(self._stream.read(min(_ENDS, self.size)))
        return hashed.hexdigest()

    def _check_change(self, now: _Stamp) -> None:
        """Pass over lines that were appended to a file that ended with a whole one."""
        self._stream.seek(max(0, self.size - 1))
        whole = self._stream.read(1) == b"\n"
        if not (now.size > self.size and whole and self._hash_of_ends() == self.ends_hash):
            told = f"it had {self.size:,} bytes, and has {now.size:,}"
            raise Usage(
                f"{self._name} was changed while it was read"
                + (f": {told}." if now.size != self.size else "."),
                hint="See to it that nothing writes to it, and begin anew with --restart.",
                code="input_changed",
            )
        self._seen = now


class _Stamp(NamedTuple):
    """What tells whether a file was written to."""

    size: int
    mtime_ns: int


def _stamp(stream: BinaryIO) -> _Stamp:
    facts = os.fstat(stream.fileno())
    return _Stamp(facts.st_size, facts.st_mtime_ns)


class Tee:
    """A pipe, and a spool of what was read from it. Safe to use from several threads.

    ``owned``: the pipe is closed with the spool.
    """

    def __init__(self, pipe: BinaryIO, spool: BinaryIO, name: str, *, owned: bool) -> None:
        self._read: Callable[[int], bytes] = getattr(pipe, "read1", pipe.read)
        self._spool = spool
        self._name = name
        self._size = 0
        self._ended = False
        self._lock = threading.Lock()
        self.close: Callable[[], object] = weakref.finalize(
            self, _close, (spool, pipe) if owned else (spool,)
        )

    def read_at(self, offset: int, size: int) -> bytes:
        with self._lock:
            while offset >= self._size and not self._ended:
                self._take(max(size, CHUNK))
            try:
                self._spool.seek(offset)
                return self._spool.read(min(size, max(0, self._size - offset)))
            except OSError as error:
                raise unreadable(self._name, error) from None

    def _take(self, size: int) -> None:
        try:
            data = self._read(size)
        except OSError as error:
            raise unreadable(self._name, error) from None
        if not data:
            self._ended = True
            return
        try:
            self._spool.seek(self._size)
            self._spool.write(data)
            self._spool.flush()
        except OSError as error:
            raise Usage(
                f"{self._name} cannot be kept for a second reading: {error.strerror}.",
                hint="Make room for it, or import a file.",
            ) from None
        self._size += len(data)


def _close(streams: Iterable[BinaryIO]) -> None:
    for stream in streams:
        stream.close()


class Cursor:
    """A reader of a store, from an offset on."""

    def __init__(self, store: Store, at: int = 0) -> None:
        self._store = store
        self.at = at

    def read(self, size: int) -> bytes:
        data = self._store.read_at(self.at, size)
        self.at += len(data)
        return data


class Unpacked:
    """What a gzip stream holds, all its members."""

    def __init__(self, packed: Cursor, name: str) -> None:
        self._packed = packed
        self._name = name
        self._unpack = zlib.decompressobj(wbits=31)
        self._left = b""  # packed bytes that were read and not used yet
        self._given = 0
        self._over = False

    def read(self, size: int) -> bytes:
        while not self._over:
            self._left = self._left or self._packed.read(CHUNK)
            dry = not self._left
            try:
                data = self._unpack.decompress(self._left, size)
            except zlib.error:
                raise self._damaged("is damaged") from None
            self._left = self._unpack.unconsumed_tail
            if self._unpack.eof:
                self._go_on_behind(self._unpack.unused_data)
            elif dry and not data:
                raise self._damaged("ends in the middle")
            if data:
                return self._counted(data)
        return b""

    def _go_on_behind(self, rest: bytes) -> None:
        """Begin the next member, if there is one; zeros that pad the last are passed over."""
        rest = rest.lstrip(b"\0")
        while not rest and (more := self._packed.read(CHUNK)):
            rest = more.lstrip(b"\0")
        self._over = not rest
        self._left = rest
        self._unpack = zlib.decompressobj(wbits=31)

    def _counted(self, data: bytes) -> bytes:
        self._given += len(data)
        if self._given > max(_SMALL, self._packed.at * _MOST_UNPACKED):
            raise Usage(
                f"{self._name} unpacks to more than {_MOST_UNPACKED} times its size, which rows "
                "do not.",
                hint="Unpack it yourself, and look at what comes out.",
                code="gzip_bomb",
            )
        return data

    def _damaged(self, what: str) -> Usage:
        return Usage(
            f"{self._name} {what}: it cannot be unpacked to its end.",
            hint="Copy or pack it again.",
            code="gzip_damaged",
        )


class Transcoded:
    """Text of another encoding as UTF-8."""

    def __init__(self, stream: Stream, encoding: str, name: str) -> None:
        self._stream = stream
        self._name = name
        self._encoding = encoding
        self._decoder = codecs.getincrementaldecoder(encoding)()
        self._ready = b""
        self._ended = False

    def read(self, size: int) -> bytes:
        while not self._ready and not self._ended:
            data = self._stream.read(CHUNK)
            self._ended = not data
            try:
                self._ready = self._decoder.decode(data, final=self._ended).encode()
            except UnicodeError:
                raise Usage(
                    f"{self._name} is not {self._encoding} to its end.",
                    hint="Name its encoding with --encoding, or save it as UTF-8.",
                    code="encoding",
                ) from None
        given, self._ready = self._ready[:size], self._ready[size:]
        return given


def skip(stream: Stream, count: int) -> None:
    """Read ``count`` bytes, and forget them."""
    while count > 0:
        data = stream.read(min(count, CHUNK))
        if not data:
            return
        count -= len(data)


def unreadable(name: str, error: OSError) -> Usage:
    reason = os.strerror(error.errno) if error.errno else str(error)
    return Usage(f"{name} cannot be read: {reason}.", hint="Check the file.")
