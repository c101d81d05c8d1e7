"""The input of an import: a file or stdin, opened once and read as often as needed.

What is read is always UTF-8: gzip is unpacked, other encodings are transcoded. Offsets are those of
the bytes so given, without the byte order mark.
"""

from __future__ import annotations

import os
import secrets
import stat
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, NamedTuple

from ..errors import Usage
from ..settings.files import cannot_write
from ..terminal.world import World
from .source_bytes import (
    CHUNK,
    Cursor,
    File,
    Store,
    Stream,
    Tee,
    Transcoded,
    Unpacked,
    skip,
    unreadable,
)
from .source_kind import Format, encoding_named, encoding_of, format_of, refuse_other
from .values import STDIN, shown

HEAD = 64 * 1024  # bytes that tell encoding and format


class Origin(NamedTuple):
    """Where an input comes from. Of what cannot be read a second time only the name is known.

    ``name`` is for messages; ``path`` is absolute; ``size`` is in bytes as they lie there,
    ``mtime_ns`` in nanoseconds since 1970; ``ends_hash`` is of its first and last 64 KiB.
    """

    name: str
    path: Path | None = None
    size: int | None = None
    mtime_ns: int | None = None
    ends_hash: str | None = None


class Source:
    """An opened input; :func:`open_source` makes it. Safe to use from several threads.

    ``encoding`` is Python's name of it, ``head`` the first bytes, decoded; ``size`` the number of
    bytes in all, decoded, or None where nobody knows; ``notes`` are said aloud.
    """

    def __init__(
        self,
        origin: Origin,
        store: Store,
        *,
        encoding: str | None = None,
        form: Format | None = None,
        suffix: str = "",
        spool: Path | None = None,
    ) -> None:
        self.origin = origin
        self.notes: list[str] = []
        self._store = store
        self._spool = spool
        self._packed = store.read_at(0, 2) == b"\x1f\x8b"
        head = _first(self._unpacked(0), HEAD)
        refuse_other(head, origin.name)
        found = encoding_of(head, encoding)
        self.encoding = found.encoding
        self._mark = found.mark
        if found.guessed:
            self.notes.append(
                f"{origin.name} is no UTF-8, and read as {found.encoding}; if it is another "
                "encoding, name it with --encoding."
            )
        plain = not self._packed and self.encoding == "utf-8" and origin.size is not None
        self.size = origin.size - self._mark if plain and origin.size is not None else None
        self.head = _first(self.open(), HEAD)
        self.format: Format = form or format_of(self.head, suffix)

    @property
    def name(self) -> str:
        return self.origin.name

    def open(self, at: int = 0) -> Stream:
        """A reader of its own from that offset on."""
        if not self._packed and self.encoding == "utf-8":
            return Cursor(self._store, self._mark + at)
        stream = self._unpacked(self._mark)
        if self.encoding != "utf-8":
            stream = Transcoded(stream, self.encoding, self.name)
        skip(stream, at)
        return stream

    def _unpacked(self, at: int) -> Stream:
        if not self._packed:
            return Cursor(self._store, at)
        stream = Unpacked(Cursor(self._store), self.name)
        skip(stream, at)
        return stream

    def close(self) -> None:
        """Close the file; nothing can be read from it any more."""
        self._store.close()

    def __enter__(self) -> Source:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def done(self) -> None:
        """All of it was imported: a named spool is not needed any more."""
        self.close()
        if self._spool is not None:
            with suppress(OSError):
                self._spool.unlink()


