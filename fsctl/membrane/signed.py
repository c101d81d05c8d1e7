"""Fetch a file from an address that a service signed (DESIGN §2 Safety, Secrets).

The address comes from outside and is itself a secret, so it is trusted in nothing and shown
nowhere: https on port 443 only, to a public address of the internet, which is looked at when it is
connected to and not before, without any credential or cookie. A redirect has to pass the same
rules. The one exception is a service on loopback, whose own origin may give its files, too.

This module imports urllib3; import it where the first file is fetched.
"""

from __future__ import annotations

import ipaddress
import re
import socket
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import urljoin, urlsplit

import urllib3
from urllib3 import exceptions as urllib3_errors
from urllib3.connection import HTTPConnection, HTTPSConnection

from ..errors import Refused
from .failures import parse_retry_after
from .gateway import Fate, GatewayError, Origin, Trouble
from .hosts import ApiAddress, is_loopback
from .proxies import find_proxy
from .transport import tls_context

_PIECE = 64 * 1024  # bytes
_REDIRECTS = 3
_LONGEST = 16_384  # characters of an address
_NAME = (
    r"(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)+"
)
_NUMBER = r"[0-9]+|0x[0-9a-f]*"
_PRIVATE_NAMES = ("localhost", "local", "internal", "intranet", "lan", "home", "corp", "arpa")
_NAT64 = ipaddress.ip_network("64:ff9b::/96")

Address = tuple[Any, ...]
# As socket.getaddrinfo gives them: family, type, protocol, canonical name, address.
Resolve = Callable[[str, int], Sequence[tuple[Any, Any, Any, Any, Address]]]


class Place(NamedTuple):
    """An address taken apart and found fit: ``target`` is its path and query."""

    scheme: str
    host: str
    port: int
    target: str

    @property
    def is_local(self) -> bool:
        return is_loopback(self.host)


def check_address(location: str, own: ApiAddress | None = None) -> Place:
    """``location`` taken apart. Raises :class:`Refused`, which never repeats more than its host.

    ``own`` is the service's own address; where that is loopback, files of its origin are fit, too.
    """
    if len(location) > _LONGEST or not re.fullmatch(r"[!-~]+", location):
        raise _refused("it is no plain URL")
    if "\\" in location or "@" in location.partition("://")[2].partition("/")[0]:
        raise _refused("it holds a user name or a backslash")
    try:
        parts = urlsplit(location)
        port = parts.port
    except ValueError:
        raise _refused("it cannot be read") from None
    scheme, host = parts.scheme.lower(), (parts.hostname or "").lower().removesuffix(".")
    if scheme not in ("https", "http") or not host:
        raise _refused("it is not https://HOST/PATH")
    port = port or (443 if scheme == "https" else 80)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    place = Place(scheme, host, port, target)
    if own is not None and is_loopback(own.host) and _origin(own) == (scheme, host, port):
        return place
    if scheme != "https":
        raise _refused(f"{host[:100]!a} is not spoken to without TLS")
    if port != 443:
        raise _refused(f"it names port {port} of {host[:100]!a}, and 443 is the only one")
    _check_host(host)
    return place


def is_public(text: str) -> bool:
    """Whether a numeric address is one of the public internet, what it embeds included."""
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if inner is None and address.teredo is not None:
            inner = address.teredo[1]
        if inner is None and address in _NAT64:
            inner = ipaddress.IPv4Address(address.packed[-4:])
        if inner is not None:
            address = inner
        elif address.is_site_local or int(address) >> 32 == 0:
            return False
    return address.is_global and not (
        address.is_multicast or address.is_reserved or address.is_unspecified
    )


