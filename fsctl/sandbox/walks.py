"""The states that a new or reconnected connection goes through (contracts/membrane §2.4).

Where a connection is on its way follows from the clock alone, so that processes which share a
sandbox's file see the same, and nobody has to move it on.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from ..errors import Usage

SECONDS = 2.0  # each stage, unless told otherwise
NAME_PREFIX = "walk:"  # a connection of this name takes the walk that follows

_BUILDING, _PERSON = "BUILDING", "CLIENT_ACTION_REQUIRED"
_WALKS = {
    "ready": ((), "READY"),
    "slow": ((_BUILDING,), "READY"),
    "person": ((_BUILDING, _PERSON), "READY"),  # who opens the address in time
    "nobody": ((_BUILDING,), _PERSON),
    "building": ((), _BUILDING),
    "setup-failed": ((_BUILDING,), "SETUP_FAILED"),
    "configuration-error": ((_BUILDING, _PERSON), "CONFIGURATION_ERROR"),
}
NAMES = tuple(_WALKS)
_SECONDS = re.compile(r"\d{1,4}(?:\.\d{1,3})?", re.ASCII)
_ERRORS = {
    "SETUP_FAILED": "The connector could not be set up.",
    "CONFIGURATION_ERROR": "Fullstory did not accept the API key.",
}


class Walk(NamedTuple):
    """States passed through, each for so many ``seconds``, and the one it ends in."""

    stages: tuple[str, ...] = ()
    final: str = "READY"
    seconds: float = SECONDS

    @classmethod
    def parse(cls, text: str) -> Walk:
        """Read ``NAME[:SECONDS]``. Raises :class:`Usage` naming the walks there are."""
        name, colon, seconds = text.partition(":")
        if name not in _WALKS or (colon and not _SECONDS.fullmatch(seconds)):
            raise Usage(
                f"There is no walk {text!a}.",
                hint=f"Use NAME[:SECONDS], NAME one of {', '.join(NAMES)}.",
            )
        stages, final = _WALKS[name]
        return cls(stages, final, float(seconds) if colon else SECONDS)

    @classmethod
    def named(cls, name: str) -> Walk | None:
        """The walk that a connection asks for by its name; None for an ordinary name."""
        if not name.startswith(NAME_PREFIX):
            return None
        try:
            return cls.parse(name.removeprefix(NAME_PREFIX))
        except Usage:
            return None

    def state(self, elapsed: float) -> str:
        """Where it is so many seconds after its start."""
        for number, stage in enumerate(self.stages, 1):
            if elapsed < number * self.seconds:
                return stage
        return self.final


def condition(state: str, connection_id: str, *, connected: bool = True) -> dict[str, Any]:
    """The fields of a connection in that state that tell whether it can be used.

    ``connected`` False is a connection whose credentials are lost. None means no such field.
    """
    connected = connected and state == "READY"
    error = {"type": "connection", "message": _ERRORS[state]} if state in _ERRORS else None
    return {
        "state": state,
        "connected": connected,
        "disconnected": not connected and state in ("READY", _PERSON),
        "clientAction": _client_action(connection_id) if state == _PERSON else None,
        "error": error,
        "errors": [error] if error else [],
    }


def page(connection_id: str) -> str:
    """Where a person would finish the connection, if there were such a page."""
    return f"https://ui.sandbox.invalid/connections/{connection_id}"


def _client_action(connection_id: str) -> Mapping[str, str]:
    return {
        "type": "connect",
        "description": "Connect to Fullstory with an API key.",
        "uiUrl": page(connection_id),
    }
