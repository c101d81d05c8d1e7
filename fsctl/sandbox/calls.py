"""One request to the embedded Membrane, and the pages in which lists are answered (§2.3)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from ..membrane import payload
from ..membrane.gateway import Response
from .envelopes import bad_request, json_response
from .proxying import Headers, Query

DEFAULT_PAGE = 100


@dataclass(frozen=True, slots=True)
class Call:
    """A request: ``path`` and ``raw`` segments are percent-encoded, ``segments`` decoded once.

    ``page_cap`` is the most rows a page may have, whatever ``limit`` asks.
    """

    method: str
    path: str
    segments: Sequence[str]
    raw: Sequence[str]
    query: Query
    headers: Headers
    body: bytes | None
    page_cap: int

    @classmethod
    def of(
        cls,
        method: str,
        path: str,
        query: Query,
        headers: Headers,
        body: bytes | None,
        *,
        page_cap: int,
    ) -> Call:
        raw = path.split("/")[1:]
        return cls(
            method, path, [unquote(part) for part in raw], raw, query, headers, body, page_cap
        )

    @property
    def first(self) -> Mapping[str, str]:
        """The query with one value a name, the first; empty ones left out."""
        return {name: value for name, value in reversed(self.query) if value != ""}

    def document(self) -> dict[str, Any]:
        """The JSON object in the body; no body is an empty one."""
        value = self.value()
        if value is None:
            return {}
        if not isinstance(value, dict):
            raise bad_request("Invalid input: expected object")
        return value

    def value(self) -> Any:
        """The JSON value in the body, None where there is none."""
        if not self.body:
            return None
        try:
            return payload.decode(self.body)
        except payload.BadPayload as error:
            raise bad_request(f"The request body cannot be read: {error}") from None

    def page(
        self, rows: Sequence[Mapping[str, Any]], default: int = DEFAULT_PAGE, most: int = 1000
    ) -> Response:
        """The page that was asked for, of all ``rows``."""
        limit, offset = self.limits(default, most)
        return page_of(rows[offset : offset + limit + 1], limit, offset)

    def limits(self, default: int = DEFAULT_PAGE, most: int = 1000) -> tuple[int, int]:
        """The page's size and place. ``0`` is a cursor, too: the JavaScript client begins so."""
        limit, cursor = self.first.get("limit", str(default)), self.first.get("cursor", "0")
        if not _is_number(limit) or not 1 <= int(limit) <= most:
            raise bad_request(f"limit: must be an integer from 1 to {most}")
        if not _is_number(cursor):
            raise bad_request("cursor: is not one of this list")
        return min(int(limit), self.page_cap), int(cursor)


def page_of(rows: Sequence[Mapping[str, Any]], limit: int, offset: int) -> Response:
    """``rows`` has one row more than the page where another page follows."""
    document: dict[str, Any] = {"items": list(rows[:limit])}
    if len(rows) > limit:
        document["cursor"] = str(offset + limit)
    return json_response(document)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= 12
