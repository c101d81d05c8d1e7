"""The embedded Membrane's connections: seeded, created, archived (contracts/membrane §2.4).

Every connection leads to the same embedded Fullstory. A new or reconnected one takes a walk
through the states on the way to its end (``walks``).
"""

from __future__ import annotations

import json
import re
import secrets
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from .clock import iso
from .envelopes import MembraneFailure, bad_request, not_found
from .options import ConnectionSeed
from .store import Store
from .walks import Walk, condition, page

_SCHEMA = """
CREATE TABLE membrane_connections (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    key TEXT,
    archived INTEGER NOT NULL DEFAULT 0,
    good_key INTEGER NOT NULL,  -- whether Fullstory accepts the API key it holds
    document TEXT NOT NULL      -- JSON: the connection as the API gives it
);
CREATE TABLE membrane_connection_requests (id TEXT PRIMARY KEY, document TEXT NOT NULL);
"""
_WALKS_SCHEMA = """
CREATE TABLE membrane_walks (
    id TEXT PRIMARY KEY,        -- the connection's
    since REAL NOT NULL,        -- by the sandbox's clock
    walk TEXT NOT NULL          -- JSON: the fields of a Walk
);
"""
_SELECT = (
    "SELECT document, since, walk FROM membrane_connections LEFT JOIN membrane_walks USING (id)"
)

TENANT: Mapping[str, Any] = {
    "id": "6920c5a1d3f4e5b6a7c80001",
    "name": "Sandbox",
    "internalId": "sandbox",
    "isTest": True,
}
WORKSPACE_KEY = "sandbox"
INTEGRATION: Mapping[str, Any] = {
    "id": "6920c5a1d3f4e5b6a7c80002",
    "key": "fullstory",
    "name": "Fullstory",
    "connectorId": "6920c5a1d3f4e5b6a7c80003",
    "connectorVersion": "1.0.0",
    "logoUri": "https://static.integration.app/connectors/fullstory/logo.png",
    "state": "READY",
}
CONNECTOR: Mapping[str, Any] = {
    "id": INTEGRATION["connectorId"],
    "key": "fullstory",
    "name": "Fullstory",
    "logoUri": INTEGRATION["logoUri"],
}

_DOMAIN = re.compile(r"(?:https?://)?(?:[^/@?#]{0,200}@)?([a-z0-9.-]{1,253})", re.IGNORECASE)
_EDITABLE = ("name", "meta")
_LOOK_AGAIN = 0.1  # seconds: another process, or the clock, may have moved a connection on


def new_id() -> str:
    """An id as Membrane's look: 24 hex digits."""
    return secrets.token_hex(12)


