"""What an export says while it runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..terminal.progress import Display, Pace, Shown
from .app import App

if TYPE_CHECKING:
    from ..bulk.exporting import Event


class Teller:
    """Shows how far an export has come."""

    def __init__(self, app: App, title: str) -> None:
        self._app = app
        self._title = title
        self._display = Display(app.world, app.messages)
        self._pace = Pace(app.world.monotonic)

    def tell(self, event: Event) -> None:
        from ..bulk import exporting

        match event:
            case exporting.Begun(people) if people:
                are = "1 person is" if people == 1 else f"{people:,} people are"
                self._app.messages.note(f"{are} there from an earlier run.")
            case exporting.Fetched(people, total):
                self.fetched(people, total)
            case exporting.Writing(people):
                counted = _counted(people)
                self._display.show(Shown(self._title, counted, 1.0, more=["writing the file"]))
            case exporting.StartedAgain(reason):
                self._pace = Pace(self._app.world.monotonic)
                self._app.messages.announce(reason)
            case exporting.Finished():
                self.close()

    def fetched(self, people: int, total: int | None) -> None:
        rate, left = self._pace.look(people, total)
        more = [] if rate is None else [f"{rate:,.0f} a second"]
        part = None if not total else people / total
        self._display.show(Shown(self._title, _counted(people), part, left=left, more=more))

    def close(self) -> None:
        self._display.close()


def _counted(people: int) -> list[tuple[str, int]]:
    return [("person" if people == 1 else "people", people)]
