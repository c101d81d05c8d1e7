"""Connections that note when a request starts to leave, so that nobody has to guess it later."""

from __future__ import annotations

import threading
from typing import Any

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection


class _Wire(threading.local):
    """What this thread's request has come to. A thread has one request at a time."""

    sent = False  # its first byte has been handed to the network
    timeout = 0.0  # seconds for sending the body, and for each read


wire = _Wire()


class _Connection(HTTPConnection):
    """A connection that notes when a request, and not a proxy's CONNECT, starts to leave."""

    _open_for_requests = False

    def connect(self) -> None:
        self._open_for_requests = False
        super().connect()
        self._open_for_requests = True

    def send(self, data: Any) -> None:
        if self.sock is None:
            self.connect()
        if self._open_for_requests and self.sock is not None:
            wire.sent = True
            # urllib3 would give a large body no longer than a connection attempt.
            self.sock.settimeout(wire.timeout)
        super().send(data)


class _TLSConnection(_Connection, HTTPSConnection):
    """The same over TLS."""


class Pool(urllib3.HTTPConnectionPool):
    ConnectionCls = _Connection


class TLSPool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _TLSConnection
