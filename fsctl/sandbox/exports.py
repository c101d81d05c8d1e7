"""Segment exports: asked for, made in time, and fetched from a signed address (contracts §2.6).

``POST /segments/v1/exports`` starts an operation, which takes time; its results name the export,
whose own results are an address in the storage (``signed``). Choices where nothing is documented:
an export of a field that does not exist fails; results are kept for a day.
"""

from __future__ import annotations

import json
import secrets
import sqlite3
from collections.abc import Mapping
from typing import Any, NamedTuple

from ..membrane.gateway import Response
from . import members
from .answers import Call, answer, dump, invalid, missing, object_field, required, text_field
from .clock import iso, parse_time
from .store import Store

NAME = "exports"
TABLES = """
CREATE TABLE exports (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    operation_id TEXT NOT NULL UNIQUE,
    export_id TEXT NOT NULL UNIQUE,
    wanted TEXT NOT NULL,          -- JSON object: what was asked for, checked
    secret TEXT NOT NULL,          -- signs addresses of its file
    created REAL NOT NULL,
    finished REAL NOT NULL,        -- when it will be, or was
    expires REAL NOT NULL,
    failure TEXT                   -- why it will have failed, NULL where it will not
);
"""
TYPES = {"TYPE_INDIVIDUAL": "individuals", "TYPE_EVENT": "events"}
FORMATS = {"FORMAT_JSON": "json", "FORMAT_CSV": "csv", "FORMAT_NDJSON": "ndjson"}
_SCOPES = ("SCOPE_EVENTS", "SCOPE_PAGES", "SCOPE_SESSIONS", "SCOPE_INDIVIDUAL")
_SECONDS = 1.5  # an export takes, and one more for every so many people
_PEOPLE_A_SECOND = 10_000
_KEPT = 24 * 3600.0  # seconds
_EVERYONES_DAYS = 30  # the time range of the built-in segment, unless overridden


class Export(NamedTuple):
    """What is known of an export by the row of its table."""

    export_id: str
    wanted: Mapping[str, Any]
    secret: str
    finished: float
    expires: float


def prepare(store: Store) -> None:
    """Make the tables, once."""
    store.ensure_schema(NAME, TABLES)


def create(call: Call) -> Response:
    """POST /segments/v1/exports"""
    body = call.body()
    wanted = _wanted(body, call.now)
    segment = call.db.execute(
        "SELECT id FROM segments WHERE id = ?", (wanted["segment"],)
    ).fetchone()
    if segment is None:
        raise missing("Segment does not exist")
    unknown = members.unknown_fields(call.db, wanted["type"], wanted["fields"])
    (people,) = call.db.execute("SELECT count(*) FROM users").fetchone()
    seconds = call.options.job_seconds
    takes = _SECONDS + people / _PEOPLE_A_SECOND if seconds is None else seconds
    operation_id = secrets.token_hex(8)
    call.db.execute(
        "INSERT INTO exports (operation_id, export_id, wanted, secret, created, finished, expires,"
        " failure) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            operation_id,
            secrets.token_hex(12),
            dump(wanted),
            secrets.token_hex(32),
            call.now,
            call.now + takes,
            call.now + takes + _KEPT,
            f"there is no field {unknown[0]}" if unknown else None,
        ),
    )
    return answer({"operationId": operation_id})


def operation(call: Call) -> Response:
    """GET /operations/v1/{id}"""
    row = call.db.execute(
        "SELECT * FROM exports WHERE operation_id = ?", (call.path[0],)
    ).fetchone()
    if row is None:
        raise missing()
    return answer(_operation(row, call.now))


def list_operations(call: Call) -> Response:
    """GET /operations/v1, the newest first"""
    kind = call.text("type")
    rows: list[sqlite3.Row] = []
    if kind in (None, "SEARCH_EXPORT"):
        rows = call.db.execute("SELECT * FROM exports ORDER BY seq DESC LIMIT 100").fetchall()
    return answer({"operations": [_operation(row, call.now) for row in rows]})


