"""A session's events, derived from its seed: the same session always plays the same stream.

Shapes: contracts/fullstory-api §2.5 and §4. Only what a server sent is stored; everything the
visitor did comes from the session's scenario (``company``), spread over the session's time.
"""

from __future__ import annotations

import json
import random
import sqlite3
from collections.abc import Iterator, Sequence
from heapq import merge
from operator import itemgetter
from typing import Any
from urllib.parse import parse_qs, urlsplit

from . import company
from .clock import iso
from .company import Step

_OPEN_MINUTES = 20  # how long the stream of a page that is still open goes on
_CLICKS = frozenset(("click", "dead-click", "error-click", "rage-click"))
_WITH_TARGET = _CLICKS | {"change", "highlight", "copy", "paste", "element-seen"}


def events(db: sqlite3.Connection, session: sqlite3.Row, now: float) -> Iterator[dict[str, Any]]:
    """All events of a session up to ``now``, what servers sent included, in order of time."""
    found = merge(_visitor_events(session), _server_events(db, session), key=itemgetter(0))
    return (event for moment, event in found if moment <= now)


def first(session: sqlite3.Row, kind: str) -> float | None:
    """When the session's first visitor event of that kind happens, if one does."""
    return next((at for at, event in _visitor_events(session) if event["event_type"] == kind), None)


def city(session: sqlite3.Row) -> tuple[str, str, str, str]:
    """Where the session came from (a row of ``company.CITIES``): one place a device."""
    return company.CITIES[int(session["device_id"][-3:]) % len(company.CITIES)]


def _visitor_events(session: sqlite3.Row) -> Iterator[tuple[float, dict[str, Any]]]:
    rng = random.Random(session["seed"])
    raw, device, system, browser, version, source = company.AGENTS[session["agent"]]
    referrer = rng.choice(company.REFERRERS)
    user_agent = {
        "raw_user_agent": raw,
        "device": device,
        "operating_system": system,
        "browser": browser,
        "browser_version": version,
    }
    steps = _with_wandering(company.SCENARIOS[session["scenario"]], rng)
    url: dict[str, Any] = {}
    view = ""
    for moment, step in zip(_moments(session, len(steps), rng), steps, strict=True):
        if step.page:
            url, view = _url(step.page), str(rng.getrandbits(63))
        yield (
            moment,
            {
                "device_id": session["device_id"],
                "session_id": session["session_id"],
                "view_id": view,
                "event_time": iso(moment),
                "event_type": step.kind,
                "event_properties": _properties(step),
                "source_type": source,
                "source_properties": {
                    "user_agent": user_agent,
                    "url": url,
                    "initial_referrer": referrer,
                },
            },
        )


def _server_events(
    db: sqlite3.Connection, session: sqlite3.Row
) -> Iterator[tuple[float, dict[str, Any]]]:
    rows = db.execute(
        "SELECT * FROM events WHERE session_seq = ? ORDER BY moment, seq", (session["seq"],)
    )
    for row in rows:
        context = json.loads(row["context"] or "{}")
        yield (
            row["moment"],
            {
                "device_id": session["device_id"],
                "session_id": session["session_id"],
                "view_id": None,
                "event_time": iso(row["moment"]),
                "event_type": "custom",
                "event_properties": {
                    "event_name": row["name"],
                    "properties": json.loads(row["properties"]),
                },
                "source_type": "server",
                "source_properties": context.get("browser") or {},
            },
        )


def _with_wandering(steps: Sequence[Step], rng: random.Random) -> list[Step]:
    """The scenario with a few harmless steps before its last third, so that no two are alike."""
    at = len(steps) * 2 // 3
    # A step that belongs to a page must not be torn from it: wander off just before a navigate.
    while at < len(steps) and not steps[at].page:
        at += 1
    extra = [rng.choice(company.WANDERING) for _ in range(rng.randrange(4))]
    if at == len(steps):
        return [*steps, *extra]
    return [*steps[:at], *extra, *steps[at:]]


def _moments(session: sqlite3.Row, count: int, rng: random.Random) -> Iterator[float]:
    """``count`` moments from the session's start to its end, unevenly apart."""
    end = session["ended"]
    length = _OPEN_MINUTES * 60 if end is None else end - session["started"]
    gaps = [0.0, *(rng.random() + 0.05 for _ in range(count - 1))]
    scale = length / sum(gaps)
    passed = 0.0
    for gap in gaps:
        passed += gap * scale
        yield session["started"] + passed


def _url(page: str) -> dict[str, Any]:
    full = f"https://{company.HOST}{page}"
    parts = urlsplit(full)
    query = {name: {"values": values} for name, values in parse_qs(parts.query).items()}
    return {"full_url": full, "host": parts.hostname, "path": parts.path, "query": query}


def _properties(step: Step) -> dict[str, Any]:
    properties: dict[str, Any] = dict(step.more)
    if step.kind == "navigate":
        properties["additional_event_definition_ids"] = []
    if step.kind in _WITH_TARGET:
        properties["target"] = {
            "text": None if step.masked else step.text,
            "masked": step.masked,
            "raw_selector": step.selector,
        }
    return properties
