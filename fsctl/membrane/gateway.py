"""The Gateway protocol: one attempt at one thing, and an honest word on how it ended.

A gateway answers, or raises :class:`GatewayError`, whose ``fate`` says whether repeating could do
the thing twice. Deciding to repeat is not its business (``fullstory/call.py`` does that). The one
thing a gateway does by itself is to re-mint its own token once on Membrane's own 401.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from enum import Enum
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol


class Fate(Enum):
    """What became of a request that failed."""

    NOT_SENT = "not_sent"  # it never reached the service: repeating is harmless
    REFUSED = "refused"  # the service answered that it did not do it
    UNKNOWN = "unknown"  # it may have been done: no, an unreadable, or a 5xx answer


class Origin(Enum):
    """Who said that it failed. Told apart by bodies, never by status (contracts/membrane §3.2)."""

    LOCAL = "local"
    MEMBRANE = "membrane"
    FULLSTORY = "fullstory"


class Trouble(Enum):
    """What kind of failure it is; each maps to one exit code (``fullstory/call.py``)."""

    UNSUPPORTED = "unsupported"  # this road cannot carry it: 2
    INVALID = "invalid"  # the service did not like the request: 1
    NOT_FOUND = "not_found"  # the thing asked for is missing: 3
    NO_ROUTE = "no_route"  # the service does not know this endpoint (not: this thing)
    UNAUTHENTICATED = "unauthenticated"  # Membrane does not accept the token: 4
    CONNECTION = "connection"  # the connection is missing, unready or its key is bad: 4
    FORBIDDEN = "forbidden"  # the token or the key lacks a right: 4
    RATE_LIMITED = "rate_limited"  # try again after retry_after: 5
    TOO_LARGE = "too_large"  # the request or the answer is over a limit: 1
    UNAVAILABLE = "unavailable"  # 5xx, network trouble, timeout: 5 or 7
    UNREADABLE = "unreadable"  # an answer that makes no sense: 5 or 7
    FAILED = "failed"  # anything else the service refused: 1


class GatewayError(Exception):
    """One attempt failed.

    ``message`` is one sentence, already redacted and fit to show; ``code`` the service's machine
    word (Membrane: ``type`` or ``type.key``; Fullstory: its ``code``; local: e.g. ``timeout``);
    ``retry_after`` is in seconds.
    """

    def __init__(
        self,
        message: str,
        *,
        trouble: Trouble,
        fate: Fate,
        origin: Origin,
        hint: str | None = None,
        code: str | None = None,
        status: int | None = None,
        retry_after: float | None = None,
        action_run_id: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.trouble = trouble
        self.fate = fate
        self.origin = origin
        self.hint = hint
        self.code = code
        self.status = status
        self.retry_after = retry_after
        self.action_run_id = action_run_id


class Deadline(NamedTuple):
    """A moment on an injected monotonic clock (seconds) after which nothing is worth starting."""

    at: float = float("inf")
    clock: Callable[[], float] = time.monotonic

    @classmethod
    def after(cls, seconds: float, clock: Callable[[], float] = time.monotonic) -> Deadline:
        return cls(clock() + seconds, clock)

    def remaining(self) -> float:
        """Seconds left, never negative; infinite for the default deadline."""
        return max(0.0, self.at - self.clock())


NO_DEADLINE = Deadline()


class Capabilities(NamedTuple):
    """What a road can carry. What it cannot is refused (2) before anything is sent."""

    max_body: int  # bytes of a request's body or an action's encoded input
    headers: bool  # request headers reach Fullstory (Idempotency-Key)
    repeated_query: bool  # the same query key twice
    raw_bodies: bool  # bodies that are not JSON, byte for byte
    metadata: bool  # ``meta`` reaches the action run log
    archiving: bool = True  # connections can be archived


class Request(NamedTuple):
    """A request to Fullstory through Membrane's proxy.

    ``path`` starts with ``/`` and is already encoded, or is a full URL of a Fullstory API host;
    ``paths.check_path`` has to have passed it. ``body`` is bytes, or None for no body at all.
    """

    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes | None = None


class Response(NamedTuple):
    """Fullstory's answer through the proxy, whatever its status.

    ``status`` is None where the road does not tell it (contracts/membrane §8 U2); it is then
    known only that no error was recognised.
    """

    status: int | None
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def header(self, name: str) -> str | None:
        """The first header of that name, in any case."""
        wanted = name.lower()
        return next((value for key, value in self.headers if key.lower() == wanted), None)


class ActionResult(NamedTuple):
    """What an action put out: the vendor's body, unwrapped (contracts/membrane §8 U6).

    ``empty`` is True where there was no output at all (as opposed to an explicit null).
    """

    output: Any
    action_run_id: str | None = None
    empty: bool = False


def says_fullstory(word: str | None) -> bool:
    """Whether a key or a name is Fullstory's (§8 U10)."""
    return "fullstory" in (word or "").lower().replace(" ", "")


