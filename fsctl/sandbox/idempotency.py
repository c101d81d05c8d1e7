"""Idempotency keys: the first answer to a key is kept 24 hours and given again.

Rules: contracts/fullstory-api §1.3. What is not documented there: a key used with another body
answers 400 ``invalid_argument``; a concurrent request with the same key waits for the first one and
gets its answer.
"""

from __future__ import annotations

import hashlib

from ..fullstory.limits import IDEMPOTENCY_SECONDS
from ..membrane.gateway import Request, Response
from .answers import Call, Handler, Problem, invalid

_JSON = (("Content-Type", "application/json"),)


def once(call: Call, key: str, request: Request, handler: Handler) -> Response:
    """Run ``handler`` for a new key, or repeat the answer that the key got first.

    Has to run inside a transaction, so that two requests with one key never both run. Answers of
    429 and 5xx are not kept.
    """
    call.db.execute("DELETE FROM idempotency WHERE created <= ?", (call.now - IDEMPOTENCY_SECONDS,))
    fingerprint = _fingerprint(request)
    row = call.db.execute(
        "SELECT fingerprint, status, body FROM idempotency WHERE key = ?", (key,)
    ).fetchone()
    if row is not None:
        if row["fingerprint"] != fingerprint:
            raise invalid("Idempotency-Key has already been used with a different request")
        return Response(row["status"], _JSON, bytes(row["body"]))
    try:
        response = handler(call)
    except Problem as problem:
        response = problem.response()
    if response.status is not None and response.status < 500 and response.status != 429:
        call.db.execute(
            "INSERT INTO idempotency VALUES (?, ?, ?, ?, ?)",
            (key, fingerprint, response.status, response.body, call.now),
        )
    return response


def _fingerprint(request: Request) -> str:
    digest = hashlib.sha256(f"{request.method.upper()} {request.path}\n".encode())
    digest.update(request.body or b"")
    return digest.hexdigest()
