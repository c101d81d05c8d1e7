"""How far an export is: a line that is drawn anew on a terminal, else now and then a sentence."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from .app import App

_DRAWN = 0.1  # seconds between two drawings
_SAID = 10.0  # seconds between two sentences


class Progress:
    """Tells of one export, from its beginning until :meth:`over`. Quiet with ``--quiet``."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._clock = app.world.monotonic
        self._draws = app.world.stderr_is_terminal and not app.world.under_ci
        self._last = self._clock()
        self._drawn = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self.over()

    def made(self, percent: int | None) -> None:
        """Fullstory has made so much of it."""
        self._tell("Fullstory makes the export" + ("" if percent is None else f": {percent} %"))

    def fetched(self, size: int) -> None:
        """So many bytes are there."""
        self._tell(f"fetching the export: {size / 1e6:,.1f} MB")

    def over(self) -> None:
        """Leave nothing on the line."""
        if self._drawn:
            self._write("\r\x1b[2K")
            self._drawn = False

    def _tell(self, text: str) -> None:
        now = self._clock()
        if self._app.messages.quiet or now - self._last < (_DRAWN if self._draws else _SAID):
            return
        self._last = now
        if self._draws:
            self._write(f"\r\x1b[2Kfsctl: {text}"[: self._app.world.width + 4])
            self._drawn = True
        else:
            self._app.messages.note(f"{text}.")

    def _write(self, text: str) -> None:
        from contextlib import suppress

        from ..terminal.streams import write_text

        with suppress(OSError, ValueError):
            write_text(self._app.world.stderr, text)
