"""The sandbox on a loopback address: Membrane's and Fullstory's HTTP APIs, with trouble on order.

One thread a connection, so that a slow or a hanging request holds up no other.
"""

from __future__ import annotations

import contextlib
import socket
import socketserver
import sys
import threading
from http.server import ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl

from ..errors import FsctlError
from ..membrane.gateway import Request, Response
from . import signed
from .answers import Problem
from .api import FullstoryApi
from .faults import Faults, Kind
from .membrane_face import MembraneFace
from .options import MembraneOptions
from .store import Store
from .trouble import RETRY_AFTER, fullstory_busy, is_fullstory, refusal
from .wire import Handler, Received


class SandboxServer(ThreadingHTTPServer):
    """Both faces of one sandbox on one port.

    ``requests`` holds all that came, for counting, unless ``remember`` is False. Start it with
    :meth:`start`; :meth:`stop` lets go what hangs and waits for the rest. The store belongs to the
    caller and stays open. ``latency``, and ``retry_after`` of ordered 429s, are in seconds.
    """

    daemon_threads = False
    request_queue_size = 128

    def __init__(
        self,
        store: Store,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        faults: Faults | None = None,
        latency: float = 0.0,
        retry_after: int = RETRY_AFTER,
        options: MembraneOptions | None = None,
        log: bool = False,
        remember: bool = True,
    ) -> None:
        if ":" in host:
            self.address_family = socket.AF_INET6
        super().__init__((host, port), Handler)
        self.store = store
        self.requests: list[Received] = []
        self.faults = faults or Faults()
        self.latency = latency
        self.retry_after = retry_after
        self.log = log
        self.remember = remember
        self.stopping = threading.Event()
        self.fullstory = FullstoryApi(store, storage=self.url)
        self.membrane = MembraneFace(store, self.fullstory, options or MembraneOptions())
        self.membrane.upstream = self._upstream
        self._open: set[socket.socket] = set()
        self._guard = threading.Lock()
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """Where it listens, without a slash at the end."""
        host, port = self.socket.getsockname()[:2]
        return f"http://{f'[{host}]' if ':' in host else host}:{port}"

    def start(self) -> None:
        """Serve in a thread of this process."""
        self._thread = threading.Thread(
            target=self.serve_forever, kwargs={"poll_interval": 0.05}, name="sandbox"
        )
        self._thread.start()

    def stop(self) -> None:
        """Close the port, let go what hangs, and wait until every request is over."""
        self.stopping.set()
        self.membrane.close()
        if self._thread is not None:
            self.shutdown()
            self._thread.join()
        with self._guard:
            still_open = list(self._open)
        for connection in still_open:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RD)
        self.server_close()

    def record(self, received: Received) -> None:
        """Count a request that came."""
        if self.remember:
            with self._guard:
                self.requests.append(received)

    def delay(self) -> None:
        """Be as slow as ordered."""
        if self.latency:
            self.stopping.wait(self.latency)

    def answer(self, received: Received) -> Response:
        """Do what was asked; the answer of the face that was asked."""
        path, _, query_text = received.target.partition("?")
        query = tuple(parse_qsl(query_text, keep_blank_values=True))
        method, headers, body = received.method, received.headers, received.body
        try:
            if path.startswith(signed.PREFIX):
                return signed.serve(self.store, Request(method, path, query, headers, body))
            if not is_fullstory(path):
                return self.membrane.handle(method, path, query, headers, body)
            if not _has_key(headers):
                return Problem(401, "unauthorized", "Access is unauthorized.").response()
            return self.fullstory.handle(Request(method, path, query, headers, body))
        except FsctlError as error:  # the store's: a full disk, another process's lock
            return refusal(path, 500, error.message)

    def _upstream(self, request: Request) -> Response:
        """Fullstory behind Membrane, with the faults that happen there."""
        if self.faults.next(request.path, behind=True) is Kind.RATE_LIMITED_FULLSTORY:
            return fullstory_busy(self.retry_after)
        return self.fullstory.handle(request)

    def server_bind(self) -> None:
        """Bind without asking the name service for this host's name, as http.server would."""
        socketserver.TCPServer.server_bind(self)

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._guard:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._guard:
            self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A caller that goes away is no news; anything else is."""
        if not isinstance(sys.exception(), ConnectionError | TimeoutError):
            super().handle_error(request, client_address)


def _has_key(headers: tuple[tuple[str, str], ...]) -> bool:
    """Whether Fullstory is given an API key; which one does not matter here."""
    given = next((v for name, v in headers if name.lower() == "authorization"), "")
    scheme, _, key = given.strip().partition(" ")
    return scheme.lower() == "basic" and bool(key.strip())
