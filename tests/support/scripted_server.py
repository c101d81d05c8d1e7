"""A loopback server that answers a list of prepared steps, byte for byte, and records requests.

Every step has to be used and no request may come that no step answers: both fail the test.
"""

from __future__ import annotations

import contextlib
import json
import select
import socket
import ssl
import struct
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Seen:
    """A request as it came."""

    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def header(self, name: str) -> str | None:
        return next((v for k, v in self.headers if k.lower() == name.lower()), None)

    def json(self) -> Any:
        return json.loads(self.body)

    def __str__(self) -> str:
        return f"{self.method} {self.target}"


@dataclass(frozen=True)
class Step:
    """What to do with one request: bytes to write, and what becomes of the connection."""

    response: bytes = b""
    end: str = "keep"  # keep, close, reset, hang
    read: bool = True  # whether the request is read at all
    before: Callable[[], None] | None = None  # runs when the request has come, before it is read


def raw(response: bytes, *, end: str = "close") -> Step:
    return Step(response, end)


def answer(status: int, body: Any = b"", *headers: tuple[str, str]) -> Step:
    """A proper response; a body that is not bytes is sent as JSON."""
    if not isinstance(body, bytes):
        body = json.dumps(body).encode()
        if not any(name.lower() == "content-type" for name, _ in headers):
            headers = (*headers, ("Content-Type", "application/json"))
    lines = [f"HTTP/1.1 {status} Scripted", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers]
    return Step("\r\n".join([*lines, "", ""]).encode("latin-1") + body)


def envelope(status: int, kind: str, key: str | None, message: str, **more: Any) -> Step:
    """Membrane's error envelope (contracts/membrane §3.1)."""
    return answer(
        status, {"type": kind, "message": message, **({"key": key} if key else {}), **more}
    )


RESET_UNREAD = Step(end="reset", read=False)
RESET_AFTER_READING = Step(end="reset")
CLOSE_AFTER_READING = Step(end="close")
HANG = Step(end="hang")


class ScriptedServer:
    """Answers its steps in order, whichever connection a request comes on."""

    def __init__(self, steps: Sequence[Step], tls: ssl.SSLContext | None = None) -> None:
        self.requests: list[Seen] = []
        self.connections = 0
        self.unexpected: list[str] = []
        self._steps = deque(steps)
        self._tls = tls
        self._over = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=32)
        self.port: int = self._listener.getsockname()[1]
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    @property
    def url(self) -> str:
        return f"http{'s' if self._tls else ''}://127.0.0.1:{self.port}"

    @property
    def unused(self) -> int:
        return len(self._steps)

    def sent(self) -> list[str]:
        """The requests as "METHOD target"."""
        return [str(seen) for seen in self.requests]

    def close(self) -> None:
        self._over.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(5)

    def _accept(self) -> None:
        while not self._over.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            thread = threading.Thread(target=self._serve, args=(connection,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError), contextlib.ExitStack() as stack:
            stack.callback(connection.close)
            if self._tls is not None:
                connection = self._tls.wrap_socket(connection, server_side=True)
                stack.callback(connection.close)
            while self._wait_for_data(connection):
                step = self._steps.popleft() if self._steps else None
                if step is not None and step.before is not None:
                    step.before()
                if step is not None and not step.read:
                    connection.sendall(step.response)
                    return _reset(connection) if step.end == "reset" else None
                seen = _read_request(connection)
                if seen is None:
                    return None
                self.requests.append(seen)
                if step is None:
                    self.unexpected.append(str(seen))
                    step = answer(500, {"message": "no step was left"})
                connection.sendall(step.response)
                if step.end == "hang":
                    self._over.wait(20)
                if step.end == "reset":
                    return _reset(connection)
                if step.end != "keep":
                    return None
        return None

    def _wait_for_data(self, connection: socket.socket) -> bool:
        if isinstance(connection, ssl.SSLSocket) and connection.pending():
            return True
        while not self._over.is_set():
            if select.select([connection], [], [], 0.05)[0]:
                return True
        return False


@contextlib.contextmanager
def scripted(*steps: Step, tls: ssl.SSLContext | None = None) -> Iterator[ScriptedServer]:
    server = ScriptedServer(steps, tls)
    try:
        yield server
    finally:
        server.close()
    assert not server.unexpected, f"unexpected requests: {server.unexpected}"
    assert not server.unused, f"{server.unused} steps were not used; came: {server.sent()}"


def free_port() -> int:
    """A loopback port that nothing listens on."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def _reset(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def _read_request(connection: socket.socket) -> Seen | None:
    with connection.makefile("rb") as stream:
        line = stream.readline()
        if not line.strip():
            return None
        method, target, _ = line.decode("latin-1").split(" ", 2)
        headers = []
        while (line := stream.readline()).strip():
            name, _, value = line.decode("latin-1").partition(":")
            headers.append((name, value.strip()))
        length = next((int(v) for k, v in headers if k.lower() == "content-length"), 0)
        return Seen(method, target, tuple(headers), stream.read(length))


class ConnectProxy:
    """An HTTP proxy that tunnels every CONNECT to one loopback port, or refuses it."""

    def __init__(self, to_port: int, *, refuse: int | None = None) -> None:
        self.requests: list[Seen] = []
        self._to_port = to_port
        self._refuse = refuse
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, near: socket.socket) -> None:
        with contextlib.suppress(OSError), near:
            seen = _read_request(near)
            if seen is None:
                return
            self.requests.append(seen)
            if self._refuse is not None or seen.method != "CONNECT":
                near.sendall(f"HTTP/1.1 {self._refuse or 405} No\r\n\r\n".encode())
                return
            near.sendall(b"HTTP/1.1 200 Connected\r\n\r\n")
            with socket.create_connection(("127.0.0.1", self._to_port)) as far:
                _pump(near, far)


def _pump(near: socket.socket, far: socket.socket) -> None:
    while True:
        for ready in select.select([near, far], [], [], 20)[0]:
            data = ready.recv(65536)
            if not data:
                return
            (far if ready is near else near).sendall(data)


@contextlib.contextmanager
def connect_proxy(to_port: int, *, refuse: int | None = None) -> Iterator[ConnectProxy]:
    proxy = ConnectProxy(to_port, refuse=refuse)
    try:
        yield proxy
    finally:
        proxy.close()
