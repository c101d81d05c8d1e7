"""Making a connection, mending one, and following it until it is ready (contracts/membrane §2.4).

A connection that exists and lost its credentials is reconnected, never made a second time (§1.5).
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Sequence
from enum import Enum
from typing import Literal, NamedTuple, Protocol, TypeVar
from urllib.parse import urlsplit

from ..errors import NeedsPerson, NotFound, Unavailable
from .gateway import Connection, Connector, Deadline, Fate, Gateway, GatewayError, Trouble

T = TypeVar("T")

APP_URL = "https://fullstory.com"
APP = "fullstory"
HELD = 30.0  # seconds that Membrane is asked to hold a question while a connection is BUILDING
PAUSE = 2.0  # seconds between two looks at least: not every road and state is held

_BUILDING = frozenset(("BUILDING", "SETUP_IN_PROGRESS"))
_FAILED = frozenset(("SETUP_FAILED", "CONFIGURATION_ERROR", "ERROR"))
_ADDRESS = re.compile(r"https://[!-~]{1,4000}")


class Phase(Enum):
    """What a connection's state means for who waits for it (§8 U9)."""

    READY = "ready"
    BUILDING = "building"  # Membrane is at work
    PERSON = "person"  # somebody has to act
    FAILED = "failed"  # nothing more will come


def phase(connection: Connection) -> Phase:
    """The phase of a state, unknown ones included: what is not known to pass needs a person."""
    if connection.usable:
        return Phase.READY
    if connection.state in _BUILDING:
        return Phase.BUILDING
    return Phase.FAILED if connection.state in _FAILED else Phase.PERSON


def state_in_words(connection: Connection) -> str:
    """The state as people are told it; one that says READY and cannot be used is disconnected."""
    if connection.archived:
        return "archived"
    if connection.usable or connection.state not in (None, "READY"):
        return connection.state or "READY"
    return "disconnected"


def address(connection: Connection) -> str | None:
    """Where a person finishes the connection, if it is an https address without tricks.

    A service, or who can write into its answers, chose it: no other scheme, no name before an
    ``@`` that passes for a host, nothing that a terminal or a browser could read as more.
    """
    url = (connection.client_action or {}).get("uiUrl", "")
    if not _ADDRESS.fullmatch(url) or re.search(r"[\"'<>\\`]", url):
        return None
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        return None
    return url if host and "@" not in parts.netloc else None


# -- following


class Ask(Protocol):
    """Asks what only reads, with retries; turns failures into :class:`fsctl.errors.FsctlError`."""

    def __call__(self, question: Callable[[Deadline], T], noun: str) -> T: ...


def follow(
    gateway: Gateway,
    connection: Connection,
    *,
    ask: Ask,
    deadline: Deadline,
    sleep: Callable[[float], None],
    tell: Callable[[Connection], None] = lambda _connection: None,
    until: Callable[[Connection], bool] = lambda connection: phase(connection) is Phase.READY,
    program: str = "fsctl",
) -> Connection:
    """The connection once ``until`` says so, by default ready.

    ``tell`` hears of every change on the way; ``program`` is how a person calls fsctl.
    Raises :class:`NeedsPerson` where it failed, and where time is over while somebody has to act;
    :class:`Unavailable` where it is over while Membrane is at work; :class:`NotFound` where the
    connection was archived meanwhile.
    """
    told: tuple[object, ...] | None = None
    while True:
        now = (connection.id, connection.state, connection.usable, address(connection))
        if now != told:
            tell(connection)
            told = now
        if until(connection):
            return connection
        if connection.archived:
            raise NotFound(
                f"The connection {connection.name!a} ({connection.id}) was archived.",
                hint="See `fsctl connections list`.",
            )
        if phase(connection) is Phase.FAILED:
            raise failed(connection, program)
        if deadline.remaining() <= 0:
            raise late(connection, program)
        connection = _next_look(gateway, connection, ask, deadline, sleep)


def _next_look(
    gateway: Gateway,
    connection: Connection,
    ask: Ask,
    deadline: Deadline,
    sleep: Callable[[float], None],
) -> Connection:
    started = deadline.clock()
    wait = min(HELD, deadline.remaining()) if phase(connection) is Phase.BUILDING else None
    if wait is None:  # it changed this moment or was looked at: the person needs time
        sleep(min(PAUSE, deadline.remaining()))
        return ask(lambda limit: gateway.connection(connection.id, deadline=limit), "connection")
    seen = ask(
        lambda limit: gateway.connection(connection.id, wait=wait, deadline=limit), "connection"
    )
    if phase(seen) is Phase.BUILDING and deadline.clock() - started < PAUSE:
        sleep(min(PAUSE, deadline.remaining()))  # this road does not hold a question
    return seen


