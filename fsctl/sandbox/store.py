"""Where the sandbox keeps its state: one SQLite file, or memory.

One connection under a lock serves all threads of a process; several processes may share a file
(write-ahead log, immediate write transactions, a busy timeout). The file holds made-up people, but
also whatever a user imports, so it is private: 0600 in a directory of 0700.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

from ..errors import Unavailable, Usage
from .clock import Clock

SCHEMA_VERSION = 1
_APPLICATION_ID = 0x66736374  # "fsct" in SQLite's header: tells our file from any other database
_BUSY_SECONDS = 30.0
_RESET = "Run `fsctl sandbox reset` to start with a new one."

_SCHEMA = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE schemas (name TEXT PRIMARY KEY, digest TEXT NOT NULL);

CREATE TABLE users (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    uid TEXT,
    display_name TEXT,
    email TEXT,
    name_key TEXT,                 -- display_name and email casefolded, for lookups
    email_key TEXT,
    properties TEXT NOT NULL,      -- JSON object
    types TEXT NOT NULL,           -- JSON object: dotted path -> type, inferred or declared
    created REAL NOT NULL,
    gone_at REAL                   -- set by a delete: the moment from which the user is no more
);
CREATE UNIQUE INDEX users_uid ON users (uid) WHERE gone_at IS NULL;
CREATE INDEX users_any_uid ON users (uid);
CREATE INDEX users_email ON users (email_key);
CREATE INDEX users_gone ON users (gone_at) WHERE gone_at IS NOT NULL;

CREATE TABLE property_types (      -- of the whole organisation: two types of one path conflict
    kind TEXT NOT NULL, path TEXT NOT NULL, type TEXT NOT NULL,
    PRIMARY KEY (kind, path, type)
) WITHOUT ROWID;

CREATE TABLE sessions (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    user_seq INTEGER NOT NULL REFERENCES users (seq) ON DELETE CASCADE,
    device_id TEXT NOT NULL,
    session_id TEXT NOT NULL,
    uid TEXT,                      -- a session id of the customer's own making
    started REAL NOT NULL,
    ended REAL,                    -- NULL while the page is still open
    pages INTEGER NOT NULL DEFAULT 0,  -- internal pages that server events have made
    scenario TEXT NOT NULL,        -- what happens in it, and the seed its stream is derived from
    seed INTEGER NOT NULL,
    agent INTEGER NOT NULL,        -- what it was recorded with: an index of company.AGENTS
    UNIQUE (device_id, session_id)
);
CREATE INDEX sessions_user ON sessions (user_seq, started);
CREATE INDEX sessions_uid ON sessions (uid) WHERE uid IS NOT NULL;

CREATE TABLE events (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    user_seq INTEGER NOT NULL REFERENCES users (seq) ON DELETE CASCADE,
    session_seq INTEGER REFERENCES sessions (seq) ON DELETE CASCADE,
    name TEXT NOT NULL,
    timestamp TEXT NOT NULL,       -- as the client wrote it
    moment REAL NOT NULL,          -- the same in epoch seconds
    properties TEXT NOT NULL,
    types TEXT NOT NULL,
    context TEXT
);
CREATE INDEX events_user ON events (user_seq);
CREATE INDEX events_session ON events (session_seq) WHERE session_seq IS NOT NULL;

CREATE TABLE annotations (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    text TEXT NOT NULL, start_time TEXT NOT NULL, end_time TEXT NOT NULL, source TEXT,
    created REAL NOT NULL
);

CREATE TABLE segments (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE, name TEXT NOT NULL, creator TEXT NOT NULL, created REAL NOT NULL
);

CREATE TABLE jobs (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE, kind TEXT NOT NULL,
    created REAL NOT NULL, finished REAL NOT NULL,   -- finished: when it will be, or was
    imports INTEGER NOT NULL, errors INTEGER NOT NULL
);
CREATE INDEX jobs_finished ON jobs (finished);
CREATE TABLE job_rows (
    job_seq INTEGER NOT NULL REFERENCES jobs (seq) ON DELETE CASCADE,
    failed INTEGER NOT NULL, position INTEGER NOT NULL,
    body TEXT NOT NULL,            -- JSON object as the results route gives it
    PRIMARY KEY (job_seq, failed, position)
) WITHOUT ROWID;

CREATE TABLE idempotency (
    key TEXT PRIMARY KEY, fingerprint TEXT NOT NULL,
    status INTEGER NOT NULL, body BLOB NOT NULL, created REAL NOT NULL
);
CREATE INDEX idempotency_created ON idempotency (created);
"""


class NoPlace(Usage):
    """There is no file yet, and none can be made."""


