"""What the sandbox server says when it is told to fail, in the words of the face that was asked."""

from __future__ import annotations

from ..membrane.gateway import Response
from .answers import Problem
from .connections import new_id
from .envelopes import MembraneFailure, too_large
from .faults import Kind

RETRY_AFTER = 1  # seconds that a 429 asks to wait, unless told otherwise
_ELSEWHERE = "https://redirected.sandbox.invalid/"

# Fullstory's paths; all others are Membrane's. Both have a /search and a /users of some kind.
_FULLSTORY = ("v2", "v2beta", "sessions", "segments", "operations", "settings", "webhooks")
_FULLSTORY_VERSIONED = ("search", "users", "events", "domains")

_BAD_GATEWAY_PAGE = (
    b"<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n"
    b"<center><h1>502 Bad Gateway</h1></center>\r\n<hr><center>nginx</center>\r\n"
    b"</body>\r\n</html>\r\n"
)


def is_fullstory(path: str) -> bool:
    """Whether a path is one of Fullstory's own API, not one of Membrane's."""
    first, _, rest = path.removeprefix("/").partition("/")
    return first in _FULLSTORY or (first in _FULLSTORY_VERSIONED and rest.startswith("v1/"))


def is_proxied(path: str) -> bool:
    """Whether a path of Membrane's passes Fullstory's answers through unchanged."""
    parts = path.split("/", 4)
    return len(parts) > 3 and parts[1] == "connections" and parts[3] == "proxy"


def refusal(path: str, status: int, message: str) -> Response:
    """A refusal of the server itself."""
    if is_fullstory(path):
        code = "server_error" if status >= 500 else "invalid_argument"
        return Problem(status, code, message).response()
    kind = "internal" if status >= 500 else "bad_request"
    return MembraneFailure(kind, message, status=status).response()


def instead(kind: Kind, path: str, retry_after: int = RETRY_AFTER) -> Response:
    """The answer that a fault gives instead of doing what was asked."""
    by_fullstory = is_fullstory(path) or is_proxied(path)
    match kind:
        case Kind.RATE_LIMITED:
            return (fullstory_busy if by_fullstory else _membrane_busy)(retry_after)
        case Kind.RATE_LIMITED_MEMBRANE:
            return (fullstory_busy if is_fullstory(path) else _membrane_busy)(retry_after)
        case Kind.TOO_LARGE if by_fullstory:
            return Problem(413, "request_too_large", "Request entity too large.").response()
        case Kind.TOO_LARGE:
            return too_large().response()
        case Kind.SERVER_ERROR if by_fullstory:
            return Problem(500, "server_error", "Internal server error.").response()
        case Kind.SERVER_ERROR:
            failure = MembraneFailure(
                "internal", "Internal server error", data={"errorId": new_id()}
            )
            return failure.response()
        case Kind.BAD_GATEWAY:
            return Response(502, (("Content-Type", "text/html"),), _BAD_GATEWAY_PAGE)
        case Kind.REDIRECT:
            return Response(302, (("Location", _ELSEWHERE),), b"")
    raise ValueError(f"{kind} is no answer")


def fullstory_busy(retry_after: int = RETRY_AFTER) -> Response:
    """Fullstory's 429; ``retry_after`` is in seconds."""
    message = "Too many requests. Client has exceeded the rate limit for this endpoint."
    return Problem(429, "too_many_requests", message, retry_after=retry_after).response()


def _membrane_busy(retry_after: int) -> Response:
    failure = MembraneFailure(
        "bad_request",
        "Rate limit exceeded",
        key="rate_limit_exceeded",
        headers=(("Retry-After", str(retry_after)),),
    )
    return failure.response()
