"""Batch imports of users and events: jobs that take time and fail row by row.

Rules: contracts/fullstory-api §1.2, §2.2, §2.3. The rows take effect when the job is accepted; what
takes time is only the word that it is done. Users and events share the quotas here (whether they
do at Fullstory is not stated).
"""

from __future__ import annotations

import base64
import json
import math
import secrets
import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ..fullstory.limits import (
    BATCH_MAX_IN_PROGRESS,
    BATCH_MAX_OPERATIONS,
    BATCH_MAX_REQUESTS,
    BATCH_MAX_RUNNING,
)
from ..membrane.gateway import Response
from . import events, users
from .answers import (
    Call,
    Problem,
    accepted,
    answer,
    dump,
    invalid,
    missing,
    object_field,
    page_token,
    read_page_token,
    required,
    text_field,
)
from .clock import iso

_ROWS_A_SECOND = 10_000
_TOO_MANY = "Too many batch imports are in progress. Wait for some of them to finish."

# Takes one request of a batch and the batch's shared context; answers its result.
Importer = Callable[[sqlite3.Connection, Mapping[str, Any], dict[str, Any] | None, float], Any]


@dataclass(frozen=True, slots=True)
class Batch:
    """The five routes of one kind of batch. ``noun`` names the request in an error's result.

    ``always_results``: an empty page of imports still has ``results`` (the specs require it of
    users only).
    """

    kind: str
    noun: str
    importer: Importer
    always_results: bool

    def create(self, call: Call) -> Response:
        """POST /v2/{kind}/batch"""
        body = call.body()
        requests = _requests(body)
        shared = object_field(body, "shared")
        context = events.read_context(shared)
        job_id = base64.urlsafe_b64encode(secrets.token_bytes(10)).decode()
        finished = _finish_time(call, len(requests))
        cursor = call.db.execute(
            "INSERT INTO jobs (id, kind, created, finished, imports, errors)"
            " VALUES (?, ?, ?, ?, 0, 0)",
            (job_id, self.kind, call.now, finished),
        )
        rows = [self._outcome(call, request, shared, context) for request in requests]
        failures = sum(failed for failed, _ in rows)
        call.db.executemany(
            "INSERT INTO job_rows VALUES (?, ?, ?, ?)",
            (
                (cursor.lastrowid, failed, position, dump(result))
                for position, (failed, result) in enumerate(rows, 1)
            ),
        )
        call.db.execute(
            "UPDATE jobs SET imports = ?, errors = ? WHERE seq = ?",
            (len(rows) - failures, failures, cursor.lastrowid),
        )
        job = {"id": job_id, "status": "PROCESSING", "created": iso(call.now)}
        return answer({"job": job})

    def status(self, call: Call) -> Response:
        """GET /v2/{kind}/batch/{job_id}"""
        row = self._job(call)
        job = {"id": row["id"], "status": "PROCESSING", "created": iso(row["created"])}
        if row["finished"] > call.now:
            return answer({"imports": 0, "errors": 0, "job": job})
        job |= {
            "status": "FAILED" if row["errors"] else "COMPLETED",
            "finished": iso(row["finished"]),
        }
        return answer({"imports": row["imports"], "errors": row["errors"], "job": job})

    def imports(self, call: Call) -> Response:
        """GET /v2/{kind}/batch/{job_id}/imports"""
        include_schema = bool(call.flag("include_schema"))
        row = self._job(call)
        if row["finished"] > call.now:
            return accepted()
        page, results = _page(call, row, failed=False)
        for result in results:
            schema = result.pop("schema")
            if include_schema:
                result |= users.schema_fields(call.db, self.noun, schema["properties"])
        if results or self.always_results:
            page["results"] = results
        return answer(page)

    def errors(self, call: Call) -> Response:
        """GET /v2/{kind}/batch/{job_id}/errors"""
        row = self._job(call)
        if row["finished"] > call.now:
            return accepted()
        page, results = _page(call, row, failed=True)
        if results:
            page["results"] = results
        return answer(page)

    def _job(self, call: Call) -> sqlite3.Row:
        row: sqlite3.Row | None = call.db.execute(
            "SELECT * FROM jobs WHERE id = ? AND kind = ?", (call.path[0], self.kind)
        ).fetchone()
        if row is None:
            raise missing()
        return row

    def _outcome(
        self,
        call: Call,
        request: Mapping[str, Any],
        shared: Mapping[str, Any],
        context: dict[str, Any] | None,
    ) -> tuple[bool, dict[str, Any]]:
        """Whether the row failed, and its result; a failed request comes back whole."""
        try:
            return False, self.importer(call.db, request, context, call.now)
        except Problem as problem:
            failure = {**problem.as_data(), self.noun: request}
            return True, failure | ({"shared": shared} if shared else {})


