"""Custom events sent by servers (contracts/fullstory-api §2.3).

Choices where nothing is documented: an unknown session or user id is a 404, an unknown uid makes a
new identified user, and the published limit of the client API holds for the name (250 characters).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..fullstory.limits import EVENT_NAME_MAX, SESSION_UID_MAX, UID_MAX
from ..membrane.gateway import Response
from . import inference, sessions, users
from .answers import (
    Call,
    Problem,
    answer,
    dump,
    invalid,
    missing,
    object_field,
    text_field,
)
from .clock import iso, parse_time

_INT32 = range(-(2**31), 2**31)
_CONTEXT: Mapping[str, Mapping[str, type]] = {
    "browser": dict.fromkeys(("url", "user_agent", "initial_referrer"), str),
    "mobile": dict.fromkeys(("app_id", "app_version", "app_name", "build_variant"), str),
    "device": {
        **dict.fromkeys(("manufacturer", "model"), str),
        **dict.fromkeys(
            ("screen_width", "screen_height", "viewport_width", "viewport_height"), int
        ),
    },
    "location": {
        **dict.fromkeys(("country", "region", "city", "ip_address"), str),
        **dict.fromkeys(("latitude", "longitude"), float),
    },
}


@dataclass(frozen=True, slots=True)
class Identity:
    """Whom an event belongs to: exactly one way, or none at all."""

    user_id: str | None = None
    user_uid: str | None = None
    session_id: str | None = None
    session_uid: str | None = None
    use_most_recent: bool = False


@dataclass(frozen=True, slots=True)
class EventInput:
    """A create or import request, checked. ``timestamp`` None means: now."""

    name: str
    timestamp: str | None
    moment: float | None
    identity: Identity
    context: dict[str, Any] | None
    properties: dict[str, Any]
    types: dict[str, str]


def create(call: Call) -> Response:
    """POST /v2/events. Answers ``{}``: there is no event id."""
    store(call.db, read_event(call.body()), call.now)
    return answer({})


def read_event(body: Mapping[str, Any]) -> EventInput:
    """Check an event request. Raises Problem (400)."""
    name = text_field(body, "name", EVENT_NAME_MAX)
    if name is None:
        raise invalid("events must have a non-empty name")
    timestamp = text_field(body, "timestamp")
    moment = None if timestamp is None else parse_time(timestamp)
    if timestamp is not None and moment is None:
        raise invalid("timestamp must be an ISO 8601 time")
    properties, types = inference.read_properties("event", body)
    return EventInput(
        name, timestamp, moment, _identity(body), read_context(body), properties, types
    )


def read_context(body: Mapping[str, Any]) -> dict[str, Any] | None:
    """The ``context`` of an event or of a batch. Raises Problem where a field has a wrong type."""
    context = object_field(body, "context")
    for part, fields in _CONTEXT.items():
        values = object_field(context, part)
        for name, kind in fields.items():
            value = values.get(name)
            if value is not None and not _is(kind, value):
                raise invalid(f"context.{part}.{name} must be {_IN_WORDS[kind]}")
    return context or None


def store(db: sqlite3.Connection, event: EventInput, now: float) -> dict[str, Any]:
    """Store an event and answer it as an import's result does. Raises Problem (400, 404).

    Creates the user where the event names an unknown uid or nobody.
    """
    user, session = _owner(db, event.identity, now)
    inference.remember_types(db, "event", event.types)
    timestamp = event.timestamp or iso(now)
    properties = inference.merged({}, event.properties)
    db.execute(
        "INSERT INTO events (user_seq, session_seq, name, timestamp, moment, properties, types,"
        " context) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            user["seq"],
            None if session is None else session["seq"],
            event.name,
            timestamp,
            now if event.moment is None else event.moment,
            dump(properties),
            dump(event.types),
            None if event.context is None else dump(event.context),
        ),
    )
    result: dict[str, Any] = {"name": event.name, "timestamp": timestamp, "properties": properties}
    result["user"] = {name: user[name] for name in ("id", "uid") if user[name] is not None}
    if session is not None:
        result["session"] = {"id": f"{session['device_id']}:{session['session_id']}"}
        db.execute("UPDATE sessions SET pages = pages + 1 WHERE seq = ?", (session["seq"],))
    if event.context is not None:
        result["context"] = event.context
    result["schema"] = {"properties": event.types}
    return result


def _identity(body: Mapping[str, Any]) -> Identity:
    user, session = object_field(body, "user"), object_field(body, "session")
    recent = session.get("use_most_recent")
    if recent is not None and not isinstance(recent, bool):
        raise invalid("session.use_most_recent must be a boolean")
    identity = Identity(
        user_id=text_field(user, "id"),
        user_uid=text_field(user, "uid", UID_MAX),
        session_id=text_field(session, "id"),
        session_uid=text_field(session, "uid", SESSION_UID_MAX),
        use_most_recent=bool(recent),
    )
    _check(identity)
    return identity


def _check(identity: Identity) -> None:
    """One way of naming the owner at most; more is a 400 (contracts §2.3)."""
    by_user = [name for name in (identity.user_id, identity.user_uid) if name is not None]
    by_session = [name for name in (identity.session_id, identity.session_uid) if name is not None]
    if len(by_user) > 1:
        raise invalid("only one of user.id and user.uid may be given")
    if len(by_session) > 1:
        raise invalid("only one of session.id and session.uid may be given")
    if by_session and by_user:
        raise invalid("user is not accepted together with session.id or session.uid")
    if by_session and identity.use_most_recent:
        raise invalid("session.use_most_recent is not accepted together with a session")
    if identity.use_most_recent and not by_user:
        raise invalid("session.use_most_recent requires user.id or user.uid")


def _owner(
    db: sqlite3.Connection, identity: Identity, now: float
) -> tuple[sqlite3.Row, sqlite3.Row | None]:
    """The user an event goes to, and the session, if it goes to one."""
    session = _named_session(db, identity)
    if session is not None:
        row = db.execute("SELECT * FROM users WHERE seq = ?", (session["user_seq"],)).fetchone()
        return row, session
    if identity.user_id is not None:
        user = users.writable(db, identity.user_id)
    else:
        user = users.find_or_create(db, identity.user_uid, now)
    recent = sessions.most_recent(db, user["seq"], now) if identity.use_most_recent else None
    return user, recent


def _named_session(db: sqlite3.Connection, identity: Identity) -> sqlite3.Row | None:
    if identity.session_id is not None:
        session = sessions.find(db, identity.session_id)
    elif identity.session_uid is not None:
        found = db.execute("SELECT * FROM sessions WHERE uid = ?", (identity.session_uid,))
        session = found.fetchone()
        if session is None:
            raise missing()
    else:
        return None
    if session["pages"] >= sessions.PAGES_MAX:
        raise Problem(
            400, "session_page_limit_exceeded", "the session holds too many pages for more events"
        )
    return session


def _is(kind: type, value: Any) -> bool:
    if kind is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    if kind is int:
        return isinstance(value, int) and not isinstance(value, bool) and value in _INT32
    return isinstance(value, kind)


_IN_WORDS = {str: "a string", int: "a 32-bit integer", float: "a number"}
