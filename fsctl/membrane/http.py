"""The HTTP gateway: Membrane's API with a bearer token (contracts/membrane §0, §2, §6)."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from itertools import islice
from typing import Any

from .. import __version__
from ..errors import Usage
from . import answers, payload, shapes
from .exchange import MAX_REQUEST, Exchange, check_size, shaped
from .failures import from_fullstory
from .gateway import (
    NO_DEADLINE,
    Action,
    ActionResult,
    Capabilities,
    Connection,
    Connector,
    Deadline,
    GatewayError,
    Request,
    Response,
    RunLog,
    Trouble,
)
from .paths import check_segment, encode_segment
from .tokens import TokenSource, claims

PAGE = 1000  # rows a page, the most a list gives (contracts §2.3)
SEARCH_PAGE = 100  # the most a search gives
INTENT_PAGE = 20  # actions that fit some words; the best come first
MAX_WORDS = 200  # characters of a search or an intent
LONGEST_WAIT = 60  # seconds that Membrane holds a request for a connection being built
RECENT_RUNS = 50

_LOGS_OFF = (Trouble.NOT_FOUND, Trouble.NO_ROUTE, Trouble.FORBIDDEN, Trouble.INVALID)


class HttpGateway:
    """Membrane over HTTP.

    ``base_url`` has passed :func:`~.hosts.check_api_url`; timeouts are in seconds; ``clock`` is
    Unix time; ``trace`` receives a line for every exchange, fit to show. Nothing is opened, read
    or asked for before the first request.
    """

    name = "http"
    capabilities = Capabilities(
        max_body=MAX_REQUEST, headers=True, repeated_query=True, raw_bodies=True, metadata=True
    )

    def __init__(
        self,
        base_url: str,
        tokens: TokenSource,
        *,
        environ: Mapping[str, str],
        connect_timeout: float = 10.0,
        read_timeout: float = 70.0,
        api_version: str | None = None,
        clock: Callable[[], float] = time.time,
        user_agent: str = f"fsctl/{__version__}",
        trace: Callable[[str], None] | None = None,
    ) -> None:
        self._api = Exchange(
            base_url,
            tokens,
            environ=environ,
            connect_timeout=connect_timeout,
            read_timeout=read_timeout,
            api_version=api_version,
            clock=clock,
            user_agent=user_agent,
            trace=trace,
        )
        self._act_missing = False
        self._requested: set[str] = set()  # ids of connection requests made here

    def __repr__(self) -> str:
        return f"HttpGateway({self._api.address.url!r}, {self._api.tokens!r})"

    @property
    def account(self) -> str:
        return f"{self._api.address.authority}/{self._api.tokens.account}"

    def close(self) -> None:
        self._api.close()

    # Connections

    def connections(self, *, deadline: Deadline = NO_DEADLINE) -> Iterator[Connection]:
        for row in self._api.rows("/connections", "connections", (), PAGE, deadline):
            connection = shaped(shapes.connection, row, "GET /connections")
            if not connection.archived:
                yield connection

    def connection(
        self, selector: str, *, wait: float | None = None, deadline: Deadline = NO_DEADLINE
    ) -> Connection:
        """See :class:`~.gateway.Gateway`. With ``wait`` it may also be the id of a request."""
        path = _connection_path(selector)
        if selector in self._requested:
            return self._follow_request(selector, deadline)
        query: tuple[tuple[str, str], ...] = ()
        read_timeout = None
        if wait is not None:
            seconds = max(1, int(min(wait, LONGEST_WAIT, deadline.remaining())))
            query = (("wait", "true"), ("timeout", str(seconds)))
            read_timeout = seconds + 10.0
        try:
            held = self._api.get(path, query, deadline=deadline, read_timeout=read_timeout)
        except GatewayError as failure:
            if failure.trouble is not Trouble.NOT_FOUND or wait is None:
                raise
            try:  # the id of a request for a connection, which another process made
                return self._follow_request(selector, deadline)
            except GatewayError:
                raise failure from None
        return shaped(shapes.connection, held, f"GET {path}")

    def ensure_connection(
        self, app_url: str, *, name: str | None = None, deadline: Deadline = NO_DEADLINE
    ) -> Connection:
        body = {"appUrl": app_url} | ({"name": name} if name else {})
        made = self._api.post("/connections/ensure", body, deadline=deadline)
        return shaped(shapes.connection, made, "POST /connections/ensure")

    def connect(
        self, connector_id: str, *, name: str | None = None, deadline: Deadline = NO_DEADLINE
    ) -> Connection:
        check_segment(connector_id, "The connector id")
        body = {"connectorId": connector_id} | ({"name": name} if name else {})
        try:
            made = self._api.post("/connections", body, deadline=deadline)
            return shaped(shapes.connection, made, "POST /connections")
        except GatewayError as failure:
            if failure.trouble is not Trouble.NO_ROUTE:
                raise
        made = self._api.post("/connection-requests", body, deadline=deadline)
        return self._requested_connection(made, deadline)

    def reconnect(self, selector: str, *, deadline: Deadline = NO_DEADLINE) -> Connection:
        path = _connection_path(selector)
        try:
            told = self._api.call("POST", f"{path}/reconnect", b"{}", answers.loose, deadline)
        except GatewayError as failure:
            if failure.trouble is not Trouble.NO_ROUTE:
                raise
            body = payload.encode({"connectionId": selector})
            told = self._api.call("POST", "/connect", body, answers.loose, deadline)
        try:
            return shapes.connection(told)
        except shapes.UnexpectedShape:  # no source tells this answer's shape (contracts §2.4)
            return _with_url(self.connection(selector, deadline=deadline), told)

    def archive(self, selector: str, *, deadline: Deadline = NO_DEADLINE) -> None:
        path = _connection_path(selector)
        self._api.call("DELETE", path, None, answers.loose, deadline)

    def search_connectors(
        self, text: str, *, limit: int = 20, deadline: Deadline = NO_DEADLINE
    ) -> list[Connector]:
        query = (("q", _words(text, "The search")), ("elementType", "connector"))
        page = max(1, min(limit, SEARCH_PAGE))
        rows = self._api.rows("/search", "connectors", query, page, deadline)
        found = (shapes.connector(row) for row in rows)
        wanted = (hit for hit in found if hit is not None and hit.kind == "connector")
        return list(islice(wanted, max(0, limit)))

    def _follow_request(self, request_id: str, deadline: Deadline) -> Connection:
        path = f"/connection-requests/{encode_segment(request_id)}"
        return self._requested_connection(self._api.get(path, deadline=deadline), deadline)

    def _requested_connection(self, told: Any, deadline: Deadline) -> Connection:
        """A connection request (the older flow, contracts §2.5) as the connection it leads to."""
        read = partial(shapes.record, what="connection request", key="requestId")
        raw = shaped(read, told, "a connection request")
        request_id, status = str(raw["requestId"]), raw.get("status")
        made = raw.get("resultConnectionId")
        if status == "success" and isinstance(made, str):
            self._requested.discard(request_id)
            return self.connection(made, deadline=deadline)
        self._requested.add(request_id)
        waiting = Connection(id=request_id, name=request_id, usable=False)
        if status in ("error", "cancelled"):
            error = _told_error(raw.get("resultError")) or "The request was cancelled."
            return waiting._replace(state="SETUP_FAILED", error=error)
        return _with_url(waiting._replace(state="CLIENT_ACTION_REQUIRED"), raw)

    # Actions

    def actions(
        self,
        connection_id: str,
        *,
        intent: str | None = None,
        deadline: Deadline = NO_DEADLINE,
    ) -> list[Action]:
        """The whole catalogue; with ``intent``, the :data:`INTENT_PAGE` actions that fit best."""
        query = [("connectionId", check_segment(connection_id, "The connection id"))]
        if intent is None:
            rows = self._api.rows("/actions", "actions", query, PAGE, deadline)
        else:
            query.append(("intent", _words(intent, "The intent")))
            best = self._api.rows("/actions", "actions", query, INTENT_PAGE, deadline)
            rows = islice(best, INTENT_PAGE)
        return [shaped(shapes.action, row, "GET /actions") for row in rows]

    def run_action(
        self,
        connection_id: str,
        action: Action,
        arguments: Mapping[str, Any],
        *,
        meta: Mapping[str, str] | None = None,
        deadline: Deadline = NO_DEADLINE,
    ) -> ActionResult:
        check_segment(connection_id, "The connection id")
        asked: dict[str, Any] = {"input": dict(arguments)} | ({"meta": dict(meta)} if meta else {})
        document = self._run(connection_id, action, asked, deadline)
        result, status = shapes.action_result(document)
        if status is not None and status >= 400:
            raise from_fullstory(status, result.output, action_run_id=result.action_run_id)
        return result

    def _run(
        self, connection_id: str, action: Action, asked: dict[str, Any], deadline: Deadline
    ) -> Any:
        selector = check_segment(action.id or action.key or "", "The action")
        if not self._act_missing:
            which = {"id" if action.id else "key": selector, "connectionId": connection_id}
            try:
                return self._api.post("/act", which | asked, deadline=deadline)
            except GatewayError as failure:
                if failure.trouble is not Trouble.NO_ROUTE:
                    raise
                self._act_missing = True  # nothing was run: the older route may have it
        path = f"/actions/{encode_segment(selector, 'The action')}/run"
        return self._api.post(path, asked, (("connectionId", connection_id),), deadline=deadline)

    def run_log(
        self, run_id: str, *, details: bool = False, deadline: Deadline = NO_DEADLINE
    ) -> RunLog:
        path = f"/action-run-logs/{encode_segment(run_id, 'The run id')}"
        log = shaped(shapes.run_log, self._api.get(path, deadline=deadline), f"GET {path}")
        if not details:
            return log
        more = self._api.get(f"{path}/details", deadline=deadline)
        return log._replace(raw={**log.raw, "details": more})

    def find_run(
        self, connection_id: str, marker: str, *, deadline: Deadline = NO_DEADLINE
    ) -> RunLog | None:
        check_segment(connection_id, "The connection id")
        query = (("connectionId", connection_id), ("limit", str(RECENT_RUNS)))
        try:
            document = self._api.get("/action-run-logs", query, deadline=deadline)
            return shapes.newest_run(shapes.items(document, "logs")[0], marker)
        except shapes.UnexpectedShape:
            return None
        except GatewayError as failure:
            if failure.trouble in _LOGS_OFF:
                return None
            raise

    # Requests to Fullstory

    def request(
        self, connection_id: str, request: Request, *, deadline: Deadline = NO_DEADLINE
    ) -> Response:
        from .proxied import check_header, check_method, check_target

        method, target = check_method(request), check_target(request.path)
        headers = [check_header(name, value) for name, value in request.headers]
        if not any(name.lower() == "user-agent" for name, _ in headers):
            headers.append(("User-Agent", self._api.user_agent))
        check_size(request.body)
        return self._api.call(
            method,
            f"{_connection_path(connection_id)}/proxy/{target.removeprefix('/')}",
            request.body,
            answers.proxied,
            deadline,
            query=request.query,
            headers=headers,
        )

    # Who we are

    def identity(self, *, deadline: Deadline = NO_DEADLINE) -> Mapping[str, Any]:
        told: Mapping[str, Any] = {}
        source: Mapping[str, str] = {}
        try:
            document = self._api.get("/self", deadline=deadline)
            told = document if isinstance(document, Mapping) else {}
        except GatewayError as failure:
            if failure.status not in (403, 404, 405):  # not for this kind of token (§2.10)
                raise
            self._api.get("/connections", (("limit", "1"),), deadline=deadline)
            source = {"source": "token"}
        known = claims(self._api.tokens.token(deadline))
        key = _first(told.get("workspaceKey"), known.get("workspaceKey"), known.get("iss"))
        return {
            "name": _first(told.get("name"), known.get("name")),
            "tenant": _first(told.get("internalId"), known.get("tenantKey"), known.get("id")),
            "workspace": key,
            **source,
        }


def _connection_path(selector: str) -> str:
    return f"/connections/{encode_segment(selector, 'The connection')}"


def _with_url(connection: Connection, told: Any) -> Connection:
    """``connection`` with the address that a person has to open, if one was told."""
    raw = told if isinstance(told, Mapping) else {}
    url = _first(raw.get("url"), raw.get("uiUrl"))
    if url is None:
        return connection
    action = {"type": "connect", "description": "Open the address and finish there."}
    return connection._replace(usable=False, client_action=action | {"uiUrl": url})


def _words(text: str, what: str) -> str:
    if not 1 <= len(text) <= MAX_WORDS:
        raise Usage(
            f"{what} has {len(text)} characters, and Membrane takes 1 to {MAX_WORDS}.",
            hint="Use a few words.",
        )
    return text


def _told_error(error: Any) -> str | None:
    return _first(error, error.get("message") if isinstance(error, Mapping) else None)


def _first(*values: Any) -> str | None:
    return next((value for value in values if isinstance(value, str) and value), None)
