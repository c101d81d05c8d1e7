"""Membrane's HTTP API over the embedded Fullstory (contracts/membrane §2 and §3).

One :class:`MembraneFace` answers both the in-process gateway and the loopback server. It knows
nothing of sockets: a request comes in as values and a response goes out.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from ..membrane.gateway import Request, Response
from .calls import Call, page_of
from .catalogue import Catalogue
from .connections import CONNECTOR, INTEGRATION, TENANT, WORKSPACE_KEY, Connections
from .envelopes import (
    MAX_REQUEST,
    MembraneFailure,
    bad_request,
    empty_response,
    json_response,
    no_route,
    not_found,
    too_large,
)
from .options import MembraneOptions
from .proxying import (
    METHODS,
    Headers,
    Query,
    Upstream,
    bad_key,
    forwarded,
    from_document,
    resolve_dots,
    target,
    wrapped,
)
from .runlogs import RunLogs
from .running import Runner
from .store import Store

_RUNNABLE = ("id", "key", "api", "code")
_TARGETS = ("connectionId", "connectionKey", "integrationId", "integrationKey")
_ACT_FIELDS = frozenset((*_RUNNABLE, *_TARGETS, "input", "meta"))
_DEFAULTS = MembraneOptions()
_ESCAPES_KEPT = 1000


class Fullstory(Protocol):
    """What stands behind Membrane."""

    def handle(self, request: Request) -> Response: ...


@dataclass(frozen=True, slots=True)
class Escape:
    """A request that got where its path did not say: into another path, or to a foreign host."""

    asked: str
    reached: str


class MembraneFace:
    """An embedded Membrane: one workspace, one tenant, connections to one Fullstory.

    ``escapes`` collects the requests whose path led elsewhere than it said. ``upstream`` sends to
    Fullstory and may be replaced by something that fails. Safe to call from many threads at once.
    """

    def __init__(
        self, store: Store, fullstory: Fullstory, options: MembraneOptions = _DEFAULTS
    ) -> None:
        self.upstream: Upstream = fullstory.handle
        self.escapes: list[Escape] = []
        self._options = options
        self._connections = Connections(store, options.connections, walk=options.walk)
        self._catalogue = Catalogue(options.style)
        self._logs = RunLogs(store, enabled=options.run_logs)
        self._runner = Runner(store, self._logs, options, self._send)
        self._lock = threading.Lock()
        self._rejections = options.reject_first
        self._expired: set[str] = set()

    def handle(
        self, method: str, path: str, query: Query, headers: Headers, body: bytes | None
    ) -> Response:
        """Answer one request. ``path`` is percent-encoded, as it was sent; ``query`` is decoded.

        Raises only the errors of the store itself.
        """
        reached = self._resolved(path)
        cap = self._options.max_page
        call = Call.of(method, reached, query, headers, body, page_cap=cap)
        try:
            self._authenticate(headers)
            if body is not None and len(body) > MAX_REQUEST:
                raise too_large()
            if not self._options.missing_routes.isdisjoint((reached, f"{method} {reached}")):
                return no_route(method, reached)
            return self._route(call)
        except MembraneFailure as failure:
            return failure.response()

    def expire(self, token: str) -> None:
        """From now on answer requests that carry ``token`` with 401."""
        with self._lock:
            self._expired.add(token)

    def close(self) -> None:
        """Let go the requests that are being held."""
        self._connections.close()

    def _authenticate(self, headers: Headers) -> None:
        given = next((v for name, v in headers if name.lower() == "authorization"), "")
        scheme, _, token = given.strip().partition(" ")
        token = token.strip()
        if scheme.lower() != "bearer" or not token:
            raise _not_authenticated("Authentication token is required")
        known = self._options.tokens
        with self._lock:
            rejected = self._rejections > 0
            self._rejections -= int(rejected)
            rejected = rejected or token in self._expired
        if rejected or (known is not None and token not in known):
            raise _not_authenticated("Authentication token is not valid")

    def _route(self, call: Call) -> Response:
        match (call.method, call.segments):
            case (_, ["connections", *_]):
                return self._route_connections(call)
            case (_, ["connection-requests" | "connect", *_]):
                return self._route_connecting(call)
            case (_, ["actions" | "action" | "act", *_]):
                return self._route_actions(call)
            case ("GET", ["action-run-logs", *_]):
                return self._route_logs(call)
            case ("GET", ["self"]):
                return json_response({**TENANT, "workspaceKey": WORKSPACE_KEY})
            case ("GET", ["account"]):
                return json_response({"user": TENANT, "workspace": {"key": WORKSPACE_KEY}})
            case ("GET", ["search"]):
                return self._catalogue.search(call, self._connections.find({}))
            case ("GET", ["integrations" | "connectors", *_]):
                return self._catalogue.apps(call)
        return no_route(call.method, call.path)

    def _route_connections(self, call: Call) -> Response:
        connections = self._connections
        match (call.method, call.segments[1:]):
            case ("GET", []):
                return call.page(connections.find(call.first))
            case ("POST", []):
                return json_response(self._create(call.document()))
            case ("POST", ["ensure"]):
                return json_response(self._ensure(call.document()))
            case ("GET", [selector]):
                return json_response(self._awaited(selector, call.first))
            case ("PATCH" | "PUT", [selector]):
                return json_response(connections.patch(selector, call.document()))
            case ("DELETE", [selector]) | ("POST", [selector, "archive"]):
                connections.archive(selector)
                return empty_response()
            case ("POST", [selector, "restore"]):
                return json_response(connections.restore(selector))
            case ("POST", [selector, "reconnect"]):
                return json_response(connections.reconnect(selector))
            case ("POST", [selector, "disconnect"]):
                connections.disconnect(selector)
                return empty_response(204)
            case ("POST", [selector, "refresh-credentials"]):
                connections.usable(selector)
                return empty_response(204)
            case ("POST", [selector, "test"]):
                return json_response({"success": self._test(selector)})
            case (_, [selector, "request" | "proxy" | "api" | "actions", *_]):
                return self._route_through(call, selector)
        return no_route(call.method, call.path)

    def _route_through(self, call: Call, selector: str) -> Response:
        """What goes through one connection, named in the path."""
        connections = self._connections
        match (call.method, call.segments[2:]):
            case ("POST", ["request"]):
                request = from_document(call.document(), "data")
                return json_response(wrapped(self._sent(connections.usable(selector), request)))
            # /api/ is where the JavaScript client's connection.request() posts to.
            case (method, ["proxy", *_]) | ("POST" as method, ["api", *_]) if method in METHODS:
                path = "/" + "/".join(call.raw[3:])
                request = Request(method, path, call.query, forwarded(call.headers), call.body)
                return self._sent(connections.usable(selector), request)
            case ("GET", ["actions"]):
                return self._catalogue.listed(call, connections.get(selector))
            case ("GET", ["actions", name]):
                action = self._catalogue.action(name)
                return json_response(self._catalogue.told(action, connections.get(selector)))
            case ("POST", ["actions", name, "run"]):
                action = self._catalogue.action(name)
                given, meta = _input_or_bare(call.value())
                return self._runner.run_action(action, connections.usable(selector), given, meta)
        return no_route(call.method, call.path)

    def _route_connecting(self, call: Call) -> Response:
        document = call.document()
        match (call.method, call.segments):
            case ("POST", ["connect"]):
                if document.get("connectionId"):
                    return json_response(self._connections.reconnect(str(document["connectionId"])))
                return json_response(self._create(document))
            case ("POST", ["connection-requests"]):
                if not document.get("connectionId"):
                    _check_app(document)
                return json_response(self._connections.request(document))
            case ("GET", ["connection-requests", request_id]):
                return json_response(self._connections.connection_request(request_id))
        return no_route(call.method, call.path)

    def _route_actions(self, call: Call) -> Response:
        match (call.method, call.segments):
            case ("GET", ["actions"]):
                return self._catalogue.listed(call, self._asked_connection(call))
            case ("GET", ["actions", selector]):
                return self._one_action(call, selector)
            case ("GET", ["action"]):
                return self._one_action(call, _selector(call))
            case ("POST", ["actions", selector, "run"]):
                return self._run(call, selector)
            case ("POST", ["action", "run"]):
                return self._run(call, _selector(call))
            case ("POST", ["act"]):
                return self._act(call.document())
        return no_route(call.method, call.path)

    def _route_logs(self, call: Call) -> Response:
        match call.segments[1:]:
            case []:
                limit, offset = call.limits()
                return page_of(self._logs.find(call.first, limit + 1, offset), limit, offset)
            case [run_id]:
                entry, details = self._run_log(run_id)
                more = {"details": details} if call.first.get("details") == "true" else {}
                return json_response({**entry, **more})
            case [run_id, "details"]:
                return json_response(self._run_log(run_id)[1])
        return no_route(call.method, call.path)

    def _run_log(self, run_id: str) -> tuple[dict[str, Any], dict[str, Any]]:
        found = self._logs.get(run_id)
        if found is None:
            raise not_found("Action run log", run_id)
        return found

    def _create(self, document: Mapping[str, Any]) -> dict[str, Any]:
        if not document.get("intent"):
            _check_app(document)
        return self._connections.create(
            name=_text(document, "name"),
            key=document.get("key", document.get("connectionKey")),
            meta=document.get("meta"),
        )

    def _ensure(self, document: Mapping[str, Any]) -> dict[str, Any]:
        return self._connections.ensure(_text(document, "appUrl") or "", _text(document, "name"))

    def _awaited(self, selector: str, query: Mapping[str, str]) -> dict[str, Any]:
        if query.get("wait") != "true":
            return self._connections.get(selector)
        timeout = query.get("timeout", "30")
        if timeout not in (str(seconds) for seconds in range(1, 61)):
            raise bad_request("timeout: must be an integer from 1 to 60")
        return self._connections.wait(selector, int(timeout))

    def _test(self, selector: str) -> bool:
        try:
            connection = self._connections.usable(selector)
        except MembraneFailure as failure:
            if failure.type == "connection":
                return False
            raise
        return self._sent(connection, Request("GET", "/v2/users")).status == 200

    def _sent(self, connection: Mapping[str, Any], request: Request) -> Response:
        """Fullstory's answer to a request whose path a caller made up."""
        return self._send(connection, self._aimed(request))

    def _aimed(self, request: Request) -> Request:
        """The request at Fullstory's own path; a foreign host is caught before it is called."""
        path, foreign = target(request.path)
        if foreign is not None:
            self._note_escape(request.path, foreign)
            raise bad_request(f"The sandbox reaches Fullstory only, not {foreign}")
        path = self._resolved(path)
        return Request(request.method, path, request.query, request.headers, request.body)

    def _resolved(self, path: str) -> str:
        reached = resolve_dots(path)
        if reached != path:
            self._note_escape(path, reached)
        return reached

    def _note_escape(self, asked: str, reached: str) -> None:
        if len(self.escapes) < _ESCAPES_KEPT:
            self.escapes.append(Escape(asked, reached))

    def _send(self, connection: Mapping[str, Any], request: Request) -> Response:
        if not self._connections.has_good_key(connection["id"]):
            return bad_key()
        return self.upstream(request)

    def _act(self, document: Mapping[str, Any]) -> Response:
        unknown = sorted(set(document) - _ACT_FIELDS)
        if unknown:
            keys = ", ".join(f'"{name}"' for name in unknown)
            raise bad_request(f"Unrecognized keys: {keys}", unrecognizedKeys=unknown)
        chosen = [name for name in _RUNNABLE if document.get(name) is not None]
        if len(chosen) != 1:
            raise bad_request(f"Exactly one of {', '.join(_RUNNABLE)} is required")
        (kind,) = chosen
        meta = _mapping(document, "meta")
        connection = self._chosen_connection({name: _text(document, name) for name in _TARGETS})
        if kind == "api":
            request = self._aimed(from_document(_mapping(document, "api") or {}, "body"))
            return self._runner.run_api(request, connection, meta)
        selector = _text(document, kind) or ""
        if kind == "code":
            raise MembraneFailure("custom_code", "The sandbox does not run code")
        action = self._catalogue.action(selector)
        return self._runner.run_action(action, connection, document.get("input"), meta)

    def _run(self, call: Call, selector: str) -> Response:
        document = call.document()
        action = self._catalogue.action(selector)
        connection = self._chosen_connection(call.first)
        meta = _mapping(document, "meta")
        return self._runner.run_action(action, connection, document.get("input"), meta)

    def _one_action(self, call: Call, selector: str) -> Response:
        action = self._catalogue.action(selector)
        return json_response(self._catalogue.told(action, self._asked_connection(call)))

    def _chosen_connection(self, asked: Mapping[str, str | None]) -> dict[str, Any]:
        """Resolution order: connectionId, connectionKey, the integration's default (§2.7)."""
        selector = asked.get("connectionId") or asked.get("connectionKey")
        if selector:
            return self._connections.usable(selector)
        integration = asked.get("integrationId") or asked.get("integrationKey")
        if integration and integration not in (INTEGRATION["id"], INTEGRATION["key"]):
            raise not_found("Integration", integration)
        return self._connections.usable(INTEGRATION["key"])

    def _asked_connection(self, call: Call) -> dict[str, Any] | None:
        selector = call.first.get("connectionId") or call.first.get("connectionKey")
        return self._connections.get(selector) if selector else None


