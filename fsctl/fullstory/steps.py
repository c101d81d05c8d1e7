"""One row of a session's events, read for people (contracts/fullstory-api §2.5 and §4).

The list of event types is not published and any field may be missing, so nothing here insists:
what has no place of its own in a step stands among its other properties.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Literal, NamedTuple

Event = Mapping[str, Any]
Sort = Literal["page", "click", "input", "error", "frustration", "custom", "other"]
Properties = tuple[tuple[str, str], ...]

UNKNOWN = "unknown"
ERRORS = ("console-error", "network-error")
FRUSTRATIONS = ("rage-click", "dead-click", "error-click", "mouse-thrash")
_SORTS: Mapping[str, Sort] = {
    "navigate": "page",
    "click": "click",
    "change": "input",
    "input-change": "input",
    "copy": "input",
    "paste": "input",
    "highlight": "input",
    "custom": "custom",
    **dict.fromkeys(ERRORS, "error"),
    **dict.fromkeys(FRUSTRATIONS, "frustration"),
}
KNOWN_KINDS = frozenset((*_SORTS, UNKNOWN))
ROW_KEYS = frozenset(
    (
        "device_id", "session_id", "view_id", "event_time", "event_type", "event_properties",
        "source_type", "source_properties",
    )
)  # fmt: skip
_EMPTY: tuple[Any, ...] = (None, "", [], {})
_DEEPEST = 4  # levels of nested properties that get names of their own; below them JSON
_MILLISECONDS_FROM = 100_000_000_000  # epochs from here on: in seconds this is the year 5138
_JSON = json.JSONEncoder(ensure_ascii=False, default=str)


class Told(NamedTuple):
    """What one event says.

    ``text`` is what it was about in one piece, ``place`` the element's CSS selector, ``more`` every
    other property that is not empty, by its dotted name.
    """

    text: str
    place: str = ""
    more: Properties = ()


def kind_of(event: Event) -> str:
    """The event's type as Fullstory names it, ``unknown`` where it tells none."""
    kind = event.get("event_type")
    return kind if isinstance(kind, str) and kind else UNKNOWN


def sort_of(kind: str) -> Sort:
    """What sort of step a type is; types that are not known by name may still be errors."""
    known = _SORTS.get(kind)
    if known is not None:
        return known
    name = kind.lower().replace("_", "-")
    if name.endswith(("-error", "crash", "exception")):
        return "error"
    return _SORTS.get(name, "other")


def moment_of(event: Event) -> float | None:
    """When it happened, in seconds since 1970, or None where it does not say.

    ISO 8601 (without an offset UTC is meant), or an epoch in seconds or milliseconds.
    """
    told = event.get("event_time")
    try:
        if isinstance(told, str):
            if told.isascii() and told.isdigit():
                return _epoch(float(told[:20]))
            moment = datetime.fromisoformat(told)
            moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
            return _shown(moment.timestamp())
        if isinstance(told, int | float) and not isinstance(told, bool):
            return _epoch(float(told))
    except (ValueError, OverflowError, OSError):
        pass
    return None


def _epoch(number: float) -> float:
    return _shown(number / 1000 if abs(number) >= _MILLISECONDS_FROM else number)


def _shown(seconds: float) -> float:
    datetime.fromtimestamp(seconds, UTC)  # raises where it is no moment that can be shown
    return seconds


def is_from_server(event: Event) -> bool:
    """Whether a server sent it, such as ``fsctl events create``, and not the visitor's browser."""
    return event.get("source_type") == "server"


def page_of(event: Event) -> str:
    """The address of the page it happened on, empty where there is none.

    An event that a server sent happened on no page, whatever its context says.
    """
    if is_from_server(event):
        return ""
    url = mapping(event.get("source_properties")).get("url")
    if isinstance(url, str):
        return url
    parts = mapping(url)
    full = text_of(parts.get("full_url"))
    return full or text_of(parts.get("host")) + text_of(parts.get("path"))


def tell(event: Event) -> Told:
    """What the event says, for people, but for its time (see :func:`unread_time`)."""
    properties = event.get("event_properties")
    left = dict(properties) if isinstance(properties, Mapping) else {}
    text, place = _spoken(kind_of(event), left, page_of(event))
    more = tuple(_flat(left)) if left else ()
    if not left and properties not in _EMPTY and not isinstance(properties, Mapping):
        more = (("event_properties", text_of(properties)),)
    if not event.keys() <= ROW_KEYS:
        more += tuple(_flat({key: event[key] for key in event if key not in ROW_KEYS}))
    kind = event.get("event_type")
    if kind is not None and not isinstance(kind, str):
        more += (("event_type", text_of(kind)),)
    return Told(text, place, more)


def unread_time(event: Event) -> Properties:
    """What stands where an event without a readable time should have one."""
    told = event.get("event_time")
    return () if told in _EMPTY else (("event_time", text_of(told)),)


def _spoken(kind: str, left: dict[str, Any], page: str) -> tuple[str, str]:
    """The text and the place; what is used for them is taken out of ``left``."""
    target = left.get("target")
    if isinstance(target, Mapping):
        left["target"] = rest = dict(target)
        text = _take(rest, "text") or _take(left, "text")
        if rest.pop("masked", None) is True and not text:
            text = "(masked)"
        return text, _take(rest, "raw_selector", "selector")
    name = kind.lower().replace("_", "-")
    if name == "network-error":
        return _request(left, page), ""
    if name == "custom":
        return _custom(left), ""
    if name == "navigate":
        return _take(left, "navigate_reason"), ""
    return _take(left, "message", "text", "event_name", "name"), _take(left, "raw_selector")


def _request(left: dict[str, Any], page: str) -> str:
    """``502 POST /api/payments``; the host only where it is not the page's own."""
    status = _take(left, "response_status", "status_code", "status")
    method = _take(left, "request_method", "method")
    url = _take(left, "request_url", "url")
    origin = "/".join(page.split("/", 3)[:3])
    if origin and url.startswith(f"{origin}/"):
        url = url[len(origin) :]
    return " ".join(part for part in (status, method, url) if part)


def _custom(left: dict[str, Any]) -> str:
    name = _take(left, "event_name", "name")
    inner = left.get("properties")
    if isinstance(inner, Mapping) and not inner.keys() & left.keys():
        del left["properties"]
        left.update(inner)
    return name


def _take(properties: dict[str, Any], *names: str) -> str:
    """The first of these that says something; it alone is taken out."""
    for name in names:
        value = properties.get(name)
        if value not in _EMPTY:
            del properties[name]
            return text_of(value)
    return ""


def _flat(properties: Mapping[str, Any], before: str = "", depth: int = 1) -> Iterator[Any]:
    for key, value in properties.items():
        if isinstance(value, Mapping) and value and depth < _DEEPEST:
            yield from _flat(value, f"{before}{key}.", depth + 1)
        elif value not in _EMPTY:
            yield f"{before}{key}", text_of(value)


def mapping(value: Any) -> Mapping[str, Any]:
    """``value`` if it is an object, else an empty one."""
    return value if isinstance(value, Mapping) else {}


def text_of(value: Any) -> str:
    """A value as text: strings as they are, nothing for null, JSON for the rest."""
    if isinstance(value, str):
        return value
    return "" if value is None else _JSON.encode(value)
