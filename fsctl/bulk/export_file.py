"""The file of an export, made of the records that were fetched, or these themselves."""

from __future__ import annotations

import gzip
import os
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, NamedTuple, cast

from ..settings.files import cannot_write, move_into_place, new_file
from .export_pages import CHUNK, Form, tabulated
from .export_record import Choice
from .export_state import Facts

# Before the file gets its name it is told which one it will be.
Announce = Callable[[os.stat_result], None]


class Target(NamedTuple):
    """Where to export to, and how. ``facts`` are what has to be the same to go on with it.

    ``raw`` leaves cells that a spreadsheet would run as they are.
    """

    path: Path
    form: Form
    facts: Facts
    raw: bool = False
    force: bool = False
    resume: bool = False
    restart: bool = False

    @property
    def packed(self) -> bool:
        """Whether gzip packs the file, as its name says."""
        return self.path.suffix.lower() == ".gz"

    @property
    def is_made(self) -> bool:
        """Whether the file is made of the partial one, and is not that itself.

        Where a file that is open, as the partial one is while it is locked, cannot be given
        another name, it is always made.
        """
        return self.packed or self.form != "jsonl" or os.name == "nt"


def make(partial: int, target: Target, choice: Choice, announce: Announce) -> None:
    """Write the file, of the records in the file with the descriptor ``partial``.

    Raises :class:`Usage` where something is there, and :class:`Refused` where it cannot be written.
    """
    with (
        os.fdopen(os.dup(partial), "rb") as spool,
        new_file(target.path, force=target.force) as out,
    ):
        announce(os.fstat(out.fileno()))
        packer = gzip.GzipFile("", "wb", 6, out, mtime=0) if target.packed else None
        stream = cast("BinaryIO", packer or out)
        if target.form == "jsonl":
            spool.seek(0)
            while piece := spool.read(CHUNK):
                stream.write(piece)
        else:
            for text in tabulated(spool, target.form, choice, raw=target.raw):
                stream.write(text.encode("utf-8", "backslashreplace"))
        if packer is not None:
            packer.close()


def move(partial: Path, target: Target, announce: Announce) -> None:
    """Give the partial file its final name. Raises as :func:`make` does."""
    announce(partial.lstat())
    try:
        move_into_place(partial, target.path, force=target.force)
    except OSError as error:
        raise cannot_write(target.path, error) from None
