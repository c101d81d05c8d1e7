"""A Fullstory that takes every batch of users at once, and keeps nothing but counts."""

from __future__ import annotations

import itertools
import json
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any, cast

from fsctl.membrane.gateway import NO_DEADLINE, Deadline, Gateway, Request, Response
from fsctl.membrane.http import HttpGateway
from fsctl.sandbox.seed import seed_if_empty
from fsctl.sandbox.server import SandboxServer
from fsctl.sandbox.store import Store

_JSON = (("Content-Type", "application/json"),)


class Sink:
    """Answers for the batch endpoints of users. ``rows`` is how many it took, ``requests`` how many
    requests came, ``largest`` the size of the largest body in bytes.

    A job's id tells how many rows it has, so that nothing has to be remembered.
    """

    def __init__(self) -> None:
        self.rows = self.requests = self.batches = self.largest = 0
        self._lock = threading.Lock()
        self._ids = itertools.count(1)

    def handle(self, request: Request) -> Response:
        body = request.body or b""
        created = request.method == "POST"
        rows = body.count(b'"uid":') if created else 0
        with self._lock:
            self.requests += 1
            self.batches += created
            self.rows += rows
            self.largest = max(self.largest, len(body))
            job = f"{next(self._ids)}-{rows}" if created else request.path.rpartition("/")[2]
        if not created and "-" not in job:  # nobody's: asked for the time only
            return _answer(404, {"message": "no such job", "code": "resource_not_found"})
        told: dict[str, Any] = {"job": {"id": job, "status": "PROCESSING"}}
        if not created:
            told["job"]["status"] = "COMPLETED"
            told |= {"imports": int(job.partition("-")[2]), "errors": 0}
        return _answer(200, told)


def _answer(status: int, document: Any) -> Response:
    return Response(status, _JSON, json.dumps(document).encode())


class SinkGateway:
    """The road to a :class:`Sink` in this process: no network, no proxy, no JSON in between."""

    name = account = "sink"
    capabilities = HttpGateway.capabilities

    def __init__(self, sink: Sink) -> None:
        self._sink = sink

    def request(
        self, _connection: str, request: Request, *, deadline: Deadline = NO_DEADLINE
    ) -> Response:
        return self._sink.handle(request)


def gateway_to(sink: Sink) -> Gateway:
    return cast(Gateway, SinkGateway(sink))


@contextmanager
def served(sink: Sink) -> Iterator[SandboxServer]:
    """The sink behind a Membrane on a loopback port of this process."""
    with closing(Store(None)) as store:
        seed_if_empty(store)
        server = SandboxServer(store, remember=False)
        server.fullstory = sink  # type: ignore[assignment]
        server.start()
        try:
            yield server
        finally:
            server.stop()
