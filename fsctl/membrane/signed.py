"""Fetch a file from an address that a service signed (DESIGN §2 Safety, Secrets).

The address comes from outside and is itself a secret, so it is trusted in nothing and shown
nowhere: https on port 443 only, to a public address of the internet, which is looked at when it is
connected to and not before, without any credential or cookie. A redirect has to pass the same
rules. The one exception is a service on loopback, whose own origin may give its files, too.

This module imports urllib3; import it where the first file is fetched.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import urljoin

import urllib3
from urllib3 import exceptions as urllib3_errors
from urllib3.connection import HTTPConnection, HTTPSConnection

from .failures import parse_retry_after
from .gateway import Fate, GatewayError, Origin, Trouble
from .hosts import ApiAddress, is_loopback
from .proxies import find_proxy
from .signed_address import Place, check_address, is_public, refused
from .transport import tls_context

_PIECE = 64 * 1024  # bytes
_LEAST_RATE = 1024  # bytes a second: less for as long as the timeout is no answer
_REDIRECTS = 3

# As socket.getaddrinfo gives it: family, type, protocol, canonical name, address.
Found = tuple[Any, Any, Any, Any, tuple[Any, ...]]


def _look_up(host: str, port: int) -> Sequence[Found]:
    return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)


def _dial(found: Found, timeout: float | None) -> socket.socket:
    family, kind, protocol, _, address = found
    made = socket.socket(family, kind, protocol)
    try:
        made.settimeout(timeout)
        made.connect(address)
    except BaseException:
        made.close()
        raise
    return made


class Network(NamedTuple):
    """How a name is looked up, once, and how one of its addresses is connected to."""

    resolve: Callable[[str, int], Sequence[Found]] = _look_up
    dial: Callable[[Found, float | None], socket.socket] = _dial


_NETWORK = Network()


class Storage:
    """Fetches files from signed addresses.

    ``own`` is the service's own address (see :func:`check_address`); timeouts are in seconds;
    ``trace`` receives a line an exchange, fit to show.
    """

    def __init__(
        self,
        *,
        own: ApiAddress | None,
        environ: Mapping[str, str],
        connect_timeout: float,
        read_timeout: float,
        user_agent: str,
        trace: Callable[[str], None] | None = None,
        network: Network = _NETWORK,
        now: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._own = own
        self._environ = environ
        self._read_timeout = read_timeout
        self._monotonic = monotonic
        self._timeout = urllib3.Timeout(connect=connect_timeout, read=read_timeout)
        self._user_agent = user_agent
        self._trace = trace
        self._network = network
        self._now = now

    def pieces(self, location: str) -> Iterator[bytes]:
        """The body at ``location``, as it was sent. Raises :class:`GatewayError`, and
        :class:`Refused` for an address that nothing is fetched from.
        """
        for _ in range(_REDIRECTS + 1):
            place = check_address(location, self._own)
            pool = self._pool(place)
            response = None
            try:
                response = self._get(pool, place)
                onward = response.headers.get("Location")
                if response.status in (301, 302, 303, 307, 308) and onward:
                    location = urljoin(place.url, onward)
                    continue
                if response.status != 200:
                    raise self._failed(response, place)
                yield from self._body(response, place)
                return
            finally:
                if response is not None:
                    response.close()
                pool.clear()
        raise refused(
            "it leads from one place to another without end", done="Nothing came from there"
        )

    def _get(self, pool: urllib3.PoolManager, place: Place) -> urllib3.BaseHTTPResponse:
        started = time.perf_counter()
        outcome = "no answer"
        try:
            response = pool.urlopen(
                "GET",
                place.url,
                headers={
                    "Accept": "*/*",
                    "Accept-Encoding": "gzip",
                    "User-Agent": self._user_agent,
                },
                timeout=self._timeout,
                retries=False,
                redirect=False,
                preload_content=False,
                decode_content=False,
            )
            outcome = str(response.status)
            return response
        except (urllib3_errors.HTTPError, OSError) as error:
            raise _unreachable(error, place) from None
        finally:
            if self._trace is not None:
                spent = (time.perf_counter() - started) * 1000
                self._trace(f"GET a signed address of {place.host} -> {outcome}, {spent:.0f} ms")

    def _body(self, response: urllib3.BaseHTTPResponse, place: Place) -> Iterator[bytes]:
        """The body as it comes; who sends next to nothing for a timeout has fallen silent, too.

        What the reader of the pieces takes for itself is not counted.
        """
        waited, came = 0.0, 0
        try:
            while True:
                since = self._monotonic()
                piece = response.read1(_PIECE, decode_content=False)
                if not piece:
                    return
                waited, came = waited + self._monotonic() - since, came + len(piece)
                if waited >= self._read_timeout:
                    if came < _LEAST_RATE * waited:
                        raise _away(f"The storage {place.host} sends next to nothing.", "timeout")
                    waited, came = 0.0, 0
                yield piece
        except (urllib3_errors.HTTPError, OSError) as error:
            if isinstance(error, urllib3_errors.TimeoutError | TimeoutError):
                raise _away(f"The storage {place.host} fell silent.", "timeout") from None
            raise _away(
                f"The file of the storage {place.host} ends in the middle.", "truncated"
            ) from None

    def _pool(self, place: Place) -> urllib3.PoolManager:
        """A pool for one exchange, whose connections go to fit addresses alone."""
        if place.scheme == "http":
            pool = urllib3.PoolManager()
            pool.pool_classes_by_scheme = {"http": _guarded(self._network, local=True)[0]}
            return pool
        context = tls_context(self._environ)
        proxy = find_proxy(place.host, place.port, self._environ)
        if proxy is None:
            pool = urllib3.PoolManager(ssl_context=context)
            guarded = _guarded(self._network, local=place.is_local)
            pool.pool_classes_by_scheme = {"https": guarded[1]}
            return pool
        # The proxy looks the name up and connects: who set it up answers for where it can go.
        sign = proxy.authorization
        return urllib3.ProxyManager(
            proxy.url,
            proxy_headers={"Proxy-Authorization": sign} if sign else None,
            proxy_ssl_context=context,
            ssl_context=context,
        )

    def _failed(self, response: urllib3.BaseHTTPResponse, place: Place) -> GatewayError:
        status = response.status
        passing = status == 429 or status >= 500
        return GatewayError(
            f"The storage {place.host} answered with status {status}.",
            trouble=Trouble.UNAVAILABLE if passing else Trouble.FAILED,
            fate=Fate.REFUSED,
            origin=Origin.LOCAL,
            code="storage",
            status=status,
            retry_after=parse_retry_after(response.headers.get("Retry-After"), self._now()),
        )


def _guarded(
    network: Network, *, local: bool
) -> tuple[type[urllib3.HTTPConnectionPool], type[urllib3.HTTPSConnectionPool]]:
    """Pools whose connections go to what the name was found to mean, where that is fit.

    It is looked up once, for the connection itself: asked again, it could have another answer.
    """

    def is_fit(address: str) -> bool:
        return is_loopback(address) if local else is_public(address)

    class Plain(HTTPConnection):
        def _new_conn(self) -> socket.socket:
            return _connected(self, network, is_fit)

    class Encrypted(HTTPSConnection):
        def _new_conn(self) -> socket.socket:
            return _connected(self, network, is_fit)

    class PlainPool(urllib3.HTTPConnectionPool):
        ConnectionCls = Plain

    class EncryptedPool(urllib3.HTTPSConnectionPool):
        ConnectionCls = Encrypted

    return PlainPool, EncryptedPool


def _connected(
    connection: HTTPConnection, network: Network, is_fit: Callable[[str], bool]
) -> socket.socket:
    host, port = connection.host.strip("[]"), connection.port or 0
    try:
        found = network.resolve(host, port)
    except OSError as error:
        raise urllib3_errors.NameResolutionError(host, connection, error) from None  # type: ignore[arg-type]
    fit = [one for one in found if is_fit(str(one[4][0]))]
    if not fit:
        raise refused(f"{host[:100]!a} is not a public address of the internet")
    trouble: OSError | None = None
    for one in fit:
        try:
            made = network.dial(one, _seconds(connection.timeout))
        except OSError as error:
            trouble = error
            continue
        try:
            reached = str(made.getpeername()[0])
        except OSError as error:
            made.close()
            trouble = error
            continue
        if not is_fit(reached):  # something on the way led elsewhere
            made.close()
            raise refused(f"{host[:100]!a} is not a public address of the internet")
        return made
    raise urllib3_errors.NewConnectionError(connection, str(trouble)) from trouble


def _seconds(timeout: Any) -> float | None:
    return timeout if isinstance(timeout, int | float) else None


def _unreachable(error: Exception, place: Place) -> GatewayError:
    host = place.host
    if isinstance(error, urllib3_errors.NameResolutionError):
        return _away(f"The name {host} could not be resolved.", "dns")
    if isinstance(error, urllib3_errors.SSLError):
        return _away(f"No secure connection to the storage {host} came about.", "tls")
    if isinstance(error, urllib3_errors.NewConnectionError | urllib3_errors.ConnectTimeoutError):
        return _away(f"The storage {host} could not be reached.", "connect")
    if isinstance(error, urllib3_errors.ProxyError):
        return _away(f"The proxy did not lead to the storage {host}.", "proxy")
    if isinstance(error, urllib3_errors.TimeoutError | TimeoutError):
        return _away(f"The storage {host} did not answer in time.", "timeout")
    return _away(f"The connection to the storage {host} broke.", "reset")


def _away(message: str, code: str) -> GatewayError:
    return GatewayError(
        message,
        trouble=Trouble.UNAVAILABLE,
        fate=Fate.UNKNOWN,
        origin=Origin.LOCAL,
        code=code,
    )