class Store:
    """The state of one sandbox.

    ``path`` None keeps it in memory, private to this object. Raises Usage where the file is not a
    sandbox's, is damaged, or was written by a newer fsctl, :class:`NoPlace` where none can be made;
    Unavailable where another process holds it too long.
    """

    def __init__(self, path: Path | None, *, clock: Clock | None = None) -> None:
        self.path = path
        self.clock = clock or Clock()
        self._lock = threading.RLock()
        with self._translated():
            if path is not None:
                _create_private(path)
            self._db = sqlite3.connect(
                ":memory:" if path is None else path,
                timeout=_BUSY_SECONDS,
                isolation_level=None,
                check_same_thread=False,
            )
            try:
                self._open()
            except BaseException:
                self._db.close()
                raise

    @contextlib.contextmanager
    def connection(self) -> Iterator[sqlite3.Connection]:
        """The connection, for reading. Rows are ``sqlite3.Row``. Held by one thread at a time."""
        with self._lock, self._translated():
            yield self._db

    @contextlib.contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """The connection inside a write transaction: committed at the end, undone by an exception.

        A transaction inside another of the same thread joins it.
        """
        with self._lock, self._translated():
            if self._db.in_transaction:
                yield self._db
                return
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")

    def ensure_schema(self, name: str, sql: str) -> None:
        """Create another room's tables, once: ``sql`` is a script of plain CREATE statements.

        Raises Usage where the file holds tables of that name made by another version of fsctl.
        """
        digest = hashlib.sha256(sql.encode()).hexdigest()
        with self.transaction() as db:
            row = db.execute("SELECT digest FROM schemas WHERE name = ?", (name,)).fetchone()
            if row is None:
                _run_script(db, sql)
                db.execute("INSERT INTO schemas VALUES (?, ?)", (name, digest))
            elif row["digest"] != digest:
                raise self._of_another_version()

    def close(self) -> None:
        with self._lock:
            self._db.close()

    def _open(self) -> None:
        db = self._db
        db.row_factory = sqlite3.Row
        db.execute("PRAGMA foreign_keys = ON")
        # Another process that makes the same switch at this moment makes it for us, too.
        with contextlib.suppress(sqlite3.OperationalError):
            db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = NORMAL")
        if self._identity() == (_APPLICATION_ID, SCHEMA_VERSION):
            return
        with self.transaction():
            self._create_or_refuse()

    def _create_or_refuse(self) -> None:
        db = self._db
        application, version = self._identity()
        if (application, version) == (_APPLICATION_ID, SCHEMA_VERSION):
            return  # another process was quicker
        if application == _APPLICATION_ID:
            raise self._of_another_version()
        if application or version or db.execute("SELECT 1 FROM sqlite_master").fetchone():
            raise Usage(
                f"{self.path} is a database, but not one of the sandbox.",
                hint="Give the sandbox another place, or replace that file: `fsctl sandbox reset`.",
            )
        _run_script(db, _SCHEMA)
        db.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
        db.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")

    def _identity(self) -> tuple[int, int]:
        (application,) = self._db.execute("PRAGMA application_id").fetchone()
        (version,) = self._db.execute("PRAGMA user_version").fetchone()
        return int(application), int(version)

    def _of_another_version(self) -> Usage:
        return Usage(
            f"The sandbox {self.path} was written by another version of fsctl.", hint=_RESET
        )

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        """SQLite's and the system's troubles with the file as errors that say what to do."""
        try:
            yield
        except (sqlite3.IntegrityError, sqlite3.ProgrammingError, sqlite3.InterfaceError):
            raise  # mistakes of this program, not of the file
        except sqlite3.OperationalError as error:
            if _primary_code(error) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
                raise Unavailable(
                    f"The sandbox {self.path} is held by another process.",
                    hint="Wait for the other command, then run this one again.",
                ) from error
            if _primary_code(error) == sqlite3.SQLITE_ERROR:
                raise
            raise Usage(
                f"The sandbox {self.path} cannot be used: {error}.",
                hint="Make room on the disk and check the rights of that file and its directory.",
            ) from error
        except sqlite3.DatabaseError as error:
            raise Usage(f"The sandbox {self.path} is damaged: {error}.", hint=_RESET) from error


def remove_files(path: Path) -> bool:
    """Delete a sandbox's file and its logs, readable or not. True where there was a file."""
    existed = path.exists() or path.is_symlink()
    for suffix in ("", "-wal", "-shm", "-journal"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    return existed


def _create_private(path: Path) -> None:
    """Make the file, if missing, readable by its owner only, before SQLite writes to it."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
        descriptor = os.open(path, flags, 0o600)
    except OSError as error:
        if os.path.lexists(path):
            raise Usage(
                f"The sandbox {path} cannot be opened: {error.strerror}.",
                hint="Check that directory's rights, and that the file is not a link.",
            ) from error
        raise NoPlace(
            f"The sandbox {path} cannot be made: {error.strerror}.",
            hint="Name a directory that you may write to in FSCTL_DATA_DIR.",
        ) from error
    try:
        if hasattr(os, "fchmod"):
            os.fchmod(descriptor, 0o600)
    finally:
        os.close(descriptor)


def _run_script(db: sqlite3.Connection, sql: str) -> None:
    """Run several statements inside the current transaction (executescript would commit it)."""
    statement = ""
    for line in sql.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            db.execute(statement)
            statement = ""
    if statement.strip():
        db.execute(statement)


def _primary_code(error: sqlite3.Error) -> int:
    """SQLite's result code without its extension bits."""
    return int(getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)) & 0xFF
