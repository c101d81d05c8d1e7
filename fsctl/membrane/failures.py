"""Failures of both services, told apart by their bodies.

Sources: contracts/membrane §3, contracts/fullstory-api §1.1.

Membrane and Fullstory share statuses on the proxy; only a body whose ``type`` is one of
Membrane's and which has a ``message`` is Membrane's own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from .gateway import Fate, GatewayError, Origin, Trouble
from .redact import redact
from .shapes import http_status

MEMBRANE_TYPES = frozenset(
    [
        "bad_request",
        "connection",
        "configuration",
        "dependency_error",
        "flow_run",
        "flow_instance_setup",
        "concurrency",
        "internal",
        "action_run",
        "action_instance_setup",
        "unit_run",
        "custom_code",
        "insufficient_credit",
        "openrouter_not_configured",
    ]
)

_LOGIN_HINT = "Log in again (`fsctl login`), or renew the token in MEMBRANE_TOKEN."
_RECONNECT_HINT = "Open the connection in Membrane and reconnect it to Fullstory."
_ROLE_HINT = (
    "Ask for an Admin API key on the connection: reading and deleting data needs Admin or Architect"
    " rights in Fullstory."
)
_LATER_HINT = "Try again later."

_BY_KEY: dict[str, tuple[Trouble, str | None]] = {
    "not_authenticated": (Trouble.UNAUTHENTICATED, _LOGIN_HINT),
    "access_denied": (
        Trouble.FORBIDDEN,
        "Use a token of the tenant that owns the connection, or ask its owner for access.",
    ),
    "not_found": (Trouble.NOT_FOUND, None),
    "already_exists": (Trouble.INVALID, None),
    "rate_limit_exceeded": (Trouble.RATE_LIMITED, _LATER_HINT),
    "connection_is_defunct": (Trouble.CONNECTION, _RECONNECT_HINT),
    "access_token_expired": (Trouble.CONNECTION, _RECONNECT_HINT),
    "lock_timeout": (Trouble.UNAVAILABLE, _LATER_HINT),
}
_BY_TYPE: dict[str, tuple[Trouble, str | None]] = {
    "bad_request": (Trouble.INVALID, None),
    "connection": (Trouble.CONNECTION, _RECONNECT_HINT),
    "concurrency": (Trouble.UNAVAILABLE, _LATER_HINT),
    "internal": (Trouble.UNAVAILABLE, None),
    "insufficient_credit": (Trouble.FORBIDDEN, "Ask the workspace's owner to add credits."),
}
_STATUS_SAYS_NOTHING = frozenset(_BY_TYPE) - {"bad_request"}


def is_membrane_error(document: Any) -> bool:
    """Whether a JSON document is Membrane's error envelope (§3.1)."""
    if not isinstance(document, Mapping) or not isinstance(document.get("message"), str):
        return False
    kind = document.get("type")
    return isinstance(kind, str) and kind in MEMBRANE_TYPES


def from_membrane(
    document: Mapping[str, Any], status: int | None, *, retry_after: float | None = None
) -> GatewayError:
    """The error in Membrane's envelope; a Fullstory failure inside an action's is Fullstory's.

    ``status`` is the HTTP status the envelope came with, where there was one; it decides only
    where type and key leave it open, because most types have none of their own (§3.1). A 5xx, a
    408 and an ``internal`` error leave the outcome unknown; everything else Membrane refused.
    """
    run_id = document.get("actionRunId")
    run_id = run_id if isinstance(run_id, str) else None
    upstream = upstream_response(document)
    if upstream is not None:
        upstream_status, body = upstream
        wait = upstream_retry_after(document) if retry_after is None else retry_after
        return from_fullstory(upstream_status, body, retry_after=wait, action_run_id=run_id)
    kind, key = str(document["type"]), document.get("key")
    trouble, hint = _BY_KEY.get(str(key)) or _BY_TYPE.get(kind) or (Trouble.FAILED, None)
    if key is None and kind not in _STATUS_SAYS_NOTHING and status in _BY_STATUS:
        trouble, hint = _BY_STATUS[status]
    if document.get("code") == "CONNECTION_DISCONNECTED":
        trouble, hint = Trouble.CONNECTION, _RECONNECT_HINT
    message = sentence(str(document["message"]).strip() or "it gave no reason")
    error_id = _inner(document, "data", "errorId")
    if kind == "internal" and _is_word(error_id):
        hint = f"Quote the error id {error_id} to Membrane's support if it stays."
    unknown = kind == "internal" or _leaves_open(status)
    return GatewayError(
        f"Membrane refused: {message}" if not unknown else f"Membrane failed: {message}",
        trouble=Trouble.UNAVAILABLE if unknown else trouble,
        fate=Fate.UNKNOWN if unknown else Fate.REFUSED,
        origin=Origin.MEMBRANE,
        hint=hint,
        code=f"{kind}.{key}" if _is_word(key) else kind,
        status=status,
        retry_after=retry_after,
        action_run_id=run_id,
    )


_BY_STATUS: dict[int | None, tuple[Trouble, str | None]] = {
    400: (Trouble.INVALID, None),
    401: (Trouble.UNAUTHENTICATED, _LOGIN_HINT),
    403: (Trouble.FORBIDDEN, None),
    404: (Trouble.NOT_FOUND, None),
    409: (Trouble.INVALID, None),
    413: (Trouble.TOO_LARGE, "Send less at a time: Membrane takes 10 MB a request."),
    422: (Trouble.INVALID, None),
    429: (Trouble.RATE_LIMITED, _LATER_HINT),
}