def find(db: sqlite3.Connection, export_id: str, now: float) -> Export | None:
    """The export of that id, if its file is there: made, not failed, and not expired."""
    row = db.execute("SELECT * FROM exports WHERE export_id = ?", (export_id,)).fetchone()
    if row is None or row["failure"] or not row["finished"] <= now < row["expires"]:
        return None
    return Export(
        row["export_id"],
        json.loads(row["wanted"]),
        row["secret"],
        row["finished"],
        row["expires"],
    )


def _operation(row: sqlite3.Row, now: float) -> dict[str, Any]:
    told: dict[str, Any] = {
        "id": row["operation_id"],
        "type": "SEARCH_EXPORT",
        "state": "PENDING",
        "errorDetails": "",
        "createdAt": iso(row["created"]),
        "finishedAt": "",
        "estimatePctComplete": 0,
    }
    if now < row["finished"]:
        takes = row["finished"] - row["created"]
        told["estimatePctComplete"] = int(100 * max(0.0, now - row["created"]) / takes)
        return told
    told["finishedAt"] = iso(row["finished"])
    if row["failure"]:
        return told | {"state": "FAILED", "errorDetails": row["failure"]}
    results = {"searchExportId": row["export_id"], "expires": iso(row["expires"])}
    return told | {"state": "COMPLETED", "estimatePctComplete": 100, "results": results}


def _wanted(body: Mapping[str, Any], now: float) -> dict[str, Any]:
    """What a request asks for, checked. Raises Problem (400)."""
    segment = text_field(body, "segmentId")
    if segment is None:
        raise required("segmentId")
    begin, end = _range(body, "timeRange")
    own_begin, own_end = None, None
    if body.get("segmentTimeRange") is not None:
        own_begin, own_end = _range(body, "segmentTimeRange")
    elif segment == "everyone":
        own_begin = now - _EVERYONES_DAYS * 86_400
    _check_scope(body)
    return {
        "segment": segment,
        "type": TYPES[_one_of(body, "type", TYPES)],
        "format": FORMATS[_one_of(body, "format", FORMATS)],
        "begin": _later(begin, own_begin),
        "end": _earlier(end, own_end),
        "fields": _fields(body),
    }


def _one_of(body: Mapping[str, Any], name: str, known: Mapping[str, str]) -> str:
    value = text_field(body, name)
    if value is None:
        raise required(name)
    if value not in known:
        raise invalid(f"{name} must be one of {', '.join(known)}")
    return value


def _range(body: Mapping[str, Any], name: str) -> tuple[float | None, float | None]:
    """Both ends of a time range in epoch seconds; an empty text is an open end."""
    if body.get(name) is None:
        raise required(name)
    given = object_field(body, name)
    ends: list[float | None] = []
    for end in ("start", "end"):
        text = text_field(given, end)
        moment = None if text is None else parse_time(text)
        if text is not None and moment is None:
            raise invalid(f"{name}.{end} must be an RFC 3339 time")
        ends.append(moment)
    begin, until = ends
    if begin is not None and until is not None and begin > until:
        raise invalid(f"{name}.start must not be after {name}.end")
    return begin, until


def _check_scope(body: Mapping[str, Any]) -> None:
    """A segment here has people and no event criteria, so that every scope is all their events."""
    scope = text_field(object_field(body, "eventDetails"), "scope")
    if scope is not None and scope not in _SCOPES:
        raise invalid(f"eventDetails.scope must be one of {', '.join(_SCOPES)}")


def _fields(body: Mapping[str, Any]) -> list[str]:
    fields = body.get("fields") or []
    if not isinstance(fields, list) or not all(isinstance(name, str) for name in fields):
        raise invalid("fields must be a list of strings")
    return fields


def _later(one: float | None, other: float | None) -> float | None:
    return max((end for end in (one, other) if end is not None), default=None)


def _earlier(one: float | None, other: float | None) -> float | None:
    return min((end for end in (one, other) if end is not None), default=None)
