"""One HTTP exchange with one host: pooled, bounded, and honest about what was sent.

Whether a failed request may have arrived is not guessed from the kind of error: the connection
itself notes when it hands the first byte of a request to the network. Before that it is NOT_SENT,
after that UNKNOWN. Nothing is ever repeated and no redirect followed here.

This module imports urllib3; import it where the first request is made.
"""

from __future__ import annotations

import re
import ssl
import time
import zlib
from collections.abc import Callable, Mapping, Sequence
from http.client import HTTPException
from pathlib import Path
from typing import Any

import urllib3
from urllib3 import exceptions as urllib3_errors

from ..errors import Usage
from .answers import Answer
from .failures import sentence, unreadable
from .gateway import Deadline, Fate, GatewayError, Origin, Trouble
from .hosts import ApiAddress, is_loopback
from .payload import MAX_RESPONSE
from .proxies import Proxy, find_proxy
from .redact import redact
from .watched import Pool, TLSPool, wire

_READ = 64 * 1024  # bytes a read
_POOL_SIZE = 16  # connections kept; bulk jobs hold several requests in flight
_HOP_BY_HOP = frozenset(["connection", "keep-alive", "transfer-encoding", "trailer", "upgrade"])
_CA_VARIABLES = ("FSCTL_CA_BUNDLE", "SSL_CERT_FILE")
_CA_HINT = (
    "If a proxy of your company re-signs TLS, name its CA file in FSCTL_CA_BUNDLE; otherwise check"
    " the address and the clock."
)


