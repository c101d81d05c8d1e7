"""HTTP/1.1 as the sandbox server speaks it: one handler a connection, kept alive.

The request target is taken as it was sent, still percent-encoded, because what a client let
through in it is what tests look for.
"""

from __future__ import annotations

import contextlib
import json
import select
import socket
import struct
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any

from ..membrane.gateway import Response
from ..membrane.redact import redact
from .envelopes import MAX_REQUEST
from .faults import Kind
from .trouble import instead, refusal

if TYPE_CHECKING:
    from .server import SandboxServer

_MAX_DRAIN = 64 * 1024 * 1024  # bytes of an oversized body that are read before refusing it
_HANG_CHECK = 0.05  # seconds between looks at whether a hung caller has gone


@dataclass(slots=True)
class Received:
    """A request that reached the server, in the order of arrival.

    ``status`` is None while there is no answer, and for ever where the answer was a reset or a
    silence.
    """

    method: str
    target: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes | None = None
    status: int | None = None

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]


class _BadBody(Exception):
    """A request body that cannot be taken; ``close`` where its end is not known."""

    def __init__(self, status: int, message: str, *, close: bool = True) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.close = close


class Handler(BaseHTTPRequestHandler):
    """One connection. What the server has no answer for is answered here."""

    server: SandboxServer
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # or small answers wait for the caller's delayed ACK
    rbufsize = 64 * 1024

    def _serve(self) -> None:
        received = self._received()
        self.server.record(received)
        self.server.delay()
        fault = self.server.faults.next(received.path)
        if fault is Kind.RESET:
            self._reset(received)
            return
        try:
            received.body = self._body()
        except _BadBody as error:
            self.close_connection |= error.close
            self._answer(received, refusal(received.path, error.status, error.message))
            return
        match fault:
            case None:
                self._answer(received, self.server.answer(received))
            case Kind.HANG:
                self._hang(received)
            case Kind.RESET_AFTER:
                self.server.answer(received)
                self._reset(received)
            case Kind.EMPTY:
                self.server.answer(received)
                self._answer(received, Response(200, (), b""))
            case Kind.TRUNCATE:
                self._truncate(received, self.server.answer(received))
            case _:
                self._answer(received, instead(fault, received.path, self.server.retry_after))

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_OPTIONS = _serve  # noqa: N815

    def _received(self) -> Received:
        """The request line and headers. The target is not repaired, unlike ``self.path``."""
        target = self.requestline.split()[1]
        if not target.startswith("/") and "://" in target:  # the form that proxies are sent
            target = "/" + target.partition("://")[2].partition("/")[2]
        headers = tuple((name, str(value)) for name, value in self.headers.items())
        return Received(self.command, target, headers)

    def _body(self) -> bytes | None:
        """The request's body, None where it has none. Raises :class:`_BadBody`."""
        lengths = self.headers.get_all("Content-Length", [])
        coding = self.headers.get("Transfer-Encoding", "").strip().lower()
        if coding and (coding != "chunked" or lengths):
            raise _BadBody(400, "The Transfer-Encoding is not chunked alone")
        if coding:
            return _collected(self._chunks())
        if not lengths:
            return None
        text = lengths[0].strip()
        if len(set(lengths)) > 1 or not (text.isascii() and text.isdecimal()) or len(text) > 15:
            raise _BadBody(400, "The Content-Length is not a number")
        if int(text) > _MAX_DRAIN:
            raise _BadBody(413, "request entity too large")
        return _collected(self._pieces(int(text)))

    def _pieces(self, left: int) -> Iterator[bytes]:
        while left:
            piece = self.rfile.read(min(left, 1 << 20))
            if not piece:
                raise ConnectionResetError("the body ends early")
            left -= len(piece)
            yield piece

    def _chunks(self) -> Iterator[bytes]:
        while True:
            digits = self.rfile.readline(1000).partition(b";")[0].strip()
            if not digits or len(digits) > 8 or digits.strip(b"0123456789abcdefABCDEF"):
                raise _BadBody(400, "A chunk's size is not a number")
            if int(digits, 16) == 0:
                while self.rfile.readline(65_537).strip():
                    pass  # trailers
                return
            yield from self._pieces(int(digits, 16))
            self.rfile.readline(3)

    def _answer(self, received: Received, response: Response) -> None:
        received.status = response.status
        self._write(received, *self._encoded(response))

    def _encoded(self, response: Response) -> tuple[bytes, bytes]:
        """The answer's head and body."""
        status = int(response.status or 200)
        phrase = self.responses.get(status, ("",))[0]
        date = self.date_time_string(self.server.store.clock.time())  # its own time: --clock
        lines = [f"HTTP/1.1 {status} {phrase}", f"Date: {date}"]
        lines += [f"{name}: {value}" for name, value in response.headers]
        if status != 204:
            lines.append(f"Content-Length: {len(response.body)}")
        if self.close_connection:
            lines.append("Connection: close")
        head = "\r\n".join((*lines, "", "")).encode("latin-1", "replace")
        return head, b"" if self.command == "HEAD" or status == 204 else response.body

    def _truncate(self, received: Received, response: Response) -> None:
        """Promise the whole body, send half of it, close."""
        self.close_connection = True
        received.status = response.status
        whole = Response(response.status, response.headers, response.body or b"{}")
        head, body = self._encoded(whole)
        self._write(received, head, body[: len(body) // 2])

    def _write(self, received: Received, head: bytes, body: bytes) -> None:
        """Send it all at once. Logged first: whoever has the answer can find it in the log."""
        self._log(received)
        try:
            self.connection.sendall(head + body)
        except OSError:  # the caller has gone
            self.close_connection = True

    def _reset(self, received: Received) -> None:
        """Close so that the caller sees the connection reset."""
        self._log(received)
        self.close_connection = True
        with contextlib.suppress(OSError):
            linger = struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0)
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.rfile.close()  # it holds the socket open
        self.connection.close()

    def _hang(self, received: Received) -> None:
        """Say nothing until the caller gives up or the server stops."""
        self.close_connection = True
        self._log(received)
        while not self.server.stopping.wait(_HANG_CHECK):
            readable, _, _ = select.select([self.connection], [], [], 0)
            try:
                if readable and not self.connection.recv(1, socket.MSG_PEEK):
                    return
            except OSError:
                return

    def _log(self, received: Received) -> None:
        if self.server.log:
            shown = ascii(redact(received.target))[1:-1]  # it may hold anything
            sys.stderr.write(f"{received.method} {shown} {received.status or '-'}\n")

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Answer a request line or headers that make no sense, and close."""
        self.close_connection = True
        text = message or self.responses.get(code, ("error",))[0]
        body = json.dumps({"type": "bad_request", "message": text}).encode()
        head, _ = self._encoded(Response(code, (("Content-Type", "application/json"),), body))
        with contextlib.suppress(OSError):
            self.connection.sendall(head + body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Requests are logged by :meth:`_log`, only when asked."""


def _collected(pieces: Iterator[bytes]) -> bytes:
    """The pieces joined, or 413. What is too long is read to its end, so that the caller, busy
    sending, comes to read the refusal.
    """
    kept: list[bytes] = []
    size = 0
    for piece in pieces:
        size += len(piece)
        if size <= MAX_REQUEST:
            kept.append(piece)
        elif size > _MAX_DRAIN:
            raise _BadBody(413, "request entity too large")
    if size > MAX_REQUEST:
        raise _BadBody(413, "request entity too large", close=False)
    return b"".join(kept)