class Connection(NamedTuple):
    """A Membrane connection (contracts/membrane §2.4, §8 U9 and U10)."""

    id: str
    name: str
    key: str | None = None
    app: str | None = None  # the integration's or connector's key, as far as told
    state: str | None = None
    usable: bool = True  # READY, and not marked disconnected or deactivated
    test: bool = False
    archived: bool = False
    owner: str | None = None
    error: str | None = None
    client_action: Mapping[str, str] | None = None  # {type, description, uiUrl?}

    @property
    def is_fullstory(self) -> bool:
        return any(map(says_fullstory, (self.app, self.key, self.name)))

    @property
    def is_of_another_app(self) -> bool:
        """Whether an app is told, and nothing says that it is Fullstory."""
        return bool(self.app) and not self.is_fullstory


class Action(NamedTuple):
    """An action of a connection's catalogue, with its live schemas."""

    id: str
    name: str
    key: str | None = None
    description: str | None = None
    input_schema: Mapping[str, Any] | None = None
    output_schema: Mapping[str, Any] | None = None
    app: str | None = None  # the key of its integration, where that is told


class Connector(NamedTuple):
    """Something that can be connected to, as a search finds it."""

    id: str
    name: str
    kind: str


class RunLog(NamedTuple):
    """An entry of Membrane's action run log. ``raw`` holds people's data."""

    id: str
    status: str | None  # "success" or "error" once it has ended
    output: Any = None
    error: Any = None
    raw: Mapping[str, Any] = MappingProxyType({})


class Gateway(Protocol):
    """A road to Membrane. Every method makes one attempt or raises :class:`GatewayError`."""

    @property
    def name(self) -> str: ...

    @property
    def account(self) -> str:
        """What the caches are keyed by: address and tenant, never anything secret."""
        ...

    @property
    def capabilities(self) -> Capabilities: ...

    def connections(self, *, deadline: Deadline = NO_DEADLINE) -> Iterator[Connection]:
        """All connections of the tenant, all pages, archived ones left out."""
        ...

    def connection(
        self, selector: str, *, wait: float | None = None, deadline: Deadline = NO_DEADLINE
    ) -> Connection:
        """One connection by id or key; with ``wait`` seconds, held while it is BUILDING."""
        ...

    def ensure_connection(
        self, app_url: str, *, name: str | None = None, deadline: Deadline = NO_DEADLINE
    ) -> Connection:
        """Find or create the connection to an app by its URL."""
        ...

    def connect(
        self, connector_id: str, *, name: str | None = None, deadline: Deadline = NO_DEADLINE
    ) -> Connection:
        """Create a connection by connector, for the person to finish in a browser."""
        ...

    def reconnect(self, selector: str, *, deadline: Deadline = NO_DEADLINE) -> Connection:
        """Ask for new credentials of an existing connection."""
        ...

    def archive(self, selector: str, *, deadline: Deadline = NO_DEADLINE) -> None:
        """Soft-delete a connection; its credentials are kept by Membrane."""
        ...

    def search_connectors(
        self, text: str, *, limit: int = 20, deadline: Deadline = NO_DEADLINE
    ) -> list[Connector]: ...

    def actions(
        self,
        connection_id: str,
        *,
        intent: str | None = None,
        deadline: Deadline = NO_DEADLINE,
    ) -> list[Action]:
        """The connection's catalogue, all pages; with ``intent``, what fits those words."""
        ...

    def run_action(
        self,
        connection_id: str,
        action: Action,
        arguments: Mapping[str, Any],
        *,
        meta: Mapping[str, str] | None = None,
        deadline: Deadline = NO_DEADLINE,
    ) -> ActionResult: ...

    def request(
        self, connection_id: str, request: Request, *, deadline: Deadline = NO_DEADLINE
    ) -> Response:
        """Any request to Fullstory. Fullstory's own errors come back as responses."""
        ...

    def run_log(
        self, run_id: str, *, details: bool = False, deadline: Deadline = NO_DEADLINE
    ) -> RunLog: ...

    def find_run(
        self, connection_id: str, marker: str, *, deadline: Deadline = NO_DEADLINE
    ) -> RunLog | None:
        """The newest run whose ``meta`` holds ``{"fsctlRun": marker}``.

        None where there is none, where logs are off, and where the road cannot list them.
        """
        ...

    def identity(self, *, deadline: Deadline = NO_DEADLINE) -> Mapping[str, Any]:
        """Who the service says we are: ``{name, tenant, workspace}`` as far as told.

        With ``source: "token"`` where the service tells nothing and only the token says so.
        """
        ...

    def close(self) -> None: ...
