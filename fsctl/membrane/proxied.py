"""What a request to Fullstory may hold, whichever gateway carries it (DESIGN §2, Paths)."""

from __future__ import annotations

import re

from ..errors import Usage
from .gateway import Fate, GatewayError, Origin, Request, Trouble
from .paths import check_path

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")  # contracts/membrane §2.9

_FULL_URL = re.compile(r"(https://[A-Za-z0-9.-]{1,255})(/.*)?", re.DOTALL)
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,200}")
_HEADER_VALUE = re.compile(r"[\x20-\x7e\t]{0,8000}")
_REFUSED_HEADERS = frozenset(
    [
        "authorization",
        "host",
        "cookie",
        "connection",
        "content-length",
        "expect",
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

_REFUSED_PREFIXES = ("x-forwarded-", "cf-")  # consumed on the way (contracts/membrane §2.9)


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


def check_header(name: str, value: str, what: str = "A header") -> tuple[str, str]:
    """The header, if a request may carry it; ``what`` names it where its name cannot be shown.

    Raises :class:`Usage`.
    """
    named = _HEADER_NAME.fullmatch(name)
    if not named or not _HEADER_VALUE.fullmatch(value):
        # What is not surely a name is not shown: it may be what is to be kept secret.
        raise Usage(
            f"{f'The header {name}' if named else what} is not NAME: VALUE in plain ASCII.",
            hint='Write -H "Accept: application/json".',
        )
    if name.lower() in _REFUSED_HEADERS or name.lower().startswith(_REFUSED_PREFIXES):
        raise Usage(
            f"The header {name} cannot be set: Membrane and the connection set it.",
            hint="Leave it out; Membrane adds Fullstory's credentials itself.",
        )
    return name, value