def from_fullstory(
    status: int,
    body: Any,
    *,
    retry_after: float | None = None,
    action_run_id: str | None = None,
) -> GatewayError:
    """Fullstory's own failure: ``body`` is its ``{message, code}``, or whatever came instead."""
    document = body if isinstance(body, Mapping) else {}
    message = document.get("message")
    code = document.get("code")
    trouble, hint = _BY_STATUS.get(status, (Trouble.FAILED, None))
    if _leaves_open(status):
        trouble, hint = Trouble.UNAVAILABLE, _LATER_HINT
    elif status == 401:
        trouble, hint = (
            Trouble.CONNECTION,
            ("Fullstory does not accept the connection's API key: reconnect it in Membrane."),
        )
    elif status == 403:
        hint = _ROLE_HINT
    elif code == "session_page_limit_exceeded":
        hint = "That session is full: use another session, or the person's most recent one."
    words = message.strip() if isinstance(message, str) else ""
    said = sentence(words) if words else f"HTTP status {status}."
    return GatewayError(
        f"Fullstory answered: {said}",
        trouble=trouble,
        fate=Fate.UNKNOWN if trouble is Trouble.UNAVAILABLE else Fate.REFUSED,
        origin=Origin.FULLSTORY,
        hint=hint,
        code=str(code) if _is_word(code) else f"http_{status}",
        status=status,
        retry_after=retry_after,
        action_run_id=action_run_id,
    )


def from_status(
    status: int, body: bytes, *, retry_after: float | None = None, origin: Origin = Origin.MEMBRANE
) -> GatewayError:
    """A failure whose body is nobody's envelope: an HTML page, nothing, a stranger's JSON."""
    trouble, hint = _BY_STATUS.get(status, (Trouble.FAILED, None))
    if _leaves_open(status):
        trouble, hint = Trouble.UNAVAILABLE, _LATER_HINT
    return GatewayError(
        f"The service answered with HTTP status {status}{_first_words(body)}.",
        trouble=trouble,
        fate=Fate.UNKNOWN if trouble is Trouble.UNAVAILABLE else Fate.REFUSED,
        origin=origin,
        hint=hint,
        code=f"http_{status}",
        status=status,
        retry_after=retry_after,
    )


def unreadable(what: str, *, code: str = "unreadable", status: int | None = None) -> GatewayError:
    """An answer that makes no sense: whatever was asked may have been done."""
    return GatewayError(
        what,
        trouble=Trouble.UNREADABLE,
        fate=Fate.UNKNOWN,
        origin=Origin.LOCAL,
        code=code,
        status=status,
        hint="Something between here and Membrane may have changed the answer: see --debug.",
    )


def upstream_response(document: Mapping[str, Any]) -> tuple[int, Any] | None:
    """The vendor's status (400 to 599) and body inside a Membrane error, wherever it stands.

    Looked for at ``data.response.status``, ``data.status``, ``data.statusCode`` and ``data.data``,
    in order and through ``causedByError`` (§3.2).
    """
    holder = _upstream_holder(document)
    status = _failed_status(holder)
    return None if status is None else (status, holder.get("data", holder.get("body")))


def upstream_retry_after(document: Mapping[str, Any]) -> float | None:
    """The vendor's ``Retry-After`` inside a Membrane error, where it stands in seconds."""
    headers = _upstream_holder(document).get("headers")
    told = headers if isinstance(headers, Mapping) else {}
    value = next((v for name, v in told.items() if str(name).lower() == "retry-after"), None)
    return _seconds(str(value).strip()) if isinstance(value, str | int) else None


def _upstream_holder(document: Mapping[str, Any]) -> Mapping[str, Any]:
    """What holds the vendor's status; empty where nothing does."""
    for _ in range(8):
        data = document.get("data")
        if isinstance(data, Mapping):
            for holder in (data.get("response"), data, data.get("data")):
                if isinstance(holder, Mapping) and _failed_status(holder) is not None:
                    return holder
        cause = document.get("causedByError")
        if not isinstance(cause, Mapping):
            return {}
        document = cause
    return {}


def _failed_status(holder: Mapping[str, Any]) -> int | None:
    status = http_status(holder.get("status")) or http_status(holder.get("statusCode"))
    return None if status is None or status < 400 else status


def parse_retry_after(value: str | None, now: float) -> float | None:
    """Seconds to wait, from a ``Retry-After`` of seconds or an HTTP date; ``now`` is Unix time."""
    if value is None:
        return None
    text = value.strip()
    seconds = _seconds(text)
    if seconds is not None:
        return seconds
    from email.utils import parsedate_to_datetime

    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - now)
    except (ValueError, OverflowError, TypeError, IndexError):  # what odd dates have raised
        return None


def _seconds(text: str) -> float | None:
    return float(text) if re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", text) else None


def sentence(text: str, limit: int = 500) -> str:
    """A service's message: redacted, on one line, ended with a full stop."""
    line = " ".join(redact(text[: limit * 4]).split())
    line = line if len(line) <= limit else f"{line[:limit]}..."
    return line if line.endswith((".", "!", "?")) else f"{line}."


def _first_words(body: bytes) -> str:
    text = re.sub(r"<[^<>]{0,200}>", " ", body[:2000].decode("utf-8", "replace"))
    words = " ".join(redact(text).split())[:120].rstrip(". ")
    return f" ({words})" if words else " and no explanation"


def _is_word(value: Any) -> bool:
    """Whether a service's code or id is fit to be repeated as it is."""
    return isinstance(value, str) and re.fullmatch(r"[A-Za-z0-9_.:-]{1,80}", value) is not None


def _leaves_open(status: int | None) -> bool:
    """Whether a status says nothing about what was done: a 5xx, or 408 (a timeout on the way)."""
    return status is not None and (status >= 500 or status == 408)


def _inner(document: Mapping[str, Any], *keys: str) -> Any:
    value: Any = document
    for key in keys:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value
