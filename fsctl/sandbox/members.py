"""Who is in a segment, and the rows of its export: people, or what they did.

Names of fields are Fullstory's data export's (``IndividualId``, ``EventStart``, and custom ones as
``user_NAME_TYPE`` and ``evt_NAME_TYPE``); which there are differs from account to account. Somebody
without a session or an event is in no segment (contracts/fullstory-api §2.1).
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from . import company, streams
from .clock import iso

_DAY = 86_400.0
_PERSON = ("IndividualId", "UserAppKey", "UserDisplayName", "UserEmail")
_INDIVIDUAL = (*_PERSON, "NumSessions", "FirstSeen", "LastSeen")
_EVENT = (
    *_PERSON,
    *("UserId", "SessionId", "PageId", "EventStart", "EventType", "EventCustomName"),
    *("EventTargetText", "EventTargetSelector", "PageUrl"),
    *("PageBrowser", "PageDevice", "PageOperatingSystem"),
)
_MOBILE = tuple(n for n, agent in enumerate(company.AGENTS) if agent[-1] in ("ios", "android"))
_RAGING = tuple(
    name
    for name, steps in company.SCENARIOS.items()
    if any(step.kind == "rage-click" for step in steps)
)
_ACTIVE = (
    "(EXISTS (SELECT 1 FROM sessions WHERE user_seq = users.seq)"
    " OR EXISTS (SELECT 1 FROM events WHERE user_seq = users.seq))"
)

Row = dict[str, Any]


def columns(db: sqlite3.Connection, kind: str) -> tuple[str, ...]:
    """The fields of an export of ``individuals`` or ``events``, the organisation's own last."""
    if kind == "individuals":
        return (*_INDIVIDUAL, *_own_fields(db, "user"))
    return (*_EVENT, *_own_fields(db, "event"))


def unknown_fields(db: sqlite3.Connection, kind: str, fields: Sequence[str]) -> list[str]:
    """Those of ``fields`` that such an export cannot have."""
    known = frozenset(columns(db, kind)) if fields else frozenset()
    return [name for name in fields if name not in known]


def rows(db: sqlite3.Connection, wanted: Mapping[str, Any], now: float) -> Iterator[Row]:
    """The rows of an export, each with the fields that it has."""
    begin = 0.0 if wanted["begin"] is None else wanted["begin"]
    end = now if wanted["end"] is None else min(now, wanted["end"])
    of_person = _individual if wanted["type"] == "individuals" else _events
    only = frozenset(wanted["fields"])
    for person in _people(db, wanted["segment"], now):
        for row in of_person(db, person, begin, end):
            yield {name: row[name] for name in row if name in only} if only else row


def _people(db: sqlite3.Connection, segment: str, now: float) -> Iterator[sqlite3.Row]:
    where, values = _rule(segment, now)
    after = 0
    while True:  # a page at a time: the connection is others', too
        page = db.execute(
            f"SELECT * FROM users WHERE seq > ? AND gone_at IS NULL AND {_ACTIVE} AND {where}"
            " ORDER BY seq LIMIT 500",
            (after, *values),
        ).fetchall()
        yield from page
        if not page:
            return
        after = page[-1]["seq"]


def _rule(segment: str, now: float) -> tuple[str, tuple[Any, ...]]:
    """What makes somebody a member of one of ``company.SEGMENTS``."""
    of_theirs = "EXISTS (SELECT 1 FROM sessions WHERE user_seq = users.seq AND"
    match segment:
        case "everyone":
            return "1", ()
        case "kX2pQ9":  # Paying customers
            return "json_extract(properties, '$.plan') IN ('team', 'business')", ()
        case "7fTz01":  # Rage clicks at checkout
            return f"{of_theirs} scenario IN ({_marks(_RAGING)}))", _RAGING
        case "mm4RrW":  # Signed up this month
            return "created >= ?", (now - 30 * _DAY,)
        case "Zq8vLp":  # Used the mobile app
            return f"{of_theirs} agent IN ({_marks(_MOBILE)}))", _MOBILE
    return "0", ()


