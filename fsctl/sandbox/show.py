"""What stands in a sandbox, for ``fsctl sandbox show``."""

from __future__ import annotations

from typing import Any

from .clock import iso
from .store import Store

_NEWEST = 10
_COUNTED = ("sessions", "annotations", "segments", "jobs")


def summary(store: Store) -> dict[str, Any]:
    """The sandbox in one object.

    ``path`` (None in memory), ``clock``, ``seed`` (a number, None if never seeded), ``counts`` a
    kind, the newest ``annotations`` (newest first, the four fields and ``created``), and the
    newest ``jobs`` (``{id, kind, status, imports, errors, created, finished}``).
    """
    now = store.clock.time()
    with store.connection() as db:
        seed = db.execute("SELECT value FROM meta WHERE key = 'seed'").fetchone()
        counts = {
            kind: db.execute(f"SELECT count(*) FROM {kind}").fetchone()[0] for kind in _COUNTED
        }
        users, identified, deleting = db.execute(
            "SELECT count(*), count(uid), count(gone_at) FROM users"
            " WHERE gone_at IS NULL OR gone_at > ?",
            (now,),
        ).fetchone()
        annotations = db.execute(
            "SELECT * FROM annotations ORDER BY created DESC, seq DESC LIMIT ?", (_NEWEST,)
        ).fetchall()
        jobs = db.execute("SELECT * FROM jobs ORDER BY seq DESC LIMIT ?", (_NEWEST,)).fetchall()
        (events,) = db.execute("SELECT count(*) FROM events").fetchone()
    return {
        "path": None if store.path is None else str(store.path),
        "clock": iso(now),
        "seed": None if seed is None else int(seed["value"]),
        "counts": {
            "users": users,
            "anonymous_users": users - identified,
            "users_being_deleted": deleting,
            "server_events": events,
            **counts,
        },
        "annotations": [
            {name: row[name] for name in ("text", "start_time", "end_time", "source")}
            | {"created": iso(row["created"])}
            for row in annotations
        ],
        "jobs": [
            {name: row[name] for name in ("id", "kind", "imports", "errors")}
            | {"status": _status(row["finished"], row["errors"], now)}
            | {"created": iso(row["created"]), "finished": iso(row["finished"])}
            for row in jobs
        ],
    }


def _status(finished: float, errors: int, now: float) -> str:
    if finished > now:
        return "PROCESSING"
    return "FAILED" if errors else "COMPLETED"
