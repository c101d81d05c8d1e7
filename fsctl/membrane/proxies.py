"""Which proxy the environment names for a host, as curl and Python read it.

Only TLS targets are asked about: ``http://`` is for loopback alone (DESIGN §2), and loopback is
never proxied, so ``HTTP_PROXY`` (which a CGI request could forge) has no say here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from ..errors import Usage
from .hosts import is_loopback

_VARIABLES = ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY")
_EXCEPTIONS = ("no_proxy", "NO_PROXY")
_HOST = r"[A-Za-z0-9._-]{1,255}|[0-9A-Fa-f:]{2,45}"


class Proxy(NamedTuple):
    """A proxy: its ``url`` without userinfo, the variable that named it, and its credential."""

    url: str
    variable: str
    authorization: str | None = None

    @property
    def host(self) -> str:
        """``host:port``, for messages."""
        return urlsplit(self.url).netloc

    def __repr__(self) -> str:
        return f"Proxy({self.url!r}, {self.variable!r})"


def find_proxy(host: str, port: int, environ: Mapping[str, str]) -> Proxy | None:
    """The proxy for a TLS connection to ``host``, or None for a direct one.

    The first variable that is set decides, lower case first; an empty one means no proxy. Raises
    :class:`Usage`, without repeating its value, for one that cannot be used.
    """
    variable = next((name for name in _VARIABLES if name in environ), None)
    if variable is None or not environ[variable].strip() or is_loopback(host):
        return None
    listed = next((environ[name] for name in _EXCEPTIONS if name in environ), "")
    if any(_excepts(entry, host, port) for entry in listed.replace(",", " ").split()):
        return None
    return _parse(environ[variable].strip(), variable)


def _parse(text: str, variable: str) -> Proxy:
    url = text if "://" in text else f"http://{text}"
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise _unusable(variable, "cannot be read as a URL") from None
    scheme = parts.scheme.lower()
    if scheme.startswith("socks"):
        raise Usage(
            f"{variable} names a SOCKS proxy, and fsctl speaks to HTTP proxies only.",
            hint=f"Name an HTTP proxy in {variable}, or unset it for this command.",
        )
    if scheme not in ("http", "https"):
        raise _unusable(variable, "is not an http:// or https:// URL")
    if "@" in parts.path or "@" in parts.query or "@" in parts.fragment:
        raise _unusable(variable, "holds a /, ? or # in its user name or password")
    if not parts.hostname or not re.fullmatch(_HOST, parts.hostname):
        raise _unusable(variable, "names no host")
    name = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    port = port or (443 if scheme == "https" else 80)
    authorization = None
    if parts.username is not None:
        authorization = _basic(unquote(parts.username), unquote(parts.password or ""))
    return Proxy(f"{scheme}://{name}:{port}", variable, authorization)


def _basic(user: str, password: str) -> str:
    import base64

    return "Basic " + base64.b64encode(f"{user}:{password}".encode(errors="replace")).decode()


def _unusable(variable: str, why: str) -> Usage:
    return Usage(
        f"{variable} {why}.",
        hint="Write http://HOST:PORT, a user and password before the host percent-encoded.",
    )


def _excepts(entry: str, host: str, port: int) -> bool:
    """Whether one word of NO_PROXY covers the host: itself or a suffix, ``host:port``, a network,
    or ``*``."""
    if entry == "*":
        return True
    if "/" in entry:
        return _in_network(host, entry)
    name, _, wanted = entry.rpartition(":")
    if name and wanted.isdigit() and (":" not in name or name.endswith("]")):
        if int(wanted) != port:
            return False
        entry = name
    entry = entry.strip("[]").removeprefix("*").strip(".").lower()
    return bool(entry) and (host == entry or host.endswith(f".{entry}"))


def _in_network(host: str, network: str) -> bool:
    import ipaddress

    try:
        return ipaddress.ip_address(host) in ipaddress.ip_network(network, strict=False)
    except ValueError:
        return False