class Connections:
    """The connections of one sandbox. Answers are documents as the API gives them."""

    def __init__(
        self, store: Store, seeds: Iterable[ConnectionSeed], *, walk: Walk | None = None
    ) -> None:
        store.ensure_schema("membrane_connections", _SCHEMA)
        store.ensure_schema("membrane_walks", _WALKS_SCHEMA)
        self._store = store
        self._walk = walk or Walk()
        self._changed = threading.Condition()
        self._changes = 0
        self._closed = False
        with store.transaction() as db:
            if db.execute("SELECT 1 FROM membrane_connections").fetchone() is None:
                for seed in seeds:
                    self._insert(self._document(seed), good_key=seed.good_key)

    def find(self, query: Mapping[str, str]) -> list[dict[str, Any]]:
        """The connections that match the documented filters, in the order they were made."""
        wanted = query.get("search", "").lower()
        fits: dict[str, Callable[[dict[str, Any]], bool]] = {
            "integrationId": lambda c: c["integrationId"] == query["integrationId"],
            "integrationKey": lambda c: c["integration"]["key"] == query["integrationKey"],
            "connectorId": lambda c: c["connectorId"] == query["connectorId"],
            "connected": lambda c: str(c["connected"]).lower() == query["connected"],
            "disconnected": lambda c: str(c["disconnected"]).lower() == query["disconnected"],
            "isTest": lambda c: str(c["isTest"]).lower() == query["isTest"],
            "search": lambda c: wanted in f"{c['name']} {c['key'] or ''}".lower(),
        }
        filters = [fit for name, fit in fits.items() if query.get(name)]
        archived = query.get("includeArchived") == "true"
        with self._store.connection() as db:
            rows = db.execute(
                f"{_SELECT} WHERE archived <= ? ORDER BY seq", (int(archived),)
            ).fetchall()
        documents = [self._now_at(row) for row in rows]
        return [document for document in documents if all(fit(document) for fit in filters)]

    def get(self, selector: str) -> dict[str, Any]:
        """One connection by id or key, archived ones too. Raises not_found."""
        with self._store.connection() as db:
            row = db.execute(
                f"{_SELECT} WHERE id = ? OR key = ? ORDER BY archived, id <> ? LIMIT 1",
                (selector, selector, selector),
            ).fetchone()
        if row is None:
            raise not_found("Connection", selector)
        return self._now_at(row)

    def _now_at(self, row: sqlite3.Row) -> dict[str, Any]:
        """The connection as its walk, where it takes one, has it by now."""
        document: dict[str, Any] = json.loads(row["document"])
        if row["walk"] is None:
            return document
        state = Walk(**json.loads(row["walk"])).state(self._store.clock.time() - row["since"])
        return _told(document | condition(state, document["id"]))

    def wait(self, selector: str, seconds: float) -> dict[str, Any]:
        """As :meth:`get`, held while the connection is BUILDING, at most for so long."""
        until = time.monotonic() + seconds
        while True:
            seen = self._changes
            document = self.get(selector)
            left = until - time.monotonic()
            if document["state"] != "BUILDING" or self._closed or left <= 0:
                return document
            with self._changed:  # never held while the store is asked: no lock inside a lock
                if not self._closed and self._changes == seen:
                    self._changed.wait(min(left, _LOOK_AGAIN))

    def usable(self, selector: str) -> dict[str, Any]:
        """The connection to send something through: by id, by key, or the integration's only one.

        Raises the errors that Membrane has for a missing, archived or unready connection.
        """
        try:
            document = self.get(selector)
        except MembraneFailure:
            if selector not in (INTEGRATION["key"], INTEGRATION["id"]):
                raise
            document = self.only()
        about = {"connectionId": document["id"], "connectorKey": document["integration"]["key"]}
        if document.get("archivedAt"):
            raise not_found("Connection", selector)
        if document["state"] != "READY":
            state = document["state"]
            raise MembraneFailure(
                "connection", f"The connection is not ready: its state is {state}.", data=about
            )
        if document["disconnected"]:
            raise MembraneFailure(
                "connection",
                "The connection is disconnected.",
                key="access_token_expired",
                data=about,
            )
        return document

    def only(self) -> dict[str, Any]:
        """The integration's connection, where it has exactly one."""
        documents = [c for c in self.find({}) if c["integration"]["key"] == INTEGRATION["key"]]
        if len(documents) != 1:
            raise bad_request(f"{len(documents)} connections of fullstory: say which one")
        return documents[0]

    def has_good_key(self, connection_id: str) -> bool:
        """Whether Fullstory accepts the API key that the connection holds."""
        with self._store.connection() as db:
            row = db.execute(
                "SELECT good_key FROM membrane_connections WHERE id = ?", (connection_id,)
            ).fetchone()
        return bool(row["good_key"])

    def ensure(self, app_url: str, name: str | None) -> dict[str, Any]:
        """The connection to the app at ``app_url``, found or made. Only Fullstory is served."""
        match = _DOMAIN.match(app_url)
        domain = match[1].lower() if match and len(app_url) <= 2000 else ""
        if "." not in domain:
            raise bad_request('appUrl: Must be a valid URL or domain (e.g. "https://slack.com")')
        if domain != "fullstory.com" and not domain.endswith(".fullstory.com"):
            raise bad_request(f"The sandbox connects to fullstory.com only, not to {domain}")
        existing = [c for c in self.find({}) if c["integration"]["key"] == INTEGRATION["key"]]
        return existing[0] if existing else self.create(name=name)

    def create(
        self, *, name: str | None = None, key: str | None = None, meta: Any = None
    ) -> dict[str, Any]:
        """A new connection to Fullstory."""
        seed = ConnectionSeed(id=new_id(), name=name or "Fullstory", key=self._free(key))
        document = self._document(seed)
        if meta is not None:
            document["meta"] = meta
        with self._store.transaction():
            self._insert(document)
            return self._set_out(document)

    def patch(self, selector: str, changes: Mapping[str, Any]) -> dict[str, Any]:
        """Change name, key or meta. ``connectionKey`` is another documented name of ``key``."""
        document = self.get(selector)
        if document.get("archivedAt"):
            raise bad_request("Archived elements cannot be patched")
        for name in ("key", "connectionKey"):
            if name in changes:
                document["key"] = self._free(changes[name], document["id"])
        document |= {name: changes[name] for name in _EDITABLE if name in changes}
        return self._save(document)

    def archive(self, selector: str) -> None:
        """Soft-delete; a second time it is not found."""
        document = self.get(selector)
        if document.get("archivedAt"):
            raise not_found("Connection", selector)
        self._save(document | {"archivedAt": self._now()})

    def restore(self, selector: str) -> dict[str, Any]:
        document = self.get(selector)
        document.pop("archivedAt", None)
        return self._save(document)

    def reconnect(self, selector: str) -> dict[str, Any]:
        """New credentials, as if a person gave good ones where the walk leads to READY."""
        document = self.get(selector)
        with self._store.transaction() as db:
            db.execute(
                "UPDATE membrane_connections SET good_key = 1 WHERE id = ?", (document["id"],)
            )
            return self._set_out(document)

    def _set_out(self, document: dict[str, Any]) -> dict[str, Any]:
        """The connection begins its walk: the one its name asks for, or the sandbox's."""
        walk = Walk.named(document["name"]) or self._walk
        with self._store.transaction() as db:
            db.execute(
                "INSERT OR REPLACE INTO membrane_walks VALUES (?, ?, ?)",
                (document["id"], self._store.clock.time(), json.dumps(walk._asdict())),
            )
            return self._save(document | condition(walk.state(0), document["id"]))

    def disconnect(self, selector: str) -> None:
        """Erase the credentials. Such a connection asks for a client action."""
        document = self.get(selector)
        lost = condition("CLIENT_ACTION_REQUIRED", document["id"], connected=False)
        with self._store.transaction() as db:
            db.execute("DELETE FROM membrane_walks WHERE id = ?", (document["id"],))
            self._save(document | lost)

    def request(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Open a connection request (§2.5), which ends as its connection's walk does."""
        selector = asked.get("connectionId")
        connection = (
            self.reconnect(str(selector))
            if selector
            else self.create(name=asked.get("name"), key=asked.get("connectionKey"))
        )
        document = {
            "requestId": new_id(),
            "url": page(connection["id"]),
            "connectorId": INTEGRATION["connectorId"],
            "resultConnectionId": connection["id"],
            "createdAt": self._now(),
        }
        with self._store.transaction() as db:
            db.execute(
                "INSERT INTO membrane_connection_requests VALUES (?, ?)",
                (document["requestId"], json.dumps(document)),
            )
        return self.connection_request(str(document["requestId"]))

    def connection_request(self, request_id: str) -> dict[str, Any]:
        with self._store.connection() as db:
            row = db.execute(
                "SELECT document FROM membrane_connection_requests WHERE id = ?", (request_id,)
            ).fetchone()
        if row is None:
            raise not_found("Connection request", request_id)
        document: dict[str, Any] = json.loads(row["document"])
        connection = self.get(document["resultConnectionId"])
        if connection["state"] == "READY":
            return document | {"status": "success"}
        del document["resultConnectionId"]  # told once there is one to use
        if connection.get("error"):
            return document | {"status": "error", "resultError": connection["error"]}
        return document | {"status": "pending"}

    def close(self) -> None:
        """Let go everyone who waits."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _document(self, seed: ConnectionSeed) -> dict[str, Any]:
        now = self._now()
        integration = dict(INTEGRATION)
        if seed.app != INTEGRATION["key"]:
            integration |= {"id": new_id(), "connectorId": new_id(), "key": seed.app}
            integration["name"] = seed.app.title()
        document = {
            "id": seed.id,
            "name": seed.name,
            "key": seed.key,
            "type": "connector",
            "userId": TENANT["id"],
            "tenantId": TENANT["id"],
            "user": dict(TENANT),
            "isTest": seed.test,
            "isDeactivated": False,
            "connectorId": integration["connectorId"],
            "connectorVersion": integration["connectorVersion"],
            "integrationId": integration["id"],
            "integration": integration,
            "canTest": True,
            "createdAt": now,
            "updatedAt": now,
        }
        document |= condition(seed.state, seed.id, connected=seed.connected)
        if seed.error:
            error = {"type": "connection", "message": seed.error}
            document |= {"error": error, "errors": [error]}
        return _told(document)

    def _insert(self, document: dict[str, Any], *, good_key: bool = True) -> None:
        with self._store.transaction() as db:
            db.execute(
                "INSERT INTO membrane_connections (id, key, good_key, document)"
                " VALUES (?, ?, ?, ?)",
                (document["id"], document["key"], good_key, json.dumps(document)),
            )

    def _save(self, document: dict[str, Any]) -> dict[str, Any]:
        document = _told(document | {"updatedAt": self._now()})
        with self._store.transaction() as db:
            db.execute(
                "UPDATE membrane_connections SET key = ?, archived = ?, document = ? WHERE id = ?",
                (
                    document["key"],
                    int("archivedAt" in document),
                    json.dumps(document),
                    document["id"],
                ),
            )
        with self._changed:
            self._changes += 1
            self._changed.notify_all()
        return document

    def _free(self, key: Any, own_id: str | None = None) -> str | None:
        """``key`` if it may be given to a connection (1 to 100 characters, not taken)."""
        if key is None:
            return None
        if not isinstance(key, str) or not 1 <= len(key) <= 100:
            raise bad_request("key: must be 1 to 100 characters long")
        with self._store.connection() as db:
            row = db.execute(
                "SELECT 1 FROM membrane_connections WHERE key = ? AND NOT archived AND id <> ?",
                (key, own_id or ""),
            ).fetchone()
        if row is not None:
            raise MembraneFailure(
                "bad_request", f'A connection with the key "{key}" exists', key="already_exists"
            )
        return key

    def _now(self) -> str:
        return iso(self._store.clock.time())


def _told(document: dict[str, Any]) -> dict[str, Any]:
    """Without the fields that do not apply; ``key`` stands even where there is none."""
    return {name: value for name, value in document.items() if value is not None or name == "key"}