def failed(connection: Connection, program: str = "fsctl") -> NeedsPerson:
    """The end of a connection whose set-up failed."""
    reason = (connection.error or "no reason was told").rstrip(".")
    return NeedsPerson(
        f"The connection {connection.name!a} ({connection.id}) failed: "
        f"{state_in_words(connection)}, {reason}.",
        hint=f"Mend that, then run `{program} connections reconnect {shlex.quote(connection.id)}`.",
        code="connection_failed",
    )


def late(connection: Connection, program: str = "fsctl") -> NeedsPerson | Unavailable:
    """Time is over, and the connection is not ready."""
    head = f"The connection {connection.name!a} ({connection.id}) is not ready in time: "
    again = f"`{program} connections wait {shlex.quote(connection.id)}`"
    if phase(connection) is Phase.BUILDING:
        return Unavailable(
            f"{head}Membrane is still building it.",
            hint=f"Go on waiting with {again}.",
            code="connection_building",
        )
    told = (connection.client_action or {}).get("description") or connection.error
    reason = f"{state_in_words(connection)}, {told.rstrip('.')}" if told else "a person must act"
    url = address(connection)
    act = f"Open {url}" if url else "Finish it in Membrane"
    return NeedsPerson(
        f"{head}{reason}.", hint=f"{act}, then run {again}.", code="connection_not_ready"
    )


# -- making


class Step(NamedTuple):
    """What is to be done so that there is a connection.

    ``use`` and ``follow`` one that is there, ``reconnect`` one, ``ensure`` the first one, or
    ``connect`` another.
    """

    verb: Literal["use", "follow", "reconnect", "ensure", "connect"]
    connection: Connection | None = None


class SeveralUnready(NeedsPerson):
    """Several connections could be mended; ``connections`` are those a person can choose from."""

    default_code = "several_connections"

    def __init__(self, connections: Sequence[Connection]) -> None:
        shown = [f"{c.id} ({c.name!a}, {state_in_words(c)})" for c in connections[:10]]
        rest = len(connections) - len(shown)
        super().__init__(
            f"There are {len(connections)} Fullstory connections, and none is ready: "
            f"{', '.join(shown)}{f' and {rest} more' if rest else ''}.",
            hint="Mend one with `fsctl connections reconnect ID`, or create one beside them with "
            "--another and a --name of its own.",
        )
        self.connections = tuple(connections)


def next_step(
    connections: Sequence[Connection], *, name: str | None = None, another: bool = False
) -> Step:
    """What to do so that there is a Fullstory connection; ``another``: one of that name.

    Raises :class:`SeveralUnready` where only a person can say which one to mend.
    """
    there = [c for c in connections if c.is_fullstory and not c.test and not c.archived]
    if another:
        there = [c for c in there if c.name == name]
    if not there:
        return Step("connect" if another else "ensure")
    there.sort(key=lambda connection: connection.name != name)
    for verb, wanted in (("use", Phase.READY), ("follow", Phase.BUILDING)):
        found = next((c for c in there if phase(c) is wanted), None)
        if found is not None:
            return Step(verb, found)  # type: ignore[arg-type]
    if len(there) > 1 and there[0].name != name:
        raise SeveralUnready(there)
    return Step("reconnect", there[0])


def take(gateway: Gateway, step: Step, name: str | None, deadline: Deadline) -> Connection:
    """Do what a step says, but for what only follows. Raises :class:`GatewayError`.

    It may be repeated where that failure passes: what could make a second connection does not.
    """
    match step.verb, step.connection:
        case "reconnect", Connection() as lost:
            return gateway.reconnect(lost.id, deadline=deadline)
        case _, Connection() as there:
            return there
        case "ensure", _:
            try:
                return gateway.ensure_connection(APP_URL, name=name, deadline=deadline)
            except GatewayError as failure:
                if failure.trouble is not Trouble.NO_ROUTE:
                    raise  # else an older Membrane, which nothing was asked of yet
    connector = the_connector(gateway.search_connectors(APP, deadline=deadline))
    try:
        return gateway.connect(connector.id, name=name, deadline=deadline)
    except GatewayError as failure:
        if failure.fate is Fate.UNKNOWN:
            failure.trouble = Trouble.FAILED  # nobody may repeat it: it may have made one
        raise


def the_connector(hits: Sequence[Connector]) -> Connector:
    """Fullstory's own among what a search found. Raises :class:`NotFound`."""
    named = [hit for hit in hits if APP in (_plain(hit.id), _plain(hit.name))]
    named = named or [hit for hit in hits if APP in _plain(hit.name)]
    if len(named) == 1:
        return named[0]
    if named:
        many = ", ".join(f"{hit.id} ({hit.name!a})" for hit in named[:5])
        raise NotFound(
            f"Several connectors are called Fullstory: {many}.",
            hint="Create the connection in Membrane's console.",
        )
    raise NotFound(
        "Membrane finds no connector called Fullstory.",
        hint="See what `fsctl connections search fullstory` finds.",
    )


def _plain(text: str) -> str:
    return re.sub(r"[^a-z0-9]", "", text.lower())
