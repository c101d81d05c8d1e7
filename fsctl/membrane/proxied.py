"""What a request to Fullstory may hold, whichever gateway carries it (DESIGN §2, Paths)."""

from __future__ import annotations

import re

from ..errors import Usage
from .gateway import Fate, GatewayError, Origin, Request, Trouble
from .paths import check_path

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")  # contracts/membrane §2.9

_FULL_URL = re.compile(r"(https://[A-Za-z0-9.-]{1,255})(/.*)?", re.DOTALL)
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_HEADER_VALUE = re.compile(r"[\x20-\x7e\t]*")
_REFUSED_HEADERS = frozenset(
    [
        "authorization",
        "host",
        "cookie",
        "connection",
        "content-length",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    ]
)


def check_method(request: Request) -> str:
    """The method in capitals. Raises :class:`GatewayError` for one that no road carries."""
    method = request.method.upper()
    if method not in METHODS:
        raise GatewayError(
            f"Membrane's proxy does not carry {method!a} requests.",
            trouble=Trouble.UNSUPPORTED,
            fate=Fate.NOT_SENT,
            origin=Origin.LOCAL,
            code="unsupported",
            hint=f"Use one of {', '.join(METHODS)}.",
        )
    return method


def check_target(path: str) -> str:
    """The path, or full URL, checked again here: a wrong one leaves the connection."""
    match = _FULL_URL.fullmatch(path)
    return check_path(path) if match is None else f"{match[1]}{check_path(match[2] or '/')}"


def check_header(name: str, value: str) -> tuple[str, str]:
    """The header, if a request may carry it. Raises :class:`Usage`."""
    if not _HEADER_NAME.fullmatch(name) or not _HEADER_VALUE.fullmatch(value):
        raise Usage(
            f"The header {ascii(name)[:80]} holds characters that no header has.",
            hint="Write it as 'Name: value', in ASCII and on one line.",
        )
    if name.lower() in _REFUSED_HEADERS:
        raise Usage(
            f"The header {name} is refused: the connection and the network layer set it.",
            hint="Leave it out.",
        )
    return name, value
