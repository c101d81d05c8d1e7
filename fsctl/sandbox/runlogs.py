"""The embedded Membrane's log of action runs (contracts/membrane §2.8)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from .store import Store

_SCHEMA = """
CREATE TABLE membrane_run_logs (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    action_id TEXT, connection_id TEXT, integration_id TEXT,
    status TEXT NOT NULL, created_at TEXT NOT NULL,
    entry TEXT NOT NULL,    -- JSON: the log as the API gives it
    details TEXT NOT NULL   -- JSON: {request, response, timeMs}, the exchange with Fullstory
);
CREATE INDEX membrane_run_logs_connection ON membrane_run_logs (connection_id, seq);
"""

KEPT = 10_000  # runs; older ones are forgotten

_FILTERS = {
    "actionId": "action_id = ?",
    "integrationActionId": "action_id = ?",
    "connectionId": "connection_id = ?",
    "integrationId": "integration_id = ?",
    "status": "status = ?",
    "from": "created_at >= ?",
    "to": "created_at <= ?",
}


class RunLogs:
    """The runs of a sandbox; with ``enabled`` off nothing is written and nothing is found."""

    def __init__(self, store: Store, *, enabled: bool = True) -> None:
        store.ensure_schema("membrane_run_logs", _SCHEMA)
        self._store = store
        self._enabled = enabled

    def write(self, entry: Mapping[str, Any], details: Mapping[str, Any]) -> None:
        """Keep a run. ``entry`` has at least id, status and createdAt."""
        if not self._enabled:
            return
        columns = (
            entry["id"],
            entry.get("integrationActionId"),
            entry.get("connectionId"),
            entry.get("integrationId"),
            entry["status"],
            entry["createdAt"],
            json.dumps(entry),
            json.dumps(details),
        )
        with self._store.transaction() as db:
            db.execute(
                "INSERT INTO membrane_run_logs (id, action_id, connection_id, integration_id,"
                " status, created_at, entry, details) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                columns,
            )
            newest = "(SELECT max(seq) FROM membrane_run_logs)"
            db.execute(f"DELETE FROM membrane_run_logs WHERE seq <= {newest} - ?", (KEPT,))

    def find(self, filters: Mapping[str, str], limit: int, offset: int) -> list[dict[str, Any]]:
        """The runs that match, the newest first. Filters of other names are ignored."""
        used = {_FILTERS[name]: value for name, value in filters.items() if name in _FILTERS}
        where = f"WHERE {' AND '.join(used)}" if used else ""
        with self._store.connection() as db:
            rows = db.execute(
                f"SELECT entry FROM membrane_run_logs {where} ORDER BY seq DESC LIMIT ? OFFSET ?",
                (*used.values(), limit, offset),
            ).fetchall()
        return [json.loads(row["entry"]) for row in rows]

    def get(self, run_id: str) -> tuple[dict[str, Any], dict[str, Any]] | None:
        """One run and its details, or None."""
        with self._store.connection() as db:
            row = db.execute(
                "SELECT entry, details FROM membrane_run_logs WHERE id = ?", (run_id,)
            ).fetchone()
        return (json.loads(row["entry"]), json.loads(row["details"])) if row else None
