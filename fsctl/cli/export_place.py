"""Where an export goes: to the file of ``--to``, or to stdout."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from ..settings.paths import given_path

STDOUT = "-"


class Place(NamedTuple):
    """A file, or stdout where ``path`` is None.

    ``ending`` is that of what is in the file, in lower case (``.csv`` of ``A.CSV.gz``), and
    ``packed`` says that its name ends with .gz.
    """

    path: Path | None
    ending: str = ""
    packed: bool = False

    @classmethod
    def of(cls, to: str | None) -> Place:
        """What ``--to`` names; None and ``-`` are stdout. Raises :class:`Usage`.

        Whether something is in the way there is not looked at.
        """
        if to is None or to == STDOUT:
            return cls(None)
        path = given_path(to)
        packed = path.suffix.lower() == ".gz"
        plain = path.with_suffix("") if packed else path
        return cls(path, plain.suffix.lower(), packed)
