"""Segments and their exports, version 1 of the API (contracts/fullstory-api §2.6).

An export is asked for (which starts an operation), waited for, and fetched from an address that
Fullstory signs and that is good for a while only.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, NamedTuple, TypeGuard
from urllib.parse import urlsplit

from ..errors import Refused, Unavailable, Usage
from .call import Caller
from .ids import is_app_address
from .limits import SEGMENTS_LIMIT_MAX
from .operations import (
    CREATE_SEGMENT_EXPORT,
    GET_EXPORT_RESULTS,
    GET_OPERATION,
    LIST_SEGMENTS,
)
from .times import to_api
from .types import Call

Segment = Mapping[str, Any]
Kind = Literal["individuals", "events"]
Format = Literal["json", "csv", "ndjson"]

EVERYONE = "everyone"  # the built-in segment
_TYPES: Mapping[str, str] = {"individuals": "TYPE_INDIVIDUAL", "events": "TYPE_EVENT"}
_SEARCH_EXPORT = "SEARCH_EXPORT"
_IN_ADDRESS = r"/ui/[^/]{1,64}/segments/([^/:?#]{1,200})"


class Wanted(NamedTuple):
    """What to export: the people of a segment or their events, from ``since`` to ``until``."""

    segment: str
    kind: Kind
    format: Format
    since: datetime | None = None
    until: datetime | None = None
    fields: Sequence[str] = ()  # those alone; empty: all


class Operation(NamedTuple):
    """How far an operation has come; ``percent`` is Fullstory's own estimate."""

    id: str
    state: str
    percent: int | None = None
    failure: str = ""
    export_id: str | None = None


def list_segments(
    caller: Caller, *, creator: str | None = None, limit: int | None = None
) -> Iterator[list[Segment]]:
    """Pages of segments, at most ``limit`` rows in all, each page fetched when it is asked for."""
    size = min(limit or SEGMENTS_LIMIT_MAX, SEGMENTS_LIMIT_MAX)
    values: dict[str, Any] = {"limit": size} | ({"creator": creator} if creator else {})
    left = limit
    seen: set[str] = set()
    while True:
        body = caller.call(Call(LIST_SEGMENTS, values)).body
        rows = _rows(body)
        yield rows[:left]
        left = None if left is None else left - len(rows)
        token = body.get("nextPaginationToken") or body.get("next_pagination_token") or ""
        if not token or (left is not None and left <= 0):
            return
        if not isinstance(token, str) or token in seen:
            raise Unavailable(
                "Fullstory repeated a page token, so the list ends here and may be incomplete.",
                hint="Run it again.",
                code="page_token_repeated",
            )
        seen.add(token)
        values["paginationToken"] = token


def segment_id(text: str) -> str:
    """The id in ``text``: an id itself, or a segment's address in Fullstory's app."""
    text = text.strip()
    if "/" in text:
        match = re.match(_IN_ADDRESS, urlsplit(text).path) if is_app_address(text) else None
        if match is None:
            raise Usage(
                "That is neither a segment's id nor its address in Fullstory's app.",
                hint="See the ids with `fsctl segments list`.",
            )
        return match[1]
    if not text:
        raise Usage("An empty id names no segment.", hint="See `fsctl segments list`.")
    return text


def creation(wanted: Wanted) -> Call:
    """The call that asks for an export.

    A saved segment has a time range of its own, which stays as it is; the built-in one, which would
    mean the last 30 days, is of the time asked for.
    """
    span = {
        "start": to_api(wanted.since) if wanted.since else "",  # "" is an open end (§2.6)
        "end": to_api(wanted.until) if wanted.until else "",
    }
    values: dict[str, Any] = {
        "segmentId": wanted.segment,
        "type": _TYPES[wanted.kind],
        "format": f"FORMAT_{wanted.format.upper()}",
        "timeRange": span,
    }
    if wanted.segment == EVERYONE:
        values["segmentTimeRange"] = span
    if wanted.fields:
        values["fields"] = list(wanted.fields)
    return Call(CREATE_SEGMENT_EXPORT, values)


def create_export(caller: Caller, wanted: Wanted) -> str:
    """Ask for an export; the id of its operation.

    Raises :class:`OutcomeUnknown` where nobody knows whether it was begun: it is never asked for
    twice.
    """
    from ..errors import OutcomeUnknown

    body = caller.call(creation(wanted)).body
    told = _first(body, "operationId", "operation_id", "id") if isinstance(body, Mapping) else None
    if not _is_id(told):
        raise OutcomeUnknown(
            "The segment export was asked for, but the answer names no operation.",
            hint=CREATE_SEGMENT_EXPORT.check,
            code="unreadable",
        )
    return told


def standing(caller: Caller, operation_id: str) -> Operation:
    """How far the operation has come.

    Raises :class:`Refused` for one that is no export, :class:`Unavailable` for an answer that
    cannot be read.
    """
    body = caller.call(Call(GET_OPERATION, {"id": operation_id})).body
    if not isinstance(body, Mapping) or not isinstance(body.get("state"), str):
        raise _odd("The answer tells no state of the operation.")
    kind = body.get("type")
    if isinstance(kind, str) and kind.upper() != _SEARCH_EXPORT:
        raise Refused(
            f"The operation {operation_id!a} is a {kind[:60]!a}, not an export.",
            hint="Give the id that `fsctl segments export` told.",
            code="not_an_export",
        )
    results = body.get("results")
    results = results if isinstance(results, Mapping) else {}
    export_id = _text(_first(results, "searchExportId", "search_export_id"))
    if export_id is not None and not _is_id(export_id):
        raise _odd("The id that the answer gives the export's result can be none.")
    return Operation(
        operation_id,
        body["state"].upper(),
        _percent(_first(body, "estimatePctComplete", "estimate_pct_complete")),
        _text(_first(body, "errorDetails", "error_details")) or "",
        export_id,
    )


def signed_address(caller: Caller, export_id: str) -> str:
    """Where the file is, for a while: whoever has this address has the file. Never to be shown."""
    body = caller.call(Call(GET_EXPORT_RESULTS, {"id": export_id})).body
    location = body.get("location") if isinstance(body, Mapping) else None
    if not isinstance(location, str) or not location:
        raise _odd("The answer names no address of the export's file.")
    return location


def _rows(body: Any) -> list[Segment]:
    rows = body.get("segments", []) if isinstance(body, Mapping) else None
    if isinstance(rows, list) and all(isinstance(row, Mapping) for row in rows):
        return rows
    raise _odd("The answer is not a list of segments.")


def _first(body: Mapping[str, Any], *names: str) -> Any:
    return next((body[name] for name in names if body.get(name) not in (None, "")), None)


def _is_id(value: Any) -> TypeGuard[str]:
    """Whether it can stand in a path, where an id from an answer comes to stand next."""
    from ..membrane.paths import check_segment

    try:
        return isinstance(value, str) and bool(check_segment(value, "The id"))
    except Usage:
        return False


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _percent(value: Any) -> int | None:
    if isinstance(value, str) and re.fullmatch(r"[0-9]{1,3}(\.[0-9]{1,9})?", value):
        value = float(value)
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 100:
        return int(value)
    return None


def _odd(message: str) -> Unavailable:
    return Unavailable(message, hint="See what came with --debug.", code="unreadable")