def open_source(
    world: World,
    source: str,
    *,
    spool: Path | None = None,
    encoding: str | None = None,
    form: Format | None = None,
    scratch: Path | None = None,
) -> Source:
    """Open a file, or stdin for ``-``.

    stdin and other pipes are kept in an unnamed file in the directory ``scratch`` while they are
    read; with ``spool`` stdin is copied whole to that file first, and a spool that is there already
    is read in its place. Raises :class:`Usage` for what cannot be read.
    """
    if encoding is not None:
        encoding = encoding_named(encoding)
    if source == STDIN:
        if spool is not None:
            return _spooled(world, spool, encoding, form)
        pipe = _piped(world)
        kept = _unnamed(scratch)
        return Source(
            Origin("stdin"), Tee(pipe, kept, "stdin", owned=False), encoding=encoding, form=form
        )
    if spool is not None:
        raise Usage("--spool is for stdin.", hint="Leave it out: a file can be read again.")
    name = shown(source)
    try:
        given = Path(source).expanduser()
        mode = given.stat().st_mode
        # What a shell's <(...) names is a link to nothing that has a path.
        path = given.resolve() if stat.S_ISREG(mode) else given
        if stat.S_ISDIR(mode):
            raise Usage(f"{name} is a directory.", hint="Name the files in it.")
        stream = path.open("rb", buffering=0 if stat.S_ISREG(mode) else -1)
    except (OSError, RuntimeError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise Usage(f"{name} cannot be read: {reason}.", hint="Check the file's name.") from None
    if stat.S_ISREG(mode):
        return _file(stream, path, name, encoding, form)
    kept = _unnamed(scratch)
    return Source(
        Origin(name),
        Tee(stream, kept, name, owned=True),
        encoding=encoding,
        form=form,
        suffix=_suffix(path),
    )


def _file(
    stream: BinaryIO,
    path: Path,
    name: str,
    encoding: str | None,
    form: Format | None,
    spool: Path | None = None,
) -> Source:
    try:
        store = File(stream, name)
    except OSError as error:
        raise unreadable(name, error) from None
    origin = Origin(name, path, store.size, store.mtime_ns, store.ends_hash)
    suffix = "" if spool is not None else _suffix(path)
    return Source(origin, store, encoding=encoding, form=form, suffix=suffix, spool=spool)


def _spooled(world: World, spool: Path, encoding: str | None, form: Format | None) -> Source:
    """stdin, copied whole to a file that is there only when it is whole."""
    spool = spool.expanduser().absolute()
    earlier = os.path.lexists(spool)
    if not earlier:
        _copy(_piped(world), spool)
    try:
        descriptor = os.open(
            spool, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
        )
    except OSError as error:
        raise Usage(
            f"The spool {str(spool)!a} cannot be read: {error.strerror}.", hint="Name another file."
        ) from None
    stream = os.fdopen(descriptor, "rb", buffering=0)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        stream.close()
        raise Usage(f"The spool {str(spool)!a} is no plain file.", hint="Name another file.")
    opened = _file(stream, spool, f"stdin (in {str(spool)!a})", encoding, form, spool)
    if earlier:
        opened.notes.append(
            f"{str(spool)!a} is there from an earlier run, and read in place of stdin."
        )
    return opened


def _copy(pipe: BinaryIO, spool: Path) -> None:
    temporary = spool.with_name(f".{spool.name[:40]}.{secrets.token_hex(6)}.tmp")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    try:
        try:
            with os.fdopen(os.open(temporary, flags, 0o600), "wb") as copy:
                while data := pipe.read(CHUNK):
                    copy.write(data)
                copy.flush()
                os.fsync(copy.fileno())
            temporary.rename(spool)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise cannot_write(spool, error) from None


def _piped(world: World) -> BinaryIO:
    if world.stdin is None or world.stdin_is_terminal:
        raise Usage("Nothing is piped in to import.", hint="Pipe rows in, or name a file.")
    return world.stdin


def _unnamed(scratch: Path | None) -> BinaryIO:
    """A file of mode 0600 that nobody else finds, and that goes with the process."""
    try:
        return tempfile.TemporaryFile(dir=scratch)
    except OSError as error:
        raise cannot_write(scratch or Path(tempfile.gettempdir()), error) from None


def _first(stream: Stream, size: int) -> bytes:
    parts = []
    while size > 0 and (data := stream.read(size)):
        parts.append(data)
        size -= len(data)
    return b"".join(parts)


def _suffix(path: Path) -> str:
    """Of ``people.csv.gz``: ``.csv``."""
    plain = path.with_suffix("") if path.suffix.lower() == ".gz" else path
    return plain.suffix.lower()