class Transport:
    """A connection pool to one address.

    ``environ`` names proxies and CA bundles, timeouts are in seconds, ``trace`` receives one line
    an exchange. Raises :class:`Usage` for an environment that cannot be used.
    """

    def __init__(
        self,
        address: ApiAddress,
        *,
        environ: Mapping[str, str],
        connect_timeout: float,
        read_timeout: float,
        trace: Callable[[str], None] | None = None,
    ) -> None:
        if address.scheme != "https" and not is_loopback(address.host):
            raise Usage(
                f"{address.host} cannot be spoken to without TLS.",
                hint="Write https:// instead of http://.",
            )
        self._address = address
        self._connect_timeout = connect_timeout
        self._read_timeout = read_timeout
        self._trace = trace
        self._proxy: Proxy | None = None
        self._pool = self._make_pool(environ)

    def __repr__(self) -> str:
        return f"Transport({self._address.url!r})"

    def close(self) -> None:
        self._pool.clear()

    def send(
        self,
        method: str,
        target: str,
        headers: Sequence[tuple[str, str]],
        body: bytes | None,
        *,
        deadline: Deadline,
        read_timeout: float | None = None,
    ) -> Answer:
        """Send one request and read its whole answer, whatever its status.

        ``target`` is the encoded path and query below the address's own path. Raises
        :class:`GatewayError` where no whole answer came.
        """
        started = time.perf_counter()
        outcome = "no answer"
        try:
            answer = self._exchange(method, target, headers, body, deadline, read_timeout)
            outcome = f"{answer.status}, {len(answer.body)} bytes"
            return answer
        except GatewayError as failure:
            outcome = f"{failure.code} ({failure.fate.value})"
            raise
        finally:
            if self._trace is not None:
                spent = (time.perf_counter() - started) * 1000
                path = redact(target.partition("?")[0])
                self._trace(f"{method} {path} -> {outcome}, {spent:.0f} ms")

    def _exchange(
        self,
        method: str,
        target: str,
        headers: Sequence[tuple[str, str]],
        body: bytes | None,
        deadline: Deadline,
        read_timeout: float | None,
    ) -> Answer:
        remaining = deadline.remaining()
        if remaining <= 0:
            raise _not_sent("The time allowed was over before anything was sent.", "deadline")
        wire.sent = False
        wire.timeout = min(read_timeout or self._read_timeout, remaining)
        timeout = urllib3.Timeout(connect=min(self._connect_timeout, remaining), read=wire.timeout)
        try:
            response = self._pool.urlopen(
                method,
                self._address.url + target,
                headers=urllib3.HTTPHeaderDict(headers),
                body=body,
                timeout=timeout,
                retries=False,
                redirect=False,
                preload_content=False,
            )
            try:
                return _read_answer(response, deadline)
            except BaseException:
                response.close()
                raise
            finally:
                response.release_conn()
        except (urllib3_errors.HTTPError, OSError) as error:
            raise self._failure(error, wire.sent) from None

    def _make_pool(self, environ: Mapping[str, str]) -> urllib3.PoolManager:
        settings: dict[str, Any] = {"num_pools": 2, "maxsize": _POOL_SIZE}
        if self._address.scheme == "https":
            settings["ssl_context"] = tls_context(environ)
            self._proxy = find_proxy(self._address.host, self._address.port, environ)
        pool: urllib3.PoolManager
        if self._proxy is None:
            pool = urllib3.PoolManager(**settings)
        else:
            sign = self._proxy.authorization
            pool = urllib3.ProxyManager(
                self._proxy.url,
                proxy_headers={"Proxy-Authorization": sign} if sign else None,
                proxy_ssl_context=settings["ssl_context"],
                **settings,
            )
        pool.pool_classes_by_scheme = {"http": Pool, "https": TLSPool}
        return pool

    def _failure(self, error: Exception, sent: bool) -> GatewayError:
        if not sent:
            return self._not_connected(error)
        host = self._address.authority
        if isinstance(error, urllib3_errors.TimeoutError | TimeoutError):
            return _unanswered(f"{host} did not answer in time.", "timeout")
        cause = error.args[-1] if error.args else None
        if isinstance(cause, HTTPException) and not isinstance(cause, ConnectionError):
            return unreadable(f"The answer of {host} is not HTTP.", code="not_http")
        return _unanswered(f"The connection to {host} broke before its answer was whole.", "reset")

    def _not_connected(self, error: Exception) -> GatewayError:
        host = self._address.authority
        refusal = re.search(_TUNNEL, str(error)) if self._proxy else None
        if self._proxy and (refusal or isinstance(error, urllib3_errors.ProxyError)):
            return self._proxy_failed(self._proxy, refusal[1] if refusal else None)
        if isinstance(error, urllib3_errors.NameResolutionError):
            return _not_sent(f"The name {host} could not be resolved.", "dns")
        if isinstance(error, urllib3_errors.SSLError | ssl.SSLError):
            return _tls_failed(host, error)
        refused = isinstance(error, urllib3_errors.NewConnectionError)  # a TimeoutError to urllib3
        if isinstance(error, urllib3_errors.TimeoutError | TimeoutError) and not refused:
            return _not_sent(f"{host} did not accept a connection in time.", "connect_timeout")
        return _not_sent(f"{host} could not be reached{_why(error)}.", "connect")

    def _proxy_failed(self, proxy: Proxy, status: str | None) -> GatewayError:
        named = f"The proxy {proxy.host} ({proxy.variable})"
        if status == "407":
            return _not_sent(
                f"{named} wants another user name and password.",
                "proxy",
                Trouble.FORBIDDEN,
                f"Write them into {proxy.variable}: user, colon, password and @ before the host.",
            )
        how = f"refused the connection with status {status}" if status else "could not be reached"
        return _not_sent(
            f"{named} {how}.",
            "proxy",
            hint=f"Check {proxy.variable}, or name {self._address.host} in NO_PROXY.",
        )


def tls_context(environ: Mapping[str, str]) -> ssl.SSLContext:
    """The system's trust, or a CA file or directory that the environment names.

    ``FSCTL_CA_BUNDLE`` wins over ``SSL_CERT_FILE``. Raises :class:`Usage` for a bad one.
    """
    variable = next((name for name in _CA_VARIABLES if environ.get(name)), None)
    if variable is None:
        import truststore

        return truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    path = Path(environ[variable])
    try:
        path = path.expanduser()
        if path.is_dir():
            return ssl.create_default_context(capath=path)
        return ssl.create_default_context(cafile=path)
    except (
        OSError,
        RuntimeError,  # the home directory of nobody
        ValueError,
    ) as error:  # ssl.SSLError, for what is no certificate, is an OSError
        missing = isinstance(error, FileNotFoundError)
        why = "names a file that does not exist" if missing else "names no usable CA certificates"
        raise Usage(
            f"{variable} {why}.", hint=f"Name a PEM file of CA certificates in {variable}."
        ) from None


