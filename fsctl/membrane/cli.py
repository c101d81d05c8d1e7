"""The command-line gateway: the ``membrane`` binary as a child process (contracts/membrane §1, §8).

Which verbs the installed version has decides how a thing is asked for, before anything is sent;
after something was sent, nothing is tried another way (§8 U7).
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from . import shapes
from .cache import Cache
from .command import Command, no_verb, printed_nothing
from .exchange import shaped
from .failures import from_fullstory
from .gateway import (
    NO_DEADLINE,
    Action,
    ActionResult,
    Capabilities,
    Connection,
    Connector,
    Deadline,
    Fate,
    GatewayError,
    Origin,
    Request,
    Response,
    RunLog,
    Trouble,
)
from .inputs import MAX_INPUT, api_argument, check_id, encoded, once, request_flags, text_body
from .output import response
from .proxied import check_header, check_method, check_target
from .verbs import Verbs

LONGEST_WAIT = 60  # seconds that Membrane holds a request for a connection being built
LONGEST_BROWSING = 600.0  # seconds that a person has for what `connect` opens in a browser
_ARCHIVE = ("connection archive", "connection delete")  # by the newest name first


class CliGateway:
    """Membrane through its own command line.

    ``command`` is the argv prefix that runs it, from :func:`~.binary.resolve_command`; ``cache``
    remembers its verbs; ``environ`` is the user's environment and ``cwd`` the user's working
    directory, from which the child may run nothing; ``run_dir`` is the state directory, in which
    the child runs instead, so that no ``membrane.config.yml`` or ``.membrane`` of a checkout is
    read. ``timeout`` is in seconds for one child, ``clock`` a monotonic clock in seconds.
    ``api_url`` has passed :func:`~.hosts.check_api_url`; without it the address in ``environ`` is
    checked here, with no hosts allowed but Membrane's own. ``trace`` receives a line for every
    child, fit to show. Nothing is run before the first call.
    """

    name = "cli"

    def __init__(
        self,
        command: Sequence[str],
        *,
        cache: Cache,
        environ: Mapping[str, str],
        run_dir: Path,
        timeout: float = 70.0,
        clock: Callable[[], float] = time.monotonic,
        cwd: Path | None = None,
        api_url: str | None = None,
        trace: Callable[[str], None] | None = None,
    ) -> None:
        self._membrane = Command(
            command,
            cache=cache,
            environ=environ,
            run_dir=run_dir,
            timeout=timeout,
            clock=clock,
            cwd=cwd or Path.cwd(),
            api_url=api_url,
            trace=trace,
        )

    def __repr__(self) -> str:
        return f"CliGateway({self._membrane.argv[0]!r})"

    @property
    def account(self) -> str:
        return self._membrane.account

    @property
    def verbs(self) -> Verbs:
        """What the installed version can do. Raises as :func:`~.verbs.read_verbs` does."""
        return self._membrane.verbs

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(
            max_body=MAX_INPUT,
            headers=True,
            repeated_query=False,
            raw_bodies=not self.verbs.has("act"),
            metadata=not self._has_action_run(),
            archiving=self._archive_verb() is not None,
        )

    def close(self) -> None:
        """Nothing is held between children."""

    # Connections

    def connections(self, *, deadline: Deadline = NO_DEADLINE) -> Iterator[Connection]:
        for row in self._membrane.rows("connection list", "connections", deadline=deadline):
            connection = shaped(shapes.connection, row, "membrane connection list")
            if not connection.archived:
                yield connection

    def connection(
        self, selector: str, *, wait: float | None = None, deadline: Deadline = NO_DEADLINE
    ) -> Connection:
        """See :class:`~.gateway.Gateway`. A version without ``connection get`` does not wait."""
        check_id(selector, "The connection")
        if not self.verbs.has("connection get"):
            return self._listed(selector, deadline)
        flags, timeout = [], self._membrane.timeout
        if wait is not None:
            seconds = max(1, int(min(wait, LONGEST_WAIT, deadline.remaining())))
            flags, timeout = ["--wait", f"--timeout={seconds}"], max(timeout, seconds + 10.0)
        document = self._membrane.ask(
            "connection get", [selector], flags, deadline=deadline, timeout=timeout
        )
        return shaped(shapes.connection, document, "membrane connection get")

    def _listed(self, selector: str, deadline: Deadline) -> Connection:
        everyone = list(self.connections(deadline=deadline))
        found = [each for each in everyone if each.id == selector]
        found += [each for each in everyone if each.key == selector]
        if not found:
            message = f"Membrane has no connection with the id or key {selector!a}."
            raise _refused(message, Trouble.NOT_FOUND, "not_found")
        return found[0]

    def ensure_connection(
        self, app_url: str, *, name: str | None = None, deadline: Deadline = NO_DEADLINE
    ) -> Connection:
        """See :class:`~.gateway.Gateway`. Older versions search and connect instead (§1.2)."""
        if self.verbs.has("connection ensure"):
            flags = [f"--name={name}"] if name else []
            document = self._membrane.ask("connection ensure", [app_url], flags, deadline=deadline)
            return shaped(shapes.connection, document, "membrane connection ensure")
        self._membrane.need("search", "connect")
        app = _app_name(app_url)
        for connection in self.connections(deadline=deadline):
            if app in _plain(f"{connection.app} {connection.key}") and not connection.test:
                return connection
        hits = self.search_connectors(app, deadline=deadline)
        named = [hit for hit in hits if app in (_plain(hit.id), _plain(hit.name))]
        hits = named or [hit for hit in hits if app in _plain(hit.name)]
        if len(hits) != 1:
            many = ", ".join(f"{hit.id} ({hit.name!a})" for hit in hits[:5])
            message = (
                f"Several connectors are called {app}: {many}."
                if many
                else (f"Membrane finds no connector called {app}.")
            )
            raise _refused(message, Trouble.NOT_FOUND, "no_connector")
        return self.connect(hits[0].id, name=name, deadline=deadline)

    def connect(
        self, connector_id: str, *, name: str | None = None, deadline: Deadline = NO_DEADLINE
    ) -> Connection:
        check_id(connector_id, "The connector id")
        flags = [f"--connectorId={connector_id}"] + ([f"--name={name}"] if name else [])
        if self.verbs.has("connect", "--allowMultipleConnections"):
            flags.append("--allowMultipleConnections")  # who wants the one there is ensures it
        return self._connect(flags, deadline)

    def reconnect(self, selector: str, *, deadline: Deadline = NO_DEADLINE) -> Connection:
        check_id(selector, "The connection")
        return self._connect([f"--connectionId={selector}"], deadline)

    def _connect(self, flags: list[str], deadline: Deadline) -> Connection:
        self._membrane.need("connect")
        timeout = max(self._membrane.timeout, LONGEST_BROWSING)
        if self.verbs.has("connect", "--non-interactive"):  # else it blocks, too (§1.6)
            flags, timeout = [*flags, "--non-interactive"], self._membrane.timeout
        document = self._membrane.ask("connect", (), flags, deadline=deadline, timeout=timeout)
        if isinstance(document, Mapping) and "id" not in document and "connectionId" in document:
            document = {**document, "id": document["connectionId"]}  # the seed's word (§1.5)
        return shaped(shapes.connection, document, "membrane connect")

    def archive(self, selector: str, *, deadline: Deadline = NO_DEADLINE) -> None:
        check_id(selector, "The connection")
        verb = self._archive_verb()
        if verb is None:
            raise no_verb(_ARCHIVE[0])
        self._membrane.run(verb, [selector], deadline=deadline)

    def _archive_verb(self) -> str | None:
        return next((verb for verb in _ARCHIVE if self.verbs.has(verb)), None)

    def search_connectors(
        self, text: str, *, limit: int = 20, deadline: Deadline = NO_DEADLINE
    ) -> list[Connector]:
        self._membrane.need("search")
        flags = ["--elementType=connector"]
        document = self._membrane.ask("search", [text], flags, deadline=deadline)
        read = partial(shapes.items, plural="connectors")
        rows, _ = shaped(read, document, "membrane search")
        found = (shapes.connector(row) for row in rows)
        wanted = (hit for hit in found if hit is not None and hit.kind == "connector")
        return list(islice(wanted, max(0, limit)))

    # Actions

    def actions(
        self,
        connection_id: str,
        *,
        intent: str | None = None,
        deadline: Deadline = NO_DEADLINE,
    ) -> list[Action]:
        """See :class:`~.gateway.Gateway`; with ``intent``, the one page that fits best."""
        check_id(connection_id, "The connection")
        flags = [f"--connectionId={connection_id}"]
        if intent is None:
            rows = self._membrane.rows("action list", "actions", flags, deadline=deadline)
        else:
            flags.append(f"--intent={intent}")
            rows = self._membrane.rows("action list", "actions", flags, deadline=deadline, pages=1)
        return [shaped(shapes.action, row, "membrane action list") for row in rows]

    def run_action(
        self,
        connection_id: str,
        action: Action,
        arguments: Mapping[str, Any],
        *,
        meta: Mapping[str, str] | None = None,
        deadline: Deadline = NO_DEADLINE,
    ) -> ActionResult:
        """See :class:`~.gateway.Gateway`. ``meta`` goes along only where ``act`` is used (U7)."""
        check_id(connection_id, "The connection")
        selector = check_id(action.id or action.key or "", "The action")
        given = encoded(arguments)
        flags = [f"--connectionId={connection_id}", f"--input={given}"]
        if self._has_action_run():
            verb, positionals = "action run", [selector]
        else:
            self._membrane.need("act")
            verb, positionals = "act", []
            flags.append(f"--{'id' if action.id else 'key'}={selector}")
            flags += [f"--meta={encoded(meta)}"] if meta else []
        output = self._membrane.run(verb, positionals, flags, deadline=deadline, secrets=[given])
        result, status = shapes.action_result(output.document)
        if status is not None and status >= 400:
            raise from_fullstory(status, result.output, action_run_id=result.action_run_id)
        return result

    def _has_action_run(self) -> bool:
        """``action run`` where help shows it, or where only the help on ``action`` is missing."""
        verbs = self.verbs
        return verbs.has("action run") or not (verbs.details("action") or verbs.has("act"))

    def run_log(
        self, run_id: str, *, details: bool = False, deadline: Deadline = NO_DEADLINE
    ) -> RunLog:
        check_id(run_id, "The run id")
        self._membrane.need("action-run-log")
        flags = ["--details"] if details else []
        document = self._membrane.ask("action-run-log get", [run_id], flags, deadline=deadline)
        return shaped(shapes.run_log, document, "membrane action-run-log get")

    def find_run(
        self, connection_id: str, marker: str, *, deadline: Deadline = NO_DEADLINE
    ) -> RunLog | None:
        """None: no verb lists the run logs."""
        return None

    # Requests to Fullstory

    def request(
        self, connection_id: str, request: Request, *, deadline: Deadline = NO_DEADLINE
    ) -> Response:
        """See :class:`~.gateway.Gateway`. By ``act --api`` where there is ``act`` (§1.4a)."""
        check_id(connection_id, "The connection")
        method, target = check_method(request), check_target(request.path)
        headers = [check_header(*pair) for pair in request.headers]
        once("header", (header.lower() for header, _ in headers))
        once("query parameter", (parameter for parameter, _ in request.query))
        if self.verbs.has("act"):
            verb, positionals = "act", []
            given = api_argument(method, target, request.query, headers, request.body)
            flags = [f"--connectionId={connection_id}", f"--api={given}"]
        else:
            self._membrane.need("request")
            verb, positionals = "request", [connection_id, target]
            given = text_body(request.body)
            flags = request_flags(method, request.query, headers, given)
        output = self._membrane.run(
            verb, positionals, flags, deadline=deadline, secrets=[given], proxied=True
        )
        if output.empty and method == "GET":
            raise printed_nothing(verb)
        if output.empty:
            return Response(None, (), b"")
        return response(output.document, large=output.large)

    # Who we are

    def identity(self, *, deadline: Deadline = NO_DEADLINE) -> Mapping[str, Any]:
        """Nothing is told, because no verb is documented to; but the login is known to work."""
        next(self.connections(deadline=deadline), None)
        return {}


def _refused(message: str, trouble: Trouble, code: str) -> GatewayError:
    return GatewayError(
        message, trouble=trouble, fate=Fate.REFUSED, origin=Origin.MEMBRANE, code=code
    )


def _app_name(app_url: str) -> str:
    """``https://www.fullstory.com`` as ``fullstory``: what to search for."""
    host = urlsplit(app_url if "://" in app_url else f"//{app_url}").hostname or app_url
    labels = host.removeprefix("www.").split(".")
    return _plain(labels[-2] if len(labels) > 1 else labels[0])


def _plain(text: str) -> str:
    return re.sub(r"[^a-z0-9]", "", text.lower())