def _marks(values: Sequence[Any]) -> str:
    return ", ".join("?" * len(values))


def _individual(
    db: sqlite3.Connection, person: sqlite3.Row, begin: float, end: float
) -> Iterator[Row]:
    """The person, where something happened in that time."""
    count, first, last = db.execute(
        "SELECT count(*) FILTER (WHERE kind = 's'), min(moment), max(moment) FROM ("
        " SELECT 's' AS kind, started AS moment FROM sessions WHERE user_seq = :user"
        " UNION ALL SELECT 'e', moment FROM events WHERE user_seq = :user"
        ") WHERE moment BETWEEN :begin AND :end",
        {"user": person["seq"], "begin": begin, "end": end},
    ).fetchone()
    if first is not None:
        row = _whose(person) | {
            "NumSessions": count,
            "FirstSeen": iso(first),
            "LastSeen": iso(last),
        }
        yield row | _own("user", person["properties"], person["types"])


def _events(db: sqlite3.Connection, person: sqlite3.Row, begin: float, end: float) -> Iterator[Row]:
    whose = _whose(person)
    sessions = db.execute(
        "SELECT * FROM sessions WHERE user_seq = ? AND started <= ? ORDER BY started, seq",
        (person["seq"], end),
    ).fetchall()
    first, last = iso(begin), iso(end)
    for session in sessions:
        for event in streams.events(db, session, end):
            if event["source_type"] != "server" and first <= event["event_time"] <= last:
                yield whose | _seen(event)
    stored = db.execute(
        "SELECT events.*, device_id, session_id FROM events"
        " LEFT JOIN sessions ON sessions.seq = session_seq"
        " WHERE events.user_seq = ? AND moment BETWEEN ? AND ? ORDER BY moment, events.seq",
        (person["seq"], begin, end),
    ).fetchall()
    for event in stored:
        yield whose | {
            "UserId": event["device_id"],
            "SessionId": event["session_id"],
            "EventStart": iso(event["moment"]),
            "EventType": "custom",
            "EventCustomName": event["name"],
            **_own("event", event["properties"], event["types"]),
        }


def _seen(event: Mapping[str, Any]) -> Row:
    """What a visitor did, as an export has it."""
    source = event["source_properties"]
    agent, target = source["user_agent"], event["event_properties"].get("target") or {}
    return {
        "UserId": event["device_id"],
        "SessionId": event["session_id"],
        "PageId": event["view_id"],
        "EventStart": event["event_time"],
        "EventType": event["event_type"],
        "EventTargetText": target.get("text"),
        "EventTargetSelector": target.get("raw_selector"),
        "PageUrl": source["url"].get("full_url"),
        "PageBrowser": agent["browser"],
        "PageDevice": agent["device"],
        "PageOperatingSystem": agent["operating_system"],
    }


def _whose(person: sqlite3.Row) -> Row:
    return {
        "IndividualId": person["id"],
        "UserAppKey": person["uid"],
        "UserDisplayName": person["display_name"],
        "UserEmail": person["email"],
    }


def _own_fields(db: sqlite3.Connection, kind: str) -> list[str]:
    known = db.execute(
        "SELECT path, type FROM property_types WHERE kind = ? ORDER BY path, type", (kind,)
    )
    return list(dict.fromkeys(_own_field(kind, row["path"], row["type"]) for row in known))


def _own_field(kind: str, path: str, type_: str) -> str:
    return f"{'evt' if kind == 'event' else 'user'}_{path.replace('.', '_')}_{type_}"


def _own(kind: str, properties: str, types: str) -> Row:
    values, known = json.loads(properties), json.loads(types)
    return {_own_field(kind, path, known[path]): value for path, value in _flat(values, known)}


def _flat(
    values: Mapping[str, Any], types: Mapping[str, str], above: str = ""
) -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        path = f"{above}{name}"
        if isinstance(value, dict):
            yield from _flat(value, types, f"{path}.")
        elif path in types:
            yield path, value
