"""Where credentials may go (DESIGN §2 Safety, Secrets).

An allow-list, read strictly: whatever a URL parser could understand differently than this one
(backslashes, userinfo, numbers for addresses, Unicode that folds to ASCII) is refused, never
mended.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from ..errors import NeedsPerson, Usage
from .paths import check_path

DEFAULT_API_URL = "https://api.getmembrane.com"
MEMBRANE_DOMAINS = ("getmembrane.com", "integration.app")  # contracts/membrane §2.1

_HINT = (
    f"Use {DEFAULT_API_URL}, or name the host in allowed_hosts of your own profile or with"
    " --api-host."
)
# Kept as text: re compiles and remembers a pattern when it is first needed.
_URL = (
    r"(?i:(?P<scheme>https?)://"
    r"(?P<host>[a-z0-9._-]{1,255}|\[[0-9a-f:]{2,45}\])"
    r"(?::(?P<port>[0-9]{1,5}))?"
    r"(?P<path>/.*)?)"
)
_LABEL = r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?"
_BYTE = r"(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_IPV4 = rf"{_BYTE}(?:\.{_BYTE}){{3}}"
_NUMBER = r"[0-9]+|0x[0-9a-f]*"


class ApiAddress(NamedTuple):
    """A base URL taken apart: lower-case ``host`` (IPv6 without brackets), ``path`` without the
    trailing slash."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        """``host``, with the port where it is not the scheme's own."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        usual = 443 if self.scheme == "https" else 80
        return host if self.port == usual else f"{host}:{self.port}"

    @property
    def url(self) -> str:
        return f"{self.scheme}://{self.authority}{self.path}"


def check_api_url(url: str, *, source: str, allowed_hosts: Iterable[str] = ()) -> str:
    """The base URL that credentials are sent to, normalised: no trailing slash, host in lower case.

    ``source`` names where the URL came from ("MEMBRANE_API_URL", "profile work") for the error.
    ``allowed_hosts`` are the user's own: ``host`` (any port) or ``host:port``, TLS always.
    Membrane's own hosts are https on port 443; loopback may be http on any port. Raises
    :class:`NeedsPerson` for every other address, and never repeats more of it than its host.
    """
    address = parse_api_url(url, source=source)
    check_encrypted(address, source=source)
    if is_loopback(address.host):
        return address.url
    allowed = {_entry(text) for text in allowed_hosts}
    if (address.host, None) in allowed or (address.host, address.port) in allowed:
        return address.url
    if not _is_membrane(address.host):
        raise NeedsPerson(
            f"{source} names {address.host}, a host that credentials are not sent to.",
            hint=_HINT,
            code="host_refused",
        )
    if address.port != 443:
        raise NeedsPerson(
            f"{source} names port {address.port} of {address.host}; Membrane answers on 443.",
            hint=_HINT,
            code="host_refused",
        )
    return address.url


def parse_api_url(url: str, *, source: str) -> ApiAddress:
    """``url`` taken apart, with nothing in it that two parsers could read in two ways.

    Raises :class:`NeedsPerson`, without repeating the URL: it may hold a password.
    """
    match = re.fullmatch(_URL, url.strip())
    problem = _problem(url.strip(), match)
    if match is None or problem:
        raise NeedsPerson(
            f"The address in {source} is refused: {problem}.", hint=_HINT, code="host_refused"
        )
    scheme = match["scheme"].lower()
    host = match["host"].lower().strip("[]")
    port = int(match["port"] or (443 if scheme == "https" else 80))
    return ApiAddress(scheme, host.removesuffix("."), port, (match["path"] or "").rstrip("/"))


def check_encrypted(address: ApiAddress, *, source: str) -> None:
    """Raise :class:`NeedsPerson` for another machine's address without TLS, whatever is allowed."""
    if address.scheme != "https" and not is_loopback(address.host):
        raise NeedsPerson(
            f"{source} names {address.host} without TLS, and credentials only travel encrypted.",
            hint="Write https:// instead of http://.",
            code="host_refused",
        )


def is_loopback(host: str) -> bool:
    """127.0.0.0/8, ::1 and ``localhost``, as :func:`parse_api_url` spells them."""
    if host in ("localhost", "::1", "0:0:0:0:0:0:0:1"):
        return True
    return host.startswith("127.") and re.fullmatch(_IPV4, host) is not None


def _problem(url: str, match: re.Match[str] | None) -> str | None:
    """Why the URL cannot be used, or None. Said without quoting it."""
    if not url.isascii():
        return "it holds characters outside ASCII (write the xn-- form of a host)"
    if "@" in url:
        return "it holds a user name or an @"
    if "?" in url or "#" in url:
        return "it holds a query or a fragment"
    if "\\" in url:
        return "it holds a backslash"
    if match is None:
        return "it is not https://HOST[:PORT][/PATH]"
    if match["port"] and not 1 <= int(match["port"]) <= 65535:
        return "its port is out of range"
    if not match["host"].startswith("[") and not _is_host(match["host"].lower()):
        return "its host is neither a name nor a dotted address"
    if match["path"]:
        try:
            if check_path(match["path"].rstrip("/") or "/") != (match["path"].rstrip("/") or "/"):
                return "its path holds characters that a URL cannot"
        except Usage:
            return "its path holds empty or dot segments"
    return None


def _is_host(host: str) -> bool:
    labels = host.removesuffix(".").split(".")
    if not all(re.fullmatch(_LABEL, label) for label in labels):
        return False
    # A name whose last label is a number is an address to some parsers: 127.1, 2130706433, 0x7f.1
    return re.fullmatch(_NUMBER, labels[-1]) is None or re.fullmatch(_IPV4, host) is not None


def _is_membrane(host: str) -> bool:
    return any(host == domain or host.endswith(f".{domain}") for domain in MEMBRANE_DOMAINS)


def _entry(text: str) -> tuple[str, int | None]:
    """An allowed host as (host, port or None); one that cannot be a host matches nothing."""
    host, port = text.strip().lower(), None
    match = re.fullmatch(r"(.{1,255}):([0-9]{1,5})", host)
    if match and (":" not in match[1] or match[1].endswith("]")):
        host, port = match[1], int(match[2])
    return host.strip("[]").removesuffix("."), port
