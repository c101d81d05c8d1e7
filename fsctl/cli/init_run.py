"""One run of ``fsctl init``: what its steps share. Nothing is written by any of this."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from . import init_plan as plan
from .app import App
from .init_found import Preview, find
from .init_plan import Answers, Found, Road

if TYPE_CHECKING:
    from ..membrane.gateway import Connection
    from ..terminal.guide import Guide


@dataclass
class Run:
    """What was found and answered so far.

    ``asks``: somebody is there to be asked. ``checks``: one harmless question is put to Fullstory
    before anything is stored. ``wait`` is how many seconds a connection may take to get ready,
    ``keys`` what the profile says already, ``preview`` an App as if the profile were stored.
    """

    app: App
    guide: Guide
    answers: Answers
    found: Found
    asks: bool
    checks: bool
    wait: float
    keys: Mapping[str, Any] = field(default_factory=dict)
    preview: Preview = field(init=False)

    def __post_init__(self) -> None:
        self.preview = Preview(self.app, "", {})

    def remember(self) -> None:
        """An interrupt from here on says how to go on."""
        self.app.resume = plan.resuming(self.answers)

    def look(self) -> None:
        """Find again what there is: something may have been installed meanwhile."""
        self._see({**self.keys, "transport": "auto"})
        self.found = find(self.app, self.preview)

    def take(self, road: Road) -> None:
        """Let ``preview`` be on that road."""
        self._see(self.keys_to_be(road, None))

    def keys_to_be(self, road: Road, connection: str | None) -> dict[str, Any]:
        """The profile's keys as they will be."""
        changes = plan.changes(self.answers, road, connection, self.keys, self.found)
        return {key: value for key, value in {**self.keys, **changes}.items() if value is not None}

    def connections(self) -> list[Connection]:
        """All there are on the road of ``preview``."""
        from .connecting import all_connections

        return all_connections(self.preview)

    def _see(self, keys: Mapping[str, Any]) -> None:
        self.preview.close()
        self.preview = Preview(self.app, self.answers.profile or "", keys)
