"""The road into the embedded Membrane: in this process, no network, no token.

Opening is lazy: the store (and with it SQLite) is loaded by the first question.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from ..membrane import failures, payload, shapes
from ..membrane.gateway import (
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

if TYPE_CHECKING:
    from .clock import Clock
    from .membrane_face import MembraneFace
    from .options import MembraneOptions
    from .store import Store

Query = tuple[tuple[str, str], ...]

_HEADERS = (("Authorization", "Bearer sandbox"), ("Content-Type", "application/json"))
_PAGE = 1000
_RUNS_READ = 100  # newest runs that are searched for a marker


class SandboxGateway:
    """The Gateway to a sandbox at ``path`` (None: in memory, gone with this object).

    An empty sandbox seeds itself unless ``seed`` is False. Errors of the sandbox's file come as
    :class:`~fsctl.errors.FsctlError`, everything else as :class:`GatewayError`.
    """

    name = "sandbox"
    capabilities = Capabilities(
        max_body=10 * 1024 * 1024,  # the real Membrane's limit: a rehearsal should meet it
        headers=True,
        repeated_query=True,
        raw_bodies=True,
        metadata=True,
    )

    def __init__(
        self,
        path: Path | None,
        clock: Clock | None = None,
        *,
        options: MembraneOptions | None = None,
        seed: bool = True,
    ) -> None:
        self._path = path
        self._clock = clock
        self._options = options
        self._seed = seed
        self._opening = threading.Lock()
        self._opened: tuple[Store, MembraneFace] | None = None

    @cached_property
    def account(self) -> str:
        return f"sandbox:{self._path.absolute() if self._path else 'memory'}"

    @property
    def store(self) -> Store:
        """The sandbox's state, for the commands that seed and show it."""
        return self._open()[0]

    def connections(self, *, deadline: Deadline = NO_DEADLINE) -> Iterator[Connection]:
        for raw in self._all("/connections", "connections", deadline=deadline):
            yield shapes.connection(raw)

    def connection(
        self, selector: str, *, wait: float | None = None, deadline: Deadline = NO_DEADLINE
    ) -> Connection:
        query: Query = ()
        if wait is not None:
            seconds = min(max(round(min(wait, deadline.remaining())), 1), 60)
            query = (("wait", "true"), ("timeout", str(seconds)))
        return shapes.connection(self._ask("GET", _of(selector), query=query, deadline=deadline))

    def ensure_connection(
        self, app_url: str, *, name: str | None = None, deadline: Deadline = NO_DEADLINE
    ) -> Connection:
        body = _present(appUrl=app_url, name=name)
        return shapes.connection(
            self._ask("POST", "/connections/ensure", body=body, deadline=deadline)
        )

    def connect(
        self, connector_id: str, *, name: str | None = None, deadline: Deadline = NO_DEADLINE
    ) -> Connection:
        body = _present(connectorId=connector_id, name=name)
        return shapes.connection(self._ask("POST", "/connections", body=body, deadline=deadline))

    def reconnect(self, selector: str, *, deadline: Deadline = NO_DEADLINE) -> Connection:
        path = f"{_of(selector)}/reconnect"
        return shapes.connection(self._ask("POST", path, deadline=deadline))

    def archive(self, selector: str, *, deadline: Deadline = NO_DEADLINE) -> None:
        self._ask("DELETE", _of(selector), deadline=deadline)

    def search_connectors(
        self, text: str, *, limit: int = 20, deadline: Deadline = NO_DEADLINE
    ) -> list[Connector]:
        query = (("q", text), ("elementType", "connector"), ("limit", str(limit)))
        found, _ = shapes.items(
            self._ask("GET", "/search", query=query, deadline=deadline), "items"
        )
        return [connector for raw in found if (connector := shapes.connector(raw)) is not None]

    def actions(
        self,
        connection_id: str,
        *,
        intent: str | None = None,
        deadline: Deadline = NO_DEADLINE,
    ) -> list[Action]:
        query: Query = (("connectionId", connection_id),)
        if intent:
            query = (*query, ("intent", intent))
        return [
            shapes.action(raw)
            for raw in self._all("/actions", "actions", query=query, deadline=deadline)
        ]

    def run_action(
        self,
        connection_id: str,
        action: Action,
        arguments: Mapping[str, Any],
        *,
        meta: Mapping[str, str] | None = None,
        deadline: Deadline = NO_DEADLINE,
    ) -> ActionResult:
        body = _present(
            id=action.id,
            connectionId=connection_id,
            input=dict(arguments),
            meta=dict(meta) if meta else None,
        )
        document = self._ask("POST", "/act", body=body, deadline=deadline)
        result, status = shapes.action_result(document)
        if status is not None and status >= 400:
            raise failures.from_fullstory(status, result.output, action_run_id=result.action_run_id)
        return result

    def request(
        self, connection_id: str, request: Request, *, deadline: Deadline = NO_DEADLINE
    ) -> Response:
        path = f"{_of(connection_id)}/proxy/{request.path.removeprefix('/')}"
        headers = (_HEADERS[0], *request.headers)
        response = self._send(request.method, path, request.query, headers, request.body, deadline)
        document = _json(response.body)
        if (response.status or 0) >= 400 and failures.is_membrane_error(document):
            raise failures.from_membrane(document, response.status)
        return response

    def run_log(
        self, run_id: str, *, details: bool = False, deadline: Deadline = NO_DEADLINE
    ) -> RunLog:
        path = f"/action-run-logs/{quote(run_id, safe='')}"
        document = dict(shapes.record(self._ask("GET", path, deadline=deadline), "run log"))
        if details:
            document["details"] = self._ask("GET", f"{path}/details", deadline=deadline)
        return shapes.run_log(document)

    def find_run(
        self, connection_id: str, marker: str, *, deadline: Deadline = NO_DEADLINE
    ) -> RunLog | None:
        query = (("connectionId", connection_id), ("limit", str(_RUNS_READ)))
        document = self._ask("GET", "/action-run-logs", query=query, deadline=deadline)
        return shapes.newest_run(shapes.items(document, "actionRunLogs")[0], marker)

    def identity(self, *, deadline: Deadline = NO_DEADLINE) -> Mapping[str, Any]:
        told = shapes.record(self._ask("GET", "/self", deadline=deadline), "tenant")
        return {
            "name": told.get("name"),
            "tenant": told.get("internalId"),
            "workspace": told.get("workspaceKey"),
        }

    def close(self) -> None:
        with self._opening:
            if self._opened is not None:
                store, face = self._opened
                face.close()
                store.close()
                self._opened = None

    def _open(self) -> tuple[Store, MembraneFace]:
        with self._opening:
            if self._opened is None:
                from .api import FullstoryApi
                from .membrane_face import MembraneFace
                from .options import MembraneOptions
                from .seed import seed_if_empty
                from .store import Store

                store = Store(self._path, clock=self._clock)
                try:
                    if self._seed:
                        seed_if_empty(store)
                    options = self._options or MembraneOptions()
                    self._opened = store, MembraneFace(store, FullstoryApi(store), options)
                except BaseException:
                    store.close()
                    raise
            return self._opened

    def _all(
        self, path: str, plural: str, *, query: Query = (), deadline: Deadline
    ) -> Iterator[Any]:
        """The rows of all pages."""
        cursor: str | None = None
        while True:
            place: Query = (("cursor", cursor),) if cursor else ()
            asked = (*query, ("limit", str(_PAGE)), *place)
            document = self._ask("GET", path, query=asked, deadline=deadline)
            rows, cursor = shapes.items(document, plural)
            yield from rows
            if cursor is None:
                return

    def _ask(
        self,
        method: str,
        path: str,
        *,
        query: Query = (),
        body: Mapping[str, Any] | None = None,
        deadline: Deadline,
    ) -> Any:
        """The JSON document of Membrane's answer, None where it is empty."""
        content = None if body is None else _encoded(body)
        response = self._send(method, path, query, _HEADERS, content, deadline)
        document = _json(response.body)
        status = response.status or 200
        if status < 400:
            return document
        if failures.is_membrane_error(document):
            raise failures.from_membrane(document, status)
        raise failures.from_status(status, response.body)

    def _send(
        self,
        method: str,
        path: str,
        query: Query,
        headers: Query,
        body: bytes | None,
        deadline: Deadline,
    ) -> Response:
        if deadline.remaining() <= 0:
            raise GatewayError(
                "The time for this command was over before the sandbox was asked.",
                trouble=Trouble.UNAVAILABLE,
                fate=Fate.NOT_SENT,
                origin=Origin.LOCAL,
                code="timeout",
                hint="Give it more time with --timeout.",
            )
        _, face = self._open()
        return face.handle(method, path, query, headers, body)


def _of(selector: str) -> str:
    return f"/connections/{quote(selector, safe='')}"


def _present(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _encoded(body: Mapping[str, Any]) -> bytes:
    try:
        return payload.encode(body)
    except payload.BadPayload as error:
        raise GatewayError(
            f"The input cannot be sent: {error}.",
            trouble=Trouble.INVALID,
            fate=Fate.NOT_SENT,
            origin=Origin.LOCAL,
            code="bad_input",
        ) from None


def _json(body: bytes) -> Any:
    try:
        return payload.decode(body) if body else None
    except payload.BadPayload:
        return None
