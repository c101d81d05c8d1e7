"""An embedded Membrane to ask in one line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol
from urllib.parse import parse_qsl

from fsctl.membrane.gateway import Request, Response
from fsctl.sandbox.api import FullstoryApi
from fsctl.sandbox.clock import Clock
from fsctl.sandbox.membrane_face import MembraneFace
from fsctl.sandbox.options import DEFAULT_CONNECTION_ID, MembraneOptions
from fsctl.sandbox.store import Store

ID = DEFAULT_CONNECTION_ID
OTHER = "6920c5a1d3f4e5b6a7c8d902"
TEXT = {"text": "deployed"}


class Asking:
    """A Membrane to ask in one line: ``ask("GET", "/self")`` gives status and document."""

    def __init__(self, store: Store, options: MembraneOptions) -> None:
        self.face = MembraneFace(store, FullstoryApi(store), options)
        self.store = store
        self.sent: list[Request] = []
        upstream = self.face.upstream

        def send(request: Request) -> Response:
            self.sent.append(request)
            return upstream(request)

        self.face.upstream = send

    def raw(
        self,
        method: str,
        target: str,
        body: bytes | None = None,
        headers: tuple[tuple[str, str], ...] = (),
        token: str = "any",
    ) -> Response:
        path, _, query = target.partition("?")
        asked = tuple(parse_qsl(query, keep_blank_values=True))
        sent = (("Authorization", f"Bearer {token}"), *headers)
        return self.face.handle(method, path, asked, sent, body)

    def __call__(self, method: str, target: str, document: Any = None) -> tuple[int | None, Any]:
        body = None if document is None else json.dumps(document).encode()
        response = self.raw(method, target, body)
        return response.status, json.loads(response.body) if response.body else None

    def act(self, key: str, given: Any, **more: Any) -> tuple[int | None, Any]:
        return self("POST", "/act", {"key": key, "connectionId": ID, "input": given, **more})


class Membranes(Protocol):
    """Makes a Membrane; the keywords are :class:`MembraneOptions`'s."""

    def __call__(self, *, clock: Clock | None = None, **options: Any) -> Asking: ...


@contextmanager
def membranes_in_memory() -> Iterator[Membranes]:
    """Membranes over stores of their own, closed at the end."""
    opened: list[Store] = []

    def build(*, clock: Clock | None = None, **options: Any) -> Asking:
        opened.append(Store(None, clock=clock))
        return Asking(opened[-1], MembraneOptions(**options))

    try:
        yield build
    finally:
        for store in opened:
            store.close()
