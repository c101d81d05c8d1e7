"""Fill a sandbox with the customers of a small made-up company.

The same ``seed`` number gives the same people, sessions and events on the same day of the sandbox's
clock: every time is counted back from the midnight (UTC) with which that day began, the newest
session of a day's seed having ended shortly before it. One session (of ``grace``) is still open, so
that events can find a "most recent session".
"""

from __future__ import annotations

import random
import sqlite3
from dataclasses import dataclass
from typing import Any

from . import company, exports, inference, streams
from .answers import dump
from .clock import iso
from .people import Person, Visit, characters, crowd, digits
from .store import Store

_MINUTE, _HOUR, _DAY = 60.0, 3_600.0, 86_400.0
_REPLACED = (
    "users",
    "property_types",
    "sessions",
    "events",
    "annotations",
    "segments",
    "exports",
    "jobs",
    "job_rows",
    "idempotency",
)


@dataclass(frozen=True, slots=True)
class SeedReport:
    """What a seeding put in. ``base`` is the midnight that times are counted back from."""

    seed: int
    people: int
    sessions: int
    server_events: int
    annotations: int
    segments: int
    base: str


def seed_if_empty(store: Store) -> SeedReport | None:
    """Seed a store that holds nothing; None where it was seeded or used before."""
    with store.connection() as db:
        if not _is_empty(db):
            return None
    with store.transaction() as db:  # looked at again: another process may have been quicker
        return seed(store) if _is_empty(db) else None


def seed(store: Store, *, seed: int = 1, people: int = 300) -> SeedReport:
    """Replace all that Fullstory holds in this store by the company's customers."""
    rng = random.Random(seed)
    now = store.clock.time()
    base = now - now % _DAY
    everybody = [*characters(rng), *crowd(rng, max(0, people))][: max(0, people)]
    exports.prepare(store)
    with store.transaction() as db:
        for table in _REPLACED:
            db.execute(f"DELETE FROM {table}")
        for person in everybody:
            _store_person(db, person, base, rng)
        _store_rest(db, base)
        db.execute("INSERT OR REPLACE INTO meta VALUES ('seed', ?)", (str(seed),))
        return SeedReport(
            seed=seed,
            people=len(everybody),
            sessions=_count(db, "sessions"),
            server_events=_count(db, "events"),
            annotations=_count(db, "annotations"),
            segments=_count(db, "segments"),
            base=iso(base),
        )


def _store_person(db: sqlite3.Connection, person: Person, base: float, rng: random.Random) -> None:
    name, email = person.display_name, person.email
    body = {"properties": person.properties, "schema": {"properties": person.schema}}
    properties, types = inference.read_properties("user", body)
    inference.remember_types(db, "user", types)
    user = db.execute(
        "INSERT INTO users (id, uid, display_name, email, name_key, email_key, properties, types,"
        " created) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            person.id,
            person.uid,
            name,
            email,
            name.casefold() if name else None,
            email.casefold() if email else None,
            dump(properties),
            dump(types),
            base - rng.uniform(30, 900) * _DAY,
        ),
    )
    device_id = digits(rng)
    agent = rng.randrange(len(company.AGENTS)) if person.agent is None else person.agent
    for visit in person.visits:
        session = _store_visit(db, visit, user.lastrowid, device_id, agent, base, rng)
        for name, event in visit.server_events:
            _store_event(db, session, name, event)


def _store_visit(
    db: sqlite3.Connection,
    visit: Visit,
    user_seq: int | None,
    device_id: str,
    agent: int,
    base: float,
    rng: random.Random,
) -> sqlite3.Row:
    started = round(base - visit.hours_ago * _HOUR, 3)
    ended = None if visit.minutes is None else round(started + visit.minutes * _MINUTE, 3)
    cursor = db.execute(
        "INSERT INTO sessions (user_seq, device_id, session_id, uid, started, ended, pages,"
        " scenario, seed, agent) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            user_seq,
            device_id,
            digits(rng),
            visit.uid,
            started,
            ended,
            visit.pages,
            visit.scenario,
            rng.getrandbits(62),
            agent,
        ),
    )
    session: sqlite3.Row = db.execute(
        "SELECT * FROM sessions WHERE seq = ?", (cursor.lastrowid,)
    ).fetchone()
    return session


def _store_event(
    db: sqlite3.Connection, session: sqlite3.Row, name: str, properties: dict[str, Any]
) -> None:
    """A server's event: just after the request that failed, or some way into the session."""
    failed = streams.first(session, "network-error")
    moment = round((session["started"] + 120 if failed is None else failed) + 0.2, 3)
    _, types = inference.read_properties("event", {"properties": properties})
    inference.remember_types(db, "event", types)
    db.execute(
        "INSERT INTO events (user_seq, session_seq, name, timestamp, moment, properties, types)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            session["user_seq"],
            session["seq"],
            name,
            iso(moment),
            moment,
            dump(properties),
            dump(types),
        ),
    )


def _store_rest(db: sqlite3.Connection, base: float) -> None:
    for hours_ago, minutes, text, source in company.ANNOTATIONS:
        start = base - hours_ago * _HOUR
        db.execute(
            "INSERT INTO annotations (text, start_time, end_time, source, created)"
            " VALUES (?, ?, ?, ?, ?)",
            (text, iso(start), iso(start + minutes * _MINUTE), source, start),
        )
    db.executemany(
        "INSERT INTO segments (id, name, creator, created) VALUES (?, ?, ?, ?)",
        [(key, name, by, base - days * _DAY) for key, name, by, days in company.SEGMENTS],
    )


def _is_empty(db: sqlite3.Connection) -> bool:
    (used,) = db.execute(
        "SELECT EXISTS (SELECT 1 FROM meta WHERE key = 'seed') OR EXISTS (SELECT 1 FROM users)"
        " OR EXISTS (SELECT 1 FROM annotations)"
    ).fetchone()
    return not used


def _count(db: sqlite3.Connection, table: str) -> int:
    (count,) = db.execute(f"SELECT count(*) FROM {table}").fetchone()
    return int(count)
