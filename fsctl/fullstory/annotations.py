"""Annotations: marks on Fullstory's charts (contracts/fullstory-api §2.4).

They can be created and nothing else: no list, no update, no delete, no idempotency key. So all is
checked before sending, and a sent one is never sent again.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from ..errors import Usage
from .limits import ANNOTATION_SOURCE_MAX, ANNOTATION_TEXT_MAX
from .operations import CREATE_ANNOTATION
from .times import to_api
from .types import Call


def create(
    text: str,
    *,
    now: datetime,
    start: datetime | None = None,
    end: datetime | None = None,
    duration: float | None = None,
    source: str | None = None,
) -> Call:
    """The call that makes an annotation, with every limit checked.

    Without ``start`` Fullstory's own clock gives it, unless an end or a ``duration`` (seconds)
    has to be measured from it. Raises :class:`Usage` naming the value that is wrong.
    """
    values: dict[str, Any] = {"text": _checked(text, "The text", ANNOTATION_TEXT_MAX)}
    if end is not None and duration is not None:
        raise Usage("Both an end and a duration were given.", hint="Give one of the two.")
    if duration is not None:
        start = start or now
        end = start + timedelta(seconds=duration)
    if end is not None:
        _check_order(start, end, now)
        start = start or now
    if start is not None:
        values["start_time"] = to_api(start)
    if end is not None:
        values["end_time"] = to_api(end)
    if source is not None:
        values["source"] = _checked(source, "The source", ANNOTATION_SOURCE_MAX)
    return Call(CREATE_ANNOTATION, values)


def _check_order(start: datetime | None, end: datetime, now: datetime) -> None:
    # Compared as they will be sent: "must be after" leaves no room for rounding.
    begin = start or now
    if to_api(end) == to_api(begin) or end < begin:
        named = "start" if start else "start, which is now:"
        raise Usage(
            f"The end {to_api(end)} is not after the {named} {to_api(begin)}.",
            hint="Give a later end, or none at all for a point in time."
            if start
            else "Give a start too.",
        )


def _checked(value: str, what: str, most: int) -> str:
    value = value.strip()
    if not value:
        raise Usage(f"{what} is empty.", hint=f"Write up to {most} characters.")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise Usage(f"{what} is not valid UTF-8.", hint="Check the terminal's encoding.") from None
    if len(value) > most:
        raise Usage(
            f"{what} has {len(value)} characters; Fullstory takes at most {most}.",
            hint=f"Shorten it by {len(value) - most}.",
        )
    return value


_SNAKE = {"startTime": "start_time", "endTime": "end_time"}


def created(call: Call, body: Any) -> dict[str, Any]:
    """The annotation as the service echoed it; what it did not echo is as it was sent."""
    echoed: Mapping[str, Any] = body if isinstance(body, Mapping) else {}
    sent = {"text": None, "start_time": None, "end_time": None, "source": None, **call.values}
    result = sent | {
        _SNAKE.get(key, key): value for key, value in echoed.items() if value not in (None, "")
    }
    # A point in time ends when it starts (§2.4).
    result["end_time"] = result["end_time"] or result["start_time"]
    return result
