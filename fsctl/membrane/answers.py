"""What an HTTP answer means: a document, Fullstory's own response, a failure, a missing route."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from . import payload
from .failures import (
    from_membrane,
    from_status,
    is_membrane_error,
    parse_retry_after,
    unreadable,
    upstream_response,
)
from .gateway import Fate, GatewayError, Origin, Response, Trouble

_ENVELOPE_LIMIT = 64 * 1024  # bytes; Membrane's errors in a 2xx are looked for in small bodies only

# "Cannot POST /act" is Express and Nest; the others are what routers in front of them say.
_CANNOT = r"(?i:\bcannot (?:get|post|put|patch|delete) /)"
_ROUTE = r"(?i:^(?:the )?(?:route|endpoint)\b|\b(?:no such|unknown) (?:route|endpoint)\b)"
_THING = r"(?i:\b(?:action|connection))"


class Answer(NamedTuple):
    """A whole response. ``body`` is decoded where it came compressed with gzip."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def header(self, name: str) -> str | None:
        """The first header of that lower-case name."""
        return next((value for key, value in self.headers if key.lower() == name), None)


class Asked(NamedTuple):
    """What was asked, for messages and for reading the answer; ``now`` is Unix time."""

    method: str
    path: str
    now: float

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


def document(answer: Answer, asked: Asked) -> Any:
    """The JSON document of one of Membrane's own routes. Raises :class:`GatewayError`."""
    acknowledged(answer, asked)
    if not answer.body.strip():
        raise unreadable(
            f"Membrane answered {asked} with status {answer.status} and nothing else.",
            code="empty",
            status=answer.status,
        )
    try:
        value = payload.decode(answer.body)
    except payload.BadPayload as error:
        raise unreadable(
            f"Membrane's answer to {asked} cannot be read: {error}.", status=answer.status
        ) from None
    if is_membrane_error(value):  # seen behind a 200 at the command line (contracts §1.6)
        raise from_membrane(value, answer.status)
    return value


def loose(answer: Answer, asked: Asked) -> Any:
    """The JSON document where there is one, None where a yes came with anything else."""
    acknowledged(answer, asked)
    value = _try_json(answer.body)
    if is_membrane_error(value):
        raise from_membrane(value, answer.status)
    return value


def acknowledged(answer: Answer, asked: Asked) -> None:
    """Return if Membrane said yes, with or without a body. Raises :class:`GatewayError`."""
    _refuse_redirect(answer, asked)
    if answer.status < 300:
        return
    wait = parse_retry_after(answer.header("retry-after"), asked.now)
    value: Any = _try_json(answer.body)
    if route_missing(answer.status, value):
        raise no_route(asked, answer.status)
    if is_membrane_error(value):
        raise from_membrane(value, answer.status, retry_after=wait)
    raise from_status(answer.status, answer.body, retry_after=wait)


def proxied(answer: Answer, asked: Asked) -> Response:
    """Fullstory's response through the pass-through proxy, whatever its status.

    Raises :class:`GatewayError` for what is not Fullstory's: Membrane's envelope, a redirect, a
    page of some server on the way (contracts §3.2).
    """
    if answer.status != 304:  # a conditional request's proper answer
        _refuse_redirect(answer, asked)
    small = answer.status >= 400 or len(answer.body) <= _ENVELOPE_LIMIT
    value: Any = _try_json(answer.body) if small else None
    wait = parse_retry_after(answer.header("retry-after"), asked.now)
    if is_membrane_error(value):
        raise from_membrane(value, answer.status, retry_after=wait)
    if answer.status in (404, 405) and re.search(_CANNOT, _told(value) or _page(answer)):
        raise no_route(asked, answer.status)
    page = answer.body.lstrip()[:1] == b"<"
    if value is None and (answer.status >= 500 or (answer.status >= 400 and page)):
        raise from_status(answer.status, answer.body, retry_after=wait)
    return Response(answer.status, answer.headers, answer.body)


def route_missing(status: int, value: Any) -> bool:
    """Whether a 404 (or 405) is about the route, and not about an action or a connection.

    ``value`` is the JSON body, None for anything else. Decided carefully: another route is tried
    afterwards, and only an answer that nothing can have been run behind may lead there. An answer
    that names an action, a run or Fullstory's code is about the thing.
    """
    if status not in (404, 405):
        return False
    if not isinstance(value, Mapping):
        return True  # a router's own page: "Cannot POST /act", nginx's 404, or nothing
    if "actionRunId" in value or upstream_response(value) is not None:
        return False
    told = _told(value)
    if re.search(_CANNOT, told) or re.search(_ROUTE, told):
        return True
    return not is_membrane_error(value) and "code" not in value and not re.search(_THING, told)


def no_route(asked: Asked, status: int) -> GatewayError:
    return GatewayError(
        f"This server does not know {asked}.",
        trouble=Trouble.NO_ROUTE,
        fate=Fate.REFUSED,
        origin=Origin.MEMBRANE,
        code="no_route",
        status=status,
        hint="Check MEMBRANE_API_URL: it has to name Membrane's API.",
    )


def _refuse_redirect(answer: Answer, asked: Asked) -> None:
    if not 300 <= answer.status < 400:
        return
    try:
        target = urlsplit(answer.header("location") or "").hostname
    except ValueError:
        target = None
    named = target is not None and re.fullmatch(r"[A-Za-z0-9.:_-]{1,255}", target)
    where = f"to {target}" if named else "elsewhere"
    # "See other" answers a write that was done; every other redirect says it was not done here.
    done = answer.status == 303 and asked.method != "GET"
    raise GatewayError(
        f"The service redirects {asked} (status {answer.status}), and fsctl follows no redirect"
        " with credentials.",
        trouble=Trouble.UNREADABLE if done else Trouble.FAILED,
        fate=Fate.UNKNOWN if done else Fate.REFUSED,
        origin=Origin.LOCAL,
        code="redirect",
        status=answer.status,
        hint=f"It points {where}: check MEMBRANE_API_URL and any proxy or login page in between.",
    )


def _try_json(body: bytes) -> Any:
    if body.lstrip()[:1] not in (b"{", b"["):
        return None
    try:
        return payload.decode(body)
    except payload.BadPayload:
        return None


def _told(value: Any) -> str:
    """The words of a JSON error, whichever shape it has."""
    if not isinstance(value, Mapping):
        return ""
    words = (value.get(key) for key in ("message", "error", "detail", "title"))
    return " ".join(word[:500] for word in words if isinstance(word, str))


def _page(answer: Answer) -> str:
    return answer.body[:2000].decode("utf-8", "replace")