def _not_authenticated(message: str) -> MembraneFailure:
    return MembraneFailure("bad_request", message, key="not_authenticated")


def _selector(call: Call) -> str:
    selector = call.first.get("id") or call.first.get("key")
    if not selector:
        raise bad_request("id or key is required")
    return selector


def _text(document: Mapping[str, Any], name: str) -> str | None:
    value = document.get(name)
    if not isinstance(value, str | None):
        raise bad_request(f"{name}: Invalid input: expected string")
    return value


def _mapping(document: Mapping[str, Any], name: str) -> dict[str, Any] | None:
    value = document.get(name)
    if not isinstance(value, dict | None):
        raise bad_request(f"{name}: Invalid input: expected record")
    return value


def _input_or_bare(value: Any) -> tuple[Any, Mapping[str, Any] | None]:
    """The JavaScript client posts the input to this one route without wrapping it (§2.7)."""
    if isinstance(value, dict) and "input" in value and set(value) <= {"input", "meta"}:
        return value["input"], value.get("meta")
    return value, None


def _check_app(document: Mapping[str, Any]) -> None:
    """Refuse to connect to anything but Fullstory, or to nothing."""
    names = ("integrationId", "integrationKey", "connectorId", "connectorKey")
    named = [str(document[name]) for name in names if document.get(name)]
    if not named:
        raise bad_request(f"One of {', '.join(names)} is required")
    known = (INTEGRATION["id"], INTEGRATION["key"], CONNECTOR["id"], CONNECTOR["key"])
    for name in named:
        if name not in known:
            raise not_found("Integration", name)
