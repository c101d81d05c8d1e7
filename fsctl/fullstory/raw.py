"""A raw request as a user writes it, checked and made into a :class:`Request`.

The rules of DESIGN §2 (Safety, Paths) hold here above all: nothing a user, or a name that a user
pasted, puts into a path or a parameter may reach another connection or another host.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl

from ..errors import Usage
from ..membrane import payload
from ..membrane.gateway import Request
from ..membrane.paths import check_path, encode_segment, shown
from ..membrane.proxied import METHODS, check_header
from ..membrane.redact import redact

API_HOSTS = ("api.fullstory.com", "api.eu1.fullstory.com")  # contracts/fullstory-api §1

_FULL_URL = re.compile(
    r"(?i:https)://(?P<host>[A-Za-z0-9.]+)(?::443)?(?P<path>/[^?#\\]*)?(?P<query>\?[^#]*)?"
)
_LOOKS_LIKE_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[/\\]|[/\\]{2}")
_WINDOWS_PATH = re.compile(r"[A-Za-z]:[/\\]")
_PLACEHOLDER = re.compile(r"\{([A-Za-z0-9_]+)\}")


def build(
    path: str,
    *,
    method: str | None = None,
    query: Sequence[str] = (),
    path_params: Sequence[str] = (),
    headers: Sequence[str] = (),
    body: bytes | None = None,
    content_type: str | None = None,
    proxy_base: str = "",
) -> Request:
    """The request for what was typed; ``query``, ``path_params`` and ``headers`` are as typed.

    Without a method it is GET, or POST where there is a body. Raises :class:`Usage` naming what
    is wrong.
    """
    chosen = (method or ("GET" if body is None else "POST")).upper()
    if chosen not in METHODS:
        raise Usage(f"The method {chosen!a} is unknown.", hint=f"Use {', '.join(METHODS)}.")
    if not path.strip():
        raise Usage("PATH is empty.", hint="Write the path of a request, such as /v2/users.")
    base, plain, own_query = split_path(path)
    if plain.lstrip("/").partition("/")[0].lower() in API_HOSTS:
        raise Usage(
            f"The path {shown(path)} begins with a host.",
            hint="Write https:// before it, or the path alone, such as /v2/users.",
        )
    parameters = _parameters(path_params)
    fields = header_fields(headers)
    if content_type and not any(name.lower() == "content-type" for name, _ in fields):
        fields = (*fields, ("Content-Type", content_type))
    return Request(
        chosen,
        (base or proxy_base) + check_path(filled(plain, parameters)),
        (*own_query, *(pair(text, "--query") for text in query)),
        fields,
        body,
    )


def split_path(path: str) -> tuple[str, str, tuple[tuple[str, str], ...]]:
    """The base URL (empty for a mere path), the path, and the query that came with it."""
    if "#" in path:
        raise Usage(
            f"The path {shown(redact(path))} holds a fragment (#).",
            hint="Write %23 for a # in it.",
        )
    base, query_text = "", ""
    if _LOOKS_LIKE_URL.match(path):
        match = _FULL_URL.fullmatch(path)
        if match is None or match["host"].lower() not in API_HOSTS:
            raise _not_a_fullstory_url(path)
        base = f"https://{match['host'].lower()}"
        plain, query_text = match["path"] or "/", (match["query"] or "")[1:]
    else:
        plain, _, query_text = path.partition("?")
    return base, plain, _query_of_the_path(query_text)


def _query_of_the_path(text: str) -> tuple[tuple[str, str], ...]:
    try:
        text.encode()
        return tuple(parse_qsl(text, keep_blank_values=True, errors="strict"))
    except UnicodeError:
        raise Usage(
            "The query in the path is not UTF-8.", hint="Use --query NAME=VALUE, which is encoded."
        ) from None


def _not_a_fullstory_url(path: str) -> Usage:
    if _WINDOWS_PATH.match(path):
        return Usage(
            f"The path {shown(path)} was rewritten by the shell: it reads as a Windows path.",
            hint="Write it without the leading slash (v2/users), or set MSYS_NO_PATHCONV=1.",
        )
    return Usage(
        f"The address {shown(redact(path))} is not one of Fullstory's API.",
        hint=f"Write a path such as /v2/users, or https://{API_HOSTS[0]}/v2/users.",
    )


def check_proxy_base(base: str, origin: str) -> str:
    """What may stand before proxied paths: a Fullstory API host, a path, or both.

    For a connector whose base URL is not the API's root (contracts/membrane §8 U13).
    """
    if not base:
        return ""
    try:
        host, path, query = split_path(base)
        if query:
            raise Usage("It holds a query.")
        return host + (check_path(path).rstrip("/") if path.strip("/") else "")
    except Usage as error:
        raise Usage(f"{origin} cannot be used: {error.message}", hint=error.hint) from None


def filled(path: str, parameters: Mapping[str, str]) -> str:
    """``/v2/users/{id}`` with its parameters, each encoded as one segment."""
    wanted = _PLACEHOLDER.findall(path)
    unknown = [name for name in parameters if name not in wanted]
    if unknown:
        raise Usage(
            f"The path {shown(path)} has no place for the parameter {unknown[0]!a}.",
            hint=f"Write {{{unknown[0]}}} where it belongs.",
        )
    missing = [name for name in wanted if name not in parameters]
    if missing:
        raise Usage(
            f"The path parameter {missing[0]!a} has no value.",
            hint=f"Add --path-param {missing[0]}=VALUE.",
        )
    return _PLACEHOLDER.sub(
        lambda match: encode_segment(parameters[match[1]], f"The path parameter {match[1]}"), path
    )


def _parameters(texts: Sequence[str]) -> dict[str, str]:
    parameters: dict[str, str] = {}
    for text in texts:
        name, value = pair(text, "--path-param")
        if name in parameters:
            raise Usage(f"--path-param {name!a} is given twice.", hint="Give it once.")
        parameters[name] = value
    return parameters


def pair(text: str, option: str) -> tuple[str, str]:
    """``k=v`` taken apart at the first equals sign."""
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise Usage(f"{option} {shown(text)} is not K=V.", hint=f"Write {option} name=value.")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise Usage(f"{option} {name!a} is not valid UTF-8.", hint="Check the encoding.") from None
    return name, value


def header_fields(headers: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """``K: V`` lines as pairs; what belongs to Membrane or to the wire is refused."""
    fields = []
    for number, text in enumerate(headers, 1):
        name, colon, value = text.partition(":")
        name = name.strip(" \t") if colon else ""  # without a colon nothing is surely a name
        fields.append(check_header(name, value.strip(" \t"), f"The header number {number}"))
    return tuple(fields)


def json_body(text: bytes, what: str) -> bytes:
    """``text`` if it is JSON, untouched. Raises :class:`Usage`."""
    try:
        payload.decode(text)
    except payload.BadPayload as problem:
        raise Usage(f"{what} is refused: {problem}.", hint="Check the quotes and commas.") from None
    return text


_TOKENS = (
    ("next_page_token", "page_token"),
    ("nextPaginationToken", "paginationToken"),
    ("next_pagination_token", "pagination_token"),
)  # contracts/fullstory-api §1.4
_ABOUT_PAGES = {told for told, _ in _TOKENS} | {"results", "total_records", "app_url"}


def next_page(request: Request, body: Any) -> Request | None:
    """The request for the page after ``body``, or None at the end."""
    if not isinstance(body, Mapping):
        return None
    for told, asked in _TOKENS:
        token = body.get(told)
        if token and isinstance(token, str | int) and not isinstance(token, bool):
            rest = tuple(item for item in request.query if item[0] != asked)
            return request._replace(query=(*rest, (asked, str(token))))
    return None


def page_items(body: Any) -> Iterator[Any]:
    """The rows of a page: its only list, or else the document itself.

    A page that tells nothing but about paging is an empty one (contracts/fullstory-api §1).
    """
    if isinstance(body, Mapping):
        lists = [value for value in body.values() if isinstance(value, list)]
        if len(lists) == 1:
            yield from lists[0]
        elif not set(body) <= _ABOUT_PAGES:
            yield body
    elif isinstance(body, list):
        yield from body
    elif body is not None:
        yield body
