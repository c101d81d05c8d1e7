"""Segments, version 1 of the API: camelCase, and paged in its own way (contracts §2.6)."""

from __future__ import annotations

import sqlite3
from typing import Any

from ..fullstory.limits import SEGMENTS_LIMIT_DEFAULT, SEGMENTS_LIMIT_MAX
from ..membrane.gateway import Response
from .answers import Call, answer, missing, page_token, read_page_token
from .clock import iso
from .links import segment_url

BUILT_IN = "fullstory"  # the creator of segments that nobody made


def list_segments(call: Call) -> Response:
    """GET /segments/v1, optionally those of one ``creator``."""
    limit = call.count("limit", SEGMENTS_LIMIT_DEFAULT, most=SEGMENTS_LIMIT_MAX)
    creator = call.text("creator")
    scope = f"segments:{creator or ''}"
    after = read_page_token(call.text("paginationToken"), scope)
    rows = call.db.execute(
        "SELECT * FROM segments WHERE seq > ? AND creator = ifnull(?, creator)"
        " ORDER BY seq LIMIT ?",
        (after, creator, limit + 1),
    ).fetchall()
    page: dict[str, Any] = {"segments": [_as_data(row) for row in rows[:limit]]}
    if len(rows) > limit:
        page["nextPaginationToken"] = page_token(scope, rows[limit - 1]["seq"])
    return answer(page)


def get(call: Call) -> Response:
    """GET /segments/v1/{id}"""
    row = call.db.execute("SELECT * FROM segments WHERE id = ?", call.path).fetchone()
    if row is None:
        raise missing()
    return answer(_as_data(row))


def _as_data(row: sqlite3.Row) -> dict[str, str]:
    """A built-in segment has no time at which it was made."""
    made = {"created": iso(row["created"])} if row["creator"] != BUILT_IN else {}
    told = {"id": row["id"], "name": row["name"], "creator": row["creator"]}
    return told | made | {"url": segment_url(row["id"])}