def import_user(
    db: sqlite3.Connection,
    request: Mapping[str, Any],
    shared_context: dict[str, Any] | None,
    now: float,
) -> dict[str, Any]:
    """One row of a users batch: an upsert, or with ``id`` a change of that user."""
    user = users.read_user(request)
    user_id = text_field(request, "id")
    if user_id is not None:
        row = users.change(db, users.writable(db, user_id), user)
    else:
        row = users.upsert(db, user, now)
    result = {
        name: row[name] for name in ("id", "uid", "display_name", "email") if row[name] is not None
    }
    result["properties"] = json.loads(row["properties"])
    result["schema"] = {"properties": json.loads(row["types"])}
    return result


def import_event(
    db: sqlite3.Connection,
    request: Mapping[str, Any],
    shared_context: dict[str, Any] | None,
    now: float,
) -> dict[str, Any]:
    """One row of an events batch. Its own context beside a shared one is a conflict."""
    if shared_context and object_field(request, "context"):
        raise invalid("context must not be set on an event when shared.context is set")
    if shared_context:
        request = {**request, "context": shared_context}
    return events.store(db, events.read_event(request), now)


USERS = Batch("users", "user", import_user, always_results=True)
EVENTS = Batch("events", "event", import_event, always_results=False)


def _requests(body: Mapping[str, Any]) -> list[dict[str, Any]]:
    requests = body.get("requests")
    if requests is None or requests == []:
        raise required("requests")
    if not isinstance(requests, list):
        raise invalid("requests must be a list")
    if len(requests) > BATCH_MAX_REQUESTS:
        raise invalid(f"at most {BATCH_MAX_REQUESTS} requests are allowed, got {len(requests)}")
    for position, request in enumerate(requests):
        if not isinstance(request, dict):
            raise invalid(f"requests[{position}] must be an object")
    return requests


def _finish_time(call: Call, rows: int) -> float:
    """When a new job of so many rows will be done. Raises Problem (429) over the quotas.

    Beyond 100 running jobs a new one waits until enough of them have finished.
    """
    running = call.db.execute(
        "SELECT finished, imports + errors AS operations"
        " FROM jobs WHERE finished > ? ORDER BY finished",
        (call.now,),
    ).fetchall()
    operations = sum(row["operations"] for row in running)
    if len(running) >= BATCH_MAX_IN_PROGRESS or operations + rows > BATCH_MAX_OPERATIONS:
        wait = math.ceil(running[0]["finished"] - call.now)
        raise Problem(429, "too_many_requests", _TOO_MANY, retry_after=max(1, wait))
    start = call.now
    if len(running) >= BATCH_MAX_RUNNING:
        start = running[len(running) - BATCH_MAX_RUNNING]["finished"]
    seconds = call.options.job_seconds
    return float(start + (1 + rows / _ROWS_A_SECOND if seconds is None else seconds))


def _page(
    call: Call, job: sqlite3.Row, *, failed: bool
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The frame of a page of a job's results, and its rows."""
    scope = f"{job['id']}:{'errors' if failed else 'imports'}"
    after = read_page_token(call.text("page_token"), scope)
    size = call.options.page_size
    rows = call.db.execute(
        "SELECT position, body FROM job_rows WHERE job_seq = ? AND failed = ? AND position > ?"
        " ORDER BY position LIMIT ?",
        (job["seq"], failed, after, size + 1),
    ).fetchall()
    page: dict[str, Any] = {"total_records": str(job["errors" if failed else "imports"])}
    if len(rows) > size:
        page["next_page_token"] = page_token(scope, rows[size - 1]["position"])
    return page, [json.loads(row["body"]) for row in rows[:size]]
