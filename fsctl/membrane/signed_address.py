"""Which addresses a file may be fetched from that a service signed (DESIGN §2 Safety).

The address comes from outside and is itself a secret, so it is trusted in nothing and shown
nowhere: https on port 443 only, to a public address of the internet. The one exception is a service
on loopback, whose own origin may give its files, too.
"""

from __future__ import annotations

import ipaddress
import re
from typing import NamedTuple
from urllib.parse import urlsplit

from ..errors import Refused
from .hosts import ApiAddress, is_loopback

_LONGEST = 16_384  # characters of an address
_NAME = (
    r"(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)+"
)
_NUMBER = r"[0-9]+|0x[0-9a-f]*"
_PRIVATE_NAMES = ("localhost", "local", "internal", "intranet", "lan", "home", "corp", "arpa")
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


class Place(NamedTuple):
    """An address taken apart and found fit: ``target`` is its path and query."""

    scheme: str
    host: str
    port: int
    target: str

    @property
    def is_local(self) -> bool:
        return is_loopback(self.host)

    @property
    def url(self) -> str:
        """The whole address, which is the secret."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        usual = 443 if self.scheme == "https" else 80
        authority = host if self.port == usual else f"{host}:{self.port}"
        return f"{self.scheme}://{authority}{self.target}"


def check_address(location: str, own: ApiAddress | None = None) -> Place:
    """``location`` taken apart. Raises :class:`Refused`, which never repeats more than its host.

    ``own`` is the service's own address; where that is loopback, files of its origin are fit, too.
    """
    if len(location) > _LONGEST or not re.fullmatch(r"[!-~]+", location):
        raise refused("it is no plain URL")
    if "\\" in location or "@" in location.partition("://")[2].partition("/")[0]:
        raise refused("it holds a user name or a backslash")
    try:
        parts = urlsplit(location)
        port = parts.port
    except ValueError:
        raise refused("it cannot be read") from None
    scheme, host = parts.scheme.lower(), (parts.hostname or "").lower().removesuffix(".")
    if scheme not in ("https", "http") or not host:
        raise refused("it is not https://HOST/PATH")
    port = port or (443 if scheme == "https" else 80)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    place = Place(scheme, host, port, target)
    if own is not None and is_loopback(own.host) and _origin(own) == (scheme, host, port):
        return place
    if scheme != "https":
        raise refused(f"{host[:100]!a} is not spoken to without TLS")
    if port != 443:
        raise refused(f"it names port {port} of {host[:100]!a}, and 443 is the only one")
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


def _check_host(host: str) -> None:
    """Refuse what cannot be a public host, before anybody is asked for it."""
    if ":" in host or re.fullmatch(r"[0-9.]+", host):
        if not is_public(host):
            raise refused(f"{host[:100]!a} is not a public address of the internet")
        return
    labels = host.split(".")
    if not re.fullmatch(_NAME, host) or re.fullmatch(_NUMBER, labels[-1]):
        raise refused(f"{host[:100]!a} is no host's name")
    if labels[-1] in _PRIVATE_NAMES:
        raise refused(f"{host[:100]!a} is not a public address of the internet")


def _origin(address: ApiAddress) -> tuple[str, str, int]:
    return address.scheme, address.host, address.port


def refused(why: str, *, done: str = "Nothing was sent there") -> Refused:
    """The end of it, in words that do not repeat the address; ``done`` says how far it came."""
    return Refused(
        f"The address that came for the file is refused: {why}.",
        hint=f"{done}; tell Fullstory's or Membrane's support what happened.",
        code="address_refused",
    )