def _read_answer(response: urllib3.BaseHTTPResponse, deadline: Deadline) -> Answer:
    body = bytearray()
    while piece := _read_piece(response):
        body += piece
        if len(body) > MAX_RESPONSE:
            raise _too_large(response.status)
        if deadline.remaining() <= 0:
            raise _unanswered("The answer did not end within the time allowed.", "timeout")
    dropped = _HOP_BY_HOP
    if response.headers.get("content-encoding", "").strip().lower() in ("gzip", "x-gzip"):
        body = _unpacked(body, response.status)
        dropped |= {"content-encoding", "content-length"}
    headers = tuple(item for item in response.headers.items() if item[0].lower() not in dropped)
    return Answer(response.status, headers, bytes(body))


def _read_piece(response: urllib3.BaseHTTPResponse) -> bytes:
    try:
        return response.read1(_READ, decode_content=False)
    except (urllib3_errors.ProtocolError, urllib3_errors.SSLError):
        raise _truncated(response.status) from None


def _unpacked(packed: bytearray, status: int) -> bytearray:
    """The content of a gzip body; a few packed bytes can claim to be gigabytes."""
    if not packed.startswith(b"\x1f\x8b"):  # unpacked on the way by something that kept the header
        return packed
    member = zlib.decompressobj(wbits=31)
    try:
        body = member.decompress(packed, MAX_RESPONSE + 1)
    except zlib.error:
        raise unreadable(
            "The answer's compression is damaged.", code="truncated", status=status
        ) from None
    if len(body) > MAX_RESPONSE:
        raise _too_large(status)
    if not member.eof:
        raise _truncated(status)
    return bytearray(body)


_TUNNEL = r"Tunnel connection failed: ([0-9]{3})"


def _not_sent(
    message: str,
    code: str,
    trouble: Trouble = Trouble.UNAVAILABLE,
    hint: str | None = "Check the network and the address, then run the same command again.",
) -> GatewayError:
    return GatewayError(
        message, trouble=trouble, fate=Fate.NOT_SENT, origin=Origin.LOCAL, code=code, hint=hint
    )


def _unanswered(message: str, code: str) -> GatewayError:
    return GatewayError(
        message,
        trouble=Trouble.UNAVAILABLE,
        fate=Fate.UNKNOWN,
        origin=Origin.LOCAL,
        code=code,
        hint="Check the network, then try again.",
    )


def _truncated(status: int) -> GatewayError:
    return unreadable("The answer ends in the middle.", code="truncated", status=status)


def _too_large(status: int) -> GatewayError:
    return GatewayError(
        f"The answer is larger than {MAX_RESPONSE // 1024**2} MiB.",
        trouble=Trouble.TOO_LARGE,
        fate=Fate.UNKNOWN,
        origin=Origin.LOCAL,
        code="too_large",
        status=status,
        hint="Ask for less at a time.",
    )


def _tls_failed(host: str, error: Exception) -> GatewayError:
    cause = error.args[0] if error.args else None
    if not isinstance(cause, ssl.SSLCertVerificationError):
        return _not_sent(f"No secure connection to {host} came about.", "tls", hint=_CA_HINT)
    why = sentence(cause.verify_message or "it cannot be verified")
    return _not_sent(
        f"The TLS certificate of {host} is not trusted: {why}",
        "tls_certificate",
        Trouble.FORBIDDEN,  # trying again is no use: a person must act
        _CA_HINT,
    )


def _why(error: Exception) -> str:
    """The system's word for a failed connection: ": Connection refused"."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, OSError) and seen.strerror:
            return f": {seen.strerror}"
        seen = seen.__cause__
    return ""
