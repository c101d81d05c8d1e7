"""The last stretch from the embedded Membrane to the embedded Fullstory.

Sources: contracts/membrane §2.9. The paths are read as a careless server would read them, dot
segments resolved and escapes decoded, so that a client that lets one through is found out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl, quote, unquote

from ..membrane import payload
from ..membrane.gateway import Request, Response
from .actions import as_query
from .answers import Problem
from .envelopes import bad_request

Headers = tuple[tuple[str, str], ...]
Query = tuple[tuple[str, str], ...]
Upstream = Callable[[Request], Response]

FULLSTORY_HOSTS = ("api.fullstory.com", "api.eu1.fullstory.com")
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")

# Headers that Membrane's infrastructure consumes (§2.9 a).
_CONSUMED = frozenset(
    [
        "host",
        "x-request-id",
        "x-real-ip",
        "x-scheme",
        "x-original-forwarded-for",
        "x-different-name",
        "x-request-start",
        "x-using-nginx-controller",
        "x-amzn-trace-id",
        "forwarded-for-header",
        "proxy-protocol",
        "cdn-loop",
        "connection",
        "authorization",
        "content-length",
        "transfer-encoding",
    ]
)
_CONSUMED_PREFIXES = ("x-forwarded-", "real_ip_", "cf-")
_URL = re.compile(r"https?:/{1,2}([^/?#]{1,255})(/[^?#]*)?(?:\?([^#]*))?", re.IGNORECASE)


def resolve_dots(path: str) -> str:
    """``path`` (encoded) without dot segments, however they are written or encoded.

    The rest stays as it was sent. A path without dot segments comes back unchanged.
    """
    out: list[str] = []
    for segment in path.split("/"):
        parts = re.split(r"[/\\]", _decoded(segment))
        if not {".", ".."} & set(parts):
            out.append(segment)
            continue
        for part in parts:
            if part == ".." and len(out) > 1:
                out.pop()
            elif part not in (".", ".."):
                out.append(quote(part, safe=""))
    return "/".join(out) or "/"


def _decoded(text: str) -> str:
    while (once := unquote(text, errors="replace")) != text:
        text = once
    return text


def forwarded(headers: Headers) -> Headers:
    """The request headers that reach Fullstory."""
    return tuple(
        (name, value)
        for name, value in headers
        if name.lower() not in _CONSUMED and not name.lower().startswith(_CONSUMED_PREFIXES)
    )


def target(path: str) -> tuple[str, str | None]:
    """Fullstory's own path for what was asked, and the foreign host that it names, if any.

    ``path`` is encoded, relative to the API's root with or without its slash, or a full URL
    (raw, encoded, or with one of its slashes lost in joining).
    """
    url = path.lstrip("/")
    if not url.lower().startswith(("http:/", "https:/")):
        url = unquote(url)
    match = _URL.fullmatch(url)
    if match is None:
        return path if path.startswith("/") else f"/{path}", None
    host = match[1].lower()
    return match[2] or "/", None if host in FULLSTORY_HOSTS else host


def from_document(document: Mapping[str, Any], body_key: str) -> Request:
    """The request that a wrapped call describes: ``{method, path, query, headers, body}``.

    ``body_key`` is ``data`` in ``/request`` and ``body`` in ``/act``. Raises Membrane's
    validation errors.
    """
    method = str(document.get("method", "")).upper()
    if method not in METHODS:
        raise bad_request(f"method: Invalid option: expected one of {'|'.join(METHODS)}")
    path = document.get("path", document.get("url"))
    if not isinstance(path, str) or not path:
        raise bad_request("path: Required")
    for name, value in _mapping(document, "pathParameters").items():
        path = path.replace(f"{{{name}}}", quote(str(value), safe=""))
    path, _, inline = path.partition("?")
    body = document.get(body_key, document.get("data"))
    headers = tuple((k, str(v)) for k, v in _mapping(document, "headers").items())
    content = None if body is None else body.encode() if isinstance(body, str) else None
    if body is not None and content is None:
        content = payload.encode(body)
        if not any(name.lower() == "content-type" for name, _ in headers):
            headers = (*headers, ("Content-Type", "application/json"))
    asked = tuple((k, as_query(v)) for k, v in _mapping(document, "query").items())
    query = (*parse_qsl(inline, keep_blank_values=True), *asked)
    return Request(method, path, query, forwarded(headers), content)


def _mapping(document: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = document.get(name)
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise bad_request(f"{name}: expected an object")
    return value


def json_body(response: Response) -> Any:
    """What a wrapped call gives back as the body: JSON where it is, text where not."""
    if not response.body:
        return None
    try:
        return payload.decode(response.body)
    except payload.BadPayload:
        return response.body.decode("utf-8", "replace")


def wrapped(response: Response) -> dict[str, Any]:
    """Fullstory's answer as ``{status, headers, data}``."""
    headers = {name.lower(): value for name, value in response.headers}
    return {"status": response.status, "headers": headers, "data": json_body(response)}


def bad_key() -> Response:
    """Fullstory's words where the connection's API key is not accepted."""
    return Problem(401, "unauthorized", "Access is unauthorized.").response()
