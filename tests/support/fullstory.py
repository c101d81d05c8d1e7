"""A client of the sandbox's Fullstory engine for tests, on a clock that stands still."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fsctl.membrane.gateway import Request, Response
from fsctl.sandbox.api import FullstoryApi
from fsctl.sandbox.clock import Clock
from fsctl.sandbox.seed import seed
from fsctl.sandbox.store import Store

NOW = 1_772_355_600.0  # 2026-03-01T09:00:00Z


def still_clock(at: float = NOW) -> Clock:
    """A clock that only ``advance`` moves."""
    return Clock(source=lambda: at)


class Fullstory:
    """Sends requests to an engine and reads JSON answers."""

    def __init__(self, path: Path | None = None, **options: Any) -> None:
        self.clock = still_clock()
        self.store = Store(path, clock=self.clock)
        self.api = FullstoryApi(self.store, **options)

    def send(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        key: str | None = None,
        raw: bytes | None = None,
        **query: str,
    ) -> Response:
        headers = () if key is None else (("Idempotency-Key", key),)
        if raw is None and body is not None:
            raw = json.dumps(body).encode()
        return self.api.handle(Request(method, path, tuple(query.items()), headers, raw))

    def ok(self, method: str, path: str, body: Any = None, **more: Any) -> Any:
        """The JSON of an answer that has to be a 200."""
        response = self.send(method, path, body, **more)
        assert response.status == 200, response
        return json.loads(response.body)

    def refused(
        self, method: str, path: str, body: Any = None, **more: Any
    ) -> tuple[int, str, str]:
        """Status, code and message of an answer that has to be an error."""
        response = self.send(method, path, body, **more)
        assert response.status is not None
        assert response.status >= 400, response
        error = json.loads(response.body)
        assert set(error) == {"message", "code"}
        return response.status, error["code"], error["message"]

    def user(self, **fields: Any) -> str:
        """Create (or update, by uid) a user; answers the Fullstory id."""
        created: Mapping[str, str] = self.ok("POST", "/v2/users", fields)
        return created["id"]

    def person(self, user_id: str, **query: str) -> Any:
        return self.ok("GET", f"/v2/users/{user_id}", **query)

    def newest_session(self, uid: str) -> str:
        """The API id of a person's newest session, as it stands in a path."""
        session = self.ok("GET", "/sessions/v2", uid=uid, limit="1")["sessions"][0]
        return f"{session['userId']}%3A{session['sessionId']}"


def seeded(number: int = 1, people: int = 40, **options: Any) -> Fullstory:
    """An engine in memory with a small company in it."""
    fullstory = Fullstory(**options)
    seed(fullstory.store, seed=number, people=people)
    return fullstory
