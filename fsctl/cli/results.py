"""What a command gives back. Commands return; one place prints (``cli.main``)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from ..errors import FsctlError
from ..terminal.columns import Column

Ending = Callable[[], FsctlError | None]


def _well() -> FsctlError | None:
    return None


class Rows(NamedTuple):
    """A list, streamed as it comes; ``ending`` is asked for the failure after the last row.

    ``masked`` rows hold tokens for people's data already. Rows that ``writes`` make go on to the
    end when nobody reads them any more: ``ending`` sees to that.
    """

    rows: Iterable[Mapping[str, Any] | Sequence[Mapping[str, Any]]]
    columns: Sequence[Column] | None = None
    ending: Ending = _well
    masked: bool = False
    writes: bool = False


class One(NamedTuple):
    """One thing; ``masked`` as of :class:`Rows`.

    An ``optional`` one may be lost: that it cannot be shown is told, and no failure.
    """

    thing: Mapping[str, Any]
    columns: Sequence[Column] | None = None
    ending: Ending = _well
    masked: bool = False
    optional: bool = False


class Document(NamedTuple):
    """A JSON document of unknown shape; ``head`` is text to print above it."""

    value: Any
    ending: Ending = _well
    head: str = ""


class Bytes(NamedTuple):
    """An answer as it came, printed untouched through a pipe; ``head`` is text above it."""

    body: bytes
    ending: Ending = _well
    head: str = ""


class Drawn(NamedTuple):
    """Text made for the screen, in pieces that are safe already and may be coloured."""

    pieces: Iterable[str]
    ending: Ending = _well


Result = Rows | One | Document | Bytes | Drawn
