"""Where people wait for a table on stdout: its columns are known when all people are."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import IO

from ..errors import Refused
from ..settings.files import make_private_directory

_IN_MEMORY = 8 * 1024 * 1024  # bytes that are held before a file is made


class Spool:
    """Bytes in memory, or if they are many in a file without a name below ``directory``."""

    def __init__(self, stream: IO[bytes], directory: Path) -> None:
        self.stream = stream
        self._directory = directory

    def write(self, data: bytes) -> None:
        """Raises :class:`Refused` where there is no room for more."""
        try:
            self.stream.write(data)
            self.stream.flush()
        except OSError as error:
            raise Refused(
                "A table is written when all people are known, and until then they cannot be kept "
                f"in {str(self._directory)!a}: {error.strerror or error}.",
                hint="Make room there, name another directory in FSCTL_STATE_DIR, or write JSONL "
                "(-o jsonl), which needs none.",
                code="spool",
            ) from None


@contextmanager
def spooled(directory: Path) -> Iterator[Spool]:
    """A spool that nobody else can read, and that is gone afterwards."""
    with suppress(OSError):  # told if it comes to a file
        make_private_directory(directory)
    stream = SpooledTemporaryFile(_IN_MEMORY, dir=str(directory))  # noqa: SIM115 - closed below
    try:
        yield Spool(stream, directory)
    finally:
        with suppress(OSError):  # there was no room for what it still holds
            stream.close()
