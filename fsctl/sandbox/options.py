"""How the embedded Membrane behaves where the real one is unknown, or has to be awkward."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from .actions import Style
from .walks import Walk

_SNAKE_NESTED = Style()
_AT_ONCE = Walk()
DEFAULT_CONNECTION_ID = "6920c5a1d3f4e5b6a7c8d901"


@dataclass(frozen=True, slots=True)
class ConnectionSeed:
    """A connection that an empty sandbox starts with."""

    id: str = DEFAULT_CONNECTION_ID
    name: str = "Fullstory (sandbox)"
    key: str | None = None
    state: str = "READY"
    app: str = "fullstory"  # the integration's and connector's key
    connected: bool = True
    test: bool = False
    good_key: bool = True  # False: Fullstory does not accept the key it holds
    error: str | None = None


@dataclass(frozen=True, slots=True)
class MembraneOptions:
    """One embedded Membrane's behaviour; the defaults are the likely truth (contracts/membrane)."""

    connections: tuple[ConnectionSeed, ...] = (ConnectionSeed(),)
    style: Style = _SNAKE_NESTED
    output: Literal["plain", "data", "data-status"] = "plain"  # §8 U6
    api_errors: Literal["output", "error"] = "output"  # a vendor 4xx through act's `api` (§2.7)
    run_logs: bool = True  # workspace setting enableActionRunLogs (§2.8)
    walk: Walk = _AT_ONCE  # what a new or reconnected connection goes through
    max_page: int = 1000  # rows a page, whatever limit asks
    tokens: frozenset[str] | None = None  # None: any non-empty bearer token
    reject_first: int = 0  # answer so many requests with 401 first, whatever their token
    missing_routes: frozenset[str] = (
        frozenset()
    )  # of an older Membrane: "/act", "POST /connections"
