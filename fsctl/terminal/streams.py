"""Writing bytes to the process's streams so that all of them arrive, or an error says not."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
from typing import BinaryIO, cast


class Unwritten(OSError):
    """A stream did not take what was written to it: a full disk, or the like."""


def write_text(stream: BinaryIO | None, text: str) -> None:
    """Write ``text`` as UTF-8, whatever the locale, with LF, and flush it.

    A closed stream (None) takes nothing, in silence. Lone surrogates become ``\\udXXX``.
    Raises BrokenPipeError when the reader has gone, Unwritten for other trouble (a full disk).
    """
    write_bytes(stream, text.encode("utf-8", "backslashreplace"))


def write_bytes(stream: BinaryIO | None, data: bytes) -> None:
    """Write and flush all of ``data``; as :func:`write_text`."""
    if stream is None:
        return
    try:
        _write_all(stream, memoryview(data))
        _flush(stream)
    except OSError as error:
        # Windows says EINVAL where the reader of a pipe has gone.
        if error.errno == errno.EINVAL and sys.platform == "win32":
            raise BrokenPipeError(errno.EPIPE, "the reader has gone") from error
        if isinstance(error, BrokenPipeError):
            raise
        raise Unwritten(error.errno, error.strerror) from error


def silence(stream: BinaryIO | None) -> None:
    """Point a broken stream's descriptor at nowhere, so that the last flush at exit is quiet."""
    if stream is None:
        return
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        try:
            os.dup2(nowhere, stream.fileno())
        finally:
            os.close(nowhere)


def _write_all(stream: BinaryIO, rest: memoryview) -> None:
    # `python -u` gives raw streams, which may take a part; and a parent may have made the pipe
    # non-blocking (Node does), which a program that only prints never expects.
    while rest:
        try:
            written = cast("int | None", stream.write(rest))
            if written is None:  # how a raw stream says that it would block
                _wait_until_writable(stream)
                continue
        except BlockingIOError as error:
            written = error.characters_written
            _wait_until_writable(stream)
        rest = rest[written:]


def _flush(stream: BinaryIO) -> None:
    while True:
        try:
            stream.flush()
            return
        except BlockingIOError:
            _wait_until_writable(stream)


def _wait_until_writable(stream: BinaryIO) -> None:
    import select

    select.select([], [stream.fileno()], [], 1.0)
