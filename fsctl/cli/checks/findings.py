"""What checks tell those after them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ...errors import FsctlError

if TYPE_CHECKING:
    from ...fullstory.coverage import Coverage
    from ...membrane.gateway import Connection
    from ...membrane.hosts import ApiAddress
    from ..app import App


@dataclass
class Findings:
    """``seconds`` is what ``--timeout`` gives each check; None leaves each its own time.

    ``told`` holds what was found wrong so far, without the full stop, and the check that says so.
    """

    app: App
    offline: bool = False
    seconds: float | None = None
    told: dict[str, str] = field(default_factory=dict)
    address: ApiAddress | None = None  # Membrane's API
    date: tuple[str, float] | None = None  # the API's Date header, and this machine's Unix time
    connection: Connection | None = None
    actions: Sequence[Coverage] = ()
    status: int | None = None  # of Fullstory's answer through the proxy

    @property
    def in_sandbox(self) -> bool:
        try:
            return self.app.in_sandbox
        except FsctlError:  # the check of the settings says what is wrong
            return False

    @property
    def takes_command_line(self) -> bool:
        """Whether the road is that of the ``membrane`` binary."""
        try:
            return self.app.road.name == "cli"
        except FsctlError:  # the check of the gateway says what is wrong
            return False
