"""Annotations: created, and never read again through the API (contracts/fullstory-api §2.4)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..fullstory.limits import ANNOTATION_SOURCE_MAX, ANNOTATION_TEXT_MAX
from ..membrane.gateway import Response
from .answers import Call, answer, invalid, text_field
from .clock import iso, parse_time


def create(call: Call) -> Response:
    """POST /v2/annotations. Answers with the four fields; there is no id."""
    body = call.body()
    text = text_field(body, "text", ANNOTATION_TEXT_MAX)
    if text is None:
        raise invalid("text is required")
    source = text_field(body, "source", ANNOTATION_SOURCE_MAX) or ""
    start, end = _times(body, call.now)
    call.db.execute(
        "INSERT INTO annotations (text, start_time, end_time, source, created)"
        " VALUES (?, ?, ?, ?, ?)",
        (text, start, end, source, call.now),
    )
    return answer({"text": text, "start_time": start, "end_time": end, "source": source})


def _times(body: Mapping[str, Any], now: float) -> tuple[str, str]:
    """Start and end as given, or as Fullstory fills them in: now, and the start."""
    start = text_field(body, "start_time") or iso(now)
    end = text_field(body, "end_time")
    first = parse_time(start)
    if first is None:
        raise invalid("start_time must be an ISO 8601 time")
    if end is None:
        return start, start
    last = parse_time(end)
    if last is None:
        raise invalid("end_time must be an ISO 8601 time")
    if last <= first:
        raise invalid("end_time must be after start_time")
    return start, end
