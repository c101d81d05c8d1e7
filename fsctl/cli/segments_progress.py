"""How far the export of a segment is: first Fullstory makes it, then it is fetched."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..terminal.progress import Display, Pace, Shown

if TYPE_CHECKING:
    from .app import App

_TITLE = "Export"


class Progress:
    """Tells of one export until :meth:`close`. Quiet with ``--quiet``."""

    def __init__(self, app: App) -> None:
        self._display = Display(app.world, app.messages)
        self._pace = Pace(app.world.monotonic)

    def made(self, percent: int | None) -> None:
        """Fullstory has made so much of it."""
        part = left = None
        if percent is not None:
            part = percent / 100
            _, left = self._pace.look(percent, 100)
        more = ["Fullstory is making it"]
        self._display.show(Shown(_TITLE, [], part, left=left, more=more))

    def fetched(self, size: int) -> None:
        """So many bytes are there."""
        self._display.show(Shown(_TITLE, [], more=[f"{size / 1e6:,.1f} MB fetched"]))

    def close(self) -> None:
        """Leave nothing on the screen."""
        self._display.close()
