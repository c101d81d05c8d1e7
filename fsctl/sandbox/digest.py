"""Digests of a session: its context (events by page, for a language model) and its summary.

Shapes: contracts/fullstory-api §2.5. Fullstory's summary comes from a model; this one is put
together from counts, so that the same session always has the same summary.
"""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any
from urllib.parse import urlsplit

from ..membrane.gateway import Response
from . import company, sessions, streams
from .answers import Call, answer, invalid, object_field, text_field
from .clock import parse_time
from .links import ORG

_MODES = ("FIRST", "LAST", "TIMESTAMP")
_PARTS = ("user", "org", "location", "device")
_TROUBLE = (
    "rage-click",
    "error-click",
    "dead-click",
    "network-error",
    "console-error",
    "mouse-thrash",
)

Event = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Slice:
    """Which part of a session is looked at. Times in epoch seconds, None: no limit."""

    mode: str = "FIRST"
    event_limit: int | None = None
    seconds: float | None = None
    start: float | None = None
    end: float | None = None

    def of(self, events: Iterable[Event]) -> list[Event]:
        """Those of the events (in order of time) that the slice holds."""
        timed = [(parse_time(event["event_time"]) or 0.0, event) for event in events]
        if self.start is not None:
            timed = [pair for pair in timed if pair[0] >= self.start]
        if self.end is not None:
            timed = [pair for pair in timed if pair[0] <= self.end]
        if self.mode == "LAST":
            timed.reverse()
        if self.seconds is not None and timed:
            first = timed[0][0]
            timed = [pair for pair in timed if abs(pair[0] - first) <= self.seconds]
        timed = timed[: self.event_limit]
        if self.mode == "LAST":
            timed.reverse()
        return [event for _, event in timed]


def context(call: Call) -> Response:
    """POST /v2/sessions/{id}/context"""
    session = sessions.find(call.db, call.path[0])
    body = call.body() if call.raw else {}
    events = _selected(call, session, body)
    wanted = object_field(body, "context")
    included = _names(wanted, "include") or _PARTS
    excluded = _names(wanted, "exclude") or ()
    parts = {
        name: _part(call.db, session, name)
        for name in _PARTS
        if name in included and name not in excluded
    }
    return answer({"context_data": {"context": parts, "pages": _pages(events)}})


def summary(call: Call) -> Response:
    """GET and POST /v2/sessions/{id}/summary"""
    session = sessions.find(call.db, call.path[0])
    body = call.body() if call.raw else {}
    text_field(body, "config_profile")
    object_field(body, "llm")
    end = call.text("end_timestamp")
    if end is not None:
        body = {**body, "slice": {"mode": "TIMESTAMP", "end_timestamp": end}}
    user = _part(call.db, session, "user")
    who = user.get("display_name") or user.get("uid") or "A visitor"
    return answer({"summary": _told(who, _selected(call, session, body))})


def _selected(call: Call, session: sqlite3.Row, body: Mapping[str, Any]) -> list[Event]:
    part = _slice(object_field(body, "slice"))
    filters = object_field(body, "events")
    included, excluded = _names(filters, "include_types"), _names(filters, "exclude_types") or ()
    return [
        event
        for event in part.of(streams.events(call.db, session, call.now))
        if (included is None or event["event_type"] in included)
        and event["event_type"] not in excluded
    ]


def _slice(body: Mapping[str, Any]) -> Slice:
    mode = text_field(body, "mode") or "FIRST"
    if mode not in _MODES:
        raise invalid(f"slice.mode must be one of {', '.join(_MODES)}")
    milliseconds = _positive(body, "duration_limit_ms")
    return Slice(
        mode,
        _positive(body, "event_limit"),
        None if milliseconds is None else milliseconds / 1000,
        _time(body, "start_timestamp"),
        _time(body, "end_timestamp"),
    )


def _positive(body: Mapping[str, Any], name: str) -> int | None:
    value = body.get(name)
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or value <= 0:
        raise invalid(f"slice.{name} must be a positive integer")
    return value


def _time(body: Mapping[str, Any], name: str) -> float | None:
    value = text_field(body, name)
    if value is None:
        return None
    moment = parse_time(value)
    if moment is None:
        raise invalid(f"slice.{name} must be an ISO 8601 time")
    return moment


def _names(body: Mapping[str, Any], name: str) -> list[str] | None:
    value = body.get(name)
    if value is None or value == []:
        return None
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise invalid(f"{name} must be a list of strings")
    return value


def _part(db: sqlite3.Connection, session: sqlite3.Row, name: str) -> dict[str, Any]:
    if name == "org":
        return {"id": ORG, "name": "Fernhill"}
    if name == "location":
        city, region, country, address = streams.city(session)
        return {"city": city, "region": region, "country": country, "ip_address": address}
    if name == "device":
        raw, device, system, browser, version, _ = company.AGENTS[session["agent"]]
        return {
            "user_agent": raw,
            "device": device,
            "operating_system": system,
            "browser": browser,
            "browser_version": version,
        }
    user = db.execute("SELECT * FROM users WHERE seq = ?", (session["user_seq"],)).fetchone()
    known = {key: user[key] for key in ("id", "uid", "display_name", "email") if user[key]}
    return known | {"properties": json.loads(user["properties"])}


def _pages(events: Sequence[Event]) -> list[dict[str, Any]]:
    """The events by the page they happened on; a server's event stays with the page before it."""
    url = ""
    placed: list[tuple[str, Event]] = []
    for event in events:
        if event["source_type"] != "server":
            url = event["source_properties"]["url"]["full_url"]
        placed.append((url, event))
    return [
        {
            "url": url,
            "title": company.TITLES.get(urlsplit(url).path, "Fernhill"),
            "tab": "1",
            "events": [
                {name: event[name] for name in ("event_time", "event_type", "event_properties")}
                for _, event in group
            ],
        }
        for url, group in groupby(placed, key=lambda pair: pair[0])
    ]


def _told(who: str, events: Sequence[Event]) -> str:
    if not events:
        return f"{who} did nothing in this part of the session."
    first, last = (parse_time(events[at]["event_time"]) or 0.0 for at in (0, -1))
    pages = [page["title"] for page in _pages(events)]
    counts = Counter(event["event_type"] for event in events)
    trouble = [f"{kind} ({counts[kind]})" for kind in _TROUBLE if counts[kind]]
    minutes = max(1, round((last - first) / 60))
    path = " → ".join(dict.fromkeys(pages))
    return (
        f"{who} did {len(events)} things in {minutes} min: {path}."
        f" Signs of trouble: {', '.join(trouble) or 'none'}."
    )
