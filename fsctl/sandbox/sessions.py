"""Sessions: the lists of a person's sessions, and the events of one (contracts §2.5).

Choices where nothing is documented: ``GET /v2/sessions`` answers in the form of the documented
``GET /sessions/v2``, and an unknown session id is a 404.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Sequence

from ..fullstory.limits import RECENT_SESSION_SECONDS, SESSIONS_LIMIT_DEFAULT
from ..membrane.gateway import Response
from . import streams
from .answers import Call, answer, answer_rows, invalid, missing, required
from .links import replay_url

# Server events add internal pages to a session; how many it takes before it is full is not
# published (contracts §2.3): small enough here that it can be rehearsed.
PAGES_MAX = 250
# DeviceId:SessionId, or a Client ID of two UUIDs (contracts §2.5).
_SESSION_ID = re.compile(r"(\d{1,20}|[0-9a-fA-F-]{36}):(\d{1,20}|[0-9a-fA-F-]{36})", re.ASCII)


def list_v1(call: Call) -> Response:
    """GET /sessions/v2?uid=&email=&limit="""
    if call.text("uid") is None and call.text("email") is None:
        raise required("uid or email")
    return _listed(call, _of_person(call))


def list_v2(call: Call) -> Response:
    """GET /v2/sessions?uid=&email=&session_uid=&limit="""
    session_uid = call.text("session_uid")
    if session_uid is None:
        return list_v1(call)
    if call.text("uid") is not None or call.text("email") is not None:
        raise invalid("session_uid cannot be combined with uid or email")
    rows = call.db.execute("SELECT * FROM sessions WHERE uid = ?", (session_uid,)).fetchall()
    return _listed(call, rows)


def list_events(call: Call) -> Response:
    """GET /v2/sessions/{id}/events"""
    call.flag("enable_event_cache")
    session = find(call.db, call.path[0])
    return answer_rows("events", streams.events(call.db, session, call.now))


def find(db: sqlite3.Connection, session_id: str) -> sqlite3.Row:
    """The session with that API id. Raises Problem: 400 for a wrong form, 404 if unknown."""
    match = _SESSION_ID.fullmatch(session_id)
    if match is None:
        raise invalid("session id must have the form DeviceId:SessionId")
    row: sqlite3.Row | None = db.execute(
        "SELECT * FROM sessions WHERE device_id = ? AND session_id = ?", match.groups()
    ).fetchone()
    if row is None:
        raise missing()
    return row


def most_recent(db: sqlite3.Connection, user_seq: int, now: float) -> sqlite3.Row | None:
    """The user's session for ``use_most_recent`` events, full ones passed over.

    None where no session was active in the last 30 minutes (contracts §2.3).
    """
    row: sqlite3.Row | None = db.execute(
        "SELECT * FROM sessions WHERE user_seq = ? AND started <= ? AND ifnull(ended, ?) >= ?"
        " AND pages < ? ORDER BY started DESC",
        (user_seq, now, now, now - RECENT_SESSION_SECONDS, PAGES_MAX),
    ).fetchone()
    return row


def _of_person(call: Call) -> Sequence[sqlite3.Row]:
    """The union of a uid's and an e-mail's sessions; of identified users only."""
    email = call.text("email")
    return call.db.execute(
        "SELECT sessions.* FROM sessions JOIN users ON users.seq = sessions.user_seq"
        " WHERE (users.uid = ? OR users.email_key = ?) AND started <= ?",
        (call.text("uid"), None if email is None else email.casefold(), call.now),
    ).fetchall()


def _listed(call: Call, rows: Sequence[sqlite3.Row]) -> Response:
    limit = call.count("limit", SESSIONS_LIMIT_DEFAULT)
    newest = sorted(rows, key=lambda row: (row["started"], row["seq"]), reverse=True)
    return answer(
        {
            "sessions": [
                {
                    "userId": row["device_id"],
                    "sessionId": row["session_id"],
                    "createdTime": str(int(row["started"])),
                    "fsUrl": replay_url(row["device_id"], row["session_id"]),
                }
                for row in newest[:limit]
            ]
        }
    )