class Storage:
    """Fetches files from signed addresses.

    ``own`` is the service's own address (see :func:`check_address`); timeouts are in seconds;
    ``resolve`` looks a name up, and what it says is what is connected to; ``trace`` receives a line
    an exchange, fit to show.
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
        resolve: Resolve | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._own = own
        self._environ = environ
        self._timeout = urllib3.Timeout(connect=connect_timeout, read=read_timeout)
        self._user_agent = user_agent
        self._trace = trace
        self._resolve = resolve or _look_up
        self._now = now

    def pieces(self, location: str) -> Iterator[bytes]:
        """The body at ``location``, as it was sent. Raises :class:`GatewayError`, and
        :class:`Refused` for an address that nothing is fetched from.
        """
        for _ in range(_REDIRECTS + 1):
            place = check_address(location, self._own)
            pool = self._pool(place)
            try:
                response = self._get(pool, place)
                onward = response.headers.get("Location")
                if response.status in (301, 302, 303, 307, 308) and onward:
                    location = urljoin(
                        f"{place.scheme}://{_authority(place)}{place.target}", onward
                    )
                    continue
                if response.status != 200:
                    raise self._failed(response, place)
                yield from _body(response, place)
                return
            finally:
                pool.clear()
        raise _refused("it leads from one place to another without end")

    def _get(self, pool: urllib3.PoolManager, place: Place) -> urllib3.BaseHTTPResponse:
        started = time.perf_counter()
        outcome = "no answer"
        try:
            response = pool.urlopen(
                "GET",
                f"{place.scheme}://{_authority(place)}{place.target}",
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

    def _pool(self, place: Place) -> urllib3.PoolManager:
        """A pool for one exchange, whose connections go to fit addresses alone."""
        if place.scheme == "http":
            pool = urllib3.PoolManager()
            pool.pool_classes_by_scheme = {"http": _guarded(self._resolve, local=True)[0]}
            return pool
        context = tls_context(self._environ)
        proxy = find_proxy(place.host, place.port, self._environ)
        if proxy is None:
            pool = urllib3.PoolManager(ssl_context=context)
            guarded = _guarded(self._resolve, local=place.is_local)
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
    resolve: Resolve, *, local: bool
) -> tuple[type[urllib3.HTTPConnectionPool], type[urllib3.HTTPSConnectionPool]]:
    """Pools whose connections are made to what ``resolve`` said, where that is fit, and nowhere
    else: a name that is looked up again could have another answer.
    """

    def is_fit(address: str) -> bool:
        return is_loopback(address) if local else is_public(address)

    class Plain(HTTPConnection):
        def _new_conn(self) -> socket.socket:
            return _connected(self, resolve, is_fit)

    class Encrypted(HTTPSConnection):
        def _new_conn(self) -> socket.socket:
            return _connected(self, resolve, is_fit)

    class PlainPool(urllib3.HTTPConnectionPool):
        ConnectionCls = Plain

    class EncryptedPool(urllib3.HTTPSConnectionPool):
        ConnectionCls = Encrypted

    return PlainPool, EncryptedPool


def _connected(
    connection: HTTPConnection, resolve: Resolve, is_fit: Callable[[str], bool]
) -> socket.socket:
    host, port = connection.host.strip("[]"), connection.port or 0
    try:
        found = resolve(host, port)
    except OSError as error:
        raise urllib3_errors.NameResolutionError(host, connection, error) from None  # type: ignore[arg-type]
    fit = [one for one in found if is_fit(str(one[4][0]))]
    if not fit:
        raise _refused(f"{host[:100]!a} is not a public address of the internet")
    trouble: OSError | None = None
    for family, kind, protocol, _, address in fit:
        made = socket.socket(family, kind, protocol)
        try:
            made.settimeout(_seconds(connection.timeout))
            made.connect(address)
            if not is_fit(str(made.getpeername()[0])):
                raise _refused(f"{host[:100]!a} is not a public address of the internet")
            return made
        except OSError as error:
            trouble = error
            made.close()
        except BaseException:
            made.close()
            raise
    raise urllib3_errors.NewConnectionError(connection, str(trouble)) from trouble


def _seconds(timeout: Any) -> float | None:
    return timeout if isinstance(timeout, int | float) else None


def _look_up(host: str, port: int) -> Sequence[tuple[Any, Any, Any, Any, Address]]:
    return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)


def _body(response: urllib3.BaseHTTPResponse, place: Place) -> Iterator[bytes]:
    try:
        while piece := response.read1(_PIECE, decode_content=False):
            yield piece
    except (urllib3_errors.HTTPError, OSError) as error:
        if isinstance(error, urllib3_errors.TimeoutError | TimeoutError):
            raise _away(f"The storage {place.host} fell silent.", "timeout") from None
        raise _away(
            f"The file of the storage {place.host} ends in the middle.", "truncated"
        ) from None


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


def _check_host(host: str) -> None:
    """Refuse what cannot be a public host, before anybody is asked for it."""
    if ":" in host or re.fullmatch(r"[0-9.]+", host):
        if not is_public(host):
            raise _refused(f"{host[:100]!a} is not a public address of the internet")
        return
    labels = host.split(".")
    if not re.fullmatch(_NAME, host) or re.fullmatch(_NUMBER, labels[-1]):
        raise _refused(f"{host[:100]!a} is no host's name")
    if labels[-1] in _PRIVATE_NAMES:
        raise _refused(f"{host[:100]!a} is not a public address of the internet")


def _origin(address: ApiAddress) -> tuple[str, str, int]:
    return address.scheme, address.host, address.port


def _authority(place: Place) -> str:
    host = f"[{place.host}]" if ":" in place.host else place.host
    usual = 443 if place.scheme == "https" else 80
    return host if place.port == usual else f"{host}:{place.port}"


def _refused(why: str) -> Refused:
    return Refused(
        f"The address that came for the file is refused: {why}.",
        hint="Nothing was sent there; tell Fullstory's or Membrane's support what happened.",
        code="address_refused",
    )
