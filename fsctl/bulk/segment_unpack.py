"""Unpack what comes from a storage, as it comes, within a bound.

An export is a gzip file, and a storage may pack it once more to send it. A few packed bytes can
claim to be terabytes, so how many come out of how many is watched.
"""

from __future__ import annotations

import codecs
import zlib
from collections.abc import Iterable, Iterator

from ..errors import Refused
from ..membrane.gateway import Fate, GatewayError, Origin, Trouble

SMALL = 64 * 1024 * 1024  # unpacked bytes up to which nobody asks how well they were packed
MOST_TIMES = 500  # bytes for each packed one: rows come to 50, a bomb to 1,000
MOST_BYTES = 256 * 1024**3
_MAGIC = b"\x1f\x8b"
_PIECE = 256 * 1024  # bytes that are unpacked at a time
_LAYERS = 2
_BEFORE = codecs.BOM_UTF8 + b" \t\r\n"  # what may stand before the first character
_HEAD = 4096  # bytes in which that has to come


def unpacked(
    pieces: Iterable[bytes],
    *,
    small: int = SMALL,
    most_times: int = MOST_TIMES,
    most_bytes: int = MOST_BYTES,
) -> Iterator[bytes]:
    """The content of a gzip file that comes in ``pieces``; what is not packed comes as it is.

    Raises :class:`GatewayError` where it ends in the middle, is damaged or empty (another try may
    help), :class:`Refused` where more comes out than rows can be.
    """
    taken = given = 0

    def counted() -> Iterator[bytes]:
        nonlocal taken
        for piece in pieces:
            taken += len(piece)
            yield piece

    content: Iterator[bytes] = counted()
    for _ in range(_LAYERS):
        content = _layer(content)
    for piece in content:
        given += len(piece)
        if given > most_bytes or given > max(small, taken * most_times):
            raise _bomb(given, most_times, most_bytes)
        yield piece
    if not taken:
        raise _damaged("The export's file came empty.")


def rows_only(content: Iterable[bytes]) -> Iterator[bytes]:
    """The same ``content``, which is no HTML or XML: no export is, but what a proxy says instead.

    Raises :class:`GatewayError` where it is; another try may help.
    """
    pieces = iter(content)
    head = b""
    for piece in pieces:
        head += piece
        if len(head) > _HEAD or head.lstrip(_BEFORE):
            break
    if head.lstrip(_BEFORE).startswith(b"<"):
        raise _damaged("What came is HTML or XML, not the export's file.")
    if head:
        yield head
    yield from pieces


def _layer(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Without one layer of gzip, if there is one."""
    head = b""
    for piece in pieces:
        head += piece
        if len(head) >= len(_MAGIC):
            break
    if not head.startswith(_MAGIC):
        if head:
            yield head
        yield from pieces
        return
    yield from _members(head, pieces)


def _members(head: bytes, pieces: Iterator[bytes]) -> Iterator[bytes]:
    """All members of the file, one behind the other; zeros that pad the last are passed over."""
    packer = zlib.decompressobj(wbits=31)
    rest: bytes | None = head
    while rest is not None:
        try:
            data = packer.decompress(rest, _PIECE)
        except zlib.error:
            raise _damaged("The export's file is damaged.") from None
        if data:
            yield data
        if packer.eof:
            rest = packer.unused_data.lstrip(b"\0")
            while not rest:
                following = next(pieces, None)
                if following is None:
                    return
                rest = following.lstrip(b"\0")
            packer = zlib.decompressobj(wbits=31)
        else:
            rest = packer.unconsumed_tail or next(pieces, None)
    while data := packer.decompress(b"", _PIECE):
        yield data
    if not packer.eof:
        raise _damaged("The export's file ends in the middle.")


def _bomb(given: int, most_times: int, most_bytes: int) -> Refused:
    told = (
        f"holds more than {most_bytes // 1024**3:,} GiB"
        if given > most_bytes
        else f"unpacks to more than {most_times:,} times its size, which rows do not"
    )
    return Refused(
        f"The export's file {told}: it was thrown away.",
        hint="Ask for less at a time with --since and --until.",
        code="gzip_bomb",
    )


def _damaged(message: str) -> GatewayError:
    return GatewayError(
        message,
        trouble=Trouble.UNREADABLE,
        fate=Fate.UNKNOWN,
        origin=Origin.LOCAL,
        code="truncated",
    )
